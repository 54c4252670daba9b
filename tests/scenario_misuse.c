/* SPDX-License-Identifier: BSD-3-Clause */
/* scenario_misuse.c - what goes wrong: each scenario ends on all ranks with the
 * same code and with words that name the rank, the stage and the cause. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "scenario.h"

/* The rest of the words is the rank's, who alone has made the mistake. */
static void expect(struct mpipe__notes *n, enum mpipe_err code, int rank,
                   const char *text)
{
    n->code = -(int)code;
    n->error_rank = rank;
    n->text = text;
}

static struct mpipe_pipeline *passing(struct mpipe__notes *n,
                                      struct mpipe__tally *t)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);

    *t = (struct mpipe__tally){ .n = n };
    mpipe_pipeline_sink(pl, mpipe__tally_sink, t);
    return pl;
}

static enum mpipe_err run_and_free(struct mpipe_pipeline *pl)
{
    enum mpipe_err e = mpipe_pipeline_run(pl);

    mpipe_pipeline_free(pl);
    return e;
}

/* ---- wrong descriptions ---- */

static const struct {
    struct mpipe_stage stage;       /* added after one named "a" */
    enum mpipe_err code;
    const char *text;
} wrong_stages[] = {
    { { .name = NULL, .run = mpipe__pass }, MPIPE_EINVAL, "has no name" },
    { { .name = "", .run = mpipe__pass }, MPIPE_EINVAL, "has no name" },
    { { .name = "a", .run = mpipe__pass }, MPIPE_EINVAL, "named 'a'" },
    { { .name = "b" }, MPIPE_EINVAL, "'b' is NULL" },
    { { .name = "b", .run = mpipe__pass, .work = -1 }, MPIPE_EINVAL,
      "work of stage 'b'" },
    { { .name = "b", .run = mpipe__pass, .work = NAN }, MPIPE_EINVAL,
      "work of stage 'b'" },
    { { .name = "b", .run = mpipe__pass, .work = INFINITY }, MPIPE_EINVAL,
      "work of stage 'b'" },
    { { .name = "b", .run = mpipe__pass, .replicas = 1000 }, MPIPE_EPLACE,
      "'b'" },
};

/* On all ranks, or on the last one alone, which the error then names. */
static enum mpipe_err describe_wrongly(struct mpipe__notes *n, bool all)
{
    enum mpipe_err e = MPIPE_OK;
    int last = n->size - 1;
    bool wrong = all || n->rank == last;

    for (size_t i = 0; i < sizeof wrong_stages / sizeof *wrong_stages; i++) {
        struct mpipe__tally t;
        struct mpipe_pipeline *pl;
        enum mpipe_err code = wrong_stages[i].code;

        if (code == MPIPE_EPLACE && (n->size == 1 || !all))
            continue;       /* alone rank 0 takes them all */
        pl = passing(n, &t);
        HOLDS(n, mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL)
                 == MPIPE_OK);
        if (wrong) {
            enum mpipe_err told = mpipe_pipeline_add(pl,
                                                     &wrong_stages[i].stage);
            HOLDS(n, told == (code == MPIPE_EPLACE ? MPIPE_OK : code));
        }
        mpipe_source_range(pl, 0, 10);
        e = run_and_free(pl);
        HOLDS(n, e == code && t.items == 0);
        if (i == 0) {
            /* the session keeps the first */
            expect(n, code, all ? 0 : last, wrong_stages[i].text);
        }
    }
    n->code = all && n->size > 1 ? -MPIPE_EPLACE : -MPIPE_EINVAL;
    return e;
}

static enum mpipe_err wrong_everywhere(struct mpipe__notes *n)
{
    enum mpipe_err e = describe_wrongly(n, true);

    n->error_rank = -2;             /* each has its own, or rank 0's */
    return e != MPIPE_OK ? e : MPIPE_EINVAL;
}

static enum mpipe_err wrong_on_one(struct mpipe__notes *n)
{
    return describe_wrongly(n, false);
}

