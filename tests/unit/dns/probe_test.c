/* The lookup of a domain against a name server that lives in the same loop and does as it is told.
 */
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

#include "base/clock.h"
#include "base/text.h"
#include "dns/probe.h"
#include "unit/dns/message.h"

enum behaviour {
    ANSWERS,    /* one record, kms1.kms.lab, with an address */
    SILENT,     /* reads and says nothing */
    GARBAGE,    /* bytes that are no DNS, and then nothing */
    CUT,        /* an answer whose record ends in the middle */
    CODE,       /* nothing but a code */
    NO_ADDRESS, /* the record, but its target does not exist */
    LATE        /* as ANSWERS, but each answer has a way of LATE_MS */
};
#define LATE_MS   300
#define LATES_MAX 16

/* An answer on its way. */
struct late {
    struct kms_timer *timer;
    int fd;
    struct message reply;
    struct sockaddr_in to;
};

struct server {
    int fd;
    struct kms_watch *watch;
    enum behaviour behaviour;
    unsigned rcode;
    unsigned asked;
    char text[32]; /* "127.0.0.1:PORT" */
    struct kms_loop *loop;
    struct late late[LATES_MAX];
    size_t late_count;
};

struct fixture {
    struct kms_loop *loop;
    struct kms_resolver *resolver;
    struct server server[2];
    int64_t standing_us;
    int64_t try_ms; /* long, unless a test is about silence */
    int calls;
    enum kms_outcome outcome, target_outcome;
    size_t count, target_count, address_count;
    char detail[200], from[128];
};

static struct message reply;

static void fill_srv(const struct server *server)
{
    switch (server->behaviour) {
    case CODE:
        begin(&reply, server->rcode, 0, ASKED, 33);
        break;
    case CUT:
        begin(&reply, 0, 1, ASKED, 33);
        put_srv(&reply, 0, 0, 1688, 300, "kms1.kms.lab");
        reply.len -= 5;
        break;
    default:
        begin(&reply, 0, 1, ASKED, 33);
        put_srv(&reply, 0, 0, 1688, 300, "kms1.kms.lab");
        break;
    }
}

static void fill(const struct server *server, const uint8_t *query, size_t len)
{
    unsigned type = query[len - 3];
    if (type == 33) {
        fill_srv(server);
    } else if (server->behaviour == NO_ADDRESS) {
        begin(&reply, 3, 0, "kms1.kms.lab", type);
    } else if (type == 1) {
        begin(&reply, 0, 1, "kms1.kms.lab", 1);
        put_record(&reply, 1, 300, 4);
        put_bytes(&reply, "\xc0\0\2\1", 4);
    } else {
        begin(&reply, 0, 0, "kms1.kms.lab", type);
    }
    memcpy(reply.bytes, query, 2);
}

static void arrive(void *arg)
{
    const struct late *late = arg;
    (void)sendto(late->fd, late->reply.bytes, late->reply.len, 0,
                 (const struct sockaddr *)&late->to, sizeof late->to);
}

static void send_late(struct server *server, const struct sockaddr_in *to)
{
    assert_true(server->late_count < LATES_MAX);
    struct late *late = &server->late[server->late_count++];
    *late = (struct late){.fd = server->fd, .reply = reply, .to = *to};
    late->timer = kms_timer_new(server->loop, arrive, late);
    assert_non_null(late->timer);
    kms_timer_set(late->timer, LATE_MS);
}

static void serve(void *arg, int fd, unsigned ready)
{
    (void)ready;
    struct server *server = arg;
    uint8_t query[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_len);
    if (len < 16) {
        return;
    }
    server->asked++;
    if (server->behaviour == SILENT) {
        return;
    }
    fill(server, query, (size_t)len);
    if (server->behaviour == GARBAGE) {
        memset(reply.bytes, 0xA5, 40);
        reply.len = 40;
    }
    if (server->behaviour == LATE) {
        send_late(server, &from);
        return;
    }
    (void)sendto(fd, reply.bytes, reply.len, 0, (struct sockaddr *)&from, from_len);
}

static void open_server(struct fixture *f, struct server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    server->loop = f->loop;
    server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(server->fd >= 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&at, &len), 0);
    kms_text_format(server->text, sizeof server->text, "127.0.0.1:%u",
                    (unsigned)ntohs(at.sin_port));
    server->watch = kms_watch_new(f->loop, server->fd, KMS_READABLE, serve, server);
    assert_non_null(server->watch);
}

