/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - the closing report as text and as JSON, from plain jobs to ones
 * with no time, no ranks, no memory or no disk.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <mpipe/version.h>
#include "cause.h"
#include "report.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define SEC ((uint64_t)1000000000)
#define MIB ((uint64_t)1 << 20)

static const struct mpipe__report_stage two_stages[] = {
    { "square", 2,
      { .in = 1000000, .out = 1000020, .made = 20, .bytes_in = 8000000,
        .bytes_out = 8000160, .frames = 123, .busy_ns = 9 * SEC / 4 },
      5 * SEC, SEC / 2 },
    { "only-even-numbers-between-one-and-ten", 1,
      { .in = 1000021, .out = 500010, .dropped = 500000, .failed = 10,
        .retried = 1, .bytes_in = 8000168, .bytes_out = 4000080,
        .frames = 124, .busy_ns = 0 },
      5 * SEC / 2, 5 * SEC / 2 }
};

static const struct mpipe__report_rank four_ranks[] = {
    { 0, "node1", -1, -1, { .wall_ns = 5 * SEC / 2, .rss = 40 * MIB,
      .rss_max = 50 * MIB, .frames_sent = 7 }, 0, 0 },
    { 1, "node1", 0, 0, { .wall_ns = 5 * SEC / 2, .busy_ns = SEC,
      .blocked_ns = 1, .waiting_ns = SEC / 4, .rss_max = 60 * MIB,
      .node_available = 1000, .backlog = 3, .frames_received = 8,
      .bytes_sent = 9, .bytes_received = 10 }, 0, 0 },
    { 2, "node2", 0, 1, { .wall_ns = 5 * SEC / 2, .rss_max = 60 * MIB }, 0, 0 },
    { 3, "node2", -1, -1, { .wall_ns = 5 * SEC / 2, .rss_max = 1 * MIB }, 0, 0 }
};

static const struct mpipe__report plain = {
    .name = "demo", .program = "mypipeline", .wall = 2.5,
    .counts = { 1000000, 20, 500010, 500000, 10, 1 },
    .bytes_fed = 8000000, .bytes_delivered = 4000080,
    .n_stages = 2, .n_ranks = 4, .stages = two_stages, .ranks = four_ranks
};

typedef enum mpipe_err (*write_fn)(const struct mpipe__report *, FILE *);

/* What 'write' writes; to be freed. */
static char *written(write_fn write, const struct mpipe__report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    CU_ASSERT_EQUAL(write(report, stream), MPIPE_OK);
    fclose(stream);
    return text;
}

