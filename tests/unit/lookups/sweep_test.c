/* A thousand domains of five records each: every sweep asks all of them, few at a time, and domains
 * that are never answered hold up no other. Timers run on made-up time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/lookups.h"
#include "base/text.h"
#include "net/resolve.h"
#include "unit/dns/message.h"

#define DOMAINS       1000
#define RECORDS       5
#define INTERVAL_MS   60000
#define SPREAD_US     10000 /* between two domains, so that all are asked in ten seconds */
#define HOUR_MS       3600000
#define SERVED_A_TURN 32 /* no socket's buffer overflows */
#define IDLE_TURNS    3  /* without a datagram and a timer: all that was sent was read */
#define TURNS_MAX     2000000

struct kms_timer {
    struct kms_timer *next, *last;
    kms_timer_fn *fire;
    void *arg;
    int64_t due_us;
    bool is_set;
};

struct domain {
    size_t asked;    /* for its SRV records */
    int64_t due_us;  /* in this sweep */
    int64_t late_us; /* how late it was asked in this sweep */
};

struct world {
    int64_t now_us;
    struct kms_timer *timers;
    struct kms_env env;
    struct kms_board *board;
    struct kms_zones *zones;
    struct kms_log log;
    struct kms_lookups *lookups;
    struct kms_texts none;
    int fd;
    struct kms_watch *watch;
    struct domain domain[DOMAINS];
    size_t silent; /* the first so many domains are never answered */
    size_t asked, finished, served;
    bool mute; /* nothing is answered now */
};

static struct world world;
static struct message reply;

/* ---- made-up time ---- */

static int64_t made_up_us(void *arg)
{
    (void)arg;
    return world.now_us;
}

struct kms_timer *__wrap_kms_timer_new(struct kms_loop *loop, kms_timer_fn *fire, void *arg);
void __wrap_kms_timer_set(struct kms_timer *timer, int64_t delay_ms);
void __wrap_kms_timer_stop(struct kms_timer *timer);
void __wrap_kms_timer_free(struct kms_timer *timer);

struct kms_timer *__wrap_kms_timer_new(struct kms_loop *loop, kms_timer_fn *fire, void *arg)
{
    (void)loop;
    struct kms_timer *timer = calloc(1, sizeof *timer);
    if (timer) {
        *timer = (struct kms_timer){.next = world.timers, .fire = fire, .arg = arg};
        if (timer->next) {
            timer->next->last = timer;
        }
        world.timers = timer;
    }
    return timer;
}

void __wrap_kms_timer_set(struct kms_timer *timer, int64_t delay_ms)
{
    timer->due_us = world.now_us + delay_ms * 1000;
    timer->is_set = true;
}

void __wrap_kms_timer_stop(struct kms_timer *timer)
{
    timer->is_set = false;
}

void __wrap_kms_timer_free(struct kms_timer *timer)
{
    if (!timer) {
        return;
    }
    if (timer->next) {
        timer->next->last = timer->last;
    }
    if (timer->last) {
        timer->last->next = timer->next;
    } else {
        world.timers = timer->next;
    }
    free(timer);
}

static struct kms_timer *first_timer(void)
{
    struct kms_timer *first = NULL;
    for (struct kms_timer *timer = world.timers; timer; timer = timer->next) {
        if (timer->is_set && (!first || timer->due_us < first->due_us)) {
            first = timer;
        }
    }
    return first;
}

/* False: none is due. */
static bool fire_next(void)
{
    struct kms_timer *timer = first_timer();
    if (!timer || timer->due_us > world.now_us) {
        return false;
    }
    timer->is_set = false;
    timer->fire(timer->arg);
    return true;
}

/* ---- the name server: targets k0 to k4 of d0.lab to d999.lab ---- */

static size_t first_label(const uint8_t *query, size_t *at, char *dst, size_t size)
{
    size_t len = query[*at];
    kms_text_format(dst, size, "%.*s", (int)len, (const char *)query + *at + 1);
    *at += len + 1;
    return len;
}

static void answer_srv(const char *domain)
{
    char name[64];
    kms_text_format(name, sizeof name, "_vlmcs._tcp.%s.lab", domain);
    begin(&reply, 0, RECORDS, name, 33);
    for (unsigned i = 0; i < RECORDS; i++) {
        kms_text_format(name, sizeof name, "k%u.%s.lab", i, domain);
        put_srv(&reply, i, 10, 1688, 300, name);
    }
}

static void answer_address(const char *target, const char *domain, unsigned type)
{
    char name[64];
    kms_text_format(name, sizeof name, "%s.%s.lab", target, domain);
    begin(&reply, 0, type == 1 ? 1 : 0, name, type);
    if (type == 1) {
        put_record(&reply, 1, 300, 4);
        put_bytes(&reply, "\x7f\0\0\1", 4);
    }
}

