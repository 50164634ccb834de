/* Reads and writes words that blanks stand between. */
#include "store/word.h"

#include "base/text.h"

bool kms_word_take(struct kms_rd *rd, const char **ret_word, size_t *ret_len)
{
    const uint8_t *word = rd->p + rd->at;
    size_t len = 0;
    uint8_t byte;
    while (kms_rd_u8(rd, &byte) && byte != ' ') {
        len++;
    }
    *ret_word = (const char *)word;
    *ret_len = len;
    return len > 0;
}

enum kms_status kms_word_read(struct kms_rd *line, struct kms_buf *ret)
{
    const char *word;
    size_t len;
    kms_buf_clear(ret);
    if (!kms_word_take(line, &word, &len)) {
        return KMS_ESYNTAX;
    }
    struct kms_rd rd = kms_rd_over(word, len);
    uint8_t byte;
    while (kms_rd_u8(&rd, &byte)) {
        const uint8_t *digits;
        uint32_t value = byte;
        if (byte == '%' && (!kms_rd_span(&rd, 2, &digits) ||
                            !kms_text_hex32((const char *)digits, 2, &value) || value == 0)) {
            return KMS_ESYNTAX;
        }
        if (byte < 0x20 || byte == 0x7F) {
            return KMS_ESYNTAX;
        }
        char plain = (char)(uint8_t)value;
        enum kms_status status = kms_buf_add(ret, &plain, 1);
        if (status != KMS_OK) {
            return status;
        }
    }
    return KMS_OK;
}

enum kms_status kms_word_write(struct kms_buf *text, const char *word)
{
    enum kms_status status = KMS_OK;
    for (; status == KMS_OK && *word; word++) {
        uint8_t byte = (uint8_t)*word;
        bool escaped = byte <= ' ' || byte == '%' || byte == 0x7F;
        status = escaped ? kms_buf_addf(text, "%%%02X", byte) : kms_buf_add(text, word, 1);
    }
    return status;
}
