/* SPDX-License-Identifier: BSD-3-Clause */
/* trace.c - where time went: the spans of a rank, and the file they end in.
 *
 * A rank's buffer never grows: when it is full, every second span goes, and
 * from then on so many more are let pass between two that are kept, so that
 * what is kept is evenly spread over the whole job.
 *
 * The file is written as it comes, span by span, for it may be far larger than
 * the memory that one would want to build it in.  It is the "trace event"
 * format of Chrome: https://ui.perfetto.dev and chrome://tracing open it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <mpipe/version.h>
#include "error.h"
#include "show.h"
#include "trace.h"

/* ---- the buffer ---- */

enum mpipe_err mpipe__trace_init(struct mpipe__trace *t, uint32_t capacity)
{
    struct mpipe__span *span = NULL;
    if (capacity > 0) {
        span = calloc(capacity, sizeof *span);
        if (span == NULL)
            return MPIPE_ENOMEM;
    }
    *t = (struct mpipe__trace){ span, 0, capacity, 1, 0 };
    return MPIPE_OK;
}

void mpipe__trace_fini(struct mpipe__trace *t)
{
    free(t->span);
    *t = (struct mpipe__trace){ NULL, 0, 0, 1, 0 };
}

/* Drop every second span.  'skipped' counts spans since the last one kept, and
 * with an even number of spans the last one is among those dropped. */
static void thin(struct mpipe__trace *t)
{
    uint32_t kept = 0;
    if (t->n % 2 == 0)
        t->skipped += t->keep_one_in;
    for (uint32_t i = 0; i < t->n; i += 2)
        t->span[kept++] = t->span[i];
    t->n = kept;
    t->keep_one_in *= 2;
}

void mpipe__trace_add(struct mpipe__trace *t, const struct mpipe__span *span)
{
    if (t->capacity == 0)
        return;
    if (t->n > 0 && t->skipped + 1 < t->keep_one_in) {
        t->skipped++;
        return;
    }
    if (t->n == t->capacity) {
        /* the first of two billion spans must do from there on */
        if (t->keep_one_in > UINT32_MAX / 4)
            return;
        thin(t);
        if (t->skipped + 1 < t->keep_one_in) {
            t->skipped++;
            return;
        }
    }
    t->span[t->n++] = *span;
    t->skipped = 0;
}

/* ---- the file ---- */

struct mpipe__trace_file {
    FILE *stream;
    char *path;
    uint64_t epoch_ns;
    bool has_epoch;
    bool has_events;
    int error;              /* errno of the first failure */
};

static void note_failure(struct mpipe__trace_file *f)
{
    if (f->error == 0 && ferror(f->stream))
        f->error = errno != 0 ? errno : EIO;
}

/* 's' as the inside of a JSON string. */
static void put_text(FILE *stream, const char *s)
{
    while (*s != '\0') {
        size_t n = mpipe__show_utf8(s);
        if (n == 0)
            fputs("\\ufffd", stream);
        else if (*s == '"' || *s == '\\')
            fprintf(stream, "\\%c", *s);
        else if ((unsigned char)*s < ' ')
            fprintf(stream, "\\u%04x", (unsigned)(unsigned char)*s);
        else
            fwrite(s, 1, n, stream);
        s += n == 0 ? 1 : n;
    }
}

/* Nanoseconds as microseconds, exactly. */
static void put_us(FILE *stream, uint64_t ns)
{
    fprintf(stream, "%" PRIu64 ".%03u", ns / 1000, (unsigned)(ns % 1000));
}

static void begin_event(struct mpipe__trace_file *f)
{
    fputs(f->has_events ? ",\n" : "\n", f->stream);
    f->has_events = true;
}

struct mpipe__trace_file *mpipe__trace_open(const char *path,
                                            struct mpipe_error *err)
{
    struct mpipe__trace_file *f = calloc(1, sizeof *f);
    if (f == NULL || (f->path = strdup(path)) == NULL) {
        mpipe__error(err, -1, MPIPE_ENOMEM, "no memory for the trace");
        goto error;
    }
    f->stream = fopen(path, "w");
    if (f->stream == NULL) {
        mpipe__error(err, -1, MPIPE_EIO, "cannot write the trace '%s': %s",
                     path, strerror(errno));
        goto error;
    }
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", f->stream);
    begin_event(f);
    fputs("{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":0,\"tid\":0,"
          "\"args\":{\"name\":\"ranks\"}}", f->stream);
    note_failure(f);
    return f;

error:
    if (f != NULL)
        free(f->path);
    free(f);
    return NULL;
}

