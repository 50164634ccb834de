/* Asks for the SRV records of one domain and then for all addresses at once. */
#include "dns/probe.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct kms_dns_probe {
    struct kms_resolver *resolver;
    struct kms_loop *loop;
    int64_t start_us, deadline_us;
    kms_dns_done_fn *done;
    void *arg;
    char *name;
    struct kms_dns_domain domain;
    struct kms_question *question; /* for the SRV records; NULL once answered */
    struct lookup *lookup;         /* two for each target */
    size_t waiting;                /* lookups that are not answered yet */
};

struct lookup {
    struct kms_dns_probe *probe;
    struct kms_dns_target *target;
    struct kms_question *question; /* NULL once answered */
};

static int64_t now_us(const struct kms_dns_probe *probe)
{
    return kms_clock_mono_us(kms_loop_clock(probe->loop));
}

static int64_t left_ms(const struct kms_dns_probe *probe)
{
    int64_t left = (probe->deadline_us - now_us(probe) + 999) / 1000;
    return left > 0 ? left : 1;
}

static void free_probe(struct kms_dns_probe *probe)
{
    kms_srv_set_done(&probe->domain.set);
    free(probe->domain.target);
    free(probe->lookup);
    free(probe->name);
    free(probe);
}

static void finish(struct kms_dns_probe *probe)
{
    probe->domain.duration_us = now_us(probe) - probe->start_us;
    probe->done(probe->arg, &probe->domain);
    free_probe(probe);
}

/* Less sure knowledge gives way: an address beats everything, and "not known" beats "none". */
static void add_outcome(struct kms_dns_target *target, enum kms_outcome outcome)
{
    bool known = target->outcome == KMS_OUTCOME_NONE || target->outcome == KMS_OUTCOME_DNS_NODATA ||
                 target->outcome == KMS_OUTCOME_DNS_NXDOMAIN;
    if (outcome == KMS_OUTCOME_OK || (known && outcome != KMS_OUTCOME_DNS_NODATA) ||
        target->outcome == KMS_OUTCOME_NONE) {
        target->outcome = outcome;
    }
}

static void address_replied(void *arg, const struct kms_dns_reply *reply)
{
    struct lookup *lookup = arg;
    struct kms_dns_probe *probe = lookup->probe;
    enum kms_outcome outcome = reply->outcome;
    lookup->question = NULL;
    if (outcome == KMS_OUTCOME_OK) {
        outcome = kms_dns_addresses_read(reply->bytes, reply->len, lookup->target->name,
                                         &lookup->target->found, NULL);
    } else if (kms_dns_alias_loops(reply->bytes, reply->len, lookup->target->name)) {
        outcome = KMS_OUTCOME_DNS_LOOP;
    }
    if (lookup->target->outcome != KMS_OUTCOME_OK) {
        add_outcome(lookup->target, outcome);
    }
    probe->waiting--;
    if (probe->waiting == 0) {
        finish(probe);
    }
}

static bool has_target(const struct kms_dns_domain *domain, const char *name)
{
    for (size_t i = 0; i < domain->target_count; i++) {
        if (kms_dns_name_equal(domain->target[i].name, name)) {
            return true;
        }
    }
    return false;
}

bool kms_dns_list_targets(struct kms_dns_domain *domain)
{
    domain->target = calloc(KMS_DNS_TARGETS_MAX, sizeof *domain->target);
    for (size_t i = 0; domain->target && i < domain->set.count; i++) {
        const struct kms_srv *srv = &domain->set.srv[i];
        bool named = srv->flaw != KMS_SRV_ROOT && srv->flaw != KMS_SRV_ADDRESS;
        if (named && domain->target_count < KMS_DNS_TARGETS_MAX &&
            !has_target(domain, srv->target)) {
            kms_text_copy(domain->target[domain->target_count++].name, KMS_DNS_NAME_SIZE,
                          srv->target);
        }
    }
    return domain->target != NULL;
}

/* False when memory ran out; what is under way then stays. */
static bool look_up(struct kms_dns_probe *probe)
{
    struct kms_dns_domain *domain = &probe->domain;
    if (!kms_dns_list_targets(domain)) {
        return false;
    }
    size_t count = domain->target_count * 2;
    probe->lookup = calloc(count > 0 ? count : 1, sizeof *probe->lookup);
    if (!probe->lookup) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct lookup *lookup = &probe->lookup[i];
        *lookup = (struct lookup){.probe = probe, .target = &domain->target[i / 2]};
        lookup->question = kms_resolve_query(probe->resolver, lookup->target->name,
                                             i % 2 == 0 ? KMS_DNS_A : KMS_DNS_AAAA, left_ms(probe),
                                             address_replied, lookup);
        if (lookup->question) {
            probe->waiting++;
        } else {
            lookup->target->outcome = KMS_OUTCOME_NO_MEMORY;
        }
    }
    return true;
}

void kms_dns_explain(struct kms_dns_domain *domain, const char *what)
{
    const char *meaning = kms_outcome_row(domain->outcome)->meaning;
    char raw[sizeof domain->detail];
    if (domain->outcome == KMS_OUTCOME_DNS_MALFORMED && what[0] != '\0') {
        kms_text_format(raw, sizeof raw, "malformed answer of %s: %s", domain->server, what);
    } else {
        int len = (int)strcspn(meaning, ".");
        kms_text_format(raw, sizeof raw, "%.*s, %s", len, meaning, domain->server);
    }
    kms_text_clean(domain->detail, sizeof domain->detail, raw, strlen(raw));
}

