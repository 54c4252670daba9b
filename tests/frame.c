/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of frame.c: whatever is appended, reserved or cut off, the items that
 * a frame gives back are those of a plain array of copies; paths and their
 * order; what a damaged frame may not do.
 *
 * Frames are made with not a byte more than they ask for, so that a run under
 * valgrind or ASan sees each byte that is written too far.
 */
#include <stdlib.h>
#include "frame.h"
#include "suite.h"

/* ---- a frame, and the array that it is compared with ---- */

enum { ITEMS_MAX = 64, ITEM_MAX = 40 };

struct copies {
    unsigned n;
    size_t size[ITEMS_MAX];
    unsigned char data[ITEMS_MAX][ITEM_MAX];
};

static struct mpipe__frame *frame_new(size_t capacity)
{
    struct mpipe__frame *f = malloc(offsetof(struct mpipe__frame, head)
                                    + capacity);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    f->capacity = capacity;
    return f;
}

static struct mpipe__frame *empty_frame(size_t capacity)
{
    struct mpipe__frame *f = frame_new(capacity);

    mpipe__frame_begin(f, NULL, 0);
    return f;
}

/* A root frame with 'n' numbers for a path; no items. */
static struct mpipe__frame *frame_with_path(unsigned n, const uint32_t *path)
{
    struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE
                                         + mpipe__align8(4u * (size_t)n));

    f->head.n_path = (uint8_t)n;
    if (n > 0)
        memcpy(mpipe__frame_path(f), path, 4 * n);
    return f;
}

/* A plain generator: the same on every machine. */
static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* The bytes of the i-th item, different for each. */
static void fill(unsigned char *data, size_t size, unsigned i)
{
    for (size_t k = 0; k < size; k++)
        data[k] = (unsigned char)(37 * i + 11 * k + 1);
}

/* Note a copy of an item that is about to be appended. */
static const unsigned char *note(struct copies *c, size_t size)
{
    CU_ASSERT_FATAL(c->n < ITEMS_MAX && size <= ITEM_MAX);
    fill(c->data[c->n], size, c->n + (unsigned)size);
    c->size[c->n] = size;
    return c->data[c->n++];
}

static bool is_aligned(const void *p)
{
    return (uintptr_t)p % 8 == 0;
}

/* Does the frame hold just these items? */
static bool holds(struct mpipe__frame *f, const struct copies *c)
{
    struct mpipe__cursor cursor;
    struct mpipe_item item;
    unsigned n = 0;

    mpipe__cursor_init(&cursor, f);
    while (mpipe__cursor_next(&cursor, &item)) {
        if (n >= c->n || item.size != c->size[n] || item.data == NULL
            || !is_aligned(item.data)
            || memcmp(item.data, c->data[n], item.size) != 0)
            return false;
        n++;
    }
    return n == c->n && cursor.left == 0 && cursor.at == cursor.end
           && f->head.n_items == c->n
           && mpipe__frame_check(&f->head, mpipe__wire_size(&f->head), NULL)
              == MPIPE_OK;
}

/* Give the frame just the capacity 'need', unless it has more. */
static void make_room(struct mpipe__frame **f, size_t need)
{
    if (need <= (*f)->capacity)
        return;
    *f = realloc(*f, offsetof(struct mpipe__frame, head) + need);
    CU_ASSERT_PTR_NOT_NULL_FATAL(*f);
    (*f)->room += need - (*f)->capacity;
    (*f)->capacity = need;
}

/* Append a new item, the fast way where that is taken, in a frame that has
 * just the capacity that it needs. */
static void append(struct mpipe__frame **f, struct copies *c, size_t size)
{
    size_t need = mpipe__frame_need(*f, size);
    const unsigned char *data = note(c, size);

    make_room(f, need);
    if (!mpipe__frame_append_fast(*f, data, size))
        mpipe__frame_append_slow(*f, data, size);
    CU_ASSERT_EQUAL(mpipe__wire_size(&(*f)->head), need);
}

/* The sizes in a row of tests end with -1. */
static void append_all(struct mpipe__frame **f, struct copies *c,
                       const int *size)
{
    while (*size >= 0)
        append(f, c, (size_t)*size++);
}

