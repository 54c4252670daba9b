/* SPDX-License-Identifier: BSD-3-Clause */
/* bench.h - what the parts of 'mpipe bench' share.
 *
 * Each measurement is made of runs, alternately of a hand-written MPI program
 * (the control) and of libmpipe, on the same ranks.  All ranks call the same
 * functions; times and answers are known on rank 0 alone.  The answers of both
 * sides are checked every time: a fast wrong run counts for nothing.
 */
#ifndef BENCH_H
#define BENCH_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <mpipe.h>

#define BENCH_REPEAT_MAX 31
#define BENCH_ROWS_MAX   64

enum bench_task { BENCH_AUTO, BENCH_SPIN, BENCH_SLEEP };

struct bench_row {
    const char *bench;
    char name[48];
    const char *measure, *unit;
    double library, control;    /* medians; control < 0: there is none */
    enum bench_goal {
        BENCH_NO_GOAL, BENCH_RATIO_AT_LEAST, BENCH_LIBRARY_AT_LEAST,
        BENCH_LIBRARY_AT_MOST
    } goal;
    double limit;
    bool alone;                 /* there is no control */
    unsigned n_samples;         /* of each; 0: the values are no medians */
    double library_sample[BENCH_REPEAT_MAX], control_sample[BENCH_REPEAT_MAX];
};

struct bench {
    struct mpipe *mp;
    MPI_Comm comm;              /* the controls' own */
    int rank, size, cores;
    double seconds;             /* that one run should take */
    unsigned repeat;
    uint64_t megabytes;         /* of input for map-reduce */
    enum bench_task task;       /* never BENCH_AUTO after reading arguments */
    bool quick, json, cpu;
    bool wrong;                 /* an answer was, on rank 0 */
    const char *only, *like;    /* run this bench, these cases; NULL: all */
    struct bench_row row[BENCH_ROWS_MAX];
    unsigned n_rows;
};

/* What a run gave, on rank 0. */
struct bench_answer {
    uint64_t items, sum;
    double seconds;             /* from the first item in to the last out */
};

static inline double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The processor time that this process has used, in seconds. */
static inline double bench_cpu_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- mpipe_bench.c ---- */

/* Is this case asked for? */
bool bench_wanted(const struct bench *b, const char *name);
/* All ranks wait for one another without taking the cores from the others. */
void bench_meet(const struct bench *b);
void bench_rest(double seconds);
/* The sum over all ranks; known on rank 0. */
double bench_sum(const struct bench *b, double mine);
/* An answer is not what it should be: say so, and remember it. */
void bench_check(struct bench *b, const char *name, const char *side,
                 uint64_t got, uint64_t expected);

/* ---- bench_print.c ---- */

double bench_quantile(double *value, unsigned n, double q);     /* sorts */
/* A new row; NULL when rank 0 is elsewhere or there is no room. */
struct bench_row *bench_row(struct bench *b, const char *bench,
                            const char *name, const char *measure,
                            const char *unit);
void bench_row_medians(struct bench_row *row);
/* The row's samples are complete: take the medians, and print it unless JSON is
 * asked for. */
void bench_row_done(const struct bench *b, struct bench_row *row);
void bench_print_head(const struct bench *b, FILE *stream);
void bench_print_row(const struct bench_row *row, FILE *stream);
/* false: the stream failed, or there is no memory. */
bool bench_print_json(const struct bench *b, FILE *stream);

/* ---- a chain of three stages ---- */

#define BENCH_STAGES 3          /* on ranks 1, 2, 3; 0 feeds and collects */

struct bench_chain {
    size_t item_size;           /* 8 or more */
    uint64_t items;
    bool in_place;
    bool inlined;               /* the control's work stands in its loop */
};

/* Item i begins with i; each stage adds one. */
void bench_chain_control(struct bench *b, const struct bench_chain *chain,
                         struct bench_answer *answer);
enum mpipe_err bench_chain_library(struct bench *b,
                                   const struct bench_chain *chain,
                                   struct bench_answer *answer);

/* ---- a farm ---- */

struct bench_task_item {
    uint64_t number, ns;        /* how long it should take, then: took */
};

struct bench_farm {
    uint64_t tasks;
    uint64_t task_ns;           /* of most */
    bool skewed;                /* one in a hundred takes a hundredfold */
    bool sleeps;
    double loops_per_ns;
    double *took_ns;            /* rank 0: by number */
};

uint64_t bench_farm_ns(const struct bench_farm *farm, uint64_t number);
void bench_farm_work(const struct bench_farm *farm,
                     struct bench_task_item *task);
void bench_farm_control(struct bench *b, const struct bench_farm *farm,
                        struct bench_answer *answer);

/* ---- one item at a time ---- */

/* Send 'n' items, one at a time and after a rest of 'gap' seconds each, along
 * the chain; how long each took goes to 'seconds', on rank 0.  'all': the
 * ranks without a stage wait for messages, too.  Returns this rank's share of
 * a core meanwhile. */
double bench_trickle_control(struct bench *b, unsigned n, double gap, bool all,
                             double *seconds);

/* ---- the benches ---- */

enum mpipe_err bench_pipeline(struct bench *b);
enum mpipe_err bench_farm(struct bench *b);
enum mpipe_err bench_latency(struct bench *b);
enum mpipe_err bench_wait(struct bench *b);
enum mpipe_err bench_words(struct bench *b);
enum mpipe_err bench_kmers(struct bench *b);
enum mpipe_err bench_sort(struct bench *b);
enum mpipe_err bench_faults(struct bench *b);

#endif