static void check_text(const struct mpipe__report *report,
                       const char *expected)
{
    char *text = written(mpipe__report_print, report);
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

/* ---- text ---- */

static void plain_text(void)
{
    check_text(&plain,
"demo: 1000000 fed, 20 made, 500010 delivered, 500000 dropped, 10 failed; "
"1 retried\n"
"4 ranks, 2.500 s, 400k items/s, 7.6 MiB fed, 3.8 MiB delivered\n"
"stage                     ranks       in      out  made  dropped  failed"
"  retried  busy  waiting    rate  bytes in  bytes out\n"
"square                        2  1000000  1000020    20        0       0"
"        0   45%      10%  400k/s   7.6 MiB    7.6 MiB\n"
"only-even-numbers-betw..      1  1000021   500010     0   500000      10"
"        1    0%     100%  400k/s   7.6 MiB    3.8 MiB\n"
"memory: at most 60 MiB on rank 1 of node1, 171 MiB on all ranks\n");
}

static void bare_text(void)
{
    struct mpipe__report r = { .name = "pipeline" };
    check_text(&r, "pipeline: 0 fed, 0 made, 0 delivered, 0 dropped, 0 failed\n"
                   "0 ranks, 0.000 s, - items/s, 0 B fed, 0 B delivered\n");
}

static void head_lines(void)
{
    const struct {
        double wall;
        struct mpipe_counts counts;
        const char *head;
    } rows[] = {
        { 0, { 5, 0, 5, 0, 0, 0 },
          "p: 5 fed, 0 made, 5 delivered, 0 dropped, 0 failed\n"
          "1 rank, 0.000 s, - items/s, 0 B fed, 0 B delivered\n" },
        { NAN, { 5, 0, 5, 0, 0, 0 },
          "p: 5 fed, 0 made, 5 delivered, 0 dropped, 0 failed\n"
          "1 rank, -, - items/s, 0 B fed, 0 B delivered\n" },
        { -1, { 5, 0, 5, 0, 0, 0 },
          "p: 5 fed, 0 made, 5 delivered, 0 dropped, 0 failed\n"
          "1 rank, -, - items/s, 0 B fed, 0 B delivered\n" },
        { INFINITY, { 5, 0, 5, 0, 0, 0 },
          "p: 5 fed, 0 made, 5 delivered, 0 dropped, 0 failed\n"
          "1 rank, >99d, 0 items/s, 0 B fed, 0 B delivered\n" },
        { 1e-320, { 5, 0, 5, 0, 0, 0 },
          "p: 5 fed, 0 made, 5 delivered, 0 dropped, 0 failed\n"
          "1 rank, 0.000 s, - items/s, 0 B fed, 0 B delivered\n" },
        { 12.34, { 20, 3, 5, 2, 1, 4 },
          "p: 20 fed, 3 made, 5 delivered, 2 dropped, 1 failed, "
          "15 unfinished; 4 retried\n"
          "1 rank, 12.3 s, 1.6 items/s, 0 B fed, 0 B delivered\n" },
        { 5400, { 90, 0, 90, 0, 0, 0 },
          "p: 90 fed, 0 made, 90 delivered, 0 dropped, 0 failed\n"
          "1 rank, 1:30:00, 1.0 items/min, 0 B fed, 0 B delivered\n" },
        { 1, { UINT64_MAX, 0, UINT64_MAX, 0, 0, 0 },
          "p: 18446744073709551615 fed, 0 made, 18446744073709551615 "
          "delivered, 0 dropped, 0 failed\n"
          "1 rank, 1.000 s, 18E items/s, 0 B fed, 0 B delivered\n" }
    };
    static const struct mpipe__report_rank rank = { 0, "a", -1, -1, { 0 }, 0, 0 };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__report r = {
            .name = "p", .wall = rows[i].wall, .counts = rows[i].counts,
            .n_ranks = 1, .ranks = &rank
        };
        check_text(&r, rows[i].head);
    }
}

