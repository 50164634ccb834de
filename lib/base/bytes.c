/* Reading is checking: a cursor over bytes somebody else wrote, and a buffer with a limit. */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kms_rd kms_rd_over(const void *bytes, size_t len)
{
    /* Adding even 0 to a null pointer is undefined. */
    const void *start = bytes ? bytes : "";
    return (struct kms_rd){.p = start, .len = bytes ? len : 0};
}

size_t kms_rd_left(const struct kms_rd *rd)
{
    return rd->len - rd->at;
}

bool kms_rd_span(struct kms_rd *rd, size_t count, const uint8_t **ret)
{
    if (count > kms_rd_left(rd)) {
        return false;
    }
    *ret = rd->p + rd->at;
    rd->at += count;
    return true;
}

bool kms_rd_u8(struct kms_rd *rd, uint8_t *ret)
{
    const uint8_t *p;
    if (!kms_rd_span(rd, 1, &p)) {
        return false;
    }
    *ret = p[0];
    return true;
}

bool kms_rd_u16(struct kms_rd *rd, uint16_t *ret)
{
    const uint8_t *p;
    if (!kms_rd_span(rd, 2, &p)) {
        return false;
    }
    unsigned value = rd->little ? (unsigned)p[0] | (unsigned)p[1] << 8
                                : (unsigned)p[0] << 8 | (unsigned)p[1];
    *ret = (uint16_t)value;
    return true;
}

