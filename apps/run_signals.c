/* SPDX-License-Identifier: BSD-3-Clause */
/* run_signals.c - the signals that `mpipe run` gets, and hands on to its launcher.
 *
 * They are blocked from before the first start until all is done, and taken where there
 * is time for them.  So none comes at a bad moment: one from before the launcher is
 * there waits for it, and one between two starts is found before the next one.
 */
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include "run_signals.h"

static sigset_t taken, before;
static int first;               /* in place of the first SIGTERM or SIGUSR1 */
static unsigned asked;

void run_signals_hold(void)
{
    static const int all[] = { SIGTERM, SIGUSR1, SIGUSR2, SIGHUP, SIGINT, SIGQUIT };
    struct sigaction now;

    sigemptyset(&taken);
    sigaddset(&taken, SIGCHLD);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (sigaction(all[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&taken, all[i]);
    sigprocmask(SIG_BLOCK, &taken, &before);
}

void run_signals_release(void)
{
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void run_signals_gently(int number)
{
    first = number;
}

/* To the launcher, which hands it on to the ranks.  Those that have a journal need
 * time to save what they have: Open MPI gives it at SIGUSR1 only, and MPICH does not
 * hand that on. */
static void hand_on(pid_t launcher, int number)
{
    bool asks = number == SIGTERM || number == SIGUSR1;
    int given = first != 0 && asked == 0 && asks ? first : number;

    asked += number != SIGUSR2;         /* which asks for nothing of ours */
    if (number == SIGINT || number == SIGQUIT)
        return;                         /* the terminal sends them to both */
    if (launcher > 0)
        kill(launcher, given);
}

void run_signals_take(pid_t launcher, uint64_t wait_ms)
{
    struct timespec most = { (time_t)(wait_ms / 1000),
                             (long)(wait_ms % 1000) * 1000000 };
    int number;

    while ((number = sigtimedwait(&taken, NULL, &most)) > 0) {
        if (number != SIGCHLD)
            hand_on(launcher, number);
        most = (struct timespec){ 0, 0 };
    }
}

bool run_signals_asked(void)
{
    return asked > 0;
}
