/* SPDX-License-Identifier: BSD-3-Clause */
/* campaign_job.c - the program that the fault campaign starts: a random job.
 *
 *      campaign_job FOLDER [OPTION...]
 *
 * FOLDER has the page with the job, the lines if it reads any, and gets "out" and
 * "failed" (a second time: "out2"): a line for each result and for each item that
 * has failed.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <mpipe.h>
#include "campaign_case.h"
#include "random.h"

#define ENVELOPE sizeof(uint64_t)       /* the root's number, before an item */

static struct campaign_page *page;
static const struct campaign_case *job;
static const char *folder;
static struct mpipe *mp;
static uint64_t chance;                 /* of this rank alone */

struct state {                  /* of one stage on one rank */
    unsigned s;
    int rank;
    bool made;
};

struct feed {
    uint64_t fed;
    char *item;
};

static void wrong(const char *what)
{
    if (page->n_wrong++ == 0)
        snprintf(page->wrong, sizeof page->wrong, "rank %d: %s", mpipe_rank(mp),
                 what);
}

/* ---- dying ---- */

static void die(enum campaign_how how)
{
    static const int number[] = { SIGKILL, SIGSEGV, SIGABRT };

    if (how == CAMPAIGN_EXIT)
        _exit(3);
    signal(number[how], SIG_DFL);       /* not MPI's long story */
    raise(number[how]);
}

/* The n-th call on this rank, from 0: it may be slow. */
static void maybe_sleep(uint64_t n)
{
    struct timespec left = { (time_t)(job->slow_ns / 1000000000),
                             (long)(job->slow_ns % 1000000000) };

    if ((unsigned)mpipe_rank(mp) == job->slow_rank && n >= job->slow_after
        && n < job->slow_after + job->slow_calls)
        nanosleep(&left, NULL);
}

/* One more call of a stage; perhaps the last of this rank. */
static void count_call(void)
{
    static uint64_t mine;
    uint64_t call = ++page->calls;

    maybe_sleep(mine++);

    for (unsigned i = 0; i < CAMPAIGN_DEATHS_MOST; i++)
        if (page->die_at[i] == call && mpipe_rank(mp) > 0) {
            page->n_own++;
            die((enum campaign_how)page->die_how[i]);
        }
}

/* Rank 0 need not survive it: the job would be lost. */
static void maybe_poison(unsigned s, uint64_t root)
{
    if (!campaign_case_poison(job, s, root))
        return;
    if (mpipe_rank(mp) == 0) {
        page->spared++;
        return;
    }
    page->n_poison++;
    raise(SIGKILL);
}

/* Sleep, or work where it would not be worth it. */
static void take_time(uint64_t most)
{
    uint64_t ns = most > 0 ? mpipe__random_to(&chance, most) : 0;
    struct timespec from, now = { 0, (long)ns };

    if (ns > 50000) {
        nanosleep(&now, NULL);
        return;
    }
    for (clock_gettime(CLOCK_MONOTONIC, &from); ns > 0;) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((uint64_t)((now.tv_sec - from.tv_sec) * 1000000000
                       + now.tv_nsec - from.tv_nsec) >= ns)
            return;
    }
}

/* ---- stages ---- */

static uint64_t root_of(const void *data)
{
    uint64_t root;

    memcpy(&root, data, sizeof root);
    return root;
}

static bool fails_now(const struct mpipe__step *step, uint64_t root,
                      const void *data, size_t size)
{
    uint64_t key;

    if (!mpipe__step_fails(step, data, size))
        return false;
    if (step->fails == MPIPE__EVER)
        return true;
    key = mpipe__step_key(step, data, size) ^ root * 0x9e3779b97f4a7c15u;
    return page->tries[(key ^ key >> 32) % CAMPAIGN_TRIES]++ < step->fails;
}

static void begin_call(struct state *st, const void *data, size_t size,
                       struct mpipe_out *out)
{
    if (size < ENVELOPE || (uintptr_t)data % 8 != 0)
        wrong("an item is too short, or not aligned");
    if (!st->made || st->rank != mpipe_out_rank(out))
        wrong("a stage has not the state of its rank");
    count_call();
    maybe_poison(st->s, root_of(data));
    take_time(job->step[st->s].takes_ns);
}

