/* The frame of encrypted messages over plain HTTP, multipart/encrypted, without I/O: around what
 * gss.h sealed. Specification wsman 3.4; MS-WSMV 2.2.9.1. */
#ifndef KMS_WSMAN_SEALED_H
#define KMS_WSMAN_SEALED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

#define KMS_SEALED_CONTENT_TYPE                             \
    "multipart/encrypted;protocol=\"application/"           \
    "HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted " \
    "Boundary\""

/* plain_len is the length before sealing, padding of the mechanism included. buf is appended to. */
enum kms_status kms_sealed_write(size_t plain_len, const void *header, size_t header_len,
                                 const void *sealed, size_t sealed_len, struct kms_buf *buf);
/* Whether the type of content is such a frame. */
bool kms_sealed_is(const char *content_type);

struct kms_sealed {
    size_t plain_len;  /* as OriginalContent says */
    const void *token; /* security header and sealed bytes, one after the other, in the body */
    size_t token_len;
};
/* The frame in body, by lengths; KMS_EINVAL with the place otherwise. What comes out of the token
 * may be shorter than plain_len by the mechanism's padding, and by nothing else; never longer. */
enum kms_status kms_sealed_read(const void *body, size_t len, struct kms_sealed *ret,
                                struct kms_fault *fault);

#endif
