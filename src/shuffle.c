/* SPDX-License-Identifier: BSD-3-Clause */
/* shuffle.c - pairs in, frames for the owners of partitions out. */
#include <stdlib.h>
#include "children.h"
#include "collect.h"
#include "exchange.h"
#include "flow.h"
#include "grow.h"
#include "shuffle.h"

/* Shares of a rank's memory.  What remains is for the input: see
 * source_splits.c. */
#define STORE_SHARE 2u              /* the pairs of its partitions */
#define HELD_SHARE  8u              /* frames that may come to count */
#define TABLE_SHARE 8u              /* pairs combined before they are sent */
#define TABLE_MOST  ((size_t)2 << 20)   /* ... which should stay in a cache */
#define OPEN_SHARE  16u             /* frames being filled */
#define BYPASS      8u
#define LEAST_FRAME ((size_t)2 << 10)

/* ---- memory ---- */

static void forget_all(struct mpipe__shuffle *sh)
{
    mpipe__store_fini(&sh->store);
    free(sh->info);
    sh->info = NULL;
}

/* The shuffle has run before: of what this rank has only the partitions that are
 * whole, and its own, remain. */
static void keep_full(struct mpipe__flow *flow)
{
    const struct mpipe__outbound *o = &flow->worker.outbound;
    struct mpipe__store *store = &flow->spec->shuffle->store;

    for (uint32_t p = 0; p < store->n_parts; p++)
        if (p >= o->n_owners || o->owner[p].state != MPIPE__PART_FULL
            || o->owner[p].rank != (uint32_t)flow->engine->transport->rank) {
            mpipe__store_drop(store, p);
            mpipe__mapped_forget(&flow->spec->shuffle->mapped, p);
        }
}

enum mpipe_err mpipe__shuffle_init(struct mpipe__flow *flow)
{
    struct mpipe__shuffle *sh = flow->spec->shuffle;
    struct mpipe__outbound *o = &flow->worker.outbound;
    size_t frame;

    if (sh->gather > 0 || sh->n_parts == 0)
        sh->n_parts = flow->n_workers;
    if (sh->gather > 0)
        forget_all(sh);         /* it begins anew, with what ranks there are */
    sh->n_workers = flow->n_workers;
    o->n_parts = sh->n_parts;
    frame = sh->memory / OPEN_SHARE / o->n_parts;
    o->frame_size = frame > flow->engine->options->frame
                    ? flow->engine->options->frame
                    : frame < LEAST_FRAME ? LEAST_FRAME : frame;
    o->table_limit = sh->memory / TABLE_SHARE;
    if (o->table_limit > TABLE_MOST)
        o->table_limit = TABLE_MOST;
    flow->collector.limit = sh->memory / HELD_SHARE;
    mpipe__table_init(&o->table, &sh->combiner);
    o->open = calloc(o->n_parts, sizeof *o->open);
    o->before = calloc(flow->spec->n_stages, sizeof *o->before);
    if (o->open == NULL || o->before == NULL)
        return MPIPE_ENOMEM;
    if (flow->master != NULL && sh->info == NULL)
        sh->info = calloc(sh->n_parts, sizeof *sh->info);
    if (flow->master != NULL && sh->info == NULL)
        return MPIPE_ENOMEM;
    if (sh->store.part != NULL) {
        keep_full(flow);
        return MPIPE_OK;
    }
    if (mpipe__store_init(&sh->store, sh->n_parts, &sh->combiner,
                          sh->memory / STORE_SHARE, sh->scratch) != MPIPE_OK)
        return MPIPE_ENOMEM;
    sh->store.any_order = sh->any_order;
    return MPIPE_OK;
}

void mpipe__shuffle_fini(struct mpipe__flow *flow)
{
    struct mpipe__outbound *o = &flow->worker.outbound;

    for (uint32_t p = 0; o->open != NULL && p < o->n_parts; p++)
        mpipe__pool_put(&flow->engine->pool, o->open[p]);
    mpipe__table_fini(&o->table);
    free(o->open);
    free(o->left);
    free(o->log);
    free(o->before);
    free(o->scratch);
    free(o->owner);
    memset(o, 0, sizeof *o);
}

/* ---- frames for partitions ---- */

