/* Authenticates a connection step by step and carries messages over it. */
#include "wsman/connection.h"

#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"
#include "base/text.h"
#include "net/http_session.h"
#include "wsman/envelope.h"
#include "wsman/gss.h"
#include "wsman/logins.h"
#include "wsman/sealed.h"

enum {
    ROUNDS_MAX = 8, /* of tokens: Kerberos needs one, NTLM two */
    TOKEN_MAX = 64 * 1024,
    BODY_OF_TOKEN_MAX = 64 * 1024, /* what comes beside a token is not looked at */
    HEADER_MAX = 100 * 1024,
    PADDING_MAX = 16 /* of a mechanism, counted in the announced length */
};

/* [MS-WSMV] 2.2.9.1.2.3: the client's certificate is its credential. */
#define BY_CERTIFICATE "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

/* What a job on a thread uses. Belongs to the job while one runs. */
struct login {
    struct kms_connection *connection;  /* for the loop's thread only; gone when it was given up */
    struct kms_credentials credentials; /* a copy: the site's may go before a job that hangs */
    struct kms_gss *gss;                /* NULL: not begun */
    struct kms_buf in, out;             /* tokens */
    struct kms_gss_step step;
    char password[KMS_SECRET_SIZE]; /* of Basic */
    enum kms_status status;
    struct kms_fault fault;
};

struct kms_connection {
    struct kms_env *env;
    const struct kms_wsman_url *url;
    const struct kms_source_config *config;
    struct kms_http_session *session;
    struct login *login;
    struct kms_login_job *job; /* NULL: none runs; while one does, login is the job's */
    struct kms_timer *timer;   /* tells what was known at once */
    struct kms_timer *limit;   /* of a job */
    bool open, proven;         /* proven: a message was answered over it */
    unsigned rounds;
    bool refused; /* the last token was answered with 401 */
    char mechanism[16];
    char *authorization; /* header of every request; NULL: none. Wiped */
    size_t authorization_len;
    struct kms_buf sealed_body;
    bool too_big;
    int64_t deadline_us;
    struct kms_connection_end end; /* told by the timer */
    kms_connection_sink_fn *sink;
    kms_connection_done_fn *done;
    void *arg;
    struct kms_connection_ask ask; /* the one under way; message is not kept */
};

/* ---- ownership ---- */

static void free_login(void *data)
{
    struct login *login = data;
    if (!login) {
        return;
    }
    kms_gss_free(login->gss);
    kms_secret_forget(login->password);
    kms_credentials_done(&login->credentials);
    kms_buf_done(&login->in);
    kms_buf_done(&login->out);
    free(login);
}

static struct login *new_login(struct kms_connection *connection)
{
    struct login *login = calloc(1, sizeof *login);
    if (!login) {
        return NULL;
    }
    login->connection = connection;
    kms_buf_init(&login->in, TOKEN_MAX);
    kms_buf_init(&login->out, TOKEN_MAX);
    if (kms_credentials_copy(&login->credentials, connection->config->credentials) != KMS_OK) {
        free_login(login);
        return NULL;
    }
    return login;
}

static void forget_authorization(struct kms_connection *connection)
{
    if (connection->authorization) {
        explicit_bzero(connection->authorization, connection->authorization_len);
        free(connection->authorization);
        connection->authorization = NULL;
    }
}

static struct kms_http_session *new_session(const struct kms_connection *connection)
{
    const struct kms_credentials *who = connection->config->credentials;
    bool certificate = who && who->auth == KMS_AUTH_CERTIFICATE;
    const struct kms_http_server server = {
        .url = connection->url->url,
        .address = connection->url->address,
        .ca_file = connection->config->ca_file,
        .pin = connection->config->pin,
        .certificate = certificate ? who->certificate : NULL,
        .key = certificate ? who->key : NULL,
    };
    return kms_http_session_new(connection->env->http, &server);
}

static void tell(void *arg);
static void job_is_late(void *arg);

struct kms_connection *kms_connection_new(struct kms_env *env, const struct kms_wsman_url *url,
                                          const struct kms_source_config *config)
{
    struct kms_connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        return NULL;
    }
    connection->env = env;
    connection->url = url;
    connection->config = config;
    connection->timer = kms_timer_new(env->loop, tell, connection);
    connection->limit = kms_timer_new(env->loop, job_is_late, connection);
    connection->session = new_session(connection);
    if (!connection->timer || !connection->limit || !connection->session) {
        kms_connection_free(connection);
        return NULL;
    }
    return connection;
}

