#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# memory.sh - a slow last stage or output handler holds the feed back: the
# memory of every rank stays under a bound, however much is fed.
#
# The bound: the window, and on each link of a rank one frame for each credit,
# on its way and in its slot; and what the MPI library takes.  A slow output
# handler adds what the frames in flight become (they are fed small here, and
# made large by the stage).

. "$abs_top_srcdir/tests/app.sh"

# bounded MIB ARGUMENT...: no rank grows by more.
bounded()
{
    most=$1
    shift
    on "$ranks" load --quiet --window=8M "$@"
    expect 0
    [ "$(grep -c '^rank [0-9]* grew' out)" -eq "$ranks" ] ||
        complain "$command: not each rank has said what it took"
    awk -v most="$most" '$3 == "grew" && $4 > 1024 * most' out >too_much
    [ ! -s too_much ] || {
        complain "$command: more than $most MiB:"
        sed 's/^/    /' too_much
    }
}

for ranks in 4 7; do
    links=$((2 * ranks))
    bound=$((8 + links * 8 * 64 / 1024 + 24))
    bounded $bound backlog 25000    # 195 MiB
    bounded $bound grow 8000        # 500 MiB between the stages
    bounded $bound --log=/dev/null chatter 10   # 195 MiB
    bounded 160 results 12000       # 750 MiB
done
finish
