/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of resume.c: jobs that go on from their journal.
 *
 * Rank 0 of a small job dies before each of its messages; then the job is run
 * again, dies later, and again until it comes to its end.  What the sink saw in
 * the last run must be what it sees in a run that nothing disturbs, and what was
 * done must not be done again.
 *
 * MPIPE_TEST_STRIDE=N takes each N-th of these points only, for valgrind.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "interrupt.h"
#include "journal.h"
#include "out.h"
#include "resume.h"
#include "suite.h"
#include "world.h"

#define ITEMS 60u
#define FOREVER ((uint64_t)1 << 60)

struct job {
    const char *name, *options;
    int size;
    bool ordered, push;
    unsigned round;             /* push: so many, then wait until it is empty */
    unsigned fails_one_in;      /* for good */
    unsigned jobs;              /* pipelines one after another */
};

static const struct job jobs[] = {
    { "a farm", "", 3, false, false, 0, 0, 1 },
    { "in order, pushed", "", 4, true, true, 30, 0, 1 },
    { "in rounds", "", 4, false, true, 7, 0, 1 },
    { "items that fail", "--max-retries=1", 3, false, false, 0, 7, 1 },
    { "one at a time", "--frame=1K --credits=1", 3, true, false, 0, 0, 1 },
    { "two pipelines", "", 3, true, false, 0, 0, 2 },
    { "one rank", "", 1, true, false, 0, 0, 1 },
};

#define N_JOBS (sizeof jobs / sizeof *jobs)

struct run {
    const struct job *job;
    const char *stage;          /* the name of the first; NULL: "split" */
    unsigned items;             /* to be fed */
    uint64_t changed;           /* this item is another one; UINT64_MAX: none */
    unsigned stop_at;           /* a signal comes when so many were worked on */
    unsigned fed, worked, n_wrong;
    unsigned delivered[2 * ITEMS], failed[2 * ITEMS];
    uint64_t last;
    unsigned ranks;             /* by which a source would cut, */
    uint64_t memory;            /* ... and by how much */
    struct mpipe_counts counts;
};

static char dir[32];

static enum mpipe_err split(const struct mpipe_item *in,
                            struct mpipe_out *out, void *arg)
{
    struct run *run = arg;
    uint64_t n = *(const uint64_t *)in->data;

    mpipe__world_pass(400000);          /* so that frames are short */
    if (++run->worked == run->stop_at)
        raise(SIGTERM);
    if (n % 5 == 0)
        return MPIPE_OK;
    if (run->job->fails_one_in > 0 && n % run->job->fails_one_in == 0)
        return mpipe_fail(out, "as asked");
    n *= 2;
    mpipe_emit(out, &n, sizeof n);
    n++;
    return mpipe_emit(out, &n, sizeof n);
}

static enum mpipe_err pass(void *data, size_t size, struct mpipe_out *out,
                           void *arg)
{
    (void)data;
    (void)size;
    (void)out;
    (void)arg;
    return MPIPE_OK;
}

static uint64_t item(const struct run *run, uint64_t n)
{
    return n == run->changed ? ITEMS - 1 : n;
}

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct run *run = arg;
    uint64_t n;

    run->ranks = mpipe__resume_ranks(out->flow);
    run->memory = mpipe__resume_memory(out->flow);
    for (unsigned i = 0; i < 3; i++) {
        if (run->fed == run->items)
            return MPIPE_END;
        n = item(run, run->fed++);
        mpipe_emit(out, &n, sizeof n);
    }
    return MPIPE_OK;
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    struct run *run = arg;
    uint64_t n = *(const uint64_t *)result->data;

    run->n_wrong += n >= 2 * ITEMS || (run->job->ordered && n < run->last);
    run->n_wrong += n / 2 > run->fed;       /* not before the item is there */
    run->last = n;
    run->delivered[n % (2 * ITEMS)]++;
    return MPIPE_OK;
}

