/* SPDX-License-Identifier: BSD-3-Clause */
/* source.c - integers in steps, up to the ends of int64_t. */
#include "source.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void few_numbers(void)
{
    for (int64_t first = -3; first <= 3; first++)
        for (int64_t last = -4; last <= 9; last++)
            for (int64_t step = 1; step <= 14; step++) {
                struct mpipe__numbers n;
                struct mpipe_range range;
                int64_t expected = first;
                uint64_t count, taken = 0;
                mpipe__numbers_init(&n, first, last);
                count = mpipe__numbers_count(&n, step);
                for (; mpipe__numbers_take(&n, step, &range); taken++) {
                    CU_ASSERT_EQUAL(range.first, expected);
                    CU_ASSERT(range.last >= range.first);
                    CU_ASSERT(range.last == last ||
                              range.last == range.first + step - 1);
                    expected = range.last + 1;
                }
                CU_ASSERT_EQUAL(expected, last < first ? first : last + 1);
                CU_ASSERT_EQUAL(taken, count);
                CU_ASSERT_FALSE(mpipe__numbers_take(&n, step, &range));
            }
}

static void far_ends(void)
{
    static const struct {
        int64_t first, last, step;
        uint64_t count;         /* of ranges */
        int64_t last_first;     /* where the last of them begins */
    } rows[] = {
        { INT64_MAX, INT64_MAX, 1, 1, INT64_MAX },
        { INT64_MIN, INT64_MIN, 1, 1, INT64_MIN },
        { INT64_MAX - 2, INT64_MAX, 1, 3, INT64_MAX },
        { INT64_MAX - 2, INT64_MAX, 2, 2, INT64_MAX },
        { INT64_MAX - 2, INT64_MAX, INT64_MAX, 1, INT64_MAX - 2 },
        { INT64_MIN, INT64_MAX, INT64_MAX, 3, INT64_MAX - 1 },
        { INT64_MIN, -1, INT64_MAX, 2, -1 },
        { INT64_MIN, INT64_MAX, (int64_t)1 << 62, 4, (int64_t)1 << 62 },
        { 0, INT64_MAX, (int64_t)1 << 62, 2, (int64_t)1 << 62 },
        { INT64_MAX, INT64_MIN, 1, 0, 0 }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__numbers n;
        struct mpipe_range range = { 0, 0 };
        uint64_t taken = 0;
        mpipe__numbers_init(&n, rows[i].first, rows[i].last);
        CU_ASSERT_EQUAL(mpipe__numbers_count(&n, rows[i].step), rows[i].count);
        while (taken <= rows[i].count &&
               mpipe__numbers_take(&n, rows[i].step, &range))
            taken++;
        CU_ASSERT_EQUAL(taken, rows[i].count);
        CU_ASSERT_EQUAL(range.first, rows[i].last_first);
        if (rows[i].count > 0)
            CU_ASSERT_EQUAL(range.last, rows[i].last);
    }
}

static void too_many_to_count(void)
{
    struct mpipe__numbers n;
    mpipe__numbers_init(&n, INT64_MIN, INT64_MAX);
    CU_ASSERT_EQUAL(mpipe__numbers_count(&n, 1), 0);
    CU_ASSERT_EQUAL(mpipe__numbers_count(&n, 2), (uint64_t)1 << 63);
}

static const struct mpipe__test tests[] = {
    { "ranges follow each other without a gap, to the last number",
      few_numbers },
    { "a range may reach to the ends of int64_t", far_ends },
    { "the count of all int64_t is given as unknown", too_many_to_count },
    { NULL, NULL }
};

const struct mpipe__suite suite_source = { "source", tests };
