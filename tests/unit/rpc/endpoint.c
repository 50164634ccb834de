/* A scripted TCP endpoint that behaves as told, for tests and demonstrations: answers no more than
 * a bind. Usage: rpc_endpoint ACT [ADDRESS [PORT [COUNT_FILE [SENT_FILE]]]]; prints its port, adds
 * to the first file a byte for each connection and to the second a line for each that was flooded,
 * with the bytes it took; ends with standard input. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/address.h"

static const uint8_t ack[] = {
    5,    0,    12,   3,    0x10, 0,    0,    0,    60,   0,    0,    0,    2,    0,    0,
    0,    0xd0, 0x16, 0xd0, 0x16, 0x34, 0x12, 0,    0,    5,    0,    '1',  '6',  '8',  '8',
    0,    0,    1,    0,    0,    0,    0,    0,    0,    0,    0x04, 0x5d, 0x88, 0x8a, 0xeb,
    0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x00, 0x00,
};
static const uint8_t other[60] = {
    5, 0, 12, 3, 0x10, 0, 0,   0,   60,  0, 0, 0, 2, 0, 0, 0, 0xd0, 0x16, 0xd0, 0x16,
    0, 1, 0,  0, 5,    0, '1', '3', '5', 0, 0, 0, 1, 0, 0, 0, 2,    0,    1,    0,
};
static uint8_t nak[] = {5, 0, 13, 3, 0x10, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 4, 0, 1, 5, 0};
static const char ssh[] = "SSH-2.0-OpenSSH_9.2p1\r\n";
static const char http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

/* nca_s_unk_if, without a run of the call */
static const uint8_t fault[32] = {5, 0, 3,  0x23, 0x10, 0, 0, 0, 32, 0, 0,    0,    2,    0,
                                  0, 0, 32, 0,    0,    0, 0, 0, 0,  0, 0x03, 0x00, 0x01, 0x1C};

enum ending { WAIT, CLOSE, RESET, FLOOD };

static const struct act {
    const char *name;
    const void *reply;
    size_t len;
    bool first;   /* speaks before the client does */
    int pause_ms; /* between bytes; 0: all at once */
    enum ending ending;
    const void *second; /* the reply to a second message; NULL: none */
    size_t second_len;
} acts[] = {
    {"accept", ack, sizeof ack, false, 0, WAIT, NULL, 0},
    {"other", other, sizeof other, false, 0, WAIT, NULL, 0},
    {"nak", nak, sizeof nak, false, 0, WAIT, NULL, 0},
    {"ssh", ssh, sizeof ssh - 1, true, 0, WAIT, NULL, 0},
    {"http", http, sizeof http - 1, false, 0, WAIT, NULL, 0},
    {"drip", ack, sizeof ack, false, 1000, WAIT, NULL, 0},
    {"garbage", "", 1, true, 0, FLOOD, NULL, 0},
    {"accept-garbage", ack, sizeof ack, false, 0, FLOOD, NULL, 0},
    {"silent", "", 0, false, 0, WAIT, NULL, 0},
    {"close", "", 0, false, 0, CLOSE, NULL, 0},
    {"reset", "", 0, false, 0, RESET, NULL, 0},
    {"fault", ack, sizeof ack, false, 0, WAIT, fault, sizeof fault},
    {"call-garbage", ack, sizeof ack, false, 0, WAIT, http, sizeof http - 1},
    {"call-close", ack, sizeof ack, false, 0, CLOSE, "", 0},
};

struct connection {
    const struct act *act;
    int fd;
    int count_fd, sent_fd; /* of the listener; -1: nobody counts */
};

static void reply(const struct connection *c)
{
    const uint8_t *bytes = c->act->reply;
    if (c->act->pause_ms == 0) {
        (void)send(c->fd, bytes, c->act->len, MSG_NOSIGNAL);
        return;
    }
    for (size_t i = 0; i < c->act->len; i++) {
        struct pollfd gone = {.fd = c->fd, .events = POLLRDHUP};
        if (send(c->fd, bytes + i, 1, MSG_NOSIGNAL) != 1 || poll(&gone, 1, c->act->pause_ms) != 0) {
            return;
        }
    }
}

/* Until the other side is gone. */
static void flood(const struct connection *c)
{
    static const uint8_t garbage[65536];
    unsigned long long all = 0;
    ssize_t sent;
    while ((sent = send(c->fd, garbage, sizeof garbage, MSG_NOSIGNAL)) > 0) {
        all += (unsigned long long)sent;
    }
    if (c->sent_fd >= 0) {
        (void)dprintf(c->sent_fd, "%llu\n", all);
    }
}

