/* The activation request: its fields, and the message they make. Client side only; no I/O, no clock
 * and no randomness of its own. */
#ifndef KMS_RPC_ASK_H
#define KMS_RPC_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "rpc/cipher.h"

#define KMS_ASK_MAX           260 /* a message; version 4 takes 252 */
#define KMS_WORKSTATION_UNITS 63  /* UTF-16 code units, and a zero behind them */

struct kms_ask {
    uint16_t major, minor;    /* 4, 5 or 6, and 0 */
    uint32_t virtual_machine; /* 0 physical, 1 virtual */
    uint32_t license_status;  /* of the client: enum kms_license_status */
    uint32_t expires_minutes; /* in that status */
    struct kms_guid application, sku, counted, cmid, previous_cmid;
    uint32_t n_policy;          /* clients that the product needs: 5 or 25 */
    uint64_t filetime;          /* the client's clock: 100 ns since 1601, UTC */
    const char *workstation;    /* UTF-8; cut before a unit that does not fit */
    uint8_t iv[KMS_BLOCK_SIZE]; /* versions 5 and 6; 16 random bytes */
};

/* The message; its length, 0 for a version that there is none of. */
size_t kms_ask_write(const struct kms_ask *ask, uint8_t ret[KMS_ASK_MAX]);

/* Seconds since 1970 and microseconds as FILETIME. */
uint64_t kms_filetime(int64_t wall_s, int64_t wall_us);

#endif
