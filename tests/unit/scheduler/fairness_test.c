/* The scheduler with thousands of made-up hosts and a made-up time: slow and silent hosts keep
 * nobody waiting, polls stay spread, and what a person asks for comes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/due.h"
#include "agent/lane.h"
#include "agent/pace.h"
#include "agent/scheduler.h"
#include "base/text.h"

#define MS         INT64_C(1000)
#define SECOND     INT64_C(1000000)
#define HOSTS_MAX  10000
#define TIMERS_MAX 16384
#define SOURCES    (KMS_SOURCE_MAX + 1)
#define SECONDS    400

struct waiting {
    struct kms_timer *timer;
    int64_t due_us;
};

struct kms_probe {
    struct kms_timer *timer;
    size_t host;
    enum kms_source source;
    kms_done_fn *done;
    void *arg;
};

struct host {
    int64_t takes_us; /* negative: it says nothing until the deadline */
    enum kms_outcome outcome;
    size_t started, ended;
    int64_t started_us, ended_us; /* the last time */
};

struct world {
    int64_t now_us;
    struct waiting waiting[TIMERS_MAX];
    size_t waiting_count;
    struct kms_clock clock;
    struct kms_env env;
    struct kms_board *board;
    struct kms_log log;
    struct kms_scheduler *scheduler;
    struct host host[HOSTS_MAX];
    size_t hosts, running, running_most, started_all;
    size_t started_in[SECONDS]; /* in each second of the made-up time */
    size_t done;
    struct kms_probed probed;
};

static struct world world;

/* ---- time ---- */

void __real_kms_timer_set(struct kms_timer *timer, int64_t delay_ms);
void __real_kms_timer_free(struct kms_timer *timer);
void __wrap_kms_timer_set(struct kms_timer *timer, int64_t delay_ms);
void __wrap_kms_timer_stop(struct kms_timer *timer);
void __wrap_kms_timer_free(struct kms_timer *timer);

void __wrap_kms_timer_stop(struct kms_timer *timer)
{
    for (size_t i = 0; i < world.waiting_count; i++) {
        if (world.waiting[i].timer == timer) {
            world.waiting[i] = world.waiting[--world.waiting_count];
            return;
        }
    }
}

void __wrap_kms_timer_set(struct kms_timer *timer, int64_t delay_ms)
{
    kms_timer_stop(timer);
    assert_true(world.waiting_count < TIMERS_MAX);
    int64_t delay_us = delay_ms > 0 ? delay_ms * MS : 0;
    world.waiting[world.waiting_count++] = (struct waiting){timer, world.now_us + delay_us};
}

void __wrap_kms_timer_free(struct kms_timer *timer)
{
    kms_timer_stop(timer);
    __real_kms_timer_free(timer);
}

static int64_t mono_us(void *arg)
{
    const struct world *w = arg;
    return w->now_us;
}

static int64_t wall_us(void *arg)
{
    const struct world *w = arg;
    return INT64_C(1700000000) * SECOND + w->now_us;
}

/* Everything that is due until then happens, each at its own time and in its order. */
static void pass_until(int64_t until_us)
{
    for (;;) {
        const struct waiting *first = NULL;
        for (size_t i = 0; i < world.waiting_count; i++) {
            if (!first || world.waiting[i].due_us < first->due_us) {
                first = &world.waiting[i];
            }
        }
        if (!first || first->due_us > until_us) {
            break;
        }
        struct kms_timer *timer = first->timer;
        world.now_us = first->due_us > world.now_us ? first->due_us : world.now_us;
        kms_timer_stop(timer);
        __real_kms_timer_set(timer, 0);
        kms_loop_once(world.env.loop, 1000);
    }
    world.now_us = until_us;
}

static void pass(int64_t span_us)
{
    pass_until(world.now_us + span_us);
}

/* ---- hosts ---- */

static void free_probe(struct kms_probe *probe)
{
    world.running--;
    kms_timer_free(probe->timer);
    free(probe);
}

static void note_end(const struct kms_probe *probe)
{
    struct host *host = &world.host[probe->host];
    host->ended++;
    host->ended_us = world.now_us;
}

