/* The lookups of the agent: what a name server in the same loop says becomes records, publication,
 * hosts and log lines. */
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
#include "agent/strangers.h"
#include "base/bytes.h"
#include "base/text.h"
#include "net/resolve.h"
#include "unit/dns/message.h"

#define RECORDS_MAX 20
#define TURNS_MAX   20000

struct srv {
    const char *target;
    unsigned port;
};

struct kms_probe {
    struct kms_timer *timer;
    const struct kms_target *target;
    kms_done_fn *done;
    void *arg;
};

struct world {
    struct kms_clock clock;
    int64_t set_us; /* the wall clock, from the machine's */
    struct kms_env env;
    struct kms_board *board;
    struct kms_zones *zones;
    struct kms_log log;
    struct kms_lookups_log lookups_log;
    struct kms_buf lines;
    struct kms_scheduler *scheduler;
    struct kms_lookups *lookups;
    struct kms_texts discover;
    /* The name server: an address for every name but "mute...". */
    int fd;
    struct kms_watch *watch;
    struct srv record[RECORDS_MAX];
    size_t record_count;
    unsigned rcode;
    bool silent;
    size_t asked; /* for SRV records */
    /* It is the zone's too, where questions wish for no recursion. */
    char server[32];
    bool asks_servers, is_lame;
    size_t zone_lacks, zone_asked;
    /* The hosts. */
    const char *refuses; /* the host whose port refuses; NULL: none */
    const char *hangs;   /* hosts whose name begins so never answer; NULL: none */
    size_t running, most_running, binds;
    int64_t rpc_timeout_ms;
    bool probes_records, site_lists;
    int64_t forget_after_ms;
    const struct kms_seen *seen;
    size_t seen_changes;
    const struct kms_site_domain *domain;

    uint32_t numbers;
    size_t published;
    size_t plans_without_memory; /* of the next hosts that are discovered */
};

static struct world world;
static struct message reply;

enum kms_status __real_kms_scheduler_add(struct kms_scheduler *scheduler, size_t slot);
enum kms_status __wrap_kms_scheduler_add(struct kms_scheduler *scheduler, size_t slot);

enum kms_status __wrap_kms_scheduler_add(struct kms_scheduler *scheduler, size_t slot)
{
    if (world.plans_without_memory > 0) {
        world.plans_without_memory--;
        return KMS_ENOMEM;
    }
    return __real_kms_scheduler_add(scheduler, slot);
}

/* ---- the name server ---- */

static void answer_srv(bool of_zone)
{
    size_t count = world.record_count - (of_zone ? world.zone_lacks : 0);
    unsigned rcode = world.rcode ? world.rcode : count == 0 ? 3 : 0;
    begin(&reply, rcode, rcode ? 0 : (unsigned)count, ASKED, 33);
    reply.bytes[2] |= of_zone && !world.is_lame ? 0x04 : 0;
    for (size_t i = 0; rcode == 0 && i < count; i++) {
        put_srv(&reply, 0, 0, world.record[i].port, 300, world.record[i].target);
    }
}

/* The question's name as text. */
static void asked_name(const uint8_t *query, char *dst, size_t size)
{
    kms_text_copy(dst, size, "");
    for (size_t at = 12; query[at] != 0; at += (size_t)query[at] + 1) {
        kms_text_append(dst, size, "%s%.*s", at > 12 ? "." : "", (int)query[at],
                        (const char *)query + at + 1);
    }
}

static void answer_address(const uint8_t *query, unsigned type)
{
    char name[256];
    asked_name(query, name, sizeof name);
    bool found = type == 1 && !kms_text_starts(name, "mute");
    begin(&reply, 0, found ? 1 : 0, name, type);
    if (found) {
        put_record(&reply, 1, 300, 4);
        put_bytes(&reply, "\x7f\0\0\1", 4);
    }
}

/* The type stands behind the name; an EDNS record may follow. */
static unsigned asked_type(const uint8_t *query)
{
    size_t at = 12;
    while (query[at] != 0) {
        at += (size_t)query[at] + 1;
    }
    return query[at + 2];
}

