/* KMS ports of a whole fleet in one process, on every address of 127.0.0.0/8: one answers each bind
 * with recorded bytes, one accepts and says nothing, one sends a byte a second, one refuses. Prints
 * their ports in that order. Composes nothing. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "machine.h"

#define EVENTS          64
#define CONNECTIONS_MAX 65536 /* and descriptors */

static const uint8_t ack[] = {
    5,    0,    12,   3,    0x10, 0,    0,    0,    60,   0,    0,    0,    2,    0,    0,
    0,    0xd0, 0x16, 0xd0, 0x16, 0x34, 0x12, 0,    0,    5,    0,    '1',  '6',  '8',  '8',
    0,    0,    1,    0,    0,    0,    0,    0,    0,    0,    0x04, 0x5d, 0x88, 0x8a, 0xeb,
    0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x00, 0x00,
};

enum act { ANSWER, HANG, DRIP, REFUSE, ACTS, CLOCK };

/* By its descriptor. */
struct peer {
    enum act act;
    int fd;
    bool accepts;
    size_t sent; /* of a drip */
    struct peer *next, *before;
};

static struct peer peers[CONNECTIONS_MAX];
static struct peer drips; /* head of a ring */
static int epoll;

static struct peer *watch(int fd, enum act act, bool accepts)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd >= CONNECTIONS_MAX || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        bench_die("epoll");
    }
    peers[fd] = (struct peer){.act = act, .fd = fd, .accepts = accepts};
    return &peers[fd];
}

/* Everywhere on the loopback interface, and nowhere else. */
static void open_port(enum act act)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") != 0 ||
        bind(fd, (struct sockaddr *)&address, len) != 0 ||
        (act != REFUSE && listen(fd, 4096) != 0) ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        bench_die("no socket");
    }
    if (act != REFUSE) {
        (void)watch(fd, act, true);
    }
    (void)printf("%d%c", ntohs(address.sin_port), act == REFUSE ? '\n' : ' ');
}

static void take_all(const struct peer *listener)
{
    int fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer *peer = watch(fd, listener->act, false);
        if (peer->act == DRIP) {
            peer->next = drips.next;
            peer->before = &drips;
            peer->next->before = drips.next = peer;
        }
    }
    if (errno != EAGAIN) {
        bench_die("accept");
    }
}

static void end(struct peer *peer)
{
    if (peer->next) {
        peer->next->before = peer->before;
        peer->before->next = peer->next;
    }
    (void)close(peer->fd);
}

static void hear(struct peer *peer)
{
    uint8_t bytes[512];
    ssize_t got = recv(peer->fd, bytes, sizeof bytes, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        end(peer);
    } else if (got > 0 && peer->act == ANSWER) {
        (void)send(peer->fd, ack, sizeof ack, MSG_NOSIGNAL);
    }
}

static void drip(int clock)
{
    uint64_t times;
    if (read(clock, &times, sizeof times) != (ssize_t)sizeof times) {
        return;
    }
    for (struct peer *peer = drips.next; peer != &drips; peer = peer->next) {
        if (peer->sent < sizeof ack) {
            (void)send(peer->fd, &ack[peer->sent++], 1, MSG_NOSIGNAL);
        }
    }
}

int main(void)
{
    struct epoll_event event[EVENTS];
    const struct itimerspec second = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
    bench_allow_many_files();
    drips.next = drips.before = &drips;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (epoll < 0 || clock < 0 || timerfd_settime(clock, 0, &second, NULL) != 0) {
        bench_die("no endpoint");
    }
    (void)watch(clock, CLOCK, false);
    for (int act = 0; act < ACTS; act++) {
        open_port((enum act)act);
    }
    (void)fflush(stdout);
    for (;;) {
        int count = epoll_wait(epoll, event, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct peer *peer = &peers[event[i].data.fd];
            if (peer->act == CLOCK) {
                drip(peer->fd);
            } else if (peer->accepts) {
                take_all(peer);
            } else {
                hear(peer);
            }
        }
    }
}
