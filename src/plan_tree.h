/* SPDX-License-Identifier: BSD-3-Clause */
/* plan_tree.h - a plan's machine as a tree, for those that show it (layer 1).
 *
 * A place is a run of the machine's order.  To visit what is inside the place
 * [from, to): take the next level that is shown, and step from child to child
 * with mpipe__tree_next().
 */
#ifndef MPIPE__PLAN_TREE_H
#define MPIPE__PLAN_TREE_H

#include "placement.h"

struct mpipe__tree {
    const struct mpipe_plan *plan;
    unsigned *order;                /* the ranks */
    bool shown[MPIPE__N_LEVELS];    /* levels that tell some ranks apart, and
                                       MPIPE__NODE always */
    unsigned n_nodes;
    unsigned *replicas;             /* ranks that serve stage s */
};

enum mpipe_err mpipe__tree_init(struct mpipe__tree *tree,
                                const struct mpipe_plan *plan);
void mpipe__tree_fini(struct mpipe__tree *tree);

/* The first level from 'level' on that is shown; MPIPE__N_LEVELS: none. */
unsigned mpipe__tree_level(const struct mpipe__tree *tree, unsigned level);

/* The end of the place of that level that begins at 'from' inside a place that
 * ends at 'to'. */
unsigned mpipe__tree_next(const struct mpipe__tree *tree, unsigned level,
                          unsigned from, unsigned to);

/* What the nth place of a level inside its outer place is called: a node by
 * its host, if it has one, others like "package 1". */
void mpipe__tree_name(const struct mpipe__tree *tree, unsigned level,
                      unsigned nth, unsigned from, char *to, size_t size);

/* "feeder and sink", "spare", or the stages: "read + parse".  Fit for a
 * terminal, as all names are here. */
void mpipe__tree_role(const struct mpipe__tree *tree, unsigned rank, char *to,
                      size_t size);

/* "switch", "node", ... */
const char *mpipe__level_name(unsigned level);

#endif
