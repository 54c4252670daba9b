/* SPDX-License-Identifier: BSD-3-Clause */
/* table.c - open addressing over an arena of pairs.
 *
 * A slot holds half of the hash, so that only keys that are the same, or almost
 * never another, are compared; and growing needs no look at the keys.
 */
#define XXH_INLINE_ALL              /* most keys are short: no call for them */
#include <stdlib.h>
#include <xxhash.h>
#include "table.h"

#define FIRST_SLOTS 64u
#define PLACE_MAX   ((uint64_t)UINT32_MAX * 8)

void mpipe__table_init(struct mpipe__table *t,
                       const struct mpipe__combiner *combiner)
{
    memset(t, 0, sizeof *t);
    t->combiner = *combiner;
}

void mpipe__table_fini(struct mpipe__table *t)
{
    free(t->arena);
    free(t->slot);
    t->arena = NULL;
    t->slot = NULL;
    t->used = t->capacity = t->n_slots = t->n = 0;
}

uint64_t mpipe__key_hash(const void *key, size_t size)
{
    return XXH3_64bits(key, size);
}

/* Where a hash begins to look. */
static size_t start(uint32_t hash, size_t mask)
{
    return (size_t)hash & mask;
}

/* Keep at least half of the slots free. */
static enum mpipe_err grow_slots(struct mpipe__table *t)
{
    size_t n = t->n_slots > 0 ? 2 * t->n_slots : FIRST_SLOTS;
    struct mpipe__slot *slot = calloc(n, sizeof *slot);

    if (slot == NULL)
        return MPIPE_ENOMEM;
    for (size_t k = 0; k < t->n_slots; k++) {
        size_t i = start(t->slot[k].hash, n - 1);

        if (t->slot[k].place == 0)
            continue;
        while (slot[i].place != 0)
            i = (i + 1) & (n - 1);
        slot[i] = t->slot[k];
    }
    free(t->slot);
    t->slot = slot;
    t->n_slots = n;
    return MPIPE_OK;
}

static enum mpipe_err grow_arena(struct mpipe__table *t, size_t need)
{
    size_t capacity = t->capacity > 0 ? t->capacity + t->capacity / 2 : 1024;
    char *arena;

    if (capacity < need)
        capacity = need;
    arena = capacity <= PLACE_MAX ? realloc(t->arena, capacity) : NULL;
    if (arena == NULL)
        return MPIPE_ENOMEM;
    t->arena = arena;
    t->capacity = capacity;
    return MPIPE_OK;
}

/* Most keys are numbers or short words. */
static inline bool same(const char *a, const char *b, size_t size)
{
    uint64_t x, y;

    if (size == 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        return x == y;
    }
    return size == 0 || memcmp(a, b, size) == 0;
}

static enum mpipe_err insert(struct mpipe__table *t, struct mpipe__slot *slot,
                             uint32_t hash, const void *key, size_t key_size,
                             const void *value, size_t value_size)
{
    size_t acc = mpipe__combine_size(&t->combiner, value_size);
    size_t stride = mpipe__align8(mpipe__pair_size(key_size, acc));
    struct mpipe__pair_head head = { (uint32_t)key_size, (uint32_t)acc };
    enum mpipe_err e;
    char *at;

    if (t->used + stride > t->capacity
        && (e = grow_arena(t, t->used + stride)) != MPIPE_OK)
        return e;
    at = t->arena + t->used;
    memset(at + stride - 8, 0, 8);
    memset(at + mpipe__pair_value_at(key_size) - 8, 0, 8);
    memcpy(at, &head, sizeof head);
    if (key_size > 0)
        memcpy(at + sizeof head, key, key_size);
    mpipe__combine_first(&t->combiner, at + mpipe__pair_value_at(key_size),
                         value, value_size);
    slot->hash = hash;
    slot->place = (uint32_t)(t->used / 8) + 1;
    t->used += stride;
    t->n++;
    return MPIPE_OK;
}

enum mpipe_err mpipe__table_add(struct mpipe__table *t, const void *key,
                                size_t key_size, const void *value,
                                size_t value_size)
{
    return mpipe__table_add_hashed(t, XXH3_64bits(key, key_size), key,
                                   key_size, value, value_size);
}

enum mpipe_err mpipe__table_add_hashed(struct mpipe__table *t,
                                       uint64_t whole_hash,
                                       const void *key, size_t key_size,
                                       const void *value, size_t value_size)
{
    uint32_t hash = (uint32_t)whole_hash;
    struct mpipe__slot *slot;
    size_t i;

    if (!mpipe__combine_takes(&t->combiner, value_size))
        return MPIPE_EINVAL;
    if (2 * t->n >= t->n_slots && grow_slots(t) != MPIPE_OK)
        return MPIPE_ENOMEM;
    for (i = start(hash, t->n_slots - 1); t->slot[i].place != 0;
         i = (i + 1) & (t->n_slots - 1)) {
        char *pair = t->arena + 8 * ((size_t)t->slot[i].place - 1);
        const struct mpipe__pair_head *head = mpipe__pair(pair);

        if (t->slot[i].hash != hash || head->key_size != key_size
            || !same(mpipe__pair_key(pair), key, key_size))
            continue;
        if (mpipe__combine_size(&t->combiner, value_size) != head->value_size)
            return MPIPE_EINVAL;
        mpipe__combine_add(&t->combiner,
                           pair + mpipe__pair_value_at(key_size), value,
                           value_size);
        return MPIPE_OK;
    }
    slot = &t->slot[i];
    return insert(t, slot, hash, key, key_size, value, value_size);
}

void mpipe__table_clear(struct mpipe__table *t)
{
    if (t->n_slots > 0)
        memset(t->slot, 0, t->n_slots * sizeof *t->slot);
    t->n = t->used = 0;
}
