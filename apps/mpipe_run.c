/* SPDX-License-Identifier: BSD-3-Clause */
/* mpipe_run.c - `mpipe run`: start a program so that the death of a rank does
 * not end it, and start it again where one does.
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
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <mpipe.h>
#include "arguments.h"
#include "mpipe_tool.h"
#include "run_command.h"
#include "run_elsewhere.h"
#include "run_line.h"
#include "run_signals.h"
#include "run_stdout.h"
#include "run_watch.h"

static const char help[] =
    "Usage: mpipe run [OPTION]... PROGRAM [ARGUMENT]...\n"
    "Start PROGRAM on several ranks, by mpirun with the options that it needs\n"
    "here, so that it goes on when ranks die.  The exit status is PROGRAM's.\n"
    "\n"
    "  -n, --ranks=N         ranks (what the batch system gives; without one,\n"
    "                        one for each core)\n"
    "  --journal=FOLDER      keep what is done in FOLDER: the same command goes\n"
    "                        on from there, also after SIGTERM or SIGUSR1 (14)\n"
    "  --restarts=K          start it again up to K times, when it could not go\n"
    "                        on after a death (0)\n"
    "  --launcher=WHICH      mpirun, or Slurm's srun, where a death ends the job\n"
    "                        (mpirun where it is installed)\n"
    "  --launcher-option=W   one more word for it; may be repeated\n"
    "  --dry-run             print the command, and do not run it\n"
    "  --help                print this\n"
    "\n"
    "Example: mpipe run -n 8 ./mypipeline\n";

/* ---- what there is ---- */

static enum run_kind kind_of(const char *version)
{
    if (strstr(version, "Open MPI") != NULL)
        return RUN_OPEN_MPI;
    return strstr(version, "MPICH") != NULL ? RUN_MPICH : RUN_OTHER;
}

static bool can_begin(const char *program);

/* "Open MPI v5.0.7, package: ..." */
static int major_of(const char *version)
{
    const char *open = strstr(version, "Open MPI v");

    return open != NULL ? atoi(open + strlen("Open MPI v")) : 0;
}

/* MPICH's own by its own name, for 'mpiexec' may be another MPI's. */
static const char *launcher_of(enum run_kind kind)
{
    static const char *const mpich[] = { "mpiexec.hydra", "mpiexec.mpich" };

    if (kind == RUN_OPEN_MPI)
        return "mpirun";
    for (size_t i = 0; kind == RUN_MPICH && i < sizeof mpich / sizeof mpich[0]; i++)
        if (can_begin(mpich[i]))
            return mpich[i];
    return "mpiexec";
}

static void look_around(struct run_place *place, const struct run_request *r)
{
    char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    static const char *const jobs[] = { "SLURM_JOB_ID", "PBS_JOBID",
                                        "LSB_JOBID", "PE_HOSTFILE" };
    const char *each = getenv("SLURM_CPUS_PER_TASK");
    int64_t number;
    int length;
    cpu_set_t cpus;

    MPI_Get_library_version(version, &length);
    place->kind = kind_of(version);
    place->major = major_of(version);
    place->cores = 1;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
        place->cores = (unsigned)CPU_COUNT(&cpus);
    place->root = geteuid() == 0;
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        place->batch |= getenv(jobs[i]) != NULL;
    place->slurm = getenv("SLURM_JOB_ID") != NULL;
    if (place->slurm && each != NULL && arguments_number(each, 1, INT_MAX, &number))
        place->cores_each = (unsigned)number;
    place->srun = r->launcher != NULL
                      ? strcmp(r->launcher, "srun") == 0
                      : place->slurm && !can_begin("mpirun") && can_begin("srun");
    place->launcher = place->srun ? "srun" : launcher_of(place->kind);
}

/* ---- run it ---- */

