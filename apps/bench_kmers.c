/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_kmers.c - k-mers of reads, beside a counter written for nothing else.
 *
 * The control maps its share of the file, counts in a table of two arrays, sends
 * each k-mer to the rank that its hash names, and adds up.  Both give the number
 * of distinct k-mers and a sum over all counts.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bench_data.h"

#define K 21u

struct answer {
    uint64_t distinct, sum;
};

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 29) * 0xbf58476d1ce4e5b9u;
    return x ^ x >> 32;
}

static void count_one(struct answer *a, uint64_t kmer, uint64_t count)
{
    a->distinct++;
    a->sum += mix(kmer + 1) * count;
}

/* The last bases of a line: the lesser of a k-mer and its complement, when there
 * are K of them. */
struct window {
    uint64_t forward, reverse;
    unsigned have;
};

static inline bool slide(struct window *w, char letter)
{
    uint64_t base = letter == 'A' ? 0 : letter == 'C' ? 1 : letter == 'G' ? 2
                    : 3;

    w->forward = (w->forward << 2 | base) & (((uint64_t)1 << 2 * K) - 1);
    w->reverse = w->reverse >> 2 | (3 - base) << 2 * (K - 1);
    w->have += w->have < K;
    return w->have == K;
}

static inline uint64_t least(const struct window *w)
{
    return w->forward < w->reverse ? w->forward : w->reverse;
}

/* ---- the control ---- */

struct counts {
    uint64_t *kmer;             /* plus 1; 0: free */
    uint32_t *count;
    uint64_t n, capacity;       /* a power of two */
};

static void counts_init(struct counts *c, uint64_t capacity)
{
    c->n = 0;
    c->capacity = capacity;
    c->kmer = calloc(capacity, sizeof *c->kmer);
    c->count = calloc(capacity, sizeof *c->count);
    if (c->kmer == NULL || c->count == NULL)
        MPI_Abort(MPI_COMM_WORLD, 1);
}

static void counts_free(struct counts *c)
{
    free(c->kmer);
    free(c->count);
}

static void add(struct counts *c, uint64_t kmer, uint32_t count)
{
    uint64_t i;

    if (2 * c->n >= c->capacity) {
        struct counts more;
        counts_init(&more, 2 * c->capacity);
        for (i = 0; i < c->capacity; i++)
            if (c->kmer[i] != 0)
                add(&more, c->kmer[i] - 1, c->count[i]);
        counts_free(c);
        *c = more;
    }
    for (i = mix(kmer) & (c->capacity - 1); c->kmer[i] != 0;
         i = (i + 1) & (c->capacity - 1))
        if (c->kmer[i] == kmer + 1) {
            c->count[i] += count;
            return;
        }
    c->kmer[i] = kmer + 1;
    c->count[i] = count;
    c->n++;
}

static void count_share(struct bench *b, const struct bench_data *data,
                        struct counts *c)
{
    uint64_t share = data->size / (uint64_t)b->size;
    uint64_t from = share * (uint64_t)b->rank;
    uint64_t to = b->rank == b->size - 1 ? data->size : from + share;
    int fd = open(data->path, O_RDONLY);
    const char *text = mmap(NULL, data->size, PROT_READ, MAP_SHARED, fd, 0);
    const char *at, *end;

    if (fd < 0 || text == MAP_FAILED)
        MPI_Abort(MPI_COMM_WORLD, 1);
    while (from > 0 && from < data->size && text[from] != '>')
        from++;
    while (to < data->size && text[to] != '>')
        to++;
    end = text + to;
    for (at = text + from; at < end; at++) {
        struct window w = { 0, 0, 0 };
        while (*at != '\n')
            at++;               /* the name */
        for (at++; at < end && *at != '\n'; at++)
            if (slide(&w, *at))
                add(c, least(&w), 1);
    }
    munmap((void *)(uintptr_t)text, data->size);
    close(fd);
}

struct sent {
    uint64_t kmer;
    uint32_t count, unused;
};

