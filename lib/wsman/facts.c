/* From the rows of the licensing classes to facts of the host and its keys. */
#include "wsman/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "vocab/hostkey.h"
#include "vocab/key_facts.h"

#define KMS_PORT 1688

/* As far as it can be told over SNMP: sixty-eight years off is off enough. */
static int64_t skew_of(int64_t host_s, int64_t now_s)
{
    int64_t skew_s = host_s - now_s;
    skew_s = skew_s < INT32_MAX ? skew_s : INT32_MAX;
    return skew_s > -INT32_MAX ? skew_s : -INT32_MAX;
}

/* One row while it is read. */
struct taking {
    struct kms_wsman_facts *facts;
    const struct kms_wsman_row *row;
    enum kms_status status;
};

struct column {
    const char *name;
    enum kms_fact_id id;
};

static const struct column counters[] = {
    {"KeyManagementServiceCurrentCount", KMS_FACT_CURRENT_COUNT},
    {"KeyManagementServiceTotalRequests", KMS_FACT_TOTAL_REQUESTS},
    {"KeyManagementServiceFailedRequests", KMS_FACT_FAILED_REQUESTS},
    {"KeyManagementServiceUnlicensedRequests", KMS_FACT_REQUESTS_UNLICENSED},
    {"KeyManagementServiceLicensedRequests", KMS_FACT_REQUESTS_LICENSED},
    {"KeyManagementServiceOOBGraceRequests", KMS_FACT_REQUESTS_OOB_GRACE},
    {"KeyManagementServiceOOTGraceRequests", KMS_FACT_REQUESTS_OOT_GRACE},
    {"KeyManagementServiceNonGenuineGraceRequests", KMS_FACT_REQUESTS_NON_GENUINE_GRACE},
    {"KeyManagementServiceNotificationRequests", KMS_FACT_REQUESTS_NOTIFICATION},
    {"VLActivationInterval", KMS_FACT_ACTIVATION_INTERVAL},
    {"VLRenewalInterval", KMS_FACT_RENEWAL_INTERVAL},
};

static void keep(struct taking *t, enum kms_status status)
{
    t->status = t->status == KMS_OK ? status : t->status;
}

static void complain(struct taking *t, const char *name)
{
    if (!t->facts->malformed[0]) {
        kms_text_copy(t->facts->malformed, sizeof t->facts->malformed, name);
    }
}

static bool read_uint32(struct taking *t, const char *name, uint32_t *ret)
{
    bool malformed = false;
    bool known = kms_wsman_row_uint32(t->row, name, ret, &malformed);
    if (malformed) {
        complain(t, name);
    }
    return known;
}

static bool read_bool(struct taking *t, const char *name, bool *ret)
{
    bool malformed = false;
    bool known = kms_wsman_row_bool(t->row, name, ret, &malformed);
    if (malformed) {
        complain(t, name);
    }
    return known;
}

/* A time that does not say its zone is no moment: the host's zone is its own affair. */
static bool has_zone(const char *text)
{
    const char *clock = strchr(text, 'T');
    return clock && strpbrk(clock, "Zz+-") != NULL;
}

static bool read_moment(struct taking *t, const char *name, int64_t *ret_s)
{
    bool malformed = false;
    const char *text = kms_wsman_row_text(t->row, name);
    bool known = kms_wsman_row_time(t->row, name, ret_s, &malformed);
    if (malformed) {
        complain(t, name);
    }
    return known && has_zone(text);
}

/* Cleaned and without blanks around; false when nothing is left. */
static bool read_text(const struct taking *t, const char *name, char *dst, size_t size)
{
    const char *text = kms_wsman_row_text(t->row, name);
    if (!text) {
        return false;
    }
    while (*text == ' ' || *text == '\t' || *text == '\r' || *text == '\n') {
        text++;
    }
    kms_text_clean(dst, size, text, strlen(text));
    for (size_t len = strlen(dst); len > 0 && dst[len - 1] == ' '; len--) {
        dst[len - 1] = '\0';
    }
    return dst[0] != '\0';
}

