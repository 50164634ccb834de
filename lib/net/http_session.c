/* POSTs over one kept connection: an easy handle with a connection cache of its own on the multi
 * handle of net/http.c. */
#include "net/http_session.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <nettle/base64.h>

#include "base/text.h"
#include "net/http_multi.h"

enum {
    CHALLENGE_MAX = 4096,
    HEADERS_MAX = 256 * 1024, /* of all header lines of an answer together */
    PIN_BYTES = 32,
    LOCATION_MAX = 512
};

struct kms_http_session {
    struct kms_http_transfer transfer; /* first: it is found by it */
    struct kms_http *http;
    CURL *easy;
    CURLSH *cache; /* the connection lives here */
    bool https;
    struct kms_timer *refusal;
    const char *refused; /* why this server's settings cannot be used; NULL: they can */
    enum kms_outcome refusal_outcome;
    struct curl_slist *address; /* CURLOPT_CONNECT_TO */
    uint8_t *der;
    size_t der_len;
    bool busy;       /* a POST is under way */
    bool delivering; /* done is running */
    bool reading;    /* data is running, inside libcurl */
    bool dead;       /* freed by one of them */

    /* Of the POST under way. */
    bool kept_only;
    size_t size_max;
    kms_http_data_fn *data;
    kms_http_reply_fn *done;
    void *arg;
    char *body;
    struct curl_slist *lines;
    struct kms_http_reply reply;
    char location[LOCATION_MAX];
    size_t body_len, headers_len;
    unsigned sends; /* how often libcurl was about to send it */
    bool headers_known, too_big, no_memory, unwanted, encoded;
    char error[CURL_ERROR_SIZE];
};

/* ---- the server's certificate ---- */

/* The leaf as CURLINFO_CERTINFO shows it: "Cert:" and PEM. */
static const char *leaf_pem(const struct curl_certinfo *chain, size_t *ret_len)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    for (const struct curl_slist *line = chain->certinfo[0]; line; line = line->next) {
        const char *from = kms_text_starts(line->data, "Cert:") ? strstr(line->data, begin) : NULL;
        const char *end = from ? strstr(from + sizeof begin - 1, "-----END") : NULL;
        if (end) {
            from += sizeof begin - 1;
            *ret_len = (size_t)(end - from);
            return from;
        }
    }
    return NULL;
}

static void forget_certificate(struct kms_http_session *session)
{
    free(session->der);
    session->der = NULL;
    session->der_len = 0;
}

/* Keeps what this transfer was shown, if it was shown one. */
static void keep_certificate(struct kms_http_session *session)
{
    const struct curl_certinfo *chain = NULL;
    size_t len = 0;
    if (curl_easy_getinfo(session->easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || !chain ||
        chain->num_of_certs < 1) {
        return;
    }
    const char *pem = leaf_pem(chain, &len);
    size_t der_len = BASE64_DECODE_LENGTH(len);
    uint8_t *der = pem ? malloc(der_len + 1) : NULL;
    if (!der) {
        return;
    }
    struct base64_decode_ctx decoder;
    base64_decode_init(&decoder);
    if (base64_decode_update(&decoder, &der_len, der, len, pem) == 0 ||
        base64_decode_final(&decoder) == 0) {
        free(der);
        return;
    }
    forget_certificate(session);
    session->der = der;
    session->der_len = der_len;
}

bool kms_http_session_certificate(const struct kms_http_session *session, const uint8_t **ret_der,
                                  size_t *ret_len)
{
    if (!session->der) {
        return false;
    }
    *ret_der = session->der;
    *ret_len = session->der_len;
    return true;
}

/* ---- what libcurl asks and tells while a POST is under way ---- */

/* Before every sending, also before one of libcurl's silent repeats. */
static int about_to_send(void *arg, char *peer, char *local, int peer_port, int local_port)
{
    (void)peer, (void)local, (void)peer_port, (void)local_port;
    struct kms_http_session *session = arg;
    struct kms_http_reply *reply = &session->reply;
    long made = 0;
    (void)curl_easy_getinfo(session->easy, CURLINFO_NUM_CONNECTS, &made);
    reply->new_connection = made > 0;
    if (session->sends > 0 || (made > 0 && session->kept_only)) {
        reply->connection_lost = true;
        return CURL_PREREQFUNC_ABORT;
    }
    session->sends++;
    if (made > 0) {
        forget_certificate(session);
        keep_certificate(session);
    }
    return CURL_PREREQFUNC_OK;
}

static bool header_is(const char *line, size_t len, const char *name, const char **ret_value,
                      size_t *ret_len)
{
    size_t name_len = strlen(name);
    if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0) {
        return false;
    }
    line += name_len + 1;
    len -= name_len + 1;
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", line[len - 1])) {
        len--;
    }
    *ret_value = line;
    *ret_len = len;
    return true;
}

