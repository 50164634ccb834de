/* One call of the only operation of the KMS interface: the request PDU, and the response or the
 * fault put together from its fragments. No I/O. */
#ifndef KMS_RPC_CALL_H
#define KMS_RPC_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/ask.h"
#include "rpc/pdu.h"
#include "rpc/reply.h"
#include "vocab/vocab.h"

#define KMS_CALL_MAX       (KMS_ASK_MAX + 40) /* NDR64 puts 40 bytes in front, NDR32 32 */
#define KMS_CALL_STUB_MAX  1024               /* of all fragments together */
#define KMS_CALL_FRAGS_MAX 16

/* The whole PDU around a message; its length. */
size_t kms_call_write(enum kms_ndr ndr, uint16_t context_id, uint32_t call_id,
                      const uint8_t *message, size_t len, uint8_t ret[KMS_CALL_MAX]);

enum kms_call_step {
    KMS_CALL_MORE, /* another fragment must come */
    KMS_CALL_DONE  /* outcome says what came of it */
};

struct kms_call {
    enum kms_ndr ndr;
    uint32_t call_id;
    uint8_t stub[KMS_CALL_STUB_MAX];
    size_t stub_len;
    unsigned frags;
    bool little;
    /* Set when done. OK: message and hresult 0. ACTIVATION_REFUSED: hresult. RPC_FAULT: fault.
     * RPC_PROTOCOL: neither; detail names the place. */
    enum kms_outcome outcome;
    char detail[160];
    uint32_t hresult;
    uint32_t fault;
    const uint8_t *message; /* into stub */
    size_t message_len;
};

void kms_call_init(struct kms_call *call, enum kms_ndr ndr, uint32_t call_id);
/* Takes one whole PDU: len is the frag_length of its header. */
enum kms_call_step kms_call_read(struct kms_call *call, const uint8_t *bytes, size_t len);

#endif
