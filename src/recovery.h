/* SPDX-License-Identifier: BSD-3-Clause */
/* recovery.h - rank 0: a flow goes on after ranks have died (layer 3). */
#ifndef MPIPE__RECOVERY_H
#define MPIPE__RECOVERY_H

#include "flow.h"

/* Ranks have died (engine.h says which): give their roles to others, and feed
 * again what was in flight; or end the flow where it cannot go on. */
void mpipe__recovery_deaths(struct mpipe__flow *flow);
/* All that is in flight begins another attempt, with the next table. */
void mpipe__recovery_again(struct mpipe__flow *flow);
/* Take the dead out of the members' roles and send all the next table. */
enum mpipe_err mpipe__recovery_table(struct mpipe__flow *flow,
                                     struct mpipe_error *err);
/* Before a table: who has which partition of the shuffle.  What is lost is given
 * away by the first table, and as long as nothing has been committed. */
enum mpipe_err mpipe__recovery_owners(struct mpipe__flow *flow);
/* Are partitions lost that it is to go through?  Then it ends. */
bool mpipe__recovery_lacks(struct mpipe__flow *flow);
/* What a rank that died had in hand is known: was it a key? */
struct mpipe__box;
void mpipe__recovery_box(struct mpipe__flow *flow, int rank,
                         const struct mpipe__box *box);
/* Now and then: an answer to that question may not come. */
void mpipe__recovery_pass(struct mpipe__flow *flow, uint64_t now);
/* A root is complete. */
void mpipe__recovery_result(struct mpipe__flow *flow);

#endif
