/* What a server's certificate says, for people. Nothing is verified here. */
#ifndef KMS_WSMAN_CERTIFICATE_H
#define KMS_WSMAN_CERTIFICATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct kms_certificate {
    char subject[256]; /* "CN=kms01.corp.example, O=Example"; cleaned, cut where it is longer */
    char issuer[256];
    char names[256];         /* DNS names of the subject, "a.example, b.example"; "" */
    int64_t from_s, until_s; /* seconds since 1970, UTC */
    char pin[65];            /* SHA-256 of the public key: what pin wants */
};

/* RFC 5280, 4.1. KMS_EINVAL with the place: not a certificate that can be read. */
enum kms_status kms_certificate_read(const uint8_t *der, size_t len, struct kms_certificate *ret,
                                     struct kms_fault *fault);

#endif
