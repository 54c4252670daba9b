/* SPDX-License-Identifier: BSD-3-Clause */
/* sink_file.c - write results to a file that is complete or absent.
 *
 * A regular file is made as PATH.PID-N.part in the same directory and renamed
 * at a good end.  With a journal it is PATH.journal.part, locked while it is written,
 * so that the next run takes over what a killed one has left.  There results are
 * gathered in a buffer; into a pipe or a terminal, where somebody may be waiting for
 * it, each goes at once - but for jobs with a journal, whose results come again in the
 * next run: there they are held in an unnamed file until the end.  SIGPIPE
 * is held off around each write, since a library may not change how the
 * program handles it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <mpipe/sink.h>
#include "error.h"
#include "pipeline.h"
#include "scratch.h"
#include "sink_file.h"

enum { CAPACITY = 256 * 1024, NAMES_MAX = 100 };

struct mpipe__sink_file {
    char *path;                 /* as given */
    bool is_stdout;
    char *target;               /* 'path' with symbolic links resolved */
    char *part;                 /* the temporary file; NULL: none */
    char *end;
    size_t end_size;
    int fd;                     /* -1: not open */
    const struct mpipe__options *options;   /* NULL: the defaults */
    bool holds;                 /* results are in 'held' until the end */
    struct mpipe__scratch_file held;
    bool buffered;
    char *buffer;
    size_t filled;
    struct mpipe_error err;     /* the first error */
};

struct mpipe__sink_file *mpipe__sink_file_new(const char *path,
                                              const char *end)
{
    struct mpipe__sink_file *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->fd = -1;
    s->path = strdup(path);
    s->end = strdup(end != NULL ? end : "");
    if (s->path == NULL || s->end == NULL) {
        mpipe__sink_file_free(s);
        return NULL;
    }
    s->end_size = strlen(s->end);
    s->is_stdout = strcmp(path, "-") == 0;
    s->held.fd = -1;
    return s;
}

void mpipe__sink_file_options(struct mpipe__sink_file *s,
                              const struct mpipe__options *options)
{
    s->options = options;
}

static enum mpipe_err no_memory(struct mpipe__sink_file *s)
{
    return mpipe__error(&s->err, -1, MPIPE_ENOMEM, "%s: no memory to write it",
                        s->path);
}

static enum mpipe_err io_error(struct mpipe__sink_file *s, const char *what)
{
    return mpipe__error(&s->err, -1, MPIPE_EIO, "%s: cannot %s: %s",
                        s->is_stdout ? "stdout" : s->path, what,
                        strerror(errno));
}

static bool has_journal(const struct mpipe__sink_file *s)
{
    return s->options != NULL && s->options->journal[0] != '\0';
}

