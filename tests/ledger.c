/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of ledger.c: each root is complete once, when the last of what is
 * known below it has been heard of, whatever the order of the news; window,
 * turns and attempts.
 *
 * The random tests grow a tree of frames below each root, write down the news
 * of it as workers and the sink would send them, shuffle the news of all
 * roots, and compare with a plain count of what is still to come.
 */
#include <stdlib.h>
#include "ledger.h"
#include "suite.h"

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static struct mpipe__ledger new_ledger(uint32_t capacity, bool ordered)
{
    struct mpipe__ledger l;

    CU_ASSERT_EQUAL_FATAL(mpipe__ledger_init(&l, capacity, 0, ordered), MPIPE_OK);
    return l;
}

static struct mpipe__root *feed(struct mpipe__ledger *l, uint64_t id)
{
    struct mpipe__root *r = mpipe__ledger_feed(l, id, 1, 100);

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    return r;
}

/* ---- window ---- */

static const struct { uint32_t asked, got; } capacity_rows[] = {
    { 0, 1 }, { 1, 1 }, { 2, 2 }, { 3, 4 }, { 4, 4 }, { 5, 8 },
    { 1000, 1024 }, { 1024, 1024 }
};

static void capacities(void)
{
    for (size_t i = 0; i < sizeof capacity_rows / sizeof *capacity_rows; i++) {
        struct mpipe__ledger l = new_ledger(capacity_rows[i].asked, false);
        uint32_t n = 0;
        CU_ASSERT(mpipe__ledger_empty(&l));
        while (!mpipe__ledger_full(&l)) {
            struct mpipe__root *r = feed(&l, n + 1);
            CU_ASSERT_EQUAL(r->seq, n++);
        }
        CU_ASSERT_EQUAL(n, capacity_rows[i].got);
        CU_ASSERT_EQUAL(l.open, n);
        CU_ASSERT_EQUAL(l.bytes, 100 * (uint64_t)n);
        CU_ASSERT_PTR_NULL(mpipe__ledger_feed(&l, 99, 1, 100));
        CU_ASSERT_EQUAL(l.next, n);
        CU_ASSERT_EQUAL(l.bytes, 100 * (uint64_t)n);
        mpipe__ledger_fini(&l);
    }
}

static void new_entry(void)
{
    struct mpipe__ledger l = new_ledger(2, false);

    for (uint64_t seq = 0; seq < 10; seq++) {
        struct mpipe__root *r = mpipe__ledger_feed(&l, 7, 11, 1234);
        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        CU_ASSERT_EQUAL(r->seq, seq);
        CU_ASSERT_EQUAL(r->state, MPIPE__ROOT_OPEN);
        CU_ASSERT_EQUAL(r->attempt, 0);
        CU_ASSERT_EQUAL(r->xored, 7);
        CU_ASSERT_EQUAL(r->items, 11);
        CU_ASSERT_EQUAL(r->bytes, 1234);
        CU_ASSERT(r->dropped == 0 && r->made == 0 && r->work_us == 0);
        CU_ASSERT_PTR_NULL(r->fed);
        CU_ASSERT(r->results.n == 0 && r->results.first == NULL);
        r->dropped = r->made = r->work_us = 5;      /* of the one before */
        r->attempt = 3;
        CU_ASSERT(mpipe__ledger_cancel(&l, r, 7));
        mpipe__ledger_release(&l, mpipe__ledger_ready(&l));
        CU_ASSERT_EQUAL(l.bytes, 0);
        CU_ASSERT(mpipe__ledger_empty(&l));
    }
    mpipe__ledger_fini(&l);
}

