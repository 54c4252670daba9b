/* SPDX-License-Identifier: BSD-3-Clause */
/* relay.c - see relay.h. */
#include "collect.h"
#include "flow.h"
#include "relay.h"

/* The frame has left this rank or is dropped: what it held is given back. */
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
static bool take(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__link *from = f->op.owner, *to = NULL;
    size_t size = mpipe__wire_size(&f->head);
    uint32_t items = f->head.n_items;

    if (mpipe__flow_ending(flow) || mpipe__flow_stale(flow, f)) {
        mpipe__pool_put(&flow->engine->pool, f);
    } else if (is_early(flow, f)) {
        return false;
    } else if (!mpipe__shuffle_link(flow, f, &to)) {
        mpipe__pool_put(&flow->engine->pool, f);
    } else if (to == NULL) {
        mpipe__collect_arrive(flow, f);
    } else if (!mpipe__link_ready(to, size)) {
        return false;
    } else if (mpipe__link_send(to, f) != MPIPE_OK) {
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_EMPI,
                         "a frame could not be sent on to rank %d", to->peer);
    }
    done_with(flow, from, size, items);
    return true;
}

void mpipe__relay_arrive(struct mpipe__flow *flow, struct mpipe__link *link,
                         struct mpipe__frame *f)
{
    f->op.owner = link;
    if (!take(flow, f))
        mpipe__queue_push(&flow->relayed, f);
}

void mpipe__relay_pump(struct mpipe__flow *flow)
{
    struct mpipe__frame_queue waiting = flow->relayed;
    struct mpipe__frame *f;

    if (waiting.n == 0)
        return;
    mpipe__queue_init(&flow->relayed);
    while ((f = mpipe__queue_pop(&waiting)) != NULL)
        if (!take(flow, f))
            mpipe__queue_push(&flow->relayed, f);
}

void mpipe__relay_fini(struct mpipe__flow *flow)
{
    struct mpipe__frame *f;

    while ((f = mpipe__queue_pop(&flow->relayed)) != NULL)
        mpipe__pool_put(&flow->engine->pool, f);
}
