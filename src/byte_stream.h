/* SPDX-License-Identifier: BSD-3-Clause */
/* byte_stream.h - the bytes of a file from front to back, decompressed if need
 * be (layer 4).
 */
#ifndef MPIPE__BYTE_STREAM_H
#define MPIPE__BYTE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>

/* By its name: ".gz" or ".zst" at the end. */
bool mpipe__is_compressed(const char *path);

struct mpipe__byte_stream {
    const char *path;           /* borrowed */
    int fd;                     /* -1: closed */
    uint64_t size;              /* of the file */
    uint64_t at;                /* plain: where to read on */
    bool compressed;
    void *gzip, *zstd;          /* what decompresses; NULL: it is plain */
    char *input;                /* of zstd */
    size_t in_at, in_size, in_capacity;
    bool in_frame;              /* zstd: it must not end here */
};

/* Read from 'offset' on; a compressed file can only be read from 0.  A file
 * that is named so but is not compressed is read as it is.  MPIPE_EIO,
 * MPIPE_ENOMEM. */
enum mpipe_err mpipe__byte_stream_open(struct mpipe__byte_stream *s,
                                       const char *path, uint64_t offset,
                                       struct mpipe_error *err);
void mpipe__byte_stream_close(struct mpipe__byte_stream *s);

/* Up to 'size' bytes; *n is less only at the end. */
enum mpipe_err mpipe__byte_stream_read(struct mpipe__byte_stream *s, void *to,
                                       size_t size, size_t *n,
                                       struct mpipe_error *err);

#endif
