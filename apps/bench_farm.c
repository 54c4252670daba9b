/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_farm.c - tasks shared out over all ranks but 0.
 *
 * Efficiency is the ideal time over the time taken.  The ideal is what a list
 * schedule without any overhead would take: each task, in the order of their
 * numbers, begins on the worker that is free first and takes as long as it
 * really took.  (Another order can be a little better, so slightly more than 1
 * is possible.)
 *
 * Where there are fewer cores than workers, tasks that spin could show only how
 * the cores are shared; so there tasks sleep, which needs no core of their
 * own.  Tasks of 1 us cannot sleep, and always spin: then the ideal is the time
 * of all tasks over the cores.
 */
#include <stdlib.h>
#include <sys/prctl.h>
#include "bench.h"

#define MIN_TASKS   300         /* so that a few of them are long */

/* ---- tasks ---- */

static uint64_t scatter(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    return (x ^ x >> 29) * 0xbf58476d1ce4e5b9u >> 32;
}

/* One of each hundred is long, at a place that looks random. */
uint64_t bench_farm_ns(const struct bench_farm *farm, uint64_t number)
{
    bool is_long = farm->skewed
                   && scatter(number / 100 + 1) % 100 == number % 100;

    return is_long ? 100 * farm->task_ns : farm->task_ns;
}

static void spin(double loops)
{
    for (uint64_t n = (uint64_t)loops; n > 0; n--)
        __asm__ volatile("" ::: "memory");
}

/* Loops a nanosecond: the best of some tries, as others use the cores too. */
static double calibrate(void)
{
    double best = 0;

    for (int i = 0; i < 20; i++) {
        double from = bench_now(), rate;
        spin(1e6);
        rate = 1e6 / (1e9 * (bench_now() - from));
        if (rate > best)
            best = rate;
    }
    return best;
}

void bench_farm_work(const struct bench_farm *farm,
                     struct bench_task_item *task)
{
    double from;

    if (!farm->sleeps) {
        spin((double)task->ns * farm->loops_per_ns);
        return;
    }
    from = bench_now();
    bench_rest(1e-9 * (double)task->ns);
    task->ns = (uint64_t)(1e9 * (bench_now() - from));
}

/* ---- the library's side ---- */

struct feed {
    const struct bench_farm *farm;
    uint64_t next;
    double from;
};

struct collect {
    const struct bench_farm *farm;
    uint64_t items, sum;
    double to;
};

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct feed *feed = arg;
    enum mpipe_err e = MPIPE_OK;

    if (feed->next == 0)
        feed->from = bench_now();
    for (unsigned n = 1000; n > 0 && feed->next < feed->farm->tasks
                            && e == MPIPE_OK; n--) {
        struct bench_task_item task = {
            feed->next, bench_farm_ns(feed->farm, feed->next)
        };
        e = mpipe_emit(out, &task, sizeof task);
        feed->next++;
    }
    if (e != MPIPE_OK)
        return e;
    return feed->next < feed->farm->tasks ? MPIPE_OK : MPIPE_END;
}

static enum mpipe_err work(void *data, size_t size, struct mpipe_out *out,
                           void *arg)
{
    (void)size, (void)out;
    bench_farm_work(arg, data);
    return MPIPE_OK;
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    const struct bench_task_item *task = result->data;
    struct collect *c = arg;

    c->sum += task->number;
    c->farm->took_ns[task->number] = (double)task->ns;
    if (++c->items == c->farm->tasks)
        c->to = bench_now();
    return MPIPE_OK;
}

static enum mpipe_err farm_library(struct bench *b,
                                   const struct bench_farm *farm,
                                   struct bench_answer *answer)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(b->mp);
    struct feed feed = { .farm = farm };
    struct collect c = { .farm = farm };
    enum mpipe_err e;

    bench_meet(b);
    mpipe_pipeline_source(pl, source, &feed);
    mpipe_pipeline_count(pl, farm->tasks);
    mpipe_pipeline_map(pl, "work", work, (void *)(uintptr_t)farm);
    mpipe_pipeline_sink(pl, sink, &c);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    *answer = (struct bench_answer){ c.items, c.sum, c.to - feed.from };
    return e;
}

/* ---- the ideal ---- */

