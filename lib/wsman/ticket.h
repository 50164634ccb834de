/* Kerberos tickets of one connection, in memory: got with a password, a keytab or a ccache. Inside
 * of gss.h; its .c is the only file that knows libkrb5, whose codes say more than those of GSS-API.
 */
#ifndef KMS_WSMAN_TICKET_H
#define KMS_WSMAN_TICKET_H

#include <stdbool.h>

#include "vocab/vocab.h"

struct kms_tickets;

/* One of password, keytab and ccache; the others are NULL. */
struct kms_tickets_config {
    const char *user;     /* user@REALM, or user of the default realm; NULL: whom the file names */
    const char *password; /* not kept */
    const char *keytab;   /* paths; base/secret.h */
    const char *ccache;   /* or TYPE:NAME, which is not looked into */
    const char *service;  /* the ticket is for service/host */
    const char *host;
};

struct kms_tickets_end {
    enum kms_outcome outcome; /* OK, WSMAN_NO_CREDENTIALS, WSMAN_KERBEROS, WSMAN_REFUSED,
                                NO_MEMORY */
    bool refused;             /* the KDC refused this user: no other method should try again */
    bool locks;               /* a few more refusals like this one may lock the account */
    char detail[200];
};

/* The user's ticket and the one for the service, or NULL and why. Blocks, on any thread, for half a
 * minute when a KDC is silent. Nothing is written to a file. */
struct kms_tickets *kms_tickets_get(const struct kms_tickets_config *config,
                                    struct kms_tickets_end *ret);
/* Overwrites and frees them; NULL is fine. */
void kms_tickets_free(struct kms_tickets *tickets);
/* The ccache that holds them, as a credential store names it. */
const char *kms_tickets_name(const struct kms_tickets *tickets);

#endif
