/* SPDX-License-Identifier: BSD-3-Clause */
/* sequence.c - lines of a range, and as many beyond it as its last k-mers or its
 * last read need.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sequence.h"

#define LOOK 8                      /* lines in which a read begins */

struct line {
    char *text;
    size_t size;
    bool beyond;                    /* the range ended before it */
};

struct sequence_reader {
    struct mpipe_split_reader *lines;
    struct mpipe_split rest;        /* what follows the range */
    char *path;
    bool beyond, fastq, compressed, known, begins, any;
    char *at, *end;                 /* of the block at hand */
    size_t wanted;                  /* bases beyond the range, FASTA */
    struct line look[LOOK];         /* FASTQ: looked at, and not yet taken */
    unsigned n_look, next_look;
    unsigned place;                 /* FASTQ: lines of this read so far */
};

struct sequence_reader *sequence_reader_new(void)
{
    struct sequence_reader *r = calloc(1, sizeof *r);

    if (r != NULL)
        r->lines = mpipe_split_reader_new();
    if (r != NULL && r->lines != NULL)
        return r;
    free(r);
    return NULL;
}

static void forget_look(struct sequence_reader *r)
{
    for (unsigned i = 0; i < r->n_look; i++)
        free(r->look[i].text);
    r->n_look = r->next_look = 0;
}

void sequence_reader_free(struct sequence_reader *r)
{
    forget_look(r);
    mpipe_split_reader_free(r->lines);
    free(r->path);
    free(r);
}

/* The next line, without its end; first of the range, then beyond it. */
static enum mpipe_err next_line(struct sequence_reader *r, struct line *line,
                                struct mpipe_out *out)
{
    char *newline;
    size_t size;
    enum mpipe_err e;

    while (r->at == r->end) {
        e = mpipe_split_next(r->lines, &r->at, &size, out);
        r->end = e == MPIPE_OK ? r->at + size : r->at;
        if (e == MPIPE_END && !r->beyond && r->rest.size > 0) {
            r->beyond = true;
            e = mpipe_split_open(r->lines, &r->rest, '\n', out);
        }
        if (e != MPIPE_OK)
            return e;
    }
    newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    line->text = r->at;
    line->size = (size_t)((newline != NULL ? newline : r->end) - r->at);
    line->beyond = r->beyond;
    r->at += line->size + (newline != NULL);
    if (line->size > 0 && line->text[line->size - 1] == '\r')
        line->size--;
    return MPIPE_OK;
}

/* ---- which format, and where the first read begins ---- */

static enum mpipe_err take_format(struct sequence_reader *r, char first,
                                  struct mpipe_out *out)
{
    r->known = true;
    r->fastq = first == '@';
    if (first == '@' || first == '>')
        return MPIPE_OK;
    return mpipe_fail(out, "%s: neither FASTA nor FASTQ: it begins with "
                      "neither > nor @", r->path);
}

enum mpipe_err sequence_open(struct sequence_reader *r,
                             const struct mpipe_split *split, unsigned k,
                             struct mpipe_out *out)
{
    enum mpipe_err e = mpipe_split_open(r->lines, split, '\n', out);
    char *path = strdup(split->path), first = '\0';
    int fd = open(split->path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    forget_look(r);
    free(r->path);
    r->path = path;
    r->at = r->end = NULL;
    r->beyond = r->any = r->known = false;
    r->begins = true;
    r->wanted = k - 1;
    r->place = 0;
    memset(&r->rest, 0, sizeof r->rest);
    if (path == NULL)
        e = MPIPE_ENOMEM;
    if (e == MPIPE_OK && fd >= 0 && fstat(fd, &st) == 0
        && split->offset + split->size < (uint64_t)st.st_size) {
        r->rest.path = r->path;
        r->rest.offset = split->offset + split->size;
        r->rest.size = (uint64_t)st.st_size - r->rest.offset;
    }
    if (e == MPIPE_OK && split->offset > 0 && fd >= 0
        && pread(fd, &first, 1, 0) == 1)
        e = take_format(r, first, out);
    r->place = split->offset > 0 ? LOOK : 0;    /* LOOK: not known */
    if (fd >= 0)
        close(fd);
    return e;
}

/* Look at lines until one begins a read: with @, and the line after the next
 * with +.  (A line of qualities may begin with @, but then the one after the
 * next is a sequence.) */
static enum mpipe_err find_read(struct sequence_reader *r,
                                struct mpipe_out *out)
{
    struct line line;
    enum mpipe_err e = MPIPE_OK;

