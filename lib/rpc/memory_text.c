/* The text form of the memory of a host: lines of a key and its values, read strictly. */
#include "rpc/memory.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

#define FIRST_LINE "kms-activation 1"
#define NO_VALUE   "-"

/* ---- writing ---- */

static const char *or_none(const char *text)
{
    return text[0] != '\0' ? text : NO_VALUE;
}

static enum kms_status write_answer(const struct kms_answer *answer, struct kms_buf *buf)
{
    char application[KMS_GUID_TEXT];
    char hwid[2 * KMS_HWID_SIZE + 1] = NO_VALUE;
    kms_guid_text(&answer->application, application);
    if (answer->has_hwid) {
        hwid[0] = '\0';
        for (size_t i = 0; i < KMS_HWID_SIZE; i++) {
            kms_text_append(hwid, sizeof hwid, "%02x", answer->hwid[i]);
        }
    }
    enum kms_status status = kms_buf_addf(
        buf, "answer %s %" PRId64 " %u %" PRIu32 " %" PRIu32 " %" PRIu32 " %s 0x%" PRIx32 " %s\n",
        application, answer->wall_s, answer->protocol, answer->count, answer->activation_minutes,
        answer->renewal_minutes, hwid, answer->hints, answer->epid);
    if (status == KMS_OK && answer->epid_before[0] != '\0') {
        status = kms_buf_addf(buf, "changed %s %" PRId64 " %s\n", application, answer->changed_s,
                              answer->epid_before);
    }
    if (status == KMS_OK && answer->since_s != 0) {
        status = kms_buf_addf(buf, "counted %s %" PRId64 "\n", application, answer->since_s);
    }
    return status;
}

static enum kms_status write_refusal(const struct kms_refusal *refusal, struct kms_buf *buf)
{
    char counted[KMS_GUID_TEXT];
    kms_guid_text(&refusal->counted, counted);
    return kms_buf_addf(buf, "refused %s %" PRId64 " %s\n", counted, refusal->wall_s,
                        or_none(refusal->epid));
}

static enum kms_status write_attempt(const struct kms_memory *memory, struct kms_buf *buf)
{
    char sku[KMS_GUID_TEXT];
    kms_guid_text(&memory->sku, sku);
    enum kms_status status = kms_buf_addf(
        buf,
        FIRST_LINE "\nasked %" PRId64 "\ntried %" PRId64
                   "\nproduct %s\nprotocol %u\noutcome %s\nhresult 0x%08" PRIX32 "\nceiling %u\n",
        memory->asked_s, memory->tried_s, sku, memory->protocol,
        kms_outcome_row(memory->outcome)->token, memory->hresult, memory->ceiling);
    if (status == KMS_OK && memory->ceiling_s != 0) {
        status = kms_buf_addf(buf, "ceiling-since %" PRId64 " %s\n", memory->ceiling_s,
                              or_none(memory->ceiling_epid));
    }
    if (status == KMS_OK && memory->asked_up_s != 0) {
        status = kms_buf_addf(buf, "asked-up %" PRId64 "\n", memory->asked_up_s);
    }
    if (status == KMS_OK && memory->detail[0] != '\0') {
        status = kms_buf_addf(buf, "detail %s\n", memory->detail);
    }
    return status;
}

enum kms_status kms_memory_write(const struct kms_memory *memory, struct kms_buf *buf)
{
    enum kms_status status = write_attempt(memory, buf);
    for (size_t i = 0; status == KMS_OK && i < memory->answer_count; i++) {
        status = write_answer(&memory->answer[i], buf);
    }
    for (size_t i = 0; status == KMS_OK && i < memory->refusal_count; i++) {
        status = write_refusal(&memory->refusal[i], buf);
    }
    return status;
}

/* ---- reading ---- */

struct word {
    const char *text;
    size_t len;
};

/* One blank stands between two words, and none before or behind them. */
static bool next_word(struct kms_rd *rd, struct word *ret)
{
    const uint8_t *start = rd->p + rd->at;
    size_t len = 0;
    uint8_t c = 0;
    while (kms_rd_u8(rd, &c) && c != ' ') {
        len++;
    }
    if (len == 0 || (c == ' ' && kms_rd_left(rd) == 0)) {
        return false;
    }
    *ret = (struct word){(const char *)start, len};
    return true;
}

