/* POSTs over TLS against nginx and openssl(1), with certificates made for the occasion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "unit/net/bench.h"

/* What listens where. */
enum place { GOOD, OTHER_NAME, EXPIRED, OLD_TLS, ANONYMOUS, CLIENTS, CLIENTS_13, PLAIN, PLACES };

struct site {
    char folder[64];
    pid_t nginx;
    unsigned ports[PLACES];
    char pin[65], other_pin[65]; /* of the good certificate, of another one */
};

struct fixture {
    struct bench bench; /* first: callbacks get it */
    char url[96];
};

static struct site *site; /* made once, by the group */

/* ---- keys and certificates ---- */

struct path {
    char text[112];
};

static struct path in_folder(const char *name)
{
    struct path path;
    kms_text_format(path.text, sizeof path.text, "%s/%s", site->folder, name);
    return path;
}

/* NAME.pem and NAME.key, signed by itself. */
static bool make_authority(const char *name)
{
    char pem[32], key[32], subject[64];
    kms_text_format(pem, sizeof pem, "%s.pem", name);
    kms_text_format(key, sizeof key, "%s.key", name);
    kms_text_format(subject, sizeof subject, "/CN=%s", name);
    const struct path out = in_folder(pem), keyout = in_folder(key);
    const char *argv[] = {"openssl",
                          "req",
                          "-x509",
                          "-newkey",
                          "ec",
                          "-pkeyopt",
                          "ec_paramgen_curve:prime256v1",
                          "-nodes",
                          "-days",
                          "3",
                          "-subj",
                          subject,
                          "-keyout",
                          keyout.text,
                          "-out",
                          out.text,
                          NULL};
    return bench_run(argv);
}

/* NAME.pem and NAME.key, signed by ca. */
static bool make_certificate(const char *name, const char *extension, const char *days)
{
    char pem[32], key[32], subject[64];
    kms_text_format(pem, sizeof pem, "%s.pem", name);
    kms_text_format(key, sizeof key, "%s.key", name);
    kms_text_format(subject, sizeof subject, "/CN=%s", name);
    const struct path out = in_folder(pem), keyout = in_folder(key), csr = in_folder("csr");
    const struct path ca = in_folder("ca.pem"), ca_key = in_folder("ca.key");
    const char *ask[] = {"openssl",
                         "req",
                         "-new",
                         "-newkey",
                         "ec",
                         "-pkeyopt",
                         "ec_paramgen_curve:prime256v1",
                         "-nodes",
                         "-subj",
                         subject,
                         "-addext",
                         extension,
                         "-keyout",
                         keyout.text,
                         "-out",
                         csr.text,
                         NULL};
    const char *sign[] = {"openssl", "x509", "-req",   "-in",    csr.text,    "-days",
                          days,      "-CA",  ca.text,  "-CAkey", ca_key.text, "-copy_extensions",
                          "copyall", "-out", out.text, NULL};
    return bench_run(ask) && bench_run(sign);
}

/* SHA-256 of the certificate's SubjectPublicKeyInfo. */
static bool pin_of(const char *name, char ret[65])
{
    char pem[32];
    kms_text_format(pem, sizeof pem, "%s.pem", name);
    const struct path cert = in_folder(pem), pub = in_folder("pub.pem"), der = in_folder("pub.der");
    const struct path sum = in_folder("pub.sum");
    const char *to_key[] = {"openssl", "x509", "-in",    cert.text, "-pubkey",
                            "-noout",  "-out", pub.text, NULL};
    const char *to_der[] = {"openssl",  "pkey", "-pubin", "-in",    pub.text,
                            "-outform", "DER",  "-out",   der.text, NULL};
    const char *to_sum[] = {"openssl", "dgst", "-sha256", "-r", "-out", sum.text, der.text, NULL};
    struct kms_buf text;
    struct kms_file_stamp stamp;
    kms_buf_init(&text, 1000);
    bool made = bench_run(to_key) && bench_run(to_der) && bench_run(to_sum) &&
                kms_file_read(sum.text, &text, &stamp, NULL) == KMS_OK && text.len >= 64;
    if (made) {
        memcpy(ret, text.data, 64);
        ret[64] = '\0';
    }
    kms_buf_done(&text);
    return made;
}

