/* SPDX-License-Identifier: BSD-3-Clause */
/* exchange.c - see exchange.h. */
#include "exchange.h"

unsigned mpipe__exchange_side(unsigned n_workers, unsigned direct)
{
    unsigned side = 1;

    if (n_workers <= direct || n_workers < 3)
        return 0;
    while (side * side < n_workers)
        side++;
    return side;
}

unsigned mpipe__exchange_via(unsigned side, unsigned n_workers, unsigned from,
                             unsigned column)
{
    unsigned via = from / side * side + column;

    return via < n_workers ? via
                           : from % side % (n_workers / side) * side + column;
}
