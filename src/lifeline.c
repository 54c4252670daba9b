/* SPDX-License-Identifier: BSD-3-Clause */
/* lifeline.c - a TCP connection from each rank to rank 0.
 *
 * What is said on it are records of 16 bytes.  Rank 0 keeps the deaths in the
 * order in which it heard of them, and how many of them each rank has been told:
 * so nothing needs to be queued.
 *
 * A process that is stopped keeps its connection, and its kernel answers for it.
 * So rank 0 asks each rank now and then whether it lives, and a thread of that rank
 * answers, for the rank itself may be in a long function; a thread is stopped with
 * its process.  Rounds without an answer are counted, not seconds, each once rank 0
 * has heard all that was said: time in which rank 0 does not look (it is in a long
 * function itself, or the whole job is stopped, or the computer sleeps) makes
 * nobody silent.  Nobody asks rank 0: as long as its kernel answers it is waited
 * for, since without it there is nothing to do.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "clock.h"
#include "error.h"
#include "last_words.h"
#include "lifeline.h"
#include "offspring.h"

#define BATCH      64
#define BACKLOG    1024
#define LOOK_MS    100              /* for what ranks say, in accept() */
#define CONNECT_MS 5000             /* to one address */
#define NOBODY     UINT32_MAX       /* epoll: the listener */
#define SPARE      64u              /* strangers beyond the ranks: whoever scans ports */
#define ROUNDS     8u               /* without an answer: it is taken for dead */
#define STACK_SIZE ((size_t)256 << 10)      /* of the thread that answers */

enum said { HELLO = 1, DIED, BYE, ASK, ANSWER, SIGNALLED, DISMISS, GOING };

struct record {
    uint32_t said;
    int32_t rank;                   /* SIGNALLED: the signal's number; DISMISS: the
                                       flow's */
    uint64_t token;
};

struct line {                       /* to one rank */
    int fd;                         /* -1: closed */
    int n_told;                     /* deaths */
    unsigned silent;                /* rounds since it was asked; 0: it answered */
    bool left, dead;
    int cause;                      /* dead: of what; or a signal that it said last */
    struct record in;               /* what has come of it */
    size_t n_in;
};

struct mpipe__lifeline {
    int rank, size;
    unsigned timeout_s;
    uint64_t token;
    int listener, epoll;            /* rank 0 only */
    struct line *line;              /* rank 0: one a rank; others: one, to it */
    int n_lines;
    /* rank 0, while it accepts: who has connected, and not said yet who it is; the
     * earliest makes way.  In epoll they come after the ranks. */
    struct line *stranger;
    uint32_t n_strangers, n_came;
    int *deaths, n_deaths, n_given;
    uint64_t next_round;            /* rank 0 */
    /* The others: the thread is the only one that hears, and what it has heard is
     * under the lock. */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_thread, ended;         /* the line is at its end */
    bool (*may_end)(void *arg, unsigned flow);
    void *may_end_arg;
    struct mpipe__offspring offspring;
};

/* ---- sockets ---- */

static void set(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value);
}

/* A host that does not answer for so long is gone. */
static void keep_alive(int fd, unsigned timeout_s)
{
    int each = timeout_s >= 6 ? (int)timeout_s / 6 : 1;

    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, each);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, each);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 5);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)timeout_s * 1000);
}

/* 16 bytes into an empty or nearly empty buffer: all of them go, or none. */
static bool say(int fd, enum said what, int rank, uint64_t token)
{
    struct record r = { (uint32_t)what, rank, token };

    return send(fd, &r, sizeof r, MSG_NOSIGNAL | MSG_DONTWAIT)
           == (ssize_t)sizeof r;
}

