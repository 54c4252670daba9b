/* SPDX-License-Identifier: BSD-3-Clause */
/* routing.c - rank 0 tells each rank what it serves, and whom it may send to.
 *
 * A table goes out in pieces of a control frame each: a head, and links as the
 * rank that gets it sees them.  The first comes before anything flows; one with
 * a higher version replaces it.
 */
#include <limits.h>
#include <stdlib.h>
#include "error.h"
#include "exchange.h"
#include "master.h"
#include "recovery.h"
#include "route.h"
#include "routing.h"

#define FEW_ROOTS      3u           /* for a rank at a time, where what they
                                       make waits until they are complete */
#define STAR_WINDOW    2u           /* on links that only carry retries */
#define MANY_LINKS     32u          /* in-links from which slots are small, as
                                       they are in a square */
#define MANY_SLOTS     256u         /* ... and shared out, two each at least */
#define HOME_SLOTS     4096u        /* on rank 0, or one for each rank */

static uint32_t slot_of(const struct mpipe__engine *en,
                        const struct mpipe__route *route, unsigned rank)
{
    return route->in[rank].n <= MANY_LINKS && route->side == 0
           ? (uint32_t)en->slot : MPIPE__SMALL_SLOT;
}

static const struct mpipe__edge *edge_to(const struct mpipe__edges *edges,
                                         unsigned peer)
{
    for (unsigned i = 0; i < edges->n; i++)
        if (edges->edge[i].peer == peer)
            return &edges->edge[i];
    return NULL;
}

/* Rank 0's slots are shared out; elsewhere links beyond so many have fewer. */
static unsigned window_most(const struct mpipe__route *route, unsigned to)
{
    unsigned n = route->in[to].n, least = to == 0 ? 1 : 2;
    unsigned share = to == 0 ? HOME_SLOTS / route->n_ranks
                     : n > MANY_LINKS || (n > 0 && route->side > 0)
                       ? MANY_SLOTS / n : UINT_MAX;

    return share > least ? share : least;
}

/* What may flow to rank 'to' over one link. */
static void window_of(const struct mpipe__flow *flow,
                      const struct mpipe__route *route, unsigned to,
                      bool edge, bool from_home, uint32_t *window,
                      uint32_t *slot)
{
    unsigned most = window_most(route, to);

    *window = edge ? flow->engine->options->credits : STAR_WINDOW;
    if (flow->spec->shuffle != NULL && from_home && *window > FEW_ROOTS)
        *window = FEW_ROOTS;
    if (*window > most)
        *window = most;
    *slot = edge ? slot_of(flow->engine, route, to) : MPIPE__SMALL_SLOT;
}

/* Number those that serve, so that neighbours in number are near. */
static enum mpipe_err number_workers(struct mpipe__flow *flow)
{
    struct mpipe__master *m = flow->master;
    unsigned n = (unsigned)flow->engine->transport->size;
    unsigned *order = calloc(n, sizeof *order);
    enum mpipe_err e = MPIPE_ENOMEM;

    if (m->worker == NULL)
        m->worker = calloc(n, sizeof *m->worker);
    if (m->worker_rank == NULL)
        m->worker_rank = calloc(n, sizeof *m->worker_rank);
    m->n_workers = 0;
    if (order != NULL && m->worker != NULL && m->worker_rank != NULL)
        e = mpipe__machine_order(flow->engine->machine, order);
    for (unsigned i = 0; i < n && e == MPIPE_OK; i++) {
        unsigned r = order[i];

        m->worker[r] = m->member[r].role.serves ? m->n_workers : UINT_MAX;
        if (m->member[r].role.serves)
            m->worker_rank[m->n_workers++] = r;
    }
    free(order);
    return e;
}

struct table_writer {
    struct mpipe__flow *flow;
    struct mpipe__link *to;
    struct mpipe__table_head head;
    struct mpipe__frame *frame;
};

static void begin_table(struct table_writer *w)
{
    w->frame = mpipe__control_new(&w->flow->links, MPIPE__TABLE);
    if (w->frame != NULL)
        mpipe__frame_append_slow(w->frame, &w->head, sizeof w->head);
    else
        mpipe__flow_fail(w->flow, 0, MPIPE_ENOMEM, "no memory for a table");
}

static void send_table(struct table_writer *w)
{
    if (w->frame != NULL)
        mpipe__link_control(w->to, w->frame);
    w->frame = NULL;
}

static void add_item(struct table_writer *w, const void *item, size_t size)
{
    if (w->frame != NULL
        && mpipe__frame_need(w->frame, size) > MPIPE__CONTROL_SIZE) {
        send_table(w);
        begin_table(w);
    }
    if (w->frame != NULL)
        mpipe__frame_append_slow(w->frame, item, size);
}

