/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.h - the times of day (layer 2: pure files get their times as
 * arguments). */
#ifndef MPIPE__CLOCK_H
#define MPIPE__CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t mpipe__clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Nanoseconds that only go forward. */
static inline uint64_t mpipe__now(void)
{
    return mpipe__clock(CLOCK_MONOTONIC);
}

/* Nanoseconds since 1970. */
static inline uint64_t mpipe__today(void)
{
    return mpipe__clock(CLOCK_REALTIME);
}

#endif