static void probe_due(void *arg)
{
    struct kms_probe *probe = arg;
    struct kms_result result;
    kms_result_init(&result, probe->source);
    result.outcome = world.host[probe->host].outcome;
    note_end(probe);
    kms_done_fn *done = probe->done;
    void *to = probe->arg;
    free_probe(probe);
    done(to, &result);
    kms_result_done(&result);
}

static struct kms_probe *start_probe(enum kms_source source, struct kms_env *env,
                                     const struct kms_target *target, kms_done_fn *done, void *arg)
{
    uint64_t number;
    assert_true(kms_text_u64(target->name + 1, &number));
    struct host *host = &world.host[number];
    struct kms_probe *probe = calloc(1, sizeof *probe);
    assert_non_null(probe);
    *probe = (struct kms_probe){.host = (size_t)number, .source = source, .done = done, .arg = arg};
    probe->timer = kms_timer_new(env->loop, probe_due, probe);
    assert_non_null(probe->timer);
    if (host->takes_us >= 0) {
        kms_timer_set(probe->timer, host->takes_us / MS);
    }
    host->started++;
    host->started_us = world.now_us;
    world.started_all++;
    world.running++;
    world.running_most = world.running > world.running_most ? world.running : world.running_most;
    int64_t second = world.now_us / SECOND;
    if (second < SECONDS) {
        world.started_in[second]++;
    }
    return probe;
}

static struct kms_probe *start_rpc(struct kms_env *env, const struct kms_target *target,
                                   kms_done_fn *done, void *arg)
{
    return start_probe(KMS_SOURCE_RPC, env, target, done, arg);
}

static struct kms_probe *start_wsman(struct kms_env *env, const struct kms_target *target,
                                     kms_done_fn *done, void *arg)
{
    return start_probe(KMS_SOURCE_WSMAN, env, target, done, arg);
}

static struct kms_probe *start_activation(struct kms_env *env, const struct kms_target *target,
                                          kms_done_fn *done, void *arg)
{
    return start_probe(KMS_SOURCE_ACTIVATION, env, target, done, arg);
}

static void cancel(struct kms_probe *probe)
{
    note_end(probe);
    free_probe(probe);
}

static const struct kms_probe_type rpc = {
    .name = "rpc", .source = KMS_SOURCE_RPC, .start = start_rpc, .cancel = cancel};
static const struct kms_probe_type wsman = {
    .name = "wsman", .source = KMS_SOURCE_WSMAN, .start = start_wsman, .cancel = cancel};
static const struct kms_probe_type activation = {.name = "activation",
                                                 .source = KMS_SOURCE_ACTIVATION,
                                                 .start = start_activation,
                                                 .cancel = cancel};
static const struct kms_probe_type *const types[] = {&rpc, &wsman, &activation, NULL};

static void no_line(void *arg, enum kms_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static void add_host(uint32_t sources)
{
    char name[16];
    size_t number = world.hosts++;
    kms_text_format(name, sizeof name, "h%zu", number);
    struct kms_target target = {.name = name, .port = 1688};
    for (size_t i = 1; i < SOURCES; i++) {
        target.source[i] = (struct kms_source_config){.enabled = (sources & KMS_BIT(i)) != 0,
                                                      .timeout_ms = 10000};
    }
    size_t slot;
    assert_int_equal(kms_board_add(world.board, &target, (uint32_t)number + 1, &slot), KMS_OK);
    assert_int_equal(slot, number);
    world.host[number] = (struct host){.takes_us = 2 * MS, .outcome = KMS_OUTCOME_OK};
}

static void open_board(void)
{
    world = (struct world){0};
    world.clock = (struct kms_clock){.mono_us = mono_us, .wall_us = wall_us, .arg = &world};
    world.env = (struct kms_env){.clock = world.clock, .loop = kms_loop_new(&world.clock)};
    assert_non_null(world.env.loop);
    struct kms_policy policy;
    kms_policy_preset(&policy);
    world.board = kms_board_new(&policy, &world.clock, NULL, NULL);
    assert_non_null(world.board);
    world.log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_ERROR, .callback = no_line};
}

