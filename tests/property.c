/* SPDX-License-Identifier: BSD-3-Clause */
/* Random pipelines on random worlds, against a plain loop: exactly the same
 * results, in feed order if that was asked for, exactly the same account, and
 * a report whose columns add up.
 *
 * Each case follows from one number, which a failure prints.
 * MPIPE_TEST_CASE=NUMBER runs that case alone, MPIPE_TEST_CASES=N so many of
 * them, MPIPE_TEST_SEED=N others.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "link.h"
#include "model.h"
#include "session.h"
#include "suite.h"
#include "world.h"

#define CASES      300
#define BYTES_MOST ((uint64_t)12 << 20)     /* moved in one case, about */
#define RANKS_MOST 8

/* What is made to go wrong, once. */
enum sabotage { NONE, GIVE_UP, NO_INIT, BAD_SOURCE, BAD_SINK, TOO_BIG };

struct a_case {
    uint64_t number, random;
    struct mpipe__world world;
    struct mpipe__fault_plan fault;
    char options[400], machine[64];
    struct mpipe__step step[MPIPE__STEPS_MAX];
    unsigned n_steps, max_retries;
    uint64_t n_items;
    bool fixed, ordered, pull, counted, faulty, placeable, deadly;
    enum sabotage sabotage;
    uint64_t when;              /* the sabotage */
    struct mpipe__reference expected;
};

struct tries {                  /* failed ones, by item and step */
    uint64_t key;
    uint32_t n;
};

struct run {
    struct a_case *c;
    struct mpipe__rows results, failures;
    struct tries *tries;        /* open addressing */
    size_t n_tries, n_slots;
    uint64_t random, fed, calls;
    char *item;
    int n_init, n_fini, n_wrong;
    bool paused, sabotaged;
    struct mpipe_counts counts;
    char *report;
    size_t report_size;
};

struct state {                  /* of one stage on one rank */
    struct run *run;
    const struct mpipe__step *step;
    int rank;
};

/* ---- what the stages do ---- */

static void wrong(struct run *run, const char *what)
{
    if (run->n_wrong++ == 0)
        fprintf(stderr, "property: case %" PRIu64 ": %s\n", run->c->number,
                what);
}

static void more_tries(struct run *run)
{
    struct tries *old = run->tries;
    size_t n = run->n_slots;

    run->n_slots = n > 0 ? 4 * n : 1024;
    run->tries = calloc(run->n_slots, sizeof *run->tries);
    for (size_t i = 0; i < n; i++) {
        size_t at = old[i].key & (run->n_slots - 1);
        while (old[i].key != 0 && run->tries[at].key != 0)
            at = (at + 1) & (run->n_slots - 1);
        if (old[i].key != 0)
            run->tries[at] = old[i];
    }
    free(old);
}

/* How often has it failed so far? */
static uint32_t *tries_of(struct run *run, uint64_t key)
{
    size_t at;

    if (2 * (run->n_tries + 1) > run->n_slots)
        more_tries(run);
    key |= key == 0;
    for (at = key & (run->n_slots - 1); run->tries[at].key != key;
         at = (at + 1) & (run->n_slots - 1))
        if (run->tries[at].key == 0) {
            run->tries[at].key = key;
            run->n_tries++;
            break;
        }
    return &run->tries[at].n;
}

static bool fails_now(struct state *st, const void *data, size_t size)
{
    uint32_t *n;

    if (!mpipe__step_fails(st->step, data, size))
        return false;
    if (st->step->fails == MPIPE__EVER)
        return true;
    n = tries_of(st->run, mpipe__step_key(st->step, data, size));
    return (*n)++ < st->step->fails;
}

static bool gives_up(struct state *st)
{
    struct run *run = st->run;

    if (run->c->sabotage != GIVE_UP || run->calls++ != run->c->when)
        return false;
    run->sabotaged = true;
    return true;
}

static void check_call(struct state *st, const void *data,
                       struct mpipe_out *out)
{
    if (st->run->paused)
        wrong(st->run, "a stage ran while all were paused");
    if (data == NULL || (uintptr_t)data % 8 != 0)
        wrong(st->run, "an item is not aligned");
    if (mpipe_out_rank(out) != st->rank)
        wrong(st->run, "a stage has the state of another rank");
    if (st->step->takes_ns > 0)
        mpipe__world_pass(mpipe__random_to(&st->run->random,
                                           st->step->takes_ns));
}

