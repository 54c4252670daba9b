/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.c - frames in, stage functions, frames out.
 *
 * A frame is taken through as many stages as this rank serves in a row.  Within
 * that run an emitted item goes straight to the next function, depth first;
 * what the last of them emits is appended to the open frame.  Where every stage
 * of the run works in place, the frame itself goes on.
 */
#include <limits.h>
#include <stdlib.h>
#include "bundle.h"
#include "children.h"
#include "clock.h"
#include "collect.h"
#include "flow.h"
#include "worker.h"

#define FAILED_TEXT 400u            /* bytes for why an item failed */
#define LONG_NS    1000000u         /* a frame: it settles what is owed behind it */
#define STIR_NS    2000000u         /* in a shuffle: take what has come, so often */
#define STIR_MOST  8u               /* times in a row, while something comes */

static void run_item(struct mpipe__flow *flow, unsigned s, const void *data,
                     size_t size, bool ours);

/* ---- items ---- */

static const char *reason(const struct mpipe_out *out, enum mpipe_err e)
{
    return out->text[0] != '\0' ? out->text : mpipe_strerror(e);
}

/* The item as a child for rank 0: to be tried again, or with the words for why
 * it failed. */
static void hand_back(struct mpipe__flow *flow, unsigned s,
                      const struct mpipe_item *item, unsigned tries,
                      const char *failed)
{
    struct mpipe__frame *f;

    if (flow->spec->shuffle != NULL)
        mpipe__shuffle_close_parts(flow);
    mpipe__children_close(flow);
    f = mpipe__children_new(flow, s,
                            mpipe__align8(item->size) + FAILED_TEXT,
                            flow->engine->options->frame);
    if (f == NULL) {
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "stage '%s': no memory to hand back an item",
                         flow->spec->stage[s].name);
        flow->worker.abandoned = true;
        return;
    }
    f->head.kind = failed != NULL ? MPIPE__FRAME_FAILED : MPIPE__FRAME_RETRY;
    f->head.tries = (uint16_t)tries;
    mpipe__frame_append_slow(f, item->data, item->size);
    if (failed != NULL)
        mpipe__frame_append_slow(f, failed, strlen(failed) + 1);
    mpipe__children_add(flow, f);
}

/* Hand a failing item, which has emitted so many, back to rank 0: to be tried
 * again, or as failed. */
static void fail_item(struct mpipe__flow *flow, unsigned s,
                      const struct mpipe_item *item, enum mpipe_err e,
                      uint64_t emitted, const struct mpipe__mark *m)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__stage_stats *st = &flow->stage_stats[s];
    struct mpipe_out *out = &w->out[s];
    unsigned tries = s == w->in->head.stage ? w->in->head.tries : 0u;
    bool final = tries >= flow->engine->options->max_retries;
    char text[300];

    if (e == MPIPE_ESTAGE) {
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ESTAGE,
                         "stage '%s' gave up: %s", out->name, reason(out, e));
        w->abandoned = true;
        return;
    }
    if (flow->spec->shuffle != NULL && !w->outbound.careful) {
        w->restart = w->abandoned = true;
        return;
    }
    snprintf(text, sizeof text, "%s", reason(out, e));
    if (m->flushes == w->flushes) {
        mpipe__children_take_back(flow, m);
    } else {
        /* what has left goes on: made, beside the item that failed */
        final = true;
        st->out += emitted;
        st->made += emitted;
        w->made += emitted;
        snprintf(text, sizeof text, "%s (after %llu results had left: not "
                 "tried again)", reason(out, e),
                 (unsigned long long)emitted);
    }
    hand_back(flow, s, item, tries + 1, final ? text : NULL);
    st->failed += final;
    st->retried += !final;
}

enum mpipe_err mpipe__worker_give_up(struct mpipe_out *out,
                                     const struct mpipe_error *err)
{
    struct mpipe__flow *flow = out->flow;

    mpipe__flow_fail(flow, flow->engine->transport->rank, err->code,
                     "stage '%s': %s", out->name, err->text);
    flow->worker.abandoned = true;
    return MPIPE_ESTAGE;
}

void mpipe__worker_keys(struct mpipe_out *out, uint64_t n)
{
    out->flow->worker.keys += n;
}

