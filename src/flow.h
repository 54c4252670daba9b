/* SPDX-License-Identifier: BSD-3-Clause */
/* flow.h - one pipeline while it runs, on one rank (layer 3).
 *
 * Its parts are a file each: the worker on every rank, the master with feeder
 * and sink on rank 0.
 */
#ifndef MPIPE__FLOW_H
#define MPIPE__FLOW_H

#include <mpipe/pipeline.h>
#include <mpipe/source.h>
#include "collect.h"
#include "engine.h"
#include "link.h"
#include "placement.h"
#include "stats.h"
#include "tally.h"
#include "trace.h"
#include "worker.h"

/* What a pipeline is made of.  Owned by the front door; fixed while it runs. */
struct mpipe__flow_spec {
    char name[64];
    struct mpipe_stage *stage;
    unsigned n_stages;
    mpipe_source_fn source;         /* NULL: push */
    void *source_arg;
    mpipe_source_fn sample;         /* NULL: it cannot be looked at ahead */
    uint64_t count;
    /* Told of each frame that is fed; NULL: nobody is. */
    enum mpipe_err (*fed)(void *arg, struct mpipe__frame *f);
    void *fed_arg;
    mpipe_sink_fn sink;
    void *sink_arg;
    enum mpipe_err (*sink_close)(void *arg, enum mpipe_err how,
                                 struct mpipe_error *err);   /* or NULL */
    mpipe_failure_fn failure;
    void *failure_arg;
    bool ordered;
    bool forgives;                  /* items that fail are no failure */
    struct mpipe__shuffle *shuffle; /* instead of a sink; NULL: none */
    struct mpipe__shuffle *reduces; /* whose partitions it goes through */
    bool refills;                   /* the shuffle has run before: only what is
                                       lost of its partitions is filled */
    bool returns;                   /* where partitions are lost it ends with
                                       MPIPE_AGAIN: who runs it refills them */
    /* The rank that gets an item, each in a frame of its own; NULL: any. */
    unsigned (*direct)(const struct mpipe_item *item, void *arg);
    void *direct_arg;
    /* Of a flow that is direct or has a shuffle, on rank 0: told of each root as
     * it is delivered; whether it was told of a failed item before; whether all must
     * end since a rank has died over a key, 'last' the last one but rank 0.  NULL:
     * nobody is. */
    void (*delivered)(void *arg, struct mpipe__frame *fed,
                      const struct mpipe__frame_queue *results, uint64_t keys);
    bool (*told)(void *arg, const struct mpipe_item *item);
    bool (*deadly)(void *arg, uint32_t part, uint64_t key, bool last,
                   struct mpipe_error *err);
    void *delivered_arg, *told_arg;
    uint64_t failed_before;         /* in a flow that this one goes on with */
    bool journals;                  /* with --journal, also where it is direct, */
    struct mpipe__resume *resume;   /* ... on rank 0 here: whose runs it */
    /* What rank 0 gives to all before the flow runs; called on each. */
    struct mpipe_bytes brief;
    enum mpipe_err (*take_brief)(void *arg, const void *data, size_t size);
    void *brief_arg;
    struct mpipe_error error;       /* met while it was described */
};

enum mpipe__phase {
    MPIPE__STARTING,                /* no table yet */
    MPIPE__RUNNING,
    MPIPE__CLOSING,                 /* FINISH seen; not yet said farewell */
    MPIPE__LEAVING,                 /* FIN sent to all */
    MPIPE__CLOSED
};

struct mpipe__flow {
    struct mpipe__engine *engine;
    struct mpipe__flow *next;
    const struct mpipe__flow_spec *spec;
    uint16_t id;
    enum mpipe__phase phase;
    bool paused, pause_answered;
    bool ready;                     /* its stages are set up */
    uint64_t deadline;              /* leaving: give up waiting for FINs */
    bool in_worker, in_source, in_sink;
    bool stopping;                  /* rank 0: FINISH is sent */
    unsigned nth_journal;           /* of the flows that keep one, from 0 */
    bool telling;                   /* it waits until rank 0 has taken what it told */
    bool heeded;                    /* a signal, and rank 0 knows */
    bool deserted;                  /* it was closed without all farewells */
    struct mpipe_error error;       /* how it ended, or will */

