/* Net-SNMP's own master role: the agent's own port, with no snmpd. */
#include "agent/snmp_master.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/agent/net-snmp-agent-includes.h>

#include "agent/site.h"
#include "agent/snmp_access.h"
#include "agent/snmp_engine.h"
#include "base/text.h"

#define LINE_MAX_BYTES 128

/* How much of a connection is read in one turn: a few requests, so that whoever sends thousands at
 * once waits for them, and nobody else does. A longer request is put together by Net-SNMP. */
#define RECV_MAX 512

/* Net-SNMP lets connections be as long as whoever made them likes. More than these would be taken
 * from the files that probes need. */
#define CONNECTIONS_MAX 64

static bool remember(const char *token, const char *value)
{
    char line[LINE_MAX_BYTES];
    if (!kms_text_format(line, sizeof line, "%s %s", token, value)) {
        return false;
    }
    netsnmp_config_remember(line); /* copies */
    return true;
}

/* Net-SNMP keeps indexes of certificates below a folder that is snmpd's unless it is told another.
 */
static enum kms_status keep_in(const char *state_dir, struct kms_fault *fault)
{
    char folder[PATH_MAX];
    if (!kms_text_format(folder, sizeof folder, "%s/snmp", state_dir)) {
        return kms_fault_set(fault, KMS_ETOOBIG, 0, "the name of state-dir is too long");
    }
    set_persistent_directory(folder);
    return KMS_OK;
}

enum kms_status kms_snmp_master_prepare(const char *state_dir, struct kms_fault *fault)
{
    struct kms_snmp_engine engine;
    enum kms_status status = kms_snmp_engine_start(state_dir, &engine, fault);
    if (status != KMS_OK) {
        return status;
    }
    char id[2 * KMS_SNMP_ENGINE_ID_MAX + 3] = "0x", boots[32];
    for (size_t i = 0; i < engine.id_len; i++) {
        (void)kms_text_append(id, sizeof id, "%02x", engine.id[i]);
    }
    /* Net-SNMP adds this start to the count of the last one, unless the id is a new one. */
    (void)kms_text_format(boots, sizeof boots, "%lld", (long long)engine.boots - 1);
    if (!remember("exactEngineID", id) || !remember("oldEngineID", id) ||
        !remember("engineBoots", boots)) {
        return kms_fault_set(fault, KMS_EINVAL, 0, "Net-SNMP did not take the engine id");
    }
    kms_snmp_access_prepare();
    (void)netsnmp_ds_set_boolean(NETSNMP_DS_APPLICATION_ID,
                                 NETSNMP_DS_AGENT_DONT_LOG_TCPWRAPPERS_CONNECTS, 1);
    return keep_in(state_dir, fault);
}

/* Net-SNMP removes what stands in the way of a unix socket. That may only be a socket that nobody
 * serves any more. */
