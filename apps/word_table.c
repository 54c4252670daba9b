/* SPDX-License-Identifier: BSD-3-Clause */
/* word_table.c - a hash table that keeps its words in one growing buffer.
 *
 * Three arrays that double when they are full, and nothing allocated for a
 * word, so that counting a word that is known already is a hash, a probe and a
 * comparison.
 */
#define XXH_INLINE_ALL          /* most words are short: no call for them */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "word_table.h"

/* Have room for 'n' elements of 'size' bytes, by doubling. */
static bool grow(void **array, size_t *capacity, size_t n, size_t size)
{
    size_t doubled = *capacity > 0 ? 2 * *capacity : 1024;
    void *grown;

    if (n <= *capacity)
        return true;
    if (doubled < n)
        doubled = n;
    grown = doubled <= SIZE_MAX / size ? realloc(*array, doubled * size) : NULL;
    if (grown == NULL)
        return false;
    *array = grown;
    *capacity = doubled;
    return true;
}

/* The slot that holds the word, or the free one where it would go. */
static uint32_t *find(const struct word_table *t, const char *letters,
                      size_t size, uint64_t hash)
{
    size_t mask = t->n_slots - 1, i = hash & mask;

    for (; t->slot[i] != 0; i = (i + 1) & mask) {
        const struct word *w = &t->word[t->slot[i] - 1];
        if (w->hash == hash && w->size == size &&
            memcmp(t->text + w->at, letters, size) == 0)
            break;
    }
    return &t->slot[i];
}

/* Keep at least half of the slots free. */
static bool grow_slots(struct word_table *t)
{
    size_t n = t->n_slots > 0 ? 2 * t->n_slots : 4096;
    uint32_t *slot;

    if (t->n_words < t->n_slots / 2)
        return true;
    slot = t->n_words < UINT32_MAX ? calloc(n, sizeof *slot) : NULL;
    if (slot == NULL)
        return false;
    for (size_t k = 0; k < t->n_words; k++) {
        size_t i = t->word[k].hash & (n - 1);
        while (slot[i] != 0)
            i = (i + 1) & (n - 1);
        slot[i] = (uint32_t)k + 1;
    }
    free(t->slot);
    t->slot = slot;
    t->n_slots = n;
    return true;
}

bool word_table_add(struct word_table *t, const char *letters, size_t size,
                    uint64_t count)
{
    uint64_t hash = XXH3_64bits(letters, size);
    void *words = t->word, *text = t->text;
    uint32_t *slot;
    bool grown;

    if (!grow_slots(t))
        return false;
    slot = find(t, letters, size, hash);
    if (*slot != 0) {
        t->word[*slot - 1].count += count;
        return true;
    }
    grown = grow(&words, &t->word_capacity, t->n_words + 1, sizeof *t->word) &&
            grow(&text, &t->text_capacity, t->text_size + size, 1);
    t->word = words;
    t->text = text;
    if (!grown)
        return false;
    memcpy(t->text + t->text_size, letters, size);
    t->word[t->n_words] = (struct word){ count, hash, t->text_size, size };
    t->text_size += size;
    *slot = (uint32_t)++t->n_words;
    return true;
}

/* After a small file the table may have far more slots than words. */
void word_table_clear(struct word_table *t)
{
    size_t mask = t->n_slots - 1;

    if (t->n_words > t->n_slots / 16)
        memset(t->slot, 0, t->n_slots * sizeof *t->slot);
    else
        for (size_t k = 0; k < t->n_words; k++) {
            size_t i = t->word[k].hash & mask;
            while (t->slot[i] != k + 1)
                i = (i + 1) & mask;
            t->slot[i] = 0;
        }
    t->n_words = t->text_size = 0;
}

static int by_letters(const void *a, const void *b, void *text)
{
    const struct word *v = a, *w = b;
    size_t size = v->size < w->size ? v->size : w->size;
    int order = memcmp((char *)text + v->at, (char *)text + w->at, size);

    return order != 0 ? order : (v->size > w->size) - (v->size < w->size);
}

static int by_count(const void *a, const void *b, void *text)
{
    const struct word *v = a, *w = b;

    if (v->count != w->count)
        return v->count > w->count ? -1 : 1;
    return by_letters(a, b, text);
}

void word_table_sort(struct word_table *t, bool letters)
{
    if (t->n_words > 0)
        qsort_r(t->word, t->n_words, sizeof *t->word,
                letters ? by_letters : by_count, t->text);
}

void word_table_fini(struct word_table *t)
{
    free(t->word);
    free(t->text);
    free(t->slot);
    *t = (struct word_table){ 0 };
}
