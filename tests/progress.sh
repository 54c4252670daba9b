#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# progress.sh - the bar of a real job: it grows, knows its end where the number
# of items is known, leaves the screen, and stays away when nobody wants it.

. "$abs_top_srcdir/tests/app.sh"

for ranks in 0 3; do
    on $ranks palindrome --progress=always 60000000
    expect 0
    tr '\r' '\n' <err | grep '^palindrome .*%' >bars
    [ "$(wc -l <bars)" -ge 2 ] || complain "$command: less than two bars"
    grep -v ' *[0-9]*% |#*\.*| [0-9]*/[0-9]* items  [0-9.kM]*/s  ETA [0-9:]*' \
        bars >wrong
    [ ! -s wrong ] || complain "$command: $(head -n 1 wrong)"
    sed 's/^palindrome *\([0-9]*\)%.*/\1/' bars >percents
    sort -n percents | cmp -s - percents ||
        complain "$command: the bar does not only grow:" $(cat percents)
    # The last one is taken away before the report.
    tail -c 3000 err | tr '\r' '\n' | grep -q '^.\{0,4\}pipeline\|^.\{0,4\}palindrome: ' ||
        complain "$command: no report behind the bar"

    on $ranks palindrome --quiet 1000000
    expect 0
    [ ! -s err ] || complain "$command: something on stderr"
    on $ranks palindrome --progress=never 60000000
    expect 0
    ! grep -q '%.*|' err || complain "$command: a bar that was not asked for"
done
finish
