/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_loop.h - many ranks in one process and one thread.
 *
 * The reference for what a transport is, and the world in which the engine is
 * tested: everything happens in a fixed order, so a run can be repeated.  When
 * a rank waits, the world gives each other rank a turn.
 */
#ifndef MPIPE__TRANSPORT_LOOP_H
#define MPIPE__TRANSPORT_LOOP_H

#include "transport.h"

struct mpipe__loop_world;

/* A world of 'size' ranks; NULL: no memory. */
struct mpipe__loop_world *mpipe__loop_new(int size);
void mpipe__loop_free(struct mpipe__loop_world *world);

/* The rank's transport, owned by the world.  Its ops->free only gives back what
 * the rank has lent: sends and receives that are still open vanish. */
struct mpipe__transport *mpipe__loop_transport(struct mpipe__loop_world *world,
                                               int rank);

/* The node on which the rank is: 0 for all, else.  Before it is used. */
void mpipe__loop_node(struct mpipe__loop_world *world, int rank, int node);

/* What 'rank' does with a turn.  'nested' is true when that rank is itself
 * waiting further up the stack: it may then move messages, but must not run
 * the user's functions.  A wait inside a nested turn returns at once. */
typedef void (*mpipe__loop_turn_fn)(void *arg, bool nested);
void mpipe__loop_on_turn(struct mpipe__loop_world *world, int rank,
                         mpipe__loop_turn_fn turn, void *arg);

/* The rank is gone: what it sent and has not been received is lost, what is
 * sent to it is taken and lost, it gets no more turns.  Should its own code
 * still be on the stack, so that it can leave: what it has begun completes with
 * MPIPE_EMPI, its send() and recv() fail with that, its wait() returns at
 * once. */
void mpipe__loop_kill(struct mpipe__loop_world *world, int rank);

/* After so many waits in a row in which no message moved (default 100,000),
 * print who waits for what and abort: a hang becomes a failing test.  0: wait
 * for ever. */
void mpipe__loop_patience(struct mpipe__loop_world *world, unsigned long waits);

#endif
