/* SPDX-License-Identifier: BSD-3-Clause */
/* What has become of frames is added up by root, and told by a rank a row. */
#include <string.h>
#include "engine.h"
#include "exchange.h"
#include "flow.h"
#include "random.h"
#include "session.h"
#include "suite.h"
#include "tally.h"
#include "world.h"

/* ---- adding up ---- */

/* Whatever is told of a root in whatever pieces, the sum is that of the pieces, and two
 * attempts are not mixed. */
static void sums(void)
{
    enum { ROOTS = 3000, ATTEMPTS = 2, TOLD = 20000 };
    static struct mpipe__report_entry want[ROOTS][ATTEMPTS], got[ROOTS][ATTEMPTS];
    struct mpipe__tally t = { .n = 0 };
    uint64_t random = 5;

    memset(want, 0, sizeof want);
    memset(got, 0, sizeof got);
    for (unsigned i = 0; i < TOLD; i++) {
        uint64_t root = mpipe__random_to(&random, i % 2 == 0 ? 50 : ROOTS);
        uint32_t attempt = (uint32_t)mpipe__random_to(&random, ATTEMPTS);
        struct mpipe__report_entry entry = {
            .root = root, .attempt = attempt, .xored = mpipe__random(&random),
            .dropped = i % 3, .made = i % 5, .delivered = i % 7, .keys = i % 11,
            .work_us = i
        };
        struct mpipe__report_entry *w = &want[root][attempt];

        w->xored ^= entry.xored;
        w->dropped += entry.dropped;
        w->made += entry.made;
        w->delivered += entry.delivered;
        w->keys += entry.keys;
        w->work_us = i;             /* the longest, as it only grows here */
        CU_ASSERT_FATAL(mpipe__tally_sum(&t, &entry));
        if (mpipe__random_to(&random, 500) != 0 && i + 1 < TOLD)
            continue;
        for (size_t n = 0; n < t.n; n++) {
            struct mpipe__report_entry *g = &got[t.entry[n].root][t.entry[n].attempt];

            g->xored ^= t.entry[n].xored;
            g->dropped += t.entry[n].dropped;
            g->made += t.entry[n].made;
            g->delivered += t.entry[n].delivered;
            g->keys += t.entry[n].keys;
            if (t.entry[n].work_us > g->work_us)
                g->work_us = t.entry[n].work_us;
        }
        t.n = 0;
    }
    CU_ASSERT_EQUAL(memcmp(want, got, sizeof want), 0);
    mpipe__tally_fini(&t);
}

/* Of few roots there are few entries, however much is told of them. */
static void merges(void)
{
    struct mpipe__tally t = { .n = 0 };

    for (uint64_t i = 0; i < 10000; i++) {
        struct mpipe__report_entry entry = { .root = 77 + i % 40, .xored = i };
        CU_ASSERT_FATAL(mpipe__tally_sum(&t, &entry));
    }
    CU_ASSERT_EQUAL(t.n, 40);
    mpipe__tally_fini(&t);
}

/* ---- in a square ---- */

enum { RANKS = 37, KEYS = 300, ITEMS = 400 };

struct run {
    struct mpipe *mp;
    unsigned side;                  /* of the square; 0: each sends to each */
    uint64_t told_by_first, told_by_others; /* control frames that rank 0 got */
    uint64_t wrong, keys;
};

/* All is fed: who has told rank 0 how much? */
static enum mpipe_err feed(struct mpipe_out *out, void *arg)
{
    struct run *run = arg;
    const struct mpipe__links *links = &run->mp->engine.flows->links;
    uint64_t *told;

    if (run->keys++ < ITEMS) {
        uint64_t item[64] = { run->keys };      /* two in a frame */
        return mpipe_emit(out, item, sizeof item);
    }
    run->keys = 0;
    for (unsigned i = 0; i < links->n; i++) {
        if (links->link[i]->peer == 0)
            continue;
        told = run->side > 0
               && ((unsigned)links->link[i]->peer - 1) % run->side == 0
               ? &run->told_by_first : &run->told_by_others;
        *told += links->link[i]->control_seq_in;
    }
    return MPIPE_END;
}

/* Each item meets all partitions. */
static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out, void *arg)
{
    (void)in, (void)arg;
    for (uint64_t key = 0; key < KEYS; key++)
        mpipe_emit_pair(out, &key, sizeof key, NULL, 0);
    return MPIPE_OK;
}

static enum mpipe_err done(const struct mpipe_item *result, void *arg)
{
    struct run *run = arg;
    struct mpipe_pair pair;

    CU_ASSERT_EQUAL(mpipe_pair_parse(result, &pair), MPIPE_OK);
    run->wrong += *(const uint64_t *)pair.value.data != ITEMS;
    run->keys++;
    return MPIPE_OK;
}

static enum mpipe_err program(struct mpipe *mp, int rank, void *arg)
{
    struct run *run = arg;
    struct mpipe_job job = { .name = "job", .arg = run, .map = map, .done = done,
                             .combine = mpipe_count };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    if (rank == 0)
        run->mp = mp;
    mpipe_pipeline_source(mpipe_mapreduce_input(mr), feed, run);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

static void by_row(void)
{
    static const struct { const char *options; unsigned side; } rows[] = {
        { "--direct=64 --frame=1K", 0 }, { "--direct=0 --frame=1K", 6 }
    };
    struct run run[2];

    for (int i = 0; i < 2; i++) {
        struct mpipe__world world = { .size = RANKS, .seed = 3,
                                      .options = rows[i].options };
        struct mpipe__world_end end;

        run[i] = (struct run){ .side = rows[i].side };
        CU_ASSERT_FATAL(mpipe__world_run(&world, program, &run[i], &end));
        CU_ASSERT_EQUAL(end.code[0], 0);
        CU_ASSERT(run[i].wrong == 0 && run[i].keys == KEYS);
    }
    /* HELLO and credits come from all, reports from the first of a row alone */
    CU_ASSERT(4 * run[1].told_by_others < run[0].told_by_others);
    CU_ASSERT(2 * (run[1].told_by_others + run[1].told_by_first) < run[0].told_by_others);
}

static const struct mpipe__test tests[] = {
    { "what is told of a root is added up", sums },
    { "of few roots there is little to tell", merges },
    { "in a square rank 0 hears the first of each row", by_row },
    { NULL, NULL }
};

const struct mpipe__suite suite_tally = { "tally", tests };
