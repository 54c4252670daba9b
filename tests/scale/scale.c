/* SPDX-License-Identifier: BSD-3-Clause */
/* scale.c - jobs for many simulated ranks: is the answer right, and what does it take?
 *
 *   scale farm|ranges|pipeline|words [TASKS [TASK_US [STEP]]]
 *
 *   farm       an item is a task
 *   ranges     an item is a run of STEP tasks
 *   pipeline   three stages; the one in the middle has half of the work
 *   words      a keyed job: an item is a text, a key a word
 *
 * TASKS for each rank but 0 (100), of TASK_US microseconds each (1000), which pass in
 * simulated time alone.  What is printed is told in doc/scaling.md.
 */
#include <mpi.h>
#include <mpipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "flow.h"
#include "gauge.h"
#include "session.h"

#define BLOCK      4096             /* bytes of an item in the pipeline */
#define WORDS      50               /* in a text */
#define VOCABULARY 5000

struct scale {
    struct mpipe *mp;
    const char *part;
    long tasks, task_us, step;
    /* rank 0 */
    uint64_t sum, n;
    uint64_t count[VOCABULARY];
    double from, took;
};

/* On each rank, when a stage begins or ends and when a result has come. */
static void note(const struct scale *s)
{
    const struct mpipe__flow *flow = s->mp->engine.flows;
    struct gauge *g = gauge_of(-1);

    if (flow != NULL && flow->links.n > g->links_max)
        g->links_max = flow->links.n;
}

static enum mpipe_err stage_init(void *arg, struct mpipe_out *out, void **state)
{
    (void)out;
    *state = arg;
    note(arg);
    return MPIPE_OK;
}

static void stage_fini(void *state, struct mpipe_out *out)
{
    (void)out;
    note(state);
}

static void work(const struct scale *s, long units)
{
    if (units * s->task_us > 0)
        usleep((useconds_t)(units * s->task_us));
}

static uint64_t scatter(uint64_t x)
{
    x = (x ^ x >> 31) * 0x9e3779b97f4a7c15u;
    return (x ^ x >> 29) * 0xbf58476d1ce4e5b9u >> 20;
}

/* ---- farm, ranges ---- */

static enum mpipe_err task(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    uint64_t x = scatter(*(const uint64_t *)in->data);

    work(arg, 1);
    return mpipe_emit(out, &x, sizeof x);
}

static enum mpipe_err range(const struct mpipe_item *in, struct mpipe_out *out,
                            void *arg)
{
    const struct mpipe_range *r = in->data;
    uint64_t sum = 0;

    for (int64_t x = r->first; x <= r->last; x++)
        sum += scatter((uint64_t)x);
    work(arg, r->last - r->first + 1);
    return mpipe_emit(out, &sum, sizeof sum);
}

static enum mpipe_err add(const struct mpipe_item *result, void *arg)
{
    struct scale *s = arg;

    s->sum += *(const uint64_t *)result->data;
    if (s->n++ == 0)
        note(s);
    return MPIPE_OK;
}

static uint64_t sum_of_tasks(const struct scale *s)
{
    uint64_t sum = 0;

    for (long x = 1; x <= s->tasks; x++)
        sum += scatter((uint64_t)x);
    return sum;
}

/* ---- pipeline ---- */

static enum mpipe_err grow(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    char block[BLOCK] = "";

    memcpy(block, in->data, sizeof(uint64_t));
    work(arg, 1);
    return mpipe_emit(out, block, sizeof block);
}

static enum mpipe_err change(void *data, size_t size, struct mpipe_out *out,
                             void *arg)
{
    uint64_t x;

    (void)size, (void)out;
    memcpy(&x, data, sizeof x);
    x = scatter(x);
    memcpy(data, &x, sizeof x);
    work(arg, 2);
    return MPIPE_OK;
}

static enum mpipe_err shrink(const struct mpipe_item *in, struct mpipe_out *out,
                             void *arg)
{
    work(arg, 1);
    return mpipe_emit(out, in->data, sizeof(uint64_t));
}

/* ---- words ---- */

static unsigned word_of(uint64_t text, unsigned i)
{
    uint64_t x = scatter(text * WORDS + i), y = scatter(x);

    return (unsigned)(x % VOCABULARY * (y % VOCABULARY) / VOCABULARY);
}

static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out,
                          void *arg)
{
    uint64_t text = *(const uint64_t *)in->data;
    enum mpipe_err e = MPIPE_OK;
    char word[16];

    work(arg, 1);
    for (unsigned i = 0; i < WORDS && e == MPIPE_OK; i++) {
        int n = snprintf(word, sizeof word, "w%u", word_of(text, i));
        e = mpipe_emit_pair(out, word, (size_t)n, NULL, 0);
    }
    return e;
}

static enum mpipe_err reduce(const struct mpipe_item *key,
                             struct mpipe_values *values, struct mpipe_out *out,
                             void *arg)
{
    struct mpipe_item count = { NULL, 0 };

    (void)arg;
    mpipe_values_next(values, &count);
    return mpipe_emit_pair(out, key->data, key->size, count.data, count.size);
}

