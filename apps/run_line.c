/* SPDX-License-Identifier: BSD-3-Clause */
/* run_line.c - a line on which rank 0 tells `mpipe run` how far it is, from any host.
 *
 * An mpirun that lets the others go on after a death does not end, or say anything, when
 * rank 0 dies on another host.  A TCP connection does: its end is that of the process,
 * and keep-alive finds a host that is lost.  Rank 0 calls (src/launcher.c), and says
 *
 *     TOKEN SECONDS       from MPIPE_LAUNCHER, and its --peer-timeout
 *     start | here | CODE DEATHS end | CODE DEATHS abort
 *
 * a line each.  Whoever does not know the token is not listened to.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "run_line.h"

#define CALLERS_MOST 16u
#define ADDRESSES_MOST 8u

struct caller {
    int fd;                     /* -1: gone */
    bool known;                 /* the token was right */
    char text[128];             /* a line that is not whole yet */
    size_t n;
    struct run_said said;
};

static int listener = -1;
static char token[32];
static struct caller caller[CALLERS_MOST];
static unsigned n_callers;

void run_said_read(struct run_said *said, const char *line)
{
    char word[16] = "", how[16] = "";
    int deaths = 0;

    if (sscanf(line, "%15s %d %15s", word, &deaths, how) < 1)
        return;
    if (strcmp(word, "start") == 0)
        *said = (struct run_said){ RUN_STARTING, 0, 0 };
    else if (strcmp(word, "here") == 0)
        *said = (struct run_said){ RUN_HERE, 0, 0 };
    else if (isdigit((unsigned char)word[0]))
        *said = (struct run_said){
            strcmp(how, "abort") == 0 ? RUN_ABORTED : RUN_ENDED, atoi(word), deaths
        };
}

/* ---- the place ---- */

/* Which others can reach: this host's addresses, loopback last. */
static void name_addresses(char *to, size_t size)
{
    struct ifaddrs *all;
    unsigned named = 0;

    if (getifaddrs(&all) != 0)
        return;
    for (int loopback = 0; loopback <= 1; loopback++)
        for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
            char text[INET_ADDRSTRLEN];
            const struct sockaddr_in *in = (const void *)i->ifa_addr;
            size_t n = strlen(to);

            if (in == NULL || in->sin_family != AF_INET || named == ADDRESSES_MOST
                || (i->ifa_flags & IFF_UP) == 0
                || ((i->ifa_flags & IFF_LOOPBACK) != 0) != (loopback == 1)
                || inet_ntop(AF_INET, &in->sin_addr, text, sizeof text) == NULL)
                continue;
            snprintf(to + n, size - n, ",%s", text);
            named++;
        }
    freeifaddrs(all);
}

void run_line_open(void)
{
    struct sockaddr_in any = { .sin_family = AF_INET };
    socklen_t size = sizeof any;
    char place[512];
    uint64_t secret = 0;

    unsetenv("MPIPE_LAUNCHER");
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return;
    if (getrandom(&secret, sizeof secret, 0) != (ssize_t)sizeof secret
        || bind(listener, (struct sockaddr *)&any, sizeof any) != 0
        || listen(listener, 8) != 0
        || getsockname(listener, (struct sockaddr *)&any, &size) != 0) {
        run_line_close();
        return;
    }
    snprintf(token, sizeof token, "%016llx", (unsigned long long)secret);
    snprintf(place, sizeof place, "%s,%u", token, (unsigned)ntohs(any.sin_port));
    name_addresses(place, sizeof place);
    setenv("MPIPE_LAUNCHER", place, 1);
}

void run_line_close(void)
{
    if (listener >= 0)
        close(listener);
    listener = -1;
    for (unsigned i = 0; i < n_callers; i++)
        if (caller[i].fd >= 0)
            close(caller[i].fd);
    n_callers = 0;
}

/* ---- who calls ---- */

static void set(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof value);
}

/* A host that does not answer for so long is gone. */
static void keep_alive(int fd, int seconds)
{
    int each = seconds >= 6 ? seconds / 6 : 1;

    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, each);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, each);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, 5);
}

static void take_line(struct caller *c)
{
    char word[32] = "";
    int seconds = 0;

    if (c->known) {
        run_said_read(&c->said, c->text);
        return;
    }
    if (sscanf(c->text, "%31s %d", word, &seconds) == 2 && strcmp(word, token) == 0) {
        c->known = true;
        keep_alive(c->fd, seconds);
        return;
    }
    close(c->fd);
    c->fd = -1;
}

static void listen_to(struct caller *c)
{
    char byte;
    ssize_t n;

    while (c->fd >= 0 && (n = recv(c->fd, &byte, 1, MSG_DONTWAIT)) != -1) {
        if (n == 0) {
            close(c->fd);
            c->fd = -1;
        } else if (byte == '\n') {
            c->text[c->n] = '\0';
            c->n = 0;
            take_line(c);
        } else if (c->n < sizeof c->text - 1) {
            c->text[c->n++] = byte;
        }
    }
    if (c->fd >= 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        close(c->fd);
        c->fd = -1;
    }
}

/* Strangers give their place to whoever comes next. */
static void welcome(void)
{
    int fd;

    while (listener >= 0
           && (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        unsigned i = 0;

        while (i < n_callers && (caller[i].known || caller[i].fd >= 0))
            i++;
        if (i == CALLERS_MOST) {
            close(fd);
            continue;
        }
        caller[i] = (struct caller){ .fd = fd };
        if (i == n_callers)
            n_callers++;
    }
}

bool run_line_hear(struct run_said *said, bool *gone)
{
    struct run_said all = { RUN_ENDED, 0, 0 };
    unsigned known = 0;

    *gone = false;
    welcome();
    for (unsigned i = 0; i < n_callers; i++) {
        const struct caller *c = &caller[i];

        listen_to(&caller[i]);
        if (!c->known)
            continue;
        known++;
        if (c->said.stage == RUN_ABORTED || (c->said.stage < all.stage
                                             && all.stage != RUN_ABORTED))
            all.stage = c->said.stage;
        if (all.code == 0)
            all.code = c->said.code;
        all.deaths += c->said.deaths;
    }
    /* one that is gone before its end, or all at theirs */
    for (unsigned i = 0, left = known; i < n_callers; i++)
        if (caller[i].known && caller[i].fd < 0)
            *gone |= --left == 0 || caller[i].said.stage < RUN_ENDED;
    if (known > 0)
        *said = all;
    return known > 0;
}
