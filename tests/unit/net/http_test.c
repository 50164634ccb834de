/* GET against scripted servers on loopback and, where it is installed, against nginx with and
 * without TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "net/http.h"
#include "unit/net/bench.h"

/* ---- one transfer ---- */

struct got {
    int calls;
    enum kms_outcome outcome;
    long status;
    int64_t last_modified_s;
    char body[4096];
    size_t body_len;
    char detail[160];
};

struct fixture {
    struct kms_loop *loop;
    struct kms_http *http;
    struct got answer;
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
    kms_http_free(f->http);
    kms_loop_free(f->loop);
    free(f);
    return 0;
}

static void done(void *arg, const struct kms_http_answer *answer)
{
    struct fixture *f = arg;
    f->answer.calls++;
    f->answer.outcome = answer->outcome;
    f->answer.status = answer->status;
    f->answer.last_modified_s = answer->last_modified_s;
    f->answer.body_len = answer->body->len;
    kms_text_copy(f->answer.body, sizeof f->answer.body, kms_buf_str(answer->body));
    kms_text_copy(f->answer.detail, sizeof f->answer.detail, answer->detail);
    kms_loop_stop(f->loop);
}

static void get(struct fixture *f, const struct kms_http_request *request)
{
    f->answer = (struct got){0};
    struct kms_http_get *started = kms_http_start(f->http, request, done, f);
    assert_non_null(started);
    assert_int_equal(f->answer.calls, 0);
    kms_loop_run(f->loop);
    assert_int_equal(f->answer.calls, 1);
}

static void get_url(struct fixture *f, const char *url)
{
    const struct kms_http_request request = {.url = url, .size_max = 4000, .timeout_ms = 20000};
    get(f, &request);
}

/* ---- a server that says what it is told ---- */

struct script {
    const char *const *replies; /* one a connection; NULL ends */
    int listener;
    unsigned port;
    pthread_t thread;
    char request[2048]; /* the last one */
    bool endless;       /* the reply's last bytes again and again, until the client goes */
    bool hold;          /* keeps the connection open until the client closes it */
};

static void read_request(struct script *s, int fd)
{
    size_t len = 0;
    s->request[0] = '\0';
    while (len + 1 < sizeof s->request && !strstr(s->request, "\r\n\r\n")) {
        ssize_t got = read(fd, s->request + len, sizeof s->request - 1 - len);
        if (got <= 0) {
            return;
        }
        len += (size_t)got;
        s->request[len] = '\0';
    }
}

static void send_reply(const struct script *s, int fd, const char *reply)
{
    char text[2048];
    char port[16];
    kms_text_format(port, sizeof port, "%u", s->port);
    /* '@' stands for the port, which no script can know. */
    size_t at = 0;
    for (const char *c = reply; *c && at + sizeof port < sizeof text; c++) {
        if (*c == '@') {
            memcpy(text + at, port, strlen(port));
            at += strlen(port);
        } else {
            text[at++] = *c;
        }
    }
    ssize_t sent = send(fd, text, at, MSG_NOSIGNAL);
    while (s->endless && sent > 0) {
        sent = send(fd, "xxxxxxxxxxxxxxxx", 16, MSG_NOSIGNAL);
    }
}

static void *serve(void *arg)
{
    struct script *s = arg;
    for (const char *const *reply = s->replies; *reply; reply++) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0) {
            break;
        }
        read_request(s, fd);
        send_reply(s, fd, *reply);
        char byte;
        while (s->hold && read(fd, &byte, 1) > 0) {
        }
        close(fd);
    }
    return NULL;
}

static void start_script(struct script *s, const char *const *replies)
{
    s->replies = replies;
    s->listener = bench_listen(&s->port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end_script(struct script *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->listener);
}

static void url_of(const struct script *s, char *dst, size_t size)
{
    kms_text_format(dst, size, "http://127.0.0.1:%u/report.txt", s->port);
}

/* Runs one GET against the replies. */
static void ask(struct fixture *f, struct script *s, const char *const *replies)
{
    char url[64];
    start_script(s, replies);
    url_of(s, url, sizeof url);
    get_url(f, url);
    end_script(s);
}

#define CLOSE "Connection: close\r\n"

static void a_body_arrives_with_its_date_and_the_request_says_who_asks(void **state)
{
    struct fixture *f = *state;
    struct script s = {0};
    ask(f, &s,
        (const char *[]){"HTTP/1.1 200 OK\r\n" CLOSE "Content-Length: 5\r\n"
                         "Last-Modified: Thu, 21 Feb 2013 14:50:58 GMT\r\n\r\nhello",
                         NULL});
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->answer.status, 200);
    assert_string_equal(f->answer.body, "hello");
    assert_int_equal(f->answer.last_modified_s, 1361458258);
    assert_string_equal(f->answer.detail, "");
    assert_true(kms_text_starts(s.request, "GET /report.txt HTTP/1.1\r\n"));
    assert_non_null(strstr(s.request, "User-Agent: kmsmon/"));
}

