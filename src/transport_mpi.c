/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_mpi.c - the only file that moves data by MPI.
 *
 * Every receive names its source and tag (the channel).  Per (peer, channel)
 * the receives form a queue, and only its head is tested: MPI completes them
 * in this order anyway, so testing stays short however many are posted.  Heads
 * and sends stand side by side in one dense array for MPI_Testsome.
 *
 * Waiting: go on testing for as much processor time as it costs to sleep and be
 * woken (yielding where ranks outnumber cores: what passes while others have
 * the core does not count), then sleep on the doorbell of this rank, which senders on the same node ring.
 * Ranks on other nodes cannot, so there the time limit is short.
 */
#include <assert.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "doorbell.h"
#include "error.h"
#include "lifeline.h"
#include "transport_mpi.h"

#define TEST_MAX 256            /* completions taken from MPI at a time */
#define STIR_US 50u             /* the rest while MPI may need us, at first */
#define LOOK_NS 5000000u        /* deaths are looked for so often */
#define DOUBT_NS 5000000000u    /* after a silent peer would be taken for dead */
#define ACCEPT_MS 20000u        /* for all ranks to come to rank 0 */
#define FAR_US 1000u            /* ... while ranks on other nodes may send */
#define FAR_FIRST_US 50u        /* ... and at first, growing by as much after */
#define FAR_RESTS 16u           /* ... so many rests */

/* What a rank has in the memory of its node. */
struct shared {
    struct mpipe__bell bell;    /* must be first */
    struct mpipe__box box;
    char pad[64 - sizeof(struct mpipe__box)];
};

struct posted {                 /* one receive */
    MPI_Request request;
    void *cookie;
};

struct inbox {                  /* the receives of one (peer, channel) */
    int peer;
    unsigned channel;
    struct posted *ring;
    unsigned first, n, capacity;    /* capacity: a power of two */
    int slot;                   /* of its head among the tests; -1: empty */
};

struct test {                   /* what a slot of requests[] stands for */
    struct inbox *inbox;        /* NULL: a send */
    void *cookie;
    size_t size;
    int peer;
};

struct finished {
    struct mpipe__completion completion;
    struct inbox *inbox;        /* NULL: a send */
};

struct doubt {                  /* failed, which may be the peer's death */
    struct inbox *inbox;        /* NULL: a send */
    void *cookie;
    int peer;
    uint64_t since;
};

struct mpi_transport {
    struct mpipe__transport base;
    MPI_Comm comm, node_comm;
    MPI_Win window;
    struct mpipe__bell **bell;  /* per rank; NULL: on another node */
    int node, node_rank, node_size;
    bool yields;                /* more ranks than cores on this node, and MPI
                                   does not yield the core by itself */
    unsigned patience;          /* tests before it sleeps */
    unsigned idle;              /* waits since something was found */
    int woken;                  /* by mpi_wake(), not yet seen */
    struct mpipe__lifeline *lifeline;   /* NULL: deaths are not noticed */
    uint64_t looked;            /* at it, when */
    bool mourning;              /* a peer is dead: nothing collective any more */
    struct doubt *doubts;
    int n_doubts, doubts_capacity;
    uint64_t doubt_ns;          /* after so long it is no death but an error */

    MPI_Request *requests;
    struct test *tests;
    int n_tests, tests_capacity;
    int *index;
    MPI_Status *status;

    struct inbox **table;       /* open addressing by (peer, channel) */
    unsigned n_inboxes, table_capacity;

    struct finished *done;      /* taken from MPI, not yet returned */
    int done_first, done_n, done_capacity;
};

static struct mpi_transport *self(struct mpipe__transport *t)
{
    return (struct mpi_transport *)t;
}

/* ---- the table of inboxes ---- */

