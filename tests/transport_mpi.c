/* SPDX-License-Identifier: BSD-3-Clause */
/* The conformance list over transport_mpi.c, and over the fault transport on
 * top of it; run on 1, 2, 3, 4 and 7 ranks. */
#include <mpi.h>
#include <stdio.h>
#include "conformance.h"
#include "transport_fault.h"
#include "transport_mpi.h"

/* Open MPI 4.1 truncates only what it sends eagerly: all of a longer message is
 * written, past the end of a receive that is too small (shared memory with CMA,
 * tcp and self alike), and between a rank and itself even a short one is cut
 * without an error.  So that a message fits is the sender's duty. */
enum { TOO_LONG_MAX = 1000 };

static bool open_mpi(void *arg, int size, struct mpipe__transport **rank)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct mpipe__transport *t = mpipe__mpi_transport(MPI_COMM_WORLD, &err);
    const struct mpipe__fault_plan *plan = arg;

    if (t == NULL || t->rank >= size) {
        fprintf(stderr, "transport_mpi: %s\n", err.text);
        return false;
    }
    rank[t->rank] = plan == NULL ? t : mpipe__fault_new(t, plan);
    return rank[t->rank] != NULL;
}

int main(int argc, char **argv)
{
    struct mpipe__fault_plan delays = { .seed = 5, .delay_ppm = 300000,
                                        .delay_polls = 3 };
    const struct mpipe__conformance_host hosts[] = {
        { "mpi", open_mpi, NULL, NULL, (size_t)16 << 20, TOO_LONG_MAX },
        { "fault over mpi", open_mpi, NULL, &delays, (size_t)1 << 20,
          TOO_LONG_MAX }
    };
    int i, rank, size, n_checks = 0, n_failed = 0;

    MPI_Init(&argc, &argv);
    /* MPICH asks this one for what fails in a call on several requests */
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    for (i = 0; i < 2 && n_failed == 0; i++)
        n_checks += mpipe__conformance(&hosts[i], size, stderr, &n_failed);
    /* The others may be waiting for what this rank has not done. */
    if (n_failed > 0)
        MPI_Abort(MPI_COMM_WORLD, 1);
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0)
        printf("transport_mpi: %d checks passed on %d ranks\n", n_checks, size);
    MPI_Finalize();
    return 0;
}
