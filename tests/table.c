/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of pair.c, combine.c and table.c: pairs as items, values added up. */
#include <stdlib.h>
#include "suite.h"
#include "table.h"

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

static const struct { const char *key, *value; } pair_rows[] = {
    { "", "" }, { "k", "" }, { "", "v" }, { "seven77", "value" },
    { "eight888", "eightval" }, { "nine99999", "x" }
};

static void pairs(void)
{
    for (size_t i = 0; i < COUNT_OF(pair_rows); i++) {
        const char *key = pair_rows[i].key, *value = pair_rows[i].value;
        size_t ks = strlen(key), vs = strlen(value);
        uint64_t room[8];
        struct mpipe_item item = { room, mpipe__pair_size(ks, vs) };
        struct mpipe_pair pair;

        memset(room, 0xaa, sizeof room);
        mpipe__pair_write(room, key, ks, value, vs);
        CU_ASSERT_EQUAL(mpipe__pair_stride(room) % 8, 0);
        CU_ASSERT_EQUAL(mpipe_pair_parse(&item, &pair), MPIPE_OK);
        CU_ASSERT(pair.key.size == ks && memcmp(pair.key.data, key, ks) == 0);
        CU_ASSERT(pair.value.size == vs
                  && memcmp(pair.value.data, value, vs) == 0);
        CU_ASSERT_EQUAL((uintptr_t)pair.value.data % 8, 0);
        item.size++;
        CU_ASSERT_EQUAL(mpipe_pair_parse(&item, &pair), MPIPE_EINVAL);
        item.size = 7;
        CU_ASSERT_EQUAL(mpipe_pair_parse(&item, &pair), MPIPE_EINVAL);
    }
}

static const struct { const char *a, *b; int order; } order_rows[] = {
    { "", "", 0 }, { "", "a", -1 }, { "a", "a", 0 }, { "a", "b", -1 },
    { "a", "aa", -1 }, { "b", "aa", 1 }, { "\xff", "a", 1 },
    { "12345678a", "12345678b", -1 }, { "12345678", "12345678a", -1 }
};

static void order(void)
{
    for (size_t i = 0; i < COUNT_OF(order_rows); i++) {
        const char *a = order_rows[i].a, *b = order_rows[i].b;
        uint64_t p = mpipe__key_prefix(a, strlen(a));
        uint64_t q = mpipe__key_prefix(b, strlen(b));
        int want = order_rows[i].order;
        int o = mpipe__key_order(a, strlen(a), b, strlen(b));
        CU_ASSERT_EQUAL((o > 0) - (o < 0), want);
        CU_ASSERT(want < 0 ? p <= q : want > 0 ? p >= q : p == q);
    }
}

/* Both by its function and as the table does it. */
#define CHECK(fn, type, x, y, result) do { \
    type a_ = (x), b_ = (y), by_table; \
    struct mpipe__table t; \
    struct mpipe__combiner c = mpipe__combiner_of(fn, NULL); \
    mpipe__table_init(&t, &c); \
    CU_ASSERT_EQUAL(mpipe__table_add(&t, "k", 1, &a_, sizeof a_), MPIPE_OK); \
    CU_ASSERT_EQUAL(mpipe__table_add(&t, "k", 1, &b_, sizeof b_), MPIPE_OK); \
    memcpy(&by_table, mpipe__pair_value(t.arena), sizeof by_table); \
    CU_ASSERT(by_table == (type)(result)); \
    CU_ASSERT_EQUAL(mpipe__table_add(&t, "k", 1, "", 1), MPIPE_EINVAL); \
    mpipe__table_fini(&t); \
    fn(&a_, &b_, sizeof b_, NULL); \
    CU_ASSERT(a_ == (type)(result)); \
} while (0)

