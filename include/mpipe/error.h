/* SPDX-License-Identifier: BSD-3-Clause */
/* error.h - what a call can answer.
 *
 * 0 is success, errors are negative, and -error is the exit code that
 * mpipe_finalize() gives.  The two positive codes are not errors: a source
 * answers with them.  The words that go with an error (which rank, which
 * stage, what to do) are in a struct mpipe_error that the caller owns.
 */
#ifndef MPIPE_ERROR_H
#define MPIPE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum mpipe_err {
    MPIPE_AGAIN     = 2,    /* a source has nothing now, but may have later */
    MPIPE_END       = 1,    /* a source has come to its end */
    MPIPE_OK        = 0,
    MPIPE_EFAILED   = -1,   /* the job ran to its end, but items failed */
    MPIPE_EINVAL    = -2,   /* an argument, option or call out of order */
    MPIPE_ENOMEM    = -3,   /* no memory */
    MPIPE_EIO       = -4,   /* a file could not be read or written */
    MPIPE_ETOOBIG   = -5,   /* an item is larger than --max-item */
    MPIPE_EMISMATCH = -6,   /* the ranks have built different pipelines,
                               or the journal is of another job */
    MPIPE_EPLACE    = -7,   /* the ranks cannot hold the stages asked for */
    MPIPE_ESTAGE    = -8,   /* a stage could not be set up, or gave up */
    MPIPE_EINTR     = -9,   /* ended early by a signal */
    MPIPE_ELINK     = -10,  /* a message was lost, repeated or damaged */
    MPIPE_EMPI      = -11,  /* the MPI library failed */
    MPIPE_EINTERNAL = -12,  /* a bug in libmpipe: please report it */
    MPIPE_EDEAD     = -13,  /* a rank died, and the job could not go on */
    MPIPE_ESAVED    = -14   /* stopped by a signal; what was done is in the
                               journal: run the same command again */
};

struct mpipe_error {
    enum mpipe_err code;
    int rank;               /* where it was first seen; -1: not on a rank */
    char text[256];         /* one line, no newline; "" when code is 0 */
};

/* A few words for a code, such as "bad argument".  Static; never NULL. */
const char *mpipe_strerror(enum mpipe_err code);

#ifdef __cplusplus
}
#endif
#endif
