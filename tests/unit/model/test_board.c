/* The board: publishing swaps snapshots, tallies count, the last good facts survive, rows keep
 * their numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/board.h"
#include "model/sample.h"

struct stage {
    int64_t wall_us;
    int64_t ahead_us; /* of the wall clock, which somebody sets */
    struct kms_clock clock;
    struct kms_policy policy;
    struct kms_board *board;
    uint32_t keys_numbered;
};

static int64_t stage_time(void *arg)
{
    return ((struct stage *)arg)->wall_us;
}

static int64_t set_time(void *arg)
{
    return stage_time(arg) + ((struct stage *)arg)->ahead_us;
}

static uint32_t number_key(void *arg, const char *host, const char *identity)
{
    struct stage *stage = arg;
    assert_string_equal(host, "kms01");
    assert_true(identity[0] != '\0');
    return ++stage->keys_numbered;
}

static void stage_open(struct stage *stage)
{
    *stage = (struct stage){.wall_us = INT64_C(1400000000000000)};
    stage->clock = (struct kms_clock){stage_time, set_time, stage};
    kms_policy_preset(&stage->policy);
    stage->board = kms_board_new(&stage->policy, &stage->clock, number_key, stage);
    assert_non_null(stage->board);
    char name[] = "kms01";
    struct kms_target target = {.name = name};
    target.source[KMS_SOURCE_REPORT].enabled = true;
    target.source[KMS_SOURCE_REPORT].max_age_ms = 3600000;
    size_t slot;
    assert_int_equal(kms_board_add(stage->board, &target, 7, &slot), KMS_OK);
    assert_int_equal(slot, 0);
}

static struct kms_change publish(struct stage *stage, enum kms_outcome outcome, int64_t count)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    result.outcome = outcome;
    result.wall_s = stage->wall_us / 1000000;
    if (outcome == KMS_OUTCOME_OK) {
        struct kms_facts *key = kms_result_add_key(&result);
        kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "c99b641f");
        kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
        kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, count);
        kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, count * 2);
        kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, 0);
        result.data_s = result.data_s_min = result.data_s_max = result.wall_s;
        result.fingerprint = (uint64_t)result.wall_s;
    }
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
    return change;
}

/* What an earlier process was told age_s ago. */
static enum kms_status restore(struct stage *stage, enum kms_source source,
                               enum kms_outcome outcome, int64_t age_s)
{
    struct kms_result result;
    kms_result_init(&result, source);
    result.outcome = outcome;
    result.wall_s = stage->wall_us / 1000000 - age_s;
    result.data_s = result.data_s_min = result.data_s_max = result.wall_s;
    struct kms_facts *key = kms_result_add_key(&result);
    kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "c99b641f");
    kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
    kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 50);
    enum kms_status status = kms_board_restore(stage->board, 0, &result);
    kms_result_done(&result);
    return status;
}

static void a_restored_result_is_judged_with_its_age_and_is_no_attempt(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    assert_int_equal(restore(&stage, KMS_SOURCE_REPORT, KMS_OUTCOME_OK, 600), KMS_OK);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage.board, 0);
    assert_int_equal(snapshot->judgement.state, KMS_STATE_OK);
    assert_int_equal(snapshot->judgement.source[KMS_SOURCE_REPORT].age_s, 600);
    assert_int_equal(snapshot->tally[KMS_SOURCE_REPORT].attempts, 0);
    assert_int_equal(snapshot->tally[KMS_SOURCE_REPORT].last_attempt_s, 0);
    assert_int_equal(snapshot->tally[KMS_SOURCE_REPORT].last_success_s,
                     stage.wall_us / 1000000 - 600);
    assert_null(snapshot->last[KMS_SOURCE_REPORT]);
    assert_int_equal(kms_board_totals(stage.board).attempts, 0);
    stage.wall_us += INT64_C(3001000000); /* over an hour now: max-age */
    struct kms_change change;
    assert_int_equal(kms_board_tick(stage.board, 0, &change), KMS_OK);
    assert_int_equal(change.is_state, KMS_STATE_UNKNOWN);
    assert_true(kms_board_snapshot(stage.board, 0)->judgement.source[KMS_SOURCE_REPORT].stale);
    change = publish(&stage, KMS_OUTCOME_REPORT_MISSING, 0);
    snapshot = kms_board_snapshot(stage.board, 0);
    assert_non_null(snapshot->good[KMS_SOURCE_REPORT]);
    assert_int_equal(snapshot->tally[KMS_SOURCE_REPORT].attempts, 1);
    change = publish(&stage, KMS_OUTCOME_OK, 50);
    assert_int_equal(change.is_state, KMS_STATE_OK);
    kms_board_free(stage.board);
}

