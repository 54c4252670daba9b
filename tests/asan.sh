#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# asan.sh - all unit tests once more, built with the address and
# undefined-behaviour sanitizers in a build folder of their own.

if [ ! -x "$abs_top_builddir/tests/unit" ]; then
    echo "SKIPPED: tests/unit was not built (no CUnit), so ASan was NOT run"
    exit 77
fi
if [ -e "$abs_top_srcdir/config.status" ]; then
    echo "SKIPPED: the source folder is configured in place, which bars other" \
         "builds; ASan was NOT run (use a build folder, as ./quickstart does)"
    exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL

# run WORDS...: a step that has to succeed.
run()
{
    "$@" >log 2>&1 && return
    tail -n 60 log | sed "s,^,| ,"
    echo "asan.sh: failed: $*"
    exit 1
}

run "$abs_top_srcdir/configure" --enable-asan --disable-shared CC="$CC" \
    CFLAGS=-O1
run "$MAKE" -j2 tests/unit

ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99
UBSAN_OPTIONS=print_stacktrace=1
# Every 15th of the points at which ranks die: the others are tried without.
MPIPE_TEST_STRIDE=15
export ASAN_OPTIONS UBSAN_OPTIONS MPIPE_TEST_STRIDE
# A rank that dies in the coroutine world may leave a frame that it had in hand.
deadly="backup deaths job_backup job_deaths mapreduce property resume"
others=
for suite in $(tests/unit -l); do
    case " $deadly " in
    *" $suite "*) ;;
    *) others="$others $suite" ;;
    esac
done
# shellcheck disable=SC2086  # lists of words
run tests/unit $others
ASAN_OPTIONS=detect_leaks=0:abort_on_error=0:exitcode=99
# shellcheck disable=SC2086
run tests/unit $deadly
echo "clean under ASan and UBSan: all suites; not looked for leaks: $deadly"