static void add_to_table(struct table_writer *w,
                         const struct mpipe__table_link *t)
{
    add_item(w, t, sizeof *t);
}

static void end_table(struct table_writer *w)
{
    add_item(w, "", 0);
    send_table(w);
}

/* A worker's number, counted from 1; 0: it is none. */
static uint32_t number_of(const struct mpipe__flow *flow, unsigned rank)
{
    return flow->master->worker[rank] + 1;
}

/* Steps along a column of an exchange are on a lane of their own. */
static uint32_t lane_to(const struct table_writer *w, unsigned a, unsigned b)
{
    const uint32_t *worker = w->flow->master->worker;

    return mpipe__exchange_is_last(w->head.side, worker[a], worker[b])
           ? MPIPE__LANE_HOME : MPIPE__LANE_MAIN;
}

/* The link between rank 0 and a rank, as seen from either. */
static void star_link(struct table_writer *w, const struct mpipe__route *route,
                      unsigned rank, bool at_home)
{
    const struct mpipe__edge *feed = edge_to(&route->in[rank], 0);
    const struct mpipe__edge *result = edge_to(&route->out[rank], 0);
    struct mpipe__table_link t = { .lane = MPIPE__LANE_MAIN };
    uint32_t down, down_slot, up, up_slot;

    window_of(w->flow, route, rank, feed != NULL, true, &down, &down_slot);
    window_of(w->flow, route, 0, result != NULL, false, &up, &up_slot);
    t.peer = at_home ? rank : 0;
    t.distance = feed != NULL ? feed->distance
                              : result != NULL ? result->distance : 0;
    t.feeds = at_home && feed != NULL;
    t.next = !at_home && result != NULL;
    t.worker = at_home ? number_of(w->flow, rank) : 0;
    t.window_out = at_home ? down : up;
    t.slot_out = at_home ? down_slot : up_slot;
    t.window_in = at_home ? up : down;
    t.slot_in = at_home ? up_slot : down_slot;
    add_to_table(w, &t);
}

static void table_of_worker(struct table_writer *w,
                            const struct mpipe__route *route, unsigned rank)
{
    const struct mpipe__edges *out = &route->out[rank], *in = &route->in[rank];
    struct mpipe__table_link t;

    for (unsigned i = 0; i < out->n; i++) {
        if (out->edge[i].peer == 0)
            continue;
        memset(&t, 0, sizeof t);
        t.peer = out->edge[i].peer;
        t.distance = out->edge[i].distance;
        t.next = w->flow->spec->shuffle == NULL;
        t.worker = number_of(w->flow, t.peer);
        t.lane = lane_to(w, rank, t.peer);
        window_of(w->flow, route, t.peer, true, false, &t.window_out,
                  &t.slot_out);
        add_to_table(w, &t);
    }
    for (unsigned i = 0; i < in->n; i++) {
        if (in->edge[i].peer == 0)
            continue;
        memset(&t, 0, sizeof t);
        t.peer = in->edge[i].peer;
        t.distance = in->edge[i].distance;
        t.lane = lane_to(w, rank, t.peer);
        window_of(w->flow, route, rank, true, false, &t.window_in,
                  &t.slot_in);
        add_to_table(w, &t);
    }
    star_link(w, route, rank, false);
}

static void table_of_home(struct table_writer *w,
                          const struct mpipe__route *route)
{
    const struct mpipe__edges *out = &route->out[0];

    for (unsigned i = 0; i < out->n; i++)       /* in the feed's order */
        if (out->edge[i].peer != 0)
            star_link(w, route, out->edge[i].peer, true);
    for (unsigned r = 1; r < route->n_ranks; r++)
        if (edge_to(out, r) == NULL && mpipe__master_link(w->flow, (int)r))
            star_link(w, route, r, true);
    if (w->flow->master->member[0].role.serves) {   /* alone */
        struct mpipe__table_link t = { .feeds = 1 };
        window_of(w->flow, route, 0, true, true, &t.window_out, &t.slot_out);
        t.window_in = t.window_out;
        t.slot_in = t.slot_out;
        add_to_table(w, &t);
        t.lane = MPIPE__LANE_HOME;
        t.feeds = 0;
        t.next = 1;
        add_to_table(w, &t);
    }
}

static void send_brief(struct mpipe__flow *flow, struct mpipe__link *to)
{
    const struct mpipe_bytes *b = &flow->spec->brief;
    size_t most = MPIPE__CONTROL_SIZE / 2, n;

    for (size_t at = 0; at < b->size; at += n) {
        n = b->size - at < most ? b->size - at : most;
        if (mpipe__control_send(to, MPIPE__BRIEF, b->data + at, n) != MPIPE_OK)
            mpipe__flow_fail(flow, 0, MPIPE_ENOMEM, "no memory to tell rank "
                             "%d what to do", to->peer);
    }
}

