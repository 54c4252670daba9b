/* SPDX-License-Identifier: BSD-3-Clause */
/* progress.c - the text of the progress bar for a moment, and when and how it
 * is drawn: to a file, and to a pseudo-terminal.
 */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "progress.h"
#include "show.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define EURO "\xe2\x82\xac"

static void texts(void)
{
    const struct {
        const char *name;
        uint64_t done, fed, count;
        double elapsed, rate;
        unsigned width;
        const char *text;
    } rows[] = {
        /* the feed's length is known */
        { "name", 4500, 5000, 10000, 4, 1234, 63,
          "name  45% |########..........| 4.5k/10k items  1.2k/s  ETA 0:04" },
        { "name", 4500, 5000, 10000, 4, 1234, 59,
          "name  45% |######........| 4.5k/10k items  1.2k/s  ETA 0:04" },
        { "name", 4500, 5000, 10000, 4, 1234, 200,
          "name  45% |#############.................| 4.5k/10k items  1.2k/s"
          "  ETA 0:04" },
        { "name", 0, 0, 10, 0, 0, 60,
          "name   0% |.........................| 0/10 items  0/s  ETA -" },
        { "name", 9999, 10000, 10000, 10, 1000, 60,
          "name  99% |##############.| 9.9k/10k items  1.0k/s  ETA 0:00" },
        { "name", 10000, 10000, 10000, 70, 143, 60,
          "name 100% |##################| 10k/10k items  143/s  in 1:10" },
        { "n", 1, 2, 3, 1, 1 / 60.0, 60,
          "n  33% |#######...............| 1/3 items  1.0/min  ETA 2:00" },
        /* less and less room */
        { "name", 4500, 5000, 10000, 4, 1234, 51,
          "name  45% |##....| 4.5k/10k items  1.2k/s  ETA 0:04" },
        { "name", 4500, 5000, 10000, 4, 1234, 50,
          "name  45%  4.5k/10k items  1.2k/s  ETA 0:04" },
        { "name", 4500, 5000, 10000, 4, 1234, 42,
          "name  45%  4.5k/10k  ETA 0:04" },
        { "name", 4500, 5000, 10000, 4, 1234, 28, "name  45%  ETA 0:04" },
        { "name", 4500, 5000, 10000, 4, 1234, 18, "name  45%" },
        { "name", 4500, 5000, 10000, 4, 1234, 8, "45%" },
        { "name", 4500, 5000, 10000, 4, 1234, 2, ".." },
        { "name", 4500, 5000, 10000, 4, 1234, 1, "4" },
        { "a-very-long-pipeline-name", 1, 1, 2, 1, 1, 61,
          "a-very-long-pipeli..  50% |###...| 1/2 items  1.0/s  ETA 0:01" },
        { EURO EURO, 1, 1, 2, 1, 1, 43,
          EURO EURO "  50% |###...| 1/2 items  1.0/s  ETA 0:01" },
        /* no limit to the width: no bar */
        { "name", 4500, 5000, 10000, 4, 1234, 0,
          "name  45%  4.5k/10k items  1.2k/s  ETA 0:04" },
        /* the length is not known, or was wrong */
        { "name", 4500, 5000, 0, 12, 1234, 60,
          "name 4.5k done, 5.0k fed, 1.2k/s, 0:12" },
        { "name", 4500, 5000, 0, 12, 1234, 0,
          "name 4.5k done, 5.0k fed, 1.2k/s, 0:12" },
        { "name", 4500, 5000, 4999, 12, 1234, 60,
          "name 4.5k done, 5.0k fed, 1.2k/s, 0:12" },
        { "name", 4500, 0, 4499, 12, 1234, 60,
          "name 4.5k done, 0 fed, 1.2k/s, 0:12" },
        { "name", 0, 0, 0, 0, 0, 60, "name 0 done, 0 fed, 0/s, 0:00" },
        { "name", 4500, 5000, 0, 12, 1234, 37, "name 4.5k done, 1.2k/s, 0:12" },
        { "name", 4500, 5000, 0, 12, 1234, 27, "name 4.5k done" },
        { "name", 4500, 5000, 0, 12, 1234, 13, "4.5k" },
        /* numbers that are none, or huge */
        { "n", 1, 2, 3, NAN, NAN, 0, "n  33%  1/3 items  0/s  ETA -" },
        { "n", 1, 2, 3, -1, -1, 0, "n  33%  1/3 items  0/s  ETA -" },
        { "n", 3, 3, 3, NAN, NAN, 0, "n 100%  3/3 items  0/s  in -" },
        { "n", 1, 2, 0, INFINITY, INFINITY, 0, "n 1 done, 2 fed, 18E/s, >99d" },
        { "n", 1, 2, UINT64_MAX, 1, 1, 0,
          "n   0%  1/18E items  1.0/s  ETA >99d" },
        { "n", UINT64_MAX - 1, UINT64_MAX, UINT64_MAX, 1, 1e300, 60,
          "n  99% |###################.| 18E/18E items  18E/s  ETA 0:00" },
        { "n", UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, 1e300, 0,
          "n 100%  18E/18E items  18E/s  in 0:01" },
        { "a\nb\033", 1, 2, 0, 1, 1, 0, "a?b? 1 done, 2 fed, 1.0/s, 0:01" },
        { NULL, 1, 2, 0, 1, 1, 0, " 1 done, 2 fed, 1.0/s, 0:01" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[200];
        mpipe__progress_text(text, sizeof text, rows[i].name, rows[i].done,
                             rows[i].fed, rows[i].count, rows[i].elapsed,
                             rows[i].rate, rows[i].width);
        CU_ASSERT_STRING_EQUAL(text, rows[i].text);
    }
}

static void fits(void)
{
    for (unsigned width = 1; width < 120; width++)
        for (size_t size = 0; size < 120; size++) {
            char text[160];
            memset(text, '#', sizeof text);
            mpipe__progress_text(text, size, EURO "uro " EURO EURO, 45, 60,
                                 width % 2 * 100, 12, 3, width);
            CU_ASSERT_EQUAL(text[size], '#');
            if (size > 0) {
                CU_ASSERT(strlen(text) < size);
                CU_ASSERT(mpipe__show_columns(text) <= width);
            }
        }
}

/* ---- drawing ---- */

static void lines(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct mpipe__progress p;
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    mpipe__progress_init(&p, stream, "p", 100);
    CU_ASSERT(!p.tty);
    mpipe__progress_tick(&p, 100, 0, 0, 0);
    mpipe__progress_tick(&p, 104.9, 100, 200, 0);
    fflush(stream);
    CU_ASSERT_STRING_EQUAL(text, "");
    mpipe__progress_tick(&p, 105, 100, 200, 0);
    CU_ASSERT_STRING_EQUAL(text, "p 100 done, 200 fed, 20/s, 0:05\n");
    mpipe__progress_tick(&p, 109.9, 200, 300, 0);
    mpipe__progress_tick(&p, 90, 200, 300, 0);  /* the clock was set back */
    mpipe__progress_tick(&p, NAN, 200, 300, 0);
    mpipe__progress_clear(&p);                  /* lines stay */
    mpipe__progress_tick(&p, 110, 200, 300, 400);
    CU_ASSERT_STRING_EQUAL(text, "p 100 done, 200 fed, 20/s, 0:05\n"
                                 "p  50%  200/400 items  20/s  ETA 0:10\n");
    fclose(stream);
    free(text);
}

static void nothing(void)
{
    struct mpipe__progress p;
    mpipe__progress_init(&p, NULL, "p", 0);
    mpipe__progress_tick(&p, 10, 1, 2, 3);
    mpipe__progress_clear(&p);
    CU_ASSERT(!p.drawn);
    CU_ASSERT(!p.tty);
}

static void smooth_rate(void)
{
    FILE *stream = fopen("/dev/null", "w");
    struct mpipe__progress p;
    double before;
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    mpipe__progress_init(&p, stream, "p", 0);
    mpipe__progress_force_bar(&p);
    mpipe__progress_tick(&p, 10, 1000, 2000, 0);
    CU_ASSERT_DOUBLE_EQUAL(p.rate, 100, 1e-9);
    mpipe__progress_tick(&p, 10.5, 1100, 2000, 0);      /* a burst of 200/s */
    CU_ASSERT(p.rate > 100 && p.rate < 130);
    before = p.rate;
    mpipe__progress_tick(&p, 10.55, 99999, 99999, 0);   /* not time yet */
    CU_ASSERT_DOUBLE_EQUAL(p.rate, before, 1e-9);
    for (double now = 11; now < 40; now += 0.5)         /* stalled */
        mpipe__progress_tick(&p, now, 1100, 2000, 0);
    CU_ASSERT(p.rate > 0 && p.rate < 1);
    mpipe__progress_tick(&p, 40, 900, 2000, 0);         /* done went back */
    CU_ASSERT(p.rate > 0 && p.rate < 1);
    p.every = 0;
    mpipe__progress_tick(&p, 40, 5000, 5000, 0);        /* no time has gone */
    CU_ASSERT(p.rate > 0 && p.rate < 1);
    fclose(stream);
}

/* More is said where there is room for it. */
static void notes(void)
{
    struct mpipe__progress p;
    char line[256] = "";
    FILE *stream = tmpfile();

    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    mpipe__progress_init(&p, stream, "p", 0);
    snprintf(p.note, sizeof p.note, "3 MiB read");
    mpipe__progress_tick(&p, 40, 10, 20, 0);
    rewind(stream);
    CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof line, stream));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "10 done, 20 fed"));
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "  3 MiB read\n"));
    fclose(stream);
}

