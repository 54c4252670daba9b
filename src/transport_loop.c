/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_loop.c - many ranks in one process and one thread.
 *
 * For each (sender, receiver, channel) in use there is a lane: a queue of
 * messages without a receive, or of receives without a message, never both.
 * A match is made at once, in send() or recv(), and leaves a completion with
 * each side.  As with MPI, small messages are copied and their sends are over
 * at once, whether or not they are ever received; long ones are held by
 * reference until they are.  Nodes go back to free lists, so that a warm world
 * allocates nothing.  Nothing depends on a clock or an address.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "transport_loop.h"

enum {
    EAGER_MAX = 1024,           /* bytes: longer messages are not copied */
    LANES_MIN = 64,             /* slots; a power of two */
    PATIENCE = 100000           /* waits */
};

enum kind { MESSAGE, COPIED_MESSAGE, RECEIVE };

/* A message or a receive, first in a lane, then among its rank's completions.
 * A copied message is in a lane only. */
struct node {
    struct node *next;
    struct lane *lane;
    enum kind kind;
    enum mpipe_err error;
    void *data;                 /* only read where it belongs to a message */
    size_t size;                /* of the message; of a receive: capacity */
    void *cookie;
};

/* Where a copied message lies; when free, the link to the next free one. */
union bytes {
    union bytes *next;
    unsigned char data[EAGER_MAX];
};

struct list {
    struct node *first, *last;
    size_t n;
};

struct lane {
    int from, to;
    unsigned channel;
    struct list messages, receives;
};

struct rank {
    struct mpipe__transport transport;
    struct mpipe__loop_world *world;
    struct list done;
    mpipe__loop_turn_fn turn;
    void *turn_arg;
    unsigned active;            /* how often it is on the stack */
    bool dead;
    int n_told;                 /* deaths that it has been told of */
    int node;
    struct mpipe__box box;
};

struct mpipe__loop_world {
    int size;
    struct rank *ranks;
    struct lane **lanes;        /* open addressing, at most half full */
    size_t n_lanes, n_slots;
    struct node *free_nodes;
    union bytes *free_bytes;
    uint64_t moves, moves_seen; /* messages begun, matched, completed */
    unsigned long patience, quiet_waits;
    int *deaths, n_deaths;      /* in the order in which they came */
};

/* Lists and nodes. */

static void append(struct list *list, struct node *node)
{
    node->next = NULL;
    if (list->last != NULL)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
    list->n++;
}

static struct node *take_first(struct list *list)
{
    struct node *node = list->first;
    if (node != NULL) {
        list->first = node->next;
        if (list->first == NULL)
            list->last = NULL;
        list->n--;
    }
    return node;
}

static struct node *node_get(struct mpipe__loop_world *world)
{
    struct node *node = world->free_nodes;
    if (node != NULL)
        world->free_nodes = node->next;
    else
        node = malloc(sizeof *node);
    return node;
}

static void node_put(struct mpipe__loop_world *world, struct node *node)
{
    if (node == NULL)
        return;
    node->next = world->free_nodes;
    world->free_nodes = node;
}

static union bytes *bytes_get(struct mpipe__loop_world *world)
{
    union bytes *bytes = world->free_bytes;
    if (bytes != NULL)
        world->free_bytes = bytes->next;
    else
        bytes = malloc(sizeof *bytes);
    return bytes;
}

static void bytes_put(struct mpipe__loop_world *world, union bytes *bytes)
{
    bytes->next = world->free_bytes;
    world->free_bytes = bytes;
}

static void drop_copied(struct mpipe__loop_world *world, struct node *node)
{
    assert(node->kind == COPIED_MESSAGE);
    bytes_put(world, node->data);
    node_put(world, node);
}

/* Lanes. */

static size_t slot_of(const struct mpipe__loop_world *world, int from, int to,
                      unsigned channel)
{
    uint64_t h = ((uint64_t)(unsigned)from << 40) ^
                 ((uint64_t)(unsigned)to << 16) ^ channel;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(h >> 32) & (world->n_slots - 1);
}

