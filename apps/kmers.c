/* SPDX-License-Identifier: BSD-3-Clause */
/* kmers.c - how often does each piece of K bases occur in these reads?
 *
 * A keyed job: the key is the lesser of a k-mer and its reverse complement, two
 * bits a base, and mpipe_count() adds up.  The ranges of a file may cut a
 * sequence anywhere; sequence.c puts it together.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mpipe.h>
#include "arguments.h"
#include "sequence.h"

static const char help[] =
    "Usage: kmers -k K [-n TOP] [--histogram] PATH...\n"
    "Count the canonical K-mers of FASTA or FASTQ files, also compressed "
    "(.gz, .zst),\n"
    "and of all files below directories.  Prints COUNT<TAB>K-MER, most "
    "frequent first.\n"
    "  -k K          bases, 1 to 31\n"
    "  -n TOP        only the first TOP k-mers (default 20)\n"
    "  --histogram   instead: TIMES<TAB>HOW MANY K-MERS OCCUR SO OFTEN\n"
    "  --help        this text\n"
    "Options of libmpipe (--memory=SIZE, --report=FILE, ...): see "
    "'mpipe info'.\n";

#define HISTOGRAM_MAX 10000u        /* what is more often counts as this */

struct arguments {
    int64_t k, top;
    int histogram;
    char *const *paths;
    size_t n_paths;
};

struct found {                      /* a k-mer that may be among the first */
    uint64_t count, kmer;
};

struct results {
    const struct arguments *arguments;
    struct found *top;              /* a heap, the least of them first */
    size_t n;
    uint64_t times[HISTOGRAM_MAX + 1];
};

/* ---- map ---- */

struct counter {
    const struct arguments *arguments;
    struct sequence_reader *reader;
};

static enum mpipe_err counter_init(void *arg, struct mpipe_out *out,
                                   void **state)
{
    struct counter *c = calloc(1, sizeof *c);

    if (c != NULL)
        c->reader = sequence_reader_new();
    if (c == NULL || c->reader == NULL) {
        free(c);
        mpipe_fail(out, "no memory to read sequences");
        return MPIPE_ENOMEM;
    }
    c->arguments = ((struct results *)arg)->arguments;
    *state = c;
    return MPIPE_OK;
}

static void counter_fini(void *state, struct mpipe_out *out)
{
    struct counter *c = state;

    (void)out;
    sequence_reader_free(c->reader);
    free(c);
}

/* The last bases that were seen. */
struct window {
    unsigned k, have;
    uint64_t forward, reverse;
};

static enum mpipe_err slide(struct window *w,
                            const struct sequence_piece *piece,
                            struct mpipe_out *out)
{
    static const unsigned char code[256] = {    /* 0: not a base */
        ['A'] = 1, ['C'] = 2, ['G'] = 3, ['T'] = 4,
        ['a'] = 1, ['c'] = 2, ['g'] = 3, ['t'] = 4
    };
    uint64_t mask = ((uint64_t)1 << 2 * w->k) - 1;
    enum mpipe_err e = MPIPE_OK;

    for (size_t i = 0; i < piece->n && e == MPIPE_OK; i++) {
        uint64_t base = code[(unsigned char)piece->base[i]];

        if (base-- == 0) {
            w->have = 0;
            continue;
        }
        w->forward = (w->forward << 2 | base) & mask;
        w->reverse = w->reverse >> 2 | (3 - base) << 2 * (w->k - 1);
        if (w->have < w->k && ++w->have < w->k)
            continue;
        e = mpipe_emit_pair(out, w->forward < w->reverse ? &w->forward
                                                         : &w->reverse,
                            sizeof w->forward, NULL, 0);
    }
    return e;
}

static enum mpipe_err count(const struct mpipe_item *in,
                            struct mpipe_out *out, void *state)
{
    struct counter *c = state;
    struct window w = { .k = (unsigned)c->arguments->k };
    struct mpipe_split split;
    struct sequence_piece piece;
    enum mpipe_err e = mpipe_split_parse(in, &split);

    if (e == MPIPE_OK)
        e = sequence_open(c->reader, &split, w.k, out);
    while (e == MPIPE_OK
           && (e = sequence_next(c->reader, &piece, out)) == MPIPE_OK) {
        if (piece.begins)
            w.have = 0;
        e = slide(&w, &piece, out);
    }
    return e == MPIPE_END ? MPIPE_OK : e;
}

/* ---- the results, on rank 0 ---- */

/* Does a come after b in what is printed? */
static bool after(const struct found *a, const struct found *b)
{
    return a->count != b->count ? a->count < b->count : a->kmer > b->kmer;
}