static void a_port_that_answered_long_ago_says_nothing_of_now(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    char name[] = "kms02";
    struct kms_target target = {.name = name};
    target.source[KMS_SOURCE_RPC].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_retire(stage.board, 0), KMS_OK);
    assert_int_equal(kms_board_add(stage.board, &target, 8, &slot), KMS_OK);
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_RPC);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = result.data_s = stage.wall_us / 1000000 - 60;
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_RPC_STATE, KMS_RPC_ACCEPTED),
                     KMS_OK);
    assert_int_equal(kms_board_restore(stage.board, slot, &result), KMS_OK);
    kms_result_done(&result);
    assert_int_equal(kms_board_snapshot(stage.board, slot)->judgement.state, KMS_STATE_OK);
    stage.wall_us += INT64_C(600000000);
    struct kms_change change;
    assert_int_equal(kms_board_tick(stage.board, slot, &change), KMS_OK);
    assert_int_equal(change.is_state, KMS_STATE_UNKNOWN);
    assert_non_null(strstr(kms_board_snapshot(stage.board, slot)->judgement.summary,
                           "from before the agent's start"));
    kms_board_free(stage.board);
}

static void what_is_no_memory_is_not_restored(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    assert_int_equal(restore(&stage, KMS_SOURCE_REPORT, KMS_OUTCOME_REPORT_MISSING, 60),
                     KMS_EINVAL);
    assert_int_equal(restore(&stage, KMS_SOURCE_REPORT, KMS_OUTCOME_OK, -3600), KMS_EINVAL);
    (void)publish(&stage, KMS_OUTCOME_OK, 51);
    assert_int_equal(restore(&stage, KMS_SOURCE_REPORT, KMS_OUTCOME_OK, 60), KMS_EINVAL);
    kms_board_free(stage.board);
}

static void a_new_host_is_unknown_and_has_its_number(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage.board, 0);
    assert_int_equal(snapshot->index, 7);
    assert_int_equal(snapshot->judgement.state, KMS_STATE_UNKNOWN);
    assert_int_equal(kms_board_totals(stage.board).overall, KMS_STATE_UNKNOWN);
    kms_board_free(stage.board);
}

static void publishing_judges_tallies_and_tells_what_changed(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    uint64_t shape = kms_board_shape(stage.board);
    struct kms_change change = publish(&stage, KMS_OUTCOME_OK, 50);
    assert_int_equal(change.was_outcome, KMS_OUTCOME_NONE);
    assert_int_equal(change.is_outcome, KMS_OUTCOME_OK);
    assert_int_equal(change.is_state, KMS_STATE_OK);
    assert_true(change.shape);
    assert_true(kms_board_shape(stage.board) > shape);
    shape = kms_board_shape(stage.board);
    stage.wall_us += 1000000;
    change = publish(&stage, KMS_OUTCOME_OK, 51);
    assert_false(change.shape);
    assert_int_equal(kms_board_shape(stage.board), shape);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage.board, 0);
    assert_int_equal(snapshot->tally[KMS_SOURCE_REPORT].attempts, 2);
    assert_int_equal(snapshot->judgement.key[0].index, 1);
    assert_true(snapshot->judgement.key[0].window.known);
    assert_int_equal(snapshot->judgement.key[0].window.total, 2);
    assert_int_equal(stage.keys_numbered, 1);
    kms_board_free(stage.board);
}

static void a_failure_keeps_the_last_good_snapshot_as_stale(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish(&stage, KMS_OUTCOME_OK, 50);
    publish(&stage, KMS_OUTCOME_REPORT_TRUNCATED, 0);
    struct kms_change change = publish(&stage, KMS_OUTCOME_REPORT_EMPTY, 0);
    assert_int_equal(change.was_outcome, KMS_OUTCOME_REPORT_TRUNCATED);
    assert_int_equal(change.consecutive_failures, 2);
    assert_int_equal(change.is_state, KMS_STATE_UNKNOWN);
    assert_false(change.shape);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage.board, 0);
    int64_t count;
    assert_true(
        kms_facts_number(&snapshot->judgement.key[0].facts, KMS_FACT_CURRENT_COUNT, &count));
    assert_int_equal(count, 50);
    assert_true(snapshot->judgement.source[KMS_SOURCE_REPORT].stale);
    stage.wall_us += 1000000;
    change = publish(&stage, KMS_OUTCOME_OK, 52);
    assert_int_equal(change.is_state, KMS_STATE_OK);
    assert_int_equal(change.consecutive_failures, 0);
    assert_int_equal(kms_board_totals(stage.board).failures, 2);
    kms_board_free(stage.board);
}

#define MEMORY 128 /* keys that a slot remembers */

struct forgotten {
    int count;
    char identity[KMS_KEY_IDENTITY_SIZE];
};

static void take_forgotten(void *arg, const struct kms_target *target, const char *identity)
{
    struct forgotten *forgotten = arg;
    assert_string_equal(target->name, "kms01");
    forgotten->count++;
    kms_text_copy(forgotten->identity, sizeof forgotten->identity, identity);
}

static void a_report_with_other_keys_at_every_poll_is_remembered_to_a_limit(void **state)
{
    (void)state;
    struct stage stage;
    struct forgotten forgotten = {.count = 0};
    stage_open(&stage);
    kms_board_watch_forgotten(stage.board, take_forgotten, &forgotten);
    for (int64_t i = 0; i < 1000; i++) {
        struct kms_result result;
        kms_result_init(&result, KMS_SOURCE_REPORT);
        result.outcome = KMS_OUTCOME_OK;
        struct kms_facts *key = kms_result_add_key(&result);
        char id[32];
        kms_text_format(id, sizeof id, "id-%lld", (long long)(i % 200));
        kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, id);
        struct kms_change change;
        assert_int_equal(kms_board_publish(stage.board, 0, &result, &change), KMS_OK);
        assert_true(kms_board_snapshot(stage.board, 0)->judgement.key[0].index > 0);
        kms_result_done(&result);
        assert_int_equal(forgotten.count, i < MEMORY ? 0 : i - MEMORY + 1);
        kms_text_format(id, sizeof id, "id-%lld", (long long)((i + 200 - MEMORY) % 200));
        if (forgotten.count > 0) { /* the one that was seen before all others */
            assert_non_null(strstr(forgotten.identity, id));
        }
    }
    /* Forgotten keys are asked for again, which gives them the numbers they had. */
    assert_int_equal(stage.keys_numbered, 1000);
    kms_board_free(stage.board);
}