/* Two ranks died and are named, with what that cost; of many only some are. */
static void dead_ranks(void)
{
    struct mpipe__report_rank ranks[9] = { { 0, "a", -1, -1, { 0 }, 0, 0 } };
    struct mpipe__report r = {
        .name = "p", .wall = 1, .n_ranks = 9, .ranks = ranks,
        .recovery = { 2, 3, 40, 12345678 }
    };
    char *json;
    json_t *all;

    for (int i = 1; i < 9; i++) {
        ranks[i].rank = i;
        ranks[i].host = "b\n";
        ranks[i].first = ranks[i].last = -1;
    }
    ranks[2].died_ns = 1500000000;
    ranks[2].cause = MPIPE__SILENT;
    ranks[5].died_ns = 1;
    ranks[5].cause = SIGSEGV;
    check_text(&r, "p: 0 fed, 0 made, 0 delivered, 0 dropped, 0 failed\n"
               "9 ranks, 1.000 s, 0 items/s, 0 B fed, 0 B delivered\n"
               "2 ranks died: 2 of b? at 1.500 s (silent), 5 of b? at 0.000 s "
               "(SIGSEGV); 40 items in 3 frames were fed again, results came "
               "again after 0.012 s at most\n");
    json = written(mpipe__report_json, &r);
    all = json_loads(json, 0, NULL);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(all, "deaths")), 2);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(all,
                                                       "items_fed_again")),
                    40);
    CU_ASSERT_DOUBLE_EQUAL(
        json_real_value(json_object_get(
            json_array_get(json_object_get(all, "ranks"), 2),
            "died_seconds")), 1.5, 1e-9);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(
            json_array_get(json_object_get(all, "ranks"), 5),
            "died_of")), "SIGSEGV");
    json_decref(all);
    free(json);
    for (int i = 1; i < 9; i++)
        ranks[i].died_ns = 1000000;
    r.recovery = (struct mpipe__recovery){ 8, 0, 0, 0 };
    check_text(&r, "p: 0 fed, 0 made, 0 delivered, 0 dropped, 0 failed\n"
               "9 ranks, 1.000 s, 0 items/s, 0 B fed, 0 B delivered\n"
               "8 ranks died: 1 of b? at 0.001 s (killed, or gone), 2 of b? at "
               "0.001 s (silent), 3 of b? at 0.001 s (killed, or gone), 4 of b? "
               "at 0.001 s (killed, or gone), 5 of b? at 0.001 s (SIGSEGV), "
               "6 of b? at 0.001 s (killed, or gone), ...; 0 items in 0 "
               "frames were fed again\n");
}

/* One is left behind beside one that has died; pairs that were worked on twice count
 * once. */
static void left_behind(void)
{
    struct mpipe__report_rank ranks[4];
    struct mpipe__report r = plain;
    char *text, *json;
    json_t *all;

    memcpy(ranks, four_ranks, sizeof ranks);
    ranks[1].died_ns = 1500000000;
    ranks[1].cause = MPIPE__LEFT;
    ranks[1].stats.pairs_emitted = ranks[1].stats.pairs_sent = 600000;
    ranks[2].died_ns = 1700000000;
    ranks[2].cause = MPIPE__LEFT;
    ranks[3].died_ns = 1;
    r.ranks = ranks;
    r.recovery = (struct mpipe__recovery){ 1, 0, 0, 0 };
    r.shuffle.n_parts = 1;
    r.n_backups = 3;
    text = written(mpipe__report_print, &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nshuffle: 500010 pairs emitted; "));
    CU_ASSERT_PTR_NOT_NULL(strstr(
        text, "\n3 late frames were given to idle ranks as well, which 0 times were "
        "quicker\nleft behind: rank 1 of node1 at 1.500 s, in stage square\n"
        "left behind: rank 2 of node2 at 1.700 s, in stage square to only-"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\n1 rank died: 3 of node2 at 0.000 s "
                                  "(killed, or gone); "));
    free(text);
    json = written(mpipe__report_json, &r);
    all = json_loads(json, 0, NULL);
    CU_ASSERT_STRING_EQUAL(
        json_string_value(json_object_get(
            json_array_get(json_object_get(all, "ranks"), 1),
            "died_of")), "left behind");
    json_decref(all);
    free(json);
}

/* Partitions that were lost: that a flow ended early since, and that another one
 * filled them again; of many only some are named. */
static void lost_parts(void)
{
    static const uint32_t parts[] = { 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
                                      15 };
    struct mpipe__report r = {
        .name = "p", .wall = 1, .n_ranks = 1, .ranks = four_ranks,
        .shuffle = { .n_parts = 20 }, .reduces = true, .n_lost = 2
    };
    char *text, *json;
    json_t *all, *again;

    text = written(mpipe__report_print, &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\nended early: 2 partitions were lost "
                                  "with dead ranks, to be computed again\n"));
    free(text);
    json = written(mpipe__report_json, &r);
    all = json_loads(json, 0, NULL);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(all,
                                                       "partitions_lost")), 2);
    CU_ASSERT_PTR_NULL(json_object_get(all, "partitions_computed_again"));
    json_decref(all);
    free(json);
    r.n_lost = 0;
    r.refilled = parts;
    r.n_refilled = 2;
    text = written(mpipe__report_print, &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\ncomputed again: 2 of 20 partitions: "
                                  "1, 4\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "ended early"));
    free(text);
    r.n_refilled = COUNT_OF(parts);
    text = written(mpipe__report_print, &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "partitions: 1, 4, 5, 6, 7, 8, 9, 10, "
                                  "11, 12, 13, 14, ...\n"));
    free(text);
    json = written(mpipe__report_json, &r);
    all = json_loads(json, 0, NULL);
    again = json_object_get(all, "partitions_computed_again");
    CU_ASSERT_EQUAL(json_array_size(again), COUNT_OF(parts));
    CU_ASSERT_EQUAL(json_integer_value(json_array_get(again, 12)), 15);
    json_decref(all);
    free(json);
}

