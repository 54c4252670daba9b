/* SPDX-License-Identifier: BSD-3-Clause */
/* route.c - join the ranks of neighbouring stages by edges.
 *
 * Both sides of a boundary are taken in the machine's order, where ranks that
 * are near stand together.  Rank i of the L on the larger side is joined to k
 * ranks in a row of the S on the smaller side, round the place i*S/L where a
 * ruler laid along both would meet:
 *
 *     larger   0 1 2 3 4 5 6 7          k = 2: 0-0 0-1 1-0 1-1 2-1 2-2 ...
 *              | / | / | / | /
 *     smaller  0   1   2   3
 *
 * The starts i*S/L are spread evenly over the smaller side, so any k places in
 * a row catch the same number of them, give or take one: that is why degrees
 * are even.  Cost: O(ranks log ranks + edges log degree).
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "exchange.h"
#include "route.h"

/* The ranks on one side of a boundary, in the machine's order. */
struct side {
    unsigned *rank;
    unsigned n;
};

/* Edges are made in two passes over the same code: count them (edge NULL),
 * then write them down. */
struct pass {
    struct mpipe__route *route;
    const struct mpipe_machine *machine;
    unsigned max_degree;
    const struct mpipe__exchange *exchange;
    bool write;
};

static void connect(struct pass *pass, unsigned from, unsigned to)
{
    struct mpipe__edges *out = &pass->route->out[from];
    struct mpipe__edges *in = &pass->route->in[to];

    if (pass->write) {
        unsigned distance = mpipe__distance(pass->machine, from, to);

        out->edge[out->n] = (struct mpipe__edge){ to, distance };
        in->edge[in->n] = (struct mpipe__edge){ from, distance };
    }
    out->n++;
    in->n++;
}

/* Edges for each rank of the larger side. */
static unsigned edges_each(unsigned larger, unsigned smaller,
                           unsigned max_degree)
{
    uint64_t k;

    if (larger <= max_degree)
        return smaller;
    k = (uint64_t)max_degree * smaller / larger;
    if (k < 2)
        k = 2;
    return k < smaller ? (unsigned)k : smaller;
}

static void join(struct pass *pass, const struct side *up,
                 const struct side *down)
{
    bool up_larger = up->n >= down->n;
    const struct side *larger = up_larger ? up : down;
    const struct side *smaller = up_larger ? down : up;
    unsigned k = edges_each(larger->n, smaller->n, pass->max_degree);
    unsigned i, j;

    for (i = 0; i < larger->n; i++) {
        unsigned middle = (unsigned)((uint64_t)i * smaller->n / larger->n);
        unsigned start = middle + smaller->n - (k - 1) / 2;

        for (j = 0; j < k; j++) {
            unsigned a = larger->rank[i];
            unsigned b = smaller->rank[(start + j) % smaller->n];

            if (up_larger)
                connect(pass, a, b);
            else
                connect(pass, b, a);
        }
    }
}

/* The ranks in order, sorted by a stage: those of stage s are
 * sorted[start[s]] to sorted[start[s+1] - 1]. */
struct index {
    unsigned *sorted, *start;
};

static void index_fini(struct index *x)
{
    free(x->sorted);
    free(x->start);
}

/* By first stage, or by last; a counting sort keeps the order. */
static enum mpipe_err index_init(struct index *x,
                                 const struct mpipe__role *roles,
                                 const unsigned *order, unsigned n_ranks,
                                 unsigned n_stages, bool by_last)
{
    unsigned i, s;

    x->sorted = calloc(n_ranks, sizeof *x->sorted);
    x->start = calloc(n_stages + 2, sizeof *x->start);
    if (x->sorted == NULL || x->start == NULL)
        return MPIPE_ENOMEM;
    for (i = 0; i < n_ranks; i++)
        if (roles[i].serves)
            x->start[(by_last ? roles[i].last : roles[i].first) + 2]++;
    for (s = 2; s < n_stages + 2; s++)
        x->start[s] += x->start[s - 1];
    for (i = 0; i < n_ranks; i++) {
        const struct mpipe__role *role = &roles[order[i]];

        if (role->serves)
            x->sorted[x->start[(by_last ? role->last : role->first) + 1]++] =
                order[i];
    }
    return MPIPE_OK;
}

static struct side side_of(const struct index *x, unsigned stage)
{
    return (struct side){ x->sorted + x->start[stage],
                          x->start[stage + 1] - x->start[stage] };
}

