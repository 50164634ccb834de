/* The tables of domains, records and publications: what every column shows, in which order rows
 * come, and what stays of rows that are gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/mib/fixture.h"

static const struct kms_mib_table *const domains = &kms_mib_domain_table;
static const struct kms_mib_table *const records = &kms_mib_srv_table;
static const struct kms_mib_table *const publications = &kms_mib_publication_table;

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

static void assert_text(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                        oid index, oid sub, const char *want)
{
    netsnmp_variable_list *var = fixture_get(f, table, column, index, sub);
    assert_int_equal(var->type, ASN_OCTET_STR);
    assert_int_equal(var->val_len, strlen(want));
    assert_memory_equal(var->val.string, want, strlen(want));
    snmp_free_varbind(var);
}

static size_t len_of(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                     oid index, oid sub)
{
    netsnmp_variable_list *var = fixture_get(f, table, column, index, sub);
    assert_int_equal(var->type, ASN_OCTET_STR);
    size_t len = var->val_len;
    snmp_free_varbind(var);
    return len;
}

static void assert_absent(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                          oid index, oid sub)
{
    netsnmp_variable_list *var = fixture_get(f, table, column, index, sub);
    assert_int_equal(var->type, SNMP_NOSUCHINSTANCE);
    snmp_free_varbind(var);
}

/* The indexes of the rows that GETNEXT meets in a column are those, in this order. */
static void assert_rows(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                        const oid (*index)[2], size_t count)
{
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(table, column, 0, 0, name) - 1;
    for (size_t i = 0; i <= count; i++) {
        netsnmp_variable_list *var = NULL;
        assert_non_null(snmp_varlist_add_variable(&var, name, len, ASN_NULL, NULL, 0));
        (void)fixture_ask(f, table, MODE_GETNEXT, var);
        oid want[MAX_OID_LEN];
        size_t want_len = i == count ? fixture_oid(table, column + 1, 0, 0, want) - 1
                                     : fixture_oid(table, column, index[i][0], index[i][1], want);
        if (i == count) { /* goes on in the next column */
            assert_true(snmp_oid_compare(var->name, var->name_length, want, want_len) > 0);
        } else {
            assert_int_equal(snmp_oid_compare(var->name, var->name_length, want, want_len), 0);
        }
        len = want_len;
        memcpy(name, want, len * sizeof *name);
        snmp_free_varbind(var);
    }
}

static void rows_come_in_the_order_of_their_numbers(void **state)
{
    struct fixture *f = *state;
    static const oid domain[][2] = {{1, 0}, {4, 0}, {9, 0}};
    static const oid record[][2] = {{9, 3}, {9, 5}, {9, 7}};
    static const oid publication[][2] = {{5, 9}, {12, 1}, {12, 9}};
    assert_rows(f, domains, 2, domain, KMS_COUNT_OF(domain));
    assert_rows(f, records, 2, record, KMS_COUNT_OF(record));
    assert_rows(f, publications, 1, publication, KMS_COUNT_OF(publication));
}

static void a_domain_shows_what_its_last_lookup_counted(void **state)
{
    struct fixture *f = *state;
    f->now_s += 70;
    assert_text(f, domains, 2, 9, 0, "example.com");
    assert_int_equal(fixture_number(f, domains, 3, 9, 0),
                     kms_zones_get(f->zones, FIXTURE_EXAMPLE_COM)->state);
    assert_int_equal(fixture_number(f, domains, 4, 9, 0), 3);
    assert_int_equal(fixture_number(f, domains, 5, 9, 0), 1);
    assert_int_equal(fixture_number(f, domains, 6, 9, 0), 1);
    assert_int_equal(fixture_number(f, domains, 7, 9, 0), 251);
    assert_int_equal(fixture_number(f, domains, 8, 9, 0), 333);
    assert_int_equal(fixture_number(f, domains, 9, 9, 0), 0);
    assert_absent(f, domains, 10, 9, 0);
    assert_int_equal(len_of(f, domains, 11, 9, 0), 11);
    assert_int_equal(fixture_number(f, domains, 12, 9, 0), 70);
    assert_int_equal(len_of(f, domains, 13, 9, 0), 3);
    assert_int_equal(fixture_number(f, domains, 14, 9, 0), 1251); /* the dead one, then the good */
    assert_int_equal(fixture_number(f, domains, 15, 9, 0), 1333);
    assert_text(f, domains, 16, 9, 0, "3 records, 1 healthy host of 1 wanted");
}

