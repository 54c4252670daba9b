/* SPDX-License-Identifier: BSD-3-Clause */
/* interrupt.c - remember a signal for the engine's next turn.
 *
 * Signals are the process's, not a session's, so this is the one file with
 * state of its own.
 */
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include "interrupt.h"

static volatile int caught;
static volatile time_t caught_at;
static int watchers;

static const int signals[] = { SIGINT, SIGTERM };

/* The first signal asks for a clean end.  It often comes twice at once (to the
 * process and to its group); one that comes two seconds later means it. */
static void remember(int number)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (caught == 0) {
        caught_at = now.tv_sec;
        caught = number;
    } else if (now.tv_sec - caught_at > 1) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

volatile int *mpipe__interrupted(void)
{
    return &caught;
}

void mpipe__interrupt_watch(void)
{
    if (watchers++ > 0)
        return;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction old, ours = { .sa_handler = remember };

        sigemptyset(&ours.sa_mask);
        if (sigaction(signals[i], NULL, &old) == 0
            && old.sa_handler == SIG_DFL)
            sigaction(signals[i], &ours, NULL);
    }
}

void mpipe__interrupt_unwatch(void)
{
    if (--watchers > 0)
        return;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction now;

        if (sigaction(signals[i], NULL, &now) == 0
            && now.sa_handler == remember)
            signal(signals[i], SIG_DFL);
    }
}
