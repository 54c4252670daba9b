/* SPDX-License-Identifier: BSD-3-Clause */
/* split.c - a file cut everywhere gives each record once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include "split.h"
#include "split_reader.h"
#include "suite.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
    const char *data;
    size_t size;
};

static const struct text files[] = {
    TEXT(""), TEXT("a"), TEXT("\n"), TEXT("a\n"), TEXT("\n\n\n\n"),
    TEXT("one\ntwo\nthree\n"), TEXT("one\ntwo\nno end"),
    TEXT("\none\n\n\ntwo\n\n"), TEXT("a\r\nbc\r\n\r\nd"),
    TEXT("\0\n\0\0a\n\n\0"), TEXT("a record longer than many splits\nb\n"),
    TEXT("b\na record longer than many splits, and no end"),
    TEXT("x\ny\nz\nx\ny\nz\nx\ny\nz"), TEXT("\n\nalmost\n\nempty")
};

/* A file of its own, in the current directory. */
static void make(char *name, const char *data, size_t size)
{
    int fd;
    strcpy(name, "test-split.XXXXXX");
    fd = mkstemp(name);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, data, size), (ssize_t)size);
    close(fd);
}

/* What a range must give, found in the slow and obvious way: each record on
 * its own, asked for its first byte. */
static size_t records_from(const struct text *file, char delimiter,
                           size_t from, size_t to, char *found)
{
    size_t n = 0;
    for (size_t begin = 0; begin < file->size; ) {
        size_t end = begin;
        while (end < file->size && file->data[end] != delimiter)
            end++;
        end += end < file->size;
        if (begin >= from && begin < to) {
            memcpy(found + n, file->data + begin, end - begin);
            n += end - begin;
        }
        begin = end;
    }
    return n;
}

static void every_size(void)
{
    static const char delimiters[] = { '\n', '\0', 'o' };
    struct mpipe_bytes bytes = { NULL, 0, 0 };

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char name[32], expected[64];
        make(name, files[i].data, files[i].size);
        for (size_t d = 0; d < COUNT_OF(delimiters); d++)
            for (size_t size = 1; size <= files[i].size + 1; size++)
                for (size_t at = 0; at < files[i].size; at += size) {
                    size_t left = files[i].size - at;
                    struct mpipe_split s = {
                        at, left < size ? left : size, name
                    };
                    size_t n = records_from(&files[i], delimiters[d], at,
                                            at + size, expected);
                    CU_ASSERT_EQUAL(mpipe__split_read(&s, delimiters[d],
                                                      &bytes, NULL), MPIPE_OK);
                    CU_ASSERT_EQUAL_FATAL(bytes.size, n);
                    CU_ASSERT(n == 0 || memcmp(bytes.data, expected, n) == 0);
                }
        unlink(name);
    }
    free(bytes.data);
}

/* All that a reader gives, joined; each block but the last ends with a
 * delimiter. */
static size_t read_blocks(const struct mpipe_split *split, char delimiter,
                          size_t block, char *to, struct mpipe_error *err)
{
    struct mpipe_split_reader r;
    enum mpipe_err e;
    size_t n = 0, size;
    char *records;

    mpipe__split_reader_init(&r, block);
    e = mpipe__split_reader_open(&r, split, delimiter, err);
    while (e == MPIPE_OK
           && (e = mpipe__split_reader_next(&r, false, &records, &size, err))
              == MPIPE_OK) {
        CU_ASSERT(size > 0);
        CU_ASSERT(n == 0 || to[n - 1] == delimiter);
        memcpy(to + n, records, size);
        n += size;
    }
    CU_ASSERT(e == MPIPE_END || err->code == e);
    CU_ASSERT(mpipe__split_reader_next(&r, false, &records, &size, err)
              == MPIPE_END);
    mpipe__split_reader_fini(&r);
    return n;
}

static void block_by_block(void)
{
    static const size_t blocks[] = { 1, 2, 5, 1000 };
    struct mpipe_error err = { .code = MPIPE_OK };

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char name[32], expected[64], got[64];
        make(name, files[i].data, files[i].size);
        for (size_t b = 0; b < COUNT_OF(blocks); b++)
            for (size_t size = 1; size <= files[i].size + 1; size++)
                for (size_t at = 0; at < files[i].size; at += size) {
                    size_t left = files[i].size - at;
                    struct mpipe_split s = {
                        at, left < size ? left : size, name
                    };
                    size_t n = records_from(&files[i], '\n', at, at + size,
                                            expected);
                    CU_ASSERT_EQUAL_FATAL(read_blocks(&s, '\n', blocks[b],
                                                      got, &err), n);
                    CU_ASSERT(n == 0 || memcmp(got, expected, n) == 0);
                }
        unlink(name);
    }
    CU_ASSERT_EQUAL(err.code, MPIPE_OK);
}

/* Both kinds, in two pieces as 'cat a.gz b.gz' makes them; then without their
 * ends, and with one byte changed. */
