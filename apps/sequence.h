/* SPDX-License-Identifier: BSD-3-Clause */
/* sequence.h - the sequences of a range of a FASTA or FASTQ file.
 *
 * A k-mer belongs to the range in which the line of its first base begins
 * (FASTA) or its read begins (FASTQ), so that neighbouring ranges give each
 * k-mer once.  FASTQ has four lines a read.
 */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include <stdbool.h>
#include <mpipe.h>

struct sequence_reader;

struct sequence_piece {
    const char *base;           /* letters as they are in the file */
    size_t n;
    bool begins;                /* it does not go on from the piece before */
};

struct sequence_reader *sequence_reader_new(void);      /* NULL: no memory */
void sequence_reader_free(struct sequence_reader *r);

/* Begin with a range, for k-mers of 'k' bases.  Errors are told by
 * mpipe_fail(). */
enum mpipe_err sequence_open(struct sequence_reader *r,
                             const struct mpipe_split *split, unsigned k,
                             struct mpipe_out *out);
/* The next piece, lent until the next call; MPIPE_END after the last. */
enum mpipe_err sequence_next(struct sequence_reader *r,
                             struct sequence_piece *piece,
                             struct mpipe_out *out);

#endif
