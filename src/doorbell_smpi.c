/* SPDX-License-Identifier: BSD-3-Clause */
/* doorbell_smpi.c - in the place of doorbell.c where SimGrid simulates the ranks.
 *
 * There all ranks are one process, and one of them runs at a time until it waits
 * for something simulated: who slept in the kernel would stop them all.  So they
 * wait for a semaphore of the simulation, for simulated time.  The rest is as
 * in doorbell.c, also that only ranks of the same node ring.
 */
#include <stddef.h>
#include <simgrid/semaphore.h>
#include "doorbell.h"

void mpipe__bell_announce(struct mpipe__bell *bell)
{
    bell->sleeping = 1;
}

void mpipe__bell_withdraw(struct mpipe__bell *bell)
{
    bell->sleeping = 0;
}

void mpipe__bell_sleep(struct mpipe__bell *bell, unsigned timeout_us)
{
    /* it stays: who rings may have it in hand when the time is up */
    if (bell->rung == NULL)
        bell->rung = sg_sem_init(0);
    if (bell->sleeping == 1)
        sg_sem_acquire_timeout(bell->rung, 1e-6 * timeout_us);
    mpipe__bell_withdraw(bell);
}

void mpipe__bell_ring(struct mpipe__bell *bell)
{
    if (bell->sleeping == 1 && bell->rung != NULL)
        sg_sem_release(bell->rung);
    bell->sleeping = 0;
}
