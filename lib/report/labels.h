/* What kind of line a line of slmgr's text is, by the labels of every language that is listed. */
#ifndef KMS_REPORT_LABELS_H
#define KMS_REPORT_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum kms_line_kind {
    KMS_LINE_UNKNOWN,
    KMS_LINE_IGNORED, /* known, and nothing is read from it */
    KMS_LINE_SERVICE_VERSION,
    KMS_LINE_NAME,
    KMS_LINE_DESCRIPTION,
    KMS_LINE_ACTIVATION_ID,
    KMS_LINE_APPLICATION_ID,
    KMS_LINE_EPID,
    KMS_LINE_PARTIAL_KEY,
    KMS_LINE_NOT_IN_USE,
    KMS_LINE_STATUS,
    KMS_LINE_EXPIRES,
    KMS_LINE_REASON,
    KMS_LINE_REARM,
    KMS_LINE_TRUSTED_TIME,
    KMS_LINE_ACTIVATION_INTERVAL,
    KMS_LINE_RENEWAL_INTERVAL,
    KMS_LINE_ENABLED, /* from here to KMS_LINE_REQ_NOTIFICATION: the host block, in slmgr's order */
    KMS_LINE_COUNT,
    KMS_LINE_PORT,
    KMS_LINE_DNS_ON,
    KMS_LINE_DNS_OFF,
    KMS_LINE_PRIORITY_NORMAL,
    KMS_LINE_PRIORITY_LOW,
    KMS_LINE_PRIORITY, /* with a word that is not listed */
    KMS_LINE_HEADING,
    KMS_LINE_REQ_TOTAL,
    KMS_LINE_REQ_FAILED,
    KMS_LINE_REQ_UNLICENSED, /* from here six lines in the order of enum kms_license_status */
    KMS_LINE_REQ_LICENSED,
    KMS_LINE_REQ_OOB,
    KMS_LINE_REQ_OOT,
    KMS_LINE_REQ_NON_GENUINE,
    KMS_LINE_REQ_NOTIFICATION,
    KMS_LINE_CLIENT, /* of the block about a KMS client's own server */
    KMS_LINE_ERROR
};

#define KMS_LABEL_LANGS_MAX 32

struct kms_label_book;

struct kms_label_hit {
    enum kms_line_kind kind;
    uint32_t langs; /* bit for each language that has this label */
    size_t length;  /* folded characters of the label */
    size_t value;   /* byte of the text where the value begins, behind the colon and blanks */
};

enum kms_status kms_label_book_new(struct kms_label_book **ret);
void kms_label_book_free(struct kms_label_book *book);

/* The longest label that the text begins with, when the text goes on as the label lets it. */
bool kms_label_find(const struct kms_label_book *book, const char *text, size_t len,
                    struct kms_label_hit *ret);
/* True when the text is only the beginning of a label. */
bool kms_label_is_cut(const struct kms_label_book *book, const char *text, size_t len);
/* The license status that a word means in any listed language. */
bool kms_label_status(const struct kms_label_book *book, const char *word, size_t len, int *ret);
/* Language of a bit of kms_label_hit.langs. */
const char *kms_label_lang(const struct kms_label_book *book, size_t bit);

/* The status words that six labels name (any of them may be empty): the part in which they differ.
 */
struct kms_status_words {
    const char *label[6];
    size_t len[6];
};
bool kms_status_words_find(const struct kms_status_words *words, const char *word, size_t len,
                           int *ret);

#endif
