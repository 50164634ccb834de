/* Walks a DNS message (RFC 1035) with one cursor. */
#include "dns/answer.h"

#include <string.h>

#include "base/text.h"

enum {
    NAME_WIRE_MAX = 255, /* RFC 1035, 2.3.4 */
    LABEL_MAX = 63,
    JUMP = 0xC0,
    JUMPS_MAX = 64,
    FLAG_ANSWER = 0x8000,
    FLAGS_OPCODE = 0x7800,
    FLAG_AUTHORITATIVE = 0x0400,
    FLAG_TRUNCATED = 0x0200,
    FLAGS_RCODE = 0x000F,
    CLASS_IN = 1
};

/* A label may hold any byte; what is no plain character is written as master files do (RFC
 * 1035, 5.1), or in short as '?'. */
static bool add_label(char *dst, size_t *at, const uint8_t *label, size_t len, bool is_short)
{
    for (size_t i = 0; i < len; i++) {
        unsigned c = label[i];
        bool plain = c > 0x20 && c < 0x7f && c != '.' && c != '\\';
        size_t room = KMS_DNS_NAME_SIZE - *at;
        bool fits = plain      ? kms_text_format(dst + *at, room, "%c", (int)c)
                    : is_short ? kms_text_format(dst + *at, room, "?")
                               : kms_text_format(dst + *at, room, "\\%03u", c);
        *at += plain || is_short ? 1 : 4;
        if (!fits || *at + 2 > KMS_DNS_NAME_SIZE) {
            return false;
        }
    }
    dst[(*at)++] = '.';
    return true;
}

/* Every jump goes back behind the place where the labels before it began: a name cannot lead into
 * itself. */
static bool read_name(struct kms_rd *rd, bool is_short, char ret[KMS_DNS_NAME_SIZE])
{
    struct kms_rd at = *rd;
    size_t end = 0, wire = 1, begin = at.at, text_len = 0;
    char text[KMS_DNS_NAME_SIZE];
    for (int jumps = 0; jumps <= JUMPS_MAX;) {
        uint8_t len, low;
        if (!kms_rd_u8(&at, &len)) {
            return false;
        }
        if ((len & JUMP) == JUMP) {
            if (!kms_rd_u8(&at, &low)) {
                return false;
            }
            size_t to = (size_t)(len & ~JUMP & 0xFF) << 8 | low;
            if (end == 0) {
                end = at.at;
            }
            if (to >= begin) {
                return false;
            }
            at.at = begin = to;
            jumps++;
            continue;
        }
        const uint8_t *label;
        wire += (size_t)len + 1;
        if (len > LABEL_MAX || wire > NAME_WIRE_MAX + 1 || !kms_rd_span(&at, len, &label)) {
            return false;
        }
        if (len == 0) {
            rd->at = end > 0 ? end : at.at;
            text[text_len > 0 ? text_len - 1 : 0] = '\0';
            kms_text_copy(ret, KMS_DNS_NAME_SIZE, text_len > 0 ? text : ".");
            return true;
        }
        if (!add_label(text, &text_len, label, len, is_short)) {
            return false;
        }
    }
    return false;
}

/* One record with a name that is too long when it is written out must not hide the others. */
bool kms_dns_name(struct kms_rd *rd, char ret[KMS_DNS_NAME_SIZE])
{
    return read_name(rd, false, ret) || read_name(rd, true, ret);
}

static bool broken(struct kms_fault *fault, const struct kms_dns_message *message, const char *what)
{
    (void)kms_fault_set(fault, KMS_ESYNTAX, message->rd.at, "%s at byte %zu of %zu", what,
                        message->rd.at, message->rd.len);
    return false;
}

bool kms_dns_open(struct kms_dns_message *message, const uint8_t *bytes, size_t len,
                  struct kms_fault *fault)
{
    *message = (struct kms_dns_message){.rd = kms_rd_over(bytes, len)};
    struct kms_rd *rd = &message->rd;
    uint16_t id, flags, questions, answers, others;
    if (!kms_rd_u16(rd, &id) || !kms_rd_u16(rd, &flags) || !kms_rd_u16(rd, &questions) ||
        !kms_rd_u16(rd, &answers) || !kms_rd_u16(rd, &others) || !kms_rd_u16(rd, &others)) {
        return broken(fault, message, "the header is cut");
    }
    if (!(flags & FLAG_ANSWER) || (flags & FLAGS_OPCODE)) {
        return broken(fault, message, "the header is not that of an answer");
    }
    if (questions > 1) {
        return broken(fault, message, "more than one question");
    }
    uint16_t asked_class;
    if (questions == 1 &&
        (!kms_dns_name(rd, message->asked) || !kms_rd_u16(rd, &message->asked_type) ||
         !kms_rd_u16(rd, &asked_class))) {
        return broken(fault, message, "the question is cut or its name is wrong");
    }
    message->rcode = flags & FLAGS_RCODE;
    message->authoritative = (flags & FLAG_AUTHORITATIVE) != 0;
    message->truncated = (flags & FLAG_TRUNCATED) != 0;
    message->answers_left = answers;
    return true;
}

bool kms_dns_next(struct kms_dns_message *message, struct kms_dns_record *ret, bool *ret_broken,
                  struct kms_fault *fault)
{
    struct kms_rd *rd = &message->rd;
    struct kms_dns_record record;
    while (message->answers_left > 0) {
        uint16_t len;
        message->answers_left--;
        if (!kms_dns_name(rd, record.owner)) {
            *ret_broken = true;
            return broken(fault, message, "a record's name is cut or wrong");
        }
        if (!kms_rd_u16(rd, &record.type) || !kms_rd_u16(rd, &record.class_) ||
            !kms_rd_u32(rd, &record.ttl) || !kms_rd_u16(rd, &len)) {
            *ret_broken = true;
            return broken(fault, message, "a record is cut");
        }
        record.data_at = rd->at;
        record.data_len = len;
        if (!kms_rd_skip(rd, len)) {
            *ret_broken = true;
            return broken(fault, message, "a record's data runs past the end");
        }
        if (record.class_ == CLASS_IN) {
            /* RFC 2181, section 8: a time with the highest bit set is 0. */
            record.ttl = record.ttl > INT32_MAX ? 0 : record.ttl;
            *ret = record;
            return true;
        }
    }
    return false;
}

/* Jumps in the data lead before it, and nothing behind it is seen. */
struct kms_rd kms_dns_data(const struct kms_dns_message *message,
                           const struct kms_dns_record *record)
{
    struct kms_rd rd = message->rd;
    rd.len = record->data_at + record->data_len;
    rd.at = record->data_at;
    return rd;
}

static size_t bare_len(const char *name)
{
    size_t len = strlen(name);
    return len > 1 && name[len - 1] == '.' ? len - 1 : len;
}

bool kms_dns_name_equal(const char *a, const char *b)
{
    size_t len = bare_len(a);
    char left[KMS_DNS_NAME_SIZE], right[KMS_DNS_NAME_SIZE];
    if (len != bare_len(b) || len >= sizeof left) {
        return false;
    }
    memcpy(left, a, len);
    memcpy(right, b, len);
    left[len] = right[len] = '\0';
    return kms_text_equal_nocase(left, right);
}
