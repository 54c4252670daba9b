/* SPDX-License-Identifier: BSD-3-Clause */
/* inline.h - the short way of emit, reserve and commit; stage.h includes it.
 *
 * Items of one size after another, the usual case, go straight into the frame
 * that they travel in; with a size that the compiler knows that is one store.
 * Everything else is in the functions that end in _slow.  Nothing here is to be
 * used by name; libmpipe has each of these functions as a symbol too.
 */
#ifndef MPIPE_INLINE_H
#define MPIPE_INLINE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <mpipe/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mpipe_out;

/* Room for 'left' more items of 'size' bytes, from 'at' on, 'stride' bytes
 * apart; what a struct mpipe_out begins with.  'spot' is what was reserved and
 * not yet committed. */
struct mpipe_strip {
    char *at;
    void *spot;
    size_t size, stride;
    uint32_t left;
};

enum mpipe_err mpipe_emit_slow(struct mpipe_out *out, const void *data,
                               size_t size);
void *mpipe_reserve_slow(struct mpipe_out *out, size_t size);
enum mpipe_err mpipe_commit_slow(struct mpipe_out *out, size_t size);

inline enum mpipe_err mpipe_emit(struct mpipe_out *out, const void *data,
                                 size_t size)
{
    struct mpipe_strip *strip = (struct mpipe_strip *)out;

    if (strip->left == 0 || size != strip->size)
        return mpipe_emit_slow(out, data, size);
    if (size == 8)
        memcpy(strip->at, data, 8);     /* also where the size is not known */
    else if (size > 0)
        memcpy(strip->at, data, size);
    strip->at += strip->stride;
    strip->left--;
    return MPIPE_OK;
}

inline void *mpipe_reserve(struct mpipe_out *out, size_t size)
{
    struct mpipe_strip *strip = (struct mpipe_strip *)out;

    if (strip->left == 0 || size != strip->size)
        return mpipe_reserve_slow(out, size);
    strip->spot = strip->at;
    return strip->at;
}

inline enum mpipe_err mpipe_commit(struct mpipe_out *out, size_t size)
{
    struct mpipe_strip *strip = (struct mpipe_strip *)out;

    if (strip->left == 0 || size != strip->size || strip->spot != strip->at)
        return mpipe_commit_slow(out, size);
    strip->spot = NULL;
    strip->at += strip->stride;
    strip->left--;
    return MPIPE_OK;
}

#ifdef __cplusplus
}
#endif
#endif
