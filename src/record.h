/* SPDX-License-Identifier: BSD-3-Clause */
/* record.h - a root that is done, as a record of a journal (layer 0).
 *
 * A record has what is to be known of the root, then its frames, each with a head
 * of its own: results, and items that failed.  Of a job's output it also has the
 * frame that was fed, ahead of them.
 */
#ifndef MPIPE__RECORD_H
#define MPIPE__RECORD_H

#include "frame.h"
#include "journal.h"
#include "pool.h"

struct mpipe__root_record {         /* how a record begins */
    uint64_t first, digest;         /* of the items that were fed */
    uint64_t keys, delivered;       /* of a job's output: see ledger.h; of its map
                                       'keys' is the number of the root */
    uint64_t dropped, made;
    uint32_t items, n_frames;
};

/* Can there be such a root, of a flow of 'n_stages' stages?  A checksum says only
 * that it was written like this. */
bool mpipe__record_check(const struct mpipe__journal_reader *r,
                         unsigned n_stages, struct mpipe__root_record *root);

/* The frame at *at of a record that was checked, as it was; *at is behind it then.
 * NULL: no memory. */
struct mpipe__frame *mpipe__record_frame(struct mpipe__pool *pool,
                                         const char **at);

/* The record of a root as bytes, so many. */
size_t mpipe__record_size(const struct mpipe__frame_queue *results);
void mpipe__record_write(char *to, struct mpipe__root_record *root,
                         const struct mpipe__frame_queue *results);

/* 'fed' makes it MPIPE__JOURNAL_KEYS; without, NULL, it is MPIPE__JOURNAL_ROOT.
 * The number of frames is filled in. */
enum mpipe_err mpipe__record_append(struct mpipe__journal *j,
                                    struct mpipe__root_record *root,
                                    struct mpipe__frame *fed,
                                    const struct mpipe__frame_queue *results,
                                    struct mpipe_error *err);

#endif
