/* SPDX-License-Identifier: BSD-3-Clause */
/* pace.c - see pace.h. */
#include "pace.h"

#define CAREFUL    2u               /* frames, while nothing is known */
#define MANY_ITEMS 4u               /* take about as long as others have */

void mpipe__pace_init(struct mpipe__pace *p)
{
    *p = (struct mpipe__pace){ .item_ns = MPIPE__UNKNOWN };
}

void mpipe__pace_given(struct mpipe__pace *p, uint32_t items, uint64_t now)
{
    if (p->items == 0 || p->busy_until < now)
        p->busy_until = now;
    if (p->item_ns != MPIPE__UNKNOWN)
        p->busy_until += items * p->item_ns;
    p->items += items;
}

void mpipe__pace_done(struct mpipe__pace *p, uint64_t items, uint64_t took_us)
{
    uint64_t each = items > 0 ? 1000 * took_us / items : 0;

    p->items -= items;
    p->item_ns = p->item_ns == MPIPE__UNKNOWN ? each : (3 * p->item_ns + each) / 4;
}

bool mpipe__pace_unsure(const struct mpipe__pace *p)
{
    return p->items > 0 && p->item_ns == MPIPE__UNKNOWN;
}

/* One frame of much work, but of so many items that it can be told when it is done? */
static bool is_one_long(const struct mpipe__pace *p, unsigned frames)
{
    return frames == 1 && p->items >= MANY_ITEMS && p->item_ns != MPIPE__UNKNOWN;
}

bool mpipe__pace_allows(const struct mpipe__pace *p, unsigned frames, uint64_t now)
{
    if (frames == 0)
        return true;
    if (p->item_ns == MPIPE__UNKNOWN)
        return frames < CAREFUL;
    return p->items * p->item_ns < MPIPE__LONG_NS
           || (is_one_long(p, frames) && p->busy_until <= now + MPIPE__LONG_NS);
}

uint64_t mpipe__pace_next(const struct mpipe__pace *p, unsigned frames)
{
    return is_one_long(p, frames) && p->busy_until > MPIPE__LONG_NS
           ? p->busy_until - MPIPE__LONG_NS : UINT64_MAX;
}
