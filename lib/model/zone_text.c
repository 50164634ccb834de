/* What the domains say of a host: the reason in words, and all of it as a result of source dns. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "model/zone_parts.h"

#define QUERY "_vlmcs._tcp"

/* ---- one host in one domain ---- */

static void published_text(const struct kms_zone_record *record, char *dst, size_t size)
{
    kms_text_format(dst, size, "published: %s:%u, priority %u, weight %u, TTL %u", record->target,
                    (unsigned)record->port, (unsigned)record->priority, (unsigned)record->weight,
                    (unsigned)record->ttl);
}

/* The host has tried in vain: the first to register owns the records, and may be another one. */
static void overdue_text(const struct kms_zone_reason *reason, char *dst, size_t size)
{
    kms_text_format(dst, size,
                    "not in %s for %" PRId64 " h, though %s publishes itself daily: look for event "
                    "12293 with 0x80072338 there; the records are another's: let all KMS hosts "
                    "write _vlmcs in _tcp, and restart its sppsvc",
                    reason->zone->name, reason->missing_s / 3600,
                    kms_target_dns_name(reason->host->target));
}

static void missing_text(const struct kms_zone_reason *reason, char *dst, size_t size)
{
    const char *host = kms_target_dns_name(reason->host->target);
    kms_text_format(dst, size, "no record of " QUERY ".%s names %s; ", reason->zone->name, host);
    if (reason->publication == KMS_PUBLICATION_DISABLED) {
        kms_text_append(dst, size, "the host's own publishing is off: ");
    }
    kms_text_append(dst, size,
                    "run 'slmgr.vbs /sdns' on the host and restart its service sppsvc, "
                    "or add the record by hand");
}

static void failed_text(const struct kms_zone_reason *reason, char *dst, size_t size)
{
    const struct kms_zone *zone = reason->zone;
    if (kms_zone_answered(zone->outcome)) {
        kms_text_format(dst, size,
                        "whether a record of " QUERY ".%s leads to %s is not known: the address of "
                        "a target could not be looked up",
                        zone->name, kms_target_dns_name(reason->host->target));
        return;
    }
    const char *why = zone->detail[0] ? zone->detail : kms_outcome_row(zone->outcome)->meaning;
    kms_text_format(dst, size, "%s could not be looked up: %s", zone->name, why);
}

static void wrong_port_text(const struct kms_zone_reason *reason, char *dst, size_t size)
{
    const struct kms_zone_record *record = reason->record;
    long long port = (long long)kms_zone_listens_on(reason->host);
    kms_text_format(dst, size,
                    "published: %s:%u, but the host listens on port %lld; correct the record, or "
                    "the host's port by 'slmgr.vbs /sprt %u'",
                    record->target, (unsigned)record->port, port, (unsigned)record->port);
    if (record->port == 0) {
        kms_text_format(dst, size,
                        "published: %s:0, a port that no client can use; the host listens on port "
                        "%lld: correct the record",
                        record->target, port);
    }
}

static void unresolvable_text(const struct kms_zone_reason *reason, char *dst, size_t size)
{
    const struct kms_zone_record *record = reason->record;
    if (record->flaw) {
        kms_text_format(dst, size, "the record for %s cannot be used: %s; correct the record",
                        record->target, record->flaw);
        return;
    }
    kms_text_format(dst, size,
                    "published: %s:%u, but %s has no address; add its A or AAAA record, or correct "
                    "the target",
                    record->target, (unsigned)record->port, record->target);
}

void kms_zone_reason_text(const struct kms_zone_reason *reason, char *dst, size_t size)
{
    switch (reason->publication) {
    case KMS_PUBLICATION_PUBLISHED:
        published_text(reason->record, dst, size);
        break;
    case KMS_PUBLICATION_NOT_EXPECTED:
        published_text(reason->record, dst, size);
        kms_text_append(dst, size, "; not expected here: name %s in publish-in, or remove it",
                        reason->zone->name);
        break;
    case KMS_PUBLICATION_MISSING:
        if (reason->overdue) {
            overdue_text(reason, dst, size);
            break;
        }
        missing_text(reason, dst, size);
        break;
    case KMS_PUBLICATION_DISABLED:
        missing_text(reason, dst, size);
        break;
    case KMS_PUBLICATION_WRONG_PORT:
        wrong_port_text(reason, dst, size);
        break;
    case KMS_PUBLICATION_UNRESOLVABLE:
        unresolvable_text(reason, dst, size);
        break;
    case KMS_PUBLICATION_LOOKUP_FAILED:
        failed_text(reason, dst, size);
        break;
    case KMS_PUBLICATION_UNKNOWN:
        kms_text_format(dst, size, "%s was not looked up yet", reason->zone->name);
        break;
    }
}