/* 1: a record is there; 0: not yet; -1: the other end is gone, for why see errno. */
static int hear(struct line *line)
{
    ssize_t n;

    n = recv(line->fd, (char *)&line->in + line->n_in,
             sizeof line->in - line->n_in, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0
                                                                         : -1;
    if (n == 0) {
        errno = 0;
        return -1;
    }
    line->n_in += (size_t)n;
    if (line->n_in < sizeof line->in)
        return 0;
    line->n_in = 0;
    return 1;
}

/* The end of a line that no kernel answers on any more, or another one. */
static int cause_of(int e)
{
    return e == ETIMEDOUT || e == EHOSTUNREACH || e == ENETUNREACH
           ? MPIPE__SILENT : MPIPE__GONE;
}

/* ---- start ---- */

static void close_strangers(struct mpipe__lifeline *l)
{
    for (uint32_t i = 0; i < l->n_strangers; i++)
        if (l->stranger[i].fd >= 0)
            close(l->stranger[i].fd);
    free(l->stranger);
    l->stranger = NULL;
    l->n_strangers = 0;
}

static bool expect_strangers(struct mpipe__lifeline *l)
{
    uint32_t n = (uint32_t)l->size + SPARE;

    l->stranger = calloc(n, sizeof *l->stranger);
    if (l->stranger == NULL)
        return false;
    l->n_strangers = n;
    for (uint32_t i = 0; i < n; i++)
        l->stranger[i].fd = -1;
    return true;
}

static uint64_t round_ns(const struct mpipe__lifeline *l)
{
    return (uint64_t)l->timeout_s * 1000000000u / ROUNDS;
}

/* In a process that this one has forked, which would else keep the lines tied when this
 * one dies. */
static void let_go(void *arg)
{
    struct mpipe__lifeline *l = arg;

    for (int i = 0; i < l->n_lines; i++) {
        if (l->line[i].fd >= 0)
            close(l->line[i].fd);
        l->line[i].fd = -1;
    }
    close_strangers(l);
    if (l->listener >= 0)
        close(l->listener);
    if (l->epoll >= 0)
        close(l->epoll);
    l->listener = l->epoll = -1;
    l->has_thread = false;              /* which is not there */
}

static struct mpipe__lifeline *new_lifeline(int rank, int size, int n_lines,
                                            unsigned timeout_s)
{
    struct mpipe__lifeline *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->rank = rank;
    l->size = size;
    l->timeout_s = timeout_s;
    l->listener = l->epoll = -1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    l->line = calloc((size_t)n_lines, sizeof *l->line);
    l->deaths = calloc((size_t)size, sizeof *l->deaths);
    if (l->line == NULL || l->deaths == NULL) {
        mpipe__lifeline_leave(l);
        return NULL;
    }
    l->n_lines = n_lines;
    for (int i = 0; i < n_lines; i++)
        l->line[i].fd = -1;
    mpipe__offspring_watch(&l->offspring, let_go, l);
    return l;
}

static void add_address(struct mpipe__lifeline_address *to,
                        const struct sockaddr *from)
{
    unsigned char *ip;

    if (from == NULL || to->n == MPIPE__LIFELINE_ADDRESSES)
        return;
    ip = to->ip[to->n];
    if (from->sa_family == AF_INET) {
        static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
        const struct sockaddr_in *in = (const void *)from;
        memcpy(ip, mapped, sizeof mapped);
        memcpy(ip + 12, &in->sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)from;
        if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
            return;             /* means something else elsewhere */
        memcpy(ip, &in6->sin6_addr, 16);
    } else {
        return;
    }
    to->n++;
}

/* All addresses of this host, loopback last: whoever shares it gets there by
 * any of them, and others not by that one. */
static void find_addresses(struct mpipe__lifeline_address *to)
{
    struct ifaddrs *all;

    if (getifaddrs(&all) != 0)
        return;
    for (int loopback = 0; loopback <= 1; loopback++)
        for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
            if ((i->ifa_flags & IFF_UP) != 0
                && ((i->ifa_flags & IFF_LOOPBACK) != 0) == (loopback == 1))
                add_address(to, i->ifa_addr);
    freeifaddrs(all);
}

/* Both kinds of addresses where there is IPv6, else IPv4. */
static int open_listener(uint16_t *port)
{
    struct sockaddr_in6 any6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in any4 = { .sin_family = AF_INET };
    socklen_t size = sizeof any6;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0) {
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
        if (bind(fd, (struct sockaddr *)&any6, sizeof any6) == 0
            && listen(fd, BACKLOG) == 0
            && getsockname(fd, (struct sockaddr *)&any6, &size) == 0) {
            *port = ntohs(any6.sin6_port);
            return fd;
        }
        close(fd);
    }
    size = sizeof any4;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&any4, sizeof any4) == 0
        && listen(fd, BACKLOG) == 0
        && getsockname(fd, (struct sockaddr *)&any4, &size) == 0) {
        *port = ntohs(any4.sin_port);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool watch(struct mpipe__lifeline *l, int fd, uint32_t who)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u32 = who };

    return epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

