/* SPDX-License-Identifier: BSD-3-Clause */
/* link.c - credits, slots and bulk payloads.
 *
 *   sender                                   receiver
 *   credit > 0, budget free                  'window' slots posted
 *   small:  [head|payload|path]   --data-->  slot
 *   large:  [head]                --data-->  slot; when the budget allows it:
 *           [head|payload|path]   --bulk-->  receive straight into the frame
 *   credit += n                   <-control- after n frames were consumed
 *
 * Heads of large frames queue per link, so payloads are received in the order
 * in which they were sent: the pieces need no numbers. The head comes once
 * more with the payload, to tell one that was lost or repeated from its
 * neighbour.
 */
#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include "error.h"
#include "link.h"

/* A large payload is cut into pieces of this size: where MPI copies through
 * small buffers, each one that ends tells both sides to go on polling. */
#define PIECE_MAX ((size_t)4 << 20)
#define HEARD_NS       1000000000u
/* A link says at most two: that it must end, or how, and FIN. */
#define LAST_WORDS     2u
#define LAST_WORD_SIZE (MPIPE__HEAD_SIZE + sizeof(struct mpipe_error))

_Static_assert(PIECE_MAX <= MPIPE__MESSAGE_MAX, "a piece is one message");

void mpipe__links_init(struct mpipe__links *set, void *owner,
                       struct mpipe__transport *t, struct mpipe__pool *pool,
                       uint16_t flow, size_t budget, size_t max_payload)
{
    memset(set, 0, sizeof *set);
    set->owner = owner;
    set->transport = t;
    set->pool = pool;
    set->flow = flow;
    set->channel = MPIPE__CHANNELS
                   * (flow % (MPIPE__CHANNEL_MAX / MPIPE__CHANNELS));
    set->budget = budget;
    set->max_payload = max_payload;
    set->max_message = PIECE_MAX;
}

static unsigned channel_of(const struct mpipe__link *link,
                           enum mpipe__channel channel)
{
    return link->set->channel + 4 * (unsigned)link->lane + (unsigned)channel;
}

static void drop_all(struct mpipe__pool *pool, struct mpipe__frame_queue *q)
{
    struct mpipe__frame *f;

    while ((f = mpipe__queue_pop(q)) != NULL)
        mpipe__pool_put(pool, f);
}

static void withdraw(struct mpipe__link *link)
{
    struct mpipe__links *set = link->set;
    struct mpipe__transport *t = set->transport;

    if (link->dead)
        return;
    t->ops->cancel(t, link->peer, channel_of(link, MPIPE__DATA));
    t->ops->cancel(t, link->peer, channel_of(link, MPIPE__BULK));
    t->ops->cancel(t, link->peer, channel_of(link, MPIPE__CONTROL));
    drop_all(set->pool, &link->slots);
    drop_all(set->pool, &link->bulk);
    drop_all(set->pool, &link->unsent);
    drop_all(set->pool, &link->reserve);
    mpipe__pool_put(set->pool, link->receiving);
    mpipe__pool_put(set->pool, link->listening);
    link->receiving = link->listening = NULL;
}

/* What has not come back from a dead peer. */
static void leave_behind(struct mpipe__link *link)
{
    struct mpipe__pool *pool = link->set->pool;
    struct mpipe__frame *f;

    while ((f = mpipe__queue_pop(&link->slots)) != NULL)
        mpipe__pool_bury(pool, f);
    if (link->receiving != NULL)
        mpipe__pool_bury(pool, link->receiving);
    if (link->listening != NULL)
        mpipe__pool_bury(pool, link->listening);
}

bool mpipe__links_withdraw(struct mpipe__links *set)
{
    for (unsigned i = 0; i < set->n; i++)
        withdraw(set->link[i]);
    return set->n_sends == 0 && set->n_coming == 0;
}

