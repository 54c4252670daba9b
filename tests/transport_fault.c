/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of transport_fault.c: without faults it is not there, with them each
 * does what its plan says, and the words of a plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "conformance.h"
#include "suite.h"
#include "transport_fault.h"
#include "transport_loop.h"

/* ---- conformance ---- */

struct faulty {
    struct mpipe__fault_plan plan;
    struct mpipe__loop_world *world;
};

static bool open_faulty(void *arg, int size, struct mpipe__transport **rank)
{
    struct faulty *faulty = arg;
    int r;
    faulty->world = mpipe__loop_new(size);
    if (faulty->world == NULL)
        return false;
    for (r = 0; r < size; r++) {
        rank[r] = mpipe__fault_new(mpipe__loop_transport(faulty->world, r),
                                   &faulty->plan);
        if (rank[r] == NULL)
            return false;
    }
    return true;
}

static void close_faulty(void *arg)
{
    struct faulty *faulty = arg;
    mpipe__loop_free(faulty->world);
}

/* Plans that break nothing that a transport promises. */
static const struct {
    const char *name;
    struct mpipe__fault_plan plan;
} harmless[] = {
    { "no faults over loop", { .seed = 1 } },
    { "half delayed by 3 polls over loop",
      { .seed = 2, .delay_ppm = 500000, .delay_polls = 3 } },
    { "all delayed by 1 poll over loop",
      { .seed = 3, .delay_ppm = 1000000, .delay_polls = 1 } },
    { "some delayed by 50 polls over loop",
      { .seed = 4, .delay_ppm = 20000, .delay_polls = 50 } },
    { "faults of another rank over loop",
      { .drop_ppm = 1000000, .duplicate_ppm = 1000000, .kill_nth = 1,
        .rank_mask = UINT64_C(1) << 63 } }
};

static void conforms(void)
{
    static const int sizes[] = { 1, 2, 3, 4, 7 };
    size_t i, k;
    int n_failed;

    for (i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        struct faulty faulty = { harmless[i].plan, NULL };
        const struct mpipe__conformance_host host = {
            harmless[i].name, open_faulty, close_faulty, &faulty,
            (size_t)1 << 20, SIZE_MAX
        };
        for (k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            CU_ASSERT(mpipe__conformance(&host, sizes[k], stderr,
                                         &n_failed) > 0);
            CU_ASSERT_EQUAL(n_failed, 0);
        }
    }
}

/* ---- a sender with faults, a receiver without ---- */

enum { N_RECEIVES = 24, MESSAGE_SIZE = 2000 };

struct pair {
    struct mpipe__loop_world *world;
    struct mpipe__transport *from, *to;
    char sent[64][MESSAGE_SIZE];        /* message n begins with byte n */
    char got[N_RECEIVES][MESSAGE_SIZE];
    int n_sent;
    char diary[200];        /* what was polled, in order */
};

/* Rank 0 of the pair has the plan. */
static struct pair *pair_new(const struct mpipe__fault_plan *plan)
{
    struct pair *pair = calloc(1, sizeof *pair);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pair);
    pair->world = mpipe__loop_new(2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pair->world);
    pair->from = mpipe__fault_new(mpipe__loop_transport(pair->world, 0), plan);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pair->from);
    pair->to = mpipe__loop_transport(pair->world, 1);
    return pair;
}

static void pair_free(struct pair *pair)
{
    pair->from->ops->free(pair->from);
    mpipe__loop_free(pair->world);
    free(pair);
}

/* Send the next letter of a, b, c ... on the channel. */
static void send_next(struct pair *pair, unsigned channel, size_t size)
{
    char *data = pair->sent[pair->n_sent];
    memset(data, 'a' + pair->n_sent++, size);
    CU_ASSERT_EQUAL(pair->from->ops->send(pair->from, 1, channel, data, size,
                                          data), MPIPE_OK);
}

static void note(struct pair *pair, char c)
{
    size_t n = strlen(pair->diary);
    CU_ASSERT_FATAL(n + 1 < sizeof pair->diary);
    pair->diary[n] = c;
}