static void data_goes_stale_without_any_publish(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish(&stage, KMS_OUTCOME_OK, 50);
    stage.wall_us += INT64_C(3601) * 1000000;
    struct kms_change change;
    assert_int_equal(kms_board_tick(stage.board, 0, &change), KMS_OK);
    assert_int_equal(change.was_state, KMS_STATE_OK);
    assert_int_equal(change.is_state, KMS_STATE_UNKNOWN);
    kms_board_free(stage.board);
}

static void a_sample_is_timed_by_the_file_or_the_present_before_the_reports_own_clock(void **state)
{
    (void)state;
    const int64_t hour = 3600;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    struct kms_facts *key = kms_result_add_key(&result);
    const struct kms_now now = {.steady_s = 70 * hour, .wall_s = 1000 * hour};
    struct kms_window_reading sample;
    assert_false(kms_sample_of(&result, key, &now, &sample));
    kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, 20);
    kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, 1);
    result.wall_s = 1000 * hour;
    assert_true(kms_sample_of(&result, key, &now, &sample));
    assert_int_equal(sample.data_s, 0); /* no date at all: when it was fetched */
    assert_int_equal(sample.now.steady_s, 70 * hour);
    assert_int_equal(sample.total, 20);
    assert_true(sample.by_file);
    kms_facts_set_number(&result.host, KMS_FACT_TRUSTED_TIME, 998 * hour);
    assert_true(kms_sample_of(&result, key, &now, &sample));
    assert_false(sample.by_file); /* a copy of an old text is no new one */
    result.data_s = 998 * hour;   /* a clock two zones away, bounded by the present */
    result.data_s_max = 1000 * hour;
    assert_true(kms_sample_of(&result, key, &now, &sample));
    assert_int_equal(sample.data_s, 1000 * hour);
    result.data_s_max = (998 + 14) * hour; /* old data: only the zone bounds it */
    assert_true(kms_sample_of(&result, key, &now, &sample));
    assert_int_equal(sample.data_s, 998 * hour);
    kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, INT64_C(1) << 32);
    assert_false(
        kms_sample_of(&result, key, &now, &sample)); /* more than the host's counters can hold */
    kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, 0);
    result.source = KMS_SOURCE_WSMAN; /* the host itself, just now */
    assert_true(kms_sample_of(&result, key, &now, &sample));
    assert_int_equal(sample.data_s, 0);
    kms_result_done(&result);
}

static void ten_thousand_hosts_keep_their_targets_while_the_board_grows(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    for (uint32_t i = 0; i < 10000; i++) {
        char name[16];
        kms_text_format(name, sizeof name, "host%u", i);
        struct kms_target target = {.name = name};
        size_t slot;
        assert_int_equal(kms_board_add(stage.board, &target, i + 8, &slot), KMS_OK);
    }
    assert_int_equal(kms_board_count(stage.board), 10001);
    assert_string_equal(kms_board_snapshot(stage.board, 0)->target->name, "kms01");
    assert_string_equal(kms_board_snapshot(stage.board, 5000)->target->name, "host4999");
    assert_int_equal(kms_board_totals(stage.board).by_state[KMS_STATE_UNKNOWN], 10001);
    kms_board_free(stage.board);
}

