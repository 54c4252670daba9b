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
echo 500001500000 >want.sumjob
awk 'BEGIN {
    for (i = 2; i <= 20001; i++)
        if (i % 10 != 0)
            print 2 * i "\n" 2 * i
    print "fed 20000, made 20000, delivered 36000, dropped 4000, failed 0"
}' >want.taskchain
# Bases, and what awk finds in them: a k-mer is its lesser self.
awk 'BEGIN {
    seed = 7
    for (i = 0; i < 3000; i++) {
        if (i % 10 == 0)
            print ">read " i / 10
        for (n = 0; n < 70; n++) {
            seed = (seed * 16807) % 2147483647
            printf "%s", substr("ACGT", 1 + int(seed / 1000) % 4, 1)
        }
        print ""
    }
}' >bases
awk '
function reversed(s,    i, t) {
    for (i = length(s); i > 0; i--)
        t = t pair[substr(s, i, 1)]
    return t
}
function count(s,    i) {
    for (i = 1; i + 4 <= length(s); i++)
        n[substr(s, i, 5)]++
}
BEGIN { pair["A"] = "T"; pair["C"] = "G"; pair["G"] = "C"; pair["T"] = "A" }
/^>/ { count(s); s = ""; next }
{ s = s $0 }
END {
    count(s)
    for (kmer in n) {
        other = reversed(kmer)
        sum[kmer < other ? kmer : other] += n[kmer]
    }
    for (kmer in sum)
        print sum[kmer] "\t" kmer
}' bases | LC_ALL=C sort -k1,1nr -k2,2 >want.kmers
[ "$(wc -l <want.kmers)" -eq 512 ] || complain "not all k-mers are in the sample"
# These have one answer for any number of ranks, and tests of what it is.
"$apps/pi" --quiet -n 20 >want.pi
grep -q '^3\.14' want.pi || complain "pi is not pi: $(cat want.pi)"
if [ -x "$apps/mandelbrot" ]; then
    "$apps/mandelbrot" --quiet -w 75 -h 50 -i 200 -o want.mandelbrot
else
    echo "mandelbrot was NOT tried: it was not built, for libpng is missing"
fi

# runs LAUNCHER HOSTS PROGRAM ARGUMENT...: by mpirun or mpipe_run.
runs()
{
    hosts=$2
    program=$3
    case $1 in
    mpirun) launcher="mpirun --mca pml ob1" ;;
    mpipe_run) launcher="$apps/mpipe run -n $((hosts * 2))" ;;
    esac
    shift 3
    command="$program over $hosts hosts by $launcher"
    # shellcheck disable=SC2086  # a list of words
    over "$hosts" timeout -k 2 60 $launcher "$apps/$program" "$@" >out 2>err </dev/null
    status=$?
    expect 0
    [ ! -d parts ] || cat parts/* >out
    [ ! -e picture ] || cat picture >out
    expect_out "want.$program"
    rm -rf parts picture
}

# Each over both, and by both.
for way in 'mpirun 2' 'mpipe_run 4'; do
    # shellcheck disable=SC2086  # two words
    {
        runs $way palindrome 100000
        runs $way wordcount words
        runs $way dsort -o parts words
        runs $way kmers -k 5 -n 1000 bases
        runs $way pi -n 20
        runs $way sumjob -n 1000000
        runs $way taskchain 20000
        [ ! -e want.mandelbrot ] ||
            runs $way mandelbrot -w 75 -h 50 -i 200 -o picture
    }
done
runs mpirun 4 dsort -o parts words
runs mpipe_run 2 dsort -o parts words

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
# What there is within a host, cores and caches, is this machine's matter.
sed -n '/^stage/q; s/core [0-9]* *//; s/^ *\(rank [0-9]*\) .*/    \1/
        /^ *\(package\|NUMA\|cache\|core\) *[0-9]*$/d; p' out |
    awk 'NF == 0 && NR > 3 { exit } { print }' >got
cmp -s got expected || { complain "$command: not the places:"; cat out; }

# One that ends with another code than 0 does not keep mpirun waiting.
command="palindrome ten by mpipe run over 2 hosts"
over 2 timeout -k 2 60 "$apps/mpipe" run -n 4 "$apps/palindrome" ten >out 2>err \
    </dev/null
status=$?
expect 2
finish
