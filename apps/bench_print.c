/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_print.c - rows of results, as a table or as JSON.
 *
 * A row is one number measured on both sides.  In the table it is printed as
 * soon as it is known; JSON comes as a whole at the end, with every sample.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double bench_quantile(double *value, unsigned n, double q)
{
    unsigned at = (unsigned)(q * (n - 1) + 0.5);

    qsort(value, n, sizeof *value, compare);
    return value[at < n ? at : n - 1];
}

struct bench_row *bench_row(struct bench *b, const char *bench,
                            const char *name, const char *measure,
                            const char *unit)
{
    struct bench_row *row;

    if (b->rank != 0 || b->n_rows == BENCH_ROWS_MAX)
        return NULL;
    row = &b->row[b->n_rows++];
    *row = (struct bench_row){ .bench = bench, .measure = measure,
                               .unit = unit, .control = -1,
                               .n_samples = b->repeat };
    snprintf(row->name, sizeof row->name, "%s", name);
    return row;
}

void bench_row_medians(struct bench_row *row)
{
    double sorted[BENCH_REPEAT_MAX];

    memcpy(sorted, row->library_sample, sizeof sorted);
    row->library = bench_quantile(sorted, row->n_samples, 0.5);
    if (row->alone)
        return;
    memcpy(sorted, row->control_sample, sizeof sorted);
    row->control = bench_quantile(sorted, row->n_samples, 0.5);
}

/* Of samples the median of the pairs' ratios: the two runs of a pair follow one
 * another, so that what the machine does meanwhile is the same for both. */
static double ratio_of(const struct bench_row *row)
{
    double ratio[BENCH_REPEAT_MAX];

    for (unsigned i = 0; i < row->n_samples; i++)
        ratio[i] = row->control_sample[i] > 0
                   ? row->library_sample[i] / row->control_sample[i] : 0;
    if (row->n_samples > 0)
        return bench_quantile(ratio, row->n_samples, 0.5);
    return row->control > 0 ? row->library / row->control : 0;
}

static bool met(const struct bench_row *row)
{
    switch (row->goal) {
    case BENCH_RATIO_AT_LEAST:      return ratio_of(row) >= row->limit;
    case BENCH_LIBRARY_AT_LEAST:    return row->library >= row->limit;
    case BENCH_LIBRARY_AT_MOST:     return row->library <= row->limit;
    case BENCH_NO_GOAL:             break;
    }
    return true;
}

/* ---- a table ---- */

/* Three or four digits and a letter for thousands. */
static void print_value(FILE *stream, double value)
{
    static const char *const letter[] = { "", " k", " M", " G" };
    unsigned i = 0;
    char text[32];

    for (; value >= 9999.5 && i < 3; i++)
        value /= 1000;
    snprintf(text, sizeof text, "%.*f%s", value >= 100 ? 0 : value >= 10 ? 1
             : value >= 1 ? 2 : 3, value, letter[i]);
    fprintf(stream, " %9s", text);
}

void bench_print_head(const struct bench *b, FILE *stream)
{
    fprintf(stream, "%d ranks, %d cores; medians of %u runs of about %g s; "
            "tasks %s\n\n%-9s %-21s %-13s %9s %9s %6s  %s\n", b->size,
            b->cores, b->repeat, b->seconds,
            b->task == BENCH_SPIN ? "spin" : "sleep (those of 1 us spin)",
            "bench", "case", "measure", "libmpipe", "control", "ratio",
            "goal");
}

void bench_print_row(const struct bench_row *row, FILE *stream)
{
    char measure[64];

    snprintf(measure, sizeof measure, "%s%s%s", row->measure,
             row->unit[0] != '\0' ? ", " : "", row->unit);
    fprintf(stream, "%-9s %-21s %-13s", row->bench, row->name,
            strcmp(row->measure, "throughput") == 0 ? row->unit : measure);
    print_value(stream, row->library);
    if (row->control >= 0)
        print_value(stream, row->control);
    else
        fprintf(stream, " %9s", "-");
    if (row->control > 0)
        fprintf(stream, " %6.2f", ratio_of(row));
    else
        fprintf(stream, " %6s", "-");
    if (row->goal != BENCH_NO_GOAL)
        fprintf(stream, "  %s%s %g: %s",
                row->goal == BENCH_RATIO_AT_LEAST ? "ratio " : "",
                row->goal == BENCH_LIBRARY_AT_MOST ? "<=" : ">=",
                row->limit, met(row) ? "met" : "MISSED");
    fputc('\n', stream);
    fflush(stream);
}

/* ---- JSON ---- */

static json_t *samples(const double *sample, unsigned n)
{
    json_t *array = json_array();

    for (unsigned i = 0; i < n; i++)
        json_array_append_new(array, json_real(sample[i]));
    return array;
}

static json_t *row_json(const struct bench_row *row)
{
    json_t *o = json_object();

    json_object_set_new(o, "bench", json_string(row->bench));
    json_object_set_new(o, "case", json_string(row->name));
    json_object_set_new(o, "measure", json_string(row->measure));
    json_object_set_new(o, "unit", json_string(row->unit));
    json_object_set_new(o, "libmpipe", json_real(row->library));
    if (row->control >= 0)
        json_object_set_new(o, "control", json_real(row->control));
    if (row->control > 0)
        json_object_set_new(o, "ratio", json_real(ratio_of(row)));
    if (row->n_samples > 0) {
        json_object_set_new(o, "libmpipe_samples",
                            samples(row->library_sample, row->n_samples));
        if (!row->alone)
            json_object_set_new(o, "control_samples",
                                samples(row->control_sample, row->n_samples));
    }
    if (row->goal != BENCH_NO_GOAL) {
        json_object_set_new(o, "goal", json_string(
            row->goal == BENCH_RATIO_AT_LEAST ? "ratio at least"
            : row->goal == BENCH_LIBRARY_AT_LEAST ? "at least" : "at most"));
        json_object_set_new(o, "limit", json_real(row->limit));
        json_object_set_new(o, "met", json_boolean(met(row)));
    }
    return o;
}

bool bench_print_json(const struct bench *b, FILE *stream)
{
    json_t *all = json_object(), *rows = json_array();
    bool done;

    json_object_set_new(all, "version", json_string(mpipe_version()));
    json_object_set_new(all, "ranks", json_integer(b->size));
    json_object_set_new(all, "cores", json_integer(b->cores));
    json_object_set_new(all, "runs", json_integer(b->repeat));
    json_object_set_new(all, "seconds", json_real(b->seconds));
    json_object_set_new(all, "tasks", json_string(b->task == BENCH_SPIN
                                                  ? "spin" : "sleep"));
    json_object_set_new(all, "right", json_boolean(!b->wrong));
    for (unsigned i = 0; i < b->n_rows; i++)
        json_array_append_new(rows, row_json(&b->row[i]));
    json_object_set_new(all, "results", rows);
    done = json_dumpf(all, stream, JSON_INDENT(1) | JSON_REAL_PRECISION(6))
           == 0;
    json_decref(all);
    return done && fputc('\n', stream) != EOF && fflush(stream) == 0;
}
