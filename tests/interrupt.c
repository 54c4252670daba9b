/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of interrupt.c, each row in a process of its own: signals belong to
 * the process, and some rows end in one. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "interrupt.h"
#include "suite.h"

static volatile sig_atomic_t handled;

static void by_the_program(int number)
{
    handled = handled + number;
}

static void by_the_program_with_info(int number, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    handled = handled + number;
}

/* What happens, a letter each:
 *   w, u   watch, unwatch
 *   n      watch for SIGUSR1 from now on
 *   I, T, U   SIGINT, SIGTERM, SIGUSR1 comes
 *   i, h, s   the program ignores SIGINT, handles it, handles it with siginfo
 * and then: the signal that ended the process, or 0; what the library had
 * caught; how often SIGINT came to the program's own handler. */
static const struct {
    const char *events;
    int killed_by, caught, n_handled;
} rows[] = {
    { "", 0, 0, 0 },
    { "wu", 0, 0, 0 },
    { "wI", 0, SIGINT, 0 },
    { "wT", 0, SIGTERM, 0 },
    { "wIT", 0, SIGINT, 0 },            /* the first is remembered */
    { "wTI", 0, SIGTERM, 0 },
    { "wII", 0, SIGINT, 0 },            /* at once: it came twice */
    { "wTT", 0, SIGTERM, 0 },
    { "wITITI", 0, SIGINT, 0 },
    { "I", SIGINT, 0, 0 },
    { "wuI", SIGINT, 0, 0 },
    { "wuT", SIGTERM, 0, 0 },
    { "wwuI", 0, SIGINT, 0 },           /* calls nest */
    { "wwuuI", SIGINT, 0, 0 },
    { "wuwI", 0, SIGINT, 0 },
    { "wIuI", SIGINT, SIGINT, 0 },
    { "wIuwT", 0, SIGINT, 0 },
    { "iwI", 0, 0, 0 },                 /* the program's wish holds */
    { "iwuI", 0, 0, 0 },
    { "iwT", 0, SIGTERM, 0 },
    { "hwI", 0, 0, 1 },
    { "hwII", 0, 0, 2 },
    { "hwuI", 0, 0, 1 },
    { "swIuI", 0, 0, 2 },
    { "whIuI", 0, 0, 2 },               /* also if it comes later */
    { "wiIuI", 0, 0, 0 },
    { "wU", SIGUSR1, 0, 0 },
    { "nU", 0, SIGUSR1, 0 },            /* also while no pipeline runs */
    { "nwuU", 0, SIGUSR1, 0 },
    { "nI", SIGINT, 0, 0 }
};

static void happen(char event)
{
    struct sigaction with_info = { .sa_flags = SA_SIGINFO };

    switch (event) {
    case 'w': mpipe__interrupt_watch(); break;
    case 'u': mpipe__interrupt_unwatch(); break;
    case 'n': mpipe__interrupt_watch_notice(); break;
    case 'U': raise(SIGUSR1); break;
    case 'I': raise(SIGINT); break;
    case 'T': raise(SIGTERM); break;
    case 'i': signal(SIGINT, SIG_IGN); break;
    case 'h': signal(SIGINT, by_the_program); break;
    case 's':
        with_info.sa_sigaction = by_the_program_with_info;
        sigaction(SIGINT, &with_info, NULL);
        break;
    }
}

static void in_a_process(const char *events)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGUSR1, SIG_DFL);
    for (; *events != '\0'; events++)
        happen(*events);
    _exit(*mpipe__interrupted() << 2 | handled / SIGINT);
}

static void signals(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int status = -1;
        pid_t child;
        fflush(NULL);
        child = fork();
        if (child == 0)
            in_a_process(rows[i].events);
        CU_ASSERT_FATAL(child > 0);
        CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
        if (rows[i].killed_by != 0) {
            CU_ASSERT(WIFSIGNALED(status)
                      && WTERMSIG(status) == rows[i].killed_by);
        } else {
            CU_ASSERT_FATAL(WIFEXITED(status));
            CU_ASSERT_EQUAL(WEXITSTATUS(status) >> 2, rows[i].caught);
            CU_ASSERT_EQUAL(WEXITSTATUS(status) & 3, rows[i].n_handled);
        }
    }
}

static const struct mpipe__test tests[] = {
    { "a signal is remembered while watched, else it does what it did",
      signals },
    { NULL, NULL }
};

const struct mpipe__suite suite_interrupt = { "interrupt", tests };