/* The oldest root holds the window up, also when all others are delivered. */
static void oldest_holds_up(void)
{
    struct mpipe__ledger l = new_ledger(4, false);
    struct mpipe__root *r[4];

    for (uint64_t i = 0; i < 4; i++)
        r[i] = feed(&l, i + 1);
    for (uint64_t i = 3; i > 0; i--) {
        CU_ASSERT(mpipe__ledger_cancel(&l, r[i], i + 1));
        CU_ASSERT_PTR_EQUAL(mpipe__ledger_ready(&l), r[i]);
        mpipe__ledger_release(&l, r[i]);
        CU_ASSERT(mpipe__ledger_full(&l));
        CU_ASSERT_EQUAL(l.bytes, 100 * i);
    }
    CU_ASSERT(mpipe__ledger_cancel(&l, r[0], 1));
    CU_ASSERT(mpipe__ledger_full(&l));      /* not yet delivered */
    CU_ASSERT(!mpipe__ledger_empty(&l));
    mpipe__ledger_release(&l, mpipe__ledger_ready(&l));
    CU_ASSERT(mpipe__ledger_empty(&l));
    for (uint64_t i = 0; i < 4; i++)        /* all four are free again */
        CU_ASSERT_EQUAL(feed(&l, i + 1)->seq, 4 + i);
    CU_ASSERT_PTR_NULL(mpipe__ledger_find(&l, 0, 0));   /* another has its slot */
    CU_ASSERT(mpipe__ledger_full(&l));
    mpipe__ledger_fini(&l);
}

/* Behind one that takes long the ring grows, 8 bytes for each that has gone. */
static void grows_behind(void)
{
    static const struct { size_t memory; uint32_t gone; } rows[] = {
        { 0, 3 }, { 8 * 4 - 1, 3 }, { 8 * 4, 7 }, { 8 * 12, 15 }, { 8 * 28 - 8, 15 },
        { 8 * 28, 31 }
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mpipe__ledger l;
        struct mpipe__root *oldest, *r;
        uint32_t n = 0;

        CU_ASSERT_EQUAL_FATAL(mpipe__ledger_init(&l, 4, rows[i].memory, false),
                              MPIPE_OK);
        oldest = feed(&l, 1);
        for (; !mpipe__ledger_full(&l); n++) {
            r = feed(&l, 7 + n);
            CU_ASSERT(mpipe__ledger_cancel(&l, r, 7 + n));
            CU_ASSERT_PTR_EQUAL(mpipe__ledger_ready(&l), r);
            mpipe__ledger_release(&l, r);
        }
        CU_ASSERT_EQUAL(n, rows[i].gone);
        CU_ASSERT_PTR_EQUAL(mpipe__ledger_find(&l, 0, 0), oldest);
        CU_ASSERT_PTR_EQUAL(mpipe__ledger_open(&l, 0), oldest);
        CU_ASSERT(mpipe__ledger_cancel(&l, oldest, 1));
        mpipe__ledger_release(&l, oldest);
        CU_ASSERT(mpipe__ledger_empty(&l) && !mpipe__ledger_full(&l));
        mpipe__ledger_fini(&l);
    }
}

/* So does what is in flight, each with its entry, which stays where it is. */
static void grows_in_flight(void)
{
    size_t block = sizeof(void *) + 4 * sizeof(struct mpipe__root);
    struct mpipe__ledger l;
    struct mpipe__root *r[12];
    uint64_t n;

    CU_ASSERT_EQUAL_FATAL(mpipe__ledger_init(&l, 4, 8 * 12 + 2 * block, true),
                          MPIPE_OK);
    for (n = 0; n < 12; n++)
        r[n] = feed(&l, 7 + n);
    CU_ASSERT(mpipe__ledger_full(&l));
    for (n = 0; n < 12; n++) {
        CU_ASSERT_PTR_EQUAL(mpipe__ledger_find(&l, n, 0), r[n]);
        CU_ASSERT(r[n]->seq == n && r[n]->xored == 7 + n);
    }
    CU_ASSERT(mpipe__ledger_cancel(&l, r[0], 7));
    mpipe__ledger_release(&l, r[0]);
    CU_ASSERT_EQUAL(feed(&l, 99)->seq, 12);         /* in its place */
    mpipe__ledger_clear(&l);
    CU_ASSERT(mpipe__ledger_empty(&l));
    CU_ASSERT_PTR_NULL(mpipe__ledger_open(&l, 0));
    CU_ASSERT_PTR_NULL(mpipe__ledger_ready(&l));
    for (n = 0; n < 12; n++)
        CU_ASSERT_EQUAL(feed(&l, 7 + n)->seq, 13 + n);
    mpipe__ledger_fini(&l);
}

