/* SPDX-License-Identifier: BSD-3-Clause */
/* world.h - a whole job in one process: every rank a coroutine.
 *
 * Each rank runs the same program, as under mpirun, with a session over the
 * loop transport.  A rank that waits hands over to another one; which, is
 * drawn from a seed, so a run can be repeated.
 */
#ifndef MPIPE_TESTS_WORLD_H
#define MPIPE_TESTS_WORLD_H

#include <stdbool.h>
#include <mpipe.h>
#include "random.h"
#include "transport_fault.h"

#define MPIPE__WORLD_MAX 64

struct mpipe__world {
    int size;
    const char *machine;    /* words for mpipe_machine_synthetic(); NULL: all
                               on one node */
    const char *options;    /* "--credits=1 --window=1M"; NULL: none.  --quiet
                               and silent errors are set already */
    const struct mpipe__fault_plan *fault;  /* on each rank; NULL: none */
    void (*outside)(bool is);   /* told when the library's code is left, and
                                   entered again; NULL: nobody is */
    /* A rank each: dies before it sends this message, from 1; 0: lives. */
    uint64_t kill_nth[MPIPE__WORLD_MAX];
    uint64_t seed;          /* who runs next, how fast each rank is, and
                               where it is interrupted; 0: in turn */
};

/* What a rank does between mpipe_init() and mpipe_finalize(); returns what
 * finalize() is to get. */
typedef enum mpipe_err (*mpipe__world_fn)(struct mpipe *mp, int rank,
                                          void *arg);

struct mpipe__world_end {
    int code[MPIPE__WORLD_MAX];         /* the exit code of each rank */
    struct mpipe_error error[MPIPE__WORLD_MAX]; /* mpipe_last_error() */
    struct mpipe__fault_counts faults;  /* of all ranks */
    bool died[MPIPE__WORLD_MAX];        /* by kill_nth; it ends after the
                                           others, to give its memory back */
    uint64_t sent[MPIPE__WORLD_MAX];    /* messages, where kill_nth or a fault
                                           is given */
    int aborted;                        /* the code that a rank ended the job
                                           with; 0: none did */
};

/* False when the ranks do not come to their end; stderr then has where each of
 * them stands. */
bool mpipe__world_run(const struct mpipe__world *world, mpipe__world_fn fn,
                      void *arg, struct mpipe__world_end *end);

/* How far it is from one of many points that are tried to the next: n, or
 * MPIPE_TEST_STRIDE times that, for valgrind and sanitizers. */
uint64_t mpipe__world_stride(uint64_t n);

/* Let time pass, on the clock that all ranks share; from within a rank. */
void mpipe__world_pass(uint64_t ns);

/* The rank is busy within the user's function while others take this many turns. */
void mpipe__world_idle(struct mpipe *mp, unsigned turns);

/* The rank dies, from within it; comes back as kill_nth tells. */
void mpipe__world_die(struct mpipe *mp);

#endif
