#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# copy.sh - what goes in by a ready-made source comes out by the ready-made
# sink, on every number of ranks, and what cannot be read or written is told.

. "$abs_top_srcdir/tests/app.sh"

mkdir -p tree/sub/deep tree/none
: >tree/empty
printf 'CRLF\r\n\0NUL\0\nno end' >tree/sub/odd
seq 1 30000 >tree/sub/deep/numbers
{
    echo short
    head -c 3000000 /dev/zero | tr '\0' 'x'
    printf '\n\n\nlast\n'
} >tree/sub/long
files='tree/empty tree/sub/deep/numbers tree/sub/long tree/sub/odd'
# shellcheck disable=SC2086  # a list of words
cat $files >whole
awk 'BEGIN {
    for (i = 0; i < 40; i++)
        print substr("the records are short", i % 20)
}' >small

# MPICH's launcher gives up when 64 KiB of stdin have not been read at once.
stdin=whole
case $("${MPIRUN:-mpirun}" --version 2>&1) in
*HYDRA*)
    stdin=small
    echo "NOTE: this launcher cannot pass on a long stdin: a short one is tried"
    ;;
esac

for ranks in 0 1 3 7; do
    on $ranks copy --quiet files 0 copied tree
    expect 0
    cmp copied whole || complain "$command: not the same"
    on $ranks copy --quiet splits 100000 copied tree
    expect 0
    cmp copied whole || complain "$command: not the same"
    # The last line gets a newline.
    # shellcheck disable=SC2086
    on $ranks copy --quiet lines 0 copied $files
    expect 0
    { cat whole; echo; } | cmp - copied || complain "$command: not the same"
    input=$stdin
    on $ranks copy --quiet lines 0 copied
    expect 0
    { cat $stdin; echo; } >expected
    [ $stdin = whole ] || cp $stdin expected    # it has its last newline
    cmp expected copied || complain "$command: not the same"
    on $ranks copy --quiet lines 0 - tree/sub/deep/numbers -
    expect 0
    cat tree/sub/deep/numbers expected | cmp - out ||
        complain "$command: not the same"
    input=/dev/null
done
for size in 1 2 3 5 8 21 100; do
    on $((size % 2 * 3)) copy --quiet splits $size copied small
    expect 0
    cmp copied small || complain "$command: not the same"
done

# A result comes out while stdin has no more for now, and does not end.
for ranks in 0 3; do
    rm -f slow answer
    mkfifo slow answer
    input=slow
    (on $ranks copy --quiet lines 0 answer; exit "$status") &
    pid=$!
    exec 3>slow
    printf 'one\nand ' >&3
    exec 4<answer
    for word in 'one' 'and two' 'and three'; do
        read -r line <&4
        [ "$line" = "$word" ] ||
            complain "through a pipe on $ranks ranks: '$line', not '$word'"
        case $word in
        one) printf 'two\nand ' >&3 ;;
        *two) printf 'three\nthe end' >&3 ;;
        esac
    done
    exec 3>&-
    [ "$(cat <&4)" = 'the end' ] || complain "the last line on $ranks ranks"
    exec 4<&-
    wait $pid || complain "through a pipe on $ranks ranks: exit status $?"
    input=/dev/null
done

# refused STATUS TEXT RANKS ARGUMENT...: it fails with these words, and no file
# is made, nor left under another name.
refused()
{
    expected=$1
    text=$2
    shift 2
    rm -rf to
    mkdir to
    on "$@" --quiet
    expect "$expected"
    expect_err "$text"
    [ -z "$(ls to)" ] || complain "$command: left $(ls to)"
}

for ranks in 0 3; do
    refused 4 'no/file: cannot open: No such file' \
        $ranks copy lines 0 to/out small no/file
    refused 4 'no/file: No such file' $ranks copy files 0 to/out small no/file
    refused 4 'no/file: No such file' $ranks copy splits 9 to/out small no/file
    refused 4 'tree: cannot read: Is a directory' \
        $ranks copy lines 0 to/out tree
    refused 5 'tree/sub/long: line 2 is longer than 1048576 bytes' \
        $ranks copy --max-item=1M lines 0 to/out small tree/sub/long
    refused 5 'tree/sub/deep/numbers: has 168894 bytes' \
        $ranks copy --max-item=100K files 0 to/out tree
    refused 4 'no/place: cannot make a file beside it' \
        $ranks copy files 0 no/place small
    refused 2 'mpipe_sink_file: no path given' $ranks copy files 0 '' small
    [ ! -e /dev/full ] || refused 4 '/dev/full: cannot write: No space left' \
        $ranks copy files 0 /dev/full small
done

# A reader that has left is an error, not a death by SIGPIPE.
{
    "$path" --quiet lines 0 - whole 2>err
    echo $? >closed
} | head -n 1 >/dev/null
status=$(cat closed)
command='copy to a closed pipe'
expect 4
expect_err 'stdout: cannot write: Broken pipe'

# A file that was there stays when the job fails.
echo before >there
on 2 copy files 0 there small no/file
expect 4
echo before | cmp - there || complain "$command: there was changed"
finish
