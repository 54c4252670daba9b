/* SPDX-License-Identifier: BSD-3-Clause */
/* mapped.c - see mapped.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "error.h"
#include "flow.h"
#include "mapped.h"
#include "pair.h"

#define SYNC_NS 500000000u

struct pairs_record {               /* the payload of MPIPE__JOURNAL_PAIRS: this, */
    uint64_t root, bytes;
    uint32_t part, n_items, item_size;
    int32_t from;                   /* the rank that made them */
};                                  /* ... and so many bytes */

void mpipe__mapped_fini(struct mpipe__mapped *m)
{
    if (m->open)
        mpipe__journal_close(&m->journal);
    free(m->cut);
    free(m->owner);
    free(m->loaded);
    free(m->due);
    memset(m, 0, sizeof *m);
}

/* ---- the runs before ---- */

enum mpipe_err mpipe__mapped_unpack(struct mpipe__mapped *m, uint32_t n_parts,
                                    const void *data, size_t size)
{
    size_t row = sizeof *m->cut + n_parts * sizeof *m->owner;
    const char *at = data;

    if (size % row != 0)
        return MPIPE_EINVAL;
    m->n_parts = n_parts;
    m->n_runs = (uint32_t)(size / row);
    m->cut = calloc(m->n_runs + 1u, sizeof *m->cut);
    m->owner = calloc((size_t)m->n_runs * n_parts + 1u, sizeof *m->owner);
    m->loaded = calloc(n_parts + 1u, sizeof *m->loaded);
    m->due = calloc(n_parts + 1u, sizeof *m->due);
    if (m->cut == NULL || m->owner == NULL || m->loaded == NULL
        || m->due == NULL)
        return MPIPE_ENOMEM;
    for (uint32_t j = 0; j < m->n_runs; j++, at += row) {
        memcpy(&m->cut[j], at, sizeof *m->cut);
        memcpy(&m->owner[(size_t)j * n_parts], at + sizeof *m->cut,
               n_parts * sizeof *m->owner);
    }
    m->on = true;
    return MPIPE_OK;
}

void mpipe__mapped_forget(struct mpipe__mapped *m, uint32_t part)
{
    if (m->loaded != NULL && part < m->n_parts)
        m->loaded[part] = false;
}

static void name_of(const struct mpipe__flow *flow, uint32_t run, uint32_t rank,
                    char *to, size_t size)
{
    snprintf(to, size, "%spipeline-%u.run-%u.rank-%u", flow->engine->session,
             flow->spec->shuffle->mapped.nth, run, rank);
}

/* Which partitions is this rank to read now?  False: none. */
static bool find_due(struct mpipe__flow *flow)
{
    struct mpipe__mapped *m = &flow->spec->shuffle->mapped;
    bool any = false;

    for (uint32_t p = 0; p < m->n_parts; p++) {
        m->due[p] = !m->loaded[p]
                    && mpipe__shuffle_fills(&flow->worker.outbound, p,
                                            flow->engine->transport->rank);
        any |= m->due[p];
    }
    return any;
}

static enum mpipe_err damaged(const struct mpipe__journal *file,
                              struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_EIO, "%s has not all that it is known to "
                        "have: remove the journal to begin the job again",
                        file->path);
}

/* The pairs of one record, if they are due. */
static enum mpipe_err take_pairs(struct mpipe__flow *flow,
                                 const struct mpipe__journal *file,
                                 const struct mpipe__journal_reader *r,
                                 struct mpipe_error *err)
{
    struct mpipe__store *store = &flow->spec->shuffle->store;
    struct pairs_record record;
    struct mpipe__cursor c;
    struct mpipe_item item;
    const void *pair[MPIPE__STORE_BATCH];
    enum mpipe_err e;
    size_t n;

    memcpy(&record, r->data, sizeof record);
    if (record.part >= store->n_parts
        || record.bytes != r->size - sizeof record)
        return damaged(file, err);
    if (!flow->spec->shuffle->mapped.due[record.part])
        return MPIPE_OK;
    mpipe__cursor_over(&c, r->data + sizeof record, record.bytes, record.n_items,
                       record.item_size);
    do {
        for (n = 0; n < MPIPE__STORE_BATCH && mpipe__cursor_next(&c, &item);
             n++) {
            if (!mpipe__pair_check(&item))
                return damaged(file, err);
            pair[n] = item.data;
        }
        e = mpipe__store_add(store, record.part, pair, n, err);
    } while (e == MPIPE_OK && n == MPIPE__STORE_BATCH);
    return e != MPIPE_OK || c.left == 0 ? e : damaged(file, err);
}