static void forget_challenges(struct kms_http_reply *reply)
{
    for (size_t i = 0; i < reply->challenge_count; i++) {
        free(reply->challenge[i]);
        reply->challenge[i] = NULL;
    }
    reply->challenge_count = 0;
}

static bool take_challenge(struct kms_http_session *session, const char *value, size_t len)
{
    struct kms_http_reply *reply = &session->reply;
    if (reply->challenge_count == KMS_HTTP_SCHEMES_MAX) {
        return true;
    }
    char text[CHALLENGE_MAX + 1];
    kms_text_clean(text, sizeof text, value, len);
    char *copy = kms_text_dup(text);
    if (!copy) {
        session->no_memory = true;
        return false;
    }
    reply->challenge[reply->challenge_count++] = copy;
    return true;
}

static void take_date(struct kms_http_reply *reply, const char *value, size_t len)
{
    char text[64];
    kms_text_clean(text, sizeof text, value, len);
    time_t seconds = curl_getdate(text, NULL);
    reply->date_s = seconds > 0 ? (int64_t)seconds : 0;
}

/* Without what may be secret in it: a user in front of the name, a query behind the path. */
static void take_location(struct kms_http_session *session, const char *value, size_t len)
{
    char *text = session->location;
    size_t kept = 0;
    while (kept < len && value[kept] != '?' && value[kept] != '#') {
        kept++;
    }
    kms_text_clean(text, sizeof session->location, value, kept);
    char *name = strstr(text, "//");
    if (name) {
        name += 2;
        size_t user_len = strcspn(name, "/");
        while (user_len > 0 && name[user_len - 1] != '@') {
            user_len--;
        }
        memmove(name, name + user_len, strlen(name + user_len) + 1);
    }
    if (text[0] == '\0') {
        kms_text_copy(text, sizeof session->location, "nowhere");
    }
}

/* False: the answer is not taken further. */
static bool take_field(struct kms_http_session *session, const char *line, size_t len)
{
    struct kms_http_reply *reply = &session->reply;
    const char *value;
    size_t value_len;
    if (header_is(line, len, "WWW-Authenticate", &value, &value_len)) {
        return take_challenge(session, value, value_len);
    }
    if (header_is(line, len, "Content-Type", &value, &value_len)) {
        kms_text_clean(reply->content_type, sizeof reply->content_type, value, value_len);
    } else if (header_is(line, len, "Date", &value, &value_len)) {
        take_date(reply, value, value_len);
    } else if (header_is(line, len, "Transfer-Encoding", &value, &value_len)) {
        /* Others were not asked for; libcurl would decompress them. */
        session->encoded = value_len != 7 || strncasecmp(value, "chunked", 7) != 0;
        return !session->encoded;
    } else if (header_is(line, len, "Location", &value, &value_len)) {
        take_location(session, value, value_len);
    }
    return true;
}

/* An interim answer (1xx) was not the one that is waited for. */
static void end_headers(struct kms_http_session *session)
{
    struct kms_http_reply *reply = &session->reply;
    (void)curl_easy_getinfo(session->easy, CURLINFO_RESPONSE_CODE, &reply->status);
    if (reply->status >= 200) {
        session->headers_known = true;
        return;
    }
    forget_challenges(reply);
    reply->status = 0;
    reply->content_type[0] = '\0';
    reply->date_s = 0;
    session->location[0] = '\0';
}

