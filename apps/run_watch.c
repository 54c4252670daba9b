/* SPDX-License-Identifier: BSD-3-Clause */
/* run_watch.c - wait for the launcher, and see that it does not wait for ever.
 *
 * An mpirun that lets the others go on after a death waits for ever in six cases:
 * - a rank dies while MPI starts: the others wait for it within MPI_Init(), where
 *   nothing of ours runs that could tell;
 * - one that it has forked never comes to its program;
 * - all is done, and a rank that was taken for dead is still there, for it is
 *   stopped;
 * - rank 0 has aborted the job, which ends only rank 0;
 * - rank 0 has died, on another host (and now and then on this one);
 * - all is done and all have ended, but a rank had died or they gave another exit code
 *   than 0, and mpirun (4.1) has daemons on other hosts; now and then without them.
 * The ranks say in a file how far they are: "start" before MPI begins, "here" when all
 * have come and notice deaths, and at last the exit code, how many have died, and "end"
 * or "abort".  Rank 0 says so on a line (run_line.c), too.  A program that is not
 * libmpipe's says nothing, and then nothing is done; and what the other ranks on other
 * hosts do cannot be seen.  look() sees, decide() decides, and does nothing.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <mpipe.h>
#include "run_line.h"
#include "run_signals.h"
#include "run_watch.h"

#define LOOK_MS     20          /* between looks, at first */
#define LONG_MS     500         /* ... and later */
#define LOST_MS     3000        /* a rank is gone for so long: it was no accident */
#define DONE_MS     5000        /* all have ended for so long, and the launcher has not */
#define UNSEEN_MS   20000       /* rank 0 is on another host: it may still be writing */
#define QUIET_MS    15000       /* all is well, but for the launcher, which stays */
#define UNBORN_MS   10000       /* one was not even seen */
#define BIRTH_MS    30000       /* one has been forked for so long */
#define GRACE_MS    5000        /* from SIGTERM to SIGKILL */
#define ORPHAN_MS   2000        /* ranks may live longer than the launcher */

struct rank {
    pid_t pid;
    int number;
    bool lives, stopped;
};

enum verdict { WAIT, LOST, UNBORN, IN_BIRTH, STUCK, HEADLESS, DONE, DONE_UNSEEN, DONE_WELL,
               ABORT };

struct watch {
    pid_t launcher;
    const char *status;
    struct run_said said;
    bool calls, gone;           /* rank 0 has a line to us, and it is cut */
    struct rank *rank;          /* those that were ever seen */
    unsigned n, capacity;
    unsigned local, world;      /* so many are to be on this host, and on all; 0: not known */
    bool births;                /* the launcher is making more */
    enum verdict strange;       /* what the last look has found, ... */
    uint64_t strange_ms;        /* ... and for how long looks have */
    uint64_t looked;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- what there is ---- */

/* On its line, or in the file: one that is being written is read as what was known
 * before. */
static void read_stage(struct watch *w)
{
    char line[64] = "";
    FILE *file;

    w->calls = run_line_hear(&w->said, &w->gone);
    if (w->calls)
        return;
    file = fopen(w->status, "re");
    if (file == NULL)
        return;
    if (fgets(line, sizeof line, file) != NULL)
        run_said_read(&w->said, line);
    fclose(file);
}

/* The value of a variable in the environment of a process; -1: none. */
static int variable(const char *all, size_t size, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = all; at < all + size; at += strlen(at) + 1)
        if (strncmp(at, name, length) == 0 && at[length] == '=')
            return atoi(at + length + 1);
    return -1;
}

/* The launcher's child is a rank: which?  -1: it is none, or none yet. */
static int rank_of(struct watch *w, pid_t pid)
{
    static char all[1 << 18];           /* more than a kernel's page or two */
    char path[64];
    size_t size;
    int number;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return -1;
    size = fread(all, 1, sizeof all - 1, file);
    all[size] = '\0';
    fclose(file);
    number = variable(all, size, "OMPI_COMM_WORLD_RANK");
    if (number >= 0 && variable(all, size, "OMPI_COMM_WORLD_LOCAL_SIZE") > 0)
        w->local = (unsigned)variable(all, size, "OMPI_COMM_WORLD_LOCAL_SIZE");
    if (number >= 0 && variable(all, size, "OMPI_COMM_WORLD_SIZE") > 0)
        w->world = (unsigned)variable(all, size, "OMPI_COMM_WORLD_SIZE");
    return number;
}

static struct rank *find(struct watch *w, pid_t pid)
{
    struct rank *more;
    int number;

    for (unsigned i = 0; i < w->n; i++)
        if (w->rank[i].pid == pid)
            return &w->rank[i];
    number = rank_of(w, pid);
    if (number < 0)
        return NULL;
    if (w->n == w->capacity) {
        more = realloc(w->rank, (2 * w->capacity + 16) * sizeof *more);
        if (more == NULL)
            return NULL;
        w->rank = more;
        w->capacity = 2 * w->capacity + 16;
    }
    w->rank[w->n] = (struct rank){ .pid = pid, .number = number };
    return &w->rank[w->n++];
}

