/* SPDX-License-Identifier: BSD-3-Clause */
/* mapreduce.c - the front door of jobs: two flows, one after the other.
 *
 *   the input   source -> map, and its pairs to the owners of their partitions
 *   the output  tokens -> reduce, each on the rank that has the partition
 *
 * With MPIPE_SORT_ALL a third one comes first, which maps a sample of the input
 * to find where partitions should begin.
 *
 * When ranks have died, and partitions with them that are still needed, an output
 * flow ends with MPIPE_AGAIN on all ranks.  Then one of refill() feeds what was fed
 * once more, for the lost partitions alone, and the output goes on.
 *
 * With --journal the ranks write to disk what is mapped by the first job, and the
 * output of the last job is recorded; the next run of the same command computes what
 * is not there.  Of a fold job the items are recorded, as they come to rank 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include "error.h"
#include "flow.h"
#include "job_journal.h"
#include "look_ahead.h"
#include "part_file.h"
#include "partition.h"
#include "pipeline.h"
#include "reduce.h"
#include "refill.h"
#include "session.h"

#define LEAST_MEMORY ((uint64_t)64 << 10)
#define FAN          16u             /* parts of a fold that meet at a time */
#define SAMPLE_SHARE 4u              /* of a rank's memory */

struct mpipe_mapreduce {
    struct mpipe *mp;
    struct mpipe_job job;
    char name[64], parts[1024];
    struct mpipe_pipeline *input, *output;
    struct mpipe__shuffle shuffle, gathered;
    struct mpipe__shuffle *from;    /* whose partitions the output has */
    struct mpipe__reducing reducing;
    struct mpipe__tokens tokens;
    struct mpipe__kept kept;        /* rank 0: what was fed */
    struct mpipe__told told;        /* rank 0: keys that failed */
    struct mpipe__job_journal journal;  /* rank 0: of its output, and its terms */
    struct mpipe__resume mapping;   /* rank 0: of its map */
    struct mpipe__map_journal map;
    unsigned nth_map;               /* of the session's journals */
    uint64_t n_failed;              /* rank 0: in outputs that ended early */
    struct mpipe_mapreduce *first;  /* of those that follow one another */
    bool again;                     /* its output has run before */
    struct mpipe_mapreduce *next;   /* gets the results; NULL: none does */
    bool follows, ran;              /* another one; already */
    struct mpipe__bounds bounds;
    struct mpipe__look_ahead ahead; /* rank 0: for the bounds */
    void *acc;                      /* of a fold, on rank 0 */
    size_t acc_size;
    bool none;
};

/* ---- memory ---- */

/* Half of a rank's share of what its node has left. */
static uint64_t fair_share(const struct mpipe *mp)
{
    char line[128];
    unsigned long long kb = 0;
    FILE *file = fopen("/proc/meminfo", "re");

    while (file != NULL && kb == 0 && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "MemAvailable: %llu", &kb);
    if (file != NULL)
        fclose(file);
    if (kb == 0)
        kb = 2 << 20;
    return kb * 1024 / 2 / (mp->node_ranks > 0 ? mp->node_ranks : 1);
}

/* ---- describe ---- */

static bool is_fold(const struct mpipe_mapreduce *mr)
{
    return mr->job.fold != NULL;
}

/* Is something of it recorded, so that its partitions must be the same again? */
static bool has_terms(const struct mpipe_mapreduce *mr)
{
    return mr->mp->options.journal[0] != '\0' && !mr->mp->options.plan
           && (!mr->follows || mr->next == NULL) && !is_fold(mr);
}

/* Is what it delivers, and what it maps? */
static bool journals(const struct mpipe_mapreduce *mr)
{
    return has_terms(mr) && mr->next == NULL;
}

static bool journals_map(const struct mpipe_mapreduce *mr)
{
    return has_terms(mr) && !mr->follows;
}

static uint32_t by_users(const void *key, size_t size, uint32_t n, void *arg)
{
    const struct mpipe_mapreduce *mr = arg;
    const struct mpipe_item item = { key, size };

    return mr->job.partition(&item, n, mr->job.arg);
}

