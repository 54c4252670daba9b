/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c - the library's options: one table, one parser.
 *
 * The list OPTIONS below is the only place that names an option.  It makes
 * both the rows that mpipe_options() shows and where and how each value is
 * kept.  Defaults and bounds are texts in it, read by the same parser as the
 * user's values, so what is shown is what holds.
 */
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "error.h"
#include "options.h"

/* X(member, kind, name, variable, argument, default, minimum, maximum,
 *   choices, help) */
#define OPTIONS(X) \
    X(quiet, SWITCH, "quiet", "MPIPE_QUIET", \
      NULL, "no", NULL, NULL, NULL, \
      "no closing report and no progress") \
    X(progress, CHOICE, "progress", "MPIPE_PROGRESS", \
      "WHEN", "auto", NULL, NULL, "auto always never", \
      "show progress: auto, always or never") \
    X(report, TEXT, "report", "MPIPE_REPORT", \
      "FILE", "", NULL, NULL, NULL, \
      "write the closing report to FILE as JSON") \
    X(trace, TEXT, "trace", "MPIPE_TRACE", \
      "FILE", "", NULL, NULL, NULL, \
      "write where time went to FILE, for Perfetto or chrome://tracing") \
    X(log, TEXT, "log", "MPIPE_LOG", \
      "FILE", "", NULL, NULL, NULL, \
      "write the log to FILE instead of stderr") \
    X(log_level, CHOICE, "log-level", "MPIPE_LOG_LEVEL", \
      "LEVEL", "info", NULL, NULL, "error warn info debug", \
      "log up to this: error, warn, info or debug") \
    X(skip_unreadable, SWITCH, "skip-unreadable", "MPIPE_SKIP_UNREADABLE", \
      NULL, "no", NULL, NULL, NULL, \
      "warn of files that cannot be read, and go on without them") \
    X(limit, SIZE, "limit", "MPIPE_LIMIT", \
      "N", "0", "0", "1024T", NULL, \
      "end the feed after N items (0: when the source ends)") \
    X(max_item, SIZE, "max-item", "MPIPE_MAX_ITEM", \
      "SIZE", "1G", "1", "1T", NULL, \
      "largest item that may be fed or emitted") \
    X(max_retries, COUNT, "max-retries", "MPIPE_MAX_RETRIES", \
      "N", "3", "0", "1000", NULL, \
      "how often an item that failed is tried again") \
    X(backups, CHOICE, "backups", "MPIPE_BACKUPS", \
      "WHEN", "auto", NULL, NULL, "auto always never", \
      "near the end give late items to idle ranks too: auto, always or never") \
    X(peer_timeout, COUNT, "peer-timeout", "MPIPE_PEER_TIMEOUT", \
      "SECONDS", "30", "2", "86400", NULL, \
      "how long a rank may be silent before it is taken for dead") \
    X(frame, SIZE, "frame", "MPIPE_FRAME", \
      "SIZE", "64K", "1K", "16M", NULL, \
      "bytes of small items that travel together") \
    X(window, SIZE, "window", "MPIPE_WINDOW", \
      "SIZE", "64M", "1M", "1T", NULL, \
      "bytes fed that may be under way at a time") \
    X(memory, SIZE, "memory", "MPIPE_MEMORY", \
      "SIZE", "0", "0", "1024T", NULL, \
      "bytes of a job's pairs on a rank (0: half its share of the node)") \
    X(scratch, TEXT, "scratch", "MPIPE_SCRATCH", \
      "FOLDER", "", NULL, NULL, NULL, \
      "for what does not fit (else $SLURM_TMPDIR, $TMPDIR or /tmp)") \
    X(credits, COUNT, "credits", "MPIPE_CREDITS", \
      "N", "8", "1", "64", NULL, \
      "frames under way from one rank to another") \
    X(direct, COUNT, "direct", "MPIPE_DIRECT", \
      "N", "64", "0", "1000000", NULL, \
      "ranks of a job that each send to each; beyond, by way of others") \
    X(policy, CHOICE, "policy", "MPIPE_POLICY", \
      "POLICY", "topology", NULL, NULL, "topology packed round-robin", \
      "how stages are placed: topology, packed or round-robin") \
    X(spares, COUNT, "spares", "MPIPE_SPARES", \
      "N", "0", "0", "1000000", NULL, \
      "ranks left without a role, if there are enough") \
    X(measured, TEXT, "measured", "MPIPE_MEASURED", \
      "FILE", "", NULL, NULL, NULL, \
      "place stages by their work in FILE, the report of an earlier run") \
    X(plan, SWITCH, "plan", "MPIPE_PLAN", \
      NULL, "no", NULL, NULL, NULL, \
      "print which rank would do what, and end without running") \
    X(plan_svg, TEXT, "plan-svg", "MPIPE_PLAN_SVG", \
      "FILE", "", NULL, NULL, NULL, \
      "draw which rank does what into FILE as SVG") \
    X(machine, TEXT, "machine", "MPIPE_MACHINE", \
      "WORDS", "", NULL, NULL, NULL, \
      "plan for a made-up machine, such as \"node:4 core:8\"") \
    X(switches, TEXT, "switches", "MPIPE_SWITCHES", \
      "FILE", "", NULL, NULL, NULL, \
      "read which hosts share a switch from FILE") \
    X(journal, TEXT, "journal", "MPIPE_JOURNAL", \
      "FOLDER", "", NULL, NULL, NULL, \
      "keep what is done in FOLDER, so that the same command can go on") \
    X(grace, COUNT, "grace", "MPIPE_GRACE", \
      "SECONDS", "20", "0", "86400", NULL, \
      "with a journal: for what is under way when a signal comes") \
    X(fault, TEXT, "fault", "MPIPE_FAULT", \
      "WORDS", "", NULL, NULL, NULL, \
      "for tests: disturb messages, such as \"drop=100,seed=7\"")

