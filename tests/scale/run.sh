#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# run.sh - jobs on many simulated ranks: run.sh [OPTION...] RANKS...
#
#   -b FOLDER   a build with CC=smpicc, in which "make tests/scale/scale" was made (.)
#   -k KIND     fattree (default) or dragonfly
#   -p PARTS    "farm ranges pipeline words" or some of them
#   -t TASKS    for each rank (100)
#   -u US       of simulated time for a task (1000)
#   -s STEP     tasks in an item of ranges (10)
#   -P POLICY   topology (default) or round-robin
#   -l SECONDS  time limit of one run (600)
#
# Nodes have four ranks.  A row for each run; what did not end says so.

build=. kind=fattree parts="farm ranges pipeline words" tasks=100 us=1000 step=10
policy=topology limit=600
while getopts b:k:p:t:u:s:P:l: option; do
    case $option in
    b) build=$OPTARG ;;
    k) kind=$OPTARG ;;
    p) parts=$OPTARG ;;
    t) tasks=$OPTARG ;;
    u) us=$OPTARG ;;
    s) step=$OPTARG ;;
    P) policy=$OPTARG ;;
    l) limit=$OPTARG ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))

here=$(dirname "$0")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
status=0

cat <<'END'
                                      effi-         --------- rank 0 -------------  ----- of the others -----
part     ranks     tasks  seconds    ciency  tasks/s  busy   messages  links      MiB    most    mean links peers
END
for ranks; do
    sh "$here/platform.sh" "$kind" $((ranks / 4)) 4 "$work" || exit 1
    MPIPE_MACHINE=$(cat "$work/machine")
    export MPIPE_MACHINE
    for part in $parts; do
        # one process: the memory of a rank is in no relation to that of the node;
        # and no send is detached: SimGrid looks through a list of all that are, of all
        # ranks, for each that ends
        timeout -s KILL "$limit" smpirun -np "$ranks" \
            -platform "$work/platform.xml" -hostfile "$work/hosts" \
            --cfg=smpi/privatization:no --cfg=contexts/stack-size:1024 \
            --cfg=smpi/simulate-computation:no --cfg=smpi/test:0 \
            --cfg=smpi/send-is-detached-thresh:0 \
            --cfg=network/crosstraffic:0 --log=root.thres:error \
            "$build/tests/scale/scale" "$part" "$tasks" "$us" "$step" \
            --quiet --memory=16M --policy="$policy" </dev/null && continue
        echo "run.sh: $part on $ranks ranks failed, or took more than $limit s"
        status=1
    done
done
exit $status
