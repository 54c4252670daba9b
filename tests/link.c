/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of link.c over the loop transport and over one with faults: credits,
 * slots and bulk payloads, what is lost, repeated or damaged, and the end.
 *
 * Two ranks, each with its own links and pool.  Nothing moves but in move(),
 * which lets both take their messages, as the engine does.
 */
#include <stdlib.h>
#include <string.h>
#include "link.h"
#include "suite.h"
#include "transport_fault.h"
#include "transport_loop.h"

enum { SLOT = 1000, BUDGET = 40000, MOST = 1 << 20, RANKS = 4,
       FRAMES = 60 };

/* One rank. */
struct end {
    struct mpipe__transport *t;
    struct mpipe__pool pool;
    struct mpipe__links set;
    struct mpipe__frame_queue data, control;    /* taken, not consumed */
    struct mpipe_error err;                     /* the first */
    uint64_t n_bulk_max;                        /* bytes: the most ever held */
};

struct world {
    struct mpipe__loop_world *loop;
    int size;
    bool faulty;
    struct end end[RANKS];
};

static struct world *world_new(int size, size_t budget,
                               const struct mpipe__fault_plan *plan)
{
    struct world *w = calloc(1, sizeof *w);

    CU_ASSERT_PTR_NOT_NULL_FATAL(w);
    w->size = size;
    w->faulty = plan != NULL;
    w->loop = mpipe__loop_new(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(w->loop);
    for (int r = 0; r < size; r++) {
        struct end *end = &w->end[r];
        end->t = mpipe__loop_transport(w->loop, r);
        if (plan != NULL)
            end->t = mpipe__fault_new(end->t, plan);
        CU_ASSERT_PTR_NOT_NULL_FATAL(end->t);
        mpipe__pool_init(&end->pool, 0);    /* so that ASan sees late uses */
        mpipe__links_init(&end->set, end, end->t, &end->pool, 3, budget, MOST);
        mpipe__queue_init(&end->data);
        mpipe__queue_init(&end->control);
    }
    return w;
}

static void drop_taken(struct end *end)
{
    struct mpipe__frame *f;

    while ((f = mpipe__queue_pop(&end->data)) != NULL)
        mpipe__pool_put(&end->pool, f);
    while ((f = mpipe__queue_pop(&end->control)) != NULL)
        mpipe__pool_put(&end->pool, f);
}

/* Nothing may be left in any pool. */
static void world_free(struct world *w)
{
    for (int r = 0; r < w->size; r++) {
        struct end *end = &w->end[r];
        drop_taken(end);
        mpipe__links_fini(&end->set);
        CU_ASSERT_EQUAL(end->pool.used, 0);
        CU_ASSERT_EQUAL(end->set.n_sends, 0);
        CU_ASSERT_EQUAL(end->set.sending[0], 0);
        mpipe__pool_fini(&end->pool);
        if (w->faulty)
            end->t->ops->free(end->t);
    }
    mpipe__loop_free(w->loop);
    free(w);
}

static struct mpipe__link *open_link(struct world *w, int rank, int peer,
                                     enum mpipe__lane lane)
{
    struct mpipe__link *link = mpipe__link_open(&w->end[rank].set, peer, lane);

    CU_ASSERT_PTR_NOT_NULL_FATAL(link);
    return link;
}

static struct mpipe__link *link_of(struct world *w, int rank, int peer)
{
    return open_link(w, rank, peer, MPIPE__LANE_MAIN);
}

/* Let 'from' send to 'to'. */
static void join(struct world *w, int from, int to, unsigned window)
{
    CU_ASSERT_EQUAL(mpipe__link_grant(link_of(w, to, from), window, SLOT),
                    MPIPE_OK);
    mpipe__link_granted(link_of(w, from, to), window, SLOT);
}

/* Two ranks, joined in both directions. */
static struct world *pair_new(unsigned window,
                              const struct mpipe__fault_plan *plan)
{
    struct world *w = world_new(2, BUDGET, plan);

    join(w, 0, 1, window);
    join(w, 1, 0, window);
    return w;
}

/* Take what has come; the engine's way.  True if anything had. */
static bool take(struct end *end)
{
    struct mpipe__completion done[8];
    int n = end->t->ops->poll(end->t, done, 8);

    for (int i = 0; i < n; i++) {
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe__event event;
        enum mpipe_err e = mpipe__link_event(&done[i], &event, &err);
        CU_ASSERT_EQUAL(e, err.code);
        if (end->err.code == MPIPE_OK)
            end->err = err;
        if (event.kind == MPIPE__GOT_DATA)
            mpipe__queue_push(&end->data, event.frame);
        else if (event.kind == MPIPE__GOT_CONTROL)
            mpipe__queue_push(&end->control, event.frame);
        if (end->set.held[MPIPE__LANE_MAIN] > end->n_bulk_max)
            end->n_bulk_max = end->set.held[MPIPE__LANE_MAIN];
    }
    return n > 0;
}

/* Until nothing has moved for longer than any delay. */
static void move(struct world *w)
{
    for (int quiet = 0; quiet < 8; quiet++)
        for (int r = 0; r < w->size; r++)
            if (take(&w->end[r]))
                quiet = 0;
}

/* A rank goes, whatever is on its way to it; then those who sent it are told
 * that it was taken. */
static void leave(struct world *w, int rank)
{
    struct end *end = &w->end[rank];

    drop_taken(end);
    mpipe__links_fini(&end->set);
    CU_ASSERT_EQUAL(end->pool.used, 0);
    mpipe__loop_kill(w->loop, rank);
    CU_ASSERT(!take(end));              /* all receives were withdrawn */
    move(w);
}

static bool all_well(const struct world *w)
{
    for (int r = 0; r < w->size; r++)
        if (w->end[r].err.code != MPIPE_OK) {
            fprintf(stderr, "    %s\n", w->end[r].err.text);
            return false;
        }
    return true;
}

/* ---- frames ---- */

/* A frame of one item, 'bytes' long on the wire, which says that it is number
 * n. */
static struct mpipe__frame *numbered(struct end *end, size_t bytes, uint64_t n)
{
    struct mpipe__frame *f = mpipe__pool_get(&end->pool, bytes);
    size_t size = bytes - MPIPE__HEAD_SIZE;
    char *spot;

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    mpipe__frame_begin(f, NULL, 1);
    spot = mpipe__frame_spot(f, size);
    for (size_t i = 0; i < size; i++)
        spot[i] = (char)(i * 7 + n);
    mpipe__frame_commit(f, spot, size);
    f->head.id = n;
    return f;
}

static bool is_intact(struct mpipe__frame *f)
{
    const char *data = mpipe__frame_payload(f);

    if (f->head.n_items != 1)
        return false;
    for (size_t i = 0; i < f->head.item_size; i++)
        if (data[i] != (char)(i * 7 + f->head.id))
            return false;
    return true;
}

static void send_one(struct world *w, int from, int to, size_t bytes,
                     uint64_t n)
{
    struct mpipe__link *link = link_of(w, from, to);

    CU_ASSERT_FATAL(mpipe__link_ready(link, bytes));
    CU_ASSERT_EQUAL(mpipe__link_send(link,
                                     numbered(&w->end[from], bytes, n)),
                    MPIPE_OK);
}

/* Consume the first frame taken; its number, or UINT64_MAX. */
static uint64_t consume(struct end *end, uint64_t took_us)
{
    struct mpipe__frame *f = mpipe__queue_pop(&end->data);
    struct mpipe__link *link;
    size_t bytes;
    uint64_t n;

    if (f == NULL)
        return UINT64_MAX;
    CU_ASSERT(is_intact(f));
    CU_ASSERT_EQUAL(f->head.flow, 3);
    link = f->op.owner;
    CU_ASSERT_EQUAL(f->peer, link->peer);
    n = f->head.id;
    bytes = mpipe__wire_size(&f->head);
    mpipe__pool_put(&end->pool, f);
    CU_ASSERT_EQUAL(mpipe__link_consumed(link, bytes, 1, took_us), MPIPE_OK);
    return n;
}

static void finish(struct world *w)
{
    for (int r = 0; r < w->size; r++)
        CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[r].set, false), MPIPE_OK);
    move(w);
    for (int r = 0; r < w->size; r++)
        CU_ASSERT(mpipe__links_finished(&w->end[r].set));
}

