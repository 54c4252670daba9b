/* SPDX-License-Identifier: BSD-3-Clause */
/* source_lines.c - lines of files or stdin as items.
 *
 * The reader never waits; where a pipe or terminal has nothing now, the source
 * says so and results go on flowing.
 */
#include <stdlib.h>
#include "line_reader.h"
#include "out.h"
#include "pipeline.h"
#include "source.h"

static enum mpipe_err emit_lines(struct mpipe_out *out, void *arg)
{
    struct mpipe_error err = { .code = MPIPE_OK };
    uint64_t max_size = mpipe__out_max_item(out);
    size_t bytes = 0;

    for (int i = 0; i < MPIPE__SOURCE_ITEMS && bytes < MPIPE__SOURCE_BYTES;
         i++) {
        const char *line;
        size_t size;
        enum mpipe_err e = mpipe__line_reader_next(arg, &line, &size, max_size,
                                                   &err);
        if (mpipe__source_skips(out, e, err.text)) {
            err.code = MPIPE_OK;
            continue;
        }
        if (e == MPIPE_OK)
            e = mpipe_emit(out, line, size);
        else if (e == MPIPE_AGAIN && i > 0)
            return MPIPE_OK;
        if (err.code != MPIPE_OK)
            mpipe_fail(out, "%s", err.text);
        if (e != MPIPE_OK)
            return e;
        bytes += size;
    }
    return MPIPE_OK;
}

static void fini(void *arg)
{
    mpipe__line_reader_free(arg);
}

enum mpipe_err mpipe_source_lines(struct mpipe_pipeline *pl,
                                  const char *const *paths, size_t n_paths)
{
    struct mpipe__line_reader *r = mpipe__line_reader_new(paths, n_paths);

    if (r == NULL)
        return mpipe__pipeline_wrong(pl, MPIPE_ENOMEM,
                                     "no memory for a source");
    return mpipe__pipeline_own_source(pl, emit_lines, r, fini);
}
