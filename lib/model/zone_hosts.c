/* Finds the watched hosts that a record leads to, in a sorted list of what DNS knows them by. */
#include "model/zone_parts.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "model/judge_parts.h"

/* An address in its usual form, so that two ways to write it are one. */
static bool usual_address(const char *text, char dst[INET6_ADDRSTRLEN])
{
    unsigned char bytes[sizeof(struct in6_addr)];
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    return inet_pton(family, text, bytes) == 1 && inet_ntop(family, bytes, dst, INET6_ADDRSTRLEN);
}

bool kms_zone_is_address(const char *text)
{
    char ignored[INET6_ADDRSTRLEN];
    return usual_address(text, ignored);
}

/* What the list is sorted by: false when the text is too long to be a name. */
static bool key_of(const char *text, char dst[KMS_ZONE_NAME_SIZE])
{
    char address[INET6_ADDRSTRLEN];
    if (!kms_text_copy(dst, KMS_ZONE_NAME_SIZE, usual_address(text, address) ? address : text)) {
        return false;
    }
    size_t len = strlen(dst);
    if (len > 1 && dst[len - 1] == '.') {
        dst[len - 1] = '\0';
    }
    for (size_t i = 0; dst[i]; i++) {
        dst[i] = kms_text_lower(dst[i]);
    }
    return true;
}

static int compare_size(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int compare_names(const void *a, const void *b)
{
    const struct kms_zone_host_name *x = a;
    const struct kms_zone_host_name *y = b;
    int order = strcmp(x->name, y->name);
    if (order == 0) {
        order = (x->port > y->port) - (x->port < y->port);
    }
    return order ? order : compare_size(x->slot, y->slot);
}

void kms_zone_hosts_done(struct kms_zone_hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++) {
        free(hosts->name[i].name);
    }
    free(hosts->name);
    free(hosts->domain);
    hosts->name = NULL;
    hosts->domain = NULL;
    hosts->count = hosts->cap = 0;
    hosts->domain_count = hosts->domain_cap = 0;
    hosts->version++;
    hosts->slots = 0;
    hosts->turnover = kms_board_turnover(hosts->board);
}

static bool add_name(struct kms_zone_hosts *hosts, const char *text, size_t slot)
{
    if (hosts->count == hosts->cap) {
        size_t cap = hosts->cap ? hosts->cap * 2 : 16;
        struct kms_zone_host_name *grown = realloc(hosts->name, cap * sizeof *grown);
        if (!grown) {
            return false;
        }
        hosts->name = grown;
        hosts->cap = cap;
    }
    char key[KMS_ZONE_NAME_SIZE];
    /* Too long for DNS: found by nothing. */
    char *name = kms_text_dup(key_of(text, key) ? key : "");
    if (!name) {
        return false;
    }
    int64_t port = kms_board_snapshot(hosts->board, slot)->target->port;
    hosts->name[hosts->count++] = (struct kms_zone_host_name){
        .name = name, .port = port, .slot = slot};
    return true;
}

/* As long as a domain is without its last dot. */
static size_t domain_length(const char *domain)
{
    size_t len = strlen(domain);
    return len > 0 && domain[len - 1] == '.' ? len - 1 : len;
}

static int order_domains(const char *a, const char *b)
{
    size_t a_len = domain_length(a), b_len = domain_length(b);
    int order = strncasecmp(a, b, a_len < b_len ? a_len : b_len);
    return order ? order : compare_size(a_len, b_len);
}

static int compare_domains(const void *a, const void *b)
{
    const struct kms_zone_host_domain *x = a;
    const struct kms_zone_host_domain *y = b;
    int order = order_domains(x->domain, y->domain);
    return order ? order : compare_size(x->slot, y->slot);
}

static bool room_for_domains(struct kms_zone_hosts *hosts, size_t more)
{
    size_t cap = hosts->domain_cap ? hosts->domain_cap : 16;
    while (cap < hosts->domain_count + more) {
        cap *= 2;
    }
    if (cap == hosts->domain_cap) {
        return true;
    }
    struct kms_zone_host_domain *grown = realloc(hosts->domain, cap * sizeof *grown);
    if (!grown) {
        return false;
    }
    hosts->domain = grown;
    hosts->domain_cap = cap;
    return true;
}

static bool add_domains(struct kms_zone_hosts *hosts, size_t slot)
{
    const struct kms_target *target = kms_board_snapshot(hosts->board, slot)->target;
    const char *own = kms_target_domain(target);
    if (!target->source[KMS_SOURCE_DNS].enabled) {
        return true;
    }
    if (!room_for_domains(hosts, target->publish_in.count + 1)) {
        return false;
    }
    if (own) {
        hosts->domain[hosts->domain_count++] = (struct kms_zone_host_domain){own, slot};
    }
    for (size_t i = 0; i < target->publish_in.count; i++) {
        const char *domain = target->publish_in.text[i];
        hosts->domain[hosts->domain_count++] = (struct kms_zone_host_domain){domain, slot};
    }
    return true;
}

size_t kms_zone_hosts_in(const struct kms_zone_hosts *hosts, const char *domain, size_t *ret_count)
{
    size_t low = 0, high = hosts->domain_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        bool is_before = order_domains(hosts->domain[middle].domain, domain) < 0;
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    size_t end = low;
    while (end < hosts->domain_count && order_domains(hosts->domain[end].domain, domain) == 0) {
        end++;
    }
    *ret_count = end - low;
    return low;
}