/* ---- items ---- */

#define V MPIPE__VARIABLE

static const struct {
    int size[8];
    uint32_t item_size;         /* that the frame must say */
    uint64_t bytes;
} item_rows[] = {
    { { -1 }, V, 0 },
    { { 0, -1 }, 0, 0 },
    { { 0, 0, 0, -1 }, 0, 0 },
    { { 1, -1 }, 1, 8 },
    { { 8, -1 }, 8, 8 },
    { { 8, 8, 8, -1 }, 8, 24 },
    { { 9, 9, -1 }, 9, 32 },
    { { 7, 7, 7, 7, -1 }, 7, 32 },
    { { 8, 4, -1 }, V, 32 },
    { { 7, 8, -1 }, V, 32 },            /* the same stride, but other sizes */
    { { 0, 8, -1 }, V, 24 },
    { { 8, 0, -1 }, V, 24 },
    { { 8, 8, 8, 0, -1 }, V, 56 },
    { { 0, 0, 0, 1, -1 }, V, 40 },
    { { 3, 5, 3, 3, -1 }, V, 64 },      /* once variable, always variable */
    { { 40, 1, 0, 17, 40, -1 }, V, 40 + 40 + 8 + 24 + 40 }
};

static void items_come_back(void)
{
    for (size_t i = 0; i < sizeof item_rows / sizeof *item_rows; i++) {
        struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
        struct copies c = { 0 };
        append_all(&f, &c, item_rows[i].size);
        CU_ASSERT(holds(f, &c));
        CU_ASSERT_EQUAL(f->head.item_size, item_rows[i].item_size);
        CU_ASSERT_EQUAL(f->head.bytes, item_rows[i].bytes);
        free(f);
    }
}

/* From each size to each other one, after each number of items. */
static void becomes_variable(void)
{
    static const size_t sizes[] = { 0, 1, 7, 8, 9, 16, 33, 40 };
    const size_t n_sizes = sizeof sizes / sizeof *sizes;

    for (size_t from = 0; from < n_sizes; from++)
        for (size_t to = 0; to < n_sizes; to++)
            for (unsigned n = 1; from != to && n <= 20; n++) {
                struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
                struct copies c = { 0 };
                for (unsigned i = 0; i < n; i++)
                    append(&f, &c, sizes[from]);
                CU_ASSERT_EQUAL(f->head.item_size, sizes[from]);
                append(&f, &c, sizes[to]);
                append(&f, &c, sizes[from]);
                CU_ASSERT_EQUAL(f->head.item_size, MPIPE__VARIABLE);
                CU_ASSERT(holds(f, &c));
                free(f);
            }
}

/* need() is what the frame has afterwards (append() looks), and the fast way
 * refuses to go a byte further. */
static void capacity_is_exact(void)
{
    for (unsigned n = 1; n < 12; n++)
        for (size_t size = 0; size <= 17; size++) {
            struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
            struct copies c = { 0 };
            unsigned char extra[ITEM_MAX] = { 0 };
            for (unsigned i = 0; i < n; i++)
                append(&f, &c, size);
            CU_ASSERT_EQUAL(mpipe__wire_size(&f->head), f->capacity);
            if (size > 0) {
                CU_ASSERT(!mpipe__frame_append_fast(f, extra, size));
                make_room(&f, f->capacity + mpipe__align8(size) - 1);
                CU_ASSERT(!mpipe__frame_append_fast(f, extra, size));
            }
            CU_ASSERT(!mpipe__frame_append_fast(f, extra, size + 1));
            CU_ASSERT(holds(f, &c));
            free(f);
        }
}

static void fast_is_for_equal_sizes(void)
{
    struct mpipe__frame *f = empty_frame(1000);

    CU_ASSERT(!mpipe__frame_append_fast(f, "", 0));     /* the first: slow */
    mpipe__frame_append_slow(f, "abcd", 4);
    CU_ASSERT(mpipe__frame_append_fast(f, "efgh", 4));
    CU_ASSERT(!mpipe__frame_append_fast(f, "efgh", 3));
    CU_ASSERT_EQUAL(f->head.n_items, 2);
    mpipe__frame_append_slow(f, "ijk", 3);
    CU_ASSERT(!mpipe__frame_append_fast(f, "efgh", 4));
    CU_ASSERT(!mpipe__frame_append_fast(f, "efgh", 3));
    CU_ASSERT_EQUAL(f->head.n_items, 3);
    free(f);
}

