#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# docs.sh - the documents say what is so.
#
# Programs in README, doc/ and the man pages are compiled and run, and print
# what the text behind them says.  Functions, options, exit codes, struct
# layouts and lists of files are compared with the source, both ways.

. "$abs_top_srcdir/tests/app.sh"

pages=$abs_top_builddir/doc/man
manuals=$abs_top_srcdir/doc/man
texts="$abs_top_srcdir/README $(echo "$abs_top_srcdir"/doc/*.md)"

# same WHAT FILE FILE: sorted lists; the first from the source.
same()
{
    comm -23 "$2" "$3" | sed "s/^/$name: $1: not in the documents: /" >lost
    comm -13 "$2" "$3" | sed "s/^/$name: $1: only in the documents: /" >>lost
    [ ! -s lost ] && return
    cat lost
    failed=1
}

# A page as plain text, but with its lines.
plain()
{
    sed -e 's/\\-/-/g; s/\\e/\\/g; s/\\&//g; s/\\f[A-Z]//g; s/\\(dq/"/g' "$@"
}

# ---- functions ----

cat "$abs_top_srcdir"/include/*.h "$abs_top_srcdir"/include/mpipe/*.h |
    sed 's/^typedef.*//' | grep -v '^ \*' | grep -o 'mpipe_[a-z0-9_]*(' |
    tr -d '(' | grep -v '_slow$' | sort -u >functions
[ "$(wc -l <functions)" -ge 60 ] || complain "the list of functions is short"
for page in "$pages"/*.3; do
    sed -n '/^\.SH NAME/,/^\.SH SYNOPSIS/p' "$page"
done | grep -o 'mpipe_[a-z0-9_]*[,]\{0,1\} ' | tr -d ', ' | sort -u |
    grep -vxF -e mpipe_error >named
same function functions named

# What the texts speak of is there: a function, or a page.
for page in "$pages"/*.3; do
    basename "$page" .3
done >known
cat functions >>known
cat "$abs_top_srcdir"/src/*.h | grep -o 'mpipe__[a-z0-9_]*(' | tr -d '(' >>known
# shellcheck disable=SC2086  # a list of words
{
    grep -oh 'mpipe_[a-z0-9_]*(' $texts
    plain "$pages"/*.3 "$manuals"/*.[17] | grep -o 'mpipe_[a-z0-9_]*('
    plain "$pages"/*.3 "$manuals"/*.[17] | grep -o 'mpipe_[a-z0-9_]* (3' |
        tr -d ' 3'
} | tr -d '(' | sort -u >mentioned
sort -u known | comm -13 - mentioned | while read -r word; do
    echo "$name: no function or page: $word()"
done >lost
[ ! -s lost ] || { cat lost; failed=1; }

# header2man.awk loses no word of a header.
words()
{
    tr A-Z a-z | tr -cs 'a-z0-9_' '\n' | sort -u
}
for header in "$abs_top_srcdir"/include/mpipe/*.h; do
    noun=$(basename "$header" .h)
    [ "$noun" != inline ] || continue   # not for users
    plain "$pages/mpipe_$noun.3" | words >shown
    grep -v -e '^#if' -e '^#e' -e '^#include' -e '^#define MPIPE_[A-Z]*_H$' \
        -e 'extern "C"' -e SPDX -e __attribute__ "$header" |
        sed -e 's/^#define//' -e '/^\/\* [a-z]*\.h - /s/ [a-z]*\.h - / /' |
        words | comm -13 shown - >lost
    [ ! -s lost ] ||
        complain "the page of $noun.h lacks these words:" $(cat lost)
done

# ---- options ----

mpipe=$abs_top_builddir/apps/mpipe
"$mpipe" info >info || complain "mpipe info: exit status $?"
awk '/^  --/ { option = $1 }
     /^ *Default/ { sub(/^ */, ""); variable = $NF; sub(/; env.*/, "")
                    print option " " $0 " " variable }' info | sort >options