    uint32_t version;               /* of the table; 0: none has come */
    bool tabled;                    /* all of it has */
    struct mpipe__role role;
    struct mpipe__links links;
    struct mpipe__link **out;       /* to the next stage, nearest first */
    unsigned n_out;
    struct mpipe__link *home;       /* to rank 0: results and control */
    /* Rank 0: to the ranks that serve stages, where the flow tells them apart: a
     * rank each.  NULL in it: there is none, or it is this one. */
    struct mpipe__link **worker_link;
    unsigned n_workers, worker_index;   /* how many, and which this is */
    unsigned side;                  /* of the square they exchange in; 0: none */
    struct mpipe__link **row;       /* along it: a column each */
    struct mpipe__link *bundled;    /* links with frames that wait for others */
    struct mpipe__frame_queue relayed;  /* not yet sent on: relay.h */
    size_t relayed_bytes;

    struct mpipe_bytes brief;       /* what has come of it */
    struct mpipe__worker worker;
    struct mpipe__tally tally;
    struct mpipe__collector collector;
    struct mpipe__master *master;   /* rank 0 only */

    struct mpipe__rank_stats stats;
    struct mpipe__stage_stats *stage_stats;
    uint64_t started, next_stats;
    double started_day;             /* seconds since 1970 */
    struct mpipe__trace trace;
    bool tracing;
    uint64_t span_day;              /* CLOCK_REALTIME minus mpipe__now() */
};

/* Start a flow on this rank; says hello to rank 0. NULL: no memory, told in
 * 'err'.  The spec must outlive the flow. */
struct mpipe__flow *mpipe__flow_start(struct mpipe__engine *en,
                                      const struct mpipe__flow_spec *spec,
                                      uint16_t id, struct mpipe_error *err);
/* When it is closed. */
void mpipe__flow_free(struct mpipe__flow *flow);

void mpipe__flow_event(struct mpipe__flow *flow, struct mpipe__event *event);
bool mpipe__flow_step(struct mpipe__flow *flow);
/* Before resting. */
void mpipe__flow_settle(struct mpipe__flow *flow);

/* Something ends the flow: on rank 0 finish it, elsewhere ask rank 0 to.  The
 * first error counts. */
void mpipe__flow_fail(struct mpipe__flow *flow, int rank, enum mpipe_err code,
                      const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Before something is said that there may be much of: wait until the peer, rank 0 or
 * who tells it (tally.h), has taken enough of what was said before.  Moves messages.
 * False: it does not listen any more. */
bool mpipe__flow_wait_to_tell(struct mpipe__flow *flow, struct mpipe__link *to);
void mpipe__flow_log(struct mpipe__flow *flow, enum mpipe_level level,
                     const char *stage, const char *text);
/* Ranks have died: see engine.h. */
void mpipe__flow_deaths(struct mpipe__flow *flow);
/* Does the frame travel by an older table? */
static inline bool mpipe__flow_stale(const struct mpipe__flow *flow,
                                     const struct mpipe__frame *f)
{
    return f->head.attempt < flow->version;
}
/* rank 0: has it taken the table that it sent last? */
bool mpipe__flow_routed(const struct mpipe__flow *flow);
/* Has its end been decided? */
bool mpipe__flow_ending(const struct mpipe__flow *flow);

/* The items of MPIPE__TABLE: a head, then links; and one of no bytes at the end of the last
 * piece. */
struct mpipe__table_head {
    uint32_t version;
    uint32_t serves, first, last;
    uint32_t n_workers, worker;     /* of how many, and which of them */
    uint32_t side, unused;          /* of the exchange's square, or 0 */
    uint64_t again;                 /* roots from this one on begin another
                                       attempt */
};
struct mpipe__table_link {
    uint32_t peer, lane, distance;
    uint32_t next;                  /* leads to the next stage (or the sink) */
    uint32_t feeds;                 /* rank 0: leads to the first stage */
    uint32_t worker;                /* leads to this one of them, counted from 1 */
    uint32_t window_out, slot_out, window_in, slot_in;
};

/* Take a role and links; pieces of a table until the last. */
void mpipe__flow_table(struct mpipe__flow *flow, struct mpipe__frame *f);
/* The end has been decided (rank 0) or was heard of. */
void mpipe__flow_finish(struct mpipe__flow *flow,
                        const struct mpipe_error *how);
void mpipe__flow_span(struct mpipe__flow *flow, enum mpipe__span_kind kind,
                      unsigned stage, uint64_t from, uint64_t to,
                      uint32_t items, uint64_t root);
/* Of links to the same next hop, the one to take for a frame of this size; NULL:
 * none is ready. */
struct mpipe__link *mpipe__link_pick(struct mpipe__link *const *link,
                                     unsigned n, size_t wire_size);

#endif
