/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of mapreduce.c and all below it: random jobs in loop worlds, compared
 * with a reference that knows no ranks.  Items and keys fail, memory is short,
 * messages are late and come twice.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "link.h"
#include "suite.h"
#include "world.h"

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define KEYS_MAX 5000

struct trial {
    uint64_t seed;
    int size;
    int64_t items;
    uint32_t keys, partitions;
    unsigned most;              /* pairs that an item makes */
    bool combines, reduces, failing;
    enum mpipe_sort sort;
    const char *options;
    bool faults;
    uint64_t kill_nth[MPIPE__WORLD_MAX];
    unsigned *died;

    /* what happened */
    unsigned char *calls;       /* of map, an item each */
    uint64_t n_results, n_wrong, failed_items, failed_keys;
    struct found {
        uint64_t count, digest;
        uint32_t times;
    } found[KEYS_MAX];
    struct mpipe_item last;
    char last_key[32];
    uint64_t inits, finis;
};

static uint64_t random_of(uint64_t seed, uint64_t a)
{
    uint64_t state = seed * 1000003 + a;

    return mpipe__random(&state);
}

/* How often the item fails; 255: for ever. */
static unsigned failures(const struct trial *t, int64_t item)
{
    uint64_t r = random_of(t->seed ^ 77, (uint64_t)item) % 40;

    return !t->failing ? 0 : r == 0 ? 255 : r < 5 ? (unsigned)r % 4 : 0;
}

static unsigned pairs_of(const struct trial *t, int64_t item)
{
    uint64_t r = random_of(t->seed ^ 5, (uint64_t)item);

    return (unsigned)(r % (t->most + 1)) * (r % 13 == 0 ? 40 : 1);
}

static uint32_t key_of(const struct trial *t, int64_t item, unsigned i)
{
    uint64_t r = random_of(t->seed ^ (uint64_t)item << 20, i);

    return (uint32_t)(r % 3 == 0 ? r / 3 % 3 % t->keys : r / 3 % t->keys);
}

static uint64_t value_of(int64_t item, unsigned i)
{
    return (uint64_t)item * 1000 + i;
}

static int key_text(char *to, uint32_t key)
{
    return sprintf(to, "%s%u", key % 3 == 0 ? "a rather long key " : "", key);
}

static bool key_fails(const struct trial *t, uint32_t key)
{
    return t->failing && t->reduces && key % 17 == 3;
}

static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out,
                          void *arg)
{
    struct trial *t = arg;
    int64_t item = *(const int64_t *)in->data;
    unsigned n = pairs_of(t, item), fails = failures(t, item);
    unsigned calls = t->calls[item] < 250 ? t->calls[item]++ : 250;
    bool bad = fails == 255 || calls < fails;

    for (unsigned i = 0; i < n; i++) {
        char key[32];
        uint64_t value = value_of(item, i);
        int size = key_text(key, key_of(t, item, i));
        if (bad && i == n / 2)
            return mpipe_fail(out, "half way");
        mpipe_emit_pair(out, key, (size_t)size, &value, sizeof value);
    }
    return bad ? mpipe_fail(out, "at the end") : MPIPE_OK;
}

static uint64_t add_to_digest(const struct trial *t, uint64_t digest,
                              uint64_t value)
{
    return t->combines ? digest + value : digest * 31 + value;
}

static enum mpipe_err reduce(const struct mpipe_item *key,
                             struct mpipe_values *values,
                             struct mpipe_out *out, void *arg)
{
    const struct trial *t = arg;
    uint64_t result[2] = { 0, 0 }, value;
    struct mpipe_item v;
    char text[32];
    const char *number;

    while (mpipe_values_next(values, &v)) {
        memcpy(&value, v.data, sizeof value);
        result[0]++;
        result[1] = add_to_digest(t, result[1], value);
    }
    mpipe_emit_pair(out, key->data, key->size, result, sizeof result);
    memcpy(text, key->data, key->size);
    text[key->size] = '\0';
    number = strrchr(text, ' ');
    if (key_fails(t, (uint32_t)atoi(number != NULL ? number : text)))
        return mpipe_fail(out, "this key");
    return MPIPE_OK;
}

static uint32_t key_number(const struct mpipe_item *key)
{
    char text[32];
    const char *number;

    memcpy(text, key->data, key->size);
    text[key->size] = '\0';
    number = strrchr(text, ' ');
    return (uint32_t)atoi(number != NULL ? number : text);
}

