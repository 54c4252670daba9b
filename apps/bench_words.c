/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_words.c - word count, beside one written by hand for just that.
 *
 * The control maps its share of the file into memory, counts in one hash table,
 * sends each word to the rank that its hash names, adds up, and gathers all on
 * rank 0: what libmpipe's job does, without its retries, bounds and spilling.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "bench_data.h"
#include "word_table.h"

/* What all counts come to: the same on both sides. */
static uint64_t checksum(const struct word_table *t)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < t->n_words; i++)
        sum += t->word[i].count * t->word[i].hash;
    return sum;
}

static const char *next_word(const char **at, const char *end)
{
    const char *word;

    while (*at < end && (**at < 'a' || **at > 'z'))
        ++*at;
    word = *at;
    while (*at < end && **at >= 'a' && **at <= 'z')
        ++*at;
    return word;
}

/* ---- the control ---- */

struct packed {                 /* count, size, letters ... */
    char *data;
    size_t size, capacity;
};

static void pack(struct packed *p, uint64_t count, const char *letters,
                 uint32_t size)
{
    if (p->size + size + 12 > p->capacity) {
        p->capacity = 2 * p->capacity + size + 65536;
        p->data = realloc(p->data, p->capacity);
        if (p->data == NULL)
            MPI_Abort(MPI_COMM_WORLD, 1);
    }
    memcpy(p->data + p->size, &count, 8);
    memcpy(p->data + p->size + 8, &size, 4);
    memcpy(p->data + p->size + 12, letters, size);
    p->size += size + 12;
}

static void unpack(struct word_table *to, const char *data, size_t size)
{
    const char *end = data + size;
    uint64_t count;
    uint32_t n;

    for (; data < end; data += 12 + n) {
        memcpy(&count, data, 8);
        memcpy(&n, data + 8, 4);
        word_table_add(to, data + 12, n, count);
    }
}

static void count_share(struct bench *b, const struct bench_data *data,
                        struct word_table *t)
{
    uint64_t from = data->size / (uint64_t)b->size * (uint64_t)b->rank;
    uint64_t to = b->rank == b->size - 1 ? data->size
                  : data->size / (uint64_t)b->size * (uint64_t)(b->rank + 1);
    int fd = open(data->path, O_RDONLY);
    const char *text = mmap(NULL, data->size, PROT_READ, MAP_SHARED, fd, 0);
    const char *at, *end;

    if (fd < 0 || text == MAP_FAILED)
        MPI_Abort(MPI_COMM_WORLD, 1);
    while (from > 0 && from < data->size && text[from - 1] != '\n')
        from++;
    while (to > 0 && to < data->size && text[to - 1] != '\n')
        to++;
    at = text + from;
    end = text + to;
    while (at < end) {
        const char *word = next_word(&at, end);
        if (at > word)
            word_table_add(t, word, (size_t)(at - word), 1);
    }
    munmap((void *)(uintptr_t)text, data->size);
    close(fd);
}

static void exchange(struct bench *b, const struct word_table *t,
                     struct word_table *mine)
{
    struct packed *part = calloc((size_t)b->size, sizeof *part);
    int *n = calloc(4 * (size_t)b->size, sizeof *n), *at = n + b->size;
    int *n_in = at + b->size, *at_in = n_in + b->size, all = 0, all_in = 0;
    char *out, *in;

    for (size_t i = 0; i < t->n_words; i++)
        pack(&part[(t->word[i].hash >> 32) % (uint64_t)b->size],
             t->word[i].count, t->text + t->word[i].at,
             (uint32_t)t->word[i].size);
    for (int r = 0; r < b->size; r++) {
        n[r] = (int)part[r].size;
        at[r] = all;
        all += n[r];
    }
    out = malloc((size_t)all + 1);
    for (int r = 0; r < b->size; r++) {
        if (n[r] > 0)
            memcpy(out + at[r], part[r].data, (size_t)n[r]);
        free(part[r].data);
    }
    MPI_Alltoall(n, 1, MPI_INT, n_in, 1, MPI_INT, b->comm);
    for (int r = 0; r < b->size; r++) {
        at_in[r] = all_in;
        all_in += n_in[r];
    }
    in = malloc((size_t)all_in + 1);
    MPI_Alltoallv(out, n, at, MPI_BYTE, in, n_in, at_in, MPI_BYTE, b->comm);
    unpack(mine, in, (size_t)all_in);
    free(in);
    free(out);
    free(n);
    free(part);
}

static void gather(struct bench *b, const struct word_table *mine,
                   struct word_table *total)
{
    struct packed p = { NULL, 0, 0 };
    int *n = calloc(2 * (size_t)b->size, sizeof *n), *at = n + b->size;
    int size, all = 0;
    char *in;

