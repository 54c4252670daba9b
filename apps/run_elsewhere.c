/* SPDX-License-Identifier: BSD-3-Clause */
/* run_elsewhere.c - which hosts of a job are lost, and the same job on the others.
 *
 * A host is lost when the launcher cannot start a program there in some time: so that is
 * what is tried, on all hosts at once, by the very launcher, words and environment that
 * would start the job on that host alone; in a job of Slurm's by srun, by which mpirun
 * starts its daemons.  To leave hosts out for a probe and for the next
 * start is thus one thing, narrow(): lists and files of hosts are written anew, and so are
 * Slurm's variables (all eight that mpirun and srun look at; `--host` alone does not keep
 * mpirun from starting daemons on all nodes of a job).  How they are written run_hosts.c
 * knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "run_elsewhere.h"
#include "run_hosts.h"
#include "run_signals.h"

#define LISTS_MOST   8u
#define PROBES_MOST  32u        /* at once */
#define PROBE_MS     30000
#define END_MS       3000       /* from SIGTERM to SIGKILL */
#define LOOK_MS      50

enum { NODES_1, NODES_2, COUNT_1, COUNT_2, TASKS_1, TASKS_2, EACH_TASKS, EACH_CPUS,
       N_VARIABLES };

static const char *const variable[N_VARIABLES] = {
    "SLURM_JOB_NODELIST", "SLURM_NODELIST", "SLURM_JOB_NUM_NODES", "SLURM_NNODES",
    "SLURM_NTASKS", "SLURM_NPROCS", "SLURM_TASKS_PER_NODE", "SLURM_JOB_CPUS_PER_NODE"
};

/* Where hosts stand. */
struct list {
    unsigned word;                  /* which of the user's; or in the environment: */
    const char *variable;           /* NULL: in a word */
    size_t key;                     /* length of "--host=" in that word */
    bool is_file;
    char *path;                     /* what the variable was */
    char *text;
};

struct run_elsewhere {
    const struct run_request *r;
    const struct run_place *place;
    struct run_place probes;        /* the place where it is tried */
    struct list list[LISTS_MOST];
    unsigned n_lists;
    char *slurm[N_VARIABLES];       /* as they were; NULL: not set */
    struct run_hosts listed, allocated;
    struct run_hosts *job;          /* one of these: the job's */
    struct run_request now;
    struct made { char *text; bool is_file; } *made;    /* for 'now', and for probes */
    size_t n_made;
};

/* ---- find them ---- */

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "re"), *to;
    char *text = NULL;
    size_t size = 0;
    int c;

    if (file == NULL)
        return NULL;
    to = open_memstream(&text, &size);
    while (to != NULL && (c = getc(file)) != EOF)
        putc(c, to);
    fclose(file);
    if (to != NULL && fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

static void note(struct run_elsewhere *e, struct list l, const char *value)
{
    if (e->n_lists == LISTS_MOST)
        return;
    l.text = l.is_file ? read_all(value) : strdup(value);
    l.path = strdup(value);
    if (l.text != NULL && l.path != NULL
        && (l.is_file ? run_hosts_add_file(&e->listed, l.text)
                      : run_hosts_add_list(&e->listed, l.text))) {
        e->list[e->n_lists++] = l;
        return;
    }
    free(l.text);
    free(l.path);
}

/* What a word names: the length of the key, 0 if none.  It is followed by its value, in
 * the next word or after '='. */
static size_t key_of(const char *word, const struct run_place *place, bool *is_file)
{
    static const struct { const char *key; bool is_file, only_mpich; } keys[] = {
        { "host", false, false }, { "H", false, false }, { "hosts", false, true },
        { "hostfile", true, false }, { "machinefile", true, false },
        { "default-hostfile", true, false }, { "f", true, true },
        { "orte_default_hostfile", true, false }, { "prte_default_hostfile", true, false }
    };
    size_t dashes = strspn(word, "-"), n = strcspn(word + dashes, "=");

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strlen(keys[i].key) == n && strncmp(word + dashes, keys[i].key, n) == 0
            && (dashes > 0) == (strchr(keys[i].key, '_') == NULL)
            && (!keys[i].only_mpich || place->kind == RUN_MPICH)) {
            *is_file = keys[i].is_file;
            return dashes + n;
        }
    return 0;
}

