/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.c - made-up machines, this one, and the names of switches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "suite.h"
#include "topology.h"

/* ---- made-up machines ---- */

static void counts_cores(void)
{
    static const struct {
        const char *words;
        unsigned n_ranks, expected;
    } row[] = {
        { "", 0, 1 },
        { "core:4", 0, 4 },
        { "node:3", 0, 3 },
        { "node:3", 7, 7 },
        { "package:2 core:8", 0, 16 },
        { "node:4 package:2 core:8", 0, 64 },
        { "switch:2 node:4 package:2 core:8", 0, 128 },
        { "switch:2 node:4 package:2 core:8", 5, 5 },
        { "  switch:2   switch:3 node:4 package:2 l3:2 core:2 pu:2", 0, 192 },
        { "switch:2 switch:2 switch:2 node:2", 0, 16 },
        { "switch:4", 0, 4 },
        { "node:2 pu:4", 0, 8 },
        { "switch:25 node:25 package:2 core:8", 0, 10000 },
        { "node:2 core:4", 10000, 10000 },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe_error err = { MPIPE_OK, -1, "" };
        struct mpipe_machine *m = mpipe_machine_synthetic(row[i].words,
                                                          row[i].n_ranks,
                                                          &err);

        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(mpipe_machine_ranks(m), row[i].expected);
        CU_ASSERT_EQUAL(err.code, MPIPE_OK);
        mpipe_machine_free(m);
    }
}

static void knows_distances(void)
{
    static const struct {
        const char *words;
        unsigned n_ranks, a, b, expected;
    } row[] = {
        { "core:4", 0, 1, 1, 0 },
        { "core:4", 0, 0, 3, 1 },
        { "core:4", 8, 1, 5, 0 },       /* wrapped round */
        { "l3:2 core:2", 0, 0, 1, 1 },
        { "l3:2 core:2", 0, 1, 2, 2 },
        { "package:2 core:2", 0, 1, 2, 4 },
        { "package:1 numa:2 core:2", 0, 1, 2, 3 },
        { "node:2 core:2", 0, 0, 2, 5 },
        { "switch:2 node:2 core:2", 0, 1, 2, 5 },
        { "switch:2 node:2 core:2", 0, 1, 4, 6 },
        { "switch:2 switch:2 node:2", 0, 0, 4, 7 },
        { "switch:2 switch:2 node:2", 0, 0, 2, 6 },
        { "switch:2 switch:2 switch:2 node:2", 0, 0, 8, 8 },
        { "node:2 core:4", 12, 0, 5, 1 },   /* ranks 0-5 are on node 0 */
        { "node:2 core:4", 12, 0, 4, 0 },
        { "node:2 core:4", 12, 5, 6, 5 },
        { "node:3 core:2", 10, 3, 4, 5 },   /* 0-3, 4-6, 7-9 */
        { "node:3 core:2", 10, 4, 6, 0 },
        { "node:3 core:2", 10, 6, 7, 5 },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe_machine *m = mpipe_machine_synthetic(row[i].words,
                                                          row[i].n_ranks,
                                                          NULL);

        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        CU_ASSERT_EQUAL(mpipe__distance(m, row[i].a, row[i].b),
                        row[i].expected);
        CU_ASSERT_EQUAL(mpipe__distance(m, row[i].b, row[i].a),
                        row[i].expected);
        mpipe_machine_free(m);
    }
}

static void starts_at_the_first_core(void)
{
    static const unsigned cores[] = { 1, 2, 1, 2, 1, 2, 1, 1, 2, 1 };
    struct mpipe_machine *m = mpipe_machine_synthetic("node:3 core:2", 10,
                                                      NULL);
    unsigned r;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    for (r = 0; r < 10; r++)
        CU_ASSERT_EQUAL(m->at[r].id[MPIPE__CORE], cores[r]);
    mpipe_machine_free(m);
}

