/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of copies in map-reduce jobs (backup.c, commit.c, collect.c): a rank sleeps in
 * the midst of map, and what it was given is done elsewhere as well.
 *
 * It wakes up after any number of turns of the others, so that what it has emitted
 * before and what it emits after comes to the owners of partitions before and after
 * the choice between the two.  Each value must count once, in the order in which items
 * were fed, also when items fail, frames wait on disk, or a rank dies meanwhile.
 *
 * MPIPE_TEST_STRIDE=N: a part of it, for valgrind and sanitizers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "master.h"
#include "session.h"
#include "suite.h"
#include "world.h"

#define KEYS 60u
#define SIZE 4
#define SLEEPS 3u               /* in a run */
#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

struct kind {
    const char *name, *options;
    uint64_t items, pairs;      /* of an item */
    uint32_t partitions;
    bool folds, combines, fails;
};

static const struct kind kinds[] = {
    { "counts", "", 40, 3, 0, false, true, false },
    { "values in order", "", 40, 3, 0, false, false, false },
    { "many frames", "", 12, 500, 3, false, false, false },
    { "many frames, combined", "--memory=64K", 12, 500, 3, false, true, false },
    { "items that fail", "--max-retries=3", 24, 400, 2, false, false, true },
    { "items that fail at once", "--max-retries=2", 24, 400, 3, false, true, true },
    { "on disk", "--memory=64K --frame=1K", 16, 400, 3, false, false, false },
    { "small windows", "--frame=1K --credits=1", 12, 400, 3, false, false, false },
    { "one partition", "", 24, 100, 1, false, false, true },
    { "a fold", "", 40, 1, 0, true, false, true },
};

struct run {
    const struct kind *kind;
    struct mpipe *mp[SIZE];
    uint64_t slow_from, where;  /* rank 1 sleeps over items from this one on, when so
                                   many pairs are emitted */
    unsigned turns;             /* of the others, each time */
    int slow;                   /* not rank 1: this one, for some minutes; 0: rank 1 */
    bool died[SIZE];
    bool dies;                  /* who has the first of these items first, if it is
                                   not rank 1, dies when a copy has won: so that it is
                                   of a root behind one that is not done */
    bool has_died;
    uint64_t digest[KEYS], times[KEYS], n_failed;
    unsigned n_slept;
    unsigned n_won, n_open;     /* how often when it woke up a copy had won, or there
                                   was one that had not yet */
};

/* ---- the job ---- */

static bool item_fails(const struct kind *k, uint64_t item)
{
    return k->fails && item % 7 == 3;
}

static uint64_t key_of(uint64_t item, uint64_t i)
{
    return (item * 7 + i * 3) % KEYS;
}

static uint64_t add_to(const struct kind *k, uint64_t digest, uint64_t value)
{
    return k->folds || k->combines ? digest + value : digest * 31 + value;
}

/* Rank 0's copies; none when it has ended, and who was dead comes back. */
static struct mpipe__backups copies(const struct run *run)
{
    const struct mpipe__flow *flow = run->mp[0] != NULL
                                     ? run->mp[0]->engine.flows : NULL;

    return flow != NULL && flow->master != NULL ? flow->master->backups
                                                : (struct mpipe__backups){ 0 };
}

static void die_over(struct run *run, int rank)
{
    run->has_died = true;
    for (unsigned i = 0; i < 300 && copies(run).won == 0; i++)
        mpipe__world_idle(run->mp[rank], 20);
    mpipe__world_die(run->mp[rank]);
}

static void sleep_over(struct run *run, struct mpipe_out *out, uint64_t item,
                       uint64_t i)
{
    if (item < run->slow_from || i != run->where)
        return;
    if (run->dies && !run->has_died && item == run->slow_from
        && mpipe_out_rank(out) != 1)
        die_over(run, mpipe_out_rank(out));
    if (mpipe_out_rank(out) != (run->slow > 0 ? run->slow : 1)
        || run->n_slept == SLEEPS)
        return;
    run->n_slept++;
    mpipe__world_idle(run->mp[mpipe_out_rank(out)], run->turns);
    for (unsigned n = 0; run->slow > 0 && n < 250; n++) {
        mpipe__world_idle(run->mp[run->slow], 10);
        mpipe__world_pass(400000000);
    }
    run->n_won += copies(run).won > 0;
    run->n_open += copies(run).made > copies(run).won;
}

