/* SPDX-License-Identifier: BSD-3-Clause */
/* engine.h - what one rank runs: flows over one transport (layer 3).
 *
 * A flow is one pipeline while it runs.  Its parts, each a file:
 *
 *   engine.c   takes completions from the transport, hands them to the flows, rests
 *   flow.c     a flow's life on this rank: start, control frames, closing
 *   worker.c   frames in, stage functions, frames out
 *   children.c what becomes of the frame in hand
 *   out.c      what the user's functions call: emit, fail, log
 *   master.c   rank 0: agree on the pipeline, tables, pause, the end
 *   feeder.c   rank 0: items in, root frames out
 *   sink.c     rank 0: frames in, results out
 *
 * Two kinds of movement are kept apart. progress() moves messages and never
 * runs the user's functions, so it may be called from within one (an emit that
 * must wait for credits does). step() may run them, and does not run one from
 * within itself: 'in_worker', 'in_source' and 'in_sink' say which are on the
 * stack.
 */
#ifndef MPIPE__ENGINE_H
#define MPIPE__ENGINE_H

#include <mpipe/pipeline.h>
#include "ledger.h"
#include "link.h"
#include "options.h"
#include "placement.h"
#include "progress.h"
#include "route.h"
#include "stats.h"
#include "trace.h"

struct mpipe__flow;

struct mpipe__engine {
    struct mpipe__transport *transport;
    struct mpipe__pool pool;
    const struct mpipe__options *options;
    size_t slot;                    /* wire size of a full frame */
    struct mpipe_machine *machine;  /* rank 0: where all ranks are */
    const char *host;               /* of this rank */
    struct mpipe__flow *flows;      /* started and not yet closed */
    struct mpipe__flow *abandoned;  /* freed, but for sends that do not end */
    volatile int *interrupted;      /* nonzero: the signal that asks us to stop */
    uint64_t now;                   /* when the turn began */
    uint64_t polled;                /* when messages were last moved */
    /* A line for the log, on rank 0. */
    void (*log)(void *arg, uint64_t time_ns, int rank, enum mpipe_level level,
                const char *stage, const char *text);
    void *log_arg;
};

/* What a pipeline is made of.  Owned by the front door; fixed while it runs. */
struct mpipe__flow_spec {
    char name[64];
    struct mpipe_stage *stage;
    unsigned n_stages;
    mpipe_source_fn source;         /* NULL: push */
    void *source_arg;
    uint64_t count;
    mpipe_sink_fn sink;
    void *sink_arg;
    enum mpipe_err (*sink_close)(void *arg, enum mpipe_err how,
                                 struct mpipe_error *err);   /* or NULL */
    mpipe_failure_fn failure;
    void *failure_arg;
    bool ordered;
    struct mpipe_error error;       /* met while it was described */
};

/* ---- the user's functions' context ---- */

enum mpipe__out_mode {
    MPIPE__OUT_CLOSED, MPIPE__OUT_STAGE, MPIPE__OUT_MAP, MPIPE__OUT_FEED
};

struct mpipe_out {
    /* Of frame 'into'; while it is open the frame's head lags behind.  First:
     * see <mpipe/inline.h>. */
    struct mpipe_strip strip;
    uint32_t opened;                /* strip.left when it was opened */
    bool slow;                      /* more was done than to append to it */
    enum mpipe__out_mode mode;
    struct mpipe__frame *into;
    uint64_t emitted;               /* in all, but for those in the strip */
    uint32_t limit;                 /* items for a frame */
    unsigned stage;
    enum mpipe_err error;           /* the first that an emit met */
    struct mpipe__frame *room;      /* where something was reserved */
    size_t spot_size;
    struct mpipe__flow *flow;
    const char *name;               /* the stage's, or "source" */
    char text[200];                 /* from mpipe_fail() */
};

/* How many items have been emitted since the flow began. */
static inline uint64_t mpipe__out_emitted(const struct mpipe_out *out)
{
    return out->emitted + out->opened - out->strip.left;
}

/* Let the frame's head know what went through the strip, and close it. */
static inline void mpipe__strip_close(struct mpipe_out *out)
{
    uint32_t n = out->opened - out->strip.left;

    if (out->into != NULL) {
        out->into->head.n_items += n;
        out->into->head.bytes += n * out->strip.stride;
    }
    out->emitted += n;
    out->into = NULL;
    out->strip.left = out->opened = 0;
}

