/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of store.c and what it stands on: sort.c, run.c, merge.c, groups.c,
 * scratch.c.  Whatever the memory, a partition comes back key by key, in order,
 * values as they came, or combined.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "groups.h"
#include "store.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- sort ---- */

static int by_key(const void *a, const void *b)
{
    const struct mpipe__sort_entry *x = a, *y = b;
    int order = mpipe__key_order(mpipe__pair_key(x->pair),
                                 mpipe__pair(x->pair)->key_size,
                                 mpipe__pair_key(y->pair),
                                 mpipe__pair(y->pair)->key_size);
    return order != 0 ? order : (x->pair > y->pair) - (x->pair < y->pair);
}

/* Keys of up to 'size' bytes of 'letters' letters. */
static void check_sort(size_t n, unsigned size, unsigned letters,
                       uint64_t seed)
{
    char *block = calloc(n + 1, 64);
    struct mpipe__sort_entry *e = calloc(3 * (n + 1), sizeof *e);
    struct mpipe__sort_entry *want = e + n, *spare = e + 2 * n;

    for (size_t i = 0; i < n; i++) {
        char key[40];
        size_t ks = size > 0 ? next(&seed) % (size + 1) : 0;
        for (size_t k = 0; k < ks; k++)
            key[k] = (char)(next(&seed) % letters * (256 / letters));
        mpipe__pair_write(block + 64 * i, key, ks, "", 0);
        e[i] = want[i] = mpipe__sort_entry(block + 64 * i);
    }
    qsort(want, n, sizeof *want, by_key);
    mpipe__sort(e, spare, n);
    CU_ASSERT(memcmp(e, want, n * sizeof *e) == 0);
    free(block);
    free(e);
}

static void sort(void)
{
    static const size_t sizes[] = { 0, 1, 2, 7, 63, 64, 65, 1000, 20000 };

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        check_sort(sizes[i], 32, 2, 1 + i);     /* many share their beginning */
        check_sort(sizes[i], 32, 256, 1 + i);
        check_sort(sizes[i], 3, 4, 1 + i);      /* many are the same */
        check_sort(sizes[i], 0, 1, 1 + i);
    }
}

/* ---- store ---- */

struct made {                   /* a pair for the reference */
    uint32_t part, key, value, number;
    size_t key_size;
};

static int by_part(const void *a, const void *b)
{
    const struct made *x = a, *y = b;
    char s[80], t[80];
    int order;

    if (x->part != y->part)
        return x->part < y->part ? -1 : 1;
    snprintf(s, sizeof s, "%0*u", (int)x->key_size, x->key);
    snprintf(t, sizeof t, "%0*u", (int)y->key_size, y->key);
    order = strcmp(s, t);
    return order != 0 ? order : (x->number > y->number)
                                - (x->number < y->number);
}

static void add(struct mpipe__store *s, const struct made *m)
{
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    uint64_t room[16];
    char key[80];
    int n = snprintf(key, sizeof key, "%0*u", (int)m->key_size, m->key);
    uint64_t value = m->value;
    const void *pair = room;

    mpipe__pair_write(room, key, (size_t)n, &value, sizeof value);
    CU_ASSERT_EQUAL_FATAL(mpipe__store_add(s, m->part, &pair, 1, &err),
                          MPIPE_OK);
}

/* All values of the group, which begins with m[0]; how many pairs it was. */
static size_t check_group(struct mpipe_values *g, const struct made *m,
                          size_t left, bool sum)
{
    char key[80];
    int size = snprintf(key, sizeof key, "%0*u", (int)m->key_size, m->key);
    size_t n = 0;
    uint64_t value, total = 0;
    struct mpipe_item v;

    CU_ASSERT(g->key.size == (size_t)size
              && memcmp(g->key.data, key, (size_t)size) == 0);
    while (n < left && m[n].part == m->part && m[n].key == m->key
           && m[n].key_size == m->key_size) {
        total += m[n].value;
        if (!sum) {
            CU_ASSERT_FATAL(mpipe_values_next(g, &v) && v.size == 8);
            memcpy(&value, v.data, sizeof value);
            CU_ASSERT_EQUAL(value, m[n].value);
        }
        n++;
    }
    if (sum) {
        CU_ASSERT_FATAL(mpipe_values_next(g, &v) && v.size == 8);
        memcpy(&value, v.data, sizeof value);
        CU_ASSERT_EQUAL(value, total);
    }
    CU_ASSERT(!mpipe_values_next(g, &v));
    CU_ASSERT(!mpipe_values_next(g, &v));
    return n;
}

