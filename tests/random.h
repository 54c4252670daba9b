/* SPDX-License-Identifier: BSD-3-Clause */
/* random.h - numbers that follow from a seed: splitmix64. */
#ifndef MPIPE_TESTS_RANDOM_H
#define MPIPE_TESTS_RANDOM_H

#include <stdint.h>

uint64_t mpipe__random(uint64_t *state);
uint64_t mpipe__random_to(uint64_t *state, uint64_t n);     /* 0 ... n-1 */

#endif
