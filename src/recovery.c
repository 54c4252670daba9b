/* SPDX-License-Identifier: BSD-3-Clause */
/* recovery.c - rank 0: a flow goes on after ranks have died.
 *
 * Nobody knows which of the frames in flight a dead rank had.  So all roots that
 * are not complete begin another attempt: they are fed once more, by the next
 * version of the table, in which others do what the dead did.  What still
 * travels by an older one is dropped wherever it arrives.  What was delivered
 * stays delivered.
 */
#include <stdlib.h>
#include "clock.h"
#include "error.h"
#include "master.h"
#include "poison.h"
#include "recovery.h"
#include "repair.h"
#include "routing.h"

/* ---- who does what ---- */

static enum mpipe_err repair(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    unsigned n = m->plan->n_ranks;
    struct mpipe__role *role = calloc(n, sizeof *role);
    enum mpipe_err e;

    if (role == NULL)
        return MPIPE_ENOMEM;
    for (unsigned r = 0; r < n; r++)
        role[r] = m->member[r].role;
    e = mpipe__repair(role, flow->engine->dead, m->plan->stage_work,
                      flow->spec->n_stages, flow->engine->machine);
    for (unsigned r = 0; e == MPIPE_OK && r < n; r++)
        m->member[r].role = role[r];
    free(role);
    return e;
}

enum mpipe_err mpipe__recovery_table(struct mpipe__flow *flow,
                                     struct mpipe_error *err)
{
    if (flow->engine->n_dead > 0 && repair(flow) != MPIPE_OK)
        return mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a plan");
    return mpipe__routing_send(flow, err);
}

/* ---- what is done again ---- */

static void drop_all(struct mpipe__flow *flow, struct mpipe__frame_queue *q)
{
    struct mpipe__frame *f;

    while ((f = mpipe__queue_pop(q)) != NULL)
        mpipe__pool_put(&flow->engine->pool, f);
}

/* What was fed, in memory that no send is reading any more. */
static struct mpipe__frame *fed_anew(struct mpipe__flow *flow,
                                     struct mpipe__root *r)
{
    struct mpipe__pool *pool = &flow->engine->pool;
    struct mpipe__frame *copy;
    size_t size = mpipe__wire_size(&r->fed->head);

    if (r->fed->refs == 1 && !r->fed->buried)
        return r->fed;
    copy = mpipe__pool_get(pool, size);
    if (copy == NULL)
        return NULL;
    memcpy(&copy->head, &r->fed->head, size);
    mpipe__pool_put(pool, r->fed);
    r->fed = copy;
    return copy;
}

static void begin_again(struct mpipe__flow *flow, struct mpipe__root *r)
{
    struct mpipe__master *m = flow->master;
    uint64_t id;
    struct mpipe__frame *f;

    for (f = r->results.first; f != NULL; f = f->next)
        m->held -= f->capacity;
    drop_all(flow, &r->results);
    m->recovery.roots++;
    m->recovery.items += r->items;
    if (mpipe__poison_split(flow, r))
        return;
    id = mpipe__feeder_id(flow);
    mpipe__ledger_again(&m->ledger, r, id);
    f = fed_anew(flow, r);
    if (f == NULL) {
        mpipe__flow_fail(flow, 0, MPIPE_ENOMEM, "no memory to feed again what "
                         "a dead rank had");
        return;
    }
    f->head.id = id;
    f->head.attempt = r->attempt;
    f->refs++;
    mpipe__queue_push(&m->again, f);
}

static void feed_again(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__root *r;

    drop_all(flow, &m->retries);
    drop_all(flow, &m->again);
    for (r = mpipe__ledger_open(&m->ledger, 0);
         r != NULL && !mpipe__flow_ending(flow);
         r = mpipe__ledger_open(&m->ledger, r->seq + 1))
        begin_again(flow, r);
}

/* ---- a death ---- */

static void say(struct mpipe__flow *flow, int rank, int cause)
{
    const char *host = flow->engine->machine->at[rank].host;
    char line[200];

    if (cause == MPIPE__SILENT)
        snprintf(line, sizeof line, "rank %d on %s is taken for dead: it has been "
                 "silent for %u s (stopped, or cut off?)", rank, host,
                 flow->engine->options->peer_timeout);
    else if (cause != MPIPE__GONE)
        snprintf(line, sizeof line, "rank %d on %s has died of %s", rank, host,
                 mpipe__cause_words(cause));
    else
        snprintf(line, sizeof line, "rank %d on %s has died", rank, host);
    mpipe__flow_log(flow, MPIPE_LOG_WARN, "", line);
}

/* Deaths that were not dealt with; one of them, or -1. */
static int mourn(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    int last = -1;

    for (int r = 1; r < flow->engine->transport->size; r++) {
        struct mpipe__member *member = &m->member[r];

        if (member->mourned || !mpipe__engine_dead(flow->engine, r))
            continue;
        member->mourned = true;
        member->died = mpipe__now() - flow->started;
        member->cause = mpipe__engine_cause(flow->engine, r);
        m->recovery.deaths++;
        last = r;
        say(flow, r, member->cause);
        mpipe__poison_note(flow, r);
    }
    return last;
}

void mpipe__recovery_deaths(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    int rank = mourn(flow);

    if (rank < 0 || mpipe__flow_ending(flow))
        return;
    m->recovering = mpipe__now();
    if (m->version == 0) {
        mpipe__master_begin(flow);
        return;
    }
    if (flow->spec->shuffle != NULL || flow->spec->direct != NULL) {
        mpipe__flow_fail(flow, rank, MPIPE_EDEAD, "it has died, and a "
                         "map-reduce job cannot go on without it yet: run the "
                         "job again");
        return;
    }
    if (mpipe__recovery_table(flow, &err) != MPIPE_OK)
        mpipe__flow_fail(flow, 0, err.code, "pipeline '%s': %s",
                         flow->spec->name, err.text);
    else
        feed_again(flow);
}

void mpipe__recovery_result(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    uint64_t took;

    if (m->recovering == 0)
        return;
    took = mpipe__now() - m->recovering;
    if (took > m->recovery.longest_ns)
        m->recovery.longest_ns = took;
    m->recovering = 0;
}
