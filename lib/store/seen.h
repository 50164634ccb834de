/* What was seen in DNS, for the next process: a small text file, replaced as a whole. It is a
 * memory, not a contract: what cannot be read of it is left out. */
#ifndef KMS_STORE_SEEN_H
#define KMS_STORE_SEEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

#define KMS_SEEN_NAME_SIZE 280
#define KMS_SEEN_ROWS_MAX  65536

struct kms_seen_row {
    enum kms_seen_kind {
        KMS_SEEN_RECORD = 1, /* name: its target */
        KMS_SEEN_HOST,       /* a host that was discovered in the domain */
        KMS_SEEN_MISSING     /* a host that is not published in the domain, since first_s */
    } kind;
    char domain[KMS_SEEN_NAME_SIZE], name[KMS_SEEN_NAME_SIZE];
    char address[KMS_SEEN_NAME_SIZE]; /* HOST */
    uint16_t port;                    /* RECORD, HOST */
    uint16_t priority, weight;        /* RECORD */
    uint32_t ttl;
    int64_t first_s, last_s; /* wall clock */
};

struct kms_seen {
    struct kms_seen_row *row;
    size_t count;
    size_t left_out; /* lines that could not be read */
};

/* A file that is not there is empty. ret is written whatever comes of it. KMS_EDENIED: it is there,
 * and may not be read. */
enum kms_status kms_seen_load(const char *path, struct kms_seen *ret, struct kms_fault *fault);
void kms_seen_done(struct kms_seen *seen);

/* The text of a file: begun once, then a line for each row. */
enum kms_status kms_seen_begin(struct kms_buf *ret_text); /* kms_buf_done frees it */
enum kms_status kms_seen_add(struct kms_buf *text, const struct kms_seen_row *row);

#endif
