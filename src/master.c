/* SPDX-License-Identifier: BSD-3-Clause */
/* master.c - rank 0's part of a flow: the agreement, the tables, the end.
 *
 * When every rank has said HELLO with the same pipeline, the plan gives roles,
 * the route gives links, and each rank is sent its piece of the table. From
 * then on rank 0 is feeder and sink; items that failed come by here to be
 * tried on another rank. The flow ends when the feed has ended and the ledger
 * is empty, or with the first error.
 */
#define XXH_INLINE_ALL
#include <stdlib.h>
#include <xxhash.h>
#include "backup.h"
#include "clock.h"
#include "commit.h"
#include "error.h"
#include "flow_plan.h"
#include "map_journal.h"
#include "master.h"
#include "poison.h"
#include "recovery.h"
#include "resume.h"
#include "show.h"
#include "sink.h"

#define LEDGER_ROOTS   8192u
#define LEDGER_SHARE   4u           /* of the window */
#define LEDGER_LEAST   ((size_t)2 << 20)
#define PATIENCE_NS    10000000000u /* before we say for whom we wait */
#define TICK_NS        100000000u
#define QUIET_STATS    4u
#define LARGE_STATS    600u
#define HEARD_NS       2500000000u

/* ---- links to all ranks ---- */

struct mpipe__link *mpipe__master_link(const struct mpipe__flow *flow,
                                       int rank)
{
    return rank == 0 ? flow->home
                     : mpipe__link_find(&flow->links, rank, MPIPE__LANE_MAIN);
}

static void tell_all(struct mpipe__flow *flow, enum mpipe__control what,
                     const void *item, size_t size)
{
    for (int r = 0; r < flow->engine->transport->size; r++) {
        struct mpipe__link *link = mpipe__master_link(flow, r);
        if (link != NULL
            && mpipe__control_send(link, what, item, size) != MPIPE_OK)
            mpipe__flow_fail(flow, 0, MPIPE_ENOMEM,
                             "no memory to tell rank %d what to do", r);
    }
}

void mpipe__master_tell(struct mpipe__flow *flow, enum mpipe__control what)
{
    for (int r = 0; r < flow->engine->transport->size; r++)
        flow->master->member[r].paused = false;
    tell_all(flow, what, "", 0);
}

void mpipe__master_finish(struct mpipe__flow *flow)
{
    if (flow->stopping)
        return;
    flow->stopping = true;
    tell_all(flow, MPIPE__FINISH, &flow->error, sizeof flow->error);
}

bool mpipe__master_all_paused(const struct mpipe__flow *flow)
{
    for (int r = 0; r < flow->engine->transport->size; r++)
        if (!flow->master->member[r].paused
            && !mpipe__engine_dead(flow->engine, r))
            return false;
    return true;
}

/* Are roots delivered in feed order?  Also the tokens of a job that can go on after
 * a death, or from a journal: so what was delivered of a partition is always its
 * beginning. */
static bool in_order(const struct mpipe__flow *flow)
{
    return flow->spec->ordered || flow->spec->shuffle != NULL
           || (flow->spec->direct != NULL
               && (flow->engine->survives || mpipe__resume_wanted(flow)));
}

/* For roots beyond LEDGER_ROOTS: many ranks have many in flight, and one that takes long
 * must not stop all others. */
static size_t ledger_memory(const struct mpipe__flow *flow)
{
    size_t share = flow->engine->options->window / LEDGER_SHARE;

    return share > LEDGER_LEAST ? share : LEDGER_LEAST;
}

enum mpipe_err mpipe__master_init(struct mpipe__flow *flow)
{
    int size = flow->engine->transport->size;
    struct mpipe__master *m = calloc(1, sizeof *m);

