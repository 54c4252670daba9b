/* SPDX-License-Identifier: BSD-3-Clause */
/* sink_file.c - a file of results is complete or absent. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sink_file.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
    const char *data;
    size_t size;
};

/* A fresh directory; 'path' is for a file in it. */
static void enter(char *dir, char *path)
{
    strcpy(dir, "test-sink_file.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    sprintf(path, "%s/out", dir);
}

static void leave(const char *dir, const char *path)
{
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(dir), 0);     /* and nothing else was left in it */
}

static unsigned entries(const char *dir)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}

static enum mpipe_err put(struct mpipe__sink_file *s, const char *data,
                          size_t size)
{
    struct mpipe_item item = { data, size };
    return mpipe__sink_file_put(&item, s);
}

static void expect_file(const char *path, const char *data, size_t size)
{
    char *got = malloc(size + 1);
    FILE *f = fopen(path, "r");
    CU_ASSERT_FATAL(f != NULL && got != NULL);
    CU_ASSERT_EQUAL_FATAL(fread(got, 1, size + 1, f), size);
    CU_ASSERT(memcmp(got, data, size) == 0);
    fclose(f);
    free(got);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

static void results(void)
{
    static const struct {
        const char *end;
        struct text result[4], file;
    } rows[] = {
        { "\n", { { NULL, 0 } }, TEXT("") },
        { "\n", { TEXT("one") }, TEXT("one\n") },
        { "\n", { TEXT("one"), TEXT(""), TEXT("a\0b") },
          TEXT("one\n\na\0b\n") },
        { "", { TEXT("one"), TEXT("two") }, TEXT("onetwo") },
        { NULL, { TEXT("one"), TEXT("two") }, TEXT("onetwo") },
        { "\r\n", { TEXT("one"), TEXT("two") }, TEXT("one\r\ntwo\r\n") }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe_error err = { .code = MPIPE_OK };
        char dir[32], path[64];
        struct mpipe__sink_file *s;
        enter(dir, path);
        s = mpipe__sink_file_new(path, rows[i].end);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        for (const struct text *t = rows[i].result; t->data != NULL; t++) {
            CU_ASSERT_EQUAL(put(s, t->data, t->size), MPIPE_OK);
            CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
        }
        CU_ASSERT_EQUAL(mpipe__sink_file_close(s, MPIPE_OK, &err), MPIPE_OK);
        CU_ASSERT_EQUAL(err.code, MPIPE_OK);
        mpipe__sink_file_free(s);
        expect_file(path, rows[i].file.data, rows[i].file.size);
        leave(dir, path);
    }
}

/* Results around the size of the buffer, with what is in it before them. */
static void large_results(void)
{
    static const size_t sizes[] = {
        262143, 262144, 262145, 1, 262142, 3, 262141, 1000000, 5, 0, 262144
    };
    char dir[32], path[64], *all = malloc(4000000);
    struct mpipe__sink_file *s;
    size_t n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(all);
    enter(dir, path);
    s = mpipe__sink_file_new(path, "\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        memset(all + n, (int)('a' + i), sizes[i]);
        CU_ASSERT_EQUAL(put(s, all + n, sizes[i]), MPIPE_OK);
        n += sizes[i];
        all[n++] = '\n';
    }
    CU_ASSERT_EQUAL(mpipe__sink_file_close(s, MPIPE_OK, NULL), MPIPE_OK);
    mpipe__sink_file_free(s);
    expect_file(path, all, n);
    free(all);
    leave(dir, path);
}

static void bad_ends(void)
{
    static const enum mpipe_err ends[] = {
        MPIPE_EFAILED, MPIPE_EINTR, MPIPE_ESTAGE, MPIPE_ENOMEM
    };
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char dir[32], path[64];
        struct mpipe__sink_file *s;
        enter(dir, path);
        write_text(path, "before");
        s = mpipe__sink_file_new(path, "\n");
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CU_ASSERT_EQUAL(put(s, "after", 5), MPIPE_OK);
        CU_ASSERT_EQUAL(entries(dir), 2);
        CU_ASSERT_EQUAL(mpipe__sink_file_close(s, ends[i], NULL), MPIPE_OK);
        CU_ASSERT_EQUAL(entries(dir), 1);
        mpipe__sink_file_free(s);
        expect_file(path, "before", 6);
        leave(dir, path);
    }
}

