/* SPDX-License-Identifier: BSD-3-Clause */
/* scenario_use.c - what a program may do: each scenario checks all that comes
 * out, and that all ranks end with the same code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "scenario.h"
#include "session.h"

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Let the other ranks run for a while, as the engine itself would. */
static void linger(struct mpipe__notes *n, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        if (!mpipe__engine_turn(&n->mp->engine, false))
            mpipe__engine_rest(&n->mp->engine, 100);
}

/* A pipeline whose one stage doubles numbers. */
static struct mpipe_pipeline *doubler(struct mpipe__notes *n,
                                      struct mpipe__tally *t)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);

    *t = (struct mpipe__tally){ .n = n };
    HOLDS(n, mpipe_pipeline_stage(pl, "twice", mpipe__twice, NULL)
             == MPIPE_OK);
    HOLDS(n, mpipe_pipeline_sink(pl, mpipe__tally_sink, t) == MPIPE_OK);
    return pl;
}

static void check_sum(struct mpipe__notes *n, const struct mpipe__tally *t,
                      int64_t items)
{
    if (n->rank != 0)
        return;
    HOLDS(n, t->items == (uint64_t)items);
    HOLDS(n, t->sum == items * (items - 1));
}

/* ---- pull and push ---- */

static enum mpipe_err pull(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = doubler(n, &t);
    struct mpipe_counts c;
    enum mpipe_err e;

    mpipe_source_range(pl, 0, 9999);
    mpipe_pipeline_ordered(pl, 1);
    e = mpipe_pipeline_run(pl);
    check_sum(n, &t, 10000);
    HOLDS(n, !t.falls);
    mpipe_pipeline_counts(pl, &c);
    if (n->rank == 0)
        HOLDS(n, c.fed == 10000 && c.delivered == 10000 && c.made == 0
                 && c.dropped == 0 && c.failed == 0 && c.retried == 0);
    mpipe_pipeline_free(pl);
    return e;
}

static enum mpipe_err push(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = doubler(n, &t);
    enum mpipe_err e;

    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    for (int64_t i = 0; n->rank == 0 && i < 40; i++) {
        HOLDS(n, mpipe__feed_numbers(pl, 50 * i, 50 * i + 50) == MPIPE_OK);
        if (i % 3 == 0) {
            HOLDS(n, mpipe_pipeline_wait_input(pl) == MPIPE_OK);
        } else if (i % 3 == 1) {
            HOLDS(n, mpipe_pipeline_wait_empty(pl) == MPIPE_OK);
            check_sum(n, &t, 50 * i + 50);
        }
    }
    e = mpipe_pipeline_end(pl);
    check_sum(n, &t, 2000);
    mpipe_pipeline_free(pl);
    return e;
}

static enum mpipe_err nothing_fed(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = doubler(n, &t);
    enum mpipe_err e;

    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    if (n->rank == 0) {
        HOLDS(n, mpipe_pipeline_wait_empty(pl) == MPIPE_OK);
        HOLDS(n, mpipe_pipeline_wait_input(pl) == MPIPE_OK);
    }
    e = mpipe_pipeline_end(pl);
    HOLDS(n, e == MPIPE_OK && mpipe_pipeline_end(pl) == MPIPE_OK);
    HOLDS(n, t.items == 0);
    mpipe_pipeline_free(pl);
    return e;
}

/* A rank that does nothing but free its pipeline has served all the same. */
static enum mpipe_err freed_only(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = doubler(n, &t);

    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    if (n->rank == 0)
        HOLDS(n, mpipe__feed_numbers(pl, 0, 300) == MPIPE_OK);
    mpipe_pipeline_free(pl);
    check_sum(n, &t, 300);
    mpipe_pipeline_free(NULL);
    return MPIPE_OK;
}

