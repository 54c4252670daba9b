/* SPDX-License-Identifier: BSD-3-Clause */
/* gauge.c - see gauge.h. */
#include <malloc.h>
#include <mpi.h>
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <string.h>
#include <time.h>
#include "arrivals.h"
#include "gauge.h"
#include "master.h"
#include "sink.h"

#define MESSAGE_S 0.5e-6            /* to send one, or to take one that has come */
#define REQUEST_S 2e-9              /* to look at a request */
#define ENTRY_S   10e-9             /* to hear what has become of frames of a root */
#define LEAST_S   1e-6              /* simulated at a time */

static struct gauge all[GAUGE_RANKS];

/* SMPI starts its ranks in order, as actors 1, 2, ...; 0 is the simulation. */
int gauge_rank(void)
{
    return (int)sg_actor_self_get_pid() - 1;
}

struct gauge *gauge_of(int rank)
{
    int n = (rank >= 0 ? rank : gauge_rank()) + 1;

    return &all[n > 0 && n < GAUGE_RANKS ? n : 0];
}

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);

static void *add(void *block)
{
    struct gauge *g = gauge_of(-1);

    g->bytes += malloc_usable_size(block);
    if (g->bytes > g->bytes_max)
        g->bytes_max = g->bytes;
    return block;
}

/* What a library has allocated and the program frees was never added. */
static void subtract(size_t size)
{
    struct gauge *g = gauge_of(-1);

    g->bytes -= size < g->bytes ? size : g->bytes;
}

void *__wrap_malloc(size_t size)
{
    return add(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return add(__real_calloc(n, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return add(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *text)
{
    return add(__real_strdup(text));
}

void *__wrap_realloc(void *old, size_t size)
{
    size_t had = malloc_usable_size(old);
    void *block = __real_realloc(old, size);

    if (block == NULL && size > 0)
        return NULL;
    subtract(had);
    return add(block);
}

void __wrap_free(void *block)
{
    subtract(malloc_usable_size(block));
    __real_free(block);
}

/* ---- the clock ---- */

int __wrap_smpi_clock_gettime(clockid_t id, struct timespec *t);

/* SMPI's asks the system twice how much processor time has passed, which nobody wants to
 * know here, and which takes longer than all else that an idle rank does. */
int __wrap_smpi_clock_gettime(clockid_t id, struct timespec *t)
{
    double now = simgrid_get_clock();

    (void)id;
    t->tv_sec = (time_t)now;
    t->tv_nsec = (long)((now - (double)t->tv_sec) * 1e9);
    return 0;
}

/* ---- messages ---- */

int __real_MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag,
                     MPI_Comm comm, MPI_Request *request);
int __wrap_MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag,
                     MPI_Comm comm, MPI_Request *request);
int __wrap_MPI_Testsome(int n, MPI_Request *requests, int *n_done, int *index,
                        MPI_Status *status);

static void charge(struct gauge *g, double seconds)
{
    g->owed += seconds;
    if (g->owed < LEAST_S)
        return;
    seconds = g->owed;
    g->owed = 0;
    sg_actor_sleep_for(seconds);
}

int __wrap_MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag,
                     MPI_Comm comm, MPI_Request *request)
{
    struct gauge *g = gauge_of(-1);
    int code;

    g->sent++;
    if ((g->peer[to / 8] >> to % 8 & 1) == 0) {
        g->peer[to / 8] |= (unsigned char)(1u << to % 8);
        g->peers++;
    }
    g->spent += MESSAGE_S;
    charge(g, MESSAGE_S);
    arrivals_expect(to, tag);
    code = __real_MPI_Isend(data, n, type, to, tag, comm, request);
    arrivals_sent(*request);
    return code;
}

int __wrap_MPI_Testsome(int n, MPI_Request *requests, int *n_done, int *index,
                        MPI_Status *status)
{
    struct gauge *g = gauge_of(-1);
    double took = n * REQUEST_S;
    int code = arrivals_test(n, requests, n_done, index, status);

    g->tests++;
    if ((unsigned)n > g->requests_max)
        g->requests_max = (unsigned)n;
    if (*n_done > 0) {
        took += *n_done * MESSAGE_S;
        g->received += (uint64_t)*n_done;   /* and sends that have ended */
        g->spent += took;
    }
    charge(g, took);
    return code;
}

/* ---- what is told of frames ---- */

void __real_mpipe__sink_report(struct mpipe__flow *flow,
                               const struct mpipe__report_entry *entry);
void __real_mpipe__tally_take(struct mpipe__flow *flow, struct mpipe__frame *f);
void __wrap_mpipe__sink_report(struct mpipe__flow *flow,
                               const struct mpipe__report_entry *entry);
void __wrap_mpipe__tally_take(struct mpipe__flow *flow, struct mpipe__frame *f);

/* Within a message's handling, which must not be left: slept with the next test. */
static void owe(double seconds)
{
    struct gauge *g = gauge_of(-1);

    g->spent += seconds;
    g->owed += seconds;
}

void __wrap_mpipe__sink_report(struct mpipe__flow *flow,
                               const struct mpipe__report_entry *entry)
{
    owe(ENTRY_S);
    __real_mpipe__sink_report(flow, entry);
}

void __wrap_mpipe__tally_take(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    owe(f->head.n_items * ENTRY_S);
    __real_mpipe__tally_take(flow, f);
}
