/* SPDX-License-Identifier: BSD-3-Clause */
/* gauge.h - what each simulated rank uses: memory, messages, links, and the
 * processor time that a message costs.
 *
 * All ranks are one process that the program's variables belong to (run it with
 * smpi/privatization:no), so any rank can read the gauges of all.  The linker puts
 * functions of gauge.c round malloc() and its like and round MPI_Isend() and
 * MPI_Testsome(): only calls from the program and the library count, not those from
 * SimGrid and other libraries.
 *
 * Nothing that runs takes simulated time but what sleeps.  So that rank 0 is not
 * infinitely fast, a message takes some at both ends, and a test takes some
 * for each request that is looked at.  The figures were measured on real ranks
 * (doc/scaling.md).
 */
#ifndef GAUGE_H
#define GAUGE_H

#include <stddef.h>
#include <stdint.h>

#define GAUGE_RANKS 4097            /* with one place for what is no rank's */

struct gauge {
    size_t bytes, bytes_max;        /* allocated */
    uint64_t sent, received;        /* messages */
    uint64_t tests;                 /* calls of MPI_Testsome */
    unsigned requests_max;          /* looked at in one of them */
    unsigned links_max;             /* of a pipeline; noted by the program */
    unsigned peers;                 /* that were sent something */
    unsigned char peer[GAUGE_RANKS / 8 + 1];
    double spent;                   /* seconds, on messages */
    double owed;                    /* of these, not yet slept */
};

/* Which rank this is; -1: none is. */
int gauge_rank(void);

/* Of a rank; -1: of this one. */
struct gauge *gauge_of(int rank);

#endif