void mpipe__worker_heavy(struct mpipe_out *out,
                         const struct mpipe__heavy_key *key, unsigned n)
{
    struct mpipe__flow *flow = out->flow;
    struct mpipe__frame *f = mpipe__control_new(&flow->links, MPIPE__HEAVY);

    if (f == NULL)
        return;                 /* the report will not have them */
    for (unsigned i = 0; i < n && key[i].values > 0; i++)
        mpipe__frame_append_slow(f, &key[i], sizeof key[i]);
    mpipe__link_control(flow->home, f);
}

void mpipe__worker_part_begin(struct mpipe_out *out, struct mpipe__mark *m,
                              uint64_t *emitted)
{
    *m = mpipe__children_mark(&out->flow->worker);
    *emitted = mpipe__out_emitted(out);
}

void mpipe__worker_part_failed(struct mpipe_out *out,
                               const struct mpipe__mark *m, uint64_t emitted,
                               const struct mpipe_item *item,
                               enum mpipe_err e)
{
    struct mpipe__flow *flow = out->flow;
    struct mpipe__worker *w = &flow->worker;
    char text[300];

    snprintf(text, sizeof text, "%s", reason(out, e));
    if (m->flushes == w->flushes) {
        mpipe__children_take_back(flow, m);
        out->emitted = emitted;
    } else {
        snprintf(text, sizeof text, "%s (after results had left)",
                 reason(out, e));
    }
    w->made++;
    flow->stage_stats[out->stage].made++;
    flow->stage_stats[out->stage].failed++;
    hand_back(flow, out->stage, item, 1, text);
    out->error = MPIPE_OK;
    out->text[0] = '\0';
}

void mpipe__worker_key(struct mpipe_out *out, uint32_t part, uint64_t key)
{
    struct mpipe__box *box = out->flow->worker.box;

    box->part = part;
    box->key = key;
}

/* An item that stage 's' emits: to the next function or into the open frame. */
static enum mpipe_err deliver(struct mpipe__flow *flow, unsigned s,
                              const void *data, size_t size, bool ours)
{
    if (s == flow->worker.last && flow->worker.out[s].divert != NULL)
        return flow->worker.out[s].divert(flow->worker.out[s].divert_arg, data,
                                          size);
    if (s == flow->worker.last)
        return mpipe__children_append(flow, data, size);
    if (flow->worker.abandoned)
        return MPIPE_EINTR;
    flow->stage_stats[s].bytes_out += size;
    flow->worker.out[s].emitted++;
    if ((uintptr_t)data % 8 != 0) {     /* items are aligned, wherever from */
        char *copy = mpipe__worker_scratch(flow, s + 1, false, size);
        if (copy == NULL)
            return MPIPE_ENOMEM;
        data = memcpy(copy, data, size);
        ours = true;
    }
    run_item(flow, s + 1, data, size, ours);
    return MPIPE_OK;
}

enum mpipe_err mpipe__worker_emit(struct mpipe__flow *flow, unsigned s,
                                  const void *data, size_t size)
{
    return deliver(flow, s, data, size, false);
}

bool mpipe__worker_local(const struct mpipe__flow *flow, unsigned s)
{
    return s != flow->worker.last;
}

char *mpipe__worker_scratch(struct mpipe__flow *flow, unsigned s, bool leaving,
                            size_t size)
{
    struct mpipe__scratch *x = &flow->worker.scratch[2 * s + leaving];

    if (size + 8 > x->size) {
        char *more = malloc(size + size / 2 + 64);
        if (more == NULL)
            return NULL;
        free(x->data);
        x->data = more;
        x->size = size + size / 2 + 64;
    }
    return x->data;
}

static enum mpipe_err call_map(struct mpipe__flow *flow, unsigned s,
                               const void *data, size_t size, bool ours)
{
    struct mpipe__worker *w = &flow->worker;
    const struct mpipe_stage *stage = &flow->spec->stage[s];
    void *mine = (void *)(uintptr_t)data;
    enum mpipe_err e;

    if (!ours) {
        mine = mpipe__worker_scratch(flow, s, false, size);
        if (mine == NULL)
            return MPIPE_ENOMEM;
        memcpy(mine, data, size);
    }
    e = stage->map(mine, size, &w->out[s], w->state[s]);
    if (e == MPIPE_OK)
        e = w->out[s].error;
    if (e != MPIPE_OK)
        return e;
    return deliver(flow, s, mine, size, true);
}

