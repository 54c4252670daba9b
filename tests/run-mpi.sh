#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# run-mpi.sh - start an MPI program with the flags that this machine needs.
#
#   run-mpi.sh [-v] [-n RANKS] [-t SECONDS] PROGRAM [ARGUMENT...]
#
#   -n RANKS    a number, or a list of them to be run one after another
#               (default: $MPIPE_TEST_RANKS, else "1 2 3 4 7")
#   -t SECONDS  for each run (default: $MPIPE_TEST_TIMEOUT, else 120)
#   -v          show each command on stderr before it is run
#
# $MPIRUN names the launcher (default: mpirun).  The exit status is that of the
# first run that failed (124: it took too long), or 77, "skipped", when there
# is no launcher.  `make check` runs tests/*.mpi with it; shell tests and
# ./quickstart use it as well.

ranks=${MPIPE_TEST_RANKS:-1 2 3 4 7}
seconds=${MPIPE_TEST_TIMEOUT:-120}
verbose=no
while getopts vn:t: option; do
    case $option in
    v) verbose=yes ;;
    n) ranks=$OPTARG ;;
    t) seconds=$OPTARG ;;
    *) sed -n 's/^#   //p' "$0" >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
if [ $# -eq 0 ]; then
    echo "run-mpi.sh: no program given" >&2
    exit 2
fi

mpirun=${MPIRUN:-mpirun}
if ! command -v "$mpirun" >/dev/null 2>&1; then
    echo "SKIPPED: $mpirun is not installed, so $1 was NOT run" >&2
    exit 77
fi

# A launcher that is a wrapper around this script would start it for ever.
if [ "$MPIPE_TEST_LAUNCHER" = "$mpirun" ]; then
    echo "run-mpi.sh: $mpirun has called run-mpi.sh; give MPIRUN with its path" >&2
    exit 2
fi
MPIPE_TEST_LAUNCHER=$mpirun
export MPIPE_TEST_LAUNCHER

# More ranks than cores are wanted here, and ranks must not be bound: two jobs
# side by side (make -j) would be bound to the same cores.
case $("$mpirun" --version 2>&1) in
*"Open MPI"*|*OpenRTE*|*PRRTE*)
    flags="--oversubscribe --bind-to none"
    [ "$(id -u)" -ne 0 ] || flags="--allow-run-as-root $flags"
    # Containers often forbid one process to read another's memory.
    if [ -e /.dockerenv ] || [ -e /run/.containerenv ]; then
        OMPI_MCA_btl_vader_single_copy_mechanism=none
        export OMPI_MCA_btl_vader_single_copy_mechanism
    fi
    ;;
*)
    flags=
    ;;
esac

# timeout(1) runs its command in the background, where a terminal cannot be
# read.
[ ! -t 0 ] || exec </dev/null

for n in $ranks; do
    [ $verbose = no ] || echo "\$ $(basename "$mpirun")${flags:+ $flags} -np $n $*" >&2
    # shellcheck disable=SC2086  # $flags is a list of words
    timeout -k 2 "$seconds" "$mpirun" $flags -np "$n" "$@"
    status=$?
    [ $status -ne 0 ] || continue
    case $status in
    77) ;;
    124|137) echo "run-mpi.sh: $1 on $n ranks: killed after $seconds s" >&2 ;;
    *) echo "run-mpi.sh: $1 on $n ranks: exit status $status" >&2 ;;
    esac
    exit $status
done
