/* Where a host's WinRM listener is: from the configured url, or from the host's names. */
#ifndef KMS_WSMAN_URL_H
#define KMS_WSMAN_URL_H

#include <stdbool.h>

#include "base/status.h"

/* Ports of the listeners that "winrm quickconfig" makes (specification wsman 2.1). */
#define KMS_WSMAN_PORT_TLS   5986
#define KMS_WSMAN_PORT_PLAIN 5985

struct kms_wsman_url {
    char *url;     /* complete: https://kms01.example.test:5986/wsman */
    char *host;    /* of the url, without brackets: what certificate and principal are for */
    char *address; /* connected to instead; NULL: the host */
    bool tls;
};

/* url NULL: https://NAME:5986/wsman, connected to at address when that is another. A url without a
 * port gets the scheme's, one without a path gets /wsman. KMS_EINVAL: the fault says what is wrong
 * and what is allowed; user and password in it are refused. */
enum kms_status kms_wsman_url_make(const char *url, const char *name, const char *address,
                                   struct kms_wsman_url *ret, struct kms_fault *fault);
void kms_wsman_url_done(struct kms_wsman_url *url);

#endif
