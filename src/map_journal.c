/* SPDX-License-Identifier: BSD-3-Clause */
/* map_journal.c - see map_journal.h. */
#include <stdlib.h>
#include "error.h"
#include "grow.h"
#include "journal_owner.h"
#include "map_journal.h"
#include "master.h"
#include "resume.h"

struct mpipe__pending {
    struct mpipe__pending *next;
    uint64_t root;
    size_t size;
    char record[];
};

static void drop_pending(struct mpipe__map_journal *m)
{
    struct mpipe__pending *p;

    while ((p = m->first) != NULL) {
        m->first = p->next;
        free(p);
    }
}

void mpipe__map_journal_fini(struct mpipe__map_journal *m)
{
    drop_pending(m);
    for (uint32_t j = 0; j < m->n_runs; j++)
        free(m->run[j].owner);
    free(m->run);
    free(m->saved);
    memset(m, 0, sizeof *m);
}

/* ---- runs ---- */

/* Takes 'owner' over. */
static bool add_run(struct mpipe__map_journal *m, uint32_t *owner)
{
    struct mpipe__map_run *grown = mpipe__grow(m->run, &m->capacity, m->n_runs,
                                               sizeof *m->run);

    if (grown != NULL)
        m->run = grown;
    if (owner == NULL || grown == NULL) {
        free(owner);
        return false;
    }
    m->run[m->n_runs++] = (struct mpipe__map_run){ 0, owner };
    return true;
}

static enum mpipe_err take_run(struct mpipe__map_journal *m,
                               const struct mpipe__journal_reader *r,
                               const char *folder, struct mpipe_error *err)
{
    uint32_t *owner;

    if (r->size != m->n_parts * sizeof *owner)
        return mpipe__journal_damaged(folder, err);
    owner = malloc(r->size);
    if (owner != NULL)
        memcpy(owner, r->data, r->size);
    return add_run(m, owner) ? MPIPE_OK
           : mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a journal");
}

enum mpipe_err mpipe__map_journal_take(struct mpipe__map_journal *m,
                                       const struct mpipe__journal_reader *r,
                                       const char *folder,
                                       struct mpipe_error *err)
{
    struct mpipe__root_record root;
    struct mpipe__map_run *run;

    if (r->kind == MPIPE__JOURNAL_RUN)
        return take_run(m, r, folder, err);
    run = m->n_runs > 0 ? &m->run[m->n_runs - 1] : NULL;
    memcpy(&root, r->data, sizeof root);
    if (run == NULL || root.keys < run->cut)
        return mpipe__journal_damaged(folder, err);
    run->cut = root.keys + 1;
    return MPIPE_OK;
}

enum mpipe_err mpipe__map_journal_pack(const struct mpipe__map_journal *m,
                                       struct mpipe_bytes *to)
{
    size_t row = sizeof m->run->cut + m->n_parts * sizeof *m->run->owner;
    char *more = realloc(to->data, to->size + m->n_runs * row + 1);

    if (more == NULL)
        return MPIPE_ENOMEM;
    to->data = more;
    for (uint32_t j = 0; j < m->n_runs; j++, to->size += row) {
        memcpy(more + to->size, &m->run[j].cut, sizeof m->run[j].cut);
        memcpy(more + to->size + sizeof m->run[j].cut, m->run[j].owner,
               m->n_parts * sizeof *m->run[j].owner);
    }
    to->capacity = to->size;
    return MPIPE_OK;
}

void mpipe__map_journal_begin(struct mpipe__flow *flow)
{
    struct mpipe__resume *re = flow->master->resume;
    const struct mpipe__shuffle *sh = flow->spec->shuffle;
    struct mpipe__map_journal *m = re->map;
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    uint32_t *owner = calloc(m->n_parts + 1u, sizeof *owner);
    struct iovec piece = { owner, m->n_parts * sizeof *owner };

    m->saved = calloc((size_t)flow->engine->transport->size, sizeof *m->saved);
    for (uint32_t p = 0; owner != NULL && p < m->n_parts; p++)
        owner[p] = p < sh->n_owners && sh->owner[p].state == MPIPE__PART_FILLING
                   ? sh->owner[p].rank : UINT32_MAX;
    if (m->saved == NULL || !add_run(m, owner))
        mpipe__error(&err, 0, MPIPE_ENOMEM, "no memory for a journal");
    else if (mpipe__journal_append(&re->journal, MPIPE__JOURNAL_RUN, &piece, 1,
                                   &err) == MPIPE_OK)
        mpipe__journal_sync(&re->journal, &err);
    if (err.code != MPIPE_OK)
        mpipe__flow_fail(flow, 0, err.code, "%s", err.text);
}

/* ---- roots ---- */

/* It will save no more. */
static bool an_owner_is_dead(const struct mpipe__flow *flow,
                             const struct mpipe__map_journal *m)
{
    const uint32_t *owner = m->run[m->n_runs - 1].owner;

    for (uint32_t p = 0; flow->engine->n_dead > 0 && p < m->n_parts; p++)
        if (owner[p] != UINT32_MAX
            && mpipe__engine_dead(flow->engine, (int)owner[p]))
            return true;
    return false;
}

enum mpipe_err mpipe__map_journal_wait(struct mpipe__flow *flow,
                                       const struct mpipe__root *r,
                                       struct mpipe__root_record *root,
                                       struct mpipe_error *err)
{
    struct mpipe__map_journal *m = flow->master->resume->map;
    size_t size = mpipe__record_size(&r->results);
    struct mpipe__pending *p;

    if (an_owner_is_dead(flow, m)) {
        drop_pending(m);
        return MPIPE_OK;
    }
    p = malloc(sizeof *p + size);
    if (p == NULL)
        return mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a record of "
                            "%zu bytes", size);
    root->keys = r->seq;
    mpipe__record_write(p->record, root, &r->results);
    p->next = NULL;
    p->root = r->seq;
    p->size = size;
    if (m->first == NULL)
        m->first = p;
    else
        m->last->next = p;
    m->last = p;
    return MPIPE_OK;
}

/* Roots before this one are on the disks of all. */
static uint64_t saved_by_all(const struct mpipe__map_journal *m)
{
    const uint32_t *owner = m->run[m->n_runs - 1].owner;
    uint64_t least = UINT64_MAX;

    for (uint32_t p = 0; p < m->n_parts; p++)
        if (owner[p] != UINT32_MAX && m->saved[owner[p]] < least)
            least = m->saved[owner[p]];
    return least;
}

void mpipe__map_journal_saved(struct mpipe__flow *flow, int rank,
                              struct mpipe__frame *f)
{
    struct mpipe__resume *re = flow->master->resume;
    struct mpipe__map_journal *m = re != NULL ? re->map : NULL;
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    struct mpipe__pending *p;
    struct mpipe__cursor c;
    struct mpipe_item item;
    uint64_t upto;

    mpipe__cursor_init(&c, f);
    if (m == NULL || m->saved == NULL || !mpipe__cursor_next(&c, &item)
        || item.size != sizeof m->saved[rank])
        return;
    memcpy(&m->saved[rank], item.data, item.size);
    upto = saved_by_all(m);
    while ((p = m->first) != NULL && p->root < upto && err.code == MPIPE_OK) {
        const struct iovec piece = { p->record, p->size };

        mpipe__journal_append(&re->journal, MPIPE__JOURNAL_MAPPED, &piece, 1,
                              &err);
        flow->engine->n_recorded++;
        m->first = p->next;
        free(p);
    }
    if (err.code != MPIPE_OK)
        mpipe__flow_fail(flow, 0, err.code, "%s", err.text);
}
