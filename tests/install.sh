#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# install.sh - what make install puts in place is complete, and README's
# program compiles against it with README's command and runs.

status=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR
dest=$work/dest

complain()
{
    echo "install.sh: $*"
    status=1
}

if ! "$MAKE" -C "$abs_top_builddir" install DESTDIR="$dest" \
     >"$work/log" 2>&1; then
    cat "$work/log"
    complain "make install failed"
    exit 1
fi

# ---- all there ----

for file in libmpipe.so libmpipe.a pkgconfig/mpipe.pc; do
    [ -e "$dest$libdir/$file" ] || complain "no $libdir/$file"
done
cd "$abs_top_srcdir/include" || exit 1
for header in mpipe.h mpipe/*.h; do
    cmp -s "$header" "$dest$includedir/$header" ||
        complain "no $includedir/$header"
done
find "$dest" -name '*.h' | while read -r file; do
    [ -e "${file#"$dest$includedir/"}" ] || echo "$file"
done >"$work/extra"
[ ! -s "$work/extra" ] || complain "installed, but no public header:" \
                                   "$(cat "$work/extra")"
for page in "$abs_top_srcdir"/doc/man/*.[137]; do
    [ ! -e "$page" ] ||
        [ -e "$dest$mandir/man${page##*.}/${page##*/}" ] ||
        complain "no man page ${page##*/}"
done

# The environment module's folders; it is Tcl, but its variables are as a shell's.
module=$(find "$dest" -path '*/modulefiles/mpipe')
[ -n "$module" ] || complain "no environment module"
eval "$(sed -n 's/^set \([a-z_]*\) \(.*\)/module_\1="\2"/p' "$module" |
        sed 's/\${/${module_/g')"
for path in $(sed -n 's/^prepend-path [A-Z_]* //p' "$module" | sed 's/\${/${module_/g'); do
    eval "path=$path"
    [ -d "$dest$path" ] || complain "the environment module names $path, which is not there"
done

# ---- the README's program, with the README's words ----

PKG_CONFIG_PATH=$dest$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
PKG_CONFIG_SYSROOT_DIR=$dest            # the files are not yet at their place
LD_LIBRARY_PATH=$dest$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH
mkdir "$work/user"
cd "$work/user" || exit 1
cp "$abs_top_srcdir/apps/mypipeline.c" . || exit 1

# The command says mpicc and pkg-config; this build's may have other names.
# stand_in NAME COMMAND...: found now, for later NAME itself would be found.
stand_in()
{
    name=$1
    program=$(command -v "$2") || { complain "no $2"; exit 1; }
    shift 2
    printf '#!/bin/sh\nexec %s "$@"\n' "$program $*" >"$work/bin/$name"
    chmod +x "$work/bin/$name"
}

mkdir "$work/bin"
# shellcheck disable=SC2086  # CC may have flags
stand_in mpicc $CC
# shellcheck disable=SC2086
stand_in pkg-config $PKG_CONFIG

command=$(grep -m 1 -o 'mpicc mypipeline\.c .*' "$abs_top_srcdir/README")
if [ -z "$command" ]; then
    complain "README does not say how to compile mypipeline.c"
    exit 1
fi
if ! PATH=$work/bin:$PATH sh -ec "$command"; then
    complain "this failed: $command"
    exit 1
fi
"$abs_top_srcdir/tests/run-mpi.sh" -n 8 ./mypipeline >out
case $? in
0) ;;
77) exit 77 ;;
*) complain "./mypipeline failed on 8 ranks"; exit 1 ;;
esac
# 1^2 + 2^2 + ... + n^2 = n (n+1) (2n+1) / 6, with n = 1,000,000
echo "sum of the squares: $((500000 * 1000001 * (2000001 / 3)))" >expected
if ! diff -u expected out; then
    complain "./mypipeline: lines with + are too many, those with - are missing"
fi

[ $status -ne 0 ] || echo "installed, and mypipeline compiled and ran on 8 ranks"
exit $status