/* Its records up to the root where the run was cut: one that says that it was on the
 * disk beyond it must be there. */
static enum mpipe_err read_file(struct mpipe__flow *flow,
                                struct mpipe__journal *file, uint64_t cut,
                                struct mpipe_error *err)
{
    struct mpipe__journal_reader r = { .at = 0 };
    enum mpipe_err e = MPIPE_OK;
    uint64_t root = 0;

    while (e == MPIPE_OK && root < cut) {
        e = mpipe__journal_read(file, &r, file->size, err);
        if (e == MPIPE_END
            || (e == MPIPE_OK && r.size < (r.kind == MPIPE__JOURNAL_PAIRS
                                           ? sizeof(struct pairs_record)
                                           : sizeof root)))
            e = damaged(file, err);
        if (e != MPIPE_OK)
            break;
        memcpy(&root, r.data, sizeof root);
        if (r.kind == MPIPE__JOURNAL_PAIRS && root < cut) {
            e = take_pairs(flow, file, &r, err);
            root = 0;
        }
        mpipe__engine_progress(flow->engine);   /* others wait for credits */
    }
    mpipe__journal_reader_free(&r);
    return e;
}

/* What rank 'rank' has written in run 'run'. */
static enum mpipe_err load_file(struct mpipe__flow *flow, uint32_t run,
                                uint32_t rank, struct mpipe_error *err)
{
    const struct mpipe__mapped *m = &flow->spec->shuffle->mapped;
    struct mpipe__journal file = { .fd = -1 };
    char name[100], path[PATH_MAX];
    struct stat st;
    enum mpipe_err e;

    name_of(flow, run, rank, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s", flow->engine->options->journal, name);
    file.path = path;
    file.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (file.fd < 0 || fstat(file.fd, &st) != 0) {
        e = mpipe__error(err, -1, MPIPE_EIO, "%s, which an earlier run has "
                         "written, cannot be read: %s (the folder of a "
                         "map-reduce job's journal must be one that all hosts "
                         "share)", path, strerror(errno));
    } else {
        file.size = (uint64_t)st.st_size;
        e = read_file(flow, &file, m->cut[run], err);
    }
    if (file.fd >= 0)
        close(file.fd);
    return e;
}

/* Is a partition due that this rank had in that run, and no partition before it? */
static bool is_first_due(const struct mpipe__mapped *m, uint32_t run,
                         uint32_t part)
{
    const uint32_t *owner = &m->owner[(size_t)run * m->n_parts];

    if (owner[part] == UINT32_MAX || !m->due[part])
        return false;
    for (uint32_t p = 0; p < part; p++)
        if (owner[p] == owner[part] && m->due[p])
            return false;
    return true;
}

static enum mpipe_err load(struct mpipe__flow *flow, struct mpipe_error *err)
{
    struct mpipe__mapped *m = &flow->spec->shuffle->mapped;
    enum mpipe_err e = MPIPE_OK;

    for (uint32_t j = 0; j < m->n_runs; j++)
        for (uint32_t p = 0; m->cut[j] > 0 && p < m->n_parts && e == MPIPE_OK;
             p++)
            if (is_first_due(m, j, p))
                e = load_file(flow, j, m->owner[(size_t)j * m->n_parts + p],
                              err);
    for (uint32_t p = 0; p < m->n_parts; p++)
        m->loaded[p] |= m->due[p];
    return e;
}

/* ---- this run ---- */

static bool records(const struct mpipe__flow *flow)
{
    return flow->spec->shuffle->mapped.on && flow->spec->journals
           && !flow->spec->refills;
}

static enum mpipe_err nothing(void *arg, const struct mpipe__journal_reader *r,
                              struct mpipe_error *err)
{
    (void)arg, (void)r, (void)err;
    return MPIPE_OK;
}

static enum mpipe_err open_file(struct mpipe__flow *flow,
                                struct mpipe_error *err)
{
    struct mpipe__mapped *m = &flow->spec->shuffle->mapped;
    const char *folder = flow->engine->options->journal;
    char name[100], path[PATH_MAX];

    name_of(flow, m->n_runs, (uint32_t)flow->engine->transport->rank, name,
            sizeof name);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);               /* of a run that was not recorded */
    if (mpipe__journal_open(&m->journal, folder, name, nothing, NULL, err)
        != MPIPE_OK)
        return err->code;
    m->open = true;
    return MPIPE_OK;
}

