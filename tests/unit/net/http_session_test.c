/* POSTs over one kept connection, against scripted servers on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/http_session.h"
#include "unit/net/bench.h"

/* ---- a server that does what it is told, request after request ---- */

enum deed { KEEP, CLOSE, RESET, HANG, DRIP, MANY, HUGE };

/* What happens with the next request, on whatever connection it comes. */
struct step {
    enum deed deed;
    const char *reply;
};

enum { CONNECTIONS_MAX = 8, REQUEST_MAX = 200000, SEEN_MAX = 16, HUGE_BYTES = 100 * 1024 * 1024 };

struct connection {
    int fd;
    unsigned number;
    size_t len;
    char *bytes;
};

struct server {
    const struct step *steps;
    size_t step_count, step;
    int listener, stop[2];
    unsigned port;
    pthread_t thread;
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    unsigned accepted;
    /* What came. */
    unsigned connection_of[SEEN_MAX];
    char *seen[SEEN_MAX];
    size_t seen_count;
    size_t huge_sent;
};

static void end_connection(struct server *s, size_t i, bool reset)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (reset) {
        (void)setsockopt(s->connections[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    close(s->connections[i].fd);
    free(s->connections[i].bytes);
    s->connections[i] = s->connections[--s->connection_count];
}

static void say(int fd, const struct step *step)
{
    const int at_once = 1;
    size_t len = strlen(step->reply);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    size_t piece = step->deed == DRIP ? 1 : len;
    for (size_t at = 0; at < len; at += piece) {
        (void)send(fd, step->reply + at, piece, MSG_NOSIGNAL);
    }
}

static void send_huge(struct server *s, int fd)
{
    static const char block[16384] = {'x'};
    ssize_t sent = 1;
    while (sent > 0 && s->huge_sent < HUGE_BYTES) {
        sent = send(fd, block, sizeof block, MSG_NOSIGNAL);
        s->huge_sent += sent > 0 ? (size_t)sent : 0;
    }
}

/* True: the connection is over. */
static bool answer_request(struct server *s, size_t i)
{
    struct connection *c = &s->connections[i];
    static const struct step nothing = {CLOSE, ""};
    const struct step *step = s->step < s->step_count ? &s->steps[s->step++] : &nothing;
    if (s->seen_count < SEEN_MAX) {
        s->connection_of[s->seen_count] = c->number;
        s->seen[s->seen_count++] = kms_text_dup_len(c->bytes, c->len);
    }
    c->len = 0;
    c->bytes[0] = '\0';
    say(c->fd, step);
    for (int n = 0; step->deed == MANY && n < 100; n++) {
        say(c->fd, step);
    }
    if (step->deed == HUGE) {
        send_huge(s, c->fd);
    }
    if (step->deed == CLOSE || step->deed == RESET || step->deed == HUGE) {
        end_connection(s, i, step->deed == RESET);
        return true;
    }
    return false;
}

static bool is_whole(const struct connection *c)
{
    const char *end = strstr(c->bytes, "\r\n\r\n");
    const char *length = strcasestr(c->bytes, "\r\nContent-Length: ");
    char digits[24] = "0";
    if (end && length && length < end) {
        length += strlen("\r\nContent-Length: ");
        kms_text_format(digits, sizeof digits, "%.*s", (int)strspn(length, "0123456789"), length);
    }
    uint64_t body;
    return end && kms_text_u64(digits, &body) &&
           c->len >= (size_t)(end + 4 - c->bytes) + (size_t)body;
}

static void read_connection(struct server *s, size_t i)
{
    struct connection *c = &s->connections[i];
    ssize_t got = read(c->fd, c->bytes + c->len, REQUEST_MAX - 1 - c->len);
    if (got <= 0) {
        end_connection(s, i, false);
        return;
    }
    c->len += (size_t)got;
    c->bytes[c->len] = '\0';
    if (is_whole(c)) {
        (void)answer_request(s, i);
    }
}

static void accept_connection(struct server *s)
{
    int fd = accept(s->listener, NULL, NULL);
    char *bytes = calloc(1, REQUEST_MAX);
    if (fd < 0 || !bytes || s->connection_count == CONNECTIONS_MAX) {
        free(bytes);
        close(fd);
        return;
    }
    s->connections[s->connection_count++] = (struct connection){
        .fd = fd, .number = ++s->accepted, .bytes = bytes};
}

static void *serve(void *arg)
{
    struct server *s = arg;
    for (;;) {
        struct pollfd polled[CONNECTIONS_MAX + 2] = {{.fd = s->stop[0], .events = POLLIN},
                                                     {.fd = s->listener, .events = POLLIN}};
        for (size_t i = 0; i < s->connection_count; i++) {
            polled[i + 2] = (struct pollfd){.fd = s->connections[i].fd, .events = POLLIN};
        }
        size_t count = s->connection_count;
        (void)poll(polled, count + 2, -1);
        if (polled[0].revents) {
            return NULL;
        }
        for (size_t i = count; i > 0;
             i--) { /* from the end: the last one takes a gone one's place */
            if (polled[i + 1].revents) {
                read_connection(s, i - 1);
            }
        }
        if (polled[1].revents) {
            accept_connection(s);
        }
    }
}

static void start_server(struct server *s, const struct step *steps, size_t count)
{
    *s = (struct server){.steps = steps, .step_count = count};
    s->listener = bench_listen(&s->port);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

/* What it saw can be looked at from now on. */
static void stop_server(struct server *s)
{
    close(s->stop[1]);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->stop[0]);
    close(s->listener);
    while (s->connection_count > 0) {
        end_connection(s, 0, false);
    }
}

static void forget_server(struct server *s)
{
    for (size_t i = 0; i < s->seen_count; i++) {
        free(s->seen[i]);
    }
    s->seen_count = 0;
}

/* ---- the client ---- */

struct fixture {
    struct bench bench; /* first: callbacks get it */
    struct server server;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    bench_open(&f->bench);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    bench_close(&f->bench);
    forget_server(&f->server);
    free(f);
    return 0;
}

static void post(struct fixture *f)
{
    bench_post(&f->bench);
}

static void expect(const struct fixture *f, enum kms_outcome outcome, long status)
{
    bench_expect(&f->bench, outcome, status);
}

static void open_to(struct fixture *f, const struct step *steps, size_t count)
{
    char url[64];
    start_server(&f->server, steps, count);
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/wsman", f->server.port);
    const struct kms_http_server server = {.url = url};
    bench_session(&f->bench, &server);
}

#define OPEN(f, ...)                                     \
    do {                                                 \
        static const struct step opened[] = __VA_ARGS__; \
        open_to(f, opened, KMS_COUNT_OF(opened));        \
    } while (0)

#define OK_REPLY(body_len, body) "HTTP/1.1 200 OK\r\nContent-Length: " body_len "\r\n\r\n" body

static void posts_go_over_one_connection_and_say_what_they_are_told(void **state)
{
    struct fixture *f = *state;
    OPEN(f,
         {{KEEP, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain; a=\"b|c\"\r\n"
                 "Date: Thu, 21 Feb 2013 14:50:58 GMT\r\n\r\nhello"},
          {KEEP, OK_REPLY("3", "two")},
          {KEEP, OK_REPLY("0", "")}});
    post(f);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_true(f->bench.answer.reply.new_connection);
    assert_true(f->bench.answer.reply.connected);
    assert_false(f->bench.answer.reply.secured);
    assert_string_equal(f->bench.answer.body, "hello");
    assert_string_equal(f->bench.answer.reply.content_type, "text/plain; a=\"b?c\"");
    assert_int_equal(f->bench.answer.reply.date_s, 1361458258);
    struct kms_http_post next = bench_usual(&f->bench);
    next.authorization = "Negotiate oRQw";
    next.header = "WSMANIDENTIFY: unauthenticated";
    bench_post_with(&f->bench, &next);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_false(f->bench.answer.reply.new_connection);
    assert_string_equal(f->bench.answer.body, "two");
    assert_string_equal(f->bench.answer.reply.content_type, "");
    assert_int_equal(f->bench.answer.reply.date_s, 0);
    next = bench_usual(&f->bench);
    next.len = 0;
    next.content_type = NULL;
    next.kept_only = true;
    bench_post_with(&f->bench, &next);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_false(f->bench.answer.reply.new_connection);
    stop_server(&f->server);
    assert_int_equal(f->server.accepted, 1);
    assert_int_equal(f->server.seen_count, 3);
    const char *first = f->server.seen[0], *second = f->server.seen[1], *third = f->server.seen[2];
    assert_true(kms_text_starts(first, "POST /wsman HTTP/1.1\r\n"));
    assert_non_null(strstr(first, "\r\n\r\nquestion"));
    assert_non_null(strstr(first, "\r\nContent-Type: text/x-test\r\n"));
    assert_null(strcasestr(first, "Authorization"));
    assert_null(strcasestr(first, "Accept-Encoding"));
    assert_null(strcasestr(first, "Expect"));
    assert_null(strcasestr(first, "Cookie"));
    assert_non_null(strstr(second, "\r\nAuthorization: Negotiate oRQw\r\n"));
    assert_non_null(strstr(second, "\r\nWSMANIDENTIFY: unauthenticated\r\n"));
    assert_null(strcasestr(third, "Authorization"));
    assert_null(strcasestr(third, "WSMANIDENTIFY"));
    assert_null(strcasestr(third, "Content-Type"));
    assert_non_null(strstr(third, "\r\nContent-Length: 0\r\n"));
}

static void large_bodies_are_sent_whole_and_without_waiting(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("2", "ok")}});
    enum { LEN = 150000 };
    char *body = malloc(LEN);
    assert_non_null(body);
    memset(body, 'b', LEN);
    struct kms_http_post large = bench_usual(&f->bench);
    large.body = body;
    large.len = LEN;
    f->bench.answer = (struct answer){0};
    assert_int_equal(kms_http_post(f->bench.session, &large), KMS_OK);
    free(body); /* it was copied */
    assert_int_equal(kms_http_post(f->bench.session, &large), KMS_EBUSY);
    kms_loop_run(f->bench.loop);
    expect(f, KMS_OUTCOME_OK, 200);
    stop_server(&f->server);
    const char *sent = f->server.seen[0];
    assert_null(strcasestr(sent, "Expect"));
    assert_int_equal(strspn(strstr(sent, "\r\n\r\n") + 4, "b"), LEN);
}

