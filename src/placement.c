/* SPDX-License-Identifier: BSD-3-Clause */
/* placement.c - flow and machine in, roles out.
 *
 * Three steps, each a pure function that can be looked at by itself: cut the
 * flow into groups and count their replicas (grouping.c), lay the groups
 * over the ranks (layout.c), and evaluate (plan_cost.c).  The first two are
 * done in several ways, each of a few lines, and the cheapest result is taken;
 * on a machine that is small enough it is then improved rank by rank.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "grouping.h"
#include "layout.h"

/* Improve by exchanges while that takes no more than this many visits to a
 * rank (a few hundredths of a second); above 100 ranks or so they would
 * be too few to matter. */
#define VISITS 400000u
#define SMALL 100u

/* What a policy works with, and the best that was found. */
struct work {
    struct mpipe__demand demand;
    struct mpipe__coster coster;
    unsigned use;                   /* ranks that may serve */
    unsigned *by_rank;              /* 0, 1, 2, ...: order without regard
                                       to place */
    struct mpipe__groups groups;    /* the candidate */
    bool *open;                     /* group g may have any replicas */
    int *group;                     /* n_ranks */
    struct mpipe__groups best_groups;
    int *best_group;
    struct mpipe__cost best;
    double best_score;
};

static enum mpipe_err check(const struct mpipe_stage *stages,
                            unsigned n_stages, enum mpipe_policy policy,
                            struct mpipe_error *err)
{
    unsigned s;

    if (mpipe_policy_name(policy) == NULL)
        return mpipe__error(err, -1, MPIPE_EINVAL, "there is no policy %d",
                            (int)policy);
    if (n_stages == 0)
        return mpipe__error(err, -1, MPIPE_EINVAL,
                            "there is nothing to place: add a stage");
    for (s = 0; s < n_stages; s++) {
        if (stages[s].name == NULL)
            return mpipe__error(err, -1, MPIPE_EINVAL,
                                "stage %u has no name", s);
        if (!(stages[s].work >= 0) || isinf(stages[s].work))
            return mpipe__error(err, -1, MPIPE_EINVAL, "stage '%s': its work "
                                "is %g: give a number above 0, or 0 for 1",
                                stages[s].name, stages[s].work);
    }
    return MPIPE_OK;
}

/* Name the stage that asks for most. */
static enum mpipe_err too_few(const struct mpipe_stage *stages,
                              const struct mpipe__demand *demand,
                              unsigned n_ranks, struct mpipe_error *err)
{
    unsigned most = 0, s, need = mpipe__ranks_fused(demand);

    for (s = 1; s < demand->n_stages; s++)
        if (stages[s].replicas > stages[most].replicas)
            most = s;
    return mpipe__error(err, -1, MPIPE_EPLACE, "stage '%s' asks for %u "
                        "replicas, but %u ranks can serve only %u (rank 0 "
                        "feeds), and all stages need %u: start %u ranks, or "
                        "ask for fewer replicas", stages[most].name,
                        stages[most].replicas, n_ranks, n_ranks - 1, need,
                        need + 1);
}

static void work_fini(struct work *w)
{
    mpipe__coster_fini(&w->coster);
    mpipe__groups_fini(&w->groups);
    mpipe__groups_fini(&w->best_groups);
    free((void *)w->demand.work);
    free((void *)w->demand.replicas);
    free(w->by_rank);
    free(w->open);
    free(w->group);
    free(w->best_group);
}

/* The stages' works with mean 1, so that their unit does not matter. */
static enum mpipe_err demand_init(struct mpipe__demand *demand,
                                  const struct mpipe_stage *stages,
                                  unsigned n)
{
    double *work = calloc(n, sizeof *work), sum = 0;
    unsigned *replicas = calloc(n, sizeof *replicas), s;

    demand->n_stages = n;
    demand->work = work;
    demand->replicas = replicas;
    if (work == NULL || replicas == NULL)
        return MPIPE_ENOMEM;
    for (s = 0; s < n; s++) {
        work[s] = stages[s].work > 0 ? stages[s].work : 1;
        replicas[s] = stages[s].replicas;
        sum += work[s] / n;
    }
    for (s = 0; s < n; s++)
        work[s] /= sum;
    return MPIPE_OK;
}

static enum mpipe_err work_init(struct work *w,
                                const struct mpipe_machine *machine,
                                const struct mpipe_stage *stages, unsigned n)
{
    unsigned n_ranks = machine->n_ranks, r;

    memset(w, 0, sizeof *w);
    w->by_rank = calloc(n_ranks, sizeof *w->by_rank);
    w->open = calloc(n, sizeof *w->open);
    w->group = calloc(n_ranks, sizeof *w->group);
    w->best_group = calloc(n_ranks, sizeof *w->best_group);
    w->best_score = INFINITY;
    if (demand_init(&w->demand, stages, n) != MPIPE_OK
        || mpipe__coster_init(&w->coster, machine, n) != MPIPE_OK
        || mpipe__groups_init(&w->groups, n) != MPIPE_OK
        || mpipe__groups_init(&w->best_groups, n) != MPIPE_OK
        || w->by_rank == NULL || w->open == NULL || w->group == NULL
        || w->best_group == NULL)
        return MPIPE_ENOMEM;
    for (r = 0; r < n_ranks; r++)
        w->by_rank[r] = r;
    return MPIPE_OK;
}

