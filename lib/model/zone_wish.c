/* What the site wants of a domain: so many healthy hosts, and the hosts that it lists. */
#include <string.h>

#include "base/text.h"
#include "model/judge_parts.h"
#include "model/zone_parts.h"

static bool parse_port(const char *text, uint16_t *ret)
{
    uint64_t port;
    if (!kms_text_u64(text, &port) || port == 0 || port > UINT16_MAX) {
        return false;
    }
    *ret = (uint16_t)port;
    return true;
}

/* As DNS answers: visible ASCII. */
static bool is_plain(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (name[i] <= ' ' || name[i] > '~') {
            return false;
        }
    }
    return len > 0;
}

bool kms_zone_expected_parse(const char *text, struct kms_zone_expected *ret)
{
    struct kms_zone_expected made = {.port = KMS_DEFAULT_PORT};
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (!is_plain(text, len) || len >= sizeof made.name ||
        (colon && !parse_port(colon + 1, &made.port))) {
        return false;
    }
    memcpy(made.name, text, len);
    if (len > 1 && made.name[len - 1] == '.') {
        made.name[len - 1] = '\0';
    }
    *ret = made;
    return true;
}

const struct kms_zone_expected *kms_zone_listed(const struct kms_zone_wanted *wanted,
                                                const struct kms_zone_record *record)
{
    const struct kms_zone_expected *listed = NULL;
    for (size_t i = 0; i < wanted->expect_count; i++) {
        const struct kms_zone_expected *at = &wanted->expect[i];
        if (kms_text_equal_nocase(at->name, record->target) &&
            (!listed || at->port == record->port)) {
            listed = at;
        }
    }
    return listed;
}

static bool is_named(const struct kms_zone *zone, const struct kms_zone_expected *expected)
{
    for (size_t i = 0; i < zone->record_count && zone->record[i].present; i++) {
        if (kms_text_equal_nocase(zone->record[i].record.target, expected->name)) {
            return true;
        }
    }
    return false;
}

/* Hosts that are healthy, and those that may be: nobody asked them yet. */
static uint32_t count_hopes(const struct kms_zone *zone)
{
    uint32_t count = zone->healthy_hosts;
    for (size_t i = 0; i < zone->record_count && zone->record[i].present; i++) {
        const struct kms_zone_record_view *view = &zone->record[i];
        count += view->state == KMS_SRV_UNKNOWN && kms_zone_may_serve(view) ? 1 : 0;
    }
    return count;
}

void kms_zone_judge_wish(const struct kms_zone_wanted *wanted, struct kms_zone *zone)
{
    zone->few_hosts = count_hopes(zone) < zone->wanted_hosts;
    zone->unmet = 0;
    for (size_t i = 0; i < wanted->expect_count; i++) {
        zone->unmet += is_named(zone, &wanted->expect[i]) ? 0 : 1;
    }
    if (zone->few_hosts) {
        kms_worsen(&zone->state, KMS_STATE_WARNING);
        zone->reasons |= KMS_BIT(KMS_REASON_FEW_HOSTS);
    }
    if (zone->unmet > 0) {
        kms_worsen(&zone->state, KMS_STATE_WARNING);
        zone->reasons |= KMS_BIT(KMS_REASON_NOT_PUBLISHED);
    }
}

static const char *plural(uint32_t count)
{
    return count == 1 ? "" : "s";
}

void kms_zone_summary_text(struct kms_zone *zone)
{
    char *text = zone->summary;
    size_t size = sizeof zone->summary;
    if (zone->outcome == KMS_OUTCOME_NONE) {
        kms_text_copy(text, size, "not looked up yet");
        return;
    }
    if (!kms_zone_answered(zone->outcome)) {
        kms_text_copy(text, size,
                      zone->detail[0] ? zone->detail : kms_outcome_row(zone->outcome)->meaning);
        return;
    }
    kms_text_format(text, size, "%u record%s, %u healthy host%s of %u wanted",
                    (unsigned)zone->records, plural(zone->records), (unsigned)zone->healthy_hosts,
                    plural(zone->healthy_hosts), (unsigned)zone->wanted_hosts);
    if (zone->unmet > 0) {
        kms_text_append(text, size, ", %u expected host%s in no record", (unsigned)zone->unmet,
                        plural(zone->unmet));
    }
    if (zone->rogue > 0) {
        kms_text_append(text, size, ", %u rogue record%s", (unsigned)zone->rogue,
                        plural(zone->rogue));
    }
    if (zone->servers.known && zone->servers.differ) {
        kms_text_append(text, size, ", the zone's servers disagree: %s", zone->servers.text);
    }
}
