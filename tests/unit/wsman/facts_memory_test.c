/* Memory that runs out while rows become facts, or settings are compared, is a status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/settings_memory.h"
#include "unit/scarce.h"
#include "wsman/facts.h"

struct cell {
    enum kms_wsman_query query;
    const char *name, *text;
};

/* A host of 6.0, where settle has something to hand on. */
static const struct cell cells[] = {
    {KMS_WSMAN_Q_SYSTEM, "Version", "6.0.6002"},
    {KMS_WSMAN_Q_SYSTEM, "LocalDateTime", "2026-09-21T14:13:20Z"},
    {KMS_WSMAN_Q_SYSTEM, "LastBootUpTime", "2026-09-01T14:13:20Z"},
    {KMS_WSMAN_Q_SERVICE_STATE, "State", "Running"},
    {KMS_WSMAN_Q_SERVICE, "Version", "6.0.6002.18005"},
    {KMS_WSMAN_Q_SERVICE, "IsKeyManagementServiceMachine", "1"},
    {KMS_WSMAN_Q_SERVICE, "KeyManagementServiceListeningPort", "0"},
    {KMS_WSMAN_Q_SERVICE, "KeyManagementServiceDnsPublishing", "true"},
    {KMS_WSMAN_Q_SERVICE, "KeyManagementServiceCurrentCount", "12"},
    {KMS_WSMAN_Q_SERVICE, "KeyManagementServiceTotalRequests", "12"},
    {KMS_WSMAN_Q_SERVICE, "VLActivationInterval", "120"},
    {KMS_WSMAN_Q_SERVICE, "VLRenewalInterval", "10080"},
    {KMS_WSMAN_Q_PRODUCT, "ID", "11111111-2222-4333-8444-000000000600"},
    {KMS_WSMAN_Q_PRODUCT, "Description", "Windows Server(R), VOLUME_KMS_C channel"},
    {KMS_WSMAN_Q_PRODUCT, "PartialProductKey", "5SMPL"},
    {KMS_WSMAN_Q_PRODUCT, "ProductKeyID", "55041-00152-381-000123-03-1033-6002.0000-0812010"},
    {KMS_WSMAN_Q_PRODUCT, "LicenseStatus", "1"},
    {KMS_WSMAN_Q_PRODUCT, "GracePeriodRemaining", "7200"},
};

static void make_row(enum kms_wsman_query query, struct kms_wsman_row *row)
{
    for (size_t i = 0; i < KMS_COUNT_OF(cells); i++) {
        if (cells[i].query == query) {
            assert_int_equal(kms_wsman_row_add(row, cells[i].name, cells[i].text), KMS_OK);
        }
    }
}

/* Whether everything was there. */
static bool take_all(const struct kms_wsman_row row[KMS_WSMAN_Q_COUNT], int64_t allocations)
{
    struct kms_wsman_facts facts = {0};
    enum kms_status status = KMS_OK;
    scarce_left(allocations);
    for (int i = 0; i < KMS_WSMAN_Q_COUNT && status == KMS_OK; i++) {
        status = kms_wsman_take(&facts, (enum kms_wsman_query)i, &row[i], 1790000000);
    }
    enum kms_outcome outcome = status == KMS_OK ? kms_wsman_settle(&facts) : KMS_OUTCOME_NO_MEMORY;
    scarce_over();
    assert_true(status == KMS_OK || status == KMS_ENOMEM);
    assert_true(outcome == KMS_OUTCOME_OK || outcome == KMS_OUTCOME_NO_MEMORY);
    if (outcome == KMS_OUTCOME_OK) {
        int64_t count = 0;
        assert_true(kms_facts_number(&facts.key[0], KMS_FACT_CURRENT_COUNT, &count));
        assert_int_equal(count, 12);
        assert_string_equal(kms_facts_text(&facts.key[0], KMS_FACT_KEY_GROUP),
                            "Windows Server 2008 C (Datacenter)");
    }
    kms_wsman_facts_done(&facts);
    return outcome == KMS_OUTCOME_OK;
}

static void rows_become_facts_or_say_that_memory_ran_out(void **state)
{
    (void)state;
    struct kms_wsman_row row[KMS_WSMAN_Q_COUNT] = {{0}};
    for (int i = 0; i < KMS_WSMAN_Q_COUNT; i++) {
        make_row((enum kms_wsman_query)i, &row[i]);
    }
    int64_t allocations = 0;
    while (!take_all(row, allocations)) {
        allocations++;
    }
    assert_true(allocations > 10);
    for (int i = 0; i < KMS_WSMAN_Q_COUNT; i++) {
        kms_wsman_row_done(&row[i]);
    }
}

static void settings_that_find_no_room_are_compared_the_next_time(void **state)
{
    (void)state;
    struct kms_settings_memory memory = {0};
    struct kms_setting_change change[KMS_SETTING_CHANGES];
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_WSMAN);
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_LISTENING_PORT, 1688), KMS_OK);
    assert_int_equal(kms_settings_memory_add(&memory, &result, 1000), KMS_OK);
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_LISTENING_PORT, 1690), KMS_OK);
    scarce_left(0);
    enum kms_status status = kms_settings_memory_add(&memory, &result, 2000);
    scarce_over();
    assert_int_equal(status, KMS_ENOMEM);
    assert_int_equal(kms_settings_memory_changes(&memory, 2000, change), 0);
    assert_int_equal(kms_settings_memory_add(&memory, &result, 3000), KMS_OK);
    assert_int_equal(kms_settings_memory_changes(&memory, 3000, change), 1);
    assert_string_equal(change[0].was, "1688");
    assert_string_equal(change[0].is, "1690");
    kms_settings_memory_done(&memory);
    kms_result_done(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_facts_or_say_that_memory_ran_out),
        cmocka_unit_test(settings_that_find_no_room_are_compared_the_next_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