/* ---- one host in all domains ---- */

/* Short: it becomes part of the host's own line. */
static void detail_text(const struct kms_zone *zone, const struct kms_zone_publication *of,
                        char *dst, size_t size)
{
    switch (of->publication) {
    case KMS_PUBLICATION_PUBLISHED:
        kms_text_format(dst, size, "published in %s", zone->name);
        break;
    case KMS_PUBLICATION_NOT_EXPECTED:
        kms_text_format(dst, size, "published in %s, where it is not expected", zone->name);
        break;
    case KMS_PUBLICATION_MISSING:
        kms_text_format(dst, size, "not published in %s%s", zone->name,
                        of->overdue ? " for over 24 h, though it publishes (0x80072338?)" : "");
        break;
    case KMS_PUBLICATION_DISABLED:
        kms_text_format(dst, size, "not published in %s: its own publishing is off", zone->name);
        break;
    case KMS_PUBLICATION_WRONG_PORT:
        kms_text_format(dst, size, "published in %s on the wrong port", zone->name);
        break;
    case KMS_PUBLICATION_UNRESOLVABLE:
        kms_text_format(dst, size, "published in %s under a name without an address", zone->name);
        break;
    case KMS_PUBLICATION_LOOKUP_FAILED:
    case KMS_PUBLICATION_UNKNOWN:
        kms_text_copy(dst, size, of->reason);
        break;
    }
}

struct survey {
    const struct kms_zone *zone; /* the worst */
    const struct kms_zone_publication *of;
    enum kms_outcome failed; /* of the first expected one that was not answered; NONE */
    size_t published;
    int64_t last_lookup_s, data_s;
};

static bool is_worse(const struct kms_zone_publication *a, const struct kms_zone_publication *b)
{
    if (a->state == b->state) {
        return a->expected && !b->expected;
    }
    return kms_state_worse(a->state, b->state) == a->state;
}

static void take_in(struct survey *survey, const struct kms_zone *zone,
                    const struct kms_zone_publication *of)
{
    if (!survey->of || is_worse(of, survey->of)) {
        survey->zone = zone;
        survey->of = of;
    }
    if (of->expected && survey->failed == KMS_OUTCOME_NONE && !kms_zone_answered(zone->outcome)) {
        survey->failed = zone->outcome;
    }
    survey->published += of->publication == KMS_PUBLICATION_PUBLISHED ? 1 : 0;
    if (zone->last_lookup_s > survey->last_lookup_s) {
        survey->last_lookup_s = zone->last_lookup_s;
    }
    if (zone->last_success_s && (!survey->data_s || zone->last_success_s < survey->data_s)) {
        survey->data_s = zone->last_success_s;
    }
}

static void result_text(const struct survey *survey, char *dst, size_t size)
{
    detail_text(survey->zone, survey->of, dst, size);
    if (survey->of->publication == KMS_PUBLICATION_PUBLISHED && survey->published > 1) {
        kms_text_append(dst, size, " and %zu more", survey->published - 1);
    }
}

/* The board names times by the clock as it is. */
static int64_t named_now(const struct kms_zones *zones, int64_t time_s)
{
    return time_s != 0 ? time_s + kms_zones_set_by_s(zones) : 0;
}

bool kms_zones_host_result(const struct kms_zones *zones, size_t host_slot, struct kms_result *ret)
{
    struct survey survey = {0};
    for (size_t i = 0; i < kms_zones_count(zones); i++) {
        const struct kms_zone *zone = kms_zones_get(zones, i);
        const struct kms_zone_publication *of = kms_zone_publication_of(zone, host_slot);
        if (of && zone->outcome != KMS_OUTCOME_NONE) {
            take_in(&survey, zone, of);
        }
    }
    if (!survey.of) {
        return false;
    }
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_DNS);
    result.outcome = survey.failed == KMS_OUTCOME_NONE ? KMS_OUTCOME_OK : survey.failed;
    result.wall_s = named_now(zones, survey.last_lookup_s);
    result.data_s = named_now(zones, survey.data_s);
    result.data_s_min = result.data_s_max = result.data_s;
    result_text(&survey, result.detail, sizeof result.detail);
    if (kms_facts_set_number(&result.host, KMS_FACT_PUBLICATION, survey.of->publication) !=
            KMS_OK ||
        kms_facts_set_number(&result.host, KMS_FACT_PUBLICATION_JUDGED, survey.of->state) !=
            KMS_OK) {
        kms_result_done(&result);
        return false;
    }
    *ret = result;
    return true;
}
