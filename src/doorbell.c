/* SPDX-License-Identifier: BSD-3-Clause */
/* doorbell.c - a futex in shared memory.
 *
 * The order that makes it safe: the owner writes 'sleeping', then looks for
 * messages; a sender puts its message, then reads 'sleeping'.  With a full
 * fence between the two steps on both sides at least one of them sees the
 * other.  (MPI libraries publish a message with their own stores, which the
 * fence orders too.  Were one to publish it later, from another thread, the
 * time limit of the sleep would still bound the delay.)
 */
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "doorbell.h"

void mpipe__bell_announce(struct mpipe__bell *bell)
{
    __atomic_store_n(&bell->sleeping, 1, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void mpipe__bell_withdraw(struct mpipe__bell *bell)
{
    __atomic_store_n(&bell->sleeping, 0, __ATOMIC_RELAXED);
}

void mpipe__bell_sleep(struct mpipe__bell *bell, unsigned timeout_us)
{
    struct timespec limit = {
        .tv_sec = timeout_us / 1000000,
        .tv_nsec = (long)(timeout_us % 1000000) * 1000
    };

    /* not FUTEX_PRIVATE: the ringer is another process */
    syscall(SYS_futex, &bell->sleeping, FUTEX_WAIT, 1, &limit, NULL, 0);
    mpipe__bell_withdraw(bell);
}

void mpipe__bell_ring(struct mpipe__bell *bell)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&bell->sleeping, __ATOMIC_RELAXED) == 0)
        return;
    if (__atomic_exchange_n(&bell->sleeping, 0, __ATOMIC_SEQ_CST) == 1)
        syscall(SYS_futex, &bell->sleeping, FUTEX_WAKE, 1, NULL, NULL, 0);
}
