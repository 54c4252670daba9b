/* SPDX-License-Identifier: BSD-3-Clause */
/* plan_tree.c - find the places in a plan's machine, and name them.
 *
 * Levels at which every place has a single child say nothing and are left
 * out: a laptop is shown as a node with cores, not as package in NUMA in
 * cache.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan_tree.h"
#include "show.h"

#define NAME 64u            /* columns of a name that are shown */

enum mpipe_err mpipe__tree_init(struct mpipe__tree *tree,
                                const struct mpipe_plan *plan)
{
    unsigned n = plan->n_ranks, i, s;

    memset(tree, 0, sizeof *tree);
    tree->plan = plan;
    tree->order = calloc(n, sizeof *tree->order);
    tree->replicas = calloc(plan->n_stages, sizeof *tree->replicas);
    if (tree->order == NULL || tree->replicas == NULL
        || mpipe__machine_order(plan->machine, tree->order) != MPIPE_OK) {
        mpipe__tree_fini(tree);
        return MPIPE_ENOMEM;
    }
    tree->shown[MPIPE__NODE] = true;
    tree->n_nodes = 1;
    for (i = 1; i < n; i++) {
        unsigned shared = mpipe__machine_shared(plan->machine,
                                                tree->order[i - 1],
                                                tree->order[i]);

        if (shared < MPIPE__N_LEVELS)
            tree->shown[shared] = true;
        tree->n_nodes += shared <= MPIPE__NODE;
    }
    for (i = 0; i < n; i++)
        for (s = plan->role[i].first; plan->role[i].serves
             && s <= plan->role[i].last; s++)
            tree->replicas[s]++;
    return MPIPE_OK;
}

void mpipe__tree_fini(struct mpipe__tree *tree)
{
    free(tree->order);
    free(tree->replicas);
    memset(tree, 0, sizeof *tree);
}

unsigned mpipe__tree_level(const struct mpipe__tree *tree, unsigned level)
{
    while (level < MPIPE__N_LEVELS && !tree->shown[level])
        level++;
    return level;
}

unsigned mpipe__tree_next(const struct mpipe__tree *tree, unsigned level,
                          unsigned from, unsigned to)
{
    unsigned i = from + 1;

    while (i < to && mpipe__machine_shared(tree->plan->machine,
                                           tree->order[from],
                                           tree->order[i]) > level)
        i++;
    return i;
}

const char *mpipe__level_name(unsigned level)
{
    static const char *const name[MPIPE__N_LEVELS] = {
        "switch", "switch", "switch", "node", "package", "NUMA", "cache",
        "core"
    };

    return name[level];
}

void mpipe__tree_name(const struct mpipe__tree *tree, unsigned level,
                      unsigned nth, unsigned from, char *to, size_t size)
{
    const char *host = tree->plan->machine->at[tree->order[from]].host;

    if (level == MPIPE__NODE && host[0] != '\0')
        mpipe__show_name(to, size, host, NAME);
    else
        snprintf(to, size, "%s %u", mpipe__level_name(level), nth);
}

void mpipe__tree_role(const struct mpipe__tree *tree, unsigned rank, char *to,
                      size_t size)
{
    const struct mpipe__role *role = &tree->plan->role[rank];
    const char *before = "";
    char name[4 * NAME + 1];
    size_t at = 0;
    unsigned s;

    to[0] = '\0';
    if (rank == 0) {
        at = (size_t)snprintf(to, size, "feeder and sink");
        before = ", ";
    } else if (!role->serves) {
        snprintf(to, size, "spare");
    }
    for (s = role->first; role->serves && s <= role->last && at < size; s++) {
        mpipe__show_name(name, sizeof name, tree->plan->stage_name[s], NAME);
        at += (size_t)snprintf(to + at, size - at, "%s%s", before, name);
        before = " + ";
    }
}
