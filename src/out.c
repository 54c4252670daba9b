/* SPDX-License-Identifier: BSD-3-Clause */
/* out.c - what the user's functions call.
 *
 * The same mpipe_emit() serves a stage, whose items go to the next stage, and
 * the feed, whose items go to the first.  An error is kept in the context too,
 * so that an item whose function ignores it fails all the same.  'slow' tells
 * the worker that something has happened that it must look at.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stddef.h>
#include "children.h"
#include "feeder.h"
#include "flow.h"
#include "out.h"
#include "pair.h"

_Static_assert(offsetof(struct mpipe_out, strip) == 0, "see mpipe/inline.h");

/* The symbols of the inline functions. */
extern inline enum mpipe_err mpipe_emit(struct mpipe_out *out,
                                        const void *data, size_t size);
extern inline void *mpipe_reserve(struct mpipe_out *out, size_t size);
extern inline enum mpipe_err mpipe_commit(struct mpipe_out *out, size_t size);

static enum mpipe_err refuse(struct mpipe_out *out, enum mpipe_err code,
                             const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum mpipe_err refuse(struct mpipe_out *out, enum mpipe_err code,
                             const char *format, ...)
{
    va_list ap;

    mpipe__strip_close(out);
    out->slow = true;
    if (out->error == MPIPE_OK) {
        out->error = code;
        va_start(ap, format);
        vsnprintf(out->text, sizeof out->text, format, ap);
        va_end(ap);
    }
    return code;
}

static enum mpipe_err may_emit(struct mpipe_out *out, size_t size)
{
    uint64_t most = out->flow->engine->options->max_item;

    if (out->mode == MPIPE__OUT_CLOSED)
        return refuse(out, MPIPE_EINVAL,
                      "emit outside of a stage's or source's turn");
    if (out->mode == MPIPE__OUT_MAP)
        return refuse(out, MPIPE_EINVAL, "emit from a stage that works in "
                      "place: its item is emitted by itself");
    if (size > most)
        return refuse(out, MPIPE_ETOOBIG, "an item of %zu bytes is larger "
                      "than --max-item=%llu allows", size,
                      (unsigned long long)most);
    return out->error;
}

/* Is what the function emits shared out by key? */
static bool is_shared_out(const struct mpipe_out *out)
{
    return out->mode == MPIPE__OUT_STAGE && out->flow->spec->shuffle != NULL
           && out->divert == NULL
           && !mpipe__worker_local(out->flow, out->stage);
}

enum mpipe_err mpipe_emit_slow(struct mpipe_out *out, const void *data,
                               size_t size)
{
    static const uint64_t nothing;      /* not NULL, and aligned */
    enum mpipe_err e = may_emit(out, size);

    if (e != MPIPE_OK)
        return e;
    if (size == 0)
        data = &nothing;
    out->slow = true;
    out->strip.spot = NULL;
    if (out->mode == MPIPE__OUT_FEED)
        e = mpipe__feeder_item(out->flow, data, size);
    else
        e = mpipe__worker_emit(out->flow, out->stage, data, size);
    if (e == MPIPE_EINVAL && is_shared_out(out))
        refuse(out, e, "%s", out->flow->spec->shuffle->keyed
               ? "the map of a keyed job emits pairs: use mpipe_emit_pair()"
               : "an item of another size than the fold's others");
    if (e < MPIPE_OK)
        refuse(out, e, "%s", mpipe_strerror(e));
    return e;
}

/* Where the reserved item is to be written: in the frame that it will travel
 * in, or, when the next stage is on this rank, in memory for that one. */
void *mpipe_reserve_slow(struct mpipe_out *out, size_t size)
{
    if (may_emit(out, size) != MPIPE_OK)
        return NULL;
    out->slow = true;
    out->spot_size = size;
    out->room = NULL;
    if (out->mode == MPIPE__OUT_STAGE
        && (mpipe__worker_local(out->flow, out->stage)
            || out->flow->spec->shuffle != NULL || out->divert != NULL)) {
        out->strip.spot = mpipe__worker_scratch(out->flow, out->stage, true,
                                                size);
    } else {
        out->room = out->mode == MPIPE__OUT_FEED
                    ? mpipe__feeder_room(out->flow, size)
                    : mpipe__worker_room(out->flow, size);
        out->strip.spot = out->room != NULL
                          ? mpipe__frame_spot(out->room, size) : NULL;
    }
    if (out->strip.spot == NULL)
        refuse(out, MPIPE_ENOMEM, "no memory for %zu bytes", size);
    return out->strip.spot;
}

enum mpipe_err mpipe_emit_pair(struct mpipe_out *out,
                               const void *key, size_t key_size,
                               const void *value, size_t value_size)
{
    size_t size = mpipe__pair_size(key_size, value_size);
    enum mpipe_err e = MPIPE_OK;
    void *to;

    if (!mpipe__pair_fits(key_size, value_size))
        return refuse(out, MPIPE_ETOOBIG, "a pair of a key of %zu and a value "
                      "of %zu bytes is too large", key_size, value_size);
    if (is_shared_out(out) && out->flow->spec->shuffle->keyed) {
        e = may_emit(out, size);
        if (e != MPIPE_OK)
            return e;
        out->slow = true;
        e = mpipe__shuffle_pair(out->flow, key, key_size, value, value_size);
        if (e == MPIPE_EINVAL)
            return refuse(out, e, "a value of %zu bytes is not what the job's "
                          "combine takes", value_size);
        return e < MPIPE_OK ? refuse(out, e, "%s", mpipe_strerror(e)) : e;
    }
    to = mpipe_reserve(out, size);
    if (to == NULL)
        return out->error;
    mpipe__pair_write(to, key, key_size, value, value_size);
    return mpipe_commit(out, size);
}

/* What may be committed now: what the last reserve gave, if nothing was
 * emitted since. */
static bool is_reserved(struct mpipe_out *out, size_t size)
{
    if (out->into != NULL) {            /* by the short way */
        out->room = out->into;
        out->spot_size = out->strip.size;
        if (out->strip.spot != out->strip.at)
            out->strip.spot = NULL;
    }
    if (out->strip.spot != NULL && size <= out->spot_size)
        return true;
    refuse(out, MPIPE_EINVAL, "commit of %zu bytes, where %zu were reserved",
           size, out->strip.spot == NULL ? (size_t)0 : out->spot_size);
    return false;
}

enum mpipe_err mpipe_commit_slow(struct mpipe_out *out, size_t size)
{
    void *spot = out->strip.spot;
    enum mpipe_err e = is_reserved(out, size) ? may_emit(out, size)
                                              : MPIPE_EINVAL;

    out->strip.spot = NULL;
    if (e != MPIPE_OK)
        return e;
    out->slow = true;
    if (out->room == NULL) {
        e = mpipe__worker_emit(out->flow, out->stage, spot, size);
        return e < MPIPE_OK ? refuse(out, e, "%s", mpipe_strerror(e)) : e;
    }
    mpipe__strip_close(out);
    mpipe__frame_commit(out->room, spot, size);
    out->emitted++;
    if (out->mode == MPIPE__OUT_FEED)
        mpipe__feeder_added(out->flow);
    else
        mpipe__strip_open(out, out->room);
    return MPIPE_OK;
}

enum mpipe_err mpipe_fail(struct mpipe_out *out, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(out->text, sizeof out->text, format, ap);
    va_end(ap);
    return MPIPE_EFAILED;
}

void mpipe_stage_log(struct mpipe_out *out, enum mpipe_level level,
                     const char *format, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    mpipe__flow_log(out->flow, level, out->name, text);
}

int mpipe_out_rank(const struct mpipe_out *out)
{
    return out->flow->engine->transport->rank;
}

const char *mpipe_out_stage(const struct mpipe_out *out)
{
    return out->name;
}

uint64_t mpipe__out_max_item(const struct mpipe_out *out)
{
    return out->flow->engine->options->max_item;
}
