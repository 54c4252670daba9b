/* SPDX-License-Identifier: BSD-3-Clause */
/* resume.c - see resume.h.
 *
 * The journal begins with whose it is: the version, the command and the pipeline,
 * all of which must be the same in the next run.  That the input is too is seen
 * from digests of the items that are passed over.
 */
#define XXH_INLINE_ALL
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>
#include "clock.h"
#include "error.h"
#include "journal_owner.h"
#include "master.h"
#include "record.h"
#include "resume.h"
#include "sink.h"

#define FLUSH_NS 10000000u          /* what a killed process loses at most, */
#define SYNC_NS  1000000000u        /* ... and a machine without power, about */

void mpipe__resume_file(char *to, size_t size, const char *session, unsigned nth)
{
    snprintf(to, size, "%spipeline-%u.journal", session, nth);
}

static struct mpipe__resume *resume_of(const struct mpipe__flow *flow)
{
    return flow->master->resume;
}

/* Is it of a job's output, whose tokens are no items of a feed? */
static bool is_output(const struct mpipe__resume *re)
{
    return re->spec == NULL;
}

/* ---- whose journal it is ---- */

/* The pipeline in words. */
static void describe(const struct mpipe__flow_spec *spec, char *to)
{
    XXH64_hash_t hash = 0;
    size_t n = (size_t)snprintf(to, MPIPE__OWNER_WORDS, "%s%s:", spec->name,
                                spec->ordered ? ", ordered" : "");

    for (unsigned s = 0; s < spec->n_stages; s++) {
        const char *name = spec->stage[s].name;

        hash = XXH64(name, strlen(name) + 1, hash);
        if (n + strlen(name) + 40 < MPIPE__OWNER_WORDS)
            n += (size_t)snprintf(to + n, MPIPE__OWNER_WORDS - n, " %s", name);
    }
    snprintf(to + n, MPIPE__OWNER_WORDS - n, " (%u stages, %016llx)",
             spec->n_stages, (unsigned long long)hash);
}

static void owner_of(const struct mpipe__resume *re,
                     struct mpipe__journal_owner *o)
{
    char what[MPIPE__OWNER_WORDS];

    describe(re->spec, what);
    mpipe__journal_owner_set(o, re->engine->command, what);
}

static enum mpipe_err damaged(const struct mpipe__resume *re,
                              struct mpipe_error *err)
{
    return mpipe__journal_damaged(re->engine->options->journal, err);
}

static enum mpipe_err compare_owner(struct mpipe__resume *re,
                                    const struct mpipe__journal_reader *r,
                                    struct mpipe_error *err)
{
    struct mpipe__journal_owner ours;
    const char *at;
    size_t size;

    owner_of(re, &ours);
    if (mpipe__journal_owner_compare(&ours, r, re->engine->options->journal,
                                     &at, &size, err) != MPIPE_OK)
        return err->code;
    if (size != sizeof re->ranks + sizeof re->memory)
        return damaged(re, err);
    memcpy(&re->ranks, at, sizeof re->ranks);
    memcpy(&re->memory, at + sizeof re->ranks, sizeof re->memory);
    return re->ranks > 0 ? MPIPE_OK : damaged(re, err);
}

unsigned mpipe__resume_ranks(const struct mpipe__flow *flow)
{
    return resume_of(flow) != NULL ? resume_of(flow)->ranks
                                   : (unsigned)flow->engine->transport->size;
}

uint64_t mpipe__resume_memory(const struct mpipe__flow *flow)
{
    return resume_of(flow) != NULL ? resume_of(flow)->memory
                                   : flow->engine->options->memory;
}

/* ---- opening ---- */

/* Of the records of roots. */
static uint32_t kind_of(const struct mpipe__resume *re)
{
    return re->map != NULL ? MPIPE__JOURNAL_MAPPED : MPIPE__JOURNAL_ROOT;
}

static enum mpipe_err take(void *arg, const struct mpipe__journal_reader *r,
                           struct mpipe_error *err)
{
    struct mpipe__resume *re = arg;
    struct mpipe__root_record root;
    struct mpipe__interval items;
    enum mpipe_err e;

