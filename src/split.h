/* SPDX-License-Identifier: BSD-3-Clause */
/* split.h - a byte range of a file as an item, and its records (layer 4).
 *
 * The item:   offset (8 bytes) | size (8 bytes) | path | NUL
 * in the byte order of the machine, as for every item.
 */
#ifndef MPIPE__SPLIT_H
#define MPIPE__SPLIT_H

#include <mpipe/source.h>

/* The size of the item for a range of the file 'path'; write it to 'to'. */
size_t mpipe__split_packed_size(const char *path);
void mpipe__split_pack(void *to, const struct mpipe_split *split);

/* The work of mpipe_split_load(); 'err' may be NULL.  On an error what
 * 'bytes' holds is unspecified, but it can be used again. */
enum mpipe_err mpipe__split_read(const struct mpipe_split *split,
                                 char delimiter, struct mpipe_bytes *bytes,
                                 struct mpipe_error *err);

#endif
