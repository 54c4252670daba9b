/* SPDX-License-Identifier: BSD-3-Clause */
/* taskchain.c - a chain of tasks, fed from a loop in the program.
 *
 *      n -> increment -> pair (2 for 1) -> no_tens (drops) -> double -> 2(n+1)
 *
 * The push style: rank 0 feeds as long as the pipeline would take more,
 * and could do other things in between; the other ranks go to
 * mpipe_pipeline_end() at once and serve there.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <mpipe.h>
#include "arguments.h"

static const char help[] =
    "Usage: taskchain [NUMBERS]\n"
    "Feed 1 ... NUMBERS (3 if not given) to a chain of four tasks: add one, "
    "make\n"
    "two of it, drop multiples of ten, double.  Print each result and the "
    "account.\n"
    "Options of libmpipe (--quiet, --report=FILE, ...): see 'mpipe info'.\n";

static enum mpipe_err increment(void *data, size_t size,
                                struct mpipe_out *out, void *arg)
{
    (void)size, (void)out, (void)arg;
    *(int64_t *)data += 1;
    return MPIPE_OK;
}

static enum mpipe_err pair(const struct mpipe_item *in,
                           struct mpipe_out *out, void *arg)
{
    enum mpipe_err e = mpipe_emit(out, in->data, in->size);

    (void)arg;
    return e == MPIPE_OK ? mpipe_emit(out, in->data, in->size) : e;
}

static enum mpipe_err no_tens(const struct mpipe_item *in,
                              struct mpipe_out *out, void *arg)
{
    (void)arg;
    if (*(const int64_t *)in->data % 10 == 0)
        return MPIPE_OK;
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err twice(void *data, size_t size,
                            struct mpipe_out *out, void *arg)
{
    (void)size, (void)out, (void)arg;
    *(int64_t *)data *= 2;
    return MPIPE_OK;
}

static enum mpipe_err print(const struct mpipe_item *result, void *arg)
{
    (void)arg;
    if (printf("%" PRId64 "\n", *(const int64_t *)result->data) < 0)
        return MPIPE_EIO;
    return MPIPE_OK;
}

/* Rank 0's part: feed, wait for the last result, and tell the account. */
static enum mpipe_err feed(struct mpipe_pipeline *pl, int64_t numbers)
{
    enum mpipe_err e = MPIPE_OK;
    struct mpipe_counts n;

    for (int64_t i = 1; i <= numbers && e == MPIPE_OK; i++) {
        e = mpipe_pipeline_feed(pl, &i, sizeof i);
        if (e == MPIPE_OK && i % 1000 == 0)
            e = mpipe_pipeline_wait_input(pl);
    }
    if (e == MPIPE_OK)
        e = mpipe_pipeline_wait_empty(pl);
    if (e != MPIPE_OK)
        return e;
    mpipe_pipeline_counts(pl, &n);
    printf("fed %" PRIu64 ", made %" PRIu64 ", delivered %" PRIu64
           ", dropped %" PRIu64 ", failed %" PRIu64 "\n",
           n.fed, n.made, n.delivered, n.dropped, n.failed);
    return MPIPE_OK;
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     int64_t *numbers)
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
    if (argc - optind > 1)
        return mpipe_usage(mp, "%s: one argument is enough (see --help)",
                           argv[optind + 1]);
    if (optind < argc &&
        !arguments_number(argv[optind], 0, INT64_MAX / 4, numbers))
        return mpipe_usage(mp, "%s: not a number from 0 to %" PRId64,
                           argv[optind], INT64_MAX / 4);
    return MPIPE_OK;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct mpipe_pipeline *pl;
    int64_t numbers = 3;
    enum mpipe_err e = read_arguments(mp, argc, argv, &numbers), end;

    if (e != MPIPE_OK)
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    pl = mpipe_pipeline_new(mp);
    mpipe_pipeline_name(pl, "taskchain");
    mpipe_pipeline_map(pl, "increment", increment, NULL);
    mpipe_pipeline_stage(pl, "pair", pair, NULL);
    mpipe_pipeline_stage(pl, "no_tens", no_tens, NULL);
    mpipe_pipeline_map(pl, "double", twice, NULL);
    mpipe_pipeline_sink(pl, print, NULL);
    mpipe_pipeline_ordered(pl, 1);
    e = mpipe_pipeline_start(pl);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0)
        e = feed(pl, numbers);
    end = mpipe_pipeline_end(pl);
    mpipe_pipeline_free(pl);
    return mpipe_finalize(mp, e != MPIPE_OK ? e : end);
}
