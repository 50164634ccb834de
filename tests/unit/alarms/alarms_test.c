/* Alarms on their way out: kept before they are told, told until they are confirmed, the same after
 * a restart, and no more than the limit in a minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "unit/alarms/stage.h"

static int setup(void **state)
{
    *state = stage_open();
    return 0;
}

static int teardown(void **state)
{
    stage_close(*state);
    return 0;
}

static void die(struct stage *stage, size_t slot)
{
    stage_bind(stage, slot, KMS_RPC_REFUSED);
    stage_bind(stage, slot, KMS_RPC_REFUSED);
}

static void live(struct stage *stage, size_t slot)
{
    stage_bind(stage, slot, KMS_RPC_ACCEPTED);
    stage_bind(stage, slot, KMS_RPC_ACCEPTED);
}

static void an_alarm_is_kept_before_it_is_told(void **state)
{
    struct stage *stage = *state;
    stage->holds = true;
    die(stage, 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_META), 1);
    assert_int_equal(stage->told_count, 0);
    stage_flush(stage);
    assert_int_equal(stage->told_count, 1);
    assert_false(stage->told[0].news.cleared);
    assert_string_equal(stage->told[0].news.alarm.text, "rpc-refused: 192.0.2.1:1688");
    assert_int_equal(stage->told[0].news.alarm.row.table, 2);
    assert_int_equal(stage->told[0].news.alarm.row.index[0], 7);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[0].notice, true);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 0);
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 1);
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).sent, 1);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[0].notice, true); /* nothing */
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).sent, 1);
}

static void raise_and_clear_come_in_order_however_long_the_disk_takes(void **state)
{
    struct stage *stage = *state;
    stage->holds = true;
    die(stage, 0);
    live(stage, 0);
    die(stage, 0);
    assert_int_equal(stage->told_count, 0);
    stage_flush(stage); /* the first began before the others were put */
    assert_int_equal(stage->told_count, 1);
    stage_flush(stage);
    assert_int_equal(stage->told_count, 3);
    assert_false(stage->told[0].news.cleared);
    assert_true(stage->told[1].news.cleared);
    assert_false(stage->told[2].news.cleared);
    assert_int_equal(stage->told[1].news.alarm.index, stage->told[0].news.alarm.index);
    assert_true(stage->told[2].news.alarm.index > stage->told[0].news.alarm.index);
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 1);
}

static void what_nobody_is_told_of_hurries_no_disk(void **state)
{
    struct stage *stage = *state;
    stage->rules.per_minute = 1;
    assert_int_equal(kms_agent_alarms_set_policy(stage->alarms, &stage->rules), KMS_OK);
    size_t other = stage_add_host(stage, "kms2", 0);
    stage->holds = true;
    die(stage, 0);
    assert_non_null(stage->flushed);
    stage_flush(stage);
    die(stage, other);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 2);
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 2);
    assert_null(stage->flushed);
    live(stage, other);
    assert_null(stage->flushed);
    assert_int_equal(stage->told_count, 1);
}

static void a_store_that_hangs_keeps_nothing_from_being_told(void **state)
{
    struct stage *stage = *state;
    stage->holds = true;
    die(stage, 0);
    for (int i = 0; i < 20; i++) {
        kms_loop_once(stage->loop, 1);
    }
    assert_int_equal(stage->told_count, 0); /* a slow disk is waited for */
    live(stage, 0);
    stage->now_us += INT64_C(30000000);
    stage_wait_told(stage, 1);
    assert_false(stage->told[0].news.cleared);
    assert_non_null(strstr(stage->line, "the store cannot keep them"));
    assert_non_null(stage->flushed); /* for the clear */
    stage_flush(stage);
    assert_int_equal(stage->told_count, 2);
    assert_true(stage->told[1].news.cleared);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 2);
}

