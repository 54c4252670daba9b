/* SPDX-License-Identifier: BSD-3-Clause */
/* cause.c - of what a rank died, in words. */
#include "cause.h"

const char *mpipe__cause_words(int cause)
{
    return cause == MPIPE__SILENT ? "silent" : "killed, or gone";
}
