/* SPDX-License-Identifier: BSD-3-Clause */
/* flow.c - a flow's life on one rank.
 *
 *   STARTING --TABLE--> RUNNING --FINISH--> CLOSING --farewell--> LEAVING
 *      |                                       ^        FINs out    | FINs in
 *      +---------------FINISH------------------+                  CLOSED
 *
 * Every rank says HELLO to rank 0 with the pipeline it has built.  Rank 0
 * answers with a TABLE: role and links.  It alone decides the end and its
 * code, also when another rank asked for it by STOP, so that every rank ends
 * with the same.  Rank 0 talks to itself over a link as to any other.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include "backup.h"
#include "bundle.h"
#include "clock.h"
#include "error.h"
#include "exchange.h"
#include "flow.h"
#include "master.h"
#include "poison.h"
#include "recovery.h"
#include "relay.h"
#include "resume.h"
#include "sink.h"

#define STATS_NS   1000000000u
#define LEAVE_NS   30000000000u     /* without any message, while leaving */
#define BROKEN_NS  2000000000u      /* ... when one is known to be lost */
#define TRACE_SPANS 65536u
#define TELL_US    2000u

static enum mpipe_err say_hello(struct mpipe__flow *flow)
{
    char signature[2048];
    size_t n = mpipe__flow_signature(flow, signature, sizeof signature);
    struct mpipe__frame *f = mpipe__control_new(&flow->links, MPIPE__HELLO);

    if (f == NULL)
        return MPIPE_ENOMEM;
    mpipe__frame_append_slow(f, signature, n);
    mpipe__frame_append_slow(f, &flow->spec->error, sizeof flow->spec->error);
    return mpipe__link_control(flow->home, f);
}

static enum mpipe_err begin(struct mpipe__flow *flow)
{
    const struct mpipe__options *o = flow->engine->options;
    enum mpipe_err e = mpipe__engine_size_slots(flow->engine);

    if (e != MPIPE_OK)
        return e;
    mpipe__links_init(&flow->links, flow, flow->engine->transport,
                      &flow->engine->pool, flow->id, o->window,
                      o->max_item + 2 * flow->engine->slot);
    flow->stage_stats = calloc(flow->spec->n_stages + 1,
                               sizeof *flow->stage_stats);
    if (flow->stage_stats == NULL)
        return MPIPE_ENOMEM;
    if (o->trace[0] != '\0') {
        e = mpipe__trace_init(&flow->trace, TRACE_SPANS);
        if (e != MPIPE_OK)
            return e;
        flow->tracing = true;
    }
    /* a frame may come before the table */
    if (flow->spec->shuffle != NULL && mpipe__collect_init(flow) != MPIPE_OK)
        return MPIPE_ENOMEM;
    e = mpipe__worker_init(flow);
    if (e == MPIPE_OK && flow->engine->transport->rank == 0)
        e = mpipe__master_init(flow);
    if (e != MPIPE_OK)
        return e;
    flow->home = mpipe__link_open(&flow->links, 0,
                                  flow->master != NULL ? MPIPE__LANE_HOME
                                                       : MPIPE__LANE_MAIN);
    return flow->home == NULL ? MPIPE_ENOMEM : say_hello(flow);
}

struct mpipe__flow *mpipe__flow_start(struct mpipe__engine *en,
                                      const struct mpipe__flow_spec *spec,
                                      uint16_t id, struct mpipe_error *err)
{
    struct mpipe__flow *flow = calloc(1, sizeof *flow), **end;
    enum mpipe_err e = MPIPE_ENOMEM;

    if (flow != NULL) {
        flow->engine = en;
        flow->spec = spec;
        flow->id = id;
        mpipe__queue_init(&flow->relayed);
        flow->nth_journal = mpipe__resume_wanted(flow) && !spec->journals
                            ? en->n_journals++ : 0;
        flow->started = mpipe__now();
        flow->next_stats = flow->started + STATS_NS;
        flow->span_day = mpipe__today() - flow->started;
        flow->started_day = (double)mpipe__today() * 1e-9;
        e = begin(flow);
    }
    if (e != MPIPE_OK) {
        mpipe__error(err, en->transport->rank, e,
                     "no memory to start pipeline '%s'", spec->name);
        if (flow != NULL)
            mpipe__flow_free(flow);
        return NULL;
    }
    for (end = &en->flows; *end != NULL; end = &(*end)->next)
        continue;
    *end = flow;
    return flow;
}