void kms_connection_free(struct kms_connection *connection)
{
    if (!connection) {
        return;
    }
    if (connection->job) {
        kms_logins_abandon(connection->job, free_login);
        connection->login = NULL;
    }
    free_login(connection->login);
    kms_http_session_free(connection->session);
    kms_timer_free(connection->timer);
    kms_timer_free(connection->limit);
    kms_buf_done(&connection->sealed_body);
    forget_authorization(connection);
    free(connection);
}

bool kms_connection_is_open(const struct kms_connection *connection)
{
    return connection->open;
}

const char *kms_connection_mechanism(const struct kms_connection *connection)
{
    return connection->mechanism;
}

/* ---- ends ---- */

static void finish(struct kms_connection *connection, const struct kms_connection_end *end)
{
    struct kms_connection_end last = *end;
    kms_connection_done_fn *done = connection->done;
    void *arg = connection->arg;
    connection->done = NULL;
    done(arg, &last);
}

static void tell(void *arg)
{
    struct kms_connection *connection = arg;
    finish(connection, &connection->end);
}

static void finish_with(struct kms_connection *connection, enum kms_outcome outcome,
                        enum kms_talk_stage stage, const char *detail)
{
    struct kms_connection_end end = {.outcome = outcome, .stage = stage};
    kms_text_clean(end.detail, sizeof end.detail, detail, strlen(detail));
    finish(connection, &end);
}

/* From inside open: told a moment later. */
static void finish_later(struct kms_connection *connection, enum kms_outcome outcome,
                         enum kms_talk_stage stage, const char *detail)
{
    connection->end = (struct kms_connection_end){.outcome = outcome, .stage = stage};
    kms_text_copy(connection->end.detail, sizeof connection->end.detail, detail);
    kms_timer_set(connection->timer, 0);
}

static void now_open(struct kms_connection *connection, const char *mechanism)
{
    connection->open = true;
    connection->proven = false;
    kms_text_copy(connection->mechanism, sizeof connection->mechanism, mechanism);
}

static void close_login(struct kms_connection *connection)
{
    connection->open = false;
    connection->mechanism[0] = '\0';
    free_login(connection->login);
    connection->login = NULL;
    forget_authorization(connection);
}

/* ---- what HTTP said ---- */

static enum kms_outcome outcome_of_http(const struct kms_http_reply *reply,
                                        enum kms_talk_stage *ret_stage)
{
    *ret_stage = reply->secured     ? KMS_TALK_HTTP
                 : reply->connected ? KMS_TALK_TLS
                                    : KMS_TALK_CONNECT;
    switch (reply->outcome) {
    case KMS_OUTCOME_HTTP_URL:
        *ret_stage = KMS_TALK_ADDRESS;
        return KMS_OUTCOME_WSMAN_ADDRESS;
    case KMS_OUTCOME_HTTP_RESOLVE:
        *ret_stage = KMS_TALK_ADDRESS;
        return KMS_OUTCOME_WSMAN_UNRESOLVED;
    case KMS_OUTCOME_HTTP_CONNECT:
        *ret_stage = KMS_TALK_CONNECT;
        return KMS_OUTCOME_WSMAN_CONNECT;
    case KMS_OUTCOME_HTTP_TLS:
        *ret_stage = KMS_TALK_TLS;
        return KMS_OUTCOME_WSMAN_TLS;
    case KMS_OUTCOME_HTTP_PIN:
        *ret_stage = KMS_TALK_TLS;
        return KMS_OUTCOME_WSMAN_PIN;
    case KMS_OUTCOME_HTTP_REDIRECT:
        *ret_stage = KMS_TALK_HTTP;
        return KMS_OUTCOME_WSMAN_REDIRECT;
    case KMS_OUTCOME_HTTP_TOO_BIG:
        *ret_stage = KMS_TALK_HTTP;
        return KMS_OUTCOME_WSMAN_TOO_BIG;
    case KMS_OUTCOME_TIMEOUT:
        return KMS_OUTCOME_WSMAN_TIMEOUT;
    case KMS_OUTCOME_NO_MEMORY:
        return KMS_OUTCOME_NO_MEMORY;
    default:
        return KMS_OUTCOME_WSMAN_BROKEN;
    }
}