static enum mpipe_err emit(struct state *st, const void *data, size_t size,
                           unsigned n, struct mpipe_out *out)
{
    size_t most = mpipe__step_most(st->step, size), off;
    enum mpipe_err e;
    char *to;

    if (st->step->reserves) {
        to = mpipe_reserve(out, most);
        if (to == NULL)
            return MPIPE_ETOOBIG;
        if ((uintptr_t)to % 8 != 0)
            wrong(st->run, "what was reserved is not aligned");
        memset(to, 0xee, most);
        return mpipe_commit(out, mpipe__step_item(st->step, data, size, n,
                                                  to));
    }
    off = most % 8;             /* from anywhere in memory */
    to = malloc(most + off + 1);
    size = mpipe__step_item(st->step, data, size, n, to + off);
    e = mpipe_emit(out, to + off, size);
    free(to);
    return e;
}

static enum mpipe_err run_stage(const struct mpipe_item *in,
                                struct mpipe_out *out, void *arg)
{
    struct state *st = arg;
    unsigned n = mpipe__step_count(st->step, in->data, in->size);
    bool fails = fails_now(st, in->data, in->size);
    enum mpipe_err e = MPIPE_OK;

    check_call(st, in->data, out);
    if (gives_up(st))
        return MPIPE_ESTAGE;
    for (unsigned i = 0; i < n && (!fails || st->step->late); i++) {
        e = emit(st, in->data, in->size, i, out);
        if (e != MPIPE_OK)
            return e;
    }
    return fails ? mpipe_fail(out, "as asked, at step %u", st->step->number)
                 : MPIPE_OK;
}

static enum mpipe_err map_stage(void *data, size_t size,
                                struct mpipe_out *out, void *arg)
{
    struct state *st = arg;

    check_call(st, data, out);
    if (gives_up(st))
        return MPIPE_ESTAGE;
    if (fails_now(st, data, size))
        return mpipe_fail(out, "as asked, at step %u", st->step->number);
    mpipe__step_map(st->step, data, size);
    return MPIPE_OK;
}

static enum mpipe_err set_up(void *arg, struct mpipe_out *out, void **state)
{
    struct state *proto = arg, *st;
    struct run *run = proto->run;

    if (run->c->sabotage == NO_INIT
        && (uint64_t)run->n_init == run->c->when % 4 && !run->sabotaged) {
        run->sabotaged = true;
        return mpipe_fail(out, "not today");
    }
    st = malloc(sizeof *st);
    *st = *proto;
    st->rank = mpipe_out_rank(out);
    *state = st;
    run->n_init++;
    return MPIPE_OK;
}

static void tear_down(void *state, struct mpipe_out *out)
{
    struct state *st = state;

    if (mpipe_out_rank(out) != st->rank)
        wrong(st->run, "a state was torn down on another rank");
    st->run->n_fini++;
    free(st);
}

/* ---- source and sink ---- */

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct run *run = arg;
    struct a_case *c = run->c;
    uint64_t burst = mpipe__random_to(&run->random, 30);
    bool end_at_once = mpipe__random_to(&run->random, 2) == 0;

    if (mpipe__random_to(&run->random, 10) == 0)
        return MPIPE_AGAIN;
    for (; burst > 0 && run->fed < c->n_items; burst--) {
        size_t size = mpipe__item_make(c->number, run->fed, c->fixed,
                                       run->item);
        if (c->sabotage == BAD_SOURCE && run->fed == c->when) {
            run->sabotaged = true;
            mpipe_fail(out, "the well is dry");
            return MPIPE_EIO;
        }
        if (mpipe_emit(out, run->item, size) != MPIPE_OK)
            return MPIPE_OK;            /* it is kept for us */
        run->fed++;
    }
    return run->fed == c->n_items && end_at_once ? MPIPE_END : MPIPE_OK;
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    struct run *run = arg;

    if (run->c->sabotage == BAD_SINK && run->results.n == run->c->when) {
        run->sabotaged = true;
        return MPIPE_EIO;
    }
    if (result->data == NULL || (uintptr_t)result->data % 8 != 0)
        wrong(run, "a result is not aligned");
    mpipe__rows_add(&run->results, result->data, result->size, 0);
    return MPIPE_OK;
}