static bool is_word(const struct word *word, const char *text)
{
    return word->len == strlen(text) && memcmp(word->text, text, word->len) == 0;
}

static bool read_number(struct kms_rd *rd, uint64_t min, uint64_t max, uint64_t *ret)
{
    struct word word;
    uint64_t value;
    if (!next_word(rd, &word) || !kms_text_u64_len(word.text, word.len, &value) || value < min ||
        value > max) {
        return false;
    }
    *ret = value;
    return true;
}

static bool read_time(struct kms_rd *rd, int64_t *ret)
{
    uint64_t value;
    if (!read_number(rd, 0, (uint64_t)KMS_MEMORY_TIME_MAX, &value)) {
        return false;
    }
    *ret = (int64_t)value;
    return true;
}

static bool read_u32(struct kms_rd *rd, uint32_t *ret)
{
    uint64_t value;
    if (!read_number(rd, 0, UINT32_MAX, &value)) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

/* 4, 5 or 6; 0 where none is allowed. */
static bool read_version(struct kms_rd *rd, bool none, uint16_t *ret)
{
    uint64_t value;
    if (!read_number(rd, 0, 6, &value) || (value < 4 && !(none && value == 0))) {
        return false;
    }
    *ret = (uint16_t)value;
    return true;
}

static bool read_hex(struct kms_rd *rd, uint32_t *ret)
{
    struct word word;
    return next_word(rd, &word) && word.len > 2 && memcmp(word.text, "0x", 2) == 0 &&
           kms_text_hex32(word.text, word.len, ret);
}

static bool read_guid(struct kms_rd *rd, struct kms_guid *ret)
{
    char text[KMS_GUID_TEXT];
    struct word word;
    if (!next_word(rd, &word) || word.len != sizeof text - 1) {
        return false;
    }
    memcpy(text, word.text, word.len);
    text[word.len] = '\0';
    return strlen(text) == word.len && kms_guid_parse(text, ret);
}

static bool read_epid(struct kms_rd *rd, bool none, char ret[KMS_EPID_MAX])
{
    struct word word;
    if (!next_word(rd, &word) || word.len >= KMS_EPID_MAX) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (word.text[i] <= ' ' || word.text[i] >= 0x7f) {
            return false;
        }
    }
    size_t len = none && is_word(&word, NO_VALUE) ? 0 : word.len;
    memcpy(ret, word.text, len);
    ret[len] = '\0';
    return true;
}

static bool read_hwid(struct kms_rd *rd, struct kms_answer *answer)
{
    struct word word;
    if (!next_word(rd, &word)) {
        return false;
    }
    if (is_word(&word, NO_VALUE)) {
        return true;
    }
    if (word.len != 2 * (size_t)KMS_HWID_SIZE) {
        return false;
    }
    for (size_t i = 0; i < KMS_HWID_SIZE; i++) {
        const char *digits = word.text + 2 * i;
        uint32_t value;
        /* "0x" is a prefix elsewhere, and no byte. */
        if (digits[1] == 'x' || digits[1] == 'X' || !kms_text_hex32(digits, 2, &value)) {
            return false;
        }
        answer->hwid[i] = (uint8_t)value;
    }
    answer->has_hwid = true;
    return true;
}

static bool read_outcome(struct kms_rd *rd, enum kms_outcome *ret)
{
    struct word word;
    size_t count;
    const struct kms_outcome_row *row = kms_outcome_rows(&count);
    if (!next_word(rd, &word)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_word(&word, row[i].token)) {
            *ret = row[i].number;
            return true;
        }
    }
    return false;
}

