/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_control.c - the chain as one would write it by hand, with MPI alone.
 *
 *      rank 0 --> rank 1 --> rank 2 --> rank 3 --> rank 0
 *
 * Items travel in messages of 64 KiB (or one item, if that is more), a fixed
 * number of buffers in flight each way, no accounting.  A stage's work is a
 * function that is called for each item; 'inlined' it stands in the loop, with
 * the item's size known to the compiler, which then makes vector code of it.
 * Making and adding up items on rank 0 is inlined always.  MPI_Wait and
 * MPI_Waitany wait: they yield where there are more ranks than cores.
 */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define BATCH   65536u
#define HALF    4u              /* buffers posted, and buffers being sent */
#define TAG     1

struct ring {
    char *data[2 * HALF];
    MPI_Request request[2 * HALF];
    unsigned n;
};

static size_t per_batch(const struct bench_chain *chain)
{
    return chain->item_size < BATCH ? BATCH / chain->item_size : 1;
}

/* Memory is touched, so that no run pays for it. */
static void ring_init(struct ring *ring, unsigned n, size_t size)
{
    ring->n = n;
    for (unsigned i = 0; i < n; i++) {
        ring->request[i] = MPI_REQUEST_NULL;
        if (posix_memalign((void **)&ring->data[i], 4096, size) != 0)
            MPI_Abort(MPI_COMM_WORLD, 1);
        memset(ring->data[i], 1, size);
    }
}

static void ring_fini(struct ring *ring)
{
    MPI_Waitall((int)ring->n, ring->request, MPI_STATUSES_IGNORE);
    for (unsigned i = 0; i < ring->n; i++)
        free(ring->data[i]);
}

/* ---- the work ---- */

static inline uint64_t load(const char *at)
{
    uint64_t x;

    memcpy(&x, at, sizeof x);
    return x;
}

static inline void store(char *at, uint64_t x)
{
    memcpy(at, &x, sizeof x);
}

static void bump_one(char *to, const char *from, size_t size)
{
    if (to != from)
        memcpy(to, from, size);
    store(to, load(to) + 1);
}

/* By pointer: the compiler must not see through it. */
static void (*volatile by_pointer)(char *, const char *, size_t) = bump_one;

static inline __attribute__((always_inline))
void loop(char *restrict to, const char *restrict from, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        memcpy(to + i * size, from + i * size, size);
        store(to + i * size, load(from + i * size) + 1);
    }
}

static inline __attribute__((always_inline))
void loop_in_place(char *data, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++)
        store(data + i * size, load(data + i * size) + 1);
}

static void work(const struct bench_chain *chain, char *to, const char *from,
                 size_t bytes)
{
    size_t size = chain->item_size, n = bytes / size;

    if (!chain->inlined) {
        void (*one)(char *, const char *, size_t) = by_pointer;
        for (size_t i = 0; i < n; i++)
            one(to + i * size, from + i * size, size);
    } else if (to == from) {
        switch (size) {
        case 8:     loop_in_place(to, n, 8); break;
        case 64:    loop_in_place(to, n, 64); break;
        default:    loop_in_place(to, n, size); break;
        }
    } else {
        switch (size) {
        case 8:     loop(to, from, n, 8); break;
        case 64:    loop(to, from, n, 64); break;
        case 1024:  loop(to, from, n, 1024); break;
        default:    loop(to, from, n, size); break;
        }
    }
}

static inline __attribute__((always_inline))
void make(char *to, const char *model, uint64_t first, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        if (size > 8)
            memcpy(to + i * size, model, size);
        store(to + i * size, first + i);
    }
}

static void fill(char *to, const char *model, uint64_t first, size_t n,
                 size_t size)
{
    switch (size) {
    case 8:     make(to, model, first, n, 8); break;
    case 64:    make(to, model, first, n, 64); break;
    case 1024:  make(to, model, first, n, 1024); break;
    default:    make(to, model, first, n, size); break;
    }
}

static uint64_t add_up(const char *data, size_t n, size_t size)
{
    uint64_t sum = 0;

    if (size == 8)
        for (size_t i = 0; i < n; i++)
            sum += load(data + 8 * i);
    else
        for (size_t i = 0; i < n; i++)
            sum += load(data + size * i);
    return sum;
}

/* ---- a stage ---- */

static void post(const struct bench *b, struct ring *ring, unsigned i,
                 int from, size_t size)
{
    MPI_Irecv(ring->data[i], (int)size, MPI_BYTE, from, TAG, b->comm,
              &ring->request[i]);
}

static int arrived(struct ring *ring, unsigned i)
{
    MPI_Status status;
    int bytes;

    MPI_Wait(&ring->request[i], &status);
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    return bytes;
}

/* A ring of which one half is posted, and the other being sent. */
static void stage_in_place(const struct bench *b,
                           const struct bench_chain *chain, struct ring *ring,
                           size_t size, int from, int to)
{
    int bytes = 1;

    for (unsigned i = 0; bytes > 0; i = (i + 1) % ring->n) {
        unsigned next = (i + HALF) % ring->n;

        bytes = arrived(ring, i);
        work(chain, ring->data[i], ring->data[i], (size_t)bytes);
        MPI_Isend(ring->data[i], bytes, MPI_BYTE, to, TAG, b->comm,
                  &ring->request[i]);
        if (bytes > 0) {
            MPI_Wait(&ring->request[next], MPI_STATUS_IGNORE);
            post(b, ring, next, from, size);
        } else {                /* the last of the other half are sends */
            for (unsigned k = 0; k < HALF; k++)
                MPI_Wait(&ring->request[(i + ring->n - k) % ring->n],
                         MPI_STATUS_IGNORE);
        }
    }
}

