/* SPDX-License-Identifier: BSD-3-Clause */
/* route.h - which rank may send to which (layer 1, pure).
 *
 * Made from the ranks' roles: at each boundary between stages s and s+1 the
 * ranks with last == s (upstream) are joined to those with first == s+1
 * (downstream).  Rank 0 feeds all ranks with first == 0, and takes from all
 * with last == n_stages-1.  Every rank that calls with the same arguments gets
 * the same route.
 *
 * Where both sides of a boundary have at most 'max_degree' ranks, each
 * upstream rank may send to each downstream one.  Otherwise the larger side
 * gets k edges a rank, so many that the smaller side has about 'max_degree' (at
 * least 2 if there are 2 peers, so a degree of the smaller side exceeds
 * 'max_degree' when it has less than 2/max_degree of the larger side's ranks);
 * degrees on one side differ by at most 1, and most peers are near, since both
 * sides are joined in the machine's order.
 */
#ifndef MPIPE__ROUTE_H
#define MPIPE__ROUTE_H

#include "placement.h"

#define MPIPE__ROUTE_DEGREE 16u     /* the usual max_degree */

struct mpipe__edge {
    uint32_t peer;
    uint32_t distance;      /* as mpipe__distance() */
};

/* One rank's edges in one direction: nearest first; peers that are equally
 * near in cyclic order from the rank's own number, so that ranks do not all
 * begin with the same one. */
struct mpipe__edges {
    struct mpipe__edge *edge;
    unsigned n;
};

struct mpipe__route {
    unsigned n_ranks, n_stages;
    unsigned side;                  /* of the exchange's square; 0: there is none */
    struct mpipe__edges *out, *in;  /* n_ranks each; a rank without a role has
                                       n == 0.  Rank 0's: what it feeds, and
                                       what comes to its sink; alone it has
                                       one edge to itself in both */
    struct mpipe__edge *block;      /* where all lists lie */
};

/* How the ranks of the last stage are joined to one another too. */
struct mpipe__exchange {
    unsigned side;          /* of the square they stand in; 0: all to all */
    unsigned gather;        /* not 0: each only to the first of so many */
};

/* NULL on an error: MPIPE_ENOMEM, or MPIPE_EINVAL when the roles leave a
 * stage without a rank, do not meet at a boundary, or let rank 0 serve beside
 * others.  'machine' must have n_ranks ranks.  'max_degree' 0 is taken as
 * MPIPE__ROUTE_DEGREE.  'exchange' NULL: there is none. */
struct mpipe__route *mpipe__route_new(const struct mpipe__role *roles,
                                      unsigned n_ranks, unsigned n_stages,
                                      const struct mpipe_machine *machine,
                                      unsigned max_degree,
                                      const struct mpipe__exchange *exchange,
                                      struct mpipe_error *err);
void mpipe__route_free(struct mpipe__route *route);     /* NULL is allowed */

#endif
