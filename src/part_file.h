/* SPDX-License-Identifier: BSD-3-Clause */
/* part_file.h - the results of a partition as a file: complete, or absent
 * (layer 4).  However long it is, no more than about MUCH of it is in memory. */
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
    uint64_t written;           /* bytes in the file, before the buffer's */
    struct mpipe_error error;   /* met while results were added */
    char name[1100], under[1120];   /* as it will be, and until then */
};

/* Ready the folder for part files: make it, and see that it has none (on
 * rank 0).  MPIPE_EIO. */
enum mpipe_err mpipe__part_folder(const char *folder, struct mpipe_error *err);

/* The same where an earlier run has begun a job of 'n' parts: those that are 'done'
 * must be there, and what else it has left is written over, or goes. */
enum mpipe_err mpipe__part_folder_goes_on(const char *folder, const bool *done,
                                          uint32_t n, struct mpipe_error *err);

/* What ranks that died have left in the folder goes. */
void mpipe__part_folder_tidy(const char *folder);

/* "FOLDER/part-00012", under another name, which only this rank uses, until it is
 * closed: written, synced, renamed. */
enum mpipe_err mpipe__part_file_open(struct mpipe__part_file *f,
                                     const char *folder, uint32_t part, int rank,
                                     struct mpipe_error *err);
enum mpipe_err mpipe__part_file_close(struct mpipe__part_file *f,
                                      struct mpipe_error *err);
/* It is not to be: nothing remains. */
void mpipe__part_file_drop(struct mpipe__part_file *f);

/* Add a result and a newline; 'arg' is the file.  MPIPE_ENOMEM, MPIPE_EIO, kept
 * in 'error' too. */
enum mpipe_err mpipe__part_file_put(void *arg, const void *data, size_t size);
/* A place to go back to, also when what follows it is in the file by then. */
static inline uint64_t mpipe__part_file_mark(const struct mpipe__part_file *f)
{
    return f->written + f->used;
}
void mpipe__part_file_back(struct mpipe__part_file *f, uint64_t mark);

#endif
