/* A GSS-API security context of one connection: SPNEGO with Kerberos or NTLM, channel binding and
 * message protection. gss.c is the only file that knows gssapi; tickets come from ticket.h.
 *
 * RFC 2743, RFC 4178 (SPNEGO), RFC 4559 (HTTP Negotiate), RFC 5929 (tls-server-end-point);
 * specification wsman 3.3, 3.4. Functions marked "blocks" may talk to a KDC, DNS and files and
 * belong on a worker thread; one call at a time per context, from any thread, and any number of
 * contexts at once. Neither the environment nor a global is changed; krb5.conf decides about KDCs
 * and about names (dns_canonicalize_hostname, rdns). NTLM_USER_FILE is not looked at.
 *
 * A step can hold its thread as long as MIT's library waits for a silent KDC: 27 s for one address
 * were seen, UDP or TCP, and more for several. It cannot be called back: whoever no longer wants it
 * leaves the context to the job, which frees it when the step returns. The context has copies of
 * everything, so that is safe.
 */
#ifndef KMS_WSMAN_GSS_H
#define KMS_WSMAN_GSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "model/credentials.h"
#include "vocab/vocab.h"

struct kms_gss;

struct kms_gss_config {
    const struct kms_credentials *credentials; /* copied */
    const char *service;                       /* NULL: "HTTP" */
    const char *host;                          /* fully qualified name, as the url has it */
    bool seal;                                 /* messages will be encrypted: plain http */
};

/* NULL: out of memory. Copies all texts of config. */
struct kms_gss *kms_gss_new(const struct kms_gss_config *config);
void kms_gss_free(struct kms_gss *gss); /* wipes what is secret */

/* tls-server-end-point of this server certificate (RFC 5929 4.1), before the first step.
 * KMS_EINVAL: not a certificate. */
enum kms_status kms_gss_bind_certificate(struct kms_gss *gss, const uint8_t *der, size_t len);

struct kms_gss_step {
    enum kms_outcome outcome; /* OK, or WSMAN_NO_CREDENTIALS, WSMAN_KERBEROS, WSMAN_REFUSED,
                                 WSMAN_NTLM, WSMAN_AUTH_BROKEN, NO_MEMORY */
    bool complete;            /* the context stands */
    bool locks;       /* WSMAN_REFUSED: a few more of it may lock the account, by any host */
    char detail[200]; /* what the mechanism said, with the likeliest cause; no secret */
};
/* One step with the server's token (len 0: the first one); out is cleared and gets ours, empty when
 * none is to be sent. Blocks, the first one above all: it reads the files of the credentials, and
 * the password is overwritten before it returns. After an outcome that is not OK the context is
 * spent. */
void kms_gss_step(struct kms_gss *gss, const void *token, size_t len, struct kms_buf *out,
                  struct kms_gss_step *ret);

/* "Kerberos", "NTLM"; "" before the context stands. */
const char *kms_gss_mechanism(const struct kms_gss *gss);
/* Why KMS_AUTH_NEGOTIATE took NTLM although Kerberos was tried first; "" otherwise. Worth saying
 * when the host then refuses NTLM. */
const char *kms_gss_passed_over(const struct kms_gss *gss);

/* Message protection of a context that stands and was made with seal. Results are cleared first.
 * sealed is as long as plain and the mechanism's padding: what kms_sealed_write takes as plain_len.
 * KMS_EIO: the mechanism refused, or the message was altered, replayed, out of order or not
 * encrypted; KMS_ETOOBIG: larger than the result may be. Nothing may be sent on this connection any
 * more after either. */
enum kms_status kms_gss_wrap(struct kms_gss *gss, const void *plain, size_t len,
                             struct kms_buf *ret_header, struct kms_buf *ret_sealed,
                             struct kms_fault *fault);
enum kms_status kms_gss_unwrap(struct kms_gss *gss, const void *token, size_t len,
                               struct kms_buf *ret_plain, struct kms_fault *fault);

#endif
