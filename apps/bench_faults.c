/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_faults.c - what it costs to be ready for deaths, and what a death costs.
 *
 * Throughput: two sessions on the same ranks, of which one has lifelines (and so
 * looks for deaths) and the other has none, take turns; and so do such that keep a
 * journal and such that do not, each for one run, since a journal grows.  Deaths: rank 0 starts
 * jobs of their own by `mpipe run`, in which a rank is killed (bench_death.c),
 * while the other ranks sleep.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mpipe/mpi.h>
#include "bench.h"
#include "bench_death.h"

#define LIMIT_S 60              /* for a job that loses a rank */

extern char **environ;

/* ---- throughput ---- */

/* Only rank 0's environment counts. */
static struct mpipe *session(const struct bench *b, bool lifelines)
{
    const char *old = getenv("MPIPE_SURVIVES");
    char *kept = old != NULL ? strdup(old) : NULL;
    struct mpipe *mp;

    setenv("MPIPE_SURVIVES", lifelines ? "1" : "0", 1);
    mp = mpipe_init_comm(b->comm, NULL, NULL);
    mpipe_set_option(mp, "quiet", NULL);
    mpipe_set_option(mp, "progress", "never");
    if (kept != NULL)
        setenv("MPIPE_SURVIVES", kept, 1);
    else
        unsetenv("MPIPE_SURVIVES");
    free(kept);
    return mp;
}

static enum mpipe_err one_run(struct bench *b, struct mpipe *mp,
                              const struct bench_chain *chain,
                              const char *side, double *rate, double *cpu_ns)
{
    struct mpipe *own = b->mp;
    struct bench_answer answer;
    uint64_t n = chain->items;
    double cpu = bench_cpu_now();
    enum mpipe_err e;

    b->mp = mp;
    e = bench_chain_library(b, chain, &answer);
    b->mp = own;
    cpu = bench_sum(b, bench_cpu_now() - cpu);
    bench_check(b, "64 B copy", side, answer.items, n);
    bench_check(b, "64 B copy", side, answer.sum,
                (n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n)
                + BENCH_STAGES * n);
    *rate = (double)answer.items / answer.seconds;
    *cpu_ns = 1e9 * cpu / (double)n;
    return e;
}

/* Both in turn, and each first in half of the pairs. */
static enum mpipe_err pairs(struct bench *b, struct mpipe *with,
                            struct mpipe *without)
{
    struct bench_chain chain = { .item_size = 64, .items = 65536 };
    struct bench_row none, *row = bench_row(b, "faults", "64 B copy",
                                            "throughput", "items/s");
    struct bench_row *cpu = b->cpu ? bench_row(b, "faults", "64 B copy", "cpu",
                                               "ns") : NULL;
    double rate, ignored;
    enum mpipe_err e = one_run(b, without, &chain, "library", &rate, &ignored);

    row = row != NULL ? row : &none;
    cpu = cpu != NULL ? cpu : &none;
    chain.items = (uint64_t)(rate * b->seconds) + 1000;
    MPI_Bcast(&chain.items, 1, MPI_UINT64_T, 0, b->comm);
    for (unsigned i = 0; i < 2 * b->repeat && e == MPIPE_OK; i++) {
        if ((i + i / 2) % 2 == 0)
            e = one_run(b, with, &chain, "library with lifelines",
                        &row->library_sample[i / 2],
                        &cpu->library_sample[i / 2]);
        else
            e = one_run(b, without, &chain, "library",
                        &row->control_sample[i / 2],
                        &cpu->control_sample[i / 2]);
    }
    if (row != &none && e == MPIPE_OK) {
        row->goal = BENCH_RATIO_AT_LEAST;
        row->limit = 0.95;
        bench_row_done(b, row);
    }
    if (cpu != &none && e == MPIPE_OK)
        bench_row_done(b, cpu);
    return e;
}

static enum mpipe_err throughput(struct bench *b)
{
    struct mpipe *without = session(b, false), *with = session(b, true);
    enum mpipe_err e = pairs(b, with, without);
    int code = mpipe_finalize(with, e), other = mpipe_finalize(without, e);

    return code == 0 ? (enum mpipe_err)-other : (enum mpipe_err)-code;
}