/* An answer without a SOAP body, by its status. */
static enum kms_outcome outcome_of_status(long status, enum kms_talk_stage *ret_stage)
{
    *ret_stage = KMS_TALK_HTTP;
    switch (status) {
    case 401:
        *ret_stage = KMS_TALK_AUTHENTICATE;
        return KMS_OUTCOME_WSMAN_UNAUTHENTICATED;
    case 403:
        *ret_stage = KMS_TALK_AUTHORIZE;
        return KMS_OUTCOME_WSMAN_DENIED;
    case 404:
    case 405:
        return KMS_OUTCOME_WSMAN_FOREIGN;
    case 500:
        return KMS_OUTCOME_WSMAN_NO_ROOM;
    case 503:
        return KMS_OUTCOME_WSMAN_UNAVAILABLE;
    default:
        return status >= 400 ? KMS_OUTCOME_WSMAN_REJECTED : KMS_OUTCOME_WSMAN_FOREIGN;
    }
}

static void describe_reply(const struct kms_http_reply *reply, struct kms_connection_end *end)
{
    end->status = reply->status;
    end->date_s = reply->date_s;
    kms_text_copy(end->content_type, sizeof end->content_type, reply->content_type);
    if (reply->detail[0]) {
        kms_text_copy(end->detail, sizeof end->detail, reply->detail);
    } else if (reply->status != 0) {
        kms_text_format(end->detail, sizeof end->detail, "HTTP status %ld%s%s", reply->status,
                        reply->content_type[0] ? ", " : "", reply->content_type);
    }
}

/* ---- authentication ---- */

static bool is_scheme(const char *challenge, const char *scheme)
{
    size_t len = strlen(scheme);
    return strncasecmp(challenge, scheme, len) == 0 &&
           (challenge[len] == '\0' || challenge[len] == ' ');
}

/* What stands behind the scheme's word in any of the challenges; NULL: it is not among them. */
static const char *find_challenge(const struct kms_http_reply *reply, const char *scheme)
{
    const char *found = NULL;
    for (size_t i = 0; i < reply->challenge_count && !found; i++) {
        const char *at = reply->challenge[i];
        found = is_scheme(at, scheme) ? at + strlen(scheme) + strspn(at + strlen(scheme), " ")
                                      : NULL;
    }
    return found;
}

static void offered(const struct kms_http_reply *reply, char *dst, size_t size)
{
    dst[0] = '\0';
    kms_text_append(dst, size, "the host offers ");
    for (size_t i = 0; i < reply->challenge_count; i++) {
        const char *at = reply->challenge[i];
        char word[32];
        size_t len = strcspn(at, " ");
        kms_text_clean(word, sizeof word, at, len);
        kms_text_append(dst, size, "%s%s", i > 0 ? ", " : "", word);
    }
    if (reply->challenge_count == 0) {
        kms_text_append(dst, size, "no method at all");
    }
}

static bool decode(const char *text, struct kms_buf *ret)
{
    struct base64_decode_ctx ctx;
    size_t len = strlen(text);
    size_t size = BASE64_DECODE_LENGTH(len);
    char *place = NULL;
    base64_decode_init(&ctx);
    kms_buf_clear(ret);
    if (kms_buf_room(ret, size, &place) != KMS_OK ||
        base64_decode_update(&ctx, &size, (uint8_t *)place, len, text) != 1 ||
        base64_decode_final(&ctx) != 1) {
        return false;
    }
    kms_buf_grew(ret, size);
    return true;
}

/* "WORD base64 of bytes", on the heap. */
static char *header_of(const char *word, const void *bytes, size_t len)
{
    size_t before = strlen(word) + 1;
    size_t size = before + BASE64_ENCODE_RAW_LENGTH(len) + 1;
    char *header = malloc(size);
    if (header) {
        kms_text_format(header, size, "%s ", word);
        base64_encode_raw(header + before, len, bytes);
        header[size - 1] = '\0';
    }
    return header;
}

static void token_answered(void *arg, const struct kms_http_reply *reply);

