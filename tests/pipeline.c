/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of the pipeline and all below it: every scenario in loop worlds of
 * many sizes and orders, with messages delayed and repeated; and what a lost
 * message does. */
#include <stdio.h>
#include <string.h>
#include "link.h"
#include "scenario.h"
#include "session.h"
#include "suite.h"
#include "world.h"

struct play {
    const struct mpipe__scenario *scenario;
    struct mpipe__notes notes[MPIPE__WORLD_MAX];
};

static enum mpipe_err run_scenario(struct mpipe *mp, int rank, void *arg)
{
    struct play *play = arg;
    struct mpipe__notes *n = &play->notes[rank];

    *n = (struct mpipe__notes){ .mp = mp, .rank = rank,
                                .size = mpipe_size(mp), .error_rank = -2 };
    return play->scenario->run(n);
}

/* False when anything was wrong. */
static bool play(const struct mpipe__scenario *s,
                 const struct mpipe__world *world)
{
    struct play play = { .scenario = s };
    struct mpipe__world_end end;
    bool good = mpipe__world_run(world, run_scenario, &play, &end);

    for (int r = 0; good && r < world->size; r++)
        mpipe__scenario_judge(s, &play.notes[r], end.code[r], &end.error[r]);
    for (int r = 0; r < world->size; r++)
        good = good && play.notes[r].n_wrong == 0;
    if (!good)
        fprintf(stderr, "pipeline: \"%s\" on %d ranks, seed %d%s\n", s->name,
                world->size, (int)world->seed,
                world->fault != NULL ? ", with faults" : "");
    return good;
}

static void play_all(const struct mpipe__scenario *list)
{
    static const int sizes[] = { 1, 2, 3, 4, 7 };
    static const struct mpipe__fault_plan faults = {
        .seed = 5, .duplicate_ppm = 100000, .delay_ppm = 100000,
        .delay_polls = 20,
        .channel_mask = 1u << MPIPE__DATA | 1u << MPIPE__CONTROL
                        | 16u << MPIPE__DATA | 16u << MPIPE__CONTROL
    };

    for (const struct mpipe__scenario *s = list; s->name != NULL; s++) {
        bool good = true;       /* one failure tells enough */

        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (uint64_t seed = 0; seed < (s->heavy ? 1 : 3); seed++) {
                struct mpipe__world world = {
                    .size = sizes[i], .machine = "node:2 core:4",
                    .options = s->options, .seed = seed,
                    .fault = seed == 2 ? &faults : NULL
                };
                if (sizes[i] >= s->least && good)
                    good = play(s, &world);
            }
        CU_ASSERT(good);
    }
}

static void use(void)
{
    play_all(mpipe__scenarios_use);
}

static void misuse(void)
{
    play_all(mpipe__scenarios_misuse);
}

/* ---- a lost message ---- */

/* It has to be noticed by what follows it, so the feed has no end. */
static enum mpipe_err feed_on(struct mpipe_out *out, void *arg)
{
    static const char item[100];

    (void)arg;
    return mpipe_emit(out, item, sizeof item);
}

static enum mpipe_err endless(struct mpipe *mp, int rank, void *arg)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    enum mpipe_err e;

    (void)rank;
    (void)arg;
    mpipe_pipeline_stage(pl, "a", mpipe__pass, NULL);
    mpipe_pipeline_stage(pl, "b", mpipe__pass, NULL);
    mpipe_pipeline_source(pl, feed_on, NULL);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

static void lost_message(void)
{
    static const unsigned channels[] = {
        1u << MPIPE__DATA | 16u << MPIPE__DATA,
        1u << MPIPE__CONTROL | 16u << MPIPE__CONTROL
    };
    struct mpipe__world_end end;

    for (int rank = 0; rank < 4; rank++)
        for (size_t i = 0; i < 2; i++) {
            struct mpipe__fault_plan fault = {
                .drop_nth = 20, .channel_mask = channels[i],
                .rank_mask = 1u << rank
            };
            struct mpipe__world world = {
                .size = 4, .fault = &fault,
                .options = "--credits=4 --log-level=error"
            };

            CU_ASSERT(mpipe__world_run(&world, endless, NULL, &end));
            CU_ASSERT_EQUAL(end.faults.dropped, 1);
            for (int r = 0; r < 4; r++)
                CU_ASSERT_EQUAL(end.code[r], -MPIPE_ELINK);
            CU_ASSERT_PTR_NOT_NULL(strstr(end.error[0].text, "lost"));
        }
}

