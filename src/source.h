/* SPDX-License-Identifier: BSD-3-Clause */
/* source.h - what the ready-made sources are made of (layer 4). */
#ifndef MPIPE__SOURCE_H
#define MPIPE__SOURCE_H

#include <stdbool.h>
#include <mpipe/source.h>

/* How much a source emits in one call, at most: enough to make the call cheap,
 * and little enough that results need not wait for it. */
enum {
    MPIPE__SOURCE_ITEMS = 512,
    MPIPE__SOURCE_BYTES = 256 * 1024
};

/* A file cannot be read: is the job to go on without it?  Then that is
 * logged.  'out' may be NULL. */
bool mpipe__source_skips(struct mpipe_out *out, enum mpipe_err e,
                         const char *why);

/* A stage has read so many bytes of records; 'out' may be NULL. */
void mpipe__source_read(struct mpipe_out *out, uint64_t bytes);

/* The integers that are left of a range. */
struct mpipe__numbers {
    int64_t next, last;
    bool done;                  /* 'next' could not go beyond INT64_MAX */
};

void mpipe__numbers_init(struct mpipe__numbers *n, int64_t first, int64_t last);
/* Take up to 'step' (1 or more) of them; false: there are none. */
bool mpipe__numbers_take(struct mpipe__numbers *n, int64_t step,
                         struct mpipe_range *range);
/* How often mpipe__numbers_take() will give some; 0 also if that is 2^64. */
uint64_t mpipe__numbers_count(const struct mpipe__numbers *n, int64_t step);

#endif
