/* SPDX-License-Identifier: BSD-3-Clause */
/* layout.h - which rank serves which group (layer 1, pure). */
#ifndef MPIPE__LAYOUT_H
#define MPIPE__LAYOUT_H

#include "plan_cost.h"

/* All of these fill group[0..n_ranks-1] with group numbers or MPIPE__NO_GROUP:
 * each group on its number of replicas, rank 0 on none; 'order' holds the
 * ranks, rank 0 first.  The ranks that are left over are the last of it. */

/* Along the order in turns, each group as often as its replicas ask, so that
 * every stretch of ranks holds a share of each group, and whole chains. */
void mpipe__layout_chains(struct mpipe__groups *groups,
                          const unsigned *order, unsigned n_ranks,
                          int *group);

/* Group after group along the order. */
void mpipe__layout_blocks(struct mpipe__groups *groups,
                          const unsigned *order, unsigned n_ranks,
                          int *group);

/* Deal the first 'use' ranks after rank 0 to the groups in turn, and set the
 * replicas of the groups to what they got; a group that is not 'open' gets no
 * more than it has. */
void mpipe__layout_deal(struct mpipe__groups *groups, const bool *open,
                        unsigned use, unsigned n_ranks, int *group);

/* How bad a layout is: what its busiest worker costs, and a little of what else is
 * bad.  Rank 0 moves everything in any layout: with many ranks it costs more than any
 * worker, and to be a little nearer to it is not worth slower workers. */
double mpipe__layout_score(const struct mpipe__cost *cost);

/* Change roles of single ranks and of pairs while that makes the score
 * better; 'open' groups may change their number of replicas.  Stops after
 * 'budget' evaluations.  Returns the cost reached. */
struct mpipe__cost mpipe__layout_improve(struct mpipe__coster *coster,
                                         struct mpipe__groups *groups,
                                         const bool *open, int *group,
                                         unsigned budget);

#endif
