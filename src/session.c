/* SPDX-License-Identifier: BSD-3-Clause */
/* session.c - the ranks of one job, from start to end.
 *
 * Starting is the only time when all ranks talk together (a communicator, the
 * node's shared memory, where each rank is).  At its end they agree: what went
 * wrong on any of them breaks the session on all, so that nobody waits for
 * anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <mpi.h>
#include <stdlib.h>
#include <unistd.h>
#include <mpipe/mpi.h>
#include "clock.h"
#include "error.h"
#include "farewell.h"
#include "flow.h"
#include "interrupt.h"
#include "launcher.h"
#include "log.h"
#include "resume.h"
#include "session.h"
#include "topology.h"
#include "transport_fault.h"
#include "transport_mpi.h"

#define FAREWELL_MS 5000u       /* for the end of MPI, under `mpipe run` */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

static void write_log(void *arg, uint64_t time_ns, int rank,
                      enum mpipe_level level, const char *stage,
                      const char *text)
{
    struct mpipe *mp = arg;
    struct mpipe__log_line line = {
        .time_ns = time_ns, .rank = rank, .level = level, .stage = stage,
        .text = text, .host = mp->here.host
    };
    FILE *to = mp->log != NULL ? mp->log : stderr;
    char row[2400];

    if (mp->machine != NULL && rank >= 0
        && (unsigned)rank < mp->machine->n_ranks)
        line.host = mp->machine->at[rank].host;
    mpipe__log_format(row, sizeof row, &line);
    fprintf(to, "%s\n", row);
    fflush(to);
}

/* Rank 0 tells, but for what only another one can know, and tells once: that it
 * has been left behind. */
static bool is_mine_to_tell(const struct mpipe *mp,
                            const struct mpipe_error *err)
{
    const struct mpipe__transport *t = mp->transport;

    return t == NULL || t->rank == 0
           || (err->code == MPIPE_EDEAD && err->rank == t->rank
               && !mp->printed);
}

void mpipe__session_error(struct mpipe *mp, const struct mpipe_error *err)
{
    if (err->code >= MPIPE_OK)
        return;
    if (mp->first.code == MPIPE_OK)
        mp->first = *err;
    if (!mp->prints || !is_mine_to_tell(mp, err))
        return;
    mp->printed = true;
    if (err->rank > 0)
        fprintf(stderr, "%s: rank %d: %s\n", mp->program, err->rank,
                err->text);
    else
        fprintf(stderr, "%s: %s\n", mp->program, err->text);
}

void mpipe__session_warn(struct mpipe *mp)
{
#ifdef OPEN_MPI
    static const char hint[] = " (`mpipe run` lets it go on)";
#else
    static const char hint[] = "";
#endif

    if (mp->mortal && mp->transport->rank == 0 && !mp->options.quiet)
        fprintf(stderr, "%s: should a rank die, this job ends%s\n",
                mp->program, hint);
    mp->mortal = false;
}

/* `mpipe run` wants to know how it ended, and how many have died: after a death the
 * launcher does not.  'how' "abort": others may still run, and are to be ended. */
static void write_status(const struct mpipe *mp, int code, const char *how)
{
    if (mp->owns_transport && mp->transport->rank == 0
        && !mpipe__launcher_end(code, mp->engine.n_dead, how))
        fprintf(stderr, "%s: MPIPE_STATUS_FILE could not be written: %s\n",
                mp->program, strerror(errno));
}

void mpipe__session_leave(struct mpipe *mp, const struct mpipe_error *err)
{
    struct mpipe__transport *t = mp->transport;

    if (t != NULL && t->size > 1) {
        fprintf(stderr, "%s: rank %d: %s: the job ends here\n", mp->program,
                t->rank, err->text);
        write_status(mp, -(int)err->code, "abort");
        t->ops->abort(t, -(int)err->code);
    }
    mpipe__session_error(mp, err);
}

