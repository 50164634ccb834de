/* Finds the servers of a zone and asks each of them the same. */
#include "dns/authority.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { PORT_DNS = 53 };

/* One address question of a server's name, or the SRV question to one address. */
struct question {
    struct kms_authority_probe *probe;
    size_t index;                  /* of the name among the NS records, or of the server */
    struct kms_question *question; /* NULL once answered */
};

/* A name of an NS record while its addresses are looked up. */
struct named {
    char name[KMS_DNS_NAME_SIZE];
    enum kms_outcome outcome;
    struct kms_dns_addresses found;
};

struct kms_authority_probe {
    struct kms_resolver *resolver;
    struct kms_loop *loop;
    int64_t start_us, deadline_us;
    uint16_t port;
    kms_authority_done_fn *done;
    void *arg;
    char *name;
    const char *candidate; /* a name that may be that of the zone, within query */
    struct kms_authority authority;
    struct named *named;
    size_t named_count;
    struct kms_question *search; /* for the NS records; NULL: none is under way */
    struct question *part;       /* of the present stage */
    size_t part_count, waiting;
    struct kms_timer *ready; /* there was nothing to ask */
};

static int64_t now_us(const struct kms_authority_probe *probe)
{
    return kms_clock_mono_us(kms_loop_clock(probe->loop));
}

static int64_t left_ms(const struct kms_authority_probe *probe)
{
    int64_t left = (probe->deadline_us - now_us(probe) + 999) / 1000;
    return left > 0 ? left : 1;
}

static void free_probe(struct kms_authority_probe *probe)
{
    kms_timer_free(probe->ready);
    kms_authority_done(&probe->authority);
    free(probe->named);
    free(probe->part);
    free(probe->name);
    free(probe);
}

static void finish(struct kms_authority_probe *probe)
{
    probe->authority.duration_us = now_us(probe) - probe->start_us;
    probe->done(probe->arg, &probe->authority);
    free_probe(probe);
}

static void explain(enum kms_outcome outcome, const char *who, const struct kms_fault *fault,
                    char *dst, size_t size)
{
    const char *meaning = kms_outcome_row(outcome)->meaning;
    char raw[300];
    if (outcome == KMS_OUTCOME_DNS_MALFORMED && fault && fault->text[0] != '\0') {
        kms_text_format(raw, sizeof raw, "malformed answer of %s: %s", who, fault->text);
    } else {
        int len = (int)strcspn(meaning, ".");
        kms_text_format(raw, sizeof raw, "%.*s, %s", len, meaning, who);
    }
    kms_text_clean(dst, size, raw, strlen(raw));
}

static void fail(struct kms_authority_probe *probe, enum kms_outcome outcome, const char *who)
{
    struct kms_authority *authority = &probe->authority;
    authority->outcome = outcome;
    explain(outcome, who, NULL, authority->detail, sizeof authority->detail);
    finish(probe);
}

static bool plan(struct kms_authority_probe *probe, size_t count)
{
    struct question *part = calloc(count + 1, sizeof *part);
    if (!part) {
        return false;
    }
    free(probe->part);
    probe->part = part;
    probe->part_count = count;
    probe->waiting = 0;
    for (size_t i = 0; i < count; i++) {
        part[i].probe = probe;
    }
    return true;
}

/* ---- asking the servers ---- */

static void read_reply(struct kms_authority_probe *probe, struct kms_authority_server *server,
                       const struct kms_dns_reply *reply)
{
    const char *query = probe->authority.query;
    struct kms_fault fault = {.text = ""};
    server->outcome = reply->outcome;
    if (reply->outcome == KMS_OUTCOME_OK) {
        server->outcome = kms_srv_read(reply->bytes, reply->len, query, &server->set, &fault);
    }
    if (kms_dns_alias_loops(reply->bytes, reply->len, query)) {
        server->outcome = KMS_OUTCOME_DNS_LOOP;
    }
    if (reply->bytes && server->outcome == KMS_OUTCOME_DNS_NODATA) {
        (void)kms_dns_alias_read(reply->bytes, reply->len, query, server->alias);
    }
    if (!kms_authority_answered(server)) {
        explain(server->outcome, server->text, &fault, server->detail, sizeof server->detail);
    }
}

static void server_replied(void *arg, const struct kms_dns_reply *reply)
{
    struct question *part = arg;
    struct kms_authority_probe *probe = part->probe;
    part->question = NULL;
    read_reply(probe, &probe->authority.server[part->index], reply);
    probe->waiting--;
    if (probe->waiting == 0) {
        finish(probe);
    }
}

/* Calls back later: also where no server has an address. */
static void ready(void *arg)
{
    finish(arg);
}

