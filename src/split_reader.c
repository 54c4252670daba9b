/* SPDX-License-Identifier: BSD-3-Clause */
/* split_reader.c - see split_reader.h. */
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "source.h"
#include "split_reader.h"

#define BLOCK ((size_t)1 << 20)

void mpipe__split_reader_init(struct mpipe_split_reader *r, size_t block)
{
    memset(r, 0, sizeof *r);
    r->stream.fd = -1;
    r->block = block;
    r->ended = true;
}

void mpipe__split_reader_fini(struct mpipe_split_reader *r)
{
    mpipe__byte_stream_close(&r->stream);
    free(r->buffer.data);
    free(r->path);
    mpipe__split_reader_init(r, r->block);
}

static enum mpipe_err shorter(const struct mpipe_split_reader *r,
                              uint64_t size, struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_EIO,
                        "%s: became shorter while it was read: nothing at "
                        "byte %llu", r->path, (unsigned long long)size);
}

enum mpipe_err mpipe__split_reader_open(struct mpipe_split_reader *r,
                                        const struct mpipe_split *split,
                                        char delimiter,
                                        struct mpipe_error *err)
{
    char *path = strdup(split->path);
    enum mpipe_err e;

    mpipe__byte_stream_close(&r->stream);
    free(r->path);
    r->path = path;
    r->ended = true;
    r->buffer.size = r->given = 0;
    if (path == NULL)
        return mpipe__error(err, -1, MPIPE_ENOMEM, "%s: no memory to read it",
                            split->path);
    r->skipping = split->offset > 0;
    r->pos = split->offset - r->skipping;
    e = mpipe__byte_stream_open(&r->stream, path, r->pos, err);
    if (e != MPIPE_OK)
        return e;
    r->delimiter = delimiter;
    r->end = r->stream.compressed ? UINT64_MAX : split->offset + split->size;
    if (!r->stream.compressed && r->stream.size < r->end)
        return shorter(r, r->stream.size, err);
    r->ended = r->eof = false;
    return MPIPE_OK;
}

/* Read on, at least 'least' bytes if there are as many. */
static enum mpipe_err fill(struct mpipe_split_reader *r, size_t least,
                           struct mpipe_error *err)
{
    struct mpipe_bytes *b = &r->buffer;
    size_t n;
    enum mpipe_err e;

    if (b->size + least > b->capacity) {
        size_t capacity = b->size + least + (b->size > 0 ? b->size / 2 : 0);
        char *more = realloc(b->data, capacity);
        if (more == NULL)
            return mpipe__error(err, -1, MPIPE_ENOMEM,
                                "%s: no memory to read %zu bytes", r->path,
                                capacity);
        b->data = more;
        b->capacity = capacity;
    }
    e = mpipe__byte_stream_read(&r->stream, b->data + b->size, least, &n, err);
    if (e != MPIPE_OK)
        return e;
    b->size += n;
    r->eof = n < least;
    if (r->eof && r->end != UINT64_MAX && r->pos + b->size < r->end)
        return shorter(r, r->pos + b->size, err);
    return MPIPE_OK;
}

/* Forget the first 'n' bytes. */
static void drop(struct mpipe_split_reader *r, size_t n)
{
    r->buffer.size -= n;
    r->pos += n;
    if (n > 0 && r->buffer.size > 0)
        memmove(r->buffer.data, r->buffer.data + n, r->buffer.size);
}

/* Go to where the first record begins. */
static enum mpipe_err skip(struct mpipe_split_reader *r,
                           struct mpipe_error *err)
{
    while (r->skipping) {
        const char *found;
        enum mpipe_err e;

        if (r->buffer.size == 0) {
            if (r->eof || r->pos >= r->end)
                return MPIPE_OK;
            e = fill(r, r->block < 16384 ? r->block : 16384, err);
            if (e != MPIPE_OK)
                return e;
            continue;
        }
        found = memchr(r->buffer.data, r->delimiter, r->buffer.size);
        r->skipping = found == NULL;
        drop(r, found != NULL ? (size_t)(found - r->buffer.data) + 1
                              : r->buffer.size);
    }
    return MPIPE_OK;
}

/* How many bytes at the buffer's beginning can be given out: whole records, no
 * record of another range; 0: more must be read. */
static size_t whole(const struct mpipe_split_reader *r, bool all)
{
    const struct mpipe_bytes *b = &r->buffer;
    const char *found = NULL;

    if (b->size == 0)
        return 0;
    if (r->end - r->pos <= b->size) {       /* the range's end is here */
        size_t from = (size_t)(r->end - r->pos - 1);
        found = memchr(b->data + from, r->delimiter, b->size - from);
    } else if (!all) {
        found = memrchr(b->data, r->delimiter, b->size);
    }
    if (found != NULL)
        return (size_t)(found - b->data) + 1;
    return r->eof ? b->size : 0;    /* the last one has no delimiter */
}

enum mpipe_err mpipe__split_reader_next(struct mpipe_split_reader *r, bool all,
                                        char **records, size_t *size,
                                        struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;

    *records = r->buffer.data;
    *size = 0;
    if (r->ended)
        return MPIPE_END;
    drop(r, r->given);
    r->given = 0;
    e = skip(r, err);
    while (e == MPIPE_OK && !r->skipping && r->pos < r->end
           && (r->given = whole(r, all)) == 0 && !r->eof)
        e = fill(r, all && r->end != UINT64_MAX
                    && r->end - r->pos > r->buffer.size
                    ? (size_t)(r->end - r->pos - r->buffer.size) + 16384
                    : r->block, err);
    *records = r->buffer.data;
    *size = r->given;
    if (e != MPIPE_OK || r->given == 0 || r->pos + r->given >= r->end)
        mpipe__byte_stream_close(&r->stream);
    if (e != MPIPE_OK || r->given == 0) {
        r->ended = true;
        r->given = 0;
        *size = 0;
    }
    return e != MPIPE_OK ? e : r->given == 0 ? MPIPE_END : MPIPE_OK;
}

/* ---- the public functions ---- */

struct mpipe_split_reader *mpipe_split_reader_new(void)
{
    struct mpipe_split_reader *r = malloc(sizeof *r);

    if (r != NULL)
        mpipe__split_reader_init(r, BLOCK);
    return r;
}

void mpipe_split_reader_free(struct mpipe_split_reader *r)
{
    if (r == NULL)
        return;
    mpipe__split_reader_fini(r);
    free(r);
}

enum mpipe_err mpipe_split_open(struct mpipe_split_reader *r,
                                const struct mpipe_split *split,
                                char delimiter, struct mpipe_out *out)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    enum mpipe_err e = mpipe__split_reader_open(r, split, delimiter, &err);

    if (mpipe__source_skips(out, e, err.text))
        return MPIPE_OK;            /* it has no records */
    if (e != MPIPE_OK && out != NULL)
        mpipe_fail(out, "%s", err.text);
    return e;
}

enum mpipe_err mpipe_split_next(struct mpipe_split_reader *r, char **records,
                                size_t *size, struct mpipe_out *out)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    enum mpipe_err e = mpipe__split_reader_next(r, false, records, size, &err);

    if (e == MPIPE_OK)
        mpipe__source_read(out, *size);
    if (mpipe__source_skips(out, e, err.text))
        return MPIPE_END;           /* what was read of it counts */
    if (e < MPIPE_OK && out != NULL)
        mpipe_fail(out, "%s", err.text);
    return e;
}
