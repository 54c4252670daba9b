/* SPDX-License-Identifier: BSD-3-Clause */
/* progress.c - the progress bar, or line, of rank 0.
 *
 * What to show is a pure function of the numbers and of the room; when to show
 * it is decided from the caller's clock; only then something is printed.  On a
 * terminal one line is drawn over itself ten times a second at most, elsewhere
 * a whole line comes every few seconds, so that a job's output file stays
 * short.  A job that is over before that shows nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "progress.h"
#include "show.h"

#define BAR_EVERY_SEC   0.1
#define LINE_EVERY_SEC  5.0
#define BAR_MIN         6u      /* columns between the bar's ends */
#define BAR_MAX         30u
#define RATE_OVER_SEC   3.0     /* the rate shown follows this much history */
#define LINE_SIZE       256

/* ---- the text ---- */

/* The texts that a line is put together from. */
struct parts {
    char name[64];
    char done[MPIPE__SHOW_SIZE], fed[MPIPE__SHOW_SIZE];
    char count[MPIPE__SHOW_SIZE];
    char rate[MPIPE__SHOW_SIZE], elapsed[MPIPE__SHOW_SIZE];
    char end[MPIPE__SHOW_SIZE + 8];     /* "ETA 0:04", or "in 1:10" */
    unsigned percent;
};

static void prepare(struct parts *p, const char *name, uint64_t done,
                    uint64_t fed, uint64_t count, double elapsed, double rate,
                    unsigned width)
{
    unsigned room = width == 0 ? 48 : width / 3;
    mpipe__show_name(p->name, sizeof p->name, name, room < 8 ? 8 : room);
    mpipe__show_count(p->done, done);
    mpipe__show_count(p->fed, fed);
    mpipe__show_count(p->count, count);
    mpipe__show_rate(p->rate, rate);
    mpipe__show_time(p->elapsed, elapsed);
    p->percent = 0;
    if (count > 0) {
        char left[MPIPE__SHOW_SIZE];
        double seconds = rate > 0 ? (double)(count - done) / rate : -1;
        mpipe__show_time(left, seconds);
        snprintf(p->end, sizeof p->end, "%s %s", done < count ? "ETA" : "in",
                 done < count ? left : p->elapsed);
        p->percent = (unsigned)(100.0 * ((double)done / (double)count));
        if (p->percent > 99)
            p->percent = done < count ? 99 : 100;
    }
}

/* The forms of a line, the richest first.  Returns false after the last. */
static bool known_form(char line[LINE_SIZE], const struct parts *p,
                       unsigned form)
{
    switch (form) {
    case 0:
        snprintf(line, LINE_SIZE, "%s %3u%%  %s/%s items  %s  %s", p->name,
                 p->percent, p->done, p->count, p->rate, p->end);
        return true;
    case 1:
        snprintf(line, LINE_SIZE, "%s %3u%%  %s/%s  %s", p->name, p->percent,
                 p->done, p->count, p->end);
        return true;
    case 2:
        snprintf(line, LINE_SIZE, "%s %3u%%  %s", p->name, p->percent, p->end);
        return true;
    case 3:
        snprintf(line, LINE_SIZE, "%s %3u%%", p->name, p->percent);
        return true;
    default:
        snprintf(line, LINE_SIZE, "%u%%", p->percent);
        return false;
    }
}

static bool unknown_form(char line[LINE_SIZE], const struct parts *p,
                         unsigned form)
{
    switch (form) {
    case 0:
        snprintf(line, LINE_SIZE, "%s %s done, %s fed, %s, %s", p->name,
                 p->done, p->fed, p->rate, p->elapsed);
        return true;
    case 1:
        snprintf(line, LINE_SIZE, "%s %s done, %s, %s", p->name, p->done,
                 p->rate, p->elapsed);
        return true;
    case 2:
        snprintf(line, LINE_SIZE, "%s %s done", p->name, p->done);
        return true;
    default:
        snprintf(line, LINE_SIZE, "%s", p->done);
        return false;
    }
}

