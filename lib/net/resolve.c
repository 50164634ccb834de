/* Questions to DNS as watches and timers of the loop: the only file that knows c-ares. */
#include "net/resolve.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <arpa/nameser.h>
#include <ares.h>

#include "base/text.h"

enum {
    PORT_DNS = 53,
    TRY_PRESET_MS = 1500,
    ROUNDS = 3,   /* over the servers that said nothing */
    PATIENCE = 3, /* times as long after the first round: some ways are long */
    ADDRESSES_MAX = 32,
    MUTE_SILENCES = 3, /* a server is mute from then on, until it answers */
    MUTE_FOR_S = 30,   /* between two questions that find out whether it still is */
    OTHERS_IDLE = 64,  /* servers beside the resolver's own whose sockets are kept */
    SERVER_TEXT = KMS_ADDRESS_TEXT + 8
};

/* One socket of c-ares. */
struct socket_watch {
    struct socket_watch *next;
    struct kms_watch *watch;
    int fd;
};

/* c-ares with its sockets and its timer. */
struct channel {
    struct kms_loop *loop;
    ares_channel ares;
    struct kms_timer *timer;
    struct socket_watch *sockets;
};

/* This version of c-ares takes an answer SERVFAIL or REFUSED for silence unless it is told to check
 * nothing, and then it asks no other server. So every server has a channel of its own, and which
 * one is asked next is decided here. */
struct server {
    struct kms_address address;
    /* For the first round and for those after it, which wait longer; NULL until it is asked. */
    struct channel *channel[2];
    struct channel *stream[2]; /* over TCP, for what is too long */
    size_t pending;            /* questions that c-ares holds */
    unsigned silences;         /* questions in a row that it did not answer */
    int64_t again_us;          /* when one that is mute is asked again before the others */
    bool is_other;             /* not the resolver's own: asked for what it has itself */
    char text[SERVER_TEXT];
};

struct kms_resolver {
    struct kms_loop *loop;
    struct channel *system; /* for addresses: hosts file, search domains */
    struct ares_options saved;
    bool library, have_saved;
    int try_ms;
    struct server server[KMS_RESOLVER_SERVERS_MAX];
    size_t server_count;
    struct server **other; /* asked by address */
    size_t other_count;
};

struct kms_question {
    struct kms_resolver *resolver;
    struct kms_timer *timer; /* the deadline; once settled, the way out of everybody's callbacks */
    bool pending;            /* c-ares holds it and will call back */
    bool settled;
    bool dropped; /* nobody waits for it any more */
    enum kms_outcome outcome;

    kms_resolved_fn *resolved;
    struct kms_address *address;
    size_t count;

    kms_dns_reply_fn *replied;
    char *name;
    int type;
    size_t tries;
    size_t at;           /* the server that is asked */
    struct server *only; /* NULL: the resolver's, in turn */
    struct server *asked;
    bool over_tcp;
    unsigned spent; /* servers that need not be asked again, a bit each */
    unsigned taken; /* those of this round */
    uint8_t *bytes;
    size_t len;
    char server[SERVER_TEXT];

    void *arg;
};

/* ---- channels ---- */

static void arm(struct channel *channel)
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
    struct channel *channel = arg;
    ares_process_fd(channel->ares, ready & KMS_READABLE ? fd : ARES_SOCKET_BAD,
                    ready & KMS_WRITABLE ? fd : ARES_SOCKET_BAD);
    arm(channel);
}

static void timer_fired(void *arg)
{
    struct channel *channel = arg;
    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(channel);
}

/* Without memory for the watch the question hears nothing and ends at its deadline. */
static void watch_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct channel *channel = arg;
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

static void free_channel(struct channel *channel)
{
    if (!channel) {
        return;
    }
    if (channel->ares) {
        ares_destroy(channel->ares);
    }
    kms_timer_free(channel->timer);
    free(channel);
}

