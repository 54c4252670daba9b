/* SPDX-License-Identifier: BSD-3-Clause */
/* plan_cost.h - what a plan would cost (layer 1, pure).
 *
 * Each item fed goes from rank 0 through every stage and back to rank 0.  A
 * group is a run of stages that the same n ranks serve; 1/n of the items
 * visit each of them.  With u the mean work of a stage,
 *
 *     cost(r) = work(group) * fused(stages in the group) / n
 *             + u * (sum over r's moves: share of the items * c(distance))
 *     cost    = max over r of cost(r)
 *
 * where c is mpipe__distance_cost(), and both ends of a move pay for it.
 * Rank 0 moves each item twice and works only when it is alone, where nothing
 * is moved.
 *
 * Who moves how much to whom: nearest first, as the links do it.  From the
 * innermost places outwards, what the ranks of a place still have to send
 * meets what its ranks can still take; the smaller of the two sums is moved
 * inside the place, shared among the ranks in proportion.
 */
#ifndef MPIPE__PLAN_COST_H
#define MPIPE__PLAN_COST_H

#include "placement.h"

/* What serving several stages costs besides their work, as a factor: set-up
 * and memory of each stage on each rank, and caches that they share.  1 for one
 * stage. */
static inline double mpipe__fused(unsigned n_stages)
{
    return n_stages <= 1 ? 1 : 1.35 + 0.01 * (n_stages - 2);
}

#define MPIPE__NO_GROUP (-1)

/* A flow cut into groups. */
struct mpipe__groups {
    unsigned n;
    unsigned *first;        /* n + 1: group g is stages first[g] to
                               first[g+1] - 1; first[n] is n_stages */
    unsigned *replicas;     /* n */
    double *work;           /* n: of one item, mpipe__fused() included; the
                               mean stage's is 1 */
    unsigned *dealt;        /* n: scratch of the layouts */
};

/* The machine made ready for many evaluations. */
struct mpipe__coster {
    unsigned n_ranks;
    unsigned *order;        /* as mpipe__machine_order() */
    unsigned char *join;    /* join[i]: levels shared by order[i-1], order[i] */
    unsigned n_levels;
    unsigned char level[MPIPE__N_LEVELS + 1];   /* values in join, descending */
    double *send, *take;    /* scratch, n_ranks: still to be moved */
    double *cost;           /* n_ranks: result of the last evaluation */
    double *sum_send, *sum_take;    /* scratch, n_groups + 1 */
};

enum mpipe_err mpipe__coster_init(struct mpipe__coster *coster,
                                  const struct mpipe_machine *machine,
                                  unsigned max_groups);
void mpipe__coster_fini(struct mpipe__coster *coster);

/* The cost when rank r serves group[r] (or MPIPE__NO_GROUP); each of the groups
 * has its number of replicas.  In units of the mean stage's work.
 * O(ranks * levels). */
struct mpipe__cost mpipe__cost(struct mpipe__coster *coster,
                               const struct mpipe__groups *groups,
                               const int *group);

#endif
