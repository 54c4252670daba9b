/* SPDX-License-Identifier: BSD-3-Clause */
/* placement.h - machines and plans as plain structs (layer 1, pure).
 *
 * A machine is, for each rank, the path of places from the outermost switch to
 * its core.  Two ranks are as near as the deepest place they share.
 */
#ifndef MPIPE__PLACEMENT_H
#define MPIPE__PLACEMENT_H

#include <stdbool.h>
#include <stdint.h>
#include <mpipe/plan.h>

enum mpipe__level {         /* outermost first */
    MPIPE__SWITCH0, MPIPE__SWITCH1, MPIPE__SWITCH2,
    MPIPE__NODE, MPIPE__PACKAGE, MPIPE__NUMA, MPIPE__CACHE, MPIPE__CORE,
    MPIPE__N_LEVELS
};

/* Where one rank is: plain bytes, sent to rank 0 as they are.  id[l] tells the
 * places of level l inside the same outer place apart; a level that the
 * machine lacks has 0.  Ranks with equal id[0..l] share the place of level
 * l. */
struct mpipe__location {
    uint32_t id[MPIPE__N_LEVELS];
    char host[64];
};

struct mpipe_machine {
    unsigned n_ranks;
    struct mpipe__location at[];    /* n_ranks */
};

struct mpipe__role {
    bool serves;                    /* false: feeder/sink only, or a spare */
    unsigned first, last;           /* its stages, when it serves */
};

/* What a plan costs: see plan_cost.h. */
struct mpipe__cost {
    double busiest;                 /* time per item fed, of the busiest rank */
    unsigned busiest_rank;
    double busiest_worker;          /* the same without rank 0 */
    double moved;                   /* move cost of one item, all ranks */
    double hops;                    /* moves of one item from rank to rank, */
    double hops_off_node;           /* and those of them between nodes */
};

struct mpipe_plan {
    unsigned n_ranks, n_stages;
    struct mpipe__role *role;       /* n_ranks */
    struct mpipe__cost cost;
    struct mpipe__cost round_robin; /* what round-robin would cost */
    struct mpipe_machine *machine;  /* own copy, for printing */
    char **stage_name;              /* n_stages, own copies */
    double *stage_work;             /* n_stages, as modelled */
    enum mpipe_policy policy;
};

/* A machine with room for 'n_ranks' locations, all zero; NULL: no memory. */
struct mpipe_machine *mpipe__machine_new(unsigned n_ranks);
struct mpipe_machine *mpipe__machine_copy(const struct mpipe_machine *machine);

/* How many levels two ranks share, from the outermost: 0 ...
 * MPIPE__N_LEVELS (the same core). */
unsigned mpipe__machine_shared(const struct mpipe_machine *machine,
                               unsigned a, unsigned b);

/* How far apart two ranks are: 0 (same core) ... MPIPE__N_LEVELS (nothing in
 * common).  Two nodes of a machine without switches are MPIPE__N_LEVELS -
 * MPIPE__NODE = 5 apart. */
unsigned mpipe__distance(const struct mpipe_machine *machine,
                         unsigned a, unsigned b);

/* Put all ranks into 'order' so that each place is one run of it, and at each
 * level the place that holds rank 0 comes first: rank 0 is order[0], and ranks
 * that stand together in 'order' are near.  O(n log n).  MPIPE_ENOMEM. */
enum mpipe_err mpipe__machine_order(const struct mpipe_machine *machine,
                                    unsigned *order);

/* Modelled cost of moving one item over that distance, for the sender and for
 * the receiver each, where the average stage's work is 1. */
double mpipe__distance_cost(unsigned distance);

#endif
