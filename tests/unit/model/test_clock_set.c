/* A wall clock that is set: what this process was told is as old as the steady clock says, a report
 * as old as its own time, and what an earlier process kept as old as the wall clock says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "model/board.h"
#include "model/zone.h"

#define SECOND  INT64_C(1000000)
#define START_S INT64_C(1400000000)
#define HOUR_S  INT64_C(3600)

struct stage {
    int64_t mono_us, wall_us;
    int64_t stopped_us; /* goes by between the next two looks at the clocks */
    struct kms_clock clock;
    struct kms_policy policy;
    struct kms_board *board;
};

static int64_t mono_of(void *arg)
{
    struct stage *stage = arg;
    int64_t mono_us = stage->mono_us;
    stage->mono_us += stage->stopped_us;
    stage->wall_us += stage->stopped_us;
    stage->stopped_us = 0;
    return mono_us;
}

static int64_t wall_of(void *arg)
{
    return ((struct stage *)arg)->wall_us;
}

static void go(struct stage *stage, int64_t seconds)
{
    stage->mono_us += seconds * SECOND;
    stage->wall_us += seconds * SECOND;
}

static void stage_open(struct stage *stage)
{
    *stage = (struct stage){.mono_us = 500 * SECOND, .wall_us = START_S * SECOND};
    stage->clock = (struct kms_clock){mono_of, wall_of, stage};
    kms_policy_preset(&stage->policy);
    stage->board = kms_board_new(&stage->policy, &stage->clock, NULL, NULL);
    assert_non_null(stage->board);
    struct kms_target target = {.name = (char[]){"kms1.example.com"}, .port = KMS_DEFAULT_PORT};
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        target.source[i].enabled = true;
    }
    target.source[KMS_SOURCE_WSMAN].max_age_ms = 2 * HOUR_S * 1000;
    target.source[KMS_SOURCE_REPORT].max_age_ms = 2 * HOUR_S * 1000;
    size_t slot;
    assert_int_equal(kms_board_add(stage->board, &target, 1, &slot), KMS_OK);
}

/* data_age_s: of what the source tells. */
static struct kms_result make(const struct stage *stage, enum kms_source source,
                              enum kms_outcome outcome, int64_t data_age_s)
{
    struct kms_result result;
    kms_result_init(&result, source);
    result.outcome = outcome;
    result.wall_s = stage->wall_us / SECOND;
    if (outcome == KMS_OUTCOME_OK) {
        struct kms_facts *key = kms_result_add_key(&result);
        assert_non_null(key);
        assert_int_equal(kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "c99b641f"), KMS_OK);
        assert_int_equal(kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, 30), KMS_OK);
        assert_int_equal(kms_facts_set_number(key, KMS_FACT_TRUSTED_TIME, 77), KMS_OK);
        assert_int_equal(kms_facts_set_number(key, KMS_FACT_ANSWERED, result.wall_s - data_age_s),
                         KMS_OK);
        result.data_s = result.data_s_min = result.data_s_max = result.wall_s - data_age_s;
    }
    return result;
}

static void publish(struct stage *stage, enum kms_source source, enum kms_outcome outcome,
                    int64_t data_age_s)
{
    struct kms_result result = make(stage, source, outcome, data_age_s);
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
}

static void restore(struct stage *stage, enum kms_source source, int64_t age_s)
{
    struct kms_result result = make(stage, source, KMS_OUTCOME_OK, 0);
    result.wall_s -= age_s;
    result.data_s -= age_s;
    assert_int_equal(kms_board_restore(stage->board, 0, &result), KMS_OK);
    kms_result_done(&result);
}

static void tick(struct stage *stage)
{
    struct kms_change change;
    assert_int_equal(kms_board_tick(stage->board, 0, &change), KMS_OK);
}

static const struct kms_snapshot *shown(const struct stage *stage)
{
    return kms_board_snapshot(stage->board, 0);
}

/* As the MIB tells it. */
static int64_t age_of(struct stage *stage, enum kms_source source)
{
    return kms_snapshot_now_s(shown(stage), stage->mono_us) - shown(stage)->good[source]->data_s;
}