static void a_connection_closed_between_two_posts_is_replaced(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{CLOSE, OK_REPLY("3", "one")}, {KEEP, OK_REPLY("3", "two")}});
    post(f);
    expect(f, KMS_OUTCOME_OK, 200);
    post(f);
    stop_server(&f->server);
    if (f->bench.answer.reply.outcome == KMS_OUTCOME_HTTP_BROKEN) {
        /* The end of the connection came only after the question was sent. */
        assert_true(f->bench.answer.reply.connection_lost);
    } else {
        expect(f, KMS_OUTCOME_OK, 200);
        assert_string_equal(f->bench.answer.body, "two");
        assert_int_equal(f->server.connection_of[1], 2);
    }
    assert_true(f->bench.answer.reply.new_connection);
}

static void expect_lost(struct fixture *f)
{
    expect(f, KMS_OUTCOME_HTTP_BROKEN, 0);
    assert_true(f->bench.answer.reply.connection_lost);
    assert_true(f->bench.answer.reply.new_connection);
    assert_true(f->bench.answer.reply.detail[0] != '\0');
}

/* libcurl alone would send the second question again on a second connection. */
static void a_question_on_a_dying_connection_is_never_repeated(void **state)
{
    struct fixture *f = *state;
    static const enum deed deaths[] = {CLOSE, RESET};
    for (size_t i = 0; i < KMS_COUNT_OF(deaths); i++) {
        const struct step steps[] = {
            {KEEP, OK_REPLY("3", "one")}, {deaths[i], ""}, {KEEP, OK_REPLY("5", "three")}};
        open_to(f, steps, KMS_COUNT_OF(steps));
        post(f);
        expect(f, KMS_OUTCOME_OK, 200);
        post(f);
        expect_lost(f);
        post(f); /* the session is usable */
        expect(f, KMS_OUTCOME_OK, 200);
        assert_true(f->bench.answer.reply.new_connection);
        assert_false(f->bench.answer.reply.connection_lost);
        assert_string_equal(f->bench.answer.body, "three");
        stop_server(&f->server);
        assert_int_equal(f->server.seen_count, 3);
        assert_int_equal(f->server.connection_of[1], 1);
        forget_server(&f->server);
    }
}

