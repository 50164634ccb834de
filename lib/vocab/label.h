/* The labels that slmgr prints, by language; compiled in from data/slmgr-labels.csv. */
#ifndef KMS_VOCAB_LABEL_H
#define KMS_VOCAB_LABEL_H

#include <stddef.h>

struct kms_label {
    const char *key;  /* "L_MsgKmsCurrentCount" */
    const char *lang; /* "de" */
    const char *text; /* as listed, with %PLACEHOLDERS% */
};

const struct kms_label *kms_labels(size_t *ret_count);

#endif
