#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# palindrome.sh - the counts known, a count found by awk, and the arguments.

. "$abs_top_srcdir/tests/app.sh"

for row in 0:1 1:2 2:2 3:3 2000:93 100000:645; do
    last=${row%:*}
    echo "Palindrome counter to $last: ${row#*:}" >expected
    ranks_to_try='0 3'
    [ "$last" -lt 2000 ] || ranks_to_try='0 1 2 3 4 7'
    for ranks in $ranks_to_try; do
        on $ranks palindrome --quiet "$last"
        expect 0
        expect_out expected
    done
done

# By text: as many as there are strings of ones and zeros that read the same
# from both ends.
awk 'BEGIN {
    for (x = 0; x <= 30001; x++) {
        text = ""; back = ""
        for (y = x; y > 0; y = int(y / 2)) {
            text = text y % 2
            back = y % 2 back
        }
        n += text == back
    }
    print "Palindrome counter to 30001: " n
}' >expected
on 3 palindrome 30001
expect 0
expect_out expected

for bad in -1 1x '' 1.5 9223372036854775808 ten; do
    on 0 palindrome -- "$bad"
    expect 2
    expect_err "palindrome: $bad: not a number from 0 to 9223372036854775807"
done
on 2 palindrome
expect 2
expect_err 'palindrome: give one number'
on 2 palindrome 1 2
expect 2
expect_err 'palindrome: give one number'
expect_usage palindrome
finish
