/* The probe against endpoints that really refuse, stay silent, reset, speak something else, reject,
 * accept, drip and flood. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/resolve.h"
#include "net/tcp.h"
#include "rpc/bind.h"
#include "rpc/probe.h"

#define LONG_MS  20000 /* never reached */
#define SHORT_MS 400   /* always reached */
#define LATER_MS 1500  /* reached in the second bind, which is given more time */

static const uint8_t ack[] = {
    5,    0,    12,   3,    0x10, 0,    0,    0,    60,   0,    0,    0,    2,    0,    0,
    0,    0xd0, 0x16, 0xd0, 0x16, 0x34, 0x12, 0,    0,    5,    0,    '1',  '6',  '8',  '8',
    0,    0,    1,    0,    0,    0,    0,    0,    0,    0,    0x04, 0x5d, 0x88, 0x8a, 0xeb,
    0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x00, 0x00,
};
static const uint8_t other_interface[60] = {
    5, 0, 12, 3, 0x10, 0, 0,   0,   60,  0, 0, 0, 2, 0, 0, 0, 0xd0, 0x16, 0xd0, 0x16,
    0, 1, 0,  0, 5,    0, '1', '3', '5', 0, 0, 0, 1, 0, 0, 0, 2,    0,    1,    0,
};
/* What recorded hosts answered to a bind that offered NDR64 alone, and to one that offered a syntax
 * that they do not know. */
static const uint8_t ack64[] = {
    5,    0,    12,   3,    0x10, 0,    0,    0,    60,   0,    0,    0,    2,    0,    0,
    0,    0xd0, 0x16, 0xd0, 0x16, 0xa0, 0xe1, 0xc8, 0xc0, 6,    0,    '2',  '0',  '0',  '4',
    '9',  0,    1,    0,    0,    0,    0,    0,    0,    0,    0x33, 0x05, 0x71, 0x71, 0xba,
    0xbe, 0x37, 0x49, 0x83, 0x19, 0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36, 0x01, 0x00, 0x00, 0x00,
};
static const uint8_t other_syntax[60] = {
    5,    0,    12,   3, 0x10, 0, 0,   0,   60,  0,   0,   0, 2, 0, 0, 0, 0xd0, 0x16, 0xd0, 0x16,
    0x64, 0x58, 0x0e, 1, 6,    0, '2', '0', '1', '4', '7', 0, 1, 0, 0, 0, 2,    0,    2,    0,
};
static const uint8_t nak[] = {5, 0, 13, 3, 0x10, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 4, 0, 1, 5, 0};

/* ---- a scripted endpoint ---- */

enum act {
    REPLY,   /* read the bind, answer, wait for the end */
    PIECES,  /* the same, a byte at a time */
    BANNER,  /* speak first */
    DRIP,    /* a byte a second */
    ENDLESS, /* the reply, then garbage until the client goes */
    HANG_UP, /* read the bind, close */
    RESET,   /* read the bind, reset */
};

struct endpoint {
    struct endpoint *next; /* for the connection after this one; NULL: there is none */
    enum act act;
    const void *reply;
    size_t len;
    int listener;
    uint16_t port;
    pthread_t thread;
    uint8_t got[1024]; /* all that the client sent */
    size_t got_len;
    int end; /* of the connection: 0 FIN, else errno */
    uint64_t flooded;
};

static int listen_on(int backlog, const char *host, uint16_t *port)
{
    struct kms_address address;
    assert_true(kms_address_parse(host, *port, &address));
    int fd = socket(kms_address_family(&address), SOCK_STREAM, 0);
    assert_true(fd >= 0);
    socklen_t len = kms_address_len(&address);
    if (bind(fd, &address.to.any, len) != 0) {
        close(fd);
        return -1;
    }
    assert_int_equal(getsockname(fd, &address.to.any, &len), 0);
    *port = ntohs(kms_address_family(&address) == AF_INET6 ? address.to.v6.sin6_port
                                                           : address.to.v4.sin_port);
    if (backlog >= 0) {
        assert_int_equal(listen(fd, backlog), 0);
    }
    return fd;
}

