/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.h - see where stages would run, before a job runs.
 *
 * A machine says where each rank is (switch, node, package, NUMA, cache, core);
 * a plan says which stages each rank serves.  Everything here is local: no MPI,
 * and no job needed.
 */
#ifndef MPIPE_PLAN_H
#define MPIPE_PLAN_H

#include <stdio.h>
#include <mpipe/error.h>
#include <mpipe/session.h>
#include <mpipe/stage.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mpipe_machine;
struct mpipe_plan;

enum mpipe_policy {
    MPIPE_POLICY_TOPOLOGY,      /* the default: by work, and chains near */
    MPIPE_POLICY_PACKED,        /* stage after stage over ranks in order */
    MPIPE_POLICY_ROUND_ROBIN    /* rank r serves stage r-1 modulo stages */
};

/* A made-up machine: words LEVEL:COUNT, outermost first, such as
 * "switch:2 node:4 package:2 core:8" (8 nodes of 16 cores).  'switch' (up to
 * three, for tiers) and 'node' are ours; what follows node is one node in
 * hwloc's synthetic syntax and may be left out (1 core); without 'node' there
 * is one.  'n_ranks' ranks are laid over its cores in order, as mpirun
 * would (0: one for each core); with more ranks than cores each node gets as
 * many, which wrap around over its cores.  NULL on an error, told in 'err' (may
 * be NULL): MPIPE_EINVAL, MPIPE_ENOMEM. */
struct mpipe_machine *mpipe_machine_synthetic(const char *words,
                                              unsigned n_ranks,
                                              struct mpipe_error *err);

/* This computer, with 'n_ranks' ranks laid over its cores in order (0: one
 * a core). */
struct mpipe_machine *mpipe_machine_this(unsigned n_ranks,
                                         struct mpipe_error *err);
void mpipe_machine_free(struct mpipe_machine *machine); /* NULL is allowed */
unsigned mpipe_machine_ranks(const struct mpipe_machine *machine);

/* Decide which rank serves which of the 'n_stages' stages (of each, name,
 * replicas and work count).  Pure: the same arguments give the same plan.
 *
 * - Rank 0 is feeder and sink.  It serves stages only when it is alone, and
 *   then serves all of them, whatever replicas they ask for.
 * - A stage that asks for a number of replicas gets just that many ranks; the
 *   others share what is left, in proportion to their work.
 * - Each rank serves one stage or a run of neighbouring stages.  Neighbours are
 *   run together (fused) where there are fewer ranks than stages, and where the
 *   modelled cost is lower: a rank that serves several stages is taken to be a
 *   third slower, so stages stay by themselves unless the ranks cannot be
 *   shared out evenly or a stage has very little work.  A stage that asks for
 *   replicas is fused only when there are too few ranks, and only with
 *   neighbours that ask for as many or for none in particular.
 * - 'spares' ranks are left without a role, fewer if each stage would not have
 *   a rank of its own; also those that no stage asks for.
 *
 * MPIPE_POLICY_ROUND_ROBIN deals the ranks out to the stages in turn, without
 * regard to work or place; MPIPE_POLICY_PACKED shares them out by work, but
 * without regard to place.
 *
 * NULL on an error, told in 'err': MPIPE_EPLACE when the replicas asked for
 * need more ranks than there are, MPIPE_EINVAL (no stages, one without a
 * name or with a work that is negative or not a number, no such policy),
 * MPIPE_ENOMEM. */
struct mpipe_plan *mpipe_plan_new(const struct mpipe_machine *machine,
                                  const struct mpipe_stage *stages,
                                  unsigned n_stages, enum mpipe_policy policy,
                                  unsigned spares, struct mpipe_error *err);
void mpipe_plan_free(struct mpipe_plan *plan);          /* NULL is allowed */

/* The run of neighbouring stages that a rank serves, [*first, *last]; 0 (false)
 * when it serves none (rank 0 of several, or a spare). */
int mpipe_plan_role(const struct mpipe_plan *plan, unsigned rank,
                    unsigned *first, unsigned *last);

/* The modelled time per item fed, in the unit of the stages' work: that of
 * the busiest rank, its work and what it moves.  The average stage's work
 * counts as 1 against the cost of moving an item (0.005 to 0.1 by distance), so
 * that only the proportions of the works matter (src/plan_cost.h has the
 * formula). */
double mpipe_plan_cost(const struct mpipe_plan *plan);

/* The machine as a tree, each rank with its role, and the cost beside that of
 * round-robin.  MPIPE_EIO when the stream fails, MPIPE_ENOMEM. */
enum mpipe_err mpipe_plan_print(const struct mpipe_plan *plan, FILE *stream);
enum mpipe_err mpipe_plan_svg(const struct mpipe_plan *plan, FILE *stream);

/* "topology", "packed" or "round-robin"; NULL when there is no such policy. */
const char *mpipe_policy_name(enum mpipe_policy policy);

/* The version of hwloc that libmpipe was built with, such as "2.9.0".
 * Static. */
const char *mpipe_hwloc_version(void);

#ifdef __cplusplus
}
#endif
#endif
