/* SPDX-License-Identifier: BSD-3-Clause */
/* cause.h - of what a rank died (layer 0).
 *
 * The number of a signal, or one of these.
 */
#ifndef MPIPE__CAUSE_H
#define MPIPE__CAUSE_H

#define MPIPE__GONE   0         /* not known: its process is no more */
#define MPIPE__SILENT (-1)      /* it does not answer: stopped, or cut off */
#define MPIPE__LEFT   (-2)      /* it was not needed any more: see backup.h */

/* In some words. */
const char *mpipe__cause_words(int cause);

#endif
