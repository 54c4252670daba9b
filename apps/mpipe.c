/* SPDX-License-Identifier: BSD-3-Clause */
/* mpipe.c - the tool: `mpipe run`, `mpipe plan`, `mpipe info`, `mpipe bench`. */
#include <stdio.h>
#include <string.h>
#include <mpipe.h>
#include "mpipe_tool.h"

static const struct tool {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} tools[] = {
    { "run", mpipe_tool_run, "start a program, and let it survive dead ranks" },
    { "plan", mpipe_tool_plan, "show which rank would serve which stage" },
    { "info", mpipe_tool_info, "print versions and the library's options" },
    { "bench", mpipe_tool_bench, "measure against hand-written MPI" },
    { "bench-death", mpipe_tool_bench_death, NULL },    /* of bench's own */
};

#define N_TOOLS (sizeof tools / sizeof tools[0])

static int print_help(void)
{
    puts("Usage: mpipe COMMAND [OPTION]... [ARGUMENT]...\n"
         "       mpipe COMMAND --help\n"
         "       mpipe --version\n"
         "\n"
         "Commands:");
    for (size_t i = 0; i < N_TOOLS; i++)
        if (tools[i].help != NULL)
            printf("  %-6s %s\n", tools[i].name, tools[i].help);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("mpipe: no command; see 'mpipe --help'\n", stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0) {
        printf("mpipe (libmpipe) %s\n", mpipe_version());
        return 0;
    }
    for (size_t i = 0; i < N_TOOLS; i++)
        if (strcmp(argv[1], tools[i].name) == 0)
            return tools[i].run(argc - 1, argv + 1);
    fprintf(stderr, "mpipe: no command '%s'; see 'mpipe --help'\n", argv[1]);
    return 2;
}