/* Without a server: the system's, with search domains and checks. */
static struct channel *open_channel(struct kms_resolver *resolver, const struct server *only,
                                    int flags, int wait_ms)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel) {
        return NULL;
    }
    channel->loop = resolver->loop;
    char lookups[] = "b";
    struct ares_options options = {.sock_state_cb = watch_socket,
                                   .sock_state_cb_data = channel,
                                   .timeout = wait_ms,
                                   .tries = only ? 1 : ROUNDS,
                                   .lookups = lookups,
                                   .flags = flags | ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH |
                                            ARES_FLAG_NOALIASES};
    int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    if (only) {
        mask |= ARES_OPT_FLAGS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS;
    }
    channel->timer = kms_timer_new(resolver->loop, timer_fired, channel);
    if (!channel->timer || ares_init_options(&channel->ares, &options, mask) != ARES_SUCCESS) {
        channel->ares = NULL;
        free_channel(channel);
        return NULL;
    }
    return channel;
}

/* c-ares copies the list. */
static bool set_servers(struct channel *channel, const struct server *server, size_t count)
{
    struct ares_addr_port_node node[KMS_RESOLVER_SERVERS_MAX] = {{.next = NULL}};
    for (size_t i = 0; i < count; i++) {
        const struct kms_address *address = &server[i].address;
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

/* c-ares would not say that an answer was cut short when the whole does not come over TCP: it
 * leaves such answers to us. */
static struct channel *channel_of(struct kms_resolver *resolver, struct server *server,
                                  bool over_tcp, bool patient)
{
    struct channel **place = over_tcp ? &server->stream[patient] : &server->channel[patient];
    if (!*place) {
        int flags = (over_tcp ? ARES_FLAG_USEVC : ARES_FLAG_IGNTC) |
                    (server->is_other ? ARES_FLAG_NORECURSE : 0);
        int wait_ms = resolver->try_ms * (patient ? PATIENCE : 1);
        struct channel *channel = open_channel(resolver, server, flags, wait_ms);
        if (channel && !set_servers(channel, server, 1)) {
            free_channel(channel);
            channel = NULL;
        }
        *place = channel;
    }
    return *place;
}

static void close_server(struct server *server)
{
    for (size_t i = 0; i < KMS_COUNT_OF(server->channel); i++) {
        free_channel(server->channel[i]);
        free_channel(server->stream[i]);
        server->channel[i] = server->stream[i] = NULL;
    }
}

/* ---- the resolver ---- */

static uint16_t port_of(const struct kms_address *address)
{
    bool is_v4 = kms_address_family(address) == AF_INET;
    return ntohs(is_v4 ? address->to.v4.sin_port : address->to.v6.sin6_port);
}

void kms_resolver_server_text(const struct kms_address *server, char *dst, size_t size)
{
    if (port_of(server) == PORT_DNS) {
        kms_address_text(server, dst, size);
    } else {
        kms_address_port_text(server, dst, size);
    }
}

static void name_server(struct server *server)
{
    kms_resolver_server_text(&server->address, server->text, sizeof server->text);
}

/* "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]", "[2001:db8::53]:5353" */
static bool read_server(const char *text, size_t len, struct kms_address *ret)
{
    char host[KMS_ADDRESS_TEXT];
    const char *end = text + len, *port_at = NULL;
    size_t host_len = len;
    uint64_t port = PORT_DNS;
    if (len > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        if (!close || (close + 1 != end && close[1] != ':')) {
            return false;
        }
        port_at = close + 1 == end ? NULL : close + 2;
        text++;
        host_len = (size_t)(close - text);
    } else {
        const char *colon = memchr(text, ':', len);
        if (colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1))) {
            port_at = colon + 1;
            host_len = (size_t)(colon - text);
        }
    }
    if (host_len == 0 || host_len >= sizeof host ||
        (port_at && (!kms_text_u64_len(port_at, (size_t)(end - port_at), &port) || port == 0 ||
                     port > UINT16_MAX))) {
        return false;
    }
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    return kms_address_parse(host, (uint16_t)port, ret);
}

bool kms_resolver_next_server(const char **list, struct kms_address *ret, struct kms_fault *fault)
{
    const char *at = *list + strspn(*list, " ");
    size_t len = strcspn(at, ",");
    size_t bare = len;
    if (*at == '\0') {
        return false;
    }
    while (bare > 0 && at[bare - 1] == ' ') {
        bare--;
    }
    if (!read_server(at, bare, ret)) {
        (void)kms_fault_set(fault, KMS_ESYNTAX, 0,
                            "'%.*s' is not a DNS server; allowed: an address with or without "
                            "port, e.g. 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353",
                            (int)(bare < 80 ? bare : 80), at);
        return false;
    }
    *list = at + len + (at[len] == ',' ? 1 : 0);
    return true;
}