static void check_job(struct mpipe_mapreduce *mr)
{
    const struct mpipe_job *job = &mr->job;
    const char *wrong = NULL;

    if (job->map == NULL)
        wrong = "its map is NULL";
    else if (is_fold(mr) && (job->reduce != NULL || job->combine != NULL))
        wrong = "it has both fold and reduce or combine: a fold job needs no "
                "other function than map and fold";
    else if (is_fold(mr) && (job->sort != MPIPE_UNSORTED || job->parts != NULL
                             || job->partition != NULL))
        wrong = "a fold job has one result: it cannot be sorted or "
                "partitioned";
    else if (job->partitions > MPIPE__PARTS_MAX)
        wrong = "more than 65535 partitions";
    else if (job->parts != NULL && job->parts[0] == '\0')
        wrong = "the name of its folder for part files is empty";
    else if (job->parts != NULL && strlen(job->parts) >= sizeof mr->parts)
        wrong = "the name of its folder for part files is too long";
    else if (job->parts != NULL && job->done != NULL)
        wrong = "it has both part files and a done function: results go to "
                "one of them";
    if (wrong != NULL)
        mpipe__pipeline_wrong(mr->input, MPIPE_EINVAL, "%s", wrong);
}

static void describe_shuffle(struct mpipe_mapreduce *mr)
{
    const struct mpipe__options *o = &mr->mp->options;
    const struct mpipe_job *job = &mr->job;
    struct mpipe__shuffle *sh = &mr->shuffle;
    uint64_t memory = o->memory > 0 ? o->memory : fair_share(mr->mp);

    sh->keyed = !is_fold(mr);
    sh->gather = is_fold(mr);
    sh->any_order = job->sort == MPIPE_UNSORTED && job->parts == NULL;
    sh->n_parts = job->partitions;
    sh->combiner = mpipe__combiner_of(is_fold(mr) ? job->fold : job->combine,
                                      job->arg);
    sh->part_of = job->partition != NULL ? by_users
                  : job->sort == MPIPE_SORT_ALL ? mpipe__part_by_range
                  : mpipe__part_by_hash;
    sh->arg = job->partition != NULL ? (void *)mr : (void *)&mr->bounds;
    sh->memory = memory > LEAST_MEMORY ? memory : LEAST_MEMORY;
    snprintf(sh->scratch, sizeof sh->scratch, "%s", o->scratch);
}

/* An item of a fold in feed order, or a rank's part of it. */
static enum mpipe_err fold_item(const struct mpipe_item *item, void *arg)
{
    struct mpipe_mapreduce *mr = arg;

    if (mr->acc == NULL) {
        mr->acc = malloc(item->size + 1);
        if (mr->acc == NULL)
            return MPIPE_ENOMEM;
        memcpy(mr->acc, item->data, item->size);
        mr->acc_size = item->size;
        return MPIPE_OK;
    }
    if (item->size != mr->acc_size)
        return MPIPE_EINVAL;
    mr->job.fold(mr->acc, item->data, item->size, mr->job.arg);
    return MPIPE_OK;
}

static void describe_input(struct mpipe_mapreduce *mr)
{
    const struct mpipe_job *job = &mr->job;
    const struct mpipe_stage map = {
        .name = "map", .run = job->map, .init = job->init, .fini = job->fini,
        .arg = job->arg
    };
    struct mpipe__flow_spec *spec = mpipe__pipeline_spec(mr->input);

    if (spec == NULL)
        return;
    mpipe_pipeline_name(mr->input, mr->name);
    check_job(mr);
    mpipe_pipeline_count(mr->input, job->count);
    if (job->load != NULL)
        mpipe_pipeline_source(mr->input, job->load, job->arg);
    if (job->map != NULL)
        mpipe_pipeline_add(mr->input, &map);
    mpipe_pipeline_on_failure(mr->input, job->failed, job->arg);
    describe_shuffle(mr);
    if (is_fold(mr) && (job->ordered || mr->mp->options.journal[0] != '\0')) {
        mpipe_pipeline_ordered(mr->input, job->ordered);
        mpipe_pipeline_sink(mr->input, fold_item, mr);
    } else {
        spec->shuffle = &mr->shuffle;
    }
}

