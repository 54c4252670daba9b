/* SPDX-License-Identifier: BSD-3-Clause */
/* groups.c - runs of equal keys in a merged stream. */
#include <stdlib.h>
#include "error.h"
#include "groups.h"

static bool have(char **buffer, size_t *capacity, size_t size)
{
    char *more;

    if (size + 8 <= *capacity)
        return true;
    more = malloc(2 * size + 64);
    if (more == NULL)
        return false;
    free(*buffer);
    *buffer = more;
    *capacity = 2 * size + 64;
    return true;
}

static void no_memory(struct mpipe_values *g, size_t size)
{
    mpipe__error(&g->error, -1, MPIPE_ENOMEM, "no memory for a key or value "
                 "of %zu bytes", size);
}

/* The pair at hand, if it is one of the group. */
static const char *member(struct mpipe_values *g)
{
    const char *pair;

    if (g->error.code != MPIPE_OK
        || mpipe__merge_peek(&g->merge, &pair, &g->error) != MPIPE_OK
        || pair == NULL
        || g->merge.source[g->merge.heap[0]].prefix != g->prefix
        || mpipe__pair(pair)->key_size != g->key.size
        || (g->key.size > 8 && memcmp(mpipe__pair_key(pair), g->key.data,
                                      g->key.size) != 0))
        return NULL;
    return pair;
}

static void take(struct mpipe_values *g)
{
    mpipe__merge_take(&g->merge);
    g->taken++;
    g->n++;
}

/* Combine all values of the group. */
static bool combine(struct mpipe_values *g)
{
    const char *pair = member(g);
    const struct mpipe__combiner *c = g->combiner;

    if (pair == NULL)
        return false;
    g->acc_size = mpipe__pair(pair)->value_size;
    if (!have(&g->acc, &g->acc_capacity, g->acc_size)) {
        no_memory(g, g->acc_size);
        return false;
    }
    mpipe__combine_first(c, g->acc, mpipe__pair_value(pair), g->acc_size);
    take(g);
    while ((pair = member(g)) != NULL) {
        if (mpipe__pair(pair)->value_size != g->acc_size) {
            mpipe__error(&g->error, -1, MPIPE_EINVAL, "values of %zu and %u "
                         "bytes of one key cannot be combined", g->acc_size,
                         mpipe__pair(pair)->value_size);
            return false;
        }
        mpipe__combine_add(c, g->acc, mpipe__pair_value(pair), g->acc_size);
        take(g);
    }
    return g->error.code == MPIPE_OK;
}

int mpipe_values_next(struct mpipe_values *g, struct mpipe_item *value)
{
    const char *pair;

    if (g->combiner != NULL) {
        if (g->combined || !combine(g))
            return 0;
        g->combined = true;
        *value = (struct mpipe_item){ g->acc, g->acc_size };
        return 1;
    }
    pair = member(g);
    if (pair == NULL)
        return 0;
    *value = (struct mpipe_item){ mpipe__pair_value(pair),
                                  mpipe__pair(pair)->value_size };
    take(g);
    return 1;
}

bool mpipe__groups_next(struct mpipe_values *g)
{
    const char *pair;
    size_t size;

    while (g->key.data != NULL && member(g) != NULL)
        take(g);
    g->key.data = NULL;
    if (g->error.code != MPIPE_OK
        || mpipe__merge_peek(&g->merge, &pair, &g->error) != MPIPE_OK
        || pair == NULL)
        return false;
    size = mpipe__pair(pair)->key_size;
    if (!have(&g->key_copy, &g->key_capacity, size)) {
        no_memory(g, size);
        return false;
    }
    memcpy(g->key_copy, mpipe__pair_key(pair), size);
    g->key = (struct mpipe_item){ g->key_copy, size };
    g->prefix = mpipe__key_prefix(g->key_copy, size);
    g->combined = false;
    g->n = 0;
    return true;
}

enum mpipe_err mpipe__groups_open(struct mpipe_values *g,
                                  struct mpipe__store *s, uint32_t p,
                                  struct mpipe_error *err)
{
    const struct mpipe__store_part *part = mpipe__store_part(s, p);
    enum mpipe_err e;
    bool sorted;

    memset(g, 0, sizeof *g);
    g->combiner = s->combiner.fn != NULL ? &s->combiner : NULL;
    e = mpipe__store_merge_runs(s, p, MPIPE__MERGE_MAX, err);
    /* of a table each key is there once, and in any order will do */
    sorted = !s->any_order || g->combiner == NULL || part->n_runs > 0;
    if (e == MPIPE_OK)
        e = mpipe__store_entries(s, p, sorted, &g->entry, err);
    if (e == MPIPE_OK && mpipe__merge_init(&g->merge, part->n_runs + 1)
                         != MPIPE_OK) {
        e = MPIPE_ENOMEM;
        mpipe__error(err, -1, e, "no memory to merge %u runs", part->n_runs);
    }
    for (unsigned i = 0; i < part->n_runs && e == MPIPE_OK; i++)
        e = mpipe__merge_add_run(&g->merge, &s->file, &part->run[i], err);
    if (e == MPIPE_OK)
        mpipe__merge_add_memory(&g->merge, g->entry, part->in_memory);
    return e;
}

void mpipe__groups_close(struct mpipe_values *g, struct mpipe__store *s,
                         uint32_t p)
{
    mpipe__merge_fini(&g->merge);
    free(g->entry);
    free(g->key_copy);
    free(g->acc);
    memset(g, 0, sizeof *g);
    if (!s->keeps)
        mpipe__store_drop(s, p);
}

static enum mpipe_err write_combined(struct mpipe_values *g,
                                     struct mpipe__run_writer *to,
                                     struct mpipe_error *err)
{
    char *pair = NULL;
    size_t capacity = 0;
    enum mpipe_err e = MPIPE_OK;

    while (e == MPIPE_OK && mpipe__groups_next(g) && combine(g)) {
        size_t size = mpipe__pair_size(g->key.size, g->acc_size);
        if (!have(&pair, &capacity, size)) {
            no_memory(g, size);
            break;
        }
        mpipe__pair_write(pair, g->key.data, g->key.size, g->acc, g->acc_size);
        e = mpipe__run_add(to, pair, err);
    }
    free(pair);
    return e;
}

enum mpipe_err mpipe__groups_write(struct mpipe__store *s,
                                   const struct mpipe__run *run, unsigned n,
                                   struct mpipe__run_writer *to,
                                   struct mpipe_error *err)
{
    struct mpipe_values g = { .combiner = NULL };
    enum mpipe_err e = mpipe__merge_init(&g.merge, n);
    const char *pair;

    g.combiner = s->combiner.fn != NULL ? &s->combiner : NULL;
    if (e != MPIPE_OK)
        mpipe__error(err, -1, e, "no memory to merge %u runs", n);
    for (unsigned i = 0; i < n && e == MPIPE_OK; i++)
        e = mpipe__merge_add_run(&g.merge, &s->file, &run[i], err);
    if (e == MPIPE_OK && g.combiner != NULL)
        e = write_combined(&g, to, err);
    while (e == MPIPE_OK && g.combiner == NULL
           && (e = mpipe__merge_peek(&g.merge, &pair, err)) == MPIPE_OK
           && pair != NULL) {
        e = mpipe__run_add(to, pair, err);
        mpipe__merge_take(&g.merge);
    }
    if (e == MPIPE_OK && g.error.code != MPIPE_OK) {
        e = g.error.code;
        if (err != NULL)
            *err = g.error;
    }
    mpipe__merge_fini(&g.merge);
    free(g.key_copy);
    free(g.acc);
    return e;
}
