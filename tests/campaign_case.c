/* SPDX-License-Identifier: BSD-3-Clause */
/* campaign_case.c - random jobs of the fault campaign, and what must come of
 * them, by plain loops.
 *
 * How long items take and when ranks die is drawn last, when it is known how much
 * there is to do: so most jobs last some tenths of a second, and most deaths fall
 * into that time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mpipe/mapreduce.h>
#include "campaign_case.h"
#include "random.h"

#define BYTES_MOST ((uint64_t)24 << 20)     /* moved in one job, about */

static uint64_t draw(struct campaign_case *c, uint64_t n)
{
    return mpipe__random_to(&c->random, n);
}

static bool one_in(struct campaign_case *c, uint64_t n)
{
    return draw(c, n) == 0;
}

static uint64_t of(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t state = seed * 1000003 + a;

    state = mpipe__random(&state) + b;
    return mpipe__random(&state);
}

static void *some(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (p == NULL) {
        perror("campaign");
        abort();
    }
    return p;
}

/* ---- drawing ---- */

static void draw_options(struct campaign_case *c)
{
    static const char *const frames[] = { "1K", "2K", "5000", "16K", "64K",
                                          "64K" };
    static const char *const policies[] = { "topology", "packed",
                                            "round-robin" };
    static const char *const memories[] = { "64K", "200K", "64M" };
    int n = snprintf(c->options, sizeof c->options, "--frame=%s --window=%uM "
                     "--credits=%u --max-retries=%u --policy=%s --spares=%u",
                     frames[draw(c, 6)], 1 + (unsigned)draw(c, 8),
                     1 + (unsigned)draw(c, 8), c->max_retries,
                     policies[draw(c, 3)],
                     one_in(c, 4) ? (unsigned)draw(c, 3) : 0u);

    if (c->kind != CAMPAIGN_PIPELINE)
        snprintf(c->options + n, sizeof c->options - (size_t)n, " --memory=%s",
                 memories[draw(c, 3)]);
}

/* How many ranks a stage asks for is a matter of placement, and tried elsewhere. */
static void draw_steps(struct campaign_case *c)
{
    c->n_steps = mpipe__steps_draw(&c->random, c->step);
    c->poison_step = (unsigned)draw(c, c->n_steps);
    for (unsigned s = 0; s < c->n_steps; s++) {
        struct mpipe__step *step = &c->step[s];

        step->replicas = 0;
        step->takes_ns = 0;
        /* What was tried before a death counts no more after it. */
        if (step->fails > c->max_retries)
            step->fails = MPIPE__EVER;
        /* The reference does not know what is reached in vain. */
        if (c->poison[0] != UINT64_MAX)
            step->late = false;
    }
}

static void draw_pipeline(struct campaign_case *c)
{
    c->source = (enum campaign_source)draw(c, CAMPAIGN_SOURCES);
    c->fixed = one_in(c, 3);
    c->ordered = one_in(c, 2);
    c->counted = one_in(c, 3);
    c->file_sink = c->restarts || one_in(c, 3);
    c->rounds = c->restarts || !one_in(c, 6) ? 1 : 2;
    c->n_items = one_in(c, 20) ? draw(c, 3) : one_in(c, 3) ? draw(c, 20000)
                 : draw(c, 1500);
    c->per_root = c->source == CAMPAIGN_RANGES ? 1 + (unsigned)draw(c, 60) : 1;
    c->n_roots = (c->n_items + c->per_root - 1) / c->per_root;
    c->poison[0] = c->poison[1] = UINT64_MAX;
    if (!c->restarts && c->n_roots > 0 && c->ranks > 1 && one_in(c, 4))
        for (unsigned i = 0; i < 1 + draw(c, CAMPAIGN_POISONS); i++)
            c->poison[i] = draw(c, c->n_roots);
    draw_steps(c);
}

