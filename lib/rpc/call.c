/* Composes the request, and puts a response together: fragments, NDR around the message, and the
 * result behind it. */
#include "rpc/call.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "rpc/fault.h"
#include "rpc/put.h"

#define STUB_AT 24 /* [C706] 12.6.4.9 and 12.6.4.10: where the stub of a request or response is */

static size_t head_size(enum kms_ndr ndr)
{
    return ndr == KMS_NDR64 ? STUB_AT + 16 : STUB_AT + 8;
}

size_t kms_call_write(enum kms_ndr ndr, uint16_t context_id, uint32_t call_id,
                      const uint8_t *message, size_t len, uint8_t ret[KMS_CALL_MAX])
{
    size_t head = head_size(ndr);
    if (len > KMS_ASK_MAX) {
        return 0;
    }
    memset(ret, 0, head);
    ret[0] = 5;
    ret[2] = KMS_PDU_REQUEST;
    ret[3] = KMS_RPC_FIRST_FRAG | KMS_RPC_LAST_FRAG;
    ret[4] = 0x10; /* little-endian, ASCII, IEEE */
    kms_put16(ret + 8, (uint32_t)(head + len));
    kms_put32(ret + 12, call_id);
    kms_put32(ret + 16, (uint32_t)(head - STUB_AT + len));
    kms_put16(ret + 20, context_id);
    /* The size, and the count in front of a conformant array: 4 bytes, or 8 on a multiple of 8. */
    kms_put32(ret + STUB_AT, (uint32_t)len);
    kms_put32(ret + STUB_AT + (ndr == KMS_NDR64 ? 8 : 4), (uint32_t)len);
    memcpy(ret + head, message, len);
    return head + len;
}

void kms_call_init(struct kms_call *call, enum kms_ndr ndr, uint32_t call_id)
{
    *call = (struct kms_call){.ndr = ndr, .call_id = call_id};
}

static enum kms_call_step finish(struct kms_call *call, enum kms_outcome outcome,
                                 const char *format, ...) __attribute__((format(printf, 3, 4)));

static enum kms_call_step finish(struct kms_call *call, enum kms_outcome outcome,
                                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    call->outcome = outcome;
    (void)kms_text_vformat(call->detail, sizeof call->detail, format, args);
    va_end(args);
    return KMS_CALL_DONE;
}

/* Some services answer with a call id of their own: a fault is a fault. */
static enum kms_call_step read_fault(struct kms_call *call, struct kms_rd rd)
{
    uint32_t status;
    if (!kms_rd_skip(&rd, STUB_AT - KMS_RPC_HEADER_SIZE) || !kms_rd_u32(&rd, &status)) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL, "a fault of %zu bytes, cut before its status",
                      rd.len);
    }
    call->fault = status;
    const char *name = kms_fault_status_text(status);
    return finish(call, KMS_OUTCOME_RPC_FAULT, "fault 0x%08" PRIX32 "%s%s%s", status,
                  name ? " (" : "", name ? name : "", name ? ")" : "");
}

/* A referent id, and in front of an array its count: 4 bytes, or 8 on a multiple of 8. */
static bool read_long(const struct kms_call *call, struct kms_rd *rd, uint64_t *ret)
{
    uint32_t first, second;
    if (call->ndr == KMS_NDR32) {
        bool whole = kms_rd_u32(rd, &first);
        *ret = whole ? first : 0;
        return whole;
    }
    if (!kms_rd_skip(rd, (8 - rd->at % 8) % 8) || !kms_rd_u32(rd, &first) ||
        !kms_rd_u32(rd, &second)) {
        return false;
    }
    *ret = rd->little ? (uint64_t)second << 32 | first : (uint64_t)first << 32 | second;
    return true;
}

/* The result of the call decides; a message beside an error code is no answer. */
static enum kms_call_step read_result(struct kms_call *call, struct kms_rd *rd, bool message)
{
    uint32_t hresult;
    if (!kms_rd_skip(rd, (4 - rd->at % 4) % 4) || !kms_rd_u32(rd, &hresult)) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL, "a stub of %zu bytes, cut before its result",
                      rd->len);
    }
    call->hresult = hresult;
    if (hresult != 0) {
        return finish(call, KMS_OUTCOME_ACTIVATION_REFUSED, "result 0x%08" PRIX32, hresult);
    }
    if (!message) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL, "success without a message");
    }
    return finish(call, KMS_OUTCOME_OK, "%s", "");
}

static enum kms_call_step read_stub(struct kms_call *call)
{
    struct kms_rd rd = kms_rd_over(call->stub, call->stub_len);
    uint32_t size;
    uint64_t pointer, count;
    rd.little = call->little;
    if (!kms_rd_u32(&rd, &size) || !read_long(call, &rd, &pointer)) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL, "a stub of %zu bytes", call->stub_len);
    }
    if (pointer == 0) {
        return read_result(call, &rd, false);
    }
    if (!read_long(call, &rd, &count) || count != size || size == 0 ||
        !kms_rd_span(&rd, size, &call->message)) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL,
                      "a message of %" PRIu32
                      " bytes that its array or the stub of %zu contradicts",
                      size, call->stub_len);
    }
    call->message_len = size;
    return read_result(call, &rd, true);
}

static enum kms_call_step read_response(struct kms_call *call, const struct kms_rpc_header *header,
                                        struct kms_rd rd)
{
    bool first = (header->flags & KMS_RPC_FIRST_FRAG) != 0;
    if (header->call_id != call->call_id) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL,
                      "a response to call %" PRIu32 ", not to %" PRIu32, header->call_id,
                      call->call_id);
    }
    if (first != (call->frags == 0) || call->frags == KMS_CALL_FRAGS_MAX ||
        (!first && header->little != call->little)) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL, "fragment %u does not follow", call->frags);
    }
    size_t len;
    const uint8_t *stub;
    if (!kms_rd_skip(&rd, STUB_AT - KMS_RPC_HEADER_SIZE) || (len = kms_rd_left(&rd)) == 0 ||
        len > sizeof call->stub - call->stub_len || !kms_rd_span(&rd, len, &stub)) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL,
                      "fragment %u of %u bytes; allowed: more than 24, %d of stub in all",
                      call->frags, (unsigned)header->frag_length, KMS_CALL_STUB_MAX);
    }
    memcpy(call->stub + call->stub_len, stub, len);
    call->stub_len += len;
    call->little = header->little;
    call->frags++;
    return (header->flags & KMS_RPC_LAST_FRAG) != 0 ? read_stub(call) : KMS_CALL_MORE;
}

enum kms_call_step kms_call_read(struct kms_call *call, const uint8_t *bytes, size_t len)
{
    struct kms_rpc_header header;
    if (kms_rpc_read_header(bytes, len, &header) != KMS_RPC_WHOLE || header.frag_length != len) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL, "no DCE/RPC header of these %zu bytes", len);
    }
    struct kms_rd rd = kms_rd_over(bytes, len);
    rd.little = header.little;
    (void)kms_rd_skip(&rd, KMS_RPC_HEADER_SIZE);
    if (header.auth_length != 0) {
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL, "authentication of %u bytes, none was agreed",
                      (unsigned)header.auth_length);
    }
    switch (header.type) {
    case KMS_PDU_FAULT:
        return read_fault(call, rd);
    case KMS_PDU_RESPONSE:
        return read_response(call, &header, rd);
    default:
        return finish(call, KMS_OUTCOME_RPC_PROTOCOL, "a PDU of type %u, not a response",
                      (unsigned)header.type);
    }
}
