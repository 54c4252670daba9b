/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of error.c: each code has words of its own, and the first error is
 * the one that is kept. */
#include <string.h>
#include "error.h"
#include "suite.h"

static const struct { enum mpipe_err code; const char *words; } code_rows[] = {
    { MPIPE_AGAIN, "nothing now" },
    { MPIPE_END, "end of the source" },
    { MPIPE_OK, "success" },
    { MPIPE_EFAILED, "items failed" },
    { MPIPE_EINVAL, "bad argument" },
    { MPIPE_ENOMEM, "out of memory" },
    { MPIPE_EIO, "input or output failed" },
    { MPIPE_ETOOBIG, "item too large" },
    { MPIPE_EMISMATCH, "not the same job" },
    { MPIPE_EPLACE, "too few ranks" },
    { MPIPE_ESTAGE, "stage failed" },
    { MPIPE_EINTR, "ended by a signal" },
    { MPIPE_ELINK, "a message was lost or damaged" },
    { MPIPE_EMPI, "the MPI library failed" },
    { MPIPE_EINTERNAL, "internal error in libmpipe" },
    { MPIPE_EDEAD, "a rank died" },
    { MPIPE_ESAVED, "stopped; run it again to go on" },
    { (enum mpipe_err)3, "unknown error" },
    { (enum mpipe_err)-15, "unknown error" },
    { (enum mpipe_err)-1000000, "unknown error" }
};

/* Every code from the first to the last is in the rows. */
static void words(void)
{
    int code = MPIPE_AGAIN;

    for (size_t i = 0; i < sizeof code_rows / sizeof *code_rows; i++) {
        CU_ASSERT_STRING_EQUAL(mpipe_strerror(code_rows[i].code),
                               code_rows[i].words);
        if (code >= MPIPE_EDEAD)
            CU_ASSERT_EQUAL((int)code_rows[i].code, code--);
    }
    CU_ASSERT_EQUAL(code, MPIPE_EDEAD - 1);
}

static void fills(void)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    CU_ASSERT_EQUAL(mpipe__error(&err, 3, MPIPE_EIO, "%s: %d", "file", 42),
                    MPIPE_EIO);
    CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
    CU_ASSERT_EQUAL(err.rank, 3);
    CU_ASSERT_STRING_EQUAL(err.text, "file: 42");
}

static void keeps_the_first(void)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    mpipe__error(&err, 1, MPIPE_ENOMEM, "the cause");
    CU_ASSERT_EQUAL(mpipe__error(&err, 2, MPIPE_EIO, "what came of it"),
                    MPIPE_EIO);
    CU_ASSERT_EQUAL(err.code, MPIPE_ENOMEM);
    CU_ASSERT_EQUAL(err.rank, 1);
    CU_ASSERT_STRING_EQUAL(err.text, "the cause");
}

static void nobody_listens(void)
{
    CU_ASSERT_EQUAL(mpipe__error(NULL, 0, MPIPE_ELINK, "%d", 1), MPIPE_ELINK);
}

/* Words of each length about the size of the room. */
static void cuts_long_words(void)
{
    char text[300];

    for (size_t n = 250; n < 260; n++) {
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        size_t kept = n < sizeof err.text ? n : sizeof err.text - 1;
        memset(text, 'x', n);
        text[n] = '\0';
        mpipe__error(&err, 0, MPIPE_EINVAL, "%s", text);
        CU_ASSERT_EQUAL(strlen(err.text), kept);
        CU_ASSERT_EQUAL(strspn(err.text, "x"), kept);
    }
}

static const struct mpipe__test tests[] = {
    { "each code has its words, others are unknown", words },
    { "an error is told with rank, code and words", fills },
    { "the first error is kept", keeps_the_first },
    { "nobody needs to listen", nobody_listens },
    { "long words are cut at the end of the room", cuts_long_words },
    { NULL, NULL }
};

const struct mpipe__suite suite_error = { "error", tests };
