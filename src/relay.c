/* SPDX-License-Identifier: BSD-3-Clause */
/* relay.c - see relay.h. */
#include "bundle.h"
#include "collect.h"
#include "flow.h"
#include "relay.h"

#define WAITING_MOST ((size_t)256 << 10)    /* bytes of frames out of bundles */

/* What came by this link has left this rank, or is dropped: the credit is given back. */
static void done_with(struct mpipe__flow *flow, struct mpipe__link *from,
                      size_t size, uint32_t items)
{
    if (mpipe__link_consumed(from, size, items, 0) != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory to receive from rank %d", from->peer);
}

/* Whose a frame is says the table that it travels by. */
static bool is_early(const struct mpipe__flow *flow, const struct mpipe__frame *f)
{
    return !flow->tabled || f->head.attempt > flow->version;
}

/* False: it cannot go yet. */
static bool pass_on(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__link *to = NULL;

    if (mpipe__flow_ending(flow) || mpipe__flow_stale(flow, f)) {
        mpipe__pool_put(&flow->engine->pool, f);
    } else if (is_early(flow, f)) {
        return false;
    } else if (!mpipe__shuffle_link(flow, f, &to)) {
        mpipe__pool_put(&flow->engine->pool, f);
    } else if (to == NULL) {
        mpipe__collect_arrive(flow, f);
    } else if (!mpipe__bundle_put(flow, to, f)) {
        if (!mpipe__link_ready(to, mpipe__wire_size(&f->head)))
            return false;
        if (mpipe__link_send(to, f) != MPIPE_OK)
            mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_EMPI,
                             "a frame could not be sent on to rank %d", to->peer);
    }
    return true;
}

static void wait_here(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    flow->relayed_bytes += mpipe__wire_size(&f->head);
    mpipe__queue_push(&flow->relayed, f);
}

/* At the end of its way, and not only on it: where all send to all, or along a column. */
static bool is_last(const struct mpipe__flow *flow, const struct mpipe__link *from)
{
    return flow->side == 0 || from->lane != MPIPE__LANE_MAIN;
}

/* Each frame in it, by itself. */
static void unpack(struct mpipe__flow *flow, struct mpipe__link *from,
                   struct mpipe__frame *bundle)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct mpipe__frame *f;
    struct mpipe__cursor at;

    mpipe__cursor_init(&at, bundle);
    while ((f = mpipe__bundle_next(&flow->engine->pool, bundle, &at, &err)) != NULL) {
        f->op.owner = NULL;
        if (is_last(flow, from))
            mpipe__collect_arrive(flow, f);
        else if (!pass_on(flow, f))
            wait_here(flow, f);
    }
    if (err.code != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, err.code, "from rank %d: "
                         "%s", from->peer, err.text);
    mpipe__pool_put(&flow->engine->pool, bundle);
}

/* Only then its credit goes back, so that what waits here has a bound. */
static bool take(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__link *from = f->op.owner;     /* NULL: it came in a bundle */
    size_t size = mpipe__wire_size(&f->head);
    uint32_t items = f->head.n_items;

    if (f->head.kind == MPIPE__FRAME_BUNDLE) {
        if (flow->relayed_bytes > WAITING_MOST)
            return false;
        unpack(flow, from, f);
    } else if (from != NULL && is_last(flow, from)) {
        mpipe__collect_arrive(flow, f);
    } else if (!pass_on(flow, f)) {
        return false;
    }
    if (from != NULL)
        done_with(flow, from, size, items);
    return true;
}

void mpipe__relay_arrive(struct mpipe__flow *flow, struct mpipe__link *link,
                         struct mpipe__frame *f)
{
    f->op.owner = link;
    if (!take(flow, f))
        wait_here(flow, f);
}

void mpipe__relay_pump(struct mpipe__flow *flow)
{
    struct mpipe__frame_queue waiting = flow->relayed;
    struct mpipe__frame *f;

    if (waiting.n == 0)
        return;
    mpipe__queue_init(&flow->relayed);
    flow->relayed_bytes = 0;
    while ((f = mpipe__queue_pop(&waiting)) != NULL)
        if (!take(flow, f))
            wait_here(flow, f);
}

void mpipe__relay_fini(struct mpipe__flow *flow)
{
    struct mpipe__frame *f;

    mpipe__bundle_fini(flow);
    while ((f = mpipe__queue_pop(&flow->relayed)) != NULL)
        mpipe__pool_put(&flow->engine->pool, f);
}