/* The room for the path counts. */
static void path_takes_room(void)
{
    const uint32_t path[3] = { 1, 2, 3 };
    struct mpipe__frame *parent = frame_with_path(3, path);
    struct mpipe__frame *f = frame_new(MPIPE__HEAD_SIZE + 8 + 16);

    mpipe__frame_begin(f, parent, 1);
    CU_ASSERT_EQUAL(mpipe__frame_need(f, 8), f->capacity);
    CU_ASSERT_EQUAL(mpipe__frame_need(f, 9), f->capacity + 8);
    mpipe__frame_append_slow(f, "12345678", 8);
    CU_ASSERT(!mpipe__frame_append_fast(f, "12345678", 8));
    mpipe__frame_seal(f, parent, 4);
    CU_ASSERT_EQUAL(mpipe__wire_size(&f->head), f->capacity);
    free(parent);
    free(f);
}

/* ---- reserve, then commit ---- */

static const struct {
    int before[8];
    size_t reserved, committed;
    uint32_t item_size;
    uint64_t bytes;
} commit_rows[] = {
    { { -1 }, 40, 40, 40, 40 },
    { { -1 }, 40, 0, 0, 0 },
    { { -1 }, 40, 13, 13, 16 },
    { { -1 }, 0, 0, 0, 0 },
    { { 8, -1 }, 8, 8, 8, 16 },
    { { 8, -1 }, 40, 8, V, 32 },        /* variable when it is reserved */
    { { 8, -1 }, 8, 7, V, 32 },
    { { 8, -1 }, 8, 0, V, 24 },
    { { 8, 8, 8, 8, -1 }, 8, 3, V, 5 * 16 },
    { { 40, 40, -1 }, 40, 39, V, 3 * 48 },
    { { 40, 40, 40, 40, 40, -1 }, 40, 0, V, 5 * 48 + 8 },
    { { 1, 1, 1, 1, 1, -1 }, 1, 0, V, 5 * 16 + 8 },
    { { 5, 9, -1 }, 40, 17, V, 16 + 24 + 32 },
    { { 5, 9, -1 }, 40, 0, V, 16 + 24 + 8 }
};

/* Write to a reserved spot; the frame has room also for lengths, which is what
 * who reserves must see to. */
static void reserve(struct mpipe__frame **f, struct copies *c, size_t reserved,
                    size_t committed)
{
    size_t need = mpipe__frame_need(*f, reserved)
                  + 8 * ((size_t)(*f)->head.n_items + 1);
    unsigned char *spot;

    make_room(f, need);
    spot = mpipe__frame_spot(*f, reserved);
    CU_ASSERT(is_aligned(spot));
    memset(spot, 0xee, reserved);       /* all of it may be written */
    if (c == NULL)
        return;
    memcpy(spot, note(c, committed), committed);
    mpipe__frame_commit(*f, spot, committed);
}

static void smaller_commits(void)
{
    for (size_t i = 0; i < sizeof commit_rows / sizeof *commit_rows; i++) {
        struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
        struct copies c = { 0 };
        append_all(&f, &c, commit_rows[i].before);
        reserve(&f, &c, commit_rows[i].reserved, commit_rows[i].committed);
        CU_ASSERT(holds(f, &c));
        CU_ASSERT_EQUAL(f->head.item_size, commit_rows[i].item_size);
        CU_ASSERT_EQUAL(f->head.bytes, commit_rows[i].bytes);
        append(&f, &c, 8);
        CU_ASSERT(holds(f, &c));
        free(f);
    }
}

