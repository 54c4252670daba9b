/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of journal.c: what is written is read, however the file ends; each byte of
 * a file is damaged in turn. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "journal.h"
#include "suite.h"

static char dir[32], path[64];

struct taken {
    unsigned n;
    size_t bytes;
    char last[64];
};

static enum mpipe_err take(void *arg, const struct mpipe__journal_reader *r,
                           struct mpipe_error *err)
{
    struct taken *t = arg;

    (void)err;
    t->n++;
    t->bytes += r->size;
    snprintf(t->last, sizeof t->last, "%.*s", (int)r->size, r->data);
    return MPIPE_OK;
}

static void begin(void)
{
    strcpy(dir, "journal-XXXXXX");
    CU_ASSERT_FATAL(mkdtemp(dir) != NULL);
    sprintf(path, "%s/one", dir);
}

static void end(void)
{
    unlink(path);
    rmdir(dir);
}

static enum mpipe_err reopen(struct mpipe__journal *j, struct taken *t,
                             struct mpipe_error *err)
{
    *t = (struct taken){ .n = 0 };
    *err = (struct mpipe_error){ MPIPE_OK, -1, "" };
    return mpipe__journal_open(j, dir, "one", take, t, err);
}

/* "word", in two pieces. */
static void put(struct mpipe__journal *j, const char *word)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct iovec piece[2] = { { (void *)(uintptr_t)word, 1 },
                              { (void *)(uintptr_t)(word + 1),
                                strlen(word + 1) } };

    CU_ASSERT_EQUAL(mpipe__journal_append(j, MPIPE__JOURNAL_ROOT, piece, 2,
                                          &err), MPIPE_OK);
}

static off_t file_size(void)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : -1;
}

