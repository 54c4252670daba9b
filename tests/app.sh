# SPDX-License-Identifier: BSD-3-Clause
# app.sh - what the tests of the programs share; they read it with '.'.
#
#   on RANKS PROGRAM [ARGUMENT...]  run apps/PROGRAM (or tests/PROGRAM, if it is
#                                   there); RANKS 0: without mpirun.  stdin is
#                                   $input, or empty.  Fills $work/out,
#                                   $work/err and $status
#   expect STATUS                   ... or complain, and show what it said
#   expect_out FILE                 stdout is the same bytes
#   expect_err TEXT                 just one line of stderr has TEXT: an error is
#                                   told once, not by every rank
#   expect_usage PROGRAM            what holds for the arguments of them all
#   needs_survival WHAT             skip the test where no job goes on after a
#                                   death, so that WHAT was not tried
#   finish                          the end: the exit status
#
# The tests run in $work, a fresh folder that is removed at the end.

name=$(basename "$0" .sh)
failed=0
status=
input=/dev/null
work=$(mktemp -d "${TMPDIR:-/tmp}/mpipe-$name.XXXXXX") || exit 1
trap 'cd /; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work" || exit 1

# In case the person who runs the tests has options set.
for variable in $(env | sed -n 's/^\(MPIPE_[A-Z_]*\)=.*/\1/p'); do
    case $variable in
    MPIPE_TEST_*) ;;
    *) unset "$variable" ;;
    esac
done

complain()
{
    echo "$name: $*"
    failed=1
}

on()
{
    ranks=$1
    program=$2
    shift 2
    command="$program $* on $ranks ranks"
    path=$abs_top_builddir/apps/$program
    [ -x "$path" ] || path=$abs_top_builddir/tests/$program
    if [ "$ranks" -eq 0 ]; then
        timeout -k 2 120 "$path" "$@"
    else
        sh "$abs_top_srcdir/tests/run-mpi.sh" -n "$ranks" "$path" "$@"
    fi <"$input" >"$work/out" 2>"$work/err"
    status=$?
    if [ $status -eq 77 ]; then
        cat "$work/err"
        exit 77                 # no launcher: skipped
    fi
}

expect()
{
    [ "$status" -eq "$1" ] && return
    complain "$command: exit status $status, not $1; stderr:"
    sed 's/^/    /' "$work/err"
}

expect_out()
{
    cmp -s "$work/out" "$1" && return
    complain "$command: stdout is not as it should be:"
    diff "$1" "$work/out" | head -n 10
}

expect_err()
{
    [ "$(grep -c -F -e "$1" "$work/err")" -eq 1 ] && return
    complain "$command: not just one line of stderr has '$1':"
    sed 's/^/    /' "$work/err"
}

expect_usage()
{
    for ranks in 0 3; do
        on "$ranks" "$1" --help
        expect 0
        [ "$(grep -c '^Usage: ' "$work/out")" -eq 1 ] ||
            complain "$command: the help was not printed once"
        on "$ranks" "$1" --no-such-option
        expect 2
        expect_err "$1: --no-such-option: no such option"
        on "$ranks" "$1" -Q
        expect 2
        expect_err "$1: -Q: no such option"
        [ ! -s "$work/out" ] || complain "$command: something on stdout"
    done
}

needs_survival()
{
    mpipe=$abs_top_builddir/apps/mpipe
    unset OMPI_MCA_orte_enable_recovery
    if ! "$mpipe" info | grep -q 'Open MPI'; then
        echo "SKIPPED: this MPI is not Open MPI, where no job goes on after a" \
            "death: $1 was NOT tried"
        exit 77
    fi
    command -v mpirun >/dev/null 2>&1 && return
    echo "SKIPPED: there is no mpirun: $1 was NOT tried"
    exit 77
}

finish()
{
    [ $failed -ne 0 ] || echo "$name: as expected"
    exit $failed
}