static void a_domain_without_records_has_no_shares(void **state)
{
    struct fixture *f = *state;
    assert_text(f, domains, 2, 1, 0, "b.example");
    assert_int_equal(fixture_number(f, domains, 4, 1, 0), 0);
    assert_int_equal(fixture_number(f, domains, 5, 1, 0), 0);
    assert_int_equal(fixture_number(f, domains, 6, 1, 0), 1);
    assert_absent(f, domains, 7, 1, 0);
    assert_absent(f, domains, 8, 1, 0);
    assert_absent(f, domains, 14, 1, 0);
    assert_absent(f, domains, 15, 1, 0);
    assert_int_equal(fixture_number(f, domains, 9, 1, 0), 0);
    assert_int_equal(fixture_number(f, domains, 12, 1, 0), 0);
}

static void a_domain_that_was_not_looked_up_is_unknown_and_counts_nothing(void **state)
{
    struct fixture *f = *state;
    static const unsigned column[] = {4, 5, 7, 8, 9, 10, 11, 12, 14, 15};
    assert_text(f, domains, 2, 4, 0, "never.example");
    assert_int_equal(fixture_number(f, domains, 3, 4, 0), KMS_STATE_UNKNOWN);
    assert_int_equal(fixture_number(f, domains, 6, 4, 0), 1);
    assert_int_equal(len_of(f, domains, 13, 4, 0), 3);
    assert_text(f, domains, 16, 4, 0, "not looked up yet");
    for (size_t i = 0; i < KMS_COUNT_OF(column); i++) {
        assert_absent(f, domains, column[i], 4, 0);
    }
}

static void a_domain_whose_first_lookup_failed_has_a_lookup_and_no_data(void **state)
{
    struct fixture *f = *state;
    static const unsigned column[] = {4, 5, 7, 8, 9, 10, 12};
    fixture_look_up(f, FIXTURE_NEVER, KMS_OUTCOME_DNS_SERVFAIL, NULL, 0);
    assert_int_equal(len_of(f, domains, 11, 4, 0), 11);
    for (size_t i = 0; i < KMS_COUNT_OF(column); i++) {
        assert_absent(f, domains, column[i], 4, 0);
    }
}

static void a_failed_lookup_keeps_the_rows_and_their_age(void **state)
{
    struct fixture *f = *state;
    f->now_s += 60;
    fixture_look_up(f, FIXTURE_EXAMPLE_COM, KMS_OUTCOME_DNS_TIMEOUT, NULL, 0);
    f->now_s += 10;
    assert_int_equal(fixture_number(f, domains, 4, 9, 0), 3);
    assert_int_equal(fixture_number(f, domains, 12, 9, 0), 70);
    assert_int_equal(fixture_number(f, records, 4, 9, 7), 1688);
    assert_int_equal(fixture_number(f, publications, 2, 5, 9), KMS_PUBLICATION_LOOKUP_FAILED);
}

static void a_record_shows_what_dns_gave_and_whose_it_is(void **state)
{
    struct fixture *f = *state;
    assert_text(f, records, 2, 9, 7, "kms2.example.com:1688 in example.com");
    assert_text(f, records, 3, 9, 7, "kms2.example.com");
    assert_int_equal(fixture_number(f, records, 4, 9, 7), 1688);
    assert_int_equal(fixture_number(f, records, 5, 9, 7), 0);
    assert_int_equal(fixture_number(f, records, 6, 9, 7), 300);
    assert_int_equal(fixture_number(f, records, 7, 9, 7), 3600);
    assert_int_equal(fixture_number(f, records, 8, 9, 7), KMS_SRV_HEALTHY);
    assert_int_equal(fixture_number(f, records, 9, 9, 7), 12);
    assert_int_equal(fixture_number(f, records, 10, 9, 7), 749);
    assert_int_equal(len_of(f, records, 12, 9, 7), 11);
    assert_int_equal(len_of(f, records, 13, 9, 7), 11);
    assert_int_equal(fixture_number(f, records, 8, 9, 5), KMS_SRV_DEAD);
    assert_int_equal(fixture_number(f, records, 9, 9, 5), 5);
    assert_int_equal(fixture_number(f, records, 10, 9, 5), 251);
    assert_int_equal(fixture_number(f, records, 11, 9, 5), 333);
}

