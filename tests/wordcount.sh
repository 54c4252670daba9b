#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# wordcount.sh - apps/wordcount against tr, sort and uniq, byte for byte.

. "$abs_top_srcdir/tests/app.sh"

# A tree with what is awkward: words and lines longer than a split (1 MiB),
# words at the borders of splits, bytes that are no letters, no last newline.
mkdir -p tree/a/b/c tree/empty tree/headers
: >tree/a/nothing
printf 'no newline at the End' >tree/a/b/last
printf 'CRLF lines\r\nand\0nul\0bytes\nna\303\257ve caf\351 don'"'"'t x2y\n' \
    >tree/a/bytes
printf '\n\n\n' >tree/a/b/c/newlines
awk 'BEGIN {
    seed = 7
    for (line = 0; line < 60000; line++) {
        text = ""
        for (n = line % 12; n > 0; n--) {
            seed = (seed * 16807) % 2147483647
            text = text sprintf("%c%s ", 65 + seed % 26,
                                substr("aBcabcXyZqrs", 1 + seed % 9,
                                       int(seed / 1000) % 4))
        }
        print text
    }
}' >tree/a/b/many
{
    printf 'before '
    head -c 2500000 /dev/zero | tr '\0' 'Q'
    printf ' after\nnext line\n'
} >tree/a/b/c/longword
head -c 3000000 tree/a/b/many | tr '\n' ' ' >tree/a/longline
find /usr/include -type f -name '*.h' 2>/dev/null | LC_ALL=C sort |
    head -n 60 | while read -r file; do
        cp "$file" "tree/headers/$(echo "$file" | tr / _)"
    done
ln -s ../a/bytes tree/empty/link-not-followed

# Each file on its own, as its last word ends there.
find tree -type f -exec sh -c 'for f; do cat "$f"; echo; done' sh {} + |
    LC_ALL=C tr 'A-Z' 'a-z' | LC_ALL=C tr -cs 'a-z' '\n' | grep . |
    LC_ALL=C sort | LC_ALL=C uniq -c |
    awk '{ print $1 "\t" $2 }' | LC_ALL=C sort -k1,1nr -k2,2 >expected
[ "$(wc -l <expected)" -gt 1000 ] || complain "the sample is too small"

for ranks in 0 1 2 3 4 7 8 16; do
    on $ranks wordcount tree
    expect 0
    expect_out expected
done

head -n 5 expected >first5
on 4 wordcount -n 5 tree
expect 0
expect_out first5

# Files and directories, in any mixture; a file twice counts twice.
printf '3\tthe\n2\tlinks\n' >few
printf 'the the' >one
mkdir two && printf 'LINKS the\nlinks' >two/x
on 3 wordcount --quiet one two
expect 0
expect_out few
: >none
on 3 wordcount --quiet tree/a/nothing tree/empty
expect 0
expect_out none
on 2 wordcount -n 0 tree
expect 0
expect_out none

# Sorted by word, and in part files: each is sorted, and together they are all.
LC_ALL=C sort -k2,2 expected >by_word
on 3 wordcount --quiet --sort=key tree
expect 0
expect_out by_word
for ranks in 1 4 5; do
    rm -rf parts
    sort=count order='-k1,1nr -k2,2'
    [ $ranks -ne 4 ] || sort=key order='-k2,2'
    on $ranks wordcount --quiet --sort=$sort --parts parts tree
    expect 0
    expect_out none
    for part in parts/part-*; do
        # shellcheck disable=SC2086  # a list of options
        LC_ALL=C sort -c $order "$part" || complain "$part is not sorted"
    done
    LC_ALL=C sort -k1,1nr -k2,2 parts/part-* | cmp -s - expected ||
        complain "$command: not the words that there are"
done
on 3 wordcount --memory=64K --quiet tree
expect 0
expect_out expected

# What cannot be read: the job ends, or goes on without it.
on 3 wordcount --quiet --skip-unreadable no/such/file one
expect 0
printf '2\tthe\n' >few
expect_out few
expect_err 'skipped: no/such/file: No such file or directory'
printf 'not gzip' >broken && gzip broken
printf x | dd of=broken.gz bs=1 seek=20 conv=notrunc 2>/dev/null
on 3 wordcount --quiet --skip-unreadable broken.gz one
expect 0
expect_err 'skipped: broken.gz: cannot be decompressed'
on 3 wordcount --quiet --max-retries=1 broken.gz one
expect 1
on 3 wordcount --sort=length tree
expect 2
expect_err 'wordcount: --sort=length: neither count nor key'

on 4 wordcount --quiet tree no/such/file
expect 4
expect_err 'no/such/file'
expect_out none
mkfifo fifo
on 2 wordcount --quiet fifo
expect 4
expect_err 'fifo: neither a regular file nor a directory'
on 3 wordcount
expect 2
expect_err 'wordcount: give files or directories'
on 3 wordcount -n many tree
expect 2
expect_err 'wordcount: -n many: not a number'
on 3 wordcount tree -n
expect 2
expect_err 'wordcount: -n: needs a value'
expect_usage wordcount

# A full disk, which only rank 0 sees, after the job itself has ended well.
if [ -e /dev/full ]; then
    "$abs_top_builddir/apps/wordcount" one >/dev/full 2>"$work/err"
    status=$?
    command='wordcount to a full disk'
    expect 4
fi
finish