static void odd_stages(void)
{
    static const struct mpipe__report_stage stages[] = {
        { "gr\xc3\xbc\xc3\x9f\n", 0, { 0 }, 0, 0 },
        { "x", 10000, { .in = UINT64_MAX, .bytes_in = UINT64_MAX,
          .busy_ns = 11 }, 10, 12 }
    };
    struct mpipe__report r = { .name = "p", .n_stages = 2, .stages = stages };
    check_text(&r,
"p: 0 fed, 0 made, 0 delivered, 0 dropped, 0 failed\n"
"0 ranks, 0.000 s, - items/s, 0 B fed, 0 B delivered\n"
"stage  ranks                    in  out  dropped  failed  busy  waiting"
"  rate  bytes in  bytes out\n"
"gr\xc3\xbc\xc3\x9f?      0                     0    0        0       0"
"     -        -     -       0 B        0 B\n"
"x      10000  18446744073709551615    0        0       0"
"  100%     100%     -    15 EiB        0 B\n");
}

static void error_lines(void)
{
    static const struct {
        struct mpipe_error error;
        const char *line;
    } rows[] = {
        { { MPIPE_OK, 0, "" }, "" },
        { { MPIPE_ESTAGE, 3, "square: no licence" },
          "error: stage failed on rank 3: square: no licence\n" },
        { { MPIPE_EINTR, -1, "SIGTERM" },
          "error: ended by a signal: SIGTERM\n" },
        { { MPIPE_ENOMEM, 0, "" }, "error: out of memory on rank 0\n" },
        { { MPIPE_EIO, -1, "two\nlines\033" },
          "error: input or output failed: two?lines?\n" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__report r = { .name = "p", .error = &rows[i].error };
        char expected[400];
        snprintf(expected, sizeof expected, "%s%s",
                 "p: 0 fed, 0 made, 0 delivered, 0 dropped, 0 failed\n"
                 "0 ranks, 0.000 s, - items/s, 0 B fed, 0 B delivered\n",
                 rows[i].line);
        check_text(&r, expected);
    }
}

static void longest_error(void)
{
    struct mpipe_error error = { MPIPE_EIO, 1, "" };
    struct mpipe__report r = { .name = "p", .error = &error };
    char *text;
    memset(error.text, 'x', sizeof error.text - 1);
    text = written(mpipe__report_print, &r);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, error.text));
    free(text);
}

/* ---- JSON ---- */

static json_t *parsed(const struct mpipe__report *report)
{
    char *text = written(mpipe__report_json, report);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_EQUAL(text[strlen(text) - 1], '\n');
    free(text);
    return json;
}