    if (m == NULL)
        return MPIPE_ENOMEM;
    flow->master = m;
    mpipe__queue_init(&m->retries);
    mpipe__queue_init(&m->again);
    mpipe__feeder_init(flow);
    m->waiting_since = mpipe__now();
    m->member = calloc((size_t)size, sizeof *m->member);
    if (m->member == NULL
        || mpipe__ledger_init(&m->ledger, LEDGER_ROOTS, ledger_memory(flow),
                              in_order(flow)) != MPIPE_OK)
        return MPIPE_ENOMEM;
    for (int r = 0; r < size; r++) {
        m->member[r].stage = calloc(flow->spec->n_stages + 1,
                                    sizeof(struct mpipe__stage_stats));
        if (m->member[r].stage == NULL)
            return MPIPE_ENOMEM;
        m->member[r].mourned = mpipe__engine_dead(flow->engine, r);
        if (r > 0 && !m->member[r].mourned) {
            struct mpipe__link *link = mpipe__link_open(&flow->links, r,
                                                        MPIPE__LANE_MAIN);
            if (link == NULL)
                return MPIPE_ENOMEM;
            link->leaves_last = true;
        }
    }
    return MPIPE_OK;
}

void mpipe__master_fini(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__frame *f;

    if (m->ledger.ring != NULL)
        mpipe__sink_drop_all(flow);
    mpipe__feeder_fini(flow);
    mpipe__resume_close(flow);
    while ((f = mpipe__queue_pop(&m->retries)) != NULL)
        mpipe__pool_put(&flow->engine->pool, f);
    while ((f = mpipe__queue_pop(&m->again)) != NULL)
        mpipe__pool_put(&flow->engine->pool, f);
    mpipe__ledger_fini(&m->ledger);
    for (int r = 0; m->member != NULL && r < flow->engine->transport->size;
         r++)
        free(m->member[r].stage);
    free(m->member);
    free(m->voids);
    free(m->choices);
    free(m->suspect);
    free(m->worker);
    free(m->worker_rank);
    free(m->refilled);
    mpipe_plan_free(m->plan);
    if (m->trace != NULL)
        mpipe__trace_close(m->trace, NULL);
    free(m);
    flow->master = NULL;
}

/* ---- agreement ---- */

/* What is to be the same on all ranks, as text; what does not fit goes into its
 * hash alone. */
size_t mpipe__flow_signature(const struct mpipe__flow *flow, char *to,
                             size_t size)
{
    const struct mpipe__flow_spec *spec = flow->spec;
    const struct mpipe__options *o = flow->engine->options;
    XXH64_hash_t hash = 0;
    char row[512];
    size_t n;

    n = (size_t)snprintf(to, size, "pipeline '%s' of %u stages:", spec->name,
                         spec->n_stages);
    for (unsigned s = 0; s < spec->n_stages; s++) {
        const struct mpipe_stage *stage = &spec->stage[s];
        size_t more = (size_t)snprintf(row, sizeof row,
                                       "%s '%.400s'%s x%u (work %g)",
                                       s > 0 ? "," : "", stage->name,
                                       stage->map != NULL ? " in place" : "",
                                       stage->replicas, stage->work);
        hash = XXH64(row, strlen(row), hash);
        if (n + more + 200 < size) {
            memcpy(to + n, row, more + 1);
            n += more;
        }
    }
    return n + (size_t)snprintf(to + n, size - n, "; max-item=%llu "
                                "max-retries=%u frame=%llu (%016llx)",
                                (unsigned long long)o->max_item,
                                o->max_retries, (unsigned long long)o->frame,
                                (unsigned long long)hash);
}

static void open_trace(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    char name[MPIPE__OPTION_TEXT + 16];

    if (!flow->tracing)
        return;
    /* what follows the first pipeline has a file of its own */
    if (flow->id == 0)
        snprintf(name, sizeof name, "%s", flow->engine->options->trace);
    else
        snprintf(name, sizeof name, "%s.%u", flow->engine->options->trace,
                 flow->id + 1u);
    m->trace = mpipe__trace_open(name, &err);
    if (m->trace == NULL)
        mpipe__flow_fail(flow, 0, err.code, "%s", err.text);
    else
        mpipe__trace_epoch(m->trace, flow->started + flow->span_day);
}

