/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.c - where ranks are: hwloc inside a node, switches from Slurm or
 * from a file.
 *
 * All that leaves this file are plain locations.  A node is described as a
 * row of locations, one for each core in hwloc's order; a made-up machine is
 * that row again and again, and a rank that is bound to several cores takes its
 * turn on the row.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <hwloc.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "error.h"
#include "topology.h"

#define MAX_TIERS 3             /* levels for switches */
#define MAX_RANKS 10000000u     /* of a made-up machine */
#define MAX_INSIDE 2048u        /* processors of one made-up node: hwloc's time
                                   grows with their square */

/* ---- inside a node ---- */

/* The number of the place of this type that holds the core, from 1; 0: there
 * is none. */
static uint32_t place_of(hwloc_topology_t topology, hwloc_obj_t core,
                         hwloc_obj_type_t type)
{
    hwloc_obj_t obj = NULL;

    if (hwloc_get_type_depth(topology, type) == HWLOC_TYPE_DEPTH_UNKNOWN)
        return 0;
    while ((obj = hwloc_get_next_obj_by_type(topology, type, obj)) != NULL)
        if (hwloc_bitmap_isincluded(core->cpuset, obj->cpuset))
            return obj->logical_index + 1;
    return 0;
}

/* The cache that most cores may share: the third level's, else the
 * second's. */
static uint32_t cache_of(hwloc_topology_t topology, hwloc_obj_t core)
{
    uint32_t cache = place_of(topology, core, HWLOC_OBJ_L3CACHE);

    return cache != 0 ? cache : place_of(topology, core, HWLOC_OBJ_L2CACHE);
}

static void locate_core(hwloc_topology_t topology, hwloc_obj_t core,
                        struct mpipe__location *at)
{
    at->id[MPIPE__PACKAGE] = place_of(topology, core, HWLOC_OBJ_PACKAGE);
    at->id[MPIPE__NUMA] = place_of(topology, core, HWLOC_OBJ_NUMANODE);
    at->id[MPIPE__CACHE] = cache_of(topology, core);
    at->id[MPIPE__CORE] = core->logical_index + 1;
}

/* The cores inside 'set' (NULL: all), in order.  *cores is the caller's. */
static enum mpipe_err cores_of(hwloc_topology_t topology,
                               hwloc_const_bitmap_t set,
                               struct mpipe__location **cores, unsigned *n)
{
    /* Where hwloc sees no cores, processors stand in for them. */
    int depth = hwloc_get_type_or_below_depth(topology, HWLOC_OBJ_CORE);
    unsigned all = hwloc_get_nbobjs_by_depth(topology, depth), i;

    *n = 0;
    *cores = calloc(all > 0 ? all : 1, sizeof **cores);
    if (*cores == NULL)
        return MPIPE_ENOMEM;
    for (i = 0; i < all; i++) {
        hwloc_obj_t core = hwloc_get_obj_by_depth(topology, depth, i);

        if (set == NULL || hwloc_bitmap_intersects(core->cpuset, set))
            locate_core(topology, core, &(*cores)[(*n)++]);
    }
    if (*n == 0)
        *n = 1;                 /* the node as a whole */
    return MPIPE_OK;
}

/* This computer's topology, or NULL. */
static hwloc_topology_t load_this(void)
{
    hwloc_topology_t topology;

    if (hwloc_topology_init(&topology) != 0)
        return NULL;
    if (hwloc_topology_load(topology) == 0)
        return topology;
    hwloc_topology_destroy(topology);
    return NULL;
}

static enum mpipe_err no_hwloc(struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_EIO, "hwloc cannot read this "
                        "computer's topology; does lstopo work?");
}

/* ---- where this process is ---- */

static enum mpipe_err locate_in_node(struct mpipe__location *where,
                                     unsigned nth, unsigned of,
                                     struct mpipe_error *err)
{
    hwloc_topology_t topology = load_this();
    hwloc_bitmap_t set = hwloc_bitmap_alloc();
    struct mpipe__location *cores = NULL;
    enum mpipe_err e;
    unsigned n;

