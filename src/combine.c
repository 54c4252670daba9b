/* SPDX-License-Identifier: BSD-3-Clause */
/* combine.c - the ready-made combiners.
 *
 * Each is an ordinary function of the user's kind; as a job's combiner it is known
 * by its address and done without the call, see combine.h.  Sums of whole
 * numbers wrap around.
 */
#include "combine.h"

#define FUNCTION(name, op, type, c_type) \
void mpipe_##name##_##type(void *acc, const void *value, size_t size, \
                           void *arg) \
{ \
    const struct mpipe__combiner c = { \
        NULL, NULL, MPIPE__COMBINE_##op##_##type, sizeof(c_type) \
    }; \
    (void)arg; \
    mpipe__combine_add(&c, acc, value, size); \
}

MPIPE__COMBINERS(FUNCTION)

void mpipe_count(void *acc, const void *value, size_t size, void *arg)
{
    const struct mpipe__combiner c = {
        NULL, NULL, MPIPE__COMBINE_COUNT, sizeof(uint64_t)
    };

    (void)arg;
    mpipe__combine_add(&c, acc, value, size);
}

struct mpipe__combiner mpipe__combiner_of(mpipe_combine_fn fn, void *arg)
{
#define ROW(name, op, type, c_type) \
    { mpipe_##name##_##type, MPIPE__COMBINE_##op##_##type, sizeof(c_type) },
    static const struct {
        mpipe_combine_fn fn;
        enum mpipe__combine_kind kind;
        size_t size;
    } ready[] = {
        { mpipe_count, MPIPE__COMBINE_COUNT, sizeof(uint64_t) },
        MPIPE__COMBINERS(ROW)
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
