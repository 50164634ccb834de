/* kmsmonSrvTable: one row per SRV record that was seen in a watched domain. */
#include "agent/mib_table.h"

enum told {
    NAME,
    TARGET,
    PORT,
    PRIORITY,
    WEIGHT,
    TTL,
    STATE,
    HOST_INDEX,
    SHARE,
    SHARE_UNIFORM,
    FIRST_SEEN,
    LAST_SEEN
};

static bool get_name(const struct kms_mib_view *view, struct kms_mib_value *ret)
{
    const struct kms_zone_record *record = &view->record->record;
    char text[KMS_MIB_TEXT_MAX + 1]; /* the domain comes last, since what is too long is cut */
    (void)kms_text_format(text, sizeof text, "%s:%u in %s", record->target, record->port,
                          view->zone->name);
    return kms_mib_text(ret, text);
}

static uint32_t host_index(const struct kms_mib_view *view)
{
    const struct kms_zone_record_view *record = view->record;
    if (!record->host_known || record->host_slot >= kms_board_count(view->board)) {
        return 0;
    }
    return kms_board_snapshot(view->board, record->host_slot)->index;
}

static bool get_told(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    const struct kms_zone_record_view *record = view->record;
    switch ((enum told)what) {
    case NAME:
        return get_name(view, ret);
    case TARGET:
        return kms_mib_text(ret, record->record.target);
    case PORT:
        return kms_mib_number(ret, record->record.port);
    case PRIORITY:
        return kms_mib_number(ret, record->record.priority);
    case WEIGHT:
        return kms_mib_number(ret, record->record.weight);
    case TTL:
        return record->present && kms_mib_number(ret, record->record.ttl);
    case STATE:
        return kms_mib_number(ret, record->state);
    case HOST_INDEX:
        return kms_mib_number(ret, host_index(view));
    case SHARE:
        return record->present && kms_mib_number(ret, record->share);
    case SHARE_UNIFORM:
        return record->present && kms_mib_number(ret, record->share_uniform);
    case FIRST_SEEN:
        return kms_mib_time(ret, record->first_seen_s);
    case LAST_SEEN:
        return kms_mib_time(ret, record->last_seen_s);
    }
    return false;
}

static const struct kms_mib_column columns[] = {
    {2, ASN_OCTET_STR, NAME, get_told},        {3, ASN_OCTET_STR, TARGET, get_told},
    {4, ASN_UNSIGNED, PORT, get_told},         {5, ASN_UNSIGNED, PRIORITY, get_told},
    {6, ASN_UNSIGNED, WEIGHT, get_told},       {7, ASN_UNSIGNED, TTL, get_told},
    {8, ASN_INTEGER, STATE, get_told},         {9, ASN_UNSIGNED, HOST_INDEX, get_told},
    {10, ASN_GAUGE, SHARE, get_told},          {11, ASN_GAUGE, SHARE_UNIFORM, get_told},
    {12, ASN_OCTET_STR, FIRST_SEEN, get_told}, {13, ASN_OCTET_STR, LAST_SEEN, get_told},
};

static void lay_out(const struct kms_board *board, const struct kms_zone *zone, size_t number,
                    struct kms_mib_rows *rows)
{
    (void)board;
    for (size_t i = 0; i < zone->record_count; i++) {
        if (zone->record[i].index != 0) {
            kms_mib_rows_add(rows, number, i, zone->index, zone->record[i].index);
        }
    }
}

static bool take(struct kms_mib_view *view, size_t position)
{
    const struct kms_zone *zone = view->zone;
    if (position >= zone->record_count || zone->record[position].index != view->index[1]) {
        return false;
    }
    view->record = &zone->record[position];
    return true;
}

/* By its number: a record changes its place with its priority and weight. */
static bool find(struct kms_mib_view *view)
{
    if (take(view, view->position)) {
        return true;
    }
    for (size_t i = 0; i < view->zone->record_count; i++) {
        if (take(view, i)) {
            return true;
        }
    }
    return false;
}

const struct kms_mib_table kms_mib_srv_table = {.number = 6,
                                                .index_len = 2,
                                                .column = columns,
                                                .column_count = KMS_COUNT_OF(columns),
                                                .lay_out_zone = lay_out,
                                                .find = find};