static bool make_certificates(void)
{
    const struct path good_key = in_folder("client.key"), locked = in_folder("locked.key");
    const char *lock[] = {"openssl",  "pkey",   "-in",  good_key.text, "-aes256",
                          "-passout", "pass:x", "-out", locked.text,   NULL};
    return make_authority("ca") && make_authority("stranger") &&
           make_certificate("good", "subjectAltName=IP:127.0.0.1,DNS:kms.test", "2") &&
           make_certificate("other", "subjectAltName=DNS:other.test", "2") &&
           make_certificate("expired", "subjectAltName=IP:127.0.0.1", "-1") &&
           make_certificate("client", "extendedKeyUsage=clientAuth", "2") && bench_run(lock) &&
           pin_of("good", site->pin) && pin_of("other", site->other_pin);
}

/* ---- nginx ---- */

static void add_server(struct kms_buf *conf, enum place place, const char *certificate,
                       const char *more)
{
    assert_int_equal(kms_buf_addf(conf,
                                  " server { listen 127.0.0.1:%u ssl; ssl_certificate %s.pem;\n"
                                  "  ssl_certificate_key %s.key; %s\n"
                                  "  location / { return 200 \"connection=$connection;"
                                  "protocol=$ssl_protocol;client=$ssl_client_verify;"
                                  "reused=$ssl_session_reused;name=$ssl_server_name;"
                                  "authorization=$http_authorization;\"; } }\n",
                                  site->ports[place], certificate, certificate, more),
                     KMS_OK);
}

static void write_site(void)
{
    struct kms_buf conf;
    const char *f = site->folder;
    kms_buf_init(&conf, 10000);
    assert_int_equal(
        kms_buf_addf(&conf,
                     "daemon off; master_process off; worker_processes 1; pid %s/pid;\n"
                     "error_log %s/error.log; events { worker_connections 64; }\n"
                     "http { log_format short '$request'; access_log %s/access.log short;\n"
                     " client_body_temp_path %s/t1; proxy_temp_path %s/t2;\n"
                     " fastcgi_temp_path %s/t3; uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;\n",
                     f, f, f, f, f, f, f, f),
        KMS_OK);
    add_server(&conf, GOOD, "good", "ssl_protocols TLSv1.2 TLSv1.3; keepalive_requests 3;");
    add_server(&conf, OTHER_NAME, "other", "");
    add_server(&conf, EXPIRED, "expired", "");
    add_server(&conf, OLD_TLS, "good",
               "ssl_protocols TLSv1 TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;");
    add_server(&conf, ANONYMOUS, "good",
               "ssl_protocols TLSv1.2; ssl_ciphers aNULL:@SECLEVEL=0; ssl_ecdh_curve auto;");
    add_server(&conf, CLIENTS, "good",
               "ssl_protocols TLSv1.2 TLSv1.3; ssl_verify_client on; ssl_client_certificate "
               "ca.pem;");
    add_server(&conf, CLIENTS_13, "good",
               "ssl_protocols TLSv1.3; ssl_verify_client optional; ssl_client_certificate ca.pem;");
    assert_int_equal(kms_buf_addf(&conf,
                                  " server { listen 127.0.0.1:%u; location / { return 200 "
                                  "\"plain\"; } } }\n",
                                  site->ports[PLAIN]),
                     KMS_OK);
    const struct path path = in_folder("nginx.conf");
    assert_int_equal(kms_file_replace(path.text, conf.data, conf.len, 0644, NULL), KMS_OK);
    kms_buf_done(&conf);
}

/* It is up when it answers; until then connections are refused. */
static bool answers(pid_t pid, const struct kms_http_server *server)
{
    struct bench bench = {0};
    bench_open(&bench);
    bench_session(&bench, server);
    bool up = false, ended = false;
    for (int i = 0; i < 500 && !up && !ended; i++) {
        bench_post(&bench);
        up = bench.answer.reply.connected;
        ended = waitpid(pid, NULL, WNOHANG) != 0;
        kms_loop_once(bench.loop, up ? 0 : 20);
    }
    bench_close(&bench);
    return up && !ended;
}