struct mpipe__lifeline *mpipe__lifeline_listen(
    int size, unsigned timeout_s, struct mpipe__lifeline_address *address,
    struct mpipe_error *err)
{
    struct mpipe__lifeline *l = new_lifeline(0, size, size, timeout_s);

    memset(address, 0, sizeof *address);
    if (l == NULL || !expect_strangers(l)) {
        mpipe__error(err, 0, MPIPE_ENOMEM, "no memory for lifelines");
        mpipe__lifeline_leave(l);
        return NULL;
    }
    if (getrandom(&l->token, sizeof l->token, 0) != (ssize_t)sizeof l->token)
        l->token = mpipe__today();
    l->listener = open_listener(&address->port);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->listener < 0 || l->epoll < 0 || !watch(l, l->listener, NOBODY)) {
        mpipe__error(err, 0, MPIPE_EIO, "rank 0 cannot listen for the "
                     "lifelines of the others: %s", strerror(errno));
        mpipe__lifeline_leave(l);
        address->port = 0;
        return NULL;
    }
    address->token = l->token;
    find_addresses(address);
    l->next_round = mpipe__now() + round_ns(l);
    return l;
}

/* Connected, or -1. */
static int connect_to(const unsigned char *ip, uint16_t port)
{
    struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
    struct sockaddr_in to4 = { .sin_family = AF_INET };
    bool v4;
    struct pollfd ready = { .events = POLLOUT };
    int fd, e = 0;
    socklen_t size = sizeof e;

    memcpy(&to6.sin6_addr, ip, 16);
    v4 = IN6_IS_ADDR_V4MAPPED(&to6.sin6_addr);
    memcpy(&to4.sin_addr, ip + 12, 4);
    to6.sin6_port = to4.sin_port = htons(port);
    fd = socket(v4 ? AF_INET : AF_INET6,
                SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, v4 ? (struct sockaddr *)&to4 : (struct sockaddr *)&to6,
                v4 ? sizeof to4 : sizeof to6) == 0)
        return fd;
    ready.fd = fd;
    if (errno == EINPROGRESS && poll(&ready, 1, CONNECT_MS) == 1
        && getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &size) == 0 && e == 0)
        return fd;
    close(fd);
    return -1;
}

/* ---- the others listen to it ---- */

static void add_death(struct mpipe__lifeline *l, int rank)
{
    if (l->n_deaths < l->size)
        l->deaths[l->n_deaths++] = rank;
}

static void take(struct mpipe__lifeline *l, const struct record *r)
{
    if (r->said == BYE)
        l->line[0].left = true;
    if (r->said == DIED && r->rank > 0 && r->rank < l->size)
        add_death(l, r->rank);
}

/* All is done, and nobody waits for what this process is in the midst of. */
static void heed(struct mpipe__lifeline *l, unsigned flow)
{
    bool may;

    pthread_mutex_lock(&l->lock);
    may = l->may_end != NULL && l->may_end(l->may_end_arg, flow);
    pthread_mutex_unlock(&l->lock);
    if (!may)
        return;
    say(l->line[0].fd, GOING, l->rank, l->token);
    _exit(0);
}

