/* SPDX-License-Identifier: BSD-3-Clause */
/* campaign_judge.c - is what a job has written just what it should be?
 *
 * Every root must have all its results once, in the order in which they were
 * emitted.  The exceptions are told by the job and looked into: a root that is
 * poison, or that is taken for it because ranks died over it by chance, has failed
 * as a whole and has no results.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include "campaign.h"

struct line {
    uint64_t root;
    size_t n;                   /* its place in the file */
    struct mpipe__bytes_row row;
};

struct lines {
    struct line *line;
    size_t n, capacity;
};

/* ---- reading ---- */

static struct line *add(struct lines *lines)
{
    if (lines->n == lines->capacity) {
        lines->capacity = 2 * lines->capacity + 1024;
        lines->line = realloc(lines->line,
                              lines->capacity * sizeof *lines->line);
        if (lines->line == NULL) {
            perror("campaign");
            abort();
        }
    }
    memset(&lines->line[lines->n], 0, sizeof *lines->line);
    lines->line[lines->n].n = lines->n;
    return &lines->line[lines->n++];
}

static FILE *open_of(const struct campaign_run *run, const char *name,
                     unsigned round)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s%s", run->folder, name,
             round > 0 ? "2" : "");
    return fopen(path, "re");
}

static void read_results(struct campaign_run *run, unsigned round,
                         struct lines *lines)
{
    FILE *file = open_of(run, "out", round);
    char text[200];

    while (file != NULL && fgets(text, sizeof text, file) != NULL) {
        struct line *l = add(lines);
        if (sscanf(text, "%" SCNu64 " %zu %" SCNx64, &l->root, &l->row.size,
                   &l->row.hash) != 3 || l->root >= run->c->n_roots) {
            campaign_wrong(run, "a line of the output is none: %s", text);
            lines->n--;
        }
    }
    if (file == NULL)
        campaign_wrong(run, "there is no output");
    else
        fclose(file);
}

/* Failures; and for each root whether ranks are said to have died over it. */
static void read_failures(struct campaign_run *run, unsigned round,
                          struct lines *lines, unsigned *died)
{
    FILE *file = open_of(run, "failed", round);
    char text[200];
    uint64_t root;

    while (file != NULL && fgets(text, sizeof text, file) != NULL) {
        struct line *l;
        if (sscanf(text, "%" SCNu64, &root) != 1 || root >= run->c->n_roots) {
            campaign_wrong(run, "a failure of no root: %s", text);
            continue;
        }
        if (strstr(text, " died\n") != NULL) {
            died[root]++;
            continue;
        }
        l = add(lines);
        l->root = root;
        if (sscanf(text, "%*u %u %zu %" SCNx64, &l->row.stage, &l->row.size,
                   &l->row.hash) != 3)
            campaign_wrong(run, "a failure that cannot be read: %s", text);
    }
    if (file != NULL)
        fclose(file);
}

static int by_root(const void *a, const void *b)
{
    const struct line *p = a, *q = b;

    if (p->root != q->root)
        return p->root < q->root ? -1 : 1;
    return p->n < q->n ? -1 : p->n > q->n;
}

/* ---- a pipeline ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct mpipe__bytes_row *p = a, *q = b;

    if (p->stage != q->stage)
        return p->stage < q->stage ? -1 : 1;
    if (p->size != q->size)
        return p->size < q->size ? -1 : 1;
    return p->hash < q->hash ? -1 : p->hash > q->hash;
}

/* Those that are not there, and those that are too many; both get sorted. */
static void count_differences(struct campaign_run *run,
                              struct mpipe__bytes_row *got, size_t n_got,
                              struct mpipe__bytes_row *want, size_t n_want)
{
    size_t g = 0, w = 0;

    if (n_got > 0)
        qsort(got, n_got, sizeof *got, compare_rows);
    if (n_want > 0)
        qsort(want, n_want, sizeof *want, compare_rows);
    while (g < n_got || w < n_want) {
        int way = g == n_got ? 1 : w == n_want ? -1
                  : compare_rows(&got[g], &want[w]);
        run->lost += way > 0;
        run->duplicated += way < 0;
        g += way <= 0;
        w += way >= 0;
    }
}

