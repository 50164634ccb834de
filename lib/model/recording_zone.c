/* Makes a recorded domain of a watched one, so that it can be played. */
#include <stdlib.h>

#include "base/text.h"
#include "model/recording_parts.h"
#include "model/zone_parts.h"

#define LOOKUPS_MAX \
    3 /* with the records that are gone, with those that are there, and a failed one */

struct taking {
    const struct kms_zones *zones;
    const struct kms_zone *zone;
    struct kms_recorded_domain *made;
};

/* How the target fared: not told again where another record has told it. */
static enum kms_outcome found_of(const struct kms_recorded_lookup *lookup,
                                 const struct kms_zone_record *record)
{
    bool is_no_name = kms_text_equal(record->target, ".") || kms_zone_is_address(record->target);
    for (size_t i = 0; i < lookup->record_count; i++) {
        if (kms_text_equal_nocase(lookup->record[i].target, record->target)) {
            return KMS_OUTCOME_NONE;
        }
    }
    if (is_no_name) {
        return KMS_OUTCOME_NONE;
    }
    switch (record->resolution) {
    case KMS_ZONE_RESOLVES:
        return record->address_count > 0 ? KMS_OUTCOME_OK : KMS_OUTCOME_DNS_TIMEOUT;
    case KMS_ZONE_RESOLVES_NOT:
        return KMS_OUTCOME_DNS_NXDOMAIN;
    default:
        return KMS_OUTCOME_DNS_TIMEOUT;
    }
}

static bool add_addresses(const struct kms_zone_record *from, struct kms_recorded_record *ret)
{
    bool ok = true;
    for (size_t i = 0; ok && ret->found != KMS_OUTCOME_NONE && i < from->address_count; i++) {
        ok = kms_texts_add(&ret->address, from->address[i]) == KMS_OK;
    }
    return ok;
}

static bool add_record(const struct taking *taking, const struct kms_zone_record_view *view,
                       const struct kms_zone_draw *draw, struct kms_recorded_lookup *lookup)
{
    const struct kms_zone_record *from = &view->record;
    if (lookup->record_count == KMS_ZONE_RECORDS_MAX || from->target[0] == '\0') {
        return true;
    }
    struct kms_recorded_record record = {
        .target = kms_text_dup(from->target),
        .port = from->port,
        .priority = draw->priority,
        .weight = draw->weight,
        .ttl = from->ttl,
        .found = found_of(lookup, from),
        .bind = view->present ? kms_zones_stranger(taking->zones, from) : KMS_RPC_UNKNOWN};
    bool ok = record.target && add_addresses(from, &record);
    lookup->record[lookup->record_count++] = record;
    return ok;
}

/* Several sound records for one target and port are one view; a flawed one has no draw. */
static bool add_view(const struct taking *taking, const struct kms_zone_record_view *view,
                     struct kms_recorded_lookup *lookup)
{
    const struct kms_zone_draw own = {view->record.priority, view->record.weight};
    bool ok = true;
    for (size_t i = 0; ok && i < view->draw_count; i++) {
        ok = add_record(taking, view, &view->draw[i], lookup);
    }
    return view->draw_count == 0 ? add_record(taking, view, &own, lookup) : ok;
}

static struct kms_recorded_lookup *begin(const struct taking *taking, enum kms_outcome outcome)
{
    struct kms_recorded_lookup *lookup = &taking->made->lookup[taking->made->lookup_count++];
    *lookup = (struct kms_recorded_lookup){.outcome = outcome};
    return lookup;
}

/* What was answered; those that are gone too, or only those that are there. */
static bool add_answer(const struct taking *taking, bool with_gone)
{
    struct kms_recorded_lookup *lookup = begin(taking, KMS_OUTCOME_OK);
    bool ok = true;
    lookup->record = calloc(KMS_ZONE_RECORDS_MAX, sizeof *lookup->record);
    for (size_t i = 0; ok && lookup->record && i < taking->zone->record_count; i++) {
        const struct kms_zone_record_view *view = &taking->zone->record[i];
        ok = (!view->present && !with_gone) || add_view(taking, view, lookup);
    }
    if (lookup->record_count == 0) {
        lookup->outcome = kms_zone_answered(taking->zone->outcome) &&
                                  taking->zone->outcome != KMS_OUTCOME_OK
                              ? taking->zone->outcome
                              : KMS_OUTCOME_DNS_NODATA;
    }
    return ok && lookup->record;
}