/* Until wanted bytes are there, or the client's end. */
static void read_until(struct endpoint *e, int fd, size_t wanted)
{
    while (e->got_len < wanted && e->got_len < sizeof e->got) {
        ssize_t got = recv(fd, e->got + e->got_len, sizeof e->got - e->got_len, 0);
        if (got <= 0) {
            e->end = got == 0 ? 0 : errno;
            return;
        }
        e->got_len += (size_t)got;
    }
}

static void write_slowly(const struct endpoint *e, int fd, int pause_ms)
{
    const uint8_t *bytes = e->reply;
    for (size_t i = 0; i < e->len; i++) {
        struct pollfd gone = {.fd = fd, .events = POLLRDHUP};
        if (send(fd, bytes + i, 1, MSG_NOSIGNAL) != 1 || poll(&gone, 1, pause_ms) != 0) {
            return;
        }
    }
}

static void flood(struct endpoint *e, int fd)
{
    static const uint8_t garbage[65536];
    ssize_t sent;
    while ((sent = send(fd, garbage, sizeof garbage, MSG_NOSIGNAL)) > 0) {
        e->flooded += (uint64_t)sent;
    }
}

static void act(struct endpoint *e, int fd)
{
    if (e->act != BANNER) {
        read_until(e, fd, KMS_RPC_BIND_SIZE);
    }
    switch (e->act) {
    case REPLY:
    case BANNER:
    case ENDLESS:
        (void)send(fd, e->reply, e->len, MSG_NOSIGNAL);
        break;
    case PIECES:
        write_slowly(e, fd, 0);
        break;
    case DRIP:
        write_slowly(e, fd, 1000);
        break;
    case HANG_UP:
        return;
    case RESET: {
        struct linger now = {.l_onoff = 1};
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return;
    }
    }
    if (e->act == ENDLESS) {
        flood(e, fd);
    } else {
        read_until(e, fd, sizeof e->got);
    }
}

static void *serve(void *arg)
{
    const struct endpoint *first = arg;
    for (struct endpoint *e = arg; e; e = e->next) {
        int fd = accept(first->listener, NULL, NULL);
        if (fd < 0) {
            break;
        }
        e->end = -1;
        act(e, fd);
        close(fd);
    }
    return NULL;
}

static void open_endpoint(struct endpoint *e)
{
    e->listener = listen_on(8, "127.0.0.1", &e->port);
    assert_true(e->listener >= 0);
    assert_int_equal(pthread_create(&e->thread, NULL, serve, e), 0);
}

static void close_endpoint(struct endpoint *e)
{
    assert_int_equal(pthread_join(e->thread, NULL), 0);
    close(e->listener);
}

/* ---- one probe ---- */

struct fixture {
    struct kms_env env;
    struct kms_result result;
    int calls;
    bool ndr64; /* wanted */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->env.clock = kms_clock_system();
    f->env.loop = kms_loop_new(&f->env.clock);
    assert_non_null(f->env.loop);
    kms_result_init(&f->result, KMS_SOURCE_RPC);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kms_result_done(&f->result);
    kms_resolver_free(f->env.resolver);
    kms_loop_free(f->env.loop);
    free(f);
    return 0;
}

static void done(void *arg, const struct kms_result *result)
{
    struct fixture *f = arg;
    f->calls++;
    kms_result_done(&f->result);
    assert_int_equal(kms_result_copy(&f->result, result), KMS_OK);
    kms_loop_stop(f->env.loop);
}

static void probe_name(struct fixture *f, const char *name, uint16_t port, int64_t timeout_ms)
{
    char host[256];
    kms_text_copy(host, sizeof host, name);
    struct kms_target target = {.name = host, .port = port};
    target.source[KMS_SOURCE_RPC] = (struct kms_source_config){
        .enabled = true, .timeout_ms = timeout_ms, .ndr64 = f->ndr64};
    f->calls = 0;
    assert_non_null(kms_run_start(&f->env, kms_rpc_probe(), &target, done, f));
    assert_int_equal(f->calls, 0);
    kms_loop_run(f->env.loop);
    assert_int_equal(f->calls, 1);
}

