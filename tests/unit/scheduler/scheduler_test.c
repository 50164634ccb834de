/* The scheduler with made-up probes: who is asked when, how many at once, and what the log says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/scheduler.h"
#include "agent/turns.h"
#include "base/bytes.h"
#include "base/text.h"

#define HOSTS_MAX 256
#define HANGING   200

struct kms_probe {
    struct kms_timer *timer;
    size_t host;
    const struct kms_target *target;
    kms_done_fn *done;
    void *arg;
};

/* What the probes do and what they were asked; reached through the url of the target, which no
 * probe here reads. */
struct world {
    struct kms_loop *loop;
    struct kms_clock clock;
    int64_t ahead_us; /* of the system's monotonic clock */
    struct kms_env env;
    struct kms_board *board;
    struct kms_log log;
    struct kms_buf lines;
    struct kms_scheduler *scheduler;
    enum kms_outcome outcome;
    bool hold[HOSTS_MAX]; /* the probe of this host does not end by itself */
    struct kms_probe *running[HOSTS_MAX];
    size_t started[HOSTS_MAX];
    size_t started_all, cancelled, published;
};

static struct world world;

static int64_t mono_us(void *arg)
{
    const struct world *w = arg;
    struct kms_clock system = kms_clock_system();
    return kms_clock_mono_us(&system) + w->ahead_us;
}

static int64_t wall_us(void *arg)
{
    (void)arg;
    return INT64_C(1700000000) * 1000000;
}

static void end_probe(struct kms_probe *probe)
{
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_REPORT);
    result.outcome = world.outcome;
    if (!kms_outcome_good(world.outcome)) {
        kms_text_copy(result.detail, sizeof result.detail, "made up");
    }
    world.running[probe->host] = NULL;
    assert_int_equal(probe->target->name[0], 'h'); /* it lives for as long as the probe */
    kms_done_fn *done = probe->done;
    void *arg = probe->arg;
    kms_timer_free(probe->timer);
    free(probe);
    done(arg, &result);
    kms_result_done(&result);
}

static void probe_due(void *arg)
{
    end_probe(arg);
}

static struct kms_probe *probe_start(struct kms_env *env, const struct kms_target *target,
                                     kms_done_fn *done, void *arg)
{
    uint64_t host;
    assert_true(kms_text_u64(target->name + 1, &host));
    assert_null(world.running[host]);
    struct kms_probe *probe = calloc(1, sizeof *probe);
    assert_non_null(probe);
    *probe = (struct kms_probe){.host = (size_t)host, .target = target, .done = done, .arg = arg};
    probe->timer = kms_timer_new(env->loop, probe_due, probe);
    assert_non_null(probe->timer);
    if (!world.hold[host]) {
        kms_timer_set(probe->timer, 0);
    }
    world.running[host] = probe;
    world.started[host]++;
    world.started_all++;
    return probe;
}

static void probe_cancel(struct kms_probe *probe)
{
    world.running[probe->host] = NULL;
    world.cancelled++;
    kms_timer_free(probe->timer);
    free(probe);
}

static const struct kms_probe_type report = {
    .name = "report", .source = KMS_SOURCE_REPORT, .start = probe_start, .cancel = probe_cancel};
static const struct kms_probe_type rpc = {
    .name = "rpc", .source = KMS_SOURCE_RPC, .start = probe_start, .cancel = probe_cancel};
static const struct kms_probe_type wsman = {
    .name = "wsman", .source = KMS_SOURCE_WSMAN, .start = probe_start, .cancel = probe_cancel};
static const struct kms_probe_type *const types[] = {&rpc, &report, &wsman, NULL};

static void keep_line(void *arg, enum kms_log_level level, const char *line)
{
    static const char letters[] = "?EWID";
    struct world *w = arg;
    assert_int_equal(kms_buf_addf(&w->lines, "%c %s\n", letters[level], line), KMS_OK);
}

static void count_publish(void *arg)
{
    struct world *w = arg;
    w->published++;
}

static void add_host(size_t number, enum kms_source source, size_t *ret_slot)
{
    char name[16];
    kms_text_format(name, sizeof name, "h%zu", number);
    struct kms_target target = {.name = name, .port = 1688};
    target.source[source] = (struct kms_source_config){.enabled = true, .timeout_ms = 60000};
    assert_int_equal(kms_board_add(world.board, &target, (uint32_t)number + 1, ret_slot), KMS_OK);
}

