/* SPDX-License-Identifier: BSD-3-Clause */
/* doorbell.h - sleep until a neighbour on the same node rings (layer 2).
 *
 * One bell is one cache line in memory that the ranks of a node share.  The
 * sleeper announces itself, looks once more for work, and then sleeps in the
 * kernel; who has made work for it looks at the bell and wakes it.  Costs the
 * ringer one memory read when nobody sleeps.
 */
#ifndef MPIPE__DOORBELL_H
#define MPIPE__DOORBELL_H

#include <stdint.h>

struct mpipe__bell {
    uint32_t sleeping;          /* the futex: 1 while its owner sleeps */
    uint32_t unused;
    void *rung;                 /* simulated: what its owner waits for */
    char pad[48];
};

/* By the owner: announce, [look for work], then either sleep or withdraw. */
void mpipe__bell_announce(struct mpipe__bell *bell);
void mpipe__bell_withdraw(struct mpipe__bell *bell);
/* Sleep until rung, a signal, or the time is up; withdraws as well. */
void mpipe__bell_sleep(struct mpipe__bell *bell, unsigned timeout_us);

/* By others, after they have made work for the owner. */
void mpipe__bell_ring(struct mpipe__bell *bell);

#endif