/* False: no answer. */
static bool take_srv_question(const char *domain)
{
    uint64_t number = 0;
    assert_true(kms_text_u64(domain + 1, &number) && number < DOMAINS);
    struct domain *of = &world.domain[number];
    of->late_us = world.now_us - of->due_us;
    of->due_us += INTERVAL_MS * INT64_C(1000);
    of->asked++;
    world.asked++;
    bool is_silent = number < world.silent;

    if (is_silent || world.mute) {
        return false;
    }
    answer_srv(domain);
    return true;
}

static bool serve_one(int fd)
{
    uint8_t query[512] = {0};
    char first[64], second[64];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(fd, query, sizeof query - 4, 0, (struct sockaddr *)&from, &from_len);
    if (len < 16) {
        return false;
    }
    size_t at = 12;
    (void)first_label(query, &at, first, sizeof first);
    (void)first_label(query, &at, second, sizeof second);
    if (kms_text_equal(first, "_vlmcs")) {
        (void)first_label(query, &at, second, sizeof second);
        if (!take_srv_question(second)) {
            return true;
        }
    } else {
        at += (size_t)query[at] + 1; /* lab */
        answer_address(first, second, query[at + 2]);
    }
    memcpy(reply.bytes, query, 2);
    (void)sendto(fd, reply.bytes, reply.len, 0, (struct sockaddr *)&from, from_len);
    return true;
}

static void serve(void *arg, int fd, unsigned ready)
{
    (void)arg;
    (void)ready;
    for (int i = 0; i < SERVED_A_TURN && serve_one(fd); i++) {
        world.served++;
    }
}