    for (size_t i = 0; i < mine->n_words; i++)
        pack(&p, mine->word[i].count, mine->text + mine->word[i].at,
             (uint32_t)mine->word[i].size);
    size = (int)p.size;
    MPI_Gather(&size, 1, MPI_INT, n, 1, MPI_INT, 0, b->comm);
    for (int r = 0; r < b->size; r++) {
        at[r] = all;
        all += n[r];
    }
    in = malloc((size_t)all + 1);
    MPI_Gatherv(p.data, size, MPI_BYTE, in, n, at, MPI_BYTE, 0, b->comm);
    if (b->rank == 0)
        unpack(total, in, (size_t)all);
    free(in);
    free(n);
    free(p.data);
}

static void by_hand(struct bench *b, const struct bench_data *data,
                    struct word_table *total)
{
    struct word_table share = { 0 }, mine = { 0 };

    count_share(b, data, &share);
    exchange(b, &share, &mine);
    word_table_fini(&share);
    gather(b, &mine, total);
    word_table_fini(&mine);
}

/* ---- the library's side: apps/wordcount ---- */

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

static enum mpipe_err words(const struct mpipe_item *in,
                            struct mpipe_out *out, void *state)
{
    struct mpipe_split split;
    enum mpipe_err e = mpipe_split_parse(in, &split);
    char *lines;
    size_t size;

    if (e == MPIPE_OK)
        e = mpipe_split_open(state, &split, '\n', out);
    while (e == MPIPE_OK
           && (e = mpipe_split_next(state, &lines, &size, out)) == MPIPE_OK) {
        const char *at = lines, *end = lines + size;
        while (at < end && e == MPIPE_OK) {
            const char *word = next_word(&at, end);
            if (at > word)
                e = mpipe_emit_pair(out, word, (size_t)(at - word), NULL, 0);
        }
    }
    return e == MPIPE_END ? MPIPE_OK : e;
}

static enum mpipe_err keep(const struct mpipe_item *result, void *total)
{
    struct mpipe_pair pair;
    uint64_t count;

    if (mpipe_pair_parse(result, &pair) != MPIPE_OK)
        return MPIPE_EINVAL;
    memcpy(&count, pair.value.data, sizeof count);
    return word_table_add(total, pair.key.data, pair.key.size, count)
           ? MPIPE_OK : MPIPE_ENOMEM;
}

static enum mpipe_err by_library(struct bench *b,
                                 const struct bench_data *data,
                                 struct word_table *total)
{
    const struct mpipe_job job = {
        .name = "words", .arg = total, .init = reader_init,
        .fini = reader_fini, .map = words, .combine = mpipe_count,
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

enum mpipe_err bench_words(struct bench *b)
{
    struct bench_row *time, *memory;
    struct bench_data data;
    enum mpipe_err e = MPIPE_OK;
    char name[48];

    snprintf(name, sizeof name, "%llu MB", (unsigned long long)b->megabytes);
    if (!bench_wanted(b, name))
        return MPIPE_OK;
    if (!bench_data_make(b, &data, BENCH_TEXT, b->megabytes * 1000000))
        return MPIPE_EIO;
    time = bench_row(b, "words", name, "throughput", "MB/s");
    memory = bench_row(b, "words", name, "memory", "MB");
    for (unsigned i = 0; i < b->repeat && e == MPIPE_OK; i++) {
        uint64_t sums[2] = { 0, 0 };
        for (int side = 0; side < 2 && e == MPIPE_OK; side++) {
            struct word_table total = { 0 };
            uint64_t before;
            double from, took, most;

            bench_meet(b);
            before = bench_memory_begin();
            from = bench_now();
            if (side == 0)
                by_hand(b, &data, &total);
            else
                e = by_library(b, &data, &total);
            took = bench_now() - from;
            most = bench_memory_end(b, before);
            sums[side] = checksum(&total);
            word_table_fini(&total);
            if (time == NULL)
                continue;
            (side ? time->library_sample : time->control_sample)[i] =
                1e-6 * (double)data.size / took;
            (side ? memory->library_sample : memory->control_sample)[i] =
                1e-6 * most;
        }
        bench_check(b, name, "library", sums[1], sums[0]);
    }
    bench_data_free(&data);
    if (time != NULL && e == MPIPE_OK) {
        time->goal = BENCH_RATIO_AT_LEAST;
        time->limit = 0.8;
        bench_row_done(b, time);
        bench_row_done(b, memory);
    }
    return e;
}
