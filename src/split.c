/* SPDX-License-Identifier: BSD-3-Clause */
/* split.c - which records of a file belong to a byte range, and reading them.
 *
 * A record belongs to the range in which its first byte lies, and a record
 * begins at offset 0 or behind a delimiter.  So the records of the range
 * [offset, end) are the bytes behind the first delimiter at or after
 * offset - 1, up to and with the first delimiter at or after end - 1: each
 * range finds its borders alone, and the borders of neighbours are the same.
 *
 * A range within one long record costs one scan of the range, and its data is
 * empty; only the range where the record begins reads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <mpipe/source.h>
#include "error.h"
#include "split.h"

enum { BLOCK = 16 * 1024 };     /* bytes read at a time to find a border */

size_t mpipe__split_packed_size(const char *path)
{
    return 2 * sizeof(uint64_t) + strlen(path) + 1;
}

void mpipe__split_pack(void *to, const struct mpipe_split *split)
{
    char *at = to;

    memcpy(at, &split->offset, sizeof split->offset);
    memcpy(at + sizeof split->offset, &split->size, sizeof split->size);
    strcpy(at + 2 * sizeof(uint64_t), split->path);
}

enum mpipe_err mpipe_split_parse(const struct mpipe_item *item,
                                 struct mpipe_split *split)
{
    const size_t head = 2 * sizeof(uint64_t);
    const char *data = item->data;
    struct mpipe_split found;

    if (item->size < head + 2 || data[head] == '\0' ||
        memchr(data + head, '\0', item->size - head) != data + item->size - 1)
        return MPIPE_EINVAL;
    memcpy(&found.offset, data, sizeof found.offset);
    memcpy(&found.size, data + sizeof found.offset, sizeof found.size);
    found.path = data + head;
    if (found.size == 0 || found.size > INT64_MAX ||
        found.offset > INT64_MAX - found.size)
        return MPIPE_EINVAL;
    *split = found;
    return MPIPE_OK;
}

/* A file being read; the words of its errors. */
struct file {
    int fd;
    const char *path;
    struct mpipe_error *err;
};

static enum mpipe_err shorter(const struct file *f, uint64_t offset)
{
    return mpipe__error(f->err, -1, MPIPE_EIO,
                        "%s: became shorter while it was read: nothing at "
                        "byte %llu", f->path, (unsigned long long)offset);
}

/* Read up to 'size' bytes; *n is less only at the end of the file. */
static enum mpipe_err read_at(const struct file *f, char *to, size_t size,
                              uint64_t offset, size_t *n)
{
    *n = 0;
    while (*n < size) {
        ssize_t got = pread(f->fd, to + *n, size - *n, (off_t)(offset + *n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mpipe__error(f->err, -1, MPIPE_EIO,
                                "%s: cannot read at byte %llu: %s", f->path,
                                (unsigned long long)(offset + *n),
                                strerror(errno));
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    return MPIPE_OK;
}

/* *begin: where the first record that begins in the range begins; the end of
 * the range if none does. */
static enum mpipe_err find_begin(const struct file *f,
                                 const struct mpipe_split *split,
                                 char delimiter, uint64_t *begin)
{
    char block[BLOCK];
    uint64_t end = split->offset + split->size;
    uint64_t at = split->offset - 1;

    *begin = split->offset;
    if (split->offset == 0)
        return MPIPE_OK;
    for (*begin = end; at < end - 1 && *begin == end; ) {
        size_t want = end - 1 - at < BLOCK ? (size_t)(end - 1 - at) : BLOCK;
        size_t n;
        const char *found;
        enum mpipe_err e = read_at(f, block, want, at, &n);
        if (e != MPIPE_OK)
            return e;
        if (n < want)
            return shorter(f, at + n);
        found = memchr(block, delimiter, n);
        if (found != NULL)
            *begin = at + (uint64_t)(found - block) + 1;
        at += n;
    }
    return MPIPE_OK;
}

static enum mpipe_err make_room(const struct file *f,
                                struct mpipe_bytes *bytes, uint64_t capacity)
{
    char *data = NULL;

    if (capacity <= bytes->capacity)
        return MPIPE_OK;
    if (capacity <= SIZE_MAX)
        data = realloc(bytes->data, (size_t)capacity);
    if (data == NULL)
        return mpipe__error(f->err, -1, MPIPE_ENOMEM,
                            "%s: no memory to read %llu bytes", f->path,
                            (unsigned long long)capacity);
    bytes->data = data;
    bytes->capacity = (size_t)capacity;
    return MPIPE_OK;
}

/* Read on from 'at', where the range ends, to the end of the record; it
 * rarely goes on for long, so in steps that begin small. */
static enum mpipe_err read_rest(const struct file *f, uint64_t at,
                                char delimiter, struct mpipe_bytes *bytes)
{
    for (size_t step = BLOCK; ; step *= 2) {
        const char *found, *from;
        size_t n;
        enum mpipe_err e = make_room(f, bytes, (uint64_t)bytes->size + step);

        if (e == MPIPE_OK)
            e = read_at(f, bytes->data + bytes->size, step, at, &n);
        if (e != MPIPE_OK)
            return e;
        from = bytes->data + bytes->size;
        found = memchr(from, delimiter, n);
        if (found != NULL) {
            bytes->size += (size_t)(found - from) + 1;
            return MPIPE_OK;
        }
        bytes->size += n;
        at += n;
        if (n < step)
            return MPIPE_OK;    /* the last record, without a delimiter */
    }
}

static enum mpipe_err read_records(const struct file *f,
                                   const struct mpipe_split *split,
                                   char delimiter, struct mpipe_bytes *bytes)
{
    uint64_t begin, end = split->offset + split->size;
    enum mpipe_err e;
    struct stat st;
    size_t n;

    /* Before memory is asked for: sizes in an item prove nothing. */
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return mpipe__error(f->err, -1, MPIPE_EIO, "%s: is no regular file",
                            f->path);
    if ((uint64_t)st.st_size < end)
        return shorter(f, (uint64_t)st.st_size);
    e = find_begin(f, split, delimiter, &begin);
    if (e != MPIPE_OK || begin == end)
        return e;
    e = make_room(f, bytes, end - begin + BLOCK);
    if (e == MPIPE_OK)
        e = read_at(f, bytes->data, (size_t)(end - begin), begin, &n);
    if (e != MPIPE_OK)
        return e;
    if (n < end - begin)
        return shorter(f, begin + n);
    bytes->size = n;
    if (bytes->data[n - 1] == delimiter)
        return MPIPE_OK;
    return read_rest(f, end, delimiter, bytes);
}

enum mpipe_err mpipe__split_read(const struct mpipe_split *split,
                                 char delimiter, struct mpipe_bytes *bytes,
                                 struct mpipe_error *err)
{
    struct file f = { .path = split->path, .err = err };
    enum mpipe_err e;

    bytes->size = 0;
    /* O_NONBLOCK: should a FIFO have taken the file's place, do not hang. */
    f.fd = open(split->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (f.fd < 0)
        return mpipe__error(err, -1, MPIPE_EIO, "%s: cannot open: %s",
                            split->path, strerror(errno));
    e = read_records(&f, split, delimiter, bytes);
    close(f.fd);
    return e;
}

enum mpipe_err mpipe_split_load(const struct mpipe_split *split, char delimiter,
                                struct mpipe_bytes *bytes,
                                struct mpipe_out *out)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    enum mpipe_err e = mpipe__split_read(split, delimiter, bytes, &err);

    if (e != MPIPE_OK && out != NULL)
        mpipe_fail(out, "%s", err.text);
    return e;
}