static void a_retired_host_leaves_a_slot_that_another_one_takes(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    (void)publish(&stage, KMS_OUTCOME_OK, 10);
    char second[] = "kms02", third[] = "kms03";
    struct kms_target target = {.name = second};
    size_t slot;
    assert_int_equal(kms_board_add(stage.board, &target, 8, &slot), KMS_OK);
    uint64_t shape = kms_board_shape(stage.board);
    uint64_t turnover = kms_board_turnover(stage.board);
    assert_int_equal(kms_board_retire(stage.board, 0), KMS_OK);
    assert_true(kms_board_shape(stage.board) > shape);
    assert_true(kms_board_turnover(stage.board) > turnover);
    assert_int_equal(kms_board_count(stage.board), 2);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage.board, 0);
    assert_true(snapshot->retired);
    assert_int_equal(snapshot->index, 0);
    assert_string_equal(snapshot->target->name, "");
    assert_null(snapshot->last[KMS_SOURCE_REPORT]);
    assert_int_equal(snapshot->judgement.key_count, 0);
    assert_int_equal(kms_board_totals(stage.board).hosts, 1);
    assert_int_equal(kms_board_totals(stage.board).by_state[KMS_STATE_UNKNOWN], 1);
    struct kms_change change;
    assert_int_equal(kms_board_tick(stage.board, 0, &change), KMS_OK);
    assert_int_equal(change.was_state, change.is_state);
    assert_true(kms_board_snapshot(stage.board, 0)->retired);
    turnover = kms_board_turnover(stage.board);
    target.name = third;
    assert_int_equal(kms_board_add(stage.board, &target, 9, &slot), KMS_OK);
    assert_int_equal(slot, 0);
    assert_true(kms_board_turnover(stage.board) > turnover);
    snapshot = kms_board_snapshot(stage.board, 0);
    assert_false(snapshot->retired);
    assert_int_equal(snapshot->index, 9);
    assert_int_equal(snapshot->tally[KMS_SOURCE_REPORT].attempts, 0);
    assert_int_equal(kms_board_totals(stage.board).hosts, 2);
    assert_int_equal(kms_board_retire(stage.board, 0), KMS_OK);
    assert_int_equal(kms_board_retire(stage.board, 1), KMS_OK);
    assert_int_equal(kms_board_totals(stage.board).hosts, 0);
    assert_int_equal(kms_board_totals(stage.board).overall, KMS_STATE_UNKNOWN);
    for (size_t i = 1; i < 5; i++) {
        assert_int_equal(kms_board_totals(stage.board).by_state[i], 0);
    }
    assert_int_equal(kms_board_totals(stage.board).attempts, 1); /* a counter never runs back */
    kms_board_free(stage.board);
}

static void targets_stay_where_they_are_however_many_hosts_are_added(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage.board, 0);
    const struct kms_target *target = snapshot->target;
    const struct kms_target *tenth = NULL;
    for (uint32_t i = 0; i < 2000; i++) {
        char name[16];
        kms_text_format(name, sizeof name, "later%u", i);
        struct kms_target more = {.name = name};
        size_t slot;
        assert_int_equal(kms_board_add(stage.board, &more, i + 8, &slot), KMS_OK);
        assert_int_equal(slot, i + 1);
        tenth = slot == 10 ? kms_board_snapshot(stage.board, slot)->target : tenth;
    }
    assert_ptr_equal(kms_board_snapshot(stage.board, 0), snapshot);
    assert_ptr_equal(snapshot->target, target);
    assert_string_equal(target->name, "kms01");
    assert_string_equal(tenth->name, "later9");
    publish(&stage, KMS_OUTCOME_OK, 50);
    assert_ptr_equal(kms_board_snapshot(stage.board, 0)->target, target);
    kms_board_free(stage.board);
}

#define WINDOWS "55c92734-d682-4d71-983e-d6ec3f16059f"
#define OFFICE  "0ff1ce15-a989-479d-af46-f275c6370663"
#define EPID_A  "03612-00206-556-123727-03-1033-17763.0000-2972018"
#define EPID_B  "03612-00206-556-123728-03-1033-17763.0000-2982018"
#define EPID_C  "06401-00096-199-222222-03-1033-9600.0000-0002018"

/* One key a pair of application and ePID; NULL ends them. */
static void publish_epids(struct stage *stage, enum kms_source source, const char *const *pairs)
{
    struct kms_result result;
    kms_result_init(&result, source);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = result.data_s = stage->wall_us / 1000000;
    for (size_t i = 0; pairs[i]; i += 2) {
        struct kms_facts *key = kms_result_add_key(&result);
        kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, pairs[i]);
        kms_facts_set_text(key, KMS_FACT_EPID, pairs[i + 1]);
        kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
        kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 50);
    }
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
}

static const struct kms_judgement *judged(const struct stage *stage)
{
    return &kms_board_snapshot(stage->board, 0)->judgement;
}

static void pass_hours(struct stage *stage, int64_t hours)
{
    struct kms_change change;
    stage->wall_us += hours * 3600 * 1000000;
    assert_int_equal(kms_board_tick(stage->board, 0, &change), KMS_OK);
}

static void an_epid_that_changes_is_drift_for_a_day(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    const char *const first[] = {WINDOWS, EPID_A, NULL};
    const char *const second[] = {WINDOWS, EPID_B, NULL};
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, first);
    assert_string_equal(judged(&stage)->drift, "");
    pass_hours(&stage, 1);
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, first);
    assert_string_equal(judged(&stage)->drift, "");
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, second);
    assert_string_equal(judged(&stage)->drift, "Windows: ePID " EPID_A " became " EPID_B);
    assert_int_equal(judged(&stage)->state, KMS_STATE_WARNING);
    assert_true(judged(&stage)->reasons & KMS_BIT(KMS_REASON_CONFIG_DRIFT));
    assert_true(kms_text_starts(judged(&stage)->summary, "count 50: "));
    assert_non_null(strstr(judged(&stage)->summary, "; Windows: ePID "));
    pass_hours(&stage, 23);
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, second);
    assert_string_not_equal(judged(&stage)->drift, "");
    pass_hours(&stage, 1);
    assert_string_equal(judged(&stage)->drift, "");
    assert_int_equal(judged(&stage)->reasons, KMS_BIT(KMS_REASON_NO_DATA)); /* of the report */
    kms_board_free(stage.board);
}

