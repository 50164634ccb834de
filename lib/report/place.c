/* Paths and URLs of reports told apart, and file URLs turned into paths (RFC 8089). */
#include "report/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* What follows prefix, whatever its case; NULL when text does not begin with it. */
static const char *after_nocase(const char *text, const char *prefix)
{
    while (*prefix && kms_text_lower(*text) == *prefix) {
        text++;
        prefix++;
    }
    return *prefix ? NULL : text;
}

/* "ftp://" and its like; a path with "://" somewhere inside is a path. */
static bool has_scheme(const char *url)
{
    const char *end = strstr(url, "://");
    if (!end || end == url) {
        return false;
    }
    for (const char *at = url; at < end; at++) {
        char c = kms_text_lower(*at);
        bool letter = c >= 'a' && c <= 'z';
        bool other = (*at >= '0' && *at <= '9') || *at == '+' || *at == '-' || *at == '.';
        if (!letter && (!other || at == url)) {
            return false;
        }
    }
    return true;
}

static void name_place(struct kms_place *place, const char *text, size_t len)
{
    kms_text_clean(place->name, sizeof place->name, text, len);
}

/* What is between "://" and the path: user:password@server:port. */
struct authority {
    const char *user;
    size_t user_len; /* the '@' included; 0: no user */
    const char *server;
    size_t server_len; /* with the port */
};

static struct authority find_authority(const char *url)
{
    const char *user = strstr(url, "://") + 3;
    size_t len = strcspn(user, "/?#");
    size_t user_len = len;
    while (user_len > 0 && user[user_len - 1] != '@') {
        user_len--;
    }
    return (struct authority){user, user_len, user + user_len, len - user_len};
}

enum kms_status kms_place_hide_password(const char *url, struct kms_buf *buf, bool *ret_hidden)
{
    const char *colon = NULL;
    struct authority at = {0};
    if (has_scheme(url)) {
        at = find_authority(url);
        colon = memchr(at.user, ':', at.user_len);
    }
    if (!colon) {
        *ret_hidden = false;
        return kms_buf_add_str(buf, url);
    }
    *ret_hidden = true;
    enum kms_status status = kms_buf_add(buf, url, (size_t)(colon + 1 - url));
    if (status == KMS_OK) {
        status = kms_buf_add_str(buf, "***@");
    }
    return status == KMS_OK ? kms_buf_add_str(buf, at.server) : status;
}

/* Behind "server:", where the port is; an empty one is the scheme's own. */
static enum kms_status check_port(const char *port, size_t len, struct kms_fault *fault)
{
    uint64_t number = 0;
    if (len > 0 && (!kms_text_u64_len(port, len, &number) || number < 1 || number > 65535)) {
        char shown[32];
        kms_text_clean(shown, sizeof shown, port, len);
        return kms_fault_set(fault, KMS_EINVAL, 0, "'%s' is not a port number of 1 to 65535",
                             shown);
    }
    return KMS_OK;
}

static enum kms_status check_server(const char *url, struct kms_fault *fault)
{
    struct authority at = find_authority(url);
    const char *end = at.server + at.server_len;
    const char *name_end = NULL;
    if (at.server_len > 0 && at.server[0] == '[') { /* an IPv6 address */
        const char *bracket = memchr(at.server, ']', at.server_len);
        name_end = bracket ? bracket + 1 : NULL;
    } else {
        const char *colon = memchr(at.server, ':', at.server_len);
        name_end = colon ? colon : end;
    }
    if (!name_end || name_end == at.server || (name_end < end && *name_end != ':')) {
        return kms_fault_set(fault, KMS_EINVAL, 0,
                             "the web address names no server: http://SERVER/PATH or "
                             "http://SERVER:PORT/PATH");
    }
    for (const char *c = at.server; c < name_end; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7F || strchr("\"<>\\^`{|}", *c)) {
            return kms_fault_set(fault, KMS_EINVAL, 0,
                                 "a server's name has no blanks, quotes or braces");
        }
    }
    return name_end < end ? check_port(name_end + 1, (size_t)(end - name_end - 1), fault) : KMS_OK;
}