/* The rest of the line: exactly what cleaning leaves of it. */
static bool read_detail(struct kms_rd *rd, char *ret, size_t size)
{
    char clean[sizeof((struct kms_memory *)0)->detail];
    const uint8_t *text;
    size_t len = kms_rd_left(rd);
    if (len == 0 || len >= sizeof clean || !kms_rd_span(rd, len, &text)) {
        return false;
    }
    kms_text_clean(clean, sizeof clean, (const char *)text, len);
    if (strlen(clean) != len || memcmp(clean, text, len) != 0) {
        return false;
    }
    return kms_text_copy(ret, size, clean);
}

static bool read_answer(struct kms_rd *rd, struct kms_memory *memory)
{
    struct kms_answer answer = {.wall_s = 0};
    if (memory->answer_count == KMS_ANSWERS_MAX || !read_guid(rd, &answer.application) ||
        kms_memory_answer(memory, &answer.application) || !read_time(rd, &answer.wall_s) ||
        !read_version(rd, false, &answer.protocol) || !read_u32(rd, &answer.count) ||
        !read_u32(rd, &answer.activation_minutes) || !read_u32(rd, &answer.renewal_minutes) ||
        !read_hwid(rd, &answer) || !read_hex(rd, &answer.hints) ||
        !read_epid(rd, false, answer.epid)) {
        return false;
    }
    memory->answer[memory->answer_count++] = answer;
    return true;
}

/* Stands behind the answer that it belongs to. */
static bool read_changed(struct kms_rd *rd, struct kms_memory *memory)
{
    struct kms_guid application;
    if (memory->answer_count == 0 || !read_guid(rd, &application)) {
        return false;
    }
    struct kms_answer *answer = &memory->answer[memory->answer_count - 1];
    return kms_guid_equal(&answer->application, &application) && answer->epid_before[0] == '\0' &&
           read_time(rd, &answer->changed_s) && read_epid(rd, false, answer->epid_before);
}

/* Stands there too. */
static bool read_counted(struct kms_rd *rd, struct kms_memory *memory)
{
    struct kms_guid application;
    if (memory->answer_count == 0 || !read_guid(rd, &application)) {
        return false;
    }
    struct kms_answer *answer = &memory->answer[memory->answer_count - 1];
    return kms_guid_equal(&answer->application, &application) && answer->since_s == 0 &&
           read_time(rd, &answer->since_s) && answer->since_s != 0;
}

static bool read_refusal(struct kms_rd *rd, struct kms_memory *memory)
{
    struct kms_refusal refusal = {.wall_s = 0};
    if (memory->refusal_count == KMS_REFUSALS_MAX || !read_guid(rd, &refusal.counted) ||
        !read_time(rd, &refusal.wall_s) || !read_epid(rd, true, refusal.epid)) {
        return false;
    }
    memory->refusal[memory->refusal_count++] = refusal;
    return true;
}

enum key {
    KEY_ASKED,
    KEY_TRIED,
    KEY_PRODUCT,
    KEY_PROTOCOL,
    KEY_OUTCOME,
    KEY_HRESULT,
    KEY_CEILING,
    KEY_NEEDED, /* those above must be there */
    KEY_CEILING_SINCE = KEY_NEEDED,
    KEY_ASKED_UP,
    KEY_DETAIL,
    KEY_ONCE, /* those above are there at most once */
    KEY_ANSWER = KEY_ONCE,
    KEY_CHANGED,
    KEY_COUNTED,
    KEY_REFUSED,
    KEY_COUNT
};

static const char *const names[KEY_COUNT] = {
    [KEY_CEILING_SINCE] = "ceiling-since",
    [KEY_ASKED] = "asked",
    [KEY_TRIED] = "tried",
    [KEY_PRODUCT] = "product",
    [KEY_PROTOCOL] = "protocol",
    [KEY_OUTCOME] = "outcome",
    [KEY_HRESULT] = "hresult",
    [KEY_CEILING] = "ceiling",
    [KEY_ASKED_UP] = "asked-up",
    [KEY_DETAIL] = "detail",
    [KEY_ANSWER] = "answer",
    [KEY_CHANGED] = "changed",
    [KEY_COUNTED] = "counted",
    [KEY_REFUSED] = "refused",
};

