/* SPDX-License-Identifier: BSD-3-Clause */
/* run_command.h - the command by which `mpipe run` starts a program. */
#ifndef RUN_COMMAND_H
#define RUN_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define RUN_WORDS_MOST 64u          /* of the user's for the launcher */
#define RUN_WORDS_MORE 4u           /* of ours behind them */

enum run_kind { RUN_OPEN_MPI, RUN_MPICH, RUN_OTHER };

struct run_request {
    unsigned ranks;                 /* 0: not said */
    unsigned restarts;
    const char *journal;            /* NULL: none */
    const char *launcher;           /* NULL: not said */
    bool dry;
    const char *word[RUN_WORDS_MOST + RUN_WORDS_MORE];  /* for the launcher */
    unsigned n_words;
    char **program;                 /* its arguments too, and NULL */
};

/* What is found here. */
struct run_place {
    enum run_kind kind;
    const char *launcher;
    int major;                      /* version of Open MPI; 0: not known */
    unsigned cores;
    unsigned cores_each;            /* that Slurm gives to a rank; 0: not said */
    bool root, slurm, srun;         /* srun starts it */
    bool line;                      /* rank 0 may call us: MPIPE_LAUNCHER is set */
    bool batch;                     /* a batch system gives the ranks */
    char status[PATH_MAX];          /* where rank 0 says how it ended */
    char out[PATH_MAX + 8];         /* where it gets our stdout; "": from mpirun */
};

/* Words that are made for it. */
struct run_words {
    char count[16], each[32], status[PATH_MAX + 32], journal[PATH_MAX + 32];
    char out[PATH_MAX + 40];
};

/* { .word = NULL } at first; make() and probe() put another one in its place. */
struct run_command {
    const char **word;              /* to be freed; ends with NULL */
    size_t n;
    struct run_words made;
};

/* False: no memory. */
bool run_command_make(struct run_command *c, const struct run_request *r,
                      const struct run_place *place);
/* One that just runs 'true' where the program would run, and tells by its exit code
 * whether that can be done. */
bool run_command_probe(struct run_command *c, const struct run_request *r,
                       const struct run_place *place);

/* On stdout, so that a shell would read it back. */
void run_command_print(const struct run_command *c);

/* Open MPI 5 loses output, so rank 0 gets our stdout; who wants mpirun to mark it, or in
 * files, says so. */
bool run_command_gives_stdout(const struct run_request *r, const struct run_place *place);

#endif
