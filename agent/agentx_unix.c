/* A Net-SNMP transport to a master agent that does not wait long for the other side to accept. */
#include "agent/agentx_unix.h"

/* Net-SNMP's own transports connect with a blocking call, which a stopped master with a full
 * backlog holds for as long as it likes; and it does not say why connecting failed. */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "base/text.h"
#include "generated/kmsmon_root.h"
#include "net/address.h"

#define SEND_WAIT_US 300000
#define HOST_SIZE    256

/* Net-SNMP knows transports by static descriptions and passes them no argument. */
static const oid domain_oid[] = {KMSMON_MIB_ROOT, 3}; /* never on the wire */
static netsnmp_tdomain domain;
static kms_agentx_tried_fn *tried_fn;
static void *tried_arg;

/* Of the one connection that a subagent has. */
static struct {
    int fd; /* -1: none */
    struct sockaddr_un address;
    dev_t device;
    ino_t inode;
} current = {.fd = -1};

static int transport_recv(netsnmp_transport *t, void *buf, int size, void **opaque, int *opaque_len)
{
    *opaque = NULL;
    *opaque_len = 0;
    if (t == NULL || t->sock < 0 || size <= 0) {
        return -1;
    }
    ssize_t got;
    do {
        got = recv(t->sock, buf, (size_t)size, 0);
    } while (got < 0 && errno == EINTR);
    return (int)got;
}

