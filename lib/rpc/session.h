/* An open connection to the KMS port with its interface bound: looks the name up, connects, binds,
 * then carries the PDUs of one call. */
#ifndef KMS_RPC_SESSION_H
#define KMS_RPC_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/probe.h"
#include "rpc/pdu.h"
#include "vocab/vocab.h"

#define KMS_SESSION_DETAIL 200

/* Called on the loop's thread, never from inside kms_session_open or kms_session_send. Each may
 * free the session. */
struct kms_session_calls {
    /* The bind was accepted. The callback sends the call or frees the session. */
    void (*bound)(void *arg);
    /* One whole PDU behind the bind's answer; may be NULL where nothing is sent. */
    void (*pdu)(void *arg, const uint8_t *bytes, size_t len);
    /* The end before its time: outcome RPC_...; detail is "192.0.2.1:1688: what happened". The
     * callback frees the session. */
    void (*failed)(void *arg, enum kms_outcome outcome, const char *detail);
};

struct kms_address;
struct kms_session;

/* The port and the timeout of the lookup are those of source, else the target's. Keeps no deadline.
 * The target must live as long as the session. NULL: out of memory. */
struct kms_session *kms_session_open(struct kms_env *env, const struct kms_target *target,
                                     enum kms_source source, const struct kms_session_calls *calls,
                                     void *arg);
/* The same, but to this address, and with a bind that offers ndr. */
struct kms_session *kms_session_open_at(struct kms_env *env, const struct kms_address *address,
                                        enum kms_ndr ndr, const struct kms_session_calls *calls,
                                        void *arg);
/* NULL is fine. */
void kms_session_free(struct kms_session *session);

/* Once, after bound; the bytes must live until the session is freed. */
void kms_session_send(struct kms_session *session, const void *bytes, size_t len);

/* Moments of the monotonic clock; 0: not yet. */
struct kms_session_times {
    int64_t start_us; /* of the connect: the name was known */
    int64_t connected_us;
    int64_t answered_us; /* the bind's answer, when it was DCE/RPC */
    int64_t sent_us;     /* the call */
};
const struct kms_session_times *kms_session_times(const struct kms_session *session);
/* The association group of the accepted bind; 0 before it. */
uint32_t kms_session_association(const struct kms_session *session);
/* Of a session that failed: the host has the interface, but not the syntax that was offered. */
bool kms_session_syntax_refused(const struct kms_session *session);
/* Of a session that failed: the host ended the connection, and not with a reset. */
bool kms_session_closed(const struct kms_session *session);
/* NULL before it is connected. */
const struct kms_address *kms_session_address(const struct kms_session *session);
/* "192.0.2.1:1688", "" before it is connected. */
void kms_session_peer(const struct kms_session *session, char *dst, size_t size);
/* What became of the addresses that were tried besides the one that answered; "" for nothing. */
void kms_session_story(const struct kms_session *session, char *dst, size_t size);
/* What a deadline that passes now means: the outcome, and how far it came. */
enum kms_outcome kms_session_late(const struct kms_session *session, char *dst, size_t size);
/* The port that a source of a target is asked at. */
uint16_t kms_session_port(const struct kms_target *target, enum kms_source source);

#endif