/* All have agreed: decide who does what. */
static void begin(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe_error err = { MPIPE_OK, 0, "" };

    open_trace(flow);
    if (mpipe__flow_ending(flow))
        return;
    m->plan = mpipe__flow_plan(flow->engine, flow->spec, &err);
    if (m->plan != NULL)
        mpipe__flow_plan_show(flow->engine->options, m->plan, &err);
    if (err.code == MPIPE_OK && flow->engine->options->plan) {
        mpipe__flow_fail(flow, 0, MPIPE_END, "%s", "the plan was printed");
        return;                     /* that was all */
    }
    for (unsigned r = 0; err.code == MPIPE_OK && r < m->plan->n_ranks; r++)
        m->member[r].role = m->plan->role[r];
    if (err.code == MPIPE_OK && mpipe__recovery_lacks(flow))
        return;
    if (err.code == MPIPE_OK)
        mpipe__resume_open(flow, &err);
    if (err.code == MPIPE_OK)
        mpipe__recovery_table(flow, &err);
    if (err.code != MPIPE_OK)
        mpipe__flow_fail(flow, 0, err.code, "pipeline '%s': %s",
                         flow->spec->name, err.text);
    else if (m->resume != NULL && m->resume->map != NULL)
        mpipe__map_journal_begin(flow);
}

void mpipe__master_begin(struct mpipe__flow *flow)
{
    const struct mpipe__master *m = flow->master;

    if (m->version > 0 || mpipe__flow_ending(flow))
        return;
    for (int r = 0; r < flow->engine->transport->size; r++)
        if (!m->member[r].said_hello && !mpipe__engine_dead(flow->engine, r))
            return;
    begin(flow);
}

/* Say where the two first differ. */
static void mismatch(struct mpipe__flow *flow, int rank,
                     const struct mpipe_item *theirs, const char *ours)
{
    const char *text = theirs->data;
    size_t same = 0, from;

    while (same < theirs->size && ours[same] != '\0'
           && text[same] == ours[same])
        same++;
    from = same > 30 ? same - 30 : 0;
    mpipe__flow_fail(flow, rank, MPIPE_EMISMATCH,
                     "it has built \"%s%.*s\", rank 0 \"%s%.60s\": all ranks "
                     "must make the same calls with the same options",
                     from > 0 ? "..." : "", theirs->size - from < 60
                     ? (int)(theirs->size - from) : 60, text + from,
                     from > 0 ? "..." : "", ours + from);
}

static void got_hello(struct mpipe__flow *flow, int rank,
                      struct mpipe__frame *f)
{
    struct mpipe__master *m = flow->master;
    char ours[2048];
    size_t n = mpipe__flow_signature(flow, ours, sizeof ours);
    struct mpipe_error theirs = { MPIPE_OK, 0, "" };
    struct mpipe_item signature = { "", 0 }, error;
    struct mpipe__cursor c;

    mpipe__cursor_init(&c, f);
    if (mpipe__cursor_next(&c, &signature)
        && mpipe__cursor_next(&c, &error) && error.size == sizeof theirs)
        memcpy(&theirs, error.data, sizeof theirs);
    if (theirs.code != MPIPE_OK)
        mpipe__flow_fail(flow, theirs.rank, theirs.code, "%s", theirs.text);
    else if (signature.size != n || memcmp(signature.data, ours, n) != 0)
        mismatch(flow, rank, &signature, ours);
    m->member[rank].said_hello = true;
    mpipe__master_begin(flow);
}

