/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of interval.c: rows, and random sets against a list of flags. */
#include <stdio.h>
#include <string.h>
#include "interval.h"
#include "suite.h"
#include "world.h"

#define ITEMS 64u

/* Pairs of first and end, added in turn; '!': that one is refused. */
static const struct {
    const char *add, *set;
} rows[] = {
    { "", "" },
    { "0-1", "0-1" },
    { "5-9 0-5", "0-9" },
    { "0-5 5-9", "0-9" },
    { "0-5 6-9", "0-5 6-9" },
    { "0-5 6-9 5-6", "0-9" },
    { "0-1 2-3 4-5 3-4", "0-1 2-5" },
    { "8-9 4-5 0-1", "0-1 4-5 8-9" },
    { "0-5 !4-6", "0-5" },
    { "4-6 !0-5", "4-6" },
    { "4-6 !4-6", "4-6" },
    { "4-6 !5-6", "4-6" },
    { "4-6 !0-9", "4-6" },
    { "!3-3", "" },
    { "!4-3", "" },
};

static void show(const struct mpipe__intervals *set, char *to, size_t size)
{
    size_t n = 0;

    to[0] = '\0';
    for (size_t i = 0; i < set->n; i++)
        n += (size_t)snprintf(to + n, size - n, "%s%u-%u", i > 0 ? " " : "",
                              (unsigned)set->list[i].first,
                              (unsigned)set->list[i].end);
}

static void added(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mpipe__intervals set = { NULL, 0, 0 };
        char words[100], text[200];

        snprintf(words, sizeof words, "%s", rows[i].add);
        for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " ")) {
            unsigned first, end;
            struct mpipe__interval more;

            CU_ASSERT_EQUAL(sscanf(w + (*w == '!'), "%u-%u", &first, &end), 2);
            more = (struct mpipe__interval){ first, end, 1 };
            CU_ASSERT_EQUAL(mpipe__intervals_add(&set, &more),
                            *w == '!' ? MPIPE_EINVAL : MPIPE_OK);
        }
        show(&set, text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, rows[i].set);
        mpipe__intervals_free(&set);
    }
}

/* The set is what the flags say, and its digests are the sums. */
static bool agrees(const struct mpipe__intervals *set, const bool *in)
{
    for (uint64_t at = 0; at <= ITEMS; at++) {
        const struct mpipe__interval *found = mpipe__intervals_from(set, at);
        uint64_t first = at, end, sum = 0;

        while (first < ITEMS && !in[first])
            first++;
        if (first == ITEMS && found == NULL)
            continue;
        if (found == NULL || first == ITEMS)
            return false;
        for (end = first; end < ITEMS && in[end]; end++)
            continue;
        while (first > 0 && in[first - 1])
            first--;
        for (uint64_t i = first; i < end; i++)
            sum += mpipe__interval_digest(i, &i, sizeof i);
        if (found->first != first || found->end != end || found->digest != sum)
            return false;
    }
    return true;
}

static void random_sets(void)
{
    uint64_t random = 7;
    unsigned n_wrong = 0, n_refused = 0;

    for (unsigned round = 0; round < 300; round++) {
        struct mpipe__intervals set = { NULL, 0, 0 };
        bool in[ITEMS] = { false };

        for (unsigned k = 0; k < 40; k++) {
            struct mpipe__interval more = { .digest = 0 };
            bool free = true;

            more.first = mpipe__random_to(&random, ITEMS);
            more.end = more.first + 1
                       + mpipe__random_to(&random, ITEMS - more.first) / 8;
            for (uint64_t i = more.first; i < more.end; i++) {
                free = free && !in[i];
                more.digest += mpipe__interval_digest(i, &i, sizeof i);
            }
            n_wrong += (mpipe__intervals_add(&set, &more) == MPIPE_OK) != free;
            for (uint64_t i = more.first; free && i < more.end; i++)
                in[i] = true;
            n_refused += !free;
            n_wrong += !agrees(&set, in);
        }
        mpipe__intervals_free(&set);
    }
    CU_ASSERT_EQUAL(n_wrong, 0);
    CU_ASSERT(n_refused > 0);
}

static void digests(void)
{
    uint64_t a = 1, b = 2;

    CU_ASSERT(mpipe__interval_digest(0, &a, 8) != mpipe__interval_digest(1, &a, 8));
    CU_ASSERT(mpipe__interval_digest(0, &a, 8) != mpipe__interval_digest(0, &b, 8));
    CU_ASSERT(mpipe__interval_digest(0, "", 0) != mpipe__interval_digest(1, "", 0));
    /* two items that have changed places */
    CU_ASSERT(mpipe__interval_digest(0, &a, 8) + mpipe__interval_digest(1, &b, 8)
              != mpipe__interval_digest(0, &b, 8)
                 + mpipe__interval_digest(1, &a, 8));
}

static const struct mpipe__test tests[] = {
    { "intervals that touch become one", added },
    { "random sets are what was added, with the sums of digests", random_sets },
    { "a digest is of the bytes and the number", digests },
    { NULL, NULL }
};

const struct mpipe__suite suite_interval = { "interval", tests };
