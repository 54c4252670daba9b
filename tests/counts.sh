#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# counts.sh - sum.sh, which says how a run ended, counts rightly.

status=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/tests"

# result NAME RESULT [PASSED FAILED]: a test's .trs, and its log with CUnit's
# table when numbers are given.
result()
{
    printf ':test-result: %s\n:global-test-result: %s\n' "$2" "$2" \
        >"$work/tests/$1.trs"
    echo "some words" >"$work/tests/$1.log"
    [ $# -eq 2 ] || printf '
Run Summary:    Type  Total    Ran Passed Failed Inactive
              suites      2      2    n/a      0        0
               tests  %5d  %5d  %5d  %5d        0
             asserts     99     99     99      0      n/a
' $(($3 + $4)) $(($3 + $4)) "$3" "$4" >>"$work/tests/$1.log"
}

# sum STATUS LINE: what sum.sh should say in the end.
sum()
{
    sh "$abs_top_srcdir/tests/sum.sh" "$work" >"$work/out"
    got=$?
    [ $got -eq "$1" ] && [ "$(tail -n 1 "$work/out")" = "$2" ] && return
    echo "counts.sh: exit status $got, not $1, or not '$2':"
    sed 's/^/    /' "$work/out"
    status=1
}

sum 1 '0 passed, 0 failed, 0 skipped'       # nothing ran: not a success
result one PASS
sum 0 '1 passed, 0 failed, 0 skipped'
result unit PASS 20 0
sum 0 '21 passed, 0 failed, 0 skipped'
result two SKIP
sum 0 '21 passed, 0 failed, 1 skipped'
result unit FAIL 18 2                       # two tests, not one program
sum 1 '19 passed, 2 failed, 1 skipped'
result unit FAIL 20 0                       # it failed after its tests
sum 1 '21 passed, 1 failed, 1 skipped'
result unit FAIL                            # it crashed before its table
sum 1 '1 passed, 1 failed, 1 skipped'
result unit PASS 20 0
result three ERROR
sum 1 '21 passed, 1 failed, 1 skipped'
result three XPASS
sum 1 '21 passed, 1 failed, 1 skipped'

[ $status -ne 0 ] || echo "tests are counted as they should be"
exit $status
