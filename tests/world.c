/* SPDX-License-Identifier: BSD-3-Clause */
/* world.c - ranks as coroutines.
 *
 * Between the session and its transport sits a thin one whose wait() and, now
 * and then, poll() switch to the scheduler, which is mpipe__world_run() itself.
 * So each rank has a stack of its own, may wait within any call as a process
 * may.  The clock is the world's too (clock_gettime() below), so that all that
 * happens follows from the seed.
 */
#undef _FORTIFY_SOURCE           /* its longjmp() goes to no other stack */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "interrupt.h"
#include "master.h"
#include "session.h"
#include "transport_loop.h"
#include "world.h"

/* Far apart, so that valgrind takes a switch for what it is. */
#define STACK_SIZE ((size_t)4 << 20)
#ifndef PATIENCE_SEC
# define PATIENCE_SEC 30        /* for all of it; then they hang */
#endif
#define SLOWEST 16u

struct rank {
    struct mpipe__transport transport;      /* must be first */
    struct mpipe__transport *inner;
    struct scene *scene;
    ucontext_t beginning;
    jmp_buf here;               /* where it is, once begun */
    bool begun;
    void *stack;
    void *fake_stack;           /* the sanitizer's */
    struct mpipe *mp;
    bool ended, dead, faulty, dismissed;
    unsigned slowness;          /* it gets every so many'th of its turns */
};

struct scene {
    const struct mpipe__world *world;
    mpipe__world_fn fn;
    void *arg;
    struct mpipe__world_end *end;
    struct rank rank[MPIPE__WORLD_MAX];
    struct mpipe_machine *machine;
    struct mpipe__loop_world *loop;
    jmp_buf scheduler;
    void *fake_stack;
    const void *stack_bottom;   /* the scheduler's */
    size_t stack_size;
    uint64_t random;
    int n_ended, n_dead;        /* dead: killed, and not yet ended */
    bool funeral;               /* only they are left */
    unsigned long turns;
    time_t began;
};

/* ---- the clock ---- */

/* A process has one, whose calls pass no world: so it must be here. */
static struct {
    bool ours;
    uint64_t now_ns, random;
} world_clock;

void mpipe__world_pass(uint64_t ns)
{
    world_clock.now_ns += ns;
}

/* A look at the clock takes a moment, and now and then the rank was away for
 * longer. */
int clock_gettime(clockid_t id, struct timespec *to)
{
    uint64_t away;

    if (!world_clock.ours)
        return (int)syscall(SYS_clock_gettime, id, to);
    away = mpipe__random_to(&world_clock.random, 1000);
    world_clock.now_ns += away;
    if (away < 20)
        world_clock.now_ns += mpipe__random_to(&world_clock.random, 50000);
    if (away == 0)
        world_clock.now_ns += mpipe__random_to(&world_clock.random, 20000000);
    to->tv_sec = (time_t)(world_clock.now_ns / 1000000000);
    to->tv_nsec = (long)(world_clock.now_ns % 1000000000);
    return 0;
}

/* ---- stacks ---- */

/* Kept from world to world: fresh pages cost more than a small one. */
static void *stacks[MPIPE__WORLD_MAX];

static void *stack_of(int rank)
{
    if (stacks[rank] == NULL) {
        void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        stacks[rank] = stack != MAP_FAILED ? stack : NULL;
    }
    return stacks[rank];
}

/* ---- switching ---- */

#if defined(__SANITIZE_ADDRESS__)
void __sanitizer_start_switch_fiber(void **save, const void *bottom,
                                    size_t size);
void __sanitizer_finish_switch_fiber(void *save, const void **bottom,
                                     size_t *size);
#else
static void __sanitizer_start_switch_fiber(void **save, const void *bottom,
                                           size_t size)
{
    (void)save;
    (void)bottom;
    (void)size;
}

static void __sanitizer_finish_switch_fiber(void *save, const void **bottom,
                                            size_t *size)
{
    (void)save;
    (void)bottom;
    (void)size;
}
#endif

