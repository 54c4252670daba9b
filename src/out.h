/* SPDX-License-Identifier: BSD-3-Clause */
/* out.h - what a user's function emits to: a stage's, or the source's (layer 3).
 *
 * Its strip is the short way of emit, see <mpipe/inline.h>.
 */
#ifndef MPIPE__OUT_H
#define MPIPE__OUT_H

#include <mpipe/stage.h>
#include "frame.h"

struct mpipe__flow;

enum mpipe__out_mode {
    MPIPE__OUT_CLOSED, MPIPE__OUT_STAGE, MPIPE__OUT_MAP, MPIPE__OUT_FEED
};

struct mpipe_out {
    /* Of frame 'into'; while it is open the frame's head lags behind.  First:
     * see <mpipe/inline.h>. */
    struct mpipe_strip strip;
    uint32_t opened;                /* strip.left when it was opened */
    bool slow;                      /* more was done than to append to it */
    enum mpipe__out_mode mode;
    struct mpipe__frame *into;
    uint64_t emitted;               /* in all, but for those in the strip */
    uint32_t limit;                 /* items for a frame */
    unsigned stage;
    enum mpipe_err error;           /* the first that an emit met */
    struct mpipe__frame *room;      /* where something was reserved */
    size_t spot_size;
    /* Where items go instead; they are then not counted.  NULL: nowhere. */
    enum mpipe_err (*divert)(void *arg, const void *data, size_t size);
    void *divert_arg;
    struct mpipe__flow *flow;
    const char *name;               /* the stage's, or "source" */
    char text[200];                 /* from mpipe_fail() */
};

/* How many items have been emitted since the flow began. */
static inline uint64_t mpipe__out_emitted(const struct mpipe_out *out)
{
    return out->emitted + out->opened - out->strip.left;
}

/* Let the frame's head know what went through the strip, and close it. */
static inline void mpipe__strip_close(struct mpipe_out *out)
{
    uint32_t n = out->opened - out->strip.left;

    if (out->into != NULL) {
        out->into->head.n_items += n;
        out->into->head.bytes += n * out->strip.stride;
    }
    out->emitted += n;
    out->into = NULL;
    out->strip.left = out->opened = 0;
}

/* The next items for 'f' will be like those in it: let them go straight in.
 * The one that reaches the limit is left to be looked at. */
static inline void mpipe__strip_open(struct mpipe_out *out,
                                     struct mpipe__frame *f)
{
    const struct mpipe__frame_head *h = &f->head;
    struct mpipe_strip *strip = &out->strip;
    size_t n;

    if (h->item_size == MPIPE__VARIABLE || h->n_items + 1 >= out->limit)
        return;
    strip->size = h->item_size;
    strip->stride = mpipe__align8(strip->size);
    n = strip->stride > 0 ? (f->room - h->bytes) / strip->stride : UINT32_MAX;
    if (n > out->limit - 1 - h->n_items)
        n = out->limit - 1 - h->n_items;
    strip->left = out->opened = (uint32_t)n;
    strip->at = mpipe__frame_payload(f) + h->bytes;
    out->into = f;
}

/* --max-item, in bytes. */
uint64_t mpipe__out_max_item(const struct mpipe_out *out);

#endif
