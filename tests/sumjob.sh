#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# sumjob.sh - the fold jobs, apps/sumjob and apps/pi: the same answer for any
# number of ranks.

. "$abs_top_srcdir/tests/app.sh"

for ranks in 0 1 2 3 4 7 8; do
    echo 65 >want
    on $ranks sumjob
    expect 0
    expect_out want
    echo 500001500000 >want
    on $ranks sumjob --quiet -n 1000000
    expect 0
    expect_out want
    echo 0 >want
    on $ranks sumjob --quiet -n 0
    expect 0
    expect_out want
done
# What is not printed is an error: also where stdout is written line by line, as some
# MPI libraries have it.
if [ -e /dev/full ]; then
    for program in 'sumjob' 'pi -n 1' 'palindrome 10'; do
        for how in '' 'stdbuf -oL'; do
            # shellcheck disable=SC2086  # a program and its arguments
            $how "$abs_top_builddir"/apps/$program --quiet >/dev/full 2>err
            status=$?
            command="$how $program to a full disk"
            expect 4
        done
    done
fi

# Each of a job's pipelines has a trace.
on 3 sumjob --quiet --trace=trace.json
expect 0
for file in trace.json trace.json.2; do
    grep -q traceEvents $file || complain "$command: $file is no trace"
done

on 3 sumjob -n -1
expect 2
expect_err 'sumjob: -n -1: not a number from 0 to 3000000000'
on 3 sumjob 5
expect 2
expect_err 'sumjob: 5: no argument is expected'
expect_usage sumjob

# pi, to three digits
on 0 pi --quiet -n 20
expect 0
cp out want
grep -q '^3\.14[0-9]* ([0-9]* of 20000000)$' want || complain "not pi: $(cat want)"
for ranks in 1 2 3 4 7; do
    on $ranks pi --quiet -n 20
    expect 0
    expect_out want
done
on 3 pi --quiet -n 20 -s 2
expect 0
cmp -s out want && complain "another seed gives the same darts"
on 3 pi -n 0
expect 2
expect_err 'pi: -n 0: not a number from 1'
expect_usage pi
finish
