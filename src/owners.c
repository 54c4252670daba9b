/* SPDX-License-Identifier: BSD-3-Clause */
/* owners.c - see owners.h. */
#include <stdlib.h>
#include "owners.h"

uint32_t mpipe__owners_mourn(struct mpipe__owner *owner, uint32_t n,
                             const bool *dead)
{
    uint32_t lost = 0;

    for (uint32_t p = 0; p < n; p++) {
        if (dead != NULL && owner[p].state != MPIPE__PART_DONE
            && dead[owner[p].rank])
            owner[p].state = MPIPE__PART_LOST;
        lost += owner[p].state == MPIPE__PART_LOST;
    }
    return lost;
}

void mpipe__owners_filled(struct mpipe__owner *owner, uint32_t n, bool well)
{
    for (uint32_t p = 0; p < n; p++)
        if (owner[p].state == MPIPE__PART_FILLING)
            owner[p].state = well ? MPIPE__PART_FULL : MPIPE__PART_LOST;
}

void mpipe__owners_lose(struct mpipe__owner *owner, uint32_t n)
{
    for (uint32_t p = 0; p < n; p++)
        owner[p].state = MPIPE__PART_LOST;
}

/* How many partitions each worker has. */
static void count(const struct mpipe__owner *owner, uint32_t n,
                  const uint32_t *worker, unsigned n_workers, uint32_t *has)
{
    for (uint32_t p = 0; p < n; p++)
        for (unsigned w = 0; w < n_workers
             && (owner[p].state == MPIPE__PART_FILLING
                 || owner[p].state == MPIPE__PART_FULL); w++)
            has[w] += worker[w] == owner[p].rank;
}

enum mpipe_err mpipe__owners_assign(struct mpipe__owner *owner, uint32_t n,
                                    const uint32_t *worker,
                                    unsigned n_workers)
{
    uint32_t *has = calloc(n_workers, sizeof *has), level = UINT32_MAX;
    unsigned w = 0;

    if (has == NULL)
        return MPIPE_ENOMEM;
    count(owner, n, worker, n_workers, has);
    for (unsigned i = 0; i < n_workers; i++)
        level = has[i] < level ? has[i] : level;
    for (uint32_t p = 0; p < n; p++) {
        if (owner[p].state != MPIPE__PART_LOST)
            continue;
        /* round after round, each who has no more than the poorest */
        while (has[w] > level)
            if (++w == n_workers) {
                w = 0;
                level++;
            }
        owner[p] = (struct mpipe__owner){ worker[w], MPIPE__PART_FILLING };
        has[w]++;
    }
    free(has);
    return MPIPE_OK;
}
