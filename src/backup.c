/* SPDX-License-Identifier: BSD-3-Clause */
/* backup.c - see backup.h. */
#include "backup.h"
#include "clock.h"
#include "commit.h"
#include "master.h"

#define LEAST_NS 50000000u          /* younger ones are not late */
#define TIMES    2u                 /* ... nor those that took this much less */
#define LOOK_NS  1000000u
#define PATIENCE_NS 1000000000u     /* with who is in a function at the end */

bool mpipe__backup_late(uint64_t age_ns, uint64_t typical_ns)
{
    return typical_ns > 0 && age_ns > LEAST_NS && age_ns > TIMES * typical_ns;
}

void mpipe__backup_given(const struct mpipe__flow *flow, struct mpipe__root *r,
                         int rank)
{
    r->fed_at = flow->engine->now;
    r->given_to = rank;
}

/* Is it wanted, and may it be? */
static bool is_wanted(const struct mpipe__flow *flow)
{
    const struct mpipe__options *o = flow->engine->options;

    return o->backups != MPIPE__WHEN_NEVER
           && (o->backups == MPIPE__WHEN_ALWAYS || flow->engine->tied)
           && flow->spec->direct == NULL;
}

/* Is all fed, and nothing waits to be sent? */
static bool near_end(const struct mpipe__flow *flow)
{
    const struct mpipe__master *m = flow->master;

    return is_wanted(flow) && m->feeder.ended
           && m->feeder.pending.n == 0 && m->again.n == 0
           && m->retries.n == 0 && !flow->paused
           && mpipe__flow_routed(flow) && m->ledger.open > 0;
}

static bool is_late(const struct mpipe__flow *flow, const struct mpipe__root *r)
{
    return r->twin == 0 && r->split == 0
           && mpipe__backup_late(flow->engine->now - r->fed_at,
                                 flow->master->root_ns);
}

/* The next link, from this one on, to a rank that has nothing to do; NULL: none. */
static struct mpipe__link *idle_link(const struct mpipe__feeder *fd, unsigned *from,
                                     const struct mpipe__root *r)
{
    while (*from < fd->n_links) {
        struct mpipe__link *link = fd->link[(*from)++];

        /* rank 0 has other things to do */
        if (link->peer != 0 && link->peer != r->given_to
            && link->credits == link->window_out
            && mpipe__link_ready(link, mpipe__wire_size(&r->fed->head)))
            return link;
    }
    return NULL;
}

static bool feed_copy(struct mpipe__flow *flow, struct mpipe__root *r,
                      struct mpipe__link *link)
{
    struct mpipe__master *m = flow->master;
    size_t size = mpipe__wire_size(&r->fed->head);
    struct mpipe__frame *f = mpipe__pool_get(&flow->engine->pool, size);
    uint64_t id = mpipe__feeder_id(flow);
    struct mpipe__root *copy;

    if (f == NULL)
        return false;               /* it was only to be quicker */
    copy = mpipe__ledger_copy(&m->ledger, r, id);
    if (copy == NULL) {
        mpipe__pool_put(&flow->engine->pool, f);
        return false;
    }
    memcpy(&f->head, &r->fed->head, size);
    f->head.id = id;
    f->head.root = copy->seq;
    f->head.attempt = copy->attempt;
    mpipe__backup_given(flow, copy, link->peer);
    m->backups.made++;
    if (mpipe__link_send(link, f) != MPIPE_OK)
        mpipe__flow_fail(flow, 0, MPIPE_EMPI, "a frame could not be sent to rank "
                         "%d", link->peer);
    return true;
}

bool mpipe__backup_step(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    const struct mpipe__feeder *fd = &m->feeder;
    struct mpipe__link *link;
    struct mpipe__root *r;
    unsigned from = 0;
    bool did = false;

    if (flow->engine->now < m->backups.next_look || !near_end(flow))
        return false;
    m->backups.next_look = flow->engine->now + LOOK_NS;
    for (r = mpipe__ledger_open(&m->ledger, 0); r != NULL;
         r = mpipe__ledger_open(&m->ledger, r->seq + 1)) {
        if (!is_late(flow, r))
            continue;
        link = idle_link(fd, &from, r);
        if (link == NULL)
            break;
        did |= feed_copy(flow, r, link);
    }
    return did;
}