static unsigned slot_of(const struct mpi_transport *m, int peer,
                        unsigned channel)
{
    uint64_t key = ((uint64_t)(unsigned)peer << 32 | channel)
                   * 0x9e3779b97f4a7c15u;
    unsigned i = (unsigned)(key >> 32) & (m->table_capacity - 1);

    while (m->table[i] != NULL && (m->table[i]->peer != peer
                                   || m->table[i]->channel != channel))
        i = (i + 1) & (m->table_capacity - 1);
    return i;
}

static bool grow_table(struct mpi_transport *m)
{
    struct inbox **old = m->table;
    unsigned n = m->table_capacity;

    if (2 * (m->n_inboxes + 1) <= n)
        return true;
    m->table = calloc(n ? 2 * n : 64, sizeof(struct inbox *));
    if (m->table == NULL) {
        m->table = old;
        return false;
    }
    m->table_capacity = n ? 2 * n : 64;
    for (unsigned i = 0; i < n; i++)
        if (old[i] != NULL)
            m->table[slot_of(m, old[i]->peer, old[i]->channel)] = old[i];
    free(old);
    return true;
}

static struct inbox *find_inbox(struct mpi_transport *m, int peer,
                                unsigned channel, bool make)
{
    struct inbox *box;
    unsigned i;

    if (!grow_table(m))
        return NULL;
    i = slot_of(m, peer, channel);
    if (m->table[i] != NULL || !make)
        return m->table[i];
    box = calloc(1, sizeof *box);
    if (box == NULL)
        return NULL;
    box->peer = peer;
    box->channel = channel;
    box->slot = -1;
    m->table[i] = box;
    m->n_inboxes++;
    return box;
}

/* ---- the dense array of tests ---- */

static bool grow_tests(struct mpi_transport *m)
{
    int n = m->tests_capacity ? 2 * m->tests_capacity : 64;
    MPI_Request *requests;
    struct test *tests;

    if (m->n_tests < m->tests_capacity)
        return true;
    requests = realloc(m->requests, (size_t)n * sizeof *requests);
    if (requests == NULL)
        return false;
    m->requests = requests;
    tests = realloc(m->tests, (size_t)n * sizeof *tests);
    if (tests == NULL)
        return false;
    m->tests = tests;
    free(m->index);
    free(m->status);
    m->index = malloc((size_t)n * sizeof *m->index);
    m->status = malloc((size_t)n * sizeof *m->status);
    m->tests_capacity = n;
    return m->index != NULL && m->status != NULL;
}

static void add_test(struct mpi_transport *m, MPI_Request request,
                     struct test test)
{
    assert(m->n_tests < m->tests_capacity);
    if (test.inbox != NULL)
        test.inbox->slot = m->n_tests;
    m->requests[m->n_tests] = request;
    m->tests[m->n_tests++] = test;
}

static void remove_test(struct mpi_transport *m, int i)
{
    int last = --m->n_tests;

    if (m->tests[i].inbox != NULL)
        m->tests[i].inbox->slot = -1;
    if (i == last)
        return;
    m->requests[i] = m->requests[last];
    m->tests[i] = m->tests[last];
    if (m->tests[i].inbox != NULL)
        m->tests[i].inbox->slot = i;
}

/* ---- completions ---- */

static bool room_for_done(struct mpi_transport *m, int more)
{
    struct finished *done;
    int n = m->done_capacity ? m->done_capacity : 64;

    if (m->done_first == m->done_n)
        m->done_first = m->done_n = 0;
    while (n < m->done_n + more)
        n *= 2;
    if (n == m->done_capacity)
        return true;
    done = realloc(m->done, (size_t)n * sizeof *done);
    if (done == NULL)
        return false;
    m->done = done;
    m->done_capacity = n;
    return true;
}

/* Some MPI libraries know before we do that a peer is dead: what fails waits until the
 * lifeline tells (abandon), or for so long that it is an error.  False: it is one now. */
