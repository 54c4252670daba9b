/* SPDX-License-Identifier: BSD-3-Clause */
/* summary.c - add up what the ranks have counted.
 *
 * Each rank's numbers arrive with its farewell.  A stage's waiting time is
 * that of its ranks, shared out by how many stages each of them serves.
 */
#include <stdlib.h>
#include "clock.h"
#include "master.h"
#include "report.h"
#include "resume.h"
#include "summary.h"

static void add(struct mpipe__stage_stats *to,
                const struct mpipe__stage_stats *s)
{
    to->in += s->in;
    to->out += s->out;
    to->made += s->made;
    to->dropped += s->dropped;
    to->failed += s->failed;
    to->retried += s->retried;
    to->bytes_in += s->bytes_in;
    to->bytes_out += s->bytes_out;
    to->frames += s->frames;
    to->busy_ns += s->busy_ns;
}

static void fill_stage(const struct mpipe__flow *flow, unsigned s, unsigned n,
                       struct mpipe__report_stage *row)
{
    row->name = flow->spec->stage[s].name;
    for (unsigned r = 0; r < n; r++) {
        const struct mpipe__member *member = &flow->master->member[r];
        const struct mpipe__role *role = &member->role;
        unsigned shares;

        add(&row->sum, &member->stage[s]);
        if (!role->serves || s < role->first || s > role->last)
            continue;
        shares = role->last - role->first + 1;
        row->ranks++;
        row->rank_ns += member->stats.wall_ns;
        row->waiting_ns += (member->stats.waiting_ns
                            + member->stats.blocked_ns) / shares;
    }
}

static void fill_rank(const struct mpipe__flow *flow, unsigned r,
                      struct mpipe__report_rank *row)
{
    const struct mpipe__member *member = &flow->master->member[r];

    row->rank = (int)r;
    row->host = flow->engine->machine->at[r].host;
    row->first = member->role.serves ? (int)member->role.first : -1;
    row->last = member->role.serves ? (int)member->role.last : -1;
    row->stats = member->stats;
    row->died_ns = member->died;
    row->cause = member->cause;
}

/* The partitions that this flow fills, or goes through. */
static void fill_shuffle(const struct mpipe__flow *flow,
                         struct mpipe__report *report)
{
    const struct mpipe__shuffle *sh = flow->spec->shuffle;
    struct mpipe__report_shuffle *to = &report->shuffle;

    if (flow->spec->reduces != NULL) {
        sh = flow->spec->reduces;
        report->reduces = true;
        report->heavy = flow->master->heavy;
    }
    if (sh == NULL || sh->info == NULL)
        return;
    to->n_parts = sh->n_parts;
    to->largest_rank = -1;
    if (flow->error.code == MPIPE_AGAIN && flow->spec->reduces->owner != NULL)
        for (uint32_t p = 0; p < flow->spec->reduces->n_owners; p++)
            report->n_lost += flow->spec->reduces->owner[p].state
                              == MPIPE__PART_LOST;
    for (uint32_t p = 0; p < sh->n_parts; p++) {
        to->pairs += sh->info[p].pairs;
        if (sh->info[p].pairs <= to->largest && p > 0)
            continue;
        to->largest = sh->info[p].pairs;
        to->largest_part = p;
        to->largest_rank = (int)sh->info[p].rank;
    }
}

/* In one piece: in a file that takes stdout as well, as a batch system's does, nothing
 * comes between.  stderr: nobody to tell if that fails. */
static void print_report(const struct mpipe__report *report, FILE *to)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);

    if (memory == NULL) {
        mpipe__report_print(report, to);
        return;
    }
    mpipe__report_print(report, memory);
    if (fclose(memory) == 0)
        fwrite(text, 1, size, to);
    fflush(to);
    free(text);
}

enum mpipe_err mpipe__summary_write(const struct mpipe__flow *flow,
                                    const char *program, FILE *text,
                                    FILE *json)
{
    const struct mpipe__master *m = flow->master;
    unsigned n = (unsigned)flow->engine->transport->size;
    struct mpipe__report_stage *stages;
    struct mpipe__report_rank *ranks;
    struct mpipe__report report = {
        .name = flow->spec->name, .program = program,
        .wall = (double)(mpipe__now() - flow->started) * 1e-9,
        .counts = m->counts, .bytes_fed = m->feeder.bytes,
        .bytes_delivered = m->bytes_delivered,
        .n_stages = flow->spec->n_stages, .n_ranks = n,
        .recovery = m->recovery,
        .n_backups = m->backups.made, .n_backups_won = m->backups.won,
        .resumed = m->resume != NULL ? m->resume->passed : 0,
        .resumed_keys = m->resume != NULL ? m->resume->keys : 0,
        .refilled = m->refilled, .n_refilled = m->n_refilled
    };
    enum mpipe_err e = MPIPE_ENOMEM;

    stages = calloc(flow->spec->n_stages + 1, sizeof *stages);
    ranks = calloc(n, sizeof *ranks);
    report.stages = stages;
    report.ranks = ranks;
    if (stages != NULL && ranks != NULL) {
        for (unsigned s = 0; s < flow->spec->n_stages; s++)
            fill_stage(flow, s, n, &stages[s]);
        fill_shuffle(flow, &report);
        for (unsigned r = 0; r < n; r++)
            fill_rank(flow, r, &ranks[r]);
        e = MPIPE_OK;
        if (text != NULL)
            print_report(&report, text);
        if (flow->error.code != MPIPE_AGAIN)
            report.error = &flow->error;    /* who reads the text is told */
        if (json != NULL)
            e = mpipe__report_json(&report, json);
    }
    free(stages);
    free(ranks);
    return e;
}
