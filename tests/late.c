/* SPDX-License-Identifier: BSD-3-Clause */
/* late.c - one rank takes very long over its first item, for backup.sh.
 *
 *      late pipeline|counts|order RANK SECONDS [PARTITIONS]
 *
 * Items 1 ... 300 of 2 ms each; RANK takes SECONDS over the first that it gets: asleep,
 * or, in a job, asleep before each pair that it emits.  Prints what it has found: of a
 * pipeline "n n*n" in feed order, of a job "key value" for each of 13 keys: the sum of
 * the items, or a number that depends on their order.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mpipe.h>

#define ITEMS 300
#define KEYS  13u
#define PAIRS 400u              /* of an item */

static int slow_rank;
static unsigned seconds;
static bool has_slept;

/* The first item on the slow rank. */
static bool is_slow(const struct mpipe_out *out)
{
    bool first = mpipe_out_rank(out) == slow_rank && !has_slept;

    has_slept |= first;
    return first;
}

static enum mpipe_err square(const struct mpipe_item *in, struct mpipe_out *out,
                             void *arg)
{
    uint64_t n = *(const uint64_t *)in->data, pair[2] = { n, n * n };

    (void)arg;
    usleep(is_slow(out) ? seconds * 1000000 : 2000);
    return mpipe_emit(out, pair, sizeof pair);
}

static enum mpipe_err print(const struct mpipe_item *result, void *arg)
{
    const uint64_t *pair = result->data;

    (void)arg;
    printf("%" PRIu64 " %" PRIu64 "\n", pair[0], pair[1]);
    return MPIPE_OK;
}

static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out,
                          void *arg)
{
    uint64_t n = *(const uint64_t *)in->data;
    bool slow = is_slow(out);
    enum mpipe_err e = MPIPE_OK;

    (void)arg;
    if (!slow)
        usleep(2000);
    for (uint64_t i = 0; i < PAIRS && e == MPIPE_OK; i++) {
        uint64_t key = (n + i) % KEYS;
        if (slow)
            usleep(seconds * 1000000 / PAIRS);
        e = mpipe_emit_pair(out, &key, sizeof key, &n, sizeof n);
    }
    return e;
}

static enum mpipe_err in_order(const struct mpipe_item *key,
                               struct mpipe_values *values,
                               struct mpipe_out *out, void *arg)
{
    uint64_t pair[2] = { *(const uint64_t *)key->data, 0 };
    struct mpipe_item v;

    (void)arg;
    while (mpipe_values_next(values, &v))
        pair[1] = (pair[1] * 31 + *(const uint64_t *)v.data) % 1000003;
    return mpipe_emit(out, pair, sizeof pair);
}

static enum mpipe_err sum_up(const struct mpipe_item *key,
                             struct mpipe_values *values,
                             struct mpipe_out *out, void *arg)
{
    uint64_t pair[2] = { *(const uint64_t *)key->data, 0 };
    struct mpipe_item v;

    (void)arg;
    while (mpipe_values_next(values, &v))
        pair[1] += *(const uint64_t *)v.data;
    return mpipe_emit(out, pair, sizeof pair);
}

static enum mpipe_err run_pipeline(struct mpipe *mp)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    enum mpipe_err e;

    mpipe_source_range(pl, 1, ITEMS);
    mpipe_pipeline_stage(pl, "square", square, NULL);
    mpipe_pipeline_sink(pl, print, NULL);
    mpipe_pipeline_ordered(pl, 1);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

static enum mpipe_err run_job(struct mpipe *mp, bool counts, unsigned partitions)
{
    struct mpipe_job job = {
        .name = "late", .map = map, .reduce = counts ? sum_up : in_order,
        .combine = counts ? mpipe_sum_u64 : NULL, .done = print,
        .partitions = partitions
    };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    mpipe_source_range(mpipe_mapreduce_input(mr), 1, ITEMS);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    enum mpipe_err e;

    if (argc < 4)
        return mpipe_finalize(mp, mpipe_usage(mp, "late pipeline|counts|order RANK "
                                              "SECONDS [PARTITIONS]"));
    slow_rank = atoi(argv[2]);
    seconds = (unsigned)atoi(argv[3]);
    if (strcmp(argv[1], "pipeline") == 0)
        e = run_pipeline(mp);
    else
        e = run_job(mp, strcmp(argv[1], "counts") == 0,
                    argc > 4 ? (unsigned)atoi(argv[4]) : 0);
    return mpipe_finalize(mp, e);
}