static void open_scheduler(size_t sockets_max)
{
    const struct kms_scheduler_config config = {.env = &world.env,
                                                .board = world.board,
                                                .log = &world.log,
                                                .types = types,
                                                .interval_ms = 60000,
                                                .sockets_max = sockets_max};
    world.scheduler = kms_scheduler_new(&config);
    assert_non_null(world.scheduler);
}

static void begin(size_t hosts, uint32_t sources)
{
    open_board();
    for (size_t i = 0; i < hosts; i++) {
        add_host(sources);
    }
    open_scheduler(0);
}

static int end(void **state)
{
    (void)state;
    kms_scheduler_free(world.scheduler);
    assert_int_equal(world.running, 0);
    kms_board_free(world.board);
    kms_loop_free(world.env.loop);
    return 0;
}

static void probed(void *arg, const struct kms_probed *probed)
{
    struct world *w = arg;
    w->done++;
    w->probed = *probed;
}

static struct kms_probe_now *probe_now(size_t slot)
{
    struct kms_probe_now *handle = kms_scheduler_probe_now(world.scheduler, slot, probed, &world);
    assert_non_null(handle);
    return handle;
}

static bool is_silent(size_t host)
{
    return host % 9 == 0;
}

static void silence_some(void)
{
    for (size_t i = 0; i < world.hosts; i++) {
        world.host[i].takes_us = is_silent(i) ? -1 : 2 * MS;
    }
}

static int64_t last_healthy_us(void)
{
    int64_t last_us = 0;
    for (size_t i = 0; i < world.hosts; i++) {
        if (!is_silent(i) && world.host[i].ended_us > last_us) {
            last_us = world.host[i].ended_us;
        }
    }
    return last_us;
}

/* ---- slow hosts ---- */

static void hosts_that_hang_keep_the_healthy_waiting_for_a_moment_once(void **state)
{
    (void)state;
    begin(2700, KMS_BIT(KMS_SOURCE_RPC));
    silence_some();
    probe_now(KMS_SCHEDULER_ALL);
    pass(30 * SECOND);
    assert_int_equal(world.done, 1);
    assert_int_equal(world.probed.polls, 2700);
    /* 2700 starts, and 300 turns of a quarter of a second, 256 at a time; not one of them takes ten
     * seconds. */
    assert_true(last_healthy_us() < 2 * SECOND);
    /* From now on it is known who hangs. */
    int64_t again_us = world.now_us;
    probe_now(KMS_SCHEDULER_ALL);
    pass(30 * SECOND);
    assert_int_equal(world.done, 2);
    assert_true(last_healthy_us() - again_us <= 600 * MS); /* by the bound of starts alone */
}

static void starts_are_bounded_however_many_are_wanted(void **state)
{
    (void)state;
    begin(8000, KMS_BIT(KMS_SOURCE_RPC));
    probe_now(KMS_SCHEDULER_ALL);
    for (size_t i = 1; i <= 10; i++) {
        pass(100 * MS);
        assert_true(world.started_all <= i * KMS_SCHEDULER_STARTS_MAX / 10 + 40);
        assert_true(world.started_all >= i * KMS_SCHEDULER_STARTS_MAX / 12);
    }
    pass(SECOND);
    assert_int_equal(world.done, 1);
}

static void what_runs_is_bounded_whatever_hangs(void **state)
{
    (void)state;
    open_board();
    for (size_t i = 0; i < 300; i++) {
        add_host(KMS_BIT(KMS_SOURCE_RPC));
        world.host[i].takes_us = -1;
    }
    open_scheduler(20);
    probe_now(KMS_SCHEDULER_ALL);
    pass(170 * SECOND);
    assert_int_equal(world.done, 1);
    assert_int_equal(world.running_most, 20);
    /* Known ones take no more than half, so that there is room for others. */
    world.running_most = 0;
    pass(200 * SECOND);
    assert_int_equal(world.running_most, 10);
    assert_int_equal(kms_scheduler_view(world.scheduler).slow, 10);
}

