/* SPDX-License-Identifier: BSD-3-Clause */
/* interval.c - see interval.h. */
#define XXH_INLINE_ALL
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "interval.h"

void mpipe__intervals_free(struct mpipe__intervals *set)
{
    free(set->list);
    memset(set, 0, sizeof *set);
}

/* How many end at or before 'at'. */
static size_t before(const struct mpipe__intervals *set, uint64_t at)
{
    size_t low = 0, high = set->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->list[middle].end <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct mpipe__interval *
mpipe__intervals_from(const struct mpipe__intervals *set, uint64_t at)
{
    size_t i = before(set, at);

    return i < set->n ? &set->list[i] : NULL;
}

static enum mpipe_err insert(struct mpipe__intervals *set, size_t at,
                             const struct mpipe__interval *more)
{
    if (set->n == set->capacity) {
        size_t capacity = set->capacity > 0 ? 2 * set->capacity : 16;
        void *list = realloc(set->list, capacity * sizeof *set->list);
        if (list == NULL)
            return MPIPE_ENOMEM;
        set->list = list;
        set->capacity = capacity;
    }
    memmove(&set->list[at + 1], &set->list[at],
            (set->n - at) * sizeof *set->list);
    set->list[at] = *more;
    set->n++;
    return MPIPE_OK;
}

enum mpipe_err mpipe__intervals_add(struct mpipe__intervals *set,
                                    const struct mpipe__interval *more)
{
    size_t i = before(set, more->first);
    struct mpipe__interval *left = i > 0 ? &set->list[i - 1] : NULL;
    struct mpipe__interval *right = i < set->n ? &set->list[i] : NULL;

    if (more->first >= more->end
        || (right != NULL && right->first < more->end))
        return MPIPE_EINVAL;
    if (left != NULL && left->end < more->first)
        left = NULL;
    if (right != NULL && right->first > more->end)
        right = NULL;
    if (left == NULL && right == NULL)
        return insert(set, i, more);
    if (left == NULL) {
        right->first = more->first;
        right->digest += more->digest;
        return MPIPE_OK;
    }
    left->end = more->end;
    left->digest += more->digest;
    if (right == NULL)
        return MPIPE_OK;
    left->end = right->end;
    left->digest += right->digest;
    memmove(right, right + 1, (set->n - i - 1) * sizeof *right);
    set->n--;
    return MPIPE_OK;
}

uint64_t mpipe__interval_digest(uint64_t number, const void *data, size_t size)
{
    return XXH3_64bits_withSeed(data, size, number);
}