static void begin_with(enum kms_source source, size_t hosts, int64_t interval_ms,
                       size_t sockets_max)
{
    world = (struct world){.outcome = KMS_OUTCOME_REPORT_MISSING};
    world.clock = (struct kms_clock){.mono_us = mono_us, .wall_us = wall_us, .arg = &world};
    world.loop = kms_loop_new(&world.clock);
    assert_non_null(world.loop);
    world.env = (struct kms_env){.clock = world.clock, .loop = world.loop};
    struct kms_policy policy;
    kms_policy_preset(&policy);
    world.board = kms_board_new(&policy, &world.clock, NULL, NULL);
    assert_non_null(world.board);
    kms_buf_init(&world.lines, 1 << 20);
    world.log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_DEBUG, .callback = keep_line, .arg = &world};
    for (size_t i = 0; i < hosts; i++) {
        size_t slot;
        add_host(i, source, &slot);
    }
    const struct kms_scheduler_config config = {.env = &world.env,
                                                .board = world.board,
                                                .log = &world.log,
                                                .types = types,
                                                .interval_ms = interval_ms,
                                                .sockets_max = sockets_max,
                                                .published = count_publish,
                                                .arg = &world};
    world.scheduler = kms_scheduler_new(&config);
    assert_non_null(world.scheduler);
    assert_int_equal(world.started_all, 0);
}

static void begin(size_t hosts, int64_t interval_ms)
{
    begin_with(KMS_SOURCE_REPORT, hosts, interval_ms, 0);
}

static int end(void **state)
{
    (void)state;
    kms_scheduler_free(world.scheduler);
    kms_board_free(world.board);
    kms_loop_free(world.loop);
    kms_buf_done(&world.lines);
    return 0;
}

static void turn_until_started(size_t count)
{
    while (world.started_all < count) {
        kms_loop_once(world.loop, 1000);
    }
}

static void turn_until_published(size_t count)
{
    while (world.published < count) {
        kms_loop_once(world.loop, 1000);
    }
}

static void every_host_is_asked_and_asked_again(void **state)
{
    (void)state;
    begin(3, 1);
    while (world.started[0] < 3 || world.started[1] < 3 || world.started[2] < 3) {
        kms_loop_once(world.loop, 1000);
    }
    for (size_t slot = 0; slot < 3; slot++) {
        const struct kms_snapshot *snapshot = kms_board_snapshot(world.board, slot);
        assert_true(snapshot->tally[KMS_SOURCE_REPORT].attempts >= 2);
    }
}

static void without_hosts_nothing_is_asked(void **state)
{
    (void)state;
    begin(0, 1);
    kms_loop_once(world.loop, 0);
    assert_int_equal(world.started_all, 0);
    assert_int_equal(kms_scheduler_lag_ms(world.scheduler), 0);
}

static void a_source_is_never_asked_twice_at_once(void **state)
{
    (void)state;
    begin(2, 1);
    world.hold[0] = true;
    while (world.started[1] < 20) {
        kms_loop_once(world.loop, 1000);
    }
    assert_int_equal(world.started[0], 1);
}

/* Polls that are due at once come in no order: which hosts wait is seen, not known. */
static void find_waiting(size_t hosts, size_t ret_waiting[3], size_t ret_running[2])
{
    size_t waiting = 0, running = 0;
    for (size_t i = 0; i < hosts; i++) {
        if (!world.running[i]) {
            assert_true(waiting < 3);
            ret_waiting[waiting++] = i;
        } else if (running < 2) {
            ret_running[running++] = i;
        }
    }
    assert_int_equal(waiting, 3);
    assert_int_equal(running, 2);
}