/* The stage's function has returned for an item: take it into account, or see
 * to its failing.  'before' is what the stage had emitted until then, 'm' the
 * place where its children begin. */
static void end_item(struct mpipe__flow *flow, unsigned s,
                     const struct mpipe_item *item, enum mpipe_err e,
                     uint64_t before, const struct mpipe__mark *m)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__stage_stats *st = &flow->stage_stats[s];
    struct mpipe_out *out = &w->out[s];
    uint64_t emitted = mpipe__out_emitted(out) - before;

    out->strip.spot = NULL;
    if (e == MPIPE_OK)
        e = out->error;
    if (e == MPIPE_OK) {
        st->out += emitted;
        if (emitted == 0) {
            st->dropped++;
            w->dropped++;
        } else {
            st->made += emitted - 1;
            w->made += emitted - 1;
        }
        return;
    }
    if (!w->abandoned)
        fail_item(flow, s, item, e, emitted, m);
    out->error = MPIPE_OK;
    out->text[0] = '\0';
}

/* One item through stage 's' and what follows it here.  Never fails: an item
 * that does becomes a child of its own. */
static void run_plain(struct mpipe__flow *flow, unsigned s, const void *data,
                      size_t size, bool ours)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__stage_stats *st = &flow->stage_stats[s];
    const struct mpipe_stage *stage = &flow->spec->stage[s];
    struct mpipe__mark m = mpipe__children_mark(w);
    struct mpipe_item item = { data, size };
    uint64_t before = mpipe__out_emitted(&w->out[s]);
    enum mpipe_err e;

    st->in++;
    st->bytes_in += size;
    e = stage->map != NULL ? call_map(flow, s, data, size, ours)
                           : stage->run(&item, &w->out[s], w->state[s]);
    end_item(flow, s, &item, e, before, &m);
}

/* The same, and take the time that the stage itself needs. */
static void run_sample(struct mpipe__flow *flow, unsigned s, const void *data,
                       size_t size, bool ours)
{
    struct mpipe__worker *w = &flow->worker;
    uint64_t from = mpipe__now(), outer = w->nested_ns, took;

    w->nested_ns = 0;
    run_plain(flow, s, data, size, ours);
    took = mpipe__now() - from;
    w->sampled_ns[s] += took > w->nested_ns ? took - w->nested_ns : 0;
    w->nested_ns = outer + took;
}

static void run_item(struct mpipe__flow *flow, unsigned s, const void *data,
                     size_t size, bool ours)
{
    if (flow->worker.sampling)
        run_sample(flow, s, data, size, ours);
    else
        run_plain(flow, s, data, size, ours);
}

/* Let the stages of the frame's run emit, or no longer. */
static void open_outs(struct mpipe__flow *flow, bool on)
{
    struct mpipe__worker *w = &flow->worker;

    for (unsigned s = w->in->head.stage; s <= w->last; s++) {
        struct mpipe_out *out = &w->out[s];
        out->mode = !on ? MPIPE__OUT_CLOSED : flow->spec->stage[s].map != NULL
                    ? MPIPE__OUT_MAP : MPIPE__OUT_STAGE;
        mpipe__strip_close(out);
        out->error = MPIPE_OK;
        out->text[0] = '\0';
    }
}

/* ---- frames ---- */

/* Share the frame's time out over its stages, as the samples were. */
static void account(struct mpipe__flow *flow, uint64_t took)
{
    struct mpipe__worker *w = &flow->worker;
    unsigned first = w->in->head.stage;
    uint64_t sum = 0, longest = took;

    flow->stats.busy_ns += took;
    if (first == w->last) {
        flow->stage_stats[first].busy_ns += took;
    } else {
        longest = 0;
        for (unsigned s = first; s <= w->last; s++)
            sum += w->sampled_ns[s];
        for (unsigned s = first; s <= w->last; s++) {
            double share = sum > 0 ? (double)w->sampled_ns[s] / (double)sum
                                   : 1.0 / (w->last - first + 1);
            uint64_t mine = (uint64_t)(share * (double)took);
            flow->stage_stats[s].busy_ns += mine;
            w->sampled_ns[s] = 0;
            /* stages on one rank follow one another: their sum counts */
            longest += mine;
        }
    }
    if (longest / 1000 > w->work_us)
        w->work_us = longest / 1000 < UINT32_MAX ? (uint32_t)(longest / 1000)
                                                 : UINT32_MAX;
}

