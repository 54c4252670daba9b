/* SPDX-License-Identifier: BSD-3-Clause */
/* log.h - the job's log on rank 0 (layer 0): one line an event. */
#ifndef MPIPE__LOG_H
#define MPIPE__LOG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <mpipe/session.h>

struct mpipe__log_line {
    uint64_t time_ns;           /* CLOCK_REALTIME */
    int rank;
    enum mpipe_level level;
    const char *host;
    const char *stage;          /* NULL or "": none */
    const char *text;           /* newlines in it are shown as "\n" */
};

/* Pure.  "2026-11-23T06:10:00.123Z rank 3 node7 [square] warning: text";
 * UTC.  Cut to 'size' - 1 bytes; returns the length written. */
size_t mpipe__log_format(char *to, size_t size,
                         const struct mpipe__log_line *line);

/* "error" ... "debug" */
const char *mpipe__log_level_name(enum mpipe_level level);

#endif
