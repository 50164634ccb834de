/* A DNS message, record by record: every length and every jump is checked (RFC 1035). */
#ifndef KMS_DNS_ANSWER_H
#define KMS_DNS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

/* Room for a name as text, without the last dot; "." is the root. */
#define KMS_DNS_NAME_SIZE 256

enum {
    KMS_DNS_NOERROR = 0,
    KMS_DNS_FORMERR = 1,
    KMS_DNS_SERVFAIL = 2,
    KMS_DNS_NXDOMAIN = 3,
    KMS_DNS_NOTIMP = 4,
    KMS_DNS_REFUSED = 5
};

/* A cursor over a message; it never owns the bytes. */
struct kms_dns_message {
    struct kms_rd rd;
    unsigned rcode;
    bool truncated;      /* the server says that it left something out */
    bool authoritative;  /* it says that it has the zone */
    uint16_t asked_type; /* 0: the message repeats no question */
    char asked[KMS_DNS_NAME_SIZE];
    uint16_t answers_left; /* of the answer section */
};

struct kms_dns_record {
    char owner[KMS_DNS_NAME_SIZE];
    uint16_t type, class_;
    uint32_t ttl;
    size_t data_at, data_len;
};

/* Reads the header and the question. False with a fault: this is no answer. */
bool kms_dns_open(struct kms_dns_message *message, const uint8_t *bytes, size_t len,
                  struct kms_fault *fault);
/* The next record of the answer section. False at its end, or with *ret_broken when it is cut or
 * contradicts itself. */
bool kms_dns_next(struct kms_dns_message *message, struct kms_dns_record *ret, bool *ret_broken,
                  struct kms_fault *fault);
/* A name at the cursor, which moves behind it. Bytes that are not printable are written as \DDD,
 * or each as '?' where the text would be too long for a name. */
bool kms_dns_name(struct kms_rd *rd, char ret[KMS_DNS_NAME_SIZE]);
/* A cursor over the whole message that stands at a record's data. */
struct kms_rd kms_dns_data(const struct kms_dns_message *message,
                           const struct kms_dns_record *record);
/* Names are compared without case and without a last dot. */
bool kms_dns_name_equal(const char *a, const char *b);

#endif
