/* SPDX-License-Identifier: BSD-3-Clause */
/* trace.h - where time went, as a Chrome/Perfetto trace (layer 0).
 *
 * Each rank keeps a bounded buffer of spans; at the end they travel to rank 0,
 * which writes the file: one row (thread) a rank.  When the buffer is full
 * every second span of what it holds is dropped, and from then on only every
 * second one is kept (and so on), so a long job has a thinner trace, not half
 * of one; the file says so.
 */
#ifndef MPIPE__TRACE_H
#define MPIPE__TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>

enum mpipe__span_kind {
    MPIPE__SPAN_STAGE,      /* 'stage' worked on a frame */
    MPIPE__SPAN_BLOCKED,    /* waited to hand on */
    MPIPE__SPAN_IDLE,       /* waited for work */
    MPIPE__SPAN_FEED,       /* rank 0: in the source */
    MPIPE__SPAN_SINK        /* rank 0: in the output handler */
};

struct mpipe__span {        /* plain, travels as it is */
    uint64_t start_ns;      /* CLOCK_REALTIME */
    uint64_t length_ns;
    uint64_t root;          /* the root frame; ~0: none */
    uint32_t items;
    uint16_t stage;
    uint16_t kind;
};

struct mpipe__trace {
    struct mpipe__span *span;
    uint32_t n, capacity, keep_one_in, skipped;
};

/* 'capacity' 0: nothing is kept.  MPIPE_ENOMEM. */
enum mpipe_err mpipe__trace_init(struct mpipe__trace *t, uint32_t capacity);
void mpipe__trace_fini(struct mpipe__trace *t);
void mpipe__trace_add(struct mpipe__trace *t, const struct mpipe__span *span);

/* Writing, on rank 0: open, then per rank its spans in any pieces, close. */
struct mpipe__trace_file;

/* NULL on an error, told in 'err' (may be NULL): MPIPE_EIO, MPIPE_ENOMEM. */
struct mpipe__trace_file *mpipe__trace_open(const char *path,
                                            struct mpipe_error *err);

/* What the file calls time 0, on the clock of the spans.  Without it that is
 * the start of the first span written; spans before it get negative times. */
void mpipe__trace_epoch(struct mpipe__trace_file *f, uint64_t start_ns);

/* Name a rank's row.  'host' and 'role' may be NULL. */
void mpipe__trace_rank(struct mpipe__trace_file *f, int rank, const char *host,
                       const char *role);

/* Say in the rank's row that only one span in 'keep_one_in' was kept; nothing
 * for 1. */
void mpipe__trace_thinned(struct mpipe__trace_file *f, int rank,
                          uint32_t keep_one_in);
void mpipe__trace_spans(struct mpipe__trace_file *f, int rank,
                        const struct mpipe__span *spans, size_t n,
                        const char *const *stage_names, unsigned n_stages);

/* Finish the file and free 'f'.  MPIPE_EIO if any of it could not be
 * written. */
enum mpipe_err mpipe__trace_close(struct mpipe__trace_file *f,
                                  struct mpipe_error *err);

#endif