static void close_server(struct server *server)
{
    while (server->late_count > 0) {
        kms_timer_free(server->late[--server->late_count].timer);
    }
    kms_watch_free(server->watch);
    server->watch = NULL;
    if (server->fd >= 0) {
        close(server->fd);
        server->fd = -1;
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const struct kms_clock clock = kms_clock_system();
    (void)signal(SIGPIPE, SIG_IGN);
    f->try_ms = 20000;
    f->loop = kms_loop_new(&clock);
    assert_non_null(f->loop);
    open_server(f, &f->server[0]);
    open_server(f, &f->server[1]);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kms_resolver_free(f->resolver);
    close_server(&f->server[0]);
    close_server(&f->server[1]);
    kms_loop_free(f->loop);
    free(f);
    return 0;
}

static void open_resolver(struct fixture *f, size_t servers)
{
    char list[80];
    kms_text_copy(list, sizeof list, f->server[0].text);
    if (servers > 1) {
        kms_text_append(list, sizeof list, ",%s", f->server[1].text);
    }
    const struct kms_resolver_setup setup = {.servers = list, .try_ms = f->try_ms};
    assert_int_equal(kms_resolver_new(f->loop, &setup, &f->resolver, NULL), KMS_OK);
}

static void done(void *arg, const struct kms_dns_domain *domain)
{
    struct fixture *f = arg;
    f->calls++;
    f->outcome = domain->outcome;
    f->count = domain->set.count;
    f->target_count = domain->target_count;
    if (domain->target_count > 0) {
        f->target_outcome = domain->target[0].outcome;
        f->address_count = domain->target[0].found.count;
    }
    kms_text_copy(f->detail, sizeof f->detail, domain->detail);
    kms_text_copy(f->from, sizeof f->from, domain->server);
    kms_loop_stop(f->loop);
}

static void ask(struct fixture *f, size_t servers, int64_t timeout_ms)
{
    open_resolver(f, servers);
    assert_non_null(kms_dns_start(f->resolver, f->loop, "kms.lab", timeout_ms, done, f));
    assert_int_equal(f->calls, 0);
    kms_loop_run(f->loop);
    assert_int_equal(f->calls, 1);
}

static void records_and_addresses_are_found(void **state)
{
    struct fixture *f = *state;
    ask(f, 1, 20000);
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->count, 1);
    assert_int_equal(f->target_count, 1);
    assert_int_equal(f->target_outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->address_count, 1);
    assert_string_equal(f->from, f->server[0].text);
    assert_int_equal(f->server[0].asked, 3);
}

static void a_target_without_address_is_known_as_such(void **state)
{
    struct fixture *f = *state;
    f->server[0].behaviour = NO_ADDRESS;
    ask(f, 1, 20000);
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->target_outcome, KMS_OUTCOME_DNS_NXDOMAIN);
    assert_int_equal(f->address_count, 0);
}

static void codes_of_the_only_server_are_named(void **state)
{
    struct fixture *f = *state;
    static const struct {
        unsigned rcode;
        enum kms_outcome outcome;
    } cases[] = {{0, KMS_OUTCOME_DNS_NODATA},
                 {1, KMS_OUTCOME_DNS_NOT_SUPPORTED},
                 {2, KMS_OUTCOME_DNS_SERVFAIL},
                 {3, KMS_OUTCOME_DNS_NXDOMAIN},
                 {5, KMS_OUTCOME_DNS_REFUSED}};
    f->server[0].behaviour = CODE;
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        f->server[0].rcode = cases[i].rcode;
        f->calls = 0;
        ask(f, 1, 20000);
        assert_int_equal(f->outcome, cases[i].outcome);
        assert_non_null(strstr(f->detail, f->server[0].text));
        kms_resolver_free(f->resolver);
        f->resolver = NULL;
    }
}

static void a_cut_answer_is_malformed(void **state)
{
    struct fixture *f = *state;
    f->server[0].behaviour = CUT;
    ask(f, 1, 20000);
    assert_int_equal(f->outcome, KMS_OUTCOME_DNS_MALFORMED);
    assert_non_null(strstr(f->detail, "runs past the end"));
}

