/* SPDX-License-Identifier: BSD-3-Clause */
/* collect.c - see collect.h. */
#include <stdlib.h>
#include "clock.h"
#include "collect.h"
#include "error.h"
#include "flow.h"
#include "grow.h"
#include "ledger.h"

#define BUCKETS 1024u               /* a power of two */

enum mpipe_err mpipe__collect_init(struct mpipe__flow *flow)
{
    struct mpipe__collector *c = &flow->collector;

    c->bucket = calloc(BUCKETS, sizeof *c->bucket);
    if (c->bucket == NULL)
        return MPIPE_ENOMEM;
    for (unsigned i = 0; i < BUCKETS; i++)
        mpipe__queue_init(&c->bucket[i]);
    return MPIPE_OK;
}

void mpipe__collect_fini(struct mpipe__flow *flow)
{
    struct mpipe__collector *c = &flow->collector;
    struct mpipe__frame *f;

    for (unsigned i = 0; c->bucket != NULL && i < BUCKETS; i++)
        while ((f = mpipe__queue_pop(&c->bucket[i])) != NULL)
            mpipe__pool_put(&flow->engine->pool, f);
    free(c->bucket);
    free(c->voids);
    free(c->lost);
    memset(c, 0, sizeof *c);
}

/* ---- frames that wait on disk ---- */

struct aside {                      /* the payload of what remains here */
    uint64_t at, bytes;             /* its payload in the scratch file */
};

/* Write the payload to the scratch file; the head and the path remain.  Where
 * that fails the job ends. */
static struct mpipe__frame *set_aside(struct mpipe__flow *flow,
                                      struct mpipe__frame *f)
{
    struct mpipe__collector *c = &flow->collector;
    struct mpipe__scratch_file *file = &flow->spec->shuffle->store.file;
    struct aside aside = { file->size, f->head.bytes };
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    size_t path = 4u * (size_t)f->head.n_path;
    struct mpipe__frame *stub;

    stub = mpipe__pool_get(&flow->engine->pool,
                           MPIPE__HEAD_SIZE + sizeof aside + path + 8);
    if (stub == NULL)
        return f;
    if (mpipe__scratch_append(file, mpipe__frame_payload(f), f->head.bytes,
                              &err) != MPIPE_OK) {
        mpipe__flow_fail(flow, flow->engine->transport->rank, err.code, "%s",
                         err.text);
        mpipe__pool_put(&flow->engine->pool, stub);
        return f;
    }
    stub->head = f->head;
    stub->peer = f->peer;
    stub->head.kind = MPIPE__FRAME_ASIDE;
    stub->head.bytes = sizeof aside;
    memcpy(mpipe__frame_payload(stub), &aside, sizeof aside);
    memcpy(mpipe__frame_path(stub), mpipe__frame_path(f), path);
    c->set_aside += aside.bytes;
    mpipe__pool_put(&flow->engine->pool, f);
    return stub;
}

/* The frame as it was, without its path.  NULL: told in 'err'. */
static struct mpipe__frame *bring_back(struct mpipe__flow *flow,
                                       struct mpipe__frame *stub,
                                       struct mpipe_error *err)
{
    struct mpipe__pool *pool = &flow->engine->pool;
    struct mpipe__frame *f = NULL;
    struct aside aside;

    memcpy(&aside, mpipe__frame_payload(stub), sizeof aside);
    f = mpipe__pool_get(pool, MPIPE__HEAD_SIZE + aside.bytes);
    if (f == NULL)
        mpipe__error(err, -1, MPIPE_ENOMEM, "no memory for a frame of %llu "
                     "bytes", (unsigned long long)aside.bytes);
    if (f != NULL
        && mpipe__scratch_read(&flow->spec->shuffle->store.file, aside.at,
                               mpipe__frame_payload(f), aside.bytes, err)
           != MPIPE_OK) {
        mpipe__pool_put(pool, f);
        f = NULL;
    }
    if (f != NULL) {
        f->head = stub->head;
        f->peer = stub->peer;
        f->head.kind = MPIPE__FRAME_DATA;
        f->head.bytes = aside.bytes;
        f->head.n_path = 0;
    }
    mpipe__pool_put(pool, stub);
    return f;
}

/* ---- what comes, and what counts ---- */

void mpipe__collect_arrive(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__collector *c = &flow->collector;
    struct mpipe__report_entry entry = {
        .root = f->head.root, .attempt = f->head.attempt,
        .xored = f->head.id, .work_us = f->head.work_us
    };

    if (mpipe__flow_stale(flow, f) || mpipe__collect_lost(flow, f)) {
        mpipe__pool_put(&flow->engine->pool, f);
        return;
    }
    mpipe__tally_add(flow, &entry);
    f = mpipe__pool_compact(&flow->engine->pool, f);
    if (c->limit > 0 && c->held + f->capacity > c->limit)
        f = set_aside(flow, f);
    c->held += f->capacity;
    mpipe__queue_push(&c->bucket[f->head.root & (BUCKETS - 1)], f);
}

