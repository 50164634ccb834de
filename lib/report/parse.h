/* The text of slmgr.vbs /dlv, /dli or /dlv all as facts: pure, no I/O, any encoding, any language.
 */
#ifndef KMS_REPORT_PARSE_H
#define KMS_REPORT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "vocab/facts.h"
#include "vocab/vocab.h"

#define KMS_REPORT_KEYS_MAX  32
#define KMS_REPORT_NOTES_MAX 32

struct kms_report_note {
    char *label; /* cleaned */
    char *value;
    int key; /* index into report.key, -1: host */
};

/* A zeroed struct is empty; kms_report_done frees what it holds. */
struct kms_report {
    struct kms_facts host;
    struct kms_facts key[KMS_REPORT_KEYS_MAX]; /* host keys only, in the order of the report */
    size_t key_count;
    struct kms_report_note note[KMS_REPORT_NOTES_MAX];
    size_t note_count;
    size_t products;  /* blocks seen, host keys or not */
    char detail[232]; /* why the outcome is what it is, with the line; for KMS_OUTCOME_OK what of
                         the file was left out, else "" */
};

void kms_report_done(struct kms_report *report);

/* Reads len bytes. KMS_OUTCOME_OK with at least one key, else one of KMS_OUTCOME_REPORT_* or
 * NO_MEMORY, with detail saying what and where. Trusted time becomes KMS_FACT_TRUSTED_TIME only
 * where the order of day and month is unambiguous. */
enum kms_outcome kms_report_parse(const uint8_t *bytes, size_t len, struct kms_report *report);

/* The bytes as UTF-8 text (charset.c): byte order marks, UTF-16 without one, UTF-8, else the code
 * page whose decoding makes the most labels known. ret_name is a static string, "CP850". */
enum kms_outcome kms_report_decode(const uint8_t *bytes, size_t len, struct kms_buf *ret_text,
                                   const char **ret_name);

#endif
