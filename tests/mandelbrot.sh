#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# mandelbrot.sh - the same picture from every number of ranks, and the right one.

. "$abs_top_srcdir/tests/app.sh"

if [ ! -x "$abs_top_builddir/apps/mandelbrot" ]; then
    echo 'SKIPPED: apps/mandelbrot was not built: libpng is missing'
    exit 77
fi

arguments='--quiet -w 75 -h 50 -i 200'
: >none
# shellcheck disable=SC2086  # a list of words
for ranks in 0 1 2 3 4 7 8; do
    on $ranks mandelbrot $arguments -o "$ranks.png"
    expect 0
    expect_out none
    cmp 0.png $ranks.png || complain "$command: another picture"
done
[ "$(ls)" = "$(printf '%s\n' 0.png 1.png 2.png 3.png 4.png 7.png 8.png err \
               none out)" ] || complain "other files were left: $(ls)"

# The head of a PNG: signature, size and kind, whatever library wrote it.
printf '\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\0\113\0\0\0\062\010\002\0\0\0' >head
head -c 29 0.png | cmp - head || complain "0.png does not begin as a PNG"

# Each pixel, by another program.
if command -v python3 >/dev/null 2>&1; then
    python3 - 0.png 75 50 200 <<'PYTHON' || complain "0.png: a wrong picture"
import struct, sys, zlib

path, width, height, limit = sys.argv[1], *map(int, sys.argv[2:])
data, at, packed = open(path, "rb").read(), 8, b""
while at < len(data):
    size, kind = struct.unpack(">I4s", data[at:at + 8])
    body = data[at + 8:at + 8 + size]
    assert zlib.crc32(kind + body) == struct.unpack(
        ">I", data[at + 8 + size:at + 12 + size])[0]
    packed += body if kind == b"IDAT" else b""
    at += 12 + size
assert kind == b"IEND"
raw, stride, above = zlib.decompress(packed), 3 * width, bytes(3 * width)
assert len(raw) == height * (stride + 1)
for row in range(height):
    how, *line = raw[row * (stride + 1):(row + 1) * (stride + 1)]
    for i in range(stride):
        a, b = line[i - 3] if i >= 3 else 0, above[i]
        c = above[i - 3] if i >= 3 else 0
        p = sorted((abs(a + b - c - v), n, v) for n, v in enumerate((a, b, c)))
        line[i] = (line[i] + (0, a, b, (a + b) // 2, p[0][2])[how]) % 256
    above = line
    pixel = 3.0 / width
    cy = (row - (height - 1) / 2) * pixel
    for i in range(width):
        cx, x, y, n = -2.25 + (i + 0.5) * pixel, 0.0, 0.0, 0
        while n < limit and x * x + y * y <= 4:
            x, y, n = x * x - y * y + cx, 2 * x * y + cy, n + 1
        n %= limit
        expected = [n * 9 % 256, n * 5 % 256, n * 17 % 256]
        assert line[3 * i:3 * i + 3] == expected, (row, i, n)
PYTHON
else
    echo "mandelbrot: no python3: the pixels were not looked at"
fi

# A single row and a single column; more ranks than rows.
on 4 mandelbrot --quiet -w 1 -h 1 -o one.png
expect 0
[ -s one.png ] || complain "$command: no picture"

# Complete or absent: a place that cannot be written, and one that was there.
on 3 mandelbrot --quiet -w 9 -h 9 -o no/such/folder/x.png
expect 4
expect_err 'no/such/folder/x.png: No such file or directory'
mkdir x.png
on 3 mandelbrot --quiet -w 9 -h 9 -o x.png
expect 4
[ ! -e x.png.part ] || complain "$command: x.png.part was left"

on 3 mandelbrot
expect 2
expect_err "mandelbrot: give the picture's name with -o"
on 3 mandelbrot -o x.png -w 0
expect 2
expect_err 'mandelbrot: -w 0: not a number from 1 to 1000000'
on 3 mandelbrot -o x.png more
expect 2
expect_err 'mandelbrot: more: not an option'
expect_usage mandelbrot
finish
