/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.h - frames in memory, used again and again (layer 0).
 *
 * Size classes are powers of two; what is given back is kept for the next frame
 * of its class, up to a limit in bytes.  Nothing is allocated per item, and
 * nothing per frame once a run is warm.
 */
#ifndef MPIPE__POOL_H
#define MPIPE__POOL_H

#include "frame.h"

#define MPIPE__POOL_CLASSES 48

struct mpipe__pool {
    struct mpipe__frame *spare[MPIPE__POOL_CLASSES];
    size_t kept, keep_max;      /* bytes in spare frames, and their limit */
    size_t used, used_max;      /* bytes in frames in use; the most ever */
    struct mpipe__frame *buried;    /* not to be touched any more */
};

void mpipe__pool_init(struct mpipe__pool *pool, size_t keep_max);
void mpipe__pool_fini(struct mpipe__pool *pool);

/* A frame with one reference and room for 'size' bytes of wire at least; its
 * contents are undefined.  NULL: no memory. */
struct mpipe__frame *mpipe__pool_get(struct mpipe__pool *pool, size_t size);

/* Drop one reference; the last gives the frame back.  NULL is allowed. */
void mpipe__pool_put(struct mpipe__pool *pool, struct mpipe__frame *f);

/* Drop one reference to a frame whose memory may still be in use below (see
 * transport.h): it is not given out again.  'unearth' it at the end where it was
 * not. */
void mpipe__pool_bury(struct mpipe__pool *pool, struct mpipe__frame *f);
void mpipe__pool_unearth(struct mpipe__pool *pool);

/* The same frame in less memory, if that is much less: for a small one that
 * came in a large slot and will be kept, or one of thousands.  Takes the reference. */
struct mpipe__frame *mpipe__pool_compact(struct mpipe__pool *pool,
                                         struct mpipe__frame *f);

#endif
