/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of pool.c: frames of the right size, used again, counted, and kept
 * only up to the limit. */
#include "pool.h"
#include "suite.h"

static struct mpipe__frame *get(struct mpipe__pool *pool, size_t size)
{
    struct mpipe__frame *f = mpipe__pool_get(pool, size);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(f->capacity >= size);
    CU_ASSERT_EQUAL(f->refs, 1);
    CU_ASSERT_EQUAL(f->peer, -1);
    CU_ASSERT_PTR_NULL(f->next);
    CU_ASSERT(f->op.kind == 0 && f->op.pending == 0 && f->op.owner == NULL);
    memset(&f->head, 0xaa, f->capacity);    /* all of it is ours */
    return f;
}

enum { HEAD = MPIPE__HEAD_SIZE };

/* A payload of a power of two, with its head and a short path, must not take
 * twice its size. */
static const struct { size_t size, capacity; } size_rows[] = {
    { 0, 512 + 2 * HEAD },
    { 1, 512 + 2 * HEAD },
    { 512 + 2 * HEAD, 512 + 2 * HEAD },
    { 512 + 2 * HEAD + 1, 1024 + 2 * HEAD },
    { 4096, 4096 + 2 * HEAD },
    { 65536, 65536 + 2 * HEAD },
    { 65536 + HEAD, 65536 + 2 * HEAD },
    { 65536 + 2 * HEAD, 65536 + 2 * HEAD },
    { 65536 + 2 * HEAD + 1, 131072 + 2 * HEAD },
    { ((size_t)1 << 20) + HEAD, ((size_t)1 << 20) + 2 * HEAD }
};

static void sizes(void)
{
    for (size_t i = 0; i < sizeof size_rows / sizeof *size_rows; i++) {
        struct mpipe__pool pool;
        struct mpipe__frame *f;
        mpipe__pool_init(&pool, 0);
        f = get(&pool, size_rows[i].size);
        CU_ASSERT_EQUAL(f->capacity, size_rows[i].capacity);
        mpipe__pool_put(&pool, f);
        mpipe__pool_fini(&pool);
    }
}

static void too_large(void)
{
    static const size_t sizes_that_nobody_has[] = {
        SIZE_MAX, SIZE_MAX - 7, (size_t)1 << 63, ((size_t)1 << 47) + 129,
        (size_t)1 << 48
    };
    struct mpipe__pool pool;

    mpipe__pool_init(&pool, 1 << 20);
    for (size_t i = 0; i < 5; i++)
        CU_ASSERT_PTR_NULL(mpipe__pool_get(&pool, sizes_that_nobody_has[i]));
    CU_ASSERT_EQUAL(pool.used, 0);
    CU_ASSERT_EQUAL(pool.used_max, 0);
    mpipe__pool_fini(&pool);
}

static void used_again(void)
{
    struct mpipe__pool pool;
    struct mpipe__frame *a, *b, *large;

    mpipe__pool_init(&pool, 1 << 20);
    a = get(&pool, 1000);
    b = get(&pool, 1000);
    large = get(&pool, 5000);
    CU_ASSERT_PTR_NOT_EQUAL(a, b);
    a->op.kind = 3;
    a->op.pending = 7;
    a->op.owner = b;
    a->peer = 5;
    mpipe__pool_put(&pool, a);
    mpipe__pool_put(&pool, large);
    CU_ASSERT_EQUAL(pool.kept, a->capacity + large->capacity);
    CU_ASSERT_PTR_EQUAL(get(&pool, 700), a);    /* the same class; like new */
    CU_ASSERT_PTR_EQUAL(get(&pool, 4500), large);
    CU_ASSERT_EQUAL(pool.kept, 0);
    mpipe__pool_put(&pool, a);
    mpipe__pool_put(&pool, b);
    mpipe__pool_put(&pool, large);
    CU_ASSERT_EQUAL(pool.used, 0);
    mpipe__pool_fini(&pool);
    CU_ASSERT_EQUAL(pool.kept, 0);
}

static void last_reference(void)
{
    struct mpipe__pool pool;
    struct mpipe__frame *f;

    mpipe__pool_init(&pool, 1 << 20);
    f = get(&pool, 100);
    f->refs = 3;
    mpipe__pool_put(&pool, f);
    mpipe__pool_put(&pool, f);
    CU_ASSERT_EQUAL(f->refs, 1);
    CU_ASSERT_EQUAL(pool.used, f->capacity);
    CU_ASSERT_EQUAL(pool.kept, 0);
    mpipe__pool_put(&pool, f);
    CU_ASSERT_EQUAL(pool.used, 0);
    mpipe__pool_put(&pool, NULL);
    mpipe__pool_fini(&pool);
}

