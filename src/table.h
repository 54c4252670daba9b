/* SPDX-License-Identifier: BSD-3-Clause */
/* table.h - the pairs of distinct keys, values combined (layer 0, pure).
 *
 * Pairs lie one after another in an arena, in the order in which their keys came
 * first; a hash table of places in it finds them.  Nothing is allocated for a
 * pair.
 */
#ifndef MPIPE__TABLE_H
#define MPIPE__TABLE_H

#include "combine.h"

struct mpipe__table {
    struct mpipe__combiner combiner;
    char *arena;                    /* pairs, a stride each */
    size_t used, capacity;          /* bytes */
    struct mpipe__slot {
        uint32_t hash;              /* the upper half */
        uint32_t place;             /* in 8 bytes, plus 1; 0: free */
    } *slot;
    size_t n_slots;                 /* a power of two, or 0 */
    size_t n;                       /* keys */
};

void mpipe__table_init(struct mpipe__table *t,
                       const struct mpipe__combiner *combiner);
void mpipe__table_fini(struct mpipe__table *t);

/* Bytes of memory that it takes. */
static inline size_t mpipe__table_memory(const struct mpipe__table *t)
{
    return t->capacity + t->n_slots * sizeof *t->slot;
}

uint64_t mpipe__key_hash(const void *key, size_t size);

/* Combine a value with that of its key.  MPIPE_EINVAL: its size is not what the
 * combiner takes, or not that of the key's others; MPIPE_ENOMEM. */
enum mpipe_err mpipe__table_add(struct mpipe__table *t, const void *key,
                                size_t key_size, const void *value,
                                size_t value_size);

/* Forget all pairs, but keep the memory. */
void mpipe__table_clear(struct mpipe__table *t);

#endif