static void draw_job(struct campaign_case *c)
{
    static const uint64_t items[] = { 0, 1, 30, 1000, 4000 };
    struct campaign_job *job = &c->job;

    c->rounds = 1;
    c->per_root = 1;
    c->n_items = c->n_roots = items[draw(c, 5)];
    c->source = CAMPAIGN_RANGE;
    c->poison[0] = c->poison[1] = UINT64_MAX;
    if (!c->restarts && c->n_items > 0 && c->ranks > 1 && one_in(c, 4))
        c->poison[0] = draw(c, c->n_items);
    job->keys = 1 + (uint32_t)draw(c, one_in(c, 2) ? 30 : 5000);
    job->partitions = (uint32_t)draw(c, one_in(c, 2) ? 3 : 40);
    job->most = (unsigned)draw(c, 12);
    job->fails_one_in = one_in(c, 2) ? 1 + (unsigned)draw(c, 50) : 0;
    job->combines = one_in(c, 2);
    job->reduces = draw(c, 3) > 0;
    job->parts = c->kind == CAMPAIGN_KEYED && job->reduces && one_in(c, 3);
    job->sort = (unsigned)draw(c, 3);
    job->ordered = one_in(c, 2);
}

void campaign_case_draw(struct campaign_case *c, uint64_t number,
                        bool mapreduce, bool only, bool restarts, bool stops)
{
    memset(c, 0, sizeof *c);
    c->number = c->random = number;
    c->restarts = restarts;
    c->stops = stops;
    c->ranks = 2 + (unsigned)draw(c, one_in(c, 3) ? 15 : 7);
    c->max_retries = (unsigned)draw(c, 5);
    c->kind = CAMPAIGN_PIPELINE;
    if ((one_in(c, restarts ? 2 : 4) || only) && mapreduce)
        c->kind = one_in(c, 4) ? CAMPAIGN_FOLD : CAMPAIGN_KEYED;
    draw_options(c);
    if (c->kind == CAMPAIGN_PIPELINE)
        draw_pipeline(c);
    else
        draw_job(c);
}

/* Let some step take time, and none take too much. */
static void draw_time(struct campaign_case *c, const struct mpipe__reference *ref)
{
    unsigned s = (unsigned)draw(c, c->n_steps > 0 ? c->n_steps : 1);
    uint64_t ms = 20 + draw(c, 600), n;

    if (c->kind != CAMPAIGN_PIPELINE) {
        if (c->n_items > 0 && draw(c, 4) > 0)
            c->takes_ns = 2 * ms * 1000000 / c->n_items;
        return;
    }
    n = ref->in[s];
    if (n > 0 && draw(c, 4) > 0)
        c->step[s].takes_ns = 2 * ms * 1000000 / n;
    s = (unsigned)draw(c, c->n_steps);
    if (ref->in[s] > 0 && one_in(c, 3))
        c->step[s].takes_ns = 2 * ms * 1000000 / ref->in[s];
}

static unsigned how_many(struct campaign_case *c)
{
    unsigned others = c->ranks - 1;

    if (one_in(c, 10))
        return 0;
    if (one_in(c, 8))
        return others;
    return 1 + (unsigned)draw(c, one_in(c, 3) ? others : others < 3 ? others : 3);
}

static void draw_deaths(struct campaign_case *c, uint64_t calls)
{
    unsigned left = how_many(c);

    for (c->n_deaths = 0; left > 0; c->n_deaths++) {
        struct campaign_death *d = &c->death[c->n_deaths];

        d->when = one_in(c, 10) ? CAMPAIGN_AT_END
                  : (enum campaign_when)draw(c, 3);
        d->how = (enum campaign_how)draw(c, CAMPAIGN_HOWS);
        if (d->how == CAMPAIGN_EXIT && d->when != CAMPAIGN_AT_CALL)
            d->how = CAMPAIGN_KILL;
        d->at = d->when == CAMPAIGN_AT_END ? draw(c, one_in(c, 2) ? 2000 : 40000)
                : d->when == CAMPAIGN_AT_TIME ? draw(c, 600)
                : draw(c, calls + 1 + calls / 20);
        d->together = d->when == CAMPAIGN_AT_CALL || !one_in(c, 4) ? 1
                      : 1 + (unsigned)draw(c, left);
        left -= d->together;
        if (c->restarts && one_in(c, 2)) {
            d->victim = (enum campaign_victim)(1 + draw(c, c->stops ? 3 : 2));
            d->when = d->when == CAMPAIGN_AT_CALL ? CAMPAIGN_AT_PROGRESS
                      : d->when;
            d->together = 1;
        }
    }
}

/* ---- what is what ---- */

bool campaign_case_poison(const struct campaign_case *c, unsigned step,
                          uint64_t root)
{
    return step == c->poison_step
           && (c->poison[0] == root || c->poison[1] == root);
}