bool kms_rd_u32(struct kms_rd *rd, uint32_t *ret)
{
    const uint8_t *p;
    if (!kms_rd_span(rd, 4, &p)) {
        return false;
    }
    *ret = rd->little
               ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
               : (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
    return true;
}

bool kms_rd_skip(struct kms_rd *rd, size_t count)
{
    const uint8_t *ignored;
    return kms_rd_span(rd, count, &ignored);
}

bool kms_rd_sub(struct kms_rd *rd, size_t count, struct kms_rd *ret)
{
    const uint8_t *p;
    if (!kms_rd_span(rd, count, &p)) {
        return false;
    }
    *ret = (struct kms_rd){.p = p, .len = count, .little = rd->little};
    return true;
}

bool kms_rd_match(struct kms_rd *rd, const void *bytes, size_t count)
{
    if (count > kms_rd_left(rd) || (count > 0 && memcmp(rd->p + rd->at, bytes, count) != 0)) {
        return false;
    }
    rd->at += count;
    return true;
}

bool kms_rd_line(struct kms_rd *rd, const char **ret_line, size_t *ret_len)
{
    if (kms_rd_left(rd) == 0) {
        return false;
    }
    size_t start = rd->at;
    size_t end = start;
    while (end < rd->len && rd->p[end] != '\n' && rd->p[end] != '\r') {
        end++;
    }
    rd->at = end;
    if (rd->at < rd->len) {
        bool cr = rd->p[rd->at++] == '\r';
        if (cr && rd->at < rd->len && rd->p[rd->at] == '\n') {
            rd->at++;
        }
    }
    *ret_line = (const char *)rd->p + start;
    *ret_len = end - start;
    return true;
}

/* Length and lowest legal value of the sequence that starts with this byte; 0 for a byte that
 * starts none. */
static size_t utf8_shape(uint8_t lead, uint32_t *ret_bits, uint32_t *ret_lowest)
{
    if (lead < 0x80) {
        *ret_bits = lead;
        *ret_lowest = 0;
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        *ret_bits = lead & 0x1FU;
        *ret_lowest = 0x80;
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *ret_bits = lead & 0x0FU;
        *ret_lowest = 0x800;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *ret_bits = lead & 0x07U;
        *ret_lowest = 0x10000;
        return 4;
    }
    return 0;
}

bool kms_rd_word(struct kms_rd *rd, char *dst, size_t size)
{
    size_t at = 0;
    uint8_t c;
    while (kms_rd_u8(rd, &c) && c != ' ') {
        if (at + 1 >= size) {
            return false;
        }
        dst[at++] = (char)c;
    }
    dst[at] = '\0';
    return at > 0;
}

/* RFC 3629: shortest form only, no surrogates, nothing above U+10FFFF. */
bool kms_rd_utf8(struct kms_rd *rd, uint32_t *ret)
{
    if (kms_rd_left(rd) == 0) {
        return false;
    }
    const uint8_t *p = rd->p + rd->at;
    uint32_t value = 0;
    uint32_t lowest = 0;
    size_t count = utf8_shape(p[0], &value, &lowest);
    bool valid = count > 0 && count <= kms_rd_left(rd);
    for (size_t i = 1; valid && i < count; i++) {
        valid = (p[i] & 0xC0U) == 0x80U;
        value = value << 6 | (p[i] & 0x3FU);
    }
    valid = valid && value >= lowest && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    *ret = valid ? value : 0xFFFD;
    rd->at += valid ? count : 1;
    return true;
}

void kms_buf_init(struct kms_buf *buf, size_t max)
{
    *buf = (struct kms_buf){.max = max};
}

void kms_buf_done(struct kms_buf *buf)
{
    if (!buf) {
        return;
    }
    free(buf->data);
    *buf = (struct kms_buf){.max = buf->max};
}

void kms_buf_cut(struct kms_buf *buf, size_t len)
{
    if (buf->data && len <= buf->len) {
        buf->len = len;
        buf->data[len] = '\0';
    }
}

void kms_buf_clear(struct kms_buf *buf)
{
    kms_buf_cut(buf, 0);
}

const char *kms_buf_str(const struct kms_buf *buf)
{
    return buf->data ? buf->data : "";
}

enum kms_status kms_buf_room(struct kms_buf *buf, size_t more, char **ret_place)
{
    if (more > buf->max || buf->len > buf->max - more) {
        return KMS_ETOOBIG;
    }
    size_t need = buf->len + more + 1;
    if (need > buf->cap) {
        size_t cap = buf->cap < 64 ? 64 : buf->cap;
        while (cap < need) {
            cap *= 2;
        }
        char *data = realloc(buf->data, cap);
        if (!data) {
            return KMS_ENOMEM;
        }
        buf->data = data;
        buf->cap = cap;
        buf->data[buf->len] = '\0';
    }
    *ret_place = buf->data + buf->len;
    return KMS_OK;
}

void kms_buf_grew(struct kms_buf *buf, size_t written)
{
    buf->len += written;
    buf->data[buf->len] = '\0';
}

enum kms_status kms_buf_add(struct kms_buf *buf, const void *bytes, size_t len)
{
    char *place;
    enum kms_status status = kms_buf_room(buf, len, &place);
    if (status != KMS_OK) {
        return status;
    }
    if (len > 0) {
        memcpy(place, bytes, len);
    }
    kms_buf_grew(buf, len);
    return KMS_OK;
}

enum kms_status kms_buf_add_str(struct kms_buf *buf, const char *str)
{
    return kms_buf_add(buf, str, strlen(str));
}

enum kms_status kms_buf_add_utf8(struct kms_buf *buf, uint32_t c)
{
    char out[4];
    size_t len = 0;
    if (c < 0x80) {
        out[len++] = (char)c;
    } else if (c < 0x800) {
        out[len++] = (char)(0xC0U | c >> 6);
        out[len++] = (char)(0x80U | (c & 0x3FU));
    } else if (c < 0x10000) {
        out[len++] = (char)(0xE0U | c >> 12);
        out[len++] = (char)(0x80U | (c >> 6 & 0x3FU));
        out[len++] = (char)(0x80U | (c & 0x3FU));
    } else {
        out[len++] = (char)(0xF0U | (c >> 18 & 0x07U));
        out[len++] = (char)(0x80U | (c >> 12 & 0x3FU));
        out[len++] = (char)(0x80U | (c >> 6 & 0x3FU));
        out[len++] = (char)(0x80U | (c & 0x3FU));
    }
    return kms_buf_add(buf, out, len);
}

enum kms_status kms_buf_addf(struct kms_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int wanted = vsnprintf(NULL, 0, format, args);
    va_end(args);
    enum kms_status status = KMS_EINVAL;
    char *place;
    if (wanted >= 0) {
        status = kms_buf_room(buf, (size_t)wanted, &place);
    }
    if (status == KMS_OK) {
        (void)vsnprintf(place, (size_t)wanted + 1, format, again);
        kms_buf_grew(buf, (size_t)wanted);
    }
    va_end(again);
    return status;
}

char *kms_buf_take(struct kms_buf *buf)
{
    char *data = buf->data;
    buf->data = NULL;
    buf->len = 0;
    buf->cap = 0;
    return data;
}
