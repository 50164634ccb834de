/* Writes and reads the multipart frame around a sealed message. */
#include "wsman/sealed.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define BOUNDARY "--Encrypted Boundary"

enum {
    LINE_MAX_LEN = 256, /* of a header; real ones have 80 */
    HEADERS_MAX = 8,    /* in a part; real ones have 2 */
    PADDING_MAX = 64    /* of a mechanism; real ones have 16 at most */
};

/* ---- out ---- */

enum kms_status kms_sealed_write(size_t plain_len, const void *header, size_t header_len,
                                 const void *sealed, size_t sealed_len, struct kms_buf *buf)
{
    if (header_len > UINT32_MAX) {
        return KMS_ETOOBIG;
    }
    const uint8_t length[] = {(uint8_t)header_len, (uint8_t)(header_len >> 8),
                              (uint8_t)(header_len >> 16), (uint8_t)(header_len >> 24)};
    enum kms_status status = kms_buf_addf(
        buf,
        BOUNDARY
        "\r\n"
        "\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
        "\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%zu\r\n" BOUNDARY "\r\n"
        "\tContent-Type: application/octet-stream\r\n",
        plain_len);
    if (status == KMS_OK) {
        status = kms_buf_add(buf, length, sizeof length);
    }
    if (status == KMS_OK) {
        status = kms_buf_add(buf, header, header_len);
    }
    if (status == KMS_OK) {
        status = kms_buf_add(buf, sealed, sealed_len);
    }
    return status == KMS_OK ? kms_buf_add_str(buf, BOUNDARY "--\r\n") : status;
}

/* ---- in ---- */

struct line {
    const char *text;
    size_t len;
};

static bool line_starts(struct line line, const char *prefix)
{
    size_t len = strlen(prefix);
    if (line.len < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (kms_text_lower(line.text[i]) != kms_text_lower(prefix[i])) {
            return false;
        }
    }
    return true;
}

static struct line line_after(struct line line, size_t count)
{
    return (struct line){line.text + count, line.len - count};
}

static struct line without_blanks(struct line line)
{
    while (line.len > 0 && (line.text[0] == ' ' || line.text[0] == '\t')) {
        line = line_after(line, 1);
    }
    return line;
}

bool kms_sealed_is(const char *content_type)
{
    static const char type[] = "multipart/encrypted";
    if (!content_type) {
        return false;
    }
    struct line line = without_blanks((struct line){content_type, strlen(content_type)});
    if (!line_starts(line, type)) {
        return false;
    }
    char next = line.text[sizeof type - 1];
    return next == '\0' || next == ';' || next == ' ' || next == '\t';
}

/* A line that ends in CRLF and nothing else: what follows the last one may be any bytes. */
static bool read_line(struct kms_rd *rd, struct line *ret)
{
    struct kms_rd at = *rd;
    const uint8_t *text = NULL;
    uint8_t byte = 0;
    for (size_t len = 0; len <= LINE_MAX_LEN; len++) {
        struct kms_rd end = at;
        if (kms_rd_match(&end, "\r\n", 2)) {
            if (!kms_rd_span(rd, len, &text) || !kms_rd_skip(rd, 2)) {
                return false;
            }
            *ret = (struct line){(const char *)text, len};
            return true;
        }
        if (!kms_rd_u8(&at, &byte) || byte == '\0' || byte == '\n') {
            return false;
        }
    }
    return false;
}