static void never_closed(void)
{
    char dir[32], path[64];
    struct mpipe__sink_file *s;
    enter(dir, path);
    s = mpipe__sink_file_new(path, "\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(entries(dir), 0);
    CU_ASSERT_EQUAL(put(s, "x", 1), MPIPE_OK);
    CU_ASSERT_EQUAL(entries(dir), 1);
    mpipe__sink_file_free(s);
    mpipe__sink_file_free(NULL);
    CU_ASSERT_EQUAL(entries(dir), 0);
    leave(dir, path);
}

static void replaced_file(void)
{
    char dir[32], path[64], real[64];
    struct mpipe__sink_file *s;
    struct stat st;
    enter(dir, path);
    sprintf(real, "%s/real", dir);
    write_text(real, "before, and longer");
    CU_ASSERT_EQUAL(chmod(real, 0640), 0);
    CU_ASSERT_EQUAL_FATAL(symlink("real", path), 0);
    s = mpipe__sink_file_new(path, "\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(put(s, "after", 5), MPIPE_OK);
    expect_file(real, "before, and longer", 18);
    CU_ASSERT_EQUAL(mpipe__sink_file_close(s, MPIPE_OK, NULL), MPIPE_OK);
    mpipe__sink_file_free(s);
    expect_file(real, "after\n", 6);
    CU_ASSERT_EQUAL(lstat(path, &st), 0);
    CU_ASSERT(S_ISLNK(st.st_mode));
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
    unlink(real);
    leave(dir, path);
}

static void taken_name(void)
{
    char dir[32], path[64], part[96];
    struct mpipe__sink_file *s;
    enter(dir, path);
    sprintf(part, "%s.%ld-0.part", path, (long)getpid());
    write_text(part, "another's");
    s = mpipe__sink_file_new(path, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(put(s, "mine", 4), MPIPE_OK);
    CU_ASSERT_EQUAL(mpipe__sink_file_close(s, MPIPE_OK, NULL), MPIPE_OK);
    mpipe__sink_file_free(s);
    expect_file(part, "another's", 9);
    expect_file(path, "mine", 4);
    unlink(part);
    leave(dir, path);
}

/* Runs put, put, close with the pipe's end as stdout. */
static enum mpipe_err to_stdout(int fd, struct mpipe_error *err)
{
    struct mpipe__sink_file *s = mpipe__sink_file_new("-", "\n");
    int saved;
    enum mpipe_err e;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    CU_ASSERT_FATAL(saved >= 0);
    dup2(fd, STDOUT_FILENO);
    printf("said before, ");
    e = put(s, "one", 3);
    if (e == MPIPE_OK)
        e = put(s, "two", 3);
    if (mpipe__sink_file_close(s, e, err) != e)
        e = MPIPE_EINTERNAL;
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    mpipe__sink_file_free(s);
    return e;
}

static void standard_output(void)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    char got[64];
    int fd[2];

    CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
    CU_ASSERT_EQUAL(to_stdout(fd[1], &err), MPIPE_OK);
    close(fd[1]);
    CU_ASSERT_EQUAL_FATAL(read(fd[0], got, sizeof got), 21);
    CU_ASSERT(memcmp(got, "said before, one\ntwo\n", 21) == 0);
    close(fd[0]);
    CU_ASSERT_EQUAL(err.code, MPIPE_OK);
}

static void stop(int signal_number)
{
    (void)signal_number;
    CU_FAIL("SIGPIPE came");
}

/* To a FIFO: SIGPIPE, whatever the program does about it, must not come. */
static void closed_pipe(void)
{
    struct sigaction mine = { .sa_handler = stop }, old;
    struct mpipe_error err = { .code = MPIPE_OK };
    char dir[32], path[64], got[8], words[128];
    struct mpipe__sink_file *s;
    sigset_t pending;
    int fd;

    enter(dir, path);
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    fd = open(path, O_RDONLY | O_NONBLOCK);
    CU_ASSERT_FATAL(fd >= 0);
    sigaction(SIGPIPE, &mine, &old);
    s = mpipe__sink_file_new(path, "\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(put(s, "at once", 7), MPIPE_OK);
    CU_ASSERT_EQUAL(read(fd, got, sizeof got), 8);
    CU_ASSERT(memcmp(got, "at once\n", 8) == 0);
    close(fd);
    CU_ASSERT_EQUAL(put(s, "x", 1), MPIPE_EIO);
    CU_ASSERT_EQUAL(put(s, "x", 1), MPIPE_EIO);
    CU_ASSERT_EQUAL(mpipe__sink_file_close(s, MPIPE_EIO, &err), MPIPE_EIO);
    snprintf(words, sizeof words, "%s: cannot write: Broken pipe", path);
    CU_ASSERT_STRING_EQUAL(err.text, words);
    sigpending(&pending);
    CU_ASSERT_EQUAL(sigismember(&pending, SIGPIPE), 0);
    mpipe__sink_file_free(s);
    sigaction(SIGPIPE, &old, NULL);
    leave(dir, path);
}

static void full_disk(void)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    struct mpipe__sink_file *s = mpipe__sink_file_new("/dev/full", "\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CU_ASSERT_EQUAL(put(s, "x", 1), MPIPE_EIO);
    CU_ASSERT_EQUAL(mpipe__sink_file_close(s, MPIPE_EIO, &err), MPIPE_EIO);
    CU_ASSERT_STRING_EQUAL(err.text, "/dev/full: cannot write: "
                                     "No space left on device");
    mpipe__sink_file_free(s);
}

/* The buffer hides it until close, which must tell, and leave no file. */
static void late_error(void)
{
    struct rlimit old, small;
    struct sigaction ignore = { .sa_handler = SIG_IGN }, action;
    struct mpipe_error err = { .code = MPIPE_OK };
    char dir[32], path[64];
    struct mpipe__sink_file *s;

    enter(dir, path);
    s = mpipe__sink_file_new(path, "\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    fflush(NULL);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4;
    sigaction(SIGXFSZ, &ignore, &action);
    CU_ASSERT_EQUAL(put(s, "12345", 5), MPIPE_OK);
    setrlimit(RLIMIT_FSIZE, &small);
    (void)mpipe__sink_file_close(s, MPIPE_OK, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    sigaction(SIGXFSZ, &action, NULL);
    CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/out: cannot write: File too"));
    mpipe__sink_file_free(s);
    CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    leave(dir, path);
}

static void no_such_place(void)
{
    static const struct { const char *path, *words; } rows[] = {
        { "no/such/dir/out", "no/such/dir/out: cannot make a file beside it: "
                             "No such file or directory" },
        { ".", ".: cannot open: Is a directory" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (int with_result = 0; with_result < 2; with_result++) {
            struct mpipe__sink_file *s = mpipe__sink_file_new(rows[i].path,
                                                              "\n");
            struct mpipe_error err = { .code = MPIPE_OK };
            enum mpipe_err e = MPIPE_OK;
            CU_ASSERT_PTR_NOT_NULL_FATAL(s);
            if (with_result) {
                e = put(s, "x", 1);
                CU_ASSERT_EQUAL(e, MPIPE_EIO);
            }
            CU_ASSERT_EQUAL(mpipe__sink_file_close(s, e, &err), MPIPE_EIO);
            CU_ASSERT_STRING_EQUAL(err.text, rows[i].words);
            mpipe__sink_file_free(s);
        }
}

/* What a killed run has left is taken over, but not what is still being written. */
static void journal_names(void)
{
    char dir[32], path[64], left[80];
    struct mpipe__options options;
    struct mpipe__sink_file *s[2];

    enter(dir, path);
    mpipe__options_default(&options);
    strcpy(options.journal, "somewhere");
    sprintf(left, "%s.journal.part", path);
    write_text(left, "what a killed run has left");
    for (unsigned i = 0; i < 2; i++) {
        s[i] = mpipe__sink_file_new(path, "\n");
        CU_ASSERT_PTR_NOT_NULL_FATAL(s[i]);
        mpipe__sink_file_options(s[i], &options);
        CU_ASSERT_EQUAL(put(s[i], i == 0 ? "first" : "2nd", i == 0 ? 5 : 3),
                        MPIPE_OK);
        CU_ASSERT_EQUAL(entries(dir), i + 1);
    }
    CU_ASSERT_EQUAL(mpipe__sink_file_close(s[0], MPIPE_OK, NULL), MPIPE_OK);
    expect_file(path, "first\n", 6);
    CU_ASSERT_EQUAL(mpipe__sink_file_close(s[1], MPIPE_OK, NULL), MPIPE_OK);
    expect_file(path, "2nd\n", 4);
    mpipe__sink_file_free(s[0]);
    mpipe__sink_file_free(s[1]);
    leave(dir, path);
}

static const struct mpipe__test tests[] = {
    { "each result is followed by the end given", results },
    { "results may be larger than the buffer", large_results },
    { "after a bad end the file is as it was", bad_ends },
    { "without a close nothing is left", never_closed },
    { "a link and the permissions stay when a file is replaced",
      replaced_file },
    { "another's temporary file is left alone", taken_name },
    { "stdout has the results behind what was printed", standard_output },
    { "a pipe gets each result at once, and its end is an error, no signal",
      closed_pipe },
    { "a full disk is an error with its words", full_disk },
    { "an error at the end leaves no file", late_error },
    { "a place that cannot be is an error, with results or without",
      no_such_place },
    { "two jobs with journals do not write into one file", journal_names },
    { NULL, NULL }
};

const struct mpipe__suite suite_sink_file = { "sink_file", tests };
