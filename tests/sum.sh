#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# sum.sh - the sum of a `make check`: sum.sh [BUILD_FOLDER]
#
# Ends with "N passed, N failed, N skipped" alone on a line; the exit status is
# 1 if anything failed or nothing passed.  A program with CUnit suites counts each of
# its tests (on each number of ranks), and once more when it failed in
# another way, by a crash say; every other test counts as one.  A CUnit test
# that says "SKIPPED: ..." counts as skipped, although CUnit calls it passed.
# What a failed test has written is shown: a CI keeps no log.

build=${1:-.}
passed=0
failed=0
skipped=0

tell_failed()
{
    echo "failed: $name: $1see $log, which ends:"
    tail -n 30 "$log" | sed 's/^/    /'
}

for trs in "$build"/tests/*.trs; do
    [ -e "$trs" ] || continue
    log=${trs%.trs}.log
    name=$(basename "${trs%.trs}")
    result=$(sed -n 's/^:test-result: \([A-Z]*\).*/\1/p' "$trs" | head -n 1)

    # CUnit's line: "  tests  TOTAL  RAN  PASSED  FAILED  INACTIVE".
    cunit=$(awk '$1 == "tests" && NF == 6 && $2 ~ /^[0-9]+$/ {
                     passed += $4; failed += $5; n++ }
                 END { if (n) print passed + 0, failed + 0 }' "$log" 2>/dev/null)
    if [ -n "$cunit" ]; then
        skips=$(grep -c '^SKIPPED: ' "$log")
        grep '^SKIPPED: ' "$log" | sed "s/^SKIPPED/skipped: $name/"
        passed=$((passed + ${cunit% *} - skips))
        skipped=$((skipped + skips))
        failed=$((failed + ${cunit#* }))
        case $result/${cunit#* } in
        PASS/*|XFAIL/*) ;;
        SKIP/*) skipped=$((skipped + 1)) ;;
        */0) failed=$((failed + 1)); tell_failed "" ;;
        *) tell_failed "${cunit#* } tests, " ;;
        esac
        continue
    fi
    case $result in
    PASS|XFAIL)
        passed=$((passed + 1)) ;;
    SKIP)
        skipped=$((skipped + 1))
        echo "skipped: $name: $(grep -m 1 SKIPPED "$log" || tail -n 1 "$log")" ;;
    *)
        failed=$((failed + 1))
        tell_failed "" ;;
    esac
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
