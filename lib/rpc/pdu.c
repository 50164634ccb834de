/* Reads DCE/RPC headers. */
#include "rpc/pdu.h"

/* [C706] 14.2.5: the high half of the first byte of the data representation says the byte order. */
enum { DREP_LITTLE = 0x10, DREP_ORDER = 0xF0 };

/* Every byte that has arrived so far must fit. */
static bool may_begin_header(const uint8_t *bytes, size_t len)
{
    struct kms_rd rd = kms_rd_over(bytes, len);
    uint8_t byte;
    if (kms_rd_u8(&rd, &byte) && byte != 5) {
        return false;
    }
    if (kms_rd_u8(&rd, &byte) && byte > 1) {
        return false;
    }
    /* [MS-RPCE] 2.2.2.1: 0 to 19 are types of PDUs, some of them of the datagram protocol only. */
    if (kms_rd_u8(&rd, &byte) && byte > 19) {
        return false;
    }
    uint8_t order;
    return !kms_rd_skip(&rd, 1) || !kms_rd_u8(&rd, &order) || (order & DREP_ORDER) == DREP_LITTLE ||
           (order & DREP_ORDER) == 0;
}

enum kms_rpc_read kms_rpc_read_header(const uint8_t *bytes, size_t len, struct kms_rpc_header *ret)
{
    if (!may_begin_header(bytes, len)) {
        return KMS_RPC_FOREIGN;
    }
    struct kms_rpc_header header = {0};
    struct kms_rd rd = kms_rd_over(bytes, len);
    uint8_t order;
    bool whole = kms_rd_skip(&rd, 2) && kms_rd_u8(&rd, &header.type) &&
                 kms_rd_u8(&rd, &header.flags) && kms_rd_u8(&rd, &order) && kms_rd_skip(&rd, 3);
    if (!whole) {
        return KMS_RPC_PARTIAL;
    }
    header.little = (order & DREP_ORDER) == DREP_LITTLE;
    rd.little = header.little;
    if (!kms_rd_u16(&rd, &header.frag_length) || !kms_rd_u16(&rd, &header.auth_length) ||
        !kms_rd_u32(&rd, &header.call_id)) {
        return KMS_RPC_PARTIAL;
    }
    if (header.frag_length < KMS_RPC_HEADER_SIZE || header.frag_length > KMS_RPC_PDU_MAX) {
        return KMS_RPC_FOREIGN;
    }
    *ret = header;
    return KMS_RPC_WHOLE;
}
