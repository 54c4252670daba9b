/* SPDX-License-Identifier: BSD-3-Clause */
/* cable.c - a long cable, for tests/cluster: what goes in at one end comes out at the
 * other after a delay.  (The kernel can do that as well, with sch_netem, but is seldom
 * built with it.)
 *
 *      cable ONE OTHER DELAY_US
 *
 * ONE and OTHER are the ends, network interfaces (TAP) that it makes; they go when it
 * ends.  Frames keep their order.  One may be up to 64 KiB long, as between the
 * interfaces of one machine (IFF_VNET_HDR).  What does not fit is lost, as in a switch
 * whose buffer is full.  The first line on stdout says that the ends are there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX (128u << 10)
#define UNDER_WAY_MAX (64u << 20)       /* bytes in one direction */
#define SECOND UINT64_C(1000000000)

struct frame {
    struct frame *next;
    uint64_t due;                       /* in ns, when it arrives */
    size_t size;
    char data[];
};

struct direction {
    int from, to;
    struct frame *first, *last;
    size_t under_way;                   /* bytes */
};

static void give_up(const char *what)
{
    fprintf(stderr, "cable: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static int make_end(const char *name)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int end = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (end < 0)
        give_up("/dev/net/tun");
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (ioctl(end, TUNSETIFF, &request) != 0
        || ioctl(end, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
        give_up(name);
    return end;
}

/* One frame into the cable; false when there is none. */
static int take(struct direction *d, uint64_t delay)
{
    static char data[FRAME_MAX];
    ssize_t size = read(d->from, data, sizeof data);
    struct frame *frame;

    if (size <= 0)
        return 0;
    if (d->under_way + (size_t)size > UNDER_WAY_MAX)
        return 1;
    frame = malloc(sizeof *frame + (size_t)size);
    if (frame == NULL)
        give_up("a frame");
    *frame = (struct frame){ .due = now() + delay, .size = (size_t)size };
    memcpy(frame->data, data, (size_t)size);
    if (d->first == NULL)
        d->first = frame;
    else
        d->last->next = frame;
    d->last = frame;
    d->under_way += frame->size;
    return 1;
}

/* What has arrived, out of the cable; the far end may be down, or full. */
static void hand_out(struct direction *d, uint64_t at)
{
    while (d->first != NULL && d->first->due <= at) {
        struct frame *frame = d->first;

        if (write(d->to, frame->data, frame->size) < 0 && errno != EIO
            && errno != EAGAIN && errno != ENOBUFS)
            give_up("a frame");
        d->first = frame->next;
        d->under_way -= frame->size;
        free(frame);
    }
}

/* Sleep until a frame comes in or the first one arrives. */
static void wait_for(const struct direction d[2])
{
    struct pollfd in[2] = { { d[0].from, POLLIN, 0 }, { d[1].from, POLLIN, 0 } };
    struct timespec left;
    uint64_t first = UINT64_MAX, at = now();

    for (int i = 0; i < 2; i++)
        if (d[i].first != NULL && d[i].first->due < first)
            first = d[i].first->due;
    first = first <= at ? 0 : first - at;
    left.tv_sec = (time_t)(first / SECOND % 1000);
    left.tv_nsec = (long)(first % SECOND);
    ppoll(in, 2, &left, NULL);
}

int main(int argc, char **argv)
{
    struct direction d[2] = { 0 };
    uint64_t delay;

    if (argc != 4)
        return fputs("Usage: cable ONE OTHER DELAY_US\n", stderr), 2;
    d[0].from = d[1].to = make_end(argv[1]);
    d[1].from = d[0].to = make_end(argv[2]);
    delay = strtoull(argv[3], NULL, 10) * 1000;
    prctl(PR_SET_TIMERSLACK, 1ul);
    setpriority(PRIO_PROCESS, 0, -20);      /* ranks may keep the cores busy */
    puts("there");
    fflush(stdout);
    for (;;) {
        for (int i = 0; i < 2; i++) {
            hand_out(&d[i], now());
            for (int n = 0; n < 32 && take(&d[i], delay); n++)
                continue;
        }
        wait_for(d);
    }
}