void campaign_case_root(const struct campaign_case *c, uint64_t root,
                        uint64_t *first, uint64_t *last)
{
    *first = root * c->per_root;
    *last = *first + c->per_root - 1;
    if (*last >= c->n_items)
        *last = c->n_items - 1;
}

bool campaign_map_fails(const struct campaign_case *c, uint64_t item)
{
    return c->job.fails_one_in > 0
           && of(c->number, 1, item) % c->job.fails_one_in == 0;
}

unsigned campaign_map_pairs(const struct campaign_case *c, uint64_t item)
{
    uint64_t r = of(c->number, 2, item);

    return (unsigned)(r % (c->job.most + 1)) * (r % 13 == 0 ? 20 : 1);
}

size_t campaign_map_pair(const struct campaign_case *c, uint64_t item,
                         unsigned n, char key[CAMPAIGN_KEY_MOST],
                         uint64_t value[2])
{
    uint64_t r = of(of(c->number, 3, item), 4, n);
    uint64_t k = of(c->number, 5, r % c->job.keys);

    value[0] = r >> 20;
    value[1] = item;
    return (size_t)snprintf(key, CAMPAIGN_KEY_MOST, "%08" PRIx64 "%.*s",
                            k >> 32, (int)(k % 20), "....................");
}

void campaign_fold_item(const struct campaign_case *c, uint64_t item,
                        uint64_t matrix[4])
{
    for (unsigned i = 0; i < 4; i++)
        matrix[i] = of(of(c->number, 6, item), 7, i);
}

/* A product of matrices where order counts: those of items are odd often enough
 * for it not to become 0. */
void campaign_fold(const struct campaign_case *c, uint64_t acc[4],
                   const uint64_t value[4])
{
    uint64_t a[4];

    memcpy(a, acc, sizeof a);
    for (unsigned i = 0; i < 4 && !c->job.ordered; i++)
        acc[i] += value[i];
    for (unsigned i = 0; i < 4 && c->job.ordered; i++)
        acc[i] = a[i / 2 * 2] * value[i % 2]
                 + a[i / 2 * 2 + 1] * value[2 + i % 2];
}

uint64_t campaign_digest(uint64_t so_far, const void *value, size_t size)
{
    return of(so_far, 8, mpipe__bytes_hash(value, size));
}

/* ---- what must come out of a pipeline ---- */

static void walk_root(const struct campaign_case *c,
                      struct campaign_expected *x, uint64_t root, void *item)
{
    uint64_t first, last, reached = x->ref.in[c->poison_step];
    bool poison = campaign_case_poison(c, c->poison_step, root);

    x->first_result[root] = x->ref.results.n;
    x->first_failure[root] = x->ref.failures.n;
    campaign_case_root(c, root, &first, &last);
    for (uint64_t i = first; i <= last; i++)
        mpipe__reference_item(&x->ref, c->step, c->n_steps, c->max_retries,
                              item, mpipe__item_make(c->number, i, c->fixed,
                                                     item));
    x->poisoned[root] = poison && x->ref.in[c->poison_step] > reached;
}

static void expect_results(const struct campaign_case *c,
                           struct campaign_expected *x)
{
    void *item = some(1, MPIPE__ITEM_MAX);

    x->first_result = some(c->n_roots + 1, sizeof *x->first_result);
    x->first_failure = some(c->n_roots + 1, sizeof *x->first_failure);
    x->poisoned = some(c->n_roots + 1, sizeof *x->poisoned);
    for (uint64_t root = 0; root < c->n_roots; root++)
        walk_root(c, x, root, item);
    x->first_result[c->n_roots] = x->ref.results.n;
    x->first_failure[c->n_roots] = x->ref.failures.n;
    for (unsigned s = 0; s < c->n_steps; s++)
        x->calls += x->ref.in[s];
    free(item);
}

/* ---- what must come out of a map-reduce job ---- */

struct pair {
    char key[CAMPAIGN_KEY_MOST];
    uint64_t value[2];
    size_t n;                   /* its place in the feed */
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *p = a, *q = b;
    int by_key = strcmp(p->key, q->key);

    return by_key != 0 ? by_key : p->n < q->n ? -1 : p->n > q->n;
}

