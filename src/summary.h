/* SPDX-License-Identifier: BSD-3-Clause */
/* summary.h - what rank 0 knows, as a report (layer 3). */
#ifndef MPIPE__SUMMARY_H
#define MPIPE__SUMMARY_H

#include <stdio.h>
#include "flow.h"

/* Write the report of a flow that has closed, on rank 0: as text to 'text' and
 * as JSON to 'json' (each may be NULL).  Fails with MPIPE_ENOMEM or MPIPE_EIO.
 */
enum mpipe_err mpipe__summary_write(const struct mpipe__flow *flow,
                                    const char *program, FILE *text,
                                    FILE *json);

#endif
