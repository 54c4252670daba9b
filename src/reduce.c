/* SPDX-License-Identifier: BSD-3-Clause */
/* reduce.c - tokens in, the results of keys out.
 *
 * The tokens of a partition come to its owner in their order, so each goes on
 * where the one before it ended.  A key that fails is not tried elsewhere, since
 * its values are here: it goes to the failure handler.
 *
 * After a death a partition is gone through once more, from its first key on, by
 * its owner or by another rank.  Rank 0 has counted the keys whose results were
 * delivered, always the first ones, and these are passed over.
 *
 * Each rank notes which key it has in hand (struct mpipe__box), so that rank 0 knows
 * over which one it has died.  When that has happened as often as an item may be tried,
 * the key fails: tokens say which ones are not to be reduced.
 */
#define XXH_INLINE_ALL
#include <stdlib.h>
#include <xxhash.h>
#include "children.h"
#include "error.h"
#include "groups.h"
#include "part_file.h"
#include "reduce.h"
#include "source.h"

#define TOKEN_PAIRS 16384u
#define HEAVY       1000u           /* values of a key that is worth a word */

/* ---- tokens, on rank 0 ---- */

enum mpipe_err mpipe__tokens_init(struct mpipe__tokens *t,
                                  struct mpipe__shuffle *shuffle,
                                  bool in_order, bool resumes)
{
    if (t->part == NULL || t->shuffle != shuffle
        || t->n_parts != shuffle->n_parts) {
        mpipe__tokens_fini(t);
        t->part = calloc(shuffle->n_parts + 1u, sizeof *t->part);
        if (t->part == NULL)
            return MPIPE_ENOMEM;
    }
    t->shuffle = shuffle;
    t->n_parts = shuffle->n_parts;
    t->in_order = in_order;
    t->resumes = resumes;
    t->next = 0;
    t->left = 0;
    for (uint32_t p = 0; p < t->n_parts; p++) {
        bool done = shuffle->owner[p].state == MPIPE__PART_DONE;
        t->part[p].made = done ? UINT64_MAX : 0;
        if (!resumes)
            t->part[p].keys = 0;
        t->left += !done;
    }
    return MPIPE_OK;
}

void mpipe__tokens_fini(struct mpipe__tokens *t)
{
    free(t->part);
    t->part = NULL;
}

/* Also an empty partition gets one: it may have a file to write. */
static uint64_t tokens_of(uint64_t pairs)
{
    return pairs <= TOKEN_PAIRS ? 1 : (pairs + TOKEN_PAIRS - 1) / TOKEN_PAIRS;
}

uint64_t mpipe__tokens_count(const struct mpipe__tokens *t)
{
    uint64_t n = 0;

    for (uint32_t p = 0; p < t->n_parts; p++)
        if (t->part[p].made != UINT64_MAX)
            n += tokens_of(t->shuffle->info[p].pairs);
    return n;
}

enum mpipe_err mpipe__tokens_source(struct mpipe_out *out, void *arg)
{
    struct mpipe__tokens *t = arg;

    union {
        struct mpipe__token token;
        char bytes[sizeof(struct mpipe__token) + sizeof t->part->deadly];
    } u;
    struct mpipe__token *token = &u.token;

    for (int i = 0; i < MPIPE__SOURCE_ITEMS && t->left > 0; i++) {
        struct mpipe__token_part *part;
        enum mpipe_err e;

        while (t->part[t->next].made == UINT64_MAX)
            t->next = (t->next + 1) % t->n_parts;
        part = &t->part[t->next];
        *token = (struct mpipe__token){
            .part = t->next, .pairs = TOKEN_PAIRS, .keys = part->keys,
            .deaths = t->most, .n_deadly = part->n_deadly
        };
        memcpy(u.bytes + sizeof *token, part->deadly,
               part->n_deadly * sizeof *part->deadly);
        part->made += TOKEN_PAIRS;
        if (part->made >= t->shuffle->info[t->next].pairs) {
            token->last = 1;
            part->made = UINT64_MAX;
            t->left--;
        }
        if (!t->in_order)
            t->next = (t->next + 1) % t->n_parts;
        e = mpipe_emit(out, token, sizeof *token
                                   + part->n_deadly * sizeof *part->deadly);
        if (e != MPIPE_OK)
            return e;
    }
    return t->left > 0 ? MPIPE_OK : MPIPE_END;
}

