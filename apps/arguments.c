/* SPDX-License-Identifier: BSD-3-Clause */
/* arguments.c - numbers and wrong options on the command line.
 *
 * Every rank reads the same arguments, and rank 0 alone prints what is wrong
 * with them: hence mpipe_usage() in place of getopt's own messages.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arguments.h"

bool arguments_number(const char *text, int64_t min, int64_t max,
                      int64_t *number)
{
    size_t sign = text[0] == '-';
    char *end;
    long long value;

    if (text[sign] < '0' || text[sign] > '9')
        return false;           /* strtoll() would also take " +7" */
    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max)
        return false;
    *number = value;
    return true;
}

enum mpipe_err arguments_wrong(struct mpipe *mp, char **argv, int answer)
{
    const char *what = answer == ':' ? "needs a value"
                                     : "no such option (see --help)";

    if (answer != ':' && strncmp(argv[optind - 1], "--", 2) == 0)
        return mpipe_usage(mp, "%s: %s", argv[optind - 1], what);
    return mpipe_usage(mp, "-%c: %s", optopt, what);
}

enum mpipe_err arguments_printed(struct mpipe *mp)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return MPIPE_OK;
    mpipe_log(mp, MPIPE_LOG_ERROR, "what was printed could not be written to "
              "stdout: %s", strerror(errno));
    return MPIPE_EIO;
}