/* Somebody does not come: say who. */
static void wait_for_hellos(struct mpipe__flow *flow, uint64_t now)
{
    struct mpipe__master *m = flow->master;
    char who[160] = "";
    size_t n = 0;

    if (m->version > 0 || now - m->waiting_since < PATIENCE_NS)
        return;
    m->waiting_since = now;
    for (int r = 0; r < flow->engine->transport->size && n < 140; r++)
        if (!m->member[r].said_hello && !mpipe__engine_dead(flow->engine, r))
            n += (size_t)snprintf(who + n, sizeof who - n, " %d", r);
    mpipe__flow_log(flow, MPIPE_LOG_WARN, "", "still waiting for these ranks "
                    "to start the pipeline (do all ranks make the same "
                    "calls?):");
    mpipe__flow_log(flow, MPIPE_LOG_WARN, "", who);
}

/* ---- control frames from workers ---- */

static void got_reports(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__report_entry entry;
    struct mpipe__cursor c;
    struct mpipe_item item;

    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item) && item.size == sizeof entry) {
        memcpy(&entry, item.data, sizeof entry);
        mpipe__sink_report(flow, &entry);
    }
}

static void got_stats(struct mpipe__flow *flow, struct mpipe__member *member,
                      struct mpipe__frame *f)
{
    struct mpipe__rank_stats before = member->stats;
    struct mpipe__cursor c;
    struct mpipe_item item;
    uint64_t stage;

    mpipe__cursor_init(&c, f);
    if (!mpipe__cursor_next(&c, &item) || item.size != sizeof member->stats)
        return;
    memcpy(&member->stats, item.data, sizeof member->stats);
    member->heard = mpipe__now();
    member->quiet = member->stats.frames_sent == before.frames_sent
                    && member->stats.frames_received == before.frames_received
                    ? member->quiet + 1 : 0;
    while (mpipe__cursor_next(&c, &item)
           && item.size == sizeof stage + sizeof *member->stage) {
        memcpy(&stage, item.data, sizeof stage);
        if (stage < flow->spec->n_stages)
            memcpy(&member->stage[stage],
                   (const char *)item.data + sizeof stage,
                   sizeof *member->stage);
    }
}

void mpipe__master_clear(struct mpipe__flow *flow)
{
    if (flow->master->shows_progress)
        mpipe__progress_clear(&flow->master->progress);
}

static void got_log(struct mpipe__flow *flow, int rank, struct mpipe__frame *f)
{
    struct mpipe_item head, stage, text;
    struct mpipe__cursor c;
    uint64_t time_ns;
    uint32_t level;
    char name[256], line[2048];

    mpipe__cursor_init(&c, f);
    if (!mpipe__cursor_next(&c, &head) || head.size < 12
        || !mpipe__cursor_next(&c, &stage) || stage.size >= sizeof name
        || !mpipe__cursor_next(&c, &text) || text.size >= sizeof line
        || flow->engine->log == NULL)
        return;
    memcpy(&time_ns, head.data, sizeof time_ns);
    memcpy(&level, (const char *)head.data + sizeof time_ns, sizeof level);
    memcpy(name, stage.data, stage.size);
    name[stage.size] = '\0';
    memcpy(line, text.data, text.size);
    line[text.size] = '\0';
    mpipe__master_clear(flow);
    flow->engine->log(flow->engine->log_arg, time_ns, rank,
                      (enum mpipe_level)level, name, line);
}

static void got_heavy(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__heavy_key key;
    struct mpipe__cursor c;
    struct mpipe_item item;

    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item) && item.size == sizeof key) {
        memcpy(&key, item.data, sizeof key);
        mpipe__heavy_add(flow->master->heavy, &key);
    }
}

static void got_spans(struct mpipe__flow *flow, int rank,
                      struct mpipe__frame *f)
{
    struct mpipe__master *m = flow->master;
    const struct mpipe__role *role = &m->member[rank].role;
    unsigned n = flow->spec->n_stages;
    const char **names = calloc(n + 1, sizeof *names);
    char doing[200];

