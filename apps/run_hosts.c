/* SPDX-License-Identifier: BSD-3-Clause */
/* run_hosts.c - the hosts of a job, as launchers and Slurm write them, and the same
 * without those that are lost.
 *
 * Each way of writing has a function that finds the next host in a text; to add hosts and
 * to leave some out both go through a text with it.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run_hosts.h"

#define DEPTH_MOST 8u           /* brackets in one name */
#define NAMES_MOST 20000u       /* of one list of Slurm's */

/* ---- the set ---- */

static struct run_host *find(const struct run_hosts *h, const char *name, size_t length)
{
    for (size_t i = 0; i < h->n; i++)
        if (strncmp(h->host[i].name, name, length) == 0
            && h->host[i].name[length] == '\0')
            return &h->host[i];
    return NULL;
}

static bool add(struct run_hosts *h, const char *name, size_t length, unsigned slots)
{
    struct run_host *more = find(h, name, length);

    if (more != NULL) {
        more->slots += slots;
        return true;
    }
    more = realloc(h->host, (h->n + 1) * sizeof *more);
    if (more == NULL)
        return false;
    h->host = more;
    more = &h->host[h->n];
    *more = (struct run_host){ strndup(name, length), slots, false };
    h->n += more->name != NULL;
    return more->name != NULL;
}

void run_hosts_free(struct run_hosts *h)
{
    for (size_t i = 0; i < h->n; i++)
        free(h->host[i].name);
    free(h->host);
    *h = (struct run_hosts){ NULL, 0 };
}

size_t run_hosts_left(const struct run_hosts *h)
{
    size_t left = 0;

    for (size_t i = 0; i < h->n; i++)
        left += !h->host[i].lost;
    return left;
}

static bool is_lost(const struct run_hosts *h, const char *name, size_t length)
{
    const struct run_host *host = find(h, name, length);

    return host != NULL && host->lost;
}

/* ---- lists ---- */

/* "node1:2": the length of its name, and the slots. */
static size_t entry(const char *text, size_t length, unsigned *slots)
{
    const char *colon = memchr(text, ':', length);

    *slots = 0;
    if (colon == NULL)
        return length;
    *slots = (unsigned)strtoul(colon + 1, NULL, 10);
    return (size_t)(colon - text);
}

/* An entry that is said twice has a slot each time, as mpirun counts them. */
bool run_hosts_add_list(struct run_hosts *h, const char *list)
{
    for (const char *at = list; *at != '\0'; at += *at == ',') {
        size_t length = strcspn(at, ","), name;
        unsigned slots;

        name = entry(at, length, &slots);
        if (at[0] == '+')
            return false;               /* by number: of whichever there are */
        if (name > 0 && !add(h, at, name, slots > 0 ? slots : 1))
            return false;
        at += length;
    }
    return true;
}

char *run_hosts_list(const struct run_hosts *h, const char *list)
{
    char *kept = calloc(1, strlen(list) + 1);
    unsigned slots;

    for (const char *at = list; kept != NULL && *at != '\0'; at += *at == ',') {
        size_t length = strcspn(at, ",");

        if (!is_lost(h, at, entry(at, length, &slots))) {
            if (kept[0] != '\0')
                strcat(kept, ",");
            strncat(kept, at, length);
        }
        at += length;
    }
    return kept;
}

/* ---- files ---- */

/* The host of a line, and its slots; NULL: it has none. */
static const char *line_host(const char *line, size_t length, size_t *name,
                             unsigned *slots)
{
    const char *end = line + length, *at, *user;
    static const char *const keys[] = { "slots", "cpus", "count" };

    while (line < end && isspace((unsigned char)*line))
        line++;
    for (at = line; at < end && !isspace((unsigned char)*at) && *at != '#'; at++)
        continue;
    if (at == line || *line == '^')     /* '^': one that is not to be taken */
        return NULL;
    user = memchr(line, '@', (size_t)(at - line));
    if (user != NULL)
        line = user + 1;
    *name = entry(line, (size_t)(at - line), slots);
    for (; at < end && *at != '#'; at++)
        for (size_t k = 0; k < 3; k++) {
            size_t n = strlen(keys[k]);

            if (isspace((unsigned char)at[0]) && (size_t)(end - at) > n + 1
                && strncmp(at + 1, keys[k], n) == 0
                && sscanf(at + 1 + n, " = %u", slots) == 1)
                return line;
        }
    return line;
}

bool run_hosts_add_file(struct run_hosts *h, const char *text)
{
    for (const char *at = text; *at != '\0'; at += *at == '\n') {
        size_t length = strcspn(at, "\n"), name;
        unsigned slots;
        const char *host = line_host(at, length, &name, &slots);

        if (host != NULL && !add(h, host, name, slots))
            return false;
        at += length;
    }
    return true;
}

char *run_hosts_file(const struct run_hosts *h, const char *text)
{
    char *kept = calloc(1, strlen(text) + 2), *to = kept;

    for (const char *at = text; kept != NULL && *at != '\0'; at += *at == '\n') {
        size_t length = strcspn(at, "\n"), name;
        unsigned slots;
        const char *host = line_host(at, length, &name, &slots);

        if (host == NULL || !is_lost(h, host, name)) {
            to = mempcpy(to, at, length);
            *to++ = '\n';
        }
        at += length;
    }
    return kept;
}