/* ---- turns ---- */

/* Four roots, completed in the order of the digits; after each, those that are
 * handed out, and a dot. */
static const struct {
    const char *completed, *ordered, *unordered;
} turn_rows[] = {
    { "0123", "0.1.2.3.", "0.1.2.3." },
    { "3210", "...0123.", "3.2.1.0." },
    { "1032", ".01..23.", "1.0.3.2." },
    { "2013", ".0.12.3.", "2.0.1.3." },
    { "3012", ".0.1.23.", "3.0.1.2." },
    { "02", "0..", "0.2." },            /* 1 and 3 stay open */
    { "13", "..", "1.3." }
};

/* 'at_once': hand out after each; else all at the end. */
static void turns(const char *completed, bool ordered, bool at_once,
                  char *diary)
{
    struct mpipe__ledger l = new_ledger(4, ordered);
    struct mpipe__root *r[4], *ready;

    for (uint64_t i = 0; i < 4; i++)
        r[i] = feed(&l, i + 1);
    CU_ASSERT_PTR_NULL(mpipe__ledger_ready(&l));
    for (; *completed != '\0'; completed++) {
        unsigned i = (unsigned)(*completed - '0');
        CU_ASSERT(mpipe__ledger_cancel(&l, r[i], i + 1));
        while ((at_once || completed[1] == '\0')
               && (ready = mpipe__ledger_ready(&l)) != NULL) {
            *diary++ = (char)('0' + ready->seq);
            mpipe__ledger_release(&l, ready);
        }
        if (at_once)
            *diary++ = '.';
    }
    *diary = '\0';
    CU_ASSERT_EQUAL(mpipe__ledger_empty(&l), l.open == 0);
    mpipe__ledger_fini(&l);
}

static void without_dots(char *to, const char *from)
{
    for (; *from != '\0'; from++)
        if (*from != '.')
            *to++ = *from;
    *to = '\0';
}

static void takes_turns(void)
{
    for (size_t i = 0; i < sizeof turn_rows / sizeof *turn_rows; i++) {
        char diary[20], expected[20];
        const char *completed = turn_rows[i].completed;
        turns(completed, true, true, diary);
        CU_ASSERT_STRING_EQUAL(diary, turn_rows[i].ordered);
        turns(completed, true, false, diary);
        without_dots(expected, turn_rows[i].ordered);
        CU_ASSERT_STRING_EQUAL(diary, expected);
        turns(completed, false, true, diary);
        CU_ASSERT_STRING_EQUAL(diary, turn_rows[i].unordered);
        without_dots(expected, turn_rows[i].unordered);
        turns(completed, false, false, diary);
        CU_ASSERT_STRING_EQUAL(diary, expected);
    }
}

/* ---- one root ---- */

/* Letters are ids: the root is fed as 'a', then each word cancels its letters.
 * The row's last word must be the one that completes. */
static const struct { const char *news[8]; } news_rows[] = {
    { { "a" } },                                /* one frame all the way */
    { { "abc", "b", "c" } },                    /* a report, two arrivals */
    { { "b", "abc", "c" } },                    /* an arrival before it */
    { { "b", "c", "abc" } },
    { { "cde", "abc", "d", "b", "e" } },        /* a grandchild's first */
    { { "e", "d", "cde", "b", "abc" } },
    { { "abccde", "b", "d", "e" } }             /* reports put together */
};

static uint64_t ids(const char *letters)
{
    uint64_t xored = 0;

    for (; *letters != '\0'; letters++)
        xored ^= mpipe__id(77, (uint64_t)*letters);
    return xored;
}