static void expect(const struct fixture *f, enum kms_outcome outcome, enum kms_rpc_state rpc,
                   const char *detail)
{
    int64_t number = 0;
    if (f->result.outcome != outcome || !strstr(f->result.detail, detail)) {
        fail_msg("%s: '%s', wanted %s: '%s'", kms_outcome_row(f->result.outcome)->token,
                 f->result.detail, kms_outcome_row(outcome)->token, detail);
    }
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_RPC_STATE, &number));
    assert_int_equal(number, rpc);
}

/* Runs the probe against an endpoint; it must have sent the bind and nothing more. */
static void probe_endpoint(struct fixture *f, struct endpoint *e, int64_t timeout_ms)
{
    uint8_t bind_pdu[KMS_RPC_BIND_SIZE];
    open_endpoint(e);
    probe_name(f, "127.0.0.1", e->port, timeout_ms);
    close_endpoint(e);
    kms_rpc_bind_write(KMS_NDR32, bind_pdu);
    assert_true(e->got_len <= sizeof bind_pdu);
    assert_memory_equal(e->got, bind_pdu, e->got_len);
}

/* ---- what the port may do ---- */

static void an_accepted_bind_is_ok_and_ends_in_a_fin(void **state)
{
    struct fixture *f = *state;
    struct endpoint e = {.act = REPLY, .reply = ack, .len = sizeof ack};
    probe_endpoint(f, &e, LONG_MS);
    expect(f, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, "connect ");
    assert_int_equal(e.got_len, KMS_RPC_BIND_SIZE);
    assert_int_equal(e.end, 0);
    int64_t latency = 0;
    int64_t connect = 0;
    int64_t bind_time = 0;
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_RPC_LATENCY, &latency));
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_RPC_CONNECT, &connect));
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_RPC_BIND, &bind_time));
    assert_true(connect >= 0 && bind_time >= 0);
    assert_int_equal(latency, connect + bind_time);
    assert_false(kms_facts_has(&f->result.host, KMS_FACT_NDR64)); /* it was not asked */
    char peer[64];
    kms_text_format(peer, sizeof peer, "127.0.0.1:%u", (unsigned)e.port);
    assert_string_equal(kms_facts_text(&f->result.host, KMS_FACT_RPC_ADDRESS), peer);
}

static void an_answer_in_single_bytes_is_accepted(void **state)
{
    struct endpoint e = {.act = PIECES, .reply = ack, .len = sizeof ack};
    probe_endpoint(*state, &e, LONG_MS);
    expect(*state, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, "");
}

static void another_interface_is_no_kms(void **state)
{
    struct endpoint e = {.act = REPLY, .reply = other_interface, .len = sizeof other_interface};
    probe_endpoint(*state, &e, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_NOT_KMS, KMS_RPC_NOT_KMS, "abstract syntax not supported");
}

static void a_nak_has_its_reason(void **state)
{
    struct endpoint e = {.act = REPLY, .reply = nak, .len = sizeof nak};
    probe_endpoint(*state, &e, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_BIND_NAK, KMS_RPC_BIND_NAK,
           "bind_nak, reason 4 (protocol version not supported)");
}

