/* SPDX-License-Identifier: BSD-3-Clause */
/* options.c - the library's options from the program, the environment and
 * the command line, and what is refused.
 */
#include <stdio.h>
#include <string.h>
#include "options.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void defaults(void)
{
    struct mpipe__options o;
    mpipe__options_default(&o);
    CU_ASSERT(!o.quiet);
    CU_ASSERT(!o.plan);
    CU_ASSERT_EQUAL(o.progress, MPIPE__WHEN_AUTO);
    CU_ASSERT_EQUAL(o.log_level, MPIPE_LOG_INFO);
    CU_ASSERT_EQUAL(o.policy, MPIPE_POLICY_TOPOLOGY);
    CU_ASSERT_EQUAL(o.max_retries, 3);
    CU_ASSERT_EQUAL(o.credits, 8);
    CU_ASSERT_EQUAL(o.spares, 0);
    CU_ASSERT_EQUAL(o.max_item, (uint64_t)1 << 30);
    CU_ASSERT_EQUAL(o.frame, 65536);
    CU_ASSERT_EQUAL(o.window, (uint64_t)64 << 20);
    CU_ASSERT_STRING_EQUAL(o.report, "");
    CU_ASSERT_STRING_EQUAL(o.trace, "");
    CU_ASSERT_STRING_EQUAL(o.log, "");
    CU_ASSERT_STRING_EQUAL(o.plan_svg, "");
    CU_ASSERT_STRING_EQUAL(o.machine, "");
    CU_ASSERT_STRING_EQUAL(o.switches, "");
    CU_ASSERT_STRING_EQUAL(o.fault, "");
    for (unsigned i = 0; i < MPIPE__OPTIONS_MAX; i++)
        CU_ASSERT_EQUAL(o.origin[i], MPIPE__ORIGIN_DEFAULT);
}

static void table_is_sound(void)
{
    unsigned n = 0;
    const struct mpipe_option_info *t = mpipe_options(&n);
    struct mpipe__options o;
    CU_ASSERT_EQUAL(n, 28);
    CU_ASSERT_PTR_EQUAL(mpipe_options(NULL), t);
    mpipe__options_default(&o);
    for (unsigned i = 0; i < n; i++) {
        char env[64];
        snprintf(env, sizeof env, "MPIPE_%s", t[i].name);
        for (char *c = env; *c != '\0'; c++)
            *c = *c == '-' ? '_'
               : *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
        CU_ASSERT_STRING_EQUAL(t[i].env, env);
        CU_ASSERT(strlen(t[i].name) < 24);
        CU_ASSERT(t[i].help != NULL && strlen(t[i].help) > 10);
        CU_ASSERT_EQUAL(t[i].minimum == NULL, t[i].maximum == NULL);
        /* what the table promises as default and bounds can be set */
        CU_ASSERT_EQUAL(mpipe__options_set(&o, t[i].name, t[i].standard,
                        MPIPE__ORIGIN_PROGRAM, NULL), MPIPE_OK);
        if (t[i].minimum == NULL)
            continue;
        CU_ASSERT_EQUAL(mpipe__options_set(&o, t[i].name, t[i].minimum,
                        MPIPE__ORIGIN_PROGRAM, NULL), MPIPE_OK);
        CU_ASSERT_EQUAL(mpipe__options_set(&o, t[i].name, t[i].maximum,
                        MPIPE__ORIGIN_PROGRAM, NULL), MPIPE_OK);
    }
}

static void switches(void)
{
    static const struct { const char *value; bool on; } rows[] = {
        { NULL, true }, { "yes", true }, { "1", true }, { "on", true },
        { "true", true }, { "no", false }, { "0", false }, { "off", false },
        { "false", false }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__options o;
        mpipe__options_default(&o);
        o.quiet = !rows[i].on;
        CU_ASSERT_EQUAL(mpipe__options_set(&o, "quiet", rows[i].value,
                        MPIPE__ORIGIN_PROGRAM, NULL), MPIPE_OK);
        CU_ASSERT_EQUAL(o.quiet, rows[i].on);
        CU_ASSERT(!o.plan);
    }
}

