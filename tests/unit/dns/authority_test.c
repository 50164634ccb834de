/* Every server of a zone asked, against two name servers that live in the same loop: one is the
 * resolver too. */
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
#include "dns/authority.h"
#include "unit/dns/message.h"

enum behaviour {
    SAME,    /* one record, kms1.kms.lab */
    MORE,    /* and kms2.kms.lab */
    NONE,    /* no record: NODATA */
    ALIAS,   /* an alias of a name in another zone */
    LAME,    /* no authority */
    REFUSED, /* says so */
    CUT,     /* too long for UDP, and there is no TCP */
    SILENT,
    FORGED, /* the record, behind forged replies of every kind */
    CIRCLE  /* aliases */
};

struct server {
    int fd, stranger; /* another port of the same address */
    struct kms_watch *watch;
    enum behaviour behaviour;
    const char *address;
    unsigned srv_asked;
    bool recursion; /* the last SRV question wished for it */
};

struct fixture {
    struct kms_loop *loop;
    struct kms_resolver *resolver;
    struct server server[2];
    uint16_t port;
    bool nameless; /* the zone has no NS records */
    bool unknown;  /* the second server's name has no address */
    int calls;
    struct kms_authority authority;
};

static struct message reply;

static void name_of(const uint8_t *query, size_t len, char name[KMS_DNS_NAME_SIZE])
{
    struct kms_rd rd = kms_rd_over(query, len);
    rd.at = 12;
    assert_true(kms_dns_name(&rd, name));
}

static void fill_srv(enum behaviour behaviour)
{
    unsigned count = behaviour == MORE ? 2 : 1;
    switch (behaviour) {
    case NONE:
        begin(&reply, 0, 0, ASKED, 33);
        break;
    case LAME:
        begin(&reply, 0, 0, ASKED, 33);
        break;
    case REFUSED:
        begin(&reply, 5, 0, ASKED, 33);
        break;
    case ALIAS:
        begin(&reply, 0, 1, ASKED, 33);
        put_record(&reply, 5, 60, (unsigned)name_len("x.other.lab"));
        put_name(&reply, "x.other.lab");
        break;
    case CIRCLE:
        begin(&reply, 0, 1, ASKED, 33);
        put_record(&reply, 5, 60, 2);
        put16(&reply, 0xC00C);
        break;
    default:
        begin(&reply, 0, count, ASKED, 33);
        put_srv(&reply, 0, 0, 1688, 300, "kms1.kms.lab");
        if (count > 1) {
            put_srv(&reply, 5, 10, 1688, 300, "kms2.kms.lab");
        }
        break;
    }
    reply.bytes[2] |= behaviour == LAME ? 0 : 0x04;
    reply.bytes[2] |= behaviour == CUT ? 0x02 : 0;
}

/* Only the first server is asked for these. */
static void fill_zone(const struct fixture *f, const char *name, unsigned type)
{
    if (type == 2 && kms_dns_name_equal(name, "kms.lab") && !f->nameless) {
        begin(&reply, 0, 2, name, 2);
        put_record(&reply, 2, 300, (unsigned)name_len("ns1.kms.lab"));
        put_name(&reply, "ns1.kms.lab");
        put_record(&reply, 2, 300, (unsigned)name_len("ns2.kms.lab"));
        put_name(&reply, "ns2.kms.lab");
    } else if (type == 1 && !(f->unknown && kms_dns_name_equal(name, "ns2.kms.lab"))) {
        begin(&reply, 0, 1, name, 1);
        put_record(&reply, 1, 300, 4);
        put_bytes(&reply, kms_dns_name_equal(name, "ns1.kms.lab") ? "\177\0\0\1" : "\177\0\0\2", 4);
    } else {
        begin(&reply, kms_dns_name_equal(name, "_tcp.kms.lab") ? 3 : 0, 0, name, type);
    }
}

static void send_reply(int fd, const struct sockaddr_in *to)
{
    (void)sendto(fd, reply.bytes, reply.len, 0, (const struct sockaddr *)to, sizeof *to);
}

/* The same names one record that is not the zone's: with a wrong id, from a wrong port, and for
 * another question. */
