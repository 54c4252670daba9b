#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# platform.sh - write a cluster for SimGrid: platform.sh KIND NODES CORES FOLDER
#
#   fattree    leaf switches of 16 nodes, with half as many links upwards
#   dragonfly  groups of 4 chassis of 4 routers with 4 nodes each; at least 64 nodes
#
# FOLDER/platform.xml, FOLDER/hosts (ranks in the order of the nodes), and
# FOLDER/machine, the same for --machine.  Nodes have 100 Gbit/s links.

kind=$1 nodes=$2 cores=$3 folder=$4

case $kind in
fattree)
    leaf=$((nodes < 16 ? nodes : 16))
    switches=$((nodes / leaf))
    up=$((leaf > 1 ? leaf / 2 : 1))
    topology="topology=\"FAT_TREE\" topo_parameters=\"2;$leaf,$switches;1,$up;1,1\""
    ;;
dragonfly)
    leaf=64
    switches=$((nodes / leaf))
    topology="topology=\"DRAGONFLY\" topo_parameters=\"$switches,1;4,1;4,1;4\""
    ;;
*)
    switches=0
    ;;
esac
if [ "$switches" -lt 1 ] || [ $((leaf * switches)) -ne "$nodes" ]; then
    echo "platform.sh: no $kind of $nodes nodes" >&2
    exit 2
fi

cat >"$folder/platform.xml" <<END || exit 1
<?xml version='1.0'?>
<!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">
<platform version="4.1">
  <cluster id="cluster" prefix="node" radical="0-$((nodes - 1))" suffix=""
           speed="1Gf" core="$cores" bw="12.5GBps" lat="500ns"
           loopback_bw="10GBps" loopback_lat="200ns" $topology/>
</platform>
END
awk -v nodes="$nodes" -v cores="$cores" 'BEGIN {
    for (i = 0; i < nodes; i++)
        for (k = 0; k < cores; k++)
            print "node" i
}' >"$folder/hosts"
echo "switch:$switches node:$leaf core:$cores" >"$folder/machine"