static void close_part(struct mpipe__flow *flow, uint32_t part)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    struct mpipe__frame *f = o->open[part];

    o->open[part] = NULL;
    if (f == NULL)
        return;
    if (f->head.n_items == 0) {
        mpipe__pool_put(&flow->engine->pool, f);
        return;
    }
    flow->stage_stats[flow->worker.last].bytes_out +=
        mpipe__frame_item_bytes(f, f->head.n_items);
    o->sent += f->head.n_items;
    mpipe__children_add(flow, f);
}

/* The partition's open frame, with room for an item of 'size' bytes. */
static struct mpipe__frame *room(struct mpipe__flow *flow, uint32_t part,
                                 size_t size)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    struct mpipe__frame *f = o->open[part];

    if (f != NULL) {
        size_t more = 8 * ((size_t)f->head.n_items + 2);
        if (mpipe__frame_need(f, size) + more <= f->capacity)
            return f;
        close_part(flow, part);
        if (!o->careful) {      /* at once, and take what has come: a rank in a
                                   long map must not hold up the others */
            mpipe__children_send(flow);
            mpipe__engine_progress(flow->engine);
        }
    }
    f = mpipe__children_new(flow, flow->worker.last + 1,
                            mpipe__align8(size) + 24, o->frame_size);
    if (f != NULL)
        f->head.tries = (uint16_t)part;
    o->open[part] = f;
    return f;
}

static enum mpipe_err append(struct mpipe__flow *flow, uint32_t part,
                             const void *item, size_t size)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    struct mpipe__frame *f;

    if (o->partial && (part >= o->n_owners
                       || o->owner[part].state != MPIPE__PART_FILLING))
        return MPIPE_OK;
    f = room(flow, part, size);
    if (f == NULL)
        return MPIPE_ENOMEM;
    if (o->careful) {
        struct mpipe__addition *grown = mpipe__grow(
            o->log, &o->log_capacity, o->n_log, sizeof *o->log);
        if (grown == NULL)
            return MPIPE_ENOMEM;
        o->log = grown;
        o->log[o->n_log++] = (struct mpipe__addition){ f, part,
                                                       f->head.n_items };
    }
    mpipe__frame_append_slow(f, item, size);
    return MPIPE_OK;
}

static uint32_t part_of(struct mpipe__flow *flow, const void *key, size_t size)
{
    const struct mpipe__shuffle *sh = flow->spec->shuffle;
    uint32_t part;

    if (sh->gather > 0)
        return flow->worker_index - flow->worker_index % sh->gather;
    part = sh->part_of(key, size, sh->n_parts, sh->arg);
    if (part < sh->n_parts)
        return part;
    mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_EINVAL,
                     "the partition function of job '%s' answers %u, but there "
                     "are %u partitions, 0 to %u", flow->spec->name, part,
                     sh->n_parts, sh->n_parts - 1);
    flow->worker.abandoned = true;
    return 0;
}

/* The combined pairs, to their frames. */
static enum mpipe_err empty_table(struct mpipe__flow *flow)
{
    struct mpipe__table *t = &flow->worker.outbound.table;
    enum mpipe_err e = MPIPE_OK;

    for (size_t at = 0; at < t->used && e == MPIPE_OK;
         at += mpipe__pair_stride(t->arena + at)) {
        const char *pair = t->arena + at;
        uint32_t ks = mpipe__pair(pair)->key_size;
        e = append(flow, part_of(flow, mpipe__pair_key(pair), ks), pair,
                   mpipe__pair_size(ks, mpipe__pair(pair)->value_size));
    }
    mpipe__table_clear(t);
    flow->worker.outbound.tabled = 0;
    return e;
}

/* ---- pairs ---- */

/* Is the key's partition being filled? */
static bool is_wanted(struct mpipe__flow *flow, const void *key, size_t size)
{
    const struct mpipe__outbound *o = &flow->worker.outbound;
    uint32_t part = part_of(flow, key, size);

    return part < o->n_owners && o->owner[part].state == MPIPE__PART_FILLING;
}

static enum mpipe_err append_pair(struct mpipe__flow *flow,
                                  const void *key, size_t key_size,
                                  const void *value, size_t value_size)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    size_t size = mpipe__pair_size(key_size, value_size);

    if (mpipe__align8(size) > o->scratch_size) {
        char *more = malloc(2 * size + 64);
        if (more == NULL)
            return MPIPE_ENOMEM;
        free(o->scratch);
        o->scratch = more;
        o->scratch_size = 2 * size + 64;
    }
    mpipe__pair_write(o->scratch, key, key_size, value, value_size);
    return append(flow, part_of(flow, key, key_size), o->scratch, size);
}