/* What a link promises at any time. */
static void invariants(const struct world *w)
{
    for (int r = 0; r < w->size; r++) {
        const struct end *end = &w->end[r];
        const struct mpipe__frame *f;
        unsigned receiving = 0, waiting = 0;
        for (unsigned i = 0; i < end->set.n; i++) {
            const struct mpipe__link *link = end->set.link[i];
            unsigned held = 0;
            for (f = end->data.first; f != NULL; f = f->next)
                held += f->op.owner == link;
            CU_ASSERT_EQUAL(link->slots.n + link->bulk.n
                            + (link->receiving != NULL) + held,
                            link->window_in);
            CU_ASSERT(link->credits <= link->window_out);
            CU_ASSERT(link->owed < link->window_in || link->owed == 0);
            receiving += link->receiving != NULL;
            waiting += link->bulk.n;
        }
        CU_ASSERT_EQUAL(end->set.n_receiving, receiving);
        CU_ASSERT_EQUAL(end->set.n_waiting, waiting);
    }
}

/* ---- the set ---- */

static void found_by_name(void)
{
    static const int peers[] = { 2, 0, 3, 1 };
    struct world *w = world_new(RANKS, BUDGET, NULL);
    struct mpipe__links *set = &w->end[1].set;
    struct mpipe__link *link[8];

    for (int i = 0; i < 8; i++) {
        enum mpipe__lane lane = i < 4 ? MPIPE__LANE_HOME : MPIPE__LANE_MAIN;
        CU_ASSERT_PTR_NULL(mpipe__link_find(set, peers[i % 4], lane));
        link[i] = open_link(w, 1, peers[i % 4], lane);
        for (int k = 0; k <= i; k++) {
            lane = k < 4 ? MPIPE__LANE_HOME : MPIPE__LANE_MAIN;
            CU_ASSERT_PTR_EQUAL(mpipe__link_find(set, peers[k % 4], lane),
                                link[k]);
            CU_ASSERT_PTR_EQUAL(open_link(w, 1, peers[k % 4], lane), link[k]);
        }
    }
    CU_ASSERT_EQUAL(set->n, 8);
    CU_ASSERT_PTR_NULL(mpipe__link_find(set, -1, MPIPE__LANE_MAIN));
    CU_ASSERT_PTR_NULL(mpipe__link_find(set, RANKS, MPIPE__LANE_MAIN));
    world_free(w);
}

/* ---- credits ---- */

/* A window, what the peer took for each frame so far (-1: nothing known), and
 * how many may then be under way. */
static const struct {
    unsigned window;
    int took_us[4];
    unsigned limit;
} limit_rows[] = {
    { 1, { -1 }, 1 },
    { 2, { -1 }, 2 },
    { 4, { -1 }, 2 },                   /* careful at first */
    { 64, { -1 }, 2 },
    { 4, { 0, -1 }, 4 },
    { 4, { 4999, -1 }, 2 },
    { 4, { 1600, -1 }, 4 },
    { 8, { 1600, -1 }, 4 },
    { 4, { 5000, -1 }, 1 },
    { 4, { 1000000, -1 }, 1 },
    { 1, { 1000000, -1 }, 1 },
    { 64, { 100, 100, 100, -1 }, 50 },
    { 64, { 50, 50, 50, -1 }, 64 },
    { 4, { 19000, 100, 100, -1 }, 1 },  /* it takes a while to forget */
    { 4, { 100, 19000, -1 }, 2 },
    { 4, { 100, 30000, -1 }, 1 }
};