static void exchange(struct bench *b, struct counts *from, struct counts *to)
{
    int *n = calloc(4 * (size_t)b->size, sizeof *n), *at = n + b->size;
    int *n_in = at + b->size, *at_in = n_in + b->size, all = 0, all_in = 0;
    struct sent *out = malloc((from->n + 1) * sizeof *out), *in;
    MPI_Datatype type;

    MPI_Type_contiguous(sizeof *out, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    for (uint64_t i = 0; i < from->capacity; i++)
        if (from->kmer[i] != 0)
            n[(mix(from->kmer[i] - 1) >> 40) % (uint64_t)b->size]++;
    for (int r = 0; r < b->size; r++) {
        at[r] = all;
        all += n[r];
        n[r] = 0;
    }
    for (uint64_t i = 0; i < from->capacity; i++) {
        int r = (int)((mix(from->kmer[i] - 1) >> 40) % (uint64_t)b->size);
        if (from->kmer[i] != 0)
            out[at[r] + n[r]++] = (struct sent){ from->kmer[i] - 1,
                                                 from->count[i], 0 };
    }
    counts_free(from);
    MPI_Alltoall(n, 1, MPI_INT, n_in, 1, MPI_INT, b->comm);
    for (int r = 0; r < b->size; r++) {
        at_in[r] = all_in;
        all_in += n_in[r];
    }
    in = malloc(((size_t)all_in + 1) * sizeof *in);
    MPI_Alltoallv(out, n, at, type, in, n_in, at_in, type, b->comm);
    for (int i = 0; i < all_in; i++)
        add(to, in[i].kmer, in[i].count);
    MPI_Type_free(&type);
    free(in);
    free(out);
    free(n);
}

static void by_hand(struct bench *b, const struct bench_data *data,
                    struct answer *answer)
{
    struct counts share, mine;
    struct answer part = { 0, 0 };

    counts_init(&share, 1 << 16);
    count_share(b, data, &share);
    counts_init(&mine, 1 << 16);
    exchange(b, &share, &mine);
    for (uint64_t i = 0; i < mine.capacity; i++)
        if (mine.kmer[i] != 0)
            count_one(&part, mine.kmer[i] - 1, mine.count[i]);
    counts_free(&mine);
    MPI_Reduce(&part, answer, 2, MPI_UINT64_T, MPI_SUM, 0, b->comm);
}

/* ---- the library's side ---- */

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

static enum mpipe_err count(const struct mpipe_item *in, struct mpipe_out *out,
                            void *state)
{
    struct mpipe_split split;
    enum mpipe_err e = mpipe_split_parse(in, &split);
    char *records;
    size_t size;

    if (e == MPIPE_OK)
        e = mpipe_split_open(state, &split, '\n', out);
    while (e == MPIPE_OK
           && (e = mpipe_split_next(state, &records, &size, out))
              == MPIPE_OK) {
        const char *at = records, *end = records + size;
        for (; at < end && e == MPIPE_OK; at++) {
            struct window w = { 0, 0, 0 };
            if (*at == '>')
                at = memchr(at, '\n', (size_t)(end - at));
            else
                for (; *at != '\n' && e == MPIPE_OK; at++)
                    if (slide(&w, *at)) {
                        uint64_t kmer = least(&w);
                        e = mpipe_emit_pair(out, &kmer, sizeof kmer, NULL, 0);
                    }
        }
    }
    return e == MPIPE_END ? MPIPE_OK : e;
}

static enum mpipe_err keep(const struct mpipe_item *result, void *answer)
{
    struct mpipe_pair pair;
    uint64_t kmer, n;

    if (mpipe_pair_parse(result, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    memcpy(&kmer, pair.key.data, sizeof kmer);
    memcpy(&n, pair.value.data, sizeof n);
    count_one(answer, kmer, n);
    return MPIPE_OK;
}

static enum mpipe_err by_library(struct bench *b,
                                 const struct bench_data *data,
                                 struct answer *answer)
{
    const struct mpipe_job job = {
        .name = "kmers", .arg = answer, .init = reader_init,
        .fini = reader_fini, .map = count, .combine = mpipe_count,
        .done = keep
    };
    const char *path = data->path;
    struct mpipe_mapreduce *mr = mpipe_mapreduce_new(b->mp, &job);
    enum mpipe_err e;

    mpipe_source_splits(mpipe_mapreduce_input(mr), &path, 1, 0);
    e = mpipe_mapreduce_run(mr);
    mpipe_mapreduce_free(mr);
    return e;
}

/* ---- both ---- */

enum mpipe_err bench_kmers(struct bench *b)
{
    struct bench_row *time;
    struct bench_data data;
    enum mpipe_err e = MPIPE_OK;
    char name[48];

    snprintf(name, sizeof name, "%llu MB", (unsigned long long)b->megabytes);
    if (!bench_wanted(b, name))
        return MPIPE_OK;
    if (!bench_data_make(b, &data, BENCH_READS, b->megabytes * 1000000))
        return MPIPE_EIO;
    time = bench_row(b, "kmers", name, "throughput", "MB/s");
    for (unsigned i = 0; i < b->repeat && e == MPIPE_OK; i++) {
        struct answer hand = { 0, 0 }, library = { 0, 0 };
        double from, took;

        bench_meet(b);
        from = bench_now();
        by_hand(b, &data, &hand);
        took = bench_now() - from;
        if (time != NULL)
            time->control_sample[i] = 1e-6 * (double)data.size / took;
        bench_meet(b);
        from = bench_now();
        e = by_library(b, &data, &library);
        took = bench_now() - from;
        if (time != NULL)
            time->library_sample[i] = 1e-6 * (double)data.size / took;
        bench_check(b, name, "library", library.distinct, hand.distinct);
        bench_check(b, name, "library", library.sum, hand.sum);
    }
    bench_data_free(&data);
    if (time != NULL && e == MPIPE_OK) {
        time->goal = BENCH_RATIO_AT_LEAST;
        time->limit = 0.667;
        bench_row_done(b, time);
    }
    return e;
}
