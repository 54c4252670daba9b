/* SPDX-License-Identifier: BSD-3-Clause */
/* copy.c - files through the ready-made sources and sink, for copy.sh.
 *
 *   copy lines|files|splits SIZE OUT [PATH...]      SIZE: of a split, or 0
 *
 * Each item takes $COPY_PAUSE_US microseconds, on rank $COPY_SLOW_RANK one takes a
 * thousand times as long; rank 0 writes its process number to
 * the file $COPY_PID.  With $COPY_SESSIONS that is done so many times in a process, each
 * a session of its own, to OUT, OUT.2, ...; each item comes as many times.
 *
 * With OUT in feed order, the copy of files is the files, one after another; of
 * lines too, with a newline at each file's end.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <mpipe.h>

static useconds_t pause_us;
static int session = 1;

static void hold(const struct mpipe_out *out)
{
    const char *slow = getenv("COPY_SLOW_RANK");

    if (pause_us == 0)
        return;
    for (int i = slow != NULL && mpipe_out_rank(out) == atoi(slow) ? 1000 : 1;
         i > 0; i--)
        usleep(pause_us);
}

static void tell_pid(const struct mpipe *mp)
{
    const char *path = getenv("COPY_PID");
    FILE *file = path != NULL && mpipe_rank(mp) == 0 ? fopen(path, "w") : NULL;

    if (file == NULL)
        return;
    fprintf(file, "%ld\n", (long)getpid());
    fclose(file);
}

static enum mpipe_err pass(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    enum mpipe_err e = MPIPE_OK;

    (void)arg;
    hold(out);
    for (int i = 0; e == MPIPE_OK && i < session; i++)
        e = mpipe_emit(out, in->data, in->size);
    return e;
}

static enum mpipe_err load(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    struct mpipe_bytes bytes = { NULL, 0, 0 };
    struct mpipe_split split;
    enum mpipe_err e = mpipe_split_parse(in, &split);

    (void)arg;
    hold(out);
    if (e == MPIPE_OK)
        e = mpipe_split_load(&split, '\n', &bytes, out);
    if (e == MPIPE_OK)
        e = mpipe_emit(out, bytes.data, bytes.size);
    free(bytes.data);
    return e;
}

static int copy(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    const char *const *paths = (const char *const *)argv + 4;
    struct mpipe_pipeline *pl;
    char target[200];
    size_t n;
    enum mpipe_err e;

    if (argc < 4)
        return mpipe_finalize(mp, mpipe_usage(mp, "too few arguments"));
    n = (size_t)argc - 4;
    tell_pid(mp);
    pl = mpipe_pipeline_new(mp);
    if (getenv("COPY_PAUSE_US") != NULL)
        pause_us = (useconds_t)strtoul(getenv("COPY_PAUSE_US"), NULL, 10);
    if (strcmp(argv[1], "lines") == 0)
        mpipe_source_lines(pl, paths, n);
    else if (strcmp(argv[1], "files") == 0)
        mpipe_source_files(pl, paths, n);
    else
        mpipe_source_splits(pl, paths, n, strtoull(argv[2], NULL, 10));
    mpipe_pipeline_stage(pl, "copy", strcmp(argv[1], "splits") == 0
                                     ? load : pass, NULL);
    snprintf(target, sizeof target, "%s", argv[3]);
    if (session > 1)
        snprintf(target, sizeof target, "%s.%d", argv[3], session);
    mpipe_sink_file(pl, target, strcmp(argv[1], "lines") == 0 ? "\n" : "");
    mpipe_pipeline_ordered(pl, 1);
    e = mpipe_pipeline_run(pl);
    mpipe_pipeline_free(pl);
    return mpipe_finalize(mp, e);
}

int main(int argc, char **argv)
{
    const char *sessions = getenv("COPY_SESSIONS");
    char *words[64];
    int status = 0;

    if (sessions == NULL)
        return copy(argc, argv);
    MPI_Init(&argc, &argv);
    for (; status == 0 && session <= atoi(sessions); session++) {
        memcpy(words, argv, ((size_t)argc + 1) * sizeof *words);
        status = copy(argc, words);
    }
    MPI_Finalize();
    return status;
}