static void sift_down(struct results *r, size_t at)
{
    for (;;) {
        size_t last = at, child = 2 * at + 1;
        struct found swap = r->top[at];

        for (size_t i = child; i < child + 2 && i < r->n; i++)
            if (after(&r->top[i], &r->top[last]))
                last = i;
        if (last == at)
            return;
        r->top[at] = r->top[last];
        r->top[last] = swap;
        at = last;
    }
}

static void sift_up(struct results *r, size_t at)
{
    while (at > 0 && after(&r->top[at], &r->top[(at - 1) / 2])) {
        struct found swap = r->top[at];
        r->top[at] = r->top[(at - 1) / 2];
        at = (at - 1) / 2;
        r->top[at] = swap;
    }
}

static enum mpipe_err keep(const struct mpipe_item *result, void *arg)
{
    struct results *r = arg;
    struct mpipe_pair pair;
    struct found f;

    if (mpipe_pair_parse(result, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    memcpy(&f.kmer, pair.key.data, sizeof f.kmer);
    memcpy(&f.count, pair.value.data, sizeof f.count);
    r->times[f.count < HISTOGRAM_MAX ? f.count : HISTOGRAM_MAX]++;
    if (r->n < (size_t)r->arguments->top) {
        struct found *more = r->top;
        if ((r->n & (r->n - 1)) == 0)       /* 0, 1, 2, 4, ... */
            more = realloc(r->top, (r->n > 0 ? 2 * r->n : 1) * sizeof *more);
        if (more == NULL)
            return MPIPE_ENOMEM;
        r->top = more;
        r->top[r->n] = f;
        sift_up(r, r->n++);
    } else if (r->n > 0 && after(&r->top[0], &f)) {
        r->top[0] = f;
        sift_down(r, 0);
    }
    return MPIPE_OK;
}

static int in_order(const void *a, const void *b)
{
    return after(a, b) ? 1 : after(b, a) ? -1 : 0;
}

static enum mpipe_err print(struct mpipe *mp, struct results *r)
{
    if (r->arguments->histogram) {
        for (unsigned i = 1; i <= HISTOGRAM_MAX; i++)
            if (r->times[i] > 0)
                printf("%u\t%" PRIu64 "\n", i, r->times[i]);
    } else if (r->n > 0) {
        qsort(r->top, r->n, sizeof *r->top, in_order);
    }
    for (size_t i = 0; !r->arguments->histogram && i < r->n; i++) {
        char text[32];
        unsigned k = (unsigned)r->arguments->k;

        for (unsigned b = 0; b < k; b++)
            text[b] = "ACGT"[r->top[i].kmer >> 2 * (k - 1 - b) & 3];
        printf("%" PRIu64 "\t%.*s\n", r->top[i].count, (int)k, text);
    }
    return arguments_printed(mp);
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     struct arguments *a)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'H' },
        { "histogram", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 }
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":k:n:", options, NULL)) != -1)
        switch (c) {
        case 'k':
            if (!arguments_number(optarg, 1, 31, &a->k))
                return mpipe_usage(mp, "-k %s: not a number from 1 to 31",
                                   optarg);
            break;
        case 'n':
            if (!arguments_number(optarg, 0, 1000000000, &a->top))
                return mpipe_usage(mp, "-n %s: not a number from 0 to "
                                   "1000000000", optarg);
            break;
        case 'h':
            a->histogram = 1;
            break;
        case 'H':
            if (mpipe_rank(mp) == 0)
                fputs(help, stdout);
            return MPIPE_END;
        default:
            return arguments_wrong(mp, argv, c);
        }
    if (a->k == 0)
        return mpipe_usage(mp, "give -k K (see --help)");
    if (optind == argc)
        return mpipe_usage(mp, "give files or directories (see --help)");
    a->paths = argv + optind;
    a->n_paths = (size_t)(argc - optind);
    return MPIPE_OK;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct arguments a = { .top = 20 };
    struct results *r = calloc(1, sizeof *r);
    enum mpipe_err e = r != NULL ? read_arguments(mp, argc, argv, &a)
                                 : MPIPE_ENOMEM;
    const struct mpipe_job job = {
        .name = "kmers", .arg = r, .init = counter_init, .fini = counter_fini,
        .map = count, .combine = mpipe_count, .done = keep
    };
    struct mpipe_mapreduce *mr;

    if (e != MPIPE_OK) {
        free(r);
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    }
    r->arguments = &a;
    mr = mpipe_mapreduce_new(mp, &job);
    mpipe_source_splits(mpipe_mapreduce_input(mr),
                        (const char *const *)a.paths, a.n_paths, 0);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0)
        e = print(mp, r);
    free(r->top);
    free(r);
    return mpipe_finalize(mp, e);
}
