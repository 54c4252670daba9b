/* SPDX-License-Identifier: BSD-3-Clause */
/* palindrome.c - how many numbers from 0 to N are palindromes in binary?
 *
 * The items are ranges of numbers, so that an item is worth sending; a stage
 * counts those in a range, and rank 0 adds the counts up.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <mpipe.h>
#include "arguments.h"

static const char help[] =
    "Usage: palindrome N\n"
    "Count the numbers from 0 to N (inclusive) that are palindromes in "
    "binary.\n"
    "Options of libmpipe (--quiet, --report=FILE, ...): see 'mpipe info'.\n";

static bool is_palindrome(uint64_t x)
{
    uint64_t reversed = 0;

    for (uint64_t rest = x; rest > 0; rest >>= 1)
        reversed = reversed << 1 | (rest & 1);
    return reversed == x;
}

static enum mpipe_err count(const struct mpipe_item *in,
                            struct mpipe_out *out, void *arg)
{
    const struct mpipe_range *range = in->data;
    uint64_t found = 0;

    (void)arg;
    for (uint64_t x = (uint64_t)range->first; x <= (uint64_t)range->last; x++)
        found += is_palindrome(x);
    return mpipe_emit(out, &found, sizeof found);
}

static enum mpipe_err add(const struct mpipe_item *result, void *sum)
{
    *(uint64_t *)sum += *(const uint64_t *)result->data;
    return MPIPE_OK;
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     int64_t *last)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'H' }, { NULL, 0, NULL, 0 }
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (c != 'H')
            return arguments_wrong(mp, argv, c);
        if (mpipe_rank(mp) == 0)
            fputs(help, stdout);
        return MPIPE_END;
    }
    if (argc - optind != 1)
        return mpipe_usage(mp, "give one number (see --help)");
    if (!arguments_number(argv[optind], 0, INT64_MAX, last))
        return mpipe_usage(mp, "%s: not a number from 0 to %" PRId64,
                           argv[optind], INT64_MAX);
    return MPIPE_OK;
}

/* Many ranges a rank, so that all end together, but none too long to retry. */
static int64_t step_for(int64_t last, int ranks)
{
    int64_t step = last / (64 * (int64_t)ranks) + 1;

    return step < 1 << 20 ? step : 1 << 20;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct mpipe_pipeline *pl;
    int64_t last = 0;
    uint64_t sum = 0;
    enum mpipe_err e = read_arguments(mp, argc, argv, &last);

    if (e != MPIPE_OK)
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    pl = mpipe_pipeline_new(mp);
    mpipe_pipeline_name(pl, "palindrome");
    mpipe_source_ranges(pl, 0, last, step_for(last, mpipe_size(mp)));
    mpipe_pipeline_stage(pl, "count", count, NULL);
    mpipe_pipeline_sink(pl, add, &sum);
    e = mpipe_pipeline_run(pl);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0) {
        printf("Palindrome counter to %" PRId64 ": %" PRIu64 "\n", last, sum);
        e = arguments_printed(mp);
    }
    mpipe_pipeline_free(pl);
    return mpipe_finalize(mp, e);
}