    if (!re->started) {
        re->started = true;
        return compare_owner(re, r, err);
    }
    if (re->map != NULL && r->kind == MPIPE__JOURNAL_RUN)
        return mpipe__map_journal_take(re->map, r,
                                       re->engine->options->journal, err);
    if (r->kind != kind_of(re)
        || !mpipe__record_check(r, re->spec->n_stages, &root))
        return damaged(re, err);
    if (re->map != NULL
        && mpipe__map_journal_take(re->map, r, re->engine->options->journal, err)
           != MPIPE_OK)
        return err->code;
    items = (struct mpipe__interval){ root.first, root.first + root.items,
                                      root.digest };
    e = mpipe__intervals_add(&re->done, &items);
    if (e == MPIPE_ENOMEM)
        return mpipe__error(err, 0, e, "no memory for a journal");
    return e == MPIPE_OK ? e : damaged(re, err);
}

static enum mpipe_err begin_journal(struct mpipe__resume *re,
                                    struct mpipe_error *err)
{
    const struct iovec terms[] = {
        { &re->ranks, sizeof re->ranks }, { &re->memory, sizeof re->memory }
    };
    struct mpipe__journal_owner ours;
    enum mpipe_err e = MPIPE_OK;

    if (!re->started) {
        owner_of(re, &ours);
        re->ranks = (unsigned)re->engine->transport->size;
        re->memory = re->engine->options->memory;
        e = mpipe__journal_owner_write(&re->journal, &ours, terms, 2, err);
    }
    /* also what an earlier run has not: this one builds on it */
    return e == MPIPE_OK ? mpipe__journal_sync(&re->journal, err) : e;
}

bool mpipe__resume_wanted(const struct mpipe__flow *flow)
{
    const struct mpipe__options *o = flow->engine->options;

    return o->journal[0] != '\0' && !o->plan && !flow->spec->forgives
           && (flow->spec->journals || (flow->spec->shuffle == NULL
                                        && flow->spec->direct == NULL));
}

static void say_torn(struct mpipe__flow *flow, struct mpipe__resume *re)
{
    uint64_t bytes = re->journal.torn;
    char line[200];

    re->journal.torn = 0;
    if (bytes == 0)
        return;
    snprintf(line, sizeof line, "the end of the journal was torn: its last %llu "
             "bytes are cut off, and what they held is done again",
             (unsigned long long)bytes);
    mpipe__flow_log(flow, MPIPE_LOG_WARN, "", line);
}

enum mpipe_err mpipe__resume_begin(struct mpipe__resume *re,
                                   const struct mpipe__engine *en,
                                   const struct mpipe__flow_spec *spec,
                                   unsigned nth, struct mpipe_error *err)
{
    char name[100];

    re->engine = en;
    re->spec = spec;
    re->journal.fd = -1;
    mpipe__resume_file(name, sizeof name, en->session, nth);
    if (mpipe__journal_open(&re->journal, en->options->journal, name, take, re,
                            err) != MPIPE_OK)
        return err->code;
    re->replay_end = re->journal.size;
    return begin_journal(re, err);
}

void mpipe__resume_fini(struct mpipe__resume *re, bool well)
{
    if (well && re->journal.fd >= 0)
        mpipe__journal_flush(&re->journal, NULL);   /* told, or too late */
    mpipe__journal_close(&re->journal);
    mpipe__journal_reader_free(&re->reader);
    mpipe__intervals_free(&re->done);
    mpipe__intervals_free(&re->given);
    if (re->map != NULL)
        mpipe__map_journal_fini(re->map);
}

enum mpipe_err mpipe__resume_open(struct mpipe__flow *flow,
                                  struct mpipe_error *err)
{
    struct mpipe__resume *re = flow->spec->resume;

    if (!mpipe__resume_wanted(flow))
        return MPIPE_OK;
    if (re == NULL)
        re = calloc(1, sizeof *re);
    flow->master->resume = re;
    if (re == NULL)
        return mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a journal");
    if (!re->outlives
        && mpipe__resume_begin(re, flow->engine, flow->spec, flow->nth_journal,
                               err) != MPIPE_OK)
        return err->code;
    say_torn(flow, re);
    return MPIPE_OK;
}

void mpipe__resume_close(struct mpipe__flow *flow)
{
    struct mpipe__resume *re = resume_of(flow);

    flow->master->resume = NULL;
    if (re == NULL || re->outlives)
        return;
    mpipe__resume_fini(re, flow->error.code != MPIPE_EDEAD);
    free(re);
}

/* ---- the feed ---- */

uint32_t mpipe__resume_room(const struct mpipe__flow *flow, uint64_t at)
{
    const struct mpipe__resume *re = resume_of(flow);
    const struct mpipe__interval *next;
    uint64_t room;

    if (re == NULL || is_output(re))
        return UINT32_MAX;
    next = mpipe__intervals_from(&re->done, at);
    if (next == NULL)
        return UINT32_MAX;
    room = (next->first > at ? next->first : next->end) - at;
    return room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

static uint64_t digest_of(struct mpipe__frame *f, uint64_t at)
{
    struct mpipe__cursor c;
    struct mpipe_item item;
    uint64_t sum = 0;

    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item))
        sum += mpipe__interval_digest(at++, item.data, item.size);
    return sum;
}