/* The next items for 'f' will be like those in it: let them go straight in.
 * The one that reaches the limit is left to be looked at. */
static inline void mpipe__strip_open(struct mpipe_out *out,
                                     struct mpipe__frame *f)
{
    const struct mpipe__frame_head *h = &f->head;
    struct mpipe_strip *strip = &out->strip;
    size_t n;

    if (h->item_size == MPIPE__VARIABLE || h->n_items + 1 >= out->limit)
        return;
    strip->size = h->item_size;
    strip->stride = mpipe__align8(strip->size);
    n = strip->stride > 0 ? (f->room - h->bytes) / strip->stride : UINT32_MAX;
    if (n > out->limit - 1 - h->n_items)
        n = out->limit - 1 - h->n_items;
    strip->left = out->opened = (uint32_t)n;
    strip->at = mpipe__frame_payload(f) + h->bytes;
    out->into = f;
}

/* ---- worker ---- */

struct mpipe__report_entry {        /* the item of MPIPE__REPORT */
    uint64_t root, xored;
    uint64_t dropped, made;
    uint32_t attempt, work_us;
};

struct mpipe__scratch {
    char *data;
    size_t size;
};

struct mpipe__worker {
    struct mpipe__frame_queue input;
    struct mpipe_out *out;          /* a stage each */
    void **state;
    bool *ready;                    /* set up */
    struct mpipe__scratch *scratch; /* two a stage, see worker_scratch() */
    uint64_t *sampled_ns;           /* a stage each, of the frame in hand */

    struct mpipe__frame *in;        /* the frame in hand */
    unsigned last;                  /* the last stage to run here for it */
    struct mpipe__frame *open;      /* where results go */
    struct mpipe__frame_queue closed;   /* full ones, held until the item ends */
    size_t closed_bytes;
    uint32_t n_sent;                /* children of 'in' that have left */
    uint64_t xored;                 /* their ids */
    uint64_t dropped, made;         /* items, for 'in' */
    uint32_t work_us;
    uint64_t blocked_ns;            /* since 'in' was begun */
    uint64_t nested_ns;             /* sampling: time in deeper stages */
    bool sampling, abandoned;
    uint32_t flushes;               /* of held frames, within an item */

    struct mpipe__frame *report;    /* being filled */
    uint64_t report_since;
    uint64_t salt, next_id;
};

/* ---- rank 0 ---- */

struct mpipe__feeder {
    struct mpipe_out out;
    struct mpipe__frame *open;
    struct mpipe__frame_queue pending;  /* cut, not yet sent */
    size_t pending_bytes;
    struct mpipe__link **link;      /* to the first stage, nearest first */
    unsigned n_links;
    uint64_t open_since;
    uint64_t items, bytes;          /* fed, but for the open frame */
    uint64_t cuts;
    double item_ns;                 /* work per item, smoothed; < 0: unknown */
    size_t item_bytes;              /* of the last frame */
    bool ended;                     /* no more will be fed */
    uint64_t again_since;           /* the source has nothing; 0: it may have */
};

struct mpipe__member {              /* what rank 0 knows of a rank */
    bool said_hello, paused;
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
    struct mpipe__frame_queue retries;
    struct mpipe_plan *plan;
    struct mpipe__progress progress;
    bool shows_progress, sink_closed;
    uint64_t next_tick;
    int n_hello, n_paused;
    uint64_t next_id;
    uint64_t held;                  /* bytes of results not yet delivered */
    struct mpipe_counts counts;
    uint64_t items_done;            /* fed items whose root is delivered */
    uint64_t bytes_delivered;
    uint64_t waiting_since;         /* for hellos, to say so after a while */
    struct mpipe__trace_file *trace;
};

/* ---- a flow ---- */

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
    struct mpipe_error error;       /* how it ended, or will */

    uint32_t version;               /* of the table */
    struct mpipe__role role;
    struct mpipe__links links;
    struct mpipe__link **out;       /* to the next stage, nearest first */
    unsigned n_out;
    struct mpipe__link *home;       /* to rank 0: results and control */

    struct mpipe__worker worker;
    struct mpipe__master *master;   /* rank 0 only */

    struct mpipe__rank_stats stats;
    struct mpipe__stage_stats *stage_stats;
    uint64_t started, next_stats;
    double started_day;             /* seconds since 1970 */
    struct mpipe__trace trace;
    bool tracing;
    uint64_t span_day;              /* CLOCK_REALTIME minus mpipe__now() */
};

