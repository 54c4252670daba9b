/* SPDX-License-Identifier: BSD-3-Clause */
/* slowly.c - a map-reduce job that takes its time, for tests/job_resume.sh.
 *
 *      slowly ITEMS KEYS MAP_US REDUCE_US [FOLDER]
 *
 * Items 1 ... ITEMS have keys item % KEYS, of 16 partitions; prints "key count sum"
 * of each, sorted by partitions, or writes part files.  A multiple of 100 fails in
 * map, key 7 in reduce; how many did is the last line.  Rank 0 writes its process
 * id to the file 'pid'.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <mpipe.h>

static unsigned n_keys, map_us, reduce_us;
static unsigned failed_items, failed_keys;

static enum mpipe_err map(const struct mpipe_item *in, struct mpipe_out *out,
                          void *arg)
{
    uint64_t n = *(const uint64_t *)in->data;
    uint32_t key = (uint32_t)(n % n_keys);

    (void)arg;
    usleep(map_us);
    if (n % 100 == 0)
        return mpipe_fail(out, "a multiple of 100");
    return mpipe_emit_pair(out, &key, sizeof key, &n, sizeof n);
}

static enum mpipe_err reduce(const struct mpipe_item *key,
                             struct mpipe_values *values,
                             struct mpipe_out *out, void *arg)
{
    uint32_t k = *(const uint32_t *)key->data;
    struct mpipe_item value;
    uint64_t n = 0, sum = 0;
    char line[80];

    (void)arg;
    usleep(reduce_us);
    if (k == 7)
        return mpipe_fail(out, "key 7");
    for (; mpipe_values_next(values, &value); n++)
        sum += *(const uint64_t *)value.data;
    return mpipe_emit(out, line, (size_t)sprintf(line, "%" PRIu32 " %" PRIu64
                                                 " %" PRIu64, k, n, sum));
}

static enum mpipe_err done(const struct mpipe_item *result, void *arg)
{
    (void)arg;
    printf("%.*s\n", (int)result->size, (const char *)result->data);
    return MPIPE_OK;
}

static void failed(const struct mpipe_failure *failure, void *arg)
{
    (void)arg;
    if (failure->stage[0] == 'm')
        failed_items++;
    else
        failed_keys++;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct mpipe_job job = {
        .name = "slow", .map = map, .reduce = reduce, .partitions = 16,
        .sort = MPIPE_SORT_PARTS, .failed = failed,
        .done = argc > 5 ? NULL : done, .parts = argc > 5 ? argv[5] : NULL
    };
    struct mpipe_mapreduce *mr;
    enum mpipe_err e;

    if (argc < 5)
        return 2;
    n_keys = (unsigned)atoi(argv[2]);
    map_us = (unsigned)atoi(argv[3]);
    reduce_us = (unsigned)atoi(argv[4]);
    if (mpipe_rank(mp) == 0) {
        FILE *file = fopen("pid", "w");
        if (file == NULL || fprintf(file, "%ld\n", (long)getpid()) < 0
            || fclose(file) != 0)
            return 2;
    }
    mr = mpipe_mapreduce_new(mp, &job);
    mpipe_source_range(mpipe_mapreduce_input(mr), 1, atoi(argv[1]));
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    if (mpipe_rank(mp) == 0 && (e == MPIPE_OK || e == MPIPE_EFAILED))
        printf("failed: %u items, %u keys\n", failed_items, failed_keys);
    return mpipe_finalize(mp, e);
}
