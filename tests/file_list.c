/* SPDX-License-Identifier: BSD-3-Clause */
/* file_list.c - trees of files, and the order in which they come. */
#include <stdbool.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "file_list.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define NAMES 12

/* Each test works in a fresh directory, the current one while it runs. */
static void enter(char *home, size_t size)
{
    char name[] = "test-file_list.XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(home, size));
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(name));
    CU_ASSERT_EQUAL_FATAL(chdir(name), 0);
}

static int remove_one(const char *path, const struct stat *st, int kind,
                      struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

static void leave(const char *home)
{
    char here[4096];
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(here, sizeof here));
    CU_ASSERT_EQUAL_FATAL(chdir(home), 0);
    CU_ASSERT_EQUAL(nftw(here, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* "a" is a file, "a/" a directory, "a@b" a link to b, "a|" a FIFO. */
static void make(const char *name)
{
    const char *at = strchr(name, '@');
    char copy[256];
    size_t size = strlen(name);
    int made;

    snprintf(copy, sizeof copy, "%s", name);
    copy[strcspn(copy, "@|")] = '\0';
    if (at != NULL) {
        made = symlink(at + 1, copy);
    } else if (name[size - 1] == '/') {
        made = mkdir(copy, 0777);
    } else if (name[size - 1] == '|') {
        made = mkfifo(copy, 0666);
    } else {
        made = open(copy, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (made >= 0)
            made = close(made);
    }
    CU_ASSERT_EQUAL_FATAL(made, 0);
}

static void expect(const char *const *paths, size_t n_paths,
                   const char *const *expected)
{
    struct mpipe__file_list *list = mpipe__file_list_new(paths, n_paths);
    struct mpipe_error err = { .code = MPIPE_OK };
    const char *path = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    for (; *expected != NULL; expected++) {
        CU_ASSERT_EQUAL_FATAL(mpipe__file_list_next(list, &path, &err),
                              MPIPE_OK);
        CU_ASSERT_STRING_EQUAL(path, *expected);
    }
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_END);
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_END);
    CU_ASSERT_EQUAL(err.code, MPIPE_OK);
    mpipe__file_list_free(list);
}

static void orders(void)
{
    static const struct {
        const char *made[NAMES], *paths[NAMES], *expected[NAMES];
    } rows[] = {
        { { "x" }, { NULL }, { NULL } },
        { { "x", "y" }, { "y", "x", "y" }, { "y", "x", "y" } },
        { { "d/" }, { "d" }, { NULL } },
        { { "d/", "d/b", "d/a" }, { "d" }, { "d/a", "d/b" } },
        { { "d/", "d/b", "d/a" }, { "d/" }, { "d/a", "d/b" } },
        { { "d/", "d/b" }, { "./d//" }, { "./d//b" } },
        { { "b", "a" }, { "." }, { "./a", "./b" } },
        { { "d/", "d/a/", "d/a/b.c", "d/a.c", "d/a0" }, { "d" },
          { "d/a.c", "d/a/b.c", "d/a0" } },
        { { "d/", "d/B", "d/a", "d/\xc3\xa4", "d/z", "d/10", "d/9" }, { "d" },
          { "d/10", "d/9", "d/B", "d/a", "d/z", "d/\xc3\xa4" } },
        { { "d/", "d/ab", "d/a", "d/abc" }, { "d" },
          { "d/a", "d/ab", "d/abc" } },
        { { "d/", "d/e/", "d/e/f/", "d/e/f/g", "d/e/h/", "d/i" }, { "d", "d/e" },
          { "d/e/f/g", "d/i", "d/e/f/g" } },
        { { "d/", "d/.hidden", "d/..x", "d/new\nline" }, { "d" },
          { "d/..x", "d/.hidden", "d/new\nline" } }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char home[4096];
        size_t n = 0;
        enter(home, sizeof home);
        for (size_t k = 0; rows[i].made[k] != NULL; k++)
            make(rows[i].made[k]);
        while (rows[i].paths[n] != NULL)
            n++;
        expect(rows[i].paths, n, rows[i].expected);
        leave(home);
    }
}

static void links(void)
{
    static const char *const made[] = {
        "d/", "d/file", "d/to-file@file", "d/to-itself@../d", "d/broken@none",
        "d/pipe|", "to-d@d", "to-file@d/file"
    };
    static const char *const inside[] = { "d" }, *const given[] = {
        "to-d", "to-file"
    };
    char home[4096];
    enter(home, sizeof home);
    for (size_t i = 0; i < COUNT_OF(made); i++)
        make(made[i]);
    expect(inside, 1, (const char *const[]){ "d/file", NULL });
    expect(given, 2, (const char *const[]){ "to-d/file", "to-file", NULL });
    leave(home);
}

static void many_names(void)
{
    static const char *const paths[] = { "d" };
    struct mpipe__file_list *list = mpipe__file_list_new(paths, 1);
    const char *path;
    char home[4096], name[64];

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    enter(home, sizeof home);
    make("d/");
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "d/%03d", 7 * i % 500);
        make(name);
    }
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "d/%03d", i);
        CU_ASSERT_EQUAL_FATAL(mpipe__file_list_next(list, &path, NULL),
                              MPIPE_OK);
        CU_ASSERT_STRING_EQUAL(path, name);
    }
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, NULL), MPIPE_END);
    mpipe__file_list_free(list);
    leave(home);
}