void mpipe__flow_free(struct mpipe__flow *flow)
{
    struct mpipe__flow **at = &flow->engine->flows;

    while (*at != NULL && *at != flow)
        at = &(*at)->next;
    if (*at == flow)
        *at = flow->next;
    mpipe__worker_fini(flow);
    mpipe__tally_fini(&flow->tally);
    if (flow->master != NULL)
        mpipe__master_fini(flow);
    mpipe__trace_fini(&flow->trace);
    if (flow->spec->shuffle != NULL)
        mpipe__shuffle_fini(flow);
    mpipe__collect_fini(flow);
    free(flow->brief.data);
    mpipe__relay_fini(flow);
    free(flow->worker_link);
    free(flow->row);
    free(flow->out);
    free(flow->stage_stats);
    if (mpipe__links_withdraw(&flow->links)) {
        mpipe__links_fini(&flow->links);
        free(flow);
    } else {                    /* a peer did not take what was sent to it */
        flow->next = flow->engine->abandoned;
        flow->engine->abandoned = flow;
    }
}

/* ---- errors, log, trace ---- */

bool mpipe__flow_ending(const struct mpipe__flow *flow)
{
    return flow->phase >= MPIPE__CLOSING || flow->stopping
           || flow->error.code != MPIPE_OK;
}

void mpipe__flow_fail(struct mpipe__flow *flow, int rank, enum mpipe_err code,
                      const char *format, ...)
{
    va_list ap;

    if (mpipe__flow_ending(flow))
        return;
    flow->error.code = code;
    flow->error.rank = rank;
    va_start(ap, format);
    vsnprintf(flow->error.text, sizeof flow->error.text, format, ap);
    va_end(ap);
    if (flow->master != NULL)
        mpipe__master_finish(flow);
    else if (flow->home != NULL)
        mpipe__control_send(flow->home, MPIPE__STOP, &flow->error,
                            sizeof flow->error);
}

bool mpipe__flow_wait_to_tell(struct mpipe__flow *flow, struct mpipe__link *to)
{
    struct mpipe__engine *en = flow->engine;
    uint64_t since = 0, took;

    /* as in mpipe__children_pass(): one that has begun to wait stays paused */
    while (!mpipe__link_may_tell(to)
           || (flow->paused && since != 0 && flow->master == NULL
               && !mpipe__flow_ending(flow))) {
        if (to->fin_received)
            return false;
        if (since == 0)
            since = mpipe__now();
        flow->telling = true;
        if (!mpipe__engine_progress(en))
            mpipe__engine_rest(en, TELL_US);
        flow->telling = false;
        if (flow->phase >= MPIPE__CLOSING && mpipe__now() - since > LEAVE_NS)
            return false;
    }
    if (since != 0) {
        took = mpipe__now() - since;
        flow->worker.blocked_ns += took;
        flow->stats.blocked_ns += took;
    }
    return true;
}

struct log_head {                   /* the first item of MPIPE__LOG */
    uint64_t time_ns;
    uint32_t level;
    uint32_t unused;
};

void mpipe__flow_log(struct mpipe__flow *flow, enum mpipe_level level,
                     const char *stage, const char *text)
{
    struct mpipe__engine *en = flow->engine;
    struct log_head head = { mpipe__today(), (uint32_t)level, 0 };
    struct mpipe__frame *f;

    if (level > (enum mpipe_level)en->options->log_level)
        return;
    if (flow->master != NULL || flow->phase >= MPIPE__LEAVING) {
        if (flow->master != NULL)
            mpipe__master_clear(flow);
        if (en->log != NULL)
            en->log(en->log_arg, head.time_ns, en->transport->rank, level,
                    stage, text);
        return;
    }
    if (!mpipe__flow_wait_to_tell(flow, flow->home))
        return;
    f = mpipe__control_new(&flow->links, MPIPE__LOG);
    if (f == NULL)
        return;
    mpipe__frame_append_slow(f, &head, sizeof head);
    mpipe__frame_append_slow(f, stage, strnlen(stage, 200));
    mpipe__frame_append_slow(f, text, strnlen(text, 2000));
    mpipe__link_control(flow->home, f);
}

