/* SPDX-License-Identifier: BSD-3-Clause */
/* record.c - see record.h. */
#include <stdlib.h>
#include "error.h"
#include "record.h"

#define PIECES 64u                  /* of a record, without allocating */

struct frame_record {               /* ahead of a frame's payload */
    uint32_t kind, stage, tries;
    int32_t peer;
    uint32_t n_items, item_size;
    uint64_t bytes;                 /* of it, a multiple of 8 */
};

/* ---- reading ---- */

/* Items fill their frame; where it ends, or NULL. */
static char *check_items(const struct frame_record *f, char *at,
                         struct mpipe_item *last)
{
    struct mpipe__cursor c;

    mpipe__cursor_over(&c, at, f->bytes, f->n_items, f->item_size);
    while (mpipe__cursor_next(&c, last))
        continue;
    return c.left > 0 || c.at != c.end ? NULL : c.end;
}

/* Can there be such a frame, of kind FAILED or of this stage?  Where it ends, and how
 * many results it has (a failed item is one); NULL: no. */
static char *check_frame(char *at, char *end, unsigned n_stages, unsigned stage,
                         uint64_t *n)
{
    struct frame_record f;
    struct mpipe_item item = { NULL, 0 };
    bool failed;

    if ((size_t)(end - at) < sizeof f)
        return NULL;
    memcpy(&f, at, sizeof f);
    at += sizeof f;
    failed = f.kind == MPIPE__FRAME_FAILED;
    if ((!failed && f.kind != MPIPE__FRAME_DATA)
        || (failed ? f.stage >= n_stages : f.stage != stage)
        || f.tries > UINT16_MAX || f.peer < 0
        || f.bytes > (uint64_t)(end - at) || f.bytes % 8 != 0)
        return NULL;
    at = check_items(&f, at, &item);
    if (at == NULL
        || (failed && (f.n_items != 2 || item.size == 0
                       || ((const char *)item.data)[item.size - 1] != '\0')))
        return NULL;                /* the words, and their end */
    *n += failed ? 1 : f.n_items;
    return at;
}

bool mpipe__record_check(const struct mpipe__journal_reader *r,
                         unsigned n_stages, struct mpipe__root_record *root)
{
    char *at = r->data, *end = r->data + r->size;
    bool fed = r->kind == MPIPE__JOURNAL_KEYS;
    uint64_t n = 0, n_fed = 0;
    bool plain = r->kind == MPIPE__JOURNAL_ROOT;

    if ((!fed && !plain && r->kind != MPIPE__JOURNAL_MAPPED)
        || r->size < sizeof *root)
        return false;
    memcpy(root, at, sizeof *root);
    at += sizeof *root;
    if ((fed && root->n_frames == 0)
        || (plain && (root->keys > 0 || root->delivered > 0)))
        return false;
    for (uint32_t i = 0; at != NULL && i < root->n_frames; i++)
        at = fed && i == 0 ? check_frame(at, end, 0, 0, &n_fed)
                           : check_frame(at, end, n_stages, n_stages, &n);
    return at == end && (!fed || n_fed == root->items)
           && root->items + root->made == root->dropped + root->delivered + n;
}

struct mpipe__frame *mpipe__record_frame(struct mpipe__pool *pool,
                                         const char **at)
{
    struct frame_record record;
    struct mpipe__frame *f;

    memcpy(&record, *at, sizeof record);
    f = mpipe__pool_get(pool, MPIPE__HEAD_SIZE + record.bytes);
    if (f == NULL)
        return NULL;
    *at += sizeof record;
    mpipe__frame_begin(f, NULL, (uint16_t)record.stage);
    f->peer = record.peer;
    f->head.kind = (uint8_t)record.kind;
    f->head.tries = (uint16_t)record.tries;
    f->head.n_items = record.n_items;
    f->head.item_size = record.item_size;
    f->head.bytes = record.bytes;
    memcpy(mpipe__frame_payload(f), *at, record.bytes);
    *at += record.bytes;
    return f;
}

/* ---- writing ---- */

struct pieces {                     /* what a record is made of: 1 + 2 pieces for */
    struct iovec *piece;            /* each frame */
    struct frame_record *record;
    size_t n, n_frames;
};

static struct frame_record head_of(struct mpipe__frame *f)
{
    mpipe__frame_clean(f);
    return (struct frame_record){
        .kind = f->head.kind, .stage = f->head.stage, .tries = f->head.tries,
        .peer = f->peer > 0 ? f->peer : 0, .n_items = f->head.n_items,
        .item_size = f->head.item_size, .bytes = f->head.bytes
    };
}

size_t mpipe__record_size(const struct mpipe__frame_queue *results)
{
    size_t size = sizeof(struct mpipe__root_record);

    for (struct mpipe__frame *f = results->first; f != NULL; f = f->next)
        size += sizeof(struct frame_record) + head_of(f).bytes;
    return size;
}

void mpipe__record_write(char *to, struct mpipe__root_record *root,
                         const struct mpipe__frame_queue *results)
{
    root->n_frames = (uint32_t)results->n;
    memcpy(to, root, sizeof *root);
    to += sizeof *root;
    for (struct mpipe__frame *f = results->first; f != NULL; f = f->next) {
        struct frame_record record = head_of(f);

        memcpy(to, &record, sizeof record);
        memcpy(to + sizeof record, mpipe__frame_payload(f), f->head.bytes);
        to += sizeof record + f->head.bytes;
    }
}

static void add_frame(struct pieces *p, struct mpipe__frame *f)
{
    struct frame_record *record = &p->record[p->n_frames++];

    *record = head_of(f);
    p->piece[p->n++] = (struct iovec){ record, sizeof *record };
    p->piece[p->n++] = (struct iovec){ mpipe__frame_payload(f), f->head.bytes };
}

enum mpipe_err mpipe__record_append(struct mpipe__journal *j,
                                    struct mpipe__root_record *root,
                                    struct mpipe__frame *fed,
                                    const struct mpipe__frame_queue *results,
                                    struct mpipe_error *err)
{
    struct frame_record few[PIECES];
    struct iovec few_pieces[2 * PIECES + 1];
    struct pieces p = { few_pieces, few, 0, 0 };
    size_t n = results->n + (fed != NULL ? 1u : 0u);
    enum mpipe_err e;

    if (n > PIECES) {
        p.record = calloc(n, sizeof *p.record);
        p.piece = calloc(2 * n + 1, sizeof *p.piece);
    }
    root->n_frames = (uint32_t)n;
    if (p.record == NULL || p.piece == NULL) {
        e = mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a record of %zu "
                         "frames", n);
    } else {
        p.piece[p.n++] = (struct iovec){ root, sizeof *root };
        if (fed != NULL)
            add_frame(&p, fed);
        for (struct mpipe__frame *f = results->first; f != NULL; f = f->next)
            add_frame(&p, f);
        e = mpipe__journal_append(j, fed != NULL ? MPIPE__JOURNAL_KEYS
                                                 : MPIPE__JOURNAL_ROOT,
                                  p.piece, p.n, err);
    }
    if (p.record != few)
        free(p.record);
    if (p.piece != few_pieces)
        free(p.piece);
    return e;
}
