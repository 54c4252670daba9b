/* SPDX-License-Identifier: BSD-3-Clause */
/* mapreduce.h - map-reduce jobs, on the same ranks as pipelines.
 *
 *   new -> input (or a load function) -> run -> free
 *
 * A job is a struct of functions.  There are two kinds:
 *
 *   keyed   map emits pairs of key and value; each key belongs to a partition,
 *           each partition to a rank; there reduce sees every key once, with
 *           all of its values.  What it emits are the results.
 *   fold    map emits items of one size, which fold adds up, on each rank, then
 *           from rank to rank, to one result on rank 0.
 *
 * Every rank makes the same calls with the same job.  An item whose map fails is
 * tried again elsewhere, up to --max-retries; what it had emitted by then is
 * forgotten, so nothing counts twice.  Map may be called again for items next to
 * one that fails, and for those that MPIPE_SORT_ALL looks at first.  Values come
 * in the order in which their items were fed, for any number of ranks.  What does
 * not fit --memory goes to --scratch.
 *
 * Where a job goes on after deaths (see mpipe(7)) map may see any item again, and
 * must emit the same pairs for it; reduce may see a key again that was not
 * delivered, and so may it and map in the jobs of a chain.
 */
#ifndef MPIPE_MAPREDUCE_H
#define MPIPE_MAPREDUCE_H

#include <stddef.h>
#include <stdint.h>
#include <mpipe/error.h>
#include <mpipe/pipeline.h>
#include <mpipe/session.h>
#include <mpipe/stage.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- pairs ---- */

/* Emit a key with a value; both are copied, either may be empty.  Anywhere an
 * item may be emitted: outside of a keyed job's map the pair is an item that
 * mpipe_pair_parse() understands.  Errors as for mpipe_emit(). */
enum mpipe_err mpipe_emit_pair(struct mpipe_out *out,
                               const void *key, size_t key_size,
                               const void *value, size_t value_size);

struct mpipe_pair {
    struct mpipe_item key, value;   /* within the item; aligned to 8 bytes */
};

/* MPIPE_EINVAL: the item is not a pair. */
enum mpipe_err mpipe_pair_parse(const struct mpipe_item *item,
                                struct mpipe_pair *pair);

/* ---- functions of a job ---- */

/* The values of one key, to be gone through once. */
struct mpipe_values;

/* The next value, lent until the next call; 0: there are no more. */
int mpipe_values_next(struct mpipe_values *values, struct mpipe_item *value);

/* Handle one key.  It need not look at all values.  An error fails the key: it
 * goes to the failure handler, and nothing that was emitted for it remains.  So does
 * one over which ranks die again and again, where a job goes on after that. */
typedef enum mpipe_err (*mpipe_reduce_fn)(const struct mpipe_item *key,
                                          struct mpipe_values *values,
                                          struct mpipe_out *out, void *arg);

/* Add a value to 'acc', a value as well: that of the same key, of the same
 * size, and aligned to 8 bytes.  In any grouping, in feed order. */
typedef void (*mpipe_combine_fn)(void *acc, const void *value, size_t size,
                                 void *arg);

/* Which of 'n' partitions a key belongs to, less than n (else the job ends); the
 * same on each rank. */
typedef uint32_t (*mpipe_partition_fn)(const struct mpipe_item *key,
                                       uint32_t n, void *arg);

/* Ready-made combiners, which need no call for each value.  mpipe_count()
 * counts values (uint64_t): emit them empty, or as a uint64_t that counts for
 * so many.  The others take values of their type. */
