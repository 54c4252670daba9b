/* SPDX-License-Identifier: BSD-3-Clause */
/* poison.c - rank 0: items that kill the ranks that work on them.
 *
 * The box of a rank on another node is read by its neighbours there: all that live
 * are asked, since any of them may be in a long function or die as well, and the
 * first answer counts.  Nothing waits for it: by then the root has most likely been
 * fed again whole, and is split when the next rank dies.
 *
 * The pieces of a root that is split have an item each, and its place among the
 * root's items as their path: so results come in the same order, and the first
 * number of the path in a dead rank's box is the item.  While pieces are being
 * made the root has an id that stands for no frame, lest it seem complete.
 */
#include <stdlib.h>
#include "master.h"
#include "poison.h"
#include "recovery.h"
#include "sink.h"

/* ---- who is it? ---- */

static struct mpipe__suspect *suspect_of(struct mpipe__master *m,
                                         uint64_t root, uint32_t item)
{
    for (size_t i = 0; i < m->n_suspects; i++)
        if (m->suspect[i].root == root && m->suspect[i].item == item)
            return &m->suspect[i];
    return NULL;
}

static struct mpipe__suspect *new_suspect(struct mpipe__master *m,
                                          const struct mpipe__root *r,
                                          uint32_t item)
{
    struct mpipe__suspect *more;

    if (m->n_suspects == m->suspects_capacity) {
        size_t n = m->suspects_capacity > 0 ? 2 * m->suspects_capacity : 8;
        more = realloc(m->suspect, n * sizeof *more);
        if (more == NULL)
            return NULL;
        m->suspect = more;
        m->suspects_capacity = n;
    }
    more = &m->suspect[m->n_suspects++];
    *more = (struct mpipe__suspect){ .root = r->seq, .item = item,
                                     .deaths = r->deaths };
    return more;
}

/* Roots that are no longer open need not be known any more. */
static void forget_old(struct mpipe__master *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->n_suspects; i++) {
        const struct mpipe__suspect *s = &m->suspect[i];
        const struct mpipe__root *r = mpipe__ledger_open(&m->ledger, s->root);
        if (r != NULL && r->seq == s->root)
            m->suspect[n++] = *s;
    }
    m->n_suspects = n;
}

/* A job of which only rank 0 is left must not lose that as well. */
static bool is_last(const struct mpipe__flow *flow)
{
    return flow->engine->n_dead == flow->engine->transport->size - 1;
}

/* As many deaths as an item may be tried; where it was mapped before and killed nobody,
 * as in a refill, the first two are more likely to be chance. */
static uint32_t deaths_most(const struct mpipe__flow *flow)
{
    uint32_t most = flow->engine->options->max_retries;

    return flow->spec->refills ? most + 2 : most;
}

/* What the dead rank had in hand.  True: an item has failed by that. */
static bool note(struct mpipe__flow *flow, int rank,
                 const struct mpipe__box *box)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__suspect *s;
    struct mpipe__root *r;
    uint32_t item = 0;

    forget_old(m);
    if (box->root == MPIPE__NO_ROOT || box->flow != flow->id)
        return false;
    r = mpipe__ledger_open(&m->ledger, box->root);
    if (r == NULL || r->seq != box->root)
        return false;
    r = mpipe__ledger_original(&m->ledger, r);
    if (r->items > 1 && (r->split == 0 || box->attempt < r->split)) {
        r->deaths++;                    /* one of them: next time it is known */
        if (r->split == 0)
            r->split = m->ledger.attempt + 1;
        return false;
    }
    if (r->items > 1)
        item = box->piece;
    if (item >= r->items)
        return false;
    if (r->split == 0)
        r->split = m->ledger.attempt + 1;
    s = suspect_of(m, r->seq, item);
    if (s == NULL)
        s = new_suspect(m, r, item);
    if (s == NULL)
        return false;               /* without memory it stays unknown */
    s->rank = rank;
    s->deaths++;
    s->failed = s->deaths >= deaths_most(flow) || (s->deaths >= 2 && is_last(flow));
    return s->failed;
}

/* ---- the boxes of other nodes ---- */

struct sight {                      /* the item of an answer */
    uint32_t rank, unused;
    struct mpipe__box box;
};

bool mpipe__poison_ask(struct mpipe__flow *flow, int rank)
{
    const struct mpipe_machine *machine = flow->engine->machine;
    uint32_t whose = (uint32_t)rank;
    bool any = false;

    flow->master->member[rank].asked = true;
    for (int r = 1; r < flow->engine->transport->size; r++)
        if (!mpipe__engine_dead(flow->engine, r)
            && mpipe__machine_shared(machine, (unsigned)r, whose) > MPIPE__NODE)
            any |= mpipe__control_send(mpipe__master_link(flow, r), MPIPE__BOX,
                                       &whose, sizeof whose) == MPIPE_OK;
    return any;
}

void mpipe__poison_note(struct mpipe__flow *flow, int rank)
{
    struct mpipe__transport *t = flow->engine->transport;
    const struct mpipe__box *box = t->ops->box(t, rank);

    if (box != NULL)
        note(flow, rank, box);
    else if (!mpipe__flow_ending(flow))
        mpipe__poison_ask(flow, rank);
}