static void limits(void)
{
    for (size_t i = 0; i < sizeof limit_rows / sizeof *limit_rows; i++) {
        struct world *w = pair_new(limit_rows[i].window, NULL);
        unsigned n = 0;
        for (const int *took = limit_rows[i].took_us; *took >= 0; took++) {
            send_one(w, 0, 1, 100, 0);
            move(w);
            CU_ASSERT_EQUAL(consume(&w->end[1], (uint64_t)*took), 0);
            CU_ASSERT_EQUAL(mpipe__links_settle(&w->end[1].set), MPIPE_OK);
            move(w);
        }
        while (n < 100 && mpipe__link_ready(link_of(w, 0, 1), 100))
            send_one(w, 0, 1, 100, ++n);
        CU_ASSERT_EQUAL(n, limit_rows[i].limit);
        move(w);
        CU_ASSERT(!mpipe__link_ready(link_of(w, 0, 1), 100));
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

static void send_items(struct world *w, unsigned items)
{
    struct mpipe__frame *f = mpipe__pool_get(&w->end[0].pool, 4096);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    mpipe__frame_begin(f, NULL, 1);
    for (unsigned i = 0; i < items; i++)
        mpipe__frame_append_slow(f, "eight...", 8);
    CU_ASSERT_EQUAL(mpipe__link_send(link_of(w, 0, 1), f), MPIPE_OK);
}

static void consume_items(struct world *w, uint64_t took_us)
{
    struct mpipe__frame *f = mpipe__queue_pop(&w->end[1].data);
    struct mpipe__link *link = f->op.owner;
    size_t bytes = mpipe__wire_size(&f->head);
    uint32_t items = f->head.n_items;

    mpipe__pool_put(&w->end[1].pool, f);
    CU_ASSERT_EQUAL(mpipe__link_consumed(link, bytes, items, took_us), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__links_settle(&w->end[1].set), MPIPE_OK);
    move(w);
}

/* Short frames have told how long an item takes; then come long ones, and one of them
 * is enough, and short ones again.  Of items, what one took, and so many more with so
 * many items each are let through. */
static const struct { unsigned first; uint64_t took_us; unsigned items, n; } work_rows[] = {
    { 1, 1000, 1, 5 }, { 1, 1000, 2, 3 }, { 1, 1000, 5, 2 }, { 1, 1000, 40, 1 },
    { 40, 40000, 1, 5 }, { 40, 40000, 40, 1 }, { 40, 4000, 40, 2 }, { 100, 100, 40, 8 }
};

static void work_in_flight(void)
{
    for (size_t i = 0; i < sizeof work_rows / sizeof *work_rows; i++) {
        struct world *w = pair_new(8, NULL);
        struct mpipe__link *link = link_of(w, 0, 1);
        unsigned n = 0;

        send_items(w, work_rows[i].first);
        move(w);
        consume_items(w, work_rows[i].took_us);
        for (; mpipe__link_ready(link, 100); n++)
            send_items(w, work_rows[i].items);
        CU_ASSERT_EQUAL(n, work_rows[i].n);
        CU_ASSERT_EQUAL(link->pace.items, n * work_rows[i].items);
        move(w);
        while (n-- > 0)
            consume_items(w, 0);
        CU_ASSERT_EQUAL(link->pace.items, 0);
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* A long frame is under way.  Another one may follow 5 ms before it should be done, if it
 * is of so many items that this can be told; but not a third. */
static const struct { unsigned items; uint64_t ready_at; } ahead_rows[] = {
    { 3, UINT64_MAX }, { 4, 1000000 + 35000000 }, { 40, 1000000 + 395000000 }
};

static void one_ahead(void)
{
    for (size_t i = 0; i < sizeof ahead_rows / sizeof *ahead_rows; i++) {
        uint64_t at = ahead_rows[i].ready_at;
        struct world *w = pair_new(8, NULL);
        struct mpipe__link *link = link_of(w, 0, 1);

        send_items(w, 1);
        move(w);
        consume_items(w, 10000);
        w->end[0].set.now = 1000000;
        send_items(w, ahead_rows[i].items);
        CU_ASSERT_EQUAL(mpipe__link_ready_at(link), at);
        CU_ASSERT(!mpipe__link_ready(link, 100));
        w->end[0].set.now = at - 1;
        CU_ASSERT(!mpipe__link_ready(link, 100) || at == UINT64_MAX);
        w->end[0].set.now = at;
        CU_ASSERT_EQUAL(mpipe__link_ready(link, 100), at != UINT64_MAX);
        if (at == UINT64_MAX) {
            finish(w);
            world_free(w);
            continue;
        }
        send_items(w, ahead_rows[i].items);
        w->end[0].set.now += 1000000000;
        CU_ASSERT(!mpipe__link_ready(link, 100));
        CU_ASSERT_EQUAL(mpipe__link_ready_at(link), UINT64_MAX);
        move(w);
        consume_items(w, 10000 * ahead_rows[i].items);
        CU_ASSERT(mpipe__link_ready(link, 100));        /* it should have been done */
        consume_items(w, 10000 * ahead_rows[i].items);
        CU_ASSERT_EQUAL(link->pace.items, 0);
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

static void nothing_without_a_grant(void)
{
    struct world *w = world_new(2, BUDGET, NULL);

    CU_ASSERT(!mpipe__link_ready(link_of(w, 0, 1), 64));
    join(w, 1, 0, 4);                   /* the other direction */
    CU_ASSERT(!mpipe__link_ready(link_of(w, 0, 1), 64));
    CU_ASSERT(mpipe__link_ready(link_of(w, 1, 0), 64));
    world_free(w);
}

/* So many frames are consumed; so many credits come back at once, the others
 * when the rank is about to rest. */
static const struct { unsigned window, consumed, at_once; } give_rows[] = {
    { 1, 1, 1 }, { 2, 1, 1 }, { 2, 2, 2 }, { 3, 1, 0 }, { 3, 2, 2 },
    { 4, 1, 0 }, { 4, 2, 2 }, { 4, 3, 2 }, { 4, 4, 4 }, { 8, 3, 0 },
    { 8, 7, 4 }, { 64, 31, 0 }, { 64, 63, 32 }
};

static void gives_back(void)
{
    for (size_t i = 0; i < sizeof give_rows / sizeof *give_rows; i++) {
        unsigned window = give_rows[i].window, n = give_rows[i].consumed;
        struct world *w = pair_new(window, NULL);
        struct mpipe__link *link = link_of(w, 0, 1);
        link->pace.item_ns = 0;             /* known to be fast */
        for (unsigned k = 0; k < window; k++)
            send_one(w, 0, 1, 100, k);
        CU_ASSERT_EQUAL(link->credits, 0);
        move(w);
        for (unsigned k = 0; k < n; k++)
            CU_ASSERT_EQUAL(consume(&w->end[1], 10), k);
        invariants(w);
        move(w);
        CU_ASSERT_EQUAL(link->credits, give_rows[i].at_once);
        CU_ASSERT_EQUAL(mpipe__links_settle(&w->end[1].set), MPIPE_OK);
        move(w);
        CU_ASSERT_EQUAL(link->credits, n);
        CU_ASSERT(link->pace.item_ns <= 10000);
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* ---- sizes ---- */

/* Messages on the wire for a frame of so many bytes. */
static const struct { size_t bytes; uint64_t messages; } size_rows[] = {
    { 64, 1 }, { 72, 1 }, { SLOT - 8, 1 }, { SLOT, 1 }, { SLOT + 8, 2 },
    { SLOT + 64, 2 }, { 2 * SLOT, 2 }, { BUDGET - 8, 2 }, { BUDGET, 2 },
    { BUDGET + 8, 2 }, { 10 * BUDGET, 2 }, { MOST, 2 },
    { MOST + MPIPE__HEAD_SIZE, 2 }
};

static void sizes(void)
{
    const struct mpipe__fault_plan none = { .seed = 1 };

    for (size_t i = 0; i < sizeof size_rows / sizeof *size_rows; i++) {
        struct world *w = pair_new(2, &none);
        struct mpipe__fault_counts before, after;
        size_t bytes = size_rows[i].bytes;
        mpipe__fault_counts(w->end[0].t, &before);
        send_one(w, 0, 1, bytes, 5);
        mpipe__fault_counts(w->end[0].t, &after);
        CU_ASSERT_EQUAL(after.sent - before.sent, size_rows[i].messages);
        CU_ASSERT_EQUAL(w->end[0].set.bytes_sent, bytes);
        move(w);
        CU_ASSERT_EQUAL(w->end[1].set.held[MPIPE__LANE_MAIN],
                        bytes > SLOT ? bytes : 0);
        CU_ASSERT_EQUAL(w->end[1].set.bytes_received, bytes);
        CU_ASSERT_EQUAL(w->end[1].set.frames_received, 1);
        CU_ASSERT_EQUAL(consume(&w->end[1], 0), 5);
        CU_ASSERT_EQUAL(w->end[1].set.held[MPIPE__LANE_MAIN], 0);
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* A payload longer than a message can be goes in pieces; the limit is lowered
 * to 'most' here. */
static const struct { size_t bytes, most; unsigned pieces; } piece_rows[] = {
    { SLOT + 8, SLOT, 2 }, { 5000, 5000, 1 }, { 5008, 5000, 2 },
    { 5000, 2500, 2 }, { 5008, 2500, 3 }, { 10000, 64, 157 },
    { 10000, 9999, 2 }, { 10000, 10000, 1 }
};

static void pieces(void)
{
    const struct mpipe__fault_plan none = { .seed = 1 };

    for (size_t i = 0; i < sizeof piece_rows / sizeof *piece_rows; i++) {
        struct world *w = pair_new(2, &none);
        struct mpipe__fault_counts before, after;
        w->end[0].set.max_message = piece_rows[i].most;
        w->end[1].set.max_message = piece_rows[i].most;
        mpipe__fault_counts(w->end[0].t, &before);
        send_one(w, 0, 1, piece_rows[i].bytes, 5);
        mpipe__fault_counts(w->end[0].t, &after);
        CU_ASSERT_EQUAL(after.sent - before.sent, 1 + piece_rows[i].pieces);
        send_one(w, 0, 1, 2000, 6);
        move(w);
        CU_ASSERT_EQUAL(consume(&w->end[1], 0), 5);
        CU_ASSERT_EQUAL(consume(&w->end[1], 0), 6);
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* The path travels behind the payload, in one piece or in two. */
static void paths_travel(void)
{
    static const size_t item_sizes[] = { 0, 8, SLOT - 64 - 8, SLOT - 64,
                                         3 * SLOT };
    const uint32_t path[3] = { 7, 8, 9 };

    for (size_t i = 0; i < 5; i++) {
        struct world *w = pair_new(1, NULL);
        struct mpipe__frame *f = mpipe__pool_get(&w->end[0].pool, 4000);
        struct mpipe__frame *got;
        static const char item[3 * SLOT] = "an item";
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        mpipe__frame_begin(f, NULL, 1);
        mpipe__frame_append_slow(f, item, item_sizes[i]);
        f->head.n_path = 3;
        memcpy(mpipe__frame_path(f), path, sizeof path);
        CU_ASSERT_EQUAL(mpipe__link_send(link_of(w, 0, 1), f), MPIPE_OK);
        move(w);
        got = w->end[1].data.first;
        CU_ASSERT_PTR_NOT_NULL_FATAL(got);
        CU_ASSERT_EQUAL(got->head.n_path, 3);
        CU_ASSERT_EQUAL(memcmp(mpipe__frame_path(got), path, sizeof path), 0);
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* ---- traffic ---- */

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static size_t random_bytes(uint64_t *random)
{
    switch (next_random(random) % 4) {
    case 0:  return 64 + 8 * (size_t)(next_random(random) % 2000);
    case 1:  return SLOT - 16 + 8 * (size_t)(next_random(random) % 5);
    default: return 64 + 8 * (size_t)(next_random(random) % 100);
    }
}

/* The frames of a link that have come: each once.  Large ones come in order,
 * and small ones do; a small one may overtake a large one. */
struct arrivals {
    bool has[FRAMES];
    uint64_t next[2];           /* of the small ones, of the large ones */
};

static void note_arrival(struct arrivals *a, struct end *end, uint64_t took_us)
{
    bool large = mpipe__wire_size(&end->data.first->head) > SLOT;
    uint64_t n = consume(end, took_us);

    CU_ASSERT_FATAL(n < FRAMES);
    CU_ASSERT(!a->has[n]);
    CU_ASSERT(n >= a->next[large]);
    a->has[n] = true;
    a->next[large] = n + 1;
}

/* Every rank sends numbered frames to every other, in any order. */
static void traffic(uint64_t seed, int size, unsigned window,
                    const struct mpipe__fault_plan *plan)
{
    struct world *w = world_new(size, BUDGET, plan);
    struct arrivals got[RANKS][RANKS] = { 0 };
    uint64_t sent[RANKS][RANKS] = { 0 };
    uint64_t random = seed, to_come = FRAMES * (uint64_t)(size * (size - 1));

    for (int a = 0; a < size; a++)
        for (int b = 0; b < size; b++)
            if (a != b)
                join(w, a, b, window);
    for (uint64_t steps = 0; to_come > 0 && steps < 1000000; steps++) {
        int a = (int)(next_random(&random) % (unsigned)size);
        int b = (int)(next_random(&random) % (unsigned)size);
        struct end *end = &w->end[a];
        size_t bytes = random_bytes(&random);
        switch (next_random(&random) % 4) {
        case 0:
            if (a != b && sent[a][b] < FRAMES
                && mpipe__link_ready(link_of(w, a, b), bytes))
                send_one(w, a, b, bytes, sent[a][b]++);
            break;
        case 1:
            if (end->data.first != NULL) {
                note_arrival(&got[end->data.first->peer][a], end,
                             next_random(&random) % 9000);
                to_come--;
            }
            break;
        case 2:
            take(end);
            break;
        default:
            CU_ASSERT_EQUAL(mpipe__links_settle(&end->set), MPIPE_OK);
            break;
        }
        invariants(w);
        CU_ASSERT(end->set.held[MPIPE__LANE_MAIN] <= BUDGET
                  && end->set.sending[0] <= BUDGET);
    }
    CU_ASSERT_EQUAL(to_come, 0);
    finish(w);
    CU_ASSERT(all_well(w));
    for (int r = 0; r < size; r++)
        CU_ASSERT_EQUAL(w->end[r].set.held[MPIPE__LANE_MAIN], 0);
    world_free(w);
}

static void traffic_comes(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        traffic(seed, 2 + (int)seed % 3, 1 + (unsigned)seed % 5, NULL);
}

static void traffic_with_delays(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        const struct mpipe__fault_plan plan = {
            .seed = seed, .delay_ppm = 300000, .delay_polls = 5
        };
        traffic(seed, 2 + (int)seed % 3, 1 + (unsigned)seed % 5, &plan);
    }
}

/* Repeated messages on data and control, of both lanes. */
#define NOT_BULK (1u << 0 | 1u << 2 | 1u << 4 | 1u << 6)

static void traffic_with_doubles(void)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        const struct mpipe__fault_plan plan = {
            .seed = seed, .duplicate_ppm = 300000, .channel_mask = NOT_BULK,
            .delay_ppm = 100000, .delay_polls = 3
        };
        traffic(seed, 2 + (int)seed % 3, 1 + (unsigned)seed % 5, &plan);
    }
}

/* A rank that is alone: what it feeds itself and what comes home. */
static void two_lanes(void)
{
    struct world *w = world_new(1, BUDGET, NULL);
    struct mpipe__link *lane[2];

    for (int i = 0; i < 2; i++) {
        lane[i] = open_link(w, 0, 0, (enum mpipe__lane)i);
        CU_ASSERT_EQUAL(mpipe__link_grant(lane[i], 2, SLOT), MPIPE_OK);
        mpipe__link_granted(lane[i], 2, SLOT);
    }
    for (uint64_t n = 0; n < 2; n++)
        CU_ASSERT_EQUAL(mpipe__link_send(lane[0],
                                         numbered(&w->end[0], 100, n)),
                        MPIPE_OK);
    CU_ASSERT(!mpipe__link_ready(lane[0], 100));
    CU_ASSERT(mpipe__link_ready(lane[1], 5000));
    CU_ASSERT_EQUAL(mpipe__link_send(lane[1],
                                     numbered(&w->end[0], 5000, 2)),
                    MPIPE_OK);
    move(w);
    CU_ASSERT_EQUAL(w->end[0].data.n, 3);
    invariants(w);
    for (uint64_t n = 0; n < 3; n++) {
        struct mpipe__link *link = w->end[0].data.first->op.owner;
        CU_ASSERT_PTR_EQUAL(link, lane[w->end[0].data.first->head.id == 2]);
        CU_ASSERT(consume(&w->end[0], 0) < 3);
    }
    CU_ASSERT_EQUAL(mpipe__links_settle(&w->end[0].set), MPIPE_OK);
    move(w);
    CU_ASSERT_EQUAL(lane[0]->credits, 2);
    CU_ASSERT_EQUAL(lane[1]->credits, 2);
    finish(w);
    CU_ASSERT(all_well(w));
    world_free(w);
}

/* ---- memory ---- */

/* Three ranks send a fourth what it does not take: in all no more than the
 * budget is received, or one frame that is larger. */
static const struct {
    size_t bytes;
    uint64_t held_max;
} budget_rows[] = {
    { SLOT, 0 },
    { 8000, BUDGET },
    { 10000, BUDGET },
    { 15000, 30000 },
    { 30000, 30000 },
    { BUDGET, BUDGET },
    { BUDGET + 8, BUDGET + 8 },
    { 3 * BUDGET, 3 * BUDGET }
};

static void budget_for_receives(void)
{
    for (size_t i = 0; i < sizeof budget_rows / sizeof *budget_rows; i++) {
        struct world *w = world_new(4, BUDGET, NULL);
        uint64_t next[RANKS] = { 0 };
        unsigned n = 0;
        for (int r = 1; r < 4; r++) {
            join(w, r, 0, 2);
            w->end[r].set.budget = 10 * BUDGET;
            send_one(w, r, 0, budget_rows[i].bytes, 0);
            send_one(w, r, 0, budget_rows[i].bytes, 1);
        }
        do {
            move(w);
            invariants(w);
            CU_ASSERT_FATAL(w->end[0].data.first != NULL);
            n = (unsigned)w->end[0].data.first->peer;
            CU_ASSERT_EQUAL(consume(&w->end[0], 0), next[n]++);
        } while (next[1] + next[2] + next[3] < 6);
        CU_ASSERT_EQUAL(w->end[0].n_bulk_max, budget_rows[i].held_max);
        CU_ASSERT_EQUAL(w->end[0].set.held[MPIPE__LANE_MAIN], 0);
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* Nobody takes what is sent: how many frames may be under way to two peers? */
static const struct { size_t bytes; unsigned n; } sending_rows[] = {
    { 2000, 8 }, { BUDGET / 2, 2 }, { BUDGET / 2 + 8, 1 }, { BUDGET, 1 },
    { BUDGET + 8, 1 }, { BUDGET / 8, 8 }
};

static void budget_for_sends(void)
{
    for (size_t i = 0; i < sizeof sending_rows / sizeof *sending_rows; i++) {
        struct world *w = world_new(3, BUDGET, NULL);
        size_t bytes = sending_rows[i].bytes;
        unsigned n = 0;
        for (int r = 1; r < 3; r++) {
            join(w, 0, r, 4);
            link_of(w, 0, r)->pace.item_ns = 0;
        }
        for (int r = 1; r < 3; r++)
            for (; mpipe__link_ready(link_of(w, 0, r), bytes); n++)
                send_one(w, 0, r, bytes, n);
        CU_ASSERT_EQUAL(n, sending_rows[i].n);
        CU_ASSERT_EQUAL(w->end[0].set.sending[0], n * bytes);
        move(w);                        /* taken: there is room again */
        CU_ASSERT_EQUAL(w->end[0].set.sending[0], 0);
        finish(w);
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* ---- numbers ---- */

/* Frames are numbered with 32 bits, and a link may carry more than that. */
static void numbers_come_round(void)
{
    struct world *w = pair_new(2, NULL);
    struct mpipe__link *from = link_of(w, 0, 1), *to = link_of(w, 1, 0);

    from->data_seq_out = to->data_seq_in = UINT32_MAX - 3;
    from->control_seq_out = to->control_seq_in = UINT32_MAX - 3;
    for (uint64_t n = 0; n < 10; n++) {
        send_one(w, 0, 1, n % 3 == 0 ? 5000 : 100, n);
        CU_ASSERT_EQUAL(mpipe__control_send(from, MPIPE__PAUSE, &n, sizeof n),
                        MPIPE_OK);
        move(w);
        CU_ASSERT_EQUAL(consume(&w->end[1], 0), n);
        CU_ASSERT_EQUAL(w->end[1].control.n, n + 1);
    }
    move(w);
    CU_ASSERT(all_well(w));
    world_free(w);
}

/* ---- losses ---- */

/* The n-th message on some channels is lost; what follows it tells. */
static const struct {
    unsigned mask;
    uint64_t nth;
    size_t bytes;
    const char *words;
} loss_rows[] = {
    { 1, 1, 100, "a data message was lost" },
    { 1, 2, 100, "a data message was lost" },
    { 1, 3, 100, "a data message was lost" },
    { 1, 1, 5000, "a data message was lost" },
    { 1, 3, 5000, "a data message was lost" },
    { 4, 1, 100, "a control message was lost" },
    { 4, 2, 100, "a control message was lost" }
};

static void losses(void)
{
    for (size_t i = 0; i < sizeof loss_rows / sizeof *loss_rows; i++) {
        const struct mpipe__fault_plan plan = {
            .drop_nth = loss_rows[i].nth, .channel_mask = loss_rows[i].mask,
            .rank_mask = 1
        };
        struct world *w = pair_new(1, &plan);
        struct mpipe__link *link = link_of(w, 0, 1);
        for (uint64_t n = 0; n < 4; n++) {
            link->credits = 1;          /* whatever comes back */
            link->data_seq_in = 0;
            CU_ASSERT_EQUAL(mpipe__link_send(
                link, numbered(&w->end[0], loss_rows[i].bytes, n)), MPIPE_OK);
            CU_ASSERT_EQUAL(mpipe__control_send(link, MPIPE__PAUSE, "", 0),
                            MPIPE_OK);
            move(w);
            if (w->end[1].err.code != MPIPE_OK)
                break;
            if (w->end[1].data.n > 0)
                CU_ASSERT_EQUAL(consume(&w->end[1], 0), n);
        }
        CU_ASSERT_EQUAL(w->end[0].err.code, MPIPE_OK);
        CU_ASSERT_EQUAL(w->end[1].err.code, MPIPE_ELINK);
        CU_ASSERT_EQUAL(w->end[1].err.rank, 1);
        CU_ASSERT_PTR_NOT_NULL(strstr(w->end[1].err.text,
                                      loss_rows[i].words));
        CU_ASSERT_PTR_NOT_NULL(strstr(w->end[1].err.text,
                                      "from rank 0 to rank 1"));
        leave(w, 1);
        world_free(w);
    }
}

/* The first payload is lost or comes twice; how many frames are good, and what
 * the next one tells. */
static const struct {
    size_t bytes[2];
    uint64_t drop, duplicate;
    unsigned n_good;
    const char *words;
} payload_rows[] = {
    { { 5000, 4000 }, 1, 0, 0, "a payload was lost" },
    { { 5000, 6000 }, 1, 0, 0, "longer than agreed" },
    { { 5000, 5000 }, 1, 0, 0, "a payload was lost" },
    { { 5000, 6000 }, 0, 1, 1, "a payload was lost" },
    { { 5000, 4000 }, 0, 1, 1, "longer than agreed" },
    { { 5000, 5000 }, 0, 1, 1, "a payload was lost" }
};

static void lost_payloads(void)
{
    for (size_t i = 0; i < sizeof payload_rows / sizeof *payload_rows; i++) {
        const struct mpipe__fault_plan plan = {
            .drop_nth = payload_rows[i].drop,
            .duplicate_nth = payload_rows[i].duplicate,
            .channel_mask = 2, .rank_mask = 1
        };
        struct world *w = pair_new(2, &plan);
        send_one(w, 0, 1, payload_rows[i].bytes[0], 0);
        send_one(w, 0, 1, payload_rows[i].bytes[1], 1);
        move(w);
        CU_ASSERT_EQUAL(w->end[1].data.n, payload_rows[i].n_good);
        CU_ASSERT_EQUAL(w->end[1].err.code, MPIPE_ELINK);
        CU_ASSERT_PTR_NOT_NULL(strstr(w->end[1].err.text,
                                      payload_rows[i].words));
        leave(w, 1);
        world_free(w);
    }
}

/* ---- damage ---- */

#define GOOD .magic = MPIPE__FRAME_MAGIC, .flow = 3
#define DATA GOOD, .kind = MPIPE__FRAME_DATA
#define CONTROL GOOD, .kind = MPIPE__FRAME_CONTROL
#define V MPIPE__VARIABLE

/* A message of 'size' bytes, beginning with 'head', comes on a channel. */
static const struct {
    enum mpipe__channel channel;
    struct mpipe__frame_head head;
    size_t size;
    const char *words;
} damage_rows[] = {
    { MPIPE__DATA, { DATA, .seq = 1 }, 0, "shorter than a head" },
    { MPIPE__DATA, { DATA, .seq = 1 }, 63, "shorter than a head" },
    { MPIPE__DATA, { .seq = 1 }, 64, "version" },
    { MPIPE__DATA, { GOOD, .seq = 1 }, 64, "unknown kind" },
    { MPIPE__DATA, { DATA, .seq = 1, .n_items = 1, .item_size = 8,
                     .bytes = 8 }, 80, "not as long" },
    { MPIPE__DATA, { DATA, .seq = 1, .n_items = 2, .item_size = 8,
                     .bytes = 8 }, 72, "not as long" },
    { MPIPE__DATA, { DATA, .seq = 1 }, SLOT + 1, "longer than agreed" },
    { MPIPE__DATA, { DATA, .seq = 1, .n_items = 1, .item_size = MOST + 8,
                     .bytes = MOST + 8 }, 64, "--max-item" },
    { MPIPE__DATA, { DATA, .seq = 1, .n_items = 1, .item_size = V,
                     .bytes = (uint64_t)1 << 62 }, 64, "--max-item" },
    { MPIPE__DATA, { DATA, .seq = 1, .n_items = 1, .item_size = V,
                     .bytes = UINT64_MAX - 7 }, 64, "not as long" },
    { MPIPE__DATA, { DATA, .seq = 3 }, 64, "lost" },
    { MPIPE__CONTROL, { CONTROL, .seq = 1, .stage = MPIPE__PAUSE }, 20,
      "shorter" },
    { MPIPE__CONTROL, { GOOD, .seq = 1, .stage = MPIPE__PAUSE }, 64,
      "unknown kind" },
    { MPIPE__CONTROL, { CONTROL, .stage = MPIPE__PAUSE, .seq = 2 }, 64,
      "lost" },
    { MPIPE__CONTROL, { CONTROL, .seq = 1 }, MPIPE__CONTROL_SIZE + 1,
      "longer than agreed" },
    /* the rest of it does not come, unlike that of data */
    { MPIPE__CONTROL, { CONTROL, .seq = 1, .stage = MPIPE__PAUSE, .n_items = 1,
                        .item_size = 8, .bytes = 8 }, 64, "not as long" },
    { MPIPE__CONTROL, { CONTROL, .seq = 1, .stage = MPIPE__CREDIT, .n_items = 1,
                        .item_size = 1 << 20, .bytes = 1 << 20 }, 64,
      "not as long" }
};

static void damage(void)
{
    for (size_t i = 0; i < sizeof damage_rows / sizeof *damage_rows; i++) {
        struct world *w = pair_new(2, NULL);
        struct mpipe__links *set = &w->end[0].set;
        struct mpipe__frame *f = mpipe__pool_get(&w->end[0].pool, 8192);
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        memset(&f->head, 0, f->capacity);
        f->head = damage_rows[i].head;
        f->op.kind = MPIPE__OP_SEND;
        f->op.owner = link_of(w, 0, 1);
        f->op.pending = 1;
        f->sending = 0;
        set->n_sends++;
        CU_ASSERT_EQUAL(
            set->transport->ops->send(set->transport, 1, set->channel
                                      + (unsigned)damage_rows[i].channel,
                                      &f->head, damage_rows[i].size, f),
            MPIPE_OK);
        move(w);
        CU_ASSERT_EQUAL(w->end[1].err.code, MPIPE_ELINK);
        CU_ASSERT_PTR_NOT_NULL(strstr(w->end[1].err.text,
                                      damage_rows[i].words));
        if (strstr(damage_rows[i].words, "lost") == NULL)
            CU_ASSERT(w->end[1].data.n + w->end[1].control.n == 0);
        world_free(w);
    }
}

/* Credits that nobody can have given, and other nonsense in the link's own
 * affairs. */
static const struct {
    enum mpipe__control what;
    size_t size;
    struct mpipe__credit item;
    const char *words;          /* NULL: fine */
} affair_rows[] = {
    { MPIPE__CREDIT, sizeof(struct mpipe__credit), { 0, 0, 0, 0 }, NULL },
    { MPIPE__CREDIT, sizeof(struct mpipe__credit), { 1, 1, 7, 0 }, NULL },
    { MPIPE__CREDIT, sizeof(struct mpipe__credit), { 2, 1, 7, 0 }, "credit" },
    { MPIPE__CREDIT, sizeof(struct mpipe__credit),
      { (uint64_t)1 << 32, 1, 7, 0 }, "credit" },
    { MPIPE__CREDIT, sizeof(struct mpipe__credit), { UINT64_MAX, 1, 7, 0 },
      "credit" },
    { MPIPE__CREDIT, sizeof(struct mpipe__credit), { 1, 1, 0, 1 }, "credit" },
    { MPIPE__CREDIT, sizeof(struct mpipe__credit), { 1, 2, 0, 0 }, "credit" },
    { MPIPE__CREDIT, 8, { 1, 1, 0, 0 }, "credit" },    /* and no farewell */
    { MPIPE__CREDIT, 0, { 1, 1, 0, 0 }, "credit" },
    { MPIPE__FIN, 16, { 0, 0, 0, 0 }, "farewell" },
    { MPIPE__FIN, 0, { 0, 0, 0, 0 }, "farewell" }
};

static void own_affairs(void)
{
    for (size_t i = 0; i < sizeof affair_rows / sizeof *affair_rows; i++) {
        const char *words = affair_rows[i].words;
        struct world *w = pair_new(3, NULL);
        struct mpipe__link *link = link_of(w, 0, 1);
        send_one(w, 0, 1, 100, 0);      /* so one may come back */
        move(w);
        CU_ASSERT_EQUAL(mpipe__control_send(link_of(w, 1, 0),
                                            affair_rows[i].what,
                                            &affair_rows[i].item,
                                            affair_rows[i].size), MPIPE_OK);
        move(w);
        CU_ASSERT_EQUAL(w->end[0].err.code,
                        words == NULL ? MPIPE_OK : MPIPE_ELINK);
        CU_ASSERT_PTR_NOT_NULL(strstr(w->end[0].err.text,
                                      words == NULL ? "" : words));
        CU_ASSERT(link->credits <= link->window_out);
        CU_ASSERT(!link->fin_received);
        world_free(w);
    }
}

/* ---- the end ---- */

/* So many frames are under way when both say farewell. */
static const struct { unsigned n; size_t bytes; } fin_rows[] = {
    { 0, 100 }, { 1, 100 }, { 4, 100 }, { 1, 5000 }, { 4, 5000 },
    { 2, 3 * BUDGET }, { 4, 15000 }
};

static void farewells(void)
{
    for (size_t i = 0; i < sizeof fin_rows / sizeof *fin_rows; i++) {
        struct world *w = pair_new(4, NULL);
        unsigned n = fin_rows[i].n, got = 0;
        link_of(w, 0, 1)->pace.item_ns = 0;
        w->end[0].set.budget = 20 * BUDGET;
        for (unsigned k = 0; k < n; k++)
            send_one(w, 0, 1, fin_rows[i].bytes, k);
        CU_ASSERT(!mpipe__links_finished(&w->end[0].set));
        CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[0].set, false), MPIPE_OK);
        CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[0].set, false), MPIPE_OK);
        take(&w->end[0]);
        CU_ASSERT(!mpipe__links_finished(&w->end[0].set));  /* no answer */
        CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[1].set, false), MPIPE_OK);
        while (take(&w->end[1]) || w->end[1].data.n > 0) {
            /* who has not taken all is not at the end */
            if (link_of(w, 1, 0)->arrived < n)
                CU_ASSERT(!mpipe__links_finished(&w->end[1].set));
            take(&w->end[0]);
            while (w->end[1].data.n > 0)
                CU_ASSERT_EQUAL(consume(&w->end[1], 0), got++);
        }
        CU_ASSERT_EQUAL(got, n);
        move(w);
        CU_ASSERT(mpipe__links_finished(&w->end[0].set));
        CU_ASSERT(mpipe__links_finished(&w->end[1].set));
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* Also after 2^32 frames the farewell waits for the last of them. */
static void late_farewell(void)
{
    struct world *w = pair_new(4, NULL);
    struct mpipe__link *from = link_of(w, 0, 1), *to = link_of(w, 1, 0);

    /* as if so many had come and gone */
    from->data_seq_out = to->data_seq_in = UINT32_MAX - 1;
    from->sent = to->arrived = UINT32_MAX - 1;
    from->pace.item_ns = 0;
    for (uint64_t n = 0; n < 4; n++)
        send_one(w, 0, 1, 5000, n);
    w->end[1].set.budget = 1;           /* one payload at a time */
    CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[0].set, false), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[1].set, false), MPIPE_OK);
    for (uint64_t n = 0; n < 4; n++) {
        CU_ASSERT(!mpipe__links_finished(&w->end[1].set));
        move(w);
        CU_ASSERT_EQUAL(consume(&w->end[1], 0), n);
    }
    CU_ASSERT(mpipe__links_finished(&w->end[1].set));
    CU_ASSERT(all_well(w));
    world_free(w);
}

/* Who leaves last answers a farewell, and until then takes what is said. */
static void last_to_leave(void)
{
    for (int now = 0; now < 2; now++) {
        struct world *w = pair_new(2, NULL);
        struct mpipe__link *from = link_of(w, 0, 1), *to = link_of(w, 1, 0);

        to->leaves_last = true;
        CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[1].set, false), MPIPE_OK);
        for (unsigned i = 0; i < 3 * MPIPE__TELL_MAX; i++) {
            CU_ASSERT_EQUAL(mpipe__control_send(from, MPIPE__LOG, "", 0),
                            MPIPE_OK);
            move(w);
            CU_ASSERT(mpipe__link_may_tell(from));
            drop_taken(&w->end[1]);
        }
        CU_ASSERT(!from->fin_received && !to->fin_sent);
        if (now) {              /* it has no patience any more */
            CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[1].set, true),
                            MPIPE_OK);
            move(w);
            CU_ASSERT(from->fin_received);
        }
        CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[0].set, false), MPIPE_OK);
        move(w);
        CU_ASSERT(mpipe__links_finished(&w->end[0].set));
        CU_ASSERT(mpipe__links_finished(&w->end[1].set));
        CU_ASSERT(all_well(w));
        world_free(w);
    }
}

/* Who says much to a peer that does not listen is to wait; the peer's credits
 * let it go on, half the number at a time.  What is less goes with a credit for data. */
static void much_to_tell(void)
{
    struct world *w = pair_new(2, NULL);
    struct mpipe__link *from = link_of(w, 0, 1);
    unsigned n = 0;

    while (mpipe__link_may_tell(from) && n < 1000) {
        CU_ASSERT_EQUAL(mpipe__control_send(from, MPIPE__LOG, "", 0),
                        MPIPE_OK);
        n++;
    }
    CU_ASSERT_EQUAL(n, MPIPE__TELL_MAX);
    CU_ASSERT_EQUAL(mpipe__control_send(from, MPIPE__STATS, "", 0), MPIPE_OK);
    move(w);                    /* 17 came, of which twice 8 were acknowledged */
    CU_ASSERT(mpipe__link_may_tell(from));
    CU_ASSERT_EQUAL(from->told, 1);
    CU_ASSERT_EQUAL(mpipe__links_settle(&w->end[1].set), MPIPE_OK);
    move(w);
    CU_ASSERT_EQUAL(from->told, 1);
    send_one(w, 0, 1, 100, 5);
    move(w);
    CU_ASSERT_EQUAL(consume(&w->end[1], 0), 5);
    CU_ASSERT_EQUAL(mpipe__links_settle(&w->end[1].set), MPIPE_OK);
    move(w);
    CU_ASSERT_EQUAL(from->told, 0);
    CU_ASSERT_EQUAL(w->end[1].control.n, MPIPE__TELL_MAX + 1);
    CU_ASSERT(all_well(w));
    world_free(w);
}

/* A credit owed at the farewell is not sent after it. */
static void nothing_after_the_farewell(void)
{
    struct world *w = pair_new(8, NULL);
    uint32_t before;

    send_one(w, 0, 1, 100, 0);
    move(w);
    CU_ASSERT_EQUAL(consume(&w->end[1], 0), 0);
    CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[1].set, false), MPIPE_OK);
    before = link_of(w, 1, 0)->control_seq_out;
    CU_ASSERT_EQUAL(mpipe__links_settle(&w->end[1].set), MPIPE_OK);
    CU_ASSERT_EQUAL(link_of(w, 1, 0)->control_seq_out, before);
    CU_ASSERT_EQUAL(mpipe__links_finish(&w->end[0].set, false), MPIPE_OK);
    move(w);
    CU_ASSERT(mpipe__links_finished(&w->end[0].set));
    CU_ASSERT(mpipe__links_finished(&w->end[1].set));
    CU_ASSERT(all_well(w));
    world_free(w);
}

