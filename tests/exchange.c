/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of exchange.c: for any number of workers each reaches each in two steps at
 * most, of which only the last goes along a column, over few links.
 */
#include <stdlib.h>
#include "exchange.h"
#include "route.h"
#include "suite.h"

static void small_ones(void)
{
    CU_ASSERT_EQUAL(mpipe__exchange_side(64, 64), 0);
    CU_ASSERT_EQUAL(mpipe__exchange_side(65, 64), 9);
    CU_ASSERT_EQUAL(mpipe__exchange_side(2, 0), 0);
    CU_ASSERT_EQUAL(mpipe__exchange_side(3, 0), 2);
    CU_ASSERT_EQUAL(mpipe__exchange_side(16, 0), 4);
    CU_ASSERT_EQUAL(mpipe__exchange_side(17, 0), 5);
    CU_ASSERT_EQUAL(mpipe__exchange_side(4095, 64), 64);
    /* those of the picture in exchange.h */
    CU_ASSERT_EQUAL(mpipe__exchange_via(4, 14, 4, 3), 7);
    CU_ASSERT_EQUAL(mpipe__exchange_via(4, 14, 13, 2), 6);
}

static void two_steps(void)
{
    for (unsigned n = 3; n <= 150; n++) {
        unsigned side = mpipe__exchange_side(n, 0);

        for (unsigned a = 0; a < n; a++)
            for (unsigned b = 0; b < n; b++) {
                unsigned via = a;

                if (!mpipe__exchange_is_last(side, a, b)) {
                    via = mpipe__exchange_via(
                        side, n, a, mpipe__exchange_column(side, b));
                    CU_ASSERT_FATAL(via < n && via != a);
                    CU_ASSERT(!mpipe__exchange_is_last(side, a, via));
                }
                CU_ASSERT(via == b || mpipe__exchange_is_last(side, via, b));
            }
    }
}

static bool joins(const struct mpipe__edges *out, unsigned peer)
{
    for (unsigned i = 0; i < out->n; i++)
        if (out->edge[i].peer == peer)
            return true;
    return false;
}

/* The route has all links that are needed, and not many more. */
static void links(void)
{
    for (unsigned n = 3; n <= 80; n += 7) {
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe_machine *m = mpipe_machine_synthetic("core:1", n + 1, &err);
        struct mpipe__role *role = calloc(n + 1, sizeof *role);
        struct mpipe__exchange x = { mpipe__exchange_side(n, 0), 0 };
        struct mpipe__route *route;

        CU_ASSERT_FATAL(m != NULL && role != NULL);
        for (unsigned r = 1; r <= n; r++)
            role[r].serves = true;
        route = mpipe__route_new(role, n + 1, 1, m, 16, &x, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(route);
        for (unsigned a = 0; a < n; a++) {
            CU_ASSERT(route->out[a + 1].n <= 2 * x.side);   /* rank 0 too */
            CU_ASSERT(route->in[a + 1].n <= 3 * x.side);
            for (unsigned b = 0; b < n; b++) {
                unsigned via = mpipe__exchange_is_last(x.side, a, b) ? b
                    : mpipe__exchange_via(x.side, n, a, b % x.side);
                CU_ASSERT(via == a || joins(&route->out[a + 1], via + 1));
            }
        }
        mpipe__route_free(route);
        x = (struct mpipe__exchange){ 0, 4 };
        route = mpipe__route_new(role, n + 1, 1, m, 16, &x, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(route);
        for (unsigned a = 0; a < n; a++) {
            CU_ASSERT_EQUAL(route->out[a + 1].n, 1u + (a % 4 != 0));
            CU_ASSERT(a % 4 == 0 || joins(&route->out[a + 1], a - a % 4 + 1));
        }
        mpipe__route_free(route);
        free(role);
        mpipe_machine_free(m);
    }
}

static const struct mpipe__test tests[] = {
    { "few send to each other, more stand in a square", small_ones },
    { "each reaches each in two steps", two_steps },
    { "over few links", links },
    { NULL, NULL }
};

const struct mpipe__suite suite_exchange = { "exchange", tests };