static void what_the_store_cannot_keep_is_told_all_the_same(void **state)
{
    struct stage *stage = *state;
    stage->flushing = KMS_EIO;
    die(stage, 0);
    assert_int_equal(stage->told_count, 1);
    size_t lines = stage->lines;
    assert_non_null(strstr(stage->line, "the store cannot keep them"));
    live(stage, 0);
    assert_int_equal(stage->told_count, 2);
    assert_int_equal(stage->lines, lines); /* said once; a clear is no warning */
}

static void restart(struct stage *stage)
{
    stage_stop(stage);
    stage_start(stage);
}

static void turns(struct stage *stage)
{
    for (int i = 0; i < 20; i++) {
        kms_loop_once(stage->loop, 1);
    }
}

/* Of a clock that is quick a disk needs more. */
static void the_patience_with_a_store_can_be_more(void **state)
{
    struct stage *stage = *state;
    stage->patience_us = INT64_C(3600) * 30000000;
    restart(stage);
    stage_tell(stage, true);
    stage->holds = true;
    die(stage, 0);
    stage->now_us += stage->patience_us - 1000000;
    turns(stage);
    assert_int_equal(stage->told_count, 0);
    stage->now_us += 1000000;
    stage_wait_told(stage, 1);
    stage_flush(stage);
}

static void a_restart_raises_nothing_again_and_clears_what_was_mended(void **state)
{
    struct stage *stage = *state;
    die(stage, 0);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[0].notice, true);
    uint32_t index = stage->told[0].news.alarm.index;
    restart(stage);
    const struct kms_alarm_view *alarm = NULL;
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, &alarm), 1);
    assert_int_equal(alarm->index, index);
    assert_int_equal(alarm->since_s, stage->told[0].news.alarm.since_s);
    stage_tell(stage, true);
    assert_int_equal(stage->told_count, 1); /* it was confirmed */
    die(stage, 0);
    die(stage, 0);
    assert_int_equal(stage->told_count, 1);
    restart(stage);
    stage_tell(stage, true);
    live(stage, 0);
    assert_int_equal(stage->told_count, 2);
    assert_true(stage->told[1].news.cleared);
    assert_int_equal(stage->told[1].news.alarm.index, index);
    die(stage, 0);
    assert_int_equal(stage->told[2].news.alarm.index, index + 1);
}

static void what_nobody_confirmed_is_told_again_with_the_same_number(void **state)
{
    struct stage *stage = *state;
    die(stage, 0);
    live(stage, 0);
    assert_int_equal(stage->told_count, 2);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[0].notice, true);
    restart(stage);
    stage_tell(stage, true);
    assert_int_equal(stage->told_count, 3);
    assert_true(stage->told[2].news.cleared);
    assert_int_equal(stage->told[2].notice, stage->told[1].notice);
    assert_int_equal(stage->told[2].news.alarm.index, stage->told[0].news.alarm.index);
    stage_tell(stage, true); /* another teller, as after the old one was closed */
    assert_int_equal(stage->told_count, 4);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[3].notice, false);
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).sent, 0);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 0);
}

static void a_number_is_not_used_again_when_the_alarm_is_long_gone(void **state)
{
    struct stage *stage = *state;
    die(stage, 0);
    live(stage, 0);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[0].notice, true);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[1].notice, true);
    restart(stage);
    stage_tell(stage, true);
    die(stage, 0);
    assert_int_equal(stage->told[2].news.alarm.index, stage->told[0].news.alarm.index + 1);
}

static void plant(struct stage *stage, enum kms_store_kind kind, const char *name,
                  const char *bytes)
{
    struct stage_record *record = &stage->record[stage->record_count++];
    *record = (struct stage_record){
        .kind = kind, .bytes = kms_text_dup(bytes), .len = strlen(bytes)};
    assert_non_null(record->bytes);
    kms_text_copy(record->name, sizeof record->name, name);
}