static bool drop_body(void *arg, const struct kms_http_reply *reply, const void *bytes, size_t len)
{
    (void)arg;
    (void)reply;
    (void)bytes;
    (void)len;
    return true;
}

static int64_t left_ms(const struct kms_connection *connection, int64_t deadline_us)
{
    int64_t left = (deadline_us - kms_clock_mono_us(&connection->env->clock)) / 1000;
    return left < 1 ? 1 : left;
}

/* An empty message: authentication comes before anything is said. */
static enum kms_status post_empty(struct kms_connection *connection, const char *authorization,
                                  bool kept_only, kms_http_reply_fn *done)
{
    const struct kms_http_post post = {
        .content_type = KMS_WSMAN_CONTENT_TYPE,
        .authorization = authorization,
        .kept_only = kept_only,
        .size_max = BODY_OF_TOKEN_MAX,
        .timeout_ms = left_ms(connection, connection->deadline_us),
        .data = drop_body,
        .done = done,
        .arg = connection,
    };
    return kms_http_post(connection->session, &post);
}

static void step_ended(void *data);

static void take_step(void *data)
{
    struct login *login = data;
    kms_gss_step(login->gss, login->in.len > 0 ? kms_buf_str(&login->in) : NULL, login->in.len,
                 &login->out, &login->step);
}

static bool submit(struct kms_connection *connection, kms_job_fn *work, kms_job_fn *done)
{
    const char *name = connection->login->credentials.name;
    connection->job = kms_logins_submit(connection->env->logins, name ? name : "", work, done,
                                        connection->login);
    if (connection->job) {
        kms_timer_set(connection->limit, left_ms(connection, connection->deadline_us));
    }
    return connection->job != NULL;
}

static void job_ended(struct kms_connection *connection)
{
    connection->job = NULL;
    kms_timer_stop(connection->limit);
}

static void no_memory(struct kms_connection *connection)
{
    finish_with(connection, KMS_OUTCOME_NO_MEMORY, KMS_TALK_AUTHENTICATE, "");
}

static void refuse(struct kms_connection *connection, enum kms_outcome outcome, const char *detail)
{
    close_login(connection);
    finish_with(connection, outcome, KMS_TALK_AUTHENTICATE, detail);
}

static void step_ended(void *data)
{
    struct login *login = data;
    struct kms_connection *connection = login->connection;
    job_ended(connection);
    const struct kms_gss_step step = login->step;
    if (step.outcome == KMS_OUTCOME_WSMAN_AUTH_BROKEN && connection->refused &&
        connection->rounds > 1) {
        /* Some hosts put a token that says no into their last 401. */
        refuse(connection, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, "HTTP status 401 to the last token");
        return;
    }
    if (step.outcome != KMS_OUTCOME_OK) {
        refuse(connection, step.outcome, step.detail);
        return;
    }
    if (login->out.len == 0) {
        if (!step.complete) {
            refuse(connection, KMS_OUTCOME_WSMAN_AUTH_BROKEN,
                   "the exchange of tokens ended before either side was satisfied");
            return;
        }
        now_open(connection, kms_gss_mechanism(login->gss));
        finish_with(connection, KMS_OUTCOME_OK, KMS_TALK_AUTHENTICATE, "");
        return;
    }
    if (++connection->rounds > ROUNDS_MAX) {
        refuse(connection, KMS_OUTCOME_WSMAN_AUTH_BROKEN, "the exchange of tokens does not end");
        return;
    }
    char *header = header_of("Negotiate", kms_buf_str(&login->out), login->out.len);
    if (!header ||
        post_empty(connection, header, connection->rounds > 1, token_answered) != KMS_OK) {
        close_login(connection);
        no_memory(connection);
    }
    free(header);
}

/* The job goes on alone until whatever holds it lets go. */
static void job_is_late(void *arg)
{
    struct kms_connection *connection = arg;
    bool by_gss = connection->login->gss != NULL;
    kms_logins_abandon(connection->job, free_login);
    connection->job = NULL;
    connection->login = NULL;
    refuse(connection, by_gss ? KMS_OUTCOME_WSMAN_KERBEROS : KMS_OUTCOME_WSMAN_NO_CREDENTIALS,
           by_gss ? "the KDC did not answer in time" : "reading the password took too long");
}

