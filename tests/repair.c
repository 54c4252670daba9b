/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of repair.c: rows of roles before and after a death.
 *
 * A role is the letters of its stages; '.' is none, 'x' a dead rank.  Random
 * plans lose their ranks one after another: each stage keeps ranks, and roles
 * still make a route.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "repair.h"
#include "route.h"
#include "suite.h"
#include "world.h"

#define MOST 24

static const struct {
    const char *before, *dead, *after, *machine;
    double work[4];
    unsigned n_stages;
} rows[] = {
    /* somebody else serves it */
    { ". a a", "1", ". x a", "node:1 core:8", { 1 }, 1 },
    { ". a b b", "2", ". a x b", "node:1 core:8", { 1, 1 }, 2 },
    /* a spare, the nearest one */
    { ". a b .", "1", ". x b a", "node:1 core:8", { 1, 1 }, 2 },
    { ". a a b . .", "2", ". a x b a .", "node:1 core:8", { 1, 1 }, 2 },
    { ". . b a b .", "3", ". . b x b a", "node:2 core:3", { 1, 1 }, 2 },
    { ". a b . . .", "1 2", ". x x a b .", "node:1 core:8", { 1, 1 }, 2 },
    /* nobody serves it: from where it costs least */
    { ". a b b", "1", ". x a b", "node:1 core:8", { 1, 1 }, 2 },
    { ". a a a b c c", "4", ". b a a x c c", "node:1 core:8",
      { 1, 1, 1 }, 3 },
    { ". a a a b c c", "4", ". a a a x b c", "node:1 core:8",
      { 9, 1, 1 }, 3 },
    /* each stage has but one: to the less busy neighbour */
    { ". a b c", "2", ". ab x c", "node:1 core:8", { 1, 1, 2 }, 3 },
    { ". a b c", "2", ". a x bc", "node:1 core:8", { 2, 1, 1 }, 3 },
    { ". a b c", "1", ". x ab c", "node:1 core:8", { 1, 1, 1 }, 3 },
    { ". a b c d", "2 3", ". abc x x d", "node:1 core:8", { 1, 1, 1, 9 }, 4 },
    { ". ab cd", "1", ". x abcd", "node:1 core:8", { 1, 1, 1, 1 }, 4 },
    /* what has lost much gets one from elsewhere */
    { ". a a a b b b b", "1 2", ". x x a a b b b", "node:1 core:8",
      { 1, 1 }, 2 },
    { ". a a a b b b b", "1", ". x a a a b b b", "node:1 core:8",
      { 1, 1 }, 2 },
    { ". a a a b b b", "1", ". x a a b b b", "node:1 core:8", { 1, 1 }, 2 },
    /* rank 0 alone */
    { ". a b", "1 2", "abc x x", "node:1 core:8", { 1, 1, 1 }, 3 },
    { ". . a", "1 2", "a x x", "node:1 core:8", { 1 }, 1 },
    /* one that had no role */
    { ". a b .", "3", ". a b x", "node:1 core:8", { 1, 1 }, 2 },
};

static unsigned read_roles(const char *text, struct mpipe__role *role)
{
    unsigned n = 0;

    memset(role, 0, MOST * sizeof *role);
    for (const char *at = text; *at != '\0'; n++) {
        size_t size = strcspn(at, " ");
        if (*at != '.' && *at != 'x')
            role[n] = (struct mpipe__role){ true, (unsigned)(at[0] - 'a'),
                                            (unsigned)(at[size - 1] - 'a') };
        at += size + (at[size] == ' ');
    }
    return n;
}

static void write_roles(const struct mpipe__role *role, const bool *dead,
                        unsigned n, char *to)
{
    for (unsigned r = 0; r < n; r++) {
        if (r > 0)
            *to++ = ' ';
        if (dead[r])
            *to++ = 'x';
        else if (!role[r].serves)
            *to++ = '.';
        for (unsigned s = role[r].first; role[r].serves && s <= role[r].last;
             s++)
            *to++ = (char)('a' + s);
    }
    *to = '\0';
}

static void repairs(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mpipe__role role[MOST];
        bool dead[MOST] = { false };
        unsigned n = read_roles(rows[i].before, role);
        struct mpipe_machine *m = mpipe_machine_synthetic(rows[i].machine, n,
                                                          NULL);
        char after[200], words[40];

        snprintf(words, sizeof words, "%s", rows[i].dead);
        for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " "))
            dead[atoi(w)] = true;
        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(mpipe__repair(role, dead, rows[i].work,
                                      rows[i].n_stages, m), MPIPE_OK);
        write_roles(role, dead, n, after);
        CU_ASSERT_STRING_EQUAL(after, rows[i].after);
        if (strcmp(after, rows[i].after) != 0)
            fprintf(stderr, "repair: '%s' less %s gave '%s'\n",
                    rows[i].before, rows[i].dead, after);
        mpipe_machine_free(m);
    }
}

/* A plan, and death after death until rank 0 is alone. */
static void all_die(uint64_t seed)
{
    uint64_t random = seed;
    unsigned n_ranks = 1 + (unsigned)mpipe__random_to(&random, MOST);
    unsigned n_stages = 1 + (unsigned)mpipe__random_to(&random, 6);
    struct mpipe_stage stage[6] = { { .name = NULL } };
    struct mpipe_machine *m = mpipe_machine_synthetic("node:3 core:4",
                                                      n_ranks, NULL);
    struct mpipe_plan *plan;
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    bool dead[MOST] = { false };
    unsigned left = n_ranks - 1;

    for (unsigned s = 0; s < n_stages; s++) {
        stage[s].name = "s";
        stage[s].work = 0.1 + (double)mpipe__random_to(&random, 40);
    }
    plan = mpipe_plan_new(m, stage, n_stages, MPIPE_POLICY_TOPOLOGY,
                          (unsigned)mpipe__random_to(&random, 3), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
    while (left > 0) {
        struct mpipe__route *route;

        for (unsigned k = 1 + (unsigned)mpipe__random_to(&random, 3);
             k > 0 && left > 0; k--) {
            unsigned r = 1 + (unsigned)mpipe__random_to(&random, n_ranks - 1);
            left -= !dead[r];
            dead[r] = true;
        }
        CU_ASSERT_EQUAL(mpipe__repair(plan->role, dead, plan->stage_work,
                                      n_stages, m), MPIPE_OK);
        for (unsigned r = 0; r < n_ranks; r++)
            CU_ASSERT(!dead[r] || !plan->role[r].serves);
        route = mpipe__route_new(plan->role, n_ranks, n_stages, m,
                                 MPIPE__ROUTE_DEGREE, NULL, &err);
        CU_ASSERT_PTR_NOT_NULL(route);
        if (route == NULL) {
            fprintf(stderr, "repair: seed %llu: %s\n",
                    (unsigned long long)seed, err.text);
            break;
        }
        mpipe__route_free(route);
    }
    mpipe_plan_free(plan);
    mpipe_machine_free(m);
}

static void one_after_another(void)
{
    for (uint64_t seed = 1; seed <= 2000; seed++)
        all_die(seed);
}

static const struct mpipe__test tests[] = {
    { "roles before and after", repairs },
    { "ranks die one after another", one_after_another },
    { NULL, NULL }
};

const struct mpipe__suite suite_repair = { "repair", tests };
