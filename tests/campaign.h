/* SPDX-License-Identifier: BSD-3-Clause */
/* campaign.h - what the parts of the fault campaign share: one run of a job. */
#ifndef MPIPE_TESTS_CAMPAIGN_H
#define MPIPE_TESTS_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>
#include "campaign_case.h"

struct campaign_settings {
    const char *mpipe, *job;    /* programs */
    bool journal;               /* jobs are resumed, not begun anew */
    bool survives;              /* map-reduce jobs do */
    bool slow;                  /* in each job a rank is slow */
    bool keep;                  /* the folders of runs */
    bool stacks;                /* of ranks that hang, by gdb */
    unsigned limit_s;           /* for one start */
};

struct campaign_run {
    const struct campaign_settings *settings;
    struct campaign_case *c;
    struct campaign_expected *x;
    struct campaign_page *page;
    char folder[200];
    bool done[CAMPAIGN_DEATHS_MOST];    /* that death has come */
    int code;                   /* of the last start */
    unsigned killed;            /* ranks but 0 */
    unsigned killed_0, killed_launcher, stops, starts;

    /* What judging finds. */
    unsigned n_wrong;
    uint64_t lost, duplicated, blamed, poisoned;
    uint64_t roots_again, items_again, results;
    uint64_t copies, copies_won, left;  /* late frames; ranks left behind */
    double longest;             /* seconds without results after a death */
    bool launcher_hung;         /* after all ranks had ended */
    bool ended_early;           /* a map-reduce job, as it has to */
};

/* One thing that is not as it should be. */
void campaign_wrong(struct campaign_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Start the job, kill whom the case says, wait for the end. */
void campaign_run_start(struct campaign_run *run);
void campaign_run_remove(struct campaign_run *run);

/* Compare what it has written with what it should have. */
void campaign_judge(struct campaign_run *run);

#endif
