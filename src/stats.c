/* SPDX-License-Identifier: BSD-3-Clause */
/* stats.c - see stats.h. */
#include <string.h>
#include "stats.h"

void mpipe__heavy_add(struct mpipe__heavy_key heaviest[MPIPE__HEAVY_KEYS],
                      const struct mpipe__heavy_key *key)
{
    unsigned at = MPIPE__HEAVY_KEYS;

    while (at > 0 && key->values > heaviest[at - 1].values)
        at--;
    if (at == MPIPE__HEAVY_KEYS)
        return;
    memmove(&heaviest[at + 1], &heaviest[at],
            (MPIPE__HEAVY_KEYS - at - 1) * sizeof *heaviest);
    heaviest[at] = *key;
}
