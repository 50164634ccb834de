/* The answer to an activation request: decoded, and every check of it named. */
#ifndef KMS_RPC_REPLY_H
#define KMS_RPC_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/ask.h"
#include "vocab/vocab.h"

#define KMS_REPLY_MAX 512 /* bytes of a message; the longest that may be is 292 */
#define KMS_EPID_MAX  64  /* characters and the end */
#define KMS_HWID_SIZE 8

struct kms_reply {
    /* OK: every check held. REPLY_...: the first that did not, by name. */
    enum kms_outcome outcome;
    char detail[160];        /* what was found and what was expected; "" for OK */
    char epid[KMS_EPID_MAX]; /* printable ASCII; everything else became '?' */
    bool epid_clean;         /* nothing had to be replaced */
    uint32_t count;          /* clients of that application, this request included */
    uint32_t activation_minutes, renewal_minutes;
    bool has_hwid; /* version 6 */
    uint8_t hwid[KMS_HWID_SIZE];
    bool iv_reused; /* version 6: the IV of the request came back, which no genuine host does */
};

/* Judges the message of a response against the request that it answers. Whatever the bytes are, the
 * fields behind outcome are filled only when it is OK. */
struct kms_reply kms_reply_read(const uint8_t *bytes, size_t len, const struct kms_ask *ask);

#endif
