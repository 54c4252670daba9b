/* SPDX-License-Identifier: BSD-3-Clause */
/* mpi.h - for programs that use MPI themselves. */
#ifndef MPIPE_MPI_H
#define MPIPE_MPI_H

#include <mpi.h>
#include <mpipe/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Collective over 'comm', which is duplicated and stays the caller's.
 * Otherwise like mpipe_init(); MPI must have been started, and is not ended
 * by mpipe_finalize(). */
struct mpipe *mpipe_init_comm(MPI_Comm comm, int *argc, char ***argv);

#ifdef __cplusplus
}
#endif
#endif