    if (topology == NULL || set == NULL) {
        e = no_hwloc(err);
        goto done;
    }
    if (hwloc_get_cpubind(topology, set, HWLOC_CPUBIND_PROCESS) != 0
        || hwloc_bitmap_iszero(set))
        hwloc_bitmap_fill(set); /* no such call here: not bound */
    e = cores_of(topology, set, &cores, &n);
    if (e != MPIPE_OK) {
        mpipe__error(err, -1, e, "no memory to find this rank's place");
        goto done;
    }
    *where = cores[of > 0 ? nth % n : 0];
done:
    free(cores);
    hwloc_bitmap_free(set);
    if (topology != NULL)
        hwloc_topology_destroy(topology);
    return e;
}

static enum mpipe_err switches_from(struct mpipe__location *where,
                                    const char *path,
                                    struct mpipe_error *err)
{
    FILE *file = fopen(path, "r");
    enum mpipe_err e;

    if (file == NULL)
        return mpipe__error(err, -1, MPIPE_EIO,
                            "switch file %s: %s", path, strerror(errno));
    e = mpipe__topology_switches(where, file, path, err);
    fclose(file);
    return e;
}

enum mpipe_err mpipe__topology_locate(struct mpipe__location *where,
                                      const char *switch_file, unsigned nth,
                                      unsigned of, struct mpipe_error *err)
{
    struct mpipe__location found;
    const char *address = getenv("SLURM_TOPOLOGY_ADDR");
    enum mpipe_err e;

    e = locate_in_node(&found, nth, of, err);
    if (e != MPIPE_OK)
        return e;
    if (gethostname(found.host, sizeof found.host) != 0)
        strcpy(found.host, "localhost");
    found.host[sizeof found.host - 1] = '\0';
    if (switch_file != NULL) {
        e = switches_from(&found, switch_file, err);
        if (e != MPIPE_OK)
            return e;
    } else if (address != NULL) {
        mpipe__topology_slurm(&found, address,
                              getenv("SLURM_TOPOLOGY_ADDR_PATTERN"));
    }
    *where = found;
    return MPIPE_OK;
}

/* ---- switches ---- */

/* A number for the 'size' letters of a name, not 0 (FNV-1a).  Two names
 * of one tier that happen to get the same one would look nearer than they
 * are, and that is all. */
static uint32_t number_of(const char *name, size_t size)
{
    uint32_t hash = 2166136261u;
    size_t i;

    for (i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)name[i]) * 16777619u;
    return hash != 0 ? hash : 1;
}

/* Set the levels from the first 'tiers' of the names that dots divide. */
static void set_switches(struct mpipe__location *where, const char *names,
                         unsigned tiers)
{
    unsigned level = MPIPE__SWITCH0, t;
    const char *from = names;

    for (t = 0; t < MAX_TIERS; t++)
        where->id[MPIPE__SWITCH0 + t] = 0;
    if (tiers < MAX_TIERS)
        level += MAX_TIERS - tiers;
    for (t = 0; t < tiers; t++) {
        const char *to = from + strcspn(from, ".");

        /* Tiers that are too many stay in the name of the outermost. */
        if (tiers - t <= MAX_TIERS) {
            where->id[level++] = number_of(names, (size_t)(to - names));
            names = to;
        }
        from = to + (*to == '.');
    }
}

static unsigned count_names(const char *text)
{
    unsigned n = 1;

    for (; *text != '\0'; text++)
        n += *text == '.';
    return n;
}

bool mpipe__topology_slurm(struct mpipe__location *where, const char *address,
                           const char *pattern)
{
    unsigned names = count_names(address), tiers = 0;

    set_switches(where, "", 0);
    if (pattern == NULL) {
        tiers = names - 1;
    } else {
        const char *p = pattern;

        while (strncmp(p, "switch.", 7) == 0) {
            p += 7;
            tiers++;
        }
        /* A node's own name may have dots in it. */
        if (strcmp(p, "node") != 0 || names < tiers + 1)
            return false;
    }
    if (*address == '\0' || *address == '.' || strstr(address, "..") != NULL
        || address[strlen(address) - 1] == '.')
        return false;
    set_switches(where, address, tiers);
    return true;
}