    if (m->trace == NULL || names == NULL) {
        free(names);
        return;
    }
    for (unsigned s = 0; s < n; s++)
        names[s] = flow->spec->stage[s].name;
    snprintf(doing, sizeof doing, "%s%s%s", role->serves
             ? names[role->first] : rank == 0 ? "feeder and sink" : "spare",
             role->serves && role->last > role->first ? ".." : "",
             role->serves && role->last > role->first ? names[role->last]
                                                      : "");
    mpipe__trace_rank(m->trace, rank, flow->engine->machine->at[rank].host,
                      doing);
    mpipe__trace_spans(m->trace, rank,
                       (const struct mpipe__span *)(const void *)
                       mpipe__frame_payload(f), f->head.n_items, names, n);
    if (f->head.made > 1)
        mpipe__trace_thinned(m->trace, rank, f->head.made);
    free(names);
}

void mpipe__master_control(struct mpipe__flow *flow, struct mpipe__link *from,
                           struct mpipe__frame *f)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__member *member = &m->member[from->peer];
    struct mpipe_error why;
    struct mpipe__cursor c;
    struct mpipe_item item;

    switch ((enum mpipe__control)f->head.stage) {
    case MPIPE__HELLO:
        got_hello(flow, from->peer, f);
        break;
    case MPIPE__REPORT:
        got_reports(flow, f);
        break;
    case MPIPE__PARTS:
        mpipe__commit_parts(flow, f);
        break;
    case MPIPE__SAVED:
        mpipe__map_journal_saved(flow, from->peer, f);
        break;
    case MPIPE__HEAVY:
        got_heavy(flow, f);
        break;
    case MPIPE__VOID:
        mpipe__commit_void(flow, f);
        break;
    case MPIPE__STATS:
        got_stats(flow, member, f);
        break;
    case MPIPE__LOG:
        got_log(flow, from->peer, f);
        break;
    case MPIPE__SPANS:
        got_spans(flow, from->peer, f);
        break;
    case MPIPE__PAUSED:
        member->paused = true;
        break;
    case MPIPE__STOP:
        mpipe__cursor_init(&c, f);
        if (mpipe__cursor_next(&c, &item) && item.size == sizeof why) {
            memcpy(&why, item.data, sizeof why);
            if (why.code == MPIPE_EINTR)
                mpipe__resume_stop(flow, &why);
            else if (flow->stopping && !from->fin_sent)     /* it has not heard */
                mpipe__control_send(from, MPIPE__FINISH, &flow->error,
                                    sizeof flow->error);
            else
                mpipe__flow_fail(flow, why.rank, why.code, "%s", why.text);
        }
        break;
    default:
        break;
    }
}

/* ---- items to be tried again ---- */

void mpipe__master_retry(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    if (mpipe__ledger_find(&flow->master->ledger, f->head.root,
                           f->head.attempt) == NULL) {
        mpipe__pool_put(&flow->engine->pool, f);    /* of an older attempt */
        return;
    }
    flow->master->counts.retried += f->head.n_items;
    f->head.kind = MPIPE__FRAME_DATA;
    f = mpipe__pool_compact(&flow->engine->pool, f);
    mpipe__queue_push(&flow->master->retries, f);
}

static bool serves(const struct mpipe__role *role, unsigned stage)
{
    return role->serves && role->first <= stage && stage <= role->last;
}

/* A link to a rank that serves the stage: another than the one where it
 * failed, if there is one.  NULL: none of them takes it now. */
static struct mpipe__link *retry_link(struct mpipe__flow *flow,
                                      const struct mpipe__frame *f)
{
    int size = flow->engine->transport->size;
    bool others = false;

    for (int i = 1; i <= size; i++) {
        int r = (f->peer + i) % size;
        struct mpipe__link *link;

        if (!serves(&flow->master->member[r].role, f->head.stage)
            || (r == f->peer && others))
            continue;
        others = true;
        link = mpipe__link_find(&flow->links, r, MPIPE__LANE_MAIN);
        if (link != NULL
            && mpipe__link_ready(link, mpipe__wire_size(&f->head)))
            return link;
    }
    return NULL;
}