/* The slot of this lane, or the empty one where it belongs. */
static struct lane **lane_find(const struct mpipe__loop_world *world, int from,
                               int to, unsigned channel)
{
    size_t i = slot_of(world, from, to, channel);
    for (;;) {
        struct lane *lane = world->lanes[i];
        if (lane == NULL || (lane->from == from && lane->to == to &&
                             lane->channel == channel))
            return &world->lanes[i];
        i = (i + 1) & (world->n_slots - 1);
    }
}

static bool lanes_grow(struct mpipe__loop_world *world)
{
    size_t i, n_old = world->n_slots;
    struct lane **old = world->lanes;
    struct lane **lanes = calloc(2 * n_old, sizeof *lanes);
    if (lanes == NULL)
        return false;
    world->lanes = lanes;
    world->n_slots = 2 * n_old;
    for (i = 0; i < n_old; i++)
        if (old[i] != NULL)
            *lane_find(world, old[i]->from, old[i]->to, old[i]->channel) =
                old[i];
    free(old);
    return true;
}

/* The lane, made if it is new; NULL: no memory. */
static struct lane *lane_get(struct mpipe__loop_world *world, int from, int to,
                             unsigned channel)
{
    struct lane **slot = lane_find(world, from, to, channel);
    if (*slot != NULL)
        return *slot;
    if (2 * (world->n_lanes + 1) > world->n_slots) {
        if (!lanes_grow(world))
            return NULL;
        slot = lane_find(world, from, to, channel);
    }
    *slot = calloc(1, sizeof **slot);
    if (*slot != NULL) {
        (*slot)->from = from;
        (*slot)->to = to;
        (*slot)->channel = channel;
        world->n_lanes++;
    }
    return *slot;
}

/* Matching. */

static void complete(struct mpipe__loop_world *world, int rank,
                     struct node *node, enum mpipe_err error)
{
    assert(node->kind != COPIED_MESSAGE);
    node->error = error;
    append(&world->ranks[rank].done, node);
}

/* A message of 'size' bytes reaches a receive. */
static void fill(struct mpipe__loop_world *world, struct node *receive,
                 const void *data, size_t size)
{
    size_t capacity = receive->size;
    receive->size = size;
    if (size > 0 && size <= capacity)
        memcpy(receive->data, data, size);
    complete(world, receive->lane->to, receive,
             size <= capacity ? MPIPE_OK : MPIPE_ELINK);
    world->moves++;
}

/* Leave a copy in the lane. */
static bool queue_copy(struct mpipe__loop_world *world, struct lane *lane,
                       const void *data, size_t size)
{
    struct node *node = node_get(world);
    union bytes *bytes = bytes_get(world);
    if (node == NULL || bytes == NULL) {
        if (bytes != NULL)
            bytes_put(world, bytes);
        node_put(world, node);
        return false;
    }
    if (size > 0)
        memcpy(bytes->data, data, size);
    *node = (struct node){ .lane = lane, .kind = COPIED_MESSAGE,
                           .data = bytes, .size = size };
    append(&lane->messages, node);
    return true;
}

static enum mpipe_err loop_send(struct mpipe__transport *t, int peer,
                                unsigned channel, const void *data,
                                size_t size, void *cookie)
{
    struct rank *self = (struct rank *)t;
    struct mpipe__loop_world *world = self->world;
    struct lane *lane;
    struct node *node;

    assert(peer >= 0 && peer < t->size && channel <= MPIPE__CHANNEL_MAX);
    assert(size <= MPIPE__MESSAGE_MAX && (data != NULL || size == 0));
    if (self->dead)
        return MPIPE_EMPI;
    lane = lane_get(world, t->rank, peer, channel);
    node = node_get(world);
    if (lane == NULL || node == NULL) {
        node_put(world, node);
        return MPIPE_ENOMEM;
    }
    *node = (struct node){ .lane = lane, .kind = MESSAGE,
                           .data = (void *)(uintptr_t)data, .size = size,
                           .cookie = cookie };
    if (world->ranks[peer].dead) {
        complete(world, t->rank, node, MPIPE_OK);
    } else if (lane->receives.n > 0) {
        fill(world, take_first(&lane->receives), data, size);
        complete(world, t->rank, node, MPIPE_OK);
    } else if (size > EAGER_MAX) {
        append(&lane->messages, node);
    } else if (queue_copy(world, lane, data, size)) {
        complete(world, t->rank, node, MPIPE_OK);
    } else {
        node_put(world, node);
        return MPIPE_ENOMEM;
    }
    world->moves++;
    return MPIPE_OK;
}