static void add_line(struct campaign_expected *x, const char *key, uint64_t n,
                     uint64_t digest)
{
    if (x->n_lines == x->lines_capacity) {
        x->lines_capacity = 2 * x->lines_capacity + 64;
        x->line = realloc(x->line, x->lines_capacity * sizeof *x->line);
    }
    if (x->line == NULL
        || asprintf(&x->line[x->n_lines++], "%s %" PRIu64 " %016" PRIx64, key,
                    n, digest) < 0) {
        perror("campaign");
        abort();
    }
}

static size_t value_size(const struct campaign_case *c)
{
    return c->job.combines ? sizeof(uint64_t) : 2 * sizeof(uint64_t);
}

/* The lines of one key. */
static void expect_key(const struct campaign_case *c,
                       struct campaign_expected *x, const struct pair *pair,
                       size_t n)
{
    uint64_t digest = 0, sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += pair[i].value[0];
    if (c->job.combines) {
        add_line(x, pair->key, 1, campaign_digest(0, &sum, sizeof sum));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!c->job.reduces)
            digest = 0;
        digest = campaign_digest(digest, pair[i].value, value_size(c));
        if (!c->job.reduces)
            add_line(x, pair->key, 1, digest);
    }
    if (c->job.reduces)
        add_line(x, pair->key, n, digest);
}

static bool counts(const struct campaign_case *c,
                   const struct campaign_expected *x, uint64_t item)
{
    return !x->blamed[item] && !campaign_map_fails(c, item);
}

static void expect_keys(const struct campaign_case *c,
                        struct campaign_expected *x)
{
    size_t n = 0, from = 0;
    struct pair *pair;

    for (uint64_t i = 0; i < c->n_items; i++)
        n += counts(c, x, i) ? campaign_map_pairs(c, i) : 0;
    pair = some(n + 1, sizeof *pair);
    n = 0;
    for (uint64_t i = 0; i < c->n_items; i++)
        for (unsigned k = 0; k < campaign_map_pairs(c, i)
                             && counts(c, x, i); k++, n++) {
            campaign_map_pair(c, i, k, pair[n].key, pair[n].value);
            pair[n].n = n;
        }
    qsort(pair, n, sizeof *pair, compare_pairs);
    for (size_t i = 1; i <= n; i++)
        if (i == n || strcmp(pair[i].key, pair[from].key) != 0) {
            expect_key(c, x, pair + from, i - from);
            from = i;
        }
    free(pair);
}

static void expect_fold(const struct campaign_case *c,
                        struct campaign_expected *x)
{
    uint64_t acc[4], one[4], n = 0;

    for (uint64_t i = 0; i < c->n_items; i++) {
        if (!counts(c, x, i))
            continue;
        campaign_fold_item(c, i, one);
        if (n++ == 0)
            memcpy(acc, one, sizeof acc);
        else
            campaign_fold(c, acc, one);
    }
    if (n > 0)
        add_line(x, "fold", 1, campaign_digest(0, acc, sizeof acc));
}

void campaign_case_lines(const struct campaign_case *c,
                         struct campaign_expected *x)
{
    if (c->kind == CAMPAIGN_KEYED)
        expect_keys(c, x);
    else
        expect_fold(c, x);
}

/* ---- all together ---- */

/* For a while, or for so long that the job had better end without it. */
static void draw_slow(struct campaign_case *c, bool slow)
{
    bool stuck = one_in(c, 6);
    size_t n = strlen(c->options);

    if (!slow && !one_in(c, 4))
        return;
    c->slow_rank = 1 + (unsigned)draw(c, c->ranks - 1);
    c->slow_after = (unsigned)draw(c, one_in(c, 2) ? 3 : 60);
    c->slow_calls = stuck ? 1 : 1 + (unsigned)draw(c, 6);
    c->slow_ns = stuck ? 8000000000u : 20000000 + draw(c, 400000000);
    if (one_in(c, 6))
        snprintf(c->options + n, sizeof c->options - n, " --backups=never");
}

void campaign_case_expect(struct campaign_case *c,
                          struct campaign_expected *x, bool slow)
{
    for (;;) {
        memset(x, 0, sizeof *x);
        if (c->kind != CAMPAIGN_PIPELINE)
            break;
        expect_results(c, x);
        if (x->ref.bytes <= BYTES_MOST)
            break;
        campaign_expected_free(x);
        c->n_items /= 2;
        c->n_roots = (c->n_items + c->per_root - 1) / c->per_root;
        for (unsigned i = 0; i < CAMPAIGN_POISONS; i++)
            if (c->poison[i] != UINT64_MAX && c->n_roots > 0)
                c->poison[i] %= c->n_roots;
    }
    if (c->kind != CAMPAIGN_PIPELINE) {
        x->calls = c->n_items;
        x->blamed = some(c->n_items + 1, sizeof *x->blamed);
    }
    draw_time(c, &x->ref);
    draw_deaths(c, x->calls * c->rounds);
    draw_slow(c, slow);
}

