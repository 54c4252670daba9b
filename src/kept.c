/* SPDX-License-Identifier: BSD-3-Clause */
/* kept.c - see kept.h.  An item is its size (8 bytes), its bytes, and padding to a
 * multiple of 8; none lies partly in the file and partly behind it. */
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "kept.h"

#define MUCH ((size_t)256 << 10)    /* in memory */

void mpipe__kept_init(struct mpipe__kept *k, const char *folder)
{
    memset(k, 0, sizeof *k);
    mpipe__scratch_init(&k->file, folder);
}

void mpipe__kept_fini(struct mpipe__kept *k)
{
    free(k->buffer);
    free(k->block);
    mpipe__scratch_fini(&k->file);
    memset(k, 0, sizeof *k);
    k->file.fd = -1;
}

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

/* Memory of at least 'size' bytes, with what is in it. */
static bool grow(char **memory, size_t *capacity, size_t size)
{
    char *more;

    if (size <= *capacity)
        return true;
    more = realloc(*memory, size + size / 2);
    if (more == NULL)
        return false;
    *memory = more;
    *capacity = size + size / 2;
    return true;
}

void mpipe__kept_add(struct mpipe__kept *k, const void *data, size_t size)
{
    uint64_t head = size;
    size_t need = sizeof head + padded(size);
    char *to;

    if (k->error.code != MPIPE_OK)
        return;
    if (!grow(&k->buffer, &k->capacity, k->used + need)) {
        mpipe__error(&k->error, 0, MPIPE_ENOMEM, "no memory for %zu bytes that "
                     "were fed", size);
        return;
    }
    to = k->buffer + k->used;
    memset(to + need - 8, 0, 8);
    memcpy(to, &head, sizeof head);
    if (size > 0)
        memcpy(to + sizeof head, data, size);
    k->used += need;
    k->items++;
    if (k->used < MUCH)
        return;
    if (mpipe__scratch_append(&k->file, k->buffer, k->used, &k->error)
        == MPIPE_OK)
        k->used = 0;
}

void mpipe__kept_rewind(struct mpipe__kept *k)
{
    k->block_at = k->block_end = 0;
    k->next = 0;
}

/* So many bytes at block_at, which there must be. */
static bool have(struct mpipe__kept *k, size_t size, struct mpipe_error *err)
{
    size_t left = k->block_end - k->block_at, n;
    size_t want = size > MUCH ? size : MUCH;

    if (left >= size)
        return true;
    if (!grow(&k->block, &k->block_capacity, want)) {
        mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for %zu bytes to be fed "
                     "again", size);
        return false;
    }
    memmove(k->block, k->block + k->block_at, left);
    k->block_at = 0;
    k->block_end = left;
    n = want - left;
    if (k->next < k->file.size) {
        if (n > k->file.size - k->next)
            n = (size_t)(k->file.size - k->next);
        if (mpipe__scratch_read(&k->file, k->next, k->block + left, n, err)
            != MPIPE_OK)
            return false;
    } else {
        size_t at = (size_t)(k->next - k->file.size);
        n = n < k->used - at ? n : k->used - at;
        memcpy(k->block + left, k->buffer + at, n);
    }
    k->next += n;
    k->block_end += n;
    return true;
}

bool mpipe__kept_next(struct mpipe__kept *k, struct mpipe_item *item,
                      struct mpipe_error *err)
{
    uint64_t size;

    if (k->block_at == k->block_end && k->next == k->file.size + k->used)
        return false;
    if (!have(k, sizeof size, err))
        return false;
    memcpy(&size, k->block + k->block_at, sizeof size);
    if (!have(k, sizeof size + padded((size_t)size), err))
        return false;
    *item = (struct mpipe_item){ k->block + k->block_at + sizeof size,
                                 (size_t)size };
    k->block_at += sizeof size + padded((size_t)size);
    return true;
}