static void silence_is_a_timeout_after_three_tries(void **state)
{
    struct fixture *f = *state;
    f->try_ms = 100;
    f->server[0].behaviour = SILENT;
    ask(f, 1, 60000);
    assert_int_equal(f->outcome, KMS_OUTCOME_DNS_TIMEOUT);
    assert_int_equal(f->server[0].asked, 3);
}

static void an_answer_with_a_long_way_is_waited_for_after_the_first_round(void **state)
{
    struct fixture *f = *state;
    f->try_ms = 200;
    f->server[0].behaviour = LATE;
    ask(f, 1, 60000);
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->count, 1);
}

static void garbage_is_not_taken_for_an_answer(void **state)
{
    struct fixture *f = *state;
    f->try_ms = 100;
    f->server[0].behaviour = GARBAGE;
    ask(f, 1, 60000);
    assert_int_equal(f->outcome, KMS_OUTCOME_DNS_TIMEOUT);
}

static void the_deadline_ends_a_question_that_nobody_answers(void **state)
{
    struct fixture *f = *state;
    f->server[0].behaviour = SILENT;
    ask(f, 1, 1);
    assert_int_equal(f->outcome, KMS_OUTCOME_DNS_TIMEOUT);
}

static void the_next_server_is_asked_when_the_first_is_silent(void **state)
{
    struct fixture *f = *state;
    f->try_ms = 100;
    f->server[0].behaviour = SILENT;
    ask(f, 2, 60000);
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->from, f->server[1].text);
}

static int64_t standing_us(void *arg)
{
    const struct fixture *f = arg;
    return f->standing_us;
}

static void ask_again(struct fixture *f, const char *from)
{
    f->calls = 0;
    assert_non_null(kms_dns_start(f->resolver, f->loop, "kms.lab", 60000, done, f));
    kms_loop_run(f->loop);
    assert_int_equal(f->calls, 1);
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->target_outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->from, from);
}

/* On a clock that stands still, so that half minutes pass when they are meant to. */
static void a_server_that_never_answers_holds_up_three_questions_and_no_more(void **state)
{
    struct fixture *f = *state;
    close_server(&f->server[0]);
    close_server(&f->server[1]);
    kms_loop_free(f->loop);
    const struct kms_clock clock = {.mono_us = standing_us, .wall_us = standing_us, .arg = f};
    f->standing_us = 1;
    f->loop = kms_loop_new(&clock);
    assert_non_null(f->loop);
    open_server(f, &f->server[0]);
    open_server(f, &f->server[1]);
    f->try_ms = 100;
    f->server[0].behaviour = SILENT;
    open_resolver(f, 2);
    for (int i = 0; i < 20; i++) {
        ask_again(f, f->server[1].text);
    }
    assert_int_equal(f->server[0].asked, 3);
    assert_int_equal(f->server[1].asked, 20 * 3);
    f->standing_us += INT64_C(30000000);
    ask_again(f, f->server[1].text);
    ask_again(f, f->server[1].text);
    assert_int_equal(f->server[0].asked, 4);
    f->server[0].behaviour = f->server[1].behaviour;
    ask_again(f, f->server[1].text);
    f->standing_us += INT64_C(30000000);
    ask_again(f, f->server[0].text);
    ask_again(f, f->server[0].text);
    assert_int_equal(f->server[0].asked, 4 + 2 * 3);
}

static void the_next_server_is_asked_when_the_first_fails(void **state)
{
    struct fixture *f = *state;
    f->server[0].behaviour = CODE;
    f->server[0].rcode = 2;
    ask(f, 2, 60000);
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->from, f->server[1].text);
    assert_int_equal(f->server[0].asked, 3); /* once for each question, and not again */
}

static void an_answer_says_more_than_silence(void **state)
{
    struct fixture *f = *state;
    f->try_ms = 100;
    f->server[0].behaviour = CODE;
    f->server[0].rcode = 5;
    f->server[1].behaviour = SILENT;
    ask(f, 2, 60000);
    assert_int_equal(f->outcome, KMS_OUTCOME_DNS_REFUSED);
    assert_string_equal(f->from, f->server[0].text);
}

static void a_port_where_nobody_listens_is_unreachable(void **state)
{
    struct fixture *f = *state;
    close_server(&f->server[0]);
    ask(f, 1, 60000);
    assert_int_equal(f->outcome, KMS_OUTCOME_DNS_UNREACHABLE);
}

