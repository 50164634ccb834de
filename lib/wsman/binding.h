/* The channel binding tls-server-end-point of a certificate (RFC 5929, 4.1), without I/O. */
#ifndef KMS_WSMAN_BINDING_H
#define KMS_WSMAN_BINDING_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define KMS_BINDING_SIZE 96 /* "tls-server-end-point:" and the longest hash */

/* What goes into the application data of the bindings: the unique prefix and the certificate's
 * hash, SHA-384 or SHA-512 where it is signed so, else SHA-256. KMS_EINVAL with the place: not a
 * whole certificate. */
enum kms_status kms_binding_of(const uint8_t *der, size_t len, uint8_t ret[KMS_BINDING_SIZE],
                               size_t *ret_len, struct kms_fault *fault);

#endif
