#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# cluster.sh - the programs over several virtual hosts give their known answers, and
# placement sees the hosts and their switches.

. "$abs_top_srcdir/tests/cluster/hosts.sh"

apps=$abs_top_builddir/apps
cluster_up 4 2

awk 'BEGIN {
    seed = 5
    for (line = 0; line < 20000; line++) {
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
tr 'A-Z' 'a-z' <words | tr -cs 'a-z' '\n' | grep . | LC_ALL=C sort | uniq -c |
    awk '{ print $1 "\t" $2 }' | LC_ALL=C sort -k1,1nr -k2,2 >want.wordcount
LC_ALL=C sort words >want.dsort
echo 'Palindrome counter to 100000: 645' >want.palindrome
# pi has one answer for any number of ranks.
"$apps/pi" --quiet -n 20 >want.pi
grep -q '^3\.14' want.pi || complain "pi is not pi: $(cat want.pi)"

# runs HOSTS PROGRAM ARGUMENT...: by mpirun and by mpipe run.
runs()
{
    hosts=$1
    program=$2
    shift 2
    for launcher in "mpirun --mca pml ob1" "$apps/mpipe run -n $((hosts * 2))"; do
        command="$program over $hosts hosts by $launcher"
        # shellcheck disable=SC2086  # a list of words
        over "$hosts" timeout -k 2 60 $launcher "$apps/$program" "$@" \
            >out 2>err </dev/null
        status=$?
        expect 0
        [ ! -d parts ] || cat parts/* >out
        expect_out "want.$program"
        rm -rf parts
    done
}

for hosts in 2 4; do
    runs $hosts palindrome 100000
    runs $hosts wordcount words
    runs $hosts dsort -o parts words
    runs $hosts pi -n 20
done

# Each rank says where it is: two on each host, and its switch by --switches.
cat >switches <<'END'
node1 node2: core.left
node3 node4: core.right
END
command="palindrome --plan over 4 hosts"
over 4 timeout -k 2 60 mpirun "$apps/palindrome" --plan --switches=switches 1000 \
    >out 2>err </dev/null
status=$?
expect 0
cat >expected <<'END'
8 ranks on 4 nodes, topology placement

switch 0
  node1
    rank 0
    rank 1
  node2
    rank 2
    rank 3
switch 1
  node3
    rank 4
    rank 5
  node4
    rank 6
    rank 7
END
# Which cores there are is this machine's matter.
sed -n '/^stage/q; s/core [0-9]* *//; s/\(rank [0-9]*\) .*/\1/; p' out |
    awk 'NF == 0 && NR > 3 { exit } { print }' >got
cmp -s got expected || { complain "$command: not the places:"; cat out; }

# Where the model says that topology is better, less goes from switch to switch.
crossing()
{
    before=$(($(sent switch1) + $(sent switch2)))
    command="taskchain over 4 hosts, --policy=$1"
    over 4 timeout -k 2 60 mpirun --mca pml ob1 "$apps/taskchain" --policy="$1" \
        --switches=switches 300000 >out 2>err </dev/null
    status=$?
    expect 0
    [ "$(wc -l <out)" -ge 300000 ] || complain "$command: too few results"
    crossed=$(($(sent switch1) + $(sent switch2) - before))
}
crossing topology
by_topology=$crossed
crossing round-robin
echo "$by_topology bytes from switch to switch, $crossed by round-robin"
[ "$by_topology" -gt 1000000 ] && [ "$by_topology" -lt "$crossed" ] ||
    complain "placement by topology sends as much over the far switch"

# One that ends with another code than 0 does not keep mpirun waiting.
command="palindrome ten by mpipe run over 2 hosts"
over 2 timeout -k 2 60 "$apps/mpipe" run -n 4 "$apps/palindrome" ten >out 2>err \
    </dev/null
status=$?
expect 2
finish
