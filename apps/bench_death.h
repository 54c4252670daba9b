/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_death.h - what a job that loses a rank tells the bench that started it.
 *
 * The file that both map into memory: in a job whose rank is killed nothing else
 * is sure to come through.
 */
#ifndef BENCH_DEATH_H
#define BENCH_DEATH_H

#include <stdatomic.h>
#include <stdint.h>

struct bench_death {
    /* asked for */
    uint64_t items;
    uint64_t task_ns;           /* an item sleeps so long in the last stage; 0:
                                   three stages of 64 B items at full speed */
    /* answered */
    _Atomic uint64_t results;   /* delivered so far */
    uint64_t sum;               /* of their numbers */
    _Atomic int killed;
    double killed_at;
    double back_at;             /* end of the longest time without results that
                                   began soon after */
};

#endif
