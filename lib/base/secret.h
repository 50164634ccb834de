/* Secrets in files that only their owner may read. */
#ifndef KMS_BASE_SECRET_H
#define KMS_BASE_SECRET_H

#include <stddef.h>

#include "base/status.h"

#define KMS_SECRET_SIZE       256 /* of the longest one, with its end */
#define KMS_SECRET_PHRASE_MIN 8   /* RFC 3414, 11.2 */

/* The first line of a regular file, without the line's end; least is its length in bytes. The fault
 * says what is wrong with the file, without its name: "is readable by others; chmod 600". */
enum kms_status kms_secret_read(const char *path, size_t least, char ret[KMS_SECRET_SIZE],
                                struct kms_fault *fault);
/* Overwrites it in a way that no compiler leaves out. */
void kms_secret_forget(char secret[KMS_SECRET_SIZE]);

#endif
