/* Composes the bind and reads bind_ack, bind_nak and fault. */
#include "rpc/bind.h"

#include <string.h>

#include "base/text.h"
#include "rpc/fault.h"

/* [MS-RPCE] 2.2.2.4: result of one context of a bind_ack. */
enum {
    RESULT_ACCEPTED = 0,
    RESULT_PROVIDER_REJECTION = 2,
    REASON_ABSTRACT_SYNTAX = 1,
    REASON_TRANSFER_SYNTAX = 2,
};

#define SYNTAX_SIZE 20

static const uint8_t syntaxes[][SYNTAX_SIZE] = {
    /* 8a885d04-1ceb-11c9-9fe8-08002b104860 version 2.0 */
    [KMS_NDR32] = {0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8,
                   0x08, 0x00, 0x2b, 0x10, 0x48, 0x60, 0x02, 0x00, 0x00, 0x00},
    /* 71710533-beba-4937-8319-b5dbef9ccc36 version 1.0 */
    [KMS_NDR64] = {0x33, 0x05, 0x71, 0x71, 0xba, 0xbe, 0x37, 0x49, 0x83, 0x19,
                   0xb5, 0xdb, 0xef, 0x9c, 0xcc, 0x36, 0x01, 0x00, 0x00, 0x00},
};

/* One context with one transfer syntax, everything little-endian. */
static const uint8_t bind_head[KMS_RPC_BIND_SIZE - SYNTAX_SIZE] = {
    5,
    0,
    KMS_PDU_BIND,
    KMS_RPC_FIRST_FRAG | KMS_RPC_LAST_FRAG | KMS_RPC_CONC_MPX, /* */
    0x10,
    0,
    0,
    0, /* little-endian, ASCII, IEEE */
    KMS_RPC_BIND_SIZE,
    0,
    0,
    0, /* length; no authentication */
    KMS_RPC_CALL_ID,
    0,
    0,
    0, /* */
    KMS_RPC_PDU_MAX & 0xFF,
    KMS_RPC_PDU_MAX >> 8, /* longest fragment we send */
    KMS_RPC_PDU_MAX & 0xFF,
    KMS_RPC_PDU_MAX >> 8, /* longest fragment we take */
    0,
    0,
    0,
    0, /* a new association */
    1,
    0,
    0,
    0, /* one context: */
    0,
    0,
    1,
    0, /* number 0, one transfer syntax */
    0x75,
    0x21,
    0xc8,
    0x51,
    0x4e,
    0x84,
    0x50,
    0x47, /* 51c82175-844e-4750- */
    0xb0,
    0xd8,
    0xec,
    0x25,
    0x55,
    0x55,
    0xbc,
    0x06, /* b0d8-ec255555bc06 */
    1,
    0,
    0,
    0, /* version 1.0 */
};

void kms_rpc_bind_write(enum kms_ndr offered, uint8_t ret[KMS_RPC_BIND_SIZE])
{
    memcpy(ret, bind_head, sizeof bind_head);
    memcpy(ret + sizeof bind_head, syntaxes[offered], SYNTAX_SIZE);
}

static struct kms_rpc_answer answer(enum kms_outcome outcome, const char *detail)
{
    struct kms_rpc_answer ret = {.outcome = outcome};
    kms_text_copy(ret.detail, sizeof ret.detail, detail);
    return ret;
}

static struct kms_rpc_answer broken(const char *detail)
{
    return answer(KMS_OUTCOME_RPC_NOT_RPC, detail);
}

/* [C706] 12.6.3.1 p_provider_reason_t. A host without the interface, or without any encoding of it
 * that Windows has, is no KMS host; one that is out of resources may well be. */
static struct kms_rpc_answer read_rejection(uint16_t result, uint16_t reason)
{
    static const char *const reasons[] = {
        "reason not specified",
        "abstract syntax not supported: the port has no KMS interface",
        "transfer syntax not supported",
        "local limit exceeded",
    };
    bool by_provider = result == RESULT_PROVIDER_REJECTION;
    bool syntax = by_provider && reason == REASON_TRANSFER_SYNTAX;
    bool foreign = syntax || (by_provider && reason == REASON_ABSTRACT_SYNTAX);
    struct kms_rpc_answer ret = {.outcome = foreign ? KMS_OUTCOME_RPC_NOT_KMS
                                                    : KMS_OUTCOME_RPC_BIND_NAK,
                                 .syntax_refused = syntax};
    kms_text_format(ret.detail, sizeof ret.detail, "bind_ack, result %u, reason %u (%s)",
                    (unsigned)result, (unsigned)reason,
                    reason < KMS_COUNT_OF(reasons) ? reasons[reason] : "unknown");
    return ret;
}

