/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of lifeline.c: processes that die, leave, or were never of the job. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "clock.h"
#include "lifeline.h"
#include "suite.h"

#define RANKS 6
#define WAIT_NS 10000000000u

/* What a rank does once it is connected. */
enum deed { STAY, LEAVE, DIE, CLOSE_ALL, EXIT, STOP, FORK, CRASH, OVERFLOW, ABORT,
            RECOVER };

struct child {
    pid_t pid;
    int heard[2];               /* the deaths that it hears of, an int each */
};

static int await(struct mpipe__lifeline *l)
{
    uint64_t until = mpipe__now() + WAIT_NS;
    int r;

    while ((r = mpipe__lifeline_next_death(l)) < 0 && mpipe__now() < until)
        usleep(1000);
    return r;
}

static volatile int mended;

static void mend(int number)
{
    (void)number;
    mended++;
}

/* Until the stack is at its end. */
static int deeper(volatile char *above)
{
    volatile char frame[4096];

    frame[0] = *above;
    return above == NULL ? 0 : deeper(frame) + frame[1];
}

static void crash(enum deed deed)
{
    char top = 0;
    volatile char *nowhere = mmap(NULL, 1, PROT_NONE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
    if (deed == CRASH)
        nowhere[0] = 1;
    if (deed == OVERFLOW)
        deeper(&top);
    if (deed == ABORT)
        abort();
    if (deed == RECOVER) {              /* by its own handler, and is killed later */
        raise(SIGFPE);
        if (mended == 1)
            raise(SIGFPE);
        if (mended == 2)
            raise(SIGKILL);
    }
}

/* A child that never execs stays.  Who it is goes out. */
static void fork_one(int out)
{
    pid_t pid = fork();

    if (pid == 0) {
        alarm(30);
        pause();
        _exit(0);
    }
    if (write(out, &pid, sizeof pid) != (ssize_t)sizeof pid)
        _exit(8);
}

static void live(const struct mpipe__lifeline_address *address, int rank,
                 enum deed deed, int out)
{
    struct mpipe__lifeline *l;
    int r;

    signal(SIGSEGV, SIG_DFL);       /* not a sanitizer's */
    if (deed == RECOVER)
        signal(SIGFPE, mend);
    if (deed == ABORT)
        signal(SIGABRT, mend);      /* which mends nothing: abort() goes on */
    l = mpipe__lifeline_connect(rank, RANKS, 30, address, NULL);

    if (l == NULL)
        _exit(9);
    if (deed == FORK)
        fork_one(out);
    if (deed == DIE || deed == FORK)
        raise(SIGKILL);
    if (deed == EXIT)
        _exit(0);
    if (deed == CLOSE_ALL)
        for (int fd = 3; fd < 100; fd++)
            if (fd != out)
                close(fd);
    if (deed == LEAVE)
        mpipe__lifeline_leave(l);
    if (deed == STOP)
        raise(SIGSTOP);
    if (deed >= CRASH)
        crash(deed);
    while (deed == STAY || deed == STOP) {
        r = await(l);
        if (write(out, &r, sizeof r) != (ssize_t)sizeof r || r <= 0)
            _exit(0);
    }
    pause();                        /* until end() */
    _exit(0);
}

static struct child start(const struct mpipe__lifeline_address *address,
                          int rank, enum deed deed)
{
    struct child c;

    CU_ASSERT_EQUAL_FATAL(pipe(c.heard), 0);
    fflush(NULL);
    c.pid = fork();
    if (c.pid == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(30);
        live(address, rank, deed, c.heard[1]);
    }
    close(c.heard[1]);
    return c;
}

static int heard(const struct child *c)
{
    int r = -2;

    return read(c->heard[0], &r, sizeof r) == (ssize_t)sizeof r ? r : -2;
}

static void end(struct child *c)
{
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    close(c->heard[0]);
}

/* Three end without a word and one with; two stay and hear of the three, and then
 * of rank 0. */
static void deaths(void)
{
    static const enum deed deed[RANKS] = { STAY, STAY, DIE, LEAVE, EXIT,
                                           CLOSE_ALL };
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(RANKS, 30, &address,
                                                       NULL);
    struct child child[RANKS];
    unsigned dead = 0, told = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    CU_ASSERT(address.n > 0 && address.port > 0);
    for (int r = 1; r < RANKS; r++)
        child[r] = start(&address, r, deed[r]);
    CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 10000), -1);
    for (int i = 0; i < 3; i++) {
        int r = await(l);
        CU_ASSERT_FATAL(r > 0 && r < RANKS);
        dead |= 1u << r;
    }
    CU_ASSERT_EQUAL(dead, 1u << 2 | 1u << 4 | 1u << 5);
    CU_ASSERT_EQUAL(mpipe__lifeline_next_death(l), -1);     /* not rank 3 */
    for (int i = 0; i < 3; i++) {
        int r = heard(&child[1]);
        CU_ASSERT_FATAL(r > 0 && r < RANKS);
        told |= 1u << r;
    }
    CU_ASSERT_EQUAL(told, dead);
    mpipe__lifeline_leave(l);
    /* it left in good order: that is no death, and nothing more is heard */
    for (int r = 1; r < RANKS; r++)
        end(&child[r]);
}