struct mpipe_mapreduce *mpipe_mapreduce_new(struct mpipe *mp,
                                            const struct mpipe_job *job)
{
    static struct mpipe_mapreduce none = { .none = true };
    struct mpipe_mapreduce *mr = calloc(1, sizeof *mr);

    if (mr == NULL) {
        /* says so, and ends with all the others */
        none.input = mpipe_pipeline_new(mp);
        mpipe__pipeline_wrong(none.input, MPIPE_ENOMEM, "no memory for a job");
        return &none;
    }
    mr->mp = mp;
    mr->job = *job;
    mr->first = mr;
    mpipe__kept_init(&mr->kept, mp->options.scratch);
    snprintf(mr->name, sizeof mr->name, "%s",
             job->name != NULL && job->name[0] != '\0' ? job->name : "job");
    mr->input = mpipe_pipeline_new(mp);
    mr->output = mpipe_pipeline_new(mp);
    describe_input(mr);
    if (job->parts != NULL) {
        snprintf(mr->parts, sizeof mr->parts, "%s", job->parts);
        mr->job.parts = mr->parts;
    }
    return mr;
}

/* What a shuffle has. */
static void forget(struct mpipe__shuffle *sh)
{
    mpipe__store_fini(&sh->store);
    mpipe__mapped_fini(&sh->mapped);
    free(sh->info);
    free(sh->owner);
    sh->info = NULL;
    sh->owner = NULL;
    sh->n_owners = 0;
}

void mpipe_mapreduce_free(struct mpipe_mapreduce *mr)
{
    if (mr == NULL)
        return;
    mpipe_pipeline_free(mr->input);
    if (mr->none)
        return;
    mpipe_pipeline_free(mr->output);
    forget(&mr->shuffle);
    forget(&mr->gathered);
    mpipe__tokens_fini(&mr->tokens);
    mpipe__bounds_fini(&mr->bounds);
    mpipe__kept_fini(&mr->kept);
    mpipe__told_fini(&mr->told);
    mpipe__job_journal_close(&mr->journal, true);
    mpipe__look_ahead_fini(&mr->ahead);
    free(mr->acc);
    free(mr);
}

struct mpipe_pipeline *mpipe_mapreduce_input(struct mpipe_mapreduce *mr)
{
    return mr->input;
}

enum mpipe_err mpipe_mapreduce_then(struct mpipe_mapreduce *mr,
                                    struct mpipe_mapreduce *next)
{
    struct mpipe__flow_spec *spec;
    const char *wrong = NULL;

    if (mr->none || next == NULL || next->none)
        return MPIPE_EINVAL;
    if (is_fold(mr) || mr->job.parts != NULL)
        wrong = "a fold job, or one with part files, is followed by no other";
    else if (mr->next != NULL || next->follows || next == mr)
        wrong = "it is followed by a job already, or that follows another";
    else if (is_fold(next) && next->job.ordered)
        wrong = "an ordered fold cannot follow another job";
    else if (next->job.load != NULL)
        wrong = "the job that follows has a load function of its own";
    else if (next->job.sort == MPIPE_SORT_ALL && next->job.partition == NULL)
        wrong = "a job with MPIPE_SORT_ALL needs a partition function to "
                "follow another";
    if (wrong != NULL)
        return mpipe__pipeline_wrong(mr->input, MPIPE_EINVAL, "%s", wrong);
    spec = mpipe__pipeline_spec(next->input);
    if (spec != NULL && spec->error.code != MPIPE_OK)
        mpipe__pipeline_wrong(mr->input, spec->error.code, "%s",
                              spec->error.text);
    mr->next = next;
    next->follows = true;
    for (struct mpipe_mapreduce *n = next; n != NULL; n = n->next)
        n->first = mr->first;
    return MPIPE_OK;
}

/* ---- which partitions there are ---- */

/* How many partitions there are by default. */
static uint32_t usual_parts(const struct mpipe_mapreduce *mr)
{
    uint32_t n = mr->shuffle.n_parts;

    if (n == 0)
        n = mpipe_size(mr->mp) > 1 ? (uint32_t)mpipe_size(mr->mp) - 1 : 1;
    return n < MPIPE__PARTS_MAX ? n : MPIPE__PARTS_MAX;
}

/* What comes ahead of the bounds where a journal is kept. */
struct terms {
    uint32_t n_parts, bounds;       /* bytes of these; then what has been mapped */
};