/* Workers of a square: each to its row, and to its column. */
static void join_square(struct pass *pass, const struct side *all, unsigned side)
{
    for (unsigned i = 0; i < all->n; i++) {
        for (unsigned c = 0; c < side; c++)
            if (c != mpipe__exchange_column(side, i))
                connect(pass, all->rank[i], all->rank[
                        mpipe__exchange_via(side, all->n, i, c)]);
        for (unsigned to = i % side; to < all->n; to += side)
            if (to != i)
                connect(pass, all->rank[i], all->rank[to]);
    }
}

static void join_exchange(struct pass *pass, const struct side *all)
{
    const struct mpipe__exchange *x = pass->exchange;

    if (x->gather == 0 && x->side > 0) {
        join_square(pass, all, x->side);
        return;
    }
    for (unsigned i = 0; i < all->n; i++)
        for (unsigned to = 0; to < all->n; to++)
            if (to != i && (x->gather == 0 || to == i - i % x->gather))
                connect(pass, all->rank[i], all->rank[to]);
}

/* All boundaries, with rank 0 before the first stage and after the last. */
static void join_all(struct pass *pass, const struct index *first,
                     const struct index *last)
{
    unsigned n_stages = pass->route->n_stages, s, i;
    struct side feed = side_of(first, 0);
    struct side sink = side_of(last, n_stages - 1);

    for (i = 0; i < feed.n; i++)
        connect(pass, 0, feed.rank[i]);
    if (feed.n == 1 && feed.rank[0] == 0)
        return;                 /* alone: one edge is both */
    for (i = 0; i < sink.n; i++)
        connect(pass, sink.rank[i], 0);
    if (pass->exchange != NULL)
        join_exchange(pass, &sink);
    for (s = 0; s + 1 < n_stages; s++) {
        struct side up = side_of(last, s), down = side_of(first, s + 1);

        if (up.n > 0)
            join(pass, &up, &down);
    }
}

/* What begins and ends at each stage. */
struct limits {
    int *change;            /* ranks that begin here less those that have
                               ended before */
    bool *begins, *ends;    /* ends: a role ends just before */
};

static enum mpipe_err note_roles(struct limits *at,
                                 const struct mpipe__role *roles,
                                 unsigned n_ranks, unsigned n_stages,
                                 struct mpipe_error *err)
{
    unsigned r, serving = 0;

    for (r = 0; r < n_ranks; r++) {
        const struct mpipe__role *role = &roles[r];

        if (!role->serves)
            continue;
        if (role->first > role->last || role->last >= n_stages)
            return mpipe__error(err, (int)r, MPIPE_EINVAL, "rank %u has the "
                                "role of stages %u to %u, but there are %u",
                                r, role->first, role->last, n_stages);
        serving++;
        at->change[role->first]++;
        at->change[role->last + 1]--;
        at->begins[role->first] = true;
        at->ends[role->last + 1] = true;
    }
    if (roles[0].serves && serving > 1)
        return mpipe__error(err, 0, MPIPE_EINVAL, "rank 0 serves stages "
                            "although %u others do", serving - 1);
    return MPIPE_OK;
}

/* No stage without a rank, and where roles end others begin. */
static enum mpipe_err check_meeting(const struct limits *at,
                                    unsigned n_stages,
                                    struct mpipe_error *err)
{
    int serving = 0;
    unsigned s;

    for (s = 0; s < n_stages; s++) {
        serving += at->change[s];
        if (serving == 0)
            return mpipe__error(err, -1, MPIPE_EINVAL,
                                "no rank serves stage %u", s);
        if (s > 0 && at->begins[s] != at->ends[s])
            return mpipe__error(err, -1, MPIPE_EINVAL, "no rank %s stage %u: "
                                "the roles do not meet", at->begins[s]
                                ? "ends before" : "begins with", s);
    }
    return MPIPE_OK;
}

static enum mpipe_err check(const struct mpipe__role *roles, unsigned n_ranks,
                            unsigned n_stages, struct mpipe_error *err)
{
    struct limits at = {
        calloc(n_stages + 1, sizeof *at.change),
        calloc(n_stages + 1, sizeof *at.begins),
        calloc(n_stages + 1, sizeof *at.ends)
    };
    enum mpipe_err e;

    if (at.change == NULL || at.begins == NULL || at.ends == NULL)
        e = mpipe__error(err, -1, MPIPE_ENOMEM,
                         "no memory to route %u stages", n_stages);
    else
        e = note_roles(&at, roles, n_ranks, n_stages, err);
    if (e == MPIPE_OK)
        e = check_meeting(&at, n_stages, err);
    free(at.change);
    free(at.begins);
    free(at.ends);
    return e;
}