/* A process that is just what the launcher is has not become a rank yet. */
static bool is_unborn(const struct watch *w, pid_t pid)
{
    char path[64], mine[512], its[512];
    ssize_t n, m;

    snprintf(path, sizeof path, "/proc/%ld/exe", (long)w->launcher);
    n = readlink(path, mine, sizeof mine);
    snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
    m = readlink(path, its, sizeof its);
    return n > 0 && n == m && memcmp(mine, its, (size_t)n) == 0;
}

static void look_at(struct watch *w, pid_t pid)
{
    char path[64], line[512], state;
    const char *rest;
    long parent;
    struct rank *r;
    FILE *file;
    bool read;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    rest = read ? strrchr(line, ')') : NULL;    /* a name may have any letters */
    if (rest == NULL || sscanf(rest, ") %c %ld", &state, &parent) != 2
        || parent != w->launcher || state == 'Z' || state == 'X')
        return;
    r = find(w, pid);
    if (r == NULL) {
        w->births |= is_unborn(w, pid);
        return;
    }
    r->lives = true;
    r->stopped = state == 'T';
}

static void look(struct watch *w)
{
    DIR *all;
    struct dirent *entry;

    read_stage(w);
    if (w->said.stage == RUN_HERE)
        return;                 /* the ranks see to themselves */
    all = opendir("/proc");
    if (all == NULL)
        return;
    w->births = false;
    for (unsigned i = 0; i < w->n; i++)
        w->rank[i].lives = w->rank[i].stopped = false;
    while ((entry = readdir(all)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]))
            look_at(w, (pid_t)atol(entry->d_name));
    closedir(all);
    read_stage(w);              /* what was seen is no older than what was said */
}

/* ---- what to do ---- */

static enum verdict decide(const struct watch *w)
{
    unsigned live = 0, stopped = 0;
    bool zero_lives = false, zero_seen = false;

    for (unsigned i = 0; i < w->n; i++) {
        live += w->rank[i].lives;
        stopped += w->rank[i].stopped;
        zero_seen |= w->rank[i].number == 0;
        zero_lives |= w->rank[i].lives && w->rank[i].number == 0;
    }
    if (w->said.stage == RUN_ABORTED)
        return ABORT;
    if (w->gone && w->said.stage < RUN_ENDED)
        return HEADLESS;
    if (w->said.stage == RUN_STARTING && live < w->n)
        return LOST;
    if (w->said.stage == RUN_STARTING && w->n > 0 && w->n < w->local)
        return w->births ? IN_BIRTH : UNBORN;
    if (w->said.stage != RUN_ENDED)
        return WAIT;
    if (live > 0 && live == stopped && !zero_lives)
        return STUCK;
    if (live > 0 || (w->calls && !w->gone))
        return WAIT;
    if (w->said.deaths > 0 || w->said.code != 0)
        return zero_seen || w->calls ? DONE : DONE_UNSEEN;
    return w->n > 0 && w->n == w->world ? DONE_WELL : WAIT;
}

static uint64_t patience_ms(enum verdict v)
{
    switch (v) {
    case UNBORN: return UNBORN_MS;
    case IN_BIRTH: return BIRTH_MS;
    case HEADLESS:
    case DONE: return DONE_MS;
    case DONE_WELL: return QUIET_MS;
    case DONE_UNSEEN: return UNSEEN_MS;
    default: return LOST_MS;
    }
}

/* Whoever reads what we print is slower than we are: the launcher waits for it. */
static bool is_full(int fd)
{
    struct pollfd out = { .fd = fd, .events = POLLOUT };

    return poll(&out, 1, 0) == 0;
}

/* One look does not tell: it must be so for a while.  Time in which nobody looked, for
 * the machine stood still or was too busy, is none: by now all may be well. */
static enum verdict decide_in_time(struct watch *w)
{
    enum verdict v = decide(w);
    uint64_t now = now_ms(), passed = now - w->looked;

    w->looked = now;
    if (v >= DONE && v < ABORT && is_full(STDOUT_FILENO))
        v = WAIT;
    if (v != w->strange)
        w->strange_ms = 0;
    else
        w->strange_ms += passed < 2 * LONG_MS ? passed : 2 * LONG_MS;
    w->strange = v;
    return v == ABORT || w->strange_ms >= patience_ms(v) ? v : WAIT;
}

/* ---- do it ---- */

/* Wait for a signal, at most so long.  True: the launcher has ended. */
static bool has_ended(const struct watch *w, int *how, uint64_t wait_ms)
{
    if (waitpid(w->launcher, how, WNOHANG) == w->launcher)
        return true;
    run_signals_take(w->launcher, wait_ms);
    return waitpid(w->launcher, how, WNOHANG) == w->launcher;
}

