/* SPDX-License-Identifier: BSD-3-Clause */
/* transport.h - moving messages between ranks (layer 2).
 *
 * A transport is a table of functions.  It knows nothing of frames, credits
 * or flows; it never calls up: what has finished is returned by poll().
 *
 * A message belongs to a (peer, channel).  Per sender, receiver and channel,
 * receives are matched with messages in the order in which both were made, and
 * complete in that order.  A rank may send to itself.  One thread per
 * transport.
 */
#ifndef MPIPE__TRANSPORT_H
#define MPIPE__TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>
#include "cause.h"

/* The largest message; link.c cuts what is longer. */
#define MPIPE__MESSAGE_MAX ((size_t)1 << 30)
#define MPIPE__CHANNEL_MAX 32000u

struct mpipe__transport;

#define MPIPE__NO_ROOT UINT64_MAX

/* What a rank has in hand, in memory that outlives it: so that it can be seen of
 * what it died. */
struct mpipe__box {
    uint64_t root;          /* MPIPE__NO_ROOT: no function of the user's runs */
    uint32_t attempt;
    uint32_t piece;         /* the path's first number; UINT32_MAX: no path */
    uint32_t flow;
    uint32_t part;          /* with 'key' */
    uint64_t key;           /* that is being reduced: a hash, or 0 */
};

struct mpipe__completion {
    void *cookie;           /* from send or recv */
    size_t size;            /* bytes of the message */
    enum mpipe_err error;   /* MPIPE_ELINK: the message was too long for the
                               receive; MPIPE_EMPI: the library failed;
                               MPIPE_EDEAD: abandoned */
};

struct mpipe__transport_ops {
    const char *name;

    /* Begin sending.  Never waits, whatever the receiver does.  'data' is lent
     * until the completion with 'cookie' is returned.  On an error nothing was
     * begun. */
    enum mpipe_err (*send)(struct mpipe__transport *t, int peer,
                           unsigned channel, const void *data, size_t size,
                           void *cookie);

    /* Post a receive of a message of at most 'capacity' bytes.  'data' is lent
     * until the completion or cancel().  That a message fits is the sender's
     * duty: loop reports a longer one as MPIPE_ELINK, but Open MPI 4.1 may
     * write past the end of the buffer before it does. */
    enum mpipe_err (*recv)(struct mpipe__transport *t, int peer,
                           unsigned channel, void *data, size_t capacity,
                           void *cookie);

    /* Move things along; returns how many of done[0..max-1] were filled.
     * Never waits. */
    int (*poll)(struct mpipe__transport *t, struct mpipe__completion *done,
                int max);

    /* Withdraw all receives from (peer, channel); their buffers are the
     * caller's again and their cookies do not come back.  Call only when the
     * peer sends no more on this channel. */
    void (*cancel)(struct mpipe__transport *t, int peer, unsigned channel);

    /* Rest until a message may have come, or about 'timeout_us' have passed.
     * May return early.  'stir' true: something is under way that needs this
     * rank's own polling, so rest only briefly. */
    void (*wait)(struct mpipe__transport *t, unsigned timeout_us, bool stir);

    /* Let the wait() of this rank, or its next one, return at once.  From any
     * thread, and from a signal handler. */
    void (*wake)(struct mpipe__transport *t);

    /* End the job on all ranks at once, with this exit code: there is no other
     * way left.  Does not return. */
    void (*abort)(struct mpipe__transport *t, int code);

    /* Is the peer on this node? */
    bool (*near)(struct mpipe__transport *t, int peer);

    /* A rank that has died and was not told of before; -1: none.  NULL: deaths
     * are not noticed. */
    int (*next_death)(struct mpipe__transport *t);

    /* Of what it has died (cause.h).  NULL: that is not known. */
    int (*cause)(struct mpipe__transport *t, int peer);

    /* All that the flow is to give is there: if the peer is in a function of the
     * user's over a frame of it, its process ends at once.  NULL: that cannot be
     * done. */
    void (*dismiss)(struct mpipe__transport *t, int peer, unsigned flow);

    /* The peer is dead: everything that is under way with it comes back from
     * poll() with MPIPE_EDEAD, if it had not ended before.  Begin nothing with
     * it after that. */
    void (*abandon)(struct mpipe__transport *t, int peer);

    /* The box of a rank; NULL: it cannot be seen from here.  This rank's own
     * always can. */
    struct mpipe__box *(*box)(struct mpipe__transport *t, int peer);

    /* This rank has done its part of everything: wait until all others have too.
     * True: nobody has died, so that the end may be collective.  NULL: nobody
     * can die. */
    bool (*part)(struct mpipe__transport *t);

    /* All completions have been taken or their buffers may be forgotten. */
    void (*free)(struct mpipe__transport *t);
};

struct mpipe__transport {
    const struct mpipe__transport_ops *ops;
    int rank, size;
    /* Memory that came back with MPIPE_EDEAD may still be read or written by
     * the library below: never use or free it. */
    bool keeps_abandoned;
};

#endif
