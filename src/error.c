/* SPDX-License-Identifier: BSD-3-Clause */
/* error.c - words for error codes. */
#include <stdarg.h>
#include <stdio.h>
#include <mpipe/error.h>
#include "error.h"

const char *mpipe_strerror(enum mpipe_err code)
{
    switch (code) {
    case MPIPE_AGAIN:     return "nothing now";
    case MPIPE_END:       return "end of the source";
    case MPIPE_OK:        return "success";
    case MPIPE_EFAILED:   return "items failed";
    case MPIPE_EINVAL:    return "bad argument";
    case MPIPE_ENOMEM:    return "out of memory";
    case MPIPE_EIO:       return "input or output failed";
    case MPIPE_ETOOBIG:   return "item too large";
    case MPIPE_EMISMATCH: return "not the same job";
    case MPIPE_EPLACE:    return "too few ranks";
    case MPIPE_ESTAGE:    return "stage failed";
    case MPIPE_EINTR:     return "ended by a signal";
    case MPIPE_ELINK:     return "a message was lost or damaged";
    case MPIPE_EMPI:      return "the MPI library failed";
    case MPIPE_EINTERNAL: return "internal error in libmpipe";
    case MPIPE_EDEAD:     return "a rank died";
    case MPIPE_ESAVED:    return "stopped; run it again to go on";
    }
    return "unknown error";
}

enum mpipe_err mpipe__error(struct mpipe_error *err, int rank,
                            enum mpipe_err code, const char *format, ...)
{
    if (err != NULL && err->code == MPIPE_OK) {
        va_list ap;
        err->code = code;
        err->rank = rank;
        va_start(ap, format);
        vsnprintf(err->text, sizeof err->text, format, ap);
        va_end(ap);
    }
    return code;
}
