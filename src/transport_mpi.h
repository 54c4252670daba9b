/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_mpi.h - messages by MPI (layer 2). */
#ifndef MPIPE__TRANSPORT_MPI_H
#define MPIPE__TRANSPORT_MPI_H

#include <mpi.h>
#include "transport.h"

/* Collective over 'comm', which is duplicated.  NULL on an error, told in
 * 'err'.  Free it by its ops->free (collective again). */
struct mpipe__transport *mpipe__mpi_transport(MPI_Comm comm,
                                              struct mpipe_error *err);

/* Which node the rank is on: the lowest rank that shares memory with it; and
 * that rank's place among those of its node, of how many. */
void mpipe__mpi_node(struct mpipe__transport *t, int *node, int *nth, int *of);

/* Collective: let deaths be noticed (see lifeline.h), where the environment lets
 * a job go on after one.  Says in 'err' what is wrong, if something is.  False: a
 * death ends the job. */
bool mpipe__mpi_lifeline(struct mpipe__transport *t, unsigned timeout_s,
                         struct mpipe_error *err);

/* Collective: 'size' bytes of every rank, in rank order, on rank 0 ('all' is
 * NULL elsewhere).  For the start only: nothing is collective after it. */
enum mpipe_err mpipe__mpi_gather(struct mpipe__transport *t, const void *mine,
                                 size_t size, void *all);

/* Collective, likewise: if 'err' has an error on any rank, it has afterwards that
 * of the first such rank on all of them. */
enum mpipe_err mpipe__mpi_agree(struct mpipe__transport *t,
                                struct mpipe_error *err);

#endif
