/* SPDX-License-Identifier: BSD-3-Clause */
/* run_command.c - the command by which `mpipe run` starts a program.
 *
 * It depends on what is asked for and on what there is (the MPI, the batch system, the
 * cores), and both are given: nothing is looked at here but the environment, where a user
 * may have chosen otherwise.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run_command.h"

#define OWN_MOST 40u            /* words that are ours, and NULL */

static void add(struct run_command *c, const char *word)
{
    c->word[c->n++] = word;
}

/* Has the user said how Open MPI shall do this?  Of its ways to move messages, say,
 * ob1 leaves the others alone after a death (doc/rationale.md), but it is slower on
 * some networks. */
static bool chooses(const struct run_request *r, const char *what)
{
    char variable[64];

    for (unsigned i = 0; i < r->n_words; i++)
        if (strcmp(r->word[i], what) == 0)
            return true;
    snprintf(variable, sizeof variable, "OMPI_MCA_%s", what);
    return getenv(variable) != NULL;
}

static void add_mca(struct run_command *c, const struct run_request *r, const char *what,
                    const char *value)
{
    if (chooses(r, what))
        return;
    add(c, "--mca");
    add(c, what);
    add(c, value);
}

/* Open MPI 5 loses output; who wants mpirun to mark it, or in files, says so. */
bool run_command_gives_stdout(const struct run_request *r,
                              const struct run_place *place)
{
    for (unsigned i = 0; i < r->n_words; i++)
        if (strstr(r->word[i], "output") != NULL)
            return false;
    return place->kind == RUN_OPEN_MPI && !place->srun && place->major >= 5;
}

/* srun hands on the whole environment, and a death ends what it has started. */
static void add_srun(struct run_command *c, const struct run_place *place,
                     struct run_words *w)
{
    if (place->kind == RUN_OPEN_MPI)
        add(c, "--mpi=pmix");
    if (place->cores_each > 0) {        /* which it does not know by itself */
        snprintf(w->each, sizeof w->each, "--cpus-per-task=%u",
                 place->cores_each);
        add(c, w->each);
    }
}

static void add_open_mpi(struct run_command *c, const struct run_request *r,
                         const struct run_place *place, unsigned ranks,
                         struct run_words *w)
{
    if (place->root)
        add(c, "--allow-run-as-root");
    if (!place->batch && ranks > place->cores) {
        add(c, "--oversubscribe");
        add(c, "--bind-to");
        add(c, "none");
    }
    if (place->cores_each > 1) {
        snprintf(w->each, sizeof w->each, "slot:PE=%u", place->cores_each);
        add(c, "--map-by");
        add(c, w->each);
    }
    add_mca(c, r, "pml", "ob1");
    /* no ssh, and no srun, whose end would end the job */
    if (place->slurm)
        add_mca(c, r, "plm_slurm_args", "--no-kill --kill-on-bad-exit=0");
    else
        add_mca(c, r, "plm_rsh_no_tree_spawn", "1");
    add(c, "--enable-recovery");
    if (place->major >= 5) {        /* where it ends the job when a rank exits so */
        add(c, "--runtime-options");
        add(c, "error-nonzero-status=0");
    }
    add(c, "-x");
    add(c, "MPIPE_SURVIVES=1");
    snprintf(w->status, sizeof w->status, "MPIPE_STATUS_FILE=%s", place->status);
    add(c, "-x");
    add(c, w->status);
    if (place->line) {              /* without its value: it has a secret in it */
        add(c, "-x");
        add(c, "MPIPE_LAUNCHER");
    }
    if (r->journal != NULL) {
        snprintf(w->journal, sizeof w->journal, "MPIPE_JOURNAL=%s", r->journal);
        add(c, "-x");
        add(c, w->journal);
    }
    if (place->out[0] != '\0') {
        snprintf(w->out, sizeof w->out, "MPIPE_STDOUT=%s", place->out);
        add(c, "-x");
        add(c, w->out);
    }
}

static bool grow(struct run_command *c, const struct run_request *r)
{
    size_t n = 0;

    while (r->program[n] != NULL)
        n++;
    free(c->word);
    c->n = 0;
    c->word = calloc(n + r->n_words + OWN_MOST, sizeof *c->word);
    return c->word != NULL;
}

bool run_command_make(struct run_command *c, const struct run_request *r,
                      const struct run_place *place)
{
    unsigned ranks = r->ranks > 0 || place->batch ? r->ranks : place->cores;
    struct run_words *w = &c->made;

    if (!grow(c, r))
        return false;
    add(c, place->launcher);
    if (ranks > 0) {
        snprintf(w->count, sizeof w->count, "%u", ranks);
        add(c, "-n");
        add(c, w->count);
    }
    if (place->srun)
        add_srun(c, place, w);
    else if (place->kind == RUN_OPEN_MPI)
        add_open_mpi(c, r, place, ranks, w);
    for (unsigned i = 0; i < r->n_words; i++)
        add(c, r->word[i]);
    for (char **word = r->program; *word != NULL; word++)
        add(c, *word);
    return true;
}

/* Its exit code has to tell, so none of what lets others go on. */
bool run_command_probe(struct run_command *c, const struct run_request *r,
                       const struct run_place *place)
{
    if (!grow(c, r))
        return false;
    add(c, place->launcher);
    add(c, "-n");
    add(c, "1");
    if (!place->srun && place->kind == RUN_OPEN_MPI && place->root)
        add(c, "--allow-run-as-root");
    for (unsigned i = 0; i < r->n_words; i++)
        add(c, r->word[i]);
    add(c, "true");
    return true;
}

/* So that a shell would read it back. */
void run_command_print(const struct run_command *c)
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