    while (r->n_look < LOOK && (e = next_line(r, &line, out)) == MPIPE_OK) {
        struct line *copy = &r->look[r->n_look];

        *copy = line;
        copy->text = malloc(line.size + 1);
        if (copy->text == NULL)
            return MPIPE_ENOMEM;
        memcpy(copy->text, line.text, line.size);
        copy->text[line.size] = '\0';
        r->n_look++;
    }
    if (e < MPIPE_OK)
        return e;
    for (unsigned i = 0; i + 2 < r->n_look; i++)
        if (r->look[i].text[0] == '@' && r->look[i + 2].text[0] == '+') {
            r->next_look = i;
            r->place = 0;
            return MPIPE_OK;
        }
    return MPIPE_END;               /* no read begins here */
}

/* ---- pieces ---- */

static enum mpipe_err next_fastq(struct sequence_reader *r,
                                 struct sequence_piece *piece,
                                 struct mpipe_out *out)
{
    struct line line;
    enum mpipe_err e;

    for (;;) {
        if (r->next_look < r->n_look) {
            line = r->look[r->next_look++];
        } else {
            e = next_line(r, &line, out);
            if (e != MPIPE_OK)
                return e;
        }
        if (r->place % 4 == 0 && line.beyond)
            return MPIPE_END;       /* the next range has this read */
        if (r->place % 4 == 0 && line.size > 0 && line.text[0] != '@')
            return mpipe_fail(out, "%s: a read does not begin with @ (it is "
                              "read as FASTQ of four lines)", r->path);
        if (r->place++ % 4 == 1) {
            *piece = (struct sequence_piece){ line.text, line.size, true };
            return MPIPE_OK;
        }
    }
}

static enum mpipe_err next_fasta(struct sequence_reader *r,
                                 struct sequence_piece *piece,
                                 struct mpipe_out *out)
{
    struct line line;

    for (;;) {
        enum mpipe_err e = next_line(r, &line, out);

        if (e != MPIPE_OK)
            return e;
        if (line.beyond && (!r->any || r->wanted == 0))
            return MPIPE_END;
        if (line.size > 0 && (line.text[0] == '>' || line.text[0] == ';')) {
            if (line.beyond)
                return MPIPE_END;
            r->begins = true;
            continue;
        }
        if (line.beyond && line.size > r->wanted)
            line.size = r->wanted;
        if (line.beyond)
            r->wanted -= line.size;
        r->any = true;
        *piece = (struct sequence_piece){ line.text, line.size, r->begins };
        r->begins = false;
        return MPIPE_OK;
    }
}

enum mpipe_err sequence_next(struct sequence_reader *r,
                             struct sequence_piece *piece,
                             struct mpipe_out *out)
{
    enum mpipe_err e = MPIPE_OK;

    if (!r->known) {                /* from the file's beginning */
        struct line line;
        char *at;

        e = next_line(r, &line, out);
        if (e != MPIPE_OK)
            return e;
        at = line.text;
        e = take_format(r, line.size > 0 ? line.text[0] : '\0', out);
        r->at = at;                 /* it is read again */
    }
    if (e == MPIPE_OK && r->fastq && r->place == LOOK)
        e = find_read(r, out);
    if (e != MPIPE_OK)
        return e;
    return r->fastq ? next_fastq(r, piece, out) : next_fasta(r, piece, out);
}