/* Post receives for all that may come. */
static void post(struct pair *pair, unsigned channel)
{
    int i;
    for (i = 0; i < N_RECEIVES; i++)
        CU_ASSERT_EQUAL(pair->to->ops->recv(pair->to, 0, channel, pair->got[i],
                                            MESSAGE_SIZE, pair->got[i]),
                        MPIPE_OK);
}

/* Poll once; a capital letter is a send that is over. */
static void poll_sender(struct pair *pair)
{
    struct mpipe__completion c[64];
    int i, n;

    n = pair->from->ops->poll(pair->from, c, 64);
    for (i = 0; i < n; i++) {
        const char *data = c[i].cookie;
        CU_ASSERT_EQUAL(c[i].error, MPIPE_OK);
        note(pair, (char)(data[0] - 'a' + 'A'));
    }
}

/* Poll once; a small letter is a message received. */
static void poll_receiver(struct pair *pair)
{
    struct mpipe__completion c[64];
    int i, n;

    n = pair->to->ops->poll(pair->to, c, 64);
    for (i = 0; i < n; i++) {
        const char *data = c[i].cookie;
        CU_ASSERT_EQUAL(c[i].error, MPIPE_OK);
        CU_ASSERT(c[i].size > 0 && data[c[i].size - 1] == data[0]);
        note(pair, data[0]);
    }
}

static void poll_both(struct pair *pair)
{
    poll_sender(pair);
    poll_receiver(pair);
}

/* What becomes of six messages of which the receiver takes all that come. */
static const struct {
    struct mpipe__fault_plan plan;
    size_t size;
    const char *diary;
    struct mpipe__fault_counts counts;
} fate_rows[] = {
    { { .seed = 1 }, 10, "ABCDEFabcdef", { 6, 0, 0, 0 } },
    { { .drop_nth = 2 }, 10, "BACDEFacdef", { 6, 1, 0, 0 } },
    { { .drop_ppm = 1000000 }, 10, "ABCDEF", { 6, 6, 0, 0 } },
    { { .duplicate_nth = 3 }, 10, "ABCDEFabccdef", { 6, 0, 1, 0 } },
    { { .duplicate_nth = 3 }, 2000, "ABCDEFabccdef", { 6, 0, 1, 0 } },
    { { .duplicate_ppm = 1000000 }, 10, "ABCDEFaabbccddeeff",
      { 6, 0, 6, 0 } },
    { { .drop_nth = 1, .duplicate_nth = 6 }, 10, "ABCDEFbcdeff",
      { 6, 1, 1, 0 } },
    /* A message that is lost is not doubled. */
    { { .drop_nth = 6, .duplicate_nth = 6 }, 10, "FABCDEabcde",
      { 6, 1, 0, 0 } },
    { { .drop_nth = 7 }, 10, "ABCDEFabcdef", { 6, 0, 0, 0 } },
    /* Channel 9 is bit 1 of the mask. */
    { { .drop_nth = 2, .channel_mask = 2 }, 10, "BACDEFacdef",
      { 6, 1, 0, 0 } },
    { { .drop_nth = 2, .drop_ppm = 1000000, .duplicate_nth = 1,
        .channel_mask = 0xfd }, 10, "ABCDEFabcdef", { 6, 0, 0, 0 } },
    { { .drop_nth = 2, .rank_mask = 1 }, 10, "BACDEFacdef", { 6, 1, 0, 0 } },
    { { .drop_nth = 2, .rank_mask = 2 }, 10, "ABCDEFabcdef", { 6, 0, 0, 0 } },
    { { .delay_ppm = 1000000, .delay_polls = 1 }, 10, "ABCDEFabcdef",
      { 6, 0, 0, 6 } },
    { { .delay_ppm = 1000000, .delay_polls = 1, .duplicate_nth = 2 }, 2000,
      "ABCDEFabbcdef", { 6, 0, 1, 6 } }
};

