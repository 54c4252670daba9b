/* SPDX-License-Identifier: BSD-3-Clause */
/* Deaths in map-reduce jobs, at every point of the protocol.
 *
 * Small jobs of each kind are run once to count the messages of each rank, and then
 * again for each of them with the rank dying just before it: what comes must be
 * exactly what comes when nobody dies.  Then two at once, all but rank 0, and
 * functions of the job that kill their ranks or do not do twice the same.
 *
 * MPIPE_TEST_STRIDE=N takes each N-th of these points only, for valgrind.
 */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "interrupt.h"
#include "link.h"
#include "partition.h"
#include "suite.h"
#include "world.h"

#define FOREVER ((uint64_t)1 << 60)
#define KEYS    200u
#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

enum shape { KEYED, FOLD, CHAIN, CHAIN_3, CHAIN_FOLD };

struct kind {
    const char *name, *options;
    enum shape shape;
    int size;
    int64_t items;
    unsigned pairs, keys;       /* of an item; different ones */
    uint32_t partitions;
    enum mpipe_sort sort;
    bool combines, fails, files;
    unsigned step, two;         /* of the points that are tried; 0: none */
    size_t ballast;             /* of some results: so large that others overtake
                                   them */
};

static const struct kind kinds[] = {
    { "counts", "", KEYED, 4, 60, 3, 20, 0, MPIPE_UNSORTED, true, false,
      false, 1, 7, 0 },
    { "values in order", "", KEYED, 4, 40, 2, 9, 5, MPIPE_SORT_PARTS, false,
      false, false, 2, 11, 0 },
    { "sorted", "", KEYED, 4, 60, 2, 50, 0, MPIPE_SORT_ALL, false, false,
      false, 2, 13, 0 },
    { "items and keys that fail", "--max-retries=1", KEYED, 4, 40, 3, 30, 4,
      MPIPE_SORT_PARTS, false, true, false, 1, 11, 0 },
    { "on disk", "--memory=64K --frame=1K", KEYED, 3, 300, 20, 150, 3,
      MPIPE_UNSORTED, false, false, false, 5, 0, 0 },
    { "two ranks", "", KEYED, 2, 40, 3, 20, 2, MPIPE_UNSORTED, true, false,
      false, 1, 0, 0 },
    { "a spare", "--spares=1", KEYED, 4, 40, 3, 20, 0, MPIPE_UNSORTED, true,
      false, false, 2, 11, 0 },
    { "small windows", "--frame=1K --credits=1", KEYED, 3, 60, 20, 100, 4,
      MPIPE_SORT_ALL, false, false, false, 3, 0, 0 },
    { "part files", "", KEYED, 4, 60, 3, 40, 5, MPIPE_SORT_PARTS, true, true,
      true, 3, 17, 0 },
    { "part files of many tokens", "", KEYED, 3, 100, 400, 200, 1,
      MPIPE_SORT_PARTS, false, true, true, 1, 0, 0 },
    { "many tokens", "", KEYED, 3, 100, 800, 200, 2, MPIPE_SORT_ALL, false,
      true, false, 23, 0, 0 },
    { "many tokens, unsorted", "", KEYED, 3, 100, 800, 200, 2, MPIPE_UNSORTED,
      false, true, false, 31, 0, 0 },
    { "results that overtake others", "--window=1M --frame=1K", KEYED, 4, 100,
      600, 200, 3, MPIPE_UNSORTED, false, false, false, 13, 0, 300000 },
    { "one key that fails, the third", "", KEYED, 3, 3, 20000, 9, 1,
      MPIPE_SORT_PARTS, false, true, false, 1, 0, 0 },
    { "in a square", "--direct=0", KEYED, 7, 60, 3, 40, 12, MPIPE_UNSORTED,
      true, false, false, 7, 31, 0 },
    { "in a square, with small windows", "--direct=0 --frame=1K --credits=1",
      KEYED, 6, 60, 20, 100, 9, MPIPE_SORT_PARTS, false, true, false, 17, 0, 0 },
    { "a fold in groups", "--direct=0", FOLD, 19, 60, 1, 0, 0, MPIPE_UNSORTED,
      false, false, false, 29, 0, 0 },
    { "a fold", "", FOLD, 4, 60, 1, 0, 0, MPIPE_UNSORTED, false, true, false,
      1, 7, 0 },
    { "a fold over a tree", "", FOLD, 19, 60, 1, 0, 0, MPIPE_UNSORTED, false,
      false, false, 13, 0, 0 },
    { "a chain", "", CHAIN, 4, 60, 1, 30, 0, MPIPE_UNSORTED, true, true,
      false, 1, 13, 0 },
    { "a chain of three", "", CHAIN_3, 3, 60, 1, 30, 3, MPIPE_UNSORTED, false,
      true, false, 2, 17, 0 },
    { "a chain that ends in a fold", "", CHAIN_FOLD, 4, 60, 1, 30, 0,
      MPIPE_UNSORTED, false, false, false, 2, 13, 0 },
};

