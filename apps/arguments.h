/* SPDX-License-Identifier: BSD-3-Clause */
/* arguments.h - what the example programs share: their arguments, their
 * stdout. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <mpipe/session.h>

/* 'text' as a decimal number from 'min' to 'max'; false if it is not one. */
bool arguments_number(const char *text, int64_t min, int64_t max,
                      int64_t *number);

/* The usage error for getopt_long()'s answers '?' and ':' (its option string
 * begins with ':'), naming the option. */
enum mpipe_err arguments_wrong(struct mpipe *mp, char **argv, int answer);

/* All has been printed: MPIPE_EIO, told, if stdout did not take it (a full disk,
 * say). */
enum mpipe_err arguments_printed(struct mpipe *mp);

#endif
