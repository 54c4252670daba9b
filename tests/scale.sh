#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# scale.sh - the library and its programs on simulated ranks, with SimGrid.
#
# A few ranks here, so that what was built for thousands stays right; "make scale"
# runs the large ones (minutes to hours), doc/scaling.md has what they gave.

if ! command -v smpicc >/dev/null 2>&1 || ! command -v smpirun >/dev/null 2>&1
then
    echo "SKIPPED: smpicc and smpirun are not installed (Debian:" \
         "libsimgrid-dev), so NO simulated ranks were tried"
    exit 77
fi
if [ -e "$abs_top_srcdir/config.status" ]; then
    echo "SKIPPED: the source folder is configured in place, which bars other" \
         "builds; NO simulated ranks were tried (use a build folder)"
    exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL MPIRUN MPICXX
scale=$abs_top_srcdir/tests/scale

fail() { echo "scale.sh: $*"; exit 1; }

# run WORDS...: a step that has to succeed.
run()
{
    "$@" >log 2>&1 && return
    tail -n 40 log | sed "s,^,| ,"
    fail "failed: $*"
}

run "$abs_top_srcdir/configure" --disable-shared CC=smpicc CFLAGS=-O1
run "$MAKE" -j2 tests/scale/scale apps/pi apps/wordcount

# The programs as they are, each rank with variables of its own.
sh "$scale/platform.sh" fattree 4 4 . || exit 1
simulate()
{
    timeout -s KILL 60 smpirun -np 16 -platform platform.xml -hostfile hosts \
        --cfg=smpi/simulate-computation:no --cfg=smpi/test:0 \
        --log=root.thres:error "$@" --quiet 2>err </dev/null ||
        { cat err; fail "failed: $*"; }
}
simulate apps/pi -n 20 >pi
grep -qxF '3.141840200 (15709201 of 20000000)' pi ||
    fail "pi on 16 simulated ranks: $(cat pi)"
printf 'to be or not to be\nthat is the question\n' >words
simulate apps/wordcount -n 2 words >counts
printf '2\tbe\n2\tto\n' | cmp -s - counts ||
    fail "wordcount on 16 simulated ranks: $(cat counts)"

# Jobs whose answers are checked by themselves, the same each time.
run sh "$scale/run.sh" -l 60 -t 20 16 64
mv log first
grep -c '^[a-z].*%' first | grep -qx 8 || { cat first; fail "not all were run"; }
run sh "$scale/run.sh" -l 60 -t 20 -p "farm words" 16
grep '^[a-z].*%' log | while read -r row; do
    grep -qxF "$row" first || { cat first log; fail "another run, other times"; }
done || exit 1
run sh "$scale/run.sh" -l 60 -t 20 -p "farm pipeline" -k dragonfly -P round-robin 256
mv log second
MPIPE_DIRECT=0
export MPIPE_DIRECT
run sh "$scale/run.sh" -l 60 -t 20 -p words 64      # in a square
cat first second log
