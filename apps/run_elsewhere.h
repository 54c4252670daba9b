/* SPDX-License-Identifier: BSD-3-Clause */
/* run_elsewhere.h - which hosts of a job are lost, and the same job on the others. */
#ifndef RUN_ELSEWHERE_H
#define RUN_ELSEWHERE_H

#include "run_command.h"

struct run_elsewhere;

/* The hosts are those of --host or --hostfile among the user's words, of a hostfile in the
 * environment, or of Slurm's job.  Both arguments are borrowed.  NULL: no memory. */
struct run_elsewhere *run_elsewhere_new(const struct run_request *r,
                                        const struct run_place *place);
void run_elsewhere_free(struct run_elsewhere *e);

/* Try which of them can be reached, and tell of those that cannot.  What is to be asked
 * for now, for which the environment is set, too: valid until the next call.  It is 'r'
 * itself where all can be, where only one host is known, or where it cannot be told. */
const struct run_request *run_elsewhere_look(struct run_elsewhere *e);

#endif
