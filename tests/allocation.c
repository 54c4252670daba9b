/* SPDX-License-Identifier: BSD-3-Clause */
/* allocation.c - fail the 1st, the 2nd, the 3rd ... allocation of a task, until
 * one run of it is through without a failure.
 *
 * Each run must end, with success or with a clear error, and leave nothing
 * allocated; a run that says that it succeeded must have done its work.  The
 * linker puts the functions below in the place of malloc() and its kin
 * (--wrap in tests/local.mk), in our own objects only: what other libraries
 * allocate is not counted.
 *
 * A program of its own, as every other suite wants its memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <CUnit/Basic.h>
#include <mpipe.h>
#include "ledger.h"
#include "link.h"
#include "placement.h"
#include "session.h"
#include "suite.h"
#include "transport_loop.h"
#include "world.h"

#define PATIENCE_SEC 600
#define LARGE 200000

/* ---- the allocations ---- */

enum { BLOCKS_MAX = 1 << 16 };

static struct {
    void *block[BLOCKS_MAX];    /* those that live: open addressing */
    unsigned n_live;
    bool armed;
    unsigned long n, fail_at;   /* allocations since it was armed */
    bool failed;
} heap;

void *__real_malloc(size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *p);

#define GONE ((void *)&heap)

/* The slot of a block, or an empty one. */
static void **slot_of(const void *p)
{
    size_t i = ((uintptr_t)p >> 4) * 2654435761u % BLOCKS_MAX;

    while (heap.block[i] != NULL && heap.block[i] != p)
        i = (i + 1) % BLOCKS_MAX;
    return &heap.block[i];
}

static void *born(void *p)
{
    if (p != NULL) {
        if (++heap.n_live > BLOCKS_MAX / 2)
            abort();
        *slot_of(p) = p;
    }
    return p;
}

/* Blocks that another library made are not in the table. */
static void died(const void *p)
{
    void **slot = slot_of(p);

    if (p == NULL || *slot != p)
        return;
    *slot = GONE;
    if (--heap.n_live == 0)
        memset(heap.block, 0, sizeof heap.block);
}

