/* SPDX-License-Identifier: BSD-3-Clause */
/* bench_data.c - input for the map-reduce benches, in a file without a name.
 *
 * Rank 0 makes it where scratch files go; the others open it by
 * /proc/PID/fd/N, so all ranks must be on one node.
 */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "bench_data.h"

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- a Zipf text ---- */

/* The word of a number, three to eleven letters. */
static size_t spell(uint64_t number, char *to)
{
    uint64_t state = number, bits = next(&state);
    size_t size = 3 + number % 5 + bits % 5;

    for (size_t i = 0; i < size; i++) {
        to[i] = (char)('a' + bits % 26);
        bits /= 26;
    }
    /* so that no two are the same: the number in the last letters */
    for (size_t i = size; number > 0; number /= 26)
        to[i++] = (char)('a' + number % 26), size = i;
    return size;
}

static bool write_text(FILE *file, uint64_t bytes)
{
    enum { GUIDE = 1 << 16 };
    double *sum = malloc(BENCH_WORDS * sizeof *sum), total = 0;
    uint32_t *guide = malloc((GUIDE + 1) * sizeof *guide), at = 0;
    uint64_t state = 1, n = 0;
    bool good = sum != NULL && guide != NULL;

    for (uint32_t i = 0; good && i < BENCH_WORDS; i++)
        sum[i] = total += 1.0 / (i + 1);
    for (uint32_t g = 0; good && g <= GUIDE; g++) {
        while (at + 1 < BENCH_WORDS && sum[at] < total * g / GUIDE)
            at++;
        guide[g] = at;
    }
    for (uint64_t word = 0; good && n < bytes; word++) {
        uint64_t r = next(&state);
        double x = (double)(r >> 11) * 0x1p-53 * total;
        uint32_t k = guide[r >> 48];
        char text[40];
        size_t size;

        while (k + 1 < BENCH_WORDS && sum[k] < x)
            k++;
        size = spell(k, text);
        text[size++] = word % 10 == 9 ? '\n' : ' ';
        good = fwrite(text, 1, size, file) == size;
        n += size;
    }
    free(sum);
    free(guide);
    return good && fputc('\n', file) != EOF;
}

/* ---- random lines ---- */

static bool write_lines(FILE *file, uint64_t bytes)
{
    static const char letters[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+-";
    uint64_t state = 2, n = 0;
    char line[112];

    while (n < bytes) {
        size_t size = 60 + next(&state) % 50;
        for (size_t i = 0; i < size; ) {
            uint64_t bits = next(&state);
            for (unsigned k = 0; k < 10 && i < size; k++, bits >>= 6)
                line[i++] = letters[bits & 63];
        }
        line[size++] = '\n';
        if (fwrite(line, 1, size, file) != size)
            return false;
        n += size;
    }
    return true;
}

/* ---- reads of a random genome ---- */

static bool write_reads(FILE *file, uint64_t bytes)
{
    uint64_t genome = bytes / 20 + 1000, state = 3, n = 0;
    char *base = malloc(genome);
    bool good = base != NULL;

    for (uint64_t i = 0; good && i < genome; i++)
        base[i] = "ACGT"[next(&state) & 3];
    for (uint64_t read = 0; good && n < bytes; read++) {
        uint64_t at = next(&state) % (genome - 100);
        char text[160];
        int size = sprintf(text, ">r%llu\n", (unsigned long long)read);

        memcpy(text + size, base + at, 100);
        if (next(&state) % 4 == 0)      /* a wrong base */
            text[size + (int)(next(&state) % 100)] = "ACGT"[next(&state) & 3];
        size += 100;
        text[size++] = '\n';
        good = fwrite(text, 1, (size_t)size, file) == (size_t)size;
        n += (uint64_t)size;
    }
    free(base);
    return good;
}

/* ---- the file ---- */

bool bench_data_make(struct bench *b, struct bench_data *data,
                     enum bench_data_kind kind, uint64_t bytes)
{
    const char *folder = getenv("TMPDIR");
    bool good = true;
    FILE *file = NULL;
    struct stat st;

    *data = (struct bench_data){ .fd = -1 };
    if (b->rank == 0) {
        data->fd = open(folder != NULL ? folder : "/tmp",
                        O_TMPFILE | O_RDWR, 0600);
        if (data->fd >= 0)
            file = fdopen(dup(data->fd), "w");
        good = file != NULL
               && (kind == BENCH_TEXT ? write_text(file, bytes)
                   : kind == BENCH_LINES ? write_lines(file, bytes)
                                         : write_reads(file, bytes));
        if (file != NULL && fclose(file) != 0)
            good = false;
        good = good && fstat(data->fd, &st) == 0;
        data->size = good ? (uint64_t)st.st_size : 0;
        snprintf(data->path, sizeof data->path, "/proc/%ld/fd/%d",
                 (long)getpid(), data->fd);
    }
    MPI_Bcast(data->path, sizeof data->path, MPI_CHAR, 0, b->comm);
    MPI_Bcast(&data->size, 1, MPI_UINT64_T, 0, b->comm);
    if (data->size == 0 && b->rank == 0)
        fprintf(stderr, "mpipe bench: the input could not be made in %s\n",
                folder != NULL ? folder : "/tmp");
    return data->size > 0;
}

void bench_data_free(struct bench_data *data)
{
    if (data->fd >= 0)
        close(data->fd);
    data->fd = -1;
}

/* ---- memory ---- */

static uint64_t status(const char *name)
{
    char line[128];
    unsigned long long kb = 0;
    FILE *file = fopen("/proc/self/status", "r");

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), ": %llu", &kb);
    if (file != NULL)
        fclose(file);
    return (uint64_t)kb << 10;
}

uint64_t bench_memory_begin(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");

    if (file != NULL) {         /* the peak is from now on */
        fputs("5", file);
        fclose(file);
    }
    return status("VmRSS");
}

/* Pages of files that are mapped are not the program's own. */
double bench_memory_end(const struct bench *b, uint64_t before)
{
    uint64_t peak = status("VmHWM");
    double mine = peak > before ? (double)(peak - before) : 0, most = 0;

    MPI_Reduce(&mine, &most, 1, MPI_DOUBLE, MPI_MAX, 0, b->comm);
    return most;
}