static void garbage_in_the_store_is_left_out_and_told(void **state)
{
    struct stage *stage = *state;
    die(stage, 0);
    stage_stop(stage);
    size_t lines = stage->lines;
    plant(stage, KMS_STORE_ALARM, "0000000007", "index 7\n");
    plant(stage, KMS_STORE_NOTICE, "x\ny", "");
    plant(stage, KMS_STORE_META, "alarm-next", "");
    stage_start(stage);
    /* There are two by the name of alarm-next: the real one counts. */
    assert_int_equal(stage->lines, lines + 3);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_META), 1);
    stage_tell(stage, true);
    live(stage, 0);
    assert_int_equal(stage->told_count, 3);
}

static void a_host_that_went_while_nobody_looked_is_cleared(void **state)
{
    struct stage *stage = *state;
    size_t slot = stage_add_host(stage, "kms2", 0);
    die(stage, slot);
    assert_int_equal(stage->told_count, 1);
    restart(stage); /* without kms2 */
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 0);
    stage_tell(stage, true);
    assert_int_equal(stage->told_count, 3); /* the raise was not confirmed */
    assert_true(stage->told[2].news.cleared);
    assert_string_equal(stage->told[2].news.alarm.owner, "kms2");
    assert_string_equal(stage->told[2].news.alarm.text, "no longer watched");
}

static void a_host_that_is_retired_is_cleared(void **state)
{
    struct stage *stage = *state;
    size_t slot = stage_add_host(stage, "kms2", 0);
    die(stage, slot);
    assert_int_equal(kms_board_retire(stage->board, slot), KMS_OK);
    stage_bind(stage, 0, KMS_RPC_ACCEPTED); /* any publish */
    assert_int_equal(stage->told_count, 2);
    assert_true(stage->told[1].news.cleared);
}

static void an_empty_store_is_filled_again(void **state)
{
    struct stage *stage = *state;
    die(stage, 0);
    for (size_t i = 0; i < stage->record_count; i++) {
        free(stage->record[i].bytes);
    }
    stage->record_count = 0;
    kms_agent_alarms_refill(stage->alarms);
    assert_int_equal(stage_records(stage, KMS_STORE_ALARM), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_META), 1);
    restart(stage);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
}

/* ---- the limit of a minute ---- */

#define HOSTS 5
#define LIMIT 3

static void limit(struct stage *stage, uint32_t per_minute)
{
    stage->rules.per_minute = per_minute;
    assert_int_equal(kms_agent_alarms_set_policy(stage->alarms, &stage->rules), KMS_OK);
}

static void all(struct stage *stage, const size_t slot[HOSTS],
                void (*act)(struct stage *stage, size_t slot))
{
    for (size_t i = 0; i < HOSTS; i++) {
        act(stage, slot[i]);
    }
}

static void add_hosts(struct stage *stage, size_t slot[HOSTS])
{
    for (size_t i = 0; i < HOSTS; i++) {
        char name[16];
        kms_text_format(name, sizeof name, "host%zu", i);
        slot[i] = stage_add_host(stage, name, 0);
    }
}

static void
beyond_the_limit_raises_are_suppressed_with_their_clears_and_told_clears_wait(void **state)
{
    struct stage *stage = *state;
    size_t slot[HOSTS];
    add_hosts(stage, slot);
    limit(stage, LIMIT);
    all(stage, slot, die);
    assert_int_equal(stage->told_count, LIMIT);
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).suppressed, HOSTS - LIMIT);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), HOSTS);
    all(stage, slot, live);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 0);
    assert_int_equal(stage->told_count, LIMIT); /* less than a minute went by */
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).suppressed, 2 * (HOSTS - LIMIT));
    size_t lines = stage->lines;
    stage->now_us += INT64_C(61000000);
    stage_wait_told(stage, (size_t)2 * LIMIT);
    for (size_t i = 0; i < LIMIT; i++) {
        assert_true(stage->told[LIMIT + i].news.cleared);
        assert_int_equal(stage->told[LIMIT + i].news.alarm.index, stage->told[i].news.alarm.index);
    }
    stage->now_us += INT64_C(61000000);
    for (int i = 0; i < 2000 && stage->lines == lines; i++) {
        kms_loop_once(stage->loop, 5);
    }
    assert_int_equal(stage->lines, lines + 1); /* of the whole burst */
    assert_non_null(strstr(stage->line, "4 notifications were not sent"));
    die(stage, slot[0]);
    assert_int_equal(stage->told_count, 2 * LIMIT + 1);
}