/* What has become of the frame in hand. */
static void report_frame(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__report_entry entry = {
        .root = w->in->head.root, .attempt = w->in->head.attempt,
        .xored = w->xored ^ w->in->head.id,
        .dropped = w->dropped, .made = w->made,
        .delivered = w->outbound.pairs, .keys = w->keys,
        .work_us = w->work_us
    };

    if (flow->tally.n == 0)
        mpipe__flow_wait_to_tell(flow, mpipe__tally_link(flow));
    mpipe__tally_add(flow, &entry);
}

/* All items are through: send the children, and report unless there is but
 * one. */
static void end_frame(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__frame *only;

    if (flow->spec->shuffle != NULL && mpipe__shuffle_close(flow) != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory for the pairs of a frame");
    mpipe__children_close(flow);
    only = w->closed.first;
    if (flow->spec->shuffle == NULL && flow->spec->direct == NULL
        && w->n_sent == 0 && w->closed.n == 1
        && only->head.kind == MPIPE__FRAME_DATA
        && w->dropped <= UINT32_MAX - w->in->head.dropped
        && w->made <= UINT32_MAX - w->in->head.made) {
        mpipe__queue_pop(&w->closed);
        mpipe__frame_seal(only, w->in, -1);
        only->head.id = w->in->head.id;
        only->head.dropped = w->in->head.dropped + (uint32_t)w->dropped;
        only->head.made = w->in->head.made + (uint32_t)w->made;
        only->head.work_us = w->work_us;
        mpipe__children_pass(flow, only);
        return;
    }
    w->dropped += w->in->head.dropped;
    w->made += w->in->head.made;
    mpipe__children_send(flow);
    report_frame(flow);
}

/* Every stage of the run works in place: change the frame itself.  Returns how many
 * items are done; fewer than all when one failed, in stage '*failed'. */
static uint32_t in_place(struct mpipe__flow *flow, struct mpipe__cursor *c,
                         struct mpipe_item *item, unsigned *failed,
                         enum mpipe_err *error)
{
    struct mpipe__worker *w = &flow->worker;
    const struct mpipe_stage *stage = flow->spec->stage;
    unsigned first = w->in->head.stage;
    uint32_t n = 0;

    for (; mpipe__cursor_next(c, item); n++) {
        for (unsigned s = first; s <= w->last; s++) {
            enum mpipe_err e = stage[s].map((void *)(uintptr_t)item->data,
                                            item->size, &w->out[s],
                                            w->state[s]);
            if (e != MPIPE_OK || w->out[s].error != MPIPE_OK) {
                *failed = s;
                *error = e != MPIPE_OK ? e : w->out[s].error;
                return n;
            }
        }
    }
    return n;
}

/* The same for a single stage and items of one size. */
static uint32_t in_place_alone(struct mpipe__flow *flow,
                               struct mpipe__cursor *c,
                               struct mpipe_item *item, unsigned *failed,
                               enum mpipe_err *error)
{
    struct mpipe__worker *w = &flow->worker;
    unsigned s = w->in->head.stage;
    mpipe_map_fn map = flow->spec->stage[s].map;
    struct mpipe_out *out = &w->out[s];
    void *state = w->state[s];
    size_t size = c->item_size, stride = c->stride;
    char *at = c->at, *end = c->end;
    enum mpipe_err e = MPIPE_OK;
    uint32_t n;

    while (at != end && (e = map(at, size, out, state)) == MPIPE_OK
           && (e = out->error) == MPIPE_OK)
        at += stride;
    n = (uint32_t)((size_t)(at - c->at) / stride);
    if (e != MPIPE_OK) {
        *item = (struct mpipe_item){ at, size };
        *failed = s;
        *error = e;
        at += stride;
    }
    c->at = at;
    c->left = (uint32_t)((size_t)(end - at) / stride);
    return n;
}

static void count_in_place(struct mpipe__flow *flow, unsigned first,
                           unsigned last, uint64_t items, uint64_t bytes)
{
    for (unsigned s = first; s <= last; s++) {
        struct mpipe__stage_stats *st = &flow->stage_stats[s];
        st->in += items;
        st->out += items;
        st->bytes_in += bytes;
        st->bytes_out += bytes;
    }
}

/* A stage failed on an item in place: what is done becomes a child, so does the
 * item, and the rest follows by run_item(). */
static void leave_place(struct mpipe__flow *flow, struct mpipe_item *bad,
                        uint32_t n_done, unsigned s, enum mpipe_err e)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__cursor c;
    struct mpipe_item item;
    struct mpipe__mark m;

    mpipe__cursor_init(&c, w->in);
    while (n_done-- > 0 && mpipe__cursor_next(&c, &item))
        mpipe__children_append(flow, item.data, item.size);
    if (s > w->in->head.stage)
        count_in_place(flow, w->in->head.stage, s - 1, 1, bad->size);
    flow->stage_stats[s].in++;
    flow->stage_stats[s].bytes_in += bad->size;
    m = mpipe__children_mark(w);
    fail_item(flow, s, bad, e, 0, &m);
    w->out[s].error = MPIPE_OK;
    w->out[s].text[0] = '\0';
}

