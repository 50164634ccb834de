/* Random bytes of the machine. Alone in its file, so that a test can put a recording in its place
 * when it is linked. */
#ifndef KMS_BASE_ENTROPY_H
#define KMS_BASE_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>

/* Fills bytes; false when the machine gives none: then nothing of bytes may be used. */
bool kms_entropy(void *bytes, size_t len);

#endif
