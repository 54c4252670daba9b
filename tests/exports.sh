#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# exports.sh - libmpipe.so exports what exports.expected says, no less, no more.
#
# And each of those is declared in a public header.  A change of the ABI is
# thereby a line in a diff.

library=$abs_top_builddir/src/.libs/libmpipe.so
expected=$abs_top_srcdir/tests/exports.expected
if [ ! -e "$library" ]; then
    echo "SKIPPED: there is no $library (--disable-shared?)"
    exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

${NM:-nm} -D --defined-only "$library" |
    awk '$2 ~ /^[A-Z]$/ { sub(/@.*/, "", $3); print $3 }' |
    sort >"$work/exported"
cat "$abs_top_srcdir"/include/*.h "$abs_top_srcdir"/include/mpipe/*.h |
    sed 's/^typedef.*//' | grep -v '^ \*' | grep -o 'mpipe_[a-z0-9_]*(' |
    tr -d '(' | sort -u >"$work/declared"

status=0
if ! diff -u "$expected" "$work/exported"; then
    echo "exports.sh: lines with + are exported, those with - are not;" \
         "correct the library, or tests/exports.expected with its version"
    status=1
fi
comm -23 "$work/exported" "$work/declared" >"$work/undeclared"
if [ -s "$work/undeclared" ]; then
    echo "exports.sh: exported, but in no public header:"
    cat "$work/undeclared"
    status=1
fi
[ $status -ne 0 ] ||
    echo "$(wc -l <"$work/exported") functions, as expected"
exit $status
