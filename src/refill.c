/* SPDX-License-Identifier: BSD-3-Clause */
/* refill.c - see refill.h. */
#define XXH_INLINE_ALL
#include <stdlib.h>
#include <xxhash.h>
#include "error.h"
#include "refill.h"
#include "source.h"

/* ---- what was fed ---- */

static const struct mpipe__frame *next_failed(const struct mpipe__frame *f)
{
    while (f != NULL && f->head.kind != MPIPE__FRAME_FAILED)
        f = f->next;
    return f;
}

/* Is it the item that this frame says has failed? */
static bool is_it(struct mpipe__frame *failed, const struct mpipe_item *item)
{
    struct mpipe__cursor c;
    struct mpipe_item is;

    mpipe__cursor_init(&c, failed);
    return mpipe__cursor_next(&c, &is) && is.size == item->size
           && (is.size == 0 || memcmp(is.data, item->data, is.size) == 0);
}

/* Results are in the order of the items they came of. */
void mpipe__refill_keep(void *arg, struct mpipe__frame *fed,
                        const struct mpipe__frame_queue *results,
                        uint64_t keys)
{
    struct mpipe__kept *k = arg;
    const struct mpipe__frame *failed = next_failed(results->first);
    struct mpipe__cursor c;
    struct mpipe_item item;

    (void)keys;
    mpipe__cursor_init(&c, fed);
    while (mpipe__cursor_next(&c, &item))
        if (failed != NULL
            && is_it((struct mpipe__frame *)(uintptr_t)failed, &item))
            failed = next_failed(failed->next);
        else
            mpipe__kept_add(k, item.data, item.size);
    if (failed != NULL && k->error.code == MPIPE_OK)
        mpipe__error(&k->error, 0, MPIPE_EINTERNAL, "an item that failed is "
                     "not one of those that were fed");
}

enum mpipe_err mpipe__refill_source(struct mpipe_out *out, void *arg)
{
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe_item item;
    enum mpipe_err e;

    for (int i = 0; i < MPIPE__SOURCE_ITEMS; i++) {
        if (!mpipe__kept_next(arg, &item, &err)) {
            if (err.code == MPIPE_OK)
                return MPIPE_END;
            mpipe_fail(out, "%s", err.text);
            return err.code;
        }
        e = mpipe_emit(out, item.data, item.size);
        if (e != MPIPE_OK)
            return e;
    }
    return MPIPE_OK;
}

/* ---- what has failed ---- */

void mpipe__told_fini(struct mpipe__told *t)
{
    free(t->key);
    memset(t, 0, sizeof *t);
}

void mpipe__told_begin(struct mpipe__told *t)
{
    t->seen = 0;
}

static bool is_free(const struct mpipe__told_key *k)
{
    return k->hash[0] == 0 && k->hash[1] == 0;
}

static struct mpipe__told_key *place_of(const struct mpipe__told *t,
                                        const struct mpipe__told_key *k)
{
    size_t at = (size_t)k->hash[0] & (t->capacity - 1);

    while (!is_free(&t->key[at])
           && (t->key[at].hash[0] != k->hash[0]
               || t->key[at].hash[1] != k->hash[1]))
        at = (at + 1) & (t->capacity - 1);
    return &t->key[at];
}

/* Keep half of the places free. */
static bool grow(struct mpipe__told *t)
{
    struct mpipe__told more = *t;

    if (2 * (t->n + 1) <= t->capacity)
        return true;
    more.capacity = t->capacity > 0 ? 2 * t->capacity : 64;
    more.key = calloc(more.capacity, sizeof *more.key);
    if (more.key == NULL)
        return false;
    for (size_t i = 0; i < t->capacity; i++)
        if (!is_free(&t->key[i]))
            *place_of(&more, &t->key[i]) = t->key[i];
    free(t->key);
    *t = more;
    return true;
}

bool mpipe__told_before(void *arg, const struct mpipe_item *item)
{
    struct mpipe__told *t = arg;
    XXH128_hash_t hash = XXH3_128bits(item->data, item->size);
    struct mpipe__told_key key = { { hash.low64, hash.high64 } }, *place;

    t->seen++;
    if (!grow(t)) {
        t->differs = true;      /* it will not be known */
        return false;
    }
    place = place_of(t, &key);
    if (!is_free(place))
        return true;
    t->differs |= t->whole;
    *place = key;
    t->n++;
    return false;
}

bool mpipe__told_end(struct mpipe__told *t)
{
    t->whole = true;
    return !t->differs && t->seen == t->n;
}