static void a_record_of_a_stranger_has_no_host(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, records, 5, 9, 3), 10);
    assert_int_equal(fixture_number(f, records, 8, 9, 3), KMS_SRV_UNKNOWN);
    assert_int_equal(fixture_number(f, records, 9, 9, 3), 0);
    assert_int_equal(fixture_number(f, records, 10, 9, 3), 0);
}

static void a_record_that_is_gone_keeps_its_row_without_ttl_and_shares(void **state)
{
    struct fixture *f = *state;
    f->now_s += 60;
    fixture_look_up(f, FIXTURE_EXAMPLE_COM, KMS_OUTCOME_DNS_NODATA, NULL, 0);
    assert_int_equal(fixture_number(f, records, 8, 9, 7), KMS_SRV_GONE);
    assert_text(f, records, 3, 9, 7, "kms2.example.com");
    assert_int_equal(fixture_number(f, records, 6, 9, 7), 300);
    assert_absent(f, records, 7, 9, 7);
    assert_absent(f, records, 10, 9, 7);
    assert_absent(f, records, 11, 9, 7);
    assert_int_equal(len_of(f, records, 13, 9, 7), 11);
    assert_int_equal(fixture_number(f, domains, 4, 9, 0), 0);
}

static void a_record_keeps_its_row_when_the_order_of_records_changes(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, records, 6, 9, 5), 100);
    const struct kms_zone_record record[] = {fixture_record("kms1.example.com", 0, 900),
                                             fixture_record("kms2.example.com", 20, 300)};
    fixture_look_up(f, FIXTURE_EXAMPLE_COM, KMS_OUTCOME_OK, record, KMS_COUNT_OF(record));
    assert_text(f, records, 3, 9, 5, "kms1.example.com");
    assert_int_equal(fixture_number(f, records, 6, 9, 5), 900);
    assert_text(f, records, 3, 9, 7, "kms2.example.com");
    assert_int_equal(fixture_number(f, records, 5, 9, 7), 20);
    assert_int_equal(fixture_number(f, records, 8, 9, 3), KMS_SRV_GONE);
}

static void the_names_of_a_record_that_is_too_long_keep_target_and_port(void **state)
{
    struct fixture *f = *state;
    char target[KMS_ZONE_NAME_SIZE];
    memset(target, 'a', 245);
    for (size_t i = 60; i < 245; i += 61) {
        target[i] = '.';
    }
    target[245] = '\0';
    const struct kms_zone_record record = fixture_record(target, 0, 0);
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_OK, &record, 1);
    assert_text(f, records, 3, 1, 1, target);
    assert_int_equal(len_of(f, records, 2, 1, 1), KMS_MIB_TEXT_MAX);
}

static void a_publication_tells_how_long_the_host_is_missing(void **state)
{
    struct fixture *f = *state;
    f->now_s += 40;
    assert_text(f, publications, 1, 12, 1, "kms2.example.com in b.example");
    assert_int_equal(fixture_number(f, publications, 2, 12, 1), KMS_PUBLICATION_MISSING);
    assert_int_equal(fixture_number(f, publications, 3, 12, 1), 40);
    assert_true(len_of(f, publications, 4, 12, 1) > 0);
    assert_int_equal(fixture_number(f, publications, 2, 12, 9), KMS_PUBLICATION_PUBLISHED);
    assert_int_equal(fixture_number(f, publications, 3, 12, 9), 0);
    assert_int_equal(fixture_number(f, publications, 2, 5, 9), KMS_PUBLICATION_PUBLISHED);
}

