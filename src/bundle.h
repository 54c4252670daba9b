/* SPDX-License-Identifier: BSD-3-Clause */
/* bundle.h - small frames of a shuffle that share a message (layer 3).
 *
 * What one root emits for hundreds of partitions are hundreds of frames of a few pairs
 * each.  Those that go over the same link go together, in a frame of their own whose
 * items are whole frames.  It leaves when it is full, or when flush() is called: after
 * each root, between the items of a long one, and before a rank rests.  Nothing else
 * knows of it: it is in no ledger, and the frames in it are as they would be alone.
 */
#ifndef MPIPE__BUNDLE_H
#define MPIPE__BUNDLE_H

#include "link.h"

struct mpipe__flow;

/* Put a frame in with others for this link; it is taken over.  False: it is too large,
 * or there is no room, and what is there cannot leave now. */
bool mpipe__bundle_put(struct mpipe__flow *flow, struct mpipe__link *link,
                       struct mpipe__frame *f);
/* Let go what can. */
void mpipe__bundle_flush(struct mpipe__flow *flow);
/* Forget the rest. */
void mpipe__bundle_fini(struct mpipe__flow *flow);

/* The next frame of a bundle that has come, a copy; NULL: there is no other, or an error
 * in 'err': it is damaged, or no memory. */
struct mpipe__frame *mpipe__bundle_next(struct mpipe__pool *pool,
                                        const struct mpipe__frame *bundle,
                                        struct mpipe__cursor *at,
                                        struct mpipe_error *err);

#endif
