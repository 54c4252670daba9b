/* SPDX-License-Identifier: BSD-3-Clause */
/* source.c - what the ready-made sources share: --skip-unreadable, and
 * what was read. */
#include "flow.h"
#include "source.h"

bool mpipe__source_skips(struct mpipe_out *out, enum mpipe_err e,
                         const char *why)
{
    if (out == NULL || e != MPIPE_EIO
        || !out->flow->engine->options->skip_unreadable)
        return false;
    mpipe_stage_log(out, MPIPE_LOG_WARN, "skipped: %s", why);
    return true;
}

void mpipe__source_read(struct mpipe_out *out, uint64_t bytes)
{
    if (out != NULL)
        out->flow->stats.bytes_read += bytes;
}
