/* HTTP and HTTPS GET on the loop, by libcurl's multi interface. Proxies of the environment are
 * used.
 */
#ifndef KMS_NET_HTTP_H
#define KMS_NET_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/loop.h"
#include "vocab/vocab.h"

struct kms_http;
struct kms_http_get;

/* The program must ignore SIGPIPE: TLS writes to a connection that the server closed. NULL: out of
 * memory. */
struct kms_http *kms_http_new(struct kms_loop *loop);
void kms_http_free(
    struct kms_http *http); /* after every transfer and session ended or was cancelled */

struct kms_http_answer {
    enum kms_outcome outcome;   /* OK, HTTP_*, REPORT_TOO_BIG, TIMEOUT, NO_MEMORY */
    long status;                /* 0: none */
    const struct kms_buf *body; /* valid during the call */
    int64_t last_modified_s;    /* 0: not said */
    char detail[160];
};
typedef void kms_http_done_fn(void *arg, const struct kms_http_answer *answer);

struct kms_http_request {
    const char *url;
    const char *ca_file; /* NULL: the system's bundle */
    size_t size_max;
    int64_t timeout_ms;
};

/* Only http and https are ever followed, at most three redirects, never from https down to http.
 * done is called once and never from inside start. NULL: out of memory. The request's texts are
 * copied. */
struct kms_http_get *kms_http_start(struct kms_http *http, const struct kms_http_request *request,
                                    kms_http_done_fn *done, void *arg);
void kms_http_cancel(struct kms_http_get *get);

#endif
