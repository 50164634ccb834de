/* Memory that runs out while rows are laid out: the rows before stay, those that are gone are told
 * so, and the next request that finds memory shows everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/mib/fixture.h"
#include "unit/scarce.h"

static int setup(void **state)
{
    struct fixture *f = fixture_new();
    fixture_add_domains(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    scarce_over();
    fixture_free(*state);
    return 0;
}

/* Asks while only so many allocations succeed; those of Net-SNMP itself always do. */
static bool exists_with(struct fixture *f, int64_t allocations, const struct kms_mib_table *table,
                        unsigned column, oid index, oid sub)
{
    scarce_left(allocations);
    netsnmp_variable_list *var = fixture_get(f, table, column, index, sub);
    scarce_over();
    bool found = var->type != SNMP_NOSUCHINSTANCE;
    snmp_free_varbind(var);
    return found;
}

static void without_memory_for_the_first_rows_nothing_exists(void **state)
{
    struct fixture *f = *state;
    int64_t allocations = 0;
    while (!exists_with(f, allocations, &kms_mib_domain_table, 2, 9, 0)) {
        allocations++;
        assert_true(allocations < 1000);
    }
    assert_true(allocations > 5); /* a layout and its tables */
}

static void rows_that_are_gone_are_missed_and_the_others_stay(void **state)
{
    struct fixture *f = *state;
    const struct kms_zone_record record = fixture_record("kms1.example.com", 0, 0);
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_OK, &record, 1);
    assert_true(exists_with(f, -1, &kms_mib_publication_table, 2, 5, 1));
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    assert_false(exists_with(f, 0, &kms_mib_publication_table, 2, 5, 1));
    assert_true(exists_with(f, 0, &kms_mib_publication_table, 2, 12, 1));
    assert_true(exists_with(f, 0, &kms_mib_srv_table, 2, 1, 1));
}

static void getnext_steps_over_rows_that_are_gone(void **state)
{
    struct fixture *f = *state;
    const struct kms_zone_record record = fixture_record("kms1.example.com", 0, 0);
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_OK, &record, 1);
    assert_true(exists_with(f, -1, &kms_mib_publication_table, 2, 5, 1));
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_publication_table, 2, 5, 0, name);
    netsnmp_variable_list *var = NULL;
    assert_non_null(snmp_varlist_add_variable(&var, name, len, ASN_NULL, NULL, 0));
    scarce_left(0);
    (void)fixture_ask(f, &kms_mib_publication_table, MODE_GETNEXT, var);
    scarce_over();
    len = fixture_oid(&kms_mib_publication_table, 2, 5, 9, name);
    assert_int_equal(snmp_oid_compare(var->name, var->name_length, name, len), 0);
    snmp_free_varbind(var);
}

static void new_rows_are_shown_as_soon_as_there_is_memory(void **state)
{
    struct fixture *f = *state;
    assert_true(exists_with(f, -1, &kms_mib_domain_table, 2, 9, 0));
    const struct kms_zone_record record = fixture_record("kms1.example.com", 0, 0);
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_OK, &record, 1);
    int64_t allocations = 0;
    while (!exists_with(f, allocations, &kms_mib_srv_table, 2, 1, 1)) {
        assert_true(exists_with(f, 0, &kms_mib_domain_table, 2, 9, 0));
        allocations++;
        assert_true(allocations < 1000);
    }
    assert_true(allocations > 5);
}

static void the_mib_itself_needs_memory(void **state)
{
    struct fixture *f = *state;
    scarce_left(0);
    struct kms_mib *mib = kms_mib_new(f->board, f->zones, &f->clock, &f->facts);
    scarce_over();
    assert_null(mib);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_memory_for_the_first_rows_nothing_exists),
        TEST(rows_that_are_gone_are_missed_and_the_others_stay),
        TEST(getnext_steps_over_rows_that_are_gone),
        TEST(new_rows_are_shown_as_soon_as_there_is_memory),
        TEST(the_mib_itself_needs_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
