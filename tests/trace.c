/* SPDX-License-Identifier: BSD-3-Clause */
/* trace.c - the thinning buffer of spans, and the file that is made of them. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <jansson.h>
#include <mpipe/version.h>
#include "suite.h"
#include "trace.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the buffer ---- */

static void add_numbered(struct mpipe__trace *t, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++) {
        struct mpipe__span span = { 10 * i, 1, i, 1, 0, MPIPE__SPAN_STAGE };
        mpipe__trace_add(t, &span);
    }
}

static void thinning(void)
{
    static const struct {
        uint32_t capacity;
        uint64_t added;
        uint32_t n, keep_one_in;
    } rows[] = {
        { 4, 0, 0, 1 }, { 4, 3, 3, 1 }, { 4, 4, 4, 1 },
        { 4, 5, 3, 2 },             /* 0 2 4 */
        { 4, 6, 3, 2 }, { 4, 7, 4, 2 }, { 4, 8, 4, 2 },
        { 4, 9, 3, 4 },             /* 0 4 8 */
        { 4, 13, 4, 4 }, { 4, 17, 3, 8 }, { 4, 1000, 4, 256 },
        { 5, 5, 5, 1 }, { 5, 6, 3, 2 }, { 5, 7, 4, 2 }, { 5, 9, 5, 2 },
        { 5, 11, 3, 4 }, { 5, 12, 3, 4 }, { 5, 13, 4, 4 },
        { 1, 1, 1, 1 }, { 1, 2, 1, 2 }, { 1, 3, 1, 4 }, { 1, 1000, 1, 1024 },
        { 1000, 1000000, 977, 1024 },
        { 0, 10, 0, 1 }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__trace t;
        CU_ASSERT_EQUAL_FATAL(mpipe__trace_init(&t, rows[i].capacity),
                              MPIPE_OK);
        add_numbered(&t, 0, rows[i].added);
        CU_ASSERT_EQUAL(t.n, rows[i].n);
        CU_ASSERT_EQUAL(t.keep_one_in, rows[i].keep_one_in);
        for (uint32_t j = 0; j < t.n; j++)
            CU_ASSERT_EQUAL(t.span[j].root, (uint64_t)j * t.keep_one_in);
        mpipe__trace_fini(&t);
        CU_ASSERT_PTR_NULL(t.span);
        mpipe__trace_fini(&t);
    }
}

static void even_at_any_moment(void)
{
    for (uint32_t capacity = 1; capacity < 20; capacity++) {
        struct mpipe__trace t;
        CU_ASSERT_EQUAL_FATAL(mpipe__trace_init(&t, capacity), MPIPE_OK);
        for (uint64_t added = 0; added < 300; added++) {
            bool even = true;
            add_numbered(&t, added, added + 1);
            for (uint32_t j = 0; j < t.n; j++)
                even = even && t.span[j].root == (uint64_t)j * t.keep_one_in;
            CU_ASSERT(even);
            CU_ASSERT(t.n == added / t.keep_one_in + 1);
            CU_ASSERT(t.n <= capacity);
        }
        mpipe__trace_fini(&t);
    }
}

/* ---- the file ---- */

/* A new file's name, and what is in it after 'close'. */
static void new_path(char path[32])
{
    int fd;
    strcpy(path, "trace-test-XXXXXX");
    fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
}

static char *take_file(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT(getdelim(&text, &size, '\0', file) >= 0);
    fclose(file);
    unlink(path);
    return text;
}

#define META(name, tid, args) \
    "{\"name\":\"" name "\",\"ph\":\"M\",\"pid\":0,\"tid\":" tid \
    ",\"args\":{" args "}}"
#define SPAN(name, category, tid, ts, dur, args) \
    "{\"name\":\"" name "\",\"cat\":\"" category "\",\"ph\":\"X\",\"pid\":0," \
    "\"tid\":" tid ",\"ts\":" ts ",\"dur\":" dur ",\"args\":{" args "}}"

