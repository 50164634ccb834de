/* A made-up board with three hosts, domains beside it, and GET and GETNEXT in memory on the tables
 * over it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "unit/mib/fixture.h"

/* Both clocks: nobody sets the wall clock. */
static int64_t look_us(void *arg)
{
    struct fixture *f = arg;
    int64_t now_s = f->now_s;
    f->now_s += f->step_s;
    return now_s * 1000000;
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

void fixture_add_host(struct fixture *f, uint32_t index)
{
    char name[32];
    kms_text_format(name, sizeof name, "host%u", index);
    add_host(f, name, NULL, index);
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

void fixture_wsman(struct kms_result *result)
{
    kms_result_init(result, KMS_SOURCE_WSMAN);
    result->outcome = KMS_OUTCOME_OK;
    result->duration_us = 2500000;
    result->wall_s = FIXTURE_NOW - 30;
    result->data_s = result->data_s_min = result->data_s_max = FIXTURE_NOW - 30;
    text(&result->host, KMS_FACT_SERVICE_VERSION, "6.1.7601.24000");
    number(&result->host, KMS_FACT_SERVICE_STATE, KMS_SERVICE_RUNNING);
    number(&result->host, KMS_FACT_LISTENING_PORT, 1690);
    number(&result->host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_DISABLED);
    number(&result->host, KMS_FACT_PRIORITY, KMS_PRIORITY_LOW);
    number(&result->host, KMS_FACT_CLOCK_SKEW, -7);
    text(&result->host, KMS_FACT_OS_VERSION, "6.1.7601");
    number(&result->host, KMS_FACT_BOOT_TIME, FIXTURE_NOW - 7200);
    struct kms_facts *key = kms_result_add_key(result);
    assert_non_null(key);
    text(key, KMS_FACT_APPLICATION_ID, "55c92734-d682-4d71-983e-d6ec3f16059f");
    text(key, KMS_FACT_ACTIVATION_ID, "7ea4bf94-0db1-4ffc-a3bb-d3a9f4f1ac03");
    number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
    number(key, KMS_FACT_CURRENT_COUNT, 9);
    number(key, KMS_FACT_ACTIVATION_INTERVAL, 120);
    number(key, KMS_FACT_RENEWAL_INTERVAL, 10080);
    number(key, KMS_FACT_TOTAL_REQUESTS, 25);
    number(key, KMS_FACT_FAILED_REQUESTS, 1);
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

void fixture_bind(struct fixture *f, size_t slot, enum kms_outcome outcome,
                  enum kms_rpc_state state, int64_t latency_us)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_RPC);
    result.outcome = outcome;
    result.wall_s = result.data_s = result.data_s_min = result.data_s_max = FIXTURE_NOW;
    number(&result.host, KMS_FACT_RPC_STATE, state);
    if (latency_us > 0) {
        number(&result.host, KMS_FACT_RPC_LATENCY, latency_us);
    }
    fixture_publish(f, slot, &result);
    kms_result_done(&result);
}

struct kms_zone_record fixture_record(const char *target, uint16_t priority, uint16_t weight)
{
    struct kms_zone_record record = {.port = KMS_DEFAULT_PORT,
                                     .priority = priority,
                                     .weight = weight,
                                     .ttl = 3600,
                                     .resolution = KMS_ZONE_RESOLVES,
                                     .address_count = 1};
    (void)kms_text_copy(record.target, sizeof record.target, target);
    (void)kms_text_copy(record.address[0], sizeof record.address[0], "192.0.2.1");
    return record;
}

void fixture_look_up(struct fixture *f, size_t zone, enum kms_outcome outcome,
                     const struct kms_zone_record *record, size_t count)
{
    struct kms_zone_lookup lookup = {
        .outcome = outcome, .wall_s = f->now_s, .record = record, .record_count = count};
    assert_int_equal(kms_zones_publish(f->zones, zone, &lookup), KMS_OK);
}

/* Numbers of domains and of records go down as they are given out. */
static uint32_t number_of(void *arg, const char *space, const char *name)
{
    static const struct {
        const char *name;
        uint32_t number;
    } domain[] = {{"example.com", 9}, {"never.example", 4}, {"b.example", 1}};
    struct fixture *f = arg;
    for (size_t i = 0; i < KMS_COUNT_OF(domain); i++) {
        if (kms_text_equal(space, "domain") && kms_text_equal(name, domain[i].name)) {
            return domain[i].number;
        }
    }
    assert_true(f->records_numbered < 4);
    return 7 - 2 * (uint32_t)f->records_numbered++;
}

static void add_watched(struct fixture *f, const char *name, uint32_t index, const char *publish_in)
{
    char host[32], domain[32];
    char *list[] = {domain};
    (void)kms_text_copy(host, sizeof host, name);
    (void)kms_text_copy(domain, sizeof domain, publish_in == NULL ? "" : publish_in);
    struct kms_target target = {.name = host,
                                .port = KMS_DEFAULT_PORT,
                                .origin = KMS_ORIGIN_CONFIGURED,
                                .publish_in = {.text = list, .count = publish_in != NULL}};
    target.source[KMS_SOURCE_RPC].enabled = true;
    target.source[KMS_SOURCE_DNS].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(f->board, &target, index, &slot), KMS_OK);
}

void fixture_add_domains(struct fixture *f)
{
    static const char *const name[] = {"example.com", "never.example", "b.example"};
    add_watched(f, "kms2.example.com", 12, "b.example");
    add_watched(f, "kms1.example.com", 5, NULL);
    fixture_bind(f, FIXTURE_KMS2, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, 1500);
    fixture_bind(f, FIXTURE_KMS1, KMS_OUTCOME_RPC_REFUSED, KMS_RPC_REFUSED, 0);
    for (size_t i = 0; i < KMS_COUNT_OF(name); i++) {
        size_t zone;
        assert_int_equal(kms_zones_add(f->zones, name[i], &zone), KMS_OK);
        assert_int_equal(zone, i);
    }
    const struct kms_zone_record record[] = {fixture_record("kms2.example.com", 0, 300),
                                             fixture_record("kms1.example.com", 0, 100),
                                             fixture_record("stranger.example.com", 10, 0)};
    fixture_look_up(f, FIXTURE_EXAMPLE_COM, KMS_OUTCOME_OK, record, KMS_COUNT_OF(record));
    fixture_look_up(f, FIXTURE_B_EXAMPLE, KMS_OUTCOME_DNS_NXDOMAIN, NULL, 0);
}

struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->now_s = FIXTURE_NOW;
    f->clock = (struct kms_clock){.mono_us = look_us, .wall_us = look_us, .arg = f};
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

    f->zones = kms_zones_new(f->board, &f->clock, true, number_of, f, NULL, NULL);
    assert_non_null(f->zones);
    f->mib = kms_mib_new(f->board, f->zones, &f->clock, &f->facts);
    assert_non_null(f->mib);
    return f;
}

void fixture_free(struct fixture *f)
{
    kms_mib_free(f->mib);
    kms_zones_free(f->zones);
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