static void check_order(struct trial *t, const struct mpipe_item *key)
{
    size_t size = key->size < t->last.size ? key->size : t->last.size;
    int order = memcmp(t->last_key, key->data, size);

    if (order == 0)
        order = (t->last.size > key->size) - (t->last.size < key->size);
    if (order > 0 && (t->sort == MPIPE_SORT_ALL
                      || (t->sort == MPIPE_SORT_PARTS && t->partitions == 1)))
        t->n_wrong++;
    memcpy(t->last_key, key->data, key->size);
    t->last = (struct mpipe_item){ t->last_key, key->size };
}

static enum mpipe_err done(const struct mpipe_item *result, void *arg)
{
    struct trial *t = arg;
    struct mpipe_pair pair;
    struct found *f;
    uint64_t got[2] = { 1, 0 };

    if (mpipe_pair_parse(result, &pair) != MPIPE_OK) {
        t->n_wrong++;
        return MPIPE_OK;
    }
    check_order(t, &pair.key);
    f = &t->found[key_number(&pair.key)];
    t->n_results++;
    f->times++;
    if (t->reduces) {
        memcpy(got, pair.value.data, sizeof got);
        f->count = got[0];
        f->digest = got[1];
    } else {
        memcpy(&got[1], pair.value.data, sizeof got[1]);
        f->count++;
        f->digest = add_to_digest(t, f->digest, got[1]);
    }
    return MPIPE_OK;
}

static void failed(const struct mpipe_failure *failure, void *arg)
{
    struct trial *t = arg;

    if (strcmp(failure->stage, "map") == 0)
        t->failed_items++;
    else
        t->failed_keys++;
}

static enum mpipe_err init(void *arg, struct mpipe_out *out, void **state)
{
    (void)out;
    ((struct trial *)arg)->inits++;
    *state = arg;
    return MPIPE_OK;
}

static void fini(void *state, struct mpipe_out *out)
{
    (void)out;
    ((struct trial *)state)->finis++;
}