static void check_store(uint32_t n_parts, size_t n, uint32_t n_keys,
                        size_t limit, bool sum, bool spills)
{
    struct mpipe__combiner c = mpipe__combiner_of(sum ? mpipe_sum_u64 : NULL,
                                                  NULL);
    struct made *made = calloc(n + 1, sizeof *made);
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe__store s;
    uint64_t seed = n + limit, spilled = 0;
    size_t at = 0, n_runs = 0;

    CU_ASSERT_EQUAL_FATAL(mpipe__store_init(&s, n_parts, &c, limit, ""),
                          MPIPE_OK);
    for (size_t i = 0; i < n; i++) {
        made[i] = (struct made){
            (uint32_t)(next(&seed) % n_parts), (uint32_t)(next(&seed) % n_keys),
            (uint32_t)next(&seed), (uint32_t)i, next(&seed) % 2 ? 5 : 40
        };
        add(&s, &made[i]);
        CU_ASSERT(s.memory <= limit);
    }
    qsort(made, n, sizeof *made, by_part);
    for (uint32_t p = 0; p < n_parts; p++) {
        struct mpipe_values g;
        spilled += mpipe__store_part(&s, p)->spilled;
        n_runs += mpipe__store_part(&s, p)->n_runs;
        CU_ASSERT_EQUAL(mpipe__groups_open(&g, &s, p, &err), MPIPE_OK);
        while (mpipe__groups_next(&g)) {
            CU_ASSERT_FATAL(at < n && made[at].part == p);
            at += check_group(&g, made + at, n - at, sum);
        }
        CU_ASSERT_EQUAL(g.error.code, MPIPE_OK);
        mpipe__groups_close(&g, &s, p);
    }
    CU_ASSERT_EQUAL(at, n);
    CU_ASSERT_EQUAL(s.memory, 0);
    CU_ASSERT_EQUAL(spilled > 0, spills);
    /* a run is worth its trouble: about its part's share of the memory */
    CU_ASSERT(n_runs <= 4 * (spilled * n_parts / limit + n_parts));
    mpipe__store_fini(&s);
    free(made);
}

static void in_memory(void)
{
    for (int sum = 0; sum < 2; sum++) {
        check_store(1, 0, 1, 1 << 20, sum, false);
        check_store(1, 1, 1, 1 << 20, sum, false);
        check_store(3, 5000, 100, 8 << 20, sum, false);
        check_store(1, 5000, 1, 8 << 20, sum, false);
    }
}

/* With the last ones there are more runs than are merged at a time. */
static void on_disk(void)
{
    check_store(1, 20000, 3000, 100 << 10, false, true);
    check_store(5, 20000, 3000, 100 << 10, false, true);
    check_store(1, 20000, 1, 100 << 10, false, true);
    check_store(3, 20000, 3000, 200 << 10, true, true);
    check_store(1, 40000, 30000, 30 << 10, false, true);
    check_store(200, 40000, 30000, 600 << 10, false, true);
    check_store(200, 40000, 30000, 600 << 10, true, true);
    check_store(1, 40000, 30000, 60 << 10, true, true);
}

/* Keys that begin alike are not the same, whatever their next bytes. */
static void beginnings(void)
{
    static const struct { const char *key; size_t size; } keys[] = {
        { "", 0 }, { "\0", 1 }, { "\0\0", 2 }, { "a", 1 }, { "a\0", 2 },
        { "a\0b", 3 }, { "eight888", 8 }, { "eight888\0", 9 },
        { "eight8889", 9 }, { "eight8889\0", 10 }
    };
    struct mpipe_error err = { MPIPE_OK, 0, "" };

    for (int sum = 0; sum < 2; sum++) {
        struct mpipe__combiner c = mpipe__combiner_of(sum ? mpipe_count : NULL,
                                                      NULL);
        struct mpipe__store s;
        struct mpipe_values g;
        struct mpipe_item v;
        size_t n = 0;

        mpipe__store_init(&s, 1, &c, 1 << 20, "");
        for (int twice = 0; twice < 2; twice++)
            for (size_t i = COUNT_OF(keys); i-- > 0;) {
                uint64_t room[8];
                const void *pair = room;
                mpipe__pair_write(room, keys[i].key, keys[i].size, NULL, 0);
                CU_ASSERT_EQUAL(mpipe__store_add(&s, 0, &pair, 1, &err),
                                MPIPE_OK);
            }
        CU_ASSERT_EQUAL(mpipe__groups_open(&g, &s, 0, &err), MPIPE_OK);
        for (; mpipe__groups_next(&g); n++) {
            CU_ASSERT_FATAL(n < COUNT_OF(keys));
            CU_ASSERT(g.key.size == keys[n].size
                      && memcmp(g.key.data, keys[n].key, g.key.size) == 0);
            CU_ASSERT(mpipe_values_next(&g, &v));
            CU_ASSERT_EQUAL(mpipe_values_next(&g, &v), !sum);
            CU_ASSERT(!mpipe_values_next(&g, &v));
        }
        CU_ASSERT_EQUAL(n, COUNT_OF(keys));
        mpipe__groups_close(&g, &s, 0);
        mpipe__store_fini(&s);
    }
}

