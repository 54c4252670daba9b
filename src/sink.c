/* SPDX-License-Identifier: BSD-3-Clause */
/* sink.c - frames in, results out (rank 0).
 *
 * Frames that arrive are kept with their root until it is complete; then its
 * results are put in order and handed out, and the root is forgotten.  So a
 * root that has to be done again has delivered nothing yet.
 */
#include "backup.h"
#include "clock.h"
#include "master.h"
#include "recovery.h"
#include "resume.h"
#include "sink.h"

/* How long a root is under way. */
static void learn_age(struct mpipe__flow *flow, const struct mpipe__root *r)
{
    struct mpipe__master *m = flow->master;
    uint64_t age = flow->engine->now - r->fed_at;

    m->root_ns = m->root_ns == 0 ? age + 1 : m->root_ns - m->root_ns / 8 + age / 8;
}

static void cancel(struct mpipe__flow *flow, struct mpipe__root *r,
                   uint64_t ids, uint64_t dropped, uint64_t made,
                   uint32_t work_us)
{
    r->dropped += dropped;
    r->made += made;
    if (work_us > r->work_us)
        r->work_us = work_us;
    if (!mpipe__ledger_cancel(&flow->master->ledger, r, ids))
        return;
    r = mpipe__backup_join(flow, r);
    learn_age(flow, r);
    mpipe__recovery_result(flow);
    mpipe__feeder_learn(flow, r->items, r->work_us);
    if (flow->spec->shuffle != NULL || flow->spec->direct != NULL)
        return;                 /* it may have to begin again all the same */
    mpipe__pool_put(&flow->engine->pool, r->fed);
    r->fed = NULL;
}

void mpipe__sink_arrive(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__root *r = mpipe__ledger_find(&flow->master->ledger,
                                               f->head.root, f->head.attempt);

    if (r == NULL) {            /* of an older attempt */
        mpipe__pool_put(&flow->engine->pool, f);
        return;
    }
    f = mpipe__pool_compact(&flow->engine->pool, f);
    flow->master->held += f->capacity;
    mpipe__queue_push(&r->results, f);
    cancel(flow, r, f->head.id, f->head.dropped, f->head.made,
           f->head.work_us);
}

void mpipe__sink_settle(struct mpipe__flow *flow, struct mpipe__root *r,
                        uint64_t id)
{
    cancel(flow, r, id, 0, 0, 0);
}

void mpipe__sink_report(struct mpipe__flow *flow,
                        const struct mpipe__report_entry *entry)
{
    struct mpipe__root *r = mpipe__ledger_find(&flow->master->ledger,
                                               entry->root, entry->attempt);

    if (r != NULL) {
        r->delivered += entry->delivered;
        r->keys += entry->keys;
    }
    if (r != NULL)
        cancel(flow, r, entry->xored, entry->dropped, entry->made,
               entry->work_us);
}

static void deliver_failed(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__cursor c;
    struct mpipe_item text;
    struct mpipe_failure failure = {
        .stage = f->head.stage < flow->spec->n_stages
                 ? flow->spec->stage[f->head.stage].name : "?",
        .rank = f->peer, .tries = f->head.tries, .text = ""
    };
    char line[400];

    mpipe__cursor_init(&c, f);
    if (!mpipe__cursor_next(&c, &failure.item))
        return;
    if (mpipe__cursor_next(&c, &text) && text.size > 0)
        failure.text = text.data;
    flow->master->counts.failed++;
    if (flow->spec->told != NULL
        && flow->spec->told(flow->spec->told_arg, &failure.item))
        return;
    if (flow->spec->failure != NULL) {
        flow->spec->failure(&failure, flow->spec->failure_arg);
        return;
    }
    snprintf(line, sizeof line, "an item of %zu bytes failed on rank %d "
             "(try %u of %u): %s", failure.item.size, failure.rank,
             failure.tries, flow->engine->options->max_retries + 1,
             failure.text);
    mpipe__flow_log(flow, MPIPE_LOG_ERROR, failure.stage, line);
}

static void deliver_items(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__cursor c;
    struct mpipe_item item;
    mpipe_sink_fn sink = flow->spec->sink;
    void *arg = flow->spec->sink_arg;

    m->counts.delivered += f->head.n_items;
    m->bytes_delivered += mpipe__frame_item_bytes(f, f->head.n_items);
    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item)) {
        enum mpipe_err e = MPIPE_OK;

        if (sink != NULL)
            e = sink(&item, arg);
        if (e < MPIPE_OK)
            mpipe__flow_fail(flow, 0, e, "the output handler of pipeline '%s' "
                             "failed: %s", flow->spec->name,
                             mpipe_strerror(e));
        if (e < MPIPE_OK)
            return;
    }
    if (c.left > 0)
        mpipe__flow_fail(flow, 0, MPIPE_ELINK,
                         "a frame of results from rank %d is damaged",
                         f->peer);
}

void mpipe__sink_hand_out(struct mpipe__flow *flow, struct mpipe__root *r)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__frame *f;

    if (flow->spec->delivered != NULL && r->fed != NULL)
        flow->spec->delivered(flow->spec->delivered_arg, r->fed, &r->results,
                              r->keys);
    m->counts.dropped += r->dropped;
    m->counts.made += r->made;
    m->counts.delivered += r->delivered;
    for (f = r->results.first; f != NULL; f = f->next)
        if (f->head.kind == MPIPE__FRAME_FAILED)
            deliver_failed(flow, f);
        else if (flow->error.code == MPIPE_OK
                 || flow->error.code == MPIPE_AGAIN)
            deliver_items(flow, f);
    mpipe__resume_record(flow, r);
    while ((f = mpipe__queue_pop(&r->results)) != NULL) {
        m->held -= f->capacity;
        mpipe__pool_put(&flow->engine->pool, f);
    }
    m->items_done += r->items;
}

bool mpipe__sink_deliver(struct mpipe__flow *flow)
{
    struct mpipe__ledger *l = &flow->master->ledger;
    struct mpipe__root *r;
    uint64_t from, root;
    uint32_t items;

    if (flow->in_sink || flow->error.code != MPIPE_OK)
        return false;
    if (mpipe__resume_replays(flow)) {
        flow->in_sink = true;
        mpipe__resume_replay(flow);
        flow->in_sink = false;
        return true;
    }
    r = mpipe__ledger_ready(l);
    if (r == NULL)
        return false;
    from = flow->tracing ? mpipe__now() : 0;
    root = r->seq;
    items = r->items;
    flow->in_sink = true;
    mpipe__frames_sort(&r->results);
    mpipe__sink_hand_out(flow, r);
    flow->in_sink = false;
    mpipe__pool_put(&flow->engine->pool, r->fed);
    r->fed = NULL;
    mpipe__ledger_release(l, r);
    if (flow->tracing)
        mpipe__flow_span(flow, MPIPE__SPAN_SINK, 0, from, mpipe__now(), items,
                         root);
    return true;
}

void mpipe__sink_drop_all(struct mpipe__flow *flow)
{
    struct mpipe__ledger *l = &flow->master->ledger;

    for (uint64_t seq = l->first; seq < l->next; seq++) {
        struct mpipe__root *r = mpipe__ledger_at(l, seq);
        struct mpipe__frame *f;

        if (r == NULL)
            continue;
        while ((f = mpipe__queue_pop(&r->results)) != NULL)
            mpipe__pool_put(&flow->engine->pool, f);
        mpipe__pool_put(&flow->engine->pool, r->fed);
    }
    mpipe__ledger_clear(l);
    flow->master->held = 0;
}
