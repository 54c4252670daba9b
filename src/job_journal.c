/* SPDX-License-Identifier: BSD-3-Clause */
/* job_journal.c - see job_journal.h. */
#include <stdlib.h>
#include "error.h"
#include "job_journal.h"
#include "journal_owner.h"
#include "record.h"
#include "reduce.h"

struct opening {
    struct mpipe__job_journal *j;
    struct mpipe__engine *en;
};

static enum mpipe_err no_memory(struct mpipe_error *err)
{
    return mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for a journal");
}

static enum mpipe_err damaged(const struct opening *o, struct mpipe_error *err)
{
    return mpipe__journal_damaged(o->en->options->journal, err);
}

/* The first record. */
static enum mpipe_err take_terms(struct opening *o,
                                 const struct mpipe__journal_reader *r,
                                 struct mpipe_error *err)
{
    struct mpipe__job_journal *j = o->j;
    struct mpipe__journal_owner ours;
    const char *at;
    size_t size;

    mpipe__journal_owner_set(&ours, o->en->command, j->what);
    if (mpipe__journal_owner_compare(&ours, r, o->en->options->journal, &at,
                                     &size, err) != MPIPE_OK)
        return err->code;
    if (size < sizeof j->n_parts)
        return damaged(o, err);
    memcpy(&j->n_parts, at, sizeof j->n_parts);
    size -= sizeof j->n_parts;
    if (j->n_parts == 0 || j->n_parts > MPIPE__PARTS_MAX)
        return damaged(o, err);
    j->done = calloc(j->n_parts, sizeof *j->done);
    j->bounds.data = malloc(size + 1);
    if (j->done == NULL || j->bounds.data == NULL)
        return no_memory(err);
    memcpy(j->bounds.data, at + sizeof j->n_parts, size);
    j->bounds.size = j->bounds.capacity = size;
    return MPIPE_OK;
}

/* A token: which partition does it belong to, and is it the last one? */
static enum mpipe_err take_token(struct opening *o,
                                 const struct mpipe__journal_reader *r,
                                 struct mpipe_error *err)
{
    const char *at = r->data + sizeof(struct mpipe__root_record);
    struct mpipe__frame *f = mpipe__record_frame(&o->en->pool, &at);
    enum mpipe_err e = MPIPE_OK;
    struct mpipe__token token;
    struct mpipe__cursor c;
    struct mpipe_item item;

    if (f == NULL)
        return no_memory(err);
    mpipe__cursor_init(&c, f);
    if (!mpipe__cursor_next(&c, &item) || item.size < sizeof token)
        e = damaged(o, err);
    else
        memcpy(&token, item.data, sizeof token);
    if (e == MPIPE_OK && (token.part >= o->j->n_parts || o->j->done[token.part]))
        e = damaged(o, err);
    if (e == MPIPE_OK)
        o->j->done[token.part] = token.last != 0;
    mpipe__pool_put(&o->en->pool, f);
    return e;
}

static enum mpipe_err take(void *arg, const struct mpipe__journal_reader *r,
                           struct mpipe_error *err)
{
    struct opening *o = arg;
    struct mpipe__root_record root;

    if (!o->j->resume.started) {
        o->j->resume.started = true;
        return take_terms(o, r, err);
    }
    if (r->kind != MPIPE__JOURNAL_KEYS || !mpipe__record_check(r, 1, &root)
        || root.items != 1)
        return damaged(o, err);
    return take_token(o, r, err);
}

enum mpipe_err mpipe__job_journal_open(struct mpipe__job_journal *j,
                                       struct mpipe__engine *en,
                                       struct mpipe_error *err)
{
    struct mpipe__resume *re = &j->resume;
    struct opening o = { j, en };
    char name[100];

    re->outlives = true;
    re->engine = en;
    re->journal.fd = -1;
    mpipe__resume_file(name, sizeof name, en->session, j->nth);
    if (mpipe__journal_open(&re->journal, en->options->journal, name, take, &o,
                            err) != MPIPE_OK)
        return err->code;
    re->replay_end = re->journal.size;
    return MPIPE_OK;
}

enum mpipe_err mpipe__job_journal_begin(struct mpipe__job_journal *j,
                                        const struct mpipe__engine *en,
                                        uint32_t n_parts,
                                        struct mpipe_bytes *bounds,
                                        struct mpipe_error *err)
{
    struct mpipe__resume *re = &j->resume;
    struct mpipe__journal_owner ours;
    struct iovec terms[2];
    enum mpipe_err e = MPIPE_OK;

    if (!re->started) {
        j->n_parts = n_parts;
        j->bounds = *bounds;
        *bounds = (struct mpipe_bytes){ NULL, 0, 0 };
        terms[0] = (struct iovec){ &j->n_parts, sizeof j->n_parts };
        terms[1] = (struct iovec){ j->bounds.data, j->bounds.size };
        mpipe__journal_owner_set(&ours, en->command, j->what);
        e = mpipe__journal_owner_write(&re->journal, &ours, terms, 2, err);
    }
    free(bounds->data);
    *bounds = (struct mpipe_bytes){ NULL, 0, 0 };
    /* also what an earlier run has not: this one builds on it */
    return e == MPIPE_OK ? mpipe__journal_sync(&re->journal, err) : e;
}

void mpipe__job_journal_close(struct mpipe__job_journal *j, bool well)
{
    struct mpipe__resume *re = &j->resume;

    if (!re->outlives)
        return;                     /* none was opened */
    mpipe__resume_fini(re, well);
    free(j->bounds.data);
    free(j->done);
    memset(j, 0, sizeof *j);
}
