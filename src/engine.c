/* SPDX-License-Identifier: BSD-3-Clause */
/* engine.c - the loop of a rank.
 *
 * A turn takes what the transport has finished, hands it to the flow that the
 * frame belongs to, and then lets every flow do one piece of the user's work.
 * When a turn finds nothing to do the rank settles (gives back credits, sends
 * reports) and rests in the transport until something may have come.
 */
#include <stdlib.h>
#include "clock.h"
#include "engine.h"
#include "feeder.h"
#include "flow.h"
#include "master.h"
#include "relay.h"

#define BATCH 32
#define POLL_NS 20000u          /* with work at hand, ask MPI so often: asking
                                   without need may yield the core */
#define MOURN_NS 10000000u      /* deaths are looked for so often at least */
#define REST_US 5000u           /* a rest with nothing to do, at first */
#define LONG_REST_US 40000u     /* ... and after a while */

enum mpipe_err mpipe__engine_init(struct mpipe__engine *en,
                                  struct mpipe__transport *t,
                                  const struct mpipe__options *options)
{
    memset(en, 0, sizeof *en);
    en->transport = t;
    en->options = options;
    en->session = "";
    mpipe__pool_init(&en->pool, options->window);  /* kept at most */
    if (t->ops->next_death != NULL) {
        en->dead = calloc((size_t)t->size, sizeof *en->dead);
        if (en->dead == NULL)
            return MPIPE_ENOMEM;
    }
    en->survives = en->dead != NULL && t->size > 1;
    return mpipe__engine_size_slots(en);
}

enum mpipe_err mpipe__engine_size_slots(struct mpipe__engine *en)
{
    struct mpipe__frame *f = mpipe__pool_get(&en->pool, en->options->frame);

    if (f == NULL)
        return MPIPE_ENOMEM;
    en->slot = f->capacity;
    mpipe__pool_put(&en->pool, f);
    return MPIPE_OK;
}

static void bury(struct mpipe__flow *flow, int rank)
{
    for (; flow != NULL; flow = flow->next)
        mpipe__links_bury(&flow->links, rank);
}

/* After a death others may leave, or have left, without taking what was sent to
 * them, or with half of a message sent. */
static void leave_all(struct mpipe__engine *en)
{
    struct mpipe__transport *t = en->transport;

    for (int r = 0; r < t->size; r++) {
        if (en->dead[r] || r == t->rank)
            continue;
        bury(en->flows, r);
        bury(en->abandoned, r);
        t->ops->abandon(t, r);
    }
}

void mpipe__engine_fini(struct mpipe__engine *en)
{
    struct mpipe__flow *flow;

    if (en->abandoned != NULL && en->n_dead > 0)
        leave_all(en);
    while (en->abandoned != NULL && mpipe__engine_progress(en))
        continue;               /* what comes back is given back */
    while ((flow = en->abandoned) != NULL) {
        en->abandoned = flow->next;
        mpipe__links_fini(&flow->links);
        free(flow);
    }
    mpipe__pool_fini(&en->pool);
    if (en->transport != NULL && !en->transport->keeps_abandoned)
        mpipe__pool_unearth(&en->pool);
    free(en->dead);
    en->dead = NULL;
}

/* Nothing is begun with it any more. */
static void part_with(struct mpipe__engine *en, int rank)
{
    en->dead[rank] = true;
    en->n_dead++;
    bury(en->flows, rank);
    bury(en->abandoned, rank);
    en->transport->ops->abandon(en->transport, rank);
}

/* Where no flow runs that would say so. */
static void say(const struct mpipe__engine *en, int rank)
{
    char line[200];

    if (en->log == NULL || rank == en->transport->rank
        || MPIPE_LOG_WARN > (int)en->options->log_level)
        return;
    snprintf(line, sizeof line, "rank %d on %s has died", rank,
             en->machine->at[rank].host);
    en->log(en->log_arg, mpipe__today(), 0, MPIPE_LOG_WARN, "", line);
}

/* Ranks that have died since; then the flows see to the rest. */
static bool take_deaths(struct mpipe__engine *en)
{
    struct mpipe__transport *t = en->transport;
    bool any = false;
    int r;

    while ((r = t->ops->next_death(t)) >= 0)
        if (!en->dead[r]) {
            part_with(en, r);
            if (en->flows == NULL)
                say(en, r);
            any = true;
        }
    if (!any)
        return false;
    for (r = 0; (en->dead[0] || en->dead[t->rank]) && r < t->size; r++)
        if (!en->dead[r] && r != t->rank)
            part_with(en, r);       /* each rank now ends by itself */
    for (struct mpipe__flow *flow = en->flows; flow != NULL;
         flow = flow->next)
        mpipe__flow_deaths(flow);
    return true;
}

