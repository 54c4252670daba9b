/* SPDX-License-Identifier: BSD-3-Clause */
/* byte_stream.c - plain files, gzip by zlib, Zstandard by libzstd. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include "byte_stream.h"
#include "error.h"

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n > m && memcmp(text + n - m, end, m) == 0;
}

bool mpipe__is_compressed(const char *path)
{
    return ends_with(path, ".gz") || ends_with(path, ".zst");
}

static enum mpipe_err no_memory(const struct mpipe__byte_stream *s,
                                struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_ENOMEM, "%s: no memory to read it",
                        s->path);
}

static enum mpipe_err damaged(const struct mpipe__byte_stream *s,
                              const char *why, struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_EIO, "%s: cannot be decompressed: %s",
                        s->path, why);
}

/* ---- plain ---- */

static enum mpipe_err read_plain(struct mpipe__byte_stream *s, char *to,
                                 size_t size, size_t *n,
                                 struct mpipe_error *err)
{
    while (*n < size) {
        ssize_t got = pread(s->fd, to + *n, size - *n, (off_t)s->at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return mpipe__error(err, -1, MPIPE_EIO,
                                "%s: cannot read at byte %llu: %s", s->path,
                                (unsigned long long)s->at, strerror(errno));
        if (got == 0)
            break;
        *n += (size_t)got;
        s->at += (uint64_t)got;
    }
    return MPIPE_OK;
}

/* ---- gzip ---- */

static enum mpipe_err read_gzip(struct mpipe__byte_stream *s, char *to,
                                size_t size, size_t *n,
                                struct mpipe_error *err)
{
    while (*n < size) {
        unsigned want = size - *n < 1u << 30 ? (unsigned)(size - *n) : 1u << 30;
        int got = gzread(s->gzip, to + *n, want), code = Z_OK;
        const char *why = got < (int)want ? gzerror(s->gzip, &code) : "";

        if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
            return damaged(s, code == Z_BUF_ERROR ? "it ends too early" : why,
                           err);
        if (got == 0)
            break;
        *n += (size_t)got;
    }
    return MPIPE_OK;
}

/* ---- Zstandard ---- */

static enum mpipe_err read_zstd(struct mpipe__byte_stream *s, char *to,
                                size_t size, size_t *n,
                                struct mpipe_error *err)
{
    while (*n < size) {
        ZSTD_outBuffer out = { to, size, *n };
        ZSTD_inBuffer in = { s->input, s->in_size, s->in_at };
        size_t left;

        if (s->in_at == s->in_size) {
            size_t got = 0;
            enum mpipe_err e = read_plain(s, s->input, s->in_capacity, &got,
                                          err);
            if (e != MPIPE_OK)
                return e;
            s->in_at = 0;
            in.pos = 0;
            in.size = s->in_size = got;
            if (got == 0 && s->in_frame)
                return damaged(s, "it ends too early", err);
            if (got == 0)
                break;
        }
        left = ZSTD_decompressStream(s->zstd, &out, &in);
        if (ZSTD_isError(left))
            return damaged(s, ZSTD_getErrorName(left), err);
        s->in_frame = left != 0;
        s->in_at = in.pos;
        *n = out.pos;
    }
    return MPIPE_OK;
}

/* ---- the stream ---- */

/* What the file begins with says how it is compressed. */
static enum mpipe_err look_inside(struct mpipe__byte_stream *s,
                                  struct mpipe_error *err)
{
    unsigned char magic[4] = { 0, 0, 0, 0 };
    ssize_t n = pread(s->fd, magic, sizeof magic, 0);

    if (n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
        int copy = dup(s->fd);
        s->gzip = copy >= 0 ? gzdopen(copy, "rb") : NULL;
        if (s->gzip == NULL && copy >= 0)
            close(copy);
        if (s->gzip == NULL)
            return no_memory(s, err);
        gzbuffer(s->gzip, 256 << 10);
    } else if (n >= 4 && magic[0] == 0x28 && magic[1] == 0xb5
               && magic[2] == 0x2f && magic[3] == 0xfd) {
        s->zstd = ZSTD_createDStream();
        s->in_capacity = ZSTD_DStreamInSize();
        s->input = malloc(s->in_capacity);
        if (s->zstd == NULL || s->input == NULL)
            return no_memory(s, err);
    }
    s->compressed = s->gzip != NULL || s->zstd != NULL;
    return MPIPE_OK;
}

enum mpipe_err mpipe__byte_stream_open(struct mpipe__byte_stream *s,
                                       const char *path, uint64_t offset,
                                       struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;
    struct stat st;

    memset(s, 0, sizeof *s);
    s->path = path;
    s->at = offset;
    /* O_NONBLOCK: should a FIFO have taken the file's place, do not hang. */
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (s->fd < 0)
        return mpipe__error(err, -1, MPIPE_EIO, "%s: cannot open: %s", path,
                            strerror(errno));
    if (fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode))
        e = mpipe__error(err, -1, MPIPE_EIO, "%s: is no regular file", path);
    else
        s->size = (uint64_t)st.st_size;
    if (e == MPIPE_OK && offset == 0 && mpipe__is_compressed(path))
        e = look_inside(s, err);
    if (e != MPIPE_OK)
        mpipe__byte_stream_close(s);
    return e;
}

void mpipe__byte_stream_close(struct mpipe__byte_stream *s)
{
    if (s->gzip != NULL)
        gzclose(s->gzip);
    ZSTD_freeDStream(s->zstd);
    free(s->input);
    if (s->fd >= 0)
        close(s->fd);
    memset(s, 0, sizeof *s);
    s->fd = -1;
}

enum mpipe_err mpipe__byte_stream_read(struct mpipe__byte_stream *s, void *to,
                                       size_t size, size_t *n,
                                       struct mpipe_error *err)
{
    *n = 0;
    return s->gzip != NULL ? read_gzip(s, to, size, n, err)
           : s->zstd != NULL ? read_zstd(s, to, size, n, err)
                             : read_plain(s, to, size, n, err);
}
