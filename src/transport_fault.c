/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_fault.c - a transport that misbehaves on a seeded schedule.
 *
 * Each send and receive becomes an op, whose address is the cookie below.  A
 * dropped message is an op that goes to the done list and never to the inner
 * transport.  A duplicate is a second send, of a copy, so that the caller's
 * buffer is free when the first has left.  A delayed message heads a queue of
 * its (peer, channel), and while that queue stands later messages join it: so
 * order is kept.  Whether a message is dropped, duplicated or delayed comes
 * from a hash of seed, rank, count and kind of fault: no state, no clock.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "transport_fault.h"

enum kind { SEND, COPY, RECEIVE };

struct op {
    struct op *next, *previous; /* in the list that it is in, if any */
    enum kind kind;
    enum mpipe_err error;       /* once done */
    int peer;
    unsigned channel;
    const void *data;           /* of a send */
    size_t size;
    void *cookie;
    uint64_t due;               /* if queued: leaves at this poll */
    struct op *copy;            /* a send's duplicate, until both leave */
    unsigned char *own;         /* a copy's bytes */
};

struct list {
    struct op *first, *last;
};

/* Delayed messages to one peer and channel. */
struct queue {
    struct queue *next;
    int peer;
    unsigned channel;
    struct list ops;
};

struct fault {
    struct mpipe__transport transport;
    struct mpipe__transport *inner;
    struct mpipe__fault_plan plan;
    struct mpipe__fault_counts counts;
    uint64_t key;               /* hash of seed and rank */
    uint64_t n_masked;          /* messages on channels that may lose some */
    uint64_t n_polls;
    bool idle;                  /* this rank has no faults */
    bool killed;
    struct list open;           /* everything that the inner transport has */
    struct list done;           /* completions made here */
    struct list spare;
    struct queue *queues, *spare_queues;
};

/* What befalls one message. */
struct fate {
    bool drop, duplicate, delay, kill, masked;
};

static void append(struct list *list, struct op *op)
{
    op->next = NULL;
    op->previous = list->last;
    if (list->last != NULL)
        list->last->next = op;
    else
        list->first = op;
    list->last = op;
}

static void take(struct list *list, struct op *op)
{
    if (op->previous != NULL)
        op->previous->next = op->next;
    else
        list->first = op->next;
    if (op->next != NULL)
        op->next->previous = op->previous;
    else
        list->last = op->previous;
}

static struct op *op_new(struct fault *f, enum kind kind, int peer,
                         unsigned channel, size_t size, void *cookie)
{
    struct op *op = f->spare.first;
    if (op != NULL)
        take(&f->spare, op);
    else
        op = malloc(sizeof *op);
    if (op != NULL)
        *op = (struct op){ .kind = kind, .peer = peer, .channel = channel,
                           .size = size, .cookie = cookie };
    return op;
}

/* 'op' is in no list. */
static void op_drop(struct fault *f, struct op *op)
{
    if (op->copy != NULL)
        op_drop(f, op->copy);
    free(op->own);
    op->own = NULL;
    op->copy = NULL;
    append(&f->spare, op);
}

static void list_free(struct list *list)
{
    while (list->first != NULL) {
        struct op *op = list->first;
        take(list, op);
        if (op->copy != NULL) {
            free(op->copy->own);
            free(op->copy);
        }
        free(op->own);
        free(op);
    }
}

/* Fates. */

/* The finaliser of splitmix64. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static bool chance(const struct fault *f, uint64_t n, unsigned fault,
                   unsigned ppm)
{
    return mix(mix(f->key + n) + fault) % 1000000u < ppm;
}

static struct fate fate_of(const struct fault *f, unsigned channel)
{
    const struct mpipe__fault_plan *plan = &f->plan;
    uint64_t n = f->counts.sent + 1, n_masked = f->n_masked + 1;
    struct fate fate = { false, false, false, false, false };

    if (f->idle)
        return fate;
    fate.kill = n == plan->kill_nth;
    fate.delay = chance(f, n, 0, plan->delay_ppm);
    fate.masked = plan->channel_mask == 0 ||
                  (plan->channel_mask >> channel % 8 & 1) != 0;
    if (fate.masked) {
        fate.drop = n_masked == plan->drop_nth ||
                    chance(f, n, 1, plan->drop_ppm);
        fate.duplicate = n_masked == plan->duplicate_nth ||
                         chance(f, n, 2, plan->duplicate_ppm);
    }
    return fate;
}

/* Sending. */

static struct queue *queue_find(const struct fault *f, int peer,
                                unsigned channel)
{
    struct queue *q;
    for (q = f->queues; q != NULL; q = q->next)
        if (q->peer == peer && q->channel == channel)
            break;
    return q;
}

