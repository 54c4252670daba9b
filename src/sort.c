/* SPDX-License-Identifier: BSD-3-Clause */
/* sort.c - a radix sort of the keys' first eight bytes, from the last byte to
 * the first; then keys that share them are merge-sorted by the rest.  Both are
 * stable.
 */
#include "sort.h"

#define BITS   11u
#define DIGITS 6u                       /* 6 * 11 >= 64 */
#define VALUES (1u << BITS)
#define FEW    64u

static int order(const struct mpipe__sort_entry *a,
                 const struct mpipe__sort_entry *b)
{
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    return mpipe__key_order(mpipe__pair_key(a->pair),
                            mpipe__pair(a->pair)->key_size,
                            mpipe__pair_key(b->pair),
                            mpipe__pair(b->pair)->key_size);
}

static void insertion_sort(struct mpipe__sort_entry *entry, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct mpipe__sort_entry e = entry[i];
        size_t k = i;

        for (; k > 0 && order(&entry[k - 1], &e) > 0; k--)
            entry[k] = entry[k - 1];
        entry[k] = e;
    }
}

static void merge_sort(struct mpipe__sort_entry *entry,
                       struct mpipe__sort_entry *spare, size_t n)
{
    size_t half = n / 2, a = 0, b = half, k = 0;

    if (n <= 8) {
        insertion_sort(entry, n);
        return;
    }
    merge_sort(entry, spare, half);
    merge_sort(entry + half, spare, n - half);
    memcpy(spare, entry, half * sizeof *entry);
    while (a < half && b < n)
        entry[k++] = order(&spare[a], &entry[b]) <= 0 ? spare[a++]
                                                      : entry[b++];
    memcpy(entry + k, spare + a, (half - a) * sizeof *entry);
}

static void sort_by_digit(const struct mpipe__sort_entry *from,
                          struct mpipe__sort_entry *to, size_t n,
                          unsigned shift, const uint32_t *count)
{
    size_t place[VALUES], sum = 0;

    for (unsigned v = 0; v < VALUES; v++) {
        place[v] = sum;
        sum += count[v];
    }
    for (size_t i = 0; i < n; i++)
        to[place[from[i].prefix >> shift & (VALUES - 1)]++] = from[i];
}

static void radix_sort(struct mpipe__sort_entry *entry,
                       struct mpipe__sort_entry *spare, size_t n)
{
    static _Thread_local uint32_t count[DIGITS][VALUES];
    struct mpipe__sort_entry *from = entry, *to = spare, *swap;

    memset(count, 0, sizeof count);
    for (size_t i = 0; i < n; i++)
        for (unsigned d = 0; d < DIGITS; d++)
            count[d][entry[i].prefix >> (d * BITS) & (VALUES - 1)]++;
    for (unsigned d = 0; d < DIGITS; d++) {
        if (count[d][from[0].prefix >> (d * BITS) & (VALUES - 1)] == n)
            continue;                   /* they all have it */
        sort_by_digit(from, to, n, d * BITS, count[d]);
        swap = from;
        from = to;
        to = swap;
    }
    if (from != entry)
        memcpy(entry, from, n * sizeof *entry);
}

void mpipe__sort(struct mpipe__sort_entry *entry,
                 struct mpipe__sort_entry *spare, size_t n)
{
    size_t from = 0;

    if (n < FEW) {
        merge_sort(entry, spare, n);
        return;
    }
    radix_sort(entry, spare, n);
    for (size_t i = 1; i <= n; i++) {
        if (i < n && entry[i].prefix == entry[from].prefix)
            continue;
        if (i - from > 1)
            merge_sort(entry + from, spare, i - from);
        from = i;
    }
}
