#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# cluster_deaths.sh - jobs over several virtual hosts lose ranks, hosts and cables, and
# their output is just right.

. "$abs_top_srcdir/tests/cluster/hosts.sh"

mpipe=$abs_top_builddir/apps/mpipe
copy=$abs_top_builddir/tests/copy
deadly=$abs_top_builddir/tests/deadly
dsort=$abs_top_builddir/apps/dsort

if ! "$mpipe" info | grep -q 'Open MPI'; then
    cluster_skip "this MPI is not Open MPI: no job goes on after a death"
fi

cluster_up 3

# ---- two jobs, and what they have to give ----

seq -f %0500g 1 1500 >input             # a copy: 1500 times 10 ms
cp input want.copy
awk 'BEGIN {                            # lines to be sorted, over a slow network
    seed = 5
    for (line = 0; line < 300000; line++) {
        seed = (seed * 16807) % 2147483647
        print seed, "and some more to be sorted with it"
    }
}' >lines
LC_ALL=C sort lines >want.dsort
for host in node1 node2 node3; do
    rate $host 60mbit
done

# begin HOSTS JOB OPTION...: by mpipe run, two ranks a host, in the background.
begin()
{
    hosts=$1
    job=$2
    shift 2
    command="$job over $hosts hosts, $what"
    rm -rf output parts journal
    case $job in
    copy) set -- "$@" "$copy" --peer-timeout=2 lines 0 output input ;;
    dsort) set -- "$@" "$dsort" --peer-timeout=2 -o parts lines ;;
    esac
    COPY_PAUSE_US=10000 over "$hosts" timeout -k 2 90 "$mpipe" run \
        -n $((hosts * 2)) --launcher-option=-x --launcher-option=COPY_PAUSE_US \
        "$@" >out 2>all </dev/null &
    running=$!
}

# It is in the middle: results have come, or (after the sample) pairs are under way.
has_sent() { [ "$(sent "$1")" -gt "$2" ]; }
some_results() { [ -n "$(find . -name 'output.*' -size +0)" ]; }
middle()
{
    case $job in
    copy) within 30 some_results ;;
    dsort) within 30 grep -q '^dsort.sample' all &&
            within 30 has_sent node3 $(($(sent node3) + 500000)) ;;
    esac || complain "$command: it does not get on"
}

ended()
{
    wait "$running"
    status=$?
    grep -v 'PMIX ERROR' all >err
}