enum mpipe_err mpipe__shuffle_pair(struct mpipe__flow *flow,
                                   const void *key, size_t key_size,
                                   const void *value, size_t value_size)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    struct mpipe__worker *w = &flow->worker;
    enum mpipe_err e;

    if (w->abandoned)
        return MPIPE_EINTR;
    if (o->partial && !is_wanted(flow, key, key_size)) {
        e = mpipe__combine_takes(&o->table.combiner, value_size) ? MPIPE_OK
                                                                 : MPIPE_EINVAL;
    } else if (o->table.combiner.fn == NULL) {
        e = append_pair(flow, key, key_size, value, value_size);
    } else if (o->careful || o->bypass > 0) {
        o->bypass -= o->bypass > 0;
        e = mpipe__combine_takes(&o->table.combiner, value_size)
            ? append_pair(flow, key, key_size, value, value_size)
            : MPIPE_EINVAL;
    } else {
        e = mpipe__table_add(&o->table, key, key_size, value, value_size);
        o->tabled++;
        if (e == MPIPE_OK && mpipe__table_used(&o->table) > o->table_limit) {
            /* hardly a key came twice: go without it for a while */
            if (2 * (uint64_t)o->table.n > o->tabled)
                o->bypass = BYPASS * o->tabled;
            e = empty_table(flow);
        }
    }
    if (e != MPIPE_OK)
        return e;
    o->pairs++;
    w->out[w->last].emitted++;
    return MPIPE_OK;
}

enum mpipe_err mpipe__shuffle_item(struct mpipe__flow *flow, const void *data,
                                   size_t size)
{
    struct mpipe_item item = { data, size };
    struct mpipe_pair pair;

    if (!flow->spec->shuffle->keyed)
        return mpipe__shuffle_pair(flow, "", 0, data, size);
    if ((uintptr_t)data % 8 != 0 || mpipe_pair_parse(&item, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    return mpipe__shuffle_pair(flow, pair.key.data, pair.key.size,
                               pair.value.data, pair.value.size);
}

/* ---- the frame in hand ---- */

void mpipe__shuffle_begin(struct mpipe__flow *flow)
{
    struct mpipe__outbound *o = &flow->worker.outbound;

    o->careful = flow->spec->direct != NULL;
    o->pairs = 0;
    o->n_left = o->n_log = 0;
    memcpy(o->before, flow->stage_stats,
           flow->spec->n_stages * sizeof *o->before);
}

void mpipe__shuffle_close_parts(struct mpipe__flow *flow)
{
    for (uint32_t p = 0; p < flow->worker.outbound.n_parts; p++)
        close_part(flow, p);
}

enum mpipe_err mpipe__shuffle_close(struct mpipe__flow *flow)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    enum mpipe_err e = o->table.n > 0 ? empty_table(flow) : MPIPE_OK;

    mpipe__shuffle_close_parts(flow);
    o->emitted += o->pairs;
    return e;
}

void mpipe__shuffle_drop(struct mpipe__flow *flow)
{
    struct mpipe__outbound *o = &flow->worker.outbound;

    for (uint32_t p = 0; p < o->n_parts; p++) {
        mpipe__pool_put(&flow->engine->pool, o->open[p]);
        o->open[p] = NULL;
    }
    mpipe__table_clear(&o->table);
    o->tabled = 0;
    o->n_log = 0;
}

/* What has left so far must not count: rank 0 is told ahead of what makes the root
 * complete, and so on the same way. */
static void void_what_left(struct mpipe__flow *flow)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    struct mpipe__link *to = mpipe__tally_link(flow);
    struct mpipe__frame *f = NULL;

    for (size_t i = 0; i < o->n_left; i++) {
        struct mpipe__void v = { flow->worker.in->head.root, o->left[i] };
        if (f == NULL && mpipe__flow_wait_to_tell(flow, to))
            f = mpipe__control_new(&flow->links, MPIPE__VOID);
        if (f == NULL) {
            mpipe__flow_fail(flow, flow->engine->transport->rank,
                             MPIPE_ENOMEM, "no memory to take frames back");
            return;
        }
        mpipe__frame_append_slow(f, &v, sizeof v);
        if (mpipe__frame_need(f, sizeof v) > MPIPE__CONTROL_SIZE
            || i + 1 == o->n_left) {
            mpipe__link_control(to, f);
            f = NULL;
        }
    }
    o->n_left = 0;
}

