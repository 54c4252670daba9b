/* SPDX-License-Identifier: BSD-3-Clause */
/* pipeline.h - sources and sinks with an end of their own (layer 4). */
#ifndef MPIPE__PIPELINE_H
#define MPIPE__PIPELINE_H

#include <mpipe/pipeline.h>

struct mpipe__flow_spec;
struct mpipe__options;

/* What it is made of, for other doors; NULL: it was made without memory. */
struct mpipe__flow_spec *mpipe__pipeline_spec(struct mpipe_pipeline *pl);

/* The session's, which may still change; NULL: it was made without memory. */
const struct mpipe__options *
mpipe__pipeline_options(const struct mpipe_pipeline *pl);

/* A source that stands for all that 'fn' will give, for a look ahead: 'sample'
 * is called with 'arg' as a source is, before 'fn' is called at all. */
enum mpipe_err mpipe__pipeline_sample(struct mpipe_pipeline *pl,
                                      mpipe_source_fn sample);

/* Like mpipe_pipeline_source(), and 'fini' frees 'arg' when the pipeline is
 * freed or reset; on an error at once. */
enum mpipe_err mpipe__pipeline_own_source(struct mpipe_pipeline *pl,
                                          mpipe_source_fn fn, void *arg,
                                          void (*fini)(void *arg));

/* Like mpipe_pipeline_sink(), and on rank 0 'close' is called once when the
 * pipeline ends, with how; its error becomes the pipeline's if that ended
 * well. */
enum mpipe_err mpipe__pipeline_own_sink(
    struct mpipe_pipeline *pl, mpipe_sink_fn fn, void *arg,
    enum mpipe_err (*close)(void *arg, enum mpipe_err how,
                            struct mpipe_error *err),
    void (*fini)(void *arg));

/* Keep the first mistake in its description: start() and run() fail with it
 * on all ranks.  Returns 'code'. */
enum mpipe_err mpipe__pipeline_wrong(struct mpipe_pipeline *pl,
                                     enum mpipe_err code,
                                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