/* Give each list its piece of one block, and set the counts back to 0. */
static enum mpipe_err allocate(struct mpipe__route *route)
{
    size_t total = 0;
    unsigned r;

    for (r = 0; r < route->n_ranks; r++)
        total += (size_t)route->out[r].n + route->in[r].n;
    route->block = calloc(total > 0 ? total : 1, sizeof *route->block);
    if (route->block == NULL)
        return MPIPE_ENOMEM;
    total = 0;
    for (r = 0; r < route->n_ranks; r++) {
        route->out[r].edge = route->block + total;
        total += route->out[r].n;
        route->in[r].edge = route->block + total;
        total += route->in[r].n;
        route->out[r].n = route->in[r].n = 0;
    }
    return MPIPE_OK;
}

static int nearer(const void *pa, const void *pb)
{
    const struct mpipe__edge *a = pa, *b = pb;

    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return a->peer < b->peer ? -1 : a->peer > b->peer;
}

/* While sorting a peer is its number counted from 'rank' onwards. */
static void sort_edges(struct mpipe__edges *edges, unsigned rank,
                       unsigned n_ranks)
{
    unsigned i;

    for (i = 0; i < edges->n; i++)
        edges->edge[i].peer = (edges->edge[i].peer + n_ranks - rank)
                              % n_ranks;
    qsort(edges->edge, edges->n, sizeof *edges->edge, nearer);
    for (i = 0; i < edges->n; i++)
        edges->edge[i].peer = (edges->edge[i].peer + rank) % n_ranks;
}

static enum mpipe_err fill(struct mpipe__route *route,
                           const struct mpipe__role *roles,
                           const struct mpipe_machine *machine,
                           unsigned max_degree,
                           const struct mpipe__exchange *exchange)
{
    struct pass pass = { route, machine, max_degree, exchange, false };
    struct index first = { 0 }, last = { 0 };
    unsigned *order = calloc(route->n_ranks, sizeof *order), r;
    enum mpipe_err e = MPIPE_ENOMEM;

    if (order == NULL || mpipe__machine_order(machine, order) != MPIPE_OK
        || index_init(&first, roles, order, route->n_ranks, route->n_stages,
                      false) != MPIPE_OK
        || index_init(&last, roles, order, route->n_ranks, route->n_stages,
                      true) != MPIPE_OK)
        goto done;
    join_all(&pass, &first, &last);
    e = allocate(route);
    if (e != MPIPE_OK)
        goto done;
    pass.write = true;
    join_all(&pass, &first, &last);
    for (r = 0; r < route->n_ranks; r++) {
        sort_edges(&route->out[r], r, route->n_ranks);
        sort_edges(&route->in[r], r, route->n_ranks);
    }
done:
    index_fini(&first);
    index_fini(&last);
    free(order);
    return e;
}

struct mpipe__route *mpipe__route_new(const struct mpipe__role *roles,
                                      unsigned n_ranks, unsigned n_stages,
                                      const struct mpipe_machine *machine,
                                      unsigned max_degree,
                                      const struct mpipe__exchange *exchange,
                                      struct mpipe_error *err)
{
    struct mpipe__route *route;

    assert(machine->n_ranks == n_ranks && n_ranks > 0 && n_stages > 0);
    if (check(roles, n_ranks, n_stages, err) != MPIPE_OK)
        return NULL;
    route = calloc(1, sizeof *route);
    if (route == NULL)
        goto error;
    route->n_ranks = n_ranks;
    route->n_stages = n_stages;
    route->side = exchange != NULL ? exchange->side : 0;
    route->out = calloc(n_ranks, sizeof *route->out);
    route->in = calloc(n_ranks, sizeof *route->in);
    if (route->out == NULL || route->in == NULL
        || fill(route, roles, machine, max_degree > 0 ? max_degree
                : MPIPE__ROUTE_DEGREE, exchange) != MPIPE_OK)
        goto error;
    return route;
error:
    mpipe__error(err, -1, MPIPE_ENOMEM, "no memory to route %u ranks",
                 n_ranks);
    mpipe__route_free(route);
    return NULL;
}

void mpipe__route_free(struct mpipe__route *route)
{
    if (route == NULL)
        return;
    free(route->block);
    free(route->out);
    free(route->in);
    free(route);
}
