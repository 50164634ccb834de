/* GET, GETNEXT and GETBULK over a made-up board: order, chaining, absent instances and rows that
 * come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/mib/fixture.h"

enum { KEY_COUNT = 14, KEY_TOTAL = 19, KEY_FAILED = 20, KEY_AGE = 31, HOST_NAME = 2 };
enum { HOST_STATUS = 7, HOST_RPC_LATENCY = 12, HOST_SKEW = 21, HOST_AGE = 27 };

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

static netsnmp_variable_list *var_of(const oid *name, size_t len)
{
    netsnmp_variable_list *vars = NULL;
    assert_non_null(snmp_varlist_add_variable(&vars, name, len, ASN_NULL, NULL, 0));
    return vars;
}

/* GETNEXT from a name; false when the table has nothing after it. */
static bool next(struct fixture *f, const struct kms_mib_table *table, oid *name, size_t *len)
{
    netsnmp_variable_list *var = fixture_ask(f, table, MODE_GETNEXT, var_of(name, *len));
    bool found = var->type != ASN_NULL;
    if (found) {
        assert_true(snmp_oid_compare(var->name, var->name_length, name, *len) > 0);
        *len = var->name_length;
        memcpy(name, var->name, *len * sizeof *name);
    } else {
        assert_int_equal(var->name_length, *len);
        assert_int_equal(snmp_oid_compare(var->name, var->name_length, name, *len), 0);
    }
    snmp_free_varbind(var);
    return found;
}

static size_t table_name(const struct kms_mib_table *table, oid *name)
{
    size_t len;
    const oid *root = kms_mib_root(&len);
    memcpy(name, root, len * sizeof *root);
    name[len++] = KMS_MIB_OBJECTS;
    name[len++] = table->number;
    return len;
}

static bool exists(struct fixture *f, const struct kms_mib_table *table, unsigned column, oid index,
                   oid sub)
{
    netsnmp_variable_list *var = fixture_get(f, table, column, index, sub);
    bool found = var->type != SNMP_NOSUCHINSTANCE && var->type != SNMP_NOSUCHOBJECT;
    snmp_free_varbind(var);
    return found;
}

/* Every name that could be an instance, asked one by one. */
static size_t count_by_get(struct fixture *f, const struct kms_mib_table *table)
{
    static const oid host[] = {0, 1, 2, 4, 5, 7, 8, 9, 12, 300, 301};
    size_t count = 0;
    for (unsigned column = 1; column < 40; column++) {
        for (size_t h = 0; h < KMS_COUNT_OF(host); h++) {
            for (oid sub = 0; sub < 10; sub++) {
                count += exists(f, table, column, host[h], sub) ? 1 : 0;
            }
        }
    }
    return count;
}

static void a_walk_meets_every_instance_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    fixture_add_domains(f);
    size_t table_count;
    const struct kms_mib_table *const *tables = kms_mib_tables(&table_count);
    for (size_t t = 0; t < table_count; t++) {
        oid name[MAX_OID_LEN];
        size_t len = table_name(tables[t], name);
        size_t walked = 0;
        while (next(f, tables[t], name, &len)) { /* next() checks that names ascend */
            netsnmp_variable_list *var = fixture_ask(f, tables[t], MODE_GET, var_of(name, len));
            assert_int_not_equal(var->type, SNMP_NOSUCHINSTANCE);
            snmp_free_varbind(var);
            walked++;
        }
        assert_int_equal(walked, count_by_get(f, tables[t]));
    }
}

static void tables_with_data_have_rows(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fixture_number(f, &kms_mib_agent_table, 3, 0, 0), 3);
    assert_true(exists(f, &kms_mib_host_table, HOST_NAME, 7, 0));
    assert_true(exists(f, &kms_mib_host_table, HOST_NAME, 2, 0));
    assert_true(exists(f, &kms_mib_host_table, HOST_NAME, 300, 0));
    assert_int_equal(fixture_number(f, &kms_mib_key_table, KEY_COUNT, 7, 1), 6);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, KEY_COUNT, 7, 2), 12);
    assert_int_equal(fixture_number(f, &kms_mib_class_table, 4, 7, KMS_CLASS_CLIENT), 25);
    assert_int_equal(fixture_number(f, &kms_mib_source_table, 9, 7, KMS_SOURCE_REPORT), 1);
}

static void get_of_an_absent_fact_is_no_such_instance(void **state)
{
    struct fixture *f = *state;
    netsnmp_variable_list *var = fixture_get(f, &kms_mib_host_table, HOST_SKEW, 7, 0);
    assert_int_equal(var->type, SNMP_NOSUCHINSTANCE);
    snmp_free_varbind(var);
    var = fixture_get(f, &kms_mib_host_table, HOST_NAME, 8, 0);
    assert_int_equal(var->type, SNMP_NOSUCHINSTANCE);
    snmp_free_varbind(var);
}

