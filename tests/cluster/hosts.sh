# SPDX-License-Identifier: BSD-3-Clause
# hosts.sh - a cluster of virtual hosts on this machine; tests read it with '.'
# in place of app.sh, which it reads.
#
#   cluster_up N [SWITCHES]  make node1 ... nodeN, in equal blocks on so many switches
#   at HOST COMMAND...       run it there, in this folder and with this environment
#   over N COMMAND...        the same on node1, where mpirun has the first N hosts
#   sent WHAT                bytes that a host, or a switch to the others, has sent
#   rate WHAT RATE           what a host, or switchK's line to the others, lets through
#                            each way, such as 100mbit
#   delay switchK MS         how long its line to the others is, each way; it is a
#                            new line, without a rate
#   can_delay                is there what 'delay' needs?
#   unplug HOST, plug HOST   pull its plug, put it in again
#   crash HOST               pull its plug and kill all that runs there
#   boot HOST                start it again, empty
#   processes_of HOST PROGRAM   their numbers
#   no_processes HOST PROGRAM   there is none
#   within SECONDS COMMAND...   try until it succeeds, at most so long
#
# A host is a set of namespaces (network, UTS, IPC, mount), held by a process that
# sleeps: eth0 with 10.77.0.K, and its own /dev/shm, /run, /var/tmp, /etc/hosts.  All
# other files are shared by all hosts, as on a cluster.  A switch is a bridge; with
# several of them they hang on one more, "core".  The test itself is at 10.77.0.254.
#
# The whole test runs in a PID, a network and a mount namespace of its own, as their
# first process: when that ends, in whatever way, the kernel ends all that is in
# there, with its networks and mounts.  Nothing of it is seen outside.

cluster_skip()
{
    echo "SKIPPED: $*, so jobs over several hosts were NOT tried"
    exit 77
}

