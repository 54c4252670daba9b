/* SPDX-License-Identifier: BSD-3-Clause */
/* route.c - who may send to whom, on small machines by hand, on large ones by
 * what must hold. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "route.h"
#include "suite.h"

/* A machine of nodes with that many cores. */
static struct mpipe_machine *machine_of(unsigned n_ranks, unsigned cores)
{
    struct mpipe_machine *m = mpipe__machine_new(n_ranks);
    unsigned r;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    for (r = 0; r < n_ranks; r++) {
        m->at[r].id[MPIPE__NODE] = r / cores;
        m->at[r].id[MPIPE__CORE] = r % cores;
    }
    return m;
}

/* Roles as words: "-", "0", "1-2"; returns how many. */
static unsigned roles_of(const char *text, struct mpipe__role *roles)
{
    unsigned n = 0;
    const char *at = text;

    while (*at != '\0') {
        roles[n] = (struct mpipe__role){ false, 0, 0 };
        if (*at == '-') {
            at++;
        } else {
            char *end;

            roles[n].serves = true;
            roles[n].first = (unsigned)strtoul(at, &end, 10);
            roles[n].last = roles[n].first;
            if (*end == '-')
                roles[n].last = (unsigned)strtoul(end + 1, &end, 10);
            at = end;
        }
        at += strspn(at, " ");
        n++;
    }
    return n;
}

static void edges_as_text(const struct mpipe__edges *edges, char *to,
                          size_t size)
{
    size_t at = 0;
    unsigned i;

    to[0] = '\0';
    for (i = 0; i < edges->n && at < size; i++)
        at += (size_t)snprintf(to + at, size - at, "%s%u:%u",
                               i == 0 ? "" : " ", edges->edge[i].peer,
                               edges->edge[i].distance);
}

