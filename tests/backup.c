/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of backup.c: a rank sleeps over an item, and the job does not wait for it.
 *
 * Results must be right whichever of the two comes first, also when the item fails,
 * is split up, comes late, or a rank dies meanwhile.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "backup.h"
#include "suite.h"
#include "world.h"

#define ITEMS 60u
#define FOREVER ((uint64_t)1 << 60)
#define LONG 6000u              /* turns of the others */

static const struct {
    uint64_t age, typical;
    bool late;
} rows[] = {
    { 0, 0, false },
    { UINT64_MAX, 0, false },           /* nothing is known yet */
    { 49000000, 1, false },
    { 51000000, 1, true },
    { 51000000, 25000000, true },
    { 51000000, 26000000, false },
    { 10000000000, 6000000000, false },
    { 13000000000, 6000000000, true },
};

static void when(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CU_ASSERT_EQUAL(mpipe__backup_late(rows[i].age, rows[i].typical),
                        rows[i].late);
}

struct job {
    const char *name, *options;
    bool ordered, two_stages;
    unsigned fails;             /* this item, for good; 0: none */
};

static const struct job jobs[] = {
    { "a farm", "", false, false, 0 },
    { "in order", "", true, false, 0 },
    { "two stages", "", true, true, 0 },
    { "it fails", "--max-retries=1", false, true, 31 },
    { "one at a time", "--frame=1K --credits=1", true, false, 0 },
};

struct run {
    const struct job *job;
    struct mpipe *mp[8];
    uint64_t slow_from;         /* rank 1 sleeps over items from this one on */
    unsigned fed, delivered[2 * ITEMS], n_failed, n_wrong;
    unsigned asleep, n_slept;
    unsigned while_asleep;      /* results that came then */
    bool all_while_asleep;
    bool forever;               /* it sleeps for some minutes */
    bool ended[8];              /* ranks whose process did not come to its end */
    uint64_t last;
};

static enum mpipe_err twice(const struct mpipe_item *in, struct mpipe_out *out,
                            void *arg)
{
    struct run *run = arg;
    uint64_t n = *(const uint64_t *)in->data;

    mpipe__world_pass(300000);
    if (mpipe_out_rank(out) == 1 && n >= run->slow_from
        && (!run->forever || run->n_slept < 2)) {
        run->asleep++;
        run->n_slept++;
        mpipe__world_idle(run->mp[1], LONG);
        for (unsigned i = 0; run->forever && i < 250; i++) {
            mpipe__world_idle(run->mp[1], 10);
            mpipe__world_pass(400000000);
        }
        run->asleep--;
    }
    if (run->job->fails > 0 && n == run->job->fails)
        return mpipe_fail(out, "as asked");
    n *= 2;
    mpipe_emit(out, &n, sizeof n);
    n++;
    return mpipe_emit(out, &n, sizeof n);
}

static enum mpipe_err pass(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    (void)arg;
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct run *run = arg;
    uint64_t n = run->fed;

    if (run->fed == ITEMS)
        return MPIPE_END;
    run->fed++;
    return mpipe_emit(out, &n, sizeof n);
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    struct run *run = arg;
    uint64_t n = *(const uint64_t *)result->data;
    unsigned got = 0;

    run->n_wrong += n >= 2 * ITEMS || (run->job->ordered && n < run->last);
    run->last = n;
    run->delivered[n % (2 * ITEMS)]++;
    for (unsigned i = 0; i < 2 * ITEMS; i++)
        got += run->delivered[i];
    if (run->asleep > 0 && got == 2 * ITEMS)
        run->all_while_asleep = true;
    return MPIPE_OK;
}

static void on_failure(const struct mpipe_failure *failure, void *arg)
{
    struct run *run = arg;

    run->n_wrong += *(const uint64_t *)failure->item.data != run->job->fails;
    run->n_failed++;
}

static enum mpipe_err program(struct mpipe *mp, int rank, void *arg)
{
    struct run *run = arg;
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    struct mpipe_counts c;
    enum mpipe_err e;

