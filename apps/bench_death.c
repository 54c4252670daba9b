/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_death.c - the job that loses a rank, for the bench of faults.
 *
 *      mpipe bench-death FILE [OPTION...]
 *
 * FILE is a struct bench_death.  When half of the results have come, the next
 * rank that is given an item is killed in the middle of it.  Results that others
 * had on their way still come then; so what counts is the end of the longest time
 * without any.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bench.h"
#include "bench_death.h"
#include "mpipe_tool.h"

#define SOON 0.05               /* seconds */
#define ITEM 64u

static struct bench_death *shared;

struct feed {
    uint64_t next;
};

struct collect {
    double last, longest;
};

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct feed *feed = arg;
    uint64_t item[ITEM / sizeof(uint64_t)] = { 0 };
    enum mpipe_err e = MPIPE_OK;

    for (unsigned n = 1000; n > 0 && feed->next < shared->items
                            && e == MPIPE_OK; n--) {
        item[0] = feed->next++;
        e = mpipe_emit(out, item, sizeof item);
    }
    if (e != MPIPE_OK)
        return e;
    return feed->next < shared->items ? MPIPE_OK : MPIPE_END;
}

static enum mpipe_err copy(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    (void)arg;
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err deadly(const struct mpipe_item *in, struct mpipe_out *out,
                             void *arg)
{
    int no = 0;

    if (shared->task_ns > 0)
        bench_rest(1e-9 * (double)shared->task_ns);
    if (shared->results >= shared->items / 2 && mpipe_out_rank(out) > 0
        && atomic_compare_exchange_strong(&shared->killed, &no, 1)) {
        shared->killed_at = bench_now();
        raise(SIGKILL);
    }
    return copy(in, out, arg);
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    struct collect *c = arg;
    double now;

    shared->sum += *(const uint64_t *)result->data;
    shared->results++;
    if (shared->killed_at == 0)
        return MPIPE_OK;
    now = bench_now();
    if (c->last == 0)
        c->last = shared->killed_at;
    if (c->last < shared->killed_at + SOON && now - c->last > c->longest) {
        c->longest = now - c->last;
        shared->back_at = now;
    }
    c->last = now;
    return MPIPE_OK;
}

static enum mpipe_err run(struct mpipe *mp)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    struct feed feed = { 0 };
    struct collect c = { 0, 0 };
    enum mpipe_err e;

    mpipe_pipeline_source(pl, source, &feed);
    if (shared->task_ns == 0)
        mpipe_pipeline_stage(pl, "one", copy, NULL);
    mpipe_pipeline_stage(pl, "deadly", deadly, NULL);
    if (shared->task_ns == 0)
        mpipe_pipeline_stage(pl, "three", copy, NULL);
    mpipe_pipeline_sink(pl, sink, &c);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

int mpipe_tool_bench_death(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    int fd;

    if (argc != 2)
        return mpipe_finalize(mp, mpipe_usage(mp, "mpipe bench-death FILE"));
    fd = open(argv[1], O_RDWR | O_CLOEXEC);
    shared = fd < 0 ? MAP_FAILED
             : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED,
                    fd, 0);
    if (shared == MAP_FAILED)
        return mpipe_finalize(mp, mpipe_usage(mp, "%s cannot be mapped",
                                              argv[1]));
    return mpipe_finalize(mp, run(mp));
}