static void written_and_read(void)
{
    struct mpipe__journal j;
    struct mpipe__journal_reader r = { .at = 0 };
    struct mpipe_error err;
    struct taken t;

    begin();
    CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(t.n, 0);
    put(&j, "one");
    CU_ASSERT_EQUAL(mpipe__journal_sync(&j, &err), MPIPE_OK);
    put(&j, "two");
    put(&j, "sixteen letters.");
    CU_ASSERT_EQUAL(mpipe__journal_flush(&j, &err), MPIPE_OK);
    put(&j, "lost");                /* in the buffer when the process dies */
    mpipe__journal_close(&j);

    CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(t.n, 3);
    CU_ASSERT_EQUAL(j.torn, 0);
    CU_ASSERT_STRING_EQUAL(t.last, "sixteen letters.");
    put(&j, "four");
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(mpipe__journal_read(&j, &r, (uint64_t)file_size(),
                                            &err), MPIPE_OK);
    CU_ASSERT_EQUAL(r.size, 16);
    CU_ASSERT_EQUAL(mpipe__journal_read(&j, &r, (uint64_t)file_size(), &err),
                    MPIPE_END);
    mpipe__journal_reader_free(&r);
    CU_ASSERT_EQUAL(mpipe__journal_sync(&j, &err), MPIPE_OK);
    mpipe__journal_close(&j);
    CU_ASSERT_EQUAL(reopen(&j, &t, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(t.n, 4);
    mpipe__journal_close(&j);
    end();
}

static void large_records(void)
{
    static char large[700000];
    struct iovec piece = { large, sizeof large };
    struct mpipe__journal j;
    struct mpipe_error err;
    struct taken t;

    memset(large, 'x', sizeof large);
    begin();
    CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
    put(&j, "before");
    CU_ASSERT_EQUAL(mpipe__journal_append(&j, MPIPE__JOURNAL_ROOT, &piece, 1,
                                          &err), MPIPE_OK);
    piece.iov_len = 200000;
    for (unsigned i = 0; i < 3; i++)
        mpipe__journal_append(&j, MPIPE__JOURNAL_ROOT, &piece, 1, &err);
    CU_ASSERT_EQUAL(mpipe__journal_flush(&j, &err), MPIPE_OK);
    mpipe__journal_close(&j);
    CU_ASSERT_EQUAL(reopen(&j, &t, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(t.n, 5);
    CU_ASSERT_EQUAL(t.bytes, 6 + sizeof large + 600000);
    mpipe__journal_close(&j);
    end();
}

/* Ten words, brought to the disk after the fourth and the eighth. */
static off_t ten_words(void)
{
    struct mpipe__journal j;
    struct mpipe_error err;
    struct taken t;
    char word[8];

    CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
    for (unsigned i = 1; i <= 10; i++) {
        sprintf(word, "w%u", i);
        put(&j, word);
        if (i % 4 == 0)
            CU_ASSERT_EQUAL(mpipe__journal_sync(&j, &err), MPIPE_OK);
    }
    CU_ASSERT_EQUAL(mpipe__journal_flush(&j, &err), MPIPE_OK);
    mpipe__journal_close(&j);
    return file_size();
}

/* However much of it is there, its beginning is what was written, and it can be
 * written on. */
static void torn_anywhere(void)
{
    struct mpipe__journal j;
    struct mpipe_error err;
    struct taken t;
    off_t whole;
    unsigned before = 10;

    begin();
    whole = ten_words();
    for (off_t size = whole; size >= 0; size--) {
        unlink(path);
        ten_words();
        CU_ASSERT_EQUAL(truncate(path, size), 0);
        CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
        CU_ASSERT(t.n <= before && before - t.n <= 1);
        /* of the last record all but some zeros may be there */
        CU_ASSERT_EQUAL(j.torn, (uint64_t)(size - file_size()));
        before = t.n;
        put(&j, "more");
        CU_ASSERT_EQUAL(mpipe__journal_flush(&j, &err), MPIPE_OK);
        mpipe__journal_close(&j);
        CU_ASSERT_EQUAL(reopen(&j, &t, &err), MPIPE_OK);
        CU_ASSERT_EQUAL(t.n, before + 1);
        CU_ASSERT_STRING_EQUAL(t.last, "more");
        mpipe__journal_close(&j);
    }
    CU_ASSERT_EQUAL(before, 0);
    end();
}

static void flip(off_t at)
{
    int fd = open(path, O_RDWR);
    char c = 0;

    CU_ASSERT_EQUAL(pread(fd, &c, 1, at), 1);
    c = (char)(c ^ 0x10);
    CU_ASSERT_EQUAL(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

/* One wrong byte: refused in what a mark vouches for, else the rest is cut off;
 * what is read is never anything but what was written. */
static void damaged_anywhere(void)
{
    struct mpipe__journal j;
    struct mpipe_error err;
    struct taken t;
    off_t whole, unvouched = 0;
    unsigned refused = 0, cut = 0, harmless = 0;

    begin();
    whole = ten_words();
    for (off_t at = 0; at < whole; at++) {
        enum mpipe_err e;

        unlink(path);
        ten_words();
        flip(at);
        e = reopen(&j, &t, &err);
        if (e == MPIPE_OK) {
            char want[8];
            sprintf(want, "w%u", t.n);
            CU_ASSERT(t.n == 0 || strcmp(t.last, want) == 0);
            CU_ASSERT(t.n >= 8 || j.torn > 0);
            cut += j.torn > 0;
            harmless += j.torn == 0;        /* of the zeros behind a record */
            CU_ASSERT(j.torn > 0 || t.n == 10);
            if (j.torn > 0 && unvouched == 0)
                unvouched = at;
            mpipe__journal_close(&j);
        } else {
            CU_ASSERT_EQUAL(e, MPIPE_EIO);
            CU_ASSERT(strstr(err.text, path) != NULL);
            CU_ASSERT(strstr(err.text, "damaged") != NULL
                      || strstr(err.text, "no journal") != NULL);
            CU_ASSERT(at < 4 || unvouched == 0);
            CU_ASSERT_EQUAL(file_size(), whole);    /* it is left as it was */
            refused++;
        }
    }
    CU_ASSERT(refused > (unsigned)whole / 2);
    CU_ASSERT(cut > 80);
    CU_ASSERT(harmless < (unsigned)whole / 4);
    end();
}

/* A record that stands where another was is none, though it is whole. */
static void elsewhere(void)
{
    struct mpipe__journal j;
    struct mpipe_error err;
    struct taken t;
    char record[40];                /* of each of the words */
    off_t whole;
    int fd;

    begin();
    whole = ten_words();
    fd = open(path, O_RDWR);
    CU_ASSERT_EQUAL(pread(fd, record, 40, whole - 80), 40);
    CU_ASSERT_EQUAL(pwrite(fd, record, 40, whole - 40), 40);
    close(fd);
    CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(t.n, 9);
    CU_ASSERT_EQUAL(j.torn, 40);
    mpipe__journal_close(&j);
    end();
}

static void no_journal(void)
{
    struct mpipe__journal j;
    struct mpipe_error err;
    struct taken t;
    FILE *file;

    begin();
    file = fopen(path, "w");
    fputs("a letter to somebody", file);
    fclose(file);
    CU_ASSERT_EQUAL(reopen(&j, &t, &err), MPIPE_EIO);
    CU_ASSERT(strstr(err.text, "no journal") != NULL);
    CU_ASSERT_EQUAL(file_size(), 20);
    unlink(path);
    mkdir(path, 0700);
    CU_ASSERT_EQUAL(reopen(&j, &t, &err), MPIPE_EIO);
    CU_ASSERT(strstr(err.text, "cannot open") != NULL);
    rmdir(path);
    end();
}

/* The lock of a process that lives is respected, and goes with it. */
static void one_at_a_time(void)
{
    struct mpipe__journal j;
    struct mpipe_error err;
    struct taken t;
    int at[2], status;
    char c;
    pid_t child;

    begin();
    CU_ASSERT_EQUAL_FATAL(pipe(at), 0);
    child = fork();
    if (child == 0) {
        reopen(&j, &t, &err);
        if (write(at[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    CU_ASSERT_FATAL(child > 0);
    CU_ASSERT_EQUAL(read(at[0], &c, 1), 1);
    CU_ASSERT_EQUAL(reopen(&j, &t, &err), MPIPE_EIO);
    CU_ASSERT(strstr(err.text, "another job has it open") != NULL);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    CU_ASSERT_EQUAL(reopen(&j, &t, &err), MPIPE_OK);
    mpipe__journal_close(&j);
    close(at[0]);
    close(at[1]);
    end();
}

static void full_disk(void)
{
    static char large[300000];
    struct iovec piece = { large, sizeof large };
    struct mpipe__journal j;
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct taken t;

    begin();
    CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
    close(j.fd);
    j.fd = open("/dev/full", O_RDWR);
    if (j.fd < 0) {
        printf("SKIPPED: there is no /dev/full here ");
    } else {
        CU_ASSERT_EQUAL(mpipe__journal_append(&j, MPIPE__JOURNAL_ROOT, &piece,
                                              1, &err), MPIPE_EIO);
        CU_ASSERT(strstr(err.text, "No space left") != NULL);
    }
    mpipe__journal_close(&j);
    end();
}

/* What is under way to the disk is marked once it is there. */
static void marked_later(void)
{
    struct mpipe__journal j;
    struct mpipe_error err;
    struct taken t;
    uint64_t size;

    begin();
    CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
    put(&j, "one");
    size = j.size;
    CU_ASSERT_EQUAL(mpipe__journal_sync_begin(&j, &err), MPIPE_OK);
    for (unsigned i = 0; i < 5000 && j.marked == 0; i++) {
        CU_ASSERT_EQUAL(mpipe__journal_sync_begin(&j, &err), MPIPE_OK);
        usleep(1000);
    }
    CU_ASSERT_EQUAL(j.marked, j.size);
    CU_ASSERT(j.size > size);
    size = j.size;
    CU_ASSERT_EQUAL(mpipe__journal_sync_begin(&j, &err), MPIPE_OK);
    CU_ASSERT_EQUAL(j.syncing, 0);      /* a mark alone is nothing new */
    CU_ASSERT_EQUAL(j.size, size);
    mpipe__journal_close(&j);
    end();
}

/* The mark that comes then vouches for what was there when that began, and not for
 * what was written since. */
static void marked_meanwhile(void)
{
    for (unsigned wrong = 0; wrong < 2; wrong++) {
        struct mpipe__journal j;
        struct mpipe_error err;
        struct taken t;
        off_t first;

        begin();
        CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
        put(&j, "one");
        first = (off_t)j.size;
        CU_ASSERT_EQUAL(mpipe__journal_sync_begin(&j, &err), MPIPE_OK);
        put(&j, "two");
        for (unsigned i = 0; i < 5000 && j.marked == 0; i++) {
            CU_ASSERT_EQUAL(mpipe__journal_sync_begin(&j, &err), MPIPE_OK);
            usleep(1000);
        }
        CU_ASSERT_EQUAL(j.marked, (uint64_t)first);
        CU_ASSERT_EQUAL(mpipe__journal_flush(&j, &err), MPIPE_OK);
        mpipe__journal_close(&j);
        flip(wrong == 0 ? first + 32 : first - 8);      /* of "two", or "one" */
        CU_ASSERT_EQUAL(reopen(&j, &t, &err), wrong == 0 ? MPIPE_OK : MPIPE_EIO);
        CU_ASSERT_EQUAL(t.n, wrong == 0 ? 1 : 0);
        mpipe__journal_close(&j);
        end();
    }
}

/* What cannot be brought to the disk is an error, at once or later. */
static void no_disk(void)
{
    for (unsigned later = 0; later < 2; later++) {
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe__journal j;
        struct taken t;
        int at[2];

        begin();
        CU_ASSERT_EQUAL_FATAL(reopen(&j, &t, &err), MPIPE_OK);
        put(&j, "one");
        CU_ASSERT_EQUAL(mpipe__journal_flush(&j, &err), MPIPE_OK);
        CU_ASSERT_EQUAL_FATAL(pipe(at), 0);
        close(j.fd);
        j.fd = at[1];                   /* which cannot be synced */
        if (!later)
            mpipe__journal_sync(&j, &err);
        for (unsigned i = 0; later && i < 5000 && err.code == MPIPE_OK; i++) {
            mpipe__journal_sync_begin(&j, &err);
            usleep(1000);
        }
        CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
        CU_ASSERT(strstr(err.text, "cannot bring to the disk") != NULL);
        mpipe__journal_close(&j);
        close(at[0]);
        end();
    }
}

static const struct mpipe__test tests[] = {
    { "what was flushed is read again, and written on", written_and_read },
    { "records larger than the buffer", large_records },
    { "a file that ends anywhere", torn_anywhere },
    { "a wrong byte anywhere", damaged_anywhere },
    { "a record that stands elsewhere", elsewhere },
    { "what is no journal is left alone", no_journal },
    { "one process at a time", one_at_a_time },
    { "a full disk", full_disk },
    { "what is on the disk is marked", marked_later },
    { "what came meanwhile is not", marked_meanwhile },
    { "a disk that fails", no_disk },
    { NULL, NULL }
};

const struct mpipe__suite suite_journal = { "journal", tests };
