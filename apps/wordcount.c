/* SPDX-License-Identifier: BSD-3-Clause */
/* wordcount.c - how often does each word occur in these files?
 *
 * The items are byte ranges of files, so the ranks read the data themselves.  A
 * stage counts the words of a range in a table of its own, which it uses
 * again and again, and emits all counts of the range as one item; rank 0 adds
 * them up, and prints at the end.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mpipe.h>
#include "arguments.h"
#include "word_table.h"

static const char help[] =
    "Usage: wordcount [-n TOP] PATH...\n"
    "Count the words (letters a-z in either case) in files, and in all files "
    "below\n"
    "directories.  Prints COUNT<TAB>WORD, most frequent first.\n"
    "  -n TOP   only the first TOP words\n"
    "  --help   this text\n"
    "Options of libmpipe (--quiet, --report=FILE, ...): see 'mpipe info'.\n";

/* ---- the stage: a range in, its counts out ---- */

struct counter {
    struct mpipe_bytes lines;
    struct word_table words;
};

static enum mpipe_err counter_init(void *arg, struct mpipe_out *out,
                                   void **state)
{
    *state = calloc(1, sizeof(struct counter));
    (void)arg;
    if (*state == NULL) {
        mpipe_fail(out, "no memory to count words");
        return MPIPE_ENOMEM;
    }
    return MPIPE_OK;
}

static void counter_fini(void *state, struct mpipe_out *out)
{
    struct counter *c = state;

    (void)out;
    free(c->lines.data);
    word_table_fini(&c->words);
    free(c);
}

static bool count_words(struct word_table *words, char *at, const char *end)
{
    while (at < end) {
        char *word = at;
        for (; at < end; at++) {
            char lower = *at | 0x20;    /* of a letter, in ASCII */
            if (lower < 'a' || lower > 'z')
                break;
            *at = lower;
        }
        if (at == word)
            at++;
        else if (!word_table_add(words, word, (size_t)(at - word), 1))
            return false;
    }
    return true;
}

/* A number in as few bytes as it needs, seven bits in each. */
static unsigned char *pack_number(unsigned char *to, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *to++ = (unsigned char)(n | 0x80);
    *to++ = (unsigned char)n;
    return to;
}

static const unsigned char *unpack_number(const unsigned char *from,
                                          uint64_t *n)
{
    unsigned shift = 0;

    for (*n = 0; *from & 0x80; shift += 7)
        *n |= (uint64_t)(*from++ & 0x7f) << shift;
    *n |= (uint64_t)*from++ << shift;
    return from;
}

/* One item for all: count, size and letters of each word. */
static enum mpipe_err emit_counts(const struct word_table *words,
                                  struct mpipe_out *out)
{
    unsigned char *room = mpipe_reserve(out,
                                        words->text_size + 20 * words->n_words);
    unsigned char *at = room;

    if (room == NULL)
        return MPIPE_ENOMEM;
    for (size_t i = 0; i < words->n_words; i++) {
        const struct word *w = &words->word[i];
        at = pack_number(at, w->count);
        at = pack_number(at, w->size);
        memcpy(at, words->text + w->at, w->size);
        at += w->size;
    }
    return mpipe_commit(out, (size_t)(at - room));
}

static enum mpipe_err count(const struct mpipe_item *in,
                            struct mpipe_out *out, void *state)
{
    struct counter *c = state;
    struct mpipe_split split;
    enum mpipe_err e = mpipe_split_parse(in, &split);

    if (e == MPIPE_OK)
        e = mpipe_split_load(&split, '\n', &c->lines, out);
    if (e != MPIPE_OK || c->lines.size == 0)
        return e;
    word_table_clear(&c->words);
    if (!count_words(&c->words, c->lines.data, c->lines.data + c->lines.size)) {
        mpipe_fail(out, "%s: no memory to count its words", split.path);
        return MPIPE_ENOMEM;
    }
    return c->words.n_words > 0 ? emit_counts(&c->words, out) : MPIPE_OK;
}

/* ---- rank 0: add up, and print ---- */

static enum mpipe_err add_counts(const struct mpipe_item *result, void *total)
{
    const unsigned char *at = result->data, *end = at + result->size;

    while (at < end) {
        uint64_t n, size;
        at = unpack_number(at, &n);
        at = unpack_number(at, &size);
        if (!word_table_add(total, (const char *)at, (size_t)size, n))
            return MPIPE_ENOMEM;
        at += size;
    }
    return MPIPE_OK;
}

static enum mpipe_err print(struct mpipe *mp, struct word_table *total,
                            uint64_t top)
{
    word_table_sort(total);
    for (size_t i = 0; i < total->n_words && i < top; i++) {
        const struct word *w = &total->word[i];
        printf("%" PRIu64 "\t", w->count);
        fwrite(total->text + w->at, 1, w->size, stdout);
        putchar('\n');
    }
    if (fflush(stdout) == 0 && !ferror(stdout))
        return MPIPE_OK;
    mpipe_log(mp, MPIPE_LOG_ERROR, "the words could not be written to stdout");
    return MPIPE_EIO;
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     int64_t *top)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'H' }, { NULL, 0, NULL, 0 }
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":n:", options, NULL)) != -1)
        switch (c) {
        case 'n':
            if (!arguments_number(optarg, 0, INT64_MAX, top))
                return mpipe_usage(mp, "-n %s: not a number from 0 to %" PRId64,
                                   optarg, INT64_MAX);
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
    return MPIPE_OK;
}

int main(int argc, char **argv)
{
    const struct mpipe_stage stage = {
        .name = "count", .run = count,
        .init = counter_init, .fini = counter_fini
    };
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct mpipe_pipeline *pl;
    struct word_table total = { 0 };
    int64_t top = INT64_MAX;
    enum mpipe_err e = read_arguments(mp, argc, argv, &top);

    if (e != MPIPE_OK)
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    pl = mpipe_pipeline_new(mp);
    mpipe_pipeline_name(pl, "wordcount");
    mpipe_source_splits(pl, (const char *const *)argv + optind,
                        (size_t)(argc - optind), 0);
    mpipe_pipeline_add(pl, &stage);
    mpipe_pipeline_sink(pl, add_counts, &total);
    e = mpipe_pipeline_run(pl);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0)
        e = print(mp, &total, (uint64_t)top);
    word_table_fini(&total);
    mpipe_pipeline_free(pl);
    return mpipe_finalize(mp, e);
}
