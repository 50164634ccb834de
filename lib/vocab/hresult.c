/* Error codes with their meanings, from data/hresults.csv. */
#include "vocab/hresult.h"

#include "base/text.h"

static const struct kms_hresult rows[] = {
#include "hresults.inc"
};

const struct kms_hresult *kms_hresult_rows(size_t *ret_count)
{
    *ret_count = KMS_COUNT_OF(rows);
    return rows;
}

const struct kms_hresult *kms_hresult_find(uint32_t code)
{
    for (size_t i = 0; i < KMS_COUNT_OF(rows); i++) {
        if (rows[i].code == code) {
            return &rows[i];
        }
    }
    return NULL;
}

struct facility {
    uint32_t mask, value;
    const char *name;
};

/* The more special first. */
static const struct facility facilities[] = {
    {0xFFFFFF00U, 0xC004F000U, "a licensing error of Windows"},
    {0xFFFFF000U, 0xC004C000U, "an error of Microsoft's activation server"},
    {0xFFFFF000U, 0xC004B000U, "an error of Microsoft's activation server"},
    {0xFFFFFF00U, 0x80072300U, "a DNS error"},
    {0xFFFFFF00U, 0x80072400U, "a DNS error"},
    {0xFFFFFF00U, 0x80072500U, "a DNS error"},
    {0xFFFFFF00U, 0x80072600U, "a DNS error"},
    {0xFFFFFF00U, 0x80072E00U, "an error of an Internet connection"},
    {0xFFFF0000U, 0x80070000U, "a Win32 error"},
    {0xFFFF0000U, 0xC0040000U, "a licensing error of Windows"},
};

void kms_hresult_text(uint32_t code, char *dst, size_t size)
{
    const struct kms_hresult *row = kms_hresult_find(code);
    if (row) {
        kms_text_format(dst, size, "0x%08X %s: %s", code, row->symbol, row->meaning);
        return;
    }
    const char *name = "an error code that is not listed";
    for (size_t i = 0; i < KMS_COUNT_OF(facilities); i++) {
        if ((code & facilities[i].mask) == facilities[i].value) {
            name = facilities[i].name;
            break;
        }
    }
    kms_text_format(dst, size, "0x%08X: %s", code, name);
}