void mpipe__collect_again(struct mpipe__flow *flow, uint64_t from)
{
    struct mpipe__collector *c = &flow->collector;
    struct mpipe__frame_queue kept;
    struct mpipe__frame *f;

    c->n_lost = 0;                  /* what comes of them is stale now */
    for (unsigned i = 0; i < BUCKETS; i++) {
        mpipe__queue_init(&kept);
        while ((f = mpipe__queue_pop(&c->bucket[i])) != NULL) {
            if (f->head.root < from || !mpipe__flow_stale(flow, f)) {
                mpipe__queue_push(&kept, f);
                continue;
            }
            c->held -= f->capacity;
            mpipe__pool_put(&flow->engine->pool, f);
        }
        while ((f = mpipe__queue_pop(&kept)) != NULL)
            mpipe__queue_push(&c->bucket[i], f);
    }
}

static void no_memory(struct mpipe__flow *flow)
{
    mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                     "no memory to remember which frames do not count");
}

/* The frames of a root, out of their bucket; but for those of an attempt of which
 * this rank has no table yet. */
static struct mpipe__frame_queue take_out(struct mpipe__flow *flow,
                                          uint64_t root)
{
    struct mpipe__collector *c = &flow->collector;
    struct mpipe__frame_queue *bucket = &c->bucket[root & (BUCKETS - 1)];
    struct mpipe__frame_queue others, mine;
    struct mpipe__frame *f;

    mpipe__queue_init(&others);
    mpipe__queue_init(&mine);
    while ((f = mpipe__queue_pop(bucket)) != NULL)
        if (f->head.root != root || f->head.attempt > flow->version) {
            mpipe__queue_push(&others, f);
        } else {
            c->held -= f->capacity;
            mpipe__queue_push(&mine, f);
        }
    while ((f = mpipe__queue_pop(&others)) != NULL)
        mpipe__queue_push(bucket, f);
    return mine;
}

/* ---- a root and its copy ---- */

bool mpipe__collect_lost(const struct mpipe__flow *flow,
                         const struct mpipe__frame *f)
{
    const struct mpipe__collector *c = &flow->collector;

    for (size_t i = 0; i < c->n_lost; i++)
        if (c->lost[i] == f->head.root)
            return f->head.attempt == flow->version;
    return false;
}

/* All that there is of the one has come.  Where it is the copy it goes by the root's
 * number from here on, and so has its place in the order.  What is to come of the
 * other one is dropped. */
static void choose(struct mpipe__flow *flow, const struct mpipe__choice *choice)
{
    struct mpipe__collector *c = &flow->collector;
    uint64_t root = choice->won < choice->lost ? choice->won : choice->lost;
    struct mpipe__frame_queue lost = take_out(flow, choice->lost), won;
    struct mpipe__frame *f;
    uint64_t *grown;

    while ((f = mpipe__queue_pop(&lost)) != NULL)
        mpipe__pool_put(&flow->engine->pool, f);
    won = take_out(flow, choice->won);
    while ((f = mpipe__queue_pop(&won)) != NULL) {
        f->head.root = root;
        c->held += f->capacity;
        mpipe__queue_push(&c->bucket[root & (BUCKETS - 1)], f);
    }
    grown = mpipe__grow(c->lost, &c->lost_capacity, c->n_lost, sizeof *c->lost);
    if (grown == NULL) {
        no_memory(flow);
        return;
    }
    c->lost = grown;
    c->lost[c->n_lost++] = choice->lost;
    f = flow->worker.in;
    if (f != NULL && mpipe__collect_lost(flow, f))
        flow->worker.abandoned = true;      /* what is left of it is in vain */
}

void mpipe__collect_choose(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__choice choice;
    struct mpipe__cursor cursor;
    struct mpipe_item item;

    mpipe__cursor_init(&cursor, f);
    while (mpipe__cursor_next(&cursor, &item) && item.size == sizeof choice) {
        memcpy(&choice, item.data, sizeof choice);
        choose(flow, &choice);
    }
}

/* ---- what is complete ---- */

void mpipe__collect_commit(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__collector *c = &flow->collector;
    struct mpipe__void *grown;
    struct mpipe__cursor cursor;
    struct mpipe_item item;

    mpipe__cursor_init(&cursor, f);
    if (!mpipe__cursor_next(&cursor, &item) || item.size != sizeof c->committed)
        return;
    memcpy(&c->committed, item.data, sizeof c->committed);
    while (mpipe__cursor_next(&cursor, &item)
           && item.size == sizeof *c->voids) {
        grown = mpipe__grow(c->voids, &c->capacity, c->n_voids,
                            sizeof *c->voids);
        if (grown == NULL) {
            no_memory(flow);
            return;
        }
        c->voids = grown;
        memcpy(&c->voids[c->n_voids++], item.data, item.size);
    }
}

static bool is_void(const struct mpipe__collector *c, uint64_t id)
{
    for (size_t i = 0; i < c->n_voids; i++)
        if (c->voids[i].id == id)
            return true;
    return false;
}