static enum mpipe_err take_brief(void *arg, const void *data, size_t size)
{
    struct mpipe_mapreduce *mr = arg;
    struct mpipe__mapped *m = &mr->shuffle.mapped;
    const char *at = data;
    struct terms terms = { mr->shuffle.n_parts, (uint32_t)size };

    if (has_terms(mr)) {
        if (size < sizeof terms)
            return MPIPE_EINVAL;
        memcpy(&terms, at, sizeof terms);
        at += sizeof terms;
        size -= sizeof terms;
        if (terms.bounds > size)
            return MPIPE_EINVAL;
    }
    mr->shuffle.n_parts = terms.n_parts;
    mpipe__bounds_fini(&mr->bounds);
    if (mpipe__bounds_unpack(&mr->bounds, at, terms.bounds) != MPIPE_OK)
        return MPIPE_ENOMEM;
    if (!journals_map(mr))
        return MPIPE_OK;
    mpipe__mapped_fini(m);
    m->nth = mr->nth_map;
    return mpipe__mapped_unpack(m, terms.n_parts, at + terms.bounds,
                                size - terms.bounds);
}

/* Map a part of the input, and let its keys say where partitions begin. */
static enum mpipe_err look_ahead(struct mpipe_mapreduce *mr)
{
    struct mpipe__flow_spec *spec = mpipe__pipeline_spec(mr->input);
    enum mpipe_err e;

    if (spec == NULL || spec->source == NULL)
        return MPIPE_OK;            /* run() will say so */
    e = mpipe__look_ahead_run(&mr->ahead, mr->mp, spec, mr->name,
                              mr->shuffle.memory / SAMPLE_SHARE);
    spec->take_brief = take_brief;
    spec->brief_arg = mr;
    if (e == MPIPE_OK && mpipe_rank(mr->mp) == 0
        && mpipe__look_ahead_bounds(&mr->ahead, usual_parts(mr), &spec->brief)
           != MPIPE_OK)
        mpipe__pipeline_wrong(mr->input, MPIPE_ENOMEM, "no memory to choose "
                              "where partitions begin");
    return e;
}

static bool goes_on(enum mpipe_err e)
{
    return e == MPIPE_OK || e == MPIPE_EFAILED;
}

/* ---- what an earlier run has done ---- */

static struct mpipe_mapreduce *last_of(struct mpipe_mapreduce *mr)
{
    while (mr->next != NULL)
        mr = mr->next;
    return mr;
}

static bool has_mistake(const struct mpipe_mapreduce *mr)
{
    const struct mpipe__flow_spec *spec = mpipe__pipeline_spec(mr->input);

    return spec == NULL || spec->error.code != MPIPE_OK;
}

static void open_one(struct mpipe_mapreduce *mr)
{
    struct mpipe__job_journal *j = &mr->journal;
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    unsigned nth = mr->mp->engine.n_journals++;

    if (mpipe_rank(mr->mp) != 0 || has_mistake(mr->first))
        return;
    j->nth = nth;
    snprintf(j->what, sizeof j->what, "job '%s', %u partitions%s%s", mr->name,
             mr->job.partitions, mr->job.sort == MPIPE_SORT_ALL ? ", sorted"
             : "", mr->job.parts != NULL ? ", part files" : "");
    if (mpipe__job_journal_open(j, &mr->mp->engine, &err) != MPIPE_OK)
        mpipe__pipeline_wrong(mr->first->input, err.code, "%s", err.text);
}

/* Before anything runs, on all ranks. */
static void open_journals(struct mpipe_mapreduce *mr)
{
    struct mpipe_mapreduce *last = last_of(mr);

    if (has_terms(mr))
        open_one(mr);
    if (last != mr && has_terms(last))
        open_one(last);
    if (journals_map(mr))
        mr->nth_map = mr->mp->engine.n_journals++;
}

/* Which partitions there are is as in the run that began the journal; and those that
 * are done have no owner.  The bounds that were found, if any, are for a new one. */
static enum mpipe_err take_terms(struct mpipe_mapreduce *mr,
                                 struct mpipe_bytes *bounds,
                                 struct mpipe_error *err)
{
    struct mpipe__job_journal *j = &mr->journal;
    struct mpipe__shuffle *sh = &mr->shuffle;