/* Is the value at 'path' ("stages/0/name") that of 'text' as JSON? */
static void check_value(const json_t *json, const char *path, const char *text)
{
    char part[64];
    json_t *expected = json_loads(text, JSON_DECODE_ANY, NULL);
    const char *p = path;
    while (json != NULL && *p != '\0') {
        size_t n = strcspn(p, "/");
        snprintf(part, sizeof part, "%.*s", (int)n, p);
        json = json_is_array(json) ? json_array_get(json, (size_t)atoi(part))
                                   : json_object_get(json, part);
        p += p[n] == '/' ? n + 1 : n;
    }
    CU_ASSERT_PTR_NOT_NULL(expected);
    CU_ASSERT_PTR_NOT_NULL(json);
    if (!json_equal((json_t *)(uintptr_t)json, expected))
        fprintf(stderr, "%s is not %s\n", path, text);
    CU_ASSERT(json_equal((json_t *)(uintptr_t)json, expected));
    json_decref(expected);
}

static void plain_json(void)
{
    static const struct { const char *path, *value; } rows[] = {
        { "program", "\"mypipeline\"" }, { "pipeline", "\"demo\"" },
        { "version", "\"" MPIPE_VERSION_STRING "\"" }, { "error", "null" },
        { "wall_seconds", "2.5" }, { "items_per_second", "400000.0" },
        { "items_fed", "1000000" }, { "items_made", "20" },
        { "items_delivered", "500010" }, { "items_dropped", "500000" },
        { "items_failed", "10" }, { "items_retried", "1" },
        { "items_unfinished", "0" }, { "bytes_fed", "8000000" },
        { "bytes_delivered", "4000080" }, { "memory_peak_bytes", "62914560" },
        { "memory_peak_rank", "1" },
        { "stages/0", "{\"name\": \"square\", \"ranks\": 2,"
          "\"items_in\": 1000000, \"items_out\": 1000020, \"items_made\": 20,"
          "\"items_dropped\": 0, \"items_failed\": 0, \"items_retried\": 0,"
          "\"bytes_in\": 8000000, \"bytes_out\": 8000160, \"frames\": 123,"
          "\"items_per_second\": 400000.0, \"busy_seconds\": 2.25,"
          "\"busy_percent\": 45.0, \"waiting_percent\": 10.0}" },
        { "stages/1/name", "\"only-even-numbers-between-one-and-ten\"" },
        { "stages/1/items_dropped", "500000" },
        { "stages/1/items_failed", "10" }, { "stages/1/items_retried", "1" },
        { "stages/1/waiting_percent", "100.0" },
        { "ranks/0/role", "\"feeder and sink\"" }, { "ranks/0/stages", "[]" },
        { "ranks/0/memory_bytes", "41943040" },
        { "ranks/0/frames_sent", "7" },
        { "ranks/1", "{\"rank\": 1, \"host\": \"node1\","
          "\"role\": \"stages\", \"stages\": [\"square\"],"
          "\"wall_seconds\": 2.5, \"busy_seconds\": 1.0,"
          "\"blocked_seconds\": 1e-9, \"waiting_seconds\": 0.25,"
          "\"busy_percent\": 40.0, \"memory_bytes\": 0,"
          "\"memory_peak_bytes\": 62914560, \"node_available_bytes\": 1000,"
          "\"backlog_frames\": 3, \"frames_sent\": 0, \"frames_received\": 8,"
          "\"bytes_sent\": 9, \"bytes_received\": 10, \"bytes_read\": 0}" },
        { "ranks/2/stages", "[\"square\","
          "\"only-even-numbers-between-one-and-ten\"]" },
        { "ranks/3/role", "\"spare\"" }, { "ranks/3/stages", "[]" }
    };
    json_t *json = parsed(&plain);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_value(json, rows[i].path, rows[i].value);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(json, "stages")), 2);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(json, "ranks")), 4);
    json_decref(json);
}