bool mpipe__resume_passes(struct mpipe__flow *flow, struct mpipe__frame *f,
                          uint64_t at)
{
    struct mpipe__resume *re = resume_of(flow);
    const struct mpipe__interval *next;

    if (re == NULL || is_output(re))
        return false;
    next = mpipe__intervals_from(&re->done, at);
    if (next == NULL || next->first > at)
        return false;
    re->digest += digest_of(f, at);
    re->passed += f->head.n_items;
    if (at + f->head.n_items < next->end)
        return true;
    if (re->digest != next->digest)
        mpipe__flow_fail(flow, 0, MPIPE_EMISMATCH, "items %llu to %llu of the "
                         "input are not those of the journal in %s: has the "
                         "input changed? Remove the journal to begin the job "
                         "again", (unsigned long long)next->first,
                         (unsigned long long)next->end - 1,
                         flow->engine->options->journal);
    re->digest = 0;
    return true;
}

void mpipe__resume_fed(struct mpipe__flow *flow, struct mpipe__root *r,
                       struct mpipe__frame *f)
{
    struct mpipe__resume *re = resume_of(flow);
    const struct mpipe__interval *next;

    if (re == NULL || is_output(re))
        return;
    next = mpipe__intervals_from(&re->done, re->next_root);
    if (next != NULL && next->first == re->next_root)
        re->next_root = next->end;
    r->first_item = re->next_root;
    r->digest = digest_of(f, r->first_item);
    re->next_root += f->head.n_items;
}

void mpipe__resume_check_end(struct mpipe__flow *flow)
{
    const struct mpipe__resume *re = resume_of(flow);
    uint64_t at = flow->master->feeder.items;
    const struct mpipe__interval *next;

    if (re == NULL || is_output(re))
        return;
    next = mpipe__intervals_from(&re->done, at);
    if (next != NULL)
        mpipe__flow_fail(flow, 0, MPIPE_EMISMATCH, "the input has ended after "
                         "%llu items, but the journal in %s has results of "
                         "items up to %llu: has the input changed, or "
                         "--limit? Remove the journal to begin the job again",
                         (unsigned long long)at,
                         flow->engine->options->journal,
                         (unsigned long long)re->done.list[re->done.n - 1].end
                         - 1);
}

/* ---- results of earlier runs ---- */

bool mpipe__resume_replays(const struct mpipe__flow *flow)
{
    const struct mpipe__resume *re = resume_of(flow);

    if (re != NULL && is_output(re))
        return re->reader.at < re->replay_end;
    return re != NULL && re->passed > re->n_given
           && flow->master->feeder.items >= re->wait_for;
}

bool mpipe__resume_comes_first(const struct mpipe__flow *flow)
{
    return resume_of(flow) != NULL && is_output(resume_of(flow))
           && mpipe__resume_replays(flow);
}

/* A root that looks as if it had just been completed. */
static void replay_root(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    const struct mpipe__journal_reader *r = &m->resume->reader;
    const char *at = r->data;
    struct mpipe__root_record record;
    struct mpipe__root root;
    struct mpipe__frame *f;

    memcpy(&record, at, sizeof record);
    at += sizeof record;
    memset(&root, 0, sizeof root);
    root.items = record.items;
    root.keys = record.keys;
    root.delivered = record.delivered;
    root.dropped = record.dropped;
    root.made = record.made;
    mpipe__queue_init(&root.results);
    for (uint32_t i = 0; i < record.n_frames; i++) {
        f = mpipe__record_frame(&flow->engine->pool, &at);
        if (f == NULL) {
            mpipe__flow_fail(flow, 0, MPIPE_ENOMEM, "no memory for results of an "
                             "earlier run");
            break;
        }
        if (r->kind == MPIPE__JOURNAL_KEYS && i == 0) {
            root.fed = f;
            continue;
        }
        m->held += f->capacity;
        mpipe__queue_push(&root.results, f);
    }
    m->counts.fed += root.items;
    if (root.fed != NULL)
        m->resume->keys += root.keys;
    if (root.fed != NULL || r->kind != MPIPE__JOURNAL_KEYS)
        mpipe__sink_hand_out(flow, &root);
    mpipe__pool_put(&flow->engine->pool, root.fed);
}