/* Does the host, or its name before the first dot, fit the pattern? */
static bool host_fits(const char *host, const char *pattern)
{
    char name[sizeof ((struct mpipe__location *)NULL)->host];
    size_t n = strcspn(host, ".");

    if (fnmatch(pattern, host, 0) == 0)
        return true;
    memcpy(name, host, n);
    name[n] = '\0';
    return fnmatch(pattern, name, 0) == 0;
}

/* One line, without its comment; '*fits' tells whether it set the switches.
 * False: it is not a line of a switch file. */
static bool read_line(struct mpipe__location *where, char *line, bool *fits)
{
    char *names, *save = NULL, *word, *end;

    *fits = false;
    line += strspn(line, " \t");
    if (*line == '\0')
        return true;
    names = strchr(line, ':');
    if (names == NULL)
        return false;
    *names++ = '\0';
    names += strspn(names, " \t");
    for (end = names + strlen(names); end > names
         && isspace((unsigned char)end[-1]); end--)
        end[-1] = '\0';
    if (*names == '\0' || strpbrk(names, " \t:") != NULL || *names == '.'
        || end[-1] == '.' || strstr(names, "..") != NULL)
        return false;
    word = strtok_r(line, " \t,", &save);
    if (word == NULL)
        return false;
    for (; word != NULL; word = strtok_r(NULL, " \t,", &save))
        if (host_fits(where->host, word)) {
            set_switches(where, names, count_names(names));
            *fits = true;
            return true;
        }
    return true;
}

enum mpipe_err mpipe__topology_switches(struct mpipe__location *where,
                                        FILE *file, const char *name,
                                        struct mpipe_error *err)
{
    enum mpipe_err e = MPIPE_OK;
    struct mpipe__location found = *where;
    char *line = NULL;
    size_t size = 0;
    unsigned number = 0;
    bool fits = false;

    while (!fits && e == MPIPE_OK && getline(&line, &size, file) >= 0) {
        number++;
        line[strcspn(line, "#\r\n")] = '\0';
        if (!read_line(&found, line, &fits))
            e = mpipe__error(err, -1, MPIPE_EINVAL, "switch file %s, line "
                             "%u: write HOST...: SWITCH[.SWITCH...]", name,
                             number);
    }
    if (e == MPIPE_OK && ferror(file))
        e = mpipe__error(err, -1, MPIPE_EIO, "switch file %s: %s", name,
                         strerror(errno));
    else if (e == MPIPE_OK && !fits)
        e = mpipe__error(err, -1, MPIPE_EINVAL, "switch file %s has no line "
                         "for host %s: add one, or a last line '*: SWITCH'",
                         name, where->host);
    if (e == MPIPE_OK)
        *where = found;
    free(line);
    return e;
}

/* ---- machines ---- */

/* Counts of our own levels, and what is left for hwloc. */
struct words {
    unsigned switches[MAX_TIERS], n_tiers;
    unsigned nodes;
    const char *inside;
};

/* "LEVEL:COUNT", or -1: another level; 0: a count that is none. */
static long own_word(const char *word, const char *level)
{
    size_t n = strlen(level);
    char *end;
    long count;

    if (strncmp(word, level, n) != 0 || word[n] != ':')
        return -1;
    errno = 0;
    count = strtol(word + n + 1, &end, 10);
    if ((*end != '\0' && !isspace((unsigned char)*end)) || errno != 0
        || count <= 0 || count > (long)MAX_RANKS)
        return 0;
    return count;
}

static enum mpipe_err bad_word(const char *word, const char *why,
                               struct mpipe_error *err)
{
    return mpipe__error(err, -1, MPIPE_EINVAL, "machine word '%.*s': %s",
                        (int)strcspn(word, " \t"), word, why);
}