static enum mpipe_err no_stage(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);

    expect(n, MPIPE_EINVAL, -2, "no stage");
    mpipe_source_range(pl, 0, 10);
    return run_and_free(pl);
}

static enum mpipe_err no_source(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);

    expect(n, MPIPE_EINVAL, -2, "no source");
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    return run_and_free(pl);
}

static enum mpipe_err null_callbacks(struct mpipe__notes *n)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);

    expect(n, MPIPE_EINVAL, -2, "sink is NULL");
    HOLDS(n, mpipe_pipeline_sink(pl, NULL, NULL) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_source(pl, NULL, NULL) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_map(pl, "m", NULL, NULL) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_name(pl, NULL) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_name(pl, "") == MPIPE_EINVAL);
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    mpipe_source_range(pl, 0, 10);
    return run_and_free(pl);
}

static enum mpipe_err mismatch(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    bool other = n->rank == n->size - 1;

    expect(n, MPIPE_EMISMATCH, n->size - 1, "'a' x0 (work 0), 'c' x0");
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    mpipe_pipeline_stage(pl, other ? "c" : "b", mpipe__pass, NULL);
    mpipe_source_range(pl, 0, 10);
    return run_and_free(pl);
}

/* They differ far behind what fits into one message. */
static enum mpipe_err late_mismatch(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    bool other = n->rank == n->size - 1;
    char name[40];

    expect(n, MPIPE_EMISMATCH, n->size - 1, "all ranks must make the same");
    for (int i = 0; i < 150; i++) {
        snprintf(name, sizeof name, "%s-number-%d-of-many",
                 other && i == 149 ? "another" : "stage", i);
        mpipe_pipeline_stage(pl, name, mpipe__pass, NULL);
    }
    mpipe_source_range(pl, 0, 10);
    return run_and_free(pl);
}

static enum mpipe_err other_options(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);

    expect(n, MPIPE_EMISMATCH, n->size - 1, "max-retries=9");
    if (n->rank == n->size - 1)
        HOLDS(n, mpipe_set_option(n->mp, "max-retries", "9") == MPIPE_OK);
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    mpipe_source_range(pl, 0, 10);
    return run_and_free(pl);
}

/* A push program that looks at nothing but the end. */
static enum mpipe_err careless(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    struct mpipe_stage stage = { .name = "greedy", .run = mpipe__pass,
                                 .replicas = 1000 };
    enum mpipe_err e;

    expect(n, MPIPE_EPLACE, 0, "'greedy'");
    mpipe_pipeline_add(pl, &stage);
    mpipe_pipeline_start(pl);
    if (n->rank == 0) {
        HOLDS(n, mpipe__feed_numbers(pl, 0, 100) != MPIPE_OK);
        HOLDS(n, mpipe_pipeline_wait_empty(pl) != MPIPE_OK);
    }
    e = mpipe_pipeline_end(pl);
    mpipe_pipeline_free(pl);
    return e;
}

/* ---- calls at a wrong time or place ---- */

static enum mpipe_err out_of_order(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    int64_t i = 5;

    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    HOLDS(n, mpipe_pipeline_feed(pl, &i, sizeof i) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_wait_empty(pl) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_pause(pl) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_end(pl) == MPIPE_OK);
    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_run(pl) == MPIPE_EINVAL);
    HOLDS(n, mpipe_pipeline_stage(pl, "b", mpipe__pass, NULL)
             == MPIPE_EINVAL);
    HOLDS(n, mpipe_source_range(pl, 0, 1) == MPIPE_EINVAL);
    if (n->rank != 0) {
        HOLDS(n, mpipe_pipeline_feed(pl, &i, sizeof i) == MPIPE_EINVAL);
        HOLDS(n, mpipe_pipeline_wait_input(pl) == MPIPE_EINVAL);
        HOLDS(n, mpipe_pipeline_wait_empty(pl) == MPIPE_EINVAL);
        HOLDS(n, mpipe_pipeline_pause(pl) == MPIPE_EINVAL);
        HOLDS(n, mpipe_pipeline_resume(pl) == MPIPE_EINVAL);
    } else {
        HOLDS(n, mpipe_pipeline_resume(pl) == MPIPE_OK);
        HOLDS(n, mpipe_pipeline_feed(pl, &i, sizeof i) == MPIPE_OK);
    }
    HOLDS(n, mpipe_pipeline_end(pl) == MPIPE_OK);
    HOLDS(n, n->rank != 0 || t.items == 1);
    mpipe_pipeline_free(pl);
    return MPIPE_OK;
}

