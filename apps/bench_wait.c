/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_wait.c - one item at a time: how soon it comes out, and what the ranks
 * burn until it comes.
 *
 * latency: an item is fed to an empty pipeline of three stages as soon as the
 * last one has come out.  wait: all ranks serve the three stages, and items
 * come 5 to 15 ms apart, or for some seconds not at all.  A pulled source is
 * asked again and again, and says MPIPE_AGAIN until the time has come; the
 * delay counts from that time, not from when the source was next asked.
 */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define ITEM    64              /* bytes */
#define TAG     3

/* Between half and one and a half times the mean, so that no timer fits. */
static double gap_of(double mean, unsigned i)
{
    return mean * (0.5 + (double)(i * 2654435761u % 1000) / 1000);
}

/* ---- the control ---- */

static void pass_on(struct bench *b, int from, int to)
{
    char item[ITEM];
    MPI_Status status;
    int bytes = 1;

    while (bytes > 0) {
        MPI_Recv(item, ITEM, MPI_BYTE, from, TAG, b->comm, &status);
        MPI_Get_count(&status, MPI_BYTE, &bytes);
        MPI_Send(item, bytes, MPI_BYTE, to, TAG, b->comm);
    }
}

static void send_round(struct bench *b, unsigned n, double gap,
                       double *seconds)
{
    char item[ITEM] = "";

    for (unsigned i = 0; i < n; i++) {
        double from;
        if (gap > 0)
            bench_rest(gap_of(gap, i));
        from = bench_now();
        MPI_Send(item, ITEM, MPI_BYTE, 1, TAG, b->comm);
        MPI_Recv(item, ITEM, MPI_BYTE, BENCH_STAGES, TAG, b->comm,
                 MPI_STATUS_IGNORE);
        seconds[i] = bench_now() - from;
    }
    MPI_Send(item, 0, MPI_BYTE, 1, TAG, b->comm);
    MPI_Recv(item, 0, MPI_BYTE, BENCH_STAGES, TAG, b->comm,
             MPI_STATUS_IGNORE);
}

double bench_trickle_control(struct bench *b, unsigned n, double gap, bool all,
                             double *seconds)
{
    double from, cpu;

    bench_meet(b);
    from = bench_now();
    cpu = bench_cpu_now();
    if (b->rank == 0) {
        send_round(b, n, gap, seconds);
        for (int r = BENCH_STAGES + 1; all && r < b->size; r++)
            MPI_Send(NULL, 0, MPI_BYTE, r, TAG, b->comm);
    } else if (b->rank <= BENCH_STAGES) {
        pass_on(b, b->rank - 1, b->rank < BENCH_STAGES ? b->rank + 1 : 0);
    } else if (all) {
        MPI_Recv(NULL, 0, MPI_BYTE, 0, TAG, b->comm, MPI_STATUS_IGNORE);
    }
    cpu = (bench_cpu_now() - cpu) / (bench_now() - from);
    bench_meet(b);
    return cpu;
}

/* ---- the library ---- */

struct arrivals {               /* a source whose items come at their times */
    unsigned n, made;
    double gap, next, until;    /* 'until': and then go on saying AGAIN */
};

struct delays {
    double *seconds;
    unsigned n;
};

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct arrivals *a = arg;
    double item[ITEM / sizeof(double)] = { 0 }, now = bench_now();

    if (a->made == a->n)
        return now < a->until ? MPIPE_AGAIN : MPIPE_END;
    if (now < a->next)
        return MPIPE_AGAIN;
    item[0] = a->next;
    a->next = now + gap_of(a->gap, a->made++);
    return mpipe_emit(out, item, sizeof item);
}

static enum mpipe_err touch(void *data, size_t size, struct mpipe_out *out,
                            void *arg)
{
    (void)data, (void)size, (void)out, (void)arg;
    return MPIPE_OK;
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    struct delays *d = arg;

    d->seconds[d->n++] = bench_now() - *(const double *)result->data;
    return MPIPE_OK;
}

static void describe(struct mpipe_pipeline *pl, bool all)
{
    static const char *const names[BENCH_STAGES] = { "one", "two", "three" };

    for (unsigned s = 0; s < BENCH_STAGES; s++) {
        struct mpipe_stage stage = { .name = names[s], .map = touch,
                                     .replicas = all ? 0 : 1 };
        mpipe_pipeline_add(pl, &stage);
    }
}

/* Pulled: 'n' items 'gap' apart, then nothing for 'idle' seconds. */
static enum mpipe_err pulled(struct bench *b, unsigned n, double gap,
                             double idle, double *seconds, double *share)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(b->mp);
    struct delays d = { .seconds = seconds };
    double from, cpu;
    struct arrivals a = { .n = n, .gap = gap };
    enum mpipe_err e;

    bench_meet(b);
    from = bench_now();
    cpu = bench_cpu_now();
    a.next = from + gap;
    a.until = from + idle;
    mpipe_pipeline_source(pl, source, &a);
    describe(pl, true);
    mpipe_pipeline_sink(pl, sink, &d);
    e = mpipe_pipeline_run(pl);
    *share = (bench_cpu_now() - cpu) / (bench_now() - from);
    mpipe_pipeline_free(pl);
    if (e == MPIPE_OK)
        bench_check(b, "wait", "library", d.n, n);
    return e;
}

