/* SPDX-License-Identifier: BSD-3-Clause */
/* journal_owner.c - see journal_owner.h. */
#define XXH_INLINE_ALL
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include <mpipe/version.h>
#include "error.h"
#include "journal_owner.h"

#define TERMS_MAX 8u

static const char *const owner_is[3] = {
    "was begun by libmpipe", "is of the command", "is of the pipeline"
};

/* What does not fit is in its hash alone. */
static void shorten(const char *command, char *to)
{
    size_t n = strlen(command);

    snprintf(to, MPIPE__OWNER_WORDS, "%s", command);
    if (n >= MPIPE__OWNER_WORDS)
        snprintf(to + MPIPE__OWNER_WORDS - 32, 32, "... (%016llx)",
                 (unsigned long long)XXH64(command, n, 0));
}

void mpipe__journal_owner_set(struct mpipe__journal_owner *o,
                              const char *command, const char *what)
{
    memset(o, 0, sizeof *o);
    snprintf(o->text[0], MPIPE__OWNER_WORDS, "%s", mpipe_version());
    shorten(command, o->text[1]);
    snprintf(o->text[2], MPIPE__OWNER_WORDS, "%s", what);
}

/* One after another, each with its zero. */
enum mpipe_err mpipe__journal_owner_write(struct mpipe__journal *j,
                                          const struct mpipe__journal_owner *o,
                                          const struct iovec *terms, size_t n,
                                          struct mpipe_error *err)
{
    struct iovec piece[3 + TERMS_MAX];

    for (unsigned i = 0; i < 3; i++)
        piece[i] = (struct iovec){ (void *)(uintptr_t)o->text[i],
                                   strlen(o->text[i]) + 1 };
    for (size_t i = 0; i < n && i < TERMS_MAX; i++)
        piece[3 + i] = terms[i];
    return mpipe__journal_append(j, MPIPE__JOURNAL_START, piece, 3 + n, err);
}

enum mpipe_err mpipe__journal_damaged(const char *folder,
                                      struct mpipe_error *err)
{
    return mpipe__error(err, 0, MPIPE_EIO, "the journal in %s has a record "
                        "that cannot be: remove it to begin the job again",
                        folder);
}

enum mpipe_err mpipe__journal_owner_compare(
    const struct mpipe__journal_owner *ours,
    const struct mpipe__journal_reader *r, const char *folder,
    const char **terms, size_t *size, struct mpipe_error *err)
{
    const char *at = r->data, *end = r->data + r->size;

    if (r->kind != MPIPE__JOURNAL_START || r->size == 0)
        return mpipe__journal_damaged(folder, err);
    for (unsigned i = 0; i < 3; i++) {
        size_t n = strnlen(at, (size_t)(end - at));

        if (at + n >= end || strcmp(at, ours->text[i]) != 0)
            return mpipe__error(err, 0, MPIPE_EMISMATCH, "the journal in %s "
                                "%s \"%.*s\", not \"%s\": remove it, or name "
                                "another folder", folder, owner_is[i],
                                n < 60 ? (int)n : 60, at, ours->text[i]);
        at += n + 1;
    }
    *terms = at;
    *size = (size_t)(end - at);
    return MPIPE_OK;
}
