/* SPDX-License-Identifier: BSD-3-Clause */
/* store.c - pairs in chunks or in a table, and sorted runs of them on disk. */
#include <stdlib.h>
#include "error.h"
#include "groups.h"
#include "store.h"

#define CHUNK_MAX  ((size_t)1 << 20)
#define CHUNK_MIN  ((size_t)256)
#define CHUNK_SHARE 8u
#define SORT_BYTES (2 * sizeof(struct mpipe__sort_entry))   /* for a pair */
#define MERGE_RUNS 32u
#define BLOCK_MIN  ((size_t)8 << 10)
#define BLOCK_MAX  ((size_t)256 << 10)

struct mpipe__store_chunk {
    struct mpipe__store_chunk *next;
    size_t used, capacity;
    char data[];
};

enum mpipe_err mpipe__store_init(struct mpipe__store *s, uint32_t n_parts,
                                 const struct mpipe__combiner *combiner,
                                 size_t limit, const char *folder)
{
    memset(s, 0, sizeof *s);
    s->combiner = *combiner;
    s->limit = limit;
    mpipe__scratch_init(&s->file, folder);
    s->part = calloc(n_parts + 1u, sizeof *s->part);
    if (s->part == NULL)
        return MPIPE_ENOMEM;
    s->n_parts = n_parts;
    return MPIPE_OK;
}

const struct mpipe__store_part *mpipe__store_part(const struct mpipe__store *s,
                                                  uint32_t p)
{
    static const struct mpipe__store_part nothing;

    return s->part[p] != NULL ? s->part[p] : &nothing;
}

/* To add to it; NULL: no memory. */
static struct mpipe__store_part *part_of(struct mpipe__store *s, uint32_t p)
{
    if (s->part[p] == NULL) {
        s->part[p] = calloc(1, sizeof *s->part[p]);
        if (s->part[p] != NULL)
            mpipe__table_init(&s->part[p]->table, &s->combiner);
    }
    return s->part[p];
}

