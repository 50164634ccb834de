/* A day against a host that answers with recorded errors: the agent's scheduler, restarted again
 * and again, and a check every five minutes send no more requests than the interval allows, and all
 * of them as the same client. The time is made up: every timer with a delay waits for the test to
 * move the clock (--wrap), which stands still while a probe is under way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/scheduler.h"
#include "base/text.h"
#include "probe/worker.h"
#include "rpc/activation.h"
#include "rpc/bind.h"
#include "rpc/cipher.h"
#include "rpc/identity.h"
#include "rpc/memory.h"
#include "rpc/pdu.h"
#include "unit/rpc/recorded.h"

#define SECOND      INT64_C(1000000)
#define MINUTE      (60 * SECOND)
#define DAY_MINUTES 1440
#define BEGINNING_S INT64_C(1700000000)
#define FILETIME_0  INT64_C(116444736000000000) /* 1970 */
#define INTERVAL_S  1800
#define CHECK_EVERY 5  /* minutes */
#define START_EVERY 97 /* minutes; on no grid of the others */
#define GRACE_MS    20000
#define TIMERS_MAX  64
#define ASKED_MAX   512
#define MESSAGE_AT  32 /* of a request: behind the header and what NDR32 puts before the message */

/* A request as the host saw it. */
struct asked {
    int64_t wall_s;
    unsigned version;
    uint32_t n_policy;
    uint8_t cmid[16];
    bool on_disk; /* it was when it came: a monitor that dies now keeps the interval */
};

struct waiting {
    struct kms_timer *timer;
    int64_t due_us;
};

struct world {
    int64_t now_us; /* since the beginning */
    struct waiting waiting[TIMERS_MAX];
    size_t waiting_count;
    size_t under_way; /* probes of the agent */
    char state_dir[64];
    struct kms_guid cmid; /* as the state directory has it after the first poll */
    struct kms_target target;
    struct kms_clock clock;
    /* The agent. */
    struct kms_env env;
    struct kms_board *board;
    struct kms_log log;
    struct kms_scheduler *scheduler;
    size_t starts;
    /* The check. */
    int64_t check_interval_ms;
    size_t checks, checked;
    struct kms_loop *check_loop;
    int64_t without_state_from; /* minute when the state directory is taken away; 0: it is not */
    bool without_state;
    size_t lines_without_state; /* of the agent's log */
    /* The host; the server's thread alone until it is joined. */
    int listener;
    pthread_t thread;
    uint8_t ack[512], error[512];
    size_t ack_len, error_len;
    struct asked asked[ASKED_MAX];
    size_t asked_count;
};

static struct world world;

/* ---- time ---- */

void __real_kms_timer_set(struct kms_timer *timer, int64_t delay_ms);
void __real_kms_timer_stop(struct kms_timer *timer);
void __real_kms_timer_free(struct kms_timer *timer);
void __wrap_kms_timer_set(struct kms_timer *timer, int64_t delay_ms);
void __wrap_kms_timer_stop(struct kms_timer *timer);
void __wrap_kms_timer_free(struct kms_timer *timer);

static void forget(const struct kms_timer *timer)
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
    forget(timer);
    if (delay_ms <= 0) {
        __real_kms_timer_set(timer, 0);
        return;
    }
    __real_kms_timer_stop(timer);
    assert_true(world.waiting_count < TIMERS_MAX);
    world.waiting[world.waiting_count++] = (struct waiting){timer, world.now_us + delay_ms * 1000};
}

void __wrap_kms_timer_stop(struct kms_timer *timer)
{
    forget(timer);
    __real_kms_timer_stop(timer);
}

void __wrap_kms_timer_free(struct kms_timer *timer)
{
    forget(timer);
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
    return BEGINNING_S * SECOND + w->now_us;
}

/* ---- the host ---- */