static bool doubt(struct mpi_transport *m, struct inbox *box, void *cookie,
                  int peer)
{
    int n = m->doubts_capacity ? 2 * m->doubts_capacity : 64;
    struct doubt *more;

    if (m->lifeline == NULL || peer == m->base.rank)
        return false;
    if (m->n_doubts == m->doubts_capacity) {
        more = realloc(m->doubts, (size_t)n * sizeof *more);
        if (more == NULL)
            return false;
        m->doubts = more;
        m->doubts_capacity = n;
    }
    m->doubts[m->n_doubts++] = (struct doubt){ box, cookie, peer, mpipe__now() };
    return true;
}

/* The oldest comes first. */
static void end_doubts(struct mpi_transport *m)
{
    struct doubt *d = m->doubts;

    if (m->n_doubts == 0 || mpipe__now() - d->since < m->doubt_ns
        || !room_for_done(m, 1))
        return;
    m->done[m->done_n].inbox = d->inbox;
    m->done[m->done_n++].completion = (struct mpipe__completion){
        .cookie = d->cookie, .error = MPIPE_EMPI };
    memmove(d, d + 1, (size_t)--m->n_doubts * sizeof *d);
}

static enum mpipe_err outcome(bool failed, const MPI_Status *s)
{
    int class = MPI_ERR_OTHER;

    if (!failed || s->MPI_ERROR == MPI_SUCCESS)
        return MPIPE_OK;
    MPI_Error_class(s->MPI_ERROR, &class);
    return class == MPI_ERR_TRUNCATE ? MPIPE_ELINK : MPIPE_EMPI;
}

/* The head of an inbox is done: let the next one take its place. */
static bool next_head(struct mpi_transport *m, struct inbox *box)
{
    box->first = (box->first + 1) & (box->capacity - 1);
    box->n--;
    if (box->n == 0)
        return false;
    m->requests[box->slot] = box->ring[box->first].request;
    m->tests[box->slot].cookie = box->ring[box->first].cookie;
    return true;
}

/* Ask MPI once; true if something was finished. */
static bool gather(struct mpi_transport *m)
{
    int n = 0, code;

    if (m->n_tests == 0 || !room_for_done(m, m->n_tests))
        return false;
    code = MPI_Testsome(m->n_tests, m->requests, &n, m->index, m->status);
    if (n == MPI_UNDEFINED || n <= 0)
        return false;
    for (int k = 0; k < n; k++) {
        struct test *test = &m->tests[m->index[k]];
        struct inbox *box = test->inbox;
        struct mpipe__completion *c = &m->done[m->done_n].completion;
        int bytes = 0;

        m->done[m->done_n++].inbox = test->inbox;
        c->cookie = test->cookie;
        c->error = outcome(code != MPI_SUCCESS, &m->status[k]);
        c->size = test->size;
        if (test->inbox != NULL) {
            MPI_Get_count(&m->status[k], MPI_BYTE, &bytes);
            c->size = bytes < 0 ? 0 : (size_t)bytes;
            if (next_head(m, test->inbox))
                m->index[k] = -1;       /* the slot stays in use */
        }
        if (c->error == MPIPE_EMPI && doubt(m, box, c->cookie, test->peer))
            m->done_n--;
    }
    /* Removing moves the last slot into the hole, so take the holes from the
     * last to the first; MPI gives the indices in rising order in practice,
     * but does not promise it. */
    for (int k = 1; k < n; k++)
        for (int j = k; j > 0 && m->index[j - 1] > m->index[j]; j--) {
            int i = m->index[j];
            m->index[j] = m->index[j - 1];
            m->index[j - 1] = i;
        }
    for (int k = n; k-- > 0 && m->index[k] >= 0;)
        remove_test(m, m->index[k]);
    return true;
}

/* ---- the table of functions ---- */

