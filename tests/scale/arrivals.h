/* SPDX-License-Identifier: BSD-3-Clause */
/* arrivals.h - MPI_Testsome() without a look at what cannot be done yet.
 *
 * A rank has hundreds of receives posted, and thousands of idle ranks look at them some
 * ten thousand times a second of simulated time, which SimGrid takes most of its own time
 * for.  But all ranks are one process here: who sends can note which receive it is for.
 * What a rank finds, and when, is the same.
 *
 * The linker puts functions of arrivals.c round MPI_Irecv() and MPI_Cancel().  There is to
 * be one communicator for all messages, with the ranks of the world.
 */
#ifndef ARRIVALS_H
#define ARRIVALS_H

#include <mpi.h>

/* This rank is about to send a message; and has, by this request. */
void arrivals_expect(int to, int tag);
void arrivals_sent(MPI_Request request);

/* As MPI_Testsome(). */
int arrivals_test(int n, MPI_Request *requests, int *n_done, int *index,
                  MPI_Status *status);

#endif
