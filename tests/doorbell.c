/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of doorbell.c: who is rung does not sleep on, whenever the ring comes.
 *
 * The time limits are long, so that a ring that is lost shows as a test that
 * takes far too long; where all is well nobody ever waits for one.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "clock.h"
#include "doorbell.h"
#include "suite.h"

#define LONG_US 60000000u
#define LONG_NS 60000000000u

static bool was_quick(uint64_t since)
{
    return mpipe__now() - since < LONG_NS / 2;
}

static void rings_nobody(void)
{
    struct mpipe__bell bell = { 0 };

    mpipe__bell_ring(&bell);
    CU_ASSERT_EQUAL(bell.sleeping, 0);
    mpipe__bell_announce(&bell);
    CU_ASSERT_EQUAL(bell.sleeping, 1);
    mpipe__bell_withdraw(&bell);
    CU_ASSERT_EQUAL(bell.sleeping, 0);
    mpipe__bell_ring(&bell);
    CU_ASSERT_EQUAL(bell.sleeping, 0);
}

/* The work came after the owner looked, but before it slept. */
static void rung_before_sleep(void)
{
    struct mpipe__bell bell = { 0 };
    uint64_t since = mpipe__now();

    mpipe__bell_announce(&bell);
    mpipe__bell_ring(&bell);
    CU_ASSERT_EQUAL(bell.sleeping, 0);
    mpipe__bell_sleep(&bell, LONG_US);
    CU_ASSERT(was_quick(since));
    CU_ASSERT_EQUAL(bell.sleeping, 0);
}

/* Nobody rings. */
static void time_is_up(void)
{
    static const unsigned limits_us[] = { 0, 1, 999, 20000 };

    for (size_t i = 0; i < sizeof limits_us / sizeof *limits_us; i++) {
        struct mpipe__bell bell = { 0 };
        uint64_t since = mpipe__now();
        mpipe__bell_announce(&bell);
        mpipe__bell_sleep(&bell, limits_us[i]);
        CU_ASSERT(mpipe__now() - since >= 1000u * (uint64_t)limits_us[i]);
        CU_ASSERT(was_quick(since));
        CU_ASSERT_EQUAL(bell.sleeping, 0);
    }
}

static void do_nothing(int number)
{
    (void)number;
}

/* A child sends signals until it is told that one has done its work. */
static void signal_wakes(void)
{
    struct sigaction ours = { .sa_handler = do_nothing }, old;
    struct mpipe__bell *bell = mmap(NULL, sizeof *bell, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint64_t since = mpipe__now();
    pid_t child, ended;

    CU_ASSERT_FATAL(bell != MAP_FAILED);
    sigaction(SIGUSR1, &ours, &old);
    mpipe__bell_announce(bell);
    child = fork();
    if (child == 0) {
        while (__atomic_load_n(&bell->sleeping, __ATOMIC_SEQ_CST) == 1
               && kill(getppid(), SIGUSR1) == 0)
            sched_yield();
        _exit(0);
    }
    CU_ASSERT_FATAL(child > 0);
    mpipe__bell_sleep(bell, LONG_US);
    CU_ASSERT(was_quick(since));
    while ((ended = waitpid(child, NULL, 0)) < 0 && errno == EINTR)
        continue;               /* its last signal may come as late as this */
    CU_ASSERT_EQUAL(ended, child);
    sigaction(SIGUSR1, &old, NULL);
    munmap(bell, sizeof *bell);
}

/* ---- two processes ---- */

enum { TURNS = 3000 };

struct table {                  /* in shared memory */
    struct mpipe__bell bell[2];
    uint32_t turns;             /* taken so far; the parent has the even ones */
};

/* Sleep until it is this side's turn, TURNS times; true if no ring was lost. */
static bool play(struct table *t, unsigned side)
{
    uint64_t since = mpipe__now();

    for (uint32_t turn = side; turn < TURNS; turn += 2) {
        while (__atomic_load_n(&t->turns, __ATOMIC_ACQUIRE) != turn) {
            mpipe__bell_announce(&t->bell[side]);
            if (__atomic_load_n(&t->turns, __ATOMIC_ACQUIRE) != turn)
                mpipe__bell_sleep(&t->bell[side], LONG_US);
            else
                mpipe__bell_withdraw(&t->bell[side]);
        }
        __atomic_store_n(&t->turns, turn + 1, __ATOMIC_RELEASE);
        mpipe__bell_ring(&t->bell[1 - side]);
    }
    return was_quick(since);
}

static void ping_pong(void)
{
    struct table *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = -1;
    pid_t child;

    CU_ASSERT_FATAL(t != MAP_FAILED);
    CU_ASSERT_EQUAL(sizeof t->bell[0], 64);     /* one cache line */
    fflush(NULL);
    child = fork();
    if (child == 0)
        _exit(play(t, 1) ? 0 : 1);
    CU_ASSERT_FATAL(child > 0);
    CU_ASSERT(play(t, 0));
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CU_ASSERT_EQUAL(t->turns, TURNS);
    munmap(t, sizeof *t);
}

static const struct mpipe__test tests[] = {
    { "a ring for nobody leaves nothing behind", rings_nobody },
    { "a ring between the announcement and the sleep counts",
      rung_before_sleep },
    { "a sleep ends when its time is up", time_is_up },
    { "a signal ends a sleep", signal_wakes },
    { "two processes wake each other and lose no ring", ping_pong },
    { NULL, NULL }
};

const struct mpipe__suite suite_doorbell = { "doorbell", tests };
