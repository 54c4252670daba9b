/* SPDX-License-Identifier: BSD-3-Clause */
/* grouping.h - which stages share ranks, and how many (layer 1, pure). */
#ifndef MPIPE__GROUPING_H
#define MPIPE__GROUPING_H

#include "plan_cost.h"

/* The stages as the grouping sees them. */
struct mpipe__demand {
    unsigned n_stages;
    const double *work;         /* > 0, mean 1 */
    const unsigned *replicas;   /* 0: as many as it needs */
};

/* Ranks needed to give each stage ranks of its own. */
unsigned mpipe__ranks_apart(const struct mpipe__demand *demand);

/* Ranks needed when neighbours are fused as far as allowed: never more than
 * mpipe__ranks_apart(); UINT_MAX: no memory. */
unsigned mpipe__ranks_fused(const struct mpipe__demand *demand);

/* Room for 'max' groups. */
enum mpipe_err mpipe__groups_init(struct mpipe__groups *groups, unsigned max);
void mpipe__groups_fini(struct mpipe__groups *groups);

/* Cut the stages into groups, so that with 'n_ranks' ranks the largest of
 * (work of group + 'move') / replicas is as small as can be; 'move' is what an
 * item costs to get to a rank and away.  Then share the ranks out, in
 * proportion to the work alone.  Without 'fuse' each stage is a group.  A group
 * holds a stage that asks for replicas only alone; where ranks are too few for
 * that, also together with neighbours that ask for as many or for none in
 * particular.
 * 'groups' has room for n_stages.  Uses all ranks if some group may have any
 * number, otherwise those that are asked for.
 * MPIPE_EPLACE: too few ranks (n_ranks < mpipe__ranks_fused(), or without
 * 'fuse' < mpipe__ranks_apart()), MPIPE_ENOMEM.
 * O(stages^2), 50 times. */
enum mpipe_err mpipe__grouping(const struct mpipe__demand *demand,
                               unsigned n_ranks, double move, bool fuse,
                               struct mpipe__groups *groups);

/* May the group have any number of replicas? */
bool mpipe__group_is_free(const struct mpipe__demand *demand,
                          const struct mpipe__groups *groups, unsigned g);

#endif
