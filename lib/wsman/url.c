/* Completes and takes apart the url of a WinRM listener. */
#include "wsman/url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/text.h"

#define URL_MAX 1024

static const char allowed[] = "allowed: https://HOST[:5986][/wsman] or http://HOST[:5985][/wsman]";

/* The parts of a url, pointing into it. */
struct parts {
    bool tls;
    const char *host;
    size_t host_len;
    bool bracketed;
    const char *port; /* digits; NULL: none */
    size_t port_len;
    const char *path; /* "" or "/..." */
};

static enum kms_status wrong(struct kms_fault *fault, size_t at, const char *what)
{
    return kms_fault_set(fault, KMS_EINVAL, at, "%s; %s", what, allowed);
}

static bool has_blank_or_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7F) {
            return true;
        }
    }
    return false;
}

static enum kms_status take_host(const char *url, const char *at, const char *end,
                                 struct parts *ret, struct kms_fault *fault)
{
    const char *host_end = NULL;
    ret->bracketed = *at == '[';
    if (ret->bracketed) {
        ret->host = at + 1;
        host_end = memchr(ret->host, ']', (size_t)(end - ret->host));
        if (!host_end) {
            return wrong(fault, (size_t)(at - url), "the address has no closing bracket");
        }
        at = host_end + 1;
    } else {
        ret->host = at;
        host_end = memchr(at, ':', (size_t)(end - at));
        host_end = host_end ? host_end : end;
        at = host_end;
    }
    ret->host_len = (size_t)(host_end - ret->host);
    if (ret->host_len == 0) {
        return wrong(fault, (size_t)(ret->host - url), "the address names no host");
    }
    if (at == end) {
        return KMS_OK;
    }
    uint64_t port = 0;
    ret->port = at + 1;
    ret->port_len = (size_t)(end - ret->port);
    if (*at != ':' || !kms_text_u64_len(ret->port, ret->port_len, &port) || port == 0 ||
        port > UINT16_MAX) {
        return wrong(fault, (size_t)(at - url), "what follows the host is not a port");
    }
    return KMS_OK;
}

static enum kms_status take_apart(const char *url, struct parts *ret, struct kms_fault *fault)
{
    *ret = (struct parts){.tls = strncasecmp(url, "https://", 8) == 0, .host = "", .path = ""};
    if (!ret->tls && strncasecmp(url, "http://", 7) != 0) {
        return wrong(fault, 0, "the address does not begin with https:// or http://");
    }
    if (has_blank_or_control(url)) {
        return wrong(fault, 0, "the address has a blank or a character that must be escaped");
    }
    const char *at = url + (ret->tls ? 8 : 7);
    const char *end = at + strcspn(at, "/?#");
    if (memchr(at, '@', (size_t)(end - at))) {
        return wrong(fault, (size_t)(at - url),
                     "user and password belong into a credentials block, not into the address");
    }
    if (strpbrk(end, "?#")) {
        return wrong(fault, (size_t)(end - url), "the address has more than a path");
    }
    ret->path = end;
    return take_host(url, at, end, ret, fault);
}

static enum kms_status compose(const struct parts *parts, char **ret)
{
    struct kms_buf buf;
    kms_buf_init(&buf, URL_MAX);
    char port[8];
    kms_text_format(port, sizeof port, "%d",
                    parts->tls ? KMS_WSMAN_PORT_TLS : KMS_WSMAN_PORT_PLAIN);
    bool rooted = parts->path[0] == '\0' || kms_text_equal(parts->path, "/");
    enum kms_status status = kms_buf_addf(
        &buf, "%s://%s%.*s%s:%.*s%s", parts->tls ? "https" : "http", parts->bracketed ? "[" : "",
        (int)parts->host_len, parts->host, parts->bracketed ? "]" : "",
        parts->port ? (int)parts->port_len : (int)strlen(port), parts->port ? parts->port : port,
        rooted ? "/wsman" : parts->path);
    if (status == KMS_OK) {
        *ret = kms_buf_take(&buf);
    }
    kms_buf_done(&buf);
    return status;
}

static enum kms_status own_url(const char *name, char **ret)
{
    struct kms_buf buf;
    kms_buf_init(&buf, URL_MAX);
    bool bracketed = strchr(name, ':') != NULL;
    enum kms_status status = kms_buf_addf(&buf, "https://%s%s%s:%d/wsman", bracketed ? "[" : "",
                                          name, bracketed ? "]" : "", KMS_WSMAN_PORT_TLS);
    if (status == KMS_OK) {
        *ret = kms_buf_take(&buf);
    }
    kms_buf_done(&buf);
    return status;
}

void kms_wsman_url_done(struct kms_wsman_url *url)
{
    free(url->url);
    free(url->host);
    free(url->address);
    *url = (struct kms_wsman_url){0};
}

enum kms_status kms_wsman_url_make(const char *url, const char *name, const char *address,
                                   struct kms_wsman_url *ret, struct kms_fault *fault)
{
    struct kms_wsman_url made = {0};
    struct parts parts = {.host = "", .path = ""};
    char *own = NULL;
    enum kms_status status = url ? KMS_OK : own_url(name, &own);
    status = status == KMS_OK ? take_apart(url ? url : own, &parts, fault) : status;
    if (status == KMS_OK) {
        made.tls = parts.tls;
        status = compose(&parts, &made.url);
    }
    if (status == KMS_OK) {
        made.host = strndup(parts.host, parts.host_len);
        bool elsewhere = !url && address && !kms_text_equal_nocase(address, name);
        made.address = elsewhere ? kms_text_dup(address) : NULL;
        status = made.host && (made.address || !elsewhere) ? KMS_OK : KMS_ENOMEM;
    }
    free(own);
    if (status == KMS_ETOOBIG) {
        status = wrong(fault, 0, "the address is longer than 1024 bytes");
    }
    if (status != KMS_OK) {
        kms_wsman_url_done(&made);
        return status;
    }
    *ret = made;
    return KMS_OK;
}