static void on_failure(const struct mpipe_failure *failure, void *arg)
{
    struct run *run = arg;
    unsigned s = (unsigned)(failure->stage[0] - 'a');
    char text[40];

    snprintf(text, sizeof text, "as asked, at step %u", s);
    if (run->c->sabotage != TOO_BIG && strcmp(failure->text, text) != 0)
        wrong(run, failure->text);
    if (failure->tries != run->c->max_retries + 1)
        wrong(run, "an item was not tried as often as it should be");
    mpipe__rows_add(&run->failures, failure->item.data, failure->item.size,
                    s);
}

/* ---- a rank's program ---- */

static enum mpipe_err describe(struct mpipe_pipeline *pl, struct run *run,
                               struct state *protos)
{
    struct a_case *c = run->c;
    enum mpipe_err e = MPIPE_OK;

    for (unsigned s = 0; s < c->n_steps && e == MPIPE_OK; s++) {
        char name[2] = { (char)('a' + s), '\0' };
        struct mpipe_stage stage = {
            .name = name, .init = set_up, .fini = tear_down,
            .arg = &protos[s], .replicas = c->step[s].replicas,
            .work = c->step[s].work
        };

        protos[s] = (struct state){ run, &c->step[s], -1 };
        if (c->step[s].kind == MPIPE__STEP_MAP)
            stage.map = map_stage;
        else
            stage.run = run_stage;
        e = mpipe_pipeline_add(pl, &stage);
    }
    if (c->pull)
        mpipe_pipeline_source(pl, source, run);
    if (c->counted)
        mpipe_pipeline_count(pl, c->n_items);
    mpipe_pipeline_sink(pl, sink, run);
    mpipe_pipeline_on_failure(pl, on_failure, run);
    mpipe_pipeline_ordered(pl, c->ordered);
    return e;
}

static void pause_a_while(struct mpipe *mp, struct mpipe_pipeline *pl,
                          struct run *run)
{
    if (mpipe_pipeline_pause(pl) != MPIPE_OK)
        return;
    run->paused = true;
    for (int i = 0; i < 100; i++)
        if (!mpipe__engine_turn(&mp->engine, false))
            mpipe__engine_rest(&mp->engine, 0);
    run->paused = false;
    mpipe_pipeline_resume(pl);
}

static enum mpipe_err push(struct mpipe *mp, struct mpipe_pipeline *pl,
                           struct run *run)
{
    struct a_case *c = run->c;
    enum mpipe_err e = mpipe_pipeline_start(pl);

    while (e == MPIPE_OK && run->fed < c->n_items) {
        size_t size = mpipe__item_make(c->number, run->fed, c->fixed,
                                       run->item);
        e = mpipe_pipeline_feed(pl, run->item, size);
        run->fed += e == MPIPE_OK;
        switch (mpipe__random_to(&run->random, 120)) {
        case 0: case 1: case 2:
            mpipe_pipeline_wait_input(pl);
            break;
        case 3:
            if (mpipe_pipeline_wait_empty(pl) == MPIPE_OK) {
                mpipe_pipeline_counts(pl, &run->counts);
                if (run->counts.fed != run->fed
                    || run->counts.fed + run->counts.made
                       != run->counts.delivered + run->counts.dropped
                          + run->counts.failed)
                    wrong(run, "the account of an empty pipeline");
            }
            break;
        case 4:
            pause_a_while(mp, pl, run);
            break;
        default:
            break;
        }
    }
    return mpipe_pipeline_end(pl);
}

static enum mpipe_err program(struct mpipe *mp, int rank, void *arg)
{
    struct run *run = arg;
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    struct state protos[MPIPE__STEPS_MAX];
    enum mpipe_err e;

    if (rank == 0)
        mp->report = open_memstream(&run->report, &run->report_size);
    describe(pl, run, protos);
    if (run->c->pull) {
        e = mpipe_pipeline_run(pl);
    } else if (rank == 0) {
        e = push(mp, pl, run);
    } else {
        mpipe_pipeline_start(pl);
        e = mpipe_pipeline_end(pl);
    }
    if (rank == 0)
        mpipe_pipeline_counts(pl, &run->counts);
    mpipe_pipeline_free(pl);
    return e;
}

/* ---- drawing a case ---- */