static void url_of(enum place place, const char *host, const char *path, char *dst, size_t size)
{
    kms_text_format(dst, size, "http%s://%s:%u%s", place == PLAIN ? "" : "s", host,
                    site->ports[place], path);
}

static int make_site(void **state)
{
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    const char *nginx_version[] = {"nginx", "-v", NULL};
    const char *openssl_version[] = {"openssl", "version", NULL};
    if (!bench_run(nginx_version) || !bench_run(openssl_version)) {
        print_message("skipped: nginx or openssl is not installed\n");
        return 0;
    }
    site = calloc(1, sizeof *site);
    assert_non_null(site);
    kms_text_copy(site->folder, sizeof site->folder, "/tmp/kmsmon-tls-XXXXXX");
    assert_non_null(mkdtemp(site->folder));
    assert_true(make_certificates());
    int listeners[PLACES];
    for (size_t i = 0; i < PLACES; i++) {
        listeners[i] = bench_listen(&site->ports[i]);
    }
    for (size_t i = 0; i < PLACES; i++) {
        close(listeners[i]);
    }
    write_site();
    const struct path conf = in_folder("nginx.conf");
    const char *argv[] = {"nginx", "-p", site->folder, "-c", conf.text, "-e", "stderr", NULL};
    site->nginx = bench_start(argv);
    assert_true(site->nginx > 0);
    char url[96];
    url_of(PLAIN, "127.0.0.1", "/", url, sizeof url);
    const struct kms_http_server server = {.url = url};
    assert_true(answers(site->nginx, &server));
    return 0;
}

static int remove_site(void **state)
{
    (void)state;
    if (!site) {
        return 0;
    }
    (void)kill(site->nginx, SIGTERM);
    (void)waitpid(site->nginx, NULL, 0);
    const char *argv[] = {"rm", "-rf", site->folder, NULL};
    assert_true(bench_run(argv));
    free(site);
    site = NULL;
    return 0;
}

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
    free(f);
    return 0;
}

/* ---- what the tests ask ---- */

static struct fixture *fixture_of(void **state)
{
    if (!site) {
        skip();
    }
    return *state;
}

static void open_to(struct fixture *f, enum place place, struct kms_http_server server)
{
    if (!server.url) {
        url_of(place, "127.0.0.1", "/wsman", f->url, sizeof f->url);
        server.url = f->url;
    }
    server.shown = true;
    bench_session(&f->bench, &server);
}

static void ask(struct fixture *f, enum place place, struct kms_http_server server,
                enum kms_outcome outcome, long status)
{
    open_to(f, place, server);
    bench_post(&f->bench);
    bench_expect(&f->bench, outcome, status);
    assert_int_equal(f->bench.answer.reply.detail[0] != '\0', outcome != KMS_OUTCOME_OK);
    assert_null(strstr(f->bench.answer.reply.detail, "dTpzZWNyZXQ="));
    assert_null(strstr(f->bench.answer.reply.detail, "secret"));
    assert_int_equal(f->bench.answer.reply.secured, status != 0);
}

static void expect_said(const struct fixture *f, const char *text)
{
    if (!strstr(f->bench.answer.body, text)) {
        fail_msg("'%s' is not in '%s'", text, f->bench.answer.body);
    }
}

static void expect_certificate(const struct fixture *f, const char *name)
{
    char pem[32];
    kms_text_format(pem, sizeof pem, "%s.pem", name);
    const struct path cert = in_folder(pem), out = in_folder("cert.der");
    const char *argv[] = {"openssl", "x509", "-in",    cert.text, "-outform",
                          "DER",     "-out", out.text, NULL};
    struct kms_buf expected;
    struct kms_file_stamp stamp;
    const uint8_t *der;
    size_t len;
    kms_buf_init(&expected, 10000);
    assert_true(bench_run(argv));
    assert_int_equal(kms_file_read(out.text, &expected, &stamp, NULL), KMS_OK);
    assert_true(kms_http_session_certificate(f->bench.session, &der, &len));
    assert_int_equal(len, expected.len);
    assert_memory_equal(der, expected.data, len);
    kms_buf_done(&expected);
}

