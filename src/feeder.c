/* SPDX-License-Identifier: BSD-3-Clause */
/* feeder.c - items in, root frames out (rank 0).
 *
 * Items gather in the open frame.  It is cut when it is full, when it holds
 * enough work, or when a stage waits and the source has paused; then it waits
 * in 'pending' until the window and a link take it, and only there it gets its
 * entry in the ledger. How much work is enough is learnt from what comes back:
 * frames begin with one item and grow, long items stay alone.
 */
#include <limits.h>
#include <stdlib.h>
#include "backup.h"
#include "clock.h"
#include "feeder.h"
#include "flow.h"
#include "master.h"
#include "resume.h"

#define FRAME_NS    1000000.0   /* work that makes a frame worth its trouble */
#define ROOT_NS     20000.0     /* ... for each rank that is fed: then rank 0,
                                   which needs 2 us or so for a root, keeps up */
#define LEAST_NS    4000.0      /* ... and for each near the end: so that it is not
                                   rank 0 that all then wait for */
#define AGE_NS      1000000u     /* an open frame is not held back longer */
#define REST_US     2000u
#define FEW_ITEMS   16u
#define AGAIN_SHARE  64u        /* of the time that a source had nothing */
#define AGAIN_MIN_US 600u
#define AGAIN_MAX_US 2400u

void mpipe__feeder_init(struct mpipe__flow *flow)
{
    struct mpipe__feeder *fd = &flow->master->feeder;

    mpipe__queue_init(&fd->pending);
    fd->out.flow = flow;
    fd->out.name = "source";
    fd->out.mode = MPIPE__OUT_FEED;
    fd->item_ns = -1;
    fd->out.limit = 1;
}

void mpipe__feeder_fini(struct mpipe__flow *flow)
{
    struct mpipe__feeder *fd = &flow->master->feeder;
    struct mpipe__pool *pool = &flow->engine->pool;
    struct mpipe__frame *f;

    while ((f = mpipe__queue_pop(&fd->pending)) != NULL)
        mpipe__pool_put(pool, f);
    mpipe__pool_put(pool, fd->open);
    fd->open = NULL;
    free(fd->link);
    fd->link = NULL;
    fd->n_links = 0;
}

/* ---- how long a frame should be ---- */

/* Items for the next frame (pure).  'item_ns' < 0: nothing is known yet, so
 * the first frames go out with one item each, and then grow. */
static uint32_t frame_items(double item_ns, uint64_t cuts, unsigned n_links,
                            uint64_t left)
{
    double items = UINT32_MAX, enough = ROOT_NS * n_links;

    if (enough < FRAME_NS)
        enough = FRAME_NS;
    if (item_ns < 0) {
        uint64_t doublings = cuts / (2 * (uint64_t)n_links + 1);
        items = doublings < 31 ? (double)((uint32_t)1 << doublings) : items;
    } else if (item_ns > 0 && enough / item_ns < items) {
        items = enough / item_ns;
    }
    if (left > 0) {             /* near the end, let all ranks end together */
        double share = (double)left / (2.0 * n_links);
        double least = item_ns > 0 ? LEAST_NS * n_links / item_ns : 1;
        share = share > least ? share : least < (double)left ? least : (double)left;
        items = share < items ? share : items;
    }
    return items < 1 ? 1 : (uint32_t)items;
}

/* --limit: has the feed had all that it shall have? */
static bool at_limit(const struct mpipe__flow *flow)
{
    uint64_t limit = flow->engine->options->limit;

    /* tokens are no input: without them what is there would be lost */
    return limit > 0 && flow->spec->direct == NULL
           && mpipe__feeder_items(flow) >= limit;
}