static uint64_t draw(struct a_case *c, uint64_t n)
{
    return mpipe__random_to(&c->random, n);
}

static void draw_world(struct a_case *c)
{
    static const char *const frames[] = { "1K", "2K", "5000", "16K", "64K" };
    static const char *const policies[] = { "topology", "packed",
                                            "round-robin" };
    static const char *const machines[] = { "node:1 core:2", "node:2 core:4",
                                            "switch:2 node:2", "node:8" };

    c->world.size = 1 + (int)draw(c, RANKS_MOST);
    snprintf(c->machine, sizeof c->machine, "%s", machines[draw(c, 4)]);
    c->world.machine = c->machine;
    c->max_retries = (unsigned)draw(c, 4);
    snprintf(c->options, sizeof c->options, "--frame=%s --window=%uM "
             "--credits=%u --max-retries=%u --policy=%s --spares=%u%s",
             frames[draw(c, 5)], 1 + (unsigned)draw(c, 3),
             1 + (unsigned)draw(c, 5), c->max_retries, policies[draw(c, 3)],
             draw(c, 4) == 0 ? (unsigned)draw(c, 3) : 0u,
             c->sabotage == TOO_BIG ? " --max-item=200"
                                    : " --log-level=error");
    c->world.options = c->options;
    c->world.seed = draw(c, 8) == 0 ? 0 : 1 + draw(c, UINT32_MAX);
    c->faulty = draw(c, 2) == 0;
    if (!c->faulty)
        return;
    c->fault.seed = draw(c, UINT32_MAX);
    c->fault.duplicate_ppm = (unsigned)draw(c, 3) * 100000;
    c->fault.delay_ppm = (unsigned)draw(c, 3) * 100000;
    c->fault.delay_polls = 1 + (unsigned)draw(c, 60);
    c->fault.channel_mask = 1u << MPIPE__DATA | 1u << MPIPE__CONTROL
                            | 16u << MPIPE__DATA | 16u << MPIPE__CONTROL;
    c->world.fault = &c->fault;
}

/* Can the replicas asked for be had?  The plan is tested elsewhere. */
static bool can_be_placed(const struct a_case *c)
{
    struct mpipe_machine *machine = mpipe_machine_synthetic(
        c->machine, (unsigned)c->world.size, NULL);
    struct mpipe_stage stage[MPIPE__STEPS_MAX] = { { .name = NULL } };
    struct mpipe_plan *plan;

    for (unsigned s = 0; s < c->n_steps; s++) {
        stage[s].name = "s";
        stage[s].replicas = c->step[s].replicas;
        stage[s].work = c->step[s].work;
    }
    plan = mpipe_plan_new(machine, stage, c->n_steps, MPIPE_POLICY_TOPOLOGY,
                          0, NULL);
    mpipe_plan_free(plan);
    mpipe_machine_free(machine);
    return plan != NULL;
}

/* Some ranks die, sooner or later.  What was tried in vain before a death counts
 * no more after it, so no number of tries must be just too many. */
static void draw_deaths(struct a_case *c)
{
    if (c->sabotage != NONE || c->world.size == 1 || draw(c, 2) == 0)
        return;
    c->deadly = true;
    for (uint64_t n = 1 + draw(c, (uint64_t)c->world.size - 1); n > 0; n--)
        c->world.kill_nth[1 + draw(c, (uint64_t)c->world.size - 1)] =
            1 + draw(c, (uint64_t)1 << (1 + draw(c, 10)));
    for (unsigned s = 0; s < c->n_steps; s++)
        if (c->step[s].fails > c->max_retries)
            c->step[s].fails = MPIPE__EVER;
}

static void draw_case(struct a_case *c, uint64_t number)
{
    memset(c, 0, sizeof *c);
    c->number = c->random = number;
    if (draw(c, 6) == 0)
        c->sabotage = (enum sabotage)(1 + draw(c, 5));
    c->when = draw(c, draw(c, 2) == 0 ? 4 : 200);
    draw_world(c);
    c->n_steps = mpipe__steps_draw(&c->random, c->step);
    c->n_items = draw(c, 20) == 0 ? draw(c, 3) : draw(c, 600);
    c->fixed = draw(c, 3) == 0;
    c->ordered = draw(c, 2) == 0;
    c->pull = draw(c, 2) == 0;
    c->counted = draw(c, 3) == 0;
    c->placeable = can_be_placed(c);
    draw_deaths(c);
    for (;;) {
        mpipe__reference_run(&c->expected, c->step, c->n_steps,
                             c->max_retries, number, c->n_items, c->fixed);
        if (c->expected.bytes <= BYTES_MOST)
            break;
        mpipe__reference_free(&c->expected);
        c->n_items /= 2;
    }
}