static enum mpipe_err run(struct mpipe *mp, int rank, void *arg)
{
    struct trial *t = arg;
    const struct mpipe_job job = {
        .name = "trial", .arg = t, .init = init, .fini = fini, .map = map,
        .combine = t->combines ? mpipe_sum_u64 : NULL,
        .reduce = t->reduces ? reduce : NULL, .sort = t->sort,
        .partitions = t->partitions, .done = done, .failed = failed
    };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    (void)rank;
    mpipe_source_range(mpipe_mapreduce_input(mr), 0, t->items - 1);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

/* What should have come. */
static void reference(const struct trial *t, struct found *want,
                      uint64_t *failed_items)
{
    for (int64_t item = 0; item < t->items; item++) {
        unsigned n = pairs_of(t, item);
        if (failures(t, item) == 255) {
            ++*failed_items;
            continue;
        }
        for (unsigned i = 0; i < n; i++) {
            struct found *f = &want[key_of(t, item, i)];
            f->count++;
            f->digest = add_to_digest(t, f->digest, value_of(item, i));
        }
    }
}

static uint64_t judge(struct trial *t, const struct mpipe__world_end *end)
{
    struct found *want = calloc(KEYS_MAX, sizeof *want);
    uint64_t wrong = t->n_wrong, failed_items = 0, failed_keys = 0;

    reference(t, want, &failed_items);
    for (uint32_t k = 0; k < t->keys; k++) {
        const struct found *f = &t->found[k];
        uint64_t count = want[k].count;
        if (count == 0 || key_fails(t, k)) {
            wrong += f->times != 0;
            failed_keys += count > 0;
            continue;
        }
        if (t->combines)
            count = 1;
        wrong += f->times != (t->reduces ? 1 : count) || f->count != count
                 || f->digest != want[k].digest;
    }
    wrong += failed_items != t->failed_items || failed_keys != t->failed_keys;
    wrong += t->inits != t->finis || t->inits == 0;
    for (int r = 0; r < t->size; r++)
        wrong += end->code[r] != (failed_items + failed_keys > 0 ? 1 : 0)
                 && !(end->died[r] && end->code[r] == -MPIPE_EDEAD);
    free(want);
    return wrong;
}

static void play(struct trial *t)
{
    static const struct mpipe__fault_plan faults = {
        .seed = 5, .duplicate_ppm = 100000, .delay_ppm = 100000,
        .delay_polls = 20,
        .channel_mask = 1u << MPIPE__DATA | 1u << MPIPE__CONTROL
    };
    struct mpipe__world world = {
        .size = t->size, .options = t->options, .seed = t->seed,
        .fault = t->faults ? &faults : NULL
    };
    struct mpipe__world_end end;
    bool ended;
    uint64_t wrong;

    memcpy(world.kill_nth, t->kill_nth, sizeof world.kill_nth);
    t->calls = calloc((size_t)t->items + 1, 1);
    ended = mpipe__world_run(&world, run, t, &end);
    wrong = ended ? judge(t, &end) : 1;
    for (int r = 0; r < t->size; r++)
        *t->died += end.died[r];
    for (int r = 0; wrong > 0 && r < t->size; r++)
        if (t->kill_nth[r] > 0)
            fprintf(stderr, "mapreduce: rank %d dies at %llu: %d %s\n", r,
                    (unsigned long long)t->kill_nth[r], end.code[0],
                    end.error[0].text);
    if (wrong > 0)
        fprintf(stderr, "mapreduce: %llu wrong on %d ranks, seed %llu, %lld "
                "items, %u keys, %u partitions, most %u,%s%s%s%s sort %d, %s\n",
                (unsigned long long)wrong, t->size,
                (unsigned long long)t->seed, (long long)t->items, t->keys,
                t->partitions, t->most, t->combines ? " combines" : "",
                t->reduces ? " reduces" : "", t->failing ? " failing" : "",
                t->faults ? " faults" : "", (int)t->sort, t->options);
    CU_ASSERT_EQUAL(wrong, 0);
    free(t->calls);
}

/* Some ranks die, sooner or later. */
static void draw_deaths(struct trial *t, uint64_t *s)
{
    uint64_t others = (uint64_t)t->size - 1;

    if (others == 0 || mpipe__random_to(s, 2) == 0)
        return;
    for (uint64_t n = 1 + mpipe__random_to(s, others); n > 0; n--)
        t->kill_nth[1 + mpipe__random_to(s, others)] =
            1 + mpipe__random_to(s, (uint64_t)1
                                    << (2 + mpipe__random_to(s, 9)));
}

static void random_jobs(void)
{
    static const char *const options[] = {
        "--log-level=error --memory=64K", "--log-level=error --memory=64M",
        "--log-level=error --memory=200K --frame=1K --credits=1",
        "--log-level=error --memory=64K --direct=0 --credits=2"
    };
    static const int64_t items[] = { 0, 1, 20, 300, 3000 };
    const char *rounds = getenv("MPIPE_TEST_ROUNDS");
    uint64_t n = rounds != NULL ? strtoull(rounds, NULL, 10) : 150;
    struct trial *t = malloc(sizeof *t);
    unsigned died = 0;

    for (uint64_t seed = 1; seed <= n; seed++) {
        uint64_t s = seed * 7919;
        memset(t, 0, sizeof *t);
        t->died = &died;
        t->seed = seed;
        t->size = 1 + (int)mpipe__random_to(&s, 8);
        t->items = items[mpipe__random_to(&s, COUNT_OF(items))];
        t->keys = 1 + (uint32_t)mpipe__random_to(&s, seed % 3 ? 50 : KEYS_MAX);
        t->partitions = (uint32_t)mpipe__random_to(&s, seed % 5 ? 3 : 40);
        t->most = (unsigned)mpipe__random_to(&s, 8);
        t->combines = mpipe__random_to(&s, 2);
        t->reduces = mpipe__random_to(&s, 3) > 0;
        t->failing = mpipe__random_to(&s, 2);
        t->faults = mpipe__random_to(&s, 3) == 0;
        t->sort = (enum mpipe_sort)mpipe__random_to(&s, 3);
        t->options = options[mpipe__random_to(&s, COUNT_OF(options))];
        draw_deaths(t, &s);
        play(t);
    }
    CU_ASSERT(died > n / 4);
    free(t);
}

/* ---- fold ---- */

struct digits {                 /* of a string of numbers: not commutative */
    uint64_t value, scale;
};

struct fold_trial {
    bool ordered;
    int64_t n;
    uint64_t results, value;
};

static void append_digits(void *acc, const void *value, size_t size, void *arg)
{
    struct digits *a = acc;
    const struct digits *v = value;

    (void)size, (void)arg;
    a->value = a->value * v->scale + v->value;
    a->scale *= v->scale;
}

static enum mpipe_err to_digits(const struct mpipe_item *in,
                                struct mpipe_out *out, void *arg)
{
    struct digits d = { (uint64_t)*(const int64_t *)in->data % 10, 10 };