/* In a shuffle others wait for what this rank takes in and passes on, so it does that
 * between the items of a long frame as well. */
static void stir(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    unsigned n = 0;

    if (flow->spec->shuffle == NULL || w->until_stir-- > 0)
        return;
    while (n++ < STIR_MOST && mpipe__engine_progress(flow->engine))
        continue;
    mpipe__bundle_flush(flow);
    w->until_stir = w->item_ns > 0 ? STIR_NS / w->item_ns : 0;
}

/* An item has ended, so what it made can go. */
static void end_of_item(struct mpipe__flow *flow)
{
    if (flow->worker.closed.n > 0 && !flow->worker.outbound.careful)
        mpipe__children_send(flow);
    stir(flow);
}

/* One stage for itself, the usual case.  An item that only puts one into the
 * strip, a quick one, costs a comparison; after any other the account is made. */
static void run_alone(struct mpipe__flow *flow, struct mpipe__cursor *cursor)
{
    struct mpipe__worker *w = &flow->worker;
    unsigned s = w->last;
    struct mpipe__stage_stats *st = &flow->stage_stats[s];
    mpipe_stage_fn run = flow->spec->stage[s].run;
    struct mpipe_out *out = &w->out[s];
    void *state = w->state[s];
    struct mpipe__cursor c = *cursor;
    struct mpipe_item item;
    bool more;

    do {
        struct mpipe__mark m = mpipe__children_mark(w);
        uint64_t before = mpipe__out_emitted(out);
        uint32_t first = out->strip.left, left = first, quick;
        enum mpipe_err e = MPIPE_OK;

        out->slow = false;
        while ((more = mpipe__cursor_next(&c, &item))
               && (e = run(&item, out, state)) == MPIPE_OK
               && !out->slow && out->strip.left == left - 1)
            left--;
        quick = first - left;
        st->out += quick;
        if (more) {
            m.n_items += quick;
            end_item(flow, s, &item, e, before + quick, &m);
        }
        end_of_item(flow);
    } while (more && !w->abandoned);
    st->in += cursor->left - c.left;
    st->bytes_in += mpipe__cursor_bytes(&c, cursor);
    *cursor = c;
}

static bool all_in_place(const struct mpipe__flow *flow)
{
    const struct mpipe__worker *w = &flow->worker;

    for (unsigned s = w->in->head.stage; s <= w->last; s++)
        if (flow->spec->stage[s].map == NULL)
            return false;
    return true;
}

static void damaged(struct mpipe__flow *flow)
{
    mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ELINK,
                     "a frame of rank %d for stage '%s' is damaged",
                     flow->worker.in->peer,
                     flow->spec->stage[flow->worker.in->head.stage].name);
    flow->worker.abandoned = true;
}

/* Send the changed frame on; rank 0 hears nothing. */
static void forward(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__frame *f = w->in;

    f->head.stage = (uint16_t)(w->last + 1);
    f->head.tries = 0;
    f->head.work_us = w->work_us;
    f->refs++;                  /* the caller puts its own */
    mpipe__children_pass(flow, f);
}