[ "$(wc -l <options)" -ge 18 ] || complain "the list of options is short"
plain "$manuals/mpipe.7" | awk '
    /^\.SH/ { inside = $2 == "OPTIONS" }
    inside && /^\.BI? --/ { option = $2 $3; variable = $2
                            sub(/=.*/, "", variable)
                            sub(/^--/, "MPIPE_", variable)
                            gsub(/-/, "_", variable) }
    inside && /^Default/ { sub(/\.$/, "")
                           print option " " $0 " " toupper(variable) }' |
    sort >described
same option options described

# The programs' own: what --help says is in the page, and nothing else.
flags()
{
    grep -v 'Options of libmpipe' | grep -o -e '--[a-z][a-z-]*' \
        -e '\[\{0,1\}-[a-z] [A-Z]' | sed 's/^\[//; s/ .*//' | sort -u
}
for program in dsort kmers mandelbrot palindrome pi sumjob taskchain \
    wordcount mpipe; do
    path=$abs_top_builddir/apps/$program
    [ -x "$path" ] || continue          # mandelbrot without libpng
    if [ $program = mpipe ]; then
        for tool in run plan info bench; do
            "$path" $tool --help | sed '/^Example/d'
        done
        "$path" --help
    else
        "$path" --help
    fi | flags | grep -vx -e --help -e --version -e -np >helped
    plain "$manuals/$program.1" |
        sed -n '/^\.SH DESC/,/^\.SH EX/{ /^\.BI* -/s/^\.BI* \([^ =]*\).*/\1/p; }' |
        grep -vx -e --help -e --plan | sort -u >paged
    same "option of $program" helped paged
done

# Options in the texts exist somewhere.
{
    cut -d ' ' -f 1 options | sed 's/=.*//'
    for program in dsort kmers mandelbrot palindrome pi sumjob taskchain \
        wordcount mpipe; do
        plain "$manuals/$program.1" | grep -o -e '--[a-z][a-z-]*'
    done
    "$abs_top_builddir/tests/campaign" --help | grep -o -e '--[a-z][a-z-]*'
    # of configure, pkg-config, sbatch, srun, mpirun and smpirun
    printf '%s\n' --cflags --libs --variable --ntasks --host --signal --time \
        --no-kill --kill-on-bad-exit --mpi --enable-recovery --output \
        --nodelist --nodes --runtime-options --with-ft --disable-shared --cfg
} | sort -u >all
# shellcheck disable=SC2086
grep -oh -e '--[a-z][a-z-]*' $texts | grep -v -e '-$' | sort -u | comm -13 all - >lost
[ ! -s lost ] || complain "no such option:" $(cat lost)

# ---- exit codes ----

sed -n 's/^ *\(MPIPE_[A-Z]*\) *= -\{0,1\}\([0-9]*\),\{0,1\} .*/\2 \1/p' \
    "$abs_top_srcdir/include/mpipe/error.h" >codes.all
sed -n 's/^ *MPIPE_OK *= 0,.*/0 MPIPE_OK/p' \
    "$abs_top_srcdir/include/mpipe/error.h" >>codes.all
grep -v -e MPIPE_AGAIN -e MPIPE_END codes.all | sort -u >codes
plain "$manuals/mpipe.7" | sed -n 's/^\.B \([0-9][0-9]* MPIPE_[A-Z]*\)$/\1/p' |
    sort >coded
[ "$(wc -l <codes)" -ge 13 ] || complain "the list of exit codes is short"
same 'exit code' codes coded

# ---- protocol.md: the tables are the structs ----

