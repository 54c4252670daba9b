/* SPDX-License-Identifier: BSD-3-Clause */
/* scenario.c - what the scenarios share. */
#include <stdio.h>
#include <string.h>
#include "scenario.h"

void mpipe__holds(struct mpipe__notes *n, bool holds, const char *what,
                  const char *file, int line)
{
    if (holds)
        return;
    n->n_wrong++;
    fprintf(stderr, "%s:%d: rank %d of %d: this does not hold: %s\n", file,
            line, n->rank, n->size, what);
}

void mpipe__scenario_judge(const struct mpipe__scenario *s,
                           struct mpipe__notes *n, int code,
                           const struct mpipe_error *error)
{
    HOLDS(n, code == n->code);
    if (n->rank == 0 && n->text != NULL)
        HOLDS(n, strstr(error->text, n->text) != NULL);
    if (n->error_rank != -2)
        HOLDS(n, error->rank == n->error_rank);
    if (n->n_wrong > 0)
        fprintf(stderr, "    in \"%s\": code %d, not %d; rank %d says: %s\n",
                s->name, code, n->code, error->rank, error->text);
}

enum mpipe_err mpipe__tally_sink(const struct mpipe_item *result, void *arg)
{
    struct mpipe__tally *t = arg;
    int64_t i = 0;

    HOLDS(t->n, result->size == sizeof i);
    if (result->size == sizeof i)
        memcpy(&i, result->data, sizeof i);
    t->falls |= t->items > 0 && i < t->last;
    t->last = i;
    t->sum += i;
    t->items++;
    return MPIPE_OK;
}

enum mpipe_err mpipe__twice(const struct mpipe_item *in, struct mpipe_out *out,
                            void *arg)
{
    int64_t i;

    (void)arg;
    if (in->size != sizeof i)
        return mpipe_fail(out, "%zu bytes are no number", in->size);
    i = 2 * *(const int64_t *)in->data;
    return mpipe_emit(out, &i, sizeof i);
}

enum mpipe_err mpipe__pass(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    (void)arg;
    return mpipe_emit(out, in->data, in->size);
}

enum mpipe_err mpipe__feed_numbers(struct mpipe_pipeline *pl, int64_t from,
                                   int64_t to)
{
    enum mpipe_err e = MPIPE_OK;

    for (int64_t i = from; i < to && e == MPIPE_OK; i++)
        e = mpipe_pipeline_feed(pl, &i, sizeof i);
    return e;
}