static enum mpipe_err options(struct mpipe__notes *n)
{
    expect(n, MPIPE_EINVAL, -2, "no-such");
    HOLDS(n, mpipe_set_option(n->mp, "no-such", "1") == MPIPE_EINVAL);
    HOLDS(n, mpipe_set_option(n->mp, "credits", "0") == MPIPE_EINVAL);
    HOLDS(n, mpipe_set_option(n->mp, "credits", "9") == MPIPE_OK);
    return MPIPE_EINVAL;
}

/* ---- stages that fail ---- */

static enum mpipe_err bad_init(void *arg, struct mpipe_out *out, void **state)
{
    (void)state;
    return mpipe_out_rank(out) == *(int *)arg
           ? mpipe_fail(out, "the licence has expired") : MPIPE_OK;
}

/* It pulls for so long that all ranks take part. */
static enum mpipe_err endless(struct mpipe_out *out, void *arg)
{
    int64_t i = 1;

    (void)arg;
    return mpipe_emit(out, &i, sizeof i);
}

static enum mpipe_err init_fails(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    int where = n->size - 1;
    struct mpipe_stage stage = { .name = "licensed", .run = mpipe__pass,
                                 .init = bad_init, .arg = &where };

    expect(n, MPIPE_ESTAGE, where,
           "stage 'licensed' could not be set up: the licence has expired");
    mpipe_pipeline_add(pl, &stage);
    mpipe_pipeline_source(pl, endless, NULL);
    return run_and_free(pl);
}

static enum mpipe_err give_up(const struct mpipe_item *in,
                              struct mpipe_out *out, void *arg)
{
    int64_t i = *(const int64_t *)in->data;

    (void)arg;
    mpipe_emit(out, in->data, in->size);
    if (i < 500)
        return MPIPE_OK;
    mpipe_fail(out, "enough of %lld", (long long)i);
    return MPIPE_ESTAGE;
}

static enum mpipe_err stage_gives_up(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);

    expect(n, MPIPE_ESTAGE, -2, "stage 'quitter' gave up: enough of ");
    mpipe_pipeline_stage(pl, "quitter", give_up, NULL);
    mpipe_pipeline_stage(pl, "after", mpipe__pass, NULL);
    mpipe_source_range(pl, 0, 100000);
    return run_and_free(pl);
}

static enum mpipe_err bad_source(struct mpipe_out *out, void *arg)
{
    int *calls = arg;
    int64_t i = ++*calls;

    if (i == 400) {
        mpipe_fail(out, "the well is dry");
        return MPIPE_EIO;
    }
    return i % 5 == 0 ? MPIPE_AGAIN : mpipe_emit(out, &i, sizeof i);
}

static enum mpipe_err source_fails(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    int calls = 0;

    expect(n, MPIPE_EIO, 0, "failed: the well is dry");
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    mpipe_pipeline_source(pl, bad_source, &calls);
    return run_and_free(pl);
}

static enum mpipe_err bad_sink(const struct mpipe_item *result, void *arg)
{
    struct mpipe__tally *t = arg;

    HOLDS(t->n, t->items < 20);         /* never called again */
    mpipe__tally_sink(result, t);
    return t->items == 20 ? MPIPE_EIO : MPIPE_OK;
}

