/* SPDX-License-Identifier: BSD-3-Clause */
/* sink_file.h - write results to a file (layer 4). */
#ifndef MPIPE__SINK_FILE_H
#define MPIPE__SINK_FILE_H

#include <mpipe/pipeline.h>
#include "options.h"

struct mpipe__sink_file;

/* Copies both strings; touches no file.  NULL: no memory. */
struct mpipe__sink_file *mpipe__sink_file_new(const char *path,
                                              const char *end);
/* With a journal what is no file gets its results at the end, see --journal;
 * 'options' are looked at when the first result comes. */
void mpipe__sink_file_options(struct mpipe__sink_file *s,
                              const struct mpipe__options *options);
/* A mpipe_sink_fn: write one result.  The words of an error wait for close. */
enum mpipe_err mpipe__sink_file_put(const struct mpipe_item *result, void *sink);
/* The pipeline ended with 'how': put the file in place if that is MPIPE_OK, or
 * remove it.  Returns the first error of any call, with its words in 'err'. */
enum mpipe_err mpipe__sink_file_close(void *sink, enum mpipe_err how,
                                      struct mpipe_error *err);
/* Without a close before it, removes what was written. */
void mpipe__sink_file_free(void *sink);     /* NULL is allowed */

#endif
