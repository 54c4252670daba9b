/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - the closing report as text: what a person wants to know.
 *
 * First the items' account and the time, then a table with a line for each
 * stage, then memory and the error.  It has as many lines as stages, however
 * many ranks there were: what each rank did is in the JSON (report_json.c).
 * Items are exact, for one wants to add them up; the rest is rounded.  Each
 * column is as wide as what is in it, and those for what seldom happens are
 * left out where it did not.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include "cause.h"
#include "report.h"
#include "show.h"

#define NAMED_DEAD 6u           /* dead ranks that are named */
#define NAMED_PARTS 12u         /* partitions */
#define CELL_SIZE 64
#define NAME_COLUMNS 24u
#define SKEWED 2.0               /* times the mean: worth a line */

enum column {
    STAGE, RANKS, IN, OUT, MADE, DROPPED, FAILED, RETRIED, BUSY, WAITING,
    RATE, BYTES_IN, BYTES_OUT, N_COLUMNS
};

double mpipe__report_share(uint64_t part_ns, uint64_t whole_ns)
{
    double share;
    if (whole_ns == 0)
        return -1;
    share = (double)part_ns / (double)whole_ns;
    return share > 1 ? 1 : share;   /* the clock was read a little later */
}

double mpipe__report_rate(uint64_t items, double wall)
{
    double rate = wall > 0 ? (double)items / wall : -1;
    return rate <= 1e300 ? rate : -1;
}

uint64_t mpipe__report_unfinished(const struct mpipe_counts *c)
{
    uint64_t all = c->fed + c->made;
    uint64_t done = c->delivered + c->dropped + c->failed;
    return all > done ? all - done : 0;
}

const struct mpipe__report_rank *mpipe__report_largest(
    const struct mpipe__report *r)
{
    const struct mpipe__report_rank *largest = NULL;
    for (unsigned i = 0; i < r->n_ranks; i++)
        if (r->ranks[i].stats.rss_max > 0 &&
            (largest == NULL ||
             r->ranks[i].stats.rss_max > largest->stats.rss_max))
            largest = &r->ranks[i];
    return largest;
}

/* ---- the table ---- */

static void show_share(char *to, uint64_t part_ns, uint64_t whole_ns)
{
    double share = mpipe__report_share(part_ns, whole_ns);
    if (share < 0)
        snprintf(to, CELL_SIZE, "-");
    else
        snprintf(to, CELL_SIZE, "%.0f%%", 100 * share);
}

static void show_number(char *to, uint64_t n)
{
    snprintf(to, CELL_SIZE, "%" PRIu64, n);
}

static void show_rate(char *to, uint64_t items, double wall)
{
    double rate = mpipe__report_rate(items, wall);
    if (rate < 0)
        snprintf(to, CELL_SIZE, "-");
    else
        mpipe__show_rate(to, rate);
}

/* One cell; 'row' 0 is the headings, row i + 1 stage i. */
static void cell(char to[CELL_SIZE], const struct mpipe__report *r,
                 unsigned row, unsigned column)
{
    static const char *const headings[N_COLUMNS] = {
        "stage", "ranks", "in", "out", "made", "dropped", "failed", "retried",
        "busy", "waiting", "rate", "bytes in", "bytes out"
    };
    const struct mpipe__report_stage *s;
    if (row == 0) {
        snprintf(to, CELL_SIZE, "%s", headings[column]);
        return;
    }
    s = &r->stages[row - 1];
    switch ((enum column)column) {
    case STAGE:
        mpipe__show_name(to, CELL_SIZE, s->name, NAME_COLUMNS);
        break;
    case RANKS:     show_number(to, s->ranks); break;
    case IN:        show_number(to, s->sum.in); break;
    case OUT:       show_number(to, s->sum.out); break;
    case MADE:      show_number(to, s->sum.made); break;
    case DROPPED:   show_number(to, s->sum.dropped); break;
    case FAILED:    show_number(to, s->sum.failed); break;
    case RETRIED:   show_number(to, s->sum.retried); break;
    case BUSY:      show_share(to, s->sum.busy_ns, s->rank_ns); break;
    case WAITING:   show_share(to, s->waiting_ns, s->rank_ns); break;
    case RATE:      show_rate(to, s->sum.in, r->wall); break;
    case BYTES_IN:  mpipe__show_bytes(to, s->sum.bytes_in); break;
    case BYTES_OUT: mpipe__show_bytes(to, s->sum.bytes_out); break;
    case N_COLUMNS: break;
    }
}