void mpipe__flow_span(struct mpipe__flow *flow, enum mpipe__span_kind kind,
                      unsigned stage, uint64_t from, uint64_t to,
                      uint32_t items, uint64_t root)
{
    struct mpipe__span span = {
        .start_ns = from + flow->span_day, .length_ns = to - from,
        .root = root, .items = items, .stage = (uint16_t)stage,
        .kind = (uint16_t)kind
    };

    mpipe__trace_add(&flow->trace, &span);
}

/* ---- numbers for rank 0 ---- */

/* "VmRSS:  123 kB" and the like; 0 when it is not there. */
static uint64_t proc_bytes(const char *path, const char *name)
{
    char line[128];
    unsigned long long kb = 0;
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0
            && sscanf(line + strlen(name), ": %llu", &kb) == 1)
            break;
    fclose(file);
    return (uint64_t)kb * 1024;
}

static void send_stats(struct mpipe__flow *flow)
{
    struct mpipe__rank_stats *s = &flow->stats;
    struct mpipe__frame *f;
    struct {
        uint64_t stage;
        struct mpipe__stage_stats stats;
    } row;

    s->wall_ns = mpipe__now() - flow->started;
    s->rss = proc_bytes("/proc/self/status", "VmRSS");
    s->rss_max = proc_bytes("/proc/self/status", "VmHWM");
    s->node_available = proc_bytes("/proc/meminfo", "MemAvailable");
    s->backlog = flow->worker.input.n + (flow->worker.in != NULL);
    s->moving = flow->links.n_large + flow->links.n_receiving
                + flow->links.n_waiting + flow->telling;
    s->frames_sent = flow->links.frames_sent;
    s->frames_received = flow->links.frames_received;
    s->bytes_sent = flow->links.bytes_sent;
    s->bytes_received = flow->links.bytes_received;
    if (flow->spec->shuffle != NULL)
        mpipe__shuffle_stats(flow, s);
    f = mpipe__control_new(&flow->links, MPIPE__STATS);
    if (f == NULL)
        return;
    mpipe__frame_append_slow(f, s, sizeof *s);
    for (unsigned i = 0; i < flow->spec->n_stages; i++) {
        row.stage = i;
        row.stats = flow->stage_stats[i];
        if (row.stats.in == 0)
            continue;
        if (mpipe__frame_need(f, sizeof row) > MPIPE__CONTROL_SIZE) {
            mpipe__link_control(flow->home, f);
            f = mpipe__control_new(&flow->links, MPIPE__STATS);
            if (f == NULL)
                return;
            mpipe__frame_append_slow(f, s, sizeof *s);
        }
        mpipe__frame_append_slow(f, &row, sizeof row);
    }
    mpipe__link_control(flow->home, f);
}

static void send_spans(struct mpipe__flow *flow)
{
    struct mpipe__frame *f = NULL;

    for (uint32_t i = 0; flow->tracing && i < flow->trace.n; i++) {
        if (f == NULL && mpipe__flow_wait_to_tell(flow, flow->home))
            f = mpipe__control_new(&flow->links, MPIPE__SPANS);
        if (f == NULL)
            return;
        f->head.made = flow->trace.keep_one_in;
        mpipe__frame_append_slow(f, &flow->trace.span[i],
                                 sizeof flow->trace.span[i]);
        if (mpipe__frame_need(f, sizeof flow->trace.span[i])
            > MPIPE__CONTROL_SIZE) {
            mpipe__link_control(flow->home, f);
            f = NULL;
        }
    }
    if (f != NULL)
        mpipe__link_control(flow->home, f);
}

