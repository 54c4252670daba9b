/* SPDX-License-Identifier: BSD-3-Clause */
/* refill.h - what a job needs to compute lost partitions again (layer 4).
 *
 * Rank 0 keeps what was fed to map, but for items that failed, and feeds it to a
 * flow that fills the lost partitions alone.  A job in the middle of a chain goes
 * through its keys again, so those that fail fail again: each is told once.
 */
#ifndef MPIPE__REFILL_H
#define MPIPE__REFILL_H

#include "frame.h"
#include "kept.h"

/* See 'delivered' in flow.h; 'arg' is struct mpipe__kept. */
void mpipe__refill_keep(void *arg, struct mpipe__frame *fed,
                        const struct mpipe__frame_queue *results,
                        uint64_t keys);
/* A source of what was kept; 'arg' is struct mpipe__kept. */
enum mpipe_err mpipe__refill_source(struct mpipe_out *out, void *arg);

struct mpipe__told {            /* keys that have failed */
    struct mpipe__told_key {
        uint64_t hash[2];
    } *key;                     /* open addressing; 0, 0: free */
    size_t n, capacity;
    uint64_t seen;              /* in the flow that runs */
    bool whole;                 /* a flow has gone through all: there are no more */
    bool differs;               /* another one failed all the same */
};

void mpipe__told_fini(struct mpipe__told *t);
void mpipe__told_begin(struct mpipe__told *t);
/* See 'told' in flow.h; 'arg' is struct mpipe__told. */
bool mpipe__told_before(void *arg, const struct mpipe_item *item);
/* The flow has gone through all keys: did the same ones fail as before? */
bool mpipe__told_end(struct mpipe__told *t);

#endif
