/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_farm_control.c - the farm as one would write it by hand.
 *
 * Rank 0 hands out chunks of about a millisecond's work on demand, and shorter
 * ones near the end.  A worker has two chunks, so that it need not wait for
 * the next, but one where tasks are long and a chunk behind one would be late.
 * An empty chunk ends a worker.
 */
#include <stdlib.h>
#include "bench.h"

#define CHUNK_NS    1000000u
#define CHUNK_MAX   4096u
#define AHEAD       2u
#define TAG         2

struct worker {                 /* what rank 0 has for one */
    struct bench_task_item *chunk[AHEAD], *result[AHEAD];
    MPI_Request sent[AHEAD];
    unsigned at, ahead;         /* the next result to come; chunks out */
};

struct master {
    const struct bench_farm *farm;
    struct worker *worker;      /* by rank - 1 */
    MPI_Request *head;          /* of each, the result that is next */
    unsigned n_workers, n_busy, ahead;
    uint64_t chunk, next;
};

static void *items(void)
{
    void *chunk = calloc(CHUNK_MAX, sizeof(struct bench_task_item));

    if (chunk == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    return chunk;
}

static void hand_out(const struct bench *b, struct master *m, unsigned w,
                     unsigned i)
{
    uint64_t left = m->farm->tasks - m->next, share, n = m->chunk;
    struct bench_task_item *task = m->worker[w].chunk[i];

    share = left / (2 * (uint64_t)m->n_workers) + 1;
    n = n < share ? n : share;
    n = n < left ? n : left;
    MPI_Wait(&m->worker[w].sent[i], MPI_STATUS_IGNORE);
    for (uint64_t k = 0; k < n; k++, m->next++)
        task[k] = (struct bench_task_item){
            m->next, bench_farm_ns(m->farm, m->next)
        };
    MPI_Isend(task, (int)(n * sizeof *task), MPI_BYTE, (int)w + 1, TAG,
              b->comm, &m->worker[w].sent[i]);
    m->worker[w].ahead += n > 0;
}

/* Where the worker's next result goes; true if there will be one. */
static bool expect(const struct bench *b, struct master *m, unsigned w)
{
    struct worker *worker = &m->worker[w];

    m->head[w] = MPI_REQUEST_NULL;
    if (worker->ahead == 0)
        return false;
    MPI_Irecv(worker->result[worker->at],
              (int)(CHUNK_MAX * sizeof(struct bench_task_item)), MPI_BYTE,
              (int)w + 1, TAG, b->comm, &m->head[w]);
    return true;
}

static void take(const struct bench *b, struct master *m, unsigned w,
                 const MPI_Status *status, struct bench_answer *answer)
{
    struct worker *worker = &m->worker[w];
    unsigned i = worker->at;
    const struct bench_task_item *task = worker->result[i];
    int bytes;

    MPI_Get_count(status, MPI_BYTE, &bytes);
    worker->ahead--;
    worker->at = (i + 1) % m->ahead;
    hand_out(b, m, w, i);       /* first, so that the worker need not wait */
    m->n_busy -= !expect(b, m, w);
    for (size_t k = 0; k < (size_t)bytes / sizeof *task; k++) {
        answer->sum += task[k].number;
        answer->items++;
        m->farm->took_ns[task[k].number] = (double)task[k].ns;
    }
}

static void master(const struct bench *b, const struct bench_farm *farm,
                   struct bench_answer *answer)
{
    struct master m = { .farm = farm };
    uint64_t mean = farm->task_ns * (farm->skewed ? 2 : 1);
    double from;

    m.n_workers = (unsigned)b->size - 1;
    m.ahead = farm->task_ns < CHUNK_NS ? AHEAD : 1;
    m.chunk = mean < CHUNK_NS ? CHUNK_NS / mean : 1;
    m.worker = calloc(m.n_workers, sizeof *m.worker);
    m.head = calloc(m.n_workers, sizeof(MPI_Request));
    if (m.worker == NULL || m.head == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    for (unsigned w = 0; w < m.n_workers; w++)
        for (unsigned i = 0; i < AHEAD; i++) {
            m.worker[w].chunk[i] = items();
            m.worker[w].result[i] = items();
            m.worker[w].sent[i] = MPI_REQUEST_NULL;
        }
    bench_meet(b);
    from = bench_now();
    for (unsigned i = 0; i < m.ahead; i++)
        for (unsigned w = 0; w < m.n_workers; w++)
            hand_out(b, &m, w, i);
    for (unsigned w = 0; w < m.n_workers; w++)
        m.n_busy += expect(b, &m, w);
    while (m.n_busy > 0) {
        MPI_Status status;
        int w;
        MPI_Waitany((int)m.n_workers, m.head, &w, &status);
        take(b, &m, (unsigned)w, &status, answer);
    }
    answer->seconds = bench_now() - from;
    for (unsigned w = 0; w < m.n_workers; w++) {
        MPI_Waitall(AHEAD, m.worker[w].sent, MPI_STATUSES_IGNORE);
        for (unsigned i = 0; i < AHEAD; i++) {
            free(m.worker[w].chunk[i]);
            free(m.worker[w].result[i]);
        }
    }
    free(m.worker);
    free(m.head);
}

/* Rank 0 sends as many empty chunks as it keeps chunks ahead: the first one
 * that comes is the end, and the others are taken in and forgotten. */
static void worker(const struct bench *b, const struct bench_farm *farm)
{
    unsigned ahead = farm->task_ns < CHUNK_NS ? AHEAD : 1, n_ends = 0;
    struct bench_task_item *chunk[AHEAD] = { items(), items() };
    struct bench_task_item *result[AHEAD] = { items(), items() };
    MPI_Request in[AHEAD] = { MPI_REQUEST_NULL, MPI_REQUEST_NULL };
    MPI_Request out[AHEAD] = { MPI_REQUEST_NULL, MPI_REQUEST_NULL };
    int size = (int)(CHUNK_MAX * sizeof **chunk);

    for (unsigned i = 0; i < ahead; i++)
        MPI_Irecv(chunk[i], size, MPI_BYTE, 0, TAG, b->comm, &in[i]);
    bench_meet(b);
    for (unsigned i = 0; n_ends < ahead; i = (i + 1) % ahead) {
        MPI_Status status;
        int bytes;

        MPI_Wait(&in[i], &status);
        MPI_Get_count(&status, MPI_BYTE, &bytes);
        if (bytes == 0) {
            n_ends++;
            continue;
        }
        MPI_Wait(&out[i], MPI_STATUS_IGNORE);
        for (size_t k = 0; k < (size_t)bytes / sizeof **chunk; k++) {
            result[i][k] = chunk[i][k];
            bench_farm_work(farm, &result[i][k]);
        }
        MPI_Isend(result[i], bytes, MPI_BYTE, 0, TAG, b->comm, &out[i]);
        MPI_Irecv(chunk[i], size, MPI_BYTE, 0, TAG, b->comm, &in[i]);
    }
    MPI_Waitall(AHEAD, out, MPI_STATUSES_IGNORE);
    for (unsigned i = 0; i < AHEAD; i++) {
        free(chunk[i]);
        free(result[i]);
    }
}

void bench_farm_control(struct bench *b, const struct bench_farm *farm,
                        struct bench_answer *answer)
{
    *answer = (struct bench_answer){ 0, 0, 0 };
    if (b->rank == 0)
        master(b, farm, answer);
    else
        worker(b, farm);
    bench_meet(b);
}
