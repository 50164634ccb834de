/* Secrets in files that only their owner may read.
 *
 * A value with a slash in it is a path. One without is the name of a systemd credential
 * (LoadCredential=, SetCredential= of the unit): the file of that name in $CREDENTIALS_DIRECTORY.
 * systemd gives it to the user of the unit with an ACL, which shows as a group that may read; that
 * is allowed there and nowhere else. The functions may block and may run on any thread. */
#ifndef KMS_BASE_SECRET_H
#define KMS_BASE_SECRET_H

#include <stddef.h>

#include "base/status.h"

#define KMS_SECRET_SIZE       256  /* of the longest one, with its end */
#define KMS_SECRET_PATH_SIZE  1024 /* of the longest path, with its end */
#define KMS_SECRET_PHRASE_MIN 8    /* RFC 3414, 11.2 */

/* The first line of a regular file, without the line's end; least is its length in bytes. The fault
 * says what is wrong with the file, without its name: "is readable by others; chmod 600". */
enum kms_status kms_secret_read(const char *file, size_t least, char ret[KMS_SECRET_SIZE],
                                struct kms_fault *fault);
/* Overwrites it in a way that no compiler leaves out. */
void kms_secret_forget(char secret[KMS_SECRET_SIZE]);

/* The path of a file that a library will read (a key, a keytab), which passed the same checks: it
 * is there, regular, readable for us and closed to others. */
enum kms_status kms_secret_path(const char *file, char ret[KMS_SECRET_PATH_SIZE],
                                struct kms_fault *fault);

#endif
