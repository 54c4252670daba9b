/* SPDX-License-Identifier: BSD-3-Clause */
/* launcher.h - what ranks tell `mpipe run` of the start, and get from it (layer 2).
 *
 * It cannot see whether ranks that wait in MPI_Init() wait for one that is dead.  So
 * they say in the file MPIPE_STATUS_FILE, where there is one, how far they are.
 */
#ifndef MPIPE__LAUNCHER_H
#define MPIPE__LAUNCHER_H

/* Any rank: MPI is about to start. */
void mpipe__launcher_start(void);
/* Rank 0: all ranks are here, and notice deaths from now on. */
void mpipe__launcher_here(void);

/* Rank 0: print to the stdout of `mpipe run` itself, where that offers it on this host
 * (MPIPE_STDOUT) and stdout is still the launcher's. */
void mpipe__launcher_stdout(void);

#endif