# Into namespaces of our own, or a word on what is missing.
if [ "$MPIPE_TEST_CLUSTER" != inside ]; then
    for tool in unshare nsenter ip bridge tc "${MPIRUN:-mpirun}"; do
        command -v "$tool" >/dev/null 2>&1 ||
            cluster_skip "$tool is not installed"
    done
    [ "$(id -u)" -eq 0 ] || cluster_skip "only root may make virtual hosts"
    why=$(unshare --pid --net --uts --ipc --mount --fork --kill-child --mount-proc \
        sh -c 'mount -t tmpfs none /var/tmp &&
               ip link add name sw type bridge && ip link add name veth type veth peer name other &&
               tc qdisc add dev veth root tbf rate 1mbit burst 128kb latency 50ms' \
        2>&1) || cluster_skip "no namespaces here ($(echo "$why" | head -n 1))"
    MPIPE_TEST_CLUSTER=inside
    export MPIPE_TEST_CLUSTER
    exec unshare --pid --net --uts --ipc --mount --fork --kill-child --mount-proc sh "$0" "$@"
fi

within()
{
    within_left=$(($1 * 20))
    shift
    until "$@"; do
        within_left=$((within_left - 1))
        [ $within_left -gt 0 ] || return 1
        sleep 0.05
    done
}

# ---- hosts ----

cluster_pid() { cat "$cluster/$1.pid"; }

at()
{
    at_host=$1
    shift
    # shellcheck disable=SC2016  # for that shell
    nsenter -t "$(cluster_pid "$at_host")" -n -u -i -m -- \
        sh -c 'cd "$0" && exec "$@"' "$PWD" "$@"
}

# A host is there when its pid file is.
cluster_start_host()
{
    # shellcheck disable=SC2016
    setsid unshare --net --uts --ipc --mount sh -e -c '
        hostname "$1"
        mount -t tmpfs -o mode=1777 shm /dev/shm
        mount -t tmpfs -o mode=755 run /run
        mount -t tmpfs -o mode=1777 tmp /var/tmp
        mount --bind "$2/hosts" /etc/hosts
        [ ! -e /etc/resolv.conf ] || mount --bind /dev/null /etc/resolv.conf
        ip link set lo up
        echo $$ >"$2/$1.new"
        mv "$2/$1.new" "$2/$1.pid"
        exec sleep infinity' sh "$1" "$cluster" </dev/null >"$cluster/$1.log" 2>&1 &
    within 20 test -s "$cluster/$1.pid" || {
        echo "$1 does not start: $(cat "$cluster/$1.log")"
        exit 1
    }
}

# switch_of K: which the K-th host hangs on.
switch_of() { echo $((($1 - 1) * cluster_switches / cluster_n + 1)); }

cluster_plug_in()
{
    k=${1#node}
    ip link add name "p-$1" type veth peer name eth0 netns "$(cluster_pid "$1")"
    ip link set "p-$1" master "switch$(switch_of "$k")" up
    at "$1" ip addr add "10.77.0.$k/24" dev eth0
    at "$1" ip link set eth0 up
}

# A port that has come up forwards only after a while.
cluster_settled() { ! bridge link | grep -v 'state forwarding' | grep -q ',UP'; }

# cluster_line K MS: from a switch to "core".
cluster_line()
{
    if [ "$2" -eq 0 ]; then
        ip link add name "up$1" type veth peer name "core$1"
    else
        "$cluster_cable" "up$1" "core$1" "${2}000" </dev/null >"$cluster/cable$1.log" 2>&1 &
        echo $! >"$cluster/cable$1.pid"
        within 10 grep -q there "$cluster/cable$1.log" || {
            echo "no line for switch$1: $(cat "$cluster/cable$1.log")"
            exit 1
        }
    fi
    ip link set "up$1" master "switch$1" up
    ip link set "core$1" master core up
}

# The hosts one after another.
cluster_each() { for k in $(seq "$cluster_n"); do "$1" "node$k"; done; }

cluster_up()
{
    cluster_n=$1
    cluster_switches=${2:-1}
    ip link set lo up
    for k in $(seq "$cluster_switches"); do
        ip link add name "switch$k" type bridge forward_delay 0 mcast_snooping 0
        ip link set "switch$k" up
    done
    if [ "$cluster_switches" -eq 1 ]; then
        ip addr add 10.77.0.254/24 dev switch1
    else
        ip link add name core type bridge forward_delay 0 mcast_snooping 0
        ip link set core up
        ip addr add 10.77.0.254/24 dev core
        for k in $(seq "$cluster_switches"); do cluster_line "$k" 0; done
    fi
    {
        echo '127.0.0.1 localhost'
        echo '10.77.0.254 head'
        for k in $(seq "$cluster_n"); do echo "10.77.0.$k node$k"; done
    } >"$cluster/hosts"
    cluster_each cluster_start_host
    cluster_each cluster_plug_in
    within 10 cluster_settled || { echo "no network: $(bridge link)"; exit 1; }
}

# ---- faults ----

sent()
{
    case $1 in
    switch*) sent_by=core${1#switch} ;;
    *) sent_by=p-$1 ;;
    esac
    ip -s -o link show "$sent_by" | sed 's/.*RX:[^\\]*\\ *\([0-9]*\) .*/\1/'
}

unplug()
{
    ip link set "p-$1" down
    : >"$cluster/$1.unplugged"
}

plug()
{
    ip link set "p-$1" up
    rm -f "$cluster/$1.unplugged"
    within 10 cluster_settled
}

# The processes on a host; those with a network of this name.  (A process that has
# ended and is not yet waited for has none.)
cluster_net() { readlink "/proc/$(cluster_pid "$1")/ns/net"; }
cluster_in_net()
{
    find /proc/[0-9]*/ns/net -maxdepth 0 -lname "net:\\[${1#net:?}" 2>/dev/null |
        cut -d/ -f3
}

# processes_of HOST PROGRAM
processes_of()
{
    for process in $(cluster_in_net "$(cluster_net "$1")"); do
        [ "$(cat "/proc/$process/comm" 2>/dev/null)" != "$2" ] || echo "$process"
    done
}
no_processes() { [ -z "$(processes_of "$@")" ]; }

# Kill what is there; true when there was nothing.
cluster_killed()
{
    processes=$(cluster_in_net "$1")
    # shellcheck disable=SC2086  # a list of words
    [ -z "$processes" ] || { kill -KILL $processes 2>/dev/null; return 1; }
}

# The plug first, so that nobody is told.
crash()
{
    unplug "$1"
    within 10 cluster_killed "$(cluster_net "$1")" || complain "$1 does not die"
    ip link del "p-$1" 2>/dev/null
    rm -f "$cluster/$1.pid"
}

boot()
{
    cluster_start_host "$1"
    cluster_plug_in "$1"
    rm -f "$cluster/$1.unplugged"
    within 10 cluster_settled
}

rate()
{
    case $1 in
    switch*) ports="up${1#switch} core${1#switch}" ;;
    *) ports="p-$1"
       at "$1" tc qdisc replace dev eth0 root tbf rate "$2" burst 128kb latency 50ms ;;
    esac
    for port in $ports; do
        tc qdisc replace dev "$port" root tbf rate "$2" burst 128kb latency 50ms
    done
}