/* Until rank 0 has closed its end, or this rank leaves. */
static void *answer(void *arg)
{
    struct mpipe__lifeline *l = arg;
    struct line *line = &l->line[0];
    struct pollfd ready = { .fd = line->fd, .events = POLLIN };
    int heard;

    do {
        poll(&ready, 1, -1);
        heard = hear(line);
        if (heard == 1 && line->in.said == ASK) {
            say(line->fd, ANSWER, l->rank, l->token);
            continue;
        }
        if (heard == 1 && line->in.said == DISMISS) {
            heed(l, (unsigned)line->in.rank);
            continue;
        }
        pthread_mutex_lock(&l->lock);
        if (heard == 1)
            take(l, &line->in);
        if (heard < 0) {
            l->ended = true;
            line->cause = cause_of(errno);
            if (!line->left)
                add_death(l, 0);
        }
        pthread_cond_signal(&l->changed);
        pthread_mutex_unlock(&l->lock);
    } while (heard >= 0);
    return NULL;
}

/* In a signal handler. */
static void say_signal(void *arg, int number)
{
    struct mpipe__lifeline *l = arg;

    say(l->line[0].fd, number > 0 ? SIGNALLED : ANSWER, number, l->token);
}

/* Signals are not for this thread. */
static bool begin_to_answer(struct mpipe__lifeline *l)
{
    pthread_attr_t small;
    sigset_t all, old;

    if (pthread_attr_init(&small) != 0)
        return false;
    pthread_attr_setstacksize(&small, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    l->has_thread = pthread_create(&l->thread, &small, answer, l) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&small);
    return l->has_thread;
}

static void stop_answering(struct mpipe__lifeline *l)
{
    if (!l->has_thread)
        return;
    shutdown(l->line[0].fd, SHUT_RD);       /* which the thread hears as an end */
    pthread_join(l->thread, NULL);
    l->has_thread = false;
}

struct mpipe__lifeline *mpipe__lifeline_connect(
    int rank, int size, unsigned timeout_s,
    const struct mpipe__lifeline_address *address, struct mpipe_error *err)
{
    struct mpipe__lifeline *l = new_lifeline(rank, size, 1, timeout_s);
    struct line *line;

    if (l == NULL) {
        mpipe__error(err, rank, MPIPE_ENOMEM, "no memory for a lifeline");
        return NULL;
    }
    line = &l->line[0];
    l->token = address->token;
    for (unsigned i = 0; i < address->n && line->fd < 0; i++)
        line->fd = connect_to(address->ip[i], address->port);
    if (line->fd >= 0) {
        keep_alive(line->fd, timeout_s);
        if (!begin_to_answer(l))
            mpipe__error(err, rank, MPIPE_EIO, "no lifeline to rank 0: no thread "
                         "for it (a limit on processes?)");
        else if (say(line->fd, HELLO, rank, l->token)) {
            mpipe__last_words_watch(say_signal, l);
            return l;
        }
    }
    mpipe__error(err, rank, MPIPE_EIO, "no lifeline to rank 0: port %u of its "
                 "host cannot be reached (a firewall?)", address->port);
    mpipe__lifeline_leave(l);
    return NULL;
}

/* ---- rank 0 listens ---- */

/* A rank says who it is as soon as it is connected; but on a busy machine it may be a
 * while before it runs again. */
static void welcome(struct mpipe__lifeline *l)
{
    int fd = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    uint32_t i = l->n_came % l->n_strangers;

    if (fd < 0)
        return;
    if (!watch(l, fd, (uint32_t)l->size + i)) {
        close(fd);
        return;
    }
    if (l->stranger[i].fd >= 0)
        close(l->stranger[i].fd);
    l->stranger[i] = (struct line){ .fd = fd };
    l->n_came++;
}

