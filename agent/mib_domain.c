/* kmsmonDomainTable: one row per DNS domain whose KMS records are watched. */
#include "agent/mib_table.h"

enum told {
    NAME,
    STATUS,
    RECORDS,
    HEALTHY_HOSTS,
    WANTED_HOSTS,
    DEAD_SHARE,
    DEAD_SHARE_UNIFORM,
    ROGUE_RECORDS,
    SERVERS_DISAGREE,
    LAST_LOOKUP,
    DATA_AGE,
    REASONS,
    TRIES,
    TRIES_UNIFORM,
    SUMMARY
};

/* What a lookup counted; absent before one succeeded. */
static bool counted(const struct kms_zone *zone, uint32_t count, struct kms_mib_value *ret)
{
    return zone->last_success_s != 0 && kms_mib_number(ret, count);
}

static bool share(const struct kms_zone *zone, uint32_t per_mille, struct kms_mib_value *ret)
{
    return zone->shares_known && counted(zone, per_mille, ret);
}

static bool tries(const struct kms_zone *zone, uint32_t thousandths, struct kms_mib_value *ret)
{
    return zone->tries_known && counted(zone, thousandths, ret);
}

static bool get_told(const struct kms_mib_view *view, int what, struct kms_mib_value *ret)
{
    const struct kms_zone *zone = view->zone;
    switch ((enum told)what) {
    case NAME:
        return kms_mib_text(ret, zone->name);
    case STATUS:
        return kms_mib_number(ret, zone->state);
    case RECORDS:
        return counted(zone, zone->records, ret);
    case HEALTHY_HOSTS:
        return counted(zone, zone->healthy_hosts, ret);
    case WANTED_HOSTS:
        return kms_mib_number(ret, zone->wanted_hosts);
    case DEAD_SHARE:
        return share(zone, zone->dead_share, ret);
    case DEAD_SHARE_UNIFORM:
        return share(zone, zone->dead_share_uniform, ret);
    case ROGUE_RECORDS:
        return counted(zone, zone->rogue, ret);
    case SERVERS_DISAGREE:
        return zone->servers.known && kms_mib_truth(ret, zone->servers.disagree);
    case LAST_LOOKUP:
        return kms_mib_time(ret, zone->last_lookup_s);
    case DATA_AGE:
        return kms_mib_age(ret, view->now_s, zone->last_success_s);
    case SUMMARY:
        return kms_mib_text(ret, zone->summary);
    case REASONS:
        return kms_mib_bits(ret, zone->reasons, kms_words_reason());
    case TRIES:
        return tries(zone, zone->tries, ret);
    case TRIES_UNIFORM:
        return tries(zone, zone->tries_uniform, ret);
    }
    return false;
}

static const struct kms_mib_column columns[] = {
    {2, ASN_OCTET_STR, NAME, get_told},
    {3, ASN_INTEGER, STATUS, get_told},
    {4, ASN_GAUGE, RECORDS, get_told},
    {5, ASN_GAUGE, HEALTHY_HOSTS, get_told},
    {6, ASN_GAUGE, WANTED_HOSTS, get_told},
    {7, ASN_GAUGE, DEAD_SHARE, get_told},
    {8, ASN_GAUGE, DEAD_SHARE_UNIFORM, get_told},
    {9, ASN_GAUGE, ROGUE_RECORDS, get_told},
    {10, ASN_INTEGER, SERVERS_DISAGREE, get_told},
    {11, ASN_OCTET_STR, LAST_LOOKUP, get_told},
    {12, ASN_GAUGE, DATA_AGE, get_told},
    {13, ASN_OCTET_STR, REASONS, get_told},
    {14, ASN_GAUGE, TRIES, get_told},
    {15, ASN_GAUGE, TRIES_UNIFORM, get_told},
    {16, ASN_OCTET_STR, SUMMARY, get_told},
};

static void lay_out(const struct kms_board *board, const struct kms_zone *zone, size_t number,
                    struct kms_mib_rows *rows)
{
    (void)board;
    kms_mib_rows_add(rows, number, 0, zone->index, 0);
}

const struct kms_mib_table kms_mib_domain_table = {.number = 5,
                                                   .index_len = 1,
                                                   .column = columns,
                                                   .column_count = KMS_COUNT_OF(columns),
                                                   .lay_out_zone = lay_out};
