#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# backup.sh - a real rank is a thousand times slower than the others: the output is
# complete before it has done what it was given.

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
finish