static void put_number(struct taking *t, struct kms_facts *facts, enum kms_fact_id id,
                       int64_t number)
{
    keep(t, kms_facts_set_number(facts, id, number));
}

static void put_uint32(struct taking *t, struct kms_facts *facts, enum kms_fact_id id,
                       const char *name)
{
    uint32_t number;
    if (read_uint32(t, name, &number)) {
        put_number(t, facts, id, number);
    }
}

static void put_text(struct taking *t, struct kms_facts *facts, enum kms_fact_id id,
                     const char *name)
{
    char text[512];
    if (read_text(t, name, text, sizeof text)) {
        keep(t, kms_facts_set_text(facts, id, text));
    }
}

static void put_guid(struct taking *t, struct kms_facts *facts, enum kms_fact_id id,
                     const char *name)
{
    char text[64];
    if (!read_text(t, name, text, sizeof text)) {
        return;
    }
    for (char *c = text; *c; c++) {
        *c = kms_text_lower(*c);
    }
    keep(t, kms_facts_set_text(facts, id, text));
}

static void put_counters(struct taking *t, struct kms_facts *facts)
{
    for (size_t i = 0; i < KMS_COUNT_OF(counters); i++) {
        put_uint32(t, facts, counters[i].id, counters[i].name);
    }
}

static void take_is_host(struct taking *t)
{
    uint32_t is_host;
    if (read_uint32(t, "IsKeyManagementServiceMachine", &is_host)) {
        t->facts->host_known = true;
        t->facts->is_host = t->facts->is_host || is_host != 0;
    }
}

static void take_system(struct taking *t, int64_t now_s)
{
    struct kms_facts *host = &t->facts->host;
    int64_t when;
    put_text(t, host, KMS_FACT_OS_VERSION, "Version");
    t->facts->tier = kms_wsman_tier_of(kms_facts_text(host, KMS_FACT_OS_VERSION));
    if (read_moment(t, "LocalDateTime", &when)) {
        put_number(t, host, KMS_FACT_CLOCK_SKEW, skew_of(when, now_s));
    }
    if (read_moment(t, "LastBootUpTime", &when)) {
        put_number(t, host, KMS_FACT_BOOT_TIME, when);
    }
}

/* The words are Windows' own in every language. */
static enum kms_service_state service_state(const char *state, const char *mode)
{
    static const char *const changing[] = {"Start Pending", "Stop Pending", "Continue Pending",
                                           "Pause Pending", "Paused"};
    if (kms_text_equal_nocase(state, "Running")) {
        return KMS_SERVICE_RUNNING;
    }
    if (kms_text_equal_nocase(state, "Stopped")) {
        return kms_text_equal_nocase(mode, "Disabled") ? KMS_SERVICE_DISABLED : KMS_SERVICE_STOPPED;
    }
    for (size_t i = 0; i < KMS_COUNT_OF(changing); i++) {
        if (kms_text_equal_nocase(state, changing[i])) {
            return KMS_SERVICE_CHANGING;
        }
    }
    return KMS_SERVICE_UNKNOWN;
}

static void take_service_state(struct taking *t)
{
    char state[32];
    char mode[32] = "";
    if (!read_text(t, "State", state, sizeof state)) {
        return;
    }
    (void)read_text(t, "StartMode", mode, sizeof mode);
    enum kms_service_state found = service_state(state, mode);
    if (found != KMS_SERVICE_UNKNOWN) {
        put_number(t, &t->facts->host, KMS_FACT_SERVICE_STATE, found);
    }
}

static void take_port(struct taking *t)
{
    static const char name[] = "KeyManagementServiceListeningPort";
    uint32_t port;
    if (!read_uint32(t, name, &port)) {
        return;
    }
    if (port > UINT16_MAX) {
        complain(t, name);
        return;
    }
    put_number(t, &t->facts->host, KMS_FACT_LISTENING_PORT, port == 0 ? KMS_PORT : (int64_t)port);
}

