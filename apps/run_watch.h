/* SPDX-License-Identifier: BSD-3-Clause */
/* run_watch.h - wait for the launcher, and see that it does not wait for ever. */
#ifndef RUN_WATCH_H
#define RUN_WATCH_H

#include <sys/types.h>
#include "run_line.h"

/* Wait for this child, which is an mpirun that lets others go on after a death.
 * 'status': the file in which the ranks say how far they are.  'said': what they said at
 * last.  Its exit status, 128 more than the signal that it died of, or -MPIPE_EDEAD where
 * it was ended since a rank has died (which is told). */
int run_watch(pid_t launcher, const char *status, struct run_said *said);

#endif
