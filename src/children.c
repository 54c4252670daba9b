/* SPDX-License-Identifier: BSD-3-Clause */
/* children.c - what becomes of the frame in hand.
 *
 * The children of a frame leave when the item that made it is
 * done, so that what a failing item emitted can be taken back: a mark is the
 * place in the list of children where the item began.  Only when an item has
 * made more than HOLD_BYTES is the list sent early, and then the item is past
 * taking back ('flushes' has moved on).
 *
 * One child and nothing else: it keeps the frame's id, and rank 0 hears
 * nothing. Otherwise each child gets an id and a number of its own, and a
 * report tells rank 0 what was consumed and made.
 */
#include "bundle.h"
#include "children.h"
#include "clock.h"
#include "collect.h"
#include "flow.h"
#include "ledger.h"

#define HOLD_BYTES ((size_t)1 << 20)
#define BLOCK_US   2000u

/* ---- sending ---- */

bool mpipe__children_pass(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__engine *en = flow->engine;
    bool home = f->head.kind != MPIPE__FRAME_DATA;
    size_t size = mpipe__wire_size(&f->head);
    struct mpipe__link *link, *owner = NULL;
    struct mpipe__box *box = flow->worker.box;
    struct mpipe__frame_head head = f->head;
    uint64_t from = 0, took, root = box->root;
    bool stays;

    if (!home && flow->spec->shuffle != NULL) {
        if (mpipe__flow_stale(flow, f) || mpipe__collect_lost(flow, f)
            || !mpipe__shuffle_link(flow, f, &owner)) {
            mpipe__pool_put(&en->pool, f);
            return false;
        }
        if (owner == NULL) {
            mpipe__collect_arrive(flow, f);
            return true;
        }
    }
    box->root = MPIPE__NO_ROOT;     /* what happens here is not the item's doing */
    for (;;) {
        if (mpipe__flow_ending(flow) || mpipe__flow_stale(flow, f)) {
            mpipe__pool_put(&en->pool, f);
            return false;
        }
        /* a rank that had to wait stays here while it is paused; but rank 0
         * is itself within pause() then, and must come back to it */
        stays = flow->paused && from != 0 && flow->master == NULL;
        if (!stays && owner != NULL && mpipe__bundle_put(flow, owner, f)) {
            f = NULL;           /* it goes with others */
            break;
        }
        link = stays ? NULL
               : home ? mpipe__link_pick(&flow->home, 1, size)
               : owner != NULL ? mpipe__link_pick(&owner, 1, size)
               : mpipe__link_pick(flow->out, flow->n_out, size);
        if (link != NULL)
            break;
        if (from == 0)
            from = mpipe__now();
        if (!mpipe__engine_progress(en))
            mpipe__engine_rest(en, BLOCK_US);
    }
    if (from != 0) {
        took = mpipe__now() - from;
        flow->worker.blocked_ns += took;
        flow->stats.blocked_ns += took;
        if (flow->tracing)
            mpipe__flow_span(flow, MPIPE__SPAN_BLOCKED, head.stage, from,
                             from + took, head.n_items, head.root);
    }
    if (f != NULL && mpipe__link_send(link, f) != MPIPE_OK)
        mpipe__flow_fail(flow, en->transport->rank, MPIPE_EMPI,
                         "a frame could not be sent to rank %d", link->peer);
    box->root = root;
    return true;
}

/* A child that is not the only one. */
static void send_child(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__worker *w = &flow->worker;

    mpipe__frame_seal(f, w->in, w->n_sent++);
    f->head.id = mpipe__id(w->salt, w->next_id++);
    w->xored ^= f->head.id;
    if (flow->spec->shuffle != NULL && f->head.kind == MPIPE__FRAME_DATA)
        mpipe__shuffle_left(flow, f->head.id);
    mpipe__children_pass(flow, f);
}

void mpipe__children_send(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__frame *f;

    w->closed_bytes = 0;
    while ((f = mpipe__queue_pop(&w->closed)) != NULL)
        send_child(flow, f);
}

void mpipe__children_overflow(struct mpipe__flow *flow)
{
    if (flow->worker.closed_bytes <= HOLD_BYTES)
        return;
    flow->worker.flushes++;
    mpipe__children_send(flow);
}

/* ---- the children of the frame in hand ---- */

void mpipe__children_add(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    flow->worker.closed_bytes += mpipe__wire_size(&f->head);
    mpipe__queue_push(&flow->worker.closed, f);
}