/* Some containers have no /dev/pts. */
static bool have_terminals(void)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    bool have = master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0;
    int slave = have ? open(ptsname(master), O_RDWR | O_NOCTTY) : -1;
    if (slave >= 0)
        close(slave);
    if (master >= 0)
        close(master);
    return slave >= 0;
}

/* Both ends of a terminal of 'columns' columns. */
static FILE *open_terminal(unsigned short columns, int *master)
{
    struct winsize window = { 24, columns, 0, 0 };
    FILE *stream;
    int slave;
    *master = posix_openpt(O_RDWR | O_NOCTTY);
    CU_ASSERT_FATAL(*master >= 0);
    CU_ASSERT_FATAL(grantpt(*master) == 0 && unlockpt(*master) == 0);
    slave = open(ptsname(*master), O_RDWR | O_NOCTTY);
    CU_ASSERT_FATAL(slave >= 0);
    CU_ASSERT_EQUAL(ioctl(slave, TIOCSWINSZ, &window), 0);
    stream = fdopen(slave, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    return stream;
}

/* What a terminal gets in two drawings and a clearing. */
static void draw_on_terminal(unsigned short columns, char *got, size_t size)
{
    struct mpipe__progress p;
    size_t used = 0;
    ssize_t n;
    int master;
    FILE *stream = open_terminal(columns, &master);
    mpipe__progress_init(&p, stream, "p", 0);
    CU_ASSERT(p.tty);
    mpipe__progress_clear(&p);                  /* nothing there yet */
    mpipe__progress_tick(&p, 0.05, 1, 4, 4);
    mpipe__progress_tick(&p, 0.5, 1, 4, 4);
    mpipe__progress_tick(&p, 0.55, 2, 4, 4);    /* too soon */
    mpipe__progress_tick(&p, 1.0, 2, 4, 4);
    mpipe__progress_clear(&p);
    mpipe__progress_clear(&p);                  /* already gone */
    fclose(stream);
    /* the end of the terminal's last user is an error here, EIO */
    while (used < size - 1 &&
           (n = read(master, got + used, size - 1 - used)) > 0)
        used += (size_t)n;
    got[used] = '\0';
    close(master);
}

/* Set TERM, or unset it for NULL. */
static void set_term(const char *term)
{
    if (term == NULL)
        unsetenv("TERM");
    else
        setenv("TERM", term, 1);
}

/* Whether TERM lets a terminal have a bar. */
static void check_term(const char *term, bool bar)
{
    struct mpipe__progress p;
    int master;
    FILE *stream = open_terminal(80, &master);
    set_term(term);
    mpipe__progress_init(&p, stream, "p", 0);
    CU_ASSERT_EQUAL(p.tty, bar);
    CU_ASSERT(bar ? p.every < 1 : p.every > 1);
    mpipe__progress_force_bar(&p);
    CU_ASSERT(p.tty && p.every < 1);
    fclose(stream);
    close(master);
}

static void terminal(void)
{
    static const struct {
        unsigned short columns;
        const char *drawn;
    } rows[] = {
        { 50, "\rp  25% |###..........| 1/4 items  2.0/s  ETA 0:01\033[K"
              "\rp  50% |######.......| 2/4 items  2.0/s  ETA 0:01\033[K"
              "\r\033[K" },
        { 20, "\rp  25%  ETA 0:01\033[K\rp  50%  ETA 0:01\033[K\r\033[K" },
        /* a width of 0 is one that nobody has set */
        { 0, "\rp  25% |#######.......................| 1/4 items  2.0/s  "
             "ETA 0:01\033[K"
             "\rp  50% |###############...............| 2/4 items  2.0/s  "
             "ETA 0:01\033[K\r\033[K" }
    };
    const char *was = getenv("TERM");
    char *term;
    if (!have_terminals()) {
        puts("\nSKIPPED: a bar on a terminal: no pseudo-terminals here "
             "(is /dev/pts mounted?)");
        return;
    }
    term = was == NULL ? NULL : strdup(was);
    set_term("xterm");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char got[512];
        draw_on_terminal(rows[i].columns, got, sizeof got);
        CU_ASSERT_STRING_EQUAL(got, rows[i].drawn);
    }
    check_term("xterm", true);
    check_term("dumb", false);
    check_term(NULL, false);
    set_term(term);
    free(term);
}

static const struct mpipe__test tests[] = {
    { "the text says what is done, how fast and how long yet", texts },
    { "the text keeps to its room and its width", fits },
    { "a file gets a line now and then", lines },
    { "without a stream nothing is drawn", nothing },
    { "the rate follows slowly and never divides by zero", smooth_rate },
    { "a note follows the text", notes },
    { "a terminal's bar is drawn over itself and taken away", terminal },
    { NULL, NULL }
};

const struct mpipe__suite suite_progress = { "progress", tests };
