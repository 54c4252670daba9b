/* SPDX-License-Identifier: BSD-3-Clause */
/* plan_print.c - a plan as text.
 *
 * Up to FULL ranks the machine is a tree with a line for each rank.  Larger
 * ones end at the nodes, each with the number of ranks in each role; places
 * that hold the same are folded into one line.
 */
#include <string.h>
#include "plan_tree.h"
#include "show.h"

#define FULL 64u
#define INDENT 2u
#define TEXT 512            /* a role or a summary, cut if it is longer */

struct printer {
    const struct mpipe__tree *tree;
    FILE *stream;
    bool full;
};

static void indent(const struct printer *p, unsigned depth)
{
    fprintf(p->stream, "%*s", (int)(depth * INDENT), "");
}

/* Ranks of one core: in each line the core, the rank, and what it does. */
static void print_ranks(const struct printer *p, unsigned nth, unsigned from,
                        unsigned to, unsigned depth)
{
    char role[TEXT];
    unsigned i;

    for (i = from; i < to; i++) {
        unsigned rank = p->tree->order[i];

        mpipe__tree_role(p->tree, rank, role, sizeof role);
        indent(p, depth);
        if (p->tree->shown[MPIPE__CORE])
            fprintf(p->stream, "core %-3u ", nth);
        fprintf(p->stream, "rank %-3u %s\n", rank, role);
    }
}

static bool same_role(const struct mpipe_plan *plan, unsigned a, unsigned b)
{
    const struct mpipe__role *x = &plan->role[a], *y = &plan->role[b];

    return (a == 0) == (b == 0) && x->serves == y->serves
           && (!x->serves || (x->first == y->first && x->last == y->last));
}

static unsigned count_alike(const struct printer *p, unsigned rank,
                            unsigned from, unsigned to)
{
    unsigned n = 0, i;

    for (i = from; i < to; i++)
        n += same_role(p->tree->plan, rank, p->tree->order[i]);
    return n;
}

/* Do two places hold the same number of ranks in each role? */
static bool alike(const struct printer *p, unsigned from_a, unsigned to_a,
                  unsigned from_b, unsigned to_b)
{
    unsigned i;

    if (to_a - from_a != to_b - from_b)
        return false;
    for (i = from_a; i < to_a; i++) {
        unsigned rank = p->tree->order[i];

        if (count_alike(p, rank, from_a, to_a)
            != count_alike(p, rank, from_b, to_b))
            return false;
    }
    return true;
}

/* The order in which roles are told: rank 0, the stages, spares. */
static unsigned role_key(const struct mpipe_plan *plan, unsigned rank)
{
    if (rank == 0)
        return 0;
    return plan->role[rank].serves ? plan->role[rank].first + 1
                                   : plan->n_stages + 1;
}

/* "3 read, 2 parse + write, 1 spare" and the end of the line. */
static void print_summary(const struct printer *p, unsigned from, unsigned to)
{
    const struct mpipe_plan *plan = p->tree->plan;
    const char *before = "";
    char role[TEXT];
    unsigned key, i;

    for (key = 0; key <= plan->n_stages + 1; key++)
        for (i = from; i < to; i++) {
            unsigned rank = p->tree->order[i];

            if (role_key(plan, rank) != key
                || count_alike(p, rank, from, i) > 0)
                continue;
            mpipe__tree_role(p->tree, rank, role, sizeof role);
            fprintf(p->stream, "%s%u %s", before,
                    count_alike(p, rank, from, to), role);
            before = ", ";
        }
    putc('\n', p->stream);
}

/* The nodes inside a place of a large machine, each kind once, with the name
 * of the first and, if there are more, how many. */
static void print_nodes(const struct printer *p, unsigned from, unsigned to,
                        unsigned depth)
{
    unsigned a, a_end, b, b_end, nth = 0, n;
    char name[80];

    for (a = from; a < to; a = a_end, nth++) {
        bool seen = false;

        a_end = mpipe__tree_next(p->tree, MPIPE__NODE, a, to);
        for (b = from; b < a && !seen; b = b_end) {
            b_end = mpipe__tree_next(p->tree, MPIPE__NODE, b, to);
            seen = alike(p, a, a_end, b, b_end);
        }
        if (seen)
            continue;
        for (n = 0, b = a; b < to; b = b_end) {
            b_end = mpipe__tree_next(p->tree, MPIPE__NODE, b, to);
            n += alike(p, a, a_end, b, b_end);
        }
        mpipe__tree_name(p->tree, MPIPE__NODE, nth, a, name, sizeof name);
        indent(p, depth);
        if (n == 1)
            fprintf(p->stream, "%s: ", name);
        else
            fprintf(p->stream, "%s and %u more, each: ", name, n - 1);
        print_summary(p, a, a_end);
    }
}

