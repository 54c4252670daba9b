/* SPDX-License-Identifier: BSD-3-Clause */
/* journal.c - see journal.h.
 *
 * A record says where in the file it stands, so that one that was not written
 * here is none.
 */
#define XXH_INLINE_ALL
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>
#include "error.h"
#include "journal.h"

#define MAGIC    0x314a504du        /* "MPJ1" in little-endian order */
#define CAPACITY (256u * 1024u)     /* of the buffer */
#define LOOK     (64u * 1024u)
#define TRIES    50                 /* for the lock, ... */
#define PAUSE_NS 100000000          /* ... with so much between them */

struct head {
    uint32_t magic, kind;
    uint64_t at;                    /* of this record, in the file */
    uint64_t size;                  /* of the payload; 0 to 7 zeros follow it */
    uint64_t digest;                /* of the three above, and the payload */
};

static size_t align8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

static uint64_t digest_of(const struct head *h, const struct iovec *piece,
                          size_t n)
{
    XXH3_state_t state;

    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, h, offsetof(struct head, digest));
    for (size_t i = 0; i < n; i++)
        XXH3_64bits_update(&state, piece[i].iov_base, piece[i].iov_len);
    return XXH3_64bits_digest(&state);
}

static enum mpipe_err io_error(const struct mpipe__journal *j,
                               const char *what, struct mpipe_error *err)
{
    return mpipe__error(err, 0, MPIPE_EIO, "journal %s: cannot %s: %s",
                        j->path, what, strerror(errno));
}

/* ---- reading ---- */

void mpipe__journal_reader_free(struct mpipe__journal_reader *r)
{
    free(r->data);
    memset(r, 0, sizeof *r);
}

