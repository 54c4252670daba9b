/* SPDX-License-Identifier: BSD-3-Clause */
/* kept.h - items that may have to be fed once more (layer 0).
 *
 * They are kept in the order in which they are added: the last ones in memory, the
 * others in a scratch file.
 */
#ifndef MPIPE__KEPT_H
#define MPIPE__KEPT_H

#include <stdbool.h>
#include <mpipe/stage.h>
#include "scratch.h"

struct mpipe__kept {
    struct mpipe__scratch_file file;
    char *buffer;               /* what comes behind the file */
    size_t used, capacity;
    uint64_t items;
    char *block;                /* what is being gone through: a part of all */
    size_t block_at, block_end, block_capacity;
    uint64_t next;              /* where the part behind it begins */
    struct mpipe_error error;   /* not all could be kept; code 0: they are */
};

/* 'folder': as for mpipe__scratch_init(). */
void mpipe__kept_init(struct mpipe__kept *k, const char *folder);
void mpipe__kept_fini(struct mpipe__kept *k);

/* An error is kept in 'error', and after it nothing more: MPIPE_ENOMEM,
 * MPIPE_EIO. */
void mpipe__kept_add(struct mpipe__kept *k, const void *data, size_t size);

/* Go through them from the first on.  next() is false at the end, or told in
 * 'err'; the item is lent until the next call. */
void mpipe__kept_rewind(struct mpipe__kept *k);
bool mpipe__kept_next(struct mpipe__kept *k, struct mpipe_item *item,
                      struct mpipe_error *err);

#endif
