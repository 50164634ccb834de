/* Which instances a notification names, and with which values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "agent/notify_objects.h"
#include "unit/mib/fixture.h"

static int setup(void **state)
{
    struct fixture *f = fixture_new();
    fixture_add_domains(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture_free(*state);
    return 0;
}

struct carried {
    struct kms_notify_varbind varbind[KMS_NOTIFY_OBJECTS_MAX];
    size_t count;
};

static struct carried collect(struct fixture *f, enum kms_alarm_type type, uint8_t table,
                              uint32_t index, uint32_t sub)
{
    struct kms_alarm_news news = {.alarm = {.index = 4711,
                                            .type = type,
                                            .severity = KMS_STATE_CRITICAL,
                                            .owner = "its-owner.example",
                                            .row = {table, sub == 0 ? 1 : 2, {index, sub}},
                                            .text = "what is wrong"}};
    struct carried carried;
    carried.count = kms_notify_collect(f->mib, &news, carried.varbind);
    return carried;
}

/* sub 0: the index has one part. */
static const struct kms_mib_value *instance(const struct carried *carried, unsigned table,
                                            unsigned column, oid index, oid sub)
{
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(kms_mib_table_of(table), column, index, sub, name);
    for (size_t i = 0; i < carried->count; i++) {
        const struct kms_notify_varbind *varbind = &carried->varbind[i];
        if (snmp_oid_compare(varbind->name, varbind->name_len, name, len) == 0) {
            return &varbind->value;
        }
    }
    return NULL;
}

static void assert_number(const struct carried *carried, unsigned table, unsigned column, oid index,
                          oid sub, int64_t wanted)
{
    const struct kms_mib_value *value = instance(carried, table, column, index, sub);
    if (value == NULL) {
        fail_msg("table %u column %u is not there", table, column);
        return;
    }
    assert_int_equal(value->number, wanted);
}

static void assert_text(const struct carried *carried, unsigned table, unsigned column, oid index,
                        oid sub, const char *wanted)
{
    const struct kms_mib_value *value = instance(carried, table, column, index, sub);
    if (value == NULL) {
        fail_msg("table %u column %u is not there", table, column);
        return;
    }
    assert_int_equal(value->len, strlen(wanted));
    assert_memory_equal(value->octet, wanted, value->len);
}

static void an_unreachable_host_is_named_with_its_state(void **state)
{
    struct carried carried = collect(*state, KMS_ALARM_UNREACHABLE, 2, 5, 0);
    assert_int_equal(carried.count, 6);
    assert_text(&carried, 2, 2, 5, 0, "kms1.example.com");
    assert_number(&carried, 2, 7, 5, 0, KMS_STATE_CRITICAL);
    assert_number(&carried, 2, 11, 5, 0, KMS_RPC_REFUSED);
    assert_number(&carried, 2, 28, 5, 0, 1);
    assert_number(&carried, 11, 3, 4711, 0, KMS_STATE_CRITICAL);
    assert_text(&carried, 11, 7, 4711, 0, "what is wrong");
}

static void a_class_brings_the_count_of_its_key(void **state)
{
    struct carried carried = collect(*state, KMS_ALARM_COUNT_LOW, 4, 7, KMS_CLASS_CLIENT);
    assert_int_equal(carried.count, 8);
    assert_text(&carried, 2, 2, 7, 0, "kms07");
    assert_number(&carried, 4, 4, 7, KMS_CLASS_CLIENT, 25);
    assert_number(&carried, 4, 5, 7, KMS_CLASS_CLIENT, 6 - 25);
    struct fixture *f = *state;
    long key = fixture_number(f, &kms_mib_class_table, 3, 7, KMS_CLASS_CLIENT);
    assert_number(&carried, 3, 14, 7, (oid)key, 6);
}

