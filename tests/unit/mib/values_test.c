/* Values as the textual conventions want them, and what each kind of column shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/mib/fixture.h"

static int setup(void **state)
{
    *state = fixture_new();
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

static void assert_octets(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                          oid index, oid sub, const void *want, size_t len)
{
    netsnmp_variable_list *var = fixture_get(f, table, column, index, sub);
    assert_int_equal(var->type, ASN_OCTET_STR);
    assert_int_equal(var->val_len, len);
    assert_memory_equal(var->val.string, want, len);
    snmp_free_varbind(var);
}

static void assert_text(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                        oid index, oid sub, const char *want)
{
    assert_octets(f, table, column, index, sub, want, strlen(want));
}

static void assert_absent(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                          oid index, oid sub)
{
    netsnmp_variable_list *var = fixture_get(f, table, column, index, sub);
    assert_int_equal(var->type, SNMP_NOSUCHINSTANCE);
    snmp_free_varbind(var);
}

static void bits_count_from_the_most_significant_one(void **state)
{
    (void)state;
    struct kms_mib_value value;
    assert_true(kms_mib_bits(&value,
                             KMS_BIT(KMS_REASON_UNREACHABLE) | KMS_BIT(KMS_REASON_STALE) |
                                 KMS_BIT(KMS_REASON_NO_DATA),
                             kms_words_reason()));
    assert_int_equal(value.len, 3);
    assert_int_equal(value.octet[0], 0x80);
    assert_int_equal(value.octet[1], 0x82);
}

static void no_bits_are_octets_of_zero(void **state)
{
    (void)state;
    struct kms_mib_value value;
    assert_true(kms_mib_bits(&value, 0, kms_words_coverage()));
    assert_int_equal(value.len, 1);
    assert_int_equal(value.octet[0], 0);
}

static void a_time_of_the_agent_is_utc_with_its_zone(void **state)
{
    struct fixture *f = *state;
    f->facts.started_s = FIXTURE_NOW;
    static const uint8_t want[] = {0x07, 0xe7, 11, 14, 22, 13, 20, 0, '+', 0, 0};
    assert_octets(f, &kms_mib_agent_table, 17, 0, 0, want, sizeof want);
}

static void the_time_of_a_host_has_no_zone(void **state)
{
    struct fixture *f = *state;
    static const uint8_t want[] = {0x07, 0xe7, 11, 14, 21, 13, 20, 0};
    assert_octets(f, &kms_mib_host_table, 20, 7, 0, want, sizeof want);
    assert_absent(f, &kms_mib_host_table, 20, 2, 0);
}

static void a_time_that_is_not_known_is_absent(void **state)
{
    struct fixture *f = *state;
    f->facts.config_loaded_s = 0;
    assert_absent(f, &kms_mib_agent_table, 12, 0, 0);
    assert_absent(f, &kms_mib_host_table, 26, 300, 0);
}

static void an_address_literal_is_shown_as_octets_and_a_name_as_dns(void **state)
{
    struct fixture *f = *state;
    static const uint8_t v4[] = {10, 1, 2, 3};
    static const uint8_t v6[] = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 3, 2, 0), 1);
    assert_octets(f, &kms_mib_host_table, 4, 2, 0, v4, sizeof v4);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 3, 300, 0), 2);
    assert_octets(f, &kms_mib_host_table, 4, 300, 0, v6, sizeof v6);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 3, 7, 0), 16);
    assert_text(f, &kms_mib_host_table, 4, 7, 0, "kms07");
}

static void state_enumerations_of_an_unknown_fact_say_unknown(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 7, 300, 0), KMS_STATE_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 11, 300, 0), KMS_RPC_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 13, 300, 0), KMS_ACTIVATION_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 15, 300, 0), KMS_SERVICE_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 18, 300, 0), KMS_PUBLISHING_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 19, 300, 0), KMS_PRIORITY_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 25, 300, 0), KMS_AUTHENTICITY_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 10, 2, 1), KMS_LICENSE_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 4, 2, 1), KMS_APPLICATION_UNKNOWN);
}

static void numbers_that_nobody_told_are_absent_and_never_zero(void **state)
{
    struct fixture *f = *state;
    static const unsigned column[] = {12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27};
    for (size_t i = 0; i < KMS_COUNT_OF(column); i++) {
        assert_absent(f, &kms_mib_key_table, column[i], 2, 1);
    }
    assert_absent(f, &kms_mib_host_table, 17, 300, 0);
    assert_absent(f, &kms_mib_host_table, 27, 300, 0);
    assert_absent(f, &kms_mib_agent_table, 14, 0, 0);
    assert_absent(f, &kms_mib_class_table, 9, 7, KMS_CLASS_CLIENT);
}

static void zero_that_was_told_is_zero(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 20, 7, 1), 0);
}

#define SILENT 2 /* its slot */