    run->mp[rank] = mp;
    mpipe_pipeline_source(pl, source, run);
    mpipe_pipeline_stage(pl, "twice", twice, run);
    if (run->job->two_stages)
        mpipe_pipeline_stage(pl, "pass", pass, run);
    mpipe_pipeline_sink(pl, sink, run);
    mpipe_pipeline_on_failure(pl, on_failure, run);
    mpipe_pipeline_ordered(pl, run->job->ordered);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_counts(pl, &c);
    mpipe_pipeline_free(pl);
    if (rank > 0)
        return e;
    for (unsigned n = 0; n < 2 * ITEMS; n++)
        run->n_wrong += run->delivered[n]
                        != (run->job->fails == 0 || n / 2 != run->job->fails);
    run->n_wrong += run->n_failed != (run->job->fails > 0);
    run->n_wrong += c.fed != ITEMS
                    || c.fed + c.made != c.delivered + c.dropped + c.failed;
    return e;
}

/* 'kill': rank 2 dies before this message; 0: not. */
static bool right(const struct job *job, struct run *run, const char *backups,
                  uint64_t slow_from, uint64_t seed, uint64_t kill)
{
    char options[200];
    struct mpipe__world world = { .size = 4, .options = options, .seed = seed };
    struct mpipe__world_end end;
    bool ok;

    *run = (struct run){ .job = job, .slow_from = slow_from,
                         .forever = run->forever };
    world.kill_nth[2] = kill;
    snprintf(options, sizeof options, "--log-level=error --backups=%s %s", backups,
             job->options);
    ok = mpipe__world_run(&world, program, run, &end);
    memcpy(run->ended, end.died, sizeof run->ended);
    ok = ok && run->n_wrong == 0
         && end.code[0] == (job->fails > 0 ? -MPIPE_EFAILED : 0);
    if (!ok)
        fprintf(stderr, "backup: %s, seed %" PRIu64 ", slow from %" PRIu64
                ", kill %" PRIu64 ": %u wrong, code %d %s\n", job->name, seed,
                slow_from, kill, run->n_wrong, end.code[0], end.error[0].text);
    return ok;
}

static void sleeps(void)
{
    unsigned slept = 0, saved = 0, waited = 0, never = 0, failed = 0;
    struct run run = { .forever = false };

    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        for (uint64_t seed = 1; seed <= 6; seed += mpipe__world_stride(1)) {
            failed += !right(&jobs[i], &run, "always", 20, seed, 0);
            slept += run.n_slept > 0;
            saved += run.all_while_asleep;
            failed += !right(&jobs[i], &run, "never", 20, seed, 0);
            waited += !run.all_while_asleep;
            never++;
        }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || slept > 20);
    CU_ASSERT(saved > slept / 2);
    CU_ASSERT_EQUAL(waited, never);
}

/* It wakes up at any time, so that either is the first. */
static void either(void)
{
    unsigned failed = 0;
    struct run run = { .forever = false };

    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        for (uint64_t seed = 1; seed <= 16; seed += mpipe__world_stride(1))
            failed += !right(&jobs[i], &run, "always", seed % 8 == 0
                             ? ITEMS - 3 : ITEMS / 2 + seed % 8, seed, 0);
    CU_ASSERT_EQUAL(failed, 0);
}

static void and_one_dies(void)
{
    unsigned failed = 0;
    struct run run = { .forever = false };

    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        for (uint64_t kill = 5; kill <= 60; kill += mpipe__world_stride(5))
            failed += !right(&jobs[i], &run, "always", 20, kill, kill);
    CU_ASSERT_EQUAL(failed, 0);
}

/* When all is delivered nobody waits for it: its process ends. */
static void left_behind(void)
{
    unsigned failed = 0, slept = 0, left = 0, others = 0, never = 0;
    struct run run = { .forever = true };

    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++)
        for (uint64_t seed = 1; seed <= 6; seed += mpipe__world_stride(1)) {
            failed += !right(&jobs[i], &run, "always", 20, seed, 0);
            slept += run.asleep > 0;
            left += run.ended[1];
            others += run.ended[2] || run.ended[3];
            failed += !right(&jobs[i], &run, "never", 20, seed, 0);
            never += run.ended[1];
        }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || left > 20);
    CU_ASSERT(left >= slept);
    CU_ASSERT_EQUAL(others, 0);
    CU_ASSERT_EQUAL(never, 0);
}

static const struct mpipe__test tests[] = {
    { "when a root is late", when },
    { "a rank sleeps, and the results do not wait for it", sleeps },
    { "whichever comes first, results come once", either },
    { "and another rank dies meanwhile", and_one_dies },
    { "nobody waits for it at the end", left_behind },
    { NULL, NULL }
};

const struct mpipe__suite suite_backup = { "backup", tests };
