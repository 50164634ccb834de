/* POSTs over one kept connection, against scripted servers on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
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

/* ---- a server that does what it is told, request after request ---- */

enum deed { KEEP, CLOSE, RESET, HANG, DRIP, HUGE };

/* What happens with the next request, on whatever connection it comes. */
struct step {
    enum deed deed;
    const char *reply; /* '@' stands for the port */
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

static void say(const struct server *s, int fd, const struct step *step)
{
    char text[20000];
    char port[16];
    size_t at = 0;
    kms_text_format(port, sizeof port, "%u", s->port);
    for (const char *c = step->reply; *c && at + sizeof port < sizeof text; c++) {
        if (*c == '@') {
            memcpy(text + at, port, strlen(port));
            at += strlen(port);
        } else {
            text[at++] = *c;
        }
    }
    if (step->deed != DRIP) {
        (void)send(fd, text, at, MSG_NOSIGNAL);
        return;
    }
    const int at_once = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    for (size_t i = 0; i < at; i++) {
        (void)send(fd, text + i, 1, MSG_NOSIGNAL);
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
    say(s, c->fd, step);
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

static int listen_somewhere(unsigned *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    socklen_t len = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void start_server(struct server *s, const struct step *steps, size_t count)
{
    *s = (struct server){.steps = steps, .step_count = count};
    s->listener = listen_somewhere(&s->port);
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

struct answer {
    int calls, pieces;
    struct kms_http_reply reply; /* without challenges */
    char challenges[KMS_HTTP_SCHEMES_MAX][128];
    size_t longest_challenge;
    char body[4096];
    size_t body_len;
};

struct fixture {
    struct kms_loop *loop;
    struct kms_http *http;
    struct kms_http_session *session;
    struct server server;
    struct answer answer;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    struct kms_clock clock = kms_clock_system();
    f->loop = kms_loop_new(&clock);
    assert_non_null(f->loop);
    f->http = kms_http_new(f->loop);
    assert_non_null(f->http);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    kms_http_session_free(f->session);
    kms_http_free(f->http);
    kms_loop_free(f->loop);
    forget_server(&f->server);
    free(f);
    return 0;
}

static bool take(void *arg, const struct kms_http_reply *so_far, const void *bytes, size_t len)
{
    struct answer *answer = arg;
    assert_true(so_far->status >= 200);
    answer->pieces++;
    size_t fits = sizeof answer->body - 1 - answer->body_len;
    fits = len < fits ? len : fits;
    memcpy(answer->body + answer->body_len, bytes, fits);
    answer->body_len += fits;
    return true;
}

static void keep(struct answer *answer, const struct kms_http_reply *reply)
{
    answer->calls++;
    answer->reply = *reply;
    for (size_t i = 0; i < reply->challenge_count; i++) {
        size_t len = strlen(reply->challenge[i]);
        answer->longest_challenge = len > answer->longest_challenge ? len
                                                                    : answer->longest_challenge;
        (void)kms_text_copy(answer->challenges[i], sizeof answer->challenges[i],
                            reply->challenge[i]);
    }
    memset(answer->reply.challenge, 0, sizeof answer->reply.challenge);
}

static struct fixture *fixture_of(struct answer *answer)
{
    return (struct fixture *)(void *)((char *)answer - offsetof(struct fixture, answer));
}

static void done(void *arg, const struct kms_http_reply *reply)
{
    struct answer *answer = arg;
    keep(answer, reply);
    kms_loop_stop(fixture_of(answer)->loop);
}

static struct kms_http_post usual_post(struct fixture *f)
{
    return (struct kms_http_post){.body = "question",
                                  .len = 8,
                                  .content_type = "text/x-test",
                                  .size_max = 4000,
                                  .timeout_ms = 20000,
                                  .data = take,
                                  .done = done,
                                  .arg = &f->answer};
}

static void post_with(struct fixture *f, const struct kms_http_post *post)
{
    f->answer = (struct answer){0};
    assert_int_equal(kms_http_post(f->session, post), KMS_OK);
    assert_int_equal(f->answer.calls, 0);
    kms_loop_run(f->loop);
    assert_int_equal(f->answer.calls, 1);
}

static void post(struct fixture *f)
{
    const struct kms_http_post usual = usual_post(f);
    post_with(f, &usual);
}

static void open_session(struct fixture *f, const struct kms_http_server *server)
{
    kms_http_session_free(f->session);
    f->session = kms_http_session_new(f->http, server);
    assert_non_null(f->session);
}

static void open_to(struct fixture *f, const struct step *steps, size_t count)
{
    char url[64];
    start_server(&f->server, steps, count);
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/wsman", f->server.port);
    const struct kms_http_server server = {.url = url};
    open_session(f, &server);
}

#define OPEN(f, ...)                                     \
    do {                                                 \
        static const struct step opened[] = __VA_ARGS__; \
        open_to(f, opened, KMS_COUNT_OF(opened));        \
    } while (0)

static void expect(const struct fixture *f, enum kms_outcome outcome, long status)
{
    if (f->answer.reply.outcome != outcome) {
        fail_msg("outcome %d, not %d: %s", (int)f->answer.reply.outcome, (int)outcome,
                 f->answer.reply.detail);
    }
    assert_int_equal(f->answer.reply.status, status);
}

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
    assert_true(f->answer.reply.new_connection);
    assert_true(f->answer.reply.connected);
    assert_false(f->answer.reply.secured);
    assert_string_equal(f->answer.body, "hello");
    assert_string_equal(f->answer.reply.content_type, "text/plain; a=\"b?c\"");
    assert_int_equal(f->answer.reply.date_s, 1361458258);
    struct kms_http_post next = usual_post(f);
    next.authorization = "Negotiate oRQw";
    next.header = "WSMANIDENTIFY: unauthenticated";
    post_with(f, &next);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_false(f->answer.reply.new_connection);
    assert_string_equal(f->answer.body, "two");
    assert_string_equal(f->answer.reply.content_type, "");
    assert_int_equal(f->answer.reply.date_s, 0);
    next = usual_post(f);
    next.len = 0;
    next.content_type = NULL;
    next.kept_only = true;
    post_with(f, &next);
    expect(f, KMS_OUTCOME_OK, 200);
    assert_false(f->answer.reply.new_connection);
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
    struct kms_http_post large = usual_post(f);
    large.body = body;
    large.len = LEN;
    f->answer = (struct answer){0};
    assert_int_equal(kms_http_post(f->session, &large), KMS_OK);
    free(body); /* it was copied */
    assert_int_equal(kms_http_post(f->session, &large), KMS_EBUSY);
    kms_loop_run(f->loop);
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
    if (f->answer.reply.outcome == KMS_OUTCOME_HTTP_BROKEN) {
        /* The end of the connection came only after the question was sent. */
        assert_true(f->answer.reply.connection_lost);
    } else {
        expect(f, KMS_OUTCOME_OK, 200);
        assert_string_equal(f->answer.body, "two");
        assert_int_equal(f->server.connection_of[1], 2);
    }
    assert_true(f->answer.reply.new_connection);
}

static void expect_lost(struct fixture *f)
{
    expect(f, KMS_OUTCOME_HTTP_BROKEN, 0);
    assert_true(f->answer.reply.connection_lost);
    assert_true(f->answer.reply.new_connection);
    assert_true(f->answer.reply.detail[0] != '\0');
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
        assert_true(f->answer.reply.new_connection);
        assert_false(f->answer.reply.connection_lost);
        assert_string_equal(f->answer.body, "three");
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
    struct kms_http_post sealed = usual_post(f);
    sealed.kept_only = true;
    post_with(f, &sealed); /* there is none yet */
    expect_lost(f);
    post(f);
    expect(f, KMS_OUTCOME_OK, 200);
    post_with(f, &sealed);
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
    assert_false(f->answer.reply.connection_lost);
    assert_true(f->answer.reply.new_connection);
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
    struct kms_http_session *a = f->session, *b = kms_http_session_new(f->http, &server);
    assert_non_null(b);
    for (int i = 0; i < 4; i++) {
        f->session = i % 2 ? b : a;
        post(f);
        expect(f, KMS_OUTCOME_OK, 200);
        assert_int_equal(f->answer.reply.new_connection, i < 2);
    }
    kms_http_session_free(b);
    f->session = a;
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
    open_session(f, &server);
    post(f);
    assert_true(f->answer.reply.new_connection);
    stop_server(&f->server);
    assert_int_equal(f->server.connection_of[1], 2);
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
    };
    return cmocka_run_group_tests(tests, without_signals, NULL);
}