static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out,
                          void *arg)
{
    struct run *run = arg;
    const struct kind *k = run->kind;
    uint64_t item = *(const uint64_t *)in->data;

    mpipe__world_pass(300000);
    for (uint64_t i = 0; i < k->pairs; i++) {
        uint64_t key = key_of(item, i), value = item * 1000 + i;

        sleep_over(run, out, item, i);
        if (item_fails(k, item) && i == k->pairs / 2)
            return mpipe_fail(out, "as asked");
        if (k->folds)
            mpipe_emit(out, &value, sizeof value);
        else
            mpipe_emit_pair(out, &key, sizeof key, &value, sizeof value);
    }
    sleep_over(run, out, item, k->pairs);
    return MPIPE_OK;
}

static enum mpipe_err reduce(const struct mpipe_item *key,
                             struct mpipe_values *values, struct mpipe_out *out,
                             void *arg)
{
    const struct run *run = arg;
    struct mpipe_item v;
    uint64_t digest = 0;

    while (mpipe_values_next(values, &v))
        digest = add_to(run->kind, digest, *(const uint64_t *)v.data);
    return mpipe_emit_pair(out, key->data, key->size, &digest, sizeof digest);
}

static void found(struct run *run, uint64_t key, const void *digest)
{
    run->times[key % KEYS]++;
    memcpy(&run->digest[key % KEYS], digest, sizeof run->digest[0]);
}

static enum mpipe_err done(const struct mpipe_item *result, void *arg)
{
    struct run *run = arg;
    struct mpipe_pair pair;

    if (run->kind->folds)
        found(run, 0, result->data);
    else if (mpipe_pair_parse(result, &pair) == MPIPE_OK)
        found(run, *(const uint64_t *)pair.key.data, pair.value.data);
    return MPIPE_OK;
}

static void failed(const struct mpipe_failure *failure, void *arg)
{
    (void)failure;
    ((struct run *)arg)->n_failed++;
}

static enum mpipe_err program(struct mpipe *mp, int rank, void *arg)
{
    struct run *run = arg;
    const struct kind *k = run->kind;
    struct mpipe_job job = {
        .name = "job", .arg = run, .map = map, .failed = failed, .done = done,
        .reduce = k->folds ? NULL : reduce,
        .fold = k->folds ? mpipe_sum_u64 : NULL,
        .combine = k->combines ? mpipe_sum_u64 : NULL,
        .partitions = k->partitions
    };
    struct mpipe_mapreduce *mr;
    enum mpipe_err e;

    run->mp[rank] = mp;
    mr = mpipe_mapreduce_new(mp, &job);
    mpipe_source_range(mpipe_mapreduce_input(mr), 0, (int64_t)k->items - 1);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    if (rank == 0)
        run->mp[0] = NULL;
    return e;
}

/* ---- what must come ---- */

static unsigned n_wrong(const struct run *run)
{
    const struct kind *k = run->kind;
    uint64_t digest[KEYS] = { 0 }, times[KEYS] = { 0 }, n_failed = 0;
    unsigned wrong = 0;

    times[0] = k->folds;
    for (uint64_t item = 0; item < k->items; item++) {
        if (item_fails(k, item)) {
            n_failed++;
            continue;
        }
        for (uint64_t i = 0; i < k->pairs; i++) {
            uint64_t key = k->folds ? 0 : key_of(item, i);
            times[key] = 1;
            digest[key] = add_to(k, digest[key], item * 1000 + i);
        }
    }
    for (unsigned key = 0; key < KEYS; key++)
        wrong += times[key] != run->times[key]
                 || digest[key] != run->digest[key];
    return wrong + (n_failed != run->n_failed);
}

/* 'kill': 'rank' dies before this message; 0: not. */
static bool right(struct run *run, const char *backups, uint64_t seed, int rank,
                  uint64_t kill)
{
    const struct kind *k = run->kind;
    char options[200];
    struct mpipe__world world = { .size = SIZE, .options = options,
                                  .seed = seed };
    struct mpipe__world_end end;
    bool ok;

    memset(run->digest, 0, sizeof run->digest);
    memset(run->times, 0, sizeof run->times);
    run->has_died = false;
    run->n_failed = run->n_slept = run->n_won = run->n_open = 0;
    world.kill_nth[rank] = kill;
    snprintf(options, sizeof options, "--log-level=error --backups=%s %s", backups,
             k->options);
    ok = mpipe__world_run(&world, program, run, &end);
    memcpy(run->died, end.died, sizeof run->died);
    ok = ok && n_wrong(run) == 0
         && end.code[0] == (k->fails ? -MPIPE_EFAILED : 0);
    if (!ok)
        fprintf(stderr, "job_backup: %s, seed %" PRIu64 ", slow from %" PRIu64
                " at %" PRIu64 " for %u, kill %d at %" PRIu64 ": %u wrong, code %d "
                "%s\n", k->name, seed, run->slow_from, run->where, run->turns,
                rank, kill, n_wrong(run), end.code[0], end.error[0].text);
    return ok;
}