/* ---- none is lost ---- */

/* Rank 0 takes its time over each line, so all wait for it within their items. */
static enum mpipe_err chatter(const struct mpipe_item *in,
                              struct mpipe_out *out, void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 1500; i++) {
        mpipe_stage_log(out, MPIPE_LOG_INFO, "line %u", i);
        mpipe__world_pass(2000000);
    }
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err chat(struct mpipe *mp, int rank, void *arg)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    enum mpipe_err e;

    (void)rank;
    (void)arg;
    mpipe_pipeline_stage(pl, "chatter", chatter, NULL);
    mpipe_source_range(pl, 1, 8);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

static void much_told(void)
{
    struct mpipe__world_end end;

    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct mpipe__world world = {
            .size = 7, .options = "--log=/dev/null", .seed = seed
        };

        CU_ASSERT(mpipe__world_run(&world, chat, NULL, &end));
        for (int r = 0; r < 7; r++)
            CU_ASSERT_EQUAL(end.code[r], 0);
        if (end.code[0] != 0)
            fprintf(stderr, "pipeline: seed %d: %s\n", (int)seed,
                    end.error[0].text);
    }
}

static enum mpipe_err pass(const struct mpipe_item *in, struct mpipe_out *out,
                           void *state)
{
    (void)state;
    return mpipe_emit(out, in->data, in->size);
}

/* Rank 0 has other things to do for ten minutes before it comes to the pipeline. */
static enum mpipe_err late(struct mpipe *mp, int rank, void *arg)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    enum mpipe_err e;

    (void)arg;
    mpipe_pipeline_stage(pl, "pass", pass, NULL);
    mpipe_source_range(pl, 1, 2);
    for (int i = 0; rank == 0 && i < 600; i++) {
        mpipe__world_idle(mp, 20);
        mpipe__world_pass(1000000000);
    }
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

/* Who waits for it does not heap up messages there. */
static void late_rank_0(void)
{
    struct mpipe__fault_plan none = { .seed = 0 };
    struct mpipe__world world = { .size = 4, .fault = &none, .seed = 1,
                                  .options = "--log=/dev/null" };
    struct mpipe__world_end end;

    CU_ASSERT(mpipe__world_run(&world, late, NULL, &end));
    for (int r = 1; r < 4; r++) {
        CU_ASSERT_EQUAL(end.code[r], 0);
        if (end.sent[r] >= 100)
            fprintf(stderr, "pipeline: rank %d has sent %llu messages\n", r,
                    (unsigned long long)end.sent[r]);
        CU_ASSERT(end.sent[r] < 100);
    }
}

static enum mpipe_err nap(const struct mpipe_item *in, struct mpipe_out *out,
                          void *n_items)
{
    ++*(unsigned *)n_items;
    mpipe__world_pass(1000000000);
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err naps(struct mpipe *mp, int rank, void *n_items)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    enum mpipe_err e;

    mpipe_pipeline_stage(pl, "nap", nap, (unsigned *)n_items + rank);
    mpipe_source_range(pl, 1, 7);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

/* While nobody knows how long an item takes, nobody near waits with two of them
 * while another one has none. */
static void one_each(void)
{
    struct mpipe__world_end end;

    for (uint64_t seed = 1; seed <= 5; seed++) {
        unsigned n_items[8] = { 0 };
        struct mpipe__world world = {
            .size = 8, .machine = "node:2 core:4", .seed = seed,
            .options = "--log=/dev/null"
        };

        CU_ASSERT(mpipe__world_run(&world, naps, n_items, &end));
        CU_ASSERT_EQUAL(n_items[0], 0);
        for (int r = 1; r < 8; r++) {
            CU_ASSERT_EQUAL(end.code[r], 0);
            CU_ASSERT_EQUAL(n_items[r], 1);
        }
    }
}

static const struct mpipe__test tests[] = {
    { "as many long items as ranks: one for each", one_each },
    { "who waits for rank 0 does not heap up messages", late_rank_0 },
    { "ranks that tell much within an item have lost nothing", much_told },
    { "what programs may do, they can", use },
    { "what goes wrong is told, on all ranks alike", misuse },
    { "a lost message ends the job", lost_message },
    { NULL, NULL }
};

const struct mpipe__suite suite_pipeline = { "pipeline", tests };
