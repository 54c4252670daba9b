# SPDX-License-Identifier: BSD-3-Clause
# header2man.awk - make a man page (section 3) of a public header.
#
#   awk -v name=mpipe_stage -v version=0.1.0 -f header2man.awk stage.h
#
# The comments of the headers are the reference, so the pages are made of them
# and cannot drift.  What it knows of a header:
#   - the second comment opens with "FILE - TITLE", the rest is the description;
#   - a comment belongs to the declarations below it, up to an empty line;
#   - "---- words ----" in a comment begins a section;
#   - in a comment an indented line is shown as it is, "- " begins a point of
#     a list, and an empty line a paragraph.
# tests/docs.sh finds what it would lose.

function escape(s)
{
    gsub(/\\/, "\\e", s)
    return s
}

# A line of C as it is.
function code_line(s)
{
    s = escape(s)
    gsub(/-/, "\\-", s)
    if (s ~ /^[.']/)
        s = "\\&" s
    print s
}

# A line of prose: 'arg' in italics, MPIPE_X and mpipe_x() in bold.
function text_line(s,    done, word)
{
    s = escape(s)
    gsub(/--/, "\\-\\-", s)
    s = " " s
    while (match(s, /[ ("=]-[^- ]/))
        s = substr(s, 1, RSTART) "\\" substr(s, RSTART + 1)
    s = substr(s, 2)
    done = ""
    while (match(s, /'[*a-z_]+'/)) {
        word = substr(s, RSTART + 1, RLENGTH - 2)
        done = done substr(s, 1, RSTART - 1) "\\fI" word "\\fP"
        s = substr(s, RSTART + RLENGTH)
    }
    s = done s
    gsub(/MPIPE_[A-Z_]+/, "\\fB&\\fP", s)
    gsub(/mpipe_[a-z0-9_]+\(\)/, "\\fB&\\fP", s)
    if (s ~ /^[.']/)
        s = "\\&" s
    print s
}

# The words of a comment, lines 1 to n of 'comment'.
function print_text(n,    i, s, list, raw)
{
    list = raw = 0
    for (i = 1; i <= n; i++) {
        s = comment[i]
        if (raw && s !~ /^ /) {
            print ".EE"
            raw = 0
        }
        if (s == "") {
            if (i < n)
                print ".PP"
            list = 0
        } else if (s ~ /^- /) {
            print ".IP \\(bu 2"
            text_line(substr(s, 3))
            list = 1
        } else if (s ~ /^ / && !list) {
            if (!raw)
                print ".EX"
            raw = 1
            code_line(s)
        } else {
            sub(/^ +/, "", s)
            text_line(s)
        }
    }
    if (raw)
        print ".EE"
}

# A block is over: its declarations, and below them what its comment says.
function flush_block(    i)
{
    if (n_code > 0) {
        print ".PP"
        print ".EX"
        for (i = 1; i <= n_code; i++)
            code_line(code[i])
        print ".EE"
        if (n_comment > 0) {
            print ".RS 4"
            print ".PP"
            print_text(n_comment)
            print ".RE"
        }
    } else if (n_comment > 0) {
        print ".PP"
        print_text(n_comment)
    }
    n_code = n_comment = 0
}

# The names of all functions that the header declares, for NAME.
function names_in(file,    line, all, seen, inside)
{
    while ((getline line < file) > 0) {
        if (line ~ /^\/\*/)
            inside = 1
        if (!inside && line !~ /^typedef/ && line ~ /^[a-z]/ &&
            match(line, /mpipe_[a-z0-9_]+\(/))
            all = all (all == "" ? "" : ", ") \
                  substr(line, RSTART, RLENGTH - 1)
        if (line ~ /\*\/ *$/)
            inside = 0
    }
    close(file)
    return all
}

function begin_page(title,    all)
{
    all = names_in(FILENAME)
    print ".\\\" Made by doc/header2man.awk of a header: change that."
    print ".TH " toupper(name) " 3 \"\" \"libmpipe " version "\" \"libmpipe\""
    print ".ad l"
    print ".nh"
    print ".SH NAME"
    print (all == "" ? name : all) " \\- " title
    print ".SH SYNOPSIS"
    print ".EX"
    print "#include <mpipe" (name == "mpipe_mpi" ? "/mpi" : "") ".h>"
    print ".EE"
    print ".PP"
    print "Compile and link with"
    print "$(pkg\\-config \\-\\-cflags \\-\\-libs mpipe)."
}

# The end of a comment: what sort of comment was it?
function end_comment()
{
    n_comments++
    if (n_comments == 1) {                  # the licence
        n_comment = 0
    } else if (n_comments == 2) {
        sub(/^[a-z]+\.h - /, "", comment[1])
        sub(/\.$/, "", comment[1])
        begin_page(comment[1])
        if (n_comment > 1)
            print ".SH DESCRIPTION"
        comment[1] = ""
        print_text(n_comment)
        n_comment = 0
        print ".SH INTERFACE"
    } else if (comment[1] ~ /^---- .* ----$/) {
        gsub(/^---- | ----$/, "", comment[1])
        print ".SS " toupper(substr(comment[1], 1, 1)) substr(comment[1], 2)
        n_comment = 0
    }
}

function add_comment(s)
{
    in_comment = s !~ /\*\/ *$/
    sub(/ *\*\/ *$/, "", s)
    sub(/^(\/\*| \*) ?/, "", s)
    sub(/ +$/, "", s)
    if (in_comment || s != "")
        comment[++n_comment] = s
    if (!in_comment)
        end_comment()
}

in_comment            { add_comment($0); next }
/^\/\*/               { flush_block(); add_comment($0); next }
/^#define MPIPE_.* ./ { code[++n_code] = $0; next }
/^#|^extern "C"|^}$/  { next }
/^ +__attribute__/    { code[n_code] = code[n_code] ";"; next }
/^$/                  { if (depth == 0) flush_block(); else code[++n_code] = ""; next }
{
    code[++n_code] = $0
    depth += gsub(/[{]/, "{") - gsub(/[}]/, "}")
}

END {
    flush_block()
    print ".SH SEE ALSO"
    if (name != "mpipe_error")
        print ".BR mpipe_error (3),"
    print ".BR mpipe (1),"
    print ".BR mpipe (7)"
}
