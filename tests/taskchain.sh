#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# taskchain.sh - a chain that makes two of one and drops, fed by the program.

. "$abs_top_srcdir/tests/app.sh"

# What the chain does to 1 ... n, by awk.
chain()
{
    awk -v n="$1" 'BEGIN {
        for (i = 2; i <= n + 1; i++)
            if (i % 10 != 0) {
                print 2 * i
                print 2 * i
                delivered += 2
            } else {
                dropped += 2
            }
        printf "fed %d, made %d, delivered %d, dropped %d, failed 0\n",
               n, n, delivered, dropped
    }'
}

printf '4\n4\n6\n6\n8\n8\n' >expected
echo 'fed 3, made 3, delivered 6, dropped 0, failed 0' >>expected
for ranks in 0 1 2 3 4 5 7; do
    on $ranks taskchain --quiet
    expect 0
    expect_out expected
done
for n in 0 1 9 10 20003; do
    chain $n >expected
    ranks_to_try='0 3'
    [ $n -lt 1000 ] || ranks_to_try='1 2 4 7'
    for ranks in $ranks_to_try; do
        on $ranks taskchain --quiet $n
        expect 0
        expect_out expected
    done
done

on 3 taskchain 1 2
expect 2
expect_err 'taskchain: 2: one argument is enough'
on 3 taskchain few
expect 2
expect_err 'taskchain: few: not a number'
expect_usage taskchain
finish