enum kind { SWITCH, CHOICE, COUNT, SIZE, TEXT };

struct place {
    enum kind kind;
    size_t offset;          /* of the member in struct mpipe__options */
    const char *choices;    /* words in the order of their enum */
};

#define INFO(member, kind, name, env, arg, standard, min, max, choices, help) \
    { name, env, arg, standard, min, max, help },
#define PLACE(member, kind, name, env, arg, standard, min, max, choices, help) \
    { kind, offsetof(struct mpipe__options, member), choices },

static const struct mpipe_option_info table[] = { OPTIONS(INFO) };
static const struct place place[] = { OPTIONS(PLACE) };

#define N_OPTIONS (sizeof table / sizeof table[0])
_Static_assert(N_OPTIONS <= MPIPE__OPTIONS_MAX,
               "raise MPIPE__OPTIONS_MAX in options.h");

/* A value that has been read but not stored yet. */
struct value {
    uint64_t number;        /* also a switch, or the place of a choice */
    const char *text;
};

const struct mpipe_option_info *mpipe_options(unsigned *n)
{
    if (n != NULL)
        *n = (unsigned)N_OPTIONS;
    return table;
}

/* The row of a name of 'length' bytes; N_OPTIONS: none. */
static unsigned find(const char *name, size_t length)
{
    unsigned i;
    for (i = 0; i < N_OPTIONS; i++)
        if (strlen(table[i].name) == length &&
            memcmp(table[i].name, name, length) == 0)
            break;
    return i;
}

/* ---- reading values ---- */

/* Decimal digits, then for a size one of K M G T (of 1024), "iB" or "B" after
 * it allowed.  strtoull() would take signs and spaces. */
static bool read_number(const char *text, bool size, uint64_t *number)
{
    static const char units[] = "KMGT";
    uint64_t n = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++) {
        unsigned digit = (unsigned)(*c - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = 10 * n + digit;
    }
    if (c == text)
        return false;
    if (size && *c != '\0') {
        const char *unit = strchr(units, toupper((unsigned char)*c));
        if (unit != NULL) {
            unsigned bits = 10 * (unsigned)(unit - units + 1);
            if (n > UINT64_MAX >> bits)
                return false;
            n <<= bits;
            c++;
            if (c[0] == 'i' && c[1] == 'B')
                c++;
        }
        if (*c == 'B')
            c++;
    }
    *number = n;
    return *c == '\0';
}

/* Is 'text' one of the words, which are separated by spaces?  Its place is then
 * in '*index'. */
static bool read_word(const char *words, const char *text, uint64_t *index)
{
    size_t length = strlen(text);
    *index = 0;
    for (;;) {
        size_t n = strcspn(words, " ");
        if (n == length && memcmp(words, text, n) == 0)
            return true;
        if (words[n] == '\0')
            return false;
        words += n + 1;
        ++*index;
    }
}

static bool in_bounds(unsigned row, uint64_t number)
{
    uint64_t low = 0, high = UINT64_MAX;
    bool size = place[row].kind == SIZE;
    read_number(table[row].minimum, size, &low);
    read_number(table[row].maximum, size, &high);
    return number >= low && number <= high;
}

static bool read_value(unsigned row, const char *text, struct value *value)
{
    value->number = 0;
    value->text = text;
    switch (place[row].kind) {
    case SWITCH:
        if (text == NULL) {
            value->number = 1;
            return true;
        }
        if (!read_word("no yes 0 1 off on false true", text, &value->number))
            return false;
        value->number %= 2;
        return true;
    case CHOICE:
        return text != NULL &&
               read_word(place[row].choices, text, &value->number);
    case COUNT:
    case SIZE:
        return text != NULL &&
               read_number(text, place[row].kind == SIZE, &value->number) &&
               in_bounds(row, value->number);
    case TEXT:
        return text != NULL && strlen(text) < MPIPE__OPTION_TEXT;
    }
    return false;
}