static struct queue *queue_new(struct fault *f, int peer, unsigned channel)
{
    struct queue *q = f->spare_queues;
    if (q != NULL)
        f->spare_queues = q->next;
    else
        q = malloc(sizeof *q);
    if (q == NULL)
        return NULL;
    *q = (struct queue){ .next = f->queues, .peer = peer, .channel = channel };
    f->queues = q;
    return q;
}

/* Give the message, and its duplicate behind it, to the inner transport. */
static enum mpipe_err leave(struct fault *f, struct op *op)
{
    struct mpipe__transport *inner = f->inner;
    struct op *copy = op->copy;
    enum mpipe_err e = inner->ops->send(inner, op->peer, op->channel, op->data,
                                        op->size, op);
    if (e != MPIPE_OK)
        return e;
    append(&f->open, op);
    op->copy = NULL;
    if (copy == NULL)
        return MPIPE_OK;
    if (inner->ops->send(inner, copy->peer, copy->channel, copy->data,
                         copy->size, copy) == MPIPE_OK) {
        append(&f->open, copy);
        f->counts.duplicated++;
    } else {
        op_drop(f, copy);
    }
    return MPIPE_OK;
}

static bool add_copy(struct fault *f, struct op *op)
{
    struct op *copy = op_new(f, COPY, op->peer, op->channel, op->size, NULL);
    if (copy == NULL)
        return false;
    op->copy = copy;
    if (op->size > 0) {
        copy->own = malloc(op->size);
        if (copy->own == NULL)
            return false;
        memcpy(copy->own, op->data, op->size);
    }
    copy->data = copy->own;
    return true;
}

/* It seems sent to the caller, but goes nowhere. */
static void swallow(struct fault *f, struct op *op)
{
    append(&f->done, op);       /* with op->error still MPIPE_OK */
}

static enum mpipe_err dispatch(struct fault *f, struct op *op,
                               const struct fate *fate)
{
    struct queue *q;

    if (fate->drop) {
        swallow(f, op);
        f->counts.dropped++;
        return MPIPE_OK;
    }
    if (fate->duplicate && !add_copy(f, op))
        return MPIPE_ENOMEM;
    q = queue_find(f, op->peer, op->channel);
    if (q == NULL && !fate->delay)
        return leave(f, op);
    if (q == NULL)
        q = queue_new(f, op->peer, op->channel);
    if (q == NULL)
        return MPIPE_ENOMEM;
    if (fate->delay) {
        op->due = f->n_polls + f->plan.delay_polls;
        f->counts.delayed++;
    }
    append(&q->ops, op);
    return MPIPE_OK;
}

static enum mpipe_err fault_send(struct mpipe__transport *t, int peer,
                                 unsigned channel, const void *data,
                                 size_t size, void *cookie)
{
    struct fault *f = (struct fault *)t;
    struct op *op = op_new(f, SEND, peer, channel, size, cookie);
    struct fate fate = fate_of(f, channel);
    enum mpipe_err e;

    if (op == NULL)
        return MPIPE_ENOMEM;
    op->data = data;
    if (fate.kill && !f->killed) {
        f->killed = true;
        if (f->plan.kill == NULL)
            _exit(137);
        f->plan.kill(f->plan.kill_arg);
    }
    if (f->killed) {
        swallow(f, op);
        return MPIPE_OK;
    }
    e = dispatch(f, op, &fate);
    if (e != MPIPE_OK) {
        op_drop(f, op);
        return e;
    }
    f->counts.sent++;
    f->n_masked += fate.masked;
    return MPIPE_OK;
}

/* Send what has been held long enough; a killed rank sends nothing more. */
static void release(struct fault *f)
{
    struct queue **link = &f->queues;
    while (*link != NULL) {
        struct queue *q = *link;
        struct op *op;
        while ((op = q->ops.first) != NULL &&
               (f->killed || op->due <= f->n_polls)) {
            take(&q->ops, op);
            op->error = f->killed ? MPIPE_OK : leave(f, op);
            if (f->killed || op->error != MPIPE_OK)
                append(&f->done, op);
        }
        if (q->ops.first == NULL) {
            *link = q->next;
            q->next = f->spare_queues;
            f->spare_queues = q;
        } else {
            link = &q->next;
        }
    }
}

/* Receiving and completing. */

static enum mpipe_err fault_recv(struct mpipe__transport *t, int peer,
                                 unsigned channel, void *data, size_t capacity,
                                 void *cookie)
{
    struct fault *f = (struct fault *)t;
    struct op *op = op_new(f, RECEIVE, peer, channel, capacity, cookie);
    enum mpipe_err e;

    if (op == NULL)
        return MPIPE_ENOMEM;
    e = f->inner->ops->recv(f->inner, peer, channel, data, capacity, op);
    if (e != MPIPE_OK) {
        op_drop(f, op);
        return e;
    }
    append(&f->open, op);
    return MPIPE_OK;
}