static void a_host_that_is_dropped_is_not_asked_and_keeps_no_turn(void **state)
{
    (void)state;
    size_t hosts = KMS_SCHEDULER_IN_FLIGHT_MAX + 3;
    size_t waits[3], runs[2];
    begin(hosts, 1);
    memset(world.hold, 1, sizeof world.hold);
    turn_until_started(KMS_SCHEDULER_IN_FLIGHT_MAX);
    for (int i = 0; i < 20; i++) {
        kms_loop_once(world.loop, 1);
    }
    find_waiting(hosts, waits, runs);
    /* waiting ones: the last, then the first, which leaves one */
    kms_scheduler_drop(world.scheduler, waits[2]);
    kms_scheduler_drop(world.scheduler, waits[0]);
    assert_int_equal(world.cancelled, 0);
    /* one that runs makes room for the one that waits */
    kms_scheduler_drop(world.scheduler, runs[1]);
    assert_int_equal(world.cancelled, 1);
    assert_int_equal(world.started_all, KMS_SCHEDULER_IN_FLIGHT_MAX + 1);
    assert_int_equal(world.started[waits[1]], 1);
    memset(world.hold, 0, sizeof world.hold);
    for (size_t i = 0; i < hosts; i++) {
        if (world.running[i]) {
            end_probe(world.running[i]);
        }
    }
    while (world.started[runs[0]] < 5 || world.started[waits[1]] < 5) {
        kms_loop_once(world.loop, 1000);
    }
    assert_int_equal(world.started[runs[1]], 1);
    assert_int_equal(world.started[waits[2]] + world.started[waits[0]], 0);
    kms_scheduler_drop(world.scheduler, runs[1]);
    assert_int_equal(kms_scheduler_add(world.scheduler, runs[1]), KMS_OK);
    while (world.started[runs[1]] < 3) {
        kms_loop_once(world.loop, 1000);
    }
}

/* As a reload gives it. */
static void retarget(size_t host, uint32_t sources, int64_t classes, uint32_t anew)
{
    char name[16];
    kms_text_format(name, sizeof name, "h%zu", host);
    struct kms_target target = {.name = name, .port = 1688, .classes = (uint32_t)classes};
    for (size_t i = 1; i <= KMS_SOURCE_MAX; i++) {
        target.source[i] = (struct kms_source_config){.enabled = (sources & KMS_BIT(i)) != 0,
                                                      .timeout_ms = 60000};
    }
    struct kms_target *was = NULL;
    struct kms_change change;
    assert_int_equal(kms_board_retarget(world.board, host, &target, 0, &was, &change), KMS_OK);
    assert_int_equal(kms_scheduler_retarget(world.scheduler, host, was, anew, 0), KMS_OK);
}

static void a_probe_in_flight_outlives_another_target_of_its_host(void **state)
{
    (void)state;
    begin(2, 60000);
    memset(world.hold, 1, sizeof world.hold);
    turn_until_started(2);
    retarget(0, KMS_BIT(KMS_SOURCE_REPORT), 1, 0);
    retarget(0, KMS_BIT(KMS_SOURCE_REPORT), 2, 0);
    retarget(1, KMS_BIT(KMS_SOURCE_REPORT), 1, 0);
    assert_int_equal(world.cancelled, 0);
    end_probe(world.running[0]);
    assert_int_equal(world.published, 1);
    assert_int_equal(kms_board_snapshot(world.board, 0)->target->classes, 2);
    assert_int_equal(kms_board_snapshot(world.board, 0)->tally[KMS_SOURCE_REPORT].attempts, 1);
    for (int i = 0; i < 20; i++) {
        kms_loop_once(world.loop, 1);
    }
    assert_int_equal(world.started_all, 2); /* the other runs until the end */
}

static void a_source_that_looks_elsewhere_is_asked_anew(void **state)
{
    (void)state;
    begin(2, 60000);
    world.hold[0] = true;
    turn_until_started(2);
    turn_until_published(1);
    retarget(0, KMS_BIT(KMS_SOURCE_REPORT), 0, KMS_BIT(KMS_SOURCE_REPORT));
    retarget(1, KMS_BIT(KMS_SOURCE_REPORT), 0, KMS_BIT(KMS_SOURCE_REPORT));
    assert_int_equal(world.cancelled, 1);
    world.hold[0] = false;
    turn_until_published(3);
    assert_int_equal(world.started[0], 2);
    assert_int_equal(world.started[1], 2);
}

