/* SPDX-License-Identifier: BSD-3-Clause */
/* mapped.h - pairs of this rank's partitions, on disk for the next run (layer 3).
 *
 * With a journal each owner of partitions writes what it adds to its store to a
 * file of its own as well, in the order of the roots, and tells rank 0 up to which
 * one it is on the disk.  Rank 0 records a root when all owners have it
 * (map_journal.h).  The next run begins its feed behind the last one that was
 * recorded, and whoever owns a partition then reads its pairs up to there from the
 * files of the runs before.
 *
 *   FOLDER/[SESSION]pipeline-N.run-J.rank-R     of journal N, by rank R in run J
 */
#ifndef MPIPE__MAPPED_H
#define MPIPE__MAPPED_H

#include "frame.h"
#include "journal.h"

struct mpipe__flow;

struct mpipe__mapped {              /* on each rank, part of a shuffle */
    bool on;
    unsigned nth;                   /* the number of its journal */
    uint32_t n_parts, n_runs;       /* runs before this one, */
    uint64_t *cut;                  /* ... whose roots count before this one, */
    uint32_t *owner;                /* ... and, for each of them, the rank that had a
                                       partition, or UINT32_MAX */
    bool *loaded;                   /* a partition each: it is in the store, */
    bool *due;                      /* ... or is being read, whoever dies meanwhile */
    bool settled;                   /* none is due, until owners are told again */
    struct mpipe__journal journal;  /* this run's */
    bool open;
    uint64_t written, syncing, told;    /* roots before this one are */
    uint64_t next_sync;
};

void mpipe__mapped_fini(struct mpipe__mapped *m);

/* What the runs before were, as all ranks are told: packed by map_journal.c.
 * MPIPE_ENOMEM; MPIPE_EINVAL: it is nonsense. */
enum mpipe_err mpipe__mapped_unpack(struct mpipe__mapped *m, uint32_t n_parts,
                                    const void *data, size_t size);

/* The partition's pairs were dropped. */
void mpipe__mapped_forget(struct mpipe__mapped *m, uint32_t part);
/* Who owns what may have changed. */
static inline void mpipe__mapped_owners(struct mpipe__mapped *m)
{
    m->settled = false;
}

/* Read what the runs before have of partitions that are this rank's now, and open
 * this run's file; false: that was done. */
bool mpipe__mapped_load(struct mpipe__flow *flow, struct mpipe_error *err);

/* A frame of this root has been added to the store. */
enum mpipe_err mpipe__mapped_add(struct mpipe__flow *flow, uint64_t root,
                                 struct mpipe__frame *f,
                                 struct mpipe_error *err);

/* Now and then: bring it to the disk, and tell rank 0.  'all': at the end, waits. */
enum mpipe_err mpipe__mapped_pass(struct mpipe__flow *flow, bool all,
                                  struct mpipe_error *err);

/* The job is over: remove all files of a session's journal. */
void mpipe__mapped_remove(const char *dir, const char *session, unsigned nth);

#endif
