/* Reads, evaluates and prints alert ranges. */
#include "range.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

static bool read_number(const char *text, size_t len, double *ret)
{
    char part[64];
    double value;

    if (len == 0 || len >= sizeof(part)) {
        return false;
    }
    memcpy(part, text, len);
    part[len] = '\0';
    if (!kms_text_double(part, &value) || !isfinite(value)) {
        return false;
    }
    *ret = value;
    return true;
}

enum kms_range_error kms_range_parse(const char *text, struct kms_range *ret)
{
    struct kms_range range = {.given = true, .start = 0, .end = INFINITY};
    const char *colon;

    if (*text == '@') {
        range.inside = true;
        text++;
    }
    if (*text == '\0') {
        return KMS_RANGE_EMPTY;
    }
    colon = strchr(text, ':');
    if (colon != NULL && strchr(colon + 1, ':') != NULL) {
        return KMS_RANGE_COLON;
    }
    if (strchr(text + 1, '~') != NULL || (*text == '~' && colon != text + 1)) {
        return KMS_RANGE_TILDE;
    }
    if (colon == NULL) {
        if (!read_number(text, strlen(text), &range.end)) {
            return KMS_RANGE_END;
        }
    } else {
        if (*text == '~') {
            range.start = -INFINITY;
        } else if (!read_number(text, (size_t)(colon - text), &range.start)) {
            return KMS_RANGE_START;
        }
        if (colon[1] != '\0' && !read_number(colon + 1, strlen(colon + 1), &range.end)) {
            return KMS_RANGE_END;
        }
    }
    if (range.start > range.end) {
        return KMS_RANGE_ORDER;
    }
    *ret = range;
    return KMS_RANGE_OK;
}

const char *kms_range_error_text(enum kms_range_error error)
{
    switch (error) {
    case KMS_RANGE_OK:
        return "";
    case KMS_RANGE_EMPTY:
        return "is empty; write a range such as 25: or 0:10";
    case KMS_RANGE_START:
        return "has no number before ':'; write a number, or ~ for no lower limit";
    case KMS_RANGE_END:
        return "has no number as its end; write a range such as 25: or 0:10";
    case KMS_RANGE_TILDE:
        return "has a '~' in the wrong place; it stands for no lower limit, as in ~:10";
    case KMS_RANGE_COLON:
        return "has more than one ':'; write start:end";
    case KMS_RANGE_ORDER:
        return "starts above its end; write the smaller number first (a bare N means 0:N)";
    }
    return "is not a range";
}

struct kms_range kms_range_at_least(double low)
{
    return (struct kms_range){.given = true, .start = low, .end = INFINITY};
}

struct kms_range kms_range_at_most(double high)
{
    return (struct kms_range){.given = true, .start = 0, .end = high};
}

bool kms_range_alerts(const struct kms_range *range, double value)
{
    bool within;

    if (!range->given) {
        return false;
    }
    within = value >= range->start && value <= range->end;
    return within == range->inside;
}

void kms_range_print(const struct kms_range *range, char *dst, size_t size)
{
    char number[64];

    dst[0] = '\0';
    if (!range->given) {
        return;
    }
    kms_text_append(dst, size, "%s", range->inside ? "@" : "");
    if (isinf(range->start)) {
        kms_text_append(dst, size, "~:");
    } else if (range->start != 0 || isinf(range->end)) {
        kms_number_print(range->start, number, sizeof(number));
        kms_text_append(dst, size, "%s:", number);
    }
    if (!isinf(range->end)) {
        kms_number_print(range->end, number, sizeof(number));
        kms_text_append(dst, size, "%s", number);
    }
}

void kms_number_print(double value, char *dst, size_t size)
{
    size_t len;

    kms_text_format(dst, size, "%.6f", value);
    len = strlen(dst);
    while (len > 0 && dst[len - 1] == '0') {
        dst[--len] = '\0';
    }
    if (len > 0 && dst[len - 1] == '.') {
        dst[--len] = '\0';
    }
    if (kms_text_equal(dst, "-0")) {
        kms_text_copy(dst, size, "0");
    }
}
