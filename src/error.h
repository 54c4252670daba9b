/* SPDX-License-Identifier: BSD-3-Clause */
/* error.h - fill a struct mpipe_error (layer 0). */
#ifndef MPIPE__ERROR_H
#define MPIPE__ERROR_H

#include <mpipe/error.h>

/* Write code and words into 'err' (may be NULL) unless it holds an error
 * already: the first one, nearest to the cause, is kept.  Returns 'code'. */
enum mpipe_err mpipe__error(struct mpipe_error *err, int rank,
                            enum mpipe_err code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
