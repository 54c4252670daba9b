/* SPDX-License-Identifier: BSD-3-Clause */
/* resume.h - rank 0: a flow goes on where an earlier run of it stopped (layer 3).
 *
 * With --journal each root frame that is delivered is recorded with its results.
 * The next run of the same command gives these results to the sink again when
 * their items' turn comes, and does not feed those.  So a sink sees in each run
 * what it would have seen in one that nothing disturbed, whatever it makes of it.
 *
 * Of a map-reduce job's first flow each root is recorded once what came of it is on
 * the disks of the ranks (map_journal.h); it is not fed again either.
 *
 * The output of a map-reduce job is no feed of items that could be told apart: its
 * journal belongs to the job (job_journal.h), which knows from it what is still to be
 * done, and what it has is handed out before anything else.
 */
#ifndef MPIPE__RESUME_H
#define MPIPE__RESUME_H

#include "interval.h"
#include "journal.h"
#include "ledger.h"
#include "map_journal.h"

struct mpipe__engine;
struct mpipe__flow;
struct mpipe__flow_spec;

struct mpipe__resume {
    struct mpipe__journal journal;
    const struct mpipe__engine *engine;
    const struct mpipe__flow_spec *spec;    /* whose it is; NULL: a job's output */
    bool outlives;                  /* whoever runs the flow opened it, and closes it */
    struct mpipe__map_journal *map; /* of a job's map; or NULL */
    bool started;                   /* the journal says whose it is */
    unsigned ranks;                 /* of the run that began it, */
    uint64_t memory;                /* ... and its --memory */
    struct mpipe__intervals done;   /* items fed by earlier runs, with results */
    /* Of their results: where they end in the file, and where the first one begins
     * that has not been handed out; those behind it that have; in all. */
    uint64_t replay_end, replay_from;
    struct mpipe__intervals given;
    uint64_t n_given;
    struct mpipe__journal_reader reader;
    /* One look through them: how many items had been fed and were done when it began;
     * of them, those of records whose other items had not been fed; and the least
     * end of the latter, ... */
    bool looking;
    uint64_t fed, due, ahead, least_end;
    uint64_t wait_for;              /* ... for which the next look waits */
    bool replaying;                 /* one is being handed out */
    uint64_t next_root;             /* the first item of the next root frame */
    uint64_t digest;                /* of the interval that is passed over */
    uint64_t passed;                /* items that were not fed again */
    uint64_t keys;                  /* of a job that were not reduced again */
    uint64_t next_flush, next_sync;
    uint64_t drain_until;           /* 0: not asked to stop */
};

/* The name of the n-th journal of a session.  Not by the flow's id: a job takes more
 * of those where a rank dies. */
void mpipe__resume_file(char *to, size_t size, const char *session, unsigned nth);

/* Does the flow keep a journal?  Not where only the plan is asked for, or to look at
 * the input; of a map-reduce job the first flow and the last do. */
bool mpipe__resume_wanted(const struct mpipe__flow *flow);
/* Open the n-th journal of the session, for a flow of this spec. */
enum mpipe_err mpipe__resume_begin(struct mpipe__resume *re,
                                   const struct mpipe__engine *en,
                                   const struct mpipe__flow_spec *spec,
                                   unsigned nth, struct mpipe_error *err);
/* 'well': what was recorded last is not given up. */
void mpipe__resume_fini(struct mpipe__resume *re, bool well);

/* Open the journal of the flow, if one is wanted. */
enum mpipe_err mpipe__resume_open(struct mpipe__flow *flow,
                                  struct mpipe_error *err);
void mpipe__resume_close(struct mpipe__flow *flow);

/* A source that cuts its items by the number of ranks, or by --memory, must cut as
 * it did in the run that began the journal.  From any layer, on rank 0. */
unsigned mpipe__resume_ranks(const struct mpipe__flow *flow);
uint64_t mpipe__resume_memory(const struct mpipe__flow *flow);

/* ---- the feed ---- */

/* How many items may go into a frame that begins with item 'at', so that it is
 * done as a whole or not at all. */
uint32_t mpipe__resume_room(const struct mpipe__flow *flow, uint64_t at);
/* The frame begins with item 'at': is it done?  Then it is not to be fed. */
bool mpipe__resume_passes(struct mpipe__flow *flow, struct mpipe__frame *f,
                          uint64_t at);
/* A root is fed: which items are its? */
void mpipe__resume_fed(struct mpipe__flow *flow, struct mpipe__root *r,
                       struct mpipe__frame *f);
/* The feed has ended: has it had all that is done? */
void mpipe__resume_check_end(struct mpipe__flow *flow);

/* ---- results ---- */

/* Are there results of earlier runs, of items whose turn has come, to be handed out
 * before others? */
bool mpipe__resume_replays(const struct mpipe__flow *flow);
/* Are there, before anything is fed? */
bool mpipe__resume_comes_first(const struct mpipe__flow *flow);
/* Look for those of one root, and hand them out. */
void mpipe__resume_replay(struct mpipe__flow *flow);
/* A root's results have been handed out. */
void mpipe__resume_record(struct mpipe__flow *flow, struct mpipe__root *r);
/* Now and then: let what is recorded outlive the process, and the machine. */
void mpipe__resume_pass(struct mpipe__flow *flow, uint64_t now);

/* The flow ends well: bring all that is recorded to the disk. */
void mpipe__resume_save(struct mpipe__flow *flow);

/* ---- asked to stop ---- */

/* A signal has come: feed no more, let what is under way come home, and end with
 * MPIPE_ESAVED.  A flow that keeps no journal ends at once, with MPIPE_ESAVED where
 * others of the program have recorded something in this run, else with MPIPE_EINTR. */
void mpipe__resume_stop(struct mpipe__flow *flow,
                        const struct mpipe_error *why);
bool mpipe__resume_draining(const struct mpipe__flow *flow);
/* Is it over? */
void mpipe__resume_drained(struct mpipe__flow *flow);

/* The job has run to its end: its journals are not needed any more. */
void mpipe__resume_forget(const char *dir, const char *session, unsigned n);

#endif