static enum mpipe_err loop_recv(struct mpipe__transport *t, int peer,
                                unsigned channel, void *data, size_t capacity,
                                void *cookie)
{
    struct rank *self = (struct rank *)t;
    struct mpipe__loop_world *world = self->world;
    struct lane *lane;
    struct node *node, *message;

    assert(peer >= 0 && peer < t->size && channel <= MPIPE__CHANNEL_MAX);
    assert(capacity <= MPIPE__MESSAGE_MAX && (data != NULL || capacity == 0));
    if (self->dead)
        return MPIPE_EMPI;
    lane = lane_get(world, peer, t->rank, channel);
    node = node_get(world);
    if (lane == NULL || node == NULL) {
        node_put(world, node);
        return MPIPE_ENOMEM;
    }
    *node = (struct node){ .lane = lane, .kind = RECEIVE, .data = data,
                           .size = capacity, .cookie = cookie };
    message = take_first(&lane->messages);
    if (message == NULL) {
        append(&lane->receives, node);
        return MPIPE_OK;
    }
    fill(world, node, message->data, message->size);
    if (message->kind == COPIED_MESSAGE)
        drop_copied(world, message);
    else
        complete(world, peer, message, MPIPE_OK);
    return MPIPE_OK;
}

static int loop_poll(struct mpipe__transport *t, struct mpipe__completion *done,
                     int max)
{
    struct rank *self = (struct rank *)t;
    struct node *node;
    int n = 0;

    while (n < max && (node = take_first(&self->done)) != NULL) {
        done[n].cookie = node->cookie;
        done[n].size = node->size;
        done[n].error = node->error;
        n++;
        node_put(self->world, node);
    }
    if (n > 0)
        self->world->moves++;
    return n;
}

static void loop_cancel(struct mpipe__transport *t, int peer, unsigned channel)
{
    struct rank *self = (struct rank *)t;
    struct mpipe__loop_world *world = self->world;
    struct lane *lane = *lane_find(world, peer, t->rank, channel);
    struct list done = self->done;
    struct node *node;

    if (lane == NULL)
        return;
    while ((node = take_first(&lane->receives)) != NULL)
        node_put(world, node);
    /* Nor may those come back that have their message already. */
    self->done = (struct list){ NULL, NULL, 0 };
    while ((node = take_first(&done)) != NULL) {
        if (node->kind == RECEIVE && node->lane == lane)
            node_put(world, node);
        else
            append(&self->done, node);
    }
}

/* Turns. */

/* 'self' has just begun another wait. */
static void report(const struct rank *self, FILE *out)
{
    const struct mpipe__loop_world *world = self->world;
    size_t i;
    int r;

    fprintf(out, "loop: no message has moved in %lu waits\n",
            world->quiet_waits);
    for (r = 0; r < world->size; r++) {
        const struct rank *rank = &world->ranks[r];
        fprintf(out, "loop: rank %d is %s%s; completions not taken: %zu\n", r,
                rank == self || rank->active > 0 ? "waiting" : "idle",
                rank->dead ? " and dead" : "", rank->done.n);
    }
    for (i = 0; i < world->n_slots; i++) {
        const struct lane *lane = world->lanes[i];
        if (lane == NULL || lane->messages.n + lane->receives.n == 0)
            continue;
        fprintf(out, "loop: rank %d -> rank %d, channel %u: ", lane->from,
                lane->to, lane->channel);
        if (lane->messages.n > 0)
            fprintf(out, "messages without a receive: %zu, the first of %zu"
                    " bytes\n", lane->messages.n, lane->messages.first->size);
        else
            fprintf(out, "receives without a message: %zu, the first for at"
                    " most %zu bytes\n", lane->receives.n,
                    lane->receives.first->size);
    }
}

