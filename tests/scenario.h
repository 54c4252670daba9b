/* SPDX-License-Identifier: BSD-3-Clause */
/* scenario.h - what a program may do with pipelines, right and wrong.
 *
 * Each scenario is a program that all ranks run, with a session of its own.
 * pipeline.c runs them in the loop world, engine_mpi.c under mpirun.
 */
#ifndef MPIPE_TESTS_SCENARIO_H
#define MPIPE_TESTS_SCENARIO_H

#include <stdbool.h>
#include <mpipe.h>

struct mpipe__notes {           /* of one rank */
    struct mpipe *mp;
    int rank, size;
    int n_wrong;
    int code;                   /* the exit code that all ranks must get */
    int error_rank;             /* and where the error is from; -2: any */
    const char *text;           /* part of the error's words on rank 0; NULL:
                                   any */
};

struct mpipe__scenario {
    const char *name;           /* a sentence: what holds */
    const char *options;        /* as struct mpipe__world has it */
    int least;                  /* ranks */
    bool heavy;                 /* once is enough */
    enum mpipe_err (*run)(struct mpipe__notes *n);
};

/* Both end with a name of NULL. */
extern const struct mpipe__scenario mpipe__scenarios_use[];
extern const struct mpipe__scenario mpipe__scenarios_misuse[];

/* Note that something does not hold. */
#define HOLDS(n, what) \
    mpipe__holds(n, (what) != 0, #what, __FILE__, __LINE__)
void mpipe__holds(struct mpipe__notes *n, bool holds, const char *what,
                  const char *file, int line);

/* After finalize() has answered 'code': judge it and the error on this rank. */
void mpipe__scenario_judge(const struct mpipe__scenario *s,
                           struct mpipe__notes *n, int code,
                           const struct mpipe_error *error);

/* ---- shared by the scenarios ---- */

/* int64_t items through one stage, and what comes of them. */
struct mpipe__tally {
    struct mpipe__notes *n;
    uint64_t items;
    int64_t sum, last;
    bool falls;                 /* an item was less than the one before it */
};
enum mpipe_err mpipe__tally_sink(const struct mpipe_item *result, void *arg);
enum mpipe_err mpipe__twice(const struct mpipe_item *in, struct mpipe_out *out,
                            void *arg);
enum mpipe_err mpipe__pass(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg);
/* Feed from ... to-1; stops at an error. */
enum mpipe_err mpipe__feed_numbers(struct mpipe_pipeline *pl, int64_t from,
                                   int64_t to);

#endif