static void a_body_without_date_or_length_ends_with_the_connection(void **state)
{
    struct fixture *f = *state;
    struct script s = {0};
    ask(f, &s, (const char *[]){"HTTP/1.0 200 OK\r\n\r\nuntil the end", NULL});
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->answer.body, "until the end");
    assert_int_equal(f->answer.last_modified_s, 0);
}

static void a_body_of_exactly_the_cap_is_taken_and_one_byte_more_is_not(void **state)
{
    struct fixture *f = *state;
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\n" CLOSE "Content-Length: 10\r\n\r\n0123456789",
        "HTTP/1.1 200 OK\r\n" CLOSE "Content-Length: 11\r\n\r\n0123456789x", NULL};
    struct script s = {0};
    char url[64];
    start_script(&s, replies);
    url_of(&s, url, sizeof url);
    const struct kms_http_request request = {.url = url, .size_max = 10, .timeout_ms = 20000};
    get(f, &request);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_OK);
    assert_int_equal(f->answer.body_len, 10);
    get(f, &request);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_REPORT_TOO_BIG);
    assert_string_equal(f->answer.detail, "more than 10 bytes");
    end_script(&s);
}

static void a_body_without_end_stops_at_the_cap(void **state)
{
    struct fixture *f = *state;
    struct script s = {.endless = true};
    ask(f, &s, (const char *[]){"HTTP/1.0 200 OK\r\n\r\n", NULL});
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_REPORT_TOO_BIG);
}

static void an_error_status_is_named(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *reply;
        long status;
        const char *detail;
    } cases[] = {
        {"HTTP/1.1 404 No|\x1b[31m\r\n" CLOSE "Content-Length: 2\r\n\r\nno", 404,
         "HTTP status 404"},
        {"HTTP/1.1 503 Busy\r\n" CLOSE "Content-Length: 0\r\n\r\n", 503, "HTTP status 503"},
        {"HTTP/1.1 304 Same\r\n" CLOSE "\r\n", 304, "HTTP status 304"},
        {"HTTP/1.1 302 Where\r\n" CLOSE "Content-Length: 0\r\n\r\n", 302, "HTTP status 302"},
    };
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        struct script s = {0};
        ask(f, &s, (const char *[]){cases[i].reply, NULL});
        assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_STATUS);
        assert_int_equal(f->answer.status, cases[i].status);
        assert_string_equal(f->answer.detail, cases[i].detail);
    }
}

static void a_broken_transfer_says_why_in_one_clean_line(void **state)
{
    struct fixture *f = *state;
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\n" CLOSE "Content-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\n" CLOSE "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03nonsense|\n\n",
    };
    for (size_t i = 0; i < KMS_COUNT_OF(replies); i++) {
        struct script s = {0};
        ask(f, &s, (const char *[]){replies[i], NULL});
        assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_BROKEN);
        assert_true(f->answer.detail[0] != '\0');
        assert_null(strpbrk(f->answer.detail, "|\n\r"));
    }
}

#define TO(where) \
    "HTTP/1.1 302 Found\r\n" CLOSE "Location: " where "\r\nContent-Length: 4\r\n\r\nbody"

static void three_redirects_are_followed_and_a_fourth_is_not(void **state)
{
    struct fixture *f = *state;
    struct script s = {0};
    ask(f, &s,
        (const char *[]){TO("/a"), TO("http://127.0.0.1:@/b"), TO("c"),
                         "HTTP/1.1 200 OK\r\n" CLOSE "Content-Length: 2\r\n\r\nok", NULL});
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->answer.body, "ok");
    assert_true(kms_text_starts(s.request, "GET /c "));
    struct script four = {0};
    ask(f, &four, (const char *[]){TO("/a"), TO("/b"), TO("/c"), TO("/d"), NULL});
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_STATUS);
    assert_int_equal(f->answer.status, 302);
    assert_string_equal(f->answer.detail, "HTTP status 302 after 3 redirects");
}