static void lose_patience(const struct rank *self)
{
    struct mpipe__loop_world *world = self->world;
    if (world->moves != world->moves_seen) {
        world->moves_seen = world->moves;
        world->quiet_waits = 0;
    } else if (++world->quiet_waits >= world->patience &&
               world->patience > 0) {
        report(self, stderr);
        fflush(stderr);
        abort();
    }
}

/* A rank that waits within a nested turn gives no turns, nor does a dead one:
 * that bounds the depth of the stack to two turns a rank. */
static void loop_wait(struct mpipe__transport *t, unsigned timeout_us,
                      bool stir)
{
    struct rank *self = (struct rank *)t;
    struct mpipe__loop_world *world = self->world;
    int i;

    (void)timeout_us;
    (void)stir;
    lose_patience(self);
    if (self->dead || self->active > 1)
        return;
    /* The rank that the test itself drives is on the stack without a turn. */
    self->active++;
    for (i = 1; i < world->size; i++) {
        struct rank *other = &world->ranks[(t->rank + i) % world->size];
        if (other->dead || other->turn == NULL)
            continue;
        other->active++;
        other->turn(other->turn_arg, other->active > 1);
        other->active--;
    }
    self->active--;
}

/* A wait only gives others their turns. */
static void loop_wake(struct mpipe__transport *t)
{
    (void)t;
}

static void loop_abort(struct mpipe__transport *t, int code)
{
    fprintf(stderr, "rank %d ends the job with code %d\n", t->rank, code);
    abort();
}

static bool loop_near(struct mpipe__transport *t, int peer)
{
    struct rank *self = (struct rank *)t;

    return self->world->ranks[peer].node == self->node;
}

/* Deaths. */

/* To one that is dead itself, rank 0 is. */
static int loop_next_death(struct mpipe__transport *t)
{
    struct rank *self = (struct rank *)t;
    struct mpipe__loop_world *world = self->world;

    if (self->dead && self->n_told <= world->size) {
        self->n_told = world->size + 1;
        return 0;
    }
    return !self->dead && self->n_told < world->n_deaths
           ? world->deaths[self->n_told++] : -1;
}

static struct mpipe__box *loop_box(struct mpipe__transport *t, int peer)
{
    return loop_near(t, peer) ? &((struct rank *)t)->world->ranks[peer].box : NULL;
}

static void loop_abandon(struct mpipe__transport *t, int peer)
{
    struct rank *self = (struct rank *)t;
    struct mpipe__loop_world *world = self->world;
    struct node *node;
    size_t i;

    for (i = 0; i < world->n_slots; i++) {
        struct lane *lane = world->lanes[i];
        if (lane == NULL)
            continue;
        while (lane->from == peer && lane->to == t->rank
               && (node = take_first(&lane->receives)) != NULL)
            complete(world, t->rank, node, MPIPE_EDEAD);
        while (lane->from == t->rank && lane->to == peer
               && (node = take_first(&lane->messages)) != NULL)
            if (node->kind == COPIED_MESSAGE)
                drop_copied(world, node);
            else
                complete(world, t->rank, node, MPIPE_EDEAD);
    }
    world->moves++;
}

/* Leaving. */

/* Nothing of this rank stays in any lane.  What it has lent comes back among
 * its completions as failed. */
static void withdraw(struct mpipe__loop_world *world, int rank)
{
    struct node *node;
    size_t i;

    for (i = 0; i < world->n_slots; i++) {
        struct lane *lane = world->lanes[i];
        if (lane == NULL)
            continue;
        while (lane->from == rank &&
               (node = take_first(&lane->messages)) != NULL) {
            if (node->kind == COPIED_MESSAGE)
                drop_copied(world, node);
            else
                complete(world, rank, node, MPIPE_EMPI);
        }
        while (lane->to == rank &&
               (node = take_first(&lane->receives)) != NULL)
            complete(world, rank, node, MPIPE_EMPI);
    }
}

static void loop_free(struct mpipe__transport *t)
{
    struct rank *self = (struct rank *)t;
    struct node *node;
    if (t == NULL)
        return;
    withdraw(self->world, t->rank);
    while ((node = take_first(&self->done)) != NULL)
        node_put(self->world, node);
}