/* ---- what has come ---- */

static void give_back(struct mpipe__flow *flow, struct mpipe__link *link,
                      size_t size, uint32_t items)
{
    if (mpipe__link_consumed(link, size, items, 0) != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory to receive from rank %d", link->peer);
}

static void got_data(struct mpipe__flow *flow, struct mpipe__link *link,
                     struct mpipe__frame *f)
{
    size_t size = mpipe__wire_size(&f->head);
    uint32_t items = f->head.n_items;
    bool at_home = flow->master != NULL;

    if (flow->phase >= MPIPE__CLOSING || flow->stopping) {
        mpipe__pool_put(&flow->engine->pool, f);
        give_back(flow, link, size, items);
    } else if (flow->spec->shuffle != NULL
               && (f->head.kind == MPIPE__FRAME_DATA
                   || f->head.kind == MPIPE__FRAME_BUNDLE)
               && f->head.stage == flow->spec->n_stages) {
        mpipe__relay_arrive(flow, link, f);
    } else if (at_home && (f->head.kind == MPIPE__FRAME_FAILED
                           || f->head.stage == flow->spec->n_stages)) {
        mpipe__sink_arrive(flow, f);
        give_back(flow, link, size, items);
    } else if (at_home && f->head.kind == MPIPE__FRAME_RETRY) {
        mpipe__master_retry(flow, f);
        give_back(flow, link, size, items);
    } else if (f->head.stage >= flow->spec->n_stages) {
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ELINK,
                         "a frame for stage %u came from rank %d, but there "
                         "are %u stages", f->head.stage, link->peer,
                         flow->spec->n_stages);
        mpipe__pool_put(&flow->engine->pool, f);
    } else {
        mpipe__queue_push(&flow->worker.input, f);
    }
}

static bool add_link(struct mpipe__link ***list, unsigned *n,
                     struct mpipe__link *link)
{
    struct mpipe__link **more = realloc(*list, (*n + 1) * sizeof *more);

    if (more == NULL)
        return false;
    *list = more;
    more[(*n)++] = link;
    return true;
}

static bool take_link(struct mpipe__flow *flow,
                      const struct mpipe__table_link *t)
{
    struct mpipe__link *link;

    if (mpipe__engine_dead(flow->engine, (int)t->peer))
        return true;                /* another table is on its way */
    link = mpipe__link_open(&flow->links, (int)t->peer,
                            (enum mpipe__lane)t->lane);
    if (link == NULL)
        return false;
    link->distance = t->distance;
    if (t->window_in > 0
        && mpipe__link_grant(link, t->window_in, t->slot_in) != MPIPE_OK)
        return false;
    if (t->window_out > 0)
        mpipe__link_granted(link, t->window_out, t->slot_out);
    if (t->next && !add_link(&flow->out, &flow->n_out, link))
        return false;
    if (t->worker > 0 && flow->worker_link != NULL)
        flow->worker_link[t->peer] = link;
    if (t->worker > 0 && flow->side > 0 && link->lane == MPIPE__LANE_MAIN)
        flow->row[mpipe__exchange_column(flow->side, t->worker - 1)] = link;
    return !t->feeds || add_link(&flow->master->feeder.link,
                                 &flow->master->feeder.n_links, link);
}

/* Without the link the peer, which has it, would wait for its end. */
static void no_link(struct mpipe__flow *flow, unsigned peer)
{
    struct mpipe__transport *t = flow->engine->transport;

    mpipe__flow_fail(flow, t->rank, MPIPE_ENOMEM,
                     "no memory for the link to rank %u", peer);
    if (mpipe__link_find(&flow->links, (int)peer, MPIPE__LANE_MAIN) == NULL) {
        fprintf(stderr, "rank %d: no memory for the link to rank %u: the job "
                "ends here\n", t->rank, peer);
        t->ops->abort(t, -MPIPE_ENOMEM);
    }
}

