#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# job_resume.sh - map-reduce jobs with a journal are killed, stopped and run again,
# while they map and while they reduce, and the output is just right.

. "$abs_top_srcdir/tests/app.sh"

mpipe=$abs_top_builddir/apps/mpipe
slowly=$abs_top_builddir/tests/slowly
job=
trap '[ -z "$job" ] || kill -KILL "$job" 2>/dev/null; cd /; rm -rf "$work"' EXIT

if ! command -v mpirun >/dev/null 2>&1; then
    echo "SKIPPED: no mpirun, so that a killed job goes on was NOT tried"
    exit 77
fi
unset OMPI_MCA_orte_enable_recovery

# want ITEMS KEYS: what comes of it, in 'want', sorted.
want()
{
    seq 1 "$1" | awk -v keys="$2" '
        $1 % 100 == 0 { items++; next }
        { n[$1 % keys]++; sum[$1 % keys] += $1 }
        END {
            for (key in n)
                if (key != 7)
                    printf "%d %d %.0f\n", key, n[key], sum[key]
            printf "failed: %d items, %d keys\n", items, 7 in n
        }' | sort >want
}

# begin RANKS ARGUMENT... : in the background.
begin()
{
    ranks=$1
    shift
    command="slowly by mpipe run on $ranks ranks, $*"
    before=$(cat journal/pipeline-*.journal 2>/dev/null | wc -c)
    "$mpipe" run -n "$ranks" --journal=journal "$@" >out 2>all \
        </dev/null &
    job=$!
}

ended()
{
    wait "$job"
    status=$?
    job=
    grep -a -v 'PMIX ERROR' all >err
}

# grown BYTES: so much has come into the journal.
grown()
{
    for i in $(seq 400); do
        [ "$(cat journal/pipeline-*.journal 2>/dev/null | wc -c)" -lt \
            $((before + $1)) ] || return
        sleep 0.02
    done
    complain "$command: nothing comes into the journal: $(cat all)"
}

# judge WORDS: all is there once, and nothing else is left; the report says so.
judge()
{
    expect 1
    if [ -d parts ]; then
        cat parts/part-* out >got
        [ -z "$(find parts -name '.*.tmp')" ] || complain "$command: a .tmp is left"
    else
        cp out got
    fi
    sort got | cmp -s - want || complain "$command: $(sort got | diff - want)"
    [ -z "$(ls journal)" ] || complain "$command: left: $(ls journal)"
    grep -q "$1" err || complain "$command: it does not say $1: $(cat err)"
    rm -rf journal parts out
}

earlier='^[1-9][0-9]* of the items fed were done by an earlier run'

# reduced BYTES: so much is in the journal of the output.
reduced()
{
    for i in $(seq 400); do
        [ "$(cat journal/pipeline-0.journal 2>/dev/null | wc -c)" -lt "$1" ] ||
            return
        sleep 0.02
    done
    complain "$command: no results come into the journal: $(cat all)"
}

# ---- while it maps ----

want 3000 500
begin 3 "$slowly" 3000 500 2000 0
grown 3000
kill -KILL "$(cat pid)"
ended
expect 13
begin 4 "$slowly" 3000 500 2000 0
grown 3000
kill -KILL "$(cat pid)"
ended
expect 13
begin 2 "$slowly" 3000 500 2000 0
ended
judge "$earlier"

for signal in TERM USR1; do
    begin 3 "$slowly" 3000 500 2000 0
    grown 3000
    kill -$signal "$job"
    ended
    expect 14
    begin 3 "$slowly" 3000 500 2000 0
    ended
    judge "$earlier"
done

begin 3 --restarts=2 "$slowly" 3000 500 2000 0
grown 3000
kill -KILL "$(cat pid)"
ended
judge "$earlier"

# A rank that is not rank 0 dies in the run that goes on.
if "$mpipe" info | grep -q 'Open MPI'; then
    begin 4 "$slowly" 3000 500 2000 0
    grown 3000
    kill -KILL "$(cat pid)"
    ended
    expect 13
    export MPIPE_FAULT=kill=40,rank=2
    begin 4 "$slowly" 3000 500 2000 0
    ended
    unset MPIPE_FAULT
    judge "$earlier"
fi

# ---- while it reduces ----

want 1000 200
begin 3 "$slowly" 1000 200 0 20000
reduced 1500
kill -KILL "$(cat pid)"
ended
expect 13
begin 5 "$slowly" 1000 200 0 20000
ended
judge '^[1-9][0-9]* keys were done by an earlier run'

begin 3 "$slowly" 1000 200 0 20000 parts
reduced 700
kill -KILL "$(cat pid)"
ended
expect 13
ls parts/part-* >/dev/null || complain "$command: no part file is complete"
begin 3 "$slowly" 1000 200 0 20000 parts
ended
judge '^[1-9][0-9]* keys were done by an earlier run'

begin 3 "$slowly" 1000 200 0 20000
reduced 1500
kill -TERM "$job"
ended
expect 14
begin 3 "$slowly" 1000 200 0 20000
ended
judge '^[1-9][0-9]* keys were done by an earlier run'

# ---- what is refused ----

begin 3 "$slowly" 1000 200 0 20000 parts
reduced 700
kill -KILL "$(cat pid)"
ended
rm parts/part-*
begin 3 "$slowly" 1000 200 0 20000 parts
ended
expect 4
expect_err 'which by the journal an earlier run has written, cannot be read'
rm -rf journal parts

begin 3 "$slowly" 3000 500 2000 0
grown 3000
kill -KILL "$(cat pid)"
ended
for file in journal/*.run-0.rank-1; do
    printf '\377\377\377' | dd of="$file" bs=1 seek=100 conv=notrunc 2>/dev/null
done
begin 3 "$slowly" 3000 500 2000 0
ended
expect 4
expect_err 'has not all that it is known to have'
rm journal/*.run-0.*
begin 3 "$slowly" 3000 500 2000 0
ended
expect 4
expect_err 'must be one that all hosts share'
rm -rf journal

finish
