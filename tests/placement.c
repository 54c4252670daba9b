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
#ifdef EXPLORE
#undef CU_ASSERT_PTR_NOT_NULL_FATAL
#define CU_ASSERT_PTR_NOT_NULL_FATAL(x) (void)(x)
#endif

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
/* ---- all placements of a small flow ---- */

struct brute { double cost; unsigned long tried; };

static void try_all(struct mpipe__coster *co, struct mpipe__groups *gr, const bool *open, int *group, unsigned r, struct brute *b)
{
    unsigned g;
    if (r == co->n_ranks) {
        for (g = 0; g < gr->n; g++)
            if (gr->dealt[g] == 0 || (!open[g] && gr->dealt[g] != gr->replicas[g])) return;
        unsigned keep[MAX_STAGES];
        memcpy(keep, gr->replicas, gr->n * sizeof *keep);
        memcpy(gr->replicas, gr->dealt, gr->n * sizeof *keep);
        struct mpipe__cost c = mpipe__cost(co, gr, group);
        memcpy(gr->replicas, keep, gr->n * sizeof *keep);
        if (c.busiest < b->cost) b->cost = c.busiest;
        b->tried++;
        return;
    }
    for (g = 0; g < gr->n; g++) {
        group[r] = (int)g; gr->dealt[g]++;
        try_all(co, gr, open, group, r + 1, b);
        gr->dealt[g]--;
    }
    group[r] = MPIPE__NO_GROUP;
    try_all(co, gr, open, group, r + 1, b);
}

static double brute(struct shape shape, unsigned n, const char *flow)
{
    struct mpipe_stage st[MAX_STAGES]; char text[1024];
    struct mpipe_machine *m = machine_of(shape, n);
    struct mpipe__coster co; struct mpipe__groups gr; 
    struct brute b = { INFINITY, 0 };
    int group[16]; bool open[MAX_STAGES];
    snprintf(text, sizeof text, "%s", flow);
    unsigned S = flow_of(text, st); double mean = 0;
    for (unsigned s = 0; s < S; s++) mean += (st[s].work > 0 ? st[s].work : 1) / S;
    unsigned apart=0; for (unsigned s = 0; s < S; s++) apart += st[s].replicas ? st[s].replicas : 1;
    mpipe__coster_init(&co, m, S); mpipe__groups_init(&gr, S);
    for (unsigned mask = 0; mask < 1u << (S - 1); mask++) {
        gr.n = 0; bool ok = true;
        for (unsigned s = 0; s < S; s++) {
            double w = (st[s].work > 0 ? st[s].work : 1) / mean;
            if (s == 0 || (mask >> (s - 1) & 1)) { gr.first[gr.n] = s; gr.work[gr.n] = w; gr.replicas[gr.n] = st[s].replicas; open[gr.n] = st[s].replicas == 0; gr.n++; }
            else { gr.work[gr.n - 1] += w; if (st[s].replicas || gr.replicas[gr.n-1]) ok = false; }
        }
        gr.first[gr.n] = S;
        for (unsigned g = 0; g < gr.n; g++) { if (gr.first[g+1]-gr.first[g] > 1) gr.work[g] *= MPIPE__FUSED; gr.dealt[g] = 0; }
        if (!ok || gr.n > n - 1) continue;
        group[0] = MPIPE__NO_GROUP;
        try_all(&co, &gr, open, group, 1, &b);
    }
    mpipe__coster_fini(&co); mpipe__groups_fini(&gr); mpipe_machine_free(m);
    return b.cost * mean;
}
#ifdef EXPLORE
int main(void)
{
    static const struct shape shapes[] = { {1,1,1,1,8}, {1,2,1,1,4}, {1,4,1,1,2}, {1,8,1,1,1}, {2,2,1,1,2}, {4,2,1,1,1}, {1,2,2,1,2}, {1,1,2,2,2}, {1,3,1,1,3}, {1,2,1,1,5},{2,1,2,1,3} };
    static const char *const flows[] = { "a", "a b", "a b c", "a b c d", "a:0:1 b:0:3", "a:0:1 b:0:5 c:0:1", "a:0:.01 b c:0:.01", "a:0:.01 b:0:.01 c:0:.01 d:0:1", "a:1 b c:1", "a b:3 c", "a:0:4 b:0:2 c:0:1 d:0:1", "a:0:1 b:0:.1 c:0:1 d:0:.1 e:0:1", "a:2:.1 b", "a b c d e", "a:1:.01 b:0:1 c:1:.01", "a:0:7 b:0:5 c:0:3", "a:1:.1 b c:1:.1", "a:1:.2 b:0:2 c:1:.05 d", "a:2 b:2 c:2", "a:2 b c:1 d", "a:1:.01 b:0:.01 c:1:.01", "a:1:.5 b c:1:.5", "a:0:.3 b:1:.3 c:0:.4" };
    char text[500]; int bad = 0; double worst = 0;
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (unsigned f = 0; f < sizeof flows / sizeof *flows; f++)
    for (unsigned n = 2; n <= 8; n++) {
        struct mpipe_error err = {0};
        struct mpipe_plan *p = plan_of(shapes[i], n, flows[f], MPIPE_POLICY_TOPOLOGY, 0, &err);
        if (!p) continue;
        double b = brute(shapes[i], n, flows[f]);
        if (b == INFINITY) continue;
        double q = p->cost.busiest / b; if (q > worst) worst = q;
        if (q > 1.03) { bad++; roles_as_text(p, text, sizeof text); printf("shape %u n %u flow %s: %g best %g ratio %.3f: %s\n", i, n, flows[f], p->cost.busiest, b, q, text); }
        if (q < 0.9999) printf("BELOW shape %u n %u flow %s %g %g\n", i, n, flows[f], p->cost.busiest, b);
        if (i == 1 && n == 7) { roles_as_text(p, text, sizeof text); printf("%-40s %8g rr %8g %s\n", flows[f], p->cost.busiest, p->round_robin.busiest, text); }
        mpipe_plan_free(p);
    }
    printf("bad %d worst %g\n", bad, worst);
    for (unsigned k = 0; k < 5; k++) {
      static const char *const big[] = { "a b c", "a", "a:1:.01 b c:1:.01", "a b c d e f g h i j k l m n o p q r s t", "a:0:100 b:0:1 c:0:5" };
      clock_t t = clock(); struct mpipe_error err = {0};
      struct mpipe_plan *p = plan_of((struct shape){ 25, 25, 2, 1, 8 }, 10000, big[k], 0, 0, &err);
      printf("10000 %s: %.3f s cost %g rr %g off-node %g of %g rr %g\n", big[k], (double)(clock() - t) / CLOCKS_PER_SEC, p->cost.busiest, p->round_robin.busiest, p->cost.hops_off_node, p->cost.hops, p->round_robin.hops_off_node);
      unsigned cnt[64] = {0}; for (unsigned r = 0; r < 10000; r++) if (p->role[r].serves) cnt[p->role[r].first]++;
      for (unsigned s = 0; s < p->n_stages; s++) printf(" %u", cnt[s]);
      printf("\n"); mpipe_plan_free(p);
    }
}
#endif
