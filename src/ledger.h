/* SPDX-License-Identifier: BSD-3-Clause */
/* ledger.h - which root frames are in flight, and which are complete (layer 0,
 * pure).
 *
 * One entry for each root frame between its feeding and the delivery of its
 * results.  An entry holds the XOR of the ids of all frames that are known to
 * exist below the root: a frame fed or made puts its id in, a frame consumed or
 * arrived takes it out, in any order.  The root is complete when the XOR is
 * zero.  (Ids are random 64-bit numbers, so a false zero has a chance of 2^-64
 * a frame.)
 *
 * Invariants:
 *  - roots are numbered 0, 1, 2, ... as they are fed;
 *  - an entry is open, complete, or free; a root becomes complete once;
 *  - what carries an attempt number other than the entry's changes nothing;
 *  - in feed order, a root is taken only after all before it;
 *  - a root may have a copy, an entry of its own that is never handed out: when one
 *    of the two is complete the other one is given up (ledger_join).
 */
#ifndef MPIPE__LEDGER_H
#define MPIPE__LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "frame.h"

enum mpipe__root_state { MPIPE__ROOT_FREE, MPIPE__ROOT_OPEN,
                         MPIPE__ROOT_COMPLETE };

struct mpipe__root {
    uint64_t seq;
    uint64_t xored;             /* 0: complete */
    uint32_t attempt;
    uint32_t state;
    uint32_t items;             /* fed, */
    uint64_t first_item, digest;    /* ... from this one on: see resume.h */
    uint32_t work_us;           /* the longest a stage took over a frame of it */
    uint64_t dropped, made;
    uint64_t delivered;         /* items that stay on the ranks, see shuffle.h */
    uint64_t keys;              /* of a partition that were gone through */
    size_t bytes;               /* counted against the window */
    struct mpipe__frame *fed;   /* kept to be fed again */
    struct mpipe__frame_queue results;
    uint32_t split;             /* fed item by item from this attempt on, for it
                                   may have killed; 0: whole */
    uint32_t deaths;            /* over it, whichever item that was */
    uint64_t fed_at;            /* ns; of this attempt, ... */
    int32_t given_to;           /* ... and to which rank of the first stage */
    bool is_copy;
    uint64_t twin;              /* seq of its copy, or of what it is the copy of,
                                   plus 1; 0: neither */
    uint64_t next_complete;     /* seq of the next one to hand out, unordered */
    struct mpipe__root *next_spare;
};

struct mpipe__root_block;       /* memory for entries */

struct mpipe__ledger {
    struct mpipe__root **ring;  /* by seq; NULL: free */
    uint32_t capacity;          /* of the ring: a power of two */
    struct mpipe__root *spare;  /* entries that are free */
    struct mpipe__root_block *block;
    uint32_t n_entries, least;
    size_t grown, memory;       /* bytes beyond those for the least, and at most */
    bool ordered;
    uint64_t first, next;       /* seqs of the oldest entry, and of the next */
    uint64_t bytes;             /* in flight */
    uint32_t attempt;           /* of what is fed from now on */
    uint32_t open, complete;    /* entries in these states */
    uint64_t ready_first, ready_last;   /* list of complete roots, unordered */
};

/* Room for 'least' roots from the oldest one on, rounded up to a power of two; and for
 * as many more as 'memory' bytes hold, 8 for each root since the oldest one and the
 * size of an entry for each that is not delivered. */
enum mpipe_err mpipe__ledger_init(struct mpipe__ledger *l, uint32_t least,
                                  size_t memory, bool ordered);
void mpipe__ledger_fini(struct mpipe__ledger *l);

/* Is there no room for another root, nor memory to make some? */
bool mpipe__ledger_full(struct mpipe__ledger *l);
bool mpipe__ledger_empty(const struct mpipe__ledger *l);

/* Enter a root frame of 'items' items and 'bytes' bytes; gives its seq and
 * attempt in the entry, NULL when full. */
struct mpipe__root *mpipe__ledger_feed(struct mpipe__ledger *l,
                                       uint64_t id, uint32_t items,
                                       size_t bytes);

/* The entry that a frame or report speaks of, if it is still open and of this
 * attempt; NULL: stale, ignore it. */
struct mpipe__root *mpipe__ledger_find(struct mpipe__ledger *l, uint64_t root,
                                       uint32_t attempt);

/* Put ids in or take them out (it is the same); true when that completed the
 * root.  One with a twin must then be joined. */
bool mpipe__ledger_cancel(struct mpipe__ledger *l, struct mpipe__root *r,
                          uint64_t ids);

/* Begin another attempt, the ledger's present one: what arrived is forgotten (the
 * caller frees it), and frames of older attempts will be stale. */
void mpipe__ledger_again(struct mpipe__ledger *l, struct mpipe__root *r,
                         uint64_t id);

/* In feed order: roots from 'seq' on that are complete are open again, to begin
 * another attempt. */
void mpipe__ledger_reopen(struct mpipe__ledger *l, uint64_t seq);

/* Enter another root of the same items, which counts no bytes; NULL when full. */
struct mpipe__root *mpipe__ledger_copy(struct mpipe__ledger *l,
                                       struct mpipe__root *r, uint64_t id);
/* One of two is complete: the first of them, which then has what came of that one;
 * what came of the other is in 'lost'. */
struct mpipe__root *mpipe__ledger_join(struct mpipe__ledger *l,
                                       struct mpipe__root *r,
                                       struct mpipe__frame_queue *lost);
/* Give up an open copy, whose results have been taken. */
void mpipe__ledger_part(struct mpipe__ledger *l, struct mpipe__root *copy);
/* What it is the copy of, or itself. */
struct mpipe__root *mpipe__ledger_original(struct mpipe__ledger *l,
                                           struct mpipe__root *r);

/* The entry of a root from 'first' to 'next' - 1; NULL: it is free. */
static inline struct mpipe__root *mpipe__ledger_at(const struct mpipe__ledger *l,
                                                   uint64_t seq)
{
    return l->ring[seq & (l->capacity - 1)];
}

/* The first open root from 'seq' on; NULL: none. */
struct mpipe__root *mpipe__ledger_open(struct mpipe__ledger *l, uint64_t seq);

/* The next complete root whose turn it is; NULL if there is none.  release()
 * gives its entry back. */
struct mpipe__root *mpipe__ledger_ready(struct mpipe__ledger *l);
void mpipe__ledger_release(struct mpipe__ledger *l, struct mpipe__root *r);

/* Give all entries back; what they held has been taken. */
void mpipe__ledger_clear(struct mpipe__ledger *l);

/* Put the frames of one root in the order of their paths. */
void mpipe__frames_sort(struct mpipe__frame_queue *q);

/* The n-th id of a rank: never 0, and different for each (salt, n). */
uint64_t mpipe__id(uint64_t salt, uint64_t n);

#endif