static void what_the_network_told_is_as_old_before_and_after_the_next_tick(void **state)
{
    (void)state;
    static const enum kms_source sources[] = {KMS_SOURCE_WSMAN, KMS_SOURCE_RPC, KMS_SOURCE_DNS,
                                              KMS_SOURCE_ACTIVATION};
    static const int64_t set_s[] = {-HOUR_S, 2 * HOUR_S + 100, HOUR_S * 24 * 400};
    for (size_t s = 0; s < KMS_COUNT_OF(set_s); s++) {
        struct stage stage;
        stage_open(&stage);
        go(&stage, 10);
        for (size_t i = 0; i < KMS_COUNT_OF(sources); i++) {
            publish(&stage, sources[i], KMS_OUTCOME_OK, 3);
        }
        go(&stage, 40);
        stage.wall_us += set_s[s] * SECOND;
        for (int ticked = 0; ticked < 2; ticked++) {
            for (size_t i = 0; i < KMS_COUNT_OF(sources); i++) {
                assert_int_equal(age_of(&stage, sources[i]), 43);
            }
            tick(&stage);
        }
        const struct kms_judgement *judged = &shown(&stage)->judgement;
        assert_int_equal(judged->source[KMS_SOURCE_WSMAN].age_s, 43);
        assert_false(judged->source[KMS_SOURCE_WSMAN].stale);
        assert_int_equal(judged->data_age_s, 43);
        /* Times are told by the clock as it is. */
        const struct kms_tally *tally = &shown(&stage)->tally[KMS_SOURCE_RPC];
        assert_int_equal(tally->last_attempt_s, stage.wall_us / SECOND - 40);
        assert_int_equal(tally->last_success_s, stage.wall_us / SECOND - 40);
        assert_int_equal(shown(&stage)->last[KMS_SOURCE_RPC]->wall_s, stage.wall_us / SECOND - 40);
        kms_board_free(stage.board);
    }
}

static void a_failure_after_it_leaves_the_age_of_the_data_before_it(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish(&stage, KMS_SOURCE_WSMAN, KMS_OUTCOME_OK, 0);
    go(&stage, 60);
    stage.wall_us -= HOUR_S * SECOND;
    publish(&stage, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_TIMEOUT, 0);
    assert_int_equal(age_of(&stage, KMS_SOURCE_WSMAN), 60);
    assert_int_equal(shown(&stage)->tally[KMS_SOURCE_WSMAN].last_attempt_s, stage.wall_us / SECOND);
    stage.wall_us += 3 * HOUR_S * SECOND;
    go(&stage, 5);
    tick(&stage);
    assert_int_equal(age_of(&stage, KMS_SOURCE_WSMAN), 65);
    assert_int_equal(shown(&stage)->tally[KMS_SOURCE_WSMAN].last_success_s,
                     stage.wall_us / SECOND - 65);
    kms_board_free(stage.board);
}

static void the_data_of_a_report_keeps_its_own_time(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish(&stage, KMS_SOURCE_REPORT, KMS_OUTCOME_OK, HOUR_S);
    go(&stage, 30);
    stage.wall_us += HOUR_S * SECOND;
    tick(&stage);
    assert_int_equal(age_of(&stage, KMS_SOURCE_REPORT), 2 * HOUR_S + 30);
    assert_true(shown(&stage)->judgement.source[KMS_SOURCE_REPORT].stale);
    assert_int_equal(shown(&stage)->good[KMS_SOURCE_REPORT]->wall_s, stage.wall_us / SECOND - 30);
    assert_int_equal(shown(&stage)->judgement.data_s, START_S - HOUR_S);
    kms_board_free(stage.board);
}

static void what_an_earlier_process_kept_is_aged_by_the_wall_clock_until_its_next_poll(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    restore(&stage, KMS_SOURCE_WSMAN, 600);
    go(&stage, 10);
    stage.wall_us += HOUR_S * SECOND;
    tick(&stage);
    assert_int_equal(age_of(&stage, KMS_SOURCE_WSMAN), HOUR_S + 610);
    assert_int_equal(shown(&stage)->tally[KMS_SOURCE_WSMAN].last_success_s, START_S - 600);
    publish(&stage, KMS_SOURCE_WSMAN, KMS_OUTCOME_WSMAN_TIMEOUT, 0);
    stage.wall_us -= HOUR_S * SECOND;
    tick(&stage);
    assert_int_equal(age_of(&stage, KMS_SOURCE_WSMAN), 610);
    publish(&stage, KMS_SOURCE_WSMAN, KMS_OUTCOME_OK, 0);
    go(&stage, 7);
    stage.wall_us -= HOUR_S * SECOND;
    tick(&stage);
    assert_int_equal(age_of(&stage, KMS_SOURCE_WSMAN), 7);
    kms_board_free(stage.board);
}

