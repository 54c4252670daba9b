/* SPDX-License-Identifier: BSD-3-Clause */
/* plan_svg.c - a plan as a picture: a box for each place, a cell for each rank.
 *
 * A box lays its children out in rows of such a length that it becomes about
 * as wide as a page; boxes are measured from the inside
 * out and drawn from the outside in, by the same code.  A cell has a stripe for
 * each stage that the rank serves.  With many ranks the cells are small and
 * bear no words, but every cell tells its rank and role when it is pointed at.
 */
#include <math.h>
#include <string.h>
#include "plan_tree.h"
#include "show.h"

#define GAP 6.0             /* between boxes, and inside their edges */
#define TITLE 16.0          /* height of a box's name */
#define MARGIN 20.0
#define HEAD 62.0           /* height of the title lines */
#define LEGEND_ROW 22.0
#define LEGEND_WIDTH 330.0
#define COLUMNS 12u         /* of a role that fit in a cell */

#define RANK_0 "#37474f"
#define SPARE "#eceff1"

struct size {
    double width, height;
};

struct drawing {
    const struct mpipe__tree *tree;
    FILE *stream;
    struct size cell;
    bool words;             /* in cells */
    bool numbers;
    double gap, title;
};

static const char *stage_colour(unsigned stage)
{
    static const char *const colour[] = {
        "#8ecae6", "#ffb703", "#90be6d", "#f28482", "#b8a1e3", "#f7d794",
        "#66c2a5", "#f4a3c4", "#a3b18a", "#7f9cf5", "#e0a37e", "#c5d86d"
    };

    return colour[stage % (sizeof colour / sizeof colour[0])];
}

/* Text for XML, cut to so many columns. */
static void put_text(FILE *stream, const char *text, unsigned columns)
{
    char fit[1024];
    const char *c;

    mpipe__show_name(fit, sizeof fit, text, columns);
    for (c = fit; *c != '\0'; c++)
        if (*c == '<')
            fputs("&lt;", stream);
        else if (*c == '>')
            fputs("&gt;", stream);
        else if (*c == '&')
            fputs("&amp;", stream);
        else
            putc(*c, stream);
}

static void draw_cell(const struct drawing *d, double x, double y,
                      unsigned rank)
{
    const struct mpipe__role *role = &d->tree->plan->role[rank];
    unsigned n = role->serves ? role->last - role->first + 1 : 1, s;
    double width = d->cell.width, height = d->cell.height;
    char text[512];

    mpipe__tree_role(d->tree, rank, text, sizeof text);
    fprintf(d->stream, "<g transform=\"translate(%.6g %.6g)\"><title>rank %u: ",
            x, y, rank);
    put_text(d->stream, text, sizeof text);
    fputs("</title>", d->stream);
    for (s = 0; s < n; s++)
        fprintf(d->stream, "<rect x=\"%.6g\" width=\"%.6g\" height=\"%.6g\" "
                "fill=\"%s\"/>", s * width / n, width / n, height,
                role->serves ? stage_colour(role->first + s)
                : rank == 0 ? RANK_0 : SPARE);
    fprintf(d->stream, "<rect class=\"c\" width=\"%.6g\" height=\"%.6g\"/>",
            width, height);
    if (d->numbers)
        fprintf(d->stream, "<text x=\"%.6g\" y=\"%.6g\" class=\"n%s\">%u"
                "</text>", width / 2, d->words ? 13 : height / 2 + 3.5,
                rank == 0 && !role->serves ? " w" : "", rank);
    if (d->words) {
        fprintf(d->stream, "<text x=\"%.6g\" y=\"28\" class=\"s%s\">",
                width / 2, rank == 0 && !role->serves ? " w" : "");
        put_text(d->stream, rank == 0 && !role->serves ? "feed, sink" : text
                 + (rank == 0 ? strlen("feeder and sink, ") : 0), COLUMNS);
        fputs("</text>", d->stream);
    }
    fputs("</g>\n", d->stream);
}

static struct size box(const struct drawing *d, unsigned level, unsigned from,
                       unsigned to, double x, double y, bool draw);