/* Whether a request for this path reached nginx. */
static bool was_asked(const char *path)
{
    struct kms_buf log;
    struct kms_file_stamp stamp;
    const struct path file = in_folder("access.log");
    kms_buf_init(&log, 1000000);
    assert_int_equal(kms_file_read(file.text, &log, &stamp, NULL), KMS_OK);
    bool asked = strstr(kms_buf_str(&log), path) != NULL;
    kms_buf_done(&log);
    return asked;
}

/* ---- who the server is ---- */

static void a_certificate_of_the_named_ca_is_trusted(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem");
    ask(f, GOOD, (struct kms_http_server){.ca_file = ca.text}, KMS_OUTCOME_OK, 200);
    expect_said(f, ";protocol=TLSv1.3;");
    expect_certificate(f, "good");
}

static void the_name_of_the_url_is_verified_whatever_the_address_is(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem");
    char url[96];
    url_of(GOOD, "kms.test", "/", url, sizeof url);
    struct kms_http_server server = {.url = url, .address = "127.0.0.1", .ca_file = ca.text};
    ask(f, GOOD, server, KMS_OUTCOME_OK, 200);
    expect_said(f, ";name=kms.test;");
    url_of(GOOD, "other.test", "/", url, sizeof url);
    ask(f, GOOD, server, KMS_OUTCOME_HTTP_TLS, 0);
    url_of(OTHER_NAME, "other.test", "/", url, sizeof url);
    ask(f, OTHER_NAME, server, KMS_OUTCOME_OK, 200);
}

static void a_certificate_that_cannot_be_verified_is_refused(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem"), stranger = in_folder("stranger.pem");
    const struct path none = in_folder("none.pem"), conf = in_folder("nginx.conf");
    const struct {
        enum place place;
        const char *ca_file;
    } cases[] = {{GOOD, NULL},       {GOOD, stranger.text}, {GOOD, none.text},
                 {GOOD, conf.text},  {OTHER_NAME, ca.text}, {EXPIRED, ca.text},
                 {OLD_TLS, ca.text}, {ANONYMOUS, ca.text}};
    for (size_t i = 0; i < KMS_COUNT_OF(cases); i++) {
        const struct kms_http_server server = {.ca_file = cases[i].ca_file};
        f->bench.authorization = "Basic dTpzZWNyZXQ=";
        ask(f, cases[i].place, server, KMS_OUTCOME_HTTP_TLS, 0);
        assert_true(f->bench.answer.reply.connected);
        assert_true(f->bench.answer.reply.new_connection);
        assert_false(f->bench.answer.reply.connection_lost);
    }
    /* The CA that was read last is not taken for another one. */
    ask(f, GOOD, (struct kms_http_server){.ca_file = ca.text}, KMS_OUTCOME_OK, 200);
    ask(f, GOOD, (struct kms_http_server){0}, KMS_OUTCOME_HTTP_TLS, 0);
}

static void a_pin_alone_identifies_the_server(void **state)
{
    struct fixture *f = fixture_of(state);
    char upper[65];
    ask(f, GOOD, (struct kms_http_server){.pin = site->pin}, KMS_OUTCOME_OK, 200);
    expect_certificate(f, "good");
    /* Whatever name and CA it has. */
    ask(f, OTHER_NAME, (struct kms_http_server){.pin = site->other_pin}, KMS_OUTCOME_OK, 200);
    kms_text_copy(upper, sizeof upper, site->pin);
    for (char *c = upper; *c; c++) {
        *c = *c >= 'a' && *c <= 'f' ? (char)(*c - 'a' + 'A') : *c;
    }
    ask(f, GOOD, (struct kms_http_server){.pin = upper}, KMS_OUTCOME_OK, 200);
}

static void a_wrong_pin_ends_it_before_anything_is_sent(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem");
    char url[96];
    url_of(GOOD, "127.0.0.1", "/wrong-pin", url, sizeof url);
    struct kms_http_server server = {.url = url, .pin = site->other_pin};
    f->bench.authorization = "Basic dTpzZWNyZXQ=";
    for (int with_ca = 0; with_ca < 2; with_ca++) {
        server.ca_file = with_ca ? ca.text : NULL;
        ask(f, GOOD, server, KMS_OUTCOME_HTTP_PIN, 0);
        expect_certificate(f, "good"); /* shown, so that the user can be told its key */
        bench_post(&f->bench);
        bench_expect(&f->bench, KMS_OUTCOME_HTTP_PIN, 0);
    }
    url_of(GOOD, "127.0.0.1", "/right-pin", url, sizeof url);
    server.pin = site->pin;
    ask(f, GOOD, server, KMS_OUTCOME_OK, 200);
    bench_post(&f->bench); /* nginx has written down the one before when it answers this one */
    assert_true(was_asked("/right-pin"));
    assert_false(was_asked("/wrong-pin"));
}

