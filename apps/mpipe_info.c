/* SPDX-License-Identifier: BSD-3-Clause */
/* mpipe_info.c - `mpipe info`: which libraries are these, and which options do
 * all programs have? */
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <mpipe.h>
#include "mpipe_tool.h"

static const char help[] =
    "Usage: mpipe info\n"
    "Print the versions of libmpipe, MPI and hwloc, and the options that\n"
    "every program on libmpipe has.\n";

/* The first line of the MPI library's name for itself (MPICH's has pages). */
static void print_mpi(void)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0, version = 0, subversion = 0;

    if (MPI_Get_library_version(text, &length) != MPI_SUCCESS)
        strcpy(text, "unknown");
    text[strcspn(text, "\n")] = '\0';
    if (MPI_Get_version(&version, &subversion) == MPI_SUCCESS)
        printf("%-9s %s (MPI %d.%d)\n", "MPI", text, version, subversion);
    else
        printf("%-9s %s\n", "MPI", text);
}

static void print_option(const struct mpipe_option_info *option)
{
    printf("  --%s", option->name);
    if (option->argument != NULL)
        printf("=%s", option->argument);
    printf("\n      %s\n      ", option->help);
    if (option->standard[0] != '\0')
        printf("Default %s", option->standard);
    else
        printf("Default %s", option->argument != NULL ? "none" : "off");
    if (option->minimum != NULL && option->maximum != NULL)
        printf(", from %s to %s", option->minimum, option->maximum);
    else if (option->minimum != NULL)
        printf(", at least %s", option->minimum);
    else if (option->maximum != NULL)
        printf(", at most %s", option->maximum);
    printf("; environment %s\n", option->env);
}

int mpipe_tool_info(int argc, char **argv)
{
    const struct mpipe_option_info *options;
    unsigned n, i;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 1) {
        fprintf(stderr, "mpipe info: %s: takes no argument (see --help)\n",
                argv[1]);
        return 2;
    }
    options = mpipe_options(&n);
    printf("%-9s %s\n", "libmpipe", mpipe_version());
    print_mpi();
    printf("%-9s %s\n\n", "hwloc", mpipe_hwloc_version());
    puts("Options of every program; the command line wins over the "
         "environment:");
    for (i = 0; i < n; i++)
        print_option(&options[i]);
    return 0;
}
