/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_data.h - input for the benches of map-reduce, and their memory. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include "bench.h"

#define BENCH_WORDS 200000u         /* distinct words of a text */

enum bench_data_kind {
    BENCH_TEXT,                     /* words by Zipf's law, 10 a line */
    BENCH_LINES,                    /* random lines of 60 to 109 letters */
    BENCH_READS                     /* FASTA: reads of 100 bases */
};

struct bench_data {
    char path[64];                  /* for all ranks of this node */
    uint64_t size;
    int fd;                         /* on rank 0 */
};

/* All ranks: about 'bytes' bytes.  false: told on stderr. */
bool bench_data_make(struct bench *b, struct bench_data *data,
                     enum bench_data_kind kind, uint64_t bytes);
void bench_data_free(struct bench_data *data);

/* What memory a rank takes from now on; and the most that one took until then,
 * known on rank 0. */
uint64_t bench_memory_begin(void);
double bench_memory_end(const struct bench *b, uint64_t before);

#endif