void mpipe__poison_show(struct mpipe__flow *flow, struct mpipe__frame *question)
{
    struct mpipe__transport *t = flow->engine->transport;
    struct sight sight = { .unused = 0 };
    const struct mpipe__box *box;
    struct mpipe__cursor c;
    struct mpipe_item item;

    mpipe__cursor_init(&c, question);
    if (flow->phase >= MPIPE__CLOSING || !mpipe__cursor_next(&c, &item)
        || item.size != sizeof sight.rank)
        return;
    memcpy(&sight.rank, item.data, sizeof sight.rank);
    box = sight.rank < (uint32_t)t->size ? t->ops->box(t, (int)sight.rank)
                                         : NULL;
    if (box == NULL)
        return;
    sight.box = *box;
    mpipe__control_send(flow->home, MPIPE__BOX, &sight, sizeof sight);
}

void mpipe__poison_told(struct mpipe__flow *flow, struct mpipe__frame *answer)
{
    struct mpipe__member *member;
    struct mpipe__cursor c;
    struct mpipe_item item;
    struct sight sight;

    mpipe__cursor_init(&c, answer);
    if (mpipe__flow_ending(flow) || !mpipe__cursor_next(&c, &item)
        || item.size != sizeof sight)
        return;
    memcpy(&sight, item.data, sizeof sight);
    if (sight.rank >= (uint32_t)flow->engine->transport->size)
        return;
    member = &flow->master->member[sight.rank];
    if (!member->asked)
        return;                     /* another has told it */
    member->asked = false;
    if (flow->spec->direct != NULL) {
        mpipe__recovery_box(flow, (int)sight.rank, &sight.box);
        mpipe__recovery_pass(flow, UINT64_MAX);
    } else if (note(flow, (int)sight.rank, &sight.box)) {
        mpipe__recovery_again(flow);    /* before it kills once more */
    }
}

/* ---- item by item ---- */

static struct mpipe__frame *new_piece(struct mpipe__flow *flow,
                                      const struct mpipe__root *r,
                                      size_t size)
{
    struct mpipe__frame *f = mpipe__pool_get(
        &flow->engine->pool, MPIPE__HEAD_SIZE + mpipe__align8(size) + 64);

    if (f == NULL)
        return NULL;
    mpipe__frame_begin(f, NULL, 0);
    f->head.root = r->seq;
    f->head.attempt = r->attempt;
    return f;
}

static bool feed_item(struct mpipe__flow *flow, struct mpipe__root *r,
                      uint32_t i, const struct mpipe_item *item)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__frame *f = new_piece(flow, r, item->size);

    if (f == NULL)
        return false;
    mpipe__frame_append_slow(f, item->data, item->size);
    mpipe__frame_seal(f, r->fed, i);
    f->head.id = mpipe__feeder_id(flow);
    mpipe__ledger_cancel(&m->ledger, r, f->head.id);
    mpipe__queue_push(&m->again, f);
    return true;
}

/* It has failed: its words are its result. */
static bool fail_item(struct mpipe__flow *flow, struct mpipe__root *r,
                      const struct mpipe__suspect *s,
                      const struct mpipe_item *item)
{
    struct mpipe__master *m = flow->master;
    char text[120];
    struct mpipe__frame *f;

    snprintf(text, sizeof text, "%u rank%s died over it, the last of them rank "
             "%d", s->deaths, s->deaths == 1 ? "" : "s", s->rank);
    f = new_piece(flow, r, item->size + sizeof text + 16);
    if (f == NULL)
        return false;
    f->head.kind = MPIPE__FRAME_FAILED;
    f->head.tries = (uint16_t)s->deaths;
    f->peer = s->rank;
    mpipe__frame_append_slow(f, item->data, item->size);
    mpipe__frame_append_slow(f, text, strlen(text) + 1);
    mpipe__frame_seal(f, r->fed, s->item);
    m->held += f->capacity;
    mpipe__queue_push(&r->results, f);
    return true;
}

bool mpipe__poison_split(struct mpipe__flow *flow, struct mpipe__root *r)
{
    struct mpipe__master *m = flow->master;
    uint64_t hold = mpipe__feeder_id(flow);
    struct mpipe__cursor c;
    struct mpipe_item item;
    bool ok = true;

    if (r->split == 0)
        return false;
    mpipe__ledger_again(&m->ledger, r, hold);
    mpipe__cursor_init(&c, r->fed);
    for (uint32_t i = 0; ok && mpipe__cursor_next(&c, &item); i++) {
        const struct mpipe__suspect *s = suspect_of(m, r->seq, i);

        ok = s != NULL && s->failed ? fail_item(flow, r, s, &item)
                                    : feed_item(flow, r, i, &item);
    }
    if (ok)
        mpipe__sink_settle(flow, r, hold);
    else
        mpipe__flow_fail(flow, 0, MPIPE_ENOMEM, "no memory to feed again what "
                         "a dead rank had");
    return true;
}