static bool send_retries(struct mpipe__flow *flow)
{
    struct mpipe__frame_queue *q = &flow->master->retries;
    struct mpipe__link *link;
    bool did = false;

    while (q->first != NULL && !flow->paused && mpipe__flow_routed(flow)
           && (link = retry_link(flow, q->first)) != NULL) {
        if (mpipe__link_send(link, mpipe__queue_pop(q)) != MPIPE_OK)
            mpipe__flow_fail(flow, 0, MPIPE_EMPI,
                             "a frame could not be sent to rank %d",
                             link->peer);
        did = true;
    }
    return did;
}

/* ---- a turn ---- */

/* MPI loses nothing; but should a message be lost all the same, the job ends
 * and says so instead of waiting for ever.  Ranks send stats every second while
 * they rest, and none from inside the user's functions: when all have just
 * been heard and nothing has moved for some of them in a row, nothing will. */
static void watch_for_loss(struct mpipe__flow *flow, uint64_t now)
{
    const struct mpipe__master *m = flow->master;
    uint64_t sent = 0, received = 0;
    unsigned quiet = QUIET_STATS;

    if (flow->paused || flow->phase != MPIPE__RUNNING
        || mpipe__ledger_empty(&m->ledger))
        return;
    for (int r = 0; r < flow->engine->transport->size; r++)
        if (m->member[r].stats.moving > 0)
            quiet = LARGE_STATS;    /* a large payload may take its time */
    for (int r = 0; r < flow->engine->transport->size; r++) {
        const struct mpipe__member *member = &m->member[r];
        if (mpipe__engine_dead(flow->engine, r))
            continue;
        if (member->quiet < quiet || now - member->heard > HEARD_NS)
            return;
        sent += member->stats.frames_sent;
        received += member->stats.frames_received;
    }
    mpipe__flow_fail(flow, 0, MPIPE_ELINK, "a message was lost: nothing moves "
                     "any more, with %u frames unfinished (%llu were sent "
                     "between ranks, %llu received)", m->ledger.open,
                     (unsigned long long)sent, (unsigned long long)received);
}

/* What a shuffle has moved so far, for the progress line. */
static void note_shuffle(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    uint64_t read = 0, emitted = 0, sent = 0, spilled = 0;
    char in[MPIPE__SHOW_SIZE], pairs[MPIPE__SHOW_SIZE], net[MPIPE__SHOW_SIZE];
    char disk[MPIPE__SHOW_SIZE];

    for (int r = 0; r < flow->engine->transport->size; r++) {
        const struct mpipe__rank_stats *s = &m->member[r].stats;
        read += s->bytes_read;
        emitted += s->pairs_emitted;
        sent += s->bytes_sent;
        spilled += s->bytes_spilled;
    }
    mpipe__show_bytes(in, read);
    mpipe__show_count(pairs, emitted);
    mpipe__show_bytes(net, sent);
    mpipe__show_bytes(disk, spilled);
    snprintf(m->progress.note, sizeof m->progress.note,
             "%s read, %s pairs, %s sent%s%s", in, pairs, net,
             spilled > 0 ? ", to disk " : "", spilled > 0 ? disk : "");
}

static void tick(struct mpipe__flow *flow, uint64_t now)
{
    struct mpipe__master *m = flow->master;

    m->next_tick = now + TICK_NS;
    if (flow->phase == MPIPE__STARTING)
        wait_for_hellos(flow, now);
    watch_for_loss(flow, now);
    if (m->shows_progress && flow->spec->shuffle != NULL)
        note_shuffle(flow);
    if (m->shows_progress)
        mpipe__progress_tick(&m->progress, (double)now * 1e-9, m->items_done,
                             m->counts.fed, flow->spec->count);
}

