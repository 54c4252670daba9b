/* SPDX-License-Identifier: BSD-3-Clause */
/* version.c - the version of the library that is linked.
 *
 * A program can compare it with MPIPE_VERSION_STRING, the version of the
 * headers that it was compiled with.
 */
#include <mpipe/version.h>

const char *mpipe_version(void)
{
    return MPIPE_VERSION_STRING;
}