static void an_ssh_banner_is_named(void **state)
{
    static const char banner[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
    struct endpoint e = {.act = BANNER, .reply = banner, .len = sizeof banner - 1};
    probe_endpoint(*state, &e, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_NOT_RPC, KMS_RPC_NOT_RPC,
           ": answered 'SSH-2.0-OpenSSH_9.2p1 Debian-2'");
}

static void a_web_server_is_named(void **state)
{
    static const char banner[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    struct endpoint e = {.act = REPLY, .reply = banner, .len = sizeof banner - 1};
    probe_endpoint(*state, &e, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_NOT_RPC, KMS_RPC_NOT_RPC,
           ": answered 'HTTP/1.1 400 Bad Request'");
}

static void bytes_that_are_no_text_are_shown_as_bytes(void **state)
{
    static const uint8_t alert[] = {0x15, 3, 1, 0, 2, 2, 0x28};
    struct endpoint e = {.act = REPLY, .reply = alert, .len = sizeof alert};
    probe_endpoint(*state, &e, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_NOT_RPC, KMS_RPC_NOT_RPC, "no DCE/RPC: 15 03 01 00 02 02 28");
}

static void an_endless_answer_is_read_no_further_than_it_matters(void **state)
{
    struct endpoint garbage = {.act = ENDLESS, .reply = "", .len = 1};
    probe_endpoint(*state, &garbage, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_NOT_RPC, KMS_RPC_NOT_RPC, "no DCE/RPC: 00");
    assert_true(garbage.flooded < UINT64_C(64) << 20); /* what the system buffers */
    /* A header that promises the longest PDU there may be. */
    static const uint8_t head[] = {5, 0, 12, 3, 0x10, 0, 0, 0, 0xd0, 0x16, 0, 0, 2, 0, 0, 0};
    struct endpoint longest = {.act = ENDLESS, .reply = head, .len = sizeof head};
    probe_endpoint(*state, &longest, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_NOT_RPC, KMS_RPC_NOT_RPC, "bind_ack without a result");
    struct endpoint after = {.act = ENDLESS, .reply = ack, .len = sizeof ack};
    probe_endpoint(*state, &after, LONG_MS);
    expect(*state, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, "");
}

static void a_refused_connection_is_refused(void **state)
{
    uint16_t port = 0;
    int fd = listen_on(-1, "127.0.0.1", &port);
    char detail[80];
    kms_text_format(detail, sizeof detail, "127.0.0.1:%u: Connection refused", (unsigned)port);
    probe_name(*state, "127.0.0.1", port, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_REFUSED, KMS_RPC_REFUSED, detail);
    close(fd);
}

static void a_hang_up_before_the_answer_is_a_reset(void **state)
{
    struct endpoint e = {.act = HANG_UP};
    probe_endpoint(*state, &e, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_RESET, KMS_RPC_RESET,
           "connection closed without an answer to the bind");
    struct endpoint reset = {.act = RESET};
    probe_endpoint(*state, &reset, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_RESET, KMS_RPC_RESET,
           "connection reset without an answer to the bind");
}

static void no_route_is_unreachable(void **state)
{
    probe_name(*state, "255.255.255.255", 1688, LONG_MS);
    expect(*state, KMS_OUTCOME_RPC_UNREACHABLE, KMS_RPC_UNREACHABLE, "Network is unreachable");
}

static void silence_after_the_connect_is_a_timeout(void **state)
{
    struct endpoint e = {.act = REPLY, .reply = ack, .len = 0};
    probe_endpoint(*state, &e, SHORT_MS);
    expect(*state, KMS_OUTCOME_RPC_TIMEOUT, KMS_RPC_TIMEOUT,
           "no result within 400 ms: connected, but the bind was not answered");
    assert_int_equal(e.end, 0);
}

static void a_byte_a_second_is_a_timeout(void **state)
{
    struct endpoint e = {.act = DRIP, .reply = ack, .len = sizeof ack};
    probe_endpoint(*state, &e, SHORT_MS);
    expect(*state, KMS_OUTCOME_RPC_TIMEOUT, KMS_RPC_TIMEOUT, "connected, but only 1 byte of");
}

static void dropped_packets_are_a_timeout(void **state)
{
    /* A full queue of connections drops further ones without a word. */
    uint16_t port = 0;
    int listener = listen_on(0, "127.0.0.1", &port);
    struct kms_address address;
    assert_true(kms_address_parse("127.0.0.1", port, &address));
    int waiting[4];
    for (size_t i = 0; i < KMS_COUNT_OF(waiting); i++) {
        waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(waiting[i], &address.to.any, kms_address_len(&address));
    }
    char detail[80];
    kms_text_format(detail, sizeof detail, "127.0.0.1:%u: no answer", (unsigned)port);
    probe_name(*state, "127.0.0.1", port, SHORT_MS);
    expect(*state, KMS_OUTCOME_RPC_TIMEOUT, KMS_RPC_TIMEOUT, detail);
    for (size_t i = 0; i < KMS_COUNT_OF(waiting); i++) {
        close(waiting[i]);
    }
    close(listener);
}

/* ---- NDR64 ---- */

/* Asks an endpoint that takes the first bind and answers the second like this. */
static void ask_ndr64(struct fixture *f, struct endpoint *second, int64_t timeout_ms)
{
    uint8_t bind_pdu[KMS_RPC_BIND_SIZE];
    struct endpoint first = {.act = REPLY, .reply = ack, .len = sizeof ack, .next = second};
    f->ndr64 = true;
    probe_endpoint(f, &first, timeout_ms);
    assert_int_equal(first.got_len, sizeof bind_pdu);
    assert_int_equal(first.end, 0);
    kms_rpc_bind_write(KMS_NDR64, bind_pdu);
    assert_true(second->got_len <= sizeof bind_pdu); /* the bind and no call */
    assert_memory_equal(second->got, bind_pdu, second->got_len);
    int64_t latency = 0;
    int64_t connect = 0;
    int64_t bind_time = 0;
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_RPC_LATENCY, &latency));
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_RPC_CONNECT, &connect));
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_RPC_BIND, &bind_time));
    assert_int_equal(latency, connect + bind_time);
    assert_true(kms_facts_has(&f->result.host, KMS_FACT_RPC_ADDRESS));
}

