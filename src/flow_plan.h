/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_plan.h - the plan for a flow (layer 3). */
#ifndef MPIPE__FLOW_PLAN_H
#define MPIPE__FLOW_PLAN_H

#include "flow.h"

/* On rank 0: place the stages of 'spec' as the options say.  NULL on an error,
 * told in 'err'.  The caller frees the plan. */
struct mpipe_plan *mpipe__flow_plan(const struct mpipe__engine *en,
                                    const struct mpipe__flow_spec *spec,
                                    struct mpipe_error *err);

/* --plan and --plan-svg: print it, draw it. */
void mpipe__flow_plan_show(const struct mpipe__options *o,
                           const struct mpipe_plan *plan,
                           struct mpipe_error *err);

/* Take the work of the stages that declare neither work nor replicas from the
 * report of an earlier run: their busy time for each item that was fed, of the
 * pipeline named 'name' in the file, or the only one.  MPIPE_EIO, MPIPE_EINVAL
 * (not a report, or of another pipeline), told in 'err'. */
enum mpipe_err mpipe__measured_work(const char *path, const char *name,
                                    struct mpipe_stage *stage,
                                    unsigned n_stages,
                                    struct mpipe_error *err);

#endif
