#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# silent.sh - a rank of a real job is stopped, so that it does not die but is
# silent: after --peer-timeout the others go on without it, and should it come back it
# leaves and disturbs nobody.

. "$abs_top_srcdir/tests/app.sh"

deadly=$abs_top_builddir/tests/deadly
items=20000                             # the last is no multiple of 3

needs_survival 'that a job goes on without silent ranks'

awk -v n=$items 'BEGIN { for (i = 1; i <= n; i++) if (i % 3 != 0)
    printf "%d %d\n", i, i * i }' >expected

# begin RANKS WORD...: the program with these words, in the background.
begin()
{
    ranks=$1
    shift
    command="deadly $* on $ranks ranks"
    rm -f stopped go
    : >err
    timeout -k 2 60 "$mpipe" run -n "$ranks" "$deadly" "$@" \
        >out 2>err </dev/null &
    job=$!
}

# wait_for WORD...: until this command succeeds, or the job is over.
wait_for()
{
    until "$@"; do
        kill -0 $job 2>/dev/null || return 1
        sleep 0.05
    done
}

# Until the job has ended.
join()
{
    wait $job
    status=$?
}

is_gone()
{
    ! kill -0 "$pid" 2>/dev/null
}

# A rank is stopped, and goes on when it has been taken for dead, while the others
# work; one of them is in a function all that time and longer, and is not taken for
# dead.
begin 4 $items stop:2:100 hold:go --peer-timeout=2
if wait_for grep -q 'rank 2 on .* is taken for dead: it has been silent for 2 s' err
then
    pid=$(cat stopped)
    kill -CONT "$pid"
    wait_for is_gone || complain "$command: it does not leave when it comes back"
    expect_err 'deadly: rank 2: this rank was silent for so long'
else
    complain "$command: it is not found: $(cat err)"
fi
touch go
join
expect 0
expect_out expected
grep -q '^1 rank died: 2 of .* (silent); ' err ||
    complain "$command: the report does not say so: $(cat err)"
[ "$(grep -c 'is taken for dead\|has died' err)" -eq 1 ] ||
    complain "$command: others too were taken for dead: $(cat err)"

# It never goes on, and would keep mpirun from ending.
begin 4 $items stop:2:100 --peer-timeout=2
join
expect 0
expect_out expected
expect_err 'is stopped, and the job is done without it: it is killed'
pid=$(cat stopped)
is_gone || complain "$command: it stays behind"

# Rank 0 is stopped for longer than that, and goes on: nobody has died.
begin 3 $items stop:0:100 --peer-timeout=2
wait_for test -e stopped || complain "$command: it was not stopped: $(cat err)"
sleep 3
kill -CONT "$(cat stopped)"
join
expect 0
expect_out expected
! grep -q 'dead\|died' err || complain "$command: somebody has died: $(cat err)"

finish