static void copy_groups(struct mpipe__groups *to,
                        const struct mpipe__groups *from)
{
    to->n = from->n;
    memcpy(to->first, from->first, (from->n + 1) * sizeof *to->first);
    memcpy(to->replicas, from->replicas, from->n * sizeof *to->replicas);
    memcpy(to->work, from->work, from->n * sizeof *to->work);
}

/* Is the candidate better than the best?  To fuse more it must make the
 * workers faster; to move less is not enough, since rank 0, which moves
 * everything in any plan, hides the workers when there are many. */
static bool is_better(const struct work *w, const struct mpipe__cost *cost,
                      double score)
{
    if (isinf(w->best_score) || w->groups.n == w->best_groups.n)
        return score < w->best_score * (1 - 1e-9);
    if (w->groups.n < w->best_groups.n)
        return cost->busiest_worker < w->best.busiest_worker * 0.99;
    return cost->busiest_worker * 0.99 <= w->best.busiest_worker;
}

static void keep_if_best(struct work *w, struct mpipe__cost cost)
{
    double score = mpipe__layout_score(&cost);

    if (!is_better(w, &cost, score))
        return;
    w->best_score = score;
    w->best = cost;
    copy_groups(&w->best_groups, &w->groups);
    memcpy(w->best_group, w->group,
           w->coster.n_ranks * sizeof *w->best_group);
}

/* Lay the candidate groups out as the policy says and keep the best. */
static void try_layout(struct work *w, enum mpipe_policy policy)
{
    struct mpipe__coster *co = &w->coster;

    if (policy == MPIPE_POLICY_PACKED)
        mpipe__layout_blocks(&w->groups, w->by_rank, co->n_ranks, w->group);
    else
        mpipe__layout_chains(&w->groups, co->order, co->n_ranks, w->group);
    keep_if_best(w, mpipe__cost(co, &w->groups, w->group));
    if (policy == MPIPE_POLICY_TOPOLOGY && co->n_ranks <= SMALL)
        keep_if_best(w, mpipe__layout_improve(co, &w->groups, w->open,
                                              w->group,
                                              VISITS / co->n_ranks));
}

static enum mpipe_err group(struct work *w, double move, bool fuse)
{
    enum mpipe_err e;
    unsigned g;

    e = mpipe__grouping(&w->demand, w->use, move, fuse, &w->groups);
    if (e != MPIPE_OK)
        return e;
    for (g = 0; g < w->groups.n; g++)
        w->open[g] = mpipe__group_is_free(&w->demand, &w->groups, g);
    return MPIPE_OK;
}

/* How moves will cost is known only after the layout, so try a grouping for
 * each distance there is, and the one that fuses nothing. */
static enum mpipe_err place_by_cost(struct work *w, enum mpipe_policy policy)
{
    enum mpipe_err e = MPIPE_OK;
    unsigned l;

    if (w->use >= mpipe__ranks_apart(&w->demand)) {
        e = group(w, 2 * mpipe__distance_cost(0), false);
        if (e != MPIPE_OK)
            return e;
        try_layout(w, policy);
    }
    for (l = 0; l < w->coster.n_levels; l++) {
        unsigned distance = MPIPE__N_LEVELS - w->coster.level[l];

        e = group(w, 2 * mpipe__distance_cost(distance), true);
        if (e != MPIPE_OK)
            return e;
        try_layout(w, policy);
    }
    return e;
}

/* Leaves the layout in w->group. */
static enum mpipe_err place_round_robin(struct work *w,
                                        struct mpipe__cost *cost)
{
    bool apart = w->use >= mpipe__ranks_apart(&w->demand);
    enum mpipe_err e = group(w, 0, !apart);

    if (e != MPIPE_OK)
        return e;
    mpipe__layout_deal(&w->groups, w->open, w->use, w->coster.n_ranks,
                       w->group);
    *cost = mpipe__cost(&w->coster, &w->groups, w->group);
    return MPIPE_OK;
}

/* One rank serves everything. */
static enum mpipe_err place_alone(struct work *w)
{
    memset((void *)w->demand.replicas, 0,
           w->demand.n_stages * sizeof *w->demand.replicas);
    w->use = 1;
    if (group(w, 0, true) != MPIPE_OK)
        return MPIPE_ENOMEM;
    w->group[0] = 0;
    keep_if_best(w, mpipe__cost(&w->coster, &w->groups, w->group));
    return MPIPE_OK;
}

