/* SPDX-License-Identifier: BSD-3-Clause */
/* combine.h - adding values up (layer 0, pure). */
#ifndef MPIPE__COMBINE_H
#define MPIPE__COMBINE_H

#include <mpipe/mapreduce.h>
#include "pair.h"

/* The ready-made ones; sums of int32_t and uint32_t have the same bits, so do
 * those of 64. */
#define MPIPE__COMBINERS(X) \
    X(sum, SUM, i32, uint32_t) X(sum, SUM, i64, uint64_t) \
    X(sum, SUM, u32, uint32_t) X(sum, SUM, u64, uint64_t) \
    X(sum, SUM, f32, float)    X(sum, SUM, f64, double) \
    X(min, MIN, i32, int32_t)  X(min, MIN, i64, int64_t) \
    X(min, MIN, u32, uint32_t) X(min, MIN, u64, uint64_t) \
    X(min, MIN, f32, float)    X(min, MIN, f64, double) \
    X(max, MAX, i32, int32_t)  X(max, MAX, i64, int64_t) \
    X(max, MAX, u32, uint32_t) X(max, MAX, u64, uint64_t) \
    X(max, MAX, f32, float)    X(max, MAX, f64, double)

#define MPIPE__COMBINE_SUM(a, v) ((a) + (v))
#define MPIPE__COMBINE_MIN(a, v) ((v) < (a) ? (v) : (a))
#define MPIPE__COMBINE_MAX(a, v) ((v) > (a) ? (v) : (a))

#define MPIPE__COMBINE_KIND(name, op, type, c) MPIPE__COMBINE_##op##_##type,
enum mpipe__combine_kind {
    MPIPE__COMBINE_CUSTOM,          /* call the function */
    MPIPE__COMBINE_COUNT,
    MPIPE__COMBINERS(MPIPE__COMBINE_KIND)
};
#undef MPIPE__COMBINE_KIND

struct mpipe__combiner {
    mpipe_combine_fn fn;            /* NULL: values are not combined */
    void *arg;
    enum mpipe__combine_kind kind;
    size_t size;                    /* of its values; 0: they may be of any */
};

struct mpipe__combiner mpipe__combiner_of(mpipe_combine_fn fn, void *arg);

/* May a value of this size be given to it?  Of the first value for a key
 * 'acc_size' is 0. */
static inline bool mpipe__combine_takes(const struct mpipe__combiner *c,
                                        size_t size)
{
    return c->size == 0 || size == c->size
           || (c->kind == MPIPE__COMBINE_COUNT && size == 0);
}

/* The size of the accumulator that begins with a value of 'size' bytes. */
static inline size_t mpipe__combine_size(const struct mpipe__combiner *c,
                                         size_t size)
{
    return c->kind == MPIPE__COMBINE_COUNT ? sizeof(uint64_t) : size;
}

/* Begin with the first value. */
static inline void mpipe__combine_first(const struct mpipe__combiner *c,
                                        void *acc, const void *value,
                                        size_t size)
{
    static const uint64_t one = 1;

    if (c->kind == MPIPE__COMBINE_COUNT && size == 0)
        memcpy(acc, &one, sizeof one);
    else if (size > 0)
        memcpy(acc, value, size);
}

/* Add a value; without a call, but for a function of the user's. */
static inline void mpipe__combine_add(const struct mpipe__combiner *c,
                                      void *acc, const void *value,
                                      size_t size)
{
    switch (c->kind) {
    case MPIPE__COMBINE_COUNT: {
        uint64_t a, v = 1;
        memcpy(&a, acc, sizeof a);
        if (size > 0)
            memcpy(&v, value, sizeof v);
        a += v;
        memcpy(acc, &a, sizeof a);
        break;
    }
#define MPIPE__COMBINE_CASE(name, op, type, c_type) \
    case MPIPE__COMBINE_##op##_##type: { \
        c_type a, v; \
        memcpy(&a, acc, sizeof a); \
        memcpy(&v, value, sizeof v); \
        a = (c_type)MPIPE__COMBINE_##op(a, v); \
        memcpy(acc, &a, sizeof a); \
        break; \
    }
    MPIPE__COMBINERS(MPIPE__COMBINE_CASE)
#undef MPIPE__COMBINE_CASE
    case MPIPE__COMBINE_CUSTOM:
        c->fn(acc, value, size, c->arg);
        break;
    }
}

#endif