/* ---- judging ---- */

static bool right(struct run *run, bool ok, const char *what)
{
    if (!ok)
        wrong(run, what);
    return ok;
}

static void same(struct run *run, uint64_t got, uint64_t want,
                 const char *what)
{
    char text[100];

    snprintf(text, sizeof text, "%" PRIu64 " %s, not %" PRIu64, got, what,
             want);
    right(run, got == want, text);
}

static uint64_t number_of(json_t *of, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(of, key));
}

/* Did a stage do items over because one before it on its rank failed? */
static bool does_over(const struct a_case *c)
{
    for (unsigned s = 0; s < c->n_steps; s++)
        if (c->step[s].one_in > 0 && c->step[s].late)
            return true;
    return false;
}

static void check_report(struct run *run)
{
    struct a_case *c = run->c;
    json_t *report = json_loads(run->report != NULL ? run->report : "", 0,
                                NULL);
    json_t *stages = json_object_get(report, "stages"), *stage;
    size_t s;

    right(run, json_array_size(stages) == c->n_steps, "no report");
    json_array_foreach(stages, s, stage) {
        uint64_t in = number_of(stage, "items_in");
        uint64_t out = number_of(stage, "items_out");
        uint64_t retried = number_of(stage, "items_retried");
        uint64_t made = number_of(stage, "items_made");
        uint64_t dropped = number_of(stage, "items_dropped");
        uint64_t failed = number_of(stage, "items_failed");

        right(run, in + made == out + dropped + failed + retried,
              "a stage's line of the report does not balance");
        if (does_over(c))
            continue;
        same(run, out, c->expected.out[s], "out of a stage in the report");
        same(run, in - retried, c->expected.in[s],
             "into a stage in the report");
    }
    json_decref(report);
}

static void check_results(struct run *run)
{
    struct a_case *c = run->c;
    struct mpipe__reference *want = &c->expected;
    const struct mpipe_counts *n = &run->counts;

    right(run, run->fed == c->n_items, "not all was fed");
    same(run, n->fed, c->n_items, "fed");
    same(run, n->made, want->made, "made");
    same(run, n->dropped, want->dropped, "dropped");
    same(run, n->delivered, want->results.n, "delivered");
    same(run, n->failed, want->failures.n, "failed");
    if (!c->deadly)
        same(run, n->retried, want->retried, "retried");
    if (!c->ordered) {
        mpipe__rows_sort(&run->results);
        mpipe__rows_sort(&want->results);
    }
    right(run, mpipe__rows_differ(&run->results, &want->results) == SIZE_MAX,
          c->ordered ? "the results, or their order" : "the results");
    mpipe__rows_sort(&run->failures);
    mpipe__rows_sort(&want->failures);
    right(run, mpipe__rows_differ(&run->failures, &want->failures)
               == SIZE_MAX, "the failed items");
    if (!c->deadly)                 /* the dead do not say what they did */
        check_report(run);
}

static enum mpipe_err expected_code(const struct run *run)
{
    const struct a_case *c = run->c;

    if (!c->placeable)
        return MPIPE_EPLACE;
    if (run->sabotaged)
        return c->sabotage == GIVE_UP || c->sabotage == NO_INIT
               ? MPIPE_ESTAGE : MPIPE_EIO;
    return c->expected.failures.n > 0 ? MPIPE_EFAILED : MPIPE_OK;
}

static void judge(struct run *run, const struct mpipe__world_end *end)
{
    struct a_case *c = run->c;
    int want = -(int)expected_code(run), got = end->code[0];

    right(run, run->n_init == run->n_fini, "set up, but not torn down");
    for (int r = 1; r < c->world.size; r++)
        right(run, end->code[r] == got
                   || (end->died[r] && end->code[r] == -MPIPE_EDEAD),
              "not the same code on all ranks");
    if (c->sabotage == TOO_BIG)         /* its results are not modelled */
        return;
    if (run->sabotaged && c->sabotage == NO_INIT && got != want) {
        run->sabotaged = false;         /* that rank was not waited for */
        want = -(int)expected_code(run);
    }
    if (!right(run, got == want, "the code"))
        fprintf(stderr, "    %d, not %d: %s\n", got, want,
                end->error[0].text);
    else if (c->placeable && !run->sabotaged)
        check_results(run);
}