static void get_of_a_column_that_is_not_defined_is_no_such_object(void **state)
{
    struct fixture *f = *state;
    netsnmp_variable_list *var = fixture_get(f, &kms_mib_host_table, 99, 7, 0);
    assert_int_equal(var->type, SNMP_NOSUCHOBJECT);
    snmp_free_varbind(var);
    var = fixture_get(f, &kms_mib_host_table, 1, 7, 0); /* the index is not accessible */
    assert_int_equal(var->type, SNMP_NOSUCHOBJECT);
    snmp_free_varbind(var);
}

static void get_of_an_index_with_the_wrong_length_is_no_such_instance(void **state)
{
    struct fixture *f = *state;
    netsnmp_variable_list *var = fixture_get(f, &kms_mib_host_table, HOST_NAME, 7, 1);
    assert_int_equal(var->type, SNMP_NOSUCHINSTANCE);
    snmp_free_varbind(var);
    var = fixture_get(f, &kms_mib_key_table, KEY_COUNT, 7, 0);
    assert_int_equal(var->type, SNMP_NOSUCHINSTANCE);
    snmp_free_varbind(var);
}

static void get_of_the_table_itself_is_no_such_object(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN];
    size_t len = table_name(&kms_mib_host_table, name);
    netsnmp_variable_list *var = fixture_ask(f, &kms_mib_host_table, MODE_GET, var_of(name, len));
    assert_int_equal(var->type, SNMP_NOSUCHOBJECT);
    snmp_free_varbind(var);
}

static void assert_next(struct fixture *f, const struct kms_mib_table *table, const oid *from,
                        size_t from_len, unsigned column, oid index, oid sub)
{
    oid want[MAX_OID_LEN];
    size_t want_len = fixture_oid(table, column, index, sub, want);
    oid name[MAX_OID_LEN];
    memcpy(name, from, from_len * sizeof *name);
    size_t len = from_len;
    assert_true(next(f, table, name, &len));
    assert_int_equal(snmp_oid_compare(name, len, want, want_len), 0);
}

static void rows_come_in_the_order_of_their_numbers(void **state)
{
    struct fixture *f = *state;
    const struct kms_mib_table *table = &kms_mib_host_table;
    oid name[MAX_OID_LEN];
    size_t len = table_name(table, name);
    assert_next(f, table, name, len, HOST_NAME, 2, 0);
    len = fixture_oid(table, HOST_NAME, 2, 0, name);
    assert_next(f, table, name, len, HOST_NAME, 7, 0);
    len = fixture_oid(table, HOST_NAME, 7, 0, name);
    assert_next(f, table, name, len, HOST_NAME, 300, 0);
    len = fixture_oid(table, HOST_NAME, 300, 0, name);
    assert_next(f, table, name, len, HOST_NAME + 1, 2, 0);
}

static void getnext_from_names_that_are_no_instances_finds_the_one_after(void **state)
{
    struct fixture *f = *state;
    const struct kms_mib_table *table = &kms_mib_key_table;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(table, KEY_COUNT, 5, 0, name); /* half an index, of no host */
    assert_next(f, table, name, len, KEY_COUNT, 7, 1);
    len = fixture_oid(table, KEY_COUNT, 7, 1, name);
    name[len++] = 0; /* longer than an instance */
    assert_next(f, table, name, len, KEY_COUNT, 7, 2);
    len = fixture_oid(table, 1, 7, 1, name); /* the index column */
    assert_next(f, table, name, len, 2, 2, 1);
    len = fixture_oid(table, KEY_COUNT, 7, 0, name) - 1; /* the column alone */
    assert_next(f, table, name, len, KEY_COUNT, 7, 1);
    len = fixture_oid(table, KEY_COUNT, MAX_SUBID, MAX_SUBID, name);
    assert_next(f, table, name, len, KEY_COUNT + 1, 7, 1);
}

static void getnext_skips_a_column_that_nobody_knows(void **state)
{
    struct fixture *f = *state;
    const struct kms_mib_table *table = &kms_mib_host_table;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(table, HOST_SKEW - 1, 7, 0, name); /* trusted time, of one host only */
    assert_next(f, table, name, len, 23, 7,
                0); /* not the clock skew, not the idle time: the ePID */
}