/* ---- a journal ---- */

/* Items of 64 bytes, on ranks without lifelines; 'folder': NULL for no journal. */
static enum mpipe_err journal_run(struct bench *b, const char *folder,
                                  uint64_t items, double *rate)
{
    struct bench_chain chain = { .item_size = 64, .items = items };
    struct mpipe *mp = session(b, false);
    double cpu;
    enum mpipe_err e;

    if (folder != NULL)
        mpipe_set_option(mp, "journal", folder);
    e = one_run(b, mp, &chain, folder != NULL ? "library with a journal"
                                              : "library", rate, &cpu);
    return (enum mpipe_err)-mpipe_finalize(mp, e);
}

static enum mpipe_err journal_pairs(struct bench *b, const char *folder)
{
    struct bench_row none, *row = bench_row(b, "faults", "64 B copy, journal",
                                            "throughput", "items/s");
    double rate;
    uint64_t items = 65536;
    enum mpipe_err e = journal_run(b, NULL, items, &rate);

    row = row != NULL ? row : &none;
    items = (uint64_t)(rate * b->seconds / 2) + 1000;
    MPI_Bcast(&items, 1, MPI_UINT64_T, 0, b->comm);
    for (unsigned i = 0; i < 2 * b->repeat && e == MPIPE_OK; i++)
        e = (i + i / 2) % 2 == 0
            ? journal_run(b, folder, items, &row->library_sample[i / 2])
            : journal_run(b, NULL, items, &row->control_sample[i / 2]);
    if (row != &none && e == MPIPE_OK)
        bench_row_done(b, row);
    return e;
}

static enum mpipe_err journals(struct bench *b)
{
    const char *tmp = getenv("TMPDIR");
    char folder[200];
    enum mpipe_err e;

