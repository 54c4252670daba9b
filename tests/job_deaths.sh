#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# job_deaths.sh - ranks of real map-reduce jobs die, before their n-th message and
# by SIGKILL at random moments; what the programs give is the same as without.

. "$abs_top_srcdir/tests/app.sh"


needs_survival 'that a map-reduce job goes on after deaths'

# Some words, and some sequences.
awk 'BEGIN {
    seed = 5
    for (line = 0; line < 40000; line++) {
        text = ""
        for (n = line % 9; n >= 0; n--) {
            seed = (seed * 16807) % 2147483647
            text = text sprintf("%c%s ", 65 + seed % 26,
                                substr("aBcabcXyZqrs", 1 + seed % 9,
                                       int(seed / 1000) % 4))
        }
        print text
    }
}' >words
awk 'BEGIN {
    seed = 3
    for (read = 0; read < 3000; read++) {
        print ">read" read
        text = ""
        for (n = 0; n < 100; n++) {
            seed = (seed * 16807) % 2147483647
            text = text substr("ACGT", 1 + int(seed / 1000) % 4, 1)
        }
        print text
    }
}' >reads.fa

deaths=0                                # that were told of
lost=0                                  # runs in which partitions were lost

# run RANKS PROGRAM ARGUMENT...: with what MPIPE_FAULT says.
run()
{
    ranks=$1
    program=$2
    shift 2
    command="$program $* on $ranks ranks, ${MPIPE_FAULT:-nobody dies}"
    rm -rf parts
    timeout -k 2 60 "$mpipe" run -n "$ranks" "$abs_top_builddir/apps/$program" \
        "$@" >"$work/out" 2>"$work/err" </dev/null
    status=$?
}

# The program's results, in 'got': its output, or its part files.
results()
{
    if [ -d parts ]; then
        cat parts/part-* >got
        [ -z "$(find parts -name '.*.tmp')" ] || complain "$command: a .tmp is left"
    else
        cp out got
    fi
}

judge()
{
    expect 0
    results
    cmp -s got want || complain "$command: other results than without deaths"
    deaths=$((deaths + $(grep -c 'has died$' err)))
    ! grep -q 'partitions lost, to be computed again$' err ||
        lost=$((lost + 1))
}

# A rank dies before its n-th message; several do.  (All but rank 0 early, or they
# might die over the same item, which would then be taken for the cause.)
by_message()
{
    unset MPIPE_FAULT
    run 5 "$@"
    expect 0
    results
    cp got want
    for fault in kill=10,rank=2 kill=45,rank=4 kill=90,rank=1 \
                 kill=18,rank=1,rank=3 kill=4,rank=1,rank=2,rank=3,rank=4; do
        export MPIPE_FAULT=$fault
        run 5 "$@"
        unset MPIPE_FAULT
        command="$* on 5 ranks, $fault"
        judge
    done
}

by_message wordcount --memory=64K --frame=1K words
by_message dsort -o parts words
by_message kmers -k 12 reads.fa
by_message sumjob

# Kill the rank of this very job with SIGKILL, if it is there yet.
kill_rank()
{
    for process in /proc/[0-9]*; do
        [ "$(readlink "$process/exe" 2>/dev/null)" = "$1" ] || continue
        tr '\0' '\n' <"$process/environ" 2>/dev/null >environ
        grep -qx "MPIPE_TEST_JOB=$work" environ &&
            grep -qx "OMPI_COMM_WORLD_RANK=$2" environ &&
            kill -9 "${process#/proc/}" 2>/dev/null
    done
}

if [ -r /proc/self/environ ]; then
    export MPIPE_TEST_JOB="$work"
    run 4 dsort -o parts words words words words
    results
    cp got want
    for moment in 0.3 0.4 0.6; do
        command="dsort, a rank killed after $moment s"
        rm -rf parts
        "$mpipe" run -n 4 "$abs_top_builddir/apps/dsort" -o parts words words \
            words words >out 2>err </dev/null &
        job=$!
        sleep $moment
        # before MPI has started a death is another matter
        [ ! -d parts ] || kill_rank "$abs_top_builddir/apps/dsort" 2
        wait $job
        status=$?
        judge
    done
    unset MPIPE_TEST_JOB
else
    echo "job_deaths: no /proc/self/environ: SIGKILL from outside was NOT tried"
fi

[ "$deaths" -ge 12 ] || complain "only $deaths ranks have died"
[ "$lost" -ge 1 ] || complain "in no run partitions were lost"
echo "$deaths ranks died, in $lost runs partitions were lost"
finish