static void who_sets_the_wall_clock_makes_no_drift_last(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    const char *const first[] = {WINDOWS, EPID_A, NULL};
    const char *const second[] = {WINDOWS, EPID_B, NULL};
    stage.ahead_us = INT64_C(10) * 365 * 86400 * 1000000;
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, first);
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, second);
    stage.ahead_us = 0;
    pass_hours(&stage, 23);
    assert_string_not_equal(judged(&stage)->drift, "");
    pass_hours(&stage, 1);
    assert_string_equal(judged(&stage)->drift, "");
    kms_board_free(stage.board);
}

/* A key of Windows, with its port, interval and counters. */
static void publish_settings(struct stage *stage, enum kms_source source, int64_t port,
                             int64_t renewal, const char *partial)
{
    struct kms_result result;
    kms_result_init(&result, source);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = result.data_s = stage->wall_us / 1000000;
    if (port != 0) {
        kms_facts_set_number(&result.host, KMS_FACT_LISTENING_PORT, port);
        kms_facts_set_number(&result.host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_ENABLED);
    }
    struct kms_facts *key = kms_result_add_key(&result);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, WINDOWS);
    kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "11111111-2222-4333-8444-000000002022");
    kms_facts_set_text(key, KMS_FACT_PARTIAL_KEY, partial);
    kms_facts_set_number(key, KMS_FACT_RENEWAL_INTERVAL, renewal);
    kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
    kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 50);
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
}

static void nor_makes_it_a_changed_setting_last(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    stage.ahead_us = INT64_C(10) * 365 * 86400 * 1000000;
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1688, 10080, "2SMPL");
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1690, 10080, "2SMPL");
    stage.ahead_us = 0;
    pass_hours(&stage, 23);
    assert_string_equal(judged(&stage)->drift, "port 1688 became 1690");
    pass_hours(&stage, 1);
    assert_string_equal(judged(&stage)->drift, "");
    kms_board_free(stage.board);
}

static void a_setting_that_changes_is_drift_for_a_day(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1688, 10080, "2SMPL");
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1688, 10080, "2SMPL");
    assert_string_equal(judged(&stage)->drift, "");
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1690, 10080, "2SMPL");
    assert_string_equal(judged(&stage)->drift, "port 1688 became 1690");
    assert_true(judged(&stage)->reasons & KMS_BIT(KMS_REASON_CONFIG_DRIFT));
    assert_int_equal(judged(&stage)->state, KMS_STATE_WARNING);
    pass_hours(&stage, 12);
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1690, 1440, "3SMPL");
    assert_string_equal(judged(&stage)->drift,
                        "port 1688 became 1690; Windows: partial-key 2SMPL became 3SMPL; "
                        "Windows: renewal-interval 10080 became 1440");
    pass_hours(&stage, 12);
    assert_string_equal(judged(&stage)->drift, "Windows: partial-key 2SMPL became 3SMPL; "
                                               "Windows: renewal-interval 10080 became 1440");
    pass_hours(&stage, 12);
    assert_string_equal(judged(&stage)->drift, "");
    kms_board_free(stage.board);
}

static void a_setting_that_changes_back_is_told_as_that(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1688, 10080, "2SMPL");
    for (int i = 0; i < 40; i++) {
        publish_settings(&stage, KMS_SOURCE_WSMAN, 1690, 10080, "2SMPL");
        publish_settings(&stage, KMS_SOURCE_WSMAN, 1688, 10080, "2SMPL");
    }
    assert_string_equal(judged(&stage)->drift, "port 1690 became 1688");
    kms_board_free(stage.board);
}

static void a_setting_that_is_not_told_once_did_not_change(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1688, 10080, "2SMPL");
    publish_settings(&stage, KMS_SOURCE_WSMAN, 0, 10080, "2SMPL");
    assert_string_equal(judged(&stage)->drift, "");
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1690, 10080, "2SMPL");
    assert_string_equal(judged(&stage)->drift, "port 1688 became 1690");
    kms_board_free(stage.board);
}

static void a_change_that_two_sources_see_is_told_once_from_the_first(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1688, 10080, "2SMPL");
    publish_settings(&stage, KMS_SOURCE_REPORT, 1688, 10080, "2SMPL");
    publish_settings(&stage, KMS_SOURCE_WSMAN, 1690, 10080, "2SMPL");
    assert_string_equal(judged(&stage)->drift,
                        "port 1688 became 1690; port 1690 (wsman) but 1688 (report)");
    pass_hours(&stage, 20);
    publish_settings(&stage, KMS_SOURCE_REPORT, 1690, 10080, "2SMPL");
    assert_string_equal(judged(&stage)->drift, "port 1688 became 1690");
    pass_hours(&stage, 4);
    assert_string_equal(judged(&stage)->drift, "");
    kms_board_free(stage.board);
}

static void publish_counters(struct stage *stage, enum kms_source source, int64_t at_s,
                             int64_t total)
{
    struct kms_result result;
    kms_result_init(&result, source);
    stage->wall_us = at_s * 1000000;
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = result.data_s = result.data_s_min = result.data_s_max = at_s;
    struct kms_facts *key = kms_result_add_key(&result);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, WINDOWS);
    kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "11111111-2222-4333-8444-000000002022");
    kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, total);
    kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, 0);
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
}