void mpipe_count(void *acc, const void *value, size_t size, void *arg);
void mpipe_sum_i32(void *acc, const void *value, size_t size, void *arg);
void mpipe_sum_i64(void *acc, const void *value, size_t size, void *arg);
void mpipe_sum_u32(void *acc, const void *value, size_t size, void *arg);
void mpipe_sum_u64(void *acc, const void *value, size_t size, void *arg);
void mpipe_sum_f32(void *acc, const void *value, size_t size, void *arg);
void mpipe_sum_f64(void *acc, const void *value, size_t size, void *arg);
void mpipe_min_i32(void *acc, const void *value, size_t size, void *arg);
void mpipe_min_i64(void *acc, const void *value, size_t size, void *arg);
void mpipe_min_u32(void *acc, const void *value, size_t size, void *arg);
void mpipe_min_u64(void *acc, const void *value, size_t size, void *arg);
void mpipe_min_f32(void *acc, const void *value, size_t size, void *arg);
void mpipe_min_f64(void *acc, const void *value, size_t size, void *arg);
void mpipe_max_i32(void *acc, const void *value, size_t size, void *arg);
void mpipe_max_i64(void *acc, const void *value, size_t size, void *arg);
void mpipe_max_u32(void *acc, const void *value, size_t size, void *arg);
void mpipe_max_u64(void *acc, const void *value, size_t size, void *arg);
void mpipe_max_f32(void *acc, const void *value, size_t size, void *arg);
void mpipe_max_f64(void *acc, const void *value, size_t size, void *arg);

/* ---- a job ---- */

enum mpipe_sort {
    MPIPE_UNSORTED,         /* keys in any order */
    MPIPE_SORT_PARTS,       /* by their bytes, within each partition */
    MPIPE_SORT_ALL          /* and partition after partition: where they begin
                               is found by a look at the input, all over it
                               with mpipe_source_splits(), else at its first
                               1,000 items or 8 MiB; what is looked at is
                               mapped twice */
};

/* What is 0 or NULL has its default.  Of reduce and fold one may be given:
 * without both each key is a result, a pair with each of its values. */
struct mpipe_job {
    const char *name;           /* default "job" */
    void *arg;                  /* for all functions; borrowed */
    mpipe_init_fn init;         /* on each rank, before its first map, and */
    mpipe_fini_fn fini;         /* again before its first reduce */
    mpipe_source_fn load;       /* as mpipe_pipeline_source(); or give the
                                   input a ready-made source */
    uint64_t count;             /* items that load will feed, if known */
    mpipe_stage_fn map;         /* required */
    mpipe_combine_fn combine;   /* values of a key: before they are sent, and
                                   before reduce, which then gets one */
    mpipe_reduce_fn reduce;
    mpipe_combine_fn fold;      /* a fold job */
    int ordered;                /* fold: in feed order, for a function that is
                                   not commutative */
    mpipe_partition_fn partition;   /* default: by a hash; with
                                       MPIPE_SORT_ALL: by ranges */
    uint32_t partitions;        /* default: one for each rank that works */
    enum mpipe_sort sort;
    mpipe_sink_fn done;         /* on rank 0: each result */
    mpipe_failure_fn failed;    /* on rank 0: an item or a key that failed */
    const char *parts;          /* a folder: the ranks write the results to
                                   part files there, and done gets none */
};

struct mpipe_mapreduce;

/* Never NULL; the job is copied.  A mistake in it is told by run(), on all
 * ranks alike. */
struct mpipe_mapreduce *mpipe_mapreduce_new(struct mpipe *mp,
                                            const struct mpipe_job *job);
void mpipe_mapreduce_free(struct mpipe_mapreduce *mr);  /* NULL is allowed */

/* The pipeline that feeds map, to give it a ready-made source. */
struct mpipe_pipeline *mpipe_mapreduce_input(struct mpipe_mapreduce *mr);

/* What reduce emits in 'mr' is the input of 'next', each result an item for its
 * map, on the rank that made it.  Running 'mr' runs both, and 'next' has no
 * other input; of 'mr' no result reaches done.  MPIPE_EINVAL, kept for run():
 * a fold job or one with part files is not followed by another, one with
 * MPIPE_SORT_ALL needs a partition function to follow, an ordered fold does not
 * follow.  The order of values depends on the ranks in a job that follows. */
enum mpipe_err mpipe_mapreduce_then(struct mpipe_mapreduce *mr,
                                    struct mpipe_mapreduce *next);

/* Run the job on all ranks, once.  The result is the same on all of them:
 * MPIPE_OK, MPIPE_EFAILED (something failed for good), or what ended it. */
enum mpipe_err mpipe_mapreduce_run(struct mpipe_mapreduce *mr);

/* new, run and free, for a job with a load function. */
enum mpipe_err mpipe_map_reduce(struct mpipe *mp, const struct mpipe_job *job);

#ifdef __cplusplus
}
#endif
#endif