static enum mpipe_err emit(const struct mpipe__step *step, uint64_t root,
                           const void *data, size_t size, unsigned n,
                           struct mpipe_out *out)
{
    size_t most = ENVELOPE + mpipe__step_most(step, size);
    char *to = step->reserves ? mpipe_reserve(out, most) : malloc(most);
    enum mpipe_err e;

    if (to == NULL)
        return MPIPE_ENOMEM;
    memcpy(to, &root, ENVELOPE);
    size = ENVELOPE + mpipe__step_item(step, data, size, n, to + ENVELOPE);
    if (step->reserves)
        return mpipe_commit(out, size);
    e = mpipe_emit(out, to, size);
    free(to);
    return e;
}

static enum mpipe_err run_stage(const struct mpipe_item *in,
                                struct mpipe_out *out, void *arg)
{
    struct state *st = arg;
    const struct mpipe__step *step = &job->step[st->s];
    const char *data = (const char *)in->data + ENVELOPE;
    size_t size = in->size - ENVELOPE;
    uint64_t root = root_of(in->data);
    unsigned n = mpipe__step_count(step, data, size);
    enum mpipe_err e = MPIPE_OK;
    bool fails;

    begin_call(st, in->data, in->size, out);
    fails = fails_now(step, root, data, size);
    for (unsigned i = 0; i < n && (!fails || step->late) && e == MPIPE_OK; i++)
        e = emit(step, root, data, size, i, out);
    if (e != MPIPE_OK)
        return e;
    return fails ? mpipe_fail(out, "as asked") : MPIPE_OK;
}

static enum mpipe_err map_stage(void *data, size_t size,
                                struct mpipe_out *out, void *arg)
{
    struct state *st = arg;
    const struct mpipe__step *step = &job->step[st->s];
    char *item = (char *)data + ENVELOPE;

    begin_call(st, data, size, out);
    if (fails_now(step, root_of(data), item, size - ENVELOPE))
        return mpipe_fail(out, "as asked");
    mpipe__step_map(step, item, size - ENVELOPE);
    return MPIPE_OK;
}

static enum mpipe_err set_up(void *arg, struct mpipe_out *out, void **state)
{
    struct state *st = malloc(sizeof *st);

    if (st == NULL)
        return mpipe_fail(out, "no memory");
    *st = *(struct state *)arg;
    st->rank = mpipe_out_rank(out);
    st->made = true;
    *state = st;
    return MPIPE_OK;
}

static void tear_down(void *state, struct mpipe_out *out)
{
    struct state *st = state;

    if (!st->made || st->rank != mpipe_out_rank(out))
        wrong("a state was torn down on another rank");
    st->made = false;
    free(st);
}

/* The first stage, where what is fed is not the item itself. */
static uint64_t root_fed(const struct mpipe_item *in)
{
    struct mpipe_range range;
    char text[24] = "";

    switch (job->source) {
    case CAMPAIGN_RANGE:
        return root_of(in->data);
    case CAMPAIGN_RANGES:
        memcpy(&range, in->data, sizeof range);
        return (uint64_t)range.first / job->per_root;
    case CAMPAIGN_LINES:
        memcpy(text, in->data, in->size < 23 ? in->size : 23);
        return strtoull(text, NULL, 10);
    default:
        return root_of(in->data);
    }
}

static enum mpipe_err open_stage(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *arg)
{
    uint64_t root = root_fed(in), first, last;
    enum mpipe_err e = MPIPE_OK;
    char *to;

    (void)arg;
    campaign_case_root(job, root, &first, &last);
    for (uint64_t i = first; i <= last && e == MPIPE_OK; i++) {
        to = mpipe_reserve(out, ENVELOPE + MPIPE__ITEM_MAX);
        if (to == NULL)
            return MPIPE_ENOMEM;
        memcpy(to, &root, ENVELOPE);
        e = mpipe_commit(out, ENVELOPE + mpipe__item_make(
                         job->number, i, job->fixed, to + ENVELOPE));
    }
    return e;
}

/* A line of "out": root, size, hash. */
static int line_of(const struct mpipe_item *result, char line[80])
{
    size_t size = result->size - ENVELOPE;

    return snprintf(line, 80, "%" PRIu64 " %zu %016" PRIx64,
                    root_of(result->data), size, mpipe__bytes_hash(
                        (const char *)result->data + ENVELOPE, size));
}

