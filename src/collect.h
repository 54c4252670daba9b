/* SPDX-License-Identifier: BSD-3-Clause */
/* collect.h - frames for this rank's partitions, until they count (layer 3).
 *
 * A frame that arrives is kept with its root; when rank 0 has called the root
 * complete, its pairs are added to the store, root after root in feed order, and
 * within a root in the order of its items.  Of a root and its copy one counts, in the
 * root's place.
 */
#ifndef MPIPE__COLLECT_H
#define MPIPE__COLLECT_H

#include "frame.h"

struct mpipe__flow;

struct mpipe__collector {
    struct mpipe__frame_queue *bucket;  /* by root */
    uint64_t applied;           /* roots before this one are in the store */
    uint64_t committed;         /* ... and may be, before this one */
    struct mpipe__void *voids;  /* frames that do not count */
    size_t n_voids, capacity;
    uint64_t *lost;             /* roots, or copies, of which nothing counts */
    size_t n_lost, lost_capacity;
    size_t held, limit;         /* bytes in frames that wait; what is over the
                                   limit waits on disk */
    uint64_t set_aside;         /* bytes that went there */
};

enum mpipe_err mpipe__collect_init(struct mpipe__flow *flow);
void mpipe__collect_fini(struct mpipe__flow *flow);

/* A frame for one of this rank's partitions; takes it, and tells rank 0.
 * Runs no function of the user's. */
void mpipe__collect_arrive(struct mpipe__flow *flow, struct mpipe__frame *f);
/* Another table has come: what waits for roots from this one on is of an older
 * attempt, and forgotten. */
void mpipe__collect_again(struct mpipe__flow *flow, uint64_t from);
/* MPIPE__CHOICE has come. */
void mpipe__collect_choose(struct mpipe__flow *flow, struct mpipe__frame *f);
/* Does the frame come of a root, or a copy, that is not to count?  False where
 * nothing was chosen. */
bool mpipe__collect_lost(const struct mpipe__flow *flow,
                         const struct mpipe__frame *f);
/* MPIPE__COMMIT has come. */
void mpipe__collect_commit(struct mpipe__flow *flow, struct mpipe__frame *f);
/* At the end: tell rank 0 what this rank's partitions hold. */
void mpipe__collect_tell(struct mpipe__flow *flow);
/* With a journal: see that it comes to the disk.  'all': at the end, waits. */
void mpipe__collect_save(struct mpipe__flow *flow, bool all);
/* Take one committed root into the store; false: there is none. */
bool mpipe__collect_step(struct mpipe__flow *flow);

#endif
