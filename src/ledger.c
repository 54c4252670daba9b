/* SPDX-License-Identifier: BSD-3-Clause */
/* ledger.c - root frames by their sequence number.
 *
 * A ring has a slot for each root since the oldest one; the entries themselves are
 * apart, so that one root that takes long costs 8 bytes for each that has come and gone
 * since, and what points to an entry stays right when the ring grows.  Complete roots
 * that wait to be handed out in the order in which they completed are chained through
 * next_complete.
 */
#include <assert.h>
#include <stdlib.h>
#include "ledger.h"

#define NONE   UINT64_MAX
#define BLOCK  256u

struct mpipe__root_block {
    struct mpipe__root_block *next;
    struct mpipe__root root[];
};

/* ---- memory ---- */

static bool add_block(struct mpipe__ledger *l)
{
    uint32_t n = l->least < BLOCK ? l->least : BLOCK;
    size_t size = sizeof *l->block + n * sizeof *l->block->root;
    struct mpipe__root_block *b;

    if (l->n_entries >= l->least && l->grown + size > l->memory)
        return false;
    b = calloc(1, size);
    if (b == NULL)
        return false;
    l->grown += l->n_entries >= l->least ? size : 0;
    l->n_entries += n;
    b->next = l->block;
    l->block = b;
    for (uint32_t i = 0; i < n; i++) {
        b->root[i].next_spare = l->spare;
        l->spare = &b->root[i];
    }
    return true;
}

enum mpipe_err mpipe__ledger_init(struct mpipe__ledger *l, uint32_t least,
                                  size_t memory, bool ordered)
{
    uint32_t n = 1;

    memset(l, 0, sizeof *l);
    while (n < least)
        n *= 2;
    l->ring = calloc(n, sizeof *l->ring);
    if (l->ring == NULL)
        return MPIPE_ENOMEM;
    l->capacity = l->least = n;
    l->memory = memory;
    l->ordered = ordered;
    l->ready_first = l->ready_last = NONE;
    if (add_block(l))
        return MPIPE_OK;
    mpipe__ledger_fini(l);
    return MPIPE_ENOMEM;
}

void mpipe__ledger_fini(struct mpipe__ledger *l)
{
    struct mpipe__root_block *b;

    while ((b = l->block) != NULL) {
        l->block = b->next;
        free(b);
    }
    free(l->ring);
    memset(l, 0, sizeof *l);
}

static bool grow(struct mpipe__ledger *l)
{
    size_t more = l->capacity * sizeof *l->ring;
    struct mpipe__root **ring;

    if (l->grown + more > l->memory || l->capacity > UINT32_MAX / 2)
        return false;
    ring = calloc(2 * (size_t)l->capacity, sizeof *ring);
    if (ring == NULL)
        return false;
    for (uint64_t seq = l->first; seq < l->next; seq++)
        ring[seq & (2 * l->capacity - 1)] = mpipe__ledger_at(l, seq);
    free(l->ring);
    l->ring = ring;
    l->capacity *= 2;
    l->grown += more;
    return true;
}

bool mpipe__ledger_full(struct mpipe__ledger *l)
{
    return (l->next - l->first >= l->capacity && !grow(l))
           || (l->spare == NULL && !add_block(l));
}

/* ---- roots ---- */

bool mpipe__ledger_empty(const struct mpipe__ledger *l)
{
    return l->open == 0 && l->complete == 0;
}

struct mpipe__root *mpipe__ledger_feed(struct mpipe__ledger *l,
                                       uint64_t id, uint32_t items,
                                       size_t bytes)
{
    struct mpipe__root *r;

    if (mpipe__ledger_full(l))
        return NULL;
    r = l->spare;
    l->spare = r->next_spare;
    assert(r->state == MPIPE__ROOT_FREE);
    memset(r, 0, sizeof *r);
    l->ring[l->next & (l->capacity - 1)] = r;
    r->seq = l->next++;
    r->state = MPIPE__ROOT_OPEN;
    r->attempt = l->attempt;
    r->xored = id;
    r->items = items;
    r->bytes = bytes;
    mpipe__queue_init(&r->results);
    l->open++;
    l->bytes += bytes;
    return r;
}

struct mpipe__root *mpipe__ledger_find(struct mpipe__ledger *l, uint64_t root,
                                       uint32_t attempt)
{
    struct mpipe__root *r;

    if (root < l->first || root >= l->next)
        return NULL;
    r = mpipe__ledger_at(l, root);
    return r != NULL && r->state == MPIPE__ROOT_OPEN && r->attempt == attempt ? r : NULL;
}

static void complete(struct mpipe__ledger *l, struct mpipe__root *r)
{
    r->state = MPIPE__ROOT_COMPLETE;
    l->open--;
    l->complete++;
    r->next_complete = NONE;
    if (l->ordered)
        return;
    if (l->ready_first == NONE)
        l->ready_first = r->seq;
    else
        mpipe__ledger_at(l, l->ready_last)->next_complete = r->seq;
    l->ready_last = r->seq;
}

bool mpipe__ledger_cancel(struct mpipe__ledger *l, struct mpipe__root *r,
                          uint64_t ids)
{
    assert(r->state == MPIPE__ROOT_OPEN);
    r->xored ^= ids;
    if (r->xored != 0)
        return false;
    if (!r->is_copy)
        complete(l, r);
    return true;
}

/* ---- copies ---- */

struct mpipe__root *mpipe__ledger_copy(struct mpipe__ledger *l,
                                       struct mpipe__root *r, uint64_t id)
{
    struct mpipe__root *copy = mpipe__ledger_feed(l, id, r->items, 0);

