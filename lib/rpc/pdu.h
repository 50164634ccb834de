/* The 16 bytes that every DCE/RPC PDU begins with, and what the first bytes of another protocol
 * look like. */
#ifndef KMS_RPC_PDU_H
#define KMS_RPC_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* [C706] 12.6.3.1 */
#define KMS_RPC_HEADER_SIZE 16
#define KMS_RPC_PDU_MAX     5840 /* what is offered in a bind; no host may send more in one piece */
#define KMS_RPC_CALL_ID     2    /* what Microsoft's client begins with */

/* The transfer syntaxes: how the arguments of a call are laid out. */
enum kms_ndr { KMS_NDR32, KMS_NDR64 };

/* [C706] 12.6.4 */
enum kms_pdu_type {
    KMS_PDU_REQUEST = 0,
    KMS_PDU_RESPONSE = 2,
    KMS_PDU_FAULT = 3,
    KMS_PDU_BIND = 11,
    KMS_PDU_BIND_ACK = 12,
    KMS_PDU_BIND_NAK = 13,
};

enum {
    KMS_RPC_FIRST_FRAG = 0x01,
    KMS_RPC_LAST_FRAG = 0x02,
    KMS_RPC_CONC_MPX = 0x10,
};

struct kms_rpc_header {
    uint8_t type;
    uint8_t flags;
    bool little; /* byte order of the integers in this PDU */
    uint16_t frag_length;
    uint16_t auth_length;
    uint32_t call_id;
};

enum kms_rpc_read {
    KMS_RPC_WHOLE,   /* a header */
    KMS_RPC_PARTIAL, /* so far so good; more bytes decide */
    KMS_RPC_FOREIGN, /* no DCE/RPC header of version 5.0 with a length that may be */
};

/* Reads a header from the first bytes of a connection, as soon as they can be told from another
 * protocol. */
enum kms_rpc_read kms_rpc_read_header(const uint8_t *bytes, size_t len, struct kms_rpc_header *ret);

#endif
