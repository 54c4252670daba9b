/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_plan.c - the plan for a flow, by what was measured if it is known.
 *
 * A report (--report) tells how long each stage was busy; a later run of the
 * same pipeline can be placed by that (--measured) instead of by a guess.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include "error.h"
#include "flow_plan.h"

#define LEAST_WORK 1e-12        /* busy for less than the clock can tell */

/* The report of the pipeline 'name' in the file, which may hold several. */
static json_t *find_report(FILE *file, const char *name)
{
    json_t *report, *first = NULL;
    json_error_t error;
    unsigned n = 0;

    while ((report = json_loadf(file, JSON_DISABLE_EOF_CHECK, &error))
           != NULL) {
        const char *is = json_string_value(json_object_get(report,
                                                           "pipeline"));
        if (is != NULL && strcmp(is, name) == 0) {
            json_decref(first);
            return report;
        }
        if (n++ == 0)
            first = report;
        else
            json_decref(report);
    }
    if (n == 1)
        return first;
    json_decref(first);
    return NULL;
}

/* Seconds of work for an item fed; < 0: the stage is not in the report. */
static double work_of(const json_t *report, const char *stage)
{
    double fed = json_number_value(json_object_get(report, "items_fed"));
    const json_t *rows = json_object_get(report, "stages");
    const json_t *row;
    size_t i;

    json_array_foreach(rows, i, row) {
        const char *is = json_string_value(json_object_get(row, "name"));
        double busy = json_number_value(json_object_get(row, "busy_seconds"));
        if (is == NULL || strcmp(is, stage) != 0 || !(fed > 0))
            continue;
        return busy / fed > LEAST_WORK ? busy / fed : LEAST_WORK;
    }
    return -1;
}

enum mpipe_err mpipe__measured_work(const char *path, const char *name,
                                    struct mpipe_stage *stage,
                                    unsigned n_stages,
                                    struct mpipe_error *err)
{
    FILE *file = fopen(path, "re");
    enum mpipe_err e = MPIPE_OK;
    json_t *report;

    if (file == NULL)
        return mpipe__error(err, 0, MPIPE_EIO,
                            "--measured=%s cannot be read: %s", path,
                            strerror(errno));
    report = find_report(file, name);
    fclose(file);
    if (report == NULL)
        return mpipe__error(err, 0, MPIPE_EINVAL, "--measured=%s has no "
                            "report of pipeline '%s': give it the file that "
                            "an earlier run wrote by --report", path, name);
    for (unsigned s = 0; s < n_stages && e == MPIPE_OK; s++) {
        double work = work_of(report, stage[s].name);
        if (work < 0)
            e = mpipe__error(err, 0, MPIPE_EINVAL, "--measured=%s says "
                             "nothing of stage '%s', or nothing was fed in "
                             "that run", path, stage[s].name);
        else if (stage[s].replicas == 0 && stage[s].work <= 0)
            stage[s].work = work;
    }
    json_decref(report);
    return e;
}

struct mpipe_plan *mpipe__flow_plan(const struct mpipe__engine *en,
                                    const struct mpipe__flow_spec *spec,
                                    struct mpipe_error *err)
{
    const struct mpipe__options *o = en->options;
    struct mpipe_plan *plan = NULL;
    struct mpipe_stage *stage;

    stage = malloc((spec->n_stages + 1) * sizeof *stage);
    if (stage == NULL) {
        mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a plan");
        return NULL;
    }
    memcpy(stage, spec->stage, spec->n_stages * sizeof *stage);
    if (o->measured[0] == '\0'
        || mpipe__measured_work(o->measured, spec->name, stage,
                                spec->n_stages, err) == MPIPE_OK)
        plan = mpipe_plan_new(en->machine, stage, spec->n_stages,
                              (enum mpipe_policy)o->policy, o->spares, err);
    free(stage);
    return plan;
}

void mpipe__flow_plan_show(const struct mpipe__options *o,
                           const struct mpipe_plan *plan,
                           struct mpipe_error *err)
{
    FILE *svg;

    if (o->plan && (mpipe_plan_print(plan, stdout) != MPIPE_OK
                    || fflush(stdout) != 0))
        mpipe__error(err, 0, MPIPE_EIO, "the plan could not be written: %s",
                     strerror(errno));
    if (o->plan_svg[0] == '\0')
        return;
    svg = fopen(o->plan_svg, "we");
    if (svg == NULL) {
        mpipe__error(err, 0, MPIPE_EIO, "--plan-svg=%s cannot be written: %s",
                     o->plan_svg, strerror(errno));
        return;
    }
    if (mpipe_plan_svg(plan, svg) != MPIPE_OK || fflush(svg) != 0)
        mpipe__error(err, 0, MPIPE_EIO, "--plan-svg=%s could not be written: "
                     "%s", o->plan_svg, strerror(errno));
    fclose(svg);
}
