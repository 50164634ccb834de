/* The bind to the KMS interface: its bytes, and what the answer to it says. No I/O. */
#ifndef KMS_RPC_BIND_H
#define KMS_RPC_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/pdu.h"
#include "vocab/vocab.h"

/* One transfer syntax, as context 0: no alter_context is needed. NDR32 is what every host takes;
 * NDR64 is offered to see whether the host takes it. */
#define KMS_RPC_BIND_SIZE 72

/* The whole PDU; the same bytes every time. */
void kms_rpc_bind_write(enum kms_ndr offered, uint8_t ret[KMS_RPC_BIND_SIZE]);

struct kms_rpc_answer {
    /* OK, RPC_NOT_KMS, RPC_BIND_NAK, RPC_NOT_RPC */
    enum kms_outcome outcome;
    char detail[120];     /* "" for OK */
    uint32_t association; /* OK: the association group */
    bool syntax_refused;  /* RPC_NOT_KMS: the interface is there, the syntax offered is not */
};

/* Judges one whole PDU (len is the frag_length of its header) as the answer to the bind that
 * offered this syntax. Whatever the bytes are, the answer is one of the outcomes above. */
struct kms_rpc_answer kms_rpc_bind_read(enum kms_ndr offered, const uint8_t *bytes, size_t len);

#endif