static void getnext_past_the_end_leaves_the_varbind_untouched(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_host_table, 28, 300, 0, name);
    assert_false(next(f, &kms_mib_host_table, name, &len));
    len = fixture_oid(&kms_mib_host_table, 99, 1, 0, name);
    assert_false(next(f, &kms_mib_host_table, name, &len));
    len = table_name(&kms_mib_key_table, name); /* after all of the host table */
    assert_false(next(f, &kms_mib_host_table, name, &len));
}

static void getnext_in_a_table_without_rows_leaves_the_varbind_untouched(void **state)
{
    struct fixture *f = *state;
    static const struct kms_mib_table *const empty[] = {
        &kms_mib_domain_table, &kms_mib_srv_table,   &kms_mib_publication_table,
        &kms_mib_fleet_table,  &kms_mib_error_table, &kms_mib_alarm_table,
    };
    for (size_t i = 0; i < KMS_COUNT_OF(empty); i++) {
        oid name[MAX_OID_LEN];
        size_t len = table_name(empty[i], name);
        assert_false(next(f, empty[i], name, &len));
    }
}

static void an_inclusive_getnext_may_answer_with_its_own_name(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_host_table, HOST_NAME, 7, 0, name);
    netsnmp_variable_list *var = var_of(name, len);
    netsnmp_agent_request_info info = {.mode = MODE_GETNEXT};
    netsnmp_request_info request = {.requestvb = var, .inclusive = 1};
    assert_int_equal(kms_mib_answer(f->mib, &kms_mib_host_table, &info, &request),
                     SNMP_ERR_NOERROR);
    assert_int_equal(snmp_oid_compare(var->name, var->name_length, name, len), 0);
    assert_int_equal(var->type, ASN_OCTET_STR);
    snmp_free_varbind(var);
}

static void a_processed_request_is_left_alone(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_host_table, HOST_NAME, 7, 0, name);
    netsnmp_variable_list *var = var_of(name, len);
    netsnmp_agent_request_info info = {.mode = MODE_GET};
    netsnmp_request_info request = {.requestvb = var, .processed = 1};
    assert_int_equal(kms_mib_answer(f->mib, &kms_mib_host_table, &info, &request),
                     SNMP_ERR_NOERROR);
    assert_int_equal(var->type, ASN_NULL);
    snmp_free_varbind(var);
}

static netsnmp_variable_list *columns_of(const struct kms_mib_table *table, oid index, oid sub,
                                         const unsigned *column, size_t count)
{
    netsnmp_variable_list *vars = NULL;
    for (size_t i = 0; i < count; i++) {
        oid name[MAX_OID_LEN];
        size_t len = fixture_oid(table, column[i], index, sub, name);
        assert_non_null(snmp_varlist_add_variable(&vars, name, len, ASN_NULL, NULL, 0));
    }
    return vars;
}

static void all_varbinds_of_a_pdu_see_one_poll_and_one_time(void **state)
{
    struct fixture *f = *state;
    f->step_s = 1000; /* a second look at the clock would show */
    static const unsigned column[] = {KEY_COUNT, KEY_AGE, KEY_TOTAL, KEY_AGE, KEY_FAILED};
    netsnmp_variable_list *vars = fixture_ask(
        f, &kms_mib_key_table, MODE_GET,
        columns_of(&kms_mib_key_table, 7, 1, column, KMS_COUNT_OF(column)));
    assert_int_equal(*vars->val.integer, 6);
    netsnmp_variable_list *age = vars->next_variable;
    netsnmp_variable_list *total = age->next_variable;
    assert_int_equal(*total->val.integer, 20);
    assert_int_equal(*age->val.integer, *total->next_variable->val.integer);
    snmp_free_varbind(vars);
}

static void the_next_pdu_shows_the_next_poll(void **state)
{
    struct fixture *f = *state;
    struct kms_result report;
    fixture_report(&report, 31, 50, 2);
    fixture_publish(f, 0, &report);
    kms_result_done(&report);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, KEY_COUNT, 7, 1), 31);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, KEY_TOTAL, 7, 1), 50);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, KEY_FAILED, 7, 1), 2);
}

static void a_key_that_comes_or_goes_changes_the_rows(void **state)
{
    struct fixture *f = *state;
    assert_true(exists(f, &kms_mib_key_table, KEY_COUNT, 7, 2));
    assert_false(exists(f, &kms_mib_key_table, 2, 300, 1));
    struct kms_result report;
    fixture_report(&report, 6, 21, 0);
    fixture_publish(f, 0, &report);
    fixture_publish(f, 2, &report);
    kms_result_done(&report);
    assert_false(exists(f, &kms_mib_key_table, KEY_COUNT, 7, 2));
    assert_true(exists(f, &kms_mib_key_table, KEY_COUNT, 7, 1));
    assert_true(exists(f, &kms_mib_key_table, KEY_COUNT, 300, 1));
}

