/* SPDX-License-Identifier: BSD-3-Clause */
/* lifeline.h - a TCP connection from each rank to rank 0 (layer 2).
 *
 * When a process dies the kernel closes its end, also in the middle of a long
 * function; one that is stopped or cut off does not answer any more, and is taken
 * for dead after a while.  Rank 0 tells the others, and that rank too, should it
 * come back.  A rank that leaves in good order says so first, and one that dies of a
 * signal that can be caught says of which.
 *
 *   rank 0:    listen -> (its address goes to all) -> accept -> next_death ...
 *   others:    connect -> next_death ...
 *   all:       part -> leave
 */
#ifndef MPIPE__LIFELINE_H
#define MPIPE__LIFELINE_H

#include <stdbool.h>
#include <stdint.h>
#include <mpipe/error.h>
#include "cause.h"

#define MPIPE__LIFELINE_ADDRESSES 16u

struct mpipe__lifeline;

/* Where rank 0 listens: plain bytes. */
struct mpipe__lifeline_address {
    uint64_t token;             /* whoever knows it belongs to the job */
    uint16_t port;              /* 0: nowhere */
    uint16_t n;
    unsigned char ip[MPIPE__LIFELINE_ADDRESSES][16];    /* IPv6, or IPv4 mapped */
};

/* 'timeout_s': how long a rank may be silent before it is taken for dead, in
 * time in which rank 0 looks.  NULL on an error, told in 'err': MPIPE_ENOMEM,
 * MPIPE_EIO. */
struct mpipe__lifeline *mpipe__lifeline_listen(
    int size, unsigned timeout_s, struct mpipe__lifeline_address *address,
    struct mpipe_error *err);
struct mpipe__lifeline *mpipe__lifeline_connect(
    int rank, int size, unsigned timeout_s,
    const struct mpipe__lifeline_address *address, struct mpipe_error *err);

/* rank 0: wait until all have connected, at most so long.  The first rank that
 * has not; -1: all have. */
int mpipe__lifeline_accept(struct mpipe__lifeline *l, unsigned wait_ms);

/* A rank that has died and was not told of before; -1: none.  This rank itself:
 * it was taken for dead. */
int mpipe__lifeline_next_death(struct mpipe__lifeline *l);

/* Of what (cause.h), once next_death() has named the rank.  The others know it of
 * rank 0 only. */
int mpipe__lifeline_cause(struct mpipe__lifeline *l, int rank);

/* rank 0: the rank is not needed any more for this flow.  It ends at once, with status
 * 0, if what it gave to heed() says so, and then its cause is MPIPE__LEFT. */
void mpipe__lifeline_dismiss(struct mpipe__lifeline *l, int rank, unsigned flow);
/* The others: may this process end, wherever it is?  Asked in a thread. */
void mpipe__lifeline_heed(struct mpipe__lifeline *l,
                          bool (*may_end)(void *arg, unsigned flow), void *arg);

/* This rank has done its part: wait until all others have too.  True: nobody has
 * died, so that what comes may be collective. */
bool mpipe__lifeline_part(struct mpipe__lifeline *l);

/* Say that this rank leaves in good order, and close.  NULL is allowed. */
void mpipe__lifeline_leave(struct mpipe__lifeline *l);

#endif
