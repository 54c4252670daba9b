/* SPDX-License-Identifier: BSD-3-Clause */
/* conformance.h - what every transport must do, as one list of checks.
 *
 * A new transport fills the table below with a way to make a world of n ranks
 * and calls mpipe__conformance().  The ranks may all be in this process (loop),
 * or each in its own (mpi): then each process makes the same calls.
 */
#ifndef MPIPE_TESTS_CONFORMANCE_H
#define MPIPE_TESTS_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "transport.h"

struct mpipe__conformance_host {
    const char *name;

    /* Make a world of 'size' ranks: set rank[r] for each rank of this process
     * and leave NULL for the others.  False: it could not. */
    bool (*open)(void *arg, int size, struct mpipe__transport **rank);

    /* Each transport has been freed by its ops->free.  May be NULL. */
    void (*close)(void *arg);

    void *arg;
    size_t largest;         /* bytes; the largest message to try */

    /* Up to this size a message that is too long for its receive fails that
     * receive and does no harm.  Below SIZE_MAX: only between two ranks, a
     * rank's messages to itself must fit. */
    size_t too_long_max;
};

/* Run the list with 'size' ranks, each check in a new world.  Returns how many
 * checks there are, and how many failed in this process; 'out' is told why. */
int mpipe__conformance(const struct mpipe__conformance_host *host, int size,
                       FILE *out, int *n_failed);

#endif
