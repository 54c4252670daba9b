/* SPDX-License-Identifier: BSD-3-Clause */
/* worker.h - frames in, stage functions, frames out (layer 3). */
#ifndef MPIPE__WORKER_H
#define MPIPE__WORKER_H

#include "frame.h"
#include "out.h"
#include "shuffle.h"

struct mpipe__flow;

struct mpipe__scratch {
    char *data;
    size_t size;
};

struct mpipe__worker {
    struct mpipe__frame_queue input;
    struct mpipe_out *out;          /* a stage each */
    void **state;
    bool *ready;                    /* set up */
    struct mpipe__scratch *scratch; /* two a stage, see worker_scratch() */
    uint64_t *sampled_ns;           /* a stage each, of the frame in hand */

    struct mpipe__frame *in;        /* the frame in hand */
    unsigned last;                  /* the last stage to run here for it */
    struct mpipe__frame *open;      /* where results go */
    struct mpipe__frame_queue closed;   /* full ones, held until the item ends */
    size_t closed_bytes;
    uint32_t n_sent;                /* children of 'in' that have left */
    uint64_t xored;                 /* their ids */
    uint64_t dropped, made;         /* items, for 'in' */
    uint64_t keys;                  /* gone through, for 'in' */
    uint32_t work_us;
    uint64_t item_ns, until_stir;   /* of the last frame; items until it looks again
                                       for what has come */
    uint64_t blocked_ns;            /* since 'in' was begun */
    uint64_t nested_ns;             /* sampling: time in deeper stages */
    bool sampling, abandoned;
    bool restart;                   /* the frame is to begin anew */
    uint32_t flushes;               /* of held frames, within an item */
    struct mpipe__box *box;         /* where it says what it has in hand */

    struct mpipe__outbound outbound;    /* of a flow with a shuffle */
    uint64_t salt, next_id;
};

enum mpipe_err mpipe__worker_init(struct mpipe__flow *flow);
void mpipe__worker_fini(struct mpipe__flow *flow);      /* frees memory */
bool mpipe__worker_step(struct mpipe__flow *flow);
/* Set up the stages of the role. */
void mpipe__worker_ready(struct mpipe__flow *flow);
/* Tear down what was set up. */
void mpipe__worker_farewell(struct mpipe__flow *flow);
/* From out.c: an item that stage 's' emits. */
enum mpipe_err mpipe__worker_emit(struct mpipe__flow *flow, unsigned s,
                                  const void *data, size_t size);
/* Room for an item that stage 's' will emit, in a frame that has it. */
struct mpipe__frame *mpipe__worker_room(struct mpipe__flow *flow, size_t size);
/* End the flow with this error, from within a stage of the library's own.
 * Returns what the stage's function is to return. */
enum mpipe_err mpipe__worker_give_up(struct mpipe_out *out,
                                     const struct mpipe_error *err);
/* So many more keys of the partition have been gone through. */
void mpipe__worker_keys(struct mpipe_out *out, uint64_t n);
/* Tell rank 0 of keys with many values; 'n' fit into one message. */
void mpipe__worker_heavy(struct mpipe_out *out,
                         const struct mpipe__heavy_key *key, unsigned n);
/* The key of that partition is being reduced, by its hash; 0: none is. */
void mpipe__worker_key(struct mpipe_out *out, uint32_t part, uint64_t key);
/* A part of an item, in a stage that sees to failures of its own: where it
 * begins; and that it failed for good: what it emitted is taken back (if it has
 * not left), and 'item' goes to the failure handler. */
struct mpipe__mark;
void mpipe__worker_part_begin(struct mpipe_out *out, struct mpipe__mark *m,
                              uint64_t *emitted);
void mpipe__worker_part_failed(struct mpipe_out *out,
                               const struct mpipe__mark *m, uint64_t emitted,
                               const struct mpipe_item *item,
                               enum mpipe_err e);
/* Is what stage 's' emits handled on this rank at once? */
bool mpipe__worker_local(const struct mpipe__flow *flow, unsigned s);
/* Memory of at least 'size' for an item that stage 's' gets, or for one that
 * leaves it for a stage on this rank; until the next call.  NULL: none. */
char *mpipe__worker_scratch(struct mpipe__flow *flow, unsigned s, bool leaving,
                            size_t size);

#endif
