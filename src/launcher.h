/* SPDX-License-Identifier: BSD-3-Clause */
/* launcher.h - what ranks tell `mpipe run` of the start, and get from it (layer 2).
 *
 * It cannot see whether ranks that wait in MPI_Init() wait for one that is dead.  So
 * they say in the file MPIPE_STATUS_FILE, where there is one, how far they are; and rank
 * 0 calls the launcher (MPIPE_LAUNCHER), which then hears it on any host, and hears when
 * rank 0 dies.
 */
#ifndef MPIPE__LAUNCHER_H
#define MPIPE__LAUNCHER_H

#include <stdbool.h>

/* Any rank: MPI is about to start. */
void mpipe__launcher_start(void);
/* Rank 0: call the launcher, which is to take it for dead when its host does not answer
 * for so long. */
void mpipe__launcher_call(unsigned timeout_s);
/* Rank 0: all ranks are here, and notice deaths from now on. */
void mpipe__launcher_here(void);
/* Rank 0: the session is at its "end", with this exit code and so many dead.  Or "abort":
 * others may still run, and are to be ended.  Of several sessions at once the worst code
 * counts.  False: it could not be told, see errno. */
bool mpipe__launcher_end(int code, int n_dead, const char *how);

/* Rank 0: print to the stdout of `mpipe run` itself, where that offers it on this host
 * (MPIPE_STDOUT) and stdout is still the launcher's. */
void mpipe__launcher_stdout(void);

#endif
