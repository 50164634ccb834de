/* One process, one epoll, OpenSSL: takes connections, finds out what is asked, sends what was
 * recorded. */
#include "soap_replay.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/text.h"
#include "machine.h"

#define CONNECTIONS_MAX 8192 /* and descriptors */
#define EVENTS          64
#define REQUEST_MAX     16384
#define ANSWER_MAX      ((size_t)1024 * 1024)
#define ID_LEN          41 /* uuid: and the id */

struct connection {
    SSL *ssl; /* NULL: nobody */
    char came[REQUEST_MAX + 1];
    size_t len;
    bool held;
};

struct answer {
    struct kms_buf http; /* headers and message */
    size_t id;           /* where RelatesTo's id is */
};

struct endpoint {
    SSL_CTX *tls;
    struct answer answer[KMS_WSMAN_Q_COUNT];
    int epoll, listener, control;
    size_t hold, held;
    struct connection *connection; /* by descriptor */
};

static void die(const char *what)
{
    ERR_print_errors_fp(stderr);
    bench_die(what);
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
        struct connection *connection = &endpoint->connection[fd];
        connection->len = 0;
        connection->held = false;
        connection->ssl = SSL_new(endpoint->tls);
        if (!connection->ssl || SSL_set_fd(connection->ssl, fd) != 1) {
            die("no memory");
        }
        SSL_set_accept_state(connection->ssl);
        watch(endpoint, fd);
    }
}

static void hang_up(struct endpoint *endpoint, int fd)
{
    struct connection *connection = &endpoint->connection[fd];
    SSL_free(connection->ssl);
    connection->ssl = NULL;
    connection->held = false;
    ERR_clear_error();
    (void)close(fd);
}

/* An answer fits into the socket's buffer, which is empty: the client sent its next request. */
static void answer(struct endpoint *endpoint, int fd, size_t query)
{
    struct connection *connection = &endpoint->connection[fd];
    struct answer *with = &endpoint->answer[query];
    const char *id = strstr(connection->came, "uuid:");
    connection->len = 0;
    if (!id || strnlen(id, ID_LEN) < ID_LEN) {
        hang_up(endpoint, fd);
        return;
    }
    memcpy(with->http.data + with->id, id, ID_LEN);
    if (SSL_write(connection->ssl, with->http.data, (int)with->http.len) != (int)with->http.len) {
        hang_up(endpoint, fd);
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
            answer(endpoint, fd, KMS_WSMAN_Q_COUNT - 1);
        }
    }
}

/* The request is whole: its headers and as many bytes as they announce. */
static bool is_whole(const struct connection *connection)
{
    static const char field[] = "\r\nContent-Length: ";
    const char *end = strstr(connection->came, "\r\n\r\n");
    const char *at = strstr(connection->came, field);
    uint64_t len;
    if (!end || !at || at > end) {
        return false;
    }
    at += sizeof field - 1;
    return kms_text_u64_len(at, strcspn(at, "\r"), &len) &&
           connection->len == (size_t)(end + 4 - connection->came) + len;
}

/* KMS_WSMAN_Q_COUNT: nothing that is known, or nobody that is. */
static size_t query_of(const char *request)
{
    static const char *const classes[KMS_WSMAN_Q_COUNT] = {
        [KMS_WSMAN_Q_SYSTEM] = " FROM Win32_OperatingSystem",
        [KMS_WSMAN_Q_SERVICE_STATE] = " FROM Win32_Service",
        [KMS_WSMAN_Q_SERVICE] = " FROM SoftwareLicensingService",
        [KMS_WSMAN_Q_PRODUCT] = " FROM SoftwareLicensingProduct"};
    size_t query = 0;
    while (query < KMS_WSMAN_Q_COUNT && !strstr(request, classes[query])) {
        query++;
    }
    return strstr(request, "\r\nAuthorization: Basic ") ? query : KMS_WSMAN_Q_COUNT;
}

/* False: the connection ended. */
static bool receive(struct connection *connection)
{
    int got;
    do {
        got = SSL_read(connection->ssl, connection->came + connection->len,
                       (int)(REQUEST_MAX - connection->len));
        connection->len += got > 0 ? (size_t)got : 0;
    } while (got > 0 && connection->len < REQUEST_MAX);
    connection->came[connection->len] = '\0';
    return got <= 0 && SSL_get_error(connection->ssl, got) == SSL_ERROR_WANT_READ;
}

static void hear(struct endpoint *endpoint, int fd)
{
    struct connection *connection = &endpoint->connection[fd];
    if (!receive(connection) || connection->held) {
        hang_up(endpoint, fd);
        return;
    }
    if (!is_whole(connection)) {
        return;
    }
    size_t query = query_of(connection->came);
    if (query == KMS_WSMAN_Q_COUNT) {
        hang_up(endpoint, fd);
    } else if (query + 1 == KMS_WSMAN_Q_COUNT && endpoint->hold > 0) {
        hold(endpoint, fd);
    } else {
        answer(endpoint, fd, query);
    }
}

static void serve(struct endpoint *endpoint)
{
    struct epoll_event event[EVENTS];
    watch(endpoint, endpoint->listener);
    watch(endpoint, endpoint->control);
    for (;;) {
        /* Never asleep: waking it would cost the client more than sending does. */
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

/* libcurl takes ::1 first for a name below localhost, 127.0.0.1 without it. Nowhere else. */
static int listen_on_loopback(uint16_t *ret_port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    socklen_t len = sizeof address;
    int both = 0;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof both) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof "lo") != 0 ||
        bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        die("no socket");
    }
    *ret_port = ntohs(address.sin6_port);
    return fd;
}

static void prepare(const struct kms_buf *message, struct answer *ret)
{
    kms_buf_init(&ret->http, ANSWER_MAX);
    if (kms_buf_addf(&ret->http,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n"
                     "Server: Microsoft-HTTPAPI/2.0\r\nDate: Sat, 03 Jan 2026 04:05:06 GMT\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     message->len) != KMS_OK ||
        kms_buf_add(&ret->http, message->data, message->len) != KMS_OK) {
        die("no memory");
    }
    const char *text = kms_buf_str(&ret->http);
    const char *relates = strstr(text, ":RelatesTo");
    const char *id = relates ? strstr(relates, "uuid:") : NULL;
    if (!id) {
        die("a recording without RelatesTo");
    }
    ret->id = (size_t)(id - text);
}

static SSL_CTX *new_tls(const char *certificate, const char *key)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        die("no certificate");
    }
    return tls;
}

struct soap_replay soap_replay_start(const struct soap_recording *recording,
                                     const char *certificate, const char *key, size_t hold)
{
    struct soap_replay replay = {0};
    int pair[2];
    struct endpoint endpoint = {.hold = hold,
                                .listener = listen_on_loopback(&replay.port),
                                .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (endpoint.epoll < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        die("no endpoint");
    }
    pid_t pid = fork();
    if (pid < 0) {
        die("fork");
    }
    if (pid == 0) {
        (void)close(pair[0]);
        endpoint.control = pair[1];
        endpoint.connection = calloc(CONNECTIONS_MAX, sizeof *endpoint.connection);
        endpoint.tls = new_tls(certificate, key);
        for (size_t i = 0; i < KMS_WSMAN_Q_COUNT; i++) {
            prepare(&recording->answer[i], &endpoint.answer[i]);
        }
        if (!endpoint.connection) {
            die("no memory");
        }
        serve(&endpoint);
    }
    (void)close(pair[1]);
    (void)close(endpoint.listener);
    (void)close(endpoint.epoll);
    replay.control = pair[0];
    return replay;
}