static void a_password_of_the_address_does_not_go_along_to_another_server(void **state)
{
    struct fixture *f = *state;
    static const char *const there[] = {"HTTP/1.1 200 OK\r\n" CLOSE "Content-Length: 2\r\n\r\nok",
                                        NULL};
    struct script other = {0}, s = {0};
    char reply[256], url[64];
    start_script(&other, there);
    kms_text_format(reply, sizeof reply,
                    "HTTP/1.1 302 Found\r\n" CLOSE
                    "Location: http://127.0.0.1:%u/x\r\nContent-Length: 0\r\n\r\n",
                    other.port);
    start_script(&s, (const char *[]){reply, NULL});
    kms_text_format(url, sizeof url, "http://me:secret@127.0.0.1:%u/", s.port);
    get_url(f, url);
    end_script(&s);
    end_script(&other);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_OK);
    assert_non_null(strstr(s.request, "\r\nAuthorization: Basic "));
    assert_null(strstr(other.request, "Authorization"));
}

static void a_redirect_to_another_protocol_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const replies[] = {TO("file:///etc/passwd"), TO("ftp://127.0.0.1/x"),
                                          TO("gopher://127.0.0.1:@/x")};
    for (size_t i = 0; i < KMS_COUNT_OF(replies); i++) {
        struct script s = {0};
        ask(f, &s, (const char *[]){replies[i], NULL});
        assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_URL);
    }
}

static void an_address_that_is_no_web_address_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const urls[] = {
        "file:///etc/hostname", "ftp://127.0.0.1/", "http://", "http://127.0.0.1:99999/", "",
        "http://a b/"};
    for (size_t i = 0; i < KMS_COUNT_OF(urls); i++) {
        get_url(f, urls[i]);
        assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_URL);
        assert_true(f->answer.detail[0] != '\0');
    }
}

static void a_port_nobody_listens_on_is_a_failed_connection(void **state)
{
    struct fixture *f = *state;
    unsigned port;
    close(bench_listen(&port));
    char url[64];
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/", port);
    get_url(f, url);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_CONNECT);
    assert_int_equal(f->answer.status, 0);
}

static void a_name_that_cannot_exist_is_not_resolved(void **state)
{
    struct fixture *f = *state;
    get_url(f, "http://a..b.invalid/");
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_RESOLVE);
}

static void a_silent_server_is_a_timeout(void **state)
{
    struct fixture *f = *state;
    static const char *const replies[] = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", NULL};
    struct script s = {.hold = true};
    char url[64];
    start_script(&s, replies);
    url_of(&s, url, sizeof url);
    const struct kms_http_request request = {.url = url, .size_max = 100, .timeout_ms = 100};
    get(f, &request);
    end_script(&s);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_TIMEOUT);
}

static void a_redirect_does_not_renew_the_deadline(void **state)
{
    struct fixture *f = *state;
    static const char *const replies[] = {TO("/a"), "", NULL};
    struct script s = {.hold = true};
    char url[64];
    start_script(&s, replies);
    url_of(&s, url, sizeof url);
    const struct kms_http_request request = {.url = url, .size_max = 100, .timeout_ms = 200};
    get(f, &request);
    end_script(&s);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_TIMEOUT);
}

static void a_cancelled_transfer_never_calls_back(void **state)
{
    struct fixture *f = *state;
    static const char *const replies[] = {"", NULL};
    struct script s = {.hold = true};
    char url[64];
    start_script(&s, replies);
    url_of(&s, url, sizeof url);
    const struct kms_http_request request = {.url = url, .size_max = 100, .timeout_ms = 5000};
    struct kms_http_get *started = kms_http_start(f->http, &request, done, f);
    for (int i = 0; i < 5; i++) {
        kms_loop_once(f->loop, 10);
    }
    kms_http_cancel(started);
    kms_http_cancel(NULL);
    kms_loop_once(f->loop, 10);
    end_script(&s);
    assert_int_equal(f->answer.calls, 0);
}

/* Two transfers; whichever ends first cancels the other and starts a third. */
struct chain {
    struct fixture *f;
    struct kms_http_get *gets[2];
    struct kms_http_request request;
    int calls;
};

static void chain_done(void *arg, const struct kms_http_answer *answer)
{
    struct chain *c = arg;
    (void)answer;
    c->calls++;
    kms_http_cancel(c->gets[0]); /* one of them is this transfer itself: nothing to do */
    kms_http_cancel(c->gets[1]);
    assert_non_null(kms_http_start(c->f->http, &c->request, done, c->f));
}