/* The rows of one root. */
static void compare_root(struct campaign_run *run, uint64_t root,
                         const char *what, bool in_order,
                         const struct line *line, size_t n_got,
                         const struct mpipe__bytes_row *row, size_t n_want)
{
    struct mpipe__bytes_row *got, *want;
    size_t same = 0;

    while (same < n_got && same < n_want
           && compare_rows(&line[same].row, &row[same]) == 0)
        same++;
    if (same == n_got && same == n_want)
        return;
    got = calloc(n_got + n_want + 1, sizeof *got);
    want = got + n_got;
    for (size_t i = 0; i < n_got; i++)
        got[i] = line[i].row;
    memcpy(want, row, n_want * sizeof *row);
    if (n_got > 0)
        qsort(got, n_got, sizeof *got, compare_rows);
    if (n_want > 0)
        qsort(want, n_want, sizeof *want, compare_rows);
    for (same = 0; n_got == n_want && same < n_got; same++)
        if (compare_rows(&got[same], &want[same]) != 0)
            break;
    if (same != n_got || n_got != n_want) {
        count_differences(run, got, n_got, want, n_want);
        campaign_wrong(run, "root %" PRIu64 " has %zu %s, not %zu, or others",
                       root, n_got, what, n_want);
    } else if (in_order) {
        campaign_wrong(run, "the %s of root %" PRIu64 " are in another order",
                       what, root);
    }
    free(got);
}

/* Has the root failed as a whole?  And may it? */
static bool has_died(struct campaign_run *run, uint64_t root, unsigned died,
                     bool has_results)
{
    bool poison = run->x->poisoned[root];

    if (died > 1 && run->starts == 1) {
        campaign_wrong(run, "root %" PRIu64 " was told to have failed %u times",
                       root, died);
        run->duplicated++;
    }
    run->poisoned += died > 0 && poison;
    run->blamed += died > 0 && !poison;
    if (poison && died == 0 && run->page->spared == 0)
        campaign_wrong(run, "root %" PRIu64 " is poison, and has not failed",
                       root);
    return died > 0 && !(run->starts > 1 && has_results);
}

static void compare_roots(struct campaign_run *run, struct lines *results,
                          struct lines *failures, const unsigned *died)
{
    const struct campaign_expected *x = run->x;
    size_t at = 0, failed_at = 0;

    for (uint64_t root = 0; root < run->c->n_roots; root++) {
        size_t n = 0, n_failed = 0, from = x->first_result[root];
        size_t failed_from = x->first_failure[root];
        size_t want = x->first_result[root + 1] - from;
        size_t want_failed = x->first_failure[root + 1] - failed_from;

        while (at + n < results->n && results->line[at + n].root == root)
            n++;
        while (failed_at + n_failed < failures->n
               && failures->line[failed_at + n_failed].root == root)
            n_failed++;
        if (has_died(run, root, died[root], n > 0))
            want = want_failed = 0;
        compare_root(run, root, "results", true, results->line + at, n,
                     x->ref.results.row + from, want);
        if (run->starts == 1)       /* what is told before a restart is told */
            compare_root(run, root, "failures", false,
                         failures->line + failed_at, n_failed,
                         x->ref.failures.row + failed_from, want_failed);
        at += n;
        failed_at += n_failed;
    }
}

static void judge_round(struct campaign_run *run, unsigned round,
                        uint64_t *delivered, bool *failed)
{
    struct lines results = { NULL, 0, 0 }, failures = { NULL, 0, 0 };
    unsigned *died = calloc(run->c->n_roots + 1, sizeof *died);

    read_results(run, round, &results);
    read_failures(run, round, &failures, died);
    *delivered = results.n;
    *failed |= failures.n > 0;
    for (uint64_t i = 0; i < run->c->n_roots; i++)
        *failed |= died[i] > 0;
    for (size_t i = 1; run->c->ordered && i < results.n; i++)
        if (results.line[i].root < results.line[i - 1].root) {
            campaign_wrong(run, "root %" PRIu64 " comes after root %" PRIu64,
                           results.line[i].root, results.line[i - 1].root);
            break;
        }
    if (results.n > 0)
        qsort(results.line, results.n, sizeof *results.line, by_root);
    if (failures.n > 0)
        qsort(failures.line, failures.n, sizeof *failures.line, by_root);
    compare_roots(run, &results, &failures, died);
    run->results += results.n;
    free(results.line);
    free(failures.line);
    free(died);
}

/* ---- reports ---- */

static uint64_t number_of(json_t *of, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(of, key));
}

