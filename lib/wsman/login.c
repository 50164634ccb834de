/* Proves who we are, token by token or by a header, and knows nothing of messages. */
#include "wsman/login.h"

#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "base/text.h"
#include "wsman/envelope.h"
#include "wsman/logins.h"

enum {
    ROUNDS_MAX = 8, /* of tokens: Kerberos needs one, NTLM two */
    TOKEN_MAX = 64 * 1024,
    BODY_OF_TOKEN_MAX = 64 * 1024 /* what comes beside a token is not looked at */
};

/* As long as a host rests after its first refusal: a block of many hosts asks no oftener. */
#define REST_US INT64_C(600000000)

/* [MS-WSMV] 2.2.9.1.2.3: the client's certificate is its credential. */
#define BY_CERTIFICATE "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

/* What a job on a thread uses. Belongs to the job while one runs. */
struct task {
    struct kms_login *login;            /* for the loop's thread only; gone when it was given up */
    struct kms_credentials credentials; /* a copy: the site's may go before a job that hangs */
    struct kms_gss *gss;                /* NULL: not begun */
    struct kms_buf in, out;             /* tokens */
    struct kms_gss_step step;
    char password[KMS_SECRET_SIZE]; /* of Basic */
    enum kms_status status;
    struct kms_fault fault;
};

struct kms_login {
    struct kms_env *env;
    const struct kms_wsman_url *url;
    const struct kms_source_config *config;
    struct kms_http_session *session;
    struct task *task;
    struct kms_login_job *job; /* NULL: none runs; while one does, task is the job's */
    struct kms_timer *timer;   /* tells what was known at once */
    struct kms_timer *limit;   /* of a job */
    bool stands;
    unsigned rounds;
    bool refused; /* the last token was answered with 401 */
    char mechanism[16];
    char *authorization; /* header of every request; NULL: none. Wiped */
    size_t authorization_len;
    int64_t deadline_us;
    struct kms_connection_end end; /* told by the timer */
    kms_connection_done_fn *done;
    void *arg;
};

/* ---- ownership ---- */

static void free_task(void *data)
{
    struct task *task = data;
    if (!task) {
        return;
    }
    kms_gss_free(task->gss);
    kms_secret_forget(task->password);
    kms_credentials_done(&task->credentials);
    kms_buf_done(&task->in);
    kms_buf_done(&task->out);
    free(task);
}

static struct task *new_task(struct kms_login *login)
{
    struct task *task = calloc(1, sizeof *task);
    if (!task) {
        return NULL;
    }
    task->login = login;
    kms_buf_init(&task->in, TOKEN_MAX);
    kms_buf_init(&task->out, TOKEN_MAX);
    if (kms_credentials_copy(&task->credentials, login->config->credentials) != KMS_OK) {
        free_task(task);
        return NULL;
    }
    return task;
}

static void forget_authorization(struct kms_login *login)
{
    if (login->authorization) {
        explicit_bzero(login->authorization, login->authorization_len);
        free(login->authorization);
        login->authorization = NULL;
    }
}

static void tell(void *arg);
static void job_is_late(void *arg);

struct kms_login *kms_login_new(struct kms_env *env, const struct kms_wsman_url *url,
                                const struct kms_source_config *config,
                                struct kms_http_session *session)
{
    struct kms_login *login = calloc(1, sizeof *login);
    if (!login) {
        return NULL;
    }
    login->env = env;
    login->url = url;
    login->config = config;
    login->session = session;
    login->timer = kms_timer_new(env->loop, tell, login);
    login->limit = kms_timer_new(env->loop, job_is_late, login);
    if (!login->timer || !login->limit) {
        kms_login_free(login);
        return NULL;
    }
    return login;
}

void kms_login_free(struct kms_login *login)
{
    if (!login) {
        return;
    }
    if (login->job) {
        kms_logins_abandon(login->job, free_task);
        login->task = NULL;
    }
    free_task(login->task);
    kms_timer_free(login->timer);
    kms_timer_free(login->limit);
    forget_authorization(login);
    free(login);
}

bool kms_login_stands(const struct kms_login *login)
{
    return login->stands;
}

const char *kms_login_mechanism(const struct kms_login *login)
{
    return login->mechanism;
}

const char *kms_login_header(const struct kms_login *login)
{
    return login->authorization;
}

struct kms_gss *kms_login_gss(const struct kms_login *login)
{
    return login->stands && login->task ? login->task->gss : NULL;
}

/* ---- ends ---- */

static void finish(struct kms_login *login, const struct kms_connection_end *end)
{
    struct kms_connection_end last = *end;
    kms_connection_done_fn *done = login->done;
    void *arg = login->arg;
    login->done = NULL;
    done(arg, &last);
}