static void slow_ones_have_their_turn_however_many_others_wait(void **state)
{
    (void)state;
    struct kms_lane lane = {.brisk_max = 1, .slow_max = 1, .most = 3, .patience_us = 250 * MS};
    struct kms_place brisk[40] = {0}, slow = {0};
    for (size_t i = 0; i < KMS_COUNT_OF(brisk); i++) {
        kms_lane_ask(&lane, &brisk[i], false, false, 0);
    }
    kms_lane_ask(&lane, &slow, true, false, 0);
    size_t before = 0;
    for (struct kms_place *next = kms_lane_next(&lane, 0); next != &slow;
         next = kms_lane_next(&lane, 0)) {
        assert_non_null(next);
        kms_lane_leave(&lane, next);
        before++;
    }
    assert_true(before <= 8);
    assert_int_equal(lane.slow_running, 1);
    assert_int_equal(lane.running, 1);
}

static void who_makes_way_still_counts_among_all(void **state)
{
    (void)state;
    struct kms_lane lane = {.brisk_max = 1, .slow_max = 1, .most = 2, .patience_us = 250 * MS};
    struct kms_place place[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        kms_lane_ask(&lane, &place[i], false, false, 0);
    }
    assert_ptr_equal(kms_lane_next(&lane, 0), &place[0]);
    assert_null(kms_lane_next(&lane, 0));
    assert_int_equal(kms_lane_make_way(&lane, 249 * MS), 250 * MS);
    assert_null(kms_lane_next(&lane, 249 * MS));
    assert_int_equal(kms_lane_make_way(&lane, 250 * MS), INT64_MAX);
    assert_ptr_equal(kms_lane_next(&lane, 250 * MS), &place[1]);
    assert_int_equal(kms_lane_make_way(&lane, 600 * MS), INT64_MAX);
    assert_null(kms_lane_next(&lane, 600 * MS)); /* two run */
    kms_lane_leave(&lane, &place[0]);
    kms_lane_leave(&lane, &place[0]);
    assert_true(kms_lane_may_start(&lane));
    assert_ptr_equal(kms_lane_next(&lane, 600 * MS), &place[2]);
    assert_int_equal(lane.running, 2);
}

static void urgent_ones_go_before_all_that_wait(void **state)
{
    (void)state;
    struct kms_lane lane = {.brisk_max = 9, .slow_max = 1, .most = 9};
    struct kms_place place[4] = {0};
    for (size_t i = 0; i < 3; i++) {
        kms_lane_ask(&lane, &place[i], false, false, 0);
    }
    kms_lane_ask(&lane, &place[3], false, true, 0);
    kms_lane_leave(&lane, &place[1]);
    assert_ptr_equal(kms_lane_next(&lane, 0), &place[3]);
    assert_ptr_equal(kms_lane_next(&lane, 0), &place[0]);
    assert_ptr_equal(kms_lane_next(&lane, 0), &place[2]);
    assert_null(kms_lane_next(&lane, 0));
}

/* ---- times ---- */

static size_t most_started_in(int64_t from_s, int64_t until_s)
{
    size_t most = 0;
    for (int64_t i = from_s; i < until_s; i++) {
        most = world.started_in[i] > most ? world.started_in[i] : most;
    }
    return most;
}

static void after_all_were_asked_at_once_they_are_spread_again(void **state)
{
    (void)state;
    begin(1200, KMS_BIT(KMS_SOURCE_RPC));
    pass(5 * SECOND);
    probe_now(KMS_SCHEDULER_ALL);
    pass(SECOND);
    assert_int_equal(world.done, 1);
    assert_true(world.started_in[5] >= 1200);
    pass_until(240 * SECOND);
    /* Twenty in a second on the average. */
    assert_true(most_started_in(6, 240) <= 45);
    for (size_t i = 0; i < world.hosts; i++) {
        assert_true(world.host[i].ended >= 4);
    }
}

static void after_an_outage_they_are_spread_as_before(void **state)
{
    (void)state;
    begin(1200, KMS_BIT(KMS_SOURCE_RPC));
    pass(130 * SECOND);
    size_t before = world.started_all;
    world.now_us += 70 * SECOND; /* nothing ran in this time */
    pass_until(330 * SECOND);
    assert_true(most_started_in(131, 330) <= 90);
    assert_true(world.started_all - before >= 2400);
    assert_true(kms_scheduler_view(world.scheduler).lag_worst_ms >= 60000);
}

