/* Little-endian integers into a message. */
#ifndef KMS_RPC_PUT_H
#define KMS_RPC_PUT_H

#include <stdint.h>

static inline void kms_put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void kms_put32(uint8_t *at, uint32_t value)
{
    kms_put16(at, value);
    kms_put16(at + 2, value >> 16);
}

#endif