/* The frames of a root, out of their bucket, without those that are void. */
static struct mpipe__frame_queue frames_of(struct mpipe__flow *flow,
                                           uint64_t root)
{
    struct mpipe__collector *c = &flow->collector;
    struct mpipe__frame_queue all = take_out(flow, root), mine;
    struct mpipe__frame *f;

    mpipe__queue_init(&mine);
    while ((f = mpipe__queue_pop(&all)) != NULL)
        if (is_void(c, f->head.id))
            mpipe__pool_put(&flow->engine->pool, f);
        else
            mpipe__queue_push(&mine, f);
    return mine;
}

/* Is there a root to be added?  Those of which nothing has come here are passed over,
 * many at a time: a rank has pairs of few of the roots, and each is committed to all. */
static bool find_root(struct mpipe__collector *c)
{
    size_t n = 0;

    while (c->applied < c->committed
           && c->bucket[c->applied & (BUCKETS - 1)].first == NULL)
        c->applied++;
    for (size_t i = 0; i < c->n_voids; i++)
        if (c->voids[i].root >= c->applied)
            c->voids[n++] = c->voids[i];
    c->n_voids = n;
    return c->applied < c->committed;
}

static enum mpipe_err add_pairs(struct mpipe__flow *flow, uint64_t root,
                                struct mpipe__frame *f,
                                struct mpipe_error *err)
{
    struct mpipe__store *store = &flow->spec->shuffle->store;
    struct mpipe__cursor c;
    struct mpipe_item item;
    const void *pair[MPIPE__STORE_BATCH];
    enum mpipe_err e;
    size_t n;

    mpipe__cursor_init(&c, f);
    do {
        for (n = 0; n < MPIPE__STORE_BATCH && mpipe__cursor_next(&c, &item);
             n++) {
            if (f->head.tries >= store->n_parts || !mpipe__pair_check(&item))
                return mpipe__error(err, -1, MPIPE_ELINK, "a pair from rank "
                                    "%d is damaged", f->peer);
            pair[n] = item.data;
        }
        e = mpipe__store_add(store, f->head.tries, pair, n, err);
    } while (e == MPIPE_OK && n == MPIPE__STORE_BATCH);
    return e == MPIPE_OK ? mpipe__mapped_add(flow, root, f, err) : e;
}

static void no_store(struct mpipe__flow *flow, struct mpipe_error *err)
{
    err->rank = flow->engine->transport->rank;
    mpipe__flow_fail(flow, err->rank, err->code, "%s", err->text);
    mpipe__error(&flow->spec->shuffle->error, err->rank, err->code, "%s",
                 err->text);
}

bool mpipe__collect_step(struct mpipe__flow *flow)
{
    struct mpipe__collector *c = &flow->collector;
    struct mpipe__shuffle *sh = flow->spec->shuffle;
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct mpipe__frame_queue frames;
    struct mpipe__frame *f;
    uint64_t from;

    if (sh->error.code == MPIPE_OK && mpipe__mapped_load(flow, &err)) {
        if (err.code != MPIPE_OK)
            no_store(flow, &err);
        return true;
    }
    if (!find_root(c))
        return false;
    from = mpipe__now();
    frames = frames_of(flow, c->applied++);
    mpipe__frames_sort(&frames);
    while ((f = mpipe__queue_pop(&frames)) != NULL) {
        if (f->head.kind == MPIPE__FRAME_ASIDE)
            f = bring_back(flow, f, &err);
        if (f != NULL && err.code == MPIPE_OK && sh->error.code == MPIPE_OK)
            add_pairs(flow, c->applied - 1, f, &err);
        mpipe__pool_put(&flow->engine->pool, f);
        mpipe__engine_progress(flow->engine);   /* others wait for credits */
    }
    flow->stats.busy_ns += mpipe__now() - from;
    if (err.code != MPIPE_OK)
        no_store(flow, &err);
    return true;
}

void mpipe__collect_save(struct mpipe__flow *flow, bool all)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    if (mpipe__mapped_pass(flow, all, &err) != MPIPE_OK)
        no_store(flow, &err);
}

void mpipe__collect_tell(struct mpipe__flow *flow)
{
    const struct mpipe__store *store = &flow->spec->shuffle->store;
    struct mpipe__frame *f = NULL;

    for (uint32_t p = 0; p < store->n_parts; p++) {
        const struct mpipe__store_part *part = mpipe__store_part(store, p);
        struct mpipe__part_info info = {
            p, part->pairs, part->bytes, part->spilled,
            (uint64_t)flow->engine->transport->rank, store->memory_max
        };
        if (part->pairs == 0 || !mpipe__shuffle_fills(&flow->worker.outbound, p,
                                                      (int)info.rank))
            continue;
        if (f == NULL && mpipe__flow_wait_to_tell(flow, flow->home))
            f = mpipe__control_new(&flow->links, MPIPE__PARTS);
        if (f == NULL)
            return;
        mpipe__frame_append_slow(f, &info, sizeof info);
        if (mpipe__frame_need(f, sizeof info) > MPIPE__CONTROL_SIZE) {
            mpipe__link_control(flow->home, f);
            f = NULL;
        }
    }
    if (f != NULL)
        mpipe__link_control(flow->home, f);
}
