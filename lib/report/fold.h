/* Comparing labels whatever their case, blanks, quotes, dashes and widths are; no locale. */
#ifndef KMS_REPORT_FOLD_H
#define KMS_REPORT_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define KMS_FOLD_MAX 256

/* The first characters of a text with blanks, quotes and dashes left out and the rest in lower
 * case. */
struct kms_folded {
    uint32_t c[KMS_FOLD_MAX];
    size_t end[KMS_FOLD_MAX]; /* byte behind the character in the text */
    size_t count;
};

bool kms_fold_is_blank(uint32_t c);
uint32_t kms_fold_lower(uint32_t c);
void kms_fold(const char *text, size_t len, struct kms_folded *ret);
/* Columns that a console gives the text: two for East Asian wide characters. */
size_t kms_fold_width(const char *text, size_t len);
/* kms_text_clean with typographic dashes and quotes made plain, as Windows does for code pages
 * without them. */
void kms_fold_plain(char *dst, size_t size, const char *text, size_t len);

#endif
