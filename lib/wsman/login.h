/* Who we are, to one connection: SPNEGO tokens bound to it, or a header of every request.
 *
 * RFC 4559 as WinRM speaks it, RFC 5929 channel binding (specification wsman 3.1, 3.3). What may
 * wait for a KDC or a disk runs on the threads of env->logins.
 */
#ifndef KMS_WSMAN_LOGIN_H
#define KMS_WSMAN_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/probe.h"
#include "wsman/gss.h"
#include "wsman/reply.h"
#include "wsman/url.h"

struct kms_login;

/* All of them must outlive it. NULL: out of memory. */
struct kms_login *kms_login_new(struct kms_env *env, const struct kms_wsman_url *url,
                                const struct kms_source_config *config,
                                struct kms_http_session *session);
/* Ends what is under way without a call back; a job that hangs goes on alone. NULL is fine. */
void kms_login_free(struct kms_login *login);

/* Begins anew, whatever stood before. KMS_ENOMEM: not started. done is called once, never from
 * inside. */
enum kms_status kms_login_start(struct kms_login *login, int64_t deadline_us,
                                kms_connection_done_fn *done, void *arg);
bool kms_login_stands(const struct kms_login *login);
/* The connection is gone, or nobody is believed on it any more. */
void kms_login_forget(struct kms_login *login);

/* "Kerberos", "NTLM", "Basic", "certificate"; "" while it does not stand. */
const char *kms_login_mechanism(const struct kms_login *login);
/* Value of Authorization in every request; NULL: the connection itself is authenticated. */
const char *kms_login_header(const struct kms_login *login);
/* The context that seals messages; NULL: none. */
struct kms_gss *kms_login_gss(const struct kms_login *login);

#endif