static void done_may_cancel_others_and_start_again(void **state)
{
    struct fixture *f = *state;
    unsigned port;
    close(bench_listen(&port));
    char url[64];
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/", port);
    struct chain c = {.f = f, .request = {.url = url, .size_max = 10, .timeout_ms = 20000}};
    for (size_t i = 0; i < 2; i++) {
        c.gets[i] = kms_http_start(f->http, &c.request, chain_done, &c);
    }
    kms_loop_run(f->loop);
    assert_int_equal(c.calls, 1);
    assert_int_equal(f->answer.calls, 1);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_CONNECT);
}

static void free_http(void *arg, const struct kms_http_answer *answer)
{
    struct fixture *f = arg;
    (void)answer;
    kms_http_free(f->http);
    f->http = NULL;
    kms_loop_stop(f->loop);
}

static void the_last_done_may_free_everything(void **state)
{
    struct fixture *f = *state;
    const struct kms_http_request request = {.url = "http://", .size_max = 1, .timeout_ms = 9000};
    assert_non_null(kms_http_start(f->http, &request, free_http, f));
    kms_loop_run(f->loop);
    assert_null(f->http);
}

/* ---- nginx ---- */

struct nginx {
    char folder[64];
    pid_t pid;
    unsigned plain, tls;
};

static void put_file(const struct nginx *n, const char *name, const char *text)
{
    char path[128];
    kms_text_format(path, sizeof path, "%s/%s", n->folder, name);
    assert_int_equal(kms_file_replace(path, text, strlen(text), 0644, NULL), KMS_OK);
}

static void write_site(const struct nginx *n)
{
    char conf[3000];
    kms_text_format(
        conf, sizeof conf,
        "daemon off; master_process off; worker_processes 1; pid %s/pid; error_log %s/error.log;\n"
        "events { worker_connections 32; }\n"
        "http { access_log off; root %s;\n"
        " client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3;\n"
        " uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;\n"
        " server { listen 127.0.0.1:%u;\n"
        "  location /up { return 301 https://127.0.0.1:%u/down; }\n"
        "  location /moved { return 301 /report.txt; } }\n"
        " server { listen 127.0.0.1:%u ssl; ssl_certificate %s/cert.pem;\n"
        "  ssl_certificate_key %s/key.pem;\n"
        "  location /down { return 302 http://127.0.0.1:%u/report.txt; } } }\n",
        n->folder, n->folder, n->folder, n->folder, n->folder, n->folder, n->folder, n->folder,
        n->plain, n->tls, n->tls, n->folder, n->folder, n->plain);
    put_file(n, "nginx.conf", conf);
}

static bool make_certificate(const struct nginx *n)
{
    char key[96], cert[96];
    kms_text_format(key, sizeof key, "%s/key.pem", n->folder);
    kms_text_format(cert, sizeof cert, "%s/cert.pem", n->folder);
    const char *argv[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:prime256v1",
                          "-nodes",
                          "-days",
                          "2",
                          "-subj",
                          "/CN=127.0.0.1",
                          "-addext",
                          "subjectAltName=IP:127.0.0.1",
                          "-keyout",
                          key,
                          "-out",
                          cert,
                          NULL};
    return bench_run(argv);
}

/* The server is up when it answers; until then connections are refused. */
static bool answers(struct fixture *f, const struct nginx *n)
{
    char url[64];
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/report.txt", n->plain);
    for (int i = 0; i < 500; i++) {
        get_url(f, url);
        if (f->answer.outcome == KMS_OUTCOME_OK) {
            return true;
        }
        kms_loop_once(f->loop, 20);
        if (waitpid(n->pid, NULL, WNOHANG) != 0) {
            return false;
        }
    }
    return false;
}

/* False, with the reason printed: nginx or openssl is not installed. */
static bool start_nginx(struct fixture *f, struct nginx *n)
{
    const char *nginx_version[] = {"nginx", "-v", NULL};
    const char *openssl_version[] = {"openssl", "version", NULL};
    if (!bench_run(nginx_version) || !bench_run(openssl_version)) {
        print_message("skipped: nginx or openssl is not installed\n");
        return false;
    }
    kms_text_copy(n->folder, sizeof n->folder, "/tmp/kmsmon-nginx-XXXXXX");
    assert_non_null(mkdtemp(n->folder));
    assert_true(make_certificate(n));
    int a = bench_listen(&n->plain);
    close(bench_listen(&n->tls));
    close(a);
    put_file(n, "report.txt", "from nginx");
    write_site(n);
    char conf[96];
    kms_text_format(conf, sizeof conf, "%s/nginx.conf", n->folder);
    const char *argv[] = {"nginx", "-p", n->folder, "-c", conf, "-e", "stderr", NULL};
    n->pid = bench_start(argv);
    assert_true(n->pid > 0);
    assert_true(answers(f, n));
    return true;
}

