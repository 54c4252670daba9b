/* SPDX-License-Identifier: BSD-3-Clause */
/* run_line.h - a line on which rank 0 tells `mpipe run` how far it is, from any host. */
#ifndef RUN_LINE_H
#define RUN_LINE_H

#include <stdbool.h>

enum run_stage { RUN_UNTOLD, RUN_STARTING, RUN_HERE, RUN_ENDED, RUN_ABORTED };

struct run_said {
    enum run_stage stage;
    int code, deaths;           /* RUN_ENDED, RUN_ABORTED: as it says */
};

/* What a line says (launcher.c): "start", "here", or "CODE DEATHS end" or "abort".
 * One that says none of these changes nothing. */
void run_said_read(struct run_said *said, const char *line);

/* Listen, and name the place in MPIPE_LAUNCHER of our environment.  It may be that
 * nobody comes, or that there is no such place: a firewall is no error.  Each start
 * has a line of its own; close() is for its end. */
void run_line_open(void);
void run_line_close(void);

/* Take what has come, without waiting.  False: nobody has ever called.  Else what is
 * said, and whether who has said it is 'gone'.  (Sessions on parts of the ranks have a
 * rank 0 each: then it is what the last one says, and the worst code.) */
bool run_line_hear(struct run_said *said, bool *gone);

#endif