/* Locked by us, and not yet renamed by whoever had it before. */
static bool is_ours(const struct mpipe__sink_file *s)
{
    struct stat open, named;

    return (flock(s->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
           && fstat(s->fd, &open) == 0 && stat(s->part, &named) == 0
           && open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/* Of this job alone, unless one with another journal writes to the same path: then
 * it is not open. */
static enum mpipe_err reopen_part(struct mpipe__sink_file *s)
{
    if (asprintf(&s->part, "%s.journal.part", s->target) < 0) {
        s->part = NULL;
        return no_memory(s);
    }
    s->fd = open(s->part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (s->fd >= 0 && is_ours(s) && ftruncate(s->fd, 0) == 0)
        return MPIPE_OK;
    if (s->fd < 0)
        return io_error(s, "make a file beside it");
    close(s->fd);
    s->fd = -1;
    return MPIPE_OK;
}

/* Make the temporary file, under a name that no other process has taken. */
static enum mpipe_err open_part(struct mpipe__sink_file *s)
{
    enum mpipe_err e = has_journal(s) ? reopen_part(s) : MPIPE_OK;

    if (e != MPIPE_OK || s->fd >= 0)
        return e;
    for (int i = 0; i < NAMES_MAX && s->fd < 0; i++) {
        free(s->part);
        if (asprintf(&s->part, "%s.%ld-%d.part", s->target, (long)getpid(),
                     i) < 0) {
            s->part = NULL;
            return no_memory(s);
        }
        s->fd = open(s->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (s->fd < 0 && errno != EEXIST)
            break;
    }
    if (s->fd >= 0)
        return MPIPE_OK;
    free(s->part);
    s->part = NULL;
    return io_error(s, "make a file beside it");
}

/* Open 'path', which may be anything but a directory. */
static enum mpipe_err open_path(struct mpipe__sink_file *s)
{
    struct stat st;
    bool exists = stat(s->path, &st) == 0;
    enum mpipe_err e;

    if (exists && !S_ISREG(st.st_mode)) {
        s->fd = open(s->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return s->fd >= 0 ? MPIPE_OK : io_error(s, "open");
    }
    if (exists && access(s->path, W_OK) != 0)
        return io_error(s, "write");
    s->target = exists ? realpath(s->path, NULL) : strdup(s->path);
    if (s->target == NULL)
        return errno == ENOMEM ? no_memory(s) : io_error(s, "find");
    e = open_part(s);
    if (e == MPIPE_OK && exists && fchmod(s->fd, st.st_mode & 0777) != 0)
        return io_error(s, "keep the permissions of");
    return e;
}

/* In the first call, since only rank 0 makes any. */
static enum mpipe_err open_once(struct mpipe__sink_file *s)
{
    enum mpipe_err e = MPIPE_OK;
    struct stat st;

    if (s->fd >= 0)
        return MPIPE_OK;
    if (s->is_stdout) {
        fflush(stdout);         /* what the program has printed comes first */
        s->fd = STDOUT_FILENO;
    } else {
        e = open_path(s);
    }
    if (e == MPIPE_OK && fstat(s->fd, &st) != 0)
        e = io_error(s, "write");
    s->holds = e == MPIPE_OK && s->part == NULL && has_journal(s);
    if (s->holds)
        mpipe__scratch_init(&s->held, s->options->scratch);
    s->buffered = e == MPIPE_OK && (s->holds || S_ISREG(st.st_mode));
    if (s->buffered && s->buffer == NULL)
        s->buffer = malloc(CAPACITY);
    return s->buffered && s->buffer == NULL ? no_memory(s) : e;
}

/* writev() that gives EPIPE without SIGPIPE. */
static ssize_t write_quietly(int fd, const struct iovec *part, int n)
{
    const struct timespec now = { 0, 0 };
    sigset_t pipe_only, pending, old;
    bool was_pending;
    ssize_t written;
    int saved;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
    written = writev(fd, part, n);
    saved = errno;
    if (written < 0 && saved == EPIPE && !was_pending)
        sigtimedwait(&pipe_only, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = saved;
    return written;
}

static enum mpipe_err write_all(struct mpipe__sink_file *s,
                                struct iovec *part, int n)
{
    while (n > 0) {
        ssize_t written = write_quietly(s->fd, part, n);
        if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd p = { .fd = s->fd, .events = POLLOUT };
            poll(&p, 1, -1);    /* somebody made stdout non-blocking */
            continue;
        }
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return io_error(s, "write");
        for (; n > 0 && (size_t)written >= part->iov_len; part++, n--)
            written -= (ssize_t)part->iov_len;
        if (n > 0) {
            part->iov_base = (char *)part->iov_base + written;
            part->iov_len -= (size_t)written;
        }
    }
    return MPIPE_OK;
}

static enum mpipe_err write_or_hold(struct mpipe__sink_file *s,
                                    struct iovec *part, int n)
{
    enum mpipe_err e = MPIPE_OK;

    if (!s->holds)
        return write_all(s, part, n);
    for (int i = 0; e == MPIPE_OK && i < n; i++)
        e = mpipe__scratch_append(&s->held, part[i].iov_base, part[i].iov_len,
                                  &s->err);
    return e;
}

static enum mpipe_err flush(struct mpipe__sink_file *s)
{
    struct iovec all = { s->buffer, s->filled };

    s->filled = 0;
    return all.iov_len > 0 ? write_or_hold(s, &all, 1) : MPIPE_OK;
}

/* What was held goes where it should. */
static enum mpipe_err release(struct mpipe__sink_file *s)
{
    enum mpipe_err e = MPIPE_OK;

    for (uint64_t at = 0; e == MPIPE_OK && at < s->held.size; at += CAPACITY) {
        uint64_t left = s->held.size - at;
        struct iovec all = { s->buffer, left < CAPACITY ? left : CAPACITY };

        e = mpipe__scratch_read(&s->held, at, all.iov_base, all.iov_len,
                                &s->err);
        if (e == MPIPE_OK)
            e = write_all(s, &all, 1);
    }
    return e;
}

enum mpipe_err mpipe__sink_file_put(const struct mpipe_item *result, void *sink)
{
    struct mpipe__sink_file *s = sink;
    struct iovec part[2];
    enum mpipe_err e = s->err.code;

    if (e == MPIPE_OK)
        e = open_once(s);
    if (e == MPIPE_OK && s->buffered &&
        CAPACITY - s->filled < result->size + s->end_size)
        e = flush(s);
    if (e != MPIPE_OK)
        return e;
    if (s->buffered && CAPACITY - s->filled >= result->size + s->end_size) {
        memcpy(s->buffer + s->filled, result->data, result->size);
        s->filled += result->size;
        memcpy(s->buffer + s->filled, s->end, s->end_size);
        s->filled += s->end_size;
        return MPIPE_OK;
    }
    part[0] = (struct iovec){ (void *)result->data, result->size };
    part[1] = (struct iovec){ s->end, s->end_size };
    return write_or_hold(s, part, 2);
}

/* Write the rest, and let the file appear under its name. */
static enum mpipe_err finish(struct mpipe__sink_file *s)
{
    enum mpipe_err e = open_once(s);    /* no results: an empty file */

    if (e == MPIPE_OK)
        e = flush(s);
    if (e == MPIPE_OK && s->holds)
        e = release(s);
    if (e != MPIPE_OK || s->is_stdout)
        return e;
    if (s->part != NULL && fsync(s->fd) != 0)
        e = io_error(s, "write");
    if (close(s->fd) != 0 && e == MPIPE_OK)
        e = io_error(s, "write");
    s->fd = -1;
    if (e != MPIPE_OK || s->part == NULL)
        return e;
    if (rename(s->part, s->target) != 0)
        return io_error(s, "put it in place");
    free(s->part);
    s->part = NULL;
    return MPIPE_OK;
}

/* Leave nothing of what was not finished. */
static void discard(struct mpipe__sink_file *s)
{
    if (s->fd >= 0 && !s->is_stdout)
        close(s->fd);
    s->fd = -1;
    s->filled = 0;
    mpipe__scratch_fini(&s->held);
    if (s->part != NULL)
        unlink(s->part);
    free(s->part);
    s->part = NULL;
}

enum mpipe_err mpipe__sink_file_close(void *sink, enum mpipe_err how,
                                      struct mpipe_error *err)
{
    struct mpipe__sink_file *s = sink;
    enum mpipe_err e = s->err.code;

    if (e == MPIPE_OK && how == MPIPE_OK)
        e = finish(s);
    else if (e == MPIPE_OK && s->fd >= 0 && s->part == NULL && !s->holds)
        e = flush(s);           /* stdout has what came before the end */
    discard(s);
    if (e != MPIPE_OK)
        mpipe__error(err, 0, s->err.code, "%s", s->err.text);
    return e;
}

void mpipe__sink_file_free(void *sink)
{
    struct mpipe__sink_file *s = sink;

    if (s == NULL)
        return;
    discard(s);
    free(s->path);
    free(s->target);
    free(s->end);
    free(s->buffer);
    free(s);
}

enum mpipe_err mpipe_sink_file(struct mpipe_pipeline *pl, const char *path,
                               const char *end)
{
    struct mpipe__sink_file *s;

    if (path == NULL || path[0] == '\0')
        return mpipe__pipeline_wrong(pl, MPIPE_EINVAL,
                                     "mpipe_sink_file: no path given");
    s = mpipe__sink_file_new(path, end);
    if (s == NULL)
        return mpipe__pipeline_wrong(pl, MPIPE_ENOMEM,
                                     "no memory for a sink");
    mpipe__sink_file_options(s, mpipe__pipeline_options(pl));
    return mpipe__pipeline_own_sink(pl, mpipe__sink_file_put, s,
                                    mpipe__sink_file_close,
                                    mpipe__sink_file_free);
}
