/* SPDX-License-Identifier: BSD-3-Clause */
/* repair.c - new roles after ranks have died.
 *
 * The roles of a plan cut the stages into groups, each a run of stages that the
 * same ranks serve.  Repair moves ranks from group to group, and joins a group
 * that has nobody to the one beside it.
 */
#include <stdlib.h>
#include "repair.h"

#define MUCH 0.75               /* this share of the load is much less */

struct group {
    unsigned first, last;       /* its stages */
    unsigned n;                 /* ranks that live */
    unsigned dead;              /* one that does not; 0: none */
    double work;
};

struct repair {
    struct mpipe__role *role;
    const bool *dead;
    const struct mpipe_machine *machine;
    struct group *group;        /* in the order of their stages */
    unsigned n_groups;
};

static double load(const struct group *g, unsigned n)
{
    return g->work / n;
}

static unsigned group_of(const struct repair *r, const struct mpipe__role *role)
{
    unsigned g = 0;

    while (r->group[g].last < role->first)
        g++;
    return g;
}

/* Where roles begin, groups do. */
static void find_groups(struct repair *r, const double *work,
                        unsigned n_stages)
{
    for (unsigned s = 0; s < n_stages; s++) {
        bool begins = s == 0;
        struct group *g;

        for (unsigned i = 0; i < r->machine->n_ranks && !begins; i++)
            begins = r->role[i].serves && r->role[i].first == s;
        if (begins)
            r->group[r->n_groups++] = (struct group){ s, s, 0, 0, 0 };
        g = &r->group[r->n_groups - 1];
        g->last = s;
        g->work += work[s];
    }
    for (unsigned i = 1; i < r->machine->n_ranks; i++) {
        struct group *g;

        if (!r->role[i].serves)
            continue;
        g = &r->group[group_of(r, &r->role[i])];
        if (r->dead[i])
            g->dead = i;
        else
            g->n++;
    }
}

/* Of the ranks of group 'from' (NULL: those without a role) the one nearest to
 * 'place' takes a role in 'to'; false: there is none. */
static bool move(struct repair *r, struct group *from, struct group *to,
                 unsigned place)
{
    unsigned best = 0, best_distance = 0;

    for (unsigned i = 1; i < r->machine->n_ranks; i++) {
        const struct mpipe__role *role = &r->role[i];
        unsigned distance = mpipe__distance(r->machine, place, i);

        if (r->dead[i] || role->serves != (from != NULL)
            || (from != NULL && role->first != from->first))
            continue;
        if (best == 0 || distance < best_distance) {
            best = i;
            best_distance = distance;
        }
    }
    if (best == 0)
        return false;
    r->role[best] = (struct mpipe__role){ true, to->first, to->last };
    to->n++;
    if (from != NULL)
        from->n--;
    return true;
}

/* The group that can best do with one rank less; NULL: none can. */
static struct group *giver(const struct repair *r)
{
    struct group *best = NULL;

    for (unsigned i = 0; i < r->n_groups; i++) {
        struct group *g = &r->group[i];
        if (g->n >= 2 && (best == NULL
                          || load(g, g->n - 1) < load(best, best->n - 1)))
            best = g;
    }
    return best;
}

/* The ranks of group 'with' serve group 'g' too, its neighbour. */
static void join(struct repair *r, unsigned g, unsigned with)
{
    struct group *to = &r->group[with], *gone = &r->group[g];
    unsigned first = to->first;

    to->first = gone->first < first ? gone->first : first;
    to->last = gone->last > to->last ? gone->last : to->last;
    to->work += gone->work;
    for (unsigned i = 1; i < r->machine->n_ranks; i++)
        if (!r->dead[i] && r->role[i].serves && r->role[i].first == first)
            r->role[i] = (struct mpipe__role){ true, to->first, to->last };
    for (unsigned i = g; i + 1 < r->n_groups; i++)
        r->group[i] = r->group[i + 1];
    r->n_groups--;
}

/* Nobody is left to move: join it to the less busy side. */
static void join_one(struct repair *r)
{
    unsigned best_g = 0, best_with = 0;
    double best = -1;

    for (unsigned g = 0; g < r->n_groups; g++) {
        if (r->group[g].n > 0)
            continue;
        for (int side = -1; side <= 1; side += 2) {
            unsigned with = g + (unsigned)side;     /* below 0: not there */
            if (with >= r->n_groups || r->group[with].n == 0)
                continue;
            if (best < 0 || load(&r->group[with], r->group[with].n) < best) {
                best = load(&r->group[with], r->group[with].n);
                best_g = g;
                best_with = with;
            }
        }
    }
    join(r, best_g, best_with);
}

static bool has_nobody(const struct repair *r, struct group **which)
{
    for (unsigned g = 0; g < r->n_groups; g++) {
        *which = &r->group[g];
        if ((*which)->n == 0)
            return true;
    }
    return false;
}

static void fill_places(struct repair *r)
{
    for (unsigned i = 1; i < r->machine->n_ranks; i++) {
        if (!r->dead[i] || !r->role[i].serves)
            continue;
        move(r, NULL, &r->group[group_of(r, &r->role[i])], i);
    }
}

static void balance(struct repair *r)
{
    struct group *most, *from;

    for (;;) {
        most = &r->group[0];
        for (unsigned g = 1; g < r->n_groups; g++)
            if (load(&r->group[g], r->group[g].n) > load(most, most->n))
                most = &r->group[g];
        from = giver(r);
        if (most->dead == 0 || from == NULL || from == most
            || load(from, from->n - 1) >= MUCH * load(most, most->n))
            return;
        move(r, from, most, most->dead);
    }
}

enum mpipe_err mpipe__repair(struct mpipe__role *role, const bool *dead,
                             const double *work, unsigned n_stages,
                             const struct mpipe_machine *machine)
{
    struct repair r = { .role = role, .dead = dead, .machine = machine };
    struct group *empty, *from;
    unsigned n_live = 0;

    r.group = calloc(n_stages, sizeof *r.group);
    if (r.group == NULL)
        return MPIPE_ENOMEM;
    find_groups(&r, work, n_stages);
    fill_places(&r);
    for (unsigned i = 1; i < machine->n_ranks; i++)
        n_live += !dead[i] && role[i].serves;
    while (n_live > 0 && has_nobody(&r, &empty)) {
        from = giver(&r);
        if (from != NULL)
            move(&r, from, empty, empty->dead);
        else
            join_one(&r);
    }
    if (n_live > 0)
        balance(&r);
    else
        role[0] = (struct mpipe__role){ true, 0, n_stages - 1 };
    for (unsigned i = 1; i < machine->n_ranks; i++)
        role[i].serves &= !dead[i];
    free(r.group);
    return MPIPE_OK;
}
