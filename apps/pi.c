/* SPDX-License-Identifier: BSD-3-Clause */
/* pi.c - pi by throwing darts: a fold whose answer is the same for any number of
 * ranks, since each item has a seed of its own.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <mpipe.h>
#include "arguments.h"

#define THROWS 1000000u             /* for an item */

static const char help[] =
    "Usage: pi [-n ITEMS] [-s SEED]\n"
    "Throw a million darts for each item, and print pi as they say it is.\n"
    "  -n ITEMS   default 100\n"
    "  -s SEED    default 1\n"
    "  --help     this text\n"
    "Options of libmpipe (--quiet, --report=FILE, ...): see 'mpipe info'.\n";

struct arguments {
    int64_t items, seed;
};

struct tally {
    uint64_t hits, throws;
};

/* xorshift64*: good enough for darts. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

static enum mpipe_err throw_darts(const struct mpipe_item *in,
                                  struct mpipe_out *out, void *arg)
{
    const struct arguments *a = arg;
    uint64_t item = (uint64_t)*(const int64_t *)in->data;
    uint64_t state = ((uint64_t)a->seed << 32 ^ item) * 0x9e3779b97f4a7c15u | 1;
    struct tally t = { 0, THROWS };

    for (unsigned i = 0; i < 10; i++)
        next(&state);
    for (unsigned i = 0; i < THROWS; i++) {
        uint64_t bits = next(&state);
        uint64_t x = bits >> 32, y = bits & 0xffffffff;
        t.hits += (x * x >> 1) + (y * y >> 1) < (uint64_t)1 << 63;
    }
    return mpipe_emit(out, &t, sizeof t);
}

static void add(void *acc, const void *value, size_t size, void *arg)
{
    struct tally *a = acc;
    const struct tally *t = value;

    (void)size, (void)arg;
    a->hits += t->hits;
    a->throws += t->throws;
}

static enum mpipe_err print(const struct mpipe_item *result, void *arg)
{
    const struct tally *t = result->data;

    (void)arg;
    printf("%.9f (%" PRIu64 " of %" PRIu64 ")\n",
           4.0 * (double)t->hits / (double)t->throws, t->hits, t->throws);
    return fflush(stdout) == 0 && !ferror(stdout) ? MPIPE_OK : MPIPE_EIO;
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     struct arguments *a)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'H' }, { NULL, 0, NULL, 0 }
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":n:s:", options, NULL)) != -1)
        switch (c) {
        case 'n':
            if (!arguments_number(optarg, 1, 1000000000, &a->items))
                return mpipe_usage(mp, "-n %s: not a number from 1 to "
                                   "1000000000", optarg);
            break;
        case 's':
            if (!arguments_number(optarg, 0, UINT32_MAX, &a->seed))
                return mpipe_usage(mp, "-s %s: not a number from 0 to "
                                   "4294967295", optarg);
            break;
        case 'H':
            if (mpipe_rank(mp) == 0)
                fputs(help, stdout);
            return MPIPE_END;
        default:
            return arguments_wrong(mp, argv, c);
        }
    if (optind < argc)
        return mpipe_usage(mp, "%s: no argument is expected (see --help)",
                           argv[optind]);
    return MPIPE_OK;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct arguments a = { .items = 100, .seed = 1 };
    enum mpipe_err e = read_arguments(mp, argc, argv, &a);
    const struct mpipe_job job = {
        .name = "pi", .arg = &a, .map = throw_darts, .fold = add,
        .done = print
    };
    struct mpipe_mapreduce *mr;

    if (e != MPIPE_OK)
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    mr = mpipe_mapreduce_new(mp, &job);
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, a.items);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return mpipe_finalize(mp, e);
}