/* What reduce does not take is passed over. */
static void skipped(void)
{
    struct mpipe__combiner c = mpipe__combiner_of(NULL, NULL);
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe__store s;
    struct mpipe_values g;
    struct mpipe_item v;
    unsigned groups = 0;

    mpipe__store_init(&s, 1, &c, 50 << 10, "");
    for (uint32_t i = 0; i < 10000; i++) {
        struct made m = { 0, i % 10, i, i, 3 };
        add(&s, &m);
    }
    CU_ASSERT_EQUAL(mpipe__groups_open(&g, &s, 0, &err), MPIPE_OK);
    while (mpipe__groups_next(&g)) {
        for (unsigned i = 0; i < groups * 100; i++)
            CU_ASSERT(mpipe_values_next(&g, &v));
        groups++;
    }
    CU_ASSERT_EQUAL(groups, 10);
    CU_ASSERT_EQUAL(g.taken, 10000);
    mpipe__groups_close(&g, &s, 0);
    mpipe__store_fini(&s);
}

/* ---- errors ---- */

static void no_scratch(void)
{
    struct mpipe__combiner c = mpipe__combiner_of(NULL, NULL);
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe__store s;
    uint64_t room[8];
    const void *pair[4] = { room, room, room, room };
    enum mpipe_err e = MPIPE_OK;

    mpipe__store_init(&s, 1, &c, 10000, "/no/such/folder");
    mpipe__pair_write(room, "key", 3, "value", 5);
    for (int i = 0; i < 1000 && e == MPIPE_OK; i++)
        e = mpipe__store_add(&s, 0, pair, 4, &err);
    CU_ASSERT_EQUAL(e, MPIPE_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/no/such/folder"));
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "--scratch"));
    mpipe__store_fini(&s);
}

/* A byte that has changed anywhere in a run is noticed. */
static void damaged(void)
{
    struct mpipe__combiner c = mpipe__combiner_of(NULL, NULL);
    uint64_t room[8];
    const void *pair = room;

    mpipe__pair_write(room, "key", 3, "value", 5);
    for (unsigned where = 0; where < 5; where++) {
        struct mpipe_error err = { MPIPE_OK, 0, "" };
        struct mpipe__store s;
        struct mpipe_values g;
        struct mpipe_item v;
        char byte;
        off_t at;

        mpipe__store_init(&s, 1, &c, 50000, "");
        for (int i = 0; i < 10000; i++)
            mpipe__store_add(&s, 0, &pair, 1, &err);
        CU_ASSERT_FATAL(s.file.size > 100000);
        at = (off_t)(s.file.size / 5 * where);
        CU_ASSERT_EQUAL(pread(s.file.fd, &byte, 1, at), 1);
        byte ^= 1;
        CU_ASSERT_EQUAL(pwrite(s.file.fd, &byte, 1, at), 1);
        if (mpipe__groups_open(&g, &s, 0, &err) == MPIPE_OK) {
            while (mpipe__groups_next(&g))
                while (mpipe_values_next(&g, &v))
                    continue;
            err = g.error;
        }
        CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "has changed"));
        mpipe__groups_close(&g, &s, 0);
        mpipe__store_fini(&s);
    }
}

/* The file has no name, so nothing is to be removed. */
static void nameless(void)
{
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe__scratch_file s;
    char folder[] = "/tmp/mpipe-scratch-XXXXXX", got[8];

    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    mpipe__scratch_init(&s, folder);
    CU_ASSERT_EQUAL(mpipe__scratch_append(&s, "hello ", 6, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__scratch_append(&s, "world", 5, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(rmdir(folder), 0);          /* it is empty */
    CU_ASSERT_EQUAL(mpipe__scratch_read(&s, 4, got, 4, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(memcmp(got, "o wo", 4), 0);
    CU_ASSERT_EQUAL(mpipe__scratch_read(&s, 8, got, 4, &err), MPIPE_EIO);
    mpipe__scratch_fini(&s);
}

static const struct mpipe__test tests[] = {
    { "pairs are sorted by bytes, and equal keys keep their order", sort },
    { "a store that fits into memory gives back every pair", in_memory },
    { "and one that does not, under its limit", on_disk },
    { "keys that begin alike are not the same", beginnings },
    { "values that are not asked for are passed over", skipped },
    { "a scratch folder that is not there is named", no_scratch },
    { "a run that has changed on disk is noticed", damaged },
    { "a scratch file has no name", nameless },
    { NULL, NULL }
};

const struct mpipe__suite suite_store = { "store", tests };
