/* A name server that gives the same bad answer to every question, for tests and demonstrations.
 * Usage: dns_endpoint ACT [ADDRESS [PORT]]; prints its port, ends with standard input. */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "dns/answer.h"
#include "net/address.h"

enum { HEADER = 12, MESSAGE_MAX = 512 };

enum manner {
    ANSWER, /* header and question with the code, nothing else */
    SILENT, /* takes every question and says nothing */
    BROKEN, /* promises a record that ends in the middle */
    CLOSED  /* nobody listens on the port, and nobody else can */
};

static const struct act {
    const char *name;
    enum manner manner;
    uint8_t rcode;
} acts[] = {
    {"nodata", ANSWER, KMS_DNS_NOERROR},    {"nxdomain", ANSWER, KMS_DNS_NXDOMAIN},
    {"servfail", ANSWER, KMS_DNS_SERVFAIL}, {"refused", ANSWER, KMS_DNS_REFUSED},
    {"notimp", ANSWER, KMS_DNS_NOTIMP},     {"formerr", ANSWER, KMS_DNS_FORMERR},
    {"silent", SILENT, KMS_DNS_NOERROR},    {"broken", BROKEN, KMS_DNS_NOERROR},
    {"closed", CLOSED, KMS_DNS_NOERROR},
};

static const struct act *find(const char *name)
{
    for (size_t i = 0; i < KMS_COUNT_OF(acts); i++) {
        if (kms_text_equal(acts[i].name, name)) {
            return &acts[i];
        }
    }
    return NULL;
}

/* A pointer to the question's name, the type SRV, and half of the class. */
static size_t add_half_record(uint8_t *message, size_t len)
{
    static const uint8_t half[] = {0xc0, HEADER, 0, 33, 0};
    memcpy(message + len, half, sizeof half);
    message[7] = 1;
    return len + sizeof half;
}

/* Behind the name, the type and the class of the question: what follows there is no part of it. */
static size_t question_end(const uint8_t *message, size_t len)
{
    size_t at = HEADER;
    while (at < len && message[at] != 0) {
        at += message[at] + 1U;
    }
    return at + 5 <= len ? at + 5 : 0;
}

static void answer(int fd, const struct act *act)
{
    uint8_t message[MESSAGE_MAX + 16];
    struct sockaddr_storage from;
    socklen_t from_len = sizeof from;
    ssize_t got = recvfrom(fd, message, MESSAGE_MAX, 0, (struct sockaddr *)&from, &from_len);
    size_t len = got > HEADER ? question_end(message, (size_t)got) : 0;
    if (len == 0 || act->manner == SILENT) {
        return;
    }
    message[2] |= 0x80;
    message[3] = (uint8_t)(0x80 | act->rcode);
    memset(message + 6, 0, 6); /* no records, whatever the question carried */
    if (act->manner == BROKEN) {
        len = add_half_record(message, len);
    }
    (void)sendto(fd, message, len, 0, (struct sockaddr *)&from, from_len);
}

/* A bound stream socket keeps the number from programs that look for a free one, and takes no
 * datagrams. */
static int open_at(const char *where, uint64_t port, enum manner manner)
{
    struct kms_address address;
    if (port > 65535 || !kms_address_parse(where, (uint16_t)port, &address)) {
        return -1;
    }
    socklen_t len = kms_address_len(&address);
    int type = manner == CLOSED ? SOCK_STREAM : SOCK_DGRAM;
    int fd = socket(kms_address_family(&address), type | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, &address.to.any, len) != 0 ||
        getsockname(fd, &address.to.any, &len) != 0) {
        return -1;
    }
    uint16_t bound = kms_address_family(&address) == AF_INET6 ? address.to.v6.sin6_port
                                                              : address.to.v4.sin_port;
    (void)printf("%u\n", (unsigned)ntohs(bound));
    (void)fflush(stdout);
    return fd;
}

static void serve(int fd, const struct act *act)
{
    struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = fd, .events = POLLIN}};
    nfds_t count = act->manner == CLOSED ? 1 : 2;
    char byte;
    for (;;) {
        if (poll(watched, count, -1) < 0) {
            return;
        }
        if (watched[0].revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0) {
            return;
        }
        if (count == 2 && watched[1].revents != 0) {
            answer(fd, act);
        }
    }
}

int main(int argc, char **argv)
{
    const struct act *act = find(argc > 1 ? argv[1] : "");
    uint64_t port = 0;
    if (!act || (argc > 3 && !kms_text_u64(argv[3], &port))) {
        (void)fputs("usage: dns_endpoint nodata|nxdomain|servfail|refused|notimp|formerr|silent|"
                    "broken|closed [ADDRESS [PORT]]\n",
                    stderr);
        return 2;
    }
    int fd = open_at(argc > 2 ? argv[2] : "127.0.0.1", port, act->manner);
    if (fd < 0) {
        perror("dns_endpoint");
        return 1;
    }
    serve(fd, act);
    (void)close(fd);
    return 0;
}
