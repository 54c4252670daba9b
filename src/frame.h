/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.h - frames: items that travel together (layer 0, pure).
 *
 * Invariants:
 *  - on the wire a frame is head, payload, path, without gaps; all in the
 *    byte order of the machine (doc/protocol.md has the table);
 *  - every item begins at a multiple of 8 bytes;
 *  - a frame whose items are all of one size ('fixed') stores no lengths, and a
 *    frame is fixed until an item of another size is appended;
 *  - the path of a frame orders the descendants of one root frame as the items
 *    they came from were ordered.
 */
#ifndef MPIPE__FRAME_H
#define MPIPE__FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <mpipe/error.h>
#include <mpipe/stage.h>

#define MPIPE__FRAME_MAGIC 0x3146504du      /* "MPF1" in little-endian order */
#define MPIPE__VARIABLE UINT32_MAX          /* head.item_size: lengths stored */
#define MPIPE__PATH_MAX 255u

enum mpipe__frame_kind {
    MPIPE__FRAME_DATA = 1,  /* items for head.stage (n_stages: the sink) */
    MPIPE__FRAME_RETRY,     /* to rank 0: try this item again elsewhere */
    MPIPE__FRAME_FAILED,    /* to rank 0: an item, then the words for why */
    MPIPE__FRAME_BUNDLE,    /* frames, see bundle.h */
    MPIPE__FRAME_CONTROL,   /* head.stage says what for, see link.h */
    MPIPE__FRAME_ASIDE      /* not on the wire: see collect.c */
};

struct mpipe__frame_head {  /* 64 bytes */
    uint32_t magic;
    uint16_t flow;
    uint8_t  kind;
    uint8_t  n_path;        /* elements of the path */
    uint64_t id;            /* what the ledger cancels */
    uint64_t root;          /* sequence number of the root frame */
    uint32_t attempt;       /* of the root frame */
    uint16_t stage;         /* that shall handle the items */
    uint16_t tries;         /* how often that stage has failed on them; of
                               pairs (shuffle.h): their partition */
    uint32_t n_items;
    uint32_t item_size;     /* of every item, or MPIPE__VARIABLE */
    uint64_t bytes;         /* of the payload */
    uint32_t dropped, made; /* items, on the way here (see stats.h) */
    uint32_t seq;           /* of the message on its link, from 1 */
    uint32_t work_us;       /* the longest that one stage took over it */
};

_Static_assert(sizeof(struct mpipe__frame_head) == 64, "the head is 64 bytes");

/* What link.c must know when a send or receive of the frame ends. */
struct mpipe__op {
    uint32_t kind;          /* enum mpipe__op_kind, see link.h */
    uint32_t pending;       /* pieces under way */
    void *owner;            /* the link */
};

/* A frame in memory.  Made and kept by the pool. */
struct mpipe__frame {
    struct mpipe__op op;
    struct mpipe__frame *next;
    size_t capacity;        /* bytes from 'head' on */
    uint32_t refs;
    uint32_t size_class;
    int32_t peer;           /* the rank it came from */
    uint32_t buried;        /* see pool.h */
    size_t room;            /* bytes of payload it may grow to */
    uint64_t sending;       /* bytes that its sends count for, see link.c */
    struct mpipe__frame_head head;  /* the wire begins here */
};

static inline size_t mpipe__align8(size_t n) { return (n + 7) & ~(size_t)7; }

#define MPIPE__HEAD_SIZE sizeof(struct mpipe__frame_head)

static inline size_t mpipe__wire_size(const struct mpipe__frame_head *h)
{
    return MPIPE__HEAD_SIZE + h->bytes + mpipe__align8(4u * (size_t)h->n_path);
}

static inline char *mpipe__frame_payload(struct mpipe__frame *f)
{
    return (char *)(&f->head + 1);
}

static inline uint32_t *mpipe__frame_path(struct mpipe__frame *f)
{
    return (uint32_t *)(void *)(mpipe__frame_payload(f) + f->head.bytes);
}

/* Make the frame empty, for items that come of 'parent' (NULL: of none, and
 * the caller sets root and attempt).  Keeps room for the path. */
void mpipe__frame_begin(struct mpipe__frame *f,
                        const struct mpipe__frame *parent, uint16_t stage);

/* All items are in: give the frame its parent's path and, unless it is the only
 * one of its parent, its number among the parent's frames (else -1). */
void mpipe__frame_seal(struct mpipe__frame *f, struct mpipe__frame *parent,
                       int64_t child);

/* Bytes of capacity that the frame needs to hold one more item of 'size'. */
size_t mpipe__frame_need(const struct mpipe__frame *f, size_t size);

/* Append an item; the caller has made sure of the capacity.  The second also
 * does so when the item's bytes have been written to mpipe__frame_spot(). */
void mpipe__frame_append_slow(struct mpipe__frame *f, const void *data,
                              size_t size);
