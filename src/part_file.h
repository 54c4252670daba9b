/* SPDX-License-Identifier: BSD-3-Clause */
/* part_file.h - the results of a partition as a file: complete, or absent
 * (layer 4). */
#ifndef MPIPE__PART_FILE_H
#define MPIPE__PART_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>

struct mpipe__part_file {
    int fd;                     /* only while 'made' is set */
    bool made;
    char *buffer;
    size_t used, capacity;
    char name[1100], under[1120];   /* as it will be, and until then */
};

/* Ready the folder for part files: make it, and see that it has none (on
 * rank 0).  MPIPE_EIO. */
enum mpipe_err mpipe__part_folder(const char *folder, struct mpipe_error *err);

/* "FOLDER/part-00012", under another name until it is closed: written, synced,
 * renamed. */
enum mpipe_err mpipe__part_file_open(struct mpipe__part_file *f,
                                     const char *folder, uint32_t part,
                                     struct mpipe_error *err);
enum mpipe_err mpipe__part_file_close(struct mpipe__part_file *f,
                                      struct mpipe_error *err);
/* It is not to be: nothing remains. */
void mpipe__part_file_drop(struct mpipe__part_file *f);

/* Add a result and a newline; 'arg' is the file.  MPIPE_ENOMEM. */
enum mpipe_err mpipe__part_file_put(void *arg, const void *data, size_t size);
/* A place to go back to, until the next flush(). */
static inline size_t mpipe__part_file_mark(const struct mpipe__part_file *f)
{
    return f->used;
}
static inline void mpipe__part_file_back(struct mpipe__part_file *f,
                                         size_t mark)
{
    f->used = mark;
}
/* Write what is there, if it is much or 'all' is wanted. */
enum mpipe_err mpipe__part_file_flush(struct mpipe__part_file *f, bool all,
                                      struct mpipe_error *err);

#endif