/* Host 300, whose report was never read, is asked for an activation. */
static void what_an_activation_request_tells_is_shown_without_our_own_entry(void **state)
{
    struct fixture *f = *state;
    static const char epid[] = "03612-00206-556-123727-03-1033-17763.0000-2972018";
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_ACTIVATION);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = result.data_s = result.data_s_min = result.data_s_max = FIXTURE_NOW;
    kms_facts_set_number(&result.host, KMS_FACT_ACTIVATION_STATE, KMS_ACTIVATION_ANSWERED);
    kms_facts_set_number(&result.host, KMS_FACT_ACTIVATION_RESULT, 0);
    kms_facts_set_number(&result.host, KMS_FACT_HINTS, KMS_BIT(KMS_HINT_IV_REUSED));
    struct kms_facts *key = kms_result_add_key(&result);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, "55c92734-d682-4d71-983e-d6ec3f16059f");
    kms_facts_set_text(key, KMS_FACT_EPID, epid);
    kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 6);
    kms_facts_set_number(key, KMS_FACT_OWN_ENTRY, 1);
    kms_facts_set_number(key, KMS_FACT_ACTIVATION_INTERVAL, 120);
    kms_facts_set_number(key, KMS_FACT_RENEWAL_INTERVAL, 10080);
    fixture_publish(f, SILENT, &result);

    assert_int_equal(fixture_number(f, &kms_mib_host_table, 13, 300, 0), KMS_ACTIVATION_ANSWERED);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 14, 300, 0), 0);
    assert_text(f, &kms_mib_host_table, 23, 300, 0, epid);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 24, 300, 0), 17763);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 25, 300, 0),
                     KMS_AUTHENTICITY_CONSISTENT);
    assert_text(f, &kms_mib_key_table, 2, 300, 1, "Windows Server 2019");
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 14, 300, 1), 6);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 15, 300, 1), 1);
    assert_absent(f, &kms_mib_key_table, 16, 300, 1);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 17, 300, 1), 120);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 18, 300, 1), 10080);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 30, 300, 1), KMS_SOURCE_ACTIVATION);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 5, 300, KMS_CLASS_SERVER), 0);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 6, 300, KMS_CLASS_SERVER),
                     KMS_VERDICT_CAN_ACTIVATE);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 5, 300, KMS_CLASS_CLIENT), -20);

    result.outcome = KMS_OUTCOME_ACTIVATION_REFUSED;
    kms_facts_set_number(&result.host, KMS_FACT_ACTIVATION_STATE, KMS_ACTIVATION_REFUSED);
    kms_facts_set_number(&result.host, KMS_FACT_ACTIVATION_RESULT, 0xC004F06C);
    kms_facts_remove(key, KMS_FACT_CURRENT_COUNT);
    fixture_publish(f, SILENT, &result);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 13, 300, 0), KMS_ACTIVATION_REFUSED);
    assert_int_equal((uint32_t)fixture_number(f, &kms_mib_host_table, 14, 300, 0), 0xC004F06C);
    assert_absent(f, &kms_mib_key_table, 14, 300, 1);
    kms_result_done(&result);
}

static void a_truth_is_one_or_two(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 15, 7, 1), 2);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 8, 7, KMS_CLASS_CLIENT), 2);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 11, 7, KMS_SOURCE_REPORT), 2);
}

static void a_headroom_may_be_negative(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 5, 7, KMS_CLASS_CLIENT), -19);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 5, 7, KMS_CLASS_SERVER), 1);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 6, 7, KMS_CLASS_SERVER),
                     KMS_VERDICT_CAN_ACTIVATE);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 6, 7, KMS_CLASS_CLIENT),
                     KMS_VERDICT_BELOW_THRESHOLD);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 3, 7, KMS_CLASS_CLIENT), 1);
}

