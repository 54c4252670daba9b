#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# limit.sh - --limit: just so many items are fed, however the source gives them.

. "$abs_top_srcdir/tests/app.sh"

# limited N SUM: the squares of 1 ... N add up to SUM, and N items were fed
limited()
{
    on "$ranks" mypipeline --quiet --limit="$1" --report=report.json
    expect 0
    echo "sum of the squares: $2" >expected
    expect_out expected
    grep -q "\"items_fed\": $1," report.json ||
        complain "$command: the report does not say that $1 items were fed"
}

for ranks in 0 1 3; do
    limited 1 1
    limited 10 385
    limited 999999 333332833333500000
done

# A job's input is limited, and nothing that came of it.
echo 9 >expected
for ranks in 0 1 5; do
    on $ranks sumjob --quiet --limit=3
    expect 0
    expect_out expected
done

# A limit that is not reached changes nothing.
ranks=3
on 3 mypipeline --quiet --limit=2000000
expect 0
echo 'sum of the squares: 333333833333500000' >expected
expect_out expected
finish