static void odd_json(void)
{
    static const struct mpipe_error error = {
        MPIPE_ESTAGE, 3, "\"no\"\n\xff licence"
    };
    static const struct mpipe__report_stage stages[] = {
        { "gr\xc3\xbc\xc3\x9f", 0, { .in = UINT64_MAX, .out = INT64_MAX }, 0,
          0 },
        { "long", 1, { .busy_ns = 30 }, 20, 21 }
    };
    static const struct mpipe__report_rank ranks[] = {
        { 0, NULL, 0, 1, { 0 }, 0, 0 }
    };
    const double walls[] = { 0, -1, NAN, INFINITY, 1e-320 };
    static const struct { const char *path, *value; } rows[] = {
        { "program", "null" }, { "items_per_second", "null" },
        { "error/code", "-8" }, { "error/name", "\"MPIPE_ESTAGE\"" },
        { "error/rank", "3" }, { "error/text", "\"\\\"no\\\"\\n? licence\"" },
        { "memory_peak_bytes", "null" }, { "memory_peak_rank", "null" },
        { "items_fed", "1.84467440737e+19" }, { "items_unfinished", "0" },
        { "stages/0/name", "\"gr\xc3\xbc\xc3\x9f\"" },
        { "stages/0/items_in", "1.84467440737e+19" },
        { "stages/0/items_out", "9223372036854775807" },
        { "stages/0/items_per_second", "null" },
        { "stages/0/busy_percent", "null" },
        { "stages/0/waiting_percent", "null" },
        { "stages/1/busy_percent", "100.0" },
        { "stages/1/waiting_percent", "100.0" },
        { "ranks/0/host", "null" }, { "ranks/0/busy_percent", "null" },
        { "ranks/0/role", "\"feeder, sink and stages\"" },
        { "ranks/0/stages", "[\"gr\xc3\xbc\xc3\x9f\", \"long\"]" }
    };
    for (size_t i = 0; i < COUNT_OF(walls); i++) {
        struct mpipe__report r = {
            .name = "p", .wall = walls[i], .error = &error, .n_stages = 2,
            .stages = stages, .n_ranks = 1, .ranks = ranks,
            .counts = { UINT64_MAX, 0, UINT64_MAX, 0, 0, 0 }
        };
        json_t *json;
        r.counts.fed = UINT64_MAX;
        json = parsed(&r);
        for (size_t j = 0; j < COUNT_OF(rows); j++)
            if (!isinf(walls[i]) || strstr(rows[j].path, "per_second") == NULL)
                check_value(json, rows[j].path, rows[j].value);
        check_value(json, "wall_seconds", walls[i] == 0 ? "0.0" :
                    walls[i] == 1e-320 ? "9.99988671827e-321" : "null");
        json_decref(json);
    }
}

static void bare_json(void)
{
    static const struct { const char *path, *value; } rows[] = {
        { "error", "null" }, { "stages", "[]" }, { "ranks", "[]" },
        { "pipeline", "\"p\"" }, { "items_fed", "0" }
    };
    static const struct mpipe_error none = { MPIPE_OK, 0, "" };
    struct mpipe__report r = { .name = "p", .error = &none };
    json_t *json = parsed(&r);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        check_value(json, rows[i].path, rows[i].value);
    json_decref(json);
}

