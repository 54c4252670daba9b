/* SPDX-License-Identifier: BSD-3-Clause */
/* line_reader.h - the lines of files, one after another (layer 4).
 *
 * Never waits: where nothing can be read now it says MPIPE_AGAIN.  A line ends
 * with '\n' only, so that '\r' and NUL bytes stay in it; the last line of a
 * file may lack its '\n'.
 */
#ifndef MPIPE__LINE_READER_H
#define MPIPE__LINE_READER_H

#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>

struct mpipe__line_reader;

/* Copies the paths; opens nothing yet.  "-", or n_paths 0, is stdin, which
 * stays open.  NULL: no memory. */
struct mpipe__line_reader *mpipe__line_reader_new(const char *const *paths,
                                                  size_t n_paths);
void mpipe__line_reader_free(struct mpipe__line_reader *r); /* NULL allowed */

/* The next line without its '\n', lent until the next call.  MPIPE_AGAIN,
 * MPIPE_END, or an error that names the file (and the line): MPIPE_EIO,
 * MPIPE_ETOOBIG for a line of more than 'max_size' bytes, MPIPE_ENOMEM. */
enum mpipe_err mpipe__line_reader_next(struct mpipe__line_reader *r,
                                       const char **line, size_t *size,
                                       uint64_t max_size,
                                       struct mpipe_error *err);

#endif
