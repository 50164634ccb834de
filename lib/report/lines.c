/* A report's logical lines: what a console broke at its last column is joined again, and each has
 * its kind. */
#include "report/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/fold.h"

/* A console has 80 columns; published copies lose an indent of up to four. */
#define WRAP_WIDTH 80
#define WRAP_LEAST 76
/* What goes on begins in the first column, or with the one blank at which it was broken. */
#define INDENT_LEAST   2
#define COUNTER_DIGITS 10
/* No line of slmgr is longer, however often it was broken. */
#define JOINED_MAX 2048
/* Carriage returns that belong to one line end. */
#define RETURNS_MAX 4

void kms_lines_done(struct kms_lines *lines)
{
    free(lines->line);
    kms_buf_done(&lines->text);
    *lines = (struct kms_lines){0};
}

const char *kms_line_text(const struct kms_lines *lines, const struct kms_line *line)
{
    return kms_buf_str(&lines->text) + line->at;
}

static size_t trimmed_end(const char *text, size_t len)
{
    struct kms_rd rd = kms_rd_over(text, len);
    size_t end = 0;
    uint32_t c;
    while (kms_rd_utf8(&rd, &c)) {
        if (!kms_fold_is_blank(c) && c != 0x1A) {
            end = rd.at;
        }
    }
    return end;
}

static size_t trimmed_start(const char *text, size_t len)
{
    struct kms_rd rd = kms_rd_over(text, len);
    size_t start = 0;
    uint32_t c;
    while (kms_rd_utf8(&rd, &c) && kms_fold_is_blank(c)) {
        start = rd.at;
    }
    return start;
}

const char *kms_line_value(const struct kms_lines *lines, const struct kms_line *line,
                           size_t *ret_len)
{
    *ret_len = line->len - line->value;
    return kms_line_text(lines, line) + line->value;
}

bool kms_line_code(const struct kms_lines *lines, const struct kms_line *line, uint32_t *ret)
{
    const char *text = kms_line_text(lines, line);
    for (size_t i = 0; i + 10 <= line->len; i++) {
        if (text[i] == '0' && (text[i + 1] == 'x' || text[i + 1] == 'X') &&
            kms_text_hex32(text + i + 2, 8, ret)) {
            return true;
        }
    }
    return false;
}

/* ASCII or full width; the byte behind it is in ret_end, 0 when there is none. */
static void find_colon(const char *text, size_t len, size_t *ret_at, size_t *ret_end)
{
    struct kms_rd rd = kms_rd_over(text, len);
    uint32_t c;
    *ret_at = len;
    *ret_end = 0;
    while (*ret_end == 0) {
        size_t before = rd.at;
        if (!kms_rd_utf8(&rd, &c)) {
            return;
        }
        if (c == ':' || c == 0xFF1A) {
            *ret_at = before;
            *ret_end = rd.at;
        }
    }
}

