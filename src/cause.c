/* SPDX-License-Identifier: BSD-3-Clause */
/* cause.c - of what a rank died, in words. */
#include <signal.h>
#include <stddef.h>
#include "cause.h"

/* Those that last_words.c can tell of. */
static const struct { int number; const char *name; } signals[] = {
    { SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGFPE, "SIGFPE" },
    { SIGILL, "SIGILL" }, { SIGABRT, "SIGABRT" }, { SIGSYS, "SIGSYS" },
    { SIGXCPU, "SIGXCPU" }, { SIGXFSZ, "SIGXFSZ" }
};

const char *mpipe__cause_words(int cause)
{
    if (cause == MPIPE__SILENT)
        return "silent";
    if (cause == MPIPE__LEFT)
        return "left behind";
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        if (signals[i].number == cause)
            return signals[i].name;
    return cause > 0 ? "a signal" : "killed, or gone";
}
