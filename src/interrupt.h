/* SPDX-License-Identifier: BSD-3-Clause */
/* interrupt.h - signals that ask for an end, while pipelines run (layer 2). */
#ifndef MPIPE__INTERRUPT_H
#define MPIPE__INTERRUPT_H

/* Nonzero once a signal came: its number. */
volatile int *mpipe__interrupted(void);

/* Watch for SIGINT and SIGTERM, or stop that; calls nest.  One that comes two
 * seconds after the first or later does what it did before.  Signals that the
 * program ignores or handles itself are left to it. */
void mpipe__interrupt_watch(void);
void mpipe__interrupt_unwatch(void);

/* From now on for SIGUSR1 as well, which batch systems can send some time before
 * the end (Slurm's --signal). */
void mpipe__interrupt_watch_notice(void);

#endif
