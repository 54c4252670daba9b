/* SPDX-License-Identifier: BSD-3-Clause */
/* mpipe_plan.c - `mpipe plan`: place stages on a machine that is here or made
 * up, and show what comes out. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mpipe.h>
#include "arguments.h"
#include "mpipe_tool.h"

static const char help[] =
    "Usage: mpipe plan [OPTION]... STAGE[:REPLICAS[:WORK]]...\n"
    "Show which rank would serve which stage of a pipeline, and what an item\n"
    "would cost, beside round-robin.  REPLICAS is a number of ranks, or\n"
    "'auto' (the default) for as many as the stage needs; WORK its time for\n"
    "an item compared with the other stages (1).\n"
    "\n"
    "  --machine=WORDS  a made-up machine instead of this computer, outermost\n"
    "                   level first: \"switch:2 node:4 package:2 core:8\"\n"
    "  --ranks=N        ranks on it, in order of its cores (one for each)\n"
    "  --policy=P       topology, packed or round-robin (topology)\n"
    "  --spares=N       ranks to keep without a role (0)\n"
    "  --svg=FILE       draw the plan as well\n"
    "  --help           print this\n"
    "\n"
    "Example: mpipe plan --machine='node:2 core:8' read:1 parse:auto:3 put\n";

struct request {
    unsigned ranks, spares;
    const char *machine;            /* NULL: this computer */
    enum mpipe_policy policy;
    const char *svg;                /* NULL: do not draw */
    unsigned n_stages;
    struct mpipe_stage *stages;     /* names point into argv */
};

static int complain(const char *what, const char *why)
{
    fprintf(stderr, "mpipe plan: %s: %s\n", what, why);
    return 2;
}

/* Read a number into an unsigned; 0, or 2 after a complaint. */
static int read_number(const char *option, const char *text, unsigned min,
                       unsigned *number)
{
    int64_t value;

    if (!arguments_number(text, min, INT_MAX, &value)) {
        fprintf(stderr, "mpipe plan: --%s=%s: give a whole number from %u "
                "on\n", option, text, min);
        return 2;
    }
    *number = (unsigned)value;
    return 0;
}

static int read_policy(const char *text, enum mpipe_policy *policy)
{
    for (int p = 0; mpipe_policy_name((enum mpipe_policy)p) != NULL; p++)
        if (strcmp(text, mpipe_policy_name((enum mpipe_policy)p)) == 0) {
            *policy = (enum mpipe_policy)p;
            return 0;
        }
    fprintf(stderr, "mpipe plan: --policy=%s: give topology, packed or "
            "round-robin\n", text);
    return 2;
}

/* NAME[:REPLICAS[:WORK]]; 'word' is cut at its colons. */
static int read_stage(char *word, struct mpipe_stage *stage)
{
    char *whole = strdup(word), *replicas = strchr(word, ':'), *work = NULL;
    char *end = NULL;
    int64_t number = 0;
    int status = 0;

    if (whole == NULL)
        return complain(word, "no memory");
    if (replicas != NULL) {
        *replicas++ = '\0';
        work = strchr(replicas, ':');
        if (work != NULL)
            *work++ = '\0';
    }
    stage->name = word;
    if (word[0] == '\0')
        status = complain(whole, "a stage needs a name: STAGE[:REPLICAS"
                          "[:WORK]]");
    else if (replicas != NULL && strcmp(replicas, "auto") != 0
             && !arguments_number(replicas, 1, INT_MAX, &number))
        status = complain(whole, "after the name give a number of replicas "
                          "from 1 on, or auto");
    stage->replicas = (unsigned)number;
    if (status == 0 && work != NULL) {
        stage->work = strtod(work, &end);
        if (end == work || *end != '\0' || !(stage->work > 0)
            || isinf(stage->work))
            status = complain(whole, "the work must be a number above 0");
    }
    free(whole);
    return status;
}

