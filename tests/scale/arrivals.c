/* SPDX-License-Identifier: BSD-3-Clause */
/* arrivals.c - see arrivals.h.
 *
 * A message is for the oldest receive of its sender and tag, or if there is none, for the
 * next one that is posted.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "arrivals.h"
#include "gauge.h"

struct channel {                    /* what comes from a rank with a tag */
    int from, tag;
    unsigned early;                 /* messages without a receive */
    unsigned first, n, capacity;    /* receives without a message, in a ring */
    MPI_Request *ring;
};

struct known {                      /* a request */
    MPI_Request request;            /* MPI_REQUEST_NULL: nothing here */
    struct channel *channel;        /* that it waits in; NULL: it may be done */
};

/* Both tables are open addressing, of a power of two, at most half full. */
struct rank {
    struct channel **channel;
    size_t n_channels, channel_capacity;
    struct known *known;
    size_t n_known, known_capacity;
    size_t n_due;                   /* of these, that may be done */
};

static struct rank ranks[GAUGE_RANKS];

/* None of this is the library's memory. */
void *__real_calloc(size_t n, size_t size);
void __real_free(void *block);

static struct rank *self(void)
{
    return &ranks[gauge_rank()];
}

static void *room(size_t n, size_t size)
{
    void *block = __real_calloc(n, size);

    if (block == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
    return block;
}

static size_t hash(uint64_t key, size_t capacity)
{
    return (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & (capacity - 1);
}

/* ---- channels ---- */

static struct channel **channel_at(const struct rank *r, int from, int tag)
{
    size_t i = hash((uint64_t)(unsigned)from << 32 | (unsigned)tag,
                    r->channel_capacity);

    while (r->channel[i] != NULL && (r->channel[i]->from != from
                                     || r->channel[i]->tag != tag))
        i = (i + 1) & (r->channel_capacity - 1);
    return &r->channel[i];
}

static void grow_channels(struct rank *r)
{
    struct channel **old = r->channel;
    size_t n = r->channel_capacity;

    if (2 * (r->n_channels + 1) <= n)
        return;
    r->channel_capacity = n > 0 ? 2 * n : 16;
    r->channel = room(r->channel_capacity, sizeof *r->channel);
    for (size_t i = 0; i < n; i++)
        if (old[i] != NULL)
            *channel_at(r, old[i]->from, old[i]->tag) = old[i];
    __real_free(old);
}

static struct channel *channel_of(struct rank *r, int from, int tag)
{
    struct channel **at;

    grow_channels(r);
    at = channel_at(r, from, tag);
    if (*at == NULL) {
        *at = room(1, sizeof **at);
        (*at)->from = from;
        (*at)->tag = tag;
        r->n_channels++;
    }
    return *at;
}

static void push(struct channel *c, MPI_Request request)
{
    MPI_Request *ring;

    if (c->n == c->capacity) {
        ring = room(c->n > 0 ? 2 * c->n : 4, sizeof *ring);
        for (unsigned i = 0; i < c->n; i++)
            ring[i] = c->ring[(c->first + i) % c->capacity];
        __real_free(c->ring);
        c->ring = ring;
        c->first = 0;
        c->capacity = c->n > 0 ? 2 * c->n : 4;
    }
    c->ring[(c->first + c->n++) % c->capacity] = request;
}

static MPI_Request shift(struct channel *c)
{
    MPI_Request request = c->ring[c->first];

    c->first = (c->first + 1) % c->capacity;
    c->n--;
    return request;
}

static void withdraw(struct channel *c, MPI_Request request)
{
    for (unsigned n = c->n; n > 0; n--) {
        MPI_Request other = shift(c);
        if (other != request)
            push(c, other);
    }
}

/* ---- requests ---- */

static size_t home(const struct rank *r, MPI_Request request)
{
    return hash((uintptr_t)request, r->known_capacity);
}

static struct known *find(const struct rank *r, MPI_Request request)
{
    size_t i = home(r, request);

    while (r->known[i].request != MPI_REQUEST_NULL
           && r->known[i].request != request)
        i = (i + 1) & (r->known_capacity - 1);
    return &r->known[i];
}

static void know(struct rank *r, MPI_Request request, struct channel *channel)
{
    struct known *old = r->known;
    size_t n = r->known_capacity;

    if (2 * (r->n_known + 1) > n) {
        r->known_capacity = n > 0 ? 2 * n : 64;
        r->known = room(r->known_capacity, sizeof *r->known);
        for (size_t i = 0; i < r->known_capacity; i++)
            r->known[i].request = MPI_REQUEST_NULL;
        for (size_t i = 0; i < n; i++)
            if (old[i].request != MPI_REQUEST_NULL)
                *find(r, old[i].request) = old[i];
        __real_free(old);
    }
    *find(r, request) = (struct known){ request, channel };
    r->n_known++;
    r->n_due += channel == NULL;
}

/* What stands behind it and could stand in its place moves up. */
static void forget(struct rank *r, MPI_Request request)
{
    size_t mask = r->known_capacity - 1;
    size_t hole = (size_t)(find(r, request) - r->known);

    assert(r->known[hole].request == request);
    r->n_known--;
    r->n_due -= r->known[hole].channel == NULL;
    for (size_t i = (hole + 1) & mask;
         r->known[i].request != MPI_REQUEST_NULL; i = (i + 1) & mask)
        if (((i - home(r, r->known[i].request)) & mask)
            >= ((i - hole) & mask)) {
            r->known[hole] = r->known[i];
            hole = i;
        }
    r->known[hole].request = MPI_REQUEST_NULL;
}

/* ---- what MPI is asked for ---- */

int __real_MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag,
                     MPI_Comm comm, MPI_Request *request);
int __real_MPI_Cancel(MPI_Request *request);
int __wrap_MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag,
                     MPI_Comm comm, MPI_Request *request);
int __wrap_MPI_Cancel(MPI_Request *request);

int __wrap_MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag,
                     MPI_Comm comm, MPI_Request *request)
{
    struct channel *c = channel_of(self(), from, tag);
    int code = __real_MPI_Irecv(data, n, type, from, tag, comm, request);

    if (c->early > 0) {
        c->early--;
        c = NULL;
    } else {
        push(c, *request);
    }
    know(self(), *request, c);
    return code;
}

int __wrap_MPI_Cancel(MPI_Request *request)
{
    struct channel *c = find(self(), *request)->channel;

    if (c != NULL)
        withdraw(c, *request);
    forget(self(), *request);
    return __real_MPI_Cancel(request);
}

void arrivals_expect(int to, int tag)
{
    struct rank *r = &ranks[to];
    struct channel *c = channel_of(r, gauge_rank(), tag);

    if (c->n == 0) {
        c->early++;
        return;
    }
    find(r, shift(c))->channel = NULL;
    r->n_due++;
}

void arrivals_sent(MPI_Request request)
{
    know(self(), request, NULL);
}

int arrivals_test(int n, MPI_Request *requests, int *n_done, int *index,
                  MPI_Status *status)
{
    struct rank *r = self();
    int code = MPI_SUCCESS, n_due = 0, done;

    *n_done = 0;
    if (r->n_due == 0)
        return code;
    for (int i = 0; i < n; i++)
        if (find(r, requests[i])->channel == NULL)
            index[n_due++] = i;
    for (int k = 0; k < n_due && code == MPI_SUCCESS; k++) {
        int i = index[k];
        MPI_Request request = requests[i];
        code = MPI_Test(&requests[i], &done, &status[*n_done]);
        if (code == MPI_SUCCESS && done) {
            forget(r, request);
            index[(*n_done)++] = i;
        }
    }
    return code;
}