static enum mpipe_err no_sink(struct mpipe__notes *n)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);
    struct mpipe_counts c;
    enum mpipe_err e;

    mpipe_source_range(pl, 1, 500);
    mpipe_pipeline_stage(pl, "pass", mpipe__pass, NULL);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_counts(pl, &c);
    HOLDS(n, n->rank != 0 || c.delivered == 500);
    mpipe_pipeline_free(pl);
    return e;
}

/* ---- several pipelines ---- */

static enum mpipe_err one_after_another(struct mpipe__notes *n)
{
    struct mpipe__tally t, u = { .n = n };
    struct mpipe_pipeline *pl = doubler(n, &t);
    enum mpipe_err e = MPIPE_OK;

    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    if (n->rank == 0)
        HOLDS(n, mpipe__feed_numbers(pl, 0, 700) == MPIPE_OK);
    HOLDS(n, mpipe_pipeline_reset(pl) == MPIPE_OK);     /* while it runs */
    check_sum(n, &t, 700);
    for (int i = 0; i < 20 && e == MPIPE_OK; i++) {
        u.items = 0;
        u.sum = 0;
        mpipe_pipeline_name(pl, i % 2 ? "odd" : "even");
        mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
        mpipe_pipeline_stage(pl, "b", mpipe__twice, NULL);
        mpipe_pipeline_sink(pl, mpipe__tally_sink, &u);
        mpipe_source_range(pl, 0, 99 + i);
        e = mpipe_pipeline_run(pl);
        check_sum(n, &u, 100 + i);
        HOLDS(n, mpipe_pipeline_reset(pl) == MPIPE_OK);
    }
    mpipe_pipeline_free(pl);
    return e;
}

/* The same described once and run again. */
static enum mpipe_err run_again(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = doubler(n, &t);
    enum mpipe_err e = MPIPE_OK;

    for (int i = 1; i <= 3 && e == MPIPE_OK; i++) {
        e = mpipe_pipeline_start(pl);
        if (n->rank == 0)
            HOLDS(n, mpipe__feed_numbers(pl, 0, 100) == MPIPE_OK);
        if (e == MPIPE_OK)
            e = mpipe_pipeline_end(pl);
        if (n->rank == 0)
            HOLDS(n, t.items == 100u * (unsigned)i);
    }
    mpipe_pipeline_free(pl);
    return e;
}

static enum mpipe_err two_at_once(struct mpipe__notes *n, bool first_first)
{
    struct mpipe__tally t, u;
    struct mpipe_pipeline *a = doubler(n, &t), *b = doubler(n, &u);
    enum mpipe_err e, f;

    mpipe_pipeline_name(b, "second");
    mpipe_pipeline_stage(b, "pass", mpipe__pass, NULL);
    mpipe_pipeline_ordered(b, 1);
    HOLDS(n, mpipe_pipeline_start(a) == MPIPE_OK);
    HOLDS(n, mpipe_pipeline_start(b) == MPIPE_OK);
    for (int64_t i = 0; n->rank == 0 && i < 1000; i++) {
        HOLDS(n, mpipe_pipeline_feed(a, &i, sizeof i) == MPIPE_OK);
        HOLDS(n, mpipe_pipeline_feed(b, &i, sizeof i) == MPIPE_OK);
        if (i % 300 == 100)
            HOLDS(n, mpipe_pipeline_wait_empty(i % 600 == 100 ? a : b)
                     == MPIPE_OK);
    }
    e = mpipe_pipeline_end(first_first ? a : b);
    f = mpipe_pipeline_end(first_first ? b : a);
    check_sum(n, &t, 1000);
    check_sum(n, &u, 1000);
    HOLDS(n, !u.falls);
    mpipe_pipeline_free(a);
    mpipe_pipeline_free(b);
    return e == MPIPE_OK ? f : e;
}

static enum mpipe_err first_first(struct mpipe__notes *n)
{
    return two_at_once(n, true);
}

static enum mpipe_err last_first(struct mpipe__notes *n)
{
    return two_at_once(n, false);
}

/* What comes out of one goes into the other, from its output handler. */
static enum mpipe_err hand_on(const struct mpipe_item *result, void *arg)
{
    return mpipe_pipeline_feed(arg, result->data, result->size);
}

