/* SPDX-License-Identifier: BSD-3-Clause */
/* sumjob.c - the smallest fold: the numbers 1 to N, each incremented by map,
 * and added up.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <mpipe.h>
#include "arguments.h"

static const char help[] =
    "Usage: sumjob [-n N]\n"
    "Increment the numbers 1 to N (default 10) and print their sum.\n"
    "  -n N     how many numbers, 0 to 3000000000\n"
    "  --help   this text\n"
    "Options of libmpipe (--quiet, --report=FILE, ...): see 'mpipe info'.\n";

static enum mpipe_err increment(const struct mpipe_item *in,
                                struct mpipe_out *out, void *arg)
{
    int64_t number = *(const int64_t *)in->data + 1;

    (void)arg;
    return mpipe_emit(out, &number, sizeof number);
}

static enum mpipe_err keep(const struct mpipe_item *result, void *sum)
{
    *(int64_t *)sum = *(const int64_t *)result->data;
    return MPIPE_OK;
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     int64_t *n)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'H' }, { NULL, 0, NULL, 0 }
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":n:", options, NULL)) != -1)
        switch (c) {
        case 'n':
            if (!arguments_number(optarg, 0, 3000000000, n))
                return mpipe_usage(mp, "-n %s: not a number from 0 to "
                                   "3000000000", optarg);
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
    int64_t n = 10, sum = 0;
    enum mpipe_err e = read_arguments(mp, argc, argv, &n);
    const struct mpipe_job job = {
        .name = "sumjob", .map = increment, .fold = mpipe_sum_i64,
        .done = keep, .arg = &sum
    };
    struct mpipe_mapreduce *mr;

    if (e != MPIPE_OK)
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    mr = mpipe_mapreduce_new(mp, &job);
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, n);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0) {
        printf("%" PRId64 "\n", sum);
        e = arguments_printed(mp);
    }
    return mpipe_finalize(mp, e);
}
