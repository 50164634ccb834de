/* What hosts told goes to the store seldom enough for the disk, comes back with its age, and fills
 * hours without inventing anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/memories.h"
#include "agent/memories_hours.h"
#include "agent/memories_text.h"
#include "base/text.h"

#define HOUR_S  3600
#define START_S (INT64_C(1764000000) / HOUR_S * HOUR_S)

struct stage {
    char folder[64];
    char path[96];
    int64_t mono_us, wall_us;
    struct kms_clock clock;
    struct kms_loop *loop;
    struct kms_worker *worker;
    struct kms_log log;
    struct kms_policy policy;
    struct kms_board *board;
    struct kms_keeper *keeper;
    struct kms_memories *memories;
    int64_t total, failed, count; /* of the host */
    char address[32];
    char line[256]; /* the last one of the log */
};

static int64_t stage_mono(void *arg)
{
    return ((struct stage *)arg)->mono_us;
}

static int64_t stage_wall(void *arg)
{
    return ((struct stage *)arg)->wall_us;
}

static void take_line(void *arg, enum kms_log_level level, const char *line)
{
    struct stage *stage = arg;
    (void)level;
    kms_text_copy(stage->line, sizeof stage->line, line);
}

static void stage_begin(struct stage *stage)
{
    const struct kms_keeper_config keeper = {.loop = stage->loop,
                                             .worker = stage->worker,
                                             .log = &stage->log,
                                             .path = stage->path,
                                             .size_max = 1 << 22,
                                             .history_ms = INT64_C(400) * 86400 * 1000};
    stage->keeper = kms_keeper_open(&keeper);
    assert_non_null(stage->keeper);
    stage->board = kms_board_new(&stage->policy, &stage->clock, NULL, NULL);
    assert_non_null(stage->board);
    char name[] = "KMS 01";
    struct kms_target target = {.name = name, .address = stage->address, .port = 1688};
    target.source[KMS_SOURCE_WSMAN].enabled = true;
    size_t slot;
    assert_int_equal(kms_board_add(stage->board, &target, 1, &slot), KMS_OK);
    const struct kms_memories_config config = {
        .loop = stage->loop, .board = stage->board, .keeper = stage->keeper, .log = &stage->log};
    stage->memories = kms_memories_open(&config);
    assert_non_null(stage->memories);
}

static void stage_end(struct stage *stage)
{
    kms_memories_close(stage->memories);
    kms_board_free(stage->board);
    kms_keeper_close(stage->keeper, 5000);
}

static int stage_open(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    *stage = (struct stage){.mono_us = INT64_C(5000000000),
                            .wall_us = START_S * 1000000,
                            .count = 26,
                            .total = 1000,
                            .failed = 10};
    kms_text_copy(stage->address, sizeof stage->address, "192.0.2.1");
    stage->clock = (struct kms_clock){stage_mono, stage_wall, stage};
    kms_text_copy(stage->folder, sizeof stage->folder, "/tmp/kms-memories-XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    kms_text_format(stage->path, sizeof stage->path, "%s/store", stage->folder);
    stage->log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_INFO, .callback = take_line, .arg = stage};
    kms_policy_preset(&stage->policy);
    stage->loop = kms_loop_new(&stage->clock);
    stage->worker = kms_worker_new(stage->loop, 1);
    assert_non_null(stage->worker);
    stage_begin(stage);
    *state = stage;
    return 0;
}

static int stage_close(void **state)
{
    struct stage *stage = *state;
    char wal[128];
    stage_end(stage);
    kms_worker_free(stage->worker, 5000);
    kms_loop_free(stage->loop);
    (void)unlink(stage->path);
    kms_text_format(wal, sizeof wal, "%s-wal", stage->path);
    (void)unlink(wal);
    assert_int_equal(rmdir(stage->folder), 0);
    free(stage);
    return 0;
}

static void restart(struct stage *stage)
{
    stage_end(stage);
    stage_begin(stage);
}

static void pass(struct stage *stage, int64_t seconds)
{
    stage->mono_us += seconds * 1000000;
    stage->wall_us += seconds * 1000000;
}

static int64_t now_s(const struct stage *stage)
{
    return stage->wall_us / 1000000;
}

