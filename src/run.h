/* SPDX-License-Identifier: BSD-3-Clause */
/* run.h - pairs on disk, in order (layer 0).
 *
 * A run is a stretch of a scratch file: blocks of whole pairs, a stride each
 * (pair.h), every block with a checksum.
 */
#ifndef MPIPE__RUN_H
#define MPIPE__RUN_H

#include "pair.h"
#include "scratch.h"

struct mpipe__run {
    uint64_t begin, end;        /* in the file */
};

struct mpipe__run_writer {
    struct mpipe__scratch_file *file;
    char *block;                /* begins with its head */
    size_t used, capacity;
    uint64_t begin;
};

/* Begin a run in blocks of 'block' bytes (or of one pair); end() writes what is left, and frees the writer in any case.
 * MPIPE_ENOMEM, MPIPE_EIO. */
enum mpipe_err mpipe__run_begin(struct mpipe__run_writer *w,
                                struct mpipe__scratch_file *file,
                                size_t block, struct mpipe_error *err);
enum mpipe_err mpipe__run_add(struct mpipe__run_writer *w, const void *pair,
                              struct mpipe_error *err);
enum mpipe_err mpipe__run_end(struct mpipe__run_writer *w,
                              struct mpipe__run *run,
                              struct mpipe_error *err);

struct mpipe__run_reader {
    const struct mpipe__scratch_file *file;
    uint64_t at, end;
    char *block;
    size_t pos, used, capacity;
};

void mpipe__run_open(struct mpipe__run_reader *r,
                     const struct mpipe__scratch_file *file,
                     const struct mpipe__run *run);
void mpipe__run_close(struct mpipe__run_reader *r);

/* The next pair, lent until the next call; NULL after the last.  MPIPE_EIO:
 * also when a block is not what was written. */
enum mpipe_err mpipe__run_next(struct mpipe__run_reader *r, const void **pair,
                               struct mpipe_error *err);

#endif
