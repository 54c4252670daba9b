/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline.c - the front door: check arguments, build a flow, run it.
 *
 * Describing a pipeline fills a flow_spec, and the first mistake is kept in it:
 * run() and start() carry it to rank 0 with the hello, so all ranks end with
 * it alike, whether all of them made it or one.
 */
#include <stdlib.h>
#include "clock.h"
#include "error.h"
#include "flow.h"
#include "interrupt.h"
#include "master.h"
#include "pipeline.h"
#include "session.h"
#include "sink.h"
#include "summary.h"
#include <mpipe/version.h>

struct mpipe_pipeline {
    struct mpipe *mp;
    struct mpipe__flow_spec spec;
    struct mpipe__flow *flow;           /* NULL: not running */
    void (*source_fini)(void *arg);
    void (*sink_fini)(void *arg);
    struct mpipe_counts counts;         /* of the last run */
    double started;
    enum mpipe_err ended;               /* how the last run did */
    bool none;                          /* the one made without memory */
};

static void forget(struct mpipe_pipeline *pl)
{
    struct mpipe__flow_spec *spec = &pl->spec;

    if (pl->source_fini != NULL)
        pl->source_fini(spec->source_arg);
    if (pl->sink_fini != NULL)
        pl->sink_fini(spec->sink_arg);
    pl->source_fini = pl->sink_fini = NULL;
    for (unsigned s = 0; s < spec->n_stages; s++)
        free((char *)(uintptr_t)spec->stage[s].name);
    free(spec->stage);
    free(spec->brief.data);
    memset(spec, 0, sizeof *spec);
    pl->ended = MPIPE_OK;
    snprintf(spec->name, sizeof spec->name, "pipeline");
}

struct mpipe_pipeline *mpipe_pipeline_new(struct mpipe *mp)
{
    /* what is returned when there is no memory: it only says so */
    static struct mpipe_pipeline none = {
        .none = true,
        .spec.error = { MPIPE_ENOMEM, -1, "no memory for a pipeline" }
    };
    struct mpipe_pipeline *pl = calloc(1, sizeof *pl);

    if (pl == NULL) {
        mpipe__session_leave(mp, &none.spec.error);
        return &none;
    }
    pl->mp = mp;
    forget(pl);
    return pl;
}

void mpipe_pipeline_free(struct mpipe_pipeline *pl)
{
    if (pl == NULL || pl->none)
        return;
    if (pl->flow != NULL)
        mpipe_pipeline_end(pl);
    forget(pl);
    free(pl);
}

/* ---- describe ---- */

enum mpipe_err mpipe__pipeline_wrong(struct mpipe_pipeline *pl,
                                     enum mpipe_err code,
                                     const char *format, ...)
{
    struct mpipe_error *err = &pl->spec.error;
    size_t n;
    va_list ap;

    if (pl->none || err->code != MPIPE_OK)
        return code;
    err->code = code;
    err->rank = mpipe_rank(pl->mp);
    n = (size_t)snprintf(err->text, sizeof err->text, "pipeline '%s': ",
                         pl->spec.name);
    va_start(ap, format);
    vsnprintf(err->text + n, sizeof err->text - n, format, ap);
    va_end(ap);
    return code;
}

/* May it be described now? */
static enum mpipe_err describing(struct mpipe_pipeline *pl)
{
    if (pl->none)
        return MPIPE_ENOMEM;
    if (pl->mp->broken.code != MPIPE_OK)
        return pl->mp->broken.code;
    return pl->flow == NULL ? MPIPE_OK : MPIPE_EINVAL;
}

enum mpipe_err mpipe_pipeline_name(struct mpipe_pipeline *pl, const char *name)
{
    enum mpipe_err e = describing(pl);

    if (e != MPIPE_OK)
        return e;
    if (name == NULL || name[0] == '\0')
        return mpipe__pipeline_wrong(pl, MPIPE_EINVAL, "its name is empty");
    snprintf(pl->spec.name, sizeof pl->spec.name, "%s", name);
    return MPIPE_OK;
}

enum mpipe_err mpipe__pipeline_own_source(struct mpipe_pipeline *pl,
                                          mpipe_source_fn fn, void *arg,
                                          void (*fini)(void *arg))
{
    enum mpipe_err e = describing(pl);

    if (e == MPIPE_OK && fn == NULL)
        e = mpipe__pipeline_wrong(pl, MPIPE_EINVAL, "its source is NULL");
    else if (e == MPIPE_OK && pl->spec.source != NULL)
        e = mpipe__pipeline_wrong(pl, MPIPE_EINVAL, "it has a source already");
    if (e != MPIPE_OK) {
        if (fini != NULL)
            fini(arg);
        return e;
    }
    pl->spec.source = fn;
    pl->spec.source_arg = arg;
    pl->source_fini = fini;
    return MPIPE_OK;
}

