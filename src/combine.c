/* SPDX-License-Identifier: BSD-3-Clause */
/* combine.c - the ready-made combiners.
 *
 * Each is an ordinary function of the user's kind; the most frequent ones are
 * known by their address and done without the call, see combine.h.  Sums of
 * whole numbers wrap around.
 */
#include "combine.h"

#define TYPES(X) \
    X(i32, int32_t, uint32_t) X(i64, int64_t, uint64_t) \
    X(u32, uint32_t, uint32_t) X(u64, uint64_t, uint64_t) \
    X(f32, float, float) X(f64, double, double)

#define SUM(name, type, add_type) \
void mpipe_sum_##name(void *acc, const void *value, size_t size, void *arg) \
{ \
    add_type a, v; \
    (void)size, (void)arg; \
    memcpy(&a, acc, sizeof a); \
    memcpy(&v, value, sizeof v); \
    a += v; \
    memcpy(acc, &a, sizeof a); \
}
#define LEAST(name, type, add_type) \
void mpipe_min_##name(void *acc, const void *value, size_t size, void *arg) \
{ \
    type a, v; \
    (void)size, (void)arg; \
    memcpy(&a, acc, sizeof a); \
    memcpy(&v, value, sizeof v); \
    if (v < a) \
        memcpy(acc, &v, sizeof v); \
}
#define MOST(name, type, add_type) \
void mpipe_max_##name(void *acc, const void *value, size_t size, void *arg) \
{ \
    type a, v; \
    (void)size, (void)arg; \
    memcpy(&a, acc, sizeof a); \
    memcpy(&v, value, sizeof v); \
    if (v > a) \
        memcpy(acc, &v, sizeof v); \
}

TYPES(SUM)
TYPES(LEAST)
TYPES(MOST)

void mpipe_count(void *acc, const void *value, size_t size, void *arg)
{
    static const uint64_t one = 1;

    mpipe_sum_u64(acc, size == 0 ? &one : value, sizeof one, arg);
}

#define READY(name, type, add_type) \
    { mpipe_sum_##name, MPIPE__COMBINE_READY, sizeof(type) }, \
    { mpipe_min_##name, MPIPE__COMBINE_READY, sizeof(type) }, \
    { mpipe_max_##name, MPIPE__COMBINE_READY, sizeof(type) },

struct mpipe__combiner mpipe__combiner_of(mpipe_combine_fn fn, void *arg)
{
    static const struct {
        mpipe_combine_fn fn;
        enum mpipe__combine_kind kind;
        size_t size;
    } ready[] = {
        { mpipe_count, MPIPE__COMBINE_COUNT, 8 },
        { mpipe_sum_u64, MPIPE__COMBINE_SUM_U64, 8 },
        { mpipe_sum_i64, MPIPE__COMBINE_SUM_U64, 8 },
        { mpipe_sum_u32, MPIPE__COMBINE_SUM_U32, 4 },
        { mpipe_sum_i32, MPIPE__COMBINE_SUM_U32, 4 },
        TYPES(READY)
    };
    struct mpipe__combiner c = { fn, arg, MPIPE__COMBINE_CUSTOM, 0 };

    for (size_t i = 0; i < sizeof ready / sizeof ready[0]; i++)
        if (ready[i].fn == fn) {
            c.kind = ready[i].kind;
            c.size = ready[i].size;
            break;
        }
    return c;
}