static enum mpipe_err parse_words(const char *text, struct words *words,
                                  struct mpipe_error *err)
{
    memset(words, 0, sizeof *words);
    words->nodes = 1;
    for (;; text += strcspn(text, " \t")) {
        long count;

        text += strspn(text, " \t");
        count = own_word(text, "switch");
        if (count > 0) {
            if (words->n_tiers == MAX_TIERS)
                return bad_word(text, "there can be three tiers of switches",
                                err);
            words->switches[words->n_tiers++] = (unsigned)count;
            continue;
        }
        if (count < 0)
            count = own_word(text, "node");
        if (count == 0)
            return bad_word(text, "give a whole number above 0", err);
        if (count > 0) {
            words->nodes = (unsigned)count;
            text += strcspn(text, " \t");
        }
        break;
    }
    words->inside = text + strspn(text, " \t");
    return MPIPE_OK;
}

/* What hwloc would take in silence: 'node' (its old word for NUMA), and so
 * many processors that it works for minutes. */
static enum mpipe_err check_inside(const char *inside,
                                   struct mpipe_error *err)
{
    uint64_t product = 1;
    const char *word;

    for (word = inside; *word != '\0'; word += strspn(word, " \t")) {
        size_t n = strcspn(word, " \t");
        const char *colon = memchr(word, ':', n);
        unsigned long count = colon != NULL ? strtoul(colon + 1, NULL, 10)
                              : 1;

        if (own_word(word, "switch") >= 0 || own_word(word, "node") >= 0)
            return bad_word(word, "first switches, then nodes once, then "
                            "what is inside a node", err);
        product *= count <= MAX_INSIDE ? count : MAX_INSIDE + 1;
        if (product > MAX_INSIDE)
            return bad_word(word, "a node can have 2048 processors", err);
        word += n;
    }
    return MPIPE_OK;
}

/* One node in hwloc's words; what is missing at the end is added. */
static enum mpipe_err synthetic_cores(const char *inside,
                                      struct mpipe__location **cores,
                                      unsigned *n, struct mpipe_error *err)
{
    hwloc_topology_t topology;
    char text[512];
    bool pus = strstr(inside, "pu:") != NULL || strstr(inside, "PU:") != NULL;
    int size = snprintf(text, sizeof text, "%s%s", inside,
                        pus ? "" : *inside == '\0' ? "core:1 pu:1" : " pu:1");
    enum mpipe_err e = check_inside(inside, err);

    if (e != MPIPE_OK)
        return e;
    if (size < 0 || (size_t)size >= sizeof text)
        return mpipe__error(err, -1, MPIPE_EINVAL,
                            "the machine's words are too long");
    if (hwloc_topology_init(&topology) != 0)
        return mpipe__error(err, -1, MPIPE_ENOMEM, "no memory for hwloc");
    if (hwloc_topology_set_synthetic(topology, text) != 0
        || hwloc_topology_load(topology) != 0)
        e = mpipe__error(err, -1, MPIPE_EINVAL, "'%s' is no node: write "
                         "LEVEL:COUNT words, outermost first, of switch "
                         "node package numa l3 l2 core pu, such as "
                         "'switch:2 node:4 package:2 core:8'", inside);
    else
        e = cores_of(topology, NULL, cores, n);
    if (e == MPIPE_ENOMEM)
        mpipe__error(err, -1, e, "no memory for this machine");
    hwloc_topology_destroy(topology);
    return e;
}

/* Where node number i hangs, and what it is called. */
static void locate_node(const struct words *words, unsigned i,
                        struct mpipe__location *at)
{
    unsigned t = words->n_tiers, up = i / words->nodes;

    snprintf(at->host, sizeof at->host, "node%u", i);
    at->id[MPIPE__NODE] = i % words->nodes + 1;
    for (; t > 0; t--) {
        at->id[MPIPE__NODE - 1 - (words->n_tiers - t)] =
            up % words->switches[t - 1] + 1;
        up /= words->switches[t - 1];
    }
}

