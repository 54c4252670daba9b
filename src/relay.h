/* SPDX-License-Identifier: BSD-3-Clause */
/* relay.h - frames of a shuffle that have come, and may be on their way to another rank
 * (layer 3).
 *
 * Where workers stand in a square (exchange.h), a frame that has come along a row
 * may have to go on along this rank's column.  It is sent on as soon as that link
 * takes it, from inside progress(), and only then its credit goes back: so what
 * waits here is at most what the links of the row let in.  Bundles (bundle.h) are
 * unpacked here, unless much waits already.
 */
#ifndef MPIPE__RELAY_H
#define MPIPE__RELAY_H

#include "link.h"

struct mpipe__flow;

/* A frame of a shuffle has come: collect it, send it on, or keep it until that can
 * be. */
void mpipe__relay_arrive(struct mpipe__flow *flow, struct mpipe__link *link,
                         struct mpipe__frame *f);
/* Something has moved: send on what can be. */
void mpipe__relay_pump(struct mpipe__flow *flow);
void mpipe__relay_fini(struct mpipe__flow *flow);

#endif