/* ---- tests ---- */

static void sleeps(void)
{
    unsigned slept = 0, won = 0, wrong = 0, anyhow = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (uint64_t seed = 1; seed <= 6; seed += mpipe__world_stride(1)) {
            struct run run = { .kind = &kinds[i], .turns = 6000,
                               .slow_from = kinds[i].items / 2,
                               .where = kinds[i].pairs / 3 };
            wrong += !right(&run, "always", seed, 2, 0);
            slept += run.n_slept > 0;
            won += run.n_won > 0;
            wrong += !right(&run, "never", seed, 2, 0);
            anyhow += run.n_won;
        }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || slept > 40);
    /* one that has partitions takes no pairs while it sleeps, so that the others often
     * wait for it before a copy is done */
    CU_ASSERT(mpipe__world_stride(1) > 1 || won > slept / 3);
    CU_ASSERT_EQUAL(anyhow, 0);
}

/* It wakes up at any time: before the copy is fed, while that is under way, when it is
 * chosen, when the flow ends. */
static void either(void)
{
    unsigned wrong = 0, won = 0, open = 0, n = 0;
    uint64_t seed = 1;

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (unsigned turns = 10; turns < 3000;
             turns += (unsigned)mpipe__world_stride(5 + turns / 5), n++) {
            struct run run = { .kind = &kinds[i], .turns = turns,
                               .slow_from = turns % 3 == 0 ? kinds[i].items / 2
                                            : kinds[i].items - 1 - turns % 5,
                               .where = turns % 4 * (kinds[i].pairs / 4 + 1) };
            wrong += !right(&run, "always", seed++ % 11, 2, 0);
            won += run.n_won > 0;
            open += run.n_open > 0;
        }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || won > n / 10);
    CU_ASSERT(mpipe__world_stride(1) > 1 || open > n / 5);
}

/* Each other rank, and the sleeper itself, before each so many'th of its messages. */
static void and_one_dies(void)
{
    unsigned wrong = 0, died = 0, won = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (int rank = 1; rank < SIZE; rank++)
            for (uint64_t kill = 4; kill <= 120;
                 kill += mpipe__world_stride(2 + kill / 6)) {
                struct run run = { .kind = &kinds[i], .turns = 20 + 20 * (unsigned)
                                   kill, .slow_from = kinds[i].items / 2,
                                   .where = kill % 3 * (kinds[i].pairs / 3) };
                wrong += !right(&run, "always", kill * 31 + (uint64_t)rank, rank,
                                kill);
                won += run.n_won > 0;
                died++;
            }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || won > died / 20);
}

/* Something was chosen, and is not delivered yet, when there comes a death. */
static void chosen_and_dies(void)
{
    unsigned wrong = 0, n = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (uint64_t seed = 1; seed <= 20; seed += mpipe__world_stride(1)) {
            struct run run = { .kind = &kinds[i], .turns = 3000, .dies = true,
                               .slow_from = kinds[i].items - 1 - seed % 7,
                               .where = seed % 3 * (kinds[i].pairs / 3) };
            wrong += !right(&run, "always", seed, 2, 0);
            n += run.has_died;
        }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || n > 100);
}

/* Who has a partition is needed; others are left behind when map is done. */
static void left_behind(void)
{
    static const struct kind kind = { "two partitions", "", 24, 3, 2, false, false,
                                      false };
    unsigned wrong = 0, slept = 0, left[SIZE] = { 0 };

    for (int slow = 1; slow < SIZE; slow++)
        for (uint64_t seed = 1; seed <= 10; seed += mpipe__world_stride(1)) {
            struct run run = { .kind = &kind, .turns = 2000, .slow = slow,
                               .slow_from = kind.items / 2, .where = 1 };
            wrong += !right(&run, "always", seed, 2, 0);
            slept += run.n_slept > 0;
            for (int r = 1; r < SIZE; r++) {
                wrong += run.died[r] && r != slow;
                left[r] += run.died[r];
            }
        }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || slept > 20);
    CU_ASSERT_EQUAL((left[1] > 0) + (left[2] > 0) + (left[3] > 0), 1);
}

static const struct mpipe__test tests[] = {
    { "a rank sleeps in map, and others do it as well", sleeps },
    { "whichever comes first, each value counts once", either },
    { "and a rank dies meanwhile", and_one_dies },
    { "nobody waits at the end for who has no partition", left_behind },
    { "what was chosen begins again after a death", chosen_and_dies },
    { NULL, NULL }
};

const struct mpipe__suite suite_job_backup = { "job_backup", tests };