static void a_question_for_the_kept_connection_is_sent_on_no_other(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{CLOSE, OK_REPLY("3", "one")}, {KEEP, OK_REPLY("3", "two")}});
    struct kms_http_post sealed = bench_usual(&f->bench);
    sealed.kept_only = true;
    bench_post_with(&f->bench, &sealed); /* there is none yet */
    expect_lost(f);
    post(f);
    expect(f, KMS_OUTCOME_OK, 200);
    bench_post_with(&f->bench, &sealed);
    expect_lost(f);
    stop_server(&f->server);
    assert_int_equal(f->server.seen_count, 1);
}

static void a_first_connection_that_breaks_is_not_a_lost_one(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{CLOSE, ""}});
    post(f);
    stop_server(&f->server);
    expect(f, KMS_OUTCOME_HTTP_BROKEN, 0);
    assert_false(f->bench.answer.reply.connection_lost);
    assert_true(f->bench.answer.reply.new_connection);
}

static void a_host_that_is_gone_is_told_with_the_lost_connection(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("3", "one")}});
    post(f);
    expect(f, KMS_OUTCOME_OK, 200);
    stop_server(&f->server);
    post(f);
    expect(f, KMS_OUTCOME_HTTP_CONNECT, 0);
}

static void two_sessions_never_share_a_connection(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("1", "1")},
             {KEEP, OK_REPLY("1", "2")},
             {KEEP, OK_REPLY("1", "3")},
             {KEEP, OK_REPLY("1", "4")}});
    char url[64];
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/wsman", f->server.port);
    const struct kms_http_server server = {.url = url};
    struct kms_http_session *a = f->bench.session,
                            *b = kms_http_session_new(f->bench.http, &server);
    assert_non_null(b);
    for (int i = 0; i < 4; i++) {
        f->bench.session = i % 2 ? b : a;
        post(f);
        expect(f, KMS_OUTCOME_OK, 200);
        assert_int_equal(f->bench.answer.reply.new_connection, i < 2);
    }
    kms_http_session_free(b);
    f->bench.session = a;
    stop_server(&f->server);
    assert_int_equal(f->server.accepted, 2);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(f->server.connection_of[i], i % 2 + 1);
    }
}

static void a_freed_session_leaves_no_connection_for_the_next(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("1", "1")}, {KEEP, OK_REPLY("1", "2")}});
    char url[64];
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/wsman", f->server.port);
    const struct kms_http_server server = {.url = url};
    post(f);
    bench_session(&f->bench, &server);
    post(f);
    assert_true(f->bench.answer.reply.new_connection);
    stop_server(&f->server);
    assert_int_equal(f->server.connection_of[1], 2);
}

static void end_get(void *arg, const struct kms_http_answer *answer)
{
    struct fixture *f = arg;
    assert_int_equal(answer->outcome, KMS_OUTCOME_OK);
    kms_loop_stop(f->bench.loop);
}

static void others_are_not_served_by_the_connection_of_a_session(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("1", "1")}, {KEEP, OK_REPLY("1", "2")}, {KEEP, OK_REPLY("1", "3")}});
    char url[64];
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/", f->server.port);
    const struct kms_http_request request = {.url = url, .size_max = 10, .timeout_ms = 20000};
    post(f);
    assert_int_equal(setenv("no_proxy", "*", 1), 0); /* a machine's proxy is not for loopback */
    assert_non_null(kms_http_start(f->bench.http, &request, end_get, f));
    kms_loop_run(f->bench.loop);
    post(f);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_false(f->bench.answer.reply.new_connection);
    stop_server(&f->server);
    assert_true(kms_text_starts(f->server.seen[1], "GET "));
    assert_int_equal(f->server.connection_of[1], 2);
    assert_int_equal(f->server.connection_of[2], 1);
}

