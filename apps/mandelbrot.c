/* SPDX-License-Identifier: BSD-3-Clause */
/* mandelbrot.c - draw the Mandelbrot set into a PNG file.
 *
 * The items are row numbers.  Rows cost very different times, since a point
 * in the set takes all iterations and one far away only a few: each rank gets
 * new rows as it finishes old ones.  The results come back in order, so rank 0
 * writes the picture as it grows and never holds more than some rows.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mpipe.h>
#include <png.h>
#include "arguments.h"

static const char help[] =
    "Usage: mandelbrot -o FILE.png [-w WIDTH] [-h HEIGHT] [-i ITERATIONS]\n"
    "Draw the Mandelbrot set (1200 x 800 pixels and 1000 iterations if not "
    "given).\n"
    "Options of libmpipe (--quiet, --report=FILE, ...): see 'mpipe info'.\n";

struct view {
    const char *path;
    int64_t width, height, iterations;
};

/* ---- the stage: a row's number in, its pixels out ---- */

/* How many steps of z = z^2 + c, from 0, until |z| > 2. */
static int64_t escape(double cx, double cy, int64_t iterations)
{
    double x = 0, y = 0;
    int64_t n = 0;

    while (n < iterations && x * x + y * y <= 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        n++;
    }
    return n;
}

/* Black in the set; outside, bands of colour that repeat. */
static void colour(unsigned char *rgb, int64_t n, int64_t iterations)
{
    int64_t band = n == iterations ? 0 : n;

    rgb[0] = (unsigned char)(band * 9 % 256);
    rgb[1] = (unsigned char)(band * 5 % 256);
    rgb[2] = (unsigned char)(band * 17 % 256);
}

/* x from -2.25 to 0.75; y keeps the pixels square. */
static enum mpipe_err draw(const struct mpipe_item *in,
                           struct mpipe_out *out, void *arg)
{
    const struct view *v = arg;
    const int64_t row = *(const int64_t *)in->data;
    const double pixel = 3.0 / (double)v->width;
    const double cy = ((double)row - (double)(v->height - 1) / 2) * pixel;
    const size_t size = 3 * (size_t)v->width;
    unsigned char *rgb = mpipe_reserve(out, size);

    if (rgb == NULL)
        return MPIPE_ENOMEM;
    for (int64_t i = 0; i < v->width; i++) {
        double cx = -2.25 + ((double)i + 0.5) * pixel;
        colour(rgb + 3 * i, escape(cx, cy, v->iterations), v->iterations);
    }
    return mpipe_commit(out, size);
}

/* ---- rank 0: the picture, complete or absent ---- */

struct picture {
    struct mpipe *mp;
    const struct view *view;
    char *part;                 /* its name until it is complete */
    FILE *file;
    png_structp png;
    png_infop info;
};

static enum mpipe_err picture_error(struct picture *p, const char *what)
{
    mpipe_log(p->mp, MPIPE_LOG_ERROR, "%s: %s", p->view->path, what);
    return MPIPE_EIO;
}

/* libpng calls it, and expects it not to return. */
static void png_failed(png_structp png, png_const_charp what)
{
    picture_error(png_get_error_ptr(png), what);
    png_longjmp(png, 1);
}

static enum mpipe_err picture_open(struct picture *p)
{
    const struct view *v = p->view;

    if (asprintf(&p->part, "%s.part", v->path) < 0) {
        p->part = NULL;
        return MPIPE_ENOMEM;
    }
    p->file = fopen(p->part, "wb");
    if (p->file == NULL)
        return picture_error(p, strerror(errno));
    p->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, p, png_failed,
                                     NULL);
    p->info = p->png != NULL ? png_create_info_struct(p->png) : NULL;
    if (p->info == NULL)
        return MPIPE_ENOMEM;
    if (setjmp(png_jmpbuf(p->png)) != 0)
        return MPIPE_EIO;
    png_init_io(p->png, p->file);
    png_set_IHDR(p->png, p->info, (png_uint_32)v->width,
                 (png_uint_32)v->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(p->png, p->info);
    return MPIPE_OK;
}

static enum mpipe_err picture_row(const struct mpipe_item *result, void *arg)
{
    struct picture *p = arg;
    enum mpipe_err e = p->part == NULL ? picture_open(p) : MPIPE_OK;

    if (e != MPIPE_OK)
        return e;
    if (result->size != 3 * (size_t)p->view->width)
        return picture_error(p, "a row has the wrong size");
    if (setjmp(png_jmpbuf(p->png)) != 0)
        return MPIPE_EIO;
    png_write_row(p->png, result->data);
    return MPIPE_OK;
}

static enum mpipe_err picture_finish(struct picture *p)
{
    FILE *file = p->file;

    if (setjmp(png_jmpbuf(p->png)) != 0)
        return MPIPE_EIO;
    png_write_end(p->png, NULL);
    p->file = NULL;
    if (fclose(file) != 0 || rename(p->part, p->view->path) != 0)
        return picture_error(p, strerror(errno));
    free(p->part);
    p->part = NULL;
    return MPIPE_OK;
}

static void picture_fini(struct picture *p)
{
    png_destroy_write_struct(&p->png, &p->info);
    if (p->file != NULL)
        fclose(p->file);
    if (p->part != NULL)
        unlink(p->part);
    free(p->part);
}

/* ---- the program ---- */

static enum mpipe_err read_number(struct mpipe *mp, int option, int64_t max,
                                  int64_t *number)
{
    if (arguments_number(optarg, 1, max, number))
        return MPIPE_OK;
    return mpipe_usage(mp, "-%c %s: not a number from 1 to %" PRId64, option,
                       optarg, max);
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     struct view *v)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'H' }, { NULL, 0, NULL, 0 }
    };
    enum mpipe_err e = MPIPE_OK;
    int c;

    opterr = 0;
    while (e == MPIPE_OK &&
           (c = getopt_long(argc, argv, ":o:w:h:i:", options, NULL)) != -1)
        switch (c) {
        case 'o': v->path = optarg; break;
        case 'w': e = read_number(mp, c, 1000000, &v->width); break;
        case 'h': e = read_number(mp, c, 1000000, &v->height); break;
        case 'i': e = read_number(mp, c, 1000000000, &v->iterations); break;
        case 'H':
            if (mpipe_rank(mp) == 0)
                fputs(help, stdout);
            return MPIPE_END;
        default:
            return arguments_wrong(mp, argv, c);
        }
    if (e == MPIPE_OK && optind < argc)
        e = mpipe_usage(mp, "%s: not an option (see --help)", argv[optind]);
    if (e == MPIPE_OK && v->path == NULL)
        e = mpipe_usage(mp, "give the picture's name with -o (see --help)");
    return e;
}

int main(int argc, char **argv)
{
    struct view view = { NULL, 1200, 800, 1000 };
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct picture picture = { .mp = mp, .view = &view };
    struct mpipe_pipeline *pl;
    enum mpipe_err e = read_arguments(mp, argc, argv, &view);

    if (e != MPIPE_OK)
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    pl = mpipe_pipeline_new(mp);
    mpipe_pipeline_name(pl, "mandelbrot");
    mpipe_source_range(pl, 0, view.height - 1);
    mpipe_pipeline_stage(pl, "draw", draw, &view);
    mpipe_pipeline_sink(pl, picture_row, &picture);
    mpipe_pipeline_ordered(pl, 1);
    e = mpipe_pipeline_run(pl);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0)
        e = picture_finish(&picture);
    picture_fini(&picture);
    mpipe_pipeline_free(pl);
    return mpipe_finalize(mp, e);
}
