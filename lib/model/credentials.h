/* A `credentials` block: who the monitor is to a host that asks. Plain data without a secret in it:
 * secrets stay in files and are read when they are used. */
#ifndef KMS_MODEL_CREDENTIALS_H
#define KMS_MODEL_CREDENTIALS_H

#include <stdint.h>

#include "base/status.h"

enum kms_auth {
    KMS_AUTH_NEGOTIATE, /* Kerberos, and NTLM when no ticket is to be had: the preset */
    KMS_AUTH_KERBEROS,
    KMS_AUTH_NTLM,
    KMS_AUTH_BASIC, /* over TLS only: local accounts of the host */
    KMS_AUTH_CERTIFICATE
};

/* Files are paths; a name without a slash is a systemd credential: a file of that name in
 * $CREDENTIALS_DIRECTORY. All of them must be closed to others (base/secret.h). */
struct kms_credentials {
    char *name;   /* as the site calls it */
    int64_t auth; /* enum kms_auth */
    char *user;   /* user@REALM for Kerberos, DOMAIN\user for NTLM, user for Basic; NULL: what
                     keytab or ccache hold */
    char *password_file; /* first line */
    char *keytab;        /* Kerberos, instead of a password */
    char *ccache;        /* Kerberos, tickets that somebody else renews */
    char *certificate;   /* PEM, for KMS_AUTH_CERTIFICATE */
    char *key;           /* PEM; NULL: in the certificate's file */
};

void kms_credentials_done(struct kms_credentials *credentials);
enum kms_status kms_credentials_copy(struct kms_credentials *ret,
                                     const struct kms_credentials *from);

#endif