static void an_hresult_is_unsigned(void **state)
{
    struct fixture *f = *state;
    struct kms_result report;
    fixture_report(&report, 6, 20, 0);
    assert_int_equal(kms_facts_set_number(&report.key[0], KMS_FACT_LICENSE_REASON, 0xC004F06C),
                     KMS_OK);
    assert_int_equal(kms_facts_set_number(&report.key[0], KMS_FACT_TOTAL_REQUESTS, 4294967295),
                     KMS_OK);
    fixture_publish(f, 0, &report);
    kms_result_done(&report);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 11, 7, 1), 0xC004F06C);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 19, 7, 1), 4294967295);
}

static void the_build_of_a_host_comes_out_of_its_epid(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 24, 7, 0), 7600);
    assert_text(f, &kms_mib_host_table, 23, 7, 0,
                "55041-00168-305-246209-03-1031-7600.0000-0522010");
    assert_absent(f, &kms_mib_host_table, 24, 2, 0);
}

static void every_row_has_a_name_for_people(void **state)
{
    struct fixture *f = *state;
    assert_text(f, &kms_mib_host_table, 2, 7, 0, "kms07");
    assert_text(f, &kms_mib_class_table, 2, 7, KMS_CLASS_CLIENT, "Windows client editions");
    assert_text(f, &kms_mib_class_table, 2, 7, KMS_CLASS_OFFICE, "Office 2013 and later");
    assert_text(f, &kms_mib_source_table, 2, 7, KMS_SOURCE_REPORT, "report");
    netsnmp_variable_list *var = fixture_get(f, &kms_mib_key_table, 2, 2, 1);
    assert_int_equal(var->type, ASN_OCTET_STR);
    assert_true(var->val_len > 0);
    snmp_free_varbind(var);
}

static void long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[600];
    for (size_t i = 0; i + 2 < sizeof text; i += 2) {
        text[i] = (char)0xc3;
        text[i + 1] = (char)0xa4;
    }
    text[sizeof text - 2] = '\0';
    struct kms_mib_value value;
    assert_true(kms_mib_text(&value, text));
    assert_int_equal(value.len, 254);
}

static void what_wsman_tells_stands_before_the_report(void **state)
{
    struct fixture *f = *state;
    struct kms_result wsman;
    fixture_wsman(&wsman);
    fixture_publish(f, 0, &wsman);
    kms_result_done(&wsman);
    static const uint8_t boot[] = {0x07, 0xe7, 11, 14, 20, 13, 20, 0, '+', 0, 0};
    assert_octets(f, &kms_mib_host_table, 31, 7, 0, boot, sizeof boot);
    assert_text(f, &kms_mib_host_table, 30, 7, 0, "6.1.7601");
    assert_text(f, &kms_mib_host_table, 16, 7, 0, "6.1.7601.24000");
    static const struct {
        unsigned column;
        long value;
    } host[] = {{15, KMS_SERVICE_RUNNING},
                {17, 1690},
                {18, KMS_PUBLISHING_DISABLED},
                {19, KMS_PRIORITY_LOW},
                {21, -7}},
      key[] = {{14, 9}, {17, 120}, {18, 10080}, {19, 25}, {20, 1}, {30, KMS_SOURCE_WSMAN},
               {31, 30}};
    for (size_t i = 0; i < KMS_COUNT_OF(host); i++) {
        assert_int_equal(fixture_number(f, &kms_mib_host_table, host[i].column, 7, 0),
                         host[i].value);
    }
    for (size_t i = 0; i < KMS_COUNT_OF(key); i++) {
        assert_int_equal(fixture_number(f, &kms_mib_key_table, key[i].column, 7, 1), key[i].value);
    }
    /* The report alone tells its time, the name of the key, and a port that contradicts. */
    static const uint8_t trusted[] = {0x07, 0xe7, 11, 14, 21, 13, 20, 0};
    assert_octets(f, &kms_mib_host_table, 20, 7, 0, trusted, sizeof trusted);
    assert_text(f, &kms_mib_key_table, 6, 7, 1, "VOLUME_KMS_R2_B");
    netsnmp_variable_list *var = fixture_get(f, &kms_mib_host_table, 9, 7, 0);
    assert_true(var->val.string[KMS_REASON_CONFIG_DRIFT / 8] &
                (0x80 >> (KMS_REASON_CONFIG_DRIFT % 8)));
    snmp_free_varbind(var);
    /* Windows lists every key: the one of Office is gone. */
    assert_absent(f, &kms_mib_key_table, 14, 7, 2);
    /* What only WS-Man tells is absent elsewhere. */
    assert_absent(f, &kms_mib_host_table, 30, 2, 0);
    assert_absent(f, &kms_mib_host_table, 31, 2, 0);
}