/* NXDOMAIN of _vlmcs._tcp says little about the domain; the bytes say more than the outcome. */
static void srv_replied(void *arg, const struct kms_dns_reply *reply)
{
    struct kms_dns_probe *probe = arg;
    struct kms_dns_domain *domain = &probe->domain;
    struct kms_fault fault = {.text = ""};
    probe->question = NULL;
    domain->lookup_us = now_us(probe) - probe->start_us;
    domain->outcome = reply->outcome;
    kms_text_copy(domain->server, sizeof domain->server, reply->server);
    if (reply->outcome == KMS_OUTCOME_OK) {
        domain->outcome = kms_srv_read(reply->bytes, reply->len, domain->query, &domain->set,
                                       &fault);
    } else if (kms_dns_alias_loops(reply->bytes, reply->len, domain->query)) {
        domain->outcome = KMS_OUTCOME_DNS_LOOP;
    }
    if (domain->outcome == KMS_OUTCOME_OK && !look_up(probe)) {
        domain->outcome = KMS_OUTCOME_NO_MEMORY;
    }
    if (domain->outcome != KMS_OUTCOME_OK) {
        kms_dns_explain(domain, fault.text);
    }
    if (probe->waiting == 0) {
        finish(probe);
    }
}

bool kms_dns_domain_plain(const char *domain)
{
    bool plain = true;
    for (size_t i = 0; plain && domain[i]; i++) {
        plain = domain[i] > 0x20 && domain[i] < 0x7f && domain[i] != '\\';
    }
    return plain;
}

struct kms_dns_probe *kms_dns_start(struct kms_resolver *resolver, struct kms_loop *loop,
                                    const char *domain, int64_t timeout_ms, kms_dns_done_fn *done,
                                    void *arg)
{
    struct kms_dns_probe *probe = calloc(1, sizeof *probe);
    if (!probe) {
        return NULL;
    }
    *probe = (struct kms_dns_probe){
        .resolver = resolver, .loop = loop, .done = done, .arg = arg, .name = kms_text_dup(domain)};
    probe->start_us = now_us(probe);
    probe->deadline_us = probe->start_us + timeout_ms * 1000;
    probe->domain.name = probe->name;
    /* A name that was cut must not be asked for. */
    char *query = probe->domain.query;
    bool fits = kms_text_format(query, sizeof probe->domain.query, KMS_SRV_PREFIX ".%s", domain);
    bool can_ask = fits && kms_dns_domain_plain(domain);
    if (probe->name) {
        probe->question = kms_resolve_query(resolver, can_ask ? query : "", KMS_DNS_SRV,
                                            left_ms(probe), srv_replied, probe);
    }
    if (!probe->question) {
        free_probe(probe);
        return NULL;
    }
    return probe;
}

void kms_dns_cancel(struct kms_dns_probe *probe)
{
    if (!probe) {
        return;
    }
    kms_question_cancel(probe->question);
    for (size_t i = 0; probe->lookup && i < probe->domain.target_count * 2; i++) {
        kms_question_cancel(probe->lookup[i].question);
    }
    free_probe(probe);
}

bool kms_dns_domain_copy(struct kms_dns_domain *ret, const struct kms_dns_domain *from,
                         const char *name)
{
    struct kms_dns_domain made = *from;
    made.name = name;
    made.target = NULL;
    if (!kms_srv_set_copy(&made.set, &from->set)) {
        return false;
    }
    if (from->target_count > 0) {
        made.target = malloc(from->target_count * sizeof *made.target);
        if (!made.target) {
            kms_srv_set_done(&made.set);
            return false;
        }
        memcpy(made.target, from->target, from->target_count * sizeof *made.target);
    }
    *ret = made;
    return true;
}

void kms_dns_domain_done(struct kms_dns_domain *domain)
{
    kms_srv_set_done(&domain->set);
    free(domain->target);
    domain->target = NULL;
    domain->target_count = 0;
}

/* ---- questions about the answer ---- */

const struct kms_dns_target *kms_dns_target_of(const struct kms_dns_domain *domain,
                                               const struct kms_srv *srv)
{
    for (size_t i = 0; i < domain->target_count; i++) {
        if (kms_dns_name_equal(domain->target[i].name, srv->target)) {
            return &domain->target[i];
        }
    }
    return NULL;
}

static bool has_address(const struct kms_dns_target *target, const struct kms_address *address)
{
    char wanted[KMS_ADDRESS_TEXT], text[KMS_ADDRESS_TEXT];
    kms_address_text(address, wanted, sizeof wanted);
    for (size_t i = 0; i < target->found.count; i++) {
        kms_address_text(&target->found.address[i], text, sizeof text);
        if (kms_text_equal(wanted, text)) {
            return true;
        }
    }
    return false;
}

bool kms_dns_names_host(const struct kms_dns_domain *domain, const struct kms_srv *srv,
                        const char *host)
{
    struct kms_address address;
    if (kms_address_parse(host, 0, &address)) {
        const struct kms_dns_target *target = kms_dns_target_of(domain, srv);
        return kms_text_equal(host, srv->target) || (target && has_address(target, &address));
    }
    char full[KMS_DNS_NAME_SIZE];
    bool is_short = strchr(host, '.') == NULL &&
                    kms_text_format(full, sizeof full, "%s.%s", host, domain->name);
    return kms_dns_name_equal(srv->target, host) ||
           (is_short && kms_dns_name_equal(srv->target, full));
}
