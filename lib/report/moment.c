/* A date and time as any Windows locale prints it, where the order of day and month leaves no
 * doubt. */
#include "report/moment.h"

#include "base/bytes.h"
#include "base/text.h"
#include "report/fold.h"

enum half { HALF_NONE, HALF_AM, HALF_PM };

struct parts {
    uint32_t number[6]; /* three of the date, three of the time */
    size_t digits[6];
    uint32_t separator; /* between the first two numbers */
    size_t count;
    enum half half;
};

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* Chinese, Japanese and Korean words for before and after noon differ in one character. */
static enum half half_of(uint32_t c, uint32_t before)
{
    if (c == 'm' && (before == 'a' || before == 'p')) {
        return before == 'a' ? HALF_AM : HALF_PM;
    }
    switch (c) {
    case 0x4E0A: /* shang */
    case 0x524D: /* zen */
    case 0xC804: /* jeon */
        return HALF_AM;
    case 0x4E0B: /* xia */
    case 0x5F8C: /* go */
    case 0xD6C4: /* hu */
        return HALF_PM;
    default:
        return HALF_NONE;
    }
}

static bool split(const char *text, size_t len, struct parts *ret)
{
    struct parts parts = {0};
    struct kms_rd rd = kms_rd_over(text, len);
    uint32_t c;
    uint32_t before = 0;
    bool in_number = false;
    while (kms_rd_utf8(&rd, &c)) {
        c = kms_fold_lower(c);
        if (is_digit(c)) {
            if (!in_number && parts.count == KMS_COUNT_OF(parts.number)) {
                return false;
            }
            size_t at = in_number ? parts.count - 1 : parts.count++;
            in_number = true;
            parts.number[at] = parts.number[at] * 10 + (c - '0');
            if (++parts.digits[at] > 4) {
                return false;
            }
            continue;
        }
        in_number = false;
        if (parts.count == 1 && parts.separator == 0) {
            parts.separator = c;
        }
        enum half half = half_of(c, before);
        parts.half = half != HALF_NONE ? half : parts.half;
        before = c == '.' || kms_fold_is_blank(c) ? before : c; /* "a. m." */
    }
    *ret = parts;
    return parts.count == 5 || parts.count == 6;
}

struct day {
    uint32_t year, month, day;
};

static enum kms_moment read_day(const struct parts *parts, bool is_english, struct day *ret)
{
    uint32_t a = parts->number[0];
    uint32_t b = parts->number[1];
    uint32_t c = parts->number[2];
    if (parts->digits[0] == 4) {
        *ret = (struct day){.year = a, .month = b, .day = c};
        return KMS_MOMENT_SURE;
    }
    bool dots = parts->separator == '.';
    if (parts->digits[2] != 4 && !(dots && parts->digits[2] == 2)) {
        return KMS_MOMENT_AMBIGUOUS;
    }
    uint32_t year = parts->digits[2] == 2 ? 2000 + c : c;
    struct day day_first = {.year = year, .month = b, .day = a};
    struct day month_first = {.year = year, .month = a, .day = b};
    if (dots || a > 12 || a == b) {
        *ret = day_first;
        return KMS_MOMENT_SURE;
    }
    if (b > 12 || (is_english && parts->half != HALF_NONE && parts->separator == '/')) {
        *ret = month_first;
        return KMS_MOMENT_SURE;
    }
    return KMS_MOMENT_AMBIGUOUS;
}

static bool read_clock(const struct parts *parts, int64_t *ret_seconds)
{
    uint32_t hour = parts->number[3];
    uint32_t minute = parts->number[4];
    uint32_t second = parts->count == 6 ? parts->number[5] : 0;
    if (parts->half != HALF_NONE) {
        if (hour > 12) {
            return false;
        }
        hour = hour % 12 + (parts->half == HALF_PM ? 12 : 0);
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *ret_seconds = (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return true;
}

enum kms_moment kms_moment_read(const char *text, size_t len, bool is_english, int64_t *ret)
{
    struct parts parts;
    struct day day;
    int64_t seconds;
    int64_t days;
    if (len > 100 || !split(text, len, &parts) || !read_clock(&parts, &seconds)) {
        return KMS_MOMENT_NONE;
    }
    enum kms_moment found = read_day(&parts, is_english, &day);
    if (found != KMS_MOMENT_SURE) {
        return found;
    }
    if (day.year < 2000 || day.year > 2100 ||
        !kms_date_days((int64_t)day.year, day.month, day.day, &days)) {
        return KMS_MOMENT_NONE;
    }
    *ret = days * 86400 + seconds;
    return KMS_MOMENT_SURE;
}
