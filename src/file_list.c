/* SPDX-License-Identifier: BSD-3-Clause */
/* file_list.c - walk paths and the directories among them, in byte order.
 *
 * A stack holds, for each directory between a path and the present file, its
 * names and how far they have been taken.  A directory's name is kept with a
 * '/' at its end: sorting the names of each directory then gives the same
 * order as sorting the whole paths ("a.c" comes before "a/b.c").
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "error.h"
#include "file_list.h"

struct level {                  /* one directory */
    char **name;                /* sorted; those up to 'next' are freed */
    size_t n, next, capacity;
    size_t prefix;              /* bytes of 'path' that name this directory */
};

struct mpipe__file_list {
    char **root;                /* the paths given */
    size_t n_roots, next_root;
    size_t found;               /* roots before this one are no patterns: they
                                   came of one */
    struct level *level;        /* outermost first */
    size_t n_levels, level_capacity;
    char *path;                 /* of the present file or directory */
    size_t path_capacity;
};

static enum mpipe_err no_memory(struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_ENOMEM,
                        "no memory for a list of files");
}

struct mpipe__file_list *mpipe__file_list_new(const char *const *paths,
                                              size_t n_paths)
{
    struct mpipe__file_list *list = calloc(1, sizeof *list);

    if (list == NULL)
        return NULL;
    list->root = calloc(n_paths > 0 ? n_paths : 1, sizeof *list->root);
    if (list->root == NULL)
        goto error;
    for (; list->n_roots < n_paths; list->n_roots++) {
        list->root[list->n_roots] = strdup(paths[list->n_roots]);
        if (list->root[list->n_roots] == NULL)
            goto error;
    }
    return list;
error:
    mpipe__file_list_free(list);
    return NULL;
}

static void level_fini(struct level *level)
{
    for (size_t i = level->next; i < level->n; i++)
        free(level->name[i]);
    free(level->name);
}

/* Forget what has not been taken yet. */
static void stop(struct mpipe__file_list *list)
{
    while (list->n_levels > 0)
        level_fini(&list->level[--list->n_levels]);
    list->next_root = list->n_roots;
}

void mpipe__file_list_free(struct mpipe__file_list *list)
{
    if (list == NULL)
        return;
    stop(list);
    for (size_t i = 0; i < list->n_roots; i++)
        free(list->root[i]);
    free(list->root);
    free(list->level);
    free(list->path);
    free(list);
}

/* Let 'path' be its first 'prefix' bytes and 'name'. */
static bool path_set(struct mpipe__file_list *list, size_t prefix,
                     const char *name)
{
    size_t name_size = strlen(name) + 1;

    if (prefix + name_size > list->path_capacity) {
        size_t capacity = 2 * (prefix + name_size);
        char *path = realloc(list->path, capacity);
        if (path == NULL)
            return false;
        list->path = path;
        list->path_capacity = capacity;
    }
    memcpy(list->path + prefix, name, name_size);
    return true;
}

/* Is it a regular file, a directory, or (0) something to leave out? */
static mode_t entry_type(DIR *dir, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type == DT_REG)
        return S_IFREG;
    if (entry->d_type == DT_DIR)
        return S_IFDIR;
    if (entry->d_type != DT_UNKNOWN)
        return 0;
    /* Not every file system tells.  What has gone since is left out. */
    if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? st.st_mode & S_IFMT : 0;
}