static void serve(void *arg, int fd, unsigned ready)
{
    (void)arg;
    (void)ready;
    uint8_t query[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_len);
    if (len < 16) {
        return;
    }
    unsigned type = asked_type(query);
    bool of_zone = (query[2] & 0x01) == 0;
    world.asked += type == 33 && !of_zone ? 1 : 0;
    world.zone_asked += of_zone ? 1 : 0;
    if (world.silent) {
        return;
    }
    if (type == 33) {
        answer_srv(of_zone);
    } else {
        answer_address(query, type);
    }
    memcpy(reply.bytes, query, 2);
    (void)sendto(fd, reply.bytes, reply.len, 0, (struct sockaddr *)&from, from_len);
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

static void publish_in_dns(const char *target, unsigned port)
{
    assert_true(world.record_count < RECORDS_MAX);
    world.record[world.record_count++] = (struct srv){target, port};
}

/* ---- the hosts ---- */

static void probe_due(void *arg)
{
    struct kms_probe *probe = arg;
    struct kms_result result;
    kms_result_init(&result, KMS_SOURCE_RPC);
    bool refuses = kms_text_equal(probe->target->name, world.refuses);
    result.outcome = refuses ? KMS_OUTCOME_RPC_REFUSED : KMS_OUTCOME_OK;
    assert_int_equal(kms_facts_set_number(&result.host, KMS_FACT_RPC_STATE,
                                          refuses ? KMS_RPC_REFUSED : KMS_RPC_ACCEPTED),
                     KMS_OK);
    kms_done_fn *done = probe->done;
    void *done_arg = probe->arg;
    world.running--;
    kms_timer_free(probe->timer);
    free(probe);
    done(done_arg, &result);
    kms_result_done(&result);
}

static struct kms_probe *probe_start(struct kms_env *env, const struct kms_target *target,
                                     kms_done_fn *done, void *arg)
{
    struct kms_probe *probe = calloc(1, sizeof *probe);
    assert_non_null(probe);
    *probe = (struct kms_probe){.target = target, .done = done, .arg = arg};
    probe->timer = kms_timer_new(env->loop, probe_due, probe);
    assert_non_null(probe->timer);
    if (!world.hangs || !kms_text_starts(target->name, world.hangs)) {
        kms_timer_set(probe->timer, 0);
    }
    world.binds++;
    world.running++;
    world.most_running = world.running > world.most_running ? world.running : world.most_running;
    return probe;
}

static void probe_cancel(struct kms_probe *probe)
{
    world.running--;
    kms_timer_free(probe->timer);
    free(probe);
}

static void probe_late(const struct kms_probe *probe, struct kms_result *result)
{
    (void)probe;
    assert_int_equal(kms_facts_set_number(&result->host, KMS_FACT_RPC_STATE, KMS_RPC_TIMEOUT),
                     KMS_OK);
}

static const struct kms_probe_type rpc = {.name = "rpc",
                                          .source = KMS_SOURCE_RPC,
                                          .start = probe_start,
                                          .cancel = probe_cancel,
                                          .late = probe_late};
static const struct kms_probe_type *const types[] = {&rpc, NULL};

static size_t watch_host(const char *name, int64_t port)
{
    char own[64];
    kms_text_copy(own, sizeof own, name);
    struct kms_target target = {.name = own, .port = port, .origin = KMS_ORIGIN_CONFIGURED};
    target.source[KMS_SOURCE_RPC] = (struct kms_source_config){.enabled = true};
    target.source[KMS_SOURCE_DNS] = (struct kms_source_config){.enabled = true};
    size_t slot;
    assert_int_equal(kms_board_add(world.board, &target, ++world.numbers, &slot), KMS_OK);
    return slot;
}

/* ---- the agent's parts ---- */

static void keep_line(void *arg, enum kms_log_level level, const char *line)
{
    static const char letters[] = "?EWID";
    struct world *w = arg;
    assert_int_equal(kms_buf_addf(&w->lines, "%c %s\n", letters[level], line), KMS_OK);
}

static void poll_published(void *arg)
{
    struct world *w = arg;
    kms_lookups_poke(w->lookups);
}

static void lookup_published(void *arg)
{
    struct world *w = arg;
    w->published++;
}

static void seen_changed(void *arg)
{
    struct world *w = arg;
    w->seen_changes++;
}

static uint32_t number_of_host(void *arg, const char *name)
{
    (void)name;
    struct world *w = arg;
    return ++w->numbers;
}

static int64_t wall_us(void *arg)
{
    (void)arg;
    const struct kms_clock machine = kms_clock_system();
    return machine.wall_us(machine.arg) + world.set_us;
}

static int begin_world(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    world = (struct world){.clock = kms_clock_system(),
                           .rpc_timeout_ms = 10000,
                           .forget_after_ms = INT64_C(604800000)};
    world.clock.wall_us = wall_us;
    world.env = (struct kms_env){.clock = world.clock, .loop = kms_loop_new(&world.clock)};
    assert_non_null(world.env.loop);
    open_server(world.server, sizeof world.server);
    const struct kms_resolver_setup setup = {.servers = world.server, .try_ms = 20000};
    assert_int_equal(kms_resolver_new(world.env.loop, &setup, &world.env.resolver, NULL), KMS_OK);
    struct kms_policy policy;
    kms_policy_preset(&policy);
    world.board = kms_board_new(&policy, &world.clock, NULL, NULL);
    assert_non_null(world.board);
    kms_buf_init(&world.lines, 1 << 20);
    world.log = (struct kms_log){
        .kind = KMS_LOG_TO_CALLBACK, .level = KMS_LOG_INFO, .callback = keep_line, .arg = &world};
    return 0;
}

static int end_world(void **state)
{
    (void)state;
    kms_lookups_free(world.lookups);
    kms_scheduler_free(world.scheduler);
    kms_resolver_free(world.env.resolver);
    kms_watch_free(world.watch);
    close(world.fd);
    kms_zones_free(world.zones);
    kms_board_free(world.board);
    kms_loop_free(world.env.loop);
    kms_texts_done(&world.discover);
    kms_buf_done(&world.lines);
    return 0;
}

static void start_lookups(int64_t interval_ms, int64_t timeout_ms)
{
    world.lookups_log = (struct kms_lookups_log){.log = &world.log, .board = world.board};
    world.zones = kms_zones_new(world.board, &world.clock, world.site_lists, NULL, NULL,
                                kms_lookups_news, &world.lookups_log);
    assert_non_null(world.zones);
    const struct kms_scheduler_config polls = {.env = &world.env,
                                               .board = world.board,
                                               .log = &world.log,
                                               .types = types,
                                               .interval_ms = 20,
                                               .published = poll_published,
                                               .arg = &world};
    world.scheduler = kms_scheduler_new(&polls);
    assert_non_null(world.scheduler);
    const struct kms_lookups_config config = {.env = &world.env,
                                              .board = world.board,
                                              .zones = world.zones,
                                              .scheduler = world.scheduler,
                                              .log = &world.log,
                                              .discover = &world.discover,
                                              .discovered_max = 512,
                                              .interval_ms = interval_ms,
                                              .timeout_ms = timeout_ms,
                                              .rpc_timeout_ms = world.rpc_timeout_ms,
                                              .bind = world.probes_records ? &rpc : NULL,
                                              .ask_servers = world.asks_servers,
                                              .servers = world.server,
                                              .forget_after_ms = world.forget_after_ms,
                                              .seen = world.seen,
                                              .domain = world.domain,
                                              .domain_count = world.domain ? 1 : 0,
                                              .seen_changed = seen_changed,
                                              .number_of_host = number_of_host,
                                              .published = lookup_published,
                                              .arg = &world};
    world.lookups = kms_lookups_new(&config);
    assert_non_null(world.lookups);
    assert_int_equal(world.asked, 0);
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    const char *at = kms_buf_str(&world.lines);
    while ((at = strstr(at, text))) {
        count++;
        at++;
    }
    return count;
}

/* The loop turns until the log shows it. */
static void wait_for_line(const char *text)
{
    for (int i = 0; i < TURNS_MAX && count_lines(text) == 0; i++) {
        kms_loop_once(world.env.loop, 100);
    }
    if (count_lines(text) == 0) {
        fail_msg("waited in vain for '%s' in:\n%s", text, kms_buf_str(&world.lines));
    }
}

static void wait_for_lookups(size_t more)
{
    size_t wanted = world.published + more;
    for (int i = 0; i < TURNS_MAX && world.published < wanted; i++) {
        kms_loop_once(world.env.loop, 100);
    }
    assert_true(world.published >= wanted);
}

static enum kms_publication_state published_state(size_t slot)
{
    const struct kms_result *last = kms_board_snapshot(world.board, slot)->last[KMS_SOURCE_DNS];
    int64_t state = 0;
    assert_non_null(last);
    assert_true(kms_facts_number(&last->host, KMS_FACT_PUBLICATION, &state));
    return (enum kms_publication_state)state;
}

/* ---- tests ---- */

static void a_host_is_published_missed_and_published_again(void **state)
{
    (void)state;
    size_t slot = watch_host("kms1.kms.lab", 1688);
    watch_host("kms2.kms.lab", 1688);
    publish_in_dns("kms2.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    start_lookups(20, 10000);
    wait_for_line("I dns kms.lab: ok: 2 records\n");
    wait_for_line("I publication kms1.kms.lab in kms.lab: published");
    wait_for_line("I record kms.lab kms1.kms.lab:1688: healthy\n");
    wait_for_line("I record kms.lab kms2.kms.lab:1688: healthy\n");
    assert_int_equal(published_state(slot), KMS_PUBLICATION_PUBLISHED);
    world.record_count = 1;
    wait_for_line("W publication kms1.kms.lab in kms.lab: missing (was published): ");
    wait_for_line("I record kms.lab kms1.kms.lab:1688: gone (was healthy)\n");
    wait_for_line("W state kms1.kms.lab: warning (was ok): ");
    assert_int_equal(published_state(slot), KMS_PUBLICATION_MISSING);
    wait_for_lookups(5);
    world.record_count = 2;
    wait_for_line("I publication kms1.kms.lab in kms.lab: published (was missing)");
    wait_for_line("I record kms.lab kms1.kms.lab:1688: healthy (was gone)\n");
    wait_for_line("I state kms1.kms.lab: ok (was warning): ");
    assert_int_equal(count_lines(": missing"), 1);
    assert_int_equal(count_lines("dns kms.lab"), 1);
}

static void what_did_not_change_is_not_logged(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    publish_in_dns("mute.kms.lab", 1688);
    start_lookups(20, 10000);
    wait_for_line("I record kms.lab kms1.kms.lab:1688: healthy\n");
    wait_for_line("W record kms.lab mute.kms.lab:1688: unresolvable\n");
    wait_for_line("I state kms1.kms.lab: ok");
    wait_for_line("I publication");
    wait_for_lookups(2);
    size_t lines = count_lines("\n");
    wait_for_lookups(10);
    if (count_lines("\n") != lines) {
        fail_msg("%s", kms_buf_str(&world.lines));
    }
}

static void a_host_that_dies_is_told_of_its_records_without_another_lookup(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    start_lookups(3600000, 10000);
    wait_for_line("I record kms.lab kms1.kms.lab:1688: healthy\n");
    world.refuses = "kms1.kms.lab";
    wait_for_line("W record kms.lab kms1.kms.lab:1688: dead (was healthy)\n");
    world.refuses = NULL;
    wait_for_line("I record kms.lab kms1.kms.lab:1688: healthy (was dead)\n");
    assert_int_equal(world.asked, 1);
}

static void no_answer_is_not_taken_for_no_record(void **state)
{
    (void)state;
    size_t slot = watch_host("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    start_lookups(20, 10000);
    wait_for_line("I publication kms1.kms.lab in kms.lab: published");
    world.rcode = 2;
    wait_for_line("W dns kms.lab: dns-servfail (was ok): ");
    wait_for_lookups(1);
    assert_int_equal(published_state(slot), KMS_PUBLICATION_LOOKUP_FAILED);
    assert_int_equal(kms_zones_get(world.zones, 0)->record_count, 1);
    assert_int_equal(count_lines("missing"), 0);
    world.rcode = 0;
    wait_for_line("I dns kms.lab: ok (was dns-servfail): 1 record\n");
    wait_for_lookups(1);
    assert_int_equal(published_state(slot), KMS_PUBLICATION_PUBLISHED);
    assert_int_equal(count_lines("publication "), 1);
}

static void a_domain_that_never_answered_has_no_verdict(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    world.silent = true;
    start_lookups(60000, 50);
    wait_for_line("W dns kms.lab: dns-timeout: ");
    assert_int_equal(count_lines("publication "), 0);
}

static void a_target_becomes_a_watched_host_once(void **state)
{
    (void)state;
    assert_int_equal(kms_texts_add(&world.discover, "kms.lab"), KMS_OK);
    publish_in_dns("kms1.kms.lab", 1688);
    publish_in_dns("KMS1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1689);
    publish_in_dns("kms0.kms.lab", 0);
    start_lookups(20, 10000);
    wait_for_line("I discover kms.lab: new host kms1.kms.lab, from its record kms1.kms.lab:1688 "
                  "with priority 0 and weight 0\n");
    wait_for_line("I discover kms.lab: new host kms1.kms.lab:1689, ");
    wait_for_line("I rpc kms1.kms.lab: ok");
    wait_for_line("I rpc kms1.kms.lab:1689: ok");
    wait_for_line("I record kms.lab kms1.kms.lab:1689: healthy");
    world.record_count = 1;
    wait_for_line("W publication kms1.kms.lab:1689 in kms.lab: ");
    wait_for_lookups(3);
    assert_int_equal(kms_board_count(world.board), 2);
    for (size_t slot = 0; slot < 2; slot++) {
        const struct kms_target *target = kms_board_snapshot(world.board, slot)->target;
        assert_int_equal(target->origin, KMS_ORIGIN_DISCOVERED);
        for (size_t source = 1; source <= KMS_SOURCE_MAX; source++) {
            assert_int_equal(target->source[source].enabled,
                             source == KMS_SOURCE_RPC || source == KMS_SOURCE_DNS);
        }
        assert_string_equal(kms_target_address(target), "kms1.kms.lab");
        assert_true(kms_target_expected_in(target, "kms.lab"));
    }
}

static void a_host_whose_probes_could_not_be_planned_is_tried_again(void **state)
{
    (void)state;
    assert_int_equal(kms_texts_add(&world.discover, "kms.lab"), KMS_OK);
    publish_in_dns("kms1.kms.lab", 1688);
    publish_in_dns("kms2.kms.lab", 1688);
    world.plans_without_memory = 3;
    start_lookups(20, 10000);
    wait_for_line("I rpc kms1.kms.lab: ok");
    wait_for_line("I rpc kms2.kms.lab: ok");
    assert_int_equal(kms_board_count(world.board), 2);
    assert_int_equal(count_lines("I discover kms.lab: new host kms1.kms.lab, "), 1);
    assert_int_equal(count_lines("I discover kms.lab: new host kms2.kms.lab, "), 1);
    assert_int_equal(count_lines("E discover kms.lab: out of memory for host kms1.kms.lab\n"), 3);
    assert_int_equal(count_lines("out of memory"), 3);
    wait_for_lookups(3);
    assert_int_equal(kms_board_count(world.board), 2);
}

static void what_is_too_much_for_the_log_is_one_line(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    start_lookups(3600000, 10000);
    struct kms_zone_news news = {
        .what = KMS_ZONE_NEWS_RECORDS_MORE, .zone = kms_zones_get(world.zones, 0), .more = 480};
    kms_lookups_news(&world.lookups_log, &news);
    assert_int_equal(count_lines("I records kms.lab: and 480 more\n"), 1);
    news.more_unjudged = true; /* for those who want it */
    kms_lookups_news(&world.lookups_log, &news);
    assert_int_equal(count_lines("\n"), 1);
    news.what = KMS_ZONE_NEWS_NUMBERS_OUT;
    kms_lookups_news(&world.lookups_log, &news);
    assert_int_equal(count_lines("W records kms.lab: 4096 records had a row so far, "), 1);
}

static struct kms_seen_row seen_host(const char *domain, const char *address, uint16_t port)
{
    struct kms_seen_row row = {.kind = KMS_SEEN_HOST, .port = port, .first_s = 5, .last_s = 9};
    kms_text_copy(row.domain, sizeof row.domain, domain);
    kms_text_copy(row.name, sizeof row.name, address);
    kms_text_copy(row.address, sizeof row.address, address);
    return row;
}

static void what_an_earlier_process_discovered_is_watched(void **state)
{
    (void)state;
    assert_int_equal(kms_texts_add(&world.discover, "kms.lab"), KMS_OK);
    watch_host("kms9.kms.lab", 1688);
    struct kms_seen_row row[] = {
        seen_host("kms.lab", "kms1.kms.lab", 1688),
        seen_host("kms.lab", "kms9.kms.lab", 1688),     /* configured now */
        seen_host("other.lab", "kms1.other.lab", 1688), /* not discovered any more */
        {.kind = KMS_SEEN_RECORD,
         .domain = "kms.lab",
         .name = "kms1.kms.lab",
         .port = 1688,
         .first_s = 5,
         .last_s = 9},
        {.kind = KMS_SEEN_RECORD,
         .domain = "other.lab",
         .name = "kms1.other.lab",
         .port = 1688,
         .first_s = 5,
         .last_s = 9},
        {.kind = KMS_SEEN_MISSING,
         .domain = "kms.lab",
         .name = "kms1.kms.lab",
         .first_s = 7,
         .last_s = 7},
    };
    const struct kms_seen seen = {.row = row, .count = KMS_COUNT_OF(row)};
    world.seen = &seen;
    world.forget_after_ms = INT64_C(3153600000000) * 10;
    publish_in_dns("kms2.kms.lab", 1688);
    start_lookups(20, 10000);
    assert_int_equal(kms_board_count(world.board), 2);
    const struct kms_target *target = kms_board_snapshot(world.board, 1)->target;
    assert_string_equal(target->name, "kms1.kms.lab");
    assert_int_equal(target->origin, KMS_ORIGIN_DISCOVERED);
    assert_false(target->source[KMS_SOURCE_ACTIVATION].enabled);
    wait_for_line("I rpc kms1.kms.lab: ok");
    wait_for_line("W publication kms1.kms.lab in kms.lab: missing: ");
    wait_for_line("I record kms.lab kms1.kms.lab:1688: gone\n");
    const struct kms_zone *zone = kms_zones_get(world.zones, 0);
    for (size_t i = 0; i < zone->publication_count; i++) {
        if (zone->publication[i].host_slot == 1) {
            assert_int_equal(zone->publication[i].missing_since_s, 7);
        }
    }
    assert_int_equal(count_lines("new host kms1"), 0);
    assert_int_equal(count_lines("I discover kms.lab: host kms1.kms.lab is known from before\n"),
                     1);
    /* and again, from what this one saw */
    struct kms_buf text;
    uint64_t mark;
    assert_true(kms_lookups_unsaved(world.lookups));
    assert_true(world.seen_changes > 0);
    assert_int_equal(kms_lookups_render(world.lookups, &text, &mark), KMS_OK);
    kms_lookups_saved(world.lookups, mark);
    assert_false(kms_lookups_unsaved(world.lookups));
    assert_non_null(
        strstr(kms_buf_str(&text), "host kms.lab kms1.kms.lab kms1.kms.lab 1688 5 9\n"));
    assert_non_null(strstr(kms_buf_str(&text), "host kms.lab kms2.kms.lab kms2.kms.lab 1688 "));
    assert_non_null(strstr(kms_buf_str(&text), "record kms.lab kms1.kms.lab 1688 0 0 0 5 9\n"));
    assert_non_null(strstr(kms_buf_str(&text), "missing kms.lab kms1.kms.lab 7\n"));
    assert_null(strstr(kms_buf_str(&text), "other.lab"));
    kms_buf_done(&text);
    size_t changes = world.seen_changes;
    wait_for_lookups(5);
    assert_int_equal(world.seen_changes, changes); /* the same again is worth no write */
}

static void what_was_seen_later_than_now_is_seen_now(void **state)
{
    (void)state;
    assert_int_equal(kms_texts_add(&world.discover, "kms.lab"), KMS_OK);
    const int64_t ahead_s = INT64_C(1) << 39;
    struct kms_seen_row row[] = {
        seen_host("kms.lab", "kms1.kms.lab", 1688),
        {.kind = KMS_SEEN_RECORD, .domain = "kms.lab", .name = "kms1.kms.lab", .port = 1688},
        {.kind = KMS_SEEN_MISSING, .domain = "kms.lab", .name = "kms1.kms.lab"}};
    for (size_t i = 0; i < KMS_COUNT_OF(row); i++) {
        row[i].first_s = row[i].last_s = ahead_s;
    }
    const struct kms_seen seen = {.row = row, .count = KMS_COUNT_OF(row)};
    world.seen = &seen;
    start_lookups(20, 10000);
    struct kms_buf text;
    uint64_t mark;
    assert_int_equal(kms_lookups_render(world.lookups, &text, &mark), KMS_OK);
    assert_non_null(strstr(kms_buf_str(&text), "host kms.lab kms1.kms.lab kms1.kms.lab 1688 "));
    assert_non_null(strstr(kms_buf_str(&text), "record kms.lab kms1.kms.lab 1688 0 0 0 "));
    assert_non_null(strstr(kms_buf_str(&text), "missing kms.lab kms1.kms.lab "));
    assert_null(strstr(kms_buf_str(&text), "549755813888"));
    kms_buf_done(&text);
}

static void a_discovered_host_that_dns_names_no_more_is_retired(void **state)
{
    (void)state;
    assert_int_equal(kms_texts_add(&world.discover, "kms.lab"), KMS_OK);
    size_t own = watch_host("kms9.kms.lab", 1688);
    struct kms_seen_row row = seen_host("kms.lab", "kms1.kms.lab", 1688);
    const struct kms_seen seen = {.row = &row, .count = 1};
    world.seen = &seen;
    world.forget_after_ms = 3600000;
    world.rcode = 2; /* nobody answers: nothing is forgotten */
    publish_in_dns("kms2.kms.lab", 1688);
    start_lookups(20, 10000);
    wait_for_lookups(3);
    assert_int_equal(kms_board_totals(world.board).hosts, 2);
    assert_int_equal(count_lines("watched no longer"), 0);
    world.rcode = 0;
    wait_for_line("I discover kms.lab: host kms1.kms.lab is watched no longer: for ");
    wait_for_line("I rpc kms2.kms.lab: ok");
    wait_for_lookups(3);
    assert_int_equal(kms_board_totals(world.board).hosts, 2);
    assert_int_equal(kms_board_snapshot(world.board, own)->target->origin, KMS_ORIGIN_CONFIGURED);
    assert_int_equal(count_lines("watched no longer"), 1);
    for (size_t slot = 0; slot < kms_board_count(world.board); slot++) {
        assert_string_not_equal(kms_board_snapshot(world.board, slot)->target->name,
                                "kms1.kms.lab");
    }
    /* DNS names it again */
    publish_in_dns("kms1.kms.lab", 1688);
    wait_for_line("I discover kms.lab: new host kms1.kms.lab, ");
    wait_for_line("I record kms.lab kms1.kms.lab:1688: healthy");
    assert_int_equal(kms_board_totals(world.board).hosts, 3);
    assert_int_equal(kms_board_count(world.board), 3); /* in the place of the one before */
}

static const struct kms_zone_record_view *find_record(const char *target)
{
    const struct kms_zone *zone = kms_zones_get(world.zones, 0);
    for (size_t i = 0; i < zone->record_count; i++) {
        if (kms_text_equal(zone->record[i].record.target, target)) {
            return &zone->record[i];
        }
    }
    fail_msg("no record for %s", target);
    return NULL;
}

static int64_t missing_since_s(const char *host)
{
    const struct kms_zone *zone = kms_zones_get(world.zones, 0);
    for (size_t i = 0; i < zone->publication_count; i++) {
        const struct kms_zone_publication *of = &zone->publication[i];
        if (kms_text_equal(kms_board_snapshot(world.board, of->host_slot)->target->name, host)) {
            return of->missing_since_s;
        }
    }
    fail_msg("no publication of %s", host);
    return 0;
}

/* What the next process is told of a host that is missing, with the record that named it. */
static void assert_saved(const char *host, int64_t first_s, int64_t last_s, int64_t since_s)
{
    struct kms_buf text;
    uint64_t mark;
    char line[256];
    assert_int_equal(kms_lookups_render(world.lookups, &text, &mark), KMS_OK);
    kms_text_format(line, sizeof line, "host kms.lab %s %s 1688 %lld %lld\n", host, host,
                    (long long)first_s, (long long)last_s);
    assert_non_null(strstr(kms_buf_str(&text), line));
    kms_text_format(line, sizeof line, "record kms.lab %s 1688 0 0 300 %lld %lld\n", host,
                    (long long)first_s, (long long)last_s);
    assert_non_null(strstr(kms_buf_str(&text), line));
    kms_text_format(line, sizeof line, "missing kms.lab %s %lld\n", host, (long long)since_s);
    assert_non_null(strstr(kms_buf_str(&text), line));
    kms_buf_done(&text);
}

/* But one that an earlier process saw last is as old as the wall clock says. */
static void a_clock_that_is_set_retires_no_host_and_its_times_are_saved_anew(void **state)
{
    (void)state;
    assert_int_equal(kms_texts_add(&world.discover, "kms.lab"), KMS_OK);
    struct kms_seen_row row = seen_host("kms.lab", "kms1.kms.lab", 1688);
    row.last_s = kms_clock_wall_s(&world.clock) - 600;
    const struct kms_seen seen = {.row = &row, .count = 1};
    world.seen = &seen;
    world.forget_after_ms = 3600000;
    publish_in_dns("kms2.kms.lab", 1688);
    publish_in_dns("kms3.kms.lab", 1688);
    start_lookups(20, 10000);
    wait_for_line("I record kms.lab kms2.kms.lab:1688: healthy\n");
    wait_for_line("I record kms.lab kms3.kms.lab:1688: healthy\n");
    world.record_count = 1;
    wait_for_line("I record kms.lab kms3.kms.lab:1688: gone (was healthy)\n");
    wait_for_lookups(3);
    assert_int_equal(count_lines("watched no longer"), 0);
    const struct kms_zone_record_view was = *find_record("kms3.kms.lab");
    int64_t since_s = missing_since_s("kms3.kms.lab");
    assert_saved("kms3.kms.lab", was.first_seen_s, was.last_seen_s, since_s);

    /* Half a second more or less: whole ones are followed. */
    world.set_us = INT64_C(7200500000);
    wait_for_line("I discover kms.lab: host kms1.kms.lab is watched no longer: for ");
    wait_for_lookups(3);
    assert_int_equal(count_lines("watched no longer"), 1);
    assert_int_equal(kms_board_totals(world.board).hosts, 2);
    assert_saved("kms3.kms.lab", was.first_seen_s + 7200, was.last_seen_s + 7200, since_s + 7200);

    size_t changes = world.seen_changes;
    world.set_us = -INT64_C(3599500000);
    wait_for_lookups(3);
    assert_int_equal(world.seen_changes, changes + 1);
    assert_saved("kms3.kms.lab", was.first_seen_s - 3599, was.last_seen_s - 3599, since_s - 3599);
    wait_for_lookups(3);
    assert_int_equal(world.seen_changes, changes + 1);
}

static void a_configured_host_is_not_discovered(void **state)
{
    (void)state;
    assert_int_equal(kms_texts_add(&world.discover, "kms.lab"), KMS_OK);
    watch_host("Kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1700);
    publish_in_dns("kms2.kms.lab", 1688);
    start_lookups(20, 10000);
    wait_for_line("I discover kms.lab: new host kms2.kms.lab, ");
    wait_for_lookups(3);
    assert_int_equal(kms_board_count(world.board), 2);
    wait_for_line("W record kms.lab kms1.kms.lab:1700: wrongPort");
}

/* Turns of the loop until a record has the state. */
static void wait_for_record(const char *target, enum kms_srv_state wanted)
{
    enum kms_srv_state state = 0;
    for (int i = 0; i < TURNS_MAX && state != wanted; i++) {
        kms_loop_once(world.env.loop, 100);
        const struct kms_zone *zone = kms_zones_get(world.zones, 0);
        for (size_t r = 0; r < zone->record_count; r++) {
            if (kms_text_equal(zone->record[r].record.target, target)) {
                state = zone->record[r].state;
            }
        }
    }
    if (state != wanted) {
        fail_msg("%s never was %d in:\n%s", target, (int)wanted, kms_buf_str(&world.lines));
    }
}

static void a_record_that_leads_to_no_watched_host_is_probed(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    publish_in_dns("other.kms.lab", 1688);
    world.probes_records = true;
    start_lookups(20, 10000);
    wait_for_line("I record kms.lab other.kms.lab:1688: healthy\n");
    world.refuses = "other.kms.lab";
    wait_for_line("W record kms.lab other.kms.lab:1688: dead (was healthy)\n");
    world.refuses = NULL;
    wait_for_line("I record kms.lab other.kms.lab:1688: healthy (was dead)\n");
    world.record_count = 1;
    wait_for_line("I record kms.lab other.kms.lab:1688: gone (was healthy)\n");
    assert_int_equal(kms_board_count(world.board), 1);
}

static void a_stranger_that_answers_in_a_listed_site_is_a_rogue_and_a_silent_one_dead(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    publish_in_dns("rogue.kms.lab", 1688);
    publish_in_dns("silent.kms.lab", 1688);
    world.probes_records = world.site_lists = true;
    world.hangs = "silent";
    world.rpc_timeout_ms = 50;
    start_lookups(3600000, 10000);
    wait_for_line("W record kms.lab rogue.kms.lab:1688: rogue\n");
    wait_for_line("W record kms.lab silent.kms.lab:1688: dead\n");
    assert_int_equal(kms_zones_get(world.zones, 0)->rogue, 1);
}

static void a_domain_of_the_site_is_watched_for_its_hosts(void **state)
{
    (void)state;
    char name[] = "kms.lab", first[] = "kms1.kms.lab", second[] = "kms2.kms.lab:1700";
    char *expect[] = {first, second};
    const struct kms_site_domain domain = {
        .name = name, .want_hosts = 2, .expect = {.text = expect, .count = 2}};
    publish_in_dns("kms1.kms.lab", 1688);
    publish_in_dns("other.kms.lab", 1688);
    world.domain = &domain;
    world.probes_records = true;
    start_lookups(20, 10000);
    wait_for_line("I record kms.lab kms1.kms.lab:1688: healthy\n");
    wait_for_line("W record kms.lab other.kms.lab:1688: rogue\n");
    wait_for_line("W domain kms.lab: 2 records, 1 healthy host of 2 wanted, 1 expected host in no "
                  "record, 1 rogue record\n");
    world.record[1] = (struct srv){"kms2.kms.lab", 1700};
    wait_for_line("I domain kms.lab: 2 records, 2 healthy hosts of 2 wanted\n");
    assert_int_equal(kms_zones_get(world.zones, 0)->state, KMS_STATE_OK);
    assert_int_equal(kms_zones_get(world.zones, 0)->wanted_hosts, 2);
    assert_int_equal(kms_board_count(world.board), 0);
}

static void strangers_are_probed_once_an_interval_and_few_at_a_time(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    struct kms_zone_record record[KMS_STRANGERS_IN_FLIGHT_MAX * 2] = {0};
    for (size_t i = 0; i < KMS_COUNT_OF(record); i++) {
        record[i].port = 1688;
        record[i].resolution = KMS_ZONE_RESOLVES;
        kms_text_format(record[i].target, sizeof record[i].target, "silent%zu.kms.lab", i);
    }
    world.silent = true; /* the name server: what is published here is not replaced */
    world.probes_records = true;
    world.hangs = "silent";
    start_lookups(3600000, 3600000);
    const struct kms_zone_lookup lookup = {
        .outcome = KMS_OUTCOME_OK, .record = record, .record_count = KMS_COUNT_OF(record)};
    wait_for_line("I rpc kms1.kms.lab: ok");
    assert_int_equal(kms_zones_publish(world.zones, 0, &lookup), KMS_OK);
    kms_lookups_poke(world.lookups);
    while (world.running < KMS_STRANGERS_IN_FLIGHT_MAX) {
        kms_loop_once(world.env.loop, 100);
    }
    for (int i = 0; i < 60; i++) {
        kms_loop_once(world.env.loop, 20);
    }
    /* one more: the host's own, which is not held up */
    assert_in_range(world.most_running, KMS_STRANGERS_IN_FLIGHT_MAX,
                    KMS_STRANGERS_IN_FLIGHT_MAX + 1);
}

static void a_stranger_of_two_domains_has_one_probe(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    watch_host("kms1.second.lab", 1688);
    world.silent = true;
    world.probes_records = true;
    world.hangs = "kms1";
    start_lookups(3600000, 3600000);
    struct kms_zone_record record = {
        .target = "Other.lab", .port = 1688, .resolution = KMS_ZONE_RESOLVES};
    const struct kms_zone_lookup lookup = {
        .outcome = KMS_OUTCOME_OK, .record = &record, .record_count = 1};
    assert_int_equal(kms_zones_publish(world.zones, 0, &lookup), KMS_OK);
    record.target[0] = 'o';
    assert_int_equal(kms_zones_publish(world.zones, 1, &lookup), KMS_OK);
    kms_lookups_poke(world.lookups);
    wait_for_record("Other.lab", KMS_SRV_HEALTHY);
    assert_int_equal(kms_zones_get(world.zones, 1)->record[0].state, KMS_SRV_HEALTHY);
    assert_int_equal(world.binds, 3);
}

static void what_runs_is_cancelled_at_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        char name[32];
        kms_text_format(name, sizeof name, "kms1.d%d.lab", i);
        watch_host(name, 1688);
    }
    world.silent = true;
    /* All are due within the interval, and the first of them makes way after 250 ms. */
    int64_t until_us = kms_clock_mono_us(&world.clock) + 200000;
    start_lookups(20, 60000);
    while (world.asked < 16) {
        kms_loop_once(world.env.loop, 100);
    }
    while (kms_clock_mono_us(&world.clock) < until_us) {
        kms_loop_once(world.env.loop, 20);
    }
    assert_int_equal(world.asked, 16);
}

static const struct kms_zone_servers *wait_for_servers(bool known, bool disagree)
{
    const struct kms_zone_servers *servers = &kms_zones_get(world.zones, 0)->servers;
    for (int i = 0; i < TURNS_MAX && (servers->known != known || servers->disagree != disagree);
         i++) {
        kms_loop_once(world.env.loop, 100);
    }
    assert_int_equal(servers->known, known);
    assert_int_equal(servers->disagree, disagree);
    return servers;
}

static void what_the_servers_of_the_zone_know_is_set_against_the_answer(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    publish_in_dns("kms2.kms.lab", 1688);
    world.asks_servers = true;
    start_lookups(20, 10000);
    (void)wait_for_servers(true, false);
    wait_for_lookups(3);
    assert_int_equal(count_lines("servers kms.lab"), 0); /* they agree, as they should */
    world.zone_lacks = 1;
    const struct kms_zone_servers *servers = wait_for_servers(true, true);
    assert_false(servers->differ); /* there is but one */
    wait_for_line("I servers kms.lab: agree, but not with the resolver: ");
    wait_for_line(" lacks kms2.kms.lab:1688 (priority 0, weight 0)\n");
    wait_for_lookups(5);
    assert_int_equal(count_lines("servers kms.lab"), 1);
    world.zone_lacks = 0;
    wait_for_line("I servers kms.lab: agree\n");
    world.is_lame = true;
    (void)wait_for_servers(false, false);
    assert_int_equal(count_lines("servers kms.lab"), 2);
    world.is_lame = false;
    (void)wait_for_servers(true, false);
}

static void a_lookup_without_an_answer_asks_no_server_of_the_zone(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    world.asks_servers = true;
    world.rcode = 2;
    start_lookups(20, 10000);
    wait_for_lookups(3);
    assert_int_equal(world.zone_asked, 0);
    world.rcode = 0;
    (void)wait_for_servers(true, false);
    assert_true(world.zone_asked > 0);
    world.rcode = 2;
    (void)wait_for_servers(false, false);
}

static void servers_that_are_being_asked_are_left_alone_at_the_end(void **state)
{
    (void)state;
    watch_host("kms1.kms.lab", 1688);
    publish_in_dns("kms1.kms.lab", 1688);
    world.asks_servers = true;
    start_lookups(20, 10000);
    for (int i = 0; i < TURNS_MAX && world.zone_asked == 0; i++) {
        kms_loop_once(world.env.loop, 100);
    }
    world.silent = true;
    assert_true(world.zone_asked > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_world, end_world)
    const struct CMUnitTest tests[] = {
        TEST(a_host_is_published_missed_and_published_again),
        TEST(what_the_servers_of_the_zone_know_is_set_against_the_answer),
        TEST(a_lookup_without_an_answer_asks_no_server_of_the_zone),
        TEST(servers_that_are_being_asked_are_left_alone_at_the_end),
        TEST(what_did_not_change_is_not_logged),
        TEST(a_host_that_dies_is_told_of_its_records_without_another_lookup),
        TEST(no_answer_is_not_taken_for_no_record),
        TEST(a_domain_that_never_answered_has_no_verdict),
        TEST(a_target_becomes_a_watched_host_once),
        TEST(a_host_whose_probes_could_not_be_planned_is_tried_again),
        TEST(what_is_too_much_for_the_log_is_one_line),
        TEST(what_an_earlier_process_discovered_is_watched),
        TEST(what_was_seen_later_than_now_is_seen_now),
        TEST(a_discovered_host_that_dns_names_no_more_is_retired),
        TEST(a_clock_that_is_set_retires_no_host_and_its_times_are_saved_anew),
        TEST(a_configured_host_is_not_discovered),
        TEST(a_record_that_leads_to_no_watched_host_is_probed),
        TEST(a_stranger_that_answers_in_a_listed_site_is_a_rogue_and_a_silent_one_dead),
        TEST(a_domain_of_the_site_is_watched_for_its_hosts),
        TEST(strangers_are_probed_once_an_interval_and_few_at_a_time),
        TEST(a_stranger_of_two_domains_has_one_probe),
        TEST(what_runs_is_cancelled_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
