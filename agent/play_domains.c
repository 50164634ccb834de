/* Makes answers of DNS of what is recorded: their flaws, order and meaning are found as ever. */
#include "agent/play_domains.h"

#include <stdlib.h>
#include <strings.h>

#include "agent/course.h"
#include "base/text.h"
#include "net/address.h"

struct part {
    const struct kms_recorded_domain *domain;
    struct kms_course course;
    size_t told; /* lookups up to the last one that was told; 0: none was */
};

struct kms_play_domains {
    struct part *part; /* by name */
    size_t count;
};

static bool fill_part(struct part *part, const struct kms_recorded_domain *domain)
{
    part->domain = domain;
    if (!kms_course_init(&part->course, domain->lookup_count, domain->repeat_ms)) {
        return false;
    }
    for (size_t i = 0; i < domain->lookup_count; i++) {
        kms_course_add(&part->course, domain->lookup[i].at_ms);
    }
    return true;
}

static int compare_parts(const void *a, const void *b)
{
    const struct part *first = a, *second = b;
    return strcasecmp(first->domain->name, second->domain->name);
}

struct kms_play_domains *kms_play_domains_new(const struct kms_recording *recording)
{
    struct kms_play_domains *domains = calloc(1, sizeof *domains);
    if (!domains) {
        return NULL;
    }
    domains->part = calloc(recording->domain_count + 1, sizeof *domains->part);
    bool whole = domains->part != NULL;
    for (size_t i = 0; whole && i < recording->domain_count; i++) {
        whole = fill_part(&domains->part[domains->count++], &recording->domain[i]);
    }
    if (!whole) {
        kms_play_domains_free(domains);
        return NULL;
    }
    qsort(domains->part, domains->count, sizeof *domains->part, compare_parts);
    return domains;
}

void kms_play_domains_free(struct kms_play_domains *domains)
{
    if (!domains) {
        return;
    }
    for (size_t i = 0; i < domains->count; i++) {
        kms_course_done(&domains->part[i].course);
    }
    free(domains->part);
    free(domains);
}

static int compare_name(const void *name, const void *part)
{
    const struct part *has = part;
    return strcasecmp(name, has->domain->name);
}

static struct part *find(const struct kms_play_domains *domains, const char *name)
{
    return bsearch(name, domains->part, domains->count, sizeof *domains->part, compare_name);
}

/* ---- one lookup ---- */

static void take_record(const struct kms_recorded_record *from, struct kms_srv *ret)
{
    *ret = (struct kms_srv){
        .priority = from->priority, .weight = from->weight, .port = from->port, .ttl = from->ttl};
    kms_text_copy(ret->target, sizeof ret->target, from->target);
}

static const struct kms_recorded_record *find_target(const struct kms_recorded_lookup *lookup,
                                                     const char *name)
{
    for (size_t i = 0; i < lookup->record_count; i++) {
        if (kms_dns_name_equal(lookup->record[i].target, name)) {
            return &lookup->record[i];
        }
    }
    return NULL;
}

static void take_target(const struct kms_recorded_record *from, struct kms_dns_target *target)
{
    target->outcome = from->found;
    target->found.ttl = from->ttl;
    for (size_t i = 0; i < from->address.count && target->found.count < KMS_DNS_ADDR_MAX; i++) {
        struct kms_address *address = &target->found.address[target->found.count];
        target->found.count += kms_address_parse(from->address.text[i], 0, address) ? 1 : 0;
    }
}

