/* Walks over JSON (RFC 8259) and stops at what is asked for. */
#include "control/flat.h"

#include <string.h>

#include "base/text.h"

enum kind { KIND_TEXT, KIND_NUMBER, KIND_FLAG, KIND_OTHER };

/* A value as it stands in the bytes. */
struct value {
    enum kind kind;
    const char *at;
    size_t len;
};

static bool peek(const struct kms_rd *rd, char *ret)
{
    struct kms_rd copy = *rd;
    uint8_t byte;
    if (!kms_rd_u8(&copy, &byte)) {
        return false;
    }
    *ret = (char)byte;
    return true;
}

static void skip_blanks(struct kms_rd *rd)
{
    char c;
    while (peek(rd, &c) && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
        (void)kms_rd_skip(rd, 1);
    }
}

static bool take(struct kms_rd *rd, char wanted)
{
    char c;
    return peek(rd, &c) && c == wanted && kms_rd_skip(rd, 1);
}

static bool read_hex(struct kms_rd *rd, uint32_t *ret)
{
    const uint8_t *digits;
    uint32_t unit;
    if (!kms_rd_span(rd, 4, &digits) || digits[1] == 'x' || digits[1] == 'X' ||
        !kms_text_hex32((const char *)digits, 4, &unit)) {
        return false;
    }
    *ret = unit;
    return true;
}

/* Behind \u; two halves make one character beyond the first plane. */
static bool read_unicode(struct kms_rd *rd, uint32_t *ret)
{
    uint32_t high, low;
    if (!read_hex(rd, &high) || high == 0 || (high >= 0xdc00 && high < 0xe000)) {
        return false;
    }
    *ret = high;
    if (high < 0xd800 || high >= 0xe000) {
        return true;
    }
    if (!kms_rd_match(rd, "\\u", 2) || !read_hex(rd, &low) || low < 0xdc00 || low >= 0xe000) {
        return false;
    }
    *ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static bool read_escape(struct kms_rd *rd, uint32_t *ret)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    uint8_t letter;
    if (!kms_rd_u8(rd, &letter)) {
        return false;
    }
    if (letter == 'u') {
        return read_unicode(rd, ret);
    }
    const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
    if (found) {
        *ret = (uint32_t)(unsigned char)values[found - letters];
    }
    return found != NULL;
}

/* One character inside quotes; *ret_end: they end here. */
static bool read_character(struct kms_rd *rd, uint32_t *ret, bool *ret_end)
{
    uint32_t point;
    if (!kms_rd_utf8(rd, &point) || point < 0x20) {
        return false;
    }
    *ret_end = point == '"';
    *ret = point;
    return point != '\\' || read_escape(rd, ret);
}

/* Behind the first quote, to behind the last. buf NULL: only walked over. */
static enum kms_status read_text(struct kms_rd *rd, struct kms_buf *buf)
{
    for (;;) {
        uint32_t point = 0;
        bool end = false;
        if (!read_character(rd, &point, &end)) {
            return KMS_ESYNTAX;
        }
        if (end) {
            return KMS_OK;
        }
        enum kms_status status = buf ? kms_buf_add_utf8(buf, point) : KMS_OK;
        if (status != KMS_OK) {
            return status;
        }
    }
}

/* A name, and whether it is the one that is looked for. */
static bool read_name(struct kms_rd *rd, const char *wanted, bool *ret_same)
{
    if (!take(rd, '"')) {
        return false;
    }
    bool same = true;
    for (;;) {
        uint32_t point = 0;
        bool end = false;
        if (!read_character(rd, &point, &end)) {
            return false;
        }
        if (end) {
            *ret_same = same && *wanted == '\0';
            return true;
        }
        same = same && point < 0x80 && (uint32_t)(unsigned char)*wanted == point && *wanted != '\0';
        wanted += same ? 1 : 0;
    }
}

static bool skip_word(struct kms_rd *rd)
{
    return kms_rd_match(rd, "null", 4);
}