static void a_name_that_is_too_long_is_not_asked(void **state)
{
    struct fixture *f = *state;
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    open_resolver(f, 1);
    assert_non_null(kms_dns_start(f->resolver, f->loop, name, 20000, done, f));
    kms_loop_run(f->loop);
    assert_int_equal(f->outcome, KMS_OUTCOME_DNS_NAME);
    assert_int_equal(f->server[0].asked, 0);
}

static void a_name_that_dns_would_write_otherwise_is_not_asked(void **state)
{
    struct fixture *f = *state;
    static const char *const name[] = {"a b.lab", " ", "a\\b", "a\tb", "m\xc3\xbcnchen.lab",
                                       "a\x7f"};
    open_resolver(f, 1);
    for (size_t i = 0; i < KMS_COUNT_OF(name); i++) {
        assert_false(kms_dns_domain_plain(name[i]));
        f->outcome = KMS_OUTCOME_NONE;
        assert_non_null(kms_dns_start(f->resolver, f->loop, name[i], 20000, done, f));
        kms_loop_run(f->loop);
        assert_int_equal(f->outcome, KMS_OUTCOME_DNS_NAME);
    }
    assert_true(kms_dns_domain_plain("xn--mnchen-3ya.Lab_1."));
    assert_int_equal(f->server[0].asked, 0);
}

static void resolved(void *arg, const struct kms_resolved *found)
{
    struct fixture *f = arg;
    f->calls++;
    f->outcome = found->outcome;
    f->address_count = found->count;
    if (found->count > 0) {
        kms_address_text(&found->address[0], f->detail, sizeof f->detail);
    }
    kms_loop_stop(f->loop);
}

static void resolve(struct fixture *f, const char *name)
{
    f->calls = 0;
    assert_non_null(kms_resolve_start(f->resolver, name, 20000, resolved, f));
    assert_int_equal(f->calls, 0);
    kms_loop_run(f->loop);
    assert_int_equal(f->calls, 1);
}

static void addresses_of_a_name_come_from_dns(void **state)
{
    struct fixture *f = *state;
    open_resolver(f, 1);
    resolve(f, "kms1.kms.lab");
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->address_count, 1);
    assert_string_equal(f->detail, "192.0.2.1");
}

static void an_address_is_its_own_answer(void **state)
{
    struct fixture *f = *state;
    open_resolver(f, 1);
    resolve(f, "2001:db8::7");
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->detail, "2001:db8::7");
    assert_int_equal(f->server[0].asked, 0);
}

static void a_name_that_does_not_exist_has_no_address(void **state)
{
    struct fixture *f = *state;
    f->server[0].behaviour = NO_ADDRESS;
    open_resolver(f, 1);
    resolve(f, "kms1.kms.lab");
    assert_int_equal(f->outcome, KMS_OUTCOME_DNS_NXDOMAIN);
}

static void what_was_cancelled_does_not_call(void **state)
{
    struct fixture *f = *state;
    f->server[0].behaviour = SILENT;
    open_resolver(f, 1);
    struct kms_dns_probe *probe = kms_dns_start(f->resolver, f->loop, "kms.lab", 20000, done, f);
    struct kms_question *question = kms_resolve_start(f->resolver, "kms1.kms.lab", 20000, resolved,
                                                      f);
    assert_non_null(probe);
    assert_non_null(question);
    while (f->server[0].asked == 0) {
        kms_loop_once(f->loop, 1000);
    }
    kms_dns_cancel(probe);
    kms_question_cancel(question);
    kms_question_cancel(NULL);
    kms_dns_cancel(NULL);
    kms_loop_once(f->loop, 1);
    assert_int_equal(f->calls, 0);
}

