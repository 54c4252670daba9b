#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# measured.sh - --measured: a plan by what an earlier run has measured.

. "$abs_top_srcdir/tests/app.sh"

# ranks_of STAGE: how many ranks the plan gives it
ranks_of()
{
    sed -n "s/^$1  *[0-9.e+-]*  *\([0-9]*\)\$/\1/p" "$work/out"
}

# report_with SQUARE ODD: what an earlier run may have measured, in seconds
report_with()
{
    cat >report.json <<.
{"pipeline": "another", "items_fed": 7, "stages": []}
{"pipeline": "pipeline", "items_fed": 100, "stages": [
    {"name": "square", "busy_seconds": $1},
    {"name": "odd", "busy_seconds": $2}]}
.
}

# 1. A run's own report is one that can be read back.
on 3 mypipeline --quiet --report=own.json
expect 0
on 3 mypipeline --plan --measured=own.json
expect 0

# 2. The stage that took longer gets more ranks, whichever it is.
report_with 4.0 1.0
on 6 mypipeline --plan --measured=report.json
expect 0
[ "$(ranks_of square)/$(ranks_of odd)" = 4/1 ] ||
    complain "square took 4 of 5 s, but has $(ranks_of square) of 5 ranks"
report_with 1.0 4.0
on 6 mypipeline --plan --measured=report.json
expect 0
[ "$(ranks_of square)/$(ranks_of odd)" = 1/4 ] ||
    complain "odd took 4 of 5 s, but has $(ranks_of odd) of 5 ranks"

# 3. It runs so, too.
on 6 mypipeline --quiet --measured=report.json
expect 0

# 4. What is no report, or one of something else, is told.
on 2 mypipeline --quiet --measured=absent.json
expect 4
expect_err 'absent.json cannot be read'
echo 'not json' >wrong.json
on 2 mypipeline --quiet --measured=wrong.json
expect 2
expect_err 'has no report of pipeline'
echo '{"pipeline": "pipeline", "items_fed": 1, "stages": []}' >wrong.json
on 2 mypipeline --quiet --measured=wrong.json
expect 2
expect_err "nothing of stage 'square'"
finish