/* [MS-RPCE] 2.2.2.4: two maximum sizes, association group, secondary address, padding counted from
 * the start of the PDU, results in the order of the contexts offered. */
static struct kms_rpc_answer read_ack(enum kms_ndr offered, struct kms_rd *rd)
{
    uint16_t address_len;
    uint8_t count;
    uint32_t association;
    if (!kms_rd_skip(rd, 4) || !kms_rd_u32(rd, &association) || !kms_rd_u16(rd, &address_len) ||
        !kms_rd_skip(rd, address_len) || !kms_rd_skip(rd, (4 - rd->at % 4) % 4) ||
        !kms_rd_u8(rd, &count) || !kms_rd_skip(rd, 3)) {
        return broken("bind_ack is cut short");
    }
    if (count == 0) {
        return broken("bind_ack without a result");
    }
    uint16_t result;
    uint16_t reason;
    const uint8_t *syntax;
    if (!kms_rd_u16(rd, &result) || !kms_rd_u16(rd, &reason) ||
        !kms_rd_span(rd, SYNTAX_SIZE, &syntax)) {
        return broken("bind_ack is cut short");
    }
    if (result != RESULT_ACCEPTED) {
        return read_rejection(result, reason);
    }
    /* The version is an integer of the PDU's byte order, and so is the first half of the UUID. */
    if (rd->little && memcmp(syntax, syntaxes[offered], SYNTAX_SIZE) != 0) {
        return broken("bind_ack accepts a transfer syntax that was not offered");
    }
    struct kms_rpc_answer ret = answer(KMS_OUTCOME_OK, "");
    ret.association = association;
    return ret;
}

/* [C706] 12.6.4.5 p_reject_reason_t, and [MS-RPCE] 2.2.2.5 */
static const char *const nak_reasons[] = {
    "reason not specified",
    "temporary congestion",
    "local limit exceeded",
    "presentation address unknown",
    "protocol version not supported",
    "default context not supported",
    "user data not readable",
    "no such service point",
    "authentication type not recognised",
    "invalid checksum",
};

/* Versions that the host supports may follow; nothing depends on them. */
static struct kms_rpc_answer read_nak(struct kms_rd *rd)
{
    uint16_t reason;
    if (!kms_rd_u16(rd, &reason)) {
        return broken("bind_nak is cut short");
    }
    struct kms_rpc_answer ret = {.outcome = KMS_OUTCOME_RPC_BIND_NAK};
    kms_text_format(ret.detail, sizeof ret.detail, "bind_nak, reason %u (%s)", (unsigned)reason,
                    reason < KMS_COUNT_OF(nak_reasons) ? nak_reasons[reason] : "unknown");
    return ret;
}

/* [C706] 12.6.4.7: hint, context, cancel count, reserved, status. The call id is not compared: one
 * server answers every call with the same. */
static struct kms_rpc_answer read_fault(struct kms_rd *rd)
{
    uint32_t status;
    if (!kms_rd_skip(rd, 8) || !kms_rd_u32(rd, &status)) {
        return broken("fault is cut short");
    }
    struct kms_rpc_answer ret = {.outcome = status == KMS_FAULT_UNKNOWN_INTERFACE
                                                ? KMS_OUTCOME_RPC_NOT_KMS
                                                : KMS_OUTCOME_RPC_BIND_NAK};
    const char *text = kms_fault_status_text(status);
    kms_text_format(ret.detail, sizeof ret.detail, "fault 0x%08X (%s)", (unsigned)status,
                    text ? text : "unknown");
    return ret;
}

struct kms_rpc_answer kms_rpc_bind_read(enum kms_ndr offered, const uint8_t *bytes, size_t len)
{
    struct kms_rpc_header header;
    if (kms_rpc_read_header(bytes, len, &header) != KMS_RPC_WHOLE || header.frag_length > len) {
        return broken("no whole DCE/RPC PDU");
    }
    if (header.auth_length != 0) {
        return broken("an authenticated answer to a bind without authentication");
    }
    struct kms_rd rd = kms_rd_over(bytes, header.frag_length);
    rd.little = header.little;
    (void)kms_rd_skip(&rd, KMS_RPC_HEADER_SIZE);
    switch (header.type) {
    case KMS_PDU_BIND_ACK:
        return read_ack(offered, &rd);
    case KMS_PDU_BIND_NAK:
        return read_nak(&rd);
    case KMS_PDU_FAULT:
        return read_fault(&rd);
    default:
        break;
    }
    struct kms_rpc_answer ret = {.outcome = KMS_OUTCOME_RPC_NOT_RPC};
    kms_text_format(ret.detail, sizeof ret.detail, "a PDU of type %u, which answers no bind",
                    (unsigned)header.type);
    return ret;
}
