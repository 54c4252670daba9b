/* SPDX-License-Identifier: BSD-3-Clause */
/* Deaths at every point of the protocol.
 *
 * A small job is run once to count the messages of each rank, and then again for
 * each of them with the rank dying just before it: every result must come once
 * all the same.  Then two ranks at once, and rank 0, with which all end.
 *
 * MPIPE_TEST_STRIDE=N takes each N-th of these points only, for valgrind.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "suite.h"
#include "world.h"

#define ITEMS 40u
#define FOREVER ((uint64_t)1 << 60)

struct job {
    const char *name, *options;
    int size;
    unsigned n_stages;
    bool ordered, push;
    unsigned fails_one_in;      /* for good, at the last stage */
    unsigned jobs;              /* pipelines one after another */
    unsigned stride;            /* of the pairs that are tried */
    unsigned poison;            /* kills whoever is given it last; 0: none */
    bool early;                 /* ... or first */
};

static const struct job jobs[] = {
    { "a farm", "", 3, 1, false, false, 0, 1, 5, 0, false },
    { "a farm in order, pushed", "", 4, 1, true, true, 0, 1, 9, 0, false },
    { "a chain that drops and makes", "", 4, 3, true, false, 0, 1, 9, 0, false },
    { "two stages on one rank", "", 2, 2, false, false, 0, 1, 0, 0, false },
    { "a spare", "--spares=1", 4, 2, true, false, 0, 1, 9, 0, false },
    { "items that fail", "--max-retries=1", 4, 2, false, false, 7, 1, 9, 0, false },
    { "frames in bulk", "--frame=1K --credits=1", 3, 1, true, false, 0, 1, 5, 0, false },
    { "three pipelines", "", 3, 2, true, false, 0, 3, 0, 0, false },
};

struct run {
    const struct job *job;
    unsigned fed;
    unsigned delivered[4 * ITEMS], failed[ITEMS];
    unsigned replicas[2];       /* of the first stage and the last; 0: any */
    bool fails_first, tried[4 * ITEMS]; /* the last stage, on each item once */
    unsigned disorder, n_wrong, last, n_init, n_fini;
    struct mpipe *mp[12];       /* a rank each */
};

struct number {                 /* an item; large enough to be bulk at times */
    uint64_t n, of;
    char ballast[1200];
};

static void take(struct run *run, uint64_t n, struct mpipe_out *out)
{
    if (run->job->poison > 0 && n == run->job->poison)
        mpipe__world_die(run->mp[mpipe_out_rank(out)]);
}

/* n becomes 2n and 2n+1, the multiples of 10 are dropped, those of 7 fail. */
static enum mpipe_err split(const struct mpipe_item *in,
                            struct mpipe_out *out, void *arg)
{
    struct number v = *(const struct number *)in->data;
    uint64_t n = v.n;

    if (((struct run *)arg)->job->early)
        take(arg, n, out);
    if (n % 5 == 0)
        return MPIPE_OK;
    v.n = 2 * n;
    if (mpipe_emit(out, &v, sizeof v) != MPIPE_OK)
        return MPIPE_OK;            /* it is kept for us */
    v.n = 2 * n + 1;
    return mpipe_emit(out, &v, sizeof v);
}

static enum mpipe_err keep(void *data, size_t size, struct mpipe_out *out,
                           void *arg)
{
    struct number *v = data;

    (void)size;
    (void)out;
    (void)arg;
    v->of++;
    return MPIPE_OK;
}

static enum mpipe_err last(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    struct run *run = arg;
    const struct number *v = in->data;

    if (!run->job->early)
        take(run, v->n, out);
    if (run->job->fails_one_in > 0 && v->n % run->job->fails_one_in == 0)
        return mpipe_fail(out, "as asked");
    if (run->fails_first && !run->tried[v->n]) {
        run->tried[v->n] = true;
        return mpipe_fail(out, "once");
    }
    return mpipe_emit(out, v, sizeof *v);
}

static enum mpipe_err set_up(void *arg, struct mpipe_out *out, void **state)
{
    (void)out;
    ((struct run *)arg)->n_init++;
    *state = arg;
    return MPIPE_OK;
}

static void tear_down(void *state, struct mpipe_out *out)
{
    (void)out;
    ((struct run *)state)->n_fini++;
}

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct run *run = arg;
    struct number v;

    if (run->fed == ITEMS)
        return MPIPE_END;
    memset(&v, 0, sizeof v);
    v.n = run->fed++;
    mpipe_emit(out, &v, sizeof v);
    return MPIPE_OK;
}

