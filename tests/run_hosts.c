/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of run_hosts.c: lists of hosts, with and without those that are lost. */
#include <stdlib.h>
#include <string.h>
#include "../apps/run_hosts.h"
#include "suite.h"

/* "node1:2 node2:0": all there is, with slots. */
static void expect(const struct run_hosts *h, const char *text)
{
    char all[512] = "";

    for (size_t i = 0; i < h->n; i++) {
        size_t n = strlen(all);
        snprintf(all + n, sizeof all - n, "%s%s:%u", i > 0 ? " " : "", h->host[i].name,
                 h->host[i].slots);
    }
    CU_ASSERT_STRING_EQUAL(all, text);
}

static void lose(struct run_hosts *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++)
        h->host[i].lost |= strcmp(h->host[i].name, name) == 0;
}

static void same(char *got, const char *want)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(got);
    CU_ASSERT_STRING_EQUAL(got, want);
    free(got);
}

static void lists(void)
{
    static const struct { const char *list, *hosts, *without; } row[] = {
        { "node1:2,node2", "node1:2 node2:1", "node1:2" },
        { "node2,node1,node2", "node2:2 node1:1", "node1" },
        { "node2:4", "node2:4", "" },
        { "node22:4,anode2,node2", "node22:4 anode2:1 node2:1", "node22:4,anode2" },
        { "10.0.0.1:2,,x", "10.0.0.1:2 x:1", "10.0.0.1:2,,x" },
        { "", "", "" },
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct run_hosts h = { NULL, 0 };

        CU_ASSERT(run_hosts_add_list(&h, row[i].list));
        expect(&h, row[i].hosts);
        lose(&h, "node2");
        same(run_hosts_list(&h, row[i].list), row[i].without);
        run_hosts_free(&h);
    }
}

static void by_number(void)
{
    struct run_hosts h = { NULL, 0 };

    CU_ASSERT(!run_hosts_add_list(&h, "+n1,+n2"));
    run_hosts_free(&h);
}

static void files(void)
{
    static const char text[] =
        "# node0\n"
        "node1 slots=2 max_slots=9\n"
        "\n"
        "  node2\tmax_slots=9 slots = 4  # of two\n"
        "me@node3 cpus=3\n"
        "^node4\n"
        "node5:6\n"
        "node6#slots=1\n"
        "node1";
    struct run_hosts h = { NULL, 0 };

    CU_ASSERT(run_hosts_add_file(&h, text));
    expect(&h, "node1:2 node2:4 node3:3 node5:6 node6:0");
    lose(&h, "node1");
    lose(&h, "node3");
    lose(&h, "node5");
    same(run_hosts_file(&h, text),
         "# node0\n"
         "\n"
         "  node2\tmax_slots=9 slots = 4  # of two\n"
         "^node4\n"
         "node6#slots=1\n");
    CU_ASSERT_EQUAL(run_hosts_left(&h), 2);
    same(run_hosts_names(&h), "node2,node6");
    run_hosts_free(&h);
}

static void slurm(void)
{
    static const struct { const char *list, *counts, *hosts, *without; } row[] = {
        { "node[1-3]", "2(x3)", "node1:2 node2:2 node3:2", "2,2" },
        { "node[1-3]", "2(x2),1", "node1:2 node2:2 node3:1", "2,1" },
        { "node[1,2-2,07-08],gpu1", "1,2,3(x2),4",
          "node1:1 node2:2 node07:3 node08:3 gpu1:4", "1,3,3,4" },
        { "node2", "8", "node2:8", "" },
        { "r[0-1]n[1-2]-x", "1(x4)", "r0n1-x:1 r0n2-x:1 r1n1-x:1 r1n2-x:1", "1,1,1,1" },
        { "node[1-2]", "", "node1:0 node2:0", "0" },
    };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct run_hosts h = { NULL, 0 };

        CU_ASSERT(run_hosts_add_slurm(&h, row[i].list, row[i].counts));
        expect(&h, row[i].hosts);
        lose(&h, "node2");
        same(run_hosts_counts(&h, row[i].list, row[i].counts), row[i].without);
        run_hosts_free(&h);
    }
}

static void no_slurm(void)
{
    static const char *const list[] = { "node[1-2", "node[a-b]", "node[]x[1",
                                        "node[1-2;3]", "n[0-999999999]" };

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct run_hosts h = { NULL, 0 };

        CU_ASSERT(!run_hosts_add_slurm(&h, list[i], "1"));
        run_hosts_free(&h);
    }
}

static void ranks(void)
{
    static const struct { const char *hosts; unsigned asked, left; } row[] = {
        { "node1:4,node2:4,node3:4", 6, 6 },        /* there is room */
        { "node1:4,node2:4,node3:4", 12, 8 },
        { "node1:4,node2:4,node3:4", 24, 16 },      /* it was crowded before */
        { "node1:1,node2:9", 10, 1 },
        { "node1,node2", 1, 1 },
        { "node2:4", 4, 1 },                        /* nobody is left */
    };
    struct run_hosts h = { NULL, 0 };

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        CU_ASSERT(run_hosts_add_list(&h, row[i].hosts));
        CU_ASSERT_EQUAL(run_hosts_ranks(&h, row[i].asked), row[i].asked);
        lose(&h, "node2");
        CU_ASSERT_EQUAL(run_hosts_ranks(&h, row[i].asked), row[i].left);
        run_hosts_free(&h);
    }
    CU_ASSERT(run_hosts_add_file(&h, "node1\nnode2\nnode3\n"));     /* not said */
    lose(&h, "node2");
    CU_ASSERT_EQUAL(run_hosts_ranks(&h, 7), 4);
    run_hosts_free(&h);
}

static const struct mpipe__test tests[] = {
    { "lists of hosts", lists },
    { "hosts by number are not known", by_number },
    { "files of hosts", files },
    { "Slurm's hosts, and its counts", slurm },
    { "what is no list of Slurm's", no_slurm },
    { "as many ranks as have room", ranks },
    { NULL, NULL }
};

const struct mpipe__suite suite_run_hosts = { "run_hosts", tests };
