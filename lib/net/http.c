/* GET requests of libcurl's multi interface as watches and a timer of the loop. */
#include "net/http.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "net/http_multi.h"

enum { REDIRECTS_MAX = 3 };

/* How long a CA file that was named is taken from memory: one that was replaced must not stay in
 * use for libcurl's day. */
enum { CA_FILE_KEPT_S = 60 };

struct kms_http {
    struct kms_loop *loop;
    CURLM *multi;
    struct kms_timer *timer;
    bool curl_ready; /* curl_global_init succeeded */
    bool delivering; /* callbacks of ended transfers are running */
    bool dead;       /* freed by one of them */
};

struct kms_http_get {
    struct kms_http_transfer transfer; /* first: it is found by it */
    struct kms_http *http;
    CURL *easy;
    struct kms_buf body;
    int64_t deadline_us;
    unsigned redirects;
    bool too_big;
    bool no_memory;
    bool ended; /* done is running; there is nothing left to cancel */
    kms_http_done_fn *done;
    void *arg;
    char error[CURL_ERROR_SIZE];
};

/* One socket of libcurl. */
struct http_socket {
    struct kms_http *http;
    struct kms_watch *watch;
};

static void deliver_ended(struct kms_http *http);

static void socket_ready(void *arg, int fd, unsigned ready)
{
    const struct http_socket *sock = arg;
    struct kms_http *http = sock->http;
    int what = (ready & KMS_READABLE ? CURL_CSELECT_IN : 0) |
               (ready & KMS_WRITABLE ? CURL_CSELECT_OUT : 0);
    int running;
    (void)curl_multi_socket_action(http->multi, fd, what, &running);
    deliver_ended(http);
}

static void free_socket(struct http_socket *sock)
{
    if (sock) {
        kms_watch_free(sock->watch);
        free(sock);
    }
}

/* Without memory for the watch the transfer hears nothing and ends at its deadline. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    (void)easy;
    struct kms_http *http = arg;
    struct http_socket *sock = socket_arg;
    if (what == CURL_POLL_REMOVE) {
        (void)curl_multi_assign(http->multi, fd, NULL);
        free_socket(sock);
        return 0;
    }
    if (!sock) {
        sock = calloc(1, sizeof *sock);
        if (!sock) {
            return 0;
        }
        sock->http = http;
        (void)curl_multi_assign(http->multi, fd, sock);
    }
    kms_watch_free(sock->watch);
    unsigned wanted = (what & CURL_POLL_IN ? (unsigned)KMS_READABLE : 0U) |
                      (what & CURL_POLL_OUT ? (unsigned)KMS_WRITABLE : 0U);
    sock->watch = kms_watch_new(http->loop, fd, wanted, socket_ready, sock);
    return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
    (void)multi;
    const struct kms_http *http = arg;
    if (timeout_ms < 0) {
        kms_timer_stop(http->timer);
    } else {
        kms_timer_set(http->timer, timeout_ms);
    }
    return 0;
}

static void timer_fired(void *arg)
{
    struct kms_http *http = arg;
    int running;
    (void)curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    /* libcurl tells a timeout only when it changes: one that came a moment early would never come
     * again. */
    long left_ms;
    if (curl_multi_timeout(http->multi, &left_ms) == CURLM_OK) {
        (void)set_timer(http->multi, left_ms, http);
    }
    deliver_ended(http);
}

struct kms_http *kms_http_new(struct kms_loop *loop)
{
    struct kms_http *http = calloc(1, sizeof *http);
    if (!http) {
        return NULL;
    }
    http->loop = loop;
    http->curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    http->timer = kms_timer_new(loop, timer_fired, http);
    http->multi = http->curl_ready ? curl_multi_init() : NULL;
    if (!http->timer || !http->multi ||
        curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http) != CURLM_OK) {
        kms_http_free(http);
        return NULL;
    }
    return http;
}

void kms_http_free(struct kms_http *http)
{
    if (!http) {
        return;
    }
    if (http->delivering) {
        http->dead = true;
        return;
    }
    if (http->multi) {
        (void)curl_multi_cleanup(http->multi);
    }
    kms_timer_free(http->timer);
    if (http->curl_ready) {
        curl_global_cleanup();
    }
    free(http);
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct kms_http_get *get = arg;
    size_t len = size * count;
    enum kms_status status = kms_buf_add(&get->body, bytes, len);
    if (status == KMS_OK) {
        return len;
    }
    get->too_big = status == KMS_ETOOBIG;
    get->no_memory = status != KMS_ETOOBIG;
    return 0; /* anything but len ends the transfer */
}

