/* SPDX-License-Identifier: BSD-3-Clause */
/* plan_print.c - plans as text and as pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "placement.h"
#include "suite.h"

#define MAX_STAGES 30

/* Stages are words: each a name. */
static struct mpipe_plan *plan_of(const char *machine, const char *flow,
                                  unsigned spares)
{
    struct mpipe_machine *m = mpipe_machine_synthetic(machine, 0, NULL);
    struct mpipe_stage stages[MAX_STAGES];
    struct mpipe_plan *plan;
    char text[512], *save = NULL, *word;
    unsigned n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    memset(stages, 0, sizeof stages);
    snprintf(text, sizeof text, "%s", flow);
    for (word = strtok_r(text, " ", &save); word != NULL;
         word = strtok_r(NULL, " ", &save))
        stages[n++].name = word;
    plan = mpipe_plan_new(m, stages, n, MPIPE_POLICY_PACKED, spares, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
    mpipe_machine_free(m);
    return plan;
}

typedef enum mpipe_err (*show_fn)(const struct mpipe_plan *, FILE *);

/* What is shown, for free(). */
static char *text_of(show_fn show, const struct mpipe_plan *plan)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(show(plan, file), MPIPE_OK);
    CU_ASSERT_EQUAL(fclose(file), 0);
    return text;
}

static void prints_plans(void)
{
    static const struct {
        const char *machine, *flow;
        unsigned spares;
        const char *has;
    } row[] = {
        { "core:2", "a", 0, "2 ranks on 1 node, packed placement\n\nnode0\n"
          "  core 0   rank 0   feeder and sink\n  core 1   rank 1   a\n\n" },
        { "", "a b", 0, "1 rank on 1 node" },
        { "", "a b", 0, "\n  rank 0   feeder and sink, a + b\n" },
        { "node:2", "a", 0, "node0\n  rank 0   feeder and sink\nnode1\n  "
          "rank 1   a\n" },
        { "core:4", "a", 1, "rank 3   spare\n" },
        { "core:2", "a b c", 0, "rank 1   a + b + c\n" },
        { "switch:2 node:1 core:2", "a b c", 0,
          "switch 1\n  node1\n    core 0   rank 2   b\n" },
        { "package:1 numa:1 l3:2 core:1", "a", 0,
          "node0\n  cache 0\n    rank 0   feeder and sink\n  cache 1\n" },
        { "core:2", "a\tb\033[2J", 0, "rank 1   a?b?[2J\n" },
        /* Folded: 80 ranks, all alike but one node. */
        { "node:10 core:8", "a", 0, "node0: 1 feeder and sink, 7 a\n"
          "node1 and 8 more, each: 8 a\n\n" },
        { "node:10 core:8", "a b", 5, "node0: 1 feeder and sink, 7 a\n"
          "node1 and 2 more, each: 8 a\n"
          "node4: 6 a, 2 b\nnode5 and 3 more, each: 8 b\n"
          "node9: 3 b, 5 spare\n\n" },
        { "switch:2 node:5 core:8", "a", 0, "switch 0\n  node0: 1 feeder and "
          "sink, 7 a\n  node1 and 3 more, each: 8 a\nswitch 1\n  node5 and 4 "
          "more, each: 8 a\n\n" },
        { "core:2", "a", 0, "\nstage      work     ranks\n"
          "a             1         1\n" },
        { "core:2", "a", 0, "\npacked              1.01  rank 1         0 of "
          "2 moves\nround-robin         1.01  rank 1         0 of 2 "
          "moves\n" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe_plan *plan = plan_of(row[i].machine, row[i].flow,
                                          row[i].spares);
        char *text = text_of(mpipe_plan_print, plan);

        CU_ASSERT_PTR_NOT_NULL(strstr(text, row[i].has));
        if (strstr(text, row[i].has) == NULL)
            printf("row %zu:\n%s", i, text);
        free(text);
        mpipe_plan_free(plan);
    }
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;

    for (; (text = strstr(text, what)) != NULL; text++)
        n++;
    return n;
}

static void draws_plans(void)
{
    static const struct {
        const char *machine, *flow;
        unsigned cells, boxes;
        const char *has;
    } row[] = {
        { "", "a b", 1, 1, "<title>rank 0: feeder and sink, a + b</title>" },
        { "core:2", "a", 2, 1, "<title>rank 1: a</title>" },
        { "node:2 package:2 core:2", "a", 8, 6, ">package 1</text>" },
        { "node:40 core:5", "a", 200, 40, "<title>rank 199: a</title>" },
        { "switch:2 node:100 package:2 core:8", "a", 3200, 202, ">switch 1<" },
        { "core:2", "<a&\"b\">", 2, 1, "rank 1: &lt;a&amp;\"b\"&gt;<" },
        { "core:2", "a\001\n\xff", 2, 1, "rank 1: a??" "?<" },
        { "core:2", "caf\xc3\xa9", 2, 1, "rank 1: caf\xc3\xa9<" },
        { "core:2", "a-name-that-is-too-long", 2, 1, ">a-name-tha..</text>" },
        { "core:30", "a b c d e f g h i j k l m n o p q r s t u v w x y z",
          30, 1, ">rank 0 <tspan" },
    };
    size_t i;

    for (i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct mpipe_plan *plan = plan_of(row[i].machine, row[i].flow, 0);
        char *text = text_of(mpipe_plan_svg, plan);

        CU_ASSERT_EQUAL(strncmp(text, "<svg xmlns=", 11), 0);
        CU_ASSERT_STRING_EQUAL(text + strlen(text) - 7, "</svg>\n");
        CU_ASSERT_EQUAL(count(text, "<title>rank "), row[i].cells);
        CU_ASSERT_EQUAL(count(text, "class=\"b"), row[i].boxes);
        CU_ASSERT_EQUAL(count(text, "<g "), count(text, "</g>"));
        CU_ASSERT_EQUAL(count(text, "<text "), count(text, "</text>"));
        CU_ASSERT_EQUAL(count(text, "nan"), 0);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, row[i].has));
        if (strstr(text, row[i].has) == NULL)
            printf("row %zu:\n%s", i, text);
        free(text);
        mpipe_plan_free(plan);
    }
}

static void tells_of_full_disks(void)
{
    struct mpipe_plan *plan = plan_of("core:2", "a", 0);
    FILE *file = fopen("/dev/full", "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(mpipe_plan_print(plan, file), MPIPE_EIO);
    fclose(file);
    file = fopen("/dev/full", "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(mpipe_plan_svg(plan, file), MPIPE_EIO);
    fclose(file);
    mpipe_plan_free(plan);
}

static const struct mpipe__test tests[] = {
    { "a plan prints as a tree, folded when it is large", prints_plans },
    { "a plan draws a box for each place and a cell for each rank",
      draws_plans },
    { "a stream that fails is told", tells_of_full_disks },
    { NULL, NULL }
};

const struct mpipe__suite suite_plan_print = { "plan_print", tests };
