/* SPDX-License-Identifier: BSD-3-Clause */
/* split.c - a byte range of a file as an item, and all of its records at
 * once. */
#include <stdint.h>
#include <string.h>
#include <mpipe/source.h>
#include "error.h"
#include "source.h"
#include "split.h"
#include "split_reader.h"

enum { BLOCK = 64 * 1024 };

size_t mpipe__split_packed_size(const char *path)
{
    return 2 * sizeof(uint64_t) + strlen(path) + 1;
}

void mpipe__split_pack(void *to, const struct mpipe_split *split)
{
    char *at = to;

    memcpy(at, &split->offset, sizeof split->offset);
    memcpy(at + sizeof split->offset, &split->size, sizeof split->size);
    strcpy(at + 2 * sizeof(uint64_t), split->path);
}

enum mpipe_err mpipe_split_parse(const struct mpipe_item *item,
                                 struct mpipe_split *split)
{
    const size_t head = 2 * sizeof(uint64_t);
    const char *data = item->data;
    struct mpipe_split found;

    if (item->size < head + 2 || data[head] == '\0' ||
        memchr(data + head, '\0', item->size - head) != data + item->size - 1)
        return MPIPE_EINVAL;
    memcpy(&found.offset, data, sizeof found.offset);
    memcpy(&found.size, data + sizeof found.offset, sizeof found.size);
    found.path = data + head;
    if (found.size == 0 || found.size > INT64_MAX ||
        found.offset > INT64_MAX - found.size)
        return MPIPE_EINVAL;
    *split = found;
    return MPIPE_OK;
}

enum mpipe_err mpipe__split_read(const struct mpipe_split *split,
                                 char delimiter, struct mpipe_bytes *bytes,
                                 struct mpipe_error *err)
{
    struct mpipe_split_reader r;
    char *records;
    enum mpipe_err e;

    mpipe__split_reader_init(&r, BLOCK);
    r.buffer = *bytes;              /* its memory is used again */
    e = mpipe__split_reader_open(&r, split, delimiter, err);
    if (e == MPIPE_OK)
        e = mpipe__split_reader_next(&r, true, &records, &bytes->size, err);
    if (e != MPIPE_OK)
        bytes->size = 0;
    bytes->data = r.buffer.data;
    bytes->capacity = r.buffer.capacity;
    r.buffer.data = NULL;
    mpipe__split_reader_fini(&r);
    return e == MPIPE_END ? MPIPE_OK : e;
}

enum mpipe_err mpipe_split_load(const struct mpipe_split *split, char delimiter,
                                struct mpipe_bytes *bytes,
                                struct mpipe_out *out)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    enum mpipe_err e = mpipe__split_read(split, delimiter, bytes, &err);

    if (mpipe__source_skips(out, e, err.text))
        return MPIPE_OK;
    if (e == MPIPE_OK)
        mpipe__source_read(out, bytes->size);
    if (e != MPIPE_OK && out != NULL)
        mpipe_fail(out, "%s", err.text);
    return e;
}