/* ---- engine.c ---- */

enum mpipe_err mpipe__engine_init(struct mpipe__engine *en,
                                  struct mpipe__transport *t,
                                  const struct mpipe__options *options);
void mpipe__engine_fini(struct mpipe__engine *en);
/* Take the frame's size from the options; before a flow starts. */
enum mpipe_err mpipe__engine_size_slots(struct mpipe__engine *en);

/* Move messages of all flows; true if anything moved.  Runs no user code. */
bool mpipe__engine_progress(struct mpipe__engine *en);

/* One turn: progress, and what the user's functions can do now.  'nested': only
 * progress.  True if anything happened. */
bool mpipe__engine_turn(struct mpipe__engine *en, bool nested);

/* Nothing happened: give back credits, send reports, and rest. */
void mpipe__engine_rest(struct mpipe__engine *en, unsigned timeout_us);

/* Turns and rests until 'done(arg)'.  */
void mpipe__engine_until(struct mpipe__engine *en, bool (*done)(void *arg),
                         void *arg);

/* ---- flow.c ---- */

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

/* Something ends the flow: on rank 0 finish it, elsewhere ask rank 0 to.  The first
 * error counts. */
void mpipe__flow_fail(struct mpipe__flow *flow, int rank, enum mpipe_err code,
                      const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Before something is said to rank 0 that there may be much of: wait until it
 * has taken enough of what was said before.  Moves messages.  False: it does not
 * listen any more. */
bool mpipe__flow_wait_to_tell(struct mpipe__flow *flow);
void mpipe__flow_log(struct mpipe__flow *flow, enum mpipe_level level,
                     const char *stage, const char *text);
/* Has its end been decided? */
bool mpipe__flow_ending(const struct mpipe__flow *flow);
/* The items of MPIPE__TABLE: a head, then links. */
struct mpipe__table_head {
    uint32_t version, more;         /* more pieces follow */
    uint32_t serves, first, last;
};
struct mpipe__table_link {
    uint32_t peer, lane, distance;
    uint32_t next;                  /* leads to the next stage (or the sink) */
    uint32_t feeds;                 /* rank 0: leads to the first stage */
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
/* Of links to the same next hop, the one to take for a frame of this size; NULL: none is
 * ready. */
struct mpipe__link *mpipe__link_pick(struct mpipe__link *const *link,
                                     unsigned n, size_t wire_size);

/* ---- worker.c ---- */

enum mpipe_err mpipe__worker_init(struct mpipe__flow *flow);
void mpipe__worker_fini(struct mpipe__flow *flow);      /* frees memory */
bool mpipe__worker_step(struct mpipe__flow *flow);
/* Set up the stages of the role. */
void mpipe__worker_ready(struct mpipe__flow *flow);
/* Tear down what was set up. */
void mpipe__worker_farewell(struct mpipe__flow *flow);
void mpipe__worker_flush_report(struct mpipe__flow *flow);
/* From out.c: an item that stage 's' emits. */
enum mpipe_err mpipe__worker_emit(struct mpipe__flow *flow, unsigned s,
                                  const void *data, size_t size);
/* Room for an item that stage 's' will emit, in a frame that has it. */
struct mpipe__frame *mpipe__worker_room(struct mpipe__flow *flow, size_t size);
/* Is what stage 's' emits handled on this rank at once? */
bool mpipe__worker_local(const struct mpipe__flow *flow, unsigned s);
/* Memory of at least 'size' for an item that stage 's' gets, or for one that
 * leaves it for a stage on this rank; until the next call.  NULL: none. */
char *mpipe__worker_scratch(struct mpipe__flow *flow, unsigned s, bool leaving,
                            size_t size);

/* ---- children.c ---- */

/* A place in the list of children, to come back to. */
struct mpipe__mark {
    struct mpipe__frame *open;
    uint32_t n_items, n_closed, flushes;
    size_t closed_bytes;
    uint64_t dropped, made;
};

static inline struct mpipe__mark
mpipe__children_mark(const struct mpipe__worker *w)
{
    return (struct mpipe__mark){
        .open = w->open,
        .n_items = w->open ? w->open->head.n_items + w->out[w->last].opened
                             - w->out[w->last].strip.left : 0,
        .n_closed = w->closed.n, .closed_bytes = w->closed_bytes,
        .flushes = w->flushes, .dropped = w->dropped, .made = w->made
    };
}

/* Forget what was made since the mark; only if nothing has left since then. */
void mpipe__children_take_back(struct mpipe__flow *flow,
                               const struct mpipe__mark *m);
/* Append an item that goes on to the next rank. */
enum mpipe_err mpipe__children_append(struct mpipe__flow *flow,
                                      const void *data, size_t size);
/* A frame for 'payload' bytes at least; add() makes it the next child. */
struct mpipe__frame *mpipe__children_new(struct mpipe__flow *flow,
                                         unsigned stage, size_t payload);
void mpipe__children_add(struct mpipe__flow *flow, struct mpipe__frame *f);
/* Let the next item begin a new child. */
void mpipe__children_close(struct mpipe__flow *flow);
/* Send all that are closed, each with an id and a number of its own. */
void mpipe__children_send(struct mpipe__flow *flow);
/* Send a frame to the next stage, or home if it is not for a stage; waits for a
 * credit.  Takes the frame; false: the flow is ending. */
bool mpipe__children_pass(struct mpipe__flow *flow, struct mpipe__frame *f);
void mpipe__children_drop(struct mpipe__flow *flow);

/* ---- master.c: rank 0 ---- */

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
void mpipe__master_tell(struct mpipe__flow *flow, enum mpipe__control what);
/* The definition as text, for the comparison; at least 512 bytes. */
size_t mpipe__flow_signature(const struct mpipe__flow *flow, char *to,
                             size_t size);

/* ---- feeder.c: rank 0 ---- */

void mpipe__feeder_init(struct mpipe__flow *flow);
void mpipe__feeder_fini(struct mpipe__flow *flow);
enum mpipe_err mpipe__feeder_item(struct mpipe__flow *flow, const void *data,
                                  size_t size);
struct mpipe__frame *mpipe__feeder_room(struct mpipe__flow *flow, size_t size);
/* An item was appended to the open frame: cut it if that is enough. */
void mpipe__feeder_added(struct mpipe__flow *flow);
/* Items fed, those of the open frame too. */
uint64_t mpipe__feeder_items(const struct mpipe__flow *flow);
/* Cut the open frame if it is old and a rank waits for work. */
void mpipe__feeder_age(struct mpipe__flow *flow);
/* Cut the open frame, if it has items. */
void mpipe__feeder_cut(struct mpipe__flow *flow);
/* Send what can be sent; true if something was. */
bool mpipe__feeder_pump(struct mpipe__flow *flow);
/* Call the source, if it is its turn; true if it did something. */
bool mpipe__feeder_pull(struct mpipe__flow *flow);
/* Would it take more without waiting? */
bool mpipe__feeder_wants(const struct mpipe__flow *flow);
/* Does what is fed and not yet delivered fill the window? */
bool mpipe__feeder_full(const struct mpipe__flow *flow);
/* Wait until it does; not from inside a stage. */
void mpipe__feeder_wait(struct mpipe__flow *flow);
/* What a root's work was: to make later frames as long as they should be. */
void mpipe__feeder_learn(struct mpipe__flow *flow, uint32_t items,
                         uint32_t work_us);
/* How long to rest until the source is to be asked again. */
unsigned mpipe__feeder_rest_us(const struct mpipe__feeder *fd, uint64_t now);
/* All that was fed has come out. */
bool mpipe__feeder_empty(const struct mpipe__flow *flow);

/* ---- sink.c: rank 0 ---- */

/* Takes the frame. */
void mpipe__sink_arrive(struct mpipe__flow *flow, struct mpipe__frame *f);
void mpipe__sink_report(struct mpipe__flow *flow,
                        const struct mpipe__report_entry *entry);
/* Hand complete roots to the user; true if there were any. */
bool mpipe__sink_deliver(struct mpipe__flow *flow);
void mpipe__sink_drop_all(struct mpipe__flow *flow);

#endif