static void on_failure(const struct mpipe_failure *failure, void *arg)
{
    struct run *run = arg;
    uint64_t n = *(const uint64_t *)failure->item.data;

    run->n_wrong += strcmp(failure->stage, "split") != 0
                    || strcmp(failure->text, "as asked") != 0
                    || failure->tries == 0 || failure->rank < 0;
    run->failed[n % (2 * ITEMS)]++;
}

static void check(struct run *run)
{
    const struct job *job = run->job;

    for (unsigned n = 0; n < 2 * ITEMS; n++) {
        bool is = n / 2 % 5 != 0;
        bool fails = is && job->fails_one_in > 0
                     && n / 2 % job->fails_one_in == 0;
        bool failed = n < ITEMS && n % 5 != 0 && job->fails_one_in > 0
                      && n % job->fails_one_in == 0;

        run->n_wrong += run->delivered[n] != (is && !fails);
        run->n_wrong += run->failed[n] != failed;
    }
    run->n_wrong += run->counts.fed != ITEMS;
}

/* All that was fed has come out, and nothing else. */
static void check_round(struct run *run, const struct mpipe_pipeline *pl)
{
    struct mpipe_counts c;

    mpipe_pipeline_counts(pl, &c);
    run->n_wrong += c.fed != run->fed
                    || c.fed + c.made != c.delivered + c.dropped + c.failed;
    for (unsigned n = 0; n < 2 * ITEMS; n++)
        run->n_wrong += run->delivered[n]
                        != (n / 2 % 5 != 0 && n / 2 < run->fed);
}

static enum mpipe_err program(struct mpipe *mp, int rank, void *arg)
{
    struct run *run = arg;
    enum mpipe_err e = MPIPE_OK;

    for (unsigned k = 0; k < run->job->jobs && e == MPIPE_OK; k++) {
        struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);

        mpipe_pipeline_stage(pl, run->stage != NULL ? run->stage : "split",
                             split, run);
        mpipe_pipeline_map(pl, "pass", pass, run);
        mpipe_pipeline_sink(pl, sink, run);
        mpipe_pipeline_on_failure(pl, on_failure, run);
        mpipe_pipeline_ordered(pl, run->job->ordered);
        if (!run->job->push) {
            mpipe_pipeline_source(pl, source, run);
            e = mpipe_pipeline_run(pl);
        } else {
            e = mpipe_pipeline_start(pl);
            while (rank == 0 && e == MPIPE_OK && run->fed < run->items) {
                uint64_t n = item(run, run->fed);
                e = mpipe_pipeline_feed(pl, &n, sizeof n);
                run->fed += e == MPIPE_OK;
                if (run->fed % run->job->round == 0
                    && mpipe_pipeline_wait_empty(pl) == MPIPE_OK)
                    check_round(run, pl);
            }
            e = mpipe_pipeline_end(pl);
        }
        if (rank == 0)
            mpipe_pipeline_counts(pl, &run->counts);
        mpipe_pipeline_free(pl);
        if (e == MPIPE_EFAILED && run->job->fails_one_in > 0)
            e = MPIPE_OK;
        if (rank == 0 && e == MPIPE_OK) {
            check(run);
            run->fed = 0;
            run->last = 0;
            memset(run->delivered, 0, sizeof run->delivered);
            memset(run->failed, 0, sizeof run->failed);
        }
    }
    return e;
}

static void begin(void)
{
    strcpy(dir, "resume-XXXXXX");
    CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
}

static void name_of(char *path, unsigned flow)
{
    sprintf(path, "%s/pipeline-%u.journal", dir, flow);
}

/* True if there was nothing left. */
static bool end(void)
{
    char path[80];

    for (unsigned i = 0; i < 2; i++) {
        name_of(path, i);
        unlink(path);
    }
    return rmdir(dir) == 0;
}

static bool empty(void)
{
    return rmdir(dir) == 0 && mkdir(dir, 0700) == 0;
}

/* Once, with rank 0 dying before its message 'at' (0: not). */
static bool once(const struct job *job, struct run *run, uint64_t at,
                 struct mpipe__world_end *end)
{
    char options[1600];
    struct mpipe__world world = { .size = job->size, .options = options };

