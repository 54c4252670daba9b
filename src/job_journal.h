/* SPDX-License-Identifier: BSD-3-Clause */
/* job_journal.h - rank 0: what of a job's output an earlier run has delivered
 * (layer 4).
 *
 * Its records are the tokens that were delivered (reduce.h), with the results of
 * their keys.  The next run of the same command hands these out, computes only the
 * partitions that are not done, and passes over the keys that were delivered of
 * them.  For that partitions must be the same: their number, and where they begin,
 * are the journal's terms.
 */
#ifndef MPIPE__JOB_JOURNAL_H
#define MPIPE__JOB_JOURNAL_H

#include <mpipe/source.h>
#include "engine.h"
#include "resume.h"

struct mpipe__job_journal {
    struct mpipe__resume resume;
    uint32_t n_parts;               /* of the run that began it, */
    struct mpipe_bytes bounds;      /* ... and where they begin, as it told all */
    bool *done;                     /* a partition each: all of it was delivered */
    char what[200];                 /* job it is of */
    unsigned nth;                   /* of the session's journals */
};

/* Open it, and find what is done; 'what' and 'nth' are set. */
enum mpipe_err mpipe__job_journal_open(struct mpipe__job_journal *j,
                                       struct mpipe__engine *en,
                                       struct mpipe_error *err);
/* Before anything is run: write whose it is, if it is new; else 'n_parts' and
 * 'bounds' become those that it began with.  Takes 'bounds' over. */
enum mpipe_err mpipe__job_journal_begin(struct mpipe__job_journal *j,
                                        const struct mpipe__engine *en,
                                        uint32_t n_parts,
                                        struct mpipe_bytes *bounds,
                                        struct mpipe_error *err);
/* 'well': what was recorded last is not given up. */
void mpipe__job_journal_close(struct mpipe__job_journal *j, bool well);

#endif
