/* SPDX-License-Identifier: BSD-3-Clause */
/* engine_mpi.c - every scenario under mpirun, each in a session of its own:
 * engine.mpi [-l] [WORD...] runs those whose names have one of the words.
 *
 * All ranks must end each scenario with the same code, and pass.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mpipe/mpi.h>
#include "scenario.h"

#define LIMIT_SEC 100            /* for all of them */

/* One scenario; how many ranks found something wrong. */
static int play(const struct mpipe__scenario *s)
{
    struct mpipe__notes n = { .error_rank = -2 };
    char words[1000], *argv[32], **args = argv;
    struct mpipe_error error;
    int argc = 0, codes[2], least[2], all;
    enum mpipe_err e;

    snprintf(words, sizeof words, "engine --quiet %s",
             s->options != NULL ? s->options : "");
    for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " "))
        argv[argc++] = w;
    argv[argc] = NULL;
    n.mp = mpipe_init_comm(MPI_COMM_WORLD, &argc, &args);
    mpipe_print_errors(n.mp, 0);
    n.rank = mpipe_rank(n.mp);
    n.size = mpipe_size(n.mp);
    e = s->run(&n);
    error = *mpipe_last_error(n.mp);
    codes[0] = mpipe_finalize(n.mp, e);
    codes[1] = -codes[0];
    mpipe__scenario_judge(s, &n, codes[0], &error);
    MPI_Allreduce(codes, least, 2, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (n.rank == 0)
        HOLDS(&n, least[0] == -least[1]);   /* the same on all ranks */
    MPI_Allreduce(&n.n_wrong, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    return all;
}

static bool chosen(const struct mpipe__scenario *s, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strstr(s->name, argv[i]) != NULL)
            return true;
    return argc <= 1;
}

int main(int argc, char **argv)
{
    const struct mpipe__scenario *const lists[] = { mpipe__scenarios_use,
                                                    mpipe__scenarios_misuse };
    int rank, size, n_run = 0, n_wrong = 0;

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    alarm(LIMIT_SEC);
    for (size_t l = 0; l < 2; l++)
        for (const struct mpipe__scenario *s = lists[l]; s->name != NULL;
             s++) {
            int wrong;

            if (size < s->least || !chosen(s, argc, argv))
                continue;
            if (rank == 0)          /* the last line says where it hangs */
                printf("%s\n", s->name);
            fflush(stdout);
            wrong = play(s);
            n_run++;
            n_wrong += wrong > 0;
            if (wrong > 0 && rank == 0)
                printf("    FAILED on %d ranks\n", size);
        }
    if (rank == 0)
        printf("engine: %d of %d scenarios failed on %d ranks\n", n_wrong,
               n_run, size);
    fflush(stdout);
    MPI_Finalize();
    return n_wrong > 0 || n_run == 0;
}
