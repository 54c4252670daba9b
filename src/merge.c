/* SPDX-License-Identifier: BSD-3-Clause */
/* merge.c - a binary heap of sources. */
#include <stdlib.h>
#include "merge.h"

enum mpipe_err mpipe__merge_init(struct mpipe__merge *m, unsigned max)
{
    memset(m, 0, sizeof *m);
    m->source = calloc(max + 1u, sizeof *m->source);
    m->heap = calloc(max + 1u, sizeof *m->heap);
    m->max = max;
    return m->source != NULL && m->heap != NULL ? MPIPE_OK : MPIPE_ENOMEM;
}

void mpipe__merge_fini(struct mpipe__merge *m)
{
    for (unsigned i = 0; m->source != NULL && i < m->max; i++)
        mpipe__run_close(&m->source[i].run);
    free(m->source);
    free(m->heap);
    memset(m, 0, sizeof *m);
}

/* Does source a come before source b? */
static bool before(const struct mpipe__merge *m, unsigned a, unsigned b)
{
    const struct mpipe__merge_source *x = &m->source[a], *y = &m->source[b];
    int order;

    if (x->prefix != y->prefix)
        return x->prefix < y->prefix;
    order = mpipe__key_order(mpipe__pair_key(x->pair),
                             mpipe__pair(x->pair)->key_size,
                             mpipe__pair_key(y->pair),
                             mpipe__pair(y->pair)->key_size);
    return order != 0 ? order < 0 : a < b;
}

static void sift_down(struct mpipe__merge *m, unsigned at)
{
    unsigned top = m->heap[at];

    for (;;) {
        unsigned child = 2 * at + 1;

        if (child >= m->n)
            break;
        if (child + 1 < m->n && before(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (before(m, top, m->heap[child]))
            break;
        m->heap[at] = m->heap[child];
        at = child;
    }
    m->heap[at] = top;
}

static void push(struct mpipe__merge *m, unsigned source)
{
    unsigned at = m->n++;

    while (at > 0 && before(m, source, m->heap[(at - 1) / 2])) {
        m->heap[at] = m->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    m->heap[at] = source;
}

/* Load the source's next pair; NULL: it has none. */
static enum mpipe_err advance(struct mpipe__merge_source *s,
                              struct mpipe_error *err)
{
    const void *pair = NULL;
    enum mpipe_err e = MPIPE_OK;

    if (s->at != NULL) {
        bool any = s->at < s->end;
        s->prefix = any ? s->at->prefix : 0;
        s->pair = any ? s->at->pair : NULL;
        s->at += any;
        return MPIPE_OK;
    }
    e = mpipe__run_next(&s->run, &pair, err);
    s->pair = pair;
    if (pair != NULL)
        s->prefix = mpipe__key_prefix(mpipe__pair_key(pair),
                                      mpipe__pair(pair)->key_size);
    return e;
}

/* The sources in use are the first ones, so the next free one is found by
 * what has been added: a run or memory. */
static unsigned next_free(const struct mpipe__merge *m)
{
    unsigned i = 0;

    while (i < m->max && (m->source[i].run.file != NULL
                          || m->source[i].at != NULL))
        i++;
    return i;
}

enum mpipe_err mpipe__merge_add_run(struct mpipe__merge *m,
                                    const struct mpipe__scratch_file *file,
                                    const struct mpipe__run *run,
                                    struct mpipe_error *err)
{
    unsigned i = next_free(m);
    enum mpipe_err e;

    mpipe__run_open(&m->source[i].run, file, run);
    e = advance(&m->source[i], err);
    if (e == MPIPE_OK && m->source[i].pair != NULL)
        push(m, i);
    return e;
}

void mpipe__merge_add_memory(struct mpipe__merge *m,
                             const struct mpipe__sort_entry *entry, size_t n)
{
    unsigned i = next_free(m);

    if (n == 0)
        return;
    m->source[i].at = entry;
    m->source[i].end = entry + n;
    advance(&m->source[i], NULL);
    push(m, i);
}

enum mpipe_err mpipe__merge_peek(struct mpipe__merge *m, const char **pair,
                                 struct mpipe_error *err)
{
    *pair = NULL;
    if (m->moved && m->n > 0) {
        struct mpipe__merge_source *s = &m->source[m->heap[0]];
        enum mpipe_err e = advance(s, err);

        if (e != MPIPE_OK)
            return e;
        if (s->pair == NULL)
            m->heap[0] = m->heap[--m->n];
        if (m->n > 0)
            sift_down(m, 0);
    }
    m->moved = false;
    if (m->n > 0)
        *pair = m->source[m->heap[0]].pair;
    return MPIPE_OK;
}