struct found {
    uint64_t times, digest, failed;
};

struct run {
    const struct kind *kind;
    struct found key[KEYS];
    uint64_t failed_items, n_wrong, n_init, n_fini;
    int64_t last, last_of[KEYS];    /* in all, in each partition */
    unsigned again;             /* map fails from its n-th call on; 0: never */
    unsigned calls, reduced;
    bool slow;                  /* map is */
    bool stops;                 /* a signal comes with the first key */
    unsigned changes;           /* map leaves keys out from its n-th call on */
    int64_t poison_item;        /* kill the rank they come to; -1: none does */
    int64_t poison_key;
    char folder[64];
    struct mpipe *mp[MPIPE__WORLD_MAX];
};

/* ---- what the job does; and what should come of it ---- */

static int64_t key_of(const struct kind *k, int64_t item, unsigned i)
{
    return (item * 7 + i * 3) % k->keys;
}

static bool item_fails(const struct kind *k, int64_t item)
{
    return k->fails && item % 17 == 3;
}

static bool key_fails(const struct kind *k, int64_t key)
{
    return k->fails && key % 7 == 2;
}

/* Numbers as text of one length, so that they sort as they do. */
static void show_key(char to[9], int64_t key)
{
    snprintf(to, 9, "k%07d", (int)key);
}

static int64_t read_key(const struct mpipe_item *key)
{
    char text[9] = "";

    memcpy(text, key->data, key->size < 8 ? key->size : 8);
    return atoi(text + 1);
}

static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out,
                          void *arg)
{
    struct run *run = arg;
    const struct kind *k = run->kind;
    int64_t item = *(const int64_t *)in->data;

    run->calls++;
    if (run->slow)
        mpipe__world_pass(100000000);
    if (item == run->poison_item)
        mpipe__world_die(run->mp[mpipe_out_rank(out)]);
    if (run->again > 0 && run->calls > run->again)
        return mpipe_fail(out, "not this time");
    for (unsigned i = 0; i < k->pairs; i++) {
        char key[9];
        int64_t n = key_of(k, item, i);

        if (run->changes > 0 && run->calls > run->changes && n > 5)
            continue;
        show_key(key, n);
        if (item_fails(k, item) && i == k->pairs / 2)
            return mpipe_fail(out, "as asked");
        mpipe_emit_pair(out, key, 8, &item, sizeof item);
    }
    return MPIPE_OK;
}

static uint64_t add_to(const struct kind *k, uint64_t digest, uint64_t value)
{
    return k->combines ? digest + value : digest * 31 + value;
}

static enum mpipe_err reduce(const struct mpipe_item *key,
                             struct mpipe_values *values,
                             struct mpipe_out *out, void *arg)
{
    struct run *run = arg;
    struct mpipe_item v;
    uint64_t digest = 0;
    char text[80];

