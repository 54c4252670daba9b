/* SPDX-License-Identifier: BSD-3-Clause */
/* report_json.c - the closing report as JSON: what a program wants to know.
 *
 * Everything that the text has, unrounded, and each rank besides.  A key says
 * the unit of its number.  What cannot be known (a rate in no time) is null,
 * so that nobody takes it for a measurement, and so that no number is ever one
 * that JSON cannot have.
 *
 * jansson answers NULL or -1 where memory ran out; those are gathered in
 * struct object and looked at once, at the end.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <mpipe/version.h>
#include "cause.h"
#include "report.h"
#include "show.h"

struct object {
    json_t *json;
    bool failed;            /* something is missing: no memory */
};

static struct object object_new(void)
{
    json_t *json = json_object();
    return (struct object){ json, json == NULL };
}

static void set(struct object *o, const char *key, json_t *value)
{
    if (json_object_set_new(o->json, key, value) != 0)
        o->failed = true;
}

/* Append 'o' to 'array' in 'into'; both are used up. */
static void append(struct object *into, json_t *array, struct object o)
{
    if (json_array_append_new(array, o.json) != 0 || o.failed)
        into->failed = true;
}

/* jansson has no unsigned numbers; what is larger loses its last digits. */
static void set_count(struct object *o, const char *key, uint64_t n)
{
    set(o, key, n <= INT64_MAX ? json_integer((json_int_t)n)
                               : json_real((double)n));
}

/* Negative stands for not known. */
static void set_real(struct object *o, const char *key, double x)
{
    set(o, key, isfinite(x) && x >= 0 ? json_real(x) : json_null());
}

static void set_seconds(struct object *o, const char *key, uint64_t ns)
{
    set_real(o, key, (double)ns / 1e9);
}

static void set_percent(struct object *o, const char *key, uint64_t part_ns,
                        uint64_t whole_ns)
{
    set_real(o, key, 100 * mpipe__report_share(part_ns, whole_ns));
}

/* Bytes that are not UTF-8, which JSON has no way to hold, become '?'. */
static json_t *new_text(const char *text)
{
    json_t *json;
    char *copy;
    if (text == NULL)
        return json_null();
    copy = strdup(text);
    if (copy == NULL)
        return NULL;
    for (char *c = copy; *c != '\0';) {
        size_t n = mpipe__show_utf8(c);
        if (n == 0)
            *c = '?';
        c += n == 0 ? 1 : n;
    }
    json = json_string(copy);
    free(copy);
    return json;
}

static void set_text(struct object *o, const char *key, const char *text)
{
    set(o, key, new_text(text));
}

/* ---- the parts ---- */

static const char *code_name(enum mpipe_err code)
{
    switch (code) {
    case MPIPE_AGAIN:     return "MPIPE_AGAIN";
    case MPIPE_END:       return "MPIPE_END";
    case MPIPE_OK:        return "MPIPE_OK";
    case MPIPE_EFAILED:   return "MPIPE_EFAILED";
    case MPIPE_EINVAL:    return "MPIPE_EINVAL";
    case MPIPE_ENOMEM:    return "MPIPE_ENOMEM";
    case MPIPE_EIO:       return "MPIPE_EIO";
    case MPIPE_ETOOBIG:   return "MPIPE_ETOOBIG";
    case MPIPE_EMISMATCH: return "MPIPE_EMISMATCH";
    case MPIPE_EPLACE:    return "MPIPE_EPLACE";
    case MPIPE_ESTAGE:    return "MPIPE_ESTAGE";
    case MPIPE_EINTR:     return "MPIPE_EINTR";
    case MPIPE_ESAVED:    return "MPIPE_ESAVED";
    case MPIPE_ELINK:     return "MPIPE_ELINK";
    case MPIPE_EMPI:      return "MPIPE_EMPI";
    case MPIPE_EINTERNAL: return "MPIPE_EINTERNAL";
    case MPIPE_EDEAD:     return "MPIPE_EDEAD";
    }
    return "unknown";
}

static void set_error(struct object *o, const struct mpipe_error *e)
{
    struct object error;
    if (e == NULL || e->code == MPIPE_OK) {
        set(o, "error", json_null());
        return;
    }
    error = object_new();
    set(&error, "code", json_integer(e->code));
    set_text(&error, "name", code_name(e->code));
    set(&error, "rank", e->rank < 0 ? json_null() : json_integer(e->rank));
    set_text(&error, "text", *e->text == '\0' ? mpipe_strerror(e->code)
                                              : e->text);
    o->failed = o->failed || error.failed;
    set(o, "error", error.json);
}