struct mpipe__flow_spec *mpipe__pipeline_spec(struct mpipe_pipeline *pl)
{
    return pl->none ? NULL : &pl->spec;
}

const struct mpipe__options *
mpipe__pipeline_options(const struct mpipe_pipeline *pl)
{
    return pl->none ? NULL : &pl->mp->options;
}

enum mpipe_err mpipe__pipeline_sample(struct mpipe_pipeline *pl,
                                      mpipe_source_fn sample)
{
    enum mpipe_err e = describing(pl);

    if (e == MPIPE_OK)
        pl->spec.sample = sample;
    return e;
}

enum mpipe_err mpipe_pipeline_source(struct mpipe_pipeline *pl,
                                     mpipe_source_fn fn, void *arg)
{
    return mpipe__pipeline_own_source(pl, fn, arg, NULL);
}

enum mpipe_err mpipe_pipeline_count(struct mpipe_pipeline *pl, uint64_t items)
{
    enum mpipe_err e = describing(pl);

    if (e == MPIPE_OK)
        pl->spec.count = items;
    return e;
}

enum mpipe_err mpipe_pipeline_stage(struct mpipe_pipeline *pl,
                                    const char *name, mpipe_stage_fn fn,
                                    void *arg)
{
    struct mpipe_stage stage = { .name = name, .run = fn, .arg = arg };

    return mpipe_pipeline_add(pl, &stage);
}

enum mpipe_err mpipe_pipeline_map(struct mpipe_pipeline *pl, const char *name,
                                  mpipe_map_fn fn, void *arg)
{
    struct mpipe_stage stage = { .name = name, .map = fn, .arg = arg };

    return mpipe_pipeline_add(pl, &stage);
}

static enum mpipe_err check_stage(struct mpipe_pipeline *pl,
                                  const struct mpipe_stage *stage)
{
    const struct mpipe__flow_spec *spec = &pl->spec;

    if (stage == NULL || stage->name == NULL || stage->name[0] == '\0')
        return mpipe__pipeline_wrong(pl, MPIPE_EINVAL, "stage %u has no name",
                       spec->n_stages);
    for (unsigned s = 0; s < spec->n_stages; s++)
        if (strcmp(spec->stage[s].name, stage->name) == 0)
            return mpipe__pipeline_wrong(
                pl, MPIPE_EINVAL, "two stages are named '%s'", stage->name);
    if (stage->run == NULL && stage->map == NULL)
        return mpipe__pipeline_wrong(pl, MPIPE_EINVAL,
                                     "the function of stage '%s' is NULL",
                                     stage->name);
    if (stage->run != NULL && stage->map != NULL)
        return mpipe__pipeline_wrong(pl, MPIPE_EINVAL,
                                     "stage '%s' has two functions: give "
                                     "it 'run' or 'map'",
                                     stage->name);
    if (!(stage->work >= 0 && stage->work <= 1e300))
        return mpipe__pipeline_wrong(pl, MPIPE_EINVAL,
                                     "the work of stage '%s' is %g: it "
                                     "must be 0 or more",
                                     stage->name, stage->work);
    if (spec->n_stages >= UINT16_MAX - 1)
        return mpipe__pipeline_wrong(pl, MPIPE_EINVAL, "more than %d stages",
                       UINT16_MAX - 1);
    return MPIPE_OK;
}

enum mpipe_err mpipe_pipeline_add(struct mpipe_pipeline *pl,
                                  const struct mpipe_stage *stage)
{
    struct mpipe__flow_spec *spec = &pl->spec;
    enum mpipe_err e = describing(pl);
    struct mpipe_stage *more;
    char *name;

    if (e == MPIPE_OK)
        e = check_stage(pl, stage);
    if (e != MPIPE_OK)
        return e;
    name = strdup(stage->name);
    more = realloc(spec->stage, (spec->n_stages + 1) * sizeof *more);
    if (more != NULL)
        spec->stage = more;
    if (more == NULL || name == NULL) {
        free(name);
        return mpipe__pipeline_wrong(pl, MPIPE_ENOMEM,
                                     "no memory for stage '%s'", stage->name);
    }
    spec->stage[spec->n_stages] = *stage;
    spec->stage[spec->n_stages++].name = name;
    return MPIPE_OK;
}

