/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_frame.c - whatever bytes come as a message: they are refused, or they
 * can be walked, cut and compared without a step outside of them.
 *
 * In tests/unit: good frames, those that once did harm, and some 100,000
 * mutations of both, always the same.  With libFuzzer, for as long as you like:
 *
 *   clang -std=c11 -D_GNU_SOURCE -DMPIPE_FUZZ -Iinclude -Isrc -g
 *       -fsanitize=fuzzer,address,undefined tests/fuzz_frame.c src/frame.c
 *       src/error.c -o fuzz_frame
 */
#include <stdlib.h>
#include "frame.h"

/* Harm is an abort, or what a sanitizer finds; also under libFuzzer, which has
 * no CUnit. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

/* The bytes of all items, and how many there are before the first damage. */
static uint64_t walk(struct mpipe__frame *f, uint32_t *n)
{
    const char *from = mpipe__frame_payload(f), *to = from + f->head.bytes;
    struct mpipe__cursor c;
    struct mpipe_item item;
    uint64_t sum = 0;

    mpipe__cursor_init(&c, f);
    /* empty items cost nothing to claim: a few are as good as 4 billion */
    for (*n = 0; *n < 100000 && mpipe__cursor_next(&c, &item); ++*n) {
        const char *data = item.data;
        must(data >= from && data <= to && item.size <= (size_t)(to - data));
        must((data - from) % 8 == 0);
        for (size_t i = 0; i < item.size; i++)
            sum = sum * 31 + (unsigned char)data[i];
    }
    return sum;
}

/* True if the bytes are taken for a frame.  They lie at the end of memory that
 * has not a byte more. */
static bool try_bytes(const uint8_t *data, size_t size)
{
    size_t room = size < MPIPE__HEAD_SIZE ? MPIPE__HEAD_SIZE : size;
    struct mpipe__frame *f = malloc(offsetof(struct mpipe__frame, head)
                                    + room);
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    uint32_t n, fewer;
    uint64_t sum, path = 0;
    bool good;

    must(f != NULL);
    memset(&f->head, 0, MPIPE__HEAD_SIZE);
    f->capacity = room;
    if (size > 0)
        memcpy(&f->head, data, size);
    good = mpipe__frame_check(&f->head, size, &err) == MPIPE_OK;
    must(good == (err.code == MPIPE_OK) && good == (err.text[0] == '\0'));
    if (good && size == mpipe__wire_size(&f->head)) {
        for (unsigned i = 0; i < f->head.n_path; i++)
            path += mpipe__frame_path(f)[i];
        must(mpipe__frame_order(f, f) == 0);
        sum = walk(f, &n);
        mpipe__frame_truncate(f, n);    /* the good ones stay as they are */
        must(walk(f, &fewer) == sum && fewer == n);
        mpipe__frame_truncate(f, n / 2);
        walk(f, &fewer);
        must(fewer == n / 2 && mpipe__wire_size(&f->head) <= size);
    }
    free(f);
    return good || path > UINT64_MAX / 2;   /* so that it is read */
}

#ifdef MPIPE_FUZZ

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_bytes(data, size);
    return 0;
}

#else
#include "suite.h"

enum { MOST = 1200 };

struct message {
    uint8_t bytes[MOST];
    size_t size;
};

/* ---- where mutations begin ---- */

/* Items of the sizes given (-1 ends them), and a path. */
static const struct { int size[6]; uint8_t n_path; } good_rows[] = {
    { { -1 }, 0 }, { { -1 }, 3 }, { { 8, -1 }, 0 }, { { 8, 8, 8, -1 }, 1 },
    { { 0, 0, 0, 0, -1 }, 2 }, { { 5, 5, -1 }, 255 }, { { 1, 2, 3, -1 }, 0 },
    { { 100, 0, 7, 16, -1 }, 4 }, { { 0, 1, -1 }, 5 }, { { 40, -1 }, 8 }
};

static void good_message(struct message *m, size_t row)
{
    union { struct mpipe__frame frame; char room[MOST + 200]; } u;
    static const char bytes[100] = "what an item holds";
    struct mpipe__frame *f = &u.frame;

    memset(&u, 0, sizeof u);
    f->capacity = MOST;
    mpipe__frame_begin(f, NULL, 1);
    for (const int *size = good_rows[row].size; *size >= 0; size++)
        mpipe__frame_append_slow(f, bytes, (size_t)*size);
    f->head.n_path = good_rows[row].n_path;
    m->size = mpipe__wire_size(&f->head);
    CU_ASSERT_FATAL(m->size <= MOST);
    memcpy(m->bytes, &f->head, m->size);
}

