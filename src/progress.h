/* SPDX-License-Identifier: BSD-3-Clause */
/* progress.h - the progress bar, or line, of rank 0 (layer 0). */
#ifndef MPIPE__PROGRESS_H
#define MPIPE__PROGRESS_H

#include <stdbool.h>
#include <stdio.h>
#include <mpipe/pipeline.h>

struct mpipe__progress {
    FILE *stream;           /* NULL: nothing is drawn */
    bool tty;               /* a bar that redraws itself, or a line now and
                               then */
    double every;           /* seconds between two drawings */
    double start, last;     /* times of the start and the last drawing */
    uint64_t last_done;
    double rate;            /* items/s, smoothed */
    bool drawn;
    char name[48];
    char note[160];         /* more to say, where there is room for it */
};

/* Pure: the text for a moment, at most 'size' bytes with its NUL, at most
 * 'width' columns (0: no limit, and no bar).  'count' 0, or less than was fed:
 * the feed's length is unknown (no ETA, no bar).  Done means delivered +
 * dropped + failed, in items fed. */
void mpipe__progress_text(char *text, size_t size, const char *name,
                          uint64_t done, uint64_t fed, uint64_t count,
                          double elapsed, double rate, unsigned width);

/* A bar where 'stream' is a terminal that can redraw, otherwise lines. */
void mpipe__progress_init(struct mpipe__progress *p, FILE *stream,
                          const char *name, double now);
/* A bar in any case: under mpirun even a terminal looks like a pipe. */
void mpipe__progress_force_bar(struct mpipe__progress *p);
/* Draw if it is time ('now' in seconds, any epoch). */
void mpipe__progress_tick(struct mpipe__progress *p, double now, uint64_t done,
                          uint64_t fed, uint64_t count);
/* Take the bar off the screen, before something else is printed or at the
 * end. */
void mpipe__progress_clear(struct mpipe__progress *p);

#endif