enum mpipe_err mpipe__pipeline_own_sink(
    struct mpipe_pipeline *pl, mpipe_sink_fn fn, void *arg,
    enum mpipe_err (*close)(void *arg, enum mpipe_err how,
                            struct mpipe_error *err),
    void (*fini)(void *arg))
{
    enum mpipe_err e = describing(pl);

    if (e == MPIPE_OK && fn == NULL)
        e = mpipe__pipeline_wrong(pl, MPIPE_EINVAL, "its sink is NULL");
    else if (e == MPIPE_OK && pl->spec.sink != NULL)
        e = mpipe__pipeline_wrong(pl, MPIPE_EINVAL, "it has a sink already");
    if (e != MPIPE_OK) {
        if (fini != NULL)
            fini(arg);
        return e;
    }
    pl->spec.sink = fn;
    pl->spec.sink_arg = arg;
    pl->spec.sink_close = close;
    pl->sink_fini = fini;
    return MPIPE_OK;
}

enum mpipe_err mpipe_pipeline_sink(struct mpipe_pipeline *pl,
                                   mpipe_sink_fn fn, void *arg)
{
    return mpipe__pipeline_own_sink(pl, fn, arg, NULL, NULL);
}

enum mpipe_err mpipe_pipeline_ordered(struct mpipe_pipeline *pl, int on)
{
    enum mpipe_err e = describing(pl);

    if (e == MPIPE_OK)
        pl->spec.ordered = on != 0;
    return e;
}

enum mpipe_err mpipe_pipeline_on_failure(struct mpipe_pipeline *pl,
                                         mpipe_failure_fn fn, void *arg)
{
    enum mpipe_err e = describing(pl);

    if (e == MPIPE_OK) {
        pl->spec.failure = fn;
        pl->spec.failure_arg = arg;
    }
    return e;
}

/* ---- run ---- */

static void show_progress(struct mpipe_pipeline *pl)
{
    const struct mpipe__options *o = &pl->mp->options;
    struct mpipe__master *m = pl->flow->master;

    if (m == NULL || o->progress == MPIPE__WHEN_NEVER
        || (o->quiet && o->progress != MPIPE__WHEN_ALWAYS))
        return;
    mpipe__progress_init(&m->progress, stderr, pl->spec.name,
                         (double)mpipe__now() * 1e-9);
    if (o->progress == MPIPE__WHEN_ALWAYS)
        mpipe__progress_force_bar(&m->progress);
    m->shows_progress = true;
}

static bool has_begun(void *arg)
{
    const struct mpipe__flow *flow = arg;

    return flow->phase != MPIPE__STARTING;
}

static bool has_closed(void *arg)
{
    const struct mpipe__flow *flow = arg;

    return flow->phase == MPIPE__CLOSED;
}

static void write_summary(struct mpipe_pipeline *pl)
{
    struct mpipe *mp = pl->mp;
    struct mpipe__flow *flow = pl->flow;
    bool ran = flow->master->plan != NULL && flow->error.code != MPIPE_END
               && (flow->error.code != MPIPE_AGAIN
                   || flow->master->version > 0);
    FILE *text = mp->options.quiet || !ran ? NULL : stderr;

    if (flow->master->shows_progress)
        mpipe__progress_clear(&flow->master->progress);
    fflush(stdout);
    if (text == NULL && mp->report == NULL)
        return;
    if (mpipe__summary_write(flow, mp->program, text, mp->report) != MPIPE_OK)
        mpipe__session_complain(mp, "report", mp->options.report);
}

static void close_trace(struct mpipe_pipeline *pl)
{
    struct mpipe__master *m = pl->flow->master;

    if (m->trace != NULL && mpipe__trace_close(m->trace, NULL) != MPIPE_OK)
        mpipe__session_complain(pl->mp, "trace", pl->mp->options.trace);
    m->trace = NULL;
}

/* The flow has closed on this rank: its result is the pipeline's. */
static enum mpipe_err finish(struct mpipe_pipeline *pl)
{
    struct mpipe__flow *flow = pl->flow;
    struct mpipe_error how;