static void failed_requests_are_those_of_the_key(void **state)
{
    struct fixture *f = *state;
    oid key = (oid)fixture_number(f, &kms_mib_class_table, 3, 7, KMS_CLASS_CLIENT);
    struct carried carried = collect(f, KMS_ALARM_REQUESTS, 3, 7, (uint32_t)key);
    assert_text(&carried, 2, 2, 7, 0, "kms07");
    assert_non_null(instance(&carried, 3, 2, 7, key));
    assert_number(&carried, 3, 19, 7, key, 20);
    assert_number(&carried, 3, 20, 7, key, 0);
    assert_null(instance(&carried, 3, 28, 7, key)); /* no rate is known yet */
}

static void a_lost_publication_names_host_and_domain(void **state)
{
    struct carried carried = collect(*state, KMS_ALARM_PUBLICATION, 7, 12, 1);
    assert_int_equal(carried.count, 6);
    assert_text(&carried, 2, 2, 12, 0, "kms2.example.com");
    assert_text(&carried, 5, 2, 1, 0, "b.example");
    assert_number(&carried, 7, 2, 12, 1, KMS_PUBLICATION_MISSING);
}

static void a_rogue_record_names_its_domain_and_no_host(void **state)
{
    struct carried carried = collect(*state, KMS_ALARM_ROGUE, 6, 9, 3);
    assert_int_equal(carried.count, 6);
    assert_text(&carried, 5, 2, 9, 0, "example.com");
    assert_text(&carried, 6, 3, 9, 3, "stranger.example.com");
    assert_number(&carried, 6, 4, 9, 3, KMS_DEFAULT_PORT);
}

static void a_stale_source_names_host_and_source(void **state)
{
    struct carried carried = collect(*state, KMS_ALARM_STALE, 10, 7, KMS_SOURCE_REPORT);
    assert_int_equal(carried.count, 7);
    assert_text(&carried, 2, 2, 7, 0, "kms07");
    assert_number(&carried, 10, 3, 7, KMS_SOURCE_REPORT, KMS_OUTCOME_OK);
}

static void a_row_that_is_gone_leaves_the_alarm_and_whose_it_was(void **state)
{
    struct carried carried = collect(*state, KMS_ALARM_ROGUE, 6, 77, 3);
    assert_int_equal(carried.count, 3);
    assert_text(&carried, 5, 2, 77, 0, "its-owner.example");
    assert_number(&carried, 11, 3, 4711, 0, KMS_STATE_CRITICAL);
    assert_text(&carried, 11, 7, 4711, 0, "what is wrong");
    carried = collect(*state, KMS_ALARM_COUNT_LOW, 4, 78, KMS_CLASS_CLIENT);
    assert_int_equal(carried.count, 3);
    assert_text(&carried, 2, 2, 78, 0, "its-owner.example");
    carried = collect(*state, KMS_ALARM_PUBLICATION, 7, 78, 79);
    assert_int_equal(carried.count, 3);
    assert_text(&carried, 2, 2, 78, 0, "its-owner.example");
}

static void values_have_the_types_of_their_columns(void **state)
{
    struct carried carried = collect(*state, KMS_ALARM_UNREACHABLE, 2, 5, 0);
    static const uint8_t wanted[] = {ASN_OCTET_STR, ASN_INTEGER, ASN_INTEGER,
                                     ASN_GAUGE,     ASN_INTEGER, ASN_OCTET_STR};
    assert_int_equal(carried.count, KMS_COUNT_OF(wanted));
    for (size_t i = 0; i < carried.count; i++) {
        assert_int_equal(carried.varbind[i].type, wanted[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unreachable_host_is_named_with_its_state),
        TEST(a_class_brings_the_count_of_its_key),
        TEST(failed_requests_are_those_of_the_key),
        TEST(a_lost_publication_names_host_and_domain),
        TEST(a_rogue_record_names_its_domain_and_no_host),
        TEST(a_stale_source_names_host_and_source),
        TEST(a_row_that_is_gone_leaves_the_alarm_and_whose_it_was),
        TEST(values_have_the_types_of_their_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
