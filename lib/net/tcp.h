/* A TCP client on the loop: connects to the first of several addresses that answers, then exchanges
 * bytes. */
#ifndef KMS_NET_TCP_H
#define KMS_NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "net/address.h"

#define KMS_TCP_ADDRESSES_MAX 16  /* more are not tried */
#define KMS_TCP_STAGGER_MS    250 /* RFC 8305 5: a silent address holds up the next one this long */
#define KMS_TCP_PIECE_MAX     4096 /* bytes that one call of received brings at most */

struct kms_tcp;

/* Called on the loop's thread, never from inside kms_tcp_connect or kms_tcp_send. Each may free the
 * connection. */
struct kms_tcp_calls {
    void (*connected)(void *arg);
    void (*received)(void *arg, const uint8_t *bytes, size_t len);
    /* The end, once: 0 when the peer closed after it was connected, else an errno; of several
     * addresses that failed the one that tells most. */
    void (*ended)(void *arg, int error);
};

/* Tries the addresses in their order, families taking turns; the next one starts when the one
 * before failed or was silent for KMS_TCP_STAGGER_MS. No deadline: the caller has one. count is at
 * least 1. NULL: out of memory. */
struct kms_tcp *kms_tcp_connect(struct kms_loop *loop, const struct kms_address *address,
                                size_t count, const struct kms_tcp_calls *calls, void *arg);
/* Closes with FIN, not with a reset, unless the peer sends on and on. */
void kms_tcp_free(struct kms_tcp *tcp);

/* After connected, one message at a time; the bytes must live until they are answered or the
 * connection is freed. What fails shows as ended. */
void kms_tcp_send(struct kms_tcp *tcp, const void *bytes, size_t len);

/* NULL before connected. */
const struct kms_address *kms_tcp_peer(const struct kms_tcp *tcp);
/* What became of every address tried: "192.0.2.1: Connection refused; 2001:db8::1: no answer". */
void kms_tcp_story(const struct kms_tcp *tcp, char *dst, size_t size);

#endif
