/* SPDX-License-Identifier: BSD-3-Clause */
/* partition.h - which partition a key belongs to (layer 0, pure). */
#ifndef MPIPE__PARTITION_H
#define MPIPE__PARTITION_H

#include <mpipe/source.h>
#include "pair.h"

/* By hash, evenly. */
uint32_t mpipe__part_by_hash(const void *key, size_t size, uint32_t n,
                             void *arg);

/* By ranges: partition p has the keys from bound p-1 on, up to bound p. */
struct mpipe__bounds {
    uint32_t n;
    struct mpipe__bound {
        uint64_t prefix;
        const char *key;
        size_t size;
    } *bound;
    char *text;                 /* where the keys lie */
};

/* 'arg' is struct mpipe__bounds. */
uint32_t mpipe__part_by_range(const void *key, size_t size, uint32_t n,
                              void *arg);

/* Choose n - 1 bounds so that 'pair', n_pairs of them, would be shared out evenly
 * (they are sorted in place), and pack them; unpack makes bounds of it, to be
 * freed by fini.  MPIPE_ENOMEM, MPIPE_EINVAL (not what was packed). */
enum mpipe_err mpipe__bounds_pack(const char **pair, size_t n_pairs,
                                  uint32_t n, struct mpipe_bytes *packed);
enum mpipe_err mpipe__bounds_unpack(struct mpipe__bounds *b, const void *data,
                                    size_t size);
void mpipe__bounds_fini(struct mpipe__bounds *b);

#endif
