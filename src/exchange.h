/* SPDX-License-Identifier: BSD-3-Clause */
/* exchange.h - how the pairs of a job get from each worker to each other one
 * (layer 1, pure).
 *
 * Up to some number of workers each has a link to each other.  Beyond that they
 * stand in a square, row by row, and a frame goes along the row first and then
 * along the column, so that each has links to its row and to its column:
 *
 *      0  1  2  3
 *      4  5  6  7        from 4 to 11: 4 -> 7 -> 11
 *      8  9 10 11        from 13 to 2: there is no 14, so 13 -> 6 -> 2
 *     12 13
 *
 * Where the last row has no worker in that column, the row that a worker of the
 * last row uses instead is the one with the number of its column.
 *
 * A step along a column is always the last one, and what is at its end is taken
 * at once: so steps along rows wait for steps along columns, and these for
 * nothing.
 */
#ifndef MPIPE__EXCHANGE_H
#define MPIPE__EXCHANGE_H

#include <stdbool.h>

/* Workers in a row; 0: each sends to each.  'direct': up to so many workers. */
unsigned mpipe__exchange_side(unsigned n_workers, unsigned direct);

/* The column of a worker. */
static inline unsigned mpipe__exchange_column(unsigned side, unsigned worker)
{
    return side > 0 ? worker % side : 0;
}

/* Does the step from one worker to the other go along a column? */
static inline bool mpipe__exchange_is_last(unsigned side, unsigned a, unsigned b)
{
    return side > 0 && a % side == b % side;
}

/* By which worker 'from' reaches those of another column. */
unsigned mpipe__exchange_via(unsigned side, unsigned n_workers, unsigned from,
                             unsigned column);

#endif