void mpipe__session_complain(const struct mpipe *mp, const char *option,
                             const char *file)
{
    fprintf(stderr, "%s: --%s=%s could not be written: %s\n", mp->program,
            option, file, errno != 0 ? strerror(errno) : "output error");
}

static FILE *open_file(const char *path, const char *option,
                       struct mpipe_error *err)
{
    FILE *file = fopen(path, "we");

    if (file == NULL)
        mpipe__error(err, 0, MPIPE_EIO, "--%s=%s: cannot be written: %s",
                     option, path, strerror(errno));
    return file;
}

enum mpipe_err mpipe__session_files(struct mpipe *mp, struct mpipe_error *err)
{
    const struct mpipe__options *o = &mp->options;

    if (mp->transport->rank != 0)
        return MPIPE_OK;
    if (o->report[0] != '\0' && mp->report == NULL)
        mp->report = open_file(o->report, "report", err);
    if (o->log[0] != '\0' && mp->log == NULL)
        mp->log = open_file(o->log, "log", err);
    return err->code;
}

/* As a shell would take it, so that one word with a blank is not two. */
static void put_word(FILE *to, const char *word)
{
    if (word[0] != '\0' && word[strcspn(word, " \t\n'\"\\")] == '\0') {
        fputs(word, to);
        return;
    }
    putc('\'', to);
    for (; *word != '\0'; word++)
        if (*word == '\'')
            fputs("'\\''", to);
        else
            putc(*word, to);
    putc('\'', to);
}

/* The command in one line, for people and for comparison.  NULL: no memory. */
static char *join(const char *name, char *const *argv)
{
    char *line = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&line, &size);

    if (to == NULL)
        return NULL;
    fputs(name, to);
    for (size_t i = 1; argv != NULL && argv[0] != NULL && argv[i] != NULL; i++) {
        putc(' ', to);
        put_word(to, argv[i]);
    }
    if (fclose(to) == 0)
        return line;
    free(line);
    return NULL;
}

/* Who keeps a journal stops in good time when a batch system says so. */
static void heed_notices(const struct mpipe *mp)
{
    if (mp->options.journal[0] != '\0')
        mpipe__interrupt_watch_notice();
}

/* Options of the command line and the environment. */
static void read_options(struct mpipe *mp, int *argc, char ***argv)
{
    const char *name = argv != NULL && *argv != NULL && (*argv)[0] != NULL
                       ? base_name((*argv)[0]) : "mpipe";

    snprintf(mp->program, sizeof mp->program, "%s", name);
    if (mpipe__options_env(&mp->options, getenv, &mp->broken) == MPIPE_OK)
        mpipe__options_args(&mp->options, argc, argv, &mp->broken);
    mp->command = join(name, argv != NULL ? *argv : NULL);
    if (mp->command == NULL)
        mpipe__error(&mp->broken, -1, MPIPE_ENOMEM, "no memory to start");
    heed_notices(mp);
}

/* A program may have several sessions: one after another, or on parts of its ranks.
 * Their pipelines may be alike, so that only this tells their journals apart. */
static void count_session(struct mpipe *mp)
{
    static unsigned n;          /* the process's, not a session's */
    int rank = 0;

    n++;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    if (n > 1 || rank != mp->transport->rank)
        snprintf(mp->nth, sizeof mp->nth, "rank-%d-session-%u-", rank, n);
}

