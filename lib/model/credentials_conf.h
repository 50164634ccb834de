/* A `credentials` block in the syntax of the configuration: of the site's file, or of a file of its
 * own that a check is given. */
#ifndef KMS_MODEL_CREDENTIALS_CONF_H
#define KMS_MODEL_CREDENTIALS_CONF_H

#include "base/bind.h"
#include "base/bytes.h"
#include "model/credentials.h"

#define KMS_CREDENTIALS_USAGE "credentials \"NAME\" { ... }"

/* The keys of the block, of section "credentials" and relative to struct kms_credentials. */
const struct kms_bind *kms_credentials_bind(void);

/* Reads the block and looks at its files: they must be there, readable and closed to others.
 * Nothing of what they hold is kept. Not looked at are systemd credentials while there is no
 * $CREDENTIALS_DIRECTORY, and a ccache that is not there yet. ret is written also when there are
 * errors; the caller owns it. */
void kms_credentials_read(const struct kms_conf_node *block, struct kms_credentials *ret,
                          struct kms_conf_errors *errors);

/* The only block of a file, which must be closed to others too; a name without a slash is a file of
 * the current folder, as on every command line. On failure errors holds what is wrong, a line each,
 * and ret is not written. */
enum kms_status kms_credentials_load(const char *path, struct kms_credentials *ret,
                                     struct kms_buf *errors);

#endif
