/* SPDX-License-Identifier: BSD-3-Clause */
/* source.h - ready-made sources.
 *
 * Each call gives a pipeline its source.  Paths are copied.  A file that
 * cannot be opened or read ends the job with MPIPE_EIO and its name.  Unless it
 * says otherwise the data is read by rank 0 and travels in the items.
 */
#ifndef MPIPE_SOURCE_H
#define MPIPE_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <mpipe/pipeline.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The integers first ... last, inclusive, each an item of int64_t; none when
 * last < first.  This and the next set the pipeline's count. */
enum mpipe_err mpipe_source_range(struct mpipe_pipeline *pl,
                                  int64_t first, int64_t last);

/* Sub-ranges of first ... last of at most 'step' integers, each an item of
 * struct mpipe_range: for stages that do a run of numbers at a time.
 * MPIPE_EINVAL: step is less than 1. */
struct mpipe_range {
    int64_t first, last;    /* inclusive */
};
enum mpipe_err mpipe_source_ranges(struct mpipe_pipeline *pl, int64_t first,
                                   int64_t last, int64_t step);

/* The lines of files, one after another, without their newline ('\n' only; a
 * last line without one counts).  "-", or n_paths 0, is stdin, which may be a
 * pipe or terminal that is slow. */
enum mpipe_err mpipe_source_lines(struct mpipe_pipeline *pl,
                                  const char *const *paths, size_t n_paths);

/* Whole files, an item each (limited by --max-item), at the length that they
 * have when they are opened.  A directory stands for the regular files below it
 * in byte order of their paths; symbolic links inside it are not followed. */
enum mpipe_err mpipe_source_files(struct mpipe_pipeline *pl,
                                  const char *const *paths, size_t n_paths);

/* Byte ranges of files (and directories, as above) of about 'split_size' bytes
 * (0: 1 to 32 MiB, large ones first and small ones near the end, so that all
 * ranks end together).  Only the descriptor travels: the rank that gets the item reads
 * the data itself, with mpipe_split_load(), so every rank must see the files
 * under the same path. */
enum mpipe_err mpipe_source_splits(struct mpipe_pipeline *pl,
                                   const char *const *paths, size_t n_paths,
                                   uint64_t split_size);

struct mpipe_split {
    uint64_t offset, size;  /* the range, in bytes */
    const char *path;       /* within the item */
};

/* MPIPE_EINVAL: the item is not a split. */
enum mpipe_err mpipe_split_parse(const struct mpipe_item *item,
                                 struct mpipe_split *split);

/* Go through the records that begin in a split, each ended by 'delimiter' (the
 * last one of the file perhaps not): new -> open -> next ... -> open -> ... ->
 * free.  Files whose names end in ".gz" or ".zst" are decompressed; they are one
 * split.  open() and next() fail like mpipe_split_load(). */
struct mpipe_split_reader;

struct mpipe_split_reader *mpipe_split_reader_new(void);    /* NULL: no memory */
void mpipe_split_reader_free(struct mpipe_split_reader *reader);
enum mpipe_err mpipe_split_open(struct mpipe_split_reader *reader,
                                const struct mpipe_split *split,
                                char delimiter, struct mpipe_out *out);
/* The next records: about 1 MiB of whole ones, or a longer one; they may be
 * changed, and are there until the next call.  MPIPE_END after the last. */
enum mpipe_err mpipe_split_next(struct mpipe_split_reader *reader,
                                char **records, size_t *size,
                                struct mpipe_out *out);

/* A buffer that grows and is used again; start from {0}, free() 'data', which
 * may be NULL while size is 0. */
struct mpipe_bytes {
    char *data;
    size_t size, capacity;
};

/* Read the records that begin in the split, each ended by 'delimiter' (the
 * last of a file perhaps not); together the splits of a file give each of its
 * records just once, also one that is longer than a split.  Fails with
 * MPIPE_EIO (among others when the file has become shorter than it was when
 * rank 0 looked) or MPIPE_ENOMEM, and the words are noted in 'out' (may be
 * NULL) as by mpipe_fail(). */
enum mpipe_err mpipe_split_load(const struct mpipe_split *split, char delimiter,
                                struct mpipe_bytes *bytes,
                                struct mpipe_out *out);

#ifdef __cplusplus
}
#endif
#endif