static int read_stages(int n, char **words, struct request *request)
{
    if (n == 0) {
        fputs("mpipe plan: no stages; give STAGE[:REPLICAS[:WORK]]... (see "
              "--help)\n", stderr);
        return 2;
    }
    request->stages = calloc((size_t)n, sizeof *request->stages);
    if (request->stages == NULL)
        return complain("stages", "no memory");
    for (int i = 0; i < n; i++) {
        int status = read_stage(words[i], &request->stages[i]);

        for (int j = 0; j < i && status == 0; j++)
            if (strcmp(words[i], words[j]) == 0)
                status = complain(words[i], "two stages have this name");
        if (status != 0)
            return status;
        request->n_stages++;
    }
    return 0;
}

/* For getopt_long()'s answer '?'. */
static int unknown_option(char **argv)
{
    char letter[] = { '-', (char)optopt, '\0' };
    bool is_long = strncmp(argv[optind - 1], "--", 2) == 0;

    return complain(is_long ? argv[optind - 1] : letter,
                    "no such option (see --help)");
}

/* -1: the help was printed. */
static int read_options(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "machine", required_argument, NULL, 'm' },
        { "policy", required_argument, NULL, 'p' },
        { "ranks", required_argument, NULL, 'n' },
        { "spares", required_argument, NULL, 's' },
        { "svg", required_argument, NULL, 'g' },
        { NULL, 0, NULL, 0 }
    };
    int c, status = 0;

    opterr = 0;
    optind = 1;
    while (status == 0
           && (c = getopt_long(argc, argv, ":", options, NULL)) != -1)
        switch (c) {
        case 'h':
            fputs(help, stdout);
            return -1;
        case 'm':
            request->machine = optarg;
            break;
        case 'p':
            status = read_policy(optarg, &request->policy);
            break;
        case 'n':
            status = read_number("ranks", optarg, 1, &request->ranks);
            break;
        case 's':
            status = read_number("spares", optarg, 0, &request->spares);
            break;
        case 'g':
            request->svg = optarg;
            break;
        case ':':
            status = complain(argv[optind - 1], "needs a value");
            break;
        default:
            status = unknown_option(argv);
        }
    return status;
}

static int draw(const struct mpipe_plan *plan, const char *path)
{
    FILE *file = fopen(path, "w");
    enum mpipe_err e;

    if (file == NULL)
        return complain(path, strerror(errno));
    e = mpipe_plan_svg(plan, file);
    if (fclose(file) != 0 && e == MPIPE_OK)
        e = MPIPE_EIO;
    return e == MPIPE_OK ? 0 : complain(path, mpipe_strerror(e));
}

static int show(const struct request *request)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct mpipe_machine *machine;
    struct mpipe_plan *plan = NULL;
    int status = 0;

    machine = request->machine != NULL
              ? mpipe_machine_synthetic(request->machine, request->ranks, &err)
              : mpipe_machine_this(request->ranks, &err);
    if (machine != NULL)
        plan = mpipe_plan_new(machine, request->stages, request->n_stages,
                              request->policy, request->spares, &err);
    if (plan == NULL) {
        fprintf(stderr, "mpipe plan: %s\n", err.text);
        status = 2;
    } else if (mpipe_plan_print(plan, stdout) != MPIPE_OK
               || fflush(stdout) != 0) {
        status = complain("standard output", "cannot be written");
    } else if (request->svg != NULL) {
        status = draw(plan, request->svg);
    }
    mpipe_plan_free(plan);
    mpipe_machine_free(machine);
    return status;
}

int mpipe_tool_plan(int argc, char **argv)
{
    struct request request = { .policy = MPIPE_POLICY_TOPOLOGY };
    int status = read_options(argc, argv, &request);

    if (status == 0)
        status = read_stages(argc - optind, argv + optind, &request);
    if (status == 0)
        status = show(&request);
    free(request.stages);
    return status < 0 ? 0 : status;
}
