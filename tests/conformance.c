/* SPDX-License-Identifier: BSD-3-Clause */
/* conformance.c - what every transport must do, as one list of checks.
 *
 * A check is a row of phases.  In each phase every rank (a party) calls the
 * phase's function, which begins sends and receives; when these are over (or
 * held open on purpose) the parties meet, and the next phase begins.  So the
 * same check runs where one thread is all ranks and where each is a process.
 *
 * Whatever the check, each completion is held against what the contract
 * promises: it comes once, in order, without error, with the right size and
 * bytes, nothing is written past them, and the sender's data is as it was.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "conformance.h"

enum {
    GUARD = 16,                 /* bytes behind each receive */
    MEET = MPIPE__CHANNEL_MAX - 1,  /* the channel on which parties meet */
    PHASES_MAX = 5,
    STUCK_SEC = 30,             /* without any completion: a hang */
    COMPLAINTS_MAX = 5          /* per check */
};

/* A send or a receive; its address is the cookie. */
struct op {
    bool receive, held, cancelled;
    unsigned n_done;
    int peer;
    unsigned channel;
    uint64_t nth;               /* on this channel, from 0 */
    size_t size, capacity;
    unsigned char *data;
    struct op *before;          /* the one before it on the channel */
};

/* One rank in one check. */
struct party {
    struct mpipe__transport *t;
    struct run *run;
    struct op **ops;
    size_t n_ops, ops_room;
    size_t n_open, n_held;      /* operations begun and not over; n_held of
                                   these may outlast the phase */
    unsigned phase, n_polls;
    bool meeting, finished;
};

struct check {
    const char *name;
    void (*phases[PHASES_MAX + 1])(struct party *p);
    void (*came)(struct party *p, const struct op *receive);  /* may be NULL */
};

struct run {
    const struct mpipe__conformance_host *host;
    const struct check *check;
    FILE *out;
    int size;
    unsigned n_complaints;
};

/* Complaints. */

__attribute__((format(printf, 3, 4)))
static void complain(struct party *p, int line, const char *format, ...)
{
    struct run *run = p->run;
    char text[200];
    va_list ap;

    if (++run->n_complaints > COMPLAINTS_MAX)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    /* In one piece, as other processes complain too. */
    fprintf(run->out, "conformance.c:%d: %s, %d ranks, \"%s\": rank %d, phase"
            " %u: %s\n", line, run->host->name, run->size, run->check->name,
            p->t->rank, p->phase, text);
    fflush(run->out);
}