/* ---- answers of every kind ---- */

static void a_refusal_names_the_schemes_that_are_offered(void **state)
{
    struct fixture *f = *state;
    OPEN(
        f,
        {{KEEP, "HTTP/1.1 401 \r\nServer: Microsoft-HTTPAPI/2.0\r\nWWW-Authenticate: Negotiate\r\n"
                "www-authenticate:Kerberos  \r\nWWW-AUTHENTICATE: Basic realm=\"WSMAN\"\r\n"
                "Content-Length: 3\r\n\r\nbad"},
         {KEEP, "HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate oRQw==\r\nContent-Length: 0\r\n\r\n"},
         {KEEP, "HTTP/1.1 401 \r\nWWW-Authenticate: 1\r\nWWW-Authenticate: 2\r\n"
                "WWW-Authenticate: 3\r\nWWW-Authenticate: 4\r\nWWW-Authenticate: 5\r\n"
                "WWW-Authenticate: 6\r\nWWW-Authenticate: 7\r\nWWW-Authenticate: 8\r\n"
                "WWW-Authenticate: 9\r\nContent-Length: 0\r\n\r\n"}});
    post(f);
    expect(f, KMS_OUTCOME_OK, 401);
    assert_int_equal(f->bench.answer.reply.challenge_count, 3);
    assert_string_equal(f->bench.answer.challenges[0], "Negotiate");
    assert_string_equal(f->bench.answer.challenges[1], "Kerberos");
    assert_string_equal(f->bench.answer.challenges[2], "Basic realm=\"WSMAN\"");
    assert_string_equal(f->bench.answer.body, "bad");
    post(f); /* the connection stays, which is what Negotiate needs */
    expect(f, KMS_OUTCOME_OK, 401);
    assert_false(f->bench.answer.reply.new_connection);
    assert_int_equal(f->bench.answer.reply.challenge_count, 1);
    assert_string_equal(f->bench.answer.challenges[0], "Negotiate oRQw==");
    post(f);
    assert_int_equal(f->bench.answer.reply.challenge_count, KMS_HTTP_SCHEMES_MAX);
    assert_string_equal(f->bench.answer.challenges[7], "8");
    stop_server(&f->server);
}

static void a_long_challenge_is_cut(void **state)
{
    struct fixture *f = *state;
    static char reply[9000];
    size_t at = strlen("HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate ");
    kms_text_format(reply, sizeof reply, "HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate ");
    memset(reply + at, 'A', 6000);
    kms_text_format(reply + at + 6000, 100, "\r\nContent-Length: 0\r\n\r\n");
    const struct step steps[] = {{KEEP, reply}};
    open_to(f, steps, 1);
    post(f);
    stop_server(&f->server);
    expect(f, KMS_OUTCOME_OK, 401);
    assert_int_equal(f->bench.answer.longest_challenge, 4096);
}

static void every_status_is_an_answer(void **state)
{
    struct fixture *f = *state;
    OPEN(f,
         {{CLOSE, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"},
          {CLOSE, "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"
                  "Content-Length: 13\r\n\r\n<html></html>"},
          {CLOSE, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n"},
          {CLOSE, "HTTP/1.1 407 Proxy\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"},
          {CLOSE, "HTTP/1.1 304 Same\r\n\r\n"},
          {CLOSE, "HTTP/1.0 200 OK\r\n\r\nuntil the end"}});
    static const long statuses[] = {500, 404, 503, 407, 304, 200};
    for (size_t i = 0; i < KMS_COUNT_OF(statuses); i++) {
        f->bench.answer = (struct answer){0};
        post(f);
        if (f->bench.answer.reply.connection_lost) {
            post(f);
        }
        expect(f, KMS_OUTCOME_OK, statuses[i]);
        assert_int_equal(f->bench.answer.reply.challenge_count, 0);
        assert_string_equal(f->bench.answer.reply.detail, "");
    }
    assert_string_equal(f->bench.answer.body, "until the end");
    stop_server(&f->server);
}

static void interim_answers_and_trailers_say_nothing(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, "HTTP/1.1 100 Continue\r\nWWW-Authenticate: X\r\nContent-Type: a/b\r\n"
                    "Date: Thu, 21 Feb 2013 14:50:58 GMT\r\nLocation: /c\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
                    "WWW-Authenticate: Y\r\nContent-Type: c/d\r\n\r\n"},
             {KEEP, OK_REPLY("3", "two")}});
    post(f);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_string_equal(f->bench.answer.body, "ok");
    assert_int_equal(f->bench.answer.reply.challenge_count, 0);
    assert_string_equal(f->bench.answer.reply.content_type, "");
    assert_int_equal(f->bench.answer.reply.date_s, 0);
    post(f);
    assert_false(f->bench.answer.reply.new_connection);
    stop_server(&f->server);
}