static void choices(void)
{
    static const struct {
        const char *name, *value;
        unsigned is;
    } rows[] = {
        { "progress", "auto", MPIPE__WHEN_AUTO },
        { "progress", "always", MPIPE__WHEN_ALWAYS },
        { "progress", "never", MPIPE__WHEN_NEVER },
        { "log-level", "error", MPIPE_LOG_ERROR },
        { "log-level", "warn", MPIPE_LOG_WARN },
        { "log-level", "info", MPIPE_LOG_INFO },
        { "log-level", "debug", MPIPE_LOG_DEBUG },
        { "policy", "topology", MPIPE_POLICY_TOPOLOGY },
        { "policy", "packed", MPIPE_POLICY_PACKED },
        { "policy", "round-robin", MPIPE_POLICY_ROUND_ROBIN }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__options o;
        mpipe__options_default(&o);
        CU_ASSERT_EQUAL(mpipe__options_set(&o, rows[i].name, rows[i].value,
                        MPIPE__ORIGIN_PROGRAM, NULL), MPIPE_OK);
        CU_ASSERT_EQUAL(rows[i].name[0] == 'l' ? o.log_level :
                        rows[i].name[1] == 'r' ? o.progress : o.policy,
                        rows[i].is);
    }
}

static void sizes(void)
{
    static const struct { const char *value; uint64_t is; } rows[] = {
        { "1", 1 }, { "007", 7 }, { "1000", 1000 }, { "64B", 64 },
        { "1K", 1024 }, { "1k", 1024 }, { "1KB", 1024 }, { "1KiB", 1024 },
        { "3M", 3u << 20 }, { "2g", (uint64_t)2 << 30 },
        { "1T", (uint64_t)1 << 40 }, { "1tiB", (uint64_t)1 << 40 },
        { "1099511627776", (uint64_t)1 << 40 }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__options o;
        mpipe__options_default(&o);
        CU_ASSERT_EQUAL(mpipe__options_set(&o, "max-item", rows[i].value,
                        MPIPE__ORIGIN_PROGRAM, NULL), MPIPE_OK);
        CU_ASSERT_EQUAL(o.max_item, rows[i].is);
        CU_ASSERT_EQUAL(o.frame, 65536);
        CU_ASSERT_EQUAL(o.window, (uint64_t)64 << 20);
    }
}

