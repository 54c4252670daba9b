/* SPDX-License-Identifier: BSD-3-Clause */
/* dsort.c - sort the lines of files that are larger than memory.
 *
 * A keyed job whose keys are the lines.  A sample of them says where each rank's
 * range begins; what a rank gets it sorts, on disk where --memory ends, and
 * writes to a part file: one after another they are what sort(1) would print.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <mpipe.h>
#include "arguments.h"

static const char help[] =
    "Usage: dsort -o FOLDER [-p PARTS] PATH...\n"
    "Sort the lines of files, and of all files below directories, by bytes "
    "into\n"
    "FOLDER/part-00000, part-00001, ...: cat FOLDER/part-* is sorted.\n"
    "  -o FOLDER   where to (it is made; it must hold no part files)\n"
    "  -p PARTS    how many part files (default: one for each rank that works)\n"
    "  --help      this text\n"
    "Options of libmpipe (--memory=SIZE, --scratch=FOLDER, ...): see "
    "'mpipe info'.\n";

struct arguments {
    const char *folder;
    int64_t parts;
    char *const *paths;
    size_t n_paths;
};

static enum mpipe_err reader_init(void *arg, struct mpipe_out *out,
                                  void **state)
{
    *state = mpipe_split_reader_new();
    (void)arg;
    if (*state != NULL)
        return MPIPE_OK;
    mpipe_fail(out, "no memory to read files");
    return MPIPE_ENOMEM;
}

static void reader_fini(void *state, struct mpipe_out *out)
{
    (void)out;
    mpipe_split_reader_free(state);
}

static enum mpipe_err emit_lines(const char *at, size_t size,
                                 struct mpipe_out *out)
{
    const char *end = at + size, *newline;
    enum mpipe_err e = MPIPE_OK;

    for (; at < end && e == MPIPE_OK; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL)
            newline = end;          /* the last line of a file */
        e = mpipe_emit_pair(out, at, (size_t)(newline - at), NULL, 0);
    }
    return e;
}

static enum mpipe_err lines(const struct mpipe_item *in, struct mpipe_out *out,
                            void *state)
{
    struct mpipe_split split;
    enum mpipe_err e = mpipe_split_parse(in, &split);
    char *records;
    size_t size;

    if (e == MPIPE_OK)
        e = mpipe_split_open(state, &split, '\n', out);
    while (e == MPIPE_OK
           && (e = mpipe_split_next(state, &records, &size, out)) == MPIPE_OK)
        e = emit_lines(records, size, out);
    return e == MPIPE_END ? MPIPE_OK : e;
}

/* A line as often as it came. */
static enum mpipe_err repeat(const struct mpipe_item *line,
                             struct mpipe_values *values,
                             struct mpipe_out *out, void *state)
{
    struct mpipe_item value;
    enum mpipe_err e = MPIPE_OK;

    (void)state;
    while (e == MPIPE_OK && mpipe_values_next(values, &value))
        e = mpipe_emit(out, line->data, line->size);
    return e;
}

/* MPIPE_END: the help was printed, and that is all. */
static enum mpipe_err read_arguments(struct mpipe *mp, int argc, char **argv,
                                     struct arguments *a)
{
    static const struct option options[] = {
        { "help", no_argument, NULL, 'H' }, { NULL, 0, NULL, 0 }
    };
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":o:p:", options, NULL)) != -1)
        switch (c) {
        case 'o':
            a->folder = optarg;
            break;
        case 'p':
            if (!arguments_number(optarg, 1, 65535, &a->parts))
                return mpipe_usage(mp, "-p %s: not a number from 1 to 65535",
                                   optarg);
            break;
        case 'H':
            if (mpipe_rank(mp) == 0)
                fputs(help, stdout);
            return MPIPE_END;
        default:
            return arguments_wrong(mp, argv, c);
        }
    if (a->folder == NULL)
        return mpipe_usage(mp, "give -o FOLDER (see --help)");
    if (optind == argc)
        return mpipe_usage(mp, "give files or directories (see --help)");
    a->paths = argv + optind;
    a->n_paths = (size_t)(argc - optind);
    return MPIPE_OK;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct arguments a = { .parts = 0 };
    enum mpipe_err e = read_arguments(mp, argc, argv, &a);
    const struct mpipe_job job = {
        .name = "dsort", .init = reader_init, .fini = reader_fini,
        .map = lines, .reduce = repeat, .sort = MPIPE_SORT_ALL,
        .parts = a.folder, .partitions = (uint32_t)a.parts
    };
    struct mpipe_mapreduce *mr;

    if (e != MPIPE_OK)
        return mpipe_finalize(mp, e == MPIPE_END ? MPIPE_OK : e);
    mr = mpipe_mapreduce_new(mp, &job);
    mpipe_source_splits(mpipe_mapreduce_input(mr),
                        (const char *const *)a.paths, a.n_paths, 0);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return mpipe_finalize(mp, e);
}
