/* SPDX-License-Identifier: BSD-3-Clause */
/* campaign.c - the fault campaign: random jobs, random deaths, exact results.
 *
 * Each run is a job of real processes, started by `mpipe run`, drawn from one
 * number.  When a rank is killed is drawn too, but what it is doing then is up to
 * the machine; so a failure may need several runs of its case to be seen again.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "campaign.h"
#include "random.h"

static const char help[] =
    "Usage: campaign [OPTION]...\n"
    "Run random jobs on real ranks, kill some of these, and compare what comes\n"
    "out with what a plain loop makes of the same input.\n"
    "  --seed=S       which jobs (random)\n"
    "  --runs=N       so many (100)\n"
    "  --minutes=M    begin no more after so long; with no --runs, until then\n"
    "  --case=NUMBER  this job, again and again\n"
    "  --restarts     rank 0 and mpirun die too, and the command is run again\n"
    "  --resume       the same with a journal, and stops by SIGUSR1: it goes\n"
    "                 on where it was\n"
    "  --mapreduce=W  what a death does to map-reduce jobs: ends (the default:\n"
    "                 they may end with 13), survives, none: run none, or\n"
    "                 only: run no pipelines, and they survive\n"
    "  --slow         in each job a rank is slow (in a quarter of them)\n"
    "  --limit=SEC    a job that takes longer hangs (60)\n"
    "  --keep         keep the folders of the runs\n"
    "  --stacks       where the ranks of a job that hangs are, by gdb\n"
    "  --verbose      tell each run\n"
    "Exit status: 0; 1 if anything was not as it should be.\n";

struct totals {
    uint64_t runs, jobs, deaths, killed, own, poison, zero, launcher, stops;
    uint64_t copies, copies_won, left;
    uint64_t restarts, early, hung, results, items_again, roots_again;
    uint64_t lost, duplicated, poisoned, blamed, failed;
    double longest;
};

struct request {
    struct campaign_settings settings;
    uint64_t seed, runs, number;
    bool one, restarts, mapreduce, only, verbose;
    double minutes;
};

void campaign_wrong(struct campaign_run *run, const char *format, ...)
{
    va_list args;

    if (run->n_wrong++ >= 8)
        return;
    fprintf(stderr, "campaign: case %" PRIu64 ": ", run->c->number);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- one run ---- */

static void add_up(struct totals *t, const struct campaign_run *run)
{
    t->runs++;
    t->jobs += run->c->kind != CAMPAIGN_PIPELINE;
    t->killed += run->killed;
    t->own += run->page->n_own;
    t->poison += run->page->n_poison;
    t->zero += run->killed_0;
    t->launcher += run->killed_launcher;
    t->stops += run->stops;
    t->restarts += run->starts - 1;
    t->early += run->ended_early;
    t->hung += run->launcher_hung;
    t->results += run->results;
    t->items_again += run->items_again;
    t->roots_again += run->roots_again;
    t->copies += run->copies;
    t->copies_won += run->copies_won;
    t->left += run->left;
    t->lost += run->lost;
    t->duplicated += run->duplicated;
    t->poisoned += run->poisoned;
    t->blamed += run->blamed;
    t->failed += run->n_wrong > 0;
    if (run->longest > t->longest)
        t->longest = run->longest;
}

static void tell_failure(const struct request *r, const struct campaign_run *run)
{
    char line[400], path[300];
    FILE *said;

    campaign_case_show(run->c);
    fprintf(stderr, "    code %d; %u ranks killed, %u died by themselves, %u "
            "over poison; started %u times\n", run->code, run->killed,
            run->page->n_own, run->page->n_poison, run->starts);
    snprintf(path, sizeof path, "%s/said", run->folder);
    said = fopen(path, "re");
    for (int n = 0; said != NULL && n < 40
                    && fgets(line, sizeof line, said) != NULL;) {
        if (line[0] == '[')
            continue;           /* Open MPI's long stories */
        fprintf(stderr, "    | %s", line);
        n++;
    }
    if (said != NULL)
        fclose(said);
    fprintf(stderr, "  again: tests/campaign --case=%" PRIu64 "%s%s%s --runs=20\n",
            run->c->number, r->settings.journal ? " --resume"
            : r->restarts ? " --restarts" : "",
            !r->mapreduce ? " --mapreduce=none"
            : r->only ? " --mapreduce=only"
            : r->settings.survives ? " --mapreduce=survives" : "",
            r->settings.slow ? " --slow" : "");
}