static void a_source_is_asked_at_its_interval(void **state)
{
    (void)state;
    begin(1, KMS_BIT(KMS_SOURCE_RPC));
    pass(SECOND);
    assert_int_equal(world.host[0].started, 1);
    pass(91 * SECOND);
    assert_int_equal(world.host[0].started, 2);
    for (size_t i = 3; i < 10; i++) {
        int64_t last_us = world.host[0].started_us;
        pass(60 * SECOND);
        assert_int_equal(world.host[0].started, i);
        assert_true(world.host[0].started_us - last_us - 60 * SECOND <= 2 * MS);
        assert_true(last_us + 60 * SECOND - world.host[0].started_us <= 2 * MS);
    }
    assert_int_equal(kms_scheduler_view(world.scheduler).round_ms / 1000, 60);
}

static void names_have_their_own_times_evenly_spread(void **state)
{
    (void)state;
    size_t in[60] = {0};
    for (size_t i = 0; i < 10000; i++) {
        char name[32];
        kms_text_format(name, sizeof name, "kms%zu.example", i);
        int64_t phase_us = kms_pace_phase_us(name, KMS_SOURCE_RPC, 60 * SECOND);
        assert_true(phase_us >= 0 && phase_us < 60 * SECOND);
        assert_int_equal(phase_us, kms_pace_phase_us(name, KMS_SOURCE_RPC, 60 * SECOND));
        in[phase_us / SECOND]++;
    }
    for (size_t i = 0; i < 60; i++) {
        assert_true(in[i] >= 110 && in[i] <= 230); /* 167 on the average */
    }
    assert_int_not_equal(kms_pace_phase_us("kms1", KMS_SOURCE_RPC, 60 * SECOND),
                         kms_pace_phase_us("kms1", KMS_SOURCE_REPORT, 60 * SECOND));
}

static void the_next_time_is_half_an_interval_away_at_least(void **state)
{
    (void)state;
    for (int64_t asked_us = -100 * SECOND; asked_us < 200 * SECOND; asked_us += 777 * MS) {
        int64_t next_us = kms_pace_next_us(7 * SECOND, 60 * SECOND, 1, asked_us, asked_us);
        assert_int_equal((next_us - 7 * SECOND) % (60 * SECOND), 0);
        assert_true(next_us >= asked_us + 30 * SECOND && next_us < asked_us + 90 * SECOND);
        int64_t later_us = kms_pace_next_us(7 * SECOND, 60 * SECOND, 5, asked_us, asked_us);
        assert_int_equal(later_us - next_us, 240 * SECOND);
        int64_t late_us = kms_pace_next_us(7 * SECOND, 60 * SECOND, 1, asked_us,
                                           asked_us + 1000 * SECOND);
        assert_true(late_us >= asked_us + 1000 * SECOND && late_us < asked_us + 1060 * SECOND);
    }
}

static void what_is_due_first_comes_first(void **state)
{
    (void)state;
    struct kms_dues dues = {0};
    static struct kms_due due[1000];
    uint32_t number = 12345;
    assert_true(kms_dues_reserve(&dues, 1000));
    for (size_t i = 0; i < 1000; i++) {
        number = number * 1664525 + 1013904223;
        due[i] = (struct kms_due){.at_us = number >> 22};
        kms_dues_put(&dues, &due[i]);
    }
    for (size_t i = 0; i < 1000; i += 3) {
        kms_dues_take(&dues, &due[i]);
        kms_dues_take(&dues, &due[i]); /* it is out already */
    }
    int64_t before_us = 0;
    for (size_t left = dues.count; left > 0; left--) {
        struct kms_due *first = kms_dues_first(&dues);
        assert_true(first->at_us >= before_us);
        before_us = first->at_us;
        kms_dues_take(&dues, first);
    }
    assert_null(kms_dues_first(&dues));
    kms_dues_done(&dues);
}

static void the_time_that_passes_is_looked_at_a_few_hosts_at_once(void **state)
{
    (void)state;
    begin(1000, 0);
    static uint64_t first[1000];
    for (size_t i = 0; i < 1000; i++) {
        first[i] = kms_board_snapshot(world.board, i)->serial;
    }
    size_t before = 0;
    for (int64_t tenth = 0; tenth < 100; tenth++) {
        pass(100 * MS);
        size_t looked_at = 0;
        for (size_t i = 0; i < 1000; i++) {
            looked_at += kms_board_snapshot(world.board, i)->serial != first[i] ? 1 : 0;
        }
        assert_true(looked_at - before <= 32);
        before = looked_at;
    }
    assert_int_equal(before, 1000);
}

