/* SPDX-License-Identifier: BSD-3-Clause */
/* mpipe_bench.c - 'mpipe bench': libmpipe beside MPI by hand.
 *
 * Reads the arguments, then lets each bench fill rows.  doc/performance.md
 * tells what is measured, and why it is measured like this.
 */
#include <getopt.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "arguments.h"
#include "bench.h"
#include "mpipe_tool.h"

static const char help[] =
    "Usage: mpirun -np RANKS mpipe bench [OPTION...]\n"
    "Measure libmpipe beside the same job written by hand with MPI.  Needs 4\n"
    "ranks or more.\n"
    "  --only=BENCH         just this one: pipeline, farm, latency, wait, "
    "words,\n"
    "                       kmers, sort or faults\n"
    "  --case=TEXT          just the cases with TEXT in their names\n"
    "  --quick              small runs, to see whether all works\n"
    "  --runs=N             runs of each side (5)\n"
    "  --milliseconds=N     milliseconds that a run should take (250)\n"
    "  --megabytes=N        of input for map-reduce (256; sort: 4 times as "
    "much)\n"
    "  --task=spin|sleep    what tasks of 100 us and 10 ms do (spin if there\n"
    "                       is a core for each rank, else sleep)\n"
    "  --cpu                print the processor time of an item, too (the\n"
    "                       control's has its polling in it)\n"
    "  --json               print everything as JSON at the end\n"
    "Exit status: 0, also when a goal is missed; 1 if an answer was wrong.\n";

static const struct {
    const char *name;
    enum mpipe_err (*run)(struct bench *b);
} benches[] = {
    { "pipeline", bench_pipeline }, { "farm", bench_farm },
    { "latency", bench_latency }, { "wait", bench_wait },
    { "words", bench_words }, { "kmers", bench_kmers },
    { "sort", bench_sort }, { "faults", bench_faults }
};

bool bench_wanted(const struct bench *b, const char *name)
{
    return b->like == NULL || strstr(name, b->like) != NULL;
}

void bench_rest(double seconds)
{
    struct timespec t = { .tv_sec = (time_t)seconds };

    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

void bench_meet(const struct bench *b)
{
    MPI_Request request;
    int done;

    MPI_Ibarrier(b->comm, &request);
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    while (!done) {
        bench_rest(2e-4);
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
}

double bench_sum(const struct bench *b, double mine)
{
    double sum = 0;

    MPI_Reduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, 0, b->comm);
    return sum;
}

void bench_check(struct bench *b, const char *name, const char *side,
                 uint64_t got, uint64_t expected)
{
    if (b->rank != 0 || got == expected)
        return;
    fprintf(stderr, "mpipe bench: %s: the %s gave %" PRIu64 ", not %" PRIu64
            "\n", name, side, got, expected);
    b->wrong = true;
}

void bench_row_done(const struct bench *b, struct bench_row *row)
{
    if (row->n_samples > 0)
        bench_row_medians(row);
    if (!b->json)
        bench_print_row(row, stdout);
}

/* ---- arguments ---- */

static enum mpipe_err take_task(struct bench *b, const char *value)
{
    b->task = strcmp(value, "spin") == 0 ? BENCH_SPIN
              : strcmp(value, "sleep") == 0 ? BENCH_SLEEP : BENCH_AUTO;
    if (b->task != BENCH_AUTO)
        return MPIPE_OK;
    return mpipe_usage(b->mp, "--task=%s: give spin or sleep", value);
}

static enum mpipe_err known(struct bench *b, const char *name)
{
    for (unsigned i = 0; i < sizeof benches / sizeof *benches; i++)
        if (strcmp(benches[i].name, name) == 0)
            return MPIPE_OK;
    return mpipe_usage(b->mp, "--only=%s: give pipeline, farm, latency, "
                       "wait, words, kmers, sort or faults", name);
}

static enum mpipe_err take(struct bench *b, int c, char **argv)
{
    int64_t number;

    switch (c) {
    case 'o':
        b->only = optarg;
        return known(b, optarg);
    case 'c':
        b->like = optarg;
        return MPIPE_OK;
    case 'q':
        b->quick = true;
        b->seconds = 0.01;
        b->megabytes = 2;
        b->repeat = 2;
        return MPIPE_OK;
    case 'r':
        if (!arguments_number(optarg, 1, BENCH_REPEAT_MAX, &number))
            return mpipe_usage(b->mp, "--runs=%s: not a number from 1 to %d",
                               optarg, BENCH_REPEAT_MAX);
        b->repeat = (unsigned)number;
        return MPIPE_OK;
    case 's':
        if (!arguments_number(optarg, 1, 60000, &number))
            return mpipe_usage(b->mp, "--milliseconds=%s: not a number from 1 "
                               "to 60000", optarg);
        b->seconds = 1e-3 * (double)number;
        return MPIPE_OK;
    case 'm':
        if (!arguments_number(optarg, 1, 1000000, &number))
            return mpipe_usage(b->mp, "--megabytes=%s: not a number from 1 to "
                               "1000000", optarg);
        b->megabytes = (uint64_t)number;
        return MPIPE_OK;
    case 't':
        return take_task(b, optarg);
    case 'u':
        b->cpu = true;
        return MPIPE_OK;
    case 'j':
        b->json = true;
        return MPIPE_OK;
    case 'H':
        if (b->rank == 0)
            fputs(help, stdout);
        return MPIPE_END;
    default:
        return arguments_wrong(b->mp, argv, c);
    }
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct bench *b, int argc, char **argv)
{
    static const struct option options[] = {
        { "only", required_argument, NULL, 'o' },
        { "case", required_argument, NULL, 'c' },
        { "quick", no_argument, NULL, 'q' },
        { "runs", required_argument, NULL, 'r' },
        { "milliseconds", required_argument, NULL, 's' },
        { "megabytes", required_argument, NULL, 'm' },
        { "task", required_argument, NULL, 't' },
        { "cpu", no_argument, NULL, 'u' },
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'H' },
        { NULL, 0, NULL, 0 }
    };
    enum mpipe_err e = MPIPE_OK;
    int c;

    opterr = 0;
    optind = 1;
    while (e == MPIPE_OK
           && (c = getopt_long(argc, argv, ":", options, NULL)) != -1)
        e = take(b, c, argv);
    if (e == MPIPE_OK && optind < argc)
        e = mpipe_usage(b->mp, "%s: no argument is expected (see --help)",
                        argv[optind]);
    if (e == MPIPE_OK && b->size <= BENCH_STAGES)
        e = mpipe_usage(b->mp, "%d ranks or more are needed: mpirun -np %d "
                        "mpipe bench", BENCH_STAGES + 1, BENCH_STAGES + 1);
    if (b->task == BENCH_AUTO)
        b->task = b->size <= b->cores ? BENCH_SPIN : BENCH_SLEEP;
    return e;
}