static void refusals(void)
{
    static const char *const long_credits =
        "99999999999999999999999999999999999999999999999999999999999999999999";
    const struct {
        const char *name, *value;
        enum mpipe__origin origin;
        const char *text;
    } rows[] = {
        { "credits", "99", MPIPE__ORIGIN_COMMAND_LINE,
          "--credits=99 on the command line: must be 1 to 64" },
        { "credits", "65", MPIPE__ORIGIN_ENVIRONMENT,
          "MPIPE_CREDITS=65 in the environment: must be 1 to 64" },
        { "credits", "0", MPIPE__ORIGIN_PROGRAM,
          "option credits=0 set by the program: must be 1 to 64" },
        { "max-retries", "1001", MPIPE__ORIGIN_PROGRAM,
          "option max-retries=1001 set by the program: must be 0 to 1000" },
        { "max-retries", "-1", MPIPE__ORIGIN_COMMAND_LINE,
          "--max-retries=-1 on the command line: must be a whole number, "
          "0 to 1000" },
        { "max-retries", "4K", MPIPE__ORIGIN_COMMAND_LINE,
          "--max-retries=4K on the command line: must be a whole number, "
          "0 to 1000" },
        { "max-retries", "", MPIPE__ORIGIN_COMMAND_LINE,
          "--max-retries= on the command line: must be a whole number, "
          "0 to 1000" },
        { "max-retries", " 4", MPIPE__ORIGIN_COMMAND_LINE,
          "--max-retries= 4 on the command line: must be a whole number, "
          "0 to 1000" },
        { "max-retries", NULL, MPIPE__ORIGIN_COMMAND_LINE,
          "--max-retries on the command line: needs a value, as in "
          "--max-retries=N" },
        { "credits", long_credits, MPIPE__ORIGIN_COMMAND_LINE,
          "--credits=9999999999999999999999999999999999999999999999999999"
          "99999999... on the command line: must be a whole number, 1 to 64" },
        { "frame", "1023", MPIPE__ORIGIN_COMMAND_LINE,
          "--frame=1023 on the command line: must be 1K to 16M" },
        { "frame", "17M", MPIPE__ORIGIN_COMMAND_LINE,
          "--frame=17M on the command line: must be 1K to 16M" },
        { "frame", "1.5M", MPIPE__ORIGIN_COMMAND_LINE,
          "--frame=1.5M on the command line: must be a size in bytes, or "
          "with K, M, G or T, 1K to 16M" },
        { "frame", "64Kx", MPIPE__ORIGIN_COMMAND_LINE,
          "--frame=64Kx on the command line: must be a size in bytes, or "
          "with K, M, G or T, 1K to 16M" },
        { "frame", "K", MPIPE__ORIGIN_COMMAND_LINE,
          "--frame=K on the command line: must be a size in bytes, or with "
          "K, M, G or T, 1K to 16M" },
        { "frame", "64Ki", MPIPE__ORIGIN_COMMAND_LINE,
          "--frame=64Ki on the command line: must be a size in bytes, or "
          "with K, M, G or T, 1K to 16M" },
        /* 2^64, which must not wrap to a size that is allowed */
        { "window", "16777216T", MPIPE__ORIGIN_COMMAND_LINE,
          "--window=16777216T on the command line: must be a size in bytes, "
          "or with K, M, G or T, 1M to 1T" },
        { "max-item", "18446744073709551617", MPIPE__ORIGIN_COMMAND_LINE,
          "--max-item=18446744073709551617 on the command line: must be a "
          "size in bytes, or with K, M, G or T, 1 to 1T" },
        { "max-item", "0", MPIPE__ORIGIN_COMMAND_LINE,
          "--max-item=0 on the command line: must be 1 to 1T" },
        { "quiet", "maybe", MPIPE__ORIGIN_ENVIRONMENT,
          "MPIPE_QUIET=maybe in the environment: must be yes or no" },
        { "quiet", "", MPIPE__ORIGIN_COMMAND_LINE,
          "--quiet= on the command line: must be yes or no" },
        { "progress", "Auto", MPIPE__ORIGIN_COMMAND_LINE,
          "--progress=Auto on the command line: must be auto, always or "
          "never" },
        { "log-level", "warning", MPIPE__ORIGIN_COMMAND_LINE,
          "--log-level=warning on the command line: must be error, warn, "
          "info or debug" },
        { "log-level", "error warn", MPIPE__ORIGIN_COMMAND_LINE,
          "--log-level=error warn on the command line: must be error, warn, "
          "info or debug" },
        { "policy", "a\nb\033", MPIPE__ORIGIN_COMMAND_LINE,
          "--policy=a?b? on the command line: must be topology, packed or "
          "round-robin" },
        { "report", NULL, MPIPE__ORIGIN_PROGRAM,
          "option report set by the program: needs a value, as in "
          "--report=FILE" },
        { "retries", "1", MPIPE__ORIGIN_PROGRAM,
          "there is no option 'retries'" },
        { "max-retires", "1", MPIPE__ORIGIN_PROGRAM,
          "there is no option 'max-retires'; did you mean 'max-retries'?" },
        { "", "1", MPIPE__ORIGIN_PROGRAM, "there is no option ''" },
        { NULL, "1", MPIPE__ORIGIN_PROGRAM, "an option without a name" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__options o, before;
        struct mpipe_error err = { MPIPE_OK, 0, "" };
        mpipe__options_default(&o);
        before = o;
        CU_ASSERT_EQUAL(mpipe__options_set(&o, rows[i].name, rows[i].value,
                        rows[i].origin, &err), MPIPE_EINVAL);
        CU_ASSERT_EQUAL(err.code, MPIPE_EINVAL);
        CU_ASSERT_EQUAL(err.rank, -1);
        CU_ASSERT_STRING_EQUAL(err.text, rows[i].text);
        CU_ASSERT(memcmp(&o, &before, sizeof o) == 0);
        CU_ASSERT_EQUAL(mpipe__options_set(&o, rows[i].name, rows[i].value,
                        rows[i].origin, NULL), MPIPE_EINVAL);
    }
}

static void longest_text(void)
{
    char path[MPIPE__OPTION_TEXT + 1];
    struct mpipe__options o;
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    mpipe__options_default(&o);
    memset(path, 'x', sizeof path);
    path[MPIPE__OPTION_TEXT - 1] = '\0';
    CU_ASSERT_EQUAL(mpipe__options_set(&o, "report", path,
                    MPIPE__ORIGIN_PROGRAM, &err), MPIPE_OK);
    CU_ASSERT_STRING_EQUAL(o.report, path);
    CU_ASSERT_STRING_EQUAL(o.trace, "");
    path[MPIPE__OPTION_TEXT - 1] = 'x';
    path[MPIPE__OPTION_TEXT] = '\0';
    CU_ASSERT_EQUAL(mpipe__options_set(&o, "trace", path,
                    MPIPE__ORIGIN_PROGRAM, &err), MPIPE_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text,
        "x... set by the program: is longer than 1023 bytes"));
    CU_ASSERT_STRING_EQUAL(o.trace, "");
}