static void no_minute_has_more_than_the_limit(void **state)
{
    struct stage *stage = *state;
    limit(stage, LIMIT);
    int64_t told_us[256];
    size_t seen = 0;
    for (int i = 0; i < 200; i++) {
        stage_bind(stage, 0, i / 2 % 2 ? KMS_RPC_ACCEPTED : KMS_RPC_REFUSED);
        stage->now_us += (i * 7919 % 13) * INT64_C(1000000);
        for (int turn = 0; turn < 3; turn++) {
            kms_loop_once(stage->loop, 0);
            while (stage->flushed) {
                stage_flush(stage);
            }
        }
        while (seen < stage->told_count) {
            told_us[seen++] = stage->now_us;
        }
    }
    assert_true(seen > 10);
    for (size_t i = LIMIT; i < seen; i++) {
        /* A poll takes a second of the time that was noted, and up to 12 more go by after it. */
        assert_true(told_us[i] - told_us[i - LIMIT] >= INT64_C(47000000));
    }
    assert_true(kms_agent_alarms_counts(stage->alarms).suppressed > 0);
}

static void a_suppressed_raise_stays_so_over_a_restart(void **state)
{
    struct stage *stage = *state;
    limit(stage, 1);
    size_t slot = stage_add_host(stage, "kms2", 0);
    die(stage, slot);
    die(stage, 0);
    assert_int_equal(stage->told_count, 1);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[0].notice, true);
    stage->now_us += INT64_C(120000000);
    restart(stage);
    stage_tell(stage, true);
    live(stage, 0);
    stage->now_us += INT64_C(120000000);
    stage_bind(stage, 0, KMS_RPC_ACCEPTED);
    for (size_t i = 0; i < stage->told_count; i++) {
        assert_string_not_equal(stage->told[i].news.alarm.owner, "kms1");
    }
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).suppressed, 1);
}

/* ---- who tells ---- */

static void a_teller_without_room_gets_it_again_and_in_order(void **state)
{
    struct stage *stage = *state;
    stage->sending = KMS_EBUSY;
    die(stage, 0);
    live(stage, 0);
    assert_int_equal(stage->told_count, 0);
    stage->sending = KMS_OK;
    stage_wait_told(stage, 2);
    assert_false(stage->told[0].news.cleared);
    assert_true(stage->told[1].news.cleared);
}

static void what_is_no_notification_is_given_up(void **state)
{
    struct stage *stage = *state;
    stage->sending = KMS_EINVAL;
    die(stage, 0);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 0);
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).waiting, 0);
}

static void without_a_master_the_queue_has_an_end(void **state)
{
    struct stage *stage = *state;
    stage_tell(stage, false);
    limit(stage, KMS_ALARM_PER_MINUTE_MAX);
    struct kms_alarm_notices *notices = kms_alarm_notices_new(
        stage->loop, &stage->log, &(const struct kms_alarm_memory){0}, KMS_ALARM_PER_MINUTE_MAX);
    assert_non_null(notices);
    struct kms_alarm_news news = {
        .alarm = {.type = KMS_ALARM_KEY, .severity = KMS_STATE_WARNING, .owner = "kms1"}};
    size_t taken = 0;
    for (uint32_t i = 1; i < 2 * KMS_ALARM_NOTICES_MAX; i++) {
        news.alarm.index = i;
        if (kms_alarm_notices_admit(notices)) {
            assert_int_equal(kms_alarm_notices_add(notices, &news), KMS_OK);
            taken++;
        }
    }
    assert_int_equal(taken, KMS_ALARM_NOTICES_MAX);
    kms_alarm_notices_free(notices);
}

