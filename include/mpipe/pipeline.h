/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline.h - describe a pipeline once, then run it over all ranks.
 *
 *   pull:  new -> source -> stage ... -> sink -> run -> free
 *   push:  new -> stage ... -> sink -> start
 *          -> rank 0: feed ..., wait_input, wait_empty -> end -> free
 *
 * Every rank makes the same calls with the same stages (rank 0 checks that);
 * only the feeding calls are for rank 0.  Calls that describe the pipeline
 * are local, send nothing, and on an error leave it as it was; the error is
 * kept too, so that run() or start() fails with it on all ranks.
 * Several pipelines may be started at once; while a rank is inside any
 * of these calls it serves them all.
 */
#ifndef MPIPE_PIPELINE_H
#define MPIPE_PIPELINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <mpipe/error.h>
#include <mpipe/session.h>
#include <mpipe/stage.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mpipe_pipeline;

/* Never NULL: without memory the session's error is set. */
struct mpipe_pipeline *mpipe_pipeline_new(struct mpipe *mp);
void mpipe_pipeline_free(struct mpipe_pipeline *pl);    /* NULL is allowed */

/* ---- describe ---- */

/* A name for the report and the log; the default is "pipeline".  Copied. */
enum mpipe_err mpipe_pipeline_name(struct mpipe_pipeline *pl, const char *name);

/* Feed the pipeline: called on rank 0 again and again; emits any number of
 * items each time (many small items a call are faster than one) and returns
 * MPIPE_OK to be called again, MPIPE_AGAIN if it has nothing just now, MPIPE_END
 * after the last, or an error (say why with mpipe_fail()), which ends the job.
 * It must not block for long: results would wait too.  After MPIPE_AGAIN it is
 * called again within 1 ms, or when it has had nothing for long within 2.5 ms,
 * or at once by mpipe_wake(). */
typedef enum mpipe_err (*mpipe_source_fn)(struct mpipe_out *out, void *arg);

enum mpipe_err mpipe_pipeline_source(struct mpipe_pipeline *pl,
                                     mpipe_source_fn fn, void *arg);

/* How many items the feed will have, if known (0: not known): for the progress
 * bar, and so that the last frames can be made small. */
enum mpipe_err mpipe_pipeline_count(struct mpipe_pipeline *pl, uint64_t items);

/* Append a stage.  MPIPE_EINVAL: name NULL, empty or taken; no function, or
 * both; work negative or not a number. */
enum mpipe_err mpipe_pipeline_stage(struct mpipe_pipeline *pl, const char *name,
                                    mpipe_stage_fn fn, void *arg);
enum mpipe_err mpipe_pipeline_map(struct mpipe_pipeline *pl, const char *name,
                                  mpipe_map_fn fn, void *arg);
enum mpipe_err mpipe_pipeline_add(struct mpipe_pipeline *pl,
                                  const struct mpipe_stage *stage);

/* Handle one result, on rank 0.  An error ends the job. */
typedef enum mpipe_err (*mpipe_sink_fn)(const struct mpipe_item *result,
                                        void *arg);

/* Results go to 'fn', in the order in which they come, or in feed order after
 * mpipe_pipeline_ordered(pl, 1).  Without a sink results are counted and
 * dropped. */
enum mpipe_err mpipe_pipeline_sink(struct mpipe_pipeline *pl,
                                   mpipe_sink_fn fn, void *arg);
enum mpipe_err mpipe_pipeline_ordered(struct mpipe_pipeline *pl, int on);

/* An item that a stage failed on for the last time. */
struct mpipe_failure {
    struct mpipe_item item; /* as that stage got it */
    const char *stage;
    int rank;
    unsigned tries;
    const char *text;       /* from mpipe_fail(), or the error's words */
};
typedef void (*mpipe_failure_fn)(const struct mpipe_failure *failure,
                                 void *arg);

/* Called on rank 0 for each failed item; by default each is logged. */
enum mpipe_err mpipe_pipeline_on_failure(struct mpipe_pipeline *pl,
                                         mpipe_failure_fn fn, void *arg);

/* ---- run ---- */

/* Collective: start, pull the source to its end, end.  Every rank returns the
 * same code: MPIPE_OK if every item fed was delivered or dropped by a stage,
 * MPIPE_EFAILED if some failed, or what ended the job; MPIPE_END, which is no
 * error, when --plan printed the plan and nothing was run. */
enum mpipe_err mpipe_pipeline_run(struct mpipe_pipeline *pl);

/* Collective: give each rank its role.  On rank 0 it returns when all ranks
 * have agreed on the pipeline; elsewhere at once. */
enum mpipe_err mpipe_pipeline_start(struct mpipe_pipeline *pl);

/* Rank 0: feed a copy of one item.  Waits while the pipeline is full (but not
 * from inside the output handler, where it may be called too); when it is
 * paused and full, MPIPE_AGAIN; after --limit items, MPIPE_END.  On other
 * ranks MPIPE_EINVAL. */
enum mpipe_err mpipe_pipeline_feed(struct mpipe_pipeline *pl,
                                   const void *data, size_t size);

/* Rank 0: send what was fed, and wait until the pipeline would take more
 * without waiting, or until all that was fed has come out.  MPIPE_EINVAL from
 * inside the output handler, and when it is paused. */
enum mpipe_err mpipe_pipeline_wait_input(struct mpipe_pipeline *pl);
enum mpipe_err mpipe_pipeline_wait_empty(struct mpipe_pipeline *pl);

/* Rank 0: let no rank begin another frame; returns when all have stopped.
 * Nothing is lost; feed() may still be called until the pipeline is full.
 * resume() goes on. */
enum mpipe_err mpipe_pipeline_pause(struct mpipe_pipeline *pl);
enum mpipe_err mpipe_pipeline_resume(struct mpipe_pipeline *pl);

/* Collective: on rank 0 wait until all has come out, then end the pipeline on
 * all ranks; on the others serve until then.  Returns as run() does, also when
 * the pipeline has ended before. */
enum mpipe_err mpipe_pipeline_end(struct mpipe_pipeline *pl);

/* Collective: end it if it is running, and forget its source, stages and sink,
 * so that it can be described and run anew.  Returns as end() does. */
enum mpipe_err mpipe_pipeline_reset(struct mpipe_pipeline *pl);

/* ---- look ---- */

/* The items' account.  fed + made = delivered + dropped + failed when the
 * pipeline is empty; 'made' counts those that a stage emitted beyond the first
 * for an item. */
struct mpipe_counts {
    uint64_t fed, made, delivered, dropped, failed, retried;
};
void mpipe_pipeline_counts(const struct mpipe_pipeline *pl,
                           struct mpipe_counts *counts);    /* rank 0 */

enum mpipe_state {
    MPIPE_IDLE,             /* not started, or ended */
    MPIPE_RUNNING,
    MPIPE_PAUSED
};

struct mpipe_status {
    const char *name;
    enum mpipe_state state;
    const char *version;
    double started;         /* seconds since 1970; 0: not started */
    int ranks;              /* in the job */
    int workers;            /* ranks that serve a stage */
    int idle;               /* of those, with nothing to do when last heard */
    struct mpipe_counts counts;
};
void mpipe_pipeline_status(const struct mpipe_pipeline *pl,
                           struct mpipe_status *status);    /* rank 0 */

#ifdef __cplusplus
}
#endif
#endif
