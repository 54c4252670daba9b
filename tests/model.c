/* SPDX-License-Identifier: BSD-3-Clause */
/* model.c - steps on plain bytes.
 *
 * An item of 8 bytes or more begins with a number of its own, from which
 * follows what becomes of it; what a step makes has new numbers, so that no
 * two items at one step are the same and failed tries can be counted by it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"
#include "random.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t state = a ^ (b + 1) * 0xff51afd7ed558ccdu;

    return mpipe__random(&state);
}

uint64_t mpipe__bytes_hash(const void *data, size_t size)
{
    const unsigned char *at = data;
    uint64_t hash = size, word;

    for (; size >= 8; at += 8, size -= 8) {
        memcpy(&word, at, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; size > 0; at++, size--)
        hash = (hash ^ *at) * 0x100000001b3u;
    return mix(hash, 0);
}

/* ---- rows ---- */

void mpipe__rows_add(struct mpipe__rows *rows, const void *data, size_t size,
                     unsigned stage)
{
    if (rows->n == rows->capacity) {
        size_t n = rows->n > 0 ? 2 * rows->n : 64;
        struct mpipe__bytes_row *more = realloc(rows->row, n * sizeof *more);
        if (more == NULL) {
            perror("model");
            abort();
        }
        rows->row = more;
        rows->capacity = n;
    }
    rows->row[rows->n++] = (struct mpipe__bytes_row){
        size, mpipe__bytes_hash(data, size), stage
    };
}

static int compare(const void *a, const void *b)
{
    const struct mpipe__bytes_row *p = a, *q = b;

    if (p->stage != q->stage)
        return p->stage < q->stage ? -1 : 1;
    if (p->size != q->size)
        return p->size < q->size ? -1 : 1;
    return p->hash < q->hash ? -1 : p->hash > q->hash;
}

void mpipe__rows_sort(struct mpipe__rows *rows)
{
    if (rows->n > 1)
        qsort(rows->row, rows->n, sizeof *rows->row, compare);
}

size_t mpipe__rows_differ(const struct mpipe__rows *a,
                          const struct mpipe__rows *b)
{
    size_t n = a->n < b->n ? a->n : b->n;

    for (size_t i = 0; i < n; i++)
        if (compare(&a->row[i], &b->row[i]) != 0)
            return i;
    return a->n == b->n ? SIZE_MAX : n;
}

void mpipe__rows_free(struct mpipe__rows *rows)
{
    free(rows->row);
    memset(rows, 0, sizeof *rows);
}

/* ---- items ---- */

static void fill(uint64_t id, void *to, size_t size)
{
    unsigned char *at = to;
    uint64_t state = id;

    if (size >= 8)
        memcpy(at, &id, 8);
    for (size_t i = size >= 8 ? 8 : 0; i < size; i += 8) {
        uint64_t word = state += 0x9e3779b97f4a7c15u;
        memcpy(at + i, &word, size - i < 8 ? size - i : 8);
    }
}

size_t mpipe__item_make(uint64_t seed, uint64_t n, bool fixed, void *to)
{
    uint64_t state = mix(seed, n), kind;
    size_t size;

    if (fixed) {
        size = mix(seed, 7) % 65;
    } else {
        kind = mpipe__random_to(&state, 100);
        size = mpipe__random_to(&state, kind < 75 ? 65 : kind < 92 ? 2000
                                : kind < 98 ? 20000 : MPIPE__ITEM_MAX);
    }
    fill(mix(seed, n), to, size);
    return size;
}

uint64_t mpipe__step_key(const struct mpipe__step *step, const void *data,
                         size_t size)
{
    uint64_t id;

    if (size < 8)
        id = mpipe__bytes_hash(data, size);
    else
        memcpy(&id, data, 8);
    return mix(id, step->number);
}

bool mpipe__step_fails(const struct mpipe__step *step, const void *data,
                       size_t size)
{
    if (step->one_in == 0 || (size < 8 && step->fails != MPIPE__EVER))
        return false;
    return mix(mpipe__step_key(step, data, size), 1) % step->one_in == 0;
}

unsigned mpipe__step_count(const struct mpipe__step *step, const void *data,
                           size_t size)
{
    uint64_t key = mpipe__step_key(step, data, size);

    switch (step->kind) {
    case MPIPE__STEP_DROP:
        return key % (step->most + 1) != 0;
    case MPIPE__STEP_MAKE:
        return (unsigned)(key % (step->most + 1));
    default:
        return 1;
    }
}

size_t mpipe__step_most(const struct mpipe__step *step, size_t size)
{
    if (step->kind != MPIPE__STEP_GROW || size >= MPIPE__ITEM_MAX)
        return size;
    if (size < 8)
        return 7;               /* it still has no number of its own */
    size = 2 * size + 17;
    return size < MPIPE__ITEM_MAX ? size : MPIPE__ITEM_MAX;
}