static bool is_number_part(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static bool skip_number(struct kms_rd *rd)
{
    char c;
    bool any = false;
    while (peek(rd, &c) && is_number_part(c)) {
        any = any || (c >= '0' && c <= '9');
        (void)kms_rd_skip(rd, 1);
    }
    return any;
}

/* A plain value; arrays and objects are the caller's. */
static bool skip_plain(struct kms_rd *rd, enum kind *ret_kind)
{
    char c;
    if (!peek(rd, &c)) {
        return false;
    }
    if (c == '"') {
        *ret_kind = KIND_TEXT;
        return kms_rd_skip(rd, 1) && read_text(rd, NULL) == KMS_OK;
    }
    if (c == 't' || c == 'f') {
        *ret_kind = KIND_FLAG;
        return kms_rd_match(rd, "true", 4) || kms_rd_match(rd, "false", 5);
    }
    *ret_kind = c == 'n' ? KIND_OTHER : KIND_NUMBER;
    return c == 'n' ? skip_word(rd) : skip_number(rd);
}

/* What stands open around a place, innermost last. */
struct nest {
    char close[KMS_FLAT_DEPTH_MAX];
    size_t depth;
};

static bool open_one(struct nest *nest, char c)
{
    if (nest->depth == KMS_FLAT_DEPTH_MAX) {
        return false;
    }
    nest->close[nest->depth++] = c == '{' ? '}' : ']';
    return true;
}

/* Up to a value: past the name where one must be. */
static bool skip_name(struct kms_rd *rd, const struct nest *nest)
{
    bool ignored;
    if (nest->close[nest->depth - 1] != '}') {
        return true;
    }
    if (!read_name(rd, "", &ignored)) {
        return false;
    }
    skip_blanks(rd);
    bool ok = take(rd, ':');
    skip_blanks(rd);
    return ok;
}

/* Closes what ends here. *ret_over: all of it; else another value follows. */
static bool close_some(struct kms_rd *rd, struct nest *nest, bool *ret_over)
{
    for (;;) {
        skip_blanks(rd);
        if (take(rd, ',')) {
            skip_blanks(rd);
            return skip_name(rd, nest);
        }
        if (!take(rd, nest->close[nest->depth - 1])) {
            return false;
        }
        if (--nest->depth == 0) {
            *ret_over = true;
            return true;
        }
    }
}

/* An array or object, behind its first bracket. */
static bool skip_nested(struct kms_rd *rd, char first)
{
    struct nest nest = {.depth = 0};
    bool over = false;
    char c = first;
    for (;;) {
        if (!open_one(&nest, c)) {
            return false;
        }
        skip_blanks(rd);
        char next = '\0';
        bool empty = peek(rd, &next) && next == nest.close[nest.depth - 1];
        if (!empty && !skip_name(rd, &nest)) {
            return false;
        }
        bool opened = false;
        while (!opened) {
            enum kind ignored;
            if (!empty && peek(rd, &c) && (c == '{' || c == '[')) {
                opened = kms_rd_skip(rd, 1);
                continue;
            }
            if (!empty && !skip_plain(rd, &ignored)) {
                return false;
            }
            empty = false;
            if (!close_some(rd, &nest, &over)) {
                return false;
            }
            if (over) {
                return true;
            }
        }
    }
}

static bool read_value(struct kms_rd *rd, const char *bytes, struct value *ret)
{
    char c;
    struct value value = {.at = bytes + rd->at};
    size_t from = rd->at;
    if (!peek(rd, &c)) {
        return false;
    }
    bool nested = c == '{' || c == '[';
    value.kind = KIND_OTHER;
    if (nested ? !kms_rd_skip(rd, 1) || !skip_nested(rd, c) : !skip_plain(rd, &value.kind)) {
        return false;
    }
    value.len = rd->at - from;
    *ret = value;
    return true;
}

/* The whole object is walked over, so that what is broken behind the member is seen too. */
static enum kms_status find(const char *json, size_t len, const char *name, struct value *ret)
{
    struct kms_rd rd = kms_rd_over(json, len);
    bool found = false, first = true;
    skip_blanks(&rd);
    if (!take(&rd, '{')) {
        return KMS_ESYNTAX;
    }
    for (;; first = false) {
        skip_blanks(&rd);
        if (take(&rd, '}')) {
            break;
        }
        bool same = false;
        struct value value;
        if (!first && !take(&rd, ',')) {
            return KMS_ESYNTAX;
        }
        skip_blanks(&rd);
        bool ok = read_name(&rd, name, &same);
        skip_blanks(&rd);
        ok = ok && take(&rd, ':');
        skip_blanks(&rd);
        if (!ok || !read_value(&rd, json, &value)) {
            return KMS_ESYNTAX;
        }
        if (same && !found) {
            *ret = value;
            found = true;
        }
    }
    skip_blanks(&rd);
    if (kms_rd_left(&rd) > 0) {
        return KMS_ESYNTAX;
    }
    return found ? KMS_OK : KMS_ENOTFOUND;
}

enum kms_status kms_flat_text(const char *json, size_t len, const char *name, struct kms_buf *buf)
{
    struct value value;
    enum kms_status status = find(json, len, name, &value);
    if (status != KMS_OK || value.kind != KIND_TEXT) {
        return status == KMS_OK ? KMS_ENOTFOUND : status;
    }
    struct kms_rd rd = kms_rd_over(value.at, value.len);
    (void)kms_rd_skip(&rd, 1);
    return read_text(&rd, buf);
}

enum kms_status kms_flat_number(const char *json, size_t len, const char *name, int64_t *ret)
{
    struct value value;
    enum kms_status status = find(json, len, name, &value);
    if (status != KMS_OK) {
        return status;
    }
    char text[32];
    if (value.kind != KIND_NUMBER || value.len >= sizeof text) {
        return KMS_ENOTFOUND;
    }
    kms_text_format(text, sizeof text, "%.*s", (int)value.len, value.at);
    return kms_text_i64(text, ret) ? KMS_OK : KMS_ENOTFOUND;
}

enum kms_status kms_flat_flag(const char *json, size_t len, const char *name, bool *ret)
{
    struct value value;
    enum kms_status status = find(json, len, name, &value);
    if (status != KMS_OK || value.kind != KIND_FLAG) {
        return status == KMS_OK ? KMS_ENOTFOUND : status;
    }
    *ret = value.at[0] == 't';
    return KMS_OK;
}

static enum kms_status quote_point(struct kms_buf *buf, uint32_t point)
{
    if (point == '"' || point == '\\') {
        return kms_buf_addf(buf, "\\%c", (int)point);
    }
    if (point < 0x20) {
        return kms_buf_addf(buf, "\\u%04x", (unsigned)point);
    }
    return kms_buf_add_utf8(buf, point);
}

enum kms_status kms_flat_quote(struct kms_buf *buf, const char *text)
{
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    uint32_t point;
    enum kms_status status = kms_buf_add_str(buf, "\"");
    while (status == KMS_OK && kms_rd_utf8(&rd, &point)) {
        status = quote_point(buf, point);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "\"") : status;
}