static void fates(void)
{
    struct mpipe__fault_counts counts;
    size_t i;
    int k;

    for (i = 0; i < sizeof fate_rows / sizeof *fate_rows; i++) {
        struct pair *pair = pair_new(&fate_rows[i].plan);
        post(pair, 9);
        for (k = 0; k < 6; k++)
            send_next(pair, 9, fate_rows[i].size);
        for (k = 0; k < 5; k++)
            poll_both(pair);
        CU_ASSERT_STRING_EQUAL(pair->diary, fate_rows[i].diary);
        mpipe__fault_counts(pair->from, &counts);
        CU_ASSERT_EQUAL(memcmp(&counts, &fate_rows[i].counts, sizeof counts),
                        0);
        pair_free(pair);
    }
}

/* A seed with which, of messages in a row, those marked 1 are delayed. */
static uint64_t seed_that_delays(const char *marks)
{
    struct mpipe__fault_plan plan = { .delay_ppm = 300000, .delay_polls = 1 };
    struct mpipe__fault_counts counts;
    bool found = false;

    for (plan.seed = 0; !found; plan.seed += !found) {
        struct pair *pair = pair_new(&plan);
        uint64_t n_delayed = 0;
        size_t i;
        found = true;
        for (i = 0; i < strlen(marks); i++) {
            send_next(pair, 1, 1);
            n_delayed += marks[i] == '1';
            mpipe__fault_counts(pair->from, &counts);
            found &= counts.delayed == n_delayed;
        }
        pair_free(pair);
    }
    return plan.seed;
}

/* Only the second is delayed; the third, behind it on its channel, waits for
 * it, the fourth on another channel does not, nor does the fifth, when both
 * have left. */
static void delays(void)
{
    struct mpipe__fault_plan plan = { .seed = seed_that_delays("01000"),
                                      .delay_ppm = 300000, .delay_polls = 3 };
    struct pair *pair = pair_new(&plan);
    char other[10];

    post(pair, 1);
    CU_ASSERT_EQUAL(pair->to->ops->recv(pair->to, 0, 2, other, 10, other),
                    MPIPE_OK);
    send_next(pair, 1, 10);
    send_next(pair, 1, 10);
    send_next(pair, 1, 10);
    send_next(pair, 2, 10);
    poll_both(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "ADad");
    poll_both(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "ADad");
    poll_both(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "ADadBCbc");
    send_next(pair, 1, 10);
    poll_receiver(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "ADadBCbce");
    pair_free(pair);
}

/* Messages on channels that are not in the mask do not count. */
static void counts_masked(void)
{
    struct mpipe__fault_plan plan = { .drop_nth = 2, .duplicate_nth = 3,
                                      .channel_mask = 1 << 1 };
    static const unsigned channels[] = { 2, 1, 2, 2, 1, 9, 1 };
    struct pair *pair = pair_new(&plan);
    size_t i;

    post(pair, 1);
    for (i = 0; i < sizeof channels / sizeof *channels; i++)
        send_next(pair, channels[i], 10);
    CU_ASSERT_EQUAL(pair->to->ops->recv(pair->to, 0, 9, pair->sent[20], 10,
                                        pair->sent[20]), MPIPE_OK);
    CU_ASSERT_EQUAL(pair->to->ops->recv(pair->to, 0, 9, pair->sent[21], 10,
                                        pair->sent[21]), MPIPE_OK);
    poll_receiver(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "bgff");
    pair_free(pair);
}

/* A message held back when all is over is forgotten (and not leaked). */
static void freed_early(void)
{
    struct mpipe__fault_plan plan = { .delay_ppm = 1000000, .delay_polls = 9,
                                      .duplicate_ppm = 1000000 };
    struct pair *pair = pair_new(&plan);
    send_next(pair, 1, 2000);
    send_next(pair, 2, 2000);
    poll_both(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "");
    pair_free(pair);
}

