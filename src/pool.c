/* SPDX-License-Identifier: BSD-3-Clause */
/* pool.c - size classes of spare frames.
 *
 * Class c holds frames whose wire part has 2^c bytes plus a head, so that a
 * payload of just a power of two does not take twice its size.  The payload begins
 * with a cache line.
 */
#include <assert.h>
#include <stdlib.h>
#include "pool.h"

#define SMALLEST 9u             /* 512 bytes */
#define LINE     64u            /* of the cache: items should not straddle two */
_Static_assert(offsetof(struct mpipe__frame, head) % LINE == 0
               && MPIPE__HEAD_SIZE % LINE == 0, "where the payload begins");

void mpipe__pool_init(struct mpipe__pool *pool, size_t keep_max)
{
    memset(pool, 0, sizeof *pool);
    pool->keep_max = keep_max;
}

void mpipe__pool_fini(struct mpipe__pool *pool)
{
    for (unsigned c = 0; c < MPIPE__POOL_CLASSES; c++) {
        while (pool->spare[c] != NULL) {
            struct mpipe__frame *f = pool->spare[c];
            pool->spare[c] = f->next;
            free(f);
        }
    }
    pool->kept = 0;
}

static size_t class_capacity(unsigned c)
{
    return ((size_t)1 << c) + 2 * sizeof(struct mpipe__frame_head);
}

static unsigned class_of(size_t size)
{
    unsigned c = SMALLEST;

    while (c < MPIPE__POOL_CLASSES && class_capacity(c) < size)
        c++;
    return c;
}

struct mpipe__frame *mpipe__pool_get(struct mpipe__pool *pool, size_t size)
{
    unsigned c = class_of(size);
    struct mpipe__frame *f;

    if (c >= MPIPE__POOL_CLASSES)
        return NULL;
    f = pool->spare[c];
    if (f != NULL) {
        pool->spare[c] = f->next;
        pool->kept -= f->capacity;
    } else {
        f = aligned_alloc(LINE, offsetof(struct mpipe__frame, head)
                                + class_capacity(c));
        if (f == NULL)
            return NULL;
        f->capacity = class_capacity(c);
        f->size_class = c;
    }
    memset(&f->op, 0, sizeof f->op);
    f->next = NULL;
    f->refs = 1;
    f->buried = false;
    f->peer = -1;
    pool->used += f->capacity;
    if (pool->used > pool->used_max)
        pool->used_max = pool->used;
    return f;
}

void mpipe__pool_bury(struct mpipe__pool *pool, struct mpipe__frame *f)
{
    if (f->refs > 1) {          /* whoever has another buries it, by put() */
        f->buried = true;
        f->refs--;
        return;
    }
    pool->used -= f->capacity;
    f->refs = 0;
    f->next = pool->buried;
    pool->buried = f;
}

void mpipe__pool_unearth(struct mpipe__pool *pool)
{
    struct mpipe__frame *f;

    while ((f = pool->buried) != NULL) {
        pool->buried = f->next;
        free(f);
    }
}

void mpipe__pool_put(struct mpipe__pool *pool, struct mpipe__frame *f)
{
    if (f == NULL)
        return;
    assert(f->refs > 0);
    if (f->buried) {
        mpipe__pool_bury(pool, f);
        return;
    }
    if (--f->refs > 0)
        return;
    pool->used -= f->capacity;
    if (pool->kept + f->capacity > pool->keep_max) {
        free(f);
        return;
    }
    pool->kept += f->capacity;
    f->next = pool->spare[f->size_class];
    pool->spare[f->size_class] = f;
}

struct mpipe__frame *mpipe__pool_compact(struct mpipe__pool *pool,
                                         struct mpipe__frame *f)
{
    size_t size = mpipe__wire_size(&f->head);
    struct mpipe__frame *copy;

    if (4 * size > f->capacity || f->size_class == SMALLEST)
        return f;
    copy = mpipe__pool_get(pool, size);
    if (copy == NULL)
        return f;
    memcpy(&copy->head, &f->head, size);
    copy->peer = f->peer;
    mpipe__pool_put(pool, f);
    return copy;
}
