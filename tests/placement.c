/* SPDX-License-Identifier: BSD-3-Clause */
/* placement.c - plans on made-up machines, small ones against all others.
 *
 * A machine is written as the counts of its levels, a flow as one word a stage,
 * NAME or NAME:REPLICAS:WORK.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "grouping.h"
#include "placement.h"
#include "plan_cost.h"
#include "suite.h"

#define MAX_STAGES 64

/* Places of each level in one of the next outer level. */
struct shape {
    unsigned switches, nodes, packages, caches, cores;
};

static struct mpipe_machine *machine_of(struct shape shape, unsigned n_ranks)
{
    struct mpipe_machine *m = mpipe__machine_new(n_ranks);
    unsigned r;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    for (r = 0; r < n_ranks; r++) {
        unsigned i = r;

        m->at[r].id[MPIPE__CORE] = i % shape.cores;
        i /= shape.cores;
        m->at[r].id[MPIPE__CACHE] = i % shape.caches;
        i /= shape.caches;
        m->at[r].id[MPIPE__PACKAGE] = i % shape.packages;
        i /= shape.packages;
        m->at[r].id[MPIPE__NODE] = i % shape.nodes;
        i /= shape.nodes;
        m->at[r].id[MPIPE__SWITCH2] = i % shape.switches;
    }
    return m;
}

/* Names point into 'text', which is cut up. */
static unsigned flow_of(char *text, struct mpipe_stage *stages)
{
    unsigned n = 0;
    char *save = NULL, *word;

    for (word = strtok_r(text, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save)) {
        char *colon = strchr(word, ':');

        memset(&stages[n], 0, sizeof stages[n]);
        stages[n].name = word;
        if (colon != NULL) {
            *colon++ = '\0';
            stages[n].replicas = (unsigned)strtoul(colon, &colon, 10);
            if (*colon == ':')
                stages[n].work = strtod(colon + 1, NULL);
        }
        n++;
    }
    return n;
}

static struct mpipe_plan *plan_of(struct shape shape, unsigned n_ranks,
                                  const char *flow, enum mpipe_policy policy,
                                  unsigned spares, struct mpipe_error *err)
{
    struct mpipe_stage stages[MAX_STAGES];
    char text[1024];
    struct mpipe_machine *m = machine_of(shape, n_ranks);
    struct mpipe_plan *plan;
    unsigned n;

    snprintf(text, sizeof text, "%s", flow);
    n = flow_of(text, stages);
    plan = mpipe_plan_new(m, stages, n, policy, spares, err);
    mpipe_machine_free(m);
    return plan;
}

/* The roles as a word a rank: "-", "0", "1-2". */
static void roles_as_text(const struct mpipe_plan *plan, char *to,
                          size_t size)
{
    size_t at = 0;
    unsigned r, first, last;

    to[0] = '\0';
    for (r = 0; r < plan->n_ranks && at < size; r++) {
        const char *gap = r == 0 ? "" : " ";

        if (!mpipe_plan_role(plan, r, &first, &last))
            at += (size_t)snprintf(to + at, size - at, "%s-", gap);
        else if (first == last)
            at += (size_t)snprintf(to + at, size - at, "%s%u", gap, first);
        else
            at += (size_t)snprintf(to + at, size - at, "%s%u-%u", gap,
                                   first, last);
    }
}

/* ---- rows: machine and flow in, roles out ---- */

static const struct shape one_node = { 1, 1, 1, 1, 8 };
static const struct shape two_nodes = { 1, 2, 1, 1, 4 };
static const struct shape four_nodes = { 1, 4, 1, 1, 2 };

