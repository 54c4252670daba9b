#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# kmers.sh - apps/kmers against a count by awk, on made-up sequences and on real
# reads (Debian's bowtie2-examples, where it is installed).

. "$abs_top_srcdir/tests/app.sh"

# expected K FILE...: COUNT<TAB>K-MER of plain FASTA and FASTQ, sorted.
expected()
{
    k=$1
    shift
    for file; do
        awk -v k="$k" '
        function reversed(s,    i, t) {
            for (i = length(s); i > 0; i--)
                t = t pair[substr(s, i, 1)]
            return t
        }
        function count(s,    i, kmer, other) {
            for (i = 1; i + k - 1 <= length(s); i++) {
                kmer = substr(s, i, k)
                if (!(kmer in canonical)) {
                    other = kmer ~ /[^ACGT]/ ? "" : reversed(kmer)
                    canonical[kmer] = other == "" || kmer < other ? kmer : other
                    if (other == "")
                        canonical[kmer] = "none"
                }
                n[canonical[kmer]]++
            }
        }
        BEGIN { pair["A"] = "T"; pair["C"] = "G"; pair["G"] = "C"
                pair["T"] = "A" }
        { sub(/\r$/, "") }
        NR == 1 { fastq = /^@/ }
        fastq && NR % 4 == 2 { count(toupper($0)) }
        !fastq && /^>/ { count(s); s = "" }
        !fastq && !/^>/ { s = s toupper($0) }
        END {
            count(s)
            delete n["none"]
            for (kmer in n)
                print n[kmer] "\t" kmer
        }' "$file"
    done | awk '{ n[$2] += $1 } END { for (k in n) print n[k] "\t" k }' |
        LC_ALL=C sort -k1,1nr -k2,2
}

# check RANKS K FILE...
check()
{
    ranks=$1
    k=$2
    shift 2
    on "$ranks" kmers --quiet -k "$k" -n 1000000000 "$@"
    expect 0
    expect_out want
}

# sequence SEED N WIDTH: random bases, a newline after WIDTH of them (0: none).
sequence()
{
    awk -v seed="$1" -v n="$2" -v width="$3" 'BEGIN {
        for (i = 1; i <= n; i++) {
            seed = (seed * 16807) % 2147483647
            c = seed % 200 == 7 ? "N" : substr("ACGTacgt", 1 + seed % 8, 1)
            printf "%s%s", c, width && i % width == 0 ? "\n" : ""
        }
        if (!width || (i - 1) % width)
            print ""
    }'
}

# Small ones, each with something awkward.
printf '>one\nACGTACGTNNACGT\nACG\n>two\nACG\n\nTTTT\n>three\n>four\nA' >small.fa
printf '>one\r\nACGTAC\r\nGTACGT\r\n' >crlf.fa
printf '@r1\nACGTACGT\n+\n@+@+IIII\n@r2\nTTTTACGT\n+r2\nIIIIIIII\n' >small.fq
: >empty.fa
for k in 1 2 5 31; do
    expected $k small.fa crlf.fa small.fq >want
    for ranks in 0 1 3; do
        check $ranks $k small.fa crlf.fa small.fq empty.fa
    done
done

# Over many ranges: short and long lines, one line, and reads whose qualities
# look like headers.
{
    echo '>long lines'
    sequence 3 400000 70
    echo '>one line > with more > of them'
    sequence 4 1200000 0
    echo '>short lines'
    sequence 5 100000 1
} >large.fa
sequence 6 1000000 100 | tr -d N | awk 'length($0) > 20 {
    q = $0
    gsub(/[ACGTacgt]/, "@", q)
    print "@read" NR "\n" $0 "\n+\n" q
}' >large.fq
expected 7 large.fa large.fq >want
[ "$(wc -l <want)" -gt 8000 ] || complain "the sample is too small"
for ranks in 1 2 4 7; do
    check $ranks 7 large.fa large.fq
done
check 4 7 --memory=64K large.fa large.fq
gzip -k large.fa
check 4 7 large.fa.gz large.fq
head -n 5 want >first
on 4 kmers -k 7 -n 5 large.fa large.fq
expect 0
expect_out first
cut -f 1 want | LC_ALL=C sort -n | uniq -c | awk '{ print $2 "\t" $1 }' >times
on 4 kmers -k 7 --histogram large.fa large.fq
expect 0
expect_out times

real=/usr/share/doc/bowtie2/examples
if [ -e $real/reads/longreads.fq.gz ]; then
    gzip -dc $real/reads/longreads.fq.gz >reads.fq
    gzip -dc $real/reference/lambda_virus.fa.gz >lambda.fa
    expected 21 lambda.fa >want
    check 4 21 $real/reference/lambda_virus.fa.gz
    check 2 21 lambda.fa
    expected 8 reads.fq >want
    check 4 8 $real/reads/longreads.fq.gz
    check 3 8 reads.fq
else
    echo "kmers: real reads were NOT counted: bowtie2-examples is not installed"
fi

printf 'neither\n' >text
on 3 kmers --quiet --max-retries=0 -k 3 text
expect 1
expect_err 'text: neither FASTA nor FASTQ'
on 3 kmers small.fa
expect 2
expect_err 'kmers: give -k K'
on 3 kmers -k 32 small.fa
expect 2
expect_err 'kmers: -k 32: not a number from 1 to 31'
expect_usage kmers
finish
