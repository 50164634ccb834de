/* Reads tags and lengths of DER. */
#include "wsman/der.h"

bool kms_der_read(struct kms_rd *rd, uint8_t tag, struct kms_rd *ret)
{
    struct kms_rd at = *rd;
    uint8_t found = 0;
    uint8_t first = 0;
    if (!kms_rd_u8(&at, &found) || found != tag || !kms_rd_u8(&at, &first)) {
        return false;
    }
    size_t len = first;
    if (first >= 0x80) {
        unsigned count = first & 0x7fU;
        len = 0;
        if (count < 1 || count > 4) {
            return false; /* of no definite length, or longer than any certificate */
        }
        for (unsigned i = 0; i < count; i++) {
            uint8_t digit = 0;
            if (!kms_rd_u8(&at, &digit)) {
                return false;
            }
            len = len << 8 | digit;
        }
    }
    if (!kms_rd_sub(&at, len, ret)) {
        return false;
    }
    *rd = at;
    return true;
}
