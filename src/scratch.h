/* SPDX-License-Identifier: BSD-3-Clause */
/* scratch.h - a file for what does not fit into memory (layer 0).
 *
 * It has no name from its first moment on, so nothing is left of it, however the
 * process ends.
 */
#ifndef MPIPE__SCRATCH_H
#define MPIPE__SCRATCH_H

#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>

struct mpipe__scratch_file {
    int fd;                     /* -1: not yet made */
    uint64_t size;              /* bytes written */
    char folder[1024];
};

/* Where scratch files go: 'folder', or if it is "" $SLURM_TMPDIR, $TMPDIR or
 * /tmp.  The file is made when it is first written to. */
void mpipe__scratch_init(struct mpipe__scratch_file *s, const char *folder);
void mpipe__scratch_fini(struct mpipe__scratch_file *s);

/* MPIPE_EIO, told in 'err': no such folder, no room, ... */
enum mpipe_err mpipe__scratch_append(struct mpipe__scratch_file *s,
                                     const void *data, size_t size,
                                     struct mpipe_error *err);
enum mpipe_err mpipe__scratch_read(const struct mpipe__scratch_file *s,
                                   uint64_t at, void *to, size_t size,
                                   struct mpipe_error *err);

#endif