static void sources_come_and_go_with_another_target(void **state)
{
    (void)state;
    begin(1, 1);
    turn_until_published(3);
    world.hold[0] = true;
    turn_until_started(world.started_all + 1);
    retarget(0, KMS_BIT(KMS_SOURCE_WSMAN), 0, 0); /* the report that runs is cancelled */
    assert_int_equal(world.cancelled, 1);
    assert_null(world.running[0]);
    size_t started = world.started_all;
    world.hold[0] = false;
    turn_until_published(world.published + 3);
    assert_true(world.started_all >= started + 3);
    const struct kms_snapshot *snapshot = kms_board_snapshot(world.board, 0);
    assert_true(snapshot->last[KMS_SOURCE_REPORT] != NULL);
    retarget(0, 0, 0, 0);
    started = world.started_all;
    for (int i = 0; i < 20; i++) {
        kms_loop_once(world.loop, 1);
    }
    assert_int_equal(world.started_all, started);
}

static void a_shorter_interval_is_in_force_at_once(void **state)
{
    (void)state;
    begin(3, 3600000);
    turn_until_published(3);
    kms_scheduler_set_interval(world.scheduler, 1);
    turn_until_published(9);
    for (size_t i = 0; i < 3; i++) {
        assert_true(world.started[i] >= 2);
    }
    kms_scheduler_set_interval(world.scheduler, 3600000);
    turn_until_published(world.published + 1); /* what was due before */
}

static void hosts_that_are_added_later_wait_for_as_long_as_they_are_told(void **state)
{
    (void)state;
    begin(0, 60000);
    size_t late, soon;
    add_host(0, KMS_SOURCE_REPORT, &late);
    add_host(1, KMS_SOURCE_REPORT, &soon);
    assert_int_equal(kms_scheduler_add_after(world.scheduler, late, 3600000), KMS_OK);
    assert_int_equal(kms_scheduler_add_after(world.scheduler, soon, 1), KMS_OK);
    turn_until_published(1);
    assert_int_equal(world.started[1], 1);
    assert_int_equal(world.started[0], 0);
}

static void sixty_four_run_at_once_and_the_others_wait_their_turn(void **state)
{
    (void)state;
    size_t hosts = KMS_SCHEDULER_IN_FLIGHT_MAX + 16;
    begin(hosts, 1);
    memset(world.hold, 1, sizeof world.hold);
    turn_until_started(KMS_SCHEDULER_IN_FLIGHT_MAX);
    for (int i = 0; i < 20; i++) {
        kms_loop_once(world.loop, 1);
    }
    assert_int_equal(world.started_all, KMS_SCHEDULER_IN_FLIGHT_MAX);
    end_probe(world.running[0]);
    assert_int_equal(world.started_all, KMS_SCHEDULER_IN_FLIGHT_MAX + 1);
    /* First come, first served: host 0 is behind those that wait already. */
    for (size_t i = 1; i + KMS_SCHEDULER_IN_FLIGHT_MAX < hosts; i++) {
        end_probe(world.running[i]);
    }
    assert_int_equal(world.started_all, hosts);
    for (size_t i = 0; i < hosts; i++) {
        assert_int_equal(world.started[i], 1);
    }
}

static void two_hundred_silent_ports_do_not_delay_a_healthy_one(void **state)
{
    (void)state;
    begin_with(KMS_SOURCE_RPC, HANGING + 1, 1, 0);
    memset(world.hold, 1, HANGING);
    while (world.started[HANGING] < 20 || world.started_all < HANGING + 20) {
        kms_loop_once(world.loop, 1000);
    }
    for (size_t i = 0; i < HANGING; i++) {
        assert_non_null(world.running[i]);
    }
}

static void silent_ports_do_not_delay_a_report(void **state)
{
    begin_with(KMS_SOURCE_RPC, 10, 60000, 4);
    memset(world.hold, 1, 10);
    turn_until_started(4);
    size_t slot;
    add_host(10, KMS_SOURCE_REPORT, &slot);
    assert_int_equal(kms_scheduler_add(world.scheduler, slot), KMS_OK);
    turn_until_published(1);
    assert_int_equal(world.started[10], 1);
    (void)state;
}

static void sockets_in_use_are_bounded(void **state)
{
    (void)state;
    begin_with(KMS_SOURCE_RPC, 20, 1, 7);
    memset(world.hold, 1, sizeof world.hold);
    turn_until_started(7);
    for (int i = 0; i < 20; i++) {
        kms_loop_once(world.loop, 1);
    }
    assert_int_equal(world.started_all, 7);
}