/* One line; the trailers of a chunked body come here too, and mean nothing. */
static size_t take_header(char *line, size_t size, size_t count, void *arg)
{
    struct kms_http_session *session = arg;
    size_t len = size * count;
    session->headers_len += len;
    if (session->headers_len > HEADERS_MAX) {
        session->too_big = true;
        return 0;
    }
    if (session->headers_known) {
        return len;
    }
    if (len > 0 && (line[0] == '\r' || line[0] == '\n')) {
        end_headers(session);
    } else if (!take_field(session, line, len)) {
        return 0;
    }
    return len;
}

static bool is_redirect(const struct kms_http_session *session)
{
    return session->reply.status >= 300 && session->reply.status <= 399 &&
           session->location[0] != '\0';
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct kms_http_session *session = arg;
    size_t len = size * count;
    if (len > session->size_max - session->body_len) {
        session->too_big = true;
        return 0; /* anything but len ends the transfer */
    }
    session->body_len += len;
    if (!session->data || is_redirect(session)) {
        return len;
    }
    session->reading = true;
    bool wanted = session->data(session->arg, &session->reply, bytes, len);
    session->reading = false;
    session->unwanted = !wanted || session->dead;
    return session->unwanted ? 0 : len;
}

/* ---- how a POST ends ---- */

static void describe(struct kms_http_reply *reply, const char *text)
{
    kms_text_clean(reply->detail, sizeof reply->detail, text, strlen(text));
}

/* Codes with a meaning of their own here; the others are those of every transfer. */
static enum kms_outcome outcome_of(const struct kms_http_session *session, CURLcode code)
{
    switch (code) {
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return KMS_OUTCOME_HTTP_PIN;
    case CURLE_FILESIZE_EXCEEDED:
        return KMS_OUTCOME_HTTP_TOO_BIG;
    case CURLE_LOGIN_DENIED: /* a user in the url */
        return KMS_OUTCOME_HTTP_URL;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        /* With TLS 1.3 a server refuses a client's certificate after the handshake. */
        return session->https && session->headers_len == 0 && strstr(session->error, " alert ")
                   ? KMS_OUTCOME_HTTP_TLS
                   : KMS_OUTCOME_HTTP_BROKEN;
    default:
        return kms_http_outcome(session->easy, code);
    }
}

/* Whether the connection that was kept is gone, seen from why libcurl gave up: nothing came over
 * it, or no other one could be made. */
static bool lost_connection(const struct kms_http_session *session, CURLcode code)
{
    switch (outcome_of(session, code)) {
    case KMS_OUTCOME_HTTP_RESOLVE:
    case KMS_OUTCOME_HTTP_CONNECT:
    case KMS_OUTCOME_HTTP_TLS:
    case KMS_OUTCOME_HTTP_PIN:
        return session->sends > 0;
    default:
        return session->sends > 0 && session->headers_len == 0 &&
               (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING);
    }
}

/* libcurl counts a connection when TCP stands, and is about to send when TLS stands too. Its times
 * of both stay 0 when TLS fails. */
static void judge_connection(struct kms_http_session *session, CURLcode code)
{
    struct kms_http_reply *reply = &session->reply;
    long made = 0;
    (void)curl_easy_getinfo(session->easy, CURLINFO_NUM_CONNECTS, &made);
    bool stood = session->sends > 0 || code == CURLE_ABORTED_BY_CALLBACK;
    if (!reply->new_connection && lost_connection(session, code)) {
        reply->connection_lost = true;
        stood = false; /* of what came after it only a failure is known */
    }
    reply->new_connection = reply->new_connection || reply->connection_lost || made > 0;
    reply->connected = stood || made > 0;
    reply->secured = session->https && stood;
}

