/* SPDX-License-Identifier: BSD-3-Clause */
/* wordcount.c - how often does each word occur in these files?
 *
 * A keyed job.  The items are byte ranges of files, so the ranks read the data
 * themselves; map emits each word, mpipe_count() adds up on the rank and where
 * the word belongs, and rank 0 gets each word once.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mpipe.h>
#include "arguments.h"
#include "word_table.h"

static const char help[] =
    "Usage: wordcount [-n TOP] [--sort=count|key] [--parts FOLDER] PATH...\n"
    "Count the words (letters a-z in either case) in files, and in all files "
    "below\n"
    "directories.  Prints COUNT<TAB>WORD, most frequent first.\n"
    "  -n TOP          only the first TOP words\n"
    "  --sort=WHAT     by count (the default), or key: by word\n"
    "  --parts FOLDER  the ranks write part files, each sorted, and nothing is\n"
    "                  printed\n"
    "  --help          this text\n"
    "Options of libmpipe (--quiet, --report=FILE, ...): see 'mpipe info'.\n";

struct arguments {
    int64_t top;
    bool by_key;
    const char *parts;          /* NULL: none */
    char *const *paths;
    size_t n_paths;
};

/* ---- map: a range in, its words out ---- */

static enum mpipe_err reader_init(void *arg, struct mpipe_out *out,
                                  void **state)
{
    *state = mpipe_split_reader_new();
    (void)arg;
    if (*state != NULL)
        return MPIPE_OK;
    mpipe_fail(out, "no memory to read files");
    return MPIPE_ENOMEM;
}

static void reader_fini(void *state, struct mpipe_out *out)
{
    (void)out;
    mpipe_split_reader_free(state);
}

static enum mpipe_err emit_words(char *at, const char *end,
                                 struct mpipe_out *out)
{
    enum mpipe_err e = MPIPE_OK;

    while (at < end && e == MPIPE_OK) {
        char *word = at;
        for (; at < end; at++) {
            char lower = *at | 0x20;    /* of a letter, in ASCII */
            if (lower < 'a' || lower > 'z')
                break;
            *at = lower;
        }
        if (at == word)
            at++;
        else
            e = mpipe_emit_pair(out, word, (size_t)(at - word), NULL, 0);
    }
    return e;
}

static enum mpipe_err words(const struct mpipe_item *in,
                            struct mpipe_out *out, void *state)
{
    struct mpipe_split split;
    enum mpipe_err e = mpipe_split_parse(in, &split);
    char *lines;
    size_t size;

    if (e == MPIPE_OK)
        e = mpipe_split_open(state, &split, '\n', out);
    while (e == MPIPE_OK
           && (e = mpipe_split_next(state, &lines, &size, out)) == MPIPE_OK)
        e = emit_words(lines, lines + size, out);
    return e == MPIPE_END ? MPIPE_OK : e;
}

/* ---- the results ---- */

static enum mpipe_err keep(const struct mpipe_item *result, void *list)
{
    struct mpipe_pair pair;
    enum mpipe_err e = mpipe_pair_parse(result, &pair);

    if (e != MPIPE_OK)
        return e;
    return word_table_add(list, pair.key.data, pair.key.size,
                         *(const uint64_t *)pair.value.data)
           ? MPIPE_OK : MPIPE_ENOMEM;
}

/* A line of a part file. */
static enum mpipe_err line(const struct mpipe_item *key,
                           struct mpipe_values *values, struct mpipe_out *out,
                           void *state)
{
    struct mpipe_item count;
    int n = 0;
    char *to;

    (void)state;
    if (!mpipe_values_next(values, &count))
        return MPIPE_OK;
    to = mpipe_reserve(out, key->size + 24);
    if (to == NULL)
        return MPIPE_ENOMEM;
    n = sprintf(to, "%" PRIu64 "\t", *(const uint64_t *)count.data);
    memcpy(to + n, key->data, key->size);
    return mpipe_commit(out, (size_t)n + key->size);
}

/* For part files in the order of counts: a second job, whose keys are the counts
 * (the highest first) and then the word. */
