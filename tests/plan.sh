#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# plan.sh - what `mpipe plan` and `mpipe info` print, and how they complain.

. "$abs_top_srcdir/tests/app.sh"

# 1. A line for each rank, in a tree of places.
on 0 mpipe plan --machine='node:2 package:2 core:2' read square write
expect 0
cat >expected <<'.'
8 ranks on 2 nodes, topology placement

node0
  package 0
    core 0   rank 0   feeder and sink
    core 1   rank 1   write
  package 1
    core 0   rank 2   square
    core 1   rank 3   read
node1
  package 0
    core 0   rank 4   write
    core 1   rank 5   square
  package 1
    core 0   rank 6   read
    core 1   rank 7   read

stage       work     ranks
read           1         3
square         1         2
write          1         2

policy         time/item  busiest    between nodes
topology          0.5225  rank 4      1.33 of 4 moves
round-robin         0.53  rank 6      1.33 of 4 moves
.
expect_out expected

# 2. Replicas, work, spares, and several ranks on a core.
on 0 mpipe plan --machine core:3 --ranks 6 --policy packed --spares 1 \
    in:1 'a b:auto:2.5'
expect 0
cat >expected <<'.'
6 ranks on 1 node, packed placement

node0
  core 0   rank 0   feeder and sink
  core 0   rank 3   a b
  core 1   rank 1   in
  core 1   rank 4   a b
  core 2   rank 2   a b
  core 2   rank 5   spare

stage      work     ranks
in            1         1
a b         2.5         3

policy         time/item  busiest    between nodes
packed             1.018  rank 1         0 of 3 moves
round-robin        1.018  rank 1         0 of 3 moves
.
expect_out expected

# 3. Alone, rank 0 serves all.
on 0 mpipe plan --machine='' --policy=round-robin a b:7
expect 0
cat >expected <<'.'
1 rank on 1 node, round-robin placement

node0
  rank 0   feeder and sink, a + b

stage      work     ranks
a             1         1
b             1         1

policy         time/item  busiest    between nodes
round-robin          2.7  rank 0         0 of 0 moves
.
expect_out expected

# 4. Large machines are folded: 10,000 ranks in a few lines.
on 0 mpipe plan --machine='switch:25 node:25 package:2 core:8' a b c
expect 0
head -n 7 out >first
cat >expected <<'.'
10000 ranks on 625 nodes, topology placement

switch 0
  node0: 1 feeder and sink, 5 a, 5 b, 5 c
  node1 and 7 more, each: 6 a, 5 b, 5 c
  node2 and 7 more, each: 5 a, 6 b, 5 c
  node3 and 7 more, each: 5 a, 5 b, 6 c
.
cmp -s first expected || complain "10000 ranks begin with: $(cat first)"
[ "$(wc -l <out)" -lt 120 ] || complain "10000 ranks take $(wc -l <out) lines"

# 5. This computer, by default.
on 0 mpipe plan a
expect 0
grep -q '^  .*rank 0   feeder and sink' out ||
    complain "this computer has no rank 0: $(cat out)"

# 6. The picture: one svg, a cell for each rank, names made harmless.
on 0 mpipe plan --machine='node:3 core:4' --svg=plan.svg 'a<b>&"c"' d
expect 0
[ "$(head -c 4 plan.svg)" = '<svg' ] || complain 'plan.svg is no svg'
[ "$(tail -n 1 plan.svg)" = '</svg>' ] || complain 'plan.svg has no end'
[ "$(grep -c '<title>rank ' plan.svg)" -eq 12 ] ||
    complain "plan.svg has $(grep -c '<title>rank ' plan.svg) cells"
grep -q 'a&lt;b&gt;&amp;"c"' plan.svg || complain 'plan.svg: name not escaped'
if command -v xmllint >/dev/null; then
    xmllint --noout plan.svg || complain 'plan.svg is not well-formed'
fi

# 7. What is wrong, and what to do.
wrong()
{
    text=$1
    shift
    on 0 mpipe "$@"
    expect 2
    expect_err "$text"
    [ ! -s out ] || complain "$* prints to stdout: $(cat out)"
}
wrong "mpipe: no command; see 'mpipe --help'"
wrong "mpipe: no command 'plna'; see 'mpipe --help'" plna
wrong 'mpipe plan: no stages; give STAGE' plan
wrong 'mpipe plan: --size: no such option' plan --size 4 a
wrong 'mpipe plan: -n: no such option' plan -n 4 a
wrong 'mpipe plan: --svg: needs a value' plan a --svg
wrong 'mpipe plan: --ranks=0: give a whole number from 1 on' \
    plan --ranks=0 a
wrong 'mpipe plan: --spares=-1: give a whole number from 0 on' \
    plan --spares=-1 a
wrong 'mpipe plan: --policy=best: give topology, packed or round-robin' \
    plan --policy=best a
wrong "mpipe plan: 'cors:4' is no node" plan --machine=cors:4 a
wrong "mpipe plan: machine word 'node:0': give a whole number above 0" \
    plan --machine=node:0 a
wrong "mpipe plan: stage 'b' asks for 5 replicas, but 4 ranks can serve only 3" \
    plan --machine=core:4 a b:5 c
wrong 'mpipe plan: a:0: after the name give a number of replicas' plan a:0
wrong 'mpipe plan: a:x: after the name give a number of replicas' plan a:x
wrong 'mpipe plan: :2: a stage needs a name' plan :2
wrong 'mpipe plan: a:1:0: the work must be a number above 0' plan a:1:0
wrong 'mpipe plan: a::2: after the name' plan a::2
wrong 'mpipe plan: a:1:2:3: the work must be' plan a:1:2:3
wrong 'mpipe plan: a: two stages have this name' plan a b a:2
wrong 'mpipe info: x: takes no argument' info x

on 0 mpipe plan --machine=core:4 --svg=no/such/folder/plan.svg a
expect 2
expect_err 'mpipe plan: no/such/folder/plan.svg: No such file or directory'

# 8. Help and versions.
on 0 mpipe --help
expect 0
for tool in plan info bench; do
    grep -q "^  $tool " out || complain "mpipe --help does not tell of $tool"
done
on 0 mpipe plan --help
expect 0
grep -q '^Usage: mpipe plan ' out || complain 'plan --help has no usage'
on 0 mpipe --version
expect 0
grep -Eq '^mpipe \(libmpipe\) [0-9]+\.[0-9]+\.[0-9]+$' out ||
    complain "mpipe --version: $(cat out)"
on 0 mpipe info
expect 0
for line in '^libmpipe *[0-9]' '^MPI *[A-Za-z]' '^hwloc *[0-9]' \
            '^  --max-retries=N$' 'environment MPIPE_MAX_RETRIES$' \
            'Default 3, from 0 to'; do
    grep -Eq -e "$line" out || complain "mpipe info has no line $line"
done

finish
