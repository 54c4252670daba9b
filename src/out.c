/* SPDX-License-Identifier: BSD-3-Clause */
/* out.c - what the user's functions call.
 *
 * The same mpipe_emit() serves a stage, whose items go to the next stage, and
 * the feed, whose items go to the first.  An error is kept in the context too,
 * so that an item whose function ignores it fails all the same.
 */
#include <stdarg.h>
#include <stdio.h>
#include "engine.h"
#include "out.h"

static enum mpipe_err refuse(struct mpipe_out *out, enum mpipe_err code,
                             const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum mpipe_err refuse(struct mpipe_out *out, enum mpipe_err code,
                             const char *format, ...)
{
    va_list ap;

    mpipe__strip_close(out);
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
    if (size > most)
        return refuse(out, MPIPE_ETOOBIG, "an item of %zu bytes is larger "
                      "than --max-item=%llu allows", size,
                      (unsigned long long)most);
    return out->error;
}

static enum mpipe_err emit(struct mpipe_out *out, const void *data, size_t size)
{
    static const uint64_t nothing;      /* not NULL, and aligned */
    enum mpipe_err e = may_emit(out, size);

    if (e != MPIPE_OK)
        return e;
    if (size == 0)
        data = &nothing;
    out->emitted++;
    out->room = NULL;
    if (out->mode == MPIPE__OUT_FEED)
        e = mpipe__feeder_item(out->flow, data, size);
    else
        e = mpipe__worker_emit(out->flow, out->stage, data, size);
    if (e != MPIPE_OK)
        out->emitted--;
    if (e < MPIPE_OK)
        refuse(out, e, "%s", mpipe_strerror(e));
    return e;
}

enum mpipe_err mpipe_emit(struct mpipe_out *out, const void *data, size_t size)
{
    if (mpipe__strip_append(out, data, size)) {
        out->emitted++;
        out->spot = NULL;
        return MPIPE_OK;
    }
    return emit(out, data, size);
}

/* Where the reserved item is to be written: in the frame that it will travel
 * in, or, when the next stage is on this rank, in memory for that one. */
void *mpipe_reserve(struct mpipe_out *out, size_t size)
{
    if (out->left > 0 && size == out->same) {
        out->spot_size = size;
        out->room = out->strip;
        return out->spot = out->at;
    }
    if (may_emit(out, size) != MPIPE_OK)
        return NULL;
    out->spot_size = size;
    if (out->mode == MPIPE__OUT_FEED) {
        out->room = mpipe__feeder_room(out->flow, size);
    } else if (mpipe__worker_local(out->flow, out->stage)) {
        out->room = NULL;
        out->spot = mpipe__worker_scratch(out->flow, out->stage, true, size);
        if (out->spot == NULL)
            refuse(out, MPIPE_ENOMEM, "no memory for %zu bytes", size);
        return out->spot;
    } else {
        out->room = mpipe__worker_room(out->flow, size);
    }
    if (out->room == NULL) {
        refuse(out, MPIPE_ENOMEM, "no memory for %zu bytes", size);
        return NULL;
    }
    out->spot = mpipe__frame_spot(out->room, size);
    return out->spot;
}

enum mpipe_err mpipe_commit(struct mpipe_out *out, size_t size)
{
    enum mpipe_err e;
    void *spot = out->spot;

    out->spot = NULL;
    if (spot != NULL && spot == out->at && out->left > 0
        && size == out->same) {
        out->left--;
        out->at += out->stride;
        out->emitted++;
        return MPIPE_OK;
    }
    if (spot == NULL || size > out->spot_size)
        return refuse(out, MPIPE_EINVAL,
                      "commit of %zu bytes, where %zu were reserved", size,
                      spot == NULL ? (size_t)0 : out->spot_size);
    e = may_emit(out, size);
    if (e != MPIPE_OK)
        return e;
    out->emitted++;
    if (out->room == NULL) {
        e = mpipe__worker_emit(out->flow, out->stage, spot, size);
        if (e == MPIPE_OK)
            return e;
        out->emitted--;
        return refuse(out, e, "%s", mpipe_strerror(e));
    }
    mpipe__strip_close(out);
    mpipe__frame_commit(out->room, spot, size);
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
