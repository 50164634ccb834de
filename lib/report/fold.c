/* Comparing labels whatever their case, blanks, quotes, dashes and widths are; no locale. */
#include "report/fold.h"

#include <string.h>

#include "base/text.h"

struct range {
    uint32_t first, last;
};

static bool in_ranges(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Marks of writing direction count as blanks: browsers put them into copied text. */
bool kms_fold_is_blank(uint32_t c)
{
    if (c < 0x80) {
        return c == ' ' || (c >= '\t' && c <= '\r');
    }
    static const struct range blank[] = {{0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200F},
                                         {0x2028, 0x202F}, {0x205F, 0x2064}, {0x3000, 0x3000},
                                         {0xFEFF, 0xFEFF}};
    return in_ranges(blank, KMS_COUNT_OF(blank), c);
}

static bool is_dash(uint32_t c)
{
    if (c < 0x80) {
        return c == '-';
    }
    return c == 0xAD || (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xFF0D;
}

static bool is_single_quote(uint32_t c)
{
    return c == '\'' || c == '`' || c == 0xB4 || (c >= 0x2018 && c <= 0x201B) || c == 0x2039 ||
           c == 0x203A || c == 0xFF07;
}

static bool is_double_quote(uint32_t c)
{
    return c == '"' || (c >= 0x201C && c <= 0x201F) || c == 0x301D || c == 0x301E || c == 0x301F ||
           c == 0xFF02;
}

static bool is_quote(uint32_t c)
{
    return is_single_quote(c) || is_double_quote(c) || c == 0xAB || c == 0xBB;
}

/* Latin Extended pairs capital and small letter; in two stretches the capital is the odd one. */
static uint32_t lower_latin_extended(uint32_t c)
{
    bool odd_capital = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
    if (c == 0x130) {
        return 'i';
    }
    if (c == 0x178) {
        return 0xFF;
    }
    if (c == 0x138 || c == 0x149 || c == 0x17F) {
        return c;
    }
    return (c & 1U) == (odd_capital ? 1U : 0U) ? c + 1 : c;
}

static uint32_t lower_greek(uint32_t c)
{
    if (c >= 0x391 && c <= 0x3AB && c != 0x3A2) {
        return c + 32;
    }
    if (c >= 0x388 && c <= 0x38A) {
        return c + 37;
    }
    switch (c) {
    case 0x386:
        return 0x3AC;
    case 0x38C:
        return 0x3CC;
    case 0x38E:
    case 0x38F:
        return c + 63;
    case 0x3C2: /* final sigma */
        return 0x3C3;
    default:
        return c;
    }
}

uint32_t kms_fold_lower(uint32_t c)
{
    if (c >= 0xFF01 && c <= 0xFF5E) { /* full width forms of ASCII */
        c -= 0xFEE0;
    }
    if ((c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7)) {
        return c + 32;
    }
    if ((c >= 0x100 && c <= 0x17F) || (c >= 0x1E00 && c <= 0x1EFF)) {
        return lower_latin_extended(c);
    }
    if (c >= 0x386 && c <= 0x3CF) {
        return lower_greek(c);
    }
    if (c >= 0x410 && c <= 0x42F) {
        return c + 32;
    }
    if (c >= 0x400 && c <= 0x40F) {
        return c + 80;
    }
    return c;
}

void kms_fold(const char *text, size_t len, struct kms_folded *ret)
{
    struct kms_rd rd = kms_rd_over(text, len);
    uint32_t c;
    ret->count = 0;
    while (ret->count < KMS_FOLD_MAX && kms_rd_utf8(&rd, &c)) {
        if (kms_fold_is_blank(c) || is_quote(c) || is_dash(c)) {
            continue;
        }
        ret->c[ret->count] = kms_fold_lower(c);
        ret->end[ret->count] = rd.at;
        ret->count++;
    }
}

static bool is_wide(uint32_t c)
{
    static const struct range wide[] = {{0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0xA4CF},
                                        {0xAC00, 0xD7A3}, {0xF900, 0xFAFF}, {0xFE30, 0xFE6F},
                                        {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x20000, 0x3FFFD}};
    return c >= 0x1100 && in_ranges(wide, KMS_COUNT_OF(wide), c);
}

size_t kms_fold_width(const char *text, size_t len)
{
    struct kms_rd rd = kms_rd_over(text, len);
    size_t width = 0;
    uint32_t c;
    while (kms_rd_utf8(&rd, &c)) {
        width += is_wide(c) ? 2 : 1;
    }
    return width;
}

static uint32_t plain(uint32_t c)
{
    if (is_dash(c)) {
        return '-';
    }
    if (is_double_quote(c)) {
        return '"';
    }
    if (c >= 0x2018 && c <= 0x201B) {
        return '\'';
    }
    return kms_fold_is_blank(c) ? ' ' : c;
}

static size_t put_utf8(char *dst, uint32_t c)
{
    if (c < 0x80) {
        dst[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        dst[0] = (char)(0xC0U | c >> 6);
        dst[1] = (char)(0x80U | (c & 0x3FU));
        return 2;
    }
    if (c < 0x10000) {
        dst[0] = (char)(0xE0U | c >> 12);
        dst[1] = (char)(0x80U | (c >> 6 & 0x3FU));
        dst[2] = (char)(0x80U | (c & 0x3FU));
        return 3;
    }
    dst[0] = (char)(0xF0U | c >> 18);
    dst[1] = (char)(0x80U | (c >> 12 & 0x3FU));
    dst[2] = (char)(0x80U | (c >> 6 & 0x3FU));
    dst[3] = (char)(0x80U | (c & 0x3FU));
    return 4;
}

void kms_fold_plain(char *dst, size_t size, const char *text, size_t len)
{
    char mapped[2048];
    size_t at = 0;
    struct kms_rd rd = kms_rd_over(text, len);
    uint32_t c;
    while (at + 4 <= sizeof(mapped) && kms_rd_utf8(&rd, &c)) {
        at += put_utf8(mapped + at, plain(c));
    }
    kms_text_clean(dst, size, mapped, at);
}