static void forge(const struct server *server, const uint8_t *query, const struct sockaddr_in *to)
{
    static const char *const asked[] = {ASKED, ASKED, "_vlmcs._tcp.evil.lab"};
    for (size_t i = 0; i < KMS_COUNT_OF(asked); i++) {
        begin(&reply, 0, 1, asked[i], 33);
        put_srv(&reply, 0, 0, 1688, 300, "evil.lab");
        reply.bytes[2] |= 0x04;
        memcpy(reply.bytes, query, 2);
        reply.bytes[1] ^= i == 0 ? 0x55 : 0;
        send_reply(i == 1 ? server->stranger : server->fd, to);
    }
}

static struct fixture *fixture_of(const struct server *server)
{
    const struct server *first = kms_text_equal(server->address, "127.0.0.1") ? server : server - 1;
    return (struct fixture *)((uintptr_t)first - offsetof(struct fixture, server));
}

static void serve(void *arg, int fd, unsigned ready)
{
    (void)ready;
    struct server *server = arg;
    uint8_t query[512];
    char name[KMS_DNS_NAME_SIZE];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t len = recvfrom(fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_len);
    if (len < 16) {
        return;
    }
    unsigned type = query[len - 3];
    name_of(query, (size_t)len, name);
    if (type == 33) {
        server->srv_asked++;
        server->recursion = (query[2] & 0x01) != 0;
        if (server->behaviour == SILENT) {
            return;
        }
        if (server->behaviour == FORGED) {
            forge(server, query, &from);
        }
        fill_srv(server->behaviour);
    } else {
        fill_zone(fixture_of(server), name, type);
    }
    memcpy(reply.bytes, query, 2);
    send_reply(server->fd, &from);
}

