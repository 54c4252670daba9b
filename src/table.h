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

/* And of those, what is in use: what will be free once it is cleared. */
static inline size_t mpipe__table_used(const struct mpipe__table *t)
{
    return t->used + 2 * t->n * sizeof *t->slot;
}

uint64_t mpipe__key_hash(const void *key, size_t size);

/* Combine a value with that of its key.  MPIPE_EINVAL: its size is not what the
 * combiner takes, or not that of the key's others; MPIPE_ENOMEM. */
enum mpipe_err mpipe__table_add(struct mpipe__table *t, const void *key,
                                size_t key_size, const void *value,
                                size_t value_size);

/* The same, where the key's hash is known; and to have what add() will look at
 * in the cache by then: first the slot, then the pair. */
enum mpipe_err mpipe__table_add_hashed(struct mpipe__table *t, uint64_t hash,
                                       const void *key, size_t key_size,
                                       const void *value, size_t value_size);
static inline void mpipe__table_fetch_slot(const struct mpipe__table *t,
                                           uint64_t hash)
{
    if (t->n_slots > 0)
        __builtin_prefetch(&t->slot[(uint32_t)hash & (t->n_slots - 1)]);
}
static inline void mpipe__table_fetch_pair(const struct mpipe__table *t,
                                           uint64_t hash)
{
    const struct mpipe__slot *slot;

    if (t->n_slots == 0)
        return;
    slot = &t->slot[(uint32_t)hash & (t->n_slots - 1)];
    if (slot->place != 0)
        __builtin_prefetch(t->arena + 8 * ((size_t)slot->place - 1), 1);
}

/* Forget all pairs, but keep the memory. */
void mpipe__table_clear(struct mpipe__table *t);

#endif
