/* SPDX-License-Identifier: BSD-3-Clause */
/* backup.h - rank 0: near the end, what is late is given to idle ranks as well
 * (layer 3).
 *
 * One slow rank must not keep a whole job waiting.  When the feed has ended and a
 * rank of the first stage has nothing to do, the oldest root frame that has been
 * under way for much longer than others is fed to it once more, as a root of its
 * own.  Of the two the one that is complete first counts: of a shuffle rank 0 tells the
 * workers which (doc/protocol.md, Copies).
 */
#ifndef MPIPE__BACKUP_H
#define MPIPE__BACKUP_H

#include "ledger.h"

struct mpipe__flow;

/* Has a root been under way for too long?  Pure. */
bool mpipe__backup_late(uint64_t age_ns, uint64_t typical_ns);

/* The root goes to this rank, for the first time or again: its time begins. */
void mpipe__backup_given(const struct mpipe__flow *flow, struct mpipe__root *r,
                         int rank);

/* Feed what is late once more, if that is to be; true if something was. */
bool mpipe__backup_step(struct mpipe__flow *flow);

/* A root is complete: it, or what it is the copy of, whose results are now its.
 * The other one is forgotten. */
struct mpipe__root *mpipe__backup_join(struct mpipe__flow *flow,
                                       struct mpipe__root *r);

/* All has been delivered: may the flow end?  Not while a rank that has partitions is in
 * a frame that was done elsewhere: what comes next needs it. */
bool mpipe__backup_over(const struct mpipe__flow *flow);

/* The flow has ended well, and rank 0 has said farewell: who has not after a second (or
 * as long as a root is usually under way) is in a function over something that others
 * have done, or has some other reason.  In the first case its process ends: unless
 * somebody needs it. */
void mpipe__backup_dismiss(struct mpipe__flow *flow);

/* All copies are forgotten. */
void mpipe__backup_drop(struct mpipe__flow *flow);

#endif
