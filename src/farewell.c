/* SPDX-License-Identifier: BSD-3-Clause */
/* farewell.c - MPI is ended, or given up when that takes too long.
 *
 * A thread waits, since the one that ends MPI does not come back; it takes no
 * signals, and calls nothing of MPI.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>
#include "farewell.h"

/* A process ends MPI once, so it has one. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_t thread;
    struct timespec until;
    int code;
    bool begun, over;
} farewell = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void *wait_for_it(void *arg)
{
    int e = 0;

    (void)arg;
    pthread_mutex_lock(&farewell.mutex);
    while (!farewell.over && e != ETIMEDOUT)
        e = pthread_cond_timedwait(&farewell.cond, &farewell.mutex,
                                   &farewell.until);
    if (!farewell.over)
        _exit(farewell.code);
    pthread_mutex_unlock(&farewell.mutex);
    return NULL;
}

/* A time to come on the clock that nobody sets. */
static bool set_clock(unsigned limit_ms)
{
    pthread_condattr_t attr;
    bool ok;

    if (pthread_condattr_init(&attr) != 0)
        return false;
    ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0
         && pthread_cond_init(&farewell.cond, &attr) == 0;
    pthread_condattr_destroy(&attr);
    clock_gettime(CLOCK_MONOTONIC, &farewell.until);
    farewell.until.tv_sec += limit_ms / 1000;
    farewell.until.tv_nsec += limit_ms % 1000 * 1000000L;
    if (farewell.until.tv_nsec >= 1000000000L) {
        farewell.until.tv_nsec -= 1000000000L;
        farewell.until.tv_sec++;
    }
    return ok;
}

/* Without memory for a thread nobody watches, as before. */
void mpipe__farewell_begin(int code, unsigned limit_ms)
{
    sigset_t all, old;

    mpipe__farewell_over();
    if (!set_clock(limit_ms))
        return;
    farewell.code = code;
    farewell.over = false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    farewell.begun = pthread_create(&farewell.thread, NULL, wait_for_it, NULL)
                     == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!farewell.begun)
        pthread_cond_destroy(&farewell.cond);
}

void mpipe__farewell_over(void)
{
    if (!farewell.begun)
        return;
    pthread_mutex_lock(&farewell.mutex);
    farewell.over = true;
    pthread_cond_signal(&farewell.cond);
    pthread_mutex_unlock(&farewell.mutex);
    pthread_join(farewell.thread, NULL);
    pthread_cond_destroy(&farewell.cond);
    farewell.begun = false;
}
