/* SPDX-License-Identifier: BSD-3-Clause */
/* model.h - random pipelines, and what must come out of them.
 *
 * A step is what a stage does to an item; it depends on the item's bytes alone
 * (and, where it fails a few times first, on how often it has).  The reference
 * takes one item after another through all steps by plain recursion.
 */
#ifndef MPIPE_TESTS_MODEL_H
#define MPIPE_TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MPIPE__STEPS_MAX 6
#define MPIPE__EVER UINT32_MAX

enum mpipe__step_kind {
    MPIPE__STEP_MAP,        /* changes the bytes where they lie */
    MPIPE__STEP_COPY,       /* one for one */
    MPIPE__STEP_SHRINK,     /* one for one, half the size */
    MPIPE__STEP_GROW,       /* one for one, more than twice the size */
    MPIPE__STEP_DROP,       /* none for some */
    MPIPE__STEP_MAKE,       /* 0 to 'most' for each */
    MPIPE__STEP_KINDS
};

struct mpipe__step {
    enum mpipe__step_kind kind;
    unsigned number;        /* its place in the pipeline */
    unsigned most;
    uint32_t fails;         /* tries of an item that fail before one does not;
                               MPIPE__EVER: all */
    unsigned one_in;        /* so many items fail; 0: none */
    bool late;              /* they fail after they have emitted */
    bool reserves;          /* mpipe_reserve() and commit, not emit */
    unsigned replicas;
    double work;
    uint64_t takes_ns;      /* at most, for an item */
};

struct mpipe__bytes_row {   /* an item, a result or a failure */
    size_t size;
    uint64_t hash;
    unsigned stage;         /* failures: where */
};

struct mpipe__rows {
    struct mpipe__bytes_row *row;
    size_t n, capacity;
};

struct mpipe__reference {
    struct mpipe__rows results, failures;
    uint64_t made, dropped, retried;
    uint64_t in[MPIPE__STEPS_MAX], out[MPIPE__STEPS_MAX];   /* done well */
    uint64_t bytes;         /* of all items anywhere */
};

void mpipe__rows_add(struct mpipe__rows *rows, const void *data, size_t size,
                     unsigned stage);
uint64_t mpipe__bytes_hash(const void *data, size_t size);
void mpipe__rows_sort(struct mpipe__rows *rows);
/* The first row that differs; SIZE_MAX: none. */
size_t mpipe__rows_differ(const struct mpipe__rows *a,
                          const struct mpipe__rows *b);
void mpipe__rows_free(struct mpipe__rows *rows);

/* Item 'n' of a feed into 'to', which has room for MPIPE__ITEM_MAX; its
 * size. */
#define MPIPE__ITEM_MAX ((size_t)200 << 10)
size_t mpipe__item_make(uint64_t seed, uint64_t n, bool fixed, void *to);

/* Which items fail at a step, and a number for each (item, step). */
bool mpipe__step_fails(const struct mpipe__step *step, const void *data,
                       size_t size);
uint64_t mpipe__step_key(const struct mpipe__step *step, const void *data,
                         size_t size);
/* How many items it makes of this one; the n-th of them, with its size, which
 * is at most most_of(); the change in place of a MAP. */
unsigned mpipe__step_count(const struct mpipe__step *step, const void *data,
                           size_t size);
size_t mpipe__step_most(const struct mpipe__step *step, size_t size);
size_t mpipe__step_item(const struct mpipe__step *step, const void *data,
                        size_t size, unsigned n, void *to);
void mpipe__step_map(const struct mpipe__step *step, void *data, size_t size);

/* Draw 1 ... MPIPE__STEPS_MAX steps. */
unsigned mpipe__steps_draw(uint64_t *random, struct mpipe__step *step);

/* What one item becomes, besides what is in 'ref'; a MAP changes it. */
void mpipe__reference_item(struct mpipe__reference *ref,
                           const struct mpipe__step *step, unsigned n_steps,
                           unsigned max_retries, void *data, size_t size);
/* What all items of the feed become. */
void mpipe__reference_run(struct mpipe__reference *ref,
                          const struct mpipe__step *step, unsigned n_steps,
                          unsigned max_retries, uint64_t seed, uint64_t n,
                          bool fixed);
void mpipe__reference_free(struct mpipe__reference *ref);

#endif
