/* One channel of c-ares on the loop, its sockets as watches and its clock as a timer: the only file
 * that knows c-ares. */
#include "net/dns_channel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <arpa/nameser.h>
#include <ares.h>

enum { PORT_DNS = 53, ADDRESSES_MAX = 32 };

/* One socket of c-ares. */
struct socket_watch {
    struct socket_watch *next;
    struct kms_watch *watch;
    int fd;
};

struct kms_dns_channel {
    struct kms_loop *loop;
    ares_channel ares;
    struct kms_timer *timer;
    struct socket_watch *sockets;
    /* Of the system's only. */
    struct ares_options saved;
    bool library, have_saved;
};

/* ---- the loop ---- */

static void arm(struct kms_dns_channel *channel)
{
    struct timeval wait;
    if (ares_timeout(channel->ares, NULL, &wait)) {
        kms_timer_set(channel->timer,
                      (int64_t)wait.tv_sec * 1000 + (int64_t)(wait.tv_usec + 999) / 1000);
    } else {
        kms_timer_stop(channel->timer);
    }
}

static void socket_ready(void *arg, int fd, unsigned ready)
{
    struct kms_dns_channel *channel = arg;
    ares_process_fd(channel->ares, ready & KMS_READABLE ? fd : ARES_SOCKET_BAD,
                    ready & KMS_WRITABLE ? fd : ARES_SOCKET_BAD);
    arm(channel);
}

static void timer_fired(void *arg)
{
    struct kms_dns_channel *channel = arg;
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(channel);
}

/* Without memory for the watch the question hears nothing and ends at its deadline. */
static void watch_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct kms_dns_channel *channel = arg;
    struct socket_watch **place = &channel->sockets;
    while (*place && (*place)->fd != fd) {
        place = &(*place)->next;
    }
    struct socket_watch *sock = *place;
    if (!readable && !writable) {
        if (sock) {
            *place = sock->next;
            kms_watch_free(sock->watch);
            free(sock);
        }
        return;
    }
    if (!sock) {
        sock = calloc(1, sizeof *sock);
        if (!sock) {
            return;
        }
        sock->fd = fd;
        *place = sock;
    }
    kms_watch_free(sock->watch);
    unsigned wanted = (readable ? (unsigned)KMS_READABLE : 0U) |
                      (writable ? (unsigned)KMS_WRITABLE : 0U);
    sock->watch = kms_watch_new(channel->loop, fd, wanted, socket_ready, channel);
}

/* ---- the channel ---- */

void kms_dns_channel_free(struct kms_dns_channel *channel)
{
    if (!channel) {
        return;
    }
    if (channel->ares) {
        ares_destroy(channel->ares);
    }
    if (channel->have_saved) {
        ares_destroy_options(&channel->saved);
    }
    if (channel->library) {
        ares_library_cleanup();
    }
    kms_timer_free(channel->timer);
    free(channel);
}

static bool init_channel(struct kms_dns_channel *channel, struct kms_loop *loop,
                         struct ares_options *options, int mask)
{
    channel->loop = loop;
    options->sock_state_cb = watch_socket;
    options->sock_state_cb_data = channel;
    mask |= ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    channel->timer = kms_timer_new(loop, timer_fired, channel);
    if (!channel->timer || ares_init_options(&channel->ares, options, mask) != ARES_SUCCESS) {
        channel->ares = NULL;
        return false;
    }
    return true;
}

/* c-ares would not say that an answer was cut short when the whole does not come over TCP: it
 * leaves such answers to us. */
struct kms_dns_channel *kms_dns_channel_open(const struct kms_dns_channel_setup *setup,
                                             const struct kms_address *server)
{
    struct kms_dns_channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        return NULL;
    }
    char lookups[] = "b";
    struct ares_options options = {.timeout = setup->wait_ms,
                                   .tries = 1,
                                   .lookups = lookups,
                                   .flags = (setup->over_tcp ? ARES_FLAG_USEVC : ARES_FLAG_IGNTC) |
                                            (setup->no_recursion ? ARES_FLAG_NORECURSE : 0) |
                                            ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH |
                                            ARES_FLAG_NOALIASES};
    if (!init_channel(channel, setup->loop, &options,
                      ARES_OPT_FLAGS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS) ||
        !kms_dns_channel_set_servers(channel, server, 1)) {
        kms_dns_channel_free(channel);
        return NULL;
    }
    return channel;
}

struct kms_dns_channel *kms_dns_channel_open_system(struct kms_loop *loop, int wait_ms, int tries,
                                                    bool with_domains)
{
    struct kms_dns_channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        return NULL;
    }
    struct ares_options options = {.timeout = wait_ms, .tries = tries};
    channel->library = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    /* That there is none must be set: resolv.conf is read for whatever is not. */
    if (channel->library &&
        init_channel(channel, loop, &options, with_domains ? 0 : ARES_OPT_DOMAINS)) {
        int mask = 0;
        channel->have_saved = ares_save_options(channel->ares, &channel->saved, &mask) ==
                              ARES_SUCCESS;
    }
    if (!channel->have_saved) {
        kms_dns_channel_free(channel);
        return NULL;
    }
    return channel;
}

/* ---- servers and domains ---- */

