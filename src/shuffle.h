/* SPDX-License-Identifier: BSD-3-Clause */
/* shuffle.h - what the last stage emits goes to the owners of its partitions,
 * instead of to the sink (layer 3).
 *
 * The sending side: pairs are combined, put into a frame for each partition, and
 * sent to the rank that owns it; collect.h is the other side.
 *
 * Invariants:
 *  - all that a frame in hand makes is a child of it, as for any stage;
 *  - what an item that fails has emitted never counts: while nothing has failed
 *    pairs of all items are mixed, and the first failure of a frame makes it
 *    begin again, carefully, with a log of what each item adds; one that cannot
 *    begin again, since its rank goes on from where it was, is careful always;
 *  - frames that have left by then are void, and rank 0 tells their owners;
 *  - what is emitted for a partition that is not being filled goes nowhere.
 */
#ifndef MPIPE__SHUFFLE_H
#define MPIPE__SHUFFLE_H

#include "mapped.h"
#include "owners.h"
#include "stats.h"
#include "store.h"
#include "table.h"

struct mpipe__flow;
struct mpipe__link;

#define MPIPE__PARTS_MAX 65535u

/* How to share out; part of a flow's spec.  All ranks have the same but for the
 * store. */
struct mpipe__shuffle {
    bool keyed;             /* items are pairs; else values of one key, "" */
    uint32_t gather;        /* 0: by key; else one partition a worker, and what
                               worker w makes goes to that of w - w % gather */
    uint32_t n_parts;       /* 0: one for each worker */
    struct mpipe__combiner combiner;
    uint32_t (*part_of)(const void *key, size_t size, uint32_t n, void *arg);
    void *arg;
    bool any_order;         /* keys need not come sorted */
    size_t memory;          /* bytes: for this rank's part of it all */
    char scratch[1024];
    struct mpipe__store store;
    struct mpipe__mapped mapped;
    unsigned n_workers;         /* known once the flow has run */
    struct mpipe__owner *owner; /* on rank 0: a partition each */
    uint32_t n_owners;
    struct mpipe__part_info *info;  /* on rank 0, at the end: a partition
                                       each */
    struct mpipe_error error;   /* of the store, met when the flow was ending */
};

struct mpipe__part_info {   /* the item of MPIPE__PARTS */
    uint64_t part, pairs, bytes, spilled;
    uint64_t rank, memory_max;      /* of its store */
};

/* The item of MPIPE__OWNERS: n partitions in a row, whose owners are ranks in a row
 * and workers in a row. */
struct mpipe__place {
    uint32_t part, n, rank, worker;
    uint32_t state, unused;         /* as in struct mpipe__owner */
};

struct mpipe__whose {       /* a partition, as its owner's peers see it */
    uint32_t rank, worker, state;
};

struct mpipe__void {        /* a frame that is not to count */
    uint64_t root, id;
};

struct mpipe__choice {      /* the item of MPIPE__CHOICE: a root, and its copy,
                               which has the higher number */
    uint64_t won, lost;
};

struct mpipe__addition {    /* while careful: one pair more in a frame */
    struct mpipe__frame *frame;
    uint32_t part, n_items; /* before it */
};

struct mpipe__outbound {
    uint32_t n_parts;
    struct mpipe__whose *owner;     /* as the table says: a partition each */
    uint32_t n_owners;
    bool partial;                   /* some are not being filled */
    struct mpipe__frame **open;     /* a partition each; or NULL */
    struct mpipe__table table;      /* combined, of the frame in hand */
    size_t table_limit, frame_size;
    uint64_t tabled;                /* pairs that went into it since it was
                                       emptied */
    uint64_t bypass;                /* pairs that are to go past it, since
                                       most keys were new */
    uint64_t pairs;                 /* emitted for the frame in hand */
    uint64_t emitted, sent;         /* pairs since the flow began */
    uint64_t *left;                 /* ids of frames sent for it */
    size_t n_left, left_capacity;
    bool careful;
    struct mpipe__addition *log;
    size_t n_log, log_capacity;
    struct mpipe__stage_stats *before;  /* the stages', as it was begun */
    char *scratch;                  /* for a pair to be written in */
    size_t scratch_size;
};

/* The table has come, and with it the number of workers. */
enum mpipe_err mpipe__shuffle_init(struct mpipe__flow *flow);
void mpipe__shuffle_fini(struct mpipe__flow *flow);

/* MPIPE__OWNERS has come: who gets which partition, by the table behind it. */
void mpipe__shuffle_owners(struct mpipe__flow *flow, struct mpipe__frame *f);
/* Is the partition being filled, by rank 'rank'? */
static inline bool mpipe__shuffle_fills(const struct mpipe__outbound *o,
                                        uint32_t part, int rank)
{
    return part < o->n_owners
           && o->owner[part].state == MPIPE__PART_FILLING
           && o->owner[part].rank == (uint32_t)rank;
}

/* A pair, or an item, that the last stage emits. */
enum mpipe_err mpipe__shuffle_pair(struct mpipe__flow *flow,
                                   const void *key, size_t key_size,
                                   const void *value, size_t value_size);
enum mpipe_err mpipe__shuffle_item(struct mpipe__flow *flow, const void *data,
                                   size_t size);

/* A frame is begun; all its items are through: close what is open. */
void mpipe__shuffle_begin(struct mpipe__flow *flow);
enum mpipe_err mpipe__shuffle_close(struct mpipe__flow *flow);
/* What is emitted from now on goes into new frames: after an item that is handed
 * back, as its pairs come between. */
void mpipe__shuffle_close_parts(struct mpipe__flow *flow);
/* Forget what is open and closed. */
void mpipe__shuffle_drop(struct mpipe__flow *flow);
/* The frame begins anew, carefully. */
void mpipe__shuffle_restart(struct mpipe__flow *flow);
/* While careful: back to a length of the log. */
void mpipe__shuffle_take_back(struct mpipe__flow *flow, size_t n_log,
                              uint64_t pairs);
/* What this rank has done of it. */
void mpipe__shuffle_stats(const struct mpipe__flow *flow,
                          struct mpipe__rank_stats *stats);
/* A frame has left with this id. */
void mpipe__shuffle_left(struct mpipe__flow *flow, uint64_t id);
/* The link to the owner of the frame's partition, or towards it; NULL: it is this
 * rank.  False: it has none any more, so the frame is to be dropped. */
bool mpipe__shuffle_link(const struct mpipe__flow *flow,
                         const struct mpipe__frame *f,
                         struct mpipe__link **link);

#endif