void mpipe__trace_epoch(struct mpipe__trace_file *f, uint64_t start_ns)
{
    f->epoch_ns = start_ns;
    f->has_epoch = true;
}

void mpipe__trace_rank(struct mpipe__trace_file *f, int rank, const char *host,
                       const char *role)
{
    begin_event(f);
    fprintf(f->stream, "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":0,"
            "\"tid\":%d,\"args\":{\"name\":\"rank %d", rank, rank);
    if (host != NULL && *host != '\0') {
        fputc(' ', f->stream);
        put_text(f->stream, host);
    }
    if (role != NULL && *role != '\0') {
        fputs(": ", f->stream);
        put_text(f->stream, role);
    }
    fputs("\"}}", f->stream);
    begin_event(f);
    fprintf(f->stream, "{\"name\":\"thread_sort_index\",\"ph\":\"M\","
            "\"pid\":0,\"tid\":%d,\"args\":{\"sort_index\":%d}}", rank, rank);
    note_failure(f);
}

void mpipe__trace_thinned(struct mpipe__trace_file *f, int rank,
                          uint32_t keep_one_in)
{
    if (keep_one_in <= 1)
        return;
    begin_event(f);
    fprintf(f->stream, "{\"name\":\"long job: 1 span in %" PRIu32 " is shown\","
            "\"ph\":\"i\",\"s\":\"t\",\"pid\":0,\"tid\":%d,\"ts\":0.000,"
            "\"args\":{\"keep_one_in\":%" PRIu32 "}}", keep_one_in, rank,
            keep_one_in);
    note_failure(f);
}

static const char *kind_name(unsigned kind)
{
    static const char *const names[] = {
        [MPIPE__SPAN_STAGE] = "stage", [MPIPE__SPAN_BLOCKED] = "blocked",
        [MPIPE__SPAN_IDLE] = "idle", [MPIPE__SPAN_FEED] = "feed",
        [MPIPE__SPAN_SINK] = "sink"
    };
    return kind < sizeof names / sizeof names[0] ? names[kind] : "other";
}

/* Readers keep numbers as doubles: a larger root would lose its end. */
static void put_root(FILE *stream, uint64_t root)
{
    const char *quote = root > (uint64_t)1 << 53 ? "\"" : "";
    if (root != UINT64_MAX)
        fprintf(stream, "\"root\":%s%" PRIu64 "%s,", quote, root, quote);
}

static void put_span(struct mpipe__trace_file *f, int rank,
                     const struct mpipe__span *s, const char *stage)
{
    bool early = s->start_ns < f->epoch_ns;
    begin_event(f);
    fputs("{\"name\":\"", f->stream);
    if (s->kind != MPIPE__SPAN_STAGE)
        fputs(kind_name(s->kind), f->stream);
    else if (stage != NULL)
        put_text(f->stream, stage);
    else
        fprintf(f->stream, "stage %u", (unsigned)s->stage);
    fprintf(f->stream, "\",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":0,\"tid\":%d,"
            "\"ts\":%s", kind_name(s->kind), rank, early ? "-" : "");
    put_us(f->stream, early ? f->epoch_ns - s->start_ns
                            : s->start_ns - f->epoch_ns);
    fputs(",\"dur\":", f->stream);
    put_us(f->stream, s->length_ns);
    fputs(",\"args\":{", f->stream);
    put_root(f->stream, s->root);
    fprintf(f->stream, "\"items\":%" PRIu32 "}}", s->items);
}

void mpipe__trace_spans(struct mpipe__trace_file *f, int rank,
                        const struct mpipe__span *spans, size_t n,
                        const char *const *stage_names, unsigned n_stages)
{
    if (n > 0 && !f->has_epoch)
        mpipe__trace_epoch(f, spans[0].start_ns);
    for (size_t i = 0; i < n; i++)
        put_span(f, rank, &spans[i], spans[i].stage < n_stages
                                     ? stage_names[spans[i].stage] : NULL);
    note_failure(f);
}

enum mpipe_err mpipe__trace_close(struct mpipe__trace_file *f,
                                  struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;
    fprintf(f->stream, "\n],\"otherData\":{\"writer\":\"libmpipe %s\","
            "\"epoch_unix_ns\":\"%" PRIu64 "\"}}\n", MPIPE_VERSION_STRING,
            f->epoch_ns);
    note_failure(f);
    if (fclose(f->stream) != 0 && f->error == 0)
        f->error = errno;
    if (f->error != 0)
        e = mpipe__error(err, -1, MPIPE_EIO,
                         "could not write the trace '%s': %s", f->path,
                         strerror(f->error));
    free(f->path);
    free(f);
    return e;
}
