/* One connection to one web server, kept open over several POSTs: what protocols need that
 * authenticate the connection. Nothing is followed, cached, retried or decompressed.
 */
#ifndef KMS_NET_HTTP_SESSION_H
#define KMS_NET_HTTP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http.h"

struct kms_http_session;

struct kms_http_server {
    const char *url; /* http:// or https://; its host name is the one that is verified */
    const char
        *address; /* name or address connected to instead of the url's host; NULL: that one */
    const char *ca_file; /* PEM; NULL: the system's bundle */
    /* SHA-256 of the server's SubjectPublicKeyInfo, 64 hexadecimal digits; NULL: none. With a pin
     * and without ca_file the pin alone identifies the server, whatever chain and name its
     * certificate has; with both, both must hold. */
    const char *pin;
    const char *certificate; /* the client's, PEM; then TLS 1.2 at most (specification wsman 3.5) */
    const char *key;         /* PEM; NULL: in the certificate's file */
    bool shown; /* keep the certificate that the server shows; costs some 2 % of a connection */
};

/* Each session has a connection of its own, so that no other session is ever served by a connection
 * that this one authenticated. TLS 1.2 at least, never resumed. The environment's proxies are not
 * used: they would stand between the two who authenticate each other. A pin or certificate over
 * plain http, and a url with a user in it, are refused as HTTP_URL by the POST. What server
 * points to is copied. NULL: out of memory. Nothing is sent yet. */
struct kms_http_session *kms_http_session_new(struct kms_http *http,
                                              const struct kms_http_server *server);
/* Ends what is under way without a call back, and closes the connection. From inside done and data
 * too; before kms_http_free. NULL is fine. */
void kms_http_session_free(struct kms_http_session *session);

#define KMS_HTTP_SCHEMES_MAX 8

struct kms_http_reply {
    enum kms_outcome outcome; /* OK: an HTTP answer came, whatever its status. HTTP_URL,
                                 HTTP_RESOLVE, HTTP_CONNECT, HTTP_TLS, HTTP_PIN, HTTP_BROKEN,
                                 HTTP_TOO_BIG, HTTP_REDIRECT, TIMEOUT, NO_MEMORY */
    long status;              /* 0: none */
    bool new_connection;      /* made for this request: whatever the old one knew is gone */
    /* The connection that the last POST left open was closed by the server before a byte of this
     * answer came. Nothing was sent on another one (libcurl alone would repeat the POST): outcome
     * HTTP_BROKEN, or why no other connection could be made; new_connection is true. Asking again
     * is up to the caller, who knows whether the request may be repeated. */
    bool connection_lost;
    bool connected;         /* TCP stood, */
    bool secured;           /* and TLS: for the stage of a failure. False for plain http */
    char content_type[160]; /* "" when not said; cleaned */
    /* The WWW-Authenticate headers, each cut at 4 KiB: "Negotiate oRQw...", "Basic realm=...". */
    char *challenge[KMS_HTTP_SCHEMES_MAX];
    size_t challenge_count;
    int64_t date_s;   /* header Date; 0: not said */
    char detail[160]; /* one line, cleaned, without secrets; HTTP_REDIRECT: where to */
};
typedef void kms_http_reply_fn(void *arg, const struct kms_http_reply *reply);
/* A piece of the body, as it comes; false ends the transfer (outcome HTTP_BROKEN). Status and
 * headers are known by then. Of net/http only kms_http_session_free of this session may be called
 * from inside. The body of a redirect is dropped. */
typedef bool kms_http_data_fn(void *arg, const struct kms_http_reply *so_far, const void *bytes,
                              size_t len);

struct kms_http_post {
    const void *body;         /* copied */
    size_t len;               /* 0: an empty body, with Content-Length: 0 */
    const char *content_type; /* NULL: none is sent */
    /* Whole value of the header; NULL: none. Basic over plain http is refused as HTTP_URL. */
    const char *authorization;
    const char *header; /* one more header line; NULL: none */
    /* Send it over the connection of the last POST or not at all: a sealed message means nothing
     * on another one. Without that connection: HTTP_BROKEN with connection_lost. */
    bool kept_only;
    size_t size_max; /* of the answer's body */
    int64_t timeout_ms;
    kms_http_data_fn *data; /* NULL: the body is dropped */
    kms_http_reply_fn *done;
    void *arg;
};

/* One at a time (KMS_EBUSY). done is called once and never from inside; from there the next POST
 * may be made. KMS_ENOMEM: not started. */
enum kms_status kms_http_post(struct kms_http_session *session, const struct kms_http_post *post);

/* The server's certificate, DER, as it was shown last, also by a server whose pin was wrong; false:
 * none (plain http, no connection yet, or not to be kept). The bytes are the session's, until its
 * next POST. */
bool kms_http_session_certificate(const struct kms_http_session *session, const uint8_t **ret_der,
                                  size_t *ret_len);

#endif
