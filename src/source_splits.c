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
#include "file_list.h"
#include "pipeline.h"
#include "source.h"
#include "split.h"

enum { STANDARD_SIZE = 1024 * 1024 };

struct split_source {
    struct mpipe__file_list *list;
    uint64_t split_size;
    const char *path;           /* the present file; NULL: none */
    uint64_t offset, file_size;
};

/* Go to the next file; an empty one has no ranges. */
static enum mpipe_err next_file(struct split_source *s, struct mpipe_out *out)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    enum mpipe_err e = mpipe__file_list_next(s->list, &s->path, &err);
    struct stat st;

    s->offset = s->file_size = 0;
    if (e == MPIPE_OK && stat(s->path, &st) != 0) {
        mpipe_fail(out, "%s: %s", s->path, strerror(errno));
        return MPIPE_EIO;
    }
    if (e == MPIPE_OK)
        s->file_size = (uint64_t)st.st_size;
    else if (e != MPIPE_END)
        mpipe_fail(out, "%s", err.text);
    return e;
}

static enum mpipe_err emit_split(struct split_source *s, struct mpipe_out *out)
{
    struct mpipe_split split = { .path = s->path, .offset = s->offset };
    size_t size = mpipe__split_packed_size(s->path);
    void *room = mpipe_reserve(out, size);

    if (room == NULL) {
        mpipe_fail(out, "%s: no memory for an item of %zu bytes", s->path,
                   size);
        return MPIPE_ENOMEM;
    }
    split.size = s->file_size - s->offset;
    if (split.size > s->split_size)
        split.size = s->split_size;
    mpipe__split_pack(room, &split);
    s->offset += split.size;
    return mpipe_commit(out, size);
}

static enum mpipe_err emit_splits(struct mpipe_out *out, void *arg)
{
    struct split_source *s = arg;

    for (int i = 0; i < MPIPE__SOURCE_ITEMS; i++) {
        enum mpipe_err e = s->offset < s->file_size ? emit_split(s, out)
                                                    : next_file(s, out);
        if (e != MPIPE_OK)
            return e;
    }
    return MPIPE_OK;
}

static void fini(void *arg)
{
    struct split_source *s = arg;

    mpipe__file_list_free(s->list);
    free(s);
}

enum mpipe_err mpipe_source_splits(struct mpipe_pipeline *pl,
                                   const char *const *paths, size_t n_paths,
                                   uint64_t split_size)
{
    struct split_source *s = calloc(1, sizeof *s);

    if (s != NULL)
        s->list = mpipe__file_list_new(paths, n_paths);
    if (s == NULL || s->list == NULL) {
        free(s);
        return mpipe__pipeline_wrong(pl, MPIPE_ENOMEM,
                                     "no memory for a source");
    }
    s->split_size = split_size > 0 ? split_size : STANDARD_SIZE;
    return mpipe__pipeline_own_source(pl, emit_splits, s, fini);
}