/* A copy of a report is younger by its file than by what it says. */
static void a_report_beside_wsman_is_no_sample_of_the_same_counters(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    int64_t now_s = stage.wall_us / 1000000;
    publish_counters(&stage, KMS_SOURCE_WSMAN, now_s, 1000);
    publish_counters(&stage, KMS_SOURCE_REPORT, now_s + 60, 400);
    publish_counters(&stage, KMS_SOURCE_WSMAN, now_s + 300, 1010);
    assert_int_equal(judged(&stage)->key_count, 1);
    assert_int_equal(judged(&stage)->key[0].discontinuity_s, 0);
    assert_int_equal(judged(&stage)->key[0].window.total, 10);
    kms_board_free(stage.board);
}

static void publish_answer(struct stage *stage, int64_t at_s)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_ACTIVATION);
    stage->wall_us = at_s * 1000000;
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = result.data_s = at_s;
    struct kms_facts *key = kms_result_add_key(&result);
    kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, WINDOWS);
    kms_facts_set_text(key, KMS_FACT_EPID, EPID_A);
    kms_facts_set_number(key, KMS_FACT_ANSWERED, at_s);
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
}

/* -1: not known */
static int64_t idle_time(const struct stage *stage)
{
    int64_t idle_s;
    return kms_facts_number(&judged(stage)->host, KMS_FACT_IDLE_TIME, &idle_s) ? idle_s : -1;
}

static void idle_time_runs_until_somebody_else_asks(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    int64_t at_s = stage.wall_us / 1000000;
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s, 1000);
    publish_answer(&stage, at_s + 30);
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s + 60, 1001); /* our own */
    assert_int_equal(idle_time(&stage), -1);
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s + 120, 1002);
    assert_int_equal(idle_time(&stage), 0);
    publish_answer(&stage, at_s + 7230);
    publish_answer(&stage, at_s + 14430);
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s + 14520, 1004); /* both our own */
    assert_int_equal(idle_time(&stage), 14400);
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s + 14580, 1005);
    assert_int_equal(idle_time(&stage), 0);
    kms_board_free(stage.board);
}

struct kept {
    char identity[KMS_KEY_IDENTITY_SIZE];
    struct kms_buf text;
    struct kms_now now;
    unsigned calls;
};

static void keep_window(void *arg, const char *identity, const struct kms_window *window)
{
    struct kept *kept = arg;
    kept->calls++;
    kms_text_copy(kept->identity, sizeof kept->identity, identity);
    kms_buf_clear(&kept->text);
    assert_int_equal(kms_window_write(window, &kept->now, "boot", &kept->text), KMS_OK);
}

static void a_window_outlives_the_board(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    int64_t at_s = stage.wall_us / 1000000;
    struct kept kept = {.now = {at_s + 600, at_s + 600}};
    kms_buf_init(&kept.text, KMS_WINDOW_TEXT_LIMIT);
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s, 1000);
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s + 600, 1060);
    kms_board_each_window(stage.board, 0, true, keep_window, &kept);
    assert_int_equal(kept.calls, 1);
    kms_board_each_window(stage.board, 0, true, keep_window, &kept);
    assert_int_equal(kept.calls, 1);
    kms_board_each_window(stage.board, 0, false, keep_window, &kept);
    assert_int_equal(kept.calls, 2);
    kms_board_free(stage.board);

    stage_open(&stage);
    struct kms_window window = {0};
    size_t used;
    assert_int_equal(kms_window_read(kms_buf_str(&kept.text), kept.text.len, &kept.now, "boot",
                                     &window, &used, NULL),
                     KMS_OK);
    assert_int_equal(kms_board_restore_window(stage.board, 0, kept.identity, &window), KMS_OK);
    assert_int_equal(window.count, 0);
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s + 1200, 1120);
    assert_int_equal(judged(&stage)->key[0].window.total, 120);
    assert_int_equal(judged(&stage)->key[0].window.total_per_hour, 360);
    publish_counters(&stage, KMS_SOURCE_WSMAN, at_s + 1800, 7); /* rebuilt */
    assert_int_equal(judged(&stage)->key[0].discontinuity_s, at_s + 1800);
    kms_buf_done(&kept.text);
    kms_board_free(stage.board);
}

static void an_epid_that_changes_at_every_poll_stays_drift(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    for (int64_t i = 0; i < 40; i++) {
        const char *const pairs[] = {WINDOWS, i % 2 ? EPID_B : EPID_A, NULL};
        publish_epids(&stage, KMS_SOURCE_ACTIVATION, pairs);
        assert_int_equal(judged(&stage)->drift[0] != '\0', i > 0);
        pass_hours(&stage, 1);
    }
    kms_board_free(stage.board);
}

static void every_application_and_every_source_has_its_own_epids(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    const char *const windows[] = {WINDOWS, EPID_A, NULL};
    const char *const office[] = {OFFICE, EPID_C, NULL};
    const char *const both[] = {OFFICE, EPID_C, WINDOWS, EPID_A, NULL};
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, windows);
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, office);
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, windows);
    publish_epids(&stage, KMS_SOURCE_REPORT, both);
    assert_string_equal(judged(&stage)->drift, "");
    const char *const changed[] = {OFFICE, EPID_B, WINDOWS, EPID_A, NULL};
    publish_epids(&stage, KMS_SOURCE_REPORT, changed);
    assert_non_null(strstr(judged(&stage)->drift, "Office: ePID " EPID_C " became " EPID_B));
    kms_board_free(stage.board);
}