    run->reduced++;
    if (run->stops && run->reduced == 1)
        raise(SIGTERM);
    if (read_key(key) == run->poison_key)
        mpipe__world_die(run->mp[mpipe_out_rank(out)]);
    while (mpipe_values_next(values, &v))
        digest = add_to(run->kind, digest, *(const uint64_t *)v.data);
    if (run->kind->ballast > 0 && read_key(key) % 19 == 0) {
        char *value = calloc(1, run->kind->ballast);
        memcpy(value, &digest, sizeof digest);
        mpipe_emit_pair(out, key->data, key->size, value, run->kind->ballast);
        free(value);
    } else if (!run->kind->files) {
        mpipe_emit_pair(out, key->data, key->size, &digest, sizeof digest);
    } else {
        int size = snprintf(text, sizeof text, "%d %" PRIu64,
                            (int)read_key(key), digest);
        mpipe_emit(out, text, (size_t)size);
    }
    return key_fails(run->kind, read_key(key)) ? mpipe_fail(out, "this key")
                                               : MPIPE_OK;
}

static void found(struct run *run, int64_t key, uint64_t digest)
{
    if (key < 0 || key >= KEYS) {
        run->n_wrong++;
        return;
    }
    run->key[key].times++;
    run->key[key].digest = digest;
    run->n_wrong += run->kind->sort == MPIPE_SORT_ALL && key < run->last;
    run->last = key;
}

/* Where deaths are noticed the keys of a partition come in order, asked for or not,
 * or it would not be known where to go on. */
static void check_order(struct run *run, const struct mpipe_item *key)
{
    const struct kind *k = run->kind;
    int64_t *last;

    if (k->size == 1 || k->shape != KEYED || k->partitions == 0
        || k->sort == MPIPE_SORT_ALL)
        return;
    last = &run->last_of[mpipe__part_by_hash(key->data, key->size,
                                             k->partitions, NULL)];
    run->n_wrong += read_key(key) < *last;
    *last = read_key(key);
}

static enum mpipe_err done(const struct mpipe_item *result, void *arg)
{
    struct mpipe_pair pair;