static void with_nobody_to_tell_there_are_rows_and_no_notices(void **state)
{
    struct stage *stage = *state;
    stage_stop(stage);
    stage->silent = true;
    stage_start(stage);
    die(stage, 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 1);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 0);
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).suppressed, 0);
    stage_stop(stage);
    stage->silent = false; /* the next process has a master */
    stage_start(stage);
    stage_tell(stage, true);
    live(stage, 0);
    assert_int_equal(stage_raised(stage, KMS_ALARM_UNREACHABLE, NULL), 0);
    assert_int_equal(stage->told_count, 0); /* nobody knows of the raise */
}

static void near_the_end_what_was_told_is_confirmed_and_what_is_new_waits_for_the_next(void **state)
{
    struct stage *stage = *state;
    size_t slot = stage_add_host(stage, "kms2", 0);
    die(stage, 0);
    stage->holds = true;
    die(stage, slot);
    stage_tell(stage, false);
    stage->holds = false;
    stage_flush(stage); /* of the second one: nobody is told any more */
    live(stage, 0);
    assert_int_equal(stage->told_count, 1);
    kms_agent_alarms_confirmed(stage->alarms, stage->told[0].notice, true);
    assert_int_equal(kms_agent_alarms_counts(stage->alarms).sent, 1);
    assert_int_equal(stage_records(stage, KMS_STORE_NOTICE), 2);
    stage_stop(stage);
    stage_start(stage);
    stage_tell(stage, true); /* kms2 is not watched any more, so there is its clear, too */
    assert_int_equal(stage->told_count, 4);
    for (size_t i = 1; i < stage->told_count; i++) {
        assert_int_not_equal(stage->told[i].notice, stage->told[0].notice);
    }
}

static void a_type_that_a_reload_switches_off_is_cleared(void **state)
{
    struct stage *stage = *state;
    die(stage, 0);
    stage->rules.rules.type[KMS_ALARM_UNREACHABLE].enabled = false;
    limit(stage, 60);
    stage_flush(stage);
    assert_int_equal(stage->told_count, 2);
    assert_true(stage->told[1].news.cleared);
    die(stage, 0);
    assert_int_equal(stage->told_count, 2);
}

int main(void)
{
#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        STAGED(an_alarm_is_kept_before_it_is_told),
        STAGED(raise_and_clear_come_in_order_however_long_the_disk_takes),
        STAGED(what_nobody_is_told_of_hurries_no_disk),
        STAGED(a_store_that_hangs_keeps_nothing_from_being_told),
        STAGED(the_patience_with_a_store_can_be_more),
        STAGED(what_the_store_cannot_keep_is_told_all_the_same),
        STAGED(a_restart_raises_nothing_again_and_clears_what_was_mended),
        STAGED(what_nobody_confirmed_is_told_again_with_the_same_number),
        STAGED(a_number_is_not_used_again_when_the_alarm_is_long_gone),
        STAGED(garbage_in_the_store_is_left_out_and_told),
        STAGED(a_host_that_went_while_nobody_looked_is_cleared),
        STAGED(a_host_that_is_retired_is_cleared),
        STAGED(an_empty_store_is_filled_again),
        STAGED(beyond_the_limit_raises_are_suppressed_with_their_clears_and_told_clears_wait),
        STAGED(no_minute_has_more_than_the_limit),
        STAGED(a_suppressed_raise_stays_so_over_a_restart),
        STAGED(a_teller_without_room_gets_it_again_and_in_order),
        STAGED(what_is_no_notification_is_given_up),
        STAGED(without_a_master_the_queue_has_an_end),
        STAGED(with_nobody_to_tell_there_are_rows_and_no_notices),
        STAGED(near_the_end_what_was_told_is_confirmed_and_what_is_new_waits_for_the_next),
        STAGED(a_type_that_a_reload_switches_off_is_cleared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