void mpipe__children_close(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;

    mpipe__strip_close(&w->out[w->last]);
    if (w->open == NULL)
        return;
    flow->stage_stats[w->last].bytes_out +=
        mpipe__frame_item_bytes(w->open, w->open->head.n_items);
    if (w->open->head.n_items > 0)
        mpipe__children_add(flow, w->open);
    else
        mpipe__pool_put(&flow->engine->pool, w->open);
    w->open = NULL;
}

struct mpipe__frame *mpipe__children_new(struct mpipe__flow *flow,
                                         unsigned stage, size_t payload,
                                         size_t least)
{
    struct mpipe__worker *w = &flow->worker;
    size_t size = MPIPE__HEAD_SIZE + payload
                  + mpipe__align8(4u * (w->in->head.n_path + 1u));
    struct mpipe__frame *f;

    if (size < least)
        size = least;
    f = mpipe__pool_get(&flow->engine->pool, size);
    if (f != NULL)
        mpipe__frame_begin(f, w->in, (uint16_t)stage);
    return f;
}

/* The open frame, with room for one more item of up to 'size' bytes, also if
 * it turns out smaller. */
struct mpipe__frame *mpipe__worker_room(struct mpipe__flow *flow, size_t size)
{
    struct mpipe__worker *w = &flow->worker;

    mpipe__strip_close(&w->out[w->last]);
    if (w->open != NULL) {
        size_t more = 8 * ((size_t)w->open->head.n_items + 2);
        if (mpipe__frame_need(w->open, size) + more <= w->open->capacity)
            return w->open;
        mpipe__children_close(flow);
        mpipe__children_overflow(flow);
    }
    w->open = mpipe__children_new(flow, w->last + 1, mpipe__align8(size) + 24,
                                  flow->engine->options->frame);
    return w->open;
}

enum mpipe_err mpipe__children_append(struct mpipe__flow *flow,
                                      const void *data, size_t size)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe_out *out = &w->out[w->last];

    if (flow->spec->shuffle != NULL)
        return mpipe__shuffle_item(flow, data, size);
    mpipe__strip_close(out);
    if (w->abandoned)
        return MPIPE_EINTR;
    if (w->open == NULL || !mpipe__frame_append_fast(w->open, data, size)) {
        if (w->open == NULL
            || mpipe__frame_need(w->open, size) > w->open->capacity)
            if (mpipe__worker_room(flow, size) == NULL)
                return MPIPE_ENOMEM;
        mpipe__frame_append_slow(w->open, data, size);
    }
    out->emitted++;
    if (out->mode == MPIPE__OUT_STAGE)
        mpipe__strip_open(out, w->open);
    return MPIPE_OK;
}

/* Forget what was made since the mark. */
void mpipe__children_take_back(struct mpipe__flow *flow,
                               const struct mpipe__mark *m)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__pool *pool = &flow->engine->pool;
    struct mpipe__frame_queue all = w->closed;
    struct mpipe__frame *f, *open = w->open;
    bool shuffles = flow->spec->shuffle != NULL;

    mpipe__strip_close(&w->out[w->last]);
    if (shuffles)
        mpipe__shuffle_take_back(flow, m->n_log, m->pairs);
    if (all.n == 0)
        all.end = &all.first;
    mpipe__queue_init(&w->closed);
    w->open = NULL;
    for (uint32_t i = 0; (f = mpipe__queue_pop(&all)) != NULL; i++) {
        if (i < m->n_closed || (shuffles && f->head.kind == MPIPE__FRAME_DATA))
            mpipe__queue_push(&w->closed, f);
        else if (f == m->open)
            w->open = f;        /* it was closed since: open it again */
        else
            mpipe__pool_put(pool, f);
    }
    if (open == m->open)
        w->open = open;
    else
        mpipe__pool_put(pool, open);
    if (w->open != NULL)
        mpipe__frame_truncate(w->open, m->n_items);
    if (!shuffles)
        w->closed_bytes = m->closed_bytes;
    w->dropped = m->dropped;
    w->made = m->made;
}

void mpipe__children_drop(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__frame *f;

    mpipe__strip_close(&w->out[w->last]);
    if (flow->spec->shuffle != NULL)
        mpipe__shuffle_drop(flow);
    while ((f = mpipe__queue_pop(&w->closed)) != NULL)
        mpipe__pool_put(&flow->engine->pool, f);
    mpipe__pool_put(&flow->engine->pool, w->open);
    w->open = NULL;
}
