/* Tables that are in the MIB and have no rows yet: the request log is not watched by this release.
 */
#include "agent/mib_table.h"

static const struct kms_mib_column fleet_columns[] = {
    {2, ASN_OCTET_STR, 0, NULL},  /* Name */
    {3, ASN_GAUGE, 0, NULL},      /* Clients30d */
    {4, ASN_GAUGE, 0, NULL},      /* Clients7d */
    {5, ASN_GAUGE, 0, NULL},      /* VirtualClients */
    {6, ASN_GAUGE, 0, NULL},      /* Requests24h */
    {7, ASN_GAUGE, 0, NULL},      /* Failed24h */
    {8, ASN_GAUGE, 0, NULL},      /* DuplicateIds */
    {9, ASN_GAUGE, 0, NULL},      /* RenamedClients */
    {10, ASN_GAUGE, 0, NULL},     /* ExpiringClients */
    {11, ASN_GAUGE, 0, NULL},     /* SilentClients */
    {12, ASN_OCTET_STR, 0, NULL}, /* LastRequest */
    {13, ASN_OCTET_STR, 0, NULL}, /* OldestEvent */
    {14, ASN_GAUGE, 0, NULL},     /* DataAge */
};

static const struct kms_mib_column error_columns[] = {
    {2, ASN_OCTET_STR, 0, NULL}, /* Symbol */
    {3, ASN_COUNTER, 0, NULL},   /* Count */
    {4, ASN_OCTET_STR, 0, NULL}, /* LastSeen */
    {5, ASN_OCTET_STR, 0, NULL}, /* LastClient */
    {6, ASN_OCTET_STR, 0, NULL}, /* Meaning */
    {7, ASN_OCTET_STR, 0, NULL}, /* Advice */
};

const struct kms_mib_table kms_mib_fleet_table = {.number = 8,
                                                  .index_len = 2,
                                                  .column = fleet_columns,
                                                  .column_count = KMS_COUNT_OF(fleet_columns)};

const struct kms_mib_table kms_mib_error_table = {.number = 9,
                                                  .index_len = 2,
                                                  .column = error_columns,
                                                  .column_count = KMS_COUNT_OF(error_columns)};