static void end_launcher(const struct watch *w, int *how)
{
    uint64_t until = now_ms() + GRACE_MS;

    kill(w->launcher, SIGTERM);
    while (now_ms() < until)
        if (has_ended(w, how, LOOK_MS))
            return;
    for (unsigned i = 0; i < w->n; i++)
        if (w->rank[i].lives)
            kill(w->rank[i].pid, SIGKILL);
    kill(w->launcher, SIGKILL);
    while (waitpid(w->launcher, how, 0) < 0 && errno == EINTR)
        continue;
}

static void tell_lost(const struct watch *w)
{
    for (unsigned i = 0; i < w->n; i++)
        if (!w->rank[i].lives) {
            fprintf(stderr, "mpipe run: rank %d (process %ld) has died while MPI "
                    "started, and the others would wait for it for ever: the job "
                    "is ended\n", w->rank[i].number, (long)w->rank[i].pid);
            return;
        }
}

static void tell(const struct watch *w, enum verdict v)
{
    switch (v) {
    case LOST:
        tell_lost(w);
        break;
    case UNBORN:
        fprintf(stderr, "mpipe run: of %u ranks on this host %u ended as soon as "
                "they began, and the others would wait for them for ever: the job "
                "is ended\n", w->local, w->local - w->n);
        break;
    case IN_BIRTH:
        fprintf(stderr, "mpipe run: the launcher has forked for %u ranks on this host, "
                "and only %u have begun for %d s: the job is ended\n", w->local, w->n,
                BIRTH_MS / 1000);
        break;
    case HEADLESS:
        fprintf(stderr, "mpipe run: rank 0 is gone for %d s, and the launcher has not "
                "ended: it is ended\n", DONE_MS / 1000);
        break;
    case DONE:
    case DONE_UNSEEN:
    case DONE_WELL:
        fprintf(stderr, "mpipe run: the job has ended for %llu s, and the launcher has "
                "not: it is ended\n", (unsigned long long)patience_ms(v) / 1000);
        break;
    default:
        break;
    }
}

static void kill_stopped(const struct watch *w)
{
    for (unsigned i = 0; i < w->n; i++)
        if (w->rank[i].stopped) {
            fprintf(stderr, "mpipe run: rank %d (process %ld) is stopped, and the "
                    "job is done without it: it is killed\n", w->rank[i].number,
                    (long)w->rank[i].pid);
            kill(w->rank[i].pid, SIGKILL);
        }
}

/* Ranks that are told to go on after deaths do so when the launcher dies, too: what
 * they do then, and how rank 0 ends, must be over before anything is started again. */
static unsigned n_orphans(struct watch *w, bool end_them)
{
    unsigned n = 0;

    for (unsigned i = 0; i < w->n; i++) {
        if (rank_of(w, w->rank[i].pid) != w->rank[i].number)
            continue;
        n++;
        if (!end_them)
            continue;
        fprintf(stderr, "mpipe run: rank %d (process %ld) has outlived the launcher: "
                "it is killed\n", w->rank[i].number, (long)w->rank[i].pid);
        kill(w->rank[i].pid, SIGKILL);
    }
    return n;
}

static void wait_for_orphans(struct watch *w)
{
    uint64_t until = now_ms() + ORPHAN_MS;
    bool killed = false;

    read_stage(w);
    while (n_orphans(w, false) > 0
           || (w->calls && !w->gone && w->said.stage < RUN_ENDED)) {
        if (now_ms() >= until && killed)
            return;
        if (now_ms() >= until) {
            n_orphans(w, true);
            killed = true;
            until = now_ms() + ORPHAN_MS;
        }
        poll(NULL, 0, LOOK_MS);
        read_stage(w);
    }
}

static bool watch_on(struct watch *w, int *how)
{
    uint64_t wait_ms = LOOK_MS;

    while (!has_ended(w, how, wait_ms)) {
        enum verdict v;

        look(w);
        v = decide_in_time(w);
        if (v == STUCK)
            kill_stopped(w);
        if (v != WAIT && v != STUCK) {
            tell(w, v);
            end_launcher(w, how);
            return v >= DONE;
        }
        wait_ms = wait_ms + wait_ms / 8 < LONG_MS ? wait_ms + wait_ms / 8
                                                  : LONG_MS;
    }
    return true;
}

int run_watch(pid_t launcher, const char *status, struct run_said *said)
{
    struct watch w = { .launcher = launcher, .status = status };
    int how = 0;
    bool all_well = watch_on(&w, &how);

    read_stage(&w);
    if (w.said.stage < RUN_ENDED)
        wait_for_orphans(&w);
    *said = w.said;
    free(w.rank);
    if (!all_well)
        return -MPIPE_EDEAD;
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}
