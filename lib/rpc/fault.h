/* What the status of a fault PDU says. */
#ifndef KMS_RPC_FAULT_H
#define KMS_RPC_FAULT_H

#include <stdint.h>

/* nca_s_unk_if, [C706] appendix E */
#define KMS_FAULT_UNKNOWN_INTERFACE UINT32_C(0x1C010003)

/* "unknown interface"; NULL when the status has no text here. */
const char *kms_fault_status_text(uint32_t status);

#endif