/* ---- Slurm's ---- */

/* Each name of a list, in its order; false ends it. */
typedef bool name_fn(void *arg, const char *name);

struct expansion {
    name_fn *each;
    void *arg;
    unsigned n;
};

/* 'head' is what is known of a name, 'rest' its pattern up to 'end'. */
static bool expand(struct expansion *e, const char *head, const char *rest,
                   const char *end, unsigned depth)
{
    const char *open = memchr(rest, '[', (size_t)(end - rest)), *close, *at;
    char name[512];

    if (open == NULL) {
        snprintf(name, sizeof name, "%s%.*s", head, (int)(end - rest), rest);
        return e->n++ < NAMES_MOST && e->each(e->arg, name);
    }
    close = memchr(open, ']', (size_t)(end - open));
    if (close == NULL || close == open + 1 || depth == DEPTH_MOST)
        return false;
    for (at = open + 1; at < close; at += *at == ',') {
        char *after;
        unsigned long from = strtoul(at, &after, 10), to = from;
        int width = (int)(after - at);

        if (width == 0)
            return false;
        if (*after == '-')
            to = strtoul(after + 1, &after, 10);
        if (*after != ',' && after != close)
            return false;
        for (; from <= to; from++) {
            snprintf(name, sizeof name, "%s%.*s%0*lu", head, (int)(open - rest), rest,
                     width, from);
            if (!expand(e, name, close + 1, end, depth + 1))
                return false;
        }
        at = after;
    }
    return true;
}

static bool each_name(const char *list, name_fn *each, void *arg)
{
    struct expansion e = { each, arg, 0 };

    while (*list != '\0') {
        const char *end = list;
        bool within = false;

        for (; *end != '\0' && (within || *end != ','); end++)
            within = *end == '[' || (within && *end != ']');
        if (end > list && !expand(&e, "", list, end, 0))
            return false;
        list = *end == ',' ? end + 1 : end;
    }
    return true;
}

/* "2(x3),1": one number after another; the last one again, should there be too few. */
struct counts {
    const char *at;
    unsigned number, left;
};

static unsigned next_count(struct counts *c)
{
    char *after;

    if (c->left == 0 && c->at != NULL && isdigit((unsigned char)c->at[0])) {
        c->number = (unsigned)strtoul(c->at, &after, 10);
        c->left = 1;
        if (sscanf(after, "(x%u)", &c->left) == 1)
            after = strchrnul(after, ')') + 1;
        c->at = *after == ',' ? after + 1 : NULL;
    }
    c->left -= c->left > 0;
    return c->number;
}

struct addition {
    struct run_hosts *to;
    struct counts counts;
};

static bool add_name(void *arg, const char *name)
{
    struct addition *a = arg;

    return add(a->to, name, strlen(name), next_count(&a->counts));
}

bool run_hosts_add_slurm(struct run_hosts *h, const char *list, const char *counts)
{
    struct addition a = { h, { counts, 0, 0 } };

    return each_name(list, add_name, &a);
}

struct reduction {
    const struct run_hosts *of;
    struct counts counts;
    FILE *to;
    unsigned n;
};

static bool keep_count(void *arg, const char *name)
{
    struct reduction *r = arg;
    unsigned count = next_count(&r->counts);

    if (!is_lost(r->of, name, strlen(name)))
        fprintf(r->to, "%s%u", r->n++ > 0 ? "," : "", count);
    return true;
}

char *run_hosts_counts(const struct run_hosts *h, const char *list, const char *counts)
{
    char *kept = NULL;
    size_t size = 0;
    struct reduction r = { h, { counts, 0, 0 }, open_memstream(&kept, &size), 0 };

    if (r.to == NULL)
        return NULL;
    each_name(list, keep_count, &r);
    if (fclose(r.to) == 0)
        return kept;
    free(kept);
    return NULL;
}

char *run_hosts_names(const struct run_hosts *h)
{
    char *names = NULL;
    size_t size = 0, n = 0;
    FILE *to = open_memstream(&names, &size);

    if (to == NULL)
        return NULL;
    for (size_t i = 0; i < h->n; i++)
        if (!h->host[i].lost)
            fprintf(to, "%s%s", n++ > 0 ? "," : "", h->host[i].name);
    if (fclose(to) == 0)
        return names;
    free(names);
    return NULL;
}

/* ---- ranks ---- */

unsigned run_hosts_ranks(const struct run_hosts *h, unsigned asked)
{
    uint64_t all = 0, left = 0;
    bool said = true;

    for (size_t i = 0; i < h->n; i++)
        said &= h->host[i].slots > 0;
    for (size_t i = 0; i < h->n; i++) {
        unsigned slots = said ? h->host[i].slots : 1;

        all += slots;
        left += h->host[i].lost ? 0 : slots;
    }
    if (left == all || (said && asked <= left))
        return asked;
    if (said && asked <= all)
        return left > 0 ? (unsigned)left : 1;
    left = asked * left / all;
    return left > 0 ? (unsigned)left : 1;
}