cluster_cable=$abs_top_builddir/tests/cluster/cable
can_delay() { [ -c /dev/net/tun ] && [ -x "$cluster_cable" ]; }

cluster_no_line() { ! ip link show "up$1" >/dev/null 2>&1; }
delay()
{
    k=${1#switch}
    if [ -e "$cluster/cable$k.pid" ]; then
        kill "$(cat "$cluster/cable$k.pid")"
        rm "$cluster/cable$k.pid"
        within 10 cluster_no_line "$k"
    else
        ip link del "up$k"
    fi
    cluster_line "$k" "$2"
    within 10 cluster_settled
}

# ---- mpirun ----

# What mpirun takes for ssh: a clean environment, and no way to what is unplugged.
# Where it stays until the daemon ends, it ends when that is killed: as an ssh that
# looks after its connection (ServerAliveInterval) would.
cluster_rsh()
{
    cat <<END
#!/bin/sh
host=\$1
shift
if [ -e "$cluster/\$host.unplugged" ]; then
    echo "\$host: No route to host" >&2
    exit 255
fi
exec env -i HOME=/root USER=root SHELL=/bin/sh \\
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    nsenter -t "\$(cat "$cluster/\$host.pid")" -n -u -i -m --wd=/ -- sh -c "\$*"
END
}

# Each host believes that the machine's cores are its own: without 'none' the first
# rank of each would be bound to core 0.
cluster_mpi()
{
    cluster_rsh >"$cluster/rsh"
    chmod +x "$cluster/rsh"
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    export OMPI_MCA_plm_rsh_agent="$cluster/rsh"
    export OMPI_MCA_orte_tmpdir_base=/var/tmp
    export OMPI_MCA_hwloc_base_binding_policy=none
    export OMPI_MCA_mpi_yield_when_idle=1
    unset OMPI_MCA_orte_enable_recovery OMPI_MCA_rmaps_base_oversubscribe
}

# Two slots a host.
over()
{
    for k in $(seq "$1"); do echo "node$k slots=2"; done >"$cluster/hostfile"
    shift
    OMPI_MCA_orte_default_hostfile=$cluster/hostfile at node1 "$@"
}

. "$abs_top_srcdir/tests/app.sh"
# All there is in this PID namespace, so that nobody writes while the folder goes.
# shellcheck disable=SC2154  # of app.sh
trap '[ $$ -ne 1 ] || kill -KILL -1; cd /; rm -rf "$work"' EXIT
cluster=$work/cluster
mkdir "$cluster"
cluster_mpi