/* Nobody receives the second of the two. */
static void unread_duplicate(void)
{
    struct mpipe__fault_plan plan = { .duplicate_nth = 1 };
    struct pair *pair = pair_new(&plan);
    CU_ASSERT_EQUAL(pair->to->ops->recv(pair->to, 0, 1, pair->got[0],
                                        MESSAGE_SIZE, pair->got[0]), MPIPE_OK);
    send_next(pair, 1, 2000);
    poll_both(pair);
    poll_both(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "Aa");
    pair_free(pair);
}

/* Freeing frees what is below: its receive is gone, so a long message is not
 * taken. */
static void frees_inner(void)
{
    struct mpipe__fault_plan plan = { .seed = 0 };
    struct mpipe__loop_world *world = mpipe__loop_new(2);
    struct mpipe__transport *t0, *t1;
    struct mpipe__completion c;
    static char data[2][5000];

    CU_ASSERT_PTR_NOT_NULL_FATAL(world);
    t0 = mpipe__fault_new(mpipe__loop_transport(world, 0), &plan);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t0);
    t1 = mpipe__loop_transport(world, 1);
    CU_ASSERT_EQUAL(t0->ops->recv(t0, 1, 0, data[0], 5000, data), MPIPE_OK);
    t0->ops->free(t0);
    CU_ASSERT_EQUAL(t1->ops->send(t1, 0, 0, data[1], 5000, data), MPIPE_OK);
    CU_ASSERT_EQUAL(t1->ops->poll(t1, &c, 1), 0);
    mpipe__loop_free(world);
}

/* ---- the schedule ---- */

/* Which of 1,000 messages arrive, as a row of 0 and 1. */
static void schedule(uint64_t seed, int rank, char *row)
{
    struct mpipe__fault_plan plan = { .seed = seed, .drop_ppm = 200000 };
    struct mpipe__loop_world *world = mpipe__loop_new(2);
    struct mpipe__transport *to, *from;
    struct mpipe__completion c;
    int i;

    CU_ASSERT_PTR_NOT_NULL_FATAL(world);
    from = mpipe__fault_new(mpipe__loop_transport(world, rank), &plan);
    CU_ASSERT_PTR_NOT_NULL_FATAL(from);
    to = mpipe__loop_transport(world, 1 - rank);
    for (i = 0; i < 1000; i++) {
        from->ops->send(from, 1 - rank, 0, NULL, 0, NULL);
        to->ops->recv(to, rank, 0, NULL, 0, NULL);
        row[i] = (char)('0' + to->ops->poll(to, &c, 1));
        to->ops->cancel(to, rank, 0);
        CU_ASSERT_EQUAL(from->ops->poll(from, &c, 1), 1);
    }
    row[1000] = '\0';
    from->ops->free(from);
    mpipe__loop_free(world);
}

static void same_seed_same_faults(void)
{
    char first[1001], again[1001], other[1001], other_rank[1001];
    int i, n = 0;

    schedule(7, 0, first);
    schedule(7, 0, again);
    schedule(8, 0, other);
    schedule(7, 1, other_rank);
    CU_ASSERT_STRING_EQUAL(first, again);
    CU_ASSERT_STRING_NOT_EQUAL(first, other);
    CU_ASSERT_STRING_NOT_EQUAL(first, other_rank);
    for (i = 0; i < 1000; i++)
        n += first[i] == '0';
    /* 200 expected, standard deviation 12.6; the seed is fixed. */
    CU_ASSERT(n > 150 && n < 250);
}

/* The hash is a promise: a seed in a bug report must still mean the same. */
static void schedule_is_pinned(void)
{
    char row[1001];
    schedule(7, 0, row);
    row[32] = '\0';
    CU_ASSERT_STRING_EQUAL(row, "11100101111011111111101110111110");
}

/* ---- kills ---- */

static void kill_loop_rank(void *arg)
{
    mpipe__loop_kill(arg, 0);
}

static void count_kill(void *arg)
{
    ++*(int *)arg;
}

