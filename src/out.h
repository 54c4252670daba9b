/* SPDX-License-Identifier: BSD-3-Clause */
/* out.h - what ready-made sources ask their context (layer 3). */
#ifndef MPIPE__OUT_H
#define MPIPE__OUT_H

#include <stdint.h>
#include <mpipe/stage.h>

/* --max-item, in bytes. */
uint64_t mpipe__out_max_item(const struct mpipe_out *out);

#endif
