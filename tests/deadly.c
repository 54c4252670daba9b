/* SPDX-License-Identifier: BSD-3-Clause */
/* deadly.c - a program whose ranks die, for tests/deaths.sh.
 *
 *      deadly ITEMS [HOW:RANK:AT | poison:ITEM | hold:FILE | end:RANK | own]...
 *
 * Feeds 1 ... ITEMS to two stages; the first drops the multiples of 3, the second
 * squares.  Prints "n n*n" in feed order.  RANK ends in the way HOW says when it
 * is given its AT-th item, at whichever stage: kill, segv, abort, exit, or kill
 * in init (AT 0).  Whoever is to square ITEM is killed.
 * stop: it writes its process id to the file 'stopped' and stops; rank 0 does at its
 * AT-th result.
 * early: at AT 0 it is killed within MPI_Init_thread(), at 1 in the first
 * MPI_Gather(), when MPI has begun and our part of the start has not ended.
 * hold: whoever is to square the last item waits until FILE is there.
 * end: RANK is killed while all end what they have of MPI.
 * own: it begins and ends MPI itself.
 */
#include <inttypes.h>
#include <mpi.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mpipe.h>

static struct mpipe *mp;
static int n_ends;
static char **ends;
static uint64_t n_given, n_items;

static void stop(void)
{
    FILE *file = fopen("stopping", "w");

    if (file == NULL || fprintf(file, "%ld\n", (long)getpid()) < 0
        || fclose(file) != 0 || rename("stopping", "stopped") != 0)
        abort();
    raise(SIGSTOP);
}

static void die(const char *how)
{
    volatile int *volatile nowhere = NULL;

    if (strcmp(how, "kill") == 0)
        raise(SIGKILL);
    if (strcmp(how, "segv") == 0)
        *nowhere = 1;
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "exit") == 0)
        _exit(0);
    if (strcmp(how, "stop") == 0)
        stop();
}

static void maybe_die(void)
{
    char how[16];
    int rank;
    uint64_t at;

    for (int i = 0; i < n_ends; i++)
        if (sscanf(ends[i], "%15[a-z]:%d:%" SCNu64, how, &rank, &at) == 3
            && rank == mpipe_rank(mp) && at == n_given)
            die(how);
}

static void maybe_eat(uint64_t item)
{
    uint64_t poison;

    for (int i = 0; i < n_ends; i++)
        if (sscanf(ends[i], "poison:%" SCNu64, &poison) == 1 && item == poison)
            raise(SIGKILL);
}

static void maybe_hold(uint64_t item)
{
    for (int i = 0; i < n_ends; i++)
        if (strncmp(ends[i], "hold:", 5) == 0 && item == n_items)
            while (access(ends[i] + 5, F_OK) != 0)
                usleep(1000);
}

static void maybe_die_early(uint64_t when)
{
    const char *mine = getenv("OMPI_COMM_WORLD_RANK") != NULL
                       ? getenv("OMPI_COMM_WORLD_RANK") : getenv("PMI_RANK");
    int rank;
    uint64_t at;

    for (int i = 0; i < n_ends && ends[i] != NULL; i++)  /* options are taken out */
        if (sscanf(ends[i], "early:%d:%" SCNu64, &rank, &at) == 2
            && mine != NULL && rank == atoi(mine) && at == when)
            raise(SIGKILL);
}

/* In place of MPI's. */
int MPI_Init_thread(int *argc, char ***argv, int required, int *provided)
{
    maybe_die_early(0);
    return PMPI_Init_thread(argc, argv, required, provided);
}

int MPI_Gather(const void *in, int n_in, MPI_Datatype type_in, void *out,
               int n_out, MPI_Datatype type_out, int root, MPI_Comm comm)
{
    maybe_die_early(1);
    return PMPI_Gather(in, n_in, type_in, out, n_out, type_out, root, comm);
}

static int my_rank;

/* In place of MPI's; the library calls it at its end. */
int MPI_Win_free(MPI_Win *win)
{
    int rank;

    for (int i = 0; i < n_ends; i++)
        if (sscanf(ends[i], "end:%d", &rank) == 1 && rank == my_rank)
            raise(SIGKILL);
    return PMPI_Win_free(win);
}

static enum mpipe_err init(void *arg, struct mpipe_out *out, void **state)
{
    (void)arg, (void)out;
    *state = NULL;
    maybe_die();
    return MPIPE_OK;
}

static enum mpipe_err no_threes(const struct mpipe_item *in,
                                struct mpipe_out *out, void *arg)
{
    (void)arg;
    n_given++;
    maybe_die();
    if (*(const uint64_t *)in->data % 3 == 0)
        return MPIPE_OK;
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err square(const struct mpipe_item *in,
                             struct mpipe_out *out, void *arg)
{
    uint64_t pair[2] = { *(const uint64_t *)in->data, 0 };

    (void)arg;
    n_given++;
    maybe_die();
    maybe_eat(pair[0]);
    maybe_hold(pair[0]);
    pair[1] = pair[0] * pair[0];
    return mpipe_emit(out, pair, sizeof pair);
}

static enum mpipe_err print(const struct mpipe_item *result, void *arg)
{
    const uint64_t *pair = result->data;

    (void)arg;
    n_given++;
    maybe_die();
    printf("%" PRIu64 " %" PRIu64 "\n", pair[0], pair[1]);
    return MPIPE_OK;
}

int main(int argc, char **argv)
{
    struct mpipe_stage stage[2] = {
        { .name = "no_threes", .run = no_threes, .init = init },
        { .name = "square", .run = square, .init = init, .work = 2 },
    };
    struct mpipe_pipeline *pl;
    enum mpipe_err e;
    bool own = argc > 2 && strcmp(argv[2], "own") == 0;
    int code;

    ends = argv + 2;
    n_ends = argc > 2 ? argc - 2 : 0;
    if (own)
        MPI_Init(&argc, &argv);
    mp = mpipe_init(&argc, &argv);
    if (argc < 2)
        return mpipe_finalize(mp, mpipe_usage(mp, "deadly ITEMS [HOW:RANK:AT]"
                                              "..."));
    my_rank = mpipe_rank(mp);
    ends = argv + 2;
    n_ends = argc - 2;
    n_items = strtoull(argv[1], NULL, 10);
    pl = mpipe_pipeline_new(mp);
    mpipe_source_range(pl, 1, (int64_t)n_items);
    mpipe_pipeline_add(pl, &stage[0]);
    mpipe_pipeline_add(pl, &stage[1]);
    mpipe_pipeline_sink(pl, print, NULL);
    mpipe_pipeline_ordered(pl, 1);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    code = mpipe_finalize(mp, e);
    if (own)
        MPI_Finalize();
    return code;
}