static enum mpipe_err sink_fails(struct mpipe__notes *n)
{
    struct mpipe__tally t = { .n = n };
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);

    expect(n, MPIPE_EIO, 0, "output handler of pipeline 'pipeline' failed");
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    mpipe_pipeline_source(pl, endless, NULL);
    mpipe_pipeline_sink(pl, bad_sink, &t);
    return run_and_free(pl);
}

/* The flow has ended, and the program feeds on. */
static enum mpipe_err feed_after_end(struct mpipe__notes *n)
{
    struct mpipe__tally t = { .n = n };
    struct mpipe_pipeline *pl = mpipe_pipeline_new(n->mp);
    enum mpipe_err e = MPIPE_OK;

    expect(n, MPIPE_EIO, 0, "output handler of pipeline 'pipeline' failed");
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    mpipe_pipeline_sink(pl, bad_sink, &t);
    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    if (n->rank == 0) {
        for (int i = 0; i < 1000 && e == MPIPE_OK; i++) {
            e = mpipe__feed_numbers(pl, 0, 10);
            if (e == MPIPE_OK)
                e = mpipe_pipeline_wait_empty(pl);
        }
        HOLDS(n, e == MPIPE_EIO);
        HOLDS(n, mpipe__feed_numbers(pl, 0, 1) == MPIPE_EIO);
        HOLDS(n, mpipe_pipeline_wait_input(pl) == MPIPE_EIO);
        HOLDS(n, mpipe_pipeline_pause(pl) == MPIPE_EIO);
    }
    e = mpipe_pipeline_end(pl);
    mpipe_pipeline_free(pl);
    return e;
}

/* ---- items that fail ---- */

struct failures {
    struct mpipe__notes *n;
    uint64_t items;
    int64_t sum;
    unsigned tries;
    const char *stage, *text;
};

static void on_failure(const struct mpipe_failure *failure, void *arg)
{
    struct failures *f = arg;

    HOLDS(f->n, failure->item.size == sizeof(int64_t));
    HOLDS(f->n, strcmp(failure->stage, f->stage) == 0);
    HOLDS(f->n, strstr(failure->text, f->text) != NULL);
    HOLDS(f->n, failure->tries == f->tries);
    HOLDS(f->n, failure->rank >= (f->n->size > 1)
                && failure->rank < f->n->size);
    f->sum += *(const int64_t *)failure->item.data;
    f->items++;
}

static enum mpipe_err no_sevens(const struct mpipe_item *in,
                                struct mpipe_out *out, void *arg)
{
    int64_t i = *(const int64_t *)in->data;

    (void)arg;
    mpipe_emit(out, &i, sizeof i);      /* is taken back */
    return i % 7 == 0 ? mpipe_fail(out, "%lld is a seven", (long long)i)
                      : MPIPE_OK;
}

static enum mpipe_err items_fail(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    struct failures f = { .n = n, .tries = 3, .stage = "picky",
                          .text = " is a seven" };
    struct mpipe_counts c;
    enum mpipe_err e;

    expect(n, MPIPE_EFAILED, -2, "100 of 700 items");
    mpipe_pipeline_stage(pl, "before", mpipe__pass, NULL);
    mpipe_pipeline_stage(pl, "picky", no_sevens, NULL);
    mpipe_pipeline_stage(pl, "after", mpipe__pass, NULL);
    mpipe_pipeline_on_failure(pl, on_failure, &f);
    mpipe_source_range(pl, 0, 699);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_counts(pl, &c);
    if (n->rank == 0) {
        HOLDS(n, t.items == 600 && f.items == 100);
        HOLDS(n, f.sum == 7 * 99 * 50 && t.sum + f.sum == 699 * 350);
        HOLDS(n, c.failed == 100 && c.retried == 200 && c.delivered == 600);
    }
    mpipe_pipeline_free(pl);
    return e;
}

/* The item works on every rank but one; emits where it ran. */
static enum mpipe_err not_on_rank_1(const struct mpipe_item *in,
                                    struct mpipe_out *out, void *arg)
{
    int64_t where = mpipe_out_rank(out);

