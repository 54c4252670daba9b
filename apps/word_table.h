/* SPDX-License-Identifier: BSD-3-Clause */
/* word_table.h - count words; empty it and use it again. */
#ifndef WORD_TABLE_H
#define WORD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word {
    uint64_t count, hash;
    size_t at, size;            /* its letters: text + at */
};

struct word_table {             /* start from {0} */
    struct word *word;          /* in the order in which they were met */
    size_t n_words, word_capacity;
    char *text;                 /* their letters, one word after another */
    size_t text_size, text_capacity;
    uint32_t *slot;             /* open addressing: index into word + 1 */
    size_t n_slots;             /* a power of two, or 0 */
};

/* Add 'count' to the word's; false: no memory, and nothing has changed. */
bool word_table_add(struct word_table *t, const char *letters, size_t size,
                    uint64_t count);

/* Forget the words and keep the memory. */
void word_table_clear(struct word_table *t);

/* Bring 'word' into the order of count, highest first, then letters in byte
 * order; or of letters alone.  After it nothing may be added before the table is
 * cleared. */
void word_table_sort(struct word_table *t, bool by_letters);

void word_table_fini(struct word_table *t);

#endif