    (void)arg;
    return mpipe_emit(out, &d, sizeof d);
}

static enum mpipe_err take_digits(const struct mpipe_item *result, void *arg)
{
    struct fold_trial *t = arg;

    t->results++;
    t->value = ((const struct digits *)result->data)->value;
    return MPIPE_OK;
}

static enum mpipe_err run_fold(struct mpipe *mp, int rank, void *arg)
{
    struct fold_trial *t = arg;
    const struct mpipe_job job = {
        .map = to_digits, .fold = append_digits, .done = take_digits,
        .ordered = t->ordered, .arg = t
    };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    (void)rank;
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, t->n);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

static void folds(void)
{
    for (int size = 1; size <= 8; size++)
        for (int64_t n = 0; n <= 5000; n = n * 9 + 1) {
            struct fold_trial t = { .ordered = true, .n = n };
            struct mpipe__world world = { .size = size, .seed = (uint64_t)n };
            struct mpipe__world_end end;
            struct digits want = { 0, 1 };

            for (int64_t i = 1; i <= n; i++) {
                struct digits d = { (uint64_t)i % 10, 10 };
                append_digits(&want, &d, sizeof d, NULL);
            }
            CU_ASSERT(mpipe__world_run(&world, run_fold, &t, &end));
            CU_ASSERT_EQUAL(t.results, n > 0);
            CU_ASSERT_EQUAL(t.value, want.value);
            CU_ASSERT_EQUAL(end.code[0], 0);
        }
}

struct sums {
    uint64_t total, results;
};

static enum mpipe_err take_total(const struct mpipe_item *result, void *arg)
{
    struct sums *s = arg;

    s->results++;
    memcpy(&s->total, result->data, sizeof s->total);
    return MPIPE_OK;
}

static enum mpipe_err pass_on(const struct mpipe_item *in,
                              struct mpipe_out *out, void *arg)
{
    (void)arg;
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err run_sum(struct mpipe *mp, int rank, void *arg)
{
    const struct mpipe_job job = {
        .map = pass_on, .fold = mpipe_sum_i64, .done = take_total, .arg = arg
    };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    (void)rank;
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, 3000);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

/* More ranks than meet at a time: a tree. */
static void fold_trees(void)
{
    static const int sizes[] = { 1, 2, 16, 17, 18, 33, 40, 64 };

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct sums s = { 0, 0 };
        struct mpipe__world world = {
            .size = sizes[i], .seed = i,
            .machine = i % 2 ? "node:8 core:8" : NULL
        };
        struct mpipe__world_end end;

        CU_ASSERT(mpipe__world_run(&world, run_sum, &s, &end));
        CU_ASSERT_EQUAL(end.code[0], 0);
        CU_ASSERT_EQUAL(s.results, 1);
        CU_ASSERT_EQUAL(s.total, 3000 * 3001 / 2);
    }
}

/* ---- jobs that follow one another ---- */

struct chain {
    int64_t items, keys;
    int jobs;                   /* 2 or 3 */
    bool combines;
    uint64_t sum[7], total, results, failed;
    int mistake;
};

/* 1: each item's key is its remainder; 2: a key, its remainder by 7; 3: sums. */
static enum mpipe_err by_remainder(const struct mpipe_item *in,
                                   struct mpipe_out *out, void *arg)
{
    const struct chain *c = arg;
    int64_t key = *(const int64_t *)in->data % c->keys;

    return mpipe_emit_pair(out, &key, sizeof key, NULL, 0);
}

static enum mpipe_err emit_key(const struct mpipe_item *key,
                               struct mpipe_values *values,
                               struct mpipe_out *out, void *arg)
{
    struct mpipe_item count;
    uint64_t *to = mpipe_reserve(out, 2 * sizeof *to);

    (void)arg;
    if (to == NULL || !mpipe_values_next(values, &count))
        return MPIPE_EINVAL;
    memcpy(&to[0], key->data, sizeof *to);
    memcpy(&to[1], count.data, sizeof *to);
    return mpipe_commit(out, 2 * sizeof *to);
}

static enum mpipe_err by_seven(const struct mpipe_item *in,
                               struct mpipe_out *out, void *arg)
{
    const uint64_t *x = in->data;
    uint64_t key = x[0] % 7, value = x[0] * x[1];
    enum mpipe_err e = mpipe_emit_pair(out, &key, sizeof key, &value,
                                       sizeof value);
    (void)arg;
    return x[0] % 13 == 5 ? mpipe_fail(out, "a bad key") : e;
}

static enum mpipe_err sum_of_seven(const struct mpipe_item *key,
                                   struct mpipe_values *values,
                                   struct mpipe_out *out, void *arg)
{
    uint64_t sum[2] = { *(const uint64_t *)key->data, 0 };
    struct mpipe_item v;