static const struct mpipe__token *token_of(const struct mpipe_item *item)
{
    return item->data;
}

unsigned mpipe__token_rank(const struct mpipe_item *item, void *arg)
{
    const struct mpipe__tokens *t = arg;

    return t->shuffle->owner[token_of(item)->part].rank;
}

void mpipe__token_delivered(void *arg, struct mpipe__frame *fed,
                            const struct mpipe__frame_queue *results,
                            uint64_t keys)
{
    struct mpipe__tokens *t = arg;
    struct mpipe__cursor c;
    struct mpipe_item item;

    (void)results;
    mpipe__cursor_init(&c, fed);
    if (!mpipe__cursor_next(&c, &item))
        return;
    t->part[token_of(&item)->part].keys += keys;
    if (!t->shuffle->keyed)
        t->part[token_of(&item)->part].deaths = 0;
    if (token_of(&item)->last)
        t->shuffle->owner[token_of(&item)->part].state = MPIPE__PART_DONE;
}

bool mpipe__token_deadly(void *arg, uint32_t part, uint64_t key, bool last,
                         struct mpipe_error *err)
{
    struct mpipe__tokens *t = arg;
    struct mpipe__token_part *p = part < t->n_parts ? &t->part[part] : NULL;

    if (p == NULL)
        return false;
    if (p->suspect != key)
        p->deaths = 0;
    p->suspect = key;
    p->deaths++;
    if (p->deaths < t->most && !(last && p->deaths > 1))
        return false;
    if (t->shuffle->keyed && p->n_deadly < MPIPE__DEADLY_MOST) {
        p->deadly[p->n_deadly++] = key;
        p->deaths = 0;
        return false;
    }
    mpipe__error(err, err->rank, MPIPE_EDEAD, t->shuffle->keyed
                 ? "%u ranks have died over a key of partition %u, behind its "
                   "first %llu, and over so many others that it is no use: a "
                   "function of the job kills them"
                 : "%u ranks have died over the same values, of partition %u, "
                   "behind its first %llu keys: a function of the job kills them",
                 p->deaths, part, (unsigned long long)p->keys);
    return true;
}

/* ---- the stage ---- */

/* A partition that is being gone through. */
struct going {
    struct mpipe_values values;
    uint64_t keys;                  /* gone through */
    struct mpipe__part_file file;   /* of a job that writes some */
};

struct reducer {
    struct mpipe__reducing *how;
    struct mpipe_out *out;
    void *state, *next_state;       /* the user's */
    bool ready, next_ready;
    struct mpipe_bytes item;        /* on its way to the next job */
    struct going **going;           /* a partition each; NULL: not now */
    struct mpipe__heavy_key heavy[MPIPE__HEAVY_KEYS];
};

static enum mpipe_err set_up(const struct mpipe_job *job,
                             struct mpipe_out *out, void **state, bool *ready)
{
    enum mpipe_err e = MPIPE_OK;

    *state = job->arg;
    if (job->init != NULL)
        e = job->init(job->arg, out, state);
    *ready = e == MPIPE_OK;
    return e;
}

enum mpipe_err mpipe__reduce_init(void *arg, struct mpipe_out *out,
                                  void **state)
{
    struct mpipe__reducing *how = arg;
    struct reducer *r = calloc(1, sizeof *r);
    uint32_t n = how->shuffle->n_parts;
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    enum mpipe_err e = MPIPE_OK;

    if (r != NULL) {
        r->how = how;
        r->going = calloc(n + 1u, sizeof *r->going);
    }
    if (r == NULL || r->going == NULL) {
        mpipe__error(&err, -1, MPIPE_ENOMEM, "no memory for %u partitions", n);
        e = mpipe__worker_give_up(out, &err);
    } else {
        e = set_up(how->job, out, &r->state, &r->ready);
        if (e == MPIPE_OK && how->next != NULL)
            e = set_up(how->next, out, &r->next_state, &r->next_ready);
    }
    if (e == MPIPE_OK)
        *state = r;
    else if (r != NULL)
        mpipe__reduce_fini(r, out);
    return e;
}

/* A part file that is not closed goes. */
static void stop(struct reducer *r, uint32_t p)
{
    struct going *g = r->going[p];

    mpipe__groups_close(&g->values, &r->how->shuffle->store, p);
    mpipe__part_file_drop(&g->file);
    free(g);
    r->going[p] = NULL;
}

