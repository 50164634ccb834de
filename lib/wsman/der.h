/* One element after another of the distinguished encoding (ITU-T X.690), for certificates. */
#ifndef KMS_WSMAN_DER_H
#define KMS_WSMAN_DER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

enum {
    KMS_DER_BITS = 0x03,
    KMS_DER_OCTETS = 0x04,
    KMS_DER_OID = 0x06,
    KMS_DER_SEQUENCE = 0x30,
    KMS_DER_SET = 0x31
};
#define KMS_DER_CONTEXT(number) (0xa0 + (number)) /* constructed */

/* The next element, if it has this tag: a cursor over its contents. False: nothing moved. */
bool kms_der_read(struct kms_rd *rd, uint8_t tag, struct kms_rd *ret);

#endif