static void times_that_others_gave_stay(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    go(&stage, 100);
    /* An answer that an earlier process remembered, and one of now. */
    publish(&stage, KMS_SOURCE_ACTIVATION, KMS_OUTCOME_OK, 200);
    publish(&stage, KMS_SOURCE_WSMAN, KMS_OUTCOME_OK, 50);
    stage.wall_us += HOUR_S * SECOND;
    tick(&stage);
    const struct kms_result *old = shown(&stage)->good[KMS_SOURCE_ACTIVATION];
    const struct kms_result *young = shown(&stage)->good[KMS_SOURCE_WSMAN];
    int64_t number = 0;
    assert_int_equal(old->data_s, START_S - 100);
    assert_int_equal(old->wall_s, START_S + 100 + HOUR_S);
    assert_true(kms_facts_number(&old->key[0], KMS_FACT_ANSWERED, &number));
    assert_int_equal(number, START_S - 100);
    assert_true(kms_facts_number(&young->key[0], KMS_FACT_ANSWERED, &number));
    assert_int_equal(number, START_S + 50 + HOUR_S);
    assert_true(kms_facts_number(&young->key[0], KMS_FACT_TRUSTED_TIME, &number));
    assert_int_equal(number, 77);
    kms_board_free(stage.board);
}

static void a_clock_that_is_slewed_is_followed_by_whole_seconds(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    publish(&stage, KMS_SOURCE_RPC, KMS_OUTCOME_OK, 0);
    for (int i = 0; i < 100; i++) {
        go(&stage, 1);
        stage.wall_us += SECOND / 20;
        tick(&stage);
        assert_int_equal(age_of(&stage, KMS_SOURCE_RPC), i + 1);
    }
    int64_t named_s = shown(&stage)->good[KMS_SOURCE_RPC]->wall_s;
    assert_true(named_s >= stage.wall_us / SECOND - 101 && named_s <= stage.wall_us / SECOND - 100);
    kms_board_free(stage.board);
}

static void who_was_stopped_between_two_looks_saw_no_clock_being_set(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    int64_t apart_us = kms_clock_apart_us(&stage.clock);
    stage.stopped_us = 900 * SECOND;
    assert_int_equal(kms_clock_set_by_s(&stage.clock, apart_us), 0);
    stage.wall_us -= 90 * SECOND;
    assert_int_equal(kms_clock_set_by_s(&stage.clock, apart_us), -90);
    kms_board_free(stage.board);
}

static uint32_t number(void *arg, const char *space, const char *name)
{
    (void)arg;
    (void)space;
    (void)name;
    return 1;
}

static void a_lookup_is_as_old_as_the_steady_clock_says(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    struct kms_zones *zones = kms_zones_new(stage.board, &stage.clock, true, number, NULL, NULL,
                                            NULL);
    assert_non_null(zones);
    size_t at;
    assert_int_equal(kms_zones_add(zones, "example.com", &at), KMS_OK);
    struct kms_zone_record record = {
        .target = "kms1.example.com", .port = KMS_DEFAULT_PORT, .resolution = KMS_ZONE_RESOLVES};
    const struct kms_zone_lookup lookup = {
        .outcome = KMS_OUTCOME_OK, .wall_s = START_S, .record = &record, .record_count = 1};
    assert_int_equal(kms_zones_publish(zones, at, &lookup), KMS_OK);
    go(&stage, 20);
    stage.wall_us += 2 * HOUR_S * SECOND;
    const struct kms_zone *zone = kms_zones_get(zones, at);
    struct kms_result result;
    for (int followed = 0; followed < 2; followed++) {
        assert_int_equal(kms_zones_now_s(zones, stage.mono_us) - zone->last_success_s, 20);
        assert_true(kms_zones_host_result(zones, 0, &result));
        assert_int_equal(result.wall_s, stage.wall_us / SECOND - 20);
        assert_int_equal(result.data_s, stage.wall_us / SECOND - 20);
        kms_result_done(&result);
        assert_int_equal(kms_zones_refresh_one(zones, at), KMS_OK);
    }
    assert_int_equal(zone->last_lookup_s, stage.wall_us / SECOND - 20);
    kms_zones_free(zones);
    kms_board_free(stage.board);
}

/* ---- the hosts and records of a domain ---- */

#define DAY_S (24 * HOUR_S)