static enum mpipe_err mpi_send(struct mpipe__transport *t, int peer,
                               unsigned channel, const void *data, size_t size,
                               void *cookie)
{
    struct mpi_transport *m = self(t);
    MPI_Request request;

    assert(size <= MPIPE__MESSAGE_MAX && channel <= MPIPE__CHANNEL_MAX);
    if (!grow_tests(m))
        return MPIPE_ENOMEM;
    if (MPI_Isend(data, (int)size, MPI_BYTE, peer, (int)channel, m->comm,
                  &request) != MPI_SUCCESS)
        return doubt(m, NULL, cookie, peer) ? MPIPE_OK : MPIPE_EMPI;
    add_test(m, request, (struct test){ NULL, cookie, size, peer });
    if (m->bell[peer] != NULL && peer != t->rank)
        mpipe__bell_ring(m->bell[peer]);
    return MPIPE_OK;
}

static bool grow_ring(struct inbox *box)
{
    unsigned n = box->capacity ? 2 * box->capacity : 4;
    struct posted *ring;

    if (box->n < box->capacity)
        return true;
    ring = malloc(n * sizeof *ring);
    if (ring == NULL)
        return false;
    for (unsigned i = 0; i < box->n; i++)
        ring[i] = box->ring[(box->first + i) & (box->capacity - 1)];
    free(box->ring);
    box->ring = ring;
    box->first = 0;
    box->capacity = n;
    return true;
}

static enum mpipe_err mpi_recv(struct mpipe__transport *t, int peer,
                               unsigned channel, void *data, size_t capacity,
                               void *cookie)
{
    struct mpi_transport *m = self(t);
    struct inbox *box = find_inbox(m, peer, channel, true);
    MPI_Request request;

    assert(capacity <= MPIPE__MESSAGE_MAX && channel <= MPIPE__CHANNEL_MAX);
    if (box == NULL || !grow_ring(box) || !grow_tests(m))
        return MPIPE_ENOMEM;
    if (MPI_Irecv(data, (int)capacity, MPI_BYTE, peer, (int)channel, m->comm,
                  &request) != MPI_SUCCESS)
        return doubt(m, box, cookie, peer) ? MPIPE_OK : MPIPE_EMPI;
    box->ring[(box->first + box->n++) & (box->capacity - 1)] =
        (struct posted){ request, cookie };
    if (box->n == 1)
        add_test(m, request, (struct test){ box, cookie, 0, peer });
    return MPIPE_OK;
}

static int mpi_poll(struct mpipe__transport *t, struct mpipe__completion *done,
                    int max)
{
    struct mpi_transport *m = self(t);
    int n;

    if (m->done_first == m->done_n) {
        gather(m);
        end_doubts(m);
    }
    n = m->done_n - m->done_first;
    if (n > max)
        n = max;
    for (int i = 0; i < n; i++)
        done[i] = m->done[m->done_first++].completion;
    if (n > 0)
        m->idle = 0;
    return n;
}

/* What is finished but has not been polled must not come back either. */
static void forget_done(struct mpi_transport *m, const struct inbox *box)
{
    int n = m->done_first;

    for (int i = m->done_first; i < m->done_n; i++)
        if (m->done[i].inbox != box)
            m->done[n++] = m->done[i];
    m->done_n = n;
    n = 0;
    for (int i = 0; i < m->n_doubts; i++)
        if (m->doubts[i].inbox != box)
            m->doubts[n++] = m->doubts[i];
    m->n_doubts = n;
}

static void mpi_cancel(struct mpipe__transport *t, int peer, unsigned channel)
{
    struct mpi_transport *m = self(t);
    struct inbox *box = find_inbox(m, peer, channel, false);

    if (box == NULL)
        return;
    forget_done(m, box);
    if (box->n == 0)
        return;
    for (unsigned i = 0; i < box->n; i++) {
        MPI_Request *r = &box->ring[(box->first + i)
                                    & (box->capacity - 1)].request;
        MPI_Cancel(r);
        MPI_Wait(r, MPI_STATUS_IGNORE);
    }
    box->n = 0;
    remove_test(m, box->slot);
}

/* ---- waiting ---- */

#ifdef SMPI_H

/* SimGrid simulates: all ranks are one process and take turns, and each has a core
 * of its own there.  No time passes between two tests unless it is made to. */
#define SIMULATED 1
#define SPINS 12u               /* tests before a rank sleeps */
#define SPIN_US 5u