    run->job = job;
    if (run->items == 0)
        run->items = ITEMS;
    if (run->changed == 0)
        run->changed = UINT64_MAX;
    snprintf(options, sizeof options, "--log-level=error --journal=%s "
             "--grace=1 %s", dir, job->options);
    world.kill_nth[0] = at;
    world.seed = 1 + at;
    return mpipe__world_run(&world, program, run, end);
}

/* Dies at 'at', and again, until a run comes through.  How many items were worked
 * on in the last run; UINT_MAX: it went wrong. */
static unsigned goes_on(const struct job *job, uint64_t at)
{
    struct mpipe__world_end how;

    for (unsigned i = 0; i < 40; i++) {
        struct run run = { .job = NULL };
        uint64_t die = i < 20 ? at + i % 7 : 0;

        if (!once(job, &run, die, &how)) {
            fprintf(stderr, "resume: %s: at %" PRIu64 ", run %u: hangs\n",
                    job->name, at, i);
            return UINT32_MAX;
        }
        if (how.died[0])
            continue;
        if (how.code[0] != 0 || run.n_wrong > 0 || !empty()) {
            fprintf(stderr, "resume: %s: at %" PRIu64 ", run %u: %u wrong, "
                    "code %d %s\n", job->name, at, i, run.n_wrong,
                    how.code[0], how.error[0].text);
            return UINT32_MAX;
        }
        return run.worked;
    }
    return UINT32_MAX;
}

static void goes_on_anywhere(void)
{
    unsigned failed = 0, saved = 0, n = 0;

    begin();
    for (size_t i = 0; i < N_JOBS; i++) {
        struct mpipe__world_end how;
        struct run run = { .job = NULL };

        CU_ASSERT(once(&jobs[i], &run, FOREVER, &how));
        CU_ASSERT_EQUAL(how.code[0], 0);
        CU_ASSERT_EQUAL(run.n_wrong, 0);
        for (uint64_t at = 1; at <= how.sent[0] && failed < 10;
             at += mpipe__world_stride(1), n++) {
            unsigned worked = goes_on(&jobs[i], at);
            failed += worked == UINT32_MAX;
            saved += worked < ITEMS * jobs[i].jobs;
            if (worked == UINT32_MAX) {
                end();
                begin();
            }
        }
    }
    CU_ASSERT(end());
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(saved > n / 3);       /* early ones have nothing to save */
}

/* Run until about half is done; false: it did not come to that. */
static bool half_of(const struct job *job, const char *stage)
{
    struct mpipe__world_end how;
    struct run run = { .stage = stage };

    CU_ASSERT(once(job, &run, FOREVER, &how));
    run = (struct run){ .stage = stage };
    CU_ASSERT(once(job, &run, how.sent[0] * 3 / 4, &how));
    return how.died[0];
}

static bool half(const struct job *job)
{
    return half_of(job, NULL);
}

/* What the next run says; "" if it goes on. */
static int says(struct run *run, const char *text)
{
    struct mpipe__world_end how;

    CU_ASSERT(once(run->job, run, 0, &how));
    if (strstr(how.error[0].text, text) == NULL)
        fprintf(stderr, "resume: not \"%s\" but: %s\n", text,
                how.error[0].text);
    CU_ASSERT(strstr(how.error[0].text, text) != NULL);
    for (int r = 1; r < run->job->size; r++)
        CU_ASSERT_EQUAL(how.code[r], how.code[0]);
    return how.code[0];
}