static void tell(void *arg)
{
    struct kms_login *login = arg;
    finish(login, &login->end);
}

static void finish_with(struct kms_login *login, enum kms_outcome outcome,
                        enum kms_talk_stage stage, const char *detail)
{
    struct kms_connection_end end = {.outcome = outcome, .stage = stage};
    kms_text_clean(end.detail, sizeof end.detail, detail, strlen(detail));
    finish(login, &end);
}

/* From inside open: told a moment later. */
static void finish_later(struct kms_login *login, enum kms_outcome outcome,
                         enum kms_talk_stage stage, const char *detail)
{
    login->end = (struct kms_connection_end){.outcome = outcome, .stage = stage};
    kms_text_copy(login->end.detail, sizeof login->end.detail, detail);
    kms_timer_set(login->timer, 0);
}

static void stand(struct kms_login *login, const char *mechanism)
{
    login->stands = true;
    kms_text_copy(login->mechanism, sizeof login->mechanism, mechanism);
}

void kms_login_forget(struct kms_login *login)
{
    login->stands = false;
    login->mechanism[0] = '\0';
    free_task(login->task);
    login->task = NULL;
    forget_authorization(login);
}

/* ---- tokens ---- */

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

static int64_t left_ms(const struct kms_login *login, int64_t deadline_us)
{
    int64_t left = (deadline_us - kms_clock_mono_us(&login->env->clock)) / 1000;
    return left < 1 ? 1 : left;
}

/* An empty message: authentication comes before anything is said. */
static enum kms_status post_empty(struct kms_login *login, const char *authorization,
                                  bool kept_only, kms_http_reply_fn *done)
{
    const struct kms_http_post post = {
        .content_type = KMS_WSMAN_CONTENT_TYPE,
        .authorization = authorization,
        .kept_only = kept_only,
        .size_max = BODY_OF_TOKEN_MAX,
        .timeout_ms = left_ms(login, login->deadline_us),
        .data = drop_body,
        .done = done,
        .arg = login,
    };
    return kms_http_post(login->session, &post);
}

static void step_ended(void *data);

static void take_step(void *data)
{
    struct task *task = data;
    kms_gss_step(task->gss, task->in.len > 0 ? kms_buf_str(&task->in) : NULL, task->in.len,
                 &task->out, &task->step);
}

/* Logins of one block share their threads and their refusals. */
static const char *key_of(const struct kms_login *login)
{
    const char *name = login->config->credentials->name;
    return name ? name : "";
}

static bool submit(struct kms_login *login, kms_job_fn *work, kms_job_fn *done)
{
    login->job = kms_logins_submit(login->env->logins, key_of(login), work, done, login->task);
    if (login->job) {
        kms_timer_set(login->limit, left_ms(login, login->deadline_us));
    }
    return login->job != NULL;
}

static void job_ended(struct kms_login *login)
{
    login->job = NULL;
    kms_timer_stop(login->limit);
}

static void no_memory(struct kms_login *login)
{
    finish_with(login, KMS_OUTCOME_NO_MEMORY, KMS_TALK_AUTHENTICATE, "");
}

static void refuse(struct kms_login *login, enum kms_outcome outcome, const char *detail)
{
    kms_login_forget(login);
    finish_with(login, outcome, KMS_TALK_AUTHENTICATE, detail);
}

static void step_ended(void *data)
{
    struct task *task = data;
    struct kms_login *login = task->login;
    job_ended(login);
    const struct kms_gss_step step = task->step;
    if (step.outcome == KMS_OUTCOME_WSMAN_AUTH_BROKEN && login->refused && login->rounds > 1) {
        /* Some hosts put a token that says no into their last 401. */
        refuse(login, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, "HTTP status 401 to the last token");
        return;
    }
    if (step.locks) {
        int64_t now_us = kms_clock_mono_us(&login->env->clock);
        kms_logins_rest(login->env->logins, key_of(login), now_us + REST_US, step.detail);
    }
    if (step.outcome != KMS_OUTCOME_OK) {
        refuse(login, step.outcome, step.detail);
        return;
    }
    if (task->out.len == 0) {
        if (!step.complete) {
            refuse(login, KMS_OUTCOME_WSMAN_AUTH_BROKEN,
                   "the exchange of tokens ended before either side was satisfied");
            return;
        }
        stand(login, kms_gss_mechanism(task->gss));
        finish_with(login, KMS_OUTCOME_OK, KMS_TALK_AUTHENTICATE, "");
        return;
    }
    if (++login->rounds > ROUNDS_MAX) {
        refuse(login, KMS_OUTCOME_WSMAN_AUTH_BROKEN, "the exchange of tokens does not end");
        return;
    }
    char *header = header_of("Negotiate", kms_buf_str(&task->out), task->out.len);
    if (!header || post_empty(login, header, login->rounds > 1, token_answered) != KMS_OK) {
        kms_login_forget(login);
        no_memory(login);
    }
    free(header);
}