static void end(const struct connection *c)
{
    uint8_t rest[4096];
    switch (c->act->ending) {
    case WAIT:
        while (recv(c->fd, rest, sizeof rest, 0) > 0) {
        }
        break;
    case CLOSE:
        break;
    case RESET: {
        struct linger now = {.l_onoff = 1};
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        break;
    }
    case FLOOD:
        flood(c);
        break;
    }
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    uint8_t bytes[4096];
    if (c->act->first || recv(c->fd, bytes, sizeof bytes, 0) > 0) {
        reply(c);
        if (c->act->second && recv(c->fd, bytes, sizeof bytes, 0) > 0) {
            (void)send(c->fd, c->act->second, c->act->second_len, MSG_NOSIGNAL);
        }
        end(c);
    }
    (void)close(c->fd);
    free(c);
    return NULL;
}

static void *accept_all(void *arg)
{
    const struct connection *listener = arg;
    for (;;) {
        struct connection *c = malloc(sizeof *c);
        pthread_t thread;
        if (!c) {
            return NULL;
        }
        *c = *listener;
        c->fd = accept(listener->fd, NULL, NULL);
        bool counted = listener->count_fd < 0 || write(listener->count_fd, "+", 1) == 1;
        if (!counted || c->fd < 0 || pthread_create(&thread, NULL, serve, c) != 0) {
            free(c);
            return NULL;
        }
        (void)pthread_detach(thread);
    }
}

static int listen_at(const char *where, uint64_t port, int backlog)
{
    struct kms_address address;
    int yes = 1;
    if (port > 65535 || !kms_address_parse(where, (uint16_t)port, &address)) {
        return -1;
    }
    socklen_t len = kms_address_len(&address);
    int fd = socket(kms_address_family(&address), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(fd, &address.to.any, len) != 0 || (backlog >= 0 && listen(fd, backlog) != 0) ||
        getsockname(fd, &address.to.any, &len) != 0) {
        return -1;
    }
    uint16_t bound = kms_address_family(&address) == AF_INET6 ? address.to.v6.sin6_port
                                                              : address.to.v4.sin_port;
    /* A full queue of connections drops further ones without a word. */
    for (int i = 0; backlog == 0 && i < 4; i++) {
        int waiting = socket(kms_address_family(&address), SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(waiting, &address.to.any, len);
    }
    (void)printf("%u\n", (unsigned)ntohs(bound));
    (void)fflush(stdout);
    return fd;
}

/* "nak-3": the reason stands in the answer, and the act is that of "nak". */
static const char *take_reason(const char *name)
{
    static const char prefix[] = "nak-";
    uint64_t reason;
    if (!kms_text_starts(name, prefix) || !kms_text_u64(name + sizeof prefix - 1, &reason) ||
        reason > UINT16_MAX) {
        return name;
    }
    nak[16] = (uint8_t)(reason & 0xff);
    nak[17] = (uint8_t)(reason >> 8);
    return "nak";
}

static int open_count(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

int main(int argc, char **argv)
{
    const char *name = take_reason(argc > 1 ? argv[1] : "");
    uint64_t port = 0;
    struct connection listener = {.act = NULL, .fd = -1, .count_fd = -1, .sent_fd = -1};
    pthread_t thread;
    int backlog = 128;
    if (kms_text_equal(name, "refuse")) {
        backlog = -1;
    } else if (kms_text_equal(name, "drop")) {
        backlog = 0;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(acts); i++) {
        listener.act = kms_text_equal(acts[i].name, name) ? &acts[i] : listener.act;
    }
    if ((!listener.act && backlog > 0) || (argc > 3 && !kms_text_u64(argv[3], &port))) {
        (void)fputs(
            "usage: rpc_endpoint accept|other|nak[-REASON]|ssh|http|drip|garbage|accept-garbage|"
            "silent|close|reset|fault|call-garbage|call-close|refuse|drop [ADDRESS [PORT "
            "[COUNT_FILE [SENT_FILE]]]]\n",
            stderr);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    listener.fd = listen_at(argc > 2 ? argv[2] : "127.0.0.1", port, backlog);
    if (argc > 4) {
        listener.count_fd = open_count(argv[4]);
    }
    if (argc > 5) {
        listener.sent_fd = open_count(argv[5]);
    }
    if (listener.fd < 0 || (argc > 4 && listener.count_fd < 0) ||
        (argc > 5 && listener.sent_fd < 0)) {
        perror("rpc_endpoint");
        return 1;
    }
    if (listener.act && pthread_create(&thread, NULL, accept_all, &listener) != 0) {
        return 1;
    }
    while (getchar() != EOF) {
    }
    return 0;
}