    if (mpipe__job_journal_begin(j, &mr->mp->engine, usual_parts(mr), bounds,
                                 err) != MPIPE_OK)
        return err->code;
    sh->n_parts = j->n_parts;
    sh->owner = calloc(sh->n_parts, sizeof *sh->owner);
    if (sh->owner == NULL)
        return mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for partitions");
    sh->n_owners = sh->n_parts;
    for (uint32_t p = 0; j->done != NULL && p < sh->n_parts; p++)
        if (j->done[p])
            sh->owner[p].state = MPIPE__PART_DONE;
    return MPIPE_OK;
}

/* What was mapped by earlier runs. */
static enum mpipe_err open_map(struct mpipe_mapreduce *mr,
                               struct mpipe__flow_spec *spec,
                               struct mpipe_error *err)
{
    mr->map.n_parts = mr->shuffle.n_parts;
    mr->mapping.map = &mr->map;
    mr->mapping.outlives = true;
    spec->resume = &mr->mapping;
    return mpipe__resume_begin(&mr->mapping, &mr->mp->engine, spec, mr->nth_map,
                               err);
}

/* All ranks hear with the flow that fills its partitions which ones there are. */
static void give_brief(struct mpipe_mapreduce *mr, struct mpipe__flow_spec *spec)
{
    const struct mpipe_bytes *bounds = &mr->journal.bounds;
    struct terms terms = { mr->shuffle.n_parts, (uint32_t)bounds->size };
    struct mpipe_bytes *b = &spec->brief;

    spec->take_brief = take_brief;
    spec->brief_arg = mr;
    if (mpipe_rank(mr->mp) != 0)
        return;
    b->data = malloc(sizeof terms + bounds->size);
    if (b->data != NULL) {
        memcpy(b->data, &terms, sizeof terms);
        if (bounds->size > 0)
            memcpy(b->data + sizeof terms, bounds->data, bounds->size);
        b->size = b->capacity = sizeof terms + bounds->size;
    }
    if (b->data == NULL
        || (journals_map(mr)
            && mpipe__map_journal_pack(&mr->map, b) != MPIPE_OK))
        mpipe__error(&spec->error, 0, MPIPE_ENOMEM, "no memory for partitions");
}

static void begin_journals(struct mpipe_mapreduce *mr)
{
    struct mpipe_mapreduce *last = last_of(mr);
    struct mpipe__flow_spec *spec = mpipe__pipeline_spec(mr->input);
    struct mpipe_bytes none = { NULL, 0, 0 };
    struct mpipe_error err = { MPIPE_OK, 0, "" };

    if (mr->mp->options.journal[0] == '\0' || spec == NULL)
        return;
    if (mpipe_rank(mr->mp) == 0 && !has_mistake(mr)) {
        if (has_terms(mr))
            take_terms(mr, &spec->brief, &err);
        if (err.code == MPIPE_OK && last != mr && has_terms(last))
            take_terms(last, &none, &err);
        if (err.code == MPIPE_OK && journals_map(mr))
            open_map(mr, spec, &err);
        if (err.code != MPIPE_OK)
            mpipe__pipeline_wrong(mr->input, err.code, "%s", err.text);
    }
    spec->journals = journals_map(mr);
    if (has_terms(mr) && !has_mistake(mr))
        give_brief(mr, spec);
}

/* The input has been mapped, or that has ended otherwise. */
static void close_map(struct mpipe_mapreduce *mr, enum mpipe_err e)
{
    struct mpipe_error err = { MPIPE_OK, 0, "" };

    if (!mr->mapping.outlives)
        return;
    if (goes_on(e) && mpipe__journal_sync(&mr->mapping.journal, &err) != MPIPE_OK)
        mpipe_log(mr->mp, MPIPE_LOG_WARN, "%s", err.text);
    mpipe__resume_fini(&mr->mapping, e != MPIPE_EDEAD);
    memset(&mr->mapping, 0, sizeof mr->mapping);
}

/* ---- the output ---- */

/* Can its output go on where it has ended?  If not, all of it is done again. */
static bool resumes(const struct mpipe_mapreduce *mr)
{
    return (mr->mp->engine.survives && mr->next == NULL && !is_fold(mr))
           || journals(mr);
}