/* From the first record on that has not been handed out, when so many items have
 * been fed. */
static void look_again(struct mpipe__resume *re, uint64_t wait_for)
{
    re->looking = false;
    re->wait_for = wait_for;
}

static void begin_to_look(struct mpipe__flow *flow)
{
    struct mpipe__resume *re = resume_of(flow);

    if (re->looking)
        return;
    re->looking = true;
    re->reader.at = re->replay_from;
    re->fed = flow->master->feeder.items;
    re->due = re->passed;
    re->ahead = 0;
    re->least_end = UINT64_MAX;
}

static bool is_given(const struct mpipe__resume *re, uint64_t first)
{
    const struct mpipe__interval *i = mpipe__intervals_from(&re->given, first);

    return i != NULL && i->first <= first;
}

/* The record at hand began at byte 'from'. */
static void consider(struct mpipe__flow *flow, uint64_t from)
{
    struct mpipe__resume *re = resume_of(flow);
    bool is_first = from == re->replay_from;
    struct mpipe__root_record root;
    struct mpipe__interval items;

    memcpy(&root, re->reader.data, sizeof root);
    items = (struct mpipe__interval){ root.first, root.first + root.items, 0 };
    if (is_given(re, items.first)) {
        if (is_first)
            re->replay_from = re->reader.at;
        return;
    }
    if (items.end > re->fed) {          /* not yet */
        if (items.end < re->least_end)
            re->least_end = items.end;
        if (items.first < re->fed)
            re->ahead += re->fed - items.first;
        return;
    }
    if (is_first)
        re->replay_from = re->reader.at;
    else if (mpipe__intervals_add(&re->given, &items) != MPIPE_OK) {
        mpipe__flow_fail(flow, 0, MPIPE_ENOMEM, "no memory for a journal");
        return;
    }
    re->n_given += root.items;
    re->replaying = true;
    replay_root(flow);
    re->replaying = false;
}

static void replay_next(struct mpipe__flow *flow)
{
    struct mpipe__resume *re = resume_of(flow);
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    enum mpipe_err e = mpipe__journal_read(&re->journal, &re->reader,
                                           re->replay_end, &err);

    if (e < MPIPE_OK)
        mpipe__flow_fail(flow, 0, e, "%s", err.text);
    if (e == MPIPE_END)
        re->reader.at = re->replay_end;
    if (e != MPIPE_OK || re->reader.kind != MPIPE__JOURNAL_KEYS)
        return;
    re->replaying = true;
    replay_root(flow);
    re->replaying = false;
}

/* The records stand in the order in which they were handed out, which need not be
 * that of the feed.  So those whose turn has not come are passed over, until there
 * can be no more whose turn has. */
void mpipe__resume_replay(struct mpipe__flow *flow)
{
    struct mpipe__resume *re = resume_of(flow);
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    uint64_t from;
    enum mpipe_err e;

    if (is_output(re)) {
        replay_next(flow);
        return;
    }
    begin_to_look(flow);
    from = re->reader.at;
    e = mpipe__journal_read(&re->journal, &re->reader, re->replay_end, &err);
    if (e == MPIPE_OK && re->reader.kind == kind_of(re))
        consider(flow, from);
    else if (e == MPIPE_OK && from == re->replay_from)
        re->replay_from = re->reader.at;
    else if (e < MPIPE_OK)
        mpipe__flow_fail(flow, 0, e, "%s", err.text);
    else if (e == MPIPE_END && re->due - re->n_given > re->ahead)
        mpipe__flow_fail(flow, 0, MPIPE_EINTERNAL, "the journal in %s has not the "
                         "results that it is known to have",
                         flow->engine->options->journal);
    if (e == MPIPE_END || re->due - re->n_given <= re->ahead)
        look_again(re, re->ahead > 0 ? re->least_end : 0);
}

/* ---- results of this run ---- */

/* Does it go on, or end only to be gone on with? */
static bool goes_well(const struct mpipe__flow *flow)
{
    return flow->error.code == MPIPE_OK || flow->error.code == MPIPE_AGAIN;
}

static void no_journal(struct mpipe__flow *flow, const struct mpipe_error *err)
{
    mpipe__flow_fail(flow, 0, err->code, "%s (the journal holds what was done "
                     "before)", err->text);
}