static enum kms_status read_servers(struct kms_resolver *resolver, const char *text,
                                    struct kms_fault *fault)
{
    const char *at = text;
    for (;;) {
        at += strspn(at, " ");
        size_t len = strcspn(at, ",");
        size_t bare = len;
        while (bare > 0 && at[bare - 1] == ' ') {
            bare--;
        }
        if (resolver->server_count == KMS_RESOLVER_SERVERS_MAX) {
            return kms_fault_set(fault, KMS_EINVAL, (size_t)(at - text), "more than %d DNS servers",
                                 KMS_RESOLVER_SERVERS_MAX);
        }
        struct server *server = &resolver->server[resolver->server_count];
        if (!read_server(at, bare, &server->address)) {
            return kms_fault_set(fault, KMS_ESYNTAX, (size_t)(at - text),
                                 "'%.*s' is not a DNS server; allowed: an address with or without "
                                 "port, e.g. 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353",
                                 (int)(bare < 80 ? bare : 80), at);
        }
        name_server(server);
        resolver->server_count++;
        if (at[len] == '\0') {
            return KMS_OK;
        }
        at += len + 1;
    }
}

static enum kms_status take_system_servers(struct kms_resolver *resolver)
{
    struct ares_addr_port_node *first = NULL;
    if (ares_get_servers_ports(resolver->system->ares, &first) != ARES_SUCCESS) {
        return KMS_ENOMEM;
    }
    for (struct ares_addr_port_node *node = first;
         node && resolver->server_count < KMS_RESOLVER_SERVERS_MAX; node = node->next) {
        struct server *server = &resolver->server[resolver->server_count];
        uint16_t port = node->udp_port > 0 ? (uint16_t)node->udp_port : PORT_DNS;
        uint8_t bytes[16];
        if (node->family == AF_INET) {
            memcpy(bytes, &node->addr.addr4, 4);
            server->address = kms_address_v4(bytes, port);
        } else {
            memcpy(bytes, &node->addr.addr6, 16);
            server->address = kms_address_v6(bytes, port);
        }
        name_server(server);
        resolver->server_count++;
    }
    if (first) {
        ares_free_data(first);
    }
    return KMS_OK;
}

static enum kms_status open_resolver(struct kms_resolver *resolver,
                                     const struct kms_resolver_setup *setup,
                                     struct kms_fault *fault)
{
    resolver->try_ms = TRY_PRESET_MS;
    if (setup->try_ms > 0) {
        resolver->try_ms = setup->try_ms > 60000 ? 60000 : (int)setup->try_ms;
    }
    if (setup->servers) {
        enum kms_status status = read_servers(resolver, setup->servers, fault);
        if (status != KMS_OK) {
            return status;
        }
    }
    resolver->library = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
    resolver->system = resolver->library ? open_channel(resolver, NULL, 0, resolver->try_ms) : NULL;
    if (!resolver->system) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    int mask = 0;
    resolver->have_saved = ares_save_options(resolver->system->ares, &resolver->saved, &mask) ==
                           ARES_SUCCESS;
    bool good = resolver->server_count > 0
                    ? set_servers(resolver->system, resolver->server, resolver->server_count)
                    : take_system_servers(resolver) == KMS_OK;
    if (!good || !resolver->have_saved) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    return KMS_OK;
}

enum kms_status kms_resolver_new(struct kms_loop *loop, const struct kms_resolver_setup *setup,
                                 struct kms_resolver **ret, struct kms_fault *fault)
{
    struct kms_resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "out of memory");
    }
    resolver->loop = loop;
    enum kms_status status = open_resolver(resolver, setup, fault);
    if (status != KMS_OK) {
        kms_resolver_free(resolver);
        return status;
    }
    *ret = resolver;
    return KMS_OK;
}

void kms_resolver_free(struct kms_resolver *resolver)
{
    if (!resolver) {
        return;
    }
    for (size_t i = 0; i < resolver->server_count; i++) {
        close_server(&resolver->server[i]);
    }
    for (size_t i = 0; i < resolver->other_count; i++) {
        close_server(resolver->other[i]);
        free(resolver->other[i]);
    }
    free(resolver->other);
    free_channel(resolver->system);
    if (resolver->have_saved) {
        ares_destroy_options(&resolver->saved);
    }
    if (resolver->library) {
        ares_library_cleanup();
    }
    free(resolver);
}