static enum mpipe_err one_feeds_another(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *b = doubler(n, &t), *a = mpipe_pipeline_new(n->mp);
    enum mpipe_err e, f;

    mpipe_pipeline_stage(a, "pass", mpipe__pass, NULL);
    mpipe_pipeline_sink(a, hand_on, b);
    HOLDS(n, mpipe_pipeline_start(a) == MPIPE_OK);
    HOLDS(n, mpipe_pipeline_start(b) == MPIPE_OK);
    if (n->rank == 0)
        HOLDS(n, mpipe__feed_numbers(a, 0, 3000) == MPIPE_OK);
    e = mpipe_pipeline_end(a);
    f = mpipe_pipeline_end(b);
    check_sum(n, &t, 3000);
    mpipe_pipeline_free(a);
    mpipe_pipeline_free(b);
    return e == MPIPE_OK ? f : e;
}

/* A result that is not yet large enough is fed once more. */
struct rounds {
    struct mpipe__tally tally;
    struct mpipe_pipeline *pl;
};

static enum mpipe_err once_more(const struct mpipe_item *result, void *arg)
{
    struct rounds *r = arg;

    mpipe__tally_sink(result, &r->tally);
    if (r->tally.last >= 1000)
        return MPIPE_OK;
    HOLDS(r->tally.n, mpipe_pipeline_wait_empty(r->pl) == MPIPE_EINVAL);
    HOLDS(r->tally.n, mpipe_pipeline_wait_input(r->pl) == MPIPE_EINVAL);
    HOLDS(r->tally.n, mpipe_pipeline_pause(r->pl) == MPIPE_EINVAL);
    HOLDS(r->tally.n, mpipe_pipeline_end(r->pl) == MPIPE_EINVAL);
    return mpipe_pipeline_feed(r->pl, result->data, result->size);
}

static enum mpipe_err feed_in_handler(struct mpipe__notes *n)
{
    struct rounds r = { .tally = { .n = n } };
    enum mpipe_err e;

    r.pl = mpipe_pipeline_new(n->mp);
    mpipe_pipeline_stage(r.pl, "twice", mpipe__twice, NULL);
    mpipe_pipeline_sink(r.pl, once_more, &r);
    HOLDS(n, mpipe_pipeline_start(r.pl) == MPIPE_OK);
    if (n->rank == 0) {
        HOLDS(n, mpipe__feed_numbers(r.pl, 1, 2) == MPIPE_OK);
        HOLDS(n, mpipe_pipeline_wait_empty(r.pl) == MPIPE_OK);
        HOLDS(n, r.tally.items == 10 && r.tally.last == 1024);
        /* and while it is being ended */
        HOLDS(n, mpipe__feed_numbers(r.pl, 1, 200) == MPIPE_OK);
    }
    e = mpipe_pipeline_end(r.pl);
    if (n->rank == 0)
        HOLDS(n, r.tally.items > 10 + 199 * 3);
    mpipe_pipeline_free(r.pl);
    return e;
}

/* ---- stages' state ---- */

struct per_rank {
    struct mpipe__notes *n;
    int argument, n_init, n_fini, in_use;
};

static enum mpipe_err set_up(void *arg, struct mpipe_out *out, void **state)
{
    struct per_rank *p = arg;

    HOLDS(p->n, p->argument == 42 && mpipe_out_rank(out) == p->n->rank);
    HOLDS(p->n, strcmp(mpipe_out_stage(out), "counts") == 0);
    HOLDS(p->n, mpipe_emit(out, "x", 1) == MPIPE_EINVAL);
    p->n_init++;
    *state = &p->in_use;
    return MPIPE_OK;
}

static void tear_down(void *state, struct mpipe_out *out)
{
    struct per_rank *p = (struct per_rank *)
                         ((char *)state - offsetof(struct per_rank, in_use));

    HOLDS(p->n, mpipe_emit(out, "x", 1) == MPIPE_EINVAL);
    HOLDS(p->n, mpipe_reserve(out, 1) == NULL);
    p->n_fini++;
}