/* What is reserved and not committed leaves no trace among the items. */
static void lost_reserves(void)
{
    static const size_t sizes[] = { 0, 5, 8, 40 };

    for (size_t before = 0; before < 4; before++)
        for (size_t lost = 0; lost < 4; lost++)
            for (unsigned n = 0; n < 4; n++) {
                struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
                struct copies c = { 0 };
                for (unsigned i = 0; i < n; i++)
                    append(&f, &c, sizes[before]);
                reserve(&f, NULL, sizes[lost], 0);
                CU_ASSERT(holds(f, &c));
                append(&f, &c, sizes[before]);
                CU_ASSERT(holds(f, &c));
                free(f);
            }
}

/* ---- truncate ---- */

static void cut(struct copies *c, unsigned n)
{
    if (n < c->n)
        c->n = n;
}

static void truncates(void)
{
    for (size_t i = 0; i < sizeof item_rows / sizeof *item_rows; i++)
        for (unsigned n = 0; n < 10; n++) {
            struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
            struct copies c = { 0 };
            append_all(&f, &c, item_rows[i].size);
            mpipe__frame_truncate(f, n);
            cut(&c, n);
            CU_ASSERT(holds(f, &c));
            append(&f, &c, 3);
            append(&f, &c, 8);
            CU_ASSERT(holds(f, &c));
            free(f);
        }
}

static void counts_item_bytes(void)
{
    for (size_t i = 0; i < sizeof item_rows / sizeof *item_rows; i++) {
        struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
        struct copies c = { 0 };
        uint64_t bytes = 0;
        append_all(&f, &c, item_rows[i].size);
        for (unsigned n = 0; n <= c.n; bytes += c.size[n++])
            CU_ASSERT_EQUAL(mpipe__frame_item_bytes(f, n), bytes);
        free(f);
    }
}

/* The bytes between items are all 'to'; returns how many are not 'is'. */
static unsigned fill_between(struct mpipe__frame *f, char is, char to)
{
    struct mpipe__cursor c;
    struct mpipe_item item;
    unsigned others = 0;

    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item)) {
        char *at = (char *)(uintptr_t)item.data + item.size;
        for (size_t i = item.size; i % 8 != 0; i++) {
            others += *at != is;
            *at++ = to;
        }
    }
    return others;
}

static void cleans(void)
{
    for (size_t i = 0; i < sizeof item_rows / sizeof *item_rows; i++) {
        struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
        struct copies c = { 0 };

        append_all(&f, &c, item_rows[i].size);
        fill_between(f, 0, 'x');
        mpipe__frame_clean(f);
        CU_ASSERT(holds(f, &c));
        CU_ASSERT_EQUAL(fill_between(f, 0, 0), 0);
        free(f);
    }
}

/* ---- anything, in any order ---- */

static size_t random_size(uint64_t *random, unsigned style)
{
    switch (style) {
    case 0:  return 8;
    case 1:  return next_random(random) % 16 == 0 ? 0 : 16;
    default: return next_random(random) % (ITEM_MAX + 1);
    }
}

static void random_steps(uint64_t seed)
{
    uint64_t random = seed;
    struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE);
    struct copies c = { 0 };

    while (c.n < ITEMS_MAX) {
        unsigned what = next_random(&random) % 32;
        size_t size = random_size(&random, (unsigned)seed % 3);
        if (what < 20) {
            append(&f, &c, size);
        } else if (what < 27) {
            reserve(&f, &c, size, next_random(&random) % (size + 1));
        } else if (what < 29) {
            reserve(&f, NULL, size, 0);
        } else {
            unsigned n = c.n - next_random(&random) % (c.n / 4 + 1);
            mpipe__frame_truncate(f, n);
            cut(&c, n);
        }
        if (!holds(f, &c)) {
            CU_FAIL("a frame differs from the array of copies");
            break;
        }
    }
    free(f);
}

static void like_an_array(void)
{
    for (uint64_t seed = 1; seed <= 600; seed++)
        random_steps(seed);
}

/* ---- descent ---- */

