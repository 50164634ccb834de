/* One process, one epoll: takes connections, compares what comes, sends what was recorded. */
#include "replay.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 8192 /* and descriptors */
#define EVENTS          64

struct connection {
    uint8_t came[KMS_RPC_PDU_MAX];
    size_t len, turn;
    bool held;
};

struct endpoint {
    const struct recording *recording;
    int epoll, listener, control;
    size_t hold, held;
    struct connection *connection; /* by descriptor */
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(const struct endpoint *endpoint, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(endpoint->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        die("epoll");
    }
}

static void take(struct endpoint *endpoint)
{
    int fd = accept4(endpoint->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= CONNECTIONS_MAX) {
        (void)close(fd);
    } else if (fd >= 0) {
        endpoint->connection[fd].len = 0;
        endpoint->connection[fd].turn = 0;
        endpoint->connection[fd].held = false;
        watch(endpoint, fd);
    }
}

/* Hangs up behind the last answer: the probe watches for that, and a bench is about the work and
 * not about the wait. */
static void answer(struct endpoint *endpoint, int fd)
{
    struct connection *connection = &endpoint->connection[fd];
    const struct pdu *pdu = &endpoint->recording->answered[connection->turn];
    connection->turn++;
    connection->len = 0;
    (void)send(fd, pdu->bytes, pdu->len, MSG_NOSIGNAL);
    if (connection->turn == endpoint->recording->answered_count) {
        (void)close(fd);
    }
}

static void hold(struct endpoint *endpoint, int fd)
{
    endpoint->connection[fd].held = true;
    endpoint->held++;
    if (endpoint->held == endpoint->hold && send(endpoint->control, "h", 1, MSG_NOSIGNAL) != 1) {
        die("control");
    }
}

static void let_go(struct endpoint *endpoint)
{
    char byte;
    if (recv(endpoint->control, &byte, 1, 0) != 1) {
        _exit(0);
    }
    endpoint->hold = 0;
    for (int fd = 0; fd < CONNECTIONS_MAX; fd++) {
        if (endpoint->connection[fd].held) {
            endpoint->connection[fd].held = false;
            answer(endpoint, fd);
        }
    }
}

static void hear(struct endpoint *endpoint, int fd)
{
    struct connection *connection = &endpoint->connection[fd];
    const struct recording *recording = endpoint->recording;
    ssize_t got = recv(fd, connection->came + connection->len,
                       sizeof connection->came - connection->len, 0);
    bool known = got > 0 && !connection->held && connection->turn < recording->asked_count &&
                 connection->turn < recording->answered_count;
    const struct pdu *asked = known ? &recording->asked[connection->turn] : NULL;
    connection->len += got > 0 ? (size_t)got : 0;
    if (!asked || connection->len > asked->len ||
        memcmp(connection->came, asked->bytes, connection->len) != 0) {
        connection->held = false;
        (void)close(fd);
    } else if (connection->len == asked->len && connection->turn == 1 && endpoint->hold > 0) {
        hold(endpoint, fd);
    } else if (connection->len == asked->len) {
        answer(endpoint, fd);
    }
}

static void serve(struct endpoint *endpoint)
{
    struct epoll_event event[EVENTS];
    watch(endpoint, endpoint->listener);
    watch(endpoint, endpoint->control);
    for (;;) {
        /* Never asleep: waking it would cost the client more than sending does, and the slower the
         * client the more often. */
        int count = epoll_wait(endpoint->epoll, event, EVENTS, 0);
        for (int i = 0; i < count; i++) {
            if (event[i].data.fd == endpoint->listener) {
                take(endpoint);
            } else if (event[i].data.fd == endpoint->control) {
                let_go(endpoint);
            } else {
                hear(endpoint, event[i].data.fd);
            }
        }
    }
}

/* Everywhere on the loopback interface, and nowhere else. */
static int listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") != 0 ||
        bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        die("no socket");
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

struct replay replay_start(const struct recording *recording, size_t hold)
{
    struct replay replay = {0};
    int pair[2];
    struct endpoint endpoint = {.recording = recording,
                                .hold = hold,
                                .listener = listen_on_loopback(&replay.port),
                                .epoll = epoll_create1(EPOLL_CLOEXEC),
                                .connection = calloc(CONNECTIONS_MAX, sizeof(struct connection))};
    if (endpoint.epoll < 0 || !endpoint.connection ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        die("no endpoint");
    }
    pid_t pid = fork();
    if (pid < 0) {
        die("fork");
    }
    if (pid == 0) {
        (void)close(pair[0]);
        endpoint.control = pair[1];
        serve(&endpoint);
    }
    (void)close(pair[1]);
    (void)close(endpoint.listener);
    (void)close(endpoint.epoll);
    free(endpoint.connection);
    replay.control = pair[0];
    return replay;
}
