/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c - what a line of the log looks like, also when its text is hostile or
 * does not fit.
 */
#include <string.h>
#include "log.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static void lines(void)
{
    static const struct {
        struct mpipe__log_line line;
        const char *text;
    } rows[] = {
        { { 1795414200123999999u, 3, MPIPE_LOG_WARN, "node7", "square",
            "text" },
          "2026-11-23T06:10:00.123Z rank 3 node7 [square] warning: text" },
        { { 0, 0, MPIPE_LOG_INFO, "a", NULL, "hello" },
          "1970-01-01T00:00:00.000Z rank 0 a info: hello" },
        { { 951782399999000000u, 12345, MPIPE_LOG_ERROR, "a", "", "" },
          "2000-02-28T23:59:59.999Z rank 12345 a error: " },
        { { 951868799001000000u, -1, MPIPE_LOG_DEBUG, NULL, NULL, NULL },
          "2000-02-29T23:59:59.001Z rank -1 ? debug: " },
        { { UINT64_MAX, 0, MPIPE_LOG_INFO, "", NULL, "far" },
          "2554-07-21T23:34:33.709Z rank 0 ? info: far" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[256];
        size_t n = mpipe__log_format(to, sizeof to, &rows[i].line);
        CU_ASSERT_STRING_EQUAL(to, rows[i].text);
        CU_ASSERT_EQUAL(n, strlen(rows[i].text));
    }
}

#define HEAD "1970-01-01T00:00:00.000Z rank 0 h info: "

static void escapes(void)
{
    static const struct { const char *text, *shown; } rows[] = {
        { "two\nlines\r\n", "two\\nlines\\r\\n" },
        { "\a\b\t\v\f", "\\a\\b\\t\\v\\f" },
        { "\033[31mred\177", "\\x1b[31mred\\x7f" },
        { "\001\037 ", "\\x01\\x1f " },
        { "back\\slash \"quote\" 100%s", "back\\slash \"quote\" 100%s" },
        { "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8d",
          "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8d" },
        { "C1 \xc2\x9b no-break \xc2\xa0", "C1 \\xc2\\x9b no-break \xc2\xa0" },
        { "bad \xff \x80 \xe2\x82", "bad \xff \x80 \xe2\x82" },
        { "cut \xe2\n", "cut \xe2\\n" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe__log_line line = {
            0, 0, MPIPE_LOG_INFO, "h", NULL, rows[i].text
        };
        char to[256];
        mpipe__log_format(to, sizeof to, &line);
        CU_ASSERT(strncmp(to, HEAD, strlen(HEAD)) == 0);
        CU_ASSERT_STRING_EQUAL(to + strlen(HEAD), rows[i].shown);
        /* names are as hostile as texts */
        line.host = line.stage = rows[i].text;
        line.text = "x";
        mpipe__log_format(to, sizeof to, &line);
        CU_ASSERT_PTR_NOT_NULL(strstr(to, rows[i].shown));
        CU_ASSERT_PTR_NULL(strchr(to, '\n'));
        CU_ASSERT_PTR_NULL(strchr(to, '\033'));
    }
}

static void cuts(void)
{
    static const char text[] = "a\xe2\x82\xac\nz";  /* a, euro, newline, z */
    static const struct { size_t room; const char *shown; } rows[] = {
        { 0, "" }, { 1, "a" }, { 2, "a" }, { 3, "a" },
        { 4, "a\xe2\x82\xac" }, { 5, "a\xe2\x82\xac" },
        { 6, "a\xe2\x82\xac\\n" }, { 7, "a\xe2\x82\xac\\nz" },
        { 8, "a\xe2\x82\xac\\nz" }
    };
    const struct mpipe__log_line line = {
        0, 0, MPIPE_LOG_INFO, "h", NULL, text
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[128];
        size_t size = strlen(HEAD) + rows[i].room + 1, n;
        memset(to, '#', sizeof to);
        n = mpipe__log_format(to, size, &line);
        CU_ASSERT(strncmp(to, HEAD, strlen(HEAD)) == 0);
        CU_ASSERT_STRING_EQUAL(to + strlen(HEAD), rows[i].shown);
        CU_ASSERT_EQUAL(n, strlen(to));
        CU_ASSERT_EQUAL(to[size], '#');
    }
    for (size_t size = 0; size < 64; size++) {
        char to[128];
        size_t n;
        memset(to, '#', sizeof to);
        n = mpipe__log_format(to, size, &line);
        CU_ASSERT(size == 0 ? n == 0 : n < size && to[n] == '\0');
        CU_ASSERT_EQUAL(to[size], '#');
    }
}

static void level_names(void)
{
    static const struct { int level; const char *name; } rows[] = {
        { MPIPE_LOG_ERROR, "error" }, { MPIPE_LOG_WARN, "warning" },
        { MPIPE_LOG_INFO, "info" }, { MPIPE_LOG_DEBUG, "debug" },
        { 77, "unknown" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CU_ASSERT_STRING_EQUAL(
            mpipe__log_level_name((enum mpipe_level)rows[i].level),
            rows[i].name);
}

static const struct mpipe__test tests[] = {
    { "a line has time, rank, host, stage, level and text", lines },
    { "control characters are shown and other text is kept", escapes },
    { "a long line is cut between characters", cuts },
    { "each level has its name", level_names },
    { NULL, NULL }
};

const struct mpipe__suite suite_log = { "log", tests };
