/* SPDX-License-Identifier: BSD-3-Clause */
/* grouping.c - cut a flow into groups of neighbouring stages.
 *
 * Turned round, the question is easy: if no rank may be busy for longer than a
 * time t, how few ranks are enough?  A group of load w then needs ceil(w/t)
 * ranks, and the cheapest cut of the first j stages is the cheapest cut of some
 * first i, and then one group from i to j.  The smallest t for which the ranks
 * at hand are enough is found by halving.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "grouping.h"

/* Halvings: more than a double's 53 bits tell apart are of no use. */
#define ROUNDS 50

/* One search. */
struct search {
    const struct mpipe__demand *demand;
    double move;
    bool fuse;
    bool tight;             /* fuse also stages that ask for replicas */
    double *need;           /* n_stages + 1: ranks for the first j stages */
    unsigned *cut;          /* n_stages + 1: where their last group begins */
};

static unsigned add(unsigned a, unsigned b)
{
    return a > UINT_MAX - b ? UINT_MAX : a + b;
}

unsigned mpipe__ranks_apart(const struct mpipe__demand *demand)
{
    unsigned sum = 0, s;

    for (s = 0; s < demand->n_stages; s++)
        sum = add(sum, demand->replicas[s] != 0 ? demand->replicas[s] : 1);
    return sum;
}

/* With stages that ask for replicas by themselves, and the others between
 * them fused into one each. */
static unsigned ranks_loose(const struct mpipe__demand *demand)
{
    unsigned sum = 0, s;

    for (s = 0; s < demand->n_stages; s++)
        if (demand->replicas[s] != 0)
            sum = add(sum, demand->replicas[s]);
        else if (s == 0 || demand->replicas[s - 1] != 0)
            sum = add(sum, 1);
    return sum;
}

/* Ranks that a group needs to be done in time 't'; INFINITY: may not be, or
 * cannot.  'asked' is the number that one of its stages asks for, or 0. */
static double ranks_for(const struct search *search, double work,
                        unsigned n_stages, unsigned asked, double t)
{
    double load = work * mpipe__fused(n_stages) + search->move;

    if (asked == 0)
        return fmax(1, ceil(load / t - 1e-9));
    if (n_stages == 1)
        return asked;           /* it is what it is, however slow */
    return load / asked <= t * (1 + 1e-9) ? asked : INFINITY;
}

/* Fill need[] and cut[] for time 't'; returns the ranks for all stages. */
static double solve(struct search *search, double t)
{
    const struct mpipe__demand *demand = search->demand;
    unsigned i, j;

    search->need[0] = 0;
    for (j = 1; j <= demand->n_stages; j++) {
        double work = 0;
        unsigned asked = 0;

        search->need[j] = INFINITY;
        for (i = j; i-- > 0; ) {
            unsigned replicas = demand->replicas[i];
            double need;

            if (j - i > 1 && !search->fuse)
                break;
            if (j - i > 1 && !search->tight && (replicas | asked) != 0)
                break;
            if (asked != 0 && replicas != 0 && replicas != asked)
                break;
            asked = replicas != 0 ? replicas : asked;
            work += demand->work[i];
            need = search->need[i]
                   + ranks_for(search, work, j - i, asked, t);
            if (need < search->need[j]) {
                search->need[j] = need;
                search->cut[j] = i;
            }
        }
    }
    return search->need[demand->n_stages];
}

static enum mpipe_err search_init(struct search *search,
                                  const struct mpipe__demand *demand)
{
    memset(search, 0, sizeof *search);
    search->demand = demand;
    search->need = calloc(demand->n_stages + 1, sizeof *search->need);
    search->cut = calloc(demand->n_stages + 1, sizeof *search->cut);
    return search->need == NULL || search->cut == NULL ? MPIPE_ENOMEM
                                                       : MPIPE_OK;
}

static void search_fini(struct search *search)
{
    free(search->need);
    free(search->cut);
}

unsigned mpipe__ranks_fused(const struct mpipe__demand *demand)
{
    struct search search;
    double need;

    if (search_init(&search, demand) != MPIPE_OK) {
        search_fini(&search);
        return UINT_MAX;
    }
    search.fuse = search.tight = true;
    need = solve(&search, INFINITY);
    search_fini(&search);
    return need < UINT_MAX ? (unsigned)need : UINT_MAX;
}