static void joins_small_flows(void)
{
    /* Two cores a node; distances: 1 beside, 5 on another node. */
    static const struct {
        const char *roles;
        unsigned n_stages, max_degree;
        unsigned rank;
        const char *out, *in;
    } row[] = {
        { "0", 1, 0, 0, "0:0", "0:0" },
        { "0-2", 3, 0, 0, "0:0", "0:0" },
        { "0-2 -", 3, 0, 0, "0:0", "0:0" },
        { "0-2 -", 3, 0, 1, "", "" },
        { "- 0", 1, 0, 0, "1:1", "1:1" },
        { "- 0", 1, 0, 1, "0:1", "0:1" },
        { "- 0-1", 2, 0, 1, "0:1", "0:1" },
        { "- 0 1", 2, 0, 0, "1:1", "2:5" },
        { "- 0 1", 2, 0, 1, "2:5", "0:1" },
        { "- 0 1", 2, 0, 2, "0:5", "1:5" },
        { "- 0 - 1", 2, 0, 2, "", "" },
        { "- 0 - 1", 2, 0, 1, "3:5", "0:1" },
        /* All to all, nearest first, then onwards from the own number. */
        { "- 0 0 1 1 0", 2, 0, 0, "1:1 2:5 5:5", "3:5 4:5" },
        { "- 0 0 1 1 0", 2, 0, 1, "3:5 4:5", "0:1" },
        { "- 0 0 1 1 0", 2, 0, 2, "3:1 4:5", "0:5" },
        { "- 0 0 1 1 0", 2, 0, 5, "4:1 3:5", "0:5" },
        { "- 0 0 1 1 0", 2, 0, 3, "0:5", "2:1 5:5 1:5" },
        { "- 0 0 1 1 0", 2, 0, 4, "0:5", "5:1 1:5 2:5" },
        /* Roles of different lengths meet too. */
        { "- 0-1 0 1 2", 3, 0, 1, "4:5", "0:1" },
        { "- 0-1 0 1 2", 3, 0, 2, "3:1", "0:5" },
        { "- 0-1 0 1 2", 3, 0, 4, "0:5", "1:5 3:5" },
        /* At most two each. */
        { "- 0 0 0 0 1 1 1 1", 2, 2, 1, "5:5 6:5", "0:1" },
        { "- 0 0 0 0 1 1 1 1", 2, 2, 4, "5:1 8:5", "0:5" },
        { "- 0 0 0 0 1 1 1 1", 2, 2, 5, "0:5", "4:1 1:5" },
        { "- 0 0 0 0 1 1", 2, 3, 1, "5:5 6:5", "0:1" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe__role roles[16];
        unsigned n = roles_of(row[i].roles, roles);
        struct mpipe_machine *m = machine_of(n, 2);
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe__route *route = mpipe__route_new(roles, n,
                                                      row[i].n_stages, m,
                                                      row[i].max_degree,
                                                      NULL, &err);
        char text[256];

        CU_ASSERT_PTR_NOT_NULL_FATAL(route);
        edges_as_text(&route->out[row[i].rank], text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, row[i].out);
        if (strcmp(text, row[i].out) != 0)
            printf("row %zu out: %s\n", i, text);
        edges_as_text(&route->in[row[i].rank], text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, row[i].in);
        if (strcmp(text, row[i].in) != 0)
            printf("row %zu in: %s\n", i, text);
        mpipe__route_free(route);
        mpipe_machine_free(m);
    }
}

static void rejects(void)
{
    static const struct {
        const char *roles;
        unsigned n_stages;
        const char *in_text;
    } row[] = {
        { "-", 1, "no rank serves stage 0" },
        { "- 0", 2, "no rank serves stage 1" },
        { "- 1", 2, "no rank serves stage 0" },
        { "- 0 2", 3, "no rank serves stage 1" },
        { "- 0-2", 2, "stages 0 to 2, but there are 2" },
        { "- 2-1", 3, "stages 2 to 1" },
        { "0 0", 1, "rank 0 serves stages although 1 others do" },
        { "- 0-1 0", 2, "no rank begins with stage 1" },
        { "- 0-1 1", 2, "no rank ends before stage 1" },
        { "- 0-1 1-2", 3, "no rank ends before stage 1" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe__role roles[16];
        unsigned n = roles_of(row[i].roles, roles);
        struct mpipe_machine *m = machine_of(n, 2);
        struct mpipe_error err = { MPIPE_OK, -1, "" };

        CU_ASSERT_PTR_NULL(mpipe__route_new(roles, n, row[i].n_stages, m, 0,
                                            NULL,
                                            &err));
        CU_ASSERT_EQUAL(err.code, MPIPE_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, row[i].in_text));
        mpipe_machine_free(m);
    }
    mpipe__route_free(NULL);
}

/* Lowest and highest number of edges of the ranks with that first stage. */
struct range {
    unsigned low, high;
};

static struct range degrees(const struct mpipe__route *route,
                            const struct mpipe__edges *edges,
                            const struct mpipe__role *roles, unsigned stage)
{
    struct range range = { ~0u, 0 };
    unsigned r;

    for (r = 0; r < route->n_ranks; r++)
        if (roles[r].serves && roles[r].first == stage) {
            range.low = edges[r].n < range.low ? edges[r].n : range.low;
            range.high = edges[r].n > range.high ? edges[r].n : range.high;
        }
    return range;
}

/* Every out edge is the other's in edge, once; lists are nearest first and go
 * from one stage to the next. */
static void check_edges(const struct mpipe__route *route,
                        const struct mpipe__role *roles,
                        const struct mpipe_machine *m)
{
    unsigned r, i, j;
    unsigned long outs = 0, ins = 0;
    bool good = true;

    for (r = 0; r < route->n_ranks; r++) {
        const struct mpipe__edges *out = &route->out[r];

        outs += out->n;
        ins += route->in[r].n;
        for (i = 0; i < out->n; i++) {
            const struct mpipe__edges *in = &route->in[out->edge[i].peer];
            unsigned found = 0, peer = out->edge[i].peer;

            for (j = 0; j < in->n; j++)
                found += in->edge[j].peer == r;
            good = good && found == 1
                && out->edge[i].distance == mpipe__distance(m, r, peer)
                && (i == 0
                    || out->edge[i - 1].distance <= out->edge[i].distance);
            if (r == 0)
                good = good && roles[peer].first == 0;
            else if (peer == 0)
                good = good && roles[r].last == route->n_stages - 1;
            else
                good = good && roles[peer].first == roles[r].last + 1;
        }
    }
    CU_ASSERT(good);
    CU_ASSERT_EQUAL(outs, ins);
}

static void bounds_degrees(void)
{
    /* Ranks of stages 0, 1 and 2, dealt in chains as far as they go. */
    static const struct {
        unsigned ranks[3], max_degree;
        struct range out[2];        /* of stages 0 and 1 */
        struct range in[2];         /* of stages 1 and 2 */
    } row[] = {
        { { 16, 16, 16 }, 16, { { 16, 16 }, { 16, 16 } },
          { { 16, 16 }, { 16, 16 } } },
        { { 17, 17, 17 }, 16, { { 16, 16 }, { 16, 16 } },
          { { 16, 16 }, { 16, 16 } } },
        { { 3333, 3333, 3333 }, 16, { { 16, 16 }, { 16, 16 } },
          { { 16, 16 }, { 16, 16 } } },
        { { 2000, 4000, 3999 }, 16, { { 16, 16 }, { 15, 15 } },
          { { 8, 8 }, { 15, 16 } } },
        { { 1, 9000, 998 }, 16, { { 9000, 9000 }, { 2, 2 } },
          { { 1, 1 }, { 18, 19 } } },
        { { 1, 9997, 1 }, 16, { { 9997, 9997 }, { 1, 1 } },
          { { 1, 1 }, { 9997, 9997 } } },
        { { 30, 7, 100 }, 16, { { 3, 3 }, { 28, 29 } },
          { { 12, 13 }, { 2, 2 } } },
        { { 100, 99, 98 }, 4, { { 3, 3 }, { 3, 3 } },
          { { 3, 4 }, { 3, 4 } } },
        { { 5, 4, 3 }, 1, { { 2, 2 }, { 2, 2 } },
          { { 2, 3 }, { 2, 3 } } },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        unsigned n = 1 + row[i].ranks[0] + row[i].ranks[1] + row[i].ranks[2];
        unsigned left[3], r = 1, s;
        struct mpipe__role *roles = calloc(n, sizeof *roles);
        struct mpipe_machine *m = machine_of(n, 8);
        struct mpipe__route *route;

        CU_ASSERT_PTR_NOT_NULL_FATAL(roles);
        memcpy(left, row[i].ranks, sizeof left);
        while (r < n)
            for (s = 0; s < 3; s++)
                if (left[s] > 0) {
                    left[s]--;
                    roles[r++] = (struct mpipe__role){ true, s, s };
                }
        route = mpipe__route_new(roles, n, 3, m, row[i].max_degree, NULL,
                                 NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(route);
        check_edges(route, roles, m);
        CU_ASSERT_EQUAL(route->out[0].n, row[i].ranks[0]);
        CU_ASSERT_EQUAL(route->in[0].n, row[i].ranks[2]);
        for (s = 0; s < 2; s++) {
            struct range out = degrees(route, route->out, roles, s);
            struct range in = degrees(route, route->in, roles, s + 1);

            CU_ASSERT_EQUAL(out.low, row[i].out[s].low);
            CU_ASSERT_EQUAL(out.high, row[i].out[s].high);
            CU_ASSERT_EQUAL(in.low, row[i].in[s].low);
            CU_ASSERT_EQUAL(in.high, row[i].in[s].high);
        }
        mpipe__route_free(route);
        mpipe_machine_free(m);
        free(roles);
    }
}

static void keeps_near(void)
{
    /* 100 nodes, each with 16 ranks of either stage: with 16 edges a rank, at
     * least half of a rank's peers are on its own node. */
    unsigned n = 1 + 100 * 32, r, i;
    struct mpipe__role *roles = calloc(n, sizeof *roles);
    struct mpipe_machine *m = machine_of(n, 32);
    struct mpipe__route *route;

    CU_ASSERT_PTR_NOT_NULL_FATAL(roles);
    for (r = 1; r < n; r++) {
        m->at[r].id[MPIPE__NODE] = (r - 1) / 32;
        roles[r] = (struct mpipe__role){ true, r % 2, r % 2 };
    }
    route = mpipe__route_new(roles, n, 2, m, 16, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(route);
    for (r = 1; r < n; r++) {
        unsigned near = 0;

        if (roles[r].first != 0)
            continue;
        for (i = 0; i < route->out[r].n; i++)
            near += route->out[r].edge[i].distance < 5;
        CU_ASSERT(near >= 8);
    }
    mpipe__route_free(route);
    mpipe_machine_free(m);
    free(roles);
}

static const struct mpipe__test tests[] = {
    { "each rank is joined to those of the next stage, nearest first",
      joins_small_flows },
    { "roles that make no chain are refused", rejects },
    { "degrees are bounded and even on any number of ranks",
      bounds_degrees },
    { "most peers are on the same node where there are enough",
      keeps_near },
    { NULL, NULL }
};

const struct mpipe__suite suite_route = { "route", tests };