/* The first form with a bar in it, if there is room; else false. */
static bool bar_form(char line[LINE_SIZE], const struct parts *p,
                     uint64_t done, uint64_t count, unsigned width)
{
    static const char full[] = "##############################";
    static const char rest[] = "..............................";
    unsigned used, columns, n;
    snprintf(line, LINE_SIZE, "%s %3u%% || %s/%s items  %s  %s", p->name,
             p->percent, p->done, p->count, p->rate, p->end);
    used = mpipe__show_columns(line);
    if (used + BAR_MIN > width)
        return false;
    columns = width - used < BAR_MAX ? width - used : BAR_MAX;
    n = (unsigned)((double)columns * ((double)done / (double)count));
    if (n >= columns)
        n = done < count ? columns - 1 : columns;
    snprintf(line, LINE_SIZE, "%s %3u%% |%.*s%.*s| %s/%s items  %s  %s",
             p->name, p->percent, (int)n, full, (int)(columns - n), rest,
             p->done, p->count, p->rate, p->end);
    return true;
}

void mpipe__progress_text(char *text, size_t size, const char *name,
                          uint64_t done, uint64_t fed, uint64_t count,
                          double elapsed, double rate, unsigned width)
{
    char line[LINE_SIZE];
    struct parts p;
    bool more = true;
    if (fed > count || done > count)
        count = 0;              /* what was announced was wrong */
    prepare(&p, name, done, fed, count, elapsed, rate, width);
    if (count == 0 || width == 0 || !bar_form(line, &p, done, count, width))
        for (unsigned form = 0; more; form++) {
            more = count == 0 ? unknown_form(line, &p, form)
                              : known_form(line, &p, form);
            if (width == 0 || mpipe__show_columns(line) <= width)
                break;
        }
    if (size > 0)
        mpipe__show_name(text, size, line, width == 0 ? LINE_SIZE : width);
}

/* ---- drawing ---- */

void mpipe__progress_init(struct mpipe__progress *p, FILE *stream,
                          const char *name, double now)
{
    const char *term = getenv("TERM");
    bool dumb = term == NULL || strcmp(term, "dumb") == 0;
    memset(p, 0, sizeof *p);
    p->stream = stream;
    p->tty = stream != NULL && !dumb && isatty(fileno(stream));
    p->every = p->tty ? BAR_EVERY_SEC : LINE_EVERY_SEC;
    p->start = p->last = now;
    mpipe__show_name(p->name, sizeof p->name, name, sizeof p->name);
}

void mpipe__progress_force_bar(struct mpipe__progress *p)
{
    p->tty = true;
    p->every = BAR_EVERY_SEC;
}

/* The last column stays free: a terminal may begin a new line after it. */
static unsigned terminal_width(FILE *stream)
{
    struct winsize size;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
        return 79;
    return size.ws_col - 1u;
}

/* Let the rate follow what was done since the last drawing: the more of
 * RATE_OVER_SEC has gone by, the more it counts.  exp() would be exact, and
 * need the mathematics library. */
static void follow_rate(struct mpipe__progress *p, double now, uint64_t done)
{
    double dt = now - p->last;
    double fresh = done > p->last_done ? (double)(done - p->last_done) / dt : 0;
    if (p->last_done == 0)
        p->rate = (double)done / (now - p->start);
    else
        p->rate += (fresh - p->rate) * (dt / (dt + RATE_OVER_SEC));
    p->last = now;
    p->last_done = done;
}

/* The text for now, with the note behind it if that fits. */
static void text_now(char text[LINE_SIZE], const struct mpipe__progress *p,
                     double now, uint64_t done, uint64_t fed, uint64_t count,
                     unsigned width)
{
    unsigned used = mpipe__show_columns(p->note) + 2;
    size_t at, size = strlen(p->note) + 1;

    mpipe__progress_text(text, LINE_SIZE, p->name, done, fed, count,
                         now - p->start, p->rate, width);
    at = strlen(text);
    if (size == 1 || (width > 0 && mpipe__show_columns(text) + used > width)
        || at + 2 + size > LINE_SIZE)
        return;
    memcpy(text + at, "  ", 2);
    memcpy(text + at + 2, p->note, size);
}

void mpipe__progress_tick(struct mpipe__progress *p, double now, uint64_t done,
                          uint64_t fed, uint64_t count)
{
    char text[LINE_SIZE];
    if (p->stream == NULL || !(now > p->last) || now - p->last < p->every)
        return;
    follow_rate(p, now, done);
    text_now(text, p, now, done, fed, count,
             p->tty ? terminal_width(p->stream) : 0);
    if (p->tty)
        fprintf(p->stream, "\r%s\033[K", text);
    else
        fprintf(p->stream, "%s\n", text);
    fflush(p->stream);
    p->drawn = true;
}

void mpipe__progress_clear(struct mpipe__progress *p)
{
    if (p->stream == NULL || !p->tty || !p->drawn)
        return;
    fputs("\r\033[K", p->stream);
    fflush(p->stream);
    p->drawn = false;
}