static void a_key_keeps_its_row_when_the_source_names_keys_in_another_order(void **state)
{
    struct fixture *f = *state;
    struct kms_result office, report;
    kms_result_init(&office, KMS_SOURCE_REPORT);
    office.outcome = KMS_OUTCOME_OK;
    office.wall_s = office.data_s = FIXTURE_NOW;
    fixture_add_office_key(&office, 13);
    fixture_report(&report, 7, 22, 0);
    struct kms_facts *key = kms_result_add_key(&office);
    assert_non_null(key);
    assert_int_equal(kms_facts_copy(key, &report.key[0]), KMS_OK);
    fixture_publish(f, 0, &office);
    kms_result_done(&office);
    kms_result_done(&report);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, KEY_COUNT, 7, 1), 7);
    assert_int_equal(fixture_number(f, &kms_mib_key_table, KEY_COUNT, 7, 2), 13);
}

/* The index of the first row at or behind this one that has the column; 0: there is none. */
static oid first_with(struct fixture *f, unsigned column, oid index)
{
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_host_table, column, index, 0, name);
    netsnmp_variable_list *var = fixture_ask(f, &kms_mib_host_table, MODE_GETNEXT,
                                             var_of(name, len));
    oid found = 0;
    if (var->name_length == len && var->name[len - 2] == column) {
        found = var->name[len - 1];
    }
    snmp_free_varbind(var);
    return found;
}

static void getnext_over_many_empty_rows_finds_what_appears_in_them(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 300; i++) {
        fixture_add_host(f, 1000 + i);
    }
    const size_t first = 3; /* slot of the first that was added */
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 999), 0);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 1100), 0);
    f->now_s++;
    fixture_bind(f, first + 200, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, 900);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 999), 1200);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 1100), 1200);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 1150), 1200);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 1), 1200);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 1200), 0);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 1201), 0);
    /* More rows: nothing of the old ones is remembered, in the same second too. */
    fixture_add_host(f, 1050);
    fixture_add_host(f, 990);
    fixture_bind(f, first + 301, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, 900);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 1), 990);
    assert_int_equal(first_with(f, HOST_RPC_LATENCY, 990), 1200);
}

static void ages_grow_without_a_poll(void **state)
{
    struct fixture *f = *state;
    long before = fixture_number(f, &kms_mib_host_table, HOST_AGE, 7, 0);
    assert_int_equal(before, 3600);
    f->now_s += 50;
    assert_int_equal(fixture_number(f, &kms_mib_host_table, HOST_AGE, 7, 0), before + 50);
}

/* GETBULK as Net-SNMP asks for it: room for the repetitions is chained behind the first varbind.
 * Returns how many it filled in; the request says where it stopped. */
static size_t bulk(struct fixture *f, const struct kms_mib_table *table,
                   netsnmp_request_info *request, const oid *name, size_t len, int repeat)
{
    netsnmp_variable_list *vars = NULL;
    for (int i = 0; i <= repeat; i++) {
        assert_non_null(
            snmp_varlist_add_variable(&vars, name, i == 0 ? len : 0, ASN_NULL, NULL, 0));
    }
    netsnmp_agent_request_info info = {.mode = MODE_GETBULK};
    request->requestvb = request->requestvb_start = vars;
    request->repeat = request->orig_repeat = repeat;
    assert_int_equal(kms_mib_answer(f->mib, table, &info, request), SNMP_ERR_NOERROR);
    size_t count = 0;
    for (const netsnmp_variable_list *var = vars; var != NULL && var->type != ASN_NULL;
         var = var->next_variable) {
        count++;
    }
    return count;
}

static void getbulk_gives_what_as_many_getnexts_give(void **state)
{
    struct fixture *f = *state;
    fixture_add_domains(f);
    const struct kms_mib_table *table = &kms_mib_srv_table;
    for (int repeat = 0; repeat < 50; repeat += 7) {
        oid name[MAX_OID_LEN];
        size_t len = table_name(table, name);
        netsnmp_request_info request = {0};
        size_t count = bulk(f, table, &request, name, len, repeat);
        netsnmp_variable_list *var = request.requestvb_start;
        for (size_t i = 0; i < count; i++, var = var->next_variable) {
            assert_true(next(f, table, name, &len));
            assert_int_equal(snmp_oid_compare(var->name, var->name_length, name, len), 0);
        }
        if (count <= (size_t)repeat) { /* the table ended first */
            assert_false(next(f, table, name, &len));
            assert_ptr_equal(request.requestvb, var);
            assert_int_equal(request.repeat, repeat - (int)count);
        } else {
            assert_int_equal(request.repeat, 0);
        }
        snmp_free_varbind(request.requestvb_start);
    }
}