static void keys_that_are_shown_or_not_are_no_change(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    const char *const one[] = {WINDOWS, EPID_A, NULL};
    const char *const two[] = {WINDOWS, EPID_B, WINDOWS, EPID_A, NULL};
    const char *const none[] = {NULL};
    const char *const blacked_out[] = {WINDOWS, "03612-00206-556-123799-03-1033-17763.0000-xxxxxxx",
                                       WINDOWS, EPID_A, NULL};
    const char *const *const polls[] = {one, two, none, one, blacked_out, two, one};
    for (size_t i = 0; i < KMS_COUNT_OF(polls); i++) {
        publish_epids(&stage, KMS_SOURCE_REPORT, polls[i]);
        assert_string_equal(judged(&stage)->drift, "");
    }
    const char *const other[] = {WINDOWS, EPID_B, NULL};
    publish_epids(&stage, KMS_SOURCE_REPORT, other);
    assert_string_not_equal(judged(&stage)->drift, "");
    kms_board_free(stage.board);
}

static void a_failed_poll_forgets_no_epid(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    const char *const first[] = {WINDOWS, EPID_A, NULL};
    const char *const second[] = {WINDOWS, EPID_B, NULL};
    publish_epids(&stage, KMS_SOURCE_REPORT, first);
    publish(&stage, KMS_OUTCOME_REPORT_MISSING, 0);
    publish_epids(&stage, KMS_SOURCE_REPORT, second);
    assert_string_not_equal(judged(&stage)->drift, "");
    kms_board_free(stage.board);
}

static void a_key_is_named_by_its_epid_when_nothing_better_is_known(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    const char *const pairs[] = {WINDOWS, "03612-00206-551-123727-03-1033-17763.0000-2972018",
                                 NULL};
    char name[100];
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, pairs);
    assert_int_equal(judged(&stage)->key_count, 1);
    const struct kms_key_judgement *key = &judged(&stage)->key[0];
    kms_judge_key_name(key, name, sizeof name);
    assert_string_equal(name, "Windows Server 2019");
    assert_string_equal(kms_facts_text(&key->facts, KMS_FACT_KEY_GROUP), "Windows Server 2019");
    assert_true(key->kind_known);
    const char *const unlisted[] = {WINDOWS, "03612-99999-551-123727-03-1033-17763.0000-2972018",
                                    NULL};
    publish_epids(&stage, KMS_SOURCE_ACTIVATION, unlisted);
    key = &judged(&stage)->key[0];
    kms_judge_key_name(key, name, sizeof name);
    assert_string_equal(name, "Windows");
    assert_false(key->kind_known);
    kms_board_free(stage.board);
}

/* As a reload gives it: the name of the stage's host, and its report. */
static struct kms_target again(char *name, char *url)
{
    struct kms_target target = {.name = name};
    target.source[KMS_SOURCE_REPORT].enabled = true;
    target.source[KMS_SOURCE_REPORT].url = url;
    target.source[KMS_SOURCE_REPORT].max_age_ms = 3600000;
    return target;
}

static struct kms_change retarget(struct stage *stage, const struct kms_target *target,
                                  uint32_t elsewhere)
{
    struct kms_target *was = NULL;
    struct kms_change change = {0};
    const struct kms_target *before = kms_board_snapshot(stage->board, 0)->target;
    assert_int_equal(kms_board_retarget(stage->board, 0, target, elsewhere, &was, &change), KMS_OK);
    assert_ptr_equal(was, before); /* what runs goes on with it */
    assert_string_equal(was->name, "kms01");
    kms_target_done(was);
    free(was);
    return change;
}

static void a_host_with_another_target_keeps_its_row_and_what_is_known_of_it(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish(&stage, KMS_OUTCOME_OK, 50);
    stage.wall_us += 1000000;
    publish(&stage, KMS_OUTCOME_OK, 51);
    uint64_t turnover = kms_board_turnover(stage.board);
    char name[] = "kms01";
    struct kms_target target = again(name, NULL);
    target.classes = KMS_CLASS_BIT(KMS_CLASS_CLIENT);
    struct kms_change change = retarget(&stage, &target, 0);
    assert_int_equal(change.was_state, KMS_STATE_OK);
    assert_int_equal(change.is_state, KMS_STATE_OK);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage.board, 0);
    assert_int_equal(snapshot->index, 7);
    assert_int_equal(snapshot->target->classes, target.classes);
    assert_int_equal(snapshot->tally[KMS_SOURCE_REPORT].attempts, 2);
    assert_int_equal(snapshot->judgement.key[0].index, 1);
    assert_int_equal(snapshot->judgement.key[0].window.total, 2);
    assert_int_equal(stage.keys_numbered, 1);
    assert_true(kms_board_turnover(stage.board) > turnover);
    kms_board_free(stage.board);
}

