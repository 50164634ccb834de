/* What the transfers of one libcurl multi handle share: only for the files of net/http. */
#ifndef KMS_NET_HTTP_MULTI_H
#define KMS_NET_HTTP_MULTI_H

#include <stdbool.h>

#include <curl/curl.h>

#include "net/http.h"

/* A transfer under way; its easy handle's CURLOPT_PRIVATE. ended is never called from inside
 * libcurl, and may start, cancel and free anything. */
struct kms_http_transfer {
    void (*ended)(struct kms_http_transfer *transfer, CURLcode code);
};

struct kms_loop *kms_http_loop(const struct kms_http *http);
bool kms_http_add(struct kms_http *http, CURL *easy);
/* Fine for a handle that is not under way. Not from inside a callback of libcurl. */
void kms_http_remove(struct kms_http *http, CURL *easy);

/* What every transfer has: how it ends, which servers it trusts (ca_file NULL: the system's
 * bundle), and what is never done. error has CURL_ERROR_SIZE bytes. False: out of memory. */
bool kms_http_set_common(CURL *easy, struct kms_http_transfer *transfer, char *error,
                         const char *ca_file);
bool kms_http_is_https(const char *url);
/* Why a transfer ended, for the codes that mean the same everywhere. */
enum kms_outcome kms_http_outcome(CURL *easy, CURLcode code);

#endif
