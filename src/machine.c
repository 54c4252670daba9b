/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.c - a machine as plain structs: how near are two ranks?
 *
 * A rank's location is a path, so nearness is the length of the common prefix
 * of two paths, and sorting the paths makes each place one run of ranks.  No
 * tree is ever built.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "placement.h"

struct mpipe_machine *mpipe__machine_new(unsigned n_ranks)
{
    struct mpipe_machine *machine;

    machine = calloc(1, sizeof *machine
                        + (size_t)n_ranks * sizeof machine->at[0]);
    if (machine != NULL)
        machine->n_ranks = n_ranks;
    return machine;
}

struct mpipe_machine *mpipe__machine_copy(const struct mpipe_machine *machine)
{
    struct mpipe_machine *copy = mpipe__machine_new(machine->n_ranks);

    if (copy != NULL)
        memcpy(copy->at, machine->at,
               machine->n_ranks * sizeof machine->at[0]);
    return copy;
}

void mpipe_machine_free(struct mpipe_machine *machine)
{
    free(machine);
}

unsigned mpipe_machine_ranks(const struct mpipe_machine *machine)
{
    return machine->n_ranks;
}

static unsigned shared(const struct mpipe__location *a,
                       const struct mpipe__location *b)
{
    unsigned l = 0;

    while (l < MPIPE__N_LEVELS && a->id[l] == b->id[l])
        l++;
    return l;
}

unsigned mpipe__machine_shared(const struct mpipe_machine *machine,
                               unsigned a, unsigned b)
{
    assert(a < machine->n_ranks && b < machine->n_ranks);
    return shared(&machine->at[a], &machine->at[b]);
}

unsigned mpipe__distance(const struct mpipe_machine *machine,
                         unsigned a, unsigned b)
{
    return MPIPE__N_LEVELS - mpipe__machine_shared(machine, a, b);
}

/* One small record a rank, so that qsort needs no context: 'near' is the
 * nearness to rank 0, 'at' the path. */
struct sortable {
    unsigned near, rank;
    const struct mpipe__location *at;
};

/* Ranks that are nearer to rank 0 come first; that also puts the place with
 * rank 0 first at each level, since two ranks that are equally near to it have
 * parted from it, and perhaps from each other, at the same level or below. */
static int compare(const void *pa, const void *pb)
{
    const struct sortable *a = pa, *b = pb;
    unsigned l;

    if (a->near != b->near)
        return a->near > b->near ? -1 : 1;
    l = shared(a->at, b->at);
    if (l < MPIPE__N_LEVELS)
        return a->at->id[l] < b->at->id[l] ? -1 : 1;
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

enum mpipe_err mpipe__machine_order(const struct mpipe_machine *machine,
                                    unsigned *order)
{
    unsigned n = machine->n_ranks, i;
    struct sortable *s = malloc(n * sizeof *s);

    if (s == NULL)
        return MPIPE_ENOMEM;
    for (i = 0; i < n; i++) {
        s[i].near = shared(&machine->at[0], &machine->at[i]);
        s[i].rank = i;
        s[i].at = &machine->at[i];
    }
    qsort(s, n, sizeof *s, compare);
    for (i = 0; i < n; i++)
        order[i] = s[i].rank;
    free(s);
    return MPIPE_OK;
}