/* Forget what is in memory. */
static void empty(struct mpipe__store *s, struct mpipe__store_part *part)
{
    struct mpipe__store_chunk *next;

    for (struct mpipe__store_chunk *c = part->first; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    part->first = part->last = NULL;
    mpipe__table_fini(&part->table);
    s->memory -= part->memory;
    part->memory = part->in_memory = 0;
}

void mpipe__store_drop(struct mpipe__store *s, uint32_t p)
{
    struct mpipe__store_part *part = s->part[p];

    if (part == NULL)
        return;
    empty(s, part);
    free(part->run);
    free(part);
    s->part[p] = NULL;
}

void mpipe__store_fini(struct mpipe__store *s)
{
    if (s->part == NULL)
        return;                 /* it was never made: no file is its */
    for (uint32_t p = 0; p < s->n_parts; p++)
        mpipe__store_drop(s, p);
    free(s->part);
    s->part = NULL;
    s->n_parts = 0;
    mpipe__scratch_fini(&s->file);
}

static enum mpipe_err no_memory(struct mpipe_error *err, const char *what)
{
    mpipe__error(err, -1, MPIPE_ENOMEM, "no memory %s (a lower --memory keeps "
                 "less there)", what);
    return MPIPE_ENOMEM;
}

/* ---- in memory ---- */

enum mpipe_err mpipe__store_entries(struct mpipe__store *s, uint32_t p,
                                    bool sorted,
                                    struct mpipe__sort_entry **entry,
                                    struct mpipe_error *err)
{
    const struct mpipe__store_part *part = mpipe__store_part(s, p);
    size_t n = part->in_memory, k = 0;
    struct mpipe__sort_entry *spare = malloc((sorted ? n + 1 : 1)
                                             * sizeof *spare);

    *entry = malloc((n + 1) * sizeof **entry);
    if (*entry == NULL || spare == NULL) {
        free(spare);
        free(*entry);
        *entry = NULL;
        return no_memory(err, "to sort pairs");
    }
    for (const struct mpipe__store_chunk *c = part->first; c != NULL;
         c = c->next)
        for (size_t at = 0; at < c->used;
             at += mpipe__pair_stride(c->data + at))
            (*entry)[k++] = mpipe__sort_entry(c->data + at);
    for (size_t at = 0; at < part->table.used;
         at += mpipe__pair_stride(part->table.arena + at))
        (*entry)[k++] = mpipe__sort_entry(part->table.arena + at);
    if (sorted)
        mpipe__sort(*entry, spare, n);
    free(spare);
    return MPIPE_OK;
}

/* Place for a pair at the end of the chunks. */
static char *place(struct mpipe__store *s, struct mpipe__store_part *part,
                   size_t stride)
{
    struct mpipe__store_chunk *c = part->last;

    if (c == NULL || c->used + stride > c->capacity) {
        /* so that all parts have one, and there is room for more */
        size_t capacity = s->limit / CHUNK_SHARE / s->n_parts;

        capacity = capacity > CHUNK_MAX ? CHUNK_MAX
                   : capacity < CHUNK_MIN ? CHUNK_MIN : capacity;
        if (capacity < stride)
            capacity = stride;
        c = malloc(sizeof *c + capacity);
        if (c == NULL)
            return NULL;
        c->next = NULL;
        c->used = 0;
        c->capacity = capacity;
        if (part->last != NULL)
            part->last->next = c;
        else
            part->first = c;
        part->last = c;
        part->memory += sizeof *c + capacity;
        s->memory += sizeof *c + capacity;
    }
    c->used += stride;
    return c->data + c->used - stride;
}

static enum mpipe_err keep(struct mpipe__store *s,
                           struct mpipe__store_part *part, const void *pair)
{
    size_t stride = mpipe__pair_stride(pair);
    const struct mpipe__pair_head *head = mpipe__pair(pair);
    char *to = place(s, part, stride);

    if (to == NULL)
        return MPIPE_ENOMEM;
    mpipe__pair_write(to, mpipe__pair_key(pair), head->key_size,
                      mpipe__pair_value(pair), head->value_size);
    part->in_memory++;
    part->memory += SORT_BYTES;
    s->memory += SORT_BYTES;
    return MPIPE_OK;
}

static enum mpipe_err combine(struct mpipe__store *s,
                              struct mpipe__store_part *part,
                              const void *pair, uint64_t hash)
{
    const struct mpipe__pair_head *head = mpipe__pair(pair);
    enum mpipe_err e = mpipe__table_add_hashed(&part->table, hash,
                                               mpipe__pair_key(pair),
                                               head->key_size,
                                               mpipe__pair_value(pair),
                                               head->value_size);
    size_t memory = mpipe__table_memory(&part->table)
                    + part->table.n * SORT_BYTES;

    s->memory += memory - part->memory;
    part->memory = memory;
    part->in_memory = part->table.n;
    return e;
}

/* ---- on disk ---- */

static enum mpipe_err add_run(struct mpipe__store_part *part, unsigned at,
                              const struct mpipe__run *run,
                              struct mpipe_error *err)
{
    struct mpipe__run *more = realloc(part->run,
                                      (part->n_runs + 1) * sizeof *more);

    if (more == NULL)
        return no_memory(err, "for the list of runs");
    memmove(more + at + 1, more + at, (part->n_runs - at) * sizeof *more);
    more[at] = *run;
    part->run = more;
    part->n_runs++;
    part->spilled += run->end - run->begin;
    return MPIPE_OK;
}

/* So that the blocks of all runs that are merged fit. */
static size_t block_of(const struct mpipe__store *s)
{
    size_t block = s->limit / (4 * MPIPE__MERGE_MAX);

    return block < BLOCK_MIN ? BLOCK_MIN : block > BLOCK_MAX ? BLOCK_MAX : block;
}

static enum mpipe_err write_sorted(struct mpipe__store *s,
                                   const struct mpipe__sort_entry *entry,
                                   size_t n, struct mpipe__run *run,
                                   struct mpipe_error *err)
{
    struct mpipe__run_writer w = { NULL, NULL, 0, 0, 0 };
    enum mpipe_err e = mpipe__run_begin(&w, &s->file, block_of(s), err), end;

    for (size_t i = 0; i < n && e == MPIPE_OK; i++)
        e = mpipe__run_add(&w, entry[i].pair, err);
    end = mpipe__run_end(&w, run, e == MPIPE_OK ? err : NULL);
    return e != MPIPE_OK ? e : end;
}

static enum mpipe_err spill(struct mpipe__store *s, uint32_t p,
                            struct mpipe_error *err)
{
    struct mpipe__store_part *part = s->part[p];
    struct mpipe__sort_entry *entry = NULL;
    struct mpipe__run run = { 0, 0 };
    enum mpipe_err e = mpipe__store_entries(s, p, true, &entry, err);

    if (e == MPIPE_OK)
        e = write_sorted(s, entry, part->in_memory, &run, err);
    if (e == MPIPE_OK)
        e = add_run(part, part->n_runs, &run, err);
    free(entry);
    if (e == MPIPE_OK)
        empty(s, part);
    return e;
}

/* The oldest MERGE_RUNS become one, in their place. */
static enum mpipe_err merge_oldest(struct mpipe__store *s, uint32_t p,
                                   struct mpipe_error *err)
{
    struct mpipe__store_part *part = s->part[p];
    unsigned n = part->n_runs < MERGE_RUNS ? part->n_runs : MERGE_RUNS;
    struct mpipe__run_writer w = { NULL, NULL, 0, 0, 0 };
    struct mpipe__run run;
    enum mpipe_err e = mpipe__run_begin(&w, &s->file, block_of(s), err), end;

    if (e == MPIPE_OK)
        e = mpipe__groups_write(s, part->run, n, &w, err);
    end = mpipe__run_end(&w, &run, e == MPIPE_OK ? err : NULL);
    if (e == MPIPE_OK)
        e = end;
    if (e != MPIPE_OK)
        return e;
    memmove(part->run, part->run + n, (part->n_runs - n) * sizeof run);
    part->n_runs -= n;
    return add_run(part, 0, &run, err);
}

enum mpipe_err mpipe__store_merge_runs(struct mpipe__store *s, uint32_t p,
                                       unsigned n, struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;

    while (mpipe__store_part(s, p)->n_runs > n && e == MPIPE_OK)
        e = merge_oldest(s, p, err);
    return e;
}

static enum mpipe_err make_room(struct mpipe__store *s, struct mpipe_error *err)
{
    uint32_t largest = 0;

    for (uint32_t p = 1; p < s->n_parts; p++)
        if (mpipe__store_part(s, p)->memory > mpipe__store_part(s, largest)->memory)
            largest = p;
    return spill(s, largest, err);
}

static enum mpipe_err add_one(struct mpipe__store *s,
                              struct mpipe__store_part *part, const void *pair,
                              uint64_t hash, struct mpipe_error *err)
{
    enum mpipe_err e = s->combiner.fn != NULL ? combine(s, part, pair, hash)
                                              : keep(s, part, pair);

    if (e == MPIPE_EINVAL)
        mpipe__error(err, -1, e, "a value of %u bytes cannot be combined with "
                     "the others of its key", mpipe__pair(pair)->value_size);
    if (e == MPIPE_ENOMEM)
        no_memory(err, "for pairs");
    if (e != MPIPE_OK)
        return e;
    part->pairs++;
    part->bytes += mpipe__pair_stride(pair);
    if (s->memory > s->memory_max)
        s->memory_max = s->memory;
    return s->memory > s->limit ? make_room(s, err) : MPIPE_OK;
}

enum mpipe_err mpipe__store_add(struct mpipe__store *s, uint32_t p,
                                const void *const *pair, size_t n,
                                struct mpipe_error *err)
{
    struct mpipe__store_part *part = part_of(s, p);
    uint64_t hash[MPIPE__STORE_BATCH] = { 0 };
    enum mpipe_err e = MPIPE_OK;

    if (part == NULL)
        return no_memory(err, "for a partition");
    for (size_t i = 0; i < n && s->combiner.fn != NULL; i++) {
        hash[i] = mpipe__key_hash(mpipe__pair_key(pair[i]),
                                  mpipe__pair(pair[i])->key_size);
        mpipe__table_fetch_slot(&part->table, hash[i]);
    }
    for (size_t i = 0; i < n && s->combiner.fn != NULL; i++)
        mpipe__table_fetch_pair(&part->table, hash[i]);
    for (size_t i = 0; i < n && e == MPIPE_OK; i++)
        e = add_one(s, part, pair[i], hash[i], err);
    return e;
}