static void rejects_bad_words(void)
{
    static const struct {
        const char *words;
        const char *in_text;
    } row[] = {
        { NULL, "NULL" },
        { "nodes:4", "'nodes:4' is no node" },
        { "node:0", "'node:0': give a whole number above 0" },
        { "node:-1 core:2", "'node:-1'" },
        { "node:two", "'node:two'" },
        { "node:", "'node:'" },
        { "node:4x core:2", "'node:4x'" },
        { "switch:0 node:2", "'switch:0'" },
        { "switch:2 switch:2 switch:2 switch:2 node:2", "three tiers" },
        { "node:2 switch:2", "'switch:2': first switches, then nodes" },
        { "node:2 node:2", "'node:2': first switches, then nodes" },
        { "core:2 node:2", "'node:2': first switches, then nodes" },
        { "core:2 pu:9223372036854775808", "a node can have 2048" },
        { "core:2000 pu:2", "'pu:2': a node can have 2048" },
        { "core:99999999999999999999", "a node can have 2048" },
        { "node:2 core", "'core' is no node" },
        { "core:2 package:2 pu:0", "is no node" },
        { "switch:100000 node:100000", "more than" },
        { "switch:10000 switch:10000 switch:10000 node:10000", "more than" },
        { "node:1000000 core:100", "more than 10000000 ranks" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe_error err = { MPIPE_OK, -1, "" };

        CU_ASSERT_PTR_NULL(mpipe_machine_synthetic(row[i].words, 0, &err));
        CU_ASSERT_EQUAL(err.code, MPIPE_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, row[i].in_text));
    }
    CU_ASSERT_PTR_NULL(mpipe_machine_synthetic("node:x", 0, NULL));
}

static void keeps_places_together(void)
{
    /* Ranks dealt to four nodes in turn, as mpirun --map-by node does; rank 0
     * is on the node with the highest number. */
    struct mpipe_machine *m = mpipe__machine_new(10);
    static const unsigned expected[] = { 0, 4, 8, 3, 7, 2, 6, 1, 5, 9 };
    unsigned order[10], r;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    for (r = 0; r < 10; r++) {
        m->at[r].id[MPIPE__SWITCH2] = r % 4 == 0 ? 9 : 5;
        m->at[r].id[MPIPE__NODE] = 4 - r % 4;
        m->at[r].id[MPIPE__CORE] = r / 4;
    }
    CU_ASSERT_EQUAL_FATAL(mpipe__machine_order(m, order), MPIPE_OK);
    CU_ASSERT_EQUAL(memcmp(order, expected, sizeof order), 0);
    mpipe_machine_free(m);
}

/* ---- this machine ---- */

static void finds_this_machine(void)
{
    struct mpipe_error err = { MPIPE_OK, -1, "" };
    struct mpipe_machine *m = mpipe_machine_this(0, &err);
    struct mpipe_machine *more = mpipe_machine_this(9, &err);
    char host[64];

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_PTR_NOT_NULL_FATAL(more);
    CU_ASSERT(mpipe_machine_ranks(m) >= 1);
    CU_ASSERT_EQUAL(mpipe_machine_ranks(more), 9);
    CU_ASSERT_EQUAL_FATAL(gethostname(host, sizeof host), 0);
    CU_ASSERT_STRING_EQUAL(m->at[0].host, host);
    CU_ASSERT(mpipe__distance(more, 0, 8)
              <= MPIPE__N_LEVELS - MPIPE__NODE - 1);
    mpipe_machine_free(m);
    mpipe_machine_free(more);
}

/* Run with a value of a variable, and put back what was there. */
static struct mpipe__location locate_with(const char *address,
                                          const char *pattern, unsigned nth,
                                          unsigned of)
{
    struct mpipe__location at;
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    memset(&at, 0xee, sizeof at);
    if (address != NULL)
        setenv("SLURM_TOPOLOGY_ADDR", address, 1);
    if (pattern != NULL)
        setenv("SLURM_TOPOLOGY_ADDR_PATTERN", pattern, 1);
    CU_ASSERT_EQUAL(mpipe__topology_locate(&at, NULL, nth, of, &err),
                    MPIPE_OK);
    unsetenv("SLURM_TOPOLOGY_ADDR");
    unsetenv("SLURM_TOPOLOGY_ADDR_PATTERN");
    return at;
}

