/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of partition.c: every key has its partition, evenly or in order. */
#include <stdio.h>
#include <stdlib.h>
#include "partition.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

static void by_hash(void)
{
    enum { KEYS = 20000 };

    for (uint32_t n = 1; n <= 64; n = n * 3 + 1) {
        unsigned count[64] = { 0 };
        for (int i = 0; i < KEYS; i++) {
            char key[16];
            int size = snprintf(key, sizeof key, "key %d", i);
            uint32_t p = mpipe__part_by_hash(key, (size_t)size, n, NULL);
            CU_ASSERT_FATAL(p < n);
            count[p]++;
        }
        for (uint32_t p = 0; p < n; p++)
            CU_ASSERT(count[p] > KEYS / n / 2 && count[p] < 2 * KEYS / n + 1);
    }
}

/* Bounds "b", "bb" and "d": what is equal to a bound comes behind it. */
static const struct { const char *key; uint32_t part; } range_rows[] = {
    { "", 0 }, { "a", 0 }, { "azzzzzzzzzzz", 0 }, { "b", 1 }, { "ba", 1 },
    { "bazzzzzzzzzz", 1 }, { "bb", 2 }, { "bba", 2 }, { "c", 2 }, { "d", 3 },
    { "da", 3 }, { "\xff", 3 }
};

static struct mpipe_bytes packed_from(const char *const *keys, size_t n,
                                      uint32_t parts)
{
    static char room[16][64];
    const char *pair[16];
    struct mpipe_bytes packed = { NULL, 0, 0 };

    for (size_t i = 0; i < n; i++) {
        mpipe__pair_write(room[i], keys[i], strlen(keys[i]), "", 0);
        pair[i] = room[i];
    }
    CU_ASSERT_EQUAL(mpipe__bounds_pack(pair, n, parts, &packed), MPIPE_OK);
    return packed;
}

static void by_range(void)
{
    static const char *const keys[] = { "d", "a", "bb", "b" };
    struct mpipe_bytes packed = packed_from(keys, 4, 4);
    struct mpipe__bounds b;

    CU_ASSERT_EQUAL_FATAL(mpipe__bounds_unpack(&b, packed.data, packed.size),
                          MPIPE_OK);
    CU_ASSERT_EQUAL(b.n, 3);
    for (size_t i = 0; i < COUNT_OF(range_rows); i++)
        CU_ASSERT_EQUAL(mpipe__part_by_range(range_rows[i].key,
                                             strlen(range_rows[i].key), 4, &b),
                        range_rows[i].part);
    /* for other numbers of partitions: still in order, and in each of them */
    for (uint32_t n = 1; n < 9; n++) {
        uint32_t last = 0;
        for (size_t i = 0; i < COUNT_OF(range_rows); i++) {
            uint32_t p = mpipe__part_by_range(range_rows[i].key,
                                              strlen(range_rows[i].key), n,
                                              &b);
            CU_ASSERT(p < n && p >= last);
            last = p;
        }
    }
    mpipe__bounds_fini(&b);
    free(packed.data);
}

/* Without a sample all is in one partition; few keys leave some empty. */
static void few_samples(void)
{
    static const char *const keys[] = { "same", "same" };
    struct mpipe_bytes packed = packed_from(keys, 0, 5);
    struct mpipe__bounds b;

    CU_ASSERT_EQUAL(packed.size, 0);
    CU_ASSERT_EQUAL(mpipe__bounds_unpack(&b, packed.data, 0), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__part_by_range("x", 1, 5, &b), 0);
    mpipe__bounds_fini(&b);
    free(packed.data);
    packed = packed_from(keys, 2, 5);
    CU_ASSERT_EQUAL(mpipe__bounds_unpack(&b, packed.data, packed.size),
                    MPIPE_OK);
    CU_ASSERT_EQUAL(b.n, 4);
    CU_ASSERT_EQUAL(mpipe__part_by_range("r", 1, 5, &b), 0);
    CU_ASSERT_EQUAL(mpipe__part_by_range("same", 4, 5, &b), 4);
    mpipe__bounds_fini(&b);
    CU_ASSERT_EQUAL(mpipe__bounds_unpack(&b, packed.data, packed.size - 1),
                    MPIPE_EINVAL);
    free(packed.data);
}

static const struct mpipe__test tests[] = {
    { "by hash all partitions get about as much", by_hash },
    { "by range each key is in its place", by_range },
    { "few samples, or none, still make bounds", few_samples },
    { NULL, NULL }
};

const struct mpipe__suite suite_partition = { "partition", tests };