/* Lay ranks over 'n_nodes' nodes, each with the same row of cores. */
static struct mpipe_machine *lay_ranks(const struct words *words,
                                       unsigned n_nodes,
                                       const struct mpipe__location *cores,
                                       unsigned n_cores, unsigned n_ranks,
                                       struct mpipe_error *err)
{
    uint64_t all = (uint64_t)n_nodes * n_cores;
    struct mpipe_machine *machine;
    unsigned r;

    if (n_ranks == 0)
        n_ranks = all <= MAX_RANKS ? (unsigned)all : UINT_MAX;
    if (n_ranks > MAX_RANKS) {
        mpipe__error(err, -1, MPIPE_EINVAL, "more than %u ranks: make the "
                     "machine smaller", MAX_RANKS);
        return NULL;
    }
    machine = mpipe__machine_new(n_ranks);
    if (machine == NULL) {
        mpipe__error(err, -1, MPIPE_ENOMEM, "no memory for a machine of %u "
                     "ranks", n_ranks);
        return NULL;
    }
    for (r = 0; r < n_ranks; r++) {
        /* With more ranks than cores, node i has those from
         * ceil(i * n_ranks / n_nodes) on. */
        unsigned node = r / n_cores, nth = r % n_cores;

        if (n_ranks > all) {
            node = (unsigned)((uint64_t)r * n_nodes / n_ranks);
            nth = r - (unsigned)(((uint64_t)node * n_ranks + n_nodes - 1)
                                 / n_nodes);
        }
        machine->at[r] = cores[nth % n_cores];
        locate_node(words, node, &machine->at[r]);
    }
    return machine;
}

struct mpipe_machine *mpipe_machine_synthetic(const char *text,
                                              unsigned n_ranks,
                                              struct mpipe_error *err)
{
    struct words words;
    struct mpipe__location *cores = NULL;
    struct mpipe_machine *machine = NULL;
    unsigned n_cores, t;
    uint64_t n_nodes;

    if (text == NULL) {
        mpipe__error(err, -1, MPIPE_EINVAL, "the machine's words are NULL");
        return NULL;
    }
    if (parse_words(text, &words, err) != MPIPE_OK
        || synthetic_cores(words.inside, &cores, &n_cores, err) != MPIPE_OK)
        goto done;
    n_nodes = words.nodes;
    for (t = 0; t < words.n_tiers && n_nodes <= MAX_RANKS; t++)
        n_nodes *= words.switches[t];
    if (n_nodes > MAX_RANKS)
        mpipe__error(err, -1, MPIPE_EINVAL, "more than %u nodes: make the "
                     "machine smaller", MAX_RANKS);
    else
        machine = lay_ranks(&words, (unsigned)n_nodes, cores, n_cores,
                            n_ranks, err);
done:
    free(cores);
    return machine;
}

struct mpipe_machine *mpipe_machine_this(unsigned n_ranks,
                                         struct mpipe_error *err)
{
    static const struct words one_node = { .nodes = 1 };
    hwloc_topology_t topology = load_this();
    struct mpipe__location *cores = NULL;
    struct mpipe_machine *machine = NULL;
    unsigned n_cores, r;

    if (topology == NULL) {
        no_hwloc(err);
        return NULL;
    }
    if (cores_of(topology, NULL, &cores, &n_cores) != MPIPE_OK)
        mpipe__error(err, -1, MPIPE_ENOMEM, "no memory for this machine");
    else
        machine = lay_ranks(&one_node, 1, cores, n_cores, n_ranks, err);
    hwloc_topology_destroy(topology);
    free(cores);
    for (r = 0; machine != NULL && r < machine->n_ranks; r++) {
        struct mpipe__location *at = &machine->at[r];

        if (gethostname(at->host, sizeof at->host) != 0)
            strcpy(at->host, "localhost");
        at->host[sizeof at->host - 1] = '\0';
    }
    return machine;
}

/* ---- version ---- */

const char *mpipe_hwloc_version(void)
{
    return HWLOC_VERSION;
}