static enum mpipe_err sink(const struct mpipe_item *item, void *arg)
{
    struct run *run = arg;
    const struct number *v = item->data;

    run->disorder += v->n < run->last;
    run->last = (unsigned)v->n;
    if (v->n < 4 * ITEMS)
        run->delivered[v->n]++;
    else
        run->n_wrong++;
    return MPIPE_OK;
}

static void on_failure(const struct mpipe_failure *failure, void *arg)
{
    struct run *run = arg;
    const struct number *v = failure->item.data;

    run->failed[v->n % ITEMS]++;
}

static struct mpipe_pipeline *describe(struct mpipe *mp, struct run *run)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    struct mpipe_stage stage[3] = {
        { .name = "split", .run = split, .init = set_up, .fini = tear_down,
          .arg = run },
        { .name = "keep", .map = keep, .init = set_up, .fini = tear_down,
          .arg = run },
        { .name = "last", .run = last, .init = set_up, .fini = tear_down,
          .arg = run },
    };
    unsigned n = run->job->n_stages;

    stage[0].replicas = run->replicas[0];
    stage[2].replicas = run->replicas[1];
    /* the last always; the first from two stages on; then the one between */
    if (n >= 2)
        mpipe_pipeline_add(pl, &stage[0]);
    if (n >= 3)
        mpipe_pipeline_add(pl, &stage[1]);
    mpipe_pipeline_add(pl, &stage[2]);
    if (!run->job->push)
        mpipe_pipeline_source(pl, source, run);
    mpipe_pipeline_sink(pl, sink, run);
    mpipe_pipeline_on_failure(pl, on_failure, run);
    mpipe_pipeline_ordered(pl, run->job->ordered);
    return pl;
}

/* What must have come of one pipeline. */
static void check(struct run *run, const struct mpipe_counts *counts)
{
    const struct job *job = run->job;
    unsigned want_delivered = 0, want_failed = 0;

    for (unsigned n = 0; n < 4 * ITEMS; n++) {
        bool is = job->n_stages == 1 ? n < ITEMS
                                     : n / 2 < ITEMS && n / 2 % 5 != 0;
        bool fails = is && job->fails_one_in > 0 && n % job->fails_one_in == 0;

        run->n_wrong += run->delivered[n] != (is && !fails);
        want_delivered += is && !fails;
        want_failed += fails;
    }
    run->n_wrong += counts->delivered != want_delivered
                    || counts->failed != want_failed || counts->fed != ITEMS;
    run->n_wrong += job->ordered && run->disorder > 0;
}

static enum mpipe_err program(struct mpipe *mp, int rank, void *arg)
{
    struct run *run = arg;
    enum mpipe_err e = MPIPE_OK;

    run->mp[rank] = mp;
    for (unsigned k = 0; k < run->job->jobs && e == MPIPE_OK; k++) {
        struct mpipe_pipeline *pl = describe(mp, run);
        struct mpipe_counts counts;

        if (!run->job->push) {
            e = mpipe_pipeline_run(pl);
        } else {
            e = mpipe_pipeline_start(pl);
            while (rank == 0 && e == MPIPE_OK && run->fed < ITEMS) {
                struct number v;
                memset(&v, 0, sizeof v);
                v.n = run->fed;
                e = mpipe_pipeline_feed(pl, &v, sizeof v);
                run->fed += e == MPIPE_OK;
                if (run->fed == ITEMS / 2)
                    mpipe_pipeline_wait_empty(pl);
            }
            e = mpipe_pipeline_end(pl);
        }
        mpipe_pipeline_counts(pl, &counts);
        mpipe_pipeline_free(pl);
        if (e == MPIPE_EFAILED && run->job->fails_one_in > 0)
            e = MPIPE_OK;
        if (rank == 0 && e == MPIPE_OK) {
            check(run, &counts);
            run->fed = run->last = 0;
            memset(run->delivered, 0, sizeof run->delivered);
        }
    }
    return e;
}

