/* Ownership of the texts of a credentials block. */
#include "model/credentials.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/text.h"

void kms_credentials_done(struct kms_credentials *credentials)
{
    if (!credentials) {
        return;
    }
    free(credentials->name);
    free(credentials->user);
    free(credentials->password_file);
    free(credentials->keytab);
    free(credentials->ccache);
    free(credentials->certificate);
    free(credentials->key);
    *credentials = (struct kms_credentials){0};
}

/* True when there was nothing to copy, or the copy succeeded. */
static bool copy_text(char **ret, const char *from)
{
    *ret = kms_text_dup(from);
    return *ret || !from;
}

enum kms_status kms_credentials_copy(struct kms_credentials *ret,
                                     const struct kms_credentials *from)
{
    struct kms_credentials copy = {.auth = from->auth};
    bool whole = copy_text(&copy.name, from->name);
    whole = copy_text(&copy.user, from->user) && whole;
    whole = copy_text(&copy.password_file, from->password_file) && whole;
    whole = copy_text(&copy.keytab, from->keytab) && whole;
    whole = copy_text(&copy.ccache, from->ccache) && whole;
    whole = copy_text(&copy.certificate, from->certificate) && whole;
    whole = copy_text(&copy.key, from->key) && whole;
    if (!whole) {
        kms_credentials_done(&copy);
        return KMS_ENOMEM;
    }
    *ret = copy;
    return KMS_OK;
}
