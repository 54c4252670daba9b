/* SPDX-License-Identifier: BSD-3-Clause */
/* stage.h - what a stage's functions see: items in, items out.
 *
 * A stage function is called once for each item and emits none (drop), one
 * (map) or any number (generate).  It runs on the ranks that the placement
 * gave its stage; each of those has its own state, made once by 'init'.
 */
#ifndef MPIPE_STAGE_H
#define MPIPE_STAGE_H

#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>
#include <mpipe/inline.h>
#include <mpipe/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One item, lent until the function returns.  Aligned to 8 bytes; 'data' is
 * never NULL, also when size is 0. */
struct mpipe_item {
    const void *data;
    size_t size;            /* in bytes */
};

/* Where a function's items go; also the context for its log lines. */
struct mpipe_out;

/* Handle one item.  'arg' is what 'init' made, or the stage's arg if it has
 * no init.  MPIPE_OK: the item is done.  Any error: what was emitted for this
 * item is taken back and the item is tried again, on another rank if there
 * is one, up to --max-retries times; then it goes to the failure handler.
 * (An item that had already emitted more than 1 MiB cannot be taken back: it
 * is not tried again, and its failure says so.)  Say why with mpipe_fail().
 * MPIPE_ESTAGE ends the whole job. */
typedef enum mpipe_err (*mpipe_stage_fn)(const struct mpipe_item *in,
                                         struct mpipe_out *out, void *arg);

/* Change one item where it lies, keeping its size: about twice as fast as a
 * mpipe_stage_fn for small items.  On an error the item must be as it was. */
typedef enum mpipe_err (*mpipe_map_fn)(void *data, size_t size,
                                       struct mpipe_out *out, void *arg);

/* Called once on each rank that serves the stage, before its first item.
 * 'arg' is the stage's; sets '*state', which its functions get as their
 * 'arg'.  An error ends the job. */
typedef enum mpipe_err (*mpipe_init_fn)(void *arg, struct mpipe_out *out,
                                        void **state);

/* Called once on each rank where init succeeded, when the pipeline ends, also
 * after an error.  It cannot emit.  Not called where the process ends: when the rank
 * dies, or is left behind in a function over an item that others have done when all
 * has been delivered (mpipe(7), --backups). */
typedef void (*mpipe_fini_fn)(void *state, struct mpipe_out *out);

/* Emit a copy of 'size' bytes at 'data' (which may be NULL if size is 0).
 * May wait for the next stage to take more.  MPIPE_END, in a source: --limit
 * items have been fed, and no more will be.
 * MPIPE_ETOOBIG: larger than --max-item.  MPIPE_EINVAL: called from an init
 * or fini.  An error also makes the item fail if the stage returns OK. */
inline enum mpipe_err mpipe_emit(struct mpipe_out *out, const void *data,
                                 size_t size);

/* The same without the copy: reserve room for up to 'size' bytes, aligned to 8,
 * write there, then commit how many were written.  NULL where mpipe_emit()
 * would fail.  The room is lost at the next emit, reserve or return. */
inline void *mpipe_reserve(struct mpipe_out *out, size_t size);
inline enum mpipe_err mpipe_commit(struct mpipe_out *out, size_t size);

/* Note why the item (or the set-up, or the source) fails; returns
 * MPIPE_EFAILED, so that a stage can 'return mpipe_fail(out, "...")'. */
enum mpipe_err mpipe_fail(struct mpipe_out *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A line in the job's log, with this rank's host and the stage's name. */
void mpipe_stage_log(struct mpipe_out *out, enum mpipe_level level,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

int mpipe_out_rank(const struct mpipe_out *out);
const char *mpipe_out_stage(const struct mpipe_out *out);

/* A stage in full; what is 0 or NULL has its default. */
struct mpipe_stage {
    const char *name;       /* copied; unique in the pipeline */
    mpipe_stage_fn run;     /* just one of run and map */
    mpipe_map_fn map;
    mpipe_init_fn init;     /* optional */
    mpipe_fini_fn fini;     /* optional */
    void *arg;              /* borrowed until the pipeline is freed */
    unsigned replicas;      /* ranks for this stage; 0: as many as it needs */
    double work;            /* time for an item compared with other stages; 0: 1 */
};

#ifdef __cplusplus
}
#endif
#endif