static void show(const struct a_case *c)
{
    static const char *const kinds[] = { "map", "copy", "shrink", "grow",
                                         "drop", "make" };

    fprintf(stderr, "    %d ranks of \"%s\", %s\n    %" PRIu64 " items%s%s%s"
            "%s, sabotage %d at %" PRIu64, c->world.size, c->machine,
            c->options, c->n_items, c->fixed ? ", fixed" : "",
            c->ordered ? ", ordered" : "", c->pull ? ", pull" : ", push",
            c->counted ? ", counted" : "", (int)c->sabotage, c->when);
    if (c->faulty)
        fprintf(stderr, ", duplicate %u delay %u by %u",
                c->fault.duplicate_ppm, c->fault.delay_ppm,
                c->fault.delay_polls);
    for (int r = 0; r < c->world.size; r++)
        if (c->world.kill_nth[r] > 0)
            fprintf(stderr, ", rank %d dies at message %" PRIu64, r,
                    c->world.kill_nth[r]);
    fprintf(stderr, "\n   ");
    for (unsigned s = 0; s < c->n_steps; s++) {
        const struct mpipe__step *step = &c->step[s];
        fprintf(stderr, " %s x%u work %g %u ns", kinds[step->kind],
                step->replicas, step->work, (unsigned)step->takes_ns);
        if (step->one_in > 0)
            fprintf(stderr, " (1 in %u fails %d times%s)", step->one_in,
                    (int)step->fails, step->late ? ", late" : "");
        fprintf(stderr, "%s", s + 1 < c->n_steps ? " |" : "\n");
    }
}

static bool passes(uint64_t number, struct mpipe__fault_counts *faults,
                   unsigned *died)
{
    struct mpipe__world_end end;
    struct a_case *c = malloc(sizeof *c);
    struct run run = { .c = c, .random = ~number };
    bool ended;

    draw_case(c, number);
    run.item = malloc(MPIPE__ITEM_MAX);
    ended = mpipe__world_run(&c->world, program, &run, &end);
    if (right(&run, ended, "it hangs"))
        judge(&run, &end);
    if (run.n_wrong > 0)
        show(c);
    faults->duplicated += end.faults.duplicated;
    faults->delayed += end.faults.delayed;
    for (int r = 0; r < MPIPE__WORLD_MAX; r++)
        *died += end.died[r];
    if (!ended)
        return false;           /* it may still be in use */
    mpipe__reference_free(&c->expected);
    mpipe__rows_free(&run.results);
    mpipe__rows_free(&run.failures);
    free(run.tries);
    free(run.report);
    free(run.item);
    free(c);
    return run.n_wrong == 0;
}

static uint64_t setting(const char *name, uint64_t standard)
{
    const char *value = getenv(name);

    return value != NULL ? strtoull(value, NULL, 10) : standard;
}

static void agrees(void)
{
    struct mpipe__fault_counts faults = { 0, 0, 0, 0 };
    uint64_t n = setting("MPIPE_TEST_CASES", CASES);
    uint64_t seed = setting("MPIPE_TEST_SEED", 1) * 1000000;
    uint64_t one = setting("MPIPE_TEST_CASE", 0);
    unsigned died = 0;
    int n_failed = 0;

    for (uint64_t i = 0; i < n && one == 0 && n_failed < 10; i++)
        n_failed += !passes(seed + i, &faults, &died);
    if (one != 0)
        n_failed = !passes(one, &faults, &died);
    CU_ASSERT_EQUAL(n_failed, 0);
    if (one == 0 && n >= 20) {          /* something did happen */
        CU_ASSERT(faults.duplicated > 0);
        CU_ASSERT(faults.delayed > 0);
        CU_ASSERT(died > 0);
    }
}

static const struct mpipe__test tests[] = {
    { "random pipelines do what a plain loop does", agrees },
    { NULL, NULL }
};

const struct mpipe__suite suite_property = { "property", tests };