/* Rank 0 learns where all ranks are. */
static void locate(struct mpipe *mp)
{
    const struct mpipe__options *o = &mp->options;
    int node, nth, of;
    struct mpipe__location *all = NULL;
    unsigned size = (unsigned)mp->transport->size;

    mpipe__mpi_node(mp->transport, &node, &nth, &of);
    mpipe__topology_locate(&mp->here, o->switches[0] != '\0' ? o->switches
                           : NULL, (unsigned)nth, (unsigned)of, &mp->broken);
    mp->node_ranks = (unsigned)of;
    mp->here.id[MPIPE__NODE] = (uint32_t)node;
    if (mp->transport->rank == 0) {
        mp->machine = mpipe__machine_new(size);
        if (mp->machine == NULL)
            mpipe__error(&mp->broken, 0, MPIPE_ENOMEM, "no memory to start");
        else
            all = mp->machine->at;
    }
    if (mpipe__mpi_gather(mp->transport, &mp->here, sizeof mp->here, all)
        != MPIPE_OK)
        mpipe__error(&mp->broken, mp->transport->rank, MPIPE_EMPI,
                     "the MPI library could not gather where ranks are");
    if (mp->transport->rank == 0 && o->machine[0] != '\0') {
        mpipe_machine_free(mp->machine);
        mp->machine = mpipe_machine_synthetic(o->machine, size, &mp->broken);
    }
}

/* A job can do without them, so that one cannot be had is no error. */
static void tie_lifelines(struct mpipe *mp)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    mp->tied = mpipe__mpi_lifeline(mp->transport, mp->options.peer_timeout,
                                   &err);
    mp->mortal = !mp->tied && mp->transport->size > 1;
    if (err.code != MPIPE_OK && !mp->options.quiet)
        fprintf(stderr, "%s: rank %d: %s\n", mp->program, err.rank, err.text);
}

/* MPIPE_FAULT: let the transport misbehave, for tests. */
static void stack_faults(struct mpipe *mp)
{
    struct mpipe__fault_plan plan;
    struct mpipe__transport *t;

    if (mp->options.fault[0] == '\0'
        || mpipe__fault_parse(mp->options.fault, &plan, &mp->broken)
           != MPIPE_OK)
        return;
    plan.seed += (uint64_t)mp->transport->rank;
    t = mpipe__fault_new(mp->transport, &plan);
    if (t != NULL)
        mp->transport = t;
}

/* The first rank that could not start tells the others why. */
static void agree(struct mpipe *mp, struct mpipe__transport *mpi)
{
    if (mpipe__mpi_agree(mpi, &mp->broken) != MPIPE_OK)
        mpipe__error(&mp->broken, mp->transport->rank, MPIPE_EMPI,
                     "the MPI library could not agree on the start");
}

static void start_engine(struct mpipe *mp)
{
    if (mpipe__engine_init(&mp->engine, mp->transport, &mp->options)
        != MPIPE_OK)
        mpipe__error(&mp->broken, -1, MPIPE_ENOMEM, "no memory to start");
    mp->engine.survives &= !mp->mortal;
    mp->engine.machine = mp->machine;
    mp->engine.host = mp->here.host;
    mp->engine.command = mp->command;
    mp->engine.session = mp->nth;
    mp->engine.tied = mp->tied;
    mp->engine.interrupted = mpipe__interrupted();
    if (mp->transport->rank == 0) {
        mp->engine.log = write_log;
        mp->engine.log_arg = mp;
    }
}

static struct mpipe *new_session(void)
{
    /* what is returned when there is no memory for a session: it only says so */
    static struct mpipe none = {
        .broken = { MPIPE_ENOMEM, -1, "no memory to start" },
        .first = { MPIPE_ENOMEM, -1, "no memory to start" },
        .prints = true, .program = "mpipe"
    };
    struct mpipe *mp = calloc(1, sizeof *mp);

    if (mp == NULL)
        return &none;
    mp->prints = true;
    mpipe__options_default(&mp->options);
    return mp;
}

/* Not even enough to tell the others, who are waiting: end the job. */
static void leave_all(MPI_Comm comm, const struct mpipe *mp)
{
    fprintf(stderr, "%s: %s\n", mp->program, mp->broken.text);
    MPI_Abort(comm, -(int)mp->broken.code);
}

static struct mpipe *init(MPI_Comm comm, bool began, int *argc, char ***argv)
{
    struct mpipe *mp = new_session();
    struct mpipe__transport *mpi;

