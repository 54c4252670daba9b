/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of bundle.c: small frames for one link share a message, each is the same at its
 * end, and a bundle that is damaged is found.
 *
 * How bundles go through a square, with deaths at any message, is in job_deaths.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bundle.h"
#include "flow.h"
#include "session.h"
#include "suite.h"
#include "world.h"

#define RANKS 10
#define KEYS  4000u
#define ITEMS 100u

/* ---- what is in one ---- */

static struct mpipe__frame *small(struct mpipe__pool *pool, uint64_t id, size_t size)
{
    struct mpipe__frame *f = mpipe__pool_get(pool, MPIPE__HEAD_SIZE + size + 8);
    char item[200];

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    memset(item, (int)id, sizeof item);
    mpipe__frame_begin(f, NULL, 3);
    f->head.id = id;
    mpipe__frame_append_slow(f, item, size);
    return f;
}

/* Frames of these sizes, and one thing that is wrong with the second of them. */
static const struct {
    const char *name;
    size_t offset;              /* in its head */
    uint8_t value;
    int longer;                 /* its item is */
    unsigned intact;            /* frames before the error */
} damage_rows[] = {
    { "nothing", offsetof(struct mpipe__frame_head, id), 2, 0, 3 },
    { "no frame", offsetof(struct mpipe__frame_head, magic), 0, 0, 1 },
    { "a control frame", offsetof(struct mpipe__frame_head, kind),
      MPIPE__FRAME_CONTROL, 0, 1 },
    { "a bundle", offsetof(struct mpipe__frame_head, kind), MPIPE__FRAME_BUNDLE, 0, 1 },
    { "more bytes than came", offsetof(struct mpipe__frame_head, bytes), 248, 0, 1 },
    { "only a head came", offsetof(struct mpipe__frame_head, id), 2, -80, 1 },
    { "more came than it has", offsetof(struct mpipe__frame_head, id), 2, 8, 1 },
};

static void damage(void)
{
    for (size_t i = 0; i < sizeof damage_rows / sizeof *damage_rows; i++) {
        struct mpipe__pool pool;
        struct mpipe__frame *bundle, *f;
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe__cursor at;
        unsigned n = 0;
        char wire[400];

        mpipe__pool_init(&pool, 0);
        bundle = mpipe__pool_get(&pool, 4096);
        mpipe__frame_begin(bundle, NULL, 3);
        bundle->head.kind = MPIPE__FRAME_BUNDLE;
        bundle->peer = 5;
        for (uint64_t id = 1; id <= 3; id++) {
            size_t size;

            f = small(&pool, id, 40 * (size_t)id);
            size = mpipe__wire_size(&f->head);
            memset(wire, 0, sizeof wire);
            memcpy(wire, &f->head, size);
            if (id == 2) {
                wire[damage_rows[i].offset] = (char)damage_rows[i].value;
                size = (size_t)((int)size + damage_rows[i].longer);
            }
            mpipe__frame_append_slow(bundle, wire, size);
            mpipe__pool_put(&pool, f);
        }
        mpipe__cursor_init(&at, bundle);
        while ((f = mpipe__bundle_next(&pool, bundle, &at, &err)) != NULL) {
            n++;
            CU_ASSERT(f->head.id == n && f->peer == 5);
            CU_ASSERT_EQUAL(f->head.bytes, 40 * n);
            CU_ASSERT_EQUAL(mpipe__frame_payload(f)[40 * n - 1], (char)n);
            mpipe__pool_put(&pool, f);
        }
        if (n != damage_rows[i].intact)
            fprintf(stderr, "bundle: %s: %u frames\n", damage_rows[i].name, n);
        CU_ASSERT_EQUAL(n, damage_rows[i].intact);
        CU_ASSERT_EQUAL(err.code, n == 3 ? MPIPE_OK : MPIPE_ELINK);
        mpipe__pool_put(&pool, bundle);
        CU_ASSERT_EQUAL(pool.used, 0);
        mpipe__pool_fini(&pool);
    }
}

/* ---- a job ---- */

struct run {
    uint32_t partitions;
    uint64_t total, keys;
};

static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out, void *arg)
{
    uint64_t item = *(const uint64_t *)in->data;

    (void)arg;
    for (uint64_t key = item % 7; key < KEYS; key += 7)
        mpipe_emit_pair(out, &key, sizeof key, &item, sizeof item);
    return MPIPE_OK;
}

static enum mpipe_err done(const struct mpipe_item *result, void *arg)
{
    struct run *run = arg;
    struct mpipe_pair pair;