static void encodings_and_lengths_that_were_not_asked_for_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *reply;
        enum kms_outcome outcome;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nnone\r\n0\r\n\r\n",
         KMS_OUTCOME_HTTP_BROKEN},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: br\r\n\r\nx", KMS_OUTCOME_HTTP_BROKEN},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", KMS_OUTCOME_HTTP_BROKEN},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
         KMS_OUTCOME_HTTP_TOO_BIG},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        const struct step steps[] = {{CLOSE, cases[i].reply}};
        open_to(f, steps, 1);
        post(f);
        stop_server(&f->server);
        forget_server(&f->server);
        assert_int_equal(f->bench.answer.reply.outcome, cases[i].outcome);
        assert_int_equal(f->bench.answer.pieces, 0);
    }
}

static void a_compressed_body_is_only_bytes(void **state)
{
    struct fixture *f = *state;
    OPEN(f,
         {{KEEP,
           "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08x"}});
    post(f);
    stop_server(&f->server);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_int_equal(f->bench.answer.body_len, 4);
    assert_memory_equal(f->bench.answer.body, "\x1f\x8b\x08x", 4);
}

static void cookies_are_not_kept(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"},
             {KEEP, OK_REPLY("0", "")}});
    post(f);
    post(f);
    stop_server(&f->server);
    assert_null(strcasestr(f->server.seen[1], "Cookie"));
}

static void a_redirect_is_named_and_never_followed(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *reply;
        long status;
        const char *detail;
    } cases[] = {
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\nContent-Length: 4\r\n\r\nbody",
         302, "HTTP status 302 to http://127.0.0.1:1/x"},
        {"HTTP/1.1 301 M\r\nLocation: /wsman2\r\nContent-Length: 0\r\n\r\n", 301,
         "HTTP status 301 to /wsman2"},
        {"HTTP/1.1 307 M\r\nLocation: https://me:se@cret@h.example/a@b?token=1#x\r\n"
         "Content-Length: 0\r\n\r\n",
         307, "HTTP status 307 to https://h.example/a@b"},
        {"HTTP/1.1 308 M\r\nLocation: gopher://h/|\x1b[1m\r\nContent-Length: 0\r\n\r\n", 308,
         "HTTP status 308 to gopher://h/??[1m"},
        {"HTTP/1.1 303 M\r\nLocation: //\r\nContent-Length: 0\r\n\r\n", 303,
         "HTTP status 303 to //"},
        {"HTTP/1.1 302 M\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n", 302,
         "HTTP status 302 to http://[::1"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        const struct step steps[] = {{KEEP, cases[i].reply}, {KEEP, OK_REPLY("0", "")}};
        open_to(f, steps, 2);
        post(f);
        stop_server(&f->server);
        expect(f, KMS_OUTCOME_HTTP_REDIRECT, cases[i].status);
        assert_string_equal(f->bench.answer.reply.detail, cases[i].detail);
        assert_int_equal(f->bench.answer.pieces, 0);
        assert_int_equal(f->server.seen_count, 1);
        forget_server(&f->server);
    }
}

static void an_answer_that_breaks_off_says_why(void **state)
{
    struct fixture *f = *state;
    static const struct step cases[] = {
        {CLOSE, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"},
        {RESET, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"},
        {CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"},
        {CLOSE, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
        {CLOSE, "HTTP/1.1 200 OK\r\nContent-Type: te"},
        {CLOSE, "\x16\x03nonsense|\n\n"},
        {CLOSE, "<html>no HTTP</html>"},
        {CLOSE, ""},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        const struct step steps[] = {{KEEP, OK_REPLY("0", "")}, cases[i]};
        open_to(f, steps, 2);
        post(f);
        expect(f, KMS_OUTCOME_OK, 200);
        post(f);
        stop_server(&f->server);
        if (f->bench.answer.reply.outcome != KMS_OUTCOME_HTTP_BROKEN) {
            fail_msg("'%s' is taken", cases[i].reply);
        }
        assert_true(f->bench.answer.reply.detail[0] != '\0');
        assert_null(strpbrk(f->bench.answer.reply.detail, "|\n\r"));
        if (cases[i].deed != RESET) { /* which may overtake the bytes before it */
            assert_int_equal(f->bench.answer.reply.connection_lost, cases[i].reply[0] == '\0');
        }
        assert_int_equal(f->server.seen_count, 2);
        forget_server(&f->server);
    }
}

static void bytes_that_come_one_by_one_are_a_whole_answer(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{DRIP,
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nWWW-Authenticate: Negotiate x\r\n"
              "\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"}});
    post(f);
    stop_server(&f->server);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_string_equal(f->bench.answer.body, "hello world");
    assert_string_equal(f->bench.answer.challenges[0], "Negotiate x");
}

static void a_silent_server_is_a_timeout(void **state)
{
    struct fixture *f = *state;
    static const struct step cases[] = {{HANG, ""},
                                        {HANG, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"}};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        const struct step steps[] = {
            {KEEP, OK_REPLY("0", "")}, cases[i], {KEEP, OK_REPLY("0", "")}};
        open_to(f, steps, KMS_COUNT_OF(steps));
        post(f);
        struct kms_http_post brief = bench_usual(&f->bench);
        brief.timeout_ms = 100;
        bench_post_with(&f->bench, &brief);
        assert_int_equal(f->bench.answer.reply.outcome, KMS_OUTCOME_TIMEOUT);
        assert_false(f->bench.answer.reply.connection_lost);
        post(f); /* a late answer must not be taken for its own */
        assert_true(f->bench.answer.reply.new_connection);
        stop_server(&f->server);
        forget_server(&f->server);
    }
}

static void a_body_of_the_cap_is_taken_and_one_byte_more_is_not(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("10", "0123456789")},
             {KEEP, OK_REPLY("11", "0123456789x")},
             {CLOSE,
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789x\r\n0\r\n\r\n"},
             {KEEP, OK_REPLY("0", "")}});
    struct kms_http_post capped = bench_usual(&f->bench);
    capped.size_max = 10;
    bench_post_with(&f->bench, &capped);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_int_equal(f->bench.answer.body_len, 10);
    for (int i = 0; i < 2; i++) {
        bench_post_with(&f->bench, &capped);
        expect(f, KMS_OUTCOME_HTTP_TOO_BIG, 200);
        assert_string_equal(f->bench.answer.reply.detail, "more than 10 bytes");
        assert_true(f->bench.answer.body_len <= 10);
    }
    capped.size_max = 0;
    bench_post_with(&f->bench, &capped);
    expect(f, KMS_OUTCOME_OK, 200);
    stop_server(&f->server);
}