static void any_order(void)
{
    for (size_t i = 0; i < sizeof news_rows / sizeof *news_rows; i++) {
        struct mpipe__ledger l = new_ledger(1, true);
        struct mpipe__root *r = feed(&l, ids("a"));
        const char *const *news = news_rows[i].news;
        for (; *news != NULL; news++) {
            CU_ASSERT_PTR_EQUAL(mpipe__ledger_find(&l, 0, 0), r);
            CU_ASSERT_EQUAL(mpipe__ledger_cancel(&l, r, ids(*news)),
                            news[1] == NULL);
            CU_ASSERT_EQUAL(mpipe__ledger_empty(&l), false);
        }
        CU_ASSERT_PTR_NULL(mpipe__ledger_find(&l, 0, 0));
        CU_ASSERT_EQUAL(l.open, 0);
        CU_ASSERT_EQUAL(l.complete, 1);
        CU_ASSERT_PTR_EQUAL(mpipe__ledger_ready(&l), r);
        mpipe__ledger_release(&l, r);
        CU_ASSERT_PTR_NULL(mpipe__ledger_ready(&l));
        mpipe__ledger_fini(&l);
    }
}

static void every_bit(void)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        struct mpipe__ledger l = new_ledger(1, false);
        struct mpipe__root *r = feed(&l, 77);
        CU_ASSERT(!mpipe__ledger_cancel(&l, r, 77 ^ (uint64_t)1 << bit));
        CU_ASSERT(mpipe__ledger_cancel(&l, r, (uint64_t)1 << bit));
        mpipe__ledger_fini(&l);
    }
}

/* Who may still say something of root 5 at attempt 2, of 8 roots with 0, 1
 * and 3 delivered and 4 complete? */
static const struct { uint64_t root; uint32_t attempt; bool found; }
find_rows[] = {
    { 5, 2, true }, { 5, 0, false }, { 5, 1, false }, { 5, 3, false },
    { 5, UINT32_MAX, false },
    { 0, 0, false }, { 1, 0, false }, { 3, 0, false },
    { 4, 0, false },                    /* complete: once is enough */
    { 2, 0, true }, { 2, 1, false }, { 6, 0, true }, { 7, 0, true },
    { 8, 0, false },                    /* never fed */
    { 16 + 5, 2, false }, { UINT64_MAX, 0, false },
    { UINT64_MAX - 2, 2, false }        /* the same slot of the ring */
};

static void finds(void)
{
    struct mpipe__ledger l = new_ledger(8, false);
    struct mpipe__root *r[8];

    for (uint64_t i = 0; i < 8; i++)
        r[i] = feed(&l, i + 1);
    l.attempt = 1;
    mpipe__ledger_again(&l, r[5], 50);
    l.attempt = 2;
    mpipe__ledger_again(&l, r[5], 60);
    mpipe__ledger_cancel(&l, r[0], 1);
    mpipe__ledger_cancel(&l, r[1], 2);
    mpipe__ledger_cancel(&l, r[3], 4);
    for (int i = 0; i < 3; i++)
        mpipe__ledger_release(&l, mpipe__ledger_ready(&l));
    mpipe__ledger_cancel(&l, r[4], 5);
    for (size_t i = 0; i < sizeof find_rows / sizeof *find_rows; i++)
        CU_ASSERT_PTR_EQUAL(
            mpipe__ledger_find(&l, find_rows[i].root, find_rows[i].attempt),
            find_rows[i].found ? r[find_rows[i].root] : NULL);
    for (uint64_t i = 0; i < 2; i++) {  /* their slots have new roots */
        CU_ASSERT_EQUAL(feed(&l, 9)->seq, 8 + i);
        CU_ASSERT_PTR_NULL(mpipe__ledger_find(&l, i, 0));
        CU_ASSERT_PTR_NOT_NULL(mpipe__ledger_find(&l, 8 + i, 2));
    }
    mpipe__ledger_fini(&l);
}