static void choose_target(struct mpipe__flow *flow)
{
    struct mpipe__feeder *fd = &flow->master->feeder;
    uint64_t count = flow->spec->count, limit = flow->engine->options->limit;
    uint32_t room = mpipe__resume_room(flow, fd->items);

    if (limit > 0 && (count == 0 || limit < count))
        count = limit;

    if (flow->spec->direct != NULL) {
        fd->out.limit = 1;
        return;
    }
    fd->out.limit = frame_items(fd->item_ns, fd->cuts,
                                fd->n_links > 0 ? fd->n_links : 1,
                                count > fd->items ? count - fd->items : 0);
    if (fd->out.limit > room)
        fd->out.limit = room;
}

void mpipe__feeder_learn(struct mpipe__flow *flow, uint32_t items,
                         uint32_t work_us)
{
    struct mpipe__feeder *fd = &flow->master->feeder;
    double ns = items > 0 ? 1000.0 * work_us / items : 0;

    fd->item_ns = fd->item_ns < 0 ? ns : 0.875 * fd->item_ns + 0.125 * ns;
}

/* ---- the open frame ---- */

void mpipe__feeder_cut(struct mpipe__flow *flow)
{
    struct mpipe__feeder *fd = &flow->master->feeder;
    struct mpipe__frame *f = fd->open;

    mpipe__strip_close(&fd->out);
    if (f == NULL || f->head.n_items == 0)
        return;
    fd->item_bytes = (f->head.bytes + f->head.n_items - 1) / f->head.n_items;
    fd->items += f->head.n_items;
    fd->bytes += mpipe__frame_item_bytes(f, f->head.n_items);
    if (mpipe__resume_passes(flow, f, fd->items - f->head.n_items)) {
        fd->open = NULL;
        mpipe__pool_put(&flow->engine->pool, f);
        choose_target(flow);
        return;
    }
    fd->cuts++;
    if (flow->spec->fed != NULL
        && flow->spec->fed(flow->spec->fed_arg, f) != MPIPE_OK)
        mpipe__flow_fail(flow, 0, MPIPE_ENOMEM, "no memory to keep what was "
                         "fed");
    fd->open = NULL;
    fd->pending_bytes += f->capacity;
    mpipe__queue_push(&fd->pending, f);
    choose_target(flow);
}

/* A frame that is about as large as what will go into it, so that many small
 * ones in flight do not take the memory of many full ones. */
static struct mpipe__frame *new_frame(struct mpipe__flow *flow, size_t size)
{
    struct mpipe__feeder *fd = &flow->master->feeder;
    size_t item = fd->item_bytes > size ? fd->item_bytes : size;
    size_t full = flow->engine->options->frame;
    double guess = (double)fd->out.limit * (double)(item + 16);
    size_t want = guess < (double)full ? (size_t)guess : full;
    size_t least = MPIPE__HEAD_SIZE + mpipe__align8(size) + 24;
    struct mpipe__frame *f;

    f = mpipe__pool_get(&flow->engine->pool, want > least ? want : least);
    if (f != NULL)
        mpipe__frame_begin(f, NULL, 0);
    return f;
}

struct mpipe__frame *mpipe__feeder_room(struct mpipe__flow *flow, size_t size)
{
    struct mpipe__feeder *fd = &flow->master->feeder;

    mpipe__strip_close(&fd->out);
    if (fd->open != NULL
        && mpipe__frame_need(fd->open, size)
           + 8 * ((size_t)fd->open->head.n_items + 2) > fd->open->capacity) {
        mpipe__feeder_cut(flow);
        mpipe__feeder_wait(flow);
    }
    if (fd->open == NULL) {
        fd->open = new_frame(flow, size);
        fd->open_since = mpipe__now();
    }
    return fd->open;
}

uint64_t mpipe__feeder_items(const struct mpipe__flow *flow)
{
    const struct mpipe__feeder *fd = &flow->master->feeder;

    return fd->items + (fd->open != NULL ? fd->open->head.n_items : 0)
           + fd->out.opened - fd->out.strip.left;
}