    mpipe__engine_until(&pl->mp->engine, has_closed, flow);
    if (flow->master != NULL) {
        mpipe__master_close_sink(flow);
        mpipe_pipeline_counts(pl, &pl->counts);
        write_summary(pl);
        close_trace(pl);
    }
    how = flow->error;
    pl->ended = how.code;
    if (flow->deserted && how.code == MPIPE_ESAVED)
        mpipe__session_leave(pl->mp, &how);     /* its time is up */
    mpipe__flow_free(flow);
    pl->flow = NULL;
    mpipe__interrupt_unwatch();
    mpipe__session_error(pl->mp, &how);
    return how.code;
}

static enum mpipe_err begin(struct mpipe_pipeline *pl)
{
    struct mpipe *mp = pl->mp;
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    mpipe__engine_progress(&mp->engine);
    if (mpipe__engine_lost(&mp->engine, &err)) {
        mpipe__session_error(mp, &err);
        return pl->ended = err.code;
    }
    if (pl->spec.n_stages == 0)
        mpipe__pipeline_wrong(pl, MPIPE_EINVAL, "it has no stage");
    if (pl->spec.error.code == MPIPE_OK)
        mpipe__session_files(mp, &pl->spec.error);
    pl->flow = mpipe__flow_start(&mp->engine, &pl->spec, mp->next_flow++,
                                 &err);
    pl->ended = err.code;
    if (pl->flow == NULL) {
        mpipe__session_leave(mp, &err);
        return err.code;
    }
    mpipe__session_warn(mp);
    pl->started = pl->flow->started_day;
    mpipe__interrupt_watch();
    show_progress(pl);
    if (pl->flow->master == NULL)
        return MPIPE_OK;
    mpipe__engine_until(&mp->engine, has_begun, pl->flow);
    return mpipe__flow_ending(pl->flow) ? finish(pl) : MPIPE_OK;
}

static enum mpipe_err start(struct mpipe_pipeline *pl, bool pull)
{
    enum mpipe_err e = describing(pl);

    if (e != MPIPE_OK)
        return e;
    if (pull && pl->spec.source == NULL)
        mpipe__pipeline_wrong(pl, MPIPE_EINVAL,
                              "it has no source: give it one, or use "
                              "start() and feed()");
    if (!pull && pl->spec.source != NULL)
        mpipe__pipeline_wrong(pl, MPIPE_EINVAL,
                              "it has a source: use run(), or feed() "
                              "without one");
    return begin(pl);
}

enum mpipe_err mpipe_pipeline_start(struct mpipe_pipeline *pl)
{
    return start(pl, false);
}

enum mpipe_err mpipe_pipeline_run(struct mpipe_pipeline *pl)
{
    enum mpipe_err e = start(pl, true);

    return e == MPIPE_OK && pl->flow != NULL ? finish(pl) : e;
}

/* Rank 0's calls on a running pipeline.  Its end may have been decided. */
static enum mpipe_err feeding(struct mpipe_pipeline *pl)
{
    if (pl->none)
        return MPIPE_ENOMEM;
    if (pl->mp->broken.code != MPIPE_OK)
        return pl->mp->broken.code;
    if (pl->flow == NULL && pl->ended != MPIPE_OK)
        return pl->ended;
    if (pl->flow == NULL || pl->flow->master == NULL
        || pl->spec.source != NULL)
        return MPIPE_EINVAL;
    return pl->flow->error.code;
}

enum mpipe_err mpipe_pipeline_feed(struct mpipe_pipeline *pl,
                                   const void *data, size_t size)
{
    enum mpipe_err e = feeding(pl);
    struct mpipe_out *out;

    if (e != MPIPE_OK)
        return e;
    if (pl->flow->in_worker)
        return MPIPE_EINVAL;
    if (pl->flow->master->feeder.stopped)
        return MPIPE_ESAVED;
    if (pl->flow->paused && mpipe__feeder_full(pl->flow))
        return MPIPE_AGAIN;
    out = &pl->flow->master->feeder.out;
    out->error = MPIPE_OK;
    e = mpipe_emit(out, data, size);
    if (e < MPIPE_OK && e != MPIPE_ESAVED && !mpipe__flow_ending(pl->flow))
        mpipe__flow_fail(pl->flow, 0, e, "feed: %s", out->text);
    if (e == MPIPE_OK) {
        pl->mp->engine.now = mpipe__now();
        mpipe__feeder_age(pl->flow);
    }
    return e;
}

static bool wants_input(void *arg)
{
    struct mpipe__flow *flow = arg;

    return mpipe__feeder_wants(flow) || mpipe__flow_ending(flow);
}