/* False when memory ran out and nothing is under way. */
static bool ask_servers(struct kms_authority_probe *probe)
{
    struct kms_authority *authority = &probe->authority;
    if (!plan(probe, authority->count)) {
        return false;
    }
    authority->outcome = KMS_OUTCOME_OK;
    for (size_t i = 0; i < authority->count; i++) {
        struct kms_authority_server *server = &authority->server[i];
        if (server->text[0] == '\0') {
            continue;
        }
        probe->part[i].index = i;
        probe->part[i].question = kms_resolve_query_at(
            probe->resolver, &server->address, authority->query, KMS_DNS_SRV, left_ms(probe),
            server_replied, &probe->part[i]);
        if (probe->part[i].question) {
            probe->waiting++;
        } else {
            server->outcome = KMS_OUTCOME_NO_MEMORY;
        }
    }
    if (probe->waiting == 0) {
        kms_timer_set(probe->ready, 0);
    }
    return true;
}

/* ---- the addresses of the servers ---- */

static struct kms_authority_server *add_server(struct kms_authority *authority, const char *name)
{
    if (authority->count == KMS_AUTHORITY_SERVERS_MAX) {
        authority->left_out++;
        return NULL;
    }
    struct kms_authority_server *server = &authority->server[authority->count++];
    kms_text_copy(server->name, sizeof server->name, name);
    return server;
}

static void add_address(struct kms_authority *authority, const char *name,
                        const struct kms_address *address)
{
    char text[KMS_ADDRESS_TEXT + 8];
    kms_resolver_server_text(address, text, sizeof text);
    for (size_t i = 0; i < authority->count; i++) {
        if (kms_text_equal(authority->server[i].text, text)) {
            return; /* two names of one server */
        }
    }
    struct kms_authority_server *server = add_server(authority, name);
    if (server) {
        server->address = *address;
        memcpy(server->text, text, sizeof text);
    }
}

/* DNS gives them in another order each time. */
static int compare_servers(const void *left, const void *right)
{
    const struct kms_authority_server *a = left, *b = right;
    int names = strcmp(a->name, b->name);
    return names != 0 ? names : strcmp(a->text, b->text);
}

static void take_servers(struct kms_authority_probe *probe)
{
    struct kms_authority *authority = &probe->authority;
    for (size_t i = 0; i < probe->named_count; i++) {
        struct named *named = &probe->named[i];
        for (size_t k = 0; k < named->found.count; k++) {
            kms_address_set_port(&named->found.address[k], probe->port);
            add_address(authority, named->name, &named->found.address[k]);
        }
        struct kms_authority_server *server = named->found.count == 0
                                                  ? add_server(authority, named->name)
                                                  : NULL;
        if (server) {
            server->outcome = named->outcome;
            explain(named->outcome, named->name, NULL, server->detail, sizeof server->detail);
        }
    }
    if (authority->server && authority->count > 1) {
        qsort(authority->server, authority->count, sizeof *authority->server, compare_servers);
    }
    if (!ask_servers(probe)) {
        fail(probe, KMS_OUTCOME_NO_MEMORY, probe->name);
    }
}

static void address_replied(void *arg, const struct kms_dns_reply *reply)
{
    struct question *part = arg;
    struct kms_authority_probe *probe = part->probe;
    struct named *named = &probe->named[part->index];
    enum kms_outcome outcome = reply->outcome;
    part->question = NULL;
    if (outcome == KMS_OUTCOME_OK) {
        outcome = kms_dns_addresses_read(reply->bytes, reply->len, named->name, &named->found,
                                         NULL);
    }
    bool says_more = named->outcome == KMS_OUTCOME_NONE || outcome != KMS_OUTCOME_DNS_NODATA;
    if (says_more) {
        named->outcome = outcome;
    }
    probe->waiting--;
    if (probe->waiting == 0) {
        take_servers(probe);
    }
}

static bool look_up(struct kms_authority_probe *probe)
{
    if (!plan(probe, probe->named_count * 2)) {
        return false;
    }
    for (size_t i = 0; i < probe->part_count; i++) {
        struct question *part = &probe->part[i];
        part->index = i / 2;
        part->question = kms_resolve_query(probe->resolver, probe->named[part->index].name,
                                           i % 2 == 0 ? KMS_DNS_A : KMS_DNS_AAAA, left_ms(probe),
                                           address_replied, part);
        if (!part->question) {
            return probe->waiting > 0; /* what is under way is waited for */
        }
        probe->waiting++;
    }
    return probe->waiting > 0;
}

/* ---- the zone ---- */

static bool take_names(struct kms_authority_probe *probe, const struct kms_ns_set *set)
{
    probe->named = calloc(set->count, sizeof *probe->named);
    if (!probe->named) {
        return false;
    }
    probe->named_count = set->count;
    probe->authority.left_out = set->left_out;
    for (size_t i = 0; i < set->count; i++) {
        kms_text_copy(probe->named[i].name, sizeof probe->named[i].name, set->name[i]);
    }
    return true;
}

static void search(struct kms_authority_probe *probe);

