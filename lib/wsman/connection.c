/* Carries messages over a connection that is authenticated, sealed where it is plain HTTP. */
#include "wsman/connection.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "net/http_session.h"
#include "wsman/envelope.h"
#include "wsman/login.h"
#include "wsman/sealed.h"

enum {
    HEADER_MAX = 100 * 1024,
    PADDING_MAX = 16 /* of a mechanism, counted in the announced length */
};

struct kms_connection {
    struct kms_env *env;
    const struct kms_wsman_url *url;
    const struct kms_source_config *config;
    struct kms_http_session *session;
    struct kms_login *login;
    struct kms_timer *timer; /* tells what was known at once */
    bool proven;             /* a message was answered over it */
    struct kms_buf sealed_body;
    bool too_big;
    struct kms_connection_end end; /* told by the timer */
    kms_connection_done_fn *done;
    void *arg;
    struct kms_connection_ask ask; /* the one under way; message is not kept */
};

/* ---- ownership ---- */

static struct kms_http_session *new_session(const struct kms_connection *connection)
{
    const struct kms_credentials *who = connection->config->credentials;
    bool certificate = who && who->auth == KMS_AUTH_CERTIFICATE;
    bool basic = who && who->auth == KMS_AUTH_BASIC;
    const struct kms_http_server server = {
        .url = connection->url->url,
        .address = connection->url->address,
        .ca_file = connection->config->ca_file,
        .pin = connection->config->pin,
        .shown = !basic && !certificate, /* tokens are bound to it */
        .certificate = certificate ? who->certificate : NULL,
        .key = certificate ? who->key : NULL,
    };
    return kms_http_session_new(connection->env->http, &server);
}

static void tell(void *arg);

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
    connection->session = new_session(connection);
    if (connection->session) {
        connection->login = kms_login_new(env, url, config, connection->session);
    }
    if (!connection->timer || !connection->login) {
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
    kms_login_free(connection->login);
    kms_http_session_free(connection->session);
    kms_timer_free(connection->timer);
    kms_buf_done(&connection->sealed_body);
    free(connection);
}

enum kms_status kms_connection_open(struct kms_connection *connection, int64_t deadline_us,
                                    kms_connection_done_fn *done, void *arg)
{
    connection->proven = false;
    return kms_login_start(connection->login, deadline_us, done, arg);
}

bool kms_connection_is_open(const struct kms_connection *connection)
{
    return kms_login_stands(connection->login);
}

const char *kms_connection_mechanism(const struct kms_connection *connection)
{
    return kms_login_mechanism(connection->login);
}

/* ---- messages ---- */

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

static int64_t left_ms(const struct kms_connection *connection, int64_t deadline_us)
{
    int64_t left = (deadline_us - kms_clock_mono_us(&connection->env->clock)) / 1000;
    return left < 1 ? 1 : left;
}

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
    return !connection->ask.anonymous && !kms_login_header(connection->login);
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
        status = kms_gss_unwrap(kms_login_gss(connection->login), sealed.token, sealed.token_len,
                                &plain, &fault);
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
    kms_reply_describe(reply, end);
    end->stage = KMS_TALK_HTTP;
    if (connection->too_big) {
        end->outcome = KMS_OUTCOME_WSMAN_TOO_BIG;
        kms_text_format(end->detail, sizeof end->detail, "more than %zu bytes",
                        connection->ask.size_max);
    } else if (reply->outcome != KMS_OUTCOME_OK) {
        end->outcome = kms_reply_outcome(reply, &end->stage);
    } else if (may_hold_message(reply->status) && seals(connection) && with_body &&
               reply->status != 400) {
        judge_sealed(connection, reply, end);
    } else if (may_hold_message(reply->status) && is_soap(reply->content_type)) {
        end->has_message = true;
        end->outcome = KMS_OUTCOME_OK;
    } else if (reply->status == 401 && kms_login_header(connection->login) &&
               !kms_reply_challenge(reply, "Basic")) {
        end->outcome = KMS_OUTCOME_WSMAN_NOT_OFFERED;
        end->stage = KMS_TALK_AUTHENTICATE;
        kms_reply_offered(reply, end->detail, sizeof end->detail);
    } else {
        end->outcome = reply->status == 500 && with_body ? KMS_OUTCOME_WSMAN_FOREIGN
                                                         : kms_reply_outcome(reply, &end->stage);
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
        kms_login_forget(connection->login);
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
    enum kms_status status = kms_gss_wrap(kms_login_gss(connection->login), ask->message, ask->len,
                                          &header, &sealed, NULL);
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
        kms_login_forget(connection->login);
        connection->end = (struct kms_connection_end){.outcome = KMS_OUTCOME_WSMAN_UNSEALED,
                                                      .stage = KMS_TALK_OPERATE};
        kms_text_copy(connection->end.detail, sizeof connection->end.detail,
                      "the mechanism refused to encrypt the message");
        kms_timer_set(connection->timer, 0);
        kms_buf_done(&body);
        return KMS_OK;
    }
    if (status == KMS_OK) {
        const struct kms_http_post post = {
            .body = sealed ? kms_buf_str(&body) : ask->message,
            .len = sealed ? body.len : ask->len,
            .content_type = sealed ? KMS_SEALED_CONTENT_TYPE : KMS_WSMAN_CONTENT_TYPE,
            .authorization = ask->anonymous ? NULL : kms_login_header(connection->login),
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