static void publish(struct stage *stage, enum kms_outcome outcome)
{
    struct kms_result result;
    struct kms_change change;
    kms_result_init(&result, KMS_SOURCE_WSMAN);
    result.outcome = outcome;
    result.wall_s = result.data_s = result.data_s_min = result.data_s_max = now_s(stage);
    if (kms_outcome_good(outcome)) {
        struct kms_facts *key = kms_result_add_key(&result);
        kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, "c99b641f");
        kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, "55c92734-d682-4d71-983e-d6ec3f16059f");
        kms_facts_set_text(key, KMS_FACT_KEY_CHANNEL, "VOLUME_KMS_WS22");
        kms_facts_set_number(key, KMS_FACT_LICENSE_STATUS, KMS_LICENSE_LICENSED);
        kms_facts_set_number(key, KMS_FACT_CURRENT_COUNT, stage->count);
        kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, stage->total);
        kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, stage->failed);
    }
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
}

/* The store as a second process would find it after this one has ended. */
struct found {
    struct kms_buf text;
    size_t count;
};

static void take_row(void *arg, const char *name, const char *bytes, size_t len)
{
    struct found *found = arg;
    found->count++;
    assert_int_equal(kms_buf_addf(&found->text, "%s\n%.*s", name, (int)len, bytes), KMS_OK);
}

static void look_up(struct stage *stage, enum kms_store_kind kind, struct found *found)
{
    *found = (struct found){.count = 0};
    kms_buf_init(&found->text, 1 << 20);
    kms_keeper_each(stage->keeper, kind, take_row, found);
}

/* ---- results and windows ---- */

static void the_last_good_result_and_its_window_come_back(void **state)
{
    struct stage *stage = *state;
    publish(stage, KMS_OUTCOME_OK);
    pass(stage, 120);
    stage->total += 8;
    publish(stage, KMS_OUTCOME_OK);
    pass(stage, 30);
    publish(stage, KMS_OUTCOME_WSMAN_TIMEOUT);
    pass(stage, 10);
    restart(stage);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage->board, 0);
    assert_int_equal(snapshot->judgement.key_count, 1);
    assert_int_equal(snapshot->tally[KMS_SOURCE_WSMAN].last_success_s, now_s(stage) - 40);
    assert_int_equal(snapshot->tally[KMS_SOURCE_WSMAN].attempts, 0);
    assert_true(snapshot->judgement.key[0].window.known);
    assert_int_equal(snapshot->judgement.key[0].window.total, 8);
    struct found found;
    look_up(stage, KMS_STORE_RESULT, &found);
    assert_int_equal(found.count, 1);
    assert_non_null(strstr(kms_buf_str(&found.text), "kms%2001 wsman\nplace "));
    kms_buf_done(&found.text);
}

static void what_was_told_of_another_place_does_not_come_back(void **state)
{
    struct stage *stage = *state;
    publish(stage, KMS_OUTCOME_OK);
    kms_text_copy(stage->address, sizeof stage->address, "192.0.2.2");
    restart(stage);
    assert_int_equal(kms_board_snapshot(stage->board, 0)->judgement.key_count, 0);
    assert_null(kms_board_snapshot(stage->board, 0)->good[KMS_SOURCE_WSMAN]);
}

#define THERE "place 0000000000000001\nresult wsman ok\nwall %lld\nend\n"

static void hosts_that_are_gone_are_forgotten_after_a_month(void **state)
{
    struct stage *stage = *state;
    struct found found;
    publish(stage, KMS_OUTCOME_OK);
    stage_end(stage);
    char text[128];
    stage_begin(stage);
    kms_text_format(text, sizeof text, THERE, (long long)now_s(stage) - INT64_C(29) * 86400);
    assert_int_equal(
        kms_keeper_put(stage->keeper, KMS_STORE_RESULT, "young wsman", text, strlen(text)), KMS_OK);
    kms_text_format(text, sizeof text, THERE, (long long)now_s(stage) - INT64_C(31) * 86400);
    assert_int_equal(
        kms_keeper_put(stage->keeper, KMS_STORE_RESULT, "old wsman", text, strlen(text)), KMS_OK);
    assert_int_equal(kms_keeper_put(stage->keeper, KMS_STORE_RESULT, "rubbish wsman", "x", 1),
                     KMS_OK);
    restart(stage);
    restart(stage);
    look_up(stage, KMS_STORE_RESULT, &found);
    assert_int_equal(found.count, 2);
    assert_non_null(strstr(kms_buf_str(&found.text), "young wsman"));
    kms_buf_done(&found.text);
}

static void windows_of_keys_that_are_gone_are_forgotten_after_a_month(void **state)
{
    struct stage *stage = *state;
    struct found found;
    publish(stage, KMS_OUTCOME_OK);
    restart(stage);
    look_up(stage, KMS_STORE_WINDOW, &found);
    assert_int_equal(found.count, 1);
    kms_buf_done(&found.text);
    pass(stage, INT64_C(31) * 86400);
    restart(stage); /* it is given away here */
    restart(stage);
    look_up(stage, KMS_STORE_WINDOW, &found);
    assert_int_equal(found.count, 0);
    kms_buf_done(&found.text);
}