void mpipe__shuffle_restart(struct mpipe__flow *flow)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    uint64_t busy;

    void_what_left(flow);
    mpipe__shuffle_drop(flow);
    for (unsigned s = 0; s < flow->spec->n_stages; s++) {
        busy = flow->stage_stats[s].busy_ns;
        flow->stage_stats[s] = o->before[s];
        flow->stage_stats[s].busy_ns = busy;
    }
    o->pairs = 0;
    o->careful = true;
}

void mpipe__shuffle_take_back(struct mpipe__flow *flow, size_t n_log,
                              uint64_t pairs)
{
    struct mpipe__outbound *o = &flow->worker.outbound;

    /* what came first is what a frame goes back to */
    for (size_t i = n_log; i < o->n_log; i++)
        if (o->log[i].frame->head.n_items > o->log[i].n_items)
            mpipe__frame_truncate(o->log[i].frame, o->log[i].n_items);
    o->n_log = n_log;
    o->pairs = pairs;
}

void mpipe__shuffle_left(struct mpipe__flow *flow, uint64_t id)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    uint64_t *grown = mpipe__grow(o->left, &o->left_capacity, o->n_left,
                                  sizeof *o->left);

    if (grown == NULL) {
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory to remember what was sent");
        return;
    }
    o->left = grown;
    o->left[o->n_left++] = id;
}

/* ---- owners ---- */

static bool room_for_owners(struct mpipe__outbound *o, uint32_t n)
{
    struct mpipe__whose *grown;

    if (n <= o->n_owners)
        return true;
    grown = realloc(o->owner, n * sizeof *grown);
    if (grown == NULL)
        return false;
    o->owner = grown;
    o->n_owners = n;
    return true;
}

void mpipe__shuffle_owners(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__outbound *o = &flow->worker.outbound;
    struct mpipe__place at;
    struct mpipe__cursor c;
    struct mpipe_item item;

    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item) && item.size == sizeof at) {
        memcpy(&at, item.data, sizeof at);
        if (!room_for_owners(o, at.part + at.n)) {
            mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                             "no memory for the owners of partitions");
            return;
        }
        for (uint32_t i = 0; i < at.n; i++)
            o->owner[at.part + i] = (struct mpipe__whose){
                at.rank + i, at.worker + i, at.state };
    }
    o->partial = false;
    for (uint32_t p = 0; p < o->n_owners; p++)
        o->partial |= o->owner[p].state != MPIPE__PART_FILLING;
    mpipe__mapped_owners(&flow->spec->shuffle->mapped);
}

bool mpipe__shuffle_link(const struct mpipe__flow *flow,
                         const struct mpipe__frame *f,
                         struct mpipe__link **link)
{
    const struct mpipe__outbound *o = &flow->worker.outbound;
    const struct mpipe__whose *to;
    bool last;

    *link = NULL;
    if (f->head.tries >= o->n_owners)
        return false;
    to = &o->owner[f->head.tries];
    if (to->state != MPIPE__PART_FILLING)
        return false;
    if (to->rank == (uint32_t)flow->engine->transport->rank)
        return true;
    last = mpipe__exchange_is_last(flow->side, flow->worker_index, to->worker);
    if (flow->side > 0 && !last)
        *link = flow->row[mpipe__exchange_column(flow->side, to->worker)];
    else
        *link = mpipe__link_find(&flow->links, (int)to->rank,
                                 last ? MPIPE__LANE_HOME : MPIPE__LANE_MAIN);
    return *link != NULL;
}

/* ---- numbers ---- */

void mpipe__shuffle_stats(const struct mpipe__flow *flow,
                          struct mpipe__rank_stats *stats)
{
    const struct mpipe__store *store = &flow->spec->shuffle->store;

    stats->pairs_emitted = flow->worker.outbound.emitted;
    stats->pairs_sent = flow->worker.outbound.sent;
    stats->pairs_kept = 0;
    stats->bytes_spilled = flow->collector.set_aside;
    for (uint32_t p = 0; p < store->n_parts; p++) {
        if (!mpipe__shuffle_fills(&flow->worker.outbound, p,
                                  flow->engine->transport->rank))
            continue;           /* what it had before this flow */
        stats->pairs_kept += mpipe__store_part(store, p)->pairs;
        stats->bytes_spilled += mpipe__store_part(store, p)->spilled;
    }
}