static void take_service(struct taking *t)
{
    struct kms_facts *host = &t->facts->host;
    bool on;
    t->facts->service_seen = true;
    take_is_host(t);
    put_text(t, host, KMS_FACT_SERVICE_VERSION, "Version");
    take_port(t);
    if (read_bool(t, "KeyManagementServiceDnsPublishing", &on)) {
        put_number(t, host, KMS_FACT_DNS_PUBLISHING,
                   on ? KMS_PUBLISHING_ENABLED : KMS_PUBLISHING_DISABLED);
    }
    if (read_bool(t, "KeyManagementServiceLowPriority", &on)) {
        put_number(t, host, KMS_FACT_PRIORITY, on ? KMS_PRIORITY_LOW : KMS_PRIORITY_NORMAL);
    }
    put_counters(t, &t->facts->service_counts);
    put_uint32(t, &t->facts->service_counts, KMS_FACT_REARM_COUNT, "RemainingWindowsReArmCount");
}

static void put_license(struct taking *t, struct kms_facts *key)
{
    uint32_t number;
    if (read_uint32(t, "LicenseStatus", &number)) {
        if (number <= KMS_LICENSE_EXTENDED_GRACE) {
            put_number(t, key, KMS_FACT_LICENSE_STATUS, number);
        } else {
            complain(t, "LicenseStatus");
        }
    }
    if (read_uint32(t, "LicenseStatusReason", &number) && number != 0) {
        put_number(t, key, KMS_FACT_LICENSE_REASON, number);
    }
    /* 0: permanent where it is licensed, over where it is not. */
    if (read_uint32(t, "GracePeriodRemaining", &number) && number != 0) {
        put_number(t, key, KMS_FACT_LICENSE_EXPIRES, number);
    }
}

static void put_key(struct taking *t, struct kms_facts *key, const char *channel)
{
    keep(t, kms_facts_set_text(key, KMS_FACT_KEY_CHANNEL, channel));
    put_text(t, key, KMS_FACT_KEY_NAME, "Name");
    put_text(t, key, KMS_FACT_KEY_DESCRIPTION, "Description");
    put_guid(t, key, KMS_FACT_APPLICATION_ID, "ApplicationID");
    put_guid(t, key, KMS_FACT_ACTIVATION_ID, "ID");
    put_text(t, key, KMS_FACT_EPID, "ProductKeyID");
    put_text(t, key, KMS_FACT_PARTIAL_KEY, "PartialProductKey");
    put_license(t, key);
    put_counters(t, key);
    keep(t, kms_key_facts_complete(key, &t->facts->host));
}

static void take_product(struct taking *t)
{
    struct kms_wsman_facts *facts = t->facts;
    char text[512];
    char channel[64];
    if (!read_text(t, "PartialProductKey", text, sizeof text)) {
        return; /* nothing is installed there */
    }
    facts->products++;
    take_is_host(t);
    if (!read_text(t, "Description", text, sizeof text) ||
        !kms_channel_of(text, channel, sizeof channel) || !kms_channel_is_host(channel)) {
        return;
    }
    if (facts->key_count == KMS_WSMAN_KEYS_MAX) {
        keep(t, KMS_ETOOBIG);
        return;
    }
    struct kms_facts *grown = realloc(facts->key, (facts->key_count + 1) * sizeof *grown);
    if (!grown) {
        keep(t, KMS_ENOMEM);
        return;
    }
    facts->key = grown;
    struct kms_facts *key = &facts->key[facts->key_count++];
    *key = (struct kms_facts){0};
    put_key(t, key, channel);
}