    CU_ASSERT_EQUAL(mpipe_pair_parse(result, &pair), MPIPE_OK);
    run->total += *(const uint64_t *)pair.value.data;
    run->keys++;
    return MPIPE_OK;
}

static enum mpipe_err program(struct mpipe *mp, int rank, void *arg)
{
    struct run *run = arg;
    struct mpipe_job job = { .name = "job", .arg = run, .map = map, .done = done,
                             .combine = mpipe_sum_u64, .partitions = run->partitions };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    (void)rank;
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, ITEMS);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

/* With many partitions a rank sends hardly more messages than with few, each to each
 * and in a square, also by few credits and with frames that have no room beside others. */
static void shared(void)
{
    static const char *const options[] = {
        "--direct=64", "--direct=0", "--direct=0 --credits=1 --frame=1K",
        "--direct=64 --memory=64K"
    };
    uint64_t total = 0;

    for (uint64_t item = 1; item <= ITEMS; item++)
        total += item * ((KEYS - item % 7 + 6) / 7);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        uint64_t sent[2] = { 0 };

        for (int many = 0; many < 2; many++) {
            struct run run = { .partitions = many ? 500 : 9 };
            struct mpipe__fault_plan none = { .seed = 0 };
            struct mpipe__world world = { .size = RANKS, .seed = 3, .fault = &none,
                                          .options = options[i] };
            struct mpipe__world_end end;

            CU_ASSERT_FATAL(mpipe__world_run(&world, program, &run, &end));
            CU_ASSERT_EQUAL(end.code[0], 0);
            CU_ASSERT(run.total == total && run.keys == KEYS);
            for (int r = 1; r < RANKS; r++)
                sent[many] += end.sent[r];
        }
        if (sent[1] > 4 * sent[0])
            fprintf(stderr, "bundle: %s: %llu messages, %llu with many partitions\n",
                    options[i], (unsigned long long)sent[0],
                    (unsigned long long)sent[1]);
        CU_ASSERT(sent[0] > 0 && sent[1] < 4 * sent[0]);
    }
}

/* ---- between items ---- */

enum { QUICK = 600, SLOW = 300 };

struct look {
    struct mpipe *mp[RANKS];
    uint64_t root[RANKS], received[RANKS];      /* at the last item */
    uint64_t within;                /* times that something came between two items of a
                                       frame */
    uint64_t keys;
};

static enum mpipe_err slow_map(const struct mpipe_item *in, struct mpipe_out *out,
                               void *arg)
{
    struct look *look = arg;
    int r = mpipe_out_rank(out);
    const struct mpipe__flow *flow = look->mp[r]->engine.flows;
    uint64_t item = *(const uint64_t *)in->data;

    if (item > QUICK) {
        look->within += flow->worker.in->head.root == look->root[r]
                        && flow->links.frames_received > look->received[r];
        look->root[r] = flow->worker.in->head.root;
        look->received[r] = flow->links.frames_received;
        mpipe__world_pass(3000000);
    }
    for (uint64_t key = item; key < item + 20; key++)
        mpipe_emit_pair(out, &key, sizeof key, &item, sizeof item);
    return MPIPE_OK;
}

static enum mpipe_err count_keys(const struct mpipe_item *result, void *arg)
{
    (void)result;
    ((struct look *)arg)->keys++;
    return MPIPE_OK;
}

static enum mpipe_err slow_program(struct mpipe *mp, int rank, void *arg)
{
    struct look *look = arg;
    struct mpipe_job job = { .name = "job", .arg = look, .map = slow_map,
                             .done = count_keys, .combine = mpipe_sum_u64,
                             .partitions = 100 };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    look->mp[rank] = mp;
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, QUICK + SLOW);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

/* A rank whose frame has many long items takes in what comes between them: others wait
 * for it. */
static void between(void)
{
    static struct look look;
    struct mpipe__world world = { .size = RANKS, .seed = 5,
                                  .options = "--direct=0 --frame=1K" };
    struct mpipe__world_end end;

    memset(&look, 0, sizeof look);
    CU_ASSERT_FATAL(mpipe__world_run(&world, slow_program, &look, &end));
    CU_ASSERT_EQUAL(end.code[0], 0);
    CU_ASSERT_EQUAL(look.keys, QUICK + SLOW + 19);
    if (look.within < 3)
        fprintf(stderr, "bundle: %llu times\n", (unsigned long long)look.within);
    CU_ASSERT(look.within >= 3);
}

static const struct mpipe__test tests[] = {
    { "a bundle that is damaged is found", damage },
    { "frames for many partitions share messages", shared },
    { "what comes is taken in between long items", between },
    { NULL, NULL }
};

const struct mpipe__suite suite_bundle = { "bundle", tests };
