/* Tables that are in the MIB and have no rows yet: DNS, the request log and alarms are not watched
 * by this release. */
#include "agent/mib_table.h"

static const struct kms_mib_column domain_columns[] = {
    {2, ASN_OCTET_STR, 0, NULL},  /* Name */
    {3, ASN_INTEGER, 0, NULL},    /* Status */
    {4, ASN_GAUGE, 0, NULL},      /* Records */
    {5, ASN_GAUGE, 0, NULL},      /* HealthyHosts */
    {6, ASN_GAUGE, 0, NULL},      /* WantedHosts */
    {7, ASN_GAUGE, 0, NULL},      /* DeadShare */
    {8, ASN_GAUGE, 0, NULL},      /* DeadShareUniform */
    {9, ASN_GAUGE, 0, NULL},      /* RogueRecords */
    {10, ASN_INTEGER, 0, NULL},   /* ServersDisagree */
    {11, ASN_OCTET_STR, 0, NULL}, /* LastLookup */
    {12, ASN_GAUGE, 0, NULL},     /* DataAge */
    {13, ASN_OCTET_STR, 0, NULL}, /* Reasons */
};

static const struct kms_mib_column srv_columns[] = {
    {2, ASN_OCTET_STR, 0, NULL},  /* Name */
    {3, ASN_OCTET_STR, 0, NULL},  /* Target */
    {4, ASN_UNSIGNED, 0, NULL},   /* Port */
    {5, ASN_UNSIGNED, 0, NULL},   /* Priority */
    {6, ASN_UNSIGNED, 0, NULL},   /* Weight */
    {7, ASN_UNSIGNED, 0, NULL},   /* Ttl */
    {8, ASN_INTEGER, 0, NULL},    /* State */
    {9, ASN_UNSIGNED, 0, NULL},   /* HostIndex */
    {10, ASN_GAUGE, 0, NULL},     /* ClientShare */
    {11, ASN_GAUGE, 0, NULL},     /* ClientShareUniform */
    {12, ASN_OCTET_STR, 0, NULL}, /* FirstSeen */
    {13, ASN_OCTET_STR, 0, NULL}, /* LastSeen */
};

static const struct kms_mib_column publication_columns[] = {
    {1, ASN_OCTET_STR, 0, NULL}, /* Name */
    {2, ASN_INTEGER, 0, NULL},   /* State */
    {3, ASN_GAUGE, 0, NULL},     /* MissingFor */
    {4, ASN_OCTET_STR, 0, NULL}, /* Reason */
};

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

static const struct kms_mib_column alarm_columns[] = {
    {2, ASN_INTEGER, 0, NULL},   /* Type */
    {3, ASN_INTEGER, 0, NULL},   /* Severity */
    {4, ASN_OCTET_STR, 0, NULL}, /* Host */
    {5, ASN_OBJECT_ID, 0, NULL}, /* Object */
    {6, ASN_OCTET_STR, 0, NULL}, /* Since */
    {7, ASN_OCTET_STR, 0, NULL}, /* Text */
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
