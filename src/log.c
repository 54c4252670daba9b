/* SPDX-License-Identifier: BSD-3-Clause */
/* log.c - the text of one line of the log.
 *
 * A line stays a line whatever is in it: control characters, which a stage may
 * well have copied from its data, are shown as C would write them.  All other
 * bytes pass as they are, so UTF-8 stays readable; where a line is cut, it is
 * cut between characters.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "log.h"
#include "show.h"

struct line {
    char *to;
    size_t size, used;      /* used < size, except when size is 0 */
    bool full;              /* something did not fit: nothing more is added */
};

/* All of it or nothing. */
static void add(struct line *line, const char *text, size_t n)
{
    if (line->full || n >= line->size - line->used) {
        line->full = true;
        return;
    }
    memcpy(line->to + line->used, text, n);
    line->used += n;
}

/* "\n" for a newline, "\x1b" for an escape character and so on; 0: none is
 * needed.  C1 controls in UTF-8 count: a terminal may act on them. */
static size_t escape(char to[9], const char *s)
{
    unsigned char c = (unsigned char)s[0], next = (unsigned char)s[1];
    if (c >= '\a' && c <= '\r')
        return (size_t)snprintf(to, 9, "\\%c", "abtnvfr"[c - '\a']);
    if (c < ' ' || c == 0x7f)
        return (size_t)snprintf(to, 9, "\\x%02x", (unsigned)c);
    if (c == 0xc2 && next >= 0x80 && next < 0xa0)
        return (size_t)snprintf(to, 9, "\\x%02x\\x%02x", (unsigned)c,
                                (unsigned)next);
    return 0;
}

static void add_escaped(struct line *line, const char *text)
{
    while (*text != '\0') {
        char escaped[9];
        size_t n = mpipe__show_utf8(text), m = escape(escaped, text);
        n = n == 0 ? 1 : n;
        add(line, m > 0 ? escaped : text, m > 0 ? m : n);
        text += n;
    }
}

static void add_time(struct line *line, uint64_t time_ns)
{
    char text[40];
    struct tm tm;
    time_t seconds = (time_t)(time_ns / 1000000000u);
    size_t n;
    gmtime_r(&seconds, &tm);
    n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    add(line, text, n);
    n = (size_t)snprintf(text, sizeof text, ".%03uZ",
                         (unsigned)(time_ns / 1000000u % 1000u));
    add(line, text, n);
}

size_t mpipe__log_format(char *to, size_t size,
                         const struct mpipe__log_line *line)
{
    struct line out = { to, size, 0, false };
    const char *level = mpipe__log_level_name(line->level);
    const char *host = line->host == NULL || *line->host == '\0' ? "?"
                                                                 : line->host;
    char word[24];
    size_t n;
    if (size == 0)
        return 0;
    add_time(&out, line->time_ns);
    n = (size_t)snprintf(word, sizeof word, " rank %d ", line->rank);
    add(&out, word, n);
    add_escaped(&out, host);
    if (line->stage != NULL && *line->stage != '\0') {
        add(&out, " [", 2);
        add_escaped(&out, line->stage);
        add(&out, "]", 1);
    }
    n = (size_t)snprintf(word, sizeof word, " %s: ", level);
    add(&out, word, n);
    add_escaped(&out, line->text == NULL ? "" : line->text);
    to[out.used] = '\0';
    return out.used;
}

const char *mpipe__log_level_name(enum mpipe_level level)
{
    switch (level) {
    case MPIPE_LOG_ERROR: return "error";
    case MPIPE_LOG_WARN:  return "warning";
    case MPIPE_LOG_INFO:  return "info";
    case MPIPE_LOG_DEBUG: return "debug";
    }
    return "unknown";
}
