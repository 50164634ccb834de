/* The table of alarms and its scalars: every column, rows that come and go alone, and pointers to
 * the rows that alarms are about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/mib/fixture.h"

static const struct kms_mib_table *const table = &kms_mib_alarm_table;
enum { TYPE = 2, SEVERITY, HOST, OBJECT, SINCE, TEXT };
enum { ACTIVE = 14, SENT, SUPPRESSED };

struct stage {
    struct fixture *f;
    struct kms_alarms *alarms;
    struct kms_mib_notified notified;
};

static struct kms_mib_notified notified(void *arg)
{
    return ((struct stage *)arg)->notified;
}

static int setup(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    struct kms_alarm_policy policy = {0};
    for (size_t i = 1; i <= KMS_ALARM_TYPE_MAX; i++) {
        policy.type[i] = (struct kms_alarm_rule){.enabled = true, .confirm = 1};
    }
    stage->f = fixture_new();
    fixture_add_domains(stage->f);
    stage->alarms = kms_alarms_new(&policy, NULL, NULL);
    assert_non_null(stage->alarms);
    stage->notified = (struct kms_mib_notified){.known = true, .sent = 3, .suppressed = 4};
    kms_mib_set_alarms(stage->f->mib, stage->alarms, notified, stage);
    *state = stage;
    return 0;
}

static int teardown(void **state)
{
    struct stage *stage = *state;
    fixture_free(stage->f);
    kms_alarms_free(stage->alarms);
    free(stage);
    return 0;
}

static void poll(struct stage *stage, const char *object, struct kms_alarm_row row,
                 enum kms_state severity)
{
    const struct kms_alarm_condition condition = {.type = KMS_ALARM_KEY,
                                                  .owner = "kms07",
                                                  .object = object,
                                                  .row = row,
                                                  .severity = severity,
                                                  .polled = true,
                                                  .text = "notification"};
    const struct kms_alarm_update update = {
        .subject = "host kms07", .now_s = FIXTURE_NOW, .condition = &condition, .count = 1};
    assert_int_equal(kms_alarms_update(stage->alarms, &update), KMS_OK);
}

static void an_alarm_shows_every_column(void **state)
{
    struct stage *stage = *state;
    kms_alarms_begin_at(stage->alarms, 41);
    poll(stage, "a", (struct kms_alarm_row){3, 2, {7, 1}}, KMS_STATE_CRITICAL);
    assert_int_equal(fixture_number(stage->f, table, TYPE, 41, 0), KMS_ALARM_KEY);
    assert_int_equal(fixture_number(stage->f, table, SEVERITY, 41, 0), KMS_STATE_CRITICAL);
    netsnmp_variable_list *var = fixture_get(stage->f, table, HOST, 41, 0);
    assert_int_equal(var->val_len, 5);
    assert_memory_equal(var->val.string, "kms07", 5);
    snmp_free_varbind(var);
    var = fixture_get(stage->f, table, TEXT, 41, 0);
    assert_memory_equal(var->val.string, "notification", var->val_len);
    snmp_free_varbind(var);
    var = fixture_get(stage->f, table, SINCE, 41, 0);
    assert_int_equal(var->val_len, 11);
    snmp_free_varbind(var);
    assert_int_equal(fixture_number(stage->f, &kms_mib_agent_table, ACTIVE, 0, 0), 1);
    assert_int_equal(fixture_number(stage->f, &kms_mib_agent_table, SENT, 0, 0), 3);
    assert_int_equal(fixture_number(stage->f, &kms_mib_agent_table, SUPPRESSED, 0, 0), 4);
}

/* Each points to an instance that is there. */
static void the_object_is_the_first_column_of_the_row(void **state)
{
    struct stage *stage = *state;
    static const struct kms_alarm_row row[] = {{2, 1, {7, 0}}, {3, 2, {7, 1}}, {4, 2, {7, 2}},
                                               {5, 1, {9, 0}}, {6, 2, {9, 3}}, {7, 2, {12, 1}},
                                               {10, 2, {7, 4}}};
    for (size_t i = 0; i < KMS_COUNT_OF(row); i++) {
        char object[] = "a";
        object[0] = (char)('a' + i);
        poll(stage, object, row[i], KMS_STATE_WARNING);
        netsnmp_variable_list *var = fixture_get(stage->f, table, OBJECT, i + 1, 0);
        assert_int_equal(var->type, ASN_OBJECT_ID);
        const struct kms_mib_table *of = kms_mib_table_of(row[i].table);
        oid want[MAX_OID_LEN];
        size_t want_len = fixture_oid(of, of->column[0].number, row[i].index[0],
                                      row[i].len > 1 ? row[i].index[1] : 0, want);
        assert_int_equal(
            snmp_oid_compare(var->val.objid, var->val_len / sizeof(oid), want, want_len), 0);
        netsnmp_variable_list *asked = NULL;
        assert_non_null(snmp_varlist_add_variable(&asked, want, want_len, ASN_NULL, NULL, 0));
        asked = fixture_ask(stage->f, of, MODE_GET, asked);
        assert_int_not_equal(asked->type, SNMP_NOSUCHINSTANCE);
        snmp_free_varbind(asked);
        snmp_free_varbind(var);
    }
}

