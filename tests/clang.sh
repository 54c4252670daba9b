#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# clang.sh - a second compiler has nothing to say either.

if [ -z "$CLANG" ]; then
    echo "SKIPPED: clang is not installed, so its warnings were NOT looked for"
    exit 77
fi

cd "$abs_top_srcdir" || exit 1
# What mpicc and pkg-config add for the headers.
flags="$($CC --showme:compile 2>/dev/null || $CC -compile_info |
         tr ' ' '\n' | grep '^-I' | tr '\n' ' ')"
flags="$flags $($PKG_CONFIG --cflags hwloc jansson)"

# Programs and tests too, where their libraries are there.
files="src/*.c"
if "$PKG_CONFIG" --exists cunit; then
    files="$files tests/*.c"
    flags="$flags $($PKG_CONFIG --cflags cunit)"
fi
if "$PKG_CONFIG" --exists libpng; then
    files="$files apps/*.c"
    flags="$flags $($PKG_CONFIG --cflags libpng)"
fi

n=0
failed=0
for file in $files; do
    [ -e "$file" ] || continue
    case $file in
    *_smpi.c) [ -e /usr/include/simgrid/semaphore.h ] || continue ;;
    esac
    n=$((n + 1))
    # shellcheck disable=SC2086  # lists of words
    "$CLANG" -fsyntax-only -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wundef \
        -Wstrict-prototypes -Wmissing-prototypes -Werror \
        -Iinclude -Isrc -Itests $flags "$file" || failed=1
done
[ $failed -ne 0 ] || echo "clang warns of nothing in $n files"
exit $failed