/* All of it, or MPIPE_END where the file is shorter. */
static enum mpipe_err read_at(const struct mpipe__journal *j, uint64_t at,
                              void *to, size_t size, struct mpipe_error *err)
{
    size_t n = 0;

    while (n < size) {
        ssize_t got = pread(j->fd, (char *)to + n, size - n, (off_t)(at + n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error(j, "read", err);
        if (got == 0)
            return MPIPE_END;
        n += (size_t)got;
    }
    return MPIPE_OK;
}

static bool make_room(struct mpipe__journal_reader *r, size_t size)
{
    char *data;

    if (size <= r->capacity)
        return true;
    data = realloc(r->data, size);
    if (data == NULL)
        return false;
    r->data = data;
    r->capacity = size;
    return true;
}

/* The record at r->at, of whatever kind.  MPIPE_END: there is no whole and right
 * one there. */
static enum mpipe_err read_record(const struct mpipe__journal *j,
                                  struct mpipe__journal_reader *r,
                                  uint64_t end, struct mpipe_error *err)
{
    struct head h;
    struct iovec all;
    enum mpipe_err e;

    if (end - r->at < sizeof h)
        return MPIPE_END;
    e = read_at(j, r->at, &h, sizeof h, err);
    if (e != MPIPE_OK)
        return e;
    if (h.magic != MAGIC || h.at != r->at || h.size > end - r->at - sizeof h)
        return MPIPE_END;
    if (!make_room(r, h.size))
        return mpipe__error(err, 0, MPIPE_ENOMEM, "journal %s: no memory for "
                            "a record of %llu bytes", j->path,
                            (unsigned long long)h.size);
    e = read_at(j, r->at + sizeof h, r->data, h.size, err);
    if (e != MPIPE_OK)
        return e;
    all = (struct iovec){ r->data, h.size };
    if (h.digest != digest_of(&h, &all, 1))
        return MPIPE_END;
    r->kind = h.kind;
    r->size = h.size;
    r->at += sizeof h + align8(h.size);
    return MPIPE_OK;
}

enum mpipe_err mpipe__journal_read(struct mpipe__journal *j,
                                   struct mpipe__journal_reader *r,
                                   uint64_t end, struct mpipe_error *err)
{
    enum mpipe_err e;

    do
        e = read_record(j, r, end, err);
    while (e == MPIPE_OK && r->kind == MPIPE__JOURNAL_MARK);
    return e;
}

/* ---- damaged, or torn? ---- */

/* Does a mark behind 'at' say that the file was on the disk beyond it? */
static enum mpipe_err vouched_for(const struct mpipe__journal *j, uint64_t at,
                                  uint64_t end, bool *found,
                                  struct mpipe_error *err)
{
    struct mpipe__journal_reader r = { .at = 0 };
    enum mpipe_err e = MPIPE_OK;
    static const uint32_t magic = MAGIC;
    uint64_t upto;
    char *look = malloc(LOOK);

    if (look == NULL)
        return mpipe__error(err, 0, MPIPE_ENOMEM, "journal %s: no memory to "
                            "read it", j->path);
    *found = false;
    for (uint64_t from = at; e == MPIPE_OK && from < end && !*found;
         from += LOOK) {
        size_t n = end - from < LOOK ? (size_t)(end - from) : LOOK;

        e = read_at(j, from, look, n, err);
        for (size_t i = 0; e == MPIPE_OK && i + sizeof magic <= n && !*found;
             i += 8) {
            if (memcmp(look + i, &magic, sizeof magic) != 0)
                continue;
            r.at = from + i;
            e = read_record(j, &r, end, err);
            if (e == MPIPE_OK && r.kind == MPIPE__JOURNAL_MARK
                && r.size == sizeof upto) {
                memcpy(&upto, r.data, sizeof upto);
                *found = upto > at;
            }
            if (e == MPIPE_END)
                e = MPIPE_OK;
        }
    }
    mpipe__journal_reader_free(&r);
    free(look);
    return e == MPIPE_END ? MPIPE_OK : e;
}

/* The file is right up to 'good': what about the rest? */
static enum mpipe_err judge_rest(struct mpipe__journal *j, uint64_t good,
                                 uint64_t end, struct mpipe_error *err)
{
    bool damaged = false;
    enum mpipe_err e;
    uint32_t first;

    if (good >= end)            /* the zeros behind the last may be missing */
        return MPIPE_OK;
    if (good == 0 && read_at(j, 0, &first, sizeof first, err) == MPIPE_OK
        && first != MAGIC)
        return mpipe__error(err, 0, MPIPE_EIO, "journal %s: this is no journal "
                            "of libmpipe on a machine like this one: remove "
                            "it, or name another folder", j->path);
    e = vouched_for(j, good, end, &damaged, err);
    if (e != MPIPE_OK)
        return e;
    if (damaged)
        return mpipe__error(err, 0, MPIPE_EIO, "journal %s: it is damaged at "
                            "byte %llu of %llu, in what had been brought to "
                            "the disk: remove it to begin the job again",
                            j->path, (unsigned long long)good,
                            (unsigned long long)end);
    if (ftruncate(j->fd, (off_t)good) != 0)
        return io_error(j, "cut off what is torn", err);
    j->torn = end - good;
    return MPIPE_OK;
}

static enum mpipe_err scan(
    struct mpipe__journal *j,
    enum mpipe_err (*take)(void *arg, const struct mpipe__journal_reader *r,
                           struct mpipe_error *err),
    void *arg, struct mpipe_error *err)
{
    struct mpipe__journal_reader r = { .at = 0 };
    enum mpipe_err e = MPIPE_OK;
    struct stat st;
    uint64_t end;

    if (fstat(j->fd, &st) != 0)
        return io_error(j, "look at", err);
    end = (uint64_t)st.st_size;
    while (e == MPIPE_OK) {
        e = read_record(j, &r, end, err);
        if (e == MPIPE_OK && r.kind != MPIPE__JOURNAL_MARK)
            e = take(arg, &r, err);
    }
    if (e == MPIPE_END)
        e = judge_rest(j, r.at, end, err);
    j->size = r.at;
    mpipe__journal_reader_free(&r);
    return e;
}

/* ---- opening ---- */

/* Another process may just be ending.  Not every file system has locks. */
static enum mpipe_err lock(struct mpipe__journal *j, struct mpipe_error *err)
{
    for (int i = 0; flock(j->fd, LOCK_EX | LOCK_NB) != 0; i++) {
        struct timespec pause = { 0, PAUSE_NS };

        if (errno != EWOULDBLOCK && errno != EINTR)
            return MPIPE_OK;
        if (i == TRIES)
            return mpipe__error(err, 0, MPIPE_EIO, "journal %s: another job "
                                "has it open: wait for its end, or name "
                                "another folder", j->path);
        nanosleep(&pause, NULL);
    }
    return MPIPE_OK;
}

/* That the file is there must be on the disk too.  Where a folder cannot be
 * synced, nothing can be done. */
static void sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

enum mpipe_err mpipe__journal_open(
    struct mpipe__journal *j, const char *dir, const char *name,
    enum mpipe_err (*take)(void *arg, const struct mpipe__journal_reader *r,
                           struct mpipe_error *err),
    void *arg, struct mpipe_error *err)
{
    enum mpipe_err e;

    memset(j, 0, sizeof *j);
    j->fd = -1;
    j->buffer = malloc(CAPACITY);
    if (asprintf(&j->path, "%s/%s", dir, name) < 0)
        j->path = NULL;
    if (j->path == NULL || j->buffer == NULL) {
        mpipe__journal_close(j);
        return mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a journal");
    }
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        e = io_error(j, "make its folder", err);
    else if ((j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0)
        e = io_error(j, "open", err);
    else
        e = lock(j, err);
    if (e == MPIPE_OK)
        e = scan(j, take, arg, err);
    if (e == MPIPE_OK)
        sync_folder(dir);
    else
        mpipe__journal_close(j);
    return e;
}

/* ---- writing ---- */

static enum mpipe_err write_all(struct mpipe__journal *j, struct iovec part,
                                uint64_t at, struct mpipe_error *err)
{
    while (part.iov_len > 0) {
        ssize_t n = pwrite(j->fd, part.iov_base, part.iov_len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_error(j, "write", err);
        part.iov_base = (char *)part.iov_base + n;
        part.iov_len -= (size_t)n;
        at += (uint64_t)n;
    }
    return MPIPE_OK;
}

enum mpipe_err mpipe__journal_flush(struct mpipe__journal *j,
                                    struct mpipe_error *err)
{
    struct iovec all = { j->buffer, j->filled };
    uint64_t at = j->size - j->filled;

    j->filled = 0;
    return write_all(j, all, at, err);
}

/* What is longer than the buffer does not go through it. */
static enum mpipe_err put(struct mpipe__journal *j, const void *data,
                          size_t size, struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;

    if (size > CAPACITY - j->filled)
        e = mpipe__journal_flush(j, err);
    if (e == MPIPE_OK && size > CAPACITY)
        e = write_all(j, (struct iovec){ (void *)(uintptr_t)data, size },
                      j->size, err);
    else if (e == MPIPE_OK && size > 0) {
        memcpy(j->buffer + j->filled, data, size);
        j->filled += size;
    }
    j->size += size;
    return e;
}

enum mpipe_err mpipe__journal_append(struct mpipe__journal *j, uint32_t kind,
                                     const struct iovec *piece, size_t n,
                                     struct mpipe_error *err)
{
    struct head h = { .magic = MAGIC, .kind = kind, .at = j->size };
    enum mpipe_err e;

    for (size_t i = 0; i < n; i++)
        h.size += piece[i].iov_len;
    h.digest = digest_of(&h, piece, n);
    e = put(j, &h, sizeof h, err);
    for (size_t i = 0; e == MPIPE_OK && i < n; i++)
        e = put(j, piece[i].iov_base, piece[i].iov_len, err);
    if (e == MPIPE_OK)
        e = put(j, "\0\0\0\0\0\0\0", align8(h.size) - h.size, err);
    return e;
}

static enum mpipe_err mark(struct mpipe__journal *j, uint64_t upto,
                           struct mpipe_error *err)
{
    struct iovec piece = { &upto, sizeof upto };
    bool all = upto == j->size;
    enum mpipe_err e = mpipe__journal_append(j, MPIPE__JOURNAL_MARK, &piece, 1,
                                             err);

    j->marked = all ? j->size : upto;
    return e;
}

/* What the system is doing has ended: how? */
static enum mpipe_err sync_end(struct mpipe__journal *j,
                               struct mpipe_error *err)
{
    uint64_t upto = j->syncing;
    int failed = aio_error(&j->sync);

    j->syncing = 0;
    if (aio_return(&j->sync) != 0) {
        errno = failed;
        return io_error(j, "bring to the disk", err);
    }
    return mark(j, upto, err);
}

enum mpipe_err mpipe__journal_sync_begin(struct mpipe__journal *j,
                                         struct mpipe_error *err)
{
    enum mpipe_err e;

    if (j->syncing > 0) {
        errno = aio_error(&j->sync);
        return errno == EINPROGRESS ? MPIPE_OK : sync_end(j, err);
    }
    if (j->size == j->marked)
        return MPIPE_OK;
    e = mpipe__journal_flush(j, err);
    if (e != MPIPE_OK)
        return e;
    memset(&j->sync, 0, sizeof j->sync);
    j->sync.aio_fildes = j->fd;
    j->sync.aio_sigevent.sigev_notify = SIGEV_NONE;
    if (aio_fsync(O_DSYNC, &j->sync) != 0)
        return mpipe__journal_sync(j, err); /* no thread for it */
    j->syncing = j->size;
    return MPIPE_OK;
}

static void wait_for_sync(struct mpipe__journal *j)
{
    const struct aiocb *list[1] = { &j->sync };

    while (j->syncing > 0 && aio_error(&j->sync) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
}

enum mpipe_err mpipe__journal_sync(struct mpipe__journal *j,
                                   struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;

    wait_for_sync(j);
    if (j->syncing > 0)
        e = sync_end(j, err);
    if (e == MPIPE_OK)
        e = mpipe__journal_flush(j, err);
    if (e == MPIPE_OK && fdatasync(j->fd) != 0)
        e = io_error(j, "bring to the disk", err);
    if (e == MPIPE_OK)
        e = mark(j, j->size, err);
    return e == MPIPE_OK ? mpipe__journal_flush(j, err) : e;
}

void mpipe__journal_close(struct mpipe__journal *j)
{
    wait_for_sync(j);
    if (j->syncing > 0)
        aio_return(&j->sync);
    if (j->fd >= 0)
        close(j->fd);
    free(j->buffer);
    free(j->path);
    memset(j, 0, sizeof *j);
    j->fd = -1;
}