static bool receive(int fd, uint8_t *bytes, size_t len)
{
    return recv(fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

static uint64_t number_at(const uint8_t *bytes, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++) {
        number |= (uint64_t)bytes[i] << 8 * i;
    }
    return number;
}

static bool is_on_disk(int64_t wall_s)
{
    struct kms_fault fault;
    struct kms_memory_file file;
    struct kms_memory memory = {0};
    if (kms_memory_open(world.state_dir, "127.0.0.1", (uint16_t)world.target.port, &file, &fault) !=
        KMS_OK) {
        return false;
    }
    enum kms_status status = kms_memory_load(&file, &memory, &fault);
    kms_memory_close(&file);
    return status == KMS_OK && memory.asked_s >= wall_s;
}

/* The fields that stand in clear in version 4 only. */
static void note(uint8_t *message, size_t len)
{
    struct asked *asked = &world.asked[world.asked_count];
    uint8_t *base = message;
    asked->version = (unsigned)number_at(message + 2, 2);
    if (asked->version != 4 && len == 260) {
        base = message + 20;
        kms_cipher_decrypt(asked->version, message + 4, base, 240);
    }
    memcpy(asked->cmid, base + 64, sizeof asked->cmid);
    asked->n_policy = (uint32_t)number_at(base + 80, 4);
    asked->wall_s = ((int64_t)number_at(base + 84, 8) - FILETIME_0) / (10 * SECOND);
    asked->on_disk = is_on_disk(asked->wall_s);
    world.asked_count++;
}

static void converse(int fd)
{
    uint8_t bytes[512];
    struct kms_rpc_header header;
    if (!receive(fd, bytes, KMS_RPC_BIND_SIZE)) {
        return;
    }
    (void)send(fd, world.ack, world.ack_len, MSG_NOSIGNAL);
    while (receive(fd, bytes, KMS_RPC_HEADER_SIZE) &&
           kms_rpc_read_header(bytes, KMS_RPC_HEADER_SIZE, &header) == KMS_RPC_WHOLE &&
           header.frag_length > MESSAGE_AT && header.frag_length <= sizeof bytes &&
           receive(fd, bytes + KMS_RPC_HEADER_SIZE, header.frag_length - KMS_RPC_HEADER_SIZE) &&
           world.asked_count < ASKED_MAX) {
        note(bytes + MESSAGE_AT, header.frag_length - (size_t)MESSAGE_AT);
        (void)send(fd, world.error, world.error_len, MSG_NOSIGNAL);
    }
}

static void *serve(void *arg)
{
    (void)arg;
    int fd;
    while ((fd = accept(world.listener, NULL, NULL)) >= 0) {
        converse(fd);
        (void)close(fd);
    }
    return NULL;
}

/* The second answer of a connection is the error. */
static void load(const char *file, size_t connection)
{
    uint8_t bytes[RECORDED_MAX];
    size_t i, answers = 0;
    json_t *pdu, *root = recorded_load(file);
    json_array_foreach(
        json_object_get(json_array_get(json_object_get(root, "connections"), connection), "pdus"),
        i, pdu)
    {
        if (kms_text_equal(json_string_value(json_object_get(pdu, "dir")), "s2c")) {
            size_t len = recorded_bytes(json_object_get(pdu, "hex"), bytes);
            assert_true(len <= sizeof world.ack && answers < 2);
            memcpy(answers == 0 ? world.ack : world.error, bytes, len);
            *(answers == 0 ? &world.ack_len : &world.error_len) = len;
            answers++;
        }
    }
    assert_int_equal(answers, 2);
    json_decref(root);
}

static void start_host(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    world.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(world.listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(world.listener, 16), 0);
    assert_int_equal(getsockname(world.listener, (struct sockaddr *)&address, &len), 0);
    world.target.port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&world.thread, NULL, serve, NULL), 0);
}

static void stop_host(void)
{
    assert_int_equal(shutdown(world.listener, SHUT_RDWR), 0);
    assert_int_equal(pthread_join(world.thread, NULL), 0);
    (void)close(world.listener);
}

/* ---- the agent: its probe counted ---- */

struct kms_probe {
    struct kms_probe *inner;
    kms_done_fn *done;
    void *arg;
};

static void probe_done(void *arg, const struct kms_result *result)
{
    struct kms_probe probe = *(struct kms_probe *)arg;
    free(arg);
    world.under_way--;
    probe.done(probe.arg, result);
}

static struct kms_probe *probe_start(struct kms_env *env, const struct kms_target *target,
                                     kms_done_fn *done, void *arg)
{
    struct kms_probe *probe = calloc(1, sizeof *probe);
    assert_non_null(probe);
    probe->done = done;
    probe->arg = arg;
    probe->inner = kms_activation_probe()->start(env, target, probe_done, probe);
    assert_non_null(probe->inner);
    world.under_way++;
    return probe;
}

static void probe_cancel(struct kms_probe *probe)
{
    kms_activation_probe()->cancel(probe->inner);
    world.under_way--;
    free(probe);
}

static const struct kms_probe_type counted = {.name = "activation",
                                              .source = KMS_SOURCE_ACTIVATION,
                                              .start = probe_start,
                                              .cancel = probe_cancel};
static const struct kms_probe_type *const types[] = {&counted, NULL};

static void log_line(void *arg, enum kms_log_level level, const char *line)
{
    struct world *w = arg;
    if (level <= KMS_LOG_WARNING && strstr(line, "activation 127.0.0.1: activation-no-identity")) {
        assert_true(w->without_state);
        assert_non_null(strstr(line, w->state_dir));
        w->lines_without_state++;
    }
}