/* The child [from, to) of a place: a box, or a cell where nothing is inside. */
static struct size child(const struct drawing *d, unsigned level,
                         unsigned from, unsigned to, unsigned nth, double x,
                         double y, bool draw)
{
    char name[80];
    struct size size;

    if (level == MPIPE__N_LEVELS) {
        if (draw)
            draw_cell(d, x, y, d->tree->order[from]);
        return d->cell;
    }
    size = box(d, level + 1, from, to, x + d->gap, y + d->title, false);
    size.width += 2 * d->gap;
    size.height += d->title + d->gap;
    mpipe__tree_name(d->tree, level, nth, from, name, sizeof name);
    size.width = fmax(size.width, 6.2 * (double)strlen(name) + 2 * GAP);
    if (!draw)
        return size;
    fprintf(d->stream, "<rect x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" "
            "height=\"%.6g\" rx=\"4\" class=\"b%u\"/>\n<text x=\"%.6g\" "
            "y=\"%.6g\" class=\"t\">", x, y, size.width, size.height, level,
            x + d->gap, y + d->title - 4.5);
    put_text(d->stream, name, sizeof name);
    fputs("</text>\n", d->stream);
    box(d, level + 1, from, to, x + d->gap, y + d->title, true);
    return size;
}

/* Where the child that begins at 'from' ends; without a level each rank is
 * one. */
static unsigned child_end(const struct drawing *d, unsigned level,
                          unsigned from, unsigned to)
{
    return level == MPIPE__N_LEVELS ? from + 1
           : mpipe__tree_next(d->tree, level, from, to);
}

/* How many children in a row make the place about as wide as it should be,
 * with rows that are equally long? */
static unsigned columns(const struct drawing *d, unsigned level,
                        unsigned from, unsigned to)
{
    double widest = 0, area = 0;
    unsigned n = 0, a, end, rows, fit;

    for (a = from; a < to; a = end, n++) {
        struct size one;

        end = child_end(d, level, a, to);
        one = child(d, level, a, end, 0, 0, 0, false);
        widest = fmax(widest, one.width + d->gap);
        area += (one.width + d->gap) * (one.height + d->gap);
    }
    fit = (unsigned)(sqrt(area * (level <= MPIPE__NODE ? 1.7 : 2.6)) / widest
                     + 0.5);
    fit = fit < 1 ? 1 : fit;
    rows = (n + fit - 1) / fit;
    return (n + rows - 1) / rows;
}

/* What is inside a place, with the corner (x, y): its children, in rows. */
static struct size box(const struct drawing *d, unsigned level, unsigned from,
                       unsigned to, double x, double y, bool draw)
{
    struct size all = { 0, 0 }, one;
    double row_x = 0, row_y = 0, row_height = 0;
    unsigned a, end, nth = 0, in_row;

    level = mpipe__tree_level(d->tree, level);
    if (level == MPIPE__CORE || (level > MPIPE__NODE && !d->numbers))
        level = MPIPE__N_LEVELS;        /* cells themselves */
    in_row = columns(d, level, from, to);
    for (a = from; a < to; a = end, nth++) {
        end = child_end(d, level, a, to);
        if (nth > 0 && nth % in_row == 0) {
            row_y += row_height + d->gap;
            row_x = row_height = 0;
        }
        one = child(d, level, a, end, nth, x + row_x, y + row_y, draw);
        row_x += one.width + d->gap;
        row_height = fmax(row_height, one.height);
        all.width = fmax(all.width, row_x - d->gap);
        all.height = row_y + row_height;
    }
    return all;
}

static void draw_swatch(const struct drawing *d, double x, double y,
                        const char *colour)
{
    fprintf(d->stream, "<rect x=\"%.6g\" y=\"%.6g\" width=\"16\" "
            "height=\"14\" fill=\"%s\" class=\"k\"/>", x, y, colour);
}