static int run(const struct run_command *c, const char *status, struct run_said *said)
{
    pid_t pid = fork();

    if (pid == 0) {
        run_signals_release();
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
    return run_watch(pid, status, said);
}

/* MPICH tells of a rank's signal as if that were an exit code. */
static bool is_signal(int code)
{
    return code == SIGKILL || code == SIGSEGV || code == SIGABRT || code == SIGBUS
           || code == SIGFPE || code == SIGILL;
}

static int run_and_tell(const struct run_command *c, const struct run_request *r,
                        const struct run_place *place)
{
    struct run_said said = { RUN_UNTOLD, 0, 0 };
    int code = run(c, place->status, &said);

    if (said.stage >= RUN_ENDED)
        return said.code;
    if (place->srun)
        return code;
    if (place->kind == RUN_MPICH ? !is_signal(code)
                                : code != 0 || place->kind != RUN_OPEN_MPI)
        return code;
    fprintf(stderr, "mpipe run: rank 0 of %s has not said how it ended: it was "
            "killed, or left without mpipe_finalize(), or cannot reach this "
            "host%s\n", r->program[0], said.stage == RUN_UNTOLD ? " (if that is so, set "
            "TMPDIR to a folder that all hosts share)" : "");
    return -MPIPE_EDEAD;
}

/* Would it end otherwise if it were started again?  Above 128 are signals. */
static bool is_death(int code)
{
    return code == -MPIPE_EDEAD || code > 128;
}

/* The program shall find its input where it began. */
static bool rewind_input(off_t began, bool checked)
{
    struct stat st;

    if (began >= 0)
        return lseek(STDIN_FILENO, began, SEEK_SET) == began;
    return checked || fstat(STDIN_FILENO, &st) != 0 || S_ISCHR(st.st_mode);
}

/* ---- arguments ---- */

/* 0, 1 for all is done, or 2 after a complaint. */
static int read_arguments(int argc, char **argv, struct run_request *r)
{
    static const struct option options[] = {
        { "ranks", required_argument, NULL, 'n' },
        { "journal", required_argument, NULL, 'j' },
        { "restarts", required_argument, NULL, 'r' },
        { "launcher", required_argument, NULL, 'l' },
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
        case 'j':
            if (optarg[0] == '\0' || strlen(optarg) >= PATH_MAX) {
                fputs("mpipe run: --journal: name a folder\n", stderr);
                return 2;
            }
            r->journal = optarg;
            break;
        case 'r':
            if (!arguments_number(optarg, 0, 1000000, &number)) {
                fprintf(stderr, "mpipe run: --restarts=%s: give a whole number "
                        "from 0 on\n", optarg);
                return 2;
            }
            r->restarts = (unsigned)number;
            break;
        case 'l':
            if (strcmp(optarg, "mpirun") != 0 && strcmp(optarg, "srun") != 0) {
                fprintf(stderr, "mpipe run: --launcher=%s: it can be mpirun or "
                        "srun\n", optarg);
                return 2;
            }
            r->launcher = optarg;
            break;
        case 'w':
            if (optarg[0] == '\0') {    /* mpirun would wait for a program '' */
                fputs("mpipe run: --launcher-option: give a word\n", stderr);
                return 2;
            }
            if (r->n_words == RUN_WORDS_MOST) {
                fprintf(stderr, "mpipe run: more than %u words for the "
                        "launcher\n", RUN_WORDS_MOST);
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

/* ---- one start after another ---- */

static const char *folder(void)
{
    const char *here = getenv("TMPDIR");

    return here != NULL && here[0] != '\0' ? here : "/tmp";
}

/* An empty file for the status; false after a complaint. */
static bool make_status(struct run_place *place)
{
    int fd;

    snprintf(place->status, sizeof place->status, "%s/mpipe-run-XXXXXX", folder());
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

/* Ranks of one start that linger cannot speak for the next: each has its own file. */
static int start(const struct run_request *r, struct run_place *place, struct run_command *c)
{
    int code = -MPIPE_EIO;

    if (!make_status(place))
        return code;
    run_line_open();
    place->line = getenv("MPIPE_LAUNCHER") != NULL;
    if (!run_command_make(c, r, place)
        || setenv("MPIPE_STATUS_FILE", place->status, 1) != 0
        || (r->journal != NULL && setenv("MPIPE_JOURNAL", r->journal, 1) != 0))
        code = -MPIPE_ENOMEM;       /* other launchers hand on all there is */
    else
        code = run_and_tell(c, r, place);
    run_line_close();
    unlink(place->status);
    return code;
}

/* A signal between two starts counts as well. */
static bool stops(void)
{
    run_signals_take(0, 0);
    return run_signals_asked();
}

static int run_again(const struct run_request *r, struct run_place *place, struct run_command *c)
{
    off_t began = lseek(STDIN_FILENO, 0, SEEK_CUR);
    struct run_elsewhere *e = run_elsewhere_new(r, place);
    int code = e != NULL ? start(r, place, c) : -MPIPE_ENOMEM;

    for (unsigned i = 0; i < r->restarts && is_death(code) && !stops(); i++) {
        const struct run_request *now;

        if (!rewind_input(began, r->journal != NULL)) {
            fprintf(stderr, "mpipe run: %s is not started again: its stdin is a "
                    "pipe, which cannot be read twice (give it a file, or "
                    "</dev/null)\n", r->program[0]);
            break;
        }
        now = run_elsewhere_look(e);
        if (stops())
            break;
        fprintf(stderr, "mpipe run: %s ended with %d: it is started again, %u "
                "of %u, %s\n", r->program[0], code, i + 1, r->restarts,
                r->journal != NULL ? "and goes on from its journal"
                                   : "from its beginning (no --journal)");
        code = start(now, place, c);
    }
    run_elsewhere_free(e);
    if (is_death(code) && r->journal != NULL)
        fprintf(stderr, "mpipe run: what was done is in %s: the same command "
                "goes on from there\n", r->journal);
    return code;
}

static int show(const struct run_request *r, struct run_place *place, struct run_command *c)
{
    place->line = true;
    snprintf(place->status, sizeof place->status, "FILE");
    if (run_command_gives_stdout(r, place))
        snprintf(place->out, sizeof place->out, "FILE.out");
    if (!run_command_make(c, r, place))
        return -MPIPE_ENOMEM;
    run_command_print(c);
    return 0;
}

static void name_socket(struct run_place *place)
{
    unsigned long long any;

    if (getrandom(&any, sizeof any, 0) == (ssize_t)sizeof any)
        snprintf(place->out, sizeof place->out, "%s/mpipe-run-%016llx.out",
                 folder(), any);
}

static int begin(const struct run_request *r, struct run_place *place, struct run_command *c)
{
    int code;

    run_signals_hold();
    if (r->journal != NULL)
        run_signals_gently(place->kind == RUN_OPEN_MPI ? SIGUSR1 : SIGTERM);
    if (run_command_gives_stdout(r, place))
        name_socket(place);
    if (place->out[0] != '\0' && !run_stdout_offer(place->out))
        place->out[0] = '\0';
    code = run_again(r, place, c);
    run_stdout_withdraw();
    run_signals_release();
    return code;
}

int mpipe_tool_run(int argc, char **argv)
{
    struct run_request r = { .ranks = 0 };
    struct run_place place = { .kind = RUN_OTHER };
    struct run_command c = { .word = NULL };
    int code;

    r.journal = getenv("MPIPE_JOURNAL");
    if (r.journal != NULL && r.journal[0] == '\0')
        r.journal = NULL;
    code = read_arguments(argc, argv, &r);
    if (code != 0)
        return code == 1 ? 0 : code;
    look_around(&place, &r);
    if (!r.dry && !can_begin(r.program[0])) {
        fprintf(stderr, "mpipe run: %s cannot be run: %s\n", r.program[0],
                strerror(errno));
        return 127;
    }
    code = r.dry ? show(&r, &place, &c) : begin(&r, &place, &c);
    free(c.word);
    return code;
}
