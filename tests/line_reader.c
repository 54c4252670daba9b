/* SPDX-License-Identifier: BSD-3-Clause */
/* line_reader.c - lines out of files and pipes, whatever the pieces. */
#include <stdbool.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "line_reader.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
    const char *data;
    size_t size;
};

/* A file of its own, in the current directory. */
static void make(char *name, const char *data, size_t size)
{
    int fd;
    strcpy(name, "test-line_reader.XXXXXX");
    fd = mkstemp(name);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, data, size), (ssize_t)size);
    close(fd);
}

static void expect_line(struct mpipe__line_reader *r, const char *data,
                        size_t size)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    const char *line = NULL;
    size_t n = 0;
    CU_ASSERT_EQUAL(mpipe__line_reader_next(r, &line, &n, UINT64_MAX, &err),
                    MPIPE_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
    CU_ASSERT_EQUAL_FATAL(n, size);
    CU_ASSERT(memcmp(line, data, size) == 0);
}

static void expect_code(struct mpipe__line_reader *r, enum mpipe_err code)
{
    const char *line;
    size_t size;
    CU_ASSERT_EQUAL(mpipe__line_reader_next(r, &line, &size, 1024, NULL),
                    code);
}

static void lines(void)
{
    static const struct { struct text file, line[5]; } rows[] = {
        { TEXT(""), { { NULL, 0 } } },
        { TEXT("a"), { TEXT("a") } },
        { TEXT("a\n"), { TEXT("a") } },
        { TEXT("\n"), { TEXT("") } },
        { TEXT("\n\n\n"), { TEXT(""), TEXT(""), TEXT("") } },
        { TEXT("a\n\nb"), { TEXT("a"), TEXT(""), TEXT("b") } },
        { TEXT("a\r\nb\r\n"), { TEXT("a\r"), TEXT("b\r") } },
        { TEXT("a\rb\n\r"), { TEXT("a\rb"), TEXT("\r") } },
        { TEXT("\0a\0\n\0"), { TEXT("\0a\0"), TEXT("\0") } }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char name[32];
        const char *const paths[] = { name };
        struct mpipe__line_reader *r;
        make(name, rows[i].file.data, rows[i].file.size);
        r = mpipe__line_reader_new(paths, 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        for (const struct text *t = rows[i].line; t->data != NULL; t++)
            expect_line(r, t->data, t->size);
        expect_code(r, MPIPE_END);
        expect_code(r, MPIPE_END);
        mpipe__line_reader_free(r);
        unlink(name);
    }
}

static void several_files(void)
{
    char one[32], none[32], two[32];
    const char *const paths[] = { one, none, two, one };
    struct mpipe__line_reader *r = NULL;

    make(one, "first\nno end", 12);
    make(none, "", 0);
    make(two, "\nlast\n", 6);
    r = mpipe__line_reader_new(paths, COUNT_OF(paths));
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    expect_line(r, "first", 5);
    expect_line(r, "no end", 6);
    expect_line(r, "", 0);
    expect_line(r, "last", 4);
    expect_line(r, "first", 5);
    mpipe__line_reader_free(r);
    unlink(one);
    unlink(none);
    unlink(two);
}

/* Lines of all lengths, so that each border of the buffer falls into one. */
static void long_lines(void)
{
    static const size_t sizes[] = {
        1, 131071, 131072, 131073, 0, 5, 1000000, 3, 300000, 299999, 65536
    };
    char name[32], *all = malloc(4000000);
    const char *const paths[] = { name };
    struct mpipe__line_reader *r;
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            all[n++] = (char)('a' + k % 25);
        all[n++] = '\n';
    }
    for (size_t i = 0; i < 50000; i++, n += 10)
        memcpy(all + n, "short one\n", 10);
    make(name, all, n);
    r = mpipe__line_reader_new(paths, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    n = 0;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        expect_line(r, all + n, sizes[i]);
        n += sizes[i] + 1;
    }
    for (size_t i = 0; i < 50000; i++)
        expect_line(r, "short one", 9);
    expect_code(r, MPIPE_END);
    mpipe__line_reader_free(r);
    unlink(name);
    free(all);
}

static void put(int fd, const char *text)
{
    CU_ASSERT_EQUAL_FATAL(write(fd, text, strlen(text)),
                          (ssize_t)strlen(text));
}