    (void)arg;
    while (mpipe_values_next(values, &v))
        sum[1] += *(const uint64_t *)v.data;
    return mpipe_emit(out, sum, sizeof sum);
}

static enum mpipe_err only_sum(const struct mpipe_item *in,
                               struct mpipe_out *out, void *arg)
{
    (void)arg;
    return mpipe_emit(out, (const uint64_t *)in->data + 1, sizeof(uint64_t));
}

static enum mpipe_err take_sum(const struct mpipe_item *result, void *arg)
{
    struct chain *c = arg;
    const uint64_t *x = result->data;

    c->results++;
    if (result->size == 2 * sizeof *x)
        c->sum[x[0] % 7] = x[1];
    else
        c->total = x[0];
    return MPIPE_OK;
}

static void count_failed(const struct mpipe_failure *failure, void *arg)
{
    (void)failure;
    ((struct chain *)arg)->failed++;
}

static enum mpipe_err run_chain(struct mpipe *mp, int rank, void *arg)
{
    struct chain *c = arg;
    struct mpipe_job job[3] = {
        { .name = "first", .arg = c, .map = by_remainder,
          .combine = mpipe_count, .reduce = emit_key, .failed = count_failed },
        { .name = "second", .arg = c, .map = by_seven,
          .combine = c->combines ? mpipe_sum_u64 : NULL,
          .reduce = sum_of_seven, .partitions = 3, .done = take_sum },
        { .name = "third", .arg = c, .map = only_sum, .fold = mpipe_sum_u64,
          .done = take_sum }
    };
    struct mpipe_mapreduce *mr[3];
    enum mpipe_err e;

    (void)rank;
    if (c->mistake == 1)
        job[0].parts = "x";
    if (c->mistake == 2)
        job[1].sort = MPIPE_SORT_ALL;
    if (c->mistake == 3)
        job[1].map = NULL;
    if (c->mistake == 4)
        job[2].ordered = 1;
    for (int i = 0; i < 3; i++)
        mr[i] = mpipe_mapreduce_new(mp, &job[i]);
    mpipe_source_range(mpipe_mapreduce_input(mr[0]), 0, c->items - 1);
    if (c->jobs == 3)
        mpipe_mapreduce_then(mr[1], mr[2]);
    mpipe_mapreduce_then(mr[0], mr[1]);
    e = mpipe_mapreduce_run(mr[c->mistake == 4 ? 1 : 0]);
    for (int i = 0; i < 3; i++)
        mpipe_mapreduce_free(mr[i]);
    return e;
}

static void chains(void)
{
    static const char *const options[] = { "--memory=64K", NULL };

    for (uint64_t seed = 0; seed < 60; seed++) {
        struct chain c = { .items = (int64_t)(seed * seed * 5),
                           .keys = 1 + (int64_t)seed * 40,
                           .jobs = 2 + seed % 2, .combines = seed % 3 == 0 };
        struct mpipe__world world = { .size = 1 + (int)(seed % 6),
                                      .seed = seed,
                                      .options = options[seed % 5 > 0] };
        struct mpipe__world_end end;
        uint64_t sum[7] = { 0 }, total = 0, failed = 0;

        for (int64_t i = 0; i < c.items; i++) {
            uint64_t key = (uint64_t)(i % c.keys);
            failed += key % 13 == 5 && i < c.keys;
            if (key % 13 == 5)
                continue;
            sum[key % 7] += key;
            total += key;
        }
        CU_ASSERT(mpipe__world_run(&world, run_chain, &c, &end));
        CU_ASSERT_EQUAL(c.failed, failed);
        CU_ASSERT_EQUAL(end.code[0], failed > 0);
        if (c.jobs == 3)
            CU_ASSERT_EQUAL(c.total, total);
        for (int k = 0; c.jobs == 2 && k < 7; k++)
            CU_ASSERT_EQUAL(c.sum[k], sum[k]);
    }
}

static void wrong_chains(void)
{
    static const char *const words[] = {
        "", "is followed by no other", "needs a partition function",
        "its map is NULL", "cannot follow another job"
    };
    for (int i = 1; i < 5; i++) {
        struct chain c = { .items = 10, .keys = 3, .jobs = 3, .mistake = i };
        struct mpipe__world world = { .size = 3, .seed = 1 };
        struct mpipe__world_end end;

        CU_ASSERT(mpipe__world_run(&world, run_chain, &c, &end));
        for (int r = 0; r < 3; r++)
            CU_ASSERT_EQUAL(end.code[r], -MPIPE_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(end.error[0].text, words[i]));
    }
}

/* ---- mistakes ---- */

struct mistake {
    struct mpipe_job job;
    bool source;
    const char *options, *text;
    int64_t n;                  /* items */
};

static void ignore(const struct mpipe_failure *failure, void *arg)
{
    (void)failure, (void)arg;
}

static enum mpipe_err emit_plain(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *arg)
{
    (void)arg;
    return mpipe_emit(out, in->data, in->size);
}

static enum mpipe_err emit_sizes(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *arg)
{
    size_t size = (size_t)*(const int64_t *)in->data % 2 ? 8 : 4;