static void count_late(struct campaign_run *run, json_t *report)
{
    json_t *ranks = json_object_get(report, "ranks");

    run->copies += number_of(report, "late_frames_fed_again");
    run->copies_won += number_of(report, "late_frames_won");
    for (size_t i = 0; i < json_array_size(ranks); i++) {
        const char *of = json_string_value(json_object_get(
            json_array_get(ranks, i), "died_of"));
        run->left += of != NULL && strcmp(of, "left behind") == 0;
    }
}

static void judge_report(struct campaign_run *run, json_t *report,
                         uint64_t delivered)
{
    uint64_t in = number_of(report, "items_fed")
                  + number_of(report, "items_made");
    uint64_t out = number_of(report, "items_delivered")
                   + number_of(report, "items_dropped")
                   + number_of(report, "items_failed");
    double took = json_real_value(json_object_get(
        report, "longest_recovery_seconds"));

    run->roots_again += number_of(report, "frames_fed_again");
    run->items_again += number_of(report, "items_fed_again");
    count_late(run, report);
    if (took > run->longest)
        run->longest = took;
    if (run->c->kind != CAMPAIGN_PIPELINE || run->starts > 1)
        return;
    if (number_of(report, "items_fed") != run->c->n_roots || in != out
        || number_of(report, "items_delivered") != delivered)
        campaign_wrong(run, "the report has %" PRIu64 " fed, %" PRIu64 " made, "
                       "%" PRIu64 " delivered, %" PRIu64 " dropped, %" PRIu64
                       " failed; %" PRIu64 " were fed and %" PRIu64
                       " delivered", number_of(report, "items_fed"),
                       number_of(report, "items_made"),
                       number_of(report, "items_delivered"),
                       number_of(report, "items_dropped"),
                       number_of(report, "items_failed"), run->c->n_roots,
                       delivered);
}

static void judge_reports(struct campaign_run *run, const uint64_t *delivered)
{
    FILE *file = open_of(run, "report", 0);
    json_t *report;
    unsigned n = 0;

    while (file != NULL && n < run->c->rounds
           && (report = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))
              != NULL) {
        judge_report(run, report, delivered[n++]);
        json_decref(report);
    }
    if (n != run->c->rounds)
        campaign_wrong(run, "%u reports, not %u", n, run->c->rounds);
    if (file != NULL)
        fclose(file);
}

/* ---- a map-reduce job ---- */

struct texts {
    char **text;
    size_t n, capacity;
};

static void read_texts(struct texts *t, FILE *file)
{
    char line[300];

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (t->n == t->capacity) {
            t->capacity = 2 * t->capacity + 256;
            t->text = realloc(t->text, t->capacity * sizeof *t->text);
        }
        line[strcspn(line, "\n")] = '\0';
        t->text[t->n++] = strdup(line);
    }
    if (file != NULL)
        fclose(file);
}

static void read_parts(const struct campaign_run *run, struct texts *t)
{
    char path[600];
    struct dirent **entry;
    int n;

    snprintf(path, sizeof path, "%s/parts", run->folder);
    n = scandir(path, &entry, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/parts/%s", run->folder,
                 entry[i]->d_name);
        if (entry[i]->d_name[0] != '.')
            read_texts(t, fopen(path, "re"));
        free(entry[i]);
    }
    if (n >= 0)
        free(entry);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void judge_lines(struct campaign_run *run, struct texts *t)
{
    const struct campaign_expected *x = run->x;
    char **want = calloc(x->n_lines + 1, sizeof *want);
    size_t g = 0, w = 0;

    if (x->n_lines > 0)
        memcpy(want, x->line, x->n_lines * sizeof *want);
    for (size_t i = 1; run->c->kind == CAMPAIGN_KEYED && i < t->n
                       && run->c->job.sort == 2; i++)      /* MPIPE_SORT_ALL */
        if (strncmp(t->text[i - 1], t->text[i],
                    strcspn(t->text[i - 1], " ")) > 0) {
            campaign_wrong(run, "%s comes before %s", t->text[i - 1],
                           t->text[i]);
            break;
        }
    if (t->n > 0)
        qsort(t->text, t->n, sizeof *t->text, by_text);
    qsort(want, x->n_lines, sizeof *want, by_text);
    while (g < t->n || w < x->n_lines) {
        int way = g == t->n ? 1 : w == x->n_lines ? -1
                  : strcmp(t->text[g], want[w]);
        if (way != 0 && run->lost + run->duplicated < 3)
            campaign_wrong(run, "%s: %s", way > 0 ? "lost" : "too many",
                           way > 0 ? want[w] : t->text[g]);
        run->lost += way > 0;
        run->duplicated += way < 0;
        g += way <= 0;
        w += way >= 0;
    }
    free(want);
}

