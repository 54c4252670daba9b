#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# headers.sh - each header can be included alone: the public ones from C11 and
# from C++, the internal ones from C11; and <mpipe.h> needs no <mpi.h>.

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$abs_top_srcdir" || exit 1
failed=0

# try COMPILER... FILE: the file must compile without a word.
try()
{
    "$@" -fsyntax-only -Iinclude -Isrc >"$work/out" 2>&1 && [ ! -s "$work/out" ] &&
        return
    echo "headers.sh: $(cat "$work"/alone.*) - with: $*"
    sed 's/^/    /' "$work/out"
    failed=1
}

have_cxx=no
if [ -n "$MPICXX" ] && echo 'int x;' >"$work/probe.cc" &&
   "$MPICXX" -fsyntax-only "$work/probe.cc" 2>/dev/null; then
    have_cxx=yes
fi

n=0
for header in include/mpipe.h include/mpipe/*.h src/*.h; do
    rm -f "$work"/alone.*
    echo "#include <${header#*/}>" >"$work/alone.c"
    # shellcheck disable=SC2086  # lists of words
    try $CC $C11_CFLAGS $WARN_CFLAGS -Werror -D_GNU_SOURCE "$work/alone.c"
    case $header in
    include/*)
        # Also in the strictest C, and without GNU's names.
        # shellcheck disable=SC2086
        try $CC -std=c11 $WARN_CFLAGS -Wpedantic -Werror "$work/alone.c"
        if [ $have_cxx = yes ]; then
            mv "$work/alone.c" "$work/alone.cc"
            # MPI's own C++ headers are old: not ours to warn of.
            try "$MPICXX" -std=c++11 -Wall -Wextra -DOMPI_SKIP_MPICXX \
                -DMPICH_SKIP_MPICXX "$work/alone.cc"
        fi
        ;;
    esac
    n=$((n + 1))
done

echo '#include <mpipe.h>' >"$work/alone.c"
if $CC -Iinclude -M "$work/alone.c" | grep -q '/mpi\.h'; then
    echo "headers.sh: <mpipe.h> includes <mpi.h>"
    failed=1
fi

[ $failed -eq 0 ] || exit 1
if [ $have_cxx = no ]; then
    echo "SKIPPED: no C++ compiler, so headers were NOT tried in C++ (C: $n good)"
    exit 77
fi
echo "$n headers can be included alone"
