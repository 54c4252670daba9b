#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# measured.sh - --measured: a plan by what an earlier run has measured.

. "$abs_top_srcdir/tests/app.sh"

# ranks_of STAGE: how many ranks the plan gives it
ranks_of()
{
    sed -n "s/^$1  *[0-9.e+-]*  *\([0-9]*\)\$/\1/p" "$work/out"
}

# report_with PAIR NO_TENS: what an earlier run may have measured, in seconds
report_with()
{
    cat >report.json <<.
{"pipeline": "another", "items_fed": 7, "stages": []}
{"pipeline": "taskchain", "items_fed": 100, "stages": [
    {"name": "increment", "busy_seconds": 1.0},
    {"name": "pair", "busy_seconds": $1},
    {"name": "no_tens", "busy_seconds": $2},
    {"name": "double", "busy_seconds": 1.0}]}
.
}

# 1. A run's own report is one that can be read back.
on 3 taskchain --quiet --report=own.json
expect 0
on 3 taskchain --plan --measured=own.json
expect 0

# 2. The stage that took longer gets more ranks, whichever it is.
report_with 4.0 1.0
on 8 taskchain --plan --measured=report.json
expect 0
[ "$(ranks_of pair)/$(ranks_of no_tens)" = 4/1 ] ||
    complain "pair took 4 of 7 s, but has $(ranks_of pair) of 7 ranks"
report_with 1.0 4.0
on 8 taskchain --plan --measured=report.json
expect 0
[ "$(ranks_of pair)/$(ranks_of no_tens)" = 1/4 ] ||
    complain "no_tens took 4 of 7 s, but has $(ranks_of no_tens) of 7 ranks"

# 3. It runs so, too.
on 8 taskchain --quiet --measured=report.json
expect 0

# 4. What is no report, or one of something else, is told.
on 2 taskchain --quiet --measured=absent.json
expect 4
expect_err 'absent.json cannot be read'
echo 'not json' >wrong.json
on 2 taskchain --quiet --measured=wrong.json
expect 2
expect_err 'has no report of pipeline'
echo '{"pipeline": "taskchain", "items_fed": 1, "stages": []}' >wrong.json
on 2 taskchain --quiet --measured=wrong.json
expect 2
expect_err "nothing of stage 'increment'"
finish