static void begins_empty(void)
{
    struct mpipe__frame *f = frame_new(MPIPE__HEAD_SIZE);
    const struct mpipe__frame_head expected = {
        .magic = MPIPE__FRAME_MAGIC, .kind = MPIPE__FRAME_DATA, .stage = 7,
        .item_size = MPIPE__VARIABLE
    };

    memset(&f->head, 0xff, sizeof f->head);
    mpipe__frame_begin(f, NULL, 7);
    CU_ASSERT_EQUAL(memcmp(&f->head, &expected, sizeof expected), 0);
    free(f);
}

static void inherits(void)
{
    const uint32_t path[2] = { 8, 9 };
    struct mpipe__frame *parent = frame_with_path(2, path);
    struct mpipe__frame *f = frame_new(200);
    struct mpipe__frame_head expected = {
        .magic = MPIPE__FRAME_MAGIC, .kind = MPIPE__FRAME_DATA, .stage = 3,
        .root = 11, .attempt = 12, .work_us = 13, .n_path = 3,
        .item_size = MPIPE__VARIABLE
    };

    parent->head.root = 11;
    parent->head.attempt = 12;
    parent->head.work_us = 13;
    parent->head.id = 14;
    parent->head.dropped = parent->head.made = 15;
    parent->head.seq = parent->head.flow = 16;
    parent->head.tries = 17;
    memset(&f->head, 0xff, sizeof f->head);
    mpipe__frame_begin(f, parent, 3);
    CU_ASSERT_EQUAL(memcmp(&f->head, &expected, sizeof expected), 0);
    free(parent);
    free(f);
}

/* A path of 'n' numbers that counts up from 100, sealed with 'child'. */
static void seals(void)
{
    static const int64_t children[] = { -1, 0, 1, 77, UINT32_MAX };
    uint32_t path[MPIPE__PATH_MAX];

    for (unsigned i = 0; i < MPIPE__PATH_MAX; i++)
        path[i] = 100 + i;
    for (unsigned n = 0; n <= MPIPE__PATH_MAX; n++)
        for (size_t k = 0; k < sizeof children / sizeof *children; k++) {
            int64_t child = children[k];
            unsigned longer = n + (child >= 0 && n < MPIPE__PATH_MAX);
            struct mpipe__frame *parent = frame_with_path(n, path);
            struct mpipe__frame *f = frame_new(
                MPIPE__HEAD_SIZE + 16 + mpipe__align8(4u * (size_t)(n + 1)));
            struct copies c = { 0 };
            uint32_t *to;

            mpipe__frame_begin(f, parent, 0);
            append(&f, &c, 5);
            append(&f, &c, 5);
            mpipe__frame_seal(f, parent, child);
            to = mpipe__frame_path(f);
            CU_ASSERT_EQUAL(f->head.n_path, longer);
            CU_ASSERT_EQUAL(memcmp(to, path, 4 * n), 0);
            if (longer > n)
                CU_ASSERT_EQUAL(to[n], (uint32_t)child);
            if (longer % 2 != 0)
                CU_ASSERT_EQUAL(to[longer], 0);
            CU_ASSERT(holds(f, &c));
            free(parent);
            free(f);
        }
}

#define PATH_END UINT32_MAX

static const struct {
    uint32_t a[6], b[6];
    int order;
} order_rows[] = {
    { { PATH_END }, { PATH_END }, 0 },
    { { PATH_END }, { 0, PATH_END }, -1 },
    { { 1, PATH_END }, { 1, PATH_END }, 0 },
    { { 1, PATH_END }, { 2, PATH_END }, -1 },
    { { 2, PATH_END }, { 10, PATH_END }, -1 },
    { { 0x80000000, PATH_END }, { 0x7fffffff, PATH_END }, 1 },
    { { 1, 9, 9, PATH_END }, { 2, PATH_END }, -1 },
    { { 1, PATH_END }, { 1, 0, PATH_END }, -1 },
    { { 1, 0, 0, PATH_END }, { 1, 0, PATH_END }, 1 },
    { { 1, 2, 3, 4, 5, PATH_END }, { 1, 2, 3, 4, 6, PATH_END }, -1 },
    { { 1, 2, 3, 4, 5, PATH_END }, { 1, 2, 3, 4, 5, PATH_END }, 0 },
    { { 256, PATH_END }, { 1, PATH_END }, 1 }   /* numbers, not bytes */
};