/* Keys that no poll before this one has shown. */
static void publish_other_keys(struct stage *stage, int poll)
{
    struct kms_result result;
    struct kms_change change;
    kms_result_init(&result, KMS_SOURCE_WSMAN);
    result.outcome = KMS_OUTCOME_OK;
    result.wall_s = result.data_s = result.data_s_min = result.data_s_max = now_s(stage);
    for (int i = 0; i < KMS_KEYS_MAX; i++) {
        char id[40];
        kms_text_format(id, sizeof id, "%08x-%04x-4000-8000-000000000000", (unsigned)poll,
                        (unsigned)i);
        struct kms_facts *key = kms_result_add_key(&result);
        kms_facts_set_text(key, KMS_FACT_ACTIVATION_ID, id);
        kms_facts_set_text(key, KMS_FACT_APPLICATION_ID, "55c92734-d682-4d71-983e-d6ec3f16059f");
        kms_facts_set_number(key, KMS_FACT_TOTAL_REQUESTS, 5);
        kms_facts_set_number(key, KMS_FACT_FAILED_REQUESTS, 0);
    }
    assert_int_equal(kms_board_publish(stage->board, 0, &result, &change), KMS_OK);
    kms_result_done(&result);
}

static void expect_windows(struct stage *stage, size_t wanted)
{
    struct found found;
    look_up(stage, KMS_STORE_WINDOW, &found);
    assert_int_equal(found.count, wanted);
    kms_buf_done(&found.text);
}

static void other_keys_at_each_poll_fill_the_store_to_a_limit(void **state)
{
    struct stage *stage = *state;
    int polls = 0;
    for (int run = 0; run < 6; run++) {
        for (int i = 0; i < 3; i++) {
            publish_other_keys(stage, polls++);
            pass(stage, 60);
        }
        restart(stage);
        size_t shown = (size_t)polls * KMS_KEYS_MAX;
        size_t most = (size_t)4 * KMS_KEYS_MAX;
        expect_windows(stage, shown < most ? shown : most);
    }
}

/* The store when nothing has it open, so that no start has looked through it. */
static void expect_records(struct stage *stage, enum kms_store_kind kind, const char *const *names)
{
    struct kms_store *store = NULL;
    struct found found = {.count = 0};
    kms_buf_init(&found.text, 1 << 20);
    assert_int_equal(kms_store_open(stage->path, &store, NULL), KMS_OK);
    assert_int_equal(kms_store_each(store, kind, take_row, &found, NULL), KMS_OK);
    kms_store_close(store);
    size_t count = 0;
    for (; names[count]; count++) {
        assert_non_null(strstr(kms_buf_str(&found.text), names[count]));
    }
    assert_int_equal(found.count, count);
    kms_buf_done(&found.text);
}

static void put_foreign(struct stage *stage, const char *host, int64_t days)
{
    char name[32];
    char text[128];
    int64_t at_s = now_s(stage) - days * 86400;
    kms_text_format(name, sizeof name, "%s wsman", host);
    kms_text_format(text, sizeof text, THERE, (long long)at_s);
    assert_int_equal(kms_keeper_put(stage->keeper, KMS_STORE_RESULT, name, text, strlen(text)),
                     KMS_OK);
    kms_text_format(name, sizeof name, "%s key", host);
    kms_text_format(text, sizeof text, "place 0000000000000001 %lld\n", (long long)at_s);
    assert_int_equal(kms_keeper_put(stage->keeper, KMS_STORE_WINDOW, name, text, strlen(text)),
                     KMS_OK);
}

static void what_is_old_goes_without_a_start_but_for_results_of_hosts_that_are_watched(void **state)
{
    struct stage *stage = *state;
    size_t slot;
    char retired[] = "retired";
    char quiet[] = "quiet";
    struct kms_target target = {.name = quiet};
    assert_int_equal(kms_board_add(stage->board, &target, 2, &slot), KMS_OK);
    target.name = retired;
    assert_int_equal(kms_board_add(stage->board, &target, 3, &slot), KMS_OK);
    publish(stage, KMS_OUTCOME_OK);
    put_foreign(stage, "quiet", 40);
    put_foreign(stage, "retired", 31);
    put_foreign(stage, "young", 28);
    assert_int_equal(kms_board_retire(stage->board, slot), KMS_OK);
    kms_memories_poke(stage->memories);
    pass(stage, INT64_C(86400));
    for (int i = 0; i < 1000 && !strstr(stage->line, "were dropped"); i++) {
        kms_loop_once(stage->loop, 20);
    }
    assert_non_null(strstr(stage->line, "store: 3 results and request windows"));
    stage_end(stage);
    static const char *const results[] = {"kms%2001 wsman\n", "quiet wsman\n", "young wsman\n",
                                          NULL};
    static const char *const windows[] = {"kms%2001 ", "young key\n", NULL};
    expect_records(stage, KMS_STORE_RESULT, results);
    expect_records(stage, KMS_STORE_WINDOW, windows);
    stage_begin(stage);
}