    (void)in;
    (void)arg;
    return where == 1 ? mpipe_fail(out, "rank 1 has a bad fan")
                      : mpipe_emit(out, &where, sizeof where);
}

static enum mpipe_err another_rank(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    struct failures f = { .n = n, .tries = 2, .stage = "moody",
                          .text = "rank 1 has a bad fan" };
    enum mpipe_err e;

    if (n->size == 2)
        expect(n, MPIPE_EFAILED, -2, "500 of 500 items");
    mpipe_pipeline_stage(pl, "moody", not_on_rank_1, NULL);
    mpipe_pipeline_on_failure(pl, on_failure, &f);
    mpipe_source_range(pl, 0, 499);
    e = mpipe_pipeline_run(pl);
    HOLDS(n, n->rank != 0 || t.items + f.items == 500);
    HOLDS(n, n->rank != 0 || f.items == (n->size == 2 ? 500 : 0));
    mpipe_pipeline_free(pl);
    return e;
}

/* Emits far more than can be taken back, and fails then. */
static enum mpipe_err too_late(const struct mpipe_item *in,
                               struct mpipe_out *out, void *arg)
{
    int64_t i = *(const int64_t *)in->data;

    (void)arg;
    for (int j = 0; j < 500000; j++)
        mpipe_emit(out, in->data, in->size);
    return i % 2 == 1 ? mpipe_fail(out, "one too many") : MPIPE_OK;
}

static enum mpipe_err cannot_take_back(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    struct failures f = { .n = n, .tries = 1, .stage = "bulk",
                          .text = "one too many (after 500000 results" };
    struct mpipe_counts c;
    enum mpipe_err e;

    expect(n, MPIPE_EFAILED, -2, "1 of 2 items");
    mpipe_pipeline_stage(pl, "bulk", too_late, NULL);
    mpipe_pipeline_stage(pl, "after", mpipe__pass, NULL);
    mpipe_pipeline_on_failure(pl, on_failure, &f);
    mpipe_source_range(pl, 0, 1);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_counts(pl, &c);
    if (n->rank == 0)
        HOLDS(n, f.items == 1 && c.failed == 1 && c.retried == 0
                 && t.items == 1000000 && c.made == 999999);
    mpipe_pipeline_free(pl);
    return e;
}

/* A stage that overlooks that an emit has failed. */
static enum mpipe_err oversize(const struct mpipe_item *in,
                               struct mpipe_out *out, void *arg)
{
    char large[2000] = "";

    (void)in;
    HOLDS((struct mpipe__notes *)arg,
          mpipe_emit(out, large, sizeof large) == MPIPE_ETOOBIG);
    HOLDS((struct mpipe__notes *)arg,
          mpipe_reserve(out, sizeof large) == NULL);
    return MPIPE_OK;
}

static enum mpipe_err emit_too_big(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    struct failures f = { .n = n, .tries = 3, .stage = "large",
                          .text = "2000 bytes is larger than --max-item=1000" };

    expect(n, MPIPE_EFAILED, -2, "11 of 11 items");
    mpipe_pipeline_stage(pl, "large", oversize, n);
    mpipe_pipeline_on_failure(pl, on_failure, &f);
    mpipe_source_range(pl, 0, 10);
    return run_and_free(pl);
}

static enum mpipe_err feed_too_big(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    char large[1001] = "";
    enum mpipe_err e;

    expect(n, MPIPE_ETOOBIG, 0, "1001 bytes is larger than --max-item=1000");
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    HOLDS(n, mpipe_pipeline_start(pl) == MPIPE_OK);
    if (n->rank == 0) {
        HOLDS(n, mpipe__feed_numbers(pl, 0, 100) == MPIPE_OK);
        HOLDS(n, mpipe_pipeline_feed(pl, large, sizeof large)
                 == MPIPE_ETOOBIG);
    }
    e = mpipe_pipeline_end(pl);
    mpipe_pipeline_free(pl);
    return e;
}

/* ---- emit, reserve and commit where they do not belong ---- */

