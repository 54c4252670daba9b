/* SPDX-License-Identifier: BSD-3-Clause */
/* scratch.c - see scratch.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "scratch.h"

void mpipe__scratch_init(struct mpipe__scratch_file *s, const char *folder)
{
    static const char *const variables[] = { "SLURM_TMPDIR", "TMPDIR" };

    for (size_t i = 0; i < 2 && folder[0] == '\0'; i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL)
            folder = value;
    }
    s->fd = -1;
    s->size = 0;
    snprintf(s->folder, sizeof s->folder, "%s",
             folder[0] != '\0' ? folder : "/tmp");
}

void mpipe__scratch_fini(struct mpipe__scratch_file *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    s->size = 0;
}

static enum mpipe_err wrong(const struct mpipe__scratch_file *s,
                            const char *what, const char *why,
                            struct mpipe_error *err)
{
    mpipe__error(err, -1, MPIPE_EIO, "scratch folder %s: %s: %s (--scratch "
                 "names another one)", s->folder, what, why);
    return MPIPE_EIO;
}

/* Not every file system knows O_TMPFILE. */
static int make_file(const char *folder)
{
    char name[1100];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    snprintf(name, sizeof name, "%s/mpipe-XXXXXX", folder);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0)
        unlink(name);
    return fd;
}

enum mpipe_err mpipe__scratch_append(struct mpipe__scratch_file *s,
                                     const void *data, size_t size,
                                     struct mpipe_error *err)
{
    const char *at = data;

    if (s->fd < 0)
        s->fd = make_file(s->folder);
    if (s->fd < 0)
        return wrong(s, "no file can be made there", strerror(errno), err);
    while (size > 0) {
        ssize_t n = pwrite(s->fd, at, size, (off_t)s->size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return wrong(s, "what does not fit into memory could not be "
                         "written", n < 0 ? strerror(errno) : "no room", err);
        at += n;
        size -= (size_t)n;
        s->size += (uint64_t)n;
    }
    return MPIPE_OK;
}

enum mpipe_err mpipe__scratch_read(const struct mpipe__scratch_file *s,
                                   uint64_t at, void *to, size_t size,
                                   struct mpipe_error *err)
{
    char *into = to;

    while (size > 0) {
        ssize_t n = pread(s->fd, into, size, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return wrong(s, "what was written could not be read back",
                         n < 0 ? strerror(errno) : "the file is too short",
                         err);
        into += n;
        at += (uint64_t)n;
        size -= (size_t)n;
    }
    return MPIPE_OK;
}