static void getbulk_leaves_the_rest_to_the_next_table(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_host_table, 28, 7, 0, name);
    netsnmp_request_info request = {0};
    assert_int_equal(bulk(f, &kms_mib_host_table, &request, name, len, 5), 1);
    /* From the last answer on, as what is not answered. */
    assert_int_equal(request.requestvb->type, ASN_NULL);
    assert_int_equal(request.repeat, 4);
    len = fixture_oid(&kms_mib_host_table, 28, 300, 0, name);
    assert_int_equal(
        snmp_oid_compare(request.requestvb->name, request.requestvb->name_length, name, len), 0);
    snmp_free_varbind(request.requestvb_start);
}

static void getbulk_past_the_end_keeps_all_its_repetitions(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_host_table, 99, 1, 0, name);
    netsnmp_request_info request = {0};
    assert_int_equal(bulk(f, &kms_mib_host_table, &request, name, len, 3), 0);
    assert_int_equal(request.repeat, 3);
    assert_ptr_equal(request.requestvb, request.requestvb_start);
    snmp_free_varbind(request.requestvb_start);
}

static void getbulk_stops_where_another_handler_begins(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN], end[MAX_OID_LEN];
    size_t len = table_name(&kms_mib_host_table, name);
    size_t end_len = fixture_oid(&kms_mib_host_table, HOST_NAME, 7, 0, end);
    netsnmp_request_info request = {.range_end = end, .range_end_len = end_len};
    assert_int_equal(bulk(f, &kms_mib_host_table, &request, name, len, 9), 2);
    assert_int_equal(request.repeat, 8);
    snmp_free_varbind(request.requestvb_start);
}

static void an_inclusive_getbulk_answers_its_own_name_once(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_host_table, HOST_NAME, 7, 0, name);
    netsnmp_request_info request = {.inclusive = 1};
    assert_int_equal(bulk(f, &kms_mib_host_table, &request, name, len, 1), 2);
    const netsnmp_variable_list *var = request.requestvb_start;
    assert_int_equal(snmp_oid_compare(var->name, var->name_length, name, len), 0);
    len = fixture_oid(&kms_mib_host_table, HOST_NAME, 300, 0, name);
    var = var->next_variable;
    assert_int_equal(snmp_oid_compare(var->name, var->name_length, name, len), 0);
    snmp_free_varbind(request.requestvb_start);
}

static void a_set_changes_nothing(void **state)
{
    struct fixture *f = *state;
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(&kms_mib_host_table, HOST_STATUS, 7, 0, name);
    netsnmp_variable_list *var = fixture_ask(f, &kms_mib_host_table, MODE_SET_ACTION,
                                             var_of(name, len));
    assert_int_equal(var->type, ASN_NULL);
    snmp_free_varbind(var);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_walk_meets_every_instance_once_and_in_order),
        TEST(tables_with_data_have_rows),
        TEST(get_of_an_absent_fact_is_no_such_instance),
        TEST(get_of_a_column_that_is_not_defined_is_no_such_object),
        TEST(get_of_an_index_with_the_wrong_length_is_no_such_instance),
        TEST(get_of_the_table_itself_is_no_such_object),
        TEST(rows_come_in_the_order_of_their_numbers),
        TEST(getnext_from_names_that_are_no_instances_finds_the_one_after),
        TEST(getnext_skips_a_column_that_nobody_knows),
        TEST(getnext_past_the_end_leaves_the_varbind_untouched),
        TEST(getnext_in_a_table_without_rows_leaves_the_varbind_untouched),
        TEST(an_inclusive_getnext_may_answer_with_its_own_name),
        TEST(a_processed_request_is_left_alone),
        TEST(all_varbinds_of_a_pdu_see_one_poll_and_one_time),
        TEST(the_next_pdu_shows_the_next_poll),
        TEST(a_key_that_comes_or_goes_changes_the_rows),
        TEST(a_key_keeps_its_row_when_the_source_names_keys_in_another_order),
        TEST(getnext_over_many_empty_rows_finds_what_appears_in_them),
        TEST(ages_grow_without_a_poll),
        TEST(getbulk_gives_what_as_many_getnexts_give),
        TEST(getbulk_leaves_the_rest_to_the_next_table),
        TEST(getbulk_past_the_end_keeps_all_its_repetitions),
        TEST(getbulk_stops_where_another_handler_begins),
        TEST(an_inclusive_getbulk_answers_its_own_name_once),
        TEST(a_set_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
