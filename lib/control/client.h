/* Asks the daemon of this machine over its control socket: a request, then lines. Waits, within a
 * limit; for programs that have nothing else to do. */
#ifndef KMS_CONTROL_CLIENT_H
#define KMS_CONTROL_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"

#define KMS_CONTROL_ANSWER_MAX ((size_t)2 << 20) /* a longer line is no answer */

struct kms_control_client {
    int fd; /* -1: not connected */
    struct kms_clock clock;
    char path[108];    /* where it is connected to */
    struct kms_buf in; /* what was received */
    size_t at;         /* of in: behind the line that was given last */
};

/* Connects to the socket at path, or, with NULL, to the first of the usual places that one listens
 * at. The fault says what to do, and what is wrong with each place. KMS_ENOTFOUND: nobody
 * listens; KMS_EBUSY: wait_ms went by; KMS_EIO: this user may not connect, or something else. */
enum kms_status kms_control_connect(const char *path, int64_t wait_ms,
                                    struct kms_control_client *ret, struct kms_fault *fault);
void kms_control_hang_up(struct kms_control_client *client);

/* Sends one line; its end is added. */
enum kms_status kms_control_ask(struct kms_control_client *client, const char *request,
                                int64_t wait_ms, struct kms_fault *fault);
/* The next line of the answer, without its end and followed by a zero byte; valid until the next
 * call. KMS_ENOTFOUND: the daemon closed the connection; KMS_EBUSY: wait_ms went by; KMS_ETOOBIG,
 * KMS_EIO, KMS_ENOMEM. */
enum kms_status kms_control_line(struct kms_control_client *client, int64_t wait_ms,
                                 const char **ret_line, size_t *ret_len, struct kms_fault *fault);

#endif
