/* The bind to the KMS interface: its bytes, and what the answer to it says. No I/O. */
#ifndef KMS_RPC_BIND_H
#define KMS_RPC_BIND_H

#include <stddef.h>
#include <stdint.h>

#include "rpc/pdu.h"
#include "vocab/vocab.h"

/* NDR32 only, as context 0: every host takes it, and no alter_context is needed. */
#define KMS_RPC_BIND_SIZE 72

/* The whole PDU; the same bytes every time. */
void kms_rpc_bind_write(uint8_t ret[KMS_RPC_BIND_SIZE]);

struct kms_rpc_answer {
    /* OK, RPC_NOT_KMS, RPC_BIND_NAK, RPC_NOT_RPC */
    enum kms_outcome outcome;
    char detail[120];     /* "" for OK */
    uint32_t association; /* OK: the association group */
};

/* Judges one whole PDU (len is the frag_length of its header) as the answer to the bind. Whatever
 * the bytes are, the answer is one of the outcomes above. */
struct kms_rpc_answer kms_rpc_bind_read(const uint8_t *bytes, size_t len);

#endif
