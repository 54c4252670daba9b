/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.h - what is counted where, and its sums (layer 0, plain structs).
 *
 * Each rank counts its own work and sends the numbers to rank 0, which keeps
 * the last of each rank and adds them up for the report, the progress line and
 * mpipe_pipeline_status().  All members are plain integers, so that a struct
 * can travel as it is.
 */
#ifndef MPIPE__STATS_H
#define MPIPE__STATS_H

#include <stdint.h>

/* One stage on one rank.  in + made = out + dropped + failed + retried when
 * the rank is at rest: 'retried' items were handed back to be tried again (and
 * are counted in 'in' once more where that happens). */
struct mpipe__stage_stats {
    uint64_t in, out;           /* items */
    uint64_t made;              /* emitted beyond the first for an item */
    uint64_t dropped;           /* items that emitted nothing */
    uint64_t failed, retried;
    uint64_t bytes_in, bytes_out;
    uint64_t frames;            /* frames it began */
    uint64_t busy_ns;           /* inside the stage's functions */
};

struct mpipe__rank_stats {
    uint64_t wall_ns;           /* since the pipeline's start */
    uint64_t busy_ns;           /* in user functions of any kind */
    uint64_t blocked_ns;        /* waiting to hand on what was made */
    uint64_t waiting_ns;        /* resting: nothing to do */
    uint64_t rss, rss_max;      /* bytes */
    uint64_t node_available;    /* bytes of memory free on its node */
    uint64_t backlog;           /* frames queued */
    uint64_t moving;            /* large frames under way, or telling much */
    uint64_t frames_sent, frames_received, bytes_sent, bytes_received;
    /* Of a shuffle: pairs emitted here, and sent after they were combined; pairs
     * that came to partitions of this rank; bytes that went to disk. */
    uint64_t pairs_emitted, pairs_sent, pairs_kept, bytes_spilled;
    uint64_t bytes_read;        /* by its stages, from the ranges of files */
};

#define MPIPE__HEAVY_KEYS 5u

/* A key that has many values, for the report. */
struct mpipe__heavy_key {
    uint64_t values;
    uint32_t size;              /* of the whole key */
    char key[52];               /* its first bytes */
};

/* Take it among the heaviest, which are in order. */
void mpipe__heavy_add(struct mpipe__heavy_key heaviest[MPIPE__HEAVY_KEYS],
                      const struct mpipe__heavy_key *key);

struct mpipe__recovery {            /* what deaths have cost */
    unsigned deaths;
    uint64_t roots, items;          /* fed again */
    uint64_t longest_ns;            /* from a death to the next result */
};

#endif
