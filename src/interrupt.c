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

#define N_SIGNALS (sizeof signals / sizeof signals[0])

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

static void watch(int number)
{
    struct sigaction old, ours = { .sa_handler = remember };

    sigemptyset(&ours.sa_mask);
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        sigaction(number, &ours, NULL);
}

void mpipe__interrupt_watch(void)
{
    if (watchers++ > 0)
        return;
    for (size_t i = 0; i < N_SIGNALS; i++)
        watch(signals[i]);
}

void mpipe__interrupt_watch_notice(void)
{
    watch(SIGUSR1);
}

void mpipe__interrupt_unwatch(void)
{
    if (--watchers > 0)
        return;
    for (size_t i = 0; i < N_SIGNALS; i++) {
        struct sigaction now;

        if (sigaction(signals[i], NULL, &now) == 0
            && now.sa_handler == remember)
            signal(signals[i], SIG_DFL);
    }
}