static struct kms_zones *watch_domain(struct stage *stage, size_t *ret_at)
{
    struct kms_result result = make(stage, KMS_SOURCE_WSMAN, KMS_OUTCOME_OK, 0);
    assert_int_equal(
        kms_facts_set_number(&result.host, KMS_FACT_DNS_PUBLISHING, KMS_PUBLISHING_ENABLED),
        KMS_OK);
    struct kms_change change;
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
    struct kms_zones *zones = kms_zones_new(stage->board, &stage->clock, true, number, NULL, NULL,
                                            NULL);
    assert_non_null(zones);
    kms_zones_forget_after(zones, 30 * DAY_S);
    assert_int_equal(kms_zones_add(zones, "example.com", ret_at), KMS_OK);
    return zones;
}

static struct kms_zone_record record_of(const char *target)
{
    struct kms_zone_record record = {.port = KMS_DEFAULT_PORT, .resolution = KMS_ZONE_RESOLVES};
    kms_text_copy(record.target, sizeof record.target, target);
    return record;
}

/* One record for each of the names, NULL after the last. */
static const struct kms_zone *look_up(const struct stage *stage, struct kms_zones *zones, size_t at,
                                      const char *const name[])
{
    struct kms_zone_record record[4];
    size_t count = 0;
    while (name[count]) {
        record[count] = record_of(name[count]);
        count++;
    }
    const struct kms_zone_lookup lookup = {.outcome = KMS_OUTCOME_OK,
                                           .wall_s = stage->wall_us / SECOND,
                                           .record = record,
                                           .record_count = count};
    assert_int_equal(kms_zones_publish(zones, at, &lookup), KMS_OK);
    return kms_zones_get(zones, at);
}

static const struct kms_zone_record_view *find_record(const struct kms_zone *zone,
                                                      const char *target)
{
    for (size_t i = 0; i < zone->record_count; i++) {
        if (kms_text_equal(zone->record[i].record.target, target)) {
            return &zone->record[i];
        }
    }
    return NULL;
}

static void what_is_missing_and_gone_is_so_for_as_long_as_the_steady_clock_says(void **state)
{
    (void)state;
    static const int64_t set_s[] = {2 * DAY_S, 31 * DAY_S, -400 * DAY_S};
    for (size_t s = 0; s < KMS_COUNT_OF(set_s); s++) {
        struct stage stage;
        stage_open(&stage);
        size_t at;
        struct kms_zones *zones = watch_domain(&stage, &at);
        (void)look_up(&stage, zones, at, (const char *const[]){"kms8.x", "kms9.x", NULL});
        go(&stage, 60);
        const struct kms_zone *zone = look_up(&stage, zones, at,
                                              (const char *const[]){"kms9.x", NULL});
        assert_int_equal(zone->publication[0].missing_since_s, START_S);
        stage.wall_us += set_s[s] * SECOND;
        go(&stage, 60);
        /* Before the names follow, by a refresh, and by a lookup. */
        for (int round = 0; round < 3; round++) {
            int64_t now_s = kms_zones_now_s(zones, stage.mono_us);
            const struct kms_zone_record_view *gone = find_record(zone, "kms8.x");
            assert_non_null(gone);
            assert_false(gone->present);
            assert_int_equal(now_s - gone->first_seen_s, 120);
            assert_int_equal(now_s - gone->last_seen_s, 120);
            assert_int_equal(now_s - find_record(zone, "kms9.x")->first_seen_s, 120);
            assert_int_equal(now_s - zone->publication[0].missing_since_s, 120);
            assert_int_equal(zone->publication[0].publication, KMS_PUBLICATION_MISSING);
            assert_false(zone->publication[0].overdue);
            if (round == 0) {
                assert_int_equal(kms_zones_refresh_one(zones, at), KMS_OK);
            } else {
                (void)look_up(&stage, zones, at, (const char *const[]){"kms9.x", NULL});
            }
            assert_int_equal(kms_zones_now_s(zones, stage.mono_us), stage.wall_us / SECOND);
        }
        go(&stage, KMS_ZONE_PUBLISH_S);
        assert_int_equal(kms_zones_refresh_one(zones, at), KMS_OK);
        assert_true(zone->publication[0].overdue);
        go(&stage, 30 * DAY_S);
        zone = look_up(&stage, zones, at, (const char *const[]){"kms9.x", NULL});
        assert_null(find_record(zone, "kms8.x"));
        kms_zones_free(zones);
        kms_board_free(stage.board);
    }
}