void campaign_expected_free(struct campaign_expected *x)
{
    mpipe__reference_free(&x->ref);
    free(x->first_result);
    free(x->first_failure);
    free(x->poisoned);
    free(x->blamed);
    for (size_t i = 0; i < x->n_lines; i++)
        free(x->line[i]);
    free(x->line);
    memset(x, 0, sizeof *x);
}

/* ---- showing ---- */

static void show_job(const struct campaign_case *c)
{
    static const char *const sorts[] = { "unsorted", "sorted parts",
                                         "sorted" };

    fprintf(stderr, "    %s%s of %" PRIu64 " items, %u keys, %u partitions, %s"
            "%s%s%s, 1 in %u fails, %" PRIu64 " ns", c->kind == CAMPAIGN_FOLD
            ? "fold" : "keyed job", c->kind == CAMPAIGN_FOLD && c->job.ordered
            ? " in order" : "", c->n_items, c->job.keys, c->job.partitions,
            sorts[c->job.sort], c->job.combines ? ", combine" : "",
            c->job.reduces ? ", reduce" : "", c->job.parts ? ", parts" : "",
            c->job.fails_one_in, c->takes_ns);
}

static void show_pipeline(const struct campaign_case *c)
{
    static const char *const kinds[] = { "map", "copy", "shrink", "grow",
                                         "drop", "make" };
    static const char *const sources[] = { "pushed", "pulled", "range",
                                           "ranges", "lines" };

    fprintf(stderr, "    %" PRIu64 " items in %" PRIu64 " roots, %s%s%s%s%s",
            c->n_items, c->n_roots, sources[c->source],
            c->ordered ? ", ordered" : "", c->fixed ? ", fixed" : "",
            c->file_sink ? ", file" : "", c->rounds > 1 ? ", twice" : "");
    for (unsigned i = 0; i < CAMPAIGN_POISONS; i++)
        if (c->poison[i] != UINT64_MAX)
            fprintf(stderr, ", root %" PRIu64 " is poison at step %u",
                    c->poison[i], c->poison_step);
    for (unsigned s = 0; s < c->n_steps; s++) {
        const struct mpipe__step *step = &c->step[s];
        fprintf(stderr, "%s%s work %g %" PRIu64 " ns", s == 0 ? "\n    " : " | ",
                kinds[step->kind], step->work, step->takes_ns);
        if (step->one_in > 0)
            fprintf(stderr, " (1 in %u fails %d times%s)", step->one_in,
                    (int)step->fails, step->late ? ", late" : "");
    }
}

void campaign_case_show(const struct campaign_case *c)
{
    static const char *const hows[] = { "killed", "segv", "abort", "exit" };
    static const char *const victims[] = { "", " (rank 0)", " (mpirun)",
                                           " (stop)" };

    fprintf(stderr, "    %u ranks, %s\n", c->ranks, c->options);
    if (c->kind == CAMPAIGN_PIPELINE)
        show_pipeline(c);
    else
        show_job(c);
    if (c->slow_calls > 0)
        fprintf(stderr, "\n    rank %u takes %" PRIu64 " ms more for %u calls from its "
                "%u. on", c->slow_rank, c->slow_ns / 1000000, c->slow_calls,
                c->slow_after + 1);
    fprintf(stderr, "\n    deaths:");
    for (unsigned i = 0; i < c->n_deaths; i++) {
        const struct campaign_death *d = &c->death[i];
        fprintf(stderr, "%s %u %s at %s %" PRIu64 "%s", i > 0 ? "," : "",
                d->together, hows[d->how], d->when == CAMPAIGN_AT_TIME ? "ms"
                : d->when == CAMPAIGN_AT_END ? "us of the end" : d->when == CAMPAIGN_AT_CALL ? "its own call" : "call", d->at,
                victims[d->victim]);
    }
    fprintf(stderr, "%s\n", c->n_deaths == 0 ? " none" : "");
}