static void stage_copies(const struct bench *b,
                         const struct bench_chain *chain, struct ring *in,
                         struct ring *out, size_t size, int from, int to)
{
    int bytes = 1;

    for (unsigned i = 0; bytes > 0; i = (i + 1) % HALF) {
        bytes = arrived(in, i);
        MPI_Wait(&out->request[i], MPI_STATUS_IGNORE);
        work(chain, out->data[i], in->data[i], (size_t)bytes);
        MPI_Isend(out->data[i], bytes, MPI_BYTE, to, TAG, b->comm,
                  &out->request[i]);
        if (bytes > 0)
            post(b, in, i, from, size);
    }
    MPI_Waitall((int)out->n, out->request, MPI_STATUSES_IGNORE);
}

/* Receives that are still posted, after the end has been seen. */
static void withdraw(struct ring *ring, unsigned i)
{
    if (ring->request[i] == MPI_REQUEST_NULL)
        return;
    MPI_Cancel(&ring->request[i]);
    MPI_Wait(&ring->request[i], MPI_STATUS_IGNORE);
}

static void stage(const struct bench *b, const struct bench_chain *chain)
{
    size_t size = per_batch(chain) * chain->item_size;
    int from = b->rank - 1;
    int to = b->rank < BENCH_STAGES ? b->rank + 1 : 0;
    struct ring in, out;

    ring_init(&in, chain->in_place ? 2 * HALF : HALF, size);
    ring_init(&out, chain->in_place ? 0 : HALF, size);
    for (unsigned i = 0; i < HALF; i++)
        post(b, &in, i, from, size);
    bench_meet(b);
    if (chain->in_place)
        stage_in_place(b, chain, &in, size, from, to);
    else
        stage_copies(b, chain, &in, &out, size, from, to);
    bench_meet(b);              /* all that was sent has been received */
    for (unsigned i = 0; i < in.n; i++)
        withdraw(&in, i);
    ring_fini(&in);
    ring_fini(&out);
}

/* ---- rank 0 ---- */

struct ends {
    const struct bench_chain *chain;
    struct ring out, in;
    char *model;
    uint64_t fed;
    unsigned out_at, in_at;
    size_t size;
    bool all_fed;
};

static void feed(const struct bench *b, struct ends *e)
{
    uint64_t left = e->chain->items - e->fed;
    size_t n = per_batch(e->chain) < left ? per_batch(e->chain) : left;
    unsigned i = e->out_at;

    fill(e->out.data[i], e->model, e->fed, n, e->chain->item_size);
    MPI_Isend(e->out.data[i], (int)(n * e->chain->item_size), MPI_BYTE, 1,
              TAG, b->comm, &e->out.request[i]);
    e->fed += n;
    e->out_at = (i + 1) % e->out.n;
    e->all_fed = n == 0;        /* the empty message was the last */
}

/* true: that was the end */
static bool collect(const struct bench *b, struct ends *e,
                    const MPI_Status *status, struct bench_answer *answer)
{
    unsigned i = e->in_at;
    int bytes;

    MPI_Get_count(status, MPI_BYTE, &bytes);
    if (bytes == 0)
        return true;
    answer->items += (size_t)bytes / e->chain->item_size;
    answer->sum += add_up(e->in.data[i],
                          (size_t)bytes / e->chain->item_size,
                          e->chain->item_size);
    post(b, &e->in, i, BENCH_STAGES, e->size);
    e->in_at = (i + 1) % e->in.n;
    return false;
}

static void both_ends(const struct bench *b, struct ends *e,
                      struct bench_answer *answer)
{
    for (bool end = false; !end;) {
        MPI_Request head[2] = { e->in.request[e->in_at], MPI_REQUEST_NULL };
        MPI_Status status;
        int which;

        if (!e->all_fed && e->out.request[e->out_at] == MPI_REQUEST_NULL) {
            int done;
            feed(b, e);
            MPI_Test(&e->in.request[e->in_at], &done, &status);
            if (done)
                end = collect(b, e, &status, answer);
            continue;
        }
        if (!e->all_fed)
            head[1] = e->out.request[e->out_at];
        MPI_Waitany(2, head, &which, &status);
        if (which == 0) {
            e->in.request[e->in_at] = MPI_REQUEST_NULL;
            end = collect(b, e, &status, answer);
        } else {
            e->out.request[e->out_at] = MPI_REQUEST_NULL;
        }
    }
}

static void ends(const struct bench *b, const struct bench_chain *chain,
                 struct bench_answer *answer)
{
    struct ends e = { .chain = chain };
    double from;

    e.size = per_batch(chain) * chain->item_size;
    ring_init(&e.out, HALF, e.size);
    ring_init(&e.in, HALF, e.size);
    e.model = calloc(1, chain->item_size);
    if (e.model == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    for (unsigned i = 0; i < e.in.n; i++)
        post(b, &e.in, i, BENCH_STAGES, e.size);
    bench_meet(b);
    from = bench_now();
    both_ends(b, &e, answer);
    answer->seconds = bench_now() - from;
    bench_meet(b);
    for (unsigned i = 0; i < e.in.n; i++)
        withdraw(&e.in, i);
    ring_fini(&e.in);
    ring_fini(&e.out);
    free(e.model);
}

void bench_chain_control(struct bench *b, const struct bench_chain *chain,
                         struct bench_answer *answer)
{
    *answer = (struct bench_answer){ 0, 0, 0 };
    if (b->rank == 0) {
        ends(b, chain, answer);
    } else if (b->rank <= BENCH_STAGES) {
        stage(b, chain);
    } else {
        bench_meet(b);
        bench_meet(b);
    }
}