static int open_at(const char *address, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Both on one number, as both would be on 53. */
static void open_servers(struct fixture *f)
{
    for (int tries = 0; f->server[1].fd < 0; tries++) {
        struct sockaddr_in at;
        socklen_t len = sizeof at;
        assert_true(tries < 20);
        if (f->server[0].fd >= 0) {
            close(f->server[0].fd);
        }
        f->server[0].fd = open_at("127.0.0.1", 0);
        assert_true(f->server[0].fd >= 0);
        assert_int_equal(getsockname(f->server[0].fd, (struct sockaddr *)&at, &len), 0);
        f->port = ntohs(at.sin_port);
        f->server[1].fd = open_at("127.0.0.2", f->port);
    }
    f->server[0].address = "127.0.0.1";
    f->server[1].address = "127.0.0.2";
    for (size_t i = 0; i < 2; i++) {
        struct server *server = &f->server[i];
        server->stranger = open_at(server->address, 0);
        server->watch = kms_watch_new(f->loop, server->fd, KMS_READABLE, serve, server);
        assert_non_null(server->watch);
    }
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const struct kms_clock clock = kms_clock_system();
    (void)signal(SIGPIPE, SIG_IGN);
    f->loop = kms_loop_new(&clock);
    assert_non_null(f->loop);
    f->server[0].fd = f->server[1].fd = -1;
    open_servers(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kms_resolver_free(f->resolver);
    kms_authority_done(&f->authority);
    for (size_t i = 0; i < 2; i++) {
        kms_watch_free(f->server[i].watch);
        close(f->server[i].fd);
        close(f->server[i].stranger);
    }
    kms_loop_free(f->loop);
    free(f);
    return 0;
}

static void done(void *arg, const struct kms_authority *authority)
{
    struct fixture *f = arg;
    f->calls++;
    kms_authority_done(&f->authority);
    assert_true(kms_authority_copy(&f->authority, authority, "kms.lab"));
    kms_loop_stop(f->loop);
}

static void open_resolver(struct fixture *f, int64_t try_ms)
{
    char list[40];
    kms_text_format(list, sizeof list, "127.0.0.1:%u", (unsigned)f->port);
    const struct kms_resolver_setup setup = {.servers = list, .try_ms = try_ms};
    assert_int_equal(kms_resolver_new(f->loop, &setup, &f->resolver, NULL), KMS_OK);
}

static void ask_list(struct fixture *f, const char *list)
{
    const struct kms_authority_setup setup = {
        .servers = list, .port = f->port, .timeout_ms = 60000};
    if (!f->resolver) {
        open_resolver(f, 20000);
    }
    f->calls = 0;
    assert_non_null(kms_authority_start(f->resolver, f->loop, "kms.lab", &setup, done, f));
    assert_int_equal(f->calls, 0);
    kms_loop_run(f->loop);
    assert_int_equal(f->calls, 1);
}

static struct kms_authority_verdict ask(struct fixture *f)
{
    struct kms_authority_verdict verdict;
    ask_list(f, NULL);
    kms_authority_judge(&f->authority, NULL, &verdict);
    return verdict;
}

static void the_servers_of_the_zone_are_found_and_asked(void **state)
{
    struct fixture *f = *state;
    struct kms_authority_verdict verdict = ask(f);
    assert_int_equal(f->authority.outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->authority.zone, "kms.lab");
    assert_int_equal(f->authority.count, 2);
    assert_string_equal(f->authority.server[0].name, "ns1.kms.lab");
    assert_string_equal(f->authority.server[1].name, "ns2.kms.lab");
    assert_int_equal(verdict.answered, 2);
    assert_int_equal(verdict.silent, 0);
    assert_true(verdict.known);
    assert_false(verdict.differ);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(f->authority.server[i].set.count, 1);
        assert_int_equal(f->server[i].srv_asked, 1);
        assert_false(f->server[i].recursion);
    }
}

static void a_record_that_one_of_them_lacks_is_named(void **state)
{
    struct fixture *f = *state;
    char text[400], wanted[200];
    f->server[0].behaviour = MORE;
    struct kms_authority_verdict verdict = ask(f);
    assert_true(verdict.differ);
    kms_authority_lacks(&f->authority, NULL, 0, text, sizeof text);
    assert_string_equal(text, "");
    kms_authority_lacks(&f->authority, NULL, 1, text, sizeof text);
    assert_string_equal(text, "lacks kms2.kms.lab:1688 (priority 5, weight 10)");
    kms_authority_text(&f->authority, NULL, text, sizeof text);
    kms_text_format(wanted, sizeof wanted,
                    "127.0.0.2:%u lacks kms2.kms.lab:1688 (priority 5, weight 10)",
                    (unsigned)f->port);
    assert_string_equal(text, wanted);
}

static void no_record_differs_from_one(void **state)
{
    struct fixture *f = *state;
    f->server[1].behaviour = NONE;
    struct kms_authority_verdict verdict = ask(f);
    assert_int_equal(f->authority.server[1].outcome, KMS_OUTCOME_DNS_NODATA);
    assert_int_equal(verdict.answered, 2);
    assert_true(verdict.differ);
}

/* The resolver is told apart, and what it remembers is no disagreement among the servers. */
static void a_resolver_that_says_something_else_is_told(void **state)
{
    struct fixture *f = *state;
    struct kms_authority_verdict verdict;
    struct kms_dns_domain resolver = {.name = "kms.lab", .outcome = KMS_OUTCOME_DNS_NXDOMAIN};
    (void)ask(f);
    kms_authority_judge(&f->authority, &resolver, &verdict);
    assert_false(verdict.differ);
    assert_true(verdict.resolver_differs);
    assert_true(kms_srv_set_copy(&resolver.set, &f->authority.server[0].set));
    resolver.outcome = KMS_OUTCOME_OK;
    resolver.set.srv[0].ttl = 7; /* counts not */
    kms_text_copy(resolver.set.srv[0].target, KMS_DNS_NAME_SIZE, "KMS1.kms.LAB.");
    kms_authority_judge(&f->authority, &resolver, &verdict);
    assert_false(verdict.resolver_differs);
    resolver.set.srv[0].weight = 9;
    kms_authority_judge(&f->authority, &resolver, &verdict);
    assert_true(verdict.resolver_differs);
    kms_srv_set_done(&resolver.set);
}

static void a_server_that_has_but_the_alias_agrees_with_all(void **state)
{
    struct fixture *f = *state;
    f->server[1].behaviour = ALIAS;
    struct kms_authority_verdict verdict = ask(f);
    assert_string_equal(f->authority.server[1].alias, "x.other.lab");
    assert_int_equal(verdict.answered, 2);
    assert_false(verdict.differ);
}

static void what_is_no_answer_has_its_own_outcome(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum behaviour behaviour;
        enum kms_outcome outcome;
    } cases[] = {{LAME, KMS_OUTCOME_DNS_LAME},
                 {REFUSED, KMS_OUTCOME_DNS_REFUSED},
                 {CUT, KMS_OUTCOME_DNS_TRUNCATED},
                 {CIRCLE, KMS_OUTCOME_DNS_LOOP}};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        f->server[1].behaviour = cases[i].behaviour;
        struct kms_authority_verdict verdict = ask(f);
        const struct kms_authority_server *server = &f->authority.server[1];
        assert_int_equal(server->outcome, cases[i].outcome);
        assert_true(server->detail[0] != '\0');
        assert_int_equal(verdict.answered, 1);
        assert_int_equal(verdict.silent, 1);
        assert_false(verdict.known);
        assert_false(verdict.differ);
    }
}