static void origins(void)
{
    static const enum mpipe__origin all[] = {
        MPIPE__ORIGIN_DEFAULT, MPIPE__ORIGIN_PROGRAM,
        MPIPE__ORIGIN_ENVIRONMENT, MPIPE__ORIGIN_COMMAND_LINE
    };
    for (size_t i = 0; i < COUNT_OF(all); i++)
        for (size_t j = 0; j < COUNT_OF(all); j++) {
            struct mpipe__options o;
            mpipe__options_default(&o);
            CU_ASSERT_EQUAL(mpipe__options_set(&o, "credits", "7", all[i],
                                               NULL), MPIPE_OK);
            CU_ASSERT_EQUAL(mpipe__options_set(&o, "credits", "9", all[j],
                                               NULL), MPIPE_OK);
            CU_ASSERT_EQUAL(o.credits, all[j] >= all[i] ? 9 : 7);
            CU_ASSERT_EQUAL(mpipe__options_set(&o, "credits", "99", all[j],
                                               NULL), MPIPE_EINVAL);
            /* each option has its own origin */
            CU_ASSERT_EQUAL(mpipe__options_set(&o, "spares", "2",
                            MPIPE__ORIGIN_DEFAULT, NULL), MPIPE_OK);
            CU_ASSERT_EQUAL(o.spares, 2);
        }
}

/* ---- the environment ---- */

static char *good_env(const char *name)
{
    static char credits[] = "6", report[] = "r.json", empty[] = "";
    return strcmp(name, "MPIPE_CREDITS") == 0 ? credits
         : strcmp(name, "MPIPE_REPORT") == 0 ? report
         : strcmp(name, "MPIPE_MAX_RETRIES") == 0 ? empty
         : strcmp(name, "MPIPE_LOG") == 0 ? empty : NULL;
}

static char *bad_env(const char *name)
{
    static char report[] = "r.json", window[] = "5";
    return strcmp(name, "MPIPE_REPORT") == 0 ? report
         : strcmp(name, "MPIPE_WINDOW") == 0 ? window : NULL;
}