static void what_an_earlier_process_kept_of_a_domain_is_aged_by_the_wall_clock(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    size_t at;
    struct kms_zones *zones = watch_domain(&stage, &at);
    const struct kms_zone_past past[] = {
        {record_of("old.x"), START_S - 5 * DAY_S, START_S - 4 * DAY_S},
        {record_of("back.x"), START_S - 5 * DAY_S, START_S - 4 * DAY_S}};
    assert_int_equal(kms_zones_recall(zones, at, past, KMS_COUNT_OF(past)), KMS_OK);
    kms_zones_recall_missing(zones, at, "kms1.example.com", START_S - HOUR_S);
    const struct kms_zone *zone = look_up(&stage, zones, at, (const char *const[]){"back.x", NULL});
    assert_false(zone->publication[0].overdue);
    /* There and back, past the start of the process: whose the times are is not told by them. */
    static const int64_t set_s[] = {-10 * DAY_S, 10 * DAY_S, DAY_S};
    for (size_t s = 0; s < KMS_COUNT_OF(set_s); s++) {
        stage.wall_us += set_s[s] * SECOND;
        assert_int_equal(kms_zones_refresh_one(zones, at), KMS_OK);
        assert_int_equal(find_record(zone, "old.x")->first_seen_s, START_S - 5 * DAY_S);
        assert_int_equal(find_record(zone, "old.x")->last_seen_s, START_S - 4 * DAY_S);
        assert_int_equal(find_record(zone, "back.x")->first_seen_s, START_S - 5 * DAY_S);
        assert_int_equal(find_record(zone, "back.x")->last_seen_s, stage.wall_us / SECOND);
        assert_int_equal(zone->publication[0].missing_since_s, START_S - HOUR_S);
        assert_int_equal(zone->publication[0].overdue, s == 2);
    }
    stage.wall_us += 26 * DAY_S * SECOND;
    zone = look_up(&stage, zones, at, (const char *const[]){"kms9.x", NULL});
    assert_null(find_record(zone, "old.x"));
    assert_non_null(find_record(zone, "back.x"));
    /* Published, and missed again: from now on that is ours. */
    (void)look_up(&stage, zones, at, (const char *const[]){"kms1.example.com", NULL});
    go(&stage, 10);
    (void)look_up(&stage, zones, at, (const char *const[]){"kms9.x", NULL});
    stage.wall_us += 2 * DAY_S * SECOND;
    assert_int_equal(kms_zones_refresh_one(zones, at), KMS_OK);
    zone = kms_zones_get(zones, at);
    assert_int_equal(zone->publication[0].missing_since_s, stage.wall_us / SECOND);
    assert_false(zone->publication[0].overdue);
    kms_zones_free(zones);
    kms_board_free(stage.board);
}

/* A machine that starts without the time takes what lies ahead for seen now. */
static void what_is_recalled_as_of_now_is_aged_by_the_steady_clock(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    size_t at;
    struct kms_zones *zones = watch_domain(&stage, &at);
    const struct kms_zone_past past = {record_of("old.x"), START_S, START_S};
    assert_int_equal(kms_zones_recall(zones, at, &past, 1), KMS_OK);
    kms_zones_recall_missing(zones, at, "kms1.example.com", START_S);
    go(&stage, 20);
    stage.wall_us += 9000 * DAY_S * SECOND;
    const struct kms_zone *zone = look_up(&stage, zones, at, (const char *const[]){"kms9.x", NULL});
    assert_non_null(find_record(zone, "old.x"));
    assert_int_equal(find_record(zone, "old.x")->last_seen_s, stage.wall_us / SECOND - 20);
    assert_int_equal(zone->publication[0].missing_since_s, stage.wall_us / SECOND - 20);
    assert_false(zone->publication[0].overdue);
    kms_zones_free(zones);
    kms_board_free(stage.board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_network_told_is_as_old_before_and_after_the_next_tick),
        cmocka_unit_test(a_failure_after_it_leaves_the_age_of_the_data_before_it),
        cmocka_unit_test(the_data_of_a_report_keeps_its_own_time),
        cmocka_unit_test(
            what_an_earlier_process_kept_is_aged_by_the_wall_clock_until_its_next_poll),
        cmocka_unit_test(times_that_others_gave_stay),
        cmocka_unit_test(a_clock_that_is_slewed_is_followed_by_whole_seconds),
        cmocka_unit_test(who_was_stopped_between_two_looks_saw_no_clock_being_set),
        cmocka_unit_test(a_lookup_is_as_old_as_the_steady_clock_says),
        cmocka_unit_test(what_is_missing_and_gone_is_so_for_as_long_as_the_steady_clock_says),
        cmocka_unit_test(what_an_earlier_process_kept_of_a_domain_is_aged_by_the_wall_clock),
        cmocka_unit_test(what_is_recalled_as_of_now_is_aged_by_the_steady_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
