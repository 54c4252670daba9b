#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# large.sh - one item of 1 GiB through two stages, on one rank and on three.

. "$abs_top_srcdir/tests/app.sh"

# In all, five copies of it are alive at a time.
available=$(awk '$1 == "MemAvailable:" { print int($2 / 1048576) }' \
    /proc/meminfo)
if [ "${available:-0}" -lt 6 ]; then
    echo "SKIPPED: ${available:-?} GiB of memory are available, of the 6 that" \
         "an item of 1 GiB needs: it was NOT run"
    exit 77
fi
for ranks in 1 3; do
    on $ranks load --quiet --max-item=1G large 1073741824
    expect 0
done
on 3 load --quiet --max-item=1073741823 large 1073741824
expect 5
expect_err 'an item of 1073741824 bytes is larger than --max-item=1073741823'
finish