/* Links along the row are taken anew with each table. */
static void begin_exchange(struct mpipe__flow *flow, unsigned side)
{
    free(flow->row);
    flow->row = NULL;
    flow->side = flow->spec->shuffle != NULL ? side : 0;
    if (flow->side == 0)
        return;
    flow->row = calloc(side, sizeof *flow->row);
    if (flow->row != NULL)
        return;
    flow->side = 0;
    mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                     "no memory for a list of links");
}

/* Another role, other links; what is in hand is stale from here on. */
static void begin_table(struct mpipe__flow *flow,
                        const struct mpipe__table_head *head)
{
    flow->version = head->version;
    flow->tabled = false;
    flow->role.serves = head->serves != 0;
    flow->role.first = head->first;
    flow->role.last = head->last;
    flow->n_workers = head->n_workers;
    flow->worker_index = head->worker;
    begin_exchange(flow, head->side);
    flow->ready = false;
    flow->n_out = 0;
    if (flow->master != NULL)
        flow->master->feeder.n_links = 0;
    flow->worker.abandoned = true;
    if (flow->spec->shuffle != NULL)
        mpipe__collect_again(flow, head->again);
}

bool mpipe__flow_routed(const struct mpipe__flow *flow)
{
    return flow->tabled && flow->version == flow->master->version;
}