/* The job goes on alone until whatever holds it lets go. */
static void job_is_late(void *arg)
{
    struct kms_login *login = arg;
    bool by_gss = login->task->gss != NULL;
    kms_logins_abandon(login->job, free_task);
    login->job = NULL;
    login->task = NULL;
    refuse(login, by_gss ? KMS_OUTCOME_WSMAN_KERBEROS : KMS_OUTCOME_WSMAN_NO_CREDENTIALS,
           by_gss ? "the KDC did not answer in time" : "reading the password took too long");
}

static void fail_by_reply(struct kms_login *login, const struct kms_http_reply *reply)
{
    struct kms_connection_end end = {.outcome = KMS_OUTCOME_OK};
    end.outcome = kms_reply_outcome(reply, &end.stage);
    end.lost = reply->connection_lost;
    kms_reply_describe(reply, &end);
    kms_login_forget(login);
    finish(login, &end);
}

static void refuse_by_401(struct kms_login *login, const struct kms_http_reply *reply)
{
    char detail[200];
    if (!kms_reply_challenge(reply, "Negotiate")) {
        kms_reply_offered(reply, detail, sizeof detail);
        refuse(login, KMS_OUTCOME_WSMAN_NOT_OFFERED, detail);
        return;
    }
    const struct task *task = login->task;
    const char *passed_over = kms_gss_passed_over(task->gss);
    kms_text_format(detail, sizeof detail, "HTTP status 401 to the %s token of %s%s%s%s",
                    login->rounds < 2 ? "first" : "last",
                    task->credentials.user ? task->credentials.user : "the tickets' owner",
                    login->url->tls ? "; or the channel binding disagrees" : "",
                    passed_over[0] ? "; no Kerberos: " : "", passed_over);
    refuse(login, KMS_OUTCOME_WSMAN_UNAUTHENTICATED, detail);
}

static void token_answered(void *arg, const struct kms_http_reply *reply)
{
    struct kms_login *login = arg;
    struct task *task = login->task;
    if (reply->outcome != KMS_OUTCOME_OK) {
        fail_by_reply(login, reply);
        return;
    }
    const char *token = kms_reply_challenge(reply, "Negotiate");
    login->refused = reply->status == 401;
    bool has_token = token && token[0] != '\0';
    if (has_token && task->step.complete) {
        /* Nothing more is expected: what came is not for us. */
        refuse(login, KMS_OUTCOME_WSMAN_AUTH_BROKEN, "a token too many");
        return;
    }
    if (has_token) {
        if (!decode(token, &task->in) || task->in.len == 0) {
            refuse(login, KMS_OUTCOME_WSMAN_AUTH_BROKEN, "the host's token is not base64");
        } else if (!submit(login, take_step, step_ended)) {
            kms_login_forget(login);
            no_memory(login);
        }
        return;
    }
    if (reply->status == 401) {
        refuse_by_401(login, reply);
        return;
    }
    if (!task->step.complete) {
        if (reply->status >= 200 && reply->status <= 299) {
            refuse(login, KMS_OUTCOME_WSMAN_AUTH_BROKEN,
                   "the host let us in without proving who it is");
            return;
        }
        fail_by_reply(login, reply);
        return;
    }
    stand(login, kms_gss_mechanism(task->gss));
    finish_with(login, KMS_OUTCOME_OK, KMS_TALK_AUTHENTICATE, "");
}

static bool begin_gss(struct kms_login *login)
{
    struct task *task = login->task;
    const struct kms_gss_config config = {.credentials = &task->credentials,
                                          .service = login->config->service,
                                          .host = login->url->host,
                                          .seal = !login->url->tls};
    task->gss = kms_gss_new(&config);
    kms_buf_clear(&task->in);
    return task->gss != NULL;
}

/* The server's certificate is known: the security context is bound to it. */
static void greeted(void *arg, const struct kms_http_reply *reply)
{
    struct kms_login *login = arg;
    const uint8_t *der = NULL;
    size_t len = 0;
    char detail[200];
    if (reply->outcome != KMS_OUTCOME_OK || reply->status != 401) {
        fail_by_reply(login, reply);
        return;
    }
    if (!kms_reply_challenge(reply, "Negotiate")) {
        kms_reply_offered(reply, detail, sizeof detail);
        refuse(login, KMS_OUTCOME_WSMAN_NOT_OFFERED, detail);
        return;
    }
    if (!kms_http_session_certificate(login->session, &der, &len) ||
        kms_gss_bind_certificate(login->task->gss, der, len) != KMS_OK) {
        refuse(login, KMS_OUTCOME_WSMAN_TLS, "the listener's certificate cannot be read");
        return;
    }
    if (!submit(login, take_step, step_ended)) {
        kms_login_forget(login);
        no_memory(login);
    }
}