/* ---- dead hosts ---- */

static void expect_pause(int64_t seconds)
{
    size_t started = world.host[0].started;
    int64_t last_us = world.host[0].started_us;
    while (world.host[0].started == started) {
        pass(SECOND / 2);
    }
    int64_t pause_us = world.host[0].started_us - last_us;
    assert_true(pause_us >= (seconds - 1) * SECOND && pause_us <= (seconds + 1) * SECOND);
}

static void begin_dead(void)
{
    begin(1, KMS_BIT(KMS_SOURCE_RPC));
    world.host[0].outcome = KMS_OUTCOME_RPC_UNREACHABLE;
    pass(92 * SECOND);
    assert_int_equal(world.host[0].started, 2);
    expect_pause(60);
    assert_int_equal(kms_scheduler_view(world.scheduler).backed_off, 1);
    expect_pause(120);
}

static void dead_hosts_are_asked_less_often_up_to_a_bound(void **state)
{
    (void)state;
    begin_dead();
    expect_pause(240);
    expect_pause(300);
    expect_pause(300);
    world.host[0].outcome = KMS_OUTCOME_OK;
    expect_pause(300);
    assert_int_equal(kms_scheduler_view(world.scheduler).backed_off, 0);
    expect_pause(60);
}

static void a_person_who_asks_ends_the_wait_for_a_dead_host(void **state)
{
    (void)state;
    begin_dead();
    int64_t asked_us = world.now_us;
    probe_now(0);
    pass(SECOND);
    assert_int_equal(world.done, 1);
    assert_true(world.host[0].started_us >= asked_us);
    assert_int_equal(kms_scheduler_view(world.scheduler).backed_off, 0);
    pass(90 * SECOND);
    expect_pause(60);
}

static void the_bound_is_the_sites(void **state)
{
    (void)state;
    begin_dead();
    kms_scheduler_set_back_off(world.scheduler, 1);
    assert_int_equal(kms_scheduler_view(world.scheduler).backed_off, 0);
    expect_pause(240); /* planned before */
    expect_pause(60);
    expect_pause(60);
    assert_int_equal(kms_pace_back_off(2, 5), 1);
    assert_int_equal(kms_pace_back_off(3, 5), 2);
    assert_int_equal(kms_pace_back_off(4, 5), 4);
    assert_int_equal(kms_pace_back_off(5, 5), 5);
    assert_int_equal(kms_pace_back_off(UINT32_MAX, 60), 60);
    assert_int_equal(kms_pace_back_off(9, 1), 1);
}

static void a_host_that_refuses_is_asked_as_often_as_others(void **state)
{
    (void)state;
    begin(1, KMS_BIT(KMS_SOURCE_RPC));
    world.host[0].outcome = KMS_OUTCOME_RPC_REFUSED;
    pass(92 * SECOND);
    for (size_t i = 0; i < 6; i++) {
        expect_pause(60);
    }
}

/* ---- asked by a person ---- */

static void all_sources_of_one_host_are_asked_at_once_but_activation(void **state)
{
    (void)state;
    begin(3, KMS_BIT(KMS_SOURCE_RPC) | KMS_BIT(KMS_SOURCE_WSMAN) | KMS_BIT(KMS_SOURCE_ACTIVATION));
    pass(SECOND);
    assert_int_equal(world.host[1].started, 3);
    probe_now(1);
    assert_int_equal(world.done, 0); /* never from inside */
    pass(100 * MS);
    assert_int_equal(world.done, 1);
    assert_int_equal(world.probed.polls, 2);
    assert_true(world.probed.wall_us >= 2 * MS && world.probed.wall_us <= 4 * MS);
    assert_int_equal(world.host[1].started, 5);
    assert_int_equal(world.host[0].started, 3);
    assert_int_equal(kms_scheduler_view(world.scheduler).sweep_ms, 0); /* one host is no sweep */
}

