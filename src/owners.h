/* SPDX-License-Identifier: BSD-3-Clause */
/* owners.h - which rank has which partition, and how much of it (layer 1, pure).
 *
 *        assigned             all has come          its results are safe
 *   LOST ---------> FILLING ---------------> FULL ----------------------> DONE
 *     ^                |                       |
 *     +----------------+-----------------------+   its owner dies
 *
 * Invariants:
 *  - what is DONE is not needed any more, so it stays so;
 *  - what a rank that lives has is not given to another one.
 */
#ifndef MPIPE__OWNERS_H
#define MPIPE__OWNERS_H

#include <stdbool.h>
#include <stdint.h>
#include <mpipe/error.h>

enum mpipe__part_state {
    MPIPE__PART_LOST,           /* nobody has all of it */
    MPIPE__PART_FILLING,        /* its owner is being sent its pairs */
    MPIPE__PART_FULL,           /* its owner has them */
    MPIPE__PART_DONE            /* gone through, and its results are safe */
};

struct mpipe__owner {
    uint32_t rank;
    uint32_t state;             /* enum mpipe__part_state */
};

/* What dead ranks had is lost, unless it is done.  'dead' NULL: nobody is.
 * Returns how many are lost in all. */
uint32_t mpipe__owners_mourn(struct mpipe__owner *owner, uint32_t n,
                             const bool *dead);

/* Those that were being filled are full, or, where that did not end well,
 * lost. */
void mpipe__owners_filled(struct mpipe__owner *owner, uint32_t n, bool well);

/* All of them, also those that are done. */
void mpipe__owners_lose(struct mpipe__owner *owner, uint32_t n);

/* Give what is lost to the workers, so that all have as many as can be; where all
 * are lost partition p goes to worker p modulo their number.  MPIPE_ENOMEM, and
 * nothing is changed. */
enum mpipe_err mpipe__owners_assign(struct mpipe__owner *owner, uint32_t n,
                                    const uint32_t *worker,
                                    unsigned n_workers);

#endif
