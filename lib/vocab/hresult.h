/* Error codes of Windows licensing, with their meaning and a severity; compiled in from
 * data/hresults.csv. */
#ifndef KMS_VOCAB_HRESULT_H
#define KMS_VOCAB_HRESULT_H

#include <stddef.h>
#include <stdint.h>

/* Holds the text of every listed code. */
#define KMS_HRESULT_TEXT 192

struct kms_hresult {
    uint32_t code;
    const char *symbol; /* "SL_E_VL_INVALID_TIMESTAMP" */
    const char *meaning;
};

const struct kms_hresult *kms_hresult_rows(size_t *ret_count);
/* NULL for a code that is not listed. */
const struct kms_hresult *kms_hresult_find(uint32_t code);
/* "0xC004F06C SL_E_VL_INVALID_TIMESTAMP: meaning"; for an unlisted code the number and its
 * facility. */
void kms_hresult_text(uint32_t code, char *dst, size_t size);

#endif
