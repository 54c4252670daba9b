#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# trickle.sh - lines that come in one at a time come out one at a time: each is
# written only when the one before has come through to mpirun's stdout.

. "$abs_top_srcdir/tests/app.sh"

for ranks in 0 1 2 4; do
    command="copy on $ranks ranks"
    rm -f in out
    mkfifo in out
    if [ $ranks -eq 0 ]; then
        "$abs_top_builddir/tests/copy" --quiet lines 0 - <in >out 2>err &
    else
        sh "$abs_top_srcdir/tests/run-mpi.sh" -n $ranks \
            "$abs_top_builddir/tests/copy" --quiet lines 0 - <in >out 2>err &
    fi
    pid=$!
    exec 3>in 4<out
    for i in $(seq 1 200); do
        echo "line $i" >&3
        read -r line <&4
        [ "$line" = "line $i" ] || {
            complain "$command: '$line' instead of 'line $i'"
            break
        }
    done
    exec 3>&-
    [ -z "$(cat <&4)" ] || complain "$command: more than went in"
    exec 4<&-
    wait $pid
    status=$?
    expect 0
done
finish