/* The set goes while heads wait for their payloads and slots are posted. */
static void gone_in_the_middle(void)
{
    struct world *w = world_new(3, BUDGET, NULL);

    for (int r = 1; r < 3; r++) {
        join(w, r, 0, 4);
        send_one(w, r, 0, BUDGET, 0);
        w->end[r].set.budget = 10 * BUDGET;
        send_one(w, r, 0, BUDGET, 1);
    }
    move(w);
    CU_ASSERT(w->end[0].set.n_waiting > 0);
    leave(w, 0);
    world_free(w);
}

/* The one that sends goes, and its peer has not taken all. */
static void gone_with_sends(void)
{
    struct world *w = pair_new(2, NULL);

    send_one(w, 0, 1, BUDGET, 0);       /* too long to be taken unasked */
    drop_taken(&w->end[0]);
    CU_ASSERT(!mpipe__links_withdraw(&w->end[0].set));
    CU_ASSERT(w->end[0].set.n_sends > 0);
    leave(w, 1);
    CU_ASSERT(mpipe__links_withdraw(&w->end[0].set));
    world_free(w);
}

/* ---- a dead rank ---- */

static void transport_errors(void)
{
    struct world *w = pair_new(2, NULL);

    send_one(w, 0, 1, 5000, 0);         /* too long to be copied */
    mpipe__loop_kill(w->loop, 0);
    move(w);
    CU_ASSERT_EQUAL(w->end[0].err.code, MPIPE_ELINK);
    CU_ASSERT_PTR_NOT_NULL(strstr(w->end[0].err.text, "transport"));
    world_free(w);
}

