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
    double load = work * (n_stages > 1 ? MPIPE__FUSED : 1) + search->move;

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

/* Read the groups off cut[]; what they need in time 't' are their replicas. */
static void read_groups(const struct search *search, double t,
                        struct mpipe__groups *groups)
{
    const struct mpipe__demand *demand = search->demand;
    unsigned j, g, s;

    groups->n = 0;
    for (j = demand->n_stages; j > 0; j = search->cut[j])
        groups->n++;
    groups->first[groups->n] = demand->n_stages;
    for (g = groups->n; g-- > 0; ) {
        unsigned end = groups->first[g + 1], asked = 0;

        groups->first[g] = search->cut[end];
        groups->work[g] = 0;
        for (s = groups->first[g]; s < end; s++) {
            groups->work[g] += demand->work[s];
            if (demand->replicas[s] != 0)
                asked = demand->replicas[s];
        }
        groups->replicas[g] = (unsigned)
            ranks_for(search, groups->work[g], end - groups->first[g],
                      asked, t);
        if (end - groups->first[g] > 1)
            groups->work[g] *= MPIPE__FUSED;
    }
}

/* Give what ranks are left, one by one, to the group that is slowest. */
static void share_rest(const struct search *search, unsigned rest,
                       struct mpipe__groups *groups)
{
    while (rest-- > 0) {
        unsigned g, slowest = groups->n;
        double most = 0;

        for (g = 0; g < groups->n; g++) {
            double time = (groups->work[g] + search->move)
                          / groups->replicas[g];

            if (time > most
                && mpipe__group_is_free(search->demand, groups, g)) {
                most = time;
                slowest = g;
            }
        }
        if (slowest == groups->n)
            return;             /* nobody wants more */
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
        high += demand->work[s] * MPIPE__FUSED;
    if (solve(&search, high) > n_ranks) {
        e = MPIPE_EPLACE;
        goto done;
    }
    for (round = 0; round < 60 && high - low > 1e-9 * high; round++) {
        double middle = (low + high) / 2;

        if (solve(&search, middle) <= n_ranks)
            high = middle;
        else
            low = middle;
    }
    s = (unsigned)solve(&search, high);
    read_groups(&search, high, groups);
    share_rest(&search, n_ranks - s, groups);
done:
    search_fini(&search);
    return e;
}