static void a_text_whose_times_alone_are_new_has_the_same_content(void **state)
{
    (void)state;
    const char *a = "place 1\nresult rpc ok\nwall 5\ndata 5 5 5\nduration 7\nhost-fact rpc-state "
                    "accepted\ndetail \"bind 3 ms\"\nhost-fact rpc-latency 3\nend\n";
    const char *b = "place 1\nresult rpc ok\nwall 9\ndata 9 9 9\nduration 8\nhost-fact rpc-state "
                    "accepted\ndetail \"bind 4 ms\"\nhost-fact rpc-latency 4\nend\n";
    const char *c = "place 1\nresult rpc ok\nwall 9\ndata 9 9 9\nduration 8\nhost-fact rpc-state "
                    "refused\nhost-fact rpc-latency 4\nend\n";
    assert_true(kms_memories_content(a) == kms_memories_content(b));
    assert_true(kms_memories_content(b) != kms_memories_content(c));
}

/* ---- hours ---- */

struct gathered {
    char text[512];
    bool answered;
};

static void take_hours(void *arg, enum kms_status status, const struct kms_history_hour *hour,
                       size_t count)
{
    struct gathered *gathered = arg;
    assert_int_equal(status, KMS_OK);
    gathered->answered = true;
    for (size_t i = 0; i < count; i++) {
        kms_text_append(gathered->text, sizeof gathered->text, "%s %lld:", hour[i].key,
                        (long long)((hour[i].hour_s - START_S) / HOUR_S));
        if (hour[i].count_known) {
            kms_text_append(gathered->text, sizeof gathered->text, " %u (%u-%u) of %u/%u",
                            hour[i].count_last, hour[i].count_min, hour[i].count_max,
                            hour[i].required_client, hour[i].required_server);
        }
        if (hour[i].requests_known) {
            kms_text_append(gathered->text, sizeof gathered->text, " %u/%u requests",
                            hour[i].requests, hour[i].failed);
        }
        kms_text_append(gathered->text, sizeof gathered->text, "; ");
    }
}

static void expect_hours(struct stage *stage, const char *wanted)
{
    struct gathered gathered = {.text = ""};
    restart(stage);
    assert_non_null(kms_keeper_hours(stage->keeper, "KMS 01", 0, INT64_MAX, take_hours, &gathered));
    for (int i = 0; i < 1000 && !gathered.answered; i++) {
        kms_loop_once(stage->loop, 20);
    }
    assert_true(gathered.answered);
    assert_string_equal(gathered.text, wanted);
}

static void take_window(void *arg, const char *identity, const struct kms_window *window)
{
    kms_memories_hours_window(arg, identity, window);
}

/* One poll, and the round that looks at it. */
static void poll(struct stage *stage, struct kms_memories_hours *hours)
{
    publish(stage, KMS_OUTCOME_OK);
    const struct kms_snapshot *snapshot = kms_board_snapshot(stage->board, 0);
    kms_memories_hours_snapshot(hours, snapshot, now_s(stage), stage->keeper);
    kms_board_each_window(stage->board, 0, true, take_window, hours);
    kms_memories_hours_turn(hours, snapshot, now_s(stage), 0, false, stage->keeper);
}

static void turn(struct stage *stage, struct kms_memories_hours *hours, bool at_once)
{
    kms_memories_hours_turn(hours, kms_board_snapshot(stage->board, 0), now_s(stage), 0, at_once,
                            stage->keeper);
}