/* With swapcontext() each switch would be a system call, for the mask of signals. */
static void resume(struct scene *scene, struct rank *rank)
{
    __sanitizer_start_switch_fiber(&scene->fake_stack, rank->stack,
                                   STACK_SIZE);
    if (_setjmp(scene->scheduler) == 0) {
        if (rank->begun)
            _longjmp(rank->here, 1);
        rank->begun = true;
        setcontext(&rank->beginning);
    }
    __sanitizer_finish_switch_fiber(scene->fake_stack, NULL, NULL);
}

static void yield(struct rank *rank)
{
    struct scene *scene = rank->scene;

    __sanitizer_start_switch_fiber(rank->ended ? NULL : &rank->fake_stack,
                                   scene->stack_bottom, scene->stack_size);
    if (_setjmp(rank->here) == 0)
        _longjmp(scene->scheduler, 1);
    __sanitizer_finish_switch_fiber(rank->fake_stack, &scene->stack_bottom,
                                    &scene->stack_size);
}

/* ---- the transport between ---- */

/* Tell who wants to know when the library's own code is left, and entered. */
static void outside(const struct rank *rank, bool is)
{
    if (rank->scene->world->outside != NULL)
        rank->scene->world->outside(is);
}

static enum mpipe_err world_send(struct mpipe__transport *t, int peer,
                                 unsigned channel, const void *data,
                                 size_t size, void *cookie)
{
    struct mpipe__transport *inner = ((struct rank *)t)->inner;
    enum mpipe_err e;

    outside((struct rank *)t, true);
    e = inner->ops->send(inner, peer, channel, data, size, cookie);
    outside((struct rank *)t, false);
    return e;
}

static enum mpipe_err world_recv(struct mpipe__transport *t, int peer,
                                 unsigned channel, void *data,
                                 size_t capacity, void *cookie)
{
    struct mpipe__transport *inner = ((struct rank *)t)->inner;
    enum mpipe_err e;

    outside((struct rank *)t, true);
    e = inner->ops->recv(inner, peer, channel, data, capacity, cookie);
    outside((struct rank *)t, false);
    return e;
}

static int world_poll(struct mpipe__transport *t,
                      struct mpipe__completion *done, int max)
{
    struct rank *rank = (struct rank *)t;
    struct scene *scene = rank->scene;
    int n;

    outside(rank, true);
    /* now and then others run first, or not all is seen at once */
    if (scene->world->seed != 0) {
        if (mpipe__random_to(&scene->random, 8) == 0)
            yield(rank);
        if (mpipe__random_to(&scene->random, 4) == 0)
            max = 1;
    }
    n = rank->inner->ops->poll(rank->inner, done, max);
    outside(rank, false);
    return n;
}

static void world_cancel(struct mpipe__transport *t, int peer,
                         unsigned channel)
{
    struct mpipe__transport *inner = ((struct rank *)t)->inner;

    outside((struct rank *)t, true);
    inner->ops->cancel(inner, peer, channel);
    outside((struct rank *)t, false);
}

static void world_wait(struct mpipe__transport *t, unsigned timeout_us,
                       bool stir)
{
    if (timeout_us > 200)
        timeout_us = 200;       /* or deadlines would pass too soon */
    if (!stir)
        mpipe__world_pass(1000 * (uint64_t)timeout_us / (unsigned)t->size);
    outside((struct rank *)t, true);
    yield((struct rank *)t);
    outside((struct rank *)t, false);
}

static void world_wake(struct mpipe__transport *t)
{
    (void)t;
}

/* The ranks stay where they are, and are never resumed. */
static void world_abort(struct mpipe__transport *t, int code)
{
    struct rank *rank = (struct rank *)t;

    outside(rank, true);
    rank->scene->end->aborted = code;
    yield(rank);
    abort();
}

static bool world_near(struct mpipe__transport *t, int peer)
{
    struct mpipe__transport *inner = ((struct rank *)t)->inner;

    return inner->ops->near(inner, peer);
}

static void bury(struct rank *rank)
{
    struct scene *scene = rank->scene;

    mpipe__loop_kill(scene->loop, rank->transport.rank);
    rank->dead = scene->end->died[rank->transport.rank] = true;
    scene->n_dead++;
}