static void gives_roles(void)
{
    static const struct {
        const struct shape *shape;
        unsigned n_ranks;
        const char *flow;
        enum mpipe_policy policy;
        unsigned spares;
        const char *roles;
    } row[] = {
        /* Alone, rank 0 serves all, whatever is asked for. */
        { &one_node, 1, "a", MPIPE_POLICY_TOPOLOGY, 0, "0" },
        { &one_node, 1, "a b:3 c", MPIPE_POLICY_TOPOLOGY, 2, "0-2" },
        { &one_node, 1, "a b", MPIPE_POLICY_ROUND_ROBIN, 0, "0-1" },
        { &one_node, 1, "a b", MPIPE_POLICY_PACKED, 0, "0-1" },
        /* Otherwise it serves none; few ranks fuse neighbours. */
        { &one_node, 2, "a b c", MPIPE_POLICY_TOPOLOGY, 0, "- 0-2" },
        { &one_node, 2, "a b c", MPIPE_POLICY_ROUND_ROBIN, 0, "- 0-2" },
        { &one_node, 3, "a:0:1 b:0:1 c:0:1 d:0:1 e:0:4",
          MPIPE_POLICY_TOPOLOGY, 0, "- 0-3 4" },
        { &one_node, 3, "a:0:4 b:0:1 c:0:1 d:0:1 e:0:1",
          MPIPE_POLICY_TOPOLOGY, 0, "- 0 1-4" },
        { &one_node, 4, "a:0:1 b:0:1 c:0:2 d:0:3 e:0:1 f:0:1",
          MPIPE_POLICY_TOPOLOGY, 0, "- 0-5 0-5 0-5" },
        /* Enough ranks: each stage by itself, in proportion to its work. */
        { &one_node, 4, "a b c", MPIPE_POLICY_TOPOLOGY, 0, "- 0 1 2" },
        { &one_node, 8, "a b c", MPIPE_POLICY_TOPOLOGY, 0,
          "- 0 1 2 0 1 2 0" },
        { &one_node, 8, "a b c", MPIPE_POLICY_PACKED, 0,
          "- 0 0 0 1 1 2 2" },
        { &one_node, 8, "a b c", MPIPE_POLICY_ROUND_ROBIN, 0,
          "- 0 1 2 0 1 2 0" },
        { &one_node, 5, "a:0:1 b:0:3", MPIPE_POLICY_TOPOLOGY, 0,
          "- 0 1 1 1" },
        { &one_node, 5, "a:0:1e-6 b:0:3e-6", MPIPE_POLICY_TOPOLOGY, 0,
          "- 0 1 1 1" },
        { &one_node, 5, "a:0:1e9 b:0:3e9", MPIPE_POLICY_PACKED, 0,
          "- 0 1 1 1" },
        { &one_node, 5, "a:0:1 b:0:3", MPIPE_POLICY_ROUND_ROBIN, 0,
          "- 0 1 0 1" },
        /* Fused all the same where that is much better. */
        { &one_node, 8, "a b c d", MPIPE_POLICY_TOPOLOGY, 0,
          "- 0-3 0-3 0-3 0-3 0-3 0-3 0-3" },
        { &one_node, 8, "a:0:.001 b:0:1 c:0:.001", MPIPE_POLICY_TOPOLOGY, 0,
          "- 0-2 0-2 0-2 0-2 0-2 0-2 0-2" },
        { &one_node, 8, "a:2 b:2 c:2 d", MPIPE_POLICY_TOPOLOGY, 0,
          "- 0 1 2 3 0 1 2" },
        /* What is asked for is given exactly; the rest are spares. */
        { &one_node, 8, "a:1 b:2 c:1", MPIPE_POLICY_TOPOLOGY, 0,
          "- 0 1 2 1 - - -" },
        { &one_node, 8, "a:1 b:2 c:1", MPIPE_POLICY_ROUND_ROBIN, 0,
          "- 0 1 2 1 - - -" },
        { &one_node, 8, "a b:3 c", MPIPE_POLICY_ROUND_ROBIN, 0,
          "- 0 1 2 0 1 2 1" },
        { &one_node, 6, "a b:3 c", MPIPE_POLICY_ROUND_ROBIN, 0,
          "- 0 1 2 1 1" },
        { &one_node, 6, "a b:3 c", MPIPE_POLICY_PACKED, 0,
          "- 0 1 1 1 2" },
        /* Too few ranks for stages apart: first the free ones are fused, */
        { &one_node, 4, "a b c:1 d e", MPIPE_POLICY_PACKED, 0,
          "- 0-1 2 3-4" },
        /* then also those that ask, with the number they ask for. */
        { &one_node, 3, "a b c:1 d e", MPIPE_POLICY_PACKED, 0, "- 0-2 3-4" },
        { &one_node, 2, "a:1 b:1 c:1", MPIPE_POLICY_PACKED, 0, "- 0-2" },
        { &one_node, 3, "a b:2 c", MPIPE_POLICY_PACKED, 0, "- 0-2 0-2" },
        { &one_node, 4, "a:1 b:2 c:2", MPIPE_POLICY_PACKED, 0,
          "- 0 1-2 1-2" },
        /* Spares, but never so many that a stage loses its own rank. */
        { &one_node, 8, "a b", MPIPE_POLICY_PACKED, 2, "- 0 0 0 1 1 - -" },
        { &one_node, 8, "a b", MPIPE_POLICY_PACKED, 6, "- 0 1 - - - - -" },
        { &one_node, 8, "a b", MPIPE_POLICY_ROUND_ROBIN, 99,
          "- 0 1 - - - - -" },
        { &one_node, 3, "a b", MPIPE_POLICY_TOPOLOGY, 1, "- 0 1" },
        { &one_node, 3, "a b c", MPIPE_POLICY_PACKED, 1, "- 0-2 0-2" },
        /* Chains inside nodes, even if the rank beside rank 0 is spare. */
        { &two_nodes, 7, "a:1 b:1 c:1", MPIPE_POLICY_TOPOLOGY, 0,
          "- 0 1 2 - - -" },
        { &four_nodes, 8, "a:3 b:3", MPIPE_POLICY_TOPOLOGY, 1,
          "- - 1 0 1 0 1 0" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe_plan *plan = plan_of(*row[i].shape, row[i].n_ranks,
                                          row[i].flow, row[i].policy,
                                          row[i].spares, &err);
        char roles[256];

        CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
        roles_as_text(plan, roles, sizeof roles);
        CU_ASSERT_STRING_EQUAL(roles, row[i].roles);
        if (strcmp(roles, row[i].roles) != 0)
            printf("row %zu: %s: %s\n", i, row[i].flow, roles);
        mpipe_plan_free(plan);
    }
}

static void rejects(void)
{
    static const struct {
        unsigned n_ranks;
        const char *flow;
        enum mpipe_err code;
        const char *in_text;
    } row[] = {
        { 4, "a b:5 c", MPIPE_EPLACE, "stage 'b' asks for 5 replicas" },
        { 4, "a b:5 c", MPIPE_EPLACE, "4 ranks can serve only 3" },
        { 4, "a b:5 c", MPIPE_EPLACE, "start 6 ranks" },
        { 4, "a:2 b:3 c", MPIPE_EPLACE, "stage 'b' asks for 3" },
        { 4, "a:2 b:3 c", MPIPE_EPLACE, "all stages need 5" },
        { 2, "a:2", MPIPE_EPLACE, "2 ranks can serve only 1" },
        { 5, "a:4000000000 b:4000000000", MPIPE_EPLACE, "stage 'a'" },
        { 4, "a b:0:-1", MPIPE_EINVAL, "stage 'b': its work is -1" },
        { 4, "a b:0:nan", MPIPE_EINVAL, "stage 'b': its work is" },
        { 4, "a b:0:inf", MPIPE_EINVAL, "stage 'b': its work is inf" },
        { 4, "", MPIPE_EINVAL, "add a stage" },
    };
    size_t i;
    enum mpipe_policy policy;

    for (i = 0; i < sizeof row / sizeof row[0]; i++)
        for (policy = MPIPE_POLICY_TOPOLOGY;
             policy <= MPIPE_POLICY_ROUND_ROBIN; policy++) {
            struct mpipe_error err = { MPIPE_OK, -1, "" };

            CU_ASSERT_PTR_NULL(plan_of(one_node, row[i].n_ranks, row[i].flow,
                                       policy, 0, &err));
            CU_ASSERT_EQUAL(err.code, row[i].code);
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, row[i].in_text));
        }
    CU_ASSERT_PTR_NULL(plan_of(one_node, 2, "a:2", MPIPE_POLICY_TOPOLOGY, 0,
                               NULL));
    CU_ASSERT_PTR_NULL(plan_of(one_node, 2, "a", (enum mpipe_policy)3, 0,
                               NULL));
}

