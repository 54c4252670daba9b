#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# cluster_slurm.sh - each jobscript is given to a real Slurm on virtual hosts: known
# answers, a time limit, scancel, hosts that fail.  It takes two to four minutes, for
# Slurm takes its time; so only where MPIPE_TEST_SLURM is set.

if [ -z "$MPIPE_TEST_SLURM" ]; then
    echo "SKIPPED: MPIPE_TEST_SLURM=1 was not set, so the jobscripts were NOT given to" \
        "a Slurm (that takes some minutes)"
    exit 77
fi

. "$abs_top_srcdir/tests/cluster/slurm.sh"

scripts=$abs_top_srcdir/jobscripts
apps=$abs_top_builddir/apps
copy=$abs_top_builddir/tests/copy
slowly=$abs_top_builddir/tests/slowly
if ! "$apps/mpipe" info | grep -q 'Open MPI'; then
    cluster_skip "this MPI is not Open MPI, which Slurm's mpirun is here"
fi

cluster_up 4 2
slurm_up 2

# As if libmpipe were installed.
mkdir bin
printf '#!/bin/sh\necho %s\n' "$apps" >bin/pkg-config
chmod +x bin/pkg-config
PATH=$work/bin:$apps:$PATH
export PATH
# Slurm knows the hosts, and starts the daemons.
unset OMPI_MCA_plm_rsh_agent OMPI_MCA_orte_default_hostfile

# submit SCRIPT OPTION... -- [ARGUMENT...]: its number is 'job', its output 'log'.
submit()
{
    script=$1
    command="sbatch $*"
    shift
    options=
    while [ "$1" != -- ]; do
        options="$options $1"
        shift
    done
    shift
    log=$script.log
    rm -f "$log"
    # shellcheck disable=SC2086  # a list of words
    job=$(sbatch --parsable -o "$log" $options "$scripts/$script.sbatch" "$@") ||
        complain "$command: not taken"
}

slurm_over()
{
    ! slurm_state "$1" | grep -qE 'PENDING|RUNNING|COMPLETING|CONFIGURING'
}

# over STATE [SECONDS]: the job comes to that end.
over()
{
    within "${2:-60}" slurm_over "$job" || complain "$command: it does not end"
    slurm_is "$job" "$1" ||
        complain "$command: $(slurm_state "$job"), not $1: $(tail -n 20 "$log")"
}

expect_result()
{
    cmp -s "$1" "$2" ||
        complain "$command: other results: $(head -n 5 "$2"; tail -n 5 "$log")"
}

has() { grep -q "$1" "$2" 2>/dev/null; }
some_results() { [ -n "$(find . -name "$1.*" -size +0)" ]; }

# ---- a time limit: it takes a while, so it runs beside the others ----

# The signal comes 10 s after the start, and Slurm looks every 30 s: so they have a
# minute of work.  Two jobs with two tasks each, on the same two hosts.
seq -f %0500g 1 300 >slow
limit="-n 2 -N 2 -w node3,node4 -t 1 --signal=B:USR1@50"
# shellcheck disable=SC2086  # a list of words
limited=$(COPY_PAUSE_US=200000 sbatch --parsable $limit -o limited.log \
    "$scripts/resume.sbatch" "$copy" lines 0 limited slow)
# A map-reduce job: the sums of keys 0 to 6, on stdout.
seq 1 99 | awk '{ n[$1 % 7]++; sum[$1 % 7] += $1 }
    END { for (key in n) print key, n[key], sum[key] }' | sort >sums
# shellcheck disable=SC2086
limited_job=$(sbatch --parsable $limit -o limited_job.log -e limited_job.err \
    "$scripts/resume.sbatch" "$slowly" 99 7 600000 0)

# ---- each script, by itself ----

echo 'Palindrome counter to 100000: 645' >want
submit pipeline -n 4 -- "$apps/palindrome" 100000
over COMPLETED
grep Palindrome pipeline.log >got
expect_result want got
has '^4 ranks, ' pipeline.log || complain "$command: not 4 ranks"

# Two cores a rank: each has a host of its own, on one switch.
submit pipeline -n 2 --cpus-per-task=2 --switches=1 -- "$apps/palindrome" --plan 1000
over COMPLETED
has '^2 ranks on 2 nodes' pipeline.log || complain "$command: $(cat pipeline.log)"

"$apps/wordcount" --quiet -n 10 /usr/include >want
submit mapreduce -N 2 -n 4 --mem-per-cpu=100M --
over COMPLETED
grep '^[0-9]*	' mapreduce.log >got
expect_result want got

printf 'b a b\n' >words1
printf 'c\n' >words2
submit array --array=1-2 -n 2 -- words1 words2
within 60 slurm_over "$job" || complain "$command: it does not end"
printf '2\tb\n1\ta\n' >want
expect_result want array-$job.1.result
printf '1\tc\n' >want
expect_result want array-$job.2.result

# Open MPI 4.1 sometimes crashes in MPI_Init() under srun (1 of 20 starts).
for attempt in 1 2 3 4; do
    LAUNCHER=srun
    export LAUNCHER
    submit pipeline -n 4 -- "$apps/palindrome" 100000
    unset LAUNCHER
    within 60 slurm_over "$job"
    ! slurm_is "$job" COMPLETED || break
done
command="$command by srun, $attempt attempts"
over COMPLETED
echo 'Palindrome counter to 100000: 645' >want
grep Palindrome pipeline.log >got
expect_result want got
has '^4 ranks, ' pipeline.log || complain "$command: not 4 ranks"