static void compressed(void)
{
    enum { SIZE = 300000 };
    char *text = malloc(SIZE), *got = malloc(SIZE), *packed = malloc(SIZE);

    for (size_t i = 0; i < SIZE; i++)
        text[i] = i % 61 == 60 ? '\n' : (char)('a' + i * i / 7 % 23);
    for (int kind = 0; kind < 2; kind++)
        for (int harm = 0; harm < 3; harm++) {
            const char *name = kind == 0 ? "packed.gz" : "packed.zst";
            struct mpipe_error err = { .code = MPIPE_OK };
            struct mpipe_split s = { 0, 1, name };
            size_t n = 0, n_got;
            FILE *file;

            for (size_t half = 0; half < 2; half++) {
                const char *from = text + half * SIZE / 2;
                if (kind == 0) {
                    z_stream z = { .next_in = (Bytef *)(uintptr_t)from,
                                   .avail_in = SIZE / 2 };
                    deflateInit2(&z, 6, Z_DEFLATED, 31, 8,
                                 Z_DEFAULT_STRATEGY);
                    z.next_out = (Bytef *)packed + n;
                    z.avail_out = (unsigned)(SIZE - n);
                    CU_ASSERT_EQUAL(deflate(&z, Z_FINISH), Z_STREAM_END);
                    n += z.total_out;
                    deflateEnd(&z);
                } else {
                    n += ZSTD_compress(packed + n, SIZE - n, from, SIZE / 2,
                                       3);
                }
            }
            if (harm == 1)
                n -= 20;
            if (harm == 2)
                packed[n / 2] ^= 0x55;
            file = fopen(name, "w");
            CU_ASSERT_EQUAL_FATAL(fwrite(packed, 1, n, file), n);
            fclose(file);
            n_got = read_blocks(&s, '\n', 10000, got, &err);
            if (harm == 0) {
                CU_ASSERT_EQUAL(n_got, SIZE);
                CU_ASSERT(memcmp(got, text, SIZE) == 0);
            } else {
                CU_ASSERT(kind == 1 && harm == 2 ? true
                          : err.code == MPIPE_EIO);
                CU_ASSERT(err.code == MPIPE_OK
                          || strstr(err.text, name) != NULL);
            }
            unlink(name);
        }
    free(text);
    free(got);
    free(packed);
}

/* A name proves nothing. */
static void not_compressed(void)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    struct mpipe_split s = { 0, 6, "plain.gz" };
    char got[16];
    FILE *file = fopen("plain.gz", "w");

    fputs("a\nb\nc\n", file);
    fclose(file);
    CU_ASSERT_EQUAL(read_blocks(&s, '\n', 100, got, &err), 6);
    CU_ASSERT_EQUAL(memcmp(got, "a\nb\nc\n", 6), 0);
    unlink("plain.gz");
}

/* Records far longer than what is read at a time, and around it. */
static void long_records(void)
{
    static const size_t sizes[] = {
        1, 16383, 16384, 16385, 0, 500000, 32767, 2, 70000, 262144, 9
    };
    static const size_t cuts[] = { 1000, 16384, 16385, 65536, 1000000 };
    char name[32], *all = malloc(1000000), *joined = malloc(1000000);
    struct mpipe_bytes bytes = { NULL, 0, 0 };
    size_t n = 0;

    CU_ASSERT_FATAL(all != NULL && joined != NULL);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            all[n++] = (char)('a' + (k + i) % 25);
        all[n++] = '\n';
    }
    n--;                        /* no newline at the end */
    make(name, all, n);
    for (size_t c = 0; c < COUNT_OF(cuts); c++) {
        size_t got = 0;
        for (size_t at = 0; at < n; at += cuts[c]) {
            struct mpipe_split s = {
                at, n - at < cuts[c] ? n - at : cuts[c], name
            };
            CU_ASSERT_EQUAL_FATAL(mpipe__split_read(&s, '\n', &bytes, NULL),
                                  MPIPE_OK);
            CU_ASSERT_FATAL(got + bytes.size <= n);
            if (bytes.size > 0)
                memcpy(joined + got, bytes.data, bytes.size);
            got += bytes.size;
        }
        CU_ASSERT_EQUAL(got, n);
        CU_ASSERT(memcmp(joined, all, n) == 0);
    }
    unlink(name);
    free(bytes.data);
    free(all);
    free(joined);
}

static void packing(void)
{
    static const struct mpipe_split rows[] = {
        { 0, 1, "a" }, { 7, 1 << 20, "some/path with\nany \xff" "byte" },
        { 0, INT64_MAX, "/" }, { INT64_MAX - 1, 1, "x" }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t room[16];
        struct mpipe_item item = {
            room, mpipe__split_packed_size(rows[i].path)
        };
        struct mpipe_split got = { 0, 0, NULL };
        CU_ASSERT_FATAL(item.size <= sizeof room);
        memset(room, '#', sizeof room);
        mpipe__split_pack(room, &rows[i]);
        CU_ASSERT_EQUAL(((char *)room)[item.size], '#');
        CU_ASSERT_EQUAL_FATAL(mpipe_split_parse(&item, &got), MPIPE_OK);
        CU_ASSERT_EQUAL(got.offset, rows[i].offset);
        CU_ASSERT_EQUAL(got.size, rows[i].size);
        CU_ASSERT_STRING_EQUAL(got.path, rows[i].path);
    }
}

