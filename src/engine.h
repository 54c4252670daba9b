/* SPDX-License-Identifier: BSD-3-Clause */
/* engine.h - what one rank runs: flows over one transport (layer 3).
 *
 * Two kinds of movement are kept apart.  progress() moves messages and never
 * runs the user's functions, so it may be called from within one (an emit that
 * must wait for credits does).  step() may run them, and does not run one from
 * within itself: 'in_worker', 'in_source' and 'in_sink' of a flow say which are
 * on the stack.
 */
#ifndef MPIPE__ENGINE_H
#define MPIPE__ENGINE_H

#include <mpipe/plan.h>
#include <mpipe/session.h>
#include "options.h"
#include "pool.h"
#include "transport.h"

struct mpipe__flow;

struct mpipe__engine {
    struct mpipe__transport *transport;
    struct mpipe__pool pool;
    const struct mpipe__options *options;
    size_t slot;                    /* wire size of a full frame */
    struct mpipe_machine *machine;  /* rank 0: where all ranks are */
    const char *host;               /* of this rank */
    const char *command;            /* the program's, without our options */
    bool tied;                      /* a stage may see an item again, after a death */
    const char *session;            /* its journals' names begin so */
    unsigned n_journals;            /* flows that keep one, so far */
    uint64_t n_recorded;            /* rank 0: roots, in all of them */
    struct mpipe__flow *flows;      /* started and not yet closed */
    struct mpipe__flow *abandoned;  /* freed, but for sends that do not end */
    bool *dead;                     /* a rank each */
    int n_dead;
    bool survives;                  /* a death is noticed, and need not end it */
    bool dismisses;                 /* who is not needed any more is left behind */
    uint64_t mourned;               /* when deaths were last looked for */
    volatile int *interrupted;      /* nonzero: the signal that asks us to stop */
    uint64_t now;                   /* when the turn began */
    uint64_t polled;                /* when messages were last moved */
    /* A line for the log, on rank 0. */
    void (*log)(void *arg, uint64_t time_ns, int rank, enum mpipe_level level,
                const char *stage, const char *text);
    void *log_arg;
};

enum mpipe_err mpipe__engine_init(struct mpipe__engine *en,
                                  struct mpipe__transport *t,
                                  const struct mpipe__options *options);
void mpipe__engine_fini(struct mpipe__engine *en);
/* Take the frame's size from the options; before a flow starts. */
enum mpipe_err mpipe__engine_size_slots(struct mpipe__engine *en);

static inline bool mpipe__engine_dead(const struct mpipe__engine *en, int rank)
{
    return en->n_dead > 0 && en->dead[rank];
}

/* Of what (cause.h). */
int mpipe__engine_cause(const struct mpipe__engine *en, int rank);

/* Without rank 0 nothing goes on, and so where this rank itself was taken for
 * dead: true, and why. */
bool mpipe__engine_lost(const struct mpipe__engine *en,
                        struct mpipe_error *why);

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

#endif
