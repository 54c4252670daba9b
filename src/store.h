/* SPDX-License-Identifier: BSD-3-Clause */
/* store.h - the pairs of a rank's partitions (layer 0).
 *
 * Pairs are added, then each partition is gone through once, key by key
 * (groups.h).  What would need more than the limit is sorted and written to the
 * scratch file, the largest partition first.
 */
#ifndef MPIPE__STORE_H
#define MPIPE__STORE_H

#include "run.h"
#include "sort.h"
#include "table.h"

#define MPIPE__STORE_BATCH 32u

struct mpipe__store_chunk;

struct mpipe__store_part {
    struct mpipe__table table;              /* where values are combined */
    struct mpipe__store_chunk *first, *last;    /* where they are not */
    size_t memory;                          /* bytes it takes */
    size_t in_memory;                       /* pairs */
    struct mpipe__run *run;                 /* oldest first */
    unsigned n_runs;
    uint64_t pairs, bytes, spilled;         /* added in all; bytes to disk */
};

struct mpipe__store {
    struct mpipe__combiner combiner;
    struct mpipe__scratch_file file;
    struct mpipe__store_part **part;    /* NULL: nothing has come for it */
    uint32_t n_parts;
    size_t memory, memory_max, limit;       /* bytes, of all parts */
    bool any_order;                         /* keys need not come sorted */
    bool keeps;                             /* what was gone through stays */
};

/* 'limit': bytes of memory to keep under; 'folder': as for
 * mpipe__scratch_init(). */
enum mpipe_err mpipe__store_init(struct mpipe__store *s, uint32_t n_parts,
                                 const struct mpipe__combiner *combiner,
                                 size_t limit, const char *folder);
void mpipe__store_fini(struct mpipe__store *s);     /* also of {0} */

/* What there is of a partition, also where that is nothing. */
const struct mpipe__store_part *mpipe__store_part(const struct mpipe__store *s,
                                                  uint32_t part);

/* Add pairs, that mpipe__pair_check() has seen, at most MPIPE__STORE_BATCH: many
 * at a time, so that memory is fetched for all of them at once.  MPIPE_ENOMEM, MPIPE_EIO,
 * MPIPE_EINVAL (a value of the wrong size), told in 'err'. */
enum mpipe_err mpipe__store_add(struct mpipe__store *s, uint32_t part,
                                const void *const *pair, size_t n,
                                struct mpipe_error *err);

/* What a partition has in memory, sorted or as it came: *entry is the caller's to
 * free. */
enum mpipe_err mpipe__store_entries(struct mpipe__store *s, uint32_t part,
                                    bool sorted,
                                    struct mpipe__sort_entry **entry,
                                    struct mpipe_error *err);
/* Merge the oldest runs until there are at most 'n'. */
enum mpipe_err mpipe__store_merge_runs(struct mpipe__store *s, uint32_t part,
                                       unsigned n, struct mpipe_error *err);
/* Forget a partition's pairs. */
void mpipe__store_drop(struct mpipe__store *s, uint32_t part);

#endif
