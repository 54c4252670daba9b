#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# valgrind.sh - the suites read and free only what is theirs.
#
# Left out is what would take minutes, and lifeline, whose children just end;
# asan.sh runs these too.

left_out="job_deaths lifeline mapreduce pipeline placement property repair \
transport_fault transport_loop"

unit=$abs_top_builddir/tests/unit
if [ ! -x "$unit" ]; then
    echo "SKIPPED: tests/unit was not built (no CUnit), so valgrind was NOT run"
    exit 77
fi
if ! command -v valgrind >/dev/null 2>&1; then
    echo "SKIPPED: valgrind is not installed, so it was NOT run"
    exit 77
fi
if ! "$unit" -l >/dev/null 2>&1 || ldd "$unit" | grep -q libasan; then
    echo "SKIPPED: tests/unit has the address sanitizer, which valgrind bars"
    exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Ranks that die in the coroutine world leave frames that they had in hand.
deadly="backup deaths job_backup resume"
chosen=
for suite in $("$unit" -l); do
    case " $left_out $deadly " in
    *" $suite "*) ;;
    *) chosen="$chosen $suite" ;;
    esac
done

# under_valgrind WHETHER_LEAKS SUITES...
under_valgrind()
{
    leaks=$1
    shift
    valgrind --quiet --error-exitcode=99 --leak-check="$leaks" \
        --errors-for-leak-kinds=definite,possible --show-leak-kinds=definite,possible \
        --suppressions="$abs_top_srcdir/tests/valgrind.supp" \
        --log-file="$work/valgrind" "$unit" "$@" >"$work/out" 2>&1
    status=$?
    if [ $status -ne 0 ]; then
        sed "s,^,| ," "$work/out" "$work/valgrind"
        echo "valgrind.sh: exit status $status"
        exit 1
    fi
}

MPIPE_TEST_STRIDE=23
export MPIPE_TEST_STRIDE
# shellcheck disable=SC2086
under_valgrind full $chosen
# shellcheck disable=SC2086
under_valgrind no $deadly
echo "clean under valgrind:$chosen; and $deadly, where leaks were not looked for"