static unsigned patience_of(struct mpi_transport *m)
{
    (void)m;
    return SPINS;
}

static void spin(const struct mpi_transport *m)
{
    (void)m;
    usleep(SPIN_US);
}

#else

#define SIMULATED 0
#define SPINS 200u              /* tests before a rank sleeps: cores are free */
#define YIELDS 50u              /* ... and where they are not */

/* Open MPI yields in each call that finds nothing, when it knows that ranks
 * outnumber cores.  To do it twice would double the latency. */
static bool mpi_yields(void)
{
    int level, at, n, value = 0;
    MPI_T_cvar_handle handle;

    if (MPI_T_init_thread(MPI_THREAD_SINGLE, &level) != MPI_SUCCESS)
        return false;
    if (MPI_T_cvar_get_index("mpi_yield_when_idle", &at) == MPI_SUCCESS
        && MPI_T_cvar_handle_alloc(at, NULL, &handle, &n) == MPI_SUCCESS) {
        bool wide[8] = { false };       /* a bool in one version, an int in others */
        if (n == 1 && MPI_T_cvar_read(handle, wide) == MPI_SUCCESS)
            value = wide[0];
        MPI_T_cvar_handle_free(&handle);
    }
    MPI_T_finalize();
    return value != 0;
}

static bool is_crowded(const struct mpi_transport *m)
{
    cpu_set_t cpus;
    int cores = 1;

    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        cores = CPU_COUNT(&cpus);
    return m->node_size > cores;
}

static unsigned patience_of(struct mpi_transport *m)
{
    bool crowded = is_crowded(m);

    m->yields = crowded && !mpi_yields();
    return crowded ? YIELDS : SPINS;
}

static void spin(const struct mpi_transport *m)
{
    if (m->yields)
        sched_yield();
}

#endif

/* MPI may need this rank to look after a large message: often at first, but a
 * peer that is inside a long function of the user's must not keep us busy. */
static unsigned stir_time(unsigned rests, unsigned timeout_us)
{
    unsigned us = STIR_US << (rests / 32 < 6 ? rests / 32 : 6);

    return us < timeout_us ? us : timeout_us;
}

/* What comes from another node meanwhile is not seen: so the rest is about an eighth
 * of the time that nothing has come, at most. */
static unsigned far_time(unsigned rests, unsigned timeout_us)
{
    unsigned us = FAR_FIRST_US * (1 + rests / FAR_RESTS);

    us = us < FAR_US ? us : FAR_US;
    return us < timeout_us ? us : timeout_us;
}

static void mpi_wait(struct mpipe__transport *t, unsigned timeout_us, bool stir)
{
    struct mpi_transport *m = self(t);
    struct mpipe__bell *mine = m->bell[t->rank];

    if (m->done_first < m->done_n || timeout_us == 0)
        return;
    if (m->idle++ < m->patience) {
        spin(m);
        return;
    }
    if (stir)
        timeout_us = stir_time(m->idle - m->patience, timeout_us);
    if (m->node_size < t->size)
        timeout_us = far_time(m->idle - m->patience, timeout_us);
    mpipe__bell_announce(mine);
    if (gather(m) || __atomic_exchange_n(&m->woken, 0, __ATOMIC_SEQ_CST))
        mpipe__bell_withdraw(mine);
    else
        mpipe__bell_sleep(mine, timeout_us);
}

static void mpi_wake(struct mpipe__transport *t)
{
    struct mpi_transport *m = self(t);

    __atomic_store_n(&m->woken, 1, __ATOMIC_SEQ_CST);
    mpipe__bell_ring(m->bell[t->rank]);
}

static void mpi_abort(struct mpipe__transport *t, int code)
{
    MPI_Abort(self(t)->comm, code);
}

static int mpi_next_death(struct mpipe__transport *t)
{
    struct mpi_transport *m = self(t);
    uint64_t now;

    if (m->lifeline == NULL)
        return -1;
    now = mpipe__now();
    if (now - m->looked < LOOK_NS && !m->mourning)
        return -1;
    m->looked = now;
    return mpipe__lifeline_next_death(m->lifeline);
}

