/* SPDX-License-Identifier: BSD-3-Clause */
/* offspring.c - what a process that this one forks must not hold on to.
 *
 * fork() of the C library calls us (vfork() and posix_spawn() do not, and exec
 * follows there).  That is the process's, not a session's, so this file has state of its
 * own, as last_words.c has.
 */
#include <pthread.h>
#include <stddef.h>
#include "offspring.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mpipe__offspring *first;
static bool installed;

/* The list does not change while the process is doubled. */
static void before(void)
{
    pthread_mutex_lock(&lock);
}

static void in_parent(void)
{
    pthread_mutex_unlock(&lock);
}

static void in_child(void)
{
    for (struct mpipe__offspring *o = first; o != NULL; o = o->next)
        o->close(o->arg);
    pthread_mutex_unlock(&lock);
}

void mpipe__offspring_watch(struct mpipe__offspring *o, mpipe__offspring_fn *close,
                            void *arg)
{
    pthread_mutex_lock(&lock);
    o->close = close;
    o->arg = arg;
    o->next = first;
    first = o;
    /* without memory for it a child holds what it holds, as if we were not here */
    if (!installed)
        installed = pthread_atfork(before, in_parent, in_child) == 0;
    pthread_mutex_unlock(&lock);
}

void mpipe__offspring_unwatch(struct mpipe__offspring *o)
{
    pthread_mutex_lock(&lock);
    for (struct mpipe__offspring **at = &first; *at != NULL; at = &(*at)->next)
        if (*at == o) {
            *at = o->next;
            break;
        }
    pthread_mutex_unlock(&lock);
}