static bool has_colon(const char *text, size_t len)
{
    size_t at;
    size_t end;
    find_colon(text, len, &at, &end);
    return end > 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void read_number(const char *value, size_t len, struct kms_line *line)
{
    uint64_t number;
    if (len == 2 && memcmp(value, "-1", 2) == 0) {
        line->is_number = true;
        line->is_none = true;
    } else if (kms_text_u64_len(value, len, &number) && number <= UINT32_MAX) {
        line->is_number = true;
        line->is_none = number == UINT32_MAX;
        line->number_value = (uint32_t)number;
    }
}

static void classify(const struct kms_label_book *book, const char *text, struct kms_line *line)
{
    size_t at;
    size_t end;
    find_colon(text, line->len, &at, &end);
    line->has_colon = end > 0;
    line->label_len = at;
    line->value = end > 0 ? end + trimmed_start(text + end, line->len - end) : line->len;
    struct kms_label_hit hit;
    if (kms_label_find(book, text, line->len, &hit)) {
        line->kind = hit.kind;
        line->langs = hit.langs;
        line->value = hit.value;
    }
    read_number(text + line->value, line->len - line->value, line);
}

static enum kms_status push(struct kms_lines *lines, struct kms_line line)
{
    if (lines->count == KMS_LINES_MAX) {
        return KMS_ETOOBIG;
    }
    if (lines->count == lines->cap) {
        size_t cap = lines->cap == 0 ? 64 : lines->cap * 2;
        struct kms_line *grown = realloc(lines->line, cap * sizeof(*grown));
        if (!grown) {
            return KMS_ENOMEM;
        }
        lines->line = grown;
        lines->cap = cap;
    }
    lines->line[lines->count++] = line;
    return KMS_OK;
}

struct joiner {
    const struct kms_label_book *book;
    struct kms_lines *lines;
    struct kms_buf current; /* the line being put together */
    size_t number;
    size_t physical;
    size_t last_width; /* of the last physical line in it; 0: nothing there */
    bool gap;
};

static enum kms_status finish(struct joiner *j)
{
    if (j->last_width == 0) {
        return KMS_OK;
    }
    const char *text = kms_buf_str(&j->current);
    size_t start = trimmed_start(text, j->current.len);
    size_t end = trimmed_end(text, j->current.len);
    struct kms_line line = {
        .at = j->lines->text.len, .len = end - start, .number = j->number, .gap_before = j->gap};
    classify(j->book, text + start, &line);
    j->last_width = 0;
    j->gap = false;
    enum kms_status status = kms_buf_add(&j->lines->text, text + start, line.len);
    if (status == KMS_OK) {
        status = kms_buf_add(&j->lines->text, "\n", 1);
    }
    kms_buf_clear(&j->current);
    return status == KMS_OK ? push(j->lines, line) : status;
}

/* A blank that stood in the last column may have been cut off with the trailing blanks. */
static enum kms_status append(struct joiner *j, const char *text, size_t len)
{
    enum kms_status status = KMS_OK;
    if (j->last_width == WRAP_WIDTH - 1) {
        status = kms_buf_add(&j->current, " ", 1);
    }
    return status == KMS_OK ? kms_buf_add(&j->current, text, len) : status;
}

/* The break fell between a label and its colon; a closing quote may stand before it. */
static bool begins_with_colon(const char *text, size_t len)
{
    struct kms_folded folded;
    kms_fold(text, len, &folded);
    return folded.count > 0 && folded.c[0] == ':';
}

/* "label: 20"; longer rows of digits are ids, which may be broken. */
static bool ends_in_counter(const char *text, size_t len)
{
    size_t digits = 0;
    while (digits < len && digits <= COUNTER_DIGITS && is_digit(text[len - 1 - digits])) {
        digits++;
    }
    size_t colon = trimmed_end(text, len - digits);
    return digits > 0 && digits <= COUNTER_DIGITS && colon > 0 && text[colon - 1] == ':';
}

/* A line that is wide and yet complete: it ends in its number, and what follows is none; or what
 * follows is the beginning of a label that goes on in the line after it. */
static bool begins_anew(const struct joiner *j, const char *text, size_t len, size_t old_len)
{
    const char *current = kms_buf_str(&j->current);
    size_t end = trimmed_end(current, old_len);
    size_t start = trimmed_start(text, len);
    bool number = start < len && is_digit(text[start]);
    bool broken_itself = kms_fold_width(text, len) >= WRAP_LEAST;
    return (ends_in_counter(current, end) && !number) || start >= INDENT_LEAST ||
           (broken_itself && kms_label_is_cut(j->book, text, len));
}

/* Would the line go on in this one? A label that only the two together make settles it; a line that
 * begins with a label of its own stands alone; without a colon it is a tail. */
static enum kms_status try_join(struct joiner *j, const char *text, size_t len, bool *ret_joined)
{
    *ret_joined = false;
    if (j->last_width < WRAP_LEAST || j->current.len > JOINED_MAX || len > JOINED_MAX) {
        return KMS_OK;
    }
    struct kms_label_hit before = {0};
    struct kms_label_hit after = {0};
    struct kms_label_hit alone;
    const char *current = kms_buf_str(&j->current);
    bool was_known = kms_label_find(j->book, current, j->current.len, &before);
    bool was_labelled = was_known || has_colon(current, j->current.len);
    bool is_known = kms_label_find(j->book, text, len, &alone);
    size_t old_len = j->current.len;
    enum kms_status status = append(j, text, len);
    if (status != KMS_OK) {
        return status;
    }
    current = kms_buf_str(&j->current);
    bool becomes_known = kms_label_find(j->book, current, j->current.len, &after);
    bool makes_label = becomes_known && after.length > before.length;
    bool tail = (!has_colon(text, len) && !begins_anew(j, text, len, old_len)) ||
                (!was_labelled && j->last_width >= WRAP_WIDTH - 1);
    *ret_joined = makes_label || (!is_known && tail) || begins_with_colon(text, len);
    if (!*ret_joined) {
        j->current.len = old_len;
        j->current.data[old_len] = '\0';
    }
    return KMS_OK;
}

static enum kms_status take(struct joiner *j, const char *text, size_t len)
{
    j->physical++;
    if (trimmed_end(text, len) == 0) {
        enum kms_status status = finish(j);
        j->gap = true;
        return status;
    }
    if (j->last_width > 0) {
        bool joined;
        enum kms_status status = try_join(j, text, len, &joined);
        if (status == KMS_OK && joined) {
            j->last_width = kms_fold_width(text, len);
            return KMS_OK;
        }
        status = status == KMS_OK ? finish(j) : status;
        if (status != KMS_OK) {
            return status;
        }
    }
    j->number = j->physical;
    j->last_width = kms_fold_width(text, len);
    return kms_buf_add(&j->current, text, len);
}

/* Several carriage returns before a line feed are one line end: copies through text mode add them.
 */
static bool next_line(struct kms_rd *rd, const char **ret_text, size_t *ret_len)
{
    if (!kms_rd_line(rd, ret_text, ret_len)) {
        return false;
    }
    size_t end = (size_t)(*ret_text - (const char *)rd->p) + *ret_len;
    if (end < rd->at && rd->p[end] == '\r' && rd->p[rd->at - 1] == '\r') {
        struct kms_rd ahead = *rd;
        for (int i = 0; i < RETURNS_MAX && kms_rd_match(&ahead, "\r", 1); i++) {
        }
        if (kms_rd_match(&ahead, "\n", 1)) {
            *rd = ahead;
        }
    }
    return true;
}

enum kms_status kms_lines_read(const struct kms_label_book *book, const char *text, size_t len,
                               struct kms_lines *ret)
{
    struct kms_lines lines = {0};
    kms_buf_init(&lines.text, len * 2 + 16);
    struct joiner j = {.book = book, .lines = &lines};
    kms_buf_init(&j.current, len * 2 + 16);
    struct kms_rd rd = kms_rd_over(text, len);
    const char *line;
    size_t line_len;
    enum kms_status status = KMS_OK;
    while (status == KMS_OK && next_line(&rd, &line, &line_len)) {
        status = take(&j, line, line_len);
    }
    if (status == KMS_OK) {
        status = finish(&j);
    }
    lines.ended = len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r');
    kms_buf_done(&j.current);
    if (status != KMS_OK) {
        kms_lines_done(&lines);
        return status;
    }
    *ret = lines;
    return KMS_OK;
}
