/* Tables that are in the MIB and have no rows yet: DNS, the request log and alarms are not watched
 * by this release. */
#include "agent/mib_table.h"

static const struct kms_mib_column domain_columns[] = {
    {2, ASN_OCTET_STR, NULL, 0},  /* Name */
    {3, ASN_INTEGER, NULL, 0},    /* Status */
    {4, ASN_GAUGE, NULL, 0},      /* Records */
    {5, ASN_GAUGE, NULL, 0},      /* HealthyHosts */
    {6, ASN_GAUGE, NULL, 0},      /* WantedHosts */
    {7, ASN_GAUGE, NULL, 0},      /* DeadShare */
    {8, ASN_GAUGE, NULL, 0},      /* DeadShareUniform */
    {9, ASN_GAUGE, NULL, 0},      /* RogueRecords */
    {10, ASN_INTEGER, NULL, 0},   /* ServersDisagree */
    {11, ASN_OCTET_STR, NULL, 0}, /* LastLookup */
    {12, ASN_GAUGE, NULL, 0},     /* DataAge */
    {13, ASN_OCTET_STR, NULL, 0}, /* Reasons */
};

static const struct kms_mib_column srv_columns[] = {
    {2, ASN_OCTET_STR, NULL, 0},  /* Name */
    {3, ASN_OCTET_STR, NULL, 0},  /* Target */
    {4, ASN_UNSIGNED, NULL, 0},   /* Port */
    {5, ASN_UNSIGNED, NULL, 0},   /* Priority */
    {6, ASN_UNSIGNED, NULL, 0},   /* Weight */
    {7, ASN_UNSIGNED, NULL, 0},   /* Ttl */
    {8, ASN_INTEGER, NULL, 0},    /* State */
    {9, ASN_UNSIGNED, NULL, 0},   /* HostIndex */
    {10, ASN_GAUGE, NULL, 0},     /* ClientShare */
    {11, ASN_GAUGE, NULL, 0},     /* ClientShareUniform */
    {12, ASN_OCTET_STR, NULL, 0}, /* FirstSeen */
    {13, ASN_OCTET_STR, NULL, 0}, /* LastSeen */
};

static const struct kms_mib_column publication_columns[] = {
    {1, ASN_OCTET_STR, NULL, 0}, /* Name */
    {2, ASN_INTEGER, NULL, 0},   /* State */
    {3, ASN_GAUGE, NULL, 0},     /* MissingFor */
    {4, ASN_OCTET_STR, NULL, 0}, /* Reason */
};

static const struct kms_mib_column fleet_columns[] = {
    {2, ASN_OCTET_STR, NULL, 0},  /* Name */
    {3, ASN_GAUGE, NULL, 0},      /* Clients30d */
    {4, ASN_GAUGE, NULL, 0},      /* Clients7d */
    {5, ASN_GAUGE, NULL, 0},      /* VirtualClients */
    {6, ASN_GAUGE, NULL, 0},      /* Requests24h */
    {7, ASN_GAUGE, NULL, 0},      /* Failed24h */
    {8, ASN_GAUGE, NULL, 0},      /* DuplicateIds */
    {9, ASN_GAUGE, NULL, 0},      /* RenamedClients */
    {10, ASN_GAUGE, NULL, 0},     /* ExpiringClients */
    {11, ASN_GAUGE, NULL, 0},     /* SilentClients */
    {12, ASN_OCTET_STR, NULL, 0}, /* LastRequest */
    {13, ASN_OCTET_STR, NULL, 0}, /* OldestEvent */
    {14, ASN_GAUGE, NULL, 0},     /* DataAge */
};

static const struct kms_mib_column error_columns[] = {
    {2, ASN_OCTET_STR, NULL, 0}, /* Symbol */
    {3, ASN_COUNTER, NULL, 0},   /* Count */
    {4, ASN_OCTET_STR, NULL, 0}, /* LastSeen */
    {5, ASN_OCTET_STR, NULL, 0}, /* LastClient */
    {6, ASN_OCTET_STR, NULL, 0}, /* Meaning */
    {7, ASN_OCTET_STR, NULL, 0}, /* Advice */
};

static const struct kms_mib_column alarm_columns[] = {
    {2, ASN_INTEGER, NULL, 0},   /* Type */
    {3, ASN_INTEGER, NULL, 0},   /* Severity */
    {4, ASN_OCTET_STR, NULL, 0}, /* Host */
    {5, ASN_OBJECT_ID, NULL, 0}, /* Object */
    {6, ASN_OCTET_STR, NULL, 0}, /* Since */
    {7, ASN_OCTET_STR, NULL, 0}, /* Text */
};

const struct kms_mib_table kms_mib_domain_table = {.number = 5,
                                                   .index_len = 1,
                                                   .column = domain_columns,
                                                   .column_count = KMS_COUNT_OF(domain_columns)};

const struct kms_mib_table kms_mib_srv_table = {
    .number = 6, .index_len = 2, .column = srv_columns, .column_count = KMS_COUNT_OF(srv_columns)};

const struct kms_mib_table kms_mib_publication_table = {
    .number = 7,
    .index_len = 2,
    .column = publication_columns,
    .column_count = KMS_COUNT_OF(publication_columns)};

const struct kms_mib_table kms_mib_fleet_table = {.number = 8,
                                                  .index_len = 2,
                                                  .column = fleet_columns,
                                                  .column_count = KMS_COUNT_OF(fleet_columns)};

const struct kms_mib_table kms_mib_error_table = {.number = 9,
                                                  .index_len = 2,
                                                  .column = error_columns,
                                                  .column_count = KMS_COUNT_OF(error_columns)};

const struct kms_mib_table kms_mib_alarm_table = {.number = 11,
                                                  .index_len = 1,
                                                  .column = alarm_columns,
                                                  .column_count = KMS_COUNT_OF(alarm_columns)};
