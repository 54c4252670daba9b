/* SPDX-License-Identifier: BSD-3-Clause */
/* source_files.c - whole files as items.
 *
 * A file is read straight into the room reserved for its item.  One that
 * grows meanwhile is taken at the length that it had when it was opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "error.h"
#include "file_list.h"
#include "out.h"
#include "pipeline.h"
#include "source.h"

static enum mpipe_err io_error(struct mpipe_error *err, const char *path,
                               const char *what)
{
    return mpipe__error(err, 0, MPIPE_EIO, "%s: cannot %s: %s", path, what,
                        strerror(errno));
}

/* Emit 'size' bytes of the file; less if it has become shorter. */
static enum mpipe_err emit_data(struct mpipe_out *out, const char *path,
                                int fd, size_t size, struct mpipe_error *err)
{
    char *room = mpipe_reserve(out, size);
    size_t n = 0;

    if (room == NULL)
        return mpipe__error(err, 0, MPIPE_ENOMEM,
                            "%s: no memory for its %zu bytes", path, size);
    while (n < size) {
        ssize_t got = read(fd, room + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error(err, path, "read");
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return mpipe_commit(out, n);
}

static enum mpipe_err emit_file(struct mpipe_out *out, const char *path,
                                size_t *size, struct mpipe_error *err)
{
    uint64_t max_size = mpipe__out_max_item(out);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    enum mpipe_err e;
    struct stat st;

    if (fd < 0)
        return io_error(err, path, "open");
    if (fstat(fd, &st) != 0) {
        e = io_error(err, path, "look at");
    } else if ((uint64_t)st.st_size > max_size) {
        e = mpipe__error(err, 0, MPIPE_ETOOBIG, "%s: has %llu bytes, but an "
                         "item at most %llu: allow more with --max-item", path,
                         (unsigned long long)st.st_size,
                         (unsigned long long)max_size);
    } else {
        *size = (size_t)st.st_size;
        e = emit_data(out, path, fd, *size, err);
    }
    close(fd);
    return e;
}

static enum mpipe_err emit_files(struct mpipe_out *out, void *arg)
{
    size_t bytes = 0;

    for (int i = 0; i < MPIPE__SOURCE_ITEMS && bytes < MPIPE__SOURCE_BYTES;
         i++) {
        struct mpipe_error err = { .code = MPIPE_OK };
        const char *path;
        size_t size = 0;
        enum mpipe_err e = mpipe__file_list_next(arg, &path, &err);
        if (e == MPIPE_OK)
            e = emit_file(out, path, &size, &err);
        if (mpipe__source_skips(out, e, err.text))
            continue;
        if (err.code != MPIPE_OK)
            mpipe_fail(out, "%s", err.text);
        if (e != MPIPE_OK)
            return e;
        bytes += size;
    }
    return MPIPE_OK;
}

static void fini(void *arg)
{
    mpipe__file_list_free(arg);
}

enum mpipe_err mpipe_source_files(struct mpipe_pipeline *pl,
                                  const char *const *paths, size_t n_paths)
{
    struct mpipe__file_list *list = mpipe__file_list_new(paths, n_paths);

    if (list == NULL)
        return mpipe__pipeline_wrong(pl, MPIPE_ENOMEM,
                                     "no memory for a source");
    return mpipe__pipeline_own_source(pl, emit_files, list, fini);
}