/* A death over the same key again and again is its doing. */
static unsigned most_deaths(const struct mpipe *mp)
{
    return mp->options.max_retries < 2 ? 2 : mp->options.max_retries;
}

/* What rank 0 sees to. */
static void describe_tokens(struct mpipe_mapreduce *mr,
                            struct mpipe__flow_spec *spec)
{
    bool in_order = mr->job.sort != MPIPE_UNSORTED && mr->job.parts == NULL
                    && mr->next == NULL;

    if (mpipe__tokens_init(&mr->tokens, mr->from, in_order, resumes(mr))
        != MPIPE_OK) {
        mpipe__pipeline_wrong(mr->output, MPIPE_ENOMEM,
                              "no memory for partitions");
        return;
    }
    mr->tokens.most = most_deaths(mr->mp);
    mpipe_pipeline_count(mr->output, mpipe__tokens_count(&mr->tokens));
    spec->delivered = mpipe__token_delivered;
    spec->deadly = mpipe__token_deadly;
    spec->delivered_arg = &mr->tokens;
    spec->returns = mr->mp->engine.survives
                    && mr->first->kept.error.code == MPIPE_OK;
    spec->failed_before = mr->n_failed;
    if (journals(mr))
        spec->resume = &mr->journal.resume;
    if (mr->next != NULL && mr->mp->engine.survives) {
        mpipe__told_begin(&mr->told);
        spec->told = mpipe__told_before;
        spec->told_arg = &mr->told;
    }
}

static void describe_output(struct mpipe_mapreduce *mr)
{
    const struct mpipe_job *job = &mr->job;
    bool in_order = job->sort != MPIPE_UNSORTED && job->parts == NULL
                    && mr->next == NULL;
    const struct mpipe_stage reduce = {
        .name = "reduce", .run = mpipe__reduce_run,
        .init = mpipe__reduce_init, .fini = mpipe__reduce_fini,
        .arg = &mr->reducing
    };
    struct mpipe__flow_spec *spec = mpipe__pipeline_spec(mr->output);
    char name[80];

    if (spec == NULL)
        return;
    snprintf(name, sizeof name, "%s.reduce", mr->name);
    mpipe_pipeline_name(mr->output, name);
    if (mr->from->error.code != MPIPE_OK)
        mpipe__pipeline_wrong(mr->output, mr->from->error.code, "%s",
                              mr->from->error.text);
    mr->reducing = (struct mpipe__reducing){
        job, mr->from, mr->next != NULL ? &mr->next->job : NULL
    };
    if (mr->next != NULL)
        spec->shuffle = &mr->next->shuffle;
    if (mr->next != NULL && has_terms(mr->next))
        give_brief(mr->next, spec);
    spec->journals = journals(mr);
    spec->refills = mr->again && mr->next != NULL;
    mr->from->store.keeps = resumes(mr);
    mr->from->store.any_order &= !resumes(mr);
    mpipe_pipeline_add(mr->output, &reduce);
    mpipe_pipeline_source(mr->output, mpipe__tokens_source, &mr->tokens);
    mpipe_pipeline_ordered(mr->output, in_order || is_fold(mr));
    mpipe_pipeline_on_failure(mr->output, job->failed, job->arg);
    if (is_fold(mr))
        mpipe_pipeline_sink(mr->output, fold_item, mr);
    else if (job->done != NULL && job->parts == NULL && mr->next == NULL)
        mpipe_pipeline_sink(mr->output, job->done, job->arg);
    spec->reduces = mr->from;
    spec->direct = mpipe__token_rank;
    spec->direct_arg = &mr->tokens;
    if (mpipe_rank(mr->mp) == 0)
        describe_tokens(mr, spec);
}

/* ---- run ---- */

/* Rank 0, before anything runs. */
static void ready_folder(struct mpipe_mapreduce *mr)
{
    struct mpipe_mapreduce *last = last_of(mr);
    const struct mpipe__job_journal *j = &last->journal;
    struct mpipe_error err = { MPIPE_OK, 0, "" };

    if (last->job.parts == NULL || mpipe_rank(mr->mp) != 0 || has_mistake(mr)
        || mr->mp->options.plan)
        return;
    if (j->resume.started)
        mpipe__part_folder_goes_on(last->job.parts, j->done, j->n_parts, &err);
    else
        mpipe__part_folder(last->job.parts, &err);
    if (err.code != MPIPE_OK)
        mpipe__pipeline_wrong(mr->input, err.code, "%s", err.text);
}