static int world_next_death(struct mpipe__transport *t)
{
    struct mpipe__transport *inner = ((struct rank *)t)->inner;

    return inner->ops->next_death(inner);
}

static int world_cause(struct mpipe__transport *t, int peer)
{
    return ((struct rank *)t)->scene->rank[peer].dismissed ? MPIPE__LEFT
                                                           : MPIPE__GONE;
}

/* As a process would see to itself. */
static void world_dismiss(struct mpipe__transport *t, int peer, unsigned flow)
{
    struct scene *scene = ((struct rank *)t)->scene;
    struct rank *rank = &scene->rank[peer];
    const struct mpipe__box *box = rank->inner->ops->box(rank->inner, peer);

    if (box->root == MPIPE__NO_ROOT || box->flow != flow || rank->dead
        || rank->ended)
        return;
    rank->dismissed = true;
    bury(rank);
}

static struct mpipe__box *world_box(struct mpipe__transport *t, int peer)
{
    struct mpipe__transport *inner = ((struct rank *)t)->inner;

    return inner->ops->box(inner, peer);
}

static void world_abandon(struct mpipe__transport *t, int peer)
{
    struct mpipe__transport *inner = ((struct rank *)t)->inner;

    outside((struct rank *)t, true);
    inner->ops->abandon(inner, peer);
    outside((struct rank *)t, false);
}

static void world_free(struct mpipe__transport *t)
{
    struct mpipe__transport *inner = ((struct rank *)t)->inner;

    inner->ops->free(inner);
}

static const struct mpipe__transport_ops ops = {
    .name = "world", .send = world_send, .recv = world_recv,
    .poll = world_poll, .cancel = world_cancel, .wait = world_wait,
    .wake = world_wake, .abort = world_abort, .near = world_near,
    .next_death = world_next_death, .abandon = world_abandon,
    .box = world_box, .cause = world_cause, .dismiss = world_dismiss,
    .free = world_free
};

/* ---- a rank ---- */

/* "a b" after what every rank has; gives argv for mpipe__session_over(). */
static int split_options(const char *options, char *words, size_t size,
                         char **argv, int most)
{
    int n = 0;

    snprintf(words, size, "world --quiet %s", options != NULL ? options : "");
    for (char *w = strtok(words, " "); w != NULL && n < most - 1;
         w = strtok(NULL, " "))
        argv[n++] = w;
    argv[n] = NULL;
    return n;
}

static void live(struct rank *rank)
{
    struct scene *scene = rank->scene;
    int r = rank->transport.rank;
    char words[2048], *argv[64], **args = argv;
    int argc = split_options(scene->world->options, words, sizeof words, argv,
                             64);
    struct mpipe *mp;
    enum mpipe_err e;

    mp = mpipe__session_over(&rank->transport, scene->machine, &argc, &args);
    rank->mp = mp;
    mpipe_print_errors(mp, 0);
    outside(rank, false);
    e = scene->fn(mp, r, scene->arg);
    outside(rank, true);
    scene->end->error[r] = *mpipe_last_error(mp);
    scene->end->code[r] = mpipe_finalize(mp, e);
}

/* makecontext() hands over ints only. */
static void enter(unsigned high, unsigned low)
{
    uintptr_t bits = (uintptr_t)high << 16 << 16 | low;
    struct rank *rank = (struct rank *)bits;

    __sanitizer_finish_switch_fiber(NULL, &rank->scene->stack_bottom,
                                    &rank->scene->stack_size);
    live(rank);
    rank->ended = true;
    rank->scene->n_ended++;
    rank->scene->n_dead -= rank->dead;
    yield(rank);
    abort();                    /* nobody resumes it */
}

/* Before the message that the rank was not to send.  It comes back here when all
 * others have ended, and finds that nobody answers any more. */
static void die(void *arg)
{
    struct rank *rank = arg;

    if (rank->dead)
        return;                 /* it was dismissed, and has come back */
    bury(rank);
    yield(rank);
}

void mpipe__world_die(struct mpipe *mp)
{
    die(mp->transport);         /* a rank begins with it */
}

void mpipe__world_idle(struct mpipe *mp, unsigned turns)
{
    struct rank *rank = (struct rank *)mp->transport;

    for (unsigned i = 0; i < turns && !rank->dead; i++)
        yield(rank);
}

