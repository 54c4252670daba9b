/* SPDX-License-Identifier: BSD-3-Clause */
/* journal_owner.h - whose journal it is (layer 0).
 *
 * A journal's first record has the version, the command and what is run, all of
 * which must be the same when it is gone on with; then its terms, which the new run
 * takes over.
 */
#ifndef MPIPE__JOURNAL_OWNER_H
#define MPIPE__JOURNAL_OWNER_H

#include "journal.h"

#define MPIPE__OWNER_WORDS 1024u

struct mpipe__journal_owner {
    char text[3][MPIPE__OWNER_WORDS];   /* version, command, what is run */
};

/* 'what' is less than MPIPE__OWNER_WORDS long; of a longer command there is the
 * beginning, and its hash. */
void mpipe__journal_owner_set(struct mpipe__journal_owner *o,
                              const char *command, const char *what);

/* As the first record. */
enum mpipe_err mpipe__journal_owner_write(struct mpipe__journal *j,
                                          const struct mpipe__journal_owner *o,
                                          const struct iovec *terms, size_t n,
                                          struct mpipe_error *err);

/* MPIPE_EMISMATCH: the record is another's, told with the name of the folder.
 * MPIPE_EIO: there can be no such record.  Else *terms, of *size bytes, lies in the
 * reader's memory. */
enum mpipe_err mpipe__journal_owner_compare(
    const struct mpipe__journal_owner *ours,
    const struct mpipe__journal_reader *r, const char *folder,
    const char **terms, size_t *size, struct mpipe_error *err);

/* A record that cannot be. */
enum mpipe_err mpipe__journal_damaged(const char *folder,
                                      struct mpipe_error *err);

#endif