static void ready_made(void)
{
    CHECK(mpipe_count, uint64_t, 5, 7, 12);
    CHECK(mpipe_sum_i32, int32_t, -5, 3, -2);
    CHECK(mpipe_sum_i64, int64_t, -5, 3, -2);
    CHECK(mpipe_sum_u32, uint32_t, UINT32_MAX, 2, 1);
    CHECK(mpipe_sum_u64, uint64_t, UINT64_MAX, 2, 1);
    CHECK(mpipe_sum_f32, float, 0.5f, 1.25f, 1.75f);
    CHECK(mpipe_sum_f64, double, 0.5, 1.25, 1.75);
    CHECK(mpipe_min_i32, int32_t, -5, 3, -5);
    CHECK(mpipe_min_i64, int64_t, 5, -3, -3);
    CHECK(mpipe_min_u32, uint32_t, UINT32_MAX, 3, 3);
    CHECK(mpipe_min_u64, uint64_t, 4, UINT64_MAX, 4);
    CHECK(mpipe_min_f32, float, -1.0f, 2.0f, -1.0f);
    CHECK(mpipe_min_f64, double, 1.0, -2.0, -2.0);
    CHECK(mpipe_max_i32, int32_t, -5, 3, 3);
    CHECK(mpipe_max_i64, int64_t, 5, -3, 5);
    CHECK(mpipe_max_u32, uint32_t, UINT32_MAX, 3, UINT32_MAX);
    CHECK(mpipe_max_u64, uint64_t, 4, UINT64_MAX, UINT64_MAX);
    CHECK(mpipe_max_f32, float, -1.0f, 2.0f, 2.0f);
    CHECK(mpipe_max_f64, double, 1.0, -2.0, 1.0);
}

static void concat_first(void *acc, const void *value, size_t size, void *arg)
{
    (void)size;
    (*(int *)arg)++;
    *(char *)acc = *(const char *)value;
}

static void custom(void)
{
    struct mpipe__table t;
    int calls = 0;
    struct mpipe__combiner c = mpipe__combiner_of(concat_first, &calls);

    mpipe__table_init(&t, &c);
    CU_ASSERT_EQUAL(mpipe__table_add(&t, "a", 1, "x12", 3), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__table_add(&t, "b", 1, "", 0), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__table_add(&t, "a", 1, "y12", 3), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__table_add(&t, "a", 1, "y123", 4), MPIPE_EINVAL);
    CU_ASSERT_EQUAL(calls, 1);
    CU_ASSERT_EQUAL(t.n, 2);
    CU_ASSERT_EQUAL(memcmp(mpipe__pair_value(t.arena), "y12", 3), 0);
    mpipe__table_fini(&t);
}

/* Many keys, in the order of their first coming, and once more after they were
 * cleared. */
static void many(void)
{
    struct mpipe__table t;
    struct mpipe__combiner c = mpipe__combiner_of(mpipe_count, NULL);
    uint32_t n = 50000;

    mpipe__table_init(&t, &c);
    for (int round = 0; round < 2; round++) {
        size_t at = 0;
        for (uint32_t i = 0; i < 3 * n; i++) {
            uint32_t key = (uint32_t)(i * 7919ull % n);
            char text[24];
            int size = snprintf(text, sizeof text, "%u", key);
            CU_ASSERT_EQUAL_FATAL(mpipe__table_add(&t, text, (size_t)size,
                                                   NULL, 0), MPIPE_OK);
        }
        CU_ASSERT_EQUAL(t.n, n);
        for (uint32_t i = 0; i < n; i++) {
            char text[24];
            int size = snprintf(text, sizeof text, "%u", (uint32_t)(i * 7919ull % n));
            uint64_t count;
            memcpy(&count, mpipe__pair_value(t.arena + at), sizeof count);
            CU_ASSERT_EQUAL(count, 3);
            CU_ASSERT(mpipe__pair(t.arena + at)->key_size == (uint32_t)size
                      && memcmp(mpipe__pair_key(t.arena + at), text,
                                (size_t)size) == 0);
            at += mpipe__pair_stride(t.arena + at);
        }
        CU_ASSERT_EQUAL(at, t.used);
        mpipe__table_clear(&t);
        CU_ASSERT_EQUAL(t.n, 0);
    }
    CU_ASSERT(mpipe__table_memory(&t) > 0);
    mpipe__table_fini(&t);
    CU_ASSERT_EQUAL(mpipe__table_memory(&t), 0);
}

static const struct mpipe__test tests[] = {
    { "a pair is an item, and an item that is none is refused", pairs },
    { "keys are ordered by bytes, and so are their first eight", order },
    { "the ready-made combiners, by function and in a table", ready_made },
    { "a function of the user's, and a value of another size", custom },
    { "many keys keep their order, also in a table used again", many },
    { NULL, NULL }
};

const struct mpipe__suite suite_table = { "table", tests };