static void a_source_wsman_has_its_row(void **state)
{
    struct fixture *f = *state;
    char name[] = "kms09";
    struct kms_target target = {
        .name = name, .port = KMS_DEFAULT_PORT, .origin = KMS_ORIGIN_CONFIGURED};
    target.source[KMS_SOURCE_WSMAN].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(f->board, &target, 9, &slot), KMS_OK);
    struct kms_result wsman;
    fixture_wsman(&wsman);
    fixture_publish(f, slot, &wsman);
    assert_text(f, &kms_mib_source_table, 2, 9, KMS_SOURCE_WSMAN, "wsman");
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 9, KMS_SOURCE_WSMAN),
                     KMS_OUTCOME_OK);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 7, 9, KMS_SOURCE_WSMAN), 30);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 8, 9, KMS_SOURCE_WSMAN), 2500);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 27, 9, 0), 30);

    wsman.outcome = KMS_OUTCOME_WSMAN_NOT_A_HOST;
    while (wsman.key_count > 0) {
        kms_facts_done(&wsman.key[--wsman.key_count]);
    }
    fixture_publish(f, slot, &wsman);
    kms_result_done(&wsman);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 9, KMS_SOURCE_WSMAN),
                     KMS_OUTCOME_WSMAN_NOT_A_HOST);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 11, 9, KMS_SOURCE_WSMAN), 2);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 7, 9, 0), KMS_STATE_CRITICAL);
    assert_text(f, &kms_mib_host_table, 10, 9, 0, "Windows says that it is no KMS host");
    assert_absent(f, &kms_mib_key_table, 14, 9, 1);
}

static void data_from_the_future_has_no_negative_age(void **state)
{
    (void)state;
    struct kms_mib_value value;
    assert_true(kms_mib_age(&value, 100, 200));
    assert_int_equal(value.number, 0);
    assert_false(kms_mib_age(&value, 100, 0));
}

static void a_source_tells_its_last_outcome_and_keeps_its_last_success(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 7, KMS_SOURCE_REPORT),
                     KMS_OUTCOME_OK);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 300, KMS_SOURCE_REPORT),
                     KMS_OUTCOME_NONE);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 8, 7, KMS_SOURCE_REPORT), 4);
    assert_absent(f, &kms_mib_source_table, 8, 300, KMS_SOURCE_REPORT);
    struct kms_result broken;
    kms_result_init(&broken, KMS_SOURCE_REPORT);
    broken.outcome = KMS_OUTCOME_REPORT_EMPTY;
    broken.wall_s = FIXTURE_NOW;
    fixture_publish(f, 0, &broken);
    kms_result_done(&broken);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 7, KMS_SOURCE_REPORT),
                     KMS_OUTCOME_REPORT_EMPTY);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 7, 7, KMS_SOURCE_REPORT), 3600);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 9, 7, KMS_SOURCE_REPORT), 2);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 10, 7, KMS_SOURCE_REPORT), 1);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 11, 7, KMS_SOURCE_REPORT), 1);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 7, 7, 0), KMS_STATE_UNKNOWN);
    assert_int_equal(fixture_number(f, &kms_mib_host_table, 28, 7, 0), 1);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, 14, 7, 1), 6); /* still there */
}