static void no_splits(void)
{
    static const struct {
        uint64_t offset, size;
        struct text rest;       /* path and NUL */
    } rows[] = {
        { 0, 1, TEXT("") }, { 0, 1, TEXT("\0") }, { 0, 1, TEXT("a") },
        { 0, 1, TEXT("\0a\0") }, { 0, 1, TEXT("a\0b\0") },
        { 0, 1, TEXT("a\0\0") }, { 0, 1, TEXT("a\0b") }, { 0, 0, TEXT("a\0") },
        { 0, (uint64_t)INT64_MAX + 1, TEXT("a\0") },
        { 1, INT64_MAX, TEXT("a\0") }, { UINT64_MAX, 1, TEXT("a\0") },
        { UINT64_MAX, UINT64_MAX, TEXT("a\0") }
    };
    const struct mpipe_split before = { 5, 6, "7" };
    struct mpipe_split s = before;
    uint64_t room[4];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe_item item = { room, 16 + rows[i].rest.size };
        room[0] = rows[i].offset;
        room[1] = rows[i].size;
        memcpy(room + 2, rows[i].rest.data, rows[i].rest.size);
        CU_ASSERT_EQUAL(mpipe_split_parse(&item, &s), MPIPE_EINVAL);
    }
    for (size_t size = 0; size < 16; size++) {
        struct mpipe_item item = { room, size };
        CU_ASSERT_EQUAL(mpipe_split_parse(&item, &s), MPIPE_EINVAL);
    }
    CU_ASSERT(memcmp(&s, &before, sizeof s) == 0);
}

static void changed_files(void)
{
    static const struct {
        const char *now;        /* of a file that had ten bytes */
        uint64_t offset, size;
        const char *records, *words;
    } rows[] = {
        { "123\n5678\n", 0, 10, NULL, "nothing at byte 9" },
        { "123\n5678\n", 0, 9, "123\n5678\n", NULL },
        { "123\n5678", 4, 6, NULL, "nothing at byte 8" },
        { "1234", 5, 5, NULL, "nothing at byte 4" },
        { "", 9, 1, NULL, "nothing at byte 0" },
        { "", 0, 1, NULL, "nothing at byte 0" },
        { "123\n5678\nand more\nand", 0, 10, "123\n5678\nand more\n", NULL },
        { "123\n5678\nand more", 4, 6, "5678\nand more", NULL },
        { "123\n56789\nand more\n", 4, 6, "56789\n", NULL }
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe_bytes bytes = { NULL, 0, 0 };
        struct mpipe_error err = { .code = MPIPE_OK };
        char name[32], words[128];
        struct mpipe_split s = { rows[i].offset, rows[i].size, name };
        enum mpipe_err e;
        make(name, rows[i].now, strlen(rows[i].now));
        e = mpipe__split_read(&s, '\n', &bytes, &err);
        if (rows[i].words != NULL) {
            snprintf(words, sizeof words, "%s: became shorter while it was "
                     "read: %s", name, rows[i].words);
            CU_ASSERT_EQUAL(e, MPIPE_EIO);
            CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
            CU_ASSERT_STRING_EQUAL(err.text, words);
        } else {
            CU_ASSERT_EQUAL(e, MPIPE_OK);
            CU_ASSERT_EQUAL_FATAL(bytes.size, strlen(rows[i].records));
            CU_ASSERT(memcmp(bytes.data, rows[i].records, bytes.size) == 0);
        }
        free(bytes.data);
        unlink(name);
    }
}

static void unreadable(void)
{
    static const struct { struct mpipe_split split; const char *words; } rows[]
        = {
        { { 0, 1, "no-such-file" },
          "no-such-file: cannot open: No such file or directory" },
        { { 0, 1, "." }, ".: is no regular file" },
        { { 3, INT64_MAX - 3, "/dev/zero" }, "/dev/zero: is no regular file" }
    };
    struct mpipe_bytes bytes = { NULL, 0, 0 };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mpipe_error err = { .code = MPIPE_OK };
        CU_ASSERT_EQUAL(mpipe__split_read(&rows[i].split, '\n', &bytes, &err),
                        MPIPE_EIO);
        CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
        CU_ASSERT_STRING_EQUAL(err.text, rows[i].words);
        CU_ASSERT_EQUAL(bytes.size, 0);
    }
    free(bytes.data);
}

static const struct mpipe__test tests[] = {
    { "splits of every size give each record once", every_size },
    { "and so they do block by block", block_by_block },
    { "compressed files are read as what they were", compressed },
    { "a file that is only named so is read as it is", not_compressed },
    { "a record may be longer than many splits", long_records },
    { "a split is what was packed", packing },
    { "what is no split is refused", no_splits },
    { "a file that became shorter is an error, longer is none",
      changed_files },
    { "what cannot be read is an error by name", unreadable },
    { NULL, NULL }
};

const struct mpipe__suite suite_split = { "split", tests };