/* Give back what has come of it. */
static void drop_results(struct mpipe__flow *flow, struct mpipe__frame_queue *q)
{
    struct mpipe__frame *f;

    while ((f = mpipe__queue_pop(q)) != NULL) {
        flow->master->held -= f->capacity;
        mpipe__pool_put(&flow->engine->pool, f);
    }
}

struct mpipe__root *mpipe__backup_join(struct mpipe__flow *flow,
                                       struct mpipe__root *r)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__frame_queue lost;

    if (r->twin == 0)
        return r;
    m->backups.won += r->is_copy;
    if (flow->spec->shuffle != NULL)
        mpipe__commit_choose(flow, r->seq, r->twin - 1);
    r = mpipe__ledger_join(&m->ledger, r, &lost);
    drop_results(flow, &lost);
    return r;
}

void mpipe__backup_drop(struct mpipe__flow *flow)
{
    struct mpipe__ledger *l = &flow->master->ledger;
    struct mpipe__root *r;

    for (r = mpipe__ledger_open(l, 0); r != NULL;
         r = mpipe__ledger_open(l, r->seq + 1))
        if (r->is_copy) {
            drop_results(flow, &r->results);
            mpipe__ledger_part(l, r);
        }
}

/* Does the rank have a partition of the flow's shuffle? */
static bool has_part(const struct mpipe__flow *flow, int rank)
{
    const struct mpipe__shuffle *sh = flow->spec->shuffle;

    for (uint32_t p = 0; sh != NULL && p < sh->n_owners; p++)
        if ((sh->owner[p].state == MPIPE__PART_FILLING
             || sh->owner[p].state == MPIPE__PART_FULL)
            && sh->owner[p].rank == (uint32_t)rank)
            return true;
    return false;
}

bool mpipe__backup_over(const struct mpipe__flow *flow)
{
    const struct mpipe__feeder *fd = &flow->master->feeder;

    for (unsigned i = 0; flow->spec->shuffle != NULL
         && flow->master->backups.made > 0 && i < fd->n_links; i++)
        if (fd->link[i]->credits < fd->link[i]->window_out
            && !fd->link[i]->dead && has_part(flow, fd->link[i]->peer))
            return false;
    return true;
}

/* ---- who is left behind ---- */

/* May the flow, and all others beside it, do without the rank? */
static bool is_needed(const struct mpipe__flow *flow, int rank)
{
    for (const struct mpipe__flow *f = flow->engine->flows; f != NULL;
         f = f->next)
        if (f->phase < MPIPE__LEAVING || f->spec->direct != NULL
            || has_part(f, rank))
            return true;
    return false;
}

static uint64_t patience_ns(const struct mpipe__master *m)
{
    return m->root_ns > PATIENCE_NS ? m->root_ns : PATIENCE_NS;
}

void mpipe__backup_dismiss(struct mpipe__flow *flow)
{
    struct mpipe__backups *b = &flow->master->backups;
    struct mpipe__transport *t = flow->engine->transport;
    uint64_t now = mpipe__now(), before = b->dismiss_at;

    if (!flow->engine->dismisses || !is_wanted(flow) || now < before
        || (flow->error.code != MPIPE_OK && flow->error.code != MPIPE_EFAILED))
        return;
    b->dismiss_at = now + patience_ns(flow->master);
    for (int r = 1; before != 0 && r < t->size; r++) {
        const struct mpipe__link *link = mpipe__master_link(flow, r);

        if (link != NULL && !link->fin_received && !link->dead
            && !is_needed(flow, r))
            t->ops->dismiss(t, r, flow->id);
    }
}
