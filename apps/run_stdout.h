/* SPDX-License-Identifier: BSD-3-Clause */
/* run_stdout.h - rank 0 writes to the stdout of `mpipe run` itself. */
#ifndef RUN_STDOUT_H
#define RUN_STDOUT_H

#include <stdbool.h>

/* Hand stdout to whoever connects to the socket 'path', which is made here, until
 * run_stdout_withdraw().  False: it cannot be done; then all goes by the launcher. */
bool run_stdout_offer(const char *path);

/* No more; the socket is removed.  Does nothing where nothing is offered. */
void run_stdout_withdraw(void);

#endif