static struct mpipe_plan *plan_alloc(const struct mpipe_machine *machine,
                                     const struct mpipe_stage *stages,
                                     unsigned n_stages)
{
    struct mpipe_plan *plan = calloc(1, sizeof *plan);
    unsigned s;

    if (plan == NULL)
        return NULL;
    plan->n_ranks = machine->n_ranks;
    plan->n_stages = n_stages;
    plan->role = calloc(machine->n_ranks, sizeof *plan->role);
    plan->machine = mpipe__machine_copy(machine);
    plan->stage_name = calloc(n_stages, sizeof *plan->stage_name);
    plan->stage_work = calloc(n_stages, sizeof *plan->stage_work);
    if (plan->role == NULL || plan->machine == NULL
        || plan->stage_name == NULL || plan->stage_work == NULL)
        goto error;
    for (s = 0; s < n_stages; s++) {
        plan->stage_work[s] = stages[s].work > 0 ? stages[s].work : 1;
        plan->stage_name[s] = strdup(stages[s].name);
        if (plan->stage_name[s] == NULL)
            goto error;
    }
    return plan;
error:
    mpipe_plan_free(plan);
    return NULL;
}

/* From the mean stage's work to the user's unit. */
static struct mpipe__cost in_unit(struct mpipe__cost cost, double unit)
{
    cost.busiest *= unit;
    cost.busiest_worker *= unit;
    cost.moved *= unit;
    return cost;
}

static void fill_roles(struct mpipe_plan *plan, const struct work *w)
{
    unsigned r;

    for (r = 0; r < plan->n_ranks; r++) {
        int g = w->best_group[r];

        if (g == MPIPE__NO_GROUP)
            continue;
        plan->role[r].serves = true;
        plan->role[r].first = w->best_groups.first[g];
        plan->role[r].last = w->best_groups.first[g + 1] - 1;
    }
}

static unsigned ranks_to_use(const struct mpipe__demand *demand,
                             unsigned n_ranks, unsigned spares)
{
    unsigned workers = n_ranks - 1, apart = mpipe__ranks_apart(demand);

    if (workers <= apart)
        return workers;
    return workers - apart < spares ? apart : workers - spares;
}

static enum mpipe_err place(struct work *w, struct mpipe_plan *plan,
                            unsigned spares)
{
    struct mpipe__cost round_robin;
    double unit = 0;
    unsigned s;
    enum mpipe_err e = MPIPE_OK;

    if (plan->n_ranks == 1) {
        e = place_alone(w);
        round_robin = w->best;
    } else {
        w->use = ranks_to_use(&w->demand, plan->n_ranks, spares);
        if (plan->policy != MPIPE_POLICY_ROUND_ROBIN)
            e = place_by_cost(w, plan->policy);
        if (e == MPIPE_OK)
            e = place_round_robin(w, &round_robin);
        if (e == MPIPE_OK && plan->policy == MPIPE_POLICY_ROUND_ROBIN)
            keep_if_best(w, round_robin);
    }
    if (e != MPIPE_OK)
        return e;
    for (s = 0; s < plan->n_stages; s++)
        unit += plan->stage_work[s] / plan->n_stages;
    plan->cost = in_unit(w->best, unit);
    plan->round_robin = in_unit(round_robin, unit);
    fill_roles(plan, w);
    return MPIPE_OK;
}

struct mpipe_plan *mpipe_plan_new(const struct mpipe_machine *machine,
                                  const struct mpipe_stage *stages,
                                  unsigned n_stages, enum mpipe_policy policy,
                                  unsigned spares, struct mpipe_error *err)
{
    struct mpipe_plan *plan;
    struct work w;
    enum mpipe_err e;

    if (check(stages, n_stages, policy, err) != MPIPE_OK)
        return NULL;
    plan = plan_alloc(machine, stages, n_stages);
    e = work_init(&w, machine, stages, n_stages);
    if (plan == NULL)
        e = MPIPE_ENOMEM;
    if (e == MPIPE_OK) {
        plan->policy = policy;
        e = place(&w, plan, spares);
    }
    if (e == MPIPE_EPLACE)
        too_few(stages, &w.demand, machine->n_ranks, err);
    else if (e != MPIPE_OK)
        mpipe__error(err, -1, e, "no memory to place %u stages on %u ranks",
                     n_stages, machine->n_ranks);
    work_fini(&w);
    if (e == MPIPE_OK)
        return plan;
    mpipe_plan_free(plan);
    return NULL;
}

void mpipe_plan_free(struct mpipe_plan *plan)
{
    unsigned s;

    if (plan == NULL)
        return;
    for (s = 0; plan->stage_name != NULL && s < plan->n_stages; s++)
        free(plan->stage_name[s]);
    free(plan->stage_name);
    free(plan->stage_work);
    mpipe_machine_free(plan->machine);
    free(plan->role);
    free(plan);
}

int mpipe_plan_role(const struct mpipe_plan *plan, unsigned rank,
                    unsigned *first, unsigned *last)
{
    if (rank >= plan->n_ranks || !plan->role[rank].serves)
        return 0;
    *first = plan->role[rank].first;
    *last = plan->role[rank].last;
    return 1;
}

double mpipe_plan_cost(const struct mpipe_plan *plan)
{
    return plan->cost.busiest;
}

const char *mpipe_policy_name(enum mpipe_policy policy)
{
    switch (policy) {
    case MPIPE_POLICY_TOPOLOGY:    return "topology";
    case MPIPE_POLICY_PACKED:      return "packed";
    case MPIPE_POLICY_ROUND_ROBIN: return "round-robin";
    }
    return NULL;
}