/* Ten frames of one class are put back: how many stay? */
static const struct { size_t keep_max; size_t n_kept; } keep_rows[] = {
    { 0, 0 },
    { 512 + 2 * HEAD - 1, 0 },
    { 512 + 2 * HEAD, 1 },
    { 4 * (512 + 2 * HEAD) - 1, 3 },
    { 4 * (512 + 2 * HEAD), 4 },
    { SIZE_MAX / 2, 10 }
};

static void keeps_to_its_limit(void)
{
    for (size_t i = 0; i < sizeof keep_rows / sizeof *keep_rows; i++) {
        struct mpipe__pool pool;
        struct mpipe__frame *f[10];
        mpipe__pool_init(&pool, keep_rows[i].keep_max);
        for (int k = 0; k < 10; k++)
            f[k] = get(&pool, 1);
        CU_ASSERT_EQUAL(pool.used, 10 * (512 + 2 * HEAD));
        for (int k = 0; k < 10; k++)
            mpipe__pool_put(&pool, f[k]);
        CU_ASSERT_EQUAL(pool.used, 0);
        CU_ASSERT_EQUAL(pool.used_max, 10 * (512 + 2 * HEAD));
        CU_ASSERT_EQUAL(pool.kept, keep_rows[i].n_kept * (512 + 2 * HEAD));
        mpipe__pool_fini(&pool);
    }
}

/* Gets and puts in any order against plain sums. */
static void sums_agree(void)
{
    enum { N = 40, KEEP = 30000 };
    struct mpipe__frame *f[N] = { NULL };
    struct mpipe__pool pool;
    size_t used = 0, used_max = 0;
    uint64_t random = 1;

    mpipe__pool_init(&pool, KEEP);
    for (int step = 0; step < 20000; step++) {
        struct mpipe__frame **at;
        random = random * 6364136223846793005u + 1442695040888963407u;
        at = &f[(random >> 33) % N];
        if (*at == NULL) {
            *at = get(&pool, (size_t)(random >> 40) % 5000);
            used += (*at)->capacity;
        } else {
            used -= (*at)->capacity;
            mpipe__pool_put(&pool, *at);
            *at = NULL;
        }
        used_max = used > used_max ? used : used_max;
        CU_ASSERT_FATAL(pool.used == used && pool.used_max == used_max
                        && pool.kept <= KEEP);
    }
    for (int i = 0; i < N; i++)
        mpipe__pool_put(&pool, f[i]);
    CU_ASSERT_EQUAL(pool.used, 0);
    mpipe__pool_fini(&pool);
}

/* A frame with a payload of so many bytes, and what is left of its memory. */
static const struct { size_t had, bytes, left; } compact_rows[] = {
    { 4096, 0, 512 + 2 * HEAD },
    { 4096, 960, 1024 + 2 * HEAD },         /* a quarter */
    { 4096, 1000, 4096 + 2 * HEAD },        /* and more: not worth it */
    { 65536, 40, 512 + 2 * HEAD },
    { 512, 8, 512 + 2 * HEAD }              /* there is no smaller one */
};

static void compacts(void)
{
    for (size_t i = 0; i < sizeof compact_rows / sizeof *compact_rows; i++) {
        struct mpipe__pool pool;
        struct mpipe__frame *f, *g;
        char payload[1000];
        mpipe__pool_init(&pool, 0);
        f = get(&pool, compact_rows[i].had);
        mpipe__frame_begin(f, NULL, 7);
        memset(payload, (int)i, sizeof payload);
        memcpy(mpipe__frame_payload(f), payload, compact_rows[i].bytes);
        f->head.bytes = compact_rows[i].bytes;
        f->head.id = 42;
        f->peer = 3;
        g = mpipe__pool_compact(&pool, f);
        CU_ASSERT_EQUAL(g->capacity, compact_rows[i].left);
        CU_ASSERT_EQUAL(pool.used, compact_rows[i].left);
        CU_ASSERT_EQUAL(g == f, compact_rows[i].left
                                == compact_rows[i].had + 2 * HEAD);
        CU_ASSERT(g->head.id == 42 && g->head.stage == 7 && g->peer == 3);
        CU_ASSERT_EQUAL(g->head.bytes, compact_rows[i].bytes);
        CU_ASSERT_EQUAL(memcmp(mpipe__frame_payload(g), payload,
                               compact_rows[i].bytes), 0);
        mpipe__pool_put(&pool, g);
        CU_ASSERT_EQUAL(pool.used, 0);
        mpipe__pool_fini(&pool);
    }
}

static const struct mpipe__test tests[] = {
    { "a frame has the size of its class", sizes },
    { "sizes that no machine has are refused", too_large },
    { "a frame that was put back is had again, like new", used_again },
    { "only the last reference gives a frame back", last_reference },
    { "no more is kept than the limit says", keeps_to_its_limit },
    { "the bytes in use are always known", sums_agree },
    { "a small frame moves to less memory", compacts },
    { NULL, NULL }
};

const struct mpipe__suite suite_pool = { "pool", tests };
