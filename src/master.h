/* SPDX-License-Identifier: BSD-3-Clause */
/* master.h - rank 0: what it knows of a flow, and what it tells (layer 3). */
#ifndef MPIPE__MASTER_H
#define MPIPE__MASTER_H

#include "feeder.h"
#include "flow.h"
#include "ledger.h"
#include "progress.h"

struct mpipe__member {              /* what rank 0 knows of a rank */
    bool said_hello, paused;
    bool mourned;                   /* its death is dealt with, */
    uint64_t died;                  /* which came so long after the start; 0: it
                                       lives, or died before */
    int cause;                      /* of its death (cause.h) */
    bool asked;                     /* its neighbours are, for its box, and have
                                       not answered */
    struct mpipe__role role;
    struct mpipe__rank_stats stats;
    struct mpipe__stage_stats *stage;   /* n_stages */
    unsigned quiet;                 /* stats in a row in which nothing moved */
    uint64_t heard;                 /* when the last came */
};

struct mpipe__master {
    struct mpipe__ledger ledger;
    struct mpipe__feeder feeder;
    struct mpipe__member *member;   /* a rank each */
    unsigned *worker;               /* of each rank: which of those that serve,
                                       in the machine's order; or UINT_MAX */
    uint32_t *worker_rank;          /* those ranks, in that order */
    unsigned n_workers;
    uint64_t again_from;            /* roots from here on begin another attempt
                                       with the next table, in feed order */
    uint32_t *refilled;             /* partitions that are computed again */
    uint32_t n_refilled;
    uint32_t version;               /* of the table that was sent last; 0: none */
    struct mpipe__frame_queue retries;
    struct mpipe__frame_queue again;    /* roots to be fed once more */
    struct mpipe__suspect *suspect; /* items that may be deadly */
    size_t n_suspects, suspects_capacity;
    struct mpipe__recovery recovery;
    struct mpipe__backups {         /* see backup.h */
        uint64_t made, won;         /* frames */
        uint64_t next_look;
        uint64_t dismiss_at;        /* 0: rank 0 has not said farewell yet */
    } backups;
    uint64_t root_ns;               /* from feed to completion, smoothed */
    uint64_t recovering;            /* since the last death; 0: results came */
    uint64_t answer_due;            /* what a dead rank had in hand was asked for; 0:
                                       nothing was */
    struct mpipe__resume *resume;   /* NULL: no journal is kept */
    struct mpipe_plan *plan;
    struct mpipe__progress progress;
    bool shows_progress, sink_closed;
    uint64_t next_tick;
    uint64_t next_id;
    uint64_t held;                  /* bytes of results not yet delivered */
    uint64_t committed;             /* roots that workers know to be complete */
    uint64_t next_commit;           /* when to tell them again */
    struct mpipe__void *voids;      /* frames that do not count */
    size_t n_voids, voids_capacity;
    struct mpipe__choice *choices;  /* that workers have not yet been told */
    size_t n_choices, choices_capacity;
    struct mpipe_counts counts;
    struct mpipe__heavy_key heavy[MPIPE__HEAVY_KEYS];
    uint64_t items_done;            /* fed items whose root is delivered */
    uint64_t bytes_delivered;
    uint64_t waiting_since;         /* for hellos, to say so after a while */
    struct mpipe__trace_file *trace;
};

enum mpipe_err mpipe__master_init(struct mpipe__flow *flow);
void mpipe__master_fini(struct mpipe__flow *flow);
bool mpipe__master_step(struct mpipe__flow *flow);
void mpipe__master_control(struct mpipe__flow *flow, struct mpipe__link *from,
                           struct mpipe__frame *f);
void mpipe__master_retry(struct mpipe__flow *flow, struct mpipe__frame *f);
void mpipe__master_finish(struct mpipe__flow *flow);
/* Once; before the end of the flow if it ends well. */
void mpipe__master_close_sink(struct mpipe__flow *flow);
/* Take the progress bar off the screen, before a line is printed. */
void mpipe__master_clear(struct mpipe__flow *flow);
/* The link to a rank, this one too. */
struct mpipe__link *mpipe__master_link(const struct mpipe__flow *flow,
                                       int rank);
void mpipe__master_tell(struct mpipe__flow *flow, enum mpipe__control what);
/* Have all ranks that live stopped after PAUSE? */
bool mpipe__master_all_paused(const struct mpipe__flow *flow);
/* If all that live have said hello: decide who does what. */
void mpipe__master_begin(struct mpipe__flow *flow);
/* The definition as text, for the comparison; at least 512 bytes. */
size_t mpipe__flow_signature(const struct mpipe__flow *flow, char *to,
                             size_t size);

#endif
