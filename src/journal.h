/* SPDX-License-Identifier: BSD-3-Clause */
/* journal.h - a file of records that outlives the process (layer 0).
 *
 * Records are only ever appended, each with a checksum, and brought to the disk
 * in groups.  Between them lie marks, which say up to where the file was on the
 * disk.  So what is wrong with a file can be told apart when it is opened: bytes
 * that no mark vouches for were being written when something died, and are cut
 * off; others are damage.  doc/protocol.md has the layout.
 *
 * One process at a time: the file is locked while it is open.
 */
#ifndef MPIPE__JOURNAL_H
#define MPIPE__JOURNAL_H

#include <aio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <mpipe/error.h>

enum mpipe__journal_kind {
    MPIPE__JOURNAL_MARK = 1,    /* the journal's own */
    MPIPE__JOURNAL_START,       /* whose journal it is */
    MPIPE__JOURNAL_ROOT,        /* a root frame that is done, see record.h; */
    MPIPE__JOURNAL_KEYS,        /* ... of a job's output */
    MPIPE__JOURNAL_RUN,         /* who has which partitions, see map_journal.c */
    MPIPE__JOURNAL_MAPPED,      /* a root frame that is in their files, see record.h */
    MPIPE__JOURNAL_PAIRS,       /* of such a file: see mapped.c */
    MPIPE__JOURNAL_UPTO         /* ... so many roots */
};

struct mpipe__journal {
    int fd;                     /* -1: not open */
    char *path;
    uint64_t size;              /* with what is still in the buffer */
    uint64_t torn;              /* bytes that were cut off when it was opened */
    uint64_t marked;            /* on the disk up to here, but for a mark */
    char *buffer;
    size_t filled;
    struct aiocb sync;          /* under way up to 'syncing' */
    uint64_t syncing;           /* 0: none is */
};

/* A place in the file, from {0} on; it owns 'data'. */
struct mpipe__journal_reader {
    uint64_t at;                /* of the next record */
    uint32_t kind;
    uint32_t unused;
    char *data;                 /* of the record that was read last, */
    size_t size;                /* so many bytes */
    size_t capacity;
};

void mpipe__journal_reader_free(struct mpipe__journal_reader *r);

/* Open DIR/NAME, which are made if they are not there, and lock it: waits some
 * seconds for another process that is about to leave it.  'take' is called for
 * each record in order, and ends all with its error.  MPIPE_EIO: another process
 * has it, it is damaged, or it is no journal. */
enum mpipe_err mpipe__journal_open(
    struct mpipe__journal *j, const char *dir, const char *name,
    enum mpipe_err (*take)(void *arg, const struct mpipe__journal_reader *r,
                           struct mpipe_error *err),
    void *arg, struct mpipe_error *err);

/* The next record of what was there when the file was opened; MPIPE_END after
 * the last.  Marks are passed over. */
enum mpipe_err mpipe__journal_read(struct mpipe__journal *j,
                                   struct mpipe__journal_reader *r,
                                   uint64_t end, struct mpipe_error *err);

/* Append one record, made of 'n' pieces of memory. */
enum mpipe_err mpipe__journal_append(struct mpipe__journal *j, uint32_t kind,
                                     const struct iovec *piece, size_t n,
                                     struct mpipe_error *err);

/* Give what is in the buffer to the system: it outlives the process. */
enum mpipe_err mpipe__journal_flush(struct mpipe__journal *j,
                                    struct mpipe_error *err);
/* Have it brought to the disk meanwhile, or see whether that is done; does not
 * wait. */
enum mpipe_err mpipe__journal_sync_begin(struct mpipe__journal *j,
                                         struct mpipe_error *err);
/* Bring all to the disk: it outlives the machine's power. */
enum mpipe_err mpipe__journal_sync(struct mpipe__journal *j,
                                   struct mpipe_error *err);
void mpipe__journal_close(struct mpipe__journal *j);

#endif