static void stop_nginx(const struct nginx *n)
{
    (void)kill(n->pid, SIGTERM);
    (void)waitpid(n->pid, NULL, 0);
    char folder[64];
    kms_text_copy(folder, sizeof folder, n->folder);
    const char *argv[] = {"rm", "-rf", folder, NULL};
    assert_true(bench_run(argv));
}

static void get_from(struct fixture *f, const struct nginx *n, const char *path, bool tls,
                     const char *ca_name)
{
    char url[128];
    char ca[128];
    kms_text_format(url, sizeof url, "http%s://127.0.0.1:%u%s", tls ? "s" : "",
                    tls ? n->tls : n->plain, path);
    kms_text_format(ca, sizeof ca, "%s/%s", n->folder, ca_name ? ca_name : "");
    const struct kms_http_request request = {
        .url = url, .ca_file = ca_name ? ca : NULL, .size_max = 4000, .timeout_ms = 20000};
    get(f, &request);
}

static void nginx_serves_files_errors_redirects_and_tls(void **state)
{
    struct fixture *f = *state;
    struct nginx n = {0};
    if (!start_nginx(f, &n)) {
        skip();
    }
    assert_string_equal(f->answer.body, "from nginx");
    assert_true(f->answer.last_modified_s > 1600000000);

    get_from(f, &n, "/none", false, NULL);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_STATUS);
    assert_int_equal(f->answer.status, 404);

    get_from(f, &n, "/moved", false, NULL);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->answer.body, "from nginx");

    get_from(f, &n, "/report.txt", true, "cert.pem");
    assert_string_equal(f->answer.detail, "");
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_OK);
    assert_string_equal(f->answer.body, "from nginx");

    get_from(f, &n, "/report.txt", true, NULL);
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_TLS);
    assert_true(f->answer.detail[0] != '\0');

    get_from(f, &n, "/report.txt", true, "no-such.pem");
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_TLS);

    get_from(f, &n, "/down", true, "cert.pem");
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_STATUS);
    assert_string_equal(f->answer.detail,
                        "HTTP status 302 redirects from https to an unprotected address");

    get_from(f, &n, "/up", false, "cert.pem"); /* http to https and down again */
    assert_int_equal(f->answer.outcome, KMS_OUTCOME_HTTP_STATUS);
    assert_int_equal(f->answer.status, 302);
    stop_nginx(&n);
}

static int without_proxy(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    /* The machine's proxy is not for loopback. */
    return setenv("no_proxy", "*", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define HTTP_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        HTTP_TEST(a_body_arrives_with_its_date_and_the_request_says_who_asks),
        HTTP_TEST(a_body_without_date_or_length_ends_with_the_connection),
        HTTP_TEST(a_body_of_exactly_the_cap_is_taken_and_one_byte_more_is_not),
        HTTP_TEST(a_body_without_end_stops_at_the_cap),
        HTTP_TEST(an_error_status_is_named),
        HTTP_TEST(a_broken_transfer_says_why_in_one_clean_line),
        HTTP_TEST(three_redirects_are_followed_and_a_fourth_is_not),
        HTTP_TEST(a_password_of_the_address_does_not_go_along_to_another_server),
        HTTP_TEST(a_redirect_to_another_protocol_is_refused),
        HTTP_TEST(an_address_that_is_no_web_address_is_refused),
        HTTP_TEST(a_port_nobody_listens_on_is_a_failed_connection),
        HTTP_TEST(a_name_that_cannot_exist_is_not_resolved),
        HTTP_TEST(a_silent_server_is_a_timeout),
        HTTP_TEST(a_redirect_does_not_renew_the_deadline),
        HTTP_TEST(a_cancelled_transfer_never_calls_back),
        HTTP_TEST(done_may_cancel_others_and_start_again),
        HTTP_TEST(the_last_done_may_free_everything),
        HTTP_TEST(nginx_serves_files_errors_redirects_and_tls),
    };
    return cmocka_run_group_tests(tests, without_proxy, NULL);
}