awk '
    BEGIN { print "#include <stddef.h>"
            print "#include \"master.h\""
            print "#define AT(s, f, at, n) _Static_assert(" \
                  "offsetof(s, f) == at && sizeof ((s *)0)->f == n, #f)"
            print "#define ENDS(s, n) _Static_assert(sizeof(s) == n, #s)" }
    function over() { if (end) print "ENDS(" what ", " end ");"
                      end = 0; what = "" }
    /^`struct [a-z_]*`:$/ { over(); gsub(/[`:]/, ""); what = $0; next }
    what && /^\| [0-9]/ { gsub(/[`|]/, " "); end = $1 + $2
                          print "AT(" what ", " $3 ", " $1 ", " $2 ");"; next }
    /^\|/ && what { next }
    /^$/ { if (end) over(); next }
    /^\| [0-9]+ *\| [A-Z]+ .*(any|home|rank), / {
        print "_Static_assert(MPIPE__" $4 " == " $2 ", \"" $4 "\");" }
    END { over() }' "$abs_top_srcdir/doc/protocol.md" >layout.c
[ "$(grep -c '^AT' layout.c)" -ge 60 ] && [ "$(grep -c ENDS layout.c)" -ge 9 ] &&
    [ "$(grep -c '^_Static_assert(MPIPE__' layout.c)" -ge 13 ] ||
    complain "protocol.md: tables are missing"
# shellcheck disable=SC2086
$CC $C11_CFLAGS -D_GNU_SOURCE -I"$abs_top_srcdir/include" \
    -I"$abs_top_srcdir/src" -fsyntax-only layout.c 2>words ||
    { complain "protocol.md: a table is not the struct:"; grep error words; }

# ---- design.md: each file of src/ is in the table ----

sed -n '/^### What each file/,/^Life of a job/s/^| \([a-z][a-z_*, ]*[a-z*]\) *|.*/\1/p' \
    "$abs_top_srcdir/doc/design.md" | tr -d ' ' | tr ',' '\n' | grep -vx file \
    >patterns
for file in "$abs_top_srcdir"/src/*.c; do
    base=$(basename "$file" .c)
    while read -r pattern; do
        # shellcheck disable=SC2254  # a pattern it is
        case $base in $pattern) continue 2 ;; esac
    done <patterns
    [ "$base" = version ] || complain "design.md: no row for src/$base.c"
done
while read -r pattern; do
    set -- "$abs_top_srcdir"/src/$pattern.[ch]
    [ -e "$1" ] || complain "design.md: there is no src/$pattern.c"
done <patterns

# ---- features.md: a row for each id, with tests that exist ----

{
    for set in G15 P18 R15 D9 C9; do
        seq "${set#?}" | sed "s/^/${set%"${set#?}"}/"
    done
} | sort >ids
sed -n 's/^| \([GPRDC][0-9][0-9]*\) .*/\1/p' \
    "$abs_top_srcdir/doc/features.md" | sort >rows
same 'ability' ids rows
[ -z "$(uniq -d rows)" ] || complain "features.md: twice:" $(uniq -d rows)
awk -F '|' '/^\| [GPRDC][0-9]/ && ($4 ~ /^ *$/ || $5 ~ /^ *$/)' \
    "$abs_top_srcdir/doc/features.md" >lost
[ ! -s lost ] || { complain "features.md: not filled in:"; cat lost; }

# Files that the texts name are there.
cd "$abs_top_srcdir" || exit 1
# shellcheck disable=SC2086
grep -oh -e 'tests/[a-z_-]*\.[a-z]*' -e 'src/[a-z_]*\.[ch]' \
    -e 'jobscripts/[a-z]*\.[a-z]*' $texts | sort -u | while read -r file; do
        [ -e "$file" ] || echo "$name: there is no $file"
    done >"$work/lost"
grep -oh '](\([^)#:]*\))' README | tr -d '()]' | while read -r file; do
    [ -e "$file" ] || echo "$name: README: there is no $file"