/* Partitions that are lost can be computed again if rank 0 has what was fed. */
static void keep_input(struct mpipe_mapreduce *mr)
{
    struct mpipe__flow_spec *spec = mpipe__pipeline_spec(mr->input);

    if (spec == NULL || spec->shuffle == NULL || mpipe_rank(mr->mp) != 0
        || !mr->mp->engine.survives)
        return;
    spec->delivered = mpipe__refill_keep;
    spec->delivered_arg = &mr->kept;
}

static enum mpipe_err run_input(struct mpipe_mapreduce *mr)
{
    enum mpipe_err e = MPIPE_OK;

    if (mr->follows)
        mpipe__pipeline_wrong(mr->input, MPIPE_EINVAL, "it follows another "
                              "job: run that one");
    if (mr->ran)
        mpipe__pipeline_wrong(mr->input, MPIPE_EINVAL, "it has run already: "
                              "make a new job");
    mr->ran = true;
    open_journals(mr);
    ready_folder(mr);
    if (mr->job.sort == MPIPE_SORT_ALL && mr->job.partition == NULL)
        e = look_ahead(mr);
    begin_journals(mr);
    keep_input(mr);
    if (e == MPIPE_OK)
        e = mpipe_pipeline_run(mr->input);
    close_map(mr, e);
    if (mr->kept.error.code != MPIPE_OK && goes_on(e))
        mpipe_log(mr->mp, MPIPE_LOG_WARN, "what was fed could not be kept, so a "
                  "death will end the job: %s", mr->kept.error.text);
    mpipe__look_ahead_over(&mr->ahead, mpipe__pipeline_spec(mr->input));
    return e;
}

/* One level of the tree in which the parts of a fold come together: from 'from'
 * to 'to', whose partitions are 'gather' workers apart. */
static enum mpipe_err run_level(struct mpipe_mapreduce *mr,
                                struct mpipe__shuffle *to, uint32_t gather)
{
    struct mpipe__flow_spec *spec = mpipe__pipeline_spec(mr->output);
    enum mpipe_err e;
    char name[80];

    forget(to);
    *to = (struct mpipe__shuffle){
        .combiner = mr->shuffle.combiner, .gather = gather,
        .memory = mr->shuffle.memory
    };
    describe_output(mr);
    snprintf(name, sizeof name, "%s.gather", mr->name);
    mpipe_pipeline_name(mr->output, name);
    if (spec != NULL) {
        spec->sink = NULL;
        spec->shuffle = to;
    }
    e = mpipe_pipeline_run(mr->output);
    forget(mr->from);
    mr->from = to;
    mpipe_pipeline_reset(mr->output);
    return e;
}

static enum mpipe_err run_output(struct mpipe_mapreduce *mr)
{
    unsigned n_workers = mr->shuffle.n_workers;
    enum mpipe_err e = MPIPE_OK;

    mr->from = &mr->shuffle;
    for (uint32_t gather = FAN; is_fold(mr) && e == MPIPE_OK
         && n_workers > gather; gather *= FAN)
        e = run_level(mr, mr->from == &mr->shuffle ? &mr->gathered
                                                   : &mr->shuffle, gather);
    if (e != MPIPE_OK)
        return e;
    describe_output(mr);
    e = mpipe_pipeline_run(mr->output);
    if (goes_on(e) && mr->next != NULL && !mpipe__told_end(&mr->told))
        mpipe__error(&mr->next->shuffle.error, 0, MPIPE_EDEAD, "not the same "
                     "keys of job '%s' failed as before a rank died: its "
                     "functions must do the same for the same key", mr->name);
    return e;
}

/* ---- what was lost with dead ranks ---- */