static bool is_empty(void *arg)
{
    struct mpipe__flow *flow = arg;

    return mpipe__feeder_empty(flow) || mpipe__flow_ending(flow);
}

static enum mpipe_err wait_for(struct mpipe_pipeline *pl,
                               bool (*done)(void *arg))
{
    enum mpipe_err e = feeding(pl);

    if (e != MPIPE_OK)
        return e;
    if (pl->flow->in_worker || pl->flow->in_sink || pl->flow->paused)
        return MPIPE_EINVAL;            /* it would wait for itself */
    mpipe__feeder_cut(pl->flow);
    mpipe__engine_turn(&pl->mp->engine, false);
    mpipe__engine_until(&pl->mp->engine, done, pl->flow);
    return pl->flow->error.code;
}

enum mpipe_err mpipe_pipeline_wait_input(struct mpipe_pipeline *pl)
{
    return wait_for(pl, wants_input);
}

enum mpipe_err mpipe_pipeline_wait_empty(struct mpipe_pipeline *pl)
{
    return wait_for(pl, is_empty);
}

static bool all_paused(void *arg)
{
    struct mpipe__flow *flow = arg;

    return mpipe__master_all_paused(flow) || mpipe__flow_ending(flow);
}

enum mpipe_err mpipe_pipeline_pause(struct mpipe_pipeline *pl)
{
    enum mpipe_err e = feeding(pl);

    if (e != MPIPE_OK)
        return e;
    if (pl->flow->in_worker || pl->flow->in_sink)
        return MPIPE_EINVAL;
    mpipe__master_tell(pl->flow, MPIPE__PAUSE);
    mpipe__engine_until(&pl->mp->engine, all_paused, pl->flow);
    return pl->flow->error.code;
}

static bool is_awake(void *arg)
{
    struct mpipe__flow *flow = arg;

    return !flow->paused || mpipe__flow_ending(flow);
}

enum mpipe_err mpipe_pipeline_resume(struct mpipe_pipeline *pl)
{
    enum mpipe_err e = feeding(pl);

    if (e != MPIPE_OK)
        return e;
    mpipe__master_tell(pl->flow, MPIPE__RESUME);
    mpipe__engine_until(&pl->mp->engine, is_awake, pl->flow);
    return pl->flow->error.code;
}

enum mpipe_err mpipe_pipeline_end(struct mpipe_pipeline *pl)
{
    enum mpipe_err e = describing(pl);

    if (pl->none || pl->mp->broken.code != MPIPE_OK)
        return e;
    if (pl->flow == NULL)
        return pl->ended;
    if (pl->flow->in_worker || pl->flow->in_sink || pl->flow->in_source)
        return MPIPE_EINVAL;
    if (pl->flow->master != NULL && pl->spec.source == NULL) {
        if (pl->flow->paused)
            mpipe_pipeline_resume(pl);
        mpipe__feeder_cut(pl->flow);
        pl->flow->master->feeder.ended = true;
    }
    return finish(pl);
}

enum mpipe_err mpipe_pipeline_reset(struct mpipe_pipeline *pl)
{
    enum mpipe_err e = mpipe_pipeline_end(pl);

    if (!pl->none && pl->flow == NULL)
        forget(pl);
    return e;
}

/* ---- look ---- */

void mpipe_pipeline_counts(const struct mpipe_pipeline *pl,
                           struct mpipe_counts *counts)
{
    *counts = pl->counts;
    if (pl->flow == NULL || pl->flow->master == NULL)
        return;
    *counts = pl->flow->master->counts;
    counts->fed = mpipe__feeder_items(pl->flow);
}

void mpipe_pipeline_status(const struct mpipe_pipeline *pl,
                           struct mpipe_status *status)
{
    const struct mpipe__flow *flow = pl->flow;

    memset(status, 0, sizeof *status);
    status->name = pl->spec.name;
    status->version = mpipe_version();
    status->started = pl->started;
    mpipe_pipeline_counts(pl, &status->counts);
    if (pl->none)
        return;
    status->ranks = mpipe_size(pl->mp);
    if (flow == NULL || flow->master == NULL)
        return;
    status->state = flow->paused ? MPIPE_PAUSED : MPIPE_RUNNING;
    for (int r = 0; r < status->ranks; r++) {
        const struct mpipe__member *member = &flow->master->member[r];
        status->workers += member->role.serves;
        status->idle += member->role.serves && member->stats.backlog == 0;
    }
}
