/* SPDX-License-Identifier: BSD-3-Clause */
/* layout.c - give ranks to groups, so that neighbours in the flow are near.
 *
 * The machine's order puts ranks that are near beside each other, so that a
 * layout is a row of group numbers: 0 1 2 0 1 2 are two chains, each in its own
 * part of the machine, and 0 0 1 1 2 2 are blocks.  Chains keep most moves
 * inside a node and spread each stage's replicas over the nodes.
 */
#include <assert.h>
#include <string.h>
#include "layout.h"

static void clear(unsigned n_ranks, int *group)
{
    unsigned r;

    for (r = 0; r < n_ranks; r++)
        group[r] = MPIPE__NO_GROUP;
}

static unsigned sum_replicas(const struct mpipe__groups *groups)
{
    unsigned sum = 0, g;

    for (g = 0; g < groups->n; g++)
        sum += groups->replicas[g];
    return sum;
}

/* Replica k of n is due at k/n of the way (so the first of each group come
 * first, and groups with few replicas are near rank 0); is a's next due before
 * b's? */
static bool due_before(const struct mpipe__groups *groups, unsigned a,
                       unsigned b)
{
    return (uint64_t)groups->dealt[a] * groups->replicas[b]
           < (uint64_t)groups->dealt[b] * groups->replicas[a];
}

void mpipe__layout_chains(struct mpipe__groups *groups,
                          const unsigned *order, unsigned n_ranks, int *group)
{
    unsigned m = sum_replicas(groups), i, g;

    assert(m < n_ranks);
    clear(n_ranks, group);
    memset(groups->dealt, 0, groups->n * sizeof *groups->dealt);
    for (i = 1; i <= m; i++) {
        unsigned next = groups->n;

        for (g = 0; g < groups->n; g++)
            if (groups->dealt[g] < groups->replicas[g]
                && (next == groups->n || due_before(groups, g, next)))
                next = g;
        group[order[i]] = (int)next;
        groups->dealt[next]++;
    }
}

void mpipe__layout_blocks(struct mpipe__groups *groups,
                          const unsigned *order, unsigned n_ranks, int *group)
{
    unsigned at = 1, g, i;

    assert(sum_replicas(groups) < n_ranks);
    clear(n_ranks, group);
    for (g = 0; g < groups->n; g++)
        for (i = 0; i < groups->replicas[g]; i++)
            group[order[at++]] = (int)g;
}

/* Ranks that groups which are not open still have to get. */
static unsigned owed(const struct mpipe__groups *groups, const bool *open)
{
    unsigned sum = 0, g;

    for (g = 0; g < groups->n; g++)
        if (!open[g] || groups->dealt[g] == 0)
            sum += (open[g] ? 1 : groups->replicas[g]) - groups->dealt[g];
    return sum;
}

void mpipe__layout_deal(struct mpipe__groups *groups, const bool *open,
                        unsigned use, unsigned n_ranks, int *group)
{
    unsigned r = 1, g = 0, passed = 0;

    assert(use < n_ranks);
    clear(n_ranks, group);
    memset(groups->dealt, 0, groups->n * sizeof *groups->dealt);
    for (; r <= use && passed < groups->n; g = (g + 1) % groups->n) {
        bool more = open[g] || groups->dealt[g] < groups->replicas[g];

        if (open[g] && groups->dealt[g] > 0
            && use - r + 1 <= owed(groups, open))
            more = false;       /* the others need what is left */
        passed = more ? 0 : passed + 1;
        if (more) {
            group[r++] = (int)g;
            groups->dealt[g]++;
        }
    }
    memcpy(groups->replicas, groups->dealt,
           groups->n * sizeof *groups->replicas);
}

double mpipe__layout_score(const struct mpipe__cost *cost)
{
    return cost->busiest_worker + 0.1 * cost->busiest + 0.01 * cost->moved;
}

/* A layout that is being improved. */
struct climb {
    struct mpipe__coster *coster;
    struct mpipe__groups *groups;
    const bool *open;
    int *group;
    unsigned budget;
    struct mpipe__cost cost;    /* of the layout as it is */
    double score;
};

/* Was the change just made for the better?  It has to be for the busiest rank
 * if 'busiest' is set. */
static bool better(struct climb *climb, bool busiest)
{
    struct mpipe__cost cost;
    double score;

    climb->budget--;
    cost = mpipe__cost(climb->coster, climb->groups, climb->group);
    score = mpipe__layout_score(&cost);
    if (score >= climb->score * (1 - 1e-9)
        || (busiest && cost.busiest >= climb->cost.busiest * (1 - 1e-6)))
        return false;
    climb->cost = cost;
    climb->score = score;
    return true;
}

/* Exchange two ranks' groups. */
static bool swap(struct climb *climb, unsigned a, unsigned b)
{
    int ga = climb->group[a], gb = climb->group[b];

    if (ga == gb)
        return false;
    climb->group[a] = gb;
    climb->group[b] = ga;
    if (better(climb, false))
        return true;
    climb->group[a] = ga;
    climb->group[b] = gb;
    return false;
}

/* Move a rank from its group to another.  That takes the replicas out of
 * proportion to the work, so it must be worth it. */
static bool change(struct climb *climb, unsigned r, int to)
{
    unsigned *replicas = climb->groups->replicas;
    int from = climb->group[r];

    if (from == to || from == MPIPE__NO_GROUP || replicas[from] == 1
        || !climb->open[from] || !climb->open[to])
        return false;
    climb->group[r] = to;
    replicas[from]--;
    replicas[to]++;
    if (better(climb, true))
        return true;
    climb->group[r] = from;
    replicas[from]++;
    replicas[to]--;
    return false;
}

struct mpipe__cost mpipe__layout_improve(struct mpipe__coster *coster,
                                         struct mpipe__groups *groups,
                                         const bool *open, int *group,
                                         unsigned budget)
{
    struct climb climb = { coster, groups, open, group, budget,
                           mpipe__cost(coster, groups, group), 0 };
    unsigned n = coster->n_ranks, a, b;
    bool found = true;

    climb.score = mpipe__layout_score(&climb.cost);
    while (found && climb.budget > 0) {
        found = false;
        for (a = 1; a < n && climb.budget > 0; a++) {
            for (b = 0; b < groups->n && climb.budget > 0; b++)
                found |= change(&climb, a, (int)b);
            for (b = a + 1; b < n && climb.budget > 0; b++)
                found |= swap(&climb, a, b);
        }
    }
    return climb.cost;
}