static enum mpipe_err by_count(const struct mpipe_item *in,
                               struct mpipe_out *out, void *state)
{
    struct mpipe_pair pair;
    char key[8 + 64], *at = key;
    uint64_t count;
    enum mpipe_err e = mpipe_pair_parse(in, &pair);

    (void)state;
    if (e != MPIPE_OK)
        return e;
    memcpy(&count, pair.value.data, sizeof count);
    if (pair.key.size > sizeof key - 8)
        at = malloc(8 + pair.key.size);
    if (at == NULL)
        return MPIPE_ENOMEM;
    for (int i = 0; i < 8; i++)
        at[i] = (char)(~count >> (56 - 8 * i));
    memcpy(at + 8, pair.key.data, pair.key.size);
    e = mpipe_emit_pair(out, at, 8 + pair.key.size, &count, sizeof count);
    if (at != key)
        free(at);
    return e;
}

static enum mpipe_err line_by_count(const struct mpipe_item *key,
                                    struct mpipe_values *values,
                                    struct mpipe_out *out, void *state)
{
    const struct mpipe_item word = {
        (const char *)key->data + 8, key->size - 8
    };

    return line(&word, values, out, state);
}

static enum mpipe_err print(struct mpipe *mp, struct word_table *list,
                            const struct arguments *a)
{
    word_table_sort(list, a->by_key);
    for (size_t i = 0; i < list->n_words && i < (uint64_t)a->top; i++) {
        const struct word *w = &list->word[i];
        printf("%" PRIu64 "\t", w->count);
        fwrite(list->text + w->at, 1, w->size, stdout);
        putchar('\n');
    }
    return arguments_printed(mp);
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     struct arguments *a)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'H' },
        { "parts", required_argument, NULL, 'p' },
        { "sort", required_argument, NULL, 's' }, { NULL, 0, NULL, 0 }
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":n:", options, NULL)) != -1)
        switch (c) {
        case 'n':
            if (!arguments_number(optarg, 0, INT64_MAX, &a->top))
                return mpipe_usage(mp, "-n %s: not a number from 0 to %" PRId64,
                                   optarg, INT64_MAX);
            break;
        case 'p':
            a->parts = optarg;
            break;
        case 's':
            a->by_key = strcmp(optarg, "key") == 0;
            if (!a->by_key && strcmp(optarg, "count") != 0)
                return mpipe_usage(mp, "--sort=%s: neither count nor key",
                                   optarg);
            break;
        case 'H':
            if (mpipe_rank(mp) == 0)
                fputs(help, stdout);
            return MPIPE_END;
        default:
            return arguments_wrong(mp, argv, c);
        }
    if (optind == argc)
        return mpipe_usage(mp, "give files or directories (see --help)");
    a->paths = argv + optind;
    a->n_paths = (size_t)(argc - optind);
    return MPIPE_OK;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct arguments a = { .top = INT64_MAX };
    struct word_table list = { 0 };
    enum mpipe_err e = read_arguments(mp, argc, argv, &a);
    const struct mpipe_job job = {
        .name = "wordcount", .arg = &list,
        .init = reader_init, .fini = reader_fini,
        .map = words, .combine = mpipe_count,
        .reduce = a.parts != NULL && a.by_key ? line : NULL,
        .parts = a.by_key ? a.parts : NULL,
        .done = a.parts != NULL ? NULL : keep
    };
    const struct mpipe_job sorted = {
        .name = "wordcount.sort", .map = by_count, .reduce = line_by_count,
        .parts = a.parts
    };
    struct mpipe_mapreduce *mr, *sort = NULL;

    if (e != MPIPE_OK)
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    mr = mpipe_mapreduce_new(mp, &job);
    mpipe_source_splits(mpipe_mapreduce_input(mr),
                        (const char *const *)a.paths, a.n_paths, 0);
    if (a.parts != NULL && !a.by_key) {
        sort = mpipe_mapreduce_new(mp, &sorted);
        mpipe_mapreduce_then(mr, sort);
    }
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    mpipe_mapreduce_free(sort);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0 && a.parts == NULL)
        e = print(mp, &list, &a);
    word_table_fini(&list);
    return mpipe_finalize(mp, e);
}