static void refusals(void)
{
    static const struct { const char *made, *path, *words; } rows[] = {
        { "x", "none", "none: No such file or directory" },
        { "x", "", "(an empty path): No such file or directory" },
        { "x", "x/y", "x/y: Not a directory" },
        { "x", "x/", "x/: Not a directory" },
        { "p|", "p", "p: neither a regular file nor a directory" },
        { "l@l", "l", "l: Too many levels of symbolic links" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const paths[] = { "good", rows[i].path, "good" };
        struct mpipe__file_list *list = mpipe__file_list_new(paths, 3);
        struct mpipe_error err = { .code = MPIPE_OK };
        const char *path;
        char home[4096];
        CU_ASSERT_PTR_NOT_NULL_FATAL(list);
        enter(home, sizeof home);
        make("good");
        make(rows[i].made);
        CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_OK);
        CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_EIO);
        CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
        CU_ASSERT_STRING_EQUAL(err.text, rows[i].words);
        CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_OK);
        CU_ASSERT_STRING_EQUAL(path, "good");
        CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_END);
        mpipe__file_list_free(list);
        leave(home);
    }
}

/* A pattern stands for what matches, unless a file has just that name. */
static void patterns(void)
{
    static const struct { const char *pattern, *found; } rows[] = {
        { "*.txt", "a.txt b.txt " }, { "d/*", "d/x d/y " },
        { "?.txt", "a.txt b.txt " }, { "[b-z].txt", "b.txt " },
        { "odd*name", "odd*name " }, { "*.none", "EIO " }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *const paths[] = { rows[i].pattern, "a.txt" };
        struct mpipe__file_list *list = mpipe__file_list_new(paths, 2);
        struct mpipe_error err = { .code = MPIPE_OK };
        char home[4096], got[200] = "", want[200];
        const char *path;
        enum mpipe_err e;

        CU_ASSERT_PTR_NOT_NULL_FATAL(list);
        enter(home, sizeof home);
        make("b.txt");
        make("a.txt");
        make("d/");
        make("d/y");
        make("d/x");
        make("odd*name");
        make("odd or a name");
        while ((e = mpipe__file_list_next(list, &path, &err)) != MPIPE_END) {
            strcat(got, e == MPIPE_OK ? path : "EIO");
            strcat(got, " ");
        }
        snprintf(want, sizeof want, "%sa.txt ", rows[i].found);
        CU_ASSERT_STRING_EQUAL(got, want);
        mpipe__file_list_free(list);
        leave(home);
    }
}

/* A link to nowhere is found by its own name, but only once. */
static void pattern_of_itself(void)
{
    static const char *const paths[] = { "a*", "b" };
    struct mpipe__file_list *list = mpipe__file_list_new(paths, 2);
    struct mpipe_error err = { .code = MPIPE_OK };
    const char *path;
    char home[4096];

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    enter(home, sizeof home);
    CU_ASSERT_EQUAL(symlink("nowhere", "a*"), 0);
    make("b");
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_EIO);
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_OK);
    CU_ASSERT_STRING_EQUAL(path, "b");
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_END);
    mpipe__file_list_free(list);
    unlink("a*");
    leave(home);
}

/* What root may read anyway, a directory that has gone may not be. */
static void vanished_directory(void)
{
    static const char *const paths[] = { "d" };
    struct mpipe__file_list *list = mpipe__file_list_new(paths, 1);
    struct mpipe_error err = { .code = MPIPE_OK };
    const char *path;
    char home[4096];

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    enter(home, sizeof home);
    make("d/");
    make("d/a");
    make("d/b/");
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_OK);
    CU_ASSERT_EQUAL_FATAL(rmdir("d/b"), 0);
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, &err), MPIPE_EIO);
    CU_ASSERT_STRING_EQUAL(err.text, "d/b/: cannot open the directory: "
                                     "No such file or directory");
    mpipe__file_list_free(list);
    leave(home);
}

static void left_early(void)
{
    static const char *const paths[] = { "d", "d" };
    struct mpipe__file_list *list = mpipe__file_list_new(paths, 2);
    const char *path;
    char home[4096];

    CU_ASSERT_PTR_NOT_NULL_FATAL(list);
    enter(home, sizeof home);
    make("d/");
    make("d/e/");
    make("d/e/a");
    make("d/e/b");
    make("d/f");
    CU_ASSERT_EQUAL(mpipe__file_list_next(list, &path, NULL), MPIPE_OK);
    CU_ASSERT_STRING_EQUAL(path, "d/e/a");
    mpipe__file_list_free(list);
    mpipe__file_list_free(NULL);
    leave(home);
}

static const struct mpipe__test tests[] = {
    { "files come as given, and below a directory in byte order", orders },
    { "links are followed where given, and not inside a directory", links },
    { "a directory may have many names", many_names },
    { "what is no file is refused by name, and passed over", refusals },
    { "a pattern stands for what matches it", patterns },
    { "a pattern that matches itself is no circle", pattern_of_itself },
    { "a directory that has gone is an error by name", vanished_directory },
    { "a list can be left before its end", left_early },
    { NULL, NULL }
};

const struct mpipe__suite suite_file_list = { "file_list", tests };
