/* SPDX-License-Identifier: BSD-3-Clause */
/* reduce.h - the stage that goes through a rank's partitions (layer 4).
 *
 * Its items are tokens: so many pairs of a partition, for the rank that owns it.
 * Small ones, so that what a token makes is no more than rank 0 can hold back.
 */
#ifndef MPIPE__REDUCE_H
#define MPIPE__REDUCE_H

#include <mpipe/mapreduce.h>
#include "shuffle.h"

struct mpipe__token {
    uint32_t part, last;        /* last: go on to the partition's end */
    uint64_t pairs;
    uint64_t keys;              /* so many of its first keys were delivered by an
                                   earlier flow */
    uint32_t deaths, n_deadly;  /* so many ranks have died over each of these: */
    uint64_t deadly[];          /* keys, by their hash */
};

#define MPIPE__DEADLY_MOST 64u  /* of a partition */

/* Which tokens are still to be made, and what has come of those that were; on
 * rank 0.  It outlives a flow that ends early: keys come in the same order again,
 * so their number says where to go on. */
struct mpipe__tokens {
    struct mpipe__shuffle *shuffle;
    bool in_order;              /* partition after partition; else in turns */
    bool resumes;               /* a flow goes on where the one before it ended */
    uint32_t next;              /* partition */
    uint64_t left;              /* partitions with more to come */
    struct mpipe__token_part {
        uint64_t made;          /* pairs that have a token; UINT64_MAX: all */
        uint64_t keys;          /* whose results were delivered */
        unsigned deaths;        /* over this key, */
        uint64_t suspect;       /* ... by its hash; of a fold over all of it */
        uint32_t n_deadly;
        uint64_t deadly[MPIPE__DEADLY_MOST];
    } *part;
    uint32_t n_parts;
    unsigned most;              /* such deaths, and the key fails */
};

struct mpipe__reducing {        /* what the stage needs, on each rank */
    const struct mpipe_job *job;
    struct mpipe__shuffle *shuffle;
    const struct mpipe_job *next;   /* whose map gets the results; or NULL */
};

/* For a flow; with the same partitions again until fini(). */
enum mpipe_err mpipe__tokens_init(struct mpipe__tokens *t,
                                  struct mpipe__shuffle *shuffle,
                                  bool in_order, bool resumes);
void mpipe__tokens_fini(struct mpipe__tokens *t);
/* A source of tokens; 'arg' is struct mpipe__tokens. */
enum mpipe_err mpipe__tokens_source(struct mpipe_out *out, void *arg);
/* How many there will be. */
uint64_t mpipe__tokens_count(const struct mpipe__tokens *t);
/* The rank for a token: 'arg' is struct mpipe__tokens; so it is of the other two,
 * see flow.h. */
unsigned mpipe__token_rank(const struct mpipe_item *item, void *arg);
void mpipe__token_delivered(void *arg, struct mpipe__frame *fed,
                            const struct mpipe__frame_queue *results,
                            uint64_t keys);
bool mpipe__token_deadly(void *arg, uint32_t part, uint64_t key, bool last,
                         struct mpipe_error *err);

/* The stage's functions; its arg is struct mpipe__reducing. */
enum mpipe_err mpipe__reduce_init(void *arg, struct mpipe_out *out,
                                  void **state);
enum mpipe_err mpipe__reduce_run(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *state);
void mpipe__reduce_fini(void *state, struct mpipe_out *out);

#endif