/* Cores that the ranks may run on, over all nodes.  Collective; the result is
 * the same on all ranks. */
static int cores(void)
{
    cpu_set_t mine, node;
    MPI_Comm comm;
    int rank, n, sum;

    CPU_ZERO(&mine);
    sched_getaffinity(0, sizeof mine, &mine);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0,
                        MPI_INFO_NULL, &comm);
    MPI_Comm_rank(comm, &rank);
    MPI_Allreduce(&mine, &node, (int)sizeof mine, MPI_BYTE, MPI_BOR, comm);
    MPI_Comm_free(&comm);
    n = rank == 0 ? CPU_COUNT(&node) : 0;
    MPI_Allreduce(&n, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    return sum > 0 ? sum : 1;
}

static enum mpipe_err run(struct bench *b)
{
    enum mpipe_err e = MPIPE_OK;

    MPI_Comm_dup(MPI_COMM_WORLD, &b->comm);
    mpipe_set_option(b->mp, "quiet", NULL);
    mpipe_set_option(b->mp, "progress", "never");
    if (b->rank == 0 && !b->json)
        bench_print_head(b, stdout);
    for (unsigned i = 0; i < sizeof benches / sizeof *benches; i++)
        if (e == MPIPE_OK
            && (b->only == NULL || strcmp(b->only, benches[i].name) == 0))
            e = benches[i].run(b);
    if (e == MPIPE_OK && b->rank == 0 && b->json
        && !bench_print_json(b, stdout))
        e = MPIPE_EIO;
    if (e == MPIPE_OK && b->wrong)
        e = MPIPE_EFAILED;
    MPI_Bcast(&e, 1, MPI_INT, 0, b->comm);
    MPI_Comm_free(&b->comm);
    return e;
}

int mpipe_tool_bench(int argc, char **argv)
{
    struct bench *b = calloc(1, sizeof *b);
    enum mpipe_err e;
    struct mpipe *mp;

    mp = mpipe_init(&argc, &argv);
    if (b == NULL)
        return mpipe_finalize(mp, MPIPE_ENOMEM);
    *b = (struct bench){ .mp = mp, .rank = mpipe_rank(mp),
                         .size = mpipe_size(mp), .cores = cores(),
                         .seconds = 0.25, .repeat = 5, .megabytes = 256 };
    e = read_arguments(b, argc, argv);
    if (e == MPIPE_OK)
        e = run(b);
    free(b);
    return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
}