static void find_lists(struct run_elsewhere *e)
{
    static const char *const files[] = { "OMPI_MCA_orte_default_hostfile",
                                         "PRTE_MCA_prte_default_hostfile",
                                         "HYDRA_HOST_FILE" };
    const struct run_request *r = e->r;

    for (unsigned i = 0; !e->place->srun && i < r->n_words; i++) {
        struct list l = { .word = i };
        size_t key = key_of(r->word[i], e->place, &l.is_file);

        if (key > 0 && r->word[i][key] == '=') {
            l.key = key + 1;
            note(e, l, r->word[i] + l.key);
        } else if (key > 0 && i + 1 < r->n_words) {
            l.word = ++i;
            note(e, l, r->word[i]);
        }
    }
    for (unsigned i = 0; e->n_lists == 0 && i < sizeof files / sizeof files[0]; i++)
        if (getenv(files[i]) != NULL)
            note(e, (struct list){ .variable = files[i], .is_file = true },
                 getenv(files[i]));
}

static bool find_slurm(struct run_elsewhere *e)
{
    const char *list;

    for (unsigned i = 0; i < N_VARIABLES; i++)
        if (getenv(variable[i]) != NULL
            && (e->slurm[i] = strdup(getenv(variable[i]))) == NULL)
            return false;
    list = e->slurm[NODES_1];
    if (list == NULL || run_hosts_add_slurm(&e->allocated, list,
                                            e->slurm[EACH_TASKS] != NULL
                                                ? e->slurm[EACH_TASKS] : ""))
        return true;
    run_hosts_free(&e->allocated);
    return true;
}

struct run_elsewhere *run_elsewhere_new(const struct run_request *r,
                                        const struct run_place *place)
{
    struct run_elsewhere *e = calloc(1, sizeof *e);

    if (e == NULL)
        return NULL;
    e->r = r;
    e->place = place;
    find_lists(e);
    if (place->slurm && !find_slurm(e)) {
        run_elsewhere_free(e);
        return NULL;
    }
    e->job = e->listed.n > 0 ? &e->listed : &e->allocated;
    e->probes = *place;
    if (e->job == &e->allocated && e->allocated.n > 0) {
        e->probes.srun = true;          /* mpirun would rather take its own host */
        e->probes.launcher = "srun";
    }
    return e;
}

/* ---- leave some out ---- */

static void forget(struct run_elsewhere *e)
{
    for (size_t i = 0; i < e->n_made; i++) {
        if (e->made[i].is_file)
            unlink(e->made[i].text);
        free(e->made[i].text);
    }
    free(e->made);
    e->made = NULL;
    e->n_made = 0;
}

/* Words, and paths of files, go when the next ones are made.  NULL: no memory. */
static const char *keep(struct run_elsewhere *e, char *text, bool is_file)
{
    struct made *more = text == NULL ? NULL
                                     : realloc(e->made, (e->n_made + 1) * sizeof *more);

    if (more == NULL) {
        free(text);
        return NULL;
    }
    e->made = more;
    e->made[e->n_made++] = (struct made){ text, is_file };
    return text;
}

/* The path of a file with this text; NULL after a complaint. */
static const char *write_file(struct run_elsewhere *e, const char *text)
{
    const char *folder = getenv("TMPDIR"), *path;
    char *pattern;
    FILE *file;
    int fd;

    if (asprintf(&pattern, "%s/mpipe-hosts-XXXXXX",
                 folder != NULL && folder[0] != '\0' ? folder : "/tmp") < 0)
        return NULL;
    fd = mkostemp(pattern, O_CLOEXEC);
    path = keep(e, pattern, fd >= 0);
    file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (path != NULL && file != NULL && fputs(text, file) >= 0 && fclose(file) == 0)
        return path;
    fprintf(stderr, "mpipe run: no file for hosts in %s: %s\n",
            folder != NULL ? folder : "/tmp", strerror(errno));
    return NULL;
}

static bool narrow_list(struct run_elsewhere *e, const struct list *l)
{
    char *text = l->is_file ? run_hosts_file(e->job, l->text)
                            : run_hosts_list(e->job, l->text);
    const char *value = keep(e, text, false);
    char *word;

    if (value != NULL && l->is_file)
        value = write_file(e, value);
    if (value == NULL)
        return false;
    if (l->variable != NULL)
        return setenv(l->variable, value, 1) == 0;
    if (l->key > 0) {
        if (asprintf(&word, "%.*s%s", (int)l->key, e->r->word[l->word], value) < 0)
            return false;
        value = keep(e, word, false);
    }
    e->now.word[l->word] = value;
    return value != NULL;
}