static void with_a_pin_and_a_ca_both_must_hold(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem"), stranger = in_folder("stranger.pem");
    struct kms_http_server server = {.pin = site->pin, .ca_file = ca.text};
    ask(f, GOOD, server, KMS_OUTCOME_OK, 200);
    server.ca_file = stranger.text;
    ask(f, GOOD, server, KMS_OUTCOME_HTTP_TLS, 0);
    server = (struct kms_http_server){.pin = site->other_pin, .ca_file = ca.text};
    ask(f, OTHER_NAME, server, KMS_OUTCOME_HTTP_TLS, 0);
}

/* Nobody proves to have a key there: a pin would have nothing to be compared with. */
static void a_pin_is_never_passed_by_showing_no_certificate(void **state)
{
    struct fixture *f = fixture_of(state);
    ask(f, ANONYMOUS, (struct kms_http_server){.pin = site->pin}, KMS_OUTCOME_HTTP_TLS, 0);
    ask(f, OLD_TLS, (struct kms_http_server){.pin = site->pin}, KMS_OUTCOME_HTTP_TLS, 0);
}

static void a_certificate_that_nobody_wants_is_not_kept(void **state)
{
    struct fixture *f = fixture_of(state);
    const uint8_t *der;
    size_t len;
    url_of(GOOD, "127.0.0.1", "/wsman", f->url, sizeof f->url);
    bench_session(&f->bench, &(struct kms_http_server){.url = f->url, .pin = site->pin});
    bench_post(&f->bench);
    bench_expect(&f->bench, KMS_OUTCOME_OK, 200);
    assert_false(kms_http_session_certificate(f->bench.session, &der, &len));
}

static void a_server_without_tls_is_told_apart(void **state)
{
    struct fixture *f = fixture_of(state);
    char url[96];
    const uint8_t *der;
    size_t len;
    kms_text_format(url, sizeof url, "https://127.0.0.1:%u/", site->ports[PLAIN]);
    ask(f, PLAIN, (struct kms_http_server){.url = url}, KMS_OUTCOME_HTTP_TLS, 0);
    assert_false(kms_http_session_certificate(f->bench.session, &der, &len));
    kms_text_format(url, sizeof url, "http://127.0.0.1:%u/", site->ports[GOOD]);
    open_to(f, GOOD, (struct kms_http_server){.url = url});
    bench_post(&f->bench);
    bench_expect(&f->bench, KMS_OUTCOME_OK, 400); /* nginx says so in the clear */
    assert_false(f->bench.answer.reply.secured);
}

/* ---- who we are ---- */

static void a_password_goes_along_only_where_the_server_is_known(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem");
    const struct kms_http_server server = {.ca_file = ca.text};
    f->bench.authorization = "Basic bW9uaXRvcjpwYTpzcw==";
    ask(f, GOOD, server, KMS_OUTCOME_OK, 200);
    expect_said(f, ";authorization=Basic bW9uaXRvcjpwYTpzcw==;");
    struct kms_http_post own = bench_usual(&f->bench);
    own.authorization = "Negotiate x";
    bench_post_with(&f->bench, &own);
    expect_said(f, ";authorization=Negotiate x;");
    bench_post(&f->bench);
    expect_said(f, ";authorization=Basic bW9uaXRvcjpwYTpzcw==;");
}