static enum mpipe_err emits_in_place(void *data, size_t size,
                                     struct mpipe_out *out, void *arg)
{
    int64_t *i = data;

    if (*i % 10 == 7)       /* and its error is overlooked */
        HOLDS((struct mpipe__notes *)arg,
              mpipe_emit(out, data, size) == MPIPE_EINVAL);
    else
        *i += 1;
    return MPIPE_OK;
}

/* With 'after' ranks that serve both stages hand items on by a call. */
static enum mpipe_err map_emits(struct mpipe__notes *n, bool after)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    struct failures f = { .n = n, .tries = 1, .stage = "map",
                          .text = "works in place" };
    enum mpipe_err e;

    if (after)
        mpipe_pipeline_stage(pl, "before", mpipe__pass, NULL);
    mpipe_pipeline_map(pl, "map", emits_in_place, n);
    mpipe_pipeline_on_failure(pl, on_failure, &f);
    mpipe_source_range(pl, 0, 999);
    e = run_and_free(pl);
    HOLDS(n, n->rank != 0 || (t.items == 900 && f.items == 100
                              && t.sum == 499500 - 50200 + 900));
    return e;
}

static enum mpipe_err emit_in_place(struct mpipe__notes *n)
{
    expect(n, MPIPE_EFAILED, -2, "100 of 1000 items");
    HOLDS(n, map_emits(n, true) == MPIPE_EFAILED);
    return map_emits(n, false);
}

static enum mpipe_err odd_commits(const struct mpipe_item *in,
                                  struct mpipe_out *out, void *arg)
{
    struct mpipe__notes *n = arg;
    int64_t i = *(const int64_t *)in->data;
    int64_t *to = i % 7 == 3 ? &i : mpipe_reserve(out, i % 7 == 4 ? 100 : 8);

    HOLDS(n, to != NULL);
    if (to == NULL)
        return MPIPE_ENOMEM;
    *to = i;
    switch (i % 7) {
    case 0:     /* as it should be */
    case 4:     /* less than was reserved */
        HOLDS(n, mpipe_commit(out, 8) == MPIPE_OK);
        break;
    case 1:     /* what was reserved is lost by an emit */
        HOLDS(n, mpipe_emit(out, &i, 8) == MPIPE_OK);
        HOLDS(n, mpipe_commit(out, 8) == MPIPE_EINVAL);
        break;
    case 2:     /* and by a return */
        break;
    case 3:     /* nothing was reserved */
        HOLDS(n, mpipe_commit(out, 8) == MPIPE_EINVAL);
        break;
    case 5:     /* more than was reserved */
        HOLDS(n, mpipe_commit(out, 9) == MPIPE_EINVAL);
        break;
    default:    /* twice */
        HOLDS(n, mpipe_commit(out, 8) == MPIPE_OK);
        HOLDS(n, mpipe_commit(out, 8) == MPIPE_EINVAL);
    }
    return MPIPE_OK;
}

static enum mpipe_err commits(struct mpipe__notes *n)
{
    struct mpipe_counts c;
    enum mpipe_err e = MPIPE_OK;

    expect(n, MPIPE_EFAILED, -2, "1600 of 2800 items");
    for (int after = 0; after < 2; after++) {
        struct mpipe__tally t;
        struct mpipe_pipeline *pl = passing(n, &t);
        struct failures f = { .n = n, .tries = 1, .stage = "odd",
                              .text = "were reserved" };

        mpipe_pipeline_stage(pl, "odd", odd_commits, n);
        if (after)
            mpipe_pipeline_stage(pl, "after", mpipe__pass, NULL);
        mpipe_pipeline_on_failure(pl, on_failure, &f);
        mpipe_source_range(pl, 0, 2799);
        e = mpipe_pipeline_run(pl);
        mpipe_pipeline_counts(pl, &c);
        HOLDS(n, n->rank != 0 || (t.items == 800 && c.dropped == 400
                                  && c.failed == 1600 && c.made == 0
                                  && f.items == 1600));
        mpipe_pipeline_free(pl);
    }
    return e;
}