static void what_the_port_did_is_a_word_and_only_an_accepted_bind_has_a_latency(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum kms_outcome outcome;
        enum kms_rpc_state state;
    } way[] = {
        {KMS_OUTCOME_OK, KMS_RPC_ACCEPTED},
        {KMS_OUTCOME_RPC_UNRESOLVED, KMS_RPC_UNRESOLVED},
        {KMS_OUTCOME_RPC_REFUSED, KMS_RPC_REFUSED},
        {KMS_OUTCOME_RPC_TIMEOUT, KMS_RPC_TIMEOUT},
        {KMS_OUTCOME_RPC_UNREACHABLE, KMS_RPC_UNREACHABLE},
        {KMS_OUTCOME_RPC_RESET, KMS_RPC_RESET},
        {KMS_OUTCOME_RPC_NOT_RPC, KMS_RPC_NOT_RPC},
        {KMS_OUTCOME_RPC_NOT_KMS, KMS_RPC_NOT_KMS},
        {KMS_OUTCOME_RPC_BIND_NAK, KMS_RPC_BIND_NAK},
        {KMS_OUTCOME_RPC_NO_SOCKET, KMS_RPC_UNKNOWN},
    };
    fixture_add_domains(f);
    for (size_t i = 0; i < KMS_COUNT_OF(way); i++) {
        fixture_bind(f, FIXTURE_KMS1, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, 1500);
        assert_int_equal(fixture_number(f, &kms_mib_host_table, 12, 5, 0), 1500);
        if (way[i].outcome != KMS_OUTCOME_OK) {
            fixture_bind(f, FIXTURE_KMS1, way[i].outcome, way[i].state, 0);
            assert_absent(f, &kms_mib_host_table, 12, 5, 0);
        }
        assert_int_equal(fixture_number(f, &kms_mib_host_table, 11, 5, 0), way[i].state);
        assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 5, KMS_SOURCE_RPC),
                         way[i].outcome);
    }
}

static void source_dns_shows_what_the_domains_of_the_host_say(void **state)
{
    struct fixture *f = *state;
    fixture_add_domains(f);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 5, KMS_SOURCE_DNS),
                     KMS_OUTCOME_NONE);
    struct kms_result told;
    assert_true(kms_zones_host_result(f->zones, FIXTURE_KMS1, &told));
    fixture_publish(f, FIXTURE_KMS1, &told);
    kms_result_done(&told);
    f->now_s += 50;
    assert_text(f, &kms_mib_source_table, 2, 5, KMS_SOURCE_DNS, "dns");
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 5, KMS_SOURCE_DNS),
                     KMS_OUTCOME_OK);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 7, 5, KMS_SOURCE_DNS), 50);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 9, 5, KMS_SOURCE_DNS), 1);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 11, 5, KMS_SOURCE_DNS), 2);

    fixture_look_up(f, FIXTURE_EXAMPLE_COM, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    assert_true(kms_zones_host_result(f->zones, FIXTURE_KMS1, &told));
    fixture_publish(f, FIXTURE_KMS1, &told);
    kms_result_done(&told);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 3, 5, KMS_SOURCE_DNS),
                     KMS_OUTCOME_DNS_TIMEOUT);
    netsnmp_variable_list *var = fixture_get(f, &kms_mib_source_table, 4, 5, KMS_SOURCE_DNS);
    assert_true(var->val_len > strlen("dns-timeout: "));
    assert_memory_equal(var->val.string, "dns-timeout: ", strlen("dns-timeout: "));
    snmp_free_varbind(var);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 7, 5, KMS_SOURCE_DNS), 50);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 10, 5, KMS_SOURCE_DNS), 1);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 11, 5, KMS_SOURCE_DNS), 1);
}

static void the_agent_counts_its_hosts_and_probes(void **state)
{
    struct fixture *f = *state;
    assert_text(f, &kms_mib_agent_table, 1, 0, 0, KMSMON_VERSION);
    assert_int_equal(fixture_number(f, &kms_mib_agent_table, 8, 0, 0), 60);
    assert_int_equal(fixture_number(f, &kms_mib_agent_table, 9, 0, 0), 2);
    assert_int_equal(fixture_number(f, &kms_mib_agent_table, 10, 0, 0), 0);
    assert_int_equal(fixture_number(f, &kms_mib_agent_table, 11, 0, 0), 12);
    assert_int_equal(fixture_number(f, &kms_mib_agent_table, 13, 0, 0), KMS_CONFIG_OK);
    long hosts = 0;
    for (unsigned column = 4; column <= 7; column++) {
        hosts += fixture_number(f, &kms_mib_agent_table, column, 0, 0);
    }
    assert_int_equal(hosts, 3);
}

static struct kms_keeper_view store_view(void *arg)
{
    const struct kms_keeper_view *view = arg;
    return *view;
}