static enum mpipe_err counted(const struct mpipe_item *result, void *arg)
{
    struct scale *s = arg;
    struct mpipe_pair pair;
    char word[16] = "";

    mpipe_pair_parse(result, &pair);
    memcpy(word, pair.key.data, pair.key.size);
    s->count[atoi(word + 1)] += *(const uint64_t *)pair.value.data;
    if (s->n++ == 0)
        note(s);
    return MPIPE_OK;
}

static bool words_right(struct scale *s)
{
    for (long text = 1; text <= s->tasks; text++)
        for (unsigned i = 0; i < WORDS; i++)
            s->count[word_of((uint64_t)text, i)]--;
    for (unsigned w = 0; w < VOCABULARY; w++)
        if (s->count[w] != 0)
            return false;
    return true;
}

static enum mpipe_err run_words(struct scale *s)
{
    const struct mpipe_job job = {
        .name = "words", .arg = s, .init = stage_init, .fini = stage_fini,
        .map = map, .combine = mpipe_count, .reduce = reduce, .done = counted
    };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(s->mp, &job);
    enum mpipe_err e;

    mpipe_source_range(mpipe_mapreduce_input(mr), 1, s->tasks);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

/* ---- all ---- */

static enum mpipe_err run_pipeline(struct scale *s)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(s->mp);
    struct mpipe_stage stage[3] = {
        { .name = "grow", .run = grow, .work = 1 },
        { .name = "change", .map = change, .work = 2 },
        { .name = "shrink", .run = shrink, .work = 1 }
    };
    unsigned n = strcmp(s->part, "pipeline") == 0 ? 3 : 1;
    enum mpipe_err e;

    if (n == 1)
        stage[0] = (struct mpipe_stage){
            .name = s->part, .run = s->step > 1 ? range : task };
    for (unsigned i = 0; i < n; i++) {
        stage[i].init = stage_init;
        stage[i].fini = stage_fini;
        stage[i].arg = s;
        mpipe_pipeline_add(pl, &stage[i]);
    }
    if (s->step > 1)
        mpipe_source_ranges(pl, 1, s->tasks, s->step);
    else
        mpipe_source_range(pl, 1, s->tasks);
    mpipe_pipeline_sink(pl, add, s);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

static void print(const struct scale *s)
{
    int ranks = mpipe_size(s->mp);
    long units = strcmp(s->part, "pipeline") == 0 ? 4 : 1;
    double ideal = 1e-6 * (double)(s->tasks * s->task_us * units)
                   / (ranks - 1);
    const struct gauge *home = gauge_of(0);
    struct gauge most = { 0 };
    size_t all = 0;

    for (int r = 1; r < ranks; r++) {
        const struct gauge *g = gauge_of(r);
        all += g->bytes_max;
        most.bytes_max = g->bytes_max > most.bytes_max ? g->bytes_max
                                                       : most.bytes_max;
        most.links_max = g->links_max > most.links_max ? g->links_max
                                                       : most.links_max;
        most.peers = g->peers > most.peers ? g->peers : most.peers;
    }
    printf("%-8s %5d %9ld %8.4f %6.1f%% %9.0f %5.1f%% %10llu %6u %8.2f  %6.2f  %6.2f "
           "%5u %5u\n",
           s->part, ranks, s->tasks, s->took, 100 * ideal / s->took,
           (double)s->tasks / s->took, 100 * home->spent / s->took,
           (unsigned long long)(home->sent + home->received),
           home->links_max, (double)home->bytes_max / (1 << 20),
           (double)most.bytes_max / (1 << 20),
           (double)all / (ranks - 1) / (1 << 20), most.links_max, most.peers);
}

int main(int argc, char **argv)
{
    struct scale *s = calloc(1, sizeof *s);
    enum mpipe_err e;
    int code;

    if (s == NULL)
        return 1;
    s->mp = mpipe_init(&argc, &argv);
    s->part = argc > 1 ? argv[1] : "farm";
    s->tasks = argc > 2 ? atol(argv[2]) : 100;
    s->tasks *= mpipe_size(s->mp) - 1;
    s->task_us = argc > 3 ? atol(argv[3]) : 1000;
    s->step = strcmp(s->part, "ranges") == 0 ? argc > 4 ? atol(argv[4]) : 10 : 1;
    s->from = MPI_Wtime();
    e = strcmp(s->part, "words") == 0 ? run_words(s) : run_pipeline(s);
    s->took = MPI_Wtime() - s->from;
    if (e == MPIPE_OK && mpipe_rank(s->mp) == 0) {
        print(s);
        if (strcmp(s->part, "words") == 0 ? !words_right(s)
                                          : s->sum != sum_of_tasks(s)) {
            fprintf(stderr, "scale: the answer is wrong\n");
            e = MPIPE_EINTERNAL;
        }
    }
    code = mpipe_finalize(s->mp, e);
    free(s);
    return code;
}
