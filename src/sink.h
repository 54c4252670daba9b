/* SPDX-License-Identifier: BSD-3-Clause */
/* sink.h - rank 0: frames in, results out (layer 3). */
#ifndef MPIPE__SINK_H
#define MPIPE__SINK_H

#include "ledger.h"
#include "tally.h"

/* Takes the frame. */
void mpipe__sink_arrive(struct mpipe__flow *flow, struct mpipe__frame *f);
void mpipe__sink_report(struct mpipe__flow *flow,
                        const struct mpipe__report_entry *entry);
/* An id of the root's that stood for no frame goes. */
void mpipe__sink_settle(struct mpipe__flow *flow, struct mpipe__root *r,
                        uint64_t id);
/* Hand the results of one root to the user; takes its frames. */
void mpipe__sink_hand_out(struct mpipe__flow *flow, struct mpipe__root *r);
/* Hand complete roots to the user; true if there were any. */
bool mpipe__sink_deliver(struct mpipe__flow *flow);
void mpipe__sink_drop_all(struct mpipe__flow *flow);

#endif
