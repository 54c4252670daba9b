/* SPDX-License-Identifier: BSD-3-Clause */
/* pair.c - see pair.h. */
#include "pair.h"

static void copy(char *to, const void *from, size_t size)
{
    if (size > 0)
        memcpy(to, from, size);
}

void mpipe__pair_write(void *to, const void *key, size_t key_size,
                       const void *value, size_t value_size)
{
    struct mpipe__pair_head head = { (uint32_t)key_size, (uint32_t)value_size };
    size_t value_at = mpipe__pair_value_at(key_size);
    size_t size = value_at + value_size;
    char *at = to;

    memcpy(at, &head, sizeof head);
    if (key_size % 8 != 0)
        memset(at + value_at - 8, 0, 8);
    copy(at + sizeof head, key, key_size);
    copy(at + value_at, value, value_size);
    memset(at + size, 0, mpipe__align8(size) - size);
}

bool mpipe__pair_check(const struct mpipe_item *item)
{
    const struct mpipe__pair_head *head = item->data;

    return item->size >= sizeof *head
           && item->size == mpipe__pair_size(head->key_size, head->value_size);
}

int mpipe__key_order(const void *a, size_t a_size, const void *b, size_t b_size)
{
    size_t size = a_size < b_size ? a_size : b_size;
    int order = size > 0 ? memcmp(a, b, size) : 0;

    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

enum mpipe_err mpipe_pair_parse(const struct mpipe_item *item,
                                struct mpipe_pair *pair)
{
    const struct mpipe__pair_head *head = item->data;

    if (!mpipe__pair_check(item))
        return MPIPE_EINVAL;
    pair->key = (struct mpipe_item){ mpipe__pair_key(head), head->key_size };
    pair->value = (struct mpipe_item){ mpipe__pair_value(head),
                                       head->value_size };
    return MPIPE_OK;
}