enum kms_status kms_resolver_check_servers(const char *servers, struct kms_fault *fault)
{
    struct kms_resolver *scratch = calloc(1, sizeof *scratch);
    if (!scratch) {
        return kms_fault_set(fault, KMS_ENOMEM, 0, "%s", kms_status_text(KMS_ENOMEM));
    }
    enum kms_status status = read_servers(scratch, servers, fault);
    free(scratch);
    return status;
}

void kms_resolver_servers(const struct kms_resolver *resolver, char *dst, size_t size)
{
    kms_text_copy(dst, size, "");
    for (size_t i = 0; i < resolver->server_count; i++) {
        kms_text_append(dst, size, "%s%s", i > 0 ? ", " : "", resolver->server[i].text);
    }
}

/* "search ." in resolv.conf means that there is none. */
static bool is_root(const char *domain)
{
    return domain[0] == '\0' || kms_text_equal(domain, ".");
}

const char *kms_resolver_domain(const struct kms_resolver *resolver, size_t index)
{
    size_t count = resolver->saved.ndomains > 0 ? (size_t)resolver->saved.ndomains : 0;
    for (size_t i = 0; i < count; i++) {
        const char *domain = resolver->saved.domains[i];
        if (!is_root(domain) && index-- == 0) {
            return domain;
        }
    }
    return NULL;
}

/* ---- questions ---- */

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

static void free_question(struct kms_question *question)
{
    kms_timer_free(question->timer);
    free(question->address);
    free(question->bytes);
    free(question->name);
    free(question);
}

/* What c-ares still holds is freed when it calls back. */
static void let_go(struct kms_question *question)
{
    if (question->pending) {
        kms_timer_free(question->timer);
        question->timer = NULL;
        question->dropped = true;
    } else {
        free_question(question);
    }
}

static void settle(struct kms_question *question, enum kms_outcome outcome)
{
    question->settled = true;
    question->outcome = outcome;
    kms_timer_set(question->timer, 0);
}

static void deliver_addresses(struct kms_question *question)
{
    struct kms_address *address = question->address;
    struct kms_resolved resolved = {question->outcome, address, question->count};
    kms_resolved_fn *done = question->resolved;
    void *arg = question->arg;
    question->address = NULL;
    let_go(question);
    done(arg, &resolved);
    free(address);
}

static void deliver_reply(struct kms_question *question)
{
    uint8_t *bytes = question->bytes;
    struct kms_dns_reply reply = {question->outcome, bytes, question->len, ""};
    kms_text_copy(reply.server, sizeof reply.server, question->server);
    kms_dns_reply_fn *done = question->replied;
    void *arg = question->arg;
    question->bytes = NULL;
    let_go(question);
    done(arg, &reply);
    free(bytes);
}

/* The deadline, or the turn after it was settled. */
static void question_fired(void *arg)
{
    struct kms_question *question = arg;
    if (!question->settled && question->outcome == KMS_OUTCOME_NONE) {
        question->outcome = KMS_OUTCOME_DNS_TIMEOUT;
    }
    if (question->resolved) {
        deliver_addresses(question);
    } else {
        deliver_reply(question);
    }
}

static struct kms_question *new_question(struct kms_resolver *resolver, const char *name,
                                         int64_t timeout_ms, void *arg)
{
    struct kms_question *question = calloc(1, sizeof *question);
    if (!question) {
        return NULL;
    }
    question->resolver = resolver;
    question->arg = arg;
    question->name = kms_text_dup(name);
    question->timer = kms_timer_new(resolver->loop, question_fired, question);
    if (!question->name || !question->timer) {
        free_question(question);
        return NULL;
    }
    kms_timer_set(question->timer, timeout_ms > 0 ? timeout_ms : 1);
    return question;
}

void kms_question_cancel(struct kms_question *question)
{
    if (question) {
        let_go(question);
    }
}

/* ---- addresses ---- */