static bool stack_faults(struct scene *scene, struct rank *rank)
{
    uint64_t nth = scene->world->kill_nth[rank->transport.rank];
    struct mpipe__fault_plan plan = { .seed = 0 };
    struct mpipe__transport *t;

    if (scene->world->fault == NULL && nth == 0)
        return true;
    if (scene->world->fault != NULL)
        plan = *scene->world->fault;
    if (nth > 0) {
        plan.kill_nth = nth;
        plan.kill = die;
        plan.kill_arg = rank;
    }
    t = mpipe__fault_new(rank->inner, &plan);
    if (t != NULL)
        rank->inner = t;
    rank->faulty = t != NULL;
    return t != NULL;
}

static bool make_rank(struct scene *scene, int r,
                      struct mpipe__loop_world *loop)
{
    struct rank *rank = &scene->rank[r];
    uintptr_t bits = (uintptr_t)rank;

    rank->scene = scene;
    rank->transport.ops = &ops;
    rank->transport.rank = r;
    rank->transport.size = scene->world->size;
    rank->inner = mpipe__loop_transport(loop, r);
    if (!stack_faults(scene, rank))
        return false;
    rank->slowness = 1;
    if (scene->world->seed != 0 && mpipe__random_to(&scene->random, 3) == 0)
        rank->slowness = 1 + (unsigned)mpipe__random_to(&scene->random,
                                                        SLOWEST);
    rank->stack = stack_of(r);
    if (rank->stack == NULL)
        return false;
    getcontext(&rank->beginning);
    rank->beginning.uc_stack.ss_sp = rank->stack;
    rank->beginning.uc_stack.ss_size = STACK_SIZE;
    rank->beginning.uc_link = NULL;
    makecontext(&rank->beginning, (void (*)(void))enter, 2,
                (unsigned)(bits >> 16 >> 16), (unsigned)bits);
    return true;
}

static void free_rank(struct scene *scene, struct rank *rank)
{
    struct mpipe__fault_counts counts;

    if (rank->faulty) {
        mpipe__fault_counts(rank->inner, &counts);
        scene->end->sent[rank->transport.rank] = counts.sent;
        scene->end->faults.sent += counts.sent;
        scene->end->faults.dropped += counts.dropped;
        scene->end->faults.duplicated += counts.duplicated;
        scene->end->faults.delayed += counts.delayed;
    }
    if (rank->inner != NULL)
        rank->inner->ops->free(rank->inner);
}

/* ---- the scheduler ---- */

static struct rank *next_rank(struct scene *scene, int last)
{
    int size = scene->world->size;

    for (int i = 1;; i++) {
        int r = scene->world->seed == 0
                ? (last + i) % size
                : (int)mpipe__random_to(&scene->random, (uint64_t)size);
        struct rank *rank = &scene->rank[r];
        if (!rank->ended && rank->dead == scene->funeral
            && (rank->slowness == 1
                || mpipe__random_to(&scene->random, rank->slowness) == 0))
            return rank;
    }
}

static void show_links(const struct mpipe__flow *flow)
{
    for (unsigned i = 0; i < flow->links.n; i++) {
        const struct mpipe__link *l = flow->links.link[i];
        fprintf(stderr, "        link to rank %d, lane %d: %u of %u credits, "
                "%u of %u slots posted, %u owed, %u bulk, fins %d %d\n",
                l->peer, (int)l->lane, l->credits, l->window_out, l->slots.n,
                l->window_in, l->owed, l->bulk.n, l->fin_sent,
                l->fin_received);
    }
}

static void show_flow(const struct mpipe__flow *flow)
{
    const struct mpipe__master *m = flow->master;

    fprintf(stderr, "    flow %u: phase %d, stages %u..%u%s%s%s, input %u, "
            "sending %zu\n", flow->id, (int)flow->phase, flow->role.first,
            flow->role.last, flow->role.serves ? "" : " not served",
            flow->in_worker ? ", in a stage" : "",
            flow->paused ? ", paused" : "", flow->worker.input.n,
            flow->links.sending[0]);
    if (m != NULL)
        fprintf(stderr, "        roots %u open, %u complete; %u pending, "
                "%u to be tried again, %u to be fed again, table %u\n",
                m->ledger.open, m->ledger.complete, m->feeder.pending.n,
                m->retries.n, m->again.n, m->version);
    show_links(flow);
}

