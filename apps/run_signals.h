/* SPDX-License-Identifier: BSD-3-Clause */
/* run_signals.h - the signals that `mpipe run` gets, and hands on to its launcher. */
#ifndef RUN_SIGNALS_H
#define RUN_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* From now on signals wait until they are taken.  Those that whoever started us has
 * ignored (nohup) stay so. */
void run_signals_hold(void);
/* As it was before: at the end, and in a child before its exec. */
void run_signals_release(void);

/* The first SIGTERM or SIGUSR1 is handed on as this signal; 0: as itself. */
void run_signals_gently(int number);

/* Take what has come, and hand it on to 'launcher' (0: there is none).  Wait for a
 * signal at most so long, the end of a child (SIGCHLD) is one too. */
void run_signals_take(pid_t launcher, uint64_t wait_ms);

/* Has one come that asks for an end? */
bool run_signals_asked(void);

#endif