static enum kms_outcome keep_addresses(struct kms_question *question,
                                       const struct ares_addrinfo *info)
{
    question->address = calloc(ADDRESSES_MAX, sizeof *question->address);
    if (!question->address) {
        return KMS_OUTCOME_NO_MEMORY;
    }
    for (const struct ares_addrinfo_node *node = info->nodes;
         node && question->count < ADDRESSES_MAX; node = node->ai_next) {
        struct kms_address *to = &question->address[question->count];
        bool known = (node->ai_family == AF_INET && node->ai_addrlen == sizeof to->to.v4) ||
                     (node->ai_family == AF_INET6 && node->ai_addrlen == sizeof to->to.v6);
        if (known) {
            memcpy(&to->to, node->ai_addr, node->ai_addrlen);
            question->count++;
        }
    }
    return question->count > 0 ? KMS_OUTCOME_OK : KMS_OUTCOME_DNS_NODATA;
}

static void ask(struct kms_question *question);

/* This version of c-ares says "connection refused" when every server answered SERVFAIL or REFUSED,
 * and "timeout" when none could be reached: the servers are asked once more, one by one, for what
 * they do. */
static void ask_why(struct kms_question *question)
{
    question->type = KMS_DNS_A;
    question->tries = (ROUNDS - 1) * question->resolver->server_count;
    ask(question);
}

static void addresses_found(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    (void)timeouts;
    struct kms_question *question = arg;
    question->pending = false;
    if (question->dropped) {
        free_question(question);
    } else if (status == ARES_SUCCESS) {
        settle(question, info ? keep_addresses(question, info) : KMS_OUTCOME_DNS_NODATA);
    } else if (status == ARES_ECONNREFUSED || status == ARES_ETIMEOUT) {
        ask_why(question);
    } else {
        settle(question, outcome_of(status));
    }
    if (info) {
        ares_freeaddrinfo(info);
    }
}

static bool is_address(struct kms_question *question, const char *name)
{
    struct kms_address address;
    if (!kms_address_parse(name, 0, &address)) {
        return false;
    }
    question->address = calloc(1, sizeof *question->address);
    if (question->address) {
        question->address[0] = address;
        question->count = 1;
    }
    settle(question, question->address ? KMS_OUTCOME_OK : KMS_OUTCOME_NO_MEMORY);
    return true;
}

struct kms_question *kms_resolve_start(struct kms_resolver *resolver, const char *name,
                                       int64_t timeout_ms, kms_resolved_fn *done, void *arg)
{
    struct kms_question *question = new_question(resolver, name, timeout_ms, arg);
    if (!question) {
        return NULL;
    }
    question->resolved = done;
    if (is_address(question, name)) {
        return question;
    }
    if (name[0] == '\0') {
        settle(question, KMS_OUTCOME_DNS_NAME);
        return question;
    }
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    question->pending = true;
    ares_getaddrinfo(resolver->system->ares, name, NULL, &hints, addresses_found, question);
    arm(resolver->system);
    return question;
}

/* ---- raw answers ---- */

/* What says more about the servers: an answer, then silence, then no server at all. */
static int weight_of(enum kms_outcome outcome)
{
    switch (outcome) {
    case KMS_OUTCOME_NONE:
        return 0;
    case KMS_OUTCOME_DNS_UNREACHABLE:
        return 1;
    case KMS_OUTCOME_DNS_TIMEOUT:
        return 2;
    default:
        return 3;
    }
}

static bool is_final(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NAME ||
           outcome == KMS_OUTCOME_NO_MEMORY || outcome == KMS_OUTCOME_INTERNAL;
}

static enum kms_outcome keep_bytes(struct kms_question *question, enum kms_outcome outcome,
                                   const unsigned char *bytes, int len)
{
    free(question->bytes);
    question->bytes = NULL;
    question->len = 0;
    if (!bytes || len <= 0) {
        return outcome;
    }
    question->bytes = malloc((size_t)len);
    if (!question->bytes) {
        return KMS_OUTCOME_NO_MEMORY;
    }
    memcpy(question->bytes, bytes, (size_t)len);
    question->len = (size_t)len;
    return outcome;
}

/* A lookup of addresses failed although a server answers this question: it failed on a search
 * domain, or on the other kind of address. */
static enum kms_outcome why_of(enum kms_outcome outcome)
{
    bool is_answer = outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
                     outcome == KMS_OUTCOME_DNS_NODATA;
    return is_answer ? KMS_OUTCOME_DNS_SERVFAIL : outcome;
}

