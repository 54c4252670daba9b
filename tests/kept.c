/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of kept.c, and of what refill.c does with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kept.h"
#include "link.h"
#include "pool.h"
#include "refill.h"
#include "suite.h"
#include "world.h"

#define MOST 400000u

static size_t size_of(uint64_t seed, uint64_t i)
{
    uint64_t s = seed * 1000003 + i;

    return (size_t)(mpipe__random_to(&s, 50) == 0
                    ? mpipe__random_to(&s, MOST) : mpipe__random_to(&s, 60));
}

static void fill(char *to, size_t size, uint64_t i)
{
    for (size_t k = 0; k < size; k++)
        to[k] = (char)(i * 31 + k * 7);
}

/* In memory alone, and mostly in the file; gone through twice, once from the
 * middle of it. */
static void all_come_back(void)
{
    char *data = malloc(MOST);

    for (uint64_t seed = 0; seed < 12; seed++) {
        uint64_t n = seed == 0 ? 0 : seed * seed * 12, i;
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe__kept k;
        struct mpipe_item item;

        mpipe__kept_init(&k, "");
        for (i = 0; i < n; i++) {
            fill(data, size_of(seed, i), i);
            mpipe__kept_add(&k, data, size_of(seed, i));
        }
        CU_ASSERT_EQUAL(k.items, n);
        CU_ASSERT_EQUAL(k.error.code, MPIPE_OK);
        for (int round = 0; round < 3; round++) {
            mpipe__kept_rewind(&k);
            for (i = 0; mpipe__kept_next(&k, &item, &err)
                 && (round != 1 || i < n / 2); i++) {
                fill(data, size_of(seed, i), i);
                CU_ASSERT(item.size == size_of(seed, i)
                          && (uintptr_t)item.data % 8 == 0
                          && memcmp(item.data, data, item.size) == 0);
            }
            CU_ASSERT_EQUAL(i, round == 1 ? n / 2 : n);
            CU_ASSERT_EQUAL(err.code, MPIPE_OK);
        }
        CU_ASSERT(seed < 4 || k.file.size > 0);
        CU_ASSERT(k.used < ((size_t)256 << 10));
        mpipe__kept_fini(&k);
    }
    free(data);
}

static void no_folder(void)
{
    char *data = calloc(1, MOST);
    struct mpipe__kept k;

    mpipe__kept_init(&k, "/no/such/folder");
    mpipe__kept_add(&k, data, 10);
    CU_ASSERT_EQUAL(k.error.code, MPIPE_OK);
    mpipe__kept_add(&k, data, MOST);
    CU_ASSERT_EQUAL(k.error.code, MPIPE_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(k.error.text, "/no/such/folder"));
    mpipe__kept_add(&k, data, 10);
    CU_ASSERT_EQUAL(k.items, 2);
    mpipe__kept_fini(&k);
    free(data);
}

static struct mpipe__frame *frame_of(struct mpipe__pool *pool,
                                     const char *items, bool failed)
{
    struct mpipe__frame *f = mpipe__pool_get(pool, 4096);

    mpipe__frame_begin(f, NULL, 0);
    f->head.kind = failed ? MPIPE__FRAME_FAILED : MPIPE__FRAME_DATA;
    for (; *items != '\0'; items++)
        mpipe__frame_append_slow(f, items, 1);
    return f;
}

/* "abc" was fed, and the results are frames of items; in capitals: failed. */
static void but_for_the_failed(void)
{
    static const struct {
        const char *fed, *results, *kept;
        bool wrong;
    } rows[] = {
        { "abc", "x y", "abc", false }, { "abc", "B", "ac", false },
        { "abc", "x A y C", "b", false }, { "abc", "A B C", "", false },
        { "aabb", "A B", "ab", false }, { "", "x", "", false },
        { "abc", "D", "abc", true }, { "abc", "C A", "ab", true },
    };
    struct mpipe__pool pool;

    mpipe__pool_init(&pool, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mpipe__frame *fed = frame_of(&pool, rows[i].fed, false), *f;
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe__frame_queue results;
        struct mpipe_item item;
        struct mpipe__kept k;
        char got[10] = "";

        mpipe__queue_init(&results);
        for (const char *at = rows[i].results; *at != '\0'; at++) {
            char name[3] = { (char)(*at | ' '), '!', '\0' };
            if (*at != ' ')
                mpipe__queue_push(&results, frame_of(&pool, name, *at < 'a'));
        }
        mpipe__kept_init(&k, "");
        mpipe__refill_keep(&k, fed, &results, 0);
        CU_ASSERT_EQUAL(k.error.code != MPIPE_OK, rows[i].wrong);
        mpipe__kept_rewind(&k);
        while (mpipe__kept_next(&k, &item, &err))
            strncat(got, item.data, 1);
        CU_ASSERT_STRING_EQUAL(got, rows[i].kept);
        mpipe__kept_fini(&k);
        while ((f = mpipe__queue_pop(&results)) != NULL)
            mpipe__pool_put(&pool, f);
        mpipe__pool_put(&pool, fed);
    }
    mpipe__pool_fini(&pool);
}

static unsigned tell(struct mpipe__told *t, unsigned from, unsigned to)
{
    unsigned new_ones = 0;

    for (unsigned i = from; i < to; i++) {
        struct mpipe_item item = { &i, sizeof i };
        new_ones += !mpipe__told_before(t, &item);
    }
    return new_ones;
}

static void told_once(void)
{
    struct mpipe__told t = { .key = NULL };

    CU_ASSERT_EQUAL(tell(&t, 0, 300), 300);     /* then it ends early */
    mpipe__told_begin(&t);
    CU_ASSERT_EQUAL(tell(&t, 100, 1000), 700);
    CU_ASSERT_EQUAL(tell(&t, 0, 100), 0);
    CU_ASSERT(mpipe__told_end(&t));
    mpipe__told_begin(&t);
    CU_ASSERT_EQUAL(tell(&t, 0, 1000), 0);
    CU_ASSERT(mpipe__told_end(&t));
    mpipe__told_begin(&t);                      /* one is missing */
    CU_ASSERT_EQUAL(tell(&t, 1, 1000), 0);
    CU_ASSERT(!mpipe__told_end(&t));
    mpipe__told_begin(&t);                      /* one is another */
    CU_ASSERT_EQUAL(tell(&t, 1, 1001), 1);
    CU_ASSERT(!mpipe__told_end(&t));
    mpipe__told_begin(&t);                      /* there is one more */
    CU_ASSERT_EQUAL(tell(&t, 0, 1002), 1);
    CU_ASSERT(!mpipe__told_end(&t));
    mpipe__told_fini(&t);
}

static const struct mpipe__test tests[] = {
    { "what was kept comes back, as often as it is asked for", all_come_back },
    { "where there is no folder that is kept", no_folder },
    { "items that failed are not kept", but_for_the_failed },
    { "a key that fails again is told once", told_once },
    { NULL, NULL }
};

const struct mpipe__suite suite_kept = { "kept", tests };
