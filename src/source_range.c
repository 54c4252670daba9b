/* SPDX-License-Identifier: BSD-3-Clause */
/* source_range.c - integers, one by one or in runs, as items.
 *
 * Both sources are the same one: a run of one number is emitted as its
 * number.  The care here is for ranges that reach to the ends of int64_t, where
 * "next <= last" would never become false.
 */
#include <stdlib.h>
#include "pipeline.h"
#include "source.h"

struct range_source {
    struct mpipe__numbers numbers;
    int64_t step;
    bool single;                /* emit int64_t, not struct mpipe_range */
};

void mpipe__numbers_init(struct mpipe__numbers *n, int64_t first, int64_t last)
{
    n->next = first;
    n->last = last;
    n->done = last < first;
}

bool mpipe__numbers_take(struct mpipe__numbers *n, int64_t step,
                         struct mpipe_range *range)
{
    uint64_t behind = (uint64_t)n->last - (uint64_t)n->next;

    if (n->done)
        return false;
    range->first = n->next;
    n->done = behind < (uint64_t)step;
    range->last = n->done ? n->last : n->next + (step - 1);
    if (!n->done)
        n->next += step;
    return true;
}

uint64_t mpipe__numbers_count(const struct mpipe__numbers *n, int64_t step)
{
    uint64_t behind = (uint64_t)n->last - (uint64_t)n->next;

    return n->done ? 0 : behind / (uint64_t)step + 1;
}

static enum mpipe_err emit_numbers(struct mpipe_out *out, void *arg)
{
    struct range_source *s = arg;

    for (int i = 0; i < MPIPE__SOURCE_ITEMS; i++) {
        struct mpipe_range range;
        enum mpipe_err e;
        if (!mpipe__numbers_take(&s->numbers, s->step, &range))
            return MPIPE_END;
        e = s->single ? mpipe_emit(out, &range.first, sizeof range.first)
                      : mpipe_emit(out, &range, sizeof range);
        if (e != MPIPE_OK)
            return e;
    }
    return MPIPE_OK;
}

static enum mpipe_err attach(struct mpipe_pipeline *pl, int64_t first,
                             int64_t last, int64_t step, bool single)
{
    struct range_source *s = malloc(sizeof *s);
    enum mpipe_err e;

    if (s == NULL)
        return mpipe__pipeline_wrong(pl, MPIPE_ENOMEM,
                                     "no memory for a source");
    mpipe__numbers_init(&s->numbers, first, last);
    s->step = step;
    s->single = single;
    e = mpipe__pipeline_own_source(pl, emit_numbers, s, free);
    if (e != MPIPE_OK)
        return e;
    return mpipe_pipeline_count(pl, mpipe__numbers_count(&s->numbers, step));
}

enum mpipe_err mpipe_source_range(struct mpipe_pipeline *pl,
                                  int64_t first, int64_t last)
{
    return attach(pl, first, last, 1, true);
}

enum mpipe_err mpipe_source_ranges(struct mpipe_pipeline *pl, int64_t first,
                                   int64_t last, int64_t step)
{
    if (step < 1)
        return mpipe__pipeline_wrong(pl, MPIPE_EINVAL,
                                     "mpipe_source_ranges: step is %lld, but "
                                     "must be at least 1", (long long)step);
    return attach(pl, first, last, step, false);
}