int mpipe__engine_cause(const struct mpipe__engine *en, int rank)
{
    struct mpipe__transport *t = en->transport;

    return t->ops->cause != NULL ? t->ops->cause(t, rank) : MPIPE__GONE;
}

bool mpipe__engine_lost(const struct mpipe__engine *en, struct mpipe_error *why)
{
    int self = en->transport->rank;

    if (mpipe__engine_dead(en, self))
        *why = (struct mpipe_error){ MPIPE_EDEAD, self, "this rank was silent "
                "for so long (stopped, or cut off?) that the others went on "
                "without it: it ends" };
    else if (!mpipe__engine_dead(en, 0))
        return false;
    else if (mpipe__engine_cause(en, 0) == MPIPE__SILENT)
        *why = (struct mpipe_error){ MPIPE_EDEAD, self, "rank 0 cannot be reached "
                "any more (its host is gone, or this one is cut off): this rank "
                "ends" };
    else
        *why = (struct mpipe_error){ MPIPE_EDEAD, 0, "it has died" };
    return true;
}

bool mpipe__engine_progress(struct mpipe__engine *en)
{
    struct mpipe__completion done[BATCH];
    struct mpipe__event event;
    int n = en->transport->ops->poll(en->transport, done, BATCH);
    uint64_t now = mpipe__now();

    for (struct mpipe__flow *flow = en->flows; flow != NULL; flow = flow->next)
        flow->links.now = now;
    for (int i = 0; i < n; i++) {
        struct mpipe__frame *f = done[i].cookie;
        struct mpipe__link *link = f->op.owner;
        struct mpipe__flow *flow = link->set->owner;
        struct mpipe_error err = { MPIPE_OK, 0, "" };

        if (mpipe__link_event(&done[i], &event, &err) != MPIPE_OK)
            mpipe__flow_fail(flow, err.rank, err.code, "%s", err.text);
        if (event.kind != MPIPE__NOTHING)
            mpipe__flow_event(flow, &event);
    }
    for (struct mpipe__flow *flow = en->flows; flow != NULL && n > 0;
         flow = flow->next)
        mpipe__relay_pump(flow);
    /* first all that they still said, but not for ever */
    if (en->dead != NULL && (n == 0 || mpipe__now() - en->mourned > MOURN_NS)) {
        en->mourned = mpipe__now();
        return take_deaths(en) || n > 0;
    }
    return n > 0;
}

bool mpipe__engine_turn(struct mpipe__engine *en, bool nested)
{
    uint64_t now = mpipe__now();
    bool did = false;

    en->now = now;
    if (nested || now - en->polled >= POLL_NS) {
        did = mpipe__engine_progress(en);
        en->polled = now;
    }
    if (nested)
        return did;
    for (struct mpipe__flow *flow = en->flows; flow != NULL;
         flow = flow->next)
        did |= mpipe__flow_step(flow);
    if (!did && en->polled != 0 && en->polled != now) {
        en->polled = 0;         /* nothing to do: look at once */
        return true;
    }
    return did;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

void mpipe__engine_rest(struct mpipe__engine *en, unsigned timeout_us)
{
    uint64_t from = mpipe__now(), took;
    bool stir = false;

    for (struct mpipe__flow *flow = en->flows; flow != NULL;
         flow = flow->next) {
        mpipe__flow_settle(flow);
        timeout_us = least(timeout_us, mpipe__tally_us(flow, from));
        stir |= flow->links.n_large > 0 || flow->links.n_receiving > 0;
        if (flow->master != NULL)
            timeout_us = least(timeout_us, mpipe__feeder_rest_us(
                                   &flow->master->feeder, from));
    }
    en->transport->ops->wait(en->transport, timeout_us, stir);
    took = mpipe__now() - from;
    en->polled = 0;
    for (struct mpipe__flow *flow = en->flows; flow != NULL;
         flow = flow->next) {
        if (flow->in_worker)
            continue;           /* blocked, which the worker counts */
        flow->stats.waiting_ns += took;
        if (flow->tracing && took > 20000)
            mpipe__flow_span(flow, MPIPE__SPAN_IDLE, 0, from, from + took, 0,
                             UINT64_MAX);
    }
}

void mpipe__engine_until(struct mpipe__engine *en, bool (*done)(void *arg),
                         void *arg)
{
    unsigned rest = REST_US;

    while (!done(arg)) {
        if (mpipe__engine_turn(en, false)) {
            rest = REST_US;
        } else if (!done(arg)) {
            mpipe__engine_rest(en, rest);
            rest = rest + rest / 16 < LONG_REST_US ? rest + rest / 16
                                                   : LONG_REST_US;
        }
    }
}
