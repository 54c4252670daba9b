/* SPDX-License-Identifier: BSD-3-Clause */
/* recovery.c - rank 0: a flow goes on after ranks have died.
 *
 * Nobody knows which of the frames in flight a dead rank had.  So all roots that
 * are not complete begin another attempt: they are fed once more, by the next
 * version of the table, in which others do what the dead did.  What still
 * travels by an older one is dropped wherever it arrives.  What was delivered
 * stays delivered.
 *
 * Of a shuffle what was delivered lies in the partitions of its workers, and a
 * partition whose owner has died is lost.  What is emitted for it from then on goes
 * nowhere; when the flow has ended whoever runs the job has the lost ones filled
 * again, by a flow of their own (refill.h).  A flow that goes through partitions
 * ends with MPIPE_AGAIN when one is lost: it knows how far each has come.
 */
#include <stdlib.h>
#include "backup.h"
#include "clock.h"
#include "commit.h"
#include "error.h"
#include "master.h"
#include "poison.h"
#include "recovery.h"
#include "repair.h"
#include "routing.h"

#define ANSWER_NS 500000000u        /* for what had a dead rank in hand */

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

/* Who has a partition goes through it, whatever the plan says. */
static void keep_owners(struct mpipe__flow *flow)
{
    const struct mpipe__shuffle *sh = flow->spec->reduces;

    for (uint32_t p = 0; sh != NULL && p < sh->n_owners; p++)
        if (sh->owner[p].state == MPIPE__PART_FULL)
            flow->master->member[sh->owner[p].rank].role =
                (struct mpipe__role){ true, 0, flow->spec->n_stages - 1 };
}

enum mpipe_err mpipe__recovery_table(struct mpipe__flow *flow,
                                     struct mpipe_error *err)
{
    if (flow->engine->n_dead > 0 && repair(flow) != MPIPE_OK)
        return mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a plan");
    keep_owners(flow);
    return mpipe__routing_send(flow, err);
}

/* ---- who has which partition ---- */

/* As the flow begins: those that it is to fill. */
static enum mpipe_err begin_owners(struct mpipe__flow *flow,
                                   struct mpipe__shuffle *sh)
{
    unsigned n_workers = flow->master->n_workers;
    uint32_t n = sh->gather > 0 || sh->n_parts == 0 ? n_workers : sh->n_parts;

    if (sh->owner != NULL && n == sh->n_owners) {
        mpipe__owners_filled(sh->owner, n, false);
        return MPIPE_OK;
    }
    free(sh->owner);
    sh->owner = calloc(n, sizeof *sh->owner);   /* all are lost */
    sh->n_owners = sh->owner != NULL ? n : 0;
    return sh->owner != NULL ? MPIPE_OK : MPIPE_ENOMEM;
}

/* They hold nothing yet; and the report will name them. */
static enum mpipe_err note_lost(struct mpipe__flow *flow,
                                const struct mpipe__shuffle *sh, uint32_t lost)
{
    struct mpipe__master *m = flow->master;

    m->n_refilled = 0;
    free(m->refilled);
    m->refilled = flow->spec->refills ? calloc(lost, sizeof *m->refilled) : NULL;
    if (flow->spec->refills && m->refilled == NULL)
        return MPIPE_ENOMEM;
    for (uint32_t p = 0; p < sh->n_owners; p++) {
        if (sh->owner[p].state != MPIPE__PART_LOST)
            continue;
        if (sh->info != NULL && sh->gather == 0)
            sh->info[p] = (struct mpipe__part_info){ .part = p };
        if (m->refilled != NULL)
            m->refilled[m->n_refilled++] = p;
    }
    return MPIPE_OK;
}

enum mpipe_err mpipe__recovery_owners(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__shuffle *sh = flow->spec->shuffle;
    bool first = m->version == 0;
    uint32_t lost;

    if (sh == NULL)
        return MPIPE_OK;
    if (first && begin_owners(flow, sh) != MPIPE_OK)
        return MPIPE_ENOMEM;
    lost = mpipe__owners_mourn(sh->owner, sh->n_owners, flow->engine->dead);
    /* what a dead worker had gathered belongs to no key, so all do it over; and
     * each then gathers in a partition of its own again */
    if (sh->gather > 0 && lost > 0) {
        mpipe__owners_lose(sh->owner, sh->n_owners);
        lost = sh->n_owners;
    }
    if (lost == 0 || (!first && m->again_from > 0))
        return MPIPE_OK;
    if (note_lost(flow, sh, lost) != MPIPE_OK)
        return MPIPE_ENOMEM;
    return mpipe__owners_assign(sh->owner, sh->n_owners, m->worker_rank,
                                m->n_workers);
}

static void lack(struct mpipe__flow *flow, int rank)
{
    const struct mpipe__shuffle *sh = flow->spec->reduces;
    char line[120];
    uint32_t lost = 0;

    if (!flow->spec->returns) {
        mpipe__flow_fail(flow, rank, MPIPE_EDEAD, "a rank has died, and what it "
                         "had of the partitions with it: run the job again");
        return;
    }
    for (uint32_t p = 0; p < sh->n_owners; p++)
        lost += sh->owner[p].state == MPIPE__PART_LOST;
    snprintf(line, sizeof line, "%u of %u partitions lost, to be computed again",
             lost, sh->n_owners);
    if (lost > 0 && flow->spec->shuffle == NULL)
        mpipe__flow_log(flow, MPIPE_LOG_WARN, "", line);
    else
        mpipe__flow_log(flow, MPIPE_LOG_WARN, "", "partitions lost, to be computed "
                        "again");
    mpipe__flow_fail(flow, 0, MPIPE_AGAIN, "%s", "partitions are lost");
}