static long memory_kib(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

static void a_huge_body_is_stopped_at_the_cap(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{HUGE, "HTTP/1.0 200 OK\r\n\r\n"},
             {HUGE, "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"},
             {HUGE, "HTTP/1.1 200 OK\r\nX: "}});
    for (int i = 0; i < 3; i++) {
        struct kms_http_post capped = bench_usual(&f->bench);
        capped.size_max = 1000000;
        long before = memory_kib();
        bench_post_with(&f->bench, &capped);
        assert_true(memory_kib() - before < 20 * 1024);
        if (i < 2) {
            expect(f, KMS_OUTCOME_HTTP_TOO_BIG, 200);
        } else { /* a header without end, for which libcurl has a limit of its own */
            assert_int_not_equal(f->bench.answer.reply.outcome, KMS_OUTCOME_OK);
        }
    }
    stop_server(&f->server);
    assert_true(f->server.huge_sent < HUGE_BYTES);
}

static void headers_without_end_are_too_big(void **state)
{
    struct fixture *f = *state;
    static char reply[19900];
    kms_text_format(reply, sizeof reply, "HTTP/1.1 100 Go on\r\n\r\n");
    while (kms_text_append(reply, sizeof reply, "HTTP/1.1 100 Go on\r\nX: y\r\n\r\n")) {
    }
    struct step steps[1] = {{MANY, reply}};
    open_to(f, steps, 1);
    post(f);
    stop_server(&f->server);
    assert_int_equal(f->bench.answer.reply.outcome, KMS_OUTCOME_HTTP_TOO_BIG);
}

static bool refuse_body(void *arg, const struct kms_http_reply *so_far, const void *bytes,
                        size_t len)
{
    struct fixture *f = arg;
    (void)bytes, (void)len;
    f->bench.answer.pieces++;
    assert_int_equal(so_far->status, 404);
    assert_string_equal(so_far->content_type, "text/html");
    return false;
}

static void a_reader_may_stop_the_answer(void **state)
{
    struct fixture *f = *state;
    OPEN(f,
         {{KEEP, "HTTP/1.1 404 No\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<htm"}});
    struct kms_http_post stopping = bench_usual(&f->bench);
    stopping.data = refuse_body;
    bench_post_with(&f->bench, &stopping);
    stop_server(&f->server);
    expect(f, KMS_OUTCOME_HTTP_BROKEN, 404);
    assert_int_equal(f->bench.answer.pieces, 1);
}

static void without_a_reader_the_body_is_dropped(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("3", "one")}});
    struct kms_http_post deaf = bench_usual(&f->bench);
    deaf.data = NULL;
    bench_post_with(&f->bench, &deaf);
    stop_server(&f->server);
    expect(f, KMS_OUTCOME_OK, 200);
}

/* ---- where to ---- */

static void settings_that_cannot_be_used_are_refused_by_the_post(void **state)
{
    struct fixture *f = *state;
    static const char pin[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    static const struct {
        struct kms_http_server server;
        enum kms_outcome outcome;
        const char *authorization;
    } cases[] = {
        {{.url = "http://127.0.0.1:1/"}, KMS_OUTCOME_HTTP_URL, "Basic dTpw"},
        {{.url = "http://127.0.0.1:1/"}, KMS_OUTCOME_HTTP_URL, "basic dTpw"},
        {{.url = "http://127.0.0.1:1/", .pin = pin}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = "http://127.0.0.1:1/", .certificate = "/none"}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = "http://u:p@127.0.0.1:1/"}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = "https://u@127.0.0.1:1/"}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = "ftp://127.0.0.1:1/"}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = "https:5986/"}, KMS_OUTCOME_HTTP_URL, "Basic dTo="},
        {{.url = "127.0.0.1:1/"}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = ""}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = "http://"}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = "http://127.0.0.1:99999/"}, KMS_OUTCOME_HTTP_URL, NULL},
        {{.url = "https://127.0.0.1:1/", .pin = "00"}, KMS_OUTCOME_HTTP_PIN, NULL},
        {{.url = "https://127.0.0.1:1/",
          .pin = "0x112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
         KMS_OUTCOME_HTTP_PIN,
         NULL},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        bench_session(&f->bench, &cases[i].server);
        f->bench.authorization = cases[i].authorization;
        for (int again = 0; again < 2; again++) {
            post(f);
            expect(f, cases[i].outcome, 0);
            assert_true(f->bench.answer.reply.detail[0] != '\0');
            assert_false(f->bench.answer.reply.connected);
        }
        const uint8_t *der;
        size_t len;
        assert_false(kms_http_session_certificate(f->bench.session, &der, &len));
    }
    const struct kms_http_post usual = bench_usual(&f->bench);
    assert_int_equal(kms_http_post(f->bench.session, &usual), KMS_OK);
    kms_http_session_free(f->bench.session); /* before the refusal */
    f->bench.session = NULL;
    kms_loop_once(f->bench.loop, 10);
    assert_int_equal(f->bench.answer.calls, 1);
}

