/* The WQL of the four queries, and which version of Windows knows which columns. */
#include "wsman/query.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define Q_SYSTEM "SELECT Version, LocalDateTime, LastBootUpTime FROM Win32_OperatingSystem"

#define Q_SERVICE_STATE(name) \
    "SELECT Name, State, StartMode FROM Win32_Service WHERE Name='" name "'"

#define COUNTERS                                                                     \
    "IsKeyManagementServiceMachine, KeyManagementServiceCurrentCount, "              \
    "KeyManagementServiceTotalRequests, KeyManagementServiceFailedRequests, "        \
    "KeyManagementServiceUnlicensedRequests, KeyManagementServiceLicensedRequests, " \
    "KeyManagementServiceOOBGraceRequests, KeyManagementServiceOOTGraceRequests, "   \
    "KeyManagementServiceNonGenuineGraceRequests, "                                  \
    "KeyManagementServiceNotificationRequests, VLActivationInterval, VLRenewalInterval"

#define KEY_COLUMNS                                                           \
    "ID, ApplicationID, Name, Description, PartialProductKey, ProductKeyID, " \
    "LicenseStatus, LicenseStatusReason, GracePeriodRemaining"

/* As slmgr.vbs asks; hundreds of products without a key are not sent. */
#define IN_USE " FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL"

#define Q_SERVICE_60 "SELECT Version, " COUNTERS " FROM SoftwareLicensingService"
#define Q_PRODUCT_60 "SELECT " KEY_COLUMNS IN_USE

/* From 6.1 on each key has its own counters, and what those of the service stand for on a host with
 * two keys is not documented: they are not asked for. */
#define Q_SERVICE                                                                \
    "SELECT Version, IsKeyManagementServiceMachine, "                            \
    "KeyManagementServiceListeningPort, KeyManagementServiceDnsPublishing, "     \
    "KeyManagementServiceLowPriority, VLActivationInterval, VLRenewalInterval, " \
    "RemainingWindowsReArmCount FROM SoftwareLicensingService"
#define Q_PRODUCT "SELECT " KEY_COLUMNS ", " COUNTERS IN_USE

static const char *const queries[][KMS_WSMAN_Q_COUNT] = {
    [KMS_WSMAN_TIER_60] = {Q_SYSTEM, Q_SERVICE_STATE("slsvc"), Q_SERVICE_60, Q_PRODUCT_60},
    [KMS_WSMAN_TIER_61] = {Q_SYSTEM, Q_SERVICE_STATE("sppsvc"), Q_SERVICE, Q_PRODUCT},
    [KMS_WSMAN_TIER_62] = {Q_SYSTEM, Q_SERVICE_STATE("sppsvc"), Q_SERVICE, Q_PRODUCT},
    [KMS_WSMAN_TIER_63] = {Q_SYSTEM, Q_SERVICE_STATE("sppsvc"), Q_SERVICE, Q_PRODUCT},
};

const char *kms_wsman_query(enum kms_wsman_query query, enum kms_wsman_tier tier)
{
    return queries[tier][query];
}

const char *kms_wsman_service_name(enum kms_wsman_tier tier)
{
    return tier == KMS_WSMAN_TIER_60 ? "slsvc" : "sppsvc";
}

/* "6.1.7601": major and minor. */
static bool read_version(const char *version, uint64_t *ret_major, uint64_t *ret_minor)
{
    size_t major = strspn(version, "0123456789");
    if (version[major] != '.') {
        return false;
    }
    const char *rest = version + major + 1;
    size_t minor = strspn(rest, "0123456789");
    return (rest[minor] == '.' || rest[minor] == '\0') &&
           kms_text_u64_len(version, major, ret_major) && kms_text_u64_len(rest, minor, ret_minor);
}

enum kms_wsman_tier kms_wsman_tier_of(const char *version)
{
    uint64_t major = 0;
    uint64_t minor = 0;
    if (!version || !read_version(version, &major, &minor) || major > 6) {
        return KMS_WSMAN_TIER_63;
    }
    if (major < 6 || minor == 0) {
        return KMS_WSMAN_TIER_60;
    }
    if (minor == 1) {
        return KMS_WSMAN_TIER_61;
    }
    return minor == 2 ? KMS_WSMAN_TIER_62 : KMS_WSMAN_TIER_63;
}