static bool put(const struct run_elsewhere *e, unsigned which, char *value)
{
    bool done = value != NULL
                && (e->slurm[which] == NULL || setenv(variable[which], value, 1) == 0);

    free(value);
    return done;
}

static char *number(unsigned long n)
{
    char *text;

    return asprintf(&text, "%lu", n) < 0 ? NULL : text;
}

static bool add_word(struct run_elsewhere *e, char *word)
{
    e->now.word[e->now.n_words] = keep(e, word, false);
    return e->now.word[e->now.n_words++] != NULL;
}

/* srun takes nodes from the whole job, unless it is told. */
static bool tell_srun(struct run_elsewhere *e, size_t left)
{
    char *names = run_hosts_names(&e->allocated), *nodes = NULL, *list = NULL;
    bool done = names != NULL && asprintf(&nodes, "--nodes=%zu", left) >= 0
                && asprintf(&list, "--nodelist=%s", names) >= 0;

    free(names);
    if (!done)
        return false;
    done = add_word(e, nodes);
    return add_word(e, list) && done;       /* both are kept in any case */
}

static bool narrow_slurm(struct run_elsewhere *e, bool srun)
{
    const struct run_hosts *h = &e->allocated;
    size_t left = run_hosts_left(h);
    unsigned long tasks = 0;
    bool done = true;

    for (size_t i = 0; i < h->n; i++)
        tasks += h->host[i].lost ? 0 : h->host[i].slots;
    for (unsigned i = NODES_1; i <= NODES_2; i++)
        done &= put(e, i, run_hosts_names(h));
    for (unsigned i = COUNT_1; i <= COUNT_2; i++)
        done &= put(e, i, number(left));
    for (unsigned i = TASKS_1; tasks > 0 && i <= TASKS_2; i++)
        done &= put(e, i, number(tasks));
    for (unsigned i = EACH_TASKS; i <= EACH_CPUS; i++)
        if (e->slurm[i] != NULL)
            done &= put(e, i, run_hosts_counts(h, e->slurm[NODES_1], e->slurm[i]));
    return done && (!srun || tell_srun(e, left));
}

/* As it was. */
static void widen(struct run_elsewhere *e)
{
    e->now = *e->r;
    for (unsigned i = 0; i < N_VARIABLES; i++)
        if (e->slurm[i] != NULL)
            setenv(variable[i], e->slurm[i], 1);
    /* for srun: the step of the last start has a lost host in it, and holds all its cores
     * until Slurm finds that out */
    if (e->allocated.n > 0)
        setenv("SLURM_OVERLAP", "1", 1);
    for (unsigned i = 0; i < e->n_lists; i++)
        if (e->list[i].variable != NULL)
            setenv(e->list[i].variable, e->list[i].path, 1);
}

/* 0: what the batch system gives. */
static unsigned asked(const struct run_elsewhere *e)
{
    return e->r->ranks > 0 || e->place->batch ? e->r->ranks : e->place->cores;
}

/* Those of the job's hosts that are not lost: in 'now', and in the environment.  'where':
 * what is to start something there. */
static bool narrow(struct run_elsewhere *e, const struct run_place *where)
{
    bool done = true;

    widen(e);
    if (where->srun && !e->place->srun)
        e->now.n_words = 0;             /* they are mpirun's */
    for (size_t i = 0; e->job != &e->allocated && i < e->allocated.n; i++)
        for (size_t k = 0; k < e->job->n; k++)
            if (strcmp(e->allocated.host[i].name, e->job->host[k].name) == 0)
                e->allocated.host[i].lost = e->job->host[k].lost;
    for (unsigned i = 0; i < e->n_lists; i++)
        done &= narrow_list(e, &e->list[i]);
    if (e->allocated.n > 0)
        done &= narrow_slurm(e, where->srun);
    if (asked(e) > 0)
        e->now.ranks = run_hosts_ranks(e->job, asked(e));
    return done;
}

void run_elsewhere_free(struct run_elsewhere *e)
{
    if (e == NULL)
        return;
    forget(e);
    for (unsigned i = 0; i < e->n_lists; i++) {
        free(e->list[i].text);
        free(e->list[i].path);
    }
    for (unsigned i = 0; i < N_VARIABLES; i++)
        free(e->slurm[i]);
    run_hosts_free(&e->listed);
    run_hosts_free(&e->allocated);
    free(e);
}

/* ---- try them ---- */

enum answer { NONE_YET, ANSWERS, LOST };