/* Ranks have died over it. */
static void blame(struct campaign_run *run, uint64_t item)
{
    bool poison = campaign_case_poison(run->c, 0, item);

    if (run->x->blamed[item])
        campaign_wrong(run, "item %" PRIu64 " was told to have failed twice",
                       item);
    run->x->blamed[item] = true;
    run->poisoned += poison;
    run->blamed += !poison;
}

static void judge_failed_items(struct campaign_run *run, bool *failed)
{
    struct texts t = { NULL, 0, 0 };
    unsigned *times = calloc(run->c->n_items + 1, sizeof *times);

    read_texts(&t, open_of(run, "failed", 0));
    for (size_t i = 0; i < t.n; i++) {
        uint64_t item = strtoull(t.text[i], NULL, 10);
        if (item >= run->c->n_items)
            campaign_wrong(run, "item %" PRIu64 " has failed, and is none",
                           item);
        else if (strstr(t.text[i], " died") != NULL)
            blame(run, item);
        else
            times[item]++;
        free(t.text[i]);
    }
    free(t.text);
    for (uint64_t i = 0; i < run->c->n_items; i++) {
        if (campaign_case_poison(run->c, 0, i) && !run->x->blamed[i]
            && run->page->spared == 0)
            campaign_wrong(run, "item %" PRIu64 " is poison, and has not failed",
                           i);
        if (times[i] != (!run->x->blamed[i] && campaign_map_fails(run->c, i)))
            campaign_wrong(run, "item %" PRIu64 " has failed %u times", i,
                           times[i]);
        *failed |= times[i] > 0 || run->x->blamed[i];
    }
    free(times);
}

static void judge_job(struct campaign_run *run, bool *failed)
{
    struct texts t = { NULL, 0, 0 };

    judge_failed_items(run, failed);
    campaign_case_lines(run->c, run->x);
    if (run->c->job.parts)
        read_parts(run, &t);
    else
        read_texts(&t, open_of(run, "out", 0));
    run->results += t.n;
    judge_lines(run, &t);
    for (size_t i = 0; i < t.n; i++)
        free(t.text[i]);
    free(t.text);
}

/* ---- a run ---- */

/* A root that was blamed by chance takes a death of its own, and as many as
 * --max-retries over it, or two where only rank 0 is left. */
static void judge_blame(struct campaign_run *run)
{
    unsigned deaths = run->killed + run->page->n_own + run->page->n_poison;
    unsigned most = run->c->max_retries;

    if (deaths + 1 >= run->c->ranks && most > 2)
        most = 2;
    if (run->blamed > deaths || (run->blamed > 0 && deaths < most))
        campaign_wrong(run, "%" PRIu64 " roots that are no poison have failed "
                       "after %u deaths", run->blamed, deaths);
}

void campaign_judge(struct campaign_run *run)
{
    uint64_t delivered[2] = { 0, 0 };
    bool failed = false;
    unsigned deaths = run->killed + run->page->n_own + run->page->n_poison;

    if (run->page->n_wrong > 0)
        campaign_wrong(run, "%u times: %s", run->page->n_wrong,
                       run->page->wrong);
    if (run->code < 0)
        return;                     /* it hung */
    if (run->c->kind != CAMPAIGN_PIPELINE && run->code == 13
        && !run->settings->survives && deaths > 0) {
        run->ended_early = true;
        return;
    }
    if (run->code != 0 && run->code != 1) {
        campaign_wrong(run, "it ended with %d", run->code);
        return;
    }
    if (run->c->kind != CAMPAIGN_PIPELINE)
        judge_job(run, &failed);
    for (unsigned i = 0; i < run->c->rounds
                         && run->c->kind == CAMPAIGN_PIPELINE; i++)
        judge_round(run, i, &delivered[i], &failed);
    judge_reports(run, delivered);
    judge_blame(run);
    if (run->code != failed && run->starts == 1)
        campaign_wrong(run, "it ended with %d, and items have%s failed",
                       run->code, failed ? "" : " not");
}