static void locates_this_process(void)
{
    struct mpipe__location plain = locate_with(NULL, NULL, 0, 0);
    struct mpipe__location slurm = locate_with("core.rack1.n7",
                                               "switch.switch.node", 0, 0);
    struct mpipe__location nth, first, around;
    struct mpipe_machine *m = mpipe_machine_this(0, NULL);
    unsigned l, n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    CU_ASSERT_STRING_EQUAL(plain.host, m->at[0].host);
    for (l = 0; l <= MPIPE__NODE; l++)
        CU_ASSERT_EQUAL(plain.id[l], 0);
    CU_ASSERT_EQUAL(slurm.id[MPIPE__SWITCH0], 0);
    CU_ASSERT_NOT_EQUAL(slurm.id[MPIPE__SWITCH1], 0);
    CU_ASSERT_NOT_EQUAL(slurm.id[MPIPE__SWITCH2], 0);
    CU_ASSERT_EQUAL(slurm.id[MPIPE__CORE], plain.id[MPIPE__CORE]);

    /* The test runs on n cores: the nth process beyond them is at the first
     * again. */
    first = locate_with(NULL, NULL, 0, 1);
    for (n = 1; n < 100000; n++) {
        nth = locate_with(NULL, NULL, n, 100000);
        if (nth.id[MPIPE__CORE] == first.id[MPIPE__CORE])
            break;
    }
    CU_ASSERT(n <= mpipe_machine_ranks(m));
    around = locate_with(NULL, NULL, 2 * n, 100000);
    CU_ASSERT_EQUAL(around.id[MPIPE__CORE], first.id[MPIPE__CORE]);
    mpipe_machine_free(m);
}