static void free_get(struct kms_http_get *get)
{
    if (get->easy) {
        kms_http_remove(get->http, get->easy);
        curl_easy_cleanup(get->easy);
    }
    kms_buf_done(&get->body);
    free(get);
}

/* libcurl takes a timeout of 0 for "none". */
static long left_ms(const struct kms_http_get *get)
{
    int64_t left = (get->deadline_us - kms_clock_mono_us(kms_loop_clock(get->http->loop))) / 1000;
    return left < 1 ? 1L : (long)left;
}

struct kms_loop *kms_http_loop(const struct kms_http *http)
{
    return http->loop;
}

bool kms_http_add(struct kms_http *http, CURL *easy)
{
    return curl_multi_add_handle(http->multi, easy) == CURLM_OK;
}

void kms_http_remove(struct kms_http *http, CURL *easy)
{
    (void)curl_multi_remove_handle(http->multi, easy);
}

bool kms_http_set_common(CURL *easy, struct kms_http_transfer *transfer, char *error,
                         const char *ca_file)
{
    /* QUICK_EXIT: ending a transfer must not wait for a resolver thread that hangs in getaddrinfo.
     * CAPATH: a folder makes every connection read the whole bundle again. */
    return curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "kmsmon/" KMSMON_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           (!ca_file ||
            (curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK &&
             curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_FILE_KEPT_S) == CURLE_OK));
}

static bool set_request(struct kms_http_get *get, const struct kms_http_request *request)
{
    CURL *easy = get->easy;
    return kms_http_set_common(easy, &get->transfer, get->error, request->ca_file) &&
           curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FILETIME, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, get) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left_ms(get)) == CURLE_OK;
}

static void end_get(struct kms_http_transfer *transfer, CURLcode code);

struct kms_http_get *kms_http_start(struct kms_http *http, const struct kms_http_request *request,
                                    kms_http_done_fn *done, void *arg)
{
    struct kms_http_get *get = calloc(1, sizeof *get);
    if (!get) {
        return NULL;
    }
    get->transfer.ended = end_get;
    get->http = http;
    get->done = done;
    get->arg = arg;
    get->deadline_us = kms_clock_mono_us(kms_loop_clock(http->loop)) + request->timeout_ms * 1000;
    kms_buf_init(&get->body, request->size_max);
    get->easy = curl_easy_init();
    if (!get->easy || !set_request(get, request) || !kms_http_add(http, get->easy)) {
        free_get(get);
        return NULL;
    }
    return get;
}

void kms_http_cancel(struct kms_http_get *get)
{
    if (get && !get->ended) {
        free_get(get);
    }
}

static enum kms_outcome outcome_of_code(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return KMS_OUTCOME_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return KMS_OUTCOME_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return KMS_OUTCOME_NO_MEMORY;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return KMS_OUTCOME_HTTP_URL;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return KMS_OUTCOME_HTTP_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        return KMS_OUTCOME_HTTP_CONNECT;
    case CURLE_HTTP_RETURNED_ERROR:
        return KMS_OUTCOME_HTTP_STATUS;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_USE_SSL_FAILED:
        return KMS_OUTCOME_HTTP_TLS;
    default:
        return KMS_OUTCOME_HTTP_BROKEN;
    }
}

enum kms_outcome kms_http_outcome(CURL *easy, CURLcode code)
{
    /* Bytes that are no HTTP come with the code of an address that names a foreign protocol. */
    long sent = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
    return code == CURLE_UNSUPPORTED_PROTOCOL && sent > 0 ? KMS_OUTCOME_HTTP_BROKEN
                                                          : outcome_of_code(code);
}

static void describe(struct kms_http_answer *answer, const char *text)
{
    kms_text_clean(answer->detail, sizeof answer->detail, text, strlen(text));
}