/* Nobody made more items than came, or had to retry: no column for it. */
static bool is_empty(const struct mpipe__report *r, unsigned column)
{
    uint64_t sum = 0;
    if (column != MADE && column != RETRIED)
        return false;
    for (unsigned i = 0; i < r->n_stages; i++)
        sum |= column == MADE ? r->stages[i].sum.made
                              : r->stages[i].sum.retried;
    return sum == 0;
}

/* The columns that each column needs; 0: leave it out. */
static void measure(const struct mpipe__report *r, unsigned width[N_COLUMNS])
{
    char text[CELL_SIZE];
    for (unsigned column = 0; column < N_COLUMNS; column++) {
        width[column] = 0;
        for (unsigned row = 0; row <= r->n_stages; row++) {
            unsigned n;
            cell(text, r, row, column);
            n = mpipe__show_columns(text);
            if (n > width[column])
                width[column] = n;
        }
        if (is_empty(r, column))
            width[column] = 0;
    }
}

static void print_table(const struct mpipe__report *r, FILE *stream)
{
    unsigned width[N_COLUMNS];
    char text[CELL_SIZE];
    measure(r, width);
    for (unsigned row = 0; row <= r->n_stages; row++) {
        for (unsigned column = 0; column < N_COLUMNS; column++) {
            int pad;
            if (width[column] == 0)
                continue;
            cell(text, r, row, column);
            pad = (int)(width[column] - mpipe__show_columns(text));
            if (column == STAGE)
                fprintf(stream, "%s%*s", text, pad, "");
            else
                fprintf(stream, "  %*s%s", pad, "", text);
        }
        fputc('\n', stream);
    }
}

/* ---- the lines around it ---- */

/* A short time wants its fractions, a long one hours and minutes. */
static void show_wall(char to[MPIPE__SHOW_SIZE], double wall)
{
    if (wall >= 0 && wall < 100)
        snprintf(to, MPIPE__SHOW_SIZE, wall < 10 ? "%.3f s" : "%.1f s", wall);
    else
        mpipe__show_time(to, wall);
}

static void print_head(const struct mpipe__report *r, FILE *stream)
{
    const struct mpipe_counts *c = &r->counts;
    uint64_t unfinished = mpipe__report_unfinished(c);
    char name[CELL_SIZE], wall[MPIPE__SHOW_SIZE], rate[CELL_SIZE];
    char fed[MPIPE__SHOW_SIZE], delivered[MPIPE__SHOW_SIZE];
    int number;
    mpipe__show_name(name, sizeof name, r->name, 48);
    show_wall(wall, r->wall);
    show_rate(rate, c->fed, r->wall);
    number = (int)strcspn(rate, "/");   /* "4.5k/s" -> "4.5k items/s" */
    mpipe__show_bytes(fed, r->bytes_fed);
    mpipe__show_bytes(delivered, r->bytes_delivered);
    fprintf(stream, "%s: %" PRIu64 " fed, %" PRIu64 " made, %" PRIu64
            " delivered, %" PRIu64 " dropped, %" PRIu64 " failed", name,
            c->fed, c->made, c->delivered, c->dropped, c->failed);
    if (unfinished > 0)
        fprintf(stream, ", %" PRIu64 " unfinished", unfinished);
    if (c->retried > 0)
        fprintf(stream, "; %" PRIu64 " retried", c->retried);
    fprintf(stream, "\n%u rank%s, %s, %.*s items%s, %s fed, %s delivered\n",
            r->n_ranks, r->n_ranks == 1 ? "" : "s", wall, number, rate,
            rate[number] == '\0' ? "/s" : rate + number, fed, delivered);
}

static void print_memory(const struct mpipe__report *r, FILE *stream)
{
    const struct mpipe__report_rank *largest = mpipe__report_largest(r);
    char peak[MPIPE__SHOW_SIZE], sum[MPIPE__SHOW_SIZE], host[CELL_SIZE];
    uint64_t total = 0;
    if (largest == NULL)
        return;
    for (unsigned i = 0; i < r->n_ranks; i++)
        total += r->ranks[i].stats.rss_max;
    mpipe__show_bytes(peak, largest->stats.rss_max);
    mpipe__show_bytes(sum, total);
    mpipe__show_name(host, sizeof host, largest->host, 48);
    fprintf(stream, "memory: at most %s on rank %d%s%s, %s on all ranks\n",
            peak, largest->rank, *host == '\0' ? "" : " of ", host, sum);
}