#define EXPECT(p, condition) \
    ((condition) ? (void)0 : complain((p), __LINE__, "not so: %s", #condition))

static void complain_op(struct party *p, int line, const struct op *op,
                        const char *what)
{
    complain(p, line, "%s %d, channel %u, message %" PRIu64 " of %zu bytes: %s",
             op->receive ? "from" : "to", op->peer, op->channel, op->nth,
             op->size, what);
}

static void *must(void *memory)
{
    if (memory == NULL) {
        perror("conformance");
        abort();
    }
    return memory;
}

/* What messages hold: each its own sequence of 8-byte words. */

static uint64_t seed_of(const struct party *p, const struct op *op)
{
    uint64_t from = (uint64_t)(op->receive ? op->peer : p->t->rank);
    uint64_t to = (uint64_t)(op->receive ? p->t->rank : op->peer);
    uint64_t x = (from << 48 ^ to << 32 ^ op->channel) + op->nth * 0x10001;
    x *= UINT64_C(0x9e3779b97f4a7c15);
    return x ^ x >> 31;
}

static void write_words(unsigned char *data, size_t at, size_t size,
                        uint64_t seed)
{
    size_t i;
    for (i = 0; i < size; i += 8) {
        uint64_t word = seed + (at + i) * UINT64_C(0xd6e8feb86659fd93);
        word ^= word >> 29;
        memcpy(data + i, &word, size - i < 8 ? size - i : 8);
    }
}

static bool same_words(const unsigned char *data, size_t size, uint64_t seed)
{
    unsigned char expected[4096];
    size_t at, n;
    for (at = 0; at < size; at += n) {
        n = size - at < sizeof expected ? size - at : sizeof expected;
        write_words(expected, at, n, seed);
        if (memcmp(data + at, expected, n) != 0)
            return false;
    }
    return true;
}

static bool all_bytes(const unsigned char *data, size_t size,
                      unsigned char byte)
{
    size_t i;
    for (i = 0; i < size; i++)
        if (data[i] != byte)
            return false;
    return true;
}

/* What checks are made of. */

static int next_rank(const struct party *p)
{
    return (p->t->rank + 1) % p->t->size;
}

static int previous_rank(const struct party *p)
{
    return (p->t->rank + p->t->size - 1) % p->t->size;
}

static struct op *op_new(struct party *p, bool receive, int peer,
                         unsigned channel)
{
    struct op *op = must(calloc(1, sizeof *op));
    size_t i;

    op->receive = receive;
    op->peer = peer;
    op->channel = channel;
    for (i = p->n_ops; i > 0 && op->before == NULL; i--) {
        struct op *other = p->ops[i - 1];
        if (other->receive == receive && other->peer == peer &&
            other->channel == channel && !other->cancelled)
            op->before = other;
    }
    op->nth = op->before == NULL ? 0 : op->before->nth + 1;
    if (p->n_ops == p->ops_room) {
        p->ops_room = 2 * p->ops_room + 64;
        p->ops = must(realloc(p->ops, p->ops_room * sizeof *p->ops));
    }
    p->ops[p->n_ops++] = op;
    p->n_open++;
    return op;
}

/* Begin sending the next message to 'peer' on 'channel'. */
static struct op *put(struct party *p, int peer, unsigned channel, size_t size)
{
    struct op *op = op_new(p, false, peer, channel);

    op->size = size;
    op->data = must(malloc(size + 1));
    write_words(op->data, 0, size, seed_of(p, op));
    if (p->t->ops->send(p->t, peer, channel, size > 0 ? op->data : NULL, size,
                        op) != MPIPE_OK)
        complain_op(p, __LINE__, op, "send() failed");
    return op;
}

/* Post a receive of at most 'capacity' bytes for the next message from 'peer',
 * which will be of 'size' bytes. */
static struct op *get(struct party *p, int peer, unsigned channel, size_t size,
                      size_t capacity)
{
    struct op *op = op_new(p, true, peer, channel);

    op->size = size;
    op->capacity = capacity;
    op->data = must(malloc(capacity + GUARD));
    memset(op->data, 0xa5, capacity + GUARD);
    if (p->t->ops->recv(p->t, peer, channel, capacity > 0 ? op->data : NULL,
                        capacity, op) != MPIPE_OK)
        complain_op(p, __LINE__, op, "recv() failed");
    return op;
}

/* What is open now may still be so when this phase ends. */
static void hold(struct party *p)
{
    size_t i;
    for (i = 0; i < p->n_ops; i++)
        p->ops[i]->held = true;
    p->n_held = p->n_open;
}

static void release(struct party *p)
{
    size_t i;
    for (i = 0; i < p->n_ops; i++)
        p->ops[i]->held = false;
    p->n_held = 0;
}

static void forget_data(struct op *op)
{
    free(op->data);
    op->data = NULL;
}

/* Withdraw the receives from 'peer' on 'channel'; from here on none of their
 * cookies may come, and their memory is gone. */
static void cancel(struct party *p, int peer, unsigned channel)
{
    size_t i;

    p->t->ops->cancel(p->t, peer, channel);
    for (i = 0; i < p->n_ops; i++) {
        struct op *op = p->ops[i];
        if (!op->receive || op->peer != peer || op->channel != channel ||
            op->n_done > 0 || op->cancelled)
            continue;
        op->cancelled = true;
        p->n_open--;
        p->n_held -= op->held;
        forget_data(op);
    }
}

/* Completions. */

static void check_received(struct party *p, const struct op *op,
                           const struct mpipe__completion *c)
{
    bool fits = op->size <= op->capacity;

    if (op->before != NULL && op->before->n_done == 0)
        complain_op(p, __LINE__, op, "has overtaken the one before it");
    if (c->error != (fits ? MPIPE_OK : MPIPE_ELINK))
        complain_op(p, __LINE__, op, mpipe_strerror(c->error));
    if (fits && c->size != op->size)
        complain(p, __LINE__, "from %d, channel %u, message %" PRIu64 ": %zu"
                 " bytes instead of %zu", op->peer, op->channel, op->nth,
                 c->size, op->size);
    if (fits && !same_words(op->data, op->size, seed_of(p, op)))
        complain_op(p, __LINE__, op, "the bytes are wrong");
    if (!all_bytes(op->data + op->capacity, GUARD, 0xa5))
        complain_op(p, __LINE__, op, "written past the end");
}

static void check_sent(struct party *p, const struct op *op,
                       const struct mpipe__completion *c)
{
    if (c->error != MPIPE_OK)
        complain_op(p, __LINE__, op, mpipe_strerror(c->error));
    if (c->size != op->size)
        complain_op(p, __LINE__, op, "its completion has another size");
    if (!same_words(op->data, op->size, seed_of(p, op)))
        complain_op(p, __LINE__, op, "the sender's data was changed");
    /* The buffer is the sender's again: this must not reach the receiver. */
    memset(op->data, 0x5a, op->size);
}

static void finish(struct party *p, const struct mpipe__completion *c)
{
    struct op *op = c->cookie;

    if (op->cancelled) {
        complain_op(p, __LINE__, op, "a cancelled receive came back");
        return;
    }
    if (op->n_done++ > 0) {
        complain_op(p, __LINE__, op, "completed twice");
        return;
    }
    p->n_open--;
    p->n_held -= op->held;
    if (op->receive)
        check_received(p, op, c);
    else
        check_sent(p, op, c);
    forget_data(op);
    if (op->receive && op->channel != MEET && p->run->check->came != NULL)
        p->run->check->came(p, op);
}

/* Take at most 'max' (1..32) completions; returns how many. */
static int take(struct party *p, int max)
{
    struct mpipe__completion done[33];
    int i, n;

    memset(done, 0x77, sizeof done);
    n = p->t->ops->poll(p->t, done, max);
    EXPECT(p, n >= 0 && n <= max);
    EXPECT(p, all_bytes((unsigned char *)&done[max], sizeof done[max], 0x77));
    for (i = 0; i < n && i < max; i++)
        finish(p, &done[i]);
    return n;
}

/* Running a check. */

static void begin_phase(struct party *p)
{
    p->meeting = false;
    release(p);
    if (p->run->check->phases[p->phase] == NULL)
        p->finished = true;
    else
        p->run->check->phases[p->phase](p);
}

static void begin_meeting(struct party *p)
{
    int r;
    p->meeting = true;
    for (r = 0; r < p->t->size; r++) {
        get(p, r, MEET, 0, 0);
        put(p, r, MEET, 0);
    }
}

/* One round of one party; true if it moved. */
static bool advance(struct party *p)
{
    static const int max[] = { 1, 32, 2, 7 };
    int n;

    if (p->finished)
        return false;
    n = take(p, max[p->n_polls++ % 4]);
    if (p->n_open > p->n_held)
        return n > 0;
    if (p->meeting) {
        p->phase++;
        begin_phase(p);
    } else {
        begin_meeting(p);
    }
    return true;
}

static void complain_stuck(struct party *p)
{
    size_t i;
    for (i = 0; i < p->n_ops && !p->finished; i++) {
        const struct op *op = p->ops[i];
        if (op->n_done == 0 && !op->held && !op->cancelled)
            complain_op(p, __LINE__, op, "never completed");
    }
}

/* Let the parties of this process run until all are finished; false: they
 * hang. */
static bool drive(struct party *parties, int n)
{
    time_t last = time(NULL);
    bool moved, finished;
    int i;

    do {
        moved = false;
        finished = true;
        for (i = 0; i < n; i++) {
            moved |= advance(&parties[i]);
            finished &= parties[i].finished;
        }
        if (moved)
            last = time(NULL);
        else if (time(NULL) - last > STUCK_SEC)
            return false;
        for (i = 0; !moved && i < n; i++)
            if (!parties[i].finished)
                parties[i].t->ops->wait(parties[i].t, n == 1 ? 1000 : 0, true);
    } while (!finished);
    return true;
}

static void party_fini(struct party *p)
{
    size_t i;
    for (i = 0; i < p->n_ops; i++) {
        forget_data(p->ops[i]);
        free(p->ops[i]);
    }
    free(p->ops);
}

static void run_parties(struct party *parties, int n)
{
    int i, k;

    for (i = 0; i < n; i++)
        begin_phase(&parties[i]);
    if (!drive(parties, n))
        for (i = 0; i < n; i++)
            complain_stuck(&parties[i]);
    for (i = 0; i < n; i++)
        for (k = 0; k < 3 && parties[i].finished; k++)
            EXPECT(&parties[i], take(&parties[i], 32) == 0);
}

/* False: it failed. */
static bool run_check(struct run *run)
{
    const struct mpipe__conformance_host *host = run->host;
    struct mpipe__transport **rank;
    struct party *parties;
    int r, n = 0;

    rank = must(calloc((size_t)run->size, sizeof *rank));
    parties = must(calloc((size_t)run->size, sizeof *parties));
    if (!host->open(host->arg, run->size, rank)) {
        fprintf(run->out, "conformance: %s: no world of %d ranks\n",
                host->name, run->size);
        run->n_complaints++;
    }
    for (r = 0; r < run->size; r++) {
        if (rank[r] == NULL)
            continue;
        parties[n] = (struct party){ .t = rank[r], .run = run };
        EXPECT(&parties[n], rank[r]->rank == r && rank[r]->size == run->size);
        n++;
    }
    run_parties(parties, n);
    for (r = 0; r < n; r++)
        parties[r].t->ops->free(parties[r].t);
    if (host->close != NULL)
        host->close(host->arg);
    for (r = 0; r < n; r++)
        party_fini(&parties[r]);
    free(parties);
    free(rank);
    return run->n_complaints == 0;
}

/* The checks. */

static const size_t sizes[] = {
    1, 7, 8, 100, 1024, 1025, 4095, 4096, 4097, 65536, 1000003
};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

/* Small and large by turns, some empty. */
static size_t mixed_size(unsigned i)
{
    static const size_t mixed[] = { 3, 0, 5000, 17, 1, 70000, 0, 900 };
    return mixed[i % (sizeof mixed / sizeof *mixed)];
}

static void put_sizes(struct party *p)
{
    int i;
    for (i = 0; i < N_SIZES; i++)
        put(p, next_rank(p), 1, sizes[i]);
}

static void get_sizes(struct party *p)
{
    int i;
    for (i = 0; i < N_SIZES; i++)
        get(p, previous_rank(p), 1, sizes[i], sizes[i] + 9);
}

static void get_and_put_sizes(struct party *p)
{
    get_sizes(p);
    put_sizes(p);
}

static void put_sizes_early(struct party *p)
{
    put_sizes(p);
    hold(p);
}

static void get_sizes_early(struct party *p)
{
    get_sizes(p);
    hold(p);
}

static void exact(struct party *p)
{
    int i;
    for (i = 0; i < N_SIZES; i++) {
        put(p, next_rank(p), 2, sizes[i]);
        get(p, previous_rank(p), 2, sizes[i], sizes[i]);
    }
}

static void in_order(struct party *p)
{
    unsigned i;
    for (i = 0; i < 400; i++) {
        put(p, next_rank(p), 3, mixed_size(i));
        get(p, previous_rank(p), 3, mixed_size(i), 70000);
    }
}

static void largest_first(struct party *p)
{
    unsigned i;
    for (i = 0; i < 20; i++) {
        size_t size = i % 2 == 0 ? 1000000 : i;
        get(p, previous_rank(p), 3, size, size);
    }
    for (i = 0; i < 20; i++)
        put(p, next_rank(p), 3, i % 2 == 0 ? 1000000 : i);
}

/* Receives in the opposite order of the sends, from the first channel to the
 * last but the one for meetings. */
static void many_channels(struct party *p)
{
    unsigned i;
    for (i = 0; i < 200; i++)
        put(p, next_rank(p), i * (MEET - 1) / 199, mixed_size(i));
    for (i = 200; i-- > 0;)
        get(p, previous_rank(p), i * (MEET - 1) / 199, mixed_size(i), 70000);
}

static void pass_a_full_channel(struct party *p)
{
    unsigned i;
    for (i = 0; i < 50; i++)
        put(p, next_rank(p), 5, mixed_size(i));
    hold(p);
    for (i = 0; i < 50; i++) {
        put(p, next_rank(p), 6, mixed_size(i));
        get(p, previous_rank(p), 6, mixed_size(i), 70000);
    }
}

static void empty_the_channel(struct party *p)
{
    unsigned i;
    for (i = 0; i < 50; i++)
        get(p, previous_rank(p), 5, mixed_size(i), 70000);
}

static void empty(struct party *p)
{
    unsigned i;
    for (i = 0; i < 50; i++) {
        put(p, next_rank(p), 4, 0);
        get(p, previous_rank(p), 4, 0, i % 2 * 64);
    }
}

static void to_itself(struct party *p)
{
    int i;
    for (i = 0; i < N_SIZES; i++)
        put(p, p->t->rank, 7, sizes[i]);
    for (i = 0; i < N_SIZES; i++)
        get(p, p->t->rank, 7, sizes[i], sizes[i]);
    for (i = 0; i < N_SIZES; i++)
        get(p, p->t->rank, 8, sizes[i], sizes[i]);
    for (i = 0; i < N_SIZES; i++)
        put(p, p->t->rank, 8, sizes[i]);
}

/* Rows of sizes and capacities, some too small. */
static const struct { size_t size, capacity; } tight[] = {
    { 10, 10 }, { 11, 10 }, { 10, 10 }, { 1, 0 }, { 0, 0 }, { 5000, 4999 },
    { 5000, 5000 }, { 100000, 4096 }, { 4096, 4096 }, { 1000003, 10 },
    { 3, 10 }, { 1000003, 1000002 }, { 1000003, 1000003 }, { 8, 7 }
};
enum { N_TIGHT = sizeof tight / sizeof *tight };

/* Does the transport promise to survive this row? */
static bool survives(const struct party *p, int row)
{
    size_t max = p->run->host->too_long_max;
    return tight[row].size <= tight[row].capacity ||
           (tight[row].size <= max && (p->t->size > 1 || max == SIZE_MAX));
}

static void get_too_long(struct party *p)
{
    int i;
    for (i = 0; i < N_TIGHT; i++)
        if (survives(p, i))
            get(p, previous_rank(p), 9, tight[i].size, tight[i].capacity);
}

static void get_too_long_early(struct party *p)
{
    get_too_long(p);
    hold(p);
}

static void put_too_long(struct party *p)
{
    int i;
    for (i = 0; i < N_TIGHT; i++)
        if (survives(p, i))
            put(p, next_rank(p), 9, tight[i].size);
}

static void put_too_long_early(struct party *p)
{
    put_too_long(p);
    hold(p);
}

static void put_thousand(struct party *p)
{
    unsigned i;
    for (i = 0; i < 1000; i++)
        put(p, next_rank(p), 10, i % 65);
    hold(p);
}

static void get_thousand(struct party *p)
{
    unsigned i;
    for (i = 0; i < 1000; i++)
        get(p, previous_rank(p), 10, i % 65, 64);
}

static void large(struct party *p)
{
    size_t size = p->run->host->largest, third = size / 3 + 1;

    put(p, next_rank(p), 11, third);
    get(p, previous_rank(p), 11, third, third);
    if (p->t->rank == 0)
        put(p, p->t->size - 1, 12, size);
    if (p->t->rank == p->t->size - 1)
        get(p, 0, 12, size, size);
}

static void all_pairs(struct party *p)
{
    unsigned i;
    int r;

    for (i = 0; i < 20; i++)
        for (r = 0; r < p->t->size; r++)
            put(p, r, 13 + i % 2, mixed_size(i));
    for (r = p->t->size; r-- > 0;)
        for (i = 0; i < 20; i++)
            get(p, r, 13 + i % 2, mixed_size(i), 70000);
}

/* A token goes round and is sent on by who receives it. */
enum { TOKEN = 15, TOKEN_ROUNDS = 20 };

static void token_start(struct party *p)
{
    int i;
    for (i = 0; i < TOKEN_ROUNDS; i++)
        get(p, previous_rank(p), TOKEN, mixed_size((unsigned)i), 70000);
    if (p->t->rank == 0)
        put(p, next_rank(p), TOKEN, mixed_size(0));
}

static void token_came(struct party *p, const struct op *receive)
{
    /* Rank 0 begins the rounds, so what it receives was of the last one. */
    unsigned round = (unsigned)receive->nth + (p->t->rank == 0);
    if (receive->channel == TOKEN && round < TOKEN_ROUNDS)
        put(p, next_rank(p), TOKEN, mixed_size(round));
}

static void post_in_vain(struct party *p)
{
    unsigned i;
    for (i = 0; i < 5; i++)
        get(p, previous_rank(p), 16, i, 100 + i * 20000);
    get(p, previous_rank(p), 17, 50, 100);
    hold(p);
}

static void cancel_posted(struct party *p)
{
    cancel(p, previous_rank(p), 16);
    cancel(p, previous_rank(p), 18);    /* never used */
    hold(p);
}

static void use_again(struct party *p)
{
    unsigned i;
    for (i = 0; i < 5; i++) {
        get(p, previous_rank(p), 16, 90000, 100000);
        put(p, next_rank(p), 16, 90000);
    }
}

static void use_both_again(struct party *p)
{
    use_again(p);
    put(p, next_rank(p), 17, 50);
}

static void take_two_of_five(struct party *p)
{
    unsigned i;
    put(p, next_rank(p), 16, 500);
    put(p, next_rank(p), 16, 30);
    get(p, previous_rank(p), 16, 500, 1000);
    get(p, previous_rank(p), 16, 30, 1000);
    for (i = 0; i < 3; i++)
        get(p, previous_rank(p), 16, 1000, 1000)->held = true;
    p->n_held = 3;
}

/* The messages are there, and perhaps some completions have been made but not
 * taken, when the receives are cancelled.  Then nothing receives what was still
 * held back on its way, so that its send need not end. */
static void cancel_what_came(struct party *p)
{
    unsigned long i;
    for (i = 0; i < 8; i++) {
        put(p, p->t->rank, 19, 20);
        get(p, p->t->rank, 19, 20, 20);
    }
    for (i = 0; i < 1000000 && p->n_open == 16; i++)
        take(p, 1);
    cancel(p, p->t->rank, 19);
    hold(p);
}

static void poll_nothing(struct party *p)
{
    struct mpipe__completion c;
    int i;

    for (i = 0; i < 20; i++)
        EXPECT(p, p->t->ops->poll(p->t, &c, 1) == 0);
    get(p, previous_rank(p), 20, 10, 10);
    hold(p);
    for (i = 0; i < 20; i++)
        EXPECT(p, p->t->ops->poll(p->t, &c, 1) == 0);
}

static void then_something(struct party *p)
{
    put(p, next_rank(p), 20, 10);
}

static void wait_in_vain(struct party *p)
{
    p->t->ops->wait(p->t, 0, false);
    p->t->ops->wait(p->t, 0, true);
    p->t->ops->wait(p->t, 2000, false);
    p->t->ops->wait(p->t, 2000, true);
    get(p, previous_rank(p), 21, 100, 100);
    hold(p);
    p->t->ops->wait(p->t, 2000, false);
}

/* Odd ranks rest first, and are woken by the even ones. */
static void wait_for_something(struct party *p)
{
    int i;
    for (i = 0; p->t->rank % 2 == 1 && i < 20; i++)
        p->t->ops->wait(p->t, 20000, false);
    put(p, next_rank(p), 21, 100);
}

/* If a wake were lost, this would take ten minutes. */
static void wait_but_be_woken(struct party *p)
{
    int i;
    for (i = 0; i < 1000; i++) {
        p->t->ops->wake(p->t);
        p->t->ops->wait(p->t, 600000000, i % 2 == 0);
    }
}

static void look_near(struct party *p)
{
    int r;
    EXPECT(p, p->t->ops->near(p->t, p->t->rank));
    /* Who is near to me has me near: the size of the message says so. */
    for (r = 0; r < p->t->size; r++) {
        size_t size = p->t->ops->near(p->t, r) ? 2 : 1;
        put(p, r, 22, size);
        get(p, r, 22, size, 10);
    }
}

static const struct check checks[] = {
    { "a message arrives with its bytes and its size",
      { get_and_put_sizes }, NULL },
    { "messages may be sent before they are received",
      { put_sizes_early, get_sizes }, NULL },
    { "receives may be posted before the messages are sent",
      { get_sizes_early, put_sizes }, NULL },
    { "a message may fill its receive to the last byte", { exact }, NULL },
    { "messages of one channel keep their order", { in_order }, NULL },
    { "receives complete in the order in which they were posted",
      { largest_first }, NULL },
    { "channels do not depend on each other's order", { many_channels }, NULL },
    { "a full channel does not hold up another",
      { pass_a_full_channel, empty_the_channel }, NULL },
    { "a message may be empty", { empty }, NULL },
    { "a rank may send to itself", { to_itself }, NULL },
    { "a message that is too long fails one receive, posted before it",
      { get_too_long_early, put_too_long }, NULL },
    { "a message that is too long fails one receive, posted after it",
      { put_too_long_early, get_too_long }, NULL },
    { "a thousand small messages may be under way",
      { put_thousand, get_thousand }, NULL },
    { "a message may be large", { large }, NULL },
    { "all pairs may talk at once", { all_pairs }, NULL },
    { "a message may be answered when it comes",
      { token_start }, token_came },
    { "cancelled receives do not come back, and the channel is as new",
      { post_in_vain, cancel_posted, use_both_again }, NULL },
    { "cancel takes only what has not come",
      { take_two_of_five, cancel_posted, use_again }, NULL },
    { "a receive may be cancelled when its message is there",
      { cancel_what_came }, NULL },
    { "poll returns nothing when there is nothing",
      { poll_nothing, then_something }, NULL },
    { "wait returns, whether or not a message comes",
      { wait_in_vain, wait_for_something }, NULL },
    { "a wake lets the next wait return", { wait_but_be_woken }, NULL },
    { "a rank is near itself, and nearness is mutual", { look_near }, NULL }
};

int mpipe__conformance(const struct mpipe__conformance_host *host, int size,
                       FILE *out, int *n_failed)
{
    int i, n = sizeof checks / sizeof *checks;

    *n_failed = 0;
    for (i = 0; i < n; i++) {
        struct run run = { host, &checks[i], out, size, 0 };
        *n_failed += !run_check(&run);
    }
    return n;
}