    mpipe__launcher_start();
    mp->transport = mp->broken.code == MPIPE_OK
                    ? mpipe__mpi_transport(comm, &mp->broken) : NULL;
    if (mp->transport == NULL)
        leave_all(comm, mp);
    if (mp->transport->rank == 0)
        mpipe__launcher_stdout();
    mp->began_mpi = began;
    mp->owns_transport = true;
    read_options(mp, argc, argv);
    if (mp->transport->rank == 0)
        mpipe__launcher_call(mp->options.peer_timeout);
    count_session(mp);
    mpi = mp->transport;
    locate(mp);
    tie_lifelines(mp);
    stack_faults(mp);
    start_engine(mp);
    /* where the program ends MPI it would end with mpipe_finalize() */
    mp->engine.dismisses = mp->tied && began;
    agree(mp, mpi);
    if (mp->transport->rank == 0)
        mpipe__launcher_here();
    mpipe__session_error(mp, &mp->broken);
    return mp;
}

struct mpipe *mpipe_init_comm(MPI_Comm comm, int *argc, char ***argv)
{
    return init(comm, false, argc, argv);
}

/* Whoever starts us with stdin, stdout or stderr closed must not have them be
 * the first socket or file that MPI opens: put something in their place whose
 * use fails. */
static void hold_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF
            && open("/dev/null", fd == 1 ? O_RDONLY : O_WRONLY) < 0)
            return;
}

struct mpipe *mpipe_init(int *argc, char ***argv)
{
    int began = 0, ended = 0, level;
    struct mpipe *mp;

    hold_streams();
    MPI_Finalized(&ended);
    if (ended) {
        mp = new_session();
        mpipe__error(&mp->broken, -1, MPIPE_EINVAL, "mpipe_init() after MPI "
                     "has ended: a process can start MPI only once (call "
                     "MPI_Init and MPI_Finalize yourself to have several "
                     "sessions)");
        mpipe__session_error(mp, &mp->broken);
        return mp;
    }
    MPI_Initialized(&began);
    if (!began) {
        mpipe__launcher_start();
        MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level);
        /* what fails in a call on several requests belongs to none of our
         * communicators */
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    }
    return init(MPI_COMM_WORLD, !began, argc, argv);
}

struct mpipe *mpipe__session_over(struct mpipe__transport *t,
                                  const struct mpipe_machine *machine,
                                  int *argc, char ***argv)
{
    struct mpipe *mp = new_session();

    if (mp->broken.code != MPIPE_OK)
        return mp;
    mp->transport = t;
    read_options(mp, argc, argv);
    snprintf(mp->here.host, sizeof mp->here.host, "loop");
    if (t->rank == 0)
        mp->machine = mpipe__machine_copy(machine);
    if (t->rank == 0 && mp->machine == NULL)
        mpipe__error(&mp->broken, 0, MPIPE_ENOMEM, "no memory to start");
    start_engine(mp);
    mp->engine.dismisses = t->ops->dismiss != NULL;
    mpipe__session_error(mp, &mp->broken);
    return mp;
}

/* The program began MPI itself, and would end it now, which waits for the dead. */
static void leave_now(const struct mpipe *mp, int code)
{
    if (mp->transport->rank == 0)
        fprintf(stderr, "%s: a rank has died, so the program ends in "
                "mpipe_finalize(): MPI_Finalize() would wait for it\n",
                mp->program);
    fflush(NULL);
    _exit(code);
}

/* All has been done: the next run of this command shall begin anew. */
static void forget_journals(const struct mpipe *mp, enum mpipe_err e)
{
    bool over = (e >= 0 || e == MPIPE_EFAILED)
                && (mp->first.code == MPIPE_OK
                    || mp->first.code == MPIPE_EFAILED);

    if (over && mp->options.journal[0] != '\0')
        mpipe__resume_forget(mp->options.journal, mp->nth,
                             mp->engine.n_journals);
}