static void await_stop(pid_t pid)
{
    int status;

    CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, WUNTRACED), pid);
    CU_ASSERT_FATAL(WIFSTOPPED(status));
}

/* One is stopped and taken for dead, which all hear, and it too when it goes on.
 * One does nothing for as long, and lives: its thread answers. */
static void silence(void)
{
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(RANKS, 2, &address,
                                                       NULL);
    struct child child[RANKS];
    int status = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    for (int r = 1; r < RANKS; r++)
        child[r] = start(&address, r, r == 1 ? STAY : r == 2 ? STOP : LEAVE);
    CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 10000), -1);
    await_stop(child[2].pid);
    CU_ASSERT_EQUAL(await(l), 2);
    CU_ASSERT_EQUAL(mpipe__lifeline_cause(l, 2), MPIPE__SILENT);
    CU_ASSERT_EQUAL(mpipe__lifeline_next_death(l), -1);
    CU_ASSERT_EQUAL(heard(&child[1]), 2);
    CU_ASSERT_EQUAL(waitpid(child[2].pid, &status, WNOHANG), 0);
    kill(child[2].pid, SIGCONT);
    CU_ASSERT_EQUAL(heard(&child[2]), 2);
    mpipe__lifeline_leave(l);
    for (int r = 1; r < RANKS; r++)
        end(&child[r]);
}

/* They say of what signal they die, and then die of it; a handler that was there
 * before is called too, and if it mends what was wrong those words do not count.  Of
 * SIGKILL nobody can tell. */
static void crashes(void)
{
    static const struct { enum deed deed; int cause, signal; } row[RANKS] = {
        { STAY, 0, 0 }, { CRASH, SIGSEGV, SIGSEGV },
        { OVERFLOW, SIGSEGV, SIGSEGV }, { ABORT, SIGABRT, SIGABRT },
        { RECOVER, MPIPE__GONE, SIGKILL }, { DIE, MPIPE__GONE, SIGKILL }
    };
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(RANKS, 30, &address,
                                                       NULL);
    struct child child[RANKS];

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    for (int r = 1; r < RANKS; r++)
        child[r] = start(&address, r, row[r].deed);
    CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 10000), -1);
    for (int i = 1; i < RANKS; i++) {
        int r = await(l), status = 0;

        CU_ASSERT_FATAL(r > 0 && r < RANKS);
        waitpid(child[r].pid, &status, 0);
        CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == row[r].signal);
        CU_ASSERT_EQUAL(mpipe__lifeline_cause(l, r), row[r].cause);
        close(child[r].heard[0]);
    }
    mpipe__lifeline_leave(l);
}

/* All are stopped, rank 0 too, for longer than the timeout: that counts for
 * nobody.  Then one dies, which shows that rank 0 listens. */
static void all_stopped(void)
{
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(RANKS, 2, &address,
                                                       NULL);
    struct child child[RANKS];

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    for (int r = 1; r < RANKS; r++)
        child[r] = start(&address, r, STOP);
    CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 10000), -1);
    for (int r = 1; r < RANKS; r++)
        await_stop(child[r].pid);
    sleep(3);
    CU_ASSERT_EQUAL(mpipe__lifeline_next_death(l), -1);
    for (int r = 1; r < RANKS; r++)
        kill(child[r].pid, r == 2 ? SIGKILL : SIGCONT);
    CU_ASSERT_EQUAL(await(l), 2);
    CU_ASSERT_EQUAL(mpipe__lifeline_cause(l, 2), MPIPE__GONE);
    CU_ASSERT_EQUAL(heard(&child[1]), 2);
    mpipe__lifeline_leave(l);
    for (int r = 1; r < RANKS; r++)
        end(&child[r]);
}