static bool read_value(struct kms_rd *rd, enum key key, struct kms_memory *memory)
{
    switch (key) {
    case KEY_ASKED:
        return read_time(rd, &memory->asked_s);
    case KEY_TRIED:
        return read_time(rd, &memory->tried_s);
    case KEY_PRODUCT:
        return read_guid(rd, &memory->sku);
    case KEY_PROTOCOL:
        return read_version(rd, true, &memory->protocol);
    case KEY_OUTCOME:
        return read_outcome(rd, &memory->outcome);
    case KEY_HRESULT:
        return read_hex(rd, &memory->hresult);
    case KEY_CEILING:
        return read_version(rd, true, &memory->ceiling);
    case KEY_CEILING_SINCE:
        return read_time(rd, &memory->ceiling_s) && memory->ceiling_s != 0 &&
               read_epid(rd, true, memory->ceiling_epid);
    case KEY_ASKED_UP:
        return read_time(rd, &memory->asked_up_s) && memory->asked_up_s != 0;
    case KEY_DETAIL:
        return read_detail(rd, memory->detail, sizeof memory->detail);
    case KEY_ANSWER:
        return read_answer(rd, memory);
    case KEY_CHANGED:
        return read_changed(rd, memory);
    case KEY_COUNTED:
        return read_counted(rd, memory);
    case KEY_REFUSED:
        return read_refusal(rd, memory);
    case KEY_COUNT:
        break;
    }
    return false;
}

struct reader {
    struct kms_memory memory;
    unsigned seen; /* bits by enum key */
    size_t line;
    struct kms_fault *fault;
};

static enum kms_status wrong(const struct reader *reader, const char *what, const char *text,
                             size_t len)
{
    char shown[40];
    kms_text_clean(shown, sizeof shown, text, len);
    return kms_fault_set(reader->fault, KMS_ESYNTAX, reader->line, "line %zu: %s '%s'",
                         reader->line, what, shown);
}

static enum kms_status read_line(struct reader *reader, const char *line, size_t len)
{
    struct kms_rd rd = kms_rd_over(line, len);
    struct word word;
    if (!next_word(&rd, &word)) {
        return wrong(reader, "no key and value:", line, len);
    }
    enum key key = KEY_ASKED;
    while (key < KEY_COUNT && !is_word(&word, names[key])) {
        key++;
    }
    if (key == KEY_COUNT) {
        return wrong(reader, "unknown key", word.text, word.len);
    }
    unsigned bit = 1U << key;
    if (key < KEY_ONCE && (reader->seen & bit) != 0) {
        return wrong(reader, "once more", word.text, word.len);
    }
    reader->seen |= bit;
    if (!read_value(&rd, key, &reader->memory) || kms_rd_left(&rd) > 0) {
        return wrong(reader, "cannot be read:", line, len);
    }
    return KMS_OK;
}

static enum kms_status read_lines(struct reader *reader, struct kms_rd *rd)
{
    const char *line;
    size_t len;
    for (reader->line = 1; kms_rd_line(rd, &line, &len); reader->line++) {
        enum kms_status status = KMS_OK;
        if (reader->line > 1) {
            status = read_line(reader, line, len);
        } else if (!is_word(&(struct word){line, len}, FIRST_LINE)) {
            status = wrong(reader, "not '" FIRST_LINE "' but", line, len);
        }
        if (status != KMS_OK) {
            return status;
        }
    }
    for (enum key key = KEY_ASKED; key < KEY_NEEDED; key++) {
        if ((reader->seen & 1U << key) == 0) {
            return wrong(reader, "the end, without", names[key], strlen(names[key]));
        }
    }
    return KMS_OK;
}

enum kms_status kms_memory_read(const char *bytes, size_t len, struct kms_memory *ret,
                                struct kms_fault *fault)
{
    if (len > KMS_MEMORY_MAX) {
        return kms_fault_set(fault, KMS_ETOOBIG, 0, "more than %d bytes", KMS_MEMORY_MAX);
    }
    struct reader reader = {.fault = fault};
    struct kms_rd rd = kms_rd_over(bytes, len);
    enum kms_status status = read_lines(&reader, &rd);
    if (status == KMS_OK) {
        *ret = reader.memory;
    }
    return status;
}
