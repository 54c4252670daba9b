/* SPDX-License-Identifier: BSD-3-Clause */
/* campaign_run.c - start a job, and kill some of its ranks.
 *
 * The ranks tell their process ids on the shared page when they have left
 * mpipe_init().  Before one is killed its command line is looked at: it must have
 * the folder of this run, so nobody else's process is ever hit.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "campaign.h"
#include "random.h"

#define STARTS_MOST  20u
#define STRAYS_MS    10000u     /* for ranks to end after the launcher */

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void rest_us(long us)
{
    struct timespec t = { 0, us * 1000 };

    nanosleep(&t, NULL);
}

static void give_up(const char *what)
{
    fprintf(stderr, "campaign: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- the folder ---- */

static char *in_folder(const struct campaign_run *run, const char *name)
{
    static char path[300];

    snprintf(path, sizeof path, "%s/%s", run->folder, name);
    return path;
}

static void make_page(struct campaign_run *run)
{
    int fd = open(in_folder(run, "page"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || ftruncate(fd, sizeof *run->page) != 0)
        give_up(in_folder(run, "page"));
    run->page = mmap(NULL, sizeof *run->page, PROT_READ | PROT_WRITE,
                     MAP_SHARED, fd, 0);
    if (run->page == MAP_FAILED)
        give_up("mmap");
    close(fd);
    run->page->job = *run->c;
    for (unsigned i = 0; i < run->c->n_deaths; i++) {
        const struct campaign_death *d = &run->c->death[i];
        if (d->when != CAMPAIGN_AT_CALL)
            continue;
        run->page->die_how[i] = d->how;
        run->page->die_at[i] = d->at;
        run->done[i] = true;
    }
}

static void make_lines(const struct campaign_run *run)
{
    FILE *file = fopen(in_folder(run, "lines"), "w");
    uint64_t random = run->c->number;

    if (file == NULL)
        give_up(in_folder(run, "lines"));
    for (uint64_t i = 0; i < run->c->n_roots; i++)
        fprintf(file, "%" PRIu64 " %*s\n", i,
                (int)mpipe__random_to(&random, 200), ".");
    fclose(file);
}

static void make_folder(struct campaign_run *run)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(run->folder, sizeof run->folder, "%s/mpipe-campaign-XXXXXX",
             tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    if (mkdtemp(run->folder) == NULL)
        give_up(run->folder);
    make_page(run);
    if (run->c->source == CAMPAIGN_LINES)
        make_lines(run);
    if (run->c->job.parts)
        mkdir(in_folder(run, "parts"), 0700);
}

static void remove_all(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[600];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (unlink(path) != 0)
            remove_all(path);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(folder);
}

void campaign_run_remove(struct campaign_run *run)
{
    munmap(run->page, sizeof *run->page);
    if (!run->settings->keep)
        remove_all(run->folder);
}

/* ---- starting ---- */

static pid_t start(struct campaign_run *run)
{
    char ranks[16], report[300], journal[300], options[300];
    const char *word[64];
    size_t n = 0;
    pid_t pid;

    snprintf(ranks, sizeof ranks, "%u", run->c->ranks);
    snprintf(report, sizeof report, "--report=%s/report", run->folder);
    snprintf(journal, sizeof journal, "--journal=%s/journal", run->folder);
    snprintf(options, sizeof options, "%s", run->c->options);
    word[n++] = run->settings->mpipe;
    word[n++] = "run";
    word[n++] = "-n";
    word[n++] = ranks;
    if (run->settings->journal)
        word[n++] = journal;
    word[n++] = run->settings->job;
    word[n++] = run->folder;
    word[n++] = "--quiet";
    word[n++] = report;
    for (char *w = strtok(options, " "); w != NULL; w = strtok(NULL, " "))
        word[n++] = w;
    word[n] = NULL;
    run->starts++;
    run->page->n_up = run->page->n_down = 0;
    for (unsigned r = 0; r < CAMPAIGN_RANKS_MOST; r++)
        run->page->pid[r] = 0;
    pid = fork();
    if (pid != 0) {
        if (pid < 0)
            give_up("fork");
        setpgid(pid, pid);
        return pid;
    }
    setpgid(0, 0);
    n = (size_t)open(in_folder(run, "said"), O_WRONLY | O_CREAT | O_APPEND,
                     0600);
    dup2((int)n, 1);
    dup2((int)n, 2);
    close(0);
    open("/dev/null", O_RDONLY);
    execv(word[0], (char **)(uintptr_t)word);
    _exit(127);
}

/* ---- killing ---- */

static bool is_ours(const struct campaign_run *run, int pid)
{
    char path[60], words[1000];
    size_t n = 0, length = strlen(run->folder);
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    file = pid > 0 ? fopen(path, "re") : NULL;
    if (file == NULL)
        return false;
    n = fread(words, 1, sizeof words, file);
    fclose(file);
    return memmem(words, n, run->folder, length) != NULL;
}

static bool rank_lives(const struct campaign_run *run, unsigned r)
{
    return is_ours(run, run->page->pid[r]);
}

static bool hit(const struct campaign_run *run, unsigned r,
                enum campaign_how how)
{
    static const int number[] = { SIGKILL, SIGSEGV, SIGABRT };

    return rank_lives(run, r) && kill(run->page->pid[r], number[how]) == 0;
}

static void kill_ranks(struct campaign_run *run, const struct campaign_death *d)
{
    unsigned left = d->together;

    for (unsigned from = (unsigned)mpipe__random_to(&run->c->random,
                                                    run->c->ranks), i = 0;
         i < run->c->ranks && left > 0; i++) {
        unsigned r = (from + i) % run->c->ranks;
        if (r > 0 && hit(run, r, d->how)) {
            run->killed++;
            left--;
        }
    }
}

/* The launcher's only child is mpirun. */
static int child_of(int pid)
{
    char path[80];
    int child = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%d", &child) != 1)
        child = 0;
    if (file != NULL)
        fclose(file);
    return child;
}

static void die(struct campaign_run *run, const struct campaign_death *d,
                pid_t launcher)
{
    switch (d->victim) {
    case CAMPAIGN_A_RANK:
        kill_ranks(run, d);
        break;
    case CAMPAIGN_RANK_0:
        run->killed_0 += hit(run, 0, d->how);
        break;
    case CAMPAIGN_LAUNCHER:
        launcher = child_of(launcher);
        if (is_ours(run, launcher))
            run->killed_launcher += kill(launcher, SIGKILL) == 0;
        break;
    case CAMPAIGN_STOP:
        run->stops += kill(launcher, SIGUSR1) == 0;
        break;
    }
}

/* 'up', 'down': when all ranks were there, and the first came to its end, in ms;
 * 0: not yet. */
static bool is_due(const struct campaign_run *run,
                   const struct campaign_death *d, double up, double down)
{
    switch (d->when) {
    case CAMPAIGN_AT_TIME:
        return now_ms() - up >= (double)d->at;
    case CAMPAIGN_AT_PROGRESS:
        return run->page->calls >= d->at;
    case CAMPAIGN_AT_END:
        return down > 0 && 1e3 * (now_ms() - down) >= (double)d->at;
    case CAMPAIGN_AT_CALL:
        break;
    }
    return false;
}

static void deaths_due(struct campaign_run *run, double up, double down,
                       pid_t launcher)
{
    for (unsigned i = 0; i < run->c->n_deaths; i++) {
        const struct campaign_death *d = &run->c->death[i];

        if (run->done[i] || !is_due(run, d, up, down))
            continue;
        run->done[i] = true;
        die(run, d, launcher);
    }
}

/* ---- watching ---- */

static void end_all(struct campaign_run *run, pid_t launcher)
{
    int status;

    for (unsigned r = 0; r < run->c->ranks; r++)
        hit(run, r, CAMPAIGN_KILL);
    kill(-launcher, SIGKILL);
    waitpid(launcher, &status, 0);
}

static const char *who_lives(const struct campaign_run *run)
{
    static char text[200];
    size_t n = 0;

    text[0] = '\0';
    for (unsigned r = 0; r < run->c->ranks && n < 180; r++)
        if (rank_lives(run, r))
            n += (size_t)snprintf(text + n, sizeof text - n, " %u", r);
    return text;
}

static void show_stacks(const struct campaign_run *run)
{
    char command[100];

    for (unsigned r = 0; r < run->c->ranks; r++) {
        if (!rank_lives(run, r))
            continue;
        fprintf(stderr, "    rank %u:\n", r);
        snprintf(command, sizeof command, "gdb -p %d -batch -ex bt 2>&1 | "
                 "grep '^#' >&2", run->page->pid[r]);
        if (system(command) != 0)
            fputs("    (no gdb)\n", stderr);
    }
}

/* Has mpirun failed to see that all ranks have ended?  Open MPI does so now and then
 * when it is told to go on after deaths. */
static bool launcher_hangs(struct campaign_run *run)
{
    run->launcher_hung = run->page->n_up == run->c->ranks
                         && who_lives(run)[0] == '\0';
    return run->launcher_hung;
}

/* Its exit code; -1: it had to be ended. */
static int watch(struct campaign_run *run, pid_t launcher)
{
    double from = now_ms(), up = 0, down = 0;
    int status;

    while (waitpid(launcher, &status, WNOHANG) == 0) {
        if (up == 0 && run->page->n_up == run->c->ranks)
            up = now_ms();
        if (down == 0 && run->page->n_down > 0)
            down = now_ms();
        if (up != 0)
            deaths_due(run, up, down, launcher);
        if (now_ms() - from > 1e3 * run->settings->limit_s) {
            if (!launcher_hangs(run))
                campaign_wrong(run, "it hangs; %u of %u ranks came up, %u to "
                               "their end; these live:%s; calls: %" PRIu64,
                               run->page->n_up, run->c->ranks,
                               run->page->n_down, who_lives(run),
                               run->page->calls);
            if (run->settings->stacks)
                show_stacks(run);
            end_all(run, launcher);
            return -1;
        }
        rest_us(200);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Nobody may stay behind. */
static void wait_for_strays(struct campaign_run *run)
{
    double from = now_ms();

    while (who_lives(run)[0] != '\0' && now_ms() - from < STRAYS_MS)
        rest_us(1000);
    if (who_lives(run)[0] == '\0')
        return;
    campaign_wrong(run, "ranks stay behind:%s", who_lives(run));
    for (unsigned r = 0; r < run->c->ranks; r++)
        hit(run, r, CAMPAIGN_KILL);
}

/* It begins anew. */
static void forget_output(struct campaign_run *run)
{
    unlink(in_folder(run, "failed"));
    remove_all(in_folder(run, "parts"));
}

static bool goes_on(const struct campaign_run *run)
{
    return run->c->restarts && run->code > 1 && run->n_wrong == 0
           && run->starts < STARTS_MOST;
}

void campaign_run_start(struct campaign_run *run)
{
    make_folder(run);
    do {
        if (!run->settings->journal)
            forget_output(run);
        run->code = watch(run, start(run));
        wait_for_strays(run);
    } while (goes_on(run));
}