static int unix_hindrance(const char *address)
{
    const char *path = kms_text_starts(address, "unix:") ? address + strlen("unix:") : address;
    struct sockaddr_un peer = {.sun_family = AF_UNIX};
    struct stat st;
    if (path[0] != '/' || !kms_text_copy(peer.sun_path, sizeof peer.sun_path, path) ||
        lstat(path, &st) != 0) {
        return 0;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return EEXIST;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    int error = connect(fd, (const struct sockaddr *)&peer, sizeof peer) == 0 ? 0 : errno;
    (void)close(fd);
    return error == ECONNREFUSED || error == EPROTOTYPE ? 0 : error == 0 ? EADDRINUSE : error;
}

/* Net-SNMP copies the transport of a port for each connection, and gives its functions nothing but
 * the copy. */
static struct {
    const oid *domain;
    int (*recv)(netsnmp_transport *t, void *buf, int size, void **opaque, int *opaque_len);
    int (*accept)(netsnmp_transport *t);
    int (*close)(netsnmp_transport *t);
} streams[4];
static int connections;

static int recv_a_little(netsnmp_transport *t, void *buf, int size, void **opaque, int *opaque_len)
{
    for (size_t i = 0; i < KMS_COUNT_OF(streams); i++) {
        if (streams[i].domain == t->domain) {
            return streams[i].recv(t, buf, size < RECV_MAX ? size : RECV_MAX, opaque, opaque_len);
        }
    }
    return -1;
}

/* Those beyond the limit are accepted and hung up on: waiting, they would wake the loop again and
 * again. */
static int accept_some(netsnmp_transport *t)
{
    for (size_t i = 0; i < KMS_COUNT_OF(streams); i++) {
        if (streams[i].domain != t->domain) {
            continue;
        }
        int fd = streams[i].accept(t);
        if (fd >= 0 && connections >= CONNECTIONS_MAX) {
            (void)close(fd);
            return -1;
        }
        connections += fd >= 0;
        return fd;
    }
    return -1;
}

static int close_counted(netsnmp_transport *t)
{
    bool listens = (t->flags & NETSNMP_TRANSPORT_FLAG_LISTEN) != 0;
    for (size_t i = 0; i < KMS_COUNT_OF(streams); i++) {
        if (streams[i].domain == t->domain) {
            connections -= listens ? 0 : 1;
            return streams[i].close(t);
        }
    }
    return -1;
}

static int recv_the_end(netsnmp_transport *t, void *buf, int size, void **opaque, int *opaque_len)
{
    (void)t;
    (void)buf;
    (void)size;
    *opaque = NULL;
    *opaque_len = 0;
    return 0;
}

/* A manager that asks and does not read its answers holds nobody up: it loses its connection. */
static int send_at_once(netsnmp_transport *t, const void *bytes, int size, void **opaque,
                        int *opaque_len)
{
    (void)opaque;
    (void)opaque_len;
    ssize_t sent;
    do {
        sent = send(t->sock, bytes, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent != size) {
        (void)shutdown(t->sock, SHUT_RDWR);
        t->f_recv = recv_the_end; /* what has arrived already is not answered either */
        return -1;
    }
    return size;
}

static void tame_stream(netsnmp_transport *t)
{
    t->f_send = send_at_once;
    for (size_t i = 0; i < KMS_COUNT_OF(streams); i++) {
        if (streams[i].domain == NULL) {
            streams[i].domain = t->domain;
            streams[i].recv = t->f_recv;
            streams[i].accept = t->f_accept;
            streams[i].close = t->f_close;
        }
        if (streams[i].domain == t->domain) {
            t->f_recv = recv_a_little;
            t->f_accept = accept_some;
            t->f_close = close_counted;
            return;
        }
    }
}

/* Ready to accept or to receive is a promise that the kernel may take back. */
static bool never_wait(netsnmp_transport *t)
{
    int flags = fcntl(t->sock, F_GETFL);
    if ((t->flags & NETSNMP_TRANSPORT_FLAG_STREAM) != 0) {
        tame_stream(t);
    }
    return flags >= 0 && fcntl(t->sock, F_SETFL, flags | O_NONBLOCK) == 0;
}

static enum kms_status refuse(const char *address, int error, struct kms_fault *fault)
{
    const char *advice = "";
    if (error == EADDRINUSE) {
        advice = "; another program listens there: stop it, or choose another address";
    } else if (error == EACCES || error == EPERM) {
        advice = kms_text_starts(address, "unix:")
                     ? "; let the user that runs kmsmond write to its folder"
                     : "; choose a port above 1023 such as udp:127.0.0.1:1161";
    }
    return kms_fault_set(
        fault, KMS_EIO, 0, "cannot listen at '%.80s': %s%s", address,
        error != 0 ? strerrordesc_np(error) : "not an address such as udp:127.0.0.1:1161", advice);
}

static enum kms_status listen_at(const char *address, struct kms_fault *fault)
{
    int error = unix_hindrance(address);
    if (error != 0) {
        return refuse(address, error, fault);
    }
    errno = 0;
    netsnmp_transport *transport = netsnmp_transport_open_server("snmp", address);
    if (transport == NULL) {
        return refuse(address, errno, fault);
    }
    if (!never_wait(transport)) {
        error = errno;
        netsnmp_transport_free(transport);
        return refuse(address, error, fault);
    }
    if (netsnmp_register_agent_nsap(transport) == 0) {
        return kms_fault_set(fault, KMS_EINVAL, 0, "Net-SNMP did not take the address '%.80s'",
                             address);
    }
    return KMS_OK;
}

enum kms_status kms_snmp_master_open(const struct kms_site_snmp *snmp, struct kms_fault *fault)
{
    enum kms_status status = kms_snmp_access_allow(snmp, fault);
    for (size_t i = 0; i < snmp->listen.count && status == KMS_OK; i++) {
        status = listen_at(snmp->listen.text[i], fault);
    }
    return status;
}

void kms_snmp_master_close(void)
{
    shutdown_master_agent();
}