static void store(struct mpipe__options *o, unsigned row,
                  const struct value *value)
{
    char *member = (char *)o + place[row].offset;
    unsigned number = (unsigned)value->number;
    bool on = number != 0;
    switch (place[row].kind) {
    case SWITCH:
        memcpy(member, &on, sizeof on);
        break;
    case CHOICE:
    case COUNT:
        memcpy(member, &number, sizeof number);
        break;
    case SIZE:
        memcpy(member, &value->number, sizeof value->number);
        break;
    case TEXT:      /* the rest is cleared, for the struct travels whole */
        strncpy(member, value->text, MPIPE__OPTION_TEXT);
        break;
    }
}

/* ---- saying what is wrong ---- */

/* "auto always never" -> "auto, always or never" */
static void list_words(char *to, size_t size, const char *words)
{
    size_t used = 0;
    *to = '\0';
    for (const char *w = words; *w != '\0' && used < size;) {
        size_t n = strcspn(w, " ");
        const char *next = w[n] == '\0' ? w + n : w + n + 1;
        const char *before = w == words ? "" : *next == '\0' ? " or " : ", ";
        used += (size_t)snprintf(to + used, size - used, "%s%.*s", before,
                                 (int)n, w);
        w = next;
    }
}

/* What the row wants. */
static void describe(char *to, size_t size, unsigned row, const char *text)
{
    const struct mpipe_option_info *info = &table[row];
    uint64_t number;
    char words[80];
    if (text == NULL) {
        snprintf(to, size, "needs a value, as in --%s=%s", info->name,
                 info->argument);
        return;
    }
    switch (place[row].kind) {
    case SWITCH:
        snprintf(to, size, "must be yes or no");
        break;
    case CHOICE:
        list_words(words, sizeof words, place[row].choices);
        snprintf(to, size, "must be %s", words);
        break;
    case COUNT:
        snprintf(to, size, "must be %s%s to %s",
                 read_number(text, false, &number) ? "" : "a whole number, ",
                 info->minimum, info->maximum);
        break;
    case SIZE:
        snprintf(to, size, "must be %s%s to %s",
                 read_number(text, true, &number) ? ""
                     : "a size in bytes, or with K, M, G or T, ",
                 info->minimum, info->maximum);
        break;
    case TEXT:
        snprintf(to, size, "is longer than %d bytes", MPIPE__OPTION_TEXT - 1);
        break;
    }
}

/* The value as one may print it: short, without control characters. */
static void show_value(char *to, size_t size, const char *value)
{
    size_t length = strlen(value);
    snprintf(to, size, "%s", value);
    for (char *c = to; *c != '\0'; c++)
        if (iscntrl((unsigned char)*c))
            *c = '?';
    if (length >= size)
        memcpy(to + size - 4, "...", 4);
}

static enum mpipe_err refuse(unsigned row, const char *value,
                             enum mpipe__origin origin,
                             struct mpipe_error *err)
{
    static const struct {
        const char *before, *after;
    } words[] = {
        [MPIPE__ORIGIN_DEFAULT] = { "", " by default" },
        [MPIPE__ORIGIN_PROGRAM] = { "option ", " set by the program" },
        [MPIPE__ORIGIN_ENVIRONMENT] = { "", " in the environment" },
        [MPIPE__ORIGIN_COMMAND_LINE] = { "--", " on the command line" }
    };
    char shown[64], wanted[128];
    const char *name = origin == MPIPE__ORIGIN_ENVIRONMENT ? table[row].env
                                                           : table[row].name;
    show_value(shown, sizeof shown, value == NULL ? "" : value);
    describe(wanted, sizeof wanted, row, value);
    return mpipe__error(err, -1, MPIPE_EINVAL, "%s%s%s%s%s: %s",
                        words[origin].before, name, value == NULL ? "" : "=",
                        shown, words[origin].after, wanted);
}

/* ---- setting ---- */

static enum mpipe_err set_row(struct mpipe__options *o, unsigned row,
                              const char *text, enum mpipe__origin origin,
                              struct mpipe_error *err)
{
    struct value value;
    if (!read_value(row, text, &value))
        return refuse(row, text, origin, err);
    if (o->origin[row] <= (unsigned)origin) {
        store(o, row, &value);
        o->origin[row] = (unsigned char)origin;
    }
    return MPIPE_OK;
}

void mpipe__options_default(struct mpipe__options *o)
{
    memset(o, 0, sizeof *o);
    for (unsigned row = 0; row < N_OPTIONS; row++)
        set_row(o, row, table[row].standard, MPIPE__ORIGIN_DEFAULT, NULL);
}

