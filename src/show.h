/* SPDX-License-Identifier: BSD-3-Clause */
/* show.h - names and numbers as people read them (layer 0, pure).
 *
 * A column is taken to be one character of UTF-8: right for all but wide and
 * combining characters, which would need the user's locale.
 */
#ifndef MPIPE__SHOW_H
#define MPIPE__SHOW_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the UTF-8 character at 's'; 0 where there is none: at the end, or at
 * a byte that cannot stand there. */
size_t mpipe__show_utf8(const char *s);

/* How many columns 's' takes. */
unsigned mpipe__show_columns(const char *s);

/* Copy a name, fit for a terminal: control characters and stray bytes become
 * '?'.  What is wider than 'columns', or longer than 'size' - 1 bytes, is cut
 * between characters and ends in "..".  'size' is at least 1; NULL is shown
 * as "". */
void mpipe__show_name(char *to, size_t size, const char *name,
                      unsigned columns);

/* Room for any of the texts below. */
#define MPIPE__SHOW_SIZE 24

/* "999", "4.5k", "10k", "18E": units of 1000, rounded down, so that "10k" is
 * not shown before there are 10,000. */
void mpipe__show_count(char to[MPIPE__SHOW_SIZE], uint64_t n);

/* "999 B", "4.5 KiB", "64 MiB": units of 1024, rounded down. */
void mpipe__show_bytes(char to[MPIPE__SHOW_SIZE], uint64_t n);

/* "4.5k/s", "12/s", "0.3/s", and for slow ones "4.0/min", "2.1/h"; "0/s" for
 * what is negative or not a number. */
void mpipe__show_rate(char to[MPIPE__SHOW_SIZE], double per_second);

/* "0:04", "59:59", "1:00:00", "3d 04:05"; ">99d" from there on, and "-" for
 * what is negative or not a number. */
void mpipe__show_time(char to[MPIPE__SHOW_SIZE], double seconds);

#endif