void mpipe__feeder_added(struct mpipe__flow *flow)
{
    struct mpipe__feeder *fd = &flow->master->feeder;

    if (fd->open->head.n_items >= fd->out.limit) {
        mpipe__feeder_cut(flow);
        mpipe__feeder_wait(flow);
    } else {
        mpipe__strip_open(&fd->out, fd->open);
    }
}

enum mpipe_err mpipe__feeder_item(struct mpipe__flow *flow, const void *data,
                                  size_t size)
{
    struct mpipe__feeder *fd = &flow->master->feeder;
    enum mpipe_err stopped = mpipe__flow_ending(flow) ? MPIPE_EINTR : MPIPE_OK;

    if (stopped != MPIPE_OK)
        return flow->error.code != MPIPE_OK ? flow->error.code : stopped;
    mpipe__strip_close(&fd->out);
    if (fd->stopped)
        return MPIPE_ESAVED;
    if (at_limit(flow))
        return MPIPE_END;
    if (fd->open == NULL
        || !mpipe__frame_append_fast(fd->open, data, size)) {
        struct mpipe__frame *f = mpipe__feeder_room(flow, size);
        if (f == NULL)
            return MPIPE_ENOMEM;
        mpipe__frame_append_slow(f, data, size);
    }
    mpipe__feeder_added(flow);
    return MPIPE_OK;
}

/* ---- sending ---- */

uint64_t mpipe__feeder_id(struct mpipe__flow *flow)
{
    return mpipe__id(flow->worker.salt ^ (1ull << 63),
                     flow->master->next_id++);
}

/* Enter the frame in the ledger and send it; a copy of the reference stays
 * with the ledger. */
static void send_root(struct mpipe__flow *flow, struct mpipe__link *link,
                      struct mpipe__frame *f)
{
    struct mpipe__master *m = flow->master;
    uint64_t id = mpipe__feeder_id(flow);
    struct mpipe__root *r = mpipe__ledger_feed(&m->ledger, id,
                                               f->head.n_items, f->capacity);

    f->head.id = id;
    f->head.root = r->seq;
    f->head.attempt = r->attempt;
    r->fed = f;
    f->refs++;
    mpipe__resume_fed(flow, r, f);
    mpipe__backup_given(flow, r, link->peer);
    m->counts.fed += f->head.n_items;
    if (mpipe__link_send(link, f) != MPIPE_OK)
        mpipe__flow_fail(flow, 0, MPIPE_EMPI,
                         "a frame could not be sent to rank %d", link->peer);
}

/* The link for a frame; NULL: none takes it now. */
static struct mpipe__link *link_for(struct mpipe__flow *flow,
                                    struct mpipe__frame *f)
{
    struct mpipe__feeder *fd = &flow->master->feeder;
    size_t size = mpipe__wire_size(&f->head);
    struct mpipe__link *link;
    struct mpipe__cursor c;
    struct mpipe_item item = { NULL, 0 };

    if (flow->spec->direct == NULL)
        return mpipe__link_pick(fd->link, fd->n_links, size);
    mpipe__cursor_init(&c, f);
    mpipe__cursor_next(&c, &item);
    link = flow->worker_link[flow->spec->direct(&item,
                                                flow->spec->direct_arg)];
    if (link == NULL)
        link = fd->link[0];             /* this rank */
    return mpipe__link_ready(link, size) ? link : NULL;
}

/* The first frame that a link takes, out of the queue.  NULL: none; results
 * that are wanted in order must be fed in order. */
static struct mpipe__frame *next_pending(struct mpipe__flow *flow,
                                         struct mpipe__link **link)
{
    struct mpipe__frame_queue *q = &flow->master->feeder.pending, rest;
    struct mpipe__frame *f, *found = NULL;

    *link = q->first != NULL ? link_for(flow, q->first) : NULL;
    if (*link != NULL)
        return mpipe__queue_pop(q);
    if (flow->spec->direct == NULL || flow->spec->ordered
        || flow->spec->shuffle != NULL)
        return NULL;
    mpipe__queue_init(&rest);
    while ((f = mpipe__queue_pop(q)) != NULL)
        if (found == NULL && (*link = link_for(flow, f)) != NULL)
            found = f;
        else
            mpipe__queue_push(&rest, f);
    while ((f = mpipe__queue_pop(&rest)) != NULL)
        mpipe__queue_push(q, f);
    return found;
}