/* The last stage, where the library writes the results. */
static enum mpipe_err line_stage(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *arg)
{
    char line[80];

    (void)arg;
    return mpipe_emit(out, line, (size_t)line_of(in, line));
}

/* ---- rank 0 ---- */

static FILE *output, *failures;

/* Each run prints all of it.  (Of pipelines the failures of all runs are kept.) */
static FILE *open_output(const char *name, unsigned round, const char *mode)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s%s", folder, name, round > 0 ? "2" : "");
    file = fopen(path, mode);
    if (file == NULL) {
        perror(path);
        abort();
    }
    return file;
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    char line[80];

    (void)arg;
    line_of(result, line);
    return fprintf(output, "%s\n", line) > 0 ? MPIPE_OK : MPIPE_EIO;
}

/* What "failed" has: root, step, size, hash; or the root and "died". */
static void on_failure(const struct mpipe_failure *f, void *arg)
{
    const char *data = f->item.data;

    (void)arg;
    if (strstr(f->text, "died over it") != NULL) {
        fprintf(failures, "%" PRIu64 " died\n", root_fed(&f->item));
        return;
    }
    if (strcmp(f->text, "as asked") != 0)
        wrong(f->text);
    if (f->tries != job->max_retries + 1)
        wrong("an item was not tried as often as it should be");
    fprintf(failures, "%" PRIu64 " %u %zu %016" PRIx64 "\n", root_of(data),
            (unsigned)(f->stage[0] - 'a'), f->item.size - ENVELOPE,
            mpipe__bytes_hash(data + ENVELOPE, f->item.size - ENVELOPE));
}

static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct feed *feed = arg;

    if (mpipe__random_to(&chance, 20) == 0)
        return MPIPE_AGAIN;
    for (uint64_t burst = mpipe__random_to(&chance, 30);
         burst > 0 && feed->fed < job->n_roots; burst--) {
        size_t size;
        memcpy(feed->item, &feed->fed, ENVELOPE);
        size = mpipe__item_make(job->number, feed->fed, job->fixed,
                                feed->item + ENVELOPE);
        if (mpipe_emit(out, feed->item, ENVELOPE + size) != MPIPE_OK)
            return MPIPE_OK;            /* it is kept for us */
        feed->fed++;
    }
    return feed->fed == job->n_roots ? MPIPE_END : MPIPE_OK;
}

static void check_empty(struct mpipe_pipeline *pl, uint64_t fed)
{
    struct mpipe_counts n;

    if (mpipe_pipeline_wait_empty(pl) != MPIPE_OK)
        return;
    mpipe_pipeline_counts(pl, &n);
    if (n.fed != fed || n.fed + n.made != n.delivered + n.dropped + n.failed)
        wrong("the account of an empty pipeline");
}

static enum mpipe_err push(struct mpipe_pipeline *pl, struct feed *feed)
{
    enum mpipe_err e = MPIPE_OK;

    while (e == MPIPE_OK && feed->fed < job->n_roots) {
        /* at the same places in each run, as a journal wants it */
        uint64_t place = job->number ^ (feed->fed + 1) * 0x9e3779b97f4a7c15u;
        size_t size;

        memcpy(feed->item, &feed->fed, ENVELOPE);
        size = mpipe__item_make(job->number, feed->fed, job->fixed,
                                feed->item + ENVELOPE);
        e = mpipe_pipeline_feed(pl, feed->item, ENVELOPE + size);
        feed->fed += e == MPIPE_OK;
        switch (mpipe__random_to(&place, 1000)) {
        case 0: case 1: case 2: case 3:
            mpipe_pipeline_wait_input(pl);
            break;
        case 4:
            check_empty(pl, feed->fed);
            break;
        case 5:
            if (mpipe_pipeline_pause(pl) == MPIPE_OK)
                mpipe_pipeline_resume(pl);
            break;
        default:
            break;
        }
    }
    return e;
}

/* ---- a pipeline ---- */

