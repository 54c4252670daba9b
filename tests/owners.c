/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of owners.c: rows of partitions before and after.
 *
 * A partition is its owner's rank and its state: '-' lost, '?' being filled, '+'
 * full, '!' done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "link.h"
#include "owners.h"
#include "suite.h"
#include "world.h"

#define MOST 64
static const char letters[] = "-?+!";

static uint32_t read_row(const char *text, struct mpipe__owner *owner)
{
    uint32_t n = 0;

    for (const char *at = text; *at != '\0'; n++) {
        char *end;

        owner[n].rank = (uint32_t)strtoul(at, &end, 10);
        owner[n].state = (uint32_t)(strchr(letters, *end) - letters);
        at = end + 1 + (end[1] == ' ');
    }
    return n;
}

static void write_row(const struct mpipe__owner *owner, uint32_t n, char *to)
{
    *to = '\0';
    for (uint32_t p = 0; p < n; p++)
        to += sprintf(to, "%s%u%c", p > 0 ? " " : "", owner[p].rank,
                      letters[owner[p].state]);
}

static void given(void)
{
    static const struct {
        const char *before, *after;
        uint32_t worker[4];
        unsigned n;
    } rows[] = {
        /* all are lost: in turns */
        { "0- 0- 0- 0- 0-", "1? 2? 3? 1? 2?", { 1, 2, 3 }, 3 },
        { "0- 0-", "3? 1?", { 3, 1, 2 }, 3 },
        { "0- 0-", "0? 0?", { 0 }, 1 },
        { "", "", { 1 }, 1 },
        /* to who has least */
        { "1+ 2- 3+ 4+", "1+ 1? 3+ 4+", { 1, 3, 4 }, 3 },
        { "1+ 1+ 2- 3+ 3+ 2-", "1+ 1+ 1? 3+ 3+ 3?", { 1, 3 }, 2 },
        { "1+ 1+ 2- 3+ 3- 2-", "1+ 1+ 3? 3+ 1? 3?", { 1, 3 }, 2 },
        { "1+ 1? 2- 2-", "1+ 1? 3? 3?", { 1, 3 }, 2 },
        { "1+ 2- 2-", "1+ 4? 1?", { 1, 4 }, 2 },
        /* what is done weighs nothing, and is not given away */
        { "1! 1! 2+ 3-", "1! 1! 2+ 1?", { 1, 2 }, 2 },
        { "3! 3! 3-", "3! 3! 1?", { 1, 2 }, 2 },
        /* nor does what is lost count for its owner that was */
        { "1- 1- 2+", "1? 1? 2+", { 1, 2 }, 2 },
    };
    struct mpipe__owner owner[MOST];
    char text[MOST * 8];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t n = read_row(rows[i].before, owner);

        CU_ASSERT_EQUAL(mpipe__owners_assign(owner, n, rows[i].worker,
                                             rows[i].n), MPIPE_OK);
        write_row(owner, n, text);
        if (strcmp(text, rows[i].after) != 0)
            fprintf(stderr, "owners: %s: %s, not %s\n", rows[i].before, text,
                    rows[i].after);
        CU_ASSERT_STRING_EQUAL(text, rows[i].after);
    }
}

static void mourned(void)
{
    static const struct {
        const char *before, *after;
        bool dead[5];
        uint32_t lost;
    } rows[] = {
        { "1+ 2? 3! 4+", "1+ 2? 3! 4+", { false }, 0 },
        { "1+ 2? 3! 4+", "1- 2? 3! 4+", { false, true }, 1 },
        { "1+ 2? 3! 4+", "1+ 2- 3! 4-", { false, false, true, true, true },
          2 },
        { "1- 2+", "1- 2+", { false }, 1 },
    };
    struct mpipe__owner owner[MOST];
    char text[MOST * 8];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t n = read_row(rows[i].before, owner);

        CU_ASSERT_EQUAL(mpipe__owners_mourn(owner, n, rows[i].dead),
                        rows[i].lost);
        write_row(owner, n, text);
        CU_ASSERT_STRING_EQUAL(text, rows[i].after);
        CU_ASSERT_EQUAL(mpipe__owners_mourn(owner, n, NULL), rows[i].lost);
    }
}

static void ended(void)
{
    struct mpipe__owner owner[MOST];
    char text[MOST * 8];
    uint32_t n = read_row("1- 2? 3+ 4!", owner);

    mpipe__owners_filled(owner, n, true);
    write_row(owner, n, text);
    CU_ASSERT_STRING_EQUAL(text, "1- 2+ 3+ 4!");
    n = read_row("1- 2? 3+ 4!", owner);
    mpipe__owners_filled(owner, n, false);
    write_row(owner, n, text);
    CU_ASSERT_STRING_EQUAL(text, "1- 2- 3+ 4!");
    mpipe__owners_lose(owner, n);
    write_row(owner, n, text);
    CU_ASSERT_STRING_EQUAL(text, "1- 2- 3- 4-");
}

/* Workers die one after another: nobody has two more than another one, but where
 * what they have had from before makes it so; and who lives keeps what it has. */
static void random_deaths(void)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t s = seed;
        struct mpipe__owner owner[MOST] = { { 0, 0 } }, before[MOST];
        bool dead[MOST] = { false };
        uint32_t n = (uint32_t)mpipe__random_to(&s, MOST), worker[16];
        unsigned live = 1 + (unsigned)mpipe__random_to(&s, 16);

        for (unsigned w = 0; w < live; w++)
            worker[w] = w + 1;
        while (live > 0) {
            unsigned least = MOST, most = 0, gone;

            memcpy(before, owner, sizeof before);
            mpipe__owners_mourn(owner, n, dead);
            CU_ASSERT(mpipe__owners_assign(owner, n, worker, live)
                      == MPIPE_OK);
            mpipe__owners_filled(owner, n, true);
            for (uint32_t p = 0; p < n; p++) {
                CU_ASSERT(!dead[owner[p].rank]);
                CU_ASSERT(before[p].state != MPIPE__PART_FULL
                          || dead[before[p].rank]
                          || before[p].rank == owner[p].rank);
            }
            for (unsigned w = 0; w < live; w++) {
                unsigned has = 0;
                for (uint32_t p = 0; p < n; p++)
                    has += owner[p].rank == worker[w];
                least = has < least ? has : least;
                most = has > most ? has : most;
            }
            CU_ASSERT(n == 0 || most - least <= 1);
            gone = (unsigned)mpipe__random_to(&s, live);
            dead[worker[gone]] = true;
            worker[gone] = worker[--live];
        }
    }
}

static const struct mpipe__test tests[] = {
    { "what is lost is given to who has least", given },
    { "what the dead had is lost, unless it is done", mourned },
    { "what was being filled is full, or lost", ended },
    { "whoever dies, all others have about as many", random_deaths },
    { NULL, NULL }
};

const struct mpipe__suite suite_owners = { "owners", tests };
