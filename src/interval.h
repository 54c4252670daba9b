/* SPDX-License-Identifier: BSD-3-Clause */
/* interval.h - which of the numbered items of a feed are done (layer 0, pure).
 *
 * Each item has a digest of its bytes and its number; those of an interval add up.
 * So intervals that touch become one, and the set stays as small as there are
 * gaps in it.
 *
 * Invariants: intervals are not empty, in rising order, and never touch.
 */
#ifndef MPIPE__INTERVAL_H
#define MPIPE__INTERVAL_H

#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>

struct mpipe__interval {
    uint64_t first, end;        /* items first ... end - 1 */
    uint64_t digest;            /* the sum of theirs */
};

struct mpipe__intervals {       /* start from {0} */
    struct mpipe__interval *list;
    size_t n, capacity;
};

void mpipe__intervals_free(struct mpipe__intervals *set);

/* MPIPE_EINVAL: it is empty, or some of it is in the set already. */
enum mpipe_err mpipe__intervals_add(struct mpipe__intervals *set,
                                    const struct mpipe__interval *more);

/* The first one that ends after item 'at'; NULL: there is none. */
const struct mpipe__interval *
mpipe__intervals_from(const struct mpipe__intervals *set, uint64_t at);

/* The digest of one item. */
uint64_t mpipe__interval_digest(uint64_t number, const void *data, size_t size);

#endif