static void describe_source(struct mpipe_pipeline *pl, struct feed *feed)
{
    static char path[4096];
    static const char *const paths[] = { path };
    int64_t last = (int64_t)job->n_items - 1;

    snprintf(path, sizeof path, "%s/lines", folder);
    switch (job->source) {
    case CAMPAIGN_PULLED:
        mpipe_pipeline_source(pl, source, feed);
        break;
    case CAMPAIGN_RANGE:
        mpipe_source_range(pl, 0, last);
        break;
    case CAMPAIGN_RANGES:
        mpipe_source_ranges(pl, 0, last, job->per_root);
        break;
    case CAMPAIGN_LINES:
        mpipe_source_lines(pl, paths, 1);
        break;
    default:
        break;
    }
    if (job->counted)
        mpipe_pipeline_count(pl, job->n_roots);
}

static void describe(struct mpipe_pipeline *pl, struct feed *feed,
                     struct state *proto, unsigned round)
{
    char path[4096];

    describe_source(pl, feed);
    if (job->source >= CAMPAIGN_RANGE)
        mpipe_pipeline_stage(pl, "open", open_stage, NULL);
    for (unsigned s = 0; s < job->n_steps; s++) {
        char name[2] = { (char)('a' + s), '\0' };
        struct mpipe_stage stage = {
            .name = name, .init = set_up, .fini = tear_down, .arg = &proto[s],
            .work = job->step[s].work
        };

        proto[s] = (struct state){ s, -1, false };
        if (job->step[s].kind == MPIPE__STEP_MAP)
            stage.map = map_stage;
        else
            stage.run = run_stage;
        mpipe_pipeline_add(pl, &stage);
    }
    if (job->file_sink) {
        mpipe_pipeline_stage(pl, "line", line_stage, NULL);
        snprintf(path, sizeof path, "%s/out%s", folder, round > 0 ? "2" : "");
        mpipe_sink_file(pl, path, "\n");
    } else {
        mpipe_pipeline_sink(pl, sink, NULL);
    }
    mpipe_pipeline_on_failure(pl, on_failure, NULL);
    mpipe_pipeline_ordered(pl, job->ordered);
}

static enum mpipe_err run_pipeline(unsigned round)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    struct state proto[MPIPE__STEPS_MAX];
    struct feed feed = { 0, malloc(ENVELOPE + MPIPE__ITEM_MAX) };
    enum mpipe_err e;

    if (feed.item == NULL)
        abort();
    describe(pl, &feed, proto, round);
    if (job->source == CAMPAIGN_PUSHED) {
        e = mpipe_pipeline_start(pl);
        if (mpipe_rank(mp) == 0 && e == MPIPE_OK)
            push(pl, &feed);
        e = mpipe_pipeline_end(pl);
    } else {
        e = mpipe_pipeline_run(pl);
    }
    mpipe_pipeline_free(pl);
    free(feed.item);
    return e;
}

/* ---- a map-reduce job ---- */

static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out,
                          void *arg)
{
    uint64_t item = root_of(in->data), value[4];
    char key[CAMPAIGN_KEY_MOST];
    enum mpipe_err e = MPIPE_OK;

    (void)arg;
    count_call();
    take_time(job->takes_ns);
    maybe_poison(0, item);
    if (job->kind == CAMPAIGN_FOLD) {
        campaign_fold_item(job, item, value);
        e = mpipe_emit(out, value, sizeof value);
    } else {
        for (unsigned i = 0; i < campaign_map_pairs(job, item)
                             && e == MPIPE_OK; i++) {
            size_t size = campaign_map_pair(job, item, i, key, value);
            e = mpipe_emit_pair(out, key, size, value,
                                job->job.combines ? 8 : 16);
        }
    }
    if (e == MPIPE_OK && campaign_map_fails(job, item))
        return mpipe_fail(out, "as asked");
    return e;
}

static void fold(void *acc, const void *value, size_t size, void *arg)
{
    (void)size, (void)arg;
    campaign_fold(job, acc, value);
}

static enum mpipe_err reduce(const struct mpipe_item *key,
                             struct mpipe_values *values,
                             struct mpipe_out *out, void *arg)
{
    struct mpipe_item value;
    uint64_t n = 0, digest = 0;
    char line[120];