/* The name above; NULL when that has but one label and is not the domain itself. */
static const char *above(const struct kms_authority_probe *probe, const char *name)
{
    const char *dot = strchr(name, '.');
    const char *domain = probe->authority.query + strlen(KMS_SRV_PREFIX) + 1;
    if (!dot || dot[1] == '\0') {
        return NULL;
    }
    const char *next = dot + 1;
    const char *more = strchr(next, '.');
    bool has_two = more && more[1] != '\0';
    return has_two || next == domain ? next : NULL;
}

static void search_replied(void *arg, const struct kms_dns_reply *reply)
{
    struct kms_authority_probe *probe = arg;
    struct kms_ns_set set;
    enum kms_outcome outcome = reply->outcome;
    probe->search = NULL;
    if (outcome == KMS_OUTCOME_OK) {
        outcome = kms_ns_read(reply->bytes, reply->len, probe->candidate, &set, NULL);
    }
    if (outcome == KMS_OUTCOME_OK) {
        kms_text_copy(probe->authority.zone, sizeof probe->authority.zone, probe->candidate);
        if (!take_names(probe, &set) || !look_up(probe)) {
            fail(probe, KMS_OUTCOME_NO_MEMORY, probe->name);
        }
        return;
    }
    bool goes_on = outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NXDOMAIN;
    const char *next = goes_on ? above(probe, probe->candidate) : NULL;
    if (!next) {
        fail(probe, outcome, reply->server);
        return;
    }
    probe->candidate = next;
    search(probe);
    if (!probe->search) {
        fail(probe, KMS_OUTCOME_NO_MEMORY, probe->name);
    }
}

static void search(struct kms_authority_probe *probe)
{
    probe->search = kms_resolve_query(probe->resolver, probe->candidate, KMS_DNS_NS, left_ms(probe),
                                      search_replied, probe);
}

/* ---- start and end ---- */

static bool begin(struct kms_authority_probe *probe, const struct kms_authority_setup *setup,
                  bool can_ask)
{
    struct kms_address address;
    const char *list = setup->servers;
    if (!can_ask) {
        probe->candidate = "";
        search(probe);
        return probe->search != NULL;
    }
    if (!list) {
        probe->candidate = probe->authority.query;
        search(probe);
        return probe->search != NULL;
    }
    while (kms_resolver_next_server(&list, &address, NULL)) {
        add_address(&probe->authority, "", &address);
    }
    return ask_servers(probe);
}

struct kms_authority_probe *kms_authority_start(struct kms_resolver *resolver,
                                                struct kms_loop *loop, const char *domain,
                                                const struct kms_authority_setup *setup,
                                                kms_authority_done_fn *done, void *arg)
{
    struct kms_authority_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    *probe = (struct kms_authority_probe){.resolver = resolver,
                                          .loop = loop,
                                          .port = setup->port > 0 ? setup->port : PORT_DNS,
                                          .done = done,
                                          .arg = arg,
                                          .name = kms_text_dup(domain),
                                          .ready = kms_timer_new(loop, ready, probe)};
    struct kms_authority *authority = &probe->authority;
    probe->start_us = now_us(probe);
    probe->deadline_us = probe->start_us + setup->timeout_ms * 1000;
    authority->name = probe->name;
    authority->server = calloc(KMS_AUTHORITY_SERVERS_MAX, sizeof *authority->server);
    bool fits = kms_text_format(authority->query, sizeof authority->query, KMS_SRV_PREFIX ".%s",
                                domain);
    size_t len = strlen(authority->query);
    if (fits && authority->query[len - 1] == '.') {
        authority->query[len - 1] = '\0';
    }
    bool whole = probe->name && probe->ready && authority->server && plan(probe, 0);
    if (!whole || !begin(probe, setup, fits && kms_dns_domain_plain(domain))) {
        free_probe(probe);
        return NULL;
    }
    return probe;
}

void kms_authority_cancel(struct kms_authority_probe *probe)
{
    if (!probe) {
        return;
    }
    kms_question_cancel(probe->search);
    for (size_t i = 0; i < probe->part_count; i++) {
        kms_question_cancel(probe->part[i].question);
    }
    free_probe(probe);
}

bool kms_authority_copy(struct kms_authority *ret, const struct kms_authority *from,
                        const char *name)
{
    struct kms_authority made = *from;
    made.name = name;
    made.count = 0;
    made.server = calloc(from->count + 1, sizeof *made.server);
    for (size_t i = 0; made.server && i < from->count; i++) {
        struct kms_authority_server *server = &made.server[i];
        *server = from->server[i];
        if (!kms_srv_set_copy(&server->set, &from->server[i].set)) {
            kms_authority_done(&made);
            break;
        }
        made.count++;
    }
    if (!made.server) {
        return false;
    }
    *ret = made;
    return true;
}

void kms_authority_done(struct kms_authority *authority)
{
    for (size_t i = 0; authority->server && i < authority->count; i++) {
        kms_srv_set_done(&authority->server[i].set);
    }
    free(authority->server);
    authority->server = NULL;
    authority->count = 0;
}
