/* SPDX-License-Identifier: BSD-3-Clause */
/* campaign_case.h - a random job of the fault campaign, and what must come of it.
 *
 * The campaign draws it, and hands it to the ranks of the job on a page that they
 * all share.  Items are those of model.h, each behind the number of its root: the
 * item fed that it comes from.
 */
#ifndef MPIPE_TESTS_CAMPAIGN_CASE_H
#define MPIPE_TESTS_CAMPAIGN_CASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "model.h"

#define CAMPAIGN_RANKS_MOST  16
#define CAMPAIGN_DEATHS_MOST 16
#define CAMPAIGN_POISONS     2
#define CAMPAIGN_TRIES       65536u

enum campaign_kind { CAMPAIGN_PIPELINE, CAMPAIGN_KEYED, CAMPAIGN_FOLD };

enum campaign_source {
    CAMPAIGN_PUSHED, CAMPAIGN_PULLED,
    /* From here on a first stage makes the items. */
    CAMPAIGN_RANGE, CAMPAIGN_RANGES, CAMPAIGN_LINES, CAMPAIGN_SOURCES
};

enum campaign_when {
    CAMPAIGN_AT_TIME,           /* ms after all ranks were up */
    CAMPAIGN_AT_PROGRESS,       /* the stages were called so often */
    CAMPAIGN_AT_CALL,           /* at that call, by the rank itself */
    CAMPAIGN_AT_END             /* us after a rank came to mpipe_finalize() */
};

enum campaign_victim {
    CAMPAIGN_A_RANK,            /* any but 0 */
    CAMPAIGN_RANK_0, CAMPAIGN_LAUNCHER, CAMPAIGN_STOP
};

enum campaign_how {
    CAMPAIGN_KILL, CAMPAIGN_SEGV, CAMPAIGN_ABORT, CAMPAIGN_EXIT, CAMPAIGN_HOWS
};

struct campaign_death {
    enum campaign_when when;
    enum campaign_victim victim;
    enum campaign_how how;
    uint64_t at;
    unsigned together;          /* so many at once */
};

struct campaign_job {           /* a map-reduce job */
    uint32_t keys, partitions;
    unsigned most;              /* pairs that an item makes */
    unsigned fails_one_in;      /* 0: none */
    bool combines, reduces, parts, ordered;
    unsigned sort;              /* enum mpipe_sort */
};

struct campaign_case {
    uint64_t number, random;
    enum campaign_kind kind;
    bool restarts;              /* rank 0 and the launcher die too, */
    bool stops;                 /* or are told to stop */
    unsigned ranks, max_retries, rounds;
    char options[300];
    uint64_t n_items, n_roots;
    unsigned per_root;
    enum campaign_source source;
    struct mpipe__step step[MPIPE__STEPS_MAX];
    unsigned n_steps;
    bool fixed, ordered, counted, file_sink;
    uint64_t poison[CAMPAIGN_POISONS];  /* roots; UINT64_MAX: none */
    unsigned poison_step;
    uint64_t takes_ns;          /* map, for an item at most */
    struct campaign_job job;
    struct campaign_death death[CAMPAIGN_DEATHS_MOST];
    unsigned n_deaths;
    /* A rank that is slow: that sleeps in some of its calls, from one on; none: 0. */
    unsigned slow_rank, slow_after, slow_calls;
    uint64_t slow_ns;
};

/* What the ranks and the campaign share while it runs. */
struct campaign_page {
    struct campaign_case job;
    _Atomic int pid[CAMPAIGN_RANKS_MOST];
    _Atomic unsigned n_up;      /* ranks that have left mpipe_init() */
    _Atomic unsigned n_down;    /* those that have come to mpipe_finalize() */
    _Atomic uint64_t calls;     /* of stages, and of map */
    _Atomic uint64_t die_at[CAMPAIGN_DEATHS_MOST];  /* call; 0: never */
    _Atomic unsigned die_how[CAMPAIGN_DEATHS_MOST];
    _Atomic unsigned n_own;     /* ranks that died by themselves, */
    _Atomic unsigned n_poison;  /* over poison, */
    _Atomic unsigned spared;    /* and poison that rank 0 has swallowed */
    _Atomic unsigned n_wrong;
    char wrong[200];            /* the first of them */
    _Atomic unsigned tries[CAMPAIGN_TRIES];
};

/* What must come out; sizes of 'first' are n_roots + 1. */
struct campaign_expected {
    struct mpipe__reference ref;
    size_t *first_result, *first_failure;   /* of each root */
    bool *poisoned;             /* this root kills */
    uint64_t calls, bytes;
    bool *blamed;               /* map-reduce: items that do not count */
    char **line;                /* and what comes instead of results */
    size_t n_lines, lines_capacity;
};

/* 'mapreduce': are there any?  'only': is nothing else?  'restarts': for a job that is run again until it
 * is done; 'stops': and can be stopped. */
void campaign_case_draw(struct campaign_case *c, uint64_t number,
                        bool mapreduce, bool only, bool restarts, bool stops);
/* Also draws what depends on it: how long items take, the deaths, and who is slow
 * ('slow': somebody is). */
void campaign_case_expect(struct campaign_case *c,
                          struct campaign_expected *expected, bool slow);
/* The lines of a map-reduce job, which depend on who was blamed. */
void campaign_case_lines(const struct campaign_case *c,
                         struct campaign_expected *expected);
void campaign_expected_free(struct campaign_expected *expected);
void campaign_case_show(const struct campaign_case *c);

bool campaign_case_poison(const struct campaign_case *c, unsigned step,
                          uint64_t root);
/* Items first ... last of a root. */
void campaign_case_root(const struct campaign_case *c, uint64_t root,
                        uint64_t *first, uint64_t *last);

/* ---- map-reduce ---- */

#define CAMPAIGN_KEY_MOST 40

bool campaign_map_fails(const struct campaign_case *c, uint64_t item);
unsigned campaign_map_pairs(const struct campaign_case *c, uint64_t item);
/* Returns the size of the key, which is text; 'value' has 2 numbers. */
size_t campaign_map_pair(const struct campaign_case *c, uint64_t item,
                         unsigned n, char key[CAMPAIGN_KEY_MOST],
                         uint64_t value[2]);
void campaign_fold_item(const struct campaign_case *c, uint64_t item,
                        uint64_t matrix[4]);
void campaign_fold(const struct campaign_case *c, uint64_t acc[4],
                   const uint64_t value[4]);
/* Values of a key, one after another, from 0. */
uint64_t campaign_digest(uint64_t so_far, const void *value, size_t size);

#endif
