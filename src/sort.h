/* SPDX-License-Identifier: BSD-3-Clause */
/* sort.h - pairs in memory by their keys (layer 0, pure). */
#ifndef MPIPE__SORT_H
#define MPIPE__SORT_H

#include "pair.h"

struct mpipe__sort_entry {
    uint64_t prefix;            /* mpipe__key_prefix() */
    const char *pair;
};

static inline struct mpipe__sort_entry mpipe__sort_entry(const char *pair)
{
    return (struct mpipe__sort_entry){
        mpipe__key_prefix(mpipe__pair_key(pair), mpipe__pair(pair)->key_size),
        pair
    };
}

/* By bytes of the keys; pairs of the same key stay in their order.  'spare' has
 * room for as many. */
void mpipe__sort(struct mpipe__sort_entry *entry,
                 struct mpipe__sort_entry *spare, size_t n);

#endif