static void start_agent(void)
{
    size_t slot;
    struct kms_policy policy;
    kms_policy_preset(&policy);
    world.env = (struct kms_env){.clock = world.clock, .state_dir = world.state_dir};
    world.env.loop = kms_loop_new(&world.clock);
    world.env.worker = kms_worker_new(world.env.loop, 2);
    world.board = kms_board_new(&policy, &world.clock, NULL, NULL);
    world.log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .callback = log_line, .arg = &world, .level = KMS_LOG_INFO};
    assert_int_equal(kms_board_add(world.board, &world.target, 1, &slot), KMS_OK);
    const struct kms_scheduler_config config = {.env = &world.env,
                                                .board = world.board,
                                                .log = &world.log,
                                                .types = types,
                                                .interval_ms = 60000};
    world.scheduler = kms_scheduler_new(&config);
    assert_non_null(world.scheduler);
    world.starts++;
}

static void stop_agent(void)
{
    kms_scheduler_free(world.scheduler);
    assert_int_equal(world.under_way, 0);
    kms_worker_free(world.env.worker, GRACE_MS);
    kms_board_free(world.board);
    kms_loop_free(world.env.loop);
}

static void settle(void)
{
    do {
        kms_loop_once(world.env.loop, world.under_way > 0 ? GRACE_MS : 0);
    } while (world.under_way > 0);
}

/* Every timer that is due until then fires at its own time. */
static void pass(int64_t until_us)
{
    settle();
    for (;;) {
        struct waiting *first = NULL;
        for (size_t i = 0; i < world.waiting_count; i++) {
            if (!first || world.waiting[i].due_us < first->due_us) {
                first = &world.waiting[i];
            }
        }
        if (!first || first->due_us > until_us) {
            break;
        }
        world.now_us = first->due_us > world.now_us ? first->due_us : world.now_us;
        kms_timer_set(first->timer, 0);
        settle();
    }
    world.now_us = until_us;
}

/* Every time a little further into a poll. */
static void restart_agent(void)
{
    stop_agent();
    start_agent();
    size_t turns = world.starts / 2 % 8;
    for (size_t i = 0; i < turns; i++) {
        kms_loop_once(world.env.loop, 5);
    }
    stop_agent();
    start_agent();
}

/* ---- the state directory ---- */