static void a_host_that_is_added_while_others_run_is_asked_at_once_and_again(void **state)
{
    (void)state;
    begin(3, 60000);
    world.hold[0] = true;
    turn_until_started(1);
    for (size_t i = 3; i < 40; i++) {
        size_t slot;
        add_host(i, i % 2 ? KMS_SOURCE_RPC : KMS_SOURCE_REPORT, &slot);
        assert_int_equal(kms_scheduler_add(world.scheduler, slot), KMS_OK);
    }
    assert_int_equal(world.started_all, 1);
    while (world.started[39] == 0) {
        kms_loop_once(world.loop, 1000);
    }
    assert_int_equal(world.started[3], 1);
    end_probe(world.running[0]);
    assert_int_equal(kms_board_snapshot(world.board, 0)->tally[KMS_SOURCE_REPORT].attempts, 1);
}

static void what_runs_is_cancelled_at_the_end(void **state)
{
    begin(5, 1);
    memset(world.hold, 1, sizeof world.hold);
    turn_until_started(5);
    kms_scheduler_free(world.scheduler);
    world.scheduler = NULL;
    assert_int_equal(world.cancelled, 5);
    (void)state;
}

static void a_change_is_logged_once_and_repetition_is_for_debugging(void **state)
{
    (void)state;
    begin(1, 1);
    const char *hint = kms_outcome_row(KMS_OUTCOME_REPORT_MISSING)->hint;
    turn_until_published(2);
    world.outcome = KMS_OUTCOME_REPORT_EMPTY;
    turn_until_published(3);
    world.outcome = KMS_OUTCOME_OK;
    turn_until_published(4);
    const char *lines = kms_buf_str(&world.lines);
    char wanted[512];
    kms_text_format(wanted, sizeof wanted, "W report h0: report-missing: made up; %s\n", hint);
    assert_non_null(strstr(lines, wanted));
    kms_text_format(wanted, sizeof wanted, "D report h0: report-missing (2 times): made up; %s\n",
                    hint);
    assert_non_null(strstr(lines, wanted));
    assert_non_null(strstr(lines, "W report h0: report-empty (was report-missing): made up; "));
    assert_non_null(strstr(lines, "I report h0: ok (was report-empty)\n"));
}

static void lateness_is_known(void **state)
{
    (void)state;
    begin(1, 60000);
    assert_int_equal(kms_scheduler_lag_ms(world.scheduler), 0);
    world.ahead_us = INT64_C(5000000);
    turn_until_started(1);
    assert_true(kms_scheduler_lag_ms(world.scheduler) >= 5000);
}

static void missed_polls_are_left_out(void **state)
{
    (void)state;
    begin(1, 20);
    turn_until_published(1);
    /* The machine slept for an hour: one poll, not 180000 of them at once. */
    world.ahead_us = INT64_C(3600000000);
    turn_until_published(2);
    size_t before = world.started_all;
    kms_loop_once(world.loop, 0);
    kms_loop_once(world.loop, 0);
    assert_true(world.started_all <= before + 2);
}

static void a_silent_kdc_does_not_delay_a_healthy_host(void **state)
{
    (void)state;
    begin_with(KMS_SOURCE_WSMAN, HANGING + 1, 1, 0);
    memset(world.hold, 1, HANGING);
    while (world.started[HANGING] < 20 || world.started_all < HANGING + 20) {
        kms_loop_once(world.loop, 1000);
    }
}

static void conversations_do_not_delay_a_report(void **state)
{
    begin_with(KMS_SOURCE_WSMAN, 10, 60000, 4);
    memset(world.hold, 1, 10);
    turn_until_started(4);
    size_t slot;
    add_host(10, KMS_SOURCE_REPORT, &slot);
    assert_int_equal(kms_scheduler_add(world.scheduler, slot), KMS_OK);
    turn_until_published(1);
    assert_int_equal(world.started[10], 1);
    (void)state;
}

#define SECOND INT64_C(1000000)

/* At least that long after the end of the poll before: the loop's own time goes on. */
static void expect_rest(int64_t least_ms)
{
    int64_t before_us = mono_us(&world);
    turn_until_published(world.published + 1);
    assert_true(mono_us(&world) - before_us >= (least_ms - 1) * 1000);
}