static void a_certificate_of_ours_is_shown_over_tls_1_2(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem"), cert = in_folder("client.pem");
    const struct path key = in_folder("client.key"), stranger = in_folder("stranger.pem");
    const struct path stranger_key = in_folder("stranger.key");
    struct kms_http_server server = {.ca_file = ca.text, .certificate = cert.text, .key = key.text};
    ask(f, CLIENTS, server, KMS_OUTCOME_OK, 200);
    expect_said(f, ";protocol=TLSv1.2;client=SUCCESS;");
    ask(f, CLIENTS_13, server, KMS_OUTCOME_HTTP_TLS, 0);
    server.certificate = stranger.text;
    server.key = stranger_key.text;
    ask(f, CLIENTS, server, KMS_OUTCOME_OK, 400); /* nginx refuses in HTTP */
    ask(f, CLIENTS, (struct kms_http_server){.ca_file = ca.text}, KMS_OUTCOME_OK, 400);
}

static void certificate_and_key_may_be_one_file(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem"), both = in_folder("both.pem");
    struct kms_buf text;
    struct kms_file_stamp stamp;
    kms_buf_init(&text, 10000);
    assert_int_equal(kms_file_read(in_folder("client.pem").text, &text, &stamp, NULL), KMS_OK);
    struct kms_buf key;
    kms_buf_init(&key, 10000);
    assert_int_equal(kms_file_read(in_folder("client.key").text, &key, &stamp, NULL), KMS_OK);
    assert_int_equal(kms_buf_add(&text, key.data, key.len), KMS_OK);
    assert_int_equal(kms_file_replace(both.text, text.data, text.len, 0600, NULL), KMS_OK);
    kms_buf_done(&text);
    kms_buf_done(&key);
    const struct kms_http_server server = {.ca_file = ca.text, .certificate = both.text};
    ask(f, CLIENTS, server, KMS_OUTCOME_OK, 200);
    expect_said(f, ";client=SUCCESS;");
}

static void a_key_that_cannot_be_used_is_told_and_no_terminal_is_asked(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem"), cert = in_folder("client.pem");
    const struct path keys[] = {in_folder("locked.key"), in_folder("none.key"),
                                in_folder("stranger.key"), in_folder("ca.pem")};
    for (size_t i = 0; i < KMS_COUNT_OF(keys); i++) {
        const struct kms_http_server server = {
            .ca_file = ca.text, .certificate = cert.text, .key = keys[i].text};
        ask(f, CLIENTS, server, KMS_OUTCOME_HTTP_TLS, 0);
    }
}

/* openssl(1) ends the handshake, or with TLS 1.3 the connection after it. */
static void a_server_that_wants_a_certificate_and_gets_none_refuses_tls(void **state)
{
    struct fixture *f = fixture_of(state);
    static const char *const versions[] = {"-tls1_2", "-tls1_3"};
    const struct path ca = in_folder("ca.pem"), cert = in_folder("good.pem");
    const struct path key = in_folder("good.key");
    for (size_t i = 0; i < KMS_COUNT_OF(versions); i++) {
        unsigned port;
        char port_text[16], url[64];
        close(bench_listen(&port));
        kms_text_format(port_text, sizeof port_text, "%u", port);
        kms_text_format(url, sizeof url, "https://127.0.0.1:%u/", port);
        const char *argv[] = {"openssl",
                              "s_server",
                              "-accept",
                              port_text,
                              "-cert",
                              cert.text,
                              "-key",
                              key.text,
                              "-CAfile",
                              ca.text,
                              "-Verify",
                              "1",
                              "-verify_return_error",
                              "-www",
                              versions[i],
                              NULL};
        pid_t pid = bench_start(argv);
        const struct kms_http_server server = {.url = url, .ca_file = ca.text};
        assert_true(pid > 0 && answers(pid, &server));
        open_to(f, GOOD, server);
        bench_post(&f->bench);
        bench_expect(&f->bench, KMS_OUTCOME_HTTP_TLS, 0);
        assert_non_null(strstr(f->bench.answer.reply.detail, "alert"));
        assert_false(f->bench.answer.reply.connection_lost);
        (void)kill(pid, SIGTERM);
        (void)waitpid(pid, NULL, 0);
    }
}

/* ---- whose connection it is ---- */

static void connection_number(const struct fixture *f, char *dst, size_t size)
{
    assert_true(kms_text_starts(f->bench.answer.body, "connection="));
    kms_text_format(dst, size, "%.*s", (int)strcspn(f->bench.answer.body, ";"),
                    f->bench.answer.body);
}

