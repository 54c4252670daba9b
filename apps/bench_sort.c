/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_sort.c - a distributed sort of lines, beside GNU sort with the same memory
 * and all cores.  Lines are four times what other benches have as input.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench_data.h"

#define MEMORY_SHARE 4u         /* of the input: for all ranks, and for sort */

struct sorting {
    struct bench_data data;
    uint64_t memory;            /* bytes in all */
    char folder[1024];          /* for what comes out, on rank 0 */
};

static const char *temporary(void)
{
    const char *folder = getenv("TMPDIR");

    return folder != NULL ? folder : "/tmp";
}

static void run_sort(const struct bench *b, const struct sorting *s)
{
    char parallel[40], memory[40], out[1100];
    pid_t child = fork();
    int status;

    if (child == 0) {
        snprintf(parallel, sizeof parallel, "--parallel=%d", b->cores);
        snprintf(memory, sizeof memory, "%lluK",
                 (unsigned long long)(s->memory >> 10));
        snprintf(out, sizeof out, "%s/sorted", s->folder);
        setenv("LC_ALL", "C", 1);
        execlp("sort", "sort", parallel, "-S", memory, "-T", temporary(),
               "-o", out, s->data.path, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        fprintf(stderr, "mpipe bench: sort(1) failed\n");
}

/* ---- the library's side: apps/dsort ---- */

static enum mpipe_err reader_init(void *arg, struct mpipe_out *out,
                                  void **state)
{
    (void)arg, (void)out;
    *state = mpipe_split_reader_new();
    return *state != NULL ? MPIPE_OK : MPIPE_ENOMEM;
}

static void reader_fini(void *state, struct mpipe_out *out)
{
    (void)out;
    mpipe_split_reader_free(state);
}

static enum mpipe_err lines(const struct mpipe_item *in, struct mpipe_out *out,
                            void *state)
{
    struct mpipe_split split;
    enum mpipe_err e = mpipe_split_parse(in, &split);
    char *at;
    size_t size;

    if (e == MPIPE_OK)
        e = mpipe_split_open(state, &split, '\n', out);
    while (e == MPIPE_OK
           && (e = mpipe_split_next(state, &at, &size, out)) == MPIPE_OK) {
        const char *end = at + size, *line = at, *newline;
        for (; line < end && e == MPIPE_OK; line = newline + 1) {
            newline = memchr(line, '\n', (size_t)(end - line));
            e = mpipe_emit_pair(out, line, (size_t)(newline - line), NULL, 0);
        }
    }
    return e == MPIPE_END ? MPIPE_OK : e;
}

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

static enum mpipe_err by_library(struct bench *b, const struct sorting *s)
{
    char parts[1100], memory[40];
    const struct mpipe_job job = {
        .name = "sort", .init = reader_init, .fini = reader_fini,
        .map = lines, .reduce = repeat, .sort = MPIPE_SORT_ALL, .parts = parts
    };
    const char *path = s->data.path;
    struct mpipe_mapreduce *mr;
    enum mpipe_err e;

    snprintf(parts, sizeof parts, "%s/parts", s->folder);
    snprintf(memory, sizeof memory, "%llu",
             (unsigned long long)s->memory / (unsigned)(b->size - 1));
    mpipe_set_option(b->mp, "memory", memory);
    mr = mpipe_mapreduce_new(b->mp, &job);
    mpipe_source_splits(mpipe_mapreduce_input(mr), &path, 1, 0);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    mpipe_set_option(b->mp, "memory", "0");
    return e;
}

/* ---- are they the same bytes? ---- */

static uint64_t differences(const struct bench *b, const struct sorting *s)
{
    static char x[1 << 16], y[1 << 16];
    char name[1200];
    uint64_t bytes = 0;
    size_t n;
    FILE *all, *part;

    snprintf(name, sizeof name, "%s/sorted", s->folder);
    all = fopen(name, "r");
    for (int p = 0; all != NULL && p < b->size - 1; p++) {
        snprintf(name, sizeof name, "%s/parts/part-%05d", s->folder, p);
        part = fopen(name, "r");
        if (part == NULL)
            break;
        while ((n = fread(x, 1, sizeof x, part)) > 0) {
            if (fread(y, 1, n, all) != n || memcmp(x, y, n) != 0)
                break;
            bytes += n;
        }
        fclose(part);
    }
    if (all != NULL)
        fclose(all);
    return bytes != s->data.size;
}

static void clear(const struct bench *b, const struct sorting *s)
{
    char name[1200];

    for (int p = 0; p < b->size - 1; p++) {
        snprintf(name, sizeof name, "%s/parts/part-%05d", s->folder, p);
        unlink(name);
    }
    snprintf(name, sizeof name, "%s/parts", s->folder);
    rmdir(name);
    snprintf(name, sizeof name, "%s/sorted", s->folder);
    unlink(name);
}

/* ---- both ---- */

static enum mpipe_err one_run(struct bench *b, const struct sorting *s,
                              const char *name, unsigned i,
                              struct bench_row *row)
{
    double from, by_hand, took;
    enum mpipe_err e;

    bench_meet(b);
    from = bench_now();
    if (b->rank == 0)
        run_sort(b, s);
    by_hand = bench_now() - from;
    bench_meet(b);
    from = bench_now();
    e = by_library(b, s);
    took = bench_now() - from;
    if (row != NULL) {
        row->control_sample[i] = 1e-6 * (double)s->data.size / by_hand;
        row->library_sample[i] = 1e-6 * (double)s->data.size / took;
    }
    if (b->rank == 0) {
        bench_check(b, name, "library", differences(b, s), 0);
        clear(b, s);
    }
    return e;
}

enum mpipe_err bench_sort(struct bench *b)
{
    struct sorting s;
    struct bench_row *row;
    enum mpipe_err e = MPIPE_OK;
    unsigned n = b->repeat < 3 ? b->repeat : 3;
    char name[48];

    snprintf(name, sizeof name, "%llu MB",
             (unsigned long long)b->megabytes * 4);
    if (!bench_wanted(b, name))
        return MPIPE_OK;
    if (!bench_data_make(b, &s.data, BENCH_LINES, b->megabytes * 4000000))
        return MPIPE_EIO;
    s.memory = s.data.size / MEMORY_SHARE;
    snprintf(s.folder, sizeof s.folder, "%s/mpipe-bench-XXXXXX", temporary());
    if (b->rank == 0 && mkdtemp(s.folder) == NULL)
        s.folder[0] = '\0';
    MPI_Bcast(s.folder, sizeof s.folder, MPI_CHAR, 0, b->comm);
    if (s.folder[0] == '\0')
        return MPIPE_EIO;
    row = bench_row(b, "sort", name, "throughput", "MB/s");
    for (unsigned i = 0; i < n && e == MPIPE_OK; i++)
        e = one_run(b, &s, name, i, row);
    bench_data_free(&s.data);
    if (b->rank == 0)
        rmdir(s.folder);
    if (row != NULL && e == MPIPE_OK) {
        row->n_samples = n;
        row->goal = BENCH_RATIO_AT_LEAST;
        row->limit = 0.667;
        bench_row_done(b, row);
    }
    return e;
}