/* How many frames may wait: a few for each rank where each has its own. */
static uint32_t pending_max(const struct mpipe__flow *flow)
{
    return flow->spec->direct != NULL ? 2 * flow->n_workers + 1 : 1;
}

/* Roots that are in the ledger already, before new ones. */
static bool pump_again(struct mpipe__flow *flow)
{
    struct mpipe__frame_queue *q = &flow->master->again;
    struct mpipe__link *link;
    bool did = false;

    while (q->first != NULL && !mpipe__flow_ending(flow)
           && (link = link_for(flow, q->first)) != NULL) {
        struct mpipe__frame *f = mpipe__queue_pop(q);
        struct mpipe__root *r = mpipe__ledger_find(&flow->master->ledger,
                                                   f->head.root,
                                                   f->head.attempt);

        if (r != NULL)
            mpipe__backup_given(flow, r, link->peer);
        if (mpipe__link_send(link, f) != MPIPE_OK)
            mpipe__flow_fail(flow, 0, MPIPE_EMPI, "a frame could not be sent "
                             "to rank %d", link->peer);
        did = true;
    }
    return did;
}

bool mpipe__feeder_pump(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__feeder *fd = &m->feeder;
    bool did;

    if (flow->phase != MPIPE__RUNNING || flow->paused
        || !mpipe__flow_routed(flow))
        return false;
    did = pump_again(flow);
    while (m->again.n == 0 && fd->pending.first != NULL && !fd->stopped
           && !mpipe__flow_ending(flow)) {
        struct mpipe__frame *f = fd->pending.first;
        struct mpipe__link *link = NULL;

        if (mpipe__ledger_full(&m->ledger)
            || (!mpipe__ledger_empty(&m->ledger)
                && m->ledger.bytes + m->held + f->capacity
                   > flow->engine->options->window))
            break;
        f = next_pending(flow, &link);
        if (f == NULL)
            break;
        fd->pending_bytes -= f->capacity;
        send_root(flow, link, f);
        did = true;
    }
    return did;
}

bool mpipe__feeder_full(const struct mpipe__flow *flow)
{
    const struct mpipe__master *m = flow->master;

    return m->feeder.pending_bytes + m->ledger.bytes + m->held
           >= flow->engine->options->window;
}

bool mpipe__feeder_wants(const struct mpipe__flow *flow)
{
    return flow->master->feeder.pending.n == 0;
}

/* One frame may wait while the next one fills; then the feed waits.  Within
 * the output handler it must not: nobody would deliver. */
void mpipe__feeder_wait(struct mpipe__flow *flow)
{
    struct mpipe__feeder *fd = &flow->master->feeder;

    mpipe__feeder_pump(flow);
    while (fd->pending.n > pending_max(flow) && !flow->in_sink && !flow->in_worker
           && !flow->paused && !fd->stopped && !mpipe__flow_ending(flow)) {
        if (!mpipe__engine_turn(flow->engine, false))
            mpipe__engine_rest(flow->engine, REST_US);
        mpipe__feeder_pump(flow);
    }
}

/* ---- pulling ---- */

static bool a_rank_waits(const struct mpipe__feeder *fd)
{
    for (unsigned i = 0; i < fd->n_links; i++)
        if (fd->link[i]->credits == fd->link[i]->window_out)
            return true;
    return false;
}

void mpipe__feeder_age(struct mpipe__flow *flow)
{
    struct mpipe__feeder *fd = &flow->master->feeder;

    if (fd->open == NULL || flow->engine->now < fd->open_since + AGE_NS
        || !a_rank_waits(fd))
        return;
    mpipe__feeder_cut(flow);
    mpipe__feeder_pump(flow);
}

