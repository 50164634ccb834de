/* What a WS-Management fault means: outcome and advice, by its codes and never by its text, which
 * is in the host's language. Specification wsman 2.6. */
#ifndef KMS_WSMAN_FAULT_H
#define KMS_WSMAN_FAULT_H

#include <stddef.h>

#include "vocab/vocab.h"
#include "wsman/soap.h"

enum kms_wsman_reaction {
    KMS_WSMAN_GIVE_UP,
    KMS_WSMAN_TRY_OLDER,   /* a column or class that this version of Windows lacks: the next tier */
    KMS_WSMAN_START_AGAIN, /* the enumeration's context expired: once from the beginning */
    KMS_WSMAN_TRY_AGAIN,   /* once, a moment later: the provider was restarted, or too slow */
    KMS_WSMAN_BACK_OFF     /* a quota: wait longer, by doubling */
};

struct kms_wsman_verdict {
    enum kms_outcome outcome;
    enum kms_wsman_reaction reaction;
    const char *advice; /* beyond the outcome's hint; "" */
};

struct kms_wsman_verdict kms_wsman_judge_fault(const struct kms_soap_fault *fault);
/* "0x8033801A (CannotProcessFilter), provider 0x80041010: The WS-Management ..." */
void kms_wsman_fault_text(const struct kms_soap_fault *fault, char *dst, size_t size);

#endif