static void environment(void)
{
    struct mpipe__options o, before;
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    mpipe__options_default(&o);
    CU_ASSERT_EQUAL(mpipe__options_env(&o, good_env, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(o.credits, 6);
    CU_ASSERT_STRING_EQUAL(o.report, "r.json");
    CU_ASSERT_EQUAL(o.max_retries, 3);
    CU_ASSERT_EQUAL(mpipe__options_set(&o, "credits", "5",
                    MPIPE__ORIGIN_PROGRAM, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(o.credits, 6);
    /* an empty variable has not spoken */
    CU_ASSERT_EQUAL(mpipe__options_set(&o, "max-retries", "5",
                    MPIPE__ORIGIN_PROGRAM, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(o.max_retries, 5);

    mpipe__options_default(&o);
    before = o;
    CU_ASSERT_EQUAL(mpipe__options_env(&o, bad_env, &err), MPIPE_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text,
        "MPIPE_WINDOW=5 in the environment: must be 1M to 1T");
    CU_ASSERT(memcmp(&o, &before, sizeof o) == 0);
}

/* ---- the command line ---- */

#define WORDS_MAX 12

static int count_words(const char *const *words)
{
    int n = 0;
    while (words[n] != NULL)
        n++;
    return n;
}

static void arguments(void)
{
    static const struct {
        const char *in[WORDS_MAX], *left[WORDS_MAX];
        unsigned credits;
        bool quiet;
        const char *report;
    } rows[] = {
        { { "p" }, { "p" }, 8, false, "" },
        { { "p", "a", "-b", "--c=d", "-" }, { "p", "a", "-b", "--c=d", "-" },
          8, false, "" },
        { { "p", "--credits=7" }, { "p" }, 7, false, "" },
        { { "p", "--credits", "7" }, { "p" }, 7, false, "" },
        { { "p", "a", "--credits", "7", "b", "--quiet", "c" },
          { "p", "a", "b", "c" }, 7, true, "" },
        { { "p", "--quiet", "no" }, { "p", "no" }, 8, true, "" },
        { { "p", "--quiet", "--quiet=no" }, { "p" }, 8, false, "" },
        { { "p", "--credits=7", "--credits=9" }, { "p" }, 9, false, "" },
        { { "p", "--report=a=b", "x" }, { "p", "x" }, 8, false, "a=b" },
        { { "p", "--report", "-", "x" }, { "p", "x" }, 8, false, "-" },
        { { "p", "--report=--x" }, { "p" }, 8, false, "--x" },
        { { "p", "--report=r", "--report=" }, { "p" }, 8, false, "" },
        { { "p", "--report", "" }, { "p" }, 8, false, "" },
        { { "p", "--", "--quiet" }, { "p", "--", "--quiet" }, 8, false, "" },
        { { "p", "--quiet", "x", "--", "--credits", "99" },
          { "p", "x", "--", "--credits", "99" }, 8, true, "" },
        /* not ours: a slip, one dash, an abbreviation, another case */
        { { "p", "--max-retry=9", "-quiet", "--qui", "--Quiet", "--quiets" },
          { "p", "--max-retry=9", "-quiet", "--qui", "--Quiet", "--quiets" },
          8, false, "" },
        { { "p", "--=3", "" }, { "p", "--=3", "" }, 8, false, "" },
        { { "--quiet", "--credits=7" }, { "--quiet" }, 7, false, "" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__options o;
        char *words[WORDS_MAX], **argv = words;
        int argc = count_words(rows[i].in), n = count_words(rows[i].left);
        memcpy(words, rows[i].in, sizeof words);
        mpipe__options_default(&o);
        CU_ASSERT_EQUAL(mpipe__options_args(&o, &argc, &argv, NULL), MPIPE_OK);
        CU_ASSERT_EQUAL(o.credits, rows[i].credits);
        CU_ASSERT_EQUAL(o.quiet, rows[i].quiet);
        CU_ASSERT_STRING_EQUAL(o.report, rows[i].report);
        CU_ASSERT_PTR_EQUAL(argv, words);
        CU_ASSERT_EQUAL(argc, n);
        for (int j = 0; j < n && j < argc; j++)
            CU_ASSERT_STRING_EQUAL(argv[j], rows[i].left[j]);
        CU_ASSERT_PTR_NULL(argv[argc]);
    }
}

static void bad_arguments(void)
{
    static const struct {
        const char *in[WORDS_MAX], *text;
    } rows[] = {
        { { "p", "--quiet", "--credits=99" },
          "--credits=99 on the command line: must be 1 to 64" },
        { { "p", "--quiet", "--credits", "many", "x" },
          "--credits=many on the command line: must be a whole number, "
          "1 to 64" },
        { { "p", "x", "--report" },
          "--report on the command line: needs a value, as in --report=FILE" },
        { { "p", "--report", "--quiet" },
          "--report on the command line: needs a value, as in --report=FILE" },
        { { "p", "--report", "--", "x" },
          "--report on the command line: needs a value, as in --report=FILE" },
        { { "p", "--quiet=perhaps" },
          "--quiet=perhaps on the command line: must be yes or no" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__options o, before;
        struct mpipe_error err = { MPIPE_OK, 0, "" };
        char *words[WORDS_MAX], **argv = words;
        int n = count_words(rows[i].in), argc = n;
        memcpy(words, rows[i].in, sizeof words);
        mpipe__options_default(&o);
        before = o;
        CU_ASSERT_EQUAL(mpipe__options_args(&o, &argc, &argv, &err),
                        MPIPE_EINVAL);
        CU_ASSERT_STRING_EQUAL(err.text, rows[i].text);
        CU_ASSERT(memcmp(&o, &before, sizeof o) == 0);
        CU_ASSERT_EQUAL(argc, n);
        CU_ASSERT(memcmp(words, rows[i].in, sizeof words) == 0);
    }
}

static void no_arguments(void)
{
    struct mpipe__options o;
    char **none = NULL, *end = NULL, **empty = &end;
    int zero = 0;
    mpipe__options_default(&o);
    CU_ASSERT_EQUAL(mpipe__options_args(&o, NULL, NULL, NULL), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__options_args(&o, &zero, NULL, NULL), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__options_args(&o, &zero, &none, NULL), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__options_args(&o, &zero, &empty, NULL), MPIPE_OK);
    CU_ASSERT_EQUAL(zero, 0);
}

static void slips(void)
{
    static const struct { const char *name, *nearest; } rows[] = {
        { "max-retries", "max-retries" }, { "max-retires", "max-retries" },
        { "max-retry", "max-retries" }, { "max-retr", "max-retries" },
        { "max-ret", NULL }, { "retries", NULL },
        { "maxretries", "max-retries" }, { "max_retries", "max-retries" },
        { "qiet", "quiet" }, { "queit", "quiet" }, { "quite", "quiet" },
        { "plam", "plan" }, { "plna", "plan" }, { "plans", "plan" },
        { "lgo", "log" }, { "lag", "log" }, { "la", NULL }, { "foo", NULL },
        { "", NULL }, { "verbose", NULL }, { "n", NULL },
        { "progres", "progress" }, { "crdeitz", "credits" },
        { "crdiets", "credits" }, { "a-name-longer-than-any-option-is", NULL }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *nearest = mpipe__options_nearest(rows[i].name);
        if (rows[i].nearest == NULL)
            CU_ASSERT_PTR_NULL(nearest);
        if (rows[i].nearest != NULL) {
            CU_ASSERT_PTR_NOT_NULL_FATAL(nearest);
            CU_ASSERT_STRING_EQUAL(nearest, rows[i].nearest);
        }
    }
}

static const struct mpipe__test tests[] = {
    { "every option has its documented default", defaults },
    { "the table's names, variables and bounds agree", table_is_sound },
    { "a switch takes yes and no in several words, or no value", switches },
    { "a choice becomes its enum", choices },
    { "a size may end in K, M, G or T", sizes },
    { "a bad value is refused with its origin and bounds", refusals },
    { "a text fills its room and no more", longest_text },
    { "a stronger origin wins whatever the order", origins },
    { "the environment is read whole or not at all", environment },
    { "our arguments are taken and the rest keeps its order", arguments },
    { "a bad argument leaves options and arguments alone", bad_arguments },
    { "there may be no arguments", no_arguments },
    { "a slip finds the option that was meant", slips },
    { NULL, NULL }
};

const struct mpipe__suite suite_options = { "options", tests };
