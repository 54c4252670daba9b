/* SPDX-License-Identifier: BSD-3-Clause */
/* file_list.h - the files that some paths stand for (layer 4).
 *
 * A regular file stands for itself.  A directory stands for the regular files
 * below it, in the order that 'find DIRECTORY -type f | LC_ALL=C sort' gives;
 * symbolic links inside it are not followed.  A path that is not there but is a
 * pattern of glob(7) stands for what matches it, in the same order.  Only the names of the directories
 * between the path and the present file are in memory at a time.
 */
#ifndef MPIPE__FILE_LIST_H
#define MPIPE__FILE_LIST_H

#include <stddef.h>
#include <mpipe/error.h>

struct mpipe__file_list;

/* Copies the paths; looks at no file.  NULL: no memory. */
struct mpipe__file_list *mpipe__file_list_new(const char *const *paths,
                                              size_t n_paths);
void mpipe__file_list_free(struct mpipe__file_list *list);  /* NULL allowed */

/* The next file's path, lent until the next call.  MPIPE_END after the last.
 * MPIPE_EIO with its name for what cannot be read or is neither a file nor a
 * directory: the next call goes on behind it.  MPIPE_ENOMEM: the list is at its
 * end. */
enum mpipe_err mpipe__file_list_next(struct mpipe__file_list *list,
                                     const char **path,
                                     struct mpipe_error *err);

#endif
