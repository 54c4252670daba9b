/* SPDX-License-Identifier: BSD-3-Clause */
/* merge.h - sorted runs and sorted memory as one stream of pairs (layer 0).
 *
 * Pairs of the same key come in the order of their sources, and within a source
 * in its order.
 */
#ifndef MPIPE__MERGE_H
#define MPIPE__MERGE_H

#include "run.h"
#include "sort.h"

struct mpipe__merge_source {
    uint64_t prefix;            /* of the pair at hand */
    const char *pair;
    struct mpipe__run_reader run;
    const struct mpipe__sort_entry *at, *end;   /* in memory */
};

struct mpipe__merge {
    struct mpipe__merge_source *source;
    unsigned *heap;             /* numbers of sources; the first is next */
    unsigned n, max;
    bool moved;                 /* the pair at hand has been taken */
};

/* Room for 'max' sources. */
enum mpipe_err mpipe__merge_init(struct mpipe__merge *m, unsigned max);
void mpipe__merge_fini(struct mpipe__merge *m);

/* Add sources, in order; then begin. */
enum mpipe_err mpipe__merge_add_run(struct mpipe__merge *m,
                                    const struct mpipe__scratch_file *file,
                                    const struct mpipe__run *run,
                                    struct mpipe_error *err);
void mpipe__merge_add_memory(struct mpipe__merge *m,
                             const struct mpipe__sort_entry *entry, size_t n);

/* The first pair that was not taken; NULL: there is none.  Lent until
 * take(). */
enum mpipe_err mpipe__merge_peek(struct mpipe__merge *m, const char **pair,
                                 struct mpipe_error *err);
/* Go on to the next; it is looked for by the next peek(). */
static inline void mpipe__merge_take(struct mpipe__merge *m) { m->moved = true; }

#endif
