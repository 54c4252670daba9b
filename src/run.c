/* SPDX-License-Identifier: BSD-3-Clause */
/* run.c - blocks with checksums, written and read once, from front to back. */
#define XXH_INLINE_ALL
#include <stdlib.h>
#include <xxhash.h>
#include "error.h"
#include "run.h"

#define MAGIC 0x3152504du               /* "MPR1" in little-endian order */

struct block_head {
    uint32_t magic, unused;
    uint64_t bytes;                     /* after the head */
    uint64_t hash;                      /* of them, seeded with the offset */
};

static enum mpipe_err no_memory(struct mpipe_error *err)
{
    mpipe__error(err, -1, MPIPE_ENOMEM, "no memory for a block of a run");
    return MPIPE_ENOMEM;
}

/* ---- writing ---- */

enum mpipe_err mpipe__run_begin(struct mpipe__run_writer *w,
                                struct mpipe__scratch_file *file,
                                size_t block, struct mpipe_error *err)
{
    w->file = file;
    w->begin = file->size;
    w->used = sizeof(struct block_head);
    w->capacity = block;
    w->block = malloc(w->capacity);
    return w->block != NULL ? MPIPE_OK : no_memory(err);
}

static enum mpipe_err write_block(struct mpipe__run_writer *w,
                                  struct mpipe_error *err)
{
    struct block_head head = { MAGIC, 0, w->used - sizeof head, 0 };
    size_t used = w->used;

    w->used = sizeof head;
    if (head.bytes == 0)
        return MPIPE_OK;
    head.hash = XXH3_64bits_withSeed(w->block + sizeof head, head.bytes,
                                     w->file->size);
    memcpy(w->block, &head, sizeof head);
    return mpipe__scratch_append(w->file, w->block, used, err);
}

enum mpipe_err mpipe__run_add(struct mpipe__run_writer *w, const void *pair,
                              struct mpipe_error *err)
{
    size_t stride = mpipe__pair_stride(pair);
    enum mpipe_err e;

    if (w->used + stride > w->capacity) {
        e = write_block(w, err);
        if (e != MPIPE_OK)
            return e;
        if (w->used + stride > w->capacity) {
            char *more = realloc(w->block, w->used + stride);
            if (more == NULL)
                return no_memory(err);
            w->block = more;
            w->capacity = w->used + stride;
        }
    }
    memcpy(w->block + w->used, pair, stride);
    w->used += stride;
    return MPIPE_OK;
}

enum mpipe_err mpipe__run_end(struct mpipe__run_writer *w,
                              struct mpipe__run *run, struct mpipe_error *err)
{
    enum mpipe_err e = w->block != NULL ? write_block(w, err) : MPIPE_OK;

    free(w->block);
    w->block = NULL;
    run->begin = w->begin;
    run->end = w->file->size;
    return e;
}

/* ---- reading ---- */

void mpipe__run_open(struct mpipe__run_reader *r,
                     const struct mpipe__scratch_file *file,
                     const struct mpipe__run *run)
{
    *r = (struct mpipe__run_reader){ .file = file, .at = run->begin,
                                     .end = run->end };
}

void mpipe__run_close(struct mpipe__run_reader *r)
{
    free(r->block);
    r->block = NULL;
    r->pos = r->used = r->capacity = 0;
    r->at = r->end;
}

static enum mpipe_err damaged(const struct mpipe__run_reader *r,
                              struct mpipe_error *err)
{
    mpipe__error(err, -1, MPIPE_EIO, "scratch folder %s: a block that was "
                 "written there has changed, at byte %llu of the file: is the "
                 "disk sound?", r->file->folder, (unsigned long long)r->at);
    return MPIPE_EIO;
}

static enum mpipe_err read_block(struct mpipe__run_reader *r,
                                 struct mpipe_error *err)
{
    struct block_head head;
    enum mpipe_err e = mpipe__scratch_read(r->file, r->at, &head, sizeof head,
                                           err);

    if (e != MPIPE_OK)
        return e;
    if (head.magic != MAGIC || head.bytes > r->end - r->at - sizeof head)
        return damaged(r, err);
    if (head.bytes > r->capacity) {
        char *more = realloc(r->block, head.bytes);
        if (more == NULL)
            return no_memory(err);
        r->block = more;
        r->capacity = head.bytes;
    }
    e = mpipe__scratch_read(r->file, r->at + sizeof head, r->block,
                            head.bytes, err);
    if (e != MPIPE_OK)
        return e;
    if (XXH3_64bits_withSeed(r->block, head.bytes, r->at) != head.hash)
        return damaged(r, err);
    r->at += sizeof head + head.bytes;
    r->pos = 0;
    r->used = head.bytes;
    return MPIPE_OK;
}

enum mpipe_err mpipe__run_next(struct mpipe__run_reader *r, const void **pair,
                               struct mpipe_error *err)
{
    *pair = NULL;
    if (r->pos == r->used) {
        enum mpipe_err e = r->at < r->end ? read_block(r, err) : MPIPE_OK;
        if (e != MPIPE_OK || r->pos == r->used)
            return e;
    }
    *pair = r->block + r->pos;
    r->pos += mpipe__pair_stride(*pair);
    return MPIPE_OK;
}