enum kms_status kms_wsman_take(struct kms_wsman_facts *facts, enum kms_wsman_query query,
                               const struct kms_wsman_row *row, int64_t now_s)
{
    struct taking t = {.facts = facts, .row = row};
    switch (query) {
    case KMS_WSMAN_Q_SYSTEM:
        take_system(&t, now_s);
        break;
    case KMS_WSMAN_Q_SERVICE_STATE:
        take_service_state(&t);
        break;
    case KMS_WSMAN_Q_SERVICE:
        take_service(&t);
        break;
    case KMS_WSMAN_Q_PRODUCT:
        take_product(&t);
        break;
    case KMS_WSMAN_Q_COUNT:
        break;
    }
    return t.status;
}

enum kms_status kms_wsman_take_date(struct kms_wsman_facts *facts, int64_t host_s, int64_t now_s)
{
    if (host_s == 0 || kms_facts_has(&facts->host, KMS_FACT_CLOCK_SKEW)) {
        return KMS_OK;
    }
    return kms_facts_set_number(&facts->host, KMS_FACT_CLOCK_SKEW, skew_of(host_s, now_s));
}

/* A licensed host key on a machine that denies being a host serves nobody. */
static bool is_any_key_waiting(const struct kms_wsman_facts *facts)
{
    for (size_t i = 0; i < facts->key_count; i++) {
        int64_t status = KMS_LICENSE_UNKNOWN;
        (void)kms_facts_number(&facts->key[i], KMS_FACT_LICENSE_STATUS, &status);
        if (status != KMS_LICENSE_LICENSED) {
            return true;
        }
    }
    return false;
}

static bool is_key_host(const struct kms_wsman_facts *facts)
{
    return facts->is_host || is_any_key_waiting(facts) ||
           (!facts->host_known && facts->key_count > 0);
}

/* Intervals and rearms hold for every key, as slmgr.vbs shows them; counters are a key's own. */
static enum kms_status share_service(struct kms_wsman_facts *facts)
{
    static const enum kms_fact_id settings[] = {KMS_FACT_ACTIVATION_INTERVAL,
                                                KMS_FACT_RENEWAL_INTERVAL, KMS_FACT_REARM_COUNT};
    enum kms_status status = KMS_OK;
    const struct kms_facts *of = &facts->service_counts;
    for (size_t i = 0; i < facts->key_count && status == KMS_OK; i++) {
        struct kms_facts *key = &facts->key[i];
        int64_t number;
        for (size_t k = 0; k < KMS_COUNT_OF(settings) && status == KMS_OK; k++) {
            if (!kms_facts_has(key, settings[k]) && kms_facts_number(of, settings[k], &number)) {
                status = kms_facts_set_number(key, settings[k], number);
            }
        }
    }
    if (status == KMS_OK && facts->key_count == 1) {
        status = kms_facts_fill(&facts->key[0], of);
    }
    return status;
}

enum kms_outcome kms_wsman_settle(struct kms_wsman_facts *facts)
{
    if (!facts->service_seen) {
        return KMS_OUTCOME_WSMAN_NO_CLASS;
    }
    if (!facts->is_host) {
        kms_facts_remove(&facts->host, KMS_FACT_LISTENING_PORT);
        kms_facts_remove(&facts->host, KMS_FACT_DNS_PUBLISHING);
        kms_facts_remove(&facts->host, KMS_FACT_PRIORITY);
    }
    if (!is_key_host(facts)) {
        kms_facts_remove(&facts->host, KMS_FACT_SERVICE_STATE);
        return KMS_OUTCOME_WSMAN_NOT_A_HOST;
    }
    if (facts->key_count == 0) {
        return KMS_OUTCOME_WSMAN_NO_KEY;
    }
    return share_service(facts) == KMS_OK ? KMS_OUTCOME_OK : KMS_OUTCOME_NO_MEMORY;
}

void kms_wsman_facts_done(struct kms_wsman_facts *facts)
{
    if (!facts) {
        return;
    }
    kms_facts_done(&facts->host);
    kms_facts_done(&facts->service_counts);
    for (size_t i = 0; i < facts->key_count; i++) {
        kms_facts_done(&facts->key[i]);
    }
    free(facts->key);
    *facts = (struct kms_wsman_facts){0};
}