/* One that has forked dies, and its child lives: that is a death at once. */
static void offspring(void)
{
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(RANKS, 300, &address, NULL);
    struct child child[RANKS];
    pid_t pid;

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    for (int r = 1; r < RANKS; r++)
        child[r] = start(&address, r, r == 3 ? FORK : r == 1 ? STAY : LEAVE);
    CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 10000), -1);
    CU_ASSERT_EQUAL(await(l), 3);
    CU_ASSERT_EQUAL(mpipe__lifeline_next_death(l), -1);
    CU_ASSERT_EQUAL(heard(&child[1]), 3);
    pid = (pid_t)heard(&child[3]);
    CU_ASSERT_FATAL(pid > 1);
    CU_ASSERT_EQUAL(kill(pid, SIGKILL), 0);
    mpipe__lifeline_leave(l);
    for (int r = 1; r < RANKS; r++)
        end(&child[r]);
}

/* Rank 0 itself dies, and a child of it lives. */
static void death_of_0(void)
{
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *mine;
    int ready[2];
    pid_t pid, its;

    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct mpipe__lifeline *l = mpipe__lifeline_listen(2, 30, &address,
                                                           NULL);
        if (write(ready[1], &address, sizeof address) < 0
            || mpipe__lifeline_accept(l, 10000) != -1)
            _exit(1);
        fork_one(ready[1]);
        raise(SIGKILL);
    }
    CU_ASSERT_EQUAL_FATAL(read(ready[0], &address, sizeof address),
                          (ssize_t)sizeof address);
    mine = mpipe__lifeline_connect(1, 2, 30, &address, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mine);
    CU_ASSERT_EQUAL(await(mine), 0);
    mpipe__lifeline_leave(mine);
    waitpid(pid, NULL, 0);
    CU_ASSERT_EQUAL(read(ready[0], &its, sizeof its), (ssize_t)sizeof its);
    CU_ASSERT_EQUAL(kill(its, SIGKILL), 0);
    close(ready[0]);
    close(ready[1]);
}

/* All part; or one dies instead, and the others know that before they go. */
static void parting(void)
{
    for (int dies = 0; dies <= 1; dies++) {
        struct mpipe__lifeline_address address;
        struct mpipe__lifeline *l = mpipe__lifeline_listen(4, 30, &address,
                                                           NULL);
        pid_t pid[4];
        int status;

        CU_ASSERT_PTR_NOT_NULL_FATAL(l);
        fflush(NULL);
        for (int r = 1; r < 4; r++) {
            pid[r] = fork();
            if (pid[r] == 0) {
                struct mpipe__lifeline *mine = mpipe__lifeline_connect(
                    r, 4, 30, &address, NULL);
                alarm(20);
                if (r == 2 && dies)
                    raise(SIGKILL);
                _exit(mine != NULL && mpipe__lifeline_part(mine) ? 7 : 8);
            }
        }
        CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 10000), -1);
        CU_ASSERT_EQUAL(mpipe__lifeline_part(l), !dies);
        for (int r = 1; r < 4; r++) {
            waitpid(pid[r], &status, 0);
            CU_ASSERT(r == 2 && dies ? WIFSIGNALED(status)
                      : WIFEXITED(status)
                        && WEXITSTATUS(status) == (dies ? 8 : 7));
        }
        mpipe__lifeline_leave(l);
    }
}

static bool is_mine(void *arg, unsigned flow)
{
    return flow == *(unsigned *)arg;
}

/* Whoever is not needed any more ends, if it is in what rank 0 names. */
static void dismissed(void)
{
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(3, 30, &address, NULL);
    int ready[2], status;
    pid_t pid[3];
    char byte;

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
    fflush(NULL);
    for (unsigned r = 1; r < 3; r++) {
        pid[r] = fork();
        if (pid[r] == 0) {
            struct mpipe__lifeline *mine = mpipe__lifeline_connect(
                (int)r, 3, 30, &address, NULL);
            alarm(20);
            mpipe__lifeline_heed(mine, is_mine, &r);
            for (byte = 0; write(ready[1], &byte, 1) == 1;)
                pause();
            _exit(9);
        }
    }
    CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 10000), -1);
    CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(read(ready[0], &byte, 1), 1);
    mpipe__lifeline_dismiss(l, 2, 1);
    mpipe__lifeline_dismiss(l, 1, 1);
    CU_ASSERT_EQUAL(await(l), 1);
    CU_ASSERT_EQUAL(mpipe__lifeline_cause(l, 1), MPIPE__LEFT);
    waitpid(pid[1], &status, 0);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CU_ASSERT_EQUAL(mpipe__lifeline_next_death(l), -1);
    kill(pid[2], SIGKILL);
    CU_ASSERT_EQUAL(await(l), 2);
    CU_ASSERT_EQUAL(mpipe__lifeline_cause(l, 2), MPIPE__GONE);
    waitpid(pid[2], &status, 0);
    mpipe__lifeline_leave(l);
    close(ready[0]);
    close(ready[1]);
}

