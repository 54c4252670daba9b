/* SPDX-License-Identifier: BSD-3-Clause */
/* map_journal.h - rank 0: roots of a job's map that the owners of partitions have
 * on disk (layer 3).
 *
 * The journal of a flow with a shuffle has a record for each run of it: who had
 * which partition.  Behind that come the roots that were delivered, each once all
 * of these have told that they have brought what came of it to the disk (mapped.h).
 * When one of them has died, no more are recorded.
 */
#ifndef MPIPE__MAP_JOURNAL_H
#define MPIPE__MAP_JOURNAL_H

#include <mpipe/source.h>
#include "record.h"

struct mpipe__flow;
struct mpipe__root;

struct mpipe__map_journal {
    uint32_t n_parts;
    struct mpipe__map_run {         /* as in mapped.h */
        uint64_t cut;
        uint32_t *owner;
    } *run;                         /* the last one is this one, once it has begun */
    uint32_t n_runs;
    size_t capacity;
    uint64_t *saved;                /* a rank each: it has roots before this one */
    struct mpipe__pending *first, *last;    /* delivered, and not yet recorded */
};

void mpipe__map_journal_fini(struct mpipe__map_journal *m);

/* A record of an earlier run; MAPPED has been checked. */
enum mpipe_err mpipe__map_journal_take(struct mpipe__map_journal *m,
                                       const struct mpipe__journal_reader *r,
                                       const char *folder,
                                       struct mpipe_error *err);
/* The earlier runs, for all ranks: added to 'to'. */
enum mpipe_err mpipe__map_journal_pack(const struct mpipe__map_journal *m,
                                       struct mpipe_bytes *to);

/* The partitions have their owners: a run begins. */
void mpipe__map_journal_begin(struct mpipe__flow *flow);
/* A root has been delivered.  When an owner has died none is recorded any more. */
enum mpipe_err mpipe__map_journal_wait(struct mpipe__flow *flow,
                                       const struct mpipe__root *r,
                                       struct mpipe__root_record *root,
                                       struct mpipe_error *err);
/* MPIPE__SAVED has come. */
void mpipe__map_journal_saved(struct mpipe__flow *flow, int rank,
                              struct mpipe__frame *f);

#endif
