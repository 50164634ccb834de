/* The cursor over untrusted bytes and the buffer that grows to a limit: the only pointer arithmetic
 * on input. */
#ifndef KMS_BASE_BYTES_H
#define KMS_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* A reading cursor. A value on the stack; it never owns the bytes. Every read checks: on false
 * nothing moved and nothing was written. */
struct kms_rd {
    const uint8_t *p;
    size_t len;
    size_t at;
    bool little; /* byte order of u16 and u32 */
};

struct kms_rd kms_rd_over(const void *bytes, size_t len);
size_t kms_rd_left(const struct kms_rd *rd);
bool kms_rd_u8(struct kms_rd *rd, uint8_t *ret);
bool kms_rd_u16(struct kms_rd *rd, uint16_t *ret);
bool kms_rd_u32(struct kms_rd *rd, uint32_t *ret);
bool kms_rd_skip(struct kms_rd *rd, size_t count);
/* The next count bytes, still owned by the cursor's bytes. */
bool kms_rd_span(struct kms_rd *rd, size_t count, const uint8_t **ret);
/* A cursor over the next count bytes only; the outer one moves past them. */
bool kms_rd_sub(struct kms_rd *rd, size_t count, struct kms_rd *ret);
/* True when the next bytes are exactly these; then they are consumed. */
bool kms_rd_match(struct kms_rd *rd, const void *bytes, size_t count);
/* The next line without its end (LF, CRLF or CR); false at the end of the bytes. A last line needs
 * no end. */
bool kms_rd_line(struct kms_rd *rd, const char **ret_line, size_t *ret_len);
/* The next word, up to a blank or the end, which it leaves behind it. False when there is none, or
 * dst has no room for it and its end. */
bool kms_rd_word(struct kms_rd *rd, char *dst, size_t size);
/* The next UTF-8 code point; an invalid sequence gives U+FFFD and moves one byte. False at the end.
 */
bool kms_rd_utf8(struct kms_rd *rd, uint32_t *ret);

/* A byte buffer on the heap, always followed by a zero byte once it holds anything. max is fixed at
 * birth: growing past it fails with KMS_ETOOBIG and leaves the contents as they were. */
struct kms_buf {
    char *data; /* NULL while empty */
    size_t len;
    size_t cap;
    size_t max;
};

void kms_buf_init(struct kms_buf *buf, size_t max);
void kms_buf_done(struct kms_buf *buf);
void kms_buf_clear(struct kms_buf *buf);
/* Takes back what was added behind the first len bytes. */
void kms_buf_cut(struct kms_buf *buf, size_t len);
/* The contents as a string, "" when empty. Valid until the next change. */
const char *kms_buf_str(const struct kms_buf *buf);

enum kms_status kms_buf_add(struct kms_buf *buf, const void *bytes, size_t len);
enum kms_status kms_buf_add_str(struct kms_buf *buf, const char *str);
enum kms_status kms_buf_add_utf8(struct kms_buf *buf, uint32_t code_point);
enum kms_status kms_buf_addf(struct kms_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes room for more bytes and gives the place to write them; kms_buf_grew tells how many were
 * written. */
enum kms_status kms_buf_room(struct kms_buf *buf, size_t more, char **ret_place);
void kms_buf_grew(struct kms_buf *buf, size_t written);
/* Gives the string to the caller, who frees it; the buffer is empty again. NULL when nothing was
 * added. */
char *kms_buf_take(struct kms_buf *buf);

#endif
