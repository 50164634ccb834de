/* Text in and out: numbers, durations and times from words and back, always in the C locale, always
 * bounded. */
#ifndef KMS_BASE_TEXT_H
#define KMS_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KMS_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Formats into dst, cut at size on a UTF-8 boundary. Returns false when it was cut. size is at
 * least 1. */
bool kms_text_format(char *dst, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool kms_text_vformat(char *dst, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
/* Appends to the string that dst already holds. */
bool kms_text_append(char *dst, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool kms_text_copy(char *dst, size_t size, const char *src);

/* Copies text from outside so that it can be logged or printed: control characters, invalid UTF-8
 * and '|' become '?', runs of blanks one blank. Cut at size. */
void kms_text_clean(char *dst, size_t size, const char *src, size_t len);

bool kms_text_equal(const char *a, const char *b);        /* NULL equals only NULL */
bool kms_text_equal_nocase(const char *a, const char *b); /* ASCII case */
/* ASCII letters only; everything else as it is. */
char kms_text_lower(char c);
bool kms_text_starts(const char *text, const char *prefix);
/* A heap copy, NULL when out of memory or for NULL. */
char *kms_text_dup(const char *text);
char *kms_text_dup_len(const char *text, size_t len);

/* The whole text is one number; no sign but '-' for i64, no blanks. False on anything else,
 * overflow too. */
bool kms_text_u64(const char *text, uint64_t *ret);
bool kms_text_i64(const char *text, int64_t *ret);
bool kms_text_u64_len(const char *text, size_t len, uint64_t *ret);
/* Hexadecimal with or without 0x, at most 32 bits. */
bool kms_text_hex32(const char *text, size_t len, uint32_t *ret);
/* Decimal with '.' whatever the locale says: "12", "0.5", "-3", "1e3". */
bool kms_text_double(const char *text, double *ret);

/* "500ms", "90s", "5m", "4h", "26h", "7d", "2w"; a bare number is seconds. In milliseconds, at most
 * ten years. */
bool kms_text_duration_ms(const char *text, int64_t *ret_ms);
/* "26 h", "3 days", "90 s": the two most useful digits, for people. */
void kms_text_age(char *dst, size_t size, int64_t seconds);
/* "850 ms", "8.1 s", "23 s", "11 min": how long something took, for people. */
void kms_text_span(char *dst, size_t size, int64_t ms);
/* What follows a word after a number: "" behind 1, else "s". */
const char *kms_text_plural(uint64_t count);
/* "4h", "90s", "1500ms": what kms_text_duration_ms reads back to the same value. */
void kms_text_duration(char *dst, size_t size, int64_t ms);
/* "8M", "512K", "1G" or a bare number of bytes. */
bool kms_text_bytes(const char *text, uint64_t *ret);

/* Days since 1970-01-01 in the proleptic Gregorian calendar; false for a date that does not exist.
 */
bool kms_date_days(int64_t year, unsigned month, unsigned day, int64_t *ret_days);
/* UTC date and time of a wall-clock second. */
struct kms_date {
    int64_t year;
    unsigned month, day, hour, minute, second;
};
struct kms_date kms_date_of(int64_t wall_s);
/* "2013-02-21 14:50:58" */
void kms_date_text(char *dst, size_t size, int64_t wall_s);

#endif
