#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# cluster_far.sh - a near switch and a far one: where the model says that placement by
# topology is better than round-robin, less goes from switch to switch.
#
# It prints how long both took, with the model's costs beside, for several networks
# between the switches.  MPIPE_TEST_FAR=N, by hand: medians of N longer runs each, and
# where the line is thin topology must be the faster one.  (Where it is only long, there
# is more noise than difference.)

runs=${MPIPE_TEST_FAR:-1}
numbers=100000
[ -z "$MPIPE_TEST_FAR" ] || numbers=1000000

. "$abs_top_srcdir/tests/cluster/hosts.sh"

apps=$abs_top_builddir/apps
cluster_up 4 2
cat >switches <<'SWITCHES'
node1 node2: core.left
node3 node4: core.right
SWITCHES

# taskchain POLICY OPTION...
taskchain()
{
    policy=$1
    shift
    command="taskchain over 4 hosts, --policy=$policy $*"
    over 4 timeout -k 2 120 mpirun --mca pml ob1 "$apps/taskchain" --policy="$policy" \
        --switches=switches "$@" >out 2>err </dev/null
    status=$?
    expect 0
}

# What an item costs by the model.
modelled()
{
    taskchain "$1" --plan 1
    sed -n "s/^$1  *\([0-9.]*\) .*/\1/p" out
}

# Seconds, and what has gone from switch to switch.
measure()
{
    before=$(($(sent switch1) + $(sent switch2)))
    taskchain "$1" $numbers
    crossed=$(($(sent switch1) + $(sent switch2) - before))
    [ "$(wc -l <out)" -ge $numbers ] || complain "$command: too few results"
    sed -n 's/^8 ranks, \([0-9.]*\) s,.*/\1/p' err >>"$1.seconds"
    echo $crossed >>"$1.bytes"
}

median() { sort -n "$1" | sed -n "$(((runs + 1) / 2))p"; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; }

model_topology=$(modelled topology)
model_robin=$(modelled round-robin)
less "$model_topology" "$model_robin" ||
    complain "not better by the model: $model_topology, $model_robin by round-robin"
echo "the model: $model_topology by topology, $model_robin by round-robin"

# network NAME RATE|- MS
network()
{
    if [ "$3" -gt 0 ] && ! can_delay; then
        echo "$1: NOT tried, there is no /dev/net/tun"
        return
    fi
    delay switch2 "$3"
    [ "$2" = - ] || rate switch2 "$2"
    rm -f ./*.seconds ./*.bytes
    for i in $(seq "$runs"); do
        measure topology
        measure round-robin
    done
    seconds=$(median topology.seconds)
    robin=$(median round-robin.seconds)
    bytes=$(median topology.bytes)
    robin_bytes=$(median round-robin.bytes)
    echo "$1: $seconds s and $bytes bytes between the switches by topology," \
        "$robin s and $robin_bytes bytes by round-robin"
    less "$bytes" "$robin_bytes" ||
        complain "$1: placement by topology sends as much over the far switch"
    [ -z "$MPIPE_TEST_FAR" ] || [ "$2" = - ] || less "$seconds" "$robin" ||
        complain "$1: placement by topology is not faster"
}

network 'as within' - 0
network '20 Mbit/s' 20mbit 0
network '5 ms' - 5
network '20 Mbit/s and 5 ms' 20mbit 5

# The line is as long as it should be, each way: who says no is heard after that.
if can_delay && command -v python3 >/dev/null 2>&1; then
    delay switch2 20
    at node1 python3 - <<'PYTHON' || complain "switch2 is nearer than it should be"
import socket, time
begin = time.monotonic()
error = socket.socket().connect_ex(("10.77.0.3", 9))
took = time.monotonic() - begin
print("refused by %d after %.0f ms" % (error, took * 1000))
assert error == 111 and took >= 0.04
PYTHON
else
    echo "how long the line is was NOT looked at: no python3, or no /dev/net/tun"
fi
finish