/* How many times the mean the largest partition is. */
double mpipe__report_skew(const struct mpipe__report_shuffle *s)
{
    return s->pairs > 0 ? (double)s->largest * s->n_parts / (double)s->pairs
                        : 1;
}

static void print_shuffle(const struct mpipe__report *r, FILE *stream)
{
    uint64_t emitted = 0, sent = 0, spilled = 0, moved = 0, read = 0;
    char disk[MPIPE__SHOW_SIZE], net[MPIPE__SHOW_SIZE], in[MPIPE__SHOW_SIZE];

    for (unsigned i = 0; i < r->n_ranks; i++) {
        emitted += r->ranks[i].stats.pairs_emitted;
        sent += r->ranks[i].stats.pairs_sent;
        spilled += r->ranks[i].stats.bytes_spilled;
        moved += r->ranks[i].stats.bytes_sent;
        read += r->ranks[i].stats.bytes_read;
    }
    if (r->shuffle.n_parts == 0 || r->reduces)
        return;
    /* ranks count all that they did; what counts of it came once */
    if (r->n_backups > 0 || r->recovery.deaths > 0)
        emitted = r->counts.delivered;
    mpipe__show_bytes(disk, spilled);
    mpipe__show_bytes(in, read);
    fprintf(stream, "shuffle: ");
    if (read > 0)
        fprintf(stream, "%s read, ", in);
    fprintf(stream, "%" PRIu64 " pairs emitted", emitted);
    if (sent < emitted)
        fprintf(stream, ", %" PRIu64 " after combining", sent);
    mpipe__show_bytes(net, moved);
    fprintf(stream, "; %s sent; %u partition%s, the largest %.2f times the "
            "mean; %s to disk\n", net, r->shuffle.n_parts, r->shuffle.n_parts == 1 ? "" : "s",
            mpipe__report_skew(&r->shuffle), disk);
}

/* A partition that is much larger than the others keeps its rank busy when they
 * are done: say which keys make it so. */
static void print_skew(const struct mpipe__report *r, FILE *stream)
{
    const struct mpipe__report_shuffle *s = &r->shuffle;
    bool any = false;

    if (!r->reduces || s->n_parts < 2 || mpipe__report_skew(s) < SKEWED)
        return;
    fprintf(stream, "skew: partition %u, on rank %d, is %.1f times the mean",
            s->largest_part, s->largest_rank, mpipe__report_skew(s));
    for (unsigned i = 0; r->heavy != NULL && i < MPIPE__HEAVY_KEYS
         && r->heavy[i].values * 20 > s->pairs / s->n_parts; i++) {
        const struct mpipe__heavy_key *k = &r->heavy[i];
        char text[sizeof k->key + 1], name[CELL_SIZE];
        size_t size = k->size < sizeof k->key ? k->size : sizeof k->key;

        memcpy(text, k->key, size);
        text[size] = '\0';
        mpipe__show_name(name, sizeof name, text, 32);
        fprintf(stream, "%s '%s' (%.0f%%)", any ? "," : "; heaviest keys:",
                name, 100 * (double)k->values / (double)s->pairs);
        any = true;
    }
    fputc('\n', stream);
}

static void print_backups(const struct mpipe__report *r, FILE *stream)
{
    if (r->n_backups > 0)
        fprintf(stream, "%" PRIu64 " late frame%s given to idle ranks as well, "
                "which %" PRIu64 " time%s were quicker\n", r->n_backups,
                r->n_backups == 1 ? " was" : "s were", r->n_backups_won,
                r->n_backups_won == 1 ? "" : "s");
}

static void print_resumed(const struct mpipe__report *r, FILE *stream)
{
    if (r->resumed > 0)
        fprintf(stream, "%" PRIu64 " of the items fed were done by an earlier "
                "run: their results came from the journal\n", r->resumed);
    if (r->resumed_keys > 0)
        fprintf(stream, "%" PRIu64 " keys were done by an earlier run: their "
                "results came from the journal\n", r->resumed_keys);
}

