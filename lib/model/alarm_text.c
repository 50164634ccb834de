/* Writes an alarm as one line for each of its parts, and reads it back without trusting it. */
#include "model/alarm_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

enum part {
    PART_INDEX,
    PART_TYPE,
    PART_SEVERITY,
    PART_SUBJECT,
    PART_OWNER,
    PART_OBJECT,
    PART_ROW,
    PART_SINCE,
    PART_SUPPRESSED,
    PART_CLEARED,
    PART_TEXT,
    PART_COUNT
};

static const char *const part_names[PART_COUNT] = {
    [PART_INDEX] = "index",       [PART_TYPE] = "type",
    [PART_SEVERITY] = "severity", [PART_SUBJECT] = "subject",
    [PART_OWNER] = "owner",       [PART_OBJECT] = "object",
    [PART_ROW] = "row",           [PART_SINCE] = "since",
    [PART_TEXT] = "text",         [PART_SUPPRESSED] = "suppressed",
    [PART_CLEARED] = "cleared",
};

static bool is_plain(uint32_t code_point)
{
    return code_point >= 0x20 && code_point != 0x7f && code_point != 0xfffd;
}

/* No line may end within a name or a text, and what is written can be read again. */
static enum kms_status write_text(enum part part, const char *text, struct kms_buf *buf)
{
    enum kms_status status = kms_buf_addf(buf, "%s ", part_names[part]);
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    size_t from = rd.at;
    uint32_t code_point;
    while (status == KMS_OK && kms_rd_utf8(&rd, &code_point)) {
        status = is_plain(code_point) ? kms_buf_add(buf, text + from, rd.at - from)
                                      : kms_buf_add(buf, "?", 1);
        from = rd.at;
    }
    return status == KMS_OK ? kms_buf_add_str(buf, "\n") : status;
}

enum kms_status kms_alarm_record_write(const struct kms_alarm_record *record, struct kms_buf *buf)
{
    const struct kms_alarm *alarm = &record->alarm;
    enum kms_status status = kms_buf_addf(
        buf,
        "index %" PRIu32 "\ntype %s\nseverity %s\nrow %u %u %" PRIu32 " %" PRIu32 "\nsince %" PRId64
        "\nsuppressed %d\ncleared %d\n",
        alarm->index, kms_word_label(kms_words_alarm_type(), (int)alarm->type),
        kms_word_label(kms_words_state(), (int)alarm->severity), (unsigned)alarm->row.table,
        (unsigned)alarm->row.len, alarm->row.index[0], alarm->row.index[1], alarm->since_s,
        alarm->suppressed ? 1 : 0, record->cleared ? 1 : 0);
    const struct {
        enum part part;
        const char *text;
    } texts[] = {{PART_SUBJECT, record->subject},
                 {PART_OWNER, alarm->owner},
                 {PART_OBJECT, alarm->object},
                 {PART_TEXT, alarm->text}};
    for (size_t i = 0; status == KMS_OK && i < KMS_COUNT_OF(texts); i++) {
        status = write_text(texts[i].part, texts[i].text, buf);
    }
    return status;
}

/* ---- reading ---- */

static bool read_text(const char *value, size_t len, char *dst, size_t size)
{
    if (len >= size) {
        return false;
    }
    struct kms_rd rd = kms_rd_over(value, len);
    uint32_t code_point;
    while (kms_rd_utf8(&rd, &code_point)) {
        if (!is_plain(code_point)) {
            return false;
        }
    }
    memcpy(dst, value, len);
    dst[len] = '\0';
    return true;
}

static bool read_number(const char *value, size_t len, uint64_t max, uint64_t *ret)
{
    uint64_t number;
    if (!kms_text_u64_len(value, len, &number) || number > max) {
        return false;
    }
    *ret = number;
    return true;
}

static bool read_flag(const char *value, size_t len, bool *ret)
{
    uint64_t number;
    if (!read_number(value, len, 1, &number)) {
        return false;
    }
    *ret = number == 1;
    return true;
}

static bool read_word(const struct kms_word_set *set, const char *value, size_t len, int *ret)
{
    char word[64];
    return read_text(value, len, word, sizeof word) && kms_word_number(set, word, ret);
}