static bool belongs(const struct mpipe__lifeline *l, const struct record *r)
{
    return r->said == HELLO && r->token == l->token && r->rank > 0
           && r->rank < l->size && l->line[r->rank].fd < 0
           && !l->line[r->rank].dead;
}

/* What a stranger says first: who it is, or it goes. */
static void get_to_know(struct mpipe__lifeline *l, struct line *stranger)
{
    int fd = stranger->fd, rank, heard;
    struct epoll_event event = { .events = EPOLLIN };

    if (fd < 0 || (heard = hear(stranger)) == 0)
        return;
    stranger->fd = -1;
    rank = stranger->in.rank;
    event.data.u32 = (uint32_t)rank;
    if (heard < 0 || !belongs(l, &stranger->in)
        || epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &event) != 0) {
        close(fd);
        return;
    }
    keep_alive(fd, l->timeout_s);
    l->line[rank].fd = fd;
}

static void died(struct mpipe__lifeline *l, int rank, int cause)
{
    struct line *line = &l->line[rank];

    if (line->dead)
        return;
    line->dead = true;
    if (line->cause == MPIPE__GONE)
        line->cause = cause;
    l->deaths[l->n_deaths++] = rank;
}

/* The line to a rank is at its end: a death, unless it had said that it leaves. */
static void cut(struct mpipe__lifeline *l, int rank, int cause)
{
    struct line *line = &l->line[rank];

    if (!line->left) {
        say(line->fd, DIED, rank, l->token);    /* should it live after all */
        died(l, rank, cause);
    }
    close(line->fd);
    line->fd = -1;
}

static void listen_to(struct mpipe__lifeline *l, int rank)
{
    struct line *line = &l->line[rank];
    int heard;

    if (line->fd < 0)
        return;
    while ((heard = hear(line)) == 1) {
        line->left |= line->in.said == BYE;
        line->silent = 0;
        /* whoever says more after that has gone on */
        line->cause = line->in.said == SIGNALLED && line->in.rank > 0
                      ? line->in.rank
                      : line->in.said == GOING ? MPIPE__LEFT : MPIPE__GONE;
    }
    if (heard < 0)
        cut(l, rank, cause_of(errno));
}

/* A round: all that was said has been heard. */
static void ask(struct mpipe__lifeline *l)
{
    for (int r = 1; r < l->size; r++) {
        struct line *line = &l->line[r];

        if (line->fd < 0 || line->left)
            continue;
        if (line->silent == ROUNDS)
            cut(l, r, MPIPE__SILENT);
        else if (line->silent++ == 0)
            say(line->fd, ASK, 0, l->token);
    }
    l->next_round = mpipe__now() + round_ns(l);
}

static void look(struct mpipe__lifeline *l, int wait_ms)
{
    struct epoll_event event[BATCH];
    int n;

    do {
        n = epoll_wait(l->epoll, event, BATCH, wait_ms);
        for (int i = 0; i < n; i++) {
            uint32_t who = event[i].data.u32;

            if (who == NOBODY)
                welcome(l);
            else if (who < (uint32_t)l->size)
                listen_to(l, (int)who);
            else if (who - (uint32_t)l->size < l->n_strangers)
                get_to_know(l, &l->stranger[who - (uint32_t)l->size]);
        }
        wait_ms = 0;
    } while (n == BATCH);
    if (mpipe__now() >= l->next_round)
        ask(l);
}

/* What each rank has not yet been told. */
static void tell(struct mpipe__lifeline *l)
{
    for (int r = 1; r < l->size; r++) {
        struct line *line = &l->line[r];
        while (line->fd >= 0 && line->n_told < l->n_deaths
               && say(line->fd, DIED, l->deaths[line->n_told], l->token))
            line->n_told++;
    }
}

