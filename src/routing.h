/* SPDX-License-Identifier: BSD-3-Clause */
/* routing.h - rank 0: the tables that say who serves what (layer 3). */
#ifndef MPIPE__ROUTING_H
#define MPIPE__ROUTING_H

#include "flow.h"

/* Send every rank that lives its part of the next version of the table, by the
 * roles of the members.  What is fed from then on travels by it. */
enum mpipe_err mpipe__routing_send(struct mpipe__flow *flow,
                                   struct mpipe_error *err);

#endif
