/* Typed access to the named values of one instance. */
#include "wsman/row.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define NO_VALUE     UINT32_MAX /* what the licensing classes write for -1 */
#define NO_YEAR      1601       /* where FILETIME begins: a time that was never set... */
#define NO_YEAR_WEST 1600       /* ...as it reads west of Greenwich */

void kms_wsman_row_done(struct kms_wsman_row *row)
{
    for (size_t i = 0; i < row->count; i++) {
        free(row->cell[i].name);
        free(row->cell[i].text);
    }
    free(row->cell);
    free(row->class_name);
    *row = (struct kms_wsman_row){0};
}

enum kms_status kms_wsman_row_add(struct kms_wsman_row *row, const char *name, const char *text)
{
    if (row->count == row->cap) {
        size_t cap = row->cap > 0 ? row->cap * 2 : 16;
        struct kms_wsman_cell *cell = realloc(row->cell, cap * sizeof *cell);
        if (!cell) {
            return KMS_ENOMEM;
        }
        row->cell = cell;
        row->cap = cap;
    }
    struct kms_wsman_cell cell = {kms_text_dup(name), kms_text_dup(text)};
    if (!cell.name || (text && !cell.text)) {
        free(cell.name);
        free(cell.text);
        return KMS_ENOMEM;
    }
    row->cell[row->count++] = cell;
    return KMS_OK;
}

const char *kms_wsman_row_text(const struct kms_wsman_row *row, const char *name)
{
    for (size_t i = 0; i < row->count; i++) {
        if (kms_text_equal_nocase(row->cell[i].name, name)) {
            return row->cell[i].text;
        }
    }
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct span {
    const char *p;
    size_t len;
};

/* The value without the blanks around it; p is NULL when there is none. */
static struct span value_of(const struct kms_wsman_row *row, const char *name)
{
    struct span span = {kms_wsman_row_text(row, name), 0};
    if (!span.p) {
        return span;
    }
    while (is_blank(*span.p)) {
        span.p++;
    }
    span.len = strlen(span.p);
    while (span.len > 0 && is_blank(span.p[span.len - 1])) {
        span.len--;
    }
    return span;
}

static bool is_malformed(bool *malformed)
{
    if (malformed) {
        *malformed = true;
    }
    return false;
}

bool kms_wsman_row_uint32(const struct kms_wsman_row *row, const char *name, uint32_t *ret,
                          bool *malformed)
{
    struct span span = value_of(row, name);
    if (!span.p) {
        return false;
    }
    uint64_t value;
    if (!kms_text_u64_len(span.p, span.len, &value) || value > UINT32_MAX) {
        return is_malformed(malformed);
    }
    if (value == NO_VALUE) {
        return false;
    }
    *ret = (uint32_t)value;
    return true;
}

static bool is_word(struct span span, const char *word)
{
    if (span.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < span.len; i++) {
        if (kms_text_lower(span.p[i]) != word[i]) {
            return false;
        }
    }
    return true;
}

bool kms_wsman_row_bool(const struct kms_wsman_row *row, const char *name, bool *ret,
                        bool *malformed)
{
    struct span span = value_of(row, name);
    if (!span.p) {
        return false;
    }
    bool is_true = is_word(span, "true") || is_word(span, "1");
    if (!is_true && !is_word(span, "false") && !is_word(span, "0")) {
        return is_malformed(malformed);
    }
    *ret = is_true;
    return true;
}

/* Takes exactly count digits from the front. */
static bool take_digits(struct span *span, size_t count, unsigned *ret)
{
    if (span->len < count) {
        return false;
    }
    unsigned value = 0;
    for (size_t i = 0; i < count; i++) {
        char c = span->p[i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(c - '0');
    }
    span->p += count;
    span->len -= count;
    *ret = value;
    return true;
}

static bool take_char(struct span *span, char c)
{
    if (span->len == 0 || *span->p != c) {
        return false;
    }
    span->p++;
    span->len--;
    return true;
}

#define FRACTION_MAX 9 /* digits: nanoseconds */

static bool take_fraction(struct span *span)
{
    if (!take_char(span, '.')) {
        return true;
    }
    size_t count = 0;
    unsigned digit;
    while (count < FRACTION_MAX && take_digits(span, 1, &digit)) {
        count++;
    }
    return count > 0;
}

/* "Z", "+hh:mm", "-hh:mm" or nothing, to the end of the text. */
static bool take_offset(struct span *span, int64_t *ret_s)
{
    *ret_s = 0;
    if (span->len == 0 || (span->len == 1 && take_char(span, 'Z'))) {
        return true;
    }
    bool is_west = take_char(span, '-');
    unsigned hour;
    unsigned minute;
    if ((!is_west && !take_char(span, '+')) || !take_digits(span, 2, &hour) ||
        !take_char(span, ':') || !take_digits(span, 2, &minute) || span->len > 0 || hour > 14 ||
        minute > 59) {
        return false;
    }
    int64_t seconds = (int64_t)hour * 3600 + (int64_t)minute * 60;
    *ret_s = is_west ? -seconds : seconds;
    return true;
}

bool kms_wsman_row_time(const struct kms_wsman_row *row, const char *name, int64_t *ret_s,
                        bool *malformed)
{
    struct span span = value_of(row, name);
    if (!span.p) {
        return false;
    }
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;
    int64_t days;
    int64_t offset;
    bool is_date = take_digits(&span, 4, &year) && take_char(&span, '-') &&
                   take_digits(&span, 2, &month) && take_char(&span, '-') &&
                   take_digits(&span, 2, &day) && take_char(&span, 'T');
    if (!is_date || !take_digits(&span, 2, &hour) || !take_char(&span, ':') ||
        !take_digits(&span, 2, &minute) || !take_char(&span, ':') ||
        !take_digits(&span, 2, &second) || !take_fraction(&span) || !take_offset(&span, &offset) ||
        hour > 23 || minute > 59 || second > 59 ||
        !kms_date_days(year == NO_YEAR_WEST ? NO_YEAR : year, month, day, &days)) {
        return is_malformed(malformed);
    }
    int64_t time = days * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60 + (int64_t)second -
                   offset;
    if (year <= NO_YEAR) {
        return false;
    }
    *ret_s = time;
    return true;
}