static void a_source_that_looks_elsewhere_was_never_tried(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish(&stage, KMS_OUTCOME_OK, 50);
    publish(&stage, KMS_OUTCOME_REPORT_EMPTY, 0);
    char name[] = "kms01", url[] = "/other";
    struct kms_target target = again(name, url);
    struct kms_change change = retarget(&stage, &target, KMS_BIT(KMS_SOURCE_REPORT));
    assert_int_equal(change.is_state, KMS_STATE_UNKNOWN);
    assert_true(change.shape);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage.board, 0);
    assert_int_equal(snapshot->index, 7);
    assert_int_equal(snapshot->tally[KMS_SOURCE_REPORT].attempts, 0);
    assert_null(snapshot->last[KMS_SOURCE_REPORT]);
    assert_null(snapshot->good[KMS_SOURCE_REPORT]);
    assert_int_equal(snapshot->judgement.key_count, 0);
    publish(&stage, KMS_OUTCOME_OK, 3); /* another machine's counters are no reset of these */
    snapshot = kms_board_snapshot(stage.board, 0);
    assert_false(snapshot->judgement.key[0].window.known);
    kms_board_free(stage.board);
}

static void another_policy_is_judged_by_at_the_next_tick(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish(&stage, KMS_OUTCOME_OK, 50);
    stage.policy.required[KMS_CLASS_CLIENT] = 60;
    stage.policy.required[KMS_CLASS_SERVER] = 60;
    stage.policy.required[KMS_CLASS_OFFICE] = 60;
    stage.policy.required[KMS_CLASS_OFFICE2010] = 60;
    kms_board_set_policy(stage.board, &stage.policy);
    assert_int_equal(kms_board_snapshot(stage.board, 0)->judgement.state, KMS_STATE_OK);
    struct kms_change change = {0};
    assert_int_equal(kms_board_tick(stage.board, 0, &change), KMS_OK);
    assert_int_equal(change.was_state, KMS_STATE_OK);
    assert_int_not_equal(change.is_state, KMS_STATE_OK);
    kms_board_free(stage.board);
}

static void slots_of_retired_hosts_are_taken_from_the_first_on(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    char name[] = "kms01";
    struct kms_target target = again(name, NULL);
    size_t slot;
    for (uint32_t i = 1; i < 6; i++) {
        assert_int_equal(kms_board_add(stage.board, &target, 10 + i, &slot), KMS_OK);
        assert_int_equal(slot, i);
    }
    static const size_t gone[] = {4, 1, 2};
    for (size_t i = 0; i < KMS_COUNT_OF(gone); i++) {
        assert_int_equal(kms_board_retire(stage.board, gone[i]), KMS_OK);
    }
    static const size_t taken[] = {1, 2, 4, 6};
    for (size_t i = 0; i < KMS_COUNT_OF(taken); i++) {
        assert_int_equal(kms_board_add(stage.board, &target, 20, &slot), KMS_OK);
        assert_int_equal(slot, taken[i]);
    }
    kms_board_free(stage.board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_result_is_judged_with_its_age_and_is_no_attempt),
        cmocka_unit_test(a_port_that_answered_long_ago_says_nothing_of_now),
        cmocka_unit_test(what_is_no_memory_is_not_restored),
        cmocka_unit_test(a_new_host_is_unknown_and_has_its_number),
        cmocka_unit_test(publishing_judges_tallies_and_tells_what_changed),
        cmocka_unit_test(a_failure_keeps_the_last_good_snapshot_as_stale),
        cmocka_unit_test(a_report_with_other_keys_at_every_poll_is_remembered_to_a_limit),
        cmocka_unit_test(data_goes_stale_without_any_publish),
        cmocka_unit_test(a_sample_is_timed_by_the_file_or_the_present_before_the_reports_own_clock),
        cmocka_unit_test(a_retired_host_leaves_a_slot_that_another_one_takes),
        cmocka_unit_test(a_host_with_another_target_keeps_its_row_and_what_is_known_of_it),
        cmocka_unit_test(a_source_that_looks_elsewhere_was_never_tried),
        cmocka_unit_test(another_policy_is_judged_by_at_the_next_tick),
        cmocka_unit_test(slots_of_retired_hosts_are_taken_from_the_first_on),
        cmocka_unit_test(targets_stay_where_they_are_however_many_hosts_are_added),
        cmocka_unit_test(ten_thousand_hosts_keep_their_targets_while_the_board_grows),
        cmocka_unit_test(an_epid_that_changes_is_drift_for_a_day),
        cmocka_unit_test(who_sets_the_wall_clock_makes_no_drift_last),
        cmocka_unit_test(nor_makes_it_a_changed_setting_last),
        cmocka_unit_test(a_setting_that_changes_is_drift_for_a_day),
        cmocka_unit_test(a_setting_that_changes_back_is_told_as_that),
        cmocka_unit_test(a_setting_that_is_not_told_once_did_not_change),
        cmocka_unit_test(a_change_that_two_sources_see_is_told_once_from_the_first),
        cmocka_unit_test(idle_time_runs_until_somebody_else_asks),
        cmocka_unit_test(a_window_outlives_the_board),
        cmocka_unit_test(a_report_beside_wsman_is_no_sample_of_the_same_counters),
        cmocka_unit_test(an_epid_that_changes_at_every_poll_stays_drift),
        cmocka_unit_test(every_application_and_every_source_has_its_own_epids),
        cmocka_unit_test(keys_that_are_shown_or_not_are_no_change),
        cmocka_unit_test(a_failed_poll_forgets_no_epid),
        cmocka_unit_test(a_key_is_named_by_its_epid_when_nothing_better_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