/* Take all items through; true when the frame itself is to be sent on. */
static bool run_frame(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    unsigned first = w->in->head.stage, failed = 0;
    enum mpipe_err error = MPIPE_OK;
    struct mpipe__cursor c;
    struct mpipe_item item;
    uint32_t n;

    mpipe__cursor_init(&c, w->in);
    if (all_in_place(flow)) {
        n = first == w->last && c.stride > 0
                ? in_place_alone(flow, &c, &item, &failed, &error)
                : in_place(flow, &c, &item, &failed, &error);
        count_in_place(flow, first, w->last, n,
                       mpipe__frame_item_bytes(w->in, n));
        if (error == MPIPE_OK) {
            if (c.left > 0)
                damaged(flow);
            return !w->abandoned;
        }
        leave_place(flow, &item, n, failed, error);
    }
    if (first == w->last && flow->spec->stage[first].run != NULL)
        run_alone(flow, &c);
    for (n = 0; !w->abandoned && mpipe__cursor_next(&c, &item); n++) {
        w->sampling = w->last > first && n % 32 == 0;
        run_item(flow, first, item.data, item.size, true);
        end_of_item(flow);
    }
    w->sampling = false;
    if (!w->abandoned && c.left > 0)
        damaged(flow);
    return false;
}

static void begin_frame(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__worker *w = &flow->worker;
    unsigned s = f->head.stage;

    w->in = f;
    w->last = flow->role.serves && flow->role.first <= s
              && s <= flow->role.last ? flow->role.last : s;
    w->n_sent = 0;
    w->xored = 0;
    w->dropped = w->made = w->keys = 0;
    w->work_us = f->head.work_us;
    w->blocked_ns = 0;
    w->closed_bytes = 0;
    w->abandoned = false;
    w->until_stir = w->item_ns > 0 ? STIR_NS / w->item_ns : 0;
    if (flow->spec->shuffle != NULL)
        mpipe__shuffle_begin(flow);
    open_outs(flow, true);
}

/* Take the frame's items through once more, after one of them failed. */
static bool run_again(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;

    open_outs(flow, false);
    mpipe__children_drop(flow);
    mpipe__shuffle_restart(flow);
    w->restart = false;
    /* what had left was told, which may have waited, and more may have come by then */
    w->abandoned = mpipe__flow_ending(flow) || mpipe__flow_stale(flow, w->in);
    w->dropped = w->made = 0;
    w->closed_bytes = 0;
    open_outs(flow, true);
    return !w->abandoned && run_frame(flow);
}

/* Should a function of the user's kill this rank, rank 0 can see over what. */
static void open_box(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__box *box = flow->worker.box;

    box->flow = flow->id;
    box->key = 0;
    box->attempt = f->head.attempt;
    box->piece = f->head.n_path > 0 ? mpipe__frame_path(f)[0] : UINT32_MAX;
    __atomic_store_n(&box->root, f->head.root, __ATOMIC_RELEASE);
}

static void process(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__link *from = f->op.owner;
    size_t size = mpipe__wire_size(&f->head);
    unsigned stage = f->head.stage;
    uint64_t began = mpipe__now(), took, root = f->head.root;
    uint32_t n_items = f->head.n_items;
    bool on;

    begin_frame(flow, f);
    flow->stage_stats[stage].frames++;
    open_box(flow, f);
    on = run_frame(flow);
    if (w->restart)
        on = run_again(flow);
    w->box->root = MPIPE__NO_ROOT;
    open_outs(flow, false);
    took = mpipe__now() - began;
    took -= took < w->blocked_ns ? took : w->blocked_ns;
    account(flow, took);
    w->item_ns = n_items > 0 ? took / n_items : 0;
    if (flow->tracing)
        mpipe__flow_span(flow, MPIPE__SPAN_STAGE, stage, began, began + took,
                         n_items, root);
    if (!w->abandoned) {
        if (on)
            forward(flow);
        else
            end_frame(flow);
    }
    mpipe__bundle_flush(flow);
    mpipe__children_drop(flow);
    w->in = NULL;
    mpipe__pool_put(&flow->engine->pool, f);
    if (mpipe__link_consumed(from, size, n_items, took / 1000) != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory to receive from rank %d", from->peer);
    mpipe__tally_after(flow, took);
    if (took > LONG_NS || began >= flow->next_stats)
        mpipe__flow_settle(flow);
}

/* Could what the frame becomes be sent on now? */
static bool can_go_on(struct mpipe__flow *flow)
{
    return flow->n_out == 0
           || mpipe__link_pick(flow->out, flow->n_out, 0) != NULL;
}

static bool set_up(struct mpipe__flow *flow, unsigned s)
{
    struct mpipe__worker *w = &flow->worker;
    const struct mpipe_stage *stage = &flow->spec->stage[s];
    struct mpipe_out *out = &w->out[s];
    enum mpipe_err e = MPIPE_OK;

    if (w->ready[s])
        return true;
    w->state[s] = stage->arg;
    out->text[0] = '\0';
    out->error = MPIPE_OK;
    if (stage->init != NULL)
        e = stage->init(stage->arg, out, &w->state[s]);
    if (e != MPIPE_OK) {
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ESTAGE,
                         "stage '%s' could not be set up: %s", stage->name,
                         reason(out, e));
        return false;
    }
    w->ready[s] = true;
    return true;
}