static void silence_of_one_holds_no_other_up(void **state)
{
    struct fixture *f = *state;
    open_resolver(f, 50);
    f->server[1].behaviour = SILENT;
    struct kms_authority_verdict verdict = ask(f);
    assert_int_equal(f->authority.server[0].outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->authority.server[1].outcome, KMS_OUTCOME_DNS_TIMEOUT);
    assert_int_equal(f->server[1].srv_asked, 3);
    assert_int_equal(verdict.silent, 1);
}

static void forged_replies_change_nothing(void **state)
{
    struct fixture *f = *state;
    f->server[0].behaviour = f->server[1].behaviour = FORGED;
    struct kms_authority_verdict verdict = ask(f);
    assert_int_equal(verdict.answered, 2);
    assert_false(verdict.differ);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(f->authority.server[i].set.count, 1);
        assert_string_equal(f->authority.server[i].set.srv[0].target, "kms1.kms.lab");
        assert_int_equal(f->server[i].srv_asked, 1);
    }
}

static void a_list_needs_no_ns_records(void **state)
{
    struct fixture *f = *state;
    char list[80];
    kms_text_format(list, sizeof list, "127.0.0.2:%u , 127.0.0.1:%u,127.0.0.2:%u",
                    (unsigned)f->port, (unsigned)f->port, (unsigned)f->port);
    f->nameless = true;
    ask_list(f, list);
    assert_int_equal(f->authority.outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->authority.count, 2); /* one is there twice */
    assert_string_equal(f->authority.zone, "");
    assert_string_equal(f->authority.server[0].name, "");
    assert_int_equal(f->authority.server[0].set.count, 1);
}

static void a_zone_that_is_not_found_is_said(void **state)
{
    struct fixture *f = *state;
    f->nameless = true;
    struct kms_authority_verdict verdict = ask(f);
    assert_int_equal(f->authority.outcome, KMS_OUTCOME_DNS_NODATA);
    assert_int_equal(f->authority.count, 0);
    assert_true(f->authority.detail[0] != '\0');
    assert_false(verdict.known);
}

static void a_server_without_address_is_listed(void **state)
{
    struct fixture *f = *state;
    f->unknown = true;
    struct kms_authority_verdict verdict = ask(f);
    assert_int_equal(f->authority.count, 2);
    assert_string_equal(f->authority.server[1].name, "ns2.kms.lab");
    assert_string_equal(f->authority.server[1].text, "");
    assert_int_equal(f->authority.server[1].outcome, KMS_OUTCOME_DNS_NODATA);
    assert_int_equal(verdict.answered, 1);
    assert_int_equal(verdict.silent, 1);
}

static void a_probe_may_be_cancelled_at_any_turn(void **state)
{
    struct fixture *f = *state;
    const struct kms_authority_setup setup = {.port = f->port, .timeout_ms = 60000};
    open_resolver(f, 20000);
    f->server[0].behaviour = f->server[1].behaviour = SILENT;
    for (int turns = 0; turns < 12; turns++) {
        struct kms_authority_probe *probe = kms_authority_start(f->resolver, f->loop, "kms.lab",
                                                                &setup, done, f);
        assert_non_null(probe);
        for (int i = 0; i < turns; i++) {
            kms_loop_once(f->loop, 0);
        }
        kms_authority_cancel(probe);
    }
    assert_int_equal(f->calls, 0);
}

#define WITH_SERVERS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVERS(the_servers_of_the_zone_are_found_and_asked),
        WITH_SERVERS(a_record_that_one_of_them_lacks_is_named),
        WITH_SERVERS(no_record_differs_from_one),
        WITH_SERVERS(a_resolver_that_says_something_else_is_told),
        WITH_SERVERS(a_server_that_has_but_the_alias_agrees_with_all),
        WITH_SERVERS(what_is_no_answer_has_its_own_outcome),
        WITH_SERVERS(silence_of_one_holds_no_other_up),
        WITH_SERVERS(forged_replies_change_nothing),
        WITH_SERVERS(a_list_needs_no_ns_records),
        WITH_SERVERS(a_zone_that_is_not_found_is_said),
        WITH_SERVERS(a_server_without_address_is_listed),
        WITH_SERVERS(a_probe_may_be_cancelled_at_any_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
