/* SPDX-License-Identifier: BSD-3-Clause */
/* mypipeline.c - add up the squares of 1 ... 1,000,000.
 *
 *   mpicc mypipeline.c $(pkg-config --cflags --libs mpipe) -o mypipeline
 *   mpirun -np 8 ./mypipeline
 */
#include <mpipe.h>
#include <stdio.h>

static enum mpipe_err square(const struct mpipe_item *in, struct mpipe_out *out,
                             void *arg)
{
    long long x = *(const int64_t *)in->data;
    (void)arg;
    x *= x;
    return mpipe_emit(out, &x, sizeof x);
}

static enum mpipe_err add(const struct mpipe_item *result, void *sum)
{
    *(long long *)sum += *(const long long *)result->data;
    return MPIPE_OK;
}

int main(int argc, char **argv)
{
    struct mpipe *mp = mpipe_init(&argc, &argv);
    struct mpipe_pipeline *pl = mpipe_pipeline_new(mp);
    long long sum = 0;

    mpipe_source_range(pl, 1, 1000000);                 /* rank 0 feeds, */
    mpipe_pipeline_stage(pl, "square", square, NULL);   /* the others work, */
    mpipe_pipeline_sink(pl, add, &sum);                 /* rank 0 collects */
    enum mpipe_err e = mpipe_pipeline_run(pl);
    if (e == MPIPE_OK && mpipe_rank(mp) == 0)
        printf("sum of the squares: %lld\n", sum);
    mpipe_pipeline_free(pl);
    return mpipe_finalize(mp, e);
}