static int fault_poll(struct mpipe__transport *t,
                      struct mpipe__completion *done, int max)
{
    struct fault *f = (struct fault *)t;
    int i, end, n = 0;

    f->n_polls++;
    release(f);
    while (n < max && f->done.first != NULL) {
        struct op *op = f->done.first;
        take(&f->done, op);
        done[n].cookie = op->cookie;
        done[n].size = op->size;
        done[n].error = op->error;
        n++;
        op_drop(f, op);
    }
    end = n + f->inner->ops->poll(f->inner, done + n, max - n);
    for (i = n; i < end; i++) {
        struct mpipe__completion c = done[i];
        struct op *op = c.cookie;
        bool hide = op->kind == COPY || (f->killed && op->kind == RECEIVE &&
                                         c.error == MPIPE_OK);
        c.cookie = op->cookie;
        take(&f->open, op);
        op_drop(f, op);
        if (!hide)
            done[n++] = c;
    }
    return n;
}

static void fault_cancel(struct mpipe__transport *t, int peer,
                         unsigned channel)
{
    struct fault *f = (struct fault *)t;
    struct op *op, *next;

    f->inner->ops->cancel(f->inner, peer, channel);
    for (op = f->open.first; op != NULL; op = next) {
        next = op->next;
        if (op->kind == RECEIVE && op->peer == peer &&
            op->channel == channel) {
            take(&f->open, op);
            op_drop(f, op);
        }
    }
}

static void fault_wait(struct mpipe__transport *t, unsigned timeout_us,
                       bool stir)
{
    struct fault *f = (struct fault *)t;
    if (f->done.first != NULL)
        timeout_us = 0;
    /* What is held leaves only after so many polls. */
    f->inner->ops->wait(f->inner, timeout_us, stir || f->queues != NULL);
}

static void fault_wake(struct mpipe__transport *t)
{
    struct fault *f = (struct fault *)t;
    f->inner->ops->wake(f->inner);
}

static void fault_abort(struct mpipe__transport *t, int code)
{
    struct fault *f = (struct fault *)t;
    f->inner->ops->abort(f->inner, code);
}

static bool fault_near(struct mpipe__transport *t, int peer)
{
    struct fault *f = (struct fault *)t;
    return f->inner->ops->near(f->inner, peer);
}

static int fault_next_death(struct mpipe__transport *t)
{
    struct fault *f = (struct fault *)t;

    return f->inner->ops->next_death != NULL
           ? f->inner->ops->next_death(f->inner) : -1;
}

static int fault_cause(struct mpipe__transport *t, int peer)
{
    struct fault *f = (struct fault *)t;

    return f->inner->ops->cause != NULL ? f->inner->ops->cause(f->inner, peer)
                                        : MPIPE__GONE;
}

static struct mpipe__box *fault_box(struct mpipe__transport *t, int peer)
{
    struct fault *f = (struct fault *)t;

    return f->inner->ops->box(f->inner, peer);
}

static void fault_dismiss(struct mpipe__transport *t, int peer, unsigned flow)
{
    struct fault *f = (struct fault *)t;

    if (f->inner->ops->dismiss != NULL)
        f->inner->ops->dismiss(f->inner, peer, flow);
}

static bool fault_part(struct mpipe__transport *t)
{
    struct fault *f = (struct fault *)t;

    return f->inner->ops->part == NULL || f->inner->ops->part(f->inner);
}

static void fault_abandon(struct mpipe__transport *t, int peer)
{
    struct fault *f = (struct fault *)t;
    struct queue *q;

    for (q = f->queues; q != NULL; q = q->next) {
        struct op *op;
        while (q->peer == peer && (op = q->ops.first) != NULL) {
            take(&q->ops, op);
            op->error = MPIPE_EDEAD;
            append(&f->done, op);
        }
    }
    f->inner->ops->abandon(f->inner, peer);
}

static void queues_free(struct queue *q)
{
    while (q != NULL) {
        struct queue *next = q->next;
        list_free(&q->ops);
        free(q);
        q = next;
    }
}

static void fault_free(struct mpipe__transport *t)
{
    struct fault *f = (struct fault *)t;
    if (f == NULL)
        return;
    f->inner->ops->free(f->inner);
    list_free(&f->open);
    list_free(&f->done);
    list_free(&f->spare);
    queues_free(f->queues);
    queues_free(f->spare_queues);
    free(f);
}

static const struct mpipe__transport_ops fault_ops = {
    .name = "fault",
    .send = fault_send,
    .recv = fault_recv,
    .poll = fault_poll,
    .cancel = fault_cancel,
    .wait = fault_wait,
    .wake = fault_wake,
    .abort = fault_abort,
    .near = fault_near,
    .next_death = fault_next_death,
    .cause = fault_cause,
    .dismiss = fault_dismiss,
    .abandon = fault_abandon,
    .box = fault_box,
    .part = fault_part,
    .free = fault_free
};