void mpipe__loop_kill(struct mpipe__loop_world *world, int rank)
{
    struct node *node;
    size_t i;

    assert(rank >= 0 && rank < world->size);
    if (world->ranks[rank].dead)
        return;
    world->ranks[rank].dead = true;
    withdraw(world, rank);
    for (i = 0; i < world->n_slots; i++) {
        struct lane *lane = world->lanes[i];
        if (lane == NULL || lane->to != rank)
            continue;
        while ((node = take_first(&lane->messages)) != NULL) {
            if (node->kind == COPIED_MESSAGE)
                drop_copied(world, node);
            else
                complete(world, lane->from, node, MPIPE_OK);
        }
    }
    world->deaths[world->n_deaths++] = rank;
    world->moves++;
}

/* The world. */

static const struct mpipe__transport_ops loop_ops = {
    .name = "loop",
    .send = loop_send,
    .recv = loop_recv,
    .poll = loop_poll,
    .cancel = loop_cancel,
    .wait = loop_wait,
    .wake = loop_wake,
    .abort = loop_abort,
    .near = loop_near,
    .next_death = loop_next_death,
    .abandon = loop_abandon,
    .box = loop_box,
    .free = loop_free
};

struct mpipe__loop_world *mpipe__loop_new(int size)
{
    struct mpipe__loop_world *world = calloc(1, sizeof *world);
    int r;

    assert(size > 0);
    if (world == NULL)
        return NULL;
    world->size = size;
    world->patience = PATIENCE;
    world->n_slots = LANES_MIN;
    world->ranks = calloc((size_t)size, sizeof *world->ranks);
    world->lanes = calloc(world->n_slots, sizeof *world->lanes);
    world->deaths = calloc((size_t)size, sizeof *world->deaths);
    if (world->ranks == NULL || world->lanes == NULL
        || world->deaths == NULL) {
        free(world->deaths);
        free(world->ranks);
        free(world->lanes);
        free(world);
        return NULL;
    }
    for (r = 0; r < size; r++) {
        struct rank *rank = &world->ranks[r];
        rank->transport.ops = &loop_ops;
        rank->box.root = MPIPE__NO_ROOT;
        rank->transport.rank = r;
        rank->transport.size = size;
        rank->world = world;
    }
    return world;
}

static void list_free(struct list *list)
{
    struct node *node;
    while ((node = take_first(list)) != NULL) {
        if (node->kind == COPIED_MESSAGE)
            free(node->data);
        free(node);
    }
}

void mpipe__loop_free(struct mpipe__loop_world *world)
{
    size_t i;
    int r;

    if (world == NULL)
        return;
    for (i = 0; i < world->n_slots; i++) {
        if (world->lanes[i] == NULL)
            continue;
        list_free(&world->lanes[i]->messages);
        list_free(&world->lanes[i]->receives);
        free(world->lanes[i]);
    }
    for (r = 0; r < world->size; r++)
        list_free(&world->ranks[r].done);
    while (world->free_nodes != NULL) {
        struct node *node = world->free_nodes;
        world->free_nodes = node->next;
        free(node);
    }
    while (world->free_bytes != NULL) {
        union bytes *bytes = world->free_bytes;
        world->free_bytes = bytes->next;
        free(bytes);
    }
    free(world->deaths);
    free(world->lanes);
    free(world->ranks);
    free(world);
}

struct mpipe__transport *mpipe__loop_transport(struct mpipe__loop_world *world,
                                               int rank)
{
    assert(rank >= 0 && rank < world->size);
    return &world->ranks[rank].transport;
}

void mpipe__loop_on_turn(struct mpipe__loop_world *world, int rank,
                         mpipe__loop_turn_fn turn, void *arg)
{
    assert(rank >= 0 && rank < world->size);
    world->ranks[rank].turn = turn;
    world->ranks[rank].turn_arg = arg;
}

void mpipe__loop_node(struct mpipe__loop_world *world, int rank, int node)
{
    assert(rank >= 0 && rank < world->size);
    world->ranks[rank].node = node;
}

void mpipe__loop_patience(struct mpipe__loop_world *world, unsigned long waits)
{
    world->patience = waits;
    world->quiet_waits = 0;
}