    snprintf(folder, sizeof folder, "%s/mpipe-bench-%ld",
             tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp", (long)getpid());
    MPI_Bcast(folder, (int)sizeof folder, MPI_CHAR, 0, b->comm);
    e = journal_pairs(b, folder);
    if (b->rank == 0)
        rmdir(folder);
    return e;
}

/* ---- a job that loses a rank ---- */

struct job {
    char folder[200], shared[240], report[260], said[240];
    struct bench_death *death;
    double items_again;
};

/* Not what the launcher of this job has left for its ranks. */
static bool is_for_ranks(const char *variable)
{
    static const char *const begins[] = {
        "OMPI_", "PMIX_", "PMI_", "PRTE_", "SLURM_", "PBS_", "MPIPE_"
    };

    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(variable, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

static char **environment(void)
{
    size_t n = 0, kept = 0;
    char **env;

    while (environ[n] != NULL)
        n++;
    env = calloc(n + 1, sizeof *env);
    for (size_t i = 0; env != NULL && i < n; i++)
        if (!is_for_ranks(environ[i]))
            env[kept++] = environ[i];
    return env;
}

static bool make_job(struct job *job, uint64_t items, uint64_t task_ns)
{
    const char *tmp = getenv("TMPDIR");
    int fd;

    memset(job, 0, sizeof *job);
    snprintf(job->folder, sizeof job->folder, "%s/mpipe-bench-XXXXXX",
             tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    if (mkdtemp(job->folder) == NULL)
        return false;
    snprintf(job->shared, sizeof job->shared, "%s/shared", job->folder);
    snprintf(job->said, sizeof job->said, "%s/said", job->folder);
    snprintf(job->report, sizeof job->report, "--report=%s/report",
             job->folder);
    fd = open(job->shared, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *job->death) != 0)
        return false;
    job->death = mmap(NULL, sizeof *job->death, PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
    close(fd);
    if (job->death == MAP_FAILED)
        return false;
    job->death->items = items;
    job->death->task_ns = task_ns;
    return true;
}

static void remove_job(const struct job *job)
{
    munmap(job->death, sizeof *job->death);
    unlink(job->shared);
    unlink(job->said);
    unlink(strchr(job->report, '=') + 1);
    rmdir(job->folder);
}

static pid_t start(const struct bench *b, const struct job *job)
{
    char self[4096] = "", ranks[16];
    char *words[] = { self, "run", "-n", ranks, self, "bench-death",
                      (char *)job->shared, "--quiet", (char *)job->report,
                      NULL };
    char **env = environment();
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    pid_t pid = -1;

    if (env == NULL || readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return -1;
    snprintf(ranks, sizeof ranks, "%d", b->size);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, job->said,
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
    if (posix_spawn(&pid, self, &files, &how, words, env) != 0)
        pid = -1;
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    free(env);
    return pid;
}

/* Its exit code; -1: it took too long, or ended by a signal. */
static int wait_for(pid_t pid)
{
    double from = bench_now();
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (bench_now() - from > LIMIT_S) {
            kill(-pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        bench_rest(2e-3);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void tell(const struct job *job, int code)
{
    FILE *said = fopen(job->said, "re");
    char line[300];

    fprintf(stderr, "mpipe bench: a job whose rank was killed ended with %d:\n",
            code);
    while (said != NULL && fgets(line, sizeof line, said) != NULL)
        fprintf(stderr, "    %s", line);
    if (said != NULL)
        fclose(said);
}

/* On rank 0.  False: there is no answer. */
static bool lose_a_rank(struct bench *b, const char *name, struct job *job)
{
    uint64_t n = job->death->items;
    pid_t pid = start(b, job);
    int code = pid > 0 ? wait_for(pid) : -1;
    json_t *report;

    if (code != 0) {
        tell(job, code);
        b->wrong = true;
        return false;
    }
    bench_check(b, name, "job that lost a rank", job->death->results, n);
    bench_check(b, name, "job that lost a rank", job->death->sum,
                n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n);
    report = json_load_file(strchr(job->report, '=') + 1, 0, NULL);
    job->items_again = (double)json_integer_value(
        json_object_get(report, "items_fed_again"));
    json_decref(report);
    if (job->death->killed_at == 0 || job->death->back_at == 0) {
        fprintf(stderr, "mpipe bench: %s: no rank was killed before the end\n",
                name);
        b->wrong = true;
        return false;
    }
    return true;
}

/* ---- the cost of a death ---- */

static void done(const struct bench *b, struct bench_row *row)
{
    row->alone = true;
    bench_row_done(b, row);
}

static void deaths(struct bench *b, const char *name, uint64_t items,
                   uint64_t task_ns)
{
    struct bench_row *back = bench_row(b, "faults", name, "recovery", "ms");
    struct bench_row *again = bench_row(b, "faults", name, "again", "items");
    unsigned n = 0;

    for (unsigned i = 0; back != NULL && again != NULL && i < b->repeat; i++) {
        struct job job;

        if (!make_job(&job, items, task_ns)) {
            fprintf(stderr, "mpipe bench: %s cannot be made: %s\n", job.folder,
                    strerror(errno));
            b->wrong = true;
            break;
        }
        if (lose_a_rank(b, name, &job)) {
            back->library_sample[n] = 1e3 * (job.death->back_at
                                             - job.death->killed_at);
            again->library_sample[n++] = job.items_again;
        }
        remove_job(&job);
    }
    if (n == 0)
        return;
    back->n_samples = again->n_samples = n;
    back->goal = BENCH_LIBRARY_AT_MOST;
    back->limit = 1000;
    done(b, back);
    done(b, again);
}

static bool survives(void)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length;

    MPI_Get_library_version(version, &length);
    return strstr(version, "Open MPI") != NULL;
}

enum mpipe_err bench_faults(struct bench *b)
{
    enum mpipe_err e = MPIPE_OK;
    double seconds = 2 * b->seconds;

    if (bench_wanted(b, "64 B copy"))
        e = throughput(b);
    if (e == MPIPE_OK && bench_wanted(b, "64 B copy, journal"))
        e = journals(b);
    if (e == MPIPE_OK && b->rank == 0 && survives()) {
        if (bench_wanted(b, "64 B, a rank dies"))
            deaths(b, "64 B, a rank dies", (uint64_t)(2e7 * seconds), 0);
        if (bench_wanted(b, "1 ms, a rank dies"))
            deaths(b, "1 ms, a rank dies",
                   (uint64_t)((b->size - 1) * 1e3 * seconds), 1000000);
    }
    bench_meet(b);
    return e;
}
