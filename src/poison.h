/* SPDX-License-Identifier: BSD-3-Clause */
/* poison.h - rank 0: items that kill the ranks that work on them (layer 3).
 *
 * A dead rank's box tells which root it had in hand.  That root is fed again item
 * by item, so that the next death tells the item; one that has killed as often as
 * an item may be tried again (--max-retries) has failed, and the job goes on.
 */
#ifndef MPIPE__POISON_H
#define MPIPE__POISON_H

#include "flow.h"
#include "ledger.h"

struct mpipe__suspect {
    uint64_t root;
    uint32_t item;
    uint32_t deaths;
    int rank;                   /* that died over it last */
    bool failed;
};

/* The rank has died: what had it in hand?  Where that cannot be seen from here
 * its neighbours are asked, and the answer is noted when it comes. */
void mpipe__poison_note(struct mpipe__flow *flow, int rank);
/* Ask its neighbours; false: there are none. */
bool mpipe__poison_ask(struct mpipe__flow *flow, int rank);
/* On another rank: answer that question. */
void mpipe__poison_show(struct mpipe__flow *flow, struct mpipe__frame *question);
/* The answer has come. */
void mpipe__poison_told(struct mpipe__flow *flow, struct mpipe__frame *answer);
/* Feed the root anew item by item, less those that have failed; true if that is
 * due. */
bool mpipe__poison_split(struct mpipe__flow *flow, struct mpipe__root *r);

#endif