enum {
    FLAG_AUTHORITY = 0x04, /* of the third byte */
    FLAG_CUT = 0x02,
    FLAG_RESOLVES = 0x80 /* of the fourth: it would look elsewhere */
};

static bool is_cut(const unsigned char *bytes, int len)
{
    return bytes && len >= 4 && (bytes[2] & FLAG_CUT);
}

/* What the header says beyond what c-ares makes of it. */
static enum kms_outcome outcome_of_header(const struct kms_question *question,
                                          enum kms_outcome outcome, const unsigned char *bytes,
                                          int len)
{
    bool is_answer = outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
                     outcome == KMS_OUTCOME_DNS_NODATA;
    if (!bytes || len < 4) {
        bool no_whole = question->over_tcp && outcome != KMS_OUTCOME_NO_MEMORY;
        return no_whole ? KMS_OUTCOME_DNS_TRUNCATED : outcome;
    }
    if (!is_answer || (bytes[2] & FLAG_AUTHORITY)) {
        return is_answer && is_cut(bytes, len) ? KMS_OUTCOME_DNS_TRUNCATED : outcome;
    }
    bool refers = outcome == KMS_OUTCOME_DNS_NODATA && !(bytes[3] & FLAG_RESOLVES);
    if (question->only || refers) {
        return KMS_OUTCOME_DNS_LAME;
    }
    return is_cut(bytes, len) ? KMS_OUTCOME_DNS_TRUNCATED : outcome;
}

static void ask_server(struct kms_question *question, struct server *server, bool over_tcp);

static int64_t now_us(const struct kms_resolver *resolver)
{
    return kms_clock_mono_us(kms_loop_clock(resolver->loop));
}

/* Servers that said nothing for some time are asked after all others, so that they cost every
 * question nothing. */
static bool is_mute(const struct server *server)
{
    return server->silences >= MUTE_SILENCES;
}

static void put_off(const struct kms_resolver *resolver, struct server *server)
{
    server->again_us = now_us(resolver) + INT64_C(1000000) * MUTE_FOR_S;
}

static void note_silence(const struct kms_resolver *resolver, struct server *server, int status)
{
    if (status == ARES_ETIMEOUT) {
        server->silences += is_mute(server) ? 0 : 1;
        put_off(resolver, server);
    }
}

static void answered(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    (void)timeouts;
    struct kms_question *question = arg;
    struct server *server = question->asked;
    question->pending = false;
    server->pending--;
    server->silences = bytes ? 0 : server->silences;
    note_silence(question->resolver, server, status);
    if (question->dropped || status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) {
        free_question(question);
        return;
    }
    if (!question->over_tcp && is_cut(bytes, len)) {
        ask_server(question, server, true);
        return;
    }
    enum kms_outcome outcome = outcome_of_header(question, outcome_of(status), bytes, len);
    bool is_best = is_final(outcome) || weight_of(outcome) > weight_of(question->outcome);
    if (is_best) {
        outcome = keep_bytes(question, outcome, bytes, len);
        question->outcome = outcome;
        kms_text_copy(question->server, sizeof question->server, server->text);
    }
    if (is_final(outcome)) {
        settle(question, question->resolved ? why_of(outcome) : outcome);
        return;
    }
    if (outcome != KMS_OUTCOME_DNS_TIMEOUT && !question->only) {
        question->spent |= 1U << question->at;
    }
    bool go_on = !question->only || outcome == KMS_OUTCOME_DNS_TIMEOUT;
    if (go_on) {
        ask(question);
    } else {
        settle(question, question->outcome);
    }
}

/* Whether the servers had their first chance. To learn why there is no address they have one more,
 * a short one. */
static bool is_patient(const struct kms_question *question)
{
    return !question->resolved &&
           question->tries > (question->only ? 1 : question->resolver->server_count);
}

static void ask_server(struct kms_question *question, struct server *server, bool over_tcp)
{
    struct channel *channel = channel_of(question->resolver, server, over_tcp,
                                         is_patient(question));
    if (!channel) {
        settle(question, KMS_OUTCOME_NO_MEMORY);
        return;
    }
    question->over_tcp = over_tcp;
    question->asked = server;
    question->pending = true;
    server->pending++;
    ares_query(channel->ares, question->name, C_IN, question->type, answered, question);
    arm(channel); /* the channel, since the question may have moved on */
}

