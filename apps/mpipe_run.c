/* SPDX-License-Identifier: BSD-3-Clause */
/* mpipe_run.c - `mpipe run`: start a program so that the death of a rank does
 * not end it.
 *
 * It makes the command line of the launcher (command_of() decides, and does
 * nothing), runs it, and brings back how the program ended: a launcher that lets
 * the others go on after a death does not tell, so rank 0 leaves the code in a
 * file.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mpipe.h>
#include "arguments.h"
#include "mpipe_tool.h"

#define WORDS_MOST 64u          /* of the launcher's own */

static const char help[] =
    "Usage: mpipe run [OPTION]... PROGRAM [ARGUMENT]...\n"
    "Start PROGRAM on several ranks, by mpirun with the options that it needs\n"
    "here, so that it goes on when ranks die.  The exit status is PROGRAM's.\n"
    "\n"
    "  -n, --ranks=N         ranks (what the batch system gives; without one,\n"
    "                        one for each core)\n"
    "  --launcher-option=W   one more word for mpirun; may be repeated\n"
    "  --dry-run             print the command, and do not run it\n"
    "  --help                print this\n"
    "\n"
    "Example: mpipe run -n 8 ./mypipeline\n";

enum kind { IS_OPEN_MPI, IS_MPICH, IS_OTHER };

struct request {
    unsigned ranks;                 /* 0: not said */
    bool dry;
    const char *word[WORDS_MOST];   /* for the launcher */
    unsigned n_words;
    char **program;                 /* its arguments too, and NULL */
};

/* What is found here. */
struct place {
    enum kind kind;
    unsigned cores;
    bool root, batch;               /* a batch system gives the ranks */
    char status[PATH_MAX];          /* where rank 0 says how it ended */
};

struct command {
    const char **word;
    size_t n;
};

/* ---- what to run ---- */

static enum kind kind_of(const char *version)
{
    if (strstr(version, "Open MPI") != NULL)
        return IS_OPEN_MPI;
    return strstr(version, "MPICH") != NULL ? IS_MPICH : IS_OTHER;
}

static void look_around(struct place *place)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    static const char *const jobs[] = { "SLURM_JOB_ID", "PBS_JOBID",
                                        "LSB_JOBID", "PE_HOSTFILE" };
    int length;
    cpu_set_t cpus;

    MPI_Get_library_version(version, &length);
    place->kind = kind_of(version);
    place->cores = 1;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        place->cores = (unsigned)CPU_COUNT(&cpus);
    place->root = geteuid() == 0;
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        place->batch |= getenv(jobs[i]) != NULL;
}

static void add(struct command *c, const char *word)
{
    c->word[c->n++] = word;
}

/* 'count', 'status': room for words that are made here. */
static void command_of(struct command *c, const struct request *r,
                       const struct place *place, char count[16],
                       char status[PATH_MAX + 32])
{
    unsigned ranks = r->ranks > 0 || place->batch ? r->ranks : place->cores;

    add(c, place->kind == IS_OPEN_MPI ? "mpirun" : "mpiexec");
    if (ranks > 0) {
        snprintf(count, 16, "%u", ranks);
        add(c, "-n");
        add(c, count);
    }
    if (place->kind == IS_OPEN_MPI) {
        if (place->root)
            add(c, "--allow-run-as-root");
        if (!place->batch && ranks > place->cores) {
            add(c, "--oversubscribe");
            add(c, "--bind-to");
            add(c, "none");
        }
        add(c, "--enable-recovery");
        add(c, "-x");
        add(c, "MPIPE_SURVIVES=1");
        snprintf(status, PATH_MAX + 32, "MPIPE_STATUS_FILE=%s", place->status);
        add(c, "-x");
        add(c, status);
    }
    for (unsigned i = 0; i < r->n_words; i++)
        add(c, r->word[i]);
    for (char **w = r->program; *w != NULL; w++)
        add(c, *w);
    c->word[c->n] = NULL;
}

/* So that a shell would read it back. */
static void print(const struct command *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const char *w = c->word[i];

        if (i > 0)
            putchar(' ');
        if (w[0] != '\0' && w[strcspn(w, " \t\n'\"\\$&;|<>()*?[]#~`!{}")] == '\0') {
            fputs(w, stdout);
            continue;
        }
        putchar('\'');
        for (; *w != '\0'; w++)
            if (*w == '\'')
                fputs("'\\''", stdout);
            else
                putchar(*w);
        putchar('\'');
    }
    putchar('\n');
}

/* ---- run it ---- */

static volatile pid_t child;

/* To the launcher, which hands it on to the ranks. */
static void hand_on(int number)
{
    if (child > 0)
        kill(child, number);
}

