/* Which facts of a domain and its records are wrong, which are right, and which cannot be told. */
#include "agent/alarm_inquiry.h"

#include "base/text.h"

#define DOMAIN_TYPES (KMS_ALARM_TYPES_OF_RECORDS | KMS_ALARM_TYPE_BIT(KMS_ALARM_STALE))

static void find_publication(struct kms_inquiry *q, const struct kms_board *board,
                             const struct kms_zone *zone,
                             const struct kms_zone_publication *publication)
{
    if (publication->host_slot >= kms_board_count(board)) {
        return;
    }
    const struct kms_snapshot *host = kms_board_snapshot(board, publication->host_slot);
    bool lost = publication->expected && (publication->state == KMS_STATE_WARNING ||
                                          publication->state == KMS_STATE_CRITICAL);
    const struct kms_alarm_condition of = {
        .type = KMS_ALARM_PUBLICATION,
        .owner = host->target->name,
        .row = kms_alarm_row_of(KMS_ALARM_TABLE_PUBLICATION, publication->host_index, zone->index),
        .severity = lost ? publication->state : KMS_STATE_OK,
        .frozen = publication->expected && publication->state == KMS_STATE_UNKNOWN,
        .polled = true};
    if (host->retired || host->index != publication->host_index ||
        !kms_inquiry_matters(q, of.severity, of.frozen)) {
        return;
    }
    char object[KMS_ALARM_NAME_SIZE];
    kms_text_format(object, sizeof object, "domain %s", zone->name);
    kms_inquiry_lower(object);
    struct kms_alarm_finding *finding = kms_inquiry_add(q, &of, object);
    if (finding) {
        kms_text_copy(finding->text, sizeof finding->text, publication->reason);
    }
}

static struct kms_alarm_row domain_row(const struct kms_zone *zone)
{
    return (struct kms_alarm_row){
        .table = KMS_ALARM_TABLE_DOMAIN, .len = 1, .index = {zone->index, 0}};
}

static void find_rogue(struct kms_inquiry *q, const struct kms_alarm_lookup *lookup,
                       const struct kms_zone_record_view *view)
{
    const struct kms_zone *zone = lookup->zone;
    bool rogue = view->state == KMS_SRV_ROGUE;
    bool asked = lookup->strangers_are_asked || !view->stranger;
    const struct kms_alarm_condition of = {
        .type = KMS_ALARM_ROGUE,
        .owner = zone->name,
        .row = view->index != 0 ? kms_alarm_row_of(KMS_ALARM_TABLE_SRV, zone->index, view->index)
                                : domain_row(zone),
        .severity = rogue ? KMS_STATE_WARNING : KMS_STATE_OK,
        .frozen = asked && view->present && view->state == KMS_SRV_UNKNOWN,
        .polled = true};
    if (!kms_inquiry_matters(q, of.severity, of.frozen)) {
        return;
    }
    char object[KMS_ALARM_NAME_SIZE];
    kms_text_format(object, sizeof object, "record %s:%u", view->record.target,
                    (unsigned)view->record.port);
    kms_inquiry_lower(object);
    struct kms_alarm_finding *finding = kms_inquiry_add(q, &of, object);
    if (finding) {
        kms_text_format(finding->text, sizeof finding->text, "%s:%u: %s", view->record.target,
                        (unsigned)view->record.port,
                        asked ? kms_word_meaning(kms_words_srv_state(), (int)view->state)
                              : "what it leads to is not asked any more");
    }
}

/* DNS gave an answer, if only that there is nothing. */
static bool is_answered(enum kms_outcome outcome)
{
    return outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_DNS_NXDOMAIN ||
           outcome == KMS_OUTCOME_DNS_NODATA || outcome == KMS_OUTCOME_DNS_NO_SERVICE;
}

static void find_silence(struct kms_inquiry *q, const struct kms_zone *zone)
{
    bool silent = !is_answered(zone->outcome);
    const struct kms_alarm_condition of = {.type = KMS_ALARM_STALE,
                                           .owner = zone->name,
                                           .row = domain_row(zone),
                                           .severity = silent ? KMS_STATE_UNKNOWN : KMS_STATE_OK,
                                           .polled = true};
    if (!kms_inquiry_matters(q, of.severity, of.frozen)) {
        return;
    }
    struct kms_alarm_finding *finding = kms_inquiry_add(q, &of, "lookup");
    if (!finding) {
        return;
    }
    const struct kms_outcome_row *row = kms_outcome_row(zone->outcome);
    if (silent) {
        kms_text_format(finding->text, sizeof finding->text, "%s: %s: %s", zone->name, row->token,
                        zone->detail[0] ? zone->detail : row->meaning);
    } else {
        kms_text_format(finding->text, sizeof finding->text, "%s can be looked up", zone->name);
    }
}

bool kms_alarm_find_zone(struct kms_alarm_findings *findings, const struct kms_alarms *alarms,
                         const struct kms_alarm_lookup *lookup, struct kms_alarm_update *ret_update)
{
    const struct kms_zone *zone = lookup->zone;
    struct kms_inquiry q = {.findings = findings, .alarms = alarms};
    kms_inquiry_begin(&q, "domain", zone->name);
    find_silence(&q, zone);
    if (!is_answered(zone->outcome)) {
        *ret_update = (struct kms_alarm_update){.types = DOMAIN_TYPES,
                                                .unsure = KMS_ALARM_TYPES_OF_RECORDS,
                                                .polled = DOMAIN_TYPES &
                                                          ~KMS_ALARM_TYPES_OF_RECORDS};
        return kms_inquiry_end(&q, ret_update);
    }
    for (size_t i = 0; i < zone->publication_count; i++) {
        find_publication(&q, lookup->board, zone, &zone->publication[i]);
    }
    for (size_t i = 0; i < zone->record_count; i++) {
        find_rogue(&q, lookup, &zone->record[i]);
    }
    *ret_update = (struct kms_alarm_update){.types = DOMAIN_TYPES, .polled = DOMAIN_TYPES};
    return kms_inquiry_end(&q, ret_update);
}
