/* SPDX-License-Identifier: BSD-3-Clause */
/* report.h - the closing report, as text and as JSON (layer 0). */
#ifndef MPIPE__REPORT_H
#define MPIPE__REPORT_H

#include <stdbool.h>
#include <stdio.h>
#include <mpipe/pipeline.h>
#include "stats.h"

struct mpipe__report_stage {
    const char *name;
    unsigned ranks;                     /* that serve it */
    struct mpipe__stage_stats sum;      /* over all ranks */
    uint64_t rank_ns;                   /* wall time summed over its ranks */
    uint64_t waiting_ns;                /* of that, resting or blocked; with
                                           several stages on a rank, its
                                           share */
};

struct mpipe__report_rank {
    int rank;
    const char *host;
    int first, last;                    /* its stages; -1, -1: none */
    struct mpipe__rank_stats stats;
    uint64_t died_ns;                   /* after the start; 0: it lives */
    int cause;                          /* of its death (cause.h) */
};

struct mpipe__report_shuffle {          /* n_parts 0: there was none */
    uint32_t n_parts;
    uint64_t pairs, largest;            /* in all partitions, in one */
    uint32_t largest_part;
    int largest_rank;                   /* which has it */
};

struct mpipe__report {
    const char *name;                   /* the pipeline's */
    const char *program;                /* NULL: not known */
    double wall;                        /* seconds */
    struct mpipe_counts counts;
    uint64_t bytes_fed, bytes_delivered;
    unsigned n_stages, n_ranks;
    const struct mpipe__report_stage *stages;
    const struct mpipe__report_rank *ranks;
    struct mpipe__report_shuffle shuffle;   /* of this, or before this */
    struct mpipe__recovery recovery;    /* deaths 0: none */
    uint64_t n_backups, n_backups_won;  /* frames that were done twice; the second
                                           was first */
    uint64_t resumed, resumed_keys;     /* items, keys that an earlier run had done */
    bool reduces;                       /* it goes through partitions */
    const uint32_t *refilled;           /* partitions that were lost and are filled
                                           again by it */
    uint32_t n_refilled;
    uint32_t n_lost;                    /* it ended early: so many were lost that
                                           it was to go through */
    const struct mpipe__heavy_key *heavy;   /* MPIPE__HEAVY_KEYS, or NULL */
    const struct mpipe_error *error;    /* code 0, or NULL: ended well */
};

/* Both: MPIPE_EIO when the stream fails, MPIPE_ENOMEM; the stream may then
 * have a part of it. */
enum mpipe_err mpipe__report_print(const struct mpipe__report *report,
                                   FILE *stream);
enum mpipe_err mpipe__report_json(const struct mpipe__report *report,
                                  FILE *stream);

/* ---- what both say, pure ---- */

/* 'part_ns' of 'whole_ns', 0 to 1; -1 of nothing. */
double mpipe__report_share(uint64_t part_ns, uint64_t whole_ns);

/* Items per second; -1 in no time, or in one that is no number. */
double mpipe__report_rate(uint64_t items, double wall);

/* Items that were still under way when the job ended early. */
uint64_t mpipe__report_unfinished(const struct mpipe_counts *counts);

/* How many times the mean the largest partition is; 1 of none. */
double mpipe__report_skew(const struct mpipe__report_shuffle *shuffle);

/* The rank whose memory was largest; NULL if none has said. */
const struct mpipe__report_rank *mpipe__report_largest(
    const struct mpipe__report *report);

#endif