    (void)arg;
    return mpipe_emit_pair(out, "k", 1, in->data, size);
}

static uint32_t too_far(const struct mpipe_item *key, uint32_t n, void *arg)
{
    (void)key, (void)arg;
    return n;
}

static enum mpipe_err run_mistake(struct mpipe *mp, int rank, void *arg)
{
    const struct mistake *m = arg;
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &m->job);
    enum mpipe_err e;

    (void)rank;
    if (m->source)
        mpipe_source_range(mpipe_mapreduce_input(mr), 1, m->n);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

static void mistakes(void)
{
    static const struct mistake rows[] = {  /* n comes later */
        { { .map = NULL }, true, NULL, "map is NULL", 0 },
        { { .map = emit_sizes }, false, NULL, "no source", 0 },
        { { .map = emit_plain, .fold = mpipe_sum_i64, .reduce = reduce },
          true, NULL, "both fold and reduce", 0 },
        { { .map = emit_plain, .fold = mpipe_sum_i64, .parts = "x" }, true,
          NULL, "fold job has one result", 0 },
        { { .map = emit_sizes, .partitions = 70000 }, true, NULL,
          "65535 partitions", 0 },
        { { .map = emit_sizes, .parts = "/no/such/folder/parts" }, true, NULL,
          "/no/such/folder/parts", 0 },
        { { .map = emit_sizes, .parts = "" }, true, NULL, "is empty", 0 },
        { { .map = emit_sizes, .partition = too_far }, true, NULL,
          "the partition function of job 'job' answers", 0 },
        { { .map = emit_plain }, true, NULL, "items of pipeline", 0 },
        { { .map = emit_sizes, .combine = mpipe_sum_u64 }, true, NULL,
          "items of pipeline", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int size = 1; size <= 4; size += 3) {
            struct mistake m = rows[i];
            m.n = 50;
            m.job.failed = ignore;
            struct mpipe__world world = { .size = size, .seed = i + 1,
                                          .options = m.options };
            struct mpipe__world_end end;

            CU_ASSERT(mpipe__world_run(&world, run_mistake, &m, &end));
            CU_ASSERT(end.code[0] != 0);
            for (int r = 1; r < size; r++)
                CU_ASSERT_EQUAL(end.code[r], end.code[0]);
            if (strstr(end.error[0].text, m.text) == NULL)
                fprintf(stderr, "mapreduce: no '%s' in '%s'\n", m.text,
                        end.error[0].text);
            CU_ASSERT_PTR_NOT_NULL(strstr(end.error[0].text, m.text));
        }
}

/* A scratch folder that is not there ends the job, on all ranks alike, whether
 * it is met while the job runs or after its last item. */
static enum mpipe_err many_pairs(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *arg)
{
    enum mpipe_err e = MPIPE_OK;

    (void)arg;
    for (int64_t i = 0; i < 100 && e == MPIPE_OK; i++) {
        int64_t key = *(const int64_t *)in->data * 100 + i;
        e = mpipe_emit_pair(out, &key, sizeof key, NULL, 0);
    }
    return e;
}

static void no_scratch(void)
{
    for (int size = 1; size <= 5; size += 2) {
        struct mistake m = { { .map = many_pairs }, true,
                             "--memory=64K --scratch=/no/such/one", NULL,
                             1000 };
        struct mpipe__world world = { .size = size, .seed = 3,
                                      .options = m.options };
        struct mpipe__world_end end;

        CU_ASSERT(mpipe__world_run(&world, run_mistake, &m, &end));
        for (int r = 0; r < size; r++)
            CU_ASSERT_EQUAL(end.code[r], -MPIPE_EIO);
        CU_ASSERT_PTR_NOT_NULL(strstr(end.error[0].text, "/no/such/one"));
    }
}

/* Keys and values that do not fit a frame, a block, or the memory. */
enum { LARGE_VALUE = 300000, LARGE_KEY = 100000 };

static enum mpipe_err large_pairs(const struct mpipe_item *in,
                                  struct mpipe_out *out, void *arg)
{
    int64_t item = *(const int64_t *)in->data;
    char *key = malloc(LARGE_KEY), *value = malloc(LARGE_VALUE);
    enum mpipe_err e = MPIPE_OK;

    (void)arg;
    memset(key, 'a' + (int)(item % 3), LARGE_KEY);
    memset(value, (int)item, LARGE_VALUE);
    for (int i = 0; i < 2 && e == MPIPE_OK; i++)
        e = mpipe_emit_pair(out, key, LARGE_KEY, value, LARGE_VALUE);
    free(key);
    free(value);
    return e;
}

static enum mpipe_err large_sums(const struct mpipe_item *key,
                                 struct mpipe_values *values,
                                 struct mpipe_out *out, void *arg)
{
    uint64_t sum = 0;
    struct mpipe_item v;

    (void)arg;
    if (key->size != LARGE_KEY)
        return MPIPE_EINVAL;
    while (mpipe_values_next(values, &v)) {
        const unsigned char *at = v.data;
        if (v.size != LARGE_VALUE || at[0] != at[LARGE_VALUE - 1])
            return MPIPE_EINVAL;
        sum += at[LARGE_VALUE / 2];
    }
    return mpipe_emit(out, &sum, sizeof sum);
}

static enum mpipe_err add_total(const struct mpipe_item *result, void *arg)
{
    struct sums *s = arg;

    s->results++;
    s->total += *(const uint64_t *)result->data;
    return MPIPE_OK;
}

static enum mpipe_err run_large(struct mpipe *mp, int rank, void *arg)
{
    const struct mpipe_job job = {
        .map = large_pairs, .reduce = large_sums, .done = add_total, .arg = arg
    };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    (void)rank;
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, 30);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

static void large_ones(void)
{
    for (int size = 1; size < 6; size++) {
        struct sums s = { 0, 0 };
        struct mpipe__world world = {
            .size = size, .seed = 2,
            .options = size % 2 ? "--memory=64K --window=1M" : "--memory=1M"
        };
        struct mpipe__world_end end;

        CU_ASSERT(mpipe__world_run(&world, run_large, &s, &end));
        CU_ASSERT_EQUAL(end.code[0], 0);
        CU_ASSERT_EQUAL(s.results, 3);
        CU_ASSERT_EQUAL(s.total, 30 * 31);
    }
}

static enum mpipe_err count_item(const struct mpipe_item *result, void *arg)
{
    (void)result;
    ++*(uint64_t *)arg;
    return MPIPE_OK;
}

/* A pipeline, a job, a pipeline that is open while another job runs. */
static enum mpipe_err run_mixture(struct mpipe *mp, int rank, void *arg)
{
    struct sums *s = arg;
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    enum mpipe_err e;

    mpipe_source_range(pl, 1, 500);
    mpipe_pipeline_stage(pl, "pass", pass_on, NULL);
    mpipe_pipeline_sink(pl, count_item, &s->results);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_reset(pl);
    if (e == MPIPE_OK)
        e = run_sum(mp, rank, &s[1]);
    mpipe_pipeline_stage(pl, "pass", pass_on, NULL);
    mpipe_pipeline_sink(pl, count_item, &s->results);
    if (e == MPIPE_OK)
        e = mpipe_pipeline_start(pl);
    for (int64_t i = 0; rank == 0 && i < 50; i++)
        mpipe_pipeline_feed(pl, &i, sizeof i);
    if (e == MPIPE_OK)
        e = run_sum(mp, rank, &s[2]);
    for (int64_t i = 0; rank == 0 && i < 50; i++)
        mpipe_pipeline_feed(pl, &i, sizeof i);
    if (e == MPIPE_OK)
        e = mpipe_pipeline_end(pl);
    mpipe_pipeline_free(pl);
    return e;
}

static void mixtures(void)
{
    for (int size = 1; size < 6; size++) {
        struct sums s[3] = { { 0, 0 } };
        struct mpipe__world world = { .size = size, .seed = 9 };
        struct mpipe__world_end end;

        CU_ASSERT(mpipe__world_run(&world, run_mixture, s, &end));
        CU_ASSERT_EQUAL(end.code[0], 0);
        CU_ASSERT_EQUAL(s[0].results, 600);
        CU_ASSERT_EQUAL(s[1].total, 3000 * 3001 / 2);
        CU_ASSERT_EQUAL(s[2].total, 3000 * 3001 / 2);
    }
}

static enum mpipe_err run_twice(struct mpipe *mp, int rank, void *arg)
{
    const struct mpipe_job job = {
        .map = pass_on, .fold = mpipe_sum_i64, .done = take_total, .arg = arg
    };
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, &job);
    enum mpipe_err e;

    (void)rank;
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, 10);
    e = mpipe_mapreduce_run(mr);
    if (e == MPIPE_OK)
        e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

static void once_only(void)
{
    for (int size = 1; size < 4; size++) {
        struct sums s = { 0, 0 };
        struct mpipe__world world = { .size = size, .seed = 1 };
        struct mpipe__world_end end;

        CU_ASSERT(mpipe__world_run(&world, run_twice, &s, &end));
        CU_ASSERT_EQUAL(s.total, 55);
        for (int r = 0; r < size; r++)
            CU_ASSERT_EQUAL(end.code[r], -MPIPE_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(end.error[0].text, "has run already"));
    }
}

/* A message that is lost ends the job, wherever it was going; or it was one that
 * nobody needed. */
static void lost_messages(void)
{
    static const unsigned channels[] = {
        1u << MPIPE__DATA, 1u << MPIPE__CONTROL
    };

    /* without its HELLO a rank is only waited for, with a word in the log */
    for (uint64_t nth = 2; nth < 40; nth++)
        for (int i = 0; i < 2; i++) {
            struct mpipe__fault_plan fault = {
                .drop_nth = nth, .channel_mask = channels[i],
                .rank_mask = 1u << nth % 4
            };
            struct mpipe__world world = {
                .size = 4, .fault = &fault, .seed = nth,
                .options = "--log-level=error --frame=1K --memory=64K"
            };
            struct mistake m = { { .map = many_pairs }, true, NULL, NULL, 300 };
            struct mpipe__world_end end;

            CU_ASSERT(mpipe__world_run(&world, run_mistake, &m, &end));
            CU_ASSERT(end.code[0] == 0 || end.code[0] == -MPIPE_ELINK);
            CU_ASSERT(end.faults.dropped == 1 || end.code[0] == 0);
            for (int r = 1; r < 4; r++)
                CU_ASSERT_EQUAL(end.code[r], end.code[0]);
        }
}

/* What a job was not given it does not close: a struct of zeros has stdin as
 * its file. */
static void keeps_files(void)
{
    struct sums s = { 0, 0 };
    struct mpipe__world world = { .size = 3, .seed = 1 };
    struct mpipe__world_end end;
    int stdin_was = dup(0), null = open("/dev/null", O_RDONLY);

    dup2(null, 0);
    CU_ASSERT(mpipe__world_run(&world, run_sum, &s, &end));
    CU_ASSERT(fcntl(0, F_GETFD) != -1);
    close(null);
    if (stdin_was >= 0) {
        dup2(stdin_was, 0);
        close(stdin_was);
    }
}

static const struct mpipe__test tests[] = {
    { "random jobs give what a loop would give", random_jobs },
    { "a fold in feed order, also of a function that needs it", folds },
    { "a fold over many ranks comes together in a tree", fold_trees },
    { "jobs that follow one another", chains },
    { "and jobs that cannot", wrong_chains },
    { "mistakes are told, on all ranks alike", mistakes },
    { "keys and values larger than a frame", large_ones },
    { "jobs and pipelines in one program, also side by side", mixtures },
    { "a job runs once", once_only },
    { "a lost message ends the job, on all ranks alike", lost_messages },
    { "files of others stay open", keeps_files },
    { "without a scratch folder all ranks end alike", no_scratch },
    { NULL, NULL }
};

const struct mpipe__suite suite_mapreduce = { "mapreduce", tests };