static void killed_is_silent(void)
{
    int n_kills = 0, i;
    struct mpipe__fault_plan plan = { .kill_nth = 3, .kill = count_kill,
                                      .kill_arg = &n_kills };
    struct pair *pair = pair_new(&plan);
    char lost[10] = "lost";

    CU_ASSERT_EQUAL(pair->from->ops->recv(pair->from, 1, 0, lost, 10, lost),
                    MPIPE_OK);
    post(pair, 1);
    for (i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(n_kills, i >= 3);
        send_next(pair, 1, 10);
    }
    pair->sent[25][0] = 'x';
    CU_ASSERT_EQUAL(pair->to->ops->send(pair->to, 0, 0, pair->sent[25], 1,
                                        pair->sent[25]), MPIPE_OK);
    for (i = 0; i < 3; i++)
        poll_both(pair);
    CU_ASSERT_EQUAL(n_kills, 1);
    CU_ASSERT_STRING_EQUAL(pair->diary, "CDEABabx");
    pair_free(pair);
}

static void killed_takes_the_held(void)
{
    int n_kills = 0, i;
    struct mpipe__fault_plan plan = { .kill_nth = 3, .kill = count_kill,
                                      .kill_arg = &n_kills,
                                      .delay_ppm = 1000000, .delay_polls = 2 };
    struct pair *pair = pair_new(&plan);

    post(pair, 1);
    for (i = 0; i < 3; i++)
        send_next(pair, 1, 10);
    poll_both(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "CAB");
    poll_both(pair);
    poll_both(pair);
    CU_ASSERT_STRING_EQUAL(pair->diary, "CAB");
    pair_free(pair);
}

static void killed_in_its_world(void)
{
    struct mpipe__fault_plan plan = { .kill_nth = 1, .kill = kill_loop_rank };
    struct mpipe__loop_world *world = mpipe__loop_new(2);
    struct mpipe__transport *t;
    struct mpipe__completion c[4];
    int sent, posted;
    char data[10];

    CU_ASSERT_PTR_NOT_NULL_FATAL(world);
    plan.kill_arg = world;
    t = mpipe__fault_new(mpipe__loop_transport(world, 0), &plan);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_EQUAL(t->ops->recv(t, 1, 0, data, 10, &posted), MPIPE_OK);
    CU_ASSERT_EQUAL(t->ops->send(t, 1, 0, data, 10, &sent), MPIPE_OK);
    CU_ASSERT_EQUAL_FATAL(t->ops->poll(t, c, 4), 2);
    CU_ASSERT(c[0].cookie == &sent && c[0].error == MPIPE_OK);
    CU_ASSERT(c[1].cookie == &posted && c[1].error == MPIPE_EMPI);
    CU_ASSERT_EQUAL(t->ops->recv(t, 1, 0, data, 10, &posted), MPIPE_EMPI);
    t->ops->free(t);
    mpipe__loop_free(world);
}

static void kill_ends_process(void)
{
    struct mpipe__fault_plan plan = { .kill_nth = 2 };
    struct pair *pair = pair_new(&plan);
    int status = 0;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        pair->from->ops->send(pair->from, 1, 0, "", 0, NULL);
        pair->from->ops->send(pair->from, 1, 0, "", 0, NULL);
        _exit(0);
    }
    CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 137);
    pair_free(pair);
}

/* ---- words ---- */

static const struct {
    const char *words;
    struct mpipe__fault_plan plan;
} good_words[] = {
    { "", { .delay_polls = 16 } },
    { "drop=100,duplicate=50,delay=1000,seed=7,kill=40",
      { .seed = 7, .drop_ppm = 100, .duplicate_ppm = 50, .delay_ppm = 1000,
        .delay_polls = 16, .kill_nth = 40 } },
    { "drop_nth=3,duplicate_nth=18446744073709551615,polls=0",
      { .drop_nth = 3, .duplicate_nth = UINT64_MAX } },
    { "drop=1000000,channels=255",
      { .drop_ppm = 1000000, .channel_mask = 255, .delay_polls = 16 } },
    { "rank=2,rank=63,rank=65",
      { .rank_mask = UINT64_C(1) << 63 | 6, .delay_polls = 16 } },
    { "seed=18446744073709551615,seed=00012",
      { .seed = 12, .delay_polls = 16 } }
};