static bool has_any(const struct mpipe__flow *flow)
{
    const struct mpipe__mapped *m = &flow->spec->shuffle->mapped;

    for (uint32_t p = 0; p < m->n_parts; p++)
        if (mpipe__shuffle_fills(&flow->worker.outbound, p,
                                 flow->engine->transport->rank))
            return true;
    return false;
}

bool mpipe__mapped_load(struct mpipe__flow *flow, struct mpipe_error *err)
{
    struct mpipe__mapped *m = &flow->spec->shuffle->mapped;

    if (!m->on || m->settled)
        return false;
    if (!find_due(flow)) {
        m->settled = true;
        return false;
    }
    if (records(flow) && !m->open && has_any(flow))
        open_file(flow, err);
    if (err->code == MPIPE_OK)
        load(flow, err);
    return true;
}

enum mpipe_err mpipe__mapped_add(struct mpipe__flow *flow, uint64_t root,
                                 struct mpipe__frame *f,
                                 struct mpipe_error *err)
{
    struct mpipe__mapped *m = &flow->spec->shuffle->mapped;
    struct pairs_record record = {
        .root = root, .bytes = f->head.bytes, .part = f->head.tries,
        .n_items = f->head.n_items, .item_size = f->head.item_size,
        .from = f->peer
    };
    const struct iovec piece[] = {
        { &record, sizeof record }, { mpipe__frame_payload(f), f->head.bytes }
    };

    if (!m->open || !records(flow))
        return MPIPE_OK;
    return mpipe__journal_append(&m->journal, MPIPE__JOURNAL_PAIRS, piece, 2, err);
}

/* All before the root is in the file. */
static enum mpipe_err write_upto(struct mpipe__mapped *m, uint64_t root,
                                 struct mpipe_error *err)
{
    const struct iovec piece = { &root, sizeof root };

    m->written = root;
    return mpipe__journal_append(&m->journal, MPIPE__JOURNAL_UPTO, &piece, 1, err);
}

static void tell(struct mpipe__flow *flow, uint64_t saved)
{
    struct mpipe__mapped *m = &flow->spec->shuffle->mapped;

    if (saved <= m->told || flow->home == NULL)
        return;
    m->told = saved;
    mpipe__control_send(flow->home, MPIPE__SAVED, &saved, sizeof saved);
}

/* Begin to bring it to the disk, or see whether that is done. */
static enum mpipe_err sync_on(struct mpipe__flow *flow, struct mpipe_error *err)
{
    struct mpipe__mapped *m = &flow->spec->shuffle->mapped;

    if (mpipe__journal_sync_begin(&m->journal, err) == MPIPE_OK
        && m->journal.syncing == 0)
        tell(flow, m->syncing);
    return err->code;
}

enum mpipe_err mpipe__mapped_pass(struct mpipe__flow *flow, bool all,
                                  struct mpipe_error *err)
{
    struct mpipe__mapped *m = &flow->spec->shuffle->mapped;
    uint64_t applied = flow->collector.applied;

    if (!m->open || !records(flow))
        return MPIPE_OK;
    if (!all && m->journal.syncing > 0)
        sync_on(flow, err);
    if (err->code != MPIPE_OK
        || (!all && (m->journal.syncing > 0 || flow->engine->now < m->next_sync)))
        return err->code;
    m->next_sync = flow->engine->now + SYNC_NS;
    if (applied > m->written && write_upto(m, applied, err) != MPIPE_OK)
        return err->code;
    m->syncing = m->written;
    if (!all)
        return sync_on(flow, err);
    if (mpipe__journal_sync(&m->journal, err) == MPIPE_OK)
        tell(flow, m->written);
    return err->code;
}

/* ---- the end ---- */

void mpipe__mapped_remove(const char *dir, const char *session, unsigned nth)
{
    const struct dirent *entry;
    char begin[100];
    DIR *folder = opendir(dir);

    snprintf(begin, sizeof begin, "%spipeline-%u.run-", session, nth);
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (strncmp(entry->d_name, begin, strlen(begin)) == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
}
