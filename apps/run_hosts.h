/* SPDX-License-Identifier: BSD-3-Clause */
/* run_hosts.h - the hosts of a job, as launchers and Slurm write them, and the same
 * without those that are lost.
 *
 * Text in, text out: nothing is looked at.  What is returned is to be freed, and is NULL
 * where there is no memory.
 *
 *   a list        node1:2,node2         mpirun --host, mpiexec -hosts: slots
 *   a file        node1 slots=2         mpirun --hostfile, a host a line
 *                 node1:2               mpiexec -f
 *   Slurm's list  node[1-3,07],gpu1
 *   its counts    2(x3),1               one for each of these, in their order
 */
#ifndef RUN_HOSTS_H
#define RUN_HOSTS_H

#include <stdbool.h>
#include <stddef.h>

struct run_host {
    char *name;
    unsigned slots;                 /* 0: not said */
    bool lost;
};

struct run_hosts {
    struct run_host *host;
    size_t n;
};

/* Add those that are named; one that is there already gets more slots.  False: no memory,
 * or not a list that is known here. */
bool run_hosts_add_list(struct run_hosts *h, const char *list);
bool run_hosts_add_file(struct run_hosts *h, const char *text);
bool run_hosts_add_slurm(struct run_hosts *h, const char *list, const char *counts);
void run_hosts_free(struct run_hosts *h);

size_t run_hosts_left(const struct run_hosts *h);

/* A list, a file, counts without the lost; "" if none is left.  'list' of counts: which
 * hosts they are of. */
char *run_hosts_list(const struct run_hosts *h, const char *list);
char *run_hosts_file(const struct run_hosts *h, const char *text);
char *run_hosts_counts(const struct run_hosts *h, const char *list, const char *counts);
/* Those left, with commas: also a list for Slurm. */
char *run_hosts_names(const struct run_hosts *h);

/* Of 'asked' ranks, so many are for those left: all, if they have slots for them, or else
 * what they have; where slots are not said or were too few from the start, their share.
 * At least 1. */
unsigned run_hosts_ranks(const struct run_hosts *h, unsigned asked);

#endif