struct probe {
    pid_t pid;
    enum answer answer;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* In a group of its own, with what it starts. */
static pid_t start(const struct run_command *c)
{
    pid_t pid = fork();
    int null;

    if (pid != 0)
        return pid;
    setpgid(0, 0);
    run_signals_release();
    null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; fd++)
        dup2(null, fd);
    execvp(c->word[0], (char **)(uintptr_t)c->word);
    _exit(127);
}

static void collect(struct probe *p, size_t n)
{
    int how;

    for (size_t i = 0; i < n; i++)
        if (p[i].answer == NONE_YET && p[i].pid > 0
            && waitpid(p[i].pid, &how, WNOHANG) == p[i].pid)
            p[i].answer = WIFEXITED(how) && WEXITSTATUS(how) == 0 ? ANSWERS : LOST;
}

static bool all_answered(struct probe *p, size_t n, uint64_t wait_ms, bool heed)
{
    uint64_t until = now_ms() + wait_ms;
    bool all = false;

    while (!all && now_ms() < until && !(heed && run_signals_asked())) {
        run_signals_take(0, LOOK_MS);
        collect(p, n);
        all = true;
        for (size_t i = 0; i < n; i++)
            all &= p[i].answer != NONE_YET || p[i].pid <= 0;
    }
    return all;
}

static void end(struct probe *p, size_t n, int number)
{
    for (size_t i = 0; i < n; i++)
        if (p[i].answer == NONE_YET && p[i].pid > 0)
            kill(-p[i].pid, number);
}

/* Hosts first, first + 1, ...: each alone. */
static bool begin(struct run_elsewhere *e, struct probe *p, size_t first, size_t n)
{
    struct run_command c = { .word = NULL };
    bool done = true;

    for (size_t i = 0; i < n && done; i++) {
        for (size_t k = 0; k < e->job->n; k++)
            e->job->host[k].lost = k != first + i;
        done = narrow(e, &e->probes) && run_command_probe(&c, &e->now, &e->probes);
        if (done)
            p[i] = (struct probe){ start(&c), NONE_YET };
        done &= p[i].pid > 0;
    }
    free(c.word);
    return done;
}

/* So many hosts from the first on.  False: it cannot be told. */
static bool try_some(struct run_elsewhere *e, enum answer *answer, size_t first, size_t n)
{
    struct probe p[PROBES_MOST] = { { 0, NONE_YET } };
    bool begun = begin(e, p, first, n);

    if (!begun || !all_answered(p, n, PROBE_MS, true)) {
        end(p, n, SIGTERM);
        if (!all_answered(p, n, END_MS, false)) {
            end(p, n, SIGKILL);
            all_answered(p, n, END_MS, false);
        }
    }
    for (size_t i = 0; i < n; i++)
        answer[first + i] = p[i].answer == ANSWERS ? ANSWERS : LOST;
    widen(e);
    forget(e);
    return begun && !run_signals_asked();
}

static void tell(const struct run_elsewhere *e)
{
    fputs("mpipe run: left out, for nothing can be started there:", stderr);
    for (size_t i = 0; i < e->job->n; i++)
        if (e->job->host[i].lost)
            fprintf(stderr, " %s", e->job->host[i].name);
    fprintf(stderr, " (%zu of %zu hosts are left", run_hosts_left(e->job), e->job->n);
    if (e->now.ranks != asked(e))
        fprintf(stderr, ", with room for %u of %u ranks", e->now.ranks, asked(e));
    fputs(")\n", stderr);
}

const struct run_request *run_elsewhere_look(struct run_elsewhere *e)
{
    enum answer *answer = calloc(e->job->n + 1, sizeof *answer);
    size_t n = e->job->n, left;
    bool known = answer != NULL && n > 1;

    widen(e);
    forget(e);
    for (size_t i = 0; known && i < n; i += PROBES_MOST)
        known = try_some(e, answer, i, n - i < PROBES_MOST ? n - i : PROBES_MOST);
    for (size_t i = 0; i < n; i++)
        e->job->host[i].lost = known && answer[i] != ANSWERS;
    free(answer);
    left = run_hosts_left(e->job);
    if (!known || left == n)
        return e->r;
    if (left == 0) {
        fputs("mpipe run: nothing can be started on any host, so none is left out\n",
              stderr);
        return e->r;
    }
    if (narrow(e, e->place)) {
        tell(e);
        return &e->now;
    }
    widen(e);
    return e->r;
}