static void whole_file(void)
{
    static const char *const names[] = { "square", "print" };
    static const struct mpipe__span first[] = {
        { 1000000500, 1500, 7, 100, 0, MPIPE__SPAN_STAGE },
        { 1000002000, 0, UINT64_MAX, 0, 0, MPIPE__SPAN_IDLE }
    };
    static const struct mpipe__span second[] = {
        { 1000000000, 999, (uint64_t)1 << 53, 1, 1, MPIPE__SPAN_STAGE },
        { 1234567890123, 42, ((uint64_t)1 << 53) + 1, 2, 2,
          MPIPE__SPAN_STAGE },
        { 1000001001, 1, 8, 3, 0, MPIPE__SPAN_BLOCKED },
        { 1000001001, 1, 9, 3, 0, MPIPE__SPAN_FEED },
        { 1000001001, 1, 10, 3, 9, MPIPE__SPAN_SINK },
        { 1000001001, 1, 11, 3, 9, 77 }
    };
    static const char expected[] =
        "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
        META("process_name", "0", "\"name\":\"ranks\"") ",\n"
        META("thread_name", "0", "\"name\":\"rank 0 a: feeder\"") ",\n"
        META("thread_sort_index", "0", "\"sort_index\":0") ",\n"
        SPAN("square", "stage", "0", "0.000", "1.500",
             "\"root\":7,\"items\":100") ",\n"
        SPAN("idle", "idle", "0", "1.500", "0.000", "\"items\":0") ",\n"
        META("thread_name", "12", "\"name\":\"rank 12\"") ",\n"
        META("thread_sort_index", "12", "\"sort_index\":12") ",\n"
        "{\"name\":\"long job: 1 span in 4 is shown\",\"ph\":\"i\",\"s\":\"t\","
        "\"pid\":0,\"tid\":12,\"ts\":0.000,\"args\":{\"keep_one_in\":4}},\n"
        SPAN("print", "stage", "12", "-0.500", "0.999",
             "\"root\":9007199254740992,\"items\":1") ",\n"
        SPAN("stage 2", "stage", "12", "1233567889.623", "0.042",
             "\"root\":\"9007199254740993\",\"items\":2") ",\n"
        SPAN("blocked", "blocked", "12", "0.501", "0.001",
             "\"root\":8,\"items\":3") ",\n"
        SPAN("feed", "feed", "12", "0.501", "0.001",
             "\"root\":9,\"items\":3") ",\n"
        SPAN("sink", "sink", "12", "0.501", "0.001",
             "\"root\":10,\"items\":3") ",\n"
        SPAN("other", "other", "12", "0.501", "0.001",
             "\"root\":11,\"items\":3") "\n"
        "],\"otherData\":{\"writer\":\"libmpipe " MPIPE_VERSION_STRING "\","
        "\"epoch_unix_ns\":\"1000000500\"}}\n";
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe__trace_file *f;
    char path[32], *text;
    json_t *json;
    new_path(path);
    f = mpipe__trace_open(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    mpipe__trace_rank(f, 0, "a", "feeder");
    mpipe__trace_thinned(f, 0, 1);
    mpipe__trace_spans(f, 0, NULL, 0, names, 2);
    mpipe__trace_spans(f, 0, first, 1, names, 2);
    mpipe__trace_spans(f, 0, first + 1, 1, names, 2);
    mpipe__trace_rank(f, 12, NULL, "");
    mpipe__trace_thinned(f, 12, 4);
    mpipe__trace_spans(f, 12, second, COUNT_OF(second), names, 2);
    CU_ASSERT_EQUAL(mpipe__trace_close(f, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(err.code, MPIPE_OK);
    text = take_file(path);
    CU_ASSERT_STRING_EQUAL(text, expected);
    json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CU_ASSERT_PTR_NOT_NULL(json);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(json, "traceEvents")), 14);
    json_decref(json);
    free(text);
}

static void hostile_names(void)
{
    static const struct { const char *name, *read; } rows[] = {
        { "plain", "plain" }, { "a\"b\\c/", "a\"b\\c/" },
        { "\x01\t\n\x1f\x7f", "\x01\t\n\x1f\x7f" },
        { "\xe2\x82\xac \xf0\x9f\x90\x8d", "\xe2\x82\xac \xf0\x9f\x90\x8d" },
        { "\xff.\xe2\x82", "\xef\xbf\xbd.\xef\xbf\xbd\xef\xbf\xbd" },
        { "\"}],", "\"}]," }, { "%s%n", "%s%n" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static const struct mpipe__span span = {
            5, 1, 0, 1, 0, MPIPE__SPAN_STAGE
        };
        struct mpipe__trace_file *f;
        char path[32], row[128], *text;
        json_t *json, *events, *args;
        new_path(path);
        f = mpipe__trace_open(path, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        mpipe__trace_epoch(f, 3);
        mpipe__trace_rank(f, 1, rows[i].name, rows[i].name);
        mpipe__trace_spans(f, 1, &span, 1, &rows[i].name, 1);
        CU_ASSERT_EQUAL(mpipe__trace_close(f, NULL), MPIPE_OK);
        text = take_file(path);
        json = json_loads(text, 0, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(json);
        events = json_object_get(json, "traceEvents");
        args = json_object_get(json_array_get(events, 1), "args");
        snprintf(row, sizeof row, "rank 1 %s: %s", rows[i].read, rows[i].read);
        CU_ASSERT_STRING_EQUAL(
            json_string_value(json_object_get(args, "name")), row);
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(
            json_array_get(events, 3), "name")), rows[i].read);
        CU_ASSERT_DOUBLE_EQUAL(json_real_value(json_object_get(
            json_array_get(events, 3), "ts")), 0.002, 1e-9);
        json_decref(json);
        free(text);
    }
}

static void empty_file(void)
{
    char path[32], *text;
    struct mpipe__trace_file *f;
    json_t *json;
    new_path(path);
    f = mpipe__trace_open(path, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(mpipe__trace_close(f, NULL), MPIPE_OK);
    text = take_file(path);
    json = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL(json);
    json_decref(json);
    free(text);
}

static void cannot_open(void)
{
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    CU_ASSERT_PTR_NULL(mpipe__trace_open("no-such-folder/t.json", &err));
    CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
    CU_ASSERT_STRING_EQUAL(err.text, "cannot write the trace "
        "'no-such-folder/t.json': No such file or directory");
    CU_ASSERT_PTR_NULL(mpipe__trace_open("no-such-folder/t.json", NULL));
}

static void full_disk(void)
{
    static const struct mpipe__span span = { 5, 1, 0, 1, 0, MPIPE__SPAN_FEED };
    static const unsigned rows[] = { 0, 10, 10000 };    /* spans: some fill
                                                           the buffer */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe_error err = { MPIPE_OK, 0, "" };
        struct mpipe__trace_file *f = mpipe__trace_open("/dev/full", &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        for (unsigned j = 0; j < rows[i]; j++)
            mpipe__trace_spans(f, 0, &span, 1, NULL, 0);
        CU_ASSERT_EQUAL(mpipe__trace_close(f, &err), MPIPE_EIO);
        CU_ASSERT_STRING_EQUAL(err.text, "could not write the trace "
            "'/dev/full': No space left on device");
    }
}

/* Nothing may be written for a while, and then again. */
static void passing_failure(void)
{
    static const struct mpipe__span span = { 5, 1, 0, 1, 0, MPIPE__SPAN_FEED };
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe__trace_file *f;
    struct rlimit was, none;
    char path[32];
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &was), 0);
    none = was;
    none.rlim_cur = 0;
    new_path(path);
    f = mpipe__trace_open(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    setrlimit(RLIMIT_FSIZE, &none);
    for (unsigned j = 0; j < 1000; j++)
        mpipe__trace_spans(f, 0, &span, 1, NULL, 0);
    setrlimit(RLIMIT_FSIZE, &was);
    signal(SIGXFSZ, handler);
    CU_ASSERT_EQUAL(mpipe__trace_close(f, &err), MPIPE_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "': File too large"));
    unlink(path);
}

static const struct mpipe__test tests[] = {
    { "a full buffer keeps every second span", thinning },
    { "what is kept is evenly spread at any moment", even_at_any_moment },
    { "a file has a row a rank and exact times", whole_file },
    { "hostile names still make valid JSON", hostile_names },
    { "a trace without spans is valid JSON", empty_file },
    { "a file that cannot be opened is named", cannot_open },
    { "a full disk is noticed, early or late", full_disk },
    { "a failure that passes is not forgotten", passing_failure },
    { NULL, NULL }
};

const struct mpipe__suite suite_trace = { "trace", tests };