static unsigned path_length(const uint32_t *path)
{
    unsigned n = 0;

    while (path[n] != PATH_END)
        n++;
    return n;
}

static int sign(int n)
{
    return n < 0 ? -1 : n > 0;
}

static void orders(void)
{
    for (size_t i = 0; i < sizeof order_rows / sizeof *order_rows; i++) {
        const uint32_t *p = order_rows[i].a, *q = order_rows[i].b;
        struct mpipe__frame *a = frame_with_path(path_length(p), p);
        struct mpipe__frame *b = frame_with_path(path_length(q), q);
        CU_ASSERT_EQUAL(sign(mpipe__frame_order(a, b)), order_rows[i].order);
        CU_ASSERT_EQUAL(sign(mpipe__frame_order(b, a)), -order_rows[i].order);
        free(a);
        free(b);
    }
}

/* The children of children come in the order in which a walk through the tree
 * meets them: a frame without a number of its own stands for its parent. */
enum { WALK_MAX = 200 };

static void walk(struct mpipe__frame *parent, unsigned depth, uint64_t *random,
                 struct mpipe__frame **met, unsigned *n_met)
{
    unsigned n = depth == 0 ? 0 : next_random(random) % 4;

    if (n == 0) {
        CU_ASSERT_FATAL(*n_met < WALK_MAX);
        met[(*n_met)++] = parent;
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        struct mpipe__frame *f = frame_new(200);
        mpipe__frame_begin(f, parent, 0);
        mpipe__frame_seal(f, parent, n == 1 ? -1 : (int64_t)i);
        walk(f, depth - 1, random, met, n_met);
    }
    free(parent);
}

static void order_is_the_trees(void)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct mpipe__frame *met[WALK_MAX];
        unsigned n = 0;
        uint64_t random = seed;
        walk(frame_with_path(0, NULL), 4, &random, met, &n);
        for (unsigned i = 0; i < n; i++)
            for (unsigned k = 0; k < n; k++)
                CU_ASSERT_EQUAL(sign(mpipe__frame_order(met[i], met[k])),
                                i < k ? -1 : i > k);
        for (unsigned i = 0; i < n; i++)
            free(met[i]);
    }
}

/* ---- what is believed ---- */

#define HEAD .magic = MPIPE__FRAME_MAGIC, .kind = MPIPE__FRAME_DATA