static const struct mpipe__test tests[] = {
    { "links are found by peer and lane", found_by_name },
    { "without a grant nothing may be sent", nothing_without_a_grant },
    { "frames in flight are few at first, and one where work is long",
      limits },
    { "what is under way is counted by its work, not by frames", work_in_flight },
    { "a frame may follow a long one shortly before that is done", one_ahead },
    { "credits come back by the half window, or before a rest", gives_back },
    { "a frame that fits a slot is one message, another two", sizes },
    { "what is longer than a message can be goes in pieces", pieces },
    { "paths travel with their frames", paths_travel },
    { "frames come once and whole", traffic_comes },
    { "also when messages are delayed", traffic_with_delays },
    { "also when messages are repeated", traffic_with_doubles },
    { "the two lanes of a rank with itself are apart", two_lanes },
    { "payloads are received within the budget, or one", budget_for_receives },
    { "frames are sent within the budget, or one", budget_for_sends },
    { "message numbers may come round", numbers_come_round },
    { "a message that is lost breaks the link", losses },
    { "a payload lost or repeated breaks the link", lost_payloads },
    { "damaged messages are refused with words", damage },
    { "credits and farewells that cannot be are refused", own_affairs },
    { "the end waits for all frames on their way", farewells },
    { "the end waits also after 2^32 frames", late_farewell },
    { "who leaves last takes what is said until then", last_to_leave },
    { "who has much to tell waits until some of it is taken", much_to_tell },
    { "after a farewell nothing is said", nothing_after_the_farewell },
    { "links can go while frames are on their way", gone_in_the_middle },
    { "links stay until what they send has ended", gone_with_sends },
    { "an error of the transport breaks the link", transport_errors },
    { NULL, NULL }
};

const struct mpipe__suite suite_link = { "link", tests };