/* Emits which of its rank's items this is, and the rank. */
static enum mpipe_err count_here(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *arg)
{
    int *in_use = arg;
    int64_t row[2] = { mpipe_out_rank(out), ++*in_use };

    (void)in;
    return mpipe_emit(out, row, sizeof row);
}

struct by_rank {
    struct mpipe__notes *n;
    int64_t items[64], sum[64];
};

static enum mpipe_err by_rank(const struct mpipe_item *result, void *arg)
{
    struct by_rank *b = arg;
    const int64_t *row = result->data;

    HOLDS(b->n, result->size == 16 && row[0] >= 0 && row[0] < b->n->size);
    b->items[row[0]]++;
    b->sum[row[0]] += row[1];
    return MPIPE_OK;
}

static enum mpipe_err state_once(struct mpipe__notes *n)
{
    struct per_rank p = { n, 42, 0, 0, 0 };
    struct by_rank b = { .n = n };
    struct mpipe_stage stage = { .name = "counts", .run = count_here,
                                 .init = set_up, .fini = tear_down,
                                 .arg = &p };
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);
    enum mpipe_err e;
    int64_t all = 0;

    mpipe_source_range(pl, 1, 5000);
    mpipe_pipeline_add(pl, &stage);
    mpipe_pipeline_sink(pl, by_rank, &b);
    e = mpipe_pipeline_run(pl);
    HOLDS(n, p.n_init == p.n_fini && p.n_init <= 1);
    for (int r = 0; n->rank == 0 && r < n->size; r++) {
        HOLDS(n, b.sum[r] == b.items[r] * (b.items[r] + 1) / 2);
        all += b.items[r];
    }
    HOLDS(n, n->rank != 0 || all == 5000);
    mpipe_pipeline_free(pl);
    return e;
}

/* ---- pause ---- */

struct times {
    struct mpipe__notes *n;
    uint64_t items, paused_at, resumed_at, n_bad;
};

static enum mpipe_err stamp(const struct mpipe_item *in, struct mpipe_out *out,
                            void *arg)
{
    uint64_t when = now();

    (void)in;
    (void)arg;
    return mpipe_emit(out, &when, sizeof when);
}

static enum mpipe_err check_time(const struct mpipe_item *result, void *arg)
{
    struct times *t = arg;
    uint64_t when = *(const uint64_t *)result->data;

    t->items++;
    t->n_bad += t->paused_at < when && when < t->resumed_at;
    return MPIPE_OK;
}

static enum mpipe_err pause(struct mpipe__notes *n)
{
    struct times t = { n, 0, UINT64_MAX, 0, 0 };
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);
    struct mpipe_status status;
    enum mpipe_err e;

    mpipe_pipeline_stage(pl, "stamp", stamp, NULL);
    mpipe_pipeline_stage(pl, "pass", mpipe__pass, NULL);
    mpipe_pipeline_sink(pl, check_time, &t);
    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    for (int i = 0; n->rank == 0 && i < 5; i++) {
        HOLDS(n, mpipe__feed_numbers(pl, 0, 1000) == MPIPE_OK);
        HOLDS(n, mpipe_pipeline_pause(pl) == MPIPE_OK);
        t.paused_at = now();
        mpipe_pipeline_status(pl, &status);
        HOLDS(n, status.state == MPIPE_PAUSED);
        /* more can be fed for a while, but what has to wait says so */
        HOLDS(n, mpipe__feed_numbers(pl, 0, 10) == MPIPE_OK);
        linger(n, 300);
        t.resumed_at = now();
        HOLDS(n, mpipe_pipeline_resume(pl) == MPIPE_OK);
        mpipe_pipeline_status(pl, &status);
        HOLDS(n, status.state == MPIPE_RUNNING);
        HOLDS(n, mpipe_pipeline_wait_empty(pl) == MPIPE_OK);
        HOLDS(n, t.items == 1010u * (unsigned)(i + 1));
        t.paused_at = UINT64_MAX;
    }
    if (n->rank == 0) {         /* an end resumes */
        HOLDS(n, mpipe_pipeline_pause(pl) == MPIPE_OK);
        HOLDS(n, mpipe_pipeline_pause(pl) == MPIPE_OK);
        HOLDS(n, mpipe__feed_numbers(pl, 0, 10) == MPIPE_OK);
        HOLDS(n, mpipe_pipeline_wait_empty(pl) == MPIPE_EINVAL);
    }
    e = mpipe_pipeline_end(pl);
    HOLDS(n, t.n_bad == 0 && (n->rank != 0 || t.items == 5060));
    mpipe_pipeline_free(pl);
    return e;
}

