#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# lists.sh - every file is in its list, and the lists are sorted.
#
# A file that is in no list is missing from the release, and nobody notices
# until someone builds that; a test that is in no list is never run.

cd "$abs_top_srcdir" || exit 1
failed=0

complain()
{
    echo "lists.sh: $*"
    failed=1
}

# The words of all local.mk files that are paths.
listed=$(sed 's/#.*//' Makefile.am ./*/local.mk | tr -s ' \t\\=' '\n' |
         grep -E '^(\.|[a-zA-Z0-9_]).*[./]' | sort -u)

for file in src/*.[ch] include/*.h include/mpipe/*.h apps/*.[ch] \
            tests/*.[ch] tests/*.sh tests/*/* tests/*.def doc/*.md \
            doc/man/*.[17] doc/*.awk doc/model/* contrib/spack/*/* jobscripts/*; do
    [ -e "$file" ] || continue
    echo "$listed" | grep -qxF "$file" ||
        complain "$file is in no local.mk: add it to the list of its folder"
done

# A unit suite is named in suites.def, or it does not run.
for file in tests/*.c; do
    name=$(sed -n 's/^const struct mpipe__suite suite_\([a-z0-9_]*\) .*/\1/p' \
           "$file")
    [ -n "$name" ] || continue
    grep -q "^SUITE($name)$" tests/suites.def ||
        complain "$file: suite $name is not in tests/suites.def"
done

# Lists that end in "# End of X" are sorted.
for mk in */local.mk; do
    awk '
        /^[A-Za-z0-9_]+ \+?= \\$/ { last = ""; wrong = ""; next }
        /^\t# End of / { if (wrong) { print wrong " is not in order"; bad = 1 } }
        /^\t[^$#]/ { if ($1 < last && !wrong) wrong = $1; last = $1 }
        END { exit bad }' "$mk" ||
        complain "$mk: keep lists sorted, one file a line"
done

[ $failed -ne 0 ] || echo "every file is in its list"
exit $failed