done >>"$work/lost"
for text in doc/*.md; do
    grep -oh '](\([^)#:]*\))' "$text" | tr -d '()]' | while read -r file; do
        [ -e "doc/$file" ] || echo "$name: $text: there is no $file"
    done
done >>"$work/lost"
cd "$work" || exit 1
[ ! -s lost ] || { cat lost; failed=1; }

# ---- pages: correct roff ----

if command -v groff >/dev/null; then
    for page in "$pages"/*.3 "$manuals"/*.[17]; do
        groff -ww -man -Tutf8 "$page" 2>&1 >/dev/null
    done >words
    [ ! -s words ] || { complain "groff complains:"; cat words; }
fi
if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$pages"/*.3 "$manuals"/*.[17] >words
    grep -v 'missing date' words >lost
    [ ! -s lost ] || { complain "mandoc complains:"; cat lost; }
fi

# ---- programs ----

sed -n '/^#include/,$p' "$abs_top_srcdir/apps/mypipeline.c" >expected
awk '/^```c$/ { on = 1; next } /^```$/ && on { exit } on' \
    "$abs_top_srcdir/README" >got
cmp -s got expected || {
    complain "README's first program is not apps/mypipeline.c:"
    diff expected got
}

# Blocks N.c are programs; N.run is the block behind one: "$ command" and
# what it prints.
mkdir programs bin
# shellcheck disable=SC2016
split='
    /^```/ && !on { on = 1; text = ""; next }
    /^```/ { on = 0
             if (text ~ /int main\(/) { n++; printf "%s", text >(n ".c"); ran = 0 }
             else if (n && !ran && text ~ /^\$ /) { printf "%s", text >(n ".run"); ran = 1 }
             next }
    on { text = text $0 "\n" }'
for text in $texts; do
    mkdir "programs/$(basename "$text")"
    (cd "programs/$(basename "$text")" && awk "$split" "$text")
done
for page in "$pages"/*.3 "$manuals"/*.[17]; do
    mkdir "programs/$(basename "$page")"
    (cd "programs/$(basename "$page")" &&
        plain "$page" | sed 's/^\.E[XE]$/```/' | awk "$split")
done

# Their mpirun is the tests'; RANKS replaces the number of ranks.
MPIRUN=$(command -v "${MPIRUN:-mpirun}" || echo "${MPIRUN:-mpirun}")
export MPIRUN
cat >bin/mpirun <<'END'
#!/bin/sh
[ "$1" = -np ] || exit 2
ranks=${RANKS:-$2}
shift 2
[ "$ranks" -gt 0 ] || exec "$@"
exec sh "$abs_top_srcdir/tests/run-mpi.sh" -n "$ranks" "$@"
END
chmod +x bin/mpirun

# build FILE.c PROGRAM
build()
{
    # shellcheck disable=SC2086
    $CC $C11_CFLAGS $WARN_CFLAGS -Werror -I"$abs_top_srcdir/include" \
        -c "$1" -o program.o &&
        "$abs_top_builddir/libtool" --silent --tag=CC --mode=link $CC -static \
            program.o "$abs_top_builddir/src/libmpipe.la" -o "$2"
}

# run FILE.run: its commands print what it says, also on other numbers of ranks.
run()
{
    grep -v -e '^\$ mpicc ' -e '^\$ \./quickstart' "$1" >block
    grep -v '^\$ ' block >expected
    sed -n 's/^\$ //p' block >commands
    for RANKS in '' 0 3; do
        export RANKS
        PATH=$work/bin:$PATH MPIPE_QUIET=yes sh commands >out 2>err
        status=$?
        [ $status -ne 77 ] || { cat err; exit 77; }
        [ $status -le 1 ] || complain "$1: exit status $status: $(cat err)"
        cmp -s out expected || {
            complain "$1 with RANKS='$RANKS' prints something else:"
            diff expected out
        }
    done
}

n=0
for source in programs/*/*.c; do
    [ -e "${source%.c}.run" ] || {
        complain "$source: what it prints is not in the text"
        continue
    }
    program=$(sed -n 's/^\$ .*\.\/\([a-z_]*\).*/\1/p' "${source%.c}.run" |
              tail -n 1)
    if build "$source" "$program" >words 2>&1; then
        run "${source%.c}.run"
        n=$((n + 1))
    else
        complain "$source: does not compile:"
        cat words
    fi
done
[ $n -ge 6 ] || complain "only $n programs were found"
[ $failed -ne 0 ] ||
    echo "$(wc -l <functions) functions, $(wc -l <options) options and $n" \
         "programs are as the documents say"
finish
