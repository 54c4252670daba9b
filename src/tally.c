/* SPDX-License-Identifier: BSD-3-Clause */
/* tally.c - see tally.h. */
#include <limits.h>
#include <stdlib.h>
#include "clock.h"
#include "flow.h"
#include "grow.h"
#include "tally.h"

#define LONG_NS    1000000u         /* where not many tell: not longer than this */
#define FEW_RANKS  64u              /* up to so many, what there is goes when a rank rests */
#define EACH_NS    2000u            /* beyond, it is held back for so long for each, */
#define ROW_NS     10000u           /* ... or of a row, by those who tell its first */
#define MESSAGE    ((MPIPE__CONTROL_SIZE - sizeof(struct mpipe__frame_head)) \
                    / sizeof(struct mpipe__report_entry))
#define MOST       1024u            /* entries that the first of a row holds */

static bool is_first(const struct mpipe__flow *flow)
{
    return flow->side > 0 && flow->row[0] == NULL;
}

struct mpipe__link *mpipe__tally_link(const struct mpipe__flow *flow)
{
    return flow->side == 0 || is_first(flow) ? flow->home : flow->row[0];
}

/* For so long more is added, for whoever is told hears all those that tell it. */
static uint64_t hold_ns(const struct mpipe__flow *flow)
{
    uint64_t n = (uint64_t)flow->engine->transport->size;

    if (flow->side > 0 && !is_first(flow))
        return flow->side * ROW_NS;
    return n > FEW_RANKS || flow->side > 0 ? n * EACH_NS : 0;
}

/* The entry of the same root and attempt, if there is one: of several the last. */
static struct mpipe__report_entry *find(const struct mpipe__tally *t,
                                        const struct mpipe__report_entry *like)
{
    unsigned i = t->slot[like->root & (MPIPE__TALLY_SLOTS - 1)];

    return i < t->n && t->entry[i].root == like->root
           && t->entry[i].attempt == like->attempt ? &t->entry[i] : NULL;
}

static bool make_room(struct mpipe__tally *t)
{
    struct mpipe__report_entry *grown = mpipe__grow(t->entry, &t->capacity, t->n,
                                                    sizeof *grown);

    if (t->slot == NULL)
        t->slot = calloc(MPIPE__TALLY_SLOTS, sizeof *t->slot);
    if (grown != NULL)
        t->entry = grown;
    return grown != NULL && t->slot != NULL;
}

static void no_memory(struct mpipe__flow *flow)
{
    mpipe__flow_fail(flow, flow->engine->transport->rank, MPIPE_ENOMEM,
                     "no memory to tell what has become of frames");
}

static void add_up(struct mpipe__report_entry *to, const struct mpipe__report_entry *more)
{
    to->xored ^= more->xored;
    to->dropped += more->dropped;
    to->made += more->made;
    to->delivered += more->delivered;
    to->keys += more->keys;
    if (more->work_us > to->work_us)
        to->work_us = more->work_us;
}

bool mpipe__tally_sum(struct mpipe__tally *t, const struct mpipe__report_entry *entry)
{
    struct mpipe__report_entry *same;

    if (!make_room(t))
        return false;
    same = find(t, entry);
    if (same != NULL) {
        add_up(same, entry);
        return true;
    }
    t->slot[entry->root & (MPIPE__TALLY_SLOTS - 1)] = (uint16_t)t->n;
    t->entry[t->n++] = *entry;
    return true;
}

void mpipe__tally_add(struct mpipe__flow *flow, const struct mpipe__report_entry *entry)
{
    struct mpipe__tally *t = &flow->tally;

    if (t->n == 0)
        t->since = mpipe__now();
    if (!mpipe__tally_sum(t, entry))
        no_memory(flow);
    if (t->n >= (is_first(flow) ? MOST : MESSAGE)
        || mpipe__now() - t->since > LONG_NS + hold_ns(flow))
        mpipe__tally_flush(flow);
}

static void pass_on(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    f->refs++;
    mpipe__link_control(flow->home, f);
}

void mpipe__tally_take(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__report_entry entry;
    struct mpipe__cursor c;
    struct mpipe_item item;

    if (mpipe__flow_ending(flow))
        return;
    if (f->head.stage == MPIPE__VOID) {     /* ahead of what makes its root complete */
        pass_on(flow, f);
        return;
    }
    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item) && item.size == sizeof entry) {
        memcpy(&entry, item.data, sizeof entry);
        mpipe__tally_add(flow, &entry);
    }
}

unsigned mpipe__tally_us(const struct mpipe__flow *flow, uint64_t now)
{
    uint64_t at = flow->tally.since + hold_ns(flow);

    if (flow->tally.n == 0)
        return UINT_MAX;
    return at > now ? (unsigned)((at - now) / 1000) + 1 : 0;
}

/* One message, from entry 'i' on.  Returns where it ends. */
static size_t tell(struct mpipe__flow *flow, size_t i)
{
    const struct mpipe__tally *t = &flow->tally;
    struct mpipe__link *to = mpipe__tally_link(flow);
    struct mpipe__frame *f = mpipe__control_new(&flow->links, MPIPE__REPORT);

    if (f == NULL) {
        no_memory(flow);
        return t->n;
    }
    for (size_t end = i + MESSAGE; i < t->n && i < end; i++) {
        mpipe__frame_append_slow(f, &t->entry[i], sizeof t->entry[i]);
        if (t->entry[i].attempt > flow->version)
            to = flow->home;    /* by this table it may be a dead rank that is told */
    }
    mpipe__link_control(to, f);
    return i;
}

void mpipe__tally_flush(struct mpipe__flow *flow)
{
    size_t i = 0;

    while (i < flow->tally.n)
        i = tell(flow, i);
    flow->tally.n = 0;
}

void mpipe__tally_after(struct mpipe__flow *flow, uint64_t took_ns)
{
    if (took_ns > LONG_NS && took_ns > hold_ns(flow))
        mpipe__tally_flush(flow);
}

void mpipe__tally_fini(struct mpipe__tally *t)
{
    free(t->entry);
    free(t->slot);
}