static double ideal(const struct bench *b, const struct bench_farm *farm)
{
    unsigned n = (unsigned)b->size - 1;
    unsigned workers = farm->sleeps || (int)n < b->cores ? n
                       : (unsigned)b->cores;
    double *until = calloc(workers, sizeof *until), end = 0;

    if (until == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    for (uint64_t i = 0; i < farm->tasks; i++) {
        unsigned first = 0;
        for (unsigned w = 1; w < workers; w++)
            if (until[w] < until[first])
                first = w;
        until[first] += farm->took_ns[i];
        if (until[first] > end)
            end = until[first];
    }
    free(until);
    return 1e-9 * end;
}

/* ---- the cases ---- */

static uint64_t enough_tasks(const struct bench *b,
                             const struct bench_farm *farm)
{
    double workers = b->size - 1;
    double mean = 1e-9 * (double)farm->task_ns * (farm->skewed ? 1.99 : 1);
    uint64_t n = (uint64_t)(b->seconds * workers / mean);
    uint64_t least = farm->task_ns < 1000000 || farm->skewed ? MIN_TASKS : 100;

    if (b->quick)
        least = farm->skewed ? 100 : 20;
    return n > least ? n : least;
}

static void one_run(struct bench *b, const char *name, const char *side,
                    const struct bench_farm *farm,
                    const struct bench_answer *answer, double *efficiency)
{
    uint64_t n = farm->tasks;

    bench_check(b, name, side, answer->items, n);
    bench_check(b, name, side, answer->sum, n * (n - 1) / 2);
    if (b->rank == 0)
        *efficiency = ideal(b, farm) / answer->seconds;
}

static enum mpipe_err one_case(struct bench *b, const char *name,
                               struct bench_farm *farm)
{
    struct bench_row *row = bench_row(b, "farm", name, "efficiency", "");
    struct bench_answer answer;
    enum mpipe_err e = MPIPE_OK;
    double efficiency = 0;
    unsigned n = farm->task_ns > 1000000 && farm->skewed ? 2 : b->repeat;

    farm->tasks = enough_tasks(b, farm);
    farm->took_ns = calloc(farm->tasks, sizeof *farm->took_ns);
    if (farm->took_ns == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    for (unsigned i = 0; i < n && e == MPIPE_OK; i++) {
        bench_farm_control(b, farm, &answer);
        one_run(b, name, "control", farm, &answer, &efficiency);
        if (row != NULL)
            row->control_sample[i] = efficiency;
        e = farm_library(b, farm, &answer);
        one_run(b, name, "library", farm, &answer, &efficiency);
        if (row != NULL)
            row->library_sample[i] = efficiency;
    }
    free(farm->took_ns);
    if (row != NULL && e == MPIPE_OK) {
        row->n_samples = n;
        row->goal = farm->task_ns < 100000 ? BENCH_NO_GOAL
                                           : BENCH_LIBRARY_AT_LEAST;
        row->limit = 0.95;
        bench_row_done(b, row);
    }
    return e;
}

enum mpipe_err bench_farm(struct bench *b)
{
    static const struct { const char *name; uint64_t ns; } tasks[] = {
        { "1 us", 1000 }, { "100 us", 100000 }, { "10 ms", 10000000 }
    };
    enum mpipe_err e = MPIPE_OK;
    double rate = calibrate();

    MPI_Bcast(&rate, 1, MPI_DOUBLE, 0, b->comm);
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);   /* else sleeps are 50 us longer */
    for (unsigned i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        for (int skewed = 0; skewed < 2 && e == MPIPE_OK; skewed++) {
            struct bench_farm farm = {
                .task_ns = tasks[i].ns, .skewed = skewed != 0,
                .sleeps = b->task == BENCH_SLEEP && tasks[i].ns > 50000,
                .loops_per_ns = rate
            };
            char name[48];

            snprintf(name, sizeof name, "%s %s %s", tasks[i].name,
                     skewed ? "skewed" : "equal",
                     farm.sleeps ? "sleep" : "spin");
            if (b->quick && skewed && tasks[i].ns > 1000000)
                continue;       /* a single long one takes a second */
            if (bench_wanted(b, name))
                e = one_case(b, name, &farm);
        }
    }
    prctl(PR_SET_TIMERSLACK, 0, 0, 0, 0);
    return e;
}