static int transport_send(netsnmp_transport *t, const void *buf, int size, void **opaque,
                          int *opaque_len)
{
    (void)opaque;
    (void)opaque_len;
    if (t == NULL || t->sock < 0 || size < 0) {
        return -1;
    }
    ssize_t sent;
    do {
        sent = send(t->sock, buf, (size_t)size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent != size) {
        /* Half a message is the end of a stream: the master is to see it, and so are we at the next
         * read. */
        (void)shutdown(t->sock, SHUT_RDWR);
        return -1;
    }
    return size;
}

static int transport_close(netsnmp_transport *t)
{
    if (t->sock < 0) {
        return -1;
    }
    int rc = close(t->sock);
    if (t->sock == current.fd) {
        current.fd = -1;
    }
    t->sock = -1;
    return rc;
}

static char *transport_address(netsnmp_transport *t, const void *data, int len)
{
    (void)t;
    (void)data;
    (void)len;
    return strdup("the AgentX socket");
}

/* The descriptor, or -1 with errno. A unix socket connects at once or not at all when it may not
 * wait. */
static int connect_to(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    /* Net-SNMP expects a blocking socket afterwards, but it may not block for long. */
    struct timeval wait = {.tv_usec = SEND_WAIT_US};
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
        fcntl(fd, F_SETFL, 0) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

/* Looked at before connecting: a socket that is replaced in between is noticed later. */
static int connect_and_note(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat found = {0};
    if (!kms_text_copy(address.sun_path, sizeof address.sun_path, path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    (void)stat(path, &found);
    int fd = connect_to(&address);
    if (fd >= 0) {
        current.fd = fd;
        current.address = address;
        current.device = found.st_dev;
        current.inode = found.st_ino;
    }
    return fd;
}

/* A name is looked up by Net-SNMP, which waits for the answer. */
static bool find_address(const char *host, bool ipv6, uint16_t port, struct kms_address *ret)
{
    const int family = ipv6 ? AF_INET6 : AF_INET;
    if (kms_address_parse(host, port, ret)) {
        return kms_address_family(ret) == family;
    }
    const struct addrinfo wanted = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char number[8];
    if (!kms_text_format(number, sizeof number, "%u", port) ||
        netsnmp_getaddrinfo(host, number, &wanted, &found) != 0 || found == NULL) {
        return false;
    }
    *ret = (struct kms_address){0};
    memcpy(&ret->to, found->ai_addr, ipv6 ? sizeof ret->to.v6 : sizeof ret->to.v4);
    freeaddrinfo(found);
    return true;
}

/* "HOST:PORT", or "[ADDRESS]:PORT". */
static bool read_place(const char *place, bool ipv6, struct kms_address *ret)
{
    char host[HOST_SIZE];
    const char *colon = strrchr(place, ':');
    int64_t port;
    if (colon == NULL || !kms_text_i64(colon + 1, &port) || port < 1 || port > UINT16_MAX) {
        return false;
    }
    bool brackets = place[0] == '[' && colon > place + 1 && colon[-1] == ']';
    int len = (int)(colon - place) - (brackets ? 2 : 0);
    return kms_text_format(host, sizeof host, "%.*s", len, place + (brackets ? 1 : 0)) &&
           find_address(host, ipv6, (uint16_t)port, ret);
}

/* The limit of sending is one of connecting too. */
static int connect_tcp(const char *place, bool ipv6)
{
    struct kms_address address;
    if (!read_place(place, ipv6, &address)) {
        errno = ENXIO;
        return -1;
    }
    int fd = socket(kms_address_family(&address), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const struct timeval wait = {.tv_usec = SEND_WAIT_US};
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
        connect(fd, &address.to.any, kms_address_len(&address)) != 0) {
        int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static int connect_anywhere(const char *place)
{
    if (kms_text_starts(place, "tcp:")) {
        return connect_tcp(place + strlen("tcp:"), false);
    }
    if (kms_text_starts(place, "tcp6:")) {
        return connect_tcp(place + strlen("tcp6:"), true);
    }
    return connect_and_note(place);
}

static netsnmp_transport *transport_of(int fd)
{
    netsnmp_transport *t = calloc(1, sizeof *t);
    if (t == NULL) {
        (void)close(fd);
        return NULL;
    }
    t->domain = domain_oid;
    t->domain_length = (int)KMS_COUNT_OF(domain_oid);
    t->sock = fd;
    t->flags = NETSNMP_TRANSPORT_FLAG_STREAM;
    t->msgMaxSize = SNMP_MAX_PACKET_LEN;
    t->f_recv = transport_recv;
    t->f_send = transport_send;
    t->f_close = transport_close;
    t->f_fmtaddr = transport_address;
    return t;
}

static netsnmp_transport *transport_open(const char *path, int local, const char *preset)
{
    (void)preset;
    if (local) { /* nobody listens here */
        return NULL;
    }
    int fd = connect_anywhere(path);
    int error = fd < 0 ? errno : 0;
    if (tried_fn != NULL) {
        tried_fn(tried_arg, error);
    }
    return fd < 0 ? NULL : transport_of(fd);
}

bool kms_agentx_unix_register(kms_agentx_tried_fn *tried, void *arg)
{
    const char **prefix = calloc(2, sizeof *prefix); /* Net-SNMP frees it */
    if (prefix == NULL) {
        return false;
    }
    prefix[0] = KMS_AGENTX_UNIX_PREFIX;
    domain = (netsnmp_tdomain){.name = domain_oid,
                               .name_length = KMS_COUNT_OF(domain_oid),
                               .prefix = prefix,
                               .f_create_from_tstring_new = transport_open};
    tried_fn = tried;
    tried_arg = arg;
    if (netsnmp_tdomain_register(&domain) == 0) { /* 1 is success */
        free(prefix);
        kms_agentx_unix_forget();
        return false;
    }
    return true;
}

bool kms_agentx_unix_follow(void)
{
    struct stat found;
    if (current.fd < 0 || stat(current.address.sun_path, &found) != 0 ||
        (found.st_dev == current.device && found.st_ino == current.inode)) {
        return false;
    }
    int other = connect_to(&current.address);
    if (other < 0) {
        return false;
    }
    (void)close(other);
    (void)shutdown(current.fd, SHUT_RDWR);
    current.fd = -1;
    return true;
}

void kms_agentx_unix_forget(void)
{
    tried_fn = NULL;
    tried_arg = NULL;
}
