/* SPDX-License-Identifier: BSD-3-Clause */
/* source_splits.c - byte ranges of files as items.
 *
 * Rank 0 looks only at the names and sizes of the files; split.c has the
 * other half, which reads the data where the item goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "byte_stream.h"
#include "error.h"
#include "file_list.h"
#include "flow.h"
#include "pipeline.h"
#include "resume.h"
#include "source.h"
#include "split.h"

#define LEAST_SIZE  ((uint64_t)1 << 20)
#define MOST_SIZE   ((uint64_t)32 << 20)
#define MEMORY_SHARE 8u         /* of --memory: a range that is read */
#define SHARES      8u          /* of what is left, for each rank */
#define LOOK_FILES  10000u      /* files whose sizes are looked at ahead */
#define SAMPLES     100u        /* ranges of a sample, and their size */
#define SAMPLE_SIZE ((uint64_t)64 << 10)

struct split_source {
    struct mpipe__file_list *ahead, *list;
    struct mpipe__file_list *sampled;
    uint64_t split_size;        /* 0: by what is left */
    uint64_t left;              /* bytes not yet given out, as far as known */
    uint64_t total;             /* of them all, as far as looked at */
    const char *path;           /* the present file; NULL: none */
    uint64_t offset, file_size;
};

/* The next file of a list, and its size; on a look ahead what cannot be read is
 * passed over: it is told when its turn comes. */
static enum mpipe_err file_of(struct mpipe__file_list *list, const char **path,
                              uint64_t *size, bool warns,
                              struct mpipe_out *out)
{
    bool skipped;
    struct mpipe_error err;
    struct stat st;
    enum mpipe_err e;

    do {
        err = (struct mpipe_error){ .code = MPIPE_OK };
        *size = 0;
        e = mpipe__file_list_next(list, path, &err);
        if (e == MPIPE_OK && stat(*path, &st) == 0)
            *size = (uint64_t)st.st_size;
        else if (e == MPIPE_OK)
            e = mpipe__error(&err, 0, MPIPE_EIO, "%s: %s", *path,
                             strerror(errno));
        skipped = warns ? mpipe__source_skips(out, e, err.text)
                        : e == MPIPE_EIO;
    } while (skipped);
    if (e < MPIPE_OK)
        mpipe_fail(out, "%s", err.text);
    return e;
}

/* Once: how much there is.  With very many files that of the first ones, and
 * what is wrong with one is told when its turn comes. */
static void look_ahead(struct split_source *s, struct mpipe_out *out)
{
    const char *path;
    uint64_t size;

    for (unsigned i = 0; s->ahead != NULL && i < LOOK_FILES
         && file_of(s->ahead, &path, &size, false, out) == MPIPE_OK; i++)
        s->total += size;
    if (s->ahead != NULL)
        s->left = s->total;
    mpipe__file_list_free(s->ahead);
    s->ahead = NULL;
}

/* Large ones first; small ones near the end, so that all ranks end together. */
static uint64_t size_of_next(const struct split_source *s,
                             const struct mpipe_out *out)
{
    unsigned ranks = mpipe__resume_ranks(out->flow);
    uint64_t memory = mpipe__resume_memory(out->flow);
    uint64_t size = s->left / SHARES / ranks;
    uint64_t most = memory > 0 && memory / MEMORY_SHARE < MOST_SIZE
                    ? memory / MEMORY_SHARE : MOST_SIZE;

    if (s->split_size > 0)
        return s->split_size;
    size = size < most ? size : most;
    return size > LEAST_SIZE ? size : LEAST_SIZE;
}

static enum mpipe_err emit_range(const struct mpipe_split *split,
                                 struct mpipe_out *out)
{
    size_t size = mpipe__split_packed_size(split->path);
    void *room = mpipe_reserve(out, size);

    if (room == NULL) {
        mpipe_fail(out, "%s: no memory for an item of %zu bytes", split->path,
                   size);
        return MPIPE_ENOMEM;
    }
    mpipe__split_pack(room, split);
    return mpipe_commit(out, size);
}

static enum mpipe_err emit_split(struct split_source *s, struct mpipe_out *out)
{
    struct mpipe_split split = {
        .path = s->path, .offset = s->offset, .size = size_of_next(s, out)
    };

    if (split.size > s->file_size - s->offset || mpipe__is_compressed(s->path))
        split.size = s->file_size - s->offset;
    s->offset += split.size;
    s->left -= split.size < s->left ? split.size : s->left;
    return emit_range(&split, out);
}

static enum mpipe_err emit_splits(struct mpipe_out *out, void *arg)
{
    struct split_source *s = arg;

    if (s->split_size == 0)
        look_ahead(s, out);
    for (int i = 0; i < MPIPE__SOURCE_ITEMS; i++) {
        enum mpipe_err e;

        if (s->offset < s->file_size) {
            e = emit_split(s, out);
        } else {                /* an empty file has no ranges */
            s->offset = 0;
            e = file_of(s->list, &s->path, &s->file_size, true, out);
        }
        if (e != MPIPE_OK)
            return e;
    }
    return MPIPE_OK;
}

/* Ranges that lie evenly over all files: the k-th begins at byte
 * k * total / SAMPLES of them. */
static enum mpipe_err emit_sample(struct mpipe_out *out, void *arg)
{
    struct split_source *s = arg;
    uint64_t before = 0, size;
    unsigned k = 0;
    enum mpipe_err e = MPIPE_OK;
    const char *path;

    look_ahead(s, out);
    while (k < SAMPLES && e == MPIPE_OK
           && (e = file_of(s->sampled, &path, &size, false, out))
              == MPIPE_OK) {
        uint64_t end = 0;       /* of the last range, in this file */

        for (; k < SAMPLES && e == MPIPE_OK; k++) {
            uint64_t at = s->total / SAMPLES * k
                          + s->total % SAMPLES * k / SAMPLES;
            struct mpipe_split split = { .path = path };

            if (at >= before + size)
                break;
            split.offset = at - before < end ? end : at - before;
            if (mpipe__is_compressed(path))
                split.offset = end;     /* the whole of it, once */
            split.size = size - split.offset < SAMPLE_SIZE
                         || mpipe__is_compressed(path)
                         ? size - split.offset : SAMPLE_SIZE;
            end = split.offset + split.size;
            if (split.size > 0)
                e = emit_range(&split, out);
        }
        before += size;
    }
    return e == MPIPE_OK ? MPIPE_END : e;
}

static void fini(void *arg)
{
    struct split_source *s = arg;

    mpipe__file_list_free(s->ahead);
    mpipe__file_list_free(s->sampled);
    mpipe__file_list_free(s->list);
    free(s);
}

enum mpipe_err mpipe_source_splits(struct mpipe_pipeline *pl,
                                   const char *const *paths, size_t n_paths,
                                   uint64_t split_size)
{
    struct split_source *s = calloc(1, sizeof *s);
    enum mpipe_err e;

    if (s != NULL) {
        s->ahead = mpipe__file_list_new(paths, n_paths);
        s->sampled = mpipe__file_list_new(paths, n_paths);
        s->list = mpipe__file_list_new(paths, n_paths);
    }
    if (s == NULL || s->list == NULL || s->ahead == NULL
        || s->sampled == NULL) {
        if (s != NULL)
            fini(s);
        return mpipe__pipeline_wrong(pl, MPIPE_ENOMEM,
                                     "no memory for a source");
    }
    s->split_size = split_size;
    e = mpipe__pipeline_own_source(pl, emit_splits, s, fini);
    return e == MPIPE_OK ? mpipe__pipeline_sample(pl, emit_sample) : e;
}
