/* SPDX-License-Identifier: BSD-3-Clause */
/* line_reader.c - cut what poll() and read() give into lines.
 *
 *      data:  | taken | looked at, no '\n' | not looked at | free |
 *             0     begin                scan             end  capacity
 *
 * One buffer for all files.  It grows only for a line that fills it, and each
 * byte is looked at once, however long the line.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "line_reader.h"

enum { FIRST_CAPACITY = 128 * 1024, READ_MIN = 4096 };

struct mpipe__line_reader {
    char **path;
    size_t n_paths, next_path;
    const char *name;           /* of the open file, for messages */
    int fd;                     /* -1: none is open */
    bool is_stdin;
    uint64_t line;              /* lines given of this file */
    bool at_end;                /* nothing more to read in this file */
    char *data;
    size_t begin, scan, end, capacity;
};

struct mpipe__line_reader *mpipe__line_reader_new(const char *const *paths,
                                                  size_t n_paths)
{
    static const char *const stdin_only[] = { "-" };
    struct mpipe__line_reader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->fd = -1;
    if (n_paths == 0) {
        paths = stdin_only;
        n_paths = 1;
    }
    r->path = calloc(n_paths, sizeof *r->path);
    if (r->path == NULL)
        goto error;
    for (; r->n_paths < n_paths; r->n_paths++) {
        r->path[r->n_paths] = strdup(paths[r->n_paths]);
        if (r->path[r->n_paths] == NULL)
            goto error;
    }
    return r;
error:
    mpipe__line_reader_free(r);
    return NULL;
}

static void close_file(struct mpipe__line_reader *r)
{
    if (r->fd >= 0 && !r->is_stdin)
        close(r->fd);
    r->fd = -1;
}

void mpipe__line_reader_free(struct mpipe__line_reader *r)
{
    if (r == NULL)
        return;
    close_file(r);
    for (size_t i = 0; i < r->n_paths; i++)
        free(r->path[i]);
    free(r->path);
    free(r->data);
    free(r);
}

static enum mpipe_err open_next(struct mpipe__line_reader *r,
                                struct mpipe_error *err)
{
    const char *path = r->path[r->next_path++];

    r->line = 0;
    r->at_end = false;
    r->is_stdin = strcmp(path, "-") == 0;
    if (r->is_stdin) {
        r->name = "stdin";
        r->fd = STDIN_FILENO;
        return MPIPE_OK;
    }
    r->name = path;
    /* A FIFO that nobody writes to yet must not hold us up here. */
    r->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (r->fd < 0)
        return mpipe__error(err, -1, MPIPE_EIO, "%s: cannot open: %s", path,
                            strerror(errno));
    return MPIPE_OK;
}

/* Have room behind 'end': first by moving the unfinished line to the front. */
static enum mpipe_err make_room(struct mpipe__line_reader *r,
                                struct mpipe_error *err)
{
    size_t capacity = r->capacity > 0 ? 2 * r->capacity : FIRST_CAPACITY;
    char *data;

    if (r->capacity - r->end >= READ_MIN)
        return MPIPE_OK;
    if (r->begin > r->capacity / 2) {
        memmove(r->data, r->data + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->scan -= r->begin;
        r->begin = 0;
        return MPIPE_OK;
    }
    data = realloc(r->data, capacity);
    if (data == NULL)
        return mpipe__error(err, -1, MPIPE_ENOMEM,
                            "%s: line %llu: no memory for a line of over %zu "
                            "bytes", r->name, (unsigned long long)r->line + 1,
                            r->end - r->begin);
    r->data = data;
    r->capacity = capacity;
    return MPIPE_OK;
}

/* Read what is there now: MPIPE_OK also at the end of the file. */
static enum mpipe_err fill(struct mpipe__line_reader *r,
                           struct mpipe_error *err)
{
    struct pollfd p = { .fd = r->fd, .events = POLLIN };
    enum mpipe_err e = make_room(r, err);
    ssize_t n;

    if (e != MPIPE_OK)
        return e;
    if (poll(&p, 1, 0) == 0)
        return MPIPE_AGAIN;
    /* A closed descriptor or a failed poll() shows in read() as well. */
    n = read(r->fd, r->data + r->end, r->capacity - r->end);
    if (n < 0) {
        if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)
            return MPIPE_AGAIN;
        r->at_end = true;       /* the next call goes on with the next file */
        return mpipe__error(err, -1, MPIPE_EIO, "%s: cannot read: %s",
                            r->name, strerror(errno));
    }
    r->at_end = n == 0;
    r->end += (size_t)n;
    return MPIPE_OK;
}

/* Give data[begin ... stop) as a line and go on at 'next'. */
static enum mpipe_err take_line(struct mpipe__line_reader *r, size_t stop,
                                size_t next, const char **line, size_t *size)
{
    *line = r->data + r->begin;
    *size = stop - r->begin;
    r->begin = r->scan = next;
    if (r->begin == r->end)
        r->begin = r->scan = r->end = 0;
    r->line++;
    return MPIPE_OK;
}

static enum mpipe_err too_long(const struct mpipe__line_reader *r,
                               uint64_t max_size, struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_ETOOBIG,
                        "%s: line %llu is longer than %llu bytes: allow "
                        "more with --max-item", r->name,
                        (unsigned long long)r->line + 1,
                        (unsigned long long)max_size);
}

enum mpipe_err mpipe__line_reader_next(struct mpipe__line_reader *r,
                                       const char **line, size_t *size,
                                       uint64_t max_size,
                                       struct mpipe_error *err)
{
    for (;;) {
        enum mpipe_err e = MPIPE_OK;
        const char *newline = NULL;
        size_t stop;

        if (r->scan < r->end)
            newline = memchr(r->data + r->scan, '\n', r->end - r->scan);
        r->scan = r->end;
        stop = newline != NULL ? (size_t)(newline - r->data) : r->end;
        if (stop - r->begin > max_size)
            return too_long(r, max_size, err);
        if (newline != NULL)
            return take_line(r, stop, stop + 1, line, size);
        if (r->fd >= 0 && !r->at_end) {
            e = fill(r, err);
        } else if (stop > r->begin) {
            return take_line(r, stop, stop, line, size);
        } else {
            close_file(r);
            if (r->next_path == r->n_paths)
                return MPIPE_END;
            e = open_next(r, err);
        }
        if (e != MPIPE_OK)
            return e;
    }
}