static int mpi_cause(struct mpipe__transport *t, int peer)
{
    struct mpi_transport *m = self(t);

    return m->lifeline != NULL ? mpipe__lifeline_cause(m->lifeline, peer)
                               : MPIPE__GONE;
}

static void mpi_dismiss(struct mpipe__transport *t, int peer, unsigned flow)
{
    if (self(t)->lifeline != NULL)
        mpipe__lifeline_dismiss(self(t)->lifeline, peer, flow);
}

/* Asked by the thread of the lifeline. */
static bool is_in_function(void *arg, unsigned flow)
{
    const struct mpi_transport *m = arg;
    const struct shared *mine = (void *)m->bell[m->base.rank];

    return __atomic_load_n(&mine->box.root, __ATOMIC_ACQUIRE) != MPIPE__NO_ROOT
           && mine->box.flow == flow;
}

static bool mpi_part(struct mpipe__transport *t)
{
    struct mpi_transport *m = self(t);

    if (m->lifeline != NULL)
        m->mourning |= !mpipe__lifeline_part(m->lifeline);
    return !m->mourning;
}

static struct mpipe__box *mpi_box(struct mpipe__transport *t, int peer)
{
    struct mpipe__bell *bell = self(t)->bell[peer];

    return bell != NULL ? &((struct shared *)(void *)bell)->box : NULL;
}

static void give_up(struct mpi_transport *m, struct inbox *box, void *cookie)
{
    if (!room_for_done(m, 1)) {
        fprintf(stderr, "rank %d: no memory to go on after a death: the job "
                "ends here\n", m->base.rank);
        MPI_Abort(m->comm, -MPIPE_ENOMEM);
    }
    m->done[m->done_n].inbox = box;
    m->done[m->done_n++].completion = (struct mpipe__completion){
        .cookie = cookie, .error = MPIPE_EDEAD };
}

/* The requests are forgotten, not cancelled: MPI would wait for the dead. */
static void mpi_abandon(struct mpipe__transport *t, int peer)
{
    struct mpi_transport *m = self(t);

    m->mourning = true;
    for (int i = m->n_doubts; i-- > 0;)
        if (m->doubts[i].peer == peer) {
            give_up(m, m->doubts[i].inbox, m->doubts[i].cookie);
            m->doubts[i] = m->doubts[--m->n_doubts];
        }
    for (unsigned i = 0; i < m->table_capacity; i++) {
        struct inbox *box = m->table[i];
        if (box == NULL || box->peer != peer)
            continue;
        for (; box->n > 0; box->n--) {
            give_up(m, box, box->ring[box->first].cookie);
            box->first = (box->first + 1) & (box->capacity - 1);
        }
        if (box->slot >= 0)
            remove_test(m, box->slot);
    }
    for (int i = m->n_tests; i-- > 0;)
        if (m->tests[i].inbox == NULL && m->tests[i].peer == peer) {
            give_up(m, NULL, m->tests[i].cookie);
            remove_test(m, i);
        }
}

static bool mpi_near(struct mpipe__transport *t, int peer)
{
    return self(t)->bell[peer] != NULL;
}

static void mpi_free(struct mpipe__transport *t)
{
    struct mpi_transport *m = self(t);

    mpipe__lifeline_leave(m->lifeline);
    if (m->mourning)
        return;                 /* what MPI may still use stays where it is */
    for (unsigned i = 0; i < m->table_capacity; i++) {
        if (m->table[i] != NULL)
            mpi_cancel(t, m->table[i]->peer, m->table[i]->channel);
    }
    for (unsigned i = 0; i < m->table_capacity; i++) {
        if (m->table[i] != NULL) {
            free(m->table[i]->ring);
            free(m->table[i]);
        }
    }
    if (m->window != MPI_WIN_NULL)
        MPI_Win_free(&m->window);
    else if (m->bell != NULL)
        free(m->bell[t->rank]);
    if (m->node_comm != MPI_COMM_NULL)
        MPI_Comm_free(&m->node_comm);
    if (m->comm != MPI_COMM_NULL)
        MPI_Comm_free(&m->comm);
    free(m->table);
    free(m->bell);
    free(m->requests);
    free(m->tests);
    free(m->index);
    free(m->status);
    free(m->done);
    free(m->doubts);
    free(m);
}

