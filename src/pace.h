/* SPDX-License-Identifier: BSD-3-Clause */
/* pace.h - how much work to have under way to a rank (layer 0, pure).
 *
 * Not so much that any of it waits there while a third rank has nothing to do, and
 * not so little that the rank waits.  What an item takes is learnt from what comes
 * back.  Times are ns, of one clock.
 */
#ifndef MPIPE__PACE_H
#define MPIPE__PACE_H

#include <stdbool.h>
#include <stdint.h>

#define MPIPE__UNKNOWN UINT64_MAX
#define MPIPE__LONG_NS 5000000u     /* so much under way is enough */

struct mpipe__pace {
    uint64_t items;             /* under way */
    uint64_t item_ns;           /* what the rank takes for one, smoothed */
    uint64_t busy_until;        /* it should have done them all */
};

void mpipe__pace_init(struct mpipe__pace *p);

/* The rank is given so many items; or it has done so many, in so long. */
void mpipe__pace_given(struct mpipe__pace *p, uint32_t items, uint64_t now);
void mpipe__pace_done(struct mpipe__pace *p, uint64_t items, uint64_t took_us);

/* Is the rank at work of which nobody knows how long it takes? */
bool mpipe__pace_unsure(const struct mpipe__pace *p);
/* With so many frames under way, may another one follow? */
bool mpipe__pace_allows(const struct mpipe__pace *p, unsigned frames, uint64_t now);
/* When it may, if nothing comes back until then; UINT64_MAX: not before. */
uint64_t mpipe__pace_next(const struct mpipe__pace *p, unsigned frames);

#endif