/* ---- sizes ---- */

struct sized {
    struct mpipe__notes *n;
    size_t size;
    uint64_t items;
};

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761u >> 11);
}

static enum mpipe_err check_bytes(const struct mpipe_item *result, void *arg)
{
    struct sized *s = arg;
    const unsigned char *at = result->data;

    HOLDS(s->n, at != NULL && (uintptr_t)at % 8 == 0);
    HOLDS(s->n, result->size == s->size);
    for (size_t i = 0; i < result->size; i += i / 64 + 1)
        if (at[i] != (unsigned char)(byte_at(i) + 2)) {
            HOLDS(s->n, !"the bytes are right");
            break;
        }
    s->items++;
    return MPIPE_OK;
}

static enum mpipe_err add_one(void *data, size_t size, struct mpipe_out *out,
                              void *arg)
{
    unsigned char *at = data;

    (void)out;
    (void)arg;
    for (size_t i = 0; i < size; i++)
        at[i]++;
    return MPIPE_OK;
}

static enum mpipe_err add_one_reserved(const struct mpipe_item *in,
                                       struct mpipe_out *out, void *arg)
{
    const unsigned char *from = in->data;
    unsigned char *to = mpipe_reserve(out, in->size + 100);

    (void)arg;
    if (to == NULL)
        return MPIPE_ENOMEM;
    for (size_t i = 0; i < in->size; i++)
        to[i] = (unsigned char)(from[i] + 1);
    return mpipe_commit(out, in->size);
}

static enum mpipe_err of_size(struct mpipe__notes *n, size_t size,
                              uint64_t items)
{
    struct sized s = { n, size, 0 };
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);
    unsigned char *item = n->rank == 0 ? malloc(size + 1) : NULL;
    enum mpipe_err e;

    for (size_t i = 0; item != NULL && i < size; i++)
        item[i] = byte_at(i);
    mpipe_pipeline_map(pl, "in place", add_one, NULL);
    mpipe_pipeline_stage(pl, "reserved", add_one_reserved, NULL);
    mpipe_pipeline_sink(pl, check_bytes, &s);
    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    for (uint64_t i = 0; n->rank == 0 && i < items; i++)
        HOLDS(n, mpipe_pipeline_feed(pl, size > 0 ? item : NULL, size)
                 == MPIPE_OK);
    e = mpipe_pipeline_end(pl);
    HOLDS(n, n->rank != 0 || s.items == items);
    mpipe_pipeline_free(pl);
    free(item);
    return e;
}

static enum mpipe_err empty_items(struct mpipe__notes *n)
{
    return of_size(n, 0, 1000);
}

static enum mpipe_err large_item(struct mpipe__notes *n)
{
    return of_size(n, (size_t)64 << 20, 1);
}

static enum mpipe_err megabytes(struct mpipe__notes *n)
{
    return of_size(n, (size_t)1 << 20, 100);
}

static enum mpipe_err odd_sizes(struct mpipe__notes *n)
{
    static const size_t sizes[] = { 1, 7, 8, 9, 4032, 4033, 65471, 65472,
                                    65473, 65536, 65537, 131072, 1048577 };
    enum mpipe_err e = MPIPE_OK;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && e == MPIPE_OK; i++)
        e = of_size(n, sizes[i], 3);
    return e;
}

