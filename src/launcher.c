/* SPDX-License-Identifier: BSD-3-Clause */
/* launcher.c - what ranks tell `mpipe run` of the start, and get from it.
 *
 * The file has one line at a time: nothing, "start", "here", and in the end the exit
 * code, the number of the dead and "end"; then "start" again, if the program begins
 * another session.  It is there on the launcher's host only, and is not made anew
 * elsewhere.  What cannot be written is not told: then the launcher just waits.
 *
 * Rank 0 says the same on a connection to the launcher, if it can be had: as long as it
 * stands rank 0 lives.  It is the process's, so this file has state of its own.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "clock.h"
#include "launcher.h"
#include "offspring.h"

#define CALL_NS 3000000000u     /* for all addresses of the launcher's */

static int line = -1;
static struct mpipe__offspring offspring;

static void say(const char *words)
{
    if (line >= 0)
        send(line, words, strlen(words), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* If the file ends with 'before' ("": is empty), then 'word' in its place. */
static void tell(const char *before, const char *word)
{
    const char *path = getenv("MPIPE_STATUS_FILE");
    char now[64];
    ssize_t n, most = (ssize_t)strlen(before);
    int fd;

    if (path == NULL || path[0] == '\0')
        return;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    n = read(fd, now, sizeof now);
    if (n >= most && (n == 0 || most > 0)
        && memcmp(now + n - most, before, (size_t)most) == 0
        && pwrite(fd, word, strlen(word), 0) == (ssize_t)strlen(word))
        n = ftruncate(fd, (off_t)strlen(word));
    close(fd);
}

void mpipe__launcher_start(void)
{
    tell("", "start\n");
    tell(" end\n", "start\n");          /* another session */
    say("start\n");
}

void mpipe__launcher_here(void)
{
    tell("start\n", "here\n");
    say("here\n");
}

/* What the file says of another session that has ended is kept if it is worse. */
static void keep_worse(const char *now, int *code, int *n_dead)
{
    int its_code, its_dead;

    if (sscanf(now, "%d %d", &its_code, &its_dead) != 2)
        return;
    if (*code == 0)
        *code = its_code;
    *n_dead += its_dead;
}

bool mpipe__launcher_end(int code, int n_dead, const char *how)
{
    const char *path = getenv("MPIPE_STATUS_FILE");
    char row[64];
    ssize_t n;
    int fd, length;
    bool told;

    snprintf(row, sizeof row, "%d %d %s\n", code, n_dead, how);
    say(row);
    if (path == NULL || path[0] == '\0')
        return true;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;         /* it is the launcher's host's */
    flock(fd, LOCK_EX);
    n = read(fd, row, sizeof row - 1);
    row[n > 0 ? n : 0] = '\0';
    keep_worse(row, &code, &n_dead);
    length = snprintf(row, sizeof row, "%d %d %s\n", code, n_dead, how);
    told = pwrite(fd, row, (size_t)length, 0) == length && ftruncate(fd, length) == 0;
    return (close(fd) == 0) & told;
}

/* ---- the line ---- */

static void hang_up(void *arg)
{
    (void)arg;
    if (line >= 0)
        close(line);
    line = -1;
}

/* Connected, or -1. */
static int connect_to(const char *ip, unsigned port, uint64_t until)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct pollfd ready = { .events = POLLOUT };
    uint64_t now = mpipe__now();
    int e = 0;
    socklen_t size = sizeof e;

    if (now >= until || inet_pton(AF_INET, ip, &to.sin_addr) != 1)
        return -1;
    ready.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ready.fd < 0)
        return -1;
    if (connect(ready.fd, (struct sockaddr *)&to, sizeof to) == 0
        || (errno == EINPROGRESS
            && poll(&ready, 1, (int)((until - now) / 1000000)) == 1
            && getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &e, &size) == 0 && e == 0))
        return ready.fd;
    close(ready.fd);
    return -1;
}

/* MPIPE_LAUNCHER is "TOKEN,PORT,ADDRESS,...". */
void mpipe__launcher_call(unsigned timeout_s)
{
    const char *place = getenv("MPIPE_LAUNCHER");
    uint64_t until = mpipe__now() + CALL_NS;
    char token[32], words[64], ip[INET_ADDRSTRLEN];
    unsigned port;
    int at = 0, n;

    if (line >= 0 || place == NULL || sscanf(place, "%31[^,],%u%n", token, &port, &at) != 2)
        return;
    for (place += at; line < 0 && sscanf(place, ",%15[0-9.]%n", ip, &n) == 1; place += n)
        line = connect_to(ip, port, until);
    if (line < 0)
        return;
    mpipe__offspring_watch(&offspring, hang_up, NULL);
    snprintf(words, sizeof words, "%s %u\nstart\n", token, timeout_s);
    say(words);
}

/* An open file that comes through the socket; -1: none. */
static int receive(int fd)
{
    char byte;
    struct iovec data = { &byte, 1 };
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
                              .msg_control = control.space,
                              .msg_controllen = sizeof control.space };
    struct cmsghdr *c;
    int got = -1;

    if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    c = CMSG_FIRSTHDR(&message);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(&got, CMSG_DATA(c), sizeof got);
    return got;
}

void mpipe__launcher_stdout(void)
{
    const char *path = getenv("MPIPE_STDOUT");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int fd, out = -1;

    /* the launcher's is a terminal: anything else the user has put there */
    if (path == NULL || strlen(path) >= sizeof to.sun_path || !isatty(STDOUT_FILENO))
        return;
    strcpy(to.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        out = receive(fd);
    if (fd >= 0)
        close(fd);
    if (out < 0)
        return;
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
}