static void another_job(void)
{
    struct job other = jobs[0];
    struct run run = { .job = &other };
    char name[1000] = "";

    begin();
    CU_ASSERT(half(&jobs[0]));
    run.stage = "halve";
    CU_ASSERT_EQUAL(says(&run, "is of the pipeline \"pipeline: split pass"),
                    -MPIPE_EMISMATCH);
    run = (struct run){ .job = &other };
    other.ordered = true;
    CU_ASSERT_EQUAL(says(&run, "is of the pipeline"), -MPIPE_EMISMATCH);
    /* also where names are too long to be in the journal */
    CU_ASSERT(end());
    begin();
    memset(name, 'x', sizeof name - 1);
    CU_ASSERT(half_of(&jobs[0], name));
    name[sizeof name - 2] = 'y';
    run = (struct run){ .job = &jobs[0], .stage = name };
    CU_ASSERT_EQUAL(says(&run, "is of the pipeline"), -MPIPE_EMISMATCH);
    CU_ASSERT(end());
    begin();
    CU_ASSERT(half(&jobs[0]));
    other = jobs[0];
    run = (struct run){ .job = &other };
    other.options = "another-word";
    CU_ASSERT_EQUAL(says(&run, "is of the command \"world\", not "
                         "\"world another-word\""), -MPIPE_EMISMATCH);
    /* it is as it was */
    run = (struct run){ .job = &jobs[0] };
    CU_ASSERT_EQUAL(says(&run, ""), 0);
    CU_ASSERT_EQUAL(run.n_wrong, 0);
    CU_ASSERT(run.worked < ITEMS);
    CU_ASSERT(end());
}

/* It differs only at its end, which nobody would print. */
static void another_long_job(void)
{
    char word[2][1400];
    struct job job[2] = { jobs[0], jobs[0] };
    struct run run = { .job = &job[1] };

    for (unsigned i = 0; i < 2; i++) {
        memset(word[i], 'x', sizeof word[i]);
        word[i][sizeof word[i] - 2] = (char)('a' + i);
        word[i][sizeof word[i] - 1] = '\0';
        job[i].options = word[i];
    }
    begin();
    CU_ASSERT(half(&job[0]));
    CU_ASSERT_EQUAL(says(&run, "is of the command"), -MPIPE_EMISMATCH);
    run = (struct run){ .job = &job[0] };
    CU_ASSERT_EQUAL(says(&run, ""), 0);
    CU_ASSERT_EQUAL(run.n_wrong, 0);
    CU_ASSERT(end());
}

/* More ranks and more memory are no other job; but the input is cut as before. */
static void another_size(void)
{
    struct job other = jobs[0];
    struct run run = { .job = &other };

    begin();
    other.options = "--memory=64M";
    CU_ASSERT(half(&other));
    other.options = "--memory=96M";
    other.size = 5;
    CU_ASSERT_EQUAL(says(&run, ""), 0);
    CU_ASSERT_EQUAL(run.n_wrong, 0);
    CU_ASSERT(run.worked < ITEMS);
    CU_ASSERT_EQUAL(run.ranks, 3);
    CU_ASSERT_EQUAL(run.memory, 64u << 20);
    CU_ASSERT(end());
}

static void another_input(void)
{
    struct run run;

    for (unsigned push = 0; push < 3; push++) {
        begin();
        CU_ASSERT(half(&jobs[push]));
        run = (struct run){ .job = &jobs[push], .changed = 1 };
        CU_ASSERT_EQUAL(says(&run, "has the input changed?"),
                        -MPIPE_EMISMATCH);
        run = (struct run){ .job = &jobs[push], .items = 1 };
        CU_ASSERT_EQUAL(says(&run, "the input has ended after 1 items"),
                        -MPIPE_EMISMATCH);
        run = (struct run){ .job = &jobs[push] };
        CU_ASSERT_EQUAL(says(&run, ""), 0);
        CU_ASSERT_EQUAL(run.n_wrong, 0);
        CU_ASSERT(end());
    }
}

/* One bit; once more, and it is right again. */
static void damage(off_t from_end)
{
    char path[80], c = 0;
    struct stat st;
    int fd;

    name_of(path, 0);
    fd = open(path, O_RDWR);
    CU_ASSERT_FATAL(fd >= 0 && fstat(fd, &st) == 0);
    CU_ASSERT_EQUAL(pread(fd, &c, 1, st.st_size - from_end), 1);
    c = (char)(c ^ 1);
    CU_ASSERT_EQUAL(pwrite(fd, &c, 1, st.st_size - from_end), 1);
    close(fd);
}