static void begins_again(void)
{
    struct mpipe__ledger l = new_ledger(1, true);
    struct mpipe__root *r = feed(&l, 1);
    struct mpipe__frame frame = { .next = NULL };

    mpipe__ledger_cancel(&l, r, 1 ^ 2 ^ 3);
    mpipe__ledger_cancel(&l, r, 2);
    mpipe__queue_push(&r->results, &frame);
    r->dropped = 4;
    r->made = 5;
    l.attempt = 1;
    mpipe__ledger_again(&l, r, 9);
    CU_ASSERT_EQUAL(r->attempt, 1);
    CU_ASSERT_EQUAL(r->xored, 9);
    CU_ASSERT(r->dropped == 0 && r->made == 0);
    CU_ASSERT(r->results.n == 0 && r->results.first == NULL);
    CU_ASSERT(r->seq == 0 && r->items == 1 && r->bytes == 100);
    CU_ASSERT_EQUAL(l.open, 1);
    CU_ASSERT_EQUAL(l.bytes, 100);
    CU_ASSERT_PTR_NULL(mpipe__ledger_find(&l, 0, 0));
    CU_ASSERT_PTR_EQUAL(mpipe__ledger_find(&l, 0, 1), r);
    CU_ASSERT(mpipe__ledger_cancel(&l, r, 9));
    mpipe__ledger_fini(&l);
}

/* ---- trees of news, shuffled ---- */

enum { ROOTS = 16, NEWS_MAX = 4000, IDS_MAX = 100000 };

struct news { uint64_t root, ids; uint32_t attempt; };

struct story {
    struct mpipe__ledger ledger;
    uint64_t random, next_id;
    struct news news[NEWS_MAX];         /* still to be heard */
    unsigned n_news;
    struct {                            /* by seq % ROOTS: what must hold */
        uint64_t seq;
        uint32_t attempt;
        unsigned to_come;
        bool open, complete;
    } root[ROOTS];
    uint64_t delivered, n_delivered;    /* in order: the next */
    uint64_t completed[ROOTS];          /* not delivered, in order */
    unsigned n_completed;
};

static uint64_t new_id(struct story *s)
{
    return mpipe__id(3, s->next_id++);
}

static void tell(struct story *s, uint64_t root, uint64_t xored)
{
    unsigned r = (unsigned)(root % ROOTS), i;

    CU_ASSERT_FATAL(s->n_news < NEWS_MAX);
    i = next_random(&s->random) % ++s->n_news;  /* shuffled as it grows */
    s->news[s->n_news - 1] = s->news[i];
    s->news[i] = (struct news){ root, xored, s->root[r].attempt };
    s->root[r].to_come++;
}

/* All that will be heard of a frame: it arrives, or its worker reports what
 * became of it.  Some reports are put together. */
static uint64_t grow(struct story *s, uint64_t root, uint64_t id,
                     unsigned depth)
{
    unsigned n = depth == 0 ? 9 : next_random(&s->random) % 5;
    uint64_t report = id;

    if (n > 3) {                        /* it passes, and arrives as it is */
        tell(s, root, id);
        return 0;
    }
    while (n-- > 0) {
        uint64_t child = new_id(s);
        report ^= child;
        report ^= grow(s, root, child, depth - 1);
    }
    if (depth < 3 && next_random(&s->random) % 4 == 0)
        return report;                  /* the same rank's: with its parent's */
    tell(s, root, report);
    return 0;
}

static void grow_root(struct story *s, uint64_t root, uint64_t id)
{
    uint64_t rest = grow(s, root, id, 3);

    if (rest != 0)
        tell(s, root, rest);
}

static void feed_one(struct story *s)
{
    uint64_t id = new_id(s);
    struct mpipe__root *r = feed(&s->ledger, id);
    unsigned i = (unsigned)(r->seq % ROOTS);

    CU_ASSERT_FATAL(!s->root[i].open && !s->root[i].complete);
    s->root[i].seq = r->seq;
    s->root[i].attempt = s->ledger.attempt;
    s->root[i].to_come = 0;
    s->root[i].open = true;
    grow_root(s, r->seq, id);
}