bool mpipe__recovery_lacks(struct mpipe__flow *flow)
{
    struct mpipe__shuffle *sh = flow->spec->reduces;

    if (sh == NULL || sh->owner == NULL
        || mpipe__owners_mourn(sh->owner, sh->n_owners, flow->engine->dead)
           == 0)
        return false;
    lack(flow, 0);
    return true;
}

/* What has it gone through is gone with it, and so is what it has emitted for
 * partitions of the next job. */
static void death_of_reducer(struct mpipe__flow *flow, int rank)
{
    if (flow->spec->shuffle != NULL)
        lack(flow, rank);
    else
        mpipe__recovery_lacks(flow);
}

/* Had it a key in hand? */
void mpipe__recovery_box(struct mpipe__flow *flow, int rank,
                         const struct mpipe__box *box)
{
    const struct mpipe__engine *en = flow->engine;
    struct mpipe_error err = { MPIPE_OK, rank, "" };

    if (box->root == MPIPE__NO_ROOT || box->flow != flow->id || box->key == 0
        || flow->spec->deadly == NULL)
        return;
    if (flow->spec->deadly(flow->spec->delivered_arg, box->part, box->key,
                           en->n_dead == en->transport->size - 1, &err))
        mpipe__flow_fail(flow, rank, err.code, "%s", err.text);
}

/* A box that cannot be seen from here is asked for; the flow ends a little later, so
 * that the answer comes in time. */
static void died_over(struct mpipe__flow *flow, int rank)
{
    struct mpipe__transport *t = flow->engine->transport;
    const struct mpipe__box *box = t->ops->box(t, rank);

    if (box != NULL)
        mpipe__recovery_box(flow, rank, box);
    else if (!mpipe__flow_ending(flow) && mpipe__poison_ask(flow, rank))
        flow->master->answer_due = mpipe__now() + ANSWER_NS;
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
    mpipe__backup_drop(flow);
    if (flow->spec->shuffle != NULL)
        mpipe__ledger_reopen(&m->ledger, m->again_from);
    for (r = mpipe__ledger_open(&m->ledger, 0);
         r != NULL && !mpipe__flow_ending(flow);
         r = mpipe__ledger_open(&m->ledger, r->seq + 1))
        begin_again(flow, r);
}

/* ---- a death ---- */

/* All is delivered, and it need not come to the end of its function. */
static void say_left(struct mpipe__flow *flow, int rank)
{
    const struct mpipe__role *role = &flow->master->member[rank].role;
    const struct mpipe_stage *stage = flow->spec->stage;
    char line[400], upto[120] = "";

    if (role->last > role->first)
        snprintf(upto, sizeof upto, " to '%.100s'", stage[role->last].name);
    snprintf(line, sizeof line, "rank %d on %.100s is left behind in stage '%.100s'%s: "
             "all has been delivered", rank, flow->engine->machine->at[rank].host,
             stage[role->first].name, upto);
    mpipe__flow_log(flow, MPIPE_LOG_WARN, "", line);
}

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
        if (member->cause == MPIPE__LEFT) {
            say_left(flow, r);
            continue;
        }
        m->recovery.deaths++;
        last = r;
        say(flow, r, member->cause);
        if (flow->spec->direct != NULL)
            died_over(flow, r);
        else
            mpipe__poison_note(flow, r);
    }
    return last;
}

void mpipe__recovery_again(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    struct mpipe_error err = { MPIPE_OK, 0, "" };

    if (flow->spec->shuffle != NULL) {
        m->again_from = m->ledger.first + flow->in_sink;
        mpipe__commit_again(flow, m->again_from);
    }
    if (mpipe__recovery_table(flow, &err) != MPIPE_OK)
        mpipe__flow_fail(flow, 0, err.code, "pipeline '%s': %s",
                         flow->spec->name, err.text);
    else
        feed_again(flow);
}

void mpipe__recovery_deaths(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    int rank = mourn(flow);

    if (rank < 0 || mpipe__flow_ending(flow))
        return;
    for (int r = 0; r < flow->engine->transport->size; r++)
        m->member[r].quiet = 0;     /* it was the dead one that was waited for */
    m->recovering = mpipe__now();
    if (m->version == 0) {
        mpipe__master_begin(flow);
        return;
    }
    if (flow->spec->direct == NULL)
        mpipe__recovery_again(flow);
    else if (m->answer_due == 0)
        death_of_reducer(flow, rank);
}

void mpipe__recovery_pass(struct mpipe__flow *flow, uint64_t now)
{
    struct mpipe__master *m = flow->master;

    if (m->answer_due == 0 || now < m->answer_due)
        return;
    m->answer_due = 0;
    death_of_reducer(flow, 0);
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
