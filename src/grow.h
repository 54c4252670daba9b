/* SPDX-License-Identifier: BSD-3-Clause */
/* grow.h - room for one more at the end of an array (layer 0). */
#ifndef MPIPE__GROW_H
#define MPIPE__GROW_H

#include <stdlib.h>

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

#endif