/* False when memory ran out; nothing of the slot is in the lists then. */
static bool add_slot(struct kms_zone_hosts *hosts, size_t slot)
{
    const struct kms_target *target = kms_board_snapshot(hosts->board, slot)->target;
    const char *address = kms_target_address(target);
    const char *name = kms_target_dns_name(target);
    if (kms_board_snapshot(hosts->board, slot)->retired) {
        hosts->slots++;
        return true;
    }
    size_t had = hosts->count;
    if (!add_name(hosts, address, slot) || (name != address && !add_name(hosts, name, slot)) ||
        !add_domains(hosts, slot)) {
        while (hosts->count > had) {
            free(hosts->name[--hosts->count].name);
        }
        return false;
    }
    hosts->slots++;
    return true;
}

enum kms_status kms_zone_hosts_sync(struct kms_zone_hosts *hosts)
{
    size_t count = kms_board_count(hosts->board);
    if (hosts->turnover != kms_board_turnover(hosts->board)) {
        kms_zone_hosts_done(hosts);
    }
    size_t had = hosts->slots;
    bool is_whole = true;
    while (is_whole && hosts->slots < count) {
        is_whole = add_slot(hosts, hosts->slots);
    }
    if (hosts->slots > had && hosts->count > 1) {
        qsort(hosts->name, hosts->count, sizeof *hosts->name, compare_names);
    }
    if (hosts->slots > had && hosts->domain_count > 1) {
        qsort(hosts->domain, hosts->domain_count, sizeof *hosts->domain, compare_domains);
    }
    hosts->version += hosts->slots > had || hosts->version == 0 ? 1 : 0;
    return is_whole ? KMS_OK : KMS_ENOMEM;
}

/* ---- the ports of a host ---- */

int64_t kms_zone_listens_on(const struct kms_snapshot *snapshot)
{
    return kms_fact_or(&snapshot->judgement.host, KMS_FACT_LISTENING_PORT, snapshot->target->port);
}

enum kms_rpc_state kms_zone_port_state(const struct kms_snapshot *snapshot, uint16_t port)
{
    const struct kms_target *target = snapshot->target;
    int64_t own = target->source[KMS_SOURCE_RPC].port;
    if ((own ? own : target->port) != port || snapshot->judgement.source[KMS_SOURCE_RPC].stale) {
        return KMS_RPC_UNKNOWN;
    }
    return (enum kms_rpc_state)kms_fact_or(&snapshot->judgement.host, KMS_FACT_RPC_STATE,
                                           KMS_RPC_UNKNOWN);
}

static bool is_port_of(const struct kms_snapshot *snapshot, uint16_t port)
{
    return kms_zone_listens_on(snapshot) == port ||
           kms_zone_port_state(snapshot, port) == KMS_RPC_ACCEPTED;
}

/* ---- looking up ---- */

struct search {
    const struct kms_zone_hosts *hosts;
    const struct kms_zone_record *record;
    struct kms_zone_match *match;
    size_t count, right;
};

/* The first entry that is not before the name and port. */
static size_t lower_bound(const struct kms_zone_hosts *hosts, const char *name, int64_t port)
{
    size_t low = 0, high = hosts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct kms_zone_host_name *at = &hosts->name[middle];
        int order = strcmp(at->name, name);
        bool is_before = order < 0 || (order == 0 && at->port < port);
        low = is_before ? middle + 1 : low;
        high = is_before ? high : middle;
    }
    return low;
}

static void take(struct search *search, size_t slot)
{
    for (size_t i = 0; i < search->count; i++) {
        if (search->match[i].slot == slot) {
            return;
        }
    }
    bool right = is_port_of(kms_board_snapshot(search->hosts->board, slot), search->record->port);
    search->match[search->count++] = (struct kms_zone_match){.slot = slot, .port_right = right};
    search->right += right ? 1 : 0;
}

static void take_range(struct search *search, const char *name, int64_t port, bool any_port)
{
    const struct kms_zone_hosts *hosts = search->hosts;
    for (size_t i = lower_bound(hosts, name, port);
         i < hosts->count && search->count < KMS_ZONE_MATCHES_MAX; i++) {
        const struct kms_zone_host_name *at = &hosts->name[i];
        if (strcmp(at->name, name) != 0 || (!any_port && at->port != port)) {
            return;
        }
        take(search, at->slot);
    }
}

/* Those that the site expects on the record's port first: there may be thousands of others. */
static void take_named(struct search *search, const char *text)
{
    char key[KMS_ZONE_NAME_SIZE];
    if (!key_of(text, key) || key[0] == '\0') {
        return;
    }
    size_t right = search->right;
    take_range(search, key, search->record->port, false);
    if (search->right == right) {
        take_range(search, key, 0, true);
    }
}

/* "kms1" of "kms1.example.com" in example.com. */
static bool short_name(const char *target, const char *domain, char dst[KMS_ZONE_NAME_SIZE])
{
    const char *dot = strchr(target, '.');
    return dot && kms_text_equal_nocase(dot + 1, domain) &&
           kms_text_format(dst, KMS_ZONE_NAME_SIZE, "%.*s", (int)(dot - target), target);
}

size_t kms_zone_hosts_match(const struct kms_zone_hosts *hosts, const char *domain,
                            const struct kms_zone_record *record,
                            struct kms_zone_match ret[KMS_ZONE_MATCHES_MAX])
{
    struct search search = {.hosts = hosts, .record = record, .match = ret};
    char name[KMS_ZONE_NAME_SIZE];
    take_named(&search, record->target);
    if (short_name(record->target, domain, name)) {
        take_named(&search, name);
    }
    for (size_t i = 0; i < record->address_count && i < KMS_ZONE_ADDRESSES_MAX; i++) {
        take_named(&search, record->address[i]);
    }
    if (search.right == 0) {
        return search.count;
    }
    size_t kept = 0;
    for (size_t i = 0; i < search.count; i++) {
        if (ret[i].port_right) {
            ret[kept++] = ret[i];
        }
    }
    return kept;
}