static enum mpipe_err long_chain(struct mpipe__notes *n)
{
    struct mpipe__tally t = { .n = n };
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);
    char name[300];
    enum mpipe_err e;

    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "%0*d", i % 5 == 0 ? 280 : 4, i);
        HOLDS(n, mpipe_pipeline_stage(pl, name, i == 99 ? mpipe__twice
                                      : mpipe__pass, NULL) == MPIPE_OK);
    }
    mpipe_source_range(pl, 0, 99);
    mpipe_pipeline_sink(pl, mpipe__tally_sink, &t);
    e = mpipe_pipeline_run(pl);
    check_sum(n, &t, 100);
    mpipe_pipeline_free(pl);
    return e;
}

/* ---- look ---- */

static enum mpipe_err look(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = doubler(n, &t);
    struct mpipe_status s;
    enum mpipe_err e;

    mpipe_pipeline_name(pl, "looked at");
    mpipe_pipeline_count(pl, 400);
    mpipe_pipeline_status(pl, &s);
    HOLDS(n, s.state == MPIPE_IDLE && s.started == 0 && s.counts.fed == 0
             && s.ranks == n->size && strcmp(s.name, "looked at") == 0
             && strcmp(s.version, mpipe_version()) == 0);
    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    if (n->rank == 0) {
        mpipe__feed_numbers(pl, 0, 400);
        mpipe_pipeline_status(pl, &s);
        HOLDS(n, s.state == MPIPE_RUNNING && s.started > 1e9
                 && s.counts.fed == 400);
        HOLDS(n, s.workers == (n->size > 1 ? n->size - 1 : 1)
                 && s.idle <= s.workers);
        mpipe_pipeline_wait_empty(pl);
        mpipe_pipeline_status(pl, &s);
        HOLDS(n, s.counts.delivered == 400);
    }
    e = mpipe_pipeline_end(pl);
    mpipe_pipeline_status(pl, &s);
    HOLDS(n, s.state == MPIPE_IDLE);
    HOLDS(n, n->rank != 0 || s.counts.delivered == 400);
    mpipe_pipeline_free(pl);
    return e;
}

const struct mpipe__scenario mpipe__scenarios_use[] = {
    { "pull: all that the source has comes out in order", NULL, 1, false,
      pull },
    { "push: feed, wait for input, wait till it is empty", NULL, 1, false,
      push },
    { "push through the smallest frames and windows",
      "--frame=1K --window=1M --credits=1", 1, false, push },
    { "a pipeline may end without having been fed", NULL, 1, false,
      nothing_fed },
    { "free() ends a running pipeline", NULL, 1, false, freed_only },
    { "without a sink results are counted", NULL, 1, false, no_sink },
    { "reset, and another pipeline, twenty times", NULL, 1, false,
      one_after_another },
    { "a pipeline that has ended can be run again", NULL, 1, false,
      run_again },
    { "two at once, the first ended first", NULL, 1, false, first_first },
    { "two at once, the last ended first", NULL, 1, false, last_first },
    { "one pipeline feeds another", NULL, 1, false, one_feeds_another },
    { "the output handler feeds", NULL, 1, false, feed_in_handler },
    { "a stage is set up and torn down once on each rank", NULL, 1, false,
      state_once },
    { "nothing runs in a pause, and nothing is lost", NULL, 1, false, pause },
    { "the same with one credit", "--credits=1 --frame=1K", 1, false, pause },
    { "items of no bytes", NULL, 1, false, empty_items },
    { "an item of 64 MiB", NULL, 1, true, large_item },
    { "many items of 1 MiB", NULL, 1, true, megabytes },
    { "items about as large as frames and slots", NULL, 1, true, odd_sizes },
    { "two hundred stages with long names", NULL, 1, false, long_chain },
    { "the status and the counts say what is", NULL, 1, false, look },
    { NULL, NULL, 0, false, NULL }
};
