/* SPDX-License-Identifier: BSD-3-Clause */
/* pair.h - a key and its value as one item (layer 0, pure).
 *
 * The item:   key size (4 bytes) | value size (4) | key | 0 to 7 bytes | value
 * so that both begin at a multiple of 8 bytes if the item does.  A pair in
 * memory or in a run (run.h) takes mpipe__pair_stride() bytes.
 */
#ifndef MPIPE__PAIR_H
#define MPIPE__PAIR_H

#include <mpipe/mapreduce.h>
#include "frame.h"

struct mpipe__pair_head {
    uint32_t key_size, value_size;
};

#define MPIPE__PAIR_HEAD sizeof(struct mpipe__pair_head)

static inline const struct mpipe__pair_head *mpipe__pair(const void *item)
{
    return item;
}

static inline const char *mpipe__pair_key(const void *item)
{
    return (const char *)item + MPIPE__PAIR_HEAD;
}

static inline size_t mpipe__pair_value_at(size_t key_size)
{
    return MPIPE__PAIR_HEAD + mpipe__align8(key_size);
}

static inline const char *mpipe__pair_value(const void *item)
{
    return (const char *)item + mpipe__pair_value_at(mpipe__pair(item)->key_size);
}

static inline size_t mpipe__pair_size(size_t key_size, size_t value_size)
{
    return mpipe__pair_value_at(key_size) + value_size;
}

/* From one pair to the next. */
static inline size_t mpipe__pair_stride(const void *item)
{
    return mpipe__align8(mpipe__pair_size(mpipe__pair(item)->key_size,
                                          mpipe__pair(item)->value_size));
}

/* Keys and values of 4 GiB and more are not pairs. */
static inline bool mpipe__pair_fits(size_t key_size, size_t value_size)
{
    return key_size <= UINT32_MAX && value_size <= UINT32_MAX;
}

/* Write a pair to where there are stride bytes; padding becomes 0. */
void mpipe__pair_write(void *to, const void *key, size_t key_size,
                       const void *value, size_t value_size);

/* Is it a pair, and all of it there? */
bool mpipe__pair_check(const struct mpipe_item *item);

/* The first bytes of a key as a number that sorts as they do. */
static inline uint64_t mpipe__key_prefix(const char *key, size_t size)
{
    uint64_t n = 0;

    memcpy(&n, key, size < 8 ? size : 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    n = __builtin_bswap64(n);
#endif
    return n;
}

/* Order of keys by bytes, a shorter one first: <0, 0, >0. */
int mpipe__key_order(const void *a, size_t a_size, const void *b,
                     size_t b_size);

#endif