static void an_hour_has_its_counts_and_what_was_asked_in_it(void **state)
{
    struct stage *stage = *state;
    struct kms_memories_hours hours = {.count = 0};
    poll(stage, &hours); /* the first sample is the measure: nothing is known of what was before */
    pass(stage, 1800);
    stage->count = 24;
    stage->total += 7;
    stage->failed += 1;
    poll(stage, &hours);
    pass(stage, 900);
    stage->count = 30;
    poll(stage, &hours);
    pass(stage, 1200); /* the next hour */
    stage->total += 5;
    poll(stage, &hours);
    turn(stage, &hours, true);
    kms_memories_hours_done(&hours);
    /* The module itself adds no request twice: it has seen no window grow. */
    expect_hours(stage, "Windows 0: 30 (24-30) of 25/5 7/1 requests; "
                        "Windows 1: 30 (30-30) of 25/5 5/0 requests; ");
}

static void counters_that_begin_again_are_no_requests(void **state)
{
    struct stage *stage = *state;
    struct kms_memories_hours hours = {.count = 0};
    poll(stage, &hours);
    pass(stage, 600);
    stage->total = 3;
    stage->failed = 0;
    poll(stage, &hours);
    pass(stage, 600);
    stage->total += 4;
    poll(stage, &hours);
    turn(stage, &hours, true);
    kms_memories_hours_done(&hours);
    expect_hours(stage, "Windows 0: 26 (26-26) of 25/5 4/0 requests; ");
}

static void turn_at(struct stage *stage, struct kms_memories_hours *hours, int64_t shift_s)
{
    kms_memories_hours_turn(hours, kms_board_snapshot(stage->board, 0), now_s(stage), shift_s,
                            false, stage->keeper);
}

static void what_is_new_is_put_in_each_turn_of_five_minutes(void **state)
{
    struct stage *stage = *state;
    struct kms_memories_hours hours = {.count = 0};
    poll(stage, &hours);
    pass(stage, 60);
    stage->total += 7;
    poll(stage, &hours);
    pass(stage, KMS_MEMORIES_TURN_S);
    turn(stage, &hours, false);
    stage->total += 5; /* and this is what a kill costs */
    poll(stage, &hours);
    kms_memories_hours_done(&hours);
    expect_hours(stage, "Windows 0: 26 (26-26) of 25/5 7/0 requests; ");
}

static void an_hour_ends_for_each_host_at_its_turn(void **state)
{
    struct stage *stage = *state;
    struct kms_memories_hours hours = {.count = 0};
    poll(stage, &hours);
    pass(stage, HOUR_S - (now_s(stage) - START_S) % HOUR_S + 100);
    turn_at(stage, &hours, 200); /* not yet: the next hour has not begun for it */
    turn_at(stage, &hours, 200);
    pass(stage, 100);
    turn_at(stage, &hours, 200); /* nobody asked: the count in force */
    pass(stage, KMS_MEMORIES_TURN_S);
    turn_at(stage, &hours, 200);
    kms_memories_hours_done(&hours);
    expect_hours(stage,
                 "Windows 0: 26 (26-26) of 25/5; Windows 1: 26 (26-26) of 25/5 0/0 requests; ");
}

static void what_was_new_of_a_host_that_leaves_is_kept(void **state)
{
    struct stage *stage = *state;
    struct kms_memories_hours hours = {.count = 0};
    poll(stage, &hours);
    kms_memories_hours_leave(&hours, stage->keeper);
    kms_memories_hours_done(&hours);
    expect_hours(stage, "Windows 0: 26 (26-26) of 25/5; ");
}

static void what_is_restored_is_no_count_of_this_hour(void **state)
{
    struct stage *stage = *state;
    publish(stage, KMS_OUTCOME_OK);
    restart(stage);
    pass(stage, HOUR_S);
    expect_hours(stage, "Windows 0: 26 (26-26) of 25/5; ");
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_open, stage_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(the_last_good_result_and_its_window_come_back),
        ON_STAGE(what_was_told_of_another_place_does_not_come_back),
        ON_STAGE(hosts_that_are_gone_are_forgotten_after_a_month),
        ON_STAGE(windows_of_keys_that_are_gone_are_forgotten_after_a_month),
        ON_STAGE(what_is_old_goes_without_a_start_but_for_results_of_hosts_that_are_watched),
        ON_STAGE(other_keys_at_each_poll_fill_the_store_to_a_limit),
        cmocka_unit_test(a_text_whose_times_alone_are_new_has_the_same_content),
        ON_STAGE(an_hour_has_its_counts_and_what_was_asked_in_it),
        ON_STAGE(counters_that_begin_again_are_no_requests),
        ON_STAGE(what_is_new_is_put_in_each_turn_of_five_minutes),
        ON_STAGE(an_hour_ends_for_each_host_at_its_turn),
        ON_STAGE(what_was_new_of_a_host_that_leaves_is_kept),
        ON_STAGE(what_is_restored_is_no_count_of_this_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
