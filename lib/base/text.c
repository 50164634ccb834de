/* Numbers, durations and dates between text and values, without the locale. */
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* A cut may fall inside a character: step back to where it began. */
static void trim_partial_utf8(char *dst)
{
    size_t len = strlen(dst);
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)dst[start - 1] & 0xC0U) == 0x80U) {
        start--;
    }
    if (start == 0 || (unsigned char)dst[start - 1] < 0xC0U) {
        return;
    }
    unsigned char lead = (unsigned char)dst[start - 1];
    size_t need = lead >= 0xF0U ? 4 : lead >= 0xE0U ? 3 : 2;
    if (len - (start - 1) < need) {
        dst[start - 1] = '\0';
    }
}

bool kms_text_vformat(char *dst, size_t size, const char *format, va_list args)
{
    int wanted = vsnprintf(dst, size, format, args);
    if (wanted < 0) {
        dst[0] = '\0';
        return false;
    }
    if ((size_t)wanted < size) {
        return true;
    }
    trim_partial_utf8(dst);
    return false;
}

bool kms_text_format(char *dst, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool whole = kms_text_vformat(dst, size, format, args);
    va_end(args);
    return whole;
}

bool kms_text_append(char *dst, size_t size, const char *format, ...)
{
    size_t len = strnlen(dst, size);
    if (len + 1 >= size) {
        return false;
    }
    va_list args;
    va_start(args, format);
    bool whole = kms_text_vformat(dst + len, size - len, format, args);
    va_end(args);
    return whole;
}

bool kms_text_copy(char *dst, size_t size, const char *src)
{
    return kms_text_format(dst, size, "%s", src);
}

