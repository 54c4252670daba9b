/* SPDX-License-Identifier: BSD-3-Clause */
/* look_ahead.c - see look_ahead.h. */
#include <stdio.h>
#include <stdlib.h>
#include <mpipe/mapreduce.h>
#include "grow.h"
#include "look_ahead.h"
#include "pair.h"
#include "partition.h"
#include "pipeline.h"

#define SAMPLE_MAX  100000u         /* keys, and bytes of each */
#define SAMPLE_KEY  1024u
#define AHEAD_ITEMS 1000u           /* that are fed twice, and their bytes */
#define AHEAD_BYTES ((size_t)8 << 20)

/* ---- a sample of keys ---- */

/* Keep one in two from now on, and of those that are there. */
static void thin_out(struct mpipe__look_ahead *a)
{
    struct mpipe_bytes *s = &a->sample;
    size_t to = 0, n = 0;

    for (size_t at = 0, size; at < s->size; at += size) {
        size = mpipe__pair_stride(s->data + at);
        if (n++ % 2 != 0)
            continue;
        memmove(s->data + to, s->data + at, size);
        to += size;
    }
    s->size = to;
    a->n_sample = n / 2;
    a->keep_one_in *= 2;
}

static enum mpipe_err keep_sample(const struct mpipe_item *item, void *arg)
{
    struct mpipe__look_ahead *a = arg;
    struct mpipe_bytes *s = &a->sample;
    struct mpipe_pair pair;
    size_t size;

    if (mpipe_pair_parse(item, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    if (a->seen++ % a->keep_one_in != 0)
        return MPIPE_OK;
    if (pair.key.size > SAMPLE_KEY)
        pair.key.size = SAMPLE_KEY; /* enough to tell where it belongs */
    size = mpipe__align8(mpipe__pair_size(pair.key.size, 0));
    if (!mpipe__bytes_room(s, size))
        return MPIPE_ENOMEM;
    mpipe__pair_write(s->data + s->size, pair.key.data, pair.key.size, "", 0);
    s->size += size;
    if (++a->n_sample == SAMPLE_MAX
        || s->size > a->most)
        thin_out(a);
    return MPIPE_OK;
}

enum mpipe_err mpipe__look_ahead_bounds(const struct mpipe__look_ahead *a,
                                        uint32_t n, struct mpipe_bytes *packed)
{
    const char **pair = malloc((a->n_sample + 1) * sizeof *pair);
    size_t k = 0;
    enum mpipe_err e;

    if (pair == NULL)
        return MPIPE_ENOMEM;
    for (size_t at = 0; at < a->sample.size;
         at += mpipe__pair_stride(a->sample.data + at))
        pair[k++] = a->sample.data + at;
    e = mpipe__bounds_pack(pair, k, n, packed);
    free(pair);
    return e;
}

/* ---- a source that cannot be looked at ahead ---- */

static void ignore(const struct mpipe_failure *failure, void *arg)
{
    (void)failure, (void)arg;
}

static enum mpipe_err keep_fed(void *arg, struct mpipe__frame *f)
{
    struct mpipe__look_ahead *a = arg;
    struct mpipe_bytes *b = &a->items;
    struct mpipe__cursor c;
    struct mpipe_item item;

    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item)) {
        uint64_t size = item.size;
        size_t need = sizeof size + mpipe__align8(item.size);

        if (!mpipe__bytes_room(b, need))
            return MPIPE_ENOMEM;
        memcpy(b->data + b->size, &size, sizeof size);
        if (size > 0)
            memcpy(b->data + b->size + sizeof size, item.data, item.size);
        b->size += need;
        a->n++;
    }
    return MPIPE_OK;
}

static enum mpipe_err first_items(struct mpipe_out *out, void *arg)
{
    struct mpipe__look_ahead *a = arg;
    enum mpipe_err e;

    if (a->ended || a->n >= AHEAD_ITEMS || a->items.size >= AHEAD_BYTES)
        return MPIPE_END;
    e = a->source(out, a->arg);
    a->ended = e == MPIPE_END;
    return e;
}

static enum mpipe_err all_items(struct mpipe_out *out, void *arg)
{
    struct mpipe__look_ahead *a = arg;
    enum mpipe_err e = MPIPE_OK;
    uint64_t size;

    for (int i = 0; e == MPIPE_OK && i < 1000 && a->next < a->items.size;
         i++) {
        memcpy(&size, a->items.data + a->next, sizeof size);
        e = mpipe_emit(out, a->items.data + a->next + sizeof size,
                       (size_t)size);
        a->next += sizeof size + mpipe__align8((size_t)size);
    }
    if (e != MPIPE_OK || a->next < a->items.size)
        return e;
    return a->ended ? MPIPE_END : a->source(out, a->arg);
}

enum mpipe_err mpipe__look_ahead_run(struct mpipe__look_ahead *a,
                                     struct mpipe *mp,
                                     struct mpipe__flow_spec *input,
                                     const char *job, size_t most)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    struct mpipe__flow_spec *spec = mpipe__pipeline_spec(pl);
    char name[80];
    enum mpipe_err e;

    *a = (struct mpipe__look_ahead){ .most = most, .keep_one_in = 1 };
    snprintf(name, sizeof name, "%s.sample", job);
    mpipe_pipeline_name(pl, name);
    if (input->sample != NULL) {
        mpipe_pipeline_source(pl, input->sample, input->source_arg);
    } else {
        a->source = input->source;
        a->arg = input->source_arg;
        mpipe_pipeline_source(pl, first_items, a);
        input->source = all_items;
        input->source_arg = a;
    }
    if (input->n_stages > 0)
        mpipe_pipeline_add(pl, &input->stage[0]);
    mpipe_pipeline_sink(pl, keep_sample, a);
    mpipe_pipeline_on_failure(pl, ignore, NULL);
    if (spec != NULL)
        spec->forgives = true;      /* what fails will fail again */
    if (spec != NULL && input->sample == NULL) {
        spec->fed = keep_fed;
        spec->fed_arg = a;
    }
    if (spec != NULL && input->error.code != MPIPE_OK)
        spec->error = input->error;             /* for all to hear */
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

void mpipe__look_ahead_over(const struct mpipe__look_ahead *a,
                            struct mpipe__flow_spec *input)
{
    if (a->source == NULL)
        return;
    input->source = a->source;
    input->source_arg = a->arg;
}

void mpipe__look_ahead_fini(struct mpipe__look_ahead *a)
{
    free(a->sample.data);
    free(a->items.data);
    memset(a, 0, sizeof *a);
}