static bool line_equal(struct line a, struct line b)
{
    return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

/* "Length=N" among the parameters of OriginalContent. */
static bool read_length(struct line parameters, size_t *ret)
{
    bool begins = true;
    for (; parameters.len > 0; parameters = line_after(parameters, 1)) {
        struct line here = without_blanks(parameters);
        if (begins && line_starts(here, "Length=")) {
            struct line digits = line_after(here, strlen("Length="));
            size_t count = 0;
            while (count < digits.len && digits.text[count] >= '0' && digits.text[count] <= '9') {
                count++;
            }
            uint64_t length = 0;
            bool whole = count == digits.len || digits.text[count] == ';';
            if (!whole || !kms_text_u64_len(digits.text, count, &length) || length > SIZE_MAX) {
                return false;
            }
            *ret = (size_t)length;
            return true;
        }
        begins = parameters.text[0] == ';';
    }
    return false;
}

/* Header names in a part are few and fixed; those that are not known are passed over. */
enum header { OTHER_HEADER, TYPE_SEALED, TYPE_BYTES, TYPE_OTHER, ORIGINAL };

static enum header type_of(struct line value)
{
    if (line_starts(value, "application/HTTP-SPNEGO-session-encrypted") ||
        line_starts(value, "application/HTTP-Kerberos-session-encrypted")) {
        return TYPE_SEALED;
    }
    return line_starts(value, "application/octet-stream") ? TYPE_BYTES : TYPE_OTHER;
}

/* What the header is; line is its value afterwards. */
static enum header name_of(struct line *line)
{
    static const char type[] = "Content-Type:";
    static const char original[] = "OriginalContent:";
    *line = without_blanks(*line);
    if (line_starts(*line, type)) {
        *line = without_blanks(line_after(*line, sizeof type - 1));
        return type_of(*line);
    }
    if (line_starts(*line, original)) {
        *line = line_after(*line, sizeof original - 1);
        return ORIGINAL;
    }
    return OTHER_HEADER;
}

static enum kms_status wrong(const struct kms_rd *rd, struct kms_fault *fault, const char *what)
{
    return kms_fault_set(fault, KMS_EINVAL, rd->at, "encrypted message: %s", what);
}

/* The first part, up to and with the delimiter that ends it. */
static enum kms_status read_about(struct kms_rd *rd, struct line delimiter, size_t *ret_length,
                                  struct kms_fault *fault)
{
    bool sealed = false;
    bool counted = false;
    for (int i = 0; i <= HEADERS_MAX; i++) {
        struct kms_rd here = *rd;
        struct line line;
        if (!read_line(rd, &line)) {
            return wrong(rd, fault, "its first part does not end");
        }
        if (line_equal(line, delimiter)) {
            return sealed && counted
                       ? KMS_OK
                       : wrong(&here, fault, "its first part lacks Content-Type or Length");
        }
        enum header header = name_of(&line);
        sealed = sealed || header == TYPE_SEALED;
        if (header == TYPE_BYTES || header == TYPE_OTHER) {
            return wrong(&here, fault, "its first part is of another type");
        }
        if (header == ORIGINAL && (counted || !read_length(line, ret_length))) {
            return wrong(&here, fault, "OriginalContent has no single Length that is a number");
        }
        counted = counted || header == ORIGINAL;
    }
    return wrong(rd, fault, "its first part has too many headers");
}

/* The payload ends where the fixed last line begins: it is never searched for in sealed bytes. */
static enum kms_status read_payload(struct kms_rd *rd, struct line delimiter, struct kms_rd *ret,
                                    struct kms_fault *fault)
{
    size_t end_len = delimiter.len + 4; /* "--\r\n" */
    if (kms_rd_left(rd) < end_len + sizeof(uint32_t)) {
        return wrong(rd, fault, "it is cut off");
    }
    if (!kms_rd_sub(rd, kms_rd_left(rd) - end_len, ret)) {
        return wrong(rd, fault, "it is cut off");
    }
    return kms_rd_match(rd, delimiter.text, delimiter.len) && kms_rd_match(rd, "--\r\n", 4)
               ? KMS_OK
               : wrong(rd, fault, "it does not end in its boundary");
}

static enum kms_status check_lengths(struct kms_rd *payload, size_t place, struct kms_sealed *ret,
                                     struct kms_fault *fault)
{
    uint32_t header_len = 0;
    payload->little = true;
    if (!kms_rd_u32(payload, &header_len) || header_len == 0 || header_len > kms_rd_left(payload)) {
        return kms_fault_set(fault, KMS_EINVAL, place,
                             "encrypted message: a security header of %u bytes in %zu",
                             (unsigned)header_len, kms_rd_left(payload));
    }
    size_t sealed_len = kms_rd_left(payload) - header_len;
    if (ret->plain_len > sealed_len || sealed_len - ret->plain_len > PADDING_MAX) {
        return kms_fault_set(fault, KMS_EINVAL, place + sizeof header_len + header_len,
                             "encrypted message: Length=%zu, but %zu sealed bytes", ret->plain_len,
                             sealed_len);
    }
    const uint8_t *token = NULL;
    ret->token_len = kms_rd_left(payload);
    (void)kms_rd_span(payload, ret->token_len, &token);
    ret->token = token;
    return KMS_OK;
}

enum kms_status kms_sealed_read(const void *body, size_t len, struct kms_sealed *ret,
                                struct kms_fault *fault)
{
    struct kms_rd rd = kms_rd_over(body, len);
    struct kms_rd payload;
    struct kms_sealed sealed = {0};
    struct line delimiter;
    struct line line;
    if (!read_line(&rd, &delimiter) || !line_starts(delimiter, "--") || delimiter.len < 3) {
        return wrong(&rd, fault, "it does not begin with its boundary");
    }
    enum kms_status status = read_about(&rd, delimiter, &sealed.plain_len, fault);
    if (status != KMS_OK) {
        return status;
    }
    struct kms_rd here = rd;
    if (!read_line(&rd, &line) || name_of(&line) != TYPE_BYTES) {
        return wrong(&here, fault, "its second part is not application/octet-stream");
    }
    size_t place = rd.at;
    status = read_payload(&rd, delimiter, &payload, fault);
    if (status == KMS_OK) {
        status = check_lengths(&payload, place, &sealed, fault);
    }
    if (status == KMS_OK) {
        *ret = sealed;
    }
    return status;
}
