/* What an HTTP answer of a WinRM listener means, whatever was asked: specification wsman 2.1, 3.1.
 */
#ifndef KMS_WSMAN_REPLY_H
#define KMS_WSMAN_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/http_session.h"
#include "vocab/vocab.h"
#include "wsman/stage.h"

/* How a login or a message ended. */
struct kms_connection_end {
    enum kms_outcome outcome; /* OK, or WSMAN_* of transport and authentication, NO_MEMORY */
    enum kms_talk_stage stage;
    /* The connection that was authenticated is gone, and this message was not answered: open it
     * again and ask again. The outcome says what it was if that does not help. */
    bool lost;
    long status;      /* of HTTP; 0: none */
    bool has_message; /* the body is SOAP, and went to the sink */
    int64_t date_s;   /* header Date; 0: not said */
    char content_type[160];
    char detail[200]; /* cleaned, no secrets */
};
typedef void kms_connection_done_fn(void *arg, const struct kms_connection_end *end);

/* Of an answer that is no message: never OK. */
enum kms_outcome kms_reply_outcome(const struct kms_http_reply *reply,
                                   enum kms_talk_stage *ret_stage);
/* Status, date, type and detail of ret. */
void kms_reply_describe(const struct kms_http_reply *reply, struct kms_connection_end *ret);

/* What stands behind the scheme's word in the WWW-Authenticate headers; NULL: it is not offered. */
const char *kms_reply_challenge(const struct kms_http_reply *reply, const char *scheme);
/* "the host offers Negotiate, Basic". */
void kms_reply_offered(const struct kms_http_reply *reply, char *dst, size_t size);

#endif