/* ---- the log ---- */

static enum mpipe_err tell(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    int64_t i = *(const int64_t *)in->data;

    (void)arg;
    if (i == 7)
        return mpipe_fail(out, "seven is too many");
    mpipe_stage_log(out, MPIPE_LOG_INFO, "I have got %lld", (long long)i);
    mpipe_stage_log(out, MPIPE_LOG_DEBUG, "not to be seen");
    return mpipe_emit(out, in->data, in->size);
}

/* How many lines of the file have both words? */
static int lines_with(const char *path, const char *a, const char *b)
{
    FILE *file = fopen(path, "re");
    char line[1000];
    int n = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        n += strstr(line, a) != NULL && strstr(line, b) != NULL;
    if (file != NULL)
        fclose(file);
    return n;
}

static enum mpipe_err logs(struct mpipe__notes *n)
{
    struct mpipe__tally t;
    struct mpipe_pipeline *pl = passing(n, &t);
    char path[] = "scenario-XXXXXX";
    int fd = n->rank == 0 ? mkstemp(path) : -1;
    enum mpipe_err e;

    expect(n, MPIPE_EFAILED, -2, "1 of 10 items");
    HOLDS(n, n->rank != 0 || fd >= 0);
    HOLDS(n, mpipe_set_option(n->mp, "log", path) == MPIPE_OK);
    mpipe_pipeline_stage(pl, "talker", tell, NULL);
    mpipe_source_range(pl, 1, 10);
    e = run_and_free(pl);
    if (n->rank == 0) {
        HOLDS(n, lines_with(path, "talker", "I have got ") == 9);
        HOLDS(n, lines_with(path, "talker", "try 3 of 3): seven is too many")
                 == 1);
        HOLDS(n, lines_with(path, "", "") == 10);
        close(fd);
        unlink(path);
    }
    return e;
}

const struct mpipe__scenario mpipe__scenarios_misuse[] = {
    { "a wrong stage on all ranks", NULL, 1, false, wrong_everywhere },
    { "a wrong stage on one rank", NULL, 2, false, wrong_on_one },
    { "no stage", NULL, 1, false, no_stage },
    { "no source", NULL, 1, false, no_source },
    { "callbacks that are NULL", NULL, 1, false, null_callbacks },
    { "another stage on one rank", NULL, 2, false, mismatch },
    { "another last stage of many on one rank", NULL, 2, false,
      late_mismatch },
    { "another option on one rank", NULL, 2, false, other_options },
    { "a push program that looks only at the end", NULL, 2, false, careless },
    { "calls out of order", NULL, 1, false, out_of_order },
    { "unknown and wrong options", NULL, 1, false, options },
    { "an init that fails on one rank", NULL, 1, false, init_fails },
    { "a stage that gives up", NULL, 1, false, stage_gives_up },
    { "a source that fails", NULL, 1, false, source_fails },
    { "an output handler that fails", NULL, 1, false, sink_fails },
    { "feeding what has ended", NULL, 1, false, feed_after_end },
    { "items that fail are told with all about them", "--max-retries=2", 1,
      false, items_fail },
    { "an item is tried again on another rank", "--max-retries=1", 1, false,
      another_rank },
    { "what has left is not tried again", NULL, 1, true, cannot_take_back },
    { "an item emitted over --max-item fails",
      "--max-item=1000 --max-retries=2", 1, false, emit_too_big },
    { "an item fed over --max-item ends the job", "--max-item=1000", 1, false,
      feed_too_big },
    { "an emit from a stage in place fails its item", "--max-retries=0", 1,
      false, emit_in_place },
    { "a commit without room, too large, or twice fails its item",
      "--max-retries=0", 1, false, commits },
    { "the log has the stages' lines and the failures",
      "--max-retries=2 --log-level=info", 1, false, logs },
    { NULL, NULL, 0, false, NULL }
};
