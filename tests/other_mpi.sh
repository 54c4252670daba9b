#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# other_mpi.sh - the MPI tests once more with another MPI, if there is one beside
# this build's: MPICH beside Open MPI, Open MPI beside MPICH.

case $CC in
*mpich*) other=openmpi ;;
*) other=mpich ;;
esac
if ! command -v mpicc.$other >/dev/null 2>&1; then
    echo "SKIPPED: mpicc.$other is not installed, so another MPI was NOT tried"
    exit 77
fi
if [ -e "$abs_top_srcdir/config.status" ]; then
    echo "SKIPPED: the source folder is configured in place, which bars other" \
         "builds; another MPI was NOT tried (use a build folder)"
    exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL MPIRUN MPICXX

# run WORDS...: a step that has to succeed.
run()
{
    "$@" >log 2>&1 && return
    tail -n 60 log | sed "s,^,| ,"
    [ ! -e test-suite.log ] || tail -n 60 test-suite.log | sed "s,^,| ,"
    echo "other_mpi.sh: failed: $*"
    exit 1
}

run "$abs_top_srcdir/configure" --disable-shared CC=mpicc.$other \
    MPIRUN=mpirun.$other CFLAGS=-O1
run "$MAKE" -j2 all tests/engine.mpi tests/load tests/transport_mpi.mpi
run "$MAKE" -j2 check-TESTS TESTS="tests/engine.mpi tests/errors.sh \
    tests/palindrome.sh tests/signals.sh tests/transport_mpi.mpi"
if ! grep -q '^# PASS:  *5$' log; then
    sed -n '/^# TOTAL/,/^# ERROR/s,^,| ,p' log
    echo "other_mpi.sh: not all of the tests were run with $other"
    exit 1
fi
echo "the MPI tests pass with $other, too"
