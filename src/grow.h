/* SPDX-License-Identifier: BSD-3-Clause */
/* grow.h - room for more at the end of an array, or of bytes (layer 0). */
#ifndef MPIPE__GROW_H
#define MPIPE__GROW_H

#include <stdbool.h>
#include <stdlib.h>
#include <mpipe/source.h>

/* The array, where it has room for more than 'n' elements of 'size' bytes now; NULL:
 * no memory, and it stays as it is. */
static inline void *mpipe__grow(void *array, size_t *capacity, size_t n,
                                size_t size)
{
    size_t more = *capacity > 0 ? 2 * *capacity : 64;
    void *grown;

    if (n < *capacity)
        return array;
    grown = realloc(array, more * size);
    if (grown != NULL)
        *capacity = more;
    return grown;
}

/* Have so many bytes more after what there is; false: no memory, and they stay as they
 * are. */
static inline bool mpipe__bytes_room(struct mpipe_bytes *b, size_t more)
{
    size_t capacity = 2 * (b->size + more);
    char *grown;

    if (b->size + more <= b->capacity)
        return true;
    grown = realloc(b->data, capacity);
    if (grown == NULL)
        return false;
    b->data = grown;
    b->capacity = capacity;
    return true;
}

#endif