static void print_deaths(const struct mpipe__report *r, FILE *stream)
{
    const struct mpipe__recovery *rec = &r->recovery;
    unsigned named = 0;

    if (rec->deaths == 0)
        return;
    fprintf(stream, "%u rank%s died: ", rec->deaths,
            rec->deaths == 1 ? "" : "s");
    for (unsigned i = 0; i < r->n_ranks && named < NAMED_DEAD; i++) {
        char host[CELL_SIZE];

        if (r->ranks[i].died_ns == 0 || r->ranks[i].cause == MPIPE__LEFT)
            continue;
        mpipe__show_name(host, sizeof host, r->ranks[i].host, 32);
        fprintf(stream, "%s%d of %s at %.3f s (%s)", named++ > 0 ? ", " : "",
                r->ranks[i].rank, host, (double)r->ranks[i].died_ns * 1e-9,
                mpipe__cause_words(r->ranks[i].cause));
    }
    fprintf(stream, "%s; %" PRIu64 " items in %" PRIu64 " frames were fed "
            "again", rec->deaths > named ? ", ..." : "", rec->items,
            rec->roots);
    if (rec->longest_ns > 0)
        fprintf(stream, ", results came again after %.3f s%s",
                (double)rec->longest_ns * 1e-9,
                rec->deaths > 1 ? " at most" : "");
    fputc('\n', stream);
}

static void print_left(const struct mpipe__report *r, FILE *stream)
{
    for (unsigned i = 0; i < r->n_ranks; i++) {
        const struct mpipe__report_rank *rank = &r->ranks[i];
        char host[CELL_SIZE], first[CELL_SIZE], last[CELL_SIZE];

        if (rank->cause != MPIPE__LEFT || rank->first < 0)
            continue;
        mpipe__show_name(host, sizeof host, rank->host, 32);
        mpipe__show_name(first, sizeof first, r->stages[rank->first].name, 32);
        mpipe__show_name(last, sizeof last, r->stages[rank->last].name, 32);
        fprintf(stream, "left behind: rank %d of %s at %.3f s, in stage %s%s%s\n",
                rank->rank, host, (double)rank->died_ns * 1e-9, first,
                rank->last > rank->first ? " to " : "",
                rank->last > rank->first ? last : "");
    }
}

/* Which partitions were filled again, or have to be. */
static void print_refilled(const struct mpipe__report *r, FILE *stream)
{
    if (r->n_lost > 0)
        fprintf(stream, "ended early: %u partition%s lost with dead ranks, to be "
                "computed again\n", r->n_lost, r->n_lost == 1 ? " was" : "s were");
    if (r->n_refilled == 0)
        return;
    fprintf(stream, "computed again: %u of %u partitions:", r->n_refilled,
            r->shuffle.n_parts);
    for (uint32_t i = 0; i < r->n_refilled && i < NAMED_PARTS; i++)
        fprintf(stream, "%s %u", i > 0 ? "," : "", r->refilled[i]);
    fprintf(stream, "%s\n", r->n_refilled > NAMED_PARTS ? ", ..." : "");
}

static void print_error(const struct mpipe_error *e, FILE *stream)
{
    char text[sizeof e->text];
    if (e == NULL || e->code == MPIPE_OK)
        return;
    mpipe__show_name(text, sizeof text, e->text, sizeof text);
    fprintf(stream, "error: %s", mpipe_strerror(e->code));
    if (e->rank >= 0)
        fprintf(stream, " on rank %d", e->rank);
    fprintf(stream, "%s%s\n", *text == '\0' ? "" : ": ", text);
}

enum mpipe_err mpipe__report_print(const struct mpipe__report *report,
                                   FILE *stream)
{
    print_head(report, stream);
    if (report->n_stages > 0)
        print_table(report, stream);
    print_shuffle(report, stream);
    print_skew(report, stream);
    print_resumed(report, stream);
    print_backups(report, stream);
    print_left(report, stream);
    print_deaths(report, stream);
    print_refilled(report, stream);
    print_memory(report, stream);
    print_error(report->error, stream);
    return fflush(stream) != 0 || ferror(stream) ? MPIPE_EIO : MPIPE_OK;
}