static void fail_by_reply(struct kms_connection *connection, const struct kms_http_reply *reply)
{
    struct kms_connection_end end = {.outcome = KMS_OUTCOME_OK};
    end.outcome = reply->outcome == KMS_OUTCOME_OK ? outcome_of_status(reply->status, &end.stage)
                                                   : outcome_of_http(reply, &end.stage);
    end.lost = reply->connection_lost;
    describe_reply(reply, &end);
    close_login(connection);
    finish(connection, &end);
}

static void refuse_by_401(struct kms_connection *connection, const struct kms_http_reply *reply)
{
    char detail[200];
    if (!find_challenge(reply, "Negotiate")) {
        offered(reply, detail, sizeof detail);
        refuse(connection, KMS_OUTCOME_WSMAN_NOT_OFFERED, detail);
        return;
    }
    const struct login *login = connection->login;
    const char *passed_over = kms_gss_passed_over(login->gss);
    kms_text_format(detail, sizeof detail, "HTTP status 401 to the %s token of %s%s%s%s",
                    connection->rounds < 2 ? "first" : "last",
                    login->credentials.user ? login->credentials.user : "the tickets' owner",
                    connection->url->tls ? "; or the channel binding disagrees" : "",
                    passed_over[0] ? "; no Kerberos: " : "", passed_over);
    refuse(connection, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, detail);
}

static void token_answered(void *arg, const struct kms_http_reply *reply)
{
    struct kms_connection *connection = arg;
    struct login *login = connection->login;
    if (reply->outcome != KMS_OUTCOME_OK) {
        fail_by_reply(connection, reply);
        return;
    }
    const char *token = find_challenge(reply, "Negotiate");
    connection->refused = reply->status == 401;
    bool has_token = token && token[0] != '\0';
    if (has_token && login->step.complete) {
        /* Nothing more is expected: what came is not for us. */
        refuse(connection, KMS_OUTCOME_WSMAN_AUTH_BROKEN, "a token too many");
        return;
    }
    if (has_token) {
        if (!decode(token, &login->in) || login->in.len == 0) {
            refuse(connection, KMS_OUTCOME_WSMAN_AUTH_BROKEN, "the host's token is not base64");
        } else if (!submit(connection, take_step, step_ended)) {
            close_login(connection);
            no_memory(connection);
        }
        return;
    }
    if (reply->status == 401) {
        refuse_by_401(connection, reply);
        return;
    }
    if (!login->step.complete) {
        if (reply->status >= 200 && reply->status <= 299) {
            refuse(connection, KMS_OUTCOME_WSMAN_AUTH_BROKEN,
                   "the host let us in without proving who it is");
            return;
        }
        fail_by_reply(connection, reply);
        return;
    }
    now_open(connection, kms_gss_mechanism(login->gss));
    finish_with(connection, KMS_OUTCOME_OK, KMS_TALK_AUTHENTICATE, "");
}

static bool begin_gss(struct kms_connection *connection)
{
    struct login *login = connection->login;
    const struct kms_gss_config config = {.credentials = &login->credentials,
                                          .service = connection->config->service,
                                          .host = connection->url->host,
                                          .seal = !connection->url->tls};
    login->gss = kms_gss_new(&config);
    kms_buf_clear(&login->in);
    return login->gss != NULL;
}

/* The server's certificate is known: the security context is bound to it. */
static void greeted(void *arg, const struct kms_http_reply *reply)
{
    struct kms_connection *connection = arg;
    const uint8_t *der = NULL;
    size_t len = 0;
    char detail[200];
    if (reply->outcome != KMS_OUTCOME_OK) {
        fail_by_reply(connection, reply);
        return;
    }
    if (reply->status != 401) {
        struct kms_connection_end end = {.stage = KMS_TALK_HTTP};
        end.outcome = outcome_of_status(reply->status, &end.stage);
        describe_reply(reply, &end);
        close_login(connection);
        finish(connection, &end);
        return;
    }
    if (!find_challenge(reply, "Negotiate")) {
        offered(reply, detail, sizeof detail);
        refuse(connection, KMS_OUTCOME_WSMAN_NOT_OFFERED, detail);
        return;
    }
    if (!kms_http_session_certificate(connection->session, &der, &len) ||
        kms_gss_bind_certificate(connection->login->gss, der, len) != KMS_OK) {
        refuse(connection, KMS_OUTCOME_WSMAN_TLS, "the listener's certificate cannot be read");
        return;
    }
    if (!submit(connection, take_step, step_ended)) {
        close_login(connection);
        no_memory(connection);
    }
}