/* c-ares copies the list. */
bool kms_dns_channel_set_servers(struct kms_dns_channel *channel, const struct kms_address *server,
                                 size_t count)
{
    struct ares_addr_port_node node[KMS_RESOLVER_SERVERS_MAX] = {{.next = NULL}};
    for (size_t i = 0; i < count; i++) {
        const struct kms_address *address = &server[i];
        node[i].family = kms_address_family(address);
        node[i].next = i + 1 < count ? &node[i + 1] : NULL;
        if (node[i].family == AF_INET) {
            node[i].addr.addr4 = address->to.v4.sin_addr;
            node[i].udp_port = ntohs(address->to.v4.sin_port);
        } else {
            memcpy(&node[i].addr.addr6, &address->to.v6.sin6_addr, sizeof node[i].addr.addr6);
            node[i].udp_port = ntohs(address->to.v6.sin6_port);
        }
        node[i].tcp_port = node[i].udp_port;
    }
    return ares_set_servers_ports(channel->ares, node) == ARES_SUCCESS;
}

static struct kms_address address_of(const struct ares_addr_port_node *node)
{
    uint16_t port = node->udp_port > 0 ? (uint16_t)node->udp_port : PORT_DNS;
    uint8_t bytes[16];
    if (node->family == AF_INET) {
        memcpy(bytes, &node->addr.addr4, 4);
        return kms_address_v4(bytes, port);
    }
    memcpy(bytes, &node->addr.addr6, 16);
    return kms_address_v6(bytes, port);
}

bool kms_dns_channel_servers(const struct kms_dns_channel *channel, struct kms_address *ret,
                             size_t *ret_count)
{
    struct ares_addr_port_node *first = NULL;
    if (ares_get_servers_ports(channel->ares, &first) != ARES_SUCCESS) {
        return false;
    }
    size_t count = 0;
    for (struct ares_addr_port_node *node = first; node && count < KMS_RESOLVER_SERVERS_MAX;
         node = node->next) {
        ret[count++] = address_of(node);
    }
    if (first) {
        ares_free_data(first);
    }
    *ret_count = count;
    return true;
}

const char *kms_dns_channel_domain(const struct kms_dns_channel *channel, size_t index)
{
    size_t count = channel->saved.ndomains > 0 ? (size_t)channel->saved.ndomains : 0;
    return index < count ? channel->saved.domains[index] : NULL;
}

/* ---- answers ---- */

static enum kms_outcome outcome_of(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return KMS_OUTCOME_OK;
    case ARES_ENOTFOUND:
        return KMS_OUTCOME_DNS_NXDOMAIN;
    case ARES_ENODATA:
        return KMS_OUTCOME_DNS_NODATA;
    case ARES_ESERVFAIL:
        return KMS_OUTCOME_DNS_SERVFAIL;
    case ARES_EREFUSED:
        return KMS_OUTCOME_DNS_REFUSED;
    case ARES_ETIMEOUT:
        return KMS_OUTCOME_DNS_TIMEOUT;
    case ARES_ECONNREFUSED:
        return KMS_OUTCOME_DNS_UNREACHABLE;
    case ARES_EFORMERR:
    case ARES_ENOTIMP:
        return KMS_OUTCOME_DNS_NOT_SUPPORTED;
    case ARES_EBADNAME:
    case ARES_EBADSTR:
    case ARES_EBADQUERY:
        return KMS_OUTCOME_DNS_NAME;
    case ARES_EBADRESP:
    case ARES_EOF:
        return KMS_OUTCOME_DNS_MALFORMED;
    case ARES_ENOMEM:
        return KMS_OUTCOME_NO_MEMORY;
    default:
        return KMS_OUTCOME_INTERNAL;
    }
}

static void answered(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    (void)timeouts;
    struct kms_dns_call *call = arg;
    bool is_freed = status == ARES_EDESTRUCTION || status == ARES_ECANCELLED;
    call->answered(call->arg, is_freed ? KMS_OUTCOME_NONE : outcome_of(status), bytes,
                   len > 0 ? (size_t)len : 0);
}

void kms_dns_channel_ask(struct kms_dns_channel *channel, const char *name, int type,
                         struct kms_dns_call *call)
{
    ares_query(channel->ares, name, C_IN, type, answered, call);
    arm(channel);
}

static size_t take_addresses(const struct ares_addrinfo *info, struct kms_address *ret, size_t max)
{
    size_t count = 0;
    for (const struct ares_addrinfo_node *node = info->nodes; node && count < max;
         node = node->ai_next) {
        struct kms_address *to = &ret[count];
        bool known = (node->ai_family == AF_INET && node->ai_addrlen == sizeof to->to.v4) ||
                     (node->ai_family == AF_INET6 && node->ai_addrlen == sizeof to->to.v6);
        if (known) {
            memcpy(&to->to, node->ai_addr, node->ai_addrlen);
            count++;
        }
    }
    return count;
}

static void found(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    (void)timeouts;
    struct kms_dns_call *call = arg;
    struct kms_address address[ADDRESSES_MAX] = {0};
    size_t count = status == ARES_SUCCESS && info ? take_addresses(info, address, ADDRESSES_MAX)
                                                  : 0;
    if (info) {
        ares_freeaddrinfo(info);
    }
    bool is_empty = status == ARES_SUCCESS && count == 0;
    call->found(call->arg, is_empty ? KMS_OUTCOME_DNS_NODATA : outcome_of(status), address, count);
}

void kms_dns_channel_find(struct kms_dns_channel *channel, const char *name,
                          struct kms_dns_call *call)
{
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(channel->ares, name, NULL, &hints, found, call);
    arm(channel);
}
