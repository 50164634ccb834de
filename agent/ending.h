/* The end of the daemon: at a signal what is under way may come to its end for a moment; at a
 * second one it may not. */
#ifndef KMS_AGENT_ENDING_H
#define KMS_AGENT_ENDING_H

#include <stdint.h>

#include "base/log.h"
#include "base/loop.h"

/* A master that hangs holds the end no longer. */
#define KMS_ENDING_WAIT_MS 2000

struct kms_ending;

struct kms_ending_config {
    struct kms_loop *loop;
    const struct kms_log *log;
    int64_t wait_ms; /* of the machine's time, however fast the loop's goes */
    /* The first SIGTERM or SIGINT came: nothing new is to be begun from now on. When nothing is
     * under way any more kms_ending_ready is called, from inside or later. */
    void (*leave)(void *arg);
    void *arg;
};

/* Hears the signals from now on, and stops the loop: when all is ready, when wait_ms are over, or
 * at the second signal. NULL: out of memory. */
struct kms_ending *kms_ending_new(const struct kms_ending_config *config);
void kms_ending_ready(struct kms_ending *ending);
/* The loop has ended, or was never run: signals are heard still and do nothing, so that what leave
 * needs may go. NULL is fine, here and below. */
void kms_ending_over(struct kms_ending *ending);
void kms_ending_free(struct kms_ending *ending);

#endif