static bool fails_now(void)
{
    if (!heap.armed || ++heap.n != heap.fail_at)
        return false;
    heap.failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : born(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : born(__real_calloc(n, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : born(__real_aligned_alloc(alignment, size));
}

void *__wrap_realloc(void *p, size_t size)
{
    void *q;

    if (fails_now())
        return NULL;
    q = __real_realloc(p, size);
    if (q != NULL) {
        died(p);
        born(q);
    }
    return q;
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void __wrap_free(void *p)
{
    died(p);
    __real_free(p);
}

/* ---- tasks ----
 *
 * A task answers with how it ended; where that is MPIPE_OK it has checked what
 * it did. */

typedef enum mpipe_err (*task_fn)(void);

static enum mpipe_err use_pool(void)
{
    struct mpipe__pool pool;
    struct mpipe__frame *a, *b;
    enum mpipe_err e = MPIPE_ENOMEM;

    mpipe__pool_init(&pool, 1 << 20);
    a = mpipe__pool_get(&pool, 1000);
    b = mpipe__pool_get(&pool, 100000);
    if (a != NULL && b != NULL)
        e = MPIPE_OK;
    mpipe__pool_put(&pool, a);
    mpipe__pool_put(&pool, b);
    CU_ASSERT_EQUAL(pool.used, 0);
    mpipe__pool_fini(&pool);
    return e;
}

static enum mpipe_err use_ledger(void)
{
    struct mpipe__ledger l;
    enum mpipe_err e = mpipe__ledger_init(&l, 100, 1 << 20, true);

    if (e == MPIPE_OK)
        CU_ASSERT_PTR_NOT_NULL(mpipe__ledger_feed(&l, 1, 1, 1));
    mpipe__ledger_fini(&l);
    return e;
}

/* ---- links ---- */

struct end {
    struct mpipe__pool pool;
    struct mpipe__links set;
    unsigned n_got;
    bool failed;
};

static void take(struct end *end)
{
    struct mpipe__completion done[4];
    struct mpipe__transport *t = end->set.transport;

    for (int n; (n = t->ops->poll(t, done, 4)) > 0;)
        for (int i = 0; i < n; i++) {
            struct mpipe_error err = { MPIPE_OK, -1, "" };
            struct mpipe__event event;
            size_t size;
            end->failed |= mpipe__link_event(&done[i], &event, &err)
                           != MPIPE_OK;
            if (event.kind == MPIPE__NOTHING)
                continue;
            size = mpipe__wire_size(&event.frame->head);
            mpipe__pool_put(&end->pool, event.frame);
            if (event.kind == MPIPE__GOT_DATA) {
                end->n_got++;
                end->failed |= mpipe__link_consumed(event.link, size, 1, 1)
                               != MPIPE_OK;
            }
        }
}

static bool send_frame(struct end *from, struct mpipe__link *link, size_t size)
{
    struct mpipe__frame *f = mpipe__pool_get(&from->pool, 64 + size);

    if (f == NULL)
        return false;
    mpipe__frame_begin(f, NULL, 0);
    memset(mpipe__frame_spot(f, size), 1, size);
    mpipe__frame_commit(f, mpipe__frame_spot(f, size), size);
    return mpipe__link_send(link, f) == MPIPE_OK;
}

/* One way, from opening to farewell; stops where it fails. */
static bool talk(struct end *a, struct end *b)
{
    struct mpipe__link *from = mpipe__link_open(&a->set, 1, MPIPE__LANE_MAIN);
    struct mpipe__link *to = mpipe__link_open(&b->set, 0, MPIPE__LANE_MAIN);

    if (from == NULL || to == NULL
        || mpipe__link_grant(to, 2, 1000) != MPIPE_OK)
        return false;
    mpipe__link_granted(from, 2, 1000);
    for (unsigned n = 0; n < 8; n++) {
        if (mpipe__links_settle(&b->set) != MPIPE_OK)
            return false;
        take(a);
        if (a->failed || b->failed || !mpipe__link_ready(from, 5064)
            || !send_frame(a, from, n % 2 == 0 ? 104 : 5000))
            return false;
        take(b);
    }
    if (mpipe__links_finish(&a->set, false) != MPIPE_OK
        || mpipe__links_finish(&b->set, false) != MPIPE_OK)
        return false;
    for (int i = 0; i < 4; i++) {       /* also what could not be sent */
        if (mpipe__links_settle(i % 2 == 0 ? &b->set : &a->set) != MPIPE_OK)
            return false;
        take(i % 2 == 0 ? a : b);
    }
    return !a->failed && !b->failed;
}

static enum mpipe_err use_links(void)
{
    struct mpipe__loop_world *loop = mpipe__loop_new(2);
    struct end end[2] = { 0 };
    bool good;

    if (loop == NULL)
        return MPIPE_ENOMEM;
    for (int r = 0; r < 2; r++) {
        mpipe__pool_init(&end[r].pool, 0);
        mpipe__links_init(&end[r].set, NULL, mpipe__loop_transport(loop, r),
                          &end[r].pool, 0, 100000, 100000);
    }
    good = talk(&end[0], &end[1]);
    if (good) {
        CU_ASSERT_EQUAL(end[1].n_got, 8);
        CU_ASSERT(mpipe__links_finished(&end[0].set));
        CU_ASSERT(mpipe__links_finished(&end[1].set));
    }
    take(&end[0]);
    take(&end[1]);
    mpipe__links_fini(&end[1].set);
    mpipe__loop_kill(loop, 1);          /* what is still sent to it is lost */
    take(&end[0]);
    mpipe__links_fini(&end[0].set);
    for (int r = 0; r < 2; r++) {
        CU_ASSERT_EQUAL(end[r].pool.used, 0);
        mpipe__pool_fini(&end[r].pool);
    }
    mpipe__loop_free(loop);
    return good ? MPIPE_OK : MPIPE_ENOMEM;
}

/* ---- plans and options ---- */

static enum mpipe_err use_plan(enum mpipe_policy policy)
{
    static const struct mpipe_stage stages[] = {
        { .name = "one", .work = 2 }, { .name = "two", .replicas = 2 },
        { .name = "three" }
    };
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct mpipe_machine *m = mpipe_machine_synthetic("node:3 core:4", 0,
                                                      &err);
    struct mpipe_plan *plan = NULL;
    unsigned first, last;

    if (m != NULL)
        plan = mpipe_plan_new(m, stages, 3, policy, 1, &err);
    CU_ASSERT_EQUAL(plan == NULL, err.code != MPIPE_OK);
    CU_ASSERT_EQUAL(plan == NULL, err.text[0] != '\0');
    if (plan != NULL)
        CU_ASSERT(mpipe_plan_role(plan, 1, &first, &last) && first <= last);
    mpipe_plan_free(plan);
    mpipe_machine_free(m);
    return err.code;
}

static enum mpipe_err use_plan_topology(void)
{
    return use_plan(MPIPE_POLICY_TOPOLOGY);
}

static enum mpipe_err use_plan_round_robin(void)
{
    return use_plan(MPIPE_POLICY_ROUND_ROBIN);
}

static enum mpipe_err use_options(void)
{
    char *words[] = { "program", "--frame=2K", "in", "--credits", "2", NULL };
    char **argv = words;
    int argc = 5;
    struct mpipe__options o;
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    enum mpipe_err e;

    mpipe__options_default(&o);
    e = mpipe__options_args(&o, &argc, &argv, &err);
    CU_ASSERT_EQUAL(e, err.code);
    CU_ASSERT_EQUAL(argc, e == MPIPE_OK ? 2 : 5);
    CU_ASSERT_EQUAL(o.frame == 2048 && o.credits == 2, e == MPIPE_OK);
    return e;
}

/* ---- pipelines ---- */

static enum mpipe_err nothing(const struct mpipe_item *in,
                              struct mpipe_out *out, void *arg)
{
    (void)in;
    (void)out;
    (void)arg;
    return MPIPE_OK;
}

/* Describe a pipeline, and forget it. */
static enum mpipe_err describe(struct mpipe *mp)
{
    static const char *const paths[] = { "here", "there" };
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    char name[] = "stage 0";
    enum mpipe_err e = mpipe_source_lines(pl, paths, 2);

    for (; e == MPIPE_OK && name[6] < '9'; name[6]++)
        e = mpipe_pipeline_stage(pl, name, nothing, NULL);
    if (e == MPIPE_OK)
        e = mpipe_sink_file(pl, "out", "\n");
    if (e != MPIPE_OK)
        CU_ASSERT(mpipe_last_error(mp)->code == e
                  || mpipe_last_error(mp)->code == MPIPE_OK);
    mpipe_pipeline_free(pl);
    return e;
}

static enum mpipe_err use_pipeline(void)
{
    char *words[] = { "allocation", "--quiet", NULL }, **argv = words;
    int argc = 2;
    struct mpipe__loop_world *loop;
    struct mpipe_machine *machine;
    struct mpipe *mp;
    enum mpipe_err e;

    heap.armed = false;         /* the session is not our task */
    loop = mpipe__loop_new(1);
    machine = mpipe__machine_new(1);
    CU_ASSERT_FATAL(loop != NULL && machine != NULL);
    mp = mpipe__session_over(mpipe__loop_transport(loop, 0), machine, &argc,
                             &argv);
    mpipe_print_errors(mp, 0);
    heap.armed = true;
    e = describe(mp);
    heap.armed = false;
    mpipe_finalize(mp, e);
    mpipe_machine_free(machine);
    mpipe__loop_free(loop);
    return e;
}

/* ---- a whole job ---- */

static void outside(bool is)
{
    heap.armed = !is;
}

static enum mpipe_err twice(const struct mpipe_item *in, struct mpipe_out *out,
                            void *arg)
{
    (void)arg;
    mpipe_emit(out, in->data, in->size);
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err add(const struct mpipe_item *result, void *arg)
{
    *(int64_t *)arg += *(const int64_t *)result->data;
    return MPIPE_OK;
}

/* All ranks: 0 ... 299, each twice and then dropped if it is odd. */
static enum mpipe_err evens(const struct mpipe_item *in, struct mpipe_out *out,
                            void *arg)
{
    int64_t x = *(const int64_t *)in->data;

    (void)arg;
    return x % 2 == 0 ? mpipe_emit(out, &x, sizeof x) : MPIPE_OK;
}

static enum mpipe_err job(struct mpipe *mp, int rank, void *arg)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    enum mpipe_err e;

    (void)rank;
    mpipe_source_range(pl, 0, 299);
    mpipe_pipeline_stage(pl, "twice", twice, NULL);
    mpipe_pipeline_stage(pl, "evens", evens, NULL);
    mpipe_pipeline_sink(pl, add, arg);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

/* Items that do not fit a frame: 0 ... 11, each with 200,000 bytes. */
static enum mpipe_err large_items(struct mpipe_out *out, void *arg)
{
    int64_t *next = arg;
    char *to = mpipe_reserve(out, LARGE);

    if (to == NULL)
        return MPIPE_OK;                /* the reason is kept */
    memset(to, 1, LARGE);
    memcpy(to, next, sizeof *next);
    ++*next;
    mpipe_commit(out, LARGE);
    return *next < 12 ? MPIPE_OK : MPIPE_END;
}

static enum mpipe_err copy(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    (void)arg;
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err same(void *data, size_t size, struct mpipe_out *out,
                           void *arg)
{
    (void)data, (void)size, (void)out, (void)arg;
    return MPIPE_OK;
}

static enum mpipe_err large_job(struct mpipe *mp, int rank, void *arg)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    int64_t next = 0;
    enum mpipe_err e;

    (void)rank;
    mpipe_pipeline_source(pl, large_items, &next);
    mpipe_pipeline_stage(pl, "copy", copy, NULL);
    mpipe_pipeline_map(pl, "same", same, NULL);
    mpipe_pipeline_sink(pl, add, arg);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

/* Pairs of many keys, more than fit; and their sums. */
static enum mpipe_err pairs(const struct mpipe_item *in, struct mpipe_out *out,
                            void *arg)
{
    (void)arg;
    for (int64_t i = 0; i < 20; i++) {
        int64_t key = *(const int64_t *)in->data * 20 + i;
        mpipe_emit_pair(out, &key, sizeof key, in->data, in->size);
    }
    return MPIPE_OK;
}

static enum mpipe_err sum(const struct mpipe_item *key,
                          struct mpipe_values *values, struct mpipe_out *out,
                          void *arg)
{
    struct mpipe_item value;

    (void)key, (void)arg;
    while (mpipe_values_next(values, &value))
        mpipe_emit(out, value.data, value.size);
    return MPIPE_OK;
}

static enum mpipe_err map_reduce(struct mpipe *mp, int64_t *result,
                                 mpipe_combine_fn combine)
{
    const struct mpipe_job described = {
        .map = pairs, .reduce = sum, .combine = combine, .done = add,
        .partitions = 5, .arg = result,
        .sort = combine == NULL ? MPIPE_SORT_ALL : MPIPE_UNSORTED
    };
    struct mpipe_mapreduce *mr;
    enum mpipe_err e;

    mpipe_set_option(mp, "memory", "64K");
    mr = mpipe_mapreduce_new(mp, &described);
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, 200);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

static enum mpipe_err combining(struct mpipe *mp, int rank, void *arg)
{
    (void)rank;
    return map_reduce(mp, arg, mpipe_sum_i64);
}

static enum mpipe_err listing(struct mpipe *mp, int rank, void *arg)
{
    (void)rank;
    return map_reduce(mp, arg, NULL);
}

/* Every rank ends, and all alike; or the job is ended. */
static enum mpipe_err use_job(int size, mpipe__world_fn run, int64_t right)
{
    const struct mpipe__world world = { .size = size, .outside = outside };
    struct mpipe__world_end end;
    int64_t sum = 0;

    heap.armed = false;
    CU_ASSERT_FATAL(mpipe__world_run(&world, run, &sum, &end));
    heap.armed = false;
    if (end.aborted != 0) {     /* where the ranks stand, they stand */
        memset(heap.block, 0, sizeof heap.block);
        heap.n_live = 0;
        return (enum mpipe_err)-end.aborted;
    }
    for (int r = 1; r < size; r++)
        CU_ASSERT_EQUAL(end.code[r], end.code[0]);
    CU_ASSERT(end.code[0] != 0 || sum == right);
    return (enum mpipe_err)-end.code[0];
}

static enum mpipe_err use_job_of_one(void)
{
    return use_job(1, job, 2 * 149 * 150);
}

static enum mpipe_err use_job_of_four(void)
{
    return use_job(4, job, 2 * 149 * 150);
}

static enum mpipe_err use_large_job(void)
{
    return use_job(3, large_job, 66);
}

static enum mpipe_err use_map_reduce(void)
{
    return use_job(3, listing, 20 * 20100);
}

static enum mpipe_err use_map_reduce_combined(void)
{
    return use_job(3, combining, 20 * 20100);
}

/* ---- the rows ---- */

static const struct {
    const char *name;
    task_fn run;
    unsigned long n_min;        /* allocations that it makes at least */
} tasks[] = {
    { "a pool's frames", use_pool, 2 },
    { "a ledger", use_ledger, 1 },
    { "links, from opening to farewell", use_links, 20 },
    { "a plan by topology", use_plan_topology, 8 },
    { "a plan by round-robin", use_plan_round_robin, 6 },
    { "options", use_options, 0 },
    { "the description of a pipeline", use_pipeline, 10 },
    { "a job of one rank", use_job_of_one, 20 },
    { "a job of four ranks", use_job_of_four, 100 },
    { "a job of large items", use_large_job, 100 },
    { "a map-reduce job", use_map_reduce, 100 },
    { "a map-reduce job that combines", use_map_reduce_combined, 100 }
};

/* Run it so that allocation 'fail_at' fails; false when there was none. */
static bool run_once(task_fn run, unsigned long fail_at, enum mpipe_err *how)
{
    heap.n = 0;
    heap.fail_at = fail_at;
    heap.failed = false;
    heap.armed = true;
    *how = run();
    heap.armed = false;
    CU_ASSERT_EQUAL(heap.n_live, 0);
    return heap.failed;
}

static bool is_clear(enum mpipe_err e)
{
    return e == MPIPE_OK || e == MPIPE_ENOMEM;
}

static void every_one_fails(size_t i)
{
    unsigned long n = 1, n_errors = 0;
    enum mpipe_err e;

    for (; run_once(tasks[i].run, n, &e); n++) {
        n_errors += e != MPIPE_OK;
        if (is_clear(e) && heap.n_live == 0)
            continue;
        CU_FAIL("not a clear error, or a leak");
        fprintf(stderr, "    %s: allocation %lu failed: %s; %u blocks left\n",
                tasks[i].name, n, mpipe_strerror(e), heap.n_live);
        memset(heap.block, 0, sizeof heap.block);
        heap.n_live = 0;
    }
    CU_ASSERT_EQUAL(e, MPIPE_OK);
    CU_ASSERT(n > tasks[i].n_min);
    /* most are needed: a task that never notices is not looking */
    CU_ASSERT(n_errors >= tasks[i].n_min / 2);
    printf("    %s: %lu allocations, %lu of them needed\n", tasks[i].name,
           n - 1, n_errors);
}

static void every_allocation(void)
{
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        every_one_fails(i);
}

int main(void)
{
    unsigned failed = 1;

    setvbuf(stdout, NULL, _IOLBF, 0);   /* a crash must not eat the lines */
    alarm(PATIENCE_SEC);
    if (CU_initialize_registry() == CUE_SUCCESS) {
        CU_pSuite suite = CU_add_suite("allocation", NULL, NULL);
        if (suite != NULL
            && CU_add_test(suite, "each allocation may fail: a clear error "
                           "and no leak", every_allocation) != NULL) {
            CU_basic_set_mode(CU_BRM_VERBOSE);
            CU_basic_run_tests();
            failed = CU_get_number_of_tests_failed()
                     + (CU_get_number_of_tests_run() == 0);
        }
        CU_cleanup_registry();
    }
    return failed != 0;
}