static bool take_records(const struct kms_recorded_lookup *lookup, struct kms_dns_domain *domain)
{
    struct kms_srv_set *set = &domain->set;
    set->srv = calloc(lookup->record_count + 1, sizeof *set->srv);
    if (!set->srv) {
        return false;
    }
    for (size_t i = 0; i < lookup->record_count; i++) {
        take_record(&lookup->record[i], &set->srv[set->count++]);
    }
    domain->outcome = kms_srv_set_judge(set);
    if (domain->outcome != KMS_OUTCOME_OK) {
        kms_srv_set_done(set);
        return true;
    }
    if (!kms_dns_list_targets(domain)) {
        return false;
    }
    for (size_t i = 0; i < domain->target_count; i++) {
        const struct kms_recorded_record *from = find_target(lookup, domain->target[i].name);
        if (from) {
            take_target(from, &domain->target[i]);
        }
    }
    return true;
}

static void take_lookup(const struct kms_recorded_lookup *lookup, struct kms_dns_domain *domain)
{
    domain->outcome = lookup->outcome;
    if (lookup->outcome == KMS_OUTCOME_OK && !take_records(lookup, domain)) {
        kms_dns_domain_done(domain);
        domain->outcome = KMS_OUTCOME_NO_MEMORY;
    }
    if (lookup->detail) {
        kms_text_copy(domain->detail, sizeof domain->detail, lookup->detail);
    } else if (domain->outcome != KMS_OUTCOME_OK) {
        kms_dns_explain(domain, "");
    }
}

void kms_play_domains_turn(struct kms_play_domains *domains, const char *name, int64_t gone_ms,
                           struct kms_dns_domain *ret)
{
    struct part *part = find(domains, name);
    *ret = (struct kms_dns_domain){
        .name = name, .outcome = KMS_OUTCOME_INTERNAL, .server = "the recording"};
    kms_text_format(ret->query, sizeof ret->query, KMS_SRV_PREFIX ".%s", name);
    if (!part || part->course.count == 0) {
        kms_text_copy(ret->detail, sizeof ret->detail, "the recording has no lookup of it");
        return;
    }
    int64_t ignored;
    size_t told = kms_course_turn(&part->course, gone_ms, &ignored);
    part->told = told + 1;
    take_lookup(&part->domain->lookup[told], ret);
}

/* ---- what goes with it ---- */

bool kms_play_domains_servers(const struct kms_play_domains *domains, const char *name,
                              struct kms_zone_servers *ret)
{
    const struct part *part = find(domains, name);
    const struct kms_recorded_lookup *lookup = part && part->told > 0
                                                   ? &part->domain->lookup[part->told - 1]
                                                   : NULL;
    if (!lookup || lookup->servers == KMS_RECORDED_SERVERS_UNTOLD) {
        return false;
    }
    bool differ = lookup->servers == KMS_RECORDED_SERVERS_DIFFER;
    *ret = (struct kms_zone_servers){.known = lookup->servers != KMS_RECORDED_SERVERS_UNKNOWN,
                                     .differ = differ,
                                     .disagree = differ ||
                                                 lookup->servers == KMS_RECORDED_SERVERS_RESOLVER};
    kms_text_copy(ret->text, sizeof ret->text, lookup->servers_text ? lookup->servers_text : "");
    return true;
}

static enum kms_rpc_state bind_of(const struct kms_recorded_lookup *lookup, const char *target,
                                  int64_t port)
{
    for (size_t i = 0; i < lookup->record_count; i++) {
        const struct kms_recorded_record *record = &lookup->record[i];
        if (record->port == port && record->bind != KMS_RPC_UNKNOWN &&
            kms_dns_name_equal(record->target, target)) {
            return record->bind;
        }
    }
    return KMS_RPC_UNKNOWN;
}

enum kms_rpc_state kms_play_domains_bind(const struct kms_play_domains *domains, const char *target,
                                         int64_t port)
{
    enum kms_rpc_state state = KMS_RPC_UNKNOWN;
    for (size_t i = 0; state == KMS_RPC_UNKNOWN && i < domains->count; i++) {
        const struct part *part = &domains->part[i];
        for (size_t k = part->told; state == KMS_RPC_UNKNOWN && k > 0; k--) {
            state = bind_of(&part->domain->lookup[k - 1], target, port);
        }
    }
    return state;
}