/* What the transfer's end means. */
static void judge(struct kms_http_session *session, CURLcode code)
{
    struct kms_http_reply *reply = &session->reply;
    (void)curl_easy_getinfo(session->easy, CURLINFO_RESPONSE_CODE, &reply->status);
    judge_connection(session, code);
    reply->outcome = outcome_of(session, code);
    if (session->no_memory) {
        reply->outcome = KMS_OUTCOME_NO_MEMORY;
    } else if (is_redirect(session)) {
        reply->outcome = KMS_OUTCOME_HTTP_REDIRECT;
        kms_text_format(reply->detail, sizeof reply->detail, "HTTP status %ld to %s", reply->status,
                        session->location);
    } else if (session->too_big || code == CURLE_FILESIZE_EXCEEDED) {
        reply->outcome = KMS_OUTCOME_HTTP_TOO_BIG;
        kms_text_format(reply->detail, sizeof reply->detail, "more than %zu bytes",
                        session->headers_len > HEADERS_MAX ? (size_t)HEADERS_MAX
                                                           : session->size_max);
    } else if (session->unwanted) {
        reply->outcome = KMS_OUTCOME_HTTP_BROKEN;
        describe(reply, "the rest of the answer was not read");
    } else if (session->encoded) {
        reply->outcome = KMS_OUTCOME_HTTP_BROKEN;
        describe(reply, "the answer has a transfer encoding that was not asked for");
    } else if (code == CURLE_ABORTED_BY_CALLBACK) {
        reply->outcome = KMS_OUTCOME_HTTP_BROKEN;
        describe(reply, "the server closed the connection that was kept");
    } else if (code == CURLE_OK && !session->headers_known) {
        reply->outcome = KMS_OUTCOME_HTTP_BROKEN;
        describe(reply, "the answer broke off in its headers");
    } else if (code != CURLE_OK) {
        describe(reply, session->error[0] ? session->error : curl_easy_strerror(code));
    }
}

static void free_lines(struct curl_slist *lines)
{
    for (struct curl_slist *line = lines; line; line = line->next) {
        explicit_bzero(line->data, strlen(line->data)); /* one may be a password */
    }
    curl_slist_free_all(lines);
}

static void forget_post(struct kms_http_session *session)
{
    free(session->body);
    free_lines(session->lines);
    session->body = NULL;
    session->lines = NULL;
    session->busy = false;
}

/* Everything but the session itself. */
static void release(struct kms_http_session *session)
{
    if (session->easy) {
        kms_http_remove(session->http, session->easy);
        curl_easy_cleanup(session->easy);
    }
    if (session->cache) {
        (void)curl_share_cleanup(session->cache);
    }
    kms_timer_free(session->refusal);
    forget_post(session);
    forget_challenges(&session->reply);
    curl_slist_free_all(session->address);
    free(session->der);
}

static void destroy(struct kms_http_session *session)
{
    release(session);
    free(session);
}

void kms_http_session_free(struct kms_http_session *session)
{
    if (!session) {
        return;
    }
    if (session->reading) {
        session->dead = true; /* libcurl is told by take_body, and end_post does the rest */
    } else if (session->delivering) {
        session->dead = true;
        release(session); /* deliver frees what is left */
    } else {
        destroy(session);
    }
}

/* done may begin the next POST, which has a reply of its own, or free the session. */
static void deliver(struct kms_http_session *session)
{
    struct kms_http_reply reply = session->reply;
    session->reply = (struct kms_http_reply){0};
    forget_post(session);
    session->delivering = true;
    session->done(session->arg, &reply);
    session->delivering = false;
    forget_challenges(&reply);
    if (session->dead) {
        free(session);
    }
}

static void end_post(struct kms_http_transfer *transfer, CURLcode code)
{
    struct kms_http_session *session = (struct kms_http_session *)transfer;
    kms_http_remove(session->http, session->easy);
    if (session->dead) {
        destroy(session);
        return;
    }
    keep_certificate(session);
    judge(session, code);
    deliver(session);
}

static void refuse_post(void *arg)
{
    struct kms_http_session *session = arg;
    deliver(session);
}

static void refuse(struct kms_http_session *session, enum kms_outcome outcome, const char *why)
{
    session->reply.outcome = outcome;
    describe(&session->reply, why);
    kms_timer_set(session->refusal, 0);
}

/* ---- how a session begins ---- */

static void refuse_all(struct kms_http_session *session, enum kms_outcome outcome, const char *why)
{
    session->refusal_outcome = outcome;
    session->refused = why;
}

