/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_pipeline.c - throughput of a chain of three stages.
 *
 * The same items and the same work as in the control: item i is a model whose
 * first word is i, each stage adds one to it, and the sink adds up the first
 * words.  "copy": each stage makes a new item of the one it got; "in place": it
 * changes the one it got.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define A_CALL 65536u           /* bytes that the source emits at a time */

struct feed {
    uint64_t next, items;
    size_t size;
    char *model;
    double from;
};

struct collect {
    uint64_t sum;
    double to;
    uint64_t left;
};

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct feed *feed = arg;
    uint64_t next = feed->next, end = feed->items;
    size_t size = feed->size;
    char *model = feed->model;
    enum mpipe_err e = MPIPE_OK;

    if (next == 0)
        feed->from = bench_now();
    if (size < A_CALL && end > next + A_CALL / size)
        end = next + A_CALL / size;
    else if (size >= A_CALL)
        end = next + 1;
    for (; next < end && e == MPIPE_OK; next++) {
        memcpy(model, &next, sizeof next);
        e = mpipe_emit(out, model, size);
    }
    feed->next = next;
    if (e != MPIPE_OK)
        return e;
    return next < feed->items ? MPIPE_OK : MPIPE_END;
}

static enum mpipe_err copy_word(const struct mpipe_item *in,
                                struct mpipe_out *out, void *arg)
{
    uint64_t x;

    (void)arg;
    memcpy(&x, in->data, sizeof x);
    x++;
    return mpipe_emit(out, &x, sizeof x);
}

static enum mpipe_err copy(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    char *to = mpipe_reserve(out, in->size);
    uint64_t x;

    (void)arg;
    if (to == NULL)
        return MPIPE_ENOMEM;
    memcpy(to, in->data, in->size);
    memcpy(&x, to, sizeof x);
    x++;
    memcpy(to, &x, sizeof x);
    return mpipe_commit(out, in->size);
}

static enum mpipe_err change(void *data, size_t size, struct mpipe_out *out,
                             void *arg)
{
    (void)size, (void)out, (void)arg;
    ++*(uint64_t *)data;
    return MPIPE_OK;
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    struct collect *c = arg;

    c->sum += *(const uint64_t *)result->data;
    if (--c->left == 0)
        c->to = bench_now();
    return MPIPE_OK;
}

enum mpipe_err bench_chain_library(struct bench *b,
                                   const struct bench_chain *chain,
                                   struct bench_answer *answer)
{
    static const char *const names[BENCH_STAGES] = { "one", "two", "three" };
    struct feed feed = { .items = chain->items, .size = chain->item_size };
    struct collect c = { .left = chain->items };
    struct mpipe_pipeline *pl = mpipe_pipeline_new(b->mp);
    enum mpipe_err e;

