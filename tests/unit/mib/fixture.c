/* A made-up board with three hosts, and GET and GETNEXT in memory on the tables over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/mib/fixture.h"

static int64_t wall_us(void *arg)
{
    struct fixture *f = arg;
    int64_t now_s = f->now_s;
    f->now_s += f->step_s;
    return now_s * 1000000;
}

static int64_t mono_us(void *arg)
{
    (void)arg;
    return 1;
}

static int64_t lag_ms(void *arg)
{
    (void)arg;
    return 12;
}

static void add_host(struct fixture *f, const char *name, const char *address, uint32_t index)
{
    char host[32], at[32];
    (void)kms_text_copy(host, sizeof host, name);
    (void)kms_text_copy(at, sizeof at, address == NULL ? "" : address);
    struct kms_target target = {.name = host,
                                .address = address == NULL ? NULL : at,
                                .port = KMS_DEFAULT_PORT,
                                .origin = KMS_ORIGIN_CONFIGURED};
    target.source[KMS_SOURCE_REPORT].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(f->board, &target, index, &slot), KMS_OK);
}

static void number(struct kms_facts *facts, enum kms_fact_id id, int64_t value)
{
    assert_int_equal(kms_facts_set_number(facts, id, value), KMS_OK);
}

static void text(struct kms_facts *facts, enum kms_fact_id id, const char *value)
{
    assert_int_equal(kms_facts_set_text(facts, id, value), KMS_OK);
}

void fixture_report(struct kms_result *result, uint32_t count, uint32_t total, uint32_t failed)
{
    kms_result_init(result, KMS_SOURCE_REPORT);
    result->outcome = KMS_OUTCOME_OK;
    result->duration_us = 4200;
    result->wall_s = FIXTURE_NOW - 60;
    result->data_s = result->data_s_min = result->data_s_max = FIXTURE_NOW - 3600;
    result->fingerprint = 1000U + count + total;
    text(&result->host, KMS_FACT_SERVICE_VERSION, "6.1.7601.17514");
    number(&result->host, KMS_FACT_LISTENING_PORT, 1688);
    number(&result->host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_ENABLED);
    number(&result->host, KMS_FACT_PRIORITY, KMS_PRIORITY_NORMAL);
    number(&result->host, KMS_FACT_TRUSTED_TIME, FIXTURE_NOW - 3600);
    struct kms_facts *key = kms_result_add_key(result);
    assert_non_null(key);
    text(key, KMS_FACT_KEY_NAME, "Windows Server(R), ServerStandard edition");
    text(key, KMS_FACT_KEY_CHANNEL, "VOLUME_KMS_R2_B");
    text(key, KMS_FACT_APPLICATION_ID, "55c92734-d682-4d71-983e-d6ec3f16059f");
    text(key, KMS_FACT_ACTIVATION_ID, "7ea4bf94-0db1-4ffc-a3bb-d3a9f4f1ac03");
    text(key, KMS_FACT_EPID, "55041-00168-305-246209-03-1031-7600.0000-0522010");
    number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
    number(key, KMS_FACT_LICENSE_REASON, 0x4004F040);
    number(key, KMS_FACT_CURRENT_COUNT, count);
    number(key, KMS_FACT_TOTAL_REQUESTS, total);
    number(key, KMS_FACT_FAILED_REQUESTS, failed);
    number(key, KMS_FACT_OWN_ENTRY, 0);
}

void fixture_add_office_key(struct kms_result *result, uint32_t count)
{
    struct kms_facts *key = kms_result_add_key(result);
    assert_non_null(key);
    text(key, KMS_FACT_APPLICATION_ID, "0ff1ce15-a989-479d-af46-f275c6370663");
    text(key, KMS_FACT_ACTIVATION_ID, "98ebfe73-2084-4c97-932c-c0cd1643bea7");
    number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
    number(key, KMS_FACT_CURRENT_COUNT, count);
}

void fixture_publish(struct fixture *f, size_t slot, const struct kms_result *result)
{
    struct kms_change change;
    assert_int_equal(kms_board_publish(f->board, slot, result, &change), KMS_OK);
}

struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->now_s = FIXTURE_NOW;
    f->clock = (struct kms_clock){.mono_us = mono_us, .wall_us = wall_us, .arg = f};
    f->facts = (struct kms_agent_facts){.started_s = FIXTURE_NOW - 100,
                                        .config_loaded_s = FIXTURE_NOW - 99,
                                        .config_result = KMS_CONFIG_OK,
                                        .interval_s = 60,
                                        .poll_lag_ms = lag_ms};
    kms_policy_preset(&f->policy);
    f->board = kms_board_new(&f->policy, &f->clock, NULL, NULL);
    assert_non_null(f->board);
    add_host(f, "kms07", NULL, 7);
    add_host(f, "literal", "10.1.2.3", 2);
    add_host(f, "silent", "2001:db8::1", 300);

    struct kms_result report;
    fixture_report(&report, 6, 20, 0);
    fixture_add_office_key(&report, 12);
    fixture_publish(f, 0, &report);
    kms_result_done(&report);

    kms_result_init(&report, KMS_SOURCE_REPORT);
    report.outcome = KMS_OUTCOME_OK;
    report.wall_s = FIXTURE_NOW - 30;
    struct kms_facts *key = kms_result_add_key(&report);
    text(key, KMS_FACT_KEY_CHANNEL, "VOLUME_KMS_C");
    fixture_publish(f, 1, &report);
    kms_result_done(&report);

    f->mib = kms_mib_new(f->board, NULL, &f->clock, &f->facts);
    assert_non_null(f->mib);
    return f;
}

void fixture_free(struct fixture *f)
{
    kms_mib_free(f->mib);
    kms_board_free(f->board);
    free(f);
}

size_t fixture_oid(const struct kms_mib_table *table, unsigned column, oid index, oid sub, oid *dst)
{
    size_t len;
    const oid *root = kms_mib_root(&len);
    memcpy(dst, root, len * sizeof *root);
    dst[len++] = KMS_MIB_OBJECTS;
    dst[len++] = table->number;
    if (!table->scalars) {
        dst[len++] = 1;
    }
    dst[len++] = column;
    dst[len++] = index;
    if (sub != 0) {
        dst[len++] = sub;
    }
    return len;
}

netsnmp_variable_list *fixture_ask(struct fixture *f, const struct kms_mib_table *table, int mode,
                                   netsnmp_variable_list *vars)
{
    netsnmp_agent_request_info info = {.mode = mode};
    netsnmp_request_info request[16] = {{0}};
    size_t count = 0;
    for (netsnmp_variable_list *var = vars; var != NULL; var = var->next_variable) {
        assert_true(count < KMS_COUNT_OF(request));
        request[count].requestvb = var;
        if (count > 0) {
            request[count - 1].next = &request[count];
        }
        count++;
    }
    assert_int_equal(kms_mib_answer(f->mib, table, &info, request), SNMP_ERR_NOERROR);
    return vars;
}

netsnmp_variable_list *fixture_get(struct fixture *f, const struct kms_mib_table *table,
                                   unsigned column, oid index, oid sub)
{
    oid name[MAX_OID_LEN];
    size_t len = fixture_oid(table, column, index, sub, name);
    netsnmp_variable_list *vars = NULL;
    assert_non_null(snmp_varlist_add_variable(&vars, name, len, ASN_NULL, NULL, 0));
    return fixture_ask(f, table, MODE_GET, vars);
}

long fixture_number(struct fixture *f, const struct kms_mib_table *table, unsigned column,
                    oid index, oid sub)
{
    netsnmp_variable_list *var = fixture_get(f, table, column, index, sub);
    if (var->type != ASN_INTEGER && var->type != ASN_GAUGE && var->type != ASN_COUNTER) {
        fail_msg("table %u column %u has type %u", table->number, column, var->type);
    }
    long value = *var->val.integer;
    snmp_free_varbind(var);
    return value;
}