static void rejects_a_stage_without_a_name(void)
{
    struct mpipe_stage stages[2] = { { .name = "a" } };
    struct mpipe_machine *m = machine_of(one_node, 4);
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    CU_ASSERT_PTR_NULL(mpipe_plan_new(m, stages, 2, MPIPE_POLICY_TOPOLOGY, 0,
                                      &err));
    CU_ASSERT_EQUAL(err.code, MPIPE_EINVAL);
    CU_ASSERT_STRING_EQUAL(err.text, "stage 1 has no name");
    mpipe_machine_free(m);
}

/* ---- the cost, worked out by hand ---- */

static void adds_up_costs(void)
{
    /* c: same cache 0.005, same node 0.02, same switch 0.04. */
    static const struct {
        struct shape shape;
        const char *roles;      /* a letter a rank: group, or - */
        double work[3];
        double rank_0, busiest, moved, hops_off_node;
    } row[] = {
        /* 0 -> a -> 0 in one cache: a moves twice, so does rank 0. */
        { { 1, 1, 1, 1, 2 }, "-a", { 1 }, .01, 1.01, .02, 0 },
        { { 1, 2, 1, 1, 1 }, "-a", { 1 }, .08, 1.08, .16, 2 },
        { { 1, 1, 2, 1, 1 }, "-a", { 1 }, .04, 1.04, .08, 0 },
        { { 1, 1, 1, 1, 3 }, "-ab", { 1, 2 }, .01, 2.01, .03, 0 },
        /* A spare costs nothing. */
        { { 1, 1, 1, 1, 3 }, "-a-", { 1 }, .01, 1.01, .02, 0 },
        /* Two replicas, one near and one on the other node: half each. */
        { { 1, 2, 1, 1, 2 }, "-a-a", { 1 }, .045, .54, .09, 1 },
        /* Two chains, each in its node: only feed and sink cross. */
        { { 1, 2, 1, 1, 3 }, "-ababx", { 1, 1 }, .045, .5225, .1, 1 },
        /* The same torn apart: a's in one node, b's in the other. */
        { { 1, 2, 1, 1, 3 }, "-aabbx", { 1, 1 }, .045, .54, .17, 2 },
        /* Near a sends 1/3 to near b and 1/6 to far ones, far a all to those
         * beside it. */
        { { 1, 2, 1, 1, 3 }, "-abbab", { 2, 3 }, .0225 + .005 / 3 + .08 / 3,
          1.0225, .045 + 2 * (.005 * 5 / 6 + .04 / 6) + .01 / 3 + .16 / 3,
          .5 + 1. / 6 + 2. / 3 },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        unsigned n = (unsigned)strlen(row[i].roles), r;
        struct mpipe_machine *m = machine_of(row[i].shape, n);
        struct mpipe__coster coster;
        struct mpipe__groups groups;
        struct mpipe__cost cost;
        int group[8];

        CU_ASSERT_EQUAL_FATAL(mpipe__coster_init(&coster, m, 3), MPIPE_OK);
        CU_ASSERT_EQUAL_FATAL(mpipe__groups_init(&groups, 3), MPIPE_OK);
        memcpy(groups.work, row[i].work, sizeof row[i].work);
        for (r = 0; r < n; r++) {
            char c = row[i].roles[r];

            group[r] = c < 'a' || c > 'c' ? MPIPE__NO_GROUP : c - 'a';
            if (group[r] == MPIPE__NO_GROUP)
                continue;
            groups.replicas[group[r]]++;
            if (groups.n < (unsigned)group[r] + 1)
                groups.n = (unsigned)group[r] + 1;
        }
        cost = mpipe__cost(&coster, &groups, group);
        CU_ASSERT_DOUBLE_EQUAL(coster.cost[0], row[i].rank_0, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(cost.busiest, row[i].busiest, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(cost.moved, row[i].moved, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(cost.hops, groups.n + 1., 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(cost.hops_off_node, row[i].hops_off_node,
                               1e-12);
        mpipe__groups_fini(&groups);
        mpipe__coster_fini(&coster);
        mpipe_machine_free(m);
    }
}

/* ---- small machines: against all other placements ---- */

/* The search over all cuts into groups and all groups for each rank. */
struct search {
    struct mpipe__coster coster;
    struct mpipe__groups groups;    /* dealt: replicas so far */
    unsigned asked[MAX_STAGES];     /* of group g; 0: any number */
    int group[8];
    double best;
};

/* Give rank 'r' and those after it each group in turn.  Every rank but 0
 * serves, unless no group may take more. */
static void try_ranks(struct search *x, unsigned r)
{
    struct mpipe__groups *groups = &x->groups;
    bool may_idle = true;
    unsigned g;

    if (r == x->coster.n_ranks) {
        struct mpipe__cost cost;

        for (g = 0; g < groups->n; g++)
            if (groups->dealt[g] == 0
                || (x->asked[g] != 0 && groups->dealt[g] != x->asked[g]))
                return;
        memcpy(groups->replicas, groups->dealt,
               groups->n * sizeof *groups->replicas);
        cost = mpipe__cost(&x->coster, groups, x->group);
        x->best = fmin(x->best, cost.busiest);
        return;
    }
    for (g = 0; g < groups->n; g++) {
        may_idle = may_idle && x->asked[g] != 0;
        if (x->asked[g] != 0 && groups->dealt[g] == x->asked[g])
            continue;
        x->group[r] = (int)g;
        groups->dealt[g]++;
        try_ranks(x, r + 1);
        groups->dealt[g]--;
    }
    x->group[r] = MPIPE__NO_GROUP;
    if (may_idle)
        try_ranks(x, r + 1);
}

/* Bit s of 'cuts' is set when a group ends after stage s.  False: stages that
 * ask for replicas would be fused. */
static bool cut(struct search *x, const struct mpipe__demand *demand,
                unsigned cuts)
{
    struct mpipe__groups *groups = &x->groups;
    unsigned s, g = 0;

    groups->first[0] = 0;
    groups->work[0] = 0;
    x->asked[0] = 0;
    for (s = 0; s < demand->n_stages; s++) {
        groups->work[g] += demand->work[s];
        if (demand->replicas[s] != 0)
            x->asked[g] = demand->replicas[s];
        if (s + 1 < demand->n_stages && (cuts >> s & 1) == 0)
            continue;
        if (s > groups->first[g] && x->asked[g] != 0)
            return false;
        groups->work[g] *= mpipe__fused(s + 1 - groups->first[g]);
        groups->dealt[g] = 0;
        groups->first[++g] = s + 1;
        groups->n = g;
        if (s + 1 < demand->n_stages) {
            groups->work[g] = 0;
            x->asked[g] = 0;
        }
    }
    return true;
}

/* The lowest cost that any placement has. */
static double optimum(struct shape shape, unsigned n_ranks, const char *flow)
{
    struct mpipe_stage stages[MAX_STAGES];
    double work[MAX_STAGES], mean = 0;
    unsigned replicas[MAX_STAGES], s, cuts;
    struct mpipe__demand demand = { 0, work, replicas };
    struct search x = { .best = INFINITY };
    struct mpipe_machine *m = machine_of(shape, n_ranks);
    char text[256];

    snprintf(text, sizeof text, "%s", flow);
    demand.n_stages = flow_of(text, stages);
    for (s = 0; s < demand.n_stages; s++) {
        work[s] = stages[s].work > 0 ? stages[s].work : 1;
        replicas[s] = stages[s].replicas;
        mean += work[s] / demand.n_stages;
    }
    for (s = 0; s < demand.n_stages; s++)
        work[s] /= mean;
    CU_ASSERT_EQUAL_FATAL(mpipe__coster_init(&x.coster, m, demand.n_stages),
                          MPIPE_OK);
    CU_ASSERT_EQUAL_FATAL(mpipe__groups_init(&x.groups, demand.n_stages),
                          MPIPE_OK);
    x.group[0] = MPIPE__NO_GROUP;
    for (cuts = 0; cuts < 1u << (demand.n_stages - 1); cuts++)
        if (cut(&x, &demand, cuts) && x.groups.n < n_ranks)
            try_ranks(&x, 1);
    mpipe__groups_fini(&x.groups);
    mpipe__coster_fini(&x.coster);
    mpipe_machine_free(m);
    return x.best * mean;
}

static void is_near_the_optimum(void)
{
    static const struct shape shapes[] = {
        { 1, 1, 1, 1, 8 }, { 1, 2, 1, 1, 4 }, { 1, 4, 1, 1, 2 },
        { 1, 8, 1, 1, 1 }, { 2, 2, 1, 1, 2 }, { 4, 2, 1, 1, 1 },
        { 1, 2, 2, 1, 2 }, { 1, 1, 2, 2, 2 }, { 1, 3, 1, 1, 3 },
        { 1, 2, 1, 1, 5 }, { 2, 1, 2, 1, 3 }, { 8, 1, 1, 1, 1 },
    };
    static const char *const flows[] = {
        "a", "a b", "a b c", "a b c d", "a b c d e", "a:0:1 b:0:3",
        "a:0:1 b:0:5 c:0:1", "a:0:.01 b c:0:.01", "a:0:7 b:0:5 c:0:3",
        "a:0:.01 b:0:.01 c:0:.01 d:0:1", "a:0:4 b:0:2 c:0:1 d:0:1",
        "a:0:1 b:0:.1 c:0:1 d:0:.1 e:0:1", "a:1 b c:1", "a b:3 c",
        "a:2:.1 b", "a:1:.01 b:0:1 c:1:.01", "a:1:.1 b c:1:.1",
        "a:1:.2 b:0:2 c:1:.05 d", "a:2 b:2 c:2", "a:2 b c:1 d",
        "a:1:.5 b c:1:.5", "a:0:.3 b:1:.3 c:0:.4",
    };
    double worst = 1, sum = 0;
    unsigned n, count = 0;
    size_t i, j;

    for (i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (j = 0; j < sizeof flows / sizeof flows[0]; j++)
            for (n = 2; n <= 8; n++) {
                double best = optimum(shapes[i], n, flows[j]);
                struct mpipe_plan *plan;

                if (isinf(best))
                    continue;   /* too few ranks to have stages apart */
                plan = plan_of(shapes[i], n, flows[j],
                               MPIPE_POLICY_TOPOLOGY, 0, NULL);
                CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
                CU_ASSERT(mpipe_plan_cost(plan) <= 1.05 * best);
                CU_ASSERT(mpipe_plan_cost(plan) >= best * (1 - 1e-9));
                CU_ASSERT(mpipe_plan_cost(plan)
                          <= plan->round_robin.busiest * (1 + 1e-9));
                worst = fmax(worst, mpipe_plan_cost(plan) / best);
                sum += mpipe_plan_cost(plan) / best;
                count++;
                mpipe_plan_free(plan);
            }
    CU_ASSERT(count > 1000);
    printf("%u small machines: at worst %.3f of the optimum, mean %.4f ",
           count, worst, sum / count);
}

/* ---- many machines: what always holds ---- */

/* Every stage has its ranks, the roles are runs that meet, rank 0 is free. */
static void check_plan(const struct mpipe_plan *plan,
                       const struct mpipe_stage *stages, bool apart)
{
    unsigned served[MAX_STAGES] = { 0 }, r, s, first, last;

    CU_ASSERT_FALSE(mpipe_plan_role(plan, 0, &first, &last));
    CU_ASSERT_FALSE(mpipe_plan_role(plan, plan->n_ranks, &first, &last));
    for (r = 1; r < plan->n_ranks; r++) {
        if (!mpipe_plan_role(plan, r, &first, &last))
            continue;
        CU_ASSERT_FATAL(first <= last && last < plan->n_stages);
        CU_ASSERT(!apart || first == last || stages[first].replicas == 0);
        for (s = first; s <= last; s++)
            served[s]++;
    }
    for (s = 0; s < plan->n_stages; s++) {
        CU_ASSERT(served[s] > 0);
        if (apart && stages[s].replicas != 0)
            CU_ASSERT_EQUAL(served[s], stages[s].replicas);
    }
}

static void places_any_size(void)
{
    static const struct shape shapes[] = {
        { 1, 1, 1, 1, 64 }, { 1, 16, 2, 1, 8 }, { 25, 25, 2, 1, 8 },
        { 4, 100, 1, 1, 25 }, { 10, 1000, 1, 1, 1 },
    };
    static const char *const flows[] = {
        "a", "a b c", "a:1:.01 b c:1:.01", "a:7 b:3 c:5", "a b:4:9 c d:0:.1",
        "a:0:100 b:0:1 c:0:5",
        "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    };
    static const unsigned sizes[] = { 2, 3, 5, 17, 64, 200, 1000, 10000 };
    size_t i, j, k;
    enum mpipe_policy policy;

    for (i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (j = 0; j < sizeof flows / sizeof flows[0]; j++)
            for (k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
                for (policy = MPIPE_POLICY_TOPOLOGY;
                     policy <= MPIPE_POLICY_ROUND_ROBIN; policy++) {
                    struct mpipe_stage stages[MAX_STAGES];
                    char text[256];
                    struct mpipe_error err = { MPIPE_OK, -1, "" };
                    struct mpipe_plan *plan = plan_of(shapes[i], sizes[k],
                                                      flows[j], policy, 1,
                                                      &err);

                    if (plan == NULL) {
                        CU_ASSERT_EQUAL(err.code, MPIPE_EPLACE);
                        CU_ASSERT(sizes[k] <= 17);
                        continue;
                    }
                    snprintf(text, sizeof text, "%s", flows[j]);
                    flow_of(text, stages);
                    check_plan(plan, stages, sizes[k] >= 64);
                    mpipe_plan_free(plan);
                }
}

static unsigned count_role(const struct mpipe_plan *plan, unsigned stage)
{
    unsigned n = 0, r;

    for (r = 0; r < plan->n_ranks; r++)
        n += plan->role[r].serves && plan->role[r].first <= stage
             && stage <= plan->role[r].last;
    return n;
}

static void places_10000_ranks(void)
{
    static const struct {
        const char *flow;
        unsigned count[3];      /* ranks of each stage, give or take 1 % */
    } row[] = {
        { "a b c", { 3333, 3333, 3333 } },
        { "a:0:1 b:0:2 c:0:7", { 1000, 2000, 7000 } },
        { "a:1:.01 b c:1:.01", { 1, 9997, 1 } },
        { "a:500 b:0:1 c:0:3", { 500, 2375, 7124 } },
    };
    static const struct shape shape = { 25, 25, 2, 1, 8 };
    size_t i;
    unsigned s;
    clock_t begin = clock();

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe_plan *plan = plan_of(shape, 10000, row[i].flow,
                                          MPIPE_POLICY_TOPOLOGY, 0, NULL);

        CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
        for (s = 0; s < 3; s++)
            CU_ASSERT(abs((int)count_role(plan, s) - (int)row[i].count[s])
                      <= (int)row[i].count[s] / 100 + 1);
        CU_ASSERT(plan->cost.busiest_worker
                  <= plan->round_robin.busiest_worker * 1.0001);
        mpipe_plan_free(plan);
    }
    /* For people to read: a loaded machine must not fail the test. */
    printf("%.3f s a plan ", (double)(clock() - begin) / CLOCKS_PER_SEC
           / (double)(sizeof row / sizeof row[0]));
}

/* Rank 0 moves so much that it costs more than any worker; these must not suffer. */
static void workers_come_first(void)
{
    static const struct shape shape = { 1, 16, 1, 1, 4 };
    struct mpipe_plan *plan = plan_of(shape, 64, "a b:0:2 c",
                                      MPIPE_POLICY_TOPOLOGY, 0, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
    CU_ASSERT_EQUAL(count_role(plan, 0), 16);
    CU_ASSERT_EQUAL(count_role(plan, 1), 31);
    CU_ASSERT_EQUAL(count_role(plan, 2), 16);
    mpipe_plan_free(plan);
}

static void keeps_chains_in_nodes(void)
{
    /* 16 nodes of 8, ranks dealt to the nodes in turn (mpirun --map-by node),
     * so that ranks in a row are all on different nodes. */
    struct mpipe_machine *m = mpipe__machine_new(128);
    struct mpipe_stage stages[4] = {
        { .name = "a" }, { .name = "b" }, { .name = "c" }, { .name = "d" }
    };
    unsigned on_node[16][4] = { { 0 } }, r, s, first, last;
    struct mpipe_plan *plan;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    for (r = 0; r < 128; r++) {
        m->at[r].id[MPIPE__NODE] = r % 16;
        m->at[r].id[MPIPE__CORE] = r / 16;
    }
    plan = mpipe_plan_new(m, stages, 4, MPIPE_POLICY_TOPOLOGY, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
    for (r = 1; r < 128; r++)
        if (mpipe_plan_role(plan, r, &first, &last)) {
            CU_ASSERT_EQUAL_FATAL(first, last);
            on_node[r % 16][first]++;
        }
    for (r = 0; r < 16; r++)
        for (s = 0; s < 4; s++)
            CU_ASSERT(on_node[r][s] >= 1 && on_node[r][s] <= 3);
    /* Of five moves feed and sink must cross, but little else. */
    CU_ASSERT(plan->cost.hops_off_node < 2.3);
    CU_ASSERT(plan->round_robin.hops_off_node > 3);
    mpipe_plan_free(plan);
    mpipe_machine_free(m);
}

static void depends_on_nothing_else(void)
{
    char one[256], two[256];
    struct mpipe_plan *a = plan_of(four_nodes, 8, "a:0:3 b:0:1 c:2",
                                   MPIPE_POLICY_TOPOLOGY, 1, NULL);
    struct mpipe_plan *b = plan_of(four_nodes, 8, "x:0:.3 y:0:.1 z:2:.1",
                                   MPIPE_POLICY_TOPOLOGY, 1, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    roles_as_text(a, one, sizeof one);
    roles_as_text(b, two, sizeof two);
    CU_ASSERT_STRING_EQUAL(one, two);
    CU_ASSERT_DOUBLE_EQUAL(mpipe_plan_cost(a), 10 * mpipe_plan_cost(b),
                           1e-9);
    mpipe_plan_free(a);
    mpipe_plan_free(b);
}

static const struct mpipe__test tests[] = {
    { "the cost is the busiest rank's work and moves", adds_up_costs },
    { "each flow has its roles", gives_roles },
    { "a flow that cannot be placed is told why", rejects },
    { "a stage needs a name", rejects_a_stage_without_a_name },
    { "the plan depends on proportions, not on units or names",
      depends_on_nothing_else },
    { "a plan for up to 8 ranks costs within 5 % of the optimum",
      is_near_the_optimum },
    { "plans of any size give every stage its ranks", places_any_size },
    { "chains stay inside nodes and replicas are on all of them",
      keeps_chains_in_nodes },
    { "workers are not made slower to be nearer to rank 0", workers_come_first },
    { "10000 ranks are shared out in proportion to the work",
      places_10000_ranks },
    { NULL, NULL }
};

const struct mpipe__suite suite_placement = { "placement", tests };
