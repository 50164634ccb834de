/* One authenticated connection to a WinRM listener, on the loop: who we are, channel binding, and
 * messages sealed where the transport is plain HTTP. Knows nothing of what the messages say.
 *
 * RFC 4559 as WinRM speaks it (specification wsman 3.1, 3.3, 3.4). What may wait for a KDC or a
 * disk runs on the threads of env->logins.
 */
#ifndef KMS_WSMAN_CONNECTION_H
#define KMS_WSMAN_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "probe/probe.h"
#include "wsman/reply.h"
#include "wsman/url.h"

struct kms_connection;

/* Bytes of a SOAP body, opened, in pieces. */
typedef void kms_connection_sink_fn(void *arg, const void *bytes, size_t len);

/* url and config must outlive it. NULL: out of memory. Nothing is sent yet. */
struct kms_connection *kms_connection_new(struct kms_env *env, const struct kms_wsman_url *url,
                                          const struct kms_source_config *config);
/* Ends what is under way without a call back, never waits. NULL is fine. Not from inside done or
 * sink. */
void kms_connection_free(struct kms_connection *connection);

/* Authenticates. KMS_ENOMEM: not started. done is called once, never from inside. One call of open
 * or ask at a time. */
enum kms_status kms_connection_open(struct kms_connection *connection, int64_t deadline_us,
                                    kms_connection_done_fn *done, void *arg);
bool kms_connection_is_open(const struct kms_connection *connection);
/* "Kerberos", "NTLM", "Basic", "certificate"; "" before it is open. */
const char *kms_connection_mechanism(const struct kms_connection *connection);

struct kms_connection_ask {
    const void *message;
    size_t len;
    bool anonymous; /* without authentication (WSMANIDENTIFY); no need to be open */
    size_t size_max;
    int64_t deadline_us;
    kms_connection_sink_fn *sink;
    kms_connection_done_fn *done;
    void *arg;
};
/* Sends one message; the message is copied. */
enum kms_status kms_connection_ask(struct kms_connection *connection,
                                   const struct kms_connection_ask *ask);

#endif
