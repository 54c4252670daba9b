/* SPDX-License-Identifier: BSD-3-Clause */
/* offspring.h - what a process that this one forks must not hold on to (layer 2).
 *
 * A connection is closed by the kernel when the last process that has it is gone.  A
 * child that execs has lost it by that; one that does not would hold it for as long as
 * it lives.
 */
#ifndef MPIPE__OFFSPRING_H
#define MPIPE__OFFSPRING_H

#include <stdbool.h>

/* In the child, before fork() returns there: close what is held.  Only what a signal
 * handler may do. */
typedef void mpipe__offspring_fn(void *arg);

struct mpipe__offspring {           /* part of whoever watches */
    mpipe__offspring_fn *close;
    void *arg;
    struct mpipe__offspring *next;
};

/* From now on, in each child; until unwatch(), which may be called without it. */
void mpipe__offspring_watch(struct mpipe__offspring *o, mpipe__offspring_fn *close,
                            void *arg);
void mpipe__offspring_unwatch(struct mpipe__offspring *o);

#endif