void mpipe__flow_table(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__table_head head;
    struct mpipe__table_link entry;
    struct mpipe__cursor c;
    struct mpipe_item item;

    mpipe__cursor_init(&c, f);
    if (!mpipe__cursor_next(&c, &item) || item.size != sizeof head)
        return;
    memcpy(&head, item.data, sizeof head);
    if (head.version != flow->version)
        begin_table(flow, &head);
    if (flow->worker_link == NULL && flow->master != NULL
        && flow->spec->direct != NULL) {
        flow->worker_link = calloc((size_t)flow->engine->transport->size,
                                   sizeof *flow->worker_link);
        if (flow->worker_link == NULL)
            mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                             "no memory for a list of ranks");
    }
    while (mpipe__cursor_next(&c, &item) && item.size == sizeof entry) {
        memcpy(&entry, item.data, sizeof entry);
        if (!take_link(flow, &entry))
            no_link(flow, entry.peer);
    }
    flow->tabled = item.size == 0;
    if (!flow->tabled || flow->phase != MPIPE__STARTING)
        return;
    flow->phase = MPIPE__RUNNING;
    if (flow->spec->take_brief != NULL
        && flow->spec->take_brief(flow->spec->brief_arg, flow->brief.data,
                                  flow->brief.size) != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory for what rank 0 has said");
    if (flow->spec->shuffle != NULL && mpipe__shuffle_init(flow) != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory for partitions");
}

static void got_brief(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe_bytes *b = &flow->brief;
    struct mpipe__cursor c;
    struct mpipe_item item;
    char *more;

    mpipe__cursor_init(&c, f);
    if (!mpipe__cursor_next(&c, &item))
        return;
    more = realloc(b->data, b->size + item.size + 1);
    if (more == NULL) {
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory for what rank 0 has to say");
        return;
    }
    memcpy(more + b->size, item.data, item.size);
    b->data = more;
    b->size += item.size;
}

void mpipe__flow_finish(struct mpipe__flow *flow,
                        const struct mpipe_error *how)
{
    if (flow->phase >= MPIPE__CLOSING)
        return;
    flow->error = *how;
    flow->phase = MPIPE__CLOSING;
    flow->worker.abandoned = true;
}

static void got_control(struct mpipe__flow *flow, struct mpipe__link *link,
                        struct mpipe__frame *f)
{
    struct mpipe__cursor c;
    struct mpipe_item item;
    struct mpipe_error how = { MPIPE_EINTERNAL, 0, "a damaged farewell" };

    switch ((enum mpipe__control)f->head.stage) {
    case MPIPE__TABLE:
        if (flow->phase < MPIPE__CLOSING)
            mpipe__flow_table(flow, f);
        break;
    case MPIPE__PAUSE:
        flow->paused = true;
        flow->pause_answered = false;
        break;
    case MPIPE__RESUME:
        flow->paused = false;
        break;
    case MPIPE__BRIEF:
        got_brief(flow, f);
        break;
    case MPIPE__OWNERS:
        if (flow->spec->shuffle != NULL)
            mpipe__shuffle_owners(flow, f);
        break;
    case MPIPE__COMMIT:
        if (flow->spec->shuffle != NULL)
            mpipe__collect_commit(flow, f);
        break;
    case MPIPE__CHOICE:
        if (flow->spec->shuffle != NULL)
            mpipe__collect_choose(flow, f);
        break;
    case MPIPE__REPORT:
    case MPIPE__VOID:
        if (flow->master != NULL)
            mpipe__master_control(flow, link, f);
        else
            mpipe__tally_take(flow, f);
        break;
    case MPIPE__BOX:
        if (flow->master != NULL)
            mpipe__poison_told(flow, f);
        else
            mpipe__poison_show(flow, f);
        break;
    case MPIPE__FINISH:
        mpipe__cursor_init(&c, f);
        if (mpipe__cursor_next(&c, &item) && item.size == sizeof how)
            memcpy(&how, item.data, sizeof how);
        mpipe__flow_finish(flow, &how);
        break;
    default:
        if (flow->master != NULL)
            mpipe__master_control(flow, link, f);
        break;
    }
    mpipe__pool_put(&flow->engine->pool, f);
}

/* How long to wait for the farewells of others: one may be inside a long
 * function of the user's. */
static uint64_t patience(const struct mpipe__flow *flow)
{
    return flow->error.code == MPIPE_ELINK
           || flow->error.code == MPIPE_ESAVED ? BROKEN_NS : LEAVE_NS;
}

void mpipe__flow_event(struct mpipe__flow *flow, struct mpipe__event *event)
{
    if (flow->phase == MPIPE__LEAVING)
        flow->deadline = mpipe__now() + patience(flow);
    if (event->kind == MPIPE__GOT_DATA)
        got_data(flow, event->link, event->frame);
    else
        got_control(flow, event->link, event->frame);
}

/* ---- a turn ---- */

static bool farewell(struct mpipe__flow *flow)
{
    if (flow->in_worker || flow->in_source || flow->in_sink)
        return false;
    while (flow->spec->shuffle != NULL
           && (flow->error.code == MPIPE_OK
               || flow->error.code == MPIPE_EFAILED)
           && mpipe__collect_step(flow))
        continue;
    if (flow->spec->shuffle != NULL)
        mpipe__collect_tell(flow);
    if (flow->spec->shuffle != NULL
        && (flow->error.code == MPIPE_OK || flow->error.code == MPIPE_EFAILED
            || flow->error.code == MPIPE_ESAVED))
        mpipe__collect_save(flow, true);
    mpipe__worker_farewell(flow);
    if (flow->master != NULL)
        mpipe__sink_drop_all(flow);
    mpipe__bundle_fini(flow);
    send_stats(flow);
    send_spans(flow);
    mpipe__links_finish(&flow->links, false);
    flow->phase = MPIPE__LEAVING;
    flow->deadline = mpipe__now() + patience(flow);
    return true;
}

static bool leave(struct mpipe__flow *flow)
{
    if (mpipe__links_finished(&flow->links)
        || mpipe__engine_dead(flow->engine, 0)) {
        flow->phase = MPIPE__CLOSED;
        return true;
    }
    if (flow->master != NULL)
        mpipe__backup_dismiss(flow);
    if (mpipe__now() < flow->deadline)
        return false;
    mpipe__links_finish(&flow->links, true);
    mpipe__flow_log(flow, MPIPE_LOG_WARN, "",
                    "a rank did not say farewell; ending without it");
    flow->deserted = true;
    flow->phase = MPIPE__CLOSED;
    return true;
}

void mpipe__flow_deaths(struct mpipe__flow *flow)
{
    struct mpipe_error how;

    if (mpipe__engine_lost(flow->engine, &how))
        mpipe__flow_finish(flow, &how);
    else if (flow->master != NULL)
        mpipe__recovery_deaths(flow);
}

/* A signal asks us to stop.  With a journal only rank 0 does, once what is under
 * way has come home. */
static void heed(struct mpipe__flow *flow, int number)
{
    struct mpipe_error why = { MPIPE_EINTR, flow->engine->transport->rank, "" };

    snprintf(why.text, sizeof why.text, "ended by signal %d (%s)", number,
             strsignal(number));
    if (flow->master != NULL)
        mpipe__resume_stop(flow, &why);
    else if (!mpipe__resume_wanted(flow))
        mpipe__flow_fail(flow, why.rank, why.code, "%s", why.text);
    else if (!flow->heeded && flow->home != NULL)
        flow->heeded = mpipe__control_send(flow->home, MPIPE__STOP, &why,
                                           sizeof why) == MPIPE_OK;
}

bool mpipe__flow_step(struct mpipe__flow *flow)
{
    bool did = false;

    if (*flow->engine->interrupted != 0)
        heed(flow, *flow->engine->interrupted);
    if (flow->phase == MPIPE__CLOSING)
        return farewell(flow);
    if (flow->phase == MPIPE__LEAVING)
        return leave(flow);
    if (flow->phase == MPIPE__RUNNING && flow->tabled && !flow->ready
        && !flow->in_worker) {
        flow->ready = true;
        mpipe__worker_ready(flow);
        did = true;
    }
    if (flow->phase == MPIPE__RUNNING)
        did |= mpipe__worker_step(flow);
    if (flow->phase == MPIPE__RUNNING && flow->spec->shuffle != NULL
        && !flow->in_worker && !mpipe__flow_ending(flow)) {
        did |= mpipe__collect_step(flow);
        mpipe__collect_save(flow, false);
    }
    if (flow->master != NULL && flow->phase <= MPIPE__RUNNING)
        did |= mpipe__master_step(flow);
    return did;
}

void mpipe__flow_settle(struct mpipe__flow *flow)
{
    uint64_t now;

    if (flow->phase < MPIPE__LEAVING
        && mpipe__tally_us(flow, mpipe__now()) == 0)
        mpipe__tally_flush(flow);
    mpipe__bundle_flush(flow);
    if (mpipe__links_settle(&flow->links) != MPIPE_OK)
        mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                         "no memory to receive");
    if (flow->phase >= MPIPE__LEAVING)
        return;
    /* also from inside a stage: one that waits to emit has stopped */
    if (flow->paused && !flow->pause_answered
        && (flow->master == NULL || !flow->in_worker)) {
        flow->pause_answered = mpipe__control_send(flow->home, MPIPE__PAUSED,
                                                   "", 0) == MPIPE_OK;
    }
    now = mpipe__now();
    /* also before it has its table, which may have been lost; but not on and on to a
     * rank 0 that does not listen */
    if (flow->phase <= MPIPE__RUNNING && now >= flow->next_stats
        && mpipe__link_may_tell(flow->home)) {
        flow->next_stats = now + STATS_NS;
        send_stats(flow);
    }
}

struct mpipe__link *mpipe__link_pick(struct mpipe__link *const *link,
                                     unsigned n, size_t wire_size)
{
    struct mpipe__link *best = NULL;
    bool unsure = false;

    /* The nearest first, but for those that may be busy for hours; of those that are
     * equally near the least busy. */
    for (unsigned i = 0; i < n; i++) {
        if (best != NULL && !unsure && (link[i]->distance > best->distance
                                        || best->credits == best->window_out))
            break;
        if (mpipe__link_ready(link[i], wire_size)
            && (best == NULL || (unsure && !mpipe__pace_unsure(&link[i]->pace))
                || (unsure == mpipe__pace_unsure(&link[i]->pace)
                    && link[i]->distance == best->distance
                    && link[i]->window_out - link[i]->credits
                       < best->window_out - best->credits))) {
            best = link[i];
            unsure = mpipe__pace_unsure(&best->pace);
        }
    }
    return best;
}
