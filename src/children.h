/* SPDX-License-Identifier: BSD-3-Clause */
/* children.h - what becomes of the frame in hand (layer 3). */
#ifndef MPIPE__CHILDREN_H
#define MPIPE__CHILDREN_H

#include "worker.h"

/* A place in the list of children, to come back to. */
struct mpipe__mark {
    struct mpipe__frame *open;
    uint32_t n_items, n_closed, flushes;
    size_t closed_bytes;
    uint64_t dropped, made;
    size_t n_log;               /* see shuffle.h */
    uint64_t pairs;
};

static inline struct mpipe__mark
mpipe__children_mark(const struct mpipe__worker *w)
{
    return (struct mpipe__mark){
        .open = w->open,
        .n_items = w->open ? w->open->head.n_items + w->out[w->last].opened
                             - w->out[w->last].strip.left : 0,
        .n_closed = w->closed.n, .closed_bytes = w->closed_bytes,
        .flushes = w->flushes, .dropped = w->dropped, .made = w->made,
        .n_log = w->outbound.n_log, .pairs = w->outbound.pairs
    };
}

/* Forget what was made since the mark; only if nothing has left since then. */
void mpipe__children_take_back(struct mpipe__flow *flow,
                               const struct mpipe__mark *m);
/* Append an item that goes on to the next rank. */
enum mpipe_err mpipe__children_append(struct mpipe__flow *flow,
                                      const void *data, size_t size);
/* A frame for 'payload' bytes at least, and of 'least' bytes in all; add() makes
 * it the next child. */
struct mpipe__frame *mpipe__children_new(struct mpipe__flow *flow,
                                         unsigned stage, size_t payload,
                                         size_t least);
void mpipe__children_add(struct mpipe__flow *flow, struct mpipe__frame *f);
/* Let the next item begin a new child. */
void mpipe__children_close(struct mpipe__flow *flow);
/* Send all that are closed, each with an id and a number of its own; or those
 * of an item that has made much, before it ends. */
void mpipe__children_send(struct mpipe__flow *flow);
void mpipe__children_overflow(struct mpipe__flow *flow);
/* Send a frame to the next stage, or home if it is not for a stage; waits for a
 * credit.  Takes the frame; false: the flow is ending,
 * or the frame is stale. */
bool mpipe__children_pass(struct mpipe__flow *flow, struct mpipe__frame *f);
void mpipe__children_drop(struct mpipe__flow *flow);

#endif