static bool hangs(struct scene *scene)
{
    if (++scene->turns % 4096 != 0
        || time(NULL) - scene->began < PATIENCE_SEC)
        return false;
    fprintf(stderr, "world: no end in %d s\n", PATIENCE_SEC);
    for (int r = 0; r < scene->world->size; r++) {
        fprintf(stderr, "  rank %d %s\n", r, scene->rank[r].ended
                ? "has ended" : scene->rank[r].dead ? "is dead" : "waits");
        if (scene->rank[r].ended)
            continue;
        for (const struct mpipe__flow *flow
             = scene->rank[r].mp->engine.flows; flow != NULL;
             flow = flow->next)
            show_flow(flow);
    }
    return true;
}

/* What hangs is left lying. */
static bool run_ranks(struct scene *scene)
{
    struct rank *rank;
    int last = -1;

    world_clock.ours = true;
    world_clock.now_ns = 1700000000000000000u;
    world_clock.random = scene->world->seed;
    scene->began = time(NULL);
    while (scene->n_ended < scene->world->size
           && scene->end->aborted == 0) {
        scene->funeral = scene->n_ended + scene->n_dead
                         == scene->world->size;
        rank = next_rank(scene, last);
        last = rank->transport.rank;
        resume(scene, rank);
        if (hangs(scene))
            return false;
    }
    return true;
}

/* Boxes are seen on a node only. */
static void place_ranks(struct scene *scene)
{
    for (unsigned r = 0; r < (unsigned)scene->world->size; r++) {
        unsigned first = 0;

        while (mpipe__machine_shared(scene->machine, first, r) <= MPIPE__NODE)
            first++;
        mpipe__loop_node(scene->loop, (int)r, (int)first);
    }
}

/* A signal that a test has not raised asks us to end, as timeout(1) does; all that
 * follows would fail by it. */
static void heed_signals(void)
{
    int number = *mpipe__interrupted();

    if (number == 0)
        return;
    fprintf(stderr, "world: ended by signal %d from outside\n", number);
    fflush(NULL);
    _exit(128 + number);
}

bool mpipe__world_run(const struct mpipe__world *world, mpipe__world_fn fn,
                      void *arg, struct mpipe__world_end *end)
{
    struct mpipe__loop_world *loop = mpipe__loop_new(world->size);
    struct scene *scene = calloc(1, sizeof *scene);
    bool ended, ok = loop != NULL && scene != NULL
              && world->size <= MPIPE__WORLD_MAX;

    heed_signals();
    memset(end, 0, sizeof *end);
    if (ok) {
        scene->world = world;
        scene->loop = loop;
        scene->fn = fn;
        scene->arg = arg;
        scene->end = end;
        scene->random = world->seed;
        scene->machine = mpipe_machine_synthetic(
            world->machine != NULL ? world->machine : "node:1",
            (unsigned)world->size, NULL);
        ok = scene->machine != NULL;
    }
    if (ok)
        place_ranks(scene);
    for (int r = 0; ok && r < world->size; r++)
        ok = make_rank(scene, r, loop);
    if (ok) {
        ended = run_ranks(scene);
        world_clock.ours = false;
        if (!ended) {
            memset(stacks, 0, sizeof stacks);    /* they are in use */
            return false;
        }
    }
    for (int r = 0; scene != NULL && scene->world != NULL && r < world->size;
         r++)
        free_rank(scene, &scene->rank[r]);
    if (scene != NULL)
        mpipe_machine_free(scene->machine);
    free(scene);
    mpipe__loop_free(loop);
    return ok;
}

uint64_t mpipe__world_stride(uint64_t n)
{
    const char *value = getenv("MPIPE_TEST_STRIDE");
    uint64_t times = value != NULL ? strtoull(value, NULL, 10) : 1;

    return times > 0 ? n * times : n;
}
