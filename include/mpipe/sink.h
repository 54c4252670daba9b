/* SPDX-License-Identifier: BSD-3-Clause */
/* sink.h - a ready-made sink. */
#ifndef MPIPE_SINK_H
#define MPIPE_SINK_H

#include <mpipe/pipeline.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Write each result, followed by 'end' ("\n", or "" or NULL for none), to the
 * file 'path' ("-": stdout).  Both are copied.  A regular file is written under
 * a temporary name beside it and put in place when the pipeline has come to its
 * end (also if items failed), so that it is complete or absent (or as it was);
 * what 'path' is otherwise, a pipe or a device, is written to as the results
 * come, or with --journal at the end.  A write error (a full disk, a closed pipe) ends the job with
 * MPIPE_EIO; the process gets no SIGPIPE.  MPIPE_EINVAL: no path. */
enum mpipe_err mpipe_sink_file(struct mpipe_pipeline *pl, const char *path,
                               const char *end);

#ifdef __cplusplus
}
#endif
#endif