enum mpipe_err mpipe__groups_init(struct mpipe__groups *groups, unsigned max)
{
    groups->n = 0;
    groups->first = calloc(max + 1, sizeof *groups->first);
    groups->replicas = calloc(max, sizeof *groups->replicas);
    groups->work = calloc(max, sizeof *groups->work);
    groups->dealt = calloc(max, sizeof *groups->dealt);
    if (groups->first != NULL && groups->replicas != NULL
        && groups->work != NULL && groups->dealt != NULL)
        return MPIPE_OK;
    mpipe__groups_fini(groups);
    return MPIPE_ENOMEM;
}

void mpipe__groups_fini(struct mpipe__groups *groups)
{
    free(groups->first);
    free(groups->replicas);
    free(groups->work);
    free(groups->dealt);
    memset(groups, 0, sizeof *groups);
}

bool mpipe__group_is_free(const struct mpipe__demand *demand,
                          const struct mpipe__groups *groups, unsigned g)
{
    unsigned s;

    for (s = groups->first[g]; s < groups->first[g + 1]; s++)
        if (demand->replicas[s] != 0)
            return false;
    return true;
}

/* Read the groups off cut[]; 'replicas' is what they ask for, or 0. */
static void read_groups(const struct search *search,
                        struct mpipe__groups *groups)
{
    const struct mpipe__demand *demand = search->demand;
    unsigned j, g, s;

    groups->n = 0;
    for (j = demand->n_stages; j > 0; j = search->cut[j])
        groups->n++;
    groups->first[groups->n] = demand->n_stages;
    for (g = groups->n; g-- > 0; ) {
        unsigned end = groups->first[g + 1];

        groups->first[g] = search->cut[end];
        groups->work[g] = 0;
        groups->replicas[g] = 0;
        for (s = groups->first[g]; s < end; s++) {
            groups->work[g] += demand->work[s];
            if (demand->replicas[s] != 0)
                groups->replicas[g] = demand->replicas[s];
        }
        groups->work[g] *= mpipe__fused(end - groups->first[g]);
    }
}

/* Replicas of a group that may have any number, to be done in time 't'. */
static double replicas_for(const struct mpipe__groups *groups, unsigned g,
                           double t)
{
    return fmax(1, ceil(groups->work[g] / t - 1e-9));
}

/* Share 'n_ranks' among the free groups, in proportion to their work: the
 * smallest time for which they are enough, and then one by one to the group
 * that is slowest. */
static void share_out(const struct mpipe__demand *demand, unsigned n_ranks,
                      struct mpipe__groups *groups)
{
    double low = 0, high = 0;
    unsigned g, round;

    for (g = 0; g < groups->n; g++)
        if (mpipe__group_is_free(demand, groups, g))
            high = fmax(high, groups->work[g]);
        else
            n_ranks -= groups->replicas[g];
    for (round = 0; round < ROUNDS && high > 0; round++) {
        double middle = (low + high) / 2, need = 0;

        for (g = 0; g < groups->n; g++)
            if (mpipe__group_is_free(demand, groups, g))
                need += replicas_for(groups, g, middle);
        if (need <= n_ranks)
            high = middle;
        else
            low = middle;
    }
    for (g = 0; g < groups->n; g++)
        if (mpipe__group_is_free(demand, groups, g)) {
            groups->replicas[g] = (unsigned)replicas_for(groups, g, high);
            n_ranks -= groups->replicas[g];
        }
    while (high > 0 && n_ranks-- > 0) {
        unsigned slowest = groups->n;

        for (g = 0; g < groups->n; g++)
            if (mpipe__group_is_free(demand, groups, g)
                && (slowest == groups->n
                    || groups->work[g] * groups->replicas[slowest]
                       > groups->work[slowest] * groups->replicas[g]))
                slowest = g;
        groups->replicas[slowest]++;
    }
}

enum mpipe_err mpipe__grouping(const struct mpipe__demand *demand,
                               unsigned n_ranks, double move, bool fuse,
                               struct mpipe__groups *groups)
{
    struct search search;
    double low = 0, high = move;
    enum mpipe_err e;
    unsigned s, round;

    e = search_init(&search, demand);
    if (e != MPIPE_OK)
        goto done;
    search.move = move;
    search.fuse = fuse;
    search.tight = ranks_loose(demand) > n_ranks;
    for (s = 0; s < demand->n_stages; s++)
        high += demand->work[s] * mpipe__fused(demand->n_stages);
    if (solve(&search, high) > n_ranks) {
        e = MPIPE_EPLACE;
        goto done;
    }
    for (round = 0; round < ROUNDS; round++) {
        double middle = (low + high) / 2;

        if (solve(&search, middle) <= n_ranks)
            high = middle;
        else
            low = middle;
    }
    solve(&search, high);
    read_groups(&search, groups);
    share_out(demand, n_ranks, groups);
done:
    search_fini(&search);
    return e;
}