    (void)arg;
    for (; mpipe_values_next(values, &value); n++)
        digest = campaign_digest(digest, value.data, value.size);
    return mpipe_emit(out, line, (size_t)snprintf(
        line, sizeof line, "%.*s %" PRIu64 " %016" PRIx64, (int)key->size,
        (const char *)key->data, n, digest));
}

static enum mpipe_err done(const struct mpipe_item *result, void *arg)
{
    struct mpipe_pair pair = { .key = { "fold", 4 }, .value = *result };
    int n;

    (void)arg;
    if (job->kind == CAMPAIGN_KEYED && job->job.reduces)
        n = fprintf(output, "%.*s\n", (int)result->size,
                    (const char *)result->data);
    else if (job->kind == CAMPAIGN_KEYED
             && mpipe_pair_parse(result, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    else
        n = fprintf(output, "%.*s 1 %016" PRIx64 "\n", (int)pair.key.size,
                    (const char *)pair.key.data,
                    campaign_digest(0, pair.value.data, pair.value.size));
    return n > 0 ? MPIPE_OK : MPIPE_EIO;
}

static void map_failed(const struct mpipe_failure *f, void *arg)
{
    bool died = strstr(f->text, "died over it") != NULL;

    (void)arg;
    if (!died && strcmp(f->text, "as asked") != 0)
        wrong(f->text);
    fprintf(failures, "%" PRIu64 "%s\n", root_of(f->item.data),
            died ? " died" : "");
}

static enum mpipe_err run_job(void)
{
    char parts[4096];
    struct mpipe_job words = {
        .name = "campaign", .map = map, .done = done, .failed = map_failed,
        .sort = (enum mpipe_sort)job->job.sort,
        .partitions = job->job.partitions
    };
    struct mpipe_mapreduce *mr;
    enum mpipe_err e;

    snprintf(parts, sizeof parts, "%s/parts", folder);
    if (job->kind == CAMPAIGN_FOLD) {
        words.fold = fold;
        words.ordered = job->job.ordered;
        words.sort = MPIPE_UNSORTED;
        words.partitions = 0;
    } else {
        words.combine = job->job.combines ? mpipe_sum_u64 : NULL;
        words.reduce = job->job.reduces ? reduce : NULL;
        words.parts = job->job.parts ? parts : NULL;
        words.done = job->job.parts ? NULL : done;
    }
    mr = mpipe_mapreduce_new(mp, &words);
    mpipe_source_range(mpipe_mapreduce_input(mr), 0,
                       (int64_t)job->n_items - 1);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

/* ---- a rank ---- */

static void map_page(void)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof path, "%s/page", folder);
    fd = open(path, O_RDWR | O_CLOEXEC);
    page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE,
                                      MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        perror(path);
        exit(2);
    }
    close(fd);
    job = &page->job;
}

static enum mpipe_err run_round(unsigned round)
{
    enum mpipe_err e;

    if (mpipe_rank(mp) == 0) {
        failures = open_output("failed", round, job->kind == CAMPAIGN_PIPELINE
                               ? "a" : "w");
        output = job->file_sink ? NULL : open_output("out", round, "w");
    }
    e = job->kind == CAMPAIGN_PIPELINE ? run_pipeline(round) : run_job();
    if (failures != NULL)
        fclose(failures);
    if (output != NULL)
        fclose(output);
    failures = output = NULL;
    return e;
}

int main(int argc, char **argv)
{
    enum mpipe_err e = MPIPE_OK;
    struct timespec now;

    mp = mpipe_init(&argc, &argv);
    if (argc != 2)
        return mpipe_finalize(mp, mpipe_usage(mp, "campaign_job FOLDER"));
    folder = argv[1];
    map_page();
    page->pid[mpipe_rank(mp)] = (int)getpid();
    page->n_up++;
    clock_gettime(CLOCK_MONOTONIC, &now);
    chance = (uint64_t)now.tv_nsec ^ (uint64_t)getpid();
    for (unsigned i = 0; i < job->rounds
                         && (e == MPIPE_OK || e == MPIPE_EFAILED); i++) {
        enum mpipe_err its = run_round(i);
        e = e == MPIPE_EFAILED && its == MPIPE_OK ? e : its;
    }
    page->n_down++;
    return mpipe_finalize(mp, e);
}