struct mpipe__transport *mpipe__fault_new(struct mpipe__transport *inner,
                                          const struct mpipe__fault_plan *plan)
{
    struct fault *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->transport.ops = &fault_ops;
    f->transport.keeps_abandoned = inner->keeps_abandoned;
    f->transport.rank = inner->rank;
    f->transport.size = inner->size;
    f->inner = inner;
    f->plan = *plan;
    f->key = mix(mix(plan->seed) + (uint64_t)inner->rank);
    f->idle = plan->rank_mask != 0 &&
              (plan->rank_mask >> inner->rank % 64 & 1) == 0;
    return &f->transport;
}

void mpipe__fault_counts(const struct mpipe__transport *t,
                         struct mpipe__fault_counts *counts)
{
    assert(t->ops == &fault_ops);
    *counts = ((const struct fault *)t)->counts;
}

/* The words of MPIPE_FAULT. */

enum { DROP, DUPLICATE, DELAY, POLLS, SEED, DROP_NTH, DUPLICATE_NTH, KILL,
       CHANNELS, RANK, N_WORDS };

static const struct word {
    const char *name;
    uint64_t max;
} fault_words[N_WORDS] = {
    [DROP]          = { "drop", 1000000 },
    [DUPLICATE]     = { "duplicate", 1000000 },
    [DELAY]         = { "delay", 1000000 },
    [POLLS]         = { "polls", 1000000000 },
    [SEED]          = { "seed", UINT64_MAX },
    [DROP_NTH]      = { "drop_nth", UINT64_MAX },
    [DUPLICATE_NTH] = { "duplicate_nth", UINT64_MAX },
    [KILL]          = { "kill", UINT64_MAX },
    [CHANNELS]      = { "channels", 255 },
    [RANK]          = { "rank", 1000000000 }
};

/* The number in text[0..size-1], which must be all of it; false if it is none
 * or more than 'max'. */
static bool number(const char *text, size_t size, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;
    size_t i;

    if (size == 0)
        return false;
    for (i = 0; i < size; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = 10 * v + digit;
    }
    *value = v;
    return v <= max;
}

/* The word that text[0..size-1] begins with, before a '='; N_WORDS: none. */
static int word_of(const char *text, size_t size)
{
    int w;
    for (w = 0; w < N_WORDS; w++) {
        size_t n = strlen(fault_words[w].name);
        if (n < size && text[n] == '=' &&
            memcmp(text, fault_words[w].name, n) == 0)
            break;
    }
    return w;
}

static struct mpipe__fault_plan plan_of(const uint64_t *value)
{
    struct mpipe__fault_plan plan = {
        .seed = value[SEED],
        .drop_ppm = (unsigned)value[DROP],
        .duplicate_ppm = (unsigned)value[DUPLICATE],
        .delay_ppm = (unsigned)value[DELAY],
        .delay_polls = (unsigned)value[POLLS],
        .drop_nth = value[DROP_NTH],
        .duplicate_nth = value[DUPLICATE_NTH],
        .kill_nth = value[KILL],
        .channel_mask = (unsigned)value[CHANNELS],
        .rank_mask = value[RANK]
    };
    return plan;
}

enum mpipe_err mpipe__fault_parse(const char *words,
                                  struct mpipe__fault_plan *plan,
                                  struct mpipe_error *err)
{
    uint64_t value[N_WORDS] = { [POLLS] = 16 };
    uint64_t rank_mask = 0, v;
    const char *at = words;

    while (*at != '\0') {
        size_t size = strcspn(at, ","), n;
        int w = word_of(at, size);
        if (w == N_WORDS)
            return mpipe__error(err, -1, MPIPE_EINVAL,
                "fault plan: '%.*s' is not WORD=NUMBER with one of the words"
                " drop duplicate delay polls seed drop_nth duplicate_nth kill"
                " channels rank", (int)(size < 60 ? size : 60), at);
        n = strlen(fault_words[w].name) + 1;
        if (!number(at + n, size - n, fault_words[w].max, &v))
            return mpipe__error(err, -1, MPIPE_EINVAL,
                "fault plan: '%.*s' needs a number from 0 to %llu",
                (int)(size < 60 ? size : 60), at,
                (unsigned long long)fault_words[w].max);
        if (w == RANK)
            rank_mask |= UINT64_C(1) << v % 64;
        value[w] = v;
        at += size;
        if (*at == ',' && *++at == '\0')
            return mpipe__error(err, -1, MPIPE_EINVAL,
                                "fault plan: nothing after the last comma");
    }
    value[RANK] = rank_mask;
    *plan = plan_of(value);
    return MPIPE_OK;
}
