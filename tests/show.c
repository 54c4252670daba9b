/* SPDX-License-Identifier: BSD-3-Clause */
/* show.c - names made harmless, numbers made short. */
#include <math.h>
#include <string.h>
#include "show.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define EURO "\xe2\x82\xac"

static void characters(void)
{
    static const struct { const char *s; size_t n; } rows[] = {
        { "", 0 }, { "a", 1 }, { "\x7f", 1 }, { "\x80", 0 }, { "\xbf", 0 },
        { "\xc0\x80", 0 }, { "\xc1\xbf", 0 }, { "\xc2", 0 }, { "\xc2\x80", 2 },
        { "\xdf\xbf", 2 }, { "\xc3\x28", 0 }, { EURO, 3 }, { "\xe2\x82", 0 },
        { "\xe2", 0 }, { "\xe0\x9f\xbf", 0 }, { "\xe0\xa0\x80", 3 },
        { "\xed\x9f\xbf", 3 }, { "\xed\xa0\x80", 0 }, { "\xef\xbf\xbd", 3 },
        { "\xf0\x8f\xbf\xbf", 0 }, { "\xf0\x90\x80\x80", 4 },
        { "\xf4\x8f\xbf\xbf", 4 }, { "\xf4\x90\x80\x80", 0 },
        { "\xf5\x80\x80\x80", 0 }, { "\xff", 0 }, { "\xf0\x9f\x90", 0 }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CU_ASSERT_EQUAL(mpipe__show_utf8(rows[i].s), rows[i].n);
}

static void columns(void)
{
    static const struct { const char *s; unsigned n; } rows[] = {
        { "", 0 }, { "abc", 3 }, { EURO EURO "x", 3 }, { "\xff\xe2\x82x", 4 }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        CU_ASSERT_EQUAL(mpipe__show_columns(rows[i].s), rows[i].n);
}

static void names(void)
{
    static const struct {
        const char *name;
        size_t size;
        unsigned columns;
        const char *shown;
    } rows[] = {
        { "square", 32, 10, "square" }, { "square", 32, 6, "square" },
        { "square", 32, 5, "squ.." }, { "square", 32, 2, ".." },
        { "square", 32, 1, "s" }, { "square", 32, 0, "" },
        { "square", 7, 10, "square" }, { "square", 6, 10, "squ.." },
        { "square", 3, 10, ".." }, { "square", 2, 10, "s" },
        { "square", 1, 10, "" }, { "", 8, 8, "" }, { NULL, 8, 8, "" },
        { EURO EURO EURO, 32, 3, EURO EURO EURO },
        { EURO EURO EURO EURO, 32, 3, EURO ".." },
        { EURO EURO EURO, 10, 9, EURO EURO EURO },
        { EURO EURO EURO, 9, 9, EURO EURO ".." },
        { EURO EURO EURO, 8, 9, EURO ".." },
        { EURO EURO, 4, 9, ".." },
        { "a\nb\033[2J\x7f", 32, 32, "a?b?[2J?" },
        { "a\xc2\x9b" "b\xff\xe2\x82z", 32, 32, "a?b???z" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[40];
        memset(to, '#', sizeof to);
        mpipe__show_name(to, rows[i].size, rows[i].name, rows[i].columns);
        CU_ASSERT_STRING_EQUAL(to, rows[i].shown);
        CU_ASSERT_EQUAL(to[rows[i].size], '#');
    }
}

static void counts(void)
{
    static const struct { uint64_t n; const char *count, *bytes; } rows[] = {
        { 0, "0", "0 B" }, { 1, "1", "1 B" }, { 999, "999", "999 B" },
        { 1000, "1.0k", "1000 B" }, { 1023, "1.0k", "1023 B" },
        { 1024, "1.0k", "1.0 KiB" }, { 1099, "1.0k", "1.0 KiB" },
        { 1100, "1.1k", "1.0 KiB" }, { 1536, "1.5k", "1.5 KiB" },
        { 9999, "9.9k", "9.7 KiB" }, { 10239, "10k", "9.9 KiB" },
        { 10240, "10k", "10 KiB" }, { 999999, "999k", "976 KiB" },
        { 1000000, "1.0M", "976 KiB" }, { 1048575, "1.0M", "1023 KiB" },
        { 1048576, "1.0M", "1.0 MiB" }, { 5368709120u, "5.3G", "5.0 GiB" },
        { UINT64_MAX, "18E", "15 EiB" },
        { (uint64_t)1 << 63, "9.2E", "8.0 EiB" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[MPIPE__SHOW_SIZE];
        mpipe__show_count(to, rows[i].n);
        CU_ASSERT_STRING_EQUAL(to, rows[i].count);
        mpipe__show_bytes(to, rows[i].n);
        CU_ASSERT_STRING_EQUAL(to, rows[i].bytes);
    }
}

static void rates(void)
{
    const struct { double rate; const char *shown; } rows[] = {
        { 0, "0/s" }, { -1, "0/s" }, { NAN, "0/s" }, { 0.3, "0.3/s" },
        { 1, "1.0/s" }, { 9.99, "9.9/s" }, { 10, "10/s" }, { 12.9, "12/s" },
        { 1234, "1.2k/s" }, { 1e300, "18E/s" }, { INFINITY, "18E/s" },
        { 0.1, "0.1/s" }, { 0.05, "3.0/min" }, { 1 / 60.0, "1.0/min" },
        { 1 / 3600.0, "1.0/h" }, { 1 / 36000.0, "0.1/h" },
        { 1e-6, "<0.1/h" }, { 1e-300, "<0.1/h" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[MPIPE__SHOW_SIZE];
        mpipe__show_rate(to, rows[i].rate);
        CU_ASSERT_STRING_EQUAL(to, rows[i].shown);
    }
}

static void times(void)
{
    const struct { double seconds; const char *shown; } rows[] = {
        { 0, "0:00" }, { 0.999, "0:00" }, { 4.2, "0:04" }, { 60, "1:00" },
        { 3599.9, "59:59" }, { 3600, "1:00:00" }, { 86399, "23:59:59" },
        { 86400, "1d 00:00" }, { 273900, "3d 04:05" },
        { 8639999, "99d 23:59" }, { 8640000, ">99d" }, { 1e300, ">99d" },
        { INFINITY, ">99d" }, { -1, "-" }, { NAN, "-" }, { -INFINITY, "-" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char to[MPIPE__SHOW_SIZE];
        mpipe__show_time(to, rows[i].seconds);
        CU_ASSERT_STRING_EQUAL(to, rows[i].shown);
    }
}

static const struct mpipe__test tests[] = {
    { "only well-formed UTF-8 counts as a character", characters },
    { "a column is a character or a stray byte", columns },
    { "a name is cut between characters and cannot act", names },
    { "a count has three digits at most and never rounds up", counts },
    { "a rate finds the unit in which it can be read", rates },
    { "a time is shown as a clock would", times },
    { NULL, NULL }
};

const struct mpipe__suite suite_show = { "show", tests };