/* "3 2 7 1": table, parts, index. */
static bool read_row(const char *value, size_t len, struct kms_alarm_row *ret)
{
    uint64_t number[4];
    for (size_t i = 0; i < KMS_COUNT_OF(number); i++) {
        const char *end = memchr(value, ' ', len);
        size_t word = end ? (size_t)(end - value) : len;
        if ((end == NULL) != (i + 1 == KMS_COUNT_OF(number)) ||
            !read_number(value, word, UINT32_MAX, &number[i])) {
            return false;
        }
        value += word + (end ? 1 : 0);
        len -= word + (end ? 1 : 0);
    }
    if (number[0] == 0 || number[0] > UINT8_MAX || number[1] == 0 || number[1] > 2) {
        return false;
    }
    *ret = (struct kms_alarm_row){.table = (uint8_t)number[0],
                                  .len = (uint8_t)number[1],
                                  .index = {(uint32_t)number[2], (uint32_t)number[3]}};
    return true;
}

static bool read_part(enum part part, const char *value, size_t len, struct kms_alarm_record *ret)
{
    struct kms_alarm *alarm = &ret->alarm;
    uint64_t number;
    int word;
    switch (part) {
    case PART_INDEX:
        if (!read_number(value, len, UINT32_MAX, &number) || number == 0) {
            return false;
        }
        alarm->index = (uint32_t)number;
        return true;
    case PART_TYPE:
        if (!read_word(kms_words_alarm_type(), value, len, &word)) {
            return false;
        }
        alarm->type = (enum kms_alarm_type)word;
        return true;
    case PART_SEVERITY:
        if (!read_word(kms_words_state(), value, len, &word)) {
            return false;
        }
        alarm->severity = (enum kms_state)word;
        return true;
    case PART_SUBJECT:
        return read_text(value, len, ret->subject, sizeof ret->subject);
    case PART_OWNER:
        return len > 0 && read_text(value, len, alarm->owner, sizeof alarm->owner);
    case PART_OBJECT:
        return read_text(value, len, alarm->object, sizeof alarm->object);
    case PART_ROW:
        return read_row(value, len, &alarm->row);
    case PART_SINCE:
        if (!read_number(value, len, INT64_MAX, &number)) {
            return false;
        }
        alarm->since_s = (int64_t)number;
        return true;
    case PART_SUPPRESSED:
        return read_flag(value, len, &alarm->suppressed);
    case PART_CLEARED:
        return read_flag(value, len, &ret->cleared);
    case PART_TEXT:
        return read_text(value, len, alarm->text, sizeof alarm->text);
    case PART_COUNT:
        break;
    }
    return false;
}

/* PART_COUNT: not known. */
static enum part part_of(const char *line, size_t len)
{
    for (int part = 0; part < PART_COUNT; part++) {
        if (strlen(part_names[part]) == len && memcmp(part_names[part], line, len) == 0) {
            return (enum part)part;
        }
    }
    return PART_COUNT;
}

enum kms_status kms_alarm_record_read(const char *bytes, size_t len, struct kms_alarm_record *ret,
                                      struct kms_fault *fault)
{
    struct kms_alarm_record made = {0};
    struct kms_rd rd = kms_rd_over(bytes, len);
    uint32_t seen = 0;
    const char *line;
    size_t line_len;
    for (size_t number = 1; kms_rd_line(&rd, &line, &line_len); number++) {
        const char *blank = memchr(line, ' ', line_len);
        size_t name_len = blank ? (size_t)(blank - line) : line_len;
        enum part part = part_of(line, name_len);
        if (part == PART_COUNT) {
            continue;
        }
        const char *value = blank ? blank + 1 : line + line_len;
        size_t value_len = line_len - (size_t)(value - line);
        if ((seen & KMS_BIT(part)) || !read_part(part, value, value_len, &made)) {
            return kms_fault_set(fault, KMS_ESYNTAX, number, "%s: wrong or there twice",
                                 part_names[part]);
        }
        seen |= KMS_BIT(part);
    }
    if (seen != KMS_BIT(PART_COUNT) - 1) {
        return kms_fault_set(fault, KMS_ESYNTAX, 0, "not whole");
    }
    if (made.cleared != (made.alarm.severity == KMS_STATE_OK)) {
        return kms_fault_set(fault, KMS_ESYNTAX, 0, "severity: not that of a %s",
                             made.cleared ? "clear" : "raise");
    }
    *ret = made;
    return KMS_OK;
}

enum kms_status kms_alarm_news_write(const struct kms_alarm_news *news, struct kms_buf *buf)
{
    const struct kms_alarm_record record = {.cleared = news->cleared, .alarm = news->alarm};
    return kms_alarm_record_write(&record, buf);
}

enum kms_status kms_alarm_news_read(const char *bytes, size_t len, struct kms_alarm_news *ret,
                                    struct kms_fault *fault)
{
    struct kms_alarm_record record;
    enum kms_status status = kms_alarm_record_read(bytes, len, &record, fault);
    if (status == KMS_OK) {
        *ret = (struct kms_alarm_news){.cleared = record.cleared, .alarm = record.alarm};
    }
    return status;
}