static enum mpipe_err feed_one(struct mpipe_pipeline *pl)
{
    char item[ITEM] = "";
    enum mpipe_err e = mpipe_pipeline_feed(pl, item, sizeof item);

    return e == MPIPE_OK ? mpipe_pipeline_wait_empty(pl) : e;
}

/* Pushed: the same, fed by rank 0 itself. */
static enum mpipe_err pushed(struct bench *b, unsigned n, double gap,
                             double idle, bool all, double *seconds,
                             double *share)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(b->mp);
    struct mpipe_counts counts;
    double from, cpu;
    enum mpipe_err e, end;

    bench_meet(b);
    from = bench_now();
    cpu = bench_cpu_now();
    describe(pl, all);
    e = mpipe_pipeline_start(pl);
    for (unsigned i = 0; b->rank == 0 && i < n && e == MPIPE_OK; i++) {
        double sent;
        if (gap > 0)
            bench_rest(gap_of(gap, i));
        sent = bench_now();
        e = feed_one(pl);
        seconds[i] = bench_now() - sent;
    }
    if (b->rank == 0 && e == MPIPE_OK)
        bench_rest(idle);
    end = mpipe_pipeline_end(pl);
    *share = (bench_cpu_now() - cpu) / (bench_now() - from);
    mpipe_pipeline_counts(pl, &counts);
    mpipe_pipeline_free(pl);
    e = e == MPIPE_OK ? end : e;
    if (e == MPIPE_OK)
        bench_check(b, "one by one", "library", counts.delivered, n);
    return e;
}

/* ---- the benches ---- */

static void times(struct bench *b, const char *bench, const char *name,
                  double *library, double *control, unsigned n, bool goal)
{
    static const struct { const char *name; double q; } quantiles[] = {
        { "median", 0.5 }, { "99 %", 0.99 }
    };

    for (unsigned i = 0; i < 2; i++) {
        struct bench_row *row = bench_row(b, bench, name, quantiles[i].name,
                                          "us");
        if (row == NULL)
            return;
        row->n_samples = 0;
        row->library = 1e6 * bench_quantile(library, n, quantiles[i].q);
        row->control = 1e6 * bench_quantile(control, n, quantiles[i].q);
        if (goal) {
            row->goal = BENCH_LIBRARY_AT_MOST;
            row->limit = 1000;
        }
        bench_row_done(b, row);
    }
}

static double *seconds_of(unsigned n)
{
    double *seconds = calloc(n, sizeof *seconds);

    if (seconds == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    return seconds;
}

enum mpipe_err bench_latency(struct bench *b)
{
    unsigned n = b->quick ? 20 : 500;
    double *library = seconds_of(n), *control = seconds_of(n), share;
    enum mpipe_err e = MPIPE_OK;

    if (bench_wanted(b, "at once")) {
        bench_trickle_control(b, n, 0, false, control);
        e = pushed(b, n, 0, 0, false, library, &share);
        if (e == MPIPE_OK)
            times(b, "latency", "at once", library, control, n, false);
    }
    free(library);
    free(control);
    return e;
}

/* The mean and the worst of all ranks, in percent of a core. */
static void shares(struct bench *b, const char *name, double library,
                   double control)
{
    static const char *const which[] = { "mean cpu", "worst cpu" };
    double mine[2] = { 100 * library, 100 * control }, sum[2], worst[2];

    MPI_Reduce(mine, sum, 2, MPI_DOUBLE, MPI_SUM, 0, b->comm);
    MPI_Reduce(mine, worst, 2, MPI_DOUBLE, MPI_MAX, 0, b->comm);
    for (unsigned i = 0; i < 2; i++) {
        struct bench_row *row = bench_row(b, "wait", name, which[i], "%");
        if (row == NULL)
            return;
        row->n_samples = 0;
        row->library = i == 0 ? sum[0] / b->size : worst[0];
        row->control = i == 0 ? sum[1] / b->size : worst[1];
        row->goal = BENCH_LIBRARY_AT_MOST;
        row->limit = 2;
        bench_row_done(b, row);
    }
}

enum mpipe_err bench_wait(struct bench *b)
{
    unsigned n = b->quick ? 10 : 150;
    double idle = b->quick ? 0.05 : 3, gap = b->quick ? 0.002 : 0.01;
    double *library = seconds_of(n), *control = seconds_of(n), one, nothing;
    double share = bench_trickle_control(b, 1, idle / 2, true, &one);
    enum mpipe_err e = MPIPE_OK;

    bench_trickle_control(b, n, gap, true, control);
    if (bench_wanted(b, "pull")) {
        double mine;
        e = pulled(b, 1, 0, idle, &one, &mine);
        if (e == MPIPE_OK) {
            shares(b, "pull", mine, share);
            e = pulled(b, n, gap, 0, library, &nothing);
        }
        if (e == MPIPE_OK)
            times(b, "wait", "pull", library, control, n, true);
    }
    if (e == MPIPE_OK && bench_wanted(b, "push")) {
        double mine;
        e = pushed(b, 1, 0, idle, true, &one, &mine);
        if (e == MPIPE_OK) {
            shares(b, "push", mine, share);
            e = pushed(b, n, gap, 0, true, library, &nothing);
        }
        if (e == MPIPE_OK)
            times(b, "wait", "push", library, control, n, true);
    }
    free(library);
    free(control);
    return e;
}