static const struct mpipe__transport_ops mpi_ops = {
    .name = "mpi",
    .send = mpi_send,
    .recv = mpi_recv,
    .poll = mpi_poll,
    .cancel = mpi_cancel,
    .wait = mpi_wait,
    .wake = mpi_wake,
    .abort = mpi_abort,
    .near = mpi_near,
    .next_death = mpi_next_death,
    .cause = mpi_cause,
    .dismiss = mpi_dismiss,
    .abandon = mpi_abandon,
    .box = mpi_box,
    .part = mpi_part,
    .free = mpi_free,
};

/* ---- start ---- */

/* One bell for each rank of the node, in shared memory. */
static bool hang_bells(struct mpi_transport *m)
{
    MPI_Group node_group, group;
    struct shared *mine;
    int *node_ranks, *ranks;
    bool shared;

    m->bell = calloc((size_t)m->base.size, sizeof(struct mpipe__bell *));
    node_ranks = calloc((size_t)m->node_size, sizeof *node_ranks);
    ranks = calloc((size_t)m->node_size, sizeof *ranks);
    if (m->bell == NULL || node_ranks == NULL || ranks == NULL) {
        free(node_ranks);
        free(ranks);
        return false;
    }
    for (int i = 0; i < m->node_size; i++)
        node_ranks[i] = i;
    MPI_Comm_group(m->node_comm, &node_group);
    MPI_Comm_group(m->comm, &group);
    MPI_Group_translate_ranks(node_group, m->node_size, node_ranks, group,
                              ranks);
    MPI_Group_free(&node_group);
    MPI_Group_free(&group);
    m->node = ranks[0];
    shared = MPI_Win_allocate_shared(sizeof *mine, 1, MPI_INFO_NULL,
                                     m->node_comm, &mine, &m->window)
             == MPI_SUCCESS;
    if (!shared) {              /* no bells: the time limits must do */
        m->window = MPI_WIN_NULL;
        mine = calloc(1, sizeof *mine);
    }
    for (int i = 0; shared && i < m->node_size; i++) {
        MPI_Aint size;
        int unit;
        MPI_Win_shared_query(m->window, i, &size, &unit, &m->bell[ranks[i]]);
    }
    if (mine != NULL) {
        mine->bell.sleeping = 0;
        mine->bell.rung = NULL;
        mine->box.root = MPIPE__NO_ROOT;
        m->bell[m->base.rank] = &mine->bell;
    }
    free(node_ranks);
    free(ranks);
    return mine != NULL;
}

struct mpipe__transport *mpipe__mpi_transport(MPI_Comm comm,
                                              struct mpipe_error *err)
{
    struct mpi_transport *m = calloc(1, sizeof *m);