/* With rank a dying before its message at_a, and b likewise (0: nobody). */
static bool survives(const struct job *job, int a, uint64_t at_a, int b,
                     uint64_t at_b, struct mpipe__world_end *end)
{
    struct run *run = calloc(1, sizeof *run);
    char options[200];
    struct mpipe__world world = { .size = job->size, .options = options };
    bool ok;

    run->job = job;
    snprintf(options, sizeof options, "--log-level=error %s", job->options);
    world.kill_nth[b] = at_b;
    world.kill_nth[a] = at_a;
    world.seed = 1 + at_a * 8 + (uint64_t)a + at_b * 1000;
    ok = mpipe__world_run(&world, program, run, end);
    ok = ok && run->n_wrong == 0 && end->code[0] == 0
         && run->n_init == run->n_fini;
    for (int r = 1; r < job->size; r++)
        ok = ok && (end->code[r] == 0
                    || (end->died[r] && end->code[r] == -MPIPE_EDEAD));
    if (!ok)
        fprintf(stderr, "deaths: %s: rank %d at %" PRIu64 ", rank %d at %"
                PRIu64 ": %u wrong, code %d %s, %u set up, %u torn down\n",
                job->name, a, at_a, b, at_b, run->n_wrong, end->code[0],
                end->error[0].text, run->n_init, run->n_fini);
    free(run);
    return ok;
}

/* Items that wait to be tried again when a rank dies are fed again with their roots,
 * and forgotten: what is sent of them could come before the table that moves a rank
 * to their stage, and be handed on to where its old role leads. */
static void retries_wait(void)
{
    static const struct job job = { .name = "a queue of retries", .size = 6,
                                    .options = "--log-level=error --credits=2",
                                    .n_stages = 2, .jobs = 1 };
    static const struct mpipe__fault_plan late = { .delay_ppm = 200000,
                                                   .delay_polls = 60 };
    struct mpipe__world_end end;
    unsigned failed = 0, died = 0, n = 0;

    for (int r = 1; r < job.size; r++)
        for (uint64_t at = 1; at <= 100; at += mpipe__world_stride(4), n++) {
            struct run *run = calloc(1, sizeof *run);
            struct mpipe__world world = { .size = job.size, .fault = &late,
                                          .options = job.options,
                                          .seed = at * 8 + (uint64_t)r };
            bool ok;

            run->job = &job;
            run->fails_first = true;
            run->replicas[0] = 3;       /* one of them moves to the others */
            run->replicas[1] = 2;
            world.kill_nth[r] = at;
            ok = mpipe__world_run(&world, program, run, &end) && run->n_wrong == 0
                 && end.code[0] == 0;
            if (!ok)
                fprintf(stderr, "deaths: %s: rank %d at %" PRIu64 ": %u wrong, code "
                        "%d %s\n", job.name, r, at, run->n_wrong, end.code[0],
                        end.error[0].text);
            failed += !ok;
            died += end.died[r];
            free(run);
        }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(died > n / 4);
}

static uint64_t messages(const struct job *job, int rank)
{
    struct mpipe__world_end end;

    CU_ASSERT(survives(job, rank, FOREVER, rank, FOREVER, &end));
    CU_ASSERT(end.sent[rank] > 2);
    return end.sent[rank];
}

static void one_dies(void)
{
    struct mpipe__world_end end;
    unsigned n = 0, died = 0, failed = 0;

    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        for (int r = 1; r < jobs[i].size; r++) {
            uint64_t most = messages(&jobs[i], r);
            for (uint64_t at = 1; at <= most && failed < 10;
                 at += mpipe__world_stride(1), n++) {
                failed += !survives(&jobs[i], r, at, r, at, &end);
                died += end.died[r];
            }
        }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(died > n / 2);        /* later ones may not be reached */
}

static void two_die(void)
{
    struct mpipe__world_end end;
    unsigned failed = 0;

    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        uint64_t step = mpipe__world_stride(jobs[i].stride);
        uint64_t most_a, most_b;

        if (step == 0 || jobs[i].size < 3)
            continue;
        most_a = messages(&jobs[i], 1);
        most_b = messages(&jobs[i], 2);
        for (uint64_t a = 1; a <= most_a; a += step)
            for (uint64_t b = 1; b <= most_b && failed < 10; b += step)
                failed += !survives(&jobs[i], 1, a, 2, b, &end);
    }
    CU_ASSERT_EQUAL(failed, 0);
}

/* With rank 0 the work is lost: the others end, and know why. */
static void master_dies(void)
{
    unsigned failed = 0;

    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        uint64_t most = messages(&jobs[i], 0);
        for (uint64_t at = 1; at <= most && failed < 10;
             at += mpipe__world_stride(3)) {
            struct run *run = calloc(1, sizeof *run);
            struct mpipe__world world = { .size = jobs[i].size, .seed = at };
            struct mpipe__world_end end;

            run->job = &jobs[i];
            world.options = jobs[i].options;
            world.kill_nth[0] = at;
            failed += !mpipe__world_run(&world, program, run, &end);
            for (int r = 1; r < jobs[i].size; r++)
                failed += end.died[0] && end.code[r] != -MPIPE_EDEAD
                          && at < most - (uint64_t)jobs[i].size * 4;
            free(run);
        }
    }
    CU_ASSERT_EQUAL(failed, 0);
}