static void a_second_bind_tells_whether_the_host_takes_ndr64(void **state)
{
    struct fixture *f = *state;
    int64_t taken = -1;
    struct endpoint accepts = {.act = PIECES, .reply = ack64, .len = sizeof ack64};
    ask_ndr64(f, &accepts, LONG_MS);
    expect(f, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, "; NDR64 accepted");
    assert_int_equal(accepts.got_len, KMS_RPC_BIND_SIZE);
    assert_int_equal(accepts.end, 0);
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_NDR64, &taken));
    assert_int_equal(taken, 1);
    struct endpoint refuses = {.act = REPLY, .reply = other_syntax, .len = sizeof other_syntax};
    ask_ndr64(f, &refuses, LONG_MS);
    expect(f, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, "; NDR64 refused");
    assert_true(kms_facts_number(&f->result.host, KMS_FACT_NDR64, &taken));
    assert_int_equal(taken, 0);
}

static void only_the_refusal_of_the_syntax_is_a_refusal_of_ndr64(void **state)
{
    static const char banner[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
    struct {
        struct endpoint second;
        const char *detail;
    } cases[] = {
        {{.act = REPLY, .reply = other_interface, .len = sizeof other_interface},
         "; NDR64 not known (rpc-not-kms)"},
        {{.act = REPLY, .reply = nak, .len = sizeof nak}, "; NDR64 not known (rpc-bind-nak)"},
        {{.act = REPLY, .reply = ack, .len = sizeof ack}, "; NDR64 not known (rpc-not-rpc)"},
        {{.act = BANNER, .reply = banner, .len = sizeof banner}, "; NDR64 not known (rpc-not-rpc)"},
        {{.act = HANG_UP}, "; NDR64 not known (rpc-reset)"},
        {{.act = RESET}, "; NDR64 not known (rpc-reset)"},
        {{.act = REPLY, .reply = ack64, .len = 0}, "; NDR64 not known (no answer)"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        ask_ndr64(*state, &cases[i].second, LONG_MS);
        expect(*state, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, cases[i].detail);
        assert_false(kms_facts_has(&((struct fixture *)*state)->result.host, KMS_FACT_NDR64));
    }
}

static void a_deadline_in_the_second_bind_keeps_what_the_first_told(void **state)
{
    struct endpoint silent = {.act = REPLY, .reply = ack64, .len = 0};
    ask_ndr64(*state, &silent, LATER_MS);
    expect(*state, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, "; NDR64 not known (no answer)");
}

static void a_host_that_rejects_the_first_bind_gets_no_second(void **state)
{
    struct fixture *f = *state;
    struct endpoint e = {.act = REPLY, .reply = nak, .len = sizeof nak};
    f->ndr64 = true;
    probe_endpoint(f, &e, LONG_MS);
    expect(f, KMS_OUTCOME_RPC_BIND_NAK, KMS_RPC_BIND_NAK, "bind_nak, reason 4");
    assert_false(kms_facts_has(&f->result.host, KMS_FACT_NDR64));
}

static void a_run_may_be_cancelled_in_the_second_bind(void **state)
{
    struct fixture *f = *state;
    struct endpoint silent = {.act = REPLY, .reply = ack64, .len = 0};
    struct endpoint e = {.act = REPLY, .reply = ack, .len = sizeof ack, .next = &silent};
    char host[] = "127.0.0.1";
    open_endpoint(&e);
    struct kms_target target = {.name = host, .port = e.port};
    target.source[KMS_SOURCE_RPC] = (struct kms_source_config){.enabled = true, .ndr64 = true};
    struct kms_run *run = kms_run_start(&f->env, kms_rpc_probe(), &target, done, f);
    assert_non_null(run);
    for (int i = 0; i < 8; i++) {
        kms_loop_once(f->env.loop, 20);
    }
    assert_int_equal(f->calls, 0);
    kms_run_cancel(run);
    (void)shutdown(e.listener, SHUT_RDWR); /* on a slow machine the second one did not come */
    close_endpoint(&e);
    assert_int_equal(f->calls, 0);
}

/* ---- names ---- */

static void open_resolver(struct fixture *f, const char *servers)
{
    const struct kms_resolver_setup setup = {.servers = servers, .try_ms = 100};
    struct kms_fault fault;
    assert_int_equal(kms_resolver_new(f->env.loop, &setup, &f->env.resolver, &fault), KMS_OK);
}

static void a_name_with_several_addresses_is_tried_until_one_answers(void **state)
{
    struct fixture *f = *state;
    open_resolver(f, NULL);
    struct endpoint e = {.act = REPLY, .reply = ack, .len = sizeof ack};
    open_endpoint(&e);
    probe_name(f, "localhost", e.port, LONG_MS);
    close_endpoint(&e);
    expect(f, KMS_OUTCOME_OK, KMS_RPC_ACCEPTED, "127.0.0.1:");
}

static void a_name_that_dns_does_not_answer_says_nothing_about_the_host(void **state)
{
    struct fixture *f = *state;
    uint16_t port = 0;
    int silent = listen_on(-1, "127.0.0.1", &port); /* nothing listens there by UDP */
    char server[64];
    kms_text_format(server, sizeof server, "127.0.0.1:%u", (unsigned)port);
    open_resolver(f, server);
    probe_name(f, "kms.example.com", 1688, LONG_MS);
    expect(f, KMS_OUTCOME_DNS_UNREACHABLE, KMS_RPC_UNKNOWN,
           "'kms.example.com' was not looked up: ");
    close(silent);
}

/* ---- several addresses ---- */

struct race {
    struct kms_loop *loop;
    int connected, ended, error;
};

static void race_connected(void *arg)
{
    struct race *race = arg;
    race->connected++;
    kms_loop_stop(race->loop);
}

static void race_received(void *arg, const uint8_t *bytes, size_t len)
{
    (void)arg;
    (void)bytes;
    (void)len;
}

static void race_ended(void *arg, int error)
{
    struct race *race = arg;
    race->ended++;
    race->error = error;
    kms_loop_stop(race->loop);
}

static const struct kms_tcp_calls race_calls = {race_connected, race_received, race_ended};

static void the_second_address_is_used_when_the_first_refuses(void **state)
{
    const struct fixture *f = *state;
    struct race race = {.loop = f->env.loop};
    uint16_t refused = 0;
    uint16_t open = 0;
    int closed_fd = listen_on(-1, "127.0.0.1", &refused);
    int open_fd = listen_on(8, "127.0.0.1", &open);
    struct kms_address address[2];
    assert_true(kms_address_parse("127.0.0.1", refused, &address[0]));
    assert_true(kms_address_parse("127.0.0.1", open, &address[1]));
    struct kms_tcp *tcp = kms_tcp_connect(f->env.loop, address, 2, &race_calls, &race);
    assert_non_null(tcp);
    kms_loop_run(f->env.loop);
    assert_int_equal(race.connected, 1);
    assert_int_equal(ntohs(kms_tcp_peer(tcp)->to.v4.sin_port), open);
    char story[120];
    kms_tcp_story(tcp, story, sizeof story);
    assert_non_null(strstr(story, "Connection refused"));
    kms_tcp_free(tcp);
    close(closed_fd);
    close(open_fd);
}

static void families_take_turns_and_ipv6_connects(void **state)
{
    const struct fixture *f = *state;
    struct race race = {.loop = f->env.loop};
    uint16_t refused = 0;
    uint16_t open = 0;
    int open_fd = listen_on(8, "::1", &open);
    if (open_fd < 0) {
        print_message("no IPv6 on this machine\n");
        skip();
    }
    int closed_fd = listen_on(-1, "127.0.0.1", &refused);
    struct kms_address address[3];
    assert_true(kms_address_parse("127.0.0.1", refused, &address[0]));
    assert_true(kms_address_parse("127.0.0.1", refused, &address[1]));
    assert_true(kms_address_parse("::1", open, &address[2]));
    struct kms_tcp *tcp = kms_tcp_connect(f->env.loop, address, 3, &race_calls, &race);
    assert_non_null(tcp);
    kms_loop_run(f->env.loop);
    assert_int_equal(race.connected, 1);
    char story[200];
    char wanted[120];
    kms_tcp_story(tcp, story, sizeof story);
    kms_text_format(wanted, sizeof wanted, "127.0.0.1:%u: Connection refused", (unsigned)refused);
    assert_string_equal(story, wanted); /* the second of the first family had no turn */
    kms_address_port_text(kms_tcp_peer(tcp), story, sizeof story);
    kms_text_format(wanted, sizeof wanted, "[::1]:%u", (unsigned)open);
    assert_string_equal(story, wanted);
    kms_tcp_free(tcp);
    close(open_fd);
    close(closed_fd);
}

static void when_all_fail_the_most_telling_error_is_reported(void **state)
{
    const struct fixture *f = *state;
    struct race race = {.loop = f->env.loop};
    uint16_t refused = 0;
    int closed_fd = listen_on(-1, "127.0.0.1", &refused);
    struct kms_address address[2];
    assert_true(kms_address_parse("127.0.0.1", refused, &address[0]));
    assert_true(kms_address_parse("255.255.255.255", refused, &address[1]));
    struct kms_tcp *tcp = kms_tcp_connect(f->env.loop, address, 2, &race_calls, &race);
    assert_non_null(tcp);
    kms_loop_run(f->env.loop);
    assert_int_equal(race.ended, 1);
    assert_int_equal(race.error, ECONNREFUSED);
    kms_tcp_free(tcp);
    close(closed_fd);
}

static void a_run_may_be_cancelled_while_it_connects(void **state)
{
    struct fixture *f = *state;
    char host[] = "127.0.0.1";
    struct kms_target target = {.name = host, .port = 9};
    struct kms_run *run = kms_run_start(&f->env, kms_rpc_probe(), &target, done, f);
    assert_non_null(run);
    kms_run_cancel(run);
    assert_int_equal(f->calls, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_accepted_bind_is_ok_and_ends_in_a_fin),
        TEST(an_answer_in_single_bytes_is_accepted),
        TEST(another_interface_is_no_kms),
        TEST(a_nak_has_its_reason),
        TEST(an_ssh_banner_is_named),
        TEST(a_web_server_is_named),
        TEST(bytes_that_are_no_text_are_shown_as_bytes),
        TEST(an_endless_answer_is_read_no_further_than_it_matters),
        TEST(a_refused_connection_is_refused),
        TEST(a_hang_up_before_the_answer_is_a_reset),
        TEST(no_route_is_unreachable),
        TEST(silence_after_the_connect_is_a_timeout),
        TEST(a_byte_a_second_is_a_timeout),
        TEST(dropped_packets_are_a_timeout),
        TEST(a_second_bind_tells_whether_the_host_takes_ndr64),
        TEST(only_the_refusal_of_the_syntax_is_a_refusal_of_ndr64),
        TEST(a_deadline_in_the_second_bind_keeps_what_the_first_told),
        TEST(a_host_that_rejects_the_first_bind_gets_no_second),
        TEST(a_run_may_be_cancelled_in_the_second_bind),
        TEST(a_name_with_several_addresses_is_tried_until_one_answers),
        TEST(a_name_that_dns_does_not_answer_says_nothing_about_the_host),
        TEST(the_second_address_is_used_when_the_first_refuses),
        TEST(families_take_turns_and_ipv6_connects),
        TEST(when_all_fail_the_most_telling_error_is_reported),
        TEST(a_run_may_be_cancelled_while_it_connects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