static void rows_come_and_go_without_a_layout_of_the_hosts(void **state)
{
    struct stage *stage = *state;
    const struct kms_alarm_row row = {2, 1, {7, 0}};
    poll(stage, "a", row, KMS_STATE_WARNING);
    poll(stage, "b", row, KMS_STATE_WARNING);
    assert_int_equal(fixture_number(stage->f, table, TYPE, 2, 0), KMS_ALARM_KEY);
    poll(stage, "a", row, KMS_STATE_OK);
    netsnmp_variable_list *var = fixture_get(stage->f, table, TYPE, 1, 0);
    assert_int_equal(var->type, SNMP_NOSUCHINSTANCE);
    snmp_free_varbind(var);
    assert_int_equal(fixture_number(stage->f, table, TYPE, 2, 0), KMS_ALARM_KEY);
    fixture_add_host(stage->f, 44); /* a layout of all */
    assert_int_equal(fixture_number(stage->f, table, TYPE, 2, 0), KMS_ALARM_KEY);
}

static bool is_there(struct stage *stage, unsigned column)
{
    netsnmp_variable_list *var = fixture_get(stage->f, &kms_mib_agent_table, column, 0, 0);
    bool there = var->type != SNMP_NOSUCHINSTANCE;
    snmp_free_varbind(var);
    return there;
}

static void what_nobody_can_send_is_not_counted(void **state)
{
    struct stage *stage = *state;
    stage->notified.known = false;
    assert_true(is_there(stage, ACTIVE));
    assert_false(is_there(stage, SENT));
    assert_false(is_there(stage, SUPPRESSED));
    kms_mib_set_alarms(stage->f->mib, NULL, NULL, NULL);
    assert_false(is_there(stage, ACTIVE));
    assert_false(is_there(stage, SENT));
}

/* As a store of another release may name it. */
static void a_row_of_no_table_is_not_shown(void **state)
{
    struct stage *stage = *state;
    poll(stage, "a", (struct kms_alarm_row){99, 1, {7, 0}}, KMS_STATE_WARNING);
    poll(stage, "b", (struct kms_alarm_row){1, 1, {7, 0}}, KMS_STATE_WARNING);
    poll(stage, "c", (struct kms_alarm_row){3, 1, {7, 0}}, KMS_STATE_WARNING);
    for (oid index = 1; index <= 3; index++) {
        netsnmp_variable_list *var = fixture_get(stage->f, table, OBJECT, index, 0);
        assert_int_equal(var->type, SNMP_NOSUCHINSTANCE);
        snmp_free_varbind(var);
        assert_int_equal(fixture_number(stage->f, table, TYPE, index, 0), KMS_ALARM_KEY);
    }
}

int main(void)
{
#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        STAGED(an_alarm_shows_every_column),
        STAGED(the_object_is_the_first_column_of_the_row),
        STAGED(rows_come_and_go_without_a_layout_of_the_hosts),
        STAGED(what_nobody_can_send_is_not_counted),
        STAGED(a_row_of_no_table_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