/* Through a FIFO, which is there before anybody writes to it. */
static void pieces(void)
{
    char name[32];
    const char *const paths[] = { name };
    struct mpipe__line_reader *r = mpipe__line_reader_new(paths, 0);
    int fd;

    mpipe__line_reader_free(r);     /* stdin is not even looked at */
    make(name, "", 0);
    unlink(name);
    CU_ASSERT_EQUAL_FATAL(mkfifo(name, 0600), 0);
    r = mpipe__line_reader_new(paths, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    expect_code(r, MPIPE_AGAIN);
    fd = open(name, O_WRONLY);
    CU_ASSERT_FATAL(fd >= 0);
    expect_code(r, MPIPE_AGAIN);
    put(fd, "in ");
    expect_code(r, MPIPE_AGAIN);
    put(fd, "pieces\nand");
    expect_line(r, "in pieces", 9);
    expect_code(r, MPIPE_AGAIN);
    put(fd, "\n");
    expect_line(r, "and", 3);
    put(fd, "x\ny\nz");
    expect_line(r, "x", 1);
    expect_line(r, "y", 1);
    expect_code(r, MPIPE_AGAIN);
    close(fd);
    expect_line(r, "z", 1);
    expect_code(r, MPIPE_END);
    mpipe__line_reader_free(r);
    unlink(name);
}

/* Runs 'next' once with 'fd' (-1: closed) as stdin. */
static enum mpipe_err with_stdin(int fd, struct mpipe__line_reader *r,
                                 const char **line, size_t *size,
                                 struct mpipe_error *err)
{
    int saved = dup(STDIN_FILENO);
    enum mpipe_err e;
    if (fd >= 0)
        dup2(fd, STDIN_FILENO);
    else
        close(STDIN_FILENO);
    e = mpipe__line_reader_next(r, line, size, 100, err);
    if (saved >= 0)
        dup2(saved, STDIN_FILENO);
    else
        close(STDIN_FILENO);
    close(saved);
    return e;
}

static void standard_input(void)
{
    struct mpipe__line_reader *r = mpipe__line_reader_new(NULL, 0);
    struct mpipe_error err = { .code = MPIPE_OK };
    const char *line = NULL;
    size_t size = 0;
    int fd[2];

    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
    put(fd[1], "from stdin\nrest");
    close(fd[1]);
    CU_ASSERT_EQUAL(with_stdin(fd[0], r, &line, &size, &err), MPIPE_OK);
    CU_ASSERT_EQUAL_FATAL(size, 10);
    CU_ASSERT(memcmp(line, "from stdin", 10) == 0);
    CU_ASSERT_EQUAL(with_stdin(fd[0], r, &line, &size, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(size, 4);
    CU_ASSERT_EQUAL(with_stdin(fd[0], r, &line, &size, &err), MPIPE_END);
    mpipe__line_reader_free(r);

    r = mpipe__line_reader_new((const char *const[]){ "-" }, 1);
    CU_ASSERT_EQUAL(with_stdin(-1, r, &line, &size, &err), MPIPE_EIO);
    CU_ASSERT_STRING_EQUAL(err.text, "stdin: cannot read: "
                                     "Bad file descriptor");
    mpipe__line_reader_free(r);
    close(fd[0]);
}

static void limits(void)
{
    static const struct { const char *text; enum mpipe_err e; } rows[] = {
        { "one\nabcde\n", MPIPE_OK }, { "one\nabcde", MPIPE_OK },
        { "one\nabcdef\n", MPIPE_ETOOBIG }, { "one\nabcdef", MPIPE_ETOOBIG },
        { "one\nabcdefghi\nx\n", MPIPE_ETOOBIG }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe_error err = { .code = MPIPE_OK };
        char name[32], words[128];
        const char *const paths[] = { name };
        const char *line;
        size_t size;
        struct mpipe__line_reader *r;
        make(name, rows[i].text, strlen(rows[i].text));
        r = mpipe__line_reader_new(paths, 1);
        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        expect_line(r, "one", 3);
        CU_ASSERT_EQUAL(mpipe__line_reader_next(r, &line, &size, 5, &err),
                        rows[i].e);
        snprintf(words, sizeof words, "%s: line 2 is longer than 5 bytes: "
                 "allow more with --max-item", name);
        CU_ASSERT_STRING_EQUAL(err.text, rows[i].e == MPIPE_OK ? "" : words);
        mpipe__line_reader_free(r);
        unlink(name);
    }
}

/* The limit is for lines: a piece that is read may be longer. */
static void endless_line(void)
{
    const char *const paths[] = { "/dev/zero" };
    struct mpipe__line_reader *r = mpipe__line_reader_new(paths, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    expect_code(r, MPIPE_ETOOBIG);
    mpipe__line_reader_free(r);
}

static void unreadable(void)
{
    static const struct { const char *path, *words; } rows[] = {
        { "no-such-file", "no-such-file: cannot open: "
                          "No such file or directory" },
        { ".", ".: cannot read: Is a directory" },
        { "", ": cannot open: No such file or directory" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe_error err = { .code = MPIPE_OK };
        struct mpipe__line_reader *r = mpipe__line_reader_new(&rows[i].path, 1);
        const char *line;
        size_t size;
        CU_ASSERT_PTR_NOT_NULL_FATAL(r);
        CU_ASSERT_EQUAL(mpipe__line_reader_next(r, &line, &size, 10, &err),
                        MPIPE_EIO);
        CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
        CU_ASSERT_STRING_EQUAL(err.text, rows[i].words);
        mpipe__line_reader_free(r);
    }
}

static const struct mpipe__test tests[] = {
    { "a line ends with a newline or with its file", lines },
    { "files follow one another, each with its own last line",
      several_files },
    { "lines may be longer than the buffer", long_lines },
    { "what comes in pieces is put together without waiting", pieces },
    { "no path is stdin, and a closed stdin is an error", standard_input },
    { "a line over the limit is refused by file and number", limits },
    { "an endless line is refused in time", endless_line },
    { "a file that cannot be read is an error by name", unreadable },
    { NULL, NULL }
};

const struct mpipe__suite suite_line_reader = { "line_reader", tests };