/* Passwords before the host and tokens behind the path must not get into a log. */
static enum kms_status name_web_address(struct kms_place *place, const char *url)
{
    size_t scheme_len = (size_t)(strstr(url, "://") + 3 - url);
    const char *host = find_authority(url).server;
    struct kms_buf text;
    kms_buf_init(&text, SIZE_MAX / 4);
    enum kms_status status = kms_buf_add(&text, url, scheme_len);
    if (status == KMS_OK) {
        status = kms_buf_add(&text, host, strcspn(host, "?#"));
    }
    if (status == KMS_OK) {
        name_place(place, text.data, text.len);
    }
    kms_buf_done(&text);
    return status;
}

/* %20 and its like; the result is never longer than the text. */
static enum kms_status decode_path(const char *text, char **ret_path, struct kms_fault *fault)
{
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    struct kms_buf path;
    kms_buf_init(&path, strlen(text));
    enum kms_status status = KMS_OK;
    uint8_t byte;
    while (status == KMS_OK && kms_rd_u8(&rd, &byte)) {
        const uint8_t *digits;
        uint32_t value = byte;
        if (byte == '%' && (!kms_rd_span(&rd, 2, &digits) ||
                            !kms_text_hex32((const char *)digits, 2, &value) || value == 0)) {
            status = kms_fault_set(fault, KMS_EINVAL, rd.at,
                                   "a '%%' in a file URL needs two hexadecimal digits behind it "
                                   "that are not 00; '%%25' is the sign itself");
            break;
        }
        char plain = (char)(uint8_t)value;
        status = kms_buf_add(&path, &plain, 1);
    }
    if (status != KMS_OK) {
        kms_buf_done(&path);
        return status;
    }
    *ret_path = kms_buf_take(&path);
    return KMS_OK;
}

/* file:///path, file:/path and file://localhost/path, as RFC 8089 has them. */
static enum kms_status parse_file_url(const char *rest, struct kms_place *place,
                                      struct kms_fault *fault)
{
    const char *path = rest;
    const char *authority = after_nocase(rest, "//");
    if (authority) {
        const char *local = after_nocase(authority, "localhost/");
        path = local ? local - 1 : authority;
    }
    if (path[0] != '/') {
        return kms_fault_set(fault, KMS_EINVAL, 0,
                             "a file URL names no other machine: file:///path with three slashes");
    }
    return decode_path(path, &place->path, fault);
}

static enum kms_status fill(struct kms_place *place, const char *url, struct kms_fault *fault)
{
    if (kms_text_equal(url, "-")) {
        place->kind = KMS_PLACE_STDIN;
        kms_text_copy(place->name, sizeof place->name, "standard input");
        return KMS_OK;
    }
    if (after_nocase(url, "http://") || after_nocase(url, "https://")) {
        enum kms_status status = check_server(url, fault);
        if (status != KMS_OK) {
            return status;
        }
        place->kind = KMS_PLACE_HTTP;
        place->path = kms_text_dup(url);
        return place->path ? name_web_address(place, url) : KMS_ENOMEM;
    }
    const char *rest = after_nocase(url, "file:");
    if (rest && rest[0] == '/') {
        enum kms_status status = parse_file_url(rest, place, fault);
        if (status != KMS_OK) {
            return status;
        }
    } else if (has_scheme(url)) {
        return kms_fault_set(fault, KMS_EINVAL, 0,
                             "'%.*s' is not supported: a path, file:///path, http:// or https:// "
                             "is",
                             (int)(strstr(url, "://") - url), url);
    } else {
        place->path = kms_text_dup(url);
    }
    if (!place->path) {
        return KMS_ENOMEM;
    }
    name_place(place, place->path, strlen(place->path));
    return KMS_OK;
}

enum kms_status kms_place_parse(const char *url, struct kms_place *ret, struct kms_fault *fault)
{
    if (!url || !url[0]) {
        return kms_fault_set(fault, KMS_EINVAL, 0, "no path or URL of the report is given");
    }
    struct kms_place place = {.kind = KMS_PLACE_FILE};
    enum kms_status status = fill(&place, url, fault);
    if (status != KMS_OK) {
        kms_place_done(&place);
        return status;
    }
    *ret = place;
    return KMS_OK;
}

void kms_place_done(struct kms_place *place)
{
    if (!place) {
        return;
    }
    free(place->path);
    place->path = NULL;
}
