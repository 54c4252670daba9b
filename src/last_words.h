/* SPDX-License-Identifier: BSD-3-Clause */
/* last_words.h - the signal that this process is about to die of (layer 2). */
#ifndef MPIPE__LAST_WORDS_H
#define MPIPE__LAST_WORDS_H

#include <stdbool.h>

/* Called from a signal handler.  0: the process goes on after all. */
typedef void mpipe__last_words_fn(void *arg, int number);

/* Let 'say' be called when a signal comes that a crash gives (SIGSEGV, SIGABRT, ...)
 * or a limit (SIGXCPU, SIGXFSZ); after that what would have happened without us: the
 * handler that was there is called, or the process dies.  A signal that is ignored is
 * left alone.  False: too many watch. */
bool mpipe__last_words_watch(mpipe__last_words_fn *say, void *arg);
void mpipe__last_words_unwatch(void *arg);

#endif