void mpipe__reduce_fini(void *state, struct mpipe_out *out)
{
    struct reducer *r = state;
    const struct mpipe__reducing *how = r->how;

    for (uint32_t p = 0; r->going != NULL && p < how->shuffle->n_parts; p++)
        if (r->going[p] != NULL)
            stop(r, p);
    if (r->heavy[0].values > 0)
        mpipe__worker_heavy(out, r->heavy, MPIPE__HEAVY_KEYS);
    if (r->next_ready && how->next->fini != NULL)
        how->next->fini(r->next_state, out);
    if (r->ready && how->job->fini != NULL)
        how->job->fini(r->state, out);
    free(r->item.data);
    free(r->going);
    free(r);
}

/* Pass over the keys whose results are delivered.  Those of a part file are not:
 * it was lost, or is to be written anew. */
static enum mpipe_err skip(struct going *g, const struct mpipe__token *token,
                           struct mpipe_out *out)
{
    struct mpipe_error err;

    while (g->keys < token->keys && mpipe__groups_next(&g->values))
        g->keys++;
    err = g->values.error;
    if (err.code == MPIPE_OK && g->keys < token->keys)
        mpipe__error(&err, -1, MPIPE_EDEAD, "partition %u has fewer keys than "
                     "it had before its rank died: map must emit the same "
                     "pairs for the same item", token->part);
    return err.code != MPIPE_OK ? mpipe__worker_give_up(out, &err) : MPIPE_OK;
}

static enum mpipe_err open_part(struct reducer *r,
                                const struct mpipe__token *token,
                                struct mpipe_out *out)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    const char *folder = r->how->job->parts;
    struct going *g = calloc(1, sizeof *g);
    uint32_t p = token->part;

    if (g == NULL) {
        mpipe__error(&err, -1, MPIPE_ENOMEM, "no memory for partition %u", p);
        return mpipe__worker_give_up(out, &err);
    }
    r->going[p] = g;
    if (mpipe__groups_open(&g->values, &r->how->shuffle->store, p, &err)
        != MPIPE_OK)
        return mpipe__worker_give_up(out, &err);
    if (folder != NULL
        && mpipe__part_file_open(&g->file, folder, p, mpipe_out_rank(out),
                                 &err) != MPIPE_OK)
        return mpipe__worker_give_up(out, &err);
    return folder != NULL ? MPIPE_OK : skip(g, token, out);
}

static enum mpipe_err close_part(struct reducer *r, uint32_t p,
                                 struct mpipe_out *out)
{
    struct going *g = r->going[p];
    struct mpipe_error err = g->values.error;

    if (err.code == MPIPE_OK && r->how->job->parts != NULL)
        mpipe__part_file_close(&g->file, &err);
    stop(r, p);
    return err.code != MPIPE_OK ? mpipe__worker_give_up(out, &err) : MPIPE_OK;
}

/* A result, to the map of the next job. */
static enum mpipe_err hand_on(void *arg, const void *data, size_t size)
{
    struct reducer *r = arg;
    struct mpipe_item item;
    enum mpipe_err e;

    if (size + 8 > r->item.capacity) {
        char *more = malloc(2 * size + 64);
        if (more == NULL)
            return MPIPE_ENOMEM;
        free(r->item.data);
        r->item.data = more;
        r->item.capacity = 2 * size + 64;
    }
    if (size > 0)
        memcpy(r->item.data, data, size);
    item = (struct mpipe_item){ r->item.data, size };
    r->out->divert = NULL;              /* what map emits goes its way */
    e = r->how->next->map(&item, r->out, r->next_state);
    r->out->divert = hand_on;
    if (e < MPIPE_OK && r->out->error == MPIPE_OK)
        r->out->error = e;              /* with the words that map had */
    return e;
}

/* Without a reduce: each value is a result, with its key. */
static enum mpipe_err emit_values(const struct reducer *r,
                                  struct mpipe_values *g,
                                  struct mpipe_out *out)
{
    struct mpipe_item value;
    enum mpipe_err e = MPIPE_OK;

    while (e == MPIPE_OK && mpipe_values_next(g, &value))
        e = r->how->job->fold != NULL
            ? mpipe_emit(out, value.data, value.size)
            : mpipe_emit_pair(out, g->key.data, g->key.size, value.data,
                              value.size);
    return e;
}