static void error_names(void)
{
    static const struct {
        enum mpipe_err code;
        const char *name, *text;
    } rows[] = {
        { MPIPE_EFAILED, "\"MPIPE_EFAILED\"", "\"items failed\"" },
        { MPIPE_EINVAL, "\"MPIPE_EINVAL\"", "\"bad argument\"" },
        { MPIPE_ENOMEM, "\"MPIPE_ENOMEM\"", "\"out of memory\"" },
        { MPIPE_EIO, "\"MPIPE_EIO\"", "\"input or output failed\"" },
        { MPIPE_ETOOBIG, "\"MPIPE_ETOOBIG\"", "\"item too large\"" },
        { MPIPE_EMISMATCH, "\"MPIPE_EMISMATCH\"", "\"not the same job\"" },
        { MPIPE_EPLACE, "\"MPIPE_EPLACE\"", "\"too few ranks\"" },
        { MPIPE_ESTAGE, "\"MPIPE_ESTAGE\"", "\"stage failed\"" },
        { MPIPE_EINTR, "\"MPIPE_EINTR\"", "\"ended by a signal\"" },
        { MPIPE_ELINK, "\"MPIPE_ELINK\"",
          "\"a message was lost or damaged\"" },
        { MPIPE_EMPI, "\"MPIPE_EMPI\"", "\"the MPI library failed\"" },
        { MPIPE_EINTERNAL, "\"MPIPE_EINTERNAL\"",
          "\"internal error in libmpipe\"" },
        { MPIPE_AGAIN, "\"MPIPE_AGAIN\"", "\"nothing now\"" },
        { MPIPE_END, "\"MPIPE_END\"", "\"end of the source\"" },
        { (enum mpipe_err)-99, "\"unknown\"", "\"unknown error\"" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe_error error = { rows[i].code, -1, "" };
        struct mpipe__report r = { .name = "p", .error = &error };
        json_t *json = parsed(&r);
        check_value(json, "error/name", rows[i].name);
        check_value(json, "error/rank", "null");
        check_value(json, "error/text", rows[i].text);
        json_decref(json);
    }
}

/* ---- failures ---- */

static void full_disk(void)
{
    static const write_fn rows[] = { mpipe__report_print, mpipe__report_json };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        FILE *stream = fopen("/dev/full", "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
        CU_ASSERT_EQUAL(rows[i](&plain, stream), MPIPE_EIO);
        fclose(stream);
    }
}

/* jansson takes its memory from here; the one that counts down to 0 fails,
 * and only that one. */
static unsigned until_failure;

static void *failing_malloc(size_t size)
{
    return until_failure-- == 0 ? NULL : malloc(size);
}

static void no_memory(void)
{
    static const struct mpipe_error error = { MPIPE_ESTAGE, 3, "no licence" };
    struct mpipe__report r = plain;
    char *whole;
    unsigned n = 0;
    enum mpipe_err e = MPIPE_ENOMEM;
    r.error = &error;
    whole = written(mpipe__report_json, &r);
    json_set_alloc_funcs(failing_malloc, free);
    for (; e != MPIPE_OK && n < 10000; n++) {
        char *text = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&text, &size);
        CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
        until_failure = n;
        e = mpipe__report_json(&r, stream);
        fclose(stream);
        CU_ASSERT(e == MPIPE_OK || e == MPIPE_ENOMEM);
        /* it cannot have succeeded without the one that failed */
        CU_ASSERT_EQUAL(until_failure > n, e == MPIPE_ENOMEM);
        CU_ASSERT(e != MPIPE_OK || strcmp(text, whole) == 0);
        free(text);
    }
    free(whole);
    json_set_alloc_funcs(malloc, free);
    CU_ASSERT_EQUAL(e, MPIPE_OK);
    CU_ASSERT(n > 100);
}

static const struct mpipe__test tests[] = {
    { "the text has the account, a line a stage and the memory", plain_text },
    { "a job in which nothing happened has two lines", bare_text },
    { "the account shows what is unfinished and no rate in no time",
      head_lines },
    { "the table is aligned for odd names, huge counts and no ranks",
      odd_stages },
    { "dead ranks are named, and what they cost", dead_ranks },
    { "a rank is left behind", left_behind },
    { "partitions that were lost, and computed again", lost_parts },
    { "the error is the last line", error_lines },
    { "the longest error is shown whole", longest_error },
    { "the JSON has all of it and each rank", plain_json },
    { "what cannot be known is null, and nothing breaks the JSON", odd_json },
    { "a job in which nothing happened is valid JSON", bare_json },
    { "an error has its name in the JSON", error_names },
    { "a full disk is noticed", full_disk },
    { "JSON that lacks memory anywhere is an error", no_memory },
    { NULL, NULL }
};

const struct mpipe__suite suite_report = { "report", tests };
