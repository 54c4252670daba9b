/* SPDX-License-Identifier: BSD-3-Clause */
/* repair.h - new roles after ranks have died (layer 1, pure).
 *
 * As little changes as can be: ranks that live keep their role unless they are
 * needed elsewhere, since a stage may be dear to set up.
 */
#ifndef MPIPE__REPAIR_H
#define MPIPE__REPAIR_H

#include "placement.h"

/* Take the dead ranks out of 'role' (n_ranks, as in a plan that had them), and
 * see that every stage is served by the others:
 *
 *  1. a spare takes the place of a dead rank, the nearest first;
 *  2. a stage that has nobody left gets a rank from where that costs least, or,
 *     if each stage has but one, is served by the ranks of a neighbour too;
 *  3. what has lost ranks gets one from elsewhere while the busiest stage would
 *     be much less busy by that;
 *  4. where nobody but rank 0 lives it serves all stages.
 *
 * 'work' of an item for each stage, above 0.  Rank 0 must live.  MPIPE_ENOMEM,
 * and nothing is changed. */
enum mpipe_err mpipe__repair(struct mpipe__role *role, const bool *dead,
                             const double *work, unsigned n_stages,
                             const struct mpipe_machine *machine);

#endif