void kms_text_clean(char *dst, size_t size, const char *src, size_t len)
{
    struct kms_rd rd = kms_rd_over(src, len);
    size_t at = 0;
    bool blank = true; /* leading blanks are dropped too */
    for (;;) {
        size_t before = rd.at;
        uint32_t c;
        if (!kms_rd_utf8(&rd, &c)) {
            break;
        }
        bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0;
        if (is_blank && blank) {
            continue;
        }
        blank = is_blank;
        /* C1 controls and U+2028..U+202E would let a host name forge or reorder a line on a
         * terminal. */
        bool bad = c < 0x20 || c == 0x7F || (c >= 0x80 && c < 0xA0) || c == '|' || c == 0xFFFD ||
                   (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
        size_t width = is_blank || bad ? 1 : rd.at - before;
        if (at + width + 1 > size) {
            break;
        }
        if (is_blank) {
            dst[at] = ' ';
        } else if (bad) {
            dst[at] = '?';
        } else {
            memcpy(dst + at, src + before, width);
        }
        at += width;
    }
    if (at > 0 && dst[at - 1] == ' ') {
        at--;
    }
    dst[at] = '\0';
}

bool kms_text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

char kms_text_lower(char c)
{
    if (c < 'A' || c > 'Z') {
        return c;
    }
    return (char)(c - 'A' + 'a');
}

bool kms_text_equal_nocase(const char *a, const char *b)
{
    if (!a || !b) {
        return a == b;
    }
    while (*a && kms_text_lower(*a) == kms_text_lower(*b)) {
        a++;
        b++;
    }
    return kms_text_lower(*a) == kms_text_lower(*b);
}

bool kms_text_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

char *kms_text_dup_len(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy) {
        return NULL;
    }
    if (len > 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    return copy;
}

char *kms_text_dup(const char *text)
{
    return text ? kms_text_dup_len(text, strlen(text)) : NULL;
}

bool kms_text_u64_len(const char *text, size_t len, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (len == 0) {
        return false;
    }
    *ret = value;
    return true;
}

bool kms_text_u64(const char *text, uint64_t *ret)
{
    return kms_text_u64_len(text, strlen(text), ret);
}

bool kms_text_i64(const char *text, int64_t *ret)
{
    bool negative = text[0] == '-';
    uint64_t value;
    if (!kms_text_u64(text + (negative ? 1 : 0), &value)) {
        return false;
    }
    if (value > (uint64_t)INT64_MAX) {
        return false;
    }
    *ret = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool kms_text_hex32(const char *text, size_t len, uint32_t *ret)
{
    if (len >= 2 && text[0] == '0' && kms_text_lower(text[1]) == 'x') {
        text += 2;
        len -= 2;
    }
    if (len == 0 || len > 8) {
        return false;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++) {
        char c = kms_text_lower(text[i]);
        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value << 4 | (uint32_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    *ret = value;
    return true;
}

static bool take_digits(const char **at, double *value, double *scale)
{
    bool any = false;
    while (**at >= '0' && **at <= '9') {
        *value = *value * 10.0 + (double)(**at - '0');
        *scale *= 10.0;
        any = true;
        (*at)++;
    }
    return any;
}

bool kms_text_double(const char *text, double *ret)
{
    const char *at = text;
    bool negative = *at == '-';
    if (negative || *at == '+') {
        at++;
    }
    double value = 0.0;
    double scale = 1.0;
    bool any = take_digits(&at, &value, &scale);
    if (*at == '.') {
        at++;
        scale = 1.0;
        any = take_digits(&at, &value, &scale) || any;
        value /= scale;
    }
    if (any && (*at == 'e' || *at == 'E')) {
        int64_t exponent;
        if (!kms_text_i64(at[1] == '+' ? at + 2 : at + 1, &exponent) || exponent > 18 ||
            exponent < -18) {
            return false;
        }
        for (; exponent > 0; exponent--) {
            value *= 10.0;
        }
        for (; exponent < 0; exponent++) {
            value /= 10.0;
        }
        at += strlen(at);
    }
    if (!any || *at || value > 1e18) {
        return false;
    }
    *ret = negative ? -value : value;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"w", INT64_C(604800000)}, {"d", INT64_C(86400000)}, {"h", INT64_C(3600000)},
    {"m", INT64_C(60000)},     {"s", INT64_C(1000)},     {"ms", INT64_C(1)},
};

/* Digits followed by one of the units; a bare number takes the factor given for it. */
static bool number_with_unit(const char *text, const struct unit *units, size_t unit_count,
                             int64_t bare_factor, int64_t max, int64_t *ret)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number;
    if (!kms_text_u64_len(text, digits, &number)) {
        return false;
    }
    int64_t factor = text[digits] ? 0 : bare_factor;
    for (size_t i = 0; i < unit_count; i++) {
        if (strcmp(text + digits, units[i].name) == 0) {
            factor = units[i].factor;
        }
    }
    if (factor == 0 || number > (uint64_t)(max / factor)) {
        return false;
    }
    *ret = (int64_t)number * factor;
    return true;
}

bool kms_text_duration_ms(const char *text, int64_t *ret_ms)
{
    const int64_t ten_years = INT64_C(3653) * 86400000;
    return number_with_unit(text, duration_units, KMS_COUNT_OF(duration_units), 1000, ten_years,
                            ret_ms);
}

void kms_text_duration(char *dst, size_t size, int64_t ms)
{
    for (size_t i = 0; i < KMS_COUNT_OF(duration_units); i++) {
        if (ms > 0 && ms % duration_units[i].factor == 0) {
            kms_text_format(dst, size, "%lld%s", (long long)(ms / duration_units[i].factor),
                            duration_units[i].name);
            return;
        }
    }
    kms_text_format(dst, size, "%llds", (long long)(ms / 1000));
}

void kms_text_age(char *dst, size_t size, int64_t seconds)
{
    int64_t s = seconds < 0 ? 0 : seconds;
    if (s < 120) {
        kms_text_format(dst, size, "%lld s", (long long)s);
    } else if (s < 7200) {
        kms_text_format(dst, size, "%lld min", (long long)(s / 60));
    } else if (s < 172800) {
        kms_text_format(dst, size, "%lld h", (long long)(s / 3600));
    } else if (s < INT64_C(86400) * 730) {
        kms_text_format(dst, size, "%lld days", (long long)(s / 86400));
    } else {
        kms_text_format(dst, size, "%lld years", (long long)(s / (INT64_C(86400) * 365)));
    }
}

void kms_text_span(char *dst, size_t size, int64_t ms)
{
    if (ms < 1000) {
        kms_text_format(dst, size, "%lld ms", (long long)(ms < 0 ? 0 : ms));
    } else if (ms < 10000) {
        kms_text_format(dst, size, "%lld.%lld s", (long long)(ms / 1000),
                        (long long)(ms / 100 % 10));
    } else {
        kms_text_age(dst, size, ms / 1000);
    }
}

const char *kms_text_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

bool kms_text_bytes(const char *text, uint64_t *ret)
{
    static const struct unit units[] = {
        {"K", INT64_C(1) << 10}, {"M", INT64_C(1) << 20}, {"G", INT64_C(1) << 30}};
    int64_t bytes;
    if (!number_with_unit(text, units, KMS_COUNT_OF(units), 1, INT64_C(1) << 40, &bytes)) {
        return false;
    }
    *ret = (uint64_t)bytes;
    return true;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned month_days(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

bool kms_date_days(int64_t year, unsigned month, unsigned day, int64_t *ret_days)
{
    if (year < 1601 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month)) {
        return false;
    }
    int64_t before = year - 1;
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400;
    for (unsigned m = 1; m < month; m++) {
        days += month_days(year, m);
    }
    const int64_t days_to_1970 = 719162;
    *ret_days = days + day - 1 - days_to_1970;
    return true;
}

struct kms_date kms_date_of(int64_t wall_s)
{
    int64_t days = wall_s / 86400;
    int64_t rest = wall_s % 86400;
    if (rest < 0) {
        rest += 86400;
        days--;
    }
    /* Counting years from 1 March makes the leap day the last day of the year. */
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    struct kms_date date = {
        .day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1),
        .month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9),
        .hour = (unsigned)(rest / 3600),
        .minute = (unsigned)(rest / 60 % 60),
        .second = (unsigned)(rest % 60),
    };
    date.year = year_of_era + era * 400 + (date.month <= 2 ? 1 : 0);
    return date;
}

void kms_date_text(char *dst, size_t size, int64_t wall_s)
{
    struct kms_date d = kms_date_of(wall_s);
    kms_text_format(dst, size, "%04lld-%02u-%02u %02u:%02u:%02u", (long long)d.year, d.month, d.day,
                    d.hour, d.minute, d.second);
}
