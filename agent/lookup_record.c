/* Copies an answer of DNS, record by record. */
#include "agent/lookup_record.h"

#include <stdlib.h>

#include "base/text.h"

static enum kms_zone_resolution resolution_of(const struct kms_dns_target *target)
{
    if (!target) {
        return KMS_ZONE_RESOLUTION_UNKNOWN;
    }
    switch (target->outcome) {
    case KMS_OUTCOME_OK:
        return KMS_ZONE_RESOLVES;
    case KMS_OUTCOME_DNS_NXDOMAIN:
    case KMS_OUTCOME_DNS_NODATA:
    case KMS_OUTCOME_DNS_LOOP:
        return KMS_ZONE_RESOLVES_NOT;
    default:
        return KMS_ZONE_RESOLUTION_UNKNOWN;
    }
}

static void take_record(const struct kms_dns_domain *domain, const struct kms_srv *srv,
                        struct kms_zone_record *ret)
{
    const struct kms_dns_target *target = kms_dns_target_of(domain, srv);
    *ret = (struct kms_zone_record){.port = srv->port,
                                    .priority = srv->priority,
                                    .weight = srv->weight,
                                    .ttl = srv->ttl,
                                    .flaw = kms_srv_usable(srv) ? NULL
                                                                : kms_srv_flaw_text(srv->flaw),
                                    .resolution = resolution_of(target)};
    kms_text_copy(ret->target, sizeof ret->target, srv->target);
    for (size_t i = 0; target && i < target->found.count; i++) {
        if (ret->address_count < KMS_ZONE_ADDRESSES_MAX) {
            kms_address_text(&target->found.address[i], ret->address[ret->address_count++],
                             KMS_ZONE_ADDRESS_SIZE);
        }
    }
}

struct kms_zone_lookup kms_lookup_without_memory(int64_t wall_s)
{
    return (struct kms_zone_lookup){.outcome = KMS_OUTCOME_NO_MEMORY, .wall_s = wall_s};
}

bool kms_lookup_take(const struct kms_dns_domain *domain, int64_t wall_s,
                     struct kms_zone_lookup *ret, struct kms_zone_record **ret_record)
{
    struct kms_zone_record *record = calloc(domain->set.count + 1, sizeof *record);
    *ret_record = record;
    *ret = kms_lookup_without_memory(wall_s);
    if (!record) {
        return false;
    }
    ret->outcome = domain->outcome;
    ret->record = record;
    ret->left_out = domain->set.left_out;
    kms_text_copy(ret->detail, sizeof ret->detail, domain->detail);
    for (size_t i = 0; i < domain->set.count; i++) {
        /* A set holds a record once, whatever the server sent. */
        if (domain->set.srv[i].flaw != KMS_SRV_DUPLICATE) {
            take_record(domain, &domain->set.srv[i], &record[ret->record_count++]);
        }
    }
    return true;
}
