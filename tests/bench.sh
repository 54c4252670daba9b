#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# bench.sh - 'mpipe bench' runs, both sides give the right answers, and what it
# prints can be read.  How fast it was is no matter here.

. "$abs_top_srcdir/tests/app.sh"

# The rows that there should be, as BENCH<TAB>CASE<TAB>MEASURE.
rows()
{
    for size in '8 B' '64 B' '1 KiB' '64 KiB' '4 MiB'; do
        printf 'pipeline\t%s copy\tthroughput\n' "$size"
        case $size in
        *' B') printf 'pipeline\t%s copy inlined\tthroughput\n' "$size" ;;
        esac
        printf 'pipeline\t%s in place\tthroughput\n' "$size"
        case $size in
        *' B') printf 'pipeline\t%s in place inlined\tthroughput\n' "$size" ;;
        esac
    done
    for task in '1 us equal spin' '1 us skewed spin' '100 us equal sleep' \
        '100 us skewed sleep' '10 ms equal sleep'; do
        printf 'farm\t%s\tefficiency\n' "$task"
    done
    printf 'latency\tat once\t%s\n' median '99 %'
    for style in pull push; do
        printf "wait\t$style\t%s\n" 'mean cpu' 'worst cpu' median '99 %'
    done
    printf 'words\t2 MB\t%s\n' throughput memory
    printf 'kmers\t2 MB\tthroughput\nsort\t8 MB\tthroughput\n'
    printf 'faults\t64 B copy\tthroughput\n'
    printf 'faults\t64 B copy, journal\tthroughput\n'
    "$abs_top_builddir/apps/mpipe" info | grep -q 'Open MPI' || return
    for case in '64 B' '1 ms'; do
        printf "faults\t$case, a rank dies\t%s\n" recovery again
    done
}

# All of it, as JSON: every row is there, and has numbers of both sides.
on 4 mpipe bench --quick --json --task=sleep
expect 0
[ ! -s "$work/err" ] || complain "$command: something on stderr"
if command -v jq >/dev/null; then
    rows >expected
    jq -r '.results[] | [.bench, .case, .measure] | @tsv' \
        "$work/out" >got 2>jq.err || complain "not JSON: $(cat jq.err)"
    cmp -s got expected || {
        complain "$command: not the rows that there should be:"
        diff expected got | head -n 10
    }
    [ "$(jq '.right' "$work/out")" = true ] ||
        complain "$command: does not say that the answers were right"
    jq -e '.ranks == 4 and .runs == 2 and .cores >= 1
           and ([.results[]
                 | select(.libmpipe > 0 and .control > 0 and .ratio > 0
                          or (.case | endswith("dies")) and .libmpipe >= 0
                             and has("control") == false)]
                | length == ($n | tonumber))
           and ([.results[].libmpipe_samples | select(. != null) | length]
                | unique == [2])' --arg n "$(wc -l <expected)" \
        "$work/out" >/dev/null || {
        complain "$command: numbers are missing:"
        cat "$work/out"
    }
else
    [ "$(grep -c '"libmpipe": ' "$work/out")" -eq "$(rows | wc -l)" ] ||
        complain "$command: not as many rows as there should be"
fi

# As a table, by other ways, with ranks to spare: a head, and a line a case.
table()
{
    [ "$(grep -c "^$1 .* [0-9][0-9.]* *[kMG]* .* [0-9]" "$work/out")" \
        -eq "$2" ] || {
        complain "$command: not $2 rows of numbers:"
        head -n 30 "$work/out"
    }
}
on 5 mpipe bench --quick --only=pipeline --case=place --runs=1
expect 0
table pipeline 7
on 7 mpipe bench --quick --only=farm --task=spin --case=equal --milliseconds=1
expect 0
table farm 3
on 8 mpipe bench --quick --only=wait --case=push
expect 0
table wait 4
on 4 mpipe bench --quick --only=faults --runs=3
expect 0
[ ! -s "$work/err" ] || complain "$command: something on stderr"
table faults "$(rows | grep -c '^faults')"

# Mistakes, told once.
on 3 mpipe bench
expect 2
expect_err '4 ranks or more are needed'
while read -r argument text; do
    on 4 mpipe bench "$argument"
    expect 2
    expect_err "$text"
    [ ! -s "$work/out" ] || complain "$command: something on stdout"
done <<EOT
--only=nothing --only=nothing: give pipeline, farm, latency, wait, words, kmers, sort or faults
--megabytes=0 --megabytes=0: not a number from 1 to 1000000
--runs=0 --runs=0: not a number from 1 to 31
--runs=x --runs=x: not a number
--milliseconds=0 --milliseconds=0: not a number from 1 to 60000
--task=run --task=run: give spin or sleep
--seconds=1 --seconds=1: no such option
more more: no argument is expected
EOT
for ranks in 0 4; do
    on $ranks mpipe bench --help
    expect 0
    [ "$(grep -c '^Usage: ' "$work/out")" -eq 1 ] ||
        complain "$command: the help was not printed once"
done
finish