static void an_address_stands_in_for_the_name_of_the_url(void **state)
{
    struct fixture *f = *state;
    static const struct step steps[] = {{KEEP, OK_REPLY("0", "")}};
    char url[80], host[80];
    start_server(&f->server, steps, 1);
    kms_text_format(url, sizeof url, "http://kms.example.invalid:%u/wsman", f->server.port);
    kms_text_format(host, sizeof host, "\r\nHost: kms.example.invalid:%u\r\n", f->server.port);
    struct kms_http_server server = {.url = url, .address = "127.0.0.1"};
    bench_session(&f->bench, &server);
    post(f);
    expect(f, KMS_OUTCOME_OK, 200);
    server.address = "::1"; /* nobody listens there */
    bench_session(&f->bench, &server);
    post(f);
    expect(f, KMS_OUTCOME_HTTP_CONNECT, 0);
    server.address = NULL;
    bench_session(&f->bench, &server);
    post(f);
    expect(f, KMS_OUTCOME_HTTP_RESOLVE, 0);
    stop_server(&f->server);
    assert_non_null(strstr(f->server.seen[0], host));
}

static void a_proxy_of_the_environment_is_not_used(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("0", "")}});
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    char *none = kms_text_dup(getenv("no_proxy"));
    assert_int_equal(unsetenv("no_proxy"), 0);
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        assert_int_equal(setenv(names[i], "http://127.0.0.1:1", 1), 0);
    }
    post(f);
    stop_server(&f->server);
    for (size_t i = 0; i < KMS_COUNT_OF(names); i++) {
        assert_int_equal(unsetenv(names[i]), 0);
    }
    if (none) {
        assert_int_equal(setenv("no_proxy", none, 1), 0);
    }
    free(none);
    expect(f, KMS_OUTCOME_OK, 200);
}

/* ---- ending early ---- */

static void count_call(void *arg, const struct kms_http_reply *reply)
{
    struct fixture *f = arg;
    bench_keep(&f->bench.answer, reply);
}

static void a_freed_session_never_calls_back(void **state)
{
    struct fixture *f = *state;
    static const enum deed deeds[] = {HANG, KEEP, DRIP, CLOSE};
    for (size_t i = 0; i < KMS_COUNT_OF(deeds); i++) {
        for (int turns = 0; turns < 8; turns++) {
            const struct step steps[] = {{KEEP, OK_REPLY("0", "")},
                                         {deeds[i], OK_REPLY("5", "hello")}};
            open_to(f, steps, 2);
            if (turns % 2) {
                post(f); /* on a kept connection; otherwise on a new one */
            }
            f->bench.answer = (struct answer){0};
            struct kms_http_post counted = bench_usual(&f->bench);
            counted.done = count_call;
            assert_int_equal(kms_http_post(f->bench.session, &counted), KMS_OK);
            for (int turn = 0; turn < turns / 2 && f->bench.answer.calls == 0; turn++) {
                kms_loop_once(f->bench.loop, 5);
            }
            int calls = f->bench.answer.calls;
            kms_http_session_free(f->bench.session);
            f->bench.session = NULL;
            kms_loop_once(f->bench.loop, 1);
            assert_int_equal(f->bench.answer.calls, calls);
            stop_server(&f->server);
            forget_server(&f->server);
        }
    }
    kms_http_session_free(NULL);
}

static bool free_in_data(void *arg, const struct kms_http_reply *so_far, const void *bytes,
                         size_t len)
{
    struct fixture *f = arg;
    (void)so_far, (void)bytes, (void)len;
    kms_http_session_free(f->bench.session);
    f->bench.session = NULL;
    f->bench.answer.pieces++;
    kms_loop_stop(f->bench.loop);
    return true;
}

static void a_session_may_be_freed_by_its_reader(void **state)
{
    struct fixture *f = *state;
    OPEN(f, {{KEEP, OK_REPLY("5", "hello")}});
    struct kms_http_post freeing = bench_usual(&f->bench);
    freeing.data = free_in_data;
    assert_int_equal(kms_http_post(f->bench.session, &freeing), KMS_OK);
    kms_loop_run(f->bench.loop);
    kms_loop_once(f->bench.loop, 1);
    stop_server(&f->server);
    assert_int_equal(f->bench.answer.pieces, 1);
    assert_int_equal(f->bench.answer.calls, 0);
}

static void free_in_done(void *arg, const struct kms_http_reply *reply)
{
    struct fixture *f = arg;
    kms_http_session_free(f->bench.session);
    f->bench.session = NULL;
    bench_done(arg, reply); /* the reply is still there */
}

static void post_and_free(void *arg, const struct kms_http_reply *reply)
{
    struct fixture *f = arg;
    const struct kms_http_post next = bench_usual(&f->bench);
    assert_int_equal(kms_http_post(f->bench.session, &next), KMS_OK);
    free_in_done(arg, reply);
}