static void draw_legend(const struct drawing *d, double x, double y)
{
    const struct mpipe_plan *plan = d->tree->plan;
    unsigned s, r, spares = 0;

    for (s = 0; s < plan->n_stages; s++, y += LEGEND_ROW) {
        draw_swatch(d, x, y, stage_colour(s));
        fprintf(d->stream, "<text x=\"%.6g\" y=\"%.6g\" class=\"l\">", x + 24,
                y + 12);
        put_text(d->stream, plan->stage_name[s], 24);
        fprintf(d->stream, " <tspan class=\"d\">work %.4g, %u rank%s</tspan>"
                "</text>\n", plan->stage_work[s], d->tree->replicas[s],
                d->tree->replicas[s] == 1 ? "" : "s");
    }
    for (r = 1; r < plan->n_ranks; r++)
        spares += !plan->role[r].serves;
    draw_swatch(d, x, y, RANK_0);
    fprintf(d->stream, "<text x=\"%.6g\" y=\"%.6g\" class=\"l\">rank 0 "
            "<tspan class=\"d\">feeder and sink</tspan></text>\n", x + 24,
            y + 12);
    if (spares == 0)
        return;
    y += LEGEND_ROW;
    draw_swatch(d, x, y, SPARE);
    fprintf(d->stream, "<text x=\"%.6g\" y=\"%.6g\" class=\"l\">spare "
            "<tspan class=\"d\">%u rank%s</tspan></text>\n", x + 24, y + 12,
            spares, spares == 1 ? "" : "s");
}

static void draw_head(const struct drawing *d)
{
    const struct mpipe_plan *plan = d->tree->plan;

    fprintf(d->stream, "<text x=\"%.6g\" y=\"%.6g\" class=\"h\">%u ranks on %u "
            "node%s, %s placement</text>\n", MARGIN, MARGIN + 16,
            plan->n_ranks, d->tree->n_nodes, d->tree->n_nodes == 1 ? "" : "s",
            mpipe_policy_name(plan->policy));
    fprintf(d->stream, "<text x=\"%.6g\" y=\"%.6g\" class=\"d\">modelled time "
            "an item %.4g, round-robin %.4g; moves between nodes %.3g of %g, "
            "round-robin %.3g</text>\n", MARGIN, MARGIN + 36,
            plan->cost.busiest, plan->round_robin.busiest,
            plan->cost.hops_off_node, plan->cost.hops,
            plan->round_robin.hops_off_node);
}

static const char style[] =
    "<style>text{font-family:Helvetica,Arial,sans-serif;fill:#263238}"
    ".h{font-size:17px;font-weight:bold}.d{font-size:12px;fill:#607d8b}"
    ".l{font-size:13px}.t{font-size:11px;fill:#455a64}"
    ".n{font-size:10px;text-anchor:middle}.s{font-size:11px;"
    "text-anchor:middle}.w{fill:#fff}"
    ".c{fill:none;stroke:#fff;stroke-opacity:.7}.k{stroke:#90a4ae}"
    ".b0,.b1,.b2{fill:#f7f9fa;stroke:#b0bec5}"
    ".b3{fill:#fff;stroke:#546e7a;stroke-width:1.4}"
    ".b4{fill:#f4f6f8;stroke:#90a4ae}.b5,.b6{fill:#fff;stroke:#cfd8dc;"
    "stroke-dasharray:3 2}</style>\n";

static void set_scale(struct drawing *d, unsigned n_ranks)
{
    d->words = n_ranks <= 128;
    d->numbers = n_ranks <= 1024;
    d->cell = d->words ? (struct size){ 76, 34 }
              : d->numbers ? (struct size){ 28, 16 }
              : (struct size){ 8, 8 };
    d->gap = d->numbers ? GAP : 3;
    d->title = TITLE;
}

enum mpipe_err mpipe_plan_svg(const struct mpipe_plan *plan, FILE *stream)
{
    struct mpipe__tree tree;
    struct drawing d = { .tree = &tree, .stream = stream };
    struct size machine;
    double width, height;
    enum mpipe_err e = mpipe__tree_init(&tree, plan);

    if (e != MPIPE_OK)
        return e;
    set_scale(&d, plan->n_ranks);
    machine = box(&d, 0, 0, plan->n_ranks, 0, 0, false);
    width = fmax(machine.width + LEGEND_WIDTH + 3 * MARGIN, 760);
    height = HEAD + 2 * MARGIN
             + fmax(machine.height, (plan->n_stages + 2) * LEGEND_ROW);
    fprintf(stream, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" "
            "height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n%s<rect "
            "width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            width, height, width, height, style);
    draw_head(&d);
    box(&d, 0, 0, plan->n_ranks, MARGIN, HEAD + MARGIN / 2, true);
    draw_legend(&d, machine.width + 2 * MARGIN, HEAD + MARGIN / 2);
    fputs("</svg>\n", stream);
    mpipe__tree_fini(&tree);
    return fflush(stream) != 0 || ferror(stream) ? MPIPE_EIO : MPIPE_OK;
}