static void read_password(void *data)
{
    struct login *login = data;
    login->status = kms_secret_read(login->credentials.password_file, 1, login->password,
                                    &login->fault);
}

static enum kms_status make_basic(struct kms_connection *connection)
{
    struct login *login = connection->login;
    char both[2 * KMS_SECRET_SIZE + 2];
    bool fits = kms_text_format(both, sizeof both, "%s:%s", login->credentials.user,
                                login->password);
    if (fits) {
        connection->authorization = header_of("Basic", both, strlen(both));
        connection->authorization_len = connection->authorization
                                            ? strlen(connection->authorization)
                                            : 0;
    }
    explicit_bzero(both, sizeof both);
    return !fits ? KMS_ETOOBIG : connection->authorization ? KMS_OK : KMS_ENOMEM;
}

static void password_read(void *data)
{
    struct login *login = data;
    struct kms_connection *connection = login->connection;
    job_ended(connection);
    if (login->status != KMS_OK) {
        char detail[200];
        kms_text_format(detail, sizeof detail, "%s %s", login->credentials.password_file,
                        login->fault.text);
        refuse(connection, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, detail);
        return;
    }
    enum kms_status status = make_basic(connection);
    free_login(connection->login);
    connection->login = NULL;
    if (status == KMS_ENOMEM) {
        no_memory(connection);
    } else if (status != KMS_OK) {
        refuse(connection, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, "user and password are too long");
    } else {
        now_open(connection, "Basic");
        finish_with(connection, KMS_OUTCOME_OK, KMS_TALK_AUTHENTICATE, "");
    }
}

/* NULL: the credentials can be used here. */
static const char *what_lacks(const struct kms_credentials *who)
{
    if (!who) {
        return "the host has no credentials block";
    }
    switch ((enum kms_auth)who->auth) {
    case KMS_AUTH_BASIC:
        return who->user && who->password_file ? NULL : "basic needs user and password-file";
    case KMS_AUTH_CERTIFICATE:
        return who->certificate ? NULL : "certificate needs a certificate";
    case KMS_AUTH_NTLM:
        return who->user && who->password_file ? NULL : "ntlm needs user and password-file";
    default:
        return who->password_file || who->keytab || who->ccache
                   ? NULL
                   : "negotiate and kerberos need a password-file, a keytab or a ccache";
    }
}

static enum kms_status open_by_header(struct kms_connection *connection)
{
    connection->authorization = kms_text_dup(BY_CERTIFICATE);
    if (!connection->authorization) {
        return KMS_ENOMEM;
    }
    connection->authorization_len = strlen(connection->authorization);
    now_open(connection, "certificate");
    finish_later(connection, KMS_OUTCOME_OK, KMS_TALK_AUTHENTICATE, "");
    return KMS_OK;
}

static enum kms_status start_gss(struct kms_connection *connection)
{
    if (!begin_gss(connection)) {
        return KMS_ENOMEM;
    }
    if (connection->url->tls) {
        return post_empty(connection, NULL, false, greeted);
    }
    return submit(connection, take_step, step_ended) ? KMS_OK : KMS_ENOMEM;
}

enum kms_status kms_connection_open(struct kms_connection *connection, int64_t deadline_us,
                                    kms_connection_done_fn *done, void *arg)
{
    const struct kms_credentials *who = connection->config->credentials;
    connection->deadline_us = deadline_us;
    connection->done = done;
    connection->arg = arg;
    connection->rounds = 0;
    connection->refused = false;
    close_login(connection);
    const char *lack = what_lacks(who);
    if (lack) {
        finish_later(connection, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, KMS_TALK_AUTHENTICATE, lack);
        return KMS_OK;
    }
    bool needs_tls = who->auth == KMS_AUTH_BASIC || who->auth == KMS_AUTH_CERTIFICATE;
    if (needs_tls && !connection->url->tls) {
        finish_later(connection, KMS_OUTCOME_WSMAN_INSECURE, KMS_TALK_AUTHENTICATE,
                     connection->url->url);
        return KMS_OK;
    }
    if (who->auth == KMS_AUTH_CERTIFICATE) {
        return open_by_header(connection);
    }
    connection->login = new_login(connection);
    if (!connection->login) {
        return KMS_ENOMEM;
    }
    enum kms_status status = KMS_OK;
    if (who->auth == KMS_AUTH_BASIC) {
        status = submit(connection, read_password, password_read) ? KMS_OK : KMS_ENOMEM;
    } else {
        status = start_gss(connection);
    }
    if (status != KMS_OK) {
        close_login(connection);
    }
    return status;
}