bool mpipe__feeder_pull(struct mpipe__flow *flow)
{
    struct mpipe__feeder *fd = &flow->master->feeder;
    uint64_t before = mpipe__feeder_items(flow), items;
    uint64_t from = flow->engine->now, now;
    enum mpipe_err e;

    if (flow->spec->source == NULL || fd->ended || fd->stopped || flow->in_source
        || flow->in_sink || flow->paused || flow->phase != MPIPE__RUNNING
        || fd->pending.n > pending_max(flow) || mpipe__flow_ending(flow)
        || mpipe__resume_comes_first(flow))
        return false;
    flow->in_source = true;
    fd->out.text[0] = '\0';
    fd->out.strip.spot = NULL;
    e = flow->spec->source(&fd->out, flow->spec->source_arg);
    flow->in_source = false;
    if (e == MPIPE_OK)
        e = fd->out.error;
    if (e >= MPIPE_OK && at_limit(flow))
        e = MPIPE_END;
    items = mpipe__feeder_items(flow) - before;
    /* a source that gives few items a call may have taken its time */
    now = items < FEW_ITEMS || flow->tracing ? mpipe__now() : from;
    if (e != MPIPE_AGAIN || items > 0)
        fd->again_since = 0;
    if (e == MPIPE_AGAIN && fd->again_since == 0)
        fd->again_since = now;
    if (flow->tracing && now - from > 5000)
        mpipe__flow_span(flow, MPIPE__SPAN_FEED, 0, from, now,
                         (uint32_t)items, UINT64_MAX);
    if (fd->stopped)                /* meanwhile: what it says is not heard */
        return true;
    if (e < MPIPE_OK) {
        mpipe__flow_fail(flow, 0, e, "the source of pipeline '%s' failed: %s",
                         flow->spec->name, fd->out.text[0] != '\0'
                         ? fd->out.text : mpipe_strerror(e));
        return true;
    }
    fd->ended = e == MPIPE_END;
    if (fd->ended || (fd->open != NULL
                      && (e == MPIPE_AGAIN || now > fd->open_since + AGE_NS)
                      && a_rank_waits(fd)))
        mpipe__feeder_cut(flow);
    mpipe__feeder_pump(flow);
    return items > 0 || fd->ended || e == MPIPE_OK;
}

/* The longer it has had nothing, the less often it is asked. */
static unsigned again_us(const struct mpipe__feeder *fd, uint64_t now)
{
    uint64_t us = (now - fd->again_since) / 1000 / AGAIN_SHARE;

    if (fd->again_since == 0)
        return UINT_MAX;
    return us < AGAIN_MIN_US ? AGAIN_MIN_US
           : us < AGAIN_MAX_US ? (unsigned)us : AGAIN_MAX_US;
}

/* Until what waits may go to a rank that is nearly done. */
static unsigned ready_us(const struct mpipe__feeder *fd, uint64_t now)
{
    uint64_t first = UINT64_MAX;

    for (unsigned i = 0; fd->pending.n > 0 && i < fd->n_links; i++) {
        uint64_t at = mpipe__link_ready_at(fd->link[i]);
        first = at < first ? at : first;
    }
    if (first == UINT64_MAX)
        return UINT_MAX;
    return first > now ? (unsigned)((first - now) / 1000) + 1 : 1;
}

unsigned mpipe__feeder_rest_us(const struct mpipe__feeder *fd, uint64_t now)
{
    unsigned again = again_us(fd, now), ready = ready_us(fd, now);

    return again < ready ? again : ready;
}

bool mpipe__feeder_empty(const struct mpipe__flow *flow)
{
    const struct mpipe__feeder *fd = &flow->master->feeder;

    return fd->pending.n == 0 && (fd->open == NULL
                                  || fd->open->head.n_items == 0)
           && mpipe__ledger_empty(&flow->master->ledger)
           && !mpipe__resume_replays(flow);
}
