# scaling.awk - draw doc/scaling.svg from doc/scaling.tsv.
# SPDX-License-Identifier: BSD-3-Clause
#
#   awk -f doc/scaling.awk doc/scaling.tsv >doc/scaling.svg
#
# A row of the table: series, ranks, efficiency in percent.  Series are drawn in
# the order in which they come; "before" in a name makes the line thin and dashed.

BEGIN {
    FS = "\t"
    width = 640; height = 400; left = 60; right = 180; top = 30; bottom = 50
    n_colours = split("#1b6ca8 #c2571a #2e7d32 #7b3fa0 #555555 #a8324a", colour, " ")
}

/^#/ || NF < 3 { next }

!($1 in nth) { name[++n] = $1; nth[$1] = n }
{ points[$1] = points[$1] sprintf("%.1f,%.1f ", x($2), y($3)) }

function x(ranks)
{
    return left + (width - left - right) * (log(ranks) - log(16)) / (log(4096) - log(16))
}

function y(percent)
{
    return height - bottom - (height - top - bottom) * percent / 100
}

function text(at_x, at_y, anchor, words)
{
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
           at_x, at_y, anchor, words
}

function base_of(series)
{
    sub(/ before$/, "", series)
    return series
}

END {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" " \
           "font-family=\"sans-serif\" font-size=\"12\">\n", width, height
    print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
    for (p = 0; p <= 100; p += 20) {
        printf "<path d=\"M%d %.1fH%d\" stroke=\"#ddd\"/>\n", left, y(p), width - right
        text(left - 8, y(p) + 4, "end", p " %")
    }
    for (r = 16; r <= 4096; r *= 4)
        text(x(r), height - bottom + 18, "middle", r)
    text((left + width - right) / 2, height - 12, "middle", "simulated ranks")
    text(left, 18, "start", "efficiency: the ideal time over the simulated time")
    for (i = 1; i <= n; i++) {
        base = base_of(name[i])
        if (!(base in tint))
            tint[base] = colour[1 + n_tints++ % n_colours]
        before = name[i] != base
        split(points[name[i]], all, " ")
        style = sprintf("stroke=\"%s\" stroke-width=\"%s\"%s", tint[base],
                        before ? 1 : 2.5, before ? " stroke-dasharray=\"4 3\"" : "")
        printf "<polyline points=\"%s\" fill=\"none\" %s/>\n", points[name[i]], style
        for (k = 1; k in all && all[k] != ""; k++) {
            split(all[k], at, ",")
            printf "<circle cx=\"%s\" cy=\"%s\" r=\"%s\" fill=\"%s\"/>\n", at[1], at[2],
                   before ? 2 : 3.5, tint[base]
        }
        printf "<path d=\"M%d %dh24\" %s/>\n", width - right + 16, top + 20 * i, style
        text(width - right + 46, top + 20 * i + 4, "start", name[i])
    }
    print "</svg>"
}
