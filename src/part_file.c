/* SPDX-License-Identifier: BSD-3-Clause */
/* part_file.c - see part_file.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "error.h"
#include "part_file.h"

#define MUCH ((size_t)256 << 10)

static enum mpipe_err make_folder(const char *folder, struct mpipe_error *err)
{
    if (mkdir(folder, 0777) == 0 || errno == EEXIST)
        return MPIPE_OK;
    return mpipe__error(err, 0, MPIPE_EIO, "%s: the folder for part files "
                        "cannot be made: %s", folder, strerror(errno));
}

enum mpipe_err mpipe__part_folder(const char *folder, struct mpipe_error *err)
{
    const struct dirent *entry;
    bool taken = false;
    DIR *dir;

    if (make_folder(folder, err) != MPIPE_OK)
        return err->code;
    dir = opendir(folder);
    if (dir == NULL)
        return mpipe__error(err, 0, MPIPE_EIO, "%s: the folder for part files "
                            "cannot be read: %s", folder, strerror(errno));
    while (!taken && (entry = readdir(dir)) != NULL)
        taken = strncmp(entry->d_name, "part-", 5) == 0;
    closedir(dir);
    if (taken)
        return mpipe__error(err, 0, MPIPE_EIO, "%s has part files of an "
                            "earlier job: remove them, or name another folder",
                            folder);
    return MPIPE_OK;
}

static void name_of(const char *folder, uint32_t part, char *to, size_t size)
{
    snprintf(to, size, "%s/part-%05u", folder, part);
}

enum mpipe_err mpipe__part_folder_goes_on(const char *folder, const bool *done,
                                          uint32_t n, struct mpipe_error *err)
{
    char name[1100];

    if (make_folder(folder, err) != MPIPE_OK)
        return err->code;
    for (uint32_t p = 0; p < n; p++) {
        name_of(folder, p, name, sizeof name);
        if (done[p] && access(name, R_OK) != 0)
            return mpipe__error(err, 0, MPIPE_EIO, "%s, which by the journal an "
                                "earlier run has written, cannot be read: %s. "
                                "Remove the journal to begin the job again", name,
                                strerror(errno));
    }
    mpipe__part_folder_tidy(folder);
    return MPIPE_OK;
}

void mpipe__part_folder_tidy(const char *folder)
{
    const struct dirent *entry;
    DIR *dir = opendir(folder);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        size_t n = strlen(entry->d_name);
        if (strncmp(entry->d_name, ".part-", 6) == 0 && n > 4
            && strcmp(entry->d_name + n - 4, ".tmp") == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir != NULL)
        closedir(dir);
}

static enum mpipe_err wrong(const char *name, struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_EIO, "%s could not be written: %s",
                        name, strerror(errno));
}

enum mpipe_err mpipe__part_file_open(struct mpipe__part_file *f,
                                     const char *folder, uint32_t part, int rank,
                                     struct mpipe_error *err)
{
    memset(f, 0, sizeof *f);
    name_of(folder, part, f->name, sizeof f->name);
    snprintf(f->under, sizeof f->under, "%s/.part-%05u.%d.tmp", folder, part,
             rank);
    f->fd = open(f->under, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (f->fd < 0)
        return wrong(f->under, err);
    f->made = true;
    return MPIPE_OK;
}

static enum mpipe_err write_out(struct mpipe__part_file *f)
{
    size_t at = 0;

    while (at < f->used) {
        ssize_t n = write(f->fd, f->buffer + at, f->used - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return wrong(f->under, &f->error);
        at += (size_t)n;
    }
    f->written += f->used;
    f->used = 0;
    return MPIPE_OK;
}

enum mpipe_err mpipe__part_file_put(void *arg, const void *data, size_t size)
{
    struct mpipe__part_file *f = arg;

    if (f->error.code != MPIPE_OK)
        return f->error.code;
    if (f->used + size + 1 > f->capacity) {
        size_t capacity = f->used + size + MUCH;
        char *more = realloc(f->buffer, capacity);
        if (more == NULL)
            return mpipe__error(&f->error, -1, MPIPE_ENOMEM, "no memory for "
                                "what goes to %s", f->name);
        f->buffer = more;
        f->capacity = capacity;
    }
    if (size > 0)
        memcpy(f->buffer + f->used, data, size);
    f->used += size;
    f->buffer[f->used++] = '\n';
    return f->used < MUCH ? MPIPE_OK : write_out(f);
}

void mpipe__part_file_back(struct mpipe__part_file *f, uint64_t mark)
{
    if (f->error.code != MPIPE_OK)
        return;
    if (mark >= f->written) {
        f->used = (size_t)(mark - f->written);
        return;
    }
    f->used = 0;
    f->written = mark;
    if (ftruncate(f->fd, (off_t)mark) != 0
        || lseek(f->fd, (off_t)mark, SEEK_SET) != (off_t)mark)
        wrong(f->under, &f->error);
}

/* The name is safe once its folder is. */
static int sync_folder(const char *name)
{
    char folder[1100];
    int fd, failed;

    snprintf(folder, sizeof folder, "%s", name);
    *strrchr(folder, '/') = '\0';
    fd = open(folder[0] != '\0' ? folder : "/", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    failed = fsync(fd) != 0 && errno != EINVAL;
    close(fd);
    return failed ? -1 : 0;
}

enum mpipe_err mpipe__part_file_close(struct mpipe__part_file *f,
                                      struct mpipe_error *err)
{
    enum mpipe_err e = f->error.code != MPIPE_OK ? f->error.code : write_out(f);

    if (e != MPIPE_OK && err != NULL)
        *err = f->error;
    if (e == MPIPE_OK && fsync(f->fd) != 0 && errno != EINVAL)
        e = wrong(f->under, err);
    if (e == MPIPE_OK && rename(f->under, f->name) != 0)
        e = wrong(f->name, err);
    if (e == MPIPE_OK && sync_folder(f->name) != 0)
        e = wrong(f->name, err);
    if (e == MPIPE_OK)
        f->under[0] = '\0';
    mpipe__part_file_drop(f);
    return e;
}

void mpipe__part_file_drop(struct mpipe__part_file *f)
{
    if (!f->made)
        return;
    close(f->fd);
    if (f->under[0] != '\0')
        unlink(f->under);
    free(f->buffer);
    memset(f, 0, sizeof *f);
}
