/* A list of texts that owns them: domain names, listen addresses. */
#ifndef KMS_BASE_TEXTS_H
#define KMS_BASE_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* {0} is an empty list. */
struct kms_texts {
    char **text; /* heap, each one and the array */
    size_t count;
};

/* Appends a copy. KMS_ENOMEM leaves the list as it was. */
enum kms_status kms_texts_add(struct kms_texts *texts, const char *text);
enum kms_status kms_texts_copy(struct kms_texts *ret, const struct kms_texts *from);
/* Frees the texts and empties the list. */
void kms_texts_done(struct kms_texts *texts);
/* Without regard to ASCII case. */
bool kms_texts_has(const struct kms_texts *texts, const char *text);

#endif