static const struct {
    struct mpipe__frame_head head;
    size_t size;
    const char *wrong;          /* a word of the complaint; NULL: fine */
} check_rows[] = {
    { { HEAD }, 64, NULL },
    { { HEAD, .n_items = 3, .item_size = 8, .bytes = 24 }, 88, NULL },
    { { HEAD, .n_items = 3, .item_size = 5, .bytes = 24 }, 88, NULL },
    { { HEAD, .n_items = 3, .item_size = 0, .bytes = 0 }, 64, NULL },
    { { HEAD, .n_items = 2, .item_size = V, .bytes = 24 }, 88, NULL },
    { { HEAD, .n_items = 0, .item_size = V, .bytes = 0 }, 64, NULL },
    { { HEAD, .n_path = 1 }, 72, NULL },
    { { HEAD, .n_path = 2 }, 72, NULL },
    { { HEAD, .n_path = 255 }, 64 + 1024, NULL },
    /* only the head of a large one */
    { { HEAD, .n_items = 1, .item_size = 1 << 30, .bytes = 1 << 30 }, 64,
      NULL },
    { { .magic = MPIPE__FRAME_MAGIC, .kind = MPIPE__FRAME_RETRY }, 64, NULL },
    { { .magic = MPIPE__FRAME_MAGIC, .kind = MPIPE__FRAME_FAILED }, 64, NULL },
    { { .magic = MPIPE__FRAME_MAGIC, .kind = MPIPE__FRAME_CONTROL }, 64,
      NULL },

    { { HEAD }, 0, "shorter" },
    { { HEAD }, 63, "shorter" },
    { { .kind = MPIPE__FRAME_DATA }, 64, "version" },
    { { .magic = 0x4d504631, .kind = MPIPE__FRAME_DATA }, 64, "version" },
    { { .magic = MPIPE__FRAME_MAGIC }, 64, "kind" },
    { { .magic = MPIPE__FRAME_MAGIC, .kind = 6 }, 64, "kind" },
    { { .magic = MPIPE__FRAME_MAGIC, .kind = 255 }, 64, "kind" },
    { { HEAD }, 65, "head says" },
    { { HEAD, .n_items = 3, .item_size = 8, .bytes = 24 }, 87, "head says" },
    { { HEAD, .n_items = 3, .item_size = 8, .bytes = 24 }, 96, "head says" },
    { { HEAD, .n_path = 2 }, 80, "head says" },
    { { HEAD, .n_path = 3 }, 72, "head says" },
    { { HEAD, .bytes = 8 }, 72, "without items" },
    { { HEAD, .item_size = V, .bytes = 8 }, 72, "without items" },
    { { HEAD, .n_items = 3, .item_size = 8, .bytes = 16 }, 80, "its items" },
    { { HEAD, .n_items = 3, .item_size = 9, .bytes = 24 }, 88, "its items" },
    { { HEAD, .n_items = 1, .item_size = 0, .bytes = 8 }, 72, "its items" },
    { { HEAD, .n_items = 2, .item_size = V, .bytes = 8 }, 72, "too short" },
    { { HEAD, .n_items = 1, .item_size = V, .bytes = 0 }, 64, "too short" },
    { { HEAD, .n_items = 1, .item_size = V, .bytes = 12 }, 76, "too short" },
    { { HEAD, .n_items = UINT32_MAX, .item_size = V, .bytes = 24 }, 88,
      "too short" },
    { { HEAD, .n_items = UINT32_MAX, .item_size = V - 1, .bytes = 24 }, 88,
      "its items" },
    /* lengths that come round to the message's: the path would lie before the
     * payload, or before the frame */
    { { HEAD, .n_items = 1, .item_size = V, .n_path = 4,
        .bytes = UINT64_MAX - 7 }, 72, "head says" },
    { { HEAD, .n_items = 9, .item_size = V, .n_path = 255,
        .bytes = UINT64_MAX - 1023 }, 64, "head says" },
    { { HEAD, .n_items = 9, .item_size = V, .n_path = 255,
        .bytes = UINT64_MAX - 1015 }, 72, "head says" },
    { { HEAD, .n_items = 1, .item_size = V, .bytes = UINT64_MAX - 7 }, 64,
      "head says" }
};

static void checks(void)
{
    for (size_t i = 0; i < sizeof check_rows / sizeof *check_rows; i++) {
        const struct mpipe__frame_head *h = &check_rows[i].head;
        const char *wrong = check_rows[i].wrong;
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        enum mpipe_err e = mpipe__frame_check(h, check_rows[i].size, &err);

        CU_ASSERT_EQUAL(e, wrong == NULL ? MPIPE_OK : MPIPE_ELINK);
        CU_ASSERT_EQUAL(err.code, e);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, wrong == NULL ? "" : wrong));
        CU_ASSERT_EQUAL(mpipe__frame_check(h, check_rows[i].size, NULL), e);
    }
}

/* ---- a walk over damage ---- */

static const struct {
    uint64_t length[4];         /* of items in a variable payload of 32 bytes */
    uint32_t n_items;
    uint32_t n_good;            /* that can be had before the walk ends */
} damage_rows[] = {
    { { 8, 0, 8, 0 }, 2, 2 },
    { { 8, 0, 9, 0 }, 2, 1 },
    { { 8, 0, UINT64_MAX, 0 }, 2, 1 },
    { { 8, 0, UINT64_MAX - 7, 0 }, 2, 1 },
    { { 24, 0, 0, 0 }, 1, 1 },
    { { 24, 0, 0, 0 }, 2, 1 },          /* no room for a second length */
    { { 25, 0, 0, 0 }, 1, 0 },
    { { 0, 0, 0, 0 }, 4, 4 },
    { { 0, 0, 0, 0 }, 5, 4 },
    { { 0, 0, 0, 1 }, 4, 3 },
    { { UINT64_MAX, 0, 0, 0 }, 1, 0 },
    { { (uint64_t)1 << 63, 0, 0, 0 }, 1, 0 }
};