/* What was fed once more, for the partitions that are lost. */
static enum mpipe_err feed_again(struct mpipe_mapreduce *mr)
{
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mr->mp);
    struct mpipe__flow_spec *spec = mpipe__pipeline_spec(pl);
    char name[80];
    enum mpipe_err e;

    snprintf(name, sizeof name, "%s.again", mr->name);
    mpipe_pipeline_name(pl, name);
    mpipe_pipeline_source(pl, mpipe__refill_source, &mr->kept);
    mpipe_pipeline_count(pl, mr->kept.items);
    if (spec != NULL) {
        mpipe_pipeline_add(pl, &mpipe__pipeline_spec(mr->input)->stage[0]);
        spec->shuffle = &mr->shuffle;
        spec->refills = true;
    }
    mpipe__kept_rewind(&mr->kept);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return e;
}

/* All that there is of a job's partitions is of no use. */
static void lose_all(struct mpipe_mapreduce *mr)
{
    if (!is_fold(mr)) {
        mpipe__owners_lose(mr->shuffle.owner, mr->shuffle.n_owners);
        return;
    }
    forget(&mr->gathered);
    forget(&mr->shuffle);
    describe_shuffle(mr);
    free(mr->acc);
    mr->acc = NULL;
    mr->acc_size = 0;
}

/* The output of job 'mr' has ended early: have what it needs computed again.  Jobs
 * before it have forgotten their partitions as they went through them, so they
 * begin anew. */
static enum mpipe_err refill(struct mpipe_mapreduce *mr)
{
    struct mpipe_counts counts;

    mpipe_pipeline_counts(mr->output, &counts);
    if (resumes(mr))
        mr->n_failed += counts.failed;
    else
        lose_all(mr);
    for (struct mpipe_mapreduce *m = mr->first; m != mr; m = m->next)
        lose_all(m);
    for (struct mpipe_mapreduce *m = mr->first; m != mr->next; m = m->next) {
        mpipe_pipeline_reset(m->output);
        m->again = true;
    }
    return feed_again(mr->first);
}

static enum mpipe_err end_fold(struct mpipe_mapreduce *mr)
{
    const struct mpipe_item result = { mr->acc, mr->acc_size };
    struct mpipe_error err = { MPIPE_OK, 0, "" };
    enum mpipe_err e;

    if (!is_fold(mr) || mr->acc == NULL || mr->job.done == NULL)
        return MPIPE_OK;
    e = mr->job.done(&result, mr->job.arg);
    if (e >= MPIPE_OK)
        return MPIPE_OK;
    mpipe__error(&err, 0, e, "the done function of job '%s' failed: %s",
                 mr->name, mpipe_strerror(e));
    mpipe__session_error(mr->mp, &err);
    return e;
}

/* It has ended, in whichever way. */
static void clean_up(struct mpipe_mapreduce *mr, enum mpipe_err e)
{
    mpipe__job_journal_close(&mr->first->journal, e != MPIPE_EDEAD);
    mpipe__job_journal_close(&last_of(mr)->journal, e != MPIPE_EDEAD);
    for (struct mpipe_mapreduce *m = mr->first; m != NULL; m = m->next) {
        forget(&m->shuffle);
        forget(&m->gathered);
        if (m->job.parts != NULL && e != MPIPE_EDEAD
            && (m->mp->engine.n_dead > 0 || journals(m)) && mpipe_rank(m->mp) == 0)
            mpipe__part_folder_tidy(m->job.parts);
    }
}

enum mpipe_err mpipe_mapreduce_run(struct mpipe_mapreduce *mr)
{
    enum mpipe_err e, reduced;

    if (mr->none)
        return mpipe_pipeline_run(mr->input);
    e = run_input(mr);
    while (goes_on(e) && mr->shuffle.n_workers > 0) {
        reduced = run_output(mr);
        if (reduced == MPIPE_AGAIN) {
            reduced = refill(mr);
            mr = mr->first;
            e = reduced != MPIPE_OK ? reduced : e;
            continue;
        }
        e = reduced != MPIPE_OK ? reduced : e;
        if (mr->next == NULL)
            break;
        mr = mr->next;
    }
    clean_up(mr, e);
    if (!goes_on(e))
        return e;
    reduced = end_fold(mr);
    return reduced != MPIPE_OK ? reduced : e;
}

enum mpipe_err mpipe_map_reduce(struct mpipe *mp, const struct mpipe_job *job)
{
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(mp, job);
    enum mpipe_err e = mpipe_mapreduce_run(mr);

    mpipe_mapreduce_free(mr);
    return e;
}
