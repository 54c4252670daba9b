#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# spin.sh - the protocol as a model: nothing is lost or comes twice, and all end.
#
# Spin tries every order of events, for the sizes that doc/model/README lists; and
# it must find each of the mutants listed there, else it could not find such a
# mistake in the protocol either.
#
#   abs_top_srcdir=$PWD sh tests/spin.sh [WORD]   only the rows with WORD in them

name=spin.sh
model=$abs_top_srcdir/doc/model/flow.pml
readme=$abs_top_srcdir/doc/model/README
word=${1:-}
failed=0

case $(spin -V 2>&1) in
'Spin Version '*) ;;
*)
    echo "SKIPPED: spin is not installed, so the protocol's model was NOT checked"
    exit 77 ;;
esac
for cc in cc gcc clang ''; do
    [ -n "$cc" ] && command -v $cc >/dev/null 2>&1 && break
done
if [ -z "$cc" ]; then
    echo "SKIPPED: no C compiler, so the protocol's model was NOT checked"
    exit 77
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1

complain()
{
    echo "$name: $*"
    failed=1
}

# The numbers in README are those of one version; others may look in another order.
same_version=no
case $(spin -V) in
"$(sed -n 's/.*(\(Spin Version [0-9.]*\)).*/\1/p' "$readme" | head -n 1) "*)
    same_version=yes ;;
esac

# search errors|cycles SIZES...: what Spin finds is in the file 'found'.
search()
{
    case $1 in
    errors) with='-DSAFETY' how='' ;;       # also where nothing can happen
    cycles) with='-DNP -DNOFAIR' how=-l ;;  # what might go on for ever
    esac
    shift
    rm -f ./pan ./*.trail
    spin -P"$cc -E -x c" -a "$@" "$model" >found 2>&1 || return
    # shellcheck disable=SC2086  # lists of words
    $cc -O0 -w $with -DCOLLAPSE -DMEMLIM=900 -o pan pan.c >>found 2>&1 &&
        timeout -k 2 300 ./pan $how -m100000 -w20 >>found 2>&1
}

# The columns of a row, trimmed: column N ROW
column()
{
    echo "$2" | cut -d'|' -f$(($1 + 1)) | tr -d '`' | sed 's/^ *//; s/ *$//'
}

rows=0
mutants=0
sum=0
grep -e '^| `-D' -e '^| [A-Z_]* *| `-D' "$readme" | grep -e "$word" >table
while IFS= read -r row; do
    case $row in
    '| `'*)
        sizes=$(column 1 "$row")
        kind=$(column 2 "$row")
        # shellcheck disable=SC2086  # a list of words
        search "$kind" $sizes
        states=$(awk '/states, stored/ { print $1 }' found)
        if ! grep -q 'errors: 0$' found ||
           grep -q -i -e 'not completed' -e 'depth too small' found; then
            complain "an error in the model with $sizes:"
            grep -e '^pan' -e 'Error' -e 'error' -e 'Warning' found
            # shellcheck disable=SC2086
            [ ! -e flow.pml.trail ] ||
                spin -P"$cc -E -x c" -k flow.pml.trail -t -p $sizes "$model" |
                tail -n 150
            continue
        fi
        [ $same_version = no ] || [ "$states" = "$(column 3 "$row")" ] ||
            complain "README: $states states with $sizes, not $(column 3 "$row")"
        rows=$((rows + 1))
        sum=$((sum + states)) ;;
    *)
        mutant=$(column 1 "$row")
        sizes=$(column 2 "$row")
        shows=$(column 3 "$row")
        kind=errors
        [ "$shows" != cycle ] || kind=cycles
        # shellcheck disable=SC2086
        search $kind $sizes -DMUTANT="$mutant"
        if ! grep -q 'errors: 1$' found; then
            complain "the mutant $mutant LIVES with $sizes:"
            grep -e 'Error' -e 'error' found
            continue
        fi
        case $shows/$(sed -n 's/^pan:1: \([a-z-]*\) .*/\1/p' found) in
        hang/invalid|assertion/assertion|cycle/non-progress) ;;
        *)
            [ $same_version = no ] || complain "README: $mutant is no $shows:" \
                "$(grep '^pan:1' found)" ;;
        esac
        mutants=$((mutants + 1)) ;;
    esac
done <table

# Every mutant of the model has its row.
if [ -z "$word" ]; then
    sed -n 's/^| \([A-Z_]*\) *| `-D.*/\1/p' "$readme" | sort >listed
    sed -n '/^#define NONE/,/^#define BROKEN/s/^#define \([A-Z_]*\) .*[1-9].*/\1/p' \
        "$model" | sort >defined
    cmp -s listed defined || {
        complain "README and the model do not list the same mutants:"
        diff defined listed
    }
    [ $rows -ge 6 ] && [ $mutants -ge 20 ] || [ $failed -ne 0 ] ||
        complain "the tables in README are short"
fi
[ $((rows + mutants)) -gt 0 ] || [ $failed -ne 0 ] || complain "no row has '$word'"
[ $failed -ne 0 ] ||
    echo "no error in $rows models with $sum states; all $mutants mutants are found"
exit $failed
