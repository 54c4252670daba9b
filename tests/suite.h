/* SPDX-License-Identifier: BSD-3-Clause */
/* suite.h - how a test file shows its tests to testmain.c. */
#ifndef MPIPE_TESTS_SUITE_H
#define MPIPE_TESTS_SUITE_H

#include <CUnit/CUnit.h>

#ifdef NDEBUG
# error "tests need assert(): build them without NDEBUG"
#endif

struct mpipe__test {
    const char *name;           /* a sentence: what holds */
    void (*run)(void);
};

struct mpipe__suite {
    const char *name;           /* the module */
    const struct mpipe__test *tests;    /* ends with {NULL, NULL} */
};

#endif