/* One of the open roots is begun anew; its old news keep coming. */
static void try_again(struct story *s)
{
    unsigned i = next_random(&s->random) % ROOTS;
    struct mpipe__root *r;
    uint64_t id;

    if (!s->root[i].open)
        return;
    r = mpipe__ledger_find(&s->ledger, s->root[i].seq, s->root[i].attempt);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    id = new_id(s);
    s->ledger.attempt++;
    mpipe__ledger_again(&s->ledger, r, id);
    s->root[i].attempt = s->ledger.attempt;
    s->root[i].to_come = 0;
    grow_root(s, s->root[i].seq, id);
}

static void hear(struct story *s)
{
    struct news news = s->news[--s->n_news];
    unsigned i = (unsigned)(news.root % ROOTS);
    struct mpipe__root *r = mpipe__ledger_find(&s->ledger, news.root,
                                               news.attempt);

    if (s->root[i].seq != news.root || s->root[i].attempt != news.attempt) {
        CU_ASSERT_PTR_NULL(r);          /* stale */
        return;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL(r->seq, news.root);
    s->root[i].to_come--;
    CU_ASSERT_EQUAL(mpipe__ledger_cancel(&s->ledger, r, news.ids),
                    s->root[i].to_come == 0);
    if (s->root[i].to_come > 0)
        return;
    s->root[i].open = false;
    s->root[i].complete = true;
    s->completed[s->n_completed++] = news.root;
}

static void deliver(struct story *s)
{
    struct mpipe__root *r = mpipe__ledger_ready(&s->ledger);
    uint64_t expected = UINT64_MAX;

    if (s->ledger.ordered && s->root[s->delivered % ROOTS].complete)
        expected = s->delivered;
    else if (!s->ledger.ordered && s->n_completed > 0)
        expected = s->completed[0];
    if (expected == UINT64_MAX) {
        CU_ASSERT_PTR_NULL(r);
        return;
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL_FATAL(r->seq, expected);
    mpipe__ledger_release(&s->ledger, r);
    s->root[expected % ROOTS].complete = false;
    s->n_completed--;
    memmove(s->completed, s->completed + 1,
            s->n_completed * sizeof s->completed[0]);
    s->delivered++;
    s->n_delivered++;
}

static void counts_agree(const struct story *s)
{
    unsigned open = 0, complete = 0;

    for (unsigned i = 0; i < ROOTS; i++) {
        open += s->root[i].open;
        complete += s->root[i].complete;
    }
    CU_ASSERT_EQUAL(s->ledger.open, open);
    CU_ASSERT_EQUAL(s->ledger.complete, complete);
    CU_ASSERT_EQUAL(s->ledger.bytes, 100 * (uint64_t)(open + complete));
    CU_ASSERT_EQUAL(mpipe__ledger_empty(&s->ledger), open + complete == 0);
}

static void tell_story(uint64_t seed, bool ordered)
{
    struct story *s = calloc(1, sizeof *s);
    const uint64_t n_roots = 100;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    s->ledger = new_ledger(ROOTS, ordered);
    s->random = seed;
    while (s->n_delivered < n_roots) {
        unsigned what = next_random(&s->random) % 16;
        if (what == 0 && !mpipe__ledger_full(&s->ledger)
            && s->ledger.next < n_roots)
            feed_one(s);
        else if (what == 1 && seed % 3 == 0)
            try_again(s);
        else if (what < 6)
            deliver(s);
        else if (s->n_news > 0)
            hear(s);
        counts_agree(s);
    }
    while (s->n_news > 0)               /* late ones of old attempts */
        hear(s);
    counts_agree(s);
    CU_ASSERT(mpipe__ledger_empty(&s->ledger));
    mpipe__ledger_fini(&s->ledger);
    free(s);
}

static void stories(void)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        tell_story(seed, false);
        tell_story(seed, true);
    }
}

