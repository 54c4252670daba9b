/* SPDX-License-Identifier: BSD-3-Clause */
/* testmain.c - run the unit tests: tests/unit [-l] [SUITE...]
 *
 * Without arguments all suites of suites.def run, otherwise those that are
 * named; -l lists them.  Each name is a sentence that says what holds.  The
 * exit status is 0 if all passed, 1 if any failed, 2 if there was nothing to
 * run.
 */
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <CUnit/Basic.h>
#include <hwloc.h>
#include "suite.h"

/* A hang must become a failure; valgrind needs the most. */
#define PATIENCE_SEC 600

#define SUITE(noun) extern const struct mpipe__suite suite_##noun;
#include "suites.def"
#undef SUITE

static const struct mpipe__suite *const suites[] = {
#define SUITE(noun) &suite_##noun,
#include "suites.def"
#undef SUITE
    NULL
};

static const struct mpipe__suite *find(const char *name)
{
    for (size_t i = 0; suites[i] != NULL; i++)
        if (strcmp(suites[i]->name, name) == 0)
            return suites[i];
    return NULL;
}

static int list(void)
{
    for (size_t i = 0; suites[i] != NULL; i++)
        puts(suites[i]->name);
    return 0;
}

static bool add(const struct mpipe__suite *suite)
{
    CU_pSuite cu = CU_add_suite(suite->name, NULL, NULL);
    if (cu == NULL)
        return false;
    for (const struct mpipe__test *t = suite->tests; t->name != NULL; t++)
        if (CU_add_test(cu, t->name, t->run) == NULL)
            return false;
    return true;
}

/* Register the suites named in 'name', or all; false, with words, when that
 * cannot be done (a name twice, say). */
static bool add_suites(int n, char **name)
{
    for (int i = 0; i < n; i++) {
        const struct mpipe__suite *suite = find(name[i]);
        if (suite == NULL) {
            fprintf(stderr, "unit: no suite \"%s\"; -l lists them\n", name[i]);
            return false;
        }
        if (!add(suite)) {
            fprintf(stderr, "unit: %s: %s\n", name[i], CU_get_error_msg());
            return false;
        }
    }
    for (size_t i = 0; n == 0 && suites[i] != NULL; i++)
        if (!add(suites[i])) {
            fprintf(stderr, "unit: %s: %s\n", suites[i]->name,
                    CU_get_error_msg());
            return false;
        }
    return true;
}

int main(int argc, char **argv)
{
    hwloc_topology_t kept;      /* or hwloc loads its plug-ins for each one */
    unsigned ran, failed;

    if (argc == 2 && strcmp(argv[1], "-l") == 0)
        return list();
    setvbuf(stdout, NULL, _IOLBF, 0);   /* a crash must not eat the lines */
    alarm(PATIENCE_SEC);
    mallopt(M_MMAP_MAX, 0);     /* fresh pages cost more than small tests */
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
    if (hwloc_topology_init(&kept) != 0) {
        fprintf(stderr, "unit: no memory for hwloc\n");
        return 2;
    }
    if (CU_initialize_registry() != CUE_SUCCESS) {
        fprintf(stderr, "unit: %s\n", CU_get_error_msg());
        return 2;
    }
    if (!add_suites(argc - 1, argv + 1)) {
        CU_cleanup_registry();
        return 2;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    ran = CU_get_number_of_tests_run();
    failed = CU_get_number_of_tests_failed() + CU_get_number_of_suites_failed();
    CU_cleanup_registry();
    hwloc_topology_destroy(kept);
    if (ran == 0) {
        fprintf(stderr, "unit: no test was run\n");
        return 2;
    }
    return failed != 0;
}