# ---- scancel ----

seq -f %0500g 1 5000 >slower
submit resume -n 4 -w node1,node2 -- env COPY_PAUSE_US=10000 "$copy" lines 0 \
    cancelled slower
within 60 some_results cancelled || complain "$command: it does not get on"
scancel "$job"
over CANCELLED
for host in node1 node2; do
    within 30 no_processes $host copy || complain "$command: ranks stay on $host"
done
[ -s journal-$job/pipeline-0.journal ] || complain "$command: no journal"
[ ! -e cancelled ] || complain "$command: there is a result"

# ---- the time limit ----

# stopped JOB LOG: ... and queued again.
stopped()
{
    within 120 has 'run the same command to go on' "$2" ||
        complain "$command: it is not stopped: $(cat "$2")"
    within 60 slurm_is "$1" PENDING
    scontrol update jobid="$1" timelimit=10
}

# resumed LOG: the job was queued again, and has gone on from its journal.
resumed()
{
    has '^[1-9][0-9]* of the items fed were done by an earlier run' "$1" ||
        complain "$command: it has begun anew: $(cat "$1")"
    restarts=$(scontrol -o show job "$job" | sed -n 's/.* Restarts=\([0-9]*\) .*/\1/p')
    [ "$restarts" -ge 1 ] || complain "$command: it was not queued again"
    [ ! -e journal-$job ] || complain "$command: the journal is left"
}

command="resume.sbatch with a time limit"
stopped "$limited" limited.log
command="resume.sbatch with a time limit, map-reduce"
stopped "$limited_job" limited_job.err
[ ! -s limited_job.log ] || complain "$command: it had got to its results already"
slurm_start "$limited"
slurm_start "$limited_job"

command="resume.sbatch with a time limit"
job=$limited
log=limited.log
over COMPLETED 120
expect_result slow limited
resumed limited.log

command="resume.sbatch with a time limit, map-reduce"
job=$limited_job
log=limited_job.err
over COMPLETED 120
sort limited_job.log | grep -v '^failed: 0 items, 0 keys$' >got
expect_result sums got
resumed limited_job.err

# ---- switches, by Slurm's word ----

submit pipeline -n 8 -- "$apps/palindrome" --plan 1000
over COMPLETED
cat >want <<'END'
8 ranks on 4 nodes, topology placement
switch 0
node1
node2
switch 1
node3
node4
END
sed -n '/^stage/q; s/^ *//; /^8 ranks\|^switch\|^node/p' pipeline.log >got
expect_result want got

# ---- hosts fail ----

seq -f %0500g 1 2500 >input
export COPY_PAUSE_US=10000
submit pipeline -n 8 -- "$copy" --peer-timeout=2 lines 0 output input
within 60 some_results output || complain "$command: it does not get on"
crash node4
slurm_lost node4
within 60 test -e output || complain "$command: it does not end"
boot node4
slurm_back node4
over COMPLETED
expect_result input output
has '^2 ranks died: [0-9]* of node4 at' pipeline.log ||
    complain "$command: not two dead: $(cat pipeline.log)"

# slurmd alone: Slurm takes the node for lost, and the ranks go on.
rm -f output
submit pipeline -n 8 -- "$copy" lines 0 output input
within 60 some_results output || complain "$command: it does not get on"
# shellcheck disable=SC2046  # a list of words
kill -KILL $(processes_of node2 slurmd)
slurm_lost node2
within 60 test -e output || complain "$command: it does not end"
slurm_back node2
over COMPLETED
expect_result input output

# ---- a lost host is left out by --restarts ----

# By srun, where a death ends all; and by mpirun, where rank 0 dies too.
for launcher in srun mpirun; do
    rm -rf output journal
    command="mpipe run --launcher=$launcher --restarts, node4 is lost"
    log=again.$launcher.log
    job=$(COPY_PAUSE_US=10000 sbatch --parsable -o "$log" -N 3 -n 6 \
        -w node1,node3,node4 --no-kill --wrap="exec mpipe run --launcher=$launcher \
        --journal=journal --restarts=3 $copy --peer-timeout=2 lines 0 output input")
    within 60 sh -c '[ "$(cat journal/* | wc -c)" -gt 10000 ]' 2>/dev/null ||
        complain "$command: it does not get on: $(cat "$log")"
    crash node4
    if [ $launcher = mpirun ]; then
        # shellcheck disable=SC2046  # a list of words
        kill -KILL $(processes_of node1 copy)
    fi
    slurm_lost node4
    over COMPLETED 120
    expect_result input output
    has 'nothing can be started there: node4 (2 of 3 hosts are left)' "$log" ||
        complain "$command: node4 is not left out: $(cat "$log")"
    has '^4 ranks, ' "$log" || complain "$command: not 4 ranks: $(cat "$log")"
    boot node4
    slurm_back node4
done

# The first host, where the script and rank 0 are.
rm -f output
submit resume -n 4 -w node1,node3 -- "$copy" lines 0 output input
within 60 some_results output || complain "$command: it does not get on"
crash node1
slurm_lost node1
within 60 slurm_is "$job" PENDING
scontrol update jobid="$job" reqnodelist=
slurm_start "$job"
over COMPLETED
expect_result input output
has '^[1-9][0-9]* of the items fed were done by an earlier run' resume.log ||
    complain "$command: it has begun anew: $(cat resume.log)"
finish