/* ---- messages ---- */

static bool is_soap(const char *content_type)
{
    return strncasecmp(content_type, "application/soap+xml", 20) == 0 ||
           strncasecmp(content_type, "text/xml", 8) == 0;
}

static bool seals(const struct kms_connection *connection)
{
    return !connection->ask.anonymous && !connection->url->tls;
}

static bool may_hold_message(long status)
{
    return status == 200 || status == 500 || status == 400;
}

/* GSS-API authenticates a connection; the other methods every request. */
static bool bound_to_connection(const struct kms_connection *connection)
{
    return !connection->ask.anonymous && !connection->authorization;
}

static bool take_body(void *arg, const struct kms_http_reply *reply, const void *bytes, size_t len)
{
    struct kms_connection *connection = arg;
    if (!may_hold_message(reply->status)) {
        return true;
    }
    if (seals(connection)) {
        if (kms_sealed_is(reply->content_type) &&
            kms_buf_add(&connection->sealed_body, bytes, len) != KMS_OK) {
            connection->too_big = true;
            return false;
        }
        return true;
    }
    if (is_soap(reply->content_type)) {
        connection->ask.sink(connection->ask.arg, bytes, len);
    }
    return true;
}

/* Opens what came sealed and hands it on. */
static enum kms_outcome unseal(struct kms_connection *connection, char *detail, size_t size)
{
    struct kms_fault fault = {.text = ""};
    struct kms_sealed sealed;
    struct kms_buf plain;
    kms_buf_init(&plain, connection->ask.size_max);
    enum kms_status status = kms_sealed_read(kms_buf_str(&connection->sealed_body),
                                             connection->sealed_body.len, &sealed, &fault);
    if (status == KMS_OK) {
        status = kms_gss_unwrap(connection->login->gss, sealed.token, sealed.token_len, &plain,
                                &fault);
    }
    if (status == KMS_OK &&
        (plain.len > sealed.plain_len || sealed.plain_len - plain.len > PADDING_MAX)) {
        status = kms_fault_set(&fault, KMS_EINVAL, 0, "%zu bytes were sealed, %zu announced",
                               plain.len, sealed.plain_len);
    }
    if (status == KMS_OK) {
        connection->ask.sink(connection->ask.arg, kms_buf_str(&plain), plain.len);
    } else {
        kms_text_clean(detail, size, fault.text, strlen(fault.text));
    }
    kms_buf_done(&plain);
    return status == KMS_OK        ? KMS_OUTCOME_OK
           : status == KMS_ENOMEM  ? KMS_OUTCOME_NO_MEMORY
           : status == KMS_ETOOBIG ? KMS_OUTCOME_WSMAN_TOO_BIG
                                   : KMS_OUTCOME_WSMAN_UNSEALED;
}

static void judge_sealed(struct kms_connection *connection, const struct kms_http_reply *reply,
                         struct kms_connection_end *end)
{
    if (!kms_sealed_is(reply->content_type)) {
        end->outcome = KMS_OUTCOME_WSMAN_UNSEALED;
        kms_text_format(end->detail, sizeof end->detail,
                        "HTTP status %ld with an answer in the clear (%s)", reply->status,
                        reply->content_type[0] ? reply->content_type : "no type");
        return;
    }
    end->outcome = unseal(connection, end->detail, sizeof end->detail);
    end->has_message = end->outcome == KMS_OUTCOME_OK;
}

