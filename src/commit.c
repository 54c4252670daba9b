/* SPDX-License-Identifier: BSD-3-Clause */
/* commit.c - see commit.h. */
#include "commit.h"
#include "grow.h"
#include "master.h"

#define COMMIT_NS 2000000u
#define EACH_NS   10000u            /* ... and for each rank that is told */
#define VOIDS     64u               /* in one message */

static void no_memory(struct mpipe__flow *flow)
{
    mpipe__flow_fail(flow, 0, MPIPE_ENOMEM,
                     "no memory to remember which frames do not count");
}

void mpipe__commit_void(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__void *grown;
    struct mpipe__cursor c;
    struct mpipe_item item;

    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item) && item.size == sizeof *m->voids) {
        grown = mpipe__grow(m->voids, &m->voids_capacity, m->n_voids,
                            sizeof *m->voids);
        if (grown == NULL) {
            no_memory(flow);
            return;
        }
        m->voids = grown;
        memcpy(&m->voids[m->n_voids], item.data, item.size);
        /* of an older attempt it may come when its root has been committed */
        m->n_voids += m->voids[m->n_voids].root >= m->committed;
    }
}

/* ---- a root and its copy ---- */

void mpipe__commit_choose(struct mpipe__flow *flow, uint64_t won, uint64_t lost)
{
    struct mpipe__master *m = flow->master;
    struct mpipe__choice *grown;
    size_t kept = 0;

    for (size_t i = 0; i < m->n_voids; i++) {
        struct mpipe__void v = m->voids[i];

        if (v.root == lost)
            continue;
        if (v.root == won && lost < won)
            v.root = lost;          /* its place in the order */
        m->voids[kept++] = v;
    }
    m->n_voids = kept;
    grown = mpipe__grow(m->choices, &m->choices_capacity, m->n_choices,
                        sizeof *m->choices);
    if (grown == NULL) {
        no_memory(flow);
        return;
    }
    m->choices = grown;
    m->choices[m->n_choices++] = (struct mpipe__choice){ won, lost };
}

static void tell_choices_to(struct mpipe__flow *flow, int rank)
{
    const struct mpipe__master *m = flow->master;
    struct mpipe__link *link = mpipe__master_link(flow, rank);
    struct mpipe__frame *f = NULL;

    for (size_t i = 0; link != NULL && i < m->n_choices; i++) {
        const struct mpipe__choice *c = &m->choices[i];

        if (f == NULL)
            f = mpipe__control_new(&flow->links, MPIPE__CHOICE);
        if (f == NULL) {
            mpipe__flow_fail(flow, 0, MPIPE_ENOMEM,
                             "no memory to tell rank %d what counts", rank);
            return;
        }
        mpipe__frame_append_slow(f, c, sizeof *c);
        if (mpipe__frame_need(f, sizeof *c) > MPIPE__CONTROL_SIZE
            || i + 1 == m->n_choices) {
            mpipe__link_control(link, f);
            f = NULL;
        }
    }
}

static void tell_choices(struct mpipe__flow *flow)
{
    for (int r = 0; flow->master->n_choices > 0
         && r < flow->engine->transport->size; r++)
        if (!mpipe__engine_dead(flow->engine, r))
            tell_choices_to(flow, r);
    flow->master->n_choices = 0;
}

/* ---- what is complete ---- */

void mpipe__commit_again(struct mpipe__flow *flow, uint64_t from)
{
    struct mpipe__master *m = flow->master;
    size_t kept = 0;

    tell_choices(flow);
    for (size_t i = 0; i < m->n_voids; i++)
        if (m->voids[i].root < from)
            m->voids[kept++] = m->voids[i];
    m->n_voids = kept;
}

static void tell_commit(struct mpipe__flow *flow, int rank, uint64_t upto,
                        const struct mpipe__void *voids, size_t n)
{
    struct mpipe__link *link = mpipe__master_link(flow, rank);
    struct mpipe__frame *f;

    if (link == NULL)
        return;                     /* it had died before the flow began */
    f = mpipe__control_new(&flow->links, MPIPE__COMMIT);
    if (f == NULL) {
        mpipe__flow_fail(flow, 0, MPIPE_ENOMEM,
                         "no memory to tell rank %d what is complete", rank);
        return;
    }
    mpipe__frame_append_slow(f, &upto, sizeof upto);
    for (size_t i = 0; i < n; i++)
        mpipe__frame_append_slow(f, &voids[i], sizeof voids[i]);
    mpipe__link_control(link, f);
}

/* Tell the workers which roots are complete, and which frames of them do not
 * count.  Voids go ahead of the commit that they belong to. */
static void commit(struct mpipe__flow *flow, uint64_t upto)
{
    struct mpipe__master *m = flow->master;
    uint64_t before = m->committed;
    size_t i = 0, kept = 0;

    m->committed = upto;
    do {
        struct mpipe__void out[VOIDS];
        size_t n = 0;

        for (; i < m->n_voids && n < VOIDS; i++)
            if (m->voids[i].root < upto)
                out[n++] = m->voids[i];
            else
                m->voids[kept++] = m->voids[i];
        for (int r = 0; r < flow->engine->transport->size; r++)
            if (!mpipe__engine_dead(flow->engine, r))
                tell_commit(flow, r, i < m->n_voids ? before : upto, out, n);
    } while (i < m->n_voids);
    m->n_voids = kept;
}

static uint64_t interval_ns(const struct mpipe__flow *flow)
{
    uint64_t ns = EACH_NS * (uint64_t)flow->engine->transport->size;

    return ns > COMMIT_NS ? ns : COMMIT_NS;
}

/* Now and then, so that what workers hold back stays little. */
bool mpipe__commit_pass(struct mpipe__flow *flow, uint64_t now, bool all)
{
    struct mpipe__master *m = flow->master;
    uint64_t upto = m->ledger.first;

    if (flow->spec->shuffle == NULL
        || (upto == m->committed && m->n_choices == 0)
        || (!all && now < m->next_commit))
        return false;
    m->next_commit = now + interval_ns(flow);
    tell_choices(flow);             /* before their roots count */
    if (upto != m->committed)
        commit(flow, upto);
    return true;
}

void mpipe__commit_parts(struct mpipe__flow *flow, struct mpipe__frame *f)
{
    struct mpipe__shuffle *sh = flow->spec->shuffle;
    struct mpipe__part_info info;
    struct mpipe__cursor c;
    struct mpipe_item item;

    mpipe__cursor_init(&c, f);
    while (mpipe__cursor_next(&c, &item) && item.size == sizeof info) {
        memcpy(&info, item.data, sizeof info);
        if (sh->info != NULL && info.part < sh->n_parts)
            sh->info[info.part] = info;
    }
}