static void refuses_a_missing_switch_file(void)
{
    struct mpipe__location at = { .host = "unchanged" };
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    CU_ASSERT_EQUAL(mpipe__topology_locate(&at, "no/such/file", 0, 1, &err),
                    MPIPE_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no/such/file"));
    CU_ASSERT_STRING_EQUAL(at.host, "unchanged");
}

/* ---- switches ---- */

/* Levels that two addresses share, of the three of switches. */
static void shares_slurm_switches(void)
{
    static const struct {
        const char *a, *b, *pattern;
        unsigned shared, present;   /* present: levels of a that are not 0 */
    } row[] = {
        { "core.rack1.n1", "core.rack1.n2", "switch.switch.node", 3, 2 },
        { "core.rack1.n1", "core.rack2.n2", "switch.switch.node", 2, 2 },
        { "core.rack1.n1", "east.rack1.n2", "switch.switch.node", 1, 2 },
        { "core.rack1.n1", "core.rack2.n2", NULL, 2, 2 },
        { "rack1.n1", "rack1.n2", "switch.node", 3, 1 },
        { "rack1.n1", "rack2.n2", "switch.node", 2, 1 },
        { "n1", "n2", "node", 3, 0 },
        { "n1", "n2", NULL, 3, 0 },
        { "n1.example.org", "n2.example.org", "node", 3, 0 },
        { "r1.n1.example.org", "r2.n1.example.org", "switch.node", 2, 1 },
        { "a.b.c.d.n", "a.b.c.d.m", "switch.switch.switch.switch.node", 3,
          3 },
        { "a.b.c.d.n", "x.b.c.d.m", "switch.switch.switch.switch.node", 0,
          3 },
        { "a.b.c.d.n", "a.x.c.d.m", "switch.switch.switch.switch.node", 0,
          3 },
        { "a.b.c.d.n", "a.b.x.d.m", "switch.switch.switch.switch.node", 1,
          3 },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe_machine *m = mpipe__machine_new(2);
        unsigned l, present = 0, shared;

        CU_ASSERT_PTR_NOT_NULL_FATAL(m);
        m->at[1].id[MPIPE__NODE] = 1;
        CU_ASSERT(mpipe__topology_slurm(&m->at[0], row[i].a,
                                        row[i].pattern));
        CU_ASSERT(mpipe__topology_slurm(&m->at[1], row[i].b,
                                        row[i].pattern));
        shared = mpipe__machine_shared(m, 0, 1);
        for (l = 0; l < MPIPE__NODE; l++)
            present += m->at[0].id[l] != 0;
        CU_ASSERT_EQUAL(shared, row[i].shared);
        CU_ASSERT_EQUAL(present, row[i].present);
        mpipe_machine_free(m);
    }
}

static void ignores_bad_slurm_addresses(void)
{
    static const struct { const char *address, *pattern; } row[] = {
        { "", NULL }, { "", "switch.node" }, { "n1", "switch.node" },
        { "core..n1", "switch.switch.node" }, { ".n1", "switch.node" },
        { "core.", "switch.node" }, { "core.n1", "block.node" },
        { "core.n1", "switch" }, { "core.n1", "" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe__location at = { .id = { 7, 7, 7, 7 } };
        unsigned l;

        CU_ASSERT_FALSE(mpipe__topology_slurm(&at, row[i].address,
                                              row[i].pattern));
        for (l = 0; l < MPIPE__NODE; l++)
            CU_ASSERT_EQUAL(at.id[l], 0);
        CU_ASSERT_EQUAL(at.id[MPIPE__NODE], 7);
    }
}

static enum mpipe_err read_switches(struct mpipe__location *at,
                                    const char *text,
                                    struct mpipe_error *err)
{
    /* fmemopen takes no empty text. */
    FILE *file = fmemopen((void *)(*text != '\0' ? text : "\n"),
                          *text != '\0' ? strlen(text) : 1, "r");
    enum mpipe_err e;

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    e = mpipe__topology_switches(at, file, "net", err);
    fclose(file);
    return e;
}

static void reads_switch_files(void)
{
    /* Whose address is the host's? */
    static const struct { const char *host, *text, *as; } row[] = {
        { "n1", "n1: core.rack1", "core.rack1.n" },
        { "n1", "n1:core.rack1\n", "core.rack1.n" },
        { "n1", "# racks\n\n  n0 : a\n\tn1\t:\tb.c \t\r\n", "b.c.n" },
        { "n2", "n1 n2,n3: core.rack1 # old\n*: x\n", "core.rack1.n" },
        { "n3", "n1 n2, n3: core.rack1\n", "core.rack1.n" },
        { "n9", "n1 n2,n3: core.rack1\n*: x\n", "x.n" },
        { "gpu17", "cpu*: a\ngpu1?: b\ngpu*: c\n", "b.n" },
        { "gpu7", "cpu*: a\ngpu1?: b\ngpu*: c\n", "c.n" },
        { "n1.example.org", "n1: a\n", "a.n" },
        { "n1.example.org", "n1.example.org: a\n", "a.n" },
        { "n1", "n1: a\nn1: b\n", "a.n" },
        { "n1", "n1: a\nthis is not read\n", "a.n" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe__location at = { .id = { 0 } }, expected = at;
        struct mpipe_error err = { MPIPE_OK, -1, "" };

        snprintf(at.host, sizeof at.host, "%s", row[i].host);
        CU_ASSERT_EQUAL(read_switches(&at, row[i].text, &err), MPIPE_OK);
        CU_ASSERT(mpipe__topology_slurm(&expected, row[i].as, NULL));
        CU_ASSERT_EQUAL(memcmp(at.id, expected.id, sizeof at.id), 0);
    }
}

static void rejects_bad_switch_files(void)
{
    static const struct { const char *text, *in_text; } row[] = {
        { "", "no line for host n1" },
        { "n2: a\n", "no line for host n1: add one" },
        { "n1 core.rack1\n", "net, line 1" },
        { "n2: a\n\nn1: a b\n", "net, line 3" },
        { "n1:\n", "net, line 1" },
        { "n1: # a\n", "net, line 1" },
        { ": a\n", "net, line 1" },
        { "n1: a..b\n", "net, line 1" },
        { "n1: .a\n", "net, line 1" },
        { "n1: a.\n", "net, line 1" },
        { "n1: a: b\n", "net, line 1" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe__location at = { .id = { 7, 7, 7, 7 }, .host = "n1" };
        struct mpipe_error err = { MPIPE_OK, -1, "" };

        CU_ASSERT_EQUAL(read_switches(&at, row[i].text, &err), MPIPE_EINVAL);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, row[i].in_text));
        CU_ASSERT_EQUAL(at.id[0], 7);
        CU_ASSERT_EQUAL(at.id[MPIPE__SWITCH2], 7);
    }
}

static const struct mpipe__test tests[] = {
    { "a made-up machine has a rank for each core unless told otherwise",
      counts_cores },
    { "two ranks are as far apart as the places they do not share",
      knows_distances },
    { "the ranks of a node begin at its first core",
      starts_at_the_first_core },
    { "words that make no machine are refused by name", rejects_bad_words },
    { "the order keeps each place together, rank 0's first",
      keeps_places_together },
    { "this machine is found, with more ranks than cores too",
      finds_this_machine },
    { "processes that are not bound are spread over the cores",
      locates_this_process },
    { "a switch file that cannot be read is named",
      refuses_a_missing_switch_file },
    { "nodes share the switches that their Slurm addresses share",
      shares_slurm_switches },
    { "a Slurm address that does not fit its pattern is left out",
      ignores_bad_slurm_addresses },
    { "the first line of a switch file that fits the host counts",
      reads_switch_files },
    { "bad lines of a switch file are named", rejects_bad_switch_files },
    { NULL, NULL }
};

const struct mpipe__suite suite_topology = { "topology", tests };