int mpipe_finalize(struct mpipe *mp, enum mpipe_err e)
{
    bool began, mourning;
    int code;

    if (mp == NULL)
        return e < 0 ? -(int)e : 0;
    if (e >= 0 && mp->broken.code != MPIPE_OK)
        e = mp->broken.code;
    code = e < 0 ? -(int)e : 0;
    if (e < 0 && !mp->printed && mp->prints
        && (mp->transport == NULL || mp->transport->rank == 0))
        fprintf(stderr, "%s: %s\n", mp->program, mpipe_strerror(e));
    fflush(stdout);             /* MPI may end the process in its own way */
    began = mp->began_mpi;
    if (mp->report != NULL && fclose(mp->report) != 0)
        mpipe__session_complain(mp, "report", mp->options.report);
    if (mp->log != NULL && fclose(mp->log) != 0)
        mpipe__session_complain(mp, "log", mp->options.log);
    if (mp->transport != NULL)
        write_status(mp, code, "end");
    if (mp->transport != NULL && mp->transport->rank == 0)
        forget_journals(mp, e);     /* whoever would go on with them knows now */
    mourning = mp->owns_transport && mp->transport->ops->part != NULL
               && !mp->transport->ops->part(mp->transport);
    if (mourning && !began)
        leave_now(mp, code);
    if (mp->tied && !mourning) {        /* the rest is collective, and may end here */
        fflush(NULL);
        mpipe__farewell_begin(code, FAREWELL_MS);
    }
    mpipe__engine_fini(&mp->engine);
    mpipe_machine_free(mp->machine);
    free(mp->command);
    if (mp->owns_transport && mp->transport != NULL)
        mp->transport->ops->free(mp->transport);
    if (mp->began_mpi || mp->owns_transport || mp->transport != NULL)
        free(mp);
    if (began && !mourning)     /* MPI_Finalize() would wait for the dead */
        MPI_Finalize();
    mpipe__farewell_over();
    return code;
}

int mpipe_rank(const struct mpipe *mp)
{
    return mp->transport != NULL ? mp->transport->rank : 0;
}

int mpipe_size(const struct mpipe *mp)
{
    return mp->transport != NULL ? mp->transport->size : 1;
}

const struct mpipe_error *mpipe_last_error(const struct mpipe *mp)
{
    return &mp->first;
}

void mpipe_print_errors(struct mpipe *mp, int on)
{
    mp->prints = on != 0;
}

enum mpipe_err mpipe_set_option(struct mpipe *mp, const char *name,
                                const char *value)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    if (mp->broken.code != MPIPE_OK)
        return mp->broken.code;
    if (strcmp(name, "machine") == 0 || strcmp(name, "switches") == 0
        || strcmp(name, "fault") == 0 || strcmp(name, "peer-timeout") == 0) {
        mpipe__error(&err, -1, MPIPE_EINVAL, "option %s is read at the start: "
                     "it can only be set on the command line or by its "
                     "environment variable", name);
        mpipe__session_error(mp, &err);
        return err.code;
    }
    mpipe__options_set(&mp->options, name, value, MPIPE__ORIGIN_PROGRAM, &err);
    heed_notices(mp);
    mpipe__session_error(mp, &err);
    return err.code;
}

enum mpipe_err mpipe_usage(struct mpipe *mp, const char *format, ...)
{
    struct mpipe_error err = { MPIPE_EINVAL, -1, "" };
    va_list ap;

    va_start(ap, format);
    vsnprintf(err.text, sizeof err.text, format, ap);
    va_end(ap);
    mpipe__session_error(mp, &err);
    return MPIPE_EINVAL;
}

void mpipe_wake(struct mpipe *mp)
{
    if (mp->transport != NULL)
        mp->transport->ops->wake(mp->transport);
}

void mpipe_log(struct mpipe *mp, enum mpipe_level level,
               const char *format, ...)
{
    char text[1024];
    va_list ap;

    if (level > (enum mpipe_level)mp->options.log_level)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (mp->engine.flows != NULL)
        mpipe__flow_log(mp->engine.flows, level, "", text);
    else
        write_log(mp, mpipe__today(), mpipe_rank(mp), level, "", text);
}
