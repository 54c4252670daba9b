/* SPDX-License-Identifier: BSD-3-Clause */
/* version.h - the version of the headers and of the library. */
#ifndef MPIPE_VERSION_H
#define MPIPE_VERSION_H

#define MPIPE_VERSION_MAJOR 0
#define MPIPE_VERSION_MINOR 1
#define MPIPE_VERSION_PATCH 0
#define MPIPE_VERSION_STRING "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is linked, such as "0.1.0".  Static. */
const char *mpipe_version(void);

#ifdef __cplusplus
}
#endif
#endif