/* Of those that are left in this round; the count of servers when there is none. */
static size_t best_server(const struct kms_question *question)
{
    const struct kms_resolver *resolver = question->resolver;
    size_t count = resolver->server_count, mute = count;
    for (size_t at = 0; at < count; at++) {
        const struct server *server = &resolver->server[at];
        if (question->taken & (1U << at)) {
            continue;
        }
        if (!is_mute(server) || now_us(resolver) >= server->again_us) {
            return at;
        }
        mute = mute == count ? at : mute;
    }
    return mute;
}

/* The next server in turn that is worth asking; NULL: all were asked as often as they are. */
static struct server *next_server(struct kms_question *question)
{
    struct kms_resolver *resolver = question->resolver;
    size_t count = resolver->server_count;
    if (question->only) {
        return question->tries++ < ROUNDS ? question->only : NULL;
    }
    while (count > 0 && question->tries < ROUNDS * count) {
        if (question->tries % count == 0) {
            question->taken = question->spent;
        }
        size_t at = best_server(question);
        if (at == count) {
            question->tries += count - question->tries % count;
            continue;
        }
        question->tries++;
        question->at = at;
        question->taken |= 1U << at;
        return &resolver->server[at];
    }
    return NULL;
}

static void ask(struct kms_question *question)
{
    struct server *server = next_server(question);
    if (!server) {
        settle(question, question->outcome != KMS_OUTCOME_NONE ? question->outcome
                                                               : KMS_OUTCOME_DNS_UNREACHABLE);
        return;
    }
    if (is_mute(server)) {
        put_off(question->resolver, server); /* one question is enough to find out */
    }
    ask_server(question, server, false);
}

struct kms_question *kms_resolve_query(struct kms_resolver *resolver, const char *name,
                                       enum kms_dns_type type, int64_t timeout_ms,
                                       kms_dns_reply_fn *done, void *arg)
{
    struct kms_question *question = new_question(resolver, name, timeout_ms, arg);
    if (!question) {
        return NULL;
    }
    question->replied = done;
    question->type = (int)type;
    kms_text_copy(question->server, sizeof question->server,
                  resolver->server_count > 0 ? resolver->server[0].text : "");
    if (name[0] == '\0') {
        settle(question, KMS_OUTCOME_DNS_NAME);
    } else {
        ask(question);
    }
    return question;
}

/* ---- servers beside the resolver's own ---- */

static void forget_idle(struct kms_resolver *resolver)
{
    size_t kept = 0;
    for (size_t i = 0; i < resolver->other_count; i++) {
        struct server *server = resolver->other[i];
        if (server->pending > 0) {
            resolver->other[kept++] = server;
        } else {
            close_server(server);
            free(server);
        }
    }
    resolver->other_count = kept;
}

static struct server *other_at(struct kms_resolver *resolver, const struct kms_address *address)
{
    char text[SERVER_TEXT];
    kms_resolver_server_text(address, text, sizeof text);
    for (size_t i = 0; i < resolver->other_count; i++) {
        if (kms_text_equal(resolver->other[i]->text, text)) {
            return resolver->other[i];
        }
    }
    if (resolver->other_count >= OTHERS_IDLE) {
        forget_idle(resolver);
    }
    struct server **grown = realloc(resolver->other,
                                    (resolver->other_count + 1) * sizeof(struct server *));
    if (!grown) {
        return NULL;
    }
    resolver->other = grown;
    struct server *server = calloc(1, sizeof *server);
    if (server) {
        server->address = *address;
        server->is_other = true;
        name_server(server);
        resolver->other[resolver->other_count++] = server;
    }
    return server;
}

struct kms_question *kms_resolve_query_at(struct kms_resolver *resolver,
                                          const struct kms_address *server, const char *name,
                                          enum kms_dns_type type, int64_t timeout_ms,
                                          kms_dns_reply_fn *done, void *arg)
{
    struct server *only = other_at(resolver, server);
    struct kms_question *question = only ? new_question(resolver, name, timeout_ms, arg) : NULL;
    if (!question) {
        return NULL;
    }
    question->replied = done;
    question->type = (int)type;
    question->only = only;
    kms_text_copy(question->server, sizeof question->server, only->text);
    if (name[0] == '\0') {
        settle(question, KMS_OUTCOME_DNS_NAME);
    } else {
        ask(question);
    }
    return question;
}
