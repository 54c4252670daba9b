/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_fault.h - a transport that misbehaves on a seeded schedule.
 *
 * Stacks on any other.  It costs nothing where it is not stacked.
 */
#ifndef MPIPE__TRANSPORT_FAULT_H
#define MPIPE__TRANSPORT_FAULT_H

#include <stdint.h>
#include "transport.h"

struct mpipe__fault_plan {
    uint64_t seed;
    /* Chances per message sent, in parts per million. */
    unsigned drop_ppm, duplicate_ppm, delay_ppm;
    unsigned delay_polls;       /* a delayed message (and those behind it on
                                   its channel) leaves after so many polls */
    /* Or one exact event: the n-th message that this rank sends, from 1; 0:
     * none. */
    uint64_t drop_nth, duplicate_nth, kill_nth;
    /* Called instead of sending message kill_nth; after it the rank's
     * transport swallows everything: sends complete but go nowhere, nothing is
     * received (errors of the inner transport still come through).  NULL:
     * _exit(137) like a SIGKILL. */
    void (*kill)(void *arg);
    void *kill_arg;
    /* Limit the drops and duplicates to some channels, bit (channel % 8); 0:
     * all.  drop_nth and duplicate_nth then count the messages on these. */
    unsigned channel_mask;
    /* Limit everything to some ranks, bit (rank % 64); 0: all. */
    uint64_t rank_mask;
};

struct mpipe__fault_counts {
    uint64_t sent, dropped, duplicated, delayed;
};

/* Wrap 'inner', which it owns from then on (on success only).  NULL: no memory.
 * What becomes of the n-th message depends only on the seed, the rank and n. */
struct mpipe__transport *mpipe__fault_new(struct mpipe__transport *inner,
                                          const struct mpipe__fault_plan *plan);
void mpipe__fault_counts(const struct mpipe__transport *t,
                         struct mpipe__fault_counts *counts);

/* "drop=100,duplicate=50,delay=1000,seed=7,kill=40" -> plan; MPIPE_EINVAL
 * with words in 'err' (may be NULL), 'plan' is then unchanged.  For MPIPE_FAULT
 * in the environment.  Words: drop, duplicate, delay (parts per million), polls
 * (delay_polls, default 16), seed, drop_nth, duplicate_nth, kill (kill_nth),
 * channels (channel_mask), rank (one rank; may be repeated). */
enum mpipe_err mpipe__fault_parse(const char *words,
                                  struct mpipe__fault_plan *plan,
                                  struct mpipe_error *err);

#endif