/* Of how many values a key was; those that reduce did not ask for count when
 * they are passed over, too late for this. */
static void note_weight(struct reducer *r, const struct mpipe_values *g)
{
    struct mpipe__heavy_key key = { g->n, (uint32_t)g->key.size, "" };

    if (g->n < HEAVY || g->n <= r->heavy[MPIPE__HEAVY_KEYS - 1].values
        || g->key.data == NULL)
        return;
    memcpy(key.key, g->key.data, g->key.size < sizeof key.key
                                 ? g->key.size : sizeof key.key);
    mpipe__heavy_add(r->heavy, &key);
}

/* Have ranks died over it, so that it is not to be reduced? */
static bool is_deadly(const struct mpipe__token *token, uint64_t key)
{
    for (uint32_t i = 0; i < token->n_deadly; i++)
        if (token->deadly[i] == key)
            return true;
    return false;
}

static enum mpipe_err call_reduce(struct reducer *r, struct mpipe_values *g,
                                  const struct mpipe__token *token,
                                  struct mpipe_out *out)
{
    uint64_t key = XXH3_64bits(g->key.data, g->key.size) | 1;
    enum mpipe_err e;

    if (is_deadly(token, key))
        return mpipe_fail(out, "%u ranks have died over it", token->deaths);
    mpipe__worker_key(out, token->part, key);
    e = r->how->job->reduce != NULL
        ? r->how->job->reduce(&g->key, g, out, r->state)
        : emit_values(r, g, out);
    mpipe__worker_key(out, 0, 0);
    return e;
}

/* 'again': only its part file needs it, and if it fails that was told before. */
static enum mpipe_err reduce_key(struct reducer *r, struct going *g,
                                 const struct mpipe__token *token, bool again,
                                 struct mpipe_out *out)
{
    struct mpipe_values *values = &g->values;
    struct mpipe__mark mark;
    uint64_t emitted;
    uint64_t written = mpipe__part_file_mark(&g->file);
    enum mpipe_err e;

    mpipe__worker_part_begin(out, &mark, &emitted);
    e = call_reduce(r, values, token, out);
    if (values->error.code != MPIPE_OK)
        return mpipe__worker_give_up(out, &values->error);
    if (g->file.error.code != MPIPE_OK)
        return mpipe__worker_give_up(out, &g->file.error);
    if (e == MPIPE_OK)
        e = out->error;
    if (e == MPIPE_ESTAGE || e == MPIPE_OK)
        return e;
    if (r->how->job->parts != NULL)
        mpipe__part_file_back(&g->file, written);
    if (!again)
        mpipe__worker_part_failed(out, &mark, emitted, &values->key, e);
    out->error = MPIPE_OK;
    out->text[0] = '\0';
    return MPIPE_OK;
}

/* As many pairs as the token says, and to the end of the key. */
static enum mpipe_err reduce_keys(struct reducer *r, struct going *g,
                                  const struct mpipe__token *token,
                                  struct mpipe_out *out)
{
    uint64_t from = g->values.taken, new_keys = 0;
    enum mpipe_err e = MPIPE_OK;

    if (r->how->job->parts != NULL) {
        out->divert = mpipe__part_file_put;
        out->divert_arg = &g->file;
    } else if (r->how->next != NULL) {
        out->divert = hand_on;
        out->divert_arg = r;
        r->out = out;
    }
    while (e == MPIPE_OK && (token->last || g->values.taken - from < token->pairs)
           && mpipe__groups_next(&g->values)) {
        bool again = g->keys++ < token->keys;
        e = reduce_key(r, g, token, again, out);
        new_keys += !again;
        note_weight(r, &g->values);
    }
    out->divert = NULL;
    mpipe__worker_keys(out, new_keys);
    return e;
}

enum mpipe_err mpipe__reduce_run(const struct mpipe_item *in,
                                 struct mpipe_out *out, void *state)
{
    struct reducer *r = state;
    const struct mpipe__token *token = in->data;
    uint32_t p = token->part;
    enum mpipe_err e = r->going[p] != NULL ? MPIPE_OK : open_part(r, token, out);

    if (e == MPIPE_OK)
        e = reduce_keys(r, r->going[p], token, out);
    if (e == MPIPE_OK && (token->last || r->going[p]->values.error.code != MPIPE_OK))
        e = close_part(r, p, out);
    return e;
}