static void one_run(const struct request *r, uint64_t number, struct totals *t)
{
    struct campaign_case c;
    struct campaign_expected x;
    struct campaign_run run = { .settings = &r->settings, .c = &c, .x = &x };

    campaign_case_draw(&c, number, r->mapreduce, r->only, r->restarts,
                       r->settings.journal);
    campaign_case_expect(&c, &x, r->settings.slow);
    if (r->verbose) {
        fprintf(stderr, "case %" PRIu64 "\n", number);
        campaign_case_show(&c);
    }
    c.random ^= (uint64_t)getpid() * t->runs;   /* whom it hits may differ */
    campaign_run_start(&run);
    campaign_judge(&run);
    add_up(t, &run);
    if (run.n_wrong > 0)
        tell_failure(r, &run);
    if (r->settings.keep)
        fprintf(stderr, "  kept: %s\n", run.folder);
    campaign_run_remove(&run);
    campaign_expected_free(&x);
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static void print(const struct request *r, const struct totals *t)
{
    printf("campaign, seed %" PRIu64 ": %" PRIu64 " runs, %" PRIu64
           " of them map-reduce, %" PRIu64 " results\n"
           "kills: %" PRIu64 " ranks by signals, %" PRIu64 " by themselves, %"
           PRIu64 " over poison", r->seed, t->runs, t->jobs, t->results,
           t->killed, t->own, t->poison);
    if (r->restarts)
        printf(", %" PRIu64 " times rank 0, %" PRIu64 " times mpirun; %" PRIu64
               " stops, %" PRIu64 " restarts", t->zero, t->launcher, t->stops,
               t->restarts);
    printf("\nfed again: %" PRIu64 " items in %" PRIu64 " frames; results stayed "
           "away for %.3f s at most\n", t->items_again, t->roots_again,
           t->longest);
    printf("late: %" PRIu64 " frames were given to others as well, %" PRIu64
           " of which were quicker; %" PRIu64 " ranks were left behind\n",
           t->copies, t->copies_won, t->left);
    printf("failed: %" PRIu64 " poisoned items, as expected, and %" PRIu64
           " that ranks died over by chance\n", t->poisoned, t->blamed);
    if (t->early > 0)
        printf("map-reduce jobs that a death has ended, as expected: %" PRIu64
               "\n", t->early);
    if (t->hung > 0)
        printf("mpirun did not end after all ranks had, and was ended: %" PRIu64
               " times\n", t->hung);
    printf("lost: %" PRIu64 ", duplicated: %" PRIu64 ", runs that went wrong: %"
           PRIu64 "\n", t->lost, t->duplicated, t->failed);
}

/* ---- arguments ---- */

static bool read_arguments(int argc, char **argv, struct request *r)
{
    static const struct option options[] = {
        { "seed", required_argument, NULL, 's' },
        { "runs", required_argument, NULL, 'n' },
        { "minutes", required_argument, NULL, 'm' },
        { "case", required_argument, NULL, 'c' },
        { "restarts", no_argument, NULL, 'r' },
        { "resume", no_argument, NULL, 'j' },
        { "mapreduce", required_argument, NULL, 'w' },
        { "slow", no_argument, NULL, 'o' },
        { "limit", required_argument, NULL, 'l' },
        { "keep", no_argument, NULL, 'k' },
        { "stacks", no_argument, NULL, 'g' },
        { "verbose", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (c) {
        case 's': r->seed = strtoull(optarg, NULL, 10); break;
        case 'n': r->runs = strtoull(optarg, NULL, 10); break;
        case 'm': r->minutes = strtod(optarg, NULL); break;
        case 'c':
            r->number = strtoull(optarg, NULL, 10);
            r->one = true;
            break;
        case 'j': r->settings.journal = true;   /* fall through */
        case 'r': r->restarts = true; break;
        case 'w':
            r->only = strcmp(optarg, "only") == 0;
            r->settings.survives = r->only || strcmp(optarg, "survives") == 0;
            r->mapreduce = strcmp(optarg, "none") != 0;
            break;
        case 'o': r->settings.slow = true; break;
        case 'l': r->settings.limit_s = (unsigned)atoi(optarg); break;
        case 'g': r->settings.stacks = true; break;
        case 'k': r->settings.keep = true; break;
        case 'v': r->verbose = true; break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default: return false;
        }
    if (r->runs == 0)
        r->runs = r->minutes > 0 ? UINT64_MAX : 100;
    return optind == argc;
}

/* The programs that were built with this one. */
static void find_programs(struct campaign_settings *s)
{
    static char mpipe[4200], job[4200];
    char self[4096] = "";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n > 0 && strrchr(self, '/') != NULL)
        *strrchr(self, '/') = '\0';
    snprintf(mpipe, sizeof mpipe, "%s/../apps/mpipe", self);
    snprintf(job, sizeof job, "%s/campaign_job", self);
    s->mpipe = mpipe;
    s->job = job;
}

int main(int argc, char **argv)
{
    struct request r = { .settings = { .limit_s = 60 }, .mapreduce = true };
    struct totals t = { .runs = 0 };
    double from = now();

    r.seed = (uint64_t)time(NULL) % 1000000;
    if (!read_arguments(argc, argv, &r)) {
        fputs(help, stderr);
        return 2;
    }
    find_programs(&r.settings);
    for (uint64_t i = 0; i < r.runs && t.failed < 10; i++) {
        if (r.minutes > 0 && now() - from > 60 * r.minutes)
            break;
        one_run(&r, r.one ? r.number : r.seed * 1000000 + i, &t);
    }
    print(&r, &t);
    return t.failed > 0 || t.runs == 0 ? 1 : 0;
}
