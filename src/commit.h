/* SPDX-License-Identifier: BSD-3-Clause */
/* commit.h - rank 0: what counts of a shuffle, and what does not (layer 3). */
#ifndef MPIPE__COMMIT_H
#define MPIPE__COMMIT_H

#include "frame.h"

struct mpipe__flow;

/* MPIPE__VOID: frames of a root that is not yet complete. */
void mpipe__commit_void(struct mpipe__flow *flow, struct mpipe__frame *f);

/* Of a root and its copy one is complete, the other is to be forgotten. */
void mpipe__commit_choose(struct mpipe__flow *flow, uint64_t won,
                          uint64_t lost);

/* Before a table by which roots from this one on begin another attempt: their voids
 * mean nothing, and what was chosen until then must be known. */
void mpipe__commit_again(struct mpipe__flow *flow, uint64_t from);

/* MPIPE__PARTS: what a worker's partitions hold, at the end. */
void mpipe__commit_parts(struct mpipe__flow *flow, struct mpipe__frame *f);

/* Tell the workers which roots are complete, if it is time or 'all' must be
 * told; true if they were. */
bool mpipe__commit_pass(struct mpipe__flow *flow, uint64_t now, bool all);

#endif