static int knock(const struct mpipe__lifeline_address *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(address->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* Who does not know the token is sent away, and the rank itself still comes
 * in; one that does not come is named. */
static void strangers(void)
{
    struct mpipe__lifeline_address address, wrong;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(3, 30, &address, NULL);
    struct mpipe__lifeline *false_one, *one;
    int silent, rude;

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    silent = knock(&address);
    rude = knock(&address);
    CU_ASSERT(write(rude, "GET / HTTP/1.0\r\n\r\n", 18) == 18);
    wrong = address;
    wrong.token ^= 1;
    false_one = mpipe__lifeline_connect(1, 3, 30, &wrong, NULL);
    one = mpipe__lifeline_connect(1, 3, 30, &address, NULL);
    CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 1500), 2);
    CU_ASSERT_EQUAL(mpipe__lifeline_next_death(l), -1);
    CU_ASSERT_EQUAL(mpipe__lifeline_next_death(one), -1);
    close(silent);
    close(rude);
    mpipe__lifeline_leave(false_one);
    mpipe__lifeline_leave(one);
    CU_ASSERT_EQUAL(mpipe__lifeline_next_death(l), -1);
    mpipe__lifeline_leave(l);
}

/* The first words of a rank, as they go over the wire. */
struct words {
    uint32_t said;
    int32_t rank;
    uint64_t token;
};

/* On a busy machine a rank may be connected for long before it runs again and says who
 * it is; it may say half of that; and more strangers may come meanwhile than there is
 * room for. */
static void slow_words(void)
{
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(2, 30, &address, NULL);
    struct words words = { 1, 1, 0 };
    int status;
    pid_t pid;

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    words.token = address.token;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        int idle[70], fd = -1;

        alarm(20);
        for (int i = 0; i < 70; i++) {
            if (i == 20)
                fd = knock(&address);
            idle[i] = knock(&address);
        }
        usleep(400000);
        if (send(fd, &words, 6, MSG_NOSIGNAL) != 6)
            _exit(8);
        usleep(300000);
        if (send(fd, (char *)&words + 6, sizeof words - 6, MSG_NOSIGNAL) != 10)
            _exit(8);
        /* rank 0 has said nothing yet, and closes only what does not belong */
        if (recv(idle[0], &words, 1, 0) != 0 || recv(idle[69], &words, 1, 0) != 0)
            _exit(7);
        _exit(recv(fd, &words, 1, MSG_DONTWAIT) < 0 ? 0 : 9);
    }
    CU_ASSERT_EQUAL(mpipe__lifeline_accept(l, 5000), -1);
    CU_ASSERT_EQUAL(await(l), 1);
    waitpid(pid, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    mpipe__lifeline_leave(l);
}

static void nobody_there(void)
{
    struct mpipe__lifeline_address address;
    struct mpipe__lifeline *l = mpipe__lifeline_listen(2, 30, &address, NULL);
    struct mpipe_error err = { MPIPE_OK, -1, "" };

    mpipe__lifeline_leave(l);
    CU_ASSERT_PTR_NULL(mpipe__lifeline_connect(1, 2, 30, &address, &err));
    CU_ASSERT_EQUAL(err.code, MPIPE_EIO);
    CU_ASSERT_EQUAL(err.rank, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "cannot be reached"));
}

static const struct mpipe__test tests[] = {
    { "who ends without a word has died, and all hear of it", deaths },
    { "who is stopped is taken for dead, and hears of it", silence },
    { "who dies of a signal says of which", crashes },
    { "time in which rank 0 does not look makes nobody silent", all_stopped },
    { "who has forked dies at once, though its child lives", offspring },
    { "the others hear that rank 0 has died", death_of_0 },
    { "who parts knows whether all live", parting },
    { "who is dismissed ends, if it is in what is over", dismissed },
    { "strangers are sent away", strangers },
    { "who is slow to say who it is comes in", slow_words },
    { "nobody listens", nobody_there },
    { NULL, NULL }
};

const struct mpipe__suite suite_lifeline = { "lifeline", tests };
