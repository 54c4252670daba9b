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
};

/* Which tokens are still to be made; on rank 0. */
struct mpipe__tokens {
    const struct mpipe__shuffle *shuffle;
    bool in_order;              /* partition after partition; else in turns */
    uint32_t next;              /* partition */
    uint64_t *made;             /* pairs of each that have a token */
    uint64_t left;              /* partitions with more to come */
};

struct mpipe__reducing {        /* what the stage needs, on each rank */
    const struct mpipe_job *job;
    struct mpipe__shuffle *shuffle;
    const struct mpipe_job *next;   /* whose map gets the results; or NULL */
};

enum mpipe_err mpipe__tokens_init(struct mpipe__tokens *t,
                                  const struct mpipe__shuffle *shuffle,
                                  bool in_order);
void mpipe__tokens_fini(struct mpipe__tokens *t);
/* A source of tokens; 'arg' is struct mpipe__tokens. */
enum mpipe_err mpipe__tokens_source(struct mpipe_out *out, void *arg);
/* How many there will be. */
uint64_t mpipe__tokens_count(const struct mpipe__shuffle *shuffle);
/* The worker for a token. */
unsigned mpipe__token_worker(const struct mpipe_item *item, void *arg);

/* The stage's functions; its arg is struct mpipe__reducing. */
enum mpipe_err mpipe__reduce_init(void *arg, struct mpipe_out *out,
                                  void **state);
enum mpipe_err mpipe__reduce_run(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *state);
void mpipe__reduce_fini(void *state, struct mpipe_out *out);

#endif