/* With what the error must name. */
static const struct { const char *words, *named; } bad_words[] = {
    { "drop", "'drop'" }, { "drop=", "'drop='" }, { "drop=1,", "comma" },
    { ",drop=1", "''" }, { "drop=1,,kill=2", "''" }, { "drop=-1", "'drop=-1'" },
    { "drop=+1", "'drop=+1'" }, { "drop= 1", "'drop= 1'" },
    { "drop=1 ", "'drop=1 '" }, { "drop=0x10", "'drop=0x10'" },
    { "drop=1000001", "0 to 1000000" }, { "channels=256", "0 to 255" },
    { "delay=1000001", "0 to 1000000" }, { "duplicate=9999999999", "1000000" },
    { "seed=18446744073709551616", "0 to 18446744073709551615" },
    { "seed=99999999999999999999999", "0 to 18446744073709551615" },
    { "kill=1,dorp=3", "'dorp=3'" }, { "=3", "'=3'" }, { "dro=3", "'dro=3'" },
    { "dropp=3", "'dropp=3'" }, { "DROP=3", "'DROP=3'" },
    { "drop=3;kill=1", "'drop=3;kill=1'" }
};

static void parses(void)
{
    size_t i;
    for (i = 0; i < sizeof good_words / sizeof *good_words; i++) {
        const struct mpipe__fault_plan *expected = &good_words[i].plan;
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe__fault_plan plan;
        memset(&plan, 0xff, sizeof plan);
        CU_ASSERT_EQUAL(mpipe__fault_parse(good_words[i].words, &plan, &err),
                        MPIPE_OK);
        CU_ASSERT_STRING_EQUAL(err.text, "");
        CU_ASSERT(plan.seed == expected->seed &&
                  plan.drop_ppm == expected->drop_ppm &&
                  plan.duplicate_ppm == expected->duplicate_ppm &&
                  plan.delay_ppm == expected->delay_ppm &&
                  plan.delay_polls == expected->delay_polls &&
                  plan.drop_nth == expected->drop_nth &&
                  plan.duplicate_nth == expected->duplicate_nth &&
                  plan.kill_nth == expected->kill_nth &&
                  plan.channel_mask == expected->channel_mask &&
                  plan.rank_mask == expected->rank_mask &&
                  plan.kill == NULL && plan.kill_arg == NULL);
    }
}

static void rejects(void)
{
    size_t i;
    for (i = 0; i < sizeof bad_words / sizeof *bad_words; i++) {
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe__fault_plan plan = { .seed = 99 };
        CU_ASSERT_EQUAL(mpipe__fault_parse(bad_words[i].words, &plan, &err),
                        MPIPE_EINVAL);
        CU_ASSERT_EQUAL(err.code, MPIPE_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, bad_words[i].named));
        CU_ASSERT_EQUAL(plan.seed, 99);
        CU_ASSERT_EQUAL(mpipe__fault_parse(bad_words[i].words, &plan, NULL),
                        MPIPE_EINVAL);
    }
}

static const struct mpipe__test tests[] = {
    { "plans without losses and doubles conform", conforms },
    { "messages are dropped, doubled and delayed as planned", fates },
    { "a delayed message keeps its place on its channel", delays },
    { "an exact event counts the messages on its channels", counts_masked },
    { "what is held back at the end is forgotten", freed_early },
    { "freeing frees the transport below", frees_inner },
    { "a double that nobody receives holds up nothing", unread_duplicate },
    { "the faults depend on seed, rank and count alone",
      same_seed_same_faults },
    { "a seed means the same for ever", schedule_is_pinned },
    { "a killed rank neither sends nor receives", killed_is_silent },
    { "what was held back dies with the rank", killed_takes_the_held },
    { "a rank killed in the loop world can leave", killed_in_its_world },
    { "without a function a kill ends the process", kill_ends_process },
    { "the words of a plan are understood", parses },
    { "wrong words are named and change nothing", rejects },
    { NULL, NULL }
};

const struct mpipe__suite suite_transport_fault = { "transport_fault", tests };