/* Of the monitor itself: nobody can look that up. */
static bool is_of_dns(enum kms_outcome outcome)
{
    return kms_text_starts(kms_outcome_row(outcome)->token, "dns-");
}

static bool add_detail(const struct taking *taking)
{
    struct kms_recorded_domain *made = taking->made;
    const struct kms_zone *zone = taking->zone;
    struct kms_recorded_lookup *last = &made->lookup[made->lookup_count - 1];
    bool is_told = zone->detail[0] != '\0' && last->outcome == zone->outcome;
    last->detail = is_told ? kms_text_dup(zone->detail) : NULL;
    return last->detail || !is_told;
}

static bool add_servers(const struct taking *taking)
{
    const struct kms_zone_servers *from = &taking->zone->servers;
    struct kms_recorded_domain *made = taking->made;
    struct kms_recorded_lookup *last = &made->lookup[made->lookup_count - 1];
    if (!from->known) {
        last->servers = from->text[0] ? KMS_RECORDED_SERVERS_UNKNOWN : KMS_RECORDED_SERVERS_UNTOLD;
    } else if (from->differ) {
        last->servers = KMS_RECORDED_SERVERS_DIFFER;
    } else {
        last->servers = from->disagree ? KMS_RECORDED_SERVERS_RESOLVER : KMS_RECORDED_SERVERS_AGREE;
    }
    last->servers_text = from->text[0] ? kms_text_dup(from->text) : NULL;
    return last->servers_text || !from->text[0];
}

static bool add_lookups(const struct taking *taking)
{
    const struct kms_zone *zone = taking->zone;
    bool is_answer = kms_zone_answered(zone->outcome), is_any_gone = false, ok = true;
    for (size_t i = 0; i < zone->record_count; i++) {
        is_any_gone = is_any_gone || !zone->record[i].present;
    }
    if (is_any_gone) {
        ok = add_answer(taking, true);
    }
    if (ok && (is_answer || zone->last_success_s > 0)) {
        ok = add_answer(taking, false);
    }
    if (ok && !is_answer && is_of_dns(zone->outcome)) {
        (void)begin(taking, zone->outcome);
    }
    return ok && (taking->made->lookup_count == 0 || (add_detail(taking) && add_servers(taking)));
}

static bool add_wish(const struct taking *taking, size_t at)
{
    const struct kms_zone_wish wish = kms_zones_wished(taking->zones, at);
    bool ok = true;
    taking->made->want_hosts = wish.hosts;
    for (size_t i = 0; ok && i < wish.expect_count; i++) {
        char text[KMS_ZONE_NAME_SIZE + 8];
        kms_text_format(text, sizeof text, "%s:%u", wish.expect[i].name,
                        (unsigned)wish.expect[i].port);
        ok = kms_texts_add(&taking->made->expect, text) == KMS_OK;
    }
    return ok;
}

enum kms_status kms_recording_take_zone(const struct kms_zones *zones, size_t zone, bool discover,
                                        struct kms_recorded_domain *ret)
{
    struct kms_recorded_domain made = {.discover = discover};
    const struct taking taking = {
        .zones = zones, .zone = kms_zones_get(zones, zone), .made = &made};
    if (taking.zone->index == 0 || taking.zone->outcome == KMS_OUTCOME_NONE) {
        return KMS_ENOTFOUND;
    }
    made.name = kms_text_dup(taking.zone->name);
    made.lookup = calloc(LOOKUPS_MAX, sizeof *made.lookup);
    if (!made.name || !made.lookup || !add_wish(&taking, zone) || !add_lookups(&taking)) {
        kms_recorded_domain_done(&made);
        return KMS_ENOMEM;
    }
    if (made.lookup_count == 0) {
        kms_recorded_domain_done(&made);
        return KMS_ENOTFOUND;
    }
    *ret = made;
    return KMS_OK;
}