static struct object stage_object(const struct mpipe__report_stage *s,
                                  double wall)
{
    struct object o = object_new();
    set_text(&o, "name", s->name);
    set_count(&o, "ranks", s->ranks);
    set_count(&o, "items_in", s->sum.in);
    set_count(&o, "items_out", s->sum.out);
    set_count(&o, "items_made", s->sum.made);
    set_count(&o, "items_dropped", s->sum.dropped);
    set_count(&o, "items_failed", s->sum.failed);
    set_count(&o, "items_retried", s->sum.retried);
    set_count(&o, "bytes_in", s->sum.bytes_in);
    set_count(&o, "bytes_out", s->sum.bytes_out);
    set_count(&o, "frames", s->sum.frames);
    set_real(&o, "items_per_second", mpipe__report_rate(s->sum.in, wall));
    set_seconds(&o, "busy_seconds", s->sum.busy_ns);
    set_percent(&o, "busy_percent", s->sum.busy_ns, s->rank_ns);
    set_percent(&o, "waiting_percent", s->waiting_ns, s->rank_ns);
    return o;
}

static void set_stages(struct object *o, const struct mpipe__report *r)
{
    json_t *stages = json_array();
    for (unsigned i = 0; i < r->n_stages; i++)
        append(o, stages, stage_object(&r->stages[i], r->wall));
    set(o, "stages", stages);
}

/* What the rank was there for, and the names of its stages. */
static void set_role(struct object *o, const struct mpipe__report *r,
                     const struct mpipe__report_rank *rank)
{
    bool serves = rank->first >= 0 && rank->last < (int)r->n_stages;
    json_t *stages = json_array();
    set_text(o, "role", rank->rank == 0 ? serves ? "feeder, sink and stages"
                                                 : "feeder and sink"
                                        : serves ? "stages" : "spare");
    for (int i = rank->first; serves && i <= rank->last; i++)
        if (json_array_append_new(stages, new_text(r->stages[i].name)) != 0)
            o->failed = true;
    set(o, "stages", stages);
}

static struct object rank_object(const struct mpipe__report *r,
                                 const struct mpipe__report_rank *rank)
{
    const struct mpipe__rank_stats *s = &rank->stats;
    struct object o = object_new();
    set(&o, "rank", json_integer(rank->rank));
    set_text(&o, "host", rank->host);
    set_role(&o, r, rank);
    set_seconds(&o, "wall_seconds", s->wall_ns);
    set_seconds(&o, "busy_seconds", s->busy_ns);
    set_seconds(&o, "blocked_seconds", s->blocked_ns);
    set_seconds(&o, "waiting_seconds", s->waiting_ns);
    set_percent(&o, "busy_percent", s->busy_ns, s->wall_ns);
    set_count(&o, "memory_bytes", s->rss);
    set_count(&o, "memory_peak_bytes", s->rss_max);
    set_count(&o, "node_available_bytes", s->node_available);
    set_count(&o, "backlog_frames", s->backlog);
    set_count(&o, "frames_sent", s->frames_sent);
    set_count(&o, "frames_received", s->frames_received);
    set_count(&o, "bytes_sent", s->bytes_sent);
    set_count(&o, "bytes_received", s->bytes_received);
    set_count(&o, "bytes_read", s->bytes_read);
    if (rank->died_ns > 0) {
        set_real(&o, "died_seconds", (double)rank->died_ns * 1e-9);
        set_text(&o, "died_of", mpipe__cause_words(rank->cause));
    }
    if (r->shuffle.n_parts == 0 || r->reduces)
        return o;
    set_count(&o, "pairs_emitted", s->pairs_emitted);
    set_count(&o, "pairs_sent", s->pairs_sent);
    set_count(&o, "pairs_kept", s->pairs_kept);
    set_count(&o, "bytes_spilled", s->bytes_spilled);
    return o;
}

static void set_ranks(struct object *o, const struct mpipe__report *r)
{
    json_t *ranks = json_array();
    for (unsigned i = 0; i < r->n_ranks; i++)
        append(o, ranks, rank_object(r, &r->ranks[i]));
    set(o, "ranks", ranks);
}

static void set_counts(struct object *o, const struct mpipe__report *r)
{
    const struct mpipe_counts *c = &r->counts;
    set_count(o, "items_fed", c->fed);
    set_count(o, "items_made", c->made);
    set_count(o, "items_delivered", c->delivered);
    set_count(o, "items_dropped", c->dropped);
    set_count(o, "items_failed", c->failed);
    set_count(o, "items_retried", c->retried);
    set_count(o, "items_unfinished", mpipe__report_unfinished(c));
    set_count(o, "bytes_fed", r->bytes_fed);
    set_count(o, "bytes_delivered", r->bytes_delivered);
}

