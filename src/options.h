/* SPDX-License-Identifier: BSD-3-Clause */
/* options.h - the library's own options, from every side (layer 0, pure).
 *
 * default -> env -> args, and set() for the program at any time.  A setting
 * from a weaker origin never replaces one from a stronger; of the same origin
 * the last one holds.  The struct has no pointers in it: it needs no freeing,
 * and rank 0 can send it as it is.
 */
#ifndef MPIPE__OPTIONS_H
#define MPIPE__OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <mpipe/error.h>
#include <mpipe/plan.h>
#include <mpipe/session.h>

enum mpipe__origin {        /* weakest first */
    MPIPE__ORIGIN_DEFAULT,
    MPIPE__ORIGIN_PROGRAM,
    MPIPE__ORIGIN_ENVIRONMENT,
    MPIPE__ORIGIN_COMMAND_LINE
};

enum mpipe__when {
    MPIPE__WHEN_AUTO, MPIPE__WHEN_ALWAYS, MPIPE__WHEN_NEVER
};

#define MPIPE__OPTION_TEXT 1024     /* room for a string value with its NUL */
#define MPIPE__OPTIONS_MAX 32       /* room for rows in the table */

/* The values; a member has the option's name with '_' for '-'. */
struct mpipe__options {
    bool quiet, plan, skip_unreadable;
    unsigned progress, backups;     /* enum mpipe__when */
    unsigned log_level;             /* enum mpipe_level */
    unsigned policy;                /* enum mpipe_policy */
    unsigned max_retries;
    unsigned peer_timeout, grace;   /* seconds */
    unsigned credits;               /* frames in flight on a link */
    unsigned spares;
    unsigned direct;                /* workers up to which each has a link to each */
    uint64_t limit;                 /* items to feed; 0: all */
    uint64_t max_item, frame, window, memory;   /* bytes */
    char report[MPIPE__OPTION_TEXT];        /* "" in a string: none */
    char trace[MPIPE__OPTION_TEXT];
    char log[MPIPE__OPTION_TEXT];
    char measured[MPIPE__OPTION_TEXT];
    char plan_svg[MPIPE__OPTION_TEXT];
    char scratch[MPIPE__OPTION_TEXT];
    char machine[MPIPE__OPTION_TEXT];
    char switches[MPIPE__OPTION_TEXT];
    char journal[MPIPE__OPTION_TEXT];
    char fault[MPIPE__OPTION_TEXT];
    unsigned char origin[MPIPE__OPTIONS_MAX];   /* enum mpipe__origin, a row
                                                   of mpipe_options() each */
};

void mpipe__options_default(struct mpipe__options *o);

/* Set one option by the name of its row; 'value' NULL turns a switch on.  The
 * value is checked also where a stronger origin has already spoken.
 * MPIPE_EINVAL, told in 'err' (may be NULL): no such option, no value, or one
 * out of its bounds; 'o' is then as it was. */
enum mpipe_err mpipe__options_set(struct mpipe__options *o, const char *name,
                                  const char *value,
                                  enum mpipe__origin origin,
                                  struct mpipe_error *err);

/* Read each row's environment variable by 'get', which is like getenv().  An
 * empty variable counts as not set.  Fails like set(), 'o' unchanged. */
enum mpipe_err mpipe__options_env(struct mpipe__options *o,
                                  char *(*get)(const char *name),
                                  struct mpipe_error *err);

/* Take "--name=value", "--name value" and "--switch" out of the arguments for
 * the names in the table, up to "--"; the rest stays in its order for the
 * program.  argv[0] is never looked at; argc and argv, or *argv, may be NULL.
 * Fails like set(); 'o' and the arguments are then unchanged. */
enum mpipe_err mpipe__options_args(struct mpipe__options *o, int *argc,
                                   char ***argv, struct mpipe_error *err);

/* The option that 'name' (without dashes) is a slip of: at most three letters,
 * and a third of its name, wrong, missing, extra or swapped.  NULL: none. */
const char *mpipe__options_nearest(const char *name);

#endif
