/* SPDX-License-Identifier: BSD-3-Clause */
/* session.h - the state behind struct mpipe (layer 4). */
#ifndef MPIPE__SESSION_H
#define MPIPE__SESSION_H

#include "engine.h"
#include "placement.h"

struct mpipe {
    struct mpipe__engine engine;
    struct mpipe__options options;
    struct mpipe__transport *transport;
    struct mpipe__location here;
    struct mpipe_machine *machine;  /* rank 0 */
    struct mpipe_error broken;      /* it could not start: all calls fail */
    struct mpipe_error first;       /* for mpipe_last_error() */
    bool prints, printed;
    bool began_mpi, owns_transport;
    bool tied;                      /* by lifelines: deaths are noticed */
    bool mortal;                    /* a death ends the job: not yet told */
    char program[64];
    char *command;                  /* argv, without our options */
    char nth[40];                   /* which session of the program it is; "" */
    FILE *log, *report;             /* rank 0 */
    uint16_t next_flow;
    unsigned node_ranks;            /* of this job, on this rank's node */
    unsigned running;               /* pipelines */
};

/* A session over a transport of the caller's, which stays its own: for tests.
 * Options are the defaults, then 'argv' as mpipe_init() takes it (may be
 * NULL). */
struct mpipe *mpipe__session_over(struct mpipe__transport *t,
                                  const struct mpipe_machine *machine,
                                  int *argc, char ***argv);

/* Keep the first error, and print it on rank 0 if errors print themselves. */
void mpipe__session_error(struct mpipe *mp, const struct mpipe_error *err);

/* Say once what a death would cost. */
void mpipe__session_warn(struct mpipe *mp);

/* This rank has no memory for its part of what all do, not even to say so: end
 * the job, for the others would wait.  Returns where there are none. */
void mpipe__session_leave(struct mpipe *mp, const struct mpipe_error *err);

/* An output of the option's could not be written, which is known too late to
 * change how the pipeline ended: say so on stderr, by errno. */
void mpipe__session_complain(const struct mpipe *mp, const char *option,
                             const char *file);

/* rank 0: open what --report and --log name, once. */
enum mpipe_err mpipe__session_files(struct mpipe *mp, struct mpipe_error *err);

#endif