static void print_places(const struct printer *p, unsigned level,
                         unsigned from, unsigned to, unsigned depth)
{
    unsigned a, end, nth = 0;
    char name[80];

    level = mpipe__tree_level(p->tree, level);
    if (!p->full && level == MPIPE__NODE) {
        print_nodes(p, from, to, depth);
        return;
    }
    if (level >= MPIPE__CORE) {
        for (a = from; a < to; a = end, nth++) {
            end = mpipe__tree_next(p->tree, MPIPE__CORE, a, to);
            print_ranks(p, nth, a, end, depth);
        }
        return;
    }
    for (a = from; a < to; a = end, nth++) {
        end = mpipe__tree_next(p->tree, level, a, to);
        mpipe__tree_name(p->tree, level, nth, a, name, sizeof name);
        indent(p, depth);
        fprintf(p->stream, "%s\n", name);
        print_places(p, level + 1, a, end, depth + 1);
    }
}

static void print_stages(const struct printer *p)
{
    const struct mpipe_plan *plan = p->tree->plan;
    unsigned width = (unsigned)strlen("stage"), s;
    char name[TEXT];

    for (s = 0; s < plan->n_stages; s++) {
        mpipe__show_name(name, sizeof name, plan->stage_name[s], 40);
        if (mpipe__show_columns(name) > width)
            width = mpipe__show_columns(name);
    }
    fprintf(p->stream, "%-*s  %8s  %8s\n", (int)width, "stage", "work",
            "ranks");
    for (s = 0; s < plan->n_stages; s++) {
        mpipe__show_name(name, sizeof name, plan->stage_name[s], 40);
        fprintf(p->stream, "%s%*s  %8.4g  %8u\n", name,
                (int)(width - mpipe__show_columns(name)), "",
                plan->stage_work[s], p->tree->replicas[s]);
    }
}

static void print_cost(const struct printer *p)
{
    const struct mpipe_plan *plan = p->tree->plan;
    const struct mpipe__cost *rows[2] = { &plan->cost, &plan->round_robin };
    const char *names[2] = { mpipe_policy_name(plan->policy),
                             mpipe_policy_name(MPIPE_POLICY_ROUND_ROBIN) };
    unsigned i, n = plan->policy == MPIPE_POLICY_ROUND_ROBIN ? 1 : 2;

    fprintf(p->stream, "%-12s  %10s  %-8s  %14s\n", "policy", "time/item",
            "busiest", "between nodes");
    for (i = 0; i < n; i++)
        fprintf(p->stream, "%-12s  %10.4g  rank %-4u  %5.3g of %g moves\n",
                names[i], rows[i]->busiest, rows[i]->busiest_rank,
                rows[i]->hops_off_node, rows[i]->hops);
}

enum mpipe_err mpipe_plan_print(const struct mpipe_plan *plan, FILE *stream)
{
    struct mpipe__tree tree;
    struct printer p = { &tree, stream, plan->n_ranks <= FULL };
    enum mpipe_err e = mpipe__tree_init(&tree, plan);

    if (e != MPIPE_OK)
        return e;
    fprintf(stream, "%u rank%s on %u node%s, %s placement\n\n", plan->n_ranks,
            plan->n_ranks == 1 ? "" : "s", tree.n_nodes,
            tree.n_nodes == 1 ? "" : "s", mpipe_policy_name(plan->policy));
    print_places(&p, 0, 0, plan->n_ranks, 0);
    putc('\n', stream);
    print_stages(&p);
    putc('\n', stream);
    print_cost(&p);
    mpipe__tree_fini(&tree);
    return fflush(stream) != 0 || ferror(stream) ? MPIPE_EIO : MPIPE_OK;
}