int mpipe__lifeline_accept(struct mpipe__lifeline *l, unsigned wait_ms)
{
    uint64_t left = (uint64_t)wait_ms * 1000000, from, took;
    int missing;

    for (;;) {
        missing = -1;
        for (int r = l->size - 1; r > 0; r--)
            if (l->line[r].fd < 0 && !l->line[r].dead && !l->line[r].left)
                missing = r;
        if (missing < 0 || left == 0)
            break;
        from = mpipe__now();
        look(l, LOOK_MS);
        took = mpipe__now() - from;     /* more than a little: all stood still */
        took = took < 2 * LOOK_MS * 1000000 ? took : 2 * LOOK_MS * 1000000;
        left = took < left ? left - took : 0;
    }
    close(l->listener);
    l->listener = -1;
    close_strangers(l);
    return missing;
}

/* ---- all ---- */

int mpipe__lifeline_next_death(struct mpipe__lifeline *l)
{
    int rank;

    if (l->rank == 0 && l->n_given == l->n_deaths) {
        look(l, 0);
        if (l->n_deaths > 0)
            tell(l);
    }
    pthread_mutex_lock(&l->lock);
    rank = l->n_given < l->n_deaths ? l->deaths[l->n_given++] : -1;
    pthread_mutex_unlock(&l->lock);
    return rank;
}

int mpipe__lifeline_cause(struct mpipe__lifeline *l, int rank)
{
    int cause;

    if (l->rank > 0 && rank > 0)
        return MPIPE__GONE;         /* rank 0 alone is told of what */
    pthread_mutex_lock(&l->lock);
    cause = l->line[rank].cause;
    pthread_mutex_unlock(&l->lock);
    return cause;
}

void mpipe__lifeline_dismiss(struct mpipe__lifeline *l, int rank, unsigned flow)
{
    if (l->line[rank].fd >= 0 && !l->line[rank].left)
        say(l->line[rank].fd, DISMISS, (int)flow, l->token);
}

void mpipe__lifeline_heed(struct mpipe__lifeline *l,
                          bool (*may_end)(void *arg, unsigned flow), void *arg)
{
    pthread_mutex_lock(&l->lock);
    l->may_end = may_end;
    l->may_end_arg = arg;
    pthread_mutex_unlock(&l->lock);
}

static bool all_have_left(const struct mpipe__lifeline *l)
{
    for (int r = 1; r < l->size; r++)
        if (l->line[r].fd >= 0 && !l->line[r].left)
            return false;
    return true;
}

static bool part_last(struct mpipe__lifeline *l)
{
    while (!all_have_left(l)) {
        look(l, 100);
        tell(l);
    }
    tell(l);
    for (int r = 1; r < l->size; r++)
        if (l->line[r].fd >= 0)
            say(l->line[r].fd, BYE, 0, l->token);
    return l->n_deaths == 0;
}

bool mpipe__lifeline_part(struct mpipe__lifeline *l)
{
    bool all_live;

    if (l->rank == 0)
        return part_last(l);
    say(l->line[0].fd, BYE, l->rank, l->token);
    pthread_mutex_lock(&l->lock);
    while (!l->ended && !l->line[0].left)
        pthread_cond_wait(&l->changed, &l->lock);
    all_live = l->n_deaths == 0;
    pthread_mutex_unlock(&l->lock);
    return all_live;
}

void mpipe__lifeline_leave(struct mpipe__lifeline *l)
{
    if (l == NULL)
        return;
    mpipe__last_words_unwatch(l);
    mpipe__offspring_unwatch(&l->offspring);
    for (int i = 0; i < l->n_lines; i++) {
        if (l->line[i].fd < 0)
            continue;
        say(l->line[i].fd, BYE, l->rank, l->token);
        stop_answering(l);
        close(l->line[i].fd);
    }
    close_strangers(l);
    if (l->listener >= 0)
        close(l->listener);
    if (l->epoll >= 0)
        close(l->epoll);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l->line);
    free(l->deaths);
    free(l);
}