static int remove_one(const char *path, const struct stat *stat, int flag, struct FTW *ftw)
{
    (void)stat;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void remove_state(void)
{
    assert_int_equal(nftw(world.state_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- the check ---- */

static void check_done(void *arg, const struct kms_result *result)
{
    struct world *w = arg;
    w->checked++;
    assert_int_equal(result->outcome == KMS_OUTCOME_ACTIVATION_NO_IDENTITY, w->without_state);
    kms_loop_stop(w->check_loop);
}

static void check(void)
{
    struct kms_env env = {.clock = world.clock, .state_dir = world.state_dir};
    struct kms_target target;
    assert_int_equal(kms_target_copy(&target, &world.target), KMS_OK);
    target.source[KMS_SOURCE_ACTIVATION].interval_ms = world.check_interval_ms;
    env.loop = world.check_loop = kms_loop_new(&world.clock);
    env.worker = kms_worker_new(env.loop, 1);
    assert_non_null(kms_run_start(&env, kms_activation_probe(), &target, check_done, &world));
    kms_loop_run(env.loop);
    world.checks++;
    assert_int_equal(world.checked, world.checks);
    kms_worker_free(env.worker, GRACE_MS);
    kms_loop_free(env.loop);
    kms_target_done(&target);
}

/* ---- a day ---- */

/* All as one client, with N as it may be, on the disk before they came, never two polls within
 * least_s, and in one poll a second request only for one version back. */
static size_t count_polls(int64_t least_s)
{
    size_t polls = 0, in_poll = 0;
    for (size_t i = 0; i < world.asked_count; i++) {
        const struct asked *asked = &world.asked[i], *before = i > 0 ? asked - 1 : NULL;
        assert_memory_equal(asked->cmid, world.cmid.wire, sizeof asked->cmid);
        assert_true(asked->on_disk);
        assert_true(asked->n_policy == 5 || asked->n_policy == 25);
        if (before && asked->wall_s == before->wall_s) {
            assert_int_equal(++in_poll, 2);
            assert_int_equal(asked->version, before->version - 1);
            continue;
        }
        assert_true(!before || asked->wall_s - before->wall_s >= least_s);
        in_poll = 1;
        polls++;
    }
    return polls;
}

static void begin_day(const char *file, size_t connection, const char *product,
                      int64_t check_interval_ms)
{
    world = (struct world){.check_interval_ms = check_interval_ms};
    world.clock = (struct kms_clock){.mono_us = mono_us, .wall_us = wall_us, .arg = &world};
    kms_text_copy(world.state_dir, sizeof world.state_dir, "/tmp/kmsmon-day-XXXXXX");
    assert_non_null(mkdtemp(world.state_dir));
    load(file, connection);
    start_host();
    world.target.name = kms_text_dup("127.0.0.1");
    world.target.source[KMS_SOURCE_ACTIVATION] = (struct kms_source_config){
        .enabled = true,
        .product = product ? kms_text_dup(product) : NULL,
        .interval_ms = INTERVAL_S * 1000,
        .timeout_ms = 10000};
}

static void live_minute(int64_t minute)
{
    struct kms_fault fault;
    pass(minute * MINUTE);
    if (minute == 1) {
        assert_int_equal(kms_identity_read(world.state_dir, &world.cmid, &fault), KMS_OK);
    }
    if (minute % START_EVERY == START_EVERY - 1) {
        restart_agent();
    }
    if (minute > 0 && minute == world.without_state_from) {
        remove_state();
        world.without_state = true;
    }
    if (minute % CHECK_EVERY == 0) {
        check();
    }
}

/* Returns how many polls sent a request. */
static size_t live_day(void)
{
    start_agent();
    for (int64_t minute = 0; minute < DAY_MINUTES; minute++) {
        live_minute(minute);
    }
    stop_agent();
    stop_host();
    assert_int_equal(world.waiting_count, 0);
    assert_int_equal(world.checks, DAY_MINUTES / CHECK_EVERY);
    assert_int_equal(world.starts, 1 + 2 * (DAY_MINUTES / START_EVERY));
    int64_t least_s = world.check_interval_ms / 1000;
    size_t polls = count_polls(least_s < 900 ? 900 : least_s);
    print_message("%zu requests in %zu polls, %zu checks, %zu starts of the agent\n",
                  world.asked_count, polls, world.checks, world.starts);
    kms_target_done(&world.target);
    if (!world.without_state) {
        remove_state();
    }
    return polls;
}

static size_t live_a_day(const char *file, size_t connection, const char *product,
                         int64_t check_interval_ms)
{
    begin_day(file, connection, product, check_interval_ms);
    return live_day();
}

static void a_host_with_another_clock_is_asked_once_an_interval(void **state)
{
    (void)state;
    size_t polls = live_a_day("d5-skew-plus5h.json", 0, NULL, INTERVAL_S * 1000);
    assert_in_range(polls, 40, 48);
    assert_int_equal(world.asked_count, polls);
    assert_int_equal(world.asked[0].version, 4);
}

static void version_six_keeps_the_interval_too(void **state)
{
    (void)state;
    size_t polls = live_a_day("d5-skew-plus5h.json", 4, "Windows Server 2019", INTERVAL_S * 1000);
    assert_in_range(polls, 40, 48);
    assert_int_equal(world.asked_count, polls);
    assert_int_equal(world.asked[0].version, 6);
}

static void a_host_that_knows_no_version_is_asked_twice_in_a_poll_at_most(void **state)
{
    (void)state;
    size_t polls = live_a_day("d8-n-policy-1001.json", 4, "Windows Server 2019", INTERVAL_S * 1000);
    assert_in_range(polls, 1, 48);
    assert_true(world.asked_count > polls);
    assert_int_equal(world.asked[1].version, 5);
}

static void a_product_that_is_not_served_is_not_asked_for_again(void **state)
{
    (void)state;
    (void)live_a_day("d1-unknown-kms-id.json", 4, "Windows Server 2019", INTERVAL_S * 1000);
    assert_in_range(world.asked_count, 1, 8);
}

static void a_check_that_asks_for_every_minute_gets_a_quarter_of_an_hour(void **state)
{
    (void)state;
    size_t polls = live_a_day("d5-skew-plus5h.json", 0, NULL, 60000);
    assert_in_range(polls, 80, 96);
}

static void without_its_state_directory_nothing_is_sent_and_one_line_says_so(void **state)
{
    (void)state;
    begin_day("d5-skew-plus5h.json", 0, NULL, INTERVAL_S * 1000);
    world.without_state_from = 23 * 60;
    (void)live_day();
    assert_in_range(world.asked_count, 40, 46);
    assert_in_range(world.asked[world.asked_count - 1].wall_s, BEGINNING_S,
                    BEGINNING_S + INT64_C(23) * 3600);
    assert_int_equal(world.lines_without_state, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_with_another_clock_is_asked_once_an_interval),
        cmocka_unit_test(version_six_keeps_the_interval_too),
        cmocka_unit_test(a_host_that_knows_no_version_is_asked_twice_in_a_poll_at_most),
        cmocka_unit_test(a_product_that_is_not_served_is_not_asked_for_again),
        cmocka_unit_test(a_check_that_asks_for_every_minute_gets_a_quarter_of_an_hour),
        cmocka_unit_test(without_its_state_directory_nothing_is_sent_and_one_line_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