output_is_right()
{
    ended
    expect 0
    [ "$job" = copy ] || cat parts/* >output
    cmp -s "want.$job" output ||
        complain "$command: the output is not as it should be"
}

# survived N: the output is right, and N ranks of node3 are told of as dead.
survived()
{
    output_is_right
    [ "$(grep -c 'rank [0-9]* on node3 .*\(has died\|is taken for dead\)' err)" -eq \
        "$1" ] || complain "$command: the log does not name $1 dead: $(cat err)"
    [ "$1" -eq 0 ] || grep -q "^$1 ranks* died: [0-9]* of node3 at" err ||
        complain "$command: the report does not name $1 dead: $(cat err)"
}

# ---- single ranks ----

what="a rank of node2 and one of node3 killed"
awk 'BEGIN { for (i = 1; i <= 20000; i++) if (i % 3 != 0)
    printf "%d %d\n", i, i * i }' >expected
command="deadly over 3 hosts, $what"
over 3 timeout -k 2 60 "$mpipe" run -n 6 "$deadly" 20000 kill:3:1 kill:4:1 \
    >out 2>err </dev/null
status=$?
expect 0
expect_out expected
for dead in 'rank 3 on node2' 'rank 4 on node3'; do
    grep -q "$dead has died" err || complain "$command: $dead is not told of"
done

# mpirun on a host that has no ranks.
command="deadly over node2 and node3 from node1"
printf 'node2 slots=2\nnode3 slots=2\n' >cluster/hostfile
OMPI_MCA_orte_default_hostfile=$cluster/hostfile at node1 timeout -k 2 60 "$mpipe" \
    run -n 4 "$deadly" 20000 kill:3:1 >out 2>err </dev/null
status=$?
expect 0
expect_out expected

# Its kernel resets its connections, and Open MPI ends a rank that was sending by one
# (rationale.md): one death more, and where it is rank 0 the job goes on from its
# journal.  A lost host resets nothing.
what="a rank of node3 killed"
begin 3 dsort --journal=journal --restarts=1
middle
set -- $(processes_of node3 dsort)
kill -KILL "$1"
output_is_right
if grep 'it is started again' err; then
    echo "note: $command: rank 0 was ended too, so who died is not looked at"
else
    grep -q 'rank [0-9]* on node3 has died' err &&
        grep -q '^[0-9]* ranks* died: .*[0-9] of node3 at' err ||
        complain "$command: it is not told of: $(cat err)"
    grep 'rank [0-9]* on node[12] has died' err | while read -r line; do
        echo "note: $command: ended by Open MPI: $line"
    done
fi

# ---- the whole host, and its cable ----

for job in copy dsort; do
    what="node3 killed"
    begin 3 $job
    middle
    crash node3
    survived 2
    boot node3
    rate node3 60mbit

    what="node3 unplugged for good"
    begin 3 $job
    middle
    unplug node3
    survived 2
    crash node3
    boot node3
    rate node3 60mbit
done

# It comes back when it has been taken for dead.
what="node3 unplugged until it is taken for dead"
begin 3 copy
middle
unplug node3
within 30 grep -q 'rank 5 on node3 is taken for dead' all ||
    complain "$command: it is not taken for dead"
plug node3
survived 2
within 30 no_processes node3 copy ||
    complain "$command: ranks stay on node3: $(ps ax)"

# ... and before.
what="node3 unplugged for a moment"
begin 3 copy
middle
unplug node3
sleep 0.5
plug node3
survived 0

# ---- rank 0's host ----

# mpirun is elsewhere, and starts it again on the host that is left.
what="rank 0's node2 killed, with --restarts"
command="copy over node2 and node3 from node1, $what"
printf 'node2 slots=2\nnode3 slots=2\n' >cluster/hostfile
rm -rf output journal
COPY_PAUSE_US=10000 OMPI_MCA_orte_default_hostfile=$cluster/hostfile at node1 \
    timeout -k 2 120 "$mpipe" run -n 4 --journal=journal --restarts=2 \
    --launcher-option=-x --launcher-option=COPY_PAUSE_US \
    "$copy" --peer-timeout=2 lines 0 output input >out 2>all </dev/null &
running=$!
within 30 sh -c '[ "$(cat journal/* | wc -c)" -gt 10000 ]' 2>/dev/null ||
    complain "$command: nothing comes into the journal"
crash node2
ended
expect 0
cmp -s want.copy output || complain "$command: the output is not as it should be"
for line in 'rank 0 is gone for 5 s' \
    'nothing can be started there: node2 (1 of 2 hosts are left, with room for 2 of 4 ranks)' \
    'copy ended with 13: it is started again, 1 of 2' \
    'of the items fed were done by an earlier run'; do
    expect_err "$line"
done
boot node2
rate node2 60mbit

what="node1 killed, with a journal"
begin 3 copy --journal=journal
within 30 sh -c '[ "$(cat journal/* | wc -c)" -gt 10000 ]' 2>/dev/null ||
    complain "$command: nothing comes into the journal"
crash node1
ended
[ "$status" -ne 0 ] || complain "$command: it has ended well"
within 30 no_processes node2 copy ||
    complain "$command: ranks stay on node2"
[ ! -e output ] || complain "$command: there is an output"
command="copy goes on over node2 and node3"
printf 'node2 slots=2\nnode3 slots=2\n' >cluster/hostfile
export OMPI_MCA_orte_default_hostfile="$cluster/hostfile"
at node2 timeout -k 2 60 "$mpipe" run -n 4 --journal=journal "$copy" lines 0 output \
    input >out 2>err </dev/null
status=$?
expect 0
cmp -s want.copy output || complain "$command: the output is not as it should be"
grep -q '^[1-9][0-9]* of the items fed were done by an earlier run' err ||
    complain "$command: it has begun anew: $(cat err)"
finish