/* An item that kills whoever works on it fails, and takes no more ranks with it
 * than it may be tried; all others are delivered.  On other nodes it takes some
 * more, in less than three of four runs: it is fed again before a neighbour has told
 * whom it has killed. */
static const struct {
    struct job job;
    unsigned fed;               /* the fed item that it comes of */
    unsigned least, most;       /* deaths */
    const char *machine;        /* NULL: one node */
} poison_rows[] = {
    { { "a farm", "", 7, 1, true, false, 0, 1, 0, 13, false }, 13, 3, 3, NULL },
    { { "a farm with one retry", "--max-retries=1", 7, 1, false, false, 0, 1, 0,
        13, false }, 13, 2, 2, NULL },
    { { "a chain, its end", "", 8, 3, true, false, 0, 1, 0, 27, false }, 13, 3, 3,
      NULL },
    { { "a chain, its beginning", "", 8, 2, true, false, 0, 1, 0, 13, true }, 13,
      3, 3, NULL },
    { { "many retries", "--max-retries=5", 8, 1, true, true, 0, 1, 0, 39, false },
      39, 5, 5, NULL },
    { { "two ranks, and then none", "", 3, 1, true, false, 0, 1, 0, 13, false },
      13, 2, 2, NULL },
    { { "a farm on three nodes", "", 12, 1, true, false, 0, 1, 0, 13, false },
      13, 3, 5, "node:3 core:1" },
    { { "the same with one retry", "--max-retries=1", 12, 1, false, false, 0, 1, 0,
        13, false }, 13, 1, 4, "node:3 core:1" },
    { { "a chain on pairs", "", 12, 3, true, false, 0, 1, 0, 27, false }, 13, 3, 7,
      "node:6 core:1" },
};

static void poison(void)
{
    for (size_t i = 0; i < sizeof poison_rows / sizeof *poison_rows; i++) {
        unsigned runs = 0, n_least = 0;

        for (uint64_t seed = 0; seed < 40; seed += mpipe__world_stride(1), runs++) {
            const struct job *job = &poison_rows[i].job;
            struct run *run = calloc(1, sizeof *run);
            char options[200];
            struct mpipe__world world = { .size = job->size,
                                          .machine = poison_rows[i].machine,
                                          .options = options, .seed = seed };
            struct mpipe__world_end end;
            unsigned deaths = 0, bad = 0, fed = poison_rows[i].fed;
            bool chain = job->n_stages > 1;

            run->job = job;
            snprintf(options, sizeof options, "--log-level=error %s",
                     job->options);
            CU_ASSERT_FATAL(mpipe__world_run(&world, program, run, &end));
            for (int r = 0; r < job->size; r++)
                deaths += end.died[r];
            for (unsigned n = 0; n < 4 * ITEMS; n++) {
                bool is = chain ? n / 2 < ITEMS && n / 2 % 5 != 0
                                  && n / 2 != fed : n < ITEMS && n != fed;
                bad += run->delivered[n] != is;
            }
            for (unsigned n = 0; n < ITEMS; n++)
                bad += run->failed[n] != (n == fed);
            if (bad > 0 || deaths > poison_rows[i].most
                || deaths < poison_rows[i].least || end.died[0]
                || end.code[0] != -MPIPE_EFAILED
                || (job->ordered && run->disorder > 0))
                fprintf(stderr, "deaths: poison in %s, seed %" PRIu64 ": %u "
                        "deaths, %u wrong, code %d %s\n", job->name, seed,
                        deaths, bad, end.code[0], end.error[0].text);
            CU_ASSERT(bad == 0 && deaths <= poison_rows[i].most
                      && deaths >= poison_rows[i].least
                      && !end.died[0] && end.code[0] == -MPIPE_EFAILED
                      && !(job->ordered && run->disorder > 0));
            n_least += deaths == poison_rows[i].least;
            free(run);
        }
        CU_ASSERT(mpipe__world_stride(1) > 1 || 4 * n_least >= runs);
    }
}

static const struct mpipe__test tests[] = {
    { "an item that kills fails, and the job goes on", poison },
    { "a rank dies before each of its messages", one_dies },
    { "a rank dies while items wait to be tried again", retries_wait },
    { "two ranks die", two_die },
    { "rank 0 dies, and all end", master_dies },
    { NULL, NULL }
};

const struct mpipe__suite suite_deaths = { "deaths", tests };