static bool level_add(struct level *level, const char *name, bool is_dir)
{
    size_t size = strlen(name);
    char *copy;

    if (level->n == level->capacity) {
        size_t capacity = level->capacity > 0 ? 2 * level->capacity : 32;
        char **grown = realloc(level->name, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        level->name = grown;
        level->capacity = capacity;
    }
    copy = malloc(size + 2);
    if (copy == NULL)
        return false;
    memcpy(copy, name, size + 1);
    if (is_dir)
        memcpy(copy + size, "/", 2);
    level->name[level->n++] = copy;
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Read the names of the directory 'path'. */
static enum mpipe_err level_read(struct level *level, const char *path,
                                 struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;
    const struct dirent *entry;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return mpipe__error(err, -1, MPIPE_EIO,
                            "%s: cannot open the directory: %s", path,
                            strerror(errno));
    while (errno = 0, (entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;
        mode_t type;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        type = entry_type(dir, entry);
        if (type != 0 && !level_add(level, name, type == S_IFDIR)) {
            e = no_memory(err);
            break;
        }
    }
    if (e == MPIPE_OK && errno != 0)
        e = mpipe__error(err, -1, MPIPE_EIO,
                         "%s: cannot read the directory: %s", path,
                         strerror(errno));
    closedir(dir);
    if (level->n > 0)
        qsort(level->name, level->n, sizeof *level->name, by_bytes);
    return e;
}

/* Go down into the directory 'path', which ends with a '/'. */
static enum mpipe_err enter(struct mpipe__file_list *list,
                            struct mpipe_error *err)
{
    struct level level = { .prefix = strlen(list->path) };
    enum mpipe_err e;

    if (list->n_levels == list->level_capacity) {
        size_t capacity = 2 * list->level_capacity + 8;
        struct level *grown = realloc(list->level, capacity * sizeof *grown);
        if (grown == NULL)
            return no_memory(err);
        list->level = grown;
        list->level_capacity = capacity;
    }
    e = level_read(&level, list->path, err);
    if (e != MPIPE_OK) {
        level_fini(&level);
        return e;
    }
    list->level[list->n_levels++] = level;
    return MPIPE_OK;
}

/* Put what matches the pattern in the place of the path just taken; false: there
 * is nothing, or no memory. */
static bool expand(struct mpipe__file_list *list, const char *pattern)
{
    size_t at = list->next_root - 1, n;
    glob_t found;
    char **more;

    if (at < list->found || strpbrk(pattern, "*?[") == NULL
        || glob(pattern, GLOB_ERR, NULL, &found) != 0)
        return false;
    n = found.gl_pathc;
    more = realloc(list->root, (list->n_roots + n) * sizeof *more);
    if (more != NULL) {
        list->root = more;
        free(more[at]);
        memmove(more + at + n, more + at + 1,
                (list->n_roots - at - 1) * sizeof *more);
        for (size_t i = 0; i < n; i++) {    /* they are ours now */
            more[at + i] = found.gl_pathv[i];
            found.gl_pathv[i] = NULL;
        }
        list->n_roots += n - 1;
        list->next_root = at;
        list->found = at + n;
    }
    globfree(&found);
    return more != NULL;
}

/* Take the next of the paths given: *is_file, or a directory gone into. */
static enum mpipe_err take_root(struct mpipe__file_list *list, bool *is_file,
                                struct mpipe_error *err)
{
    const char *root = list->root[list->next_root++];
    size_t size = strlen(root);
    struct stat st;

    if (!path_set(list, 0, root))
        return no_memory(err);
    if (stat(root, &st) != 0 && expand(list, root))
        return MPIPE_OK;
    if (stat(root, &st) != 0)
        return mpipe__error(err, -1, MPIPE_EIO, "%s: %s",
                            size > 0 ? root : "(an empty path)",
                            strerror(errno));
    *is_file = S_ISREG(st.st_mode);
    if (*is_file)
        return MPIPE_OK;
    if (!S_ISDIR(st.st_mode))
        return mpipe__error(err, -1, MPIPE_EIO,
                            "%s: neither a regular file nor a directory",
                            root);
    if (root[size - 1] != '/' && !path_set(list, size, "/"))
        return no_memory(err);
    return enter(list, err);
}

/* Take the next name of the innermost directory, as above. */
static enum mpipe_err take_name(struct mpipe__file_list *list, bool *is_file,
                                struct mpipe_error *err)
{
    struct level *level = &list->level[list->n_levels - 1];
    char *name;
    bool set;

    if (level->next == level->n) {
        level_fini(level);
        list->n_levels--;
        return MPIPE_OK;
    }
    name = level->name[level->next++];
    *is_file = name[strlen(name) - 1] != '/';
    set = path_set(list, level->prefix, name);
    free(name);
    if (!set)
        return no_memory(err);
    return *is_file ? MPIPE_OK : enter(list, err);
}

enum mpipe_err mpipe__file_list_next(struct mpipe__file_list *list,
                                     const char **path,
                                     struct mpipe_error *err)
{
    bool is_file = false;

    while (!is_file) {
        enum mpipe_err e = MPIPE_END;
        if (list->n_levels > 0)
            e = take_name(list, &is_file, err);
        else if (list->next_root < list->n_roots)
            e = take_root(list, &is_file, err);
        if (e == MPIPE_OK)
            continue;
        if (e != MPIPE_EIO)
            stop(list);
        return e;
    }
    *path = list->path;
    return MPIPE_OK;
}