void mpipe__links_fini(struct mpipe__links *set)
{
    mpipe__links_withdraw(set);
    for (unsigned i = 0; i < set->n; i++) {
        if (set->link[i]->dead)
            leave_behind(set->link[i]);
        free(set->link[i]);
    }
    free(set->link);
    set->link = NULL;
    set->n = set->capacity = 0;
}

/* ---- the set ---- */

static bool is_it(const struct mpipe__link *link, int peer,
                  enum mpipe__lane lane)
{
    return link->peer == peer && link->lane == lane;
}

/* Where the link is, or should be. */
static unsigned position(const struct mpipe__links *set, int peer,
                         enum mpipe__lane lane)
{
    unsigned low = 0, high = set->n;

    while (low < high) {
        unsigned mid = (low + high) / 2;
        const struct mpipe__link *link = set->link[mid];
        if (link->peer < peer || (link->peer == peer && link->lane < lane))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct mpipe__link *mpipe__link_find(const struct mpipe__links *set, int peer,
                                     enum mpipe__lane lane)
{
    unsigned i = position(set, peer, lane);

    return i < set->n && is_it(set->link[i], peer, lane) ? set->link[i] : NULL;
}

/* Post a receive into a fresh frame; NULL: it could not be. */
static struct mpipe__frame *post(struct mpipe__link *link,
                                 enum mpipe__op_kind kind,
                                 enum mpipe__channel channel, size_t size)
{
    struct mpipe__links *set = link->set;
    struct mpipe__frame *f = mpipe__pool_get(set->pool, size);

    if (f == NULL)
        return NULL;
    f->op.kind = kind;
    f->op.owner = link;
    f->peer = link->peer;
    if (set->transport->ops->recv(set->transport, link->peer,
                                  channel_of(link, channel), &f->head, size,
                                  f)
        != MPIPE_OK) {
        mpipe__pool_put(set->pool, f);
        return NULL;
    }
    return f;
}

/* So many more; what is missing now is posted by settle(). */
static enum mpipe_err post_slots(struct mpipe__link *link, unsigned n)
{
    link->missing += n;
    for (; link->missing > 0; link->missing--) {
        struct mpipe__frame *f = post(link, MPIPE__OP_DATA, MPIPE__DATA,
                                      link->slot_in);
        if (f == NULL)
            return MPIPE_ENOMEM;
        mpipe__queue_push(&link->slots, f);
    }
    return MPIPE_OK;
}

static enum mpipe_err listen(struct mpipe__link *link)
{
    link->listening = post(link, MPIPE__OP_CONTROL, MPIPE__CONTROL,
                           MPIPE__CONTROL_SIZE);
    return link->listening != NULL ? MPIPE_OK : MPIPE_ENOMEM;
}

/* Memory for the last words, taken while there is some. */
static bool keep_reserve(struct mpipe__link *link)
{
    while (link->reserve.n < LAST_WORDS) {
        struct mpipe__frame *f = mpipe__pool_get(link->set->pool,
                                                 LAST_WORD_SIZE);
        if (f == NULL)
            return false;
        mpipe__queue_push(&link->reserve, f);
    }
    return true;
}

struct mpipe__link *mpipe__link_open(struct mpipe__links *set, int peer,
                                     enum mpipe__lane lane)
{
    unsigned i = position(set, peer, lane);
    struct mpipe__link *link;

    if (i < set->n && is_it(set->link[i], peer, lane))
        return set->link[i];
    if (set->n == set->capacity) {
        unsigned n = set->capacity ? 2 * set->capacity : 8;
        struct mpipe__link **more = realloc(set->link, n * sizeof *more);
        if (more == NULL)
            return NULL;
        set->link = more;
        set->capacity = n;
    }
    link = calloc(1, sizeof *link);
    if (link == NULL)
        return NULL;
    link->set = set;
    link->peer = peer;
    link->lane = lane;
    mpipe__queue_init(&link->slots);
    mpipe__queue_init(&link->bulk);
    mpipe__queue_init(&link->unsent);
    mpipe__queue_init(&link->reserve);
    if (!keep_reserve(link) || listen(link) != MPIPE_OK) {
        drop_all(set->pool, &link->reserve);
        free(link);
        return NULL;
    }
    memmove(set->link + i + 1, set->link + i,
            (set->n - i) * sizeof *set->link);
    set->link[i] = link;
    set->n++;
    return link;
}

enum mpipe_err mpipe__link_grant(struct mpipe__link *link, unsigned window,
                                 uint32_t slot)
{
    unsigned more = window > link->window_in ? window - link->window_in : 0;

    if (link->window_in == 0)
        link->slot_in = slot;
    link->window_in += more;
    return post_slots(link, more);
}

void mpipe__link_granted(struct mpipe__link *link, unsigned window,
                         uint32_t slot)
{
    unsigned more = window > link->window_out ? window - link->window_out : 0;

    if (link->window_out == 0) {
        mpipe__pace_init(&link->pace);
        link->slot_out = slot;
    }
    link->window_out += more;
    link->credits += more;
}

/* ---- sending ---- */

uint64_t mpipe__link_ready_at(const struct mpipe__link *link)
{
    return !link->dead && link->credits > 0
           ? mpipe__pace_next(&link->pace, link->window_out - link->credits)
           : UINT64_MAX;
}

bool mpipe__link_ready(const struct mpipe__link *link, size_t wire_size)
{
    const struct mpipe__links *set = link->set;

    return !link->dead && link->credits > 0
           && mpipe__pace_allows(&link->pace, link->window_out - link->credits,
                                 set->now)
           && (set->sending[link->lane] == 0
               || set->sending[link->lane] + wire_size <= set->budget);
}

static enum mpipe_err send_part(struct mpipe__link *link,
                                 enum mpipe__channel channel,
                                const void *data, size_t size,
                                struct mpipe__frame *f)
{
    struct mpipe__links *set = link->set;
    enum mpipe_err e;

    e = set->transport->ops->send(set->transport, link->peer,
                                  channel_of(link, channel), data, size, f);
    if (e == MPIPE_OK)
        f->op.pending++;
    return e;
}

/* The parts of a frame; what was begun stays under way also on an error. */
static enum mpipe_err send_parts(struct mpipe__link *link,
                                  enum mpipe__channel channel,
                                  struct mpipe__frame *f, size_t slot)
{
    size_t size = mpipe__wire_size(&f->head);
    const char *from = (const char *)&f->head;
    size_t left = size;
    enum mpipe_err e;

    if (size <= slot)
        return send_part(link, channel, &f->head, size, f);
    e = send_part(link, channel, &f->head, MPIPE__HEAD_SIZE, f);
    while (e == MPIPE_OK && left > 0) {
        size_t most = link->set->max_message;
        size_t piece = left < most ? left : most;
        e = send_part(link, MPIPE__BULK, from, piece, f);
        from += piece;
        left -= piece;
    }
    return e;
}

/* The frame is still the caller's when nothing of it was begun. */
static enum mpipe_err begin_send(struct mpipe__link *link,
                                  enum mpipe__channel channel,
                                  struct mpipe__frame *f, size_t slot,
                                  bool *begun)
{
    struct mpipe__links *set = link->set;
    size_t size = mpipe__wire_size(&f->head);
    enum mpipe_err e;

    f->head.flow = set->flow;
    f->op.kind = MPIPE__OP_SEND;
    f->op.owner = link;
    f->op.pending = 0;
    e = send_parts(link, channel, f, slot);
    *begun = f->op.pending > 0;
    if (!*begun)
        return e;
    set->n_sends++;
    set->n_large += size > MPIPE__SMALL_SLOT;
    f->sending = size;
    set->sending[link->lane] += size;
    set->bytes_sent += size;
    return e;
}

enum mpipe_err mpipe__link_send(struct mpipe__link *link,
                                struct mpipe__frame *f)
{
    bool begun;
    enum mpipe_err e;

    assert(link->credits > 0 && !link->fin_sent);
    link->credits--;
    mpipe__pace_given(&link->pace, f->head.n_items, link->set->now);
    f->head.seq = ++link->data_seq_out;
    link->sent++;
    link->set->frames_sent++;
    e = begin_send(link, MPIPE__DATA, f, link->slot_out, &begun);
    if (!begun)
        mpipe__pool_put(link->set->pool, f);
    return e;
}

bool mpipe__link_may_tell(const struct mpipe__link *link)
{
    return link->told < MPIPE__TELL_MAX;
}

/* Credits and FIN are the links' own affair. */
static bool is_own_affair(const struct mpipe__frame *f)
{
    return f->head.stage == MPIPE__CREDIT || f->head.stage == MPIPE__FIN;
}

/* The next control frame, if there is memory to send it. */
static enum mpipe_err tell(struct mpipe__link *link, struct mpipe__frame *f,
                           bool *begun)
{
    enum mpipe_err e;

    f->head.seq = link->control_seq_out + 1;
    e = begin_send(link, MPIPE__CONTROL, f, MPIPE__CONTROL_SIZE, begun);
    link->control_seq_out += *begun;
    return e;
}

static enum mpipe_err tell_unsent(struct mpipe__link *link)
{
    enum mpipe_err e = MPIPE_OK;

    while (link->unsent.first != NULL && e == MPIPE_OK) {
        struct mpipe__frame *f = link->unsent.first, *next = f->next;
        bool begun;

        e = tell(link, f, &begun);      /* f may be gone then */
        if (!begun)
            break;
        link->unsent.first = next;
        link->unsent.n--;
        if (next == NULL)
            link->unsent.end = &link->unsent.first;
    }
    return e;
}

enum mpipe_err mpipe__link_control(struct mpipe__link *link,
                                   struct mpipe__frame *f)
{
    bool begun = false;
    enum mpipe_err e = MPIPE_ENOMEM;

    assert(mpipe__wire_size(&f->head) <= MPIPE__CONTROL_SIZE);
    if (link->dead) {
        mpipe__pool_put(link->set->pool, f);
        return MPIPE_OK;
    }
    f = mpipe__pool_compact(link->set->pool, f);    /* thousands may be under way */
    link->told += !is_own_affair(f);
    if (link->unsent.n == 0)
        e = tell(link, f, &begun);
    if (begun)
        return e;
    if (e == MPIPE_ENOMEM)
        mpipe__queue_push(&link->unsent, f);
    else
        mpipe__pool_put(link->set->pool, f);
    return e == MPIPE_ENOMEM ? MPIPE_OK : e;
}

static struct mpipe__frame *begin_control(struct mpipe__frame *f,
                                          enum mpipe__control what)
{
    if (f != NULL) {
        mpipe__frame_begin(f, NULL, (uint16_t)what);
        f->head.kind = MPIPE__FRAME_CONTROL;
    }
    return f;
}

struct mpipe__frame *mpipe__control_new(struct mpipe__links *set,
                                        enum mpipe__control what)
{
    return begin_control(mpipe__pool_get(set->pool, MPIPE__CONTROL_SIZE), what);
}

static bool is_last_word(enum mpipe__control what)
{
    return what == MPIPE__STOP || what == MPIPE__FINISH || what == MPIPE__FIN;
}

enum mpipe_err mpipe__control_send(struct mpipe__link *link,
                                   enum mpipe__control what, const void *item,
                                   size_t size)
{
    struct mpipe__frame *f = begin_control(
        mpipe__pool_get(link->set->pool,
                        MPIPE__HEAD_SIZE + mpipe__align8(size) + 8), what);

    if (f == NULL && is_last_word(what))
        f = begin_control(mpipe__queue_pop(&link->reserve), what);
    if (f == NULL)
        return MPIPE_ENOMEM;
    mpipe__frame_append_slow(f, item, size);
    return mpipe__link_control(link, f);
}

/* ---- payloads ---- */

/* Take memory for the payload whose head came first, and post its receives. */
static enum mpipe_err begin_bulk(struct mpipe__link *link,
                                 struct mpipe_error *err)
{
    struct mpipe__links *set = link->set;
    struct mpipe__frame *head = link->bulk.first;
    size_t size = mpipe__wire_size(&head->head);
    size_t left = size;
    struct mpipe__frame *f = mpipe__pool_get(set->pool, size);
    char *to;

    if (f == NULL)              /* settle() tries again: it must be received */
        return mpipe__error(err, set->transport->rank, MPIPE_ENOMEM,
                            "no memory for a frame of %zu bytes", size);
    mpipe__queue_pop(&link->bulk);
    set->n_waiting--;
    link->announced = head->head;
    mpipe__pool_put(set->pool, head);
    f->op.kind = MPIPE__OP_BULK;
    f->op.owner = link;
    f->peer = link->peer;
    link->receiving = f;
    set->held[link->lane] += size;
    set->n_receiving++;
    for (to = (char *)&f->head; left > 0;) {
        size_t piece = left < set->max_message ? left : set->max_message;
        enum mpipe_err e = set->transport->ops->recv(
            set->transport, link->peer, channel_of(link, MPIPE__BULK), to,
            piece, f);
        if (e != MPIPE_OK)
            return mpipe__error(err, set->transport->rank, e,
                                "a receive could not be posted");
        f->op.pending++;
        to += piece;
        left -= piece;
    }
    return MPIPE_OK;
}

/* Begin what the budget allows. */
static enum mpipe_err begin_bulks(struct mpipe__links *set,
                                  struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;

    for (unsigned i = 0; set->n_waiting > 0 && i < set->n; i++) {
        struct mpipe__link *link = set->link[i];
        size_t size;

        if (link->receiving != NULL || link->bulk.first == NULL)
            continue;
        size = mpipe__wire_size(&link->bulk.first->head);
        if (set->held[link->lane] > 0
            && set->held[link->lane] + size > set->budget)
            continue;
        e = begin_bulk(link, err);
        if (e != MPIPE_OK)
            break;
    }
    return e;
}

/* ---- giving credits back ---- */

static enum mpipe_err give_back(struct mpipe__link *link)
{
    struct mpipe__credit c = { link->owed, link->owed_items, link->owed_us,
                               link->heard };
    enum mpipe_err e = MPIPE_OK;

    if ((c.n > 0 || c.told > 0) && !link->fin_sent && !link->fin_received)
        e = mpipe__control_send(link, MPIPE__CREDIT, &c, sizeof c);
    if (e != MPIPE_OK)
        return e;               /* it is still owed */
    link->owed = link->heard = 0;
    link->owed_items = link->owed_us = 0;
    return MPIPE_OK;
}

/* That control frames came is said with a credit, or when there are many of them; or
 * after a while, so that a rank that something was lost to hears of it. */
static bool is_due(const struct mpipe__link *link)
{
    return link->owed > 0
           || (link->heard > 0 && link->set->now - link->heard_at > HEARD_NS);
}

enum mpipe_err mpipe__links_settle(struct mpipe__links *set)
{
    enum mpipe_err e = begin_bulks(set, NULL);

    for (unsigned i = 0; i < set->n && e == MPIPE_OK; i++) {
        struct mpipe__link *link = set->link[i];

        if (link->dead)
            continue;
        /* when there was no memory for it */
        if (link->listening == NULL && !link->fin_received)
            e = listen(link);
        if (e == MPIPE_OK)
            e = post_slots(link, 0);
        if (e == MPIPE_OK)
            e = tell_unsent(link);
        if (e == MPIPE_OK && is_due(link))
            e = give_back(link);
    }
    return e;
}

/* ---- what has come ---- */

static enum mpipe_err broken(const struct mpipe__link *link,
                             struct mpipe_error *err, const char *what)
{
    return mpipe__error(err, link->set->transport->rank, MPIPE_ELINK,
                        "the link from rank %d to rank %d broke: %s",
                        link->peer, link->set->transport->rank, what);
}

static enum mpipe_err queue_bulk(struct mpipe__link *link,
                                 struct mpipe__frame *head,
                                 struct mpipe_error *err)
{
    struct mpipe__links *set = link->set;

    if (head->head.bytes > set->max_payload) {
        mpipe__pool_put(set->pool, head);
        return broken(link, err, "a frame is larger than --max-item allows "
                                 "(is it the same on all ranks?)");
    }
    mpipe__queue_push(&link->bulk, head);
    set->n_waiting++;
    return begin_bulks(set, err);
}

enum mpipe_err mpipe__link_consumed(struct mpipe__link *link, size_t wire_size,
                                    uint32_t items, uint64_t took_us)
{
    enum mpipe_err e;

    link->owed_items += items;
    link->owed_us += took_us;
    if (wire_size > link->slot_in)
        link->set->held[link->lane] -= wire_size;
    if (link->dead)
        return begin_bulks(link->set, NULL);
    link->owed++;
    e = post_slots(link, 1);
    if (e == MPIPE_OK)
        e = begin_bulks(link->set, NULL);
    if (e != MPIPE_OK)
        return e;
    return 2 * link->owed >= link->window_in ? give_back(link) : MPIPE_OK;
}

static void whole(struct mpipe__link *link, struct mpipe__frame *f,
                  struct mpipe__event *event)
{
    link->arrived++;
    link->set->frames_received++;
    event->kind = MPIPE__GOT_DATA;
    event->frame = f;
}

static enum mpipe_err got_data(struct mpipe__link *link, struct mpipe__frame *f,
                               size_t size, struct mpipe__event *event,
                               struct mpipe_error *err)
{
    struct mpipe__links *set = link->set;
    enum mpipe_err e = mpipe__frame_check(&f->head, size, err);

    mpipe__queue_pop(&link->slots);
    if (e != MPIPE_OK) {
        mpipe__pool_put(set->pool, f);
        return e;
    }
    if ((int32_t)(f->head.seq - link->data_seq_in) <= 0) {   /* repeated */
        mpipe__pool_put(set->pool, f);
        return post_slots(link, 1);
    }
    if (f->head.seq != link->data_seq_in + 1)
        broken(link, err, "a data message was lost");
    link->data_seq_in = f->head.seq;    /* go on, to hear of the end */
    set->bytes_received += mpipe__wire_size(&f->head);
    if (size < mpipe__wire_size(&f->head))
        queue_bulk(link, f, err);
    else
        whole(link, f, event);
    return err->code;
}

static enum mpipe_err got_bulk(struct mpipe__link *link, struct mpipe__frame *f,
                               size_t size, struct mpipe__event *event,
                               struct mpipe_error *err)
{
    struct mpipe__links *set = link->set;

    link->part += size;
    if (--f->op.pending > 0)
        return MPIPE_OK;
    link->receiving = NULL;
    set->n_receiving--;
    if (link->part != mpipe__wire_size(&link->announced)
        || memcmp(&f->head, &link->announced, MPIPE__HEAD_SIZE) != 0) {
        mpipe__pool_put(set->pool, f);
        return broken(link, err, "a payload was lost or repeated");
    }
    link->part = 0;
    whole(link, f, event);
    return begin_bulks(set, err);
}

static void credited(struct mpipe__link *link, const struct mpipe__credit *c)
{
    link->told -= (unsigned)c->told;
    link->credits += (unsigned)c->n;
    if (c->n > 0)
        mpipe__pace_done(&link->pace, c->items, c->took_us);
}

static enum mpipe_err say_fin(struct mpipe__link *link)
{
    uint64_t n = link->sent;

    if (link->fin_sent)
        return MPIPE_OK;
    link->fin_sent = true;
    return mpipe__control_send(link, MPIPE__FIN, &n, sizeof n);
}

static enum mpipe_err own_affair(struct mpipe__link *link,
                                 struct mpipe__frame *f,
                                 struct mpipe_error *err)
{
    struct mpipe__cursor c;
    struct mpipe_item item = { NULL, 0 };
    struct mpipe__credit credit;

    mpipe__cursor_init(&c, f);
    mpipe__cursor_next(&c, &item);
    if (f->head.stage == MPIPE__FIN) {
        if (item.size != sizeof link->fin_count)
            return broken(link, err, "a farewell is damaged");
        link->fin_received = true;
        memcpy(&link->fin_count, item.data, sizeof link->fin_count);
        return link->set->finishing ? say_fin(link) : MPIPE_OK;
    }
    if (item.size != sizeof credit)
        return broken(link, err, "a credit is damaged");
    memcpy(&credit, item.data, sizeof credit);
    if (credit.n > link->window_out - link->credits
        || credit.items > link->pace.items || credit.told > link->told)
        return broken(link, err, "more credits came back than were used");
    credited(link, &credit);
    return MPIPE_OK;
}

static enum mpipe_err got_control(struct mpipe__link *link,
                                  struct mpipe__frame *f, size_t size,
                                  struct mpipe__event *event,
                                  struct mpipe_error *err)
{
    struct mpipe__links *set = link->set;
    enum mpipe_err e = mpipe__frame_check(&f->head, size, err);
    bool repeated = false, damaged;

    if (e == MPIPE_OK && size != mpipe__wire_size(&f->head))
        e = broken(link, err, "a control message is not as long as its head "
                              "says");
    damaged = e != MPIPE_OK;
    link->listening = NULL;
    if (!damaged) {
        repeated = (int32_t)(f->head.seq - link->control_seq_in) <= 0;
        if (!repeated && f->head.seq != link->control_seq_in + 1)
            e = broken(link, err, "a control message was lost");
    }
    if (damaged || repeated) {
        mpipe__pool_put(set->pool, f);
    } else {
        link->control_seq_in = f->head.seq;
        if (is_own_affair(f)) {
            enum mpipe_err own = own_affair(link, f, err);
            e = e != MPIPE_OK ? e : own;
            mpipe__pool_put(set->pool, f);
        } else {
            event->kind = MPIPE__GOT_CONTROL;
            event->frame = f;
            link->heard_at = link->heard++ == 0 ? set->now : link->heard_at;
        }
    }
    /* also when it broke: the end of the flow is still to be heard */
    if (!link->fin_received
        && (listen(link) != MPIPE_OK
            || (2 * link->heard >= MPIPE__TELL_MAX
                && give_back(link) != MPIPE_OK)) && e == MPIPE_OK)
        e = mpipe__error(err, set->transport->rank, MPIPE_ENOMEM,
                         "no memory to listen to rank %d", link->peer);
    return e;
}

static enum mpipe_err sent(struct mpipe__link *link, struct mpipe__frame *f)
{
    struct mpipe__links *set = link->set;

    if (--f->op.pending == 0) {
        set->n_sends--;
        set->n_large -= f->sending > MPIPE__SMALL_SLOT;
        set->sending[link->lane] -= f->sending;
        mpipe__pool_put(set->pool, f);
    }
    return MPIPE_OK;
}

static void take_out(struct mpipe__frame_queue *q, const struct mpipe__frame *f)
{
    struct mpipe__frame_queue all = *q;
    struct mpipe__frame *at;

    if (all.n == 0)
        return;
    mpipe__queue_init(q);
    while ((at = mpipe__queue_pop(&all)) != NULL)
        if (at != f)
            mpipe__queue_push(q, at);
}

/* Something came to nothing: an error, or the peer is dead. */
static void came_to_nothing(struct mpipe__link *link, struct mpipe__frame *f)
{
    struct mpipe__links *set = link->set;

    switch ((enum mpipe__op_kind)f->op.kind) {
    case MPIPE__OP_SEND:
        sent(link, f);
        return;
    case MPIPE__OP_DATA:
        take_out(&link->slots, f);
        break;
    case MPIPE__OP_CONTROL:
        link->listening = NULL;
        break;
    case MPIPE__OP_BULK:
        if (--f->op.pending > 0)
            return;
        link->receiving = NULL;
        set->n_receiving--;
        set->held[link->lane] -= mpipe__wire_size(&link->announced);
        break;
    }
    set->n_coming -= link->dead;
    mpipe__pool_put(set->pool, f);
}

void mpipe__links_bury(struct mpipe__links *set, int peer)
{
    for (int lane = MPIPE__LANE_MAIN; lane <= MPIPE__LANE_HOME; lane++) {
        struct mpipe__link *link = mpipe__link_find(set, peer,
                                                    (enum mpipe__lane)lane);
        if (link == NULL || link->dead)
            continue;
        link->dead = true;
        set->n_coming += link->slots.n + (link->receiving != NULL)
                         + (link->listening != NULL);
        set->n_waiting -= link->bulk.n;
        drop_all(set->pool, &link->bulk);
        drop_all(set->pool, &link->unsent);
        drop_all(set->pool, &link->reserve);
        link->missing = link->told = link->heard = 0;
        link->fin_sent = link->fin_received = true;
        link->fin_count = 0;
    }
}

enum mpipe_err mpipe__link_event(const struct mpipe__completion *done,
                                 struct mpipe__event *event,
                                 struct mpipe_error *err)
{
    struct mpipe__frame *f = done->cookie;
    struct mpipe__link *link = f->op.owner;

    event->kind = MPIPE__NOTHING;
    event->link = link;
    event->frame = NULL;
    if (link->dead)
        f->buried |= done->error != MPIPE_OK;
    if (link->dead || done->error != MPIPE_OK)
        came_to_nothing(link, f);
    if (link->dead)
        return begin_bulks(link->set, NULL);
    if (done->error != MPIPE_OK)
        return broken(link, err, done->error == MPIPE_ELINK
                                 ? "a message was longer than agreed"
                                 : "the transport reported an error");
    switch ((enum mpipe__op_kind)f->op.kind) {
    case MPIPE__OP_SEND:
        return sent(link, f);
    case MPIPE__OP_DATA:
        return got_data(link, f, done->size, event, err);
    case MPIPE__OP_BULK:
        return got_bulk(link, f, done->size, event, err);
    case MPIPE__OP_CONTROL:
        return got_control(link, f, done->size, event, err);
    }
    return mpipe__error(err, link->set->transport->rank, MPIPE_EINTERNAL,
                        "a completion of unknown kind %u", f->op.kind);
}

/* ---- closing ---- */

enum mpipe_err mpipe__links_finish(struct mpipe__links *set, bool now)
{
    enum mpipe_err worst = MPIPE_OK;

    set->finishing = true;
    for (unsigned i = 0; i < set->n; i++) {
        struct mpipe__link *link = set->link[i];
        enum mpipe_err e = MPIPE_OK;

        if (now || !link->leaves_last || link->fin_received)
            e = say_fin(link);
        if (e != MPIPE_OK)
            worst = e;
    }
    return worst;
}

bool mpipe__links_finished(const struct mpipe__links *set)
{
    if (set->n_sends > 0 || set->n_coming > 0)
        return false;
    for (unsigned i = 0; i < set->n; i++) {
        const struct mpipe__link *link = set->link[i];
        if (!link->fin_sent || !link->fin_received || link->unsent.n > 0
            || link->arrived < link->fin_count)
            return false;
    }
    return true;
}