/* "sha256//" and base64, as libcurl wants it. */
static bool pin_text(const char *pin, char *dst, size_t size)
{
    uint8_t digest[PIN_BYTES];
    if (strlen(pin) != 2 * sizeof digest) {
        return false;
    }
    for (size_t i = 0; i < sizeof digest; i++) {
        uint32_t byte;
        if (!kms_text_hex32(pin + 2 * i, 2, &byte)) {
            return false;
        }
        digest[i] = (uint8_t)byte;
    }
    char base64[BASE64_ENCODE_RAW_LENGTH(PIN_BYTES) + 1];
    base64_encode_raw(base64, sizeof digest, digest);
    base64[sizeof base64 - 1] = '\0';
    return kms_text_format(dst, size, "sha256//%s", base64);
}

/* What makes the settings unusable, whatever the server is. */
static void check(struct kms_http_session *session, const struct kms_http_server *server)
{
    static const char http[] = "http://", https[] = "https://";
    if (strncasecmp(server->url, http, sizeof http - 1) != 0 &&
        strncasecmp(server->url, https, sizeof https - 1) != 0) {
        refuse_all(session, KMS_OUTCOME_HTTP_URL,
                   "the url does not begin with http:// or https://");
    } else if (!session->https && (server->pin || server->certificate)) {
        refuse_all(session, KMS_OUTCOME_HTTP_URL, "a pin and a certificate mean nothing over http");
    }
}

static bool set_server(struct kms_http_session *session, const struct kms_http_server *server)
{
    CURL *easy = session->easy;
    if (server->address && server->address[0] != '\0') {
        char text[512];
        bool is_ip6 = strchr(server->address, ':') && server->address[0] != '[';
        if (!kms_text_format(text, sizeof text, "::%s%s%s:", is_ip6 ? "[" : "", server->address,
                             is_ip6 ? "]" : "")) {
            refuse_all(session, KMS_OUTCOME_HTTP_URL, "the address is too long");
        }
        session->address = curl_slist_append(NULL, text);
        if (!session->address ||
            curl_easy_setopt(easy, CURLOPT_CONNECT_TO, session->address) != CURLE_OK) {
            return false;
        }
    }
    /* Only the scheme that was checked, whatever else libcurl may read from the url. */
    return curl_easy_setopt(easy, CURLOPT_URL, server->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, session->https ? "https" : "http") ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK;
}

static bool set_tls(struct kms_http_session *session, const struct kms_http_server *server)
{
    CURL *easy = session->easy;
    char pin[80];
    if (server->pin) {
        if (!pin_text(server->pin, pin, sizeof pin)) {
            refuse_all(session, KMS_OUTCOME_HTTP_PIN, "a pin has 64 hexadecimal digits");
        } else if (curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, pin) != CURLE_OK) {
            return false;
        }
    }
    bool pin_alone = server->pin && !server->ca_file;
    long newest = server->certificate ? (long)CURL_SSLVERSION_MAX_TLSv1_2
                                      : (long)CURL_SSLVERSION_MAX_DEFAULT;
    /* A resumed session would show the certificate of an earlier time. A pin is compared in every
     * handshake of libcurl's; a renegotiation, which IIS needs for certificates of clients, is
     * bound to that one by RFC 5746. */
    return curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2 | newest) ==
               CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, pin_alone ? 0L : 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, pin_alone ? 0L : 2L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CERTINFO, server->shown ? 1L : 0L) == CURLE_OK;
}

/* The empty pass phrase keeps OpenSSL from asking the terminal for one. */
static bool set_certificate(CURL *easy, const struct kms_http_server *server)
{
    return !server->certificate ||
           (curl_easy_setopt(easy, CURLOPT_SSLCERT, server->certificate) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_SSLKEY,
                             server->key ? server->key : server->certificate) == CURLE_OK &&
            curl_easy_setopt(easy, CURLOPT_KEYPASSWD, "") == CURLE_OK);
}

static bool set_transfer(struct kms_http_session *session)
{
    CURL *easy = session->easy;
    return curl_easy_setopt(easy, CURLOPT_SHARE, session->cache) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_send) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PREREQDATA, session) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, session) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, session) == CURLE_OK;
}

