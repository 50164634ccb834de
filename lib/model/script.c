/* The cursor over lines of words, numbers and texts in quotes. */
#include "model/script.h"

#include <string.h>

#include "base/text.h"

/* What kms_text_clean leaves as it is. */
static bool printable(uint32_t c)
{
    return c >= 0x20 && !(c >= 0x7F && c < 0xA0) && c != '|' && c != 0xFFFD &&
           !(c >= 0x2028 && c <= 0x202E) && !(c >= 0x2066 && c <= 0x2069);
}

enum kms_status kms_script_write_text(struct kms_buf *buf, const char *text)
{
    struct kms_rd rd = kms_rd_over(text, strlen(text));
    size_t before = rd.at;
    enum kms_status status = kms_buf_add(buf, "\"", 1);
    uint32_t c;

    for (; status == KMS_OK && kms_rd_utf8(&rd, &c); before = rd.at) {
        if (c == '\t' || c == '\n' || c == '\r') {
            status = kms_buf_add(buf, " ", 1);
        } else if (!printable(c)) {
            status = kms_buf_add(buf, "?", 1);
        } else if (c == '"' || c == '\\') {
            status = kms_buf_addf(buf, "\\%c", (int)c);
        } else {
            status = kms_buf_add(buf, text + before, rd.at - before);
        }
    }
    return status == KMS_OK ? kms_buf_add(buf, "\"", 1) : status;
}

void kms_script_init(struct kms_script *script, const char *text, size_t len,
                     struct kms_fault *fault)
{
    *script = (struct kms_script){.rd = kms_rd_over(text, len), .fault = fault};
    kms_buf_init(&script->text, len + 1);
}

void kms_script_done(struct kms_script *script)
{
    kms_buf_done(&script->text);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

enum kms_status kms_script_wrong(struct kms_script *script, const char *what, const char *word)
{
    char clean[KMS_SCRIPT_WORD_MAX];

    kms_text_clean(clean, sizeof clean, word, strlen(word));
    return kms_fault_set(script->fault, KMS_EINVAL, script->number, "%s%s%s%s", what,
                         *word ? " '" : "", clean, *word ? "'" : "");
}

enum kms_status kms_script_no_memory(struct kms_script *script)
{
    return kms_fault_set(script->fault, KMS_ENOMEM, script->number, "out of memory");
}

bool kms_script_next(struct kms_script *script)
{
    const char *line;
    size_t len;

    for (;;) {
        script->start = script->rd.at;
        if (!kms_rd_line(&script->rd, &line, &len)) {
            script->line = kms_rd_over("", 0);
            return false;
        }
        script->number++;
        while (len > 0 && is_blank(line[0])) {
            line++;
            len--;
        }
        while (len > 0 && is_blank(line[len - 1])) {
            len--;
        }
        if (len > 0 && line[0] != '#') {
            script->line = kms_rd_over(line, len);
            return true;
        }
    }
}

bool kms_script_at_end(const struct kms_script *script)
{
    return kms_rd_left(&script->line) == 0;
}

static void skip_blanks(struct kms_script *script)
{
    while (kms_rd_match(&script->line, " ", 1) || kms_rd_match(&script->line, "\t", 1)) {
    }
}

void kms_script_word(struct kms_script *script, char word[KMS_SCRIPT_WORD_MAX])
{
    size_t len = 0;
    uint8_t byte;

    word[0] = '\0';
    while (kms_rd_u8(&script->line, &byte) && !is_blank((char)byte)) {
        if (len + 1 < KMS_SCRIPT_WORD_MAX) {
            word[len] = (char)byte;
        }
        len++;
    }
    word[len < KMS_SCRIPT_WORD_MAX ? len : 0] = '\0';
    if (memchr(word, '\0', KMS_SCRIPT_WORD_MAX) != word + len) {
        word[0] = '\0'; /* a zero byte within */
    }
    skip_blanks(script);
}

enum kms_status kms_script_text(struct kms_script *script)
{
    struct kms_rd *line = &script->line;
    size_t before;
    uint32_t c = 0;

    kms_buf_clear(&script->text);
    if (!kms_rd_match(line, "\"", 1)) {
        return kms_script_wrong(script, "a text in quotes is expected", "");
    }
    for (before = line->at; kms_rd_utf8(line, &c) && c != '"'; before = line->at) {
        if (c == '\\') {
            before = line->at;
            if (!kms_rd_utf8(line, &c) || (c != '"' && c != '\\')) {
                return kms_script_wrong(script, "only \\\" and \\\\ may follow a backslash", "");
            }
        }
        if (!printable(c)) {
            return kms_script_wrong(script, "a text holds a character that cannot be printed", "");
        }
        if (kms_buf_add(&script->text, line->p + before, line->at - before) != KMS_OK) {
            return kms_script_no_memory(script);
        }
        c = 0;
    }
    if (c != '"') {
        return kms_script_wrong(script, "a text has no closing quote", "");
    }
    skip_blanks(script);
    return KMS_OK;
}

enum kms_status kms_script_number(struct kms_script *script, int64_t min, int64_t max, int64_t *ret)
{
    char word[KMS_SCRIPT_WORD_MAX];
    int64_t number;

    kms_script_word(script, word);
    if (!kms_text_i64(word, &number) || number < min || number > max) {
        return kms_script_wrong(script, "not a number that may stand here:", word);
    }
    *ret = number;
    return KMS_OK;
}