void *mpipe__frame_spot(struct mpipe__frame *f, size_t size);
void mpipe__frame_commit(struct mpipe__frame *f, void *spot, size_t size);

/* Append if it is of the frame's fixed size and fits: the fast path. */
static inline bool mpipe__frame_append_fast(struct mpipe__frame *f,
                                            const void *data, size_t size)
{
    struct mpipe__frame_head *h = &f->head;
    size_t stride = mpipe__align8(size);
    char *to;

    /* an empty frame has item_size MPIPE__VARIABLE: not this way */
    if (h->item_size != size || h->bytes + stride > f->room
        || h->item_size == MPIPE__VARIABLE)
        return false;
    to = mpipe__frame_payload(f) + h->bytes;
    if (size == 8)
        memcpy(to, data, 8);
    else if (size > 0)
        memcpy(to, data, size);
    h->bytes += stride;
    h->n_items++;
    return true;
}

/* The bytes of the first 'n' items, without lengths and padding. */
uint64_t mpipe__frame_item_bytes(struct mpipe__frame *f, uint32_t n);

/* Make the bytes between the items zeros: nobody has written them, and what was in
 * memory before is not for files. */
void mpipe__frame_clean(struct mpipe__frame *f);

/* Keep the first 'n_items' items. */
void mpipe__frame_truncate(struct mpipe__frame *f, uint32_t n_items);

/* Walk over the items. */
struct mpipe__cursor {
    char *at, *end;
    uint32_t left, item_size;
    size_t stride;              /* 0: look at each item */
    uint64_t looked;            /* bytes of the items that were looked at */
};

/* Over a payload of so many bytes, wherever it lies. */
static inline void mpipe__cursor_over(struct mpipe__cursor *c, char *payload,
                                      uint64_t bytes, uint32_t n_items,
                                      uint32_t item_size)
{
    c->at = payload;
    c->end = c->at + bytes;
    c->left = n_items;
    c->item_size = item_size;
    c->stride = item_size == MPIPE__VARIABLE
                || bytes != (uint64_t)n_items * mpipe__align8(item_size)
                ? 0 : mpipe__align8(item_size);
    c->looked = 0;
}

static inline void mpipe__cursor_init(struct mpipe__cursor *c,
                                      struct mpipe__frame *f)
{
    const struct mpipe__frame_head *h = &f->head;

    mpipe__cursor_over(c, mpipe__frame_payload(f), h->bytes, h->n_items,
                       h->item_size);
}

/* The next item where each has a length, or where the frame is damaged. */
bool mpipe__cursor_look(struct mpipe__cursor *c, struct mpipe_item *item);

/* The next item; false after the last, or where the frame is damaged (then
 * 'left' is not 0). */
static inline bool mpipe__cursor_next(struct mpipe__cursor *c,
                                      struct mpipe_item *item)
{
    if (c->left == 0)
        return false;
    if (c->stride == 0) {       /* of a copy, to keep 'c' in registers */
        struct mpipe__cursor copy = *c;
        bool found = mpipe__cursor_look(&copy, item);
        *c = copy;
        return found;
    }
    item->data = c->at;
    item->size = c->item_size;
    c->at += c->stride;
    c->left--;
    return true;
}

/* The bytes of the items from 'from' to 'c', without lengths and padding. */
static inline uint64_t mpipe__cursor_bytes(const struct mpipe__cursor *c,
                                           const struct mpipe__cursor *from)
{
    return c->stride == 0 ? c->looked - from->looked
                          : (uint64_t)(from->left - c->left) * c->item_size;
}

/* Is this a head that can be believed, of a message of 'size' bytes?  Gives
 * MPIPE_ELINK and says what is wrong. */
enum mpipe_err mpipe__frame_check(const struct mpipe__frame_head *h,
                                  size_t size, struct mpipe_error *err);

/* Order of two frames of the same root by path: <0, 0, >0. */
int mpipe__frame_order(struct mpipe__frame *a, struct mpipe__frame *b);

/* A first-in first-out queue of frames, linked by 'next'. */
struct mpipe__frame_queue {
    struct mpipe__frame *first, **end;
    uint32_t n;
};

static inline void mpipe__queue_init(struct mpipe__frame_queue *q)
{
    q->first = NULL;
    q->end = &q->first;
    q->n = 0;
}

static inline void mpipe__queue_push(struct mpipe__frame_queue *q,
                                     struct mpipe__frame *f)
{
    f->next = NULL;
    *q->end = f;
    q->end = &f->next;
    q->n++;
}

static inline struct mpipe__frame *
mpipe__queue_pop(struct mpipe__frame_queue *q)
{
    struct mpipe__frame *f = q->first;

    if (f != NULL) {
        q->first = f->next;
        if (q->first == NULL)
            q->end = &q->first;
        q->n--;
    }
    return f;
}

#endif