    if (copy == NULL)
        return NULL;
    copy->is_copy = true;
    copy->twin = r->seq + 1;
    r->twin = copy->seq + 1;
    return copy;
}

struct mpipe__root *mpipe__ledger_original(struct mpipe__ledger *l,
                                           struct mpipe__root *r)
{
    return r->is_copy ? mpipe__ledger_at(l, r->twin - 1) : r;
}

static void let_go(struct mpipe__ledger *l, struct mpipe__root *r)
{
    r->state = MPIPE__ROOT_FREE;
    r->next_spare = l->spare;
    l->spare = r;
    l->ring[r->seq & (l->capacity - 1)] = NULL;
    while (l->first < l->next && mpipe__ledger_at(l, l->first) == NULL)
        l->first++;
}

void mpipe__ledger_clear(struct mpipe__ledger *l)
{
    while (l->first < l->next)
        let_go(l, mpipe__ledger_at(l, l->first));
    l->open = l->complete = 0;
    l->bytes = 0;
    l->ready_first = l->ready_last = NONE;
}

void mpipe__ledger_part(struct mpipe__ledger *l, struct mpipe__root *copy)
{
    assert(copy->is_copy && copy->state == MPIPE__ROOT_OPEN);
    mpipe__ledger_at(l, copy->twin - 1)->twin = 0;
    l->open--;
    let_go(l, copy);
}

struct mpipe__root *mpipe__ledger_join(struct mpipe__ledger *l,
                                       struct mpipe__root *r,
                                       struct mpipe__frame_queue *lost)
{
    struct mpipe__root *first = mpipe__ledger_original(l, r);
    struct mpipe__root *copy = mpipe__ledger_at(l, first->twin - 1);
    struct mpipe__frame *f;

    mpipe__queue_init(lost);
    while ((f = mpipe__queue_pop(r == first ? &copy->results
                                            : &first->results)) != NULL)
        mpipe__queue_push(lost, f);
    if (r == copy) {
        while ((f = mpipe__queue_pop(&copy->results)) != NULL)
            mpipe__queue_push(&first->results, f);
        first->dropped = copy->dropped;
        first->made = copy->made;
        first->delivered = copy->delivered;
        first->work_us = copy->work_us;
        first->xored = 0;
        complete(l, first);
    }
    mpipe__ledger_part(l, copy);
    return first;
}

void mpipe__ledger_again(struct mpipe__ledger *l, struct mpipe__root *r,
                         uint64_t id)
{
    assert(r->state == MPIPE__ROOT_OPEN);
    r->attempt = l->attempt;
    r->xored = id;
    r->dropped = r->made = r->delivered = r->keys = 0;
    mpipe__queue_init(&r->results);
}

void mpipe__ledger_reopen(struct mpipe__ledger *l, uint64_t seq)
{
    assert(l->ordered && seq >= l->first);
    for (; seq < l->next; seq++) {
        struct mpipe__root *r = mpipe__ledger_at(l, seq);
        if (r == NULL || r->state != MPIPE__ROOT_COMPLETE)
            continue;
        r->state = MPIPE__ROOT_OPEN;
        l->complete--;
        l->open++;
    }
}

struct mpipe__root *mpipe__ledger_open(struct mpipe__ledger *l, uint64_t seq)
{
    if (seq < l->first)
        seq = l->first;
    for (; seq < l->next; seq++) {
        struct mpipe__root *r = mpipe__ledger_at(l, seq);
        if (r != NULL && r->state == MPIPE__ROOT_OPEN)
            return r;
    }
    return NULL;
}

struct mpipe__root *mpipe__ledger_ready(struct mpipe__ledger *l)
{
    struct mpipe__root *r;

    if (l->ordered) {
        if (l->first == l->next)
            return NULL;
        r = mpipe__ledger_at(l, l->first);
        return r->state == MPIPE__ROOT_COMPLETE ? r : NULL;
    }
    return l->ready_first == NONE ? NULL : mpipe__ledger_at(l, l->ready_first);
}

void mpipe__ledger_release(struct mpipe__ledger *l, struct mpipe__root *r)
{
    assert(r == mpipe__ledger_ready(l));
    if (!l->ordered) {
        l->ready_first = r->next_complete;
        if (l->ready_first == NONE)
            l->ready_last = NONE;
    }
    l->complete--;
    l->bytes -= r->bytes;
    let_go(l, r);
}

/* Merge sort of a list: stable, and no memory needed. */
static struct mpipe__frame *merge(struct mpipe__frame *a,
                                  struct mpipe__frame *b)
{
    struct mpipe__frame *first = NULL, **end = &first;

    while (a != NULL && b != NULL) {
        struct mpipe__frame **less = mpipe__frame_order(a, b) <= 0 ? &a : &b;
        *end = *less;
        *less = (*less)->next;
        end = &(*end)->next;
    }
    *end = a != NULL ? a : b;
    return first;
}

static struct mpipe__frame *sort(struct mpipe__frame *list, uint32_t n)
{
    struct mpipe__frame *half = list, *tail;

    if (n < 2)
        return list;
    for (uint32_t i = 1; i < n / 2; i++)
        half = half->next;
    tail = half->next;
    half->next = NULL;
    return merge(sort(list, n / 2), sort(tail, n - n / 2));
}

void mpipe__frames_sort(struct mpipe__frame_queue *q)
{
    if (q->n < 2)
        return;
    q->first = sort(q->first, q->n);
    for (q->end = &q->first; *q->end != NULL; q->end = &(*q->end)->next)
        continue;
}

uint64_t mpipe__id(uint64_t salt, uint64_t n)
{
    /* splitmix64: a bijection of its state, so ids of one salt never repeat */
    uint64_t z = salt * 0xd1342543de82ef95u + n * 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return z != 0 ? z : 1;
}
