/* SPDX-License-Identifier: BSD-3-Clause */
/* last_words.c - the signal that this process is about to die of.
 *
 * Only a parent is told of what a process dies, and that of a rank is the launcher,
 * which does not hand it on.  So the process says it itself, if the signal can be
 * caught; SIGKILL cannot.  MPI libraries, sanitizers and programs have handlers for
 * the same signals: ours is put before the one that it finds, with the same flags,
 * and calls it.  If that one knows how to go on, these were not the last words.
 *
 * Signals are the process's, not a session's, so this file has state of its own, as
 * interrupt.c has.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include "last_words.h"

#define WATCHERS_MOST 8
#define STACK_SIZE (64 << 10)

static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS,
                               SIGXCPU, SIGXFSZ };

#define N_SIGNALS (sizeof signals / sizeof signals[0])

static struct watcher {
    mpipe__last_words_fn *say;
    void *volatile arg;             /* NULL: free */
} watcher[WATCHERS_MOST];
static int n_watchers;
static struct sigaction before[N_SIGNALS];
static char stack[STACK_SIZE];      /* for a crash that is an overflow of the other */

static void go_on(int number, siginfo_t *info, void *context,
                  const struct sigaction *old)
{
    if ((old->sa_flags & SA_SIGINFO) != 0)
        old->sa_sigaction(number, info, context);
    else if (old->sa_handler != SIG_DFL)
        old->sa_handler(number);
    else {
        sigaction(number, old, NULL);
        raise(number);              /* it comes when this handler returns */
    }
}

static void tell(int number)
{
    int e = errno;

    for (int i = 0; i < WATCHERS_MOST; i++)
        if (watcher[i].arg != NULL)
            watcher[i].say(watcher[i].arg, number);
    errno = e;
}

/* A handler has returned and stays in place, so that it has mended what was wrong.
 * (After one of SIGABRT, abort() ends the process all the same.) */
static bool is_mended(int number)
{
    struct sigaction now;

    return number != SIGABRT && sigaction(number, NULL, &now) == 0
           && now.sa_handler != SIG_DFL;
}

static void crash(int number, siginfo_t *info, void *context)
{
    tell(number);
    for (size_t i = 0; i < N_SIGNALS; i++)
        if (signals[i] == number)
            go_on(number, info, context, &before[i]);
    if (is_mended(number))
        tell(0);
}

static void install(void)
{
    stack_t now, ours = { .ss_sp = stack, .ss_size = sizeof stack };

    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) != 0)
        sigaltstack(&ours, NULL);
    for (size_t i = 0; i < N_SIGNALS; i++) {
        struct sigaction action;

        if (sigaction(signals[i], NULL, &before[i]) != 0
            || ((before[i].sa_flags & SA_SIGINFO) == 0
                && before[i].sa_handler == SIG_IGN))
            continue;
        action = before[i];         /* the mask too, and that it works only once */
        action.sa_sigaction = crash;
        action.sa_flags |= SA_SIGINFO | SA_ONSTACK;
        sigaction(signals[i], &action, NULL);
    }
}

static void uninstall(void)
{
    for (size_t i = 0; i < N_SIGNALS; i++) {
        struct sigaction now;

        if (sigaction(signals[i], NULL, &now) == 0
            && (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == crash)
            sigaction(signals[i], &before[i], NULL);
    }
}

bool mpipe__last_words_watch(mpipe__last_words_fn *say, void *arg)
{
    for (int i = 0; i < WATCHERS_MOST; i++) {
        if (watcher[i].arg != NULL)
            continue;
        watcher[i].say = say;
        watcher[i].arg = arg;
        if (n_watchers++ == 0)
            install();
        return true;
    }
    return false;
}

void mpipe__last_words_unwatch(void *arg)
{
    for (int i = 0; i < WATCHERS_MOST; i++) {
        if (watcher[i].arg != arg)
            continue;
        watcher[i].arg = NULL;
        if (--n_watchers == 0)
            uninstall();
        return;
    }
}