static void torn_or_damaged(void)
{
    struct run run = { .job = &jobs[0] };
    char path[80];
    struct stat st;

    begin();
    CU_ASSERT(half(&jobs[0]));
    damage(9);
    CU_ASSERT_EQUAL(says(&run, ""), 0);
    CU_ASSERT_EQUAL(run.n_wrong, 0);
    CU_ASSERT(run.worked < ITEMS);

    CU_ASSERT(half(&jobs[0]));
    name_of(path, 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    damage(st.st_size - 8);             /* of what was synced at the start */
    run = (struct run){ .job = &jobs[0] };
    CU_ASSERT_EQUAL(says(&run, "is damaged at byte 0"), -MPIPE_EIO);
    CU_ASSERT(end());
}

/* ---- whole records that cannot be ---- */

/* ROOT, with one frame of results; as in doc/protocol.md. */
struct record {
    uint64_t first, digest, keys, delivered, dropped, made;
    uint32_t items, n_frames, kind, stage, tries, rank, n_items, item_size;
    uint64_t bytes, payload[4];
};

/* One item, number 1000, and its result: 8 bytes. */
static const struct record good = {
    .first = 1000, .items = 1, .n_frames = 1, .kind = 1, .stage = 2,
    .n_items = 1, .item_size = 8, .bytes = 8
};

/* Item 1000 and why it failed: "so". */
static const struct record failed = {
    .first = 1000, .items = 1, .n_frames = 1, .kind = 3, .stage = 1, .tries = 3,
    .n_items = 2, .item_size = UINT32_MAX, .bytes = 32,
    .payload = { 8, 77, 3, 's' | 'o' << 8 }
};

#define AT(field) offsetof(struct record, field), sizeof good.field

static const struct {
    const struct record *of;
    size_t at, size;            /* what is changed of it, */
    uint64_t value;             /* ... to this */
    int longer;                 /* bytes that the record has too many */
} nonsense[] = {
    { &good, AT(items), 0, 0 },
    { &good, AT(items), 2, 0 },
    { &good, AT(items), UINT32_MAX, 0 },
    { &good, AT(first), 0, 0 },                     /* an item twice */
    { &good, AT(first), UINT64_MAX, 0 },
    { &good, AT(keys), 1, 0 },
    { &good, AT(delivered), 1, 0 },
    { &good, AT(dropped), 1, 0 },
    { &good, AT(made), 1, 0 },
    { &good, AT(made), UINT64_MAX, 0 },
    { &good, AT(n_frames), 0, 0 },
    { &good, AT(n_frames), 2, 0 },
    { &good, AT(n_frames), UINT32_MAX, 0 },
    { &good, AT(kind), 0, 0 },
    { &good, AT(kind), 2, 0 },
    { &good, AT(kind), 3, 0 },
    { &good, AT(kind), 257, 0 },
    { &good, AT(stage), 0, 0 },
    { &good, AT(stage), 65538, 0 },
    { &good, AT(tries), 65536, 0 },
    { &good, AT(rank), UINT32_MAX, 0 },
    { &good, AT(n_items), 0, 0 },
    { &good, AT(n_items), 2, 0 },
    { &good, AT(n_items), UINT32_MAX, 0 },
    { &good, AT(item_size), 0, 0 },
    { &good, AT(item_size), 9, 0 },
    { &good, AT(item_size), UINT32_MAX - 1, 0 },
    { &good, AT(bytes), 0, 0 },
    { &good, AT(bytes), 7, 0 },
    { &good, AT(bytes), 16, 0 },
    { &good, AT(bytes), 16, 8 },
    { &good, AT(bytes), UINT64_MAX, 0 },
    { &good, AT(bytes), UINT64_MAX - 7, 0 },
    { &good, AT(digest), 0, 8 },
    { &good, AT(digest), 0, -8 },
    { &good, AT(digest), 0, -40 },
    { &good, AT(digest), 0, -48 },
    { &good, AT(digest), 0, -96 },
    { &failed, AT(stage), 2, 0 },
    { &failed, AT(kind), 1, 0 },
    { &failed, AT(n_items), 1, 0 },
    { &failed, AT(payload[0]), 9, 0 },
    { &failed, AT(payload[0]), UINT64_MAX, 0 },
    { &failed, AT(payload[0]), UINT64_MAX - 8, 0 },
    { &failed, AT(payload[2]), 0, 0 },
    { &failed, AT(payload[2]), 1, 0 },              /* no NUL */
    { &failed, AT(payload[2]), 9, 0 },
};

static enum mpipe_err pass_over(void *arg, const struct mpipe__journal_reader *r,
                                struct mpipe_error *err)
{
    (void)arg;
    (void)r;
    (void)err;
    return MPIPE_OK;
}

static void append(uint32_t kind, const void *record, size_t size)
{
    struct iovec piece = { (void *)(uintptr_t)record, size };
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct mpipe__journal j;

    CU_ASSERT_EQUAL_FATAL(mpipe__journal_open(&j, dir, "pipeline-0.journal",
                                              pass_over, NULL, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__journal_append(&j, kind, &piece, 1, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__journal_sync(&j, &err), MPIPE_OK);
    mpipe__journal_close(&j);
}

/* What the job says with this record at the end of its journal, which is then as
 * before. */
static void says_of(uint32_t kind, const void *record, size_t size,
                    const char *text, enum mpipe_err code)
{
    struct run run = { .job = &jobs[0] };
    struct stat st;
    char path[80];

    name_of(path, 0);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    append(kind, record, size);
    CU_ASSERT_EQUAL(says(&run, text), -code);
    CU_ASSERT_EQUAL(truncate(path, st.st_size), 0);
}

static size_t size_of(const struct record *r)
{
    return offsetof(struct record, payload) + r->bytes;
}

/* Their checksums are right. */
static void cannot_be(void)
{
    static const char *const words = "has a record that cannot be";
    struct run run = { .job = &jobs[0] };

    begin();
    CU_ASSERT(half(&jobs[0]));
    /* these can be, but for the input that ends before them */
    says_of(3, &good, size_of(&good), "the input has ended after 60 items",
            MPIPE_EMISMATCH);
    says_of(3, &failed, size_of(&failed), "the input has ended after 60 items",
            MPIPE_EMISMATCH);
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct record r = *nonsense[i].of;

        memcpy((char *)&r + nonsense[i].at, &nonsense[i].value,
               nonsense[i].size);
        says_of(3, &r, size_of(nonsense[i].of) + (size_t)nonsense[i].longer,
                words, MPIPE_EIO);
    }
    says_of(3, "", 0, words, MPIPE_EIO);
    says_of(2, &good, size_of(&good), words, MPIPE_EIO);    /* START once more */
    says_of(4, &good, size_of(&good), words, MPIPE_EIO);
    CU_ASSERT_EQUAL(says(&run, ""), 0);
    CU_ASSERT_EQUAL(run.n_wrong, 0);
    CU_ASSERT(end());
}

/* Whose journal it is can be nonsense too. */
static void of_nobody(void)
{
    static const struct {
        uint32_t kind;
        const char *bytes;
        size_t size;
        const char *text;
        enum mpipe_err code;
    } rows[] = {
        { 2, "", 0, "cannot be", MPIPE_EIO },
        { 3, "", 0, "cannot be", MPIPE_EIO },
        { 3, (const char *)&good, 96, "cannot be", MPIPE_EIO },
        { 2, "0.1.0", 5, "was begun by libmpipe", MPIPE_EMISMATCH },
        { 2, MPIPE_VERSION_STRING, sizeof MPIPE_VERSION_STRING,
          "is of the command \"\"", MPIPE_EMISMATCH },
        { 2, MPIPE_VERSION_STRING "\0world", sizeof MPIPE_VERSION_STRING + 6,
          "is of the pipeline \"\"", MPIPE_EMISMATCH },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run run = { .job = &jobs[0] };

        begin();
        append(rows[i].kind, rows[i].bytes, rows[i].size);
        CU_ASSERT_EQUAL(says(&run, rows[i].text), -rows[i].code);
        CU_ASSERT(end());
    }
}

/* It was begun on no ranks. */
static void by_nobody(void)
{
    struct run run = { .job = &jobs[0] };
    char path[80], record[2000];
    uint64_t size = 0;
    FILE *file;

    begin();
    CU_ASSERT(half(&jobs[0]));
    name_of(path, 0);
    file = fopen(path, "r");
    CU_ASSERT_FATAL(file != NULL && fread(record, 1, 32, file) == 32);
    memcpy(&size, record + 16, sizeof size);
    CU_ASSERT_FATAL(size > 12 && size < sizeof record);
    CU_ASSERT_EQUAL(fread(record, 1, size, file), size);
    fclose(file);
    for (unsigned ranks = 1; ranks < 2; ranks--) {
        unlink(path);
        memcpy(record + size - 12, &ranks, sizeof ranks);
        append(2, record, size);
        if (ranks == 0)
            CU_ASSERT_EQUAL(says(&run, "cannot be"), -MPIPE_EIO);
        if (ranks == 1)
            CU_ASSERT_EQUAL(says(&run, ""), 0);
        run = (struct run){ .job = &jobs[0] };
    }
    CU_ASSERT(end());
}

/* ---- where no journal can be ---- */

static void no_place(void)
{
    struct run run = { .job = &jobs[0] };
    struct mpipe__world_end how;
    struct job job = jobs[0];
    char options[100];
    FILE *file;

    begin();
    run.job = &job;
    job.options = options;
    snprintf(options, sizeof options, "--journal=%s/a/b", dir);
    CU_ASSERT_EQUAL(says(&run, "cannot make its folder: No such file"),
                    -MPIPE_EIO);
    snprintf(options, sizeof options, "%s/file", dir);
    file = fopen(options, "w");
    fputs("somebody's\n", file);
    fclose(file);
    snprintf(options, sizeof options, "--journal=%s/file", dir);
    run = (struct run){ .job = &job };
    CU_ASSERT_EQUAL(says(&run, "/file/pipeline-0.journal: cannot open: Not a "
                         "directory"), -MPIPE_EIO);
    CU_ASSERT_EQUAL(run.worked, 0);
    CU_ASSERT_EQUAL(unlink(options + strlen("--journal=")), 0);
    job.options = "--journal=/sys";
    run = (struct run){ .job = &job };
    CU_ASSERT(once(&job, &run, 0, &how));
    CU_ASSERT_EQUAL(how.code[0], -MPIPE_EIO);
    CU_ASSERT(strstr(how.error[0].text, "/sys/pipeline-0.journal: cannot open")
              != NULL);
    CU_ASSERT(end());
}

/* The disk is full: the job ends and says so, and goes on when there is room.  (The
 * limit is on the size of a file, which gives the same errors.) */
static void no_room(void)
{
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit all, few;
    unsigned refused = 0;

    getrlimit(RLIMIT_FSIZE, &all);
    for (unsigned i = 0; i < N_JOBS; i++)
        for (rlim_t most = 0; most < 3000; most += 250) {
            struct run run = { .job = NULL };
            struct mpipe__world_end how;

            begin();
            few = all;
            few.rlim_cur = most;
            setrlimit(RLIMIT_FSIZE, &few);
            CU_ASSERT(once(&jobs[i], &run, 0, &how));
            setrlimit(RLIMIT_FSIZE, &all);
            if (how.code[0] != 0) {
                CU_ASSERT_EQUAL(how.code[0], -MPIPE_EIO);
                CU_ASSERT(strstr(how.error[0].text, "cannot write: File too large")
                          != NULL);
                refused++;
                run = (struct run){ .job = &jobs[i] };
                CU_ASSERT_EQUAL(says(&run, ""), 0);
            }
            CU_ASSERT_EQUAL(run.n_wrong, 0);
            CU_ASSERT(end());
        }
    CU_ASSERT(refused > N_JOBS * 6);
    signal(SIGXFSZ, old);
}

/* A signal: what is under way comes home, and the next run goes on. */
static void stops_and_goes_on(void)
{
    struct sigaction old;

    unsigned stopped = 0, n = 0;

    sigaction(SIGTERM, NULL, &old);
    for (size_t i = 0; i < N_JOBS; i++)
        for (unsigned at = 1; at < ITEMS; at += 7, n++) {
            struct mpipe__world_end how;
            struct run run = { .stop_at = at };
            unsigned before;

            begin();
            CU_ASSERT(once(&jobs[i], &run, 0, &how));
            *mpipe__interrupted() = 0;
            before = run.worked;
            for (int r = 0; r < jobs[i].size; r++)
                CU_ASSERT_EQUAL(how.code[r], how.code[0]);
            if (how.code[0] == 0) {     /* it was done already */
                CU_ASSERT(before >= ITEMS * jobs[i].jobs);
                CU_ASSERT(end());
                continue;
            }
            stopped++;
            CU_ASSERT_EQUAL(how.code[0], -MPIPE_ESAVED);
            CU_ASSERT(!empty());
            damage(48);                 /* before the mark: all is on the disk */
            run = (struct run){ .job = &jobs[i] };
            CU_ASSERT_EQUAL(says(&run, "is damaged at byte"), -MPIPE_EIO);
            damage(48);
            run = (struct run){ .job = &jobs[i] };
            CU_ASSERT_EQUAL(says(&run, ""), 0);
            CU_ASSERT_EQUAL(run.n_wrong, 0);
            /* nothing twice, but for what failed and was tried again */
            if (jobs[i].fails_one_in == 0)
                CU_ASSERT_EQUAL(before + run.worked, ITEMS * jobs[i].jobs);
            CU_ASSERT(end());
        }
    CU_ASSERT(stopped > n / 2);
    sigaction(SIGTERM, &old, NULL);
}

static enum mpipe_err set_journal(struct mpipe *mp, int rank, void *arg)
{
    (void)rank;
    (void)arg;
    CU_ASSERT_EQUAL(mpipe_set_option(mp, "journal", dir), MPIPE_OK);
    return MPIPE_OK;
}

/* SIGUSR1 too, whoever has asked for the journal. */
static void notice_is_heeded(void)
{
    struct sigaction old, now;
    struct mpipe__world world = { .size = 1, .seed = 1 };
    struct mpipe__world_end how;

    sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = SIG_DFL }, &old);
    begin();
    CU_ASSERT(mpipe__world_run(&world, set_journal, NULL, &how));
    CU_ASSERT_EQUAL(how.code[0], 0);
    sigaction(SIGUSR1, &old, &now);
    CU_ASSERT(now.sa_handler != SIG_DFL);
    CU_ASSERT(end());
}

static const struct mpipe__test tests[] = {
    { "rank 0 dies at any point, and the job goes on", goes_on_anywhere },
    { "the journal of another job is refused", another_job },
    { "one whose command is long, too", another_long_job },
    { "another number of ranks goes on", another_size },
    { "another input is refused", another_input },
    { "a torn end is done again, damage is refused", torn_or_damaged },
    { "a record that cannot be is refused", cannot_be },
    { "a journal of nobody is refused", of_nobody },
    { "a journal by nobody is refused", by_nobody },
    { "where no journal can be", no_place },
    { "no room for a journal", no_room },
    { "a signal stops the job, and nothing is done twice", stops_and_goes_on },
    { "SIGUSR1 is heeded where the program sets the option", notice_is_heeded },
    { NULL, NULL }
};

const struct mpipe__suite suite_resume = { "resume", tests };