static void set_memory(struct object *o, const struct mpipe__report *r)
{
    const struct mpipe__report_rank *largest = mpipe__report_largest(r);
    if (largest == NULL) {
        set(o, "memory_peak_bytes", json_null());
        set(o, "memory_peak_rank", json_null());
        return;
    }
    set_count(o, "memory_peak_bytes", largest->stats.rss_max);
    set(o, "memory_peak_rank", json_integer(largest->rank));
}

/* Of a shuffle, also of the one whose partitions are gone through here. */
static void set_shuffle(struct object *o, const struct mpipe__report *r)
{
    const struct mpipe__report_shuffle *s = &r->shuffle;
    struct object shuffle = object_new();
    json_t *keys = json_array();

    set_count(&shuffle, "partitions", s->n_parts);
    set_count(&shuffle, "pairs", s->pairs);
    set_count(&shuffle, "largest_pairs", s->largest);
    set_count(&shuffle, "largest_partition", s->largest_part);
    set(&shuffle, "largest_rank", json_integer(s->largest_rank));
    set_real(&shuffle, "largest_times_mean", mpipe__report_skew(s));
    for (unsigned i = 0; r->heavy != NULL && i < MPIPE__HEAVY_KEYS
         && r->heavy[i].values > 0; i++) {
        const struct mpipe__heavy_key *k = &r->heavy[i];
        struct object key = object_new();
        char text[sizeof k->key + 1];
        size_t size = k->size < sizeof k->key ? k->size : sizeof k->key;

        memcpy(text, k->key, size);
        text[size] = '\0';
        set_text(&key, "key", text);
        set_count(&key, "values", k->values);
        append(o, keys, key);
    }
    if (r->reduces)
        set(&shuffle, "heaviest_keys", keys);
    else
        json_decref(keys);
    o->failed |= shuffle.failed;
    set(o, "shuffle", shuffle.json);
}

static void set_deaths(struct object *o, const struct mpipe__recovery *rec)
{
    set_count(o, "deaths", rec->deaths);
    set_count(o, "items_fed_again", rec->items);
    set_count(o, "frames_fed_again", rec->roots);
    set_real(o, "longest_recovery_seconds", (double)rec->longest_ns * 1e-9);
}

/* Partitions that were lost, and filled again. */
static void set_refilled(struct object *o, const struct mpipe__report *r)
{
    json_t *parts = json_array();

    for (uint32_t i = 0; i < r->n_refilled; i++)
        if (json_array_append_new(parts, json_integer(r->refilled[i])) != 0)
            o->failed = true;
    set(o, "partitions_computed_again", parts);
}

enum mpipe_err mpipe__report_json(const struct mpipe__report *report,
                                  FILE *stream)
{
    struct object o = object_new();
    set_text(&o, "program", report->program);
    set_text(&o, "pipeline", report->name);
    set_text(&o, "version", MPIPE_VERSION_STRING);
    set_error(&o, report->error);
    set_real(&o, "wall_seconds", report->wall);
    set_real(&o, "items_per_second",
             mpipe__report_rate(report->counts.fed, report->wall));
    set_counts(&o, report);
    set_memory(&o, report);
    if (report->resumed > 0)
        set_count(&o, "items_of_an_earlier_run", report->resumed);
    if (report->resumed_keys > 0)
        set_count(&o, "keys_of_an_earlier_run", report->resumed_keys);
    if (report->n_backups > 0) {
        set_count(&o, "late_frames_fed_again", report->n_backups);
        set_count(&o, "late_frames_won", report->n_backups_won);
    }
    if (report->recovery.deaths > 0)
        set_deaths(&o, &report->recovery);
    if (report->shuffle.n_parts > 0)
        set_shuffle(&o, report);
    if (report->n_refilled > 0)
        set_refilled(&o, report);
    if (report->n_lost > 0)
        set_count(&o, "partitions_lost", report->n_lost);
    set_stages(&o, report);
    set_ranks(&o, report);
    /* not json_dumps(): 2.14 forgets that a key found no memory */
    if (!o.failed && json_dumpf(o.json, stream, JSON_INDENT(2) |
                                JSON_REAL_PRECISION(12)) != 0)
        o.failed = true;
    json_decref(o.json);
    if (!o.failed)
        fputc('\n', stream);
    if (fflush(stream) != 0 || ferror(stream))
        return MPIPE_EIO;
    return o.failed ? MPIPE_ENOMEM : MPIPE_OK;
}