static void who_wants_rest_is_asked_less_and_less_often(void **state)
{
    static const enum kms_outcome outcomes[] = {
        KMS_OUTCOME_WSMAN_QUOTA, KMS_OUTCOME_WSMAN_UNAVAILABLE, KMS_OUTCOME_WSMAN_NO_ROOM,
        KMS_OUTCOME_WSMAN_REFUSED, KMS_OUTCOME_WSMAN_UNAUTHENTICATED};
    for (size_t i = 0; i < KMS_COUNT_OF(outcomes); i++) {
        begin_with(KMS_SOURCE_WSMAN, 1, 4, 0);
        world.outcome = outcomes[i];
        turn_until_published(1);
        expect_rest(8);
        expect_rest(16);
        expect_rest(32);
        expect_rest(64);
        (void)end(state);
    }
    begin_with(KMS_SOURCE_WSMAN, 1, 4, 0); /* for the end of the test */
}

static void a_rest_is_never_shorter_than_the_interval(void **state)
{
    (void)state;
    assert_int_equal(kms_turn_longer_us(300 * SECOND, 0), 600 * SECOND);
    assert_int_equal(kms_turn_longer_us(300 * SECOND, 2400 * SECOND), 3600 * SECOND);
    assert_int_equal(kms_turn_longer_us(2400 * SECOND, 0), 3600 * SECOND);
    assert_int_equal(kms_turn_longer_us(86400 * SECOND, 0), 86400 * SECOND);
    assert_int_equal(kms_turn_longer_us(86400 * SECOND, 86400 * SECOND), 86400 * SECOND);
}

static void what_another_asked_for_is_due_an_interval_after_it(void **state)
{
    (void)state;
    const int64_t second = 1000000;
    assert_int_equal(kms_turn_rest_us(1800 * second, 0), 1801 * second);
    assert_int_equal(kms_turn_rest_us(1800 * second, 1000), 801 * second);
    assert_int_equal(kms_turn_rest_us(1800 * second, 1799), 60 * second);
    assert_int_equal(kms_turn_rest_us(1800 * second, 1800), 60 * second);
    assert_int_equal(kms_turn_rest_us(1800 * second, INT64_MAX), 60 * second);
    assert_int_equal(kms_turn_rest_us(1800 * second, -1), 1801 * second);
    assert_int_equal(kms_turn_rest_us(1800 * second, INT64_MIN), 1801 * second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(every_host_is_asked_and_asked_again, end),
        cmocka_unit_test_teardown(without_hosts_nothing_is_asked, end),
        cmocka_unit_test_teardown(a_source_is_never_asked_twice_at_once, end),
        cmocka_unit_test_teardown(a_probe_in_flight_outlives_another_target_of_its_host, end),
        cmocka_unit_test_teardown(a_source_that_looks_elsewhere_is_asked_anew, end),
        cmocka_unit_test_teardown(sources_come_and_go_with_another_target, end),
        cmocka_unit_test_teardown(a_shorter_interval_is_in_force_at_once, end),
        cmocka_unit_test_teardown(hosts_that_are_added_later_wait_for_as_long_as_they_are_told,
                                  end),
        cmocka_unit_test_teardown(sixty_four_run_at_once_and_the_others_wait_their_turn, end),
        cmocka_unit_test_teardown(two_hundred_silent_ports_do_not_delay_a_healthy_one, end),
        cmocka_unit_test_teardown(silent_ports_do_not_delay_a_report, end),
        cmocka_unit_test_teardown(sockets_in_use_are_bounded, end),
        cmocka_unit_test_teardown(a_host_that_is_added_while_others_run_is_asked_at_once_and_again,
                                  end),
        cmocka_unit_test_teardown(what_runs_is_cancelled_at_the_end, end),
        cmocka_unit_test_teardown(a_change_is_logged_once_and_repetition_is_for_debugging, end),
        cmocka_unit_test_teardown(lateness_is_known, end),
        cmocka_unit_test_teardown(missed_polls_are_left_out, end),
        cmocka_unit_test_teardown(a_silent_kdc_does_not_delay_a_healthy_host, end),
        cmocka_unit_test_teardown(conversations_do_not_delay_a_report, end),
        cmocka_unit_test_teardown(who_wants_rest_is_asked_less_and_less_often, end),
        cmocka_unit_test_teardown(a_host_that_is_dropped_is_not_asked_and_keeps_no_turn, end),
        cmocka_unit_test(a_rest_is_never_shorter_than_the_interval),
        cmocka_unit_test(what_another_asked_for_is_due_an_interval_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
