/* SPDX-License-Identifier: BSD-3-Clause */
/* look_ahead.h - a sample of a job's keys, to find where partitions should begin
 * (layer 4).
 *
 * Part of the input is mapped ahead of the job.  A source that has no sample of its own
 * is asked for its first items, which stand for all; they are kept, and fed once more
 * when the job runs.
 */
#ifndef MPIPE__LOOK_AHEAD_H
#define MPIPE__LOOK_AHEAD_H

#include "flow.h"

struct mpipe__look_ahead {
    struct mpipe_bytes sample;      /* pairs, a stride each; so many: */
    size_t n_sample, most;          /* at most so many bytes */
    uint64_t seen, keep_one_in;
    mpipe_source_fn source;         /* that has no sample; or NULL */
    void *arg;
    struct mpipe_bytes items;       /* its first ones: size (8 bytes), bytes, padding */
    size_t n, next;                 /* kept; where to feed on */
    bool ended;                     /* the source has come to its end */
};

/* Map the sample, on all ranks, as a flow of its own.  The input's source becomes one
 * that feeds the kept items first, until over(). */
enum mpipe_err mpipe__look_ahead_run(struct mpipe__look_ahead *a,
                                     struct mpipe *mp,
                                     struct mpipe__flow_spec *input,
                                     const char *job, size_t most);
/* The keys at which 'n' partitions begin, for mpipe__bounds_unpack(): 'packed' is the
 * caller's to free.  MPIPE_ENOMEM. */
enum mpipe_err mpipe__look_ahead_bounds(const struct mpipe__look_ahead *a,
                                        uint32_t n, struct mpipe_bytes *packed);
void mpipe__look_ahead_over(const struct mpipe__look_ahead *a,
                            struct mpipe__flow_spec *input);
void mpipe__look_ahead_fini(struct mpipe__look_ahead *a);

#endif