static void one_host_goes_before_all_others(void **state)
{
    (void)state;
    begin(1000, KMS_BIT(KMS_SOURCE_RPC));
    for (size_t i = 0; i < 1000; i++) {
        world.host[i].takes_us = 100 * MS;
    }
    probe_now(KMS_SCHEDULER_ALL);
    pass(50 * MS);
    assert_int_equal(world.running, KMS_SCHEDULER_BRISK_MAX);
    assert_int_equal(kms_scheduler_view(world.scheduler).waiting, 1000 - KMS_SCHEDULER_BRISK_MAX);
    probe_now(999);
    pass(200 * MS);
    assert_int_equal(world.host[999].ended, 1);
    assert_int_equal(world.done, 1);
    pass(SECOND);
    assert_int_equal(world.done, 2);
    assert_int_equal(world.started_all, 1000);
    assert_true(kms_scheduler_view(world.scheduler).sweep_ms >= 400);
    assert_int_equal(kms_scheduler_lag_ms(world.scheduler), 0);
}

static void what_runs_already_is_not_asked_twice(void **state)
{
    (void)state;
    begin(2, KMS_BIT(KMS_SOURCE_RPC));
    world.host[0].takes_us = 5000 * MS;
    pass(SECOND);
    assert_int_equal(world.running, 1);
    probe_now(0);
    probe_now(KMS_SCHEDULER_ALL);
    pass(SECOND);
    assert_int_equal(world.done, 0);
    pass(4 * SECOND);
    assert_int_equal(world.done, 2);
    assert_int_equal(world.host[0].started, 1);
    assert_int_equal(world.host[1].started, 2);
}

static void nobody_is_told_who_does_not_want_to_know_any_more(void **state)
{
    (void)state;
    begin(2, KMS_BIT(KMS_SOURCE_RPC));
    world.host[0].takes_us = 5000 * MS;
    world.host[1].takes_us = 8000 * MS;
    struct kms_probe_now *first = probe_now(0);
    pass(SECOND);
    kms_scheduler_forget(world.scheduler, first);
    probe_now(1); /* has the place of the one before */
    kms_scheduler_forget(world.scheduler, NULL);
    pass(4500 * MS);
    assert_int_equal(world.host[0].ended, 1);
    assert_int_equal(world.done, 0);
    pass(5 * SECOND);
    assert_int_equal(world.done, 1);
}

static void a_host_that_is_dropped_is_not_waited_for(void **state)
{
    (void)state;
    begin(3, KMS_BIT(KMS_SOURCE_RPC));
    world.host[0].takes_us = world.host[1].takes_us = -1;
    pass(SECOND);
    probe_now(KMS_SCHEDULER_ALL);
    pass(SECOND);
    kms_scheduler_drop(world.scheduler, 0);
    kms_scheduler_drop(world.scheduler, 1);
    assert_int_equal(world.done, 0); /* never from inside */
    pass(SECOND);
    assert_int_equal(world.done, 1);
    assert_int_equal(kms_scheduler_view(world.scheduler).polls, 1);
    assert_int_equal(kms_scheduler_view(world.scheduler).in_flight, 0);
    assert_int_equal(kms_scheduler_view(world.scheduler).started,
                     kms_scheduler_view(world.scheduler).ended);
}

static void where_nothing_is_to_be_asked_the_answer_comes_at_once(void **state)
{
    (void)state;
    begin(0, 0);
    probe_now(KMS_SCHEDULER_ALL);
    pass(MS);
    assert_int_equal(world.done, 1);
    assert_int_equal(world.probed.polls, 0);
    probe_now(77);
    pass(MS);
    assert_int_equal(world.done, 2);
}

static void a_refused_login_is_asked_again_for_one_host_alone(void **state)
{
    (void)state;
    begin(2, KMS_BIT(KMS_SOURCE_WSMAN));
    world.host[0].outcome = KMS_OUTCOME_WSMAN_REFUSED;
    pass(SECOND);
    probe_now(KMS_SCHEDULER_ALL);
    pass(SECOND);
    assert_int_equal(world.probed.polls, 1);
    assert_int_equal(world.host[0].started, 1);
    probe_now(0);
    pass(SECOND);
    assert_int_equal(world.host[0].started, 2);
    assert_int_equal(world.done, 2);
}

