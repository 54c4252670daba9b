/* SPDX-License-Identifier: BSD-3-Clause */
/* groups.h - a partition key by key: what reduce sees (layer 0).
 *
 * No more than one block of each run, one key and, where values are combined,
 * one value are held beside what the store has in memory.
 */
#ifndef MPIPE__GROUPS_H
#define MPIPE__GROUPS_H

#include "merge.h"
#include "store.h"

#define MPIPE__MERGE_MAX 64u    /* runs that are merged at a time */

struct mpipe_values {
    struct mpipe__merge merge;
    struct mpipe__sort_entry *entry;    /* of the part in memory */
    const struct mpipe__combiner *combiner;     /* NULL: not combined */
    struct mpipe_item key;              /* of the group at hand */
    char *key_copy, *acc;
    size_t key_capacity, acc_capacity, acc_size;
    uint64_t prefix;                    /* of the key */
    bool combined;                      /* its one value was given out */
    uint64_t taken;                     /* pairs in all */
    uint64_t n;                         /* values of this key taken */
    struct mpipe_error error;           /* met while values were asked for */
};

/* Go through a partition; close() forgets its pairs, unless the store keeps them.
 * MPIPE_ENOMEM, MPIPE_EIO. */
enum mpipe_err mpipe__groups_open(struct mpipe_values *g,
                                  struct mpipe__store *s, uint32_t part,
                                  struct mpipe_error *err);
void mpipe__groups_close(struct mpipe_values *g, struct mpipe__store *s,
                         uint32_t part);

/* Go to the next key, whether or not all values of this one were taken: then
 * 'key' has it.  False: there is none, or 'error' says why. */
bool mpipe__groups_next(struct mpipe_values *g);

/* Write the pairs of some runs, merged and combined. */
enum mpipe_err mpipe__groups_write(struct mpipe__store *s,
                                   const struct mpipe__run *run, unsigned n,
                                   struct mpipe__run_writer *to,
                                   struct mpipe_error *err);

#endif