/* A frame that will not be worked on: its link must still come to its end. */
static void drop_input(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__link *from = f->op.owner;
    size_t size = mpipe__wire_size(&f->head);
    uint32_t items = f->head.n_items;

    mpipe__pool_put(&flow->engine->pool, f);
    mpipe__link_consumed(from, size, items, 0);
}

bool mpipe__worker_step(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__frame *f = w->input.first;

    if (f == NULL || flow->in_worker || flow->paused || !flow->tabled
        || mpipe__flow_ending(flow))
        return false;
    if (mpipe__flow_stale(flow, f) || mpipe__collect_lost(flow, f)) {
        drop_input(flow, mpipe__queue_pop(&w->input));
        return true;
    }
    /* it may come before the table by which it travels */
    if (f->head.attempt > flow->version || !can_go_on(flow))
        return false;
    mpipe__queue_pop(&w->input);
    flow->in_worker = true;
    /* a stage outside of this rank's role comes with an item tried again */
    if (set_up(flow, f->head.stage))
        process(flow, f);
    else
        drop_input(flow, f);
    flow->in_worker = false;
    return true;
}

void mpipe__worker_ready(struct mpipe__flow *flow)
{
    flow->in_worker = true;
    for (unsigned s = flow->role.first;
         flow->role.serves && s <= flow->role.last; s++)
        if (!set_up(flow, s))
            break;
    flow->in_worker = false;
}

void mpipe__worker_farewell(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__frame *f;

    flow->in_worker = true;
    for (unsigned s = flow->spec->n_stages; s-- > 0;) {
        const struct mpipe_stage *stage = &flow->spec->stage[s];
        if (w->ready[s] && stage->fini != NULL)
            stage->fini(w->state[s], &w->out[s]);
        w->ready[s] = false;
    }
    flow->in_worker = false;
    while ((f = mpipe__queue_pop(&w->input)) != NULL)
        drop_input(flow, f);
}

enum mpipe_err mpipe__worker_init(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    size_t n = flow->spec->n_stages + 1;

    mpipe__queue_init(&w->input);
    mpipe__queue_init(&w->closed);
    w->box = flow->engine->transport->ops->box(flow->engine->transport,
                                               flow->engine->transport->rank);
    w->salt = ((uint64_t)flow->engine->transport->rank + 1) << 20 | flow->id;
    w->out = calloc(n, sizeof *w->out);
    w->state = calloc(n, sizeof *w->state);
    w->ready = calloc(n, sizeof *w->ready);
    w->scratch = calloc(2 * n, sizeof *w->scratch);
    w->sampled_ns = calloc(n, sizeof *w->sampled_ns);
    if (w->out == NULL || w->state == NULL || w->ready == NULL
        || w->scratch == NULL || w->sampled_ns == NULL)
        return MPIPE_ENOMEM;
    for (unsigned s = 0; s < flow->spec->n_stages; s++) {
        w->out[s].flow = flow;
        w->out[s].stage = s;
        w->out[s].name = flow->spec->stage[s].name;
        w->out[s].mode = MPIPE__OUT_CLOSED;
        w->out[s].limit = UINT32_MAX;
    }
    return MPIPE_OK;
}

void mpipe__worker_fini(struct mpipe__flow *flow)
{
    struct mpipe__worker *w = &flow->worker;
    struct mpipe__frame *f;

    while ((f = mpipe__queue_pop(&w->input)) != NULL)
        mpipe__pool_put(&flow->engine->pool, f);
    for (unsigned s = 0; w->scratch != NULL && s < 2 * flow->spec->n_stages;
         s++)
        free(w->scratch[s].data);
    free(w->out);
    free(w->state);
    free(w->ready);
    free(w->scratch);
    free(w->sampled_ns);
}
