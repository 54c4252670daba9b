/* SPDX-License-Identifier: BSD-3-Clause */
/* load.c - loads for memory.sh, large.sh and signals.sh.
 *
 *   load backlog N     N items of 8 KiB, and a last stage that is slow
 *   load grow N        N items of 8 bytes, which the first stage makes 64 KiB
 *   load results N     the same, and an output handler that is slow
 *   load chatter N     N items, for each of which a stage writes 20 MiB of log
 *   load large BYTES   one item through a stage in place and one that copies
 *   load stuck         rank 0 prints "stuck PID" from a stage that does not end
 *   load forever       rank 0 prints "running PID" with the first result
 *
 * At the end each rank prints "rank R grew K KiB": its peak memory less what
 * it had before the pipeline.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <mpipe.h>

#define SLOW_NS   60000
#define FED_SIZE  ((size_t)8 << 10)
#define MADE_SIZE ((size_t)64 << 10)

struct load {
    uint64_t n, fed, results, bad;
    size_t size;                /* of an item fed */
    bool slow_sink, tells;
};

/* "VmHWM:" and the like, in KiB. */
static unsigned long long memory(const char *name)
{
    char line[200];
    unsigned long long kib = 0;
    FILE *file = fopen("/proc/self/status", "re");

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoull(line + strlen(name) + 1, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kib;
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Work, not rest: the others have to wait for this one. */
static void work(void)
{
    uint64_t end = now() + SLOW_NS;

    while (now() < end)
        continue;
}

static unsigned char byte_at(size_t i)
{
    return (unsigned char)((i * 2654435761u) >> 13);
}

/* A source that writes where the item will travel. */
static enum mpipe_err source(struct mpipe_out *out, void *arg)
{
    struct load *load = arg;
    unsigned char *to;

    if (load->fed == load->n)
        return MPIPE_END;
    to = mpipe_reserve(out, load->size);
    if (to == NULL)
        return MPIPE_OK;                /* the reason is kept */
    if (load->n == 1)
        for (size_t i = 0; i < load->size; i++)
            to[i] = byte_at(i);
    else
        memset(to, (int)load->fed & 0x7f, load->size);
    load->fed++;
    return mpipe_commit(out, load->size);
}

static enum mpipe_err grow(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    void *to = mpipe_reserve(out, MADE_SIZE);

    (void)arg;
    if (to == NULL)
        return MPIPE_ENOMEM;
    memset(to, *(const char *)in->data, MADE_SIZE);
    return mpipe_commit(out, MADE_SIZE);
}

static enum mpipe_err digest(const struct mpipe_item *in,
                             struct mpipe_out *out, void *arg)
{
    (void)arg;
    work();
    return mpipe_emit(out, in->data, in->size < 8 ? in->size : 8);
}

static enum mpipe_err chatter(void *data, size_t size, struct mpipe_out *out,
                              void *arg)
{
    (void)data, (void)size, (void)arg;
    for (int i = 0; i < 20000; i++)
        mpipe_stage_log(out, MPIPE_LOG_INFO, "%01000d", i);
    return MPIPE_OK;
}

static enum mpipe_err stuck(void *data, size_t size, struct mpipe_out *out,
                            void *arg)
{
    (void)data, (void)size, (void)out, (void)arg;
    printf("stuck %ld\n", (long)getpid());
    fflush(stdout);
    for (;;)
        pause();
    return MPIPE_OK;
}

static enum mpipe_err invert(void *data, size_t size, struct mpipe_out *out,
                             void *arg)
{
    unsigned char *at = data;

    (void)out;
    (void)arg;
    for (size_t i = 0; i < size; i++)
        at[i] ^= 0xff;
    return MPIPE_OK;
}

static enum mpipe_err copy(const struct mpipe_item *in, struct mpipe_out *out,
                           void *arg)
{
    void *to = mpipe_reserve(out, in->size);

    (void)arg;
    if (to == NULL)
        return MPIPE_ENOMEM;
    memcpy(to, in->data, in->size);
    return mpipe_commit(out, in->size);
}

static enum mpipe_err sink(const struct mpipe_item *result, void *arg)
{
    struct load *load = arg;
    const unsigned char *at = result->data;

    if (load->slow_sink)
        work();
    if (load->n == 1 && result->size != load->size)
        load->bad++;
    for (size_t i = 0; load->n == 1 && i < result->size; i++)
        load->bad += at[i] != (byte_at(i) ^ 0xff);
    if (load->tells && load->results == 0) {
        printf("running %ld\n", (long)getpid());
        fflush(stdout);
    }
    load->results++;
    return MPIPE_OK;
}

static enum mpipe_err describe(struct mpipe *mp, struct mpipe_pipeline *pl,
                               struct load *load, const char *mode)
{
    load->size = 8;
    if (strcmp(mode, "backlog") == 0) {
        load->size = FED_SIZE;
        mpipe_pipeline_map(pl, "first", invert, NULL);
        mpipe_pipeline_stage(pl, "slow", digest, NULL);
    } else if (strcmp(mode, "grow") == 0) {
        mpipe_pipeline_stage(pl, "grow", grow, NULL);
        mpipe_pipeline_stage(pl, "slow", digest, NULL);
    } else if (strcmp(mode, "results") == 0) {
        load->slow_sink = true;
        mpipe_pipeline_stage(pl, "grow", grow, NULL);
    } else if (strcmp(mode, "chatter") == 0) {
        mpipe_pipeline_map(pl, "chatter", chatter, NULL);
    } else if (strcmp(mode, "large") == 0) {
        load->size = load->n;
        load->n = 1;
        mpipe_pipeline_map(pl, "invert", invert, NULL);
        mpipe_pipeline_stage(pl, "copy", copy, NULL);
    } else if (strcmp(mode, "stuck") == 0) {
        load->n = 1;
        signal(SIGINT, SIG_DFL);        /* '&' in a script ignores it */
        mpipe_pipeline_map(pl, "stuck", stuck, NULL);
    } else if (strcmp(mode, "forever") == 0) {
        load->n = UINT64_MAX;
        load->tells = true;
        signal(SIGINT, SIG_DFL);        /* '&' in a script ignores it */
        mpipe_pipeline_map(pl, "first", invert, NULL);
        mpipe_pipeline_stage(pl, "slow", digest, NULL);
    } else {
        return mpipe_usage(mp, "%s: no such load", mode);
    }
    mpipe_pipeline_source(pl, source, load);
    return mpipe_pipeline_sink(pl, sink, load);
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    struct load load = { .n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0 };
    unsigned long long before = memory("VmRSS:");
    enum mpipe_err e = describe(mp, pl, &load, argc > 1 ? argv[1] : "no load");

    if (e == MPIPE_OK)
        e = mpipe_pipeline_run(pl);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0
        && (load.results != load.n || load.bad > 0)) {
        fprintf(stderr, "load: %llu results of %llu, %llu bytes wrong\n",
                (unsigned long long)load.results, (unsigned long long)load.n,
                (unsigned long long)load.bad);
        e = MPIPE_EINTERNAL;
    }
    printf("rank %d grew %llu KiB\n", mpipe_rank(mp),
           memory("VmHWM:") - before);
    mpipe_pipeline_free(pl);
    return mpipe_finalize(mp, e);
}