static void how_long_a_host_is_missing_is_absent_before_a_lookup_succeeded(void **state)
{
    struct fixture *f = *state;
    size_t zone;
    char name[] = "kms.late.example";
    struct kms_target target = {
        .name = name, .port = KMS_DEFAULT_PORT, .origin = KMS_ORIGIN_CONFIGURED};
    target.source[KMS_SOURCE_DNS].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(f->board, &target, 6, &slot), KMS_OK);
    fixture_look_up(f, FIXTURE_NEVER, KMS_OUTCOME_DNS_REFUSED, NULL, 0);
    assert_int_equal(kms_zones_add(f->zones, "NEVER.example.", &zone), KMS_OK);
    assert_int_equal(zone, FIXTURE_NEVER);
    assert_absent(f, publications, 2, 6, 4);
    const struct kms_zone_record record = fixture_record(name, 0, 0);
    fixture_look_up(f, FIXTURE_NEVER, KMS_OUTCOME_OK, &record, 1);
    assert_int_equal(fixture_number(f, publications, 3, 6, 4), 0);
    fixture_look_up(f, FIXTURE_NEVER, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_absent(f, publications, 2, 6, 4);
}

static void a_host_that_is_found_where_nobody_expects_it_has_a_row_while_it_is(void **state)
{
    struct fixture *f = *state;
    assert_absent(f, publications, 2, 5, 1);
    const struct kms_zone_record record = fixture_record("kms1.example.com", 0, 0);
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_OK, &record, 1);
    assert_int_equal(fixture_number(f, publications, 2, 5, 1), KMS_PUBLICATION_NOT_EXPECTED);
    assert_int_equal(fixture_number(f, publications, 3, 5, 1), 0);
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_absent(f, publications, 2, 5, 1);
    assert_int_equal(fixture_number(f, publications, 2, 12, 1), KMS_PUBLICATION_MISSING);
}

static void a_row_is_found_wherever_it_moved_and_missed_when_it_is_gone(void **state)
{
    struct fixture *f = *state;
    const struct kms_zone *zone = kms_zones_get(f->zones, FIXTURE_EXAMPLE_COM);
    static const oid record[] = {9, 5}, no_record[] = {9, 6};
    static const oid host[] = {12, 9}, no_host[] = {7, 9};
    static const size_t position[] = {0, 1, 2, 3, SIZE_MAX};
    for (size_t i = 0; i < KMS_COUNT_OF(position); i++) {
        struct kms_mib_view view = {
            .board = f->board, .zone = zone, .position = position[i], .index = record};
        assert_true(records->find(&view));
        assert_int_equal(view.record->index, 5);
        view.index = no_record;
        assert_false(records->find(&view));
        view.index = host;
        assert_true(publications->find(&view));
        assert_int_equal(view.publication->host_slot, FIXTURE_KMS2);
        view.index = no_host;
        assert_false(publications->find(&view));
    }
}

static void without_domains_the_tables_have_no_rows(void **state)
{
    struct fixture *f = *state;
    kms_mib_free(f->mib);
    f->mib = kms_mib_new(f->board, NULL, &f->clock, &f->facts);
    assert_non_null(f->mib);
    assert_absent(f, domains, 2, 9, 0);
    assert_absent(f, records, 2, 9, 7);
    assert_absent(f, publications, 1, 12, 9);
    assert_text(f, &kms_mib_host_table, 2, 12, 0, "kms2.example.com");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_come_in_the_order_of_their_numbers),
        TEST(a_domain_shows_what_its_last_lookup_counted),
        TEST(a_domain_without_records_has_no_shares),
        TEST(a_domain_that_was_not_looked_up_is_unknown_and_counts_nothing),
        TEST(a_domain_whose_first_lookup_failed_has_a_lookup_and_no_data),
        TEST(a_failed_lookup_keeps_the_rows_and_their_age),
        TEST(a_record_shows_what_dns_gave_and_whose_it_is),
        TEST(a_record_of_a_stranger_has_no_host),
        TEST(a_record_that_is_gone_keeps_its_row_without_ttl_and_shares),
        TEST(a_record_keeps_its_row_when_the_order_of_records_changes),
        TEST(the_names_of_a_record_that_is_too_long_keep_target_and_port),
        TEST(a_publication_tells_how_long_the_host_is_missing),
        TEST(how_long_a_host_is_missing_is_absent_before_a_lookup_succeeded),
        TEST(a_host_that_is_found_where_nobody_expects_it_has_a_row_while_it_is),
        TEST(a_row_is_found_wherever_it_moved_and_missed_when_it_is_gone),
        TEST(without_domains_the_tables_have_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
