/* SPDX-License-Identifier: BSD-3-Clause */
/* farewell.h - MPI is ended, or given up when that takes too long (layer 2).
 *
 * The end of MPI is collective: it waits for ever for a rank that dies after it has
 * said on its lifeline that it has done its part.  Then nothing is left to do but
 * to exit.  One at a time in a process.
 */
#ifndef MPIPE__FAREWELL_H
#define MPIPE__FAREWELL_H

/* From now on: unless over() is called within 'limit_ms', the process exits with
 * 'code', as it stands. */
void mpipe__farewell_begin(int code, unsigned limit_ms);
void mpipe__farewell_over(void);    /* also when none has begun */

#endif