/* From partition p on, as many as have neighbours in rank and number. */
static struct mpipe__place run_of_owners(const struct mpipe__flow *flow,
                                         uint32_t p)
{
    const struct mpipe__shuffle *sh = flow->spec->shuffle;
    const struct mpipe__owner *o = &sh->owner[p];
    const uint32_t *worker = flow->master->worker;
    uint32_t n = 1;

    while (p + n < sh->n_owners && o[n].state == o->state
           && o[n].rank == o->rank + n
           && worker[o[n].rank] == worker[o->rank] + n)
        n++;
    return (struct mpipe__place){ p, n, o->rank, worker[o->rank], o->state, 0 };
}

/* Who gets which partition by this table: all of them, each time. */
static void send_owners(struct mpipe__flow *flow, struct mpipe__link *to)
{
    const struct mpipe__shuffle *sh = flow->spec->shuffle;
    struct mpipe__frame *f = NULL;

    for (uint32_t p = 0; sh != NULL && p < sh->n_owners;) {
        struct mpipe__place place = run_of_owners(flow, p);

        if (f == NULL)
            f = mpipe__control_new(&flow->links, MPIPE__OWNERS);
        if (f == NULL) {
            mpipe__flow_fail(flow, 0, MPIPE_ENOMEM, "no memory to tell rank "
                             "%d who gets which partition", to->peer);
            return;
        }
        mpipe__frame_append_slow(f, &place, sizeof place);
        p += place.n;
        if (p < sh->n_owners
            && mpipe__frame_need(f, sizeof place) <= MPIPE__CONTROL_SIZE)
            continue;
        mpipe__link_control(to, f);
        f = NULL;
    }
}

/* How the workers of a shuffle exchange: as all of them end with the last stage,
 * their numbers are those by which route.c joins them. */
static struct mpipe__exchange exchange_of(const struct mpipe__flow *flow)
{
    const struct mpipe__shuffle *sh = flow->spec->shuffle;
    struct mpipe__exchange x = { 0, 0 };

    if (sh == NULL)
        return x;
    x.side = mpipe__exchange_side(flow->master->n_workers,
                                  flow->engine->options->direct);
    if (x.side > 0 && sh->gather > 0)
        x = (struct mpipe__exchange){ 0, sh->gather };
    return x;
}

/* To one rank.  The first table also says how large the links' windows are;
 * 'route' gives the same to both ends. */
static void send_to(struct mpipe__flow *flow,
                    const struct mpipe__route *route, unsigned rank)
{
    const struct mpipe__master *m = flow->master;
    const struct mpipe__role *role = &m->member[rank].role;
    struct table_writer w = {
        .flow = flow, .to = mpipe__master_link(flow, (int)rank),
        .head = { .version = m->version, .serves = role->serves,
                  .first = role->first, .last = role->last,
                  .n_workers = m->n_workers, .worker = m->worker[rank],
                  .side = route->side, .again = m->again_from }
    };

    if (w.to == NULL || w.to->dead)
        return;
    if (m->version == 1)
        send_brief(flow, w.to);
    send_owners(flow, w.to);
    begin_table(&w);
    if (rank == 0)
        table_of_home(&w, route);
    else
        table_of_worker(&w, route, rank);
    end_table(&w);
}

enum mpipe_err mpipe__routing_send(struct mpipe__flow *flow,
                                   struct mpipe_error *err)
{
    struct mpipe__master *m = flow->master;
    const struct mpipe_machine *machine = flow->engine->machine;
    struct mpipe__role *role = calloc(machine->n_ranks, sizeof *role);
    struct mpipe__route *route = NULL;
    struct mpipe__exchange exchange = { 0, 0 };

    for (unsigned r = 0; role != NULL && r < machine->n_ranks; r++)
        role[r] = m->member[r].role;
    if (role == NULL || number_workers(flow) != MPIPE_OK
        || mpipe__recovery_owners(flow) != MPIPE_OK) {
        mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a table");
    } else {
        exchange = exchange_of(flow);
        route = mpipe__route_new(role, machine->n_ranks, flow->spec->n_stages,
                                 machine, MPIPE__ROUTE_DEGREE,
                                 flow->spec->shuffle != NULL ? &exchange : NULL,
                                 err);
    }
    if (route != NULL) {
        m->version++;
        m->ledger.attempt = m->version;
        for (unsigned r = 0; r < route->n_ranks; r++)
            send_to(flow, route, r);
    }
    free(role);
    mpipe__route_free(route);
    return err->code;
}
