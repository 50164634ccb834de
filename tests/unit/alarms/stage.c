/* What the alarms of an agent live among, made up. */
#include "unit/alarms/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

static int64_t stage_time(void *arg)
{
    return ((struct stage *)arg)->now_us;
}

static void hear(void *arg, enum kms_log_level level, const char *line)
{
    struct stage *stage = arg;
    if (level <= KMS_LOG_WARNING) {
        stage->lines++;
        kms_text_copy(stage->line, sizeof stage->line, line);
    }
}

/* ---- the store ---- */

static struct stage_record *find_record(struct stage *stage, enum kms_store_kind kind,
                                        const char *name)
{
    for (size_t i = 0; i < stage->record_count; i++) {
        if (stage->record[i].kind == kind && strcmp(stage->record[i].name, name) == 0) {
            return &stage->record[i];
        }
    }
    return NULL;
}

static int compare_records(const void *a, const void *b)
{
    const struct stage_record *x = a;
    const struct stage_record *y = b;
    return strcmp(x->name, y->name);
}

static enum kms_status put(void *arg, enum kms_store_kind kind, const char *name, const void *bytes,
                           size_t len)
{
    struct stage *stage = arg;
    struct stage_record *record = find_record(stage, kind, name);
    if (!record) {
        assert_true(stage->record_count < KMS_COUNT_OF(stage->record));
        record = &stage->record[stage->record_count++];
        *record = (struct stage_record){.kind = kind};
        kms_text_copy(record->name, sizeof record->name, name);
    }
    free(record->bytes);
    record->bytes = kms_text_dup_len(bytes, len);
    record->len = len;
    assert_non_null(record->bytes);
    return KMS_OK;
}

static enum kms_status take_out(void *arg, enum kms_store_kind kind, const char *name)
{
    struct stage *stage = arg;
    struct stage_record *record = find_record(stage, kind, name);
    assert_non_null(record); /* nothing is removed that is not there */
    free(record->bytes);
    *record = stage->record[--stage->record_count];
    return KMS_OK;
}

static void each(void *arg, enum kms_store_kind kind, kms_keeper_row_fn *row, void *row_arg)
{
    struct stage *stage = arg;
    qsort(stage->record, stage->record_count, sizeof stage->record[0], compare_records);
    for (size_t i = 0; i < stage->record_count; i++) {
        const struct stage_record *record = &stage->record[i];
        if (record->kind == kind) {
            row(row_arg, record->name, record->bytes, record->len);
        }
    }
}

static struct kms_keeper_ticket *flush(void *arg, kms_keeper_done_fn *done, void *done_arg)
{
    struct stage *stage = arg;
    assert_null(stage->flushed); /* one at a time */
    stage->flushed = done;
    stage->flushed_arg = done_arg;
    return (struct kms_keeper_ticket *)(void *)stage;
}

static void forget(struct kms_keeper_ticket *ticket)
{
    struct stage *stage = (struct stage *)(void *)ticket;
    stage->flushed = NULL;
}

void stage_flush(struct stage *stage)
{
    kms_keeper_done_fn *done = stage->flushed;
    if (done) {
        stage->flushed = NULL;
        done(stage->flushed_arg, stage->flushing);
    }
}

static void flush_all(struct stage *stage)
{
    while (!stage->holds && stage->flushed) {
        stage_flush(stage);
    }
}

size_t stage_records(const struct stage *stage, enum kms_store_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < stage->record_count; i++) {
        count += stage->record[i].kind == kind ? 1 : 0;
    }
    return count;
}

/* ---- who is told ---- */

static enum kms_status take(void *arg, uint64_t notice, const struct kms_alarm_news *news)
{
    struct stage *stage = arg;
    if (stage->sending != KMS_OK) {
        return stage->sending;
    }
    assert_true(stage->told_count < KMS_COUNT_OF(stage->told));
    stage->told[stage->told_count++] = (struct stage_told){.notice = notice, .news = *news};
    return KMS_OK;
}

void stage_tell(struct stage *stage, bool told)
{
    const struct kms_alarm_teller teller = {.arg = stage, .send = take};
    kms_agent_alarms_set_teller(stage->alarms, told ? &teller : NULL);
}

void stage_wait_told(struct stage *stage, size_t count)
{
    for (int i = 0; i < 2000 && stage->told_count < count; i++) {
        kms_loop_once(stage->loop, 5);
        flush_all(stage);
    }
    assert_int_equal(stage->told_count, count);
}

/* ---- hosts ---- */

size_t stage_add_host(struct stage *stage, const char *name, uint32_t classes)
{
    char copy[64];
    kms_text_copy(copy, sizeof copy, name);
    struct kms_target target = {.name = copy, .port = KMS_DEFAULT_PORT, .classes = classes};
    target.source[KMS_SOURCE_RPC].enabled = true;
    target.source[KMS_SOURCE_REPORT].enabled = !stage->without_reports;
    target.source[KMS_SOURCE_REPORT].max_age_ms = 3600000;
    size_t slot;
    uint32_t index = (uint32_t)kms_board_count(stage->board) + 7;
    assert_int_equal(kms_board_add(stage->board, &target, index, &slot), KMS_OK);
    return slot;
}