static int run(const struct command *c)
{
    static const int handed[] = { SIGTERM, SIGUSR1, SIGUSR2, SIGHUP };
    struct sigaction hand = { .sa_handler = hand_on, .sa_flags = SA_RESTART };
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(c->word[0], (char **)(uintptr_t)c->word);
        fprintf(stderr, "mpipe run: %s cannot be started: %s (is it in "
                "PATH?)\n", c->word[0], strerror(errno));
        _exit(127);
    }
    if (pid < 0) {
        fprintf(stderr, "mpipe run: no process for %s: %s\n", c->word[0],
                strerror(errno));
        return 126;
    }
    child = pid;
    for (size_t i = 0; i < sizeof handed / sizeof handed[0]; i++)
        sigaction(handed[i], &hand, NULL);
    sigaction(SIGINT, &ignore, NULL);   /* the terminal sends it to both */
    sigaction(SIGQUIT, &ignore, NULL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What rank 0 has said of its end; -1: nothing. */
static int said(const char *path)
{
    FILE *file = fopen(path, "re");
    int code = -1;

    if (file == NULL)
        return -1;
    if (fscanf(file, "%d", &code) != 1)
        code = -1;
    fclose(file);
    return code;
}

static int run_and_tell(const struct command *c, const struct request *r,
                        const struct place *place)
{
    int code = run(c), its;

    if (place->kind != IS_OPEN_MPI)
        return code;
    its = said(place->status);
    if (its >= 0)
        return its;
    if (code != 0)
        return code;
    fprintf(stderr, "mpipe run: rank 0 of %s has not said how it ended: it was "
            "killed, or left without mpipe_finalize(), or runs where %s cannot "
            "be seen (set TMPDIR to a folder that all hosts share)\n",
            r->program[0], place->status);
    return -MPIPE_EDEAD;
}

/* ---- arguments ---- */

/* 0, 1 for all is done, or 2 after a complaint. */
static int read_arguments(int argc, char **argv, struct request *r)
{
    static const struct option options[] = {
        { "ranks", required_argument, NULL, 'n' },
        { "launcher-option", required_argument, NULL, 'w' },
        { "dry-run", no_argument, NULL, 'd' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };
    int64_t number;
    int c;

    while ((c = getopt_long(argc, argv, "+n:h", options, NULL)) != -1) {
        switch (c) {
        case 'n':
            if (!arguments_number(optarg, 1, INT_MAX, &number)) {
                fprintf(stderr, "mpipe run: -n %s: give a whole number from 1 "
                        "on\n", optarg);
                return 2;
            }
            r->ranks = (unsigned)number;
            break;
        case 'w':
            if (r->n_words == WORDS_MOST) {
                fprintf(stderr, "mpipe run: more than %u words for the "
                        "launcher\n", WORDS_MOST);
                return 2;
            }
            r->word[r->n_words++] = optarg;
            break;
        case 'd':
            r->dry = true;
            break;
        case 'h':
            fputs(help, stdout);
            return 1;
        default:
            fputs("See 'mpipe run --help'\n", stderr);
            return 2;
        }
    }
    r->program = argv + optind;
    if (optind < argc)
        return 0;
    fputs("mpipe run: which program? See 'mpipe run --help'\n", stderr);
    return 2;
}

/* A launcher that is told to let others go on waits for ever for one that never
 * began: so see that it can.  As execvp() looks for it. */
static bool can_begin(const char *program)
{
    const char *path = getenv("PATH"), *end;
    char file[PATH_MAX];

    if (strchr(program, '/') != NULL)
        return access(program, X_OK) == 0;
    for (; path != NULL && *path != '\0'; path = *end != '\0' ? end + 1 : end) {
        end = strchrnul(path, ':');
        snprintf(file, sizeof file, "%.*s/%s", (int)(end - path), path,
                 program);
        if (access(file, X_OK) == 0)
            return true;
    }
    errno = ENOENT;
    return false;
}

/* An empty file for the status; false after a complaint. */
static bool make_status(struct place *place)
{
    const char *folder = getenv("TMPDIR");
    int fd;

    if (folder == NULL || folder[0] == '\0')
        folder = "/tmp";
    snprintf(place->status, sizeof place->status, "%s/mpipe-run-XXXXXX",
             folder);
    fd = mkstemp(place->status);
    if (fd < 0) {
        fprintf(stderr, "mpipe run: %s cannot be made: %s (set TMPDIR to a "
                "folder that can be written)\n", place->status,
                strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

int mpipe_tool_run(int argc, char **argv)
{
    struct request r = { .ranks = 0 };
    struct place place = { .kind = IS_OTHER };
    struct command c = { NULL, 0 };
    char count[16], status[PATH_MAX + 32];
    int code = read_arguments(argc, argv, &r);

    if (code != 0)
        return code == 1 ? 0 : code;
    look_around(&place);
    if (!r.dry && !can_begin(r.program[0])) {
        fprintf(stderr, "mpipe run: %s cannot be run: %s\n", r.program[0],
                strerror(errno));
        return 127;
    }
    if (r.dry)
        snprintf(place.status, sizeof place.status, "FILE");
    else if (!make_status(&place))
        return -MPIPE_EIO;
    c.word = calloc((size_t)argc + WORDS_MOST + 16, sizeof *c.word);
    if (c.word == NULL) {
        fputs("mpipe run: no memory\n", stderr);
        code = -MPIPE_ENOMEM;
    } else {
        command_of(&c, &r, &place, count, status);
        if (r.dry)
            print(&c);
        else
            code = run_and_tell(&c, &r, &place);
    }
    if (!r.dry)
        unlink(place.status);
    free(c.word);
    return code;
}
