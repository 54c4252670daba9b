/* SPDX-License-Identifier: BSD-3-Clause */
/* split_reader.h - the records of a range, a block of whole ones at a time
 * (layer 4).
 *
 * A record belongs to the range in which its first byte lies, and a record
 * begins at offset 0 or behind a delimiter.  So the records of the range
 * [offset, end) are the bytes behind the first delimiter at or after
 * offset - 1, up to and with the first delimiter at or after end - 1: each
 * range finds its borders alone, and the borders of neighbours are the same.
 *
 * A range within one long record costs one scan of the range, and has no
 * records; only the range where the record begins reads it.  A compressed file
 * is one range.
 */
#ifndef MPIPE__SPLIT_READER_H
#define MPIPE__SPLIT_READER_H

#include <mpipe/source.h>
#include "byte_stream.h"

struct mpipe_split_reader {
    struct mpipe__byte_stream stream;
    struct mpipe_bytes buffer;      /* what was read; 'size' of it is used */
    char *path;                     /* a copy */
    char delimiter;
    uint64_t pos;                   /* of the buffer's first byte */
    uint64_t end;                   /* of the range; UINT64_MAX: of the file */
    size_t given;                   /* bytes of the last block */
    size_t block;                   /* bytes to read at a time */
    bool skipping;                  /* the range's first record is not found */
    bool eof, ended;
};

void mpipe__split_reader_init(struct mpipe_split_reader *r, size_t block);
void mpipe__split_reader_fini(struct mpipe_split_reader *r);

/* Begin with a range. */
enum mpipe_err mpipe__split_reader_open(struct mpipe_split_reader *r,
                                        const struct mpipe_split *split,
                                        char delimiter,
                                        struct mpipe_error *err);
/* The next records, 'all': all that there are; MPIPE_END after the last. */
enum mpipe_err mpipe__split_reader_next(struct mpipe_split_reader *r, bool all,
                                        char **records, size_t *size,
                                        struct mpipe_error *err);

#endif
