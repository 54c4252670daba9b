/* SPDX-License-Identifier: BSD-3-Clause */
/* plan_cost.c - evaluate a placement; plan_cost.h has the formula.
 *
 * With the ranks in the machine's order each place is one run of ranks, so
 * the levels are walked from the cores outwards and at each level the runs from
 * left to right.  Boundary b lies before group b: what group b-1 (or the
 * feeder) sends meets there what group b (or the sink) takes.
 */
#include <stdlib.h>
#include <string.h>
#include "plan_cost.h"

double mpipe__distance_cost(unsigned distance)
{
    /* Same core, cache, NUMA, package, node, then 1 to 4 steps outside: for
     * stages of about 1 us for 64 bytes, measured roughly: some
     * microseconds for a frame through shared memory, ten times that over a
     * network. */
    static const double cost[MPIPE__N_LEVELS + 1] = {
        0.005, 0.005, 0.01, 0.015, 0.02, 0.04, 0.06, 0.08, 0.1
    };

    return cost[distance];
}

/* Which levels tell ranks apart at all?  The others need no pass. */
static void find_levels(struct mpipe__coster *co)
{
    bool seen[MPIPE__N_LEVELS + 1] = { false };
    unsigned i, l;

    for (i = 1; i < co->n_ranks; i++)
        seen[co->join[i]] = true;
    co->n_levels = 0;
    for (l = MPIPE__N_LEVELS + 1; l-- > 0; )
        if (seen[l])
            co->level[co->n_levels++] = (unsigned char)l;
}

enum mpipe_err mpipe__coster_init(struct mpipe__coster *co,
                                  const struct mpipe_machine *machine,
                                  unsigned max_groups)
{
    unsigned n = machine->n_ranks, i;

    memset(co, 0, sizeof *co);
    co->n_ranks = n;
    co->order = calloc(n, sizeof *co->order);
    co->join = calloc(n, sizeof *co->join);
    co->send = calloc(n, sizeof *co->send);
    co->take = calloc(n, sizeof *co->take);
    co->cost = calloc(n, sizeof *co->cost);
    co->sum_send = calloc(max_groups + 1, sizeof *co->sum_send);
    co->sum_take = calloc(max_groups + 1, sizeof *co->sum_take);
    if (co->order == NULL || co->join == NULL || co->send == NULL
        || co->take == NULL || co->cost == NULL || co->sum_send == NULL
        || co->sum_take == NULL
        || mpipe__machine_order(machine, co->order) != MPIPE_OK) {
        mpipe__coster_fini(co);
        return MPIPE_ENOMEM;
    }
    for (i = 1; i < n; i++)
        co->join[i] = (unsigned char)
            mpipe__machine_shared(machine, co->order[i - 1], co->order[i]);
    find_levels(co);
    return MPIPE_OK;
}

void mpipe__coster_fini(struct mpipe__coster *co)
{
    free(co->order);
    free(co->join);
    free(co->send);
    free(co->take);
    free(co->cost);
    free(co->sum_send);
    free(co->sum_take);
    memset(co, 0, sizeof *co);
}

/* The boundaries at which a rank sends and takes; -1: at none.  Rank 0 sends
 * at the first boundary and takes at the last. */
struct ends {
    int send, take;
};

static struct ends ends_of(const int *group, unsigned rank, int n_groups)
{
    int g = group[rank];

    if (rank == 0)
        return (struct ends){ 0, n_groups };
    if (g == MPIPE__NO_GROUP)
        return (struct ends){ -1, -1 };
    return (struct ends){ g + 1, g };
}

/* The part of 'mine' that is moved where 'ours' (mine is of it) meets
 * 'theirs'. */
static double part_moved(double mine, double ours, double theirs)
{
    return ours <= theirs ? mine : mine * theirs / ours;
}

/* Add up what the ranks of a place still send and take at each boundary, or
 * with 'clear' set the sums to 0 again. */
static void sum_up(struct mpipe__coster *co, const int *group, int n_groups,
                   unsigned from, unsigned to, bool clear)
{
    unsigned i;

    for (i = from; i < to; i++) {
        unsigned r = co->order[i];
        struct ends e = ends_of(group, r, n_groups);

        if (e.send < 0)
            continue;
        if (clear) {
            co->sum_send[e.send] = co->sum_take[e.send] = 0;
            co->sum_send[e.take] = co->sum_take[e.take] = 0;
        } else {
            co->sum_send[e.send] += co->send[r];
            co->sum_take[e.take] += co->take[r];
        }
    }
}

/* Move what can be moved inside the place that is the run [from, to) of the
 * order, at 'price' for each end of a move.  Returns how much that is, in
 * items. */
static double move_inside(struct mpipe__coster *co, const int *group,
                          int n_groups, unsigned from, unsigned to,
                          double price)
{
    double moved = 0;
    unsigned i;

    sum_up(co, group, n_groups, from, to, false);
    for (i = from; i < to; i++) {
        unsigned r = co->order[i];
        struct ends e = ends_of(group, r, n_groups);
        double sent, taken;

        if (e.send < 0)
            continue;
        sent = part_moved(co->send[r], co->sum_send[e.send],
                          co->sum_take[e.send]);
        taken = part_moved(co->take[r], co->sum_take[e.take],
                           co->sum_send[e.take]);
        co->send[r] -= sent;
        co->take[r] -= taken;
        co->cost[r] += (sent + taken) * price;
        moved += sent;
    }
    sum_up(co, group, n_groups, from, to, true);
    return moved;
}

static struct mpipe__cost alone(const struct mpipe__groups *groups)
{
    struct mpipe__cost c = { 0 };
    unsigned g;

    for (g = 0; g < groups->n; g++)
        c.busiest += groups->work[g];
    c.busiest_worker = c.busiest;
    return c;
}

struct mpipe__cost mpipe__cost(struct mpipe__coster *co,
                               const struct mpipe__groups *groups,
                               const int *group)
{
    struct mpipe__cost c = { 0 };
    unsigned i, l, r, from;

    if (co->n_ranks == 1)
        return alone(groups);
    co->send[0] = co->take[0] = 1;
    co->cost[0] = 0;
    for (r = 1; r < co->n_ranks; r++) {
        int g = group[r];
        double n = g == MPIPE__NO_GROUP ? 1 : groups->replicas[g];

        co->send[r] = co->take[r] = g == MPIPE__NO_GROUP ? 0 : 1 / n;
        co->cost[r] = g == MPIPE__NO_GROUP ? 0 : groups->work[g] / n;
    }
    for (l = 0; l < co->n_levels; l++) {
        double price = mpipe__distance_cost(MPIPE__N_LEVELS - co->level[l]);
        double moved = 0;

        for (from = 0; from < co->n_ranks; from = i) {
            for (i = from + 1; i < co->n_ranks
                 && co->join[i] >= co->level[l]; i++)
                ;
            if (i - from > 1)
                moved += move_inside(co, group, (int)groups->n, from, i,
                                     price);
        }
        c.moved += 2 * price * moved;
        c.hops += moved;
        if (co->level[l] <= MPIPE__NODE)
            c.hops_off_node += moved;
    }
    for (r = 0; r < co->n_ranks; r++)
        if (co->cost[r] > c.busiest) {
            c.busiest = co->cost[r];
            c.busiest_rank = r;
        }
    for (r = 1; r < co->n_ranks; r++)
        if (co->cost[r] > c.busiest_worker)
            c.busiest_worker = co->cost[r];
    return c;
}
