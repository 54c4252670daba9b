/* SPDX-License-Identifier: BSD-3-Clause */
/* show.c - names and numbers as people read them.
 *
 * The progress line, the report and the log print names that users chose and
 * numbers of any size; here both are made short and harmless.  Numbers are
 * divided as integers: no value rounds to a strange "1000k", and none to NaN.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "show.h"

size_t mpipe__show_utf8(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    size_t n = u[0] == 0 ? 0 : u[0] < 0x80 ? 1 : u[0] < 0xc2 ? 0
             : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    /* too long for its value, half of a surrogate pair, or past the last */
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] >= 0xa0) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] >= 0x90))
        return 0;
    return n;
}

unsigned mpipe__show_columns(const char *s)
{
    unsigned columns = 0;
    for (; *s != '\0'; columns++) {
        size_t n = mpipe__show_utf8(s);
        s += n == 0 ? 1 : n;
    }
    return columns;
}

/* Is the character of 'n' bytes at 's' one that a terminal would act on? */
static bool is_control(const char *s, size_t n)
{
    return (n == 1 && iscntrl((unsigned char)*s)) ||
           (n == 2 && (unsigned char)s[0] == 0xc2 &&
            (unsigned char)s[1] < 0xa0);
}

void mpipe__show_name(char *to, size_t size, const char *name,
                      unsigned columns)
{
    size_t used = 0, room = size - 1, cut = 0;
    unsigned column = 0;
    if (name == NULL)
        name = "";
    /* 'cut' is where ".." would go if the rest turned out not to fit */
    while (*name != '\0' && column < columns) {
        size_t n = mpipe__show_utf8(name);
        bool hide = n == 0 || is_control(name, n);
        size_t wide = hide ? 1 : n;
        if (used + wide > room)
            break;
        memcpy(to + used, hide ? "?" : name, wide);
        used += wide;
        name += n == 0 ? 1 : n;
        column++;
        if (column + 2 <= columns && used + 2 <= room)
            cut = used;
    }
    if (*name != '\0' && columns >= 2 && room >= 2) {
        memcpy(to + cut, "..", 2);
        used = cut + 2;
    }
    to[used] = '\0';
}

/* 'n' in the largest of the units in which it is 1 or more, with one decimal
 * below 10. */
static void scale(char to[MPIPE__SHOW_SIZE], uint64_t n, unsigned step,
                  const char *const *units)
{
    uint64_t unit = 1;
    unsigned i = 0;
    while (n / unit >= step) {
        unit *= step;
        i++;
    }
    if (i > 0 && n / unit < 10)
        snprintf(to, MPIPE__SHOW_SIZE, "%u.%u%s", (unsigned)(n / unit),
                 (unsigned)(n % unit * 10 / unit),
                 units[i]);
    else
        snprintf(to, MPIPE__SHOW_SIZE, "%u%s", (unsigned)(n / unit), units[i]);
}

void mpipe__show_count(char to[MPIPE__SHOW_SIZE], uint64_t n)
{
    static const char *const units[] = { "", "k", "M", "G", "T", "P", "E" };
    scale(to, n, 1000, units);
}

void mpipe__show_bytes(char to[MPIPE__SHOW_SIZE], uint64_t n)
{
    static const char *const units[] = {
        " B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"
    };
    scale(to, n, 1024, units);
}

void mpipe__show_rate(char to[MPIPE__SHOW_SIZE], double per_second)
{
    static const struct { double times; const char *unit; } slow[] = {
        { 1, "/s" }, { 60, "/min" }, { 3600, "/h" }
    };
    char count[MPIPE__SHOW_SIZE];
    if (!(per_second > 0)) {
        snprintf(to, MPIPE__SHOW_SIZE, "0/s");
        return;
    }
    if (per_second >= 10) {
        mpipe__show_count(count, per_second < 1e19 ? (uint64_t)per_second
                                                   : UINT64_MAX);
        snprintf(to, MPIPE__SHOW_SIZE, "%.*s/s", 8, count);
        return;
    }
    snprintf(to, MPIPE__SHOW_SIZE, "<0.1/h");
    for (unsigned i = 0; i < 3; i++) {
        /* 0.3 is a little less than three tenths */
        unsigned tenths = (unsigned)(per_second * slow[i].times * 10 + 1e-6);
        if (tenths == 0)
            continue;
        snprintf(to, MPIPE__SHOW_SIZE, "%u.%u%s", tenths / 10, tenths % 10,
                 slow[i].unit);
        break;
    }
}

void mpipe__show_time(char to[MPIPE__SHOW_SIZE], double seconds)
{
    const double day = 24 * 60 * 60;
    unsigned s;
    if (!(seconds >= 0)) {
        snprintf(to, MPIPE__SHOW_SIZE, "-");
        return;
    }
    if (seconds >= 100 * day) {
        snprintf(to, MPIPE__SHOW_SIZE, ">99d");
        return;
    }
    s = (unsigned)seconds;
    if (s < 60 * 60)
        snprintf(to, MPIPE__SHOW_SIZE, "%u:%02u", s / 60, s % 60);
    else if (s < 24 * 60 * 60)
        snprintf(to, MPIPE__SHOW_SIZE, "%u:%02u:%02u", s / 3600,
                 s / 60 % 60, s % 60);
    else
        snprintf(to, MPIPE__SHOW_SIZE, "%ud %02u:%02u", s / 86400,
                 s / 3600 % 24, s / 60 % 60);
}