/* ---- results in order ---- */

/* All orders of up to 6 results of which some have equal paths; those must
 * keep the order in which they came. */
static void sorts_all(unsigned n, unsigned n_paths)
{
    struct { struct mpipe__frame frame; uint32_t path[2]; } f[6];
    unsigned orders = 1;

    for (unsigned i = 1; i <= n; i++)
        orders *= i;
    for (unsigned k = 0; k < orders; k++) {
        struct mpipe__root r = { .seq = 0 };
        struct mpipe__frame *at, *last = NULL;
        unsigned order[6], code = k, count = 0;
        memset(f, 0, sizeof f);
        mpipe__queue_init(&r.results);
        for (unsigned i = 0; i < n; i++) {      /* the k-th permutation */
            unsigned place = code % (i + 1);
            code /= i + 1;
            memmove(order + place + 1, order + place,
                    (i - place) * sizeof *order);
            order[place] = i;
        }
        for (unsigned i = 0; i < n; i++) {
            struct mpipe__frame *one = &f[order[i]].frame;
            one->head.n_path = 1;
            *mpipe__frame_path(one) = order[i] % n_paths;
            one->head.seq = i;          /* when it came */
            mpipe__queue_push(&r.results, one);
        }
        mpipe__frames_sort(&r.results);
        for (at = r.results.first; at != NULL; last = at, at = at->next) {
            count++;
            if (last == NULL)
                continue;
            CU_ASSERT(mpipe__frame_order(last, at) <= 0);
            if (mpipe__frame_order(last, at) == 0)
                CU_ASSERT(last->head.seq < at->head.seq);
        }
        CU_ASSERT_EQUAL(count, n);
        CU_ASSERT_EQUAL(r.results.n, n);
        if (n == 0 || n == 6)
            continue;
        mpipe__queue_push(&r.results, &f[n].frame); /* its end is right, too */
        CU_ASSERT_PTR_EQUAL(last->next, &f[n].frame);
    }
}

static void sorts(void)
{
    for (unsigned n = 0; n <= 6; n++)
        for (unsigned n_paths = 1; n_paths <= 6; n_paths++)
            sorts_all(n, n_paths);
}

/* ---- ids ---- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void ids_differ(void)
{
    uint64_t *id = malloc(IDS_MAX * sizeof *id);
    unsigned n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(id);
    for (uint64_t salt = 0; salt < 100; salt++)
        for (uint64_t k = 0; k < IDS_MAX / 100; k++)
            id[n++] = mpipe__id(salt < 50 ? salt : salt << 57, k);
    qsort(id, n, sizeof *id, compare);
    CU_ASSERT(id[0] != 0);
    for (unsigned i = 1; i < n; i++)
        if (id[i - 1] == id[i]) {
            CU_FAIL("two ids are equal");
            break;
        }
    free(id);
    CU_ASSERT(mpipe__id(0, 0) != 0);
}

static const struct mpipe__test tests[] = {
    { "a ledger takes as many roots as its ring has entries", capacities },
    { "a new entry has nothing of the one before", new_entry },
    { "the oldest root holds up the window", oldest_holds_up },
    { "behind a root that takes long the window grows", grows_behind },
    { "the window grows with what is in flight", grows_in_flight },
    { "roots are handed out in feed order, or as they complete", takes_turns },
    { "a root is complete at the last of its news, in any order", any_order },
    { "every bit of an id counts", every_bit },
    { "only open roots of this attempt are found", finds },
    { "a new attempt forgets the one before", begins_again },
    { "any trees, shuffled and tried again, complete once each", stories },
    { "results are sorted by path, equal ones as they came", sorts },
    { "ids differ and are never 0", ids_differ },
    { NULL, NULL }
};

const struct mpipe__suite suite_ledger = { "ledger", tests };
