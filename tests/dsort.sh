#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# dsort.sh - apps/dsort against sort(1): whatever the lines, the ranks and the
# memory, the part files one after another are the same bytes.

. "$abs_top_srcdir/tests/app.sh"

# sorted RANKS ARGUMENT...: sort into parts/, and compare with 'want'.
sorted()
{
    ranks=$1
    shift
    rm -rf parts
    on "$ranks" dsort --quiet -o parts "$@"
    expect 0
    cat parts/part-* >got
    cmp -s got want || complain "$command: not what sort(1) gives"
    [ -z "$(find parts -name '.*.tmp')" ] || complain "$command: a .tmp is left"
}

# With everything that is awkward.
mkdir -p in/deep
: >in/empty
printf 'b\na\n\nno newline at the end' >in/one
printf 'x\r\ny\r\n\r\n' >in/crlf
printf 'nul\0b\nnul\0a\nnul\n\377\376\n\n' >in/deep/bytes
printf '\n\n\n' >in/deep/newlines
awk 'BEGIN {
    seed = 11
    for (i = 0; i < 60000; i++) {
        seed = (seed * 16807) % 2147483647
        printf "%s%d %s\n", i % 3 ? "a common beginning of some length " : "",
               seed % 20000, substr("abcdefghijklmnop", 1, seed % 16)
    }
}' >in/many
{
    head -c 3000000 /dev/zero | tr '\0' 'q'
    printf '\nshort\n'
} >in/long
LC_ALL=C sort in/empty in/one in/crlf in/deep/bytes in/deep/newlines in/many \
    in/long >want
for ranks in 0 1 2 3 4 8; do
    sorted $ranks in
done
sorted 4 --memory=64K in
sorted 3 --memory=200K --frame=1K --credits=1 in
sorted 5 --spares=1 in
sorted 4 --spares=2 --policy=round-robin in
sorted 3 -p 1 in
sorted 4 -p 20 in
[ "$(find parts -name 'part-*' | wc -l)" -eq 20 ] ||
    complain "$command: not 20 part files"
[ -e parts/part-00000 ] && [ -e parts/part-00019 ] ||
    complain "$command: they are not named as they should be"
gzip in/many
sorted 3 in
sorted 3 'in/[dlm]*' in/[!dlm]*
if command -v zstd >/dev/null; then
    gzip -d in/many.gz
    zstd -q --rm in/many
    sorted 3 in
    zstd -q -d --rm in/many.zst
    gzip in/many
fi
printf '' >want
sorted 3 in/empty
gzip -d in/many.gz

# Sampling must not be fooled by input that is sorted already.
LC_ALL=C sort in/many >many.sorted
cp many.sorted want
sorted 4 many.sorted
least=$(wc -c parts/part-* | sort -n | awk 'NR == 1 { print $1 }')
[ "$least" -gt $(($(wc -c <want) / 9)) ] ||
    complain "a part file of $least bytes: the parts are not even"

# A line that comes too often is named, in the report and for programs.
awk 'BEGIN { for (i = 0; i < 20000; i++)
                 print i % 5 ? "the same line" : "line " i * 7919 % 20000 }' \
    >skewed
rm -rf parts
on 4 dsort --report=skew.json -o parts skewed
expect 0
expect_err ' read, 20000 pairs emitted; '
grep -q "^skew: partition [0-9], on rank [1-3], is 2\.[0-9] times the mean; \
heaviest keys: 'the same line' (80%)$" err ||
    complain "$command: the heaviest key is not named: $(cat err)"
if command -v jq >/dev/null; then
    jq -es '.[2].shuffle | .partitions == 3 and .pairs == 20000
            and .heaviest_keys[0].key == "the same line"
            and .heaviest_keys[0].values == 16000' skew.json >/dev/null ||
        complain "$command: not in the JSON"
    jq -es '.[1].ranks | map(.pairs_kept) | add == 20000' skew.json \
        >/dev/null || complain "$command: pairs_kept are not 20000"
fi

# One line for all: its file is as long as the input, and not in memory.
yes 'always the same line, again and again' | head -n 1000000 >same
cp same want
rm -rf parts
on 3 dsort --memory=1M --report=same.json -o parts same
expect 0
cat parts/part-* | cmp -s - want || complain "$command: not what sort(1) gives"

# Ten times the memory and more: as much is taken as is allowed.
awk 'BEGIN {
    seed = 5
    for (i = 0; i < 400000; i++) {
        seed = (seed * 16807) % 2147483647
        printf "%d %d padding to make it longer, since lines are not short\n",
               seed, i
    }
}' >large
LC_ALL=C sort large >want
rm -rf parts
mkdir scratch
on 3 dsort --memory=1M --scratch=scratch --report=report.json -o parts large
expect 0
cat parts/part-* | cmp -s - want || complain "$command: not what sort(1) gives"
[ -z "$(ls -A scratch)" ] || complain "$command: files are left in scratch/"
on 3 sumjob --report=base.json
peak()
{
    sed -n 's/.*"memory_peak_bytes": \([0-9]*\).*/\1/p' "$1" | sort -n | tail -n 1
}
[ "$(peak base.json)" -gt 0 ] || complain "no peak in the report"
grew=$((($(peak report.json) - $(peak base.json)) / 1024))
[ $grew -lt 8192 ] || complain "$command: grew by $grew KiB"
grew=$((($(peak same.json) - $(peak base.json)) / 1024))
[ $grew -lt 8192 ] || complain "$command: one line for all grew by $grew KiB"

# What is not to be.
rm -rf parts
mkdir parts
: >parts/part-00003
on 3 dsort -o parts large
expect 4
expect_err 'parts has part files of an earlier job'
rm -rf parts
on 3 dsort --quiet -o no/such/parts large
expect 4
expect_err 'no/such/parts: the folder for part files cannot be made'
on 3 dsort --quiet --memory=64K --scratch=no/such -o parts large
expect 4
expect_err 'scratch folder no/such: no file can be made there'
[ -z "$(ls -A parts)" ] || complain "$command: files are left in parts/"
# a full disk, or as good as
cat >limited <<EOF
#!/bin/sh
ulimit -f 500
trap '' XFSZ
exec "$abs_top_builddir/apps/dsort" --quiet --memory=64K -o parts large
EOF
sh "$abs_top_srcdir/tests/run-mpi.sh" -n 1 sh limited >out 2>err
status=$?
command='dsort on a full disk'
expect 4
expect_err 'could not be written'
[ -z "$(ls -A parts)" ] || complain "$command: files are left in parts/"

on 3 dsort in
expect 2
expect_err 'dsort: give -o FOLDER'
on 3 dsort -o parts
expect 2
expect_err 'dsort: give files or directories'
on 3 dsort -o parts -p 0 in
expect 2
expect_err 'dsort: -p 0: not a number from 1 to 65535'
expect_usage dsort
finish