    if (mpipe_pair_parse(result, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    check_order(arg, &pair.key);
    found(arg, read_key(&pair.key), *(const uint64_t *)pair.value.data);
    return MPIPE_OK;
}

static void failed(const struct mpipe_failure *failure, void *arg)
{
    struct run *run = arg;

    if (strcmp(failure->stage, "map") == 0)
        run->failed_items++;
    else
        run->key[read_key(&failure->item) % KEYS].failed++;
}

static enum mpipe_err init(void *arg, struct mpipe_out *out, void **state)
{
    (void)out;
    ((struct run *)arg)->n_init++;
    *state = arg;
    return MPIPE_OK;
}

static void fini(void *state, struct mpipe_out *out)
{
    (void)out;
    ((struct run *)state)->n_fini++;
}

/* A fold: the sum of the items. */
static enum mpipe_err fold_map(const struct mpipe_item *in,
                               struct mpipe_out *out, void *arg)
{
    struct run *run = arg;
    int64_t item = *(const int64_t *)in->data;

    mpipe_emit(out, in->data, in->size);
    return item_fails(run->kind, item) ? mpipe_fail(out, "as asked")
                                       : MPIPE_OK;
}

static enum mpipe_err fold_done(const struct mpipe_item *result, void *arg)
{
    found(arg, 0, *(const uint64_t *)result->data);
    return MPIPE_OK;
}

/* In a chain: a pair of the first job becomes one of the second, with one of 5
 * keys; and the whole sum at last. */
static enum mpipe_err second_map(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *arg)
{
    const struct run *run = arg;
    struct mpipe_pair pair;
    uint64_t digest;
    char key[9];

    if (mpipe_pair_parse(in, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    memcpy(&digest, pair.value.data, sizeof digest);
    show_key(key, read_key(&pair.key) % 5);
    mpipe_emit_pair(out, key, 8, &digest, sizeof digest);
    return key_fails(run->kind, read_key(&pair.key) + 1)
           ? mpipe_fail(out, "in the second map") : MPIPE_OK;
}

static enum mpipe_err sum_up(const struct mpipe_item *key,
                             struct mpipe_values *values,
                             struct mpipe_out *out, void *arg)
{
    struct mpipe_item v;
    uint64_t sum = 0;

    (void)arg;
    while (mpipe_values_next(values, &v))
        sum += *(const uint64_t *)v.data;
    return mpipe_emit_pair(out, key->data, key->size, &sum, sizeof sum);
}

static enum mpipe_err same_key(const struct mpipe_item *in,
                               struct mpipe_out *out, void *arg)
{
    struct mpipe_pair pair;

    (void)arg;
    if (mpipe_pair_parse(in, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    return mpipe_emit_pair(out, pair.key.data, pair.key.size, pair.value.data,
                           pair.value.size);
}

static enum mpipe_err only_value(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *arg)
{
    struct mpipe_pair pair;

    (void)arg;
    if (mpipe_pair_parse(in, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    return mpipe_emit(out, pair.value.data, pair.value.size);
}

static enum mpipe_err program(struct mpipe *mp, int rank, void *arg)
{
    struct run *run = arg;
    const struct kind *k = run->kind;
    bool folds = k->shape == FOLD;
    struct mpipe_job job[3] = {
        { .name = "first", .arg = run, .init = init, .fini = fini,
          .map = folds ? fold_map : map, .failed = failed,
          .combine = k->combines ? mpipe_sum_u64 : NULL,
          .fold = folds ? mpipe_sum_u64 : NULL,
          .reduce = folds ? NULL : reduce, .partitions = k->partitions,
          .sort = k->sort, .done = folds ? fold_done : k->files ? NULL : done,
          .parts = k->files ? run->folder : NULL },
        { .name = "second", .arg = run, .map = second_map, .reduce = sum_up,
          .init = init, .fini = fini, .failed = failed, .partitions = 3,
          .sort = MPIPE_SORT_PARTS, .done = done },
        { .name = "third", .arg = run, .map = same_key, .reduce = sum_up,
          .failed = failed, .done = done }
    };
    struct mpipe_mapreduce *mr[3];
    enum mpipe_err e;
    int n = k->shape == CHAIN_3 ? 3 : k->shape >= CHAIN ? 2 : 1;

    run->mp[rank] = mp;
    if (k->shape == CHAIN_FOLD) {
        job[1].map = only_value;
        job[1].reduce = NULL;
        job[1].fold = mpipe_sum_u64;
        job[1].sort = MPIPE_UNSORTED;
        job[1].done = fold_done;
    }
    for (int i = 0; i < n; i++)
        mr[i] = mpipe_mapreduce_new(mp, &job[i]);
    for (int i = n - 1; i > 0; i--)
        mpipe_mapreduce_then(mr[i - 1], mr[i]);
    mpipe_source_range(mpipe_mapreduce_input(mr[0]), 0, k->items - 1);
    e = mpipe_mapreduce_run(mr[0]);
    for (int i = 0; i < n; i++)
        mpipe_mapreduce_free(mr[i]);
    return e;
}

/* What must come, with 'failed' as how often the key must be told; 'poison' is a key
 * that fails since ranks die over it, or -1. */
static bool reference(const struct kind *k, int64_t poison, struct found *want,
                      uint64_t *failed_items)
{
    struct found first[KEYS] = { { 0, 0, 0 } };
    bool any = false;

    for (int64_t item = 0; item < k->items; item++) {
        if (item_fails(k, item)) {
            ++*failed_items;
            any = true;
            continue;
        }
        if (k->shape == FOLD)
            want[0].digest += (uint64_t)item;
        for (unsigned i = 0; i < k->pairs && k->shape != FOLD; i++) {
            struct found *f = &first[key_of(k, item, i)];
            f->times = 1;
            f->digest = add_to(k, f->digest, (uint64_t)item);
        }
    }
    if (k->shape == FOLD)
        want[0].times = 1;
    for (int64_t key = 0; key < (int64_t)k->keys; key++) {
        struct found *f = k->shape == KEYED ? &want[key]
                          : k->shape == CHAIN_FOLD ? &want[0]
                                                   : &want[key % 5];

        if (first[key].times == 0)
            continue;
        if (key_fails(k, key) || key == poison
            || (k->shape != KEYED && key_fails(k, key + 1))) {
            want[key].failed = 1;
            any = true;
            continue;
        }
        f->times = 1;
        f->digest += first[key].digest;
    }
    return any;
}

/* "KEY DIGEST" lines of all part files, and nothing else. */
static void read_files(struct run *run)
{
    DIR *dir = opendir(run->folder);
    const struct dirent *entry;
    uint32_t n = 0;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char path[400];
        uint64_t digest;
        FILE *file;
        int key;

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", run->folder, entry->d_name);
        run->n_wrong += strncmp(entry->d_name, "part-", 5) != 0;
        file = fopen(path, "r");
        run->last = -1;
        while (file != NULL && fscanf(file, "%d %" SCNu64, &key, &digest) == 2)
            found(run, key, digest);
        if (file != NULL)
            fclose(file);
        unlink(path);
        n++;
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(run->folder);
    run->n_wrong += n != run->kind->partitions;
}

static struct run *new_run(const struct kind *kind)
{
    struct run *run = calloc(1, sizeof *run);

    run->kind = kind;
    run->last = run->poison_item = run->poison_key = -1;
    snprintf(run->folder, sizeof run->folder, "job_deaths.%d", (int)getpid());
    return run;
}

static bool is_right(struct run *run, const struct mpipe__world_end *end)
{
    const struct kind *kind = run->kind;
    struct found want[KEYS] = { { 0, 0, 0 } };
    uint64_t failed_items = 0;
    int code = reference(kind, run->poison_key, want, &failed_items);

    if (kind->files)
        read_files(run);
    for (unsigned key = 0; key < KEYS; key++)
        run->n_wrong += memcmp(&want[key], &run->key[key], sizeof *want) != 0;
    run->n_wrong += failed_items != run->failed_items;
    run->n_wrong += run->n_init != run->n_fini && !end->died[0];
    for (int r = 0; r < kind->size; r++)
        run->n_wrong += end->code[r] != code
                        && !((end->died[r] || end->died[0])
                             && end->code[r] == -MPIPE_EDEAD);
    return run->n_wrong == 0;
}

/* ---- deaths ---- */

static bool survives(const struct kind *kind, const uint64_t *kill_nth,
                     struct mpipe__world_end *end)
{
    struct run *run = new_run(kind);
    char options[200];
    struct mpipe__world world = { .size = kind->size, .options = options };
    bool ok;

    snprintf(options, sizeof options, "--log-level=error %s", kind->options);
    memcpy(world.kill_nth, kill_nth, sizeof world.kill_nth);
    world.seed = 1;
    for (int r = 1; r < kind->size; r++)
        world.seed = world.seed * 31 + (kill_nth[r] & 0xffff);
    ok = mpipe__world_run(&world, program, run, end) && is_right(run, end);
    if (!ok) {
        fprintf(stderr, "job_deaths: %s: %" PRIu64 " wrong, code %d %s;",
                kind->name, run->n_wrong, end->code[0], end->error[0].text);
        for (int r = 1; r < kind->size; r++)
            if (kill_nth[r] > 0 && kill_nth[r] != FOREVER)
                fprintf(stderr, " rank %d at %" PRIu64, r, kill_nth[r]);
        fprintf(stderr, "\n");
    }
    free(run);
    return ok;
}

/* How many messages the rank sends where nobody dies. */
static uint64_t messages(const struct kind *kind, int rank)
{
    uint64_t kill_nth[MPIPE__WORLD_MAX] = { 0 };
    struct mpipe__world_end end;

    kill_nth[rank] = FOREVER;
    CU_ASSERT(survives(kind, kill_nth, &end));
    CU_ASSERT(end.sent[rank] > 2);
    return end.sent[rank];
}

static void one_dies(void)
{
    struct mpipe__world_end end;
    unsigned n = 0, died = 0, failed = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (int r = 1; r < kinds[i].size && r < 5; r++) {
            uint64_t most = messages(&kinds[i], r);
            for (uint64_t at = 1; at <= most && failed < 10;
                 at += mpipe__world_stride(kinds[i].step), n++) {
                uint64_t kill_nth[MPIPE__WORLD_MAX] = { 0 };
                kill_nth[r] = at;
                failed += !survives(&kinds[i], kill_nth, &end);
                died += end.died[r];
            }
        }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(died > n / 2);        /* later ones may not be reached */
}

static void two_die(void)
{
    struct mpipe__world_end end;
    unsigned failed = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        uint64_t step = mpipe__world_stride(kinds[i].two), most_a, most_b;

        if (step == 0)
            continue;
        most_a = messages(&kinds[i], 1);
        most_b = messages(&kinds[i], 2);
        for (uint64_t a = 1; a <= most_a; a += step)
            for (uint64_t b = 1; b <= 2 * most_b && failed < 10; b += step) {
                uint64_t kill_nth[MPIPE__WORLD_MAX] = { 0, a, b };
                failed += !survives(&kinds[i], kill_nth, &end);
            }
    }
    CU_ASSERT_EQUAL(failed, 0);
}

/* One after another, or at once. */
static void all_die(void)
{
    struct mpipe__world_end end;
    unsigned failed = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        uint64_t most = messages(&kinds[i], 1);
        for (uint64_t seed = 0; seed < 10 && failed < 10;
             seed += mpipe__world_stride(1)) {
            uint64_t kill_nth[MPIPE__WORLD_MAX] = { 0 }, random = seed;

            for (int r = 1; r < kinds[i].size; r++)
                kill_nth[r] = 1 + mpipe__random_to(&random, most);
            failed += !survives(&kinds[i], kill_nth, &end);
        }
    }
    CU_ASSERT_EQUAL(failed, 0);
}

/* ---- rank 0 dies, and the job is run again ---- */

static char journal[40];

/* In memory where that can be had: a disk takes its time for each sync. */
static void begin_journals(void)
{
    strcpy(journal, "/dev/shm/job-journal-XXXXXX");
    if (mkdtemp(journal) != NULL)
        return;
    strcpy(journal, "job-journal-XXXXXX");
    CU_ASSERT_FATAL(mkdtemp(journal) != NULL);
}

/* Nothing is left in it, but for what rank 1 writes when it is dead: here it comes
 * back at the end. */
static bool end_journals(void)
{
    const struct dirent *entry;
    bool empty = true;
    DIR *dir;

    if (rmdir(journal) == 0)
        return true;
    dir = opendir(journal);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        if (unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            empty &= strstr(entry->d_name, ".rank-1") != NULL;
    if (dir != NULL)
        closedir(dir);
    rmdir(journal);
    return empty;
}

/* With rank 0 dying before its message 'at', and rank 1 before 'other'. */
static bool run_once(const struct kind *kind, struct run *run, uint64_t at,
                     uint64_t other, struct mpipe__world_end *end)
{
    char options[200];
    struct mpipe__world world = { .size = kind->size, .options = options };

    snprintf(options, sizeof options, "--log-level=error --journal=%s %s",
             journal, kind->options);
    world.kill_nth[0] = at;
    world.kill_nth[1] = other;
    world.seed = 1 + at;
    run->slow = true;
    return mpipe__world_run(&world, program, run, end);
}

struct saved {                  /* by the last run: */
    unsigned calls, reduced;    /* items, and keys, that were not worked on */
};

/* Rank 0 dies before its message 'at', and again, until a run comes through with
 * less work than 'all'; false: it went wrong.  Every other run has one rank more, and
 * in some rank 1 dies as well. */
static bool goes_on(const struct kind *kind, uint64_t at, const struct run *all,
                    struct saved *saved)
{
    struct kind other = *kind;
    struct mpipe__world_end end;
    bool ok = false;

    begin_journals();
    for (unsigned i = 0; i < 40; i++) {
        struct run *run = new_run(&other);
        bool ends;

        other.size = kind->size + (int)(i % 2);
        ends = run_once(&other, run, i < 20 ? at + i % 7 : 0,
                        (at + i) % 4 == 0 ? 1 + at * 7 % 101 : 0, &end);
        /* one that dies when it has said the last word has come through */
        bool again = ends && end.died[0] && end.code[0] == -MPIPE_EDEAD;

        ok = ends && !again && is_right(run, &end);
        saved->calls += ok && run->calls < all->calls;
        saved->reduced += ok && run->reduced < all->reduced;
        if (!ok && !again)
            fprintf(stderr, "job_deaths: %s: rank 0 at %" PRIu64 ", run %u: %"
                    PRIu64 " wrong, code %d %s\n", kind->name, at, i,
                    run->n_wrong, end.code[0], end.error[0].text);
        free(run);
        if (!again)
            break;
    }
    return end_journals() && ok;
}

static void rank_0_dies(void)
{
    struct mpipe__world_end end;
    struct saved saved = { 0, 0 };
    unsigned failed = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct run *all = new_run(&kinds[i]);

        begin_journals();
        CU_ASSERT(run_once(&kinds[i], all, FOREVER, 0, &end));
        CU_ASSERT(is_right(all, &end));
        CU_ASSERT(end_journals());
        for (uint64_t at = 1; at <= end.sent[0] && failed < 10;
             at += mpipe__world_stride(3 * kinds[i].step))
            failed += !goes_on(&kinds[i], at, all, &saved);
        free(all);
    }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || saved.calls > 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || saved.reduced > 0);
}

/* A signal comes when all has been mapped, and no result is there; or between the jobs
 * of a chain.  What was mapped is saved. */
static void signal_comes(void)
{
    struct sigaction old;
    struct mpipe__world_end end;
    unsigned stopped = 0, failed = 0;

    sigaction(SIGTERM, NULL, &old);
    for (size_t i = 0; i < COUNT_OF(kinds); i += mpipe__world_stride(1)) {
        struct run *run = new_run(&kinds[i]);
        unsigned calls;
        bool ends;

        begin_journals();
        run->stops = true;
        ends = run_once(&kinds[i], run, 0, 0, &end);
        *mpipe__interrupted() = 0;
        calls = run->calls;
        if (ends && end.code[0] == -MPIPE_ESAVED) {
            stopped++;
            free(run);
            run = new_run(&kinds[i]);
            ends = run_once(&kinds[i], run, 0, 0, &end) && run->calls < calls;
        }
        if (!ends || !is_right(run, &end) || !end_journals()) {
            fprintf(stderr, "job_deaths: %s: a signal: %" PRIu64 " wrong, code %d "
                    "%s, %u calls of map, %u before\n", kinds[i].name,
                    run->n_wrong, end.code[0], end.error[0].text, run->calls, calls);
            failed++;
        }
        free(run);
    }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || stopped > 3);
    sigaction(SIGTERM, &old, NULL);
}

/* ---- functions that are to blame ---- */

/* An item that kills in map fails like in a pipeline. */
static void poison_item(void)
{
    static const struct kind kind = {
        "a poison item", "--log-level=error", KEYED, 7, 40, 3, 20, 0,
        MPIPE_UNSORTED, true, false, false, 1, 0, 0
    };
    for (uint64_t seed = 1; seed < 20; seed += mpipe__world_stride(1)) {
        struct run *run = new_run(&kind);
        struct mpipe__world world = { .size = 7, .seed = seed,
                                      .options = kind.options };
        struct mpipe__world_end end;
        struct found want[KEYS] = { { 0, 0, 0 } };
        unsigned deaths = 0, wrong = 0;

        run->poison_item = 13;
        CU_ASSERT_FATAL(mpipe__world_run(&world, program, run, &end));
        for (int64_t item = 0; item < kind.items; item++)
            for (unsigned i = 0; item != 13 && i < kind.pairs; i++) {
                want[key_of(&kind, item, i)].times = 1;
                want[key_of(&kind, item, i)].digest += (uint64_t)item;
            }
        for (int r = 0; r < 7; r++)
            deaths += end.died[r];
        for (unsigned key = 0; key < KEYS; key++)
            wrong += memcmp(&want[key], &run->key[key], sizeof *want) != 0;
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT(deaths <= 3);
        CU_ASSERT_EQUAL(run->failed_items, 1);
        CU_ASSERT_EQUAL(end.code[0], -MPIPE_EFAILED);
        free(run);
    }
}

/* A key that kills in reduce fails too, also on nodes that rank 0 cannot look into,
 * where one that it knows of lives on the same node. */
static void poison_key(void)
{
    static const char *const machines[] = { NULL, "node:2 core:4" };
    unsigned failed = 0, n = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i += mpipe__world_stride(1))
        for (int m = 0; m < 2; m++) {
            struct kind kind = kinds[i];
            char options[200];
            struct run *run;
            struct mpipe__world world = { .size = 8, .seed = i + 1,
                                          .machine = machines[m],
                                          .options = options };
            struct mpipe__world_end end;
            unsigned deaths = 0;

            if (kind.shape == FOLD)
                continue;
            snprintf(options, sizeof options, "--log-level=error %s "
                     "--max-retries=2", kind.options);
            kind.size = 8;
            run = new_run(&kind);
            run->poison_key = 4;
            CU_ASSERT_FATAL(mpipe__world_run(&world, program, run, &end));
            for (int r = 0; r < 8; r++)
                deaths += end.died[r];
            if (!is_right(run, &end) || deaths < 2 || deaths > 4) {
                failed++;
                fprintf(stderr, "job_deaths: a poison key in %s, %s: %u deaths, %"
                        PRIu64 " wrong, code %d %s\n", kind.name,
                        m > 0 ? machines[m] : "one node", deaths, run->n_wrong,
                        end.code[0], end.error[0].text);
            }
            n++;
            free(run);
        }
    CU_ASSERT_EQUAL(failed, 0);
    CU_ASSERT(mpipe__world_stride(1) > 1 || n > 20);
}

/* What does something else the second time is told where it can be told. */
static void differs(void)
{
    static const struct kind kind = {
        "one that differs", "--log=/dev/null", KEYED, 3, 100, 800, 200, 2,
        MPIPE_SORT_ALL, false, false, false, 9, 0, 0
    };
    uint64_t most = messages(&kind, 1);
    unsigned fails = 0, changes = 0, wrong = 0;

    for (uint64_t n = most; n < 2 * most; n++) {
        uint64_t at = n / 2;
        struct run *run = new_run(&kind);
        struct mpipe__world world = { .size = 3, .seed = at,
                                      .options = kind.options };
        struct mpipe__world_end end;

        /* each item was mapped once, and for the sample */
        if (n % 2 == 0)
            run->again = 200;
        else
            run->changes = 200;
        world.kill_nth[1] = at;
        CU_ASSERT_FATAL(mpipe__world_run(&world, program, run, &end));
        if (end.code[0] == -MPIPE_EDEAD) {
            fails += strstr(end.error[0].text, "fail that did not") != NULL;
            changes += strstr(end.error[0].text, "fewer keys") != NULL;
        } else if (run->calls <= 200 && !is_right(run, &end)) {
            wrong++;                /* else it is not the library's fault */
        }
        free(run);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(fails > 0);
    CU_ASSERT(changes > 0);
}

static const struct mpipe__test tests[] = {
    { "a rank dies before each of its messages", one_dies },
    { "two ranks die", two_die },
    { "all but rank 0 die", all_die },
    { "an item that kills fails, and the job goes on", poison_item },
    { "a key that kills fails, and the job goes on", poison_key },
    { "rank 0 dies before each of its messages, and the job is run again",
      rank_0_dies },
    { "a signal comes between map and results, and the next run goes on",
      signal_comes },
    { "what does not do the same twice is told", differs },
    { NULL, NULL }
};

const struct mpipe__suite suite_job_deaths = { "job_deaths", tests };