static void read_password(void *data)
{
    struct task *task = data;
    task->status = kms_secret_read(task->credentials.password_file, 1, task->password,
                                   &task->fault);
}

static enum kms_status make_basic(struct kms_login *login)
{
    struct task *task = login->task;
    char both[2 * KMS_SECRET_SIZE + 2];
    bool fits = kms_text_format(both, sizeof both, "%s:%s", task->credentials.user, task->password);
    if (fits) {
        login->authorization = header_of("Basic", both, strlen(both));
        login->authorization_len = login->authorization ? strlen(login->authorization) : 0;
    }
    explicit_bzero(both, sizeof both);
    return !fits ? KMS_ETOOBIG : login->authorization ? KMS_OK : KMS_ENOMEM;
}

static void password_read(void *data)
{
    struct task *task = data;
    struct kms_login *login = task->login;
    job_ended(login);
    if (task->status != KMS_OK) {
        char detail[200];
        kms_text_format(detail, sizeof detail, "%s %s", task->credentials.password_file,
                        task->fault.text);
        refuse(login, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, detail);
        return;
    }
    enum kms_status status = make_basic(login);
    free_task(login->task);
    login->task = NULL;
    if (status == KMS_ENOMEM) {
        no_memory(login);
    } else if (status != KMS_OK) {
        refuse(login, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, "user and password are too long");
    } else {
        stand(login, "Basic");
        finish_with(login, KMS_OUTCOME_OK, KMS_TALK_AUTHENTICATE, "");
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

static enum kms_status open_by_header(struct kms_login *login)
{
    login->authorization = kms_text_dup(BY_CERTIFICATE);
    if (!login->authorization) {
        return KMS_ENOMEM;
    }
    login->authorization_len = strlen(login->authorization);
    stand(login, "certificate");
    finish_later(login, KMS_OUTCOME_OK, KMS_TALK_AUTHENTICATE, "");
    return KMS_OK;
}

static enum kms_status start_gss(struct kms_login *login)
{
    if (!begin_gss(login)) {
        return KMS_ENOMEM;
    }
    if (login->url->tls) {
        return post_empty(login, NULL, false, greeted);
    }
    return submit(login, take_step, step_ended) ? KMS_OK : KMS_ENOMEM;
}

enum kms_status kms_login_start(struct kms_login *login, int64_t deadline_us,
                                kms_connection_done_fn *done, void *arg)
{
    const struct kms_credentials *who = login->config->credentials;
    login->deadline_us = deadline_us;
    login->done = done;
    login->arg = arg;
    login->rounds = 0;
    login->refused = false;
    kms_login_forget(login);
    const char *lack = what_lacks(who);
    if (lack) {
        finish_later(login, KMS_OUTCOME_WSMAN_NO_CREDENTIALS, KMS_TALK_AUTHENTICATE, lack);
        return KMS_OK;
    }
    bool needs_tls = who->auth == KMS_AUTH_BASIC || who->auth == KMS_AUTH_CERTIFICATE;
    if (needs_tls && !login->url->tls) {
        finish_later(login, KMS_OUTCOME_WSMAN_INSECURE, KMS_TALK_AUTHENTICATE, login->url->url);
        return KMS_OK;
    }
    if (who->auth == KMS_AUTH_CERTIFICATE) {
        return open_by_header(login);
    }
    const char *rests = kms_logins_rests(login->env->logins, key_of(login),
                                         kms_clock_mono_us(&login->env->clock));
    if (rests) {
        char detail[200];
        kms_text_format(detail, sizeof detail, "not tried again yet: %s", rests);
        finish_later(login, KMS_OUTCOME_WSMAN_REFUSED, KMS_TALK_AUTHENTICATE, detail);
        return KMS_OK;
    }
    login->task = new_task(login);
    if (!login->task) {
        return KMS_ENOMEM;
    }
    enum kms_status status = KMS_OK;
    if (who->auth == KMS_AUTH_BASIC) {
        status = submit(login, read_password, password_read) ? KMS_OK : KMS_ENOMEM;
    } else {
        status = start_gss(login);
    }
    if (status != KMS_OK) {
        kms_login_forget(login);
    }
    return status;
}