static void a_session_is_never_served_by_the_connection_of_another(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem"), cert = in_folder("client.pem");
    const struct path key = in_folder("client.key");
    char url[96], numbers[4][32];
    url_of(CLIENTS, "127.0.0.1", "/", url, sizeof url);
    const struct kms_http_server server = {
        .url = url, .ca_file = ca.text, .certificate = cert.text, .key = key.text};
    struct kms_http_session *a = kms_http_session_new(f->bench.http, &server);
    struct kms_http_session *b = kms_http_session_new(f->bench.http, &server);
    assert_non_null(a);
    assert_non_null(b);
    for (size_t i = 0; i < 4; i++) {
        f->bench.session = i % 2 ? b : a;
        bench_post(&f->bench);
        bench_expect(&f->bench, KMS_OUTCOME_OK, 200);
        connection_number(f, numbers[i], sizeof numbers[i]);
    }
    kms_http_session_free(a);
    kms_http_session_free(b);
    f->bench.session = NULL;
    assert_string_equal(numbers[0], numbers[2]);
    assert_string_equal(numbers[1], numbers[3]);
    assert_string_not_equal(numbers[0], numbers[1]);
}

static void a_new_connection_is_a_whole_new_handshake(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem");
    char numbers[6][32];
    open_to(f, GOOD, (struct kms_http_server){.ca_file = ca.text});
    for (size_t i = 0; i < 6; i++) { /* nginx closes after every third */
        bench_post(&f->bench);
        bench_expect(&f->bench, KMS_OUTCOME_OK, 200);
        assert_int_equal(f->bench.answer.reply.new_connection, i % 3 == 0);
        expect_said(f, ";reused=.;");
        connection_number(f, numbers[i], sizeof numbers[i]);
        expect_certificate(f, "good");
    }
    assert_string_equal(numbers[0], numbers[2]);
    assert_string_not_equal(numbers[2], numbers[3]);
    assert_string_equal(numbers[3], numbers[5]);
}

static void a_session_may_be_freed_in_every_turn_of_the_handshake(void **state)
{
    struct fixture *f = fixture_of(state);
    const struct path ca = in_folder("ca.pem");
    for (int turns = 0; turns < 12; turns++) {
        open_to(f, GOOD, (struct kms_http_server){.ca_file = ca.text});
        struct kms_http_post post = bench_usual(&f->bench);
        f->bench.answer = (struct answer){0};
        assert_int_equal(kms_http_post(f->bench.session, &post), KMS_OK);
        for (int i = 0; i < turns && f->bench.answer.calls == 0; i++) {
            kms_loop_once(f->bench.loop, 5);
        }
        int calls = f->bench.answer.calls;
        kms_http_session_free(f->bench.session);
        f->bench.session = NULL;
        kms_loop_once(f->bench.loop, 0);
        assert_int_equal(f->bench.answer.calls, calls);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TLS_TEST(a_certificate_of_the_named_ca_is_trusted),
        TLS_TEST(the_name_of_the_url_is_verified_whatever_the_address_is),
        TLS_TEST(a_certificate_that_cannot_be_verified_is_refused),
        TLS_TEST(a_pin_alone_identifies_the_server),
        TLS_TEST(a_wrong_pin_ends_it_before_anything_is_sent),
        TLS_TEST(with_a_pin_and_a_ca_both_must_hold),
        TLS_TEST(a_pin_is_never_passed_by_showing_no_certificate),
        TLS_TEST(a_certificate_that_nobody_wants_is_not_kept),
        TLS_TEST(a_server_without_tls_is_told_apart),
        TLS_TEST(a_password_goes_along_only_where_the_server_is_known),
        TLS_TEST(a_certificate_of_ours_is_shown_over_tls_1_2),
        TLS_TEST(certificate_and_key_may_be_one_file),
        TLS_TEST(a_key_that_cannot_be_used_is_told_and_no_terminal_is_asked),
        TLS_TEST(a_server_that_wants_a_certificate_and_gets_none_refuses_tls),
        TLS_TEST(a_session_is_never_served_by_the_connection_of_another),
        TLS_TEST(a_new_connection_is_a_whole_new_handshake),
        TLS_TEST(a_session_may_be_freed_in_every_turn_of_the_handshake),
    };
    return cmocka_run_group_tests(tests, make_site, remove_site);
}
