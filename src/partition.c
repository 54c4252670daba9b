/* SPDX-License-Identifier: BSD-3-Clause */
/* partition.c - see partition.h. */
#include <stdlib.h>
#include "grow.h"
#include "partition.h"
#include "sort.h"
#include "table.h"

#define BOUND_SIZE 1024u        /* a longer key is cut: it still is a bound */

uint32_t mpipe__part_by_hash(const void *key, size_t size, uint32_t n,
                             void *arg)
{
    /* the upper half of the hash: tables look at the lower one */
    uint64_t hash = mpipe__key_hash(key, size) >> 32;

    (void)arg;
    return (uint32_t)(hash * n >> 32);
}

uint32_t mpipe__part_by_range(const void *key, size_t size, uint32_t n,
                              void *arg)
{
    const struct mpipe__bounds *b = arg;
    uint64_t prefix = mpipe__key_prefix(key, size);
    uint32_t low = 0, high = b->n;

    while (low < high) {        /* bounds before 'low' are not above the key */
        uint32_t middle = low + (high - low) / 2;
        const struct mpipe__bound *bound = &b->bound[middle];
        bool above = bound->prefix != prefix
                     ? bound->prefix > prefix
                     : mpipe__key_order(bound->key, bound->size, key, size) > 0;
        if (above)
            high = middle;
        else
            low = middle + 1;
    }
    /* bounds may have been chosen for another number of partitions */
    return (uint32_t)((uint64_t)low * n / (b->n + 1u));
}

static enum mpipe_err add(struct mpipe_bytes *to, const void *data,
                          size_t size)
{
    if (!mpipe__bytes_room(to, size))
        return MPIPE_ENOMEM;
    if (size > 0)
        memcpy(to->data + to->size, data, size);
    to->size += size;
    return MPIPE_OK;
}

/* The packed form: for each bound its size (4 bytes) and its bytes. */
enum mpipe_err mpipe__bounds_pack(const char **pair, size_t n_pairs,
                                  uint32_t n, struct mpipe_bytes *packed)
{
    struct mpipe__sort_entry *entry = malloc((2 * n_pairs + 1) * sizeof *entry);
    enum mpipe_err e = entry != NULL ? MPIPE_OK : MPIPE_ENOMEM;

    for (size_t i = 0; i < n_pairs && e == MPIPE_OK; i++)
        entry[i] = mpipe__sort_entry(pair[i]);
    if (e == MPIPE_OK)
        mpipe__sort(entry, entry + n_pairs, n_pairs);
    for (uint32_t p = 1; p < n && e == MPIPE_OK && n_pairs > 0; p++) {
        const char *at = entry[(uint64_t)n_pairs * p / n].pair;
        uint32_t size = mpipe__pair(at)->key_size;
        if (size > BOUND_SIZE)
            size = BOUND_SIZE;
        e = add(packed, &size, sizeof size);
        if (e == MPIPE_OK)
            e = add(packed, mpipe__pair_key(at), size);
    }
    free(entry);
    return e;
}

enum mpipe_err mpipe__bounds_unpack(struct mpipe__bounds *b, const void *data,
                                    size_t size)
{
    const char *at;
    size_t left = size;

    memset(b, 0, sizeof *b);
    b->text = malloc(size + 1);
    b->bound = malloc((size / sizeof(uint32_t) + 1) * sizeof *b->bound);
    if (b->text == NULL || b->bound == NULL) {
        mpipe__bounds_fini(b);
        return MPIPE_ENOMEM;
    }
    if (size > 0)
        memcpy(b->text, data, size);
    for (at = b->text; left > 0; ) {
        uint32_t n;
        if (left < sizeof n)
            break;
        memcpy(&n, at, sizeof n);
        if (n > left - sizeof n)
            break;
        b->bound[b->n++] = (struct mpipe__bound){
            mpipe__key_prefix(at + sizeof n, n), at + sizeof n, n
        };
        at += sizeof n + n;
        left -= sizeof n + n;
    }
    if (left == 0)
        return MPIPE_OK;
    mpipe__bounds_fini(b);
    return MPIPE_EINVAL;
}

void mpipe__bounds_fini(struct mpipe__bounds *b)
{
    free(b->text);
    free(b->bound);
    memset(b, 0, sizeof *b);
}
