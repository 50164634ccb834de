/* The files that a pattern with wildcards means, found without passing over what cannot be looked
 * at. */
#ifndef KMS_BASE_WILDCARD_H
#define KMS_BASE_WILDCARD_H

#include "base/status.h"
#include "base/texts.h"

/* Sorted by their bytes. * ? and [ ] stand for a part of a name, without a dot at its beginning; a
 * backslash makes the character behind it stand for itself. No match is an empty list, and so is a
 * folder that is not there. KMS_EIO: a folder cannot be read, and the fault names it with the
 * reason; glob(3) would take it for an empty one. Blocks as file systems do. */
enum kms_status kms_wildcard_find(const char *pattern, struct kms_texts *ret,
                                  struct kms_fault *fault);

#endif