static void survives_damage(void)
{
    for (size_t i = 0; i < sizeof damage_rows / sizeof *damage_rows; i++) {
        struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE + 32);
        struct mpipe__cursor c;
        struct mpipe_item item;
        uint32_t n = 0;

        f->head.item_size = MPIPE__VARIABLE;
        f->head.n_items = damage_rows[i].n_items;
        f->head.bytes = 32;
        memcpy(mpipe__frame_payload(f), damage_rows[i].length, 32);
        mpipe__cursor_init(&c, f);
        while (mpipe__cursor_next(&c, &item))
            n++;
        CU_ASSERT_EQUAL(n, damage_rows[i].n_good);
        CU_ASSERT_EQUAL(c.left, damage_rows[i].n_items - n);
        free(f);
    }
}

/* A fixed frame that says it has more items than bytes. */
static void short_of_items(void)
{
    struct mpipe__frame *f = empty_frame(MPIPE__HEAD_SIZE + 20);
    struct mpipe__cursor c;
    struct mpipe_item item;

    memset(mpipe__frame_payload(f), 0, 20);
    f->head.item_size = 4;
    f->head.n_items = 3;
    f->head.bytes = 20;
    mpipe__cursor_init(&c, f);
    CU_ASSERT(mpipe__cursor_next(&c, &item));
    CU_ASSERT(mpipe__cursor_next(&c, &item));
    CU_ASSERT(!mpipe__cursor_next(&c, &item));  /* 4 bytes, but no padding */
    CU_ASSERT_EQUAL(c.left, 1);
    free(f);
}

/* ---- queue ---- */

static void queues(void)
{
    struct mpipe__frame_queue q;
    struct mpipe__frame *f[20];
    unsigned in = 0, out = 0;

    for (unsigned i = 0; i < 20; i++)
        f[i] = empty_frame(MPIPE__HEAD_SIZE);
    mpipe__queue_init(&q);
    CU_ASSERT_PTR_NULL(mpipe__queue_pop(&q));
    while (out < 20) {          /* three in, two out, empty now and then */
        for (unsigned i = 0; i < 3 && in < 20; i++)
            mpipe__queue_push(&q, f[in++]);
        for (unsigned i = 0; i < (in % 4 == 0 ? 9u : 2u) && out < in; i++)
            CU_ASSERT_PTR_EQUAL(mpipe__queue_pop(&q), f[out++]);
        CU_ASSERT_EQUAL(q.n, in - out);
    }
    CU_ASSERT_PTR_NULL(mpipe__queue_pop(&q));
    CU_ASSERT_EQUAL(q.n, 0);
    for (unsigned i = 0; i < 20; i++)
        free(f[i]);
}

static const struct mpipe__test tests[] = {
    { "items come back as they were appended", items_come_back },
    { "the first item of another size gives each its length",
      becomes_variable },
    { "an append needs just the capacity that it says", capacity_is_exact },
    { "the fast way is for items of the size before", fast_is_for_equal_sizes },
    { "the path's room is kept free", path_takes_room },
    { "less may be committed than was reserved", smaller_commits },
    { "a reservation that is not committed is forgotten", lost_reserves },
    { "a frame can be cut after any item", truncates },
    { "the bytes of the first items are counted", counts_item_bytes },
    { "the bytes between items can be made zeros", cleans },
    { "a frame is like an array of copies", like_an_array },
    { "a new frame says nothing but its stage", begins_empty },
    { "a child has its parent's root, attempt and work", inherits },
    { "a sealed frame has its parent's path and its own number", seals },
    { "paths compare number by number, and short before long", orders },
    { "the order of paths is the order of the tree", order_is_the_trees },
    { "a head is believed only if all its numbers agree", checks },
    { "a walk ends where lengths are damaged", survives_damage },
    { "a walk ends where the bytes end", short_of_items },
    { "a queue gives what it got, in order", queues },
    { NULL, NULL }
};

const struct mpipe__suite suite_frame = { "frame", tests };