void stage_retarget(struct stage *stage, size_t slot, const char *name, uint32_t sources,
                    uint32_t classes)
{
    const struct kms_target *had = kms_board_snapshot(stage->board, slot)->target;
    char copy[64];
    kms_text_copy(copy, sizeof copy, name);
    struct kms_target target = {.name = copy, .port = KMS_DEFAULT_PORT, .classes = classes};
    uint32_t gone = 0;
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        target.source[i].enabled = (sources & KMS_BIT(i)) != 0;
        gone |= had->source[i].enabled && !target.source[i].enabled ? KMS_BIT(i) : 0;
    }
    struct kms_target *was;
    struct kms_change change;
    assert_int_equal(kms_board_retarget(stage->board, slot, &target, gone, &was, &change), KMS_OK);
    kms_target_done(was);
    free(was);
}

void stage_publish(struct stage *stage, size_t slot, const struct kms_result *result)
{
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, slot, result, &change), KMS_OK);
    flush_all(stage);
    stage->now_us += 1000000;
}

static void begin(const struct stage *stage, enum kms_source source, struct kms_result *ret)
{
    kms_result_init(ret, source);
    ret->outcome = KMS_OUTCOME_OK;
    ret->wall_s = stage->now_us / 1000000;
    ret->data_s = ret->data_s_min = ret->data_s_max = ret->wall_s;
}

void stage_bind(struct stage *stage, size_t slot, enum kms_rpc_state state)
{
    struct kms_result result;
    begin(stage, KMS_SOURCE_RPC, &result);
    result.outcome = state == KMS_RPC_ACCEPTED ? KMS_OUTCOME_OK : KMS_OUTCOME_RPC_REFUSED;
    kms_text_copy(result.detail, sizeof result.detail, "192.0.2.1:1688");
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_RPC_STATE, state), KMS_OK);
    stage_publish(stage, slot, &result);
    kms_result_done(&result);
}

void stage_report(struct stage *stage, size_t slot, int64_t count, int64_t license)
{
    struct kms_result result;
    begin(stage, KMS_SOURCE_REPORT, &result);
    result.fingerprint = (uint64_t)stage->now_us;
    struct kms_facts *key = kms_result_add_key(&result);
    assert_non_null(key);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, STAGE_WINDOWS);
    kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "c99b641f");
    kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, license);
    kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, count);
    stage_publish(stage, slot, &result);
    kms_result_done(&result);
}

void stage_fail(struct stage *stage, size_t slot, enum kms_source source, enum kms_outcome outcome)
{
    struct kms_result result;
    begin(stage, source, &result);
    result.outcome = outcome;
    kms_text_copy(result.detail, sizeof result.detail, "made up");
    stage_publish(stage, slot, &result);
    kms_result_done(&result);
}

size_t stage_raised(const struct stage *stage, enum kms_alarm_type type,
                    const struct kms_alarm_view **ret)
{
    const struct kms_alarms *table = kms_agent_alarms_table(stage->alarms);
    size_t count = 0;
    for (size_t i = 0; i < kms_alarms_count(table); i++) {
        const struct kms_alarm_view *alarm = kms_alarms_at(table, i);
        if (alarm->type == type) {
            count++;
            if (ret) {
                *ret = alarm;
            }
        }
    }
    return count;
}

/* ---- */

void stage_start(struct stage *stage)
{
    stage->board = kms_board_new(&stage->policy, &stage->clock, NULL, NULL);
    assert_non_null(stage->board);
    stage->zones = kms_zones_new(stage->board, &stage->clock, true, NULL, NULL, NULL, NULL);
    assert_non_null(stage->zones);
    stage_add_host(stage, "kms1",
                   KMS_CLASS_BIT(KMS_CLASS_CLIENT) | KMS_CLASS_BIT(KMS_CLASS_SERVER));
    size_t zone;
    assert_int_equal(kms_zones_add(stage->zones, "example.com", &zone), KMS_OK);
    const struct kms_agent_alarms_config config = {.loop = stage->loop,
                                                   .log = &stage->log,
                                                   .board = stage->board,
                                                   .zones = stage->zones,
                                                   .memory = {.arg = stage,
                                                              .each = each,
                                                              .put = put,
                                                              .remove = take_out,
                                                              .flush = flush,
                                                              .forget = forget,
                                                              .patience_us = stage->patience_us},
                                                   .silent = stage->silent,
                                                   .policy = stage->rules};
    stage->alarms = kms_agent_alarms_new(&config);
    assert_non_null(stage->alarms);
    flush_all(stage);
}

void stage_stop(struct stage *stage)
{
    kms_agent_alarms_free(stage->alarms);
    kms_zones_free(stage->zones);
    kms_board_free(stage->board);
    assert_null(stage->flushed);
}

struct stage *stage_open(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->now_us = INT64_C(1000000) * STAGE_START;
    stage->clock = (struct kms_clock){stage_time, stage_time, stage};
    stage->log = (struct kms_log){KMS_LOG_TO_CALLBACK, KMS_LOG_INFO, hear, stage};
    stage->loop = kms_loop_new(&stage->clock);
    assert_non_null(stage->loop);
    kms_loop_set_speed(stage->loop, 1000000); /* a minute of a timer is over at once */
    kms_policy_preset(&stage->policy);
    stage->rules.per_minute = 60;
    for (size_t i = 1; i <= KMS_ALARM_TYPE_MAX; i++) {
        stage->rules.rules.type[i] = (struct kms_alarm_rule){.enabled = true, .confirm = 2};
    }
    stage_start(stage);
    stage_tell(stage, true);
    return stage;
}

void stage_close(struct stage *stage)
{
    stage_stop(stage);
    for (size_t i = 0; i < stage->record_count; i++) {
        free(stage->record[i].bytes);
    }
    kms_loop_free(stage->loop);
    free(stage);
}
