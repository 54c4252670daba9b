/* SPDX-License-Identifier: BSD-3-Clause */
/* interrupt.h - SIGINT and SIGTERM, while pipelines run (layer 2). */
#ifndef MPIPE__INTERRUPT_H
#define MPIPE__INTERRUPT_H

/* Nonzero once a signal came: its number. */
volatile int *mpipe__interrupted(void);

/* Watch for the signals, or stop that; calls nest.  One that comes two
 * seconds after the first or later does what it did before.  Signals that the
 * program ignores or handles itself are left to it. */
void mpipe__interrupt_watch(void);
void mpipe__interrupt_unwatch(void);

#endif
