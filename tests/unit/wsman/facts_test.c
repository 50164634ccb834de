/* Rows of the licensing classes as facts: what is null, none, default or of another version. */
#include "host_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define NOW INT64_C(1790000000) /* 2026-09-21T14:13:20Z */

#define assert_number(facts, id, wanted)                                  \
    do {                                                                  \
        int64_t number_ = -99;                                            \
        assert_true(kms_facts_number(&(facts), KMS_FACT_##id, &number_)); \
        assert_int_equal(number_, wanted);                                \
    } while (0)
#define assert_text(facts, id, wanted)                                        \
    do {                                                                      \
        assert_non_null(kms_facts_text(&(facts), KMS_FACT_##id));             \
        assert_string_equal(kms_facts_text(&(facts), KMS_FACT_##id), wanted); \
    } while (0)
#define assert_absent(facts, id) assert_false(kms_facts_has(&(facts), KMS_FACT_##id))

static enum kms_status take_cells(struct kms_wsman_facts *facts, enum kms_wsman_query query,
                                  const char *const *cell)
{
    struct kms_wsman_row row = {0};
    for (size_t i = 0; cell[i]; i += 2) {
        assert_int_equal(kms_wsman_row_add(&row, cell[i], cell[i + 1]), KMS_OK);
    }
    enum kms_status status = kms_wsman_take(facts, query, &row, NOW);
    kms_wsman_row_done(&row);
    return status;
}

#define TAKE(facts, query, ...)                                                             \
    assert_int_equal(                                                                       \
        take_cells((facts), KMS_WSMAN_Q_##query, (const char *const[]){__VA_ARGS__, NULL}), \
        KMS_OK)
#define SERVICE(facts, ...) TAKE(facts, SERVICE, "Version", "10.0.20348.1", __VA_ARGS__)
#define HOST_KEY                                                                        \
    "PartialProductKey", "2SMPL", "Description", "Windows(R), VOLUME_KMS_WS22 channel", \
        "ApplicationID", "55c92734-d682-4d71-983e-d6ec3f16059f"

static void a_version_of_windows_has_its_tier(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        enum kms_wsman_tier tier;
    } cases[] = {
        {"6.0.6002", KMS_WSMAN_TIER_60},   {"6.1.7601", KMS_WSMAN_TIER_61},
        {"6.2.9200", KMS_WSMAN_TIER_62},   {"6.3.9600", KMS_WSMAN_TIER_63},
        {"10.0.14393", KMS_WSMAN_TIER_63}, {"10.0.26100", KMS_WSMAN_TIER_63},
        {"5.2.3790", KMS_WSMAN_TIER_60},   {"6.10.1", KMS_WSMAN_TIER_63},
        {"", KMS_WSMAN_TIER_63},           {"six", KMS_WSMAN_TIER_63},
        {"6", KMS_WSMAN_TIER_63},          {"6.", KMS_WSMAN_TIER_63},
        {"6.1x", KMS_WSMAN_TIER_63},       {"99999999999999999999.0", KMS_WSMAN_TIER_63},
        {NULL, KMS_WSMAN_TIER_63},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        assert_int_equal(kms_wsman_tier_of(cases[i].version), cases[i].tier);
    }
}

static void no_query_asks_for_what_a_version_lacks_or_for_a_secret(void **state)
{
    (void)state;
    for (int tier = KMS_WSMAN_TIER_60; tier <= KMS_WSMAN_TIER_63; tier++) {
        for (int query = 0; query < KMS_WSMAN_Q_COUNT; query++) {
            const char *wql = kms_wsman_query((enum kms_wsman_query)query,
                                              (enum kms_wsman_tier)tier);
            assert_true(kms_text_starts(wql, "SELECT "));
            assert_null(strchr(wql, '*'));
            assert_null(strstr(wql, "OA3x"));
        }
        enum kms_wsman_tier of = (enum kms_wsman_tier)tier;
        const char *service = kms_wsman_query(KMS_WSMAN_Q_SERVICE, of);
        const char *product = kms_wsman_query(KMS_WSMAN_Q_PRODUCT, of);
        bool old = of == KMS_WSMAN_TIER_60;
        assert_int_equal(strstr(service, "ListeningPort") == NULL, old);
        assert_int_equal(strstr(service, "CurrentCount") != NULL, old);
        assert_int_equal(strstr(product, "CurrentCount") == NULL, old);
        assert_non_null(strstr(product, "WHERE PartialProductKey IS NOT NULL"));
        assert_non_null(
            strstr(kms_wsman_query(KMS_WSMAN_Q_SERVICE_STATE, of), kms_wsman_service_name(of)));
    }
}

static void the_sentinel_and_null_are_absent_and_0_is_0(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    SERVICE(&facts, "IsKeyManagementServiceMachine", "1", "KeyManagementServiceListeningPort",
            "4294967295", "KeyManagementServiceDnsPublishing", NULL);
    TAKE(&facts, PRODUCT, HOST_KEY, "KeyManagementServiceCurrentCount", "4294967295",
         "KeyManagementServiceTotalRequests", "0", "KeyManagementServiceFailedRequests", NULL,
         "VLActivationInterval", "", "LicenseStatus", " 1 ");
    assert_int_equal(kms_wsman_settle(&facts), KMS_OUTCOME_OK);
    assert_absent(facts.host, LISTENING_PORT);
    assert_absent(facts.host, DNS_PUBLISHING);
    assert_absent(facts.key[0], CURRENT_COUNT);
    assert_number(facts.key[0], TOTAL_REQUESTS, 0);
    assert_absent(facts.key[0], FAILED_REQUESTS);
    assert_absent(facts.key[0], ACTIVATION_INTERVAL);
    assert_number(facts.key[0], LICENSE_STATUS, KMS_LICENSE_LICENSED);
    kms_wsman_facts_done(&facts);
}

static void port_0_is_1688_and_what_is_no_port_is_absent(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t port;
        bool malformed;
    } cases[] = {{"0", 1688, false},      {"1688", 1688, false}, {"1690", 1690, false},
                 {"65535", 65535, false}, {"65536", -1, true},   {"x", -1, true}};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_wsman_facts facts = {0};
        SERVICE(&facts, "IsKeyManagementServiceMachine", "1", "KeyManagementServiceListeningPort",
                cases[i].text);
        TAKE(&facts, PRODUCT, HOST_KEY);
        assert_int_equal(kms_wsman_settle(&facts), KMS_OUTCOME_OK);
        int64_t port = -1;
        (void)kms_facts_number(&facts.host, KMS_FACT_LISTENING_PORT, &port);
        assert_int_equal(port, cases[i].port);
        assert_string_equal(facts.malformed,
                            cases[i].malformed ? "KeyManagementServiceListeningPort" : "");
        kms_wsman_facts_done(&facts);
    }
}

static void defaults_of_a_machine_that_is_no_host_are_no_facts(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    TAKE(&facts, SYSTEM, "Version", "10.0.17763", "LocalDateTime", "2026-09-21T14:13:25Z");
    TAKE(&facts, SERVICE_STATE, "Name", "sppsvc", "State", "Stopped", "StartMode", "Auto");
    SERVICE(&facts, "IsKeyManagementServiceMachine", "0", "KeyManagementServiceListeningPort",
            "1688", "KeyManagementServiceDnsPublishing", "true", "KeyManagementServiceLowPriority",
            "false", "VLActivationInterval", "4294967295");
    TAKE(&facts, PRODUCT, "PartialProductKey", "9SMPL", "Description",
         "Windows(R) Operating System, VOLUME_KMSCLIENT channel", "LicenseStatus", "1");
    assert_int_equal(kms_wsman_settle(&facts), KMS_OUTCOME_WSMAN_NOT_A_HOST);
    assert_int_equal(facts.products, 1);
    assert_int_equal(facts.key_count, 0);
    assert_absent(facts.host, LISTENING_PORT);
    assert_absent(facts.host, DNS_PUBLISHING);
    assert_absent(facts.host, PRIORITY);
    assert_absent(facts.host, SERVICE_STATE); /* stopped is as it should be there */
    assert_number(facts.host, CLOCK_SKEW, 5);
    assert_text(facts.host, OS_VERSION, "10.0.17763");
    kms_wsman_facts_done(&facts);
}

static void
a_host_key_that_is_not_activated_makes_a_host_and_an_activated_one_alone_does_not(void **state)
{
    (void)state;
    static const struct {
        const char *is_host, *status;
        enum kms_outcome outcome;
    } cases[] = {
        {"0", "0", KMS_OUTCOME_OK},
        {"0", "5", KMS_OUTCOME_OK},
        {"0", "1", KMS_OUTCOME_WSMAN_NOT_A_HOST},
        {"1", "1", KMS_OUTCOME_OK},
        {NULL, "1", KMS_OUTCOME_OK},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_wsman_facts facts = {0};
        SERVICE(&facts, "IsKeyManagementServiceMachine", cases[i].is_host,
                "KeyManagementServiceListeningPort", "1688");
        TAKE(&facts, PRODUCT, HOST_KEY, "LicenseStatus", cases[i].status);
        assert_int_equal(kms_wsman_settle(&facts), cases[i].outcome);
        kms_wsman_facts_done(&facts);
    }
}

static void a_product_that_calls_the_machine_a_host_is_believed(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    SERVICE(&facts, "IsKeyManagementServiceMachine", "0", "KeyManagementServiceListeningPort",
            "1690");
    TAKE(&facts, PRODUCT, HOST_KEY, "LicenseStatus", "1", "IsKeyManagementServiceMachine", "1");
    assert_int_equal(kms_wsman_settle(&facts), KMS_OUTCOME_OK);
    assert_number(facts.host, LISTENING_PORT, 1690);
    kms_wsman_facts_done(&facts);
}

static void a_machine_without_a_row_of_the_service_has_no_class(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    assert_int_equal(kms_wsman_settle(&facts), KMS_OUTCOME_WSMAN_NO_CLASS);
    kms_wsman_facts_done(&facts);
}

static void a_host_that_shows_no_host_key_does_not_pass_for_a_healthy_one(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    SERVICE(&facts, "IsKeyManagementServiceMachine", "1", "KeyManagementServiceListeningPort", "0");
    assert_int_equal(kms_wsman_settle(&facts), KMS_OUTCOME_WSMAN_NO_KEY);
    kms_wsman_facts_done(&facts);
}

static void only_products_of_a_host_channel_with_a_key_are_keys(void **state)
{
    (void)state;
    static const struct {
        const char *partial, *description;
        size_t keys;
    } cases[] = {
        {"2SMPL", "Windows(R) Operating System, VOLUME_KMS_WS22 channel", 1},
        {"2SMPL", "Office 16, VOLUME_KMS channel", 1},
        {"2SMPL", "Windows(R) Operating System, VOLUME_KMSCLIENT channel", 0},
        {"2SMPL", "Windows(R) Operating System, VOLUME_MAK channel", 0},
        {"2SMPL", "Windows(R) Operating System, RETAIL channel", 0},
        {"2SMPL", "", 0},
        {"2SMPL", NULL, 0},
        {NULL, "Windows(R) Operating System, VOLUME_KMS_WS22 channel", 0},
        {"", "Windows(R) Operating System, VOLUME_KMS_WS22 channel", 0},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_wsman_facts facts = {0};
        TAKE(&facts, PRODUCT, "PartialProductKey", cases[i].partial, "Description",
             cases[i].description);
        assert_int_equal(facts.key_count, cases[i].keys);
        kms_wsman_facts_done(&facts);
    }
}

static void more_keys_than_fit_are_refused(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    static const char *const cells[] = {HOST_KEY, NULL};
    for (size_t i = 0; i < KMS_WSMAN_KEYS_MAX; i++) {
        assert_int_equal(take_cells(&facts, KMS_WSMAN_Q_PRODUCT, cells), KMS_OK);
    }
    assert_int_equal(take_cells(&facts, KMS_WSMAN_Q_PRODUCT, cells), KMS_ETOOBIG);
    assert_int_equal(facts.key_count, KMS_WSMAN_KEYS_MAX);
    kms_wsman_facts_done(&facts);
}

static void grace_0_is_permanent_and_a_reason_0_is_none(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    TAKE(&facts, PRODUCT, HOST_KEY, "LicenseStatus", "1", "GracePeriodRemaining", "0",
         "LicenseStatusReason", "0");
    TAKE(&facts, PRODUCT, HOST_KEY, "LicenseStatus", "5", "GracePeriodRemaining", "14400",
         "LicenseStatusReason", "3221549568");
    TAKE(&facts, PRODUCT, HOST_KEY, "LicenseStatus", "7");
    assert_absent(facts.key[0], LICENSE_EXPIRES);
    assert_absent(facts.key[0], LICENSE_REASON);
    assert_number(facts.key[1], LICENSE_EXPIRES, 14400);
    assert_number(facts.key[1], LICENSE_REASON, INT64_C(0xC004F200));
    assert_absent(facts.key[2], LICENSE_STATUS); /* a state that Windows does not have */
    assert_string_equal(facts.malformed, "LicenseStatus");
    kms_wsman_facts_done(&facts);
}

static void a_service_state_is_read_by_windows_own_words(void **state)
{
    (void)state;
    static const struct {
        const char *state, *mode;
        enum kms_service_state wanted;
    } cases[] = {
        {"Running", "Auto", KMS_SERVICE_RUNNING},
        {"running", "Disabled", KMS_SERVICE_RUNNING},
        {"Stopped", "Auto", KMS_SERVICE_STOPPED},
        {"Stopped", "Manual", KMS_SERVICE_STOPPED},
        {"Stopped", NULL, KMS_SERVICE_STOPPED},
        {"Stopped", "Disabled", KMS_SERVICE_DISABLED},
        {"Start Pending", "Auto", KMS_SERVICE_CHANGING},
        {"Stop Pending", "Auto", KMS_SERVICE_CHANGING},
        {"Continue Pending", "Auto", KMS_SERVICE_CHANGING},
        {"Pause Pending", "Auto", KMS_SERVICE_CHANGING},
        {"Paused", "Auto", KMS_SERVICE_CHANGING},
        {"Unknown", "Auto", KMS_SERVICE_UNKNOWN},
        {NULL, "Auto", KMS_SERVICE_UNKNOWN},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_wsman_facts facts = {0};
        TAKE(&facts, SERVICE_STATE, "Name", "sppsvc", "State", cases[i].state, "StartMode",
             cases[i].mode);
        int64_t found = KMS_SERVICE_UNKNOWN;
        (void)kms_facts_number(&facts.host, KMS_FACT_SERVICE_STATE, &found);
        assert_int_equal(found, cases[i].wanted);
        kms_wsman_facts_done(&facts);
    }
}

static void a_clock_is_compared_only_by_a_time_with_its_zone(void **state)
{
    (void)state;
    static const struct {
        const char *local;
        bool known;
        int64_t skew;
    } cases[] = {
        {"2026-09-21T14:13:20Z", true, 0},
        {"2026-09-21T14:13:20.999Z", true, 0},
        {"2026-09-21T16:13:20+02:00", true, 0},
        {"2026-09-21T09:13:15.250000-05:00", true, -5},
        {"2026-09-21T15:43:20Z", true, 5400},
        {"9999-12-31T00:00:00Z", true, INT32_MAX},
        {"1902-01-01T00:00:00Z", true, -INT32_MAX},
        {"2026-09-21T14:13:20", false, 0},
        {"1601-01-01T00:00:00Z", false, 0},
        {"yesterday", false, 0},
        {NULL, false, 0},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct kms_wsman_facts facts = {0};
        TAKE(&facts, SYSTEM, "Version", "10.0.20348", "LocalDateTime", cases[i].local);
        int64_t skew = 0;
        assert_int_equal(kms_facts_number(&facts.host, KMS_FACT_CLOCK_SKEW, &skew), cases[i].known);
        assert_int_equal(skew, cases[i].skew);
        assert_absent(facts.host, TRUSTED_TIME);
        kms_wsman_facts_done(&facts);
    }
}

static void the_date_of_an_answer_counts_where_windows_does_not_say_its_time(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    assert_int_equal(kms_wsman_take_date(&facts, 0, NOW), KMS_OK);
    assert_absent(facts.host, CLOCK_SKEW);
    assert_int_equal(kms_wsman_take_date(&facts, NOW - 7, NOW), KMS_OK);
    assert_number(facts.host, CLOCK_SKEW, -7);
    TAKE(&facts, SYSTEM, "Version", "10.0.20348", "LocalDateTime", "2026-09-21T14:13:25Z",
         "LastBootUpTime", "2026-09-21T00:00:00+02:00");
    assert_number(facts.host, CLOCK_SKEW, 5);
    assert_number(facts.host, BOOT_TIME, NOW - 14 * 3600 - 800 - 7200);
    assert_int_equal(kms_wsman_take_date(&facts, NOW - 7, NOW), KMS_OK);
    assert_number(facts.host, CLOCK_SKEW, 5);
    kms_wsman_facts_done(&facts);
}

static void counters_of_the_service_are_those_of_the_sole_key_only(void **state)
{
    (void)state;
    for (size_t keys = 1; keys <= 2; keys++) {
        struct kms_wsman_facts facts = {0};
        TAKE(&facts, SYSTEM, "Version", "6.0.6002");
        assert_int_equal(facts.tier, KMS_WSMAN_TIER_60);
        SERVICE(&facts, "IsKeyManagementServiceMachine", "1", "KeyManagementServiceCurrentCount",
                "12", "KeyManagementServiceNotificationRequests", "4", "VLRenewalInterval", "1440");
        for (size_t i = 0; i < keys; i++) {
            TAKE(&facts, PRODUCT, HOST_KEY, "LicenseStatus", "1");
        }
        assert_int_equal(kms_wsman_settle(&facts), KMS_OUTCOME_OK);
        assert_absent(facts.host, LISTENING_PORT);
        for (size_t i = 0; i < keys; i++) {
            assert_int_equal(kms_facts_has(&facts.key[i], KMS_FACT_CURRENT_COUNT), keys == 1);
            assert_int_equal(kms_facts_has(&facts.key[i], KMS_FACT_REQUESTS_NOTIFICATION),
                             keys == 1);
            assert_number(facts.key[i], RENEWAL_INTERVAL, 1440); /* one setting for all */
        }
        kms_wsman_facts_done(&facts);
    }
}

static void two_host_keys_have_counters_of_their_own(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    json_t *host = host_file_read("2016-both");
    assert_int_equal(host_file_take(host, NOW, &facts), KMS_OUTCOME_OK);
    assert_int_equal(facts.key_count, 2);
    assert_number(facts.key[0], CURRENT_COUNT, 50);
    assert_number(facts.key[1], CURRENT_COUNT, 27);
    assert_text(facts.key[0], KEY_GROUP, "Windows Server 2016");
    assert_text(facts.key[1], KEY_GROUP, "Office 2016 VL");
    assert_text(facts.key[0], KEY_CHANNEL, "VOLUME_KMS_WS16");
    assert_text(facts.key[1], PARTIAL_KEY, "CSMPL");
    assert_number(facts.key[1], REARM_COUNT, 1001);
    assert_number(facts.host, OS_BUILD, 14393);
    kms_wsman_facts_done(&facts);
    json_decref(host);
}

static void texts_are_cleaned_and_ids_lower_case(void **state)
{
    (void)state;
    struct kms_wsman_facts facts = {0};
    TAKE(&facts, PRODUCT, HOST_KEY, "ID", " 2B9C337F-7A1D-4271-90A3-C6855A2B8A1C\n", "Name",
         " a|b\x1b[2J  c ", "ProductKeyID", "");
    assert_text(facts.key[0], ACTIVATION_ID, "2b9c337f-7a1d-4271-90a3-c6855a2b8a1c");
    assert_text(facts.key[0], KEY_NAME, "a?b?[2J c");
    assert_absent(facts.key[0], EPID);
    kms_wsman_facts_done(&facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_of_windows_has_its_tier),
        cmocka_unit_test(no_query_asks_for_what_a_version_lacks_or_for_a_secret),
        cmocka_unit_test(the_sentinel_and_null_are_absent_and_0_is_0),
        cmocka_unit_test(port_0_is_1688_and_what_is_no_port_is_absent),
        cmocka_unit_test(defaults_of_a_machine_that_is_no_host_are_no_facts),
        cmocka_unit_test(
            a_host_key_that_is_not_activated_makes_a_host_and_an_activated_one_alone_does_not),
        cmocka_unit_test(a_product_that_calls_the_machine_a_host_is_believed),
        cmocka_unit_test(a_machine_without_a_row_of_the_service_has_no_class),
        cmocka_unit_test(a_host_that_shows_no_host_key_does_not_pass_for_a_healthy_one),
        cmocka_unit_test(only_products_of_a_host_channel_with_a_key_are_keys),
        cmocka_unit_test(more_keys_than_fit_are_refused),
        cmocka_unit_test(grace_0_is_permanent_and_a_reason_0_is_none),
        cmocka_unit_test(a_service_state_is_read_by_windows_own_words),
        cmocka_unit_test(a_clock_is_compared_only_by_a_time_with_its_zone),
        cmocka_unit_test(the_date_of_an_answer_counts_where_windows_does_not_say_its_time),
        cmocka_unit_test(counters_of_the_service_are_those_of_the_sole_key_only),
        cmocka_unit_test(two_host_keys_have_counters_of_their_own),
        cmocka_unit_test(texts_are_cleaned_and_ids_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