static void tell_store(struct fixture *f, struct kms_keeper_view *view)
{
    f->facts.store = store_view;
    f->facts.arg = view;
}

static void the_store_is_not_shown_where_there_is_none(void **state)
{
    struct fixture *f = *state;
    for (unsigned column = 19; column <= 21; column++) {
        assert_absent(f, &kms_mib_agent_table, column, 0, 0);
    }
}

static void a_store_that_is_well_has_an_empty_text(void **state)
{
    struct fixture *f = *state;
    struct kms_keeper_view view = {.state = KMS_STORE_STATE_OK, .advice = ""};
    tell_store(f, &view);
    assert_int_equal(fixture_number(f, &kms_mib_agent_table, 19, 0, 0), KMS_STORE_STATE_OK);
    assert_text(f, &kms_mib_agent_table, 20, 0, 0, "");
    assert_absent(f, &kms_mib_agent_table, 21, 0, 0);
}

/* Every state has its number, its cause and its next step, and the longest fit. */
static void a_store_that_is_not_written_says_why_and_what_to_do(void **state)
{
    struct fixture *f = *state;
    struct kms_keeper_view view = {0};
    const struct kms_word_set *words = kms_words_store_state();
    memset(view.trouble, 'x', sizeof view.trouble - 1);
    tell_store(f, &view);
    for (size_t i = 0; i < words->count; i++) {
        view.state = (enum kms_store_state)words->words[i].number;
        if (view.state == KMS_STORE_STATE_OK) {
            continue;
        }
        view.advice = kms_keeper_advice(view.state);
        char want[KMS_MIB_TEXT_MAX + 1];
        assert_true(kms_text_format(want, sizeof want, "%s; %s", view.trouble, view.advice));
        assert_int_equal(fixture_number(f, &kms_mib_agent_table, 19, 0, 0), words->words[i].number);
        assert_text(f, &kms_mib_agent_table, 20, 0, 0, want);
    }
}

static void when_a_store_was_set_aside_is_shown_though_all_is_well(void **state)
{
    struct fixture *f = *state;
    struct kms_keeper_view view = {
        .state = KMS_STORE_STATE_OK, .advice = "", .rebuilt = 1, .rebuilt_s = FIXTURE_NOW};
    tell_store(f, &view);
    static const uint8_t want[] = {0x07, 0xe7, 11, 14, 22, 13, 20, 0, '+', 0, 0};
    assert_octets(f, &kms_mib_agent_table, 21, 0, 0, want, sizeof want);
    assert_text(f, &kms_mib_agent_table, 20, 0, 0, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bits_count_from_the_most_significant_one),
        TEST(no_bits_are_octets_of_zero),
        TEST(a_time_of_the_agent_is_utc_with_its_zone),
        TEST(the_time_of_a_host_has_no_zone),
        TEST(a_time_that_is_not_known_is_absent),
        TEST(an_address_literal_is_shown_as_octets_and_a_name_as_dns),
        TEST(state_enumerations_of_an_unknown_fact_say_unknown),
        TEST(numbers_that_nobody_told_are_absent_and_never_zero),
        TEST(zero_that_was_told_is_zero),
        TEST(what_an_activation_request_tells_is_shown_without_our_own_entry),
        TEST(a_truth_is_one_or_two),
        TEST(a_headroom_may_be_negative),
        TEST(an_hresult_is_unsigned),
        TEST(the_build_of_a_host_comes_out_of_its_epid),
        TEST(every_row_has_a_name_for_people),
        TEST(long_text_is_cut_between_characters),
        TEST(data_from_the_future_has_no_negative_age),
        TEST(what_wsman_tells_stands_before_the_report),
        TEST(a_source_wsman_has_its_row),
        TEST(a_source_tells_its_last_outcome_and_keeps_its_last_success),
        TEST(what_the_port_did_is_a_word_and_only_an_accepted_bind_has_a_latency),
        TEST(source_dns_shows_what_the_domains_of_the_host_say),
        TEST(the_agent_counts_its_hosts_and_probes),
        TEST(the_store_is_not_shown_where_there_is_none),
        TEST(a_store_that_is_well_has_an_empty_text),
        TEST(a_store_that_is_not_written_says_why_and_what_to_do),
        TEST(when_a_store_was_set_aside_is_shown_though_all_is_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