static void open_server(char *text, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    world.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(world.fd >= 0);
    assert_int_equal(bind(world.fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(world.fd, (struct sockaddr *)&at, &len), 0);
    kms_text_format(text, size, "127.0.0.1:%u", (unsigned)ntohs(at.sin_port));
    world.watch = kms_watch_new(world.env.loop, world.fd, KMS_READABLE, serve, NULL);
    assert_non_null(world.watch);
}

/* ---- the agent's parts ---- */

static void discard_line(void *arg, enum kms_log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

/* One host that every domain must publish, so that every lookup is news of it. */
static void watch_host(void)
{
    char name[] = "k0.d0.lab";
    struct kms_target target = {.name = name, .port = 1688, .origin = KMS_ORIGIN_CONFIGURED};
    target.source[KMS_SOURCE_DNS] = (struct kms_source_config){.enabled = true};
    for (unsigned i = 0; i < DOMAINS; i++) {
        char domain[32];
        kms_text_format(domain, sizeof domain, "d%u.lab", i);
        assert_int_equal(kms_texts_add(&target.publish_in, domain), KMS_OK);
    }
    size_t slot;
    assert_int_equal(kms_board_add(world.board, &target, 1, &slot), KMS_OK);
    kms_texts_done(&target.publish_in);
}

static void lookup_published(void *arg)
{
    struct world *w = arg;
    w->finished++;
}

static int begin_world(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    world = (struct world){.now_us = INT64_C(1000000000000)};
    const struct kms_clock clock = {.mono_us = made_up_us, .wall_us = made_up_us};
    world.env = (struct kms_env){.clock = clock, .loop = kms_loop_new(&clock)};
    assert_non_null(world.env.loop);
    char server[32];
    open_server(server, sizeof server);
    const struct kms_resolver_setup setup = {.servers = server, .try_ms = 60000};
    assert_int_equal(kms_resolver_new(world.env.loop, &setup, &world.env.resolver, NULL), KMS_OK);
    struct kms_policy policy;
    kms_policy_preset(&policy);
    world.board = kms_board_new(&policy, &world.env.clock, NULL, NULL);
    assert_non_null(world.board);
    world.zones = kms_zones_new(world.board, &world.env.clock, false, NULL, NULL, NULL, NULL);
    assert_non_null(world.zones);
    world.log = (struct kms_log){.kind = KMS_LOG_TO_CALLBACK, .callback = discard_line};
    watch_host();
    const struct kms_lookups_config config = {.env = &world.env,
                                              .board = world.board,
                                              .zones = world.zones,
                                              .log = &world.log,
                                              .discover = &world.none,
                                              .interval_ms = INTERVAL_MS,
                                              .timeout_ms = HOUR_MS,
                                              .rpc_timeout_ms = 1000,
                                              .published = lookup_published,
                                              .arg = &world};
    world.lookups = kms_lookups_new(&config);
    assert_non_null(world.lookups);
    assert_int_equal(kms_zones_count(world.zones), DOMAINS);
    for (size_t i = 0; i < DOMAINS; i++) {
        world.domain[i].due_us = world.now_us + (int64_t)i * SPREAD_US;
    }
    return 0;
}

static int end_world(void **state)
{
    (void)state;
    kms_lookups_free(world.lookups);
    kms_resolver_free(world.env.resolver);
    kms_watch_free(world.watch);
    close(world.fd);
    kms_zones_free(world.zones);
    kms_board_free(world.board);
    kms_loop_free(world.env.loop);
    assert_null(world.timers);
    return 0;
}

/* All that can happen without time going on happens. */
static void settle(void)
{
    for (int turn = 0, idle = 0; idle < IDLE_TURNS; turn++) {
        size_t served = world.served;
        bool fired = fire_next();
        kms_loop_once(world.env.loop, 0);
        idle = fired || world.served != served ? 0 : idle + 1;
        assert_true(turn < TURNS_MAX);
    }
}

/* Time goes on to the next timer, at most to then. */
static void go_on(int64_t until_us)
{
    const struct kms_timer *next = first_timer();
    bool is_before = next && next->due_us < until_us;
    world.now_us = is_before && next->due_us > world.now_us ? next->due_us
                   : is_before                              ? world.now_us
                                                            : until_us;
    settle();
}

static void pass(int64_t ms)
{
    int64_t until_us = world.now_us + ms * 1000;
    while (world.now_us < until_us) {
        go_on(until_us);
    }
}

static size_t least_asked(void)
{
    size_t least = SIZE_MAX;
    for (size_t i = world.silent; i < DOMAINS; i++) {
        least = world.domain[i].asked < least ? world.domain[i].asked : least;
    }
    return least;
}

/* ---- tests ---- */

static void a_sweep_takes_in_all_records_of_a_thousand_domains(void **state)
{
    (void)state;
    pass(INTERVAL_MS - 1);
    assert_int_equal(world.asked, DOMAINS);
    assert_int_equal(world.finished, DOMAINS);
    for (size_t i = 0; i < DOMAINS; i++) {
        const struct kms_zone *zone = kms_zones_get(world.zones, i);
        assert_int_equal(world.domain[i].asked, 1);
        assert_int_equal(zone->outcome, KMS_OUTCOME_OK);
        assert_int_equal(zone->records, RECORDS);
        assert_int_equal(zone->record_count, RECORDS);
        for (size_t k = 0; k < RECORDS; k++) {
            assert_int_equal(zone->record[k].record.address_count, 1);
        }
    }
    pass(INTERVAL_MS);
    assert_int_equal(world.asked, 2 * DOMAINS);
    assert_int_equal(world.finished, 2 * DOMAINS);
    assert_int_equal(least_asked(), 2);
}

/* Nobody is answered until all are due, on a clock that stands still: those that are in flight have
 * no reason to make way. */
static void no_more_than_the_cap_are_in_flight(void **state)
{
    (void)state;
    world.mute = true;
    settle();
    assert_int_equal(world.asked, 1);
    world.now_us += INT64_C(59999000);
    for (int i = 0; i < 200 && world.asked < KMS_LOOKUPS_IN_FLIGHT_MAX; i++) {
        kms_loop_once(world.env.loop, 0);
        struct kms_timer *timer = first_timer();
        assert_non_null(timer);
        /* the first is late by now, and makes way */
        (void)fire_next();
    }
    assert_in_range(world.asked, KMS_LOOKUPS_IN_FLIGHT_MAX, KMS_LOOKUPS_IN_FLIGHT_MAX + 1);
    settle();
    assert_in_range(world.asked, KMS_LOOKUPS_IN_FLIGHT_MAX, KMS_LOOKUPS_IN_FLIGHT_MAX + 1);
}

static int64_t latest_us(void)
{
    int64_t late_us = 0;
    for (size_t i = world.silent; i < DOMAINS; i++) {
        late_us = world.domain[i].late_us > late_us ? world.domain[i].late_us : late_us;
    }
    return late_us;
}

/* The silent ones come first and wait for an hour: in the first sweep they take as many turns as
 * they have patience for, in all others none. */
static void domains_that_are_never_answered_hold_up_no_other(void **state)
{
    (void)state;
    world.silent = DOMAINS / 4;
    pass(INTERVAL_MS - 1);
    assert_int_equal(least_asked(), 1);
    assert_in_range(latest_us(), 0, 2000000);
    pass(2 * (int64_t)INTERVAL_MS);
    assert_int_equal(least_asked(), 3);
    assert_int_equal(latest_us(), 0);
    for (size_t i = 0; i < DOMAINS; i++) {
        bool is_silent = i < world.silent;
        assert_int_equal(world.domain[i].asked, is_silent ? 1 : 3);
        assert_int_equal(kms_zones_get(world.zones, i)->outcome,
                         is_silent ? KMS_OUTCOME_NONE : KMS_OUTCOME_OK);
    }
    assert_int_equal(world.finished, (DOMAINS - world.silent) * 3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sweep_takes_in_all_records_of_a_thousand_domains),
        TEST(no_more_than_the_cap_are_in_flight),
        TEST(domains_that_are_never_answered_hold_up_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