static void servers_are_read_with_and_without_port(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *list, *shown;
    } good[] = {
        {"192.0.2.53", "192.0.2.53"},
        {"192.0.2.53:5353, 192.0.2.54", "192.0.2.53:5353, 192.0.2.54"},
        {"2001:db8::53", "2001:db8::53"},
        {"[2001:db8::53],[2001:db8::54]:54", "2001:db8::53, [2001:db8::54]:54"},
    };
    static const char *const bad[] = {
        "",  ",",         "dns1", "192.0.2.53:",      "192.0.2.53:0",
        "[", "[::1]5353", "::1,", "192.0.2.53:65536", "::1,::1,::1,::1,::1,::1,::1,::1,::1"};
    char shown[200];
    for (size_t i = 0; i < KMS_COUNT_OF(good); i++) {
        const struct kms_resolver_setup setup = {.servers = good[i].list};
        struct kms_resolver *resolver;
        assert_int_equal(kms_resolver_new(f->loop, &setup, &resolver, NULL), KMS_OK);
        kms_resolver_servers(resolver, shown, sizeof shown);
        assert_string_equal(shown, good[i].shown);
        kms_resolver_free(resolver);
    }
    for (size_t i = 0; i < KMS_COUNT_OF(bad); i++) {
        const struct kms_resolver_setup setup = {.servers = bad[i]};
        struct kms_resolver *resolver = NULL;
        struct kms_fault fault = {.text = ""};
        assert_int_not_equal(kms_resolver_new(f->loop, &setup, &resolver, &fault), KMS_OK);
        assert_null(resolver);
        assert_true(fault.text[0] != '\0');
    }
}

static void the_root_has_no_address_and_is_not_asked_for(void **state)
{
    struct fixture *f = *state;
    open_resolver(f, 1);
    static const char *const name[] = {"", "."};
    for (size_t i = 0; i < KMS_COUNT_OF(name); i++) {
        resolve(f, name[i]);
        assert_int_equal(f->outcome, KMS_OUTCOME_DNS_NAME);
    }
    assert_int_equal(f->server[0].asked, 0);
}

static void a_dot_at_the_end_is_not_asked_for(void **state)
{
    struct fixture *f = *state;
    open_resolver(f, 1);
    resolve(f, "kms1.kms.lab.");
    assert_int_equal(f->outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->detail, "192.0.2.1");
}

/* As in "search .", which resolv.conf has where a machine has no search domain. */
static void the_root_is_no_search_domain(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(setenv("LOCALDOMAIN", ". kms.lab", 1), 0);
    open_resolver(f, 1);
    assert_string_equal(kms_resolver_domain(f->resolver, 0), "kms.lab");
    assert_null(kms_resolver_domain(f->resolver, 1));
    kms_resolver_free(f->resolver);
    assert_int_equal(setenv("LOCALDOMAIN", ".", 1), 0);
    open_resolver(f, 1);
    assert_int_equal(unsetenv("LOCALDOMAIN"), 0);
    assert_null(kms_resolver_domain(f->resolver, 0));
}

#define WITH_SERVERS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVERS(records_and_addresses_are_found),
        WITH_SERVERS(a_target_without_address_is_known_as_such),
        WITH_SERVERS(codes_of_the_only_server_are_named),
        WITH_SERVERS(a_cut_answer_is_malformed),
        WITH_SERVERS(silence_is_a_timeout_after_three_tries),
        WITH_SERVERS(garbage_is_not_taken_for_an_answer),
        WITH_SERVERS(the_deadline_ends_a_question_that_nobody_answers),
        WITH_SERVERS(an_answer_with_a_long_way_is_waited_for_after_the_first_round),
        WITH_SERVERS(the_next_server_is_asked_when_the_first_is_silent),
        WITH_SERVERS(a_server_that_never_answers_holds_up_three_questions_and_no_more),
        WITH_SERVERS(the_next_server_is_asked_when_the_first_fails),
        WITH_SERVERS(an_answer_says_more_than_silence),
        WITH_SERVERS(a_port_where_nobody_listens_is_unreachable),
        WITH_SERVERS(a_name_that_is_too_long_is_not_asked),
        WITH_SERVERS(a_name_that_dns_would_write_otherwise_is_not_asked),
        WITH_SERVERS(addresses_of_a_name_come_from_dns),
        WITH_SERVERS(an_address_is_its_own_answer),
        WITH_SERVERS(a_name_that_does_not_exist_has_no_address),
        WITH_SERVERS(the_root_has_no_address_and_is_not_asked_for),
        WITH_SERVERS(a_dot_at_the_end_is_not_asked_for),
        WITH_SERVERS(what_was_cancelled_does_not_call),
        WITH_SERVERS(servers_are_read_with_and_without_port),
        WITH_SERVERS(the_root_is_no_search_domain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
