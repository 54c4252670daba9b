/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.h - what has become of frames, on its way to rank 0 (layer 3).
 *
 * Rank 0 is to hear of each frame that was consumed or made.  What a rank has to tell is
 * added up by root frame, and held back for a while where many ranks tell the same one.
 * Where the workers of a shuffle stand in a square (exchange.h) they tell the first one
 * of their row, which adds up what its row has told, so that rank 0 hears of a root from
 * a rank a row instead of from each owner of a partition.
 *
 * A rank that dies takes with it what it was told.  Then rank 0 begins another attempt of
 * all roots that it does not know to be complete, as after any death.
 */
#ifndef MPIPE__TALLY_H
#define MPIPE__TALLY_H

#include "link.h"

struct mpipe__flow;

struct mpipe__report_entry {        /* the item of MPIPE__REPORT */
    uint64_t root, xored;
    uint64_t dropped, made, delivered;
    uint64_t keys;                  /* of a partition that were gone through */
    uint32_t attempt, work_us;
};

#define MPIPE__TALLY_SLOTS 2048u    /* a power of two */

struct mpipe__tally {
    struct mpipe__report_entry *entry;
    size_t n, capacity;
    uint64_t since;                 /* the first of them was added */
    uint16_t *slot;                 /* by root: which entry that may be */
};

/* One more of a root: added to what there is of it; or an entry of its own, also where
 * there is one already which is not found.  False: no memory. */
bool mpipe__tally_sum(struct mpipe__tally *t, const struct mpipe__report_entry *entry);
void mpipe__tally_fini(struct mpipe__tally *t);

/* The link to who is told. */
struct mpipe__link *mpipe__tally_link(const struct mpipe__flow *flow);
/* Never waits. */
void mpipe__tally_add(struct mpipe__flow *flow, const struct mpipe__report_entry *entry);
/* MPIPE__REPORT or MPIPE__VOID from a rank that tells this one. */
void mpipe__tally_take(struct mpipe__flow *flow, struct mpipe__frame *f);
/* How long it may still be held back; UINT_MAX: there is nothing to tell. */
unsigned mpipe__tally_us(const struct mpipe__flow *flow, uint64_t now);
/* Tell now. */
void mpipe__tally_flush(struct mpipe__flow *flow);
/* A frame took so long that what became of it need not be held back as well. */
void mpipe__tally_after(struct mpipe__flow *flow, uint64_t took_ns);

#endif