/* What the transfer's end means, redirects left aside. */
static void judge_end(const struct kms_http_get *get, CURLcode code, struct kms_http_answer *answer)
{
    answer->outcome = kms_http_outcome(get->easy, code);
    if (get->too_big) {
        answer->outcome = KMS_OUTCOME_REPORT_TOO_BIG;
        kms_text_format(answer->detail, sizeof answer->detail, "more than %zu bytes",
                        get->body.max);
    } else if (get->no_memory) {
        answer->outcome = KMS_OUTCOME_NO_MEMORY;
    } else if (code == CURLE_HTTP_RETURNED_ERROR ||
               (code == CURLE_OK && (answer->status < 200 || answer->status > 299))) {
        answer->outcome = KMS_OUTCOME_HTTP_STATUS;
        kms_text_format(answer->detail, sizeof answer->detail, "HTTP status %ld", answer->status);
    } else if (code != CURLE_OK) {
        describe(answer, get->error[0] ? get->error : curl_easy_strerror(code));
    }
}

bool kms_http_is_https(const char *url)
{
    static const char scheme[] = "https:";
    for (size_t i = 0; i < sizeof scheme - 1; i++) {
        if (kms_text_lower(url[i]) != scheme[i]) {
            return false;
        }
    }
    return true;
}

/* libcurl's own following would let a chain climb to https and step down again, so each step is
 * taken here. True: the transfer goes on. False: the answer says why not. */
static bool follow(struct kms_http_get *get, const char *target, struct kms_http_answer *answer)
{
    const char *from = NULL;
    (void)curl_easy_getinfo(get->easy, CURLINFO_EFFECTIVE_URL, &from);
    answer->outcome = KMS_OUTCOME_HTTP_STATUS;
    if (!kms_http_is_https(target) && from && kms_http_is_https(from)) {
        kms_text_format(answer->detail, sizeof answer->detail,
                        "HTTP status %ld redirects from https to an unprotected address",
                        answer->status);
        return false;
    }
    if (get->redirects == REDIRECTS_MAX) {
        kms_text_format(answer->detail, sizeof answer->detail, "HTTP status %ld after %d redirects",
                        answer->status, REDIRECTS_MAX);
        return false;
    }
    get->redirects++;
    kms_buf_clear(&get->body);
    get->error[0] = '\0';
    kms_http_remove(get->http, get->easy);
    /* libcurl copies the address, which belongs to the handle, before it lets the old one go. */
    if (curl_easy_setopt(get->easy, CURLOPT_URL, target) == CURLE_OK &&
        curl_easy_setopt(get->easy, CURLOPT_TIMEOUT_MS, left_ms(get)) == CURLE_OK &&
        kms_http_add(get->http, get->easy)) {
        return true;
    }
    answer->outcome = KMS_OUTCOME_NO_MEMORY;
    return false;
}

static void end_get(struct kms_http_transfer *transfer, CURLcode code)
{
    struct kms_http_get *get = (struct kms_http_get *)transfer;
    struct kms_http_answer answer = {.body = &get->body};
    (void)curl_easy_getinfo(get->easy, CURLINFO_RESPONSE_CODE, &answer.status);
    judge_end(get, code, &answer);
    const char *target = NULL;
    (void)curl_easy_getinfo(get->easy, CURLINFO_REDIRECT_URL, &target);
    if (code == CURLE_OK && target && follow(get, target, &answer)) {
        return;
    }
    curl_off_t modified = -1;
    (void)curl_easy_getinfo(get->easy, CURLINFO_FILETIME_T, &modified);
    answer.last_modified_s = modified > 0 ? (int64_t)modified : 0;
    get->ended = true;
    get->done(get->arg, &answer);
    free_get(get);
}

/* done may start, cancel or free anything: the queue is asked again after every one of them. */
static void deliver_ended(struct kms_http *http)
{
    http->delivering = true;
    int queued;
    for (CURLMsg *msg = curl_multi_info_read(http->multi, &queued); msg;
         msg = curl_multi_info_read(http->multi, &queued)) {
        struct kms_http_transfer *transfer = NULL;
        if (msg->msg == CURLMSG_DONE &&
            curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK &&
            transfer) {
            transfer->ended(transfer, msg->data.result);
        }
    }
    http->delivering = false;
    if (http->dead) {
        kms_http_free(http);
    }
}