    bench_meet(b);
    feed.model = calloc(1, chain->item_size);
    if (feed.model == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    mpipe_pipeline_source(pl, source, &feed);
    for (unsigned s = 0; s < BENCH_STAGES; s++) {
        struct mpipe_stage stage = { .name = names[s], .replicas = 1 };
        if (chain->in_place)
            stage.map = change;
        else
            stage.run = chain->item_size == 8 ? copy_word : copy;
        mpipe_pipeline_add(pl, &stage);
    }
    mpipe_pipeline_sink(pl, sink, &c);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    free(feed.model);
    *answer = (struct bench_answer){ chain->items - c.left, c.sum,
                                       c.to - feed.from };
    return e;
}

/* ---- the cases ---- */

static void check(struct bench *b, const char *name, const char *side,
                  const struct bench_chain *chain,
                  const struct bench_answer *answer)
{
    uint64_t n = chain->items;

    bench_check(b, name, side, answer->items, n);
    bench_check(b, name, side, answer->sum,
                (n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n)
                + BENCH_STAGES * n);
}

/* How many items take the control as long as a run should take.  All ranks know
 * it afterwards. */
static void choose_items(struct bench *b, struct bench_chain *chain)
{
    struct bench_answer answer;

    chain->items = chain->item_size < 65536 ? 65536 : 16;
    for (bool enough = false; !enough;) {
        bench_chain_control(b, chain, &answer);
        enough = answer.seconds > b->seconds / 8;
        chain->items = enough ? (uint64_t)((double)chain->items * b->seconds
                                           / answer.seconds)
                              : 4 * chain->items;
        if (chain->items < BENCH_STAGES + 1)
            chain->items = BENCH_STAGES + 1;
        MPI_Bcast(&enough, 1, MPI_C_BOOL, 0, b->comm);
        MPI_Bcast(&chain->items, 1, MPI_UINT64_T, 0, b->comm);
    }
}

/* One run of a side: its rate, and the processor time of an item. */
static enum mpipe_err one_run(struct bench *b, const char *name, bool library,
                              const struct bench_chain *chain, double *rate,
                              double *cpu_ns)
{
    struct bench_answer answer;
    double cpu = bench_cpu_now();
    enum mpipe_err e = MPIPE_OK;

    if (library)
        e = bench_chain_library(b, chain, &answer);
    else
        bench_chain_control(b, chain, &answer);
    cpu = bench_sum(b, bench_cpu_now() - cpu);
    *cpu_ns = 1e9 * cpu / (double)chain->items;
    *rate = (double)chain->items / answer.seconds;
    if (e == MPIPE_OK)
        check(b, name, library ? "library" : "control", chain, &answer);
    return e;
}

static enum mpipe_err one_case(struct bench *b, const char *name,
                               struct bench_chain *chain)
{
    struct bench_row *row = bench_row(b, "pipeline", name, "throughput",
                                      "items/s");
    struct bench_row *cpu = b->cpu ? bench_row(b, "pipeline", name, "cpu",
                                               "ns") : NULL;
    struct bench_row none;
    struct bench_chain warm = *chain;
    double ignored;
    enum mpipe_err e;

    row = row != NULL ? row : &none;
    cpu = cpu != NULL ? cpu : &none;
    choose_items(b, chain);
    warm.items = chain->items / 8 + 1;
    e = one_run(b, name, true, &warm, &ignored, &ignored);
    for (unsigned i = 0; i < b->repeat && e == MPIPE_OK; i++) {
        one_run(b, name, false, chain, &row->control_sample[i],
                &cpu->control_sample[i]);
        e = one_run(b, name, true, chain, &row->library_sample[i],
                    &cpu->library_sample[i]);
    }
    if (row != &none && e == MPIPE_OK) {
        row->goal = chain->inlined ? BENCH_NO_GOAL : BENCH_RATIO_AT_LEAST;
        row->limit = 0.7;
        bench_row_done(b, row);
    }
    if (cpu != &none && e == MPIPE_OK)
        bench_row_done(b, cpu);
    return e;
}

/* Against the control as it is, and for small items against the inlined one as
 * well. */
static enum mpipe_err one_size(struct bench *b, const char *size_name,
                               const struct bench_chain *which)
{
    enum mpipe_err e = MPIPE_OK;

    for (int inlined = 0; inlined < 2 && e == MPIPE_OK; inlined++) {
        struct bench_chain chain = *which;
        char name[48];

        if (inlined && chain.item_size > 64)
            break;
        chain.inlined = inlined != 0;
        snprintf(name, sizeof name, "%s %s%s", size_name,
                 chain.in_place ? "in place" : "copy",
                 inlined ? " inlined" : "");
        if (bench_wanted(b, name))
            e = one_case(b, name, &chain);
    }
    return e;
}

enum mpipe_err bench_pipeline(struct bench *b)
{
    static const struct { const char *name; size_t size; } sizes[] = {
        { "8 B", 8 }, { "64 B", 64 }, { "1 KiB", 1024 },
        { "64 KiB", 65536 }, { "4 MiB", 4194304 }
    };
    enum mpipe_err e = MPIPE_OK;

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int place = 0; place < 2 && e == MPIPE_OK; place++) {
            struct bench_chain chain = { .item_size = sizes[i].size,
                                         .in_place = place != 0 };
            e = one_size(b, sizes[i].name, &chain);
        }
    }
    return e;
}