    if (m == NULL) {
        mpipe__error(err, -1, MPIPE_ENOMEM, "no memory to start");
        return NULL;
    }
    m->base.ops = &mpi_ops;
    m->base.keeps_abandoned = true;
    m->comm = m->node_comm = MPI_COMM_NULL;
    m->window = MPI_WIN_NULL;
    if (MPI_Comm_dup(comm, &m->comm) != MPI_SUCCESS
        || MPI_Comm_set_errhandler(m->comm, MPI_ERRORS_RETURN) != MPI_SUCCESS
        || MPI_Comm_rank(m->comm, &m->base.rank) != MPI_SUCCESS
        || MPI_Comm_size(m->comm, &m->base.size) != MPI_SUCCESS
        || MPI_Comm_split_type(m->comm, MPI_COMM_TYPE_SHARED, m->base.rank,
                               MPI_INFO_NULL, &m->node_comm) != MPI_SUCCESS
        || MPI_Comm_rank(m->node_comm, &m->node_rank) != MPI_SUCCESS
        || MPI_Comm_size(m->node_comm, &m->node_size) != MPI_SUCCESS) {
        mpipe__error(err, -1, MPIPE_EMPI,
                     "the MPI library could not set up communicators");
        mpi_free(&m->base);
        return NULL;
    }
    MPI_Comm_set_errhandler(m->node_comm, MPI_ERRORS_RETURN);
    if (!hang_bells(m)) {
        mpipe__error(err, m->base.rank, MPIPE_ENOMEM, "no memory to start");
        mpi_free(&m->base);
        return NULL;
    }
    m->patience = patience_of(m);
    return &m->base;
}

void mpipe__mpi_node(struct mpipe__transport *t, int *node, int *nth, int *of)
{
    *node = self(t)->node;
    *nth = self(t)->node_rank;
    *of = self(t)->node_size;
}

enum mpipe_err mpipe__mpi_gather(struct mpipe__transport *t, const void *mine,
                                 size_t size, void *all)
{
    return MPI_Gather(mine, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, 0,
                      self(t)->comm) == MPI_SUCCESS ? MPIPE_OK : MPIPE_EMPI;
}

enum mpipe_err mpipe__mpi_agree(struct mpipe__transport *t,
                                struct mpipe_error *err)
{
    MPI_Comm comm = self(t)->comm;
    int mine = err->code != MPIPE_OK ? t->rank : t->size, first;

    if (MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, comm)
        != MPI_SUCCESS)
        return MPIPE_EMPI;
    if (first == t->size)
        return MPIPE_OK;
    if (first == t->rank && first > 0 && err->rank < 0)
        err->rank = first;      /* not on all ranks, since not on rank 0 */
    return MPI_Bcast(err, (int)sizeof *err, MPI_BYTE, first, comm)
           == MPI_SUCCESS ? MPIPE_OK : MPIPE_EMPI;
}

/* The launcher has been told to let the others go on: by `mpipe run`, or, for
 * Open MPI 4, by the user. */
static bool goes_on(void)
{
    const char *run = getenv("MPIPE_SURVIVES");
    const char *ompi = getenv("OMPI_MCA_orte_enable_recovery");

    return (run != NULL && strcmp(run, "1") == 0)
           || (ompi != NULL && (strcmp(ompi, "1") == 0
                                || strcmp(ompi, "true") == 0));
}

bool mpipe__mpi_lifeline(struct mpipe__transport *t, unsigned timeout_s,
                         struct mpipe_error *err)
{
    struct mpi_transport *m = self(t);
    struct mpipe__lifeline_address address = { .port = 0 };
    int asked = !SIMULATED && t->rank == 0 && t->size > 1 && goes_on(), missing;

    MPI_Bcast(&asked, 1, MPI_INT, 0, m->comm);
    if (!asked)
        return false;
    m->doubt_ns = (uint64_t)timeout_s * 1000000000u + DOUBT_NS;
    if (t->rank == 0)
        m->lifeline = mpipe__lifeline_listen(t->size, timeout_s, &address,
                                             err);
    MPI_Bcast(&address, (int)sizeof address, MPI_BYTE, 0, m->comm);
    if (address.port == 0)
        return false;
    if (t->rank != 0) {
        m->lifeline = mpipe__lifeline_connect(t->rank, t->size, timeout_s,
                                              &address, err);
        if (m->lifeline != NULL)
            mpipe__lifeline_heed(m->lifeline, is_in_function, m);
        return true;
    }
    missing = mpipe__lifeline_accept(m->lifeline, ACCEPT_MS);
    if (missing >= 0)
        mpipe__error(err, missing, MPIPE_EIO, "it has no lifeline to rank 0: "
                     "its death would not be noticed");
    return true;
}