enum mpipe_err mpipe__options_set(struct mpipe__options *o, const char *name,
                                  const char *value,
                                  enum mpipe__origin origin,
                                  struct mpipe_error *err)
{
    char shown[64];
    const char *near;
    unsigned row;
    if (name == NULL)
        return mpipe__error(err, -1, MPIPE_EINVAL, "an option without a name");
    row = find(name, strlen(name));
    if (row < N_OPTIONS)
        return set_row(o, row, value, origin, err);
    near = mpipe__options_nearest(name);
    show_value(shown, sizeof shown, name);
    return mpipe__error(err, -1, MPIPE_EINVAL, "there is no option '%s'%s%s%s",
                        shown, near == NULL ? "" : "; did you mean '",
                        near == NULL ? "" : near, near == NULL ? "" : "'?");
}

enum mpipe_err mpipe__options_env(struct mpipe__options *o,
                                  char *(*get)(const char *name),
                                  struct mpipe_error *err)
{
    struct mpipe__options next = *o;
    for (unsigned row = 0; row < N_OPTIONS; row++) {
        const char *value = get(table[row].env);
        enum mpipe_err e;
        if (value == NULL || *value == '\0')
            continue;
        e = set_row(&next, row, value, MPIPE__ORIGIN_ENVIRONMENT, err);
        if (e != MPIPE_OK)
            return e;
    }
    *o = next;
    return MPIPE_OK;
}

/* ---- the command line ---- */

/* How many words from argv[i] on are an option of ours: 0 (none), 1 or 2; its
 * row, and its value or NULL.  A value that stands alone cannot begin with
 * "--": that would more likely be the next option. */
static int match(int argc, char **argv, int i, unsigned *row,
                 const char **value)
{
    const char *word = argv[i];
    size_t length;
    if (strncmp(word, "--", 2) != 0)
        return 0;
    word += 2;
    length = strcspn(word, "=");
    *row = find(word, length);
    *value = NULL;
    if (*row == N_OPTIONS)
        return 0;
    if (word[length] == '=') {
        *value = word + length + 1;
        return 1;
    }
    if (place[*row].kind == SWITCH || i + 1 >= argc ||
        strncmp(argv[i + 1], "--", 2) == 0)
        return 1;
    *value = argv[i + 1];
    return 2;
}

/* Where the words for the library end: at "--", or at argc. */
static int end_of_words(int argc, char **argv)
{
    int i;
    for (i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            break;
    return i;
}

enum mpipe_err mpipe__options_args(struct mpipe__options *o, int *argc,
                                   char ***argv, struct mpipe_error *err)
{
    struct mpipe__options next = *o;
    const char *value;
    unsigned row;
    int end, kept = 1, n;

    if (argc == NULL || argv == NULL || *argv == NULL || *argc < 1)
        return MPIPE_OK;
    end = end_of_words(*argc, *argv);
    for (int i = 1; i < end; i += n > 0 ? n : 1) {
        n = match(end, *argv, i, &row, &value);
        if (n > 0) {
            enum mpipe_err e = set_row(&next, row, value,
                                       MPIPE__ORIGIN_COMMAND_LINE, err);
            if (e != MPIPE_OK)
                return e;
        }
    }
    *o = next;
    for (int i = 1; i < *argc;) {
        n = i < end ? match(end, *argv, i, &row, &value) : 0;
        if (n == 0)
            (*argv)[kept++] = (*argv)[i++];
        i += n;
    }
    if (kept < *argc)
        (*argv)[kept] = NULL;
    *argc = kept;
    return MPIPE_OK;
}

/* ---- slips ---- */

#define NAME_MAX_LENGTH 24u     /* no name is longer, with some to spare */

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Letters to change, add, take away or swap with their neighbour to make one
 * from the other; both are shorter than NAME_MAX_LENGTH. */
static unsigned slips(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned d[NAME_MAX_LENGTH][NAME_MAX_LENGTH];
    for (unsigned i = 0; i <= na; i++)
        for (unsigned j = 0; j <= nb; j++) {
            if (i == 0 || j == 0) {
                d[i][j] = i + j;
                continue;
            }
            d[i][j] = least(d[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
                            least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[na][nb];
}

const char *mpipe__options_nearest(const char *name)
{
    const char *best = NULL;
    unsigned fewest = 4;
    size_t length = strlen(name);
    for (unsigned row = 0; row < N_OPTIONS && length < NAME_MAX_LENGTH; row++) {
        size_t n = strlen(table[row].name);
        unsigned s = slips(name, length, table[row].name, n);
        if (s < fewest && 3 * s <= n) {
            fewest = s;
            best = table[row].name;
        }
    }
    return best;
}