/* The sink's own end comes before everybody's, since it may fail. */
void mpipe__master_close_sink(struct mpipe__flow *flow)
{
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    enum mpipe_err how = flow->error.code;

    if (flow->master->sink_closed || flow->spec->sink_close == NULL)
        return;
    flow->master->sink_closed = true;
    if (how == MPIPE_EFAILED)
        how = MPIPE_OK;             /* all that could be delivered was */
    flow->spec->sink_close(flow->spec->sink_arg, how, &err);
    /* it knows the words of an error that put() could only answer with */
    if (err.code != MPIPE_OK && (how == MPIPE_OK || how == err.code))
        flow->error = err;
}

static void end(struct mpipe__flow *flow)
{
    const struct mpipe_counts *c = &flow->master->counts;
    uint64_t failed = c->failed + flow->spec->failed_before;

    mpipe__resume_check_end(flow);
    if (mpipe__flow_ending(flow))
        return;
    if (c->fed + c->made != c->delivered + c->dropped + c->failed)
        mpipe__error(&flow->error, 0, MPIPE_EINTERNAL,
                     "the account of pipeline '%s' does not balance: %llu fed "
                     "+ %llu made, %llu delivered + %llu dropped + %llu "
                     "failed", flow->spec->name,
                     (unsigned long long)c->fed, (unsigned long long)c->made,
                     (unsigned long long)c->delivered,
                     (unsigned long long)c->dropped,
                     (unsigned long long)c->failed);
    else if (failed > 0 && flow->spec->refills && flow->spec->direct == NULL)
        mpipe__error(&flow->error, -1, MPIPE_EDEAD, "%llu of %llu items fail "
                     "that did not before a rank died: what was lost with it "
                     "cannot be computed again", (unsigned long long)failed,
                     (unsigned long long)c->fed);
    else if (failed > 0 && !flow->spec->forgives)
        mpipe__error(&flow->error, -1, MPIPE_EFAILED,
                     "%llu of %llu items of pipeline '%s' failed",
                     (unsigned long long)failed,
                     (unsigned long long)c->fed, flow->spec->name);
    mpipe__resume_save(flow);
    mpipe__master_close_sink(flow);
    mpipe__commit_pass(flow, flow->engine->now, true);
    if (flow->spec->shuffle != NULL)
        mpipe__owners_filled(flow->spec->shuffle->owner,
                             flow->spec->shuffle->n_owners, true);
    mpipe__master_finish(flow);
}

bool mpipe__master_step(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    uint64_t now = flow->engine->now;
    bool did;

    if (now >= m->next_tick)
        tick(flow, now);
    if (mpipe__flow_ending(flow) || flow->phase != MPIPE__RUNNING)
        return false;
    did = mpipe__sink_deliver(flow);
    while (m->held > flow->engine->options->window
           && mpipe__sink_deliver(flow))
        continue;               /* before more results come */
    mpipe__commit_pass(flow, now, false);
    mpipe__recovery_pass(flow, now);
    mpipe__resume_pass(flow, now);
    did |= send_retries(flow);
    if (flow->spec->source == NULL && m->feeder.ended)
        mpipe__feeder_cut(flow);    /* the output handler may have fed */
    else if (flow->spec->source == NULL)
        mpipe__feeder_age(flow);
    did |= mpipe__feeder_pump(flow);
    did |= mpipe__feeder_pull(flow);
    did |= mpipe__backup_step(flow);
    if (flow->in_source || flow->in_sink || mpipe__flow_ending(flow))
        return did;
    if (m->feeder.ended && mpipe__feeder_empty(flow)
        && mpipe__backup_over(flow)) {
        end(flow);
        did = true;
    } else if (mpipe__resume_draining(flow)) {
        mpipe__resume_drained(flow);
    }
    return did;
}
