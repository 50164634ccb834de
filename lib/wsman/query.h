/* What a KMS host is asked, by the version of its Windows: the names of the columns, once.
 *
 * Naming a column that a class does not have fails the whole query, so there are tiers; "SELECT *"
 * is never sent: SoftwareLicensingService has a column that holds a product key.
 * WMI classes Win32_OperatingSystem, Win32_Service, SoftwareLicensingService,
 * SoftwareLicensingProduct; specification wsman 1.1, 1.2, 1.4.
 */
#ifndef KMS_WSMAN_QUERY_H
#define KMS_WSMAN_QUERY_H

enum kms_wsman_tier {
    KMS_WSMAN_TIER_60, /* Vista, Server 2008: counters on the service only, no host settings */
    KMS_WSMAN_TIER_61, /* 7, Server 2008 R2 */
    KMS_WSMAN_TIER_62, /* 8, Server 2012 */
    KMS_WSMAN_TIER_63  /* 8.1, Server 2012 R2 and everything later */
};

enum kms_wsman_query {
    KMS_WSMAN_Q_SYSTEM,        /* Win32_OperatingSystem, first: tells the tier */
    KMS_WSMAN_Q_SERVICE_STATE, /* Win32_Service: before the licensing classes, which may start it */
    KMS_WSMAN_Q_SERVICE,       /* SoftwareLicensingService */
    KMS_WSMAN_Q_PRODUCT,       /* SoftwareLicensingProduct with a partial product key */
    KMS_WSMAN_Q_COUNT
};

/* The WQL, a constant. Tiers of 6.0: the product's rows have no counters. */
const char *kms_wsman_query(enum kms_wsman_query query, enum kms_wsman_tier tier);
/* "sppsvc", "slsvc" on 6.0. */
const char *kms_wsman_service_name(enum kms_wsman_tier tier);
/* Of Win32_OperatingSystem.Version, "10.0.20348"; what cannot be read is the newest. */
enum kms_wsman_tier kms_wsman_tier_of(const char *version);

#endif
