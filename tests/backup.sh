#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# backup.sh - a real rank is much slower than the others: the output is complete before
# it has done what it was given, and the job ends without it.

. "$abs_top_srcdir/tests/app.sh"

copy=$abs_top_builddir/tests/copy

needs_survival 'that slow ranks are helped'
seq 1 500 >input
export COPY_PAUSE_US=4000 COPY_SLOW_RANK=2

# run OPTION...: and see whether the output is there before the end.
run()
{
    command="copy by mpipe run with a slow rank, $*"
    rm -f output
    timeout -k 2 90 "$mpipe" run -n 4 "$copy" "$@" lines 0 output input >out 2>all \
        </dev/null &
    job=$!
    early=no
    while kill -0 "$job" 2>/dev/null; do
        [ ! -e output ] || early=yes
        sleep 0.1
    done
    wait "$job"
    status=$?
    grep -a -v 'PMIX ERROR' all >err
    expect 0
    cmp -s input output || complain "$command: the output is not the input"
}

run --report=report.json
[ $early = yes ] || complain "$command: the output came at the end only"
expect_err 'given to idle ranks as well'
grep -q '"late_frames_won": [1-9]' report.json ||
    complain "$command: the report does not say so"
run --backups=never
! grep -q 'given to idle ranks' err || complain "$command: it was"

# late MODE WORD...: a rank takes long over its first item.
late()
{
    command="late $* by mpipe run"
    timeout -k 2 90 "$mpipe" run -n 4 "$abs_top_builddir/tests/late" "$@" >out \
        2>all </dev/null
    status=$?
    grep -a -v 'PMIX ERROR' all >err
    expect 0
}

# Of a job the sums, and numbers that depend on the order of the values: of item n there
# are 400 values, of key (n + i) % 13 for i from 0.
awk 'BEGIN {
    for (n = 1; n <= 300; n++)
        for (i = 0; i < 400; i++) {
            k = (n + i) % 13
            sum[k] += n
            order[k] = (order[k] * 31 + n) % 1000003
        }
    for (k = 0; k < 13; k++) {
        print k, sum[k] >"counts"
        print k, order[k] >"order"
    }
}'
# judge FILE: of a job's results and what it counted.
judge()
{
    sort -n out | cmp -s - "$1" || complain "$command: other results"
    grep -q '120000 pairs emitted' err ||
        complain "$command: not the right number of pairs: $(grep emitted err)"
}

# One of the ranks has the only partition, so that all wait for it; not for the others.
for mode in counts order; do
    helped=0
    for rank in 1 2 3; do
        late $mode $rank 3 1 --frame=1K
        ! grep -q 'given to idle ranks as well' err || helped=$((helped + 1))
        judge $mode
    done
    [ $helped -ge 2 ] || complain "$command: in $helped of 3 runs it was helped"
done
# A function that would take a minute: the job ends when all is delivered, and tells of the
# rank that is left behind.  (Before it was so that took the minute.)
left()
{
    began=$(date +%s)
    late "$@"
    took=$(($(date +%s) - began))
    [ $took -lt 40 ] || complain "$command: it took $took s"
    expect_err ' is left behind in stage '
    grep -q '^left behind: rank [123] of .*, in stage ' err ||
        complain "$command: the report does not say so"
    ! grep -q 'has died' err || complain "$command: somebody has died"
}
awk 'BEGIN { for (n = 1; n <= 300; n++) print n, n * n }' >squares
left pipeline 2 60
expect_out squares

# Of a job the owner of the only partition is needed; another rank is not.
late counts 2 0 1 --report=report.json
owner=$(sed -n 's/.*"largest_rank": \([0-9]*\).*/\1/p' report.json | head -n 1)
left counts $((owner % 3 + 1)) 60 1
judge counts
late counts "$owner" 4 1
judge counts
! grep -q 'left behind' err || complain "$command: a rank is that has a partition"
late pipeline 2 4 --backups=never
expect_out squares
! grep -q 'left behind' err || complain "$command: a rank is"

late order 1 3 3 --frame=1K
judge order
late order 2 1 3 --frame=1K --backups=never
judge order
! grep -q 'given to idle ranks' err || complain "$command: something was"
finish
