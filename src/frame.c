/* SPDX-License-Identifier: BSD-3-Clause */
/* frame.c - write and read the items of a frame.
 *
 * A frame begins 'fixed': as long as every item has the size of the first, the
 * payload is a plain array.  The first item of another size turns it into
 * 'variable', where each item has its length (8 bytes) before it.  That
 * happens at the second or third item if at all, so nobody has to declare it.
 */
#include <assert.h>
#include "error.h"
#include "frame.h"

void mpipe__frame_begin(struct mpipe__frame *f,
                        const struct mpipe__frame *parent, uint16_t stage)
{
    struct mpipe__frame_head *h = &f->head;

    memset(h, 0, sizeof *h);
    h->magic = MPIPE__FRAME_MAGIC;
    h->kind = MPIPE__FRAME_DATA;
    h->stage = stage;
    h->item_size = MPIPE__VARIABLE;
    f->next = NULL;
    f->room = f->capacity - MPIPE__HEAD_SIZE;
    if (parent == NULL)
        return;
    h->root = parent->head.root;
    h->attempt = parent->head.attempt;
    h->work_us = parent->head.work_us;
    h->n_path = parent->head.n_path;
    if (h->n_path < MPIPE__PATH_MAX)
        h->n_path++;            /* room for its number, should it get one */
    f->room = f->capacity - (mpipe__wire_size(h) - h->bytes);
}

void mpipe__frame_seal(struct mpipe__frame *f, struct mpipe__frame *parent,
                       int64_t child)
{
    uint32_t *path = mpipe__frame_path(f);
    unsigned n = parent->head.n_path;

    memcpy(path, mpipe__frame_path(parent), 4 * n);
    if (child >= 0 && n < MPIPE__PATH_MAX)
        path[n++] = (uint32_t)child;
    if (n % 2 != 0)
        path[n] = 0;            /* the padding is sent too */
    f->head.n_path = (uint8_t)n;
}

static bool is_fixed(const struct mpipe__frame_head *h)
{
    return h->item_size != MPIPE__VARIABLE;
}

size_t mpipe__frame_need(const struct mpipe__frame *f, size_t size)
{
    const struct mpipe__frame_head *h = &f->head;
    size_t room = mpipe__wire_size(h) + mpipe__align8(size);

    if (h->n_items == 0)
        return size < MPIPE__VARIABLE ? room : room + 8;
    if (!is_fixed(h))
        return room + 8;
    if (h->item_size == size)
        return room;
    return room + 8 + 8 * (size_t)h->n_items;
}

/* Give each item of a fixed frame its length, from the last to the first. */
static void make_variable(struct mpipe__frame *f)
{
    struct mpipe__frame_head *h = &f->head;
    size_t stride = mpipe__align8(h->item_size);
    char *base = mpipe__frame_payload(f);
    uint64_t size = h->item_size;

    for (size_t i = h->n_items; i-- > 0;) {
        char *to = base + i * (stride + 8);
        memmove(to + 8, base + i * stride, stride);
        memcpy(to, &size, 8);
    }
    h->bytes += 8 * (uint64_t)h->n_items;
    h->item_size = MPIPE__VARIABLE;
}

void *mpipe__frame_spot(struct mpipe__frame *f, size_t size)
{
    struct mpipe__frame_head *h = &f->head;
    char *end;

    if (h->n_items == 0)
        h->item_size = size < MPIPE__VARIABLE ? (uint32_t)size
                                              : MPIPE__VARIABLE;
    else if (is_fixed(h) && h->item_size != size)
        make_variable(f);
    end = mpipe__frame_payload(f) + h->bytes;
    return is_fixed(h) ? end : end + 8;
}

void mpipe__frame_commit(struct mpipe__frame *f, void *spot, size_t size)
{
    struct mpipe__frame_head *h = &f->head;
    uint64_t length = size;

    if (is_fixed(h) && h->item_size != size) {  /* less than was reserved */
        if (h->n_items == 0) {
            h->item_size = (uint32_t)size;
        } else {
            /* move the new item first: the lengths need its place */
            char *to = mpipe__frame_payload(f) + h->bytes
                       + 8 * (size_t)h->n_items + 8;
            memmove(to, spot, size);
            make_variable(f);
        }
    }
    if (!is_fixed(h)) {
        memcpy(mpipe__frame_payload(f) + h->bytes, &length, 8);
        h->bytes += 8;
    }
    h->bytes += mpipe__align8(size);
    h->n_items++;
    assert(mpipe__wire_size(h) <= f->capacity);
}