/* Heads that were once believed, or could be. */
#define HEAD .magic = MPIPE__FRAME_MAGIC, .kind = MPIPE__FRAME_DATA
#define V MPIPE__VARIABLE

static const struct { struct mpipe__frame_head head; size_t size; }
bad_rows[] = {
    { { HEAD, .n_items = 1, .item_size = V, .n_path = 4,
        .bytes = UINT64_MAX - 7 }, 72 },
    { { HEAD, .n_items = 9, .item_size = V, .n_path = 255,
        .bytes = UINT64_MAX - 1023 }, 64 },
    { { HEAD, .n_items = 9, .item_size = V, .n_path = 255,
        .bytes = UINT64_MAX - 1015 }, 72 },
    { { HEAD, .n_items = 1, .item_size = V, .bytes = UINT64_MAX - 7 }, 64 },
    { { HEAD, .n_items = UINT32_MAX, .item_size = V - 1, .bytes = 24 }, 88 },
    { { HEAD, .n_items = 3, .item_size = V, .bytes = 16 }, 80 }
};

static void bad_message(struct message *m, size_t row)
{
    m->size = bad_rows[row].size;
    memset(m->bytes, 0, MOST);
    memcpy(m->bytes, &bad_rows[row].head, sizeof bad_rows[row].head);
}

#define N_GOOD (sizeof good_rows / sizeof *good_rows)
#define N_BAD (sizeof bad_rows / sizeof *bad_rows)

/* ---- mutations ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Numbers near which things go wrong. */
static uint64_t nasty(uint64_t *random)
{
    static const uint64_t numbers[] = {
        0, 8, 64, 255, UINT32_MAX, (uint64_t)1 << 31, (uint64_t)1 << 32,
        (uint64_t)1 << 63, UINT64_MAX, UINT64_MAX - 1023
    };

    return numbers[next_random(random) % 10] + next_random(random) % 17 - 8;
}

static void mutate(struct message *m, uint64_t *random)
{
    size_t at = next_random(random) % MOST;
    uint64_t number = nasty(random);
    size_t width = (size_t)1 << next_random(random) % 4;

    if (m->size > 0 && next_random(random) % 4 != 0)
        at %= m->size;                  /* mostly in the message, */
    if (next_random(random) % 2 != 0)
        at %= MPIPE__HEAD_SIZE;         /* and there in its head */
    at -= at % width;
    switch (next_random(random) % 4) {
    case 0:
        m->bytes[at] ^= (uint8_t)(1u << next_random(random) % 8);
        break;
    case 1:
        m->size = next_random(random) % 3 == 0 ? at : m->size ^ 8;
        m->size = m->size > MOST ? MOST : m->size;
        break;
    default:
        memcpy(m->bytes + at, &number, width);
        break;
    }
}

/* ---- tests ---- */

static void good_ones(void)
{
    struct message m;

    for (size_t i = 0; i < N_GOOD; i++) {
        good_message(&m, i);
        CU_ASSERT(try_bytes(m.bytes, m.size));
        if (m.size > MPIPE__HEAD_SIZE)
            CU_ASSERT(!try_bytes(m.bytes, m.size - 1));
    }
}

static void bad_ones(void)
{
    struct message m;

    for (size_t i = 0; i < N_BAD; i++) {
        bad_message(&m, i);
        CU_ASSERT(!try_bytes(m.bytes, m.size));
    }
}

static void mutations(void)
{
    uint64_t random = 20;
    unsigned n_taken = 0, n_refused = 0;

    for (int round = 0; round < 4000; round++)
        for (size_t i = 0; i < N_GOOD + N_BAD; i++) {
            struct message m = { .size = 0 };
            unsigned n = 1 + next_random(&random) % 4;
            if (i < N_GOOD)
                good_message(&m, i);
            else
                bad_message(&m, i - N_GOOD);
            while (n-- > 0) {
                mutate(&m, &random);
                *(try_bytes(m.bytes, m.size) ? &n_taken : &n_refused) += 1;
            }
        }
    /* both ways were gone often enough */
    CU_ASSERT(n_taken > 10000 && n_refused > 50000);
}

static const struct mpipe__test tests[] = {
    { "good frames are taken", good_ones },
    { "frames that once did harm are refused", bad_ones },
    { "no mutation of a frame does harm", mutations },
    { NULL, NULL }
};

const struct mpipe__suite suite_fuzz_frame = { "fuzz_frame", tests };

#endif
