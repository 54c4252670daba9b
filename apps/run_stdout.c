/* SPDX-License-Identifier: BSD-3-Clause */
/* run_stdout.c - rank 0 writes to the stdout of `mpipe run` itself.
 *
 * mpirun of Open MPI 5 hands on what ranks print by lines, and a part of a line of
 * stdout may come out on stderr, or not at all (doc/rationale.md).  So results do not
 * go that way: a thread gives the open stdout to rank 0, which asks for it through a
 * socket (src/launcher.c).  A rank 0 on another host finds no socket, and prints as
 * ever.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "run_stdout.h"

static struct {
    int fd;                     /* listens */
    bool offered;
    pthread_t thread;
    struct sockaddr_un address;
} offer;

/* One byte, and the open file beside it. */
static void hand_over(int fd)
{
    char byte = 1;
    struct iovec data = { &byte, 1 };
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = { .space = { 0 } };
    struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1,
                              .msg_control = control.space,
                              .msg_controllen = sizeof control.space };
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    int out = STDOUT_FILENO;

    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof out);
    memcpy(CMSG_DATA(c), &out, sizeof out);
    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
        fprintf(stderr, "mpipe run: stdout cannot be given to rank 0: %s; mpirun "
                "hands it on\n", strerror(errno));
}

static void *serve(void *arg)
{
    int fd;

    (void)arg;
    while ((fd = accept4(offer.fd, NULL, NULL, SOCK_CLOEXEC)) >= 0
           || errno == EINTR || errno == ECONNABORTED) {
        if (fd < 0)
            continue;
        hand_over(fd);
        close(fd);
    }
    return NULL;                /* run_stdout_withdraw() has shut it down */
}

/* A socket that nobody else may connect to. */
static bool begin_to_listen(void)
{
    mode_t old = umask(077);
    bool bound = bind(offer.fd, (struct sockaddr *)&offer.address,
                      sizeof offer.address) == 0;

    umask(old);
    if (bound && listen(offer.fd, 8) == 0)
        return true;
    if (bound)
        unlink(offer.address.sun_path);
    return false;
}

/* The signals are for the thread that began. */
static bool begin_to_serve(void)
{
    sigset_t all, old;
    bool began;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    began = pthread_create(&offer.thread, NULL, serve, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return began;
}

bool run_stdout_offer(const char *path)
{
    if (strlen(path) >= sizeof offer.address.sun_path)
        return false;
    offer.address.sun_family = AF_UNIX;
    strcpy(offer.address.sun_path, path);
    offer.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (offer.fd < 0)
        return false;
    if (begin_to_listen()) {
        offer.offered = begin_to_serve();
        if (offer.offered)
            return true;
        unlink(path);
    }
    close(offer.fd);
    return false;
}

void run_stdout_withdraw(void)
{
    if (!offer.offered)
        return;
    offer.offered = false;
    shutdown(offer.fd, SHUT_RDWR);
    pthread_join(offer.thread, NULL);
    close(offer.fd);
    unlink(offer.address.sun_path);
}
