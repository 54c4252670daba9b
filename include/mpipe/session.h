/* SPDX-License-Identifier: BSD-3-Clause */
/* session.h - the ranks of one job, from start to end.
 *
 * mpipe_init -> pipelines, one after another or several at once ->
 * mpipe_finalize.  Every rank makes the same calls in the same order.  A
 * session belongs to one thread (MPI_THREAD_FUNNELED is enough).
 */
#ifndef MPIPE_SESSION_H
#define MPIPE_SESSION_H

#include <stdarg.h>
#include <mpipe/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mpipe;

enum mpipe_level {
    MPIPE_LOG_ERROR,
    MPIPE_LOG_WARN,
    MPIPE_LOG_INFO,
    MPIPE_LOG_DEBUG
};

/* Collective.  Start the session on all ranks of the job; starts MPI if the
 * program has not.  Without mpirun the job has one rank, and all stages run
 * in it.  The library's own options (mpipe info lists them: --quiet,
 * --report=FILE, ...) are taken out of argc/argv, which may both be NULL; what
 * stands after "--" is left alone.  Each option has an environment variable
 * MPIPE_NAME as well; the command line wins.
 *
 * Never NULL: if something is wrong (a bad value for an option, no memory),
 * every call on the session answers with that error, and it prints itself.
 */
struct mpipe *mpipe_init(int *argc, char ***argv);

/* Collective.  Print the error in 'e', if it is one and has not printed
 * itself yet, free the session, end MPI if mpipe_init() began it, and return
 * the exit code: 0 for MPIPE_OK, otherwise -e, the same on all ranks when
 * 'e' is.  'mp' NULL is allowed.
 *
 * When a rank has died (see mpipe(7)) MPI cannot be ended: it is left as it is, and
 * where the program began MPI itself the process exits here with the code.  So it
 * does when one dies while MPI is being ended. */
int mpipe_finalize(struct mpipe *mp, enum mpipe_err e);

int mpipe_rank(const struct mpipe *mp);     /* 0 ... size-1 */
int mpipe_size(const struct mpipe *mp);     /* ranks in the job, at least 1 */

/* The first error of the session, with its words; code 0 if there is none.
 * Owned by the session. */
const struct mpipe_error *mpipe_last_error(const struct mpipe *mp);

/* Errors print themselves on rank 0's stderr by default; 0 turns that off for a
 * program that prints mpipe_last_error() in its own way. */
void mpipe_print_errors(struct mpipe *mp, int on);

/* Set an option from the program, by the name that the command line uses
 * without its dashes ("max-retries", "4").  A command line or environment
 * setting of the same option wins.  Counts from the next pipeline that is
 * started.  MPIPE_EINVAL: no such option, a value out of its bounds, or one of
 * machine, switches, peer-timeout and fault, which are read at the start. */
enum mpipe_err mpipe_set_option(struct mpipe *mp, const char *name,
                                const char *value);

/* The program's own usage error: printed once, by rank 0, as
 * "PROGRAM: TEXT".  Returns MPIPE_EINVAL, to be handed to mpipe_finalize(). */
enum mpipe_err mpipe_usage(struct mpipe *mp, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Write a line to the job's log (rank 0's stderr, or --log=FILE) with time,
 * rank, host and level.  From inside a stage use mpipe_stage_log(), which
 * names the stage too. */
void mpipe_log(struct mpipe *mp, enum mpipe_level level,
               const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Let rank 0 ask its sources at once that have answered MPIPE_AGAIN: there is
 * something for them.  From any thread and from a signal handler, also before
 * the pipeline runs and after it has ended; not after mpipe_finalize(). */
void mpipe_wake(struct mpipe *mp);

/* One row of the table of options, for --help texts and `mpipe info`. */
struct mpipe_option_info {
    const char *name;       /* "max-retries" */
    const char *env;        /* "MPIPE_MAX_RETRIES" */
    const char *argument;   /* "N", "FILE", "SIZE"; NULL for a switch */
    const char *standard;   /* the default as text; "" for none */
    const char *minimum;    /* bounds as text; NULL where there are none */
    const char *maximum;
    const char *help;
};

/* The table, 'n' rows of it.  Static. */
const struct mpipe_option_info *mpipe_options(unsigned *n);

#ifdef __cplusplus
}
#endif
#endif