struct kms_http_session *kms_http_session_new(struct kms_http *http,
                                              const struct kms_http_server *server)
{
    struct kms_http_session *session = calloc(1, sizeof *session);
    if (!session) {
        return NULL;
    }
    session->transfer.ended = end_post;
    session->http = http;
    session->https = kms_http_is_https(server->url);
    session->refusal = kms_timer_new(kms_http_loop(http), refuse_post, session);
    session->easy = curl_easy_init();
    session->cache = curl_share_init();
    check(session, server);
    if (!session->refusal || !session->easy || !session->cache ||
        curl_share_setopt(session->cache, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) != CURLSHE_OK ||
        !kms_http_set_common(session->easy, &session->transfer, session->error, server->ca_file) ||
        !set_transfer(session) || !set_server(session, server) || !set_tls(session, server) ||
        !set_certificate(session->easy, server)) {
        destroy(session);
        return NULL;
    }
    return session;
}

/* ---- one POST ---- */

static bool add_line(struct curl_slist **lines, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*lines, line);
    *lines = longer ? longer : *lines;
    return longer != NULL;
}

/* "NAME: VALUE"; without a value "NAME:", which keeps libcurl from sending one of its own. */
static bool add_field(struct curl_slist **lines, const char *name, const char *value)
{
    struct kms_buf line;
    kms_buf_init(&line, (size_t)1 << 20);
    bool added = kms_buf_addf(&line, "%s:", name) == KMS_OK &&
                 (!value || kms_buf_addf(&line, " %s", value) == KMS_OK) &&
                 add_line(lines, kms_buf_str(&line));
    kms_buf_done(&line);
    return added;
}

static bool set_lines(struct kms_http_session *session, const struct kms_http_post *post)
{
    struct curl_slist **lines = &session->lines;
    if (!add_line(lines, "Expect:") || !add_field(lines, "Content-Type", post->content_type) ||
        (post->header && !add_line(lines, post->header))) {
        return false;
    }
    return (!post->authorization || add_field(lines, "Authorization", post->authorization)) &&
           curl_easy_setopt(session->easy, CURLOPT_HTTPHEADER, *lines) == CURLE_OK;
}

static bool set_body(struct kms_http_session *session, const struct kms_http_post *post)
{
    session->body = malloc(post->len + 1);
    if (!session->body) {
        return false;
    }
    if (post->len > 0) {
        memcpy(session->body, post->body, post->len);
    }
    return curl_easy_setopt(session->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->len) ==
               CURLE_OK &&
           curl_easy_setopt(session->easy, CURLOPT_POSTFIELDS, session->body) == CURLE_OK;
}

static bool set_bounds(struct kms_http_session *session, const struct kms_http_post *post)
{
    /* libcurl takes a timeout of 0 for "none". */
    long timeout_ms = post->timeout_ms < 1 ? 1L : (long)post->timeout_ms;
    return curl_easy_setopt(session->easy, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl_easy_setopt(session->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)post->size_max) ==
               CURLE_OK;
}

static void begin(struct kms_http_session *session, const struct kms_http_post *post)
{
    session->kept_only = post->kept_only;
    session->size_max = post->size_max;
    session->data = post->data;
    session->done = post->done;
    session->arg = post->arg;
    session->reply = (struct kms_http_reply){0};
    session->location[0] = '\0';
    session->error[0] = '\0';
    session->body_len = 0;
    session->headers_len = 0;
    session->sends = 0;
    session->headers_known = session->too_big = session->no_memory = false;
    session->unwanted = session->encoded = false;
    session->busy = true;
}

/* RFC 7617: base64 hides nothing. */
static bool holds_password(const char *authorization)
{
    return authorization && strncasecmp(authorization, "Basic ", 6) == 0;
}

enum kms_status kms_http_post(struct kms_http_session *session, const struct kms_http_post *post)
{
    if (session->busy) {
        return KMS_EBUSY;
    }
    begin(session, post);
    if (session->refused) {
        refuse(session, session->refusal_outcome, session->refused);
        return KMS_OK;
    }
    if (!session->https && holds_password(post->authorization)) {
        refuse(session, KMS_OUTCOME_HTTP_URL, "a password is only sent over https");
        return KMS_OK;
    }
    if (!set_lines(session, post) || !set_body(session, post) || !set_bounds(session, post) ||
        !kms_http_add(session->http, session->easy)) {
        forget_post(session);
        return KMS_ENOMEM;
    }
    return KMS_OK;
}