static void judge_answer(struct kms_connection *connection, const struct kms_http_reply *reply,
                         struct kms_connection_end *end)
{
    bool with_body = reply->content_type[0] != '\0';
    describe_reply(reply, end);
    end->stage = KMS_TALK_HTTP;
    if (connection->too_big) {
        end->outcome = KMS_OUTCOME_WSMAN_TOO_BIG;
        kms_text_format(end->detail, sizeof end->detail, "more than %zu bytes",
                        connection->ask.size_max);
    } else if (reply->outcome != KMS_OUTCOME_OK) {
        end->outcome = outcome_of_http(reply, &end->stage);
    } else if (may_hold_message(reply->status) && seals(connection) && with_body &&
               reply->status != 400) {
        judge_sealed(connection, reply, end);
    } else if (may_hold_message(reply->status) && is_soap(reply->content_type)) {
        end->has_message = true;
        end->outcome = KMS_OUTCOME_OK;
    } else if (reply->status == 401 && connection->authorization &&
               !find_challenge(reply, "Basic")) {
        end->outcome = KMS_OUTCOME_WSMAN_NOT_OFFERED;
        end->stage = KMS_TALK_AUTHENTICATE;
        offered(reply, end->detail, sizeof end->detail);
    } else {
        end->outcome = reply->status == 500 && with_body
                           ? KMS_OUTCOME_WSMAN_FOREIGN
                           : outcome_of_status(reply->status, &end->stage);
    }
}

static void answered(void *arg, const struct kms_http_reply *reply)
{
    struct kms_connection *connection = arg;
    struct kms_connection_end end = {.outcome = KMS_OUTCOME_OK};
    judge_answer(connection, reply, &end);
    /* The connection was closed before an answer, or the host forgot who we are. */
    end.lost = reply->connection_lost || (bound_to_connection(connection) && connection->proven &&
                                          end.outcome == KMS_OUTCOME_WSMAN_UNAUTHENTICATED);
    if (end.lost || (bound_to_connection(connection) && end.outcome != KMS_OUTCOME_OK)) {
        close_login(connection);
    }
    connection->proven = connection->proven || end.has_message;
    kms_buf_done(&connection->sealed_body);
    finish(connection, &end);
}

static enum kms_status seal(struct kms_connection *connection, const struct kms_connection_ask *ask,
                            struct kms_buf *ret)
{
    struct kms_buf header;
    struct kms_buf sealed;
    kms_buf_init(&header, HEADER_MAX);
    kms_buf_init(&sealed, ask->len + HEADER_MAX);
    enum kms_status status = kms_gss_wrap(connection->login->gss, ask->message, ask->len, &header,
                                          &sealed, NULL);
    if (status == KMS_OK) {
        status = kms_sealed_write(sealed.len, kms_buf_str(&header), header.len,
                                  kms_buf_str(&sealed), sealed.len, ret);
    }
    kms_buf_done(&header);
    kms_buf_done(&sealed);
    return status;
}

enum kms_status kms_connection_ask(struct kms_connection *connection,
                                   const struct kms_connection_ask *ask)
{
    connection->ask = *ask;
    connection->ask.message = NULL;
    connection->done = ask->done;
    connection->arg = ask->arg;
    connection->too_big = false;
    kms_buf_init(&connection->sealed_body, ask->size_max + HEADER_MAX);
    struct kms_buf body;
    kms_buf_init(&body, ask->len + (size_t)4 * HEADER_MAX);
    bool sealed = seals(connection);
    enum kms_status status = sealed ? seal(connection, ask, &body) : KMS_OK;
    if (status == KMS_EIO) {
        close_login(connection);
        finish_later(connection, KMS_OUTCOME_WSMAN_UNSEALED, KMS_TALK_OPERATE,
                     "the mechanism refused to encrypt the message");
        return KMS_OK;
    }
    if (status == KMS_OK) {
        const struct kms_http_post post = {
            .body = sealed ? kms_buf_str(&body) : ask->message,
            .len = sealed ? body.len : ask->len,
            .content_type = sealed ? KMS_SEALED_CONTENT_TYPE : KMS_WSMAN_CONTENT_TYPE,
            .authorization = ask->anonymous ? NULL : connection->authorization,
            .header = ask->anonymous ? "WSMANIDENTIFY: unauthenticated" : NULL,
            .kept_only = bound_to_connection(connection),
            .size_max = ask->size_max + HEADER_MAX,
            .timeout_ms = left_ms(connection, ask->deadline_us),
            .data = take_body,
            .done = answered,
            .arg = connection,
        };
        status = kms_http_post(connection->session, &post);
    }
    kms_buf_done(&body);
    return status;
}