static void sixty_four_may_ask_at_the_same_time(void **state)
{
    (void)state;
    begin(2, KMS_BIT(KMS_SOURCE_RPC));
    for (size_t i = 0; i < KMS_PROBE_NOW_MAX; i++) {
        probe_now(i % 2);
    }
    assert_null(kms_scheduler_probe_now(world.scheduler, 0, probed, &world));
    pass(SECOND);
    assert_int_equal(world.done, KMS_PROBE_NOW_MAX);
    probe_now(0);
    pass(SECOND);
    assert_int_equal(world.done, KMS_PROBE_NOW_MAX + 1);
    assert_true(world.host[0].started <= 3);
}

/* ---- lag ---- */

static void waiting_for_a_turn_is_lag_but_not_for_those_known_to_be_silent(void **state)
{
    (void)state;
    open_board();
    for (size_t i = 0; i < 100; i++) {
        add_host(KMS_BIT(KMS_SOURCE_RPC));
        world.host[i].takes_us = -1;
    }
    open_scheduler(10);
    pass(30 * SECOND);
    struct kms_scheduler_view view = kms_scheduler_view(world.scheduler);
    assert_true(view.lag_ms >= 10000);
    assert_int_equal(view.in_flight, 10);
    assert_true(view.waiting > 0);
    pass(400 * SECOND); /* all are known by now */
    view = kms_scheduler_view(world.scheduler);
    assert_true(view.waiting > 0);
    assert_true(view.lag_ms <= 1);
    assert_true(view.lag_worst_ms >= 10000);
    assert_true(view.started - view.ended == view.in_flight);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(hosts_that_hang_keep_the_healthy_waiting_for_a_moment_once, end),
        cmocka_unit_test_teardown(starts_are_bounded_however_many_are_wanted, end),
        cmocka_unit_test_teardown(what_runs_is_bounded_whatever_hangs, end),
        cmocka_unit_test(slow_ones_have_their_turn_however_many_others_wait),
        cmocka_unit_test(who_makes_way_still_counts_among_all),
        cmocka_unit_test(urgent_ones_go_before_all_that_wait),
        cmocka_unit_test_teardown(after_all_were_asked_at_once_they_are_spread_again, end),
        cmocka_unit_test_teardown(after_an_outage_they_are_spread_as_before, end),
        cmocka_unit_test_teardown(a_source_is_asked_at_its_interval, end),
        cmocka_unit_test(names_have_their_own_times_evenly_spread),
        cmocka_unit_test(the_next_time_is_half_an_interval_away_at_least),
        cmocka_unit_test(what_is_due_first_comes_first),
        cmocka_unit_test_teardown(the_time_that_passes_is_looked_at_a_few_hosts_at_once, end),
        cmocka_unit_test_teardown(dead_hosts_are_asked_less_often_up_to_a_bound, end),
        cmocka_unit_test_teardown(a_person_who_asks_ends_the_wait_for_a_dead_host, end),
        cmocka_unit_test_teardown(the_bound_is_the_sites, end),
        cmocka_unit_test_teardown(a_host_that_refuses_is_asked_as_often_as_others, end),
        cmocka_unit_test_teardown(all_sources_of_one_host_are_asked_at_once_but_activation, end),
        cmocka_unit_test_teardown(one_host_goes_before_all_others, end),
        cmocka_unit_test_teardown(what_runs_already_is_not_asked_twice, end),
        cmocka_unit_test_teardown(nobody_is_told_who_does_not_want_to_know_any_more, end),
        cmocka_unit_test_teardown(a_host_that_is_dropped_is_not_waited_for, end),
        cmocka_unit_test_teardown(where_nothing_is_to_be_asked_the_answer_comes_at_once, end),
        cmocka_unit_test_teardown(a_refused_login_is_asked_again_for_one_host_alone, end),
        cmocka_unit_test_teardown(sixty_four_may_ask_at_the_same_time, end),
        cmocka_unit_test_teardown(waiting_for_a_turn_is_lag_but_not_for_those_known_to_be_silent,
                                  end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