void mpipe__frame_append_slow(struct mpipe__frame *f, const void *data,
                              size_t size)
{
    void *spot;

    assert(mpipe__frame_need(f, size) <= f->capacity);
    spot = mpipe__frame_spot(f, size);
    if (size > 0)
        memcpy(spot, data, size);
    mpipe__frame_commit(f, spot, size);
}

bool mpipe__cursor_look(struct mpipe__cursor *c, struct mpipe_item *item)
{
    uint64_t size = c->item_size;

    if (size == MPIPE__VARIABLE) {
        if (c->end - c->at < 8)
            return false;
        memcpy(&size, c->at, 8);
        c->at += 8;
    }
    if ((uint64_t)(c->end - c->at) < size)
        return false;
    item->data = c->at;
    item->size = (size_t)size;
    size = (size + 7) & ~(uint64_t)7;
    if ((uint64_t)(c->end - c->at) < size)
        return false;
    c->at += size;
    c->left--;
    c->looked += item->size;
    return true;
}

uint64_t mpipe__frame_item_bytes(struct mpipe__frame *f, uint32_t n)
{
    struct mpipe__cursor c;
    struct mpipe_item item;
    uint64_t bytes = 0;

    if (is_fixed(&f->head))
        return (uint64_t)n * f->head.item_size;
    mpipe__cursor_init(&c, f);
    while (n-- > 0 && mpipe__cursor_next(&c, &item))
        bytes += item.size;
    return bytes;
}

void mpipe__frame_clean(struct mpipe__frame *f)
{
    struct mpipe__cursor c;
    struct mpipe_item item;
    char *payload = mpipe__frame_payload(f);

    if (is_fixed(&f->head) && f->head.item_size % 8 == 0)
        return;
    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item)) {
        size_t end = (size_t)((const char *)item.data - payload) + item.size;

        memset(payload + end, 0, mpipe__align8(end) - end);
    }
}

/* The payload offset of item 'n'. */
static size_t offset_of(struct mpipe__frame *f, uint32_t n)
{
    struct mpipe__cursor c;
    struct mpipe_item item;

    if (is_fixed(&f->head))
        return n * mpipe__align8(f->head.item_size);
    mpipe__cursor_init(&c, f);
    while (n-- > 0 && mpipe__cursor_next(&c, &item))
        continue;
    return (size_t)(c.at - mpipe__frame_payload(f));
}

void mpipe__frame_truncate(struct mpipe__frame *f, uint32_t n_items)
{
    if (n_items < f->head.n_items) {
        f->head.bytes = offset_of(f, n_items);
        f->head.n_items = n_items;
    }
}

enum mpipe_err mpipe__frame_check(const struct mpipe__frame_head *h,
                                  size_t size, struct mpipe_error *err)
{
    const char *wrong = NULL;

    if (size < sizeof *h)
        wrong = "shorter than a head";
    else if (h->magic != MPIPE__FRAME_MAGIC)
        wrong = "no frame of this version of libmpipe";
    else if (h->kind < MPIPE__FRAME_DATA || h->kind > MPIPE__FRAME_CONTROL)
        wrong = "of an unknown kind";
    else if (h->bytes > SIZE_MAX / 2    /* or the sum could come round */
             || (size != mpipe__wire_size(h) && size != MPIPE__HEAD_SIZE))
        wrong = "not as long as its head says";
    else if (h->n_items == 0 && h->bytes != 0)
        wrong = "without items, but with bytes";
    else if (h->n_items > 0 && is_fixed(h)
             && h->bytes != h->n_items
                            * (uint64_t)mpipe__align8(h->item_size))
        wrong = "not as long as its items";
    else if (!is_fixed(h) && (h->bytes < 8 * (uint64_t)h->n_items
                              || h->bytes % 8 != 0))
        wrong = "too short for its items";
    if (wrong == NULL)
        return MPIPE_OK;
    return mpipe__error(err, -1, MPIPE_ELINK,
                        "damaged frame: a message of %zu bytes is %s",
                        size, wrong);
}

int mpipe__frame_order(struct mpipe__frame *a, struct mpipe__frame *b)
{
    const uint32_t *p = mpipe__frame_path(a), *q = mpipe__frame_path(b);
    unsigned n = a->head.n_path < b->head.n_path ? a->head.n_path
                                                 : b->head.n_path;

    for (unsigned i = 0; i < n; i++)
        if (p[i] != q[i])
            return p[i] < q[i] ? -1 : 1;
    return (int)a->head.n_path - (int)b->head.n_path;
}