void mpipe__resume_record(struct mpipe__flow *flow, struct mpipe__root *r)
{
    struct mpipe__resume *re = resume_of(flow);
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe__root_record root = {
        .first = r->first_item, .digest = r->digest, .keys = r->keys,
        .delivered = r->delivered, .dropped = r->dropped, .made = r->made,
        .items = r->items
    };

    if (re == NULL || re->replaying || !goes_well(flow))
        return;
    if (re->map != NULL)
        mpipe__map_journal_wait(flow, r, &root, &err);
    else
        mpipe__record_append(&re->journal, &root, is_output(re) ? r->fed : NULL,
                             &r->results, &err);
    if (err.code != MPIPE_OK)
        no_journal(flow, &err);
    flow->engine->n_recorded += re->map == NULL;
}

void mpipe__resume_pass(struct mpipe__flow *flow, uint64_t now)
{
    struct mpipe__resume *re = resume_of(flow);
    struct mpipe_error err = { MPIPE_OK, 0, "" };

    if (re == NULL || now < re->next_flush)
        return;
    re->next_flush = now + FLUSH_NS;
    mpipe__journal_flush(&re->journal, &err);
    if (err.code == MPIPE_OK && now >= re->next_sync) {
        re->next_sync = now + SYNC_NS;
        mpipe__journal_sync_begin(&re->journal, &err);
    }
    if (err.code != MPIPE_OK)
        no_journal(flow, &err);
}

void mpipe__resume_save(struct mpipe__flow *flow)
{
    struct mpipe_error err = { MPIPE_OK, 0, "" };

    if (resume_of(flow) != NULL
        && mpipe__journal_sync(&resume_of(flow)->journal, &err) != MPIPE_OK)
        no_journal(flow, &err);
}

/* ---- asked to stop ---- */

/* Between the flows of a job that keep one: is it worth it to run it again? */
static void stop_between(struct mpipe__flow *flow,
                         const struct mpipe_error *why)
{
    if (flow->engine->n_recorded > 0)
        mpipe__flow_fail(flow, 0, MPIPE_ESAVED, "%s; what was done before pipeline "
                         "'%s' is in the journal in %s: run the same command to go "
                         "on", why->text, flow->spec->name,
                         flow->engine->options->journal);
    else
        mpipe__flow_fail(flow, why->rank, MPIPE_EINTR, "%s", why->text);
}

void mpipe__resume_stop(struct mpipe__flow *flow,
                        const struct mpipe_error *why)
{
    struct mpipe__resume *re = resume_of(flow);
    char line[sizeof why->text + 100];

    if (!mpipe__resume_wanted(flow)) {
        stop_between(flow, why);
        return;
    }
    if (re == NULL)
        mpipe__flow_fail(flow, 0, MPIPE_ESAVED, "%s before pipeline '%s' began: "
                         "run the same command to go on", why->text,
                         flow->spec->name);
    if (re == NULL || re->drain_until != 0)
        return;
    re->drain_until = mpipe__now()
                      + 1000000000u * (uint64_t)flow->engine->options->grace;
    flow->master->feeder.stopped = true;
    snprintf(line, sizeof line, "%s: no more is fed; waiting up to %u s "
             "(--grace) for what is under way", why->text,
             flow->engine->options->grace);
    mpipe__flow_log(flow, MPIPE_LOG_INFO, "", line);
}

bool mpipe__resume_draining(const struct mpipe__flow *flow)
{
    return resume_of(flow) != NULL && resume_of(flow)->drain_until != 0;
}

void mpipe__resume_drained(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__resume *re = m->resume;
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    bool empty = mpipe__ledger_empty(&m->ledger)
                 && (re->map == NULL || re->map->first == NULL);

    if (!empty && flow->engine->now < re->drain_until)
        return;
    if (mpipe__journal_sync(&re->journal, &err) != MPIPE_OK) {
        no_journal(flow, &err);
        return;
    }
    if (re->outlives && flow->engine->n_recorded == 0) {
        mpipe__flow_fail(flow, 0, MPIPE_EINTR, "stopped, and this run has done "
                         "nothing that could be saved: it needs more time");
        return;
    }
    mpipe__flow_fail(flow, 0, MPIPE_ESAVED, "stopped; what was done is in the "
                     "journal in %s%s: run the same command to go on",
                     flow->engine->options->journal, empty ? ""
                     : ", but for what took longer than --grace");
}

void mpipe__resume_forget(const char *dir, const char *session, unsigned n)
{
    char name[100], path[PATH_MAX];

    for (unsigned i = 0; i < n; i++) {
        mpipe__resume_file(name, sizeof name, session, i);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        unlink(path);
        mpipe__mapped_remove(dir, session, i);
    }
}