static void free_everything(void *arg, const struct kms_http_reply *reply)
{
    struct fixture *f = arg;
    post_and_free(arg, reply);
    kms_http_free(f->bench.http);
    f->bench.http = NULL;
}

static void done_may_free(void **state)
{
    struct fixture *f = *state;
    static kms_http_reply_fn *const dones[] = {free_in_done, post_and_free, free_everything};
    static const struct kms_http_server unusable = {.url = ""};
    for (size_t i = 0; i < 2 * KMS_COUNT_OF(dones); i++) {
        const struct step steps[] = {
            {KEEP, "HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n"},
            {KEEP, OK_REPLY("0", "")}};
        if (!f->bench.http) {
            f->bench.http = kms_http_new(f->bench.loop);
        }
        bool refused = i >= KMS_COUNT_OF(dones);
        open_to(f, steps, 2);
        if (refused) {
            bench_session(&f->bench, &unusable);
        }
        struct kms_http_post freeing = bench_usual(&f->bench);
        freeing.done = dones[i % KMS_COUNT_OF(dones)];
        f->bench.answer = (struct answer){0};
        assert_int_equal(kms_http_post(f->bench.session, &freeing), KMS_OK);
        kms_loop_run(f->bench.loop);
        kms_loop_once(f->bench.loop, 1);
        stop_server(&f->server);
        assert_int_equal(f->bench.answer.calls, 1);
        assert_int_equal(f->bench.answer.reply.challenge_count, refused ? 0 : 1);
        forget_server(&f->server);
    }
}

static void post_again(void *arg, const struct kms_http_reply *reply)
{
    struct fixture *f = arg;
    struct kms_http_post next = bench_usual(&f->bench);
    next.authorization = "Negotiate answer";
    next.kept_only = true;
    assert_int_equal(kms_http_post(f->bench.session, &next), KMS_OK);
    assert_string_equal(reply->challenge[0], "Negotiate token"); /* still there */
    assert_int_equal(reply->status, 401);
}

static void done_may_post_the_next_one_on_the_same_connection(void **state)
{
    struct fixture *f = *state;
    OPEN(f,
         {{KEEP, "HTTP/1.1 401 \r\nWWW-Authenticate: Negotiate token\r\nContent-Length: 0\r\n\r\n"},
          {KEEP, OK_REPLY("2", "in")}});
    struct kms_http_post first = bench_usual(&f->bench);
    first.done = post_again;
    bench_post_with(&f->bench, &first);
    stop_server(&f->server);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_false(f->bench.answer.reply.new_connection);
    assert_string_equal(f->bench.answer.body, "in");
    assert_int_equal(f->server.accepted, 1);
}

static int without_signals(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define SESSION_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        SESSION_TEST(posts_go_over_one_connection_and_say_what_they_are_told),
        SESSION_TEST(large_bodies_are_sent_whole_and_without_waiting),
        SESSION_TEST(a_connection_closed_between_two_posts_is_replaced),
        SESSION_TEST(a_question_on_a_dying_connection_is_never_repeated),
        SESSION_TEST(a_question_for_the_kept_connection_is_sent_on_no_other),
        SESSION_TEST(a_first_connection_that_breaks_is_not_a_lost_one),
        SESSION_TEST(a_host_that_is_gone_is_told_with_the_lost_connection),
        SESSION_TEST(two_sessions_never_share_a_connection),
        SESSION_TEST(a_freed_session_leaves_no_connection_for_the_next),
        SESSION_TEST(a_refusal_names_the_schemes_that_are_offered),
        SESSION_TEST(a_long_challenge_is_cut),
        SESSION_TEST(every_status_is_an_answer),
        SESSION_TEST(interim_answers_and_trailers_say_nothing),
        SESSION_TEST(encodings_and_lengths_that_were_not_asked_for_are_refused),
        SESSION_TEST(a_compressed_body_is_only_bytes),
        SESSION_TEST(others_are_not_served_by_the_connection_of_a_session),
        SESSION_TEST(cookies_are_not_kept),
        SESSION_TEST(a_redirect_is_named_and_never_followed),
        SESSION_TEST(an_answer_that_breaks_off_says_why),
        SESSION_TEST(bytes_that_come_one_by_one_are_a_whole_answer),
        SESSION_TEST(a_silent_server_is_a_timeout),
        SESSION_TEST(a_body_of_the_cap_is_taken_and_one_byte_more_is_not),
        SESSION_TEST(a_huge_body_is_stopped_at_the_cap),
        SESSION_TEST(headers_without_end_are_too_big),
        SESSION_TEST(a_reader_may_stop_the_answer),
        SESSION_TEST(without_a_reader_the_body_is_dropped),
        SESSION_TEST(settings_that_cannot_be_used_are_refused_by_the_post),
        SESSION_TEST(an_address_stands_in_for_the_name_of_the_url),
        SESSION_TEST(a_proxy_of_the_environment_is_not_used),
        SESSION_TEST(a_freed_session_never_calls_back),
        SESSION_TEST(a_session_may_be_freed_by_its_reader),
        SESSION_TEST(done_may_free),
        SESSION_TEST(done_may_post_the_next_one_on_the_same_connection),
    };
    return cmocka_run_group_tests(tests, without_signals, NULL);
}
