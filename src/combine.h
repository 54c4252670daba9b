/* SPDX-License-Identifier: BSD-3-Clause */
/* combine.h - adding values up (layer 0, pure). */
#ifndef MPIPE__COMBINE_H
#define MPIPE__COMBINE_H

#include <mpipe/mapreduce.h>
#include "pair.h"

enum mpipe__combine_kind {
    MPIPE__COMBINE_CUSTOM,          /* call the function */
    MPIPE__COMBINE_COUNT,
    MPIPE__COMBINE_SUM_U32,         /* also of int32_t: the same bits */
    MPIPE__COMBINE_SUM_U64,
    MPIPE__COMBINE_READY            /* another of the ready-made ones */
};

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

static inline void mpipe__combine_add(const struct mpipe__combiner *c,
                                      void *acc, const void *value,
                                      size_t size)
{
    uint64_t a, v = 1;
    uint32_t b, w;

    switch (c->kind) {
    case MPIPE__COMBINE_COUNT:
        if (size == 0)
            break;
        /* fallthrough */
    case MPIPE__COMBINE_SUM_U64:
        memcpy(&v, value, sizeof v);
        break;
    case MPIPE__COMBINE_SUM_U32:
        memcpy(&b, acc, sizeof b);
        memcpy(&w, value, sizeof w);
        b += w;
        memcpy(acc, &b, sizeof b);
        return;
    default:
        c->fn(acc, value, size, c->arg);
        return;
    }
    memcpy(&a, acc, sizeof a);
    a += v;
    memcpy(acc, &a, sizeof a);
}

#endif
