#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# quickstart.sh - what ./quickstart does where things are missing.
#
# It runs in a folder of its own with next to nothing in PATH; a stand-in for
# apt-get notes how it was called.  (That it works on a machine with nothing
# installed was tried on such a machine; here it would take too long.)

status=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/clone"
cp "$abs_top_srcdir/quickstart" "$work/clone" || exit 1
for tool in cat dirname id mkdir nproc tail tr; do
    ln -s "$(command -v $tool)" "$work/bin/$tool" || exit 1
done
shell=$(command -v sh)

# try STATUS TEXT ARGUMENT...: the exit status, and a line in what it says.
try()
{
    wanted=$1
    text=$2
    shift 2
    PATH=$work/bin "$shell" "$work/clone/quickstart" "$@" >"$work/out" 2>&1
    got=$?
    if [ $got -ne "$wanted" ] || ! grep -qF -e "$text" "$work/out"; then
        echo "quickstart.sh: ./quickstart $*: exit status $got, not $wanted," \
             "or no '$text' in:"
        sed 's/^/    /' "$work/out"
        status=1
    fi
}

try 0 'usage: ./quickstart [check]' --help
try 2 'usage: ./quickstart [check]' no-such-thing
try 2 'usage: ./quickstart [check]' check twice

# Not Debian: packages are named for other systems, and it stops.
try 1 'dnf install'
try 1 'zypper install'
try 1 'spack install'
try 1 'valgrind spin' check

# Debian, as root or with sudo: update, install; then it looks again.
cat >"$work/bin/apt-get" <<END
#!$shell
echo "apt-get \$*" >>"$work/calls"
END
cat >"$work/bin/sudo" <<END
#!$shell
exec "\$@"
END
chmod +x "$work/bin/apt-get" "$work/bin/sudo"
try 1 'still missing after installation'
for call in 'apt-get update' 'apt-get install -y'; do
    grep -q "^$call" "$work/calls" || { echo "no '$call'"; status=1; }
done
for package in make libopenmpi-dev libhwloc-dev libjansson-dev; do
    grep -q "install.* $package " "$work/calls" ||
        { echo "$package was not installed"; status=1; }
done

# Debian, but neither root nor sudo: say what root has to do.
rm "$work/bin/sudo" "$work/bin/id"
printf '#!%s\necho 1000\n' "$shell" >"$work/bin/id"
chmod +x "$work/bin/id"
try 1 'as root, please run: apt-get install'

[ $status -ne 0 ] || echo "quickstart installs, or says what is to be installed"
exit $status