size_t mpipe__step_item(const struct mpipe__step *step, const void *data,
                        size_t size, unsigned n, void *to)
{
    uint64_t key = mpipe__step_key(step, data, size);

    switch (step->kind) {
    case MPIPE__STEP_SHRINK:
        memcpy(to, data, size / 2);
        return size / 2;
    case MPIPE__STEP_GROW:
        fill(key, to, mpipe__step_most(step, size));
        return mpipe__step_most(step, size);
    case MPIPE__STEP_MAKE:
        if (size > 400 && key % 4 != 0)
            size = 400 - n;         /* not too many large ones */
        fill(mix(key, n + 2), to, size);
        return size;
    default:
        memcpy(to, data, size);
        return size;
    }
}

void mpipe__step_map(const struct mpipe__step *step, void *data, size_t size)
{
    unsigned char *at = data;
    uint64_t word, change = mix(step->number, 3);

    for (; size >= 8; at += 8, size -= 8) {
        memcpy(&word, at, 8);
        word ^= change;
        memcpy(at, &word, 8);
    }
    for (; size > 0; at++, size--)
        *at ^= (unsigned char)change;
}

/* ---- drawing ---- */

/* A step that fails after it has emitted makes the steps that follow it on the
 * same rank run once more; so none of those may count its tries. */
static void draw_failing(uint64_t *random, struct mpipe__step *step,
                         bool *counts)
{
    bool ever = mpipe__random_to(random, 2) == 0;

    step->one_in = 1 + (unsigned)mpipe__random_to(random, 20);
    step->fails = ever ? MPIPE__EVER
                       : 1 + (uint32_t)mpipe__random_to(random, 4);
    step->late = step->kind != MPIPE__STEP_MAP && !*counts
                 && mpipe__random_to(random, 2) == 0;
    *counts |= !ever;
}

unsigned mpipe__steps_draw(uint64_t *random, struct mpipe__step *step)
{
    unsigned n = 1 + (unsigned)mpipe__random_to(random, MPIPE__STEPS_MAX);
    bool counts = false, failing = mpipe__random_to(random, 2) == 0;

    for (unsigned s = n; s-- > 0;) {
        memset(&step[s], 0, sizeof step[s]);
        step[s].number = s;
        step[s].kind = (enum mpipe__step_kind)mpipe__random_to(
            random, MPIPE__STEP_KINDS);
        step[s].most = 1 + (unsigned)mpipe__random_to(random, 4);
        step[s].reserves = mpipe__random_to(random, 2) == 0;
        if (failing && mpipe__random_to(random, 2) == 0)
            draw_failing(random, &step[s], &counts);
        step[s].replicas = mpipe__random_to(random, 3) == 0
                           ? 1 + (unsigned)mpipe__random_to(random, 3) : 0;
        step[s].work = (double)mpipe__random_to(random, 4);
        if (mpipe__random_to(random, 4) == 0)
            step[s].takes_ns = 100u << mpipe__random_to(random, 18);
    }
    return n;
}

/* ---- the reference ---- */

struct walk {
    struct mpipe__reference *ref;
    const struct mpipe__step *step;
    unsigned n_steps, max_retries;
};

static void take(const struct walk *w, unsigned s, void *data, size_t size)
{
    struct mpipe__reference *ref = w->ref;
    const struct mpipe__step *step = &w->step[s];
    unsigned n;

    ref->bytes += size;
    if (s == w->n_steps) {
        mpipe__rows_add(&ref->results, data, size, 0);
        return;
    }
    ref->in[s]++;
    if (mpipe__step_fails(step, data, size)) {
        bool last = step->fails > w->max_retries;
        ref->retried += last ? w->max_retries : step->fails;
        if (last) {
            mpipe__rows_add(&ref->failures, data, size, s);
            return;
        }
    }
    n = mpipe__step_count(step, data, size);
    ref->dropped += n == 0;
    ref->made += n > 0 ? n - 1 : 0;
    ref->out[s] += n;
    if (step->kind == MPIPE__STEP_MAP) {
        mpipe__step_map(step, data, size);
        take(w, s + 1, data, size);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        void *to = malloc(mpipe__step_most(step, size) + 1);
        if (to == NULL) {
            perror("model");
            abort();
        }
        take(w, s + 1, to, mpipe__step_item(step, data, size, i, to));
        free(to);
    }
}

void mpipe__reference_item(struct mpipe__reference *ref,
                           const struct mpipe__step *step, unsigned n_steps,
                           unsigned max_retries, void *data, size_t size)
{
    struct walk w = { ref, step, n_steps, max_retries };

    take(&w, 0, data, size);
}

void mpipe__reference_run(struct mpipe__reference *ref,
                          const struct mpipe__step *step, unsigned n_steps,
                          unsigned max_retries, uint64_t seed, uint64_t n,
                          bool fixed)
{
    void *item = malloc(MPIPE__ITEM_MAX);

    memset(ref, 0, sizeof *ref);
    if (item == NULL) {
        perror("model");
        abort();
    }
    for (uint64_t i = 0; i < n; i++)
        mpipe__reference_item(ref, step, n_steps, max_retries, item,
                              mpipe__item_make(seed, i, fixed, item));
    free(item);
}

void mpipe__reference_free(struct mpipe__reference *ref)
{
    mpipe__rows_free(&ref->results);
    mpipe__rows_free(&ref->failures);
}
